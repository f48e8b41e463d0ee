// SPDX-License-Identifier: Apache-2.0
// Interoperation: npm mqtt, mosquitto, Paho for C and for Python (MQTT 3.1 and 3.1.1 each, the first
// also over WebSocket), npm ws, Chromium and curl, plain and over TLS. What any of them publishes, all
// of them see, with the same bytes; at every quality of service, near the size limit, and ten thousand
// at a time (a part of them where the daemon is slow).
import { after, before } from 'node:test';
import { scenario, it, assert, assertPoint, onePoint } from './lib/suite.mjs';
import { run, slow } from './lib/daemon.mjs';
import { openBrowser } from './lib/browser.mjs';
import { allClients, curlGet, mqttClients } from './lib/all-clients.mjs';
import { mqttConnect, mqttSub } from './lib/clients.mjs';
import { connect, RawMqtt } from './lib/packets.mjs';

scenario('interoperation', {}, (d) => {
    let browser;
    before(async () => {
        browser = await openBrowser(d);
    });
    after(() => browser?.close());

    const clients = allClients(() => browser);

    async function newTopic() {
        const { id } = await d.api.newThng();
        return `/thngs/${id}/properties/temp`;
    }

    /** Each kind of subscriber, on each of its transports or on every other one. */
    const subscribeAll = (topic, transportsOf = () => [false, true]) =>
        Promise.all(
            clients.flatMap((one, i) =>
                transportsOf(i).map(async (tls) => ({
                    to: `${one.name}${tls ? ' with TLS' : ''}`,
                    topic: one.isMqtt ? topic : null,
                    inbox: await one.subscribe(d, topic, { tls }),
                })),
            ),
        );

    const endAll = (receivers) => Promise.all(receivers.map(({ inbox }) => inbox.end()));

    it('whatever publishes, all see the same', async () => {
        const topic = await newTopic();
        const receivers = await subscribeAll(topic);
        let value = 0;
        for (const { name, isMqtt, publish } of clients) {
            const ways = [{ qos: 1 }, { qos: 1, tls: true }];
            if (isMqtt) ways.push({ qos: 0, tls: true }, { qos: 2 });
            for (const way of ways) {
                const what = `${name} ${JSON.stringify(way)}`;
                value++;
                await publish(d, topic, [`[{"value":${value}}]`], { ...way, retain: true });
                const messages = await Promise.all(receivers.map(({ inbox }) => inbox.next()));
                const { payload } = messages[0];
                assertPoint(onePoint(payload), { key: 'temp', value });
                for (const [i, { to, topic: spelling }] of receivers.entries())
                    assert.deepEqual(messages[i], { topic: spelling, payload }, `${what}, to ${to}`);
                assert.equal(await curlGet(d, topic.replace('/temp', ''), way), payload);
            }
        }
        await endAll(receivers);
        for (const { to, inbox } of receivers) assert.deepEqual(inbox.messages, [], to);
        assert.equal((await d.api.history(topic)).length, value, 'each is recorded once');
        /* All were published with the retain flag, which is accepted and keeps nothing. */
        const later = await mqttSub(d, d.url.mqtt, topic);
        await d.api.must(200, 'PUT', topic, [{ value: 'later' }]);
        assert.equal(onePoint((await later.next()).payload).value, 'later');
    });

    for (const { name, subscribe, publish } of mqttClients) {
        it(`${name}: granted 0, 1, and 1 when it asks for 2; pubStates; a refusal`, async () => {
            const topic = await newTopic();
            await publish(d, topic, ['[{"value":1}]']);
            const inboxes = await Promise.all(
                [0, 1, 2].map((qos) =>
                    subscribe(d, `${topic}?pubStates=1`, { qos, tls: true, clean: qos !== 1 }),
                ),
            );
            for (const [qos, inbox] of inboxes.entries()) {
                if (!name.startsWith('Paho C')) assert.equal(inbox.granted, Math.min(qos, 1));
                const message = await inbox.next();
                assert.equal(message.topic, `${topic}?pubStates=1`);
                assert.equal(onePoint(message.payload).value, 1);
                await inbox.end();
            }
            /* Each tells it in its own way: with an error, or with 128 as what was granted. */
            const unknown = topic.replace(/U\w{23}/, 'UaBcDeFgHkMnPqRsTwXyAaBb');
            const told = await subscribe(d, unknown).then(
                (inbox) => `granted: ${inbox.granted}`,
                (error) => error.message,
            );
            assert.match(told, /granted: 128|subscribe: 128|Subscribe error/);
        });

        it(`${name}: a wrong key is refused`, async () => {
            const topic = await newTopic();
            const stranger = Object.create(d, { key: { value: 'A'.repeat(80) } });
            const told = /not authori[sz]ed|connect: 5|refused: 5/i;
            await assert.rejects(subscribe(stranger, topic), told);
            await assert.rejects(publish(stranger, topic, ['[{"value":1}]']), told);
            assert.deepEqual((await d.api.get(topic)).body, []);
        });
    }

    it('messages near the limit of 1 MiB, from each to all', async () => {
        const topic = await newTopic();
        const receivers = await subscribeAll(topic, (i) => [i % 2 === 1]);
        for (const [i, { name, publish }] of clients.entries()) {
            const value = `${i}${'é'.repeat((1024 * 1024 - 256) / 2)}`;
            await publish(d, topic, [`[{"value":"${value}"}]`], { tls: i % 2 === 1 });
            for (const { to, inbox } of receivers) {
                const { payload } = await inbox.next(20000);
                assert.ok(onePoint(payload).value === value, `${name} to ${to}`);
            }
        }
        await endAll(receivers);
    });

    it('ten thousand from each, and to each, in order, all at once', async () => {
        const all = Array.from({ length: 10000 / slow }, (_, i) => `[{"value":${i}}]`);
        /* Each publishes to the one behind it in the list, the last one to the first. */
        const pass = async ({ name, publish }, i) => {
            const tls = i % 2 === 1;
            const to = clients[(i + 1) % clients.length];
            const topic = await newTopic();
            const inbox = await to.subscribe(d, topic, { tls });
            await publish(d, topic, all, { tls });
            for (const i of all.keys()) {
                const { payload } = await inbox.next(300000);
                assert.equal(onePoint(payload).value, i, `${name} to ${to.name}`);
            }
            await inbox.end();
        };
        await Promise.all(clients.map(pass));
    });

    it('MQTT 5 is answered with 1, and closed', async () => {
        for (const port of [d.port.mqtt, d.port.http]) {
            const raw = await RawMqtt.open(port);
            raw.send(connect({ level: 5, user: 'authorization', password: d.key }));
            assert.equal((await raw.next()).code, 1);
            await raw.closed();
        }
        await assert.rejects(
            mqttConnect(d, d.url.mqtt, { protocolVersion: 5 }),
            /Unacceptable protocol version/,
        );
        const args = ['-h', '127.0.0.1', '-p', String(d.port.mqtt), '-V', 'mqttv5', '-t', 'x', '-n'];
        const { stderr } = await run('mosquitto_pub', args);
        assert.match(stderr, /Unsupported Protocol Version/);
    });
});
