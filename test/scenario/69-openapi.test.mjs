// SPDX-License-Identifier: Apache-2.0
// GET /openapi.json: that it is an OpenAPI 3.1 document, that answers are as it says, and that
// whatever is sent by it, right or wrong, is answered as the contract has it.
//
// The requests are random; THRUM_TEST_SEED repeats those of a run, whose seed is printed.
import Ajv from 'ajv/dist/2020.js';
import { Validator } from '@seriousme/openapi-schema-validator';
import { scenario, it, assert, assertCompact, unknownId } from './lib/suite.mjs';
import { slow } from './lib/daemon.mjs';
import { request } from './lib/rest.mjs';

const seed = Number(process.env.THRUM_TEST_SEED ?? Date.now() % 1e9);
const ROUNDS = 12;
const FUZZ_MS = 20000;

/** mulberry32: numbers in [0, 1). */
function randomOf(state) {
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** What fields and parameters with an id in them mean. */
const meanings = {
    thngId: 'thngs',
    keyThngId: 'thngs',
    memberId: 'thngs',
    thng: 'thngs',
    productId: 'products',
    product: 'products',
    collectionId: 'collections',
    collection: 'collections',
    placeId: 'places',
    place: 'places',
    parentPlace: 'places',
    projectId: 'projects',
    project: 'projects',
    applicationId: 'applications',
    batchId: 'batches',
    taskId: 'tasks',
    fileId: 'files',
    actionId: 'actions',
};

/** A task's parameters hang together in ways that a schema does not tell. */
const someTask = {
    type: 'POPULATING',
    inputParameters: {
        type: 'IDENTIFIERS_LIST_BASED',
        generateThngs: true,
        generateRedirections: false,
        thngTemplate: { name: 'made' },
        customIdentifier: { key: 'k', values: ['v1', 'v2'] },
    },
};

/** Makes values by a JSON schema. <known>: the ids of what there is, by kind. */
class Maker {
    constructor(document, random, known) {
        Object.assign(this, { document, random, known });
    }

    below(count) {
        return Math.floor(this.random() * count);
    }
    chance(part) {
        return this.random() < part;
    }
    pick(list) {
        return list[this.below(list.length)];
    }

    resolve(schema) {
        if (!schema.$ref) return schema;
        const target = schema.$ref
            .slice(2)
            .split('/')
            .reduce((at, name) => at[name], this.document);
        assert.ok(target, schema.$ref);
        return this.resolve(target);
    }

    id() {
        const ids = Object.values(this.known).flat();
        return this.chance(0.8) && ids.length ? this.pick(ids) : unknownId;
    }

    /** The value of a field or parameter of that name. */
    named(name, schema, depth) {
        const there = this.known[meanings[name]] ?? [];
        if (there.length && this.chance(0.9)) return this.pick(there);
        if (name === 'users') return this.chance(0.9) ? ['all'] : this.value(schema, depth);
        if (name === 'projects') return this.known.projects?.slice(0, this.below(3)) ?? [];
        if (name === 'coordinates') return [this.random() * 360 - 180, this.random() * 180 - 90];
        return this.value(schema, depth);
    }

    /** A text of a pattern that the document has. */
    patterned(pattern) {
        const word = () => `w${this.below(1000)}`;
        if (pattern.startsWith('^[abc')) return this.id();
        if (pattern.startsWith('^([abc')) return this.chance(0.7) ? this.id() : `k:${word()}`;
        if (pattern.startsWith('^_[')) return `_${word()}`;
        if (pattern.startsWith('^[A-Za-z0-9]{80}')) return 'k'.repeat(80);
        if (pattern.startsWith('^(admin') || pattern.startsWith('^(base'))
            return this.pick(['base_app_user', 'none', 'admin', this.id()]);
        if (pattern.startsWith('^[a-zA-Z0-9:')) return `a name: ${word()}`;
        if (pattern.startsWith('^[a-zA-Z0-9.]+:'))
            return this.pick(['thngs:read,list', 'places:*', 'actions:create', 'nothing:read']);
        if (pattern.startsWith('^places:')) return `places:${this.id()}`;
        throw new Error(`the pattern ${pattern} is new here`);
    }

    text({ enum: choices, pattern, format, minLength = 0, maxLength = 40 }) {
        if (choices) return this.pick(choices);
        if (pattern) return this.patterned(pattern);
        if (format === 'date-time') return new Date(1.7e12 + this.below(1e9)).toISOString();
        const special = ['a', 'Ä', '"', '\\', '\u{1f600}', ' ', '/', '%', '&', '<', '\t', ':'];
        const count = Math.max(minLength, this.below(Math.min(maxLength, 12) + 1));
        if (this.chance(0.3)) return 'text/plain'.slice(0, Math.max(maxLength, minLength));
        return Array.from({ length: count }, () => this.pick(special)).join('');
    }

    number({ minimum = -1e6, maximum = 1e6, multipleOf }, isInteger) {
        const value = minimum + this.random() * (Math.min(maximum, 2e12) - minimum);
        return isInteger || multipleOf ? Math.floor(value) : value;
    }

    object({ properties = {}, required = [], additionalProperties }, depth) {
        const made = {};
        for (const [name, schema] of Object.entries(properties))
            if (required.includes(name) || this.chance(0.4))
                made[name] = this.named(name, schema, depth + 1);
        const isMap = typeof additionalProperties === 'object';
        if (isMap || Object.keys(properties).length === 0)
            for (let i = this.below(3); i > 0; i--)
                made[this.text({})] = this.value(isMap ? additionalProperties : {}, depth + 1);
        return made;
    }

    array({ items = {}, prefixItems = [], minItems = 0, maxItems = 100 }, depth) {
        const count = Math.min(maxItems, Math.max(minItems, this.below(4)));
        return Array.from({ length: count }, (_, i) =>
            this.value(prefixItems[i] ?? items, depth + 1),
        );
    }

    value(given, depth = 0) {
        const schema = this.resolve(given);
        if ('const' in schema) return schema.const;
        if (schema.enum) return this.pick(schema.enum);
        if (schema.allOf) {
            const parts = schema.allOf.map((part) => this.resolve(part));
            return this.object(
                {
                    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})),
                    required: parts.flatMap((part) => part.required ?? []),
                },
                depth,
            );
        }
        if (schema.anyOf && !schema.properties) return this.value(this.pick(schema.anyOf), depth);
        if (schema.anyOf) {
            const required = this.pick(schema.anyOf).required ?? [];
            return this.object({ ...schema, required }, depth);
        }
        const types = [schema.type ?? ['string', 'integer', 'boolean', 'array', 'object']].flat();
        const type = depth > 6 ? 'string' : this.pick(types);
        if (type === 'string') return this.text(schema);
        if (type === 'integer' || type === 'number')
            return this.number(schema, type === 'integer');
        if (type === 'boolean') return this.chance(0.5);
        return type === 'array' ? this.array(schema, depth) : this.object(schema, depth);
    }

    /** Something else than what the schema says, most of the time. */
    wrong() {
        return this.pick([
            null,
            [],
            {},
            [[]],
            [null],
            '',
            0,
            -1,
            1e300,
            true,
            'x'.repeat(5000),
            { name: null },
            { name: 5, tags: 'x' },
            { tags: Array(100).fill('t') },
            { id: unknownId },
            { scopes: { users: 'all' } },
            { customFields: [] },
            { location: { latitude: 91, longitude: 0 } },
        ]);
    }

    /** A text that is no JSON, or breaks its rules. */
    broken() {
        return this.pick(['{', '{"a":1,"a":2}', '[1,]', 'nul', '"\\u0000"', '[1e999]', '\ufeff{}']);
    }
}

const methods = ['get', 'put', 'post', 'delete'];

function operationsOf(document) {
    return Object.entries(document.paths).flatMap(([path, item]) =>
        methods
            .filter((method) => item[method])
            .map((method) => ({ path, method, item, ...item[method] })),
    );
}

scenario('the description of the API', { set: { 'limits.task_quantity': 20 } }, (d) => {
    let document;
    let operations;
    let ajv;

    it('is there for everybody, compact', async () => {
        const answer = await request(`${d.url.http}/openapi.json`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'], /^application\/json/);
        assert.equal(answer.text.includes('\n'), false);
        document = answer.body;
        operations = operationsOf(document);
    });

    it('is a valid OpenAPI 3.1 document', async () => {
        const validator = new Validator();
        const result = await validator.validate(structuredClone(document));
        assert.equal(result.valid, true, JSON.stringify(result.errors, null, 1));
        assert.equal(validator.version, '3.1');
    });

    it('has schemas that are JSON schemas', () => {
        ajv = new Ajv({ strict: false, validateFormats: false });
        for (const [name, schema] of Object.entries(document.components.schemas))
            assert.equal(ajv.validateSchema(schema), true, `${name}: ${ajv.errorsText()}`);
        ajv.addSchema(document, 'api');
    });

    it('says which paths can be streamed and polled', () => {
        const isTopic = (path) => {
            const { responses, parameters = [] } = document.paths[path].get;
            const marks = [
                Object.keys(responses[200].content ?? {}).includes('text/event-stream'),
                responses[204] !== undefined,
                parameters.some(({ $ref }) => $ref.endsWith('/query-wait')),
                parameters.some(({ $ref }) => $ref.endsWith('/header-Last-Event-ID')),
            ];
            assert.equal(new Set(marks).size, 1, path);
            return marks[0];
        };
        const paths = Object.keys(document.paths).filter((path) => document.paths[path].get);
        const topics = paths.filter(isTopic);
        for (const path of ['/thngs/{thngId}', '/thngs/{thngId}/location', '/actions/{type}'])
            assert.ok(topics.includes(path), path);
        for (const path of ['/thngs', '/products/{productId}', '/places/{placeId}', '/time'])
            assert.ok(!topics.includes(path), path);
    });

    it('names operations once, and their parameters', () => {
        const ids = operations.map(({ operationId }) => operationId);
        assert.equal(new Set(ids).size, ids.length);
        assert.ok(ids.length > 100);
        for (const { path, item, tags, summary, security } of operations) {
            const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
            const names = (item.parameters ?? []).map(
                ({ $ref }) => document.components.parameters[$ref.split('/').pop()].name,
            );
            assert.deepEqual(names, wanted, path);
            assert.ok(document.tags.some(({ name }) => name === tags[0]));
            assert.ok(summary.length > 0);
            assert.ok(security === undefined || security.length === 0);
        }
    });

    it('says which paths want a key, and which do not', async () => {
        for (const { path, method, security } of operations) {
            const url = d.url.http + path.replace(/\{\w+\}/g, unknownId);
            const { status } = await fetch(url, { method: method.toUpperCase() });
            assert.equal(status === 401, security === undefined, `${method} ${path}: ${status}`);
        }
    });

    /** Checks one answer against the operation. */
    function judge(operation, what, status, headers, text) {
        const { path, method, responses } = operation;
        assert.ok(status < 500, `${what}: ${status} ${text}`);
        const isError = status >= 400;
        const key = isError ? 'default' : String(status);
        assert.ok(responses[key], `${what}: ${status} is not described`);
        const type = headers.get('content-type') ?? '';
        if (isError) {
            assert.match(type, /^application\/json/, what);
            const body = JSON.parse(text);
            assert.equal(body.status, status, what);
            assert.ok(body.errors.length >= 1 && body.errors.every((one) => one.length), what);
            return;
        }
        if (text === '' || !type.startsWith('application/json')) return;
        const body = JSON.parse(text);
        assert.ok(responses[key].content, `${what}: nothing is described, but there is ${text}`);
        assertCompact({ text, body });
        const pointer = ['paths', path, method, 'responses', key, 'content', 'application/json']
            .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
            .join('/');
        const isValid = ajv.getSchema(`api#/${pointer}/schema`);
        assert.ok(isValid(body), `${what}: ${ajv.errorsText(isValid.errors)} in ${text}`);
    }

    it(`holds for whatever is sent (THRUM_TEST_SEED=${seed})`, { timeout: 120000 * slow }, async (t) => {
        t.diagnostic(`THRUM_TEST_SEED=${seed}`);
        /** The ids that a parameter of that name may well mean: what there is now. */
        const known = {};
        const maker = new Maker(document, randomOf(seed), known);
        const list = async (name, path) => {
            const found = await d.api.must(200, 'GET', `${path}?perPage=100`);
            (known[name] ??= []).push(...found.map(({ id }) => id));
        };
        const look = async () => {
            for (const name of Object.keys(known)) delete known[name];
            const roots = 'thngs products collections places projects batches files';
            for (const name of roots.split(' ')) await list(name, `/${name}`);
            await list('actions', '/actions/all');
            for (const id of known.projects.slice(0, 5))
                await list('applications', `/projects/${id}/applications`);
            for (const id of known.batches.slice(0, 5)) await list('tasks', `/batches/${id}/tasks`);
        };
        const parameter = ({ $ref }) => document.components.parameters[$ref.split('/').pop()];
        const pathValue = (name, schema) => {
            if (name === 'type' && maker.chance(0.7)) return maker.pick(['all', 'scans', '_w1']);
            if (maker.chance(0.05)) return maker.pick(['x', '%00', '..%2f', 'ä', '%zz', '*']);
            return encodeURIComponent(maker.named(name, schema)) || 'x';
        };
        const address = (operation) => {
            const own = (operation.item.parameters ?? []).map(parameter);
            const path = own.reduce(
                (at, { name, schema }) => at.replace(`{${name}}`, pathValue(name, schema)),
                operation.path,
            );
            const query = (operation.parameters ?? [])
                .map(parameter)
                .filter((one) => one.in === 'query' && one.name !== 'wait' && maker.chance(0.15))
                .map(({ name, schema }) => {
                    const value = maker.chance(0.8)
                        ? maker.named(name, schema)
                        : maker.pick(['', 'x', '-1', '1e9', '%', 'tags=a', 'name=a&tags=b,c', '!']);
                    return `${name}=${encodeURIComponent(value)}`;
                });
            return path + (query.length ? `?${query.join('&')}` : '');
        };
        const bodyOf = (operation) => {
            const content = operation.requestBody?.content;
            if (!content) return undefined;
            if (operation.path.endsWith('/tasks') && maker.chance(0.5))
                return JSON.stringify(someTask);
            if (maker.chance(0.05)) return maker.broken();
            if (maker.chance(0.15)) return JSON.stringify(maker.wrong());
            return JSON.stringify(maker.value(Object.values(content)[0].schema));
        };

        const until = Date.now() + FUZZ_MS * slow;
        const statuses = {};
        let round = 0;
        for (; round < ROUNDS && (round < 2 || Date.now() < until); round++) {
            // What makes comes before what deletes, and more often: there is something to meet.
            await look();
            for (const method of ['post', 'post', 'put', 'get', 'delete'])
                for (const operation of operations.filter((one) => one.method === method)) {
                    if (method === 'delete' && maker.chance(0.7)) continue;
                    const url = address(operation);
                    const body = bodyOf(operation);
                    const what = `${method} ${url} ${body}`;
                    const answer = await fetch(d.url.http + url, {
                        method: method.toUpperCase(),
                        headers: { authorization: d.key, 'content-type': 'application/json' },
                        body,
                    });
                    const text = await answer.text();
                    judge(operation, what, answer.status, answer.headers, text);
                    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
                }
        }
        t.diagnostic(`${round} rounds: ${JSON.stringify(statuses)}`);
        assert.ok(round >= 2);
        for (const status of [200, 201, 400, 404]) assert.ok(statuses[status] > 0, `some ${status}`);
    });
});
