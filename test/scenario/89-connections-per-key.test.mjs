// SPDX-License-Identifier: Apache-2.0
// How many connections one key may hold at once, over all protocols.
import { scenario, it, assert } from './lib/suite.mjs';
import { wsOpen } from './lib/clients.mjs';
import { eventually } from './lib/daemon.mjs';
import { openEvents } from './lib/events.mjs';
import { connect, RawMqtt, type } from './lib/packets.mjs';

scenario('connections per key', { set: { 'limits.connections_per_key': '4' } }, (d) => {
    const fresh = async () => {
        const { id } = await d.api.newThng();
        return { key: await d.api.newDeviceKey(id), topic: `/thngs/${id}/properties/a` };
    };
    const mqtt = async (key) => {
        const client = await RawMqtt.open(d.port.mqtt);
        client.send(connect({ clientId: '', user: 'authorization', password: key }));
        return { client, code: (await client.next(type.connack)).code };
    };
    const events = (key, topic) => openEvents(d, topic, { key });

    it('the next one is refused: CONNACK 3, 429 for WebSocket and streams; who goes makes room', async () => {
        const { key, topic } = await fresh();
        const [one, two] = [await mqtt(key), await mqtt(key)];
        assert.deepEqual([one.code, two.code], [0, 0]);
        const socket = await wsOpen(d, topic, { key });
        const stream = await events(key, topic);
        const refused = await mqtt(key);
        assert.equal(refused.code, 3);
        await refused.client.closed();
        await assert.rejects(wsOpen(d, topic, { key }), /429/);
        assert.equal((await events(key, topic)).status, 429);
        assert.equal((await d.api.call('GET', '/access', undefined, { key })).status, 200);
        one.client.destroy();
        const again = await eventually('room for one', async () => {
            const more = await mqtt(key);
            return more.code === 0 && more;
        });
        assert.equal((await mqtt(key)).code, 3);
        await socket.end();
        await eventually('room for a stream', async () => {
            const more = await events(key, topic);
            return more.status === 200;
        });
        stream.destroy();
        for (const { client } of [two, again]) client.destroy();
    });

    it('other keys have theirs; polls that end, and refused connections, leave nothing behind', async () => {
        const { key, topic } = await fresh();
        const polls = await Promise.all(
            Array.from({ length: 5 }, () =>
                d.api.call('GET', `${topic}?wait=1`, undefined, { key }),
            ),
        );
        assert.equal(polls.filter(({ status }) => status === 429).length, 1);
        const four = async () => {
            const all = [];
            for (let k = 0; k < 4; k++) all.push(await mqtt(key));
            if (all.every(({ code }) => code === 0)) return all;
            for (const { client } of all) client.destroy();
            return null;
        };
        for (let i = 0; i < 20; i++) {
            const all = await eventually('room for four', four);
            assert.equal((await mqtt(key)).code, 3);
            for (const { client } of all) client.destroy();
        }
        const other = await fresh();
        assert.equal((await mqtt(other.key)).code, 0);
    });
});
