// SPDX-License-Identifier: Apache-2.0
//
// Who may do what, and who sees what, written down a second time from the contract (auth.md 6 to 8)
// and not from the server: tests compare the two.
//
//     judge(actor, 'thng', 'U', resource)     0: it may; else 401, 403 or 404
//
// An actor: { kind, account, id, project, zones, places }. Kinds: O operator, T trusted
// application, A application, U application user, D device, K access token; none for nobody, ? for
// a key that is none. A zone: { rights, reach }: of the actor's operations those that reach there.
// Places: of these it sees those only, where they are given.
// A resource: { account, kind, id, scopes: { users, projects }, parent }.

/* auth.md 6, a row each. C create, R read one, L list, U update, X delete. */
const table = `
                    O      T      A    U      D
access              R      R      R    R      R
me                  R      -      -    -      -
operators           RU     -      -    -      -
accounts            CRLU   -      -    -      -
accountAccesses     CRLUX  -      -    -      -
why                 CL     -      -    -      -
roles               CRLUX  -      -    L      -
rolePermissions     RU     -      -    -      -
accessPolicies      CRLUX  -      -    -      -
accessTokens        CRLUX  -      -    -      -
signUp              -      C      C    -      -
logout              -      -      -    C      -
users               RLUX   RL     -    RU     -
userStatus          R      -      -    R      -
shares              -      -      -    CLX    -
deviceKeys          CRX    CRX    -    CRX    -
thngs               CL     CL     -    CL     -
thng                RUX    RUX    -    RU     RU
properties          CRUX   CRUX   -    CRU    CRU
location            RUX    RUX    -    RU     RU
thngActions         CRL    CRL    -    CRL    CRL
commissioning       CR     -      -    -      -
products            CRLUX  CRLUX  RL   CRLU   -
productProperties   CRUX   CRUX   R    CRUX   -
productActions      CRL    CRL    -    CRL    -
collections         CRLUX  CRLUX  -    CRLU   -
members             LUX    LUX    -    LUX    -
membersAll          X      X      -    -      -
children            CLX    CLX    -    CL     -
collectionActions   CRL    CRL    -    CRL    -
types               CLUX   CLX    -    L      -
actions             CRLX   CRL    -    CRL    -
scans               CRLX   CRL    C    CRL    -
places              CRLUX  CRLUX  RL   RL     -
projects            CRLUX  -      -    -      -
applications        CRLUX  R      R    -      -
applicationKeys     RX     -      -    -      -
ownApplication      -      RU     R    -      -
batches             CRLUX  -      -    -      -
files               CRLUX  -      -    -      -
`;

const lines = table.trim().split('\n');
const kinds = lines.shift().trim().split(/ +/);
export const columns = Object.fromEntries(kinds.map((kind) => [kind, {}]));
for (const line of lines) {
    const [row, ...cells] = line.split(/ +/);
    kinds.forEach((kind, i) => (columns[kind][row] = cells[i] === '-' ? '' : cells[i]));
}
export const rows = Object.keys(columns.O);

const only = (text, letters) => [...text].filter((letter) => letters.includes(letter)).join('');
const from = (column, take) =>
    Object.fromEntries(rows.map((row) => [row, only(column[row], take(row))]));

/* What no role takes away: whoever the row names has it. */
const open = { access: 'R', me: 'R', operators: 'RU', accounts: 'RL' };
const openOf = {
    O: from(columns.O, (row) => open[row] ?? ''),
    U: from(columns.U, (row) => (['access', 'logout'].includes(row) ? 'RC' : '')),
    K: from(columns.O, (row) => (row === 'access' ? 'R' : '')),
};

export const everywhere = 'everywhere';
export const administrator = [{ rights: columns.O, reach: everywhere }];
export const zonesOf = (kind) => [{ rights: columns[kind], reach: everywhere }];

/* ---- operators' roles (auth.md 8): six switches ---- */

const accountRows = [
    ...['accountAccesses', 'why', 'roles', 'rolePermissions', 'accessPolicies', 'accessTokens'],
    ...Object.keys(open),
];
const projectRows = ['users', 'userStatus', 'projects', 'applications', 'applicationKeys'];
const showsKeys = ['userStatus', 'deviceKeys', 'applicationKeys'];
const resourceRows = rows.filter(
    (row) => !accountRows.includes(row) && !projectRows.includes(row) && columns.O[row] !== '',
);
const reads = (domain) => (row) => (domain.includes(row) && !showsKeys.includes(row) ? 'RL' : '');
const updates = (domain) => (row) =>
    domain.includes(row) ? (showsKeys.includes(row) ? 'CRLUX' : 'CUX') : '';

/** Of the switches that are on: { global_read: true, project_read: [ids], ... }. */
export function operatorZones(switches) {
    const rights = {
        global_read: reads([...resourceRows, ...projectRows]),
        gl_resource_update: updates(resourceRows),
        gl_project_update: updates(projectRows),
        project_read: reads([...resourceRows, ...projectRows]),
        project_resource_update: updates(resourceRows),
        project_update: updates(projectRows),
    };
    const zones = Object.entries(switches).map(([name, on]) => ({
        rights: from(columns.O, rights[name]),
        reach: on === true ? everywhere : { projects: on },
    }));
    return [...zones, { rights: openOf.O, reach: everywhere }];
}

/* ---- access policies (auth.md 2.5) ---- */

const policyRows = {
    accounts: { accounts: 'RLU' },
    accessPolicies: { accessPolicies: 'CRLUX' },
    accessTokens: { accessTokens: 'CRLUX' },
    operatorAccess: { accountAccesses: 'CRLUX' },
    products: { products: 'CRLUX' },
    places: { places: 'CRLUX' },
    collections: { collections: 'CRLUX' },
    projects: { projects: 'CRLUX' },
    applications: { applications: 'CRLUX' },
    batches: { batches: 'CRLUX' },
    files: { files: 'CRLUX' },
    roles: { roles: 'CRLUX' },
    users: { users: 'RLUX' },
    thngs: { thngs: 'CL', thng: 'RUX' },
    actions: {
        types: 'CLUX',
        ...{ actions: 'CRLX', scans: 'CRLX' },
        ...{ thngActions: 'CRL', productActions: 'CRL', collectionActions: 'CRL' },
    },
};
/* Of whose parts changing is updating the whole; those that show keys are not for readers. */
const parts = {
    thngs: ['properties', 'location', 'commissioning', 'deviceKeys'],
    products: ['productProperties'],
    collections: ['members', 'membersAll', 'children'],
    applications: ['applicationKeys'],
    users: ['userStatus'],
    roles: ['rolePermissions'],
};
const letterOf = { create: 'C', read: 'R', list: 'L', update: 'U', delete: 'X' };
export const policyNames = Object.keys(policyRows);

export function policyRights(permissions) {
    const rights = Object.fromEntries(rows.map((row) => [row, '']));
    const add = (row, letters) => {
        for (const letter of only(columns.O[row], letters))
            if (!rights[row].includes(letter)) rights[row] += letter;
    };
    for (const permission of permissions) {
        const [name, operations] = permission.split(':');
        const all = operations === '*' ? Object.keys(letterOf) : operations.split(',');
        for (const operation of all) {
            for (const [row, letters] of Object.entries(policyRows[name] ?? {}))
                add(row, only(letters, letterOf[operation]));
            for (const row of parts[name] ?? []) {
                if (operation === 'update') add(row, showsKeys.includes(row) ? 'CRLUX' : 'CUX');
                if (operation === 'read' && !showsKeys.includes(row)) add(row, 'RL');
            }
        }
    }
    return rights;
}

const holderZones = (permissions, kind) => [
    { rights: policyRights(permissions), reach: everywhere },
    { rights: openOf[kind], reach: everywhere },
];
export const tokenZones = (permissions) => holderZones(permissions, 'K');
/** An operator with policies instead of a role. */
export const collaboratorZones = (permissions) => holderZones(permissions, 'O');

/* ---- users' roles (auth.md 8): the longest path that fits counts ---- */

/* The path on which each operation of a row is: the first for creating and listing. */
const userPaths = {
    roles: ['/roles', '/roles'],
    users: ['/users', '/users/:id'],
    userStatus: ['/users/:id/status', '/users/:id/status'],
    shares: ['/accesses', '/accesses/:id'],
    deviceKeys: ['/auth/evrythng/thngs', '/auth/evrythng/thngs/:id'],
    thngs: ['/thngs', '/thngs'],
    thng: ['/thngs/:id', '/thngs/:id'],
    properties: ['/thngs/:id/properties', '/thngs/:id/properties'],
    location: ['/thngs/:id/location', '/thngs/:id/location'],
    thngActions: ['/thngs/:id/actions/:type', '/thngs/:id/actions/:type/:id'],
    products: ['/products', '/products/:id'],
    productProperties: ['/products/:id/properties', '/products/:id/properties'],
    productActions: ['/products/:id/actions/:type', '/products/:id/actions/:type/:id'],
    collections: ['/collections', '/collections/:id'],
    members: ['/collections/:id/thngs', '/collections/:id/thngs'],
    children: ['/collections/:id/collections', '/collections/:id/collections'],
    collectionActions: ['/collections/:id/actions/:type', '/collections/:id/actions/:type/:id'],
    types: ['/actions', '/actions'],
    actions: ['/actions/:type', '/actions/:type/:id'],
    scans: ['/actions/scans', '/actions/scans/:id'],
    places: ['/places', '/places/:id'],
};
/* What a role of users may give on a path: what users have there or somewhere below it. */
export const rolePaths = {
    ...{ '/thngs': 'cru', '/thngs/:id': 'cru', '/thngs/:id/properties': 'cru' },
    ...{ '/products': 'crud', '/products/:id/properties': 'crud' },
    ...{ '/collections': 'crud', '/collections/:id/thngs': 'rud' },
    ...{ '/actions': 'cr', '/actions/:type': 'cr', '/actions/scans': 'cr' },
    ...{ '/thngs/:id/actions/:type': 'cr', '/places': 'r' },
};
const accessOf = { C: 'c', R: 'r', L: 'r', U: 'u', X: 'd' };

function fits(pattern, path) {
    const wanted = pattern.split('/');
    const given = path.split('/');
    return (
        wanted.length <= given.length &&
        wanted.every((segment, i) => segment === given[i] || segment.startsWith(':'))
    );
}

export function userRights(permissions) {
    if (permissions === 'base_app_user') return columns.U;
    const may = (path, letter) => {
        /* Of two that are equally long the one with fewer parameters. */
        const rank = (one) => 10 * one.path.split('/').length - one.path.split(':').length;
        const fitting = permissions.filter((one) => fits(one.path, path));
        fitting.sort((a, b) => rank(b) - rank(a));
        return fitting.length > 0 && fitting[0].access.includes(accessOf[letter]);
    };
    return from(columns.U, (row) => {
        if (!userPaths[row]) return '';
        const [all, one] = userPaths[row];
        return [...columns.U[row]]
            .filter((letter) => may('CL'.includes(letter) ? all : one, letter))
            .join('');
    });
}

/** <shares>: [{ from: user id, permissions }]. One that gives nothing lets nobody in. */
export const userZones = (permissions, shares = []) => [
    { rights: userRights(permissions), reach: everywhere },
    { rights: openOf.U, reach: everywhere },
    ...shares
        .map((share) => ({ rights: userRights(share.permissions), reach: { user: share.from } }))
        .filter((zone) => rows.some((row) => zone.rights[row] !== '')),
];

/* ---- who sees what (auth.md 7) ---- */

const has = (list, id) => list.includes('all') || list.includes(id);

function isShown(user, resource) {
    const byName = ['user', 'share'].includes(resource.kind);
    return byName ? resource.scopes.users.includes(user.id) : has(resource.scopes.users, user.id);
}

function inProjects(resource, projects) {
    if (resource.kind === 'project') return projects.includes(resource.id);
    if (resource.kind === 'application') return projects.includes(resource.parent);
    const named = resource.scopes?.projects ?? [];
    return named.includes('all') || named.some((id) => projects.includes(id));
}

function reaches(actor, zone, resource) {
    if (zone.reach === everywhere) return actor.kind !== 'U' || isShown(actor, resource);
    if (zone.reach.projects) return inProjects(resource, zone.reach.projects);
    return (
        !['user', 'share'].includes(resource.kind) &&
        resource.scopes.users.includes(zone.reach.user)
    );
}

const isOpen = (zone) => zone.rights === openOf.O || zone.rights === openOf.K;

export function sees(actor, resource) {
    if (resource.account !== actor.account) return false;
    switch (actor.kind) {
        case 'O':
        case 'K':
            if (actor.places && resource.kind === 'place' && !actor.places.includes(resource.id))
                return false;
            return (
                ['account', 'operator'].includes(resource.kind) ||
                actor.zones.some((zone) => !isOpen(zone) && reaches(actor, zone, resource))
            );
        case 'T':
        case 'A':
            if (resource.kind === 'application') return resource.id === actor.id;
            return has(resource.scopes?.projects ?? [], actor.project);
        case 'U':
            return (
                has(resource.scopes?.projects ?? [], actor.project) &&
                actor.zones.some((zone) => reaches(actor, zone, resource))
            );
        default:
            return (resource.kind === 'thng' ? resource.id : resource.thng) === actor.id;
    }
}

export function judge(actor, row, letter, resource) {
    if (actor.kind === 'none') return 401;
    if (actor.kind === '?') return 403;
    const zones = actor.zones.filter((zone) => zone.rights[row].includes(letter));
    if (zones.length === 0) return 403;
    if (resource === undefined) return 0;
    if (resource === null || !sees(actor, resource)) return 404;
    return zones.some((zone) => reaches(actor, zone, resource)) ? 0 : 403;
}

/** May it name that project of <account>? */
export function mayName(actor, account, project) {
    if (account !== actor.account) return false;
    if (['T', 'A', 'U'].includes(actor.kind)) return project === actor.project;
    return actor.zones.some(
        (zone) =>
            !isOpen(zone) && (zone.reach === everywhere || zone.reach.projects?.includes(project)),
    );
}

/** May it make something with these scopes? 0 or 403: in all of its projects it must be able to. */
export function judgeMaking(actor, row, { kind, scopes }) {
    const zones = actor.zones.filter((zone) => zone.rights[row].includes('C'));
    const isWithin = ({ projects }) =>
        kind !== 'project' &&
        scopes.projects.length > 0 &&
        scopes.projects.every((id) => projects.includes(id));
    const does = (zone) =>
        zone.reach === everywhere ||
        (zone.reach.projects ? isWithin(zone.reach) : scopes.users.includes(zone.reach.user));
    return zones.some(does) ? 0 : 403;
}
