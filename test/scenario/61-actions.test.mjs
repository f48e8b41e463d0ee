// SPDX-License-Identifier: Apache-2.0
// Actions and action types (rest.md 7; pubsub.md 3, 4).
import {
    scenario,
    it,
    assert,
    assertCompact,
    assertError,
    idPattern,
    unknownId,
} from './lib/suite.mjs';
import { login, publish, subscribe, type } from './lib/packets.mjs';
import { nextLink, request, Rest } from './lib/rest.mjs';
import { wsOpen } from './lib/clients.mjs';

const builtIn = [
    'checkins',
    'implicitScans',
    'scans',
    'shares',
    'encodings',
    'commissions',
    'decommissions',
    'invalidScans',
];

scenario('actions', {}, (d) => {
    let serial = 0;
    const post = (path, body) => d.api.must(201, 'POST', path, body);
    const newType = async () => {
        const name = `_type${++serial}`;
        await post('/actions', { name });
        return name;
    };
    const newProduct = () => post('/products', { name: 'a product' });
    const newCollection = () => post('/collections', { name: 'a collection' });
    const ids = (actions) => actions.map((action) => action.id);

    it('an action without a target, with what its request says of itself', async () => {
        const name = await newType();
        const answer = await d.api.post(
            `/actions/${name}`,
            { tags: ['a'], customFields: { level: 2.5 }, identifiers: { 'gs1:21': '7' } },
            { headers: { 'user-agent': 'scenario/1.0' } },
        );
        assert.equal(answer.status, 201, answer.text);
        assertCompact(answer);
        const { id, timestamp, createdAt, ...rest } = answer.body;
        assert.match(id, idPattern);
        assert.equal(answer.headers.location, `/actions/${name}/${id}`);
        assert.ok(Number.isInteger(createdAt) && timestamp === createdAt);
        assert.deepEqual(rest, {
            type: name,
            tags: ['a'],
            customFields: { level: 2.5 },
            identifiers: { 'gs1:21': '7' },
            context: { ipAddress: '127.0.0.1', userAgent: 'scenario/1.0' },
        });
        const { context, ...shown } = answer.body;
        const path = `/actions/${name}/${id}`;
        assert.deepEqual((await d.api.get(path)).body, shown);
        assert.deepEqual((await d.api.get(`${path}?context=true`)).body, answer.body);
    });

    it('the path fills the target, and a thng its product', async () => {
        const name = await newType();
        const product = await newProduct();
        const thng = await d.api.newThng({ name: 'x', product: product.id });
        const collection = await newCollection();
        for (const [root, id, wanted] of [
            ['thngs', thng.id, { thng: thng.id, product: product.id }],
            ['products', product.id, { product: product.id }],
            ['collections', collection.id, { collection: collection.id }],
        ]) {
            const answer = await d.api.post(`/${root}/${id}/actions/${name}`, { type: name });
            assert.equal(answer.status, 201, answer.text);
            const path = `/${root}/${id}/actions/${name}/${answer.body.id}`;
            assert.equal(answer.headers.location, path);
            const { thng: t, product: p, collection: c } = answer.body;
            assert.deepEqual(JSON.parse(JSON.stringify({ thng: t, product: p, collection: c })), wanted);
            const { context, ...shown } = answer.body;
            assert.deepEqual((await d.api.get(path)).body, shown);
            assert.deepEqual((await d.api.get(path.replace(name, 'all'))).body, shown);
            assert.deepEqual((await d.api.get(`/actions/all/${answer.body.id}`)).body, shown);
        }
    });

    it('an action is found under its own root and type alone', async () => {
        const [name, other] = [await newType(), await newType()];
        const [mine, theirs] = [await d.api.newThng(), await d.api.newThng()];
        const { id } = await post(`/thngs/${mine.id}/actions/${name}`, {});
        for (const path of [
            `/thngs/${theirs.id}/actions/${name}/${id}`,
            `/thngs/${mine.id}/actions/${other}/${id}`,
            `/actions/${other}/${id}`,
            `/actions/${name}/${unknownId}`,
            `/actions/${name}/${mine.id}`,
            `/thngs/${unknownId}/actions/${name}/${id}`,
        ]) {
            assertError(await d.api.get(path), 404);
        }
    });

    it('an array is recorded in its order, as a whole', async () => {
        const [name, other] = [await newType(), await newType()];
        const thng = await d.api.newThng();
        const answer = await d.api.post('/actions/all', [
            { type: name, customFields: { n: 1 } },
            { type: other, thng: thng.id },
            { type: 'scans', timestamp: 5 },
        ]);
        assert.equal(answer.status, 201, answer.text);
        assertCompact(answer);
        assert.equal(answer.headers.location, undefined);
        assert.deepEqual(
            answer.body.map((action) => action.type),
            [name, other, 'scans'],
        );
        assert.equal(answer.body[2].timestamp, 5);
        for (const action of answer.body) {
            assert.equal(action.context.ipAddress, '127.0.0.1');
            const { context, ...shown } = action;
            assert.deepEqual((await d.api.get(`/actions/all/${action.id}`)).body, shown);
        }
        const one = await d.api.post(`/thngs/${thng.id}/actions/all`, [{ type: name }]);
        assert.ok(Array.isArray(one.body) && one.body.length === 1);
        const none = await d.api.post('/actions/all', []);
        assert.equal(none.status, 201);
        assert.equal(none.text, '[]');
    });

    it('a thousand actions of one request come back in order; one more is refused', async () => {
        const name = await newType();
        const actions = Array.from({ length: 1001 }, (_, i) => ({
            type: name,
            customFields: { n: i },
        }));
        assertError(await d.api.post('/actions/all', actions), 400);
        const answer = await d.api.post('/actions/all', actions.slice(0, 1000));
        assert.equal(answer.status, 201);
        assert.deepEqual(
            answer.body.map((action) => action.customFields.n),
            Array.from({ length: 1000 }, (_, i) => i),
        );
        assert.equal((await d.api.head(`/actions/${name}`)).headers['x-result-count'], '1000');
    });

    for (const [what, status, path, body] of [
        ['no type', 400, () => '/actions/all', () => ({})],
        ['an unknown custom type', 404, () => '/actions/_never', () => ({})],
        ['an unknown type in the body', 404, () => '/actions/all', () => ({ type: '_never' })],
        ['a type that differs', 400, (c) => `/actions/${c.name}`, () => ({ type: 'scans' })],
        ['a target that differs', 400, (c) => `/thngs/${c.thng}/actions/scans`, () => ({ thng: unknownId })],
        ['an unknown thng', 400, () => '/actions/scans', () => ({ thng: unknownId })],
        ['an unknown product', 400, () => '/actions/scans', () => ({ product: unknownId })],
        ['a thng for a product', 400, () => '/actions/scans', (c) => ({ product: c.thng })],
        ['an unknown thng in the path', 404, () => `/thngs/${unknownId}/actions/scans`, () => ({})],
        ['an unknown place', 400, () => '/actions/scans', () => ({ location: { place: unknownId } })],
        ['a bad timestamp', 400, () => '/actions/scans', () => ({ timestamp: -1 })],
        ['bad tags', 400, () => '/actions/scans', () => ({ tags: 'x' })],
        ['no JSON', 400, () => '/actions/scans', () => '{'],
        ['a bad one among good ones', 400, () => '/actions/all', () => [{ type: 'scans' }, { type: 'scans', tags: 1 }]],
    ]) {
        it(`${what} is ${status} and records nothing`, async () => {
            const found = { name: await newType(), thng: (await d.api.newThng()).id };
            const count = async () =>
                (await d.api.head('/actions/all')).headers['x-result-count'];
            const before = await count();
            assertError(await d.api.post(path(found), body(found)), status);
            assert.equal(await count(), before);
        });
    }

    it('lists: newest first by timestamp, in pages, of one type or of all, under each root', async () => {
        const [name, other] = [await newType(), await newType()];
        const thng = await d.api.newThng();
        const made = await post('/actions/all', [
            { type: name, thng: thng.id, timestamp: 3000 },
            { type: name, thng: thng.id, timestamp: 1000 },
            { type: other, thng: thng.id, timestamp: 2000 },
            { type: name, timestamp: 4000 },
        ]);
        const [a, b, c, e] = ids(made);
        const list = async (path) => ids(await d.api.must(200, 'GET', path));
        assert.deepEqual(await list(`/actions/${name}`), [e, a, b]);
        assert.deepEqual(await list(`/thngs/${thng.id}/actions/all`), [a, c, b]);
        assert.deepEqual(await list(`/thngs/${thng.id}/actions/${name}`), [a, b]);
        assert.deepEqual(await list(`/actions/${name}?sortOrder=ASCENDING`), [b, a, e]);
        assert.deepEqual(await list(`/actions/${name}?from=3000`), [e, a]);
        assert.deepEqual(await list(`/actions/${name}?to=3000`), [a, b]);
        const filter = encodeURIComponent(`thng=${thng.id}`);
        assert.deepEqual(await list(`/actions/${name}?filter=${filter}`), [a, b]);
        const first = await d.api.get(`/actions/${name}?perPage=2`);
        assert.deepEqual(ids(first.body), [e, a]);
        assert.equal('context' in first.body[0], false);
        const second = await request(nextLink(first.headers), { key: d.key });
        assert.deepEqual(ids(second.body), [b]);
        assert.equal(second.headers.link, undefined);
        const [newest] = await d.api.must(200, 'GET', `/actions/${name}?context=true&perPage=1`);
        assert.equal(newest.context.ipAddress, '127.0.0.1');
        assertError(await d.api.get(`/thngs/${unknownId}/actions/all`), 404);
    });

    it('DELETE removes one action; its type must be the path\'s', async () => {
        const [name, other] = [await newType(), await newType()];
        const { id } = await post(`/actions/${name}`, {});
        assertError(await d.api.delete(`/actions/${other}/${id}`), 404);
        const answer = await d.api.delete(`/actions/${name}/${id}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        assertError(await d.api.get(`/actions/${name}/${id}`), 404);
        assertError(await d.api.delete(`/actions/${name}/${id}`), 404);
        assertError(await d.api.put(`/actions/${name}/${id}`, {}), 405);
        const kept = await post('/actions/all', { type: name });
        assert.equal((await d.api.delete(`/actions/all/${kept.id}`)).status, 200);
    });

    it('actions stay when their thng is deleted', async () => {
        const thng = await d.api.newThng();
        const { id } = await post(`/thngs/${thng.id}/actions/scans`, {});
        await d.api.must(200, 'DELETE', `/thngs/${thng.id}`);
        assert.equal((await d.api.get(`/actions/scans/${id}`)).body.thng, thng.id);
        assertError(await d.api.get(`/thngs/${thng.id}/actions/scans/${id}`), 404);
    });

    it('the location says where it is known from', async () => {
        const place = await post('/places', { name: 'here', latitude: 1.5, longitude: 2 });
        const [given, placed, said] = await post('/actions/all', [
            { type: 'scans', location: { latitude: 1, longitude: 2 } },
            { type: 'scans', location: { place: place.id } },
            { type: 'scans', location: { latitude: 1, longitude: 2 }, locationSource: 'sensor' },
        ]);
        assert.equal(given.locationSource, 'unknown');
        assert.deepEqual(given.location.position.coordinates, [2, 1]);
        assert.equal(placed.locationSource, 'place');
        assert.equal(placed.location.place, place.id);
        assert.equal(placed.location.latitude, 1.5);
        assert.equal(said.locationSource, 'sensor');
    });

    it('action types: built-in ones first and bare, then custom ones, newest first', async () => {
        const [first, second] = [await newType(), await newType()];
        const answer = await d.api.get('/actions');
        assert.deepEqual(
            answer.body.slice(0, builtIn.length),
            builtIn.map((name) => ({ name })),
        );
        const custom = answer.body.slice(builtIn.length).map((one) => one.name);
        assert.deepEqual(custom.slice(0, 2), [second, first]);
        for (const name of [first, 'scans']) {
            const filter = encodeURIComponent(`name=${name}`);
            const found = await d.api.must(200, 'GET', `/actions?filter=${filter}`);
            assert.deepEqual(
                found.map((one) => one.name),
                [name],
            );
        }
        const names = [];
        let url = `${d.url.http}/actionTypes?perPage=3`;
        while (url) {
            const page = await request(url, { key: d.key });
            assert.ok(page.body.length <= 3);
            names.push(...page.body.map((one) => one.name));
            url = nextLink(page.headers);
        }
        assert.deepEqual(
            names,
            (await d.api.get('/actions?perPage=100')).body.map((one) => one.name).slice(0, names.length),
        );
    });

    it('a type is created once; built-in ones cannot be made, changed or deleted', async () => {
        const name = await newType();
        assertError(await d.api.post('/actions', { name }), 409);
        assertError(await d.api.post('/actions', { name: 'scans' }), 409);
        assertError(await d.api.post('/actions', { name: 'nounderscore' }), 400);
        assertError(await d.api.put('/actions/scans', { tags: [] }), 403);
        assertError(await d.api.delete('/actions/scans'), 403);
        assertError(await d.api.delete('/actions/_never'), 404);
        const changed = await d.api.must(200, 'PUT', `/actions/${name}`, { description: 'new' });
        assert.equal(changed.description, 'new');
        assert.equal(changed.name, name);
    });

    it('a deleted type takes its actions along; one of the same name begins anew', async () => {
        const name = await newType();
        const { id } = await post(`/actions/${name}`, {});
        await d.api.must(200, 'DELETE', `/actions/${name}`);
        assertError(await d.api.get(`/actions/${name}/${id}`), 404);
        assertError(await d.api.get(`/actions/all/${id}`), 404);
        assertError(await d.api.post(`/actions/${name}`, {}), 404);
        await post('/actions', { name });
        assert.deepEqual(await d.api.must(200, 'GET', `/actions/${name}`), []);
        const again = await post(`/actions/${name}`, {});
        assert.deepEqual(ids(await d.api.must(200, 'GET', `/actions/${name}`)), [again.id]);
    });

    it('a device records on its own thng alone', async () => {
        const [mine, theirs] = [await d.api.newThng(), await d.api.newThng()];
        const device = new Rest(d.url.http, await d.api.newDeviceKey(mine.id));
        const made = await device.must(201, 'POST', `/thngs/${mine.id}/actions/scans`, {});
        const path = `/thngs/${mine.id}/actions/all`;
        assert.deepEqual(ids(await device.must(200, 'GET', path)), [made.id]);
        assert.equal((await device.get(`/thngs/${mine.id}/actions/scans/${made.id}`)).status, 200);
        assertError(await device.post(`/thngs/${theirs.id}/actions/scans`, {}), 404);
        assertError(await device.post('/actions/scans', {}), 403);
        assertError(await device.get('/actions/scans'), 403);
    });

    // ---- over MQTT ----

    const subscribed = async (...filters) => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, ...filters));
        const { codes } = await client.next(type.suback);
        assert.deepEqual(
            codes,
            filters.map(() => 1),
        );
        return client;
    };

    it('wherever it was recorded, it fires on all its topics and on no other', async () => {
        const [name, other] = [await newType(), await newType()];
        const product = await newProduct();
        const thng = await d.api.newThng({ name: 'x', product: product.id });
        const collection = await newCollection();
        await d.api.must(200, 'PUT', `/collections/${collection.id}/thngs`, [thng.id]);
        const roots = ['', `/thngs/${thng.id}`, `/products/${product.id}`];
        const wanted = roots.flatMap((root) => [`${root}/actions/all`, `${root}/actions/${name}`]);
        const client = await subscribed(
            ...wanted,
            ...roots.map((root) => `${root}/actions/${other}`),
            `/collections/${collection.id}/actions/all`,
        );
        const end = `/thngs/${thng.id}/actions/${other}`;
        for (const record of [
            () => post('/actions/all', { type: name, thng: thng.id }),
            () => post(`/thngs/${thng.id}/actions/${name}`, {}),
            async () => {
                const publisher = await login(d.port.mqtt, d.key);
                publisher.send(publish(`thngs/${thng.id}/actions/all`, { type: name }, { qos: 1 }));
                await publisher.next(type.puback);
                publisher.destroy();
            },
        ]) {
            await record();
            const got = [];
            for (let i = 0; i < wanted.length; i++) got.push(await client.next(type.publish));
            assert.deepEqual(got.map((message) => message.topic).sort(), [...wanted].sort());
            const [action] = await d.api.must(200, 'GET', `${wanted[2]}?perPage=1`);
            for (const message of got) assert.deepEqual(JSON.parse(message.payload), action);
        }
        await post(end, {});
        assert.deepEqual(
            (await client.before(end)).map((message) => message.topic).filter((topic) => topic.endsWith(name)),
            [],
        );
        client.destroy();
    });

    it('an array over MQTT is one message for each action', async () => {
        const name = await newType();
        const client = await subscribed(`/actions/${name}`);
        client.send(
            publish(
                `/actions/${name}`,
                [1, 2, 3].map((n) => ({ customFields: { n } })),
                { qos: 1, id: 7 },
            ),
        );
        const got = [];
        while (got.length < 3) {
            const packet = await client.next();
            if (packet.type === type.publish) got.push(JSON.parse(packet.payload));
        }
        assert.deepEqual(
            got.map((action) => action.customFields.n),
            [1, 2, 3],
        );
        const stored = await d.api.must(200, 'GET', `/actions/${name}?context=true`);
        assert.deepEqual(stored[0].context, { ipAddress: '127.0.0.1' });
        client.destroy();
    });

    it('a socket on the actions of a product: its own echo, and the end with the product', async () => {
        const product = await newProduct();
        const socket = await wsOpen(d, `/products/${product.id}/actions/scans`);
        socket.socket.send('{"customFields":{"a":1}}');
        const action = JSON.parse((await socket.next()).payload);
        assert.equal(action.product, product.id);
        assert.equal('context' in action, false);
        await d.api.must(200, 'DELETE', `/products/${product.id}`);
        assert.equal((await socket.closed).code, 1001);
    });

    it('types fire when they come, and when they go', async () => {
        const name = `_type${++serial}`;
        const client = await subscribed('/actions', `/actions/${name}`);
        const publisher = await login(d.port.mqtt, d.key);
        publisher.send(publish('/actions', { name }, { qos: 1, id: 7 }));
        assert.equal((await publisher.next(type.puback)).id, 7);
        publisher.destroy();
        const created = await client.next(type.publish);
        assert.equal(created.topic, '/actions');
        assert.equal(JSON.parse(created.payload).name, name);
        await d.api.must(200, 'PUT', `/actions/${name}`, { description: 'silent' });
        await d.api.must(200, 'DELETE', `/actions/${name}`);
        const gone = await client.next(type.publish);
        assert.equal(gone.topic, `/actions/${name}`);
        const { timestamp, ...notice } = JSON.parse(gone.payload);
        assert.deepEqual(notice, { operation: 'deleted', resources: [name] });
        assert.ok(Number.isInteger(timestamp));
        client.destroy();
    });

    it('a trusted application hears and sees what is in its project', async () => {
        const name = await newType();
        const project = await post('/projects', { name: 'mine' });
        const made = await post(`/projects/${project.id}/applications`, { name: 'an app' });
        const { secretApiKey } = await d.api.must(
            200,
            'GET',
            `/projects/${project.id}/applications/${made.id}/secretKey`,
        );
        const app = new Rest(d.url.http, secretApiKey);
        await d.api.must(200, 'PUT', `/actions/${name}`, {
            scopes: { users: ['all'], projects: [project.id] },
        });
        const inside = await post(`/thngs?project=${project.id}`, { name: 'x' });
        const outside = await d.api.newThng();
        const client = await login(d.port.mqtt, secretApiKey);
        client.send(
            subscribe(
                1,
                '/actions/all',
                `/thngs/${inside.id}/actions/all`,
                `/thngs/${outside.id}/actions/all`,
                `/thngs/${outside.id}/properties`,
            ),
        );
        assert.deepEqual((await client.next(type.suback)).codes, [1, 1, 0x80, 0x80]);
        await post(`/thngs/${outside.id}/actions/${name}`, {});
        const seen = await post(`/thngs/${inside.id}/actions/${name}`, {});
        for (const topic of ['/actions/all', `/thngs/${inside.id}/actions/all`]) {
            const message = await client.next(type.publish);
            assert.equal(message.topic, topic);
            assert.equal(JSON.parse(message.payload).id, seen.id);
        }
        client.destroy();
        const own = await app.must(201, 'POST', `/actions/${name}`, {});
        assert.equal(own.createdByProject, project.id);
        assert.equal(own.createdByApp, made.id);
        assert.deepEqual(ids(await app.must(200, 'GET', `/actions/${name}`)), [own.id, seen.id]);
        assertError(await app.post(`/thngs/${outside.id}/actions/${name}`, {}), 404);
        assertError(await app.post(`/actions/${name}`, { thng: outside.id }), 400);
        const anybody = new Rest(d.url.http, made.appApiKey);
        assert.equal((await anybody.post('/actions/scans', {})).status, 201);
        assertError(await anybody.post(`/actions/${name}`, {}), 403);
        assertError(await anybody.get('/actions/scans'), 403);
    });

    it('?project= makes and selects what is visible in that project', async () => {
        const name = await newType();
        const one = await post('/projects', { name: 'one' });
        const two = await post('/projects', { name: 'two' });
        const narrow = await login(d.port.mqtt, d.key);
        narrow.send(subscribe(1, `/actions/${name}?project=${one.id}`));
        assert.deepEqual((await narrow.next(type.suback)).codes, [1]);
        const inTwo = await post(`/actions/${name}?project=${two.id}`, {});
        const inOne = await post(`/actions/${name}?project=${one.id}`, {});
        assert.equal(JSON.parse((await narrow.next(type.publish)).payload).id, inOne.id);
        narrow.destroy();
        const list = async (query) => ids(await d.api.must(200, 'GET', `/actions/${name}${query}`));
        assert.deepEqual(await list(`?project=${one.id}`), [inOne.id]);
        assert.deepEqual(await list(`?project=${two.id}`), [inTwo.id]);
        assert.deepEqual((await list('')).sort(), [inOne.id, inTwo.id].sort());
        assertError(await d.api.post(`/actions/${name}?project=${unknownId}`, {}), 404);
    });
});
