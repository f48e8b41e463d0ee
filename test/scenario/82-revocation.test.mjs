// SPDX-License-Identifier: Apache-2.0
// What happens to open connections when keys end or rights change (auth.md 8.1).
import { scenario, it, assert } from './lib/suite.mjs';
import { mqttSub, wsOpen } from './lib/clients.mjs';
import { eventually, sleep, within } from './lib/daemon.mjs';
import { RawMqtt, connect, login, pingreq, publish, subscribe, type } from './lib/packets.mjs';
import {
    as,
    giveRole,
    newAnonymous,
    newOperator,
    newProject,
    newRole,
    newUser,
} from './lib/people.mjs';

/* "Within about a second"; slow machines get a little more, and the mistake would be "never". */
const END_MS = 5000;

/** The three kinds of connection that act with one key, each subscribed to <topic>. */
async function connections(d, key, topic) {
    const raw = await login(d.port.mqtt, key);
    raw.send(subscribe(1, topic));
    assert.deepEqual((await raw.next(type.suback)).codes, [1]);
    const overWs = await mqttSub(d, `${d.url.ws}/mqtt`, topic, { password: key });
    const native = await wsOpen(d, topic, { key });
    return { raw, overWs, native };
}

/** All three end; the native one with 1008. */
async function allEnd({ raw, overWs, native }) {
    await within(END_MS, 'MQTT ends', raw.closed());
    await within(
        END_MS,
        'MQTT over WebSocket ends',
        eventually('closed', () => !overWs.client.connected, END_MS),
    );
    const { code } = await within(END_MS, 'the WebSocket ends', native.closed);
    assert.equal(code, 1008);
}

async function refusedEverywhere(d, key) {
    assert.equal((await as(d, key).get('/access')).status, 403);
    const raw = await RawMqtt.open(d.port.mqtt);
    raw.send(connect({ clientId: 'again', user: 'authorization', password: key }));
    assert.equal((await raw.next(type.connack)).code, 5);
    raw.destroy();
}

scenario('keys that end', {}, (d) => {
    const inProject = async () => {
        const project = await newProject(d.api);
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 't' });
        return { project, thng: thng.id, topic: `/thngs/${thng.id}/properties` };
    };

    it('a device key that is deleted', async () => {
        const { thng, topic } = await inProject();
        const key = await d.api.newDeviceKey(thng);
        const open = await connections(d, key, topic);
        await d.api.must(200, 'DELETE', `/auth/evrythng/thngs/${thng}`);
        await allEnd(open);
        await refusedEverywhere(d, key);
    });

    it('a thng that is deleted, with its device', async () => {
        const { thng, topic } = await inProject();
        const key = await d.api.newDeviceKey(thng);
        const raw = await login(d.port.mqtt, key);
        raw.send(subscribe(1, topic));
        await raw.next(type.suback);
        await d.api.must(200, 'DELETE', `/thngs/${thng}`);
        await within(END_MS, 'MQTT ends', raw.closed());
        await refusedEverywhere(d, key);
    });

    it('a user who logs out, on every connection', async () => {
        const { project, topic } = await inProject();
        const user = await newUser(d, project.appKey);
        const open = await connections(d, user.key, topic);
        await as(d, user.key).must(201, 'POST', '/auth/all/logout');
        await allEnd(open);
        await refusedEverywhere(d, user.key);
    });

    it('a user who is deleted', async () => {
        const { project, topic } = await inProject();
        const user = await newAnonymous(d, project.appKey);
        const open = await connections(d, user.key, topic);
        const answer = await d.api.delete(`/users/${user.id}`);
        assert.ok(answer.status === 200 || answer.status === 204, answer.text);
        await allEnd(open);
        await refusedEverywhere(d, user.key);
    });

    it('an application that is deleted: its own keys and those of its users', async () => {
        const { project, topic } = await inProject();
        const user = await newAnonymous(d, project.appKey);
        const users = await connections(d, user.key, topic);
        const servers = await connections(d, project.trustedKey, topic);
        await d.api.must(200, 'DELETE', `/projects/${project.id}/applications/${project.app}`);
        await allEnd(users);
        await allEnd(servers);
        for (const key of [user.key, project.trustedKey, project.appKey]) {
            await refusedEverywhere(d, key);
        }
        assert.equal((await d.api.get(`/users/${user.id}`)).status, 404);
    });

    it('a project that is deleted, with its applications and their users', async () => {
        const { project, topic } = await inProject();
        const user = await newUser(d, project.appKey);
        const open = await connections(d, user.key, topic);
        await d.api.must(200, 'DELETE', `/projects/${project.id}`);
        await allEnd(open);
        await refusedEverywhere(d, user.key);
        assert.deepEqual(
            (await d.api.get('/users')).body.filter((one) => one.id === user.id),
            [],
        );
    });

    it('a secret key that is renewed: the old one ends, the new one works', async () => {
        const { project, topic } = await inProject();
        const open = await connections(d, project.trustedKey, topic);
        const path = `/projects/${project.id}/applications/${project.app}/secretKey`;
        const { secretApiKey } = await d.api.must(200, 'DELETE', path);
        assert.notEqual(secretApiKey, project.trustedKey);
        await allEnd(open);
        await refusedEverywhere(d, project.trustedKey);
        assert.equal((await as(d, secretApiKey).get('/access')).status, 200);
        assert.equal((await d.api.must(200, 'GET', path)).secretApiKey, secretApiKey);
    });

    it('an operator who is removed, and one whose key is renewed', async () => {
        const { topic } = await inProject();
        const { account } = await d.api.must(200, 'GET', '/access');
        const [gone, renewed] = [
            await newOperator(d.api, { role: 'admin' }),
            await newOperator(d.api, { role: 'admin' }),
        ];
        const first = await connections(d, gone.key, topic);
        const second = await connections(d, renewed.key, topic);
        await d.api.must(204, 'DELETE', `/accounts/${account}/operatorAccess/${gone.id}`);
        const { apiKey } = await d.api.must(
            200,
            'DELETE',
            `/accounts/${account}/accesses/${renewed.id}/apiKey`,
        );
        await allEnd(first);
        await allEnd(second);
        await refusedEverywhere(d, gone.key);
        await refusedEverywhere(d, renewed.key);
        assert.equal((await as(d, apiKey).get('/access')).status, 200);
    });

    it('an access token that is deleted', async () => {
        const { topic } = await inProject();
        const { id: policy } = await d.api.must(201, 'POST', '/accessPolicies', {
            name: 'reads thngs',
            permissions: ['thngs:read,list'],
        });
        const token = await d.api.must(201, 'POST', '/accessTokens', {
            name: 'a token',
            policies: [policy],
            conditions: [],
        });
        const open = await connections(d, token.apiKey, topic);
        await d.api.must(204, 'DELETE', `/accessTokens/${token.id}`);
        await allEnd(open);
        await refusedEverywhere(d, token.apiKey);
    });

    it('subscriptions made with a token on their topic end with it, the connection stays', async () => {
        const { project, thng, topic } = await inProject();
        const user = await newUser(d, project.appKey);
        const raw = await login(d.port.mqtt, d.key);
        raw.send(subscribe(1, `${topic}?access_token=${user.key}`, `/thngs/${thng}/location`));
        assert.deepEqual((await raw.next(type.suback)).codes, [1, 1]);
        await d.api.must(200, 'PUT', topic, [{ key: 'a', value: 1 }]);
        assert.match((await raw.next(type.publish)).topic, /access_token/);
        await as(d, user.key).must(201, 'POST', '/auth/all/logout');
        await d.api.must(200, 'PUT', topic, [{ key: 'a', value: 2 }]);
        await d.api.must(200, 'PUT', `/thngs/${thng}/location`, [{ latitude: 1, longitude: 2 }]);
        assert.equal((await raw.next(type.publish)).topic, `/thngs/${thng}/location`);
        raw.destroy();
    });
});

const reads = [{ path: '/thngs', access: 'r' }];
const writes = [{ path: '/thngs', access: 'ru' }];
const nothing = [{ path: '/places', access: 'r' }];

scenario('roles that change: open connections keep what they had', {}, (d) => {
    const setting = async (permissions) => {
        const project = await newProject(d.api);
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 't' });
        const user = await newUser(d, project.appKey);
        const role = await giveRole(d.api, user.id, permissions);
        return { project, user, role, path: `/thngs/${thng.id}`, topic: `/thngs/${thng.id}/properties` };
    };

    it('REST heeds it with the next request, MQTT and WebSocket when they come back', async () => {
        const { user, role, path, topic } = await setting(reads);
        const open = await connections(d, user.key, topic);
        await d.api.must(200, 'PUT', `/roles/${role}/permissions`, nothing);
        assert.equal((await as(d, user.key).get(path)).status, 403);
        await d.api.must(200, 'PUT', topic, [{ key: 'a', value: 1 }]);
        assert.equal((await open.raw.next(type.publish)).topic, topic);
        assert.equal((await open.overWs.next()).topic, topic);
        await open.native.next();
        open.raw.destroy();
        const again = await login(d.port.mqtt, user.key);
        again.send(subscribe(1, topic));
        assert.deepEqual((await again.next(type.suback)).codes, [0x80]);
        again.destroy();
        await assert.rejects(wsOpen(d, topic, { key: user.key }), { status: 403 });
    });

    it('an open connection publishes with the rights it had', async () => {
        const { user, role, topic } = await setting(writes);
        const raw = await login(d.port.mqtt, user.key);
        raw.send(publish(`${topic}/a`, [{ value: 1 }], { qos: 1, id: 7 }));
        assert.equal((await raw.next(type.puback)).id, 7);
        await d.api.must(200, 'PUT', `/roles/${role}/permissions`, reads);
        raw.send(publish(`${topic}/a`, [{ value: 2 }], { qos: 1, id: 8 }));
        assert.equal((await raw.next(type.puback)).id, 8);
        raw.destroy();
        const again = await login(d.port.mqtt, user.key);
        again.send(publish(`${topic}/a`, [{ value: 3 }], { qos: 1, id: 9 }));
        await within(END_MS, 'it is refused', again.closed());
        assert.equal((await d.api.get(`${topic}/a`)).body[0].value, 2);
    });

    it('moving a user to another role, and deleting an operator role, count for REST at once', async () => {
        const { user, path } = await setting(reads);
        const api = as(d, user.key);
        assert.equal((await api.get(path)).status, 200);
        await d.api.must(200, 'PUT', `/users/${user.id}`, { role: await newRole(d.api, nothing) });
        assert.equal((await api.get(path)).status, 403);
        await d.api.must(200, 'PUT', `/users/${user.id}`, { role: 'base_app_user' });
        assert.equal((await api.get(path)).status, 200);
        const { id: role } = await d.api.must(201, 'POST', '/roles', {
            name: 'reads all',
            type: 'operator',
        });
        await d.api.must(200, 'PUT', `/roles/${role}/permissions/global_read`, {
            name: 'global_read',
            enabled: true,
        });
        const operator = await newOperator(d.api, { role });
        const theirs = as(d, operator.key);
        assert.equal((await theirs.get(path)).status, 200);
        assert.equal((await theirs.put(path, { name: 'x' })).status, 403);
        await d.api.must(204, 'DELETE', `/roles/${role}`);
        assert.equal((await theirs.get(path)).status, 403);
    });

    it('scopes that change count for the next message on an open connection', async () => {
        const { project, user, path, topic } = await setting(reads);
        const raw = await login(d.port.mqtt, user.key);
        raw.send(subscribe(1, topic, '/actions/all'));
        await raw.next(type.suback);
        const seen = [];
        const publishValue = (value) => d.api.must(200, 'PUT', topic, [{ key: 'a', value }]);
        await publishValue(1);
        seen.push((await raw.next(type.publish)).payload.toString());
        const scopes = (users) =>
            d.api.must(200, 'PUT', path, { scopes: { users, projects: [project.id] } });
        await scopes([]);
        await publishValue(2);
        await scopes([user.id]);
        await publishValue(3);
        seen.push((await raw.next(type.publish)).payload.toString());
        assert.deepEqual(
            seen.map((text) => JSON.parse(text)[0].value),
            [1, 3],
        );
        raw.destroy();
    });
});

scenario('roles that change, at once', { set: { 'auth.role_changes': 'at_once' } }, (d) => {
    it('a subscription that is not permitted any more ends; the connection stays', async () => {
        const project = await newProject(d.api);
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 't' });
        const user = await newUser(d, project.appKey);
        const role = await giveRole(d.api, user.id, [
            { path: '/thngs', access: 'r' },
            { path: '/collections', access: 'r' },
        ]);
        const topic = `/thngs/${thng.id}/properties`;
        const collection = await d.api.must(201, 'POST', `/collections?project=${project.id}`, {
            name: 'c',
        });
        const other = `/collections/${collection.id}`;
        const raw = await login(d.port.mqtt, user.key);
        raw.send(subscribe(1, topic, other));
        assert.deepEqual((await raw.next(type.suback)).codes, [1, 1]);
        const native = await wsOpen(d, topic, { key: user.key });
        await d.api.must(200, 'PUT', `/roles/${role}/permissions`, [
            { path: '/collections', access: 'r' },
        ]);
        const { code } = await within(END_MS, 'the WebSocket ends', native.closed);
        assert.equal(code, 1008);
        await sleep(300);
        await d.api.must(200, 'PUT', topic, [{ key: 'a', value: 1 }]);
        await d.api.must(200, 'PUT', other, { description: 'changed' });
        assert.equal((await raw.next(type.publish)).topic, other);
        await d.api.must(200, 'PUT', `/roles/${role}/permissions`, reads);
        raw.send(subscribe(2, topic));
        await eventually('the wider role counts', async () => {
            raw.send(subscribe(3, topic));
            return (await raw.next(type.suback)).codes[0] === 1;
        });
        raw.destroy();
    });

    it('a subscription that is under way when they change is judged by the new ones', async () => {
        const project = await newProject(d.api);
        const thng = await d.api.must(201, 'POST', `/thngs?project=${project.id}`, { name: 't' });
        const user = await newUser(d, project.appKey);
        const role = await giveRole(d.api, user.id, reads);
        const topic = `/thngs/${thng.id}/properties`;
        const raw = await login(d.port.mqtt, user.key);
        let id = 0;
        const topics = [...Array(200).keys()].map((key) => `${topic}/k${key}`);
        const subscribeMany = (count) => {
            for (let i = 0; i < count; i++) raw.send(subscribe(++id, topic, ...topics));
        };
        const codes = async (count) => {
            let last;
            for (let i = 0; i < count; i++) [last] = (await raw.next(type.suback)).codes;
            return last;
        };
        for (let round = 0; round < 12; round++) {
            const may = round % 2 === 1;
            const change = d.api.must(200, 'PUT', `/roles/${role}/permissions`, may ? reads : nothing);
            for (let i = 0; i < 100; i++) {
                subscribeMany(2);
                await sleep(1);
            }
            await change;
            await codes(200);
            await eventually('the change counts', async () => {
                subscribeMany(1);
                return (await codes(1)) === (may ? 1 : 0x80);
            });
            await d.api.must(200, 'PUT', topic, [{ key: 'a', value: may }]);
            if (may) assert.equal((await raw.next(type.publish)).topic, topic);
            raw.send(pingreq());
            await raw.next(type.pingresp);
        }
        raw.destroy();
    });

    it('a role that reaches other projects ends the connection, which comes back with it', async () => {
        const [one, two] = [await newProject(d.api), await newProject(d.api)];
        const thng = await d.api.must(201, 'POST', `/thngs?project=${one.id}`, { name: 't' });
        const topic = `/thngs/${thng.id}/properties`;
        const { id: role } = await d.api.must(201, 'POST', '/roles', { name: 'r', type: 'operator' });
        const reach = (projects) =>
            d.api.must(200, 'PUT', `/roles/${role}/permissions/project_read`, {
                name: 'project_read',
                enabled: true,
                projectScoped: true,
                projects,
            });
        await reach([one.id]);
        const operator = await newOperator(d.api, { role });
        const raw = await login(d.port.mqtt, operator.key);
        raw.send(subscribe(1, topic));
        assert.deepEqual((await raw.next(type.suback)).codes, [1]);
        await reach([two.id]);
        await within(END_MS, 'MQTT ends', raw.closed());
        const again = await login(d.port.mqtt, operator.key);
        again.send(subscribe(1, topic));
        assert.deepEqual((await again.next(type.suback)).codes, [0x80]);
        again.destroy();
    });
});
