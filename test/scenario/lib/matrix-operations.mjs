// SPDX-License-Identifier: Apache-2.0
//
// The operations of the REST interface, for the matrix of rights: each with its row, its letter and
// the status of a success (auth.md 2 and 6, rest.md), and the cases that an actor makes of it.
//
// A case: { label, expected, make }. <expected>: 0, or the status of the refusal. make(isAllowed)
// gives { path, body, undo }: what is asked, of something fresh when it will be spent.
import { as, newAnonymous, newOperator } from './people.mjs';
import { aTask } from './matrix-world.mjs';
import { unknownId } from './suite.mjs';
import { judge, judgeMaking, mayName, sees } from './rights.mjs';

/* Not judged by a row: open to everybody, or opened by a signed link. */
export const notInMatrix = [
    ...['GET /', 'GET /time', 'GET /ca.pem', 'GET /openapi.json'],
    ...['GET /files/:fileId/content', 'PUT /files/:fileId/content'],
];

export const operations = [];

const line = (text) => {
    const [method, path, row, letter, status] = text.split(/ +/);
    return { method, path, row, letter, status: Number(status) };
};
const add = (text, more) => operations.push({ ...line(text), ...more });
const bodyOf = (body, w, one) => (typeof body === 'function' ? body(w, one) : body);

/** Without a resource. */
function plain(text, { body, status, make, ...more } = {}) {
    const { path, row, letter } = line(text);
    add(text, {
        cases: (w, actor) => [
            {
                label: 'the account',
                expected: judge(actor, row, letter),
                status: status?.(w, actor),
                make: (isAllowed) => make?.(w, actor, isAllowed) ?? { path, body: bodyOf(body, w, actor) },
            },
        ],
        ...more,
    });
}

const projects = (w) => [
    { label: 'no project', account: w.id },
    { label: 'its project', id: w.P.id, account: w.id },
    { label: 'another project', id: w.Q.id, account: w.id },
    { label: "another account's project", id: w.foreign.P.id, account: w.foreign.id },
    { label: 'an unknown project', id: unknownId, account: null },
];

/** A list, in each project. */
function listed(text) {
    const { path, row } = line(text);
    add(text, {
        cases: (w, actor) =>
            projects(w).map(({ label, id, account }) => ({
                label,
                expected:
                    judge(actor, row, 'L') || (id && !mayName(actor, account, id) ? 404 : 0),
                make: () => ({ path: id ? `${path}?project=${id}` : path }),
            })),
    });
}

/** What is made with the key's project, or with ?project=. */
function made(text, body, { isForUser = true } = {}) {
    const { path, row } = line(text);
    const expected = (actor, { id, account }) => {
        const may = judge(actor, row, 'C');
        if (may !== 0) return may;
        if (id && !mayName(actor, account, id)) return 404;
        const own = actor.project ?? id;
        const users = actor.kind === 'U' && isForUser ? [actor.id] : ['all'];
        return judgeMaking(actor, row, { scopes: { users, projects: own ? [own] : [] } });
    };
    add(text, {
        isOnce: true,
        cases: (w, actor) =>
            projects(w).map((project) => ({
                label: project.label,
                expected: expected(actor, project),
                make: () => ({
                    path: project.id ? `${path}?project=${project.id}` : path,
                    body: bodyOf(body, w),
                }),
            })),
    });
}

/** On a resource of <kind>. <spends>: each time a fresh one. <judged>: more than the row. */
function on(kind, text, { body, spends = false, judged, skips, ...more } = {}) {
    const { path, row, letter } = line(text);
    const fill = (one) =>
        path
            .replace(/:(thngId|productId|collectionId|placeId|batchId|fileId|keyThngId)/, () =>
                one?.id ?? unknownId,
            )
            .replace(':actionId', one?.action ?? unknownId)
            .replace(':taskId', one?.task ?? unknownId)
            .replace(':memberId', one?.[path.includes('/thngs/:m') ? 'member' : 'child'] ?? unknownId)
            .replace(':key', 'm')
            .replace(/actions\/:type|actionTypes\/:type/, (found) =>
                found.replace(':type', kind === 'type' ? (one?.name ?? '_nobody') : 'scans'),
            );
    add(text, {
        isOnce: spends,
        takesShape: body !== undefined,
        cases: (w, actor) =>
            Object.entries(w.resources[kind])
                .filter(([label]) => !skips?.(actor, label))
                .map(([label, resource]) => ({
                    label,
                    expected: judge(actor, row, letter, resource) || (judged?.(actor, resource) ?? 0),
                    make: async (isAllowed) => ({
                        path: fill(spends && isAllowed ? await w.spare(label, kind) : resource),
                        body: bodyOf(body, w, resource),
                    }),
                })),
        ...more,
    });
}

/** On something that <targets> names: [{ label, resource, path, fresh }]. */
function among(text, targets, { body, ...more } = {}) {
    const { row, letter } = line(text);
    add(text, {
        takesShape: body !== undefined,
        cases: (w, actor) =>
            targets(w, actor).map(({ label, resource, path, fresh, expected, status }) => ({
                label,
                status,
                expected: expected ?? judge(actor, row, letter, resource),
                make: async (isAllowed) => ({
                    path: isAllowed && fresh ? await fresh() : path,
                    body: bodyOf(body, w),
                }),
            })),
        ...more,
    });
}

const changed = { body: { description: 'changed' } };
const spent = { spends: true };

/* ---- about the key, the account ---- */

plain('GET /access access R 200');
plain('GET /rateLimits access R 200');
plain('GET /me me R 200');
plain('GET /why why L 200');
plain('POST /why why C 200', {
    body: (w, actor) => ({ actor: actor.id, topic: '/thngs', operation: 'get' }),
});

const operatorsOf = (w, actor) => [
    { label: 'itself', id: actor.id, resource: undefined },
    { label: 'another', id: w.spareOperator.id, resource: null },
    { label: 'of another account', id: w.foreign.operator, resource: null },
    { label: 'unknown', id: unknownId, resource: null },
];
for (const [method, letter, more] of [
    ['GET', 'R', {}],
    ['PUT', 'U', { body: { firstName: 'Ada' } }],
])
    among(
        `${method} /operators/:operatorId operators ${letter} 200`,
        (w, actor) =>
            operatorsOf(w, actor)
                .filter((one) => one.label === 'itself' || one.id !== actor.id)
                .map((one) => ({ ...one, path: `/operators/${one.id ?? unknownId}` })),
        more,
    );

plain('GET /accounts accounts L 200');
/* Accounts are made by administrators of the first one. */
add('POST /accounts accounts C 201', {
    isOnce: true,
    cases: (w, actor) => {
        const isFirst = actor.kind === 'O' && actor.account === w.id;
        const may = judge(actor, 'accounts', 'C') || (isFirst ? 0 : 403);
        const make = () => ({ path: '/accounts', body: { name: 'one more' } });
        return [{ label: 'the server', expected: may, make }];
    },
});
const accounts = (w, rest = '') => [
    { label: 'own', resource: { account: w.id, kind: 'account' }, path: `/accounts/${w.id}${rest}` },
    {
        label: 'other account',
        resource: { account: w.foreign.id, kind: 'account' },
        path: `/accounts/${w.foreign.id}${rest}`,
    },
    { label: 'unknown', resource: null, path: `/accounts/${unknownId}${rest}` },
];
among('GET /accounts/:accountId accounts R 200', (w) => accounts(w));
among('PUT /accounts/:accountId accounts U 200', (w) => accounts(w), changed);
among('GET /accounts/:accountId/accesses accountAccesses L 200', (w) => accounts(w, '/accesses'));
among('GET /accounts/:accountId/operatorAccess accountAccesses L 200', (w) =>
    accounts(w, '/operatorAccess'),
);
among(
    'POST /accounts/:accountId/operatorAccess accountAccesses C 201',
    (w) => accounts(w, '/operatorAccess'),
    { body: (w) => ({ email: `made-${w.next()}@example.com`, policies: [] }), isOnce: true },
);

const operatorOf = (account, id) => ({ account, kind: 'operator', id });
function accesses(w, name, { rest = '', fresh } = {}) {
    const path = (account, id) => `/accounts/${account}/${name}/${id}${rest}`;
    const own = w.spareOperator.id;
    return [
        {
            label: 'own',
            resource: operatorOf(w.id, own),
            path: path(w.id, own),
            fresh: fresh && (async () => path(w.id, (await newOperator(w.api, { role: 'none' })).id)),
        },
        {
            label: 'other account',
            resource: operatorOf(w.foreign.id, w.foreign.operator),
            path: path(w.foreign.id, w.foreign.operator),
            fresh:
                fresh &&
                (async () =>
                    path(
                        w.foreign.id,
                        (await newOperator(w.foreign.api, { role: 'none' })).id,
                    )),
        },
        { label: "another account's, below its own", resource: null, path: path(w.id, w.foreign.operator) },
        { label: 'own, below another account', resource: null, path: path(w.foreign.id, own) },
        { label: 'unknown', resource: null, path: path(w.id, unknownId) },
    ];
}
const access = '/accounts/:accountId/accesses/:operatorAccessId';
const operatorAccess = '/accounts/:accountId/operatorAccess/:operatorAccessId';
among(`GET ${access} accountAccesses R 200`, (w) => accesses(w, 'accesses'));
/* Only administrators give roles; others may touch whom they could have made. */
among(`PUT ${access} accountAccesses U 200`, (w) => accesses(w, 'accesses', { fresh: true }), {
    body: { role: 'none' },
    isOnce: true,
    takesShape: false,
});
among(`DELETE ${access}/apiKey accountAccesses U 200`, (w) =>
    accesses(w, 'accesses', { rest: '/apiKey', fresh: true }), { isOnce: true });
among(`GET ${operatorAccess} accountAccesses R 200`, (w) => accesses(w, 'operatorAccess'));
among(`PUT ${operatorAccess} accountAccesses U 200`, (w) => accesses(w, 'operatorAccess'), {
    body: { tags: ['changed'] },
});
among(`DELETE ${operatorAccess} accountAccesses X 204`, (w) =>
    accesses(w, 'operatorAccess', { fresh: true }), { isOnce: true });

/* ---- roles, policies, tokens ---- */

const roleBody = (w) => ({ name: `made ${w.next()}`, type: 'userInApp', version: 2 });
plain('GET /roles roles L 200');
plain('POST /roles roles C 201', { body: roleBody, isOnce: true });
const inAccount = (w, kind, id) => ({ account: w.id, kind, id, scopes: { users: [], projects: [] } });
function roles(w, { which = 'user', rest = '', fresh } = {}) {
    const make = which === 'user' ? w.newUserRole : w.newSwitchedRole;
    return [
        {
            label: 'own',
            resource: inAccount(w, 'role', w.roles[which]),
            path: `/roles/${w.roles[which]}${rest}`,
            fresh: fresh && (async () => `/roles/${await make()}${rest}`),
        },
        {
            label: 'other account',
            resource: inAccount(w.foreign, 'role', w.foreign.role),
            path: `/roles/${w.foreign.role}${rest}`,
            fresh: fresh && (async () => `/roles/${(await w.foreign.api.must(201, 'POST', '/roles', roleBody(w))).id}`),
        },
        { label: 'unknown', resource: null, path: `/roles/${unknownId}${rest}` },
    ];
}
/* Built-in ones are read, and stay as they are. */
const builtIn = (w, actor, row, letter, rest = '') =>
    ['base_app_user', 'admin', 'none'].map((name) => ({
        label: name,
        path: `/roles/${name}${rest}`,
        expected: judge(actor, row, letter) || ('UX'.includes(letter) ? 403 : 0),
    }));
among('GET /roles/:roleId roles R 200', (w, actor) => [
    ...roles(w),
    ...builtIn(w, actor, 'roles', 'R'),
]);
among(
    'PUT /roles/:roleId roles U 200',
    (w, actor) => [...roles(w), ...builtIn(w, actor, 'roles', 'U')],
    { body: { description: 'changed' }, takesShape: false },
);
among(
    'DELETE /roles/:roleId roles X 204',
    (w, actor) => [...roles(w, { fresh: true }), ...builtIn(w, actor, 'roles', 'X')],
    { isOnce: true },
);
among('GET /roles/:roleId/permissions rolePermissions R 200', (w, actor) => [
    ...roles(w, { rest: '/permissions' }),
    ...builtIn(w, actor, 'rolePermissions', 'R', '/permissions').slice(0, 1),
]);
among(
    'PUT /roles/:roleId/permissions rolePermissions U 200',
    (w, actor) => [
        ...roles(w, { rest: '/permissions' }),
        ...builtIn(w, actor, 'rolePermissions', 'U', '/permissions'),
    ],
    { body: [{ path: '/thngs', access: 'r' }], takesShape: false },
);
const oneSwitch = (w) =>
    roles(w, { which: 'operator', rest: '/permissions/global_read' }).filter(
        (one) => one.label !== 'other account',
    );
among('GET /roles/:roleId/permissions/:name rolePermissions R 200', oneSwitch);
among('PUT /roles/:roleId/permissions/:name rolePermissions U 200', oneSwitch, {
    body: { name: 'global_read', enabled: false },
});

function owned(kind, path, make) {
    return (w, { rest = '', fresh } = {}) => [
        {
            label: 'own',
            resource: inAccount(w, kind, w[kind]),
            path: `${path}/${w[kind]}${rest}`,
            fresh: fresh && (async () => `${path}/${await make(w)}${rest}`),
        },
        {
            label: 'other account',
            resource: inAccount(w.foreign, kind, w.foreign[kind]),
            path: `${path}/${w.foreign[kind]}${rest}`,
            fresh:
                fresh &&
                (async () => {
                    const name = `made ${w.next()}`;
                    const body = kind === 'policy' ? { name } : { name, policies: [], conditions: [] };
                    const { id } = await w.foreign.api.must(201, 'POST', path, body);
                    return `${path}/${id}${rest}`;
                }),
        },
        { label: 'unknown', resource: null, path: `${path}/${unknownId}${rest}` },
    ];
}
const policies = owned('policy', '/accessPolicies', (w) => w.newPolicy());
const tokens = owned('token', '/accessTokens', async (w) => (await w.newToken()).id);
plain('GET /accessPolicies accessPolicies L 200');
plain('POST /accessPolicies accessPolicies C 201', {
    body: (w) => ({ name: `made ${w.next()}`, permissions: [] }),
    isOnce: true,
});
among('GET /accessPolicies/:policyId accessPolicies R 200', (w) => policies(w));
among('PUT /accessPolicies/:policyId accessPolicies U 200', (w) => policies(w), {
    body: { tags: ['changed'] },
});
among('DELETE /accessPolicies/:policyId accessPolicies X 204', (w) => policies(w, { fresh: true }), {
    isOnce: true,
});
plain('GET /accessTokens accessTokens L 200');
plain('POST /accessTokens accessTokens C 201', {
    body: (w) => ({ name: `made ${w.next()}`, policies: [w.policy], conditions: [] }),
    isOnce: true,
    status: (w, actor) => (actor.account === w.foreign.id ? 400 : undefined),
});
among('GET /accessTokens/:tokenId accessTokens R 200', (w) => tokens(w));
among('PUT /accessTokens/:tokenId accessTokens U 200', (w) => tokens(w), {
    body: { tags: ['changed'] },
});
among('DELETE /accessTokens/:tokenId accessTokens X 204', (w) => tokens(w, { fresh: true }), {
    isOnce: true,
});
among(
    'DELETE /accessTokens/:tokenId/apiKey accessTokens U 200',
    (w) => tokens(w, { rest: '/apiKey', fresh: true }),
    { isOnce: true },
);

/* ---- users ---- */

plain('POST /auth/evrythng/users signUp C 201', {
    isOnce: true,
    make: () => ({ path: '/auth/evrythng/users?anonymous=true', body: {} }),
});
const loginOf = (w) => ({ email: w.someone.email, password: w.someone.password });
plain('POST /auth/evrythng signUp C 201', { body: loginOf, isOnce: true });
plain('POST /users/login signUp C 200', { body: loginOf, isOnce: true });
plain('POST /auth/all/logout logout C 201', { isOnce: true });
operations.at(-1).cases = (w, actor) => [
    {
        label: 'itself',
        expected: judge(actor, 'logout', 'C'),
        get actor() {
            return actor.kind === 'U' ? { kind: 'U', key: w.leaving } : actor;
        },
        make: async (isAllowed) => {
            if (isAllowed) w.leaving = (await newAnonymous(w.d, w.P.appKey)).key;
            return { path: '/auth/all/logout' };
        },
    },
];

/* A user of its application, who has not been validated; the code is a wrong one. */
async function signedUp(w) {
    const body = {
        ...{ firstName: 'A', lastName: 'B', password: 'a password' },
        email: `signed-up-${w.next()}@example.com`,
    };
    const made = await as(w.d, w.P.appKey).must(201, 'POST', '/auth/evrythng/users', body);
    return made.evrythngUser;
}
add('POST /auth/evrythng/users/:userId/validate signUp C 400', {
    isOnce: true,
    cases: (w, actor) => {
        const may = judge(actor, 'signUp', 'C');
        const path = (id) => `/auth/evrythng/users/${id}/validate`;
        const body = { activationCode: '12345678' };
        const one = (label, id, status) => ({
            label,
            expected: may || (status === 404 ? 404 : 0),
            status: may || status,
            make: () => ({ path: path(id), body }),
        });
        return [
            { ...one('inactive', '', 400), make: async () => ({ path: path(await signedUp(w)), body }) },
            one('active', w.someone.id, 409),
            one('of another application', w.Q.user.id, 404),
            one('other account', w.foreign.user.id, 404),
            one('unknown', unknownId, 404),
        ];
    },
});

const userOf = (account, id, project) => ({
    account,
    kind: 'user',
    id,
    scopes: { users: [id], projects: [project] },
});
function users(w, actor, { rest = '', fresh } = {}) {
    const one = (label, owner, id, project, appKey) => ({
        label,
        resource: userOf(owner.id, id, project),
        path: `/users/${id}${rest}`,
        fresh: fresh && (async () => `/users/${(await newAnonymous(w.d, appKey)).id}${rest}`),
    });
    const all = [
        one('of its project', w, w.someone.id, w.P.id, w.P.appKey),
        one('who lets it in', w, w.giver.id, w.P.id, w.P.appKey),
        one('of another project', w, w.Q.user.id, w.Q.id, w.Q.appKey),
        one('other account', w.foreign, w.foreign.user.id, w.foreign.P.id, w.foreign.P.appKey),
        { label: 'unknown', resource: null, path: `/users/${unknownId}${rest}` },
    ];
    if (actor.kind === 'U') all.push(one('itself', w, actor.id, w.P.id, w.P.appKey));
    return all;
}
listed('GET /users users L 200');
among('GET /users/:userId users R 200', (w, actor) => users(w, actor));
among('GET /users/:userId/status userStatus R 200', (w, actor) =>
    users(w, actor, { rest: '/status' }),
);
among('PUT /users/:userId users U 200', (w, actor) => users(w, actor), {
    body: { firstName: 'Grace' },
});
among('DELETE /users/:userId users X 200', (w, actor) => users(w, actor, { fresh: true }), {
    isOnce: true,
});

/* A user lets others in with what it holds itself, and not with what others have let it. */
const shareBody = (w) => ({ email: w.someone.email, role: w.roles.user });
plain('GET /accesses shares L 200');
add('POST /accesses shares C 201', {
    isOnce: true,
    cases: (w, actor) => {
        const scopes = { users: [actor.id], projects: [w.P.id] };
        const may = judge(actor, 'shares', 'C') || judgeMaking(actor, 'shares', { scopes });
        const make = () => ({ path: '/accesses', body: shareBody(w) });
        return [{ label: 'to another user', expected: may, make }];
    },
});
add('DELETE /accesses/:accessId shares X 204', {
    isOnce: true,
    cases: (w, actor) => {
        const shareOf = (id) => ({
            account: w.id,
            kind: 'share',
            id: '',
            scopes: { users: [id], projects: [w.P.id] },
        });
        const fresh = async (key) => {
            const api = as(w.d, key);
            return `/accesses/${(await api.must(201, 'POST', '/accesses', shareBody(w))).id}`;
        };
        const made = { path: `/accesses/${unknownId}` };
        const cases = [
            {
                label: "another user's",
                expected: judge(actor, 'shares', 'X', shareOf(w.giver.id)),
                make: async () => ({ path: await fresh(w.giver.key) }),
            },
            { label: 'unknown', expected: judge(actor, 'shares', 'X', null), make: () => made },
        ];
        if (actor.kind === 'U')
            cases.push({
                label: 'own',
                expected: judge(actor, 'shares', 'X', shareOf(actor.id)),
                make: async (isAllowed) => (isAllowed ? { path: await fresh(actor.key) } : made),
            });
        /* One of its own that it may not make, it does not have. */
        return cases.filter((one) => one.label !== 'own' || one.expected === 0);
    },
});

/* ---- thngs ---- */

const sub = '/thngs/:thngId';
listed('GET /thngs thngs L 200');
made('POST /thngs thngs C 201', { name: 'made' });
on('thng', `GET ${sub} thng R 200`);
on('thng', `PUT ${sub} thng U 200`, changed);
on('thng', `DELETE ${sub} thng X 200`, spent);
on('thng', `GET ${sub}/properties properties R 200`);
on('thng', `PUT ${sub}/properties properties U 200`, { body: [{ key: 'm', value: 1 }] });
on('thng', `POST ${sub}/properties properties C 200`, { body: [{ key: 'm', value: 1 }] });
on('thng', `DELETE ${sub}/properties properties X 200`);
on('thng', `GET ${sub}/properties/:key properties R 200`);
on('thng', `PUT ${sub}/properties/:key properties U 200`, { body: [{ value: 1 }] });
on('thng', `POST ${sub}/properties/:key properties C 200`, { body: [{ value: 1 }] });
on('thng', `DELETE ${sub}/properties/:key properties X 200`);
const here = { body: [{ latitude: 1, longitude: 2 }] };
on('thng', `GET ${sub}/location location R 200`);
on('thng', `PUT ${sub}/location location U 200`, here);
on('thng', `POST ${sub}/location location U 200`, here);
on('thng', `DELETE ${sub}/location location X 200`);
on('thng', `GET ${sub}/actions/:type thngActions L 200`);
on('thng', `POST ${sub}/actions/:type thngActions C 201`, { body: {} });
on('thng', `GET ${sub}/actions/:type/:actionId thngActions R 200`);
on('thng', `GET ${sub}/commissionState commissioning R 200`);
const commissioned = (w) => ({
    product: w.resources.product.everywhere.id,
    location: { latitude: 1, longitude: 2 },
    occurredAt: '2024-05-06T07:08:09Z',
});
on('thng', `POST ${sub}/actions/commissions commissioning C 200`, {
    body: commissioned,
    isOnce: true,
    spends: true,
    /* Its product is one that the actor sees. */
    skips: (actor, label) => label === 'other account',
});
on('thng', `POST ${sub}/actions/decommissions commissioning C 409`, {
    body: (w) => ({ ...commissioned(w), product: undefined }),
    spends: true,
});
on('thng', 'GET /auth/evrythng/thngs/:keyThngId deviceKeys R 200');
on('thng', 'DELETE /auth/evrythng/thngs/:keyThngId deviceKeys X 200', spent);
on('thng', 'POST /auth/evrythng/thngs deviceKeys C 201', {
    body: (w, one) => ({ thngId: one?.id ?? unknownId }),
    takesShape: false,
});

/* Those that the key does not see, or may not change, do not count. */
function bulk(method, kind, row, letter, status, may = () => true) {
    add(`${method} /${kind}s?ids= ${row} ${letter} ${status}`, {
        isOnce: method === 'DELETE',
        cases: (w, actor) => [
            {
                label: 'unknown ids',
                expected: judge(actor, row, letter) || (may(actor) ? 0 : 403),
                make: () => ({
                    path: `/${kind}s?ids=${unknownId}`,
                    body: method === 'PUT' ? { description: 'changed' } : undefined,
                }),
            },
        ],
    });
}
const isNoUser = (actor) => !'UD'.includes(actor.kind);
bulk('PUT', 'thng', 'thng', 'U', 204, isNoUser);
bulk('DELETE', 'thng', 'thng', 'X', 200, isNoUser);

/* ---- products, collections, places ---- */

const product = '/products/:productId';
listed('GET /products products L 200');
made('POST /products products C 201', { name: 'made' });
bulk('PUT', 'product', 'products', 'U', 204, isNoUser);
bulk('DELETE', 'product', 'products', 'X', 200);
on('product', `GET ${product} products R 200`);
on('product', `PUT ${product} products U 200`, changed);
on('product', `DELETE ${product} products X 200`, spent);
on('product', `GET ${product}/properties productProperties R 200`);
on('product', `PUT ${product}/properties productProperties U 200`, { body: [] });
on('product', `POST ${product}/properties productProperties C 200`, { body: [] });
on('product', `DELETE ${product}/properties productProperties X 200`);
on('product', `GET ${product}/properties/:key productProperties R 200`);
on('product', `PUT ${product}/properties/:key productProperties U 200`, { body: [{ value: 1 }] });
on('product', `POST ${product}/properties/:key productProperties C 200`, { body: [{ value: 1 }] });
on('product', `DELETE ${product}/properties/:key productProperties X 200`);
on('product', `GET ${product}/actions/:type productActions L 200`);
on('product', `POST ${product}/actions/:type productActions C 201`, { body: {} });
on('product', `GET ${product}/actions/:type/:actionId productActions R 200`);

const collection = '/collections/:collectionId';
listed('GET /collections collections L 200');
made('POST /collections collections C 201', { name: 'made' });
on('collection', `GET ${collection} collections R 200`);
on('collection', `PUT ${collection} collections U 200`, changed);
on('collection', `DELETE ${collection} collections X 200`, spent);
on('collection', `GET ${collection}/thngs members L 200`);
/* Nobody puts in what it does not see: nothing is put in here. */
on('collection', `PUT ${collection}/thngs members U 200`, { body: [] });
on('collection', `DELETE ${collection}/thngs membersAll X 200`);
on('collection', `DELETE ${collection}/thngs/:memberId members X 200`, spent);
on('collection', `GET ${collection}/collections children L 200`);
on('collection', `POST ${collection}/collections children C 200`, { body: [] });
on('collection', `DELETE ${collection}/collections children X 200`);
on('collection', `DELETE ${collection}/collections/:memberId children X 200`, spent);
on('collection', `GET ${collection}/actions/:type collectionActions L 200`);
on('collection', `POST ${collection}/actions/:type collectionActions C 201`, { body: {} });
on('collection', `GET ${collection}/actions/:type/:actionId collectionActions R 200`);

listed('GET /places places L 200');
made('POST /places places C 201', { name: 'made' });
on('place', 'GET /places/:placeId places R 200');
on('place', 'PUT /places/:placeId places U 200', changed);
on('place', 'DELETE /places/:placeId places X 200', spent);

/* ---- action types, actions ---- */

for (const root of ['/actions', '/actionTypes']) {
    listed(`GET ${root} types L 200`);
    made(`POST ${root} types C 201`, (w) => ({ name: `_made${w.next()}` }));
    on('type', `PUT ${root}/:type types U 200`, changed);
    on('type', `DELETE ${root}/:type types X 200`, spent);
}
made('POST /actions/:type actions C 201', { type: 'checkins' }, { isForUser: false });
operations.at(-1).cases = inType(operations.at(-1).cases, 'checkins');
made('POST /actions/:type scans C 201', {}, { isForUser: false });
operations.at(-1).cases = inType(operations.at(-1).cases, 'scans');
listed('GET /actions/:type scans L 200');
operations.at(-1).cases = inType(operations.at(-1).cases, 'scans');
listed('GET /actions/:type actions L 200');
operations.at(-1).cases = inType(operations.at(-1).cases, 'all');

function inType(cases, type) {
    return (w, actor) =>
        cases(w, actor).map((one) => ({
            ...one,
            make: async (isAllowed) => {
                const { path, body } = await one.make(isAllowed);
                return { path: path.replace(':type', type), body };
            },
        }));
}

/* On the root of the account, of an action that is on something; one is as visible as the other. */
for (const kind of ['thng', 'product', 'collection']) {
    on(kind, 'GET /actions/:type/:actionId scans R 200');
    on(kind, 'DELETE /actions/:type/:actionId scans X 200', { spends: true });
    /* It names its target in the body: one that is not seen is no target. */
    add('POST /actions/:type scans C 201', {
        isOnce: true,
        cases: (w, actor) =>
            Object.entries(w.resources[kind])
                .filter(([, one]) => one === null || actor.kind !== 'A' || !sees(actor, one))
                .map(([label, one]) => {
                    const verdict = judge(actor, 'scans', 'C', one);
                    return {
                        label: `${kind}: ${label}`,
                        expected: verdict === 404 ? 400 : verdict,
                        make: () => ({
                            path: '/actions/scans',
                            body: { [kind]: one?.id ?? unknownId },
                        }),
                    };
                }),
    });
}

/* ---- projects and applications ---- */

plain('GET /projects projects L 200');
add('POST /projects projects C 201', {
    isOnce: true,
    cases: (w, actor) => {
        const made = { kind: 'project', id: '' };
        const may = judge(actor, 'projects', 'C') || judgeMaking(actor, 'projects', made);
        const make = () => ({ path: '/projects', body: { name: 'made' } });
        return [{ label: 'the account', expected: may, make }];
    },
});
bulk('DELETE', 'project', 'projects', 'X', 200);
const newProjectOf = async (account) =>
    (await account.api.must(201, 'POST', '/projects', { name: 'spent' })).id;
function projectsOf(w, { rest = '', fresh } = {}) {
    const one = (label, account, project) => ({
        label,
        resource: { account: account.id, kind: 'project', id: project.id },
        path: `/projects/${project.id}${rest}`,
        fresh: fresh && (async () => `/projects/${await newProjectOf(account)}${rest}`),
    });
    return [
        /* One that is in a role cannot be made anew: it is not spent. */
        ...(fresh ? [] : [one('its project', w, w.P)]),
        one('another project', w, w.Q),
        one('other account', w.foreign, w.foreign.P),
        { label: 'unknown', resource: null, path: `/projects/${unknownId}${rest}` },
    ];
}
among('GET /projects/:projectId projects R 200', (w) => projectsOf(w));
among('PUT /projects/:projectId projects U 200', (w) => projectsOf(w), changed);
among('DELETE /projects/:projectId projects X 200', (w) => projectsOf(w, { fresh: true }), {
    isOnce: true,
});

const below = (letter) => (w, actor) =>
    projectsOf(w, { rest: '/applications' }).map((one) => ({
        ...one,
        /* What is below a project is judged as an application of it would be. */
        expected: judge(
            actor,
            'applications',
            letter,
            one.resource && { ...one.resource, kind: 'application', id: '', parent: one.resource.id },
        ),
    }));
among('GET /projects/:projectId/applications applications L 200', below('L'));
among('POST /projects/:projectId/applications applications C 201', below('C'), {
    body: { name: 'made', socialNetworks: {} },
    isOnce: true,
});

function applications(w, actor, { rest = '', fresh } = {}) {
    const path = (project, app) => `/projects/${project}/applications/${app}${rest}`;
    const one = (label, account, project, app) => ({
        label,
        resource: { account: account.id, kind: 'application', id: app, parent: project.id },
        path: path(project.id, app),
        fresh:
            fresh &&
            (async () => {
                const at = `/projects/${project.id}/applications`;
                const made = await account.api.must(201, 'POST', at, { name: 'spent' });
                return path(project.id, made.id);
            }),
    });
    return [
        /* An application does not see one that takes its place to be spent. */
        ...(fresh && 'TA'.includes(actor.kind) ? [] : [one('its own', w, w.P, w.P.app)]),
        one('of its project', w, w.P, w.P.second.app),
        one('of another project', w, w.Q, w.Q.app),
        one('other account', w.foreign, w.foreign.P, w.foreign.P.app),
        { label: 'below another project', resource: null, path: path(w.Q.id, w.P.app) },
        { label: 'unknown', resource: null, path: path(w.P.id, unknownId) },
    ];
}
const application = '/projects/:projectId/applications/:applicationId';
among(`GET ${application} applications R 200`, (w, actor) => applications(w, actor));
among(`PUT ${application} applications U 200`, (w, actor) => applications(w, actor), changed);
among(
    `DELETE ${application} applications X 200`,
    (w, actor) => applications(w, actor, { fresh: true }),
    { isOnce: true },
);
among(`GET ${application}/secretKey applicationKeys R 200`, (w, actor) =>
    applications(w, actor, { rest: '/secretKey' }),
);
for (const key of ['secretKey', 'appApiKey'])
    among(
        `DELETE ${application}/${key} applicationKeys X 200`,
        (w, actor) => applications(w, actor, { rest: `/${key}`, fresh: true }),
        { isOnce: true },
    );
plain('GET /applications/me ownApplication R 200');
plain('PUT /applications/me ownApplication U 200', changed);

/* ---- batches, files ---- */

listed('GET /batches batches L 200');
made('POST /batches batches C 201', { name: 'made' });
on('batch', 'GET /batches/:batchId batches R 200');
on('batch', 'PUT /batches/:batchId batches U 200', changed);
on('batch', 'DELETE /batches/:batchId batches X 200', spent);
on('batch', 'GET /batches/:batchId/tasks batches L 200');
/* A task makes thngs, where its batch is: whoever starts it must be permitted to. */
on('batch', 'POST /batches/:batchId/tasks batches C 202', {
    body: aTask,
    isOnce: true,
    judged: (actor, batch) =>
        judge(actor, 'thngs', 'C') || judgeMaking(actor, 'thngs', { scopes: batch.scopes }),
});
on('batch', 'GET /batches/:batchId/tasks/:taskId batches R 200');
on('batch', 'GET /batches/:batchId/tasks/:taskId/logs batches R 200');
listed('GET /files files L 200');
made('POST /files files C 201', (w) => ({ name: w.next(), type: 'text/plain' }));
on('file', 'GET /files/:fileId files R 200');
on('file', 'DELETE /files/:fileId files X 200', spent);

