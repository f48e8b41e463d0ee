// SPDX-License-Identifier: Apache-2.0
// Every port takes every protocol, by its first bytes (architecture.md D8).
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { mqttSub, wsOpen } from './lib/clients.mjs';
import { run } from './lib/daemon.mjs';
import { RawSocket, login } from './lib/packets.mjs';
import { Rest, request } from './lib/rest.mjs';

scenario('any protocol on any port', {}, (d) => {
    for (const [name, secure] of [
        ['mqtt', false],
        ['http', false],
        ['mqtts', true],
        ['https', true],
    ]) {
        it(`the ${name} listener takes MQTT, MQTT over WebSocket, native WebSocket and REST`, async () => {
            const port = d.port[name];
            const [tcp, ws, http] = secure ? ['mqtts', 'wss', 'https'] : ['mqtt', 'ws', 'http'];
            const host = secure ? 'localhost' : '127.0.0.1';
            const here = {
                key: d.key,
                keyFile: d.keyFile,
                ca: d.ca,
                caFile: d.caFile,
                port: d.port,
                url: { ...d.url, ws: `ws://${host}:${port}`, wss: `wss://${host}:${port}` },
            };
            const { id } = await d.api.newThng();
            const topic = `/thngs/${id}/properties/a`;
            const plain = await mqttSub(here, `${tcp}://${host}:${port}`, topic);
            const over = await mqttSub(here, `${ws}://${host}:${port}/mqtt`, topic);
            const native = await wsOpen(here, topic, { tls: secure });
            const api = new Rest(`${http}://${host}:${port}`, d.key, secure ? { ca: d.ca } : {});
            await api.must(200, 'PUT', topic, [{ value: name }]);
            for (const receiver of [plain, over, native]) {
                assert.equal(onePoint((await receiver.next()).payload).value, name);
                await receiver.end();
            }
        });
    }

    it('plain bytes on a TLS port are closed unanswered', async () => {
        for (const port of [d.port.mqtts, d.port.https]) {
            for (const bytes of [
                'GET /time HTTP/1.1\r\nHost: x\r\n\r\n',
                Buffer.from('100c00044d5154540402003c0000', 'hex'),
            ]) {
                const socket = await RawSocket.open(port);
                socket.send(Buffer.from(bytes));
                await socket.closed();
                assert.equal(socket.bytes.length, 0, socket.bytes.toString('latin1'));
            }
        }
    });

    it('bytes of no protocol are closed', async () => {
        for (const port of Object.values(d.port)) {
            const socket = await RawSocket.open(port);
            socket.send([0x00, 0xff, 0x13, 0x37]);
            await socket.closed();
        }
    });

    it('TLS listens on IPv4 and IPv6 loopback, with a certificate for localhost and both addresses', async () => {
        for (const host of ['localhost', '127.0.0.1', '[::1]']) {
            const answer = await request(`https://${host}:${d.port.https}/time`, { ca: d.ca });
            assert.equal(answer.status, 200, host);
        }
    });

    it('TLS 1.2 and 1.3 are spoken, 1.1 is not', async () => {
        for (const [version, wanted] of [
            ['1.2', 0],
            ['1.3', 0],
            ['1.1', 35],
        ]) {
            const { code } = await run('curl', [
                '-sS',
                '--cacert',
                d.caFile,
                `--tlsv${version}`,
                '--tls-max',
                version,
                '--ciphers',
                'DEFAULT:@SECLEVEL=0',
                `https://localhost:${d.port.https}/time`,
            ]);
            assert.equal(code, wanted, `TLS ${version}: curl ${code}`);
        }
    });

    it('mosquitto clients reach the HTTP port', async () => {
        const { code, stderr } = await run('mosquitto_pub', [
            '-h',
            '127.0.0.1',
            '-p',
            String(d.port.http),
            '-u',
            'authorization',
            '-P',
            d.key,
            '-q',
            '1',
            '-t',
            `/thngs/${(await d.api.newThng()).id}/properties/a`,
            '-m',
            '[{"value":1}]',
        ]);
        assert.equal(code, 0, stderr);
    });
});

scenario(
    'listeners that take less, or more',
    {
        set: { 'listener.mqtt.protocols': 'mqtt', 'listener.mqtts.tls': 'auto' },
    },
    (d) => {
        it('protocols = mqtt refuses HTTP', async () => {
            (await login(d.port.mqtt, d.key)).destroy();
            const socket = await RawSocket.open(d.port.mqtt);
            socket.send(Buffer.from('GET /time HTTP/1.1\r\nHost: x\r\n\r\n'));
            await socket.closed();
            assert.equal(socket.bytes.length, 0);
        });

        it('tls = auto takes both', async () => {
            (await login(d.port.mqtts, d.key)).destroy();
            (await login(d.port.mqtts, d.key, { tlsOptions: { ca: d.ca } })).destroy();
        });
    },
);
