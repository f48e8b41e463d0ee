// SPDX-License-Identifier: Apache-2.0
// One subscriber sleeps through many updates of its topics among ten times as many of others: it
// comes back and gets exactly its own, each once and in order, beside what is live; and the daemon
// does not keep any of it in memory.
import { readFileSync } from 'node:fs';
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually, slow } from './lib/daemon.mjs';
import { publish, subscribe } from './lib/packets.mjs';
import { KeptMqtt, QuickMqtt } from './lib/quick-mqtt.mjs';

const OWN = slow > 1 ? 10000 : 100000; // updates
const KEYS = Array.from({ length: 10 }, (_, i) => `p${i}`);
const UNACKNOWLEDGED = 500;
const GROWTH_MAX = 64; // MiB

/** Publishes without a pause, so many not acknowledged at a time. */
class Publisher {
    static async open(d, name) {
        const publisher = new this();
        Object.assign(publisher, { id: 0, sent: 0, done: 0, wake: () => {} });
        publisher.wire = await QuickMqtt.open(d.port.mqtt, d.key, name, publisher);
        return publisher;
    }

    acknowledged() {
        this.done += 1;
        this.wake();
    }

    failed(error) {
        this.failure = error;
        this.wake();
    }

    async until(probe) {
        while (!probe()) {
            if (this.failure) throw this.failure;
            await new Promise((resolve) => (this.wake = resolve));
        }
    }

    async say(topic, points) {
        await this.until(() => this.sent - this.done < UNACKNOWLEDGED);
        this.id = (this.id % 65535) + 1;
        this.sent += 1;
        this.wire.send(publish(topic, points, { qos: 1, id: this.id }));
    }

    ended() {
        return this.until(() => this.done === this.sent);
    }
}

/** Whoever gets values of topics: of each topic 0, 1, 2 ... */
class Reader {
    constructor(topics) {
        this.topics = topics;
        this.next = new Map(topics.map((topic) => [topic, 0]));
        this.count = 0;
    }

    async open(d, name, kind = QuickMqtt) {
        this.isGranted = false;
        this.wire = await kind.open(d.port.mqtt, d.key, name, this);
    }

    async subscribed() {
        this.wire.send(subscribe(1, ...this.topics));
        await eventually('SUBACK', () => this.isGranted);
    }

    message(topic, payload, qos, isAgain) {
        const value = Number(/"value":(\d+)/.exec(payload)[1]);
        if (value !== this.next.get(topic) || isAgain)
            throw new Error(`${topic}: ${value}, due was ${this.next.get(topic)}`);
        this.next.set(topic, value + 1);
        this.count += 1;
    }

    acknowledged() {
        this.isGranted = true;
    }

    failed(error) {
        this.failure ??= error;
    }

    async has(count) {
        await eventually(
            `${count} messages`,
            () => {
                if (this.failure) throw this.failure;
                return this.count >= count;
            },
            120000,
        );
        assert.equal(this.count, count);
    }
}

const residentMiB = (d) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${d.pid}/status`, 'utf8'))[1]) / 1024;

scenario('a long sleep', { set: { 'mqtt.inflight_max': '1000' } }, (d) => {
    it(`${OWN} updates among ${10 * OWN} of others: exactly its own, beside what is live`, async () => {
        const [own, live, ...others] = await Promise.all(
            Array.from({ length: 12 }, async () => `/thngs/${(await d.api.newThng()).id}/properties`),
        );
        const sleeper = new Reader(KEYS.map((key) => `${own}/${key}`));
        await sleeper.open(d, 'sleeper', KeptMqtt);
        await sleeper.subscribed();
        sleeper.wire.end();

        const publishers = await Promise.all([0, 1].map((i) => Publisher.open(d, `publisher-${i}`)));
        const [mine, theirs] = publishers;
        const publishMine = async () => {
            for (let i = 0; i < OWN; i++)
                await mine.say(`${own}/${KEYS[i % 10]}`, [{ value: Math.floor(i / 10) }]);
        };
        const publishTheirs = async () => {
            for (let i = 0; i < OWN; i++)
                await theirs.say(
                    others[i % others.length],
                    KEYS.map((key) => ({ key, value: i })),
                );
        };
        await Promise.all([publishMine(), publishTheirs()]);
        for (const one of publishers) await one.ended();

        const reader = new Reader([`${live}/n`]);
        await reader.open(d, 'reader');
        await reader.subscribed();
        const before = residentMiB(d);
        let most = before;
        let isBack = false;
        const publishLive = async () => {
            let i = 0;
            for (; !isBack || i < 100; i++) {
                await theirs.say(`${live}/n`, [{ value: i }]);
                await theirs.ended();
                most = Math.max(most, residentMiB(d));
            }
            await reader.has(i);
        };
        const comeBack = async () => {
            await sleeper.open(d, 'sleeper', KeptMqtt);
            await sleeper.has(OWN);
            isBack = true;
        };
        await Promise.all([publishLive(), comeBack()]);
        if (slow === 1) assert.ok(most - before < GROWTH_MAX, `grown by ${most - before} MiB`);
        await mine.say(`${own}/p0`, [{ value: OWN / 10 }]);
        await sleeper.has(OWN + 1);
    });
});
