// SPDX-License-Identifier: Apache-2.0
//
// Resources of most kinds in some projects, and random changes of them: each change says which
// topics it fires on, whose scopes decide who hears of it, and what the payload says.
import { newProject } from './people.mjs';

export const ACCOUNT = 'the account';
export const KEYS = ['temp', 'room temp', 'a+b', 'größe', '50%'];
const TYPES = ['checkins', '_door', '_a.b'];
const FOR_ALL = { users: ['all'], projects: ['all'] };
export const kinds = { thng: 'thngs', product: 'products', collection: 'collections' };

export const escaped = (text) => encodeURIComponent(text);
const pathOf = (one) => `/${kinds[one.kind]}/${one.id}`;

/** The next number: each change has its own. */
let serial = 0;
export const nextNumber = () => (serial += 1);

export class World {
    constructor(api, chance) {
        this.api = api;
        this.chance = chance;
        this.resources = [];
        this.types = new Map(
            TYPES.map((name) => [name, { account: ACCOUNT, kind: 'type', scopes: FOR_ALL }]),
        );
    }

    of(kind) {
        return this.resources.filter((one) => one.kind === kind);
    }

    find(id) {
        return this.resources.find((one) => one.id === id) ?? null;
    }

    scopes() {
        const some = this.chance.some(this.projects, 0.5).map((one) => one.id);
        return { users: ['all'], projects: this.chance.random() < 0.1 ? ['all'] : some };
    }

    async fill() {
        this.projects = [await newProject(this.api), await newProject(this.api)];
        for (const name of TYPES.filter((type) => type[0] === '_'))
            await this.api.must(201, 'POST', '/actions', { name, scopes: FOR_ALL });
        for (const kind of ['collection', 'collection', 'collection', 'product', 'product'])
            await this.add(kind);
        for (let i = 0; i < 6; i++) await this.add('thng');
    }

    async add(kind) {
        const scopes = this.scopes();
        const body = { name: `one ${nextNumber()}`, scopes };
        const isOfProduct = kind === 'thng' && this.chance.random() < 0.5;
        const product = isOfProduct ? this.chance.pick(this.of('product')) : undefined;
        if (product) body.product = product.id;
        const { id } = await this.api.must(201, 'POST', `/${kinds[kind]}`, body);
        const one = { account: ACCOUNT, kind, id, scopes, product, members: new Set() };
        this.resources.push(one);
        return one;
    }

    fired(one, rest, row, letter, says) {
        return { topic: `${pathOf(one)}${rest}`, row, letter, one, says };
    }

    /* One change of those that are possible, at random. */
    change() {
        const changes = [
            ...[this.points, this.points, this.points, this.points],
            ...[this.action, this.action, this.action, this.update, this.update],
            ...[this.location, this.members, this.members, this.reveal, this.reveal],
            ...[this.newType, this.come, this.go],
        ];
        return this.chance.pick(changes).call(this, nextNumber());
    }

    async points(n) {
        const one = this.chance.pick([...this.of('thng'), ...this.of('product')]);
        const row = one.kind === 'thng' ? 'properties' : 'productProperties';
        const isOne = this.chance.random() < 0.5;
        const keys = isOne ? [this.chance.pick(KEYS)] : this.chance.some(KEYS, 0.4);
        if (keys.length === 0) keys.push('temp');
        if (keys.length === 1)
            await this.api.must(200, 'PUT', `${pathOf(one)}/properties/${escaped(keys[0])}`, [
                { value: n },
            ]);
        else
            await this.api.must(
                200,
                'PUT',
                `${pathOf(one)}/properties`,
                keys.map((key) => ({ key, value: n })),
            );
        return [
            this.fired(one, '/properties', row, 'R', `${keys} ${n}`),
            ...keys.map((key) =>
                this.fired(one, `/properties/${escaped(key)}`, row, 'R', `${key} ${n}`),
            ),
        ];
    }

    async location(n) {
        const one = this.chance.pick(this.of('thng'));
        const position = { type: 'Point', coordinates: [8, n / 1000] };
        await this.api.must(200, 'PUT', `${pathOf(one)}/location`, [{ position }]);
        return [this.fired(one, '/location', 'location', 'R', `at ${n}`)];
    }

    async update(n) {
        const one = this.chance.pick([...this.of('thng'), ...this.of('collection')]);
        await this.api.must(200, 'PUT', pathOf(one), { description: `n ${n}` });
        return [this.fired(one, '', one.kind === 'thng' ? 'thng' : 'collections', 'R', `n ${n}`)];
    }

    /* The same with other scopes: told to those who see it now. */
    async reveal(n) {
        const one = this.chance.pick(this.resources);
        const scopes = this.scopes();
        await this.api.must(200, 'PUT', pathOf(one), { description: `n ${n}`, scopes });
        one.scopes = scopes;
        if (one.kind === 'product') return [];
        return [this.fired(one, '', one.kind === 'thng' ? 'thng' : 'collections', 'R', `n ${n}`)];
    }

    async action(n) {
        const target = this.chance.random() < 0.2 ? undefined : this.chance.pick(this.resources);
        const name = this.chance.pick([...this.types.keys()]);
        const path = `${target ? pathOf(target) : ''}/actions/${escaped(name)}`;
        const project = target ? '' : `?project=${this.chance.pick(this.projects).id}`;
        const { id } = await this.api.must(201, 'POST', path + project, {
            customFields: { n },
        });
        const made = {
            ...{ account: ACCOUNT, kind: 'action', id },
            thng: target?.kind === 'thng' ? target.id : undefined,
            scopes: target?.scopes ?? { users: ['all'], projects: [project.split('=')[1]] },
        };
        const both = (start, row) =>
            ['all', escaped(name)].map((last) => ({
                ...{ topic: `${start}/actions/${last}`, row, letter: 'L' },
                ...{ one: made, says: `action ${n}` },
            }));
        return [
            ...both('', 'actions'),
            ...[target, target?.product]
                .filter(Boolean)
                .flatMap((one) => both(pathOf(one), `${one.kind}Actions`)),
        ];
    }

    async members(n) {
        const one = this.chance.pick(this.of('collection'));
        const path = `${pathOf(one)}/thngs`;
        const ids = this.chance.some(this.of('thng'), 0.4).map((thng) => thng.id);
        const added = ids.filter((id) => !one.members.has(id));
        const way = n % 3;
        if (way === 0 && one.members.size > 0) {
            await this.api.must(200, 'DELETE', path);
            const all = [...one.members];
            one.members.clear();
            return [this.notice(one, '/thngs', 'members', 'thngsCleared', all)];
        }
        if (way === 1 && one.members.size > 0) {
            const gone = this.chance.pick([...one.members]);
            await this.api.must(200, 'DELETE', `${path}/${gone}`);
            one.members.delete(gone);
            return [this.notice(one, '/thngs', 'members', 'thngsRemoved', [gone])];
        }
        if (ids.length === 0) return [];
        await this.api.must(200, 'PUT', path, ids);
        for (const id of added) one.members.add(id);
        return added.length ? [this.notice(one, '/thngs', 'members', 'thngsAdded', added)] : [];
    }

    notice(one, rest, row, operation, ids) {
        const letter = row === 'members' ? 'L' : 'R';
        return this.fired(one, rest, row, letter, `${operation} ${[...ids].sort()}`);
    }

    /* A type of actions comes, or one that came goes. */
    async newType(n) {
        const [name, one] = [...this.types].find(([, { isNew }]) => isNew) ?? [];
        if (one) {
            await this.api.must(200, 'DELETE', `/actions/${name}`);
            this.types.delete(name);
            const topic = `/actions/${name}`;
            return [{ topic, row: 'actions', letter: 'L', one, says: `deleted ${name}` }];
        }
        const scopes = { users: ['all'], projects: [this.chance.pick(this.projects).id] };
        const made = { account: ACCOUNT, kind: 'type', scopes, isNew: true };
        const path = `/actions?project=${scopes.projects[0]}`;
        await this.api.must(201, 'POST', path, { name: `_n${n}` });
        this.types.set(`_n${n}`, made);
        return [{ topic: '/actions', row: 'types', letter: 'L', one: made, says: `_n${n}` }];
    }

    /* What is new is nobody told; but what becomes of it. */
    async come() {
        await this.add(this.chance.pick(['thng', 'product', 'collection']));
        return [];
    }

    async go() {
        const free = this.resources.filter((one) => !one.isKept);
        if (free.length < 6) return [];
        const one = this.chance.pick(free);
        if (one.kind === 'product') return [];
        await this.api.must(200, 'DELETE', pathOf(one));
        this.resources.splice(this.resources.indexOf(one), 1);
        const row = one.kind === 'thng' ? 'thng' : 'collections';
        const told = [this.notice(one, '', row, 'deleted', [one.id])];
        if (one.members.size > 0)
            told.push(this.notice(one, '/thngs', 'members', 'thngsCleared', one.members));
        for (const collection of this.of('collection').filter(({ members }) => members.delete(one.id)))
            told.push(this.notice(collection, '/thngs', 'members', 'thngsRemoved', [one.id]));
        return told;
    }
}

/** What a payload says, as the changes above name it. */
export function saysOf(payload) {
    const body = JSON.parse(payload);
    if (!Array.isArray(body)) {
        if (body.operation) return `${body.operation} ${[...body.resources].sort()}`;
        return body.customFields ? `action ${body.customFields.n}` : (body.description ?? body.name);
    }
    const [{ position, value }] = body;
    if (position) return `at ${Math.round(position.coordinates[1] * 1000)}`;
    return `${body.map(({ key }) => key)} ${value}`;
}
