// SPDX-License-Identifier: Apache-2.0
// PUT and DELETE on many thngs at once (rest.md 1.8).
import { scenario, it, assert, assertError } from './lib/suite.mjs';

scenario('bulk verbs over REST', {}, (d) => {
    const some = (count, tag) =>
        Promise.all(
            Array.from({ length: count }, (_, i) =>
                d.api.newThng({ name: `${tag} ${i}`, tags: [tag] }),
            ),
        );

    it('PUT by ids answers 204 and the count', async () => {
        const thngs = await some(3, 'a');
        const answer = await d.api.put(`/thngs?ids=${thngs[0].id},${thngs[2].id}`, {
            description: 'both',
        });
        assert.equal(answer.status, 204);
        assert.equal(answer.text, '');
        assert.equal(answer.headers['x-result-count'], '2');
        const read = await Promise.all(
            thngs.map(async (thng) => (await d.api.get(`/thngs/${thng.id}`)).body.description),
        );
        assert.deepEqual(read, ['both', undefined, 'both']);
    });

    it('PUT by filter', async () => {
        await some(4, 'b');
        const answer = await d.api.put('/thngs?filter=tags%3Db', { type: 'x' });
        assert.equal(answer.status, 204);
        assert.equal(answer.headers['x-result-count'], '4');
    });

    it('DELETE by filter answers 200 and the count', async () => {
        const thngs = await some(4, 'c');
        const answer = await d.api.delete('/thngs?filter=tags%3Dc');
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        assert.equal(answer.headers['x-result-count'], '4');
        for (const thng of thngs) assertError(await d.api.get(`/thngs/${thng.id}`), 404);
    });

    it('without a selector nothing happens: 400', async () => {
        const [thng] = await some(1, 'e');
        assertError(await d.api.delete('/thngs'), 400);
        assertError(await d.api.put('/thngs', { type: 'x' }), 400);
        assert.equal((await d.api.get(`/thngs/${thng.id}`)).status, 200);
    });
});
