// SPDX-License-Identifier: Apache-2.0
//
// What MQTT promises about messages, as a model that is told everything that is sent and received.
//
// All that a client does not know after a connection has ended, because an answer was still on its
// way, the model does not know either: then it takes both for right. What it does know, it insists
// on:
//
//   - a message that was acknowledged reaches all who were subscribed from before it was sent until
//     after it was acknowledged;
//   - on each topic a session gets the messages of a publisher in the order of their transmissions,
//     each transmission once, a message with QoS 2 once in all;
//   - nothing comes that was not subscribed to, or was acknowledged before the SUBSCRIBE was sent;
//   - what comes again comes with DUP, under its packet id, in the old order, before anything new,
//     and not after its acknowledgement was certainly received (unless the daemon was killed, which
//     may forget acknowledgements, but no messages);
//   - what was sent with QoS 2 comes again under its packet id until it is released, and never as
//     news, whatever happens to the daemon;
//   - a session is there after CONNECT exactly when one was left behind.
//
// Time is a counter: one number for each thing that happens.
import assert from 'node:assert/strict';

const key = (message) => `${message.p}:${message.n}`;

/** A publish, all its transmissions together. */
class Message {
    constructor(p, n, topic, qos, sentAt) {
        Object.assign(this, { p, n, topic, qos, sentAt });
        this.settledAt = 0; // acknowledged
        this.transmissions = []; // numbers that grow with each one of its publisher
    }

    toString() {
        return `${key(this)} with QoS ${this.qos} to ${this.topic.publish}`;
    }
}

export class DeliveryModel {
    constructor(world) {
        this.world = world;
        this.time = 0;
        this.messages = new Map();
        this.publishers = []; // of each how many messages and transmissions there were
        this.sessions = [];
        this.told = []; // sequences of deliveries, to be compared with the history
        this.delivered = 0;
        this.again = 0;
    }

    tick() {
        return ++this.time;
    }

    newPublisher() {
        return this.publishers.push({ messages: 0, transmissions: 0 }) - 1;
    }

    newSession(name, sees) {
        const session = new Session(this, name, sees);
        this.sessions.push(session);
        return session;
    }

    publish(p, topic, qos) {
        const n = ++this.publishers[p].messages;
        const message = new Message(p, n, topic, qos, this.tick());
        this.messages.set(key(message), message);
        this.transmit(message);
        return message;
    }

    transmit(message) {
        message.transmissions.push(++this.publishers[message.p].transmissions);
    }

    /** The publisher has seen PUBACK, PUBREC or 200, or of a message with QoS 0 one for a later. */
    settle(message) {
        if (message.settledAt) return;
        message.settledAt = this.tick();
        if (message.qos > 0) for (const session of this.sessions) session.owe(message);
    }

    find(payload) {
        const { p, n } = this.world.read(payload);
        const message = this.messages.get(`${p}:${n}`);
        assert.ok(message, `nobody has published ${payload.slice(0, 80)}`);
        return message;
    }

    crashed() {
        for (const session of this.sessions) session.crashed();
    }

    /** The history of each topic, as lists of messages: every message as often as it may be, and in
     *  the order in which it was delivered. */
    checkHistory(histories) {
        for (const [topic, history] of histories) {
            const places = checkTopic(history.map(({ p, n }) => this.messages.get(`${p}:${n}`)));
            for (const message of this.messages.values())
                if (message.topic === topic && message.qos > 0 && message.settledAt)
                    assert.ok(places.has(message), `${message} is not in the history`);
            for (const session of this.sessions) session.tell();
            for (const { name, text, messages } of this.told)
                if (messages[0].topic === topic) checkOrder(`${name}, ${text}`, messages, places);
        }
    }
}

/** Where each message is in the history of its topic. */
function checkTopic(history) {
    const places = new Map();
    const last = new Map();
    history.forEach((message, place) => {
        assert.ok(message, 'the history has what nobody has published');
        if (!places.has(message)) places.set(message, []);
        places.get(message).push(place);
        const next = message.transmissions.find((one) => one > (last.get(message.p) ?? 0));
        assert.ok(next, `${message} is twice in the history, or out of order`);
        last.set(message.p, next);
    });
    for (const [message, found] of places)
        assert.ok(message.qos < 2 || found.length === 1, `${message}: ${found.length} times`);
    return places;
}

function checkOrder(what, messages, places) {
    let last = -1;
    for (const message of messages) {
        const next = (places.get(message) ?? []).find((place) => place > last);
        assert.ok(next !== undefined, `${what}: ${message} is not in the order of the history`);
        last = next;
    }
}

/** A session at the daemon, as its client knows it. */
class Session {
    constructor(model, name, sees) {
        this.model = model;
        this.name = name;
        this.sees = sees; // whether its key may read a topic
        this.exists = 'no'; // 'yes' 'maybe': whether the daemon keeps one
        this.connecting = null; // the CONNECT that is not answered
        this.isOpen = false;
        this.hasCrashed = false;
        this.mayRepeat = false; // what was acknowledged
        this.mayRenumber = false;
        this.connection = 0; // counts them
        this.seen = new Map();
        this.wipe();
    }

    wipe() {
        this.tell();
        this.subscriptions = new Map(); // by filter
        this.flights = []; // received with QoS 1 or 2, in their order
        this.received = new Map(); // those with QoS 2 that are not released, by packet id
        this.light = new Set(); // received with QoS 0, as far as it matters
        this.last = new Map(); // the transmission last received, by text and publisher
        this.forget();
    }

    /** What belongs to one connection. */
    forget() {
        this.pending = new Map(); // flights that are not acknowledged, by packet id
        this.unconfirmed = []; // acknowledged, but maybe not heard
    }

    /** What it was sent so far is a sequence of its own. */
    tell() {
        for (const [text, messages] of this.seen)
            this.model.told.push({ name: this.name, text, messages });
        this.seen = new Map();
    }

    /* ---- connections ---- */

    connect(isClean) {
        this.connecting = { isClean };
    }

    connected(isPresent) {
        const { isClean } = this.connecting;
        const wanted = isClean ? 'no' : this.exists;
        this.connecting = null;
        if (wanted !== 'maybe')
            assert.equal(isPresent, wanted === 'yes', 'session present is not what it must be');
        if (!isPresent) this.wipe();
        this.exists = isClean ? 'no' : 'yes';
        this.isOpen = true;
        this.isClean = isClean;
        this.isResumed = isPresent;
        this.forget();
        this.openedAt = this.model.tick();
        this.connection += 1;
        this.isSettled = false;
        this.replayed = 0; // flights up to this place have come again
        this.mayRepeat ||= this.hasCrashed;
        this.hasCrashed = false;
    }

    /** The connection is no more, from whatever side it was ended. */
    lost() {
        if (this.connecting) this.connectingLost();
        if (!this.isOpen) return;
        this.isOpen = false;
        if (this.isClean) this.wipe();
        for (const one of this.subscriptions.values())
            if (one.state !== 'granted') this.doubt(one);
            else if (one.asked !== undefined) this.doubtQos(one);
    }

    /** The daemon may have forgotten acknowledgements; and where it is not known which subscriptions
     *  there are, or when they change before all has come again, it may give out other packet ids. */
    crashed() {
        const all = [...this.subscriptions.values()];
        this.hasCrashed = true;
        this.mayRenumber ||= all.some(({ state, qos }) => state === 'maybe' || qos.length > 1);
    }

    connectingLost() {
        if (!this.connecting.isClean && this.exists === 'no') this.exists = 'maybe';
        if (this.connecting.isClean && this.exists !== 'no') {
            this.exists = 'maybe';
            this.subscriptions.forEach((one) => this.doubt(one));
        }
        this.connecting = null;
    }

    doubt(subscription) {
        subscription.state = 'maybe';
        subscription.doubts += 1;
        this.doubtQos(subscription);
        subscription.owed.clear();
    }

    doubtQos(subscription) {
        subscription.wasRaised ||= subscription.qos.includes(0) && subscription.asked > 0;
        if (subscription.asked !== undefined) subscription.qos.push(subscription.asked);
        subscription.asked = undefined;
    }

    /* ---- subscriptions ---- */

    subscribe(filter, qos) {
        const asked = Math.min(qos, this.model.world.qosOut);
        const sentAt = this.model.tick();
        if (!this.subscriptions.has(filter))
            this.subscriptions.set(filter, {
                filter,
                state: 'asked',
                qos: [asked],
                everQos: new Set(), // that it has had, or may have had
                sentAt,
                grantedAt: 0,
                wasRaised: false, // from QoS 0
                doubts: 0, // how often it was not known whether it is there
                had: new Set(),
                owed: new Map(),
            });
        const one = this.subscriptions.get(filter);
        one.asked = asked;
        one.everQos.add(asked);
        if (one.state === 'granted' && one.qos[0] !== asked) {
            one.state = 'changing';
            one.owed.clear();
        }
    }

    /** What the daemon has forgotten in a crash may be on its way, with the subscriptions of now. */
    isRepeating() {
        return this.mayRepeat;
    }

    mayHave(filter) {
        return filter.hasWildcard || filter.covers.every(this.sees);
    }

    subscribed(filter, code) {
        const one = this.subscriptions.get(filter);
        if (!this.mayHave(filter)) {
            assert.equal(code, 0x80, `${filter.text} must be refused`);
            this.subscriptions.delete(filter);
            return;
        }
        assert.equal(code, one.asked, `${filter.text}: the granted QoS`);
        one.wasRaised ||= one.qos.includes(0) && code > 0;
        if (one.state !== 'granted') one.grantedAt = this.model.tick();
        one.state = 'granted';
        one.qos = [one.asked];
        one.asked = undefined;
    }

    unsubscribe(filter) {
        const one = this.subscriptions.get(filter);
        one.state = 'ending';
        one.owed.clear();
    }

    unsubscribed(filter) {
        this.subscriptions.delete(filter);
    }

    /** <message> is acknowledged: who was subscribed all the while has to get it. */
    owe(message) {
        for (const one of this.subscriptions.values()) {
            const isDue =
                one.state === 'granted' &&
                one.qos[0] > 0 &&
                one.grantedAt < message.sentAt &&
                one.filter.covers.includes(message.topic) &&
                this.sees(message.topic);
            if (isDue && !one.had.has(message)) one.owed.set(message, true);
        }
    }

    owesNothing() {
        return [...this.subscriptions.values()].every(({ owed }) => owed.size === 0);
    }

    owed() {
        return [...this.subscriptions.values()].flatMap(({ filter, owed }) =>
            [...owed.keys()].map((message) => `${message} by way of ${filter.text}`),
        );
    }

    /* ---- messages ---- */

    /** A PUBLISH has come: true when it is news, false when it came before. */
    receive(packet) {
        const message = this.model.find(packet.payload);
        const what = `${message} on ${packet.topic}`;
        assert.equal(packet.retain, false, `${what}: retained`);
        const places = this.model.world.at(packet.topic);
        assert.ok(
            places.some(({ topic }) => topic === message.topic),
            `${what} is not its topic`,
        );
        if (packet.qos === 0) assert.equal(packet.dup, false, `${what}: DUP with QoS 0`);
        const isKnown =
            packet.qos === 2 && this.received.has(packet.id)
                ? this.comesTwice(packet, message)
                : packet.dup && this.comesAgain(packet, message);
        if (isKnown) {
            this.model.again += 1;
            return false;
        }
        this.isNews(packet, message);
        return true;
    }

    /** With QoS 2, and not released: always true. */
    comesTwice(packet, message) {
        const flight = this.received.get(packet.id);
        assert.ok(packet.dup, `${message}: packet ${packet.id} comes again without DUP`);
        assert.equal(message, flight.message, `packet ${packet.id} is another message now`);
        assert.ok(flight.connection < this.connection, `${message} comes twice in one connection`);
        assert.ok(
            flight.state !== 'confirmed' || this.mayRepeat,
            `${message} comes again, and PUBREC was received for certain`,
        );
        const place = this.flights.indexOf(flight);
        if (place >= 0) {
            assert.ok(place >= this.replayed, `${message} comes again out of order`);
            this.mustHaveCome(place, message);
            this.replayed = place + 1;
        }
        flight.state = 'open';
        flight.connection = this.connection;
        this.pending.set(packet.id, flight);
        return true;
    }

    /** PUBREL. One that is not known was released on an earlier connection. */
    released(id) {
        const flight = this.received.get(id);
        if (!flight) return;
        assert.notEqual(flight.state, 'open', `${flight.message} is released without PUBREC`);
        flight.state = 'confirmed';
        this.received.delete(id);
    }

    /** Is it one of those that were sent before and are sent again? */
    comesAgain(packet, message) {
        assert.ok(this.isResumed, `${message}: DUP in a session that is new`);
        const isIt = (flight, i) =>
            i >= this.replayed &&
            flight.qos < 2 &&
            flight.connection < this.connection &&
            flight.message === message &&
            flight.text === packet.topic;
        let place = this.flights.findIndex((flight, i) => isIt(flight, i) && flight.id === packet.id);
        if (place < 0 && this.mayRenumber) place = this.flights.findIndex(isIt);
        if (place < 0) return this.comesAfterAll(packet, message);
        const flight = this.flights[place];
        this.mustHaveCome(place, message);
        assert.equal(packet.qos, flight.qos, `${message} comes again with another QoS`);
        assert.ok(
            flight.state !== 'confirmed' || this.mayRepeat,
            `${message} comes again, and was acknowledged for certain`,
        );
        flight.id = packet.id;
        flight.state = 'open';
        flight.connection = this.connection;
        this.pending.set(packet.id, flight);
        this.replayed = place + 1;
        return true;
    }

    /** After a crash nobody remembers what was sent with QoS 0: when its subscription has been given
     *  more, so are the messages that it had, or missed. Nor what was not sent because of an
     *  UNSUBSCRIBE that has not been acknowledged. */
    comesAfterAll(packet, message) {
        const one = this.subscriptionOf(packet);
        const wasLight = this.light.delete(`${packet.topic} ${key(message)}`);
        if (!one || !this.mayRepeat) return false;
        if (!(wasLight || one.wasRaised || one.state === 'maybe')) return false;
        one.had.add(message);
        one.owed.delete(message);
        this.flights.splice(this.replayed++, 0, this.newFlight(packet, message, one));
        return true;
    }

    subscriptionOf(packet) {
        return this.model.world
            .at(packet.topic)
            .map(({ filter }) => this.subscriptions.get(filter))
            .find((found) => found !== undefined);
    }

    /** All that must come again and is in front of <place> has come. */
    mustHaveCome(place, message) {
        for (const flight of this.flights.slice(this.replayed, place))
            assert.ok(
                flight.connection === this.connection ||
                    flight.state !== 'open' ||
                    !this.isStillWanted(flight),
                `${message} comes before ${flight.message} (packet ${flight.id}) has come again`,
            );
    }

    /** Is its subscription the same ever since? */
    isStillWanted({ subscription, doubts }) {
        return (
            subscription.state === 'granted' &&
            subscription.doubts === doubts &&
            this.subscriptions.get(subscription.filter) === subscription
        );
    }

    isNews(packet, message) {
        const what = `${message} on ${packet.topic}`;
        const one = this.subscriptionOf(packet);
        assert.ok(one, `${what} was not subscribed to`);
        assert.ok(this.sees(message.topic), `${what} may not be seen`);
        assert.ok(
            !message.settledAt || message.settledAt > one.sentAt,
            `${what} is from before the subscription`,
        );
        this.qosIsRight(packet, message, one);
        this.isInOrder(packet, message);
        assert.ok(message.qos < 2 || !one.had.has(message), `${what} comes twice`);
        one.had.add(message);
        one.owed.delete(message);
        this.model.delivered += 1;
        if (packet.qos > 0) this.fly(packet, message, one);
        else this.light.add(`${packet.topic} ${key(message)}`);
    }

    qosIsRight(packet, message, one) {
        /* What was sent before, and got lost on its way here, comes again with the QoS of then. */
        const possible = [...one.qos, one.asked ?? one.qos[0], ...(packet.dup ? one.everQos : [])];
        assert.ok(
            possible.some((qos) => packet.qos === Math.min(qos, message.qos)),
            `${message} on ${packet.topic}: QoS ${packet.qos} of ${possible}`,
        );
    }

    isInOrder(packet, message) {
        const place = `${packet.topic} ${message.p}`;
        const last = this.last.get(place) ?? 0;
        const next = message.transmissions.find((one) => one > last);
        const what = `${message} on ${packet.topic}${packet.dup ? ' with DUP' : ''}`;
        assert.ok(
            next,
            `${what} comes behind a later one, or again: packet ${packet.id}, before ` +
                this.flights
                    .filter((flight) => flight.message === message && flight.text === packet.topic)
                    .map(({ id, state, connection }) => `${id} ${state} in connection ${connection}`),
        );
        this.last.set(place, next);
        const text = `${packet.topic} ${message.topic.publish}`;
        if (!this.seen.has(text)) this.seen.set(text, []);
        this.seen.get(text).push(message);
    }

    fly(packet, message, subscription) {
        this.mustHaveCome(this.flights.length, message);
        if (packet.dup)
            assert.ok(message.sentAt < this.openedAt, `${message}: DUP the first time`);
        else this.settleFlights();
        const twin = this.pending.get(packet.id);
        assert.ok(!twin, `packet ${packet.id} is ${twin?.message}, and now ${message}`);
        this.flights.push(this.newFlight(packet, message, subscription));
        this.replayed = this.flights.length;
    }

    newFlight(packet, message, subscription) {
        const flight = {
            message,
            subscription,
            doubts: subscription.doubts,
            id: packet.id,
            qos: packet.qos,
            text: packet.topic,
            state: 'open',
            connection: this.connection,
        };
        this.pending.set(flight.id, flight);
        if (packet.qos === 2) this.received.set(flight.id, flight);
        return flight;
    }

    /** Something new has come: of what came on earlier connections nothing will come again. */
    settleFlights() {
        if (this.isSettled) return;
        this.isSettled = true;
        this.mayRepeat = false;
        this.mayRenumber = false;
        this.light.clear();
        for (const one of this.subscriptions.values()) one.wasRaised = false;
        this.flights = this.flights.filter(
            ({ connection, state }) => connection === this.connection || state === 'open',
        );
        this.replayed = this.flights.length;
    }

    open() {
        return [...this.pending.values()];
    }

    /** PUBREL is awaited; not of what is no more subscribed to, which is forgotten. */
    isReleased() {
        return [...this.received.values()].every((flight) => !this.isStillWanted(flight));
    }

    acknowledge(flight) {
        flight.state = 'acknowledged';
        this.pending.delete(flight.id);
        this.unconfirmed.push(flight);
    }

    /** What was acknowledged by now; to be given to confirm() when a later request is answered. */
    takeUnconfirmed() {
        return this.unconfirmed.splice(0);
    }

    confirm(flights) {
        for (const flight of flights)
            if (flight.state === 'acknowledged') flight.state = 'confirmed';
    }
}
