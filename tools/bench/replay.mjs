#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Replays under load: updates at a fixed rate, each delivered to a subscriber, while others join with
// ?from= and ?last=, are sent the history and then what is live, and leave again. Every value is a
// counter, so each joiner checks that it gets every sample once, in order.
//
//     tools/bench/replay.mjs                           50,000 updates/s for 30 s, three joiners
//     tools/bench/replay.mjs --rate 20000 --seconds 60 --joiners 8 --data DIR
//
// The generator, the joiners and thrumd share the machine. The first line is the same load without
// joiners. It fails when one sample is missing, comes twice or out of order.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Daemon, root, within } from '../../test/scenario/lib/daemon.mjs';
import { RawSocket, connect, read, subscribe, type } from '../../test/scenario/lib/packets.mjs';
import { Rest } from '../../test/scenario/lib/rest.mjs';
import * as measure from './measure.mjs';

const generator = process.env.LOAD ?? path.join(root, 'build/release/bench/load');
const { values: given } = parseArgs({
    options: {
        rate: { type: 'string', default: '50000' },
        seconds: { type: 'string', default: '30' },
        joiners: { type: 'string', default: '3' },
        data: { type: 'string', default: path.join(root, 'build/bench-data') },
    },
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'thrum-bench-'));
const { thousands, median } = measure;

const THNGS = 25;
const PROPERTIES = 4; // of each, with a publisher of its own
const LIVE_MS = 500; // a joiner stays so long after it has caught up

/** The messages of one subscription, checked as they come. */
class Joiner extends RawSocket {
    constructor({ filter, last }) {
        super();
        this.filter = filter;
        this.last = last; // 0: from the first on
        this.next = new Map(); // the value that is due, by key
        this.count = 0;
        this.history = 0; // messages until it had caught up
    }

    take(chunk) {
        this.bytes = this.bytes.length ? Buffer.concat([this.bytes, chunk]) : chunk;
        for (let found; this.bytes.length > 1 && (found = read(this.bytes));) {
            this.bytes = found.rest;
            if (found.packet.type === type.publish) this.check(found.packet.payload);
            else if (found.packet.type === type.suback) this.granted = found.packet.codes;
            else if (found.packet.type === type.connack) this.code = found.packet.code;
        }
        this.wake();
    }

    check(payload) {
        for (const { key, value, createdAt } of JSON.parse(payload)) {
            const due = this.next.get(key) ?? (this.last ? value : 0);
            if (value !== due) this.fault ??= `${this.filter}: ${key} ${value}, due was ${due}`;
            this.next.set(key, value + 1);
            this.count += 1;
            this.newest = createdAt;
        }
        if (!this.caughtUp && this.newest >= this.since) {
            this.caughtUp = performance.now();
            this.history = this.count;
        }
    }

    async join(d) {
        this.send(connect({ user: 'authorization', password: d.key, clientId: `j${Math.random()}` }));
        await this.until('CONNACK', () => this.code === 0);
        this.since = Date.now();
        this.asked = performance.now();
        this.send(subscribe(1, [this.filter, 0]));
        await this.until('SUBACK', () => this.granted?.[0] === 0, 30000);
        this.grantedIn = performance.now() - this.asked;
    }
}

/** What the next joiner asks for. */
function wish(ids, i) {
    const thng = `/thngs/${ids[(i * 7) % ids.length]}/properties`;
    const last = 1 + ((i * 1009) % 8000);
    return [
        { filter: `${thng}/p${i % PROPERTIES}?from=0`, last: 0 },
        { filter: `${thng}?from=-1h`, last: 0 },
        { filter: `${thng}/p${i % PROPERTIES}?last=${last}`, last },
        { filter: `${thng}?last=${last}`, last },
    ][i % 4];
}

/** Joins, follows, leaves, again and again until <isOver>. */
async function joining(d, ids, numbers, isOver, done) {
    while (!isOver()) {
        const joiner = await Joiner.open(d.port.mqtt, wish(ids, numbers.next++));
        await joiner.join(d);
        const end = () => joiner.fault || joiner.caughtUp || isOver();
        while (!end()) await Promise.race([joiner.changed(), measure.sleep(100)]);
        if (!isOver()) await measure.sleep(LIVE_MS);
        joiner.destroy();
        if (joiner.fault) throw new Error(joiner.fault);
        done.push(joiner);
    }
}

function load(d, topics) {
    const args = ['paced', '--qos', '1', '--publishers', String(THNGS * PROPERTIES)];
    args.push('--rate', given.rate, '--host', '127.0.0.1', '--port', String(d.port.mqtt));
    args.push('--user', 'authorization', '--password-file', d.keyFile, '--topics', topics);
    args.push('--seconds', given.seconds, '--warmup', '1', '--json');
    const child = spawn(generator, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (more) => (text += more));
    const ended = new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code) => {
            if (text.startsWith('{')) resolve(JSON.parse(text));
            else reject(new Error(`load ended with ${code}: ${text}`));
        });
    });
    return within((Number(given.seconds) + 120) * 1000, 'the load', ended);
}

async function makeTopics(api, name) {
    const ids = [];
    const lines = [];
    for (let i = 0; i < THNGS; i++) {
        const { id } = await api.newThng({ name: `${name} ${i}` });
        ids.push(id);
        for (let p = 0; p < PROPERTIES; p++) lines.push(`/thngs/${id}/properties/p${p}\n`);
    }
    const file = path.join(folder, name);
    fs.writeFileSync(file, lines.join(''));
    return { ids, file };
}

const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const row = (name, result) => [
    name,
    thousands(result.rate),
    String(result.lost),
    ms(result.delivery_p50_us / 1000),
    ms(result.delivery_p99_us / 1000),
    ms(result.ack_p99_us / 1000),
];

async function run(d, api) {
    const rows = [['updates/s', 'delivered/s', 'lost', 'delivery p50', 'p99', 'ack p99']];
    rows.push(row(`${thousands(given.rate)} alone`, await load(d, (await makeTopics(api, 'a')).file)));
    const { ids, file } = await makeTopics(api, 'b');
    let isOver = false;
    const done = [];
    const numbers = { next: 0 };
    const running = load(d, file).finally(() => (isOver = true));
    await measure.sleep(1000);
    const joiners = Array.from({ length: Number(given.joiners) }, () =>
        joining(d, ids, numbers, () => isOver, done),
    );
    const [result] = await Promise.all([running, ...joiners]);
    rows.push(row(`${thousands(given.rate)} and ${given.joiners} joiners at a time`, result));
    measure.printTable(rows);
    const caught = done.filter((joiner) => joiner.caughtUp);
    const took = caught.map((joiner) => joiner.caughtUp - joiner.asked);
    const rates = caught
        .filter((joiner) => joiner.history > 2000)
        .map((joiner) => (joiner.history * 1000) / (joiner.caughtUp - joiner.asked));
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    console.log(
        `${done.length} replays, ${thousands(sum(done.map((joiner) => joiner.count)))} samples, ` +
            'each once and in order\n' +
            `granted in ${ms(median(done.map((joiner) => joiner.grantedIn)))} ` +
            `(at most ${ms(Math.max(...done.map((joiner) => joiner.grantedIn)))}); ` +
            `caught up in ${ms(median(took))} (at most ${ms(Math.max(...took))}), ` +
            `${thousands(median(rates))} samples/s of those with more than 2,000\n`,
    );
    if (result.lost > 0) throw new Error(`${result.lost} messages were not delivered live`);
}

async function main() {
    fs.rmSync(given.data, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(path.resolve(given.data)), { recursive: true });
    const d = new Daemon({ data: path.resolve(given.data) });
    const cpus = os.cpus();
    console.log(
        `machine    ${cpus.length} x ${cpus[0].model.trim()}, load ${os.loadavg()[0].toFixed(2)}\n`,
    );
    await d.start();
    try {
        await run(d, new Rest(d.url.http, d.key, { timeout: 600000 }));
    } finally {
        if (d.isAlive) await d.terminate().catch((error) => console.error(error.message));
        d.kill9();
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

main().catch((error) => {
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
});
