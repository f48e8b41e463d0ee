// SPDX-License-Identifier: Apache-2.0
// Wildcards over the contract's topics, with the clients that people use (contract: README.md, 6).
import { scenario, it, assert } from './lib/suite.mjs';
import { login, packet, publish, subscribe, type, unsubscribe } from './lib/packets.mjs';
import { mosquittoSub, mqttSub } from './lib/clients.mjs';

/** UNSUBSCRIBE of the same filter, so many times. */
function unsubscribeMany(id, filter, count) {
    const one = Buffer.concat([Buffer.from([0, filter.length]), Buffer.from(filter)]);
    const all = Buffer.alloc(one.length * count, one);
    return packet(0xa2, [id >> 8, id & 0xff], all);
}

scenario('wildcards', {}, (d) => {
    const subscribed = async (key, ...filters) => {
        const client = await login(d.port.mqtt, key);
        client.send(subscribe(1, ...filters.map((filter) => [filter, 0])));
        return { client, codes: (await client.next(type.suback)).codes };
    };
    const value = (payload) => JSON.parse(payload)[0].value;

    it('the topic is the concrete one, with slash and options as the filter has them', async () => {
        const { id } = await d.api.newThng();
        const filters = [
            '/thngs/+/properties/temp?pubStates=0',
            `thngs/${id}/#`,
            `/+/${id}/properties`,
            '/thngs/+/properties/+/',
        ];
        const { client, codes } = await subscribed(d.key, ...filters);
        assert.deepEqual(codes, [0, 0, 0, 0]);
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/temp`, [{ value: 1 }]);
        const topics = [];
        for (let i = 0; i < 5; i++) {
            const message = await client.next(type.publish);
            assert.equal(value(message.payload), 1);
            topics.push(message.topic);
        }
        assert.deepEqual(topics.sort(), [
            `/thngs/${id}/properties`,
            `/thngs/${id}/properties/temp`,
            `/thngs/${id}/properties/temp?pubStates=0`,
            `thngs/${id}/properties`,
            `thngs/${id}/properties/temp`,
        ].sort());
        await client.quiet(100);
        client.send(unsubscribe(2, 'thngs/+/properties/temp'));
        await client.next(type.unsuback);
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/temp`, [{ value: 2 }]);
        for (let i = 0; i < 4; i++) await client.next(type.publish);
        await client.quiet(100);
        client.destroy();
    });

    it('mosquitto_sub and the mqtt module route what comes by their filters', async () => {
        const { id } = await d.api.newThng();
        const sub = await mosquittoSub(d, '/thngs/+/properties/#');
        const js = await mqttSub(d, d.url.mqtt, 'thngs/+/properties/hum');
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/hum`, [{ value: 3 }]);
        assert.equal((await js.next()).topic, `thngs/${id}/properties/hum`);
        assert.equal((await sub.next()).topic, `/thngs/${id}/properties`);
        assert.equal((await sub.next()).topic, `/thngs/${id}/properties/hum`);
    });

    it('everything: #, beside what each family sends', async () => {
        const { client } = await subscribed(d.key, '#');
        const thng = await d.api.newThng();
        const collection = await d.api.must(201, 'POST', '/collections', { name: 'c' });
        await d.api.must(200, 'PUT', `/thngs/${thng.id}`, { name: 'n' });
        await d.api.must(200, 'PUT', `/collections/${collection.id}/thngs`, [thng.id]);
        await d.api.must(201, 'POST', '/actions', { name: '_wild' });
        await d.api.must(201, 'POST', `/thngs/${thng.id}/actions/_wild`, {});
        await d.api.must(200, 'DELETE', '/actions/_wild');
        const topics = [];
        for (let i = 0; i < 8; i++) topics.push((await client.next(type.publish)).topic);
        assert.deepEqual(topics, [
            `thngs/${thng.id}`,
            `collections/${collection.id}/thngs`,
            'actions',
            'actions/all',
            'actions/_wild',
            `thngs/${thng.id}/actions/all`,
            `thngs/${thng.id}/actions/_wild`,
            'actions/_wild',
        ]);
        client.destroy();
    });

    it('pubStates: the state of each, 1,000 at most', async () => {
        const thngs = [];
        for (let i = 0; i < 3; i++) thngs.push(await d.api.newThng());
        for (const [i, { id }] of thngs.entries())
            await d.api.must(200, 'PUT', `/thngs/${id}/properties`, [
                { key: 'state-a', value: i },
                { key: 'state-b', value: -i },
            ]);
        const { client } = await subscribed(d.key, '/thngs/+/properties/state-a?pubStates=1');
        const states = new Map();
        for (let i = 0; i < 3; i++) {
            const { topic, payload, retain } = await client.next(type.publish);
            assert.equal(retain, false);
            states.set(topic, value(payload));
        }
        for (const [i, { id }] of thngs.entries())
            assert.equal(states.get(`/thngs/${id}/properties/state-a?pubStates=1`), i);
        await client.quiet(100);
        client.destroy();
        const each = await subscribed(d.key, `thngs/${thngs[2].id}/properties/+?pubStates=1`);
        const values = [];
        for (let i = 0; i < 2; i++) values.push(value((await each.client.next(type.publish)).payload));
        assert.deepEqual(values.sort(), [-2, 2]);
        await each.client.quiet(100);
        each.client.destroy();
        const device = await d.api.newDeviceKey(thngs[0].id);
        const own = await subscribed(device, '/thngs/+/properties/+?pubStates=1');
        for (let i = 0; i < 2; i++)
            assert.match((await own.client.next(type.publish)).topic, new RegExp(thngs[0].id));
        await own.client.quiet(100);
        own.client.destroy();
    });

    it('more states than are sent: the first 1,000', async () => {
        const { id } = await d.api.newThng();
        for (let part = 0; part < 2; part++)
            await d.api.must(
                200,
                'PUT',
                `/thngs/${id}/properties`,
                Array.from({ length: 500 }, (_, i) => ({ key: `k${part * 500 + i}`, value: i })),
            );
        const { client } = await subscribed(d.key, `/thngs/${id}/#?pubStates=1`);
        const topics = new Set();
        for (let i = 0; i < 1000; i++) topics.add((await client.next(type.publish)).topic);
        assert.equal(topics.size, 1000);
        await client.quiet(100);
        client.destroy();
    });

    it('as many as a session may have, and a packet full of filters to take back', async () => {
        const many = 10000;
        const spelled = Array.from({ length: many }, (_, i) => `#?n=${i}`);
        const { client, codes } = await subscribed(d.key, ...spelled);
        assert.deepEqual(codes, Array(many).fill(0));
        client.send(subscribe(2, ...spelled.map((filter) => [filter, 1]), ['+?n=0', 1]));
        assert.deepEqual((await client.next(type.suback)).codes, [...Array(many).fill(1), 0x80]);
        client.send(subscribe(3, ['actions', 0]));
        assert.deepEqual((await client.next(type.suback)).codes, [0x80]);
        const other = (await subscribed(d.key, 'actions')).client;
        // Others' filter, and those of nobody: each is looked for among all that there are.
        client.send(unsubscribeMany(4, 'actions', 90000), unsubscribeMany(5, '#', 1));
        assert.equal((await client.next(type.unsuback)).id, 4);
        assert.equal((await client.next(type.unsuback)).id, 5);
        client.send(subscribe(6, ['actions', 0]));
        assert.deepEqual((await client.next(type.suback)).codes, [0]);
        client.destroy();
        other.destroy();
    });

    it('what is refused, and what is granted', async () => {
        const { id } = await d.api.newThng();
        const device = await d.api.newDeviceKey(id);
        const { client, codes } = await subscribed(
            device,
            '/collections/#',
            '/batches/+/tasks',
            '/thngs/#',
            '/places/+',
            `/thngs/${(await d.api.newThng()).id}/#`,
            '/thngs/UAAAAAAAAAAAAAAAAAAAAAAA/+',
            '/#/thngs',
            '/thngs/+/properties?from=-1h',
        );
        assert.deepEqual(codes, [0x80, 0x80, 0, 0x80, 0x80, 0x80, 0x80, 0x80]);
        client.send(publish('/thngs/+/properties', '[{"key":"a","value":1}]'));
        await client.closed();
    });
});
