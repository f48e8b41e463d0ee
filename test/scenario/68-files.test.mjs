// SPDX-License-Identifier: Apache-2.0
// Files: documents, links to send and fetch the bytes, and what is left on the disk (rest.md 11).
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { scenario, it, assert, assertCompact, assertError, idPattern } from './lib/suite.mjs';
import { eventually } from './lib/daemon.mjs';
import { request } from './lib/rest.mjs';

const plain = { name: 'plain.txt', type: 'text/plain', privateAccess: false };
const secret = { name: 'secret.bin', type: 'application/octet-stream', privateAccess: true };

/** Bytes to an address, without a key. */
const send = (url, bytes, type) =>
    request(url, { method: 'PUT', headers: { 'content-type': type }, body: Buffer.from(bytes) });

/** The answer to a GET without a key: not parsed, because it may be anything. */
async function fetchBytes(url, method = 'GET') {
    const answer = await fetch(url, { method });
    return {
        status: answer.status,
        type: answer.headers.get('content-type'),
        headers: answer.headers,
        bytes: Buffer.from(await answer.arrayBuffer()),
    };
}

scenario('files', { set: { 'limits.packet': '64KiB' } }, (d) => {
    const contents = (id) => {
        const folder = path.join(d.data, 'files', id);
        return existsSync(folder) ? readdirSync(folder) : [];
    };
    const newFile = (document) => d.api.must(201, 'POST', '/files', document);
    const read = (id) => d.api.must(200, 'GET', `/files/${id}`);

    it('POST answers the document with a link to send, and none to fetch', async () => {
        const answer = await d.api.post('/files', { ...plain, tags: ['a'] });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        assert.match(answer.body.id, idPattern);
        assert.ok(answer.headers.location.endsWith(`/files/${answer.body.id}`));
        assert.deepEqual(
            { name: answer.body.name, type: answer.body.type, tags: answer.body.tags },
            { name: plain.name, type: plain.type, tags: ['a'] },
        );
        assert.equal(answer.body.privateAccess, false);
        assert.ok(answer.body.uploadUrl.startsWith(`${d.url.http}/files/${answer.body.id}/`));
        for (const absent of ['contentUrl', 'size', 'content'])
            assert.equal(absent in answer.body, false, absent);
        const again = await d.api.get(`/files/${answer.body.id}`);
        assertCompact(again);
        assert.ok(again.body.contentUrl);
        assert.equal('content' in again.body, false);
    });

    it('what is sent is fetched again, with its type, as nothing a browser would run', async () => {
        const file = await newFile(plain);
        const bytes = Buffer.from([0, 1, 2, 255, 10, 13, 0]);
        const sent = await send(file.uploadUrl, bytes, 'text/plain');
        assert.equal(sent.status, 200, sent.text);
        assert.equal(sent.text, '');
        const document = await read(file.id);
        assert.equal(document.size, bytes.length);
        assert.ok(document.updatedAt >= file.updatedAt);
        const got = await fetchBytes(document.contentUrl);
        assert.equal(got.status, 200);
        assert.equal(got.type, 'text/plain');
        assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
        assert.match(got.headers.get('content-disposition'), /^attachment/);
        assert.deepEqual(got.bytes, bytes);
        const head = await fetchBytes(document.contentUrl, 'HEAD');
        assert.equal(head.status, 200);
        assert.equal(head.headers.get('content-length'), String(bytes.length));
        assert.equal(head.bytes.length, 0);
    });

    it('sending again replaces, and what was before is gone from the disk', async () => {
        const file = await newFile({ ...plain, name: 'again' });
        for (const text of ['first', 'second one', ''])
            assert.equal((await send(file.uploadUrl, text, 'text/plain')).status, 200);
        const document = await read(file.id);
        assert.equal(document.size, 0);
        assert.equal((await fetchBytes(document.contentUrl)).bytes.length, 0);
        await eventually('one content is left', () => contents(file.id).length === 1);
    });

    it('many at once to one file: one of them is it, whole', async () => {
        const file = await newFile({ ...plain, name: 'race' });
        const texts = Array.from({ length: 12 }, (_, i) => `${i} `.repeat(1000 + i));
        const answers = await Promise.all(
            texts.map((text) => send(file.uploadUrl, text, 'text/plain')),
        );
        for (const answer of answers) assert.equal(answer.status, 200, answer.text);
        const document = await read(file.id);
        const got = (await fetchBytes(document.contentUrl)).bytes.toString();
        assert.ok(texts.includes(got));
        assert.equal(document.size, got.length);
        await eventually('one content is left', () => contents(file.id).length === 1);
    });

    it('a public file is there for whoever has the address, a private one for the link', async () => {
        const file = await newFile(secret);
        assert.equal((await send(file.uploadUrl, 'x', secret.type)).status, 200);
        const { contentUrl } = await read(file.id);
        assert.equal((await fetchBytes(contentUrl)).status, 200);
        const bare = contentUrl.split('?')[0];
        assert.notEqual(bare, contentUrl);
        assertError(await request(bare), 404);
        assertError(await request(`${contentUrl}0`), 403);
        const later = contentUrl.replace(/expires=(\d+)/, (_, ms) => `expires=${Number(ms) + 1}`);
        assertError(await request(later), 403);
    });

    it('a private file is the default', async () => {
        const { id } = await newFile({ name: 'default', type: 'text/plain' });
        assert.equal((await read(id)).privateAccess, true);
    });

    it('only the link to send lets one send', async () => {
        const file = await newFile({ ...plain, name: 'links' });
        await send(file.uploadUrl, 'x', 'text/plain');
        const other = await newFile({ ...secret, name: 'other' });
        const { contentUrl } = await read(other.id);
        const bare = file.uploadUrl.split('?')[0];
        for (const [url, type] of [
            [bare, 'text/plain'],
            [contentUrl, secret.type],
            [file.uploadUrl.replace(file.id, other.id), secret.type],
            [`${file.uploadUrl}0`, 'text/plain'],
        ])
            assertError(await send(url, 'y', type), 403);
        assertError(await d.api.call('PUT', `/files/${file.id}/content`, 'y'), 403);
        assert.equal((await fetchBytes(bare)).bytes.toString(), 'x');
    });

    it('the Content-Type must be the type of the file', async () => {
        const file = await newFile({ ...plain, name: 'typed' });
        for (const type of ['text/html', 'application/json', 'text/plainer'])
            assertError(await send(file.uploadUrl, 'x', type), 415);
        for (const type of ['text/plain', 'TEXT/Plain', 'text/plain; charset=utf-8'])
            assert.equal((await send(file.uploadUrl, 'x', type)).status, 200, type);
    });

    it('more than limits.packet is 413', async () => {
        const file = await newFile({ ...plain, name: 'large' });
        assert.equal(
            (await send(file.uploadUrl, Buffer.alloc(65536, 'a'), 'text/plain')).status,
            200,
        );
        assertError(await send(file.uploadUrl, Buffer.alloc(65537, 'a'), 'text/plain'), 413);
        assert.equal((await read(file.id)).size, 65536);
    });

    it('the same name is the same file', async () => {
        const first = await newFile({ name: 'one name', type: 'text/plain', tags: ['old'] });
        const second = await newFile({ name: 'one name', type: 'text/css', tags: ['new'] });
        assert.equal(second.id, first.id);
        const document = await read(first.id);
        assert.equal(document.type, 'text/css');
        assert.deepEqual(document.tags, ['new']);
        const list = await d.api.must(200, 'GET', '/files?filter=name%3Done%20name');
        assert.deepEqual(
            list.map((file) => file.id),
            [first.id],
        );
    });

    it('without bytes there is nothing to fetch', async () => {
        const file = await newFile({ ...plain, name: 'empty' });
        const { contentUrl } = await read(file.id);
        assertError(await request(contentUrl), 404);
    });

    it('documents that are wrong', async () => {
        for (const document of [
            {},
            { name: 'x' },
            { type: 'text/plain' },
            { name: '', type: 'text/plain' },
            { name: 'x', type: 'text' },
            { name: 'x', type: 'text/plain\r\nSet-Cookie: a=b' },
            { name: 'x', type: 'text/plain', privateAccess: 'no' },
        ])
            assertError(await d.api.post('/files', document), 400);
    });

    it('a deleted file is gone, its bytes and its links with it', async () => {
        const file = await newFile({ ...plain, name: 'gone' });
        await send(file.uploadUrl, 'x', 'text/plain');
        const { contentUrl } = await read(file.id);
        assert.equal((await d.api.delete(`/files/${file.id}`)).status, 200);
        assertError(await d.api.get(`/files/${file.id}`), 404);
        assertError(await request(contentUrl), 404);
        assertError(await send(file.uploadUrl, 'y', 'text/plain'), 404);
        await eventually(
            'the bytes are gone',
            () => !existsSync(path.join(d.data, 'files', file.id)),
        );
        assertError(await d.api.delete(`/files/${file.id}`), 404);
    });

    it('only operators have files', async () => {
        const { id } = await d.api.newThng();
        const key = await d.api.newDeviceKey(id);
        for (const [method, url, body] of [
            ['GET', '/files'],
            ['POST', '/files', plain],
        ])
            assertError(await d.api.call(method, url, body, { key }), 403);
    });

    it('all is there again after a kill, and nothing else', async () => {
        const kept = await newFile({ ...plain, name: 'kept' });
        await send(kept.uploadUrl, 'kept bytes', 'text/plain');
        const ended = await newFile({ ...plain, name: 'ended' });
        // Uploads that the kill may meet anywhere on their way.
        const pending = Array.from({ length: 8 }, (_, i) =>
            send(ended.uploadUrl, `${i}`.repeat(50000), 'text/plain').then(
                (answer) => answer.status,
                () => 0,
            ),
        );
        await Promise.race(pending);
        await d.crash();
        await Promise.all(pending);
        await d.start();
        const document = await read(kept.id);
        assert.equal((await fetchBytes(document.contentUrl)).bytes.toString(), 'kept bytes');
        const after = await read(ended.id);
        const got = (await fetchBytes(after.contentUrl)).bytes;
        assert.equal(got.length, after.size);
        assert.equal(after.size, 50000);
        assert.match(got.toString(), /^(\d)\1*$/);
        await eventually('one content of each is left', () =>
            readdirSync(path.join(d.data, 'files')).every((id) => contents(id).length === 1),
        );
        const [name] = contents(ended.id);
        assert.ok(name);
    });
});
