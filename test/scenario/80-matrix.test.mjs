// SPDX-License-Identifier: Apache-2.0
// The matrix of rights, generated: every kind of actor x every operation x resources that are its
// own, of other projects, of other users, of another account, and that do not exist; on REST, and
// for each topic on MQTT and native WebSockets (auth.md 5 to 8, pubsub.md 3 and 6). What is expected
// comes from lib/rights.mjs, which was written from the contract.
import http from 'node:http';
import { scenario, it, assert, unknownId } from './lib/suite.mjs';
import { makeWorld, actorNames } from './lib/matrix-world.mjs';
import { operations, notInMatrix } from './lib/matrix-operations.mjs';
import { topics, verdictOf } from './lib/matrix-topics.mjs';
import { RawMqtt, RawSocket, connect, publish, subscribe, type } from './lib/packets.mjs';
import { request } from './lib/rest.mjs';
import { judge } from './lib/rights.mjs';
import { within } from './lib/daemon.mjs';

const SIDE_BY_SIDE = 24;
const set = {
    'auth.password_memory': '8MiB',
    'auth.password_passes': 1,
    'auth.failed_logins': 1000000,
};

/** Runs <work> for each of the items, some side by side; what went wrong, as lines. */
async function each(items, work, count = SIDE_BY_SIDE) {
    const queue = [...items];
    const wrong = [];
    const worker = async () => {
        for (let item; (item = queue.shift()) !== undefined;) {
            try {
                await work(item, wrong);
            } catch (error) {
                wrong.push(`${error.stack}`);
            }
        }
    };
    await Promise.all(Array.from({ length: count }, worker));
    return wrong;
}

/** None may be wrong; the first ones are told. */
function assertNone(wrong, count, what) {
    console.log(`# ${what}: ${count} cases`);
    const some = wrong.slice(0, Number(process.env.THRUM_TEST_TELL ?? 40)).join('\n');
    assert.equal(wrong.length, 0, `${wrong.length} of ${count} are wrong:\n${some}`);
}

/* Ways to present a key; they count alike (auth.md 4). */
const ways = [
    (path, key) => ({ path, key }),
    (path, key) => ({ path: `${path}${path.includes('?') ? '&' : '?'}access_token=${key}` }),
    (path, key) => ({ path: `/v2${path}`, key: `Token ${key}` }),
    (path, key) => ({ path: `/v2${path}`, key: `Bearer ${key}` }),
];

scenario('the matrix of rights', { set }, (d) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: SIDE_BY_SIDE });
    let w;

    it('a world: two accounts, projects, actors of every kind, resources', async () => {
        w = await makeWorld(d, agent);
        assert.deepEqual(Object.keys(w.actors), actorNames);
    });

    it('every route of the description is in the table', async () => {
        const { paths } = (await d.api.get('/openapi.json')).body;
        const served = Object.entries(paths).flatMap(([path, methods]) =>
            Object.keys(methods)
                .filter((method) => ['get', 'put', 'post', 'delete'].includes(method))
                .map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '*')}`),
        );
        const known = [...operations.map((one) => `${one.method} ${one.path}`), ...notInMatrix].map(
            (text) => text.replace(/\?.*$/, '').replace(/:\w+/g, '*'),
        );
        assert.deepEqual(
            served.filter((one) => !known.includes(one)),
            [],
            'these are in no table',
        );
        assert.deepEqual(
            known.filter((one) => !served.includes(one)),
            [],
            'these are not served',
        );
    });

    /* 404 must not tell what is hidden from what does not exist. */
    const notFound = new Set();

    async function call(actor, method, path, body, way) {
        const key = actor.kind === 'none' ? undefined : actor.key;
        const how = key === undefined ? { path } : ways[way](path, key);
        return request(`${d.url.http}${how.path}`, { method, key: how.key, body, agent });
    }

    function told(answer, wanted) {
        if (answer.status !== wanted)
            return `${answer.status} instead of ${wanted}: ${answer.text}`;
        if (wanted < 400) return null;
        if (answer.body?.status !== wanted || !answer.body.errors?.length)
            return `no error body: ${answer.text}`;
        if (wanted === 404) notFound.add(answer.text);
        return null;
    }

    function toldCount(answer, wanted) {
        const count = answer.headers['x-result-count'];
        const isAsWanted = wanted === undefined || count === `${wanted}`;
        return isAsWanted ? null : `counts ${count} instead of ${wanted}`;
    }

    for (const name of actorNames)
        it(`REST: ${name}`, async () => {
            const actor = w.actors[name];
            const cases = operations.flatMap((operation) =>
                operation.cases(w, actor).map((one) => ({ operation, ...one })),
            );
            let count = 0;
            const wrong = await each(cases, async (one, wrong) => {
                const { operation, label, expected } = one;
                const status = expected || operation.status;
                /* What changes nothing is asked in each way. */
                const all = expected === 0 && operation.isOnce ? [count % 4] : [0, 1, 2, 3];
                for (const way of all) {
                    const { path, body, key = actor.key } = await one.make(expected === 0);
                    const answer = await call({ ...actor, key }, operation.method, path, body, way);
                    count += 1;
                    const fault =
                        told(answer, expected || (one.status ?? status)) ??
                        (expected === 0 ? toldCount(answer, one.count) : null);
                    const title = `${name}: ${operation.method} ${operation.path} of ${label}`;
                    if (fault) wrong.push(`${title}: ${fault}`);
                }
            });
            /* Valid JSON of the wrong shape: rights are judged first, then the body. */
            for (const one of cases) {
                if (!one.operation.takesShape) continue;
                const { path } = await one.make(false);
                const answer = await call(actor, one.operation.method, path, 3, 0);
                count += 1;
                const wanted = one.expected || 400;
                const fault = told(answer, wanted);
                const { method, path: pattern } = one.operation;
                const title = `${name}: ${method} ${pattern} of ${one.label}`;
                if (fault) wrong.push(`${title}, wrong body: ${fault}`);
            }
            w.counted = (w.counted ?? 0) + count;
            assertNone(wrong, count, `REST, ${name}`);
        });

    it('404 says the same of what is hidden and of what does not exist', () => {
        const texts = new Set([...notFound].map((text) => JSON.parse(text).errors[0]));
        assert.ok(
            [...texts].every((text) => /not found/i.test(text)),
            [...texts].join('\n'),
        );
        assert.ok(texts.size <= 2, [...texts].join('\n'));
    });

    /* ---- topics ---- */

    const withOptions = (topic, ...options) =>
        options.length ? `${topic}?${options.join('&')}` : topic;

    /** All topics of the contract, of each resource, in each project: { topic, options, ... }. */
    const topicCases = (actor, projects) =>
        topics.flatMap((one) =>
            one
                .targets(w)
                .flatMap((target) =>
                    projects.map((project) => ({ one, actor, ...target, project })),
                ),
        );

    async function subscribeAll(client, filters) {
        const codes = [];
        for (let at = 0; at < filters.length; at += 400) {
            client.send(subscribe(1 + at, ...filters.slice(at, at + 400)));
            codes.push(...(await client.next(type.suback, 20000)).codes);
        }
        return codes;
    }

    for (const name of actorNames)
        it(`MQTT subscribe: ${name}`, async () => {
            const actor = w.actors[name];
            const projects = [undefined, w.P.id, w.Q.id, w.foreign.P.id, unknownId];
            const cases = topicCases(actor, projects);
            const filters = cases.map((one) =>
                withOptions(one.topic, ...(one.project ? [`project=${one.project}`] : [])),
            );
            const wanted = cases.map((one) =>
                verdictOf(w, one, one.one.row, one.one.sub) === 0 ? 1 : 0x80,
            );
            let count = 0;
            const wrong = [];
            const compare = (codes, how) => {
                codes.forEach((code, i) => {
                    count += 1;
                    if (code !== wanted[i])
                        wrong.push(
                            `${name}: ${how} ${cases[i].one.title} of ${cases[i].label}` +
                                `${cases[i].project ? ` in ${w.nameOf(cases[i].project)}` : ''}: ` +
                                `${code} instead of ${wanted[i]}`,
                        );
                });
                assert.equal(codes.length, wanted.length);
            };
            const open = async (options) => {
                const client = await RawMqtt.open(d.port.mqtt);
                client.send(connect({ clientId: `m-${Math.random()}`, ...options }));
                return { client, code: (await client.next(type.connack)).code };
            };
            if (actor.key) {
                const user = { user: 'authorization', password: actor.key };
                const { client, code } = await open(user);
                assert.equal(code, actor.kind === '?' ? 5 : 0);
                if (code === 0) compare(await subscribeAll(client, filters), 'subscribes to');
                client.destroy();
            }
            const { client } = await open({});
            const token = actor.key ? [`access_token=${actor.key}`] : [];
            compare(
                await subscribeAll(
                    client,
                    cases.map((one) =>
                        withOptions(
                            one.topic,
                            ...(one.project ? [`project=${one.project}`] : []),
                            ...token,
                        ),
                    ),
                ),
                'with a token on',
            );
            client.destroy();
            w.counted += count;
            assertNone(wrong, count, `MQTT subscribe, ${name}`);
        });

    for (const isOnTopic of [false, true])
        it(`MQTT publish: keys ${isOnTopic ? 'on topics' : 'of connections'}`, () =>
            publishAll(isOnTopic));

    async function publishAll(isOnTopic) {
        const projects = [undefined, w.P.id, w.Q.id, w.foreign.P.id, unknownId];
        let count = 0;
        let id = 0;
        const wrong = await each(
            actorNames.filter((name) => isOnTopic || w.actors[name].kind !== '?'),
            async (name, wrong) => {
                const actor = w.actors[name];
                const user = { user: 'authorization', password: actor.key };
                const options = actor.key && !isOnTopic ? user : {};
                const token = actor.key && isOnTopic ? [`access_token=${actor.key}`] : [];
                let client = null;
                for (const one of topicCases(actor, projects)) {
                    const verdict = verdictOf(w, one, one.one.row, one.one.pub, true);
                    if (client === null || client.isClosed) {
                        client = await RawMqtt.open(d.port.mqtt);
                        client.send(
                            connect({ clientId: `p-${name}-${Math.random()}`, ...options }),
                        );
                        assert.equal((await client.next(type.connack)).code, 0);
                    }
                    id = (id % 60000) + 1;
                    const topic = withOptions(
                        one.topic,
                        ...(one.project ? [`project=${one.project}`] : []),
                        ...token,
                    );
                    client.send(publish(topic, one.one.payload(w, actor), { qos: 1, id }));
                    const acknowledged = await client
                        .next(type.puback, 10000)
                        .then(() => true)
                        .catch((error) => {
                            if (!client.isClosed) throw error;
                            return false;
                        });
                    count += 1;
                    if (acknowledged !== (verdict === 0))
                        wrong.push(
                            `${name}: publishes to ${one.one.title} of ${one.label}` +
                                `${one.project ? ` in ${w.nameOf(one.project)}` : ''}: ` +
                                `${acknowledged ? 'taken' : 'refused'}, expected ${verdict}`,
                        );
                }
                client?.destroy();
            },
            8,
        );
        w.counted += count;
        assertNone(wrong, count, 'MQTT publish');
    }

    /** The status of an upgrade on a bare socket, which stays open. */
    async function upgrade(path, key) {
        const socket = await RawSocket.open(d.port.http);
        const authorization = key ? `Authorization: ${key}\r\n` : '';
        socket.send(
            Buffer.from(
                `GET ${path} HTTP/1.1\r\nHost: x\r\n${authorization}Connection: Upgrade\r\n` +
                    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
                    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
            ),
        );
        await socket.until('the answer', () => socket.bytes.includes('\r\n\r\n'), 10000);
        const head = socket.bytes.indexOf('\r\n\r\n') + 4;
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(socket.bytes.toString('latin1'))[1]);
        socket.bytes = socket.bytes.subarray(head);
        return { socket, status };
    }

    function textFrame(value) {
        const payload = Buffer.from(JSON.stringify(value));
        assert.ok(payload.length < 60000);
        const length =
            payload.length < 126
                ? [0x80 | payload.length]
                : [0x80 | 126, payload.length >> 8, payload.length & 255];
        return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
    }

    it('native WebSocket: every actor opens every topic, and publishes', async () => {
        let count = 0;
        const cases = actorNames.flatMap((name) =>
            topicCases(w.actors[name], [undefined]).map((one) => ({ name, ...one })),
        );
        const wrong = await each(cases, async (one, wrong) => {
            const { name, actor } = one;
            const title = `${name}: WebSocket ${one.one.title} of ${one.label}`;
            const may = verdictOf(w, one, one.one.row, one.one.sub) === 0;
            const isInAddress = actor.key !== undefined && count % 2 === 1;
            const { socket, status } = isInAddress
                ? await upgrade(`${one.topic}?access_token=${actor.key}`)
                : await upgrade(one.topic, actor.key);
            count += 1;
            if (status !== (may ? 101 : 403)) wrong.push(`${title}: ${status}, may: ${may}`);
            if (status === 101 && one.one.pub !== '') {
                const mayPublish = verdictOf(w, one, one.one.row, one.one.pub, true) === 0;
                socket.send(textFrame(one.one.payload(w, actor, true)));
                await socket.until('an echo or a close', () => socket.bytes.length >= 4, 10000);
                count += 1;
                const opcode = socket.bytes[0] & 15;
                const code = opcode === 8 ? socket.bytes.readUInt16BE(2) : 0;
                const asWanted = mayPublish ? opcode === 1 : code === 1008;
                if (!asWanted)
                    wrong.push(`${title}: opcode ${opcode}, ${code}, may publish: ${mayPublish}`);
            }
            socket.destroy();
        });
        w.counted += count;
        assertNone(wrong, count, 'native WebSocket');
    });

    it('tens of thousands of cases', async () => {
        console.log(`# ${w.counted} cases in all`);
        assert.ok(w.counted > 30000, `${w.counted}`);
        assert.equal(judge(w.actors['operator: admin'], 'thngs', 'L'), 0);
        agent.destroy();
        await within(5000, 'the daemon answers', d.api.get('/access'));
    });
});
