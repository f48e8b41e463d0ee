// SPDX-License-Identifier: Apache-2.0
//
// Chromium, without a window. It trusts the daemon's authority as a user would have it: imported
// into the browser's own list; nothing is waved through.
//
//     const browser = await openBrowser(d);
//     const page = await browser.newPage();
//     await browser.close();
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { root, run, slow, temporaryFolder } from './daemon.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

async function certutil(folder, ...args) {
    const { code, stderr } = await run('certutil', ['-d', `sql:${folder}`, ...args]);
    if (code !== 0) throw new Error(`certutil ${args[0]}: ${stderr}`);
}

export async function openBrowser(d) {
    const home = temporaryFolder('thrum-browser-');
    const list = path.join(home, '.pki/nssdb');
    mkdirSync(list, { recursive: true });
    await certutil(list, '-N', '--empty-password');
    await certutil(list, '-A', '-t', 'C,,', '-n', 'thrum', '-i', d.caFile);
    const browser = await chromium.launch({
        executablePath,
        env: { ...process.env, HOME: home },
        args: process.getuid() === 0 ? ['--no-sandbox'] : [],
        timeout: 60000 * slow, // the first start after a boot reads a quarter of a gigabyte
    });
    browser.on('disconnected', () => rmSync(home, { recursive: true, force: true }));
    return browser;
}

/** Answers what a page asks of unpkg.com from the packages that are installed here. */
export async function routePackages(page) {
    await page.route('https://unpkg.com/**', (route) => {
        const file = new URL(route.request().url()).pathname.replace(/@[0-9.]+\//, '/');
        return route.fulfill({ path: path.join(root, 'test/node_modules', file) });
    });
}
