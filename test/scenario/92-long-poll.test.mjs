// SPDX-License-Identifier: Apache-2.0
// Long polls: GET of a topic's path with ?wait=SECONDS.
import net from 'node:net';
import { scenario, it, assert, assertError } from './lib/suite.mjs';
import { atTestEnd, eventually, sleep } from './lib/daemon.mjs';
import { head } from './lib/events.mjs';

scenario('long polls', { set: { 'limits.wait': '5s' } }, (d) => {
    const newTopic = async () => {
        const { id } = await d.api.newThng();
        return { id, topic: `/thngs/${id}/properties/a` };
    };
    const put = (topic, value) => d.api.must(200, 'PUT', topic, [{ value }]);
    const poll = (topic, { wait = 5, last, ...more } = {}) =>
        d.api.get(`${topic}?wait=${wait}`, {
            headers: last === undefined ? {} : { 'Last-Event-ID': String(last) },
            ...more,
        });
    const lastOf = ({ headers }) => headers['last-event-id'];

    it('is answered with the next message, as subscribers get it', async () => {
        const { topic } = await newTopic();
        const waiting = poll(topic);
        await sleep(100);
        const put = await d.api.put(topic, [{ value: 37.2 }]);
        const answer = await waiting;
        assert.equal(answer.status, 200);
        assert.equal(answer.text, put.text);
        assert.match(lastOf(answer), /^\d+$/);
        assert.equal(answer.headers['cache-control'], 'no-store');
    });

    it('or with 204 when the time is over; nothing between two polls is missed', async () => {
        const { topic } = await newTopic();
        const first = await poll(topic, { wait: 1 });
        assert.equal(first.status, 204);
        assert.equal(first.text, '');
        await put(topic, 1);
        await put(topic, 2);
        const second = await poll(topic, { last: lastOf(first) });
        assert.equal(second.body[0].value, 1);
        const third = await poll(topic, { last: lastOf(second) });
        assert.equal(third.body[0].value, 2);
        const fourth = await poll(topic, { wait: 1, last: lastOf(third) });
        assert.equal(fourth.status, 204);
    });

    it('what is asked for wrongly is 400, and what may not be seen as ever', async () => {
        const { id, topic } = await newTopic();
        for (const wait of ['0', '6', '', 'x', '-1', '1.5'])
            assertError(await poll(topic, { wait }), 400);
        assertError(await poll(topic, { last: 'x' }), 400);
        assertError(await d.api.get('/thngs?wait=1'), 400);
        assertError(await poll('/thngs/U2345678abcdefghkmnpqrst/properties'), 404);
        const device = await d.api.newDeviceKey(id);
        assertError(await poll('/actions/all', { key: device }), 403);
    });

    it('a loop of polls under load loses nothing and doubles nothing', async () => {
        const { id, topic } = await newTopic();
        let last = lastOf(await poll(topic, { wait: 1 }));
        const count = 400;
        const writing = (async () => {
            for (let i = 0; i < count; i++)
                await d.api.must(200, 'PUT', `/thngs/${id}/properties`, [
                    { key: 'b', value: -i },
                    { key: 'a', value: i },
                ]);
        })();
        const got = [];
        while (got.length < count) {
            const answer = await poll(topic, { last });
            assert.equal(answer.status, 200);
            got.push(answer.body[0].value);
            last = lastOf(answer);
        }
        await writing;
        assert.deepEqual(got, Array.from({ length: count }, (_, i) => i));
    });

    const raw = (text) => {
        const socket = net.connect(d.port.http, '127.0.0.1', () => socket.write(text));
        atTestEnd(() => socket.destroy());
        socket.text = '';
        socket.setEncoding('utf8');
        socket.on('data', (chunk) => {
            socket.text += chunk;
        });
        socket.on('error', () => {});
        socket.on('close', () => {
            socket.isGone = true;
        });
        return socket;
    };
    const statuses = ({ text }) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);

    it('requests behind it wait for its answer, and the connection goes on', async () => {
        const { topic } = await newTopic();
        const socket = raw(
            head(`${topic}?wait=1`, d.key) + head(`${topic}?wait=1`, d.key) + head('/time', d.key),
        );
        await sleep(300);
        assert.deepEqual(statuses(socket), []);
        await put(topic, 1);
        await eventually('all answers', () => statuses(socket).length === 3);
        assert.deepEqual(statuses(socket), ['200', '204', '200']);
        socket.write(head('/time', d.key));
        await eventually('one more', () => statuses(socket).length === 4);
    });

    it('a client that goes while it waits is let go', async () => {
        const { topic } = await newTopic();
        const socket = raw(head(`${topic}?wait=5`, d.key));
        await sleep(200);
        socket.end();
        await eventually('the end of the connection', () => socket.isGone, 2000);
        assert.equal(socket.text, '');
    });

    it('revoking the key refuses it, and what is asked behind it', async () => {
        const { id, topic } = await newTopic();
        const key = await d.api.newDeviceKey(id);
        const socket = raw(head(`${topic}?wait=5`, key) + head(`/thngs/${id}`, key));
        await sleep(200);
        await d.api.must(200, 'DELETE', `/auth/evrythng/thngs/${id}`);
        await eventually('the refusal', () => statuses(socket).length > 0);
        await eventually('the end of the connection', () => socket.isGone);
        assert.deepEqual(statuses(socket), ['403']);
    });

    it('deleting the resource answers it: with the notice, or with nothing', async () => {
        const { id, topic } = await newTopic();
        const whole = poll(`/thngs/${id}`);
        const part = poll(topic);
        await sleep(200);
        await d.api.must(200, 'DELETE', `/thngs/${id}`);
        assert.equal((await whole).body.operation, 'deleted');
        assert.equal((await part).status, 204);
        assert.equal((await poll(topic)).status, 404);
    });

    it('goes on after a restart', async () => {
        const { topic } = await newTopic();
        const last = lastOf(await poll(topic, { wait: 1 }));
        await put(topic, 'before');
        await d.restart();
        assert.equal((await poll(topic, { last })).body[0].value, 'before');
    });
});
