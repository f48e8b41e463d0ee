// SPDX-License-Identifier: Apache-2.0
//
// Those who have keys: projects with applications, their users, operators with roles.
import { Rest } from './rest.mjs';

let count = 0;

/** Settings: passwords are hashed for real, with less memory than a server takes. */
export const quick = { 'auth.password_memory': '8MiB', 'auth.password_passes': '1' };

/** A REST client of the same daemon with another key. */
export const as = (d, key) => new Rest(d.url.http, key);

/** A project of the operator behind <api>, with one application:
 *  { id, app, appKey, trustedKey }. */
export async function newProject(api, application = {}) {
    const { id } = await api.must(201, 'POST', '/projects', { name: `project ${count++}` });
    return { id, ...(await newApplication(api, id, application)) };
}

export async function newApplication(api, project, application = {}) {
    const { id: app, appApiKey: appKey } = await api.must(
        201,
        'POST',
        `/projects/${project}/applications`,
        { name: 'an application', socialNetworks: {}, ...application },
    );
    const path = `/projects/${project}/applications/${app}/secretKey`;
    const { secretApiKey: trustedKey } = await api.must(200, 'GET', path);
    return { app, appKey, trustedKey };
}

/** A user without a name: { id, key }. */
export async function newAnonymous(d, appKey) {
    const answer = await as(d, appKey).must(
        201,
        'POST',
        '/auth/evrythng/users?anonymous=true',
        {},
    );
    return { id: answer.evrythngUser, key: answer.evrythngApiKey };
}

/** A user who has signed up and been validated: { id, key, email, password }. */
export async function newUser(d, appKey, more = {}) {
    const api = as(d, appKey);
    const email = `user-${count++}@example.com`;
    const password = 'correct horse';
    const body = { firstName: 'Ada', lastName: 'L', email, password, ...more };
    const { evrythngUser: id, activationCode } = await api.must(
        201,
        'POST',
        '/auth/evrythng/users',
        body,
    );
    const path = `/auth/evrythng/users/${id}/validate`;
    const { evrythngApiKey: key } = await api.must(201, 'POST', path, { activationCode });
    return { id, key, email: body.email, password: body.password };
}

/** Gives a user a role of its own with these path permissions; the role's id. */
export async function giveRole(api, user, permissions) {
    const role = await newRole(api, permissions);
    await api.must(200, 'PUT', `/users/${user}`, { role });
    return role;
}

export async function newRole(api, permissions, more = {}) {
    const { id } = await api.must(201, 'POST', '/roles', {
        name: `role ${count++}`,
        type: 'userInApp',
        version: 2,
        ...more,
    });
    await api.must(200, 'PUT', `/roles/${id}/permissions`, permissions);
    return id;
}

/** A role of operators: { global_read: true, project_read: [project ids] } are the switches that
 *  are on; its id. */
export async function newOperatorRole(api, switches) {
    const body = { name: `role ${count++}`, type: 'operator', version: 2 };
    const { id } = await api.must(201, 'POST', '/roles', body);
    const permissions = Object.entries(switches).map(([name, on]) => ({
        name,
        enabled: true,
        ...(on === true ? {} : { projectScoped: true, projects: on }),
    }));
    if (permissions.length > 0)
        await api.must(200, 'PUT', `/roles/${id}/permissions`, permissions);
    return id;
}

/** Another operator of the account: { id, key }. */
export async function newOperator(api, more = {}) {
    const { account } = await api.must(200, 'GET', '/access');
    const made = await api.must(201, 'POST', `/accounts/${account}/operatorAccess`, {
        email: `operator-${count++}@example.com`,
        ...more,
    });
    return { id: made.operator, key: made.apiKey };
}

/** An access policy with these permissions; its id. */
export async function newPolicy(api, permissions) {
    const body = { name: `policy ${count++}`, permissions };
    return (await api.must(201, 'POST', '/accessPolicies', body)).id;
}

/** An access token: its document, with apiKey. */
export const newToken = (api, more) =>
    api.must(201, 'POST', '/accessTokens', {
        name: `token ${count++}`,
        policies: [],
        conditions: [],
        ...more,
    });

/** An account apart: { id, operator, key }. */
export async function newAccount(api, name = 'another') {
    const made = await api.must(201, 'POST', '/accounts', { name });
    return { id: made.id, operator: made.operator.id, key: made.operator.apiKey };
}
