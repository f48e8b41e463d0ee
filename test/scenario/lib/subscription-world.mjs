// SPDX-License-Identifier: Apache-2.0
//
// Thousands of topics of most families, and the mutations that fire on them. Each mutation carries
// its number, so that every message says which one it is of.
import http from 'node:http';
import { Rest } from './rest.mjs';

export const TYPES = ['_door', '_lit', 'checkins'];
const KEYS_OF_PRODUCTS = 10;
const TIME = 1.7e12; // what the numbers are added to in timestamps

/** So many resources that there are about <wanted> topics. */
export function sizesFor(wanted) {
    const products = Math.ceil(wanted / 250);
    const collections = Math.ceil(wanted / 160);
    const thngs = Math.ceil((wanted - products * 15 - collections * 6 - 5) / 27);
    return { products, collections, thngs };
}

async function makeAll(count, make) {
    const made = [];
    let next = 0;
    const worker = async () => {
        while (next < count) {
            const place = next++;
            made[place] = (await make(place)).id;
        }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    return made;
}

/** Makes the resources: ids. */
export async function makeResources(d, sizes, random) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const api = new Rest(d.url.http, d.key, { agent });
    const post = (path, body) => api.must(201, 'POST', path, body);
    const { id: project } = await post('/projects', { name: 'p' });
    const scopes = { users: [], projects: [project] };
    for (const name of TYPES.filter((type) => type[0] === '_')) await post('/actions', { name });
    const products = await makeAll(sizes.products, () => post('/products', { name: 'p', scopes }));
    const collections = await makeAll(sizes.collections, () =>
        post('/collections', { name: 'c', scopes }),
    );
    const productOf = Array.from({ length: sizes.thngs }, () =>
        random() < 0.5 ? Math.floor(random() * products.length) : undefined,
    );
    const thngs = await makeAll(sizes.thngs, (i) =>
        post('/thngs', {
            name: 't',
            scopes,
            ...(productOf[i] === undefined ? {} : { product: products[productOf[i]] }),
        }),
    );
    agent.destroy();
    return { project, products, collections, thngs, productOf };
}

/** The same topic, each time as a string of its own. */
function spellingsOf(path, project, isOfProject) {
    const last = path.at(-1);
    const escaped = `%${last.charCodeAt(0).toString(16)}`;
    return [
        path,
        path.slice(1),
        `${path}/`,
        `${path.slice(1)}/`,
        `${path}?pubStates=0`,
        `${path.slice(1)}?later=1`,
        `${path.slice(0, -1)}${escaped}`,
        isOfProject ? `${path}?project=${project}` : `${path}/?other`,
    ];
}

/** The topics, and what can be done: world.random(seeded) is one mutation:
 *  { owner, topics, topic, body(number) }. */
export class SubscriptionWorld {
    constructor({ project, products, collections, thngs, productOf }, connections) {
        this.project = project;
        this.connections = connections;
        this.topics = [];
        this.notices = new Map(); // membership notices: their publish's number
        this.account = {
            types: this.topic('/actions', 0, 'actionType'),
            all: this.topic('/actions/all', 0, 'action'),
            of: TYPES.map((type) => this.topic(`/actions/${type}`, 0, 'action')),
        };
        this.products = products.map((id, i) => ({
            ...this.actionTopics(`/products/${id}`),
            ...this.pointTopics(`/products/${id}`, KEYS_OF_PRODUCTS, i),
        }));
        this.collections = collections.map((id, i) => {
            const owner = i % connections;
            const path = `/collections/${id}`;
            return {
                ...this.actionTopics(path),
                owner,
                document: this.topic(path, owner, 'document', true),
                members: this.topic(`${path}/thngs`, owner, 'members', true),
                left: [...thngs],
            };
        });
        this.thngs = thngs.map((id, i) => ({
            ...this.actionTopics(`/thngs/${id}`),
            ...this.pointTopics(`/thngs/${id}`, 20, i),
            location: this.topic(`/thngs/${id}/location`, i % connections, 'location', true),
            document: this.topic(`/thngs/${id}`, i % connections, 'document', true),
            product: this.products[productOf[i]],
        }));
        this.kinds = [
            [0.5, (chance) => this.points(chance)],
            [0.1, (chance) => this.location(chance)],
            [0.1, (chance) => this.document(chance)],
            [0.15, (chance) => this.action(chance)],
            [0.1, (chance) => this.members(chance)],
            [0.05, () => this.actionType()],
        ];
    }

    topic(path, owner, kind, isOfProject = false) {
        const spellings = spellingsOf(path, this.project, isOfProject);
        const isMixed = /^\/(actions|products.*\/actions)/.test(path);
        this.topics.push({ path, owner, kind, isMixed, spellings });
        return this.topics.length - 1;
    }

    /* Actions fire on topics of the account too: one connection publishes all of them. */
    actionTopics(path) {
        return {
            all: this.topic(`${path}/actions/all`, 0, 'action'),
            of: TYPES.map((type) => this.topic(`${path}/actions/${type}`, 0, 'action')),
        };
    }

    pointTopics(path, keys, index) {
        const owner = index % this.connections;
        return {
            owner,
            properties: this.topic(`${path}/properties`, owner, 'points', true),
            keys: Array.from({ length: keys }, (_, k) =>
                this.topic(`${path}/properties/key-${k}`, owner, 'points', true),
            ),
        };
    }

    random(chance) {
        let rest = chance.random();
        for (const [share, make] of this.kinds) {
            if (rest < share) return make(chance);
            rest -= share;
        }
        return this.actionType();
    }

    /** A mutation whose topics this connection publishes to, if it has any but those of actions. */
    randomOf(chance, connection) {
        const mine = this.thngs.filter((thng) => thng.owner === connection);
        return mine.length ? this.pointsOf(chance, chance.pick(mine)) : null;
    }

    points(chance) {
        return this.pointsOf(chance, chance.pick(chance.random() < 0.1 ? this.products : this.thngs));
    }

    pointsOf(chance, resource) {
        const { owner, properties, keys } = resource;
        if (chance.random() < 0.7) {
            const key = chance.pick(keys);
            const body = (number) => `[{"value":${number}}]`;
            return { owner, topics: [properties, key], topic: key, body };
        }
        const some = chance.some(keys, 0.2);
        if (some.length === 0) return this.pointsOf(chance, resource);
        const body = (number) =>
            JSON.stringify(some.map((key) => ({ key: this.nameOf(key), value: number })));
        return { owner, topics: [properties, ...some], topic: properties, body };
    }

    nameOf(topic) {
        return this.topics[topic].path.split('/').at(-1);
    }

    location(chance) {
        const { location, owner } = chance.pick(this.thngs);
        const position = { type: 'Point', coordinates: [8.5, 47.4] };
        const body = (number) => JSON.stringify([{ position, timestamp: TIME + number }]);
        return { owner, topics: [location], topic: location, body };
    }

    document(chance) {
        const { document, owner } = chance.pick(
            chance.random() < 0.2 ? this.collections : this.thngs,
        );
        const body = (number) => `{"customFields":{"n":${number}}}`;
        return { owner, topics: [document], topic: document, body };
    }

    action(chance) {
        const target = chance.pick(
            chance.pick([this.thngs, this.thngs, this.products, this.collections, [this.account]]),
        );
        const fired = [this.account, target, target.product].filter(Boolean);
        const type = chance.below(TYPES.length);
        const topics = [...new Set(fired.flatMap(({ all, of }) => [all, of[type]]))];
        const isOfType = chance.random() < 0.5;
        const body = (number) =>
            JSON.stringify({ type: TYPES[type], customFields: { n: number } });
        return { owner: 0, topics, topic: isOfType ? target.of[type] : target.all, body };
    }

    members(chance) {
        const { members, owner, left } = chance.pick(this.collections);
        if (left.length === 0) return this.points(chance);
        const thng = left.pop();
        const body = (number) => {
            this.notices.set(`${members} ${thng}`, number);
            return `["${thng}"]`;
        };
        return { owner, topics: [members], topic: members, body };
    }

    actionType() {
        const { types } = this.account;
        return {
            owner: 0,
            topics: [types],
            topic: types,
            body: (number) => `{"name":"_n${number}"}`,
        };
    }

    /** Which mutation a message on this topic is of. */
    numberOf(topic, payload) {
        const { kind, path } = this.topics[topic];
        const read = JSON.parse(payload);
        switch (kind) {
            case 'points':
                return this.numberOfPoints(path, read);
            case 'location':
                return read[0].timestamp - TIME;
            case 'actionType':
                return Number(read.name.slice(2));
            case 'members':
                return this.notices.get(`${topic} ${read.resources[0]}`);
            default:
                return read.customFields.n;
        }
    }

    /* Of one key on the topic of a key; all of one mutation. */
    numberOfPoints(path, points) {
        const [{ key, value }] = points;
        const isOfKey = !path.endsWith('/properties');
        if (isOfKey && (points.length !== 1 || !path.endsWith(`/${key}`))) return undefined;
        return points.every((point) => point.value === value) ? value : undefined;
    }
}
