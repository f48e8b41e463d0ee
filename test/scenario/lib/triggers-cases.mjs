// SPDX-License-Identifier: Apache-2.0
//
// The changes of the matrix of triggers (pubsub.md 4). A case: [what it is, the call, its body,
// more]. ":T" is the id of T; T is a thng of product P in collection C, all of project p; L is a
// thng alone. More:
//
//     needs   what is made for it first, anew for each way: { V: ['thngs', { product: ':P' }] }
//     in      what is put into collections then: [[':C', [':V']]]
//     as      who does it, else the operator
//     then    a second body. Where the first fires nothing, it shows that it has been read.
//     endsSockets   native WebSockets end before all is told, and are not asked
const thng = (more) => ['thngs', more];
const thngs = (names, more) => Object.fromEntries(names.map((name) => [name, thng(more)]));
const collection = (more) => ['collections', more];

/** More than two notices can hold. */
export const manyNames = Array.from({ length: 1001 }, (_, at) => `M${at}`);
const many = manyNames.map((name) => `:${name}`);
const point = (longitude, latitude) => ({ type: 'Point', coordinates: [longitude, latitude] });

const pointsOf = (path) => [
    ['one, by its key', `PUT ${path}/a`, [{ value: 21.5 }]],
    ['one, among all', `PUT ${path}`, [{ key: 'a', value: 'x' }]],
    ['several', `PUT ${path}`, [
        { key: 'b', value: true },
        { key: 'c', value: 1 },
        { key: 'a', value: [] },
    ]],
    ['POST is PUT', `POST ${path}`, [{ key: 'b', value: 1 }, { key: 'a', value: 2 }]],
    ['POST of one key is PUT', `POST ${path}/b`, [{ value: 2 }]],
    ['a key nobody follows', `PUT ${path}/c`, [{ value: { deep: [1, { er: 'é' }] } }]],
    ['the same value again', `PUT ${path}/a`, [{ value: 7 }], { then: [{ value: 7 }] }],
    ['one key twice', `PUT ${path}`, [
        { key: 'a', value: 1, timestamp: 1000 },
        { key: 'b', value: 2 },
        { key: 'a', value: 3, timestamp: 2000 },
    ]],
    ['one key twice without times', `PUT ${path}/a`, [{ value: 4 }, { value: 5 }]],
    ['one key twice at the same time', `PUT ${path}`, [
        { key: 'a', value: 1, timestamp: 3000 },
        { key: 'b', value: 2 },
        { key: 'a', value: 3, timestamp: 3000 },
    ]],
    ['older than the latest', `PUT ${path}/a`, [{ value: 'old', timestamp: 5 }]],
    ['one object instead of an array', `PUT ${path}/a`, { value: 6 }],
    ['the key of the path wins', `PUT ${path}/a`, [{ key: 'b', value: 8 }]],
    ['keys in upper case', `PUT ${path}`, [{ key: 'B', value: 9 }]],
    ['an empty array', `PUT ${path}`, [], { then: [{ key: 'a', value: 'after' }] }],
    ['what is older is deleted', `DELETE ${path}/a?to=4000`],
    ['one is deleted', `DELETE ${path}/a`],
    ['all are deleted', `DELETE ${path}`],
];

const located = { latitude: 46.2, longitude: 6.1 };

export const cases = {
    'properties of a thng': pointsOf('/thngs/:T/properties'),
    'properties of a thng alone': [
        ['one', 'PUT /thngs/:L/properties/a', [{ value: 1 }]],
        ['of another project', 'PUT /thngs/:ThngOfQ/properties', [{ key: 'a', value: 1 }]],
    ],
    'properties of a product': pointsOf('/products/:P/properties'),

    'location of a thng': [
        ['a position', 'PUT /thngs/:T/location', [{ position: point(8.5, 47.25) }]],
        ['latitude and longitude', 'PUT /thngs/:T/location', [located]],
        ['a place', 'PUT /thngs/:T/location', [{ place: ':Place' }]],
        ['several, of the past', 'PUT /thngs/:T/location', [
            { ...located, timestamp: 1000 },
            { position: point(-1, -2), timestamp: 500 },
        ]],
        ['one object', 'PUT /thngs/:T/location', { position: point(0, 0) }],
        ['POST is PUT', 'POST /thngs/:T/location', [located]],
        ['an empty array', 'PUT /thngs/:T/location', [], { then: [located] }],
        ['older ones are deleted', 'DELETE /thngs/:T/location?to=900'],
        ['all are deleted', 'DELETE /thngs/:T/location'],
    ],

    thngs: [
        ['updated', 'PUT /thngs/:T', { description: 'new', tags: ['x'], customFields: { a: 1 } }],
        ['with properties and a location inside, which are not taken', 'PUT /thngs/:T', {
            name: 'named anew',
            properties: { a: 1 },
            location: located,
        }],
        ['given another product', 'PUT /thngs/:V', { product: ':OtherProduct' }, {
            needs: { V: thng({ product: ':P' }) },
        }],
        ['shown to a project', 'PUT /thngs/:V', { scopes: { users: ['all'], projects: [':p'] } }, {
            needs: { V: thng() },
        }],
        ['many updated', 'PUT /thngs?ids=:V,:W', { description: 'both' }, {
            needs: thngs(['V', 'W'], { project: 'p' }),
        }],
        ['created', 'POST /thngs?project=:p', { name: 'x', product: ':P' }],
        ['created with first values', 'POST /thngs?project=:p', {
            name: 'x',
            properties: { a: 1, b: 2 },
            location: located,
        }],
        ['deleted', 'DELETE /thngs/:V', undefined, { needs: { V: thng({ project: 'p' }) } }],
        ['deleted with all it has', 'DELETE /thngs/:V', undefined, {
            needs: {
                V: thng({ product: ':P', project: 'p', properties: { a: 1 }, location: located }),
            },
            in: [[':C', [':V']], [':OtherCollection', [':V', ':L']]],
        }],
        ['many deleted', 'DELETE /thngs?ids=:V,:W', undefined, {
            needs: thngs(['V', 'W', 'X'], { project: 'p' }),
            in: [[':C', [':V', ':W', ':X']]],
        }],
    ],

    products: [
        ['created', 'POST /products', { name: 'x', properties: { a: 1 } }],
        ['updated', 'PUT /products/:P', { description: 'new' }],
        ['deleted, with thngs of it', 'DELETE /products/:R', undefined, {
            needs: { R: ['products', { project: 'p' }], V: thng({ project: 'p', product: ':R' }) },
        }],
    ],

    'actions by the account': [
        ['of nothing', 'POST /actions/_y', {}],
        ['of nothing, the type in the body', 'POST /actions/all', {
            type: '_y',
            customFields: { level: 2 },
        }],
        ['of a built-in type', 'POST /actions/scans', { tags: ['a'], identifiers: { x: 'y' } }],
        ['of a type nobody follows', 'POST /actions/all', { type: 'shares' }],
        ['of nothing, in a project', 'POST /actions/_y?project=:p', { type: '_y' }],
        ['of the past', 'POST /actions/_y', { timestamp: 1000 }],
        ['somewhere', 'POST /actions/_y', { location: located, locationSource: 'sensor' }],
        ['at a place', 'POST /actions/_y', { location: { place: ':Place' } }],
        ['on a thng with a product', 'POST /actions/_y', { thng: ':T' }],
        ['on a thng, type and target in the body', 'POST /actions/all', {
            type: '_n',
            thng: ':T',
        }],
        ['on a thng without a product', 'POST /actions/_y', { thng: ':L' }],
        ['on a thng, of another product', 'POST /actions/_y', {
            thng: ':T',
            product: ':OtherProduct',
        }],
        ['on a product', 'POST /actions/all', { type: '_y', product: ':P' }],
        ['on a collection', 'POST /actions/_y', { collection: ':C' }],
        ['on what another project sees', 'POST /actions/_y', { thng: ':ThngOfQ' }],
        ['several at once', 'POST /actions/all', [
            { type: '_y', thng: ':T' },
            { type: 'scans' },
            { type: '_n', collection: ':C' },
            { type: '_y', product: ':OtherProduct' },
            { type: '_y', thng: ':T' },
        ]],
        ['several of one type', 'POST /actions/_y', [{}, { thng: ':L' }]],
    ],
    'actions by their target': [
        ['on a thng', 'POST /thngs/:T/actions/_y', { customFields: { level: 2.5 } }],
        ['on a thng, the type in the body', 'POST /thngs/:T/actions/all', { type: 'scans' }],
        ['on a thng without a product', 'POST /thngs/:L/actions/_y', { thng: ':L' }],
        ['on a product', 'POST /products/:P/actions/_y', {}],
        ['on a product, the type in the body', 'POST /products/:P/actions/all', { type: '_y' }],
        ['on a collection', 'POST /collections/:C/actions/_y', {}],
        ['on a collection, the type in the body', 'POST /collections/:C/actions/all', {
            type: 'scans',
        }],
        ['several on a thng', 'POST /thngs/:T/actions/all', [{ type: '_y' }, { type: 'scans' }]],
        ['deleted', 'DELETE /actions/_y/:Action', undefined, {
            needs: { Action: ['thngs/:T/actions/_y', {}] },
        }],
    ],
    commissioning: [
        ['a thng gets its product', 'POST /thngs/:V/actions/commissions', {
            product: ':P',
            location: located,
            occurredAt: '2023-11-14T22:13:20.123Z',
        }, { needs: { V: thng({ project: 'p' }) } }],
        ['and loses it', 'POST /thngs/:V/actions/decommissions', {
            location: located,
            occurredAt: '2023-11-15T22:13:20.123Z',
        }],
    ],

    'action types': [
        ['created', 'POST /actions', { name: ':New' }],
        ['created in a project', 'POST /actions?project=:p', { name: ':New', description: 'd' }],
        ['updated', 'PUT /actions/_y', { description: 'new' }],
        ['deleted', 'DELETE /actions/:New', undefined, {
            needs: { Type: ['actions', { name: ':New' }] },
        }],
        ['deleted, in a project, with actions', 'DELETE /actions/:New', undefined, {
            needs: {
                Type: ['actions', { project: 'p', name: ':New' }],
                First: ['thngs/:T/actions/:New', {}],
                Second: ['actions/:New', {}],
            },
        }],
    ],

    collections: [
        ['created', 'POST /collections', { name: 'x' }],
        ['updated', 'PUT /collections/:C', { description: 'new', tags: [] }],
        ['deleted', 'DELETE /collections/:D', undefined, {
            needs: { D: collection({ project: 'p' }) },
        }],
        ['deleted with members', 'DELETE /collections/:D', undefined, {
            needs: { D: collection({ project: 'p' }), V: thng({ project: 'p' }) },
            in: [[':D', [':V', ':T', ':L']]],
        }],
        ['put into another', 'POST /collections/:C/collections', [':D'], {
            needs: { D: collection({ project: 'p' }) },
            in: [[':D', [':T']]],
        }],
        ['taken from it', 'DELETE /collections/:C/collections/:D'],
        ['all taken', 'DELETE /collections/:C/collections', undefined, {
            needs: { D: collection(), Child: ['collections/:C/collections', { list: [':D'] }] },
        }],
        ['deleted with children', 'DELETE /collections/:D', undefined, {
            needs: {
                D: collection(),
                E: collection(),
                Child: ['collections/:D/collections', { list: [':E'] }],
            },
        }],
    ],
    'members of collections': [
        ['added', 'PUT /collections/:C/thngs', [':V', ':W'], {
            needs: thngs(['V', 'W'], { project: 'p' }),
        }],
        ['added, some of them before', 'PUT /collections/:C/thngs', [':T', ':V', ':V'], {
            needs: { V: thng() },
        }],
        ['added, all of them before', 'PUT /collections/:C/thngs', [':T'], {
            needs: { V: thng() },
            then: [':V'],
        }],
        ['none added', 'PUT /collections/:C/thngs', [], { needs: { V: thng() }, then: [':V'] }],
        ['one removed', 'DELETE /collections/:C/thngs/:V', undefined, {
            needs: { V: thng({ project: 'p' }) },
            in: [[':C', [':V']]],
        }],
        ['the last one removed', 'DELETE /collections/:D/thngs/:T', undefined, {
            needs: { D: collection({ project: 'p' }) },
            in: [[':D', [':T']]],
        }],
        ['all removed', 'DELETE /collections/:D/thngs', undefined, {
            needs: { D: collection({ project: 'q' }) },
            in: [[':D', [':T', ':L', ':ThngOfQ']]],
        }],
        ['none removed', 'DELETE /collections/:D/thngs', undefined, { needs: { D: collection() } }],
        ['more than a notice holds are added', 'PUT /collections/:D/thngs', many, {
            needs: { D: collection({ project: 'p' }) },
        }],
        ['and removed', 'DELETE /collections/:D/thngs'],
        ['more than a notice holds go with their collection', 'DELETE /collections/:D', undefined, {
            endsSockets: true,
            needs: { D: collection({ project: 'p' }) },
            in: [[':D', many]],
        }],
    ],

    'batches, places and projects': [
        ['a batch created', 'POST /batches', { name: 'x' }],
        ['a batch updated', 'PUT /batches/:B', { description: 'new' }],
        ['a batch deleted', 'DELETE /batches/:V', undefined, { needs: { V: ['batches'] } }],
        ['a place updated', 'PUT /places/:Place', { position: point(8.54, 47.38) }],
        ['a project created', 'POST /projects', { name: 'x' }],
        ['a project deleted, with resources', 'DELETE /projects/:r', undefined, {
            needs: {
                r: ['projects'],
                V: thng({ project: 'r' }),
                D: collection({ project: 'r' }),
            },
        }],
        ['a key made', 'POST /auth/evrythng/thngs', { thngId: ':L' }],
    ],

    'by others': [
        ['by the device, a property', 'PUT /thngs/:T/properties/a', [{ value: 1 }], {
            as: 'device',
        }],
        ['by the device, its document', 'PUT /thngs/:T', { description: 'mine' }, {
            as: 'device',
        }],
        ['by the device, an action', 'POST /thngs/:T/actions/scans', {}, { as: 'device' }],
        ['by an application, of nothing', 'POST /actions/_y', {}, { as: 'application' }],
        ['by an application, on a thng', 'POST /thngs/:T/actions/_y', {}, { as: 'application' }],
        ['by an application, a type', 'POST /actions', { name: ':New' }, { as: 'application' }],
        ['by an application, members', 'PUT /collections/:C/thngs', [':V'], {
            as: 'application',
            needs: { V: thng({ project: 'p' }) },
        }],
        ['of another account, of nothing', 'POST /actions/_y', {}, { as: 'foreign' }],
        ['of another account, on a thng', 'POST /actions/_y', { thng: ':ForeignThng' }, {
            as: 'foreign',
        }],
        ['of another account, a property', 'PUT /thngs/:ForeignThng/properties/a', [{ value: 1 }], {
            as: 'foreign',
        }],
        ['of another account, a type', 'POST /actions', { name: ':New' }, { as: 'foreign' }],
        ['of another account, members', 'PUT /collections/:ForeignCollection/thngs', [':V'], {
            as: 'foreign',
            needs: { V: thng({ foreign: true }) },
        }],
    ],
};

const short = { defaultRedirectUrl: 'https://example.com', shortDomain: 'example.com' };
const identifiers = (...values) => ({
    type: 'IDENTIFIERS_LIST_BASED',
    customIdentifier: { key: 'k', values },
    thngTemplate: { name: 'x', product: ':P' },
});

/** Tasks: [how it ends, what it is told to do]. */
export const tasks = [
    ['EXECUTED', identifiers('a', 'b')],
    ['EXECUTED_WITH_FAILURES', identifiers('a', '')],
    ['FAILED', {
        type: 'FILE_BASED',
        location: 'https://example.com/file.csv',
        format: 'CSV',
        thngTemplate: { name: 'x' },
        ...short,
    }],
];

/** One that takes a while. */
export const manyThngs = {
    type: 'FIXED_AMOUNT',
    quantity: 50000,
    shortIdTemplate: { type: 'THNG_ID' },
    thngTemplate: { name: 'x' },
    ...short,
};
