// SPDX-License-Identifier: Apache-2.0
// HTTP at its edges: ambiguous framing is refused, limits have their status (README.md, limits).
import http from 'node:http';
import { scenario, it, assert } from './lib/suite.mjs';
import { RawSocket } from './lib/packets.mjs';
import { request } from './lib/rest.mjs';

/** The answers in <text>, each { status, headers, body }; bodies by Content-Length. */
function parseAnswers(text) {
    const answers = [];
    let rest = text;
    while (rest.includes('\r\n\r\n')) {
        const [head, ...more] = rest.split('\r\n\r\n');
        const [line, ...fields] = head.split('\r\n');
        const headers = Object.fromEntries(
            fields.map((field) => [
                field.slice(0, field.indexOf(':')).toLowerCase(),
                field.slice(field.indexOf(':') + 1).trim(),
            ]),
        );
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1]);
        rest = more.join('\r\n\r\n');
        const bytes = Number(headers['content-length'] ?? 0);
        answers.push({ status, headers, text: rest.slice(0, bytes), line });
        rest = rest.slice(bytes);
    }
    return answers;
}

scenario('bad input over HTTP', {}, (d) => {
    /** Sends bytes as they are and returns all answers when the daemon has closed. */
    const untilClosed = async (bytes) => {
        const socket = await RawSocket.open(d.port.http);
        socket.send(Buffer.from(bytes, 'latin1'));
        await socket.closed();
        return parseAnswers(socket.bytes.toString('latin1'));
    };
    const head = (...fields) =>
        `Host: localhost\r\nAuthorization: ${d.key}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
    /** The header of a POST with a JSON body; the fields about its length are the caller's. */
    const post = (...fields) =>
        `POST /thngs HTTP/1.1\r\n${head('Content-Type: application/json', ...fields)}`;
    const chunked = 'Transfer-Encoding: chunked';
    const body = '{"name":"x"}';
    const smuggled = `GET /access HTTP/1.1\r\n`;

    const refused = {
        'no Host': [400, () => `GET /time HTTP/1.1\r\n\r\n`],
        'Host twice': [400, () => `GET /time HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n`],
        'two lengths': [400, () => post('Content-Length: 12', 'Content-Length: 13') + body],
        'two equal lengths': [400, () => post('Content-Length: 12', 'Content-Length: 12') + body],
        'a list of lengths': [400, () => post('Content-Length: 12, 12') + body],
        'length and chunked': [
            400,
            () => `${post('Content-Length: 12', chunked)}c\r\n${body}\r\n0\r\n\r\n`,
        ],
        'a signed length': [400, () => post('Content-Length: +12') + body],
        'a negative length': [400, () => `POST /thngs HTTP/1.1\r\n${head('Content-Length: -1')}`],
        'a hexadecimal length': [
            400,
            () => `POST /thngs HTTP/1.1\r\n${head('Content-Length: 0xc')}${body}`,
        ],
        'a length beyond 64 bits': [
            413,
            () => `POST /thngs HTTP/1.1\r\n${head('Content-Length: 99999999999999999999999')}`,
        ],
        'an unknown transfer coding': [
            400,
            () => `${post('Transfer-Encoding: gzip, chunked')}c\r\n${body}\r\n0\r\n\r\n`,
        ],
        'chunked twice': [400, () => `${post(chunked, chunked)}c\r\n${body}\r\n0\r\n\r\n`],
        'a chunk size that is none': [400, () => `${post(chunked)}zz\r\n${body}\r\n0\r\n\r\n`],
        'an empty chunk size': [400, () => `${post(chunked)}\r\n${body}\r\n0\r\n\r\n`],
        'a chunk longer than its size': [400, () => `${post(chunked)}3\r\n${body}\r\n0\r\n\r\n`],
        'a chunk size beyond 64 bits': [400, () => `${post(chunked)}fffffffffffffffff\r\n`],
        'a chunk size line ended by a bare LF': [
            400,
            () => `${post(chunked)}c\n${body}\r\n0\r\n\r\n`,
        ],
        'a bare LF after the request line': [400, () => `GET /time HTTP/1.1\nHost: a\r\n\r\n`],
        'a bare LF in the header': [400, () => `GET /time HTTP/1.1\r\nHost: a\nX: b\r\n\r\n`],
        'bare LF all along': [400, () => `GET /time HTTP/1.1\nHost: a\n\n`],
        'a bare CR in a value': [400, () => `GET /time HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n`],
        'a folded header': [400, () => `GET /time HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n`],
        'a space before the colon': [400, () => `GET /time HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n`],
        'a header without a colon': [
            400,
            () => `GET /time HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n`,
        ],
        'an empty header name': [400, () => `GET /time HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n`],
        'a NUL in the header': [400, () => `GET /time HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n`],
        'two spaces in the request line': [400, () => `GET  /time HTTP/1.1\r\nHost: a\r\n\r\n`],
        'no version': [400, () => `GET /time\r\n\r\n`],
        'HTTP/2.0': [505, () => `GET /time HTTP/2.0\r\nHost: a\r\n\r\n`],
        'HTTP/1.2': [505, () => `GET /time HTTP/1.2\r\nHost: a\r\n\r\n`],
        'a target over 8 KiB': [
            414,
            () => `GET /thngs?x=${'y'.repeat(8300)} HTTP/1.1\r\nHost: a\r\n\r\n`,
        ],
        'a header over 16 KiB': [
            431,
            () => `GET /time HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(17000)}\r\n\r\n`,
        ],
        '101 header fields': [
            431,
            () =>
                `GET /time HTTP/1.1\r\nHost: a\r\n` +
                `${Array.from({ length: 100 }, (_, i) => `x${i}: 1\r\n`).join('')}\r\n`,
        ],
        'a body over 1 MiB, by its announced length': [413, () => post('Content-Length: 1048577')],
    };

    for (const [what, [status, make]] of Object.entries(refused)) {
        it(`${what}: ${status} and close, and what follows is not read`, async () => {
            const answers = await untilClosed(make() + smuggled + head());
            assert.equal(answers.length, 1, JSON.stringify(answers));
            assert.equal(answers[0].status, status);
            const error = JSON.parse(answers[0].text);
            assert.equal(error.status, status);
            assert.ok(error.errors.length >= 1);
        });
    }

    it('a chunked body over 1 MiB is 413', async () => {
        const chunk = `10000\r\n${' '.repeat(65536)}\r\n`;
        const socket = await RawSocket.open(d.port.http);
        socket.send(Buffer.from(post(chunked) + chunk.repeat(17)));
        await socket.closed();
        assert.equal(parseAnswers(socket.bytes.toString('latin1'))[0]?.status, 413);
    });

    it('the limits themselves pass', async () => {
        assert.equal(
            (await d.api.get(`/thngs?x=${'y'.repeat(8192 - '/thngs?x='.length)}`)).status,
            200,
        );
        const headers = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, '1']));
        assert.equal((await d.api.get('/thngs', { headers })).status, 200);
        const value = 'x'.repeat(1024 * 1024 - '[{"value":""}]'.length);
        const { id } = await d.api.newThng();
        const answer = await d.api.put(`/thngs/${id}/properties/big`, JSON.stringify([{ value }]));
        assert.equal(answer.status, 200);
        assert.equal(answer.body[0].value.length, value.length);
    });

    it('chunked requests with extensions and trailers are accepted', async () => {
        const answers = await untilClosed(
            post(chunked, 'Connection: close') +
                '5;a=b;c="d"\r\n{"nam\r\n7\r\ne":"x"}\r\n0\r\nX-Trailer: yes\r\n\r\n',
        );
        assert.deepEqual(
            answers.map((answer) => answer.status),
            [201],
        );
    });

    it('Expect: 100-continue is answered before the body', async () => {
        const socket = await RawSocket.open(d.port.http);
        socket.send(Buffer.from(post('Content-Length: 12', 'Expect: 100-continue')));
        await socket.until('100', () =>
            socket.bytes.toString().startsWith('HTTP/1.1 100 Continue\r\n\r\n'),
        );
        socket.send(Buffer.from(body));
        await socket.until('201', () => socket.bytes.toString().includes('HTTP/1.1 201'));
        socket.destroy();
    });

    it('HTTP/1.0 is answered and closed', async () => {
        const answers = await untilClosed('GET /time HTTP/1.0\r\n\r\n');
        assert.equal(answers.length, 1);
        assert.equal(answers[0].status, 200);
    });

    it('Connection: close is honoured', async () => {
        const answers = await untilClosed(
            'GET /time HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        );
        assert.equal(answers[0].status, 200);
        assert.match(answers[0].headers.connection, /close/i);
    });

    it('pipelined requests are answered in order, each seeing the one before', async () => {
        const { id } = await d.api.newThng();
        const requests = [];
        for (let i = 0; i < 20; i++) {
            const points = `[{"value":${i}}]`;
            const length = `Content-Length: ${points.length}`;
            const last = i === 19 ? ['Connection: close'] : [];
            requests.push(
                `PUT /thngs/${id}/properties/a HTTP/1.1\r\n` +
                    `${head('Content-Type: application/json', length)}${points}`,
            );
            requests.push(
                `GET /thngs/${id}/properties/a?from=latest HTTP/1.1\r\n${head(...last)}`,
            );
        }
        const answers = await untilClosed(requests.join(''));
        assert.equal(answers.length, 40);
        for (let i = 0; i < 20; i++) {
            assert.equal(JSON.parse(answers[2 * i].text)[0].value, i);
            assert.equal(JSON.parse(answers[2 * i + 1].text)[0].value, i);
        }
    });

    it('one connection serves many requests, errors among them', async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const ports = new Set();
        for (const [path, status] of [
            ['/time', 200],
            ['/nonsense', 404],
            ['/thngs', 200],
            ['/thngs/short', 404],
            ['/access', 200],
        ]) {
            const answer = await request(d.url.http + path, { key: d.key, agent });
            assert.equal(answer.status, status);
            for (const socket of Object.values(agent.freeSockets).flat())
                ports.add(socket.localPort);
        }
        assert.equal(ports.size, 1);
        agent.destroy();
    });

    it('HEAD has the headers of GET and no body', async () => {
        const socket = await RawSocket.open(d.port.http);
        socket.send(Buffer.from(`HEAD /time HTTP/1.1\r\n${head('Connection: close')}`));
        await socket.closed();
        const [headers, rest] = socket.bytes.toString().split('\r\n\r\n');
        assert.match(headers, /^HTTP\/1\.1 200/);
        assert.equal(rest, '');
    });

    it('the absolute form of a target is understood', async () => {
        const answers = await untilClosed(
            `GET http://localhost/time HTTP/1.1\r\n${head('Connection: close')}`,
        );
        assert.equal(answers[0].status, 200);
    });

    it('bad escapes in a path are 404 or 400 and harmless', async () => {
        for (const path of [
            '/thngs/%zz',
            '/thngs/%',
            '/thngs/%00',
            '/thngs/%c3%28/properties',
            '/../etc/passwd',
            '/%2e%2e/%2e%2e/etc/passwd',
            '//',
            '/thngs//',
        ]) {
            const answers = await untilClosed(
                `GET ${path} HTTP/1.1\r\n${head('Connection: close')}`,
            );
            assert.ok([400, 404].includes(answers[0].status), `${path}: ${answers[0].line}`);
        }
    });
});

scenario('the time a header may take', { set: { 'limits.handshake': '1s' } }, (d) => {
    it('a header that does not come is 408', async () => {
        const socket = await RawSocket.open(d.port.http);
        socket.send(Buffer.from('GET /time HTTP/1.1\r\nHost: a\r\n'));
        await socket.closed(6000);
        assert.match(socket.bytes.toString(), /^HTTP\/1\.1 408 /);
    });

    it('a connection that says nothing, and a CONNECT that does not end, are closed', async () => {
        const silent = await RawSocket.open(d.port.http);
        const half = await RawSocket.open(d.port.mqtt);
        half.send([0x10, 0x20, 0x00]);
        await silent.closed(6000);
        await half.closed(6000);
        assert.equal(half.bytes.length, 0);
    });
});
