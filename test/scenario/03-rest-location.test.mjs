// SPDX-License-Identifier: Apache-2.0
// The location of a thng (rest.md 4).
import { scenario, it, assert, assertCompact, assertError, unknownId } from './lib/suite.mjs';

scenario('location over REST', {}, (d) => {
    const fresh = async () => `/thngs/${(await d.api.newThng()).id}`;
    const put = (thng, entries) => d.api.must(200, 'PUT', `${thng}/location`, entries);

    it('latitude and longitude come back with the position', async () => {
        const thng = await fresh();
        const answer = await d.api.put(`${thng}/location`, [{ latitude: 36, longitude: -17.3 }]);
        assert.equal(answer.status, 200);
        assertCompact(answer);
        const [{ createdAt, timestamp, ...rest }] = answer.body;
        assert.ok(Number.isInteger(createdAt) && createdAt === timestamp);
        assert.deepEqual(rest, {
            latitude: 36,
            longitude: -17.3,
            position: { type: 'Point', coordinates: [-17.3, 36] },
        });
        assert.deepEqual((await d.api.get(`${thng}/location`)).body, answer.body);
    });

    it('a position comes back with latitude and longitude', async () => {
        const thng = await fresh();
        const [entry] = await put(thng, [
            { position: { type: 'Point', coordinates: [8.54, 47.37] }, timestamp: 1000 },
        ]);
        assert.equal(entry.latitude, 47.37);
        assert.equal(entry.longitude, 8.54);
        assert.equal(entry.timestamp, 1000);
    });

    it('a position wins over coordinates, its type may be missing, an altitude is kept', async () => {
        const thng = await fresh();
        const [entry] = await put(thng, [
            { position: { coordinates: [1, 2, 300] }, latitude: 50, longitude: 60 },
        ]);
        assert.deepEqual([entry.latitude, entry.longitude], [2, 1]);
        assert.deepEqual(entry.position.coordinates, [1, 2, 300]);
    });

    it('one object stands for an array of one, POST is PUT, an empty array stores nothing', async () => {
        const thng = await fresh();
        assert.equal((await put(thng, { latitude: 1, longitude: 2 })).length, 1);
        assert.equal(
            (await d.api.must(200, 'POST', `${thng}/location`, [{ latitude: 1, longitude: 2 }]))
                .length,
            1,
        );
        assert.deepEqual(await put(thng, []), []);
        assert.equal((await d.api.get(`${thng}/location`)).body.length, 2);
    });

    it('the history is newest first, in pages, between from and to', async () => {
        const thng = await fresh();
        await put(
            thng,
            [1, 2, 3, 4].map((i) => ({ latitude: i, longitude: i, timestamp: i * 1000 })),
        );
        const read = async (query) =>
            (await d.api.must(200, 'GET', `${thng}/location${query}`)).map(
                (entry) => entry.latitude,
            );
        assert.deepEqual(await read(''), [4, 3, 2, 1]);
        assert.deepEqual(await read('?from=2000&to=3000'), [3, 2]);
        assert.deepEqual(await read('?sortOrder=ASCENDING&perPage=2'), [1, 2]);
        assert.deepEqual(
            (await d.api.history(`${thng}/location`)).map((entry) => entry.latitude),
            [1, 2, 3, 4],
        );
    });

    it('the thng shows the entry with the greatest timestamp, without times', async () => {
        const thng = await fresh();
        await put(thng, [{ latitude: 2, longitude: 2, timestamp: 2000 }]);
        await put(thng, [{ latitude: 1, longitude: 1, timestamp: 1000, customFields: { a: 1 } }]);
        const { location } = (await d.api.get(thng)).body;
        assert.equal(location.latitude, 2);
        assert.deepEqual(location.position, { type: 'Point', coordinates: [2, 2] });
        assert.equal('timestamp' in location || 'createdAt' in location, false);
    });

    it('customFields of an entry are kept', async () => {
        const [entry] = await put(await fresh(), [
            { latitude: 1, longitude: 1, customFields: { Floor: 3 } },
        ]);
        assert.deepEqual(entry.customFields, { Floor: 3 });
    });

    it('DELETE with to keeps what is at or after it; without to all goes', async () => {
        const thng = await fresh();
        await put(
            thng,
            [1, 2, 3].map((i) => ({ latitude: i, longitude: i, timestamp: i * 1000 })),
        );
        const answer = await d.api.delete(`${thng}/location?to=2000`);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        assert.deepEqual(
            (await d.api.get(`${thng}/location`)).body.map((entry) => entry.latitude),
            [3, 2],
        );
        assert.equal((await d.api.delete(`${thng}/location`)).status, 200);
        assert.equal((await d.api.get(`${thng}/location`)).text, '[]');
        assert.equal('location' in (await d.api.get(thng)).body, false);
    });

    for (const [what, entry] of [
        ['no coordinates', {}],
        ['only a latitude', { latitude: 1 }],
        ['a latitude beyond 90', { latitude: 90.1, longitude: 0 }],
        ['a longitude beyond 180', { latitude: 0, longitude: -180.1 }],
        ['a position beyond the bounds', { position: { type: 'Point', coordinates: [0, 91] } }],
        ['a position that is no point', { position: { type: 'Polygon', coordinates: [0, 0] } }],
        ['one coordinate', { position: { type: 'Point', coordinates: [0] } }],
        ['text for coordinates', { latitude: '1', longitude: '2' }],
        ['a bad timestamp', { latitude: 1, longitude: 2, timestamp: -5 }],
        ['an unknown place', { place: unknownId }],
    ]) {
        it(`an entry with ${what} is 400 and stores nothing`, async () => {
            const thng = await fresh();
            assertError(await d.api.put(`${thng}/location`, [entry]), 400);
            assert.equal((await d.api.get(`${thng}/location`)).text, '[]');
        });
    }

    it('a thng that does not exist is 404', async () => {
        for (const [method, body] of [
            ['GET'],
            ['PUT', [{ latitude: 1, longitude: 1 }]],
            ['DELETE'],
        ]) {
            assertError(await d.api.call(method, `/thngs/${unknownId}/location`, body), 404, {
                code: 16842752,
            });
        }
    });
});
