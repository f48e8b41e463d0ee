// SPDX-License-Identifier: Apache-2.0
// MQTT over WebSocket on /mqtt (pubsub.md 1, 7).
import WebSocket from 'ws';
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { mqttConnect, mqttSub } from './lib/clients.mjs';
import { atTestEnd, within } from './lib/daemon.mjs';
import { connect, publish, pingreq, read, subscribe, type } from './lib/packets.mjs';

/** A WebSocket on /mqtt that shows the packets, whatever the frames. */
class Framed {
    static async open(d, protocols = ['mqtt'], path = '/mqtt') {
        const framed = new Framed();
        framed.bytes = Buffer.alloc(0);
        framed.packets = [];
        framed.socket = new WebSocket(`${d.url.ws}${path}`, protocols);
        atTestEnd(() => framed.socket.terminate());
        framed.closed = new Promise((resolve) =>
            framed.socket.on('close', (code) => resolve(code)),
        );
        framed.socket.on('message', (bytes, isBinary) => {
            assert.equal(isBinary, true);
            framed.bytes = Buffer.concat([framed.bytes, bytes]);
            for (let found; framed.bytes.length > 1 && (found = read(framed.bytes));) {
                framed.packets.push(found.packet);
                framed.bytes = found.rest;
            }
            framed.wake?.();
        });
        await within(
            5000,
            'open',
            new Promise((resolve, reject) => {
                framed.socket.on('open', resolve).on('error', reject);
            }),
        );
        return framed;
    }

    async next() {
        const wait = async () => {
            while (!this.packets.length)
                await new Promise((resolve) => {
                    this.wake = resolve;
                });
            return this.packets.shift();
        };
        return within(5000, 'a packet', wait());
    }
}

scenario('MQTT over WebSocket', {}, (d) => {
    const hello = () =>
        connect({ user: 'authorization', password: d.key, clientId: `ws-${Math.random()}` });

    it('npm mqtt publishes and receives, plain and with TLS', async () => {
        const { id } = await d.api.newThng();
        for (const base of [d.url.ws, d.url.wss]) {
            const topic = `/thngs/${id}/properties/a`;
            const subscriber = await mqttSub(d, `${base}/mqtt`, topic);
            await subscriber.client.publishAsync(topic, '[{"value":1}]', { qos: 1 });
            const message = await subscriber.next();
            assert.equal(message.topic, topic);
            assert.equal(onePoint(message.payload).value, 1);
            await subscriber.end();
        }
    });

    it('one of the offered sub-protocols is answered; none offered is fine', async () => {
        for (const [offered, answered] of [
            [['mqtt'], 'mqtt'],
            [['mqttv3.1'], 'mqttv3.1'],
            [[], ''],
            [['nonsense', 'mqtt'], 'mqtt'],
        ]) {
            const framed = await Framed.open(d, offered);
            assert.equal(framed.socket.protocol, answered);
            framed.socket.send(hello());
            assert.equal((await framed.next()).code, 0);
            framed.socket.terminate();
        }
    });

    it('only unknown sub-protocols are refused with 400', async () => {
        const socket = new WebSocket(`${d.url.ws}/mqtt`, ['nonsense']);
        const status = await new Promise((resolve, reject) => {
            socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
            socket.on('open', () => reject(new Error('opened')));
            socket.on('error', () => {});
        });
        socket.terminate();
        assert.equal(status, 400);
    });

    it('level 3 inside mqttv3.1', async () => {
        const client = await mqttConnect(d, `${d.url.ws}/mqtt`, {
            protocolId: 'MQIsdp',
            protocolVersion: 3,
        });
        await client.endAsync();
    });

    it('a wrong key is CONNACK 5, not an HTTP status; an Authorization header is ignored', async () => {
        await assert.rejects(
            mqttConnect(d, `${d.url.ws}/mqtt`, { password: 'wrong' }),
            (error) => error.code === 5,
        );
        const client = await mqttConnect(d, `${d.url.ws}/mqtt`, {
            wsOptions: { headers: { authorization: 'wrong' } },
        });
        await client.endAsync();
    });

    it('packets may be cut and joined by frames in any way', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const bytes = Buffer.concat([
            hello(),
            subscribe(1, topic),
            publish(topic, [{ value: 1 }], { qos: 1, id: 2 }),
            pingreq(),
        ]);
        for (const size of [1, 3, 50, bytes.length]) {
            const framed = await Framed.open(d);
            for (let at = 0; at < bytes.length; at += size)
                framed.socket.send(bytes.subarray(at, at + size));
            const types = [];
            while (types.length < 5) types.push((await framed.next()).type);
            assert.equal(types[0], type.connack);
            assert.deepEqual(
                types.slice(1).sort(),
                [type.suback, type.publish, type.puback, type.pingresp].sort(),
            );
            framed.socket.terminate();
        }
    });

    it('a message in fragments is one message; an empty one is nothing', async () => {
        const framed = await Framed.open(d);
        const bytes = hello();
        framed.socket.send(Buffer.alloc(0));
        framed.socket.send(bytes.subarray(0, 5), { fin: false });
        framed.socket.send(bytes.subarray(5, 9), { fin: false });
        framed.socket.ping('between');
        framed.socket.send(bytes.subarray(9), { fin: true });
        assert.equal((await framed.next()).code, 0);
        framed.socket.terminate();
    });

    it('a text frame closes with 1003', async () => {
        const framed = await Framed.open(d);
        framed.socket.send(hello());
        await framed.next();
        framed.socket.send('text');
        assert.equal(await within(5000, 'close', framed.closed), 1003);
    });

    it('what closes MQTT closes the WebSocket', async () => {
        for (const bytes of [
            pingreq(),
            Buffer.from([0x00, 0x00]),
            Buffer.from(`GET / HTTP/1.1\r\nX: ${'y'.repeat(100)}\r\n\r\n`),
        ]) {
            const framed = await Framed.open(d);
            framed.socket.send(bytes);
            await within(5000, 'close', framed.closed);
        }
    });

    it('after DISCONNECT the WebSocket is closed in good order', async () => {
        const client = await mqttConnect(d, `${d.url.ws}/mqtt`);
        await within(5000, 'end', client.endAsync());
    });
});
