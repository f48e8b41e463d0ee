// SPDX-License-Identifier: Apache-2.0
// Native WebSocket: one socket, one topic (pubsub.md 7).
import { scenario, it, assert, assertPoint, onePoint, unknownId } from './lib/suite.mjs';
import { wsOpen } from './lib/clients.mjs';
import { within, sleep } from './lib/daemon.mjs';
import { RawSocket } from './lib/packets.mjs';

scenario('native WebSockets', {}, (d) => {
    const fresh = async () => `/thngs/${(await d.api.newThng()).id}`;
    const closeCode = async (socket) => {
        const { code, reason } = await within(5000, 'close', socket.closed);
        assert.ok(Buffer.byteLength(reason) <= 123);
        return code;
    };

    it('a message sent is recorded, and echoed as one text frame with the JSON of PUT', async () => {
        const thng = await fresh();
        for (const [index, tls] of [false, true].entries()) {
            const socket = await wsOpen(d, `${thng}/properties/temp`, { tls });
            socket.socket.send('[{"value":37.2}]');
            const { topic, payload } = await socket.next();
            assert.equal(topic, null, 'a text frame');
            assertPoint(onePoint(payload), { key: 'temp', value: 37.2 });
            assert.equal((await d.api.get(`${thng}/properties/temp`)).body.length, index + 1);
            await socket.end();
        }
    });

    it('the key may come as access_token; the header wins', async () => {
        const path = `${await fresh()}/properties/a`;
        await (await wsOpen(d, `${path}?access_token=${d.key}`, { key: null })).end();
        await (await wsOpen(d, `${path}?access_token=wrong`)).end();
        await assert.rejects(wsOpen(d, `${path}?access_token=${d.key}`, { key: 'wrong' }), {
            status: 403,
        });
    });

    it('every refusal is 403 with a JSON body', async () => {
        const thng = await fresh();
        const other = await d.api.newThng();
        const device = await d.api.newDeviceKey(other.id);
        for (const [path, options] of [
            [`${thng}/properties/a`, { key: 'wrong' }],
            [`${thng}/properties/a`, { key: null }],
            [`/thngs/${unknownId}/properties/a`],
            ['/thngs/short'],
            ['/thngs'],
            ['/nonsense'],
            ['/products'],
            [`${thng}/properties/a`, { key: device }],
            [`${thng}/nonsense`],
        ]) {
            await assert.rejects(wsOpen(d, path, options), (error) => {
                assert.equal(error.status, 403, `${path}: ${error.message}`);
                const body = JSON.parse(error.body);
                assert.equal(body.status, 403);
                assert.ok(body.errors.length >= 1);
                return true;
            });
        }
    });

    it('a plain GET on the path is REST', async () => {
        const thng = await fresh();
        assert.equal((await d.api.get(`${thng}/properties/a`)).text, '[]');
    });

    it('updates from elsewhere arrive; /properties gets all keys, the thng its document', async () => {
        const thng = await fresh();
        const all = await wsOpen(d, `${thng}/properties`);
        const document = await wsOpen(d, thng);
        const place = await wsOpen(d, `${thng}/location/`);
        await d.api.must(200, 'PUT', `${thng}/properties/a`, [{ value: 1 }]);
        await d.api.must(200, 'PUT', thng, { description: 'new' });
        await d.api.must(200, 'PUT', `${thng}/location`, [{ latitude: 1, longitude: 2 }]);
        assert.equal(onePoint((await all.next()).payload).key, 'a');
        assert.equal(JSON.parse((await document.next()).payload).description, 'new');
        assert.equal(onePoint((await place.next()).payload).longitude, 2);
        for (const socket of [all, document, place]) await socket.end();
    });

    it('fragments are one message, empty text frames nothing', async () => {
        const thng = await fresh();
        const inbox = await wsOpen(d, `${thng}/properties/a`);
        inbox.socket.send('');
        inbox.socket.send('[{"val', { fin: false });
        inbox.socket.send('ue":"', { fin: false });
        inbox.socket.send('é"}]', { fin: true });
        assert.equal(onePoint((await inbox.next()).payload).value, 'é');
        await inbox.end();
    });

    for (const [what, frame, code] of [
        ['invalid JSON', '[{"value":1}', 1007],
        ['JSON that is refused', '[{"value":null}]', 1008],
        ['a scalar', '5', 1008],
    ]) {
        it(`${what} closes with ${code} and stores nothing`, async () => {
            const thng = await fresh();
            const inbox = await wsOpen(d, `${thng}/properties/a`);
            inbox.socket.send(frame);
            assert.equal(await closeCode(inbox), code);
            assert.equal((await d.api.get(`${thng}/properties`)).text, '[]');
        });
    }

    it('a binary frame closes with 1003', async () => {
        const inbox = await wsOpen(d, `${await fresh()}/properties/a`);
        inbox.socket.send(Buffer.from('[{"value":1}]'), { binary: true });
        assert.equal(await closeCode(inbox), 1003);
    });

    it('text that is not UTF-8 closes with 1007', async () => {
        const inbox = await wsOpen(d, `${await fresh()}/properties/a`);
        inbox.socket.send(Buffer.from('5b7b2276616c7565223a22ff227d5d', 'hex'), { binary: false });
        assert.equal(await closeCode(inbox), 1007);
    });

    it('a message over 1 MiB closes with 1009, in one frame or in several', async () => {
        for (const cut of [false, true]) {
            const inbox = await wsOpen(d, `${await fresh()}/properties/a`);
            inbox.socket.on('error', () => {});
            if (cut) {
                for (let i = 0; i < 5; i++)
                    inbox.socket.send('x'.repeat(256 * 1024), { fin: false });
            } else {
                inbox.socket.send(`[{"value":"${'x'.repeat(1024 * 1024)}"}]`);
            }
            assert.equal(await closeCode(inbox), 1009);
        }
    });

    it('a large message under the limit passes and arrives whole', async () => {
        const thng = await fresh();
        const value = 'x'.repeat(1000 * 1000);
        const inbox = await wsOpen(d, `${thng}/properties/a`);
        inbox.socket.send(JSON.stringify([{ value }]));
        assert.equal(onePoint((await inbox.next()).payload).value, value);
        await inbox.end();
    });

    it('a PING is answered with its bytes, a CLOSE with a CLOSE', async () => {
        const inbox = await wsOpen(d, `${await fresh()}/properties/a`);
        const pong = new Promise((resolve) => inbox.socket.on('pong', resolve));
        inbox.socket.ping('marco');
        assert.equal((await within(5000, 'pong', pong)).toString(), 'marco');
        inbox.socket.close(1000);
        assert.equal(await closeCode(inbox), 1000);
    });

    it('compression is declined', async () => {
        const inbox = await wsOpen(d, `${await fresh()}/properties/a`, { perMessageDeflate: true });
        assert.equal(inbox.socket.extensions, '');
        await inbox.end();
    });

    it('an offered sub-protocol is not answered, the upgrade succeeds', async () => {
        const socket = await RawSocket.open(d.port.http);
        socket.send(
            Buffer.from(
                `GET ${await fresh()}/properties/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${d.key}\r\n` +
                    'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n' +
                    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n',
            ),
        );
        await socket.until('the answer', () => socket.bytes.includes('\r\n\r\n'));
        const head = socket.bytes.toString('latin1');
        assert.match(head, /^HTTP\/1\.1 101 /);
        assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
        assert.equal(/sec-websocket-protocol/i.test(head), false);
        socket.destroy();
    });

    it('a frame without a mask closes with 1002', async () => {
        const socket = await RawSocket.open(d.port.http);
        socket.send(
            Buffer.from(
                `GET ${await fresh()}/properties/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${d.key}\r\n` +
                    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
                    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
            ),
        );
        await socket.until('the answer', () => socket.bytes.includes('\r\n\r\n'));
        socket.bytes = Buffer.alloc(0);
        socket.send([0x81, 2], Buffer.from('[]'));
        await socket.closed();
        assert.deepEqual(
            [...socket.bytes.subarray(0, 4)].filter((_, i) => i !== 1),
            [0x88, 0x03, 0xea],
        );
    });

    it('a handshake that is not one is refused', async () => {
        const path = `${await fresh()}/properties/a`;
        for (const headers of [
            'Sec-WebSocket-Version: 13\r\n', // no key
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n',
            'Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
        ]) {
            const socket = await RawSocket.open(d.port.http);
            socket.send(
                Buffer.from(
                    `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${d.key}\r\n` +
                        `Connection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`,
                ),
            );
            await socket.until('the answer', () => socket.bytes.includes('\r\n\r\n'));
            assert.match(socket.bytes.toString('latin1'), /^HTTP\/1\.1 4(00|26) /);
            socket.destroy();
        }
    });

    it('when the thng is deleted its socket gets the notice, and all are closed with 1001', async () => {
        const thng = await d.api.newThng();
        const document = await wsOpen(d, `/thngs/${thng.id}`);
        const property = await wsOpen(d, `/thngs/${thng.id}/properties/a`);
        await d.api.must(200, 'DELETE', `/thngs/${thng.id}`);
        const notice = JSON.parse((await document.next()).payload);
        assert.equal(notice.operation, 'deleted');
        assert.deepEqual(notice.resources, [thng.id]);
        assert.equal(await closeCode(document), 1001);
        assert.equal(await closeCode(property), 1001);
    });

    it('a revoked key closes with 1008', async () => {
        const thng = await d.api.newThng();
        const key = await d.api.newDeviceKey(thng.id);
        const inbox = await wsOpen(d, `/thngs/${thng.id}/properties/a`, { key });
        await d.api.must(200, 'DELETE', `/auth/evrythng/thngs/${thng.id}`);
        assert.equal(await closeCode(inbox), 1008);
    });

    it('an idle socket stays open', async () => {
        const inbox = await wsOpen(d, `${await fresh()}/properties/a`);
        await sleep(1500);
        inbox.socket.send('[{"value":1}]');
        await inbox.next();
        await inbox.end();
    });
});
