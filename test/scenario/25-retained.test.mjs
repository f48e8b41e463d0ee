// SPDX-License-Identifier: Apache-2.0
// Retained messages of plain topics [MQTT-3.3.1-5 .. -12].
import { scenario, it, assert } from './lib/suite.mjs';
import { mosquittoPub, mqttSub } from './lib/clients.mjs';
import { smallRing } from './lib/daemon.mjs';
import { newAccount } from './lib/people.mjs';
import { disconnect, login, publish, puback, subscribe, type } from './lib/packets.mjs';

scenario('retained messages', { set: { 'mqtt.plain_topics': 'on', ...smallRing } }, (d) => {
    const come = (more) => login(d.port.mqtt, d.key, more);
    const retain = async (topic, payload, more = {}) => {
        const client = await come();
        client.send(publish(topic, payload, { qos: 1, id: 9, retain: true, ...more }));
        await client.next(type.puback);
        client.destroy();
    };
    const subscribed = async (client, ...filters) => {
        client.send(subscribe(1, ...filters));
        await client.next(type.suback);
    };
    const messages = async (client, count) => {
        const got = [];
        while (got.length < count) {
            const message = await client.next(type.publish, 15000);
            got.push([message.topic, message.payload, message.retain]);
            if (message.qos) client.send(puback(message.id));
        }
        return got;
    };

    it('a new subscriber gets the last one, with retain 1; one that is there gets it with 0', async () => {
        const there = await come();
        await subscribed(there, 'r/a');
        await retain('r/a', '1');
        await retain('r/a', '2');
        assert.deepEqual(await messages(there, 2), [
            ['r/a', '1', false],
            ['r/a', '2', false],
        ]);
        const late = await come();
        await subscribed(late, 'r/a');
        assert.deepEqual(await messages(late, 1), [['r/a', '2', true]]);
        const plain = await come();
        plain.send(publish('r/a', '3', { qos: 1, id: 1 }));
        await plain.next(type.puback);
        assert.deepEqual(await messages(late, 1), [['r/a', '3', false]]);
        const later = await come();
        await subscribed(later, 'r/a');
        assert.deepEqual(await messages(later, 1), [['r/a', '2', true]]);
    });

    it('an empty one takes it away, and is told to who is there', async () => {
        const there = await come();
        await retain('e/a', 'x');
        await subscribed(there, 'e/a');
        assert.deepEqual(await messages(there, 1), [['e/a', 'x', true]]);
        await retain('e/a', '');
        assert.deepEqual(await messages(there, 1), [['e/a', '', false]]);
        const late = await come();
        await subscribed(late, 'e/a');
        await late.quiet();
    });

    it('all that a filter matches, and only those; again when it subscribes again', async () => {
        for (const topic of ['f/a', 'f/b', 'f/b/c', 'fa', 'f', '$f/a', 'g/f']) await retain(topic, topic);
        const client = await come();
        const of = async (filter) => {
            await subscribed(client, [filter, 0]);
            const got = [];
            await retain('end', 'x');
            for (;;) {
                const [message] = await messages(client, 1);
                if (message[0] === 'end' && !message[2]) return got.sort();
                if (message[0] !== 'end') got.push(message[0]);
                assert.equal(message[2], true);
            }
        };
        await subscribed(client, ['end', 0]);
        assert.deepEqual(await of('f/#'), ['f', 'f/a', 'f/b', 'f/b/c']);
        assert.deepEqual(await of('f/+'), ['f/a', 'f/b']);
        assert.deepEqual(await of('f/+'), ['f/a', 'f/b']);
        assert.deepEqual(await of('+/f'), ['g/f']);
        assert.deepEqual(await of('$f/+'), ['$f/a']);
        assert.deepEqual(await of('f'), ['f']);
    });

    it('with the lower QoS of both', async () => {
        const client = await come();
        client.send(publish('q/0', 'x', { retain: true }));
        await retain('q/1', 'x');
        await subscribed(client, ['q/+', 2]);
        const got = [await client.next(type.publish), await client.next(type.publish)];
        assert.deepEqual(got.map(({ topic, qos }) => [topic, qos]).sort(), [
            ['q/0', 0],
            ['q/1', 1],
        ]);
    });

    it('they survive a crash, and accounts do not meet', async () => {
        await retain('s/a', 'kept');
        await retain('s/b', 'gone');
        await retain('s/b', '');
        await d.crash();
        await d.start();
        const client = await come();
        await subscribed(client, 's/#');
        assert.deepEqual(await messages(client, 1), [['s/a', 'kept', true]]);
        await client.quiet();
        const { key } = await newAccount(d.api);
        const other = await login(d.port.mqtt, key);
        await subscribed(other, '#');
        await other.quiet();
    });

    it('thousands, to a client that takes its time; what is live comes behind them', async () => {
        const publisher = await come();
        const count = 6000;
        for (let from = 0; from < count; from += 500) {
            const numbers = Array.from({ length: 500 }, (_, i) => from + i);
            publisher.send(
                ...numbers.map((n) =>
                    publish(`many/${n}`, `${n}`, { qos: 1, id: n + 1, retain: true }),
                ),
            );
            for (let i = 0; i < 500; i++) await publisher.next(type.puback, 15000);
        }
        const client = await come();
        await subscribed(client, 'many/#');
        publisher.send(publish('many/7', 'live', { qos: 1, id: 1, retain: true }));
        await publisher.next(type.puback);
        const seen = new Map();
        for (;;) {
            const [[topic, payload, retained]] = await messages(client, 1);
            if (!retained) {
                assert.deepEqual([topic, payload], ['many/7', 'live']);
                break;
            }
            assert.equal(seen.has(topic), false);
            seen.set(topic, payload);
        }
        assert.ok(seen.size >= count - 1, `${seen.size}`);
    });

    it('a session that is kept is not sent them again when it comes back', async () => {
        await retain('k/a', '1');
        const first = await come({ clientId: 'k', clean: false });
        await subscribed(first, 'k/#');
        assert.deepEqual(await messages(first, 1), [['k/a', '1', true]]);
        first.send(disconnect());
        await first.closed();
        await retain('k/a', '2');
        const second = await come({ clientId: 'k', clean: false });
        assert.deepEqual(await messages(second, 1), [['k/a', '2', false]]);
        await second.quiet();
    });

    it('mosquitto and MQTT.js see them as such', async () => {
        await mosquittoPub(d, 'm/a', 'hello', { args: ['-r'] });
        const sub = await mqttSub(d, d.url.mqtt, 'm/#');
        const { topic, payload } = await sub.next();
        assert.deepEqual([topic, payload], ['m/a', 'hello']);
    });
});
