// SPDX-License-Identifier: Apache-2.0
// Which web pages may use the server from a browser (pubsub.md 7: no check unless one is configured).
import { describe } from 'node:test';
import WebSocket from 'ws';
import { program, run, temporaryFolder } from './lib/daemon.mjs';
import { scenario, it, assert } from './lib/suite.mjs';

const open = (url, headers) =>
    new Promise((resolve) => {
        const socket = new WebSocket(url, { headers });
        socket.once('open', () => {
            socket.terminate();
            resolve(101);
        });
        socket.once('unexpected-response', (_, response) => {
            response.resume();
            resolve(response.statusCode);
        });
        socket.once('error', () => resolve('error'));
    });

const home = 'https://app.example.com';

scenario('any page', {}, (d) => {
    it('WebSockets are opened and answers are read, whatever the origin', async () => {
        const { id } = await d.api.newThng();
        const url = `${d.url.ws}/thngs/${id}/properties?access_token=${d.key}`;
        assert.equal(await open(url, { origin: 'https://anything.example' }), 101);
        const answer = await d.api.get('/time', { headers: { origin: home } });
        assert.equal(answer.headers['access-control-allow-origin'], '*');
        assert.equal(answer.headers.vary, undefined);
    });
});

scenario(
    'pages of a list',
    { args: ['--set', `http.allowed_origins=${home}, http://localhost:3000`] },
    (d) => {
        it('WebSockets of other pages are refused, native and MQTT', async () => {
            const { id } = await d.api.newThng();
            for (const path of [`/thngs/${id}/properties?access_token=${d.key}`, '/mqtt']) {
                const url = d.url.ws + path;
                for (const origin of [home, 'http://localhost:3000', 'HTTPS://APP.example.com'])
                    assert.equal(await open(url, { origin }), 101);
                assert.equal(await open(url, {}), 101, 'no browser');
                for (const origin of ['https://evil.example', 'null', `${home}:444`, `${home}.evil`])
                    assert.equal(await open(url, { origin }), 403, origin);
            }
        });

        it('answers, also to preflights and refusals, are for these pages', async () => {
            for (const [origin, allowed] of [
                [home, home],
                ['http://localhost:3000', 'http://localhost:3000'],
                ['https://evil.example', undefined],
                [undefined, undefined],
            ]) {
                const headers = origin ? { origin } : {};
                for (const answer of [
                    await d.api.get('/thngs', { headers }),
                    await d.api.get('/thngs/none', { headers }),
                    await d.api.call('OPTIONS', '/thngs', undefined, { headers }),
                ]) {
                    assert.equal(answer.headers['access-control-allow-origin'], allowed);
                    assert.equal(answer.headers.vary, 'Origin');
                }
            }
        });
    },
);

describe('what is no list of origins', () => {
    it('stops the start, and is named', async () => {
        const { code, stderr } = await run(program, [
            '--data',
            temporaryFolder(),
            '--set',
            'http.allowed_origins=example.com',
        ]);
        assert.equal(code, 2);
        assert.match(stderr, /allowed_origins/);
    });
});
