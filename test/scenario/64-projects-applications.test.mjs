// SPDX-License-Identifier: Apache-2.0
// Projects, applications, their keys, and what each of these keys sees (rest.md 9, auth.md 2 to 8).
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
import { Rest } from './lib/rest.mjs';
import { mqttConnect } from './lib/clients.mjs';
import { eventually, within } from './lib/daemon.mjs';

scenario('projects and applications', {}, (d) => {
    const newProject = (document = { name: 'a project' }) =>
        d.api.must(201, 'POST', '/projects', document);

    /** A project with an application, and a client for each of its keys. */
    const world = async () => {
        const project = await newProject();
        const root = `/projects/${project.id}/applications`;
        const application = await d.api.must(201, 'POST', root, { name: 'app' });
        const { secretApiKey } = await d.api.must(
            200,
            'GET',
            `${root}/${application.id}/secretKey`,
        );
        return {
            project,
            application,
            path: `${root}/${application.id}`,
            secretApiKey,
            trusted: new Rest(d.url.http, secretApiKey),
            open: new Rest(d.url.http, application.appApiKey),
        };
    };

    it('projects are made, read, changed, listed and deleted', async () => {
        const answer = await d.api.post('/projects', {
            name: 'P',
            startsAt: 5,
            endsAt: 9,
            imageUrl: 'https://example.com/p.png',
            tags: ['p'],
        });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        const { id } = answer.body;
        assert.match(id, idPattern);
        assert.equal(answer.body.startsAt, 5);
        assert.ok(Array.isArray(answer.body.shortDomains));
        assert.deepEqual((await d.api.get(`/projects/${id}`)).body, answer.body);
        const updated = await d.api.must(200, 'PUT', `/projects/${id}`, { name: 'Q' });
        assert.equal(updated.name, 'Q');
        assert.equal(updated.endsAt, 9);
        assert.deepEqual(
            (await d.api.get('/projects?filter=tags%3Dp')).body.map((project) => project.id),
            [id],
        );
        assertError(await d.api.post('/projects', {}), 400);
        await d.api.must(200, 'DELETE', `/projects/${id}`);
        assertError(await d.api.get(`/projects/${id}`), 404);
    });

    it('many projects are deleted by a filter', async () => {
        for (let i = 0; i < 2; i++) await newProject({ name: 'x', tags: ['many'] });
        const answer = await d.api.delete('/projects?filter=tags%3Dmany');
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['x-result-count'], '2');
        assert.deepEqual((await d.api.get('/projects?filter=tags%3Dmany')).body, []);
    });

    it('an application has a public key in every read, and a secret one', async () => {
        const project = await newProject();
        const root = `/projects/${project.id}/applications`;
        const answer = await d.api.post(root, { name: 'app', socialNetworks: {} });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        const { id, appApiKey } = answer.body;
        assert.match(id, idPattern);
        assert.match(appApiKey, keyPattern);
        assert.equal(answer.body.project, project.id);
        assert.equal(answer.body.defaultRole, 'base_app_user');
        assert.deepEqual(answer.body.socialNetworks, {});
        assert.equal(new URL(answer.headers.location, d.url.http).pathname, `${root}/${id}`);
        assert.deepEqual((await d.api.get(`${root}/${id}`)).body, answer.body);
        assert.deepEqual((await d.api.get(root)).body, [answer.body]);
        const secret = await d.api.must(200, 'GET', `${root}/${id}/secretKey`);
        assert.deepEqual(Object.keys(secret), ['secretApiKey']);
        assert.match(secret.secretApiKey, keyPattern);
        assert.notEqual(secret.secretApiKey, appApiKey);
        const updated = await d.api.must(200, 'PUT', `${root}/${id}`, {
            description: 'new',
            appApiKey: 'x',
            project: unknownId,
        });
        assert.equal(updated.description, 'new');
        assert.equal(updated.appApiKey, appApiKey);
        assert.equal(updated.project, project.id);
        assertError(await d.api.post(root, {}), 400);
        assertError(await d.api.post(`/projects/${unknownId}/applications`, { name: 'x' }), 404);
        assertError(await d.api.get(`/projects/${unknownId}/applications`), 404);
    });

    it('an application is found under its own project only', async () => {
        const { application } = await world();
        const other = await newProject();
        const path = `/projects/${other.id}/applications/${application.id}`;
        assertError(await d.api.get(path), 404);
        assertError(await d.api.put(path, { name: 'x' }), 404);
        assertError(await d.api.get(`${path}/secretKey`), 404);
        assertError(await d.api.delete(path), 404);
        assert.deepEqual((await d.api.get(`/projects/${other.id}/applications`)).body, []);
    });

    it('GET /access and /applications/me say who a key is', async () => {
        const { project, application, trusted, open, path } = await world();
        const { account } = (await d.api.get('/access')).body;
        for (const api of [trusted, open]) {
            assert.deepEqual((await api.get('/access')).body, {
                account,
                actor: { type: 'app', id: application.id },
                project: project.id,
            });
            assert.deepEqual((await api.get('/applications/me')).body, application);
            assert.deepEqual((await api.get(path)).body, application);
            assertError(await api.get('/projects'), 403);
            assertError(await api.get(`/projects/${project.id}/applications`), 403);
            assertError(await api.get(`${path}/secretKey`), 403);
        }
        assertError(await d.api.get('/applications/me'), 403);
        const updated = await trusted.must(200, 'PUT', '/applications/me', { description: 'x' });
        assert.equal(updated.description, 'x');
        assert.equal(updated.appApiKey, application.appApiKey);
        assertError(await open.put('/applications/me', { description: 'y' }), 403);
        const second = await d.api.must(201, 'POST', `/projects/${project.id}/applications`, {
            name: 'second',
        });
        assertError(
            await trusted.get(`/projects/${project.id}/applications/${second.id}`),
            404,
        );
    });

    it('what a trusted application makes is in its project', async () => {
        const { project, trusted, open } = await world();
        const thng = await trusted.newThng();
        const scopes = { users: ['all'], projects: [project.id] };
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}?withScopes=true`)).body.scopes, scopes);
        const product = await trusted.must(201, 'POST', '/products?withScopes=true', { name: 'x' });
        assert.deepEqual(product.scopes, scopes);
        assert.equal((await open.get(`/products/${product.id}`)).status, 200);
        const other = await world();
        assertError(await other.trusted.get(`/thngs/${thng.id}`), 404);
        assertError(await other.trusted.put(`/thngs/${thng.id}`, { name: 'y' }), 404);
        assertError(await other.trusted.delete(`/thngs/${thng.id}`), 404);
        assertError(await other.open.get(`/products/${product.id}`), 404);
        assert.deepEqual((await trusted.get('/thngs')).body.map(({ id }) => id), [thng.id]);
        assert.deepEqual((await other.trusted.get('/thngs')).body, []);
        assert.deepEqual((await open.get('/products')).body.map(({ id }) => id), [product.id]);
    });

    it('what an operator makes is seen by applications when its scopes say so', async () => {
        const { project, trusted, open } = await world();
        const hidden = await d.api.newThng();
        assertError(await trusted.get(`/thngs/${hidden.id}`), 404);
        assertError(await trusted.put(`/thngs/${hidden.id}/properties/a`, [{ value: 1 }]), 404);
        assertError(await trusted.get(`/thngs/${hidden.id}/properties`), 404);
        await d.api.must(200, 'PUT', `/thngs/${hidden.id}`, {
            scopes: { users: [], projects: [project.id] },
        });
        assert.equal((await trusted.get(`/thngs/${hidden.id}`)).status, 200);
        await trusted.must(200, 'PUT', `/thngs/${hidden.id}/properties/a`, [{ value: 1 }]);
        const product = await d.api.must(201, 'POST', '/products', {
            name: 'everywhere',
            scopes: { users: [], projects: ['allP'] },
        });
        assert.equal((await open.get(`/products/${product.id}`)).status, 200);
        assert.deepEqual(
            (await d.api.get(`/products/${product.id}?withScopes=true`)).body.scopes.projects,
            ['all'],
        );
        assertError(
            await d.api.put(`/thngs/${hidden.id}`, {
                scopes: { users: [], projects: [unknownId] },
            }),
            400,
        );
    });

    it('who puts a thng out of its own sight is answered with it for the last time', async () => {
        const { trusted } = await world();
        const thng = await trusted.newThng();
        const answer = await trusted.put(`/thngs/${thng.id}`, {
            scopes: { users: [], projects: [] },
        });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.id, thng.id);
        assertError(await trusted.get(`/thngs/${thng.id}`), 404);
    });

    it('a public key reads products and places, and no more', async () => {
        const { trusted, open } = await world();
        const product = await trusted.must(201, 'POST', '/products', { name: 'x' });
        const place = await trusted.must(201, 'POST', '/places', { latitude: 1, longitude: 1 });
        assert.equal((await open.get(`/places/${place.id}`)).status, 200);
        assert.deepEqual(
            (await open.get('/places?lat=1&lon=1&maxDist=1')).body.map(({ id }) => id),
            [place.id],
        );
        assert.equal((await open.get(`/products/${product.id}/properties`)).status, 200);
        for (const [method, path, body] of [
            ['GET', '/thngs'],
            ['POST', '/thngs', { name: 'x' }],
            ['GET', `/thngs/${unknownId}`],
            ['PUT', `/products/${product.id}`, { name: 'y' }],
            ['POST', '/products', { name: 'y' }],
            ['GET', '/collections'],
            ['GET', '/batches'],
            ['GET', '/files'],
            ['GET', '/actions/scans'],
        ])
            assertError(await open.call(method, path, body), 403);
    });

    it('?project= on a POST puts what is made into the project', async () => {
        const { project, trusted } = await world();
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 'x' });
        assert.equal((await trusted.get(`/thngs/${thng.id}`)).status, 200);
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}?withScopes=true`)).body.scopes, {
            users: ['all'],
            projects: [project.id],
        });
        assertError(await d.api.post(`/thngs?project=${unknownId}`, { name: 'x' }), 404);
        assertError(await d.api.post('/thngs?project=nonsense', { name: 'x' }), 404);
        await trusted.must(201, 'POST', `/thngs?project=${project.id}`, { name: 'x' });
        const other = await newProject();
        assertError(await trusted.post(`/thngs?project=${other.id}`, { name: 'x' }), 404);
    });

    it('?project= on other verbs says where to look', async () => {
        const { project, trusted } = await world();
        const inside = await trusted.newThng();
        const outside = await d.api.newThng();
        const here = `?project=${project.id}`;
        assert.equal((await d.api.get(`/thngs/${inside.id}${here}`)).status, 200);
        for (const path of [
            `/thngs/${outside.id}${here}`,
            `/thngs/${outside.id}/properties${here}`,
            `/thngs/${outside.id}/properties/a${here}`,
            `/thngs/${inside.id}?project=${unknownId}`,
        ])
            assertError(await d.api.get(path), 404);
        assertError(await d.api.put(`/thngs/${outside.id}${here}`, { name: 'y' }), 404);
        assertError(
            await d.api.put(`/thngs/${outside.id}/properties/a${here}`, [{ value: 1 }]),
            404,
        );
        assertError(await d.api.delete(`/thngs/${outside.id}${here}`), 404);
        assert.deepEqual(
            (await d.api.get(`/thngs${here}`)).body.map(({ id }) => id),
            [inside.id],
        );
        const counted = await d.api.head(`/thngs${here}`);
        assert.equal(counted.headers['x-result-count'], '1');
        assertError(await d.api.get(`/thngs?project=${unknownId}`), 404);
        const other = await newProject();
        assertError(await trusted.get(`/thngs?project=${other.id}`), 404);
        const bulk = await d.api.put(`/thngs${here}&ids=${inside.id},${outside.id}`, {
            description: 'here',
        });
        assert.equal(bulk.headers['x-result-count'], '1');
        assert.equal('description' in (await d.api.get(`/thngs/${outside.id}`)).body, false);
    });

    it('device keys are issued by a trusted application for what it sees', async () => {
        const { trusted } = await world();
        const thng = await trusted.newThng();
        const key = await trusted.newDeviceKey(thng.id);
        assert.equal((await new Rest(d.url.http, key).get(`/thngs/${thng.id}`)).status, 200);
        const hidden = await d.api.newThng();
        assertError(await trusted.post('/auth/evrythng/thngs', { thngId: hidden.id }), 404);
        assertError(await trusted.get(`/auth/evrythng/thngs/${hidden.id}`), 404);
    });

    it('a deleted application takes its keys and connections with it', async () => {
        const { path, trusted, open, secretApiKey } = await world();
        const client = await mqttConnect(d, d.url.mqtt, { password: secretApiKey });
        const gone = new Promise((resolve) => client.on('close', resolve));
        assert.equal((await open.get('/access')).status, 200);
        await d.api.must(200, 'DELETE', path);
        assertError(await trusted.get('/access'), 403);
        assertError(await open.get('/access'), 403);
        await within(5000, 'the connection to end', gone);
        assertError(await d.api.get(path), 404);
        assertError(await d.api.get(`${path}/secretKey`), 404);
    });

    it('a deleted project takes its applications, keys, connections and scopes with it', async () => {
        const { project, path, trusted, open, secretApiKey } = await world();
        const thng = await trusted.newThng();
        const client = await mqttConnect(d, d.url.mqtt, { password: secretApiKey });
        const gone = new Promise((resolve) => client.on('close', resolve));
        await d.api.must(200, 'DELETE', `/projects/${project.id}`);
        assertError(await trusted.get('/access'), 403);
        assertError(await open.get('/access'), 403);
        await within(5000, 'the connection to end', gone);
        assertError(await d.api.get(path), 404);
        assertError(await d.api.get(`/projects/${project.id}/applications`), 404);
        assertError(await d.api.get(`/thngs?project=${project.id}`), 404);
        await eventually('the scopes to forget it', async () => {
            const read = await d.api.get(`/thngs/${thng.id}?withScopes=true`);
            return read.status === 200 && read.body.scopes.projects.length === 0;
        });
    });
});
