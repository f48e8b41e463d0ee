// SPDX-License-Identifier: Apache-2.0
// The echo server made of the daemon's WebSocket code, beside RFC 6455: lengths, fragments, control
// frames, faults and closing, in the order in which the well-known suite of outside cases goes.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import WebSocket from 'ws';
import { program, within } from './lib/daemon.mjs';

const echoProgram = process.env.THRUM_TEST_WS_ECHO ?? path.join(path.dirname(program), 'ws-echo');

/** A frame as a client sends it. */
function frame(opcode, payload = '', { fin = true, rsv = 0, masked = true, length } = {}) {
    const bytes = Buffer.from(payload);
    const said = length ?? bytes.length;
    const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
    const bit = masked ? 0x80 : 0;
    if (said < 126) head.push(bit | said);
    else if (said < 65536) head.push(bit | 126, said >> 8, said & 255);
    else {
        const wide = Buffer.alloc(8);
        wide.writeBigUInt64BE(BigInt(said));
        head.push(bit | 127, ...wide);
    }
    if (!masked) return Buffer.concat([Buffer.from(head), bytes]);
    const mask = randomBytes(4);
    return Buffer.concat([Buffer.from(head), mask, bytes.map((byte, i) => byte ^ mask[i % 4])]);
}

/** The frames in <bytes>; a server's are not masked. */
function* frames(bytes) {
    for (let at = 0; at + 2 <= bytes.length; ) {
        let length = bytes[at + 1];
        let start = at + 2;
        if (length === 126) {
            length = bytes.readUInt16BE(start);
            start += 2;
        } else if (length === 127) {
            length = Number(bytes.readBigUInt64BE(start));
            start += 8;
        }
        assert.ok(start + length <= bytes.length, 'a whole frame');
        yield {
            fin: (bytes[at] & 0x80) !== 0,
            opcode: bytes[at] & 0x0f,
            payload: bytes.subarray(start, start + length),
        };
        at = start + length;
    }
}

describe('ws-echo', { concurrency: false }, () => {
    let child;
    let port;

    before(async () => {
        child = spawn(echoProgram, ['0'], { stdio: ['ignore', 'pipe', 'inherit'] });
        const line = await within(
            5000,
            'ws-echo is up',
            new Promise((resolve, reject) => {
                child.stdout.once('data', (text) => resolve(String(text)));
                child.once('error', reject);
            }),
        );
        port = Number(/ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line)[1]);
    });
    after(() => child.kill('SIGKILL'));

    const opened = async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`, {
            perMessageDeflate: true, // offered, and declined
            maxPayload: 1 << 27,
        });
        await within(5000, 'open', new Promise((resolve, reject) => {
            socket.once('open', resolve);
            socket.once('error', reject);
        }));
        assert.equal(socket.extensions, '');
        return socket;
    };
    const next = (socket) =>
        within(20000, 'a message', new Promise((resolve, reject) => {
            socket.once('message', (data, isBinary) => resolve({ data, isBinary }));
            socket.once('close', (code) => reject(new Error(`closed ${code}`)));
        }));

    /** Sends raw bytes behind a handshake; everything that comes until the server ends the stream. */
    const raw = async (...chunks) => {
        const socket = net.connect(port, '127.0.0.1');
        let got = Buffer.alloc(0);
        const ended = new Promise((resolve) => {
            socket.on('data', (data) => {
                got = Buffer.concat([got, data]);
            });
            socket.on('error', resolve);
            socket.on('close', resolve);
        });
        socket.write(
            'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
                'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        );
        for (const chunk of chunks) {
            socket.write(chunk);
            await new Promise((resolve) => setTimeout(resolve, 2));
        }
        await within(20000, 'the end of the stream', ended);
        socket.destroy();
        const head = got.indexOf('\r\n\r\n') + 4;
        assert.match(got.subarray(0, head).toString(), /^HTTP\/1\.1 101 /);
        return [...frames(got.subarray(head))];
    };
    const close = (code = 1000, reason = '') =>
        frame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
    const codeOf = ({ opcode, payload }) => {
        assert.equal(opcode, 8, 'a close frame');
        return payload.length ? payload.readUInt16BE(0) : 1005;
    };

    for (const size of [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20, 16 << 20])
        it(`1 lengths: ${size} bytes of text and of binary`, async () => {
            const socket = await opened();
            for (const isBinary of [false, true]) {
                const sent = isBinary ? randomBytes(size) : Buffer.alloc(size, 'x');
                const answer = next(socket);
                socket.send(sent, { binary: isBinary });
                const got = await answer;
                assert.equal(got.isBinary, isBinary);
                assert.ok(Buffer.from(got.data).equals(sent));
            }
            socket.terminate();
        });

    it('1 a message in many writes of few bytes', async () => {
        const bytes = frame(1, 'y'.repeat(1000));
        const chunks = [];
        for (let at = 0; at < bytes.length; at += 97) chunks.push(bytes.subarray(at, at + 97));
        const got = await raw(...chunks, close());
        assert.equal(got[0].payload.toString(), 'y'.repeat(1000));
        assert.equal(codeOf(got[1]), 1000);
    });

    it('2 pings of 0, 125 bytes and in pieces are answered, 126 are a fault, pongs are nothing', async () => {
        const most = randomBytes(125);
        const ping = frame(9, most);
        const got = await raw(
            frame(9),
            ping.subarray(0, 3),
            ping.subarray(3, 60),
            ping.subarray(60),
            frame(10, 'unsolicited'),
            ...Array.from({ length: 10 }, (_, i) => frame(9, String(i))),
            close(),
        );
        assert.deepEqual(got.map(({ opcode }) => opcode), [...Array(12).fill(10), 8]);
        assert.equal(got[0].payload.length, 0);
        assert.ok(got[1].payload.equals(most));
        assert.equal(got[11].payload.toString(), '9');
        assert.equal(codeOf((await raw(frame(9, randomBytes(126))))[0]), 1002);
    });

    for (const rsv of [1, 2, 3, 4, 5, 6, 7])
        it(`3 reserved bits ${rsv} end the connection, behind what was right`, async () => {
            const got = await raw(frame(1, 'first'), frame(1, 'second', { rsv }));
            assert.equal(got[0].payload.toString(), 'first');
            assert.equal(codeOf(got[1]), 1002);
            assert.equal(codeOf((await raw(frame(9, 'p', { rsv })))[0]), 1002);
        });

    for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
        it(`4 opcode ${opcode} is none`, async () => {
            const got = await raw(frame(1, 'first'), frame(opcode, 'x'), frame(9));
            assert.equal(got.length, 2);
            assert.equal(codeOf(got[1]), 1002);
        });

    it('5 fragments are one message, with control frames between them', async () => {
        const got = await raw(
            frame(1, 'frag', { fin: false }),
            frame(9, 'between'),
            frame(0, '', { fin: false }),
            frame(0, 'ment'),
            frame(2, Buffer.from([1]), { fin: false }),
            frame(0, Buffer.from([2])),
            close(),
        );
        assert.deepEqual(got.map(({ opcode }) => opcode), [10, 1, 2, 8]);
        assert.equal(got[1].payload.toString(), 'fragment');
        assert.ok(got[1].fin);
        assert.deepEqual([...got[2].payload], [1, 2]);
    });

    it('5 fragments out of order, and fragmented control frames', async () => {
        for (const chunks of [
            [frame(0, 'nothing to continue')],
            [frame(0, 'nothing', { fin: false })],
            [frame(1, 'a', { fin: false }), frame(1, 'b')],
            [frame(1, 'a', { fin: false }), frame(2, 'b')],
            [frame(9, 'a', { fin: false })],
            [frame(8, '', { fin: false })],
            [frame(1, 'not masked', { masked: false })],
        ])
            assert.equal(codeOf((await raw(...chunks)).at(-1)), 1002);
    });

    it('6 text is UTF-8, whatever its frames cut apart', async () => {
        const word = Buffer.from('κόσμε 𝄞 ✓');
        const pieces = [...word].map((byte, i) =>
            frame(i === 0 ? 1 : 0, Buffer.from([byte]), { fin: i === word.length - 1 }),
        );
        const got = await raw(Buffer.concat(pieces), close());
        assert.ok(got[0].payload.equals(word));
        for (const bad of [
            [0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xce, 0xbc, 0xce, 0xb5, 0xed, 0xa0, 0x80],
            [0xf4, 0x90, 0x80, 0x80],
            [0xc0, 0xaf],
            [0xed, 0xbf, 0xbf],
            [0xff],
            [0xce],
            [0xf8, 0x88, 0x80, 0x80, 0x80],
        ]) {
            assert.equal(codeOf((await raw(frame(1, Buffer.from(bad)))).at(-1)), 1007);
            const half = Math.floor(bad.length / 2);
            const parts = [
                frame(1, Buffer.from(bad.slice(0, half)), { fin: false }),
                frame(0, Buffer.from(bad.slice(half))),
            ];
            assert.equal(codeOf((await raw(...parts)).at(-1)), 1007);
            const binary = await raw(frame(2, Buffer.from(bad)), close());
            assert.deepEqual([...binary[0].payload], bad);
        }
    });

    it('7 closing: the code comes back, nothing behind it is read', async () => {
        for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
            const got = await raw(close(code, 'so long'), frame(1, 'too late'));
            assert.equal(got.length, 1);
            assert.equal(codeOf(got[0]), code);
        }
        assert.equal(codeOf((await raw(frame(8)))[0]), 1005);
        for (const code of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535])
            assert.equal(codeOf((await raw(close(code)))[0]), 1002);
        assert.equal(codeOf((await raw(frame(8, 'x')))[0]), 1002);
        assert.equal(codeOf((await raw(close(1000, Buffer.from([0xce]))))[0]), 1007);
        assert.equal(codeOf((await raw(frame(8, randomBytes(126))))[0]), 1002);
        assert.equal(codeOf((await raw(frame(1, 'half', { fin: false }), close()))[0]), 1000);
    });

    it('9 what is announced as too long is refused before it comes', async () => {
        assert.equal(codeOf((await raw(frame(2, '', { length: 2 ** 40 })))[0]), 1009);
    });

    it('a client that does not read is not sent to without end, and gets all when it does', async () => {
        const socket = await opened();
        const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(100000, i));
        socket._socket.pause();
        for (const message of sent) socket.send(message);
        await new Promise((resolve) => setTimeout(resolve, 300));
        const got = [];
        const all = new Promise((resolve) => {
            socket.on('message', (data) => {
                got.push(data);
                if (got.length === sent.length) resolve();
            });
        });
        socket._socket.resume();
        await within(20000, 'all messages', all);
        for (const [i, message] of sent.entries()) assert.ok(message.equals(got[i]));
        socket.terminate();
    });

    it('SIGTERM ends it', async () => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        assert.equal(await within(5000, 'the end', ended), 0);
    });
});
