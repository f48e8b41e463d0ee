// SPDX-License-Identifier: Apache-2.0
// Clients that are too far behind: what becomes of QoS 0, and where there is a bound on lag.
import { scenario, it, assert, onePoint } from './lib/suite.mjs';
import { eventually, sleep, smallRing } from './lib/daemon.mjs';
import { login, publish, puback, subscribe, type } from './lib/packets.mjs';

const filling = 'x'.repeat(8000);
const numberOf = ({ payload }) => Number(onePoint(payload).value.split(' ')[0]);

/** <count> values of 8 KB on the topic, each acknowledged; <pace> is waited for now and then. */
async function flood(d, topic, count, pace = async () => {}) {
    const publisher = await login(d.port.mqtt, d.key);
    for (let i = 0; i < count; i += 50) {
        const numbers = Array.from({ length: 50 }, (_, k) => i + k);
        publisher.send(
            ...numbers.map((n) => publish(topic, [{ value: `${n} ${filling}` }], { qos: 1, id: n + 1 })),
        );
        for (let k = 0; k < 50; k++) await publisher.next(type.puback, 15000);
        await pace(i);
    }
    publisher.destroy();
}

async function deafOn(d, topic, qos, more) {
    const deaf = await login(d.port.mqtt, d.key, more);
    deaf.send(subscribe(1, [topic, qos]));
    await deaf.next(type.suback);
    deaf.socket.pause();
    return deaf;
}

scenario('QoS 0 of long ago', { set: { ...smallRing, 'session.qos0_lag': '100' } }, (d) => {
    it('is dropped for who does not read, and nothing of QoS 1', async () => {
        const topic = `/thngs/${(await d.api.newThng()).id}/properties/n`;
        const count = 2000;
        const careless = await deafOn(d, topic, 0);
        const careful = await deafOn(d, topic, 1);
        await flood(d, topic, count);
        careless.socket.resume();
        careful.socket.resume();
        for (let i = 0; i < count; i++) {
            const message = await careful.next(type.publish, 15000);
            assert.equal(numberOf(message), i);
            careful.send(puback(message.id));
        }
        const got = [];
        do got.push(numberOf(await careless.next(type.publish, 15000)));
        while (got.at(-1) < count - 1);
        assert.ok(got.length < count, `all ${got.length}`);
        assert.ok(got.length >= 100);
        assert.deepEqual(got, [...got].sort((a, b) => a - b));
        assert.deepEqual(got.slice(-100), Array.from({ length: 100 }, (_, i) => count - 100 + i));
        await d.api.put(topic, [{ value: `${count} live` }]);
        assert.equal(numberOf(await careless.next(type.publish)), count);
    });
});

scenario('a bound on lag', { set: { 'session.lag_max': '500' } }, (d) => {
    it('ends the connection; a session that is kept goes on when its client is back', async () => {
        const topic = `/thngs/${(await d.api.newThng()).id}/properties/n`;
        const count = 2000;
        const deaf = await deafOn(d, topic, 1, { clientId: 'deaf', clean: false });
        const brief = await deafOn(d, topic, 1);
        const reader = await login(d.port.mqtt, d.key);
        reader.send(subscribe(1, topic));
        await reader.next(type.suback);
        let read = 0;
        const reading = async () => {
            for (; read < count; read++) {
                const message = await reader.next(type.publish, 15000);
                assert.equal(numberOf(message), read, 'who reads is not disturbed');
                reader.send(puback(message.id));
            }
        };
        const hasRead = (i) => eventually('it is read', () => read > i - 200, 15000);
        await Promise.all([flood(d, topic, count, hasRead), reading()]);
        for (const one of [deaf, brief]) {
            one.socket.resume();
            await eventually('the connection ends', () => one.isClosed || one.isEnded, 10000);
        }
        const back = await login(d.port.mqtt, d.key, { clientId: 'deaf', clean: false });
        for (let i = 0; i < count; i++) {
            const message = await back.next(type.publish, 15000);
            assert.equal(numberOf(message), i);
            back.send(puback(message.id));
            if (i % 100 === 0) await sleep(150); // it takes its time, and catches up
        }
        await reader.quiet();
    });
});
