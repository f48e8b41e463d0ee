// SPDX-License-Identifier: Apache-2.0
// Publishes with QoS 2: applied exactly once, delivered with QoS 1 at most (settled point 8;
// pubsub.md 6, 6.2).
import { scenario, it, assert, onePoint, unknownId } from './lib/suite.mjs';
import { mosquittoPub, mqttSub } from './lib/clients.mjs';
import { login, publish, puback, pubrel, subscribe, type } from './lib/packets.mjs';

scenario('QoS 2', {}, (d) => {
    const fresh = async () => `/thngs/${(await d.api.newThng()).id}/properties/a`;
    const stored = async (topic) =>
        (await d.api.get(`${topic}?sortOrder=ASCENDING`)).body.map(({ value }) => value);
    const send = (client, topic, value, more) =>
        client.send(publish(topic, [{ value }], { qos: 2, ...more }));
    const expect = async (client, wanted, id) =>
        assert.equal((await client.next(wanted)).id, id);

    it('PUBREC, PUBREL, PUBCOMP; then it is stored', async () => {
        const topic = await fresh();
        const client = await login(d.port.mqtt, d.key);
        send(client, topic, 1, { id: 5 });
        await expect(client, type.pubrec, 5);
        client.send(pubrel(5));
        await expect(client, type.pubcomp, 5);
        assert.deepEqual(await stored(topic), [1]);
        client.destroy();
    });

    it('what is sent again before PUBREL is the same publish; behind PUBCOMP the id is free', async () => {
        const topic = await fresh();
        const client = await login(d.port.mqtt, d.key);
        for (const dup of [false, true, true]) {
            send(client, topic, 1, { id: 7, dup });
            await expect(client, type.pubrec, 7);
        }
        for (let times = 0; times < 2; times++) {
            client.send(pubrel(7));
            await expect(client, type.pubcomp, 7);
        }
        send(client, topic, 2, { id: 7 });
        await expect(client, type.pubrec, 7);
        client.send(pubrel(7));
        await expect(client, type.pubcomp, 7);
        assert.deepEqual(await stored(topic), [1, 2]);
        client.destroy();
    });

    it('many at once, among those with QoS 0 and 1: in the order in which they were sent', async () => {
        const topic = await fresh();
        const watcher = await login(d.port.mqtt, d.key);
        watcher.send(subscribe(1, [topic, 2]));
        assert.deepEqual((await watcher.next(type.suback)).codes, [1]);
        const client = await login(d.port.mqtt, d.key);
        const count = 300;
        const values = Array.from({ length: count }, (_, i) => i);
        client.send(
            ...values.map((i) => publish(topic, [{ value: i }], { qos: i % 3, id: i + 1 })),
        );
        let open = values.filter((i) => i % 3 > 0).length;
        while (open > 0) {
            const packet = await client.next();
            if (packet.type === type.pubrec) client.send(pubrel(packet.id));
            else open -= 1;
        }
        for (const value of values) {
            const message = await watcher.next(type.publish);
            assert.equal(onePoint(message.payload).value, value);
            assert.equal(message.qos, Math.min(value % 3, 1));
            if (message.qos) watcher.send(puback(message.id));
        }
        client.destroy();
        watcher.destroy();
    });

    it('mosquitto_pub with QoS 2 to npm mqtt, which asks for 2 and gets 1', async () => {
        const topic = await fresh();
        const inbox = await mqttSub(d, d.url.mqtt, topic, { qos: 2 });
        let qos;
        inbox.client.on('packetreceive', (packet) => {
            if (packet.cmd === 'publish') qos = packet.qos;
        });
        await mosquittoPub(d, topic, '[{"value":8}]', { qos: 2 });
        assert.equal(onePoint((await inbox.next()).payload).value, 8);
        assert.equal(qos, 1);
        assert.deepEqual(await stored(topic), [8]);
    });

    const refused = [
        ['an unknown thng', () => `/thngs/${unknownId}/properties/a`, [{ value: 1 }]],
        ['invalid JSON', (topic) => topic, '[{'],
        ['a null', (topic) => topic, [{ value: null }]],
        ['what is no topic', () => '/nonsense', [{ value: 1 }]],
        ['tasks', () => `/batches/${unknownId}/tasks`, {}],
    ];
    for (const [what, at, payload] of refused) {
        it(`${what}: closed without PUBREC; with DUP: PUBREC, and no effect`, async () => {
            const topic = await fresh();
            const first = await login(d.port.mqtt, d.key);
            first.send(publish(at(topic), payload, { qos: 2, id: 9 }));
            await first.closed();
            assert.deepEqual(first.packets, []);
            const again = await login(d.port.mqtt, d.key);
            again.send(publish(at(topic), payload, { qos: 2, id: 9, dup: true }));
            await expect(again, type.pubrec, 9);
            again.send(pubrel(9));
            await expect(again, type.pubcomp, 9);
            assert.deepEqual(await stored(topic), []);
            again.destroy();
        });
    }
});

scenario(
    'QoS 2 with [mqtt] refused_publishes = ack',
    { set: { 'mqtt.refused_publishes': 'ack' } },
    (d) => {
        it('what is refused for good goes through the handshake, and the connection stays', async () => {
            const { id } = await d.api.newThng();
            const topic = `/thngs/${id}/properties/a`;
            const client = await login(d.port.mqtt, d.key);
            for (const [packetId, at, payload] of [
                [4, topic, '[{'],
                [5, `/thngs/${unknownId}`, {}],
                [6, topic, [{ value: 1 }]],
            ]) {
                client.send(publish(at, payload, { qos: 2, id: packetId }));
                assert.equal((await client.next(type.pubrec)).id, packetId);
                client.send(pubrel(packetId));
                assert.equal((await client.next(type.pubcomp)).id, packetId);
            }
            assert.deepEqual((await d.api.get(topic)).body.map(({ value }) => value), [1]);
            client.destroy();
        });
    },
);
