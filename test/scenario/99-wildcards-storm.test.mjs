// SPDX-License-Identifier: Apache-2.0
// Overlapping wildcards, on connections that keep falling behind, subscribed and unsubscribed in the
// middle of a storm of updates: each subscription gets each message of each topic that it selects
// once, in the order of the topic. The seed is printed; THRUM_TEST_SEED repeats a run.
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually, sleep, slow, smallRing } from './lib/daemon.mjs';
import { publish, subscribe, type, unsubscribe } from './lib/packets.mjs';
import { QuickMqtt } from './lib/quick-mqtt.mjs';
import { seeded } from './lib/random.mjs';
import { readFilter, selects } from './lib/wildcards.mjs';

const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
console.log(`# seed ${seed}`);
const { random, below, pick, some } = seeded(seed);
const CONNECTIONS = 12;
const THNGS = 8;
const KEYS = ['a', 'b', 'c', 'd'];
const UPDATES = slow > 1 ? 1000 : 2500;
const UNACKNOWLEDGED = 200;

/** What is published: to each thng by one connection, so that the order is known. */
class Source {
    constructor(thngs) {
        this.thngs = thngs;
        this.logs = new Map(); // of each topic the numbers of its messages
        this.committed = new Map(); // of each topic, so many are known to be recorded
        this.unacknowledged = [];
        this.number = 0;
        this.packetId = 0;
    }

    async open(d) {
        this.wire = await QuickMqtt.open(d.port.mqtt, d.key, 'source', this);
    }

    failed(error) {
        this.failure ??= error;
    }

    acknowledged(kind, id) {
        const one = this.unacknowledged.shift();
        if (id !== one.id) this.failed(new Error(`PUBACK ${id} instead of ${one.id}`));
        for (const topic of one.topics) this.committed.set(topic, this.committed.get(topic) + 1);
    }

    update() {
        const path = `/thngs/${pick(this.thngs)}/properties`;
        const keys = some(KEYS, 0.5);
        if (keys.length === 0) keys.push('a');
        const topics = [path, ...keys.map((key) => `${path}/${key}`)];
        const value = (this.number += 1);
        const id = (this.packetId = (this.packetId % 65535) + 1);
        for (const topic of topics) {
            if (!this.logs.has(topic)) {
                this.logs.set(topic, []);
                this.committed.set(topic, 0);
            }
            this.logs.get(topic).push(value);
        }
        this.unacknowledged.push({ id, topics });
        const body = keys.map((key) => ({ key, value }));
        this.wire.send(publish(path, body, { qos: 1, id }));
    }
}

/** One subscription: what it has had of each topic. */
class Subscription {
    constructor(text, source) {
        this.text = text;
        this.filter = readFilter(text);
        this.source = source;
        this.low = new Map(source.committed); // what is not to come any more
        this.high = null; // from when it is granted: what is to come at the latest
        this.next = new Map();
        this.count = 0;
    }

    granted() {
        this.high = new Map([...this.source.logs].map(([topic, log]) => [topic, log.length]));
    }

    message(topic, number) {
        const log = this.source.logs.get(topic);
        const next = this.next.get(topic);
        const place = next ?? log.indexOf(number);
        const isFirst = next === undefined;
        const isTooEarly = isFirst && place < (this.low.get(topic) ?? 0);
        const isTooLate = isFirst && this.high && place > (this.high.get(topic) ?? 0);
        if (log[place] !== number || isTooEarly || isTooLate || !selects(this.filter, topic))
            throw new Error(
                `seed ${seed}: ${this.text}: ${topic}: message ${log.indexOf(number)} came, ` +
                    `${isFirst ? 'the first' : `${next} is due`}`,
            );
        this.next.set(topic, place + 1);
        this.count++;
    }

    /** The topics of which it has not had all. */
    missing() {
        return [...this.source.logs]
            .filter(([topic]) => selects(this.filter, topic))
            .map(([topic, { length }]) => {
                const next = this.next.get(topic) ?? this.high.get(topic) ?? 0;
                return { topic, next, length };
            })
            .filter(({ next, length }) => next < length)
            .map(({ topic, next, length }) => `${topic} ${next} of ${length}`);
    }
}

/** A connection with some subscriptions; it reads slowly. */
class Sink {
    constructor(index, source) {
        this.index = index;
        this.source = source;
        this.subscriptions = new Map(); // by the query, which no other has
        this.requests = [];
        this.packetId = 0;
        this.serial = 0;
    }

    async open(d) {
        this.wire = await QuickMqtt.open(d.port.mqtt, d.key, `sink-${this.index}`, this);
    }

    failed(error) {
        this.source.failed(error);
    }

    message(text, payload) {
        const [topic, query] = text.split('?');
        const one = this.subscriptions.get(query);
        if (!one) throw new Error(`seed ${seed}: ${text}: unsubscribed`);
        const points = JSON.parse(payload);
        const plain = topic.startsWith('/') ? topic : `/${topic}`;
        if (topic.startsWith('/') !== (one.filter.slash !== '')) throw new Error(`as ${text}`);
        one.message(plain, points[0].value);
    }

    acknowledged(kind, id, codes) {
        const request = this.requests.shift();
        if (request.id !== id) throw new Error(`an answer to ${id} instead of ${request.id}`);
        if (kind === type.unsuback) this.subscriptions.delete(request.query);
        else if (codes[0] === 0x80) throw new Error(`${request.one.text} is refused`);
        else request.one.granted();
    }

    subscribe(filter) {
        const query = `nr=${(this.serial += 1)}`;
        const one = new Subscription(`${filter}?${query}`, this.source);
        const id = (this.packetId += 1);
        this.subscriptions.set(query, one);
        this.requests.push({ id, one });
        this.wire.send(subscribe(id, [one.text, below(2)]));
    }

    unsubscribe() {
        const [query, one] = pick([...this.subscriptions]);
        if (!one.high || this.requests.length) return;
        const id = (this.packetId += 1);
        this.requests.push({ id, query });
        this.wire.send(unsubscribe(id, one.text));
    }

    randomFilter() {
        const thng = random() < 0.5 ? '+' : pick(this.source.thngs);
        const rest = pick(['#', 'properties', 'properties/+', 'properties/a', '+', '+/+']);
        const all = pick(['#', '+/#', `thngs/${thng}/${rest}`, `thngs/${thng}/${rest}`]);
        return pick(['', '/']) + all;
    }

    /** Stops reading for a moment, so that it falls behind; or changes something. */
    async act() {
        const way = random();
        if (way < 0.3) {
            this.wire.socket.pause();
            await sleep(below(30));
            this.wire.socket.resume();
        } else if (way < 0.65 || this.subscriptions.size < 3) this.subscribe(this.randomFilter());
        else this.unsubscribe();
    }
}

const small = { ...smallRing, 'mqtt.inflight_max': '7' };

for (const [name, set] of [
    ['', { 'mqtt.inflight_max': '7' }],
    [', and a small ring', small],
])
    scenario(`wildcards in a storm${name} (THRUM_TEST_SEED=${seed})`, { set }, (d) => {
        it('each message once for each subscription, in order', async () => {
            const thngs = [];
            for (let i = 0; i < THNGS; i++) thngs.push((await d.api.newThng()).id);
            const source = new Source(thngs);
            await source.open(d);
            const sinks = Array.from({ length: CONNECTIONS }, (_, i) => new Sink(i, source));
            for (const sink of sinks) {
                await sink.open(d);
                for (let i = 0; i < 4; i++) sink.subscribe(sink.randomFilter());
            }
            const busy = new Set();
            for (let done = 0; done < UPDATES && !source.failure; ) {
                for (let i = 0; i < 20 && source.unacknowledged.length < UNACKNOWLEDGED; i++) {
                    source.update();
                    done++;
                }
                for (const sink of some(sinks, 0.2)) {
                    if (busy.has(sink)) continue;
                    busy.add(sink);
                    sink.act().finally(() => busy.delete(sink));
                }
                await sleep(0);
            }
            const all = () => sinks.flatMap((sink) => [...sink.subscriptions.values()]);
            const isOver = () =>
                source.failure ||
                (busy.size === 0 &&
                    source.unacknowledged.length === 0 &&
                    sinks.every((sink) => sink.requests.length === 0) &&
                    all().every((one) => one.missing().length === 0));
            await eventually('everything has come', isOver, 30000).catch(() => {});
            await sleep(200); // and nothing twice
            if (source.failure) throw source.failure;
            for (const one of all())
                assert.deepEqual(one.missing(), [], `seed ${seed}: ${one.text}`);
            const last = all().reduce((sum, one) => sum + one.count, 0);
            console.log(`# ${all().length} subscriptions are left, with ${last} messages`);
            assert.ok(last > UPDATES);
            for (const { wire } of [source, ...sinks]) wire.end();
        });
    });
