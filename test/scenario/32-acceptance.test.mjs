// SPDX-License-Identifier: Apache-2.0
// The acceptance checklist of pub/sub (pubsub.md 9), line by line, with the clients that users have.
import { scenario, it, assert, onePoint, unknownId } from './lib/suite.mjs';
import { mosquittoPub, mosquittoSub, mqttConnect, mqttSub, wsOpen, wsPub } from './lib/clients.mjs';
import { sleep, slow, within } from './lib/daemon.mjs';
import { RawMqtt, connect, login, pingreq, publish, subscribe, type } from './lib/packets.mjs';
import { as, giveRole, newAnonymous, newProject } from './lib/people.mjs';

const mqttUrls = (d) => [d.url.mqtt, d.url.mqtts, `${d.url.ws}/mqtt`];

/** Everything up to the message that has <value>, which comes behind all that was before it. */
async function until(inbox, value) {
    const found = [];
    for (;;) {
        const message = await inbox.next();
        if (JSON.parse(message.payload)[0]?.value === value) return found;
        found.push(message);
    }
}

/** SUBACK's codes of these filters. npm mqtt rejects when one of them is refused. */
async function granted(client, ...filters) {
    try {
        const all = await client.subscribeAsync(filters, { qos: 1 });
        return all.map(({ qos }) => qos);
    } catch (error) {
        return [...error.packet.granted];
    }
}

scenario('pub/sub acceptance', {}, (d) => {
    const make = (path, body) => d.api.must(201, 'POST', path, body);
    const put = (path, body) => d.api.must(200, 'PUT', path, body);
    const newThng = async (more) => (await make('/thngs', { name: 'x', ...more })).id;

    it('9.1 the delivered topic is byte-identical to the one subscribed to', async () => {
        const id = await newThng();
        const topic = `thngs/${id}/properties/k?pubStates=0`;
        const inboxes = [
            await mosquittoSub(d, topic),
            ...(await Promise.all(mqttUrls(d).map((url) => mqttSub(d, url, topic)))),
        ];
        await mosquittoPub(d, `/thngs/${id}/properties/k`, '[{"value":1}]');
        for (const inbox of inboxes) assert.equal((await inbox.next()).topic, topic);
    });

    it('9.2 a topic with a trailing slash gets [{"key","value",...}] after a publish to one key', async () => {
        const id = await newThng();
        const topic = `/thngs/${id}/properties/`;
        const inbox = await mqttSub(d, d.url.mqtt, topic);
        await mosquittoPub(d, `/thngs/${id}/properties/k`, '[{"value":2}]');
        const message = await inbox.next();
        assert.equal(message.topic, topic);
        const point = onePoint(message.payload);
        assert.deepEqual([point.key, point.value], ['k', 2]);
    });

    it('9.3 REST PUT on one key fires /properties and /properties/:key, on every protocol', async () => {
        const id = await newThng();
        const topics = [`/thngs/${id}/properties`, `/thngs/${id}/properties/k`];
        const inboxes = await Promise.all(
            topics.flatMap((topic) => [
                ...mqttUrls(d).map((url) => mqttSub(d, url, topic)),
                wsOpen(d, topic),
                wsOpen(d, topic, { tls: true }),
            ]),
        );
        const answer = await d.api.put(topics[1], [{ value: 3 }]);
        for (const inbox of inboxes) assert.equal((await inbox.next()).payload, answer.text);
    });

    const roots = ({ thng, product }) => ['', `/thngs/${thng}`, ...(product ? [`/products/${product}`] : [])];
    for (const has of ['has no', 'has a']) {
        it(`9.4 an action on a thng that ${has} product: on all its topics, on no other`, async () => {
            const product = has === 'has a' ? (await make('/products', { name: 'x' })).id : undefined;
            const thng = await newThng({ product });
            const other = await newThng({ product });
            const { id: collection } = await make('/collections', { name: 'x' });
            await put(`/collections/${collection}/thngs`, [thng]);
            const fired = roots({ thng, product }).flatMap((root) => [`${root}/actions/all`, `${root}/actions/scans`]);
            const silent = [
                '/actions/checkins',
                `/thngs/${thng}/actions/checkins`,
                `/thngs/${other}/actions/all`,
                `/collections/${collection}/actions/all`,
                `/thngs/${thng}/properties`,
                `/thngs/${thng}`,
            ];
            const marker = `/thngs/${thng}/properties/marker`;
            const client = await mqttSub(d, d.url.mqtt, [...fired, ...silent, marker]);
            const action = await make('/actions/all', { type: 'scans', thng });
            const { context, ...shown } = action;
            await put(marker, [{ value: 'end' }]);
            const came = await until(client, 'end');
            const messages = came.filter(({ topic }) => topic !== `/thngs/${thng}/properties`);
            assert.deepEqual(messages.map(({ topic }) => topic).sort(), [...fired].sort());
            for (const { payload } of messages) assert.deepEqual(JSON.parse(payload), shown);
            assert.equal(shown.product, product);
        });
    }

    it('9.5 an action type created and deleted', async () => {
        const inbox = await mqttSub(d, d.url.mqtt, ['/actions', '/actions/_door']);
        const made = await make('/actions', { name: '_door' });
        const created = await inbox.next();
        assert.equal(created.topic, '/actions');
        assert.deepEqual(JSON.parse(created.payload), made);
        await d.api.must(200, 'DELETE', '/actions/_door');
        const deleted = await inbox.next();
        assert.equal(deleted.topic, '/actions/_door');
        const { timestamp, ...notice } = JSON.parse(deleted.payload);
        assert.deepEqual(notice, { operation: 'deleted', resources: ['_door'] });
        assert.ok(Number.isInteger(timestamp));
    });

    it('9.5 a collection updated and deleted; thngs added, removed, cleared', async () => {
        const { id } = await make('/collections', { name: 'x' });
        const [a, b] = [await newThng(), await newThng()];
        const topic = `/collections/${id}`;
        const document = await mosquittoSub(d, topic);
        const members = await wsOpen(d, `${topic}/thngs`);
        const updated = await put(topic, { description: 'new' });
        assert.deepEqual(JSON.parse((await document.next()).payload), updated);
        const told = async (inbox) => {
            const { timestamp, ...notice } = JSON.parse((await inbox.next()).payload);
            assert.ok(Number.isInteger(timestamp));
            return notice;
        };
        await put(`${topic}/thngs`, [a, b]);
        assert.deepEqual(await told(members), { operation: 'thngsAdded', resources: [a, b] });
        await d.api.must(200, 'DELETE', `${topic}/thngs/${a}`);
        assert.deepEqual(await told(members), { operation: 'thngsRemoved', resources: [a] });
        await d.api.must(200, 'DELETE', `${topic}/thngs`);
        assert.deepEqual(await told(members), { operation: 'thngsCleared', resources: [b] });
        await d.api.must(200, 'DELETE', topic);
        assert.deepEqual(await told(document), { operation: 'deleted', resources: [id] });
    });

    it('9.6 pubStates=1: SUBACK, then one PUBLISH with retain 0, and again after a reconnect', async () => {
        const id = await newThng({ properties: { k: 'state' } });
        const topic = `/thngs/${id}/properties/k?pubStates=1`;
        for (let connection = 0; connection < 2; connection++) {
            const client = await login(d.port.mqtt, d.key);
            client.send(subscribe(1, topic, `/thngs/${id}/properties/k`));
            assert.deepEqual((await client.next()).codes, [1, 1], 'SUBACK comes first');
            const state = await client.next(type.publish);
            assert.deepEqual([state.topic, state.retain], [topic, false]);
            assert.equal(onePoint(state.payload).value, 'state');
            await put(`/thngs/${id}/properties/k`, [{ value: 'state' }]);
            const rest = [await client.next(type.publish), await client.next(type.publish)];
            assert.deepEqual(rest.map((one) => one.topic).sort(), [`/thngs/${id}/properties/k`, topic]);
            client.destroy();
        }
    });

    it('9.6 pubStates=1 where no value exists: no message', async () => {
        const id = await newThng();
        const topic = `/thngs/${id}/properties/k?pubStates=1`;
        const inbox = await mqttSub(d, d.url.mqtt, topic);
        await put(`/thngs/${id}/properties/k`, [{ value: 1 }]);
        assert.deepEqual(await until(inbox, 1), []);
    });

    it('9.7 a publish with retain leaves nothing behind for a later subscriber', async () => {
        const id = await newThng();
        const topic = `/thngs/${id}/properties/k`;
        await mosquittoPub(d, topic, '[{"value":1}]', { args: ['-r'] });
        const inbox = await mosquittoSub(d, topic);
        await mosquittoPub(d, topic, '[{"value":2}]');
        assert.deepEqual(await until(inbox, 2), []);
    });

    it('9.8 SUBSCRIBE with QoS 2 is granted 1', async () => {
        const topic = `/thngs/${await newThng()}/properties/k`;
        for (const url of mqttUrls(d)) {
            const client = await mqttConnect(d, url);
            assert.deepEqual(await client.subscribeAsync(topic, { qos: 2 }), [{ topic, qos: 1 }]);
        }
    });

    it('9.9 the table of refusals: the connection stays, the other filters are granted', async () => {
        const thng = await newThng();
        const { id: product } = await make('/products', { name: 'x' });
        const { id: collection } = await make('/collections', { name: 'x' });
        const refused = [
            ...['', '/properties', '/properties/k', '/location', '/actions/all', '/actions/scans'].map(
                (rest) => `thngs/${unknownId}${rest}`,
            ),
            ...['/properties', '/properties/k', '/actions/all'].map((rest) => `products/${unknownId}${rest}`),
            ...['', '/thngs', '/actions/all'].map((rest) => `collections/${unknownId}${rest}`),
            `thngs/${thng}/actions/_unknown`,
            `products/${product}/actions/_unknown`,
            `collections/${collection}/actions/_unknown`,
        ];
        const fine = [
            `thngs/${thng}/properties/never`,
            `products/${product}/properties/never`,
            'actions/_unknown',
            `thngs/${thng}/actions/all`,
            `products/${product}/actions/all`,
            `collections/${collection}/actions/all`,
        ];
        for (const url of mqttUrls(d)) {
            const client = await mqttConnect(d, url);
            const filters = [...refused, ...fine];
            assert.deepEqual(await granted(client, ...filters), [
                ...refused.map(() => 0x80),
                ...fine.map(() => 1),
            ]);
            const message = new Promise((resolve) => client.once('message', resolve));
            await client.publishAsync(fine[0], '[{"value":1}]', { qos: 1 });
            assert.equal(await within(5000, 'a message', message), fine[0]);
            await client.endAsync();
        }
    });

    it('9.10 a bad publish with QoS 1: closed without PUBACK; with DUP: PUBACK, no effect', async () => {
        const thng = await newThng();
        const topic = `/thngs/${thng}/properties/k`;
        const bad = [
            [`/thngs/${unknownId}/properties/k`, [{ value: 1 }]],
            [topic, [{ value: null }]],
            [topic, '[{"value":1}'],
        ];
        for (const [at, payload] of bad) {
            const first = await login(d.port.mqtt, d.key, { clientId: 'again' });
            first.send(publish(at, payload, { qos: 1, id: 7 }));
            await first.closed();
            assert.deepEqual(first.packets, [], 'no PUBACK');
            const second = await login(d.port.mqtt, d.key, { clientId: 'again' });
            second.send(publish(at, payload, { qos: 1, id: 7, dup: true }));
            assert.equal((await second.next(type.puback)).id, 7);
            second.destroy();
        }
        assert.deepEqual((await d.api.get(topic)).body, []);
    });

    it('9.10 mosquitto_pub fails with what is unknown; a new property key is fine', async () => {
        const thng = await newThng();
        for (const topic of [`thngs/${unknownId}/properties/k`, `products/${unknownId}/properties/k`])
            await assert.rejects(mosquittoPub(d, topic, '[{"value":1}]'));
        await assert.rejects(mosquittoPub(d, `thngs/${thng}/actions/_unknown`, '{}'));
        await mosquittoPub(d, `thngs/${thng}/properties/new`, '[{"value":1}]');
    });

    it('9.10 a bad publish with QoS 0 is ignored', async () => {
        const thng = await newThng();
        const inbox = await mqttSub(d, d.url.mqtt, `/thngs/${thng}/properties`);
        await inbox.client.publishAsync(`/thngs/${unknownId}/properties/k`, '[{"value":1}]', { qos: 0 });
        await inbox.client.publishAsync(`/thngs/${thng}/properties/k`, 'no JSON', { qos: 0 });
        await inbox.client.publishAsync(`/thngs/${thng}/properties/k`, '[{"value":2}]', { qos: 0 });
        assert.deepEqual(await until(inbox, 2), []);
    });

    it('9.11 native WebSocket: 403 for a bad key and for an unknown id, 101 for a good key', async () => {
        const topic = `/thngs/${await newThng()}/properties/k`;
        for (const tls of [false, true]) {
            await assert.rejects(wsOpen(d, topic, { tls, key: 'bad' }), { status: 403 });
            await assert.rejects(wsOpen(d, `/thngs/${unknownId}/properties/k`, { tls }), { status: 403 });
            await (await wsOpen(d, topic, { tls })).end();
        }
    });

    it('9.11 native WebSocket: text frames both ways, and the own message comes back', async () => {
        const topic = `/thngs/${await newThng()}/properties/k`;
        const mine = await wsOpen(d, topic);
        const other = await wsOpen(d, topic, { tls: true });
        mine.socket.send('[{"value":37.2}]');
        for (const inbox of [mine, other]) {
            const message = await inbox.next();
            assert.equal(message.topic, null, 'a text frame');
            assert.equal(onePoint(message.payload).value, 37.2);
        }
    });

    const connack = async (options) => {
        const client = await RawMqtt.open(d.port.mqtt);
        client.send(connect({ user: 'authorization', password: d.key, ...options }));
        const { code } = await client.next(type.connack);
        client.destroy();
        return code;
    };

    it('9.13 level 4 and level 3 (MQIsdp), with npm mqtt as well', async () => {
        assert.equal(await connack({ level: 4 }), 0);
        assert.equal(await connack({ level: 3, name: 'MQIsdp' }), 0);
        const topic = `/thngs/${await newThng()}/properties/k`;
        const older = { protocolId: 'MQIsdp', protocolVersion: 3 };
        const inbox = await mqttSub(d, d.url.mqtt, topic, older);
        await inbox.client.publishAsync(topic, '[{"value":1}]', { qos: 1 });
        assert.equal(onePoint((await inbox.next()).payload).value, 1);
    });

    it('9.13 the rules of the empty client id', async () => {
        assert.equal(await connack({ level: 4, clientId: '', clean: true }), 0);
        assert.equal(await connack({ level: 4, clientId: '', clean: false }), 2);
        assert.equal(await connack({ level: 3, clientId: '', clean: true }), 2);
    });

    it('9.13 a bad key is CONNACK 5', async () => {
        assert.equal(await connack({ password: 'bad' }), 5);
        await assert.rejects(mqttConnect(d, d.url.mqtts, { password: 'bad' }), { code: 5 });
    });

    it('9.14 %20 is a space in property keys, + is a plus', async () => {
        const id = await newThng();
        const inbox = await mqttSub(d, d.url.mqtt, `/thngs/${id}/properties/room%20temp`);
        await mosquittoPub(d, `/thngs/${id}/properties/room%20temp`, '[{"value":1}]');
        const message = await inbox.next();
        assert.equal(message.topic, `/thngs/${id}/properties/room%20temp`);
        assert.equal(onePoint(message.payload).key, 'room temp');
        await mosquittoPub(d, `/thngs/${id}/properties/%2B1`, '[{"value":2}]');
        await wsPub(d, `/thngs/${id}/properties/a+b`, '[{"value":3}]');
        const { properties } = await d.api.must(200, 'GET', `/thngs/${id}`);
        assert.deepEqual(properties, { '+1': 2, 'a+b': 3, 'room temp': 1 });
    });

    it('9.15 ?project=P1 on /actions/all: of two projects the operator gets the actions of one', async () => {
        const [one, two] = [await newProject(d.api), await newProject(d.api)];
        const topic = `/actions/all?project=${one.id}`;
        const inboxes = [await mqttSub(d, d.url.mqtt, topic), await wsOpen(d, topic)];
        for (const project of [two, one, two, one])
            await make(`/actions/scans?project=${project.id}`, { tags: [project.id] });
        await make('/actions/scans', {});
        await as(d, one.trustedKey).must(201, 'POST', '/actions/scans', { tags: ['end'] });
        for (const inbox of inboxes)
            for (const tag of [one.id, one.id, 'end'])
                assert.deepEqual(JSON.parse((await inbox.next()).payload).tags, [tag]);
    });

    it('9.16 a role that changes while connected: the old rights until the reconnect', async () => {
        const project = await newProject(d.api);
        const user = await newAnonymous(d, project.appKey);
        const { id } = await make(`/thngs?project=${project.id}`, { name: 'x' });
        const path = `/thngs/${id}/properties`;
        const role = await giveRole(d.api, user.id, [{ path: '/thngs', access: 'cru' }]);
        const connected = await mqttSub(d, d.url.mqtt, path, { password: user.key });
        await put(`/roles/${role}/permissions`, []);
        assert.equal((await as(d, user.key).put(path, [{ key: 'k', value: 0 }])).status, 403);
        await connected.client.publishAsync(`${path}/k`, '[{"value":1}]', { qos: 1 });
        assert.equal(onePoint((await connected.next()).payload).value, 1);
        await connected.end();
        const client = await mqttConnect(d, d.url.mqtt, { password: user.key });
        assert.deepEqual(await granted(client, path), [0x80]);
    });
});

const keepalive = { set: { 'mqtt.keepalive_max': '2s' } };

scenario('pub/sub acceptance, with a keep-alive of 2 s at most', keepalive, (d) => {
    it('9.12 a silent client is dropped after 1.5 times the longest keep-alive, one that pings is not', async () => {
        const open = (keepalive) => login(d.port.mqtt, d.key, { keepalive });
        const silent = [await open(120), await open(0), await open(2)];
        const living = await open(120);
        const from = Date.now();
        const pings = setInterval(() => living.send(pingreq()), 500);
        await Promise.all(silent.map((client) => client.closed(10000)));
        const took = Date.now() - from;
        assert.ok(took >= 2900 && took <= 6000 * slow, `${took} ms`);
        await sleep(1000);
        clearInterval(pings);
        assert.equal(living.isClosed, false);
        living.destroy();
    });
});
