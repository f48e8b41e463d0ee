// SPDX-License-Identifier: Apache-2.0
// A PUBLISH that cannot be applied (pubsub.md 6.2; settled point 4).
import { scenario, it, assert, unknownId } from './lib/suite.mjs';
import { login, pingreq, publish, type } from './lib/packets.mjs';

scenario('refused publishes', {}, (d) => {
    let thng;
    let device;
    const prepare = async () => {
        thng ??= await d.api.newThng();
        device ??= await d.api.newDeviceKey(thng.id);
    };
    const permanent = [
        ['an unknown thng', () => `/thngs/${unknownId}/properties/a`, '[{"value":1}]'],
        ['an unknown root', () => '/nonsense/a', '[{"value":1}]'],
        ['invalid JSON', () => `/thngs/${thng.id}/properties/a`, '[{"value":1}'],
        ['an empty payload', () => `/thngs/${thng.id}/properties/a`, ''],
        ['a scalar', () => `/thngs/${thng.id}/properties/a`, '21.5'],
        ['a null value', () => `/thngs/${thng.id}/properties/a`, '[{"value":null}]'],
        ['no key', () => `/thngs/${thng.id}/properties`, '[{"value":1}]'],
        ['a bad timestamp', () => `/thngs/${thng.id}/properties/a`, '[{"value":1,"timestamp":-1}]'],
        ['a location without coordinates', () => `/thngs/${thng.id}/location`, '[{}]'],
        ['an array for a thng', () => `/thngs/${thng.id}`, '[1]'],
        ['an unknown product', () => `/products/${unknownId}/properties/a`, '[{"value":1}]'],
        ['an action on an unknown thng', () => `/thngs/${unknownId}/actions/scans`, '{}'],
        ['an action of an unknown type', () => `/thngs/${thng.id}/actions/_unknown`, '{}'],
        ['an action without a type', () => '/actions/all', '{}'],
        ['a type of action that exists', () => '/actions', '{"name":"scans"}'],
        ['ids for an unknown collection', () => `/collections/${unknownId}/thngs`, '[]'],
        ['a project that is not there', () => `/actions/scans?project=${unknownId}`, '{}'],
        [
            'bytes that are not UTF-8',
            () => `/thngs/${thng.id}/properties/a`,
            Buffer.from('5b7b2276616c7565223a22ff227d5d', 'hex'),
        ],
    ];

    for (const [what, topic, payload] of permanent) {
        it(`${what}: QoS 1 closes without PUBACK`, async () => {
            await prepare();
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(topic(), payload, { qos: 1, id: 9 }));
            await client.closed();
            assert.deepEqual(client.packets, []);
        });

        it(`${what}: QoS 1 with DUP is acknowledged and dropped`, async () => {
            await prepare();
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(topic(), payload, { qos: 1, id: 9, dup: true }));
            assert.equal((await client.next(type.puback)).id, 9);
            client.destroy();
        });

        it(`${what}: QoS 0 is dropped and the connection stays`, async () => {
            await prepare();
            const client = await login(d.port.mqtt, d.key);
            client.send(
                publish(topic(), payload),
                publish(`/thngs/${thng.id}/properties/sound`, [{ value: 1 }], { qos: 1, id: 3 }),
            );
            assert.equal((await client.next(type.puback)).id, 3);
            client.destroy();
        });
    }

    it('a topic that is invalid by its spelling closes at QoS 1', async () => {
        await prepare();
        const topics = [
            `/thngs/${thng.id}/properties/%zz`,
            '/thngs//properties/a',
            `/thngs/${thng.id}/properties/a?x=`.padEnd(513, 'y'),
            `/thngs/${thng.id}${'/x'.repeat(40)}`,
        ];
        for (const topic of topics) {
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(topic, [{ value: 1 }], { qos: 1 }));
            await client.closed();
            assert.deepEqual(client.packets, [], topic);
        }
    });

    it('what may not be published to closes at QoS 1', async () => {
        await prepare();
        const topics = ['/thngs', '/products', '/access', '/time', `/batches/${unknownId}/tasks`];
        for (const topic of topics) {
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(topic, '{"name":"x"}', { qos: 1 }));
            await client.closed();
            assert.deepEqual(client.packets, []);
        }
    });

    it('a device may not publish to another thng', async () => {
        await prepare();
        const other = await d.api.newThng();
        const client = await login(d.port.mqtt, device);
        client.send(publish(`/thngs/${other.id}/properties/a`, [{ value: 1 }], { qos: 1 }));
        await client.closed();
        assert.deepEqual((await d.api.get(`/thngs/${other.id}/properties`)).body, []);
    });

    it('a wildcard, a NUL, bad UTF-8 or nothing as topic closes at any QoS', async () => {
        await prepare();
        const topics = [
            `/thngs/+/properties/a`,
            `/thngs/${thng.id}/#`,
            `/thngs/${thng.id}/properties/a\0b`,
            '',
            Buffer.from('2f7468c3', 'hex'),
            Buffer.from('2feda080', 'hex'),
        ];
        for (const topic of topics) {
            for (const qos of [0, 1]) {
                const client = await login(d.port.mqtt, d.key);
                client.send(publish(topic, [{ value: 1 }], { qos }), pingreq());
                await client.closed();
                assert.deepEqual(
                    client.packets.filter((one) => one.type === type.puback),
                    [],
                );
            }
        }
    });

    it('none of this has stored anything but what was sound', async () => {
        await prepare();
        assert.deepEqual(Object.keys((await d.api.get(`/thngs/${thng.id}`)).body.properties), [
            'sound',
        ]);
        assert.equal(
            (await d.api.history(`/thngs/${thng.id}/properties/sound`)).length,
            permanent.length,
        );
    });

    it('the same key as before, in upper case and escaped, is a topic like any other', async () => {
        await prepare();
        const client = await login(d.port.mqtt, d.key);
        client.send(
            publish(`thngs/${thng.id}/properties/S%4fUND`, [{ value: 2 }], { qos: 1, id: 5 }),
        );
        assert.equal((await client.next(type.puback)).id, 5);
        client.destroy();
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}`)).body.properties, { sound: 2 });
    });
});

scenario(
    'refused publishes with [mqtt] refused_publishes = ack',
    { set: { 'mqtt.refused_publishes': 'ack' } },
    (d) => {
        it('a permanent refusal is acknowledged at once and stores nothing', async () => {
            const thng = await d.api.newThng();
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(`/thngs/${thng.id}/properties/a`, 'no JSON', { qos: 1, id: 4 }));
            assert.equal((await client.next(type.puback)).id, 4);
            client.send(
                publish(`/thngs/${unknownId}/properties/a`, '[{"value":1}]', { qos: 1, id: 5 }),
            );
            assert.equal((await client.next(type.puback)).id, 5);
            client.destroy();
            assert.deepEqual((await d.api.get(`/thngs/${thng.id}/properties`)).body, []);
        });
    },
);
