// SPDX-License-Identifier: Apache-2.0
// Collections as documents (rest.md 6.1); their members are in 65-collections-members.
import {
    scenario,
    it,
    assert,
    assertCompact,
    assertError,
    idPattern,
    unknownId,
} from './lib/suite.mjs';

scenario('collections over REST', {}, (d) => {
    const newCollection = (document = { name: 'a collection' }) =>
        d.api.must(201, 'POST', '/collections', document);

    it('POST, GET, PUT, DELETE', async () => {
        const answer = await d.api.post('/collections', {
            name: 'Floor',
            type: 'area',
            tags: ['a'],
            identifiers: { plan: '7' },
            customFields: { level: 2 },
        });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        const { id, createdAt, updatedAt, ...rest } = answer.body;
        assert.match(id, idPattern);
        assert.equal(updatedAt, createdAt);
        assert.deepEqual(rest, {
            name: 'Floor',
            type: 'area',
            tags: ['a'],
            identifiers: { plan: '7' },
            customFields: { level: 2 },
        });
        assert.equal(new URL(answer.headers.location, d.url.http).pathname, `/collections/${id}`);
        assert.deepEqual((await d.api.get(`/collections/${id}`)).body, answer.body);
        const updated = await d.api.must(200, 'PUT', `/collections/${id}`, {
            type: '',
            description: 'second',
            collections: [unknownId],
        });
        assert.equal('type' in updated, false);
        assert.equal('collections' in updated, false);
        assert.equal(updated.description, 'second');
        assert.equal(updated.name, 'Floor');
        assert.deepEqual((await d.api.get(`/collections/${id}`)).body, updated);
        const deleted = await d.api.delete(`/collections/${id}`);
        assert.equal(deleted.status, 200);
        assert.equal(deleted.text, '');
        assertError(await d.api.get(`/collections/${id}`), 404, { code: 16842752 });
        assertError(await d.api.put(`/collections/${id}`, { name: 'x' }), 404);
        assertError(await d.api.delete(`/collections/${id}`), 404);
    });

    it('a name is required to make one, not to change one', async () => {
        assertError(await d.api.post('/collections', {}), 400, { code: 50331648, text: /^name: / });
        assertError(await d.api.post('/collections', ''), 400);
        const { id } = await newCollection();
        await d.api.must(200, 'PUT', `/collections/${id}`, {});
    });

    it('an identifier does not stand for a collection', async () => {
        await newCollection({ name: 'x', identifiers: { plan: 'only' } });
        assertError(await d.api.get('/collections/plan:only'), 404);
    });

    it('parents and children are shown, and found', async () => {
        const parent = await newCollection({ name: 'parent' });
        const child = await newCollection({ name: 'child' });
        await d.api.must(200, 'POST', `/collections/${parent.id}/collections`, [child.id]);
        const read = (await d.api.get(`/collections/${child.id}`)).body;
        assert.deepEqual(read.collections, [parent.id]);
        assert.ok(read.updatedAt >= child.updatedAt);
        assert.deepEqual((await d.api.get(`/collections/${parent.id}`)).body, parent);
        assert.deepEqual(
            (await d.api.get(`/collections?filter=collections%3D${parent.id}`)).body,
            [read],
        );
        await d.api.must(200, 'DELETE', `/collections/${parent.id}`);
        const left = (await d.api.get(`/collections/${child.id}`)).body;
        assert.equal('collections' in left, false);
        assert.equal(left.name, 'child');
    });

    it('thngs show the collections that they are in', async () => {
        const collection = await newCollection();
        const thng = await d.api.newThng();
        await d.api.must(200, 'PUT', `/collections/${collection.id}/thngs`, [thng.id]);
        const read = (await d.api.get(`/thngs/${thng.id}`)).body;
        assert.deepEqual(read.collections, [collection.id]);
        assert.ok(read.updatedAt >= thng.updatedAt);
        const [listed] = (await d.api.get(`/thngs?ids=${thng.id}`)).body;
        assert.deepEqual(listed, read);
        const updated = await d.api.must(200, 'PUT', `/thngs/${thng.id}`, { name: 'y' });
        assert.deepEqual(updated.collections, [collection.id]);
        await d.api.must(200, 'DELETE', `/collections/${collection.id}`);
        assert.equal('collections' in (await d.api.get(`/thngs/${thng.id}`)).body, false);
    });

    it('lists are filtered by what collections have', async () => {
        const made = await newCollection({
            name: 'wanted',
            tags: ['t1'],
            identifiers: { code: 'c1' },
        });
        for (const filter of ['name=wanted', 'tags=t1', 'identifiers.code=c1']) {
            const answer = await d.api.get(`/collections?filter=${encodeURIComponent(filter)}`);
            assert.deepEqual(
                answer.body.map(({ id }) => id),
                [made.id],
                filter,
            );
            assert.equal(answer.headers['x-result-count'], '1');
        }
        assertError(await d.api.get('/collections?filter=product%3Dx'), 400);
        assertError(await d.api.get('/collections?filter=createdAt%3E1'), 400);
    });

    it('scopes are shown with withScopes only', async () => {
        const { id } = await newCollection({
            name: 'x',
            scopes: { users: ['all'], projects: [] },
        });
        assert.equal('scopes' in (await d.api.get(`/collections/${id}`)).body, false);
        assert.deepEqual((await d.api.get(`/collections/${id}?withScopes=true`)).body.scopes, {
            users: ['all'],
            projects: [],
        });
        const [listed] = (await d.api.get(`/collections?ids=${id}&withScopes=true`)).body;
        assert.deepEqual(listed.scopes, { users: ['all'], projects: [] });
        const answer = await d.api.post('/collections?withScopes=true', { name: 'y' });
        assert.deepEqual(answer.body.scopes, { users: [], projects: [] });
    });
});
