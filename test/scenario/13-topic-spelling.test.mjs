// SPDX-License-Identifier: Apache-2.0
// Each client gets its topic in its own spelling, byte for byte (pubsub.md 2, 6).
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { login, publish, subscribe, type, unsubscribe } from './lib/packets.mjs';

scenario('the spelling of topics', {}, (d) => {
    const spellings = [
        (id) => `/thngs/${id}/properties/room%20temp`,
        (id) => `thngs/${id}/properties/room%20temp`,
        (id) => `thngs/${id}/properties/room%20temp?pubStates=0`,
        (id) => `/thngs/${id}/properties/room%20temp/`,
        (id) => `thngs/${id}/properties/room%20temp/?pubStates=0&nonsense=%20`,
        (id) => `/thngs/${id}/properties/Room%20TEMP`,
        (id) => `/thngs/${id}/properties/%72oom%20temp`,
        (id) => `/%74hngs/${id}/properties/room%20temp`,
        (id) => `/thngs/${id}/properties/room temp`,
        (id) => `/thngs/${id}/properties/`,
        (id) => `thngs/${id}/properties?pubStates=0`,
    ];

    it('one client with eleven spellings gets eleven messages, each in its spelling', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const filters = spellings.map((make) => make(id));
        client.send(subscribe(1, ...filters));
        assert.deepEqual(
            (await client.next(type.suback)).codes,
            filters.map(() => 1),
        );
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/room%20temp`, [{ value: 7 }]);
        const found = [];
        for (let i = 0; i < filters.length; i++) {
            const message = await client.next(type.publish);
            found.push(message.topic);
            assert.equal(onePoint(message.payload).key, 'room temp');
        }
        assert.deepEqual(found.sort(), [...filters].sort());
        await client.quiet(100);
        client.destroy();
    });

    for (const make of spellings.slice(0, 9)) {
        it(`a publish to ${make('T')} is one to "room temp"`, async () => {
            const { id } = await d.api.newThng();
            const client = await login(d.port.mqtt, d.key);
            client.send(publish(make(id), [{ value: 1 }], { qos: 1, id: 2 }));
            await client.next(type.puback);
            client.destroy();
            assert.deepEqual((await d.api.get(`/thngs/${id}`)).body.properties, { 'room temp': 1 });
        });
    }

    it('plus stays plus, %2B and %23 are ordinary characters', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        client.send(publish(`/thngs/${id}/properties/a%2Bb%23`, [{ value: 1 }], { qos: 1 }));
        await client.next(type.puback);
        client.destroy();
        assert.deepEqual((await d.api.get(`/thngs/${id}`)).body.properties, { 'a+b#': 1 });
    });

    it('the identical string again replaces the subscription', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const topic = `/thngs/${id}/properties/a`;
        client.send(
            subscribe(1, [topic, 0]),
            subscribe(2, [topic, 1]),
            subscribe(3, [`/thngs/${id}/location`, 1]),
        );
        for (let i = 0; i < 3; i++) await client.next(type.suback);
        await d.api.must(200, 'PUT', topic, [{ value: 1 }]);
        await d.api.must(200, 'PUT', `/thngs/${id}/location`, [{ latitude: 1, longitude: 1 }]);
        const before = await client.before(`/thngs/${id}/location`);
        assert.deepEqual(
            before.map((message) => [message.topic, message.qos]),
            [[topic, 1]],
        );
        client.destroy();
    });

    it('UNSUBSCRIBE takes the exact string; without one, the strings of the same topic', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const topic = `/thngs/${id}/properties/a`;
        const end = `/thngs/${id}/location`;
        const received = async () => {
            await d.api.must(200, 'PUT', topic, [{ value: 1 }]);
            await d.api.must(200, 'PUT', end, [{ latitude: 1, longitude: 1 }]);
            return (await client.before(end)).map((message) => message.topic).sort();
        };
        const plain = topic.slice(1);
        client.send(subscribe(1, topic, plain, `${topic}?pubStates=0`, end));
        await client.next(type.suback);
        assert.deepEqual(await received(), [topic, `${topic}?pubStates=0`, plain].sort());
        client.send(unsubscribe(2, plain));
        assert.equal((await client.next(type.unsuback)).id, 2);
        assert.deepEqual(await received(), [topic, `${topic}?pubStates=0`].sort());
        client.send(unsubscribe(3, `${plain}?pubStates=1`));
        assert.equal((await client.next(type.unsuback)).id, 3);
        assert.deepEqual(await received(), []);
        client.send(unsubscribe(4, '/thngs/nothing/like/it', '$bad%zz'));
        assert.equal((await client.next(type.unsuback)).id, 4);
        client.destroy();
    });

    it('actions, types and members in other spellings come back in those', async () => {
        const thng = await d.api.newThng();
        const collection = await d.api.must(201, 'POST', '/collections', { name: 'x' });
        const client = await login(d.port.mqtt, d.key);
        const filters = [
            'actions/%5Fspelt/',
            '/actions/all?pubStates=0&x=1',
            `thngs/${thng.id}/actions/_spel%74`,
            'actions/?a',
            `collections/${collection.id}/thngs/`,
        ];
        await d.api.must(201, 'POST', '/actions', { name: '_spelt' });
        client.send(subscribe(1, ...filters));
        assert.deepEqual(
            (await client.next(type.suback)).codes,
            filters.map(() => 1),
        );
        const publisher = await login(d.port.mqtt, d.key);
        publisher.send(
            publish(`thngs/${thng.id}/actions/%5fspelt/`, {}, { qos: 1, id: 2 }),
            publish('actions', { name: '_other' }, { qos: 1, id: 3 }),
            publish(`collections/${collection.id}/thngs?`, [thng.id], { qos: 1, id: 4 }),
        );
        for (let i = 0; i < 3; i++) await publisher.next(type.puback);
        publisher.destroy();
        const found = [];
        for (let i = 0; i < filters.length; i++) {
            found.push((await client.next(type.publish)).topic);
        }
        assert.deepEqual(found.sort(), [...filters].sort());
        client.destroy();
    });
});
