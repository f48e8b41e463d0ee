// SPDX-License-Identifier: Apache-2.0
// Which subscriptions are granted and which are refused (pubsub.md 6.1; settled point 3).
import { scenario, it, assert, onePoint, unknownId } from './lib/suite.mjs';
import { login, publish, subscribe, type } from './lib/packets.mjs';

scenario('refused subscriptions', {}, (d) => {
    const codes = async (client, ...filters) => {
        client.send(subscribe(1, ...filters));
        return (await client.next(type.suback)).codes;
    };

    it('the topics of a thng are granted, a property key never used among them', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const filters = ['', '/properties', '/properties/never', '/location'].map(
            (rest) => `/thngs/${id}${rest}`,
        );
        assert.deepEqual(await codes(client, ...filters), [1, 1, 1, 1]);
        client.destroy();
    });

    it('the granted QoS is the one asked for, and 1 where 2 is asked for', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const topic = `/thngs/${id}/properties`;
        assert.deepEqual(
            await codes(client, [`${topic}/a`, 0], [`${topic}/b`, 1], [`${topic}/c`, 2]),
            [0, 1, 1],
        );
        client.destroy();
    });

    it('unknown thngs, what is no topic and invalid topics answer 0x80 and the connection stays', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const topics = [
            `/thngs/${unknownId}`,
            `/thngs/${unknownId}/properties`,
            `/thngs/${unknownId}/properties/a`,
            `/thngs/${unknownId}/location`,
            '/thngs/short/properties',
            '/thngs',
            '/products',
            `/products/${unknownId}`,
            '/collections',
            '/places',
            '/users',
            '/access',
            '/time',
            '/nonsense',
            '/',
            `/thngs/${id}/nonsense`,
            `/thngs/${id}/properties/a/b`,
            `/thngs/${id}/properties/%zz`,
            `/thngs/${id}/properties/%4`,
            `/thngs/${id}/properties/%00`,
            `/thngs/${id}/properties/%ff`,
            `/thngs//${id}/properties`,
            `//thngs/${id}/properties`,
            '$SYS/broker/uptime',
            '/$SYS/x',
            `/thngs/${id}/properties/a?x=`.padEnd(513, 'y'),
            `/thngs/${id}${'/x'.repeat(40)}`,
        ];
        for (const topic of topics) assert.deepEqual(await codes(client, topic), [0x80], topic);
        assert.deepEqual(await codes(client, `/thngs/${id}/properties/a?x=`.padEnd(512, 'y')), [1]);
        client.destroy();
    });

    it('of several filters the good ones are granted and deliver', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const topic = `/thngs/${id}/properties/a`;
        assert.deepEqual(
            await codes(
                client,
                `/thngs/${unknownId}/properties`,
                [topic, 0],
                '/thngs',
                `/thngs/${id}`,
            ),
            [0x80, 0, 0x80, 1],
        );
        client.send(publish(topic, [{ value: 5 }]));
        assert.equal(onePoint((await client.next(type.publish)).payload).value, 5);
        client.destroy();
    });

    it('products, collections and batches: their topics are granted, unknown ones refused', async () => {
        const make = (path) => d.api.must(201, 'POST', path, { name: 'x' });
        const product = await make('/products');
        const collection = await make('/collections');
        const batch = await make('/batches');
        const client = await login(d.port.mqtt, d.key);
        for (const [root, id, rests] of [
            ['products', product.id, ['/properties', '/properties/never', '/actions/all']],
            ['collections', collection.id, ['', '/thngs', '/actions/all', '/actions/scans']],
            ['batches', batch.id, ['/tasks']],
        ]) {
            const filters = (one) => rests.map((rest) => `/${root}/${one}${rest}`);
            assert.deepEqual(
                await codes(client, ...filters(id)),
                rests.map(() => 1),
            );
            assert.deepEqual(
                await codes(client, ...filters(unknownId)),
                rests.map(() => 0x80),
            );
        }
        assert.deepEqual(
            await codes(
                client,
                `/products/${product.id}`,
                `/products/${collection.id}/properties`,
                `/collections/${product.id}`,
                `/batches/${batch.id}`,
                `/batches/${batch.id}/tasks/${unknownId}`,
            ),
            [0x80, 0x80, 0x80, 0x80, 0x80],
        );
        client.destroy();
    });

    it('a type nobody has made yet may be waited for in the account, not on a resource', async () => {
        const { id } = await d.api.newThng();
        await d.api.must(201, 'POST', '/actions', { name: '_known' });
        const client = await login(d.port.mqtt, d.key);
        assert.deepEqual(
            await codes(
                client,
                '/actions',
                '/actions/all',
                '/actions/_unknown',
                `/thngs/${id}/actions/all`,
                `/thngs/${id}/actions/_known`,
                `/thngs/${id}/actions/scans`,
                `/thngs/${id}/actions/_unknown`,
                `/actions/_known/${unknownId}`,
            ),
            [1, 1, 1, 1, 1, 1, 0x80, 0x80],
        );
        client.destroy();
    });

    it('the option project: one that exists, and in which the resource is seen', async () => {
        const project = await d.api.must(201, 'POST', '/projects', { name: 'p' });
        const inside = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 'x' });
        const outside = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        assert.deepEqual(
            await codes(
                client,
                `/actions/all?project=${project.id}`,
                `/thngs/${inside.id}/properties?project=${project.id}`,
                `/thngs/${outside.id}/properties?project=${project.id}`,
                `/actions/all?project=${unknownId}`,
                `/actions/all?project=${inside.id}`,
                '/actions/all?project=short',
            ),
            [1, 1, 0x80, 0x80, 0x80, 0x80],
        );
        client.destroy();
    });

    it('a device sees its own thng only', async () => {
        const own = await d.api.newThng();
        const other = await d.api.newThng();
        const client = await login(d.port.mqtt, await d.api.newDeviceKey(own.id));
        assert.deepEqual(
            await codes(
                client,
                `/thngs/${own.id}/properties`,
                `/thngs/${other.id}/properties`,
                `/thngs/${own.id}`,
                `/thngs/${own.id}/actions/all`,
                `/thngs/${other.id}/actions/all`,
                '/actions/all',
                '/actions',
            ),
            [1, 0x80, 1, 1, 0x80, 0x80, 0x80],
        );
        client.destroy();
    });

    it('a thng that is deleted is unknown', async () => {
        const { id } = await d.api.newThng();
        await d.api.must(200, 'DELETE', `/thngs/${id}`);
        const client = await login(d.port.mqtt, d.key);
        assert.deepEqual(await codes(client, `/thngs/${id}/properties`), [0x80]);
        client.destroy();
    });
});

scenario(
    'with [mqtt] refused_subscriptions = silent',
    { set: { 'mqtt.refused_subscriptions': 'silent' } },
    (d) => {
        it('a refused filter is granted in appearance and delivers nothing', async () => {
            const own = await d.api.newThng();
            const other = await d.api.newThng();
            const client = await login(d.port.mqtt, await d.api.newDeviceKey(own.id));
            client.send(
                subscribe(
                    1,
                    `/thngs/${other.id}/properties/a`,
                    [`/thngs/${own.id}/properties/a`, 0],
                    `/thngs/${unknownId}`,
                ),
            );
            assert.deepEqual((await client.next(type.suback)).codes, [1, 0, 1]);
            await d.api.must(200, 'PUT', `/thngs/${other.id}/properties/a`, [{ value: 1 }]);
            await d.api.must(200, 'PUT', `/thngs/${own.id}/properties/a`, [{ value: 2 }]);
            assert.deepEqual(await client.before(`/thngs/${own.id}/properties/a`), []);
            client.destroy();
        });
    },
);
