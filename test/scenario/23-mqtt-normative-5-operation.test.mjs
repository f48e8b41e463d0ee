// SPDX-License-Identifier: Apache-2.0
// MQTT 3.1.1, 4.1, 4.4, 4.5 and 4.8, and 3.1.2.10: sessions, what is sent again, keep-alive. What
// shows which statement of the standard stands in docs/reference/mqtt.md.
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually, sleep } from './lib/daemon.mjs';
import { loginOn, ways } from './lib/mqtt-ways.mjs';
import {
    disconnect,
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

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

for (const way of Object.keys(ways)) {
    scenario(`MQTT 3.1.1, operation, over ${way}`, { set: { 'mqtt.plain_topics': 'on' } }, (d) => {
        const come = (how) => loginOn(way, d, how);
        const subscribed = async (client, ...filters) => {
            client.send(subscribe(1, ...filters));
            await client.next(type.suback);
        };
        const publisher = () => come();
        const sent = async (client, topic, payload, qos = 1, id = 9) => {
            client.send(publish(topic, payload, { qos, id }));
            if (qos === 1) await client.next(type.puback);
            if (qos === 2) {
                await client.next(type.pubrec);
                client.send(pubrel(id));
                await client.next(type.pubcomp);
            }
        };
        const brief = ({ id, topic, payload, qos, dup }) => ({ id, topic, payload, qos, dup });
        const messages = async (client, count) => {
            const got = [];
            while (got.length < count) got.push(brief(await client.next(type.publish)));
            return got;
        };

        it('QoS 1 and 2 in flight are sent again in their order, each with its id and QoS', async () => {
            const kept = { clientId: `mixed-${way}`, clean: false };
            let client = await come(kept);
            await subscribed(client, ['mixed/+', 2]);
            const other = await publisher();
            for (let i = 0; i < 12; i++) await sent(other, `mixed/${i % 3}`, `${i}`, 1 + (i % 2));
            const first = await messages(client, 12);
            const acknowledged = [1, 2, 7, 8];
            for (const i of acknowledged) {
                const { id, qos } = first[i];
                client.send(qos === 1 ? puback(id) : pubrec(id));
                if (qos === 2) await client.next(type.pubrel);
            }
            for (let times = 0; times < 3; times++) {
                client.destroy();
                client = await come(kept);
                for (const i of acknowledged.filter((one) => one % 2))
                    assert.equal((await client.next(type.pubrel)).id, first[i].id);
                assert.deepEqual(
                    await messages(client, 8),
                    first
                        .filter((_, i) => !acknowledged.includes(i))
                        .map((one) => ({ ...one, dup: true })),
                );
            }
        });

        it('a packet id in flight is not given to another message when the client comes back', async () => {
            const kept = { clientId: `ids-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, ['ids', 1]);
            const other = await publisher();
            for (let i = 0; i < 5; i++) await sent(other, 'ids', `${i}`);
            const before = await messages(first, 5);
            first.destroy();
            for (let i = 5; i < 10; i++) await sent(other, 'ids', `${i}`);
            const second = await come(kept);
            const all = await messages(second, 10);
            assert.deepEqual(all.slice(0, 5), before.map((one) => ({ ...one, dup: true })));
            assert.equal(new Set(all.map(({ id }) => id)).size, 10);
            assert.deepEqual(all.map(({ payload }) => payload), [...'0123456789']);
        });

        it('packet ids go round: behind 65,535 comes 1, and none is given out twice', async () => {
            const client = await come();
            await subscribed(client, ['round', 1]);
            const other = await publisher();
            const count = 66000;
            const batch = 500;
            const ids = [];
            for (let from = 0; from < count; from += batch) {
                other.send(
                    ...Array.from({ length: batch }, (_, i) =>
                        publish('round', `${from + i}`, { qos: 1, id: i + 1 }),
                    ),
                );
                for (let i = 0; i < batch; i++) {
                    const message = await client.next(type.publish);
                    assert.equal(message.payload, `${from + i}`);
                    client.send(puback(message.id));
                    ids.push(message.id);
                }
                for (let i = 0; i < batch; i++) await other.next(type.puback);
            }
            assert.deepEqual(
                ids,
                Array.from({ length: count }, (_, i) => (i % 65535) + 1),
            );
        });

        it('what is in flight of a subscription that was taken back is not sent again', async () => {
            const kept = { clientId: `back-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, ['taken/back', 2], ['taken/end', 1]);
            await sent(await publisher(), 'taken/back', '1', 1);
            await sent(await publisher(), 'taken/back', '2', 2);
            const flights = await messages(first, 2);
            first.send(unsubscribe(2, 'taken/back'));
            await first.next(type.unsuback);
            first.destroy();
            const second = await come(kept);
            second.send(puback(flights[0].id), pubrec(flights[1].id));
            assert.equal((await second.next(type.pubrel)).id, flights[1].id);
            second.send(pubcomp(flights[1].id));
            await sent(await publisher(), 'taken/end', 'x');
            const [{ topic, dup }] = await messages(second, 1);
            assert.deepEqual([topic, dup], ['taken/end', false]);
        });

        it('all sessions with a subscription get it, whether their clients are there or not', async () => {
            const here = await come();
            await subscribed(here, ['all/#', 1]);
            const kept = (i) => ({ clientId: `all-${way}-${i}`, clean: false });
            for (let i = 0; i < 3; i++) {
                const client = await come(kept(i));
                await subscribed(client, ['all/a', i]);
                client.send(disconnect());
                await client.closed();
            }
            await sent(await publisher(), 'all/a', 'x', 2);
            assert.equal((await messages(here, 1))[0].payload, 'x');
            for (const i of [1, 2]) {
                const [{ qos, payload }] = await messages(await come(kept(i)), 1);
                assert.deepEqual([qos, payload], [i, 'x']);
            }
        });

        it('a publish with QoS 2 that was begun is ended on another connection', async () => {
            const kept = { clientId: `begun-${way}`, clean: false };
            const watcher = await come();
            await subscribed(watcher, ['begun', 0]);
            const first = await come(kept);
            first.send(publish('begun', '1', { qos: 2, id: 3 }));
            await first.next(type.pubrec);
            first.destroy();
            const second = await come(kept);
            second.send(publish('begun', '1', { qos: 2, id: 3, dup: true }));
            assert.equal((await second.next(type.pubrec)).id, 3);
            second.destroy();
            const third = await come(kept);
            third.send(pubrel(3));
            assert.equal((await third.next(type.pubcomp)).id, 3);
            await sent(third, 'begun', '2', 2, 3);
            const got = await messages(watcher, 2);
            assert.deepEqual(got.map(({ payload }) => payload), ['1', '2']);
            await watcher.quiet(100);
        });

        it('the order of one client and topic is kept over its connections', async () => {
            const watcher = await come();
            await subscribed(watcher, ['kept/order', 2]);
            for (let i = 0; i < 20; i++) {
                const client = await come({ clientId: `order-${way}` });
                client.send(publish('kept/order', `${i}`, { qos: i % 3, id: 1 }), disconnect());
                await client.closed();
            }
            const got = await messages(watcher, 20);
            assert.deepEqual(
                got.map(({ payload }) => payload),
                Array.from({ length: 20 }, (_, i) => `${i}`),
            );
        });

        it('what a client may not send closes, and takes its will with it', async () => {
            const watcher = await come();
            await subscribed(watcher, ['violated', 1]);
            const packets = ['20 02 00 00', '90 03 00 01 00', 'b0 02 00 01', 'd0 00', 'f0 00']
                .concat(['00 00', '10 00', '36 05 00 01 61 00 01', '30 00', '82 02 00 01'])
                .concat(['a2 02 00 01', '60 02 00 01', 'c0 01 00', 'e0 01 00', '40 01 00'])
                .concat(['40 03 00 01 00', '32 04 00 02 61 62', 'e1 00', '3a 05 00 01 61 00 00']);
            for (const [i, bytes] of packets.entries()) {
                const will = { topic: 'violated', payload: `${i}`, qos: 1 };
                const client = await come({ will });
                client.send(hex(bytes));
                await client.closed();
                assert.deepEqual(client.packets, [], bytes);
                const [{ id, payload }] = await messages(watcher, 1);
                assert.equal(payload, `${i}`);
                watcher.send(puback(id));
            }
        });

        it('one whose connection is ended for a violation does not disturb another', async () => {
            const good = await come();
            await subscribed(good, ['undisturbed', 1]);
            for (let i = 0; i < 20; i++) {
                const bad = await come();
                bad.send(publish('undisturbed', `${i}`, { qos: 1, id: 1 }), hex('f0 00'));
                await bad.closed();
            }
            good.send(pingreq());
            await good.until('PINGRESP', () =>
                good.packets.some((one) => one.type === type.pingresp),
            );
        });
    });
}

scenario('MQTT 3.1.1, keep-alive', { set: { 'mqtt.keepalive_max': '1s' } }, (d) => {
    it('0 and more than the limit count as the limit; what is sent in time is a sign of life', async () => {
        for (const way of Object.keys(ways)) {
            const silent = [];
            for (const keepalive of [0, 2, 65535]) silent.push(await loginOn(way, d, { keepalive }));
            const living = await loginOn(way, d, { keepalive: 0 });
            const acknowledging = setInterval(() => living.send(puback(1)), 300);
            for (const client of silent) await client.closed(6000);
            await sleep(1000);
            clearInterval(acknowledging);
            assert.equal(living.isClosed, false);
            await eventually('it falls silent', () => living.isClosed || living.isEnded, 6000);
        }
    });

    it('bytes of a packet that is not complete are a sign of life', async () => {
        for (const way of Object.keys(ways)) {
            const client = await loginOn(way, d, { keepalive: 1 });
            for (const byte of publish('slow/but/sure', 'x', { qos: 0 })) {
                client.send([byte]);
                await sleep(200);
            }
            client.send(pingreq());
            await client.next(type.pingresp);
        }
    });
});
