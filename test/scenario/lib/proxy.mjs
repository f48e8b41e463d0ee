// SPDX-License-Identifier: Apache-2.0
//
// Proxies in front of thrumd: headers of the PROXY protocol as bytes, right and wrong ones alike,
// connections that begin with one, and a real haproxy.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { eventually, freePorts, temporaryFolder } from './daemon.mjs';
import { RawMqtt } from './packets.mjs';
import { request } from './rest.mjs';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** The line of version 1. */
export function line(address, port = 56324) {
    return Buffer.from(
        net.isIPv6(address)
            ? `PROXY TCP6 ${address} 2001:db8::1 ${port} 8883\r\n`
            : `PROXY TCP4 ${address} 198.51.100.1 ${port} 8883\r\n`,
    );
}

/** A header of version 2 around <block>. */
export function block(command, family, bytes) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    return Buffer.concat([signature, Buffer.from([command, family]), length, Buffer.from(bytes)]);
}

/** The block of version 2 of an IPv4 address, with extensions. */
export function inet(address, { port = 56324, family = 0x11, more = [] } = {}) {
    const addresses = [...address.split('.').map(Number), 198, 51, 100, 1];
    return block(0x21, family, [...addresses, port >> 8, port & 255, 34, 179, ...more]);
}

export const local = () => block(0x20, 0, []);

/** A connection whose first bytes are <header>. */
function announced(port, header) {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.write(header);
    return socket;
}

/** The same for TLS, with the header in one segment with the first bytes of TLS. */
function announcedInOne(port, header) {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.setNoDelay(true);
    let isFirst = true;
    const duplex = new Duplex({
        read: () => socket.resume(),
        write(chunk, encoding, done) {
            socket.write(isFirst ? Buffer.concat([header, chunk]) : chunk, done);
            isFirst = false;
        },
        final: (done) => socket.end(done),
        destroy(error, done) {
            socket.destroy();
            done(error);
        },
    });
    socket.on('data', (chunk) => duplex.push(chunk) || socket.pause());
    socket.on('end', () => duplex.push(null));
    socket.on('error', (error) => duplex.destroy(error));
    return duplex;
}

/** A request over a connection that begins with <header>; as request() of rest.mjs otherwise. */
export function announcedRequest(port, header, target, { ca, ...more } = {}) {
    const agent = ca ? new https.Agent() : new http.Agent();
    agent.createConnection = () =>
        ca
            ? tls.connect({ socket: announcedInOne(port, header), servername: 'localhost', ca })
            : announced(port, header);
    const scheme = ca ? 'https' : 'http';
    return request(`${scheme}://localhost:${port}${target}`, { agent, ca, ...more });
}

/** A bare MQTT client behind <header>; not logged in. */
export async function announcedMqtt(port, header, { host } = {}) {
    const raw = await RawMqtt.open(port, { host });
    raw.send(header);
    return raw;
}

/** A haproxy that relays bytes. <routes>: { name: { to, options } }; its ports are in <port>, those
 *  of the same names on 127.0.0.1 and on ::1. */
export class Haproxy {
    constructor(routes) {
        this.routes = routes;
        this.log = '';
    }

    async start() {
        const names = Object.keys(this.routes);
        const ports = await freePorts(names.length);
        this.port = Object.fromEntries(names.map((name, index) => [name, ports[index]]));
        this.folder = temporaryFolder('thrum-haproxy-');
        const file = path.join(this.folder, 'haproxy.cfg');
        writeFileSync(file, this.configuration());
        this.child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const name of ['stdout', 'stderr']) {
            this.child[name].setEncoding('utf8').on('data', (text) => {
                this.log += text;
            });
        }
        this.gone = new Promise((resolve) => {
            this.child.on('close', resolve);
            this.child.on('error', (error) => {
                this.log += error.message;
                resolve();
            });
        });
        await eventually('haproxy listens', () => this.listens());
        return this;
    }

    configuration() {
        const parts = Object.entries(this.routes).map(
            ([name, { to, options }]) => `listen ${name}
    bind 127.0.0.1:${this.port[name]}
    bind [::1]:${this.port[name]}
    server thrumd 127.0.0.1:${to} ${options}
`,
        );
        return `global
    log stdout format raw local0 notice
defaults
    log global
    mode tcp
    option log-health-checks
    timeout connect 10s
    timeout client 60s
    timeout server 60s
${parts.join('')}`;
    }

    async listens() {
        if (this.child.exitCode !== null) throw new Error(`haproxy ended: ${this.log}`);
        const one = (port) =>
            new Promise((resolve) => {
                const socket = net.connect({ port, host: '127.0.0.1' });
                socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
                socket.on('connect', () => socket.destroy());
            });
        return (await Promise.all(Object.values(this.port).map(one))).every(Boolean);
    }

    async stop() {
        this.child?.kill('SIGKILL');
        await this.gone;
        if (this.folder) rmSync(this.folder, { recursive: true });
    }
}
