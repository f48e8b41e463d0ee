// SPDX-License-Identifier: Apache-2.0
//
// The world of the matrix of rights: two accounts, projects, an actor of every kind, and resources
// of every kind with every scope that tells actors apart.
import { Rest } from './rest.mjs';
import {
    as,
    giveRole,
    newAccount,
    newAnonymous,
    newApplication,
    newOperator,
    newProject,
    newRole,
    newUser,
} from './people.mjs';
import { unknownId } from './suite.mjs';
import {
    administrator,
    collaboratorZones,
    operatorZones,
    policyNames,
    tokenZones,
    userZones,
    zonesOf,
} from './rights.mjs';

const switchNames = [
    ...['global_read', 'gl_resource_update', 'gl_project_update'],
    ...['project_read', 'project_resource_update', 'project_update'],
];

/* What the roles of users in this world say. */
export const userRoles = {
    custom: [
        { path: '/thngs', access: 'cr' },
        { path: '/thngs/:id/properties', access: 'ru' },
        { path: '/thngs/:id/actions/:type', access: 'c' },
        { path: '/products', access: 'r' },
        { path: '/collections', access: 'cru' },
        { path: '/collections/:id/actions/:type', access: 'r' },
        { path: '/actions/scans', access: 'c' },
        { path: '/auth/evrythng/thngs', access: 'cr' },
    ],
    shared: [
        { path: '/thngs', access: 'r' },
        { path: '/collections', access: 'ru' },
        { path: '/collections/:id/collections', access: 'c' },
    ],
};
const permissionsOf = {
    token: ['thngs:read,list', 'products:*', 'actions:create,list', 'places:update', 'roles:read'],
    everything: policyNames.map((name) => `${name}:*`),
    collaborator: ['thngs:read,list,update', 'actions:*', 'collections:create,read', 'users:read'],
};

export const actorNames = [
    ...['operator: admin', 'operator: none', ...switchNames.map((name) => `operator: ${name}`)],
    'operator: collaborator',
    'operator: of the other account',
    ...['trusted application', 'application'],
    ...['user: named', 'user: anonymous', 'user: custom role', 'user: role without rights'],
    ...['user: let in by another', 'user: without rights, let in by another'],
    'device',
    ...['token: some', 'token: everything'],
    ...['nobody', 'a key that is none'],
];

let count = 0;
const next = () => `${(count += 1)}`;

/* ---- resources ---- */

/** A task that makes one thng. */
export const aTask = {
    type: 'POPULATING',
    inputParameters: {
        type: 'IDENTIFIERS_LIST_BASED',
        generateThngs: true,
        generateRedirections: false,
        customIdentifier: { key: 'serial', values: ['1'] },
        thngTemplate: { name: 'of a task' },
    },
};
const bodies = {
    thng: (scopes) => ['/thngs', { name: 't', scopes }],
    product: (scopes) => ['/products', { name: 'p', scopes }],
    collection: (scopes) => ['/collections', { name: 'c', scopes }],
    place: (scopes) => ['/places', { name: 'l', scopes }],
    type: (scopes) => ['/actions', { name: `_m${next()}`, scopes }],
    batch: (scopes) => ['/batches', { name: 'b', scopes }],
    file: (scopes) => ['/files', { name: next(), type: 'text/plain', scopes }],
};

/** A resource with these scopes in an account: what lib/rights.mjs looks at, and what is in it. */
async function newResource(account, kind, scopes) {
    const { api } = account;
    const document = await api.must(201, 'POST', ...bodies[kind](scopes));
    const made = { account: account.id, kind, id: document.id, name: document.name, scopes };
    const action = async (root) => (await api.must(201, 'POST', `${root}/actions/scans`, {})).id;
    if (kind === 'thng') made.action = await action(`/thngs/${made.id}`);
    if (kind === 'product') made.action = await action(`/products/${made.id}`);
    if (kind === 'collection') made.action = await action(`/collections/${made.id}`);
    if (kind === 'thng') made.key = await api.newDeviceKey(made.id);
    if (kind === 'batch') {
        const answer = await api.post(`/batches/${made.id}/tasks`, aTask);
        if (answer.status !== 202) throw new Error(answer.text);
        made.task = answer.headers.location.split('/').at(-1);
    }
    return made;
}

/** A second one like that, to be spent: { ..., and with a member or a child if it has any }. */
async function newSpare(w, label, kind) {
    const account = label === 'other account' ? w.foreign : w;
    const like = w.resources[kind][label];
    const made = await newResource(account, kind, like.scopes);
    if (kind === 'collection') {
        const thng = account === w ? w.resources.thng.everywhere : w.resources.thng[label];
        const child = await newResource(account, 'collection', {
            users: ['all'],
            projects: ['all'],
        });
        await account.api.must(200, 'PUT', `/collections/${made.id}/thngs`, [thng.id]);
        await account.api.must(200, 'POST', `/collections/${made.id}/collections`, [child.id]);
        made.member = thng.id;
        made.child = child.id;
    }
    return made;
}

async function makeResources(w) {
    const { P, Q } = w;
    const all = ['all'];
    const users = Object.values(w.actors)
        .filter((actor) => actor.kind === 'U')
        .map((actor) => actor.id);
    const scopes = {
        open: { users: all, projects: [P.id] },
        'other project': { users: all, projects: [Q.id] },
        both: { users: all, projects: [P.id, Q.id] },
        everywhere: { users: all, projects: all },
        hidden: { users: [], projects: [] },
        mine: { users, projects: [P.id] },
        'let in': { users: [w.giver.id], projects: [P.id] },
        "another user's": { users: [w.someone.id], projects: [P.id] },
    };
    w.resources = {};
    for (const kind of Object.keys(bodies)) {
        const made = {};
        for (const [label, one] of Object.entries(scopes))
            if (!['batch', 'file'].includes(kind) || label !== 'mine')
                made[label] = await newResource(w, kind, one);
        made['other account'] = await newResource(w.foreign, kind, scopes.everywhere);
        made.unknown = null;
        w.resources[kind] = made;
    }
    w.labels = [...Object.keys(scopes), 'other account', 'unknown'];
    w.spare = (label, kind) => newSpare(w, label, kind);
}

/* ---- actors ---- */

async function newSwitched(w, name) {
    const { id: role } = await w.api.must(201, 'POST', '/roles', { name, type: 'operator' });
    const isScoped = name.startsWith('project_');
    const body = { name, enabled: true };
    if (isScoped) Object.assign(body, { projectScoped: true, projects: [w.P.id] });
    await w.api.must(200, 'PUT', `/roles/${role}/permissions/${name}`, body);
    const made = await newOperator(w.api, { role });
    return { ...made, zones: operatorZones({ [name]: isScoped ? [w.P.id] : true }) };
}

async function newPolicy(w, permissions) {
    const body = { name: `policy ${next()}`, permissions };
    return (await w.api.must(201, 'POST', '/accessPolicies', body)).id;
}

async function newToken(w, permissions) {
    const policies = [await newPolicy(w, permissions)];
    const body = { name: `token ${next()}`, policies, conditions: [] };
    const made = await w.api.must(201, 'POST', '/accessTokens', body);
    return { id: made.id, key: made.apiKey, zones: tokenZones(permissions) };
}

async function makeOperators(w, add) {
    add('operator: admin', { kind: 'O', id: w.operator, key: w.api.key, zones: administrator });
    const none = await newOperator(w.api, { role: 'none' });
    add('operator: none', { kind: 'O', ...none, zones: operatorZones({}) });
    for (const name of switchNames)
        add(`operator: ${name}`, { kind: 'O', ...(await newSwitched(w, name)) });
    const policies = [await newPolicy(w, permissionsOf.collaborator)];
    add('operator: collaborator', {
        kind: 'O',
        ...(await newOperator(w.api, { policies })),
        zones: collaboratorZones(permissionsOf.collaborator),
    });
    add('operator: of the other account', {
        kind: 'O',
        account: w.foreign.id,
        id: w.foreign.operator,
        key: w.foreign.key,
        zones: administrator,
    });
}

async function makeUsers(w, d, add) {
    const { P, api } = w;
    const user = (made, zones) => ({ kind: 'U', project: P.id, app: P.app, ...made, zones });
    w.giver = await newUser(d, P.appKey);
    w.someone = await newUser(d, P.appKey);
    add('user: named', user(await newUser(d, P.appKey), userZones('base_app_user')));
    add('user: anonymous', user(await newAnonymous(d, P.appKey), userZones('base_app_user')));
    const custom = await newUser(d, P.appKey);
    await giveRole(api, custom.id, userRoles.custom);
    add('user: custom role', user(custom, userZones(userRoles.custom)));
    const powerless = await newUser(d, P.appKey);
    await giveRole(api, powerless.id, []);
    add('user: role without rights', user(powerless, userZones([])));
    const letIn = async (permissions) => {
        const one = await newUser(d, P.appKey);
        const role =
            permissions === 'base_app_user' ? permissions : await newRole(api, permissions);
        const body = { email: one.email, role };
        await as(d, w.giver.key).must(201, 'POST', '/accesses', body);
        return { one, share: { from: w.giver.id, permissions } };
    };
    const guest = await letIn(userRoles.shared);
    add('user: let in by another', user(guest.one, userZones('base_app_user', [guest.share])));
    const bare = await letIn('base_app_user');
    await giveRole(api, bare.one.id, []);
    add('user: without rights, let in by another', user(bare.one, userZones([], [bare.share])));
}

/** Everything; with <agent> for its connections. */
export async function makeWorld(d, agent) {
    const api = new Rest(d.url.http, d.key, { agent });
    const { account, actor } = await api.must(200, 'GET', '/access');
    const w = { id: account, operator: actor.id, api, actors: {}, d };
    w.foreign = await newAccount(api);
    w.foreign.api = new Rest(d.url.http, w.foreign.key, { agent });
    w.foreign.P = await newProject(w.foreign.api);
    w.foreign.user = await newAnonymous(d, w.foreign.P.appKey);
    w.P = await newProject(api);
    w.P.second = await newApplication(api, w.P.id);
    w.Q = await newProject(api);
    w.Q.user = await newUser(d, w.Q.appKey);
    const add = (name, one) => (w.actors[name] = { name, account, ...one });
    const bound = { project: w.P.id, id: w.P.app, app: w.P.app };
    await makeOperators(w, add);
    add('trusted application', { kind: 'T', ...bound, key: w.P.trustedKey, zones: zonesOf('T') });
    add('application', { kind: 'A', ...bound, key: w.P.appKey, zones: zonesOf('A') });
    await makeUsers(w, d, add);
    await makeResources(w);
    const { open } = w.resources.thng;
    add('device', { kind: 'D', id: open.id, key: open.key, zones: zonesOf('D') });
    for (const [name, permissions] of [
        ['token: some', permissionsOf.token],
        ['token: everything', permissionsOf.everything],
    ])
        add(name, { kind: 'K', ...(await newToken(w, permissions)) });
    add('nobody', { kind: 'none' });
    add('a key that is none', { kind: '?', key: 'x'.repeat(80) });
    w.newSwitchedRole = async () =>
        (await api.must(201, 'POST', '/roles', { name: `s${next()}`, type: 'operator' })).id;
    w.newUserRole = () => newRole(api, []);
    w.newPolicy = () => newPolicy(w, ['thngs:read']);
    w.newToken = () => newToken(w, ['thngs:read']);
    w.roles = { user: await w.newUserRole(), operator: await w.newSwitchedRole() };
    w.foreign.role = await newRole(w.foreign.api, []);
    w.foreign.policy = await newPolicy(w.foreign, ['thngs:read']);
    w.foreign.token = (await newToken(w.foreign, ['thngs:read'])).id;
    w.policy = await w.newPolicy();
    w.token = (await w.newToken()).id;
    w.spareOperator = await newOperator(api, { role: 'none' });
    w.roles.empty = await w.newUserRole();
    for (const [one, quantity] of [
        [w, 250],
        [w.foreign, 20],
    ]) {
        one.spareThngs = [];
        while (one.spareThngs.length < quantity)
            one.spareThngs.push((await newThngForAll(one.api)).id);
    }
    const names = new Map([
        ...[
            [w.P.id, 'its project'],
            [w.Q.id, 'another project'],
        ],
        ...[
            [w.foreign.P.id, "another account's project"],
            [unknownId, 'an unknown project'],
        ],
    ]);
    w.nameOf = (id) => names.get(id) ?? id;
    w.next = next;
    return w;
}

const newThngForAll = (api) =>
    api.must(201, 'POST', '/thngs', {
        name: 'spare',
        scopes: { users: ['all'], projects: ['all'] },
    });
