// SPDX-License-Identifier: Apache-2.0
//
// MQTT packets as bytes, right and wrong ones alike, and a client on a bare socket that hides
// nothing: it sends what it is told, answers nothing by itself, and keeps what comes in order.
import net from 'node:net';
import tls from 'node:tls';
import { atTestEnd, within } from './daemon.mjs';

export const type = {
    connect: 1,
    connack: 2,
    publish: 3,
    puback: 4,
    pubrec: 5,
    pubrel: 6,
    pubcomp: 7,
    subscribe: 8,
    suback: 9,
    unsubscribe: 10,
    unsuback: 11,
    pingreq: 12,
    pingresp: 13,
    disconnect: 14,
};

const u16 = (value) => Buffer.from([value >> 8, value & 0xff]);
const text = (value) => {
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, 'utf8');
    return Buffer.concat([u16(bytes.length), bytes]);
};

/** A packet of this first byte around <parts>, its length encoded as it must be. */
export function packet(first, ...parts) {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    const length = [];
    let rest = body.length;
    do {
        length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    return Buffer.concat([Buffer.from([first, ...length]), body]);
}

export function connect({
    level = 4,
    name = level === 3 ? 'MQIsdp' : 'MQTT',
    clientId = 'raw',
    clean = true,
    keepalive = 60,
    user,
    password,
    will,
    flags,
} = {}) {
    const computed =
        (clean ? 2 : 0) |
        (will ? 4 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0) : 0) |
        (password !== undefined ? 0x40 : 0) |
        (user !== undefined ? 0x80 : 0);
    return packet(
        0x10,
        text(name),
        [level],
        [flags ?? computed],
        u16(keepalive),
        text(clientId),
        ...(will ? [text(will.topic), text(will.payload)] : []),
        ...(user !== undefined ? [text(user)] : []),
        ...(password !== undefined ? [text(password)] : []),
    );
}

export function publish(topic, payload, { qos = 0, id = 1, dup = false, retain = false } = {}) {
    const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
    const body =
        typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
    return packet(first, text(topic), qos ? u16(id) : [], Buffer.from(body));
}

/** <filters>: strings (QoS 1) or [string, qos]. */
export function subscribe(id, ...filters) {
    return packet(
        0x82,
        u16(id),
        ...filters.flatMap((filter) => {
            const [topic, qos] = Array.isArray(filter) ? filter : [filter, 1];
            return [text(topic), [qos]];
        }),
    );
}

export const unsubscribe = (id, ...filters) =>
    packet(0xa2, u16(id), ...filters.map((filter) => text(filter)));
export const puback = (id) => packet(0x40, u16(id));
export const pubrec = (id) => packet(0x50, u16(id));
export const pubrel = (id) => packet(0x62, u16(id));
export const pubcomp = (id) => packet(0x70, u16(id));
export const pingreq = () => packet(0xc0);
export const disconnect = () => packet(0xe0);

/** Takes one packet off the front of <bytes>: { packet, rest }, or null when it is not complete. */
export function read(bytes) {
    let length = 0;
    let at = 1;
    for (let shift = 0; ; shift += 7, at += 1) {
        if (at >= bytes.length) return null;
        if (shift > 21)
            throw new Error(
                `the broker sent a malformed length: ${bytes.subarray(0, 8).toString('hex')}`,
            );
        length |= (bytes[at] & 0x7f) << shift;
        if (bytes[at] < 0x80) break;
    }
    at += 1;
    if (bytes.length < at + length) return null;
    return {
        packet: describe(bytes[0], bytes.subarray(at, at + length)),
        rest: bytes.subarray(at + length),
    };
}

function describe(first, body) {
    const found = { type: first >> 4, flags: first & 15 };
    switch (found.type) {
        case type.connack:
            return { ...found, present: body[0] === 1, code: body[1], bytes: body.length };
        case type.publish: {
            const topicEnd = 2 + body.readUInt16BE(0);
            found.dup = (first & 8) !== 0;
            found.qos = (first >> 1) & 3;
            found.retain = (first & 1) !== 0;
            found.topic = body.subarray(2, topicEnd).toString('utf8');
            if (found.qos) found.id = body.readUInt16BE(topicEnd);
            found.payload = body.subarray(topicEnd + (found.qos ? 2 : 0)).toString('utf8');
            return found;
        }
        case type.suback:
            return { ...found, id: body.readUInt16BE(0), codes: [...body.subarray(2)] };
        case type.pingresp:
            return found;
        default:
            return { ...found, id: body.readUInt16BE(0) };
    }
}

/** Bytes over TCP or TLS: keeps what arrives, tells when the peer closes. */
export class RawSocket {
    /** <tlsOptions>: { ca } for TLS. <localAddress>: where it connects from. */
    static open(port, { host = '127.0.0.1', localAddress, tlsOptions, ...more } = {}) {
        const raw = new this(more);
        return within(
            20000,
            'connecting',
            new Promise((resolve, reject) => {
                const socket = tlsOptions
                    ? tls.connect({ port, host, servername: 'localhost', ...tlsOptions }, () =>
                          resolve(raw),
                      )
                    : net.connect({ port, host, localAddress }, () => resolve(raw));
                raw.socket = socket;
                atTestEnd(() => socket.destroy());
                socket.setNoDelay(true);
                socket.on('data', (chunk) => raw.take(chunk));
                socket.on('error', (error) => {
                    raw.error = error;
                    reject(error);
                });
                socket.on('close', () => {
                    raw.isClosed = true;
                    raw.wake();
                });
                socket.on('end', () => {
                    raw.isEnded = true;
                    raw.wake();
                });
            }),
        );
    }

    constructor() {
        this.bytes = Buffer.alloc(0);
        this.isClosed = false;
        this.isEnded = false;
        this.waiting = [];
    }

    take(chunk) {
        this.bytes = Buffer.concat([this.bytes, chunk]);
        this.wake();
    }

    wake() {
        const waiting = this.waiting;
        this.waiting = [];
        for (const resolve of waiting) resolve();
    }

    changed() {
        return new Promise((resolve) => this.waiting.push(resolve));
    }

    send(...chunks) {
        this.socket.write(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
    }

    /** One byte a write, each in its own segment as far as the kernel goes along. */
    async sendSlowly(bytes, pause = 1) {
        for (const byte of Buffer.from(bytes)) {
            await new Promise((resolve) => this.socket.write(Buffer.from([byte]), resolve));
            await new Promise((resolve) => setTimeout(resolve, pause));
        }
    }

    /** Waits until <probe> answers something true about what has arrived. */
    async until(what, probe, ms = 20000) {
        let answer;
        const found = async () => {
            while (!(answer = probe())) {
                if (this.isClosed) throw new Error(`${what}: closed by the daemon`);
                await this.changed();
            }
            return answer;
        };
        return within(ms, what, found());
    }

    /** The daemon closes; what came before stays in <bytes>. */
    async closed(ms = 20000) {
        const wait = async () => {
            while (!this.isClosed && !this.isEnded) await this.changed();
        };
        await within(ms, 'the daemon closes the connection', wait());
        this.destroy();
    }

    destroy() {
        this.socket.destroy();
    }
}

/** The same with packets. */
export class RawMqtt extends RawSocket {
    constructor() {
        super();
        this.packets = [];
    }

    take(chunk) {
        this.bytes = Buffer.concat([this.bytes, chunk]);
        for (let found; this.bytes.length > 1 && (found = read(this.bytes));) {
            this.packets.push(found.packet);
            this.bytes = found.rest;
        }
        this.wake();
    }

    /** The next packet; it must be of <wanted> type when that is given. */
    async next(wanted, ms) {
        const found = await this.until(
            wanted ? `packet type ${wanted}` : 'a packet',
            () => this.packets.shift(),
            ms,
        );
        if (wanted && found.type !== wanted) {
            throw new Error(`packet type ${wanted} expected, got ${JSON.stringify(found)}`);
        }
        return found;
    }

    /** CONNECT with the key; the CONNACK must be 0. */
    async login(key, more = {}) {
        this.send(connect({ user: 'authorization', password: key, ...more }));
        const answer = await this.next(type.connack);
        if (answer.code !== 0) throw new Error(`CONNACK ${answer.code}`);
        return answer;
    }

    /** What comes before the next PUBLISH on <topic>. A session gets its messages in the order of
     *  commit, so what was committed before that one and was due here is among them. */
    async before(topic) {
        const found = [];
        for (;;) {
            const one = await this.next();
            if (one.type === type.publish && one.topic === topic) return found;
            found.push(one);
        }
    }

    /** Nothing arrives for <ms>. */
    async quiet(ms = 200) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        if (this.isClosed) throw new Error('closed by the daemon');
        if (this.packets.length) throw new Error(`unexpected: ${JSON.stringify(this.packets)}`);
    }
}

/** A connected and logged in raw client. */
export async function login(port, key, more = {}) {
    const { tlsOptions, host, ...rest } = more;
    const client = await RawMqtt.open(port, { tlsOptions, host });
    await client.login(key, { clientId: `raw-${Math.random().toString(36).slice(2)}`, ...rest });
    return client;
}
