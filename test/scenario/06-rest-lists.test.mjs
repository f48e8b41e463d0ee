// SPDX-License-Identifier: Apache-2.0
// Lists of thngs: order, pages, counts, ids, filters (rest.md 1.6 to 1.8).
import { scenario, it, assert, assertCompact, assertError, unknownId } from './lib/suite.mjs';
import { sleep } from './lib/daemon.mjs';
import { nextLink, request } from './lib/rest.mjs';

const total = 65;

scenario('lists over REST', {}, (d) => {
    const created = [];

    it('(65 thngs)', async () => {
        assert.equal((await d.api.get('/thngs')).text, '[]');
        for (let i = 0; i < total; i++) {
            // Lists are in the order of createdAt, in milliseconds; within one the ids decide.
            await sleep(2);
            created.push(
                await d.api.newThng({
                    name: `thng ${i}`,
                    tags: [i % 2 ? 'odd' : 'even', `t${i}`],
                    identifiers: { 'gs1:21': `n${i}` },
                }),
            );
        }
    });

    it('30 a page, newest first', async () => {
        const answer = await d.api.get('/thngs');
        assert.equal(answer.status, 200);
        assertCompact(answer);
        assert.deepEqual(
            answer.body.map((thng) => thng.name),
            Array.from({ length: 30 }, (_, i) => `thng ${total - 1 - i}`),
        );
        assert.deepEqual(answer.body[0], (await d.api.get(`/thngs/${answer.body[0].id}`)).body);
    });

    for (const order of ['ASCENDING', 'DESCENDING']) {
        it(`the pages hold every thng once, ${order}`, async () => {
            const names = [];
            let url = `${d.url.http}/thngs?perPage=20&sortOrder=${order}`;
            while (url) {
                const answer = await request(url, { key: d.key });
                assert.equal(answer.status, 200);
                names.push(...answer.body.map((thng) => thng.name));
                if (answer.headers.link) {
                    assert.match(
                        answer.headers.link,
                        /^<https?%3A%2F%2F[^>&=,?]*>; rel="next"$/i,
                        'the URL is encoded as a whole',
                    );
                }
                url = nextLink(answer.headers);
                if (url) {
                    const query = new URL(url).searchParams;
                    assert.equal(query.get('perPage'), '20');
                    assert.equal(query.get('sortOrder'), order);
                    assert.ok(query.get('nextPageToken'));
                    assert.equal(query.has('access_token'), false);
                }
            }
            const wanted = Array.from(
                { length: total },
                (_, i) => `thng ${order === 'ASCENDING' ? i : total - 1 - i}`,
            );
            assert.deepEqual(names, wanted);
        });
    }

    it('pages hold their place when thngs come and go meanwhile', async () => {
        const first = await d.api.get('/thngs?perPage=10&sortOrder=DESCENDING');
        const extra = await d.api.newThng({ name: 'extra' });
        await d.api.must(200, 'DELETE', `/thngs/${first.body[9].id}`);
        const second = await request(nextLink(first.headers), { key: d.key });
        assert.equal(second.body[0].name, `thng ${total - 11}`);
        await d.api.must(200, 'DELETE', `/thngs/${extra.id}`);
        created.splice(
            created.findIndex((thng) => thng.id === first.body[9].id),
            1,
        );
    });

    it('action types: the built-in ones come first, on pages of any size', async () => {
        const custom = [];
        for (let i = 0; i < 3; i++) {
            await sleep(2);
            await d.api.must(201, 'POST', '/actions', { name: `_own${i}` });
            custom.unshift(`_own${i}`);
        }
        const all = (await d.api.get('/actions')).body.map((type) => type.name);
        assert.deepEqual(all.slice(-3), custom);
        assert.ok(all.length > custom.length && all.every((name, i) => name[0] === '_' || i < 8));
        for (let size = 1; size <= all.length + 1; size++) {
            const names = [];
            let url = `${d.url.http}/actions?perPage=${size}`;
            while (url) {
                const answer = await request(url, { key: d.key });
                assert.equal(answer.status, 200, answer.text);
                assert.ok(answer.body.length > 0 && answer.body.length <= size);
                names.push(...answer.body.map((type) => type.name));
                url = nextLink(answer.headers);
            }
            assert.deepEqual(names, all, `perPage=${size}`);
            const numbered = [];
            for (let page = 1; numbered.length < all.length; page++) {
                const answer = await d.api.get(`/actions?perPage=${size}&page=${page}`);
                numbered.push(...answer.body.map((type) => type.name));
            }
            assert.deepEqual(numbered, all, `page by page of ${size}`);
        }
        for (const query of ['', '?perPage=2', '?perPage=8'])
            assert.equal(
                (await d.api.head(`/actions${query}`)).headers['x-result-count'],
                String(all.length),
            );
        const named = async (name) =>
            (await d.api.get(`/actions?filter=name%3D${name}`)).body.map((type) => type.name);
        assert.deepEqual(await named('scans'), ['scans']);
        assert.deepEqual(await named('_own1'), ['_own1']);
        assert.deepEqual(await named('nonsense'), []);
    });

    it('HEAD and withTotalCount tell how many there are', async () => {
        const head = await d.api.head('/thngs');
        assert.equal(head.status, 200);
        assert.equal(head.text, '');
        assert.equal(head.headers['x-result-count'], String(created.length));
        const some = await d.api.get('/thngs?perPage=1&withTotalCount=true');
        assert.equal(some.headers['x-result-count'], String(created.length));
        const odd = await d.api.head(`/thngs?filter=${encodeURIComponent('tags=odd')}`);
        assert.equal(
            odd.headers['x-result-count'],
            String(created.filter((thng) => thng.tags[0] === 'odd').length),
        );
    });

    it('ids names up to 100; unknown ones are skipped', async () => {
        const wanted = [created[3].id, unknownId, created[5].id];
        for (const list of [wanted.join(','), wanted.join('%2C')]) {
            const found = (await d.api.must(200, 'GET', `/thngs?ids=${list}`)).map(
                (thng) => thng.id,
            );
            assert.deepEqual(found.sort(), [created[3].id, created[5].id].sort());
        }
        assertError(await d.api.get(`/thngs?ids=${Array(101).fill(unknownId).join(',')}`), 400);
    });

    const filtered = async (filter) =>
        (
            await d.api.must(
                200,
                'GET',
                `/thngs?perPage=100&sortOrder=ASCENDING&filter=${encodeURIComponent(filter)}`,
            )
        ).map((thng) => thng.name);

    it('filters by name, tag, identifier and time', async () => {
        assert.deepEqual(await filtered('name=thng 7'), ['thng 7']);
        assert.deepEqual(
            await filtered('name=thng%207'),
            ['thng 7'],
            'values are decoded once more',
        );
        assert.deepEqual(await filtered('name=THNG 7'), []);
        assert.deepEqual(await filtered('tags=t3'), ['thng 3']);
        assert.deepEqual(await filtered('tags=t3,t4'), ['thng 3', 'thng 4']);
        assert.deepEqual(await filtered('identifiers.gs1:21=n8'), ['thng 8']);
        assert.deepEqual(await filtered('tags=odd&name=thng 9'), ['thng 9']);
        assert.deepEqual(await filtered('tags=even&name=thng 9'), []);
        assert.deepEqual(await filtered(`createdAt<${created[0].createdAt}`), []);
        assert.equal(
            (await filtered(`createdAt>${created[0].createdAt - 1}`)).length,
            created.length,
        );
    });

    it('the filter travels in the Link', async () => {
        const answer = await d.api.get(`/thngs?perPage=2&filter=${encodeURIComponent('tags=odd')}`);
        const next = nextLink(answer.headers);
        assert.equal(new URL(next).searchParams.get('filter'), 'tags=odd');
        for (const thng of (await request(next, { key: d.key })).body)
            assert.equal(thng.tags[0], 'odd');
    });

    it('bad parameters are 400', async () => {
        for (const query of [
            'perPage=0',
            'perPage=101',
            'perPage=-1',
            'perPage=ten',
            'sortOrder=ascending?',
            'nextPageToken=forged',
            'filter=nonsense%3D1',
            'filter=name',
            'filter=name%3C5',
            'filter=name~x',
        ]) {
            assertError(await d.api.get(`/thngs?${query}`), 400);
        }
    });
});
