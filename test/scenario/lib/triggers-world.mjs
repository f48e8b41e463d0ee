// SPDX-License-Identifier: Apache-2.0
//
// The world of the matrix of triggers: resources in two projects of one account, and in another
// account; who watches them, over each protocol; and what came, compared with what the model says.
//
//     const world = await makeWorld(d);
//     await world.make('V', 'thngs', { product: ':P' });
//     await world.change({ verb: 'DELETE', path: '/thngs/:V' }, ways.REST);
//
// change() throws when anything is missing, is too much, or says something else.
import assert from 'node:assert/strict';
import { newAccount, newProject } from './people.mjs';
import { Rest } from './rest.mjs';
import { checkMessages } from './triggers-checks.mjs';
import { manyNames } from './triggers-cases.mjs';
import { Model } from './triggers-model.mjs';
import { MqttObserver, SocketObserver } from './triggers-observers.mjs';
import { Publishers, ways } from './triggers-ways.mjs';

/* ---- topics ---- */

const ofAccount = ['/actions', '/actions/all', '/actions/_y', '/actions/_n', '/actions/scans'];
const rests = {
    thngs: [
        '',
        '/properties',
        '/properties/a',
        '/properties/b',
        '/location',
        '/actions/all',
        '/actions/_y',
        '/actions/_n',
        '/actions/scans',
        '/actions/commissions',
    ],
    products: [
        '/properties',
        '/properties/a',
        '/properties/b',
        '/actions/all',
        '/actions/_y',
        '/actions/scans',
    ],
    collections: ['', '/thngs', '/actions/all', '/actions/_y', '/actions/scans'],
    batches: ['/tasks'],
};
const topicsOf = (kind, id) => (rests[kind] ?? []).map((rest) => `/${kind}/${id}${rest}`);
const hasName = new Set(['thngs', 'products', 'collections', 'batches', 'projects']);
const idIn = (topic) => /^\/(?:thngs|products|collections|batches)\/([^/]+)/.exec(topic)?.[1];

/* ---- the world ---- */

class World {
    constructor(d) {
        this.d = d;
        this.model = new Model();
        this.cast = new Map(); // name -> id
        this.observers = [];
        this.publishers = new Publishers(d);
    }

    /* ---- resources ---- */

    id(name) {
        assert.ok(this.cast.has(name), `nobody is called ${name}`);
        return this.cast.get(name);
    }

    /** ":T" is the id of T, in paths and in bodies. */
    named(value) {
        return JSON.parse(
            JSON.stringify(value).replace(/:([A-Za-z]\w*)/g, (whole, name) =>
                this.cast.has(name) ? this.cast.get(name) : whole,
            ),
        );
    }

    /** POSTs the document (or its <list>) to a path (or kind of resource): a change as any other.
     *  What has topics is watched from then on. */
    async make(name, path, { project, foreign, ...document } = {}) {
        const actor = this.actors[foreign ? 'foreign' : 'operator'];
        const own = project && this.id(project);
        const { list, ...members } = document;
        const call = this.named({ verb: 'POST', path: `/${path}`, body: list ?? members });
        if (hasName.has(path)) call.body.name ??= `the ${name}`;
        const firings = this.model.fires({ ...call, project: own, actor });
        const before = Date.now();
        const target = own ? `${call.path}?project=${own}` : call.path;
        const { status, body, text } = await actor.api.post(target, call.body);
        assert.ok(status < 300, `POST ${target}: ${status}: ${text}`);
        this.forget(name);
        if (body !== undefined) this.cast.set(name, body.id);
        if (!hasName.has(path)) return this.settle(firings, { before, actor });
        this.model.made(path, {
            id: body.id,
            product: body.product,
            projects: own ? [own] : [],
            account: actor.account,
        });
        return this.watch(topicsOf(path, body.id));
    }

    /** Who had the name before is in no case any more. */
    forget(name) {
        const id = this.cast.get(name);
        if (id === undefined) return;
        for (const observer of this.observers) observer.forget((topic) => idIn(topic) === id);
    }

    /** Thngs that are members of something, and not watched. */
    async makeMany(names) {
        const queue = [...names];
        const worker = async () => {
            for (let name; (name = queue.shift());) {
                const { id } = await this.d.api.newThng();
                this.cast.set(name, id);
                this.model.made('thngs', { id });
            }
        };
        await Promise.all(Array.from({ length: 8 }, worker));
    }

    /* ---- who watches ---- */

    /** May it subscribe there (auth.md 6.2, 7)? */
    may(observer, topic) {
        const id = idIn(topic);
        const resource = this.model.get(id);
        if (observer.device) return id === observer.device && !topic.includes('/actions/_');
        if (observer.isApplication && topic.startsWith('/batches')) return false;
        if (resource === undefined) return true;
        return (
            resource.account === observer.account &&
            (!observer.project || resource.projects.includes(observer.project))
        );
    }

    async watch(topics) {
        await Promise.all(
            this.observers.map((observer) =>
                observer.watch(topics.filter((topic) => this.may(observer, topic))),
            ),
        );
    }

    hears(observer, firing) {
        if (observer.device) return idIn(firing.topic) === observer.device;
        return (
            firing.account === observer.account &&
            (!observer.project || firing.projects.includes(observer.project))
        );
    }

    /* ---- a change ---- */

    /** <call>: { verb, path, query, body, then, as }, with names for ids. <then>: a second body. */
    async change(call, way) {
        const { then, endsSockets, ...first } = this.named({ as: 'operator', ...call });
        const actor = this.actors[first.as];
        const project = new URLSearchParams(first.query ?? '').get('project') ?? undefined;
        const before = Date.now();
        const bodies = [first.body, ...(then === undefined ? [] : [then])];
        const firings = bodies.flatMap((body) =>
            this.model.fires({ ...first, body, project, actor }),
        );
        const end = await way.make(this.publishers, first, bodies, actor);
        try {
            await this.settle(firings, { before, qos: way.qos, actor, endsSockets });
        } finally {
            for (const observer of this.observers) observer.collect(); // not for the next case
        }
        await end?.();
    }

    /** Everything that must come has come, and nothing else. */
    async settle(firings, { before, qos = 1, actor = this.actors.operator, endsSockets }) {
        const asked = this.observers.filter(
            (observer) => !(endsSockets && observer instanceof SocketObserver),
        );
        const wanted = new Map(
            asked.map((observer) => [observer, this.expected(observer, firings)]),
        );
        for (const [observer, byTopic] of wanted)
            for (const [topic, all] of byTopic) await observer.has(topic, all.length);
        await this.d.api.must(200, 'PUT', this.marker, [{ value: 0 }]);
        await Promise.all(asked.map((observer) => observer.pass(this.marker)));
        const came = new Map(asked.map((observer) => [observer, observer.collect()]));
        const told = new Map(); // firing -> what the first one was told
        for (const [observer, byTopic] of wanted) {
            compareCounts(observer, came.get(observer), byTopic);
            for (const [topic, all] of byTopic) {
                const messages = came.get(observer).get(topic);
                const payloads = messages.map((message) => message.payload);
                checkQos(observer, messages, Math.min(qos, 1));
                if (!told.has(all[0])) {
                    await checkMessages(actor, topic, all, payloads, before);
                    for (const [at, firing] of all.entries()) told.set(firing, payloads[at]);
                }
                assert.deepEqual(
                    payloads,
                    all.map((firing) => told.get(firing)),
                    `${observer.name}: ${topic}: the same JSON for all`,
                );
            }
        }
    }

    /** What this one must be told: a map of topics. */
    expected(observer, firings) {
        const byTopic = new Map();
        for (const firing of firings) {
            const { topic } = firing;
            if (!observer.topics.has(topic) || !this.hears(observer, firing)) continue;
            if (!byTopic.has(topic)) byTopic.set(topic, []);
            byTopic.get(topic).push(firing);
        }
        return byTopic;
    }

    async end() {
        await Promise.all(this.observers.map((observer) => observer.end()));
        await this.publishers.end();
    }
}

const counts = (byTopic) =>
    Object.fromEntries([...byTopic].map(([topic, all]) => [topic, all.length]).sort());

function compareCounts(observer, came, wanted) {
    assert.deepEqual(observer.faults, []);
    assert.deepEqual(counts(came), counts(wanted), `${observer.name}: messages by topic`);
}

/* A native WebSocket knows no QoS. */
function checkQos(observer, messages, qos) {
    for (const message of messages)
        if (message.qos !== undefined)
            assert.equal(message.qos, Math.min(observer.grants, qos), `${observer.name}: QoS`);
}

/* ---- who is there ---- */

/** Everybody who watches: the operator over each protocol, and those who see less. */
function observersOf(world) {
    const { d, cast, people } = world;
    const { url, ca } = d;
    const common = { key: d.key, spell: (topic) => topic };
    const mqtt = (name, more) =>
        new MqttObserver({ ...common, name, url: url.mqtt, asks: 1, grants: 1, ...more });
    const socket = (name, more) =>
        new SocketObserver({ ...common, name, url: url.ws, ...more });
    const inProject = (name) => ({
        project: cast.get(name),
        spell: (topic) => `${topic}?project=${cast.get(name)}`,
    });
    return [
        mqtt('MQTT', {}),
        mqtt('MQTT over TLS', { url: url.mqtts, ca, asks: 0, grants: 0, spell: (t) => t.slice(1) }),
        mqtt('MQTT over WebSocket', { url: `${url.ws}/mqtt`, asks: 2, spell: (t) => `${t}/` }),
        socket('native WebSocket', {}),
        mqtt('MQTT with ?project=p', inProject('p')),
        socket('native WebSocket with ?project=q', { url: url.wss, ca, ...inProject('q') }),
        mqtt('application of p', {
            key: people.p.trustedKey,
            project: cast.get('p'),
            isApplication: true,
        }),
        socket('application of q', {
            key: people.q.trustedKey,
            project: cast.get('q'),
            isApplication: true,
        }),
        mqtt('device T', { key: people.device, device: cast.get('T') }),
        mqtt('foreign operator', { key: people.foreign.key, account: 'foreign' }),
        socket('foreign operator, native WebSocket', {
            key: people.foreign.key,
            account: 'foreign',
        }),
    ];
}

async function makePeople(world) {
    const { d, cast } = world;
    const people = { p: await newProject(d.api), q: await newProject(d.api) };
    people.foreign = await newAccount(d.api);
    cast.set('p', people.p.id);
    cast.set('q', people.q.id);
    world.people = people;
    world.foreign = new Rest(d.url.http, people.foreign.key);
}

/* Types of the same names in both accounts; in ours all of both projects see them. */
async function makeTypes(world) {
    const scopes = { users: ['all'], projects: [world.id('p'), world.id('q')] };
    for (const name of ['_y', '_n']) {
        await world.d.api.must(201, 'POST', '/actions', { name });
        await world.d.api.must(200, 'PUT', `/actions/${name}`, { scopes });
        await world.foreign.must(201, 'POST', '/actions', { name });
    }
}

/* T is what most cases are about: in project p, of product P, in collection C. */
async function makeResources(world) {
    const foreign = true;
    await world.make('P', 'products', { project: 'p' });
    await world.make('T', 'thngs', { project: 'p', product: ':P' });
    await world.make('C', 'collections', { project: 'p' });
    await world.make('B', 'batches', { project: 'p' });
    await world.make('L', 'thngs'); // alone: no product, no collection, no project
    await world.make('Neighbour', 'thngs', { project: 'p', product: ':P' });
    await world.make('OtherProduct', 'products', { project: 'p' });
    await world.make('OtherCollection', 'collections', { project: 'p' });
    await world.make('OtherBatch', 'batches');
    await world.make('ProductOfQ', 'products', { project: 'q' });
    await world.make('ThngOfQ', 'thngs', { project: 'q', product: ':ProductOfQ' });
    await world.make('CollectionOfQ', 'collections', { project: 'q' });
    await world.make('ForeignProduct', 'products', { foreign });
    await world.make('ForeignThng', 'thngs', { foreign, product: ':ForeignProduct' });
    await world.make('ForeignCollection', 'collections', { foreign });
    await world.make('ForeignBatch', 'batches', { foreign });
    const place = await world.d.api.must(201, 'POST', '/places', {
        position: { type: 'Point', coordinates: [8.54, 47.37] },
    });
    world.cast.set('Place', place.id);
}

function makeActors(world) {
    const { d, people, cast } = world;
    const { api } = d;
    const of = ({ id, app }) => ({ createdByProject: id, createdByApp: app });
    world.actors = {
        operator: { key: d.key, api },
        foreign: { key: people.foreign.key, api: world.foreign, account: 'foreign' },
        application: {
            key: people.p.trustedKey,
            api,
            project: cast.get('p'),
            sender: of(people.p),
        },
    };
}

async function giveDeviceKey(world) {
    const { api } = world.d;
    const key = await api.newDeviceKey(world.id('T'));
    world.actors.device = { key, api, sender: { createdByThng: world.id('T') } };
    world.people.device = key;
}

/** The marker is a property that all MQTT sessions are told of, by the operator's key. */
async function makeMarker(world) {
    const { id } = await world.d.api.newThng({ name: 'the marker' });
    world.marker = `/thngs/${id}/properties/marker`;
    for (const observer of world.observers) await observer.watchMarker?.(world.marker, world.d.key);
}

export async function makeWorld(d) {
    const world = new World(d);
    await makePeople(world);
    makeActors(world);
    await makeTypes(world);
    await makeResources(world);
    await giveDeviceKey(world);
    world.observers = observersOf(world);
    await Promise.all(world.observers.map((observer) => observer.open()));
    await makeMarker(world);
    await world.watch(ofAccount);
    for (const [id, { kind }] of world.model.resources) await world.watch(topicsOf(kind, id));
    await world.change({ verb: 'PUT', path: '/collections/:C/thngs', body: [':T'] }, ways.REST);
    await world.makeMany(manyNames);
    return world;
}
