// SPDX-License-Identifier: Apache-2.0
// CONNECT and CONNACK, keep-alive, take-over of a client id, wills (pubsub.md 6; auth.md 4).
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { sleep, slow } from './lib/daemon.mjs';
import {
    RawMqtt,
    connect,
    disconnect,
    login,
    pingreq,
    publish,
    subscribe,
    type,
} from './lib/packets.mjs';

scenario('MQTT connections', {}, (d) => {
    const good = () => ({ user: 'authorization', password: d.key });

    /** Sends one CONNECT and returns the client and its CONNACK code. */
    const tryConnect = async (options) => {
        const client = await RawMqtt.open(d.port.mqtt);
        client.send(connect({ clientId: `c-${Math.random()}`, ...options }));
        const answer = await client.next(type.connack);
        assert.equal(answer.bytes, 2);
        assert.equal(answer.present, false);
        return { client, code: answer.code };
    };
    const accepted = async (options) => {
        const { client, code } = await tryConnect({ ...good(), ...options });
        assert.equal(code, 0);
        client.send(pingreq());
        await client.next(type.pingresp);
        return client;
    };
    const refused = async (wanted, options) => {
        const { client, code } = await tryConnect(options);
        assert.equal(code, wanted);
        await client.closed();
    };

    it('level 4 and level 3 are accepted', async () => {
        (await accepted({ level: 4 })).destroy();
        (await accepted({ level: 3 })).destroy();
    });

    for (const level of [0, 2, 5, 6, 132]) {
        it(`level ${level} is refused with 1`, () =>
            refused(1, { ...good(), level, name: 'MQTT' }));
    }

    it('an empty client id: level 4 clean 0 and level 3 are refused with 2, level 4 clean 1 is accepted', async () => {
        (await accepted({ clientId: '' })).destroy();
        await refused(2, { ...good(), clientId: '', clean: false });
        await refused(2, { ...good(), clientId: '', level: 3 });
        await refused(2, { ...good(), clientId: '', level: 3, clean: false });
    });

    it('two clients with an empty id do not take each other over', async () => {
        const first = await accepted({ clientId: '' });
        const second = await accepted({ clientId: '' });
        first.send(pingreq());
        await first.next(type.pingresp);
        first.destroy();
        second.destroy();
    });

    it('a client id of 1,024 bytes is accepted, one more is refused with 2', async () => {
        (await accepted({ clientId: 'é'.repeat(512) })).destroy();
        await refused(2, { ...good(), clientId: 'x'.repeat(1025) });
    });

    it('a wrong key is refused with 5, another user name too, a missing password with 4', async () => {
        await refused(5, { user: 'authorization', password: 'x'.repeat(80) });
        await refused(5, { user: 'authorization', password: '123' });
        await refused(5, { user: 'authorization', password: '' });
        await refused(5, { user: 'admin', password: d.key });
        await refused(4, { user: 'authorization' });
    });

    it('no user name is accepted, and may do nothing', async () => {
        const thng = await d.api.newThng();
        const { client, code } = await tryConnect({});
        assert.equal(code, 0);
        client.send(subscribe(1, `/thngs/${thng.id}/properties`));
        assert.deepEqual((await client.next(type.suback)).codes, [0x80]);
        client.send(publish(`/thngs/${thng.id}/properties/a`, [{ value: 1 }], { qos: 1 }));
        await client.closed();
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}/properties`)).body, []);
    });

    it('packets may follow CONNECT at once', async () => {
        const client = await RawMqtt.open(d.port.mqtt);
        const thng = await d.api.newThng();
        client.send(
            connect({ ...good(), clientId: 'eager' }),
            subscribe(7, `/thngs/${thng.id}/properties`),
            pingreq(),
        );
        assert.equal((await client.next(type.connack)).code, 0);
        const answers = [await client.next(), await client.next()];
        assert.deepEqual(
            answers.map((one) => one.type).sort(),
            [type.suback, type.pingresp].sort(),
        );
        client.destroy();
    });

    it('after DISCONNECT the daemon closes', async () => {
        const client = await accepted();
        client.send(disconnect());
        await client.closed();
    });

    it('the same client id of the same key takes over', async () => {
        const first = await accepted({ clientId: 'twin' });
        const second = await accepted({ clientId: 'twin' });
        await first.closed();
        second.send(pingreq());
        await second.next(type.pingresp);
        second.destroy();
    });

    it('the same client id of another key does not', async () => {
        const thng = await d.api.newThng();
        const password = await d.api.newDeviceKey(thng.id);
        const operator = await accepted({ clientId: 'shared' });
        const device = await accepted({ clientId: 'shared', password });
        for (const client of [operator, device]) {
            client.send(pingreq());
            await client.next(type.pingresp);
            client.destroy();
        }
    });

    it('silence of one and a half keep-alives ends the connection, a PINGREQ in time does not', async () => {
        const silent = await accepted({ keepalive: 1 });
        const living = await accepted({ keepalive: 1 });
        const from = Date.now();
        const pings = setInterval(() => living.send(pingreq()), 500);
        await silent.closed(6000);
        const took = Date.now() - from;
        assert.ok(took >= 1400 && took <= 4000 * slow, `${took} ms`);
        await sleep(1500);
        clearInterval(pings);
        assert.equal(living.isClosed, false);
        living.destroy();
    });

    it('a will is published when the connection breaks, not after DISCONNECT', async () => {
        const thng = await d.api.newThng();
        const topic = `/thngs/${thng.id}/properties/state`;
        const watcher = await login(d.port.mqtt, d.key);
        watcher.send(subscribe(1, topic));
        await watcher.next(type.suback);
        const will = { topic, payload: '[{"value":"gone"}]', qos: 1, retain: true };
        const polite = await accepted({ will });
        polite.send(disconnect());
        await polite.closed();
        await watcher.quiet(300);
        const broken = await accepted({ will });
        broken.destroy();
        const message = await watcher.next(type.publish);
        assert.equal(onePoint(message.payload).value, 'gone');
        assert.equal(message.retain, false);
        assert.equal((await d.api.get(`/thngs/${thng.id}`)).body.properties.state, 'gone');
        watcher.destroy();
    });

    it('a will fires on take-over and when the client breaks the protocol', async () => {
        const thng = await d.api.newThng();
        const topic = `/thngs/${thng.id}/properties/state`;
        const will = { topic, payload: '[{"value":"gone"}]', qos: 0 };
        const count = async () => (await d.api.get(topic)).body.length;
        const first = await accepted({ will, clientId: 'heir' });
        const second = await accepted({ will, clientId: 'heir' });
        await first.closed();
        assert.equal(
            await count(),
            1,
            'the will of the old connection fires before the CONNACK of the new one',
        );
        second.send([0xf0, 0]);
        await second.closed();
        const watcher = await login(d.port.mqtt, d.key);
        watcher.send(subscribe(1, `${topic}?pubStates=1`));
        await watcher.next(type.suback);
        await watcher.next(type.publish);
        await sleep(200);
        assert.equal(await count(), 2);
        watcher.destroy();
    });

    it('a will that cannot be applied does no harm', async () => {
        for (const will of [
            { topic: '/thngs/nobody/properties/a', payload: '[{"value":1}]' },
            { topic: '/nonsense', payload: 'x' },
        ]) {
            (await accepted({ will })).destroy();
        }
        (await accepted()).destroy();
    });
});
