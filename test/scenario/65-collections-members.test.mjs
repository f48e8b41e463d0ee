// SPDX-License-Identifier: Apache-2.0
// Who is in a collection: thngs and child collections (rest.md 6; pubsub.md 3, 4).
import { scenario, it, assert, assertError, unknownId } from './lib/suite.mjs';
import { login, publish, subscribe, type } from './lib/packets.mjs';
import { wsOpen } from './lib/clients.mjs';

scenario('members of collections', {}, (d) => {
    const newCollection = (name = 'a collection') =>
        d.api.must(201, 'POST', '/collections', { name });
    const newThngs = (count) => Promise.all(Array.from({ length: count }, () => d.api.newThng()));
    const members = async (collection, query = '') =>
        (await d.api.must(200, 'GET', `/collections/${collection.id}/thngs${query}`)).map(
            (thng) => thng.id,
        );
    const add = (collection, ...thngs) =>
        d.api.must(200, 'PUT', `/collections/${collection.id}/thngs`, thngs.map((one) => one.id));
    const follow = async (collection) => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, `/collections/${collection.id}/thngs`));
        assert.deepEqual((await client.next(type.suback)).codes, [1]);
        return client;
    };
    const notice = async (client) => {
        const { timestamp, ...rest } = JSON.parse((await client.next(type.publish)).payload);
        assert.ok(Number.isInteger(timestamp));
        return rest;
    };

    it('PUT adds, never replaces, and answers the collection as it was', async () => {
        const collection = await newCollection();
        const [a, b] = await newThngs(2);
        assert.deepEqual(await add(collection, a), collection);
        assert.deepEqual(await add(collection, a, b), collection);
        assert.deepEqual((await members(collection)).sort(), [a.id, b.id].sort());
        const thng = (await d.api.get(`/thngs/${a.id}`)).body;
        assert.deepEqual(thng.collections, [collection.id]);
        assert.ok(thng.updatedAt >= a.updatedAt);
        assert.equal((await d.api.get(`/collections/${collection.id}`)).body.updatedAt, collection.updatedAt);
    });

    it('notices list what has really changed, and nothing else is told', async () => {
        const collection = await newCollection();
        const [a, b, c] = await newThngs(3);
        const client = await follow(collection);
        await add(collection, a, b);
        assert.deepEqual(await notice(client), { operation: 'thngsAdded', resources: [a.id, b.id] });
        await add(collection, a, b);
        await add(collection, b, c);
        assert.deepEqual(await notice(client), { operation: 'thngsAdded', resources: [c.id] });
        await d.api.must(200, 'DELETE', `/collections/${collection.id}/thngs/${a.id}`);
        assert.deepEqual(await notice(client), { operation: 'thngsRemoved', resources: [a.id] });
        const cleared = await d.api.delete(`/collections/${collection.id}/thngs`);
        assert.equal(cleared.status, 200);
        assert.equal(cleared.text, '');
        const last = await notice(client);
        assert.equal(last.operation, 'thngsCleared');
        assert.deepEqual(last.resources.sort(), [b.id, c.id].sort());
        await d.api.must(200, 'DELETE', `/collections/${collection.id}/thngs`);
        await client.quiet(100);
        assert.deepEqual(await members(collection), []);
        assert.equal('collections' in (await d.api.get(`/thngs/${b.id}`)).body, false);
        client.destroy();
    });

    it('the same id twice in one array joins once', async () => {
        const collection = await newCollection();
        const [a] = await newThngs(1);
        const client = await follow(collection);
        await add(collection, a, a);
        assert.deepEqual(await notice(client), { operation: 'thngsAdded', resources: [a.id] });
        assert.deepEqual(await members(collection), [a.id]);
        client.destroy();
    });

    it('publishing ids is the same as PUT', async () => {
        const collection = await newCollection();
        const [a] = await newThngs(1);
        const topic = `/collections/${collection.id}/thngs`;
        const client = await follow(collection);
        client.send(publish(topic, [a.id], { qos: 1, id: 7 }));
        assert.deepEqual(await notice(client), { operation: 'thngsAdded', resources: [a.id] });
        assert.deepEqual(await members(collection), [a.id]);
        client.destroy();
    });

    it('what cannot be put in is refused, and nothing is added', async () => {
        const collection = await newCollection();
        const other = await newCollection();
        const [a] = await newThngs(1);
        const path = `/collections/${collection.id}/thngs`;
        for (const [status, body] of [
            [400, [a.id, unknownId]],
            [400, [a.id, 'short']],
            [400, [a.id, other.id]],
            [400, [a.id, 1]],
            [400, { id: a.id }],
            [400, '[1'],
            [400, Array.from({ length: 10001 }, () => a.id)],
        ]) {
            assertError(await d.api.put(path, body), status);
        }
        assertError(await d.api.put(`/collections/${unknownId}/thngs`, [a.id]), 404);
        assertError(await d.api.put(`/collections/${unknownId}/thngs`, [1]), 404);
        assertError(await d.api.delete(`${path}/${a.id}`), 404);
        assertError(await d.api.delete(`${path}/${unknownId}`), 404);
        assertError(await d.api.get(`/collections/${unknownId}/thngs`), 404);
        assert.deepEqual(await members(collection), []);
    });

    it('the list takes the parameters of lists', async () => {
        const collection = await newCollection();
        const thngs = [];
        for (let i = 0; i < 5; i++) thngs.push(await d.api.newThng({ name: `n${i}`, tags: ['t'] }));
        await add(collection, ...thngs);
        const newestFirst = thngs.map((thng) => thng.id).reverse();
        assert.deepEqual(await members(collection, '?perPage=2'), newestFirst.slice(0, 2));
        assert.deepEqual(await members(collection, '?sortOrder=ASCENDING'), [...newestFirst].reverse());
        assert.deepEqual(await members(collection, '?filter=name%3Dn3'), [thngs[3].id]);
        const head = await d.api.head(`/collections/${collection.id}/thngs`);
        assert.equal(head.headers['x-result-count'], '5');
        const filter = encodeURIComponent(`collections=${collection.id}`);
        const found = await d.api.must(200, 'GET', `/thngs?filter=${filter}`);
        assert.deepEqual(
            found.map((thng) => thng.id),
            newestFirst,
        );
    });

    it('a deleted thng leaves its collections', async () => {
        const [one, two] = [await newCollection(), await newCollection()];
        const [a, b] = await newThngs(2);
        await add(one, a, b);
        await add(two, a);
        const client = await follow(one);
        await d.api.must(200, 'DELETE', `/thngs/${a.id}`);
        assert.deepEqual(await notice(client), { operation: 'thngsRemoved', resources: [a.id] });
        assert.deepEqual(await members(one), [b.id]);
        assert.deepEqual(await members(two), []);
        client.destroy();
    });

    it('a deleted collection is emptied first; its members stay', async () => {
        const collection = await newCollection();
        const [a] = await newThngs(1);
        await add(collection, a);
        const client = await follow(collection);
        client.send(subscribe(2, `/collections/${collection.id}`));
        await client.next(type.suback);
        await d.api.must(200, 'DELETE', `/collections/${collection.id}`);
        assert.deepEqual(await notice(client), { operation: 'thngsCleared', resources: [a.id] });
        assert.deepEqual(await notice(client), { operation: 'deleted', resources: [collection.id] });
        assert.equal('collections' in (await d.api.get(`/thngs/${a.id}`)).body, false);
        client.destroy();
    });

    it('a large collection is emptied at once, and told of 500 at a time', async () => {
        const collection = await newCollection();
        const thngs = [];
        for (let i = 0; i < 12; i++) thngs.push(...(await newThngs(100)));
        const client = await follow(collection);
        await add(collection, ...thngs);
        const joined = new Set();
        while (joined.size < thngs.length) {
            const one = await notice(client);
            assert.equal(one.operation, 'thngsAdded');
            assert.ok(one.resources.length <= 500);
            for (const id of one.resources) joined.add(id);
        }
        await d.api.must(200, 'DELETE', `/collections/${collection.id}/thngs`);
        assert.deepEqual(await members(collection), []);
        const left = new Set();
        while (left.size < thngs.length) {
            const one = await notice(client);
            assert.equal(one.operation, 'thngsCleared');
            assert.ok(one.resources.length <= 500);
            for (const id of one.resources) {
                assert.equal(left.has(id), false, 'each is told once');
                left.add(id);
            }
        }
        assert.deepEqual([...left].sort(), [...joined].sort());
        client.destroy();
    });

    it('child collections: direct ones, without circles, told to nobody', async () => {
        const [top, middle, low] = [await newCollection(), await newCollection(), await newCollection()];
        const children = (collection) => `/collections/${collection.id}/collections`;
        const client = await follow(top);
        const answer = await d.api.post(children(top), [middle.id]);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        await d.api.must(200, 'POST', children(middle), [low.id]);
        assert.deepEqual(
            (await d.api.must(200, 'GET', children(top))).map((one) => one.id),
            [middle.id],
        );
        assert.deepEqual((await d.api.get(`/collections/${low.id}`)).body.collections, [middle.id]);
        for (const [parent, child] of [
            [top, top],
            [low, top],
            [low, middle],
            [middle, top],
        ]) {
            assertError(await d.api.post(children(parent), [child.id]), 400);
        }
        assertError(await d.api.post(children(top), [unknownId]), 400);
        assertError(await d.api.delete(`${children(top)}/${low.id}`), 404);
        await d.api.must(200, 'DELETE', `${children(top)}/${middle.id}`);
        await d.api.must(200, 'POST', children(low), [top.id]);
        await d.api.must(200, 'DELETE', children(middle));
        assert.deepEqual(await d.api.must(200, 'GET', children(middle)), []);
        await client.quiet(100);
        client.destroy();
    });

    it('a socket on the members ends when the collection is deleted', async () => {
        const collection = await newCollection();
        const socket = await wsOpen(d, `/collections/${collection.id}/thngs`);
        await d.api.must(200, 'DELETE', `/collections/${collection.id}`);
        assert.equal((await socket.closed).code, 1001);
    });
});
