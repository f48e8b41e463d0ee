// SPDX-License-Identifier: Apache-2.0
// How keys are kept: where the secrets lie, what can be read back, what never appears (auth.md 1.1).
import fs from 'node:fs';
import path from 'node:path';
import { scenario, it, assert, assertError, keyPattern, unknownId } from './lib/suite.mjs';
import { run, temporaryFolder } from './lib/daemon.mjs';
import { login } from './lib/packets.mjs';
import {
    as,
    newAnonymous,
    newOperator,
    newPolicy,
    newProject,
    newRole,
    newUser,
} from './lib/people.mjs';

const tool = path.join(path.dirname(process.env.THRUM ?? 'build/thrumd'), 'thrum');

/** Every file below <folder>. */
function files(folder) {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const at = path.join(folder, entry.name);
        return entry.isDirectory() ? files(at) : [at];
    });
}

/** One key of each kind, and the password of a user. */
async function allKeys(d) {
    const project = await newProject(d.api);
    const thng = await d.api.newThng();
    const user = await newUser(d, project.appKey, { password: 'a password to be looked for' });
    const policy = await d.api.must(201, 'POST', '/accessPolicies', {
        name: 'reads',
        permissions: ['thngs:read'],
    });
    const token = await d.api.must(201, 'POST', '/accessTokens', {
        name: 'a token',
        policies: [policy.id],
        conditions: [],
    });
    return {
        operator: (await newOperator(d.api, { role: 'admin' })).key,
        device: await d.api.newDeviceKey(thng.id),
        application: project.appKey,
        trusted: project.trustedKey,
        user: user.key,
        anonymous: (await newAnonymous(d, project.appKey)).key,
        token: token.apiKey,
        password: user.password,
        account: token.account,
        tokenPath: `/accessTokens/${token.id}`,
    };
}

scenario('keys at rest and in words', { set: { 'log.level': 'debug' } }, (d) => {
    let keys;

    it('every kind of key works, on REST and MQTT', async () => {
        keys = await allKeys(d);
        for (const name of ['operator', 'device', 'application', 'trusted', 'user', 'token']) {
            assert.match(keys[name], keyPattern);
            assert.equal((await as(d, keys[name]).get('/access')).status, 200, name);
            (await login(d.port.mqtt, keys[name])).destroy();
        }
    });

    it('a token’s key is shown once', async () => {
        const { body, text } = await d.api.get(keys.tokenPath);
        assert.equal(body.apiKey, undefined);
        assert.equal(text.includes(keys.token), false);
        assert.equal((await d.api.get('/accessTokens')).text.includes(keys.token), false);
    });

    it('no key and no password is in the log or in an error, whoever asks for what', async () => {
        for (const name of ['operator', 'device', 'application', 'trusted', 'user', 'token']) {
            const key = keys[name];
            for (const target of [
                `/nothing?access_token=${key}`,
                `/projects?access_token=${key}`,
                `/thngs/${key}`,
            ]) {
                const answer = await as(d, undefined).get(target);
                if (answer.status >= 400) assert.equal(answer.text.includes(key), false, target);
            }
            await as(d, `${key}x`).get('/access');
            const raw = await login(d.port.mqtt, key);
            raw.send(Buffer.from([0x30, 0x02, 0x00]));
            raw.destroy();
        }
        await as(d, keys.application).post('/auth/evrythng', {
            email: 'nobody@example.com',
            password: keys.password,
        });
        const recent = (await d.api.get('/why')).text;
        for (const secret of Object.values(keys).filter((one) => one?.length >= 27)) {
            assert.equal(d.stderr.includes(secret), false);
            assert.equal(recent.includes(secret), false);
        }
        assert.equal(d.stderr.includes(d.key), false);
    });

    it('the data folder has no key and no password in clear text but operator.key', async () => {
        await d.terminate();
        for (const file of files(d.data)) {
            if (file === d.keyFile) continue;
            const bytes = fs.readFileSync(file);
            for (const name of ['operator', 'device', 'application', 'trusted', 'user', 'token', 'password']) {
                assert.equal(bytes.includes(keys[name]), false, `${name} in ${file}`);
            }
            assert.equal(bytes.includes(d.key), false, file);
        }
        assert.equal(fs.statSync(path.join(d.data, 'secret')).mode & 0o77, 0);
        await d.start();
    });

    it('operator.key may go after the first start: no new one is made, the key still works', async () => {
        const { key } = d;
        await d.terminate();
        fs.rmSync(d.keyFile);
        await d.start();
        assert.equal(fs.existsSync(d.keyFile), false);
        assert.equal((await as(d, key).get('/access')).status, 200);
        assert.equal(d.lastStart.stdout.includes(key), false);
        fs.writeFileSync(d.keyFile, `${key}\n`, { mode: 0o600 });
    });
});

scenario('rotation', {}, (d) => {
    it('the key of each kind is renewed: the old one ends, the new one works', async () => {
        const { account } = (await d.api.get('/access')).body;
        const project = await newProject(d.api);
        const operator = await newOperator(d.api, { role: 'admin' });
        const { id: policy } = await d.api.must(201, 'POST', '/accessPolicies', {
            name: 'reads',
            permissions: ['thngs:read'],
        });
        const token = await d.api.must(201, 'POST', '/accessTokens', {
            name: 'a token',
            policies: [policy],
            conditions: [],
        });
        const application = `/projects/${project.id}/applications/${project.app}`;
        for (const [target, member, old] of [
            [`${application}/secretKey`, 'secretApiKey', project.trustedKey],
            [`${application}/appApiKey`, 'appApiKey', project.appKey],
            [`/accounts/${account}/accesses/${operator.id}/apiKey`, 'apiKey', operator.key],
            [`/accessTokens/${token.id}/apiKey`, 'apiKey', token.apiKey],
        ]) {
            const answer = await d.api.delete(target);
            assert.equal(answer.status, 200, `${target}: ${answer.text}`);
            const fresh = answer.body[member];
            assert.match(fresh, keyPattern);
            assert.notEqual(fresh, old);
            assertError(await as(d, old).get('/access'), 403);
            assert.equal((await as(d, fresh).get('/access')).status, 200, target);
        }
        const thng = await d.api.newThng();
        const first = await d.api.newDeviceKey(thng.id);
        assert.equal(await d.api.newDeviceKey(thng.id), first);
        await d.api.must(200, 'DELETE', `/auth/evrythng/thngs/${thng.id}`);
        assertError(await d.api.get(`/auth/evrythng/thngs/${thng.id}`), 404);
        assertError(await as(d, first).get('/access'), 403);
        assert.notEqual(await d.api.newDeviceKey(thng.id), first);
    });
});

const elsewhere = path.join(temporaryFolder('thrum-secret-'), 'secret');

scenario('secrets elsewhere', { set: { 'server.secret_file': elsewhere } }, (d) => {
    it('the file is made there, private, and nothing of it in the data folder', async () => {
        assert.equal(fs.statSync(elsewhere).mode & 0o777, 0o600);
        assert.equal(fs.existsSync(path.join(d.data, 'secret')), false);
        const { id } = await d.api.newThng();
        const key = await d.api.newDeviceKey(id);
        await d.terminate();
        await d.start();
        assert.equal((await as(d, key).get('/access')).status, 200);
    });

    it('without it, or with one that others can read, the start fails and says why', async () => {
        await d.terminate();
        const attempt = async () => {
            const { code, stderr } = await run(process.env.THRUM ?? 'build/thrumd', d.arguments());
            assert.notEqual(code, 0);
            return stderr;
        };
        fs.renameSync(elsewhere, `${elsewhere}.away`);
        assert.match(await attempt(), /secret/);
        assert.equal(fs.existsSync(elsewhere), false, 'no new one is made');
        fs.renameSync(`${elsewhere}.away`, elsewhere);
        fs.chmodSync(elsewhere, 0o644);
        assert.match(await attempt(), /secret/);
        fs.chmodSync(elsewhere, 0o600);
        await d.start();
        assert.equal((await d.api.get('/access')).status, 200);
        fs.rmSync(path.dirname(elsewhere), { recursive: true });
    });
});

scenario('why', {}, (d) => {
    const why = async (args, input) => {
        const place = ['--data', d.data, '--port', String(d.port.http)];
        return run(tool, ['why', ...place, ...args], { input });
    };
    let project;
    let user;
    let thng;

    it('tells what decides: row, role, scope', async () => {
        project = await newProject(d.api);
        user = await newUser(d, project.appKey);
        thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 't' });
        const topic = `/thngs/${thng.id}/properties/a`;
        for (const [args, expected] of [
            [[user.id, topic], /^allowed \(200\)/],
            [[user.id, topic, 'publish'], /^allowed \(200\)/],
            [[user.id, topic, 'delete'], /^refused \(403\): No key of this kind/],
            [[user.id, '/projects'], /^refused \(403\)/],
            [[project.app, '/thngs', 'get'], /^refused \(403\)/],
            [[project.app, '/thngs', 'get', '--trusted'], /^allowed/],
            [[thng.id, `/thngs/${thng.id}`, 'put'], /^allowed/],
            [[thng.id, `/thngs/${(await d.api.newThng()).id}`], /^refused \(404\): .*own thng/s],
            [[user.id, `/thngs/${(await d.api.newThng()).id}`], /^refused \(404\): .*project/s],
        ]) {
            const { code, stdout, stderr } = await why(args);
            assert.equal(code, 0, stderr);
            assert.match(stdout, expected, args.join(' '));
        }
    });

    it('what it says is what happens', async () => {
        const api = as(d, user.key);
        await d.api.must(200, 'PUT', `/thngs/${thng.id}`, {
            scopes: { users: [], projects: [project.id] },
        });
        assertError(await api.get(`/thngs/${thng.id}`), 404);
        const { stdout } = await why([user.id, `/thngs/${thng.id}`]);
        assert.match(stdout, /^refused \(404\): .*other users/s);
        assert.match(stdout, /scopes +\{"users":\[\]/);
        assert.match(stdout, /role +base_app_user/);
    });

    it('says of every path what a request is answered', async () => {
        const { account, actor } = (await d.api.get('/access')).body;
        const operators = `/accounts/${account}/operatorAccess`;
        const [p, other] = [project, await newProject(d.api)];
        const policy = await newPolicy(d.api, ['thngs:read', 'places:list']);
        const limited = await newOperator(d.api, { policies: [policy] });
        const role = await newRole(d.api, []);
        const unseen = await d.api.newThng();
        const thng = await as(d, p.trustedKey).newThng();
        const product = await d.api.must(201, 'POST', `/products?project=${p.id}`, { name: 'p' });
        const place = await d.api.must(201, 'POST', '/places', { name: 'place' });
        const apps = `/projects/${p.id}/applications`;
        const keys = [d.key, limited.key, p.trustedKey, p.appKey, user.key];
        keys.push(await d.api.newDeviceKey(thng.id));
        const paths = [
            ...['/access', '/me', '/why', '/applications/me', '/actions/all', '/users'],
            ...['/roles/admin', `/roles/${role}`, `/roles/${policy}`, '/roles/none/permissions'],
            ...['/accounts', `/accounts/${account}`, `/accounts/${unknownId}`, operators],
            ...[`${operators}/${limited.id}`, `${operators}/${unknownId}`],
            ...[`/operators/${actor.id}`, `/operators/${limited.id}`],
            ...[apps, `${apps}/${p.app}`, `${apps}/${other.app}`, `${apps}/${p.app}/secretKey`],
            ...[`/users/${user.id}`, `/users/${thng.id}`, `/accessPolicies/${policy}`],
            ...[`/thngs/${unseen.id}`, `/thngs/${thng.id}`, `/thngs/${thng.id}/properties`],
            ...[`/thngs/${thng.id}?project=${p.id}`, `/thngs/${unseen.id}?project=${p.id}`],
            ...[`/thngs/${thng.id}?project=${other.id}`, `/thngs?project=${unknownId}`],
            ...[`/products/${product.id}`, `/products/${thng.id}`, `/places/${place.id}`],
        ];
        for (const key of keys)
            for (const topic of paths) {
                const { status } = await as(d, key).get(topic);
                const told = await d.api.must(200, 'POST', '/why', { key, topic, operation: 'get' });
                assert.equal(told.status, status, `${keys.indexOf(key)} ${topic}: ${told.reason}`);
            }
    });

    it('takes a key from standard input, and refuses one on the command line', async () => {
        const read = await why(['-', '/access'], `${user.key}\n`);
        assert.match(read.stdout, /^allowed/);
        assert.match(read.stdout, new RegExp(user.id));
        const word = await why([user.key, '/access']);
        assert.equal(word.code, 2);
        assert.equal(word.stderr.includes(user.key), false);
    });

    it('shows the last refusals with their reasons, and only to administrators', async () => {
        await as(d, user.key).get('/projects');
        const raw = await login(d.port.mqtt, user.key);
        raw.send(Buffer.concat([Buffer.from([0x82, 13, 0, 1, 0, 8]), Buffer.from('/batches'), Buffer.from([1])]));
        await raw.next();
        raw.destroy();
        const { stdout } = await why(['--recent']);
        assert.match(stdout, /403 +rest +GET +\/projects/);
        assert.match(stdout, /mqtt +subscribe +\/batches/);
        assert.match(stdout, new RegExp(user.id));
        for (const key of [user.key, project.appKey, project.trustedKey]) {
            assertError(await as(d, key).get('/why'), 403);
        }
    });

    it('another account sees neither the refusals nor the actors of this one', async () => {
        const { operator } = await d.api.must(201, 'POST', '/accounts', { name: 'b' });
        const theirs = as(d, operator.apiKey);
        assert.deepEqual((await theirs.get('/why')).body, []);
        assertError(await theirs.post('/why', { actor: user.id, topic: '/access', operation: 'get' }), 404);
        const told = await theirs.post('/why', { key: user.key, topic: '/access', operation: 'get' });
        const unknown = await theirs.post('/why', { key: 'nobody', topic: '/access', operation: 'get' });
        assert.equal(told.text, unknown.text);
    });
});
