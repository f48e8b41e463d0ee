// SPDX-License-Identifier: Apache-2.0
// The matrix: an update published on any protocol arrives on every protocol, on the key's topic and
// on /properties, with the same JSON, and is then in the latest value and in the history; of thngs
// and of products. And so does an action, on the account's topics and on those of its thng and
// product.
// Real clients only: mosquitto_pub and _sub, npm mqtt, npm ws, curl.
import { scenario, it, assert, assertPoint, onePoint } from './lib/suite.mjs';
import { mosquittoPub, mosquittoSub, mqttPub, mqttSub, wsOpen, wsPub } from './lib/clients.mjs';
import { run } from './lib/daemon.mjs';

async function curl(method, d, path, payload) {
    const { code, stdout, stderr } = await run('curl', [
        '-sS',
        '--fail-with-body',
        '-X',
        method,
        `${d.url.http}${path}`,
        '-H',
        `Authorization: ${d.key}`,
        '-H',
        'Content-Type: application/json',
        '-d',
        payload,
    ]);
    if (code !== 0) throw new Error(`curl ended with ${code}: ${stdout}${stderr}`);
    return stdout;
}

const curlPut = (d, path, payload) => curl('PUT', d, path, payload);
const curlPost = (d, path, payload) => curl('POST', d, path, payload);

const publishers = {
    mosquitto_pub: (d, topic, payload) => mosquittoPub(d, topic, payload),
    'mosquitto_pub with TLS': (d, topic, payload) => mosquittoPub(d, topic, payload, { tls: true }),
    'npm mqtt over WebSocket': (d, topic, payload) =>
        mqttPub(d, `${d.url.ws}/mqtt`, topic, payload),
    'native WebSocket': (d, topic, payload) => wsPub(d, topic, payload),
    'curl PUT': curlPut,
};

const subscribers = {
    mosquitto_sub: (d, topic) => mosquittoSub(d, topic),
    'mosquitto_sub with TLS': (d, topic) => mosquittoSub(d, topic, { tls: true }),
    'npm mqtt over WebSocket': (d, topic) => mqttSub(d, `${d.url.ws}/mqtt`, topic),
    'native WebSocket': (d, topic) => wsOpen(d, topic),
};

scenario('the matrix', {}, (d) => {
    let serial = 0;

    for (const [from, publish] of Object.entries(publishers)) {
        for (const [to, subscribe] of Object.entries(subscribers)) {
            it(`${from} to ${to}`, async () => {
                const { id } = await d.api.newThng();
                const topics = [`/thngs/${id}/properties/temp`, `/thngs/${id}/properties`];
                const receivers = await Promise.all(topics.map((topic) => subscribe(d, topic)));
                const value = 20 + ++serial / 100;
                await publish(d, topics[0], `[{"value":${value}}]`);
                const messages = await Promise.all(receivers.map((receiver) => receiver.next()));
                for (const [index, message] of messages.entries()) {
                    if (to !== 'native WebSocket') assert.equal(message.topic, topics[index]);
                    assert.equal(
                        message.payload,
                        messages[0].payload,
                        'the same JSON on both topics',
                    );
                }
                const point = onePoint(messages[0].payload);
                assertPoint(point, { key: 'temp', value });
                assert.equal((await d.api.get(`/thngs/${id}`)).body.properties.temp, value);
                assert.deepEqual((await d.api.get(topics[1])).body, [point]);
                const { key, ...stored } = point;
                assert.deepEqual((await d.api.get(topics[0])).body, [stored]);
                for (const receiver of receivers) await receiver.end();
            });
        }
    }

    for (const [from, publish] of Object.entries(publishers)) {
        it(`points of a product, ${from} to all`, async () => {
            const { id } = await d.api.must(201, 'POST', '/products', { name: 'x' });
            const topics = [`/products/${id}/properties/temp`, `/products/${id}/properties`];
            const receivers = await Promise.all(
                Object.values(subscribers).flatMap((subscribe) =>
                    topics.map((topic) => subscribe(d, topic)),
                ),
            );
            const value = 20 + ++serial / 100;
            await publish(d, topics[0], `[{"value":${value}}]`);
            for (const receiver of receivers) {
                const { payload } = await receiver.next();
                assertPoint(onePoint(payload), { key: 'temp', value });
                assert.deepEqual((await d.api.get(topics[1])).body, JSON.parse(payload));
                await receiver.end();
            }
        });
    }

    const recorders = { ...publishers, 'curl PUT': undefined, 'curl POST': curlPost };
    for (const [from, record] of Object.entries(recorders)) {
        if (record === undefined) continue;
        it(`an action, ${from} to all`, async () => {
            const name = `_matrix${++serial}`;
            await d.api.must(201, 'POST', '/actions', { name });
            const product = await d.api.must(201, 'POST', '/products', { name: 'x' });
            const thng = await d.api.newThng({ name: 'x', product: product.id });
            const topics = ['', `/thngs/${thng.id}`, `/products/${product.id}`].flatMap((root) => [
                `${root}/actions/${name}`,
                `${root}/actions/all`,
            ]);
            const all = Object.values(subscribers);
            const receivers = await Promise.all(
                topics.map((topic, i) => all[i % all.length](d, topic)),
            );
            await record(d, `/thngs/${thng.id}/actions/${name}`, '{"customFields":{"level":1.50}}');
            const [stored] = await d.api.must(200, 'GET', topics[0]);
            assert.equal(stored.thng, thng.id);
            assert.equal(stored.product, product.id);
            for (const receiver of receivers) {
                const { payload } = await receiver.next();
                assert.deepEqual(JSON.parse(payload), stored);
                assert.ok(payload.includes('{"level":1.50}'), 'values are kept byte for byte');
                await receiver.end();
            }
        });
    }

    it('one update, all subscribers at once, the same bytes everywhere', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/temp`;
        const receivers = await Promise.all(
            Object.values(subscribers).map((subscribe) => subscribe(d, topic)),
        );
        const answer = await curlPut(
            d,
            topic,
            '[{"value":{"a":[1.50,"é"]},"timestamp":1700000000123}]',
        );
        for (const receiver of receivers) assert.equal((await receiver.next()).payload, answer);
        assert.ok(answer.includes('"value":{"a":[1.50,"é"]}'), 'values are kept byte for byte');
        for (const receiver of receivers) await receiver.end();
    });
});
