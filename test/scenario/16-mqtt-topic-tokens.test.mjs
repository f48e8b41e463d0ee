// SPDX-License-Identifier: Apache-2.0
// ?access_token= on a topic: the key of that one operation (pubsub.md 5.3; auth.md 4).
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { RawMqtt, connect, login, publish, subscribe, type } from './lib/packets.mjs';

scenario('keys on topics', {}, (d) => {
    const anonymous = async () => {
        const client = await RawMqtt.open(d.port.mqtt);
        client.send(connect({ clientId: `anonymous-${Math.random()}` }));
        assert.equal((await client.next(type.connack)).code, 0);
        return client;
    };

    it('a client without a user name subscribes and publishes with it, and gets it back verbatim', async () => {
        const { id } = await d.api.newThng();
        const client = await anonymous();
        const filter = `/thngs/${id}/properties/a?access_token=${d.key}`;
        client.send(subscribe(1, [filter, 0]));
        assert.deepEqual((await client.next(type.suback)).codes, [0]);
        client.send(publish(filter, [{ value: 3 }], { qos: 1, id: 6 }));
        const got = [await client.next(), await client.next()];
        const message = got.find((one) => one.type === type.publish);
        assert.equal(message.topic, filter);
        assert.equal(onePoint(message.payload).value, 3);
        assert.ok(got.some((one) => one.type === type.puback && one.id === 6));
        client.destroy();
    });

    it('it overrides the key of the connection for that operation', async () => {
        const own = await d.api.newThng();
        const other = await d.api.newThng();
        const client = await login(d.port.mqtt, await d.api.newDeviceKey(own.id));
        client.send(
            subscribe(
                1,
                `/thngs/${other.id}/properties`,
                `/thngs/${other.id}/properties?access_token=${d.key}`,
                `/thngs/${own.id}/properties?access_token=wrong`,
                `/thngs/${own.id}/properties`,
            ),
        );
        assert.deepEqual((await client.next(type.suback)).codes, [0x80, 1, 0x80, 1]);
        client.destroy();
    });

    it('a wrong one refuses the publish', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        client.send(
            publish(`/thngs/${id}/properties/a?access_token=wrong`, [{ value: 1 }], { qos: 1 }),
        );
        await client.closed();
        assert.deepEqual((await d.api.get(`/thngs/${id}/properties`)).body, []);
    });

    it('no key appears in what the daemon prints', () => {
        assert.equal(d.stderr.includes(d.key), false);
    });
});
