// SPDX-License-Identifier: Apache-2.0
// Users of applications: signing up, logging in, sharing (auth.md 2.4, 11).
import { scenario, it, assert, assertError, idPattern, keyPattern } from './lib/suite.mjs';
import { as, giveRole, newAnonymous, newApplication, newProject, newUser } from './lib/people.mjs';

const person = (email, more = {}) => ({
    firstName: 'Grace',
    lastName: 'H',
    email,
    password: 'correct horse',
    ...more,
});

/* Passwords are hashed for real, with less memory than a server takes. */
const quick = { 'auth.password_memory': '8MiB', 'auth.password_passes': '1' };

scenario('users', { set: { ...quick, 'auth.failed_logins': '1000' } }, (d) => {
    let project;
    let app; // with the public key
    let trusted;

    it('signing up, being validated, logging in', async () => {
        project = await newProject(d.api);
        app = as(d, project.appKey);
        trusted = as(d, project.trustedKey);
        const made = await app.post('/auth/evrythng/users', person('grace@example.com'));
        assert.equal(made.status, 201, made.text);
        const { evrythngUser, activationCode } = made.body;
        assert.match(evrythngUser, idPattern);
        assert.match(activationCode, /^[A-Za-z0-9]{8}$/);
        assert.deepEqual(made.body, {
            evrythngUser,
            activationCode,
            status: 'inactive',
            email: 'grace@example.com',
        });
        const credentials = { email: 'grace@example.com', password: 'correct horse' };
        assertError(await app.post('/auth/evrythng', credentials), 403);
        assertError(await app.post('/users/login', credentials), 403);
        assert.deepEqual((await d.api.get(`/users/${evrythngUser}/status`)).body, {
            activated: false,
            activationCode,
        });
        const path = `/auth/evrythng/users/${evrythngUser}/validate`;
        assertError(await app.post(path, { activationCode: 'AAAAAAAA' }), 400);
        assertError(await app.post(path, {}), 400);
        const valid = await app.post(path, { activationCode });
        assert.equal(valid.status, 201, valid.text);
        assert.match(valid.body.evrythngApiKey, keyPattern);
        assert.equal(valid.body.status, 'active');
        assert.equal(valid.body.evrythngUser, evrythngUser);
        assertError(await app.post(path, { activationCode }), 409);
        const status = (await d.api.get(`/users/${evrythngUser}/status`)).body;
        assert.equal(status.activated, true);
        assert.ok(Math.abs(status.activationDate - Date.now()) < 60000);

        const login = await app.post('/auth/evrythng', credentials);
        assert.equal(login.status, 201, login.text);
        assert.deepEqual(login.body, {
            evrythngUser,
            evrythngApiKey: valid.body.evrythngApiKey, // the key that is live
            email: 'grace@example.com',
            status: 'active',
            socialNetwork: 'evrythng',
        });
        const { status: code, body: user } = await app.post('/users/login', credentials);
        assert.equal(code, 200);
        assert.equal(user.id, evrythngUser);
        assert.deepEqual(user.access, {
            id: user.access.id,
            project: project.id,
            app: project.app,
            user: evrythngUser,
            actor: { type: 'userInApp', id: evrythngUser },
            role: 'base_app_user',
            apiKey: valid.body.evrythngApiKey,
        });
        assert.deepEqual((await as(d, user.access.apiKey).get('/access')).body, {
            account: (await d.api.get('/access')).body.account,
            actor: { type: 'userInApp', id: evrythngUser },
            project: project.id,
        });
    });

    it('no answer, list or search shows a password, a hash or another one’s code', async () => {
        const user = await newUser(d, project.appKey);
        for (const api of [d.api, trusted, as(d, user.key)]) {
            const answer = await api.get(`/users/${user.id}?withScopes=true&context=true`);
            assert.doesNotMatch(answer.text, /argon|password|credentials|activationCode/i);
        }
        assert.doesNotMatch((await d.api.get('/users')).text, /argon|password|credentials/i);
        const own = as(d, user.key);
        const body = { credentials: { status: 'inactive' } };
        assert.equal((await own.put(`/users/${user.id}`, body)).status, 200);
        assert.equal((await own.get(`/users/${user.id}/status`)).body.activated, true);
    });

    it('who is anonymous has a key at once', async () => {
        for (const [path, body] of [
            ['/auth/evrythng/users?anonymous=true', {}],
            ['/auth/evrythng/users', { anonymous: true }],
        ]) {
            const { status, body: made } = await app.post(path, body);
            assert.equal(status, 201);
            assert.equal(made.status, 'anonymous');
            assert.equal(made.socialNetwork, 'evrythng');
            assert.match(made.email, /@/);
            const own = as(d, made.evrythngApiKey);
            assert.equal((await own.get(`/users/${made.evrythngUser}`)).status, 200);
            const { thngApiKey } = await own.must(201, 'POST', '/auth/evrythng/thngs', {
                thngId: (await own.newThng()).id,
            });
            assert.match(thngApiKey, keyPattern);
            assertError(await app.post('/auth/evrythng', { email: made.email, password: '' }), 400);
        }
    });

    it('what is wrong with a body is told', async () => {
        const bad = [
            [{ firstName: 'a', lastName: 'b', email: 'x1@example.com' }, 'password'],
            [{ firstName: 'a', email: 'x1@example.com', password: 'p' }, 'lastName'],
            [{ lastName: 'a', email: 'x1@example.com', password: 'p' }, 'firstName'],
            [{ firstName: 'a', lastName: 'b', password: 'p' }, 'email'],
            [person('nobody'), 'email'],
            [person('a@'), 'email'],
            [person(`${'a'.repeat(250)}@b.ch`), 'email'],
            [person('x1@example.com', { password: '' }), 'password'],
            [person('x1@example.com', { password: 7 }), 'password'],
            [person('x1@example.com', { password: 'p'.repeat(1025) }), 'password'],
            [[], undefined],
        ];
        for (const [body, field] of bad) {
            const answer = await app.post('/auth/evrythng/users', body);
            assertError(answer, 400);
            if (field) assert.match(answer.body.errors[0], new RegExp(field), answer.text);
        }
        await app.must(201, 'POST', '/auth/evrythng/users', person('x1@example.com'));
    });

    it('an email is one user’s in its application, whatever its case', async () => {
        const user = await newUser(d, project.appKey, { email: 'Once@Example.com' });
        const again = await app.post('/auth/evrythng/users', person('once@example.com'));
        assertError(again, 409);
        const other = await newApplication(d.api, project.id);
        await as(d, other.appKey).must(201, 'POST', '/auth/evrythng/users', person('once@example.com'));
        await d.api.must(200, 'DELETE', `/users/${user.id}`).catch(() => {});
        await app.must(201, 'POST', '/auth/evrythng/users', person('once@example.com'));
    });

    it('twenty who want one email at once: one gets it', async () => {
        const answers = await Promise.all(
            Array.from({ length: 20 }, () =>
                app.post('/auth/evrythng/users', person('race@example.com')),
            ),
        );
        const count = (status) => answers.filter((one) => one.status === status).length;
        assert.equal(count(201), 1);
        assert.equal(count(409), 19);
    });

    it('a wrong password and an unknown email are answered alike', async () => {
        const user = await newUser(d, project.appKey);
        for (const path of ['/auth/evrythng', '/users/login']) {
            const wrong = await app.post(path, { email: user.email, password: 'wrong' });
            const unknown = await app.post(path, { email: 'no@example.com', password: 'wrong' });
            assertError(wrong, 401);
            assert.equal(wrong.text, unknown.text);
        }
        const other = await newProject(d.api);
        const elsewhere = await as(d, other.appKey).post('/auth/evrythng', {
            email: user.email,
            password: user.password,
        });
        assertError(elsewhere, 401);
    });

    it('logging out ends the key; the next login makes a new one', async () => {
        const user = await newUser(d, project.appKey);
        const own = as(d, user.key);
        const out = await own.post('/auth/all/logout');
        assert.equal(out.status, 201);
        assert.deepEqual(out.body, { logout: 'ok' });
        assertError(await own.get('/access'), 403);
        assertError(await own.post('/auth/all/logout'), 403);
        const login = await app.must(201, 'POST', '/auth/evrythng', {
            email: user.email,
            password: user.password,
        });
        assert.notEqual(login.evrythngApiKey, user.key);
        assert.equal((await as(d, login.evrythngApiKey).get('/access')).status, 200);
    });

    it('a user changes its own password, with the old one', async () => {
        const user = await newUser(d, project.appKey);
        const own = as(d, user.key);
        const path = `/users/${user.id}`;
        assertError(await own.put(path, { password: 'new' }), 400);
        assertError(await own.put(path, { password: 'new', oldPassword: 'wrong' }), 401);
        const done = await own.put(path, {
            password: 'new',
            oldPassword: user.password,
            firstName: 'Ada',
        });
        assert.equal(done.status, 200, done.text);
        assert.equal(done.body.firstName, 'Ada');
        assert.doesNotMatch(done.text, /password/i);
        const login = (password) => app.post('/auth/evrythng', { email: user.email, password });
        assertError(await login(user.password), 401);
        assert.equal((await login('new')).status, 201);
        assert.equal((await d.api.put(path, { password: 'set by an operator' })).status, 200);
        assert.equal((await login('set by an operator')).status, 201);
    });

    it('a user cannot change what it is: role, application, project, others', async () => {
        const user = await newUser(d, project.appKey);
        const other = await newUser(d, project.appKey);
        await giveRole(d.api, user.id, [
            { path: '/users', access: 'ru' },
            { path: '/thngs', access: 'r' },
        ]);
        const own = as(d, user.key);
        const changed = await own.put(`/users/${user.id}`, {
            role: 'base_app_user',
            app: other.id,
            project: other.id,
            customFields: { a: 1 },
        });
        assert.equal(changed.status, 200, changed.text);
        assertError(await own.post('/thngs', { name: 'no' }), 403);
        assert.equal(changed.body.project, project.id);
        assertError(await own.get(`/users/${other.id}`), 404);
        assertError(await own.put(`/users/${other.id}`, { firstName: 'x' }), 404);
        assertError(await own.get('/users'), 403);
        assertError(await own.delete(`/users/${user.id}`), 403);
    });

    it('operators and trusted applications list users; a list is of a project', async () => {
        const other = await newProject(d.api);
        const here = await newUser(d, project.appKey);
        const there = await newUser(d, other.appKey);
        const idsOf = async (api, path) =>
            (await api.get(`${path}${path.includes('?') ? '&' : '?'}perPage=100`)).body.map(
                (user) => user.id,
            );
        const all = await idsOf(d.api, '/users');
        assert.ok(all.includes(here.id) && all.includes(there.id));
        const narrowed = await idsOf(d.api, `/users?project=${other.id}`);
        assert.deepEqual(narrowed, [there.id]);
        const seen = await idsOf(trusted, '/users');
        assert.ok(seen.includes(here.id) && !seen.includes(there.id));
        assertError(await trusted.get(`/users/${there.id}`), 404);
        assertError(await trusted.put(`/users/${here.id}`, { firstName: 'x' }), 403);
        assertError(await app.get('/users'), 403);
    });

    it('a changed email: the old one is free, the new one logs in', async () => {
        const user = await newUser(d, project.appKey);
        const taken = await newUser(d, project.appKey);
        const path = `/users/${user.id}`;
        assertError(await d.api.put(path, { email: taken.email }), 409);
        await d.api.must(200, 'PUT', path, { email: 'moved@example.com' });
        const login = (email) => app.post('/auth/evrythng', { email, password: user.password });
        assertError(await login(user.email), 401);
        assert.equal((await login('moved@example.com')).status, 201);
        await app.must(201, 'POST', '/auth/evrythng/users', person(user.email));
        const email = 'moved-again@example.com';
        const { credentials, ...moved } = await as(d, user.key).must(200, 'PUT', path, { email });
        assert.equal(moved.id, user.id, 'the answer is the user, as it is now');
        assert.equal(moved.email, email);
        assert.equal(credentials, undefined);
    });

    it('users, their emails and their keys outlive a crash', async () => {
        const user = await newUser(d, project.appKey);
        d.kill9();
        await d.exited;
        await d.start();
        assert.equal((await as(d, user.key).get('/access')).status, 200);
        assertError(await app.post('/auth/evrythng/users', person(user.email)), 409);
        const login = { email: user.email, password: user.password };
        const { evrythngApiKey } = await app.must(201, 'POST', '/auth/evrythng', login);
        assert.equal(evrythngApiKey, user.key);
    });
});

scenario('what users share', { set: quick }, (d) => {
    it('another user sees it, with the rights of the role that is given', async () => {
        const project = await newProject(d.api);
        const [owner, friend] = [
            await newUser(d, project.appKey),
            await newUser(d, project.appKey),
        ];
        const [own, theirs] = [as(d, owner.key), as(d, friend.key)];
        const { id } = await own.newThng({ name: 'mine' });
        const path = `/thngs/${id}`;
        assertError(await theirs.get(path), 404);
        const role = await d.api.must(201, 'POST', '/roles', { name: 'looks', type: 'userInApp' });
        await d.api.must(200, 'PUT', `/roles/${role.id}/permissions`, [
            { path: '/thngs', access: 'r' },
        ]);
        assertError(await own.post('/accesses', { email: 'no@example.com', role: role.id }), 400);
        assertError(await own.post('/accesses', { email: friend.email, role: 'admin' }), 400);
        const made = await own.post('/accesses', { email: friend.email, role: role.id });
        assert.equal(made.status, 201, made.text);
        assert.equal(made.body.user, friend.id);
        assert.equal((await theirs.get(path)).status, 200);
        assert.deepEqual((await theirs.get('/thngs')).body.map((thng) => thng.id), [id]);
        assertError(await theirs.put(path, { name: 'no' }), 403);
        assert.deepEqual((await own.get('/accesses')).body.map((share) => share.id), [made.body.id]);
        assert.deepEqual((await theirs.get('/accesses')).body, []);
        assertError(await theirs.delete(`/accesses/${made.body.id}`), 404);
        assert.equal((await own.delete(`/accesses/${made.body.id}`)).status, 204);
        assertError(await theirs.get(path), 404);
        assert.deepEqual((await theirs.get('/thngs')).body, []);
    });

    it('nobody keeps by sharing with itself what another role takes away', async () => {
        const project = await newProject(d.api);
        const user = await newUser(d, project.appKey);
        const own = as(d, user.key);
        const { id } = await own.newThng({ name: 'mine' });
        await own.post('/accesses', { email: user.email, role: 'base_app_user' });
        await d.api.must(200, 'PUT', `/users/${user.id}`, { role: 'none' });
        assertError(await own.put(`/thngs/${id}`, { name: 'no' }), 403);
        assertError(await own.get('/thngs'), 403);
    });

    it('sharing ends with the user who shared', async () => {
        const project = await newProject(d.api);
        const owner = await newUser(d, project.appKey);
        const friend = await newUser(d, project.appKey);
        const { id } = await as(d, owner.key).newThng({ name: 'mine' });
        await as(d, owner.key).must(201, 'POST', '/accesses', {
            email: friend.email,
            role: 'base_app_user',
        });
        const theirs = as(d, friend.key);
        assert.equal((await theirs.put(`/thngs/${id}`, { name: 'ours' })).status, 200);
        await d.api.delete(`/users/${owner.id}`);
        assertError(await theirs.get(`/thngs/${id}`), 404);
    });
});

scenario('failed logins', { set: { ...quick, 'auth.failed_logins': '3' } }, (d) => {
    it('are slowed, by where they come from', async () => {
        const project = await newProject(d.api);
        const user = await newUser(d, project.appKey);
        const app = as(d, project.appKey);
        const login = (password) => app.post('/auth/evrythng', { email: user.email, password });
        for (let i = 0; i < 3; i++) assertError(await login('wrong'), 401);
        const slowed = await login(user.password);
        assertError(slowed, 429);
        assert.match(slowed.headers['retry-after'], /^[1-9][0-9]*$/);
        assert.equal((await app.get('/access')).status, 200);
        await new Promise((resolve) =>
            setTimeout(resolve, 1000 * Number(slowed.headers['retry-after']) + 50),
        );
        assert.equal((await login(user.password)).status, 201);
        assertError(await login('wrong'), 401);
    });
});
