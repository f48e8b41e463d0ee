// SPDX-License-Identifier: Apache-2.0
//
// Operations of the matrix of rights: each with its row, its letter and the status of a success
// (auth.md 2 and 6, rest.md), and the cases that an actor makes of it.
//
// A case: { label, expected, make }. <expected>: 0, or the status of the refusal. make(isAllowed)
// gives { path, body, key }: what is asked, of something fresh when it will be spent.
import { unknownId } from './suite.mjs';
import { judge, judgeMaking, mayName } from './rights.mjs';

export const operations = [];

const line = (text) => {
    const [method, path, row, letter, status] = text.split(/ +/);
    return { method, path, row, letter, status: Number(status) };
};
export const add = (text, more) => operations.push({ ...line(text), ...more });
const bodyOf = (body, w, one) => (typeof body === 'function' ? body(w, one) : body);

/** Without a resource. */
export function plain(text, { body, status, make, ...more } = {}) {
    const { path, row, letter } = line(text);
    add(text, {
        cases: (w, actor) => [
            {
                label: 'the account',
                expected: judge(actor, row, letter),
                status: status?.(w, actor),
                make: (isAllowed) =>
                    make?.(w, actor, isAllowed) ?? { path, body: bodyOf(body, w, actor) },
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
export function listed(text) {
    const { path, row } = line(text);
    add(text, {
        cases: (w, actor) =>
            projects(w).map(({ label, id, account }) => ({
                label,
                expected: judge(actor, row, 'L') || (id && !mayName(actor, account, id) ? 404 : 0),
                make: () => ({ path: id ? `${path}?project=${id}` : path }),
            })),
    });
}

/** What is made with the key's project, or with ?project=. */
export function made(text, body, { isForUser = true } = {}) {
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
export function on(kind, text, { body, spends = false, judged, skips, ...more } = {}) {
    const { path, row, letter } = line(text);
    const fill = (one) =>
        path
            .replace(
                /:(thngId|productId|collectionId|placeId|batchId|fileId|keyThngId)/,
                () => one?.id ?? unknownId,
            )
            .replace(':actionId', one?.action ?? unknownId)
            .replace(':taskId', one?.task ?? unknownId)
            .replace(
                ':memberId',
                one?.[path.includes('/thngs/:m') ? 'member' : 'child'] ?? unknownId,
            )
            .replace(':key', 'm')
            .replace(/actions\/:type|actionTypes\/:type/, (found) =>
                found.replace(':type', kind === 'type' ? (one?.name ?? '_nobody') : 'scans'),
            );
    add(text, {
        isOnce: spends,
        takesShape: body !== undefined && !judged,
        cases: (w, actor) =>
            Object.entries(w.resources[kind])
                .filter(([label]) => !skips?.(actor, label))
                .map(([label, resource]) => ({
                    label,
                    expected:
                        judge(actor, row, letter, resource) || (judged?.(actor, resource) ?? 0),
                    make: async (isAllowed) => ({
                        path: fill(spends && isAllowed ? await w.spare(label, kind) : resource),
                        body: bodyOf(body, w, resource),
                    }),
                })),
        ...more,
    });
}

/** On something that <targets> names: [{ label, resource, path, fresh }]. */
export function among(text, targets, { body, ...more } = {}) {
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
                    body: bodyOf(body, w, actor),
                }),
            })),
        ...more,
    });
}

export const changed = { body: { description: 'changed' } };
export const spent = { spends: true };
