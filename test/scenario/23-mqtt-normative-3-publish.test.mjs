// SPDX-License-Identifier: Apache-2.0
// MQTT 3.1.1, 3.3 to 3.7, 4.3, 4.4 and 4.6: PUBLISH, what answers it, what is sent again, and in
// which order. What shows which statement of the standard stands in docs/reference/mqtt.md.
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
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
} from './lib/packets.mjs';

const plainTopics = { set: { 'mqtt.plain_topics': 'on' } };

for (const way of Object.keys(ways)) {
    scenario(`MQTT 3.1.1, PUBLISH, over ${way}`, plainTopics, (d) => {
        const come = (more) => loginOn(way, d, more);
        const subscribed = async (client, ...filters) => {
            client.send(subscribe(1, ...filters));
            return (await client.next(type.suback)).codes;
        };
        /** Publishes, and goes through what follows. */
        const sent = async (client, topic, payload, { qos = 1, id = 9, ...more } = {}) => {
            client.send(publish(topic, payload, { qos, id, ...more }));
            if (qos === 1) assert.equal((await client.next(type.puback)).id, id);
            if (qos === 2) {
                assert.equal((await client.next(type.pubrec)).id, id);
                client.send(pubrel(id));
                assert.equal((await client.next(type.pubcomp)).id, id);
            }
        };
        /** The client's side of what it is sent. */
        const acknowledge = async (client, message) => {
            if (message.qos === 1) client.send(puback(message.id));
            if (message.qos === 2) {
                client.send(pubrec(message.id));
                assert.equal((await client.next(type.pubrel)).id, message.id);
                client.send(pubcomp(message.id));
            }
        };
        const fresh = async () => `/thngs/${(await d.api.newThng()).id}/properties/a`;
        const point = JSON.stringify([{ value: 1 }]);

        it('all nine pairs of QoS: the lower of what was published and what was granted', async () => {
            for (const [topic, most] of [
                ['nine', 2],
                [await fresh(), 1],
            ]) {
                const clients = [];
                for (const asked of [0, 1, 2]) {
                    clients.push(await come());
                    const granted = await subscribed(clients.at(-1), [topic, asked]);
                    assert.deepEqual(granted, [Math.min(asked, most)]);
                }
                const publisher = await come();
                for (const qos of [0, 1, 2]) {
                    await sent(publisher, topic, point, { qos });
                    for (const asked of [0, 1, 2]) {
                        const message = await clients[asked].next(type.publish);
                        assert.equal(message.qos, Math.min(qos, asked, most), `${qos}, ${asked}`);
                        await acknowledge(clients[asked], message);
                    }
                }
            }
        });

        it('DUP is not handed on', async () => {
            for (const topic of ['dup', await fresh()]) {
                const client = await come();
                await subscribed(client, [topic, 2]);
                const publisher = await come();
                for (const qos of [1, 2]) {
                    await sent(publisher, topic, point, { qos, dup: true });
                    const message = await client.next(type.publish);
                    assert.equal(message.dup, false);
                    await acknowledge(client, message);
                }
            }
        });

        it('QoS 0 is not answered', async () => {
            const client = await come();
            client.send(publish('zero', 'x'), publish(await fresh(), point), pingreq());
            await client.next(type.pingresp);
            await client.quiet(100);
        });

        it('behind PUBACK the same packet id is a new publish, also with DUP', async () => {
            for (const topic of ['again', await fresh()]) {
                const client = await come();
                await subscribed(client, [topic, 0]);
                const publisher = await come();
                for (const dup of [false, false, true]) {
                    await sent(publisher, topic, point, { id: 7, dup });
                    await client.next(type.publish);
                }
            }
        });

        it('PUBREL of what is not known is answered with PUBCOMP, PUBREC with PUBREL', async () => {
            const client = await come();
            client.send(pubrel(4711));
            assert.equal((await client.next(type.pubcomp)).id, 4711);
            client.send(pubrec(4712));
            assert.equal((await client.next(type.pubrel)).id, 4712);
            client.send(puback(1), pubcomp(2), pingreq());
            await client.next(type.pingresp);
        });

        it('a wrong kind of acknowledgement does not end a flight', async () => {
            const kept = { clientId: `kinds-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, ['kinds/1', 1], ['kinds/2', 2]);
            const publisher = await come();
            await sent(publisher, 'kinds/1', 'x', { qos: 1 });
            await sent(publisher, 'kinds/2', 'x', { qos: 2 });
            const [one, two] = [await first.next(type.publish), await first.next(type.publish)];
            first.send(pubcomp(one.id), puback(two.id), pubcomp(two.id), pingreq());
            await first.next(type.pingresp);
            first.destroy();
            const second = await come(kept);
            for (const { id, topic } of [one, two]) {
                const again = await second.next(type.publish);
                assert.deepEqual([again.id, again.topic, again.dup], [id, topic, true]);
            }
        });

        it('PUBACK, PUBREC and PUBREL have the order of what they answer', async () => {
            const client = await come();
            await subscribed(client, ['order', 2]);
            const publisher = await come();
            const ids = Array.from({ length: 60 }, (_, i) => ((i * 37) % 61) + 1);
            publisher.send(
                ...ids.map((id, i) => publish('order', `${i}`, { qos: 1 + (i % 2), id })),
            );
            for (const [i, id] of ids.entries()) {
                const answer = await publisher.next([type.puback, type.pubrec][i % 2]);
                assert.equal(answer.id, id);
            }
            const got = [];
            while (got.length < ids.length) got.push(await client.next(type.publish));
            assert.deepEqual(
                got.map(({ payload, qos }) => [payload, qos]),
                ids.map((_, i) => [`${i}`, 1 + (i % 2)]),
            );
            const two = got.filter(({ qos }) => qos === 2).map(({ id }) => id);
            client.send(...two.map(pubrec));
            for (const id of two) assert.equal((await client.next(type.pubrel)).id, id);
            publisher.send(...ids.filter((_, i) => i % 2).map(pubrel));
            for (const id of ids.filter((_, i) => i % 2))
                assert.equal((await publisher.next(type.pubcomp)).id, id);
        });

        it('each QoS of one client keeps its order, and so do its topics', async () => {
            const client = await come();
            await subscribed(client, ['sequence/+', 2]);
            const publisher = await come();
            const count = 90;
            publisher.send(
                ...Array.from({ length: count }, (_, i) =>
                    publish(`sequence/${i % 2}`, `${i}`, { qos: i % 3, id: i + 1 }),
                ),
            );
            for (let i = 0; i < count; i++) {
                const message = await client.next(type.publish);
                assert.equal(message.payload, `${i}`);
            }
        });

        it('QoS 2: PUBLISH until PUBREC, then PUBREL until PUBCOMP, over connections', async () => {
            const kept = { clientId: `until-${way}`, clean: false };
            let client = await come(kept);
            await subscribed(client, ['until', 2]);
            await sent(await come(), 'until', 'x', { qos: 2 });
            const { id } = await client.next(type.publish);
            for (let times = 0; times < 2; times++) {
                client.destroy();
                client = await come(kept);
                const again = await client.next(type.publish);
                assert.deepEqual([again.id, again.qos, again.dup], [id, 2, true]);
            }
            client.send(pubrec(id));
            await client.next(type.pubrel);
            for (let times = 0; times < 2; times++) {
                client.destroy();
                client = await come(kept);
                assert.equal((await client.next(type.pubrel)).id, id);
                client.send(pingreq());
                await client.next(type.pingresp);
            }
            client.send(pubcomp(id), disconnect());
            await client.closed();
            client = await come(kept);
            await client.quiet(100);
        });

        it('what is in flight is not sent again on the same connection', async () => {
            const client = await come();
            await subscribed(client, 'once');
            await sent(await come(), 'once', 'x');
            await client.next(type.publish);
            await client.quiet(500);
        });

        it('a retained message with QoS 0 takes the place of the one before', async () => {
            const publisher = await come();
            for (const [before, qos] of [
                ['one', 1],
                ['two', 2],
            ]) {
                const topic = `place/${qos}`;
                await sent(publisher, topic, before, { qos, retain: true });
                publisher.send(publish(topic, 'zero', { retain: true }));
                await sent(publisher, 'other', 'x');
                const client = await come();
                await subscribed(client, [topic, 2]);
                const message = await client.next(type.publish);
                assert.deepEqual(
                    [message.payload, message.qos, message.retain],
                    ['zero', 0, true],
                );
                publisher.send(publish(topic, '', { retain: true }));
                await sent(publisher, 'other', 'x');
                const late = await come();
                await subscribed(late, [topic, 2]);
                await late.quiet(100);
            }
        });

        it('an empty retained message is delivered with QoS 0, 1 and 2, and is not kept', async () => {
            for (const qos of [0, 1, 2]) {
                const topic = `empty/${qos}`;
                const publisher = await come();
                await sent(publisher, topic, 'x', { retain: true });
                const client = await come();
                await subscribed(client, [topic, 2]);
                await acknowledge(client, await client.next(type.publish));
                await sent(publisher, topic, '', { qos, retain: true });
                const message = await client.next(type.publish);
                assert.deepEqual(
                    [message.payload, message.retain, message.qos],
                    ['', false, qos],
                );
                await sent(publisher, 'other', 'x');
                const late = await come();
                await subscribed(late, [topic, 2]);
                await late.quiet(100);
            }
        });

        it('a message that is not retained leaves the retained one as it is', async () => {
            const publisher = await come();
            await sent(publisher, 'leaves', 'kept', { retain: true });
            for (const payload of ['x', '']) await sent(publisher, 'leaves', payload);
            const client = await come();
            await subscribed(client, 'leaves');
            const { payload, retain } = await client.next(type.publish);
            assert.deepEqual([payload, retain], ['kept', true]);
        });

        it('a retained message that is in flight is sent again to who comes back', async () => {
            for (const qos of [1, 2]) {
                const topic = `back/${qos}`;
                await sent(await come(), topic, 'kept', { qos, retain: true });
                const kept = { clientId: `back-${way}-${qos}`, clean: false };
                const first = await come(kept);
                await subscribed(first, [topic, 2]);
                const { id } = await first.next(type.publish);
                first.destroy();
                const second = await come(kept);
                const again = await second.next(type.publish);
                assert.deepEqual(
                    [again.id, again.dup, again.payload, again.qos],
                    [id, true, 'kept', qos],
                );
                await acknowledge(second, again);
                await second.quiet(100);
            }
        });

        it('of many retained messages in flight, those that are not acknowledged, in their order', async () => {
            const publisher = await come();
            const topics = Array.from({ length: 9 }, (_, i) => `flying/${i}`);
            for (const [i, topic] of topics.entries())
                await sent(publisher, topic, topic, { qos: i % 3, retain: true });
            await sent(publisher, 'flying/end', 'x');
            const kept = { clientId: `flying-${way}`, clean: false };
            let client = await come(kept);
            await subscribed(client, ['flying/+', 2]);
            const flights = [];
            while (flights.length < 9) flights.push(await client.next(type.publish));
            assert.deepEqual(flights.map(({ topic }) => topic), topics);
            client.send(puback(flights[1].id), pubrec(flights[5].id));
            assert.equal((await client.next(type.pubrel)).id, flights[5].id);
            await sent(publisher, topics[7], 'newer', { retain: true });
            const live = await client.next(type.publish);
            for (let times = 0; times < 2; times++) {
                client.destroy();
                client = await come(kept);
                assert.equal((await client.next(type.pubrel)).id, flights[5].id);
                for (const { id, topic, payload, qos, retain } of [2, 4, 8]
                    .map((i) => flights[i])
                    .concat(live)) {
                    const again = await client.next(type.publish);
                    assert.deepEqual(again, { ...again, dup: true, id, topic, payload, qos, retain });
                }
            }
            await sent(publisher, 'flying/end', 'y', { qos: 0 });
            const end = await client.next(type.publish);
            assert.deepEqual([end.topic, end.dup, end.qos], ['flying/end', false, 0]);
        });

        for (const ending of ['its end', 'kill -9']) {
            it(`retained messages that are not sent yet come behind ${ending} of the connection`, async () => {
                const publisher = await come();
                const count = 400;
                const name = (i) => `left/${ending}/${1000 + i}`;
                for (let i = 0; i < count; i++)
                    await sent(publisher, name(i), `${i}`, { retain: true });
                const kept = { clientId: `left-${way}-${ending}`, clean: false };
                const first = await come(kept);
                await subscribed(first, [`left/${ending}/+`, 1]);
                const flights = [];
                for (let i = 0; i < 50; i++) flights.push(await first.next(type.publish));
                for (const { id } of flights.slice(0, 40)) first.send(puback(id));
                first.send(pingreq());
                await first.until('PINGRESP', () =>
                    first.packets.some((one) => one.type === type.pingresp),
                );
                if (ending === 'kill -9') {
                    await new Promise((resolve) => setTimeout(resolve, 1500)); // it is written
                    await d.crash();
                    await d.start();
                } else {
                    first.destroy();
                }
                await sent(await come(), name(399), 'newer', { retain: true });
                const second = await come(kept);
                const got = [];
                while (got.at(-1)?.payload !== 'newer') {
                    got.push(await second.next(type.publish));
                    second.send(puback(got.at(-1).id));
                }
                assert.deepEqual(
                    got.slice(0, 10),
                    flights.slice(40).map((one) => ({ ...one, dup: true, flags: 11 })),
                );
                assert.deepEqual(
                    got.map(({ payload, retain }) => [payload, retain]),
                    [
                        ...Array.from({ length: count - 41 }, (_, i) => [`${i + 40}`, true]),
                        ['newer', false],
                    ],
                );
                // Behind a crash any of them may have been sent.
                if (ending === 'its end') assert.ok(got.slice(-10).every(({ dup }) => !dup));
                assert.equal(got.at(-1).dup, false);
                second.send(disconnect());
                await second.closed();
                await (await come(kept)).quiet(100);
            });
        }

        it('retained messages that may have been sent when the daemon was killed have DUP', async () => {
            const publisher = await come();
            const count = 200;
            const name = (i) => `killed/${1000 + i}`;
            for (let i = 0; i < count; i++)
                await sent(publisher, name(i), `${i}`, { retain: true });
            const kept = { clientId: `killed-${way}`, clean: false };
            const first = await come(kept);
            await subscribed(first, ['killed/+', 1]);
            const flights = [];
            while (flights.length < 50) flights.push(await first.next(type.publish));
            await d.crash();
            await d.start();
            const second = await come(kept);
            const got = [];
            while (got.length < count) {
                got.push(await second.next(type.publish));
                second.send(puback(got.at(-1).id));
            }
            assert.deepEqual(
                got.slice(0, 50),
                flights.map((one) => ({ ...one, dup: true, flags: 11 })),
            );
            assert.deepEqual(
                got.map(({ payload }) => payload),
                Array.from({ length: count }, (_, i) => `${i}`),
            );
            await subscribed(second, ['killed/1000', 1]);
            const { dup, retain } = await second.next(type.publish);
            assert.deepEqual([dup, retain], [false, true]);
        });

        it('on topics of resources the same', async () => {
            const topic = await fresh();
            const kept = { clientId: `resource-${way}`, clean: false };
            const first = await come(kept);
            assert.deepEqual(await subscribed(first, [topic, 2]), [1]);
            await sent(await come(), topic, point, { qos: 2 });
            const message = await first.next(type.publish);
            assert.deepEqual([message.qos, message.dup, message.retain], [1, false, false]);
            first.destroy();
            const second = await come(kept);
            const again = await second.next(type.publish);
            assert.deepEqual([again.id, again.dup, again.qos], [message.id, true, 1]);
            assert.equal(onePoint(again.payload).value, 1);
        });
    });
}
