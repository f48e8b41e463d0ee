// SPDX-License-Identifier: Apache-2.0
// The broker's own figures, on $SYS.
import { scenario, it, assert } from './lib/suite.mjs';
import { mqttSub } from './lib/clients.mjs';
import { login, publish, subscribe, type } from './lib/packets.mjs';

const set = { 'mqtt.plain_topics': 'on', 'mqtt.sys_interval': '300ms' };

scenario('figures of the broker', { set }, (d) => {
    /** The next round of figures, by topic. */
    const figures = async (client, count) => {
        const found = new Map();
        while (found.size < count) {
            const { topic, payload, qos, retain } = await client.next(type.publish);
            assert.equal(qos, 0);
            found.set(topic, { payload, retain });
        }
        return found;
    };

    it('are sent when somebody subscribes, as retained, and then again and again', async () => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, ['$SYS/broker/version', 1], ['$SYS/broker/uptime', 0]));
        await client.next(type.suback);
        const first = await figures(client, 2);
        assert.match(first.get('$SYS/broker/version').payload, /^thrum version \d+\.\d+\.\d+/);
        assert.match(first.get('$SYS/broker/uptime').payload, /^\d+ seconds$/);
        assert.ok([...first.values()].every(({ retain }) => retain));
        const second = await figures(client, 2);
        assert.ok([...second.values()].every(({ retain }) => !retain));
        client.destroy();
    });

    it('count what there is', async () => {
        const watcher = await login(d.port.mqtt, d.key);
        const publisher = await login(d.port.mqtt, d.key);
        for (let id = 1; id <= 5; id++) {
            publisher.send(publish('some/topic', 'x', { qos: 1, id }));
            await publisher.next(type.puback);
        }
        watcher.send(subscribe(1, ['$SYS/#', 0]));
        await watcher.next(type.suback);
        const found = await figures(watcher, 11);
        const number = (topic) => Number(found.get(`$SYS/broker/${topic}`).payload);
        assert.equal(number('clients/connected'), 2);
        assert.ok(number('publish/messages/received') >= 5);
        assert.ok(number('subscriptions/count') >= 1);
        watcher.destroy();
        publisher.destroy();
    });

    it('are not met by a wildcard at the beginning, and nobody else may publish them', async () => {
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, ['#', 0], ['+/broker/version', 0]));
        await client.next(type.suback);
        await client.quiet(700);
        client.send(publish('$SYS/broker/version', 'mine', { qos: 1, id: 1 }));
        await client.closed();
        const { id } = await d.api.newThng();
        const device = await login(d.port.mqtt, await d.api.newDeviceKey(id));
        device.send(subscribe(1, '$SYS/#'));
        assert.deepEqual((await device.next(type.suback)).codes, [0x80]);
    });

    it('MQTT.js reads them', async () => {
        const sub = await mqttSub(d, d.url.mqtt, '$SYS/broker/clients/#');
        const { topic } = await sub.next();
        assert.match(topic, /^\$SYS\/broker\/clients\//);
    });
});
