// SPDX-License-Identifier: Apache-2.0
//
// Programs that run until they are told to end, and what they print.
//
//     const program = startProgram('node', ['node/mqtt.js'], { cwd, env });
//     const [, topic] = await program.line(/^Subscribed to (.*)$/);   // waits for such a line
//     await program.end();
import { spawn } from 'node:child_process';
import { atTestEnd, within } from './daemon.mjs';

export function startProgram(file, args, { cwd, env, onLine } = {}) {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
    const program = {
        child,
        lines: [], // of both outputs, not yet asked for
        all: '',
        exited: new Promise((resolve, reject) => {
            child.on('error', reject);
            child.on('close', (code, signal) => resolve({ code, signal }));
        }),

        /** The first line that fits and was not returned before; those in front of it are passed. */
        async line(pattern, ms = 30000) {
            let isOver = false;
            program.exited.finally(() => {
                isOver = true;
                wake();
            });
            const search = async () => {
                for (;;) {
                    while (program.lines.length) {
                        const found = pattern.exec(program.lines.shift());
                        if (found) return found;
                    }
                    if (isOver) throw new Error(`it ended`);
                    await new Promise((resolve) => {
                        wake = resolve;
                    });
                }
            };
            return within(ms, `${file} ${args} prints ${pattern}`, search()).catch((error) => {
                throw new Error(`${error.message}; it printed:\n${program.all}`);
            });
        },

        async end() {
            child.kill('SIGTERM');
            return within(20000, `${file} ${args} ends`, program.exited);
        },
    };
    let wake = () => {};
    for (const stream of [child.stdout, child.stderr]) {
        let rest = '';
        stream.setEncoding('utf8').on('data', (text) => {
            const lines = (rest + text).split('\n');
            rest = lines.pop();
            for (const line of lines) {
                if (onLine?.(line)) continue;
                program.all += `${line}\n`;
                program.lines.push(line);
            }
            wake();
        });
    }
    child.stdin.on('error', () => {}); // it ended before it had read all
    program.exited.catch(() => {});
    atTestEnd(async () => {
        child.kill('SIGKILL');
        await program.exited;
    });
    return program;
}
