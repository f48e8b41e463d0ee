// SPDX-License-Identifier: Apache-2.0
// Roles: built-in ones, names, what is in use; what permissions give to users (auth.md 8).
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
import { as, newAnonymous, newApplication, newProject, newRole } from './lib/people.mjs';

let count = 0;
const unique = (what) => `${what} no. ${(count += 1)}`;

scenario('roles', {}, (d) => {
    let project;
    const make = (body) => d.api.must(201, 'POST', '/roles', body);

    it('a project', async () => {
        project = await newProject(d.api);
    });

    it('built-in roles lead the list, are read by name, and stay as they are', async () => {
        const custom = await make({ name: unique('role'), type: 'userInApp', version: 2 });
        const list = await d.api.must(200, 'GET', '/roles');
        assert.deepEqual(
            list
                .slice(0, 3)
                .map((one) => one.id)
                .sort(),
            ['admin', 'base_app_user', 'none'],
        );
        assert.ok(list.slice(3).some((one) => one.id === custom.id));
        for (const name of ['admin', 'base_app_user', 'none']) {
            const role = await d.api.must(200, 'GET', `/roles/${name}`);
            assert.equal(role.name, name);
            assertError(await d.api.put(`/roles/${name}`, { description: 'x' }), 403);
            assertError(await d.api.put(`/roles/${name}/permissions`, []), 403);
            assertError(await d.api.delete(`/roles/${name}`), 403);
        }
        const base = await d.api.must(200, 'GET', '/roles/base_app_user/permissions');
        assert.ok(Array.isArray(base) && base.length > 0);
        for (const one of base) assert.match(one.access, /^[crud]{1,4}$/);
        const same = await make({ name: unique('as base'), type: 'userInApp' });
        await d.api.must(200, 'PUT', `/roles/${same.id}/permissions`, base);
    });

    it('a role of users: made, read, changed, listed, deleted', async () => {
        const answer = await d.api.post('/roles', {
            ...{ name: unique('role'), type: 'userInApp', version: 2 },
            ...{ description: 'd', customFields: { a: 1 } },
        });
        assert.equal(answer.status, 201, answer.text);
        assertCompact(answer);
        const role = answer.body;
        assert.match(role.id, idPattern);
        assert.equal(role.type, 'userInApp');
        assert.equal(role.version, 2);
        assert.equal(role.permissions, undefined);
        assert.ok(answer.headers.location.endsWith(`/roles/${role.id}`));
        assert.deepEqual(await d.api.must(200, 'GET', `/roles/${role.id}`), role);
        const name = unique('renamed');
        const changed = await d.api.must(200, 'PUT', `/roles/${role.id}`, { name });
        assert.equal(changed.id, role.id, JSON.stringify(changed));
        assert.equal(changed.name, name);
        assert.equal(changed.description, 'd');
        const found = await d.api.must(
            200,
            'GET',
            `/roles?filter=${encodeURIComponent(`name=${name}`)}`,
        );
        assert.deepEqual(
            found.map((one) => one.id),
            [role.id],
        );
        const gone = await d.api.delete(`/roles/${role.id}`);
        assert.equal(gone.status, 204, gone.text);
        assertError(await d.api.get(`/roles/${role.id}`), 404);
        await make({ name });
    });

    it('names are unique, and not those of built-in ones', async () => {
        const name = unique('only');
        const { id } = await make({ name });
        assertError(await d.api.post('/roles', { name }), 409, { code: 67239936 });
        assertError(await d.api.post('/roles', { name, type: 'operator' }), 409);
        assertError(await d.api.post('/roles', { name: 'admin' }), 409);
        const other = await make({ name: unique('other') });
        assertError(await d.api.put(`/roles/${other.id}`, { name }), 409);
        await d.api.must(200, 'PUT', `/roles/${id}`, { name });
        const races = await Promise.all(
            Array.from({ length: 6 }, () => d.api.post('/roles', { name: 'raced' })),
        );
        assert.deepEqual(races.map((one) => one.status).sort(), [201, 409, 409, 409, 409, 409]);
    });

    it('bodies that are no roles are refused', async () => {
        for (const body of [{}, { name: '' }, { name: 7 }, { name: 'x', type: 'device' }, [], 'x'])
            assertError(await d.api.post('/roles', body), 400);
        assertError(await d.api.put(`/roles/${unknownId}`, { name: 'x' }), 404);
        assertError(await d.api.delete(`/roles/${unknownId}`), 404);
    });

    it('permissions of users: replaced as a whole, shown as they are', async () => {
        const { id } = await make({ name: unique('role') });
        const path = `/roles/${id}/permissions`;
        assert.deepEqual(await d.api.must(200, 'GET', path), []);
        const wanted = [
            { path: '/thngs', access: 'cru' },
            { path: '/thngs/:id/properties', access: 'r' },
        ];
        const answer = await d.api.put(path, wanted);
        assert.equal(answer.status, 200, answer.text);
        assertCompact(answer);
        assert.deepEqual(answer.body, wanted);
        assert.deepEqual(await d.api.must(200, 'GET', path), wanted);
        const less = [{ path: '/places', access: 'r' }];
        await d.api.must(200, 'PUT', path, less);
        assert.deepEqual(await d.api.must(200, 'GET', path), less);
        await d.api.must(200, 'PUT', path, []);
        assert.deepEqual(await d.api.must(200, 'GET', path), []);
        for (const body of [
            ...[{}, 'x', [7], [{}], [{ path: '/thngs' }], [{ access: 'r' }]],
            ...[[{ path: '/thngs', access: '' }], [{ path: '/thngs', access: 'x' }]],
            ...[[{ path: '/thngs', access: 'crudc' }], [{ path: 'thngs', access: 'r' }]],
            ...[[{ path: '/nothing', access: 'r' }], [{ path: '/projects', access: 'r' }]],
            ...[[{ path: '/places', access: 'c' }], [{ path: '/files', access: 'r' }]],
        ])
            assertError(await d.api.put(path, body), 400);
        assert.deepEqual(await d.api.must(200, 'GET', path), []);
        assertError(await d.api.get(`/roles/${unknownId}/permissions`), 404);
        assertError(await d.api.get(`${path}/global_read`), 404);
    });

    it('the longest path that fits counts', async () => {
        const user = await newAnonymous(d, project.appKey);
        const api = as(d, user.key);
        const { id: thng } = await api.must(201, 'POST', '/thngs', { name: 't' });
        const may = async (permissions) => {
            const role = await newRole(d.api, permissions);
            await d.api.must(200, 'PUT', `/users/${user.id}`, { role });
            const status = async (method, path, body) =>
                (await api.call(method, path, body)).status !== 403;
            return {
                list: await status('GET', '/thngs'),
                read: await status('GET', `/thngs/${thng}`),
                update: await status('PUT', `/thngs/${thng}`, { description: 'x' }),
                readPoint: await status('GET', `/thngs/${thng}/properties/a`),
                setPoint: await status('PUT', `/thngs/${thng}/properties/a`, [{ value: 1 }]),
                act: await status('POST', `/thngs/${thng}/actions/scans`, {}),
                scan: await status('POST', '/actions/scans', {}),
                checkIn: await status('POST', '/actions/checkins', {}),
                places: await status('GET', '/places'),
            };
        };
        const nothing = Object.fromEntries(Object.keys(await may([])).map((name) => [name, false]));
        assert.deepEqual(await may([]), nothing);
        assert.deepEqual(await may([{ path: '/thngs', access: 'r' }]), {
            ...nothing,
            ...{ list: true, read: true, readPoint: true },
        });
        assert.deepEqual(await may([{ path: '/thngs', access: 'cru' }]), {
            ...nothing,
            ...{ list: true, read: true, update: true, readPoint: true, setPoint: true, act: true },
        });
        assert.deepEqual(
            await may([
                { path: '/thngs', access: 'r' },
                { path: '/thngs/:id/properties', access: 'u' },
            ]),
            { ...nothing, list: true, read: true, setPoint: true },
        );
        assert.deepEqual(await may([{ path: '/thngs/:id', access: 'r' }]), {
            ...nothing,
            ...{ read: true, readPoint: true },
        });
        assert.deepEqual(
            await may([
                { path: '/actions/scans', access: 'c' },
                { path: '/places', access: 'r' },
            ]),
            { ...nothing, scan: true, places: true },
        );
        assert.deepEqual(await may([{ path: '/actions/:type', access: 'c' }]), {
            ...nothing,
            ...{ scan: true, checkIn: true },
        });
    });

    it('users list the roles that users can have', async () => {
        const user = await newAnonymous(d, project.appKey);
        const mine = await make({ name: unique('for users'), type: 'userInApp' });
        const hidden = await make({
            name: unique('elsewhere'),
            scopes: { roles: [], projects: [] },
        });
        const operators = await make({ name: unique('for operators'), type: 'operator' });
        const ids = [];
        for (let page = 1; page < 20; page += 1) {
            const list = await as(d, user.key).must(200, 'GET', `/roles?page=${page}&perPage=100`);
            if (list.length === 0) break;
            ids.push(...list.map((one) => one.id));
        }
        assert.ok(ids.includes(mine.id) && ids.includes('base_app_user'));
        for (const id of [hidden.id, operators.id, 'admin']) assert.equal(ids.includes(id), false);
    });

    it('a role that users have, or would get, is not deleted: 409', async () => {
        const role = await newRole(d.api, []);
        const user = await newAnonymous(d, project.appKey);
        await d.api.must(200, 'PUT', `/users/${user.id}`, { role });
        assertError(await d.api.delete(`/roles/${role}`), 409);
        await d.api.must(200, 'PUT', `/users/${user.id}`, { role: 'base_app_user' });
        await d.api.must(204, 'DELETE', `/roles/${role}`);
        const next = await newRole(d.api, []);
        const { app } = await newApplication(d.api, project.id, { defaultRole: next });
        assertError(await d.api.delete(`/roles/${next}`), 409);
        await d.api.must(200, 'DELETE', `/projects/${project.id}/applications/${app}`);
        await d.api.must(204, 'DELETE', `/roles/${next}`);
        const last = await newRole(d.api, []);
        const gone = await newAnonymous(d, project.appKey);
        await d.api.must(200, 'PUT', `/users/${gone.id}`, { role: last });
        await d.api.must(200, 'DELETE', `/users/${gone.id}`);
        await d.api.must(204, 'DELETE', `/roles/${last}`);
    });

    it('topics are paths: subscribing reads, publishing updates, or creates actions', async () => {
        const user = await newAnonymous(d, project.appKey);
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 't' });
        const [points, scans] = [
            `/thngs/${thng.id}/properties/a`,
            `/thngs/${thng.id}/actions/scans`,
        ];
        const may = async (permissions) => {
            const role = await newRole(d.api, permissions);
            await d.api.must(200, 'PUT', `/users/${user.id}`, { role });
            const client = await login(d.port.mqtt, user.key);
            client.send(subscribe(1, points, scans));
            const { codes } = await client.next(type.suback);
            client.destroy();
            const publishes = async (topic, payload) => {
                const one = await login(d.port.mqtt, user.key);
                one.send(publish(topic, payload, { qos: 1 }));
                const answer = await one.next(type.puback).catch(() => null);
                one.destroy();
                return answer !== null;
            };
            return [
                ...codes.map((code) => code !== 0x80),
                await publishes(points, [{ value: 1 }]),
                await publishes(scans, {}),
            ];
        };
        assert.deepEqual(await may([]), [false, false, false, false]);
        assert.deepEqual(await may([{ path: '/thngs', access: 'r' }]), [true, true, false, false]);
        assert.deepEqual(await may([{ path: '/thngs', access: 'u' }]), [false, false, true, false]);
        assert.deepEqual(await may([{ path: '/thngs', access: 'c' }]), [false, false, false, true]);
        const parts = [
            { path: '/thngs', access: 'cru' },
            { path: '/thngs/:id/actions/:type', access: 'r' },
            { path: '/thngs/:id/properties', access: 'u' },
        ];
        assert.deepEqual(await may(parts), [false, true, true, false]);
    });

    it('roles, their permissions and who has them outlive a crash', async () => {
        const role = await newRole(d.api, [{ path: '/places', access: 'r' }]);
        const user = await newAnonymous(d, project.appKey);
        await d.api.must(200, 'PUT', `/users/${user.id}`, { role });
        await d.crash();
        await d.start();
        assert.equal((await as(d, user.key).get('/places')).status, 200);
        assertError(await as(d, user.key).get('/thngs'), 403);
        assertError(await d.api.delete(`/roles/${role}`), 409);
        const { name } = await d.api.must(200, 'GET', `/roles/${role}`);
        assertError(await d.api.post('/roles', { name }), 409);
    });
});
