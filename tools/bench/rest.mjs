#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// REST under load: wrk over keep-alive connections, beside nginx (Debian's package) serving a static
// file of the same bytes, turn about, medians of the rounds; then actions, and big deletions while
// properties are updated.
//
//     tools/bench/rest.mjs                         everything
//     tools/bench/rest.mjs --cases reads,writes    some of: reads writes actions cascades
//     tools/bench/rest.mjs --thngs 300000 --seconds 4 --rounds 3 --victims 1000000 --data DIR
//
// All share the machine: wrk, nginx or thrumd. nginx keeps no log and has one worker a processor.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Daemon, freePorts, root } from '../../test/scenario/lib/daemon.mjs';
import { populate } from '../../test/scenario/lib/populate.mjs';
import { Rest, request } from '../../test/scenario/lib/rest.mjs';
import * as measure from './measure.mjs';

const generator = process.env.LOAD ?? path.join(root, 'build/release/bench/load');
const { values: given } = parseArgs({
    options: {
        cases: { type: 'string', default: 'reads,writes,actions,cascades' },
        seconds: { type: 'string', default: '4' },
        rounds: { type: 'string', default: '3' },
        thngs: { type: 'string', default: '300000' },
        victims: { type: 'string', default: '1000000' },
        connections: { type: 'string', default: '32' },
        data: { type: 'string', default: path.join(root, 'build/bench-data') },
    },
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'thrum-bench-'));
const { thousands, median } = measure;

/* ---------------------------------------------------------------- programs */

function output(file, args, seconds) {
    return new Promise((resolve, reject) => {
        const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
        let text = '';
        child.stdout.on('data', (more) => (text += more));
        child.stderr.on('data', (more) => (text += more));
        const timer = setTimeout(() => child.kill('SIGKILL'), (seconds + 60) * 1000);
        child.on('error', (error) =>
            reject(new Error(`${file}: ${error.message} (script/bootstrap bench installs it)`)),
        );
        child.on('close', (code) => {
            clearTimeout(timer);
            if (code === 0) resolve(text);
            else reject(new Error(`${file} ended with ${code}: ${text}`));
        });
    });
}

/** Requests a second, and what was not a success. */
async function wrk(url, { key, script } = {}) {
    const args = ['-t1', `-c${given.connections}`, `-d${given.seconds}s`, '--latency'];
    if (key) args.push('-H', `Authorization: ${key}`);
    if (script) args.push('-s', script);
    const text = await output('wrk', [...args, url], Number(given.seconds));
    const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text);
    if (bad) throw new Error(`${bad[1]} answers of ${url} were errors`);
    return {
        rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
        p99: /99%\s+(\S+)/.exec(text)[1],
    };
}

function luaScript(name, method, body) {
    const file = path.join(folder, `${name}.lua`);
    fs.writeFileSync(
        file,
        `wrk.method = "${method}"\nwrk.body = [==[${body}]==]\n` +
            'wrk.headers["Content-Type"] = "application/json"\n',
    );
    return file;
}

class Nginx {
    async start(files) {
        [this.port] = await freePorts(1);
        const www = path.join(folder, 'www');
        fs.mkdirSync(www);
        for (const [name, text] of Object.entries(files))
            fs.writeFileSync(path.join(www, name), text);
        const conf = path.join(folder, 'nginx.conf');
        fs.writeFileSync(
            conf,
            `daemon off; worker_processes auto; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  open_file_cache max=100;
  server { listen 127.0.0.1:${this.port}; root ${www}; } }
`,
        );
        fs.chmodSync(folder, 0o755);
        const binary = fs.existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
        this.child = spawn(binary, ['-c', conf, '-e', path.join(folder, 'error.log')], {
            stdio: 'inherit',
        });
        await measure.listening(this.port, this.child);
        return this;
    }
    url(name) {
        return `http://127.0.0.1:${this.port}/${name}`;
    }
    stop() {
        return measure.ended(this.child);
    }
}

/* ---------------------------------------------------------------- cases */

const makeThngs = (api, quantity, template) => populate(api, quantity, template, 1800000);

async function reads(d, api) {
    const from = Date.now();
    const each = Math.ceil(Number(given.thngs) / 30);
    for (let i = 0; i < 30; i++)
        await makeThngs(api, each, {
            name: `kind ${i}`,
            tags: [`tag${i}`, 'all'],
            customFields: { floor: i },
            properties: { temp: 21.5, on: true },
        });
    const stored = Number((await api.head('/thngs')).headers['x-result-count']);
    const took = ((Date.now() - from) / 1000).toFixed(0);
    console.log(`stored ${thousands(stored)} thngs with 30 tags and two properties each in ${took} s`);
    const [thng] = (await api.get('/thngs?filter=tags%3Dtag7&perPage=1')).body;
    const paths = {
        'one thng': `/thngs/${thng.id}`,
        'latest property': `/thngs/${thng.id}/properties/temp?from=latest`,
        'all latest properties': `/thngs/${thng.id}/properties`,
        'page of 30, filtered': '/thngs?filter=tags%3Dtag7',
    };
    const files = {};
    for (const [name, one] of Object.entries(paths)) {
        const answer = await api.get(one);
        if (answer.status !== 200) throw new Error(`${one}: ${answer.text}`);
        files[`${name.replaceAll(' ', '-')}.json`] = answer.text;
    }
    const nginx = await new Nginx().start(files);
    const results = {};
    try {
        for (let round = 0; round < Number(given.rounds); round++)
            for (const [name, one] of Object.entries(paths)) {
                const result = (results[name] ??= { nginx: [], thrumd: [], p99: [] });
                result.nginx.push(
                    (await wrk(nginx.url(`${name.replaceAll(' ', '-')}.json`))).rate,
                );
                const measured = await wrk(d.url.http + one, { key: d.key });
                result.thrumd.push(measured.rate);
                result.p99.push(measured.p99);
            }
    } finally {
        await nginx.stop();
    }
    measure.printTable([
        ['GET, answers/s', 'bytes', 'nginx', 'thrumd', 'ratio', 'p99 of rounds'],
        ...Object.entries(results).map(([name, result]) => [
            name,
            String(files[`${name.replaceAll(' ', '-')}.json`].length),
            thousands(median(result.nginx)),
            thousands(median(result.thrumd)),
            (median(result.thrumd) / median(result.nginx)).toFixed(2),
            result.p99.join(' '),
        ]),
    ]);
}

async function writes(d, api) {
    const thng = await api.newThng({ name: 'written' });
    const script = luaScript('put', 'PUT', '[{"value":21.5}]');
    const rates = [];
    for (let round = 0; round < Number(given.rounds); round++)
        rates.push(
            await wrk(`${d.url.http}/thngs/${thng.id}/properties/temp`, { key: d.key, script }),
        );
    const rate = thousands(median(rates.map((one) => one.rate)));
    console.log(
        `PUT of a property, ${given.connections} keep-alive connections: ${rate}/s ` +
            `(p99 ${rates.map((one) => one.p99).join(' ')})\n`,
    );
}

async function actions(d, api) {
    await api.must(201, 'POST', '/actions', { name: '_bench' });
    const ids = [];
    for (let i = 0; i < 100; i++) ids.push((await api.newThng({ name: `acting ${i}` })).id);
    const topics = path.join(folder, 'topics');
    fs.writeFileSync(topics, ids.map((id) => `/thngs/${id}/actions/_bench\n`).join(''));
    const seconds = 20;
    const common = ['--qos', '1', '--host', '127.0.0.1', '--port', String(d.port.mqtt)];
    common.push('--user', 'authorization', '--password-file', d.keyFile, '--topics', topics);
    common.push('--payload', '{"customFields":{"n":%d}}', '--marker', '"n":', '--json');
    common.push('--seconds', String(seconds), '--warmup', '1');
    const paced = ['paced', '--publishers', '50', '--rate', '20000', ...common];
    let isOn = true;
    const waits = [];
    const looking = (async () => {
        while (isOn) {
            const from = process.hrtime.bigint();
            await api.must(200, 'GET', '/actions/_bench?perPage=1');
            waits.push(Number(process.hrtime.bigint() - from) / 1e6);
            await measure.sleep(100);
        }
    })();
    const result = JSON.parse(await output(generator, paced, seconds));
    isOn = false;
    await looking;
    waits.sort((a, b) => a - b);
    const wait = (share) => `${waits[Math.floor((waits.length - 1) * share)].toFixed(0)} ms`;
    const ms = (value) => `${(value / 1000).toFixed(2)} ms`;
    console.log(
        `actions at 20,000/s for ${seconds} s, MQTT QoS 1, each delivered to a subscriber: ` +
            `${thousands(result.rate)}/s; ack p50 ${ms(result.ack_p50_us)}, ` +
            `p99 ${ms(result.ack_p99_us)}; ${waits.length} lists meanwhile answered in ` +
            `${wait(0.5)} (p50), ${wait(0.99)} (p99)`,
    );
    const closed = ['ingest', '--publishers', '100', '--window', '20', '--pause-us', '100'];
    const most = JSON.parse(await output(generator, [...closed, ...common], seconds));
    const from = Date.now();
    const last = await api.get('/actions/_bench?perPage=1');
    console.log(
        `actions as fast as they are taken, ${seconds} s: ${thousands(most.rate)}/s; ` +
            `a list right after answered ${last.status} in ${Date.now() - from} ms`,
    );
    const script = luaScript('action', 'POST', '{"customFields":{"n":1}}');
    const rates = [];
    for (let round = 0; round < Number(given.rounds); round++)
        rates.push(await wrk(`${d.url.http}/thngs/${ids[0]}/actions/_bench`, { key: d.key, script }));
    console.log(
        `actions by POST, ${given.connections} connections: ${thousands(median(rates.map((one) => one.rate)))}/s\n`,
    );
}

/** p99 of property updates at 5,000/s, in microseconds. */
async function pacedUpdates(d, topics, seconds) {
    const args = ['paced', '--qos', '1', '--publishers', '20', '--rate', '5000'];
    args.push('--host', '127.0.0.1', '--port', String(d.port.mqtt), '--topics', topics);
    args.push('--user', 'authorization', '--password-file', d.keyFile);
    args.push('--seconds', String(seconds), '--warmup', '1', '--json');
    return JSON.parse(await output(generator, args, seconds));
}

async function cascades(d, api) {
    const victims = Number(given.victims);
    const product = await api.must(201, 'POST', '/products', { name: 'named by many' });
    const from = Date.now();
    await makeThngs(api, victims, { name: 'victim', product: product.id });
    console.log(
        `${thousands(victims)} thngs with a product in ${((Date.now() - from) / 1000).toFixed(0)} s`,
    );
    const collection = await api.must(201, 'POST', '/collections', { name: 'big' });
    const adding = Date.now();
    let url = `${d.url.http}/thngs?perPage=100&filter=product%3D${product.id}`;
    let ids = [];
    let members = 0;
    for (; url;) {
        const answer = await request(url, { key: d.key });
        ids.push(...answer.body.map((one) => one.id));
        const link = /^<([^>]*)>/.exec(answer.headers.link ?? '');
        url = link && decodeURIComponent(link[1]);
        if (ids.length >= 10000 || !url) {
            await api.must(200, 'PUT', `/collections/${collection.id}/thngs`, ids);
            members += ids.length;
            ids = [];
        }
    }
    console.log(
        `${thousands(members)} thngs put into a collection in ${((Date.now() - adding) / 1000).toFixed(0)} s`,
    );
    const topics = path.join(folder, 'cascade-topics');
    const lines = [];
    for (let i = 0; i < 20; i++)
        lines.push(`/thngs/${(await api.newThng({ name: `p ${i}` })).id}/properties/p\n`);
    fs.writeFileSync(topics, lines.join(''));
    const rows = [['property updates, 5,000/s', 'ack p50', 'ack p99', 'ack p99.9', 'ack max']];
    const ms = (value) => `${(value / 1000).toFixed(2)} ms`;
    const row = (name, r) =>
        rows.push([name, ms(r.ack_p50_us), ms(r.ack_p99_us), ms(r.ack_p999_us), ms(r.ack_max_us)]);
    for (let round = 0; round < Number(given.rounds); round++)
        row('as usual', await pacedUpdates(d, topics, 20));
    const during = pacedUpdates(d, topics, 20);
    await measure.sleep(2000);
    const emptied = Date.now();
    await api.must(200, 'DELETE', `/collections/${collection.id}/thngs`);
    const answered = Date.now() - emptied;
    row(`while the collection is emptied (answered in ${answered} ms)`, await during);
    const then = pacedUpdates(d, topics, 20);
    await measure.sleep(2000);
    const deleted = Date.now();
    await api.must(200, 'DELETE', `/products/${product.id}`);
    const deletedIn = Date.now() - deleted;
    row(`while the product is deleted (answered in ${deletedIn} ms)`, await then);
    for (let round = 0; round < 2; round++)
        row('while the rest is worked off', await pacedUpdates(d, topics, 20));
    measure.printTable(rows);
}

/* ---------------------------------------------------------------- all */

async function main() {
    const all = { reads, writes, actions, cascades };
    fs.rmSync(given.data, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(path.resolve(given.data)), { recursive: true });
    const d = new Daemon({
        data: path.resolve(given.data),
        set: { 'limits.task_quantity': '1000000' },
    });
    const cpus = os.cpus();
    console.log(
        `machine    ${cpus.length} x ${cpus[0].model.trim()}, load ${os.loadavg()[0].toFixed(2)}\n` +
            `versions   ${measure.tell('/usr/sbin/nginx', '-v')}; ${measure.tell('wrk', '-v').split('\n')[0]}\n` +
            `runs       ${given.rounds} rounds of ${given.seconds} s, turn about; ` +
            `wrk with one thread and ${given.connections} connections\n`,
    );
    await d.start();
    const api = new Rest(d.url.http, d.key, { timeout: 600000 });
    try {
        for (const name of given.cases.split(',')) {
            if (!all[name]) throw new Error(`no case '${name}'`);
            await all[name](d, api);
        }
    } finally {
        if (d.isAlive) await d.terminate().catch((error) => console.error(error.message));
        d.kill9();
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

main().catch((error) => {
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
});
