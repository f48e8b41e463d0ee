// SPDX-License-Identifier: Apache-2.0
//
// The ways of making a change: REST, and a publish over each protocol.
//
//     const end = await ways['MQTT, QoS 1'].make(publishers, call, bodies, actor);
//     await end?.();    // when what it has caused was seen
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { within } from './daemon.mjs';

const publishable = {
    PUT: [
        /^\/(thngs|products)\/[^/]+\/properties(\/[^/]+)?$/,
        /^\/thngs\/[^/]+(\/location)?$/,
        /^\/collections\/[^/]+(\/thngs)?$/,
    ],
    POST: [
        /^\/actions$/,
        /^(\/(thngs|products|collections)\/[^/]+)?\/actions\/(?!(de)?commissions)[^/]+$/,
    ],
};

/** By publishing on a topic one makes the call that the catalogue has for it (pubsub.md 3). */
export function isPublishable({ verb, path }) {
    return publishable[verb]?.some((pattern) => pattern.test(path)) ?? false;
}

const target = ({ path, query }) => (query ? `${path}?${query}` : path);

/** One connection for each key and URL; they stay open. */
export class Publishers {
    constructor(d) {
        this.d = d;
        this.clients = new Map();
    }

    async client(url, key) {
        const name = `${url} ${key}`;
        if (!this.clients.has(name)) {
            const options = {
                username: 'authorization',
                password: key,
                ca: this.d.ca,
                reconnectPeriod: 0,
            };
            const connected = within(30000, `connects ${url}`, mqtt.connectAsync(url, options));
            this.clients.set(name, await connected);
        }
        return this.clients.get(name);
    }

    async end() {
        for (const client of this.clients.values()) await client.endAsync(true);
    }
}

async function rest(_, call, bodies, { api, key }) {
    for (const body of bodies) {
        const headers = { authorization: key };
        const answer = await api.call(call.verb, target(call), body, { key: undefined, headers });
        if (answer.status >= 300)
            throw new Error(`${call.verb} ${target(call)}: ${answer.status}: ${answer.text}`);
    }
}

const overMqtt = (qos, urlOf) => ({
    qos,
    async make(publishers, call, bodies, { key }) {
        const client = await publishers.client(urlOf(publishers.d.url), key);
        for (const body of bodies) {
            const sent = client.publishAsync(target(call), JSON.stringify(body), { qos });
            await within(20000, `publish on ${target(call)}`, sent);
        }
    },
});

/* There is no answer but the echo: the socket is ended when all has been seen. */
async function native({ d }, call, bodies, { key }) {
    const socket = new WebSocket(`${d.url.ws}${target(call)}`, { headers: { authorization: key } });
    const opened = new Promise((resolve, reject) => {
        socket.on('open', resolve);
        socket.on('error', reject);
    });
    await within(20000, `opens ${target(call)}`, opened);
    let closed;
    socket.on('close', (code, reason) => {
        closed = `${code} ${reason}`;
    });
    for (const body of bodies) socket.send(JSON.stringify(body));
    return () => {
        socket.terminate();
        if (closed) throw new Error(`${target(call)}: closed with ${closed}`);
    };
}

export const ways = {
    REST: { qos: 1, make: rest },
    'MQTT, QoS 0': overMqtt(0, (url) => url.mqtt),
    'MQTT, QoS 1': overMqtt(1, (url) => url.mqtt),
    'MQTT, QoS 2': overMqtt(2, (url) => url.mqtt),
    'MQTT over TLS': overMqtt(1, (url) => url.mqtts),
    'MQTT over WebSocket': overMqtt(1, (url) => `${url.ws}/mqtt`),
    'native WebSocket': { qos: 1, make: native },
};
