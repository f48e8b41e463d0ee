// SPDX-License-Identifier: Apache-2.0
//
// The clients that users have: mosquitto_pub and mosquitto_sub, npm mqtt, npm ws. Each subscriber
// is one shape, whatever is inside:
//
//     const s = await subscribeX(...);    // the subscription is granted
//     await s.next();                     // { topic, payload } as text; topic is null on native ws
//     await s.end();
import { spawn } from 'node:child_process';
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { atTestEnd, run, within } from './daemon.mjs';

/** Messages in the order they came. */
export class Inbox {
    constructor(end) {
        this.messages = [];
        this.waiting = [];
        this.endClient = end;
    }

    push(topic, payload) {
        this.messages.push({ topic, payload });
        this.waiting.shift()?.();
    }

    async next(ms = 20000) {
        const wait = async () => {
            while (!this.messages.length)
                await new Promise((resolve) => this.waiting.push(resolve));
            return this.messages.shift();
        };
        return within(ms, 'a message', wait());
    }

    async end() {
        await this.endClient();
    }
}

const credentials = (key) => ['-u', 'authorization', '-P', key];

function mosquittoArguments(d, { tls = false, key = d.key } = {}) {
    const where = tls
        ? ['-h', 'localhost', '-p', String(d.port.mqtts), '--cafile', d.caFile]
        : ['-h', '127.0.0.1', '-p', String(d.port.mqtt)];
    return [...where, ...credentials(key)];
}

/** mosquitto_sub; resolves when its SUBACK has come. */
export async function mosquittoSub(d, topic, { qos = 1, ...more } = {}) {
    const args = [
        ...mosquittoArguments(d, more),
        '-t',
        topic,
        '-q',
        String(qos),
        '-d',
        '-F',
        'MESSAGE %t %p',
    ];
    const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    const gone = new Promise((resolve) => child.on('close', resolve));
    const inbox = new Inbox(async () => {
        child.kill('SIGTERM');
        await gone;
    });
    atTestEnd(() => inbox.end());
    let output = '';
    let rest = '';
    const granted = new Promise((resolve, reject) => {
        child.on('error', reject);
        child.stderr.setEncoding('utf8').on('data', (text) => {
            output += text;
        });
        child.stdout.setEncoding('utf8').on('data', (text) => {
            const lines = (rest + text).split('\n');
            rest = lines.pop();
            for (const line of lines) {
                output += `${line}\n`;
                if (line.startsWith('Subscribed ')) resolve();
                const found = /^MESSAGE (\S+) (.*)$/.exec(line);
                if (found) inbox.push(found[1], found[2]);
            }
        });
        gone.then((code) => reject(new Error(`mosquitto_sub ended with ${code}: ${output}`)));
    });
    await within(30000, `mosquitto_sub ${topic}`, granted);
    return inbox;
}

/** mosquitto_pub; throws when it fails (with QoS 1: when no PUBACK came). */
export async function mosquittoPub(d, topic, payload, { qos = 1, args = [], ...more } = {}) {
    const all = [
        ...mosquittoArguments(d, more),
        '-t',
        topic,
        '-q',
        String(qos),
        '-m',
        payload,
        ...args,
    ];
    const { code, stdout, stderr } = await run('mosquitto_pub', all);
    if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}: ${stdout}${stderr}`);
}

/** A connected npm mqtt client. <url>: d.url.mqtt, d.url.mqtts, `${d.url.ws}/mqtt` ... */
export async function mqttConnect(d, url, options = {}) {
    const client = await within(
        30000,
        `npm mqtt connects to ${url}`,
        mqtt.connectAsync(url, {
            username: 'authorization',
            password: d.key,
            reconnectPeriod: 0,
            connectTimeout: 8000,
            ca: url.startsWith('mqtts') || url.startsWith('wss') ? d.ca : undefined,
            ...options,
        }),
    );
    atTestEnd(() => client.endAsync(true));
    return client;
}

/** An npm mqtt client with one subscription. */
export async function mqttSub(d, url, topic, { qos = 1, ...options } = {}) {
    const client = await mqttConnect(d, url, options);
    const inbox = new Inbox(() => client.endAsync(true));
    client.on('message', (at, payload) => inbox.push(at, payload.toString('utf8')));
    await within(20000, `SUBACK for ${topic}`, client.subscribeAsync(topic, { qos }));
    inbox.client = client;
    return inbox;
}

export async function mqttPub(d, url, topic, payload, { qos = 1, ...options } = {}) {
    const client = await mqttConnect(d, url, options);
    await within(20000, `PUBACK for ${topic}`, client.publishAsync(topic, payload, { qos }));
    await client.endAsync();
}

/** An open npm ws socket; rejects with { status, body } when the upgrade is refused. */
export function wsOpen(
    d,
    path,
    { tls = false, key = d.key, headers = {}, protocols = [], ...options } = {},
) {
    const url = `${tls ? d.url.wss : d.url.ws}${path}`;
    const authorization = key === null ? {} : { authorization: key };
    const socket = new WebSocket(url, protocols, {
        headers: { ...authorization, ...headers },
        ca: tls ? d.ca : undefined,
        ...options,
    });
    const inbox = new Inbox(() => wsEnd(socket));
    atTestEnd(() => socket.terminate());
    inbox.socket = socket;
    inbox.closed = new Promise((resolve) => {
        socket.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
    });
    socket.on('message', (data, isBinary) =>
        inbox.push(isBinary ? 'binary' : null, data.toString('utf8')),
    );
    return within(
        30000,
        `ws opens ${path}`,
        new Promise((resolve, reject) => {
            socket.on('open', () => resolve(inbox));
            socket.on('error', reject);
            socket.on('unexpected-response', (_, response) => {
                const chunks = [];
                response.on('data', (chunk) => chunks.push(chunk));
                response.on('end', () => {
                    const body = Buffer.concat(chunks).toString('utf8');
                    reject(
                        Object.assign(
                            new Error(`upgrade refused: ${response.statusCode} ${body}`),
                            {
                                status: response.statusCode,
                                body,
                                headers: response.headers,
                            },
                        ),
                    );
                    socket.terminate();
                });
            });
        }),
    );
}

async function wsEnd(socket) {
    if (socket.readyState === WebSocket.CLOSED) return;
    const gone = new Promise((resolve) => socket.on('close', resolve));
    socket.close();
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 1000))]);
    socket.terminate();
}

/** A publish over a native WebSocket of its own. The socket's own echo says that it is recorded. */
export async function wsPub(d, path, payload, options = {}) {
    const inbox = await wsOpen(d, path, options);
    inbox.socket.send(payload);
    await inbox.next();
    await inbox.end();
}
