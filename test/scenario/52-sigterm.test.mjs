// SPDX-License-Identifier: Apache-2.0
// SIGTERM under load: the daemon ends with 0 soon, and nothing that was acknowledged is lost.
import { scenario, it, assert } from './lib/suite.mjs';
import { slow, within } from './lib/daemon.mjs';
import { mqttSub, wsOpen } from './lib/clients.mjs';
import { login, publish, type } from './lib/packets.mjs';

scenario('SIGTERM', {}, (d) => {
    it('ends with status 0, soon, with connections of every kind open', async () => {
        const { id } = await d.api.newThng();
        const topic = `/thngs/${id}/properties/a`;
        const clients = [
            await mqttSub(d, d.url.mqtt, topic),
            await mqttSub(d, d.url.mqtts, topic),
            await mqttSub(d, `${d.url.wss}/mqtt`, topic),
            await wsOpen(d, topic),
        ];
        for (const client of clients) client.client?.on('error', () => {});
        const from = Date.now();
        await d.terminate();
        assert.ok(Date.now() - from < 5000 * slow, `${Date.now() - from} ms`);
        const { code } = await within(2000, 'the WebSocket is closed', clients[3].closed);
        assert.ok([1001, 1006].includes(code), `${code}`);
        for (const client of clients) await client.end().catch(() => {});
        await d.start();
    });

    it('under a load of publishes loses nothing that was acknowledged', async () => {
        const { id } = await d.api.newThng();
        const publishers = await Promise.all(
            Array.from({ length: 20 }, () => login(d.port.mqtt, d.key)),
        );
        const acked = new Map();
        const running = publishers.map(async (client, number) => {
            const key = `k${number}`;
            acked.set(key, 0);
            for (let i = 1; ; i++) {
                client.send(
                    publish(`/thngs/${id}/properties/${key}`, [{ value: i }], {
                        qos: 1,
                        id: (i % 65535) + 1,
                    }),
                );
                await client.next(type.puback);
                acked.set(key, i);
            }
        });
        await new Promise((resolve) => setTimeout(resolve, 700));
        await Promise.all([d.terminate(), ...running.map((one) => one.catch(() => {}))]);
        await d.start();
        let sum = 0;
        for (const [key, count] of acked) {
            const values = (await d.api.history(`/thngs/${id}/properties/${key}`)).map(
                (point) => point.value,
            );
            assert.ok(
                values.length === count || values.length === count + 1,
                `${key}: ${values.length} stored, ${count} acknowledged`,
            );
            assert.deepEqual(
                values,
                values.map((_, i) => i + 1),
            );
            assert.equal((await d.api.get(`/thngs/${id}`)).body.properties[key], values.at(-1));
            sum += count;
        }
        assert.ok(sum > 100, `${sum} publishes before the end`);
    });

    it('documents, keys, locations and deletions outlive it', async () => {
        const thng = await d.api.newThng({
            name: 'before',
            properties: { a: 1, b: 2 },
            location: { latitude: 1, longitude: 2 },
        });
        await d.api.must(200, 'PUT', `/thngs/${thng.id}`, { tags: ['x'] });
        await d.api.must(200, 'DELETE', `/thngs/${thng.id}/properties/a`);
        const gone = await d.api.newThng();
        await d.api.must(200, 'DELETE', `/thngs/${gone.id}`);
        const before = await d.api.must(200, 'GET', `/thngs/${thng.id}`);
        await d.restart();
        assert.deepEqual(await d.api.must(200, 'GET', `/thngs/${thng.id}`), before);
        assert.deepEqual(before.properties, { b: 2 });
        assert.equal((await d.api.get(`/thngs/${gone.id}`)).status, 404);
        assert.equal((await d.api.get('/thngs?perPage=1')).body[0].id, thng.id);
    });
});
