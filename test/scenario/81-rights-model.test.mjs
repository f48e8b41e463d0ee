// SPDX-License-Identifier: Apache-2.0
// Random accounts, projects, applications, users, roles, shares, scopes and resources, and a model
// beside them (lib/rights.mjs): what each key lists, reads and is delivered is what the model says,
// also after everything has changed at random (auth.md 7 and 8). The seed is printed;
// THRUM_TEST_SEED repeats a run.
import http from 'node:http';
import { scenario, it, assert } from './lib/suite.mjs';
import { Rest, nextLink, request } from './lib/rest.mjs';
import { login, subscribe, type } from './lib/packets.mjs';
import { matches } from './lib/filters.mjs';
import { seeded } from './lib/random.mjs';
import {
    as,
    newAccount,
    newAnonymous,
    newOperator,
    newOperatorRole,
    newPolicy,
    newProject,
    newRole,
    newToken,
    quick,
} from './lib/people.mjs';
import {
    administrator,
    collaboratorZones,
    judge,
    judgeMaking,
    operatorZones,
    rolePaths,
    tokenZones,
    userZones,
    zonesOf,
} from './lib/rights.mjs';

const ROUNDS = 6;
const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
console.log(`# seed ${seed}`);

const { random, below, pick, some } = seeded(seed);
let serial = 0;

const kinds = {
    thng: { path: '/thngs', list: 'thngs', one: 'thng', actions: 'thngActions' },
    product: { path: '/products', list: 'products', one: 'products', actions: 'productActions' },
    collection: {
        path: '/collections',
        list: 'collections',
        one: 'collections',
        actions: 'collectionActions',
    },
    place: { path: '/places', list: 'places', one: 'places' },
};

function randomPermissions() {
    return some(Object.entries(rolePaths), 0.4)
        .map(([path, letters]) => ({ path, access: some([...letters], 0.7).join('') }))
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
    if (actor.kind === 'O' && !actor.zones)
        return operatorZones(account.operatorRoles.get(actor.role) ?? {});
    return actor.zones;
}
/* What is no resource of theirs, but is listed and read like one. */
const peopleOf = (account) =>
    usersOf(account).map(({ id, project }) => ({
        ...{ account: account.id, kind: 'user', id },
        scopes: { users: [id], projects: [project] },
    }));
const projectsOf = (account) =>
    account.projects.map(({ id }) => ({
        ...{ account: account.id, kind: 'project', id },
        scopes: { users: [], projects: [] },
    }));
const now = (account, actor) => ({ ...actor, zones: zonesNow(account, actor) });

function randomScopes(account) {
    const projects = random() < 0.1 ? ['all'] : some(account.projects, 0.5).map((one) => one.id);
    const users = random() < 0.5 ? ['all'] : some(usersOf(account), 0.3).map((one) => one.id);
    return { users, projects };
}

/* The seed is in the title: what fails tells how to repeat it. */
scenario(`rights against a model (THRUM_TEST_SEED=${seed})`, { set: quick }, (d) => {
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

    async function addProject(account) {
        const project = await newProject(account.api);
        const of = { project: project.id, id: project.app };
        account.projects.push(project);
        addActor(account, { kind: 'T', ...of, key: project.trustedKey, zones: zonesOf('T') });
        addActor(account, { kind: 'A', ...of, key: project.appKey, zones: zonesOf('A') });
        for (let i = 0; i < 3; i++) await addUser(account, project);
    }

    async function fillAccount(account) {
        for (let i = 0; i < 3; i++) await addProject(account);
        addActor(account, {
            kind: 'O',
            id: 'admin',
            role: 'admin',
            key: account.api.key,
            zones: administrator,
        });
        for (let i = 0; i < 4; i++) {
            const role = await newOperatorRole(account.api, {});
            account.operatorRoles.set(role, {});
            await changeOperatorRole(account, role);
            const { id, key } = await newOperator(account.api, { role });
            addActor(account, { kind: 'O', id, key, role });
        }
        for (const permissions of [
            ['thngs:read,list', 'actions:list'],
            ['products:*', 'collections:list'],
        ]) {
            const policies = [await newPolicy(account.api, permissions)];
            const token = await newToken(account.api, { policies });
            addActor(account, {
                kind: 'K',
                id: token.id,
                key: token.apiKey,
                zones: tokenZones(permissions),
            });
        }
        for (let i = 0; i < 40; i++) await addResource(account);
        await addLimited(account);
        for (const thng of account.resources.filter((one) => one.kind === 'thng').slice(0, 2))
            addActor(account, {
                kind: 'D',
                id: thng.id,
                key: await account.api.newDeviceKey(thng.id),
                zones: zonesOf('D'),
            });
    }

    /** One with policies and one with conditions. */
    async function addLimited(account) {
        const permissions = ['thngs:read,list,delete', 'places:list,read', 'actions:create'];
        const policy = await newPolicy(account.api, permissions);
        const { id, key } = await newOperator(account.api, { policies: [policy] });
        addActor(account, { kind: 'O', id, key, zones: collaboratorZones(permissions) });
        const places = account.resources
            .filter((one) => one.kind === 'place')
            .slice(0, 3)
            .map((one) => one.id);
        const token = await newToken(account.api, {
            policies: [policy],
            conditions: places.map((place) => `places:${place}`),
        });
        const zones = tokenZones(permissions);
        addActor(account, { kind: 'K', id: token.id, key: token.apiKey, zones, places });
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
            const by = pick(account.actors);
            const wanted = judge(now(account, by), kinds[one.kind].one, 'X', one) || 200;
            const answer = await by.api.delete(`${kinds[one.kind].path}/${one.id}`);
            assert.equal(answer.status, wanted, `${who(by)} deletes ${show(one)}`);
            if (wanted === 200) account.resources.splice(at, 1);
        },
        /** An action is shown to whom its target was shown, or where there is none in the project
         *  of who made it. */
        async act(account) {
            const by = pick(account.actors);
            const target = pick([undefined, ...some(account.resources, 0.2)]);
            const row = target ? kinds[target.kind].actions : 'scans';
            if (row === undefined) return;
            const judged = now(account, by);
            const own = by.project ? [by.project] : [];
            const scopes = target?.scopes ?? {
                users: own.length ? ['all'] : [],
                projects: own,
            };
            const refused = target
                ? judge(judged, row, 'C', target)
                : judge(judged, row, 'C') || judgeMaking(judged, row, { kind: 'action', scopes });
            const wanted = refused || 201;
            const path = target ? `${kinds[target.kind].path}/${target.id}` : '';
            const answer = await by.api.post(`${path}/actions/scans`, {});
            const where = `${who(by)} acts on ${show(target)}: ${answer.text}`;
            assert.equal(answer.status, wanted, where);
            if (wanted !== 201) return;
            const made = { account: account.id, kind: 'action', id: answer.body.id, scopes };
            if (target) made[target.kind] = target.id;
            account.actions.push(made);
        },
        async newRole(account) {
            account.roles.set(await newRole(account.api, []), []);
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
        /** All that had its keys by it goes, and its id wherever it was named. */
        async replaceProject(account) {
            if (random() < 0.5) return;
            const { id } = pick(account.projects);
            await account.api.must(200, 'DELETE', `/projects/${id}`);
            const gone = account.actors.filter((one) => one.project === id);
            account.projects = account.projects.filter((one) => one.id !== id);
            account.actors = account.actors.filter((one) => !gone.includes(one));
            account.shares = account.shares.filter((one) => !gone.includes(one.from));
            for (const { scopes } of [...account.resources, ...account.actions])
                scopes.projects = scopes.projects.filter((one) => one !== id);
            for (const one of gone) assert.equal((await one.api.get('/access')).status, 403);
            await addProject(account);
            for (const [role, switches] of account.operatorRoles)
                if (Object.values(switches).some((on) => on !== true && on.includes(id)))
                    await changeOperatorRole(account, role);
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
            made.actions = [];
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

    const show = (one) => one && `${one.kind} ${one.id} ${JSON.stringify(one.scopes)}`;

    /** Who, and why it has which rights: a failure is to be understood from its text. */
    function who(actor) {
        const account = accounts.find((one) => one.id === actor.account);
        const all = new Map([...account.roles, ...account.operatorRoles]);
        const of = (role) => `${role} ${JSON.stringify(all.get(role))}`;
        const shares = account.shares
            .filter((one) => one.to === actor)
            .map((one) => `, shared with it by ${one.from.id} as ${of(one.role)}`);
        const { kind, id, project, role } = actor;
        return `${kind} ${id} of ${project} as ${of(role)}${shares.join('')}:`;
    }
    const everything = () =>
        accounts.flatMap((any) => [
            ...[...any.resources, ...any.actions],
            ...[...peopleOf(any), ...projectsOf(any)],
        ]);
    const different = (listed, wanted) =>
        everything()
            .filter(({ id }) => listed.includes(id) !== wanted.includes(id))
            .map((one) => `\n${listed.includes(one.id) ? 'too many' : 'missing'}: ${show(one)}`);

    async function checkLists(account, actor) {
        const judged = now(account, actor);
        let found = 0;
        for (const [path, list, all, of] of [
            ...Object.entries(kinds).map(([kind, { path, list }]) => [
                ...[path, list],
                account.resources.filter((one) => one.kind === kind),
            ]),
            ['/users', 'users', peopleOf(account)],
            ['/projects', 'projects', projectsOf(account)],
            ['/actions/all', 'actions', account.actions],
            ['/actions/scans', 'scans', account.actions],
            ...some(account.resources, 0.1)
                .filter((one) => kinds[one.kind].actions)
                .map((one) => [
                    `${kinds[one.kind].path}/${one.id}/actions/all`,
                    kinds[one.kind].actions,
                    account.actions.filter((action) => action[one.kind] === one.id),
                    one,
                ]),
        ]) {
            const wanted = all
                .filter((one) => judge(judged, list, 'L', one) === 0)
                .map((one) => one.id);
            const listed = await walk(actor.api, path, 1 + below(20));
            const where = `${who(actor)} lists ${path} ${show(of) ?? ''}`;
            const refused = judge(judged, list, 'L', of);
            if (refused !== 0) {
                assert.equal(listed, refused, where);
                continue;
            }
            assert.deepEqual(
                [...listed].sort(),
                [...wanted].sort(),
                `${where}: ${different(listed, wanted)}`,
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
        const others = accounts.filter((any) => any !== account).flatMap((any) => any.resources);
        for (const one of [...account.resources, ...some(others, 0.1)]) {
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

    async function checkOthers(account, actor) {
        const judged = now(account, actor);
        for (const one of some(everything(), 0.15)) {
            const [row, path] = {
                action: ['actions', '/actions/all'],
                user: ['users', '/users'],
                project: ['projects', '/projects'],
            }[one.kind] ?? [kinds[one.kind].one, kinds[one.kind].path];
            const isResource = one.kind in kinds;
            const wanted = judge(judged, row, isResource ? 'U' : 'R', one) || 200;
            const answer = isResource
                ? await actor.api.put(`${path}/${one.id}`, { tags: ['x'] })
                : await actor.api.get(`${path}/${one.id}`);
            const where = `${who(actor)} ${isResource ? 'updates' : 'reads'} ${show(one)}`;
            assert.equal(answer.status, wanted, where);
        }
    }

    /* ---- delivery ---- */

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
            const body = { customFields: { n } };
            const { id } = await maker.api.must(201, 'POST', '/actions/scans', body);
            const projects = maker.project ? [maker.project] : [];
            const made = {
                account: account.id,
                ...{ kind: 'action', id },
                scopes: { users: projects.length ? ['all'] : [], projects },
            };
            account.actions.push(made);
            return { n, topics: action.map((topic) => ({ ...topic, one: made })) };
        }
        const fired = (rest, row, letter) => ({ topic: `${path}${rest}`, row, letter, one });
        const choice = below(3);
        if (one.kind === 'collection' || (one.kind === 'thng' && choice === 0)) {
            await account.api.must(200, 'PUT', path, { description: `n${n}` });
            return { n, topics: [fired('', one.kind === 'thng' ? 'thng' : 'collections', 'R')] };
        }
        if (one.kind === 'thng' && choice === 1) {
            const body = { customFields: { n } };
            const { id } = await account.api.must(201, 'POST', `${path}/actions/scans`, body);
            const made = { ...one, kind: 'action', id, thng: one.id };
            account.actions.push(made);
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

    /* Connections that are open keep the rights with which they were made (auth.md 8.1). */
    const ofRights = ['editRole', 'moveUser', 'editOperatorRole', 'share', 'unshare'];

    async function checkDelivery(account) {
        const sample = some(account.resources, 0.4).slice(0, 25);
        const filters = filtersOf(sample);
        const marker = await account.api.newThng({ name: 'marker' });
        const end = `/thngs/${marker.id}/properties/end?access_token=${account.api.key}`;
        const clients = [];
        for (const actor of account.actors) {
            const client = await login(d.port.mqtt, actor.key);
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
            if (random() < 0.2) await changes[pick(ofRights)](account);
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
                    await checkOthers(account, actor);
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
