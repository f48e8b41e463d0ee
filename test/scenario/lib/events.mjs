// SPDX-License-Identifier: Apache-2.0
//
// A reader of server-sent events by hand, over a socket of its own, so that a test sees every byte:
//
//     const stream = await openEvents(d, '/thngs/.../properties', { lastEventId: '17' });
//     stream.status; stream.headers;       // of the answer
//     await stream.next();                 // { id, event, data }, in the order they came
//     stream.position;                     // what EventSource would send as Last-Event-ID
//     await stream.ended();                // the server has ended it: whole (true) or cut off (false)
//     stream.destroy();
import net from 'node:net';
import { atTestEnd, within } from './daemon.mjs';

/** A request as text; <more>: further fields. */
export const head = (path, key, more = {}, version = '1.1') =>
    [
        `GET ${path} HTTP/${version}`,
        'Host: localhost',
        ...(key ? [`Authorization: ${key}`] : []),
        ...Object.entries(more).map(([name, value]) => `${name}: ${value}`),
        '\r\n',
    ].join('\r\n');

export class EventReader {
    constructor(socket) {
        this.socket = socket;
        this.raw = '';
        this.body = '';
        this.events = [];
        this.comments = 0;
        this.position = undefined;
        this.waiting = [];
        this.isGone = false;
        this.isWhole = false;
        socket.setEncoding('utf8');
        socket.on('data', (text) => this.take(text));
        socket.on('error', () => {});
        socket.on('close', () => {
            this.isGone = true;
            this.wake();
        });
    }

    wake() {
        for (const resolve of this.waiting.splice(0)) resolve();
    }

    take(text) {
        this.raw += text;
        if (this.status === undefined) {
            const end = this.raw.indexOf('\r\n\r\n');
            if (end < 0) return;
            const [first, ...fields] = this.raw.slice(0, end).split('\r\n');
            this.status = Number(first.split(' ')[1]);
            this.headers = Object.fromEntries(
                fields.map((field) => {
                    const colon = field.indexOf(':');
                    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
                }),
            );
            this.raw = this.raw.slice(end + 4);
        }
        if (this.headers['transfer-encoding'] === 'chunked') this.unchunk();
        else {
            this.body += this.raw;
            this.raw = '';
        }
        this.parse();
        this.wake();
    }

    unchunk() {
        for (;;) {
            const end = this.raw.indexOf('\r\n');
            if (end < 0) return;
            const length = parseInt(this.raw.slice(0, end), 16);
            if (length === 0) {
                this.isWhole = true;
                this.raw = this.raw.slice(end + 4);
                return;
            }
            const bytes = Buffer.from(this.raw.slice(end + 2));
            if (bytes.length < length + 2) return;
            this.body += bytes.subarray(0, length).toString();
            this.raw = bytes.subarray(length + 2).toString();
        }
    }

    parse() {
        if (this.status !== 200) return;
        for (let end; (end = this.body.indexOf('\n\n')) >= 0; ) {
            const lines = this.body.slice(0, end).split('\n');
            this.body = this.body.slice(end + 2);
            const one = { data: [] };
            for (const line of lines) {
                const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
                if (name === '') this.comments++;
                else if (name === 'data') one.data.push(value);
                else one[name] = value;
            }
            if (one.id !== undefined) this.position = one.id;
            if (one.data.length) this.events.push({ ...one, data: one.data.join('\n') });
        }
    }

    async until(what, probe, ms = 8000) {
        const wait = async () => {
            while (!probe()) {
                if (this.isGone) throw new Error(`closed while waiting for ${what}`);
                await new Promise((resolve) => this.waiting.push(resolve));
            }
        };
        await within(ms, what, wait());
    }

    async next() {
        await this.until('an event', () => this.events.length > 0);
        return this.events.shift();
    }

    async ended(ms = 8000) {
        const wait = async () => {
            while (!this.isGone && !this.isWhole)
                await new Promise((resolve) => this.waiting.push(resolve));
        };
        await within(ms, 'the end of the stream', wait());
        return this.isWhole;
    }

    destroy() {
        this.socket.destroy();
    }
}

/** Asks for a stream; resolves when the answer's head has come, and of a stream its beginning. */
export async function openEvents(
    d,
    path,
    { key = d.key, lastEventId, accept = 'text/event-stream', version, more = {} } = {},
) {
    const socket = net.connect(d.port.http, '127.0.0.1');
    const reader = new EventReader(socket);
    atTestEnd(() => reader.destroy());
    const fields = { Accept: accept, ...more };
    if (lastEventId !== undefined) fields['Last-Event-ID'] = lastEventId;
    socket.write(head(path, key, fields, version));
    await reader.until(`the answer to ${path}`, () => reader.status !== undefined);
    return reader;
}
