// SPDX-License-Identifier: Apache-2.0
// Topics as streams of server-sent events: with curl, read by hand, and resumed (WHATWG HTML 9.2).
import { spawn } from 'node:child_process';
import { scenario, it, assert, assertError, onePoint, unknownId } from './lib/suite.mjs';
import { atTestEnd, eventually, sleep, slow } from './lib/daemon.mjs';
import { head, openEvents } from './lib/events.mjs';

const value = ({ data }) => JSON.parse(data)[0].value;

scenario('server-sent events', { set: { 'http.heartbeat': '200ms' } }, (d) => {
    const newTopic = async () => {
        const { id } = await d.api.newThng();
        return { id, topic: `/thngs/${id}/properties/a` };
    };
    const put = (topic, ...values) =>
        d.api.must(200, 'PUT', topic, values.map((one) => ({ value: one })));

    it('curl -N is a subscriber', async () => {
        const { topic } = await newTopic();
        const curl = spawn('curl', [
            ...['-sN', '-H', `Authorization: ${d.key}`, '-H', 'Accept: text/event-stream'],
            d.url.http + topic,
        ]);
        atTestEnd(() => curl.kill());
        let output = '';
        curl.stdout.on('data', (text) => {
            output += text;
        });
        await eventually('the beginning', () => /^retry: \d+\nid: \d+\n\n/.test(output));
        await put(topic, 37.2);
        await eventually('the event', () => /\nid: \d+\ndata: \[\{.*"value":37.2\}\]\n\n/.test(output));
    });

    it('the head, the number of each event, and the payload that others get', async () => {
        const { id, topic } = await newTopic();
        const stream = await openEvents(d, `/v2${topic}/?other=1`);
        assert.equal(stream.status, 200);
        assert.equal(stream.headers['content-type'], 'text/event-stream');
        assert.equal(stream.headers['cache-control'], 'no-store');
        assert.equal(stream.headers['access-control-allow-origin'], '*');
        await stream.until('a position', () => stream.position !== undefined);
        const all = await openEvents(d, `/thngs/${id}/properties?access_token=${d.key}`, {
            key: null,
        });
        await all.until('a position', () => all.position !== undefined);
        const answer = await d.api.put(topic, [{ value: { deep: [1, '\u2028'] } }]);
        const one = await stream.next();
        assert.equal(one.data, answer.text);
        const other = await all.next();
        assert.deepEqual(other, one);
        assert.ok(Number(one.id) > 0);
        assert.equal(stream.position, one.id);
    });

    it('a value with line ends in it comes in several lines', async () => {
        const { topic } = await newTopic();
        const stream = await openEvents(d, topic);
        await stream.until('a position', () => stream.position !== undefined);
        const body = '[{"value":{\n"a":\r\n1,\r"b":2}}]';
        await d.api.must(200, 'PUT', topic, [{ value: 0 }]);
        await stream.next();
        const { status } = await fetch(d.url.http + topic, {
            method: 'PUT',
            headers: { authorization: d.key, 'content-type': 'application/json' },
            body,
        });
        assert.equal(status, 200);
        assert.deepEqual(value(await stream.next()), { a: 1, b: 2 });
    });

    it('statuses are those of the same GET', async () => {
        const { id, topic } = await newTopic();
        const device = await d.api.newDeviceKey(id);
        for (const [path, options, status] of [
            [topic, { key: null }, 401],
            [topic, { key: 'x'.repeat(80) }, 403],
            ['/collections/U2345678abcdefghkmnpqrst', { key: device }, 403],
            [`/thngs/${unknownId}/properties`, {}, 404],
            [`/thngs/${id}/actions/_unknown`, {}, 404],
            ['/nothing', {}, 404],
            ['/thngs', {}, 406],
            ['/places', {}, 406],
            [`/thngs/${id}/properties/+`, {}, 400],
            [topic, { lastEventId: 'x' }, 400],
            [topic, { lastEventId: '-1' }, 400],
            [`/thngs/${id}?from=-1h`, {}, 400],
            [`${topic}?project=x`, {}, 404],
        ]) {
            const answer = await openEvents(d, path, options);
            if (path.endsWith('+')) assert.ok([200, 400, 404].includes(answer.status));
            else assert.equal(answer.status, status, `${path} ${JSON.stringify(options)}`);
            answer.destroy();
        }
        const list = await openEvents(d, '/thngs', { accept: 'text/event-stream, */*' });
        assert.equal(list.headers['content-type'], 'application/json');
        const plain = await openEvents(d, topic, { accept: '*/*' });
        assert.equal(plain.headers['content-type'], 'application/json');
    });

    it('the present state, and the history, come first; neither has a number', async () => {
        const { topic } = await newTopic();
        const stored = [1, 2, 3];
        await put(topic, ...stored);
        for (const [option, expected] of [
            ['pubStates=1', () => stored.slice(-1)],
            ['last=2', () => stored.slice(-2)],
            ['from=0', () => stored],
        ]) {
            const stream = await openEvents(d, `${topic}?${option}`);
            for (const one of expected()) {
                const event = await stream.next();
                assert.equal(value(event), one);
                assert.equal(event.id, undefined);
            }
            stored.push(stored.length + 1);
            await put(topic, stored.length);
            const live = await stream.next();
            assert.equal(value(live), stored.length);
            assert.ok(live.id);
            stream.destroy();
        }
    });

    it('silence is filled with comments that move the position', async () => {
        const { id, topic } = await newTopic();
        const stream = await openEvents(d, topic);
        await stream.until('a comment', () => stream.comments > 0);
        const before = BigInt(stream.position);
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/b`, [{ value: 1 }]);
        await stream.until('a later position', () => BigInt(stream.position) > before);
        assert.equal(stream.events.length, 0);
    });

    it('a client that comes back has every event once, in order', async () => {
        const { id, topic } = await newTopic();
        const first = await openEvents(d, topic);
        await first.until('a position', () => first.position !== undefined);
        let position = first.position;
        first.destroy();
        const count = 400;
        let written = 0;
        const writing = (async () => {
            for (; written < count; written++)
                await d.api.must(200, 'PUT', `/thngs/${id}/properties`, [
                    { key: 'a', value: written },
                    { key: 'b', value: -written },
                ]);
        })();
        const got = [];
        let round = 0;
        while (got.length < count) {
            const version = round % 3 === 2 ? '1.0' : '1.1';
            const stream = await openEvents(d, topic, { lastEventId: position, version });
            assert.equal(stream.status, 200);
            const wanted = Math.min(count - got.length, 1 + (round++ % 60));
            for (let i = 0; i < wanted; i++) {
                const event = await stream.next();
                got.push(value(event));
                position = event.id;
            }
            stream.destroy();
        }
        await writing;
        assert.deepEqual(got, Array.from({ length: count }, (_, i) => i));
    });

    it('and after a restart of the daemon; a number of the future begins now', async () => {
        const { topic } = await newTopic();
        const stream = await openEvents(d, topic);
        await stream.until('a position', () => stream.position !== undefined);
        await put(topic, 1);
        const { id } = await stream.next();
        await put(topic, 2);
        await d.restart();
        assert.equal(await stream.ended(), true, 'the daemon ended the stream in order');
        const resumed = await openEvents(d, topic, { lastEventId: id });
        assert.equal(value(await resumed.next()), 2);
        await put(topic, 3);
        assert.equal(value(await resumed.next()), 3);
        const future = await openEvents(d, topic, { lastEventId: '18446744073709551615' });
        await future.until('a position', () => future.position !== undefined);
        await put(topic, 4);
        assert.equal(value(await future.next()), 4);
    });

    it('deleting the resource ends it, behind the notice if there is one; then it is 404', async () => {
        const { id, topic } = await newTopic();
        const part = await openEvents(d, topic);
        const whole = await openEvents(d, `/thngs/${id}`);
        await whole.until('a position', () => whole.position !== undefined);
        await part.until('a position', () => part.position !== undefined);
        await d.api.must(200, 'DELETE', `/thngs/${id}`);
        assert.equal(JSON.parse((await whole.next()).data).operation, 'deleted');
        assert.equal(await whole.ended(), true);
        assert.equal(await part.ended(), true);
        assert.equal((await openEvents(d, topic, { lastEventId: '1' })).status, 404);
    });

    it('revoking the key ends it', async () => {
        const { id, topic } = await newTopic();
        const key = await d.api.newDeviceKey(id);
        const stream = await openEvents(d, topic, { key });
        await stream.until('a position', () => stream.position !== undefined);
        await d.api.must(200, 'DELETE', `/auth/evrythng/thngs/${id}`);
        await stream.ended();
        assert.equal((await openEvents(d, topic, { key })).status, 403);
    });

    it('what a client asks behind its stream is not answered', async () => {
        const { topic } = await newTopic();
        const stream = await openEvents(d, topic);
        stream.socket.write(head('/time', d.key));
        await put(topic, 1);
        assert.equal(value(await stream.next()), 1);
        await sleep(100);
        assert.equal(stream.events.length, 0);
        assert.ok(!stream.raw.includes('HTTP/'));
        stream.socket.end();
        await stream.ended();
    });

    it('a slow reader gets everything in the end', async () => {
        const { topic } = await newTopic();
        const stream = await openEvents(d, topic);
        await stream.until('a position', () => stream.position !== undefined);
        stream.socket.pause();
        const text = 'x'.repeat(20000);
        const count = 300;
        for (let i = 0; i < count; i++) await put(topic, `${i} ${text}`);
        stream.socket.resume();
        for (let i = 0; i < count; i++)
            assert.equal(Number(value(await stream.next()).split(' ')[0]), i);
    });

    it('a thousand streams', async () => {
        const { topic } = await newTopic();
        const streams = [];
        for (let i = 0; i < 1000 / slow; i++) streams.push(await openEvents(d, topic));
        for (const stream of streams)
            await stream.until('a position', () => stream.position !== undefined);
        await put(topic, 'all');
        for (const stream of streams) assert.equal(value(await stream.next()), 'all');
        for (const stream of streams) stream.destroy();
    });

    it('errors are JSON, and other topics work alike', async () => {
        assertError(await d.api.get(`/thngs/${unknownId}/properties`, {
            headers: { accept: 'text/event-stream' },
        }), 404);
        const actions = await openEvents(d, '/actions/all');
        await actions.until('a position', () => actions.position !== undefined);
        const { id } = await d.api.newThng();
        const { body } = await d.api.post(`/thngs/${id}/actions/scans`, { type: 'scans' });
        assert.equal(JSON.parse((await actions.next()).data).id, body.id);
        await put(`/thngs/${id}/properties/a`, 1);
        assert.ok(onePoint((await d.api.get(`/thngs/${id}/properties/a`)).text));
    });
});

scenario(
    'streams and roles that change at once',
    { set: { 'auth.role_changes': 'at_once' } },
    (d) => {
        it('a stream whose right is taken away ends', async () => {
            const { id: project } = await d.api.must(201, 'POST', '/projects', { name: 'p' });
            const role = await d.api.must(201, 'POST', '/roles', { name: 'r', type: 'operator' });
            const set = (enabled) =>
                d.api.must(200, 'PUT', `/roles/${role.id}/permissions`, [
                    { name: 'global_read', enabled },
                ]);
            await set(true);
            const { newOperator } = await import('./lib/people.mjs');
            const { key } = await newOperator(d.api, { role: role.id });
            const { id } = await d.api.newThng();
            const stream = await openEvents(d, `/thngs/${id}/properties`, { key });
            assert.equal(stream.status, 200);
            await set(false);
            await stream.ended();
            assert.notEqual(
                (await openEvents(d, `/thngs/${id}/properties`, { key })).status,
                200,
            );
            assert.ok(project);
        });
    },
);
