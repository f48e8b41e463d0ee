// SPDX-License-Identifier: Apache-2.0
// Sessions that outlive their connection: subscriptions, place, what is in flight; over kill -9.
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { connect, disconnect, puback, RawMqtt, subscribe, type, unsubscribe } from './lib/packets.mjs';

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
});
