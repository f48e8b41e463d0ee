// SPDX-License-Identifier: Apache-2.0
// Filters with wildcards (contract/README.md, point 6): random filters of every kind of key against
// random changes, with resources that come, go, and change their projects in between; what is
// delivered is what a model says (lib/wildcards.mjs, lib/rights.mjs). Present states; what is
// refused. The seed is printed; THRUM_TEST_SEED repeats a run.
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually, sleep, slow } from './lib/daemon.mjs';
import { populate } from './lib/populate.mjs';
import { login, pingreq, puback, publish, subscribe, type, unsubscribe } from './lib/packets.mjs';
import { seeded } from './lib/random.mjs';
import { newAnonymous, quick } from './lib/people.mjs';
import { administrator, judge, sees, userZones, zonesOf } from './lib/rights.mjs';
import { ACCOUNT, KEYS, World, escaped, kinds, nextNumber, saysOf } from './lib/wildcard-world.mjs';
import { deliveredAs, families, familiesOf, isGranted, readFilter, selects } from './lib/wildcards.mjs';

const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
console.log(`# seed ${seed}`);
const chance = seeded(seed);
const { random, below, pick, some } = chance;
const ROUNDS = 4;
const CHANGES = 60;

/* ---- filters ---- */

const fixed = [
    ...['#', '/#', '+', '/+/#', '+/+', '/+/+/+', '+/+/+/+', '/actions/+', 'actions/#'],
    ...['+/+/actions/all', '/thngs/#', 'thngs/+/properties/temp', '/thngs/+/properties/+'],
    ...['products/+/properties', '/collections/#', '/collections/+/thngs', '/+/+/properties'],
    ...['thngs/+/', '/thngs/+/location', '/products/#', '/thngs/+/properties/TEMP'],
    ...['/+/+/properties/room%20temp', '/thngs/+/properties/a+b', '/+/+/actions/_door'],
];

/** A topic of something that is there, some of its levels left open. */
function randomFilter(world) {
    const { levels } = pick(families.filter((family) => family.levels[0] !== 'batches'));
    const resources = world.resources.filter((one) => kinds[one.kind] === levels[0]);
    const named = levels.map((level) => {
        if (level === ':id') return pick(resources).id;
        if (level === ':key') return escaped(pick(KEYS));
        return level === ':type' ? escaped(pick([...world.types.keys()])) : level;
    });
    const open = named.map((level) => (random() < 0.4 ? '+' : level));
    if (random() < 0.4) open.splice(1 + below(open.length), Infinity, '#');
    return `${pick(['', '/'])}${open.join('/')}${open.at(-1) !== '#' && random() < 0.1 ? '/' : ''}`;
}

/* ---- who listens ---- */

class Listener {
    constructor(world, actor) {
        this.world = world;
        this.actor = { account: ACCOUNT, ...actor };
        this.who = `${actor.kind} ${actor.project ?? actor.id}`;
        this.filters = new Map(); // by the query, which no other has: what it gets, and is to get
        this.packetId = 1;
    }

    async open(d) {
        this.client = await login(d.port.mqtt, this.actor.key);
        this.end = `${this.world.mark}?access_token=${this.world.api.key}`;
        this.client.send(subscribe(1, [this.end, 0]));
        assert.deepEqual((await this.client.next(type.suback)).codes, [0]);
    }

    /** Filters, some of them within a project, each with a query of its own. */
    async subscribe(texts) {
        const asked = texts.map((text) => {
            const isNarrow = 'OT'.includes(this.actor.kind) && random() < 0.1;
            const project = isNarrow ? pick(this.world.projects).id : undefined;
            const query = `?nr=${nextNumber()}${project ? `&project=${project}` : ''}`;
            const filter = readFilter(text + query);
            const qos = this.actor.kind === 'O' ? below(2) : 0;
            const isWild = filter.levels.some(({ any }) => any);
            return { text: text + query, filter, project, qos, isWild, got: [], wanted: [] };
        });
        const id = (this.packetId += 1);
        this.client.send(subscribe(id, ...asked.map(({ text, qos }) => [text, qos])));
        const { codes } = await this.answer(type.suback);
        asked.forEach((one, i) => {
            const wanted = this.mayHave(one) ? one.qos : 0x80;
            if (wanted !== null)
                assert.equal(codes[i], wanted, `seed ${seed}: ${this.who} asks for ${one.text}`);
            if (codes[i] !== 0x80) this.filters.set(one.filter.query, one);
        });
    }

    mayHave({ filter, project, isWild }) {
        const { actor, world } = this;
        if (project && actor.kind === 'T' && project !== actor.project) return false;
        const find = (id) => {
            const one = world.find(id);
            return one && isIn(one, project) ? one : null;
        };
        return isWild ? isGranted(actor, filter, find) : isGrantedOne(actor, filter, find, world.types);
    }

    async unsubscribeSome() {
        const gone = some([...this.filters.values()], 0.3);
        if (gone.length === 0) return;
        const id = (this.packetId += 1);
        this.client.send(unsubscribe(id, ...gone.map(({ text }) => text)));
        await this.answer(type.unsuback);
        for (const { filter } of gone) this.filters.delete(filter.query);
    }

    /** The next packet of that type; the messages before it are taken. */
    async answer(wanted) {
        for (;;) {
            const packet = await this.client.next();
            if (packet.type === wanted) return packet;
            this.take(packet);
        }
    }

    takeWhatCame() {
        while (this.client.packets.length) this.take(this.client.packets.shift());
    }

    take({ topic, payload, qos, id }) {
        if (qos) this.client.send(puback(id));
        if (topic === this.end) this.isAtEnd = true;
        if (topic.includes(this.world.markThng)) return; // some hear of it by way of wildcards
        const one = this.filters.get(topic.slice(topic.indexOf('?')));
        assert.ok(one, `seed ${seed}: ${this.who} got ${topic}, which it has not subscribed to`);
        one.got.push(`${topic} ${saysOf(payload)}`);
    }

    /** <fired> has happened: it is to come where it is selected and seen. */
    expect(fired) {
        for (const { text, filter, project, isWild, wanted } of this.filters.values()) {
            const due = fired.filter(
                ({ topic, row, letter, one }) =>
                    selects(filter, topic) &&
                    isIn(one, project) &&
                    judge(this.actor, row, letter, one) === 0,
            );
            wanted.push(
                due.map(({ topic, says }) => `${isWild ? deliveredAs(filter, topic) : text} ${says}`),
            );
        }
    }

    /** What was committed before the mark has come; was it what it must be? How many that were. */
    async check() {
        this.isAtEnd = false;
        this.takeWhatCame();
        while (!this.isAtEnd) this.take(await this.client.next(type.publish));
        let count = 0;
        for (const one of this.filters.values()) {
            const what = `seed ${seed}: ${this.who} with ${one.text}`;
            assert.deepEqual(inOrder(one.got, one.wanted), one.wanted.flat(), what);
            count += one.got.length;
            one.got = [];
            one.wanted = [];
        }
        return count;
    }
}

const isIn = (one, project) =>
    !project || (one.scopes?.projects ?? []).some((id) => [project, 'all'].includes(id));

/** Is a filter without wildcards granted? What it names must be there and be seen; the type of
 *  actions too, where they are those of a resource. (Devices may use any.) */
function isGrantedOne(actor, filter, find, types) {
    const [{ row, letter }] = familiesOf(filter);
    const [kind, id, part, name] = filter.levels;
    if (kind === 'actions') return judge(actor, row, letter) === 0;
    if (judge(actor, row, letter, find(id)) !== 0) return false;
    const isOfType = part === 'actions' && name !== 'all';
    return !isOfType || actor.kind === 'D' || sees(actor, types.get(name));
}

/** <got> with the messages of each change in the order of <wanted>: only the changes have one. */
function inOrder(got, wanted) {
    const sorted = [];
    for (const batch of wanted) {
        const came = got.slice(sorted.length, sorted.length + batch.length);
        const isSame = [...came].sort().join('\n') === [...batch].sort().join('\n');
        sorted.push(...(isSame ? batch : came));
    }
    return [...sorted, ...got.slice(sorted.length)];
}

/* ---- the tests ---- */

scenario(`wildcards against a model (THRUM_TEST_SEED=${seed})`, { set: quick }, (d) => {
    let world;
    let actors;

    it('a world, and a key of each kind', async () => {
        world = new World(d.api, chance);
        await world.fill();
        for (const kind of ['product', 'collection']) world.of(kind)[0].isKept = true;
        const devices = world.of('thng').slice(0, 2);
        const of = ({ id, app }, kind, key) => ({
            ...{ kind, id: app, project: id, key, zones: zonesOf(kind) },
        });
        const [project, other] = world.projects;
        const user = await newAnonymous(d, project.appKey);
        actors = [
            { kind: 'O', id: 'operator', key: d.key, zones: administrator },
            of(project, 'T', project.trustedKey),
            of(other, 'T', other.trustedKey),
            of(project, 'A', project.appKey),
            { kind: 'U', ...user, project: project.id, zones: userZones('base_app_user') },
        ];
        for (const one of devices) {
            one.isKept = true;
            const key = await d.api.newDeviceKey(one.id);
            actors.push({ kind: 'D', id: one.id, key, zones: zonesOf('D') });
        }
        world.markThng = (await d.api.newThng({ name: 'mark' })).id;
        world.mark = `/thngs/${world.markThng}/properties/mark`;
    });

    it('each is delivered what its filters select and its key may read', async () => {
        const listeners = actors.map((actor) => new Listener(world, actor));
        for (const listener of listeners) {
            await listener.open(d);
            await listener.subscribe(fixed);
        }
        const counts = listeners.map(() => 0);
        for (let round = 0; round < ROUNDS; round++) {
            for (const listener of listeners)
                await listener.subscribe(Array.from({ length: 20 }, () => randomFilter(world)));
            for (let i = 0; i < CHANGES; i++) {
                const fired = await world.change();
                for (const listener of listeners) {
                    listener.expect(fired);
                    listener.takeWhatCame();
                }
            }
            await d.api.must(200, 'PUT', world.mark, [{ value: round }]);
            for (const [i, listener] of listeners.entries()) {
                counts[i] += await listener.check();
                await listener.unsubscribeSome();
            }
        }
        listeners.forEach((listener, i) =>
            console.log(`# ${listener.who}: ${counts[i]} messages`),
        );
        assert.ok(counts.every((count) => count > 10));
    });

    /* ---- present states ---- */

    /** Subscribes with a key: the messages that come by themselves. */
    async function statesOf(key, filter, count) {
        const client = await login(d.port.mqtt, key);
        const end = `${world.mark}?access_token=${d.key}`;
        client.send(subscribe(1, [end, 0], [filter, 1]));
        assert.deepEqual((await client.next(type.suback)).codes, [0, 1]);
        const states = [];
        const take = () => {
            for (const packet of client.packets.splice(0)) {
                client.send(puback(packet.id));
                if (!packet.topic.includes(world.markThng)) states.push(packet);
            }
            return states.length >= count;
        };
        await eventually(`${count} states`, take, 10000);
        /* They are read beside the events: so nothing says that there are no more. */
        await sleep(100 * slow);
        take();
        assert.ok(states.every(({ qos, retain }) => qos === 1 && !retain));
        client.destroy();
        return states.map(({ topic, payload }) => `${topic} ${saysOf(payload)}`).sort();
    }

    it('pubStates=1: the present state of each topic that the key sees', async () => {
        const thngs = [];
        const [{ id: first }, { id: second }] = world.projects;
        for (const projects of [[], [first], [first, second], ['all']]) {
            const n = nextNumber();
            const scopes = { users: ['all'], projects };
            const { id } = await d.api.newThng({ name: 'stateful', description: `n ${n}`, scopes });
            await d.api.must(200, 'PUT', `/thngs/${id}/properties`, [
                { key: 'level', value: n },
                { key: 'in use', value: n },
            ]);
            const position = { type: 'Point', coordinates: [8, n / 1000] };
            await d.api.must(200, 'PUT', `/thngs/${id}/location`, [{ position }]);
            const body = { customFields: { n } };
            await d.api.must(201, 'POST', `/thngs/${id}/actions/checkins`, body);
            thngs.push({ ...{ account: ACCOUNT, kind: 'thng', id }, scopes, n });
        }
        for (const actor of actors.filter(({ kind }) => 'OTU'.includes(kind))) {
            const mine = thngs.filter((one) => sees({ account: ACCOUNT, ...actor }, one));
            for (const [filter, says] of [
                ['/thngs/+/properties/level', (n) => `level ${n}`],
                ['/thngs/+/properties/in%20use', (n) => `in use ${n}`],
            ]) {
                const name = filter.split('/').at(-1);
                const query = '?pubStates=1&x=y';
                const wanted = mine.map(
                    ({ id, n }) => `/thngs/${id}/properties/${name}${query} ${says(n)}`,
                );
                const states = await statesOf(actor.key, filter + query, wanted.length);
                assert.deepEqual(states, wanted.sort());
            }
        }
        const [{ key }] = actors;
        const { id, n } = thngs[1];
        const all = [
            ['', `n ${n}`],
            ['/actions/all', `action ${n}`],
            ['/location', `at ${n}`],
            ['/properties/in%20use', `in use ${n}`],
            ['/properties/level', `level ${n}`],
        ].map(([rest, says]) => `thngs/${id}${rest}?pubStates=1 ${says}`);
        const came = await statesOf(key, `thngs/${id}/#?pubStates=1`, all.length + 1);
        assert.deepEqual(
            came.filter((one) => !one.startsWith(`thngs/${id}/properties?`)),
            all.sort(),
        );
        assert.equal(came.length, all.length + 1, 'all properties in one, too');
    });

    it('pubStates=1: 1,000 states at most', async () => {
        for (let i = 0; i < 2; i++) {
            const { id } = await d.api.newThng({ name: 'many' });
            const points = Array.from({ length: 600 }, (_, k) => ({ key: `many-${k}`, value: k }));
            await d.api.must(200, 'PUT', `/thngs/${id}/properties`, points);
        }
        const states = await statesOf(d.key, '/thngs/+/properties/+?pubStates=1', 1000);
        assert.equal(states.length, 1000);
        assert.equal(new Set(states).size, 1000, 'none twice');
    });

    /* ---- what is not a selection ---- */

    it('a filter that selects no topic, or is none, is refused; the others are granted', async () => {
        const client = await login(d.port.mqtt, d.key);
        const thng = world.of('thng')[0].id;
        const refused = [
            ...['/nonsense/#', '/places/+', '/users/#', '/thngs/+/nothing', '+/+/+/+/+/+'],
            ...[`/thngs/${'U'.padEnd(24, 'a')}/#`, '/thngs/nobody/#', '$SYS/#', '/thngs//#', '//#'],
            ...['/thngs/+/properties/+/more', '#?project=nobody', '/thngs/%zz/#', '#/properties'],
            ...['/thngs/#/properties', '##'],
        ];
        const granted = ['#', `/thngs/${thng}/properties/+`, `/thngs/${thng}/properties/a+`];
        client.send(subscribe(7, ...refused, ...granted));
        const { codes } = await client.next(type.suback);
        const found = Object.fromEntries([...refused, ...granted].map((one, i) => [one, codes[i]]));
        const wanted = [...refused.map((one) => [one, 0x80]), ...granted.map((one) => [one, 1])];
        assert.deepEqual(found, Object.fromEntries(wanted));
        client.destroy();
    });

    it('what a key may not subscribe to at all is refused', async () => {
        const device = actors.find(({ kind }) => kind === 'D');
        const [one, other] = world.of('thng').filter(({ isKept }) => isKept);
        assert.equal(one.id, device.id);
        for (const [key, filter, code] of [
            [device.key, '/collections/#', 0x80],
            [device.key, '/actions/+', 0x80],
            [device.key, 'products/+/properties', 0x80],
            [device.key, `/thngs/${other.id}/#`, 0x80],
            [device.key, `/thngs/${one.id}/#`, 1],
            [device.key, '#', 1],
            [actors.find(({ kind }) => kind === 'A').key, '/thngs/#', 0x80],
            [actors.find(({ kind }) => kind === 'A').key, '/products/#', 1],
            [actors.find(({ kind }) => kind === 'T').key, '/batches/#', 0x80],
        ]) {
            const client = await login(d.port.mqtt, key);
            client.send(subscribe(1, filter));
            assert.deepEqual((await client.next(type.suback)).codes, [code], filter);
            client.destroy();
        }
    });

    it('a wildcard in a PUBLISH closes the connection; escaped it is a character', async () => {
        const { id } = await d.api.newThng();
        for (const topic of ['#', '/thngs/+/properties/a', `/thngs/${id}/#`, '+'])
            for (const qos of [0, 1]) {
                const client = await login(d.port.mqtt, d.key);
                client.send(publish(topic, [{ value: 1 }], { qos }));
                await client.closed();
                assert.deepEqual(client.packets, []);
            }
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, `/thngs/${id}/properties/+`));
        await client.next(type.suback);
        client.send(publish(`/thngs/${id}/properties/%2B`, [{ value: 1 }]));
        const { topic, payload } = await client.next(type.publish);
        assert.equal(topic, `/thngs/${id}/properties/%2B`);
        assert.equal(saysOf(payload), '+ 1');
        client.destroy();
    });

    it('UNSUBSCRIBE takes the exact filter, or all that select the same', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        const filters = ['/thngs/#', 'thngs/#', '/thngs/#?a', '/thngs/+/properties/+'];
        /* The topics of all that one publish brings. */
        const publishAndTake = async () => {
            client.send(publish(`/thngs/${id}/properties/k`, [{ value: 1 }], { qos: 1 }));
            const found = [await client.next()];
            while (found.at(-1).type !== type.puback) found.push(await client.next());
            client.send(pingreq());
            while (found.at(-1).type !== type.pingresp) found.push(await client.next());
            const topics = found.filter((one) => one.type === type.publish).map((one) => one.topic);
            return topics.filter((topic) => topic.includes('/k')).sort();
        };
        const path = `thngs/${id}/properties/k`;
        client.send(subscribe(1, ...filters.map((one) => [one, 0])));
        await client.next(type.suback);
        const all = [`/${path}`, `/${path}`, `/${path}?a`, path];
        assert.deepEqual(await publishAndTake(), all);
        client.send(unsubscribe(2, 'thngs/#'));
        await client.next(type.unsuback);
        assert.deepEqual(await publishAndTake(), all.slice(0, 3));
        client.send(unsubscribe(3, 'thngs/#?pubStates=1'));
        await client.next(type.unsuback);
        assert.deepEqual(await publishAndTake(), all.slice(0, 1), 'both that were left are gone');
        client.destroy();
    });

    it('tasks: the operator hears of them', async () => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, ['/batches/#', 0]));
        await client.next(type.suback);
        const { id } = await populate(d.api, 3, { name: 'populated' });
        const [{ topic: all }, { topic: one }] = [await client.next(), await client.next()];
        assert.match(all, /^\/batches\/U\w{23}\/tasks$/);
        assert.equal(one, `${all}/${id}`);
        client.destroy();
    });
});
