// SPDX-License-Identifier: Apache-2.0
//
// The operations of the REST interface, for the matrix of rights: here those on resources, in
// lib/matrix-people.mjs the others.
import {
    add,
    among,
    changed,
    listed,
    made,
    on,
    operations,
    plain,
    spent,
} from './matrix-cases.mjs';
import './matrix-people.mjs';
import { aTask } from './matrix-world.mjs';
import { unknownId } from './suite.mjs';
import { judge, judgeMaking, sees } from './rights.mjs';

export { operations };

/* Not judged by a row: open to everybody, or opened by a signed link. */
export const notInMatrix = [
    ...['GET /', 'GET /time', 'GET /ca.pem', 'GET /openapi.json'],
    ...['GET /files/:fileId/content', 'PUT /files/:fileId/content'],
];

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

/* Of one that the key does not see nothing is said: it does not count; nor does one that it may
 * change but not list, or a filter would tell of it. */
function bulk(method, kind, row, letter, status, may = () => true) {
    const isDeletion = method === 'DELETE';
    const body = isDeletion ? undefined : { description: 'changed' };
    add(`${method} /${kind}s?ids= ${row} ${letter} ${status}`, {
        isOnce: isDeletion,
        cases: (w, actor) =>
            Object.entries(w.resources[kind] ?? { unknown: null }).map(([label, resource]) => {
                const listing = kind === 'thng' ? 'thngs' : row;
                const isListed = resource !== null && judge(actor, listing, 'L', resource) === 0;
                const verdict = judge(actor, row, letter, isListed ? resource : undefined);
                const expected = verdict || (may(actor) ? 0 : 403);
                return {
                    label,
                    expected,
                    count: isListed ? 1 : 0,
                    make: async (isAllowed) => {
                        const isSpent = isDeletion && isAllowed && resource !== null;
                        const { id } = isSpent ? await w.spare(label, kind) : (resource ?? {});
                        return { path: `/${kind}s?ids=${id ?? unknownId}`, body };
                    },
                };
            }),
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
            one.resource && {
                ...one.resource,
                kind: 'application',
                id: '',
                parent: one.resource.id,
            },
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
