// SPDX-License-Identifier: Apache-2.0
// Property points: writing, latest value, history, deletion (rest.md 3).
import {
    scenario,
    it,
    assert,
    assertCompact,
    assertError,
    assertPoint,
    unknownId,
} from './lib/suite.mjs';
import { nextLink, request } from './lib/rest.mjs';

scenario('properties over REST', {}, (d) => {
    const fresh = async () => `/thngs/${(await d.api.newThng()).id}`;
    const put = (path, points) => d.api.must(200, 'PUT', path, points);
    const values = async (path) => (await d.api.must(200, 'GET', path)).map((point) => point.value);

    it('the worked sequence of the contract', async () => {
        const thng = await fresh();
        const first = await d.api.put(`${thng}/properties`, [
            { key: 'Temp_C', value: 20 },
            { key: 'on', value: true },
        ]);
        assert.equal(first.status, 200);
        assertCompact(first);
        const [temp, on] = first.body;
        assertPoint(temp, { key: 'temp_c', value: 20 });
        assertPoint(on, { key: 'on', value: true });
        assert.equal(temp.timestamp, on.timestamp, 'one receipt time for all points of a request');
        assert.equal(temp.timestamp, temp.createdAt);
        const [late] = await put(`${thng}/properties/temp_c`, [{ value: 19, timestamp: 500 }]);
        assertPoint(late, { key: 'temp_c', value: 19, timestamp: 500 });
        assert.deepEqual((await d.api.get(`${thng}/properties`)).body, [on, temp]);
        const keyless = ({ key, ...point }) => point;
        const history = await d.api.get(`${thng}/properties/temp_c`);
        assertCompact(history);
        assert.deepEqual(history.body, [keyless(temp), keyless(late)]);
        assert.deepEqual((await d.api.get(thng)).body.properties, { on: true, temp_c: 20 });
        const removed = await d.api.delete(`${thng}/properties/temp_c?to=1000`);
        assert.equal(removed.status, 200);
        assert.equal(removed.text, '');
        assert.deepEqual((await d.api.get(`${thng}/properties/temp_c`)).body, [keyless(temp)]);
    });

    for (const [method, path] of [
        ['POST', '/properties'],
        ['PUT', '/properties'],
    ]) {
        it(`${method} ${path} answers the stored points in the order of the request`, async () => {
            const answer = await d.api.call(method, `${await fresh()}${path}`, [
                { key: 'b', value: 1 },
                { key: 'a', value: 2 },
            ]);
            assert.equal(answer.status, 200);
            assert.deepEqual(
                answer.body.map((point) => [point.key, point.value]),
                [
                    ['b', 1],
                    ['a', 2],
                ],
            );
        });
    }

    it('POST on a key is the same as PUT', async () => {
        const [point] = await d.api.must(200, 'POST', `${await fresh()}/properties/a`, [
            { value: 1 },
        ]);
        assertPoint(point, { key: 'a', value: 1 });
    });

    it('other keys are left alone', async () => {
        const thng = await fresh();
        await put(`${thng}/properties`, [{ key: 'a', value: 1 }]);
        await put(`${thng}/properties`, [{ key: 'b', value: 2 }]);
        assert.deepEqual((await d.api.get(thng)).body.properties, { a: 1, b: 2 });
    });

    it('values keep their type and numbers their digits', async () => {
        const thng = await fresh();
        const texts = [
            '"x"',
            '""',
            'true',
            'false',
            '0',
            '-0',
            '1e3',
            '500.0',
            '37.20',
            '12345678901234567890',
            '0.1000000000000000055511151231257827',
            '[]',
            '[1,"a",{"b":false}]',
            '{}',
            '{"A":{"b":[1.0]}}',
            '"\\u00e9\\n"',
            '"é"',
        ];
        for (const text of texts) {
            const written = await d.api.put(`${thng}/properties/v`, `[{"value":${text}}]`);
            assert.equal(written.status, 200, `${text}: ${written.text}`);
            assert.ok(written.text.includes(`"value":${text}`), `${text} in ${written.text}`);
            const read = await d.api.get(`${thng}/properties/v?from=latest`);
            assert.ok(read.text.includes(`"value":${text}`), `${text} in ${read.text}`);
        }
        assert.equal((await d.api.history(`${thng}/properties/v`)).length, texts.length);
    });

    it('keys are lower-cased on write and on lookup', async () => {
        const thng = await fresh();
        await put(`${thng}/properties/TempC`, [{ value: 'Aa' }]);
        assert.deepEqual(await values(`${thng}/properties/tempc`), ['Aa']);
        assert.deepEqual(await values(`${thng}/properties/TEMPC`), ['Aa']);
        assert.deepEqual((await d.api.get(thng)).body.properties, { tempc: 'Aa' });
    });

    it('the key in the path wins over one in an item', async () => {
        const thng = await fresh();
        const [point] = await put(`${thng}/properties/a`, [{ key: 'b', value: 1 }]);
        assert.equal(point.key, 'a');
        assert.deepEqual((await d.api.get(thng)).body.properties, { a: 1 });
    });

    it('escaped characters in a key are decoded; plus is a plus', async () => {
        const thng = await fresh();
        await put(`${thng}/properties/room%20temp`, [{ value: 1 }]);
        await put(`${thng}/properties/a%2Fb%3F`, [{ value: 2 }]);
        await put(`${thng}/properties/c+d`, [{ value: 3 }]);
        assert.deepEqual((await d.api.get(thng)).body.properties, {
            'a/b?': 2,
            'c+d': 3,
            'room temp': 1,
        });
        assert.deepEqual(await values(`${thng}/properties/a%2fb%3f`), [2]);
    });

    it('several points of one key with their own timestamps', async () => {
        const thng = await fresh();
        await put(`${thng}/properties/a`, [
            { value: 1, timestamp: 1000 },
            { value: 3, timestamp: 3000 },
            { value: 2, timestamp: 2000 },
        ]);
        assert.deepEqual(await values(`${thng}/properties/a`), [3, 2, 1]);
        assert.equal((await d.api.get(thng)).body.properties.a, 3);
    });

    it('a point with the key and timestamp of a client-stamped one replaces it', async () => {
        const thng = await fresh();
        await put(`${thng}/properties/a`, [{ value: 1, timestamp: 1000 }]);
        await put(`${thng}/properties/a`, [{ value: 2, timestamp: 1000 }]);
        assert.deepEqual(await values(`${thng}/properties/a`), [2]);
    });

    it('server-stamped points are all kept', async () => {
        const thng = await fresh();
        for (let i = 0; i < 20; i++) await put(`${thng}/properties/a`, [{ value: i }]);
        assert.deepEqual(
            (await d.api.history(`${thng}/properties/a`)).map((point) => point.value),
            Array.from({ length: 20 }, (_, i) => i),
        );
    });

    it('the same key and timestamp twice in one request: the last one, at the place of the first', async () => {
        const thng = await fresh();
        const answer = await put(`${thng}/properties`, [
            { key: 'a', value: 1, timestamp: 5 },
            { key: 'b', value: 2, timestamp: 5 },
            { key: 'A', value: 3, timestamp: 5 },
        ]);
        assert.deepEqual(
            answer.map((point) => [point.key, point.value]),
            [
                ['a', 3],
                ['b', 2],
            ],
        );
    });

    it('a bare object stands for an array of one; an empty array stores nothing', async () => {
        const thng = await fresh();
        assert.equal((await put(`${thng}/properties`, { key: 'a', value: 1 })).length, 1);
        assert.equal((await put(`${thng}/properties/a`, { value: 2 })).length, 1);
        assert.deepEqual(await put(`${thng}/properties`, []), []);
        assert.deepEqual((await d.api.get(thng)).body.properties, { a: 2 });
    });

    it('a timestamp in quotes is a timestamp; one in the future is accepted', async () => {
        const thng = await fresh();
        const [quoted] = await put(`${thng}/properties/a`, [{ value: 1, timestamp: '1500' }]);
        assert.equal(quoted.timestamp, 1500);
        const ahead = Date.now() + 86400000;
        const [future] = await put(`${thng}/properties/a`, [{ value: 2, timestamp: ahead }]);
        assert.equal(future.timestamp, ahead);
        assert.equal((await d.api.get(thng)).body.properties.a, 2);
    });

    for (const [what, body] of [
        ['no key', [{ value: 1 }]],
        ['an empty key', [{ key: '', value: 1 }]],
        ['a key that is no string', [{ key: 1, value: 1 }]],
        ['a key of 129 characters', [{ key: 'x'.repeat(129), value: 1 }]],
        ['a control character in the key', [{ key: 'a\u0001', value: 1 }]],
        ['no value', [{ key: 'a' }]],
        ['a null value', [{ key: 'a', value: null }]],
        ['a negative timestamp', [{ key: 'a', value: 1, timestamp: -1 }]],
        ['a fractional timestamp', [{ key: 'a', value: 1, timestamp: 1.5 }]],
        ['a timestamp that is text', [{ key: 'a', value: 1, timestamp: 'soon' }]],
        ['a scalar', '7'],
        ['an array of scalars', [1]],
        [
            '1001 points',
            Array.from({ length: 1001 }, (_, i) => ({ key: 'a', value: i, timestamp: i })),
        ],
        [
            'one bad point among good ones',
            [
                { key: 'a', value: 1 },
                { key: 'b', value: null },
            ],
        ],
    ]) {
        it(`a write with ${what} is 400 and stores nothing`, async () => {
            const thng = await fresh();
            assertError(await d.api.put(`${thng}/properties`, body), 400, { code: 50331648 });
            assert.deepEqual((await d.api.get(`${thng}/properties`)).body, []);
        });
    }

    it('1000 points in one request and a key of 128 characters are accepted', async () => {
        const thng = await fresh();
        const points = Array.from({ length: 1000 }, (_, i) => ({
            key: 'k'.repeat(128),
            value: i,
            timestamp: i,
        }));
        assert.equal((await put(`${thng}/properties`, points)).length, 1000);
        assert.equal((await d.api.history(`${thng}/properties/${'k'.repeat(128)}`)).length, 1000);
    });

    it('the history comes in pages, each point once, in either order', async () => {
        const thng = await fresh();
        await put(
            `${thng}/properties/a`,
            Array.from({ length: 75 }, (_, i) => ({ value: i, timestamp: 1000 + i })),
        );
        const first = await d.api.get(`${thng}/properties/a`);
        assert.deepEqual(
            first.body.map((point) => point.value),
            Array.from({ length: 30 }, (_, i) => 74 - i),
        );
        const url = new URL(nextLink(first.headers));
        assert.ok(url.searchParams.get('nextPageToken'));
        const second = await request(url, { key: d.key });
        assert.equal(second.body[0].value, 44);
        const third = await request(nextLink(second.headers), { key: d.key });
        assert.equal(third.body.length, 15);
        assert.equal(third.headers.link, undefined);
        assert.deepEqual(
            (await d.api.history(`${thng}/properties/a`)).map((point) => point.value),
            Array.from({ length: 75 }, (_, i) => i),
        );
    });

    it('the pages of equal timestamps miss and repeat nothing', async () => {
        const thng = await fresh();
        for (let i = 0; i < 25; i++) await put(`${thng}/properties/a`, [{ value: i }]);
        const found = [];
        let url = `${d.url.http}${thng}/properties/a?perPage=7`;
        while (url) {
            const answer = await request(url, { key: d.key });
            found.push(...answer.body.map((point) => point.value));
            url = nextLink(answer.headers);
        }
        assert.deepEqual(
            found,
            Array.from({ length: 25 }, (_, i) => 24 - i),
        );
    });

    it('from and to are inclusive; from=latest is the newest; from after to is nothing', async () => {
        const thng = await fresh();
        await put(
            `${thng}/properties/a`,
            [1, 2, 3, 4].map((i) => ({ value: i, timestamp: i * 1000 })),
        );
        const path = `${thng}/properties/a`;
        assert.deepEqual(await values(`${path}?from=2000`), [4, 3, 2]);
        assert.deepEqual(await values(`${path}?to=3000`), [3, 2, 1]);
        assert.deepEqual(await values(`${path}?from=2000&to=3000`), [3, 2]);
        assert.deepEqual(await values(`${path}?from=2001&to=2999`), []);
        assert.deepEqual(await values(`${path}?from=latest`), [4]);
        assert.deepEqual(await values(`${path}?from=3000&to=2000`), []);
        assert.deepEqual(await values(`${path}?from=2000&sortOrder=ASCENDING&perPage=2`), [2, 3]);
        assert.deepEqual(
            await values(`${path}?filter=${encodeURIComponent('timestamp>2000')}`),
            [4, 3],
        );
        assert.deepEqual(
            await values(`${path}?filter=${encodeURIComponent('timestamp<2000')}`),
            [1],
        );
    });

    it('bad query parameters are 400', async () => {
        const thng = await fresh();
        for (const query of [
            'perPage=0',
            'perPage=101',
            'perPage=x',
            'sortOrder=UP',
            'from=x',
            'to=-1',
            'nextPageToken=zzz',
            `filter=${encodeURIComponent('nonsense=1')}`,
        ]) {
            assertError(await d.api.get(`${thng}/properties/a?${query}`), 400);
        }
    });

    it('an unknown key has an empty history', async () => {
        const thng = await fresh();
        const answer = await d.api.get(`${thng}/properties/never`);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '[]');
        assert.equal((await d.api.get(`${thng}/properties`)).text, '[]');
    });

    it('DELETE of a key removes the history and the key, and it can begin anew', async () => {
        const thng = await fresh();
        await put(`${thng}/properties`, [
            { key: 'a', value: 1 },
            { key: 'b', value: 2 },
        ]);
        assert.equal((await d.api.delete(`${thng}/properties/a`)).status, 200);
        assert.deepEqual(await values(`${thng}/properties/a`), []);
        assert.deepEqual((await d.api.get(thng)).body.properties, { b: 2 });
        await put(`${thng}/properties/a`, [{ value: 3 }]);
        assert.deepEqual(await values(`${thng}/properties/a`), [3]);
    });

    it('DELETE with to removes what is strictly older', async () => {
        const thng = await fresh();
        await put(
            `${thng}/properties/a`,
            [1, 2, 3].map((i) => ({ value: i, timestamp: i * 1000 })),
        );
        assert.equal((await d.api.delete(`${thng}/properties/a?to=2000`)).status, 200);
        assert.deepEqual(await values(`${thng}/properties/a`), [3, 2]);
        assert.equal((await d.api.delete(`${thng}/properties/a?to=9000`)).status, 200);
        assert.deepEqual((await d.api.get(thng)).body.properties, {});
    });

    it('DELETE of /properties removes all keys', async () => {
        const thng = await fresh();
        await put(`${thng}/properties`, [
            { key: 'a', value: 1 },
            { key: 'b', value: 2 },
        ]);
        const answer = await d.api.delete(`${thng}/properties`);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        assert.deepEqual((await d.api.get(`${thng}/properties`)).body, []);
    });

    it('a thng that does not exist is 404 on every verb', async () => {
        for (const [method, path, body] of [
            ['GET', '/properties'],
            ['GET', '/properties/a'],
            ['PUT', '/properties', [{ key: 'a', value: 1 }]],
            ['POST', '/properties', [{ key: 'a', value: 1 }]],
            ['PUT', '/properties/a', [{ value: 1 }]],
            ['DELETE', '/properties'],
            ['DELETE', '/properties/a'],
        ]) {
            assertError(await d.api.call(method, `/thngs/${unknownId}${path}`, body), 404, {
                code: 16842752,
            });
        }
    });

    it('products have properties like thngs', async () => {
        const { id } = await d.api.must(201, 'POST', '/products', { name: 'x' });
        const path = `/products/${id}/properties`;
        assert.equal((await d.api.get(path)).text, '[]');
        const [a, b] = await put(path, [
            { key: 'B', value: 1, timestamp: 1000 },
            { key: 'a', value: 2 },
        ]);
        assertPoint(a, { key: 'b', value: 1, timestamp: 1000 });
        assert.deepEqual((await d.api.get(path)).body, [b, a]);
        await put(`${path}/b`, [{ value: 3, timestamp: 2000 }]);
        await d.api.must(200, 'POST', `${path}/b`, [{ value: 4, timestamp: 3000 }]);
        assert.deepEqual(await values(`${path}/b`), [4, 3, 1]);
        assert.deepEqual((await d.api.get(`/products/${id}`)).body.properties, { a: 2, b: 4 });
        await d.api.must(200, 'DELETE', `${path}/b?to=3000`);
        assert.deepEqual(await values(`${path}/b`), [4]);
        await d.api.must(200, 'DELETE', `${path}/b`);
        assert.deepEqual((await d.api.get(`/products/${id}`)).body.properties, { a: 2 });
        await d.api.must(200, 'DELETE', path);
        assert.deepEqual((await d.api.get(path)).body, []);
        assertError(await d.api.put(path, [{ key: 'a', value: null }]), 400);
        const thng = await fresh();
        for (const other of [unknownId, thng.split('/')[2]]) {
            assertError(await d.api.get(`/products/${other}/properties`), 404);
            assertError(await d.api.put(`/products/${other}/properties/a`, [{ value: 1 }]), 404);
            assertError(await d.api.delete(`/products/${other}/properties/a`), 404);
            assertError(await d.api.get(`/products/${other}/properties/a`), 404);
        }
        assertError(await d.api.put(`/thngs/${id}/properties/a`, [{ value: 1 }]), 404);
        assertError(await d.api.get(`/thngs/${id}/properties/a`), 404);
    });
});
