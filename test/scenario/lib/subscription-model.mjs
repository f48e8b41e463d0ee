// SPDX-License-Identifier: Apache-2.0
//
// What each of very many subscriptions must, must not and may be delivered, judged message by
// message as they come.
//
// Every topic has one connection that publishes to it, so the order of its messages is known when
// they are sent: message <i> of a topic is the i-th that its publisher sent. A subscription begins
// between its SUBSCRIBE and its SUBACK. So its first message is none that had been acknowledged
// before the SUBSCRIBE was sent, and none that was sent only after a first one that came behind the
// SUBACK; when the subscriber is the publisher itself, the order of its packets decides, and
// exactly one message can be the first. From there on it is every message, once, in order, until
// UNSUBACK; and none behind that. A mark that a connection sends to itself and gets back vouches for
// what had been acknowledged before: that much must have come before an UNSUBSCRIBE is sent.
//
// A message of QoS 0 counts as acknowledged when one with QoS 1 behind it, on the same topic, is:
// what concerns different resources may overtake each other.
//
// Where several resources fire on one topic (/actions/all) only the messages of each resource are in
// the order of their publisher. There, what was acknowledged before the SUBSCRIBE must not come,
// what was sent behind the SUBACK must, and nothing twice.
import assert from 'node:assert/strict';

const NONE = -1;
/* The first message may still be any. */
const OPEN = 0x7fffffff;

/* A subscription's condition. */
const ABSENT = 0;
const PRESENT = 1; // on a topic of one resource
const MIXED = 2; // on a topic that several fire on

export class SubscriptionModel {
    /** <topics>: { path, owner, isMixed, spellings }: the index of the connection that publishes to
     *  it, whether several resources fire on it, and the strings that it is subscribed to with. */
    constructor(topics, connections, seed) {
        this.seed = seed;
        this.topics = topics;
        this.logs = topics.map(() => []); // the numbers of its messages
        this.committed = new Int32Array(topics.length); // so many of them are known to be recorded
        this.spellings = []; // every string: { text, topic }
        this.byText = new Map();
        topics.forEach((topic, index) => {
            topic.first = this.spellings.length;
            for (const text of topic.spellings) {
                assert.ok(!this.byText.has(text), text);
                this.byText.set(text, this.spellings.length);
                this.spellings.push({ text, topic: index });
            }
        });
        this.connections = Array.from(
            { length: connections },
            (_, index) => new ConnectionModel(this, index),
        );
        this.publishes = []; // by number: { topics, counts, qos }
        this.delivered = 0;
    }

    /** A message that is sent now, on these topics; its number. */
    publish(topics, qos) {
        const number = this.publishes.length;
        const counts = topics.map((topic) => this.logs[topic].push(number));
        this.publishes.push({ topics, counts, qos });
        return number;
    }

    /** It is acknowledged: its publisher knows that it is recorded, and with it all before it. */
    commit(number) {
        const { topics, counts } = this.publishes[number];
        topics.forEach((topic, i) => {
            this.committed[topic] = counts[i];
        });
    }

    /** Has everybody had everything? */
    hasAll() {
        return this.connections.every((connection) => connection.hasAll());
    }

    /** Nothing is on its way: everybody has had everything. */
    checkAll() {
        let live = 0;
        for (const connection of this.connections) live += connection.checkAll();
        return live;
    }
}

/** The subscriptions of one connection. */
class ConnectionModel {
    constructor(model, index) {
        const count = model.spellings.length;
        this.model = model;
        this.index = index;
        this.isWanted = new Uint8Array(count); // as it is when all requests are answered
        this.state = new Uint8Array(count);
        this.next = new Int32Array(count); // the message that must come; NONE: the first has not
        this.low = new Int32Array(count); // the first one is from here ...
        this.high = new Int32Array(count); // ... to here
        this.qos = new Uint8Array(count); // a bit for each that is granted or may be by now
        this.count = 0; // wanted ones
        this.came = new Map(); // to those that are MIXED: the places of the messages, a set each
        this.requests = []; // not answered, in order
        this.vouched = new Int32Array(model.topics.length);
    }

    fail(spelling, what) {
        const { text } = this.model.spellings[spelling];
        throw new Error(
            `seed ${this.model.seed}: connection ${this.index}, ${text}: ${what} ` +
                `(next ${this.next[spelling]}, first ${this.low[spelling]}..${this.high[spelling]})`,
        );
    }

    /* ---- requests ---- */

    /** A SUBSCRIBE is sent now: [spelling, qos] each. */
    subscribe(id, wishes) {
        const { model } = this;
        const added = wishes.map(([spelling, qos]) => {
            const { topic } = model.spellings[spelling];
            const isNew = !this.isWanted[spelling];
            const { owner, isMixed } = model.topics[topic];
            const isOwn = owner === this.index && !isMixed;
            if (isNew) this.count++;
            this.isWanted[spelling] = 1;
            const low = isOwn ? model.logs[topic].length : model.committed[topic];
            return { spelling, qos, isNew, low, high: isOwn ? low : OPEN };
        });
        this.requests.push({ id, added });
        this.openWindows();
    }

    /** An UNSUBSCRIBE is sent now. A spelling that there is no subscription with stands for all of
     *  its topic (contract, pub/sub 6). */
    unsubscribe(id, spellings) {
        const { model } = this;
        const removed = [];
        for (const spelling of spellings) {
            const { topic } = model.spellings[spelling];
            const all = this.isWanted[spelling] ? [spelling] : this.wantedOf(topic);
            for (const one of all) {
                this.isWanted[one] = 0;
                this.count--;
                removed.push({ spelling: one, floor: this.vouched[topic] });
            }
        }
        this.requests.push({ id, removed });
    }

    wantedOf(topic) {
        const { first, spellings } = this.model.topics[topic];
        return spellings.map((_, k) => first + k).filter((spelling) => this.isWanted[spelling]);
    }

    /** From here on messages may come for what was asked for, up to the first UNSUBSCRIBE that is
     *  not answered. */
    openWindows() {
        for (const { added } of this.requests) {
            if (!added) return;
            for (const wish of added) {
                if (wish.isOpen) continue;
                wish.isOpen = true;
                this.qos[wish.spelling] |= 1 << wish.qos;
                if (!wish.isNew) continue;
                this.qos[wish.spelling] = 1 << wish.qos;
                this.begin(wish.spelling);
                this.next[wish.spelling] = NONE;
                this.low[wish.spelling] = wish.low;
                this.high[wish.spelling] = wish.high;
            }
        }
    }

    begin(spelling) {
        const { isMixed } = this.model.topics[this.model.spellings[spelling].topic];
        this.state[spelling] = isMixed ? MIXED : PRESENT;
        if (isMixed) this.came.set(spelling, new Set());
    }

    /** SUBACK or UNSUBACK. What is unsubscribed from is so at once, when all before is answered; one
     *  SUBSCRIBE may be answered before another. */
    answered(id, codes) {
        const place = this.requests.findIndex((request) => request.id === id);
        assert.ok(place >= 0, `an answer to ${id}, which nobody has sent`);
        const [request] = this.requests.splice(place, 1);
        const before = this.requests.slice(0, place);
        assert.ok(before.every(({ added }) => added && request.added), `${id} came too early`);
        if (request.added) this.granted(request.added, codes);
        else for (const one of request.removed) this.ended(one);
        this.openWindows();
    }

    granted(added, codes) {
        assert.equal(codes.length, added.length);
        added.forEach(({ spelling, qos, isNew }, i) => {
            if (codes[i] !== qos) this.fail(spelling, `SUBACK ${codes[i]} instead of ${qos}`);
            this.qos[spelling] = 1 << qos;
            if (isNew && this.high[spelling] === OPEN)
                this.high[spelling] = this.model.logs[this.model.spellings[spelling].topic].length;
        });
    }

    ended({ spelling, floor }) {
        this.mustHave(spelling, floor);
        this.state[spelling] = ABSENT;
        this.came.delete(spelling);
    }

    /* The first place before <end> that a message must have come of and has not, or NONE. */
    missing(spelling, end) {
        let place = this.next[spelling] === NONE ? this.high[spelling] : this.next[spelling];
        if (this.state[spelling] === MIXED) {
            const came = this.came.get(spelling);
            place = this.high[spelling];
            while (place < end && came.has(place)) place++;
        }
        return place < end ? place : NONE;
    }

    mustHave(spelling, end) {
        const place = this.missing(spelling, end);
        if (place !== NONE) this.fail(spelling, `message ${place} of ${end} did not come`);
    }

    /** What a mark vouches for when it comes back. */
    mark() {
        return this.model.committed.slice();
    }

    marked(committed) {
        this.vouched = committed;
    }

    /* ---- messages ---- */

    message(spelling, number, qos) {
        const { model } = this;
        const log = model.logs[model.spellings[spelling].topic];
        if (this.state[spelling] === ABSENT) this.fail(spelling, `${number} without subscription`);
        if (this.state[spelling] === MIXED) this.mixed(spelling, log.indexOf(number));
        else if (this.next[spelling] === NONE) this.first(spelling, log, number);
        else if (log[this.next[spelling]] === number) this.next[spelling]++;
        else this.fail(spelling, `message ${log.indexOf(number)} (${number}) came`);
        const granted = this.qos[spelling];
        const sent = model.publishes[number].qos;
        const isRight = qos === 0 ? sent === 0 || granted & 1 : sent === 1 && granted & 2;
        if (!isRight) this.fail(spelling, `QoS ${qos} of ${sent}, granted ${granted}`);
        model.delivered++;
    }

    mixed(spelling, place) {
        const came = this.came.get(spelling);
        if (place < this.low[spelling] || came.has(place))
            this.fail(spelling, `message ${place} came${came.has(place) ? ' again' : ''}`);
        came.add(place);
    }

    first(spelling, log, number) {
        const place = log.indexOf(number, this.low[spelling]);
        if (place < 0 || place > this.high[spelling])
            this.fail(spelling, `message ${log.indexOf(number)} (${number}) came first`);
        this.next[spelling] = place + 1;
    }

    hasAll() {
        const { logs, spellings } = this.model;
        return this.state.every(
            (state, spelling) =>
                state === ABSENT ||
                this.missing(spelling, logs[spellings[spelling].topic].length) === NONE,
        );
    }

    /** How many subscriptions there are; each must have had everything. */
    checkAll() {
        const { model } = this;
        assert.equal(this.requests.length, 0);
        let live = 0;
        for (let spelling = 0; spelling < this.state.length; spelling++) {
            assert.equal(this.state[spelling] !== ABSENT, this.isWanted[spelling] === 1);
            if (this.state[spelling] === ABSENT) continue;
            live++;
            this.mustHave(spelling, model.logs[model.spellings[spelling].topic].length);
        }
        return live;
    }
}
