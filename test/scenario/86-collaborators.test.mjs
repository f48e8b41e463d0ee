// SPDX-License-Identifier: Apache-2.0
// Operators whose rights are access policies (auth.md 2.5), and /me.
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
import { as, newAnonymous, newOperator, newPolicy, newProject } from './lib/people.mjs';

const managed = 'evt:accountAdmin';
const status = async (answer) => (await answer).status;
const idsOf = (answer) => answer.body.map((one) => one.id).sort();

scenario('collaborators and /me', {}, (d) => {
    const root = async () => {
        const { account } = (await d.api.get('/access')).body;
        return `/accounts/${account}/operatorAccess`;
    };

    it('/me of an administrator: the managed policy', async () => {
        const { actor } = (await d.api.get('/access')).body;
        const me = await d.api.get('/me');
        assert.equal(me.status, 200, me.text);
        assertCompact(me);
        assert.match(me.body.id, idPattern);
        assert.equal(me.body.operator, actor.id);
        assert.equal(typeof me.body.name, 'string');
        assert.equal(typeof me.body.email, 'string');
        assert.deepEqual(
            me.body.policies.map((policy) => policy.name),
            [managed],
        );
        assert.deepEqual(me.body.conditions, []);
    });

    it('/me is for operators', async () => {
        const project = await newProject(d.api);
        const thng = await d.api.newThng();
        for (const key of [
            project.trustedKey,
            project.appKey,
            (await newAnonymous(d, project.appKey)).key,
            await d.api.newDeviceKey(thng.id),
        ])
            assertError(await as(d, key).get('/me'), 403);
        assertError(await as(d, undefined).get('/me'), 401);
    });

    it('are created with a key, read, changed, listed, removed', async () => {
        const at = await root();
        const policy = await newPolicy(d.api, ['thngs:read,list']);
        const body = {
            email: 'colleague@example.com',
            firstName: 'Ada',
            lastName: 'L',
            description: 'helps',
            policies: [policy],
            conditions: [],
            tags: ['a'],
        };
        const made = await d.api.post(at, body);
        assert.equal(made.status, 201, made.text);
        const { apiKey, ...document } = made.body;
        assert.match(apiKey, keyPattern);
        assert.equal(document.email, body.email);
        assert.deepEqual(document.policies, [policy]);
        assert.deepEqual(document.conditions, []);
        assert.equal(document.description, 'helps');
        assert.match(document.operator, idPattern);
        const path = `${at}/${document.id}`;
        assert.ok(made.headers.location.endsWith(path), made.headers.location);
        assert.deepEqual((await d.api.get(path)).body, document);
        assert.ok((await d.api.get(at)).body.some((one) => one.id === document.id));

        const api = as(d, apiKey);
        assert.deepEqual((await api.get('/access')).body.actor, {
            type: 'operator',
            id: document.operator,
        });
        const me = await api.must(200, 'GET', '/me');
        assert.equal(me.operator, document.operator);
        assert.equal(me.email, body.email);
        assert.deepEqual(
            me.policies.map((one) => [one.id, one.permissions]),
            [[policy, ['thngs:read,list']]],
        );
        assert.equal(await status(api.get('/thngs')), 200);
        assertError(await api.get('/products'), 403);
        assertError(await api.post('/thngs', { name: 'x' }), 403);
        assertError(await api.get(at), 403);
        assert.equal(await status(api.get(`/operators/${document.operator}`)), 200);

        const other = await newPolicy(d.api, ['products:list']);
        const changed = await d.api.must(200, 'PUT', path, {
            description: 'helps more',
            policies: [policy, other],
        });
        assert.equal(changed.description, 'helps more');
        assert.equal('apiKey' in changed, false);
        assert.equal(await status(api.get('/products')), 200);
        await d.api.must(200, 'PUT', path, { policies: [other] });
        assertError(await api.get('/thngs'), 403);
        assert.equal((await d.api.delete(path)).status, 204);
        assertError(await api.get('/access'), 403);
        assertError(await d.api.get(path), 404);
        assertError(await d.api.delete(path), 404);
        assertError(await d.api.put(path, {}), 404);
    });

    it('what is no collaborator: 400', async () => {
        const at = await root();
        const email = 'nobody@example.com';
        for (const bad of [
            {},
            { email: 7 },
            { email: 'no address' },
            { email, policies: [unknownId] },
            { email, policies: 'all' },
            { email, role: unknownId },
            { email, role: 'base_app_user' },
            { email, conditions: ['thngs:U'] },
            { email, conditions: [`places:${unknownId}`] },
        ]) {
            const answer = await d.api.post(at, bad);
            assert.equal(answer.status, 400, `${JSON.stringify(bad)}: ${answer.text}`);
        }
        const elsewhere = at.replace(/U[^/]+/, unknownId);
        assertError(await d.api.get(elsewhere), 404);
        assertError(await d.api.post(elsewhere, { email }), 404);
    });

    it('conditions limit the places, of operators too', async () => {
        const { id: one } = await d.api.must(201, 'POST', '/places', { name: 'one' });
        const { id: two } = await d.api.must(201, 'POST', '/places', { name: 'two' });
        const policies = [await newPolicy(d.api, ['places:read,list'])];
        const { key } = await newOperator(d.api, { policies, conditions: [`places:${one}`] });
        const api = as(d, key);
        assert.deepEqual(idsOf(await api.get('/places')), [one]);
        assertError(await api.get(`/places/${two}`), 404);
        assert.deepEqual((await api.get('/me')).body.conditions, [`places:${one}`]);
    });

    it('a collaborator gives no more than it holds, and makes no administrators', async () => {
        const at = await root();
        const holds = await newPolicy(d.api, ['operatorAccess:*', 'thngs:read,list']);
        const weak = await newPolicy(d.api, ['thngs:read']);
        const strong = await newPolicy(d.api, ['thngs:*']);
        const { id, key } = await newOperator(d.api, { policies: [holds] });
        const api = as(d, key);
        const made = await api.post(at, { email: 'weak@example.com', policies: [weak] });
        assert.equal(made.status, 201, made.text);
        const body = { email: 'strong@example.com' };
        assertError(await api.post(at, { ...body, policies: [strong] }), 400);
        assertError(await api.post(at, { ...body, role: 'admin' }), 400);
        // Without a role and without policies it would be an administrator.
        assertError(await api.post(at, body), 400);
        const self = (await d.api.get(`${at}?perPage=100`)).body.find((one) => one.operator === id);
        assertError(await api.put(`${at}/${self.id}`, { policies: [strong] }), 400);
        assertError(await api.put(`${at}/${self.id}`, { role: 'admin' }), 400);
        assertError(await api.put(`/thngs/${(await d.api.newThng()).id}`, {}), 403);
        assertError(await api.get('/products'), 403);
    });

    it('a collaborator whose policies are all taken away has no rights', async () => {
        const at = await root();
        const nothing = async (key) => {
            for (const path of ['/thngs', '/products', '/accessPolicies', '/projects', at])
                assertError(await as(d, key).get(path), 403);
            assertError(await as(d, key).post('/thngs', { name: 'x' }), 403);
            assert.equal(await status(as(d, key).get('/access')), 200);
        };
        const gone = await newPolicy(d.api, ['thngs:list']);
        const orphan = await newOperator(d.api, { policies: [gone] });
        assert.equal(await status(as(d, orphan.key).get('/thngs')), 200);
        await d.api.must(204, 'DELETE', `/accessPolicies/${gone}`);
        await nothing(orphan.key);

        const policies = [await newPolicy(d.api, ['thngs:list'])];
        const { id, key } = await newOperator(d.api, { policies });
        const self = (await d.api.get(`${at}?perPage=100`)).body.find((one) => one.operator === id);
        await d.api.must(200, 'PUT', `${at}/${self.id}`, { policies: [] });
        await nothing(key);
    });

    it('a collaborator who is made with an empty list of policies has no rights', async () => {
        const { key } = await newOperator(d.api, { policies: [] });
        assertError(await as(d, key).get('/thngs'), 403);
        assertError(await as(d, key).get('/accessPolicies'), 403);
        assertError(await as(d, key).get(await root()), 403);
    });
});

scenario('the last administrator, and policies', {}, (d) => {
    it('one who is given policies is none any more: the last one is not, 409', async () => {
        const { account, actor } = (await d.api.get('/access')).body;
        const access = `/accounts/${account}/accesses/${actor.id}`;
        const { id, key } = await newOperator(d.api, { role: 'admin' });
        const api = as(d, key);
        const at = `/accounts/${account}/operatorAccess`;
        await d.api.must(200, 'PUT', access, { role: 'none' });
        const policies = [await newPolicy(api, ['thngs:list'])];
        for (const one of [id, actor.id]) {
            const answer = await api.put(`${at}/${one}`, { policies });
            // It is refused, or the role that it has counts more than the policies.
            if (answer.status !== 200) assertError(answer, 409);
            assert.equal(await status(api.get('/accessPolicies')), 200);
        }
        await api.must(200, 'PUT', access, { role: 'admin' });
        assert.equal(await status(d.api.get('/accessPolicies')), 200);
    });
});
