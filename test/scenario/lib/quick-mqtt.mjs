// SPDX-License-Identifier: Apache-2.0
//
// An MQTT client for millions of messages: it hands each packet to its owner as it lies in the
// buffer, acknowledges QoS 1 by itself, and makes no objects on the way.
import net from 'node:net';
import { atTestEnd, within } from './daemon.mjs';
import { connect, type } from './packets.mjs';

const NOTHING = Buffer.alloc(0);

export class QuickMqtt {
    /** <owner>: message(topic, payload, qos, isAgain), and acknowledged(type, id, codes) for SUBACK,
     *  UNSUBACK and PUBACK. What it throws ends up in failed(error). */
    static async open(port, key, clientId, owner) {
        const client = new this(owner);
        const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
        client.socket = socket;
        atTestEnd(() => socket.destroy());
        socket.on('data', (chunk) => client.take(chunk));
        const accepted = new Promise((resolve, reject) => {
            client.accepted = resolve;
            client.refused = reject;
            socket.on('error', reject);
            socket.on('close', () => client.closed());
        });
        socket.write(this.connect(clientId, key));
        await within(20000, `CONNACK for ${clientId}`, accepted);
        return client;
    }

    static connect(clientId, key) {
        return connect({ clientId, user: 'authorization', password: key });
    }

    constructor(owner) {
        this.owner = owner;
        this.rest = NOTHING;
        this.isEnding = false;
        this.isBroken = false;
    }

    take(chunk) {
        if (this.isBroken) return;
        try {
            const bytes = this.rest.length ? Buffer.concat([this.rest, chunk]) : chunk;
            this.rest = bytes.subarray(this.takePackets(bytes));
        } catch (error) {
            this.isBroken = true;
            this.owner.failed(error);
        }
    }

    /** Takes what is complete; how many bytes that was. */
    takePackets(bytes) {
        const acks = [];
        let at = 0;
        while (at + 2 <= bytes.length) {
            let body = at + 1;
            let length = 0;
            let shift = 0;
            while (body < bytes.length && bytes[body] > 0x7f) {
                length |= (bytes[body++] & 0x7f) << shift;
                shift += 7;
            }
            if (body === bytes.length) break;
            length |= bytes[body++] << shift;
            if (body + length > bytes.length) break;
            this.takePacket(bytes[at], bytes, body, body + length, acks);
            at = body + length;
        }
        if (acks.length) this.acknowledge(acks);
        return at;
    }

    takePacket(first, bytes, at, end, acks) {
        switch (first >> 4) {
            case type.publish: {
                const topicEnd = at + 2 + bytes.readUInt16BE(at);
                const topic = bytes.latin1Slice(at + 2, topicEnd);
                const qos = (first >> 1) & 3;
                if (qos) acks.push(bytes.readUInt16BE(topicEnd));
                const payload = bytes.latin1Slice(topicEnd + (qos ? 2 : 0), end);
                this.owner.message(topic, payload, qos, (first & 8) !== 0);
                return;
            }
            case type.connack:
                if (bytes[at + 1] === 0) this.accepted();
                else this.refused(new Error(`CONNACK ${bytes[at + 1]}`));
                return;
            default:
                this.owner.acknowledged(
                    first >> 4,
                    bytes.readUInt16BE(at),
                    bytes.subarray(at + 2, end),
                );
        }
    }

    acknowledge(ids) {
        const all = Buffer.allocUnsafe(4 * ids.length);
        for (let i = 0; i < ids.length; i++) {
            all.writeUInt16BE(0x4002, 4 * i);
            all.writeUInt16BE(ids[i], 4 * i + 2);
        }
        this.socket.write(all);
    }

    send(bytes) {
        this.socket.write(bytes);
    }

    closed() {
        if (!this.isEnding && !this.isBroken)
            this.owner.failed(new Error('the daemon closed a connection'));
    }

    end() {
        this.isEnding = true;
        this.socket.destroy();
    }
}

/** With clean session 0. */
export class KeptMqtt extends QuickMqtt {
    static connect(clientId, key) {
        return connect({ clientId, user: 'authorization', password: key, clean: false });
    }
}
