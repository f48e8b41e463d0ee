// SPDX-License-Identifier: Apache-2.0
//
// Wildcards, written down a second time from the contract (README.md, point 6) and from MQTT 3.1.1
// (4.7), not from the server: tests compare the two.
import { judge } from './rights.mjs';
import { idPattern } from './suite.mjs';

/* pubsub.md 3, a row each: the topics of the contract, the row of auth.md 6 and the letter of GET. */
const catalogue = `
actions                    types              L
actions/all                actions            L
actions/:type              actions            L
batches/:id/tasks          batches            L
batches/:id/tasks/:task    batches            R
collections/:id            collections        R
collections/:id/actions/all    collectionActions L
collections/:id/actions/:type  collectionActions L
collections/:id/thngs      members            L
products/:id/actions/all   productActions     L
products/:id/actions/:type productActions     L
products/:id/properties    productProperties  R
products/:id/properties/:key productProperties R
thngs/:id                  thng               R
thngs/:id/actions/all      thngActions        L
thngs/:id/actions/:type    thngActions        L
thngs/:id/location         location           R
thngs/:id/properties       properties         R
thngs/:id/properties/:key  properties         R
`;

export const families = catalogue
    .trim()
    .split('\n')
    .map((line) => {
        const [pattern, row, letter] = line.split(/ +/);
        return { levels: pattern.split('/'), row, letter };
    });

/** A filter taken apart: { slash, levels, query }; levels are decoded, wildcards are { any: '+' }
 *  and { any: '#' }. */
export function readFilter(text) {
    const [path, ...rest] = text.split('?');
    const query = rest.length ? `?${rest.join('?')}` : '';
    const slash = path.startsWith('/') ? '/' : '';
    const levels = path
        .slice(slash.length)
        .replace(/(?<=[^/])\/$/, '')
        .split('/')
        .map((level) => (['+', '#'].includes(level) ? { any: level } : decodeURIComponent(level)));
    return { slash, levels, query };
}

/* "#" is also the level above it [MQTT-4.7.1-2]. */
function matchesLevels(filter, given, isSame) {
    for (let i = 0; i < filter.length; i++) {
        if (filter[i].any === '#') return true;
        if (i >= given.length) return false;
        if (filter[i].any !== '+' && !isSame(filter[i], given[i], i)) return false;
    }
    return filter.length === given.length;
}

/* Keys of properties are compared in lower case (README.md, point 1). */
const keyLevel = (levels) => (levels[2] === 'properties' ? 3 : -1);

/** Does the filter select this topic (its plain spelling)? */
export function selects(filter, topic) {
    const given = readFilter(topic).levels;
    const key = keyLevel(given);
    return matchesLevels(filter.levels, given, (wanted, level, i) =>
        i === key ? wanted.toLowerCase() === level.toLowerCase() : wanted === level,
    );
}

/** As which string it is delivered. */
export const deliveredAs = ({ slash, query }, topic) => `${slash}${topic.slice(1)}${query}`;

/** The families that a filter with wildcards selects topics of. */
export const familiesOf = (filter) =>
    families.filter(({ levels }) =>
        matchesLevels(filter.levels, levels, (wanted, level) =>
            [':id', ':task'].includes(level)
                ? idPattern.test(wanted)
                : level.startsWith(':') || wanted === level,
        ),
    );

/** Is a filter with wildcards granted? It must select topics that the actor may subscribe to; when
 *  it names the resource, kind and id, that must be there and be seen. <find>: one by its id. */
export function isGranted(actor, filter, find) {
    const all = familiesOf(filter);
    const permitted = all.filter(({ row, letter }) => judge(actor, row, letter) === 0);
    if (permitted.length === 0) return false;
    const id = filter.levels[1];
    const roots = new Set(all.map(({ levels }) => levels[0]));
    const isNamed = typeof id === 'string' && roots.size === 1 && !roots.has('actions');
    return !isNamed || permitted.some(({ row, letter }) => judge(actor, row, letter, find(id)) === 0);
}
