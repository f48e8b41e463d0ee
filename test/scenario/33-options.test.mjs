// SPDX-License-Identifier: Apache-2.0
// The options of topics and of WebSocket URLs: project, pubStates, access_token (pubsub.md 5).
import { scenario, it, assert, assertError, onePoint, unknownId } from './lib/suite.mjs';
import { mosquittoPub, mosquittoSub, mqttSub, wsOpen, wsPub } from './lib/clients.mjs';
import { as, newProject } from './lib/people.mjs';
import { RawMqtt, connect, login, publish, subscribe, type } from './lib/packets.mjs';

const mqttUrls = (d) => [d.url.mqtt, d.url.mqtts, `${d.url.ws}/mqtt`];

/** A connection that was not opened with a key. */
async function anonymous(d, options = {}) {
    const client = await RawMqtt.open(d.port.mqtt);
    client.send(connect({ clientId: `anonymous-${Math.random()}`, ...options }));
    assert.equal((await client.next(type.connack)).code, 0);
    return client;
}

async function codes(client, ...filters) {
    client.send(subscribe(1, ...filters));
    return (await client.next(type.suback)).codes;
}

scenario('the option project', {}, (d) => {
    let p;
    let q;
    const make = (path, body) => d.api.must(201, 'POST', path, body);
    const see = async (api, path) => (await api.get(path)).status === 200;

    it('two projects', async () => {
        [p, q] = [await newProject(d.api), await newProject(d.api)];
    });

    const publishers = {
        mosquitto_pub: (topic, payload) => mosquittoPub(d, topic, payload),
        'native WebSocket': (topic, payload) => wsPub(d, topic, payload),
    };
    for (const [name, send] of Object.entries(publishers)) {
        it(`an action published in a project is of that project, by ${name}`, async () => {
            const inbox = await mqttSub(d, d.url.mqtt, '/actions/scans');
            await send(`/actions/scans?project=${p.id}`, '{}');
            const { id } = JSON.parse((await inbox.next()).payload);
            const path = `/actions/scans/${id}`;
            assert.equal(await see(as(d, p.trustedKey), path), true);
            assert.equal(await see(as(d, q.trustedKey), path), false);
            const { scopes } = await d.api.must(200, 'GET', `${path}?withScopes=true`);
            assert.deepEqual(scopes, { users: ['all'], projects: [p.id] });
        });

        it(`a type published in a project is of that project, by ${name}`, async () => {
            const type = `_by${name.length}`;
            await send(`/actions?project=${p.id}`, JSON.stringify({ name: type }));
            const types = async (key) =>
                (await as(d, key).get(`/actions?filter=name%3D${type}`)).body.length;
            assert.deepEqual([await types(p.trustedKey), await types(q.trustedKey)], [1, 0]);
        });
    }

    it('keys of a project may name their own; that of another does not exist for them', async () => {
        const thng = await make(`/thngs?project=${p.id}`, { name: 'x' });
        const topic = `/thngs/${thng.id}/properties/a`;
        const client = await login(d.port.mqtt, p.trustedKey);
        const filters = [p.id, q.id, unknownId, ''].map((id) => `${topic}?project=${id}`);
        assert.deepEqual(await codes(client, ...filters, '/actions/all'), [1, 0x80, 0x80, 0x80, 1]);
        client.send(publish(filters[0], [{ value: 1 }], { qos: 1, id: 5 }));
        const came = [await client.next(), await client.next()];
        assert.ok(came.some((one) => one.type === type.puback && one.id === 5));
        client.send(publish(filters[1], [{ value: 2 }], { qos: 1, id: 6 }));
        await client.closed();
        assert.deepEqual((await d.api.get(topic)).body.map(({ value }) => value), [1]);
    });

    it('a publish to what is not seen in the project is refused', async () => {
        const thng = await make('/thngs', { name: 'x' });
        const topic = `/thngs/${thng.id}/properties/a?project=${p.id}`;
        await assert.rejects(mosquittoPub(d, topic, '[{"value":1}]'));
        assert.deepEqual((await d.api.get(`/thngs/${thng.id}/properties`)).body, []);
    });

    it('on a native WebSocket: narrowed, and 403 for what is not seen there', async () => {
        const inside = await make(`/thngs?project=${p.id}`, { name: 'x' });
        const outside = await make('/thngs', { name: 'x' });
        const open = (id, project, key) => wsOpen(d, `/thngs/${id}?project=${project}`, { key });
        await (await open(inside.id, p.id)).end();
        for (const [id, project, key] of [
            [inside.id, q.id],
            [outside.id, p.id],
            [inside.id, unknownId],
            [inside.id, 'short'],
            [inside.id, q.id, p.trustedKey],
        ])
            await assert.rejects(open(id, project, key), { status: 403 });
        const inbox = await wsOpen(d, `/actions/all?project=${p.id}`);
        await make('/actions/scans', {});
        await make(`/actions/scans?project=${q.id}`, {});
        const seen = await make(`/actions/scans?project=${p.id}`, {});
        assert.equal(JSON.parse((await inbox.next()).payload).id, seen.id);
    });
});

scenario('the option pubStates', {}, (d) => {
    const make = (path, body) => d.api.must(201, 'POST', path, body);
    const states = {
        mosquitto_sub: (topic) => mosquittoSub(d, topic),
        'mosquitto_sub with TLS': (topic) => mosquittoSub(d, topic, { tls: true }),
        'npm mqtt over WebSocket': (topic) => mqttSub(d, `${d.url.ws}/mqtt`, topic),
        'native WebSocket': (topic) => wsOpen(d, topic),
        'native WebSocket with TLS': (topic) => wsOpen(d, topic, { tls: true }),
    };

    for (const [name, open] of Object.entries(states)) {
        it(`each topic that has a state sends it once, and then what is new, to ${name}`, async () => {
            const product = await make('/products', { name: 'p', properties: { k: 1 } });
            const thng = await make('/thngs', {
                name: 't',
                properties: { k: 2, l: 3 },
                location: { latitude: 1, longitude: 2 },
            });
            const collection = await make('/collections', { name: 'c' });
            const on = { product: product.id, collection: collection.id, thng: thng.id };
            const action = await make('/actions/scans', on);
            const { context, ...shown } = action;
            const read = (path) => d.api.must(200, 'GET', path);
            const t = `/thngs/${thng.id}`;
            const { properties, location, ...document } = await read(t);
            const wanted = {
                [t]: document,
                [`${t}/properties`]: await read(`${t}/properties`),
                [`${t}/properties/k`]: (await read(`${t}/properties`)).slice(0, 1),
                [`${t}/location`]: (await read(`${t}/location`)).slice(0, 1),
                [`/products/${product.id}/properties/k`]: await read(
                    `/products/${product.id}/properties`,
                ),
                [`/collections/${collection.id}`]: await read(`/collections/${collection.id}`),
            };
            for (const root of ['', t, `/products/${product.id}`, `/collections/${collection.id}`])
                for (const kind of ['all', 'scans']) wanted[`${root}/actions/${kind}`] = shown;
            for (const [topic, state] of Object.entries(wanted)) {
                const inbox = await open(`${topic}?pubStates=1`);
                assert.deepEqual(JSON.parse((await inbox.next()).payload), state, topic);
                await inbox.end();
            }
            const inbox = await open(`${t}/properties/k?pubStates=1`);
            await inbox.next();
            await d.api.must(200, 'PUT', `${t}/properties/k`, [{ value: 'new' }]);
            assert.equal(onePoint((await inbox.next()).payload).value, 'new');
        });
    }

    it('of actions: the latest one that is seen, in the project that is named', async () => {
        const [p, q] = [await newProject(d.api), await newProject(d.api)];
        const inP = await make(`/actions/scans?project=${p.id}`, {});
        const inQ = await make(`/actions/scans?project=${q.id}`, {});
        const last = await make('/actions/scans', {});
        const state = async (topic, key) => {
            const inbox = await wsOpen(d, topic, { key });
            const { id } = JSON.parse((await inbox.next()).payload);
            await inbox.end();
            return id;
        };
        assert.equal(await state('/actions/all?pubStates=1'), last.id);
        assert.equal(await state(`/actions/all?project=${p.id}&pubStates=1`), inP.id);
        assert.equal(await state(`/actions/scans?pubStates=1&project=${q.id}`), inQ.id);
        assert.equal(await state('/actions/all?pubStates=1', p.trustedKey), inP.id);
    });

    it('the options stand in any order among others that mean nothing, and are echoed', async () => {
        const p = await newProject(d.api);
        const thng = await make(`/thngs?project=${p.id}`, { name: 'x', properties: { a: 1 } });
        const topic =
            `thngs/${thng.id}/properties/a/?x=%20y&pubStates=1&` +
            `access_token=${p.trustedKey}&project=${p.id}&pubState=0&&=`;
        for (const url of mqttUrls(d)) {
            const client = await mqttSub(d, url, topic, { username: undefined, password: undefined });
            const message = await client.next();
            assert.equal(message.topic, topic);
            assert.equal(onePoint(message.payload).value, 1);
        }
        const inbox = await wsOpen(d, `/${topic}`, { key: null });
        assert.equal(onePoint((await inbox.next()).payload).value, 1);
    });

    it('a refused subscription sends no state', async () => {
        const own = await d.api.newThng();
        const other = await d.api.newThng({ name: 'x', properties: { a: 1 } });
        const client = await login(d.port.mqtt, await d.api.newDeviceKey(own.id));
        const marker = `/thngs/${own.id}/properties/a`;
        const filters = [`/thngs/${other.id}/properties?pubStates=1`, '/actions/all?pubStates=1'];
        assert.deepEqual(await codes(client, ...filters, marker), [0x80, 0x80, 1]);
        await d.api.must(200, 'PUT', marker, [{ value: 1 }]);
        assert.deepEqual(await client.before(marker), []);
    });
});

scenario('the option access_token', {}, (d) => {
    it('a client without a key, on every MQTT transport, with real clients', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a?access_token=${d.key}`;
        for (const [at, url] of mqttUrls(d).entries()) {
            const none = { username: undefined, password: undefined };
            const inbox = await mqttSub(d, url, topic, none);
            await inbox.client.publishAsync(topic, `[{"value":${at}}]`, { qos: 1 });
            const message = await inbox.next();
            assert.equal(message.topic, topic);
            assert.equal(onePoint(message.payload).value, at);
        }
    });

    it('without a token such a client may nothing; with a wrong one neither', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const wrong = `${topic}?access_token=${'x'.repeat(80)}`;
        const client = await anonymous(d, { level: 3, clientId: 'old' });
        const filters = [topic, wrong, `${topic}?access_token=`, `${topic}?access_token=${d.key}`];
        assert.deepEqual(await codes(client, ...filters), [0x80, 0x80, 0x80, 1]);
        client.send(publish(topic, [{ value: 1 }]), publish(wrong, [{ value: 2 }]));
        client.send(publish(filters[3], [{ value: 3 }], { qos: 1, id: 3 }));
        const came = [await client.next(), await client.next()];
        assert.deepEqual(came.map((one) => one.type).sort(), [type.publish, type.puback]);
        assert.deepEqual((await d.api.get(topic)).body.map(({ value }) => value), [3]);
        client.send(publish(wrong, [{ value: 4 }], { qos: 1, id: 4 }));
        await client.closed();
    });

    it('what a key may not, it may not by access_token', async () => {
        const own = await d.api.newThng();
        const other = await d.api.newThng();
        const device = await d.api.newDeviceKey(own.id);
        const client = await login(d.port.mqtt, d.key);
        const filters = [own, other].map(({ id }) => `/thngs/${id}?access_token=${device}`);
        assert.deepEqual(await codes(client, ...filters), [1, 0x80]);
        await assert.rejects(wsOpen(d, filters[1], { key: null }), { status: 403 });
    });
});

scenario('with [mqtt] allow_topic_token = off', { set: { 'mqtt.allow_topic_token': 'off' } }, (d) => {
    it('a token on a topic is no key', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const client = await anonymous(d);
        assert.deepEqual(await codes(client, `${topic}?access_token=${d.key}`), [0x80]);
        client.send(publish(`${topic}?access_token=${d.key}`, [{ value: 1 }], { qos: 1 }));
        await client.closed();
        assert.deepEqual((await d.api.get(topic)).body, []);
    });

    it('it does not replace the key of the connection either', async () => {
        const own = await d.api.newThng();
        const other = await d.api.newThng();
        const client = await login(d.port.mqtt, await d.api.newDeviceKey(own.id));
        const withToken = ({ id }) => `/thngs/${id}?access_token=${d.key}`;
        const [, refused] = await codes(client, `/thngs/${own.id}`, withToken(other));
        assert.equal(refused, 0x80);
    });

    it('keys in URLs are as good as before: browsers have no other way', async () => {
        const { id } = await d.api.newThng();
        await wsOpen(d, `/thngs/${id}?access_token=${d.key}`, { key: null });
        const answer = await as(d, undefined).get(`/thngs/${id}?access_token=${d.key}`);
        assert.equal(answer.status, 200);
        assertError(await as(d, undefined).get(`/thngs/${id}`), 401);
    });
});

scenario(
    'with [mqtt] refused_subscriptions = silent',
    { set: { 'mqtt.refused_subscriptions': 'silent' } },
    (d) => {
        it('on every MQTT transport; what is no topic as well; the good ones deliver', async () => {
            const { id } = await d.api.newThng();
            const good = `/thngs/${id}/properties/a`;
            const filters = [`/thngs/${unknownId}`, '/thngs', `${good}?project=${unknownId}`, good];
            for (const url of mqttUrls(d)) {
                const inbox = await mqttSub(d, url, filters, { qos: 2 });
                await d.api.must(200, 'PUT', good, [{ value: 1 }]);
                assert.equal((await inbox.next()).topic, good);
                await d.api.must(200, 'PUT', good, [{ value: 2 }]);
                assert.equal((await inbox.next()).topic, good);
            }
        });

        it('a native WebSocket is refused all the same', () =>
            assert.rejects(wsOpen(d, `/thngs/${unknownId}`), { status: 403 }));
    },
);
