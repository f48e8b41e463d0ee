// SPDX-License-Identifier: Apache-2.0
//
// The operations on accounts, operators, roles, policies, tokens and users, for the matrix of
// rights.
import { add, among, changed, listed, operations, plain } from './matrix-cases.mjs';
import { as, newAnonymous, newOperator } from './people.mjs';
import { unknownId } from './suite.mjs';
import { judge, judgeMaking } from './rights.mjs';

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
    {
        label: 'own',
        resource: { account: w.id, kind: 'account' },
        path: `/accounts/${w.id}${rest}`,
    },
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
    {
        body: (w, actor) => ({
            email: `made-${w.next()}@example.com`,
            policies: [actor.account === w.foreign.id ? w.foreign.policy : w.policy],
        }),
        isOnce: true,
    },
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
            fresh:
                fresh &&
                (async () => path(w.id, (await newOperator(w.api, { policies: [w.policy] })).id)),
        },
        {
            label: 'other account',
            resource: operatorOf(w.foreign.id, w.foreign.operator),
            path: path(w.foreign.id, w.foreign.operator),
            fresh:
                fresh &&
                (async () =>
                    path(w.foreign.id, (await newOperator(w.foreign.api, { role: 'none' })).id)),
        },
        {
            label: "another account's, below its own",
            resource: null,
            path: path(w.id, w.foreign.operator),
        },
        { label: 'own, below another account', resource: null, path: path(w.foreign.id, own) },
        { label: 'unknown', resource: null, path: path(w.id, unknownId) },
    ];
}
const access = '/accounts/:accountId/accesses/:operatorAccessId';
const operatorAccess = '/accounts/:accountId/operatorAccess/:operatorAccessId';
among(`GET ${access} accountAccesses R 200`, (w) => accesses(w, 'accesses'));
/* Only administrators give roles: to others that is more than they hold. */
const notForTokens = (actor, one) => ({ ...one, status: actor.kind === 'K' ? 400 : undefined });
among(
    `PUT ${access} accountAccesses U 200`,
    (w, actor) =>
        accesses(w, 'accesses', { fresh: true }).map((one) =>
            one.label === 'own' || one.label === 'other account' ? notForTokens(actor, one) : one,
        ),
    { body: { role: 'none' }, isOnce: true, takesShape: false },
);
/* Whoever is told the key of an operator has its rights: for administrators alone. */
among(
    `DELETE ${access}/apiKey accountAccesses U 200`,
    (w, actor) =>
        accesses(w, 'accesses', { rest: '/apiKey', fresh: true }).map((one) =>
            one.label === 'own' && actor.kind === 'K' ? { ...one, expected: 403 } : one,
        ),
    { isOnce: true },
);
among(`GET ${operatorAccess} accountAccesses R 200`, (w) => accesses(w, 'operatorAccess'));
among(`PUT ${operatorAccess} accountAccesses U 200`, (w) => accesses(w, 'operatorAccess'), {
    body: { tags: ['changed'] },
});
among(
    `DELETE ${operatorAccess} accountAccesses X 204`,
    (w) => accesses(w, 'operatorAccess', { fresh: true }),
    { isOnce: true },
);

/* ---- roles, policies, tokens ---- */

const roleBody = (w) => ({ name: `made ${w.next()}`, type: 'userInApp', version: 2 });
plain('GET /roles roles L 200');
plain('POST /roles roles C 201', { body: roleBody, isOnce: true });
const inAccount = (w, kind, id) => ({
    account: w.id,
    kind,
    id,
    scopes: { users: [], projects: [] },
});
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
            fresh:
                fresh &&
                (async () =>
                    `/roles/${(await w.foreign.api.must(201, 'POST', '/roles', roleBody(w))).id}`),
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
among(
    'PUT /roles/:roleId/permissions/:name rolePermissions U 200',
    (w, actor) => oneSwitch(w).map((one) => (one.label === 'own' ? notForTokens(actor, one) : one)),
    { body: { name: 'global_read', enabled: false } },
);

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
                    const body =
                        kind === 'policy' ? { name } : { name, policies: [], conditions: [] };
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
among(
    'DELETE /accessPolicies/:policyId accessPolicies X 204',
    (w) => policies(w, { fresh: true }),
    {
        isOnce: true,
    },
);
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
/* Another user like that leaves in its place. */
operations.at(-1).cases = (w, actor) => [
    {
        label: 'itself',
        expected: judge(actor, 'logout', 'C'),
        make: async (isAllowed) => ({
            path: '/auth/all/logout',
            key: isAllowed ? (await newAnonymous(w.d, w.P.appKey)).key : undefined,
        }),
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
            {
                ...one('inactive', '', 400),
                make: async () => ({ path: path(await signedUp(w)), body }),
            },
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
const shareBody = (w) => ({ email: w.someone.email, role: w.roles.empty });
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
