// SPDX-License-Identifier: Apache-2.0
// Random resources and random queries, and beside them the same done by brute force: filters and
// their combinations, sort orders, pages, projects, members, actions, places by distance. The seed
// is printed; THRUM_TEST_SEED repeats a run.
import { scenario, it, assert } from './lib/suite.mjs';
import { Rest, nextLink, request } from './lib/rest.mjs';
import http from 'node:http';

const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
console.log(`# seed ${seed}`);

let state = seed >>> 0;
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];
const some = (list, chance) => list.filter(() => random() < chance);

function distanceKm(a, b) {
    const rad = Math.PI / 180;
    const dLat = (b.lat - a.lat) * rad;
    const dLon = (b.lon - a.lon) * rad;
    const h =
        Math.sin(dLat / 2) ** 2 +
        Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
    return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
}

scenario('lists against a model', {}, (d) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    const tags = ['red', 'green', 'blue', 'a,b', 'x=y', 'ü&(~'];
    const names = ['one', 'two words', 'drei', 'q&a', '50%'];
    const world = { projects: [], products: [], collections: [], thngs: [], actions: [], places: [] };
    let api;

    /** All pages of a list, ids in order. */
    async function walk(path, query, perPage) {
        const ids = [];
        let url = `${d.url.http}${path}?perPage=${perPage}${query ? `&${query}` : ''}`;
        while (url) {
            const answer = await request(url, { key: d.key, agent });
            assert.equal(answer.status, 200, `${url}: ${answer.text}`);
            assert.ok(answer.body.length <= perPage);
            ids.push(...answer.body.map((one) => one.id));
            url = nextLink(answer.headers);
        }
        return ids;
    }

    const escape = (text) => text.replace(/[&|!><=~(),\\]/g, '\\$&');
    /* The order of a list, newest first: by time, then by id. */
    const newestFirst = (time) => (a, b) => time(b) - time(a) || (a.id < b.id ? 1 : -1);

    it('a world of random things', async () => {
        api = new Rest(d.url.http, d.key, { agent });
        for (let i = 0; i < 3; i++)
            world.projects.push(await api.must(201, 'POST', '/projects', { name: `p${i}` }));
        for (let i = 0; i < 4; i++)
            world.products.push(await api.must(201, 'POST', '/products', { name: pick(names) }));
        for (let i = 0; i < 4; i++)
            world.collections.push(
                await api.must(201, 'POST', '/collections', { name: pick(names) }),
            );
        for (let i = 0; i < 300; i++) {
            const body = {
                name: pick(names),
                tags: some(tags, 0.3),
                identifiers: { serial: `s${below(20)}`, 'gs1:21': String(below(5)) },
            };
            if (random() < 0.6) body.product = pick(world.products).id;
            const projects = some(world.projects, 0.3).map((project) => project.id);
            body.scopes = { users: [], projects: random() < 0.05 ? ['all'] : projects };
            const made = await api.must(201, 'POST', '/thngs', body);
            world.thngs.push({ ...body, ...made, collections: new Set() });
        }
        for (const collection of world.collections) {
            const members = some(world.thngs, 0.2);
            await api.must(
                200,
                'PUT',
                `/collections/${collection.id}/thngs`,
                members.map((thng) => thng.id),
            );
            for (const thng of members) thng.collections.add(collection.id);
            const [first] = members;
            await api.must(200, 'DELETE', `/collections/${collection.id}/thngs/${first.id}`);
            first.collections.delete(collection.id);
        }
        await api.must(201, 'POST', '/actions', { name: '_lit' });
        for (let i = 0; i < 300; i++) {
            const body = { tags: some(tags, 0.2), identifiers: { k: String(below(4)) } };
            if (random() < 0.8) body.timestamp = 1.7e12 + below(1000);
            const type = pick(['_lit', 'scans', 'checkins']);
            const kind = pick(['thng', 'product', 'collection', 'none']);
            if (kind === 'thng') body.thng = pick(world.thngs).id;
            if (kind === 'product') body.product = pick(world.products).id;
            if (kind === 'collection') body.collection = pick(world.collections).id;
            world.actions.push({
                ...body,
                ...(await api.must(201, 'POST', `/actions/${type}`, body)),
            });
        }
        for (let i = 0; i < 200; i++) {
            const near = random() < 0.3;
            const lat = near ? 89.5 + random() * 0.5 : -90 + random() * 180;
            const lon = near ? -180 + random() * 360 : pick([-179.9, 179.9, 0, 8.5]) + random() * 0.1;
            const body = { name: pick(names), tags: some(tags, 0.2) };
            if (random() < 0.9)
                body.position = { type: 'Point', coordinates: [Math.min(lon, 180), lat] };
            world.places.push({ ...body, ...(await api.must(201, 'POST', '/places', body)) });
        }
    });

    function randomThngQuery() {
        const conditions = [];
        const tests = [];
        const add = (chance, text, test) => {
            if (random() < chance) {
                conditions.push(text);
                tests.push(test);
            }
        };
        const name = pick(names);
        const tag = pick(tags);
        const other = pick(tags);
        const product = pick(world.products).id;
        const collection = pick(world.collections).id;
        const serial = `s${below(20)}`;
        const time = pick(world.thngs).createdAt;
        add(0.3, `name=${escape(name)}`, (thng) => thng.name === name);
        if (random() < 0.5) add(0.5, `tags=${escape(tag)}`, (thng) => thng.tags.includes(tag));
        else
            add(
                0.5,
                `tags=${escape(tag)},${escape(other)}`,
                (thng) => thng.tags.includes(tag) || thng.tags.includes(other),
            );
        add(0.3, `product=${product}`, (thng) => thng.product === product);
        add(0.3, `collections=${collection}`, (thng) => thng.collections.has(collection));
        add(0.2, `identifiers.serial=${serial}`, (thng) => thng.identifiers.serial === serial);
        add(0.2, `identifiers.gs1:21=3`, (thng) => thng.identifiers['gs1:21'] === '3');
        add(0.2, `createdAt>${time}`, (thng) => thng.createdAt > time);
        add(0.2, `createdAt<${time}`, (thng) => thng.createdAt < time);
        const parts = [];
        if (conditions.length) parts.push(`filter=${encodeURIComponent(conditions.join('&'))}`);
        if (random() < 0.4) {
            const project = pick(world.projects).id;
            parts.push(`project=${project}`);
            tests.push(
                ({ scopes }) =>
                    scopes.projects.includes(project) || scopes.projects.includes('all'),
            );
        }
        return { query: parts.join('&'), test: (thng) => tests.every((one) => one(thng)) };
    }

    it('thngs: 150 random queries', async () => {
        let found = 0;
        for (let i = 0; i < 150; i++) {
            const { query, test } = randomThngQuery();
            const wanted = world.thngs
                .filter(test)
                .sort(newestFirst((thng) => thng.createdAt))
                .map((thng) => thng.id);
            found += wanted.length;
            if (random() < 0.3) {
                const more = query ? `${query}&` : '';
                assert.deepEqual(
                    await walk('/thngs', `${more}sortOrder=ASCENDING`, 1 + below(100)),
                    [...wanted].reverse(),
                    query,
                );
            } else assert.deepEqual(await walk('/thngs', query, 1 + below(100)), wanted, query);
            const head = await api.head(`/thngs?${query}`);
            assert.equal(Number(head.headers['x-result-count']), wanted.length, query);
        }
        assert.ok(found > 1000, `the queries found only ${found}`);
    });

    it('members of collections', async () => {
        for (const collection of world.collections) {
            const wanted = world.thngs
                .filter((thng) => thng.collections.has(collection.id))
                .sort(newestFirst((thng) => thng.createdAt))
                .map((thng) => thng.id);
            assert.deepEqual(
                await walk(`/collections/${collection.id}/thngs`, '', 1 + below(20)),
                wanted,
            );
        }
        for (const thng of world.thngs.slice(0, 30)) {
            const read = await api.must(200, 'GET', `/thngs/${thng.id}`);
            assert.deepEqual(new Set(read.collections ?? []), thng.collections);
        }
    });

    it('actions: 150 random queries, on every root', async () => {
        let found = 0;
        for (let i = 0; i < 150; i++) {
            const tests = [];
            const conditions = [];
            const kind = pick(['', 'thng', 'product', 'collection']);
            let root = '';
            if (kind) {
                const source = world.actions.filter((action) => action[kind]);
                const target = pick(source)[kind];
                root = `/${kind}s/${target}`;
                tests.push((action) => action[kind] === target);
            }
            const type = pick(['all', '_lit', 'scans', 'checkins', 'shares']);
            if (type !== 'all') tests.push((action) => action.type === type);
            if (random() < 0.3) {
                const tag = pick(tags);
                conditions.push(`tags=${escape(tag)}`);
                tests.push((action) => action.tags.includes(tag));
            }
            if (random() < 0.2) {
                conditions.push('identifiers.k=2');
                tests.push((action) => action.identifiers.k === '2');
            }
            if (random() < 0.2) {
                const thng = pick(world.thngs).id;
                conditions.push(`thng=${thng}`);
                tests.push((action) => action.thng === thng);
            }
            const time = 1.7e12 + below(1000);
            if (random() < 0.2) {
                conditions.push(`timestamp>${time}`);
                tests.push((action) => action.timestamp > time);
            }
            const parts = [];
            if (random() < 0.2) {
                parts.push(`from=${time}`);
                tests.push((action) => action.timestamp >= time);
            } else if (random() < 0.2) {
                parts.push(`to=${time}`);
                tests.push((action) => action.timestamp <= time);
            }
            if (conditions.length)
                parts.push(`filter=${encodeURIComponent(conditions.join('&'))}`);
            const wanted = world.actions
                .filter((action) => tests.every((test) => test(action)))
                .sort(newestFirst((action) => action.timestamp))
                .map((action) => action.id);
            found += wanted.length;
            const path = `${root}/actions/${type}`;
            assert.deepEqual(
                await walk(path, parts.join('&'), 1 + below(50)),
                wanted,
                `${path}?${parts.join('&')}`,
            );
        }
        assert.ok(found > 200, `the queries found only ${found}`);
    });

    it('places: 100 random points', async () => {
        let found = 0;
        for (let i = 0; i < 100; i++) {
            const from =
                random() < 0.3
                    ? { lat: 89.9, lon: -180 + random() * 360 }
                    : { lat: -90 + random() * 180, lon: pick([-180, 180, 0, 8.5, 90]) };
            const maxDist = random() < 0.2 ? undefined : pick([0.5, 50, 500, 2000, 19000]);
            const wanted = world.places
                .filter((place) => place.position)
                .map((place) => ({
                    id: place.id,
                    km: distanceKm(from, {
                        lat: place.position.coordinates[1],
                        lon: place.position.coordinates[0],
                    }),
                }))
                .filter((place) => maxDist === undefined || place.km <= maxDist)
                .sort((a, b) => a.km - b.km);
            found += wanted.length;
            const query = `lat=${from.lat}&lon=${from.lon}${maxDist === undefined ? '' : `&maxDist=${maxDist}`}`;
            const ids = await walk('/places', query, 1 + below(100));
            assert.equal(ids.length, wanted.length, query);
            assert.deepEqual(new Set(ids), new Set(wanted.map((place) => place.id)), query);
            const km = new Map(wanted.map((place) => [place.id, place.km]));
            for (let k = 1; k < ids.length; k++)
                assert.ok(km.get(ids[k - 1]) <= km.get(ids[k]) + 1e-6, `${query}: not by distance`);
        }
        assert.ok(found > 500, `the points found only ${found}`);
        agent.destroy();
    });
});
