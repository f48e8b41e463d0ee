// SPDX-License-Identifier: Apache-2.0
// MQTT 3.1.1, 3.8 to 3.12 and 4.7: SUBSCRIBE, UNSUBSCRIBE, filters and topics. What shows which
// statement of the standard stands in docs/reference/mqtt.md.
import { scenario, it, assert } from './lib/suite.mjs';
import { loginOn, ways } from './lib/mqtt-ways.mjs';
import {
    packet,
    pingreq,
    publish,
    puback,
    pubcomp,
    pubrec,
    pubrel,
    subscribe,
    type,
    unsubscribe,
} from './lib/packets.mjs';

const plainTopics = { set: { 'mqtt.plain_topics': 'on' } };

/** Filters and topics of the examples in 4.7.1 to 4.7.3, and such as lie beside them. */
const filters = ['sport/tennis/player1/#', 'sport/#', 'sport/tennis/+', 'sport/+', '+', '+/+', '/+']
    .concat(['/', '#', '+/tennis/#', 'sport/+/player1', 'finance', 'Finance', '/finance', 'x y'])
    .concat(['$own/#', '$own/+', '+/a', '+/+/#', '/#', '//', 'sport/tennis/player1']);
const topics = ['sport', 'sport/', 'sport/tennis', 'sport/tennis/', 'sport/tennis/player1', 'sports']
    .concat(['sport/tennis/player1/ranking', 'sport/tennis/player1/score/wimbledon', 'x', 'x y'])
    .concat(['sport/tennis/player2/ranking', 'sport//player1', 'finance', 'Finance', '/finance'])
    .concat(['finance/', '/', '//', '$own', '$own/a', '$own/a/b', '$ownx/a', '/tennis/y', 'x/a']);

/** What 4.7 says, as a regular expression. */
function isMatch(filter, topic) {
    if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
    const quoted = filter.replaceAll(/[.$?]/g, '\\$&').replaceAll('+', '[^/]*');
    return new RegExp(`^${quoted.replace(/^#$/, '.*').replace(/\/#$/, '(/.*)?')}$`).test(topic);
}

const wrongFilters = ['sport/tennis#', 'sport/tennis/#/ranking', '#/', '##', '#a', 'a/#b', '/#/'];
const wrongPlus = ['sport+', '+a', 'a/b+', 'a/+b/c', '++', '+#'];

for (const way of Object.keys(ways)) {
    scenario(`MQTT 3.1.1, SUBSCRIBE, over ${way}`, plainTopics, (d) => {
        const come = (how) => loginOn(way, d, how);
        const subscribed = async (client, ...filters) => {
            client.send(subscribe(1, ...filters));
            return (await client.next(type.suback)).codes;
        };
        const sent = async (client, topic, payload = 'x', how = {}) => {
            client.send(publish(topic, payload, { qos: 1, id: 9, ...how }));
            await client.next(type.puback);
        };
        /** The topics of what comes before the next message on <end>. */
        const until = async (client, end) => {
            await sent(await come(), end);
            return (await client.before(end)).map(({ topic }) => topic);
        };

        it('which topics a filter matches, and which it does not', async () => {
            const clients = [];
            for (const filter of filters) {
                clients.push(await come());
                const codes = await subscribed(clients.at(-1), [filter, 0], ['the/very/end/x', 0]);
                assert.deepEqual(codes, [0, 0], filter);
            }
            const publisher = await come();
            for (const topic of [...topics, 'the/very/end/x']) await sent(publisher, topic);
            for (const [i, filter] of filters.entries()) {
                const got = (await clients[i].before('the/very/end/x')).map(({ topic }) => topic);
                assert.deepEqual(
                    got,
                    topics.filter((topic) => isMatch(filter, topic)),
                    filter,
                );
            }
        });

        it('# that is not the whole last level is refused', async () => {
            const client = await come();
            const codes = await subscribed(client, ...wrongFilters);
            assert.deepEqual(codes, wrongFilters.map(() => 0x80));
        });

        it('+ that is not a whole level is refused', async () => {
            const client = await come();
            const codes = await subscribed(client, ...wrongPlus);
            assert.deepEqual(codes, wrongPlus.map(() => 0x80));
        });

        it('a wildcard in a topic closes, at each QoS', async () => {
            for (const topic of ['+', '#', 'a/+', 'a/#', 'a+', 'a#b', '/thngs/+/properties']) {
                for (const qos of [0, 1, 2]) {
                    const client = await come();
                    client.send(publish(topic, 'x', { qos, id: 1 }));
                    await client.closed();
                    assert.deepEqual(client.packets, []);
                }
            }
        });

        it('nothing is changed in what is compared: composed and decomposed letters differ', async () => {
            const client = await come();
            const pairs = ['caf\u00e9', 'cafe\u0301', 'CAF\u00c9', '\u212bngstrom', '\u00c5ngstrom'];
            for (const topic of pairs) {
                assert.deepEqual(await subscribed(client, [topic, 0], ['compared', 0]), [0, 0]);
                const publisher = await come();
                for (const other of pairs) await sent(publisher, other);
                const got = await until(client, 'compared');
                assert.deepEqual(got, [topic]);
                client.send(unsubscribe(2, topic));
                await client.next(type.unsuback);
            }
        });

        it('topics of 512 bytes are taken, longer ones are refused', async () => {
            const client = await come();
            const longest = 'x'.repeat(512);
            assert.deepEqual(await subscribed(client, [longest, 0], [`${longest}y`, 0]), [0, 0x80]);
            await sent(await come(), longest);
            assert.equal((await client.next(type.publish)).topic, longest);
            for (const bytes of [513, 65535]) {
                const other = await come();
                other.send(publish('x'.repeat(bytes), 'x', { qos: 1, id: 1 }));
                await other.closed();
                assert.deepEqual(other.packets, []);
            }
        });

        it('the codes of SUBACK have the order of the filters, and its packet id', async () => {
            const client = await come();
            const filters = [
                ['order/0', 0],
                ['a#', 1],
                ['order/2', 2],
                ['/thngs/nobody', 0],
                ['order/1', 1],
                ['+b', 2],
                ['order/0', 1],
            ];
            for (const id of [1, 300, 65535]) {
                client.send(subscribe(id, ...filters));
                const answer = await client.next(type.suback);
                assert.equal(answer.id, id);
                assert.deepEqual(answer.codes, [0, 0x80, 2, 0x80, 1, 0x80, 1]);
            }
            client.send(subscribe(2, ...filters.reverse()));
            assert.deepEqual(
                (await client.next(type.suback)).codes,
                [1, 0x80, 1, 0x80, 2, 0x80, 0],
            );
        });

        it('several filters in a packet are as several packets: the last of the same counts', async () => {
            const client = await come();
            assert.deepEqual(
                await subscribed(client, ['same', 2], ['same', 0], ['same', 1], ['same/end', 0]),
                [2, 0, 1, 0],
            );
            await sent(await come(), 'same');
            await sent(await come(), 'same/end');
            const got = await client.before('same/end');
            assert.deepEqual(got.map(({ topic, qos }) => [topic, qos]), [['same', 1]]);
        });

        it('the same filter again, with another QoS, takes the place of the one before', async () => {
            const client = await come();
            const publisher = await come();
            for (const qos of [0, 2, 1, 0]) {
                assert.deepEqual(await subscribed(client, ['place/+', qos]), [qos]);
                publisher.send(publish('place/a', 'x', { qos: 2, id: 4 }));
                await publisher.next(type.pubrec);
                publisher.send(pubrel(4));
                await publisher.next(type.pubcomp);
                const message = await client.next(type.publish);
                assert.equal(message.qos, qos);
                if (qos === 1) client.send(puback(message.id));
                if (qos === 2) {
                    client.send(pubrec(message.id));
                    await client.next(type.pubrel);
                    client.send(pubcomp(message.id));
                }
            }
            await client.quiet(100);
        });

        it('while it is replaced again and again nothing is lost, and what is retained comes again', async () => {
            const client = await come();
            const publisher = await come();
            await sent(publisher, 'flow/kept', 'kept', { retain: true });
            const times = 20;
            const live = [];
            let count = 0;
            client.send(subscribe(2, ['flow/#', 1]));
            for (let kept = 0; kept < times || live.length < count;) {
                const message = await client.next();
                if (message.type !== type.publish) continue;
                client.send(puback(message.id));
                if (!message.retain) {
                    live.push(Number(message.payload));
                } else if (++kept < times) {
                    for (let i = 0; i < 10; i++) {
                        publisher.send(publish('flow/live', `${count++}`, { qos: 1, id: count }));
                        if (i === kept % 10) client.send(subscribe(2, ['flow/#', 1]));
                    }
                }
            }
            assert.deepEqual(live, Array.from({ length: count }, (_, i) => i));
        });

        it('UNSUBSCRIBE is by the exact string, not by what a filter matches', async () => {
            const client = await come();
            await subscribed(client, 'exact/a', 'exact/+', 'exact/#', '/exact/a', 'end/of/it');
            for (const other of ['exact/b', 'exact/', 'Exact/a', '+/a', '#', 'exact/a ', 'exact']) {
                client.send(unsubscribe(5, other));
                assert.equal((await client.next(type.unsuback)).id, 5);
            }
            await sent(await come(), 'exact/a');
            const got = (await until(client, 'end/of/it')).sort();
            assert.deepEqual(got, ['exact/a', 'exact/a', 'exact/a']);
        });

        it('several filters of UNSUBSCRIBE have one UNSUBACK', async () => {
            const client = await come();
            await subscribed(client, ['several/a', 0], ['several/b', 0], ['several/c', 0]);
            client.send(unsubscribe(7, 'several/a', 'nothing', 'several/c', 'a#'), pingreq());
            assert.equal((await client.next(type.unsuback)).id, 7);
            await client.next(type.pingresp);
            for (const topic of ['several/a', 'several/c']) await sent(await come(), topic);
            assert.deepEqual(await until(client, 'several/b'), []);
        });

        it('UNSUBSCRIBE right behind SUBSCRIBE ends it', async () => {
            const client = await come();
            client.send(subscribe(1, ['brief', 0]), unsubscribe(2, 'brief'));
            client.send(subscribe(3, ['brief/end', 0]));
            await client.next(type.suback);
            await client.next(type.unsuback);
            await client.next(type.suback);
            await sent(await come(), 'brief');
            assert.deepEqual(await until(client, 'brief/end'), []);
        });

        it('what was begun before UNSUBSCRIBE is delivered to the end', async () => {
            const client = await come();
            await subscribed(client, ['begun/+', 2]);
            const publisher = await come();
            await sent(publisher, 'begun/1', '1', { qos: 1 });
            publisher.send(publish('begun/2', '2', { qos: 2, id: 5 }));
            await publisher.next(type.pubrec);
            const [one, two] = [await client.next(type.publish), await client.next(type.publish)];
            client.send(unsubscribe(2, 'begun/+'));
            await client.next(type.unsuback);
            client.send(puback(one.id), pubrec(two.id));
            assert.equal((await client.next(type.pubrel)).id, two.id);
            client.send(pubcomp(two.id), pingreq());
            await client.next(type.pingresp);
        });

        it('reserved bits and QoS 3 close, also behind a filter that is right', async () => {
            for (let bits = 3; bits < 256; bits += bits < 8 ? 1 : 8) {
                const client = await come();
                client.send(subscribe(1, ['right', 0], ['wrong', bits]));
                await client.closed();
                assert.deepEqual(client.packets, []);
            }
        });

        it('a packet that is cut off within a filter closes', async () => {
            const text = (value) => Buffer.from([0, value.length, ...Buffer.from(value)]);
            for (const bytes of [
                packet(0x82, [0, 1], text('a'), [0], [0]),
                packet(0x82, [0, 1], text('a'), [0], [0, 5, 97]),
                packet(0x82, [0, 1], text('a'), [0], text('b')),
                packet(0xa2, [0, 1], text('a'), [0]),
                packet(0xa2, [0, 1], text('a'), [0, 5, 97]),
            ]) {
                const client = await come();
                client.send(bytes);
                await client.closed();
                assert.deepEqual(client.packets, []);
            }
        });

        it('PINGREQ is answered each time', async () => {
            const client = await come();
            client.send(...Array.from({ length: 50 }, pingreq));
            for (let i = 0; i < 50; i++) await client.next(type.pingresp);
            await client.quiet(50);
        });
    });
}
