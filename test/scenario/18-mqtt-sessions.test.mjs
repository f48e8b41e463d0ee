// SPDX-License-Identifier: Apache-2.0
// Sessions that outlive their connection: subscriptions, place, what is in flight; over kill -9.
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { eventually } from './lib/daemon.mjs';
import {
    connect,
    disconnect,
    puback,
    publish,
    pubrel,
    RawMqtt,
    subscribe,
    type,
    unsubscribe,
} from './lib/packets.mjs';

scenario('sessions that are kept', {}, (d) => {
    /** A client with clean session 0; its CONNACK is client.connack. */
    const come = async (clientId, { key = d.key, clean = false, ...more } = {}) => {
        const client = await RawMqtt.open(d.port.mqtt);
        client.send(connect({ clientId, clean, user: 'authorization', password: key, ...more }));
        client.connack = await client.next(type.connack);
        assert.equal(client.connack.code, 0);
        return client;
    };
    const gone = async (client) => {
        client.send(disconnect());
        await client.closed();
    };
    const subscribed = async (client, ...filters) => {
        client.send(subscribe(1, ...filters));
        assert.ok((await client.next(type.suback)).codes.every((code) => code < 2));
    };
    const fresh = async () => `/thngs/${(await d.api.newThng()).id}/properties/a`;
    const put = (topic, value) => d.api.put(topic, [{ value }]);
    const values = async (client, count, ack = true) => {
        const got = [];
        while (got.length < count) {
            const message = await client.next(type.publish);
            got.push(onePoint(message.payload).value);
            if (ack) client.send(puback(message.id));
        }
        return got;
    };

    it('what is published in the absence is delivered, in order, and what came before is not', async () => {
        const topic = await fresh();
        await put(topic, 0);
        const first = await come('absent');
        assert.equal(first.connack.present, false);
        await subscribed(first, topic);
        await put(topic, 1);
        assert.deepEqual(await values(first, 1), [1]);
        await gone(first);
        for (let i = 2; i <= 50; i++) await put(topic, i);
        const second = await come('absent');
        assert.equal(second.connack.present, true);
        assert.deepEqual(await values(second, 49), Array.from({ length: 49 }, (_, i) => i + 2));
        await put(topic, 51);
        assert.deepEqual(await values(second, 1), [51]);
        await gone(second);
    });

    it('what came before its thng was deleted in the absence is delivered', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const first = await come('bereft');
        await subscribed(first, topic, `/thngs/${id}`);
        await put(topic, 1);
        assert.deepEqual(await values(first, 1), [1]);
        await gone(first);
        for (let i = 2; i <= 4; i++) await put(topic, i);
        await d.api.must(200, 'DELETE', `/thngs/${id}`);
        const second = await come('bereft');
        const got = [];
        while (got.length < 4) {
            const message = await second.next(type.publish);
            got.push(message.topic === topic ? onePoint(message.payload).value : message.topic);
            second.send(puback(message.id));
        }
        assert.deepEqual(got, [2, 3, 4, `/thngs/${id}`]);
        second.send(unsubscribe(3, topic, `/thngs/${id}`));
        await second.next(type.unsuback);
        await gone(second);
    });

    it('what is not acknowledged is sent again, with DUP, its id and in its order', async () => {
        const topic = await fresh();
        const first = await come('flights');
        await subscribed(first, topic);
        for (let i = 1; i <= 6; i++) await put(topic, i);
        const sent = [];
        while (sent.length < 6) sent.push(await first.next(type.publish));
        assert.ok(sent.every((message) => !message.dup));
        for (const index of [0, 2, 3]) first.send(puback(sent[index].id));
        await gone(first);
        await put(topic, 7);
        const second = await come('flights');
        const again = [];
        while (again.length < 4) again.push(await second.next(type.publish));
        assert.deepEqual(
            again.map(({ id, dup, payload }) => [id, dup, onePoint(payload).value]),
            [
                [sent[1].id, true, 2],
                [sent[4].id, true, 5],
                [sent[5].id, true, 6],
                [sent[5].id + 1, false, 7],
            ],
        );
        for (const { id } of again) second.send(puback(id));
        await gone(second);
        const third = await come('flights');
        await put(topic, 8);
        assert.deepEqual(await values(third, 1), [8]);
        await gone(third);
    });

    it('kill -9: sessions are there, nothing that was not acknowledged is lost', async () => {
        const topic = await fresh();
        const first = await come('killed');
        await subscribed(first, topic);
        for (let i = 1; i <= 5; i++) await put(topic, i);
        assert.deepEqual(await values(first, 3), [1, 2, 3]);
        await new Promise((resolve) => setTimeout(resolve, 1500)); // the place is written
        assert.deepEqual(await values(first, 2, false), [4, 5]);
        await d.crash();
        await d.start();
        await put(topic, 6);
        const second = await come('killed');
        assert.equal(second.connack.present, true);
        const again = [];
        while (again.length < 3) again.push(await second.next(type.publish));
        assert.deepEqual(
            again.map(({ dup, payload }) => [dup, onePoint(payload).value]),
            [
                [true, 4],
                [true, 5],
                [false, 6],
            ],
        );
        await gone(second);
    });

    it('a clean session forgets what was kept', async () => {
        const topic = await fresh();
        const first = await come('forgotten');
        await subscribed(first, topic);
        await gone(first);
        const second = await come('forgotten', { clean: true });
        assert.equal(second.connack.present, false);
        await gone(second);
        await put(topic, 1);
        const third = await come('forgotten');
        assert.equal(third.connack.present, false);
        await put(topic, 2);
        await third.quiet();
        await gone(third);
    });

    it('UNSUBSCRIBE is kept, too', async () => {
        const [stays, goes] = [await fresh(), await fresh()];
        const first = await come('unsubscribed');
        await subscribed(first, stays, goes);
        first.send(unsubscribe(2, goes));
        await first.next(type.unsuback);
        await gone(first);
        await put(goes, 1);
        await put(stays, 2);
        const second = await come('unsubscribed');
        assert.deepEqual(await values(second, 1), [2]);
        await second.quiet();
        await gone(second);
    });

    it('a will is published after a crash, once, with the rights of its key', async () => {
        const topic = await fresh();
        const will = { topic, payload: '[{"value":"gone"}]', qos: 1 };
        const kept = await come('with-will', { will });
        await subscribed(kept, topic);
        await come('clean-with-will', { will, clean: true });
        await gone(await come('polite', { will }));
        await gone(await come('polite')); /* it has come behind the end of the one before */
        await d.crash();
        await d.start();
        const got = async () => (await d.api.get(topic)).body.map(({ value }) => value);
        await eventually('both wills', async () => (await got()).length === 2);
        assert.deepEqual(await got(), ['gone', 'gone']);
        const again = await come('with-will');
        assert.deepEqual(await values(again, 2), ['gone', 'gone']);
        await gone(again);
        await d.crash();
        await d.start();
        assert.equal((await got()).length, 2);
    });

    it('a publish with QoS 2 is applied once, also over kill -9', async () => {
        const topic = await fresh();
        const stored = async () => (await d.api.get(topic)).body.length;
        const send = (client, id, dup = false) =>
            client.send(publish(topic, [{ value: id }], { qos: 2, id, dup }));
        const first = await come('twice');
        send(first, 5);
        assert.equal((await first.next(type.pubrec)).id, 5);
        await d.crash();
        await d.start();
        const second = await come('twice');
        send(second, 5, true);
        assert.equal((await second.next(type.pubrec)).id, 5);
        assert.equal(await stored(), 1);
        second.send(pubrel(5));
        assert.equal((await second.next(type.pubcomp)).id, 5);
        await d.crash();
        await d.start();
        const third = await come('twice');
        third.send(pubrel(5));
        assert.equal((await third.next(type.pubcomp)).id, 5);
        send(third, 5);
        assert.equal((await third.next(type.pubrec)).id, 5);
        assert.equal(await stored(), 2);
        await gone(third);
    });

    it('stored subscriptions are judged by the rights of now', async () => {
        const [stays, goes] = [await fresh(), await fresh()];
        const first = await come('judged');
        await subscribed(first, stays, goes);
        await gone(first);
        await put(stays, 1);
        await d.api.delete(goes.slice(0, goes.indexOf('/properties')));
        const second = await come('judged');
        assert.equal(second.connack.present, true);
        assert.deepEqual(await values(second, 1), [1]);
        await second.quiet();
        await gone(second);
    });

    it('present states are sent again, and the token of a topic is kept, sealed', async () => {
        const topic = await fresh();
        const filter = `${topic}?access_token=${d.key}&pubStates=1`;
        await put(topic, 1);
        const first = await come('tokens');
        await subscribed(first, filter);
        assert.deepEqual(await values(first, 1), [1]);
        await gone(first);
        await put(topic, 2);
        const second = await come('tokens');
        const got = [await second.next(type.publish), await second.next(type.publish)];
        assert.ok(got.every((message) => message.topic === filter));
        assert.deepEqual(got.map(({ payload }) => onePoint(payload).value).sort(), [2, 2]);
        await gone(second);
    });

    it('take-over: the old connection ends, the session goes on', async () => {
        const topic = await fresh();
        const first = await come('taken');
        await subscribed(first, topic);
        await put(topic, 1);
        const message = await first.next(type.publish);
        const second = await come('taken');
        await first.closed();
        assert.equal(second.connack.present, true);
        const again = await second.next(type.publish);
        assert.deepEqual([again.id, again.dup], [message.id, true]);
        await gone(second);
    });

    it('QoS 0 of the absence is not sent', async () => {
        const topic = await fresh();
        const first = await come('zero');
        await subscribed(first, [topic, 0]);
        await gone(first);
        await put(topic, 1);
        const second = await come('zero');
        await put(topic, 2);
        const message = await second.next(type.publish);
        assert.deepEqual([message.qos, onePoint(message.payload).value], [0, 2]);
        await gone(second);
    });
});

scenario(
    'sessions that expire',
    { set: { 'session.expiry': '1s', 'session.count_max': '2' } },
    (d) => {
        const come = async (clientId) => {
            const client = await RawMqtt.open(d.port.mqtt);
            const password = d.key;
            client.send(connect({ clientId, clean: false, user: 'authorization', password }));
            return { client, connack: await client.next(type.connack) };
        };

        it('there are so many at most, and after a time they are gone', async () => {
            const stays = await come('stays');
            const goes = await come('goes');
            assert.equal(stays.connack.code, 0);
            assert.equal(goes.connack.code, 0);
            assert.equal((await come('more')).connack.code, 3);
            goes.client.send(disconnect());
            await goes.client.closed();
            const until = Date.now() + 20000;
            let more;
            do {
                await new Promise((resolve) => setTimeout(resolve, 500));
                more = await come('more');
            } while (more.connack.code === 3 && Date.now() < until);
            assert.equal(more.connack.code, 0);
            stays.client.send(disconnect());
            await stays.client.closed();
            const back = await come('stays');
            assert.equal(back.connack.present, true);
        });
    },
);
