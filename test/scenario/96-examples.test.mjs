// SPDX-License-Identifier: Apache-2.0
// The examples, as a user runs them: with the commands of their README, against a real thrumd, over
// TLS with its own authority; the pages in a real Chromium.
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before } from 'node:test';
import { scenario, it, assert, idPattern, onePoint } from './lib/suite.mjs';
import { atTestEnd, eventually, root, run, temporaryFolder, within } from './lib/daemon.mjs';
import { openBrowser, routePackages } from './lib/browser.mjs';
import { startProgram } from './lib/programs.mjs';
import { mqttSub } from './lib/clients.mjs';

const folder = path.join(root, 'examples');
const readme = readFileSync(path.join(folder, 'README.md'), 'utf8');
const wrongKey = 'A'.repeat(80);

scenario('examples', {}, (d) => {
    const work = temporaryFolder('thrum-examples-');
    let env;
    let topic;

    after(() => rmSync(work, { recursive: true, force: true }));

    /** Runs a command line as the README has it, in a shell that has read env.sh. */
    function command(line, more = {}) {
        const bare = line.replace(/ '.*$/, '');
        assert.ok(readme.includes(bare), `the README does not say: ${bare}`);
        return startProgram('/bin/sh', ['-c', `exec ${line}`], {
            cwd: folder,
            env: { ...env, ...more },
        });
    }

    async function finishes(program) {
        const { code } = await within(60000, 'the end', program.exited);
        assert.equal(code, 0, program.all);
        return program.all;
    }

    const publish = (value) => d.api.must(200, 'PUT', topic, [{ value }]);
    const recordAction = () => d.api.must(201, 'POST', '/actions/scans', { thng: env.THNG_ID });
    const latest = async () =>
        (await d.api.must(200, 'GET', `/thngs/${env.THNG_ID}`)).properties ?? {};

    it('env.sh: key, certificate and a thng', async () => {
        const { stdout, stderr } = await run('/bin/sh', ['-ec', 'cd "$0"; . ./env.sh >&2; env', folder], {
            env: {
                ...{ HOST: 'localhost', DATA: d.data, CA_FILE: path.join(work, 'ca.pem') },
                ...{ HTTP_PORT: d.port.http, HTTPS_PORT: d.port.https, MQTTS_PORT: d.port.mqtts },
                ...{ API_KEY: '', THNG_ID: '' },
            },
        });
        const all = new Map(stdout.split('\n').map((one) => one.split(/=(.*)/s).slice(0, 2)));
        const names = ['HOST', 'HTTP_PORT', 'HTTPS_PORT', 'MQTTS_PORT'];
        names.push('API_KEY', 'CA_FILE', 'THNG_ID', 'NODE_EXTRA_CA_CERTS');
        env = Object.fromEntries(names.map((name) => [name, all.get(name)]));
        env.NODE_PATH = path.join(root, 'test/node_modules'); // where `npm install` has put them
        assert.equal(env.API_KEY, d.key, stderr);
        assert.match(env.THNG_ID, idPattern, stderr);
        assert.deepEqual(readFileSync(env.CA_FILE), d.ca);
        assert.equal(env.NODE_EXTRA_CA_CERTS, env.CA_FILE);
        topic = `/thngs/${env.THNG_ID}/properties/temperature`;
    });

    it('the README tells of each example', () => {
        const files = readdirSync(folder, { recursive: true })
            .filter((name) => /\.(sh|html|py|cpp)$/.test(name) || name.startsWith('node/'))
            .filter((name) => !name.includes('node_modules'))
            .filter((name) => statSync(path.join(folder, name)).isFile());
        assert.ok(files.length >= 10, `${files}`);
        for (const name of files) assert.ok(readme.includes(name), name);
    });

    it('Node.js, mqtt: prints all actions of the account', async () => {
        const program = command('node node/mqtt.js');
        await program.line(/^Subscribed to \/actions\/all$/);
        const { id } = await recordAction();
        const [, action] = await program.line(/^\/actions\/all: (\{.*\})$/);
        assert.equal(JSON.parse(action).id, id);
        await finishes(command(`mosquitto/publish.sh '{"type":"scans"}' /actions/all`));
        const [, next] = await program.line(/^\/actions\/all: (\{.*\})$/);
        assert.equal(JSON.parse(next).type, 'scans');
        await program.end();
    });

    it('Node.js, mqtt: tells that a key is wrong, and ends', async () => {
        const program = command('node node/mqtt.js', { API_KEY: wrongKey });
        await program.line(/^Connection refused: Not authorized$/);
        assert.equal((await within(5000, 'the end', program.exited)).code, 1);
    });

    it('Node.js, ws: publishes on a property, and prints what comes', async () => {
        const program = command('node node/websocket.js');
        await program.line(/^Property update: temperature is 37.2$/);
        assert.equal((await latest()).temperature, 37.2);
        await finishes(command(`mosquitto/publish.sh '[{"value":21.5}]'`));
        await program.line(/^Property update: temperature is 21.5$/);
        await publish(20);
        await program.line(/^Property update: temperature is 20$/);
        await program.end();
    });

    it('Node.js, ws: a wrong key or thng is refused with 403', async () => {
        for (const more of [{ API_KEY: wrongKey }, { THNG_ID: 'UaBcDeFgHkMnPqRsTwXyAaBb' }]) {
            const program = command('node node/websocket.js', more);
            await program.line(/^Unexpected server response: 403$/);
            await program.exited;
        }
    });

    it('mosquitto: the last value first, then what comes', async () => {
        await publish(19.5);
        const program = command('mosquitto/subscribe.sh');
        assert.equal(onePoint(await program.line(/^\[.*\]$/)).value, 19.5);
        await finishes(command('mosquitto/publish.sh'));
        assert.equal(onePoint(await program.line(/^\[.*\]$/)).value, 37.2);
        await program.end();
    });

    for (const [name, build, line] of [
        [
            'C++',
            'c++ -std=c++17 -o paho/listeners paho/listeners.cpp -lpaho-mqttpp3 -lpaho-mqtt3as',
            'paho/listeners',
        ],
        ['Python', undefined, '/usr/bin/python3 paho/listeners.py'],
    ]) {
        it(`Paho, ${name}: a listener for each topic`, async () => {
            let program;
            if (build) {
                assert.ok(readme.includes(build));
                const binary = path.join(work, 'listeners');
                const args = build.replace('paho/listeners ', `${binary} `).split(' ').slice(1);
                const compiler = startProgram('c++', ['-Wall', '-Wextra', ...args], { cwd: folder });
                assert.equal(await finishes(compiler), '');
                program = startProgram(binary, [], { cwd: folder, env });
            } else {
                program = command(line);
            }
            await program.line(/^Subscribed$/);
            await program.line(/^Property update: /);
            const value = (await latest()).temperature_celsius;
            assert.ok(Number.isInteger(value) && value >= 0 && value < 10000, `${value}`);
            const { id } = await recordAction();
            const [action] = await program.line(/^Action: .*$/);
            assert.ok(action.includes(id), action);
            await d.api.must(200, 'PUT', topic.replace('temperature', 'temperature_celsius'), [
                { value: 12345 },
            ]);
            await program.line(/^Property update: .*12345/);
            await program.end();
        });
    }

    it('curl: writes a value and reads the last ones', async () => {
        const output = await finishes(command('curl/property.sh 37.2'));
        const [put, get, end] = output.split('\n');
        assert.equal(onePoint(put).value, 37.2);
        assert.equal(JSON.parse(get)[0].value, 37.2);
        assert.ok(JSON.parse(get).length <= 5);
        assert.equal(end, '');
    });

    it('curl: the last value, then each new one', async () => {
        await publish(17.5);
        const program = command('curl/stream.sh');
        const value = async () => onePoint((await program.line(/^data: (.*)$/))[1]).value;
        assert.equal(await value(), 17.5);
        await publish(17.25);
        assert.equal(await value(), 17.25);
        await program.end();
    });

    let browser;
    before(async () => {
        browser = await openBrowser(d);
    });
    after(() => browser?.close());

    /** The example's page, and what is on it. */
    async function open(name, url, { key = d.key, from = `file://${folder}` } = {}) {
        const page = await browser.newPage();
        atTestEnd(() => page.close());
        await routePackages(page);
        const faults = [];
        page.on('pageerror', (error) => faults.push(error.message));
        await page.goto(`${from}/browser/${name}.html#url=${url}&key=${key}&thng=${env.THNG_ID}`);
        return {
            page,
            faults,
            says: (text) =>
                within(
                    15000,
                    `${name} says ${text}`,
                    page.waitForSelector(`#log li >> text=${text}`, { timeout: 0 }),
                ),
            shows: (value) =>
                eventually(
                    `${name} shows ${value}`,
                    async () => (await page.textContent('#value')) === String(value),
                ),
            async publishes(value) {
                await page.fill('#next', String(value));
                await page.click('#publish');
            },
        };
    }

    const pages = {
        websocket: ['wss', /^Property update: \[/],
        events: ['https', /^Property update: \[/],
        sdk: ['https', /^Received \[/],
        'mqtt-over-websocket': ['wss', /^Received \[/],
    };
    for (const [name, [scheme, update]] of Object.entries(pages)) {
        it(`Chromium, ${name}.html: from the disk, over TLS`, async () => {
            const listener = await mqttSub(d, d.url.mqtt, topic);
            const it = await open(name, d.url[scheme]);
            await it.says(update);
            await it.shows(37.2);
            assert.equal(onePoint((await listener.next()).payload).value, 37.2);
            if (name !== 'sdk') {
                await publish(18.5);
                await it.shows(18.5);
                await it.publishes(41.25);
                await it.shows(41.25);
                await listener.next();
                assert.equal(onePoint((await listener.next()).payload).value, 41.25);
            } else {
                /* Every two seconds a new one, between 0 and 100. */
                const { value } = onePoint((await listener.next()).payload);
                assert.ok(value >= 0 && value <= 100);
                await it.shows(value);
            }
            assert.deepEqual(it.faults, []);
        });
    }

    it('Chromium, from a web server, over plain connections', async () => {
        const server = http.createServer((request, response) => {
            const file = path.join(folder, path.normalize(new URL(request.url, d.url.http).pathname));
            const type = { '.html': 'text/html', '.css': 'text/css' }[path.extname(file)];
            response.setHeader('content-type', type ?? 'text/javascript');
            response.end(readFileSync(file));
        });
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        atTestEnd(() => server.close());
        const from = `http://localhost:${server.address().port}`;
        for (const [name, [scheme, update]] of Object.entries(pages)) {
            const it = await open(name, d.url[{ wss: 'ws', https: 'http' }[scheme]], { from });
            await it.says(update);
            await it.shows(37.2);
            assert.deepEqual(it.faults, []);
        }
    });

    it('Chromium: a wrong key is told', async () => {
        await (await open('websocket', d.url.wss, { key: wrongKey })).says('Closed: 1006');
        await (await open('mqtt-over-websocket', d.url.wss, { key: wrongKey })).says('Refused');
        await (await open('sdk', d.url.https, { key: wrongKey })).says('403');
        await (await open('events', d.url.https, { key: wrongKey })).says('Refused');
    });
});
