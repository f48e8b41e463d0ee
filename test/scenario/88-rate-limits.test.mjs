// SPDX-License-Identifier: Apache-2.0
// Limits on what one key may ask (auth.md 9).
import { scenario, it, assert, assertError } from './lib/suite.mjs';
import { wsOpen } from './lib/clients.mjs';
import { eventually } from './lib/daemon.mjs';
import { login, publish, subscribe, type } from './lib/packets.mjs';
import { as } from './lib/people.mjs';

const limits = { 'limits.requests_per_key': '20', 'limits.requests_burst': '10' };

scenario('without limits', {}, (d) => {
    it('GET /rateLimits is empty, and nothing is slowed', async () => {
        assert.deepEqual((await d.api.get('/rateLimits')).body, []);
        const answers = await Promise.all(
            Array.from({ length: 200 }, () => d.api.get('/access')),
        );
        assert.ok(answers.every((one) => one.status === 200));
    });
});

scenario('limits on keys', { set: limits }, (d) => {
    let key;
    let topic;

    /* Each test has a key of its own, whose bucket is full. */
    const fresh = async () => {
        await new Promise((resolve) => setTimeout(resolve, 600));
        const { id } = await d.api.newThng();
        key = await d.api.newDeviceKey(id);
        topic = `/thngs/${id}/properties/a`;
        return { api: as(d, key), id };
    };

    it('REST answers 429 with Retry-After, to that key alone', async () => {
        const { api, id } = await fresh();
        const answers = await Promise.all(
            Array.from({ length: 40 }, () => api.get(`/thngs/${id}`)),
        );
        const refused = answers.filter((one) => one.status === 429);
        const good = answers.filter((one) => one.status === 200);
        assert.equal(refused.length + good.length, 40);
        assert.ok(good.length >= 10 && refused.length > 0, `${good.length} of 40 were answered`);
        assertError(refused[0], 429);
        assert.match(refused[0].headers['retry-after'], /^[1-9][0-9]*$/);
        const other = await fresh();
        assert.equal((await other.api.get(`/thngs/${other.id}`)).status, 200);
    });

    it('who has waited may ask again', async () => {
        const { api, id } = await fresh();
        await eventually('429', async () => (await api.get(`/thngs/${id}`)).status === 429);
        await eventually('200', async () => (await api.get(`/thngs/${id}`)).status === 200);
    });

    it('GET /rateLimits tells what there is and what is left', async () => {
        const { api } = await fresh();
        const [one] = (await api.get('/rateLimits')).body;
        assert.equal(typeof one.name, 'string');
        const [limit] = one.rateLimits;
        assert.deepEqual(limit.url, { path: '/', depth: 0 });
        assert.equal(limit.access, 'crud');
        assert.deepEqual(limit.limit, {
            rate: 'second',
            timeFrame: 1,
            warningMaxHits: 20,
            blockingMaxHits: 10,
        });
        assert.equal(limit.hits + limit.hitsRemaining, 10);
        assert.ok(limit.reset >= 0);
    });

    it('MQTT with QoS 1 is slowed, and nothing is lost', async () => {
        await fresh();
        const raw = await login(d.port.mqtt, key);
        const started = Date.now();
        for (let i = 1; i <= 30; i++) {
            raw.send(publish(topic, [{ value: i }], { qos: 1, id: i }));
        }
        for (let i = 1; i <= 30; i++) assert.equal((await raw.next(type.puback)).id, i);
        assert.ok(Date.now() - started >= 700, 'twenty above the burst take a second');
        raw.destroy();
        const values = (await d.api.history(topic)).map((point) => point.value);
        assert.deepEqual(values, Array.from({ length: 30 }, (_, i) => i + 1));
    });

    it('MQTT subscriptions are slowed, whatever else is in the packets', async () => {
        for (const more of [[], ['nonsense'], ['/thngs?access_token=nobody']]) {
            await fresh();
            const raw = await login(d.port.mqtt, key);
            const started = Date.now();
            for (let i = 1; i <= 30; i++)
                raw.send(subscribe(i, ...more, topic));
            for (let i = 1; i <= 30; i++) assert.equal((await raw.next(type.suback)).id, i);
            assert.ok(Date.now() - started >= 700, 'twenty above the burst take a second');
            raw.destroy();
        }
    });

    it('MQTT with QoS 0 is dropped beyond the limit, and the connection stays', async () => {
        await fresh();
        const raw = await login(d.port.mqtt, key);
        for (let i = 1; i <= 100; i++) raw.send(publish(topic, [{ value: i }]));
        raw.send(publish(topic, [{ value: 'last' }], { qos: 1, id: 7 }));
        assert.equal((await raw.next(type.puback)).id, 7);
        raw.destroy();
        const count = (await d.api.history(topic)).length;
        assert.ok(count >= 10 && count < 90, `${count} were recorded`);
    });

    it('a WebSocket is read more slowly', async () => {
        await fresh();
        const socket = await wsOpen(d, topic, { key });
        for (let i = 1; i <= 25; i++) socket.socket.send(JSON.stringify([{ value: i }]));
        const seen = [];
        for (let i = 1; i <= 25; i++) seen.push(JSON.parse((await socket.next()).payload)[0].value);
        assert.deepEqual(seen, Array.from({ length: 25 }, (_, i) => i + 1));
    });
});
