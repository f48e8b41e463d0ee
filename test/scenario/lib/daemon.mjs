// SPDX-License-Identifier: Apache-2.0
//
// A thrumd of our own: a fresh data folder, free ports on loopback, and an eye on how it dies.
//
//     const d = new Daemon({ set: { 'mqtt.plain_topics': 'on' } });
//     await d.start();          // serves: GET /time has answered
//     d.key, d.ca, d.port.mqtt, d.url.http
//     await d.stop();           // SIGTERM; throws when it died before, or left a sanitizer's report
//
// The program is build/thrumd, or what THRUM says. THRUM_TEST_SLOW stretches every time-out, for
// builds under a sanitizer. Built-in modules only: the bench and the durability test use this too.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const program = path.resolve(process.env.THRUM ?? path.join(root, 'build/thrumd'));
export const slow = Number(process.env.THRUM_TEST_SLOW ?? 1);

/** Settings that keep so little in memory that who reads slowly is soon sent from the journal. */
export const smallRing = {
    'limits.packet': '64KiB',
    'engine.group_bytes': '128KiB',
    'engine.ring': '1MiB',
    'engine.ring_groups': '64',
    'mqtt.outbox': '16KiB',
};

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const leftovers = new Set();

/** Registers what ends a client, so that a test that fails half-way leaves nothing open. */
export function atTestEnd(end) {
    leftovers.add(end);
}

export async function endLeftovers() {
    const ends = [...leftovers];
    leftovers.clear();
    await Promise.all(
        ends.map(async (end) => {
            try {
                await end();
            } catch {
                /* it is gone already */
            }
        }),
    );
}

/** The promise, or an error naming <what> after <ms> (stretched by THRUM_TEST_SLOW). */
export function within(ms, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(
            () => reject(new Error(`${what}: nothing after ${ms * slow} ms`)),
            ms * slow,
        );
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Calls <probe> until it answers something true, and returns that. */
export async function eventually(what, probe, ms = 20000) {
    const until = Date.now() + ms * slow;
    for (;;) {
        const answer = await probe();
        if (answer) return answer;
        if (Date.now() > until) throw new Error(`${what}: not so after ${ms * slow} ms`);
        await sleep(20);
    }
}

/** A server on a port that nobody listens on, below those that connections are made from: one of those
 *  could have it by the time that it is wanted. */
async function onFreePort() {
    for (;;) {
        const server = net.createServer();
        const isFree = await new Promise((resolve) => {
            server.once('error', () => resolve(false));
            server.listen(randomInt(12000, 32000), '127.0.0.1', () => resolve(true));
        });
        if (isFree) return server;
    }
}

/** <count> ports that nobody listens on now. */
export async function freePorts(count) {
    const servers = await Promise.all(Array.from({ length: count }, onFreePort));
    const ports = servers.map((server) => server.address().port);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    return ports;
}

export function temporaryFolder(name = 'thrum-test-') {
    return mkdtempSync(path.join(process.env.THRUM_TEST_TMP ?? os.tmpdir(), name));
}

/** Runs a program to its end: { code, signal, stdout, stderr }. */
export function run(file, args, { env, input = '', timeout = 20000 } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
        const out = { stdout: '', stderr: '' };
        const timer = setTimeout(() => child.kill('SIGKILL'), timeout * slow);
        for (const name of ['stdout', 'stderr']) {
            child[name].setEncoding('utf8').on('data', (text) => {
                out[name] += text;
            });
        }
        child.on('error', reject);
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ code, signal, ...out });
        });
        child.stdin.on('error', () => {});
        child.stdin.end(input);
    });
}

function answersTime(port) {
    return new Promise((resolve) => {
        const request = http.get({
            host: '127.0.0.1',
            port,
            path: '/time',
            agent: false,
            timeout: 1000,
        });
        request.on('response', (response) => {
            response.resume();
            resolve(response.statusCode === 200);
        });
        request.on('timeout', () => request.destroy());
        request.on('error', () => resolve(false));
    });
}

const complaint =
    /(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer|assert(ion)? .*failed)/i;

export class Daemon {
    /** <set>: more --set values. <data>: a folder that stays; else a new one that stop() removes. */
    constructor({ set = {}, args = [], env = {}, data, keep = false } = {}) {
        this.isOwnData = data === undefined;
        this.data = data ?? temporaryFolder();
        this.set = set;
        this.args = args;
        this.env = env;
        this.keep = keep || process.env.THRUM_TEST_KEEP === '1';
        this.child = null;
        this.starts = 0;
        this.stdout = '';
        this.stderr = '';
    }

    async choosePorts() {
        const [mqtt, mqtts, httpPort, https] = await freePorts(4);
        this.port = { mqtt, mqtts, http: httpPort, https };
        this.url = {
            mqtt: `mqtt://127.0.0.1:${mqtt}`,
            mqtts: `mqtts://localhost:${mqtts}`,
            http: `http://127.0.0.1:${httpPort}`,
            https: `https://localhost:${https}`,
            ws: `ws://127.0.0.1:${httpPort}`,
            wss: `wss://localhost:${https}`,
        };
    }

    arguments() {
        const ports = Object.entries(this.port).map(([name, port]) => [
            `listener.${name}.port`,
            port,
        ]);
        const set = [...ports, ...Object.entries(this.set)].flatMap(([name, value]) => [
            '--set',
            `${name}=${value}`,
        ]);
        return ['--data', this.data, ...set, ...this.args];
    }

    /** Starts the process without waiting until it serves. */
    async launch() {
        if (!this.port) await this.choosePorts();
        if (!existsSync(program))
            throw new Error(`${program} does not exist; build it, or set THRUM`);
        const child = spawn(program, this.arguments(), {
            env: { ...process.env, ...this.env },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.child = child;
        this.starts += 1;
        this.isStopping = false;
        this.lastStart = { stdout: '', stderr: '' };
        for (const name of ['stdout', 'stderr']) {
            child[name].setEncoding('utf8').on('data', (text) => {
                this[name] += text;
                this.lastStart[name] += text;
            });
        }
        this.exited = new Promise((resolve, reject) => {
            child.on('error', reject);
            child.on('close', (code, signal) => {
                if (this.child === child) this.child = null;
                this.exit = { code, signal };
                resolve(this.exit);
            });
        });
        this.exited.catch(() => {});
    }

    async start() {
        await this.launch();
        const child = this.child;
        await eventually(
            'thrumd serves GET /time',
            async () => {
                if (this.child !== child)
                    throw new Error(`thrumd ended: ${JSON.stringify(this.exit)}\n${this.output()}`);
                return answersTime(this.port.http);
            },
            20000,
        ).catch((error) => {
            this.kill9();
            throw new Error(`${error.message}\n${this.output()}`);
        });
        return this;
    }

    get isAlive() {
        return this.child !== null;
    }
    get pid() {
        return this.child?.pid;
    }
    get keyFile() {
        return path.join(this.data, 'operator.key');
    }
    get caFile() {
        return path.join(this.data, 'tls/ca.pem');
    }
    get key() {
        return readFileSync(this.keyFile, 'utf8').trim();
    }
    get ca() {
        return readFileSync(this.caFile);
    }
    output() {
        return `--- stdout\n${this.stdout}--- stderr\n${this.stderr}---`;
    }

    /** Throws when the daemon is not running, or has complained as only a bug makes it. */
    check() {
        const found = complaint.exec(this.stderr);
        if (found) throw new Error(`thrumd complained: ${found[0]}\n${this.output()}`);
        if (!this.isAlive && !this.isStopping) {
            throw new Error(`thrumd died: ${JSON.stringify(this.exit)}\n${this.output()}`);
        }
    }

    /** SIGTERM, and the exit status must be 0. */
    async stop() {
        try {
            this.check();
            if (this.isAlive) await this.terminate();
            this.check();
        } finally {
            this.kill9();
            await this.exited?.catch(() => {});
            this.removeData();
        }
    }

    /** SIGTERM; leaves the data folder. */
    async terminate() {
        this.isStopping = true;
        this.child.kill('SIGTERM');
        const exit = await within(20000, 'thrumd ends on SIGTERM', this.exited);
        if (exit.code !== 0)
            throw new Error(`thrumd ended with ${JSON.stringify(exit)}\n${this.output()}`);
    }

    /** SIGKILL; returns at once. Await <exited> to know that it is gone. */
    kill9() {
        if (!this.child) return;
        this.isStopping = true;
        this.child.kill('SIGKILL');
    }

    async restart() {
        await this.terminate();
        return this.start();
    }

    async crash() {
        this.kill9();
        await this.exited;
    }

    removeData() {
        if (this.isOwnData && !this.keep) rmSync(this.data, { recursive: true, force: true });
    }
}
