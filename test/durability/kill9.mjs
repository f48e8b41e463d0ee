#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// The durability test: under a load of QoS 1 publishes the daemon is killed with SIGKILL at random
// moments, and started again on what it left.
//
//     test/durability/kill9.mjs [--rounds 20] [--seed N] [--clients 40] [--window 10] [--most-ms 1500]
//
// After each start it must hold, for every client (each has a property of its own and counts up,
// so every value is unique and the order is known):
//   1. every acknowledged value is in the history exactly once;
//   2. every value that a subscriber has seen is in the history (nothing is announced before it is
//      durable), and so is every thng whose POST was answered 201;
//   3. a value that was sent and not acknowledged is there once or not at all, nothing else is there,
//      and the history is in the order of sending;
//   4. the latest value is the newest of the history.
// Senders do not send again after a kill: MQTT clients that do may store such a value twice, as
// "at least once" says.
//
// A round is one of: a kill under load; a kill just after the load (roll-ups and projections are
// at work then); kills during the start itself, each followed by another start. Roll-ups are made
// small and frequent, so that kills fall into them. The seed is printed and replays the choices,
// though not the scheduling. SIGKILL leaves what the kernel has taken over: this tests the order of
// acknowledging and writing, and recovery, not the disk.
import { parseArgs } from 'node:util';
import { Daemon, sleep, within } from '../scenario/lib/daemon.mjs';
import { RawMqtt, publish, subscribe, type } from '../scenario/lib/packets.mjs';
import { Rest } from '../scenario/lib/rest.mjs';

const { values: given } = parseArgs({
    options: {
        rounds: { type: 'string', default: '20' },
        seed: { type: 'string' },
        clients: { type: 'string', default: '40' },
        window: { type: 'string', default: '10' },
        'most-ms': { type: 'string', default: '1500' },
    },
});
const rounds = Number(given.rounds);
const clientCount = Number(given.clients);
const window = Number(given.window);
const mostMs = Number(given['most-ms']);
const seed = given.seed === undefined ? Date.now() % 2 ** 32 : Number(given.seed);

/** mulberry32: small, seeded, good enough to choose moments. */
function generator(state) {
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}
const random = generator(seed);
const between = (low, high) => low + random() * (high - low);

/** What one client knows about its property; lives through all rounds. */
class Ledger {
    constructor(thngId, key) {
        this.path = `/thngs/${thngId}/properties/${key}`;
        this.sent = 0; // values 1 to sent have been sent
        this.settled = 0; // values up to here were sent in rounds already checked
        this.acked = new Set(); // of this round
        this.seen = new Set(); // of this round, by the subscriber
        this.kept = []; // values found in earlier rounds, in order
        this.ackedInAll = 0;
    }
}

/** Sends without end, <window> at a time, and notes what is acknowledged. */
class Sender extends RawMqtt {
    run(ledger) {
        this.ledger = ledger;
        this.first = ledger.sent;
        this.count = 0; // acknowledgements come in the order of sending
        this.onPacket = (packet) => {
            if (packet.type !== type.puback) return;
            if (packet.id !== (this.count % 65535) + 1)
                throw new Error(`PUBACK ${packet.id} out of order`);
            this.count += 1;
            ledger.acked.add(this.first + this.count);
            this.fill();
        };
        this.fill();
    }

    fill() {
        const { ledger } = this;
        const packets = [];
        while (ledger.sent - this.first - this.count < window && !this.isClosed) {
            ledger.sent += 1;
            packets.push(
                publish(ledger.path, `[{"value":${ledger.sent}}]`, {
                    qos: 1,
                    id: ((ledger.sent - this.first - 1) % 65535) + 1,
                }),
            );
        }
        if (packets.length) this.send(...packets);
    }

    take(chunk) {
        super.take(chunk);
        if (this.onPacket) for (const packet of this.packets.splice(0)) this.onPacket(packet);
    }
}

/** Notes the values that it is sent. */
async function watch(d, ledgers) {
    const client = await RawMqtt.open(d.port.mqtt);
    await client.login(d.key, { clientId: 'watcher' });
    for (let i = 0; i < ledgers.length; i++) {
        client.send(subscribe(i + 1, [ledgers[i].path, 0]));
        await client.next(type.suback);
    }
    const byPath = new Map(ledgers.map((ledger) => [ledger.path, ledger]));
    const take = client.take.bind(client);
    client.take = (chunk) => {
        take(chunk);
        for (const packet of client.packets.splice(0)) {
            if (packet.type === type.publish)
                byPath.get(packet.topic).seen.add(JSON.parse(packet.payload)[0].value);
        }
    };
    return client;
}

/** Creates thngs one after the other until the daemon is gone; the ids that were answered. */
async function createThngs(api, created) {
    for (;;) {
        const answer = await api.post('/thngs', { name: 'under load' }).catch(() => null);
        if (answer?.status !== 201) return;
        created.push(answer.body.id);
    }
}

async function load(d, ledgers, created) {
    const senders = await Promise.all(
        ledgers.map(async (ledger, i) => {
            const sender = await Sender.open(d.port.mqtt);
            await sender.login(d.key, { clientId: `sender-${i}` });
            return sender;
        }),
    );
    const watcher = await watch(
        d,
        ledgers.filter((_, i) => i % 4 === 0),
    );
    senders.forEach((sender, i) => sender.run(ledgers[i]));
    const creating = createThngs(new Rest(d.url.http, d.key), created);
    return {
        stop() {
            for (const sender of senders) {
                sender.onPacket = null;
                sender.destroy();
            }
        },
        /** The daemon is dead: take what still lies in the sockets, then let go. */
        async end() {
            await creating;
            await Promise.all(
                [...senders, watcher].map(
                    (client) => client.isClosed || client.closed(5000).catch(() => {}),
                ),
            );
            for (const client of [...senders, watcher]) client.destroy();
        },
    };
}

/** The values of this round, oldest first: newest first page by page, until an earlier one comes. */
async function readSince(api, ledger) {
    const found = [];
    let url = `${api.base}${ledger.path}?perPage=100`;
    while (url) {
        const answer = await api.get(url.slice(api.base.length));
        if (answer.status !== 200)
            throw new Error(`${ledger.path}: ${answer.status} ${answer.text}`);
        for (const { value } of answer.body) {
            if (value <= ledger.settled) return found.reverse();
            found.push(value);
        }
        const link = /^<([^>]*)>; rel="next"$/.exec(answer.headers.link ?? '');
        url = link ? decodeURIComponent(link[1]) : null;
    }
    return found.reverse();
}

function judge(ledger, found, latest) {
    const faults = [];
    const stored = new Set(found);
    const missing = [...ledger.acked].filter((value) => !stored.has(value));
    const unseen = [...ledger.seen].filter((value) => value > ledger.settled && !stored.has(value));
    if (missing.length)
        faults.push(`${missing.length} acknowledged values are missing: ${missing.slice(0, 5)}`);
    if (unseen.length)
        faults.push(`${unseen.length} delivered values are missing: ${unseen.slice(0, 5)}`);
    if (stored.size !== found.length)
        faults.push(`${found.length - stored.size} values are stored twice`);
    const foreign = found.filter((value) => value > ledger.sent || value <= ledger.settled);
    if (foreign.length) faults.push(`values that were never sent: ${foreign.slice(0, 5)}`);
    if (found.some((value, i) => i > 0 && value <= found[i - 1]))
        faults.push('the history is out of order');
    const newest = found.at(-1) ?? ledger.kept.at(-1);
    if (latest !== newest)
        faults.push(`the latest value is ${latest}, the newest in the history ${newest}`);
    return faults.map((fault) => `${ledger.path}: ${fault}`);
}

async function check(d, ledgers, created) {
    const api = new Rest(d.url.http, d.key);
    const faults = [];
    let acked = 0;
    for (const ledger of ledgers) {
        const found = await readSince(api, ledger);
        const thng = await api.must(200, 'GET', ledger.path.split('/properties/')[0]);
        faults.push(...judge(ledger, found, thng.properties[ledger.path.split('/').at(-1)]));
        acked += ledger.acked.size;
        ledger.kept.push(...found);
        ledger.ackedInAll += ledger.acked.size;
        ledger.settled = ledger.sent;
        ledger.acked.clear();
        ledger.seen.clear();
    }
    for (const id of created.splice(0)) {
        const answer = await api.get(`/thngs/${id}`);
        if (answer.status !== 200)
            faults.push(`thng ${id} was answered 201 and is ${answer.status}`);
    }
    return { faults, acked };
}

/** Kills during the start: a few times, at moments from the first instruction to serving. */
async function killStarts(d) {
    const times = 1 + Math.floor(random() * 3);
    for (let i = 0; i < times; i++) {
        await d.launch();
        await sleep(between(0, 250));
        await d.crash();
    }
    return times;
}

async function main() {
    const d = new Daemon({
        set: {
            'store.roll_bytes': '1MiB',
            'store.roll_interval': '100ms',
            'store.tail_bytes_max': '8MiB',
        },
    });
    console.log(
        `seed ${seed}, ${rounds} rounds, ${clientCount} clients, window ${window}, data ${d.data}`,
    );
    let failed = 0;
    let total = 0;
    let kills = 0;
    try {
        await d.start();
        const api = new Rest(d.url.http, d.key);
        const ledgers = [];
        for (let i = 0; i < clientCount; i++) {
            // Four properties to a thng, so that several clients meet in one.
            const thng =
                i % 4 === 0
                    ? await api.newThng({ name: `durability ${i}` })
                    : { id: ledgers.at(-1).path.split('/')[2] };
            ledgers.push(new Ledger(thng.id, `p${i}`));
        }
        const created = [];
        for (let round = 1; round <= rounds; round++) {
            const choice = random();
            const kind = choice < 0.6 ? 'load' : choice < 0.8 ? 'after load' : 'start';
            const running = await load(d, ledgers, created);
            const after = between(20, mostMs);
            await sleep(after);
            if (kind === 'after load') {
                running.stop();
                await sleep(between(0, 300));
            }
            await d.crash();
            kills += 1;
            await running.end();
            if (kind === 'start') kills += await killStarts(d);
            const from = Date.now();
            await d.start();
            const started = Date.now() - from;
            const { faults, acked } = await within(
                120000,
                'reading everything back',
                check(d, ledgers, created),
            );
            total += acked;
            console.log(
                `${faults.length ? 'FAIL' : 'ok  '} round ${round}: ${kind}, killed after ${after.toFixed(0)} ms, ` +
                    `${acked} acknowledged, up again in ${started} ms`,
            );
            for (const fault of faults.slice(0, 20)) console.log(`     ${fault}`);
            failed += faults.length ? 1 : 0;
        }
        // At last everything of all rounds at once: what was found earlier is still there, in order.
        for (const ledger of ledgers) {
            const values = (await api.history(ledger.path)).map((point) => point.value);
            const same =
                values.length === ledger.kept.length &&
                values.every((value, i) => value === ledger.kept[i]);
            if (!same) {
                failed += 1;
                console.log(
                    `FAIL ${ledger.path}: ${values.length} values at the end, ${ledger.kept.length} found on the way`,
                );
            }
        }
        await d.terminate();
        d.check();
    } catch (error) {
        failed += 1;
        console.log(`FAIL ${error.stack}\n${d.output()}`);
    } finally {
        await d.crash().catch(() => {});
        if (failed) console.log(`the data folder stays: ${d.data}`);
        else d.removeData();
    }
    console.log(`${kills} kills, ${total} acknowledged updates, seed ${seed}`);
    console.log(failed ? `FAILED (${failed})` : 'passed');
    process.exitCode = failed ? 1 : 0;
}

main();
