// SPDX-License-Identifier: Apache-2.0
// Native WebSockets that are refused, that end, and that do not read (pubsub.md 6.1, 7).
import WebSocket from 'ws';
import { scenario, it, assert, onePoint, unknownId } from './lib/suite.mjs';
import { mqttConnect, wsOpen } from './lib/clients.mjs';
import { atTestEnd, smallRing, within } from './lib/daemon.mjs';
import { newProject } from './lib/people.mjs';

scenario('how native WebSockets end', {}, (d) => {
    const make = (path, body) => d.api.must(201, 'POST', path, { name: 'x', ...body });
    const closed = (inbox) => within(5000, 'a close', inbox.closed);

    /** All that came, and the code in the end. */
    async function endOf(inbox) {
        const { code } = await closed(inbox);
        return { code, came: inbox.messages.map(({ payload }) => JSON.parse(payload)) };
    }

    it('what MQTT refuses is 403, what it grants is 101', async () => {
        const thng = (await make('/thngs')).id;
        const product = (await make('/products')).id;
        const collection = (await make('/collections')).id;
        for (const topic of [
            `/thngs/${unknownId}/location`,
            `/thngs/${unknownId}/actions/all`,
            `/thngs/${thng}/actions/_unknown`,
            `/products/${unknownId}/properties`,
            `/products/${product}/actions/_unknown`,
            `/products/${product}`,
            `/collections/${unknownId}/thngs`,
            `/collections/${collection}/actions/_unknown`,
            `/batches/${unknownId}/tasks`,
            `/actions/scans/${unknownId}`,
            '/thngs',
            '/places',
        ])
            await assert.rejects(wsOpen(d, topic), { status: 403 }, topic);
        for (const topic of [
            `/thngs/${thng}/properties/never`,
            `/products/${product}/properties/never`,
            `/thngs/${thng}/actions/all`,
            '/actions/_unknown',
            '/actions',
        ])
            await (await wsOpen(d, topic)).end();
    });

    it('who may read and not write is let in, and closed with 1008 at the first message', async () => {
        const project = await newProject(d.api);
        const product = await make(`/products?project=${project.id}`);
        const topic = `/products/${product.id}/properties`;
        const inbox = await wsOpen(d, `${topic}?access_token=${project.appKey}`, { key: null });
        await d.api.must(200, 'PUT', topic, [{ key: 'a', value: 1 }]);
        assert.equal(onePoint((await inbox.next()).payload).value, 1);
        inbox.socket.send('[{"key":"a","value":2}]');
        const { code, reason } = await closed(inbox);
        assert.equal(code, 1008);
        assert.match(reason, /^403 \S/);
        assert.equal((await d.api.get(topic)).body[0].value, 1);
    });

    const refused = [
        ['tasks are not published', async () => `/batches/${(await make('/batches')).id}/tasks`, {}, 405],
        ['a null', async () => `/thngs/${(await make('/thngs')).id}/properties/a`, [{ value: null }], 400],
        ['a wrong shape', async () => `/thngs/${(await make('/thngs')).id}`, [1], 400],
        ['a type that is not there', () => '/actions/all', { type: '_nowhere' }, 404],
        ['a thng that is not there', () => '/actions/all', { type: 'scans', thng: unknownId }, 400],
        ['a type that is there', () => '/actions', { name: 'scans' }, 409],
        ['another type than the path', () => '/actions/scans', { type: 'checkins' }, 400],
    ];
    for (const [what, topicOf, message, status] of refused) {
        it(`${what}: closed with 1008, and a reason that begins with ${status}`, async () => {
            const inbox = await wsOpen(d, await topicOf());
            inbox.socket.send(JSON.stringify(message));
            const { code, reason } = await closed(inbox);
            assert.equal(code, 1008);
            assert.match(reason, new RegExp(`^${status} \\S`));
            assert.ok(Buffer.byteLength(reason) <= 123);
            assert.deepEqual(inbox.messages, [], 'an error is no message');
        });
    }

    it('what is gone: a notice if the topic has one, then 1001', async () => {
        const thng = (await make('/thngs')).id;
        const product = (await make('/products')).id;
        const collection = (await make('/collections')).id;
        const batch = (await make('/batches')).id;
        await d.api.must(201, 'POST', '/actions', { name: '_gone' });
        await d.api.must(200, 'PUT', `/collections/${collection}/thngs`, [thng]);
        const deleted = (id) => [{ operation: 'deleted', resources: [id] }];
        for (const [path, topics] of [
            ['/actions/_gone', { '': deleted('_gone') }],
            [`/products/${product}`, { '/properties': [], '/properties/a': [], '/actions/all': [] }],
            [
                `/collections/${collection}`,
                {
                    '': deleted(collection),
                    '/thngs': [{ operation: 'thngsCleared', resources: [thng] }],
                    '/actions/scans': [],
                },
            ],
            [`/thngs/${thng}`, { '': deleted(thng), '/location': [], '/actions/all': [] }],
            [`/batches/${batch}`, { '/tasks': [] }],
        ]) {
            const inboxes = new Map();
            for (const rest of Object.keys(topics))
                inboxes.set(rest, await wsOpen(d, `${path}${rest}`));
            await d.api.must(200, 'DELETE', path);
            for (const [rest, notices] of Object.entries(topics)) {
                const { code, came } = await endOf(inboxes.get(rest));
                assert.equal(code, 1001, `${path}${rest}`);
                for (const notice of came) delete notice.timestamp;
                assert.deepEqual(came, notices, `${path}${rest}`);
            }
        }
    });

    it('when the daemon stops: 1001, native and with MQTT inside', async () => {
        const topic = `/thngs/${(await make('/thngs')).id}/properties/a`;
        const inbox = await wsOpen(d, topic);
        const inside = new WebSocket(`${d.url.ws}/mqtt`, 'mqtt');
        atTestEnd(() => inside.terminate());
        const insideClosed = new Promise((resolve) => inside.on('close', resolve));
        await within(5000, 'it opens', new Promise((resolve) => inside.on('open', resolve)));
        await d.terminate();
        assert.equal((await closed(inbox)).code, 1001);
        assert.equal(await within(5000, 'a close', insideClosed), 1001);
        await d.start();
    });
});

const small = {
    ...smallRing,
    'store.roll_bytes': '1MiB',
    'store.roll_interval': '100ms',
};

scenario('native WebSockets within small limits', { set: small }, (d) => {
    it('a message as long as a packet may be passes, one byte more closes with 1009', async () => {
        const { id } = await d.api.newThng();
        const path = `/thngs/${id}/properties/a`;
        const message = (bytes) => `[{"value":"${'x'.repeat(bytes - 14)}"}]`;
        const inbox = await wsOpen(d, path);
        inbox.socket.send(message(64 * 1024));
        assert.equal(onePoint((await inbox.next()).payload).value.length, 64 * 1024 - 14);
        inbox.socket.on('error', () => {});
        inbox.socket.send(message(64 * 1024 + 1));
        assert.equal((await within(5000, 'a close', inbox.closed)).code, 1009);
        assert.equal((await d.api.get(path)).body.length, 1);
    });

    it('one that does not read keeps nobody waiting, and gets all in order when it does', async () => {
        const { id } = await d.api.newThng();
        const path = `/thngs/${id}/properties/n`;
        const [reader, deaf] = [await wsOpen(d, path), await wsOpen(d, path)];
        deaf.socket.pause();
        const publisher = await mqttConnect(d, d.url.mqtt);
        const filling = 'x'.repeat(4000);
        const count = 2000;
        for (let from = 0; from < count; from += 100) {
            const sent = Array.from({ length: 100 }, (_, k) =>
                publisher.publishAsync(path, JSON.stringify([{ value: `${from + k} ${filling}` }]), {
                    qos: 1,
                }),
            );
            await within(15000, '100 PUBACKs', Promise.all(sent));
        }
        const take = async (inbox) => {
            for (let i = 0; i < count; i++) {
                const { value } = onePoint((await inbox.next(15000)).payload);
                assert.equal(Number(value.split(' ')[0]), i);
            }
        };
        await take(reader);
        deaf.socket.resume();
        await take(deaf);
    });
});
