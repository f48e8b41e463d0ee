// SPDX-License-Identifier: Apache-2.0
// Thngs: create, read, update, delete (rest.md 1.5, 2).
import {
    scenario,
    it,
    assert,
    assertCompact,
    assertError,
    idPattern,
    unknownId,
} from './lib/suite.mjs';

scenario('thngs over REST', {}, (d) => {
    it('POST answers 201, the document and a Location that can be read', async () => {
        const before = Date.now();
        const answer = await d.api.post('/thngs', {
            name: 'Lamp',
            tags: ['a', 'B'],
            customFields: { Watt: 4.5 },
        });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        const { id, createdAt, updatedAt, ...rest } = answer.body;
        assert.match(id, idPattern);
        assert.ok(
            createdAt >= before - 1000 && createdAt <= Date.now() + 1000,
            `createdAt ${createdAt}`,
        );
        assert.equal(updatedAt, createdAt);
        assert.deepEqual(rest, { name: 'Lamp', tags: ['a', 'B'], customFields: { Watt: 4.5 } });
        assert.ok(answer.headers.location.endsWith(`/thngs/${id}`), answer.headers.location);
        const path = new URL(answer.headers.location, d.url.http).pathname;
        assert.equal((await d.api.get(path)).status, 200);
    });

    it('GET answers what was stored, with properties even when there are none', async () => {
        const thng = await d.api.newThng({
            name: 'Door',
            description: 'front',
            type: 'door',
            identifiers: { 'gs1:21': '77' },
        });
        const answer = await d.api.get(`/thngs/${thng.id}`);
        assert.equal(answer.status, 200);
        assertCompact(answer);
        assert.deepEqual(answer.body, { ...thng, properties: {} });
    });

    it('properties and location in a POST become the first points, stamped with createdAt', async () => {
        const thng = await d.api.newThng({
            name: 'x',
            properties: { Temp: 20, on: true },
            location: { latitude: 36, longitude: -17.3 },
        });
        const read = (await d.api.get(`/thngs/${thng.id}`)).body;
        assert.deepEqual(read.properties, { on: true, temp: 20 });
        assert.equal(read.location.latitude, 36);
        assert.equal(read.location.longitude, -17.3);
        assert.equal('timestamp' in read.location, false);
        const history = (await d.api.get(`/thngs/${thng.id}/properties/temp`)).body;
        assert.deepEqual(history, [
            { createdAt: thng.createdAt, timestamp: thng.createdAt, value: 20 },
        ]);
        const places = (await d.api.get(`/thngs/${thng.id}/location`)).body;
        assert.equal(places.length, 1);
        assert.equal(places[0].timestamp, thng.createdAt);
    });

    it('PUT replaces the fields that it names and leaves the others', async () => {
        const thng = await d.api.newThng({
            name: 'x',
            description: 'old',
            tags: ['a', 'b'],
            customFields: { a: 1, b: 2 },
            type: 't',
        });
        const answer = await d.api.put(`/thngs/${thng.id}`, {
            description: 'new',
            tags: ['c'],
            customFields: { c: { d: [1, 'x', false] } },
        });
        assert.equal(answer.status, 200);
        assertCompact(answer);
        const { updatedAt, properties, ...rest } = answer.body;
        assert.ok(updatedAt >= thng.updatedAt);
        assert.deepEqual(rest, {
            id: thng.id,
            createdAt: thng.createdAt,
            name: 'x',
            description: 'new',
            type: 't',
            tags: ['c'],
            customFields: { c: { d: [1, 'x', false] } },
        });
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}`)).body.tags, ['c']);
    });

    it('an empty type and a null field are unset', async () => {
        const thng = await d.api.newThng({ name: 'x', description: 'd', type: 't' });
        const answer = await d.api.put(`/thngs/${thng.id}`, { type: '', description: null });
        assert.equal(answer.status, 200);
        assert.equal('type' in answer.body, false);
        assert.equal('description' in answer.body, false);
    });

    it('read-only and unknown fields in a PUT change nothing', async () => {
        const thng = await d.api.newThng({ name: 'x' });
        const answer = await d.api.put(`/thngs/${thng.id}`, {
            id: thng.id,
            createdAt: 1,
            updatedAt: 2,
            properties: { a: 1 },
            location: { latitude: 1, longitude: 1 },
            collections: [unknownId],
            nonsense: true,
            name: 'y',
        });
        assert.equal(answer.status, 200);
        const read = (await d.api.get(`/thngs/${thng.id}`)).body;
        assert.equal(read.name, 'y');
        assert.equal(read.createdAt, thng.createdAt);
        assert.notEqual(read.updatedAt, 2);
        assert.deepEqual(read.properties, {});
        for (const name of ['location', 'collections', 'nonsense'])
            assert.equal(name in read, false, name);
    });

    it('a property write leaves updatedAt alone', async () => {
        const thng = await d.api.newThng();
        await d.api.must(200, 'PUT', `/thngs/${thng.id}/properties/a`, [{ value: 1 }]);
        assert.equal((await d.api.get(`/thngs/${thng.id}`)).body.updatedAt, thng.updatedAt);
    });

    it('an id in the body that differs from the path is 400', async () => {
        const thng = await d.api.newThng();
        assertError(await d.api.put(`/thngs/${thng.id}`, { id: unknownId, name: 'y' }), 400, {
            code: 50593792,
        });
        assert.equal((await d.api.get(`/thngs/${thng.id}`)).body.name, 'a thng');
    });

    for (const [what, document] of [
        ['no name', { description: 'x' }],
        ['an empty name', { name: '' }],
        ['a name that is no string', { name: 7 }],
        ['a name of 257 characters', { name: 'x'.repeat(257) }],
        ['a description of 4097 characters', { name: 'x', description: 'x'.repeat(4097) }],
        ['a type of 257 characters', { name: 'x', type: 'x'.repeat(257) }],
        ['a tag of 257 characters', { name: 'x', tags: ['x'.repeat(257)] }],
        ['61 tags', { name: 'x', tags: Array.from({ length: 61 }, (_, i) => `t${i}`) }],
        ['tags that are no array', { name: 'x', tags: 'a' }],
        ['a tag that is no string', { name: 'x', tags: [1] }],
        ['customFields that are no object', { name: 'x', customFields: [] }],
        ['customFields over 64 KiB', { name: 'x', customFields: { a: 'x'.repeat(65536) } }],
        ['identifiers that are no object', { name: 'x', identifiers: 'a' }],
        ['a location without coordinates', { name: 'x', location: {} }],
        ['a property that is null', { name: 'x', properties: { a: null } }],
        ['an array', [{ name: 'x' }]],
        ['a string', '"x"'],
    ]) {
        it(`POST with ${what} is 400`, async () => {
            assertError(await d.api.post('/thngs', document), 400, { code: 50331648 });
        });
    }

    it('the limits themselves are accepted', async () => {
        await d.api.newThng({
            name: 'x'.repeat(256),
            description: 'x'.repeat(4096),
            type: 'x'.repeat(256),
            tags: Array.from({ length: 60 }, (_, i) => `t${i}`.padEnd(256, 'x')),
        });
    });

    it('a product that does not exist is 400, on POST and on PUT', async () => {
        assertError(await d.api.post('/thngs', { name: 'x', product: unknownId }), 400);
        const thng = await d.api.newThng();
        assertError(await d.api.put(`/thngs/${thng.id}`, { product: unknownId }), 400);
    });

    it('a thng is found by an identifier; the key may have colons, the value not', async () => {
        const thng = await d.api.newThng({
            name: 'x',
            identifiers: { 'gs1:21': '0237', serial: 'S-1' },
        });
        assert.equal((await d.api.get('/thngs/gs1:21:0237')).body.id, thng.id);
        assert.equal((await d.api.get('/thngs/serial:S-1')).body.id, thng.id);
        assertError(await d.api.get('/thngs/gs1:21:0238'), 404, { code: 16842752 });
    });

    it('an identifier of two thngs is 409', async () => {
        for (let i = 0; i < 2; i++)
            await d.api.newThng({ name: 'x', identifiers: { twin: 'one' } });
        assertError(await d.api.get('/thngs/twin:one'), 409);
    });

    it('DELETE answers 200 without a body, and the thng is gone', async () => {
        const thng = await d.api.newThng({ name: 'x', properties: { a: 1 } });
        const answer = await d.api.delete(`/thngs/${thng.id}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        for (const path of ['', '/properties', '/properties/a', '/location']) {
            assertError(await d.api.get(`/thngs/${thng.id}${path}`), 404, { code: 16842752 });
        }
        assertError(await d.api.delete(`/thngs/${thng.id}`), 404, { code: 16842752 });
        assertError(await d.api.put(`/thngs/${thng.id}`, { name: 'y' }), 404, { code: 16842752 });
    });

    it('unknown and malformed ids are 404', async () => {
        for (const id of [unknownId, 'short', 'U'.repeat(25), 'UaBcDeFgHkMnPqRsTwXyAaB!', '%00']) {
            assertError(await d.api.get(`/thngs/${id}`), 404, {
                code: 16842752,
                text: /requested resource/,
            });
        }
    });

    it('scopes are shown with withScopes only, and may be set', async () => {
        const thng = await d.api.newThng();
        assert.equal('scopes' in (await d.api.get(`/thngs/${thng.id}`)).body, false);
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}?withScopes=true`)).body.scopes, {
            users: [],
            projects: [],
        });
        await d.api.must(200, 'PUT', `/thngs/${thng.id}`, {
            scopes: { users: ['all'], projects: [] },
        });
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}?withScopes=true`)).body.scopes, {
            users: ['all'],
            projects: [],
        });
        assertError(await d.api.put(`/thngs/${thng.id}`, { scopes: { users: ['all'] } }), 400);
    });

    it('/v2 in front of the path is an alias', async () => {
        const thng = await d.api.must(201, 'POST', '/v2/thngs', { name: 'x' });
        assert.equal((await d.api.get(`/v2/thngs/${thng.id}`)).body.id, thng.id);
        assert.equal((await d.api.get(`/thngs/${thng.id}`)).body.id, thng.id);
    });
});
