// SPDX-License-Identifier: Apache-2.0
// TLS: versions, ALPN, names, certificates of clients, and certificates that change while
// connections go on.
import { appendFileSync, chmodSync, copyFileSync, existsSync } from 'node:fs';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, before, describe } from 'node:test';
import { assert, it, onePoint, scenario } from './lib/suite.mjs';
import { Authority, handshake } from './lib/certificates.mjs';
import { mosquittoPub, mosquittoSub, mqttConnect, mqttPub, mqttSub, wsOpen } from './lib/clients.mjs';
import { atTestEnd, Daemon, eventually, run, sleep, temporaryFolder } from './lib/daemon.mjs';
import { Rest } from './lib/rest.mjs';

const folder = temporaryFolder('thrum-tls-');
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name) => path.join(folder, name);
const ports = ['mqtts', 'https'];

const authority = await Authority.make(folder, 'authority');
const localhost = { names: ['DNS:localhost', 'IP:127.0.0.1'] };
const first = await authority.issue('first', localhost);
const second = await authority.issue('second', localhost);
const expiring = await authority.issue('expiring', { ...localhost, days: 5 });

/** Puts the files of <made> where thrumd looks for them, as a careful operator does. */
function install(made, pem, key, { only } = {}) {
    const wanted = [
        [made.keyFile, key, 'key'],
        [made.certFile, pem, 'pem'],
    ].filter(([, , what]) => !only || only === what);
    for (const [from, to] of wanted) {
        copyFileSync(from, `${to}.new`);
        chmodSync(`${to}.new`, 0o600);
    }
    for (const [, to] of wanted) renameSync(`${to}.new`, to);
}

const own = { 'tls.certificate': at('server.pem'), 'tls.key': at('server.key') };
const quick = { 'tls.reload_check': '100ms', 'server.threads': '3' };

/** The daemon as its clients see it, with the authority of these tests. */
function seenFrom(d, port = d.port.https) {
    return {
        key: d.key,
        ca: authority.pem,
        caFile: authority.certFile,
        port: d.port,
        url: { ...d.url, wss: `wss://localhost:${port}` },
    };
}

const shown = async (d, args) => (await handshake(d.port.mqtts, args)).common;
const errorsOf = (d) => d.stderr.split('\n').filter((line) => line.includes('level=error'));
/** All loops have it: a connection lands on any of them. */
const untilShown = (d, common) =>
    eventually(`new connections see ${common}`, async () => {
        const seen = await Promise.all(Array.from({ length: 16 }, () => shown(d)));
        return seen.every((one) => one === common);
    });
const untilError = (d, count, text) =>
    eventually(`error ${count} names ${text}`, () => {
        const errors = errorsOf(d);
        return errors.length === count && errors[count - 1].includes(text);
    });

/** Nothing of a private key may be in what the daemon has said. */
function assertNoKeys(d) {
    for (const made of [first, second, expiring]) {
        const lines = readFileSync(made.keyFile, 'utf8').split('\n');
        for (const line of lines.filter((text) => /^[\w+/=]{16,}$/.test(text)))
            assert.ok(!d.output().includes(line), `${made.common} is in the log`);
    }
}

install(first, at('server.pem'), at('server.key'));
scenario('any protocol on any TLS port', { set: { ...own, 'tls.ca': authority.certFile } }, (d) => {
    it('versions: 1.2 and 1.3 and nothing older', async () => {
        for (const name of ports) {
            const old = ['-cipher', 'ALL:@SECLEVEL=0'];
            for (const [args, wanted] of [
                [['-tls1_2'], 'TLSv1.2'],
                [['-tls1_3'], 'TLSv1.3'],
                [[], 'TLSv1.3'],
                [['-tls1_1', ...old], undefined],
                [['-tls1', ...old], undefined],
            ])
                assert.equal((await handshake(d.port[name], args)).version, wanted, `${name} ${args}`);
        }
    });

    it('ALPN: mqtt and http/1.1 are agreed on, anything else is ignored', async () => {
        for (const name of ports) {
            for (const [offered, wanted] of [
                ['mqtt', 'mqtt'],
                ['http/1.1', 'http/1.1'],
                ['h2,http/1.1', 'http/1.1'],
                ['h2,x-something', undefined],
            ]) {
                const seen = await handshake(d.port[name], ['-alpn', offered]);
                assert.equal(seen.alpn, wanted, `${name}: ${offered}`);
                assert.equal(seen.common, 'first', offered);
            }
        }
    });

    for (const name of ports) {
        it(`the ${name} port: mosquitto, npm mqtt, curl and npm ws, whatever they offer`, async () => {
            const port = d.port[name];
            const here = { ...seenFrom(d, port), port: { mqtts: port } };
            const { id } = await d.api.newThng();
            const topic = `/thngs/${id}/properties/a`;
            const byMosquitto = await mosquittoSub(here, topic, { tls: true });
            const byMqtt = await mqttSub(here, `mqtts://localhost:${port}`, topic);
            const overWs = await mqttSub(here, `wss://localhost:${port}/mqtt`, topic);
            const native = await wsOpen(here, topic, { tls: true, ALPNProtocols: ['http/1.1'] });
            const all = [byMosquitto, byMqtt, overWs, native];
            const curl = (value, ...args) =>
                run('curl', [
                    ...['-sS', '-f', '--cacert', here.caFile, ...args, '-X', 'PUT'],
                    ...['-H', `Authorization: ${d.key}`, '-H', 'Content-Type: application/json'],
                    ...['-d', `[{"value":${value}}]`, `https://localhost:${port}${topic}`],
                ]);
            const publishes = [
                (value) => mosquittoPub(here, topic, `[{"value":${value}}]`, { tls: true }),
                (value) =>
                    mosquittoPub(here, topic, `[{"value":${value}}]`, {
                        tls: true,
                        args: ['--tls-alpn', 'mqtt'],
                    }),
                // A hint, not a need: MQTT behind http/1.1, HTTP behind mqtt.
                ...[['mqtt'], ['http/1.1'], ['x-something']].map(
                    (ALPNProtocols) => (value) =>
                        mqttPub(here, `mqtts://localhost:${port}`, topic, `[{"value":${value}}]`, {
                            ALPNProtocols,
                        }),
                ),
                async (value) => assert.equal((await curl(value)).code, 0),
                async (value) => assert.equal((await curl(value, '--no-alpn')).code, 0),
                async (value) => assert.equal((await curl(value, '--tls-max', '1.2')).code, 0),
                (value) =>
                    new Promise((resolve, reject) => {
                        const body = `[{"value":${value}}]`;
                        const put = https.request(`https://localhost:${port}${topic}`, {
                            method: 'PUT',
                            ca: authority.pem,
                            ALPNProtocols: ['mqtt'],
                            agent: false,
                            headers: {
                                authorization: d.key,
                                'content-type': 'application/json',
                                'content-length': body.length,
                            },
                        });
                        put.on('error', reject).on('response', (answer) => {
                            answer.resume();
                            answer.on('end', resolve);
                        });
                        put.end(body);
                    }),
            ];
            for (let i = 0; i < publishes.length; i++) {
                await publishes[i](i);
                for (const subscriber of all)
                    assert.equal(onePoint((await subscriber.next()).payload).value, i);
            }
        });
    }

    it('GET /ca.pem gives the authority that is configured', async () => {
        const answer = await fetch(`${d.url.http}/ca.pem`);
        assert.equal(await answer.text(), authority.pem.toString());
        assert.ok(d.stdout.includes(authority.certFile));
        assert.ok(!existsSync(path.join(d.data, 'tls')));
    });
});

mkdirSync(at('names/certbot'), { recursive: true });
for (const [common, names, pem, key] of [
    ['one', ['DNS:one.example', 'DNS:Uno.example'], 'one.pem', 'one.key'],
    ['wild', ['DNS:*.wild.example'], 'wild.crt', 'wild.key'],
    ['bot', ['DNS:bot.example'], 'certbot/fullchain.pem', 'certbot/privkey.pem'],
])
    install(await authority.issue(common, { names }), at(`names/${pem}`), at(`names/${key}`));

scenario(
    'names (SNI)',
    { set: { ...own, ...quick, 'tls.certificates_folder': at('names') } },
    (d) => {
        it('each certificate is shown for its names, the default for all others', async () => {
            for (const port of ports) {
                for (const [name, wanted] of [
                    [undefined, 'first'],
                    ['localhost', 'first'],
                    ['nobody.example', 'first'],
                    ['one.example', 'one'],
                    ['ONE.EXAMPLE', 'one'],
                    ['uno.example', 'one'],
                    ['a.wild.example', 'wild'],
                    ['a.b.wild.example', 'first'],
                    ['wild.example', 'first'],
                    ['bot.example', 'bot'],
                ]) {
                    const args = name ? ['-servername', name] : [];
                    const seen = await handshake(d.port[port], args);
                    assert.equal(seen.common, wanted, `${port}: ${name}`);
                }
            }
        });

        it('clients that check the name get through by each name', async () => {
            for (const servername of ['localhost', 'one.example', 'x.wild.example'])
                await mqttConnect(seenFrom(d), d.url.mqtts, { servername }).then((client) =>
                    client.endAsync(),
                );
            const { code, stderr } = await run('curl', [
                ...['-sS', '-f', '--cacert', authority.certFile],
                ...['--resolve', `bot.example:${d.port.https}:127.0.0.1`],
                `https://bot.example:${d.port.https}/time`,
            ]);
            assert.equal(code, 0, stderr);
        });

        it('a certificate that is put into the folder is shown, one taken away is not', async () => {
            const made = await authority.issue('later', { names: ['DNS:later.example'] });
            const ask = () => shown(d, ['-servername', 'later.example']);
            assert.equal(await ask(), 'first');
            install(made, at('names/later.pem'), at('names/later.key'));
            await eventually('later is shown', async () => (await ask()) === 'later');
            rmSync(at('names/later.pem'));
            rmSync(at('names/later.key'));
            await eventually('later is gone', async () => (await ask()) === 'first');
        });

        it('without tls.ca there is no authority to give', async () => {
            assert.equal((await fetch(`${d.url.http}/ca.pem`)).status, 404);
        });
    },
);

scenario('certificates that change', { set: { ...own, ...quick } }, (d) => {
    const next = (made, options) => install(made, at('server.pem'), at('server.key'), options);

    it('connections go on through reloads, and new ones see the new certificate', async () => {
        const here = seenFrom(d);
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const subscribers = [
            await mqttSub(here, d.url.mqtts, topic),
            await mqttSub(here, `${here.url.wss}/mqtt`, topic),
            await wsOpen(here, topic, { tls: true }),
            await mosquittoSub(here, topic, { tls: true }),
        ];
        const publisher = await mqttConnect(here, d.url.mqtts);
        const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
        atTestEnd(() => agent.destroy());
        const api = new Rest(d.url.https, d.key, { ca: authority.pem, agent });
        const dropped = [];
        for (const client of [publisher, subscribers[0].client, subscribers[1].client])
            client.on('close', () => dropped.push('MQTT'));
        subscribers[2].closed.then(() => dropped.push('ws'));
        let sent = 0;
        const publish = async () => {
            await publisher.publishAsync(topic, `[{"value":${sent++}}]`, { qos: 1 });
            await api.must(200, 'PUT', topic, [{ value: sent++ }]);
        };
        await publish();
        const socketsBefore = Object.values(agent.freeSockets).flat();
        for (const made of [second, first, second, first]) {
            let isShown = false;
            next(made);
            const seen = untilShown(d, made.common).then(() => (isShown = true));
            while (!isShown) await publish(); // there is traffic while it happens
            await seen;
        }
        await publish();
        for (const subscriber of subscribers)
            for (let i = 0; i < sent; i++)
                assert.equal(onePoint((await subscriber.next()).payload).value, i);
        assert.deepEqual(dropped, []);
        assert.deepEqual(Object.values(agent.freeSockets).flat(), socketsBefore);
        /* Half of a pair may have been seen. */
        const errors = errorsOf(d).filter((line) => !line.includes('not the key of'));
        assert.deepEqual(errors, []);
        assert.match(d.stderr, /level=info scope=tls .*subject="?CN=second"? expires=20\d\d-/);
    });

    it('a pair that is replaced one half at a time is loaded when it is whole', async () => {
        const before = errorsOf(d).length;
        next(second, { only: 'pem' });
        await untilError(d, before + 1, at('server.key'));
        assert.equal(await shown(d), 'first');
        next(second, { only: 'key' });
        await untilShown(d, 'second');
        next(first, { only: 'key' });
        await untilError(d, before + 2, at('server.key'));
        next(first, { only: 'pem' });
        await untilShown(d, 'first');
    });

    it('what cannot be used changes nothing, and is told once', async () => {
        const before = errorsOf(d).length;
        appendFileSync(at('server.pem'), '-----BEGIN CERTIFICATE-----\nno\n');
        await untilError(d, before + 1, at('server.pem'));
        rmSync(at('server.key'));
        await untilError(d, before + 2, `${at('server.key')}: No such file`);
        await sleep(500); // several looks at the same
        assert.equal(errorsOf(d).length, before + 2);
        assert.equal(await shown(d), 'first');
        process.kill(d.pid, 'SIGHUP'); // whoever asks is answered
        await untilError(d, before + 3, at('server.key'));
        assert.equal(await shown(d), 'first');
        next(second);
        await untilShown(d, 'second');
    });

    it('warns of a certificate that ends soon, and of a key that others can read', async () => {
        next(expiring);
        await untilShown(d, 'expiring');
        assert.match(d.stderr, /level=warn scope=tls .*expires soon.*CN=expiring/);
        assert.doesNotMatch(d.stderr, /open to others/);
        chmodSync(at('server.key'), 0o644);
        await eventually('the warning', () => /level=warn .*open to others/.test(d.stderr));
        next(first);
        await untilShown(d, 'first');
    });

    it('a signal while nothing has changed is answered, too', async () => {
        const count = () => d.stderr.split('\n').filter((line) => / loaded/.test(line)).length;
        const before = count();
        process.kill(d.pid, 'SIGHUP');
        await eventually('one more line', () => count() === before + 1);
    });

    it('nothing of a key is in the log', () => assertNoKeys(d));
});

scenario('only on SIGHUP', { set: { ...own, 'tls.reload_check': '0' } }, (d) => {
    it('nobody looks until it is asked for', async () => {
        install(second, at('server.pem'), at('server.key'));
        await sleep(500);
        assert.equal(await shown(d), 'first');
        process.kill(d.pid, 'SIGHUP');
        await untilShown(d, 'second');
        install(first, at('server.pem'), at('server.key'));
    });
});

scenario('the certificate that thrumd has made', { set: quick }, (d) => {
    it('may be replaced in the data folder', async () => {
        const pem = path.join(d.data, 'tls/server.pem');
        install(second, pem, path.join(d.data, 'tls/server.key'));
        await untilShown(d, 'second');
    });
});

const clients = await Authority.make(folder, 'clients');
const strangers = await Authority.make(folder, 'strangers');
const device = await clients.issue('device', { usage: 'clientAuth' });
const lost = await clients.issue('lost', { usage: 'clientAuth' });
const stranger = await strangers.issue('stranger', { usage: 'clientAuth' });
const revocations = await clients.revoke(await clients.issue('forgotten'));

scenario(
    'certificates of clients',
    {
        set: {
            ...own,
            ...quick,
            'listener.mqtts.client_certificates': 'required',
            'listener.mqtts.client_ca': clients.certFile,
            'listener.mqtts.client_crl': revocations,
            'listener.https.client_certificates': 'optional',
            'listener.https.client_ca': clients.certFile,
        },
    },
    (d) => {
        const publish = async (made, more = []) => {
            const { id } = await d.api.newThng();
            const topic = `/thngs/${id}/properties/a`;
            const shows = made ? ['--cert', made.certFile, '--key', made.keyFile] : [];
            await mosquittoPub(seenFrom(d), topic, '[{"value":1}]', {
                tls: true,
                args: [...shows, ...more],
            });
            return (await d.api.get(topic)).body.length;
        };
        const curl = (made, port, ...args) => {
            const shows = made ? ['--cert', made.certFile, '--key', made.keyFile] : [];
            const url = `https://localhost:${port}/access`;
            const what = ['-sS', '--cacert', authority.certFile, '-w', '%{http_code}', '-o', '/dev/null'];
            return run('curl', [...what, ...shows, ...args, url]);
        };
        const withKey = () => ['-H', `Authorization: ${d.key}`];

        for (const version of ['tlsv1.2', 'tlsv1.3']) {
            it(`required, ${version}: the right one and no other, with mosquitto`, async () => {
                const args = ['--tls-version', version];
                assert.equal(await publish(device, args), 1);
                await assert.rejects(publish(null, args));
                await assert.rejects(publish(stranger, args));
            });
        }

        it('the log says why somebody was not let in', () => {
            for (const why of ['peer did not return a certificate', 'unable to get local issuer'])
                assert.match(d.stderr, new RegExp(`handshake failed.* peer=127.0.0.1.*${why}`));
        });

        it('required: HTTP on that port needs one, too, and the API key besides', async () => {
            const { mqtts } = d.port;
            assert.equal((await curl(device, mqtts, ...withKey())).stdout, '200');
            assert.equal((await curl(device, mqtts)).stdout, '401');
            assert.notEqual((await curl(null, mqtts, ...withKey())).code, 0);
            assert.notEqual((await curl(stranger, mqtts, ...withKey())).code, 0);
        });

        it('optional: none is fine, a wrong one is not; MQTT and HTTP alike', async () => {
            const { https: port } = d.port;
            assert.equal((await curl(null, port, ...withKey())).stdout, '200');
            assert.equal((await curl(device, port, ...withKey())).stdout, '200');
            assert.equal((await curl(device, port)).stdout, '401');
            assert.notEqual((await curl(stranger, port, ...withKey())).code, 0);
            const url = `mqtts://localhost:${port}`;
            const shows = (made) => ({
                cert: readFileSync(made.certFile),
                key: readFileSync(made.keyFile),
            });
            await mqttConnect(seenFrom(d), url);
            await mqttConnect(seenFrom(d), url, shows(device));
            await assert.rejects(mqttConnect(seenFrom(d), url, shows(stranger)));
            await assert.rejects(
                mqttConnect(seenFrom(d), url, { ...shows(device), password: 'wrong' }),
                /not authorized|Not authorized/i,
            );
        });

        it('no session is taken up again where a certificate is asked for', async () => {
            const session = at('session.pem');
            const shows = ['-cert', device.certFile, '-key', device.keyFile];
            for (const version of ['-tls1_2', '-tls1_3']) {
                rmSync(session, { force: true });
                await handshake(d.port.mqtts, [version, ...shows, '-sess_out', session]);
                if (!existsSync(session)) continue; // no ticket at all
                const seen = await handshake(d.port.mqtts, [version, '-sess_in', session]);
                assert.equal(seen.isResumed, false, seen.text);
            }
        });

        it('a certificate that is revoked is refused from then on', async () => {
            assert.equal(await publish(lost), 1);
            await clients.revoke(lost);
            await eventually('lost is refused', () => publish(lost).then(() => false, () => true));
            assert.equal(await publish(device), 1);
            assert.equal((await curl(lost, d.port.https, ...withKey())).stdout, '200'); // no list there
        });

        it('another authority counts for new connections', async () => {
            const open = await mqttConnect(seenFrom(d), d.url.mqtts, {
                cert: readFileSync(device.certFile),
                key: readFileSync(device.keyFile),
            });
            appendFileSync(clients.certFile, strangers.pem);
            await strangers.revoke();
            appendFileSync(revocations, readFileSync(at('strangers-crl.pem')));
            await eventually('a stranger is let in', () =>
                publish(stranger).then(() => true, () => false),
            );
            assert.equal(await publish(device), 1);
            assert.equal(open.connected, true);
        });
    },
);

describe('a start that cannot be', { concurrency: false }, () => {
    before(() => install(first, at('server.pem'), at('server.key')));
    for (const [title, set, told] of [
        ['a key that is not its', { ...own, 'tls.key': second.keyFile }, second.keyFile],
        ['a certificate that is not there', { ...own, 'tls.certificate': at('none.pem') }, 'none.pem'],
        ['a folder that is not there', { 'tls.certificates_folder': at('none') }, at('none')],
        [
            'an authority that is none',
            {
                'listener.https.client_certificates': 'optional',
                'listener.https.client_ca': first.keyFile,
            },
            first.keyFile,
        ],
    ]) {
        it(`${title} ends it, with a sentence, before anything is made`, async () => {
            const d = new Daemon({ set });
            try {
                await d.launch();
                const { code } = await d.exited;
                assert.equal(code, 1, d.output());
                assert.ok(d.stderr.includes(told), d.stderr);
                assert.ok(!existsSync(d.keyFile));
                assertNoKeys(d);
            } finally {
                d.kill9();
                d.removeData();
            }
        });
    }
});
