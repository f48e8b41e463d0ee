// SPDX-License-Identifier: Apache-2.0
// Plain topics: ordinary MQTT beside the resources (contract: README.md, points 7 and 8).
import { scenario, it, assert } from './lib/suite.mjs';
import { newAccount } from './lib/people.mjs';
import {
    disconnect,
    login,
    publish,
    puback,
    pubcomp,
    pubrec,
    pubrel,
    subscribe,
    type,
    unsubscribe,
} from './lib/packets.mjs';

const on = { set: { 'mqtt.plain_topics': 'on' } };

scenario('plain topics', on, (d) => {
    const come = (more) => login(d.port.mqtt, d.key, more);
    const subscribed = async (client, ...filters) => {
        client.send(subscribe(1, ...filters));
        return (await client.next(type.suback)).codes;
    };
    const sent = async (client, topic, payload, more = {}) => {
        client.send(publish(topic, payload, { qos: 1, id: 9, ...more }));
        await client.next(type.puback);
    };
    /** The topics of what has come when <last> has. */
    const topicsUntil = async (client, last) => {
        const found = (await client.before(last)).map(({ topic }) => topic);
        return [...found, last];
    };

    it('any payload, byte for byte, to who has subscribed; and to the publisher itself', async () => {
        const [one, other] = [await come(), await come()];
        assert.deepEqual(await subscribed(one, 'a/b'), [1]);
        assert.deepEqual(await subscribed(other, ['a/b', 0]), [0]);
        for (const payload of [Buffer.from([0, 255, 1, 0]), Buffer.alloc(0), 'text', '{"a":1}']) {
            one.send(publish('a/b', payload, { qos: 1, id: 3 }));
            const got = [await one.next(), await one.next()];
            assert.equal(got.find((each) => each.type === type.puback).id, 3);
            const mine = got.find((each) => each.type === type.publish);
            const its = await other.next(type.publish);
            assert.deepEqual([mine.topic, mine.qos, mine.retain], ['a/b', 1, false]);
            assert.deepEqual([its.topic, its.qos, its.retain], ['a/b', 0, false]);
            const text = payload.toString('utf8');
            assert.deepEqual([mine.payload, its.payload], [text, text]);
            one.send(puback(mine.id));
        }
        one.destroy();
        other.destroy();
    });

    it('the string counts as it is: slashes, spaces, question marks, per cent signs', async () => {
        const client = await come();
        const publisher = await come();
        const topics = ['/x', 'x', 'x/', 'x//y', 'x y', 'x?pubStates=1', 'x%20y', '/', '//thngs'];
        for (const topic of topics) {
            assert.deepEqual(await subscribed(client, [topic, 0]), [0]);
        }
        for (const topic of topics) {
            await sent(publisher, topic, topic);
            const message = await client.next(type.publish);
            assert.deepEqual([message.topic, message.payload], [topic, topic]);
        }
        await client.quiet();
    });

    it('wildcards, level by level; names with $ are not met by a wildcard at the beginning', async () => {
        const publisher = await come();
        const names = ['w', 'w/a', 'w/a/b', 'w/a/b/c', '/w/a', 'w//b', '$own/a', '$own'];
        const expected = {
            'w/#': ['w', 'w/a', 'w/a/b', 'w/a/b/c', 'w//b'],
            'w/+': ['w/a'],
            'w/+/b': ['w/a/b', 'w//b'],
            'w/+/#': ['w/a', 'w/a/b', 'w/a/b/c', 'w//b'],
            '+/a': ['w/a'],
            '+/+/a': ['/w/a'],
            '/+/a': ['/w/a'],
            '#': ['w', 'w/a', 'w/a/b', 'w/a/b/c', '/w/a', 'w//b'],
            '$own/#': ['$own/a', '$own'],
            '$own/+': ['$own/a'],
        };
        const clients = new Map();
        for (const filter of Object.keys(expected)) {
            const client = await come();
            assert.deepEqual(await subscribed(client, [filter, 0], ['end', 0]), [0, 0]);
            clients.set(filter, client);
        }
        for (const name of [...names, 'end']) await sent(publisher, name, 'x');
        for (const [filter, client] of clients) {
            const due = expected[filter].length + (filter === '#' ? 2 : 1);
            const got = [];
            while (got.length < due) got.push((await client.next(type.publish)).topic);
            const ends = filter === '#' ? ['end', 'end'] : ['end'];
            assert.deepEqual(got, [...expected[filter], ...ends], filter);
            client.destroy();
        }
    });

    it('a filter that begins with a wildcard selects resources as well', async () => {
        const client = await come();
        const { id } = await d.api.newThng();
        assert.deepEqual(await subscribed(client, ['#', 2], ['+/+/properties', 2]), [2, 2]);
        await d.api.put(`/thngs/${id}/properties/a`, [{ value: 1 }]);
        await sent(await come(), 'q/r/properties', 'plain', { qos: 1 });
        const last = 'q/r/properties';
        const topics = await topicsUntil(client, last);
        topics.push((await client.next(type.publish)).topic);
        assert.deepEqual(topics.sort(), [
            last,
            last,
            `thngs/${id}/properties`,
            `thngs/${id}/properties`,
            `thngs/${id}/properties/a`,
        ]);
    });

    it('overlapping subscriptions: one message each, with its QoS', async () => {
        const client = await come();
        await subscribed(client, ['o/a', 0], ['o/+', 1], ['o/#', 2]);
        await sent(await come(), 'o/a', 'x', { qos: 1 });
        const got = [1, 2, 3].map(() => client.next(type.publish));
        assert.deepEqual((await Promise.all(got)).map(({ qos }) => qos).sort(), [0, 1, 1]);
        client.send(unsubscribe(2, 'o/+'));
        await client.next(type.unsuback);
        await sent(await come(), 'o/a', 'y');
        const rest = [await client.next(type.publish), await client.next(type.publish)];
        assert.deepEqual(rest.map(({ qos }) => qos).sort(), [0, 1]);
        await client.quiet();
    });

    it('QoS 2 in both directions, exactly once', async () => {
        const client = await come();
        assert.deepEqual(await subscribed(client, ['two', 2]), [2]);
        const publisher = await come();
        publisher.send(publish('two', 'x', { qos: 2, id: 5 }));
        assert.equal((await publisher.next(type.pubrec)).id, 5);
        publisher.send(publish('two', 'x', { qos: 2, id: 5, dup: true }));
        assert.equal((await publisher.next(type.pubrec)).id, 5);
        publisher.send(pubrel(5));
        assert.equal((await publisher.next(type.pubcomp)).id, 5);
        const message = await client.next(type.publish);
        assert.deepEqual([message.qos, message.payload], [2, 'x']);
        client.send(pubrec(message.id));
        assert.equal((await client.next(type.pubrel)).id, message.id);
        client.send(pubrec(message.id));
        assert.equal((await client.next(type.pubrel)).id, message.id);
        client.send(pubcomp(message.id));
        await client.quiet();
    });

    it('QoS 2 of a session that is kept: over a crash, released or not', async () => {
        const kept = { clientId: 'kept-two', clean: false };
        const first = await come(kept);
        await subscribed(first, ['kept/two', 2]);
        const publisher = await come();
        for (let i = 1; i <= 3; i++) {
            publisher.send(publish('kept/two', `${i}`, { qos: 2, id: i }));
            await publisher.next(type.pubrec);
            publisher.send(pubrel(i));
            await publisher.next(type.pubcomp);
        }
        const got = [];
        while (got.length < 3) got.push(await first.next(type.publish));
        first.send(pubrec(got[0].id), pubrec(got[1].id));
        assert.equal((await first.next(type.pubrel)).id, got[0].id);
        assert.equal((await first.next(type.pubrel)).id, got[1].id);
        first.send(pubcomp(got[0].id));
        await d.crash();
        await d.start();
        const second = await come(kept);
        const again = [];
        while (again.length < 2 || again.at(-1).type !== type.publish) again.push(await second.next());
        const released = again.filter((one) => one.type === type.pubrel).map(({ id }) => id);
        assert.ok(released.includes(got[1].id), 'what was received is released again');
        const messages = again.filter((one) => one.type === type.publish);
        assert.deepEqual(
            messages.map(({ id, dup, qos, payload }) => [id, dup, qos, payload]),
            [[got[2].id, true, 2, '3']],
        );
        second.send(pubcomp(got[1].id), pubrec(got[2].id));
        assert.equal((await second.next(type.pubrel)).id, got[2].id);
        second.send(pubcomp(got[2].id), disconnect());
        await second.closed();
    });

    it('accounts do not meet', async () => {
        const { key } = await newAccount(d.api);
        const theirs = await login(d.port.mqtt, key);
        const ours = await come();
        await subscribed(theirs, ['#', 0], ['apart', 0]);
        await subscribed(ours, ['apart', 0]);
        await sent(await come(), 'apart', 'ours');
        assert.equal((await ours.next(type.publish)).payload, 'ours');
        await theirs.quiet();
    });

    it('keys of operators and trusted applications have them, others are refused', async () => {
        const { id } = await d.api.newThng();
        const device = await login(d.port.mqtt, await d.api.newDeviceKey(id));
        device.send(subscribe(1, 'a/b', '#', `thngs/${id}/properties`));
        assert.deepEqual((await device.next(type.suback)).codes, [0x80, 1, 1]);
        await sent(await come(), 'a/b', 'x');
        await device.quiet();
        device.send(publish('a/b', 'x', { qos: 1, id: 2 }));
        await device.closed();
    });

    it("the broker's own names, and names that are none, are refused", async () => {
        for (const topic of ['$SYS/x', '$share/g/x']) {
            const client = await come();
            client.send(publish(topic, 'x', { qos: 1, id: 2 }));
            await client.closed();
        }
        for (const topic of ['a/+', 'a/#', '']) {
            const client = await come();
            client.send(publish(topic, 'x'));
            await client.closed();
        }
        const client = await come();
        const codes = await subscribed(client, 'a#', 'a/#/b', 'a+', '/a/b#');
        assert.deepEqual(codes, [0x80, 0x80, 0x80, 0x80]);
    });

    it('a will on a plain topic', async () => {
        const client = await come();
        await subscribed(client, 'wills');
        const dying = await come({ will: { topic: 'wills', payload: 'gone', qos: 1 } });
        dying.destroy();
        assert.equal((await client.next(type.publish)).payload, 'gone');
    });
});

scenario('without plain topics', {}, (d) => {
    it('they are unknown, as any other', async () => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, 'a/b', '#'));
        assert.deepEqual((await client.next(type.suback)).codes, [0x80, 1]);
        client.send(publish('a/b', 'x', { qos: 1, id: 2 }));
        await client.closed();
    });
});
