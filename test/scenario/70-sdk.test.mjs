// SPDX-License-Identifier: Apache-2.0
// The original's own client, npm evrythng, unmodified, in each of its scopes and both of its API
// versions: what an application that uses it does against this server.
import { createRequire } from 'node:module';
import { scenario, it, assert, idPattern, keyPattern } from './lib/suite.mjs';
import { eventually } from './lib/daemon.mjs';
import { newOperator, quick } from './lib/people.mjs';

const evrythng = createRequire(import.meta.url)('evrythng');

const plain = (entity) => JSON.parse(JSON.stringify(entity));
/* The client wraps the body of an error answer, as text, into an Error. */
const fails = (status) => (thrown) => {
    const error = thrown instanceof Error ? JSON.parse(thrown.message) : thrown;
    assert.equal(error.status, status, JSON.stringify(error));
    assert.ok(error.errors.length >= 1);
    return true;
};

for (const apiVersion of [1, 2]) {
    scenario(`the evrythng SDK, apiVersion ${apiVersion}`, { set: quick }, (d) => {
        let operator;
        let project;
        let application;
        let trusted;
        let thng;
        let role;
        let user;
        const credentials = { email: 'ada@example.com', password: 'correct horse' };
        const person = { firstName: 'Ada', lastName: 'L', ...credentials };

        const setup = () =>
            evrythng.setup({
                apiVersion,
                apiUrl: apiVersion === 1 ? d.url.http : `${d.url.http}/v2`,
                geolocation: false,
            });

        it('Operator: init reads access and the operator', async () => {
            setup();
            operator = new evrythng.Operator(d.key);
            await operator.init();
            assert.match(operator.id, idPattern);
        });

        it('a key that is none is refused', async () => {
            const stranger = new evrythng.Operator('x'.repeat(80));
            await assert.rejects(stranger.init(), fails(403));
        });

        it('thngs: create, read, update, list, find, upsert, delete', async () => {
            thng = await operator.thng().create({
                name: 'Lamp',
                tags: ['light'],
                identifiers: { serial: 'L 1' },
                customFields: { Watt: 4.5 },
            });
            assert.match(thng.id, idPattern);
            const read = await operator.thng(thng.id).read();
            assert.equal(read.name, 'Lamp');
            assert.deepEqual(plain(read).customFields, { Watt: 4.5 });
            const updated = await operator.thng(thng.id).update({ description: 'on the desk' });
            assert.equal(updated.description, 'on the desk');
            assert.equal(updated.name, 'Lamp');
            // An entity sends back all that it has read, times and ids included.
            read.description = 'by the bed';
            assert.equal((await read.update({ ...plain(read) })).description, 'by the bed');
            assert.deepEqual(
                (await operator.thng().find('Lamp')).map((one) => one.id),
                [thng.id],
            );
            assert.deepEqual(
                (await operator.thng().find({ serial: 'L 1' })).map((one) => one.id),
                [thng.id],
            );
            await operator.thng().upsert({ name: 'Lamp', type: 'lamp' }, { serial: 'L 1' });
            assert.equal((await operator.thng(thng.id).read()).type, 'lamp');
            const other = await operator.thng().upsert({ name: 'Chair' }, 'Chair');
            assert.match(other.id, idPattern);
            await operator.thng(other.id).delete();
            await assert.rejects(operator.thng(other.id).read(), fails(404));
            await assert.rejects(operator.thng().create({ description: 'no name' }), fails(400));
        });

        it('lists: filters, ids, pages, streams', async () => {
            const ids = [];
            for (let i = 0; i < 7; i++) {
                const one = await operator.thng().create({ name: `row ${i}`, tags: ['rows'] });
                ids.unshift(one.id);
            }
            const filtered = await operator.thng().setFilter('tags=rows').setPerPage(100).read();
            assert.deepEqual(filtered.map((one) => one.id).sort(), [...ids].sort());
            const some = await operator.thng().setIds(ids.slice(0, 3)).read();
            assert.deepEqual(some.map((one) => one.id).sort(), ids.slice(0, 3).sort());
            const seen = [];
            const pages = operator.thng().pages({ params: { perPage: 3, filter: 'tags=rows' } });
            for await (const page of pages) {
                assert.ok(page.length <= 3);
                seen.push(...page.map((one) => one.id));
            }
            assert.deepEqual(seen.sort(), [...ids].sort());
            const streamed = [];
            await operator.thng().stream(async (one, index) => {
                assert.equal(index, streamed.length);
                streamed.push(one.id);
            });
            assert.equal(new Set(streamed).size, streamed.length);
            for (const id of ids) assert.ok(streamed.includes(id));
            const byObject = await operator.thng().read({ params: { filter: { name: 'row 3' } } });
            assert.equal(byObject.length, 1);
        });

        it('properties: create, update, read, history, delete', async () => {
            const handle = operator.thng(thng.id);
            const stored = await handle.property().update({ Temp: 21.5, on: true });
            assert.deepEqual(stored.map((point) => point.key).sort(), ['on', 'temp']);
            await handle.property('temp').update(22);
            await handle.property('temp').update({ value: 23, timestamp: 1000 });
            const all = await handle.property().read();
            assert.deepEqual(
                all.map((point) => [point.key, point.value]),
                [
                    ['on', true],
                    ['temp', 22],
                ],
            );
            const history = await handle.property('temp').read();
            assert.deepEqual(
                history.map((point) => point.value),
                [22, 21.5, 23],
            );
            await handle.property('temp').delete();
            assert.deepEqual(plain(await handle.property('temp').read()), []);
        });

        it('locations: update, read, delete', async () => {
            const handle = operator.thng(thng.id);
            await handle.locations().update({ latitude: 47.37, longitude: 8.54 });
            await handle.locations().update([
                { position: { type: 'Point', coordinates: [8.6, 47.4] }, timestamp: 5000 },
            ]);
            const all = await handle.locations().read();
            assert.deepEqual(
                all.map((entry) => entry.latitude),
                [47.37, 47.4],
            );
            assert.deepEqual(await handle.locations().update(), []);
            await handle.locations().delete();
            assert.deepEqual(plain(await handle.locations().read()), []);
        });

        it('products, and their properties', async () => {
            const product = await operator.product().create({
                name: 'Bulb',
                brand: 'Lux',
                categories: ['light'],
                identifiers: { 'gs1:01': '04012345678901' },
            });
            assert.equal(product.fn, 'Bulb');
            await operator.product(product.id).property('stock').update(12);
            const read = await operator.product(product.id).read();
            assert.equal(plain(read).properties.stock, 12);
            await operator.thng(thng.id).update({ product: product.id });
            const made = await operator.thng().setFilter(`product=${product.id}`).read();
            assert.deepEqual(
                made.map((one) => one.id),
                [thng.id],
            );
            assert.equal(
                (await operator.product().find({ 'gs1:01': '04012345678901' }))[0].id,
                product.id,
            );
            const spare = await operator.product().create({ name: 'Spare' });
            await operator.product(spare.id).delete();
            await assert.rejects(operator.product(spare.id).read(), fails(404));
        });

        it('action types and actions, on all roots', async () => {
            const name = `_lit${apiVersion}`;
            const type = await operator.actionType().create({ name, customFields: { a: 1 } });
            assert.equal(type.name, name);
            await assert.rejects(operator.actionType().create({ name }), fails(409));
            assert.equal((await operator.actionType(name).read()).name, name);
            await assert.rejects(operator.actionType('_nobody').read(), fails(404));
            assert.equal(
                (await operator.actionType(name).update({ description: 'x' })).description,
                'x',
            );
            const plainAction = await operator.action(name).create({ customFields: { level: 2 } });
            assert.match(plainAction.id, idPattern);
            assert.equal(plainAction.type, name);
            assert.ok(plainAction.context);
            const onThng = await operator.thng(thng.id).action(name).create({});
            assert.equal(onThng.thng, thng.id);
            assert.match(onThng.product, idPattern);
            const both = await operator
                .action('all')
                .create([{ type: 'scans', thng: thng.id }, { type: name }]);
            assert.deepEqual(
                both.map((one) => one.type),
                ['scans', name],
            );
            const listed = await operator.action(name).setContext().read();
            assert.equal(listed.length, 3);
            assert.ok(listed[0].context);
            assert.equal((await operator.thng(thng.id).action('all').read()).length, 2);
            assert.equal((await operator.product(onThng.product).action('all').read()).length, 2);
            const one = await operator.action(name, plainAction.id).read();
            assert.equal(one.id, plainAction.id);
            assert.equal(plain(one).context, undefined);
            await operator.action(name, plainAction.id).delete();
            await assert.rejects(operator.action(name, plainAction.id).read(), fails(404));
            await operator.actionType(name).delete();
            await assert.rejects(operator.action(name, onThng.id).read(), fails(404));
        });

        it('collections: members and children', async () => {
            const collection = await operator.collection().create({ name: 'Room' });
            const child = await operator.collection().create({ name: 'Corner' });
            const same = await operator.collection(collection.id).thng().update([thng.id]);
            assert.equal(same.id, collection.id);
            assert.deepEqual(
                (await operator.collection(collection.id).thng().read()).map((one) => one.id),
                [thng.id],
            );
            assert.deepEqual(plain(await operator.thng(thng.id).read()).collections, [
                collection.id,
            ]);
            await operator.collection(collection.id).collection().create([child.id]);
            assert.deepEqual(
                (await operator.collection(collection.id).collection().read()).map((c) => c.id),
                [child.id],
            );
            assert.deepEqual(plain(await operator.collection(child.id).read()).collections, [
                collection.id,
            ]);
            await operator.collection(collection.id).action('scans').create({});
            assert.equal(
                (await operator.collection(collection.id).action('scans').read()).length,
                1,
            );
            await operator.collection(collection.id).thng(thng.id).delete();
            assert.equal((await operator.collection(collection.id).thng().read()).length, 0);
            await operator.collection(collection.id).collection(child.id).delete();
            await operator.collection(collection.id).delete();
            await assert.rejects(operator.collection(collection.id).read(), fails(404));
            assert.equal((await operator.collection(child.id).read()).name, 'Corner');
        });

        it('places, near and far', async () => {
            const at = (name, lon, lat) =>
                operator
                    .place()
                    .create({ name, position: { type: 'Point', coordinates: [lon, lat] } });
            const zurich = await at('Zurich', 8.54, 47.37);
            const berne = await at('Berne', 7.44, 46.95);
            const params = { lat: 47.37, lon: 8.54, maxDist: 0.5 };
            assert.deepEqual(
                (await operator.place().read({ params })).map((place) => place.id),
                [zurich.id],
            );
            params.maxDist = 200;
            assert.deepEqual(
                (await operator.place().read({ params })).map((place) => place.id),
                [zurich.id, berne.id],
            );
            await operator.thng(thng.id).locations().update([{ place: zurich.id }]);
            const [entry] = await operator.thng(thng.id).locations().read();
            assert.equal(entry.place, zurich.id);
            assert.equal(entry.latitude, 47.37);
            await operator.place(berne.id).delete();
        });

        it('projects, applications and their keys', async () => {
            project = await operator.project().create({ name: 'Home' });
            assert.equal((await operator.project(project.id).read()).name, 'Home');
            await operator.project(project.id).update({ description: 'sweet' });
            const created = await operator
                .project(project.id)
                .application()
                .create({ name: 'App', socialNetworks: {} });
            assert.match(created.appApiKey, keyPattern);
            assert.equal(created.project, project.id);
            const { secretApiKey } = await operator
                .project(project.id)
                .application(created.id)
                .secretKey()
                .read();
            assert.match(secretApiKey, keyPattern);
            assert.notEqual(secretApiKey, created.appApiKey);
            assert.equal((await operator.project(project.id).application().read()).length, 1);
            application = new evrythng.Application(created.appApiKey);
            await application.init();
            assert.equal(application.id, created.id);
            assert.equal(application.project, project.id);
            assert.equal(application.name, 'App');
            trusted = new evrythng.TrustedApplication(secretApiKey);
            await trusted.init();
            assert.equal(trusted.project, project.id);
        });

        it('rescope: a thng is put into a project', async () => {
            await operator.thng(thng.id).rescope([project.id], ['all']);
            const read = await operator.thng(thng.id).setWithScopes().read();
            assert.deepEqual(plain(read).scopes, { users: ['all'], projects: [project.id] });
            const listed = await operator.thng().setProject(project.id).read();
            assert.deepEqual(
                listed.map((one) => one.id),
                [thng.id],
            );
        });

        it('Application: products and places of its project, scans, nothing else', async () => {
            const inside = await operator
                .product()
                .create({ name: 'Inside' }, { params: { project: project.id } });
            const outside = await operator.product().create({ name: 'Outside' });
            assert.deepEqual(
                (await application.product().read()).map((one) => one.id),
                [inside.id],
            );
            assert.equal((await application.product(inside.id).read()).name, 'Inside');
            await assert.rejects(application.product(outside.id).read(), fails(404));
            await assert.rejects(application.product().create({ name: 'x' }), fails(403));
            const scan = await application.action('scans').create({ product: inside.id });
            assert.equal(scan.createdByProject, project.id);
            await assert.rejects(application.action('checkins').create({}), fails(403));
        });

        it('TrustedApplication: creates, reads, updates, deletes in its project', async () => {
            const own = await trusted.thng().create({ name: 'Own' });
            assert.deepEqual(
                plain(await operator.thng(own.id).setWithScopes().read()).scopes.projects,
                [project.id],
            );
            const hidden = await operator.thng().create({ name: 'Hidden' });
            const seen = (await trusted.thng().read()).map((one) => one.id);
            assert.ok(seen.includes(own.id) && seen.includes(thng.id) && !seen.includes(hidden.id));
            await assert.rejects(trusted.thng(hidden.id).read(), fails(404));
            await trusted.thng(own.id).property('level').update(3);
            await trusted.thng(own.id).action('scans').create({});
            assert.equal((await trusted.action('scans').read()).length >= 1, true);
            const collection = await trusted.collection().create({ name: 'C' });
            await trusted.collection(collection.id).thng().update([own.id]);
            await assert.rejects(
                trusted.collection(collection.id).thng().update([hidden.id]),
                fails(400),
            );
            await trusted.update({ description: 'mine' });
            await trusted.thng(own.id).delete();
            await assert.rejects(trusted.thng(own.id).read(), fails(404));
        });

        it('Device: its own thng', async () => {
            const key = await d.api.newDeviceKey(thng.id);
            const device = new evrythng.Device(key);
            await device.init();
            assert.equal(device.id, thng.id);
            assert.equal(device.name, 'Lamp');
            await device.property('load').update(7);
            assert.equal((await device.property('load').read())[0].value, 7);
            await device.locations().update({ latitude: 1, longitude: 2 });
            assert.equal((await device.locations().read())[0].latitude, 1);
            // The client's device.action() asks for /actions, which a device may not; its own
            // thng's actions it may.
            const url = `/thngs/${thng.id}/actions/scans`;
            const action = await evrythng.api({ url, method: 'post', apiKey: key, data: {} });
            assert.equal(action.thng, thng.id);
            assert.ok((await evrythng.api({ url, apiKey: key })).length >= 1);
            await assert.rejects(device.action('scans').create({}), fails(403));
            await device.update({ description: 'by itself' });
            assert.equal((await operator.thng(thng.id).read()).description, 'by itself');
        });

        it('batches and tasks', async () => {
            const batch = await operator.batch().create({ name: 'First run' });
            assert.equal(batch.status, 'EMPTY');
            await operator
                .batch(batch.id)
                .task()
                .create({
                    type: 'POPULATING',
                    inputParameters: {
                        type: 'IDENTIFIERS_LIST_BASED',
                        generateThngs: true,
                        generateRedirections: false,
                        customIdentifier: { key: 'serial', values: ['s1', 's2', 's3'] },
                        thngTemplate: { name: 'made', tags: ['made'] },
                    },
                });
            const task = await eventually('the task is done', async () => {
                const [one] = await operator.batch(batch.id).task().read();
                return one?.completedAt && one;
            });
            assert.equal(task.status, 'EXECUTED');
            assert.equal(task.result.totalThngsCreated, 3);
            assert.equal((await operator.batch(batch.id).task(task.id).read()).id, task.id);
            const made = await operator.thng().setFilter('tags=made').read();
            assert.deepEqual(made.map((one) => one.identifiers.serial).sort(), ['s1', 's2', 's3']);
            assert.equal((await operator.batch(batch.id).read()).status, 'COMPLETE');
        });

        it('files: create, upload, read, delete', async () => {
            const file = await operator
                .file()
                .create({ name: 'note.txt', type: 'text/plain', privateAccess: false });
            const answer = await operator.file(file.id).upload('hello');
            assert.equal(answer.status, 200, await answer.text());
            const read = await operator.file(file.id).read();
            assert.equal(read.size, 5);
            const content = await fetch(read.contentUrl);
            assert.equal(content.status, 200);
            assert.equal(await content.text(), 'hello');
            await operator.file(file.id).delete();
            await assert.rejects(operator.file(file.id).read(), fails(404));
        });

        it('commissioning', async () => {
            const fresh = await operator
                .thng()
                .create({ name: 'F', identifiers: { 'gs1:21': `${apiVersion}77` } });
            const product = await operator.product().create({ name: 'P' });
            const state = () =>
                d.api.must(200, 'GET', `/thngs/gs1:21:${apiVersion}77/commissionState`);
            assert.equal((await state()).state, 'not_commissioned');
            await operator.thng(fresh.id).action('commissions').create({
                product: product.id,
                location: { latitude: 1, longitude: 2 },
                occurredAt: '2024-05-06T07:08:09Z',
            });
            assert.equal((await state()).state, 'commissioned');
            assert.equal((await operator.thng(fresh.id).read()).product, product.id);
        });

        it('roles of users: create, read, list, permissions, update, delete', async () => {
            role = await operator.role().create({
                name: `guests ${apiVersion}`,
                type: 'userInApp',
                version: 2,
            });
            assert.match(role.id, idPattern);
            const permissions = [
                { path: '/thngs', access: 'cr' },
                { path: '/roles', access: 'r' },
                { path: '/users', access: 'ru' },
            ];
            const same = await operator.role(role.id).permission().update(permissions);
            assert.deepEqual(plain(same), permissions);
            const read = await operator.role(role.id).permission().read();
            assert.deepEqual(plain(read), permissions);
            await operator.role(role.id).update({ description: 'who look' });
            assert.equal((await operator.role(role.id).read()).description, 'who look');
            const ids = (await operator.role().read()).map((one) => one.id);
            assert.deepEqual(ids, ['admin', 'none', 'base_app_user', role.id]);
            const spare = await operator.role().create({ name: 'spare' });
            await operator.role(spare.id).delete();
            await assert.rejects(operator.role(spare.id).read(), fails(404));
            await assert.rejects(operator.role('admin').delete(), fails(403));
        });

        it('roles of operators: one switch', async () => {
            const staff = await operator.role().create({ name: 'staff', type: 'operator' });
            const all = await operator.role(staff.id).permission().read();
            assert.equal(all.length, 6);
            const one = operator.role(staff.id).permission('global_read');
            assert.equal((await one.read()).enabled, false);
            const set = await one.update({ name: 'global_read', enabled: true });
            assert.equal(set.enabled, true);
            assert.equal((await one.read()).enabled, true);
            const { key } = await newOperator(d.api, { role: staff.id });
            const reader = new evrythng.Operator(key);
            await reader.init();
            assert.ok((await reader.thng().read()).length > 0);
            await assert.rejects(reader.thng().create({ name: 'no' }), fails(403));
            assert.deepEqual(
                plain(await reader.update({ customFields: { desk: 8 } })).customFields,
                { desk: 8 },
            );
            await operator.role(staff.id).delete();
            await assert.rejects(reader.thng().read(), fails(403));
            await operator
                .sharedAccount((await operator.sharedAccount().read())[0].id)
                .operatorAccess(reader.id)
                .delete();
            await assert.rejects(reader.read(), fails(403));
        });

        it('appUser: create, validate, User scope', async () => {
            const created = await application.appUser().create(person);
            assert.match(created.id, idPattern);
            assert.equal(created.status, 'inactive');
            assert.equal(created.email, person.email);
            await assert.rejects(application.login(credentials), fails(403));
            await assert.rejects(application.appUser(created.id).validate('AAAAAAAA'), fails(400));
            user = await created.validate();
            assert.ok(user instanceof evrythng.User);
            assert.equal(user.id, created.id);
            assert.match(user.apiKey, keyPattern);
            assert.equal(user.firstName, person.firstName);
            assert.equal(user.email, person.email);
            assert.equal(user.password, undefined);
            await assert.rejects(application.appUser().create(person), fails(409));
        });

        it('appUser: validate by the id, from a trusted application', async () => {
            const more = { ...person, email: 'second@example.com' };
            const { id, activationCode } = await trusted.appUser().create(more);
            const second = await trusted.appUser(id).validate(activationCode);
            assert.equal(second.id, id);
            await operator.user(id).delete();
            await assert.rejects(new evrythng.User(second.apiKey).init(), fails(403));
        });

        it('appUser: anonymous', async () => {
            for (const scope of [application, trusted]) {
                const anonymous = await scope.appUser().create({ anonymous: true });
                assert.ok(anonymous instanceof evrythng.User);
                await anonymous.init();
                assert.match(anonymous.id, idPattern);
                const own = await anonymous.thng().create({ name: 'mine' });
                assert.deepEqual(
                    plain(await operator.thng(own.id).setWithScopes().read()).scopes,
                    { users: [anonymous.id], projects: [project.id] },
                );
                await assert.rejects(user.thng(own.id).read(), fails(404));
            }
        });

        it('login: a User scope with the same key; wrong: 401', async () => {
            const again = await application.login(credentials);
            assert.ok(again instanceof evrythng.User);
            assert.equal(again.id, user.id);
            assert.equal(again.apiKey, user.apiKey);
            assert.equal(again.access.actor.type, 'userInApp');
            assert.equal(again.access.project, project.id);
            const wrong = { ...credentials, password: 'wrong' };
            await assert.rejects(application.login(wrong), fails(401));
            // The client's trusted.login() cannot end well: it makes an entity of what it is
            // told, where application.login() makes a scope. What the server tells is right.
            const url = '/users/login';
            const told = await evrythng.api({
                url,
                method: 'post',
                apiKey: trusted.apiKey,
                data: credentials,
            });
            assert.equal(told.access.apiKey, user.apiKey);
            await assert.rejects(trusted.login(wrong), fails(401));
        });

        it('User: its own document, and what users may', async () => {
            await user.update({ firstName: 'Augusta', customFields: { a: 1 } });
            assert.equal((await operator.user(user.id).read()).firstName, 'Augusta');
            const own = await user.thng().create({ name: 'Own' });
            await user.thng(own.id).property('level').update(3);
            assert.equal((await user.thng(own.id).property('level').read())[0].value, 3);
            await user.thng(own.id).update({ description: 'mine' });
            await user.thng(own.id).locations().update({ latitude: 1, longitude: 2 });
            const scan = await user.thng(own.id).action('scans').create({});
            assert.equal(scan.user, user.id);
            assert.ok((await user.action('scans').read()).some((one) => one.id === scan.id));
            const ids = (await user.thng().read()).map((one) => one.id);
            assert.deepEqual(ids.sort(), [own.id, thng.id].sort());
            const product = await user.product().create({ name: 'P' });
            await user.product(product.id).update({ description: 'x' });
            await user.product(product.id).property('stock').update(1);
            const collection = await user.collection().create({ name: 'C' });
            await user.collection(collection.id).thng().update([own.id]);
            assert.equal((await user.collection(collection.id).thng().read()).length, 1);
            assert.ok((await user.actionType().read()).length > 0);
            assert.ok(Array.isArray(await user.place().read()));
            assert.deepEqual(
                (await user.role().read()).map((one) => one.id),
                ['base_app_user', role.id],
            );
            await assert.rejects(user.thng(own.id).delete(), fails(403));
            await assert.rejects(user.product(product.id).delete(), fails(403));
            await assert.rejects(user.place().create({ name: 'no' }), fails(403));
            await assert.rejects(user.file().create({ name: 'no.txt' }), fails(403));
        });

        it('a user with another role: the next call heeds it', async () => {
            await operator.user(user.id).update({ role: role.id });
            await user.thng().create({ name: 'still' });
            await assert.rejects(user.product().create({ name: 'no' }), fails(403));
            await assert.rejects(user.thng(thng.id).update({ name: 'no' }), fails(403));
            await assert.rejects(operator.role(role.id).delete(), fails(409));
            await operator.user(user.id).update({ role: 'base_app_user' });
            await operator.role(role.id).delete();
        });

        it('users: list, read, by operators and trusted applications', async () => {
            const all = await operator.user().read();
            assert.ok(all.some((one) => one.id === user.id));
            assert.ok((await trusted.user().read()).some((one) => one.id === user.id));
            assert.equal((await trusted.user(user.id).read()).email, person.email);
            const narrowed = await operator.user().setProject(project.id).read();
            assert.equal(narrowed.length, all.length);
        });

        it('logout: the key is dead, the next login has another', async () => {
            assert.equal((await user.logout()).logout, 'ok');
            await assert.rejects(user.thng().read(), fails(403));
            const again = await application.login(credentials);
            assert.notEqual(again.apiKey, user.apiKey);
            assert.ok((await again.thng().read()).length > 0);
        });

        it('access policies and tokens: AccessToken scope', async () => {
            const policy = await operator.accessPolicy().create({
                name: `reads thngs ${apiVersion}`,
                permissions: ['thngs:read,list', 'accessPolicies:read'],
            });
            const token = await operator.accessToken().create({
                name: 'a service',
                policies: [policy.id],
                conditions: [],
            });
            assert.match(token.apiKey, keyPattern);
            const scope = new evrythng.AccessToken(token.apiKey);
            const access = await scope.init();
            assert.deepEqual(access.actor, { type: 'accessToken', id: token.id });
            assert.ok((await scope.thng().read()).length > 0);
            assert.equal((await scope.thng(thng.id).read()).id, thng.id);
            assert.equal((await scope.accessPolicy(policy.id).read()).name, policy.name);
            await assert.rejects(scope.thng(thng.id).update({ name: 'no' }), fails(403));
            await assert.rejects(scope.product().read(), fails(403));
            await assert.rejects(scope.me().read(), fails(403));
            const read = await operator.accessPolicy(policy.id).read();
            read.permissions = ['thngs:*'];
            await read.update({ ...plain(read) });
            await scope.thng(thng.id).update({ description: 'by a service' });
            assert.ok((await operator.accessPolicy().read()).some((one) => one.id === policy.id));
            assert.equal((await operator.accessToken().read())[0].apiKey, undefined);
            await operator.accessToken(token.id).update({ description: 'that writes' });
            assert.equal(
                (await operator.accessToken(token.id).read()).description,
                'that writes',
            );
            await operator.accessToken(token.id).delete();
            await assert.rejects(new evrythng.AccessToken(token.apiKey).init(), fails(403));
            await operator.accessPolicy(policy.id).delete();
            await assert.rejects(operator.accessPolicy(policy.id).read(), fails(404));
        });

        it('me, the account, its accesses and its collaborators', async () => {
            const me = await operator.me().read();
            assert.equal(me.operator, operator.id);
            assert.equal(me.policies[0].name, 'evt:accountAdmin');
            const [account] = await operator.sharedAccount().read();
            assert.match(account.id, idPattern);
            const handle = operator.sharedAccount(account.id);
            assert.equal((await handle.read()).id, account.id);
            await handle.update({ customFields: { plan: 'free' } });
            assert.deepEqual(plain(await handle.read()).customFields, { plan: 'free' });
            const [access] = await handle.access().read();
            assert.equal(access.operator, operator.id);
            assert.equal(access.role, 'admin');
            assert.equal((await handle.access(access.id).read()).id, access.id);
            const email = `colleague-${apiVersion}@example.com`;
            const made = await handle.operatorAccess().create({ email, policies: [] });
            assert.match(made.id, idPattern);
            assert.equal((await handle.operatorAccess(made.id).read()).email, email);
            await handle.operatorAccess(made.id).update({ description: 'helps' });
            assert.equal((await handle.operatorAccess().read()).length, 2);
            await handle.operatorAccess(made.id).delete();
            await assert.rejects(handle.operatorAccess(made.id).read(), fails(404));
            await assert.rejects(handle.operatorAccess(operator.id).delete(), fails(409));
            await operator.update({ customFields: { desk: 7 } });
            assert.deepEqual(plain(await operator.read()).customFields, { desk: 7 });
        });

        it('one project deleted: its application, users and keys are gone', async () => {
            await operator.project(project.id).delete();
            await assert.rejects(trusted.thng().read(), fails(403));
            await assert.rejects(new evrythng.Application(application.apiKey).init(), fails(403));
            await assert.rejects(operator.user(user.id).read(), fails(404));
        });
    });
}
