// SPDX-License-Identifier: Apache-2.0
// What a change sends, to which topics, in which order, with which QoS (pubsub.md 3, 4, 6, 8).
import { scenario, it, assert, assertPoint, onePoint } from './lib/suite.mjs';
import { login, publish, puback, subscribe, type } from './lib/packets.mjs';

scenario('deliveries', {}, (d) => {
    const subscribed = async (...filters) => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, ...filters));
        const { codes } = await client.next(type.suback);
        assert.equal(codes.includes(0x80), false);
        return client;
    };

    it('a publisher gets its own message, with the same JSON as PUT answers', async () => {
        const { id } = await d.api.newThng();
        const topic = `thngs/${id}/properties/temp`;
        const client = await subscribed(topic);
        client.send(publish(topic, '[{"value":21.50}]', { qos: 1, id: 7 }));
        const got = [await client.next(), await client.next()];
        const ack = got.find((one) => one.type === type.puback);
        const message = got.find((one) => one.type === type.publish);
        assert.equal(ack.id, 7);
        assertPoint(onePoint(message.payload), { key: 'temp', value: 21.5 });
        assert.ok(message.payload.includes('"value":21.50'), 'the digits are kept');
        const put = (
            await d.api.put(`/thngs/${id}/properties/temp`, '[{"value":21.50,"timestamp":5}]')
        ).text;
        assert.equal((await client.next(type.publish)).payload, put);
        client.destroy();
    });

    it('PUBACK means stored: the value can be read at once', async () => {
        const { id } = await d.api.newThng();
        const client = await login(d.port.mqtt, d.key);
        for (let i = 1; i <= 20; i++) {
            client.send(publish(`/thngs/${id}/properties/a`, [{ value: i }], { qos: 1, id: i }));
            assert.equal((await client.next(type.puback)).id, i);
            assert.equal(
                (await d.api.get(`/thngs/${id}/properties/a?from=latest`)).body[0].value,
                i,
            );
        }
        client.destroy();
    });

    it('a notification can be read at once', async () => {
        const { id } = await d.api.newThng();
        const client = await subscribed(`/thngs/${id}/properties`);
        for (let i = 1; i <= 20; i++) {
            d.api.put(`/thngs/${id}/properties/a`, [{ value: i }]);
            assert.equal(onePoint((await client.next(type.publish)).payload).value, i);
            assert.equal((await d.api.get(`/thngs/${id}`)).body.properties.a, i);
        }
        client.destroy();
    });

    it('several keys: first /properties with all, then each key, in the order of the request', async () => {
        const { id } = await d.api.newThng();
        const base = `/thngs/${id}/properties`;
        const client = await subscribed(`${base}/a`, base, `${base}/b`, `${base}/c`);
        await d.api.must(200, 'PUT', base, [
            { key: 'b', value: 1 },
            { key: 'a', value: 'x' },
        ]);
        const got = [
            await client.next(type.publish),
            await client.next(type.publish),
            await client.next(type.publish),
        ];
        assert.deepEqual(
            got.map((message) => message.topic),
            [base, `${base}/b`, `${base}/a`],
        );
        assert.deepEqual(
            JSON.parse(got[0].payload).map((point) => [point.key, point.value]),
            [
                ['b', 1],
                ['a', 'x'],
            ],
        );
        assertPoint(onePoint(got[1].payload), { key: 'b', value: 1 });
        assertPoint(onePoint(got[2].payload), { key: 'a', value: 'x' });
        await client.quiet(100);
        client.destroy();
    });

    it('several points of one key make one message', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const client = await subscribed(topic);
        await d.api.must(200, 'PUT', topic, [
            { value: 1, timestamp: 1 },
            { value: 2, timestamp: 2 },
        ]);
        assert.deepEqual(
            JSON.parse((await client.next(type.publish)).payload).map((point) => point.value),
            [1, 2],
        );
        await client.quiet(100);
        client.destroy();
    });

    it('the same value again and an older point are sent as well; the latest value stays', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const client = await subscribed(topic);
        for (const points of [[{ value: 1 }], [{ value: 1 }], [{ value: 0, timestamp: 1000 }]]) {
            await d.api.must(200, 'PUT', topic, points);
            assert.equal(
                onePoint((await client.next(type.publish)).payload).value,
                points[0].value,
            );
        }
        assert.equal((await d.api.get(`/thngs/${id}`)).body.properties.a, 1);
        client.destroy();
    });

    it('the QoS is the lower of the two; what REST writes counts as 1', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const zero = await subscribed([topic, 0]);
        const one = await subscribed([topic, 1]);
        for (const [write, qos] of [
            [() => one.send(publish(topic, [{ value: 1 }], { qos: 0 })), 0],
            [() => zero.send(publish(topic, [{ value: 2 }], { qos: 1, id: 2 })), 1],
            [() => d.api.must(200, 'PUT', topic, [{ value: 3 }]), 1],
        ]) {
            await write();
            let message;
            do {
                message = await one.next();
            } while (message.type !== type.publish);
            assert.equal(message.qos, qos);
            if (qos) one.send(puback(message.id));
            do {
                message = await zero.next();
            } while (message.type !== type.publish);
            assert.equal(message.qos, 0);
        }
        zero.destroy();
        one.destroy();
    });

    it('the order of commit is the order of delivery', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        const watcher = await subscribed(topic);
        const publisher = await login(d.port.mqtt, d.key);
        const count = 500;
        publisher.send(
            ...Array.from({ length: count }, (_, i) =>
                publish(topic, [{ value: i }], { qos: 1, id: i + 1 }),
            ),
        );
        for (let i = 0; i < count; i++) {
            const message = await watcher.next(type.publish);
            assert.equal(onePoint(message.payload).value, i);
            watcher.send(puback(message.id));
        }
        for (let i = 0; i < count; i++) assert.equal((await publisher.next(type.puback)).id, i + 1);
        watcher.destroy();
        publisher.destroy();
    });

    it('retain is accepted and leaves nothing behind', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const watcher = await subscribed(topic);
        const publisher = await login(d.port.mqtt, d.key);
        publisher.send(publish(topic, [{ value: 1 }], { qos: 1, retain: true }));
        await publisher.next(type.puback);
        assert.equal((await watcher.next(type.publish)).retain, false);
        const later = await subscribed(topic);
        await later.quiet(150);
        publisher.send(publish(topic, '', { qos: 1, retain: true, id: 2 }));
        assert.equal((await publisher.next(type.puback)).id, 2);
        await watcher.quiet(150);
        assert.equal((await d.api.history(topic)).length, 1);
        for (const client of [watcher, publisher, later]) client.destroy();
    });

    it('location: the array that PUT answers', async () => {
        const { id } = await d.api.newThng();
        const client = await subscribed(
            `/thngs/${id}/location`,
            `/thngs/${id}`,
            `/thngs/${id}/properties`,
        );
        client.send(
            publish(
                `/thngs/${id}/location`,
                '[{"position":{"type":"Point","coordinates":[8.54,47.37]},"timestamp":9}]',
            ),
        );
        const message = await client.next(type.publish);
        assert.equal(message.topic, `/thngs/${id}/location`);
        const entry = onePoint(message.payload);
        assert.deepEqual([entry.latitude, entry.longitude, entry.timestamp], [47.37, 8.54, 9]);
        assert.deepEqual((await d.api.get(`/thngs/${id}/location`)).body, [entry]);
        await client.quiet(100);
        client.destroy();
    });

    it('a thng: the document without properties and location, over REST and over MQTT', async () => {
        const { id } = await d.api.newThng({
            name: 'x',
            properties: { a: 1 },
            location: { latitude: 1, longitude: 1 },
        });
        const client = await subscribed(
            [`/thngs/${id}`, 0],
            [`/thngs/${id}/properties`, 0],
            [`/thngs/${id}/location`, 0],
        );
        await d.api.must(200, 'PUT', `/thngs/${id}`, { description: 'rest' });
        client.send(publish(`/thngs/${id}`, { description: 'mqtt', properties: { a: 2 } }));
        for (const description of ['rest', 'mqtt']) {
            const thng = JSON.parse((await client.next(type.publish)).payload);
            assert.equal(thng.description, description);
            assert.equal(thng.id, id);
            assert.equal('properties' in thng || 'location' in thng, false);
        }
        await client.quiet(100);
        assert.equal((await d.api.get(`/thngs/${id}`)).body.properties.a, 1);
        client.destroy();
    });

    it('deletions of properties and locations send nothing; that of the thng a notice', async () => {
        const { id } = await d.api.newThng({ name: 'x', properties: { a: 1 } });
        const client = await subscribed(
            `/thngs/${id}`,
            `/thngs/${id}/properties`,
            `/thngs/${id}/properties/a`,
            `/thngs/${id}/location`,
        );
        await d.api.must(200, 'DELETE', `/thngs/${id}/properties/a`);
        await d.api.must(200, 'DELETE', `/thngs/${id}/location`);
        const before = Date.now();
        await d.api.must(200, 'DELETE', `/thngs/${id}`);
        const message = await client.next(type.publish);
        assert.equal(message.topic, `/thngs/${id}`);
        const { timestamp, ...notice } = JSON.parse(message.payload);
        assert.deepEqual(notice, { operation: 'deleted', resources: [id] });
        assert.ok(Math.abs(timestamp - before) < 5000);
        await client.quiet(100);
        client.destroy();
    });

    it('a product: points on its topics; its document has none', async () => {
        const { id } = await d.api.must(201, 'POST', '/products', { name: 'x' });
        const base = `/products/${id}/properties`;
        const client = await subscribed([base, 0], [`${base}/a`, 0]);
        await d.api.must(200, 'PUT', `/products/${id}`, { description: 'silent' });
        const answer = await d.api.put(base, '[{"key":"a","value":1.50},{"key":"b","value":[]}]');
        const all = await client.next(type.publish);
        assert.equal(all.topic, base);
        assert.equal(all.payload, answer.text);
        const one = await client.next(type.publish);
        assert.equal(one.topic, `${base}/a`);
        assert.equal(onePoint(one.payload).value, 1.5);
        client.send(publish(`${base}/a`, [{ value: 2 }]));
        assert.equal(onePoint((await client.next(type.publish)).payload).value, 2);
        assert.equal((await d.api.get(`/products/${id}`)).body.properties.a, 2);
        await client.next(type.publish);
        await client.quiet(100);
        client.destroy();
    });

    it('a location by a place is delivered with the coordinates of the place', async () => {
        const { id } = await d.api.newThng();
        const place = await d.api.must(201, 'POST', '/places', {
            name: 'here',
            position: { type: 'Point', coordinates: [8.54, 47.37] },
        });
        const topic = `/thngs/${id}/location`;
        const client = await subscribed([topic, 0]);
        client.send(publish(topic, [{ place: place.id }]));
        const entry = onePoint((await client.next(type.publish)).payload);
        assert.deepEqual([entry.latitude, entry.longitude, entry.place], [47.37, 8.54, place.id]);
        const { location } = (await d.api.get(`/thngs/${id}`)).body;
        assert.equal(location.place, place.id);
        client.destroy();
    });

    it('a collection: its document when it is updated, a notice when it is deleted', async () => {
        const { id } = await d.api.must(201, 'POST', '/collections', { name: 'x' });
        const topic = `/collections/${id}`;
        const client = await subscribed([topic, 0]);
        await d.api.must(200, 'PUT', topic, { description: 'rest' });
        client.send(publish(topic, { description: 'mqtt' }));
        for (const description of ['rest', 'mqtt']) {
            const document = JSON.parse((await client.next(type.publish)).payload);
            assert.deepEqual([document.id, document.description], [id, description]);
        }
        await d.api.must(200, 'DELETE', topic);
        const { timestamp, ...notice } = JSON.parse((await client.next(type.publish)).payload);
        assert.deepEqual(notice, { operation: 'deleted', resources: [id] });
        assert.ok(Number.isInteger(timestamp));
        client.destroy();
    });

    it('who does not see a thng any more hears no more of it, until it is seen again', async () => {
        const project = await d.api.must(201, 'POST', '/projects', { name: 'p' });
        const path = `/projects/${project.id}/applications`;
        const app = await d.api.must(201, 'POST', path, { name: 'a' });
        const { secretApiKey } = await d.api.must(200, 'GET', `${path}/${app.id}/secretKey`);
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 'x' });
        const topic = `/thngs/${thng.id}/properties/a`;
        const client = await login(d.port.mqtt, secretApiKey);
        const operator = await subscribed([`${topic}?project=${project.id}`, 0]);
        client.send(subscribe(1, [topic, 0]));
        assert.deepEqual((await client.next(type.suback)).codes, [0]);
        for (const [value, projects] of [
            [1, [project.id]],
            [2, []],
            [3, [project.id]],
        ]) {
            const scopes = { users: ['all'], projects };
            await d.api.must(200, 'PUT', `/thngs/${thng.id}`, { scopes });
            await d.api.must(200, 'PUT', topic, [{ value }]);
        }
        for (const value of [1, 3]) {
            for (const one of [client, operator]) {
                assert.equal(onePoint((await one.next(type.publish)).payload).value, value);
            }
        }
        client.destroy();
        operator.destroy();
    });

    it('a write that is refused sends nothing', async () => {
        const { id } = await d.api.newThng();
        const client = await subscribed(`/thngs/${id}/properties`);
        await d.api.put(`/thngs/${id}/properties`, [
            { key: 'a', value: 1 },
            { key: 'b', value: null },
        ]);
        await d.api.put(`/thngs/${id}/properties`, []);
        await d.api.must(200, 'PUT', `/thngs/${id}/properties/end`, [{ value: 1 }]);
        assert.deepEqual(await client.before(`/thngs/${id}/properties`), []);
        client.destroy();
    });

    it('an update reaches nobody who has not asked for it', async () => {
        const [mine, other] = [await d.api.newThng(), await d.api.newThng()];
        const client = await subscribed(`/thngs/${mine.id}/properties/a`);
        await d.api.must(200, 'PUT', `/thngs/${other.id}/properties/a`, [{ value: 1 }]);
        await d.api.must(200, 'PUT', `/thngs/${mine.id}/properties/b`, [{ value: 1 }]);
        await d.api.must(200, 'PUT', `/thngs/${mine.id}/properties/a`, [{ value: 2 }]);
        assert.deepEqual(await client.before(`/thngs/${mine.id}/properties/a`), []);
        await client.quiet(100);
        client.destroy();
    });

    it('what is not acknowledged stays in flight, and the rest waits behind a bounded window', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        const watcher = await subscribed(topic);
        const publisher = await login(d.port.mqtt, d.key);
        const count = 3000;
        publisher.send(
            ...Array.from({ length: count }, (_, i) =>
                publish(topic, [{ value: i }], { qos: 1, id: i + 1 }),
            ),
        );
        for (let i = 0; i < count; i++) await publisher.next(type.puback);
        const ids = new Set();
        for (let i = 0; i < count; i++) {
            const message = await watcher.next(type.publish);
            assert.equal(onePoint(message.payload).value, i);
            assert.equal(
                ids.has(message.id),
                false,
                'a packet id is not used again before its PUBACK',
            );
            ids.add(message.id);
            if (watcher.packets.length === 0) {
                for (const one of ids) watcher.send(puback(one));
                ids.clear();
            }
        }
        watcher.destroy();
        publisher.destroy();
    });
});
