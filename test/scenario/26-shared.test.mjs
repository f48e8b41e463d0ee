// SPDX-License-Identifier: Apache-2.0
// Shared subscriptions, "$share/GROUP/FILTER": each message goes to one member of the group.
import { scenario, it, assert } from './lib/suite.mjs';
import { mosquittoPub, mosquittoSub, mqttSub } from './lib/clients.mjs';
import { eventually, smallRing } from './lib/daemon.mjs';
import { newAccount } from './lib/people.mjs';
import {
    connect,
    disconnect,
    login,
    puback,
    publish,
    RawMqtt,
    subscribe,
    type,
    unsubscribe,
} from './lib/packets.mjs';

/** A member that notes what it is sent, and acknowledges it unless it is lazy. */
class Member {
    static async come(d, filter, { clientId, clean = true, qos = 1, isLazy = false, key } = {}) {
        const member = new Member();
        Object.assign(member, { got: [], isLazy, owed: [] });
        const client = await RawMqtt.open(d.port.mqtt);
        member.client = client;
        client.take = (chunk) => RawMqtt.prototype.take.call(client, chunk) ?? member.drain();
        clientId ??= `member-${Math.random().toString(36).slice(2)}`;
        client.send(connect({ clientId, clean, user: 'authorization', password: key ?? d.key }));
        member.connack = await eventually('CONNACK', () => member.connackGot);
        assert.equal(member.connack.code, 0);
        if (filter && !member.connack.present) {
            client.send(subscribe(1, [filter, qos]));
            member.codes = (await eventually('SUBACK', () => member.subackGot)).codes;
        }
        return member;
    }

    drain() {
        for (let one; (one = this.client.packets.shift());) {
            if (one.type === type.connack) this.connackGot = one;
            else if (one.type === type.suback) this.subackGot = one;
            else if (one.type === type.unsuback) this.unsubackGot = one;
            else if (one.type === type.publish) this.received(one);
        }
    }

    received(one) {
        this.got.push(Object.assign(one, { text: one.payload.toString() }));
        if (one.qos === 0) return;
        if (this.isLazy) this.owed.push(one);
        else this.client.send(puback(one.id));
    }

    acknowledge() {
        this.isLazy = false;
        for (const one of this.owed.splice(0)) this.client.send(puback(one.id));
    }

    numbers(topic) {
        return this.got.filter((one) => !topic || one.topic === topic).map(({ text }) => Number(text));
    }

    async leave() {
        this.client.send(disconnect());
        await this.client.closed();
    }
}

const all = (members) => members.flatMap((one) => one.numbers()).sort((a, b) => a - b);
const upTo = (count, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const isRising = (numbers) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]);

scenario('shared subscriptions', { set: { 'mqtt.plain_topics': 'on', ...smallRing } }, (d) => {
    const say = async (topic, from, count, qos = 1) => {
        const publisher = await login(d.port.mqtt, d.key);
        for (let i = 0; i < count; i++) {
            publisher.send(publish(topic, String(from + i), { qos, id: (i % 60000) + 1 }));
        }
        if (qos) for (let i = 0; i < count; i++) await publisher.next(type.puback, 15000);
        publisher.destroy();
    };
    const have = (members, count) =>
        eventually(`${count} messages`, () => all(members).length >= count, 15000);

    it('each message goes to one member, all have their part, and each gets its own in order', async () => {
        const members = await Promise.all(upTo(4).map(() => Member.come(d, '$share/g/one/+/x')));
        assert.deepEqual([...members[0].codes], [1]);
        const other = await Member.come(d, '$share/h/one/#');
        const alone = await Member.come(d, 'one/a/x');
        await say('one/a/x', 0, 400);
        await have(members, 400);
        await have([other], 400);
        await have([alone], 400);
        assert.deepEqual(all(members), upTo(400));
        assert.deepEqual(other.numbers(), upTo(400));
        assert.deepEqual(alone.numbers(), upTo(400));
        for (const one of members) {
            assert.ok(one.got.length >= 40, `a member has had ${one.got.length}`);
            assert.ok(isRising(one.numbers()));
            assert.ok(one.got.every(({ topic, qos, dup }) => topic === 'one/a/x' && qos === 1 && !dup));
        }
        for (const one of [...members, other, alone]) await one.leave();
    });

    it('QoS is at most 1, and the lower of both; retained messages are not sent', async () => {
        const retainer = await login(d.port.mqtt, d.key);
        retainer.send(publish('qos/a', '7', { qos: 1, id: 1, retain: true }));
        await retainer.next(type.puback);
        const high = await Member.come(d, '$share/q/qos/#', { qos: 2 });
        assert.deepEqual([...high.codes], [1]);
        await say('qos/a', 0, 20, 0);
        await have([high], 20);
        await say('qos/a', 20, 20, 1);
        await have([high], 40);
        assert.deepEqual(high.numbers(), upTo(40));
        assert.deepEqual(
            high.got.map(({ qos }) => qos),
            upTo(40).map((n) => (n < 20 ? 0 : 1)),
        );
        await high.leave();
        const low = await Member.come(d, '$share/q/qos/#', { qos: 0 });
        await say('qos/a', 0, 200);
        await have([low], 200);
        assert.ok(low.got.every(({ qos }) => qos === 0));
        assert.deepEqual(low.numbers(), upTo(200));
        await low.leave();
    });

    it('who is slow holds nobody up; when it goes, others get what it has not acknowledged', async () => {
        const lazy = await Member.come(d, '$share/s/slow', { isLazy: true });
        const quick = await Member.come(d, '$share/s/slow');
        await say('slow', 0, 1000);
        await have([quick], 1000 - 32);
        await have([lazy], 32);
        assert.deepEqual(all([lazy, quick]), upTo(1000));
        lazy.client.destroy();
        await have([quick], 1000);
        assert.deepEqual(all([quick]), upTo(1000));
        await say('slow', 1000, 10);
        await have([quick], 1010);
        assert.deepEqual(all([quick]), upTo(1010));
        await quick.leave();
    });

    it('messages may be large or empty; of large ones a member is handed fewer', async () => {
        const lazy = await Member.come(d, '$share/l/large', { isLazy: true });
        const publisher = await login(d.port.mqtt, d.key);
        const large = 'x'.repeat(60000);
        for (let i = 1; i <= 40; i++) {
            publisher.send(publish('large', i % 2 ? `${i} ${large}` : '', { qos: 1, id: i }));
            await publisher.next(type.puback);
        }
        await have([lazy], 1);
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.ok(lazy.got.length < 4, `${lazy.got.length} at once`);
        lazy.acknowledge();
        await have([lazy], 40);
        assert.deepEqual(
            lazy.got.map(({ text }) => parseInt(text, 10) || 0),
            upTo(40, 1).map((n) => (n % 2 ? n : 0)),
        );
        await lazy.leave();
    });

    it('when nobody can take more it waits, and goes on from the journal', async () => {
        const lazy = await Member.come(d, '$share/w/wait/#', { isLazy: true });
        await say('wait/a', 0, 5000);
        await have([lazy], 32);
        const helper = await Member.come(d, '$share/w/wait/#');
        await have([helper], 5000 - 32);
        lazy.acknowledge();
        await say('wait/b', 5000, 1000);
        await have([lazy, helper], 6000);
        assert.deepEqual(all([lazy, helper]), upTo(6000));
        assert.ok(isRising(helper.numbers('wait/a')));
        for (const one of [lazy, helper]) await one.leave();
    });

    it('who unsubscribes gets nothing more; a group that nobody is in is gone', async () => {
        const one = await Member.come(d, '$share/u/un');
        const two = await Member.come(d, '$share/u/un');
        one.client.send(unsubscribe(5, '$share/u/un'));
        await eventually('UNSUBACK', () => one.unsubackGot);
        await say('un', 0, 50);
        await have([two], 50);
        assert.deepEqual(one.numbers(), []);
        await two.leave();
        await say('un', 50, 10);
        const later = await Member.come(d, '$share/u/un');
        await say('un', 60, 10);
        await have([later], 10);
        assert.deepEqual(later.numbers(), upTo(10, 60));
        for (const member of [one, later]) await member.leave();
    });

    it('subscribing once more changes nothing but the QoS', async () => {
        const one = await Member.come(d, '$share/again/again', { isLazy: true });
        await say('again', 0, 100);
        one.client.send(subscribe(2, ['$share/again/again', 0]));
        await eventually('SUBACK', () => one.subackGot.id === 2);
        one.acknowledge();
        await have([one], 100);
        assert.deepEqual(one.numbers(), upTo(100));
        assert.equal(one.got.at(-1).qos, 0);
        await one.leave();
    });

    it('a group of members with clean session 0 waits for them, over kill -9 too', async () => {
        const who = { clientId: 'kept-member', clean: false };
        const first = await Member.come(d, '$share/k/kept/#', who);
        await say('kept/a', 0, 10);
        await have([first], 10);
        await first.leave();
        await say('kept/a', 10, 3000);
        await d.restart();
        await say('kept/a', 3010, 10);
        const second = await Member.come(d, '$share/k/kept/#', who);
        assert.ok(second.connack.present);
        await have([second], 3010);
        assert.deepEqual(second.numbers(), upTo(3010, 10));
        /* Another one takes its part, and what was owed. */
        second.isLazy = true;
        await say('kept/a', 3020, 40);
        await eventually('it has its part', () => second.owed.length === 32);
        const third = await Member.come(d, '$share/k/kept/#');
        await have([third], 8);
        await new Promise((resolve) => setTimeout(resolve, 1500)); // heads are written every second
        d.kill9();
        await d.start();
        const fourth = await Member.come(d, '$share/k/kept/#');
        await have([fourth], 32);
        assert.deepEqual(fourth.numbers(), second.owed.map(({ text }) => Number(text)));
        await fourth.leave();
        const last = await Member.come(d, '$share/k/kept/#', who);
        await say('kept/a', 5000, 1);
        await have([last], 1);
        assert.deepEqual(last.numbers(), [5000]);
        last.client.send(unsubscribe(9, '$share/k/kept/#'));
        await eventually('UNSUBACK', () => last.unsubackGot);
        await say('kept/a', 6000, 1);
        last.client.send(subscribe(10, ['$share/k/kept/#', 1]));
        await eventually('SUBACK', () => last.subackGot);
        await say('kept/a', 6001, 1);
        await have([last], 2);
        assert.deepEqual(last.numbers(), [5000, 6001]);
        await last.leave();
    });

    it('a group is of one account', async () => {
        const other = await newAccount(d.api);
        const here = await Member.come(d, '$share/acc/acc');
        const there = await Member.come(d, '$share/acc/acc', { key: other.key });
        await say('acc', 0, 100);
        await have([here], 100);
        assert.deepEqual(here.numbers(), upTo(100));
        assert.deepEqual(there.numbers(), []);
        for (const one of [here, there]) await one.leave();
    });

    it('what is no shared filter is refused', async () => {
        const filters = ['$share', '$share/', '$share/g', '$share/g/', '$share//a', '$share/+/a',
            '$share/g#/a', '$share/g/a#', `$share/g/${'x'.repeat(1100)}`, '$share/g/$SYS/#'];
        for (const filter of filters) {
            const one = await Member.come(d, filter);
            assert.deepEqual([...one.codes], [0x80], filter);
            await one.leave();
        }
    });

    it('members come and go while messages flow: each message is had, few twice', async () => {
        const filter = '$share/storm/storm/#';
        const anchor = await Member.come(d, filter);
        const members = [anchor];
        const publishing = (async () => {
            for (let i = 0; i < 40; i++) await say(`storm/${i % 3}`, i * 100, 100);
        })();
        let isOver = false;
        publishing.finally(() => (isOver = true));
        while (!isOver) {
            const one = await Member.come(d, filter, { isLazy: members.length % 3 === 0 });
            members.push(one);
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (members.length % 2) one.client.destroy();
            else await one.leave();
        }
        await publishing;
        await eventually('all are had', () => new Set(all(members)).size === 4000, 20000);
        assert.ok(anchor.got.length > 1000);
        await anchor.leave();
    });

    it('with clients as they are: mosquitto_sub and mqtt.js', async () => {
        const filter = '$share/real/real/+';
        const inboxes = [await mqttSub(d, d.url.mqtt, filter), await mosquittoSub(d, filter)];
        for (let i = 0; i < 10; i++) await mosquittoPub(d, `real/${i}`, String(i));
        const got = () => inboxes.flatMap(({ messages }) => messages);
        await eventually('ten messages', () => got().length >= 10);
        assert.ok(inboxes.every(({ messages }) => messages.length === 5));
        assert.deepEqual(got().map(({ payload }) => Number(payload)).sort((a, b) => a - b), upTo(10));
        for (const inbox of inboxes) await inbox.end();
    });
});
