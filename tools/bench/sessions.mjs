#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// What absent sessions cost: many of "clean session 0", each with some subscriptions, and nobody
// connected. Prints the bytes of each in memory and on disk, how long a start takes with them, after
// SIGTERM and after kill -9, and how long it takes until all have come back and have been sent what
// came in between.
//
//     node tools/bench/sessions.mjs                  10,000 sessions with 10 subscriptions each
//     node tools/bench/sessions.mjs --sessions 100000 --subscriptions 5 --data DIR
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Daemon, root, within } from '../../test/scenario/lib/daemon.mjs';
import { disconnect, login, publish, subscribe, type } from '../../test/scenario/lib/packets.mjs';
import { KeptMqtt } from '../../test/scenario/lib/quick-mqtt.mjs';
import { Rest } from '../../test/scenario/lib/rest.mjs';
import * as measure from './measure.mjs';

const { values: given } = parseArgs({
    options: {
        sessions: { type: 'string', default: '10000' },
        subscriptions: { type: 'string', default: '10' },
        data: { type: 'string', default: path.join(root, 'build/bench-data') },
    },
});
const TOPICS = 1000;
const KEYS = 10; // properties of a thng
const AT_ONCE = 200; // connections that are being made
const settings = { 'limits.connections_per_address': '0', 'limits.requests_per_key': '0' };
const { thousands } = measure;

class Session {
    constructor(index, topics) {
        this.name = `session-${index}`;
        this.topics = topics;
        this.count = 0;
    }

    message() {
        this.count += 1;
        if (this.count === this.topics.length) this.hasAll();
    }

    acknowledged() {
        this.isGranted();
    }

    failed(error) {
        throw error;
    }

    async begin(d) {
        const client = await KeptMqtt.open(d.port.mqtt, d.key, this.name, this);
        const granted = new Promise((resolve) => (this.isGranted = resolve));
        client.send(subscribe(1, ...this.topics.map((topic) => [topic, 1])));
        await within(20000, 'SUBACK', granted);
        client.isEnding = true;
        client.send(disconnect());
        await new Promise((resolve) => client.socket.on('close', resolve));
    }

    /** Comes back; <had> settles when it has been sent one message of each topic. */
    async comeBack(d) {
        this.had = new Promise((resolve) => (this.hasAll = resolve));
        this.client = await KeptMqtt.open(d.port.mqtt, d.key, this.name, this);
    }
}

/** Does <work> with each, some at a time. */
async function eachOf(items, work) {
    const left = items.values();
    const worker = async () => {
        for (const item of left) await work(item);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function makeTopics(api) {
    const topics = [];
    while (topics.length < TOPICS) {
        const { id } = await api.newThng();
        for (let key = 0; key < KEYS; key++) topics.push(`/thngs/${id}/properties/p${key}`);
    }
    return topics;
}

async function publishEach(d, topics) {
    const client = await login(d.port.mqtt, d.key);
    topics.forEach((topic, i) => client.send(publish(topic, [{ value: i }], { qos: 1, id: i + 1 })));
    for (let i = 0; i < topics.length; i++) await client.next(type.puback, 20000);
    client.destroy();
}

const bytesOf = (folder) => Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]);

async function secondsOf(work) {
    const from = performance.now();
    await work();
    return (performance.now() - from) / 1000;
}

async function bench(d, sessions, topics) {
    await d.restart();
    const [memory, disk] = [measure.residentMiB(d.pid), bytesOf(d.data)];
    const making = await secondsOf(() => eachOf(sessions, (one) => one.begin(d)));
    const more = measure.residentMiB(d.pid) - memory;
    const each = (bytes) => `${thousands(bytes / sessions.length)} bytes`;
    console.log(
        `${thousands(sessions.length)} sessions, ${given.subscriptions} subscriptions each, made in ` +
            `${making.toFixed(1)} s\n` +
            `on disk    ${each(bytesOf(d.data) - disk)} a session, as written`,
    );
    const calm = await secondsOf(() => d.restart());
    const absent = measure.residentMiB(d.pid) - memory;
    await d.crash();
    const crashed = await secondsOf(() => d.start());
    console.log(
        `in memory  ${each(absent * 2 ** 20)} a session that is absent, behind a start; the daemon had ` +
            `grown by ${more.toFixed(1)} MiB while they were made\n` +
            `a start    ${calm.toFixed(2)} s with SIGTERM before it, ${crashed.toFixed(2)} s behind kill -9`,
    );
    await publishEach(d, topics);
    const back = await secondsOf(async () => {
        await eachOf(sessions, (one) => one.comeBack(d));
        await Promise.all(sessions.map((one) => one.had));
    });
    console.log(
        `all back   ${back.toFixed(1)} s, with ${thousands(sessions.length * sessions[0].topics.length)} ` +
            'messages of their absence',
    );
    for (const { client } of sessions) client.end();
}

fs.rmSync(given.data, { recursive: true, force: true });
fs.mkdirSync(path.dirname(path.resolve(given.data)), { recursive: true });
const d = new Daemon({ data: path.resolve(given.data), set: settings });
await d.start();
try {
    const topics = await makeTopics(new Rest(d.url.http, d.key));
    const sessions = Array.from({ length: Number(given.sessions) }, (_, i) => {
        const own = Array.from(
            { length: Number(given.subscriptions) },
            (_, k) => topics[(i * 7 + k * 101) % TOPICS],
        );
        return new Session(i, [...new Set(own)]);
    });
    await bench(d, sessions, topics);
} finally {
    d.kill9();
}
