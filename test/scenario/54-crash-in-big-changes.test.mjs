// SPDX-License-Identifier: Apache-2.0
// kill -9 in the middle of what is done in slices: a task that makes thngs, a collection that is
// emptied, a product that many name, an action type with many actions. No half is ever seen, and all
// is done in the end, once.
import { scenario, it, assert } from './lib/suite.mjs';
import { endOfTask, startTask } from './lib/populate.mjs';
import { nextLink, request } from './lib/rest.mjs';
import { eventually, slow, sleep } from './lib/daemon.mjs';

const COUNT = slow > 1 ? 2000 : 20000;

scenario('crashes in the middle of big changes', {}, (d) => {
    const made = new Set();
    let collection;
    let product;

    async function walk(path) {
        const ids = [];
        for (let url = `${d.url.http}${path}`; url; ) {
            const answer = await request(url, { key: d.key });
            assert.equal(answer.status, 200, answer.text);
            ids.push(...answer.body.map((one) => one.id));
            url = nextLink(answer.headers);
        }
        return ids;
    }

    async function crash() {
        await d.crash();
        await d.start();
    }

    it('a task makes every thng once, through three crashes', async () => {
        product = await d.api.must(201, 'POST', '/products', { name: 'P' });
        const values = Array.from({ length: COUNT }, (_, i) => `v${i}`);
        const path = await startTask(d.api, {
            type: 'IDENTIFIERS_LIST_BASED',
            customIdentifier: { key: 'serial', values },
            thngTemplate: { name: 'made', product: product.id, properties: { temp: 1 } },
        });
        let before = 0;
        for (let i = 0; i < 3; i++) {
            await eventually('some more are made', async () => {
                const { body } = await d.api.get(path);
                const done = body.progress.contributions.default?.thngs ?? 0;
                return body.completedAt || done > before + 100 ? [done] : null;
            }).then(([done]) => (before = done));
            await crash();
        }
        const task = await endOfTask(d.api, path);
        assert.equal(task.status, 'EXECUTED');
        assert.equal(task.result.totalThngsCreated, COUNT);
        const serials = [];
        for (let url = `${d.url.http}/thngs?perPage=100`; url; ) {
            const page = await request(url, { key: d.key });
            for (const thng of page.body) {
                made.add(thng.id);
                serials.push(thng.identifiers.serial);
                assert.deepEqual(thng.properties, { temp: 1 });
                assert.equal(thng.createdByTask, task.id);
            }
            url = nextLink(page.headers);
        }
        assert.deepEqual(serials.sort(), values.sort());
    });

    it('a collection is emptied at once, and stays so after a crash', async () => {
        collection = await d.api.must(201, 'POST', '/collections', { name: 'C' });
        const ids = [...made];
        for (let i = 0; i < ids.length; i += 10000)
            await d.api.must(
                200,
                'PUT',
                `/collections/${collection.id}/thngs`,
                ids.slice(i, i + 10000),
            );
        assert.equal((await walk(`/collections/${collection.id}/thngs?perPage=100`)).length, COUNT);
        await d.api.must(200, 'DELETE', `/collections/${collection.id}/thngs`);
        assert.deepEqual(await walk(`/collections/${collection.id}/thngs`), []);
        await crash();
        assert.deepEqual(await walk(`/collections/${collection.id}/thngs`), []);
        for (const id of ids.slice(0, 50))
            assert.equal(
                'collections' in (await d.api.must(200, 'GET', `/thngs/${id}`)),
                false,
            );
        // What was put in after that stays in, while the rest is still being worked off.
        await d.api.must(200, 'PUT', `/collections/${collection.id}/thngs`, ids.slice(0, 3));
        await sleep(200);
        await crash();
        assert.deepEqual(
            (await walk(`/collections/${collection.id}/thngs`)).sort(),
            ids.slice(0, 3).sort(),
        );
    });

    it('a deleted product is named by nobody, at once and after a crash', async () => {
        const filter = `/thngs?perPage=100&filter=product%3D${product.id}`;
        assert.equal((await walk(filter)).length, COUNT);
        const stays = [...made][7];
        await d.api.must(200, 'DELETE', `/products/${product.id}`);
        const look = async () => {
            assert.deepEqual(await walk(filter), []);
            for (const thng of (await d.api.get('/thngs?perPage=100')).body)
                assert.equal('product' in thng, false);
            assert.equal('product' in (await d.api.must(200, 'GET', `/thngs/${stays}`)), false);
        };
        await look();
        await crash();
        await look();
        const updated = await d.api.must(200, 'PUT', `/thngs/${stays}`, { description: 'x' });
        assert.equal('product' in updated, false);
        await sleep(1000);
        await crash();
        await look();
    });

    it('an action type goes with its actions; a new one of the name has none', async () => {
        await d.api.must(201, 'POST', '/actions', { name: '_many' });
        const list = Array.from({ length: 1000 }, (_, i) => ({
            type: '_many',
            customFields: { i },
        }));
        for (let i = 0; i < 5; i++) await d.api.must(201, 'POST', '/actions/all', list);
        const [one] = await d.api.must(200, 'GET', '/actions/_many');
        await d.api.must(200, 'DELETE', '/actions/_many');
        assert.deepEqual(await walk('/actions/all'), []);
        await d.api.must(201, 'POST', '/actions', { name: '_many' });
        await d.api.must(201, 'POST', '/actions/_many', {});
        assert.equal((await walk('/actions/_many')).length, 1);
        await crash();
        assert.equal((await walk('/actions/all')).length, 1);
        assert.equal((await d.api.get(`/actions/_many/${one.id}`)).status, 404);
    });
});
