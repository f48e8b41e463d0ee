// SPDX-License-Identifier: Apache-2.0
// ?from= and ?last=: the history first, then what is live; every sample once, in order.
import { scenario, it, assert, assertPoint, onePoint } from './lib/suite.mjs';
import { wsOpen } from './lib/clients.mjs';
import { slow } from './lib/daemon.mjs';
import { login, puback, publish, subscribe, type, unsubscribe } from './lib/packets.mjs';

const MINUTE = 60000;

const valuesOf = (messages) => messages.map((one) => onePoint(one.payload).value);

/** Publishes a marker behind all, and gives what came before it. */
const markers = { next: 1 };

scenario('replay', {}, (d) => {
    const make = (path, body) => d.api.must(201, 'POST', path, body);
    const put = (path, points) => d.api.must(200, 'PUT', path, points);

    /** Subscribes, and has the SUBACK. */
    const subscribed = async (filter, { qos = 0, key = d.key, client } = {}) => {
        const one = client ?? (await login(d.port.mqtt, key));
        one.send(subscribe(1, [filter, qos]));
        assert.deepEqual((await one.next(type.suback)).codes, [qos], `SUBACK of ${filter}`);
        return one;
    };

    /** The next <count> messages, and that no more come for a while. */
    const take = async (client, count) => {
        const messages = [];
        while (messages.length < count) messages.push(await client.next(type.publish, 10000));
        return messages;
    };

    /** What a new subscriber of <filter> is sent before anything is published: all that comes before
     *  the message that <mark> causes. */
    const history = async (filter, mark, isMark, options) => {
        const client = await subscribed(filter, options);
        await mark();
        const messages = [];
        for (;;) {
            const message = await client.next(type.publish, 10000);
            assert.equal(message.topic, filter);
            assert.equal(message.retain, false);
            if (isMark(message)) break;
            messages.push(message);
        }
        client.destroy();
        return messages;
    };

    /** The same of a property whose marks are negative numbers, which are taken away again. */
    const valuesBefore = async (path, options) => {
        const value = -markers.next++;
        const root = path.split('?')[0];
        const timestamp = Date.now() + 1000 * MINUTE;
        const messages = await history(
            path,
            () => put(root, [{ value, timestamp }]),
            (message) => onePoint(message.payload).value === value,
            options,
        );
        await d.api.must(200, 'DELETE', `${root}?from=${timestamp}`);
        return messages;
    };

    it('a property: all, from a time on, the last ones, both', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const at = Date.now() - 30 * MINUTE;
        await put(
            topic,
            [3, 1, 0, 2, 4].map((i) => ({ value: i, timestamp: at + i * MINUTE })),
        );
        const values = async (options) => valuesOf(await valuesBefore(`${topic}?${options}`));
        assert.deepEqual(await values('from=0'), [0, 1, 2, 3, 4]);
        assert.deepEqual(await values(`from=${at + 2 * MINUTE}`), [2, 3, 4]);
        assert.deepEqual(await values(`from=${at + 2 * MINUTE + 1}`), [3, 4]);
        assert.deepEqual(await values('from=-1h'), [0, 1, 2, 3, 4]);
        assert.deepEqual(await values('from=-5m'), []);
        assert.deepEqual(await values('last=1'), [4]);
        assert.deepEqual(await values('from=latest'), [4]);
        assert.deepEqual(await values('last=4'), [1, 2, 3, 4]);
        assert.deepEqual(await values('last=5'), [0, 1, 2, 3, 4]);
        assert.deepEqual(await values('last=1000000'), [0, 1, 2, 3, 4]);
        assert.deepEqual(await values(`from=${at + 3 * MINUTE}&last=3`), [3, 4]);
        assert.deepEqual(await values(`last=2&from=${at + 1}`), [3, 4]);
        assert.deepEqual(await values(`from=${Date.now() + MINUTE}`), []);
        const [message] = await valuesBefore(`${topic}?last=1`, { qos: 1 });
        assert.equal(message.qos, 1);
        assertPoint(onePoint(message.payload), {
            key: 'a',
            value: 4,
            timestamp: at + 4 * MINUTE,
        });
    });

    it('points that the server stamped, several in a millisecond, keep their order', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        const points = Array.from({ length: 40 }, (_, i) => ({ value: i }));
        await put(topic, points.slice(0, 20));
        await put(topic, points.slice(20));
        const all = points.map((point) => point.value);
        assert.deepEqual(valuesOf(await valuesBefore(`${topic}?from=0`)), all);
        assert.deepEqual(valuesOf(await valuesBefore(`${topic}?last=7`)), all.slice(33));
        assert.deepEqual(valuesOf(await valuesBefore(`${topic}?last=30`)), all.slice(10));
    });

    it('all properties of a thng or a product: merged by time, each sample a message', async () => {
        for (const kind of ['thngs', 'products']) {
            const { id } = await make(`/${kind}`, { name: 'x' });
            const topic = `/${kind}/${id}/properties`;
            const at = Date.now() - MINUTE;
            const key = (i) => 'abc'[i % 3];
            const points = Array.from({ length: 30 }, (_, i) => ({
                key: key(i),
                value: i,
                timestamp: at + i,
            }));
            await put(topic, [...points].reverse());
            if (kind === 'thngs') await put(`/thngs/${id}/location`, [{ latitude: 1, longitude: 2 }]);
            const sent = async (options) => {
                const filter = `${topic}?${options}`;
                const messages = await history(
                    filter,
                    () => put(`${topic}/mark`, [{ value: 'mark', timestamp: 1 }]),
                    (message) => onePoint(message.payload).key === 'mark',
                );
                await d.api.must(200, 'DELETE', `${topic}/mark`);
                return messages.map((one) => onePoint(one.payload));
            };
            const all = await sent('from=0');
            all.forEach((point, i) =>
                assertPoint(point, { key: key(i), value: i, timestamp: at + i }),
            );
            assert.equal(all.length, 30);
            assert.deepEqual(
                (await sent('last=5')).map((point) => point.value),
                [25, 26, 27, 28, 29],
            );
            assert.deepEqual(
                (await sent(`from=${at + 3}&last=100`)).map((point) => point.value),
                points.slice(3).map((point) => point.value),
            );
        }
    });

    it('the location of a thng', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/location`;
        await put(
            topic,
            [1, 2, 3].map((i) => ({ latitude: i, longitude: -i, timestamp: i * 1000 })),
        );
        const entries = async (options) =>
            (
                await history(
                    `${topic}?${options}`,
                    () => put(topic, [{ latitude: 9, longitude: 9, timestamp: 500 }]),
                    (message) => onePoint(message.payload).latitude === 9,
                )
            ).map((one) => onePoint(one.payload));
        const [first] = await entries('last=1');
        assert.equal(first.latitude, 3);
        assert.equal(first.timestamp, 3000);
        assert.deepEqual(
            (await entries('from=1000')).map((one) => one.latitude),
            [1, 2, 3],
        );
    });

    it('actions: of the account, of their targets, of a type or all', async () => {
        const product = (await make('/products', { name: 'p' })).id;
        const thng = (await make('/thngs', { name: 't', product })).id;
        const collection = (await make('/collections', { name: 'c' })).id;
        await make('/actions', { name: '_replayed' });
        const ids = {};
        const act = async (name, body) => {
            const made = await make(`/actions/${body.type}`, body);
            ids[made.id] = name;
        };
        await act('second', { type: '_replayed', thng, timestamp: 2000 });
        await act('first', { type: 'scans', thng, timestamp: 1000 });
        await act('third', { type: '_replayed', product, timestamp: 3000 });
        await act('fourth', { type: '_replayed', collection, timestamp: 4000 });
        await act('fifth', { type: '_replayed', timestamp: 5000 });
        const on = { thngs: { thng }, products: { product }, collections: { collection } };
        const sent = async (filter) => {
            const root = filter.split('/').find((one) => on[one]);
            let mark;
            const messages = await history(
                filter,
                async () => {
                    mark = await make('/actions/_replayed', { ...on[root], timestamp: 1 });
                },
                (message) => JSON.parse(message.payload).id === mark.id,
            );
            await d.api.must(200, 'DELETE', `/actions/_replayed/${mark.id}`);
            return messages.map((one) => ids[JSON.parse(one.payload).id]);
        };
        const everything = ['first', 'second', 'third', 'fourth', 'fifth'];
        assert.deepEqual(await sent('/actions/all?from=0'), everything);
        assert.deepEqual(await sent('/actions/_replayed?from=0'), everything.slice(1));
        assert.deepEqual(await sent(`/thngs/${thng}/actions/all?from=0`), ['first', 'second']);
        assert.deepEqual(await sent(`/thngs/${thng}/actions/_replayed?last=9`), ['second']);
        assert.deepEqual(await sent(`/products/${product}/actions/all?last=2`), ['second', 'third']);
        assert.deepEqual(await sent(`/products/${product}/actions/_replayed?from=2001`), ['third']);
        assert.deepEqual(await sent(`/collections/${collection}/actions/all?last=1`), ['fourth']);
        assert.deepEqual(await sent(`/collections/${collection}/actions/_replayed?last=1`), [
            'fourth',
        ]);
        assert.deepEqual(await sent('/actions/all?from=2000&last=2'), ['fourth', 'fifth']);
        assert.deepEqual(await sent('/actions/all?last=4'), everything.slice(1));
    });

    it('actions of one millisecond come in the order in which they were recorded', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/actions/scans`;
        const count = 200;
        const publisher = await login(d.port.mqtt, d.key);
        publisher.send(
            ...Array.from({ length: count }, (_, i) =>
                publish(topic, { customFields: { i } }, { qos: i === count - 1 ? 1 : 0, id: 1 }),
            ),
        );
        await publisher.next(type.puback);
        for (const [options, first] of [
            ['from=0', 0],
            ['last=50', count - 50],
        ]) {
            const client = await subscribed(`${topic}?${options}`);
            for (let i = first; i < count; i++) {
                const message = await client.next(type.publish);
                assert.equal(JSON.parse(message.payload).customFields.i, i, options);
            }
            client.destroy();
        }
        publisher.destroy();
    });

    it('an action comes as it does live', async () => {
        const { id } = await d.api.newThng();
        const live = await subscribed(`/thngs/${id}/actions/scans`);
        await make('/actions/scans', { thng: id, customFields: { a: 1 } });
        const [message] = await take(live, 1);
        const late = await subscribed(`/thngs/${id}/actions/scans?last=1`);
        assert.equal((await late.next(type.publish)).payload, message.payload);
        live.destroy();
        late.destroy();
    });

    it('what has no history is refused; so is an option that is none', async () => {
        const { id } = await d.api.newThng();
        const collection = await make('/collections', { name: 'c' });
        const batch = await make('/batches', { name: 'b' });
        const client = await login(d.port.mqtt, d.key);
        for (const filter of [
            `/thngs/${id}?last=1`,
            `/collections/${collection.id}?from=0`,
            `/collections/${collection.id}/thngs?from=0`,
            `/batches/${batch.id}/tasks?last=1`,
            '/actions?from=-1h',
            `/thngs/${id}/properties/a?from=yesterday`,
            `/thngs/${id}/properties/a?last=0`,
        ]) {
            client.send(subscribe(1, filter));
            assert.deepEqual((await client.next(type.suback)).codes, [0x80], filter);
        }
        await assert.rejects(wsOpen(d, `/thngs/${id}?last=1`), { status: 403 });
        client.destroy();
    });

    it('a property that does not exist yet: nothing, then what is live', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/later`;
        const client = await subscribed(`${topic}?from=0`);
        await put(topic, [{ value: 1 }]);
        assert.deepEqual(valuesOf(await take(client, 1)), [1]);
        client.destroy();
    });

    it('with pubStates the history alone is sent', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        await put(topic, [{ value: 1 }]);
        assert.deepEqual(valuesOf(await valuesBefore(`${topic}?pubStates=1&last=3`)), [1]);
    });

    it('several filters in one packet, one after the other, the SUBACK first', async () => {
        const { id } = await d.api.newThng();
        const topic = (key) => `/thngs/${id}/properties/${key}?last=2`;
        const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
        for (const key of keys)
            await put(`/thngs/${id}/properties/${key}`, [{ value: 1 }, { value: 2 }]);
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(5, ...keys.map((key) => [topic(key), 0])));
        assert.equal((await client.next(type.suback)).codes.length, 20);
        const messages = await take(client, 40);
        assert.deepEqual(
            messages.map((one) => `${one.topic} ${onePoint(one.payload).value}`),
            keys.flatMap((key) => [`${topic(key)} 1`, `${topic(key)} 2`]),
        );
        client.destroy();
    });

    it('the same filter again sends the history again', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        await put(topic, [{ value: 1 }, { value: 2 }]);
        const client = await subscribed(`${topic}?from=0`);
        assert.deepEqual(valuesOf(await take(client, 2)), [1, 2]);
        await subscribed(`${topic}?from=0`, { client });
        assert.deepEqual(valuesOf(await take(client, 2)), [1, 2]);
        await put(topic, [{ value: 3 }]);
        assert.deepEqual(valuesOf(await take(client, 1)), [3]);
        await client.quiet(100);
        client.destroy();
    });

    it('on a native WebSocket', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        await put(topic, [{ value: 1 }, { value: 2 }, { value: 3 }]);
        const socket = await wsOpen(d, `${topic}?last=2`);
        await put(topic, [{ value: 4 }]);
        for (const value of [2, 3, 4])
            assert.equal(onePoint((await socket.next()).payload).value, value);
        await socket.end();
    });

    it('a device is sent what it may see: its own', async () => {
        const { id } = await d.api.newThng();
        const other = await d.api.newThng();
        const { thngApiKey } = await make(`/auth/evrythng/thngs`, { thngId: id });
        const topic = `/thngs/${id}/properties/a`;
        await put(topic, [{ value: 1 }]);
        const client = await subscribed(`${topic}?last=1`, { key: thngApiKey });
        assert.deepEqual(valuesOf(await take(client, 1)), [1]);
        client.send(subscribe(2, `/thngs/${other.id}/properties/a?last=1`));
        assert.deepEqual((await client.next(type.suback)).codes, [0x80]);
        client.destroy();
    });

    /** 30,000 samples of 40 bytes, several pages and more than sockets and outbox hold. */
    const fill = async (topic, count) => {
        const filling = 'x'.repeat(40);
        for (let i = 0; i < count; i += 1000)
            await put(
                topic,
                Array.from({ length: 1000 }, (_, k) => ({ value: `${i + k} ${filling}` })),
            );
    };
    const counted = (message) => Number(onePoint(message.payload).value.split(' ')[0]);

    it('a slow reader gets all of it, and what is published meanwhile', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        const count = 30000;
        await fill(topic, count);
        const client = await subscribed(`${topic}?from=0`, { qos: 1 });
        client.socket.pause();
        await put(topic, [{ value: `${count} live` }, { value: `${count + 1} live` }]);
        client.socket.resume();
        const others = await subscribed(`${topic}?last=${count - 1}`);
        let next = 0;
        while (next < count) {
            const message = await client.next(type.publish, 20000);
            assert.equal(counted(message), next++);
            client.send(puback(message.id));
        }
        const last = await client.next(type.publish);
        assert.deepEqual(
            JSON.parse(last.payload).map((point) => point.value),
            [`${count} live`, `${count + 1} live`],
        );
        for (let i = 3; i < count + 2; i++)
            assert.equal(counted(await others.next(type.publish, 20000)), i);
        client.destroy();
        others.destroy();
    });

    it('taken back in the middle it ends there, and the others go on', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        const other = `/thngs/${id}/properties/m?last=1`;
        await fill(topic, 20000);
        await put(`/thngs/${id}/properties/m`, [{ value: 'm' }]);
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, `${topic}?from=0`, other));
        await client.next(type.suback);
        const first = await client.next(type.publish);
        assert.equal(counted(first), 0);
        client.send(unsubscribe(2, `${topic}?from=0`));
        let message;
        let seen = 0;
        do {
            message = await client.next();
            if (message.type === type.publish) {
                client.send(puback(message.id));
                seen++;
            }
        } while (message.type !== type.unsuback);
        assert.ok(seen < 19999, 'it was in the middle');
        client.send(puback(first.id));
        const rest = await client.next(type.publish);
        assert.equal(rest.topic, other);
        client.destroy();
    });

    it('a connection that goes in the middle leaves nothing behind', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/n`;
        await fill(topic, 20000);
        for (let i = 0; i < 20; i++) {
            const client = await subscribed(`${topic}?from=0`);
            if (i % 2) await client.next(type.publish);
            client.destroy();
        }
        assert.equal((await d.api.get('/time')).status, 200);
    });

    it('a key revoked in the middle ends it', async () => {
        const { id } = await d.api.newThng();
        const { thngApiKey } = await make(`/auth/evrythng/thngs`, { thngId: id });
        const topic = `/thngs/${id}/properties/n`;
        await fill(topic, 20000);
        const client = await subscribed(`${topic}?from=0`, { qos: 1, key: thngApiKey });
        await client.next(type.publish);
        await d.api.must(200, 'DELETE', `/auth/evrythng/thngs/${id}`);
        await client.closed();
    });

    it('a large resource: a thousand properties, values of any size', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties`;
        const at = Date.now() - MINUTE;
        const wanted = [];
        for (let i = 0; i < 900; i += 100)
            await put(
                topic,
                Array.from({ length: 100 }, (_, k) => {
                    const n = i + k;
                    const value = n % 100 === 7 ? 'y'.repeat(100000) : n;
                    const point = { key: `p${n}`, value, timestamp: at + ((n * 37) % 900) };
                    wanted.push(point);
                    return point;
                }),
            );
        for (let i = 0; i < 3000; i += 100) {
            const dense = Array.from({ length: 100 }, (_, k) => ({
                key: 'dense',
                value: i + k,
                timestamp: at + 900 + i + k,
            }));
            await put(topic, dense);
            wanted.push(...dense);
        }
        wanted.sort((a, b) => a.timestamp - b.timestamp);
        const check = async (options, points) => {
            const client = await subscribed(`${topic}?${options}`);
            for (const point of points) {
                const got = onePoint((await client.next(type.publish, 20000)).payload);
                assert.equal(got.key, point.key);
                assert.equal(got.timestamp, point.timestamp);
                assert.equal(got.value, point.value);
            }
            client.destroy();
        };
        await check('from=0', wanted);
        await check('last=3200', wanted.slice(-3200));
        await check('last=1', wanted.slice(-1));
    });

    /** Publishers at full speed on several properties and connections, values are counters; at
     *  random times subscribers join, and each must get every sample once, in order. */
    const flood = async (stamped) => {
        const { id } = await d.api.newThng();
        const root = `/thngs/${id}/properties`;
        const properties = 4;
        const each = 6000 / slow; // every page is read among all samples of its hour
        const start = Date.now() - 10 * each;
        const publishers = [];
        let sent = 0;
        const run = async (p) => {
            const client = await login(d.port.mqtt, d.key);
            publishers.push(client);
            for (let i = 0; i < each; i += 100) {
                const packets = [];
                for (let k = i; k < i + 100; k++) {
                    const point = { value: k };
                    if (stamped) point.timestamp = start + k;
                    packets.push(
                        publish(`${root}/p${p}`, [point], { qos: k % 100 === 99 ? 1 : 0, id: 1 }),
                    );
                }
                client.send(...packets);
                await client.next(type.puback, 20000);
                sent += 100;
            }
        };
        const running = Promise.all(Array.from({ length: properties }, (_, p) => run(p)));
        let isOver = false;
        running.finally(() => (isOver = true));
        /** Reads until the last value of all its properties; the first of each is <first>, or any. */
        const read = async (filter, first) => {
            const client = await subscribed(filter);
            const next = new Map();
            const open = new Set(
                filter.startsWith(`${root}?`)
                    ? Array.from({ length: properties }, (_, p) => `p${p}`)
                    : [/p\d/.exec(filter.split('/properties/')[1])[0]],
            );
            while (open.size > 0) {
                const message = await client.next(type.publish, 30000);
                for (const { key, value } of JSON.parse(message.payload)) {
                    const wanted = next.has(key) ? next.get(key) : (first ?? value);
                    assert.equal(value, wanted, `${filter}: ${key}`);
                    next.set(key, value + 1);
                    if (value === each - 1) open.delete(key);
                }
            }
            await client.quiet(50);
            client.destroy();
        };
        const readers = [];
        for (let i = 0; !isOver && i < 40; i++) {
            const p = i % properties;
            const filter = [
                [`${root}/p${p}?from=0`, 0],
                [`${root}?from=0`, 0],
                [`${root}/p${p}?last=${1 + ((i * 313) % 5000)}`, undefined],
                [`${root}?last=${1 + ((i * 977) % 20000)}`, undefined],
            ][(i >> 1) % 4];
            readers.push(read(...filter));
            const pause = sent;
            while (!isOver && sent < pause + 1000 / slow) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await running;
        readers.push(read(`${root}?from=0`, 0));
        await Promise.all(readers);
        assert.ok(readers.length > 5, `${readers.length} readers`);
        for (const client of publishers) client.destroy();
    };

    it('joining a flood: every sample once, in order; stamped by the server', () => flood(false));
    it('joining a flood: every sample once, in order; stamped by clients', () => flood(true));
});
