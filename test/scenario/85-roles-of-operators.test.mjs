// SPDX-License-Identifier: Apache-2.0
// Roles of operators (auth.md 8): what each switch gives, and that an administrator remains.
import { scenario, it, assert, assertError, unknownId } from './lib/suite.mjs';
import { login, subscribe, type } from './lib/packets.mjs';
import {
    as,
    newAnonymous,
    newOperator,
    newOperatorRole,
    newProject,
    newRole,
} from './lib/people.mjs';

const switches = [
    'gl_project_update',
    'gl_resource_update',
    'global_read',
    'project_read',
    'project_resource_update',
    'project_update',
];

const status = async (answer) => (await answer).status;
const newThngIn = async (api, project, name = 't') =>
    (await api.must(201, 'POST', `/thngs?project=${project}`, { name })).id;

scenario('roles of operators', {}, (d) => {
    /* Two projects with a thng each, one thng in none; an operator whose role has <on>. */
    const setting = async (on) => {
        const [here, there] = [await newProject(d.api), await newProject(d.api)];
        const given = typeof on === 'function' ? on(here.id) : on;
        const role = await newOperatorRole(d.api, given);
        const operator = await newOperator(d.api, { role });
        return {
            here,
            there,
            role,
            operator,
            api: as(d, operator.key),
            inHere: `/thngs/${await newThngIn(d.api, here.id)}`,
            inThere: `/thngs/${await newThngIn(d.api, there.id)}`,
            nowhere: `/thngs/${(await d.api.newThng()).id}`,
        };
    };
    const change = { description: 'changed' };

    it('permissions: six switches, off at first; all, some, or one are set', async () => {
        const { id } = await d.api.must(201, 'POST', '/roles', { name: 'staff', type: 'operator' });
        const path = `/roles/${id}/permissions`;
        const first = await d.api.must(200, 'GET', path);
        assert.deepEqual(first.map((one) => one.name).sort(), switches);
        for (const one of first) assert.equal(one.enabled, false);
        const { id: project } = await newProject(d.api);
        const body = [
            { name: 'global_read', enabled: true },
            { name: 'project_update', enabled: true, projectScoped: true, projects: [project] },
        ];
        const set = await d.api.must(200, 'PUT', path, body);
        const enabled = (list) => list.filter((one) => one.enabled).map((one) => one.name).sort();
        assert.deepEqual(set.map((one) => one.name).sort(), switches);
        assert.deepEqual(enabled(set), ['global_read', 'project_update']);
        assert.deepEqual(await d.api.must(200, 'GET', path), set);
        const scoped = await d.api.must(200, 'GET', `${path}/project_update`);
        assert.deepEqual(scoped.projects, [project]);
        const off = await d.api.must(200, 'PUT', `${path}/global_read`, {
            name: 'global_read',
            enabled: false,
        });
        assert.equal(off.name, 'global_read');
        assert.equal(off.enabled, false);
        assert.deepEqual(enabled((await d.api.get(path)).body), ['project_update']);
    });

    it('bad switches are refused and change nothing', async () => {
        const id = await newOperatorRole(d.api, { global_read: true });
        const path = `/roles/${id}/permissions`;
        const before = (await d.api.get(path)).body;
        assertError(await d.api.get(`${path}/everything`), 404);
        assertError(await d.api.put(`${path}/everything`, { enabled: true }), 404);
        for (const bad of [
            {},
            ['global_read'],
            [{ enabled: true }],
            [{ name: 'everything', enabled: true }],
            [{ name: 'global_read', enabled: 'yes' }],
            [{ path: '/thngs', access: 'r' }],
            [{ name: 'project_read', enabled: true, projects: 'all' }],
            [{ name: 'project_read', enabled: true, projects: ['no-id'] }],
        ]) {
            const answer = await d.api.put(path, bad);
            assert.ok([400, 404].includes(answer.status), JSON.stringify(bad) + answer.text);
        }
        assertError(await d.api.put(`${path}/global_read`, { enabled: 7 }), 400);
        assert.deepEqual((await d.api.get(path)).body, before);
        const users = await newRole(d.api, []);
        assertError(await d.api.get(`/roles/${users}/permissions/global_read`), 404);
        assertError(
            await d.api.put(`/roles/${users}/permissions`, [
                { name: 'global_read', enabled: true },
            ]),
            400,
        );
    });

    it('all switches off, and none: the own document and account, nothing else', async () => {
        const { api, operator, inHere } = await setting({});
        const nobody = await newOperator(d.api, { role: 'none' });
        for (const [one, id] of [
            [api, operator.id],
            [as(d, nobody.key), nobody.id],
        ]) {
            const { account } = await one.must(200, 'GET', '/access');
            await one.must(200, 'GET', `/operators/${id}`);
            await one.must(200, 'GET', '/accounts');
            await one.must(200, 'GET', `/accounts/${account}`);
            await one.must(200, 'GET', '/me');
            for (const path of ['/thngs', inHere, '/projects', '/users', '/files'])
                assertError(await one.get(path), 403);
            assertError(await one.post('/thngs', { name: 'x' }), 403);
            assertError(await one.put(`/accounts/${account}`, change), 403);
            assertError(await one.get(`/accounts/${account}/accesses`), 403);
        }
    });

    it('global_read: reads all, changes nothing, sees no keys', async () => {
        const { api, here, inHere, inThere, nowhere } = await setting({ global_read: true });
        for (const path of [inHere, inThere, nowhere]) {
            assert.equal(await status(api.get(path)), 200);
            assert.equal(await status(api.get(`${path}/properties`)), 200);
            assertError(await api.put(path, change), 403);
            assertError(await api.put(`${path}/properties`, [{ key: 'a', value: 1 }]), 403);
            assertError(await api.delete(path), 403);
        }
        const application = `/projects/${here.id}/applications/${here.app}`;
        for (const path of ['/projects', `/projects/${here.id}`, application, '/users', '/files'])
            assert.equal(await status(api.get(path)), 200);
        assertError(await api.get(`${application}/secretKey`), 403);
        assertError(await api.post('/projects', { name: 'x' }), 403);
        assertError(await api.post('/thngs', { name: 'x' }), 403);
    });

    it('gl_resource_update: changes resources everywhere, not projects', async () => {
        const { api, here, inHere, nowhere } = await setting({
            global_read: true,
            gl_resource_update: true,
        });
        for (const path of [inHere, nowhere]) {
            assert.equal(await status(api.put(path, change)), 200);
            assert.equal(
                await status(api.put(`${path}/properties`, [{ key: 'a', value: 1 }])),
                200,
            );
            assert.equal(await status(api.delete(path)), 200);
        }
        const { id } = await api.newThng();
        assert.match(await api.newDeviceKey(id), /^[A-Za-z0-9]{80}$/);
        assertError(await api.put(`/projects/${here.id}`, change), 403);
        assertError(await api.post('/projects', { name: 'x' }), 403);
        assertError(await api.get(`/projects/${here.id}/applications/${here.app}/secretKey`), 403);
    });

    it('gl_project_update: changes projects, applications and users, not resources', async () => {
        const { api, here, inHere } = await setting({
            global_read: true,
            gl_project_update: true,
        });
        assert.equal(await status(api.put(`/projects/${here.id}`, change)), 200);
        const { id } = await api.must(201, 'POST', '/projects', { name: 'made' });
        const application = `/projects/${here.id}/applications/${here.app}`;
        assert.equal(await status(api.put(application, change)), 200);
        assert.equal(await status(api.get(`${application}/secretKey`)), 200);
        assert.equal(await status(api.delete(`/projects/${id}`)), 200);
        const user = await newAnonymous(d, here.appKey);
        assert.equal(await status(api.put(`/users/${user.id}`, { firstName: 'x' })), 200);
        assertError(await api.put(inHere, change), 403);
        assertError(await api.post('/thngs', { name: 'x' }), 403);
        assertError(await api.post('/roles', { name: 'more' }), 403);
    });

    it('project_read: what is in its projects, the rest is not there', async () => {
        const { api, here, there, inHere, inThere, nowhere } = await setting((project) => ({
            project_read: [project],
        }));
        assert.equal(await status(api.get(inHere)), 200);
        assertError(await api.get(inThere), 404);
        assertError(await api.get(nowhere), 404);
        assert.deepEqual(
            (await api.get('/thngs')).body.map((one) => `/thngs/${one.id}`),
            [inHere],
        );
        assert.deepEqual(
            (await api.get('/projects')).body.map((one) => one.id),
            [here.id],
        );
        assertError(await api.get(`/projects/${there.id}`), 404);
        assertError(await api.get(`/thngs?project=${there.id}`), 404);
        assertError(await api.put(inHere, change), 403);
        assertError(await api.post(`/thngs?project=${here.id}`, { name: 'x' }), 403);
        const raw = await login(d.port.mqtt, api.key);
        raw.send(subscribe(1, `${inHere}/properties`, `${inThere}/properties`));
        assert.deepEqual((await raw.next(type.suback)).codes, [1, 0x80]);
        raw.destroy();
    });

    it('a switch whose projects are none, or gone, reaches nothing', async () => {
        const nobody = await setting({ project_read: [], project_resource_update: [] });
        const gone = await setting((project) => ({ project_read: [project] }));
        await d.api.must(200, 'DELETE', `/projects/${gone.here.id}`);
        const bare = await newOperatorRole(d.api, {});
        await d.api.must(200, 'PUT', `/roles/${bare}/permissions`, [
            { name: 'project_read', enabled: true },
        ]);
        const unnamed = as(d, (await newOperator(d.api, { role: bare })).key);
        for (const api of [nobody.api, gone.api, unnamed]) {
            for (const path of [nobody.inHere, nobody.nowhere, gone.inThere]) {
                const answer = await api.get(path);
                assert.ok(answer.status === 403 || answer.status === 404, answer.text);
            }
            const list = await api.get('/thngs');
            if (list.status === 200) assert.deepEqual(list.body, []);
            else assertError(list, 403);
            assertError(await api.put(nobody.inHere, change), 403);
        }
    });

    it('a project that goes takes the rights in it along', async () => {
        const { api, here, inHere } = await setting((project) => ({
            project_read: [project],
            project_resource_update: [project],
        }));
        assert.equal(await status(api.put(inHere, change)), 200);
        await d.api.must(200, 'DELETE', `/projects/${here.id}`);
        for (const answer of [
            await api.put(inHere, change),
            await api.put(`${inHere}/properties/a`, [{ value: 1 }]),
            await api.delete(inHere),
        ])
            assert.ok([403, 404].includes(answer.status), answer.text);
        await d.api.must(200, 'GET', inHere);
    });

    it('project_resource_update: changes what is in its projects, makes it there', async () => {
        const { api, here, there, inHere, inThere } = await setting((project) => ({
            project_read: [project],
            project_resource_update: [project],
        }));
        assert.equal(await status(api.put(inHere, change)), 200);
        assertError(await api.put(inThere, change), 404);
        const made = await api.post(`/thngs?project=${here.id}`, { name: 'x' });
        assert.equal(made.status, 201, made.text);
        assertError(await api.post('/thngs', { name: 'x' }), 403);
        assertError(await api.post(`/thngs?project=${there.id}`, { name: 'x' }), 404);
        assertError(await api.put(`/projects/${here.id}`, change), 403);
        // It does not put things where it has no rights.
        const outside = await api.put(inHere, {
            scopes: { users: ['all'], projects: [here.id, there.id] },
        });
        assert.ok([400, 403, 404].includes(outside.status), outside.text);
        assert.deepEqual((await d.api.get(`${inHere}?withScopes=true`)).body.scopes.projects, [
            here.id,
        ]);
        assert.equal(await status(api.delete(inHere)), 200);
    });

    it('project_update: changes its projects and their applications', async () => {
        const { api, here, there, inHere } = await setting((project) => ({
            project_read: [project],
            project_update: [project],
        }));
        assert.equal(await status(api.put(`/projects/${here.id}`, change)), 200);
        assertError(await api.put(`/projects/${there.id}`, change), 404);
        assertError(await api.post('/projects', { name: 'x' }), 403);
        const application = `/projects/${here.id}/applications/${here.app}`;
        assert.equal(await status(api.put(application, change)), 200);
        assertError(await api.put(inHere, change), 403);
    });

    it('changed switches count with the next request', async () => {
        const { api, role, inHere, nowhere } = await setting({ global_read: true });
        assert.equal(await status(api.get(nowhere)), 200);
        await d.api.must(200, 'PUT', `/roles/${role}/permissions/global_read`, { enabled: false });
        assertError(await api.get(nowhere), 403);
        await d.api.must(200, 'PUT', `/roles/${role}/permissions`, [
            { name: 'global_read', enabled: true },
            { name: 'gl_resource_update', enabled: true },
        ]);
        assert.equal(await status(api.put(inHere, change)), 200);
    });

    it('a role in use that is deleted: its operators have none', async () => {
        const { api, role, operator, inHere } = await setting({ global_read: true });
        assert.equal(await status(api.get(inHere)), 200);
        assert.equal(await status(d.api.delete(`/roles/${role}`)), 204);
        assertError(await api.get(inHere), 403);
        assert.equal(await status(api.get('/access')), 200);
        const { account } = (await d.api.get('/access')).body;
        const access = `/accounts/${account}/accesses/${operator.id}`;
        await d.api.must(200, 'PUT', access, { role: 'admin' });
        assert.equal(await status(api.get(inHere)), 200);
        await d.api.must(200, 'PUT', access, { role: 'none' });
        assertError(await api.get(inHere), 403);
    });

    it('accesses: one per operator, with its key and its role', async () => {
        const { account, actor } = (await d.api.get('/access')).body;
        const operator = await newOperator(d.api, { role: 'none' });
        const list = (await d.api.get(`/accounts/${account}/accesses?perPage=100`)).body;
        const own = list.find((one) => one.operator === actor.id);
        assert.equal(own.role, 'admin');
        assert.equal(own.account, account);
        assert.equal(own.apiKey, d.key);
        const other = list.find((one) => one.operator === operator.id);
        assert.equal(other.apiKey, operator.key);
        const path = `/accounts/${account}/accesses/${other.id}`;
        assert.deepEqual((await d.api.get(path)).body, other);
        for (const role of ['base_app_user', unknownId, await newRole(d.api, []), 7])
            assertError(await d.api.put(path, { role }), 400);
        assert.equal((await d.api.get(path)).body.role, 'none');
        assertError(await d.api.get(`/accounts/${account}/accesses/${unknownId}`), 404);
        assertError(await d.api.get(`/accounts/${unknownId}/accesses`), 404);
        assertError(await as(d, operator.key).put(path, { role: 'admin' }), 403);
    });
});

scenario('the last administrator', {}, (d) => {
    const setting = async () => {
        const { account, actor } = (await d.api.get('/access')).body;
        return {
            access: (id) => `/accounts/${account}/accesses/${id}`,
            collaborator: (id) => `/accounts/${account}/operatorAccess/${id}`,
            self: actor.id,
        };
    };

    it('stays one: 409', async () => {
        const { access, collaborator, self } = await setting();
        const plain = await newOperator(d.api, { role: 'none' });
        const role = await newOperatorRole(d.api, { global_read: true });
        for (const other of ['none', role])
            assertError(await d.api.put(access(self), { role: other }), 409);
        assertError(await d.api.delete(collaborator(self)), 409);
        assert.equal((await d.api.get(access(self))).body.role, 'admin');
        assert.equal(await status(d.api.delete(collaborator(plain.id))), 204);
    });

    it('with a second one either can go, and not both', async () => {
        const { access, collaborator, self } = await setting();
        const second = await newOperator(d.api, { role: 'admin' });
        await d.api.must(200, 'PUT', access(self), { role: 'none' });
        assertError(await d.api.get('/thngs'), 403);
        const api = as(d, second.key);
        assertError(await api.put(access(second.id), { role: 'none' }), 409);
        assertError(await api.delete(collaborator(second.id)), 409);
        await api.must(200, 'PUT', access(self), { role: 'admin' });
        assert.equal(await status(d.api.delete(collaborator(second.id))), 204);
        assertError(await d.api.put(access(self), { role: 'none' }), 409);
    });

    it('two who dismiss each other at the same time: one remains', async () => {
        const { access, self } = await setting();
        for (let i = 0; i < 30; i++) {
            const second = await newOperator(d.api, { role: 'admin' });
            const api = as(d, second.key);
            const answers = await Promise.all([
                status(d.api.put(access(second.id), { role: 'none' })),
                status(api.put(access(self), { role: 'none' })),
            ]);
            // The one that comes second is refused: as the last one, or for want of rights.
            assert.equal(answers.filter((one) => one === 200).length, 1, String(answers));
            assert.ok(answers.some((one) => one === 409 || one === 403), String(answers));
            if (answers[1] === 200) {
                await api.must(200, 'PUT', access(self), { role: 'admin' });
                await d.api.must(200, 'PUT', access(second.id), { role: 'none' });
            }
        }
    });

    it('is so after a crash', async () => {
        const { access, self } = await setting();
        d.kill9();
        await d.exited;
        await d.start();
        assertError(await d.api.put(access(self), { role: 'none' }), 409);
        await newOperator(d.api, { role: 'admin' });
        await d.api.must(200, 'PUT', access(self), { role: 'none' });
    });
});
