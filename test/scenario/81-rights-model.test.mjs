// SPDX-License-Identifier: Apache-2.0
// Random accounts, projects, applications, users, roles, shares, scopes and resources, and a model
// beside them (lib/rights.mjs): what each key lists, reads and is delivered is what the model says,
// also after everything has changed at random (auth.md 7 and 8). The seed is printed;
// THRUM_TEST_SEED repeats a run.
import http from 'node:http';
import { scenario, it, assert } from './lib/suite.mjs';
import { Rest, nextLink, request } from './lib/rest.mjs';
import { RawMqtt, connect, subscribe, type } from './lib/packets.mjs';
import { newAccount, newAnonymous, newOperator, newProject } from './lib/people.mjs';
import { as } from './lib/people.mjs';
import {
    administrator,
    judge,
    operatorZones,
    tokenZones,
    userZones,
    zonesOf,
} from './lib/rights.mjs';

const ROUNDS = 6;
const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
console.log(`# seed ${seed}`);

let state = seed >>> 0;
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];
const some = (list, chance) => list.filter(() => random() < chance);
let serial = 0;

const kinds = {
    thng: { path: '/thngs', list: 'thngs', one: 'thng' },
    product: { path: '/products', list: 'products', one: 'products' },
    collection: { path: '/collections', list: 'collections', one: 'collections' },
    place: { path: '/places', list: 'places', one: 'places' },
};

const userPaths = [
    ...['/thngs', '/thngs/:id', '/thngs/:id/properties', '/thngs/:id/actions/:type'],
    ...['/products', '/products/:id/properties', '/collections', '/collections/:id/thngs'],
    ...['/actions', '/actions/:type', '/actions/scans', '/places'],
];
/* What users have on a path or somewhere below it. */
const lettersOf = (path) => {
    if (path === '/places') return 'r';
    if (path.includes('/actions')) return 'cr';
    if (path === '/collections/:id/thngs') return 'rud';
    if (path.startsWith('/thngs')) return 'cru';
    return 'crud';
};
function randomPermissions() {
    return some(userPaths, 0.4)
        .map((path) => ({ path, access: some([...lettersOf(path)], 0.7).join('') }))
        .filter((one) => one.access !== '');
}

function randomSwitches(account) {
    const switches = {};
    const all = ['global_read', 'gl_resource_update', 'gl_project_update'];
    for (const name of some(all, 0.25)) switches[name] = true;
    const scoped = ['project_read', 'project_resource_update', 'project_update'];
    for (const name of some(scoped, 0.5)) {
        const projects = some(account.projects, 0.5).map((project) => project.id);
        if (projects.length) switches[name] = projects;
    }
    return switches;
}

/* ---- the model: accounts hold projects, actors, roles, shares, resources ---- */

const usersOf = (account) => account.actors.filter((actor) => actor.kind === 'U');

/** What the actor's rights are now. */
function zonesNow(account, actor) {
    if (actor.kind === 'U') {
        const permissions = (role) => (role === 'none' ? [] : (account.roles.get(role) ?? role));
        const shares = account.shares
            .filter((share) => share.to === actor)
            .map((share) => ({ from: share.from.id, permissions: permissions(share.role) }));
        return userZones(permissions(actor.role), shares);
    }
    if (actor.kind === 'O' && actor.role !== 'admin')
        return operatorZones(account.operatorRoles.get(actor.role) ?? {});
    return actor.zones;
}
const now = (account, actor) => ({ ...actor, zones: zonesNow(account, actor) });

function randomScopes(account) {
    const projects = random() < 0.1 ? ['all'] : some(account.projects, 0.5).map((one) => one.id);
    const users = random() < 0.5 ? ['all'] : some(usersOf(account), 0.3).map((one) => one.id);
    return { users, projects };
}

scenario('rights against a model', { set: { 'auth.password_memory': '8MiB' } }, (d) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const accounts = [];

    const addActor = (account, actor) => {
        const api = new Rest(d.url.http, actor.key, { agent });
        const added = { account: account.id, ...actor, api };
        account.actors.push(added);
        return added;
    };

    async function addUser(account, project) {
        const made = await newAnonymous(d, project.appKey);
        const { email } = await account.api.must(200, 'GET', `/users/${made.id}`);
        const more = { kind: 'U', project: project.id, role: 'base_app_user', email };
        return addActor(account, { ...made, ...more });
    }

    /** <given>: the scopes that it has from who makes it. */
    async function addResource(account, maker = account.api, given = undefined) {
        const kind = pick(Object.keys(kinds));
        const body = { name: `${kind} ${(serial += 1)}` };
        if (!given) body.scopes = randomScopes(account);
        const { id } = await maker.must(201, 'POST', kinds[kind].path, body);
        account.resources.push({ account: account.id, kind, id, scopes: given ?? body.scopes });
    }

    async function fillAccount(account) {
        for (let i = 0; i < 3; i++) account.projects.push(await newProject(account.api));
        for (const project of account.projects) {
            const of = { project: project.id, id: project.app };
            addActor(account, { kind: 'T', ...of, key: project.trustedKey, zones: zonesOf('T') });
            addActor(account, { kind: 'A', ...of, key: project.appKey, zones: zonesOf('A') });
            for (let i = 0; i < 3; i++) await addUser(account, project);
        }
        addActor(account, {
            kind: 'O',
            id: 'admin',
            role: 'admin',
            key: account.api.key,
            zones: administrator,
        });
        for (let i = 0; i < 4; i++) {
            const { id: role } = await account.api.must(201, 'POST', '/roles', {
                name: `operators ${(serial += 1)}`,
                type: 'operator',
            });
            account.operatorRoles.set(role, {});
            await changeOperatorRole(account, role);
            const { id, key } = await newOperator(account.api, { role });
            addActor(account, { kind: 'O', id, key, role });
        }
        for (const permissions of [
            ['thngs:read,list', 'actions:list'],
            ['products:*', 'collections:list'],
        ]) {
            const name = `policy ${(serial += 1)}`;
            const policy = await account.api.must(201, 'POST', '/accessPolicies', {
                name,
                permissions,
            });
            const token = await account.api.must(201, 'POST', '/accessTokens', {
                name,
                policies: [policy.id],
                conditions: [],
            });
            addActor(account, {
                kind: 'K',
                id: token.id,
                key: token.apiKey,
                zones: tokenZones(permissions),
            });
        }
        for (let i = 0; i < 40; i++) await addResource(account);
        for (const thng of account.resources.filter((one) => one.kind === 'thng').slice(0, 2))
            addActor(account, {
                kind: 'D',
                id: thng.id,
                key: await account.api.newDeviceKey(thng.id),
                zones: zonesOf('D'),
            });
    }

    async function changeOperatorRole(account, role) {
        const switches = randomSwitches(account);
        const former = account.operatorRoles.get(role);
        const body = [...new Set([...Object.keys(former), ...Object.keys(switches)])].map(
            (name) => ({
                name,
                enabled: name in switches,
                ...(name.startsWith('project_') && {
                    projectScoped: true,
                    projects: switches[name] ?? [],
                }),
            }),
        );
        await account.api.must(200, 'PUT', `/roles/${role}/permissions`, body);
        account.operatorRoles.set(role, switches);
    }

    /* ---- random changes ---- */

    const changes = {
        /* An update, which is told on the resource's topic to those who see it now. */
        async scopes(account) {
            const one = pick(account.resources);
            const n = (serial += 1);
            const topic = `${kinds[one.kind].path}/${one.id}`;
            const body = { scopes: randomScopes(account), description: `n${n}` };
            await account.api.must(200, 'PUT', topic, body);
            one.scopes = body.scopes;
            const isTopic = ['thng', 'collection'].includes(one.kind);
            const row = kinds[one.kind].one;
            return { n, topics: isTopic ? [{ topic, row, letter: 'R', one }] : [] };
        },
        create: (account) => addResource(account),
        async createAsOther(account) {
            const maker = pick(account.actors.filter((one) => one.kind === 'T'));
            await addResource(account, maker.api, { users: ['all'], projects: [maker.project] });
        },
        async createAsUser(account) {
            const maker = pick(usersOf(account));
            if (!zonesNow(account, maker)[0].rights.thngs.includes('C')) return;
            const isForAll = random() < 0.5;
            const query = isForAll ? '?userScope=all' : '';
            const body = { name: `thng ${(serial += 1)}` };
            const { id } = await maker.api.must(201, 'POST', `/thngs${query}`, body);
            const scopes = { users: [isForAll ? 'all' : maker.id], projects: [maker.project] };
            account.resources.push({ account: account.id, kind: 'thng', id, scopes });
        },
        async remove(account) {
            const at = below(account.resources.length);
            const one = account.resources[at];
            if (account.actors.some((actor) => actor.id === one.id)) return;
            await account.api.must(200, 'DELETE', `${kinds[one.kind].path}/${one.id}`);
            account.resources.splice(at, 1);
        },
        async newRole(account) {
            const { id } = await account.api.must(201, 'POST', '/roles', {
                name: `users ${(serial += 1)}`,
                type: 'userInApp',
            });
            account.roles.set(id, []);
        },
        async editRole(account) {
            const role = pick([...account.roles.keys()]);
            if (role === undefined) return;
            const permissions = randomPermissions();
            await account.api.must(200, 'PUT', `/roles/${role}/permissions`, permissions);
            account.roles.set(role, permissions);
        },
        editOperatorRole: (account) =>
            changeOperatorRole(account, pick([...account.operatorRoles.keys()])),
        async moveUser(account) {
            const user = pick(usersOf(account));
            const role = pick([...account.roles.keys(), 'base_app_user', 'none']);
            await account.api.must(200, 'PUT', `/users/${user.id}`, { role });
            user.role = role;
        },
        async share(account) {
            const from = pick(usersOf(account));
            const others = usersOf(account).filter(
                (one) => one !== from && one.project === from.project,
            );
            /* Nobody grants more than they hold. */
            if (from.role !== 'base_app_user' || others.length === 0) return;
            const to = pick(others);
            const role = pick([...account.roles.keys(), 'base_app_user']);
            const made = await from.api.must(201, 'POST', '/accesses', { email: to.email, role });
            account.shares.push({ id: made.id, from, to, role });
        },
        async unshare(account) {
            if (account.shares.length === 0) return;
            const at = below(account.shares.length);
            const share = account.shares[at];
            if (share.from.role !== 'base_app_user') return;
            await share.from.api.must(204, 'DELETE', `/accesses/${share.id}`);
            account.shares.splice(at, 1);
        },
        async replaceUser(account) {
            const user = pick(usersOf(account));
            await account.api.must(200, 'DELETE', `/users/${user.id}`);
            account.actors.splice(account.actors.indexOf(user), 1);
            account.shares = account.shares.filter((one) => one.from !== user && one.to !== user);
            const gone = await user.api.get('/access');
            assert.equal(gone.status, 403);
            await addUser(
                account,
                account.projects.find((one) => one.id === user.project),
            );
        },
        async removeOperatorRole(account) {
            if (account.operatorRoles.size < 3 || random() < 0.6) return;
            const role = pick([...account.operatorRoles.keys()]);
            await account.api.must(204, 'DELETE', `/roles/${role}`);
            account.operatorRoles.delete(role);
        },
    };

    it('two accounts at random', async () => {
        const api = new Rest(d.url.http, d.key, { agent });
        const { account } = await api.must(200, 'GET', '/access');
        const other = await newAccount(api);
        for (const [id, client] of [
            [account, api],
            [other.id, new Rest(d.url.http, other.key, { agent })],
        ]) {
            const made = { id, api: client, projects: [], actors: [], resources: [], shares: [] };
            made.roles = new Map();
            made.operatorRoles = new Map();
            await fillAccount(made);
            accounts.push(made);
        }
    });

    /* ---- lists and reads ---- */

    async function walk(api, path, perPage) {
        const ids = [];
        let url = `${d.url.http}${path}${path.includes('?') ? '&' : '?'}perPage=${perPage}`;
        while (url) {
            const answer = await request(url, { key: api.key, agent });
            if (answer.status !== 200) return answer.status;
            assert.ok(answer.body.length <= perPage);
            ids.push(...answer.body.map((one) => one.id));
            url = nextLink(answer.headers);
        }
        return ids;
    }

    /** Who, and why it has which rights: a failure is to be understood from its text. */
    function who(actor) {
        const account = accounts.find((one) => one.id === actor.account);
        const of = (role) => JSON.stringify(account.roles.get(role) ?? account.operatorRoles.get(role));
        const shares = account.shares
            .filter((one) => one.to === actor)
            .map((one) => `, shared with it by ${one.from.id} as ${one.role} ${of(one.role)}`);
        return `${actor.kind} ${actor.id} of ${actor.project} as ${actor.role} ${of(actor.role)}${shares.join('')}:`;
    }
    const scopesOf = (ids) =>
        ids
            .map((id) => accounts.flatMap((any) => any.resources).find((one) => one.id === id))
            .map((one) => `\n${one.id} ${JSON.stringify(one.scopes)}`);

    async function checkLists(account, actor) {
        const judged = now(account, actor);
        let found = 0;
        for (const [kind, { path, list }] of Object.entries(kinds)) {
            const wanted = account.resources
                .filter((one) => one.kind === kind && judge(judged, list, 'L', one) === 0)
                .map((one) => one.id);
            const listed = await walk(actor.api, path, 1 + below(20));
            const where = `${who(actor)} lists ${path}`;
            if (judge(judged, list, 'L') !== 0) {
                assert.equal(listed, 403, where);
                continue;
            }
            assert.deepEqual(
                [...listed].sort(),
                [...wanted].sort(),
                `${where}: ${listed} instead of ${scopesOf(wanted)}`,
            );
            const head = await actor.api.head(path);
            assert.equal(Number(head.headers['x-result-count']), wanted.length, where);
            found += wanted.length;
        }
        return found;
    }

    async function checkProjectLists(account, actor) {
        const project = pick(account.projects).id;
        const judged = now(account, actor);
        if (!['O', 'K'].includes(actor.kind) || judge(judged, 'thngs', 'L') !== 0) return;
        const listed = await walk(actor.api, `/thngs?project=${project}`, 50);
        if (listed === 404) return;
        const wanted = account.resources.filter(
            (one) =>
                one.kind === 'thng' &&
                judge(judged, 'thngs', 'L', one) === 0 &&
                ['all', project].some((id) => one.scopes.projects.includes(id)),
        );
        assert.deepEqual([...listed].sort(), wanted.map((one) => one.id).sort(), who(actor));
    }

    async function checkReads(account, actor) {
        const judged = now(account, actor);
        for (const one of accounts.flatMap((any) => any.resources)) {
            const { path, one: row } = kinds[one.kind];
            const wanted = judge(judged, row, 'R', one) || 200;
            const answer = await actor.api.get(`${path}/${one.id}?withScopes=true`);
            const where = `${who(actor)} reads ${path}/${one.id} ${JSON.stringify(one.scopes)}`;
            assert.equal(answer.status, wanted, where);
            if (wanted === 200)
                assert.deepEqual(
                    Object.values(answer.body.scopes ?? { users: [], projects: [] }).map((list) =>
                        list.sort(),
                    ),
                    [[...one.scopes.users].sort(), [...one.scopes.projects].sort()],
                    where,
                );
        }
    }

    /* ---- delivery ---- */

    const matches = (filter, topic) => {
        const wanted = filter.split('/');
        const given = topic.split('/');
        for (let i = 0; i < wanted.length; i++) {
            if (wanted[i] === '#') return true;
            if (wanted[i] !== '+' && wanted[i] !== given[i]) return false;
        }
        return wanted.length === given.length;
    };

    const wild = ['/thngs/+/properties', '/thngs/#', '/products/+/properties/+', '/actions/#'];

    /** Filters with what each is judged by when it is made. Wildcards are judged per event, if the
     *  server takes them. */
    function filtersOf(resources) {
        const all = [
            { filter: '/actions/all', row: 'actions', letter: 'L' },
            { filter: '/actions/scans', row: 'scans', letter: 'L' },
            ...[...wild, '/collections/+'].map((filter) => ({ filter })),
        ];
        for (const one of resources) {
            const at = (rest, row, letter) =>
                all.push({ filter: `${kinds[one.kind].path}/${one.id}${rest}`, row, letter, one });
            if (one.kind === 'thng') {
                at('', 'thng', 'R');
                at('/properties', 'properties', 'R');
                at('/actions/all', 'thngActions', 'L');
            }
            if (one.kind === 'product') at('/properties/a', 'productProperties', 'R');
            if (one.kind === 'collection') at('', 'collections', 'R');
        }
        return all;
    }

    /** Something happens to <one>: the topics that are fired, each with its row. */
    async function happen(account, one) {
        const n = (serial += 1);
        const path = one && `${kinds[one.kind].path}/${one.id}`;
        const action = [
            { topic: '/actions/all', row: 'actions', letter: 'L' },
            { topic: '/actions/scans', row: 'scans', letter: 'L' },
        ];
        if (one === undefined) {
            const makers = account.actors.filter((actor) => 'OT'.includes(actor.kind));
            const maker = pick(
                makers.filter((actor) => actor.kind === 'T' || actor.role === 'admin'),
            );
            await maker.api.must(201, 'POST', '/actions/scans', { customFields: { n } });
            const projects = maker.project ? [maker.project] : [];
            const made = {
                account: account.id,
                kind: 'action',
                scopes: { users: ['all'], projects },
            };
            return { n, topics: action.map((topic) => ({ ...topic, one: made })) };
        }
        const fired = (rest, row, letter) => ({ topic: `${path}${rest}`, row, letter, one });
        const choice = below(3);
        if (one.kind === 'collection' || (one.kind === 'thng' && choice === 0)) {
            await account.api.must(200, 'PUT', path, { description: `n${n}` });
            return { n, topics: [fired('', one.kind === 'thng' ? 'thng' : 'collections', 'R')] };
        }
        if (one.kind === 'thng' && choice === 1) {
            await account.api.must(201, 'POST', `${path}/actions/scans`, { customFields: { n } });
            const made = { ...one, kind: 'action', thng: one.id };
            return {
                n,
                topics: [
                    ...action.map((topic) => ({ ...topic, one: made })),
                    { ...fired('/actions/all', 'thngActions', 'L'), one: made },
                    { ...fired('/actions/scans', 'thngActions', 'L'), one: made },
                ],
            };
        }
        if (one.kind === 'place') return { n, topics: [] };
        await account.api.must(200, 'PUT', `${path}/properties/a`, [{ value: n }]);
        const row = one.kind === 'thng' ? 'properties' : 'productProperties';
        return { n, topics: [fired('/properties', row, 'R'), fired('/properties/a', row, 'R')] };
    }

    const numberIn = (payload) => {
        const value = JSON.parse(payload);
        if (Array.isArray(value)) return value[0].value;
        return value.customFields?.n ?? Number(value.description?.slice(1));
    };

    async function checkDelivery(account) {
        const sample = some(account.resources, 0.4).slice(0, 25);
        const filters = filtersOf(sample);
        const marker = await account.api.newThng({ name: 'marker' });
        const end = `/thngs/${marker.id}/properties/end?access_token=${account.api.key}`;
        const clients = [];
        for (const actor of account.actors) {
            const client = await RawMqtt.open(d.port.mqtt);
            const id = `model-${(serial += 1)}`;
            client.send(connect({ clientId: id, user: 'authorization', password: actor.key }));
            assert.equal((await client.next(type.connack)).code, 0);
            client.send(subscribe(1, ...filters.map((one) => [one.filter, 0]), [end, 0]));
            const { codes } = await client.next(type.suback);
            const judged = now(account, actor);
            filters.forEach((one, i) => {
                if (one.row === undefined) return;
                const wanted = judge(judged, one.row, one.letter, one.one) === 0 ? 0 : 0x80;
                assert.equal(codes[i], wanted, `${who(actor)} subscribes to ${one.filter}`);
            });
            assert.equal(codes.at(-1), 0);
            clients.push({ client, actor, judged, codes, wanted: new Map() });
        }
        for (let i = 0; i < 80; i++) {
            const event =
                random() < 0.3
                    ? await changes.scopes(account)
                    : await happen(account, random() < 0.15 ? undefined : pick(sample));
            for (const { judged, codes, wanted } of clients)
                for (const { topic, row, letter, one } of event.topics) {
                    if (judge(judged, row, letter, one) !== 0) continue;
                    const count = filters.filter(
                        ({ filter }, k) => codes[k] !== 0x80 && matches(filter, topic),
                    ).length;
                    if (count) wanted.set(`${topic} ${event.n}`, count);
                }
        }
        await account.api.must(200, 'PUT', `/thngs/${marker.id}/properties/end`, [
            { value: 'end' },
        ]);
        let delivered = 0;
        for (const { client, actor, wanted } of clients) {
            const got = new Map();
            for (const message of await client.before(end)) {
                if (message.topic.includes(marker.id)) continue;
                const key = `${message.topic} ${numberIn(message.payload)}`;
                got.set(key, (got.get(key) ?? 0) + 1);
                delivered += 1;
            }
            assert.deepEqual(
                Object.fromEntries([...got].sort()),
                Object.fromEntries([...wanted].sort()),
                `what ${who(actor)} got`,
            );
            client.destroy();
        }
        await account.api.must(200, 'DELETE', `/thngs/${marker.id}`);
        return delivered;
    }

    for (let round = 1; round <= ROUNDS; round++)
        it(`round ${round}: lists, reads and deliveries are those of the model`, async () => {
            let found = 0;
            for (const account of accounts) {
                const names = Object.keys(changes);
                for (let i = 0; i < 40; i++) await changes[pick(names)](account);
                for (const actor of account.actors) {
                    found += await checkLists(account, actor);
                    await checkProjectLists(account, actor);
                    await checkReads(account, actor);
                }
                found += await checkDelivery(account);
            }
            console.log(`# round ${round}: ${found} listed and delivered`);
            assert.ok(found > 100);
        });

    it('the same after a restart', async () => {
        await d.restart();
        for (const account of accounts)
            for (const actor of account.actors) {
                await checkLists(account, actor);
                await checkReads(account, actor);
            }
        agent.destroy();
        assert.equal((await as(d, d.key).get('/access')).status, 200);
    });
});
