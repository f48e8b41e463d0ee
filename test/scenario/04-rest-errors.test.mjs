// SPDX-License-Identifier: Apache-2.0
// Which status answers what, and what the body says (rest.md 1.2, 1.3; auth.md 4, 5).
import { scenario, it, assert, assertCompact, assertError, unknownId } from './lib/suite.mjs';
import { request } from './lib/rest.mjs';

scenario('statuses and errors over REST', {}, (d) => {
    const bare = (path, more) => request(d.url.http + path, more);

    it('no credential is 401, an unknown one 403', async () => {
        assertError(await bare('/thngs'), 401);
        assertError(await bare('/thngs', { key: 'x'.repeat(80) }), 403);
        assertError(await bare('/thngs', { key: '123' }), 403);
        assertError(await bare('/thngs?access_token=123'), 403);
    });

    it('the key may follow Token or Bearer, have spaces around it, or come as access_token', async () => {
        for (const header of [d.key, `Token ${d.key}`, `Bearer ${d.key}`, `  ${d.key}  `]) {
            assert.equal(
                (await bare('/thngs', { key: header })).status,
                200,
                header.replace(d.key, 'KEY'),
            );
        }
        assert.equal((await bare(`/thngs?access_token=${d.key}`)).status, 200);
    });

    it('the header wins over access_token', async () => {
        assertError(await bare(`/thngs?access_token=${d.key}`, { key: 'wrong' }), 403);
        assert.equal((await bare('/thngs?access_token=wrong', { key: d.key })).status, 200);
    });

    it('an error does not repeat the credential', async () => {
        const secret = 'S3cretS3cretS3cret';
        const answer = await bare(`/thngs/${unknownId}?access_token=${secret}`);
        assert.equal(answer.text.includes(secret), false);
        assert.equal(d.stderr.includes(secret), false);
    });

    it('an unknown path is 404 with the words that clients look for', async () => {
        assertError(await d.api.get('/nonsense'), 404, { text: /requested resource/ });
        assertError(await d.api.get(`/thngs/${unknownId}/nonsense`), 404);
    });

    it('a verb that a path does not have is 405', async () => {
        const thng = await d.api.newThng();
        for (const [method, path] of [
            ['PATCH', '/thngs'],
            ['POST', `/thngs/${thng.id}`],
            ['PATCH', `/thngs/${thng.id}/properties/a`],
            ['PUT', '/access'],
            ['POST', '/time'],
        ]) {
            assertError(await d.api.call(method, path, {}), 405);
        }
    });

    it('a body that is not JSON is 415, also when it is compressed', async () => {
        const headers = (more) => ({ headers: more });
        assertError(
            await d.api.post(
                '/thngs',
                'name=x',
                headers({ 'content-type': 'application/x-www-form-urlencoded' }),
            ),
            415,
        );
        assertError(
            await d.api.post('/thngs', '{"name":"x"}', headers({ 'content-type': 'text/plain' })),
            415,
        );
        assertError(
            await d.api.post('/thngs', '{"name":"x"}', headers({ 'content-encoding': 'gzip' })),
            415,
        );
        assert.equal(
            (
                await d.api.post(
                    '/thngs',
                    '{"name":"x"}',
                    headers({ 'content-type': 'Application/JSON; charset=UTF-8' }),
                )
            ).status,
            201,
        );
    });

    it('an Accept that JSON cannot satisfy is 406', async () => {
        assertError(await d.api.get('/thngs', { headers: { accept: 'text/html' } }), 406);
        for (const accept of [
            '*/*',
            'application/*',
            'text/html, application/json;q=0.5',
            'application/json',
        ]) {
            assert.equal((await d.api.get('/thngs', { headers: { accept } })).status, 200, accept);
        }
    });

    it('a missing or empty body is 400', async () => {
        assertError(await d.api.post('/thngs'), 400);
        assertError(await d.api.post('/thngs', ''), 400);
    });

    it('the checks come in order: credential, right, resource, body', async () => {
        const thng = await d.api.newThng();
        const device = await d.api.newDeviceKey(thng.id);
        assertError(
            await bare(`/thngs/${unknownId}`, { method: 'PUT', key: 'wrong', body: '{' }),
            403,
        );
        assertError(await bare('/thngs', { method: 'POST', key: device, body: '{' }), 403);
        assertError(await d.api.put(`/thngs/${unknownId}`, '{'), 404);
        assertError(await d.api.put(`/thngs/${thng.id}`, '{'), 400);
    });

    it('GET /time answers without a key, also with a zone', async () => {
        const answer = await bare('/time');
        assert.equal(answer.status, 200);
        assertCompact(answer);
        assert.deepEqual(Object.keys(answer.body), ['timestamp']);
        assert.ok(Math.abs(answer.body.timestamp - Date.now()) < 2000);
        const zone = (await bare('/time?tz=Asia/Tokyo')).body;
        assert.equal(zone.offset, 9 * 3600 * 1000);
        assert.match(zone.localTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*\+09:?00$/);
        const london = (await bare('/time?tz=Europe/London')).body;
        assert.ok(london.nextChange > london.timestamp);
    });

    it('GET /rateLimits answers an array to any key', async () => {
        assert.ok(Array.isArray(await d.api.must(200, 'GET', '/rateLimits')));
        assertError(await bare('/rateLimits'), 401);
    });

    it('GET /ca.pem answers without a key', async () => {
        // Not JSON, so not through the JSON client.
        const text = await (await fetch(`${d.url.http}/ca.pem`)).text();
        assert.equal(text, d.ca.toString('utf8'));
    });

    it('browsers of other origins may ask and read', async () => {
        const preflight = await fetch(`${d.url.http}/thngs`, {
            method: 'OPTIONS',
            headers: {
                origin: 'https://example.org',
                'access-control-request-method': 'POST',
                'access-control-request-headers': 'authorization,content-type',
            },
        });
        assert.ok(preflight.ok, `${preflight.status}`);
        assert.match(preflight.headers.get('access-control-allow-headers'), /authorization/i);
        assert.match(preflight.headers.get('access-control-allow-headers'), /content-type/i);
        assert.match(preflight.headers.get('access-control-allow-methods'), /PUT/);
        const answer = await d.api.get('/thngs', { headers: { origin: 'https://example.org' } });
        assert.ok(
            ['*', 'https://example.org'].includes(answer.headers['access-control-allow-origin']),
        );
        for (const name of [/link/i, /location/i, /x-result-count/i])
            assert.match(answer.headers['access-control-expose-headers'], name);
    });
});
