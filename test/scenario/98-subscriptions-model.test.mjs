// SPDX-License-Identifier: Apache-2.0
// Many topics with many subscriptions each, unsubscribed and resubscribed at random while updates
// pour in: deliveries equal a model's, exactly (lib/subscription-model.mjs says what that means).
// The seed is printed; THRUM_TEST_SEED repeats a run. THRUM_TEST_FULL=1: 10,000 topics with 100
// subscriptions each, and memory and rates are told.
import { readFileSync } from 'node:fs';
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually, slow, sleep, within } from './lib/daemon.mjs';
import * as packets from './lib/packets.mjs';
import { seeded } from './lib/random.mjs';
import { QuickMqtt } from './lib/quick-mqtt.mjs';
import { SubscriptionModel } from './lib/subscription-model.mjs';
import { SubscriptionWorld, makeResources, sizesFor } from './lib/subscription-world.mjs';

const { type } = packets;
const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
const isFull = process.env.THRUM_TEST_FULL === '1';
const size = isFull
    ? { topics: 10000, each: 100, connections: 125, rounds: 5, mutations: 8000 }
    : slow > 1
      ? { topics: 1000, each: 40, connections: 50, rounds: 3, mutations: 1500 }
      : { topics: 2000, each: 50, connections: 63, rounds: 3, mutations: 2000 };
const IN_ONE_PACKET = 500; // filters
const AT_FIRST = 9000; // subscriptions of one connection
const AT_MOST = 9900; // a session may have 10,000
const BACKLOG = 200000; // deliveries that may be on their way
const UNACKNOWLEDGED = 200; // publishes of one connection
const PATIENCE_MS = 60000; // with what has been published, when all is quiet
console.log(`# seed ${seed}`);

const chance = seeded(seed);
const { random, below, pick, some } = chance;
const kibibytes = (d) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${d.pid}/status`))[1]);

/** A connection that subscribes and publishes, and tells the model of everything. */
class Client {
    constructor(index, storm) {
        this.index = index;
        this.storm = storm;
        this.model = storm.model.connections[index];
        this.packetId = 0;
        this.publishes = []; // not acknowledged: { id, number }, or a mark's
        this.markTopic = `/thngs/${storm.markThng}/properties/mark-${index}`;
        this.marks = []; // on their way: { committed, resolve }
        this.owed = []; // topics that it will subscribe to again
    }

    async open(d) {
        this.wire = await QuickMqtt.open(d.port.mqtt, d.key, `model-${this.index}`, this);
        const granted = new Promise((resolve) => {
            this.markGranted = resolve;
        });
        this.wire.send(packets.subscribe(this.nextId(), [this.markTopic, 1]));
        await within(20000, 'the mark is subscribed to', granted);
    }

    nextId() {
        this.packetId = (this.packetId % 65535) + 1;
        return this.packetId;
    }

    /* ---- what comes ---- */

    failed(error) {
        this.storm.failure ??= error;
    }

    message(text, payload, qos) {
        if (text === this.markTopic) {
            const { committed, resolve } = this.marks.shift();
            this.model.marked(committed);
            resolve();
            return;
        }
        const { model, world } = this.storm;
        const spelling = model.byText.get(text);
        if (spelling === undefined) throw new Error(`nobody subscribed to ${text}`);
        const number = world.numberOf(model.spellings[spelling].topic, payload);
        if (number === undefined) throw new Error(`${text}: ${payload}`);
        this.model.message(spelling, number, qos);
    }

    acknowledged(kind, id, codes) {
        if (kind === type.puback) this.published(id);
        else if (this.markGranted) {
            this.markGranted();
            this.markGranted = null;
        } else this.model.answered(id, codes);
    }

    published(id) {
        let one;
        do {
            one = this.publishes.shift();
            assert.ok(one, `PUBACK ${id} of nothing`);
        } while (one.id === 0);
        if (one.number !== undefined) this.storm.model.commit(one.number);
        assert.equal(id, one.id, 'publishes are acknowledged in order');
    }

    /* ---- what is sent ---- */

    publish({ topics, topic, body }) {
        const { model } = this.storm;
        const isMixed = topics.some((one) => model.topics[one].isMixed);
        const qos = isMixed || random() < 0.7 ? 1 : 0;
        const number = model.publish(topics, qos);
        const id = qos ? this.nextId() : 0;
        this.publishes.push({ id, number });
        for (const one of topics) this.storm.expected += this.storm.count[one];
        const text = pick(model.topics[topic].spellings);
        this.wire.send(packets.publish(text, body(number), { qos, id }));
    }

    /** Sends itself something: when it is back, so is all that was acknowledged before. */
    mark() {
        const back = new Promise((resolve) => {
            this.marks.push({ committed: this.model.mark(), resolve });
        });
        const id = this.nextId();
        this.publishes.push({ id });
        this.wire.send(packets.publish(this.markTopic, '[{"value":1}]', { qos: 1, id }));
        return back;
    }

    subscribe(wishes) {
        if (wishes.length === 0) return;
        const id = this.nextId();
        const filters = wishes.map(([spelling, qos]) => [
            this.storm.model.spellings[spelling].text,
            qos,
        ]);
        this.counted(() => this.model.subscribe(id, wishes), wishes.map(([spelling]) => spelling));
        this.wire.send(packets.subscribe(id, ...filters));
    }

    unsubscribe(spellings) {
        if (spellings.length === 0) return;
        const id = this.nextId();
        const filters = spellings.map((spelling) => this.storm.model.spellings[spelling].text);
        this.counted(() => this.model.unsubscribe(id, spellings), spellings);
        this.wire.send(packets.unsubscribe(id, ...filters));
    }

    /* Keeps count of the subscriptions of the topics that <change> is about. */
    counted(change, spellings) {
        const topics = [...new Set(spellings.map((one) => this.storm.model.spellings[one].topic))];
        const before = topics.map((topic) => this.model.wantedOf(topic).length);
        change();
        topics.forEach((topic, i) => {
            this.storm.count[topic] += this.model.wantedOf(topic).length - before[i];
        });
    }

    /* ---- what it does at random ---- */

    newWish(topic) {
        const { first, spellings } = this.storm.model.topics[topic];
        return [first + below(spellings.length), below(2)];
    }

    /** Some of its subscriptions, of different topics. */
    someOfMine(wanted) {
        const found = new Map();
        for (let i = 0; i < wanted; i++) {
            const topic = below(this.storm.model.topics.length);
            const mine = this.model.wantedOf(topic);
            if (mine.length) found.set(topic, pick(mine));
        }
        return [...found.values()];
    }

    topicsOf(spellings) {
        return spellings.map((spelling) => this.storm.model.spellings[spelling].topic);
    }

    async churn() {
        const mine = this.someOfMine(1 + below(150));
        const topics = this.topicsOf(mine);
        const way = below(6);
        if (way === 0) {
            // away and back at once, with another QoS maybe
            this.unsubscribe(mine);
            this.subscribe(mine.map((spelling) => [spelling, below(2)]));
        } else if (way === 1 && this.model.requests.length === 0) {
            // once more, which replaces; and a different spelling, which is one more
            this.subscribe(mine.map((spelling) => [spelling, below(2)]));
            this.unsubscribe(mine.slice(0, mine.length / 2));
            this.owed.push(...topics.slice(0, mine.length / 2));
        } else if (way === 2) {
            // other spellings, which stand for the whole topic when they are not subscribed to
            this.unsubscribe(topics.map((topic) => this.newWish(topic)[0]));
            this.owed.push(...topics);
        } else if (way === 3) {
            // what is known to have come before
            await this.mark();
            this.unsubscribe(this.someOfMine(50));
            this.owed.push(...topics.slice(0, 50));
        } else if (way === 4) this.aroundOwn();
        else this.repay();
    }

    /** Its own packets, one behind the other: the order of publishing and subscribing is plain. */
    aroundOwn() {
        const mutation = this.storm.world.randomOf(chance, this.index);
        if (!mutation || this.index === 0) return;
        const fresh = mutation.topics.filter((topic) => this.model.wantedOf(topic).length === 0);
        this.publish(mutation);
        this.subscribe(fresh.map((topic) => this.newWish(topic)));
        this.publish(mutation);
        this.publish(mutation);
    }

    repay() {
        const topics = [...new Set(this.owed.splice(0, 300))];
        const wishes = topics
            .map((topic) => this.newWish(topic))
            .filter(([spelling]) => !this.model.isWanted[spelling]);
        this.subscribe(wishes.slice(0, Math.max(0, AT_MOST - this.model.count)));
    }
}

class Storm {
    constructor(world, markThng) {
        this.world = world;
        this.markThng = markThng;
        this.model = new SubscriptionModel(world.topics, size.connections, seed);
        this.count = new Int32Array(world.topics.length); // subscriptions of each topic
        this.expected = 0; // deliveries, about
        this.clients = this.model.connections.map((_, index) => new Client(index, this));
    }

    async until(what, probe) {
        await eventually(what, () => this.failure || probe(), 300000);
        if (this.failure) throw this.failure;
    }

    /** Every topic gets its subscriptions, each of a connection and a spelling of its own. */
    async subscribeAll() {
        const wishes = this.clients.map(() => []);
        for (const { first, spellings } of this.model.topics) {
            const taken = new Set();
            while (taken.size < size.each) {
                const connection = below(size.connections);
                const spelling = below(spellings.length);
                const one = connection * spellings.length + spelling;
                if (taken.has(one) || wishes[connection].length >= AT_FIRST) continue;
                taken.add(one);
                wishes[connection].push([first + spelling, below(2)]);
            }
        }
        for (let from = 0; wishes.some((mine) => mine.length > from); from += IN_ONE_PACKET)
            for (const client of this.clients) {
                client.subscribe(wishes[client.index].slice(from, from + IN_ONE_PACKET));
            }
        await this.answered();
    }

    answered() {
        return this.until('all requests are answered', () =>
            this.clients.every((client) => client.model.requests.length === 0),
        );
    }

    async unsubscribeAll() {
        for (const client of this.clients) {
            const mine = [];
            for (let spelling = 0; spelling < client.model.isWanted.length; spelling++)
                if (client.model.isWanted[spelling]) mine.push(spelling);
            for (let from = 0; from < mine.length; from += IN_ONE_PACKET)
                client.unsubscribe(mine.slice(from, from + IN_ONE_PACKET));
        }
        await this.answered();
    }

    /** Nobody waits for anything any more. */
    async settle() {
        await this.answered();
        await this.marks();
        const end = Date.now() + PATIENCE_MS * slow;
        await this.until(
            'everybody has had everything',
            () => this.model.hasAll() || Date.now() > end,
        );
        this.expected = this.model.delivered;
        return this.model.checkAll(); // says what is missing
    }

    async marks() {
        let back = 0;
        for (const client of this.clients) {
            client.mark().then(() => {
                back++;
            });
        }
        await this.until('all marks are back', () => back === this.clients.length);
    }

    /** Mutations and changes of subscriptions, as fast as everybody can. */
    async rage(mutations) {
        const busy = new Set();
        for (let done = 0; done < mutations;) {
            for (let i = 0; i < 20; i++, done++) {
                const mutation = this.world.random(chance);
                const client = this.clients[mutation.owner];
                if (client.publishes.length < UNACKNOWLEDGED) client.publish(mutation);
            }
            for (const client of some(this.clients, 0.03)) {
                if (client.model.requests.length > 2 || busy.has(client)) continue;
                busy.add(client);
                client
                    .churn()
                    .catch((error) => client.failed(error))
                    .finally(() => busy.delete(client));
            }
            await sleep(0);
            if (this.failure) throw this.failure;
            if (this.expected - this.model.delivered > BACKLOG)
                await this.until(
                    'the backlog shrinks',
                    () => this.expected - this.model.delivered < BACKLOG / 2,
                );
        }
        await this.until('the last marks are back', () => busy.size === 0);
    }
}

scenario(`subscriptions against a model (THRUM_TEST_SEED=${seed})`, {}, (d) => {
    let storm;
    const told = [];
    const tell = (what, count, from, unit = 'subscriptions') => {
        const seconds = (Date.now() - from) / 1000;
        const rate = (count / seconds).toFixed(0);
        told.push(`${what}: ${count} ${unit} in ${seconds.toFixed(1)} s, ${rate}/s`);
    };

    it('everything in one storm', async () => {
        const resources = await makeResources(d, sizesFor(size.topics), random);
        const { id: markThng } = await d.api.newThng({ name: 'marks' });
        storm = new Storm(new SubscriptionWorld(resources, size.connections), markThng);
        for (const client of storm.clients) await client.open(d);

        const empty = kibibytes(d);
        let from = Date.now();
        await storm.subscribeAll();
        const count = await storm.settle();
        assert.equal(count, storm.world.topics.length * size.each);
        tell(`${storm.world.topics.length} topics subscribed to`, count, from);
        const full = kibibytes(d);
        told.push(
            `memory: ${empty} KiB before, ${full} KiB with them, ` +
                `${(((full - empty) * 1024) / count).toFixed(0)} bytes each`,
        );

        for (let round = 0; round < size.rounds; round++) {
            from = Date.now();
            const before = storm.model.delivered;
            await storm.rage(size.mutations);
            const live = await storm.settle();
            tell(`round ${round}, ${live} live`, storm.model.delivered - before, from, 'deliveries');
        }

        from = Date.now();
        const left = await storm.settle();
        await storm.unsubscribeAll();
        tell('unsubscribed', left, from);
        for (let i = 0; i < 200; i++) {
            const mutation = storm.world.random(chance);
            storm.clients[mutation.owner].publish(mutation);
        }
        const delivered = storm.model.delivered;
        assert.equal(await storm.settle(), 0);
        assert.equal(storm.model.delivered, delivered);
        told.push(`memory: ${kibibytes(d)} KiB without them, ${delivered} deliveries in all`);
        for (const line of told) console.log(`# ${line}`);
        for (const client of storm.clients) client.wire.end();
    });
});
