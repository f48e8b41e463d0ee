// SPDX-License-Identifier: Apache-2.0
//
// Which topics a change fires, and what it says there: written from the contract (pubsub.md 3 and
// 4, README.md points 6, 10, 11), knowing nothing of the program. It keeps in mind no more of the
// resources than that needs: products of thngs, members of collections, and projects.
//
//     const model = new Model();
//     model.made('thngs', { id, product, projects: [] });
//     model.fires({ verb: 'PUT', path: '/thngs/U.../properties/a', body: [{ value: 1 }] });
//     // [{ topic: '/thngs/U.../properties', says: { ... }, projects, account }, ...]
//
// <says> tells what the message holds; triggers-world.mjs compares it.

/** A notice lists at most so many ids. */
export const NOTICE_IDS_MAX = 500;

const asArray = (body) => (Array.isArray(body) ? body : [body]);

/** Of points with the same key and timestamp in one request the last one wins, at the place of the
 *  first (rest.md 3.1). */
function collapse(points) {
    const kept = [];
    for (const point of points) {
        const same = (one) =>
            point.timestamp !== undefined &&
            one.timestamp === point.timestamp &&
            one.key === point.key;
        const at = kept.findIndex(same);
        if (at < 0) kept.push(point);
        else kept[at] = point;
    }
    return kept;
}

/* ---- the rules: verbs, path, and what it fires; the first that fits is the one ---- */

const rules = [
    ['PUT POST', '/:kind(thngs|products)/:id/properties', points],
    ['PUT POST', '/:kind(thngs|products)/:id/properties/:key', points],
    ['PUT POST', '/thngs/:id/location', location],
    ['PUT', '/thngs/:id', documentUpdated('thngs')],
    ['PUT', '/thngs', manyUpdated],
    ['DELETE', '/thngs/:id', thngDeleted],
    ['DELETE', '/thngs', manyDeleted],
    ['POST', '/thngs/:id/actions/:type(commissions|decommissions)', commissioned],
    ['POST', '/actions', typeCreated],
    ['POST', '/actions/:type', actions],
    ['POST', '/:kind(thngs|products|collections)/:id/actions/:type', actions],
    ['DELETE', '/actions/:type', typeDeleted],
    ['PUT', '/collections/:id', documentUpdated('collections')],
    ['DELETE', '/collections/:id', collectionDeleted],
    ['PUT', '/collections/:id/thngs', membersAdded],
    ['DELETE', '/collections/:id/thngs', membersCleared],
    ['DELETE', '/collections/:id/thngs/:member', memberRemoved],
    /* All else fires nothing. */
];

/* ":name" is any segment, ":name(a|b)" one of those. */
function pattern(path) {
    const named = (_, name, oneOf) => `(?<${name}>${oneOf ?? '[^/]+'})`;
    return new RegExp(`^${path.replace(/:(\w+)(\([^)]*\))?/g, named)}$`);
}

const table = rules.map(([verbs, path, rule]) => ({
    verbs: verbs.split(' '),
    path: pattern(path),
    rule,
}));

function points(model, { kind, id, key }, { body }) {
    const all = collapse(
        asArray(body).map((point) => ({
            key: (key ?? point.key).toLowerCase(),
            value: point.value,
            timestamp: point.timestamp,
        })),
    );
    if (all.length === 0) return [];
    const path = `/${kind}/${id}/properties`;
    const keys = [...new Set(all.map((point) => point.key))];
    const of = (some) => ({ is: 'points', path, points: some });
    return [
        model.on(id, path, of(all)),
        ...keys.map((one) =>
            model.on(id, `${path}/${one}`, of(all.filter((point) => point.key === one))),
        ),
    ];
}

function location(model, { id }, { body }) {
    const entries = asArray(body);
    const path = `/thngs/${id}/location`;
    return entries.length === 0 ? [] : [model.on(id, path, { is: 'location', path, entries })];
}

/* Properties and locations are not updated this way, and not shown on this topic. */
function documentUpdated(kind) {
    return (model, { id }, { body }) => {
        const { properties, location: where, scopes, ...has } = body;
        if (scopes) model.get(id).projects = scopes.projects;
        if ('product' in has) model.get(id).product = has.product ?? undefined;
        const path = `/${kind}/${id}`;
        return [model.on(id, path, { is: 'document', path, has })];
    };
}

function idsOf({ query }) {
    return new URLSearchParams(query).get('ids').split(',');
}

function manyUpdated(model, _, call) {
    return idsOf(call).flatMap((id) => documentUpdated('thngs')(model, { id }, call));
}

function thngDeleted(model, { id }) {
    const notices = model
        .collectionsOf(id)
        .flatMap((collection) => model.leave(collection, 'thngsRemoved', [id]));
    const path = `/thngs/${id}`;
    return [...notices, model.on(id, path, notice('deleted', [id]))];
}

function manyDeleted(model, _, call) {
    return idsOf(call).flatMap((id) => thngDeleted(model, { id }));
}

/* ---- actions ---- */

/* The creation path does not matter, only the resulting document. */
function actions(model, { kind, id, type }, call) {
    return asArray(call.body).flatMap((body) => {
        const action = { ...body };
        if (type !== 'all') action.type = type;
        if (kind !== undefined) action[kind.slice(0, -1)] = id;
        return actionCreated(model, action, call);
    });
}

function actionCreated(model, action, { project, actor }) {
    const has = { ...action };
    has.product ??= model.get(action.thng)?.product;
    if (has.product === undefined) delete has.product;
    const target = model.get(action.thng ?? action.product ?? action.collection);
    const own = actor?.project ?? project;
    const seen = {
        account: actor?.account,
        projects: target ? target.projects : own ? [own] : [],
    };
    const says = { is: 'action', has };
    return ['', `/thngs/${has.thng}`, `/products/${has.product}`, `/collections/${has.collection}`]
        .filter((root) => !root.endsWith('/undefined'))
        .flatMap((root) =>
            ['all', has.type].map((one) => ({ topic: `${root}/actions/${one}`, says, ...seen })),
        );
}

/* It is an action, and gives the thng its product or takes it (rest.md 2.3). */
function commissioned(model, { id, type }, { body }) {
    const { occurredAt, product, location: where } = body;
    const thng = model.get(id);
    const has = { type, thng: id, timestamp: Date.parse(occurredAt), occurredAt };
    has.product = product ?? thng.product;
    thng.product = product;
    has.location = { ...where, position: pointAt(where) };
    const path = `/thngs/${id}`;
    return [
        model.on(id, path, { is: 'document', path, has: product ? { product } : {} }),
        ...actionCreated(model, has, {}),
    ];
}

export const pointAt = ({ latitude, longitude }) => ({
    type: 'Point',
    coordinates: [longitude, latitude],
});

function typeCreated(model, _, { body, project, actor }) {
    const own = actor?.project ?? project;
    const projects = own ? [own] : [];
    model.types.set(body.name, projects);
    const says = { is: 'type', name: body.name };
    return [{ topic: '/actions', says, account: actor?.account, projects }];
}

function typeDeleted(model, { type }) {
    const projects = model.types.get(type);
    return [{ topic: `/actions/${type}`, says: notice('deleted', [type]), projects }];
}

/* ---- collections ---- */

const notice = (operation, resources) => ({ is: 'notice', operation, resources });

function membersAdded(model, { id }, { body }) {
    const { members } = model.get(id);
    const added = [...new Set(body)].filter((one) => !members.has(one));
    for (const one of added) members.add(one);
    return model.tell(id, 'thngsAdded', added);
}

function memberRemoved(model, { id, member }) {
    return model.leave(id, 'thngsRemoved', [member]);
}

function membersCleared(model, { id }) {
    return model.leave(id, 'thngsCleared', [...model.get(id).members]);
}

function collectionDeleted(model, { id }) {
    const path = `/collections/${id}`;
    return [
        ...membersCleared(model, { id }),
        model.on(id, path, notice('deleted', [id])),
    ];
}

export class Model {
    constructor() {
        this.resources = new Map();
        this.types = new Map();
    }

    get(id) {
        return this.resources.get(id);
    }

    /** A resource that exists now, seen in these projects. */
    made(kind, { id, product, projects = [], account }) {
        this.resources.set(id, { kind, product, projects, account, members: new Set() });
    }

    /** The task has come to its end: not of a call, but some time after it. */
    taskEnds(batch, task, status) {
        const path = `/batches/${batch}/tasks`;
        const says = { is: 'task', path: `${path}/${task}`, status };
        return [path, `${path}/${task}`].map((topic) => this.on(batch, topic, says));
    }

    fires(call) {
        for (const { verbs, path, rule } of table) {
            const found = verbs.includes(call.verb) && path.exec(call.path);
            if (found) return rule(this, found.groups, call);
        }
        return [];
    }

    /* What concerns a resource is told to those who see it. */
    on(id, topic, says) {
        const { projects, account } = this.get(id);
        return { topic, says, projects, account };
    }

    collectionsOf(id) {
        return [...this.resources].filter(([, one]) => one.members.has(id)).map(([at]) => at);
    }

    leave(collection, operation, ids) {
        for (const id of ids) this.get(collection).members.delete(id);
        return this.tell(collection, operation, ids);
    }

    tell(collection, operation, ids) {
        const topic = `/collections/${collection}/thngs`;
        const notices = [];
        for (let at = 0; at < ids.length; at += NOTICE_IDS_MAX) {
            const some = ids.slice(at, at + NOTICE_IDS_MAX);
            notices.push(this.on(collection, topic, notice(operation, some)));
        }
        return notices;
    }
}
