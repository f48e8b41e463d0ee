// SPDX-License-Identifier: Apache-2.0
// A disk that takes no more: writes are refused and nothing of them is acknowledged, reads go on; when
// there is room again the daemon goes on by itself. The limit on the size of a file stands in for the
// full disk: every write beyond it fails, as the kernel has it.
import { execFileSync } from 'node:child_process';
import { scenario, it, assert } from './lib/suite.mjs';
import { eventually } from './lib/daemon.mjs';
import { connect, disconnect, login, publish, RawMqtt, type } from './lib/packets.mjs';

const limit = (d, bytes) => execFileSync('prlimit', ['--pid', d.pid, `--fsize=${bytes}:`]);

scenario('a disk that is full', {}, (d) => {
    it('refuses writes, goes on reading, and writes again when it can', async () => {
        const { id } = await d.api.newThng();
        const path = `/thngs/${id}/properties/a`;
        const put = (value) => d.api.put(path, [{ value }]);
        const acked = [];
        for (let i = 1; i <= 20; i++) {
            assert.equal((await put(i)).status, 200);
            acked.push(i);
        }

        limit(d, 1024);
        const refused = await put('refused');
        assert.equal(refused.status, 503, JSON.stringify(refused.body));
        assert.equal((await put('refused')).status, 503);
        const client = await login(d.port.mqtt, d.key);
        client.send(publish(path, [{ value: 'refused' }], { qos: 1, id: 7 }));
        await client.closed();
        assert.ok(!client.packets.some((packet) => packet.type === type.puback));
        const during = await d.api.get(`${path}?perPage=100`);
        assert.equal(during.status, 200);
        assert.deepEqual(during.body.map((point) => point.value).reverse(), acked);

        limit(d, 'unlimited');
        await eventually(
            'a write is accepted again',
            async () => (await put('after')).status === 200,
            15000,
        );
        assert.equal((await d.api.put(`/thngs/${id}/properties/new`, [{ value: 1 }])).status, 200);
        const check = async () => {
            const values = (await d.api.get(`${path}?perPage=100`)).body.map((one) => one.value);
            assert.deepEqual(values.filter((value) => Number.isInteger(value)).reverse(), acked);
            assert.equal(values[0], 'after');
            assert.equal((await d.api.get(`/thngs/${id}`)).body.properties.new, 1);
        };
        await check();
        await d.restart();
        await check();
    });
});

scenario('sessions while the disk is full', { set: { 'session.count_max': '2' } }, (d) => {
    /** Comes, and goes again: the return code of the CONNACK. */
    const visit = async (clientId, clean) => {
        const client = await RawMqtt.open(d.port.mqtt);
        client.send(connect({ clientId, clean, user: 'authorization', password: d.key }));
        const { code } = await client.next(type.connack);
        if (code === 0) client.send(disconnect());
        await client.closed();
        return code;
    };

    it('what could not be begun, or ended, is not counted', async () => {
        assert.equal(await visit('first', false), 0);
        limit(d, 1024);
        for (let i = 0; i < 3; i++) assert.equal(await visit('first', true), 3, 'it stays');
        for (let i = 0; i < 3; i++) assert.equal(await visit(`refused-${i}`, false), 3);
        limit(d, 'unlimited');
        await eventually('a second one begins', async () => (await visit('second', false)) === 0);
        assert.equal(await visit('third', false), 3, 'two is the limit');
        assert.equal(await visit('first', true), 0);
        assert.equal(await visit('third', false), 0);
        assert.equal(await visit('first', false), 3);
    });
});
