// SPDX-License-Identifier: Apache-2.0
// Clients that connect, drop, take over, subscribe, publish with every QoS, read slowly and
// acknowledge late or never, while the daemon is killed under them: what they get is compared with
// a model of what MQTT promises (lib/delivery-model.mjs). The seed is printed; THRUM_TEST_SEED
// repeats the decisions. THRUM_TEST_FULL=1: for minutes.
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually, sleep, smallRing } from './lib/daemon.mjs';
import { seeded } from './lib/random.mjs';
import { DeliveryClient } from './lib/delivery-client.mjs';
import { DeliveryModel } from './lib/delivery-model.mjs';
import { ContractWorld, PlainWorld } from './lib/delivery-world.mjs';

const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
const isFull = process.env.THRUM_TEST_FULL === '1';
const ROUNDS = isFull ? 60 : 4;
const ROUND_MS = 3000;
const CLIENTS = 12;
console.log(`# seed ${seed}`);

/** Everybody at once. */
class Storm {
    constructor(d, world) {
        this.d = d;
        this.seed = seed;
        this.chance = seeded(seed);
        this.world = world;
        this.model = new DeliveryModel(world);
        this.clients = [];
        this.superseded = []; // connections that the daemon has to close
        this.isCrashing = false;
        this.restPublisher = this.model.newPublisher();
    }

    port() {
        return this.d.port.mqtt;
    }

    watch(promise) {
        promise.catch((error) => {
            this.failure ??= error;
        });
    }

    check() {
        if (this.failure) throw this.failure;
        this.d.check();
    }

    /** By REST, one behind the other, until <isOver>. */
    async publishByRest(isOver) {
        while (!isOver()) {
            const topic = this.chance.pick(this.world.topics);
            const message = this.model.publish(this.restPublisher, topic, 1);
            const body = this.world.body(this.restPublisher, message.n, 0);
            const answer = await this.d.api.put(topic.publish, body).catch(() => null);
            if (answer?.status === 200) this.model.settle(message);
            else if (!this.isCrashing) throw new Error(`PUT: ${answer?.status} ${answer?.text}`);
            await sleep(5);
        }
    }

    async rage(ms) {
        const until = Date.now() + ms;
        const rest = this.world.isRest ? this.publishByRest(() => Date.now() > until) : null;
        while (Date.now() < until) {
            for (const client of this.chance.some(this.clients, 0.4)) client.act(false);
            await sleep(1 + this.chance.below(5));
            this.check();
        }
        await rest;
    }

    async crash() {
        this.isCrashing = true;
        await this.d.crash();
        for (const client of this.clients) if (this.chance.random() < 0.5) client.drop();
        await sleep(20); // what had been sent is read
        for (const client of this.clients) client.drop();
        this.model.crashed();
        if (this.failure) throw this.failure;
        await this.d.start();
        this.isCrashing = false;
    }

    /** Everybody is there, reads and acknowledges, until nothing is owed to anybody. */
    async settle() {
        await eventually(
            'all get what they are owed',
            () => {
                this.check();
                for (const client of this.clients) client.act(true);
                return this.clients.every((client) => client.isTidy());
            },
            30000,
        ).catch((error) => {
            throw new Error(`${error.message}\n${this.complaints()}`);
        });
        await eventually('connections that were taken over are closed', () =>
            this.superseded.every((wire) => wire.isClosed),
        );
        this.superseded = [];
    }

    async blow() {
        for (let round = 0; round < ROUNDS; round++) {
            await this.rage(ROUND_MS / 2);
            if (round % 2 === 0) await this.crash();
            await this.rage(ROUND_MS / 2);
            await this.settle();
        }
    }

    summary() {
        const { messages, delivered, again } = this.model;
        assert.ok(messages.size > 0 && delivered > 0); // with a slow disk they are few
        return `${messages.size} messages, ${delivered} deliveries, ${again} again`;
    }

    complaints() {
        return this.clients
            .filter((client) => !client.isTidy())
            .map((client) => {
                const owed = client.session.owed();
                return [
                    `${client.name} is ${client.stage}; ${client.outstanding.length} publishes, ` +
                        `${client.requests.size} requests, ${client.session.open().length} flights`,
                    ...owed.slice(0, 5).map((one) => `    owed: ${one}`),
                    ...client.trace,
                ].join('\n');
            })
            .join('\n');
    }
}

const settings = {
    ...smallRing,
    'server.threads': '2',
    'mqtt.inflight_max': '20',
    'store.roll_interval': '1s',
};

scenario(`delivery against a model (THRUM_TEST_SEED=${seed})`, { set: settings }, (d) => {
    it('contract topics', { timeout: 3600000 }, async (t) => {
        const thngs = [];
        for (let i = 0; i < 3; i++) thngs.push((await d.api.newThng()).id);
        const world = new ContractWorld(thngs, ['a', 'b']);
        world.isRest = true;
        const storm = new Storm(d, world);
        const devices = [await d.api.newDeviceKey(thngs[0]), await d.api.newDeviceKey(thngs[1])];
        for (let i = 0; i < CLIENTS; i++) {
            const isDevice = i < devices.length;
            storm.clients.push(
                new DeliveryClient(storm, i, {
                    key: isDevice ? devices[i] : d.key,
                    sees: isDevice ? (topic) => topic.thng === i : () => true,
                    clean: [0, 0, 0.3, 1][i % 4],
                }),
            );
        }
        await storm.blow();
        const histories = [];
        for (const topic of world.topics) {
            const points = await d.api.history(topic.publish);
            histories.push([topic, points.map(({ value }) => value)]);
        }
        storm.model.checkHistory(histories);
        t.diagnostic(storm.summary());
    });
});

const plain = { ...settings, 'mqtt.plain_topics': 'on' };

scenario(`delivery against a model (THRUM_TEST_SEED=${seed})`, { set: plain }, (d) => {
    it('plain topics', { timeout: 3600000 }, async (t) => {
        const storm = new Storm(d, new PlainWorld());
        for (let i = 0; i < CLIENTS; i++) {
            const habits = { key: d.key, sees: () => true, clean: [0, 0, 0.3, 1][i % 4] };
            storm.clients.push(new DeliveryClient(storm, i, habits));
        }
        await storm.blow();
        t.diagnostic(storm.summary());
    });
});
