// SPDX-License-Identifier: Apache-2.0
// A client that sends one byte at a time, and one that never reads: nobody else suffers.
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { sleep } from './lib/daemon.mjs';
import {
    RawMqtt,
    RawSocket,
    connect,
    login,
    publish,
    puback,
    pingreq,
    subscribe,
    type,
} from './lib/packets.mjs';

/** 2,000 messages of 4 KB, far more than sockets and outbox hold: the one that reads gets them at
 *  once, the deaf one in full when it listens again. */
async function deafSubscriber(d) {
    const { id } = await d.api.newThng();
    const topic = `/thngs/${id}/properties/n`;
    const reader = await login(d.port.mqtt, d.key);
    const deaf = await login(d.port.mqtt, d.key);
    for (const client of [reader, deaf]) {
        client.send(subscribe(1, topic));
        await client.next(type.suback);
    }
    deaf.socket.pause();
    const publisher = await login(d.port.mqtt, d.key);
    const count = 2000;
    const filling = 'x'.repeat(4000);
    const from = Date.now();
    for (let i = 0; i < count; i += 100) {
        publisher.send(
            ...Array.from({ length: 100 }, (_, k) =>
                publish(topic, [{ value: `${i + k} ${filling}` }], { qos: 1, id: i + k + 1 }),
            ),
        );
        for (let k = 0; k < 100; k++) await publisher.next(type.puback, 15000);
        for (let k = 0; k < 100; k++) {
            const message = await reader.next(type.publish, 15000);
            reader.send(puback(message.id));
        }
    }
    const took = Date.now() - from;
    assert.equal((await d.api.get('/time')).status, 200);
    deaf.socket.resume();
    for (let i = 0; i < count; i++) {
        const message = await deaf.next(type.publish, 15000);
        assert.equal(
            Number(onePoint(message.payload).value.split(' ')[0]),
            i,
            'nothing is lost or out of order',
        );
        deaf.send(puback(message.id));
    }
    assert.ok(took < 60000, `${took} ms`);
    for (const client of [reader, deaf, publisher]) client.destroy();
}

scenario('slow clients', {}, (d) => {
    it('MQTT one byte at a time', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const client = await RawMqtt.open(d.port.mqtt);
        await client.sendSlowly(
            Buffer.concat([
                connect({ user: 'authorization', password: d.key, clientId: 'slow' }),
                subscribe(1, [topic, 0]),
                publish(topic, [{ value: 1 }], { qos: 1, id: 9 }),
            ]),
        );
        assert.equal((await client.next(type.connack)).code, 0);
        await client.next(type.suback);
        const got = [await client.next(), await client.next()].map((one) => one.type);
        assert.deepEqual(got.sort(), [type.publish, type.puback].sort());
        client.destroy();
    });

    it('HTTP one byte at a time, plain and with TLS', async () => {
        for (const [port, tlsOptions] of [[d.port.http], [d.port.https, { ca: d.ca }]]) {
            const socket = await RawSocket.open(port, { tlsOptions });
            await socket.sendSlowly(
                `POST /thngs HTTP/1.1\r\nHost: a\r\nAuthorization: ${d.key}\r\n` +
                    'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"x"}',
                0,
            );
            await socket.until('201', () => socket.bytes.toString().startsWith('HTTP/1.1 201'));
            socket.destroy();
        }
    });

    it('a WebSocket handshake and a frame one byte at a time', async () => {
        const { id } = await d.api.newThng();
        const socket = await RawSocket.open(d.port.http);
        await socket.sendSlowly(
            `GET /thngs/${id}/properties/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${d.key}\r\n` +
                'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
                'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
            0,
        );
        await socket.until('101', () => socket.bytes.toString('latin1').includes('\r\n\r\n'));
        socket.bytes = Buffer.alloc(0);
        const text = Buffer.from('[{"value":1}]');
        await socket.sendSlowly(
            Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]),
        );
        await socket.until('the echo', () => socket.bytes.includes('"value":1'));
        socket.destroy();
    });

    it('a subscriber that never reads does not slow the others down, and gets all when it does', () =>
        deafSubscriber(d));

    it('a publisher that never reads its acknowledgements harms itself only', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/m`;
        const deaf = await login(d.port.mqtt, d.key);
        deaf.socket.pause();
        for (let i = 0; i < 200; i++) {
            deaf.send(
                ...Array.from({ length: 100 }, (_, k) =>
                    publish(topic, [{ value: i * 100 + k }], { qos: 1, id: i * 100 + k + 1 }),
                ),
            );
            await sleep(1);
        }
        const other = await login(d.port.mqtt, d.key);
        other.send(publish(`/thngs/${id}/properties/o`, [{ value: 1 }], { qos: 1 }));
        await other.next(type.puback, 10000);
        other.destroy();
        deaf.destroy();
    });

    it('a REST client that does not read its answer harms itself only', async () => {
        const { id } = await d.api.newThng();
        const value = 'x'.repeat(500 * 1000);
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/big`, [
            { value, timestamp: 1 },
            { value, timestamp: 2 },
        ]);
        const deaf = await RawSocket.open(d.port.http);
        deaf.socket.pause();
        const request = `GET /thngs/${id}/properties/big HTTP/1.1\r\nHost: a\r\nAuthorization: ${d.key}\r\n\r\n`;
        deaf.send(Buffer.from(request.repeat(50)));
        await sleep(200);
        assert.equal((await d.api.get(`/thngs/${id}`)).status, 200);
        deaf.destroy();
    });

    it('hundreds of connections that do nothing leave room for one that does', async () => {
        const idle = await Promise.all(
            Array.from({ length: 400 }, () => RawSocket.open(d.port.mqtt)),
        );
        const client = await login(d.port.mqtt, d.key);
        client.send(pingreq());
        await client.next(type.pingresp);
        for (const one of [...idle, client]) one.destroy();
    });
});

// So little memory that the deaf one is soon behind everything that is kept in it.
scenario(
    'slow clients and a small ring',
    {
        set: {
            'limits.packet': '64KiB',
            'engine.group_bytes': '128KiB',
            'engine.ring': '1MiB',
            'engine.ring_groups': '64',
            'mqtt.outbox': '16KiB',
            'store.roll_bytes': '1MiB',
            'store.roll_interval': '100ms',
        },
    },
    (d) => {
        it('a subscriber that fell behind is fed from the journal, in order and in full', () =>
            deafSubscriber(d));
    },
);
