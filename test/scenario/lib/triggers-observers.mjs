// SPDX-License-Identifier: Apache-2.0
//
// Those who watch in the matrix of triggers: real clients of every protocol, each with the key of
// somebody and subscribed to all topics that this one may have.
//
//     const observer = new MqttObserver({ name, url, key, granted: 1, spell: (topic) => topic });
//     await observer.open();
//     await observer.watch(topics);
//     observer.collect()     // Map: topic -> [{ payload, qos }]
//
// What comes where nothing was asked for, retained or as a duplicate, is an error at once.
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { within } from './daemon.mjs';

class Observer {
    constructor(options) {
        Object.assign(this, options);
        this.topics = new Set(); // that it follows
        this.messages = new Map();
        this.waiting = [];
        this.faults = [];
    }

    take(topic, message) {
        if (!this.messages.has(topic)) this.messages.set(topic, []);
        this.messages.get(topic).push(message);
        for (const wake of this.waiting.splice(0)) wake();
    }

    /** Waits until <count> messages of the topic are there. */
    async has(topic, count) {
        const wait = async () => {
            while ((this.messages.get(topic)?.length ?? 0) < count && this.faults.length === 0)
                await new Promise((resolve) => this.waiting.push(resolve));
        };
        await within(20000, `${this.name}: message ${count} on ${topic}`, wait());
    }

    fault(text) {
        this.faults.push(`${this.name}: ${text}`);
        for (const wake of this.waiting.splice(0)) wake();
    }

    /** All messages so far, which are then forgotten. */
    collect() {
        const { messages } = this;
        this.messages = new Map();
        return messages;
    }
}

/** One session with all topics. <asks>, <grants>: QoS. <spell>: a topic as it subscribes to it. */
export class MqttObserver extends Observer {
    async open() {
        const { url, key, ca } = this;
        const options = { username: 'authorization', password: key, ca, reconnectPeriod: 0 };
        this.client = await within(
            30000,
            `${this.name} connects`,
            mqtt.connectAsync(url, options),
        );
        this.spelled = new Map(); // filter -> topic
        this.client.on('message', (filter, payload, packet) => {
            if (!this.spelled.has(filter)) this.fault(`a message on ${filter}`);
            else if (packet.retain || packet.dup) this.fault(`retain or DUP on ${filter}`);
            else
                this.take(this.spelled.get(filter), {
                    payload: payload.toString(),
                    qos: packet.qos,
                });
        });
        this.client.on('close', () => this.isEnding || this.fault('the connection was closed'));
    }

    async watch(topics) {
        for (const topic of topics) this.topics.add(topic);
        await this.subscribe(new Map(topics.map((topic) => [this.spell(topic), topic])));
    }

    /** By the key of somebody who sees it. */
    async watchMarker(topic, key) {
        await this.subscribe(new Map([[`${topic}?access_token=${key}`, topic]]));
    }

    async subscribe(filters) {
        if (filters.size === 0) return;
        const wanted = {};
        for (const [filter, topic] of filters) {
            this.spelled.set(filter, topic);
            wanted[filter] = { qos: this.asks };
        }
        const granted = await within(
            30000,
            `${this.name} subscribes`,
            this.client.subscribeAsync(wanted),
        );
        for (const { topic, qos } of granted)
            if (qos !== this.grants) throw new Error(`${this.name}: ${topic}: granted ${qos}`);
    }

    /** It stays subscribed, to hear what nobody should say. */
    forget() {}

    /** The marker comes in the same session, behind all that was committed before it. */
    async pass(marker) {
        await this.has(marker, 1);
        this.messages.delete(marker);
    }

    async end() {
        this.isEnding = true;
        await this.client.endAsync(true);
    }
}

/** A socket for each topic. */
export class SocketObserver extends Observer {
    async open() {
        this.sockets = new Map();
    }

    async watch(topics) {
        await Promise.all(topics.map((topic) => this.add(topic)));
    }

    add(topic) {
        const { url, key, ca } = this;
        const socket = new WebSocket(`${url}${this.spell(topic)}`, {
            headers: { authorization: key },
            ca,
        });
        this.topics.add(topic);
        this.sockets.set(topic, socket);
        socket.on('message', (data, isBinary) => {
            if (isBinary) this.fault(`a binary frame on ${topic}`);
            else this.take(topic, { payload: data.toString() });
        });
        socket.on('pong', () => socket.pass());
        socket.on('close', () => {
            this.sockets.delete(topic);
            socket.pass?.();
        });
        return within(
            30000,
            `${this.name} opens ${topic}`,
            new Promise((resolve, reject) => {
                socket.on('open', resolve);
                socket.on('error', reject);
            }),
        );
    }

    forget(isForgotten) {
        for (const [topic, socket] of this.sockets) if (isForgotten(topic)) socket.terminate();
    }

    /** A socket has one topic, so no marker comes there. But what was committed before its PING was
     *  sent goes out before the PONG. One that was closed has told all that it had to. */
    async pass() {
        const pongs = [...this.sockets.values()].map(
            (socket) =>
                new Promise((resolve) => {
                    if (socket.readyState !== WebSocket.OPEN) return resolve();
                    socket.pass = resolve;
                    return socket.ping();
                }),
        );
        await within(20000, `${this.name}: pongs`, Promise.all(pongs));
    }

    async end() {
        for (const socket of this.sockets.values()) socket.terminate();
    }
}
