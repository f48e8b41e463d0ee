// SPDX-License-Identifier: Apache-2.0
// The first start: what it makes, what it prints, and that what it prints works as printed.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { assert, it, keyPattern, scenario } from './lib/suite.mjs';
import { Daemon, eventually, program, root, run, sleep } from './lib/daemon.mjs';

const files = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const full = path.join(folder, entry.name);
        return entry.isDirectory() ? files(full) : entry.isFile() ? [full] : [];
    });

/** The lines meant for pasting: from the key on, up to the demo. */
function printedLines(stdout) {
    const lines = stdout.split('\n');
    const from = lines.findIndex((line) => line.startsWith('KEY='));
    const to = lines.findIndex((line, index) => index > from && / demo( |$)/.test(line));
    assert.ok(from >= 0 && to > from, stdout);
    return lines.slice(from, to).join('\n');
}

scenario('first start', {}, (d) => {
    it('operator.key has mode 0600 and holds the key and a newline', () => {
        assert.equal(statSync(d.keyFile).mode & 0o777, 0o600);
        const text = readFileSync(d.keyFile, 'utf8');
        assert.equal(text.at(-1), '\n');
        assert.match(text.slice(0, -1), keyPattern);
    });

    it('no private key can be read by others', () => {
        const secret = files(d.data).filter((file) =>
            readFileSync(file).includes('PRIVATE KEY-----'),
        );
        assert.ok(secret.length >= 1);
        for (const file of secret) assert.equal(statSync(file).mode & 0o077, 0, file);
    });

    it('the CA is one: critical basicConstraints and keyUsage, ECDSA P-256', () => {
        const ca = new X509Certificate(d.ca);
        assert.equal(ca.ca, true);
        assert.equal(ca.publicKey.asymmetricKeyDetails.namedCurve, 'prime256v1');
        const text = execFileSync('openssl', ['x509', '-noout', '-text', '-in', d.caFile], {
            encoding: 'utf8',
        });
        assert.match(text, /X509v3 Basic Constraints: critical\s+CA:TRUE/);
        assert.match(text, /X509v3 Key Usage: critical\s+.*Certificate Sign/);
        assert.equal(d.ca.includes('PRIVATE KEY'), false);
    });

    it('the certificate names localhost, both loopback addresses and the host', async () => {
        for (const port of [d.port.https, d.port.mqtts]) {
            const certificate = await new Promise((resolve, reject) => {
                const socket = tls.connect(
                    { port, host: '127.0.0.1', servername: 'localhost', ca: d.ca },
                    () => {
                        resolve(socket.getPeerX509Certificate());
                        socket.destroy();
                    },
                );
                socket.on('error', reject);
            });
            for (const host of ['localhost', os.hostname().toLowerCase()])
                assert.ok(certificate.checkHost(host), `${host}: ${certificate.subjectAltName}`);
            for (const address of ['127.0.0.1', '::1'])
                assert.ok(
                    certificate.checkIP(address),
                    `${address}: ${certificate.subjectAltName}`,
                );
            assert.equal(certificate.ca, false);
            assert.equal(certificate.publicKey.asymmetricKeyDetails.namedCurve, 'prime256v1');
        }
    });

    it('it prints the key once, where the CA file is, and the ports', () => {
        assert.equal(d.stdout.split(d.key).length - 1, 1, d.stdout);
        assert.equal(d.stderr.includes(d.key), false);
        assert.ok(d.stdout.includes('tls/ca.pem'));
        for (const port of Object.values(d.port))
            assert.ok(d.stdout.includes(String(port)), `${port}`);
    });

    it('the printed lines work when pasted as they are', async () => {
        const { code, stdout, stderr } = await run('bash', [], {
            input: `cd '${root}'\n${printedLines(d.stdout)}\n`,
            timeout: 30000,
        });
        assert.match(stdout, /^U[0-9A-Za-z]{23}$/m, `${code}\n${stdout}\n${stderr}`);
        const points = stdout.match(/\[\{[^[\]]*"value":37\.2[^[\]]*\}\]/g) ?? [];
        assert.ok(
            points.length >= 3,
            `mosquitto_sub, the WebSocket and the history all show it:\n${stdout}\n${stderr}`,
        );
    });

    it("the demo publishes this machine's figures, once a second", async () => {
        const line = d.stdout.split('\n').find((one) => / demo( |$)/.test(one));
        const demo = run('bash', ['-c', `cd '${root}' && exec timeout --foreground -s INT 6 ${line}`], {
            timeout: 20000,
        });
        const thng = await eventually(
            'a thng with figures',
            async () => {
                const thngs = (await d.api.get('/thngs')).body;
                return thngs.find((one) => Object.keys(one.properties).length >= 4);
            },
            8000,
        );
        const key = Object.keys(thng.properties)[0];
        await eventually(
            'more than one value',
            async () => (await d.api.get(`/thngs/${thng.id}/properties/${key}`)).body.length >= 3,
            8000,
        );
        const { stdout, stderr } = await demo;
        assert.equal((stdout + stderr).includes(d.key), false);
    });

    it('a second start prints the addresses and no secret, and keeps everything', async () => {
        const key = d.key;
        const ca = d.ca;
        const thng = await d.api.newThng({ name: 'kept', properties: { a: 1 } });
        await d.restart();
        assert.deepEqual([d.key, d.ca], [key, ca]);
        await eventually('all ports are told', async () =>
            Object.values(d.port).every((port) => d.lastStart.stdout.includes(String(port))),
        );
        assert.equal((d.lastStart.stdout + d.lastStart.stderr).includes(key), false);
        const read = (await d.api.get(`/thngs/${thng.id}`)).body;
        assert.equal(read.name, 'kept');
        assert.deepEqual(read.properties, { a: 1 });
    });

    it('a second daemon on the same folder refuses to start', async () => {
        const second = new Daemon({ data: d.data });
        await second.launch();
        const timer = setTimeout(() => second.kill9(), 10000);
        const exit = await second.exited;
        clearTimeout(timer);
        assert.equal(exit.signal, null, 'it ended by itself');
        assert.notEqual(exit.code, 0);
        assert.notEqual(second.stderr, '');
        await sleep(100);
        assert.equal((await d.api.get('/access')).status, 200);
    });
});

it('a data folder that cannot be made is one clear message and a status other than 0', async () => {
    const { code, stderr } = await run(program, ['--data', '/proc/thrum-cannot-be-here']);
    assert.notEqual(code, 0);
    assert.match(stderr, /\/proc\/thrum-cannot-be-here/);
});
