// SPDX-License-Identifier: Apache-2.0
// A client that sends one byte at a time, and one that never reads: nobody else suffers.
import { readFileSync } from 'node:fs';
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { eventually, sleep, slow, smallRing } from './lib/daemon.mjs';
import { wsOpen } from './lib/clients.mjs';
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

const mebibytes = (d) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${d.pid}/status`))[1]) / 1024;

/** A native WebSocket on one topic, and an MQTT client on all of them: { received, pause, resume },
 *  the numbers that came, in order. */
async function webSocketOn(d, topic) {
    const { socket, messages } = await wsOpen(d, topic);
    return {
        received: () => messages.map(({ payload }) => numberOf(payload)),
        pause: () => socket.pause(),
        resume: () => socket.resume(),
    };
}

async function mqttOn(d, topics) {
    const client = await login(d.port.mqtt, d.key);
    const numbers = new Map(topics.map((topic) => [topic, []]));
    client.send(subscribe(1, ...topics.map((topic, i) => [topic, i % 2])));
    await client.next(type.suback);
    const take = () => {
        for (const { topic, payload, qos, id } of client.packets.splice(0)) {
            numbers.get(topic).push(numberOf(payload));
            if (qos) client.send(puback(id));
        }
        client.changed().then(take);
    };
    take();
    return {
        received: (topic) => numbers.get(topic),
        pause: () => client.socket.pause(),
        resume: () => client.socket.resume(),
    };
}

const numberOf = (payload) => Number(onePoint(payload).value.split(' ')[0]);

/** Publishes so many rounds of 32 KB, from number <from>, on each topic. */
async function flood(publisher, topics, from, rounds) {
    const filling = 'x'.repeat(32000);
    for (let round = from; round < from + rounds; round++) {
        const value = `${round} ${filling}`;
        publisher.send(
            ...topics.map((topic, i) => publish(topic, [{ value }], { qos: 1, id: i + 1 })),
        );
        for (let i = 0; i < topics.length; i++) await publisher.next(type.puback, 15000);
    }
}

/** Many readers on some topics, first all of them reading, then every other one deaf. 10 MB are due
 *  to each deaf WebSocket, 48 MB to each deaf MQTT client, 190 in all; the daemon keeps none of it
 *  for them. */
async function slowAmongFast(d) {
    const topics = [];
    for (let i = 0; i < 5; i++) topics.push(`/thngs/${(await d.api.newThng()).id}/properties/n`);
    const open = () =>
        Promise.all([
            ...topics.map(async (topic) => ({ topics: [topic], ...(await webSocketOn(d, topic)) })),
            ...[1, 2, 3].map(async () => ({ topics, ...(await mqttOn(d, topics)) })),
        ]);
    const fast = await open();
    const deaf = await open();
    const rounds = slow > 1 ? 100 : 300;
    const hasAll =
        (due) =>
        ({ topics: mine, received }) =>
            mine.every((topic) => received(topic).length === due);
    const publisher = await login(d.port.mqtt, d.key);
    await flood(publisher, topics, 0, rounds);
    await eventually('all read', () => [...fast, ...deaf].every(hasAll(rounds)), 20000);
    const before = mebibytes(d);
    for (const one of deaf) one.pause();
    await flood(publisher, topics, rounds, rounds);
    await eventually('those that read have all', () => fast.every(hasAll(2 * rounds)), 20000);
    const grown = mebibytes(d) - before;
    /* The store's own buffers come and go. (A sanitizer keeps what was freed.) */
    if (slow === 1) assert.ok(grown < 100, `${grown} MiB more than before`);
    assert.equal((await d.api.get('/time')).status, 200);
    for (const one of deaf) {
        assert.ok(!hasAll(2 * rounds)(one));
        one.resume();
    }
    await eventually('the deaf ones have all', () => deaf.every(hasAll(2 * rounds)), 30000);
    const inOrder = Array.from({ length: 2 * rounds }, (_, round) => round);
    for (const { topics: mine, received } of [...fast, ...deaf])
        for (const topic of mine) assert.deepEqual(received(topic), inOrder);
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
            ...smallRing,
            'store.roll_bytes': '1MiB',
            'store.roll_interval': '100ms',
        },
    },
    (d) => {
        it('a subscriber that fell behind is fed from the journal, in order and in full', () =>
            deafSubscriber(d));

        it('slow WebSockets and MQTT clients among fast ones: memory is flat, all get all', () =>
            slowAmongFast(d));
    },
);
