// SPDX-License-Identifier: Apache-2.0
// Listeners behind a proxy: the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt).
import { after, before } from 'node:test';
import { scenario, it, assert, assertError, onePoint } from './lib/suite.mjs';
import { mosquittoPub, mosquittoSub, mqttSub, wsOpen } from './lib/clients.mjs';
import { eventually, run } from './lib/daemon.mjs';
import { RawSocket, connect, type } from './lib/packets.mjs';
import { as, newProject, newUser, quick } from './lib/people.mjs';
import {
    Haproxy,
    announcedMqtt,
    announcedRequest,
    block,
    inet,
    line,
    local,
} from './lib/proxy.mjs';

/* The http listener stays open to everybody. */
const behindProxies = {
    'listener.mqtt.proxy_protocol': 'on',
    'listener.mqtts.proxy_protocol': 'on',
    'listener.https.proxy_protocol': 'on',
    'listener.https.tls': 'auto',
};

const name = '_aboutProxies';
const getTime = Buffer.from('GET /time HTTP/1.1\r\nHost: x\r\n\r\n');

/** The address that an action tells it was recorded from. */
async function addressOf(d, send) {
    const answer = await send('/actions/all?context=true', {
        method: 'POST',
        key: d.key,
        body: { type: name, tags: ['here'] },
    });
    assert.equal(answer.status, 201, answer.text);
    const stored = await d.api.must(200, 'GET', `/actions/${name}/${answer.body.id}?context=true`);
    return stored.context.ipAddress;
}

const over = (port, header, more) => (target, options) =>
    announcedRequest(port, header, target, { ...more, ...options });

const zeroes = (count) => Array(count).fill(0);
const unixBlock = Buffer.alloc(216, '/');
const extension = [0x01, 0x00, 0x02, 0x68, 0x32, 0x04, 0x00, 0x01, 0x00];

scenario('what the header tells', { set: behindProxies }, (d) => {
    before(async () => {
        await d.api.must(201, 'POST', '/actions', { name });
    });

    for (const [title, header, wanted] of [
        ['a line of TCP4', line('192.0.2.7'), '192.0.2.7'],
        ['a line of TCP6', line('2001:db8::7'), '2001:db8::7'],
        ['a line of UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
        ['version 2, IPv4', inet('192.0.2.8'), '192.0.2.8'],
        ['version 2, UDP', inet('192.0.2.8', { family: 0x12 }), '192.0.2.8'],
        ['version 2 with extensions', inet('192.0.2.9', { more: extension }), '192.0.2.9'],
        ['version 2 as long as it may be', inet('192.0.2.9', { more: zeroes(4068) }), '192.0.2.9'],
        ['version 2, LOCAL', local(), '127.0.0.1'],
        ['version 2, unspecified', block(0x21, 0, [1, 2, 3]), '127.0.0.1'],
        ['version 2, UNIX', block(0x21, 0x31, unixBlock), '127.0.0.1'],
    ]) {
        it(`${title}: plain, with TLS, and where either is taken`, async () => {
            const { ca } = d;
            assert.equal(await addressOf(d, over(d.port.mqtt, header)), wanted);
            assert.equal(await addressOf(d, over(d.port.mqtts, header, { ca })), wanted);
            assert.equal(await addressOf(d, over(d.port.https, header)), wanted);
            assert.equal(await addressOf(d, over(d.port.https, header, { ca })), wanted);
        });
    }

    it('the log names the client', async () => {
        const raw = await announcedMqtt(d.port.mqtt, line('192.0.2.77', 4711));
        raw.send(connect({ user: 'authorization', password: 'no key at all' }));
        assert.notEqual((await raw.next(type.connack)).code, 0);
        await eventually('a line of the log', () => d.stderr.includes('192.0.2.77:4711'));
    });

    it('curl says it as well', async () => {
        const { code, stdout, stderr } = await run('curl', [
            ...['-sS', '--haproxy-protocol', '--cacert', d.caFile],
            `https://127.0.0.1:${d.port.mqtts}/time`,
        ]);
        assert.equal(code, 0, stderr);
        assert.ok(JSON.parse(stdout).timestamp > 0);
    });

    it('a header that comes byte by byte, and MQTT behind it byte by byte', async () => {
        for (const header of [line('192.0.2.7'), inet('192.0.2.7', { more: extension })]) {
            const raw = await announcedMqtt(d.port.mqtt, '');
            await raw.sendSlowly(header);
            await raw.sendSlowly(connect({ user: 'authorization', password: d.key }));
            assert.equal((await raw.next(type.connack)).code, 0);
            raw.destroy();
        }
    });

    it('a header cut anywhere', async () => {
        const rest = connect({ user: 'authorization', password: d.key });
        const all = Buffer.concat([inet('192.0.2.7', { more: extension }), rest]);
        for (let cut = 1; cut < 44; cut += 3) {
            const raw = await announcedMqtt(d.port.mqtt, all.subarray(0, cut));
            await new Promise((resolve) => setTimeout(resolve, 5));
            raw.send(all.subarray(cut));
            assert.equal((await raw.next(type.connack)).code, 0, `cut at ${cut}`);
            raw.destroy();
        }
    });

    it('a connection has one header: a second one is bytes of the client', async () => {
        for (const second of [inet('192.0.2.8'), line('192.0.2.8')]) {
            const raw = await RawSocket.open(d.port.mqtt);
            raw.send(inet('192.0.2.7'), second, getTime);
            await raw.closed();
            assert.match(raw.bytes.toString(), /^HTTP\/1.1 400 /);
        }
    });

    it('requests one after the other on a connection are of the same client', async () => {
        const raw = await RawSocket.open(d.port.mqtt);
        const get = `GET /access HTTP/1.1\r\nHost: x\r\nAuthorization: ${d.key}\r\n\r\n`;
        raw.send(line('192.0.2.7'), Buffer.from(get + get));
        const count = () => raw.bytes.toString().match(/HTTP\/1.1 200/g)?.length;
        await raw.until('two answers', () => count() === 2);
        raw.destroy();
    });
});

const noHeaders = [
    ['REST', getTime],
    ['MQTT', connect()],
    ['TLS', Buffer.from('16030100050100000100', 'hex')],
    ['a bad line', `PROXY TCP4 192.0.2.7 198.51.100.1 056324 8883\r\n${getTime}`],
    ['a line without end', `PROXY UNKNOWN ${'x'.repeat(200)}`],
    ['an end of line without CR', `PROXY UNKNOWN\n${getTime}`],
    ['a version that does not exist', block(0x31, 0x11, Array(12).fill(1))],
    ['a command that does not exist', block(0x2f, 0x11, Array(12).fill(1))],
    ['a family that does not exist', block(0x21, 0x51, Array(12).fill(1))],
    ['a block that is too short', block(0x21, 0x21, Array(12).fill(1))],
    ['a header that is too long', inet('192.0.2.7', { more: zeroes(4069) })],
    ['a space in front', Buffer.concat([Buffer.from(' '), line('192.0.2.7')])],
];

scenario('who is closed', { set: { ...behindProxies, 'limits.handshake': '300ms' } }, (d) => {
    for (const [title, bytes] of noHeaders) {
        it(`${title}: unanswered`, async () => {
            for (const port of [d.port.mqtt, d.port.mqtts, d.port.https]) {
                const raw = await RawSocket.open(port);
                raw.send(Buffer.from(bytes));
                await raw.closed();
                assert.equal(raw.bytes.length, 0, raw.bytes.toString('latin1'));
            }
        });
    }

    it('plain bytes behind the header of a TLS port: unanswered', async () => {
        const raw = await RawSocket.open(d.port.mqtts);
        raw.send(line('192.0.2.7'), getTime);
        await raw.closed();
        assert.equal(raw.bytes.length, 0);
    });

    it('who sends nothing, or a part of a header, has the time of a handshake', async () => {
        const half = inet('192.0.2.7').subarray(0, 20);
        for (const bytes of ['', 'PROXY', 'PROXY TCP4 192.0.2.7', half]) {
            const raw = await RawSocket.open(d.port.mqtt);
            raw.send(Buffer.from(bytes));
            await raw.closed();
            assert.equal(raw.bytes.length, 0);
        }
    });

    it('who goes away in the middle of a header does no harm', async () => {
        const header = inet('192.0.2.7', { more: extension });
        for (let cut = 0; cut <= header.length; cut++) {
            for (const end of ['end', 'destroy', 'resetAndDestroy']) {
                const raw = await RawSocket.open(cut % 2 ? d.port.mqtt : d.port.mqtts);
                if (cut > 0) raw.send(header.subarray(0, cut));
                raw.socket[end]();
            }
        }
        d.check();
        assert.equal((await d.api.get('/access')).status, 200);
    });

    it('where no proxy is expected nobody can claim an address', async () => {
        for (const header of [line('192.0.2.7'), inet('192.0.2.7')]) {
            const raw = await RawSocket.open(d.port.http);
            raw.send(header, getTime);
            await raw.closed();
            assert.doesNotMatch(raw.bytes.toString('latin1'), /^HTTP\/1.1 200/m);
        }
    });

    it('the daemon ends while headers are awaited', async () => {
        const parts = ['', 'PROXY TCP4', inet('192.0.2.7').subarray(0, 20)];
        for (const part of parts) {
            const raw = await RawSocket.open(d.port.mqtts);
            raw.send(Buffer.from(part));
        }
        await d.restart();
    });
});

scenario(
    'only the proxies of proxy_from',
    {
        set: {
            'listener.mqtt.proxy_protocol': 'on',
            'listener.mqtt.proxy_from': '127.0.0.8/30, 2001:db8::/32',
        },
    },
    (d) => {
        const from = async (localAddress) => {
            const raw = await RawSocket.open(d.port.mqtt, { host: '127.0.0.1', localAddress });
            raw.send(line('192.0.2.7'), getTime);
            return raw;
        };

        it('they are listened to', async () => {
            for (const address of ['127.0.0.8', '127.0.0.11']) {
                const raw = await from(address);
                await raw.until('200', () => raw.bytes.toString().startsWith('HTTP/1.1 200'));
                raw.destroy();
            }
        });

        it('anybody else is closed unanswered, header or not, and the log says so', async () => {
            for (const address of ['127.0.0.1', '127.0.0.7', '127.0.0.12']) {
                const raw = await from(address);
                await raw.closed();
                assert.equal(raw.bytes.length, 0);
            }
            await eventually('the log', () => /proxy_from.*127\.0\.0\./.test(d.stderr));
        });
    },
);

scenario(
    'connections are counted for the client',
    { set: { ...behindProxies, 'limits.connections_per_address': '3' } },
    (d) => {
        const admitted = async (header) => {
            const raw = await announcedMqtt(d.port.mqtt, header);
            raw.send(connect({ clientId: '', user: 'authorization', password: d.key }));
            try {
                assert.equal((await raw.next(type.connack)).code, 0);
                return raw;
            } catch (error) {
                if (!raw.isClosed && !raw.isEnded) throw error;
                return null;
            }
        };

        it('a client has as many as it may, and others have theirs', async () => {
            for (const header of [line('192.0.2.7'), inet('192.0.2.8'), line('2001:db8::7')]) {
                const three = [];
                for (let i = 0; i < 3; i++) three.push(await admitted(header));
                assert.ok(three.every(Boolean));
                assert.equal(await admitted(header), null);
                three[0].destroy();
                await eventually('room for one more', () => admitted(header));
                assert.equal(await admitted(header), null);
            }
        });

        it('both versions tell the same client; an IPv6 subscriber is a network', async () => {
            assert.ok(await admitted(line('192.0.2.20')));
            assert.ok(await admitted(inet('192.0.2.20')));
            assert.ok(await admitted(line('::ffff:192.0.2.20')));
            assert.equal(await admitted(line('192.0.2.20')), null);
            assert.ok(await admitted(line('2001:db8:1::1')));
            assert.ok(await admitted(line('2001:db8:1::2')));
            assert.ok(await admitted(line('2001:db8:1::3')));
            assert.equal(await admitted(line('2001:db8:1::4')), null);
        });

        it('a proxy counts for nobody while it has not said for whom', async () => {
            const waiting = [];
            for (let i = 0; i < 10; i++) {
                waiting.push(await announcedMqtt(d.port.mqtt, 'PROXY TCP4'));
            }
            assert.equal((await d.api.get('/access')).status, 200);
            assert.ok(await admitted(line('192.0.2.30')));
            for (const raw of waiting) assert.equal(raw.isClosed || raw.isEnded, false);
            waiting[0].send(Buffer.from(' 192.0.2.31 198.51.100.1 1 2\r\n'));
            waiting[0].send(connect({ clientId: '', user: 'authorization', password: d.key }));
            assert.equal((await waiting[0].next(type.connack)).code, 0);
        });

        it('a proxy that speaks for itself is counted as itself', async () => {
            const header = local();
            const own = [];
            await eventually('the limit', async () => {
                const one = await admitted(header);
                own.push(one);
                return one === null;
            });
            assert.ok(own.length <= 4);
        });
    },
);

const fewLogins = { ...quick, ...behindProxies, 'auth.failed_logins': '3' };

scenario('failed logins', { set: fewLogins }, (d) => {
    it('slow the client down, not the others behind the same proxy', async () => {
        const project = await newProject(d.api);
        const user = await newUser(d, project.appKey);
        const login = (address, password) =>
            announcedRequest(d.port.mqtt, line(address), '/auth/evrythng', {
                method: 'POST',
                key: project.appKey,
                body: { email: user.email, password },
            });
        for (let i = 0; i < 3; i++) assertError(await login('192.0.2.7', 'wrong'), 401);
        assertError(await login('192.0.2.7', user.password), 429);
        assert.equal((await login('192.0.2.8', user.password)).status, 201);
        const direct = await as(d, project.appKey).post('/auth/evrythng', {
            email: user.email,
            password: user.password,
        });
        assert.equal(direct.status, 201);
    });
});

scenario('a real haproxy in front', { set: behindProxies }, (d) => {
    let proxy;
    let here; // the daemon as clients see it, through haproxy

    before(async () => {
        await d.api.must(201, 'POST', '/actions', { name });
        proxy = await new Haproxy({
            mqtt: { to: d.port.mqtt, options: 'send-proxy check inter 100ms' },
            mqtts: { to: d.port.mqtts, options: 'send-proxy-v2 check check-send-proxy inter 1s' },
            http: { to: d.port.https, options: 'send-proxy-v2 proxy-v2-options unique-id' },
            https: { to: d.port.https, options: 'send-proxy-v2-ssl proxy-v2-options crc32c' },
        }).start();
        const { mqtt, mqtts, http, https } = proxy.port;
        here = {
            key: d.key,
            keyFile: d.keyFile,
            ca: d.ca,
            caFile: d.caFile,
            port: proxy.port,
            url: {
                mqtt: `mqtt://127.0.0.1:${mqtt}`,
                mqtts: `mqtts://localhost:${mqtts}`,
                http: `http://127.0.0.1:${http}`,
                https: `https://localhost:${https}`,
                ws: `ws://127.0.0.1:${http}`,
                wss: `wss://localhost:${https}`,
            },
        };
    });
    after(() => proxy.stop());

    it('MQTT and WebSockets, plain and with TLS', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const receivers = [
            await mosquittoSub(here, topic),
            await mosquittoSub(here, topic, { tls: true }),
            await mqttSub(here, here.url.mqtt, topic),
            await mqttSub(here, here.url.mqtts, topic),
            await mqttSub(here, `${here.url.wss}/mqtt`, topic),
            await wsOpen(here, topic),
            await wsOpen(here, topic, { tls: true }),
        ];
        await mosquittoPub(here, topic, '[{"value":1}]');
        await mosquittoPub(here, topic, '[{"value":2}]', { tls: true });
        for (const receiver of receivers) {
            assert.equal(onePoint((await receiver.next()).payload).value, 1);
            assert.equal(onePoint((await receiver.next()).payload).value, 2);
            await receiver.end();
        }
    });

    it('REST is told the client’s address, IPv4 and IPv6, in both versions', async () => {
        for (const [address, host] of [
            ['127.0.0.5', '127.0.0.1'],
            ['127.0.0.6', '127.0.0.1'],
            ['::1', '[::1]'],
        ]) {
            for (const route of ['mqtt', 'mqtts', 'http', 'https']) {
                const scheme = route.endsWith('s') ? 'https' : 'http';
                const send = async (target, { method, key, body }) => {
                    const { code, stdout, stderr } = await run('curl', [
                        ...['-sS', '-X', method, '--cacert', d.caFile, '--interface', address],
                        ...['-H', `Authorization: ${key}`, '-H', 'Content-Type: application/json'],
                        ...['-d', JSON.stringify(body)],
                        `${scheme}://${host}:${proxy.port[route]}${target}`,
                    ]);
                    assert.equal(code, 0, stderr);
                    return { status: 201, text: stdout, body: JSON.parse(stdout) };
                };
                assert.equal(await addressOf(d, send), address, route);
            }
        }
    });

    it('its checks of health are taken for what they are', async () => {
        for (const route of ['mqtt', 'mqtts']) {
            await eventually(`checks of ${route}`, () =>
                proxy.log.includes(`Health check for server ${route}/thrumd succeeded`),
            );
        }
        assert.doesNotMatch(proxy.log, /is DOWN/);
        assert.doesNotMatch(d.stderr, /no PROXY header/);
    });
});
