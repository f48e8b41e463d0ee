// SPDX-License-Identifier: Apache-2.0
// Malformed MQTT of every packet type: the connection is closed, the daemon goes on.
import { scenario, it, assert, assertPoint, onePoint } from './lib/suite.mjs';
import {
    RawMqtt,
    connect,
    login,
    packet,
    pingreq,
    publish,
    puback,
    read,
    subscribe,
    type,
    unsubscribe,
} from './lib/packets.mjs';

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** First bytes of a connection. */
const beforeConnect = {
    'reserved type 0': hex('00 00'),
    'reserved type 15': hex('f0 00'),
    'PUBLISH first': publish('/thngs/x/properties/a', '[{"value":1}]'),
    'SUBSCRIBE first': subscribe(1, '/thngs/x'),
    'PINGREQ first': pingreq(),
    'DISCONNECT first': hex('e0 00'),
    'CONNACK from a client': hex('20 02 00 00'),
    'CONNECT with flags in the first byte': hex('11 0c 00 04 4d 51 54 54 04 02 00 3c 00 00'),
    'CONNECT with the reserved flag': connect({ flags: 0x03 }),
    'CONNECT with an unknown protocol name': connect({ name: 'MQTX' }),
    'CONNECT with will QoS 3': connect({ flags: 0x1e }),
    'CONNECT with will QoS but no will': connect({ flags: 0x0a }),
    'CONNECT with will retain but no will': connect({ flags: 0x22 }),
    'CONNECT with a password but no user name': packet(
        0x10,
        hex('00 04 4d 51 54 54 04 42 00 3c 00 01 61 00 01 62'),
    ),
    'CONNECT that announces a user name and has none': connect({ flags: 0x82 }),
    'CONNECT that announces a will and has none': connect({ flags: 0x06 }),
    'CONNECT with bytes behind it': packet(0x10, hex('00 04 4d 51 54 54 04 02 00 3c 00 01 61 ff')),
    'CONNECT that ends in its keep-alive': packet(0x10, hex('00 04 4d 51 54 54 04 02 00')),
    'CONNECT without a client id': packet(0x10, hex('00 04 4d 51 54 54 04 02 00 3c')),
    'CONNECT with a client id that is not UTF-8': connect({ clientId: hex('c3 28') }),
    'CONNECT with a NUL in the client id': connect({ clientId: 'a\0b' }),
    'CONNECT with a surrogate in the client id': connect({ clientId: hex('ed a0 80') }),
    'an empty CONNECT': hex('10 00'),
    'a length of five bytes': hex('10 ff ff ff ff 01'),
    'a CONNECT of 256 MB': hex('10 ff ff ff 7f 00 04 4d 51 54 54'),
    'a CONNECT over 4 KiB without a will': connect({
        clientId: 'a',
        user: 'authorization',
        password: 'x'.repeat(5000),
    }),
};

/** Packets of a client that has logged in; <id> is a thng. */
const afterConnect = {
    'a second CONNECT': () => connect({ clientId: 'again' }),
    'reserved type 0': () => hex('00 00'),
    'reserved type 15': () => hex('f0 00'),
    CONNACK: () => hex('20 02 00 00'),
    SUBACK: () => hex('90 03 00 01 00'),
    UNSUBACK: () => hex('b0 02 00 01'),
    PINGRESP: () => hex('d0 00'),
    'PUBLISH with QoS 3': (id) => packet(0x36, hex('00 00'), Buffer.from(id)),
    'PUBLISH with DUP and QoS 0': (id) =>
        publish(`/thngs/${id}/properties/a`, '[{"value":1}]', { dup: true }),
    'PUBLISH with packet id 0': (id) =>
        publish(`/thngs/${id}/properties/a`, '[{"value":1}]', { qos: 1, id: 0 }),
    'PUBLISH without a topic': () => packet(0x30),
    'PUBLISH whose topic is longer than the packet': () => packet(0x30, hex('00 20 61')),
    'PUBLISH that ends before its packet id': () => packet(0x32, hex('00 01 61 00')),
    'PUBLISH over the limit': (id) =>
        publish(`/thngs/${id}/properties/a`, JSON.stringify([{ value: 'x'.repeat(1024 * 1024) }]), {
            qos: 1,
        }),
    'PUBLISH that announces 200 MB': () => hex('30 80 80 80 64 00 01 61'),
    'PUBACK with flags': () => hex('41 02 00 01'),
    'PUBACK without an id': () => hex('40 00'),
    'PUBACK with more bytes': () => hex('40 03 00 01 00'),
    'PUBACK with id 0': () => puback(0),
    'PUBREC with flags': () => hex('51 02 00 01'),
    'PUBREL without its flags': () => hex('60 02 00 01'),
    'PUBREL with one byte': () => hex('62 01 00'),
    'PUBCOMP with flags': () => hex('72 02 00 01'),
    'SUBSCRIBE without its flags': () => hex('80 06 00 01 00 01 61 00'),
    'SUBSCRIBE with packet id 0': (id) => subscribe(0, `/thngs/${id}`),
    'SUBSCRIBE without a filter': () => packet(0x82, hex('00 01')),
    'SUBSCRIBE without a QoS': () => packet(0x82, hex('00 01 00 01 61')),
    'SUBSCRIBE with QoS 3': (id) => subscribe(1, [`/thngs/${id}`, 3]),
    'SUBSCRIBE with reserved bits in the QoS': (id) => subscribe(1, [`/thngs/${id}`, 0x81]),
    'SUBSCRIBE with an empty filter': () => subscribe(1, ''),
    'SUBSCRIBE with a NUL': () => subscribe(1, '/thngs/\0'),
    'SUBSCRIBE that is not UTF-8': () => subscribe(1, hex('2f ff')),
    'UNSUBSCRIBE without its flags': () => hex('a0 05 00 01 00 01 61'),
    'UNSUBSCRIBE without a filter': () => packet(0xa2, hex('00 01')),
    'UNSUBSCRIBE with packet id 0': () => unsubscribe(0, '/thngs'),
    'UNSUBSCRIBE cut in its filter': () => packet(0xa2, hex('00 01 00 09 61')),
    'PINGREQ with flags': () => hex('c1 00'),
    'PINGREQ with bytes': () => hex('c0 01 00'),
    'DISCONNECT with flags': () => hex('e1 00'),
    'DISCONNECT with bytes': () => hex('e0 01 00'),
    'AUTH of MQTT 5': () => hex('f0 02 00 00'),
    'a length that does not end': () => hex('30 ff ff ff ff 7f'),
};

scenario('bad input over MQTT', {}, (d) => {
    let thng;
    const alive = async () => {
        thng ??= await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const topic = `/thngs/${thng.id}/properties/alive`;
        client.send(subscribe(1, [topic, 0]));
        await client.next(type.suback);
        client.send(publish(topic, [{ value: 1 }]));
        assertPoint(onePoint((await client.next(type.publish)).payload), { key: 'alive' });
        return client;
    };

    for (const [what, bytes] of Object.entries(beforeConnect)) {
        it(`${what} closes`, async () => {
            const client = await RawMqtt.open(d.port.mqtt);
            client.send(bytes);
            await client.closed();
            // A CONNECT may be told why: with anything but acceptance.
            assert.ok(
                client.packets.every((one) => one.type === type.connack && one.code !== 0),
                JSON.stringify(client.packets),
            );
        });
    }

    for (const [what, make] of Object.entries(afterConnect)) {
        it(`after CONNECT: ${what} closes, unanswered`, async () => {
            const client = await alive();
            client.send(make(thng.id));
            await client.closed();
            assert.deepEqual(client.packets, []);
        });
    }

    it('what comes before the malformed packet is still done', async () => {
        const client = await alive();
        client.send(
            publish(`/thngs/${thng.id}/properties/before`, [{ value: 1 }], { qos: 1, id: 11 }),
            hex('f0 00'),
        );
        await client.closed();
        const history = await d.api.history(`/thngs/${thng.id}/properties/before`);
        assert.ok(history.length <= 1);
        if (client.packets.some((one) => one.type === type.puback)) assert.equal(history.length, 1);
    });

    it('an acknowledgement of nothing is ignored', async () => {
        const client = await alive();
        client.send(puback(77), pingreq());
        let found;
        do {
            found = await client.next();
        } while (found.type !== type.pingresp);
        client.destroy();
    });

    it('none of it was stored', async () => {
        await alive();
        const keys = Object.keys((await d.api.get(`/thngs/${thng.id}`)).body.properties);
        assert.deepEqual(
            keys.filter((key) => !['alive', 'before'].includes(key)),
            [],
        );
    });

    it('every packet cut at every byte: the rest completes it', async () => {
        const { id } = thng ?? (await d.api.newThng());
        const topic = `/thngs/${id}/properties/cut`;
        const bytes = Buffer.concat([
            connect({ clientId: 'cutter', user: 'authorization', password: d.key }),
            subscribe(1, [topic, 0]),
            publish(topic, [{ value: 1 }], { qos: 1, id: 2 }),
            pingreq(),
        ]);
        assert.ok(read(bytes));
        for (let cut = 1; cut < bytes.length; cut += 7) {
            const client = await RawMqtt.open(d.port.mqtt);
            client.send(bytes.subarray(0, cut));
            await new Promise((resolve) => setTimeout(resolve, 2));
            client.send(bytes.subarray(cut));
            const types = [];
            while (types.length < 5) types.push((await client.next()).type);
            assert.deepEqual(
                types.sort(),
                [type.connack, type.suback, type.publish, type.puback, type.pingresp].sort(),
            );
            client.destroy();
        }
    });
});
