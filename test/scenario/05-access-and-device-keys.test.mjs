// SPDX-License-Identifier: Apache-2.0
// Operator and device keys: GET /access, issuing, what a device may, revoking (auth.md 1 to 6).
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
import { Rest, request } from './lib/rest.mjs';
import { login } from './lib/packets.mjs';

scenario('access and device keys', {}, (d) => {
    const device = async () => {
        const thng = await d.api.newThng();
        return { thng, api: new Rest(d.url.http, await d.api.newDeviceKey(thng.id)) };
    };

    it('GET /access tells an operator its account and itself', async () => {
        const answer = await d.api.get('/access');
        assert.equal(answer.status, 200);
        assertCompact(answer);
        assert.match(answer.body.account, idPattern);
        assert.equal(answer.body.actor.type, 'operator');
        assert.match(answer.body.actor.id, idPattern);
        assertError(await request(`${d.url.http}/access`), 401);
        assertError(await request(`${d.url.http}/access`, { key: 'wrong' }), 403);
    });

    it('GET /access tells a device the project of its thng, when there is one only', async () => {
        const { thng, api } = await device();
        const [one, other] = await Promise.all(
            ['one', 'other'].map((name) => d.api.must(201, 'POST', '/projects', { name })),
        );
        const projectIn = async (projects) => {
            await d.api.must(200, 'PUT', `/thngs/${thng.id}`, { scopes: { users: [], projects } });
            return (await api.must(200, 'GET', '/access')).project;
        };
        assert.equal((await api.must(200, 'GET', '/access')).project, undefined);
        assert.equal(await projectIn([one.id]), one.id);
        assert.equal(await projectIn([one.id, other.id]), undefined);
        assert.equal(await projectIn(['all']), undefined);
        assert.equal(await projectIn([]), undefined);
    });

    it('GET /operators/:id answers to the operator itself', async () => {
        const { id } = (await d.api.get('/access')).body.actor;
        assert.equal((await d.api.get(`/operators/${id}`)).status, 200);
    });

    it('a device key is issued once and read again', async () => {
        const thng = await d.api.newThng();
        const path = `/auth/evrythng/thngs/${thng.id}`;
        assertError(await d.api.get(path), 404);
        const issued = await d.api.post('/auth/evrythng/thngs', { thngId: thng.id });
        assert.equal(issued.status, 201);
        assertCompact(issued);
        assert.deepEqual(Object.keys(issued.body).sort(), ['thngApiKey', 'thngId']);
        assert.equal(issued.body.thngId, thng.id);
        assert.match(issued.body.thngApiKey, keyPattern);
        assert.equal(new URL(issued.headers.location, d.url.http).pathname, path);
        const again = await d.api.post('/auth/evrythng/thngs', { thngId: thng.id });
        assert.equal(again.status, 201);
        assert.deepEqual(again.body, issued.body);
        assert.equal(again.headers.location, issued.headers.location);
        assert.deepEqual(await d.api.must(200, 'GET', path), issued.body);
    });

    it('a key for a thng that does not exist is 404, without a thngId 400', async () => {
        assertError(await d.api.post('/auth/evrythng/thngs', { thngId: unknownId }), 404);
        assertError(await d.api.post('/auth/evrythng/thngs', {}), 400);
    });

    it('GET /access tells a device who it is', async () => {
        const { thng, api } = await device();
        const { body } = await api.get('/access');
        assert.equal(body.actor.type, 'device');
        assert.equal(body.actor.id, thng.id);
        assert.equal(body.account, (await d.api.get('/access')).body.account);
    });

    it('a device reads and updates its own thng', async () => {
        const { thng, api } = await device();
        const own = `/thngs/${thng.id}`;
        await api.must(200, 'GET', own);
        assert.equal((await api.must(200, 'PUT', own, { description: 'me' })).description, 'me');
        await api.must(200, 'PUT', `${own}/properties`, [{ key: 'a', value: 1 }]);
        await api.must(200, 'POST', `${own}/properties`, [{ key: 'a', value: 2 }]);
        await api.must(200, 'PUT', `${own}/properties/a`, [{ value: 3 }]);
        assert.equal((await api.must(200, 'GET', `${own}/properties/a`)).length, 3);
        await api.must(200, 'PUT', `${own}/location`, [{ latitude: 1, longitude: 2 }]);
        await api.must(200, 'GET', `${own}/location`);
    });

    it('another thng is 404 to a device, what its kind may not is 403', async () => {
        const { thng, api } = await device();
        const other = await d.api.newThng();
        assertError(await api.get(`/thngs/${other.id}`), 404);
        assertError(await api.put(`/thngs/${other.id}/properties/a`, [{ value: 1 }]), 404);
        assertError(await api.get(`/thngs/${unknownId}`), 404);
        for (const [method, path, body] of [
            ['GET', '/thngs'],
            ['POST', '/thngs', { name: 'x' }],
            ['DELETE', `/thngs/${thng.id}`],
            ['DELETE', `/thngs/${thng.id}/properties/a`],
            ['DELETE', `/thngs/${thng.id}/properties`],
            ['DELETE', `/thngs/${thng.id}/location`],
            ['POST', '/auth/evrythng/thngs', { thngId: thng.id }],
            ['GET', `/auth/evrythng/thngs/${thng.id}`],
            ['DELETE', `/auth/evrythng/thngs/${thng.id}`],
        ]) {
            assertError(await api.call(method, path, body), 403);
        }
    });

    it('DELETE kills the key at once, on REST and on an open connection; a new one differs', async () => {
        const { thng, api } = await device();
        const client = await login(d.port.mqtt, api.key);
        const path = `/auth/evrythng/thngs/${thng.id}`;
        const answer = await d.api.delete(path);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        assertError(await api.get(`/thngs/${thng.id}`), 403);
        assertError(await d.api.get(path), 404);
        await client.closed(2000);
        assert.notEqual(await d.api.newDeviceKey(thng.id), api.key);
    });

    it('a deleted thng takes its key along', async () => {
        const { thng, api } = await device();
        await d.api.must(200, 'DELETE', `/thngs/${thng.id}`);
        assertError(await api.get('/access'), 403);
    });

    it('keys outlive a restart', async () => {
        const { thng, api } = await device();
        await d.restart();
        assert.equal((await api.get(`/thngs/${thng.id}`)).status, 200);
        assert.equal((await d.api.get('/access')).status, 200);
    });
});
