// SPDX-License-Identifier: Apache-2.0
// Access policies and access tokens (auth.md 2.5).
import {
    scenario,
    it,
    assert,
    assertCompact,
    assertError,
    idPattern,
    keyPattern,
    unknownId,
} from './lib/suite.mjs';
import { login, subscribe, type } from './lib/packets.mjs';
import { as, newOperator } from './lib/people.mjs';

let count = 0;
const unique = (what) => `${what} ${(count += 1)}`;

scenario('access policies and tokens', {}, (d) => {
    let account;
    const newPolicy = async (permissions, api = d.api) =>
        (await api.must(201, 'POST', '/accessPolicies', { name: unique('policy'), permissions }))
            .id;
    const tokenBody = (policies, conditions = []) => ({
        name: unique('token'),
        policies,
        conditions,
    });
    const newToken = async (permissions, conditions) =>
        d.api.must(
            201,
            'POST',
            '/accessTokens',
            tokenBody([await newPolicy(permissions)], conditions),
        );

    it('every account has the policy of its administrators, which stays', async () => {
        account = (await d.api.must(200, 'GET', '/access')).account;
        const [managed, ...rest] = await d.api.must(200, 'GET', '/accessPolicies');
        assert.deepEqual(rest, []);
        assert.equal(managed.name, 'evt:accountAdmin');
        const path = `/accessPolicies/${managed.id}`;
        assertError(await d.api.delete(path), 403);
        assertError(await d.api.put(path, { permissions: [] }), 403);
        assert.deepEqual(await d.api.must(200, 'GET', path), managed);
    });

    it('a policy: made, read, changed, listed, deleted', async () => {
        const body = {
            ...{ name: unique('policy'), permissions: ['thngs:read,list', 'products:*'] },
            ...{ uiPermissions: ['x'], homepage: 'home', tags: ['t'] },
            ...{ identifiers: { a: 'b' }, customFields: { c: 1 } },
        };
        const answer = await d.api.post('/accessPolicies', body);
        assert.equal(answer.status, 201, answer.text);
        assertCompact(answer);
        assert.match(answer.body.id, idPattern);
        for (const [name, value] of Object.entries(body))
            assert.deepEqual(answer.body[name], value);
        const path = `/accessPolicies/${answer.body.id}`;
        assert.ok(answer.headers.location.endsWith(path));
        assert.deepEqual(await d.api.must(200, 'GET', path), answer.body);
        const name = unique('renamed');
        const changed = await d.api.must(200, 'PUT', path, { ...answer.body, name });
        assert.equal(changed.id, answer.body.id, JSON.stringify(changed));
        assert.equal(changed.name, name);
        assert.deepEqual(changed.permissions, body.permissions);
        assertError(await d.api.put(path, { id: unknownId, name }), 400, { code: 50593792 });
        const filter = encodeURIComponent(`name=${name}`);
        const found = await d.api.must(200, 'GET', `/accessPolicies?filter=${filter}`);
        assert.deepEqual(
            found.map((one) => one.id),
            [answer.body.id],
        );
        const gone = await d.api.delete(path);
        assert.equal(gone.status, 204, gone.text);
        assertError(await d.api.get(path), 404);
        assertError(await d.api.delete(path), 404);
    });

    it('names of policies are unique: 409; what is none is refused', async () => {
        const name = unique('policy');
        await d.api.must(201, 'POST', '/accessPolicies', { name });
        assertError(await d.api.post('/accessPolicies', { name }), 409, { code: 67239936 });
        assertError(await d.api.post('/accessPolicies', { name: 'evt:accountAdmin' }), 409);
        const other = await newPolicy([]);
        assertError(await d.api.put(`/accessPolicies/${other}`, { name }), 409);
        for (const body of [
            ...[{}, { name: 'four' }, { name: 'x'.repeat(129) }, { name: 'with/slash' }, []],
            ...['thngs', 'thngs:', ':read', 'thngs:write', 'nothing:read', 'thngs:read list'].map(
                (permission) => ({ name: unique('policy'), permissions: [permission] }),
            ),
            { name: unique('policy'), permissions: 'thngs:read' },
            { name: unique('policy'), permissions: [7] },
        ])
            assertError(await d.api.post('/accessPolicies', body), 400);
        for (const known of [
            'factories:*',
            'purchaseOrders:read',
            'purchaseOrdersAggregations:list',
        ])
            await newPolicy([known]);
    });

    it('a token: its key is told once; then it is read, changed, deleted', async () => {
        const policy = await newPolicy(['thngs:read']);
        const body = { ...tokenBody([policy]), description: 'd', tags: ['t'] };
        const answer = await d.api.post('/accessTokens', body);
        assert.equal(answer.status, 201, answer.text);
        assertCompact(answer);
        const { apiKey, ...document } = answer.body;
        assert.match(apiKey, keyPattern);
        assert.match(document.id, idPattern);
        const path = `/accessTokens/${document.id}`;
        assert.ok(answer.headers.location.endsWith(path));
        assert.deepEqual(await d.api.must(200, 'GET', path), document);
        assert.ok(!JSON.stringify(await d.api.must(200, 'GET', '/accessTokens')).includes(apiKey));
        const access = await as(d, apiKey).must(200, 'GET', '/access');
        assert.deepEqual(access, { account, actor: { type: 'accessToken', id: document.id } });
        const changed = await d.api.must(200, 'PUT', path, { description: 'e' });
        assert.equal(changed.description, 'e');
        assert.equal(changed.apiKey, undefined);
        const gone = await d.api.delete(path);
        assert.equal(gone.status, 204, gone.text);
        assertError(await as(d, apiKey).get('/access'), 403);
        assertError(await d.api.get(path), 404);
    });

    it('tokens that are none are refused', async () => {
        const policy = await newPolicy(['thngs:read']);
        const good = tokenBody([policy]);
        for (const body of [
            ...[{}, { ...good, name: 'four' }, { ...good, name: 'x'.repeat(129) }],
            ...[
                { name: good.name, policies: [policy] },
                { name: good.name, conditions: [] },
            ],
            ...[
                { ...good, policies: [unknownId] },
                { ...good, policies: 'x' },
                { ...good, policies: ['x'] },
            ],
            ...[
                { ...good, conditions: ['places'] },
                { ...good, conditions: [`places:${unknownId}`] },
            ],
            ...[
                { ...good, conditions: [`thngs:${unknownId}`] },
                { ...good, conditions: 'x' },
            ],
            { ...good, description: 'x'.repeat(257) },
        ])
            assertError(await d.api.post('/accessTokens', body), 400);
    });

    it('a token may what its policies say, and no more', async () => {
        const thng = await d.api.newThng();
        const product = await d.api.must(201, 'POST', '/products', { name: 'p' });
        const { apiKey } = await newToken([
            'thngs:read,list',
            'products:create',
            'actions:create,list',
        ]);
        const api = as(d, apiKey);
        const status = async (method, path, body) => (await api.call(method, path, body)).status;
        for (const [wanted, method, path, body] of [
            [200, 'GET', '/thngs'],
            [200, 'GET', `/thngs/${thng.id}`],
            [200, 'GET', `/thngs/${thng.id}/properties`],
            [403, 'PUT', `/thngs/${thng.id}`, { description: 'x' }],
            [403, 'PUT', `/thngs/${thng.id}/properties/a`, [{ value: 1 }]],
            [403, 'POST', '/thngs', { name: 'x' }],
            [403, 'GET', `/auth/evrythng/thngs/${thng.id}`],
            [404, 'GET', `/thngs/${unknownId}`],
            [201, 'POST', '/products', { name: 'x' }],
            [403, 'GET', `/products/${product.id}`],
            [403, 'GET', '/products'],
            [201, 'POST', `/thngs/${thng.id}/actions/scans`, {}],
            [200, 'GET', '/actions/all'],
            [403, 'GET', '/places'],
            [403, 'GET', '/me'],
            [403, 'GET', '/roles'],
            [403, 'GET', '/accessTokens'],
            [403, 'GET', `/operators/${unknownId}`],
            [200, 'GET', '/rateLimits'],
        ])
            assert.equal(await status(method, path, body), wanted, `${method} ${path}`);
        const client = await login(d.port.mqtt, apiKey);
        client.send(
            subscribe(1, `/thngs/${thng.id}/properties`, `/products/${product.id}/properties`),
        );
        assert.deepEqual((await client.next(type.suback)).codes, [1, 0x80]);
        client.destroy();
    });

    it('policies that change, and are deleted, count at once', async () => {
        const policy = await newPolicy(['thngs:list']);
        const token = await d.api.must(201, 'POST', '/accessTokens', tokenBody([policy]));
        const api = as(d, token.apiKey);
        assert.equal((await api.get('/thngs')).status, 200);
        assertError(await api.get('/places'), 403);
        const path = `/accessPolicies/${policy}`;
        await d.api.must(200, 'PUT', path, { permissions: ['places:list'] });
        assertError(await api.get('/thngs'), 403);
        assert.equal((await api.get('/places')).status, 200);
        const other = await newPolicy(['products:list']);
        await d.api.must(200, 'PUT', `/accessTokens/${token.id}`, { policies: [policy, other] });
        assert.equal((await api.get('/products')).status, 200);
        await d.api.must(204, 'DELETE', path);
        assertError(await api.get('/places'), 403);
        assert.equal((await api.get('/products')).status, 200);
    });

    it('conditions: of places only those that are named', async () => {
        const [one, two] = await Promise.all(
            ['one', 'two'].map((name) => d.api.must(201, 'POST', '/places', { name })),
        );
        const { apiKey } = await newToken(['places:*', 'thngs:list'], [`places:${one.id}`]);
        const api = as(d, apiKey);
        assert.deepEqual(
            (await api.must(200, 'GET', '/places')).map((place) => place.id),
            [one.id],
        );
        assert.equal((await api.head('/places')).headers['x-result-count'], '1');
        await api.must(200, 'GET', `/places/${one.id}`);
        assertError(await api.get(`/places/${two.id}`), 404);
        assertError(await api.put(`/places/${two.id}`, { name: 'x' }), 404);
        assertError(await api.delete(`/places/${two.id}`), 404);
        await d.api.newThng();
        assert.ok((await api.must(200, 'GET', '/thngs')).length > 0);
    });

    it('nobody grants more than they hold: 400', async () => {
        const holds = [
            ...['accessPolicies:*', 'accessTokens:*', 'operatorAccess:*', 'thngs:read', 'places:*'],
        ];
        const policies = [await newPolicy(holds)];
        const place = await d.api.must(201, 'POST', '/places', { name: 'p' });
        const collaborator = await newOperator(d.api, {
            policies,
            conditions: [`places:${place.id}`],
        });
        const token = await d.api.must(201, 'POST', '/accessTokens', {
            ...tokenBody(policies, [`places:${place.id}`]),
        });
        const mighty = await newPolicy(['thngs:delete']);
        const root = `/accounts/${account}/operatorAccess`;
        for (const key of [collaborator.key, token.apiKey]) {
            const api = as(d, key);
            const limited = [`places:${place.id}`];
            const email = () => `${unique('g').replace(' ', '')}@example.com`;
            const weak = await newPolicy(['thngs:read'], api);
            const body = { name: unique('policy'), permissions: ['thngs:delete'] };
            assertError(await api.post('/accessPolicies', body), 400);
            assertError(
                await api.put(`/accessPolicies/${weak}`, { permissions: ['thngs:*'] }),
                400,
            );
            assertError(await api.post('/accessTokens', tokenBody([mighty], limited)), 400);
            assertError(
                await api.post('/accessTokens', tokenBody([weak])),
                400,
                'without its conditions',
            );
            const made = await api.must(201, 'POST', '/accessTokens', tokenBody([weak], limited));
            const more = { policies: [weak, mighty] };
            assertError(await api.put(`/accessTokens/${made.id}`, more), 400);
            assertError(
                await api.post(root, { email: email(), policies: [mighty], conditions: limited }),
                400,
            );
            assertError(await api.post(root, { email: email(), role: 'admin' }), 400);
            assertError(await api.post(root, { email: email() }), 400);
            await api.must(201, 'POST', root, {
                email: email(),
                policies: [weak],
                conditions: limited,
            });
            const self = `${root}/${collaborator.id}`;
            assertError(await api.put(self, { policies: [mighty] }), 400);
            assertError(await api.put(self, { role: 'admin' }), 400);
        }
        assertError(await as(d, collaborator.key).get('/thngs'), 403);
    });

    it('all of it outlives a restart', async () => {
        const { apiKey } = await newToken(['thngs:list']);
        await d.restart();
        assert.equal((await as(d, apiKey).get('/thngs')).status, 200);
        assertError(await as(d, apiKey).get('/places'), 403);
    });
});
