// SPDX-License-Identifier: Apache-2.0
// The command line and the configuration: faults all at once, and which source wins.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe } from 'node:test';
import { assert, assertError, it, scenario } from './lib/suite.mjs';
import { program, run, temporaryFolder } from './lib/daemon.mjs';

describe('the command line', { concurrency: false }, () => {
    let folder;
    before(() => {
        folder = temporaryFolder();
    });
    after(() => rmSync(folder, { recursive: true, force: true }));
    const write = (name, text) => {
        const file = path.join(folder, name);
        writeFileSync(file, text);
        return file;
    };
    const check = (file, args = [], env = {}) =>
        run(
            program,
            [
                '--check',
                '--data',
                path.join(folder, 'data'),
                ...(file ? ['--config', file] : []),
                ...args,
            ],
            { env },
        );

    it('--help and --version answer on stdout with status 0', async () => {
        const help = await run(program, ['--help']);
        assert.equal(help.code, 0);
        for (const option of ['--data', '--config', '--set', '--check', '--version'])
            assert.ok(help.stdout.includes(option), option);
        const version = await run(program, ['--version']);
        assert.equal(version.code, 0);
        assert.match(version.stdout, /\d+\.\d+\.\d+/);
    });

    it('an unknown option and a stray argument are errors', async () => {
        for (const args of [['--nonsense'], ['stray']]) {
            const { code, stderr } = await run(program, args);
            assert.notEqual(code, 0);
            assert.ok(stderr.includes(args[0].replace(/^--/, '')), stderr);
        }
    });

    it('--check of a sound file is quiet about faults and ends with 0', async () => {
        const file = write(
            'good.conf',
            '; a comment\n[listener.http]\nport = 18080\naddress = 127.0.0.1, ::1\n\n[log]\nlevel = warn\n',
        );
        const { code, stdout, stderr } = await check(file);
        assert.equal(code, 0, stdout + stderr);
    });

    it('all faults of a file are told at once, with file and line', async () => {
        const file = write(
            'bad.conf',
            '[listener.http]\nport = 99999\nprot = 80\n\n[nonsense]\nkey = 1\n\n' +
                '[log]\nlevel = loud\n[limits]\npacket = 1XB\nhandshake = soon\n',
        );
        const { code, stderr, stdout } = await check(file);
        assert.notEqual(code, 0);
        const all = stdout + stderr;
        for (const line of [2, 3, 6, 9, 11, 12])
            assert.ok(all.includes(`${file}:${line}`), `line ${line} in ${all}`);
        for (const word of ['port', 'prot', 'nonsense', 'level', 'packet', 'handshake'])
            assert.ok(all.includes(word), word);
    });

    it('faults of file, environment and --set are told together', async () => {
        const file = write('one.conf', '[log]\nlevel = loud\n');
        const { code, stdout, stderr } = await check(
            file,
            ['--set', 'mqtt.nonsense=1', '--set', 'listener.mqtt.port=x', '--set', 'nothing'],
            { THRUM_LISTENER_HTTP_PORT: '-1', THRUM_LOG_NONSENSE: '1' },
        );
        assert.notEqual(code, 0);
        for (const word of [
            `${file}:2`,
            'mqtt.nonsense',
            'listener.mqtt.port',
            'THRUM_LISTENER_HTTP_PORT',
            'THRUM_LOG_NONSENSE',
            'nothing',
        ]) {
            assert.ok((stdout + stderr).includes(word), `${word} in ${stdout}${stderr}`);
        }
    });

    it('a faulty configuration does not start and makes no data folder', async () => {
        const data = path.join(folder, 'untouched');
        const { code } = await run(program, ['--data', data, '--set', 'listener.http.port=none']);
        assert.notEqual(code, 0);
        assert.doesNotThrow(() => mkdirSync(data), 'the folder does not exist yet');
    });

    it('a file that is named and missing is an error', async () => {
        const { code, stdout, stderr } = await check(path.join(folder, 'absent.conf'));
        assert.notEqual(code, 0);
        assert.ok((stdout + stderr).includes('absent.conf'));
    });
});

const packetFile = path.join(temporaryFolder(), 'packet.conf');
writeFileSync(packetFile, '[limits]\npacket = 2KiB\n');

for (const [what, options, accepted, refused] of [
    ['the file', { args: ['--config', packetFile] }, 1900, 2200],
    [
        'the environment over the file',
        { args: ['--config', packetFile], env: { THRUM_LIMITS_PACKET: '4KiB' } },
        3900,
        4200,
    ],
    [
        '--set over the environment',
        {
            args: ['--config', packetFile],
            env: { THRUM_LIMITS_PACKET: '4KiB' },
            set: { 'limits.packet': '8KiB' },
        },
        7900,
        8300,
    ],
]) {
    scenario(`what wins: ${what}`, options, (d) => {
        it('is in force', async () => {
            const { id } = await d.api.newThng();
            const put = (bytes) =>
                d.api.put(
                    `/thngs/${id}/properties/a`,
                    JSON.stringify([{ value: 'x'.repeat(bytes) }]),
                );
            assert.equal((await put(accepted)).status, 200);
            assert.equal((await put(refused)).status, 413);
        });
    });
}

const small = {
    'limits.name': 5,
    'limits.description': 6,
    'limits.type': 7,
    'limits.tag': 8,
    'limits.tags': 2,
    'limits.custom_fields': '1KiB',
    'limits.points': 3,
    'limits.actions': 3,
    'limits.members': 3,
};

scenario('limits of requests', { set: small }, (d) => {
    const text = (count) => 'ä'.repeat(count);
    const thng = (more) => d.api.post('/thngs', { name: 'a', ...more });

    it('hold for the fields of documents, in characters', async () => {
        for (const [field, most] of [
            ['name', 5],
            ['description', 6],
            ['type', 7],
        ]) {
            assert.equal((await thng({ [field]: text(most) })).status, 201, field);
            assertError(await thng({ [field]: text(most + 1) }), 400);
        }
        assert.equal((await thng({ tags: [text(8), 'b'] })).status, 201);
        assertError(await thng({ tags: [text(9)] }), 400);
        assertError(await thng({ tags: ['a', 'b', 'c'] }), 400);
        assert.equal((await thng({ customFields: { a: 'x'.repeat(1000) } })).status, 201);
        assertError(await thng({ customFields: { a: 'x'.repeat(1100) } }), 400);
    });

    it('hold for arrays, and nothing of one that is too long takes effect', async () => {
        const { id } = await d.api.newThng({ name: 'a' });
        const points = [1, 2, 3, 4].map((value) => ({ value, timestamp: value }));
        const property = `/thngs/${id}/properties/a`;
        assertError(await d.api.put(property, points), 400);
        assert.equal((await d.api.get(property)).text, '[]');
        assert.equal((await d.api.put(property, points.slice(1))).status, 200);

        const actions = [1, 2, 3, 4].map(() => ({ type: 'scans' }));
        assertError(await d.api.post('/actions/all', actions), 400);
        assert.equal((await d.api.get('/actions/all')).text, '[]');
        assert.equal((await d.api.post('/actions/all', actions.slice(1))).status, 201);

        const thngs = [];
        for (let i = 0; i < 4; i++) thngs.push((await d.api.newThng({ name: 'a' })).id);
        const collection = await d.api.must(201, 'POST', '/collections', { name: 'c' });
        const members = `/collections/${collection.id}/thngs`;
        assertError(await d.api.put(members, thngs), 400);
        assert.equal((await d.api.get(members)).text, '[]');
        assert.equal((await d.api.put(members, thngs.slice(1))).status, 200);
        assert.equal((await d.api.get(members)).body.length, 3);
    });
});

process.on('exit', () => rmSync(path.dirname(packetFile), { recursive: true, force: true }));
