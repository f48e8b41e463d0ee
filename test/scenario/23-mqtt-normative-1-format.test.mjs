// SPDX-License-Identifier: Apache-2.0
// MQTT 3.1.1, chapters 1 and 2: texts, flags of the fixed header, packet ids. What shows which
// statement of the standard stands in docs/reference/mqtt.md.
import { scenario, it, assert } from './lib/suite.mjs';
import { loginOn, ways } from './lib/mqtt-ways.mjs';
import {
    connect,
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

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** What is no text of MQTT, as bytes. */
const noTexts = {
    'the lowest surrogate': hex('ed a0 80'),
    'the highest surrogate': hex('ed bf bf'),
    'a pair of surrogates': hex('ed a0 bd ed b8 80'),
    'U+0000': hex('61 00 62'),
    'U+0000 in two bytes': hex('c0 80'),
    'a slash in two bytes': hex('c0 af'),
    'U+007F in three bytes': hex('e0 81 bf'),
    'U+FFFF in four bytes': hex('f0 8f bf bf'),
    'U+110000': hex('f4 90 80 80'),
    'five bytes': hex('f8 88 80 80 80'),
    'a character that is cut off': hex('61 e2 82'),
    'a continuation alone': hex('61 80 62'),
    'the byte FF': hex('ff'),
};

/** Where texts stand: a packet with <text> there. CONNECT comes first, others behind it. */
const inConnect = {
    'the client id': (text) => connect({ clientId: text }),
    'the will topic': (text) => connect({ will: { topic: text, payload: 'x' } }),
    'the user name': (text) => connect({ user: text, password: 'x' }),
    'the protocol name': (text) => connect({ name: text }),
};
const behindConnect = {
    'a topic with QoS 0': (text) => publish(text, 'x'),
    'a topic with QoS 1': (text) => publish(text, 'x', { qos: 1, id: 1 }),
    'a topic with QoS 2': (text) => publish(text, 'x', { qos: 2, id: 1 }),
    'a filter': (text) => subscribe(1, text),
    'a second filter': (text) => subscribe(1, 'a/b', text),
    'a filter of UNSUBSCRIBE': (text) => unsubscribe(1, text),
};

/** What clients send, with the flags that it must have. */
const fromClients = {
    PUBACK: puback(1),
    PUBREC: pubrec(1),
    PUBREL: pubrel(1),
    PUBCOMP: pubcomp(1),
    SUBSCRIBE: subscribe(1, 'a/b'),
    UNSUBSCRIBE: unsubscribe(1, 'a/b'),
    PINGREQ: pingreq(),
};

const plainTopics = { set: { 'mqtt.plain_topics': 'on' } };

for (const [way, open] of Object.entries(ways)) {
    scenario(`MQTT 3.1.1, format, over ${way}`, plainTopics, (d) => {
        for (const [what, bytes] of Object.entries(noTexts)) {
            it(`${what} closes wherever a text stands, unanswered`, async () => {
                for (const make of Object.values(inConnect)) {
                    const client = await open(d);
                    client.send(make(bytes));
                    await client.closed();
                    assert.deepEqual(client.packets, []);
                }
                for (const make of Object.values(behindConnect)) {
                    const client = await loginOn(way, d);
                    client.send(make(bytes));
                    await client.closed();
                    assert.deepEqual(client.packets, []);
                }
            });
        }

        it('the characters at the borders are characters, U+FEFF among them', async () => {
            const publisher = await loginOn(way, d);
            const client = await loginOn(way, d);
            const texts = [0x01, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffe, 0xffff, 0x10000]
                .concat([0x10ffff, 0xfeff])
                .map((one) => `${String.fromCodePoint(one)}text${String.fromCodePoint(one)}`);
            client.send(subscribe(1, ...texts.map((text) => [text, 0]), ['text', 0]));
            assert.deepEqual((await client.next(type.suback)).codes, [...texts, 0].map(() => 0));
            for (const text of [...texts, 'text']) {
                publisher.send(publish(text, text, { qos: 1, id: 1 }));
                await publisher.next(type.puback);
                const message = await client.next(type.publish);
                assert.deepEqual([message.topic, message.payload], [text, text]);
            }
            await client.quiet(100);
        });

        it('the client id and the user name keep U+FEFF', async () => {
            const one = await loginOn(way, d, { clientId: '\uFEFFsame' });
            const other = await loginOn(way, d, { clientId: 'same' });
            for (const client of [one, other]) {
                client.send(pingreq());
                await client.next(type.pingresp);
            }
            const stranger = await open(d);
            stranger.send(connect({ user: '\uFEFFauthorization', password: d.key }));
            assert.equal((await stranger.next(type.connack)).code, 5);
        });

        for (const [name, bytes] of Object.entries(fromClients)) {
            it(`${name}: of the sixteen values of its flags one is taken`, async () => {
                for (let flags = 0; flags < 16; flags++) {
                    const client = await loginOn(way, d);
                    client.send([(bytes[0] & 0xf0) | flags], bytes.subarray(1), pingreq());
                    if (flags !== (bytes[0] & 0x0f)) {
                        await client.closed();
                        assert.deepEqual(client.packets, [], `flags ${flags}`);
                        continue;
                    }
                    const last = () => client.packets.some((one) => one.type === type.pingresp);
                    await client.until('PINGRESP', last);
                    client.destroy();
                }
            });
        }

        it('PUBLISH: of the sixteen values of its flags those with QoS 3, or DUP and QoS 0, close', async () => {
            for (let flags = 0; flags < 16; flags++) {
                const client = await loginOn(way, d);
                const qos = (flags >> 1) & 3;
                client.send(
                    publish('a/b', 'x', { qos, dup: flags > 7, retain: (flags & 1) > 0 }),
                    pingreq(),
                );
                if (qos === 3 || (qos === 0 && flags > 7)) {
                    await client.closed();
                    assert.deepEqual(client.packets, [], `flags ${flags}`);
                    continue;
                }
                const last = () => client.packets.some((one) => one.type === type.pingresp);
                await client.until('PINGRESP', last);
                client.destroy();
            }
        });

        it('the flags of what the server sends are those of the table', async () => {
            const client = await loginOn(way, d);
            client.send(
                subscribe(1, ['flags', 2]),
                publish('flags', 'x', { qos: 2, id: 2 }),
                pubrel(2),
                publish('none', 'x', { qos: 1, id: 3 }),
                unsubscribe(4, 'none'),
                pingreq(),
            );
            const flags = {};
            while (Object.keys(flags).length < 8) {
                const one = await client.next();
                flags[one.type] = one.flags;
                if (one.type === type.publish) client.send(pubrec(one.id));
            }
            assert.deepEqual(flags, {
                [type.suback]: 0,
                [type.pubrec]: 0,
                [type.pubcomp]: 0,
                [type.puback]: 0,
                [type.unsuback]: 0,
                [type.pingresp]: 0,
                [type.publish]: 4,
                [type.pubrel]: 2,
            });
        });

        it('packet id 0 closes in every packet that has one, 1 and 65,535 do not', async () => {
            const packets = [puback, pubrec, pubrel, pubcomp].concat([
                (id) => publish('a/b', 'x', { qos: 1, id }),
                (id) => publish('a/b', 'x', { qos: 2, id }),
                (id) => subscribe(id, 'a/b'),
                (id) => unsubscribe(id, 'a/b'),
            ]);
            const good = await loginOn(way, d);
            for (const make of packets) {
                const bad = await loginOn(way, d);
                bad.send(make(0));
                await bad.closed();
                assert.deepEqual(bad.packets, []);
                good.send(make(1), make(65535));
            }
            good.send(pingreq());
            const last = () => good.packets.some((one) => one.type === type.pingresp);
            await good.until('PINGRESP', last);
        });

        it('SUBACK, UNSUBACK, PUBACK, PUBREC and PUBCOMP carry the id of what they answer', async () => {
            const client = await loginOn(way, d);
            for (const id of [1, 255, 256, 0x1234, 65535]) {
                for (const [bytes, wanted] of [
                    [subscribe(id, 'ids'), type.suback],
                    [unsubscribe(id, 'ids'), type.unsuback],
                    [publish('other', 'x', { qos: 1, id }), type.puback],
                    [publish('other', 'x', { qos: 2, id }), type.pubrec],
                    [pubrel(id), type.pubcomp],
                ]) {
                    client.send(bytes);
                    assert.equal((await client.next(wanted)).id, id);
                }
            }
        });

        it('a remaining length has four bytes at most, whatever the packet', async () => {
            for (const first of [0x30, 0x32, 0x82, 0xa2, 0x40, 0xc0]) {
                for (const length of ['80 80 80 80 00', '81 80 80 80 00', 'ff ff ff ff 7f']) {
                    const client = await loginOn(way, d);
                    client.send([first], hex(length));
                    await client.closed();
                    assert.deepEqual(client.packets, []);
                }
            }
        });

        it('a PUBLISH with QoS 0 has no packet id: all behind the topic is payload', async () => {
            const client = await loginOn(way, d);
            client.send(subscribe(1, ['bare', 0]));
            await client.next(type.suback);
            client.send(packet(0x30, hex('00 04'), Buffer.from('bare'), hex('31 32')));
            assert.equal((await client.next(type.publish)).payload, '12');
        });
    });
}
