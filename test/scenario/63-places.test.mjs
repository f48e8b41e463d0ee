// SPDX-License-Identifier: Apache-2.0
// Places: positions, what is near (rest.md 8), and locations by place (rest.md 4).
import {
    scenario,
    it,
    assert,
    assertCompact,
    assertError,
    idPattern,
    unknownId,
} from './lib/suite.mjs';
import { nextLink, request } from './lib/rest.mjs';

const at = (longitude, latitude) => ({ type: 'Point', coordinates: [longitude, latitude] });

/** Great circle, radius 6371 km. */
function distance(a, b) {
    const rad = Math.PI / 180;
    const h =
        Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 +
        Math.cos(a.latitude * rad) *
            Math.cos(b.latitude * rad) *
            Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
    return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
}

scenario('places over REST', {}, (d) => {
    const newPlace = (document) => d.api.must(201, 'POST', '/places', document);

    it('a position gives latitude and longitude, and the other way round', async () => {
        const answer = await d.api.post('/places', {
            name: 'Zurich',
            position: at(8.54, 47.37),
            address: { city: 'Zurich', country: 'Switzerland' },
            icon: 'https://example.com/i.png',
        });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        assert.match(answer.body.id, idPattern);
        assert.equal(answer.body.latitude, 47.37);
        assert.equal(answer.body.longitude, 8.54);
        assert.deepEqual(answer.body.position, at(8.54, 47.37));
        assert.deepEqual(answer.body.address, { city: 'Zurich', country: 'Switzerland' });
        const { id } = answer.body;
        assert.equal(new URL(answer.headers.location, d.url.http).pathname, `/places/${id}`);
        assert.deepEqual((await d.api.get(`/places/${id}`)).body, answer.body);
        const other = await newPlace({ latitude: -1.5, longitude: 2 });
        assert.deepEqual(other.position, at(2, -1.5));
        assert.equal('name' in other, false);
    });

    it('a PUT without a position clears it', async () => {
        const { id } = await newPlace({ name: 'x', position: at(1, 2) });
        const moved = await d.api.must(200, 'PUT', `/places/${id}`, { position: at(3, 4) });
        assert.equal(moved.latitude, 4);
        assert.equal(moved.name, 'x');
        const cleared = await d.api.must(200, 'PUT', `/places/${id}`, { name: 'y' });
        for (const name of ['position', 'latitude', 'longitude'])
            assert.equal(name in cleared, false, name);
        assert.deepEqual((await d.api.get(`/places/${id}`)).body, cleared);
        assert.deepEqual((await d.api.get('/places?lat=4&lon=3&maxDist=1')).body, []);
    });

    for (const [what, document] of [
        ['a latitude of 91', { latitude: 91, longitude: 0 }],
        ['a longitude of -181', { latitude: 0, longitude: -181 }],
        ['a latitude alone', { latitude: 1 }],
        ['a line', { position: { type: 'LineString', coordinates: [1, 2] } }],
        ['one coordinate', { position: { type: 'Point', coordinates: [1] } }],
        ['an address that is a text', { address: 'x' }],
        ['a parent that does not exist', { parentPlace: unknownId }],
        ['a parent that is no id', { parentPlace: 'x' }],
    ]) {
        it(`${what} is 400`, async () => {
            assertError(await d.api.post('/places', document), 400);
        });
    }

    it('a parent must be a place', async () => {
        const parent = await newPlace({ name: 'parent' });
        const child = await newPlace({ name: 'child', parentPlace: parent.id });
        assert.equal(child.parentPlace, parent.id);
        const thng = await d.api.newThng();
        assertError(await d.api.put(`/places/${child.id}`, { parentPlace: thng.id }), 400);
    });

    it('places that are near, nearest first, over pages', async () => {
        const made = [];
        for (let i = 0; i < 12; i++) {
            const latitude = 10 + ((i * 7) % 12) * 0.01;
            const longitude = 20 + ((i * 5) % 12) * 0.01;
            made.push(await newPlace({ name: `n${i}`, tags: ['near'], latitude, longitude }));
        }
        await newPlace({ name: 'nowhere', tags: ['near'] });
        const from = { latitude: 10.03, longitude: 20.05 };
        const wanted = (maximum) =>
            made
                .map((place) => ({ name: place.name, km: distance(from, place) }))
                .filter(({ km }) => km <= maximum)
                .sort((a, b) => a.km - b.km)
                .map(({ name }) => name);
        const near = async (more) => {
            const names = [];
            let url = `${d.url.http}/places?lat=10.03&lon=20.05&filter=tags%3Dnear${more}`;
            while (url) {
                const answer = await request(url, { key: d.key });
                assert.equal(answer.status, 200, answer.text);
                names.push(...answer.body.map((place) => place.name));
                url = nextLink(answer.headers);
            }
            return names;
        };
        assert.deepEqual(await near(''), wanted(Infinity));
        assert.deepEqual(await near('&perPage=5'), wanted(Infinity));
        assert.deepEqual(await near('&maxDist=5.5'), wanted(5.5));
        assert.deepEqual(await near('&maxDist=5.5&perPage=2'), wanted(5.5));
        assert.ok(wanted(5.5).length > 2 && wanted(5.5).length < 12);
    });

    it('a place is at no distance from itself, also beyond the date line and at a pole', async () => {
        for (const [latitude, longitude] of [
            [0.25, 179.999],
            [-89.9, 100],
        ]) {
            const { id } = await newPlace({ latitude, longitude });
            const found = async (lat, lon, km) =>
                (await d.api.must(200, 'GET', `/places?lat=${lat}&lon=${lon}&maxDist=${km}`)).map(
                    (place) => place.id,
                );
            assert.deepEqual(await found(latitude, longitude, 0.5), [id]);
            if (latitude > 0) assert.deepEqual(await found(latitude, -179.999, 0.5), [id]);
            else assert.deepEqual(await found(-89.9, -80, 23), [id]);
        }
    });

    it('bad questions are 400', async () => {
        for (const query of ['lat=1', 'lon=1', 'maxDist=1', 'lat=91&lon=0', 'lat=a&lon=1'])
            assertError(await d.api.get(`/places?${query}`), 400);
        assertError(await d.api.get('/places?lat=1&lon=1&maxDist=-1'), 400);
        assertError(await d.api.get('/places?lat=1&lon=1&nextPageToken=x'), 400);
    });

    it('a thng whose location is a place is where the place is', async () => {
        const place = await newPlace({ name: 'here', position: at(5.5, 6.25) });
        const thng = await d.api.newThng({ name: 'x', location: { place: place.id } });
        assert.equal(thng.location.latitude, 6.25);
        assert.equal(thng.location.longitude, 5.5);
        assert.equal(thng.location.place, place.id);
        const path = `/thngs/${thng.id}/location`;
        const other = await newPlace({ latitude: 1, longitude: 2 });
        const [stored] = await d.api.must(200, 'PUT', path, [{ place: other.id }]);
        assert.equal(stored.latitude, 1);
        assert.deepEqual(stored.position, at(2, 1));
        assert.equal(stored.place, other.id);
        const nowhere = await newPlace({ name: 'nowhere' });
        const [bare] = await d.api.must(200, 'PUT', path, [{ place: nowhere.id }]);
        assert.equal(bare.place, nowhere.id);
        assert.equal('latitude' in bare, false);
        assertError(await d.api.put(path, [{ place: unknownId }]), 400);
        // Its own coordinates come first; the place must be there all the same.
        const both = { latitude: 1, longitude: 2, place: place.id };
        const [own] = await d.api.must(200, 'PUT', path, [both]);
        assert.deepEqual([own.latitude, own.longitude, own.place], [1, 2, place.id]);
        assert.deepEqual(own.position.coordinates, [2, 1]);
        const action = await d.api.must(201, 'POST', '/actions/scans', { location: both });
        assert.deepEqual(action.location.position.coordinates, [2, 1]);
        assert.equal(action.locationSource, 'unknown');
        const nowhereAtAll = { ...both, place: unknownId };
        assertError(await d.api.put(path, [nowhereAtAll]), 400);
        assertError(await d.api.post('/actions/scans', { location: nowhereAtAll }), 400);
        assertError(await d.api.put(path, [{ place: thng.id }]), 400);
        assertError(await d.api.post('/thngs', { name: 'x', location: { place: unknownId } }), 400);
        assertError(
            await d.api.post('/thngs', {
                name: 'x',
                location: { place: unknownId, latitude: 1, longitude: 1 },
            }),
            400,
        );
    });

    it('DELETE', async () => {
        const { id } = await newPlace({ latitude: 70, longitude: 70 });
        assert.equal((await d.api.delete(`/places/${id}`)).status, 200);
        assertError(await d.api.get(`/places/${id}`), 404);
        assert.deepEqual((await d.api.get('/places?lat=70&lon=70&maxDist=1')).body, []);
    });
});
