// SPDX-License-Identifier: Apache-2.0
//
// The frame of a scenario file: one daemon for the file, and a last test that looks how it fared.
//
//     scenario('properties over REST', {}, (d) => {
//         it('...', async () => { await d.api.post('/thngs', { name: 'x' }); });
//     });
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Daemon, endLeftovers } from './daemon.mjs';
import { Rest } from './rest.mjs';

export { assert, it };

/** The tests in <body> run one after the other against a fresh daemon; d.api is the operator's
 *  REST client. */
export function scenario(title, options, body) {
    const d = new Daemon(options);
    describe(title, { concurrency: false }, () => {
        before(async () => {
            await d.start();
            d.api = new Rest(d.url.http, d.key);
        });
        afterEach(endLeftovers);
        after(async () => {
            d.kill9();
            await d.exited?.catch(() => {});
            d.removeData();
        });
        body(d);
        it('the daemon is alive, has not complained, and ends cleanly on SIGTERM', () => d.stop());
    });
}

export const idPattern = /^U[abcdefghkmnpqrstwxyABCDEFGHKMNPQRSTUVWXY2-9]{23}$/;
export const keyPattern = /^[A-Za-z0-9]{80}$/;
export const unknownId = 'UaBcDeFgHkMnPqRsTwXyAaBb';

/** An error answer as auth.md section 5 has it. */
export function assertError(answer, status, { code, text } = {}) {
    assert.equal(
        answer.status,
        status,
        `status ${answer.status} instead of ${status}: ${answer.text}`,
    );
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    assert.equal(answer.body.status, status);
    assert.ok(Array.isArray(answer.body.errors) && answer.body.errors.length >= 1, answer.text);
    for (const error of answer.body.errors) {
        assert.equal(typeof error, 'string');
        assert.notEqual(error, '');
    }
    if (code !== undefined) assert.equal(answer.body.code, code);
    if (text !== undefined) assert.match(answer.body.errors[0], text);
    if (answer.body.moreInfo !== undefined) assert.match(answer.body.moreInfo, /^https?:\/\//);
}

/** A success body: compact, without null members (settled point 12), no top-level `errors`. */
export function assertCompact(answer) {
    if (answer.text === '') return;
    assert.equal(answer.text.includes('\n'), false, 'the body is pretty-printed');
    assert.equal(
        answer.text.replace(/"(?:[^"\\]|\\.)*"/g, '""').includes(' '),
        false,
        `not compact: ${answer.text}`,
    );
    const walk = (value) => {
        assert.notEqual(value, null, `a null in ${answer.text}`);
        if (typeof value === 'object') Object.values(value).forEach(walk);
    };
    walk(answer.body);
    if (!Array.isArray(answer.body)) assert.equal('errors' in answer.body, false);
}

/** A property point as PUT answers it and as topics deliver it: members, types, and the values. */
export function assertPoint(point, wanted) {
    assert.deepEqual(Object.keys(point).sort(), ['createdAt', 'key', 'timestamp', 'value']);
    assert.ok(
        Number.isInteger(point.timestamp) && Number.isInteger(point.createdAt),
        JSON.stringify(point),
    );
    for (const [name, value] of Object.entries(wanted)) assert.deepEqual(point[name], value, name);
}

/** A payload of one point. */
export function onePoint(payload) {
    const points = JSON.parse(payload);
    assert.ok(Array.isArray(points) && points.length === 1, payload);
    return points[0];
}
