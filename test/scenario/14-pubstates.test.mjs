// SPDX-License-Identifier: Apache-2.0
// ?pubStates=1: the last value comes with the subscription (pubsub.md 5.2).
import { readFileSync } from 'node:fs';
import { scenario, it, assert, assertPoint, onePoint } from './lib/suite.mjs';
import { wsOpen } from './lib/clients.mjs';
import { login, puback, subscribe, type, unsubscribe } from './lib/packets.mjs';

const residentMib = (d) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${d.pid}/status`))[1]) / 1024;

scenario('pubStates', {}, (d) => {
    const subscribed = async (filter, qos = 1) => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, [filter, qos]));
        assert.deepEqual((await client.next(type.suback)).codes, [qos], 'SUBACK comes first');
        return client;
    };

    it('a property: its latest sample, not retained, with the granted QoS', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        await d.api.must(200, 'PUT', topic, [
            { value: 1, timestamp: 2000 },
            { value: 0, timestamp: 1000 },
        ]);
        for (const qos of [0, 1]) {
            const client = await subscribed(`${topic}?pubStates=1`, qos);
            const message = await client.next(type.publish);
            assert.equal(message.topic, `${topic}?pubStates=1`);
            assert.equal(message.retain, false);
            assert.equal(message.dup, false);
            assert.equal(message.qos, qos);
            assertPoint(onePoint(message.payload), { key: 'a', value: 1, timestamp: 2000 });
            await client.quiet(100);
            client.destroy();
        }
    });

    it('/properties: all current ones, as GET has them', async () => {
        const { id } = await d.api.newThng();
        await d.api.must(200, 'PUT', `/thngs/${id}/properties`, [
            { key: 'b', value: 1 },
            { key: 'a', value: 2 },
        ]);
        const client = await subscribed(`thngs/${id}/properties?pubStates=1`);
        const message = await client.next(type.publish);
        assert.equal(message.payload, (await d.api.get(`/thngs/${id}/properties`)).text);
        client.destroy();
    });

    it('location: the latest entry; a thng: its document', async () => {
        const { id } = await d.api.newThng({ name: 'here' });
        await d.api.must(200, 'PUT', `/thngs/${id}/location`, [
            { latitude: 1, longitude: 1, timestamp: 1 },
            { latitude: 2, longitude: 2, timestamp: 2 },
        ]);
        const place = await subscribed(`/thngs/${id}/location?pubStates=1`);
        assert.equal(onePoint((await place.next(type.publish)).payload).latitude, 2);
        place.destroy();
        const document = await subscribed(`/thngs/${id}?pubStates=1`);
        const thng = JSON.parse((await document.next(type.publish)).payload);
        assert.equal(thng.id, id);
        assert.equal(thng.name, 'here');
        document.destroy();
    });

    it('no value yet: no message, and the first update arrives once', async () => {
        const { id } = await d.api.newThng();
        for (const rest of ['/properties/a', '/properties', '/location']) {
            const client = await subscribed(`/thngs/${id}${rest}?pubStates=1`);
            await client.quiet(150);
            client.destroy();
        }
        const client = await subscribed(`/thngs/${id}/properties/a?pubStates=1`);
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/a`, [{ value: 1 }]);
        assert.equal(onePoint((await client.next(type.publish)).payload).value, 1);
        await client.quiet(100);
        client.destroy();
    });

    it('values other than 1 are 0', async () => {
        const { id } = await d.api.newThng({ name: 'x', properties: { a: 1 } });
        for (const value of ['0', '2', '', 'true', '11']) {
            const client = await subscribed(`/thngs/${id}/properties/a?pubStates=${value}`);
            await client.quiet(100);
            client.destroy();
        }
    });

    it('the same filter again sends the state again', async () => {
        const { id } = await d.api.newThng({ name: 'x', properties: { a: 1 } });
        const filter = `/thngs/${id}/properties/a?pubStates=1`;
        const client = await subscribed(filter);
        await client.next(type.publish);
        client.send(subscribe(2, filter));
        assert.equal((await client.next(type.suback)).id, 2);
        assert.equal(onePoint((await client.next(type.publish)).payload).value, 1);
        client.destroy();
    });

    it('between the state and the live updates there is no gap', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        const last = 300;
        const writing = (async () => {
            for (let i = 1; i <= last; i++) await d.api.must(200, 'PUT', topic, [{ value: i }]);
        })();
        for (let round = 0; round < 10; round++) {
            const client = await login(d.port.mqtt, d.key);
            client.send(subscribe(1, `${topic}?pubStates=1`));
            await client.next(type.suback);
            let before = null;
            for (let i = 0; i < 10; i++) {
                const { value } = onePoint((await client.next(type.publish)).payload);
                assert.ok(
                    before === null || value === before + 1 || value <= before,
                    `${value} after ${before}`,
                );
                before = Math.max(before ?? value, value);
                if (before === last) break;
            }
            client.destroy();
            if (before === last) break;
        }
        await writing;
    });

    it('products as thngs; a collection its document; actions the latest one', async () => {
        const make = (path, body) => d.api.must(201, 'POST', path, body);
        const product = await make('/products', { name: 'x' });
        const collection = await make('/collections', { name: 'c' });
        const properties = `/products/${product.id}/properties`;
        await d.api.must(200, 'PUT', properties, [
            { key: 'b', value: 1 },
            { key: 'a', value: 2 },
        ]);
        const older = await make('/actions/scans', { product: product.id, timestamp: 1000 });
        const newest = await make('/actions/all', { type: 'checkins', product: product.id });
        const state = async (topic) => {
            const client = await subscribed(`${topic}?pubStates=1`);
            const { payload } = await client.next(type.publish);
            await client.quiet(50);
            client.destroy();
            return payload;
        };
        assert.equal(await state(properties), (await d.api.get(properties)).text);
        assert.equal(onePoint(await state(`${properties}/a`)).value, 2);
        const path = `/collections/${collection.id}`;
        assert.deepEqual(JSON.parse(await state(path)), (await d.api.get(path)).body);
        const root = `/products/${product.id}/actions`;
        const { context: _, ...shown } = newest;
        assert.deepEqual(JSON.parse(await state(`${root}/all`)), shown);
        assert.equal(JSON.parse(await state(`${root}/scans`)).id, older.id);
        assert.equal(JSON.parse(await state('/actions/all')).id, newest.id);
        assert.equal(JSON.parse(await state('/actions/checkins')).id, newest.id);
    });

    it('members, types and tasks have none; nor have actions before the first', async () => {
        const { id } = await d.api.newThng();
        const collection = await d.api.must(201, 'POST', '/collections', { name: 'c' });
        const batch = await d.api.must(201, 'POST', '/batches', { name: 'b' });
        await d.api.must(200, 'PUT', `/collections/${collection.id}/thngs`, [id]);
        for (const topic of [
            `/collections/${collection.id}/thngs`,
            '/actions',
            `/batches/${batch.id}/tasks`,
            `/thngs/${id}/actions/all`,
            `/thngs/${id}/actions/shares`,
        ]) {
            const client = await subscribed(`${topic}?pubStates=1`);
            await client.quiet(100);
            client.destroy();
        }
    });

    it('on a native WebSocket too', async () => {
        const { id } = await d.api.newThng({ name: 'x', properties: { a: 'state' } });
        const socket = await wsOpen(d, `/thngs/${id}/properties/a?pubStates=1`);
        assert.equal(onePoint((await socket.next()).payload).value, 'state');
        await socket.end();
    });

    it('who asks for many large states and takes none fills no memory, and gets all in the end', async () => {
        const { id } = await d.api.newThng();
        const value = 'v'.repeat(100000);
        const points = Array.from({ length: 8 }, (_, i) => ({ key: `k${i}`, value }));
        await d.api.must(200, 'PUT', `/thngs/${id}/properties`, points);
        const filters = Array.from({ length: 200 }, (_, i) => [
            `${i % 2 ? `thngs/${id}/properties` : `thngs/${id}/+`}?pubStates=1&n=${i}`,
            i % 3 ? 1 : 0,
        ]);
        const client = await login(d.port.mqtt, d.key);
        const before = residentMib(d);
        client.socket.pause();
        client.send(subscribe(1, ...filters));
        const other = await login(d.port.mqtt, d.key);
        for (let i = 0; i < 30; i++) {
            other.send(subscribe(1, `thngs/${id}/properties/k0?pubStates=1`));
            await other.next(type.suback);
            await other.next(type.publish);
        }
        assert.ok(residentMib(d) < before + 80, `${before} MiB, then ${residentMib(d)} MiB`);
        client.send(unsubscribe(2, filters[199][0]), puback(1)); // not read yet: none comes
        client.socket.resume();
        assert.equal((await client.next(type.suback)).codes.length, filters.length);
        const got = new Set();
        while (got.size < filters.length - 1) {
            const message = await client.next();
            if (message.type !== type.publish) continue;
            got.add(message.topic.slice(message.topic.indexOf('?')));
            if (message.qos) client.send(puback(message.id));
        }
        client.destroy();
        other.destroy();
    });
});
