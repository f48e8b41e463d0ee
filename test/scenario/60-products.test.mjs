// SPDX-License-Identifier: Apache-2.0
// Products: documents, identifiers, lists, what becomes of thngs when one goes (rest.md 1.5, 1.7, 5).
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
import { eventually, sleep } from './lib/daemon.mjs';

scenario('products over REST', {}, (d) => {
    const newProduct = (document = { name: 'a product' }) =>
        d.api.must(201, 'POST', '/products', document);

    it('POST answers 201, the document with its old alias fn, and a Location', async () => {
        const answer = await d.api.post('/products', {
            name: 'Bulb',
            brand: 'Lumen',
            categories: ['light', 'home'],
            photos: ['https://example.com/1.png'],
            url: 'https://example.com',
            color: 'warm',
            customFields: { lm: 806 },
        });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        const { id, createdAt, updatedAt, ...rest } = answer.body;
        assert.match(id, idPattern);
        assert.equal(updatedAt, createdAt);
        assert.deepEqual(rest, {
            name: 'Bulb',
            fn: 'Bulb',
            brand: 'Lumen',
            categories: ['light', 'home'],
            photos: ['https://example.com/1.png'],
            url: 'https://example.com',
            color: 'warm',
            customFields: { lm: 806 },
        });
        const path = new URL(answer.headers.location, d.url.http).pathname;
        assert.equal(path, `/products/${id}`);
        assert.deepEqual((await d.api.get(path)).body, { ...answer.body, properties: {} });
    });

    it('fn is taken for the name when there is none', async () => {
        const product = await newProduct({ fn: 'Old' });
        assert.equal(product.name, 'Old');
        assert.equal(product.fn, 'Old');
        assertError(await d.api.post('/products', { brand: 'x' }), 400, { code: 50331648 });
    });

    it('PUT merges at the top level, and name and fn stay alike', async () => {
        const product = await newProduct({ name: 'x', brand: 'b', tags: ['a'] });
        const updated = await d.api.must(200, 'PUT', `/products/${product.id}`, {
            name: 'y',
            tags: ['c'],
        });
        assert.equal(updated.name, 'y');
        assert.equal(updated.fn, 'y');
        assert.equal(updated.brand, 'b');
        assert.deepEqual(updated.tags, ['c']);
        assertError(await d.api.put(`/products/${product.id}`, { id: unknownId }), 400, {
            code: 50593792,
        });
    });

    it('properties in a POST are first values', async () => {
        const product = await newProduct({ name: 'x', properties: { Rated: 5, on: true } });
        assert.deepEqual(product.properties, { on: true, rated: 5 });
        const points = await d.api.must(200, 'GET', `/products/${product.id}/properties/rated`);
        assert.deepEqual(points, [
            { createdAt: product.createdAt, timestamp: product.createdAt, value: 5 },
        ]);
    });

    it('properties of products are written, read and deleted as those of thngs', async () => {
        const product = await newProduct();
        const root = `/products/${product.id}/properties`;
        const stored = await d.api.must(200, 'PUT', root, [{ key: 'A', value: 1 }]);
        assert.equal(stored[0].key, 'a');
        await d.api.must(200, 'PUT', `${root}/b`, [{ value: 'x' }]);
        assert.deepEqual((await d.api.get(`/products/${product.id}`)).body.properties, {
            a: 1,
            b: 'x',
        });
        await d.api.must(200, 'DELETE', `${root}/a`);
        assert.deepEqual((await d.api.get(`/products/${product.id}`)).body.properties, { b: 'x' });
        assert.deepEqual(
            (await d.api.get(root)).body.map((point) => point.key),
            ['b'],
        );
    });

    it('an identifier stands for a product, everywhere below its path', async () => {
        const product = await newProduct({ name: 'x', identifiers: { 'gs1:01': '00042' } });
        assert.equal((await d.api.get('/products/gs1:01:00042')).body.id, product.id);
        await d.api.must(200, 'PUT', '/products/gs1:01:00042/properties/a', [{ value: 1 }]);
        assert.equal((await d.api.get('/products/gs1:01:00042/properties')).body.length, 1);
        assertError(await d.api.get('/products/gs1:01:00043'), 404, { code: 16842752 });
        await d.api.newThng({ name: 't', identifiers: { 'gs1:01': '00043' } });
        assertError(await d.api.get('/products/gs1:01:00043'), 404);
        await newProduct({ name: 'y', identifiers: { 'gs1:01': '00042' } });
        assertError(await d.api.get('/products/gs1:01:00042'), 409, { code: 67239936 });
        assertError(await d.api.put('/products/gs1:01:00042', { name: 'z' }), 409);
    });

    it('a thng or a collection is no product: 404', async () => {
        const thng = await d.api.newThng();
        assertError(await d.api.get(`/products/${thng.id}`), 404);
        assertError(await d.api.put(`/products/${thng.id}`, { name: 'x' }), 404);
        assertError(await d.api.delete(`/products/${thng.id}`), 404);
        assert.equal((await d.api.get(`/thngs/${thng.id}`)).status, 200);
    });

    it('lists are paged and filtered', async () => {
        const made = [];
        for (let i = 0; i < 7; i++) {
            await sleep(2);
            made.push(
                await newProduct({
                    name: `p${i}`,
                    tags: ['list', i % 2 ? 'odd' : 'even'],
                    identifiers: { n: `${i}` },
                }),
            );
        }
        const names = [];
        let url = `${d.url.http}/products?perPage=3&filter=tags%3Dlist`;
        while (url) {
            const answer = await request(url, { key: d.key });
            assert.equal(answer.status, 200);
            names.push(...answer.body.map((product) => product.name));
            url = nextLink(answer.headers);
        }
        assert.deepEqual(names, ['p6', 'p5', 'p4', 'p3', 'p2', 'p1', 'p0']);
        const found = async (filter) =>
            (
                await d.api.must(200, 'GET', `/products?filter=${encodeURIComponent(filter)}`)
            ).map((product) => product.name);
        assert.deepEqual(await found('identifiers.n=4'), ['p4']);
        assert.deepEqual(await found('name=p3&tags=odd'), ['p3']);
        assert.deepEqual(await found('name=p3&tags=even'), []);
        for (const filter of ['createdAt>1', 'product=x', 'collections=x'])
            assertError(await d.api.get(`/products?filter=${encodeURIComponent(filter)}`), 400);
        const head = await d.api.head('/products?filter=tags%3Dlist&perPage=2');
        assert.equal(head.status, 200);
        assert.equal(head.text, '');
        assert.equal(head.headers['x-result-count'], '7');
        const ids = [made[1].id, unknownId, made[5].id].join(',');
        assert.deepEqual(
            (await d.api.get(`/products?ids=${ids}`)).body.map((product) => product.name),
            ['p5', 'p1'],
        );
    });

    it('PUT and DELETE of many', async () => {
        for (let i = 0; i < 3; i++) await newProduct({ name: 'bulk', tags: ['bulk'] });
        const updated = await d.api.put('/products?filter=tags%3Dbulk', { brand: 'new' });
        assert.equal(updated.status, 204);
        assert.equal(updated.headers['x-result-count'], '3');
        for (const product of (await d.api.get('/products?filter=tags%3Dbulk')).body)
            assert.equal(product.brand, 'new');
        const deleted = await d.api.delete('/products?filter=tags%3Dbulk');
        assert.equal(deleted.status, 200);
        assert.equal(deleted.headers['x-result-count'], '3');
        assert.deepEqual((await d.api.get('/products?filter=tags%3Dbulk')).body, []);
        assertError(await d.api.delete('/products'), 400);
    });

    it('thngs are found by their product', async () => {
        const product = await newProduct();
        const thng = await d.api.newThng({ name: 'x', product: product.id });
        assert.equal(thng.product, product.id);
        await d.api.newThng({ name: 'other' });
        assert.deepEqual(
            (await d.api.get(`/thngs?filter=product%3D${product.id}`)).body.map(({ id }) => id),
            [thng.id],
        );
    });

    it('a deleted product is named by nobody, at once', async () => {
        const product = await newProduct();
        const thngs = [];
        for (let i = 0; i < 5; i++)
            thngs.push(await d.api.newThng({ name: `t${i}`, product: product.id }));
        const answer = await d.api.delete(`/products/${product.id}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        for (const thng of thngs) {
            const read = (await d.api.get(`/thngs/${thng.id}`)).body;
            assert.equal('product' in read, false);
            assert.equal(read.updatedAt, thng.updatedAt);
        }
        for (const thng of (await d.api.get(`/thngs?ids=${thngs.map((t) => t.id)}`)).body)
            assert.equal('product' in thng, false);
        assert.deepEqual((await d.api.get(`/thngs?filter=product%3D${product.id}`)).body, []);
        assertError(await d.api.get(`/products/${product.id}`), 404);
        assertError(await d.api.delete(`/products/${product.id}`), 404);
        assertError(await d.api.post('/thngs', { name: 'x', product: product.id }), 400);
        const updated = await d.api.must(200, 'PUT', `/thngs/${thngs[0].id}`, { type: 'x' });
        assert.equal('product' in updated, false);
    });

    it('and still is after a restart', async () => {
        const product = await newProduct();
        const thng = await d.api.newThng({ name: 't', product: product.id });
        await d.api.must(200, 'DELETE', `/products/${product.id}`);
        await d.restart();
        await eventually('the server answers', async () => (await d.api.get('/time')).status === 200);
        assert.equal('product' in (await d.api.get(`/thngs/${thng.id}`)).body, false);
    });
});
