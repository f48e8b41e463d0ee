// SPDX-License-Identifier: Apache-2.0
//
// A client that does at random what clients do, and tells the model of delivery of all of it. It
// keeps its own half of the protocol as MQTT wants it: what it has published and not heard of is
// sent again when its session is there, under the same packet ids and in the same order.
import assert from 'node:assert/strict';
import * as packets from './packets.mjs';
import { seeded } from './random.mjs';

const { type } = packets;
const TRACE = Number(process.env.THRUM_TEST_TRACE ?? 100); // lines
const UNANSWERED = 40; // publishes of one client
const IDS = 90; // packet ids in use: few, so that they are soon used again

/** Packets go to the owner, as long as it has not turned away. */
class Wire extends packets.RawSocket {
    take(chunk) {
        this.bytes = Buffer.concat([this.bytes, chunk]);
        for (let found; this.bytes.length > 1 && (found = packets.read(this.bytes));) {
            this.bytes = found.rest;
            this.owner?.take(found.packet);
        }
    }
}

export class DeliveryClient {
    /** <habits>: { clean: how often a CONNECT is clean, sees(topic), key } */
    constructor(storm, index, habits) {
        Object.assign(this, { storm, index, habits });
        this.name = `client-${index}`;
        this.model = storm.model;
        this.chance = seeded(storm.seed * 1000 + index);
        this.session = this.model.newSession(this.name, habits.sees);
        this.publisher = this.model.newPublisher();
        this.wire = null;
        this.stage = 'away'; // 'dialling' 'connecting' 'open'
        this.outstanding = []; // publishes: { message, id, isReceived }
        this.lostIds = new Set(); // of publishes that a session may know of, and the client no more
        this.trace = [];
        this.isLazy = false; // does not acknowledge by itself
        this.isCalm = false;
        this.forget();
    }

    /** What belongs to one connection. */
    forget() {
        this.requests = new Map(); // packet id: what the answer is for
        this.quiet = []; // messages with QoS 0 that nothing has been heard of
        this.pings = [];
        this.toRelease = [];
        this.toComplete = [];
    }

    note(what) {
        this.trace.push(`${this.model.time} ${what}`);
        if (this.trace.length > TRACE) this.trace.shift();
    }

    fail(error) {
        const trace = this.trace.join('\n');
        this.storm.failure ??= new Error(`${this.name}: ${error.message}\n${trace}`, {
            cause: error,
        });
    }

    send(...bytes) {
        this.wire.send(...bytes);
    }

    /* ---- connections ---- */

    async connect(isClean) {
        this.stage = 'dialling';
        let wire;
        try {
            wire = await Wire.open(this.storm.port());
        } catch {
            this.stage = 'away';
            return;
        }
        this.wire = wire;
        wire.owner = this;
        wire.socket.on('close', () => this.closed(wire));
        this.stage = 'connecting';
        if (isClean) this.giveUpOutstanding();
        this.note(`CONNECT clean ${isClean}`);
        this.session.connect(isClean);
        this.send(
            packets.connect({
                clientId: this.name,
                clean: isClean,
                user: 'authorization',
                password: this.habits.key,
            }),
        );
    }

    /** Before a clean CONNECT. Without a CONNACK the next session may be the old one or a new one: what
     *  is sent again could be taken twice, and what has a packet id of then for what was sent then. */
    giveUpOutstanding() {
        for (const { id } of this.outstanding) this.lostIds.add(id);
        this.outstanding = [];
    }

    /** Turns away from the connection, which may be there a little longer. */
    leave(how) {
        const { wire } = this;
        this.note(how);
        if (wire) wire.owner = null;
        this.wire = null;
        this.stage = 'away';
        /* The state of a clean session is not carried into another [MQTT-3.1.2-6]. */
        if (this.session.isOpen && this.session.isClean) this.outstanding = [];
        this.session.lost();
        this.forget();
        return wire;
    }

    closed(wire) {
        if (wire !== this.wire) return;
        if (this.stage === 'open' && !this.storm.isCrashing)
            this.fail(new Error('the daemon has closed the connection'));
        this.leave('closed');
    }

    drop() {
        this.leave('drop')?.destroy();
    }

    disconnect() {
        this.send(packets.disconnect());
        const wire = this.leave('DISCONNECT');
        wire.socket.resume();
        wire.socket.end();
    }

    /** Connects anew without a word to the old connection, which the daemon has to close. */
    takeOver(isClean) {
        const old = this.leave('take over');
        old.socket.resume();
        this.storm.superseded.push(old);
        return this.connect(isClean);
    }

    /* ---- what comes ---- */

    take(packet) {
        try {
            this.takePacket(packet);
        } catch (error) {
            this.fail(error);
        }
    }

    takePacket(packet) {
        const name = Object.keys(type).find((one) => type[one] === packet.type);
        if (packet.type !== type.publish && packet.type !== type.pingresp)
            this.note(`< ${name} ${packet.id ?? ''} ${packet.codes ?? packet.present ?? ''}`);
        if (packet.type === type.connack) this.accepted(packet);
        else {
            assert.equal(this.stage, 'open', `${name} before CONNACK`);
            this[name](packet);
        }
    }

    accepted({ code, present }) {
        assert.equal(code, 0, 'CONNACK');
        this.stage = 'open';
        this.session.connected(present);
        if (!present) {
            this.outstanding = [];
            this.lostIds.clear();
        }
        for (const one of this.outstanding) {
            if (one.isReceived) this.send(packets.pubrel(one.id));
            else this.transmit(one, true);
        }
    }

    publish(packet) {
        const { dup, qos, id, topic, payload } = packet;
        const { p, n } = this.model.world.read(payload);
        this.note(`< publish${dup ? ' DUP' : ''} qos ${qos} id ${id} ${topic} ${p}:${n}`);
        this.session.receive(packet);
        if (packet.qos > 0 && !this.isLazy && (this.isCalm || this.chance.random() < 0.8))
            this.acknowledge([this.session.pending.get(packet.id)]);
    }

    puback({ id }) {
        this.settled(id, 1);
        this.outstanding = this.outstanding.filter((one) => one.id !== id);
    }

    pubrec({ id }) {
        this.settled(id, 2).isReceived = true;
        this.toRelease.push(id);
        if (!this.isLazy) this.release();
    }

    /** Acknowledgements come in the order of the publishes [MQTT-4.6.0-2], [MQTT-4.6.0-3]. */
    settled(id, qos) {
        const first = this.outstanding.find(
            (one) => !one.isReceived && one.message.qos === qos,
        );
        assert.equal(id, first?.id, 'acknowledged in the order of the publishes');
        this.model.settle(first.message);
        for (const quiet of this.quiet.filter(({ before }) => before === first.message))
            this.model.settle(quiet.message);
        return first;
    }

    pubcomp({ id }) {
        const found = this.outstanding.findIndex((one) => one.id === id && one.isReceived);
        assert.ok(found >= 0, `PUBCOMP ${id} of nothing`);
        this.outstanding.splice(found, 1);
    }

    pubrel({ id }) {
        this.session.released(id);
        this.note(`> pubcomp ${id}`);
        this.send(packets.pubcomp(id));
    }

    suback({ id, codes }) {
        const filters = this.answered(id);
        assert.equal(codes.length, filters.length);
        filters.forEach((filter, i) => this.session.subscribed(filter, codes[i]));
    }

    unsuback({ id }) {
        for (const filter of this.answered(id)) this.session.unsubscribed(filter);
    }

    answered(id) {
        const filters = this.requests.get(id);
        assert.ok(filters, `an answer to ${id}, which was not asked`);
        this.requests.delete(id);
        return filters;
    }

    pingresp() {
        this.session.confirm(this.pings.shift());
    }

    /* ---- what is sent ---- */

    nextId() {
        for (;;) {
            const id = 1 + this.chance.below(IDS + this.lostIds.size);
            const isTaken = this.requests.has(id) || this.lostIds.has(id);
            if (!isTaken && !this.outstanding.some((one) => one.id === id)) return id;
        }
    }

    say(topic, qos) {
        const message = this.model.publish(this.publisher, topic, qos);
        message.bytes = this.chance.random() < 0.05 ? this.chance.below(8000) : 0;
        if (qos === 0) {
            this.quiet.push({ message });
            this.note(`> publish qos 0 ${topic.publish} ${message.n}`);
            this.send(packets.publish(topic.publish, this.body(message), { qos: 0 }));
            return;
        }
        for (const quiet of this.quiet) quiet.before ??= message;
        const one = { message, id: this.nextId(), isReceived: false };
        this.outstanding.push(one);
        this.transmit(one, false);
    }

    body({ p, n, bytes }) {
        return this.model.world.body(p, n, bytes);
    }

    transmit({ message, id }, dup) {
        if (dup) this.model.transmit(message);
        const { topic, qos } = message;
        this.note(`> publish ${dup ? 'DUP ' : ''}qos ${qos} id ${id} ${topic.publish} ${message.n}`);
        this.send(packets.publish(topic.publish, this.body(message), { qos, id, dup }));
    }

    release() {
        for (const id of this.toRelease.splice(0)) {
            this.note(`> pubrel ${id}`);
            this.send(packets.pubrel(id));
        }
    }

    acknowledge(flights) {
        for (const flight of flights) {
            this.session.acknowledge(flight);
            const isTwo = flight.qos === 2;
            this.note(`> ${isTwo ? 'pubrec' : 'puback'} ${flight.id}`);
            this.send((isTwo ? packets.pubrec : packets.puback)(flight.id));
        }
    }

    ping() {
        this.pings.push(this.session.takeUnconfirmed());
        this.send(packets.pingreq());
    }

    subscribe(wishes) {
        const id = this.nextId();
        this.requests.set(
            id,
            wishes.map(([filter]) => filter),
        );
        this.note(`> subscribe ${id} ${wishes.map(([filter, qos]) => `${filter.text}:${qos}`)}`);
        for (const [filter, qos] of wishes) this.session.subscribe(filter, qos);
        this.send(packets.subscribe(id, ...wishes.map(([filter, qos]) => [filter.text, qos])));
    }

    unsubscribe(filters) {
        const id = this.nextId();
        this.requests.set(id, filters);
        this.note(`> unsubscribe ${id} ${filters.map(({ text }) => text)}`);
        for (const filter of filters) this.session.unsubscribe(filter);
        this.send(packets.unsubscribe(id, ...filters.map(({ text }) => text)));
    }

    /* ---- what it does at random ---- */

    /** One thing; <calm>: it stays, reads and acknowledges until all is as it should be. */
    act(calm) {
        this.isCalm = calm;
        const { random } = this.chance;
        const dice = random();
        if (this.stage === 'away') {
            if (calm || dice < 0.2) this.storm.watch(this.connect(!calm && this.isClean()));
        } else if (this.stage === 'open') {
            if (calm) this.tidy();
            else this.actOpen(dice);
        } else if (!calm && dice < 0.02) this.drop();
    }

    isClean() {
        return this.chance.random() < this.habits.clean;
    }

    actOpen(dice) {
        const { random, below, some } = this.chance;
        if (dice < 0.35) this.sayMany(1 + below(3));
        else if (dice < 0.47) this.changeSubscriptions(dice < 0.43);
        else if (dice < 0.75) this.acknowledge(this.shuffled(some(this.session.open(), 0.6)));
        else if (dice < 0.82) this.release();
        else if (dice < 0.87) this.ping();
        else if (dice < 0.92) this.isLazy = random() < 0.5;
        else if (dice < 0.95) this.wire.socket.pause();
        else if (dice < 0.97) this.wire.socket.resume();
        else if (dice < 0.98) this.drop();
        else if (dice < 0.99) this.disconnect();
        else this.storm.watch(this.takeOver(this.isClean()));
    }

    tidy() {
        this.isLazy = false;
        this.wire.socket.resume();
        this.acknowledge(this.session.open());
        this.release();
        if (this.pings.length === 0) this.ping();
    }

    /** Nothing is on its way to it or from it, as far as it knows. */
    isTidy() {
        return (
            this.stage === 'open' &&
            this.outstanding.length === 0 &&
            this.requests.size === 0 &&
            this.session.owesNothing() &&
            this.session.open().length === 0 &&
            this.session.isReleased()
        );
    }

    sayMany(count) {
        const topics = this.model.world.topics.filter(this.habits.sees);
        for (let i = 0; i < count && this.outstanding.length < UNANSWERED; i++)
            this.say(this.chance.pick(topics), this.chance.below(3));
    }

    shuffled(list) {
        return this.chance.random() < 0.5 ? list : list.reverse();
    }

    isAsked(filter) {
        return [...this.requests.values()].some((filters) => filters.includes(filter));
    }

    /** Not before all has come again behind a crash: what comes then would depend on when. */
    changeSubscriptions(isMore) {
        if (this.session.isRepeating()) return;
        if (isMore) this.subscribeSome();
        else this.unsubscribeSome();
    }

    /** Also some that it has. */
    subscribeSome() {
        const { below, pick } = this.chance;
        const { world } = this.model;
        const filters = new Set();
        for (let i = below(3); i >= 0; i--) {
            const filter = pick(world.filters);
            const others = [...this.session.subscriptions.keys(), ...filters];
            if (!this.isAsked(filter) && !others.some((other) => world.collide(filter, other)))
                filters.add(filter);
        }
        if (filters.size) this.subscribe([...filters].map((filter) => [filter, this.anyQos()]));
    }

    anyQos() {
        const dice = this.chance.random();
        return dice < 0.15 ? 0 : dice < 0.7 ? 1 : 2;
    }

    unsubscribeSome() {
        const mine = [...this.session.subscriptions.values()].filter(
            ({ state, asked }) => state === 'granted' && asked === undefined,
        );
        if (mine.length) this.unsubscribe([this.chance.pick(mine).filter]);
    }
}
