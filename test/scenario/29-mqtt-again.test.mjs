// SPDX-License-Identifier: Apache-2.0
// What is sent again to who comes back: small cases that the model of delivery (28) has found.
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { connect, disconnect, puback, RawMqtt, subscribe, type } from './lib/packets.mjs';

scenario('sent again', {}, (d) => {
    const come = async (clientId) => {
        const client = await RawMqtt.open(d.port.mqtt);
        const who = { clientId, clean: false, user: 'authorization', password: d.key };
        client.send(connect(who));
        assert.equal((await client.next(type.connack)).code, 0);
        return client;
    };
    const granted = async (client, ...filters) => {
        client.send(subscribe(1, ...filters));
        return (await client.next(type.suback)).codes;
    };
    const put = (topic, value) => d.api.must(200, 'PUT', topic, [{ value }]);
    const fresh = async () => `/thngs/${(await d.api.newThng()).id}/properties`;
    const brief = ({ id, dup, qos, topic, payload }) => ({
        id,
        dup,
        qos,
        topic,
        value: onePoint(payload).value,
    });

    it('with the QoS that it was sent with, whatever the subscription has now', async () => {
        const topic = `${await fresh()}/a`;
        const first = await come('lower');
        assert.deepEqual(await granted(first, [topic, 1]), [1]);
        await put(topic, 1);
        const sent = brief(await first.next(type.publish));
        assert.deepEqual(await granted(first, [topic, 0]), [0]);
        first.destroy();
        const again = await come('lower');
        assert.deepEqual(brief(await again.next(type.publish)), { ...sent, dup: true });
        again.send(puback(sent.id));
        await put(topic, 2);
        const { qos, dup, value } = brief(await again.next(type.publish));
        assert.deepEqual({ qos, dup, value }, { qos: 0, dup: false, value: 2 });
        again.destroy();
    });

    it('under its packet id, also when the daemon is killed right behind a SUBACK', async () => {
        const at = await fresh();
        const [a, b] = [`${at}/a`, `${at}/b`];
        const first = await come('numbers');
        assert.deepEqual(await granted(first, [a, 1], [b, 1]), [1, 1]);
        await put(a, 1);
        await put(b, 2);
        const sent = [brief(await first.next(type.publish)), brief(await first.next(type.publish))];
        assert.deepEqual(await granted(first, [a, 0]), [0]);
        await d.crash();
        await d.start();
        const again = await come('numbers');
        for (const one of sent)
            assert.deepEqual(brief(await again.next(type.publish)), { ...one, dup: true });
        again.destroy();
    });

    it('what happens while a connection is being ended is not taken for sent', async () => {
        const topic = `${await fresh()}/a`;
        const first = await come('leaving');
        await granted(first, [topic, 1]);
        first.socket.allowHalfOpen = true; // the daemon waits for its end of the connection
        first.send(disconnect());
        for (let value = 0; value < 20; value++) await put(topic, value);
        const again = await come('leaving');
        for (let value = 0; value < 20; value++)
            assert.equal(brief(await again.next(type.publish)).value, value);
        first.destroy();
        again.destroy();
    });
});
