// SPDX-License-Identifier: Apache-2.0
//
// The bare MQTT client of packets.mjs, over TCP and over WebSocket alike.
import WebSocket from 'ws';
import { atTestEnd, within } from './daemon.mjs';
import { RawMqtt } from './packets.mjs';

/** Each send is one binary frame. */
class RawMqttOverWs extends RawMqtt {
    static open(url) {
        const raw = new this();
        const socket = new WebSocket(`${url}/mqtt`, ['mqtt']);
        raw.socket = {
            write: (bytes) => socket.send(bytes),
            destroy: () => socket.terminate(),
        };
        atTestEnd(() => socket.terminate());
        socket.on('message', (chunk) => raw.take(chunk));
        socket.on('close', () => {
            raw.isClosed = true;
            raw.wake();
        });
        const opened = new Promise((resolve, reject) => {
            socket.on('open', () => resolve(raw)).on('error', reject);
        });
        return within(20000, 'connecting', opened);
    }
}

/** How a client reaches the daemon: name, and a function that opens a connection. */
export const ways = {
    TCP: (d) => RawMqtt.open(d.port.mqtt),
    WebSocket: (d) => RawMqttOverWs.open(d.url.ws),
};

/** As login of packets.mjs, on one of the ways. */
export async function loginOn(way, d, more = {}) {
    const client = await ways[way](d);
    await client.login(d.key, {
        clientId: `raw-${Math.random().toString(36).slice(2)}`,
        ...more,
    });
    return client;
}
