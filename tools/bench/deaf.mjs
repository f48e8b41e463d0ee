#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// What clients that do not read cost those that do: one topic, many subscribers with QoS 1, a fixed
// rate; turn about without and with some more that never read. Prints the delivery times of those
// that read and what the daemon has grown by, medians of the rounds.
//
//     node tools/bench/deaf.mjs                      1,000 that read, 10 that do not, 50 messages/s
//     node tools/bench/deaf.mjs --rate 20 --subscribers 500 --deaf 50 --rounds 5 --data DIR
//     node tools/bench/deaf.mjs --set session.lag_max=500    passed to thrumd; may be repeated
//
// The messages are of a kilobyte, so that those that nobody reads would soon be felt.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Daemon, root } from '../../test/scenario/lib/daemon.mjs';
import { Rest } from '../../test/scenario/lib/rest.mjs';
import * as measure from './measure.mjs';

const generator = process.env.LOAD ?? path.join(root, 'build/release/bench/load');
const { values: given } = parseArgs({
    options: {
        rate: { type: 'string', default: '50' },
        seconds: { type: 'string', default: '10' },
        rounds: { type: 'string', default: '3' },
        subscribers: { type: 'string', default: '1000' },
        deaf: { type: 'string', default: '10' },
        set: { type: 'string', multiple: true, default: [] },
        data: { type: 'string', default: path.join(root, 'build/bench-data') },
    },
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'thrum-bench-'));

async function load(d, topics, deaf) {
    const args = ['paced', '--qos', '1', '--publishers', '1', '--subscribers', given.subscribers];
    args.push('--deaf', String(deaf), '--rate', given.rate, '--seconds', given.seconds, '--json');
    args.push('--host', '127.0.0.1', '--port', String(d.port.mqtt), '--topics', topics);
    args.push('--user', 'authorization', '--password-file', d.keyFile);
    const filling = 'x'.repeat(1000);
    args.push('--payload', `[{"key":"n","value":%d},{"key":"f","value":"${filling}"}]`);
    const before = measure.residentMiB(d.pid);
    const child = spawn(generator, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (more) => (text += more));
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(`the generator ended with ${code}: ${text}`);
    return { ...JSON.parse(text), grown: measure.residentMiB(d.pid) - before };
}

fs.rmSync(given.data, { recursive: true, force: true });
fs.mkdirSync(path.dirname(path.resolve(given.data)), { recursive: true });
const set = Object.fromEntries(given.set.map((each) => each.split('=')));
const d = new Daemon({ data: path.resolve(given.data), set });
await d.start();
try {
    const api = new Rest(d.url.http, d.key);
    const { id } = await api.newThng();
    const topics = path.join(folder, 'topics');
    fs.writeFileSync(topics, `/thngs/${id}/properties\n`);
    const kinds = [0, Number(given.deaf)];
    const results = new Map(kinds.map((deaf) => [deaf, []]));
    await load(d, topics, 0); // the daemon is warm
    for (let round = 0; round < Number(given.rounds); round++) {
        for (const deaf of kinds) results.get(deaf).push(await load(d, topics, deaf));
    }
    const of = (deaf, field) => measure.median(results.get(deaf).map((each) => each[field]));
    const micro = (value) => `${measure.thousands(value)} us`;
    measure.printTable([
        [`${given.subscribers} read, QoS 1, ${given.rate}/s`, 'delivered/s', 'p50', 'p99', 'grown by'],
        ...kinds.map((deaf) => [
            `${deaf} that never read`,
            measure.thousands(of(deaf, 'rate')),
            micro(of(deaf, 'delivery_p50_us')),
            micro(of(deaf, 'delivery_p99_us')),
            `${of(deaf, 'grown').toFixed(1)} MiB`,
        ]),
    ]);
} finally {
    await d.terminate().catch(() => {});
    fs.rmSync(folder, { recursive: true, force: true });
}
