// SPDX-License-Identifier: Apache-2.0
//
// What the benches share: waiting for servers, looking at processes, medians, tables.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Output of a command, or '' when there is no such command. */
export function tell(file, ...args) {
    try {
        return execFileSync(file, args, {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
        }).trim();
    } catch (error) {
        return `${error.stdout ?? ''}${error.stderr ?? ''}`.trim();
    }
}

export async function listening(port, child) {
    for (let i = 0; i < 100; i++) {
        if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
        const up = await new Promise((resolve) => {
            const socket = net.connect(port, '127.0.0.1', () => {
                socket.destroy();
                resolve(true);
            });
            socket.on('error', () => resolve(false));
        });
        if (up) return;
        await sleep(50);
    }
    throw new Error(`nobody listens on port ${port}`);
}

export function ended(child) {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    const gone = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10000);
    return gone.finally(() => clearTimeout(timer));
}

/** Processor seconds that a process has used. */
export function cpuSeconds(pid) {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function residentMiB(pid) {
    return (
        Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
    );
}

export function median(values) {
    const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
    if (sorted.length === 0) return undefined;
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const thousands = (value) => Math.round(value).toLocaleString('en-US');

export function printTable(rows) {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    for (const row of rows)
        console.log(
            row
                .map((cell, column) =>
                    column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
                )
                .join('   '),
        );
    console.log();
}
