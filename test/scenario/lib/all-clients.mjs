// SPDX-License-Identifier: Apache-2.0
//
// Every client that interoperates, behind two verbs:
//
//     const inbox = await kind.subscribe(d, topic, { tls, qos, clean, id });   // granted: inbox.granted
//     await kind.publish(d, topic, payloads, { tls, qos, retain });            // acknowledged
//
// <kind.isMqtt> tells whether qos, retain, clean and id mean something to it. <payloads> are sent in
// order, as many at once as the client has on its way.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { atTestEnd, root, run, within } from './daemon.mjs';
import { Inbox, mqttConnect, wsOpen } from './clients.mjs';
import { startProgram } from './programs.mjs';

const clientsFolder = path.join(root, 'test/scenario/clients');
let serial = 0;
const newId = () => `thrum-${process.pid}-${++serial}`;

/** A program that prints SUBSCRIBED [GRANTED] and MESSAGE TOPIC PAYLOAD. */
async function subscribeProgram(file, args, { env, subscribed }) {
    const program = startProgram(file, args, {
        env,
        onLine(line) {
            const found = /^MESSAGE (\S+) (.*)$/.exec(line);
            if (found) inbox.push(found[1], found[2]);
            return found !== null;
        },
    });
    const inbox = new Inbox(() => program.end());
    const [, granted] = await program.line(subscribed);
    inbox.granted = granted === undefined ? undefined : Number(granted);
    return inbox;
}

async function publishProgram(file, args, payloads, env) {
    const input = payloads.map((payload) => `${payload}\n`).join('');
    const { code, stdout, stderr } = await run(file, args, { env, input, timeout: 300000 });
    if (code !== 0) throw new Error(`${file} ${args} ended with ${code}: ${stdout}${stderr}`);
}

/* ---- npm mqtt ---- */

function npmMqtt(name, url, options) {
    return {
        name,
        isMqtt: true,
        async subscribe(d, topic, { tls = false, qos = 1, clean = true, id = newId() } = {}) {
            const client = await mqttConnect(d, url(d, tls), { ...options, clean, clientId: id });
            const inbox = new Inbox(() => client.endAsync());
            client.on('message', (at, payload) => inbox.push(at, payload.toString('utf8')));
            const [{ qos: granted }] = await within(
                20000,
                `SUBACK for ${topic}`,
                client.subscribeAsync(topic, { qos }),
            );
            return Object.assign(inbox, { granted });
        },
        async publish(d, topic, payloads, { tls = false, qos = 1, retain = false } = {}) {
            const client = await mqttConnect(d, url(d, tls), options);
            const all = payloads.map((payload) =>
                client.publishAsync(topic, payload, { qos, retain }),
            );
            await within(60000, `acknowledgements for ${topic}`, Promise.all(all));
            await client.endAsync();
        },
    };
}

const overTcp = (d, tls) => (tls ? d.url.mqtts : d.url.mqtt);
const overWebSocket = (d, tls) => `${tls ? d.url.wss : d.url.ws}/mqtt`;
const level31 = { protocolVersion: 3, protocolId: 'MQIsdp' };

/* ---- mosquitto ---- */

function mosquitto(name, version) {
    const where = (d, tls) =>
        tls
            ? ['-h', 'localhost', '-p', String(d.port.mqtts), '--cafile', d.caFile]
            : ['-h', '127.0.0.1', '-p', String(d.port.mqtt)];
    const common = (d, topic, { tls = false, qos = 1 }) => [
        ...[...where(d, tls), '-V', version, '-u', 'authorization', '-P', d.key],
        ...['-t', topic, '-q', String(qos)],
    ];
    return {
        name,
        isMqtt: true,
        subscribe(d, topic, { clean = true, id = newId(), ...more } = {}) {
            const args = ['-i', id, ...(clean ? [] : ['-c']), '-d', '-F', 'MESSAGE %t %p'];
            return subscribeProgram(
                'stdbuf',
                ['-oL', 'mosquitto_sub', ...common(d, topic, more), ...args],
                { subscribed: /^Subscribed \(mid: \d+\): (\d+)/ },
            );
        },
        publish(d, topic, payloads, { retain = false, ...more } = {}) {
            const args = [...common(d, topic, more), ...(retain ? ['-r'] : [])];
            return payloads.length === 1
                ? publishProgram('mosquitto_pub', [...args, '-s'], payloads)
                : publishProgram('mosquitto_pub', [...args, '-l'], payloads);
        },
    };
}

/* ---- Eclipse Paho, for C and for Python ---- */

let pahoProgram;
async function compilePaho() {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'thrum-paho-'));
    const program = path.join(folder, 'paho_c');
    const source = path.join(clientsFolder, 'paho_c.c');
    const flags = ['-std=gnu11', '-Wall', '-Wextra', '-Werror'];
    const { code, stderr } = await run('cc', [...flags, '-o', program, source, '-lpaho-mqtt3cs']);
    if (code !== 0) throw new Error(`cc ${source}: ${stderr}`);
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    return [program];
}

const pahoC = async () => (pahoProgram ??= compilePaho());
const pahoPython = async () => ['/usr/bin/python3', path.join(clientsFolder, 'paho_python.py')];

function paho(name, command, version, scheme) {
    const url = (d, tls) =>
        tls ? `${scheme}://localhost:${d.port.mqtts}` : `tcp://127.0.0.1:${d.port.mqtt}`;
    const environment = (d) => ({ API_KEY: d.key, CA_FILE: d.caFile });
    return {
        name,
        isMqtt: true,
        async subscribe(d, topic, { tls = false, qos = 1, clean = true, id = newId() } = {}) {
            const [file, ...args] = await command();
            args.push('sub', url(d, tls), version, String(qos), clean ? '1' : '0', id, topic);
            return subscribeProgram(file, args, {
                env: environment(d),
                subscribed: /^SUBSCRIBED(?: (\d+))?$/,
            });
        },
        async publish(d, topic, payloads, { tls = false, qos = 1, retain = false } = {}) {
            const [file, ...args] = await command();
            const retained = retain ? '1' : '0';
            args.push('pub', url(d, tls), version, String(qos), retained, newId(), topic);
            return publishProgram(file, args, payloads, environment(d));
        },
    };
}

/* ---- native WebSockets: npm ws, and Chromium's ---- */

const npmWs = {
    name: 'npm ws',
    async subscribe(d, topic, { tls = false } = {}) {
        return wsOpen(d, topic, { tls });
    },
    /* The socket's own echo says that a value is recorded. */
    async publish(d, topic, payloads, { tls = false } = {}) {
        const inbox = await wsOpen(d, topic, { tls });
        for (const payload of payloads) inbox.socket.send(payload);
        for (const _ of payloads) await inbox.next(60000);
        await inbox.end();
    },
};

/** Chromium's own WebSocket. <browser> answers the browser of openBrowser(). */
export function chromiumWs(browser) {
    const url = (d, topic, tls) =>
        `${tls ? d.url.wss : d.url.ws}${topic}?access_token=${encodeURIComponent(d.key)}`;
    async function openPage() {
        const page = await browser().newPage();
        atTestEnd(() => page.close());
        return page;
    }
    return {
        name: 'Chromium',
        async subscribe(d, topic, { tls = false } = {}) {
            const page = await openPage();
            const inbox = new Inbox(() => page.close());
            await page.exposeFunction('arrived', (payloads) => {
                for (const payload of payloads) inbox.push(null, payload);
            });
            /* What comes is handed over in bundles: one call for each would be slow. */
            await page.evaluate((address) => {
                const bundle = [];
                const socket = new WebSocket(address);
                socket.onmessage = ({ data }) => {
                    if (bundle.push(data) === 1)
                        setTimeout(() => window.arrived(bundle.splice(0)), 5);
                };
                return new Promise((resolve, reject) => {
                    socket.onopen = () => resolve();
                    socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
                });
            }, url(d, topic, tls));
            return inbox;
        },
        async publish(d, topic, payloads, { tls = false } = {}) {
            const page = await openPage();
            const publishing = page.evaluate(
                ([address, all]) => {
                    const socket = new WebSocket(address);
                    let echoes = 0;
                    return new Promise((resolve, reject) => {
                        socket.onopen = () => all.forEach((payload) => socket.send(payload));
                        socket.onmessage = () => ++echoes === all.length && resolve();
                        socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
                    });
                },
                [url(d, topic, tls), payloads],
            );
            await within(60000, 'Chromium publishes', publishing);
            await page.close();
        },
    };
}

/* ---- curl ---- */

const quoted = (text) => `"${text.replace(/[\\"]/g, '\\$&')}"`;

/** The topic as a stream of events. */
async function curlStream(d, topic, { tls = false } = {}) {
    const where = tls ? [`${d.url.https}${topic}`, '--cacert', d.caFile] : [`${d.url.http}${topic}`];
    const headers = ['-H', `Authorization: ${d.key}`, '-H', 'Accept: text/event-stream'];
    const program = startProgram('curl', ['-sSN', '--fail-with-body', ...headers, ...where], {
        onLine(line) {
            if (line.startsWith('data: ')) inbox.push(null, line.slice('data: '.length));
            return !line.startsWith('retry: ');
        },
    });
    const inbox = new Inbox(() => program.end());
    await program.line(/^retry: /);
    return inbox;
}

/** One curl for all, on one connection. A line of its file takes 100 KB, so larger ones stay outside. */
async function curlPut(d, topic, payloads, { tls = false } = {}) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'thrum-curl-'));
    const file = path.join(folder, 'requests');
    const data = (payload, i) => {
        if (payload.length < 50000) return `data-raw = ${quoted(payload)}`;
        writeFileSync(path.join(folder, `${i}`), payload);
        return `data-binary = "@${path.join(folder, `${i}`)}"`;
    };
    const requests = payloads.map((payload, i) =>
        [
            `url = ${quoted(`${tls ? d.url.https : d.url.http}${topic}`)}`,
            ...['silent', 'show-error', 'fail-with-body', 'request = "PUT"', 'output = "/dev/null"'],
            `header = ${quoted(`Authorization: ${d.key}`)}`,
            'header = "Content-Type: application/json"',
            ...(tls ? [`cacert = ${quoted(d.caFile)}`] : []),
            data(payload, i),
        ].join('\n'),
    );
    writeFileSync(file, requests.join('\nnext\n'));
    try {
        await publishProgram('curl', ['--fail-early', '-K', file], []);
    } finally {
        rmSync(folder, { recursive: true });
    }
}

/** What a GET of the path answers now, as text. */
export async function curlGet(d, topic, { tls = false } = {}) {
    const where = tls ? [`${d.url.https}${topic}`, '--cacert', d.caFile] : [`${d.url.http}${topic}`];
    const args = ['-sS', '--fail-with-body', '-H', `Authorization: ${d.key}`, ...where];
    const { code, stdout, stderr } = await run('curl', args);
    if (code !== 0) throw new Error(`curl ended with ${code}: ${stdout}${stderr}`);
    return stdout;
}

export const mqttClients = [
    npmMqtt('npm mqtt, 3.1', overTcp, level31),
    npmMqtt('npm mqtt, 3.1.1', overTcp, {}),
    npmMqtt('npm mqtt, 3.1 over WebSocket', overWebSocket, level31),
    npmMqtt('npm mqtt, 3.1.1 over WebSocket', overWebSocket, {}),
    mosquitto('mosquitto, 3.1', 'mqttv31'),
    mosquitto('mosquitto, 3.1.1', 'mqttv311'),
    paho('Paho C, 3.1', pahoC, '3.1', 'ssl'),
    paho('Paho C, 3.1.1', pahoC, '3.1.1', 'ssl'),
    paho('Paho Python, 3.1', pahoPython, '3.1', 'mqtts'),
    paho('Paho Python, 3.1.1', pahoPython, '3.1.1', 'mqtts'),
];

const curl = { name: 'curl', subscribe: curlStream, publish: curlPut };

/** All of them, given Chromium. */
export const allClients = (browser) => [...mqttClients, npmWs, chromiumWs(browser), curl];
