// SPDX-License-Identifier: Apache-2.0
// MQTT 3.1.1, 3.1 and 3.2: CONNECT, wills, clean session, CONNACK. What shows which statement of
// the standard stands in docs/reference/mqtt.md.
import { scenario, it, assert } from './lib/suite.mjs';
import { loginOn, ways } from './lib/mqtt-ways.mjs';
import {
    connect,
    disconnect,
    packet,
    pingreq,
    publish,
    puback,
    pubrel,
    subscribe,
    type,
} from './lib/packets.mjs';

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (value) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
const header = (flags) => [text('MQTT'), [4, flags], hex('00 3c')];

/** CONNECT packets that are not as section 3.1 has them. */
const malformed = {
    'no bytes': packet(0x10),
    'a protocol name alone': packet(0x10, text('MQTT')),
    'no flags': packet(0x10, text('MQTT'), [4]),
    'half a keep-alive': packet(0x10, text('MQTT'), hex('04 02 00')),
    'no client id': packet(0x10, ...header(0x02)),
    'half the length of a client id': packet(0x10, ...header(0x02), hex('00')),
    'a client id that is cut off': packet(0x10, ...header(0x02), hex('00 05 61 62')),
    'a byte behind the client id': packet(0x10, ...header(0x02), text('a'), hex('00')),
    'a user name without its flag': packet(0x10, ...header(0x02), text('a'), text('b')),
    'a user name flag without one': packet(0x10, ...header(0x82), text('a')),
    'a password without its flag': packet(0x10, ...header(0x82), ...['a', 'b', 'c'].map(text)),
    'a password flag without one': packet(0x10, ...header(0xc2), ...['a', 'b'].map(text)),
    'half the length of a password': packet(0x10, ...header(0xc2), text('a'), text('b'), hex('00')),
    'a password that is cut off': packet(
        0x10,
        ...header(0xc2),
        text('a'),
        text('b'),
        hex('00 09 63'),
    ),
    'a will flag without a will': packet(0x10, ...header(0x06), text('a')),
    'a will flag with a topic alone': packet(0x10, ...header(0x06), text('a'), text('b')),
    'a will message that is cut off': packet(
        0x10,
        ...header(0x06),
        text('a'),
        text('b'),
        hex('00 09 63'),
    ),
    'a will without its flag': packet(0x10, ...header(0x02), ...['a', 'b', 'c'].map(text)),
    'a will topic that is empty': packet(0x10, ...header(0x06), ...['a', '', 'c'].map(text)),
    'a will topic with a wildcard': packet(0x10, ...header(0x06), ...['a', 'b/+', 'c'].map(text)),
    'the reserved flag': packet(0x10, ...header(0x03), text('a')),
    'the name mqtt': connect({ name: 'mqtt' }),
    'the name MQT': connect({ name: 'MQT' }),
    'the name MQTTX': connect({ name: 'MQTTX' }),
    'an empty name': connect({ name: '' }),
};

const plainTopics = { set: { 'mqtt.plain_topics': 'on' } };

for (const [way, open] of Object.entries(ways)) {
    scenario(`MQTT 3.1.1, CONNECT, over ${way}`, plainTopics, (d) => {
        const come = (more) => loginOn(way, d, more);
        const subscribed = async (client, ...filters) => {
            client.send(subscribe(1, ...filters));
            await client.next(type.suback);
        };
        const sent = async (client, topic, payload, more = {}) => {
            client.send(publish(topic, payload, { qos: 1, id: 9, ...more }));
            await client.next(type.puback);
        };
        const gone = async (client) => {
            client.send(disconnect());
            await client.closed();
        };

        for (const [what, bytes] of Object.entries(malformed)) {
            it(`${what}: closed without CONNACK`, async () => {
                const client = await open(d);
                client.send(bytes);
                await client.closed();
                assert.deepEqual(client.packets, []);
            });
        }

        it('all 256 values of the connect flags', async () => {
            for (let flags = 0; flags < 256; flags++) {
                const [user, password, will] = [0x80, 0x40, 4].map((bit) => (flags & bit) > 0);
                const willQos = (flags >> 3) & 3;
                const client = await open(d);
                client.send(
                    connect({
                        clientId: `flags-${flags}`,
                        flags,
                        user: user ? 'authorization' : undefined,
                        password: password ? d.key : undefined,
                        will: will ? { topic: 'flags', payload: 'x' } : undefined,
                    }),
                );
                const isRight =
                    (flags & 1) === 0 &&
                    (will ? willQos < 3 : (flags & 0x38) === 0) &&
                    (user || !password);
                if (!isRight) {
                    await client.closed();
                    assert.deepEqual(client.packets, [], `flags ${flags}`);
                    continue;
                }
                const { code, present } = await client.next(type.connack);
                const wanted = [user && !password ? 4 : 0, false];
                assert.deepEqual([code, present], wanted, `flags ${flags}`);
                if (code === 0) client.send(disconnect());
                await client.closed();
                assert.deepEqual(client.packets, []);
            }
        });

        it('a level that is not supported: CONNACK 1, then closed, and nothing behind it is done', async () => {
            const watcher = await come();
            await subscribed(watcher, 'levels', 'end');
            for (const level of [0, 1, 2, 3, 5, 6, 0x80, 0x83, 0x84, 255]) {
                const client = await open(d);
                client.send(
                    connect({ level, name: 'MQTT' }),
                    connect({ user: 'authorization', password: d.key }),
                    publish('levels', 'x', { qos: 1, id: 1 }),
                );
                await client.closed();
                assert.deepEqual(
                    client.packets.map(({ code, present }) => [code, present]),
                    [[1, false]],
                );
            }
            await sent(await come(), 'end', 'x');
            assert.equal((await watcher.next(type.publish)).topic, 'end');
        });

        it('behind a CONNECT that is rejected nothing is done', async () => {
            const thng = await d.api.newThng();
            const topic = `/thngs/${thng.id}/properties/a?access_token=${d.key}`;
            for (const [code, how] of [
                [5, { user: 'authorization', password: 'wrong' }],
                [4, { user: 'authorization' }],
                [2, { clientId: '', clean: false }],
            ]) {
                const client = await open(d);
                client.send(
                    connect(how),
                    publish(topic, [{ value: 1 }], { qos: 1, id: 1 }),
                    publish(topic, [{ value: 2 }]),
                    subscribe(2, topic),
                    pingreq(),
                );
                await client.closed();
                assert.deepEqual(client.packets.map((one) => one.code), [code]);
            }
            assert.deepEqual((await d.api.get(`/thngs/${thng.id}/properties`)).body, []);
        });

        it('a client id of each length from 1 to 23, of all letters and digits', async () => {
            const letters = 'abcdefghijklmnopqrstuvwxyz';
            const all = `0123456789${letters}${letters.toUpperCase()}`;
            for (let length = 1; length <= 23; length++) {
                const at = (length * 17) % (all.length - 23);
                await gone(await come({ clientId: all.slice(at, at + length) }));
            }
            for (let at = 0; at < all.length; at += 20)
                await gone(await come({ clientId: all.slice(at, at + 20) }));
        });

        it('an empty password is one', async () => {
            const client = await open(d);
            client.send(connect({ user: 'authorization', password: '' }));
            assert.equal((await client.next(type.connack)).code, 5);
            await client.closed();
        });

        it('a CONNECT that is rejected does not tell of a session, and leaves it as it is', async () => {
            const kept = { clientId: `rejected-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, 'rejected');
            const stranger = await open(d);
            stranger.send(connect({ ...kept, user: 'authorization', password: 'wrong' }));
            const { code, present } = await stranger.next(type.connack);
            assert.deepEqual([code, present], [5, false]);
            await stranger.closed();
            first.send(pingreq());
            await first.next(type.pingresp);
            await gone(first);
            const second = await open(d);
            second.send(connect({ ...kept, user: 'authorization', password: d.key }));
            assert.equal((await second.next(type.connack)).present, true);
        });

        it('CONNACK comes before the messages that wait in a session', async () => {
            const kept = { clientId: `first-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, 'first');
            await gone(first);
            for (let i = 0; i < 20; i++) await sent(await come(), 'first', `${i}`);
            const second = await open(d);
            second.send(
                connect({ ...kept, user: 'authorization', password: d.key }),
                pingreq(),
                publish('other', 'x', { qos: 1, id: 1 }),
            );
            assert.equal((await second.next()).type, type.connack);
            const got = [];
            while (got.length < 20) {
                const one = await second.next();
                if (one.type === type.publish) got.push(one.payload);
            }
            assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => `${i}`));
        });

        it('messages with QoS 2 of the absence are delivered with QoS 2', async () => {
            const kept = { clientId: `two-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, ['absent/two', 2]);
            await gone(first);
            const publisher = await come();
            for (let id = 1; id <= 3; id++) {
                publisher.send(publish('absent/two', `${id}`, { qos: 2, id }));
                await publisher.next(type.pubrec);
                publisher.send(pubrel(id));
                await publisher.next(type.pubcomp);
            }
            const second = await come(kept);
            for (let id = 1; id <= 3; id++) {
                const { qos, dup, payload } = await second.next(type.publish);
                assert.deepEqual([qos, dup, payload], [2, false, `${id}`]);
            }
        });

        it('nothing of a clean session is there in the next', async () => {
            const same = { clientId: `clean-${way}`, clean: true };
            const watcher = await come();
            await subscribed(watcher, ['clean/received', 2]);
            const first = await come(same);
            await subscribed(first, 'clean/a');
            first.send(publish('clean/received', '1', { qos: 2, id: 5 }));
            await first.next(type.pubrec);
            await sent(await come(), 'clean/a', 'in flight');
            await first.next(type.publish);
            first.destroy();
            const second = await come(same);
            second.send(publish('clean/received', '2', { qos: 2, id: 5 }));
            await second.next(type.pubrec);
            await sent(await come(), 'clean/a', 'not subscribed');
            assert.equal((await watcher.next(type.publish)).payload, '1');
            assert.equal((await watcher.next(type.publish)).payload, '2');
            await second.quiet(100);
        });

        it('clean session 1 drops what a kept session had in flight', async () => {
            const kept = { clientId: `dropped-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, 'dropped');
            await sent(await come(), 'dropped', 'x');
            await first.next(type.publish);
            first.destroy();
            await gone(await come({ ...kept, clean: true }));
            const third = await come(kept);
            await subscribed(third, 'dropped/end');
            await sent(await come(), 'dropped/end', 'x');
            const message = await third.next(type.publish);
            assert.deepEqual([message.topic, message.dup], ['dropped/end', false]);
        });

        it('a will has its QoS, and is not retained without its flag', async () => {
            for (const qos of [0, 1, 2]) {
                const topic = `wills/${qos}`;
                const watcher = await come();
                await subscribed(watcher, [topic, 2]);
                const dying = await come({ will: { topic, payload: `gone ${qos}`, qos } });
                dying.destroy();
                const message = await watcher.next(type.publish);
                assert.deepEqual(
                    [message.qos, message.retain, message.payload],
                    [qos, false, `gone ${qos}`],
                );
                const late = await come();
                await subscribed(late, topic, 'wills/end');
                await sent(await come(), 'wills/end', 'x');
                assert.equal((await late.next(type.publish)).topic, 'wills/end');
            }
        });

        it('a will with its retain flag is retained; an empty one takes away what is', async () => {
            for (const qos of [0, 1, 2]) {
                const topic = `wills/retained/${qos}`;
                const watcher = await come();
                await subscribed(watcher, [topic, 2]);
                const will = { topic, payload: 'gone', qos, retain: true };
                (await come({ will })).destroy();
                const live = await watcher.next(type.publish);
                assert.deepEqual([live.payload, live.retain], ['gone', false]);
                const late = await come();
                await subscribed(late, [topic, 2]);
                const kept = await late.next(type.publish);
                const { payload, retain } = kept;
                assert.deepEqual([payload, retain, kept.qos], ['gone', true, qos]);
                (await come({ will: { ...will, payload: '' } })).destroy();
                assert.equal((await watcher.next(type.publish)).payload, '');
                const later = await come();
                await subscribed(later, topic, 'wills/end');
                await sent(await come(), 'wills/end', 'x');
                assert.equal((await later.next(type.publish)).topic, 'wills/end');
            }
        });

        it('a will is published when the keep-alive has passed', async () => {
            const watcher = await come();
            await subscribed(watcher, 'wills/silent');
            const will = { topic: 'wills/silent', payload: 'silent', qos: 1 };
            const silent = await come({ keepalive: 1, will });
            assert.equal((await watcher.next(type.publish, 8000)).payload, 'silent');
            await silent.closed();
        });

        it('a will is published once, not when its client comes and goes again', async () => {
            const watcher = await come();
            await subscribed(watcher, 'wills/once', 'wills/end');
            const will = { topic: 'wills/once', payload: 'x', qos: 1 };
            for (const clean of [true, false]) {
                const who = { clientId: `once-${way}-${clean}`, clean };
                (await come({ ...who, will })).destroy();
                const message = await watcher.next(type.publish);
                assert.equal(message.topic, 'wills/once');
                watcher.send(puback(message.id));
                (await come(who)).destroy();
                await gone(await come(who));
                await sent(await come(), 'wills/end', 'x');
                const end = await watcher.next(type.publish);
                assert.equal(end.topic, 'wills/end');
                watcher.send(puback(end.id));
            }
        });

        it('bytes behind DISCONNECT are not looked at: no publish, and no will', async () => {
            const watcher = await come();
            await subscribed(watcher, 'wills/#', 'behind');
            for (const bytes of [
                publish('behind', 'x'),
                publish('behind', 'x', { qos: 1, id: 1 }),
                hex('f0 00'),
                connect({ clientId: 'behind' }),
                subscribe(1, 'behind'),
                hex('30 ff'),
            ]) {
                const will = { topic: 'wills/behind', payload: 'x', qos: 1 };
                const client = await come({ will });
                client.send(disconnect(), bytes);
                await client.closed();
                assert.deepEqual(client.packets, []);
            }
            await sent(await come(), 'wills/end', 'x');
            assert.equal((await watcher.next(type.publish)).topic, 'wills/end');
        });
    });
}
