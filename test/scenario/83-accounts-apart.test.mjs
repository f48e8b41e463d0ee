// SPDX-License-Identifier: Apache-2.0
// Two accounts in one daemon: nothing of the one can be had, or guessed, in the other (auth.md 7).
import { readFileSync } from 'node:fs';
import { scenario, it, assert, assertError, unknownId } from './lib/suite.mjs';
import { wsOpen } from './lib/clients.mjs';
import { RawMqtt, connect, login, publish, subscribe, type } from './lib/packets.mjs';
import { nextLink, request } from './lib/rest.mjs';
import {
    as,
    newAccount,
    newAnonymous,
    newOperator,
    newProject,
    newRole,
    newUser,
} from './lib/people.mjs';

const cheap = { 'auth.password_memory': '8MiB', 'auth.failed_logins': 1000000 };
const word = 'Xylophone'; /* in every text of the first account, and nowhere else */
const all = { users: ['all'], projects: ['all'] };

/** One resource of every kind, each with the word in it: { path: ..., ids: [...] }. */
async function furnish(d, api) {
    const made = {};
    const make = async (name, path, body) => {
        made[name] = await api.must(201, 'POST', path, body);
        return made[name];
    };
    const common = { name: word, tags: [word], identifiers: { serial: word }, scopes: all };
    const project = await newProject(api);
    await make('thng', '/thngs', { ...common, properties: { secret: word } });
    await make('product', '/products', common);
    await make('collection', '/collections', common);
    await make('place', '/places', {
        ...common,
        position: { type: 'Point', coordinates: [8, 47] },
    });
    await make('type', '/actions', { name: `_${word}`, scopes: all });
    await make('action', `/thngs/${made.thng.id}/actions/_${word}`, { tags: [word] });
    await make('batch', '/batches', common);
    await make('file', '/files', { name: word, type: 'text/plain' });
    await make('policy', '/accessPolicies', { name: word });
    await make('token', '/accessTokens', {
        name: word,
        policies: [made.policy.id],
        conditions: [],
    });
    made.role = { id: await newRole(api, [], { name: word }) };
    made.user = await newUser(d, project.appKey, { lastName: word, email: `${word}@example.com` });
    made.operator = await newOperator(api, {
        email: `${word}@example.org`,
        policies: [made.policy.id],
    });
    made.project = { id: project.id };
    made.application = { id: project.app };
    await api.must(200, 'PUT', `/collections/${made.collection.id}/thngs`, [made.thng.id]);
    const key = await api.newDeviceKey(made.thng.id);
    return { ...made, keys: { ...project, device: key } };
}

/** The paths on which a resource of the first account could be met. */
const paths = (one) => [
    ...[
        '',
        '/properties',
        '/properties/secret',
        '/location',
        '/actions/all',
        '/commissionState',
    ].map((rest) => `/thngs/${one.thng.id}${rest}`),
    ...[`/thngs/serial:${word}`, `/products/serial:${word}`],
    `/thngs/${one.thng.id}/actions/_${word}/${one.action.id}`,
    ...['', '/properties', '/actions/all'].map((rest) => `/products/${one.product.id}${rest}`),
    ...['', '/thngs', '/collections', '/actions/all'].map(
        (rest) => `/collections/${one.collection.id}${rest}`,
    ),
    `/places/${one.place.id}`,
    `/actions/all/${one.action.id}`,
    ...['', '/tasks'].map((rest) => `/batches/${one.batch.id}${rest}`),
    `/files/${one.file.id}`,
    ...['', '/applications', `/applications/${one.application.id}`].map(
        (rest) => `/projects/${one.project.id}${rest}`,
    ),
    `/projects/${one.project.id}/applications/${one.application.id}/secretKey`,
    `/auth/evrythng/thngs/${one.thng.id}`,
    ...['', '/status'].map((rest) => `/users/${one.user.id}${rest}`),
    ...['', '/permissions'].map((rest) => `/roles/${one.role.id}${rest}`),
    `/accessPolicies/${one.policy.id}`,
    `/accessTokens/${one.token.id}`,
    `/operators/${one.operator.id}`,
];

const lists = [
    ...['/thngs', '/products', '/collections', '/places', '/actions', '/actions/all', '/batches'],
    ...['/files', '/projects', '/users', '/roles', '/accessPolicies', '/accessTokens', '/accounts'],
];

scenario('two accounts', { set: cheap }, (d) => {
    const first = {};
    const second = {};
    let owned;

    it('the first has one of everything, the second nothing', async () => {
        first.api = d.api;
        first.id = (await d.api.must(200, 'GET', '/access')).account;
        const other = await newAccount(d.api);
        second.id = other.id;
        second.api = as(d, other.key);
        second.project = await newProject(second.api);
        second.user = await newAnonymous(d, second.project.appKey);
        second.keys = [
            ...[other.key, second.project.trustedKey, second.project.appKey, second.user.key],
            await second.api.newDeviceKey(
                (await second.api.newThng({ name: 'x', scopes: all })).id,
            ),
        ];
        owned = await furnish(d, first.api);
    });

    it('what the one has does not exist for the other: the same 404, to the byte', async () => {
        for (const path of paths(owned)) {
            const answer = await second.api.get(path);
            assertError(answer, 404);
            const ids = new RegExp(`${word}|U[A-Za-z0-9]{23}`, 'g');
            const nowhere = path.replace(ids, (found) => (found === word ? 'Nobody' : unknownId));
            const unknown = await second.api.get(nowhere);
            assert.equal(answer.text, unknown.text, `${path} and ${nowhere}`);
            assert.deepEqual(
                Object.keys(answer.headers).sort(),
                Object.keys(unknown.headers).sort(),
                path,
            );
            assert.equal((await second.api.head(path)).status, 404);
        }
    });

    it('no key of the second gets at anything of the first, whatever it does', async () => {
        const body = { name: 'mine', description: 'mine' };
        for (const path of paths(owned).filter((one) => !one.includes(word)))
            for (const key of second.keys)
                for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
                    const answer = await as(d, key).call(method, path, body);
                    assert.ok(
                        answer.status >= 403 && answer.status <= 405,
                        `${method} ${path}: ${answer.text}`,
                    );
                    assert.equal(answer.text.includes(word), false);
                }
        /* Of operators each sees itself alone. */
        for (const path of paths(owned).filter((one) => !one.startsWith('/operators')))
            assert.equal((await first.api.get(path)).status, 200, `${path} is as it was`);
    });

    it('lists, their counts, pages and filters show nothing of it', async () => {
        const ids = Object.values(owned).map((one) => one.id);
        for (const key of second.keys)
            for (const path of [
                ...lists,
                `/accounts/${second.id}/accesses`,
                `/accounts/${second.id}/operatorAccess`,
            ]) {
                let url = `${d.url.http}${path}?perPage=2&withScopes=true&withTotalCount=true`;
                let seen = 0;
                let total;
                while (url) {
                    const answer = await request(url, { key });
                    if (answer.status === 403) break;
                    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
                    assert.equal(answer.text.includes(word), false, `${path}: ${answer.text}`);
                    for (const id of ids) assert.equal(answer.text.includes(id), false, path);
                    seen += answer.body.length;
                    total ??= answer.headers['x-result-count'];
                    url = nextLink(answer.headers);
                }
                if (total !== undefined)
                    assert.equal(Number(total), seen, `${path} counts what it shows`);
            }
        for (const path of ['/thngs', '/products', '/collections', '/places', '/batches'])
            for (const filter of [`name=${word}`, `tags=${word}`, `identifiers.serial=${word}`]) {
                const at = `${path}?filter=${encodeURIComponent(filter)}`;
                const answer = await second.api.get(at);
                assert.equal(answer.text, '[]');
                assert.equal((await second.api.head(at)).headers['x-result-count'], '0');
                assert.equal((await first.api.must(200, 'GET', at)).length, 1);
            }
        const near = await second.api.must(200, 'GET', '/places?lat=47&lon=8&maxDist=10');
        assert.deepEqual(near, []);
        const some = await second.api.must(200, 'GET', `/thngs?ids=${owned.thng.id}`);
        assert.deepEqual(some, []);
    });

    it('an action type of it is as one that does not exist, on every channel', async () => {
        const thng = await second.api.newThng();
        for (const key of second.keys)
            for (const path of ['/actions', `/thngs/${thng.id}/actions`]) {
                const [there, nowhere] = [`${path}/_${word}`, `${path}/_nobody`];
                for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
                    const body = method === 'GET' ? undefined : {};
                    const found = await as(d, key).call(method, there, body);
                    const none = await as(d, key).call(method, nowhere, body);
                    assert.equal(found.status, none.status, `${method} ${there}`);
                    assert.equal(found.text.replaceAll(word, 'nobody'), none.text);
                }
                const client = await login(d.port.mqtt, key);
                client.send(subscribe(1, there, nowhere));
                const { codes } = await client.next(type.suback);
                assert.equal(codes[0], codes[1], there);
                client.destroy();
            }
    });

    it('names are unique in an account only: none tells that the other has it', async () => {
        const api = second.api;
        await api.must(201, 'POST', '/actions', { name: `_${word}` });
        await api.must(201, 'POST', '/accessPolicies', { name: word });
        await api.must(201, 'POST', '/roles', { name: word });
        await api.must(201, 'POST', '/files', { name: word, type: 'text/plain' });
        const email = `${word}@example.com`;
        await newUser(d, second.project.appKey, { email });
        await newOperator(api, { email: `${word}@example.org` });
        const wrong = { email, password: owned.user.password };
        const login = await as(d, second.project.appKey).must(201, 'POST', '/auth/evrythng', wrong);
        assert.notEqual(login.evrythngUser, owned.user.id);
        await api.must(200, 'DELETE', `/actions/_${word}`);
        const still = await first.api.must(200, 'GET', '/actions/all');
        assert.ok(
            still.some((one) => one.id === owned.action.id),
            'its actions are still there',
        );
        const file = await first.api.must(200, 'GET', `/files/${owned.file.id}`);
        assert.equal(file.name, word);
    });

    it('no body names what is of the other: unknown, as what does not exist', async () => {
        const api = second.api;
        const same = async (method, path, body, unknown) => {
            const [found, none] = [
                await api.call(method, path, body),
                await api.call(method, path, unknown),
            ];
            assert.ok([400, 404].includes(found.status), `${method} ${path}: ${found.text}`);
            assert.equal(found.status, none.status, `${method} ${path}`);
            assert.equal(found.text, none.text, `${method} ${path}`);
        };
        const thng = await api.newThng();
        const collection = await api.must(201, 'POST', '/collections', { name: 'c' });
        for (const [method, path, body] of [
            ['POST', '/thngs', (one) => ({ name: 'x', product: one.product.id })],
            ['PUT', `/thngs/${thng.id}`, (one) => ({ product: one.product.id })],
            ['PUT', `/thngs/${thng.id}/location`, (one) => [{ place: one.place.id }]],
            ['POST', '/actions/scans', (one) => ({ thng: one.thng.id })],
            ['POST', '/actions/scans', (one) => ({ product: one.product.id })],
            ['POST', '/actions/scans', (one) => ({ collection: one.collection.id })],
            ['POST', `/actions/all`, (one) => ({ type: one.type.name })],
            ['PUT', `/collections/${collection.id}/thngs`, (one) => [one.thng.id]],
            ['POST', `/collections/${collection.id}/collections`, (one) => [one.collection.id]],
            ['POST', '/auth/evrythng/thngs', (one) => ({ thngId: one.thng.id })],
            [
                'POST',
                '/accessTokens',
                (one) => ({ name: 'tokens', policies: [one.policy.id], conditions: [] }),
            ],
            [
                'POST',
                '/accessTokens',
                (one) => ({ name: 'tokens', policies: [], conditions: [`places:${one.place.id}`] }),
            ],
            ['PUT', `/users/${second.user.id}`, (one) => ({ role: one.role.id })],
            [
                'POST',
                `/projects/${second.project.id}/applications`,
                (one) => ({ name: 'x', defaultRole: one.role.id }),
            ],
            [
                'PUT',
                `/thngs/${thng.id}`,
                (one) => ({ scopes: { users: [], projects: [one.project.id] } }),
            ],
        ]) {
            const nothing = Object.fromEntries(
                Object.keys(owned).map((name) => [name, { id: unknownId, name: '_nobody' }]),
            );
            await same(method, path, body(owned), body(nothing));
        }
        for (const path of ['/thngs', '/products', '/actions/all'])
            for (const method of ['GET', 'POST']) {
                const body = method === 'POST' ? { name: 'x', type: 'scans' } : undefined;
                const there = await api.call(method, `${path}?project=${owned.project.id}`, body);
                const nowhere = await api.call(method, `${path}?project=${unknownId}`, body);
                assertError(there, 404);
                assert.equal(there.text, nowhere.text);
            }
        const share = { email: `${word}@example.com`, role: 'base_app_user' };
        const filter = encodeURIComponent(`email=${share.email}`);
        const [own] = await second.api.must(200, 'GET', `/users?filter=${filter}`);
        await second.api.must(200, 'DELETE', `/users/${own.id}`);
        assertError(await as(d, second.user.key).post('/accesses', share), 400);
    });

    it('a bulk change of everything changes nothing of it', async () => {
        const before = await first.api.must(200, 'GET', `/thngs/${owned.thng.id}`);
        for (const query of [
            `ids=${owned.thng.id}`,
            `filter=${encodeURIComponent(`name=${word}`)}`,
        ]) {
            const put = await second.api.put(`/thngs?${query}`, { description: 'mine' });
            assert.equal(put.status, 204, put.text);
            assert.equal(put.headers['x-result-count'], '0');
            const gone = await second.api.delete(`/thngs?${query}`);
            assert.equal(gone.status, 200);
            assert.equal(gone.headers['x-result-count'], '0');
        }
        assert.deepEqual(await first.api.must(200, 'GET', `/thngs/${owned.thng.id}`), before);
    });

    const topicsOf = (one) => [
        ...[
            '',
            '/properties',
            '/properties/secret',
            '/location',
            '/actions/all',
            `/actions/_${word}`,
        ].map((rest) => `/thngs/${one.thng.id}${rest}`),
        ...['/properties', '/actions/all'].map((rest) => `/products/${one.product.id}${rest}`),
        ...['', '/thngs', '/actions/all'].map((rest) => `/collections/${one.collection.id}${rest}`),
        `/batches/${one.batch.id}/tasks`,
    ];
    const wide = ['/actions', '/actions/all', `/actions/_${word}`, '/actions/scans'];
    const wild = [
        '#',
        '/#',
        '+/+/+',
        '/thngs/+',
        '/thngs/#',
        '/thngs/+/properties/+',
        '/actions/#',
    ];

    it('no topic delivers anything of it: not ids, not the account, not wildcards', async () => {
        const clients = [];
        for (const key of second.keys) {
            const client = await login(d.port.mqtt, key);
            const filters = [...topicsOf(owned), ...wide, ...wild];
            const end = `/thngs/${(await second.api.newThng()).id}/properties/end`;
            client.send(subscribe(2, `${end}?access_token=${second.keys[0]}`));
            await client.next(type.suback);
            client.send(
                subscribe(1, ...filters.map((filter) => [`${filter}?pubStates=1`, 0]), ...filters),
            );
            const { codes } = await client.next(type.suback);
            for (const [i, filter] of topicsOf(owned).entries())
                assert.equal(codes[i], 0x80, filter);
            clients.push({ client, end });
        }
        const { api } = first;
        await api.must(200, 'PUT', `/thngs/${owned.thng.id}/properties`, [
            { key: 'secret', value: word },
        ]);
        await api.must(200, 'PUT', `/thngs/${owned.thng.id}`, { description: word });
        await api.must(200, 'PUT', `/collections/${owned.collection.id}`, { description: word });
        await api.must(201, 'POST', `/thngs/${owned.thng.id}/actions/_${word}`, {});
        await api.must(201, 'POST', '/actions/scans', { tags: [word] });
        await api.must(201, 'POST', '/actions', { name: `_${word}2`, scopes: all });
        await api.must(200, 'DELETE', `/actions/_${word}2`);
        for (const { client, end } of clients) {
            await second.api.must(200, 'PUT', end, [{ value: 1 }]);
            /* What comes before is of its own account: states, and what the others here do. */
            for (const { payload } of await client.before(
                `${end}?access_token=${second.keys[0]}`,
            )) {
                assert.ok(!payload.includes(word), payload);
                for (const { id } of Object.values(owned)) assert.ok(!payload.includes(id), payload);
            }
            client.destroy();
        }
        for (const topic of topicsOf(owned))
            for (const key of second.keys)
                await assert.rejects(wsOpen(d, topic, { key }), { status: 403 });
    });

    it('no publish changes anything of it', async () => {
        const before = await first.api.must(200, 'GET', `/thngs/${owned.thng.id}/properties`);
        for (const key of second.keys) {
            const client = await login(d.port.mqtt, key);
            client.send(
                publish(`/thngs/${owned.thng.id}/properties/secret`, [{ value: 'mine' }], {
                    qos: 1,
                }),
            );
            await client.closed();
        }
        assert.deepEqual(
            await first.api.must(200, 'GET', `/thngs/${owned.thng.id}/properties`),
            before,
        );
    });

    it('a session of the same client id is not the same session', async () => {
        const options = { clientId: 'one-name', clean: false, user: 'authorization' };
        const one = await RawMqtt.open(d.port.mqtt);
        one.send(connect({ ...options, password: d.key }));
        assert.equal((await one.next(type.connack)).present, false);
        one.send(subscribe(1, `/thngs/${owned.thng.id}/properties`));
        await one.next(type.suback);
        const two = await RawMqtt.open(d.port.mqtt);
        two.send(connect({ ...options, password: second.keys[0] }));
        assert.equal((await two.next(type.connack)).present, false);
        await first.api.must(200, 'PUT', `/thngs/${owned.thng.id}/properties/a`, [{ value: 1 }]);
        assert.equal((await one.next()).type, type.publish, 'the first is still there');
        one.destroy();
        await two.quiet(100);
        two.destroy();
    });

    it('the accounts themselves: each its own', async () => {
        assert.deepEqual(
            (await second.api.must(200, 'GET', '/accounts')).map((one) => one.id),
            [second.id],
        );
        for (const [method, rest, body] of [
            ['GET', ''],
            ['PUT', '', { name: 'mine' }],
            ['GET', '/accesses'],
            ['GET', `/accesses/${owned.operator.id}`],
            ['PUT', `/accesses/${owned.operator.id}`, { role: 'none' }],
            ['DELETE', `/accesses/${owned.operator.id}/apiKey`],
            ['GET', '/operatorAccess'],
            ['POST', '/operatorAccess', { email: 'a@example.com' }],
            ['DELETE', `/operatorAccess/${owned.operator.id}`],
        ]) {
            const there = await second.api.call(method, `/accounts/${first.id}${rest}`, body);
            assertError(there, 404);
            const nowhere = await second.api.call(method, `/accounts/${unknownId}${rest}`, body);
            assert.equal(there.text, nowhere.text);
            const within = `/accounts/${second.id}${rest}`;
            if (rest.includes(owned.operator.id))
                assertError(await second.api.call(method, within, body), 404);
        }
        assertError(await second.api.post('/accounts', { name: 'one more' }), 403);
        const named = await second.api.must(200, 'PUT', `/accounts/${second.id}`, { name: 'mine' });
        assert.equal(named.name, 'mine');
    });

    it('refusals are told to the account whose key was refused', async () => {
        const asked = {
            first: '/thngs/UAAAAAAAAAAAAAAAAAAAAAAA',
            second: '/thngs/UBBBBBBBBBBBBBBBBBBBBBBB',
        };
        assertError(await first.api.get(asked.first), 404);
        assertError(await second.api.get(asked.second), 404);
        const [told, other] = [await first.api.get('/why'), await second.api.get('/why')];
        assert.ok(told.text.includes(asked.first) && !told.text.includes(asked.second), told.text);
        assert.ok(
            other.text.includes(asked.second) && !other.text.includes(asked.first),
            other.text,
        );
        const question = { actor: owned.user.id, topic: '/thngs', operation: 'get' };
        assertError(await second.api.post('/why', question), 404);
    });

    it('after a restart it is the same', async () => {
        await d.restart();
        for (const path of paths(owned)) assertError(await second.api.get(path), 404);
        for (const path of lists)
            assert.equal((await second.api.get(path)).text.includes(owned.thng.id), false, path);
        assert.equal(readFileSync(d.keyFile, 'utf8').trim(), d.key);
    });
});
