#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Sessions that were asleep come back, with "clean session 0".
//
// One sleeper: its own updates lie among ten times as many of others; it is sent exactly its own, in
// order, while a paced load goes on. A herd: many come back at once, each with a few updates of its
// own somewhere in the journal; how often is that read?
//
//     tools/bench/catch-up.mjs                       one million updates for each of the two
//     tools/bench/catch-up.mjs --updates 110000000   in full: 10 million of one among 100 million
//     tools/bench/catch-up.mjs --herd 10000 --rate 20000 --data DIR
//
// The generator, the sleepers and thrumd share the machine. It fails when one update is missing,
// comes twice or out of order, or when the journal is read more than four times.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Daemon, root, within } from '../../test/scenario/lib/daemon.mjs';
import { subscribe } from '../../test/scenario/lib/packets.mjs';
import { KeptMqtt } from '../../test/scenario/lib/quick-mqtt.mjs';
import { Rest } from '../../test/scenario/lib/rest.mjs';
import * as measure from './measure.mjs';

const generator = process.env.LOAD ?? path.join(root, 'build/release/bench/load');
const { values: given } = parseArgs({
    options: {
        updates: { type: 'string', default: '1000000' },
        herd: { type: 'string', default: '1000' },
        rate: { type: 'string', default: '10000' }, // of what goes on meanwhile
        seconds: { type: 'string', default: '8' }, // of that alone
        only: { type: 'string' }, // sleeper or herd
        data: { type: 'string', default: path.join(root, 'build/bench-data') },
    },
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'thrum-bench-'));
const { thousands } = measure;

const PUBLISHERS = 110;
const OWN = 10; // of them publish what the sleeper wants
const KEYS = 10; // properties of a thng
const WINDOW = 20000;
const READS_MAX = 4;
const settings = {
    'limits.requests_per_key': '0',
    'limits.connections_per_address': '0',
    'log.level': 'debug',
};

/** A session that counts what it is sent: the next value of each topic. */
class Sleeper {
    constructor(name, topics) {
        this.name = name;
        this.topics = topics;
        this.next = new Map(topics.map((topic) => [topic, 0]));
        this.count = 0;
    }

    message(topic, payload) {
        const at = payload.indexOf('"value":') + 8;
        const value = Number(payload.substring(at, payload.indexOf('}', at)));
        const due = this.next.get(topic);
        if (value !== due) throw new Error(`${this.name}: ${topic} ${value}, due was ${due}`);
        this.next.set(topic, value + 1);
        this.count += 1;
        if (this.count === this.wanted) this.isDone();
    }

    acknowledged() {
        this.isGranted?.();
    }

    failed(error) {
        this.error ??= error;
        this.isDone?.(); // who waits for it looks at the error
    }

    async open(d) {
        this.client = await KeptMqtt.open(d.port.mqtt, d.key, this.name, this);
    }

    async begin(d) {
        await this.open(d);
        const granted = new Promise((resolve) => (this.isGranted = resolve));
        this.client.send(subscribe(1, ...this.topics.map((topic) => [topic, 1])));
        await within(20000, 'SUBACK', granted);
        this.client.end();
    }

    /** Comes back, and ends when it has got <wanted> messages. */
    async wake(d, wanted) {
        this.wanted = wanted;
        const done = new Promise((resolve) => (this.isDone = resolve));
        await this.open(d);
        await within(3600000, `what ${this.name} has missed`, done);
        if (this.error) throw this.error;
    }
}

function load(d, mode, topics, ...more) {
    const args = [mode, '--qos', '1', '--host', '127.0.0.1', '--port', String(d.port.mqtt)];
    args.push('--user', 'authorization', '--password-file', d.keyFile);
    args.push('--topics', topics, '--json', ...more);
    const child = spawn(generator, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    return new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code) => {
            if (text.startsWith('{')) resolve(JSON.parse(text));
            else reject(new Error(`load ended with ${code}: ${text}`));
        });
    });
}

const fill = (d, topics, updates, publishers) =>
    load(d, 'ingest', topics, '--publishers', String(publishers), '--window', '200', '--count', String(updates));

const paced = (d, topics, seconds) =>
    load(d, 'paced', topics, '--publishers', '20', '--rate', given.rate, '--seconds', String(seconds), '--warmup', '1');

/** Topics of new thngs, and the file that has them for the generator. */
async function makeTopics(api, name, count) {
    const topics = [];
    while (topics.length < count) {
        const { id } = await api.newThng({ name: `${name} ${topics.length}` });
        for (let key = 0; key < KEYS && topics.length < count; key++)
            topics.push(`/thngs/${id}/properties/p${key}`);
    }
    const file = path.join(folder, name);
    fs.writeFileSync(file, topics.map((topic) => `${topic}\n`).join(''));
    return { topics, file };
}

/** What the scans of the journal have said at their end, from <mark> of the log on. */
function scans(d, mark) {
    const ended = /scan of the journal ended" from=(\d+) to=(\d+) bytes=(\d+)/g;
    return [...d.stderr.slice(mark).matchAll(ended)].map(([, from, to, bytes]) => ({
        events: to - from,
        bytes: Number(bytes),
    }));
}

const row = (name, result, more = '') => [
    name,
    thousands(result.rate),
    `${(result.delivery_p50_us / 1000).toFixed(1)} ms`,
    `${(result.delivery_p99_us / 1000).toFixed(1)} ms`,
    more,
];

/** The largest resident size while <promise> is not settled. */
async function watchMemory(d, promise) {
    let most = 0;
    let isOver = false;
    const over = promise.finally(() => (isOver = true));
    over.catch(() => {});
    while (!isOver) {
        most = Math.max(most, measure.residentMiB(d.pid));
        await measure.sleep(50);
    }
    await over;
    return most;
}

async function sleeper(d, api) {
    const updates = Number(given.updates);
    const { topics, file } = await makeTopics(api, 'sleeper', PUBLISHERS);
    const live = await makeTopics(api, 'live', 20);
    const one = new Sleeper('sleeper', topics.slice(0, OWN));
    await one.begin(d);
    const filled = await fill(d, file, updates, PUBLISHERS);
    const wanted = Math.floor(updates / PUBLISHERS) * OWN + Math.min(updates % PUBLISHERS, OWN);
    const alone = await paced(d, live.file, given.seconds);
    const before = measure.residentMiB(d.pid);
    const beside = paced(d, live.file, given.seconds);
    await measure.sleep(2000);
    const from = performance.now();
    const most = await watchMemory(d, one.wake(d, wanted));
    const seconds = (performance.now() - from) / 1000;
    one.client.end();
    measure.printTable([
        ['one sleeper', 'updates/s', 'delivery p50', 'p99', ''],
        row(`${thousands(given.rate)}/s alone`, alone),
        row(`${thousands(given.rate)}/s beside it`, await beside),
    ]);
    console.log(
        `${thousands(wanted)} of its own among ${thousands(updates)} (written at ` +
            `${thousands(filled.rate)}/s), each once and in order, in ${seconds.toFixed(1)} s: ` +
            `${thousands(wanted / seconds)}/s\n` +
            `memory ${before.toFixed(0)} MiB before, at most ${most.toFixed(0)} MiB\n`,
    );
}

/** All at once: not one after the other, and not more at a time than the backlog of a socket. */
async function eachOf(items, work) {
    const left = items.values();
    const worker = async () => {
        for (const item of left) await work(item);
    };
    await Promise.all(Array.from({ length: 200 }, worker));
}

async function herd(d, api) {
    const updates = Number(given.updates);
    const count = Number(given.herd);
    const publishers = Math.min(count, 1000);
    const { topics, file } = await makeTopics(api, 'herd', publishers);
    const all = Array.from(
        { length: count },
        (_, i) => new Sleeper(`herd-${i}`, [topics[i % publishers]]),
    );
    await eachOf(all, (one) => one.begin(d));
    const wanted = (i) =>
        Math.floor(updates / publishers) + (i % publishers < updates % publishers ? 1 : 0);
    await fill(d, file, updates, publishers);
    const mark = d.stderr.length;
    const from = performance.now();
    const before = measure.residentMiB(d.pid);
    const most = await watchMemory(d, Promise.all(all.map((one, i) => one.wake(d, wanted(i)))));
    const seconds = (performance.now() - from) / 1000;
    await measure.sleep(1000); // until the scans have come to their ends
    const done = scans(d, mark);
    const sum = (key) => done.reduce((total, scan) => total + scan[key], 0);
    const reads = sum('events') / updates;
    for (const one of all) one.client.end();
    console.log(
        `${thousands(count)} sessions, each ${thousands(updates)} updates behind, had all theirs in ` +
            `${seconds.toFixed(1)} s; ${done.length} scans read the journal ${reads.toFixed(2)} times, ` +
            `${(sum('bytes') / 2 ** 20).toFixed(0)} MiB\n` +
            `memory ${before.toFixed(0)} MiB before, at most ${most.toFixed(0)} MiB\n`,
    );
    if (reads > READS_MAX) throw new Error(`the journal was read ${reads.toFixed(2)} times`);
}

async function run(name, bench, more = {}) {
    if (given.only !== undefined && given.only !== name) return;
    fs.rmSync(given.data, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(path.resolve(given.data)), { recursive: true });
    const d = new Daemon({ data: path.resolve(given.data), set: { ...settings, ...more } });
    await d.start();
    try {
        await bench(d, new Rest(d.url.http, d.key, { timeout: 600000 }));
    } finally {
        if (d.isAlive) await d.terminate().catch((error) => console.error(error.message));
        d.kill9();
    }
}

async function main() {
    const cpus = os.cpus();
    console.log(
        `machine    ${cpus.length} x ${cpus[0].model.trim()}, load ${os.loadavg()[0].toFixed(2)}\n`,
    );
    try {
        await run('sleeper', sleeper, { 'mqtt.inflight_max': String(WINDOW) });
        await run('herd', herd);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

main().catch((error) => {
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
});
