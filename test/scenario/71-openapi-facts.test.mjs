// SPDX-License-Identifier: Apache-2.0
// Every operation of the original's description that is in scope: success with its status, headers
// and the shape of its body; each key that may and each that may not; and the errors.
import { scenario, it, assert, assertCompact, assertError, unknownId } from './lib/suite.mjs';
import { documents, operations } from './lib/contract.mjs';
import { Rest, request } from './lib/rest.mjs';
import { eventually } from './lib/daemon.mjs';
import { newAnonymous } from './lib/people.mjs';

const rows = operations
    .trim()
    .split('\n')
    .map((line) => {
        const [method, path, keys, body, status, reply, errors] = line.split(' ');
        return { method, path, keys, body, status: Number(status), reply, errors };
    });

/* ---------------------------------------------------------------- the shape of documents */

const idPattern = /^[abcdefghkmnpqrstwxyABCDEFGHKMNPQRSTUVWXY0123456789]{24}$/;

const shapes = Object.fromEntries(
    Object.entries(documents).map(([name, text]) => [
        name,
        text
            .trim()
            .split('\n')
            .map((line) => {
                const [, path, required, readOnly, type] =
                    /^\s*([^!~ ]+)(!?)(~?) (.+)$/.exec(line);
                return { path, required: required !== '', readOnly: readOnly !== '', type };
            }),
    ]),
);

function assertType(value, type, where) {
    const longest = /^string<=(\d+)$/.exec(type);
    const range = /^number\[(.+)\.\.(.+)\]$/.exec(type);
    if (longest) {
        assert.equal(typeof value, 'string', where);
        assert.ok([...value].length <= Number(longest[1]), where);
    } else if (range) {
        assert.ok(value >= Number(range[1]) && value <= Number(range[2]), where);
    } else if (type === 'id') assert.match(value, idPattern, where);
    else if (type === 'key') assert.match(value, /^[A-Za-z0-9]{80}$/, where);
    else if (type === 'any') assert.notEqual(value, null, where);
    else if (type === 'integer') assert.ok(Number.isInteger(value), where);
    else if (type === 'array') assert.ok(Array.isArray(value), where);
    else if (type === 'object')
        assert.ok(typeof value === 'object' && !Array.isArray(value), where);
    else if (['string', 'number', 'boolean'].includes(type)) assert.equal(typeof value, type, where);
    else assert.ok(type.split('|').includes(value), `${where}: ${value} is none of ${type}`);
}

/** All values at a path such as "location.position.coordinates[]". */
function valuesAt(root, path) {
    let values = [root];
    for (const step of path.split('.')) {
        const name = step.replace(/\[\]$/, '');
        values = values
            .map((value) => (name === '' ? value : value?.[name]))
            .filter((value) => value !== undefined);
        if (step.endsWith('[]')) values = values.flat();
    }
    return values;
}

/* Required members that the server does not insist on (contract: REST sections 8, 9.2, 3.1). */
const lenient = new Set(['Place.name', 'Property.key']);
/* Members that the description does not have, and the contract adds. */
const extra = {
    Thng: ['batch', 'createdByTask'],
    Product: ['brand', 'url', 'color', 'categories', 'photos', 'fn'],
    Action: ['createdByThng', 'device', 'purchaseOrder', 'factoryMetadata', 'occurredAt'],
    Place: ['latitude', 'longitude', 'icon', 'parentPlace'],
    Location: ['latitude', 'longitude', 'customFields'],
    KeyAccess: ['project', 'apiKey'],
    AccessToken: ['id', 'createdAt', 'updatedAt', 'apiKey'],
    Me: ['id', 'createdAt', 'updatedAt'],
};

function assertShape(document, name, where) {
    const fields = shapes[name];
    assert.equal(typeof document, 'object', where);
    for (const field of fields) {
        const at = `${where}: ${name}.${field.path}`;
        const values = valuesAt(document, field.path);
        if (field.required && !field.path.includes('.') && !lenient.has(`${name}.${field.path}`))
            assert.equal(values.length, 1, `${at} is missing`);
        for (const value of values) assertType(value, field.type, at);
    }
    const known = new Set(fields.map((field) => field.path.split(/[.[]/)[0]));
    for (const member of Object.keys(document))
        assert.ok(
            known.has(member) || (extra[name] ?? []).includes(member),
            `${where}: ${name} has an unknown member ${member}`,
        );
}

function assertReply(answer, row, where) {
    assert.equal(answer.status, row.status, `${where}: ${answer.text}`);
    assertCompact(answer);
    if (row.reply === '-') {
        assert.equal(answer.text, '', where);
        return;
    }
    assert.match(answer.headers['content-type'], /^application\/json/, where);
    const list = /^\[(.*)\]$/.exec(row.reply);
    if (list) {
        assert.ok(Array.isArray(answer.body), where);
        assert.ok(answer.body.length > 0 || row.mayBeEmpty, `${where}: an empty list shows nothing`);
        for (const one of answer.body) assertShape(one, list[1], where);
    } else assertShape(answer.body, row.reply, where);
}

/* ---------------------------------------------------------------- what the requests name */

const sample = {
    Thng: (w) => ({
        name: 'a thng',
        product: w.product.id,
        tags: ['one', 'Two'],
        identifiers: { 'gs1:21': w.unique() },
        customFields: { depth: { of: [1, 2.50, 'three'] } },
        description: 'what it is',
        type: 'kind',
        location: { latitude: 47.37, longitude: 8.54 },
    }),
    Product: () => ({ name: 'a product', brand: 'b', categories: ['c'], identifiers: { a: 'b' } }),
    Collection: () => ({ name: 'a collection', tags: ['x'], identifiers: { a: 'b' } }),
    Place: () => ({
        name: 'a place',
        position: { type: 'Point', coordinates: [8.54, 47.37] },
        address: { city: 'Zurich', countryCode: 'CH' },
    }),
    Project: () => ({ name: 'a project', startsAt: 1, endsAt: 2, imageUrl: 'https://example.com' }),
    Application: () => ({ name: 'an application', socialNetworks: {} }),
    Batch: () => ({ name: 'a batch', identifiers: { a: 'b' } }),
    File: (w) => ({ name: w.unique(), type: 'text/plain', privateAccess: true }),
    AccessToken: (w) => ({
        name: 'a service',
        description: 'that reads',
        policies: [w.policy.id],
        conditions: [],
        tags: ['t'],
        identifiers: { a: 'b' },
        customFields: { a: 1 },
    }),
    ActionType: (w) => ({ name: `_${w.unique()}`, customFields: { a: 1 } }),
    Action: () => ({ tags: ['t'], customFields: { a: 1 }, location: { latitude: 1, longitude: 2 } }),
    FixedAmountTask: () => ({
        type: 'POPULATING',
        inputParameters: {
            type: 'FIXED_AMOUNT',
            generateThngs: true,
            generateRedirections: false,
            defaultRedirectUrl: 'https://example.com',
            shortDomain: 'example.com',
            quantity: 3,
            shortIdTemplate: { type: 'THNG_ID' },
            thngTemplate: { name: 'made' },
        },
    }),
    AuthThng: async (w) => ({ thngId: (await w.newThng()).id }),
    Commission: (w) => ({
        product: w.product.id,
        location: { latitude: 1, longitude: 2 },
        occurredAt: '2024-05-06T07:08:09.123Z',
        factoryMetadata: { factory: 'F' },
    }),
    Decommission: () => ({
        location: { latitude: 1, longitude: 2 },
        occurredAt: '2024-05-06T07:08:09Z',
    }),
    '[Property]': (w, path) =>
        path.endsWith(':propertyKey') ? [{ value: 1 }] : [{ key: 'Temp', value: 21.5 }],
    '[Location]': () => [{ latitude: 47, longitude: 8 }],
    '[string]': async (w, path) => [
        path.endsWith('/thngs') ? (await w.newThng()).id : (await w.newCollection()).id,
    ],
};

/** Everything that an operation needs to find, made anew for each call. */
async function pathFor(w, row, api = w.operator) {
    let path = row.path;
    const put = (name, value) => (path = path.replace(`:${name}`, encodeURIComponent(value)));
    const has = (name) => path.includes(`:${name}`);
    const fill = async (name, make) => {
        if (has(name)) put(name, await make());
    };
    let thng;
    let collection;
    if (has('thngIdentifier')) {
        thng = await w.newThng();
        if (row.path.includes('decommissions'))
            await w.operator.must(
                200,
                'POST',
                `/thngs/${thng.id}/actions/commissions`,
                sample.Commission(w),
            );
        put('thngIdentifier', `gs1:21:${thng.identifiers['gs1:21']}`);
    }
    if (row.path.startsWith('/thngs/:thngId/') || row.path === '/thngs/:thngId') {
        thng = api.thng ?? (await w.newThng());
        put('thngId', thng.id);
        if (/properties|location/.test(row.path))
            await w.operator.must(200, 'PUT', `/thngs/${thng.id}/properties`, [
                { key: 'temp', value: 1 },
            ]);
        if (row.path.endsWith('/location'))
            await w.operator.must(200, 'PUT', `/thngs/${thng.id}/location`, [
                { latitude: 1, longitude: 2 },
            ]);
    }
    if (row.path.startsWith('/products/:productId')) {
        const product = await w.newProduct();
        put('productId', product.id);
        await w.operator.must(200, 'PUT', `/products/${product.id}/properties`, [
            { key: 'temp', value: 1 },
        ]);
    }
    await fill('propertyKey', () => 'temp');
    if (has('collectionId')) {
        collection = await w.newCollection();
        put('collectionId', collection.id);
        const member = await w.newThng();
        const child = await w.newCollection();
        const at = `/collections/${collection.id}`;
        await w.operator.must(200, 'PUT', `${at}/thngs`, [member.id]);
        await w.operator.must(200, 'POST', `${at}/collections`, [child.id]);
        await fill('thngId', () => member.id);
        await fill('childCollectionId', () => child.id);
    }
    await fill('thngId', async () => {
        const one = await w.newThng();
        await w.operator.newDeviceKey(one.id);
        return one.id;
    });
    if (has('actionType')) {
        const isType = row.body === 'ActionType' || /^DELETE \/actions\/:actionType$/.test(`${row.method} ${row.path}`);
        const type = isType
            ? (await w.make('/actions', sample.ActionType(w))).name
            : api === w.application
              ? 'scans'
              : w.type;
        put('actionType', type);
        if (!isType) {
            const root = path.includes(unknownId)
                ? `/actions/${type}`
                : path.replace(/\/:actionId$/, '');
            const action = await w.make(root, {});
            await fill('actionId', () => action.id);
        }
    }
    await fill('placeId', async () => (await w.make('/places', sample.Place())).id);
    if (has('projectId')) {
        const project = api.project ?? (await w.make('/projects', sample.Project()));
        put('projectId', project.id);
        const applications = `/projects/${project.id}/applications`;
        const application =
            api.document ?? (await w.operator.must(201, 'POST', applications, { name: 'x' }));
        await fill('applicationId', () => application.id);
    }
    if (has('batchId')) {
        const batch = await w.operator.must(201, 'POST', '/batches', { name: 'b' });
        put('batchId', batch.id);
        const tasks = `/batches/${batch.id}/tasks`;
        const task = sample.FixedAmountTask(w);
        const answer = await w.operator.post(tasks, task);
        assert.equal(answer.status, 202, answer.text);
        if (has('taskId')) put('taskId', answer.headers.location.split('/').at(-1));
    }
    await fill('fileId', async () => (await w.make('/files', sample.File(w))).id);
    return path;
}

async function bodyFor(w, row) {
    return row.body === '-' ? undefined : sample[row.body](w, row.path);
}

scenario('every operation of the description', {}, (d) => {
    const w = {};
    let number = 0;

    it('a world: a project, an application with two keys, a user, a device, a token', async () => {
        w.operator = new Rest(d.url.http, d.key);
        w.unique = () => `n${(number += 1)}`;
        w.project = await w.operator.must(201, 'POST', '/projects', { name: 'P' });
        w.make = (path, body) =>
            w.operator.must(201, 'POST', `${path}?project=${w.project.id}`, body);
        const applications = `/projects/${w.project.id}/applications`;
        const document = await w.operator.must(201, 'POST', applications, { name: 'A' });
        const { secretApiKey } = await w.operator.must(
            200,
            'GET',
            `${applications}/${document.id}/secretKey`,
        );
        w.application = new Rest(d.url.http, document.appApiKey);
        w.trusted = new Rest(d.url.http, secretApiKey);
        w.product = await w.make('/products', sample.Product());
        w.newThng = () => w.make('/thngs', sample.Thng(w));
        w.newProduct = () => w.make('/products', sample.Product());
        w.newCollection = () => w.make('/collections', sample.Collection());
        w.type = (await w.make('/actions', { name: '_seen' })).name;
        const user = await newAnonymous(d, document.appApiKey);
        w.user = new Rest(d.url.http, user.key);
        const policy = { name: 'reads thngs', permissions: ['thngs:read,list'] };
        w.policy = await w.operator.must(201, 'POST', '/accessPolicies', policy);
        await w.operator.must(201, 'POST', '/accessTokens', sample.AccessToken(w));
        const own = await w.newThng();
        w.device = new Rest(d.url.http, await w.operator.newDeviceKey(own.id));
        w.device.thng = own;
        for (const api of [w.application, w.trusted]) {
            api.project = w.project;
            api.document = document;
        }
        w.stranger = new Rest(d.url.http, 'x'.repeat(80));
        w.nobody = new Rest(d.url.http, undefined);
    });

    const actors = { O: 'operator', T: 'trusted', A: 'application', U: 'user', D: 'device' };

    /* Who else may, by the contract: an application records scans, and reads its own document. */
    const mayToo = (row, letter) =>
        (letter === 'A' && `${row.method} ${row.path}` === 'POST /actions/:actionType') ||
        ('AT'.includes(letter) &&
            `${row.method} ${row.path}` === 'GET /projects/:projectId/applications/:applicationId');

    for (const row of rows) {
        const title = `${row.method} ${row.path}`;
        /* The lists of a new resource may show nothing. */
        row.mayBeEmpty = ['/rateLimits', '/files', '/batches/:batchId/tasks/:taskId/logs'].includes(
            row.path,
        );

        for (const [letter, name] of Object.entries(actors)) {
            const may = row.keys.includes(letter) || mayToo(row, letter);
            it(`${title}: ${name} ${may ? `${row.status} ${row.reply}` : '403'}`, async () => {
                const api = w[name];
                const isOwn = row.path === '/applications/me';
                const path = isOwn ? row.path : await pathFor(w, row, may ? api : w.operator);
                const answer = await api.call(row.method, path, await bodyFor(w, row));
                if (!may) {
                    assertError(answer, 403);
                    return;
                }
                assertReply(answer, row, `${row.method} ${path}`);
                if ([201, 202].includes(row.status)) {
                    assert.ok(answer.headers.location, 'Location is missing');
                    const created = new URL(answer.headers.location, d.url.http).pathname;
                    if (row.status === 201) {
                        const { id, name, thngId } = answer.body;
                        const last = row.reply === 'ActionType' ? name : (id ?? thngId);
                        assert.ok(created.endsWith(`/${last}`), created);
                    }
                }
            });
        }

        it(`${title}: 401 without a key, 403 with one that is none`, async () => {
            const path = await pathFor(w, row);
            const body = await bodyFor(w, row);
            assertError(await w.nobody.call(row.method, path, body), 401);
            assertError(await w.stranger.call(row.method, path, body), 403);
        });

        const parameters = [...row.path.matchAll(/:(\w+Id|thngIdentifier)\b/g)].map(
            (found) => found[1],
        );
        for (const parameter of parameters)
            it(`${title}: 404 for an unknown ${parameter}`, async () => {
                const text =
                    parameter === 'thngIdentifier' ? 'gs1:21:nobody' : unknownId;
                const path = await pathFor(w, {
                    ...row,
                    path: row.path.replace(`:${parameter}`, text),
                });
                const body = await bodyFor(w, row);
                const answer = await w.operator.call(row.method, path, body);
                assertError(answer, 404, { text: /not found/ });
                const malformed = path.replace(text, 'no-id');
                assertError(await w.operator.call(row.method, malformed, body), 404);
            });

        if (row.body !== '-') {
            const writer = () => (row.path === '/applications/me' ? w.trusted : w.operator);
            it(`${title}: 400 for what is no JSON, or has the wrong shape`, async () => {
                const path = await pathFor(w, row);
                assertError(await writer().call(row.method, path, '{"name":'), 400);
                assertError(await writer().call(row.method, path, '"text"'), 400);
                assertError(await writer().call(row.method, path, '[3]'), 400);
            });
            it(`${title}: 415 for another type of body`, async () => {
                const path = await pathFor(w, row);
                const more = { headers: { 'content-type': 'text/csv' } };
                assertError(await writer().call(row.method, path, 'a;b', more), 415);
            });
        }

        if (row.method === 'POST' && shapes[row.body])
            for (const field of shapes[row.body].filter(
                (one) =>
                    one.required &&
                    !one.path.includes('.') &&
                    !(row.body === 'Action' || row.body === 'AuthThng') &&
                    !['Application.socialNetworks', 'File.privateAccess', 'Place.name'].includes(
                        `${row.body}.${one.path}`,
                    ),
            ))
                it(`${title}: 400 without ${field.path}`, async () => {
                    const path = await pathFor(w, row);
                    const body = await bodyFor(w, row);
                    delete body[field.path];
                    assertError(await w.operator.call(row.method, path, body), 400);
                });

        if (row.method === 'GET')
            it(`${title}: HEAD has the same status and no body; 406 when JSON is not accepted`, async () => {
                const isOwn = row.path === '/applications/me';
                const path = await pathFor(w, row);
                const api = isOwn ? w.application : w.operator;
                const head = await api.head(path);
                assert.equal(head.status, row.status);
                assert.equal(head.text, '');
                if (row.reply.startsWith('[') && !/properties|location|logs|rateLimits/.test(path))
                    assert.match(head.headers['x-result-count'] ?? '', /^\d+$/);
                const more = { headers: { accept: 'text/html;q=1, text/csv' } };
                assertError(await api.get(path, more), 406);
            });
    }

    const paths = [...new Set(rows.map((row) => row.path))];
    for (const path of paths)
        it(`${path}: 405 with Allow for other methods; OPTIONS answers a browser`, async () => {
            const concrete = await pathFor(w, { ...rows.find((row) => row.path === path) });
            const answer = await w.operator.call('PATCH', concrete);
            assertError(answer, 405);
            for (const row of rows.filter((one) => one.path === path))
                assert.ok(answer.headers.allow.split(/, */).includes(row.method), answer.headers.allow);
            const preflight = await request(d.url.http + concrete, {
                method: 'OPTIONS',
                headers: {
                    origin: 'https://example.com',
                    'access-control-request-method': 'PUT',
                    'access-control-request-headers': 'authorization,content-type',
                },
            });
            assert.ok([200, 204].includes(preflight.status));
            assert.equal(preflight.headers['access-control-allow-origin'], '*');
            assert.match(preflight.headers['access-control-allow-headers'], /authorization/i);
        });

    it('commissioning twice, and decommissioning what is not commissioned: 409', async () => {
        const thng = await w.newThng();
        const at = `/thngs/${thng.id}/actions`;
        assertError(
            await w.operator.post(`${at}/decommissions`, sample.Decommission()),
            409,
        );
        await w.operator.must(200, 'POST', `${at}/commissions`, sample.Commission(w));
        assertError(await w.operator.post(`${at}/commissions`, sample.Commission(w)), 409);
        assertError(
            await w.operator.post(`/thngs/${(await w.newThng()).id}/actions/commissions`, {
                ...sample.Commission(w),
                product: unknownId,
            }),
            400,
        );
    });

    it('a task is executed to the end', async () => {
        const batch = await w.operator.must(201, 'POST', '/batches', { name: 'b' });
        const answer = await w.operator.post(
            `/batches/${batch.id}/tasks`,
            sample.FixedAmountTask(w),
        );
        const task = await eventually('the task ends', async () => {
            const { body } = await w.operator.get(
                new URL(answer.headers.location, d.url.http).pathname,
            );
            return body.completedAt && body;
        });
        assertShape(task, 'BasicTask', 'the task');
        assert.equal(task.status, 'EXECUTED');
        assert.equal(task.result.totalThngsCreated, 3);
    });
});
