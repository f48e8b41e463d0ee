// SPDX-License-Identifier: Apache-2.0
//
// The topics of the contract (pubsub.md 3), for the matrix of rights: by which row each is judged,
// and what a publish sends. <sub>: as GET on the path, <pub>: as PUT, or POST for actions; '' when
// nobody may.
import { judge, judgeMaking, mayName, sees } from './rights.mjs';

const points = () => [{ key: 'm', value: 1 }];
const values = () => [{ value: 1 }];
const scans = () => ({ type: 'scans' });
const unique = (w) => ({ name: `_p${w.next()}` });
/* Only one that is new there is told of. */
const members = (w, actor, isNew) => {
    const account = actor.account === w.foreign.id ? w.foreign : w;
    if (isNew) account.spareAt = (account.spareAt ?? 0) + 1;
    return [account.spareThngs[account.spareAt ?? 0]];
};

/* TITLE ROW SUBSCRIBE PUBLISH KIND */
const list = `
/actions                        types              L C -
/actions/all                    actions            L C -
/actions/scans                  scans              L C -
/actions/checkins               actions            L C -
/actions/_nobody                actions            L - -
/batches/:id/tasks              batches            L - batch
/batches/:id/tasks/:task        batches            R - batch
/collections/:id                collections        R U collection
/collections/:id/actions/scans  collectionActions  L C collection
/collections/:id/actions/all    collectionActions  L C collection
/collections/:id/thngs          members            L U collection
/products/:id/actions/scans     productActions     L C product
/products/:id/actions/all       productActions     L C product
/products/:id/properties        productProperties  R U product
/products/:id/properties/:key   productProperties  R U product
/thngs/:id                      thng               R U thng
/thngs/:id/actions/scans        thngActions        L C thng
/thngs/:id/actions/all          thngActions        L C thng
/thngs/:id/actions/_nobody      thngActions        - - thng
/thngs/:id/location             location           R U thng
/thngs/:id/properties           properties         R U thng
/thngs/:id/properties/:key      properties         R U thng
/thngs                          thngs              - - -
/products                       products           - - -
/products/:id                   products           - - product
/products/:id/location          products           - - product
/collections                    collections        - - -
/collections/:id/properties     collections        - - collection
/places                         places             - - -
/places/:id                     places             - - place
/actions/scans/:action          actions            - - thng
/thngs/:id/actions/scans/:action thngActions       - - thng
/batches/:id                    batches            - - batch
/users                          users              - - -
/access                         access             - - -
/roles                          roles              - - -
`;

function payloadOf(title) {
    if (title === '/actions') return unique;
    if (title.endsWith('/thngs')) return members;
    if (title.includes('/actions/')) return title.endsWith('/all') ? scans : () => ({});
    if (title.endsWith('/properties')) return points;
    if (title.endsWith('/:key')) return values;
    if (title.endsWith('/location')) return () => [{ latitude: 1, longitude: 2 }];
    return () => ({ description: 'published' });
}

const unknownId = 'UaBcDeFgHkMnPqRsTwXyAaBb';

export const topics = list
    .trim()
    .split('\n')
    .map((line) => {
        const [title, row, sub, pub, kind] = line.split(/ +/);
        const fill = (resource) =>
            title
                .replace(':id', resource?.id ?? unknownId)
                .replace(':task', resource?.task ?? unknownId)
                .replace(':action', resource?.action ?? unknownId)
                .replace(':key', 'm');
        return {
            title,
            row,
            sub: sub === '-' ? '' : sub,
            pub: pub === '-' ? '' : pub,
            payload: payloadOf(title),
            targets: (w) =>
                kind === '-'
                    ? [{ label: 'the account', topic: title, resource: undefined }]
                    : Object.entries(w.resources[kind]).map(([label, resource]) => ({
                          label,
                          resource,
                          topic: fill(resource),
                      })),
        };
    });

/* A custom type of a thng's actions must be one that the key sees. A device has no project that a
 * type could be in: what it sees of types is in another test. */
topics.push({
    title: '/thngs/:everywhere/actions/:type',
    row: 'thngActions',
    sub: 'L',
    pub: 'C',
    payload: () => ({}),
    targets: (w) =>
        Object.entries(w.resources.type).map(([label, hidden]) => ({
            label: `type: ${label}`,
            topic: `/thngs/${w.resources.thng.everywhere.id}/actions/${hidden?.name ?? '_nobody'}`,
            resource: w.resources.thng.everywhere,
            must: hidden,
        })),
});

const isIn = (resource, project) =>
    ['all', project].some((one) => resource.scopes.projects.includes(one));

/** 0, or the status that REST would have for it. */
export function verdictOf(w, one, row, letter, isPublish = false) {
    const { actor, resource, project, must } = one;
    if (['none', '?'].includes(actor.kind)) return judge(actor, row, letter);
    if (letter === '') return 403;
    const may = judge(actor, row, letter);
    if (may !== 0) return may;
    const account = project === w.foreign.P.id ? w.foreign.id : w.id;
    const isProject = [w.P.id, w.Q.id, w.foreign.P.id].includes(project);
    if (project && (!isProject || !mayName(actor, account, project, resource))) return 404;
    if (resource === undefined) {
        if (!isPublish) return 0;
        const own = actor.project ?? project;
        const scopes = { users: ['all'], projects: own ? [own] : [] };
        return judgeMaking(actor, row, { scopes });
    }
    if (project && (resource === null || !isIn(resource, project))) return 404;
    const verdict = judge(actor, row, letter, resource);
    if (verdict !== 0 || must === undefined) return verdict;
    return must !== null && sees(actor, must) ? 0 : 404;
}
