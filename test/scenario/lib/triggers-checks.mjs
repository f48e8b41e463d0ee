// SPDX-License-Identifier: Apache-2.0
//
// Does a message say what the model says it must? What only the server can know (ids and times) is
// compared with what REST's GET shows afterwards.
//
//     await checkMessages({ api, sender }, topic, firings, payloads, before);
import assert from 'node:assert/strict';
import { NOTICE_IDS_MAX, pointAt } from './triggers-model.mjs';

/** <api>: an operator of the account. <sender>: what the actor's key adds to its actions. */
export async function checkMessages({ api, sender }, topic, firings, payloads, before) {
    const parsed = payloads.map((payload) => JSON.parse(payload));
    for (const [at, payload] of payloads.entries())
        assert.equal(payload, JSON.stringify(parsed[at]), `${topic}: compact JSON`);
    if (firings[0].says.is === 'notice') return checkNotices(topic, firings, parsed, before);
    for (const [at, { says }] of firings.entries()) {
        await checks[says.is]({ api, sender }, says, parsed[at], topic);
    }
}

const read = (api, path) => api.must(200, 'GET', path);

function isSame(one, other) {
    try {
        assert.deepEqual(one, other);
        return true;
    } catch {
        return false;
    }
}

function assertAmong(stored, told, topic) {
    assert.ok(
        stored.some((one) => isSame(one, told)),
        `${topic}: ${JSON.stringify(told)} is not in ${JSON.stringify(stored)}`,
    );
}

/* How the ids are spread over notices is free, below the limit; that each is told once is not. */
function checkNotices(topic, firings, notices, before) {
    for (const notice of notices) {
        assert.deepEqual(Object.keys(notice), ['operation', 'timestamp', 'resources'], topic);
        assert.equal(notice.operation, firings[0].says.operation, topic);
        assert.ok(notice.timestamp >= before - 1000 && notice.timestamp <= Date.now() + 1000);
        assert.ok(notice.resources.length <= NOTICE_IDS_MAX, topic);
    }
    assert.deepEqual(
        notices.flatMap(({ resources }) => resources).sort(),
        firings.flatMap(({ says }) => says.resources).sort(),
        topic,
    );
}

/** A location as it is shown: with its coordinates in both forms. */
async function locationOf(api, { position, latitude, longitude, place }) {
    if (place && !position && latitude === undefined) {
        const found = await read(api, `/places/${place}`);
        return { place, ...(await locationOf(api, { position: found.position })) };
    }
    const at = position ?? pointAt({ latitude, longitude });
    const [lon, lat] = at.coordinates;
    return { ...(place ? { place } : {}), latitude: lat, longitude: lon, position: at };
}

const checks = {
    /* Each point as the history has it. One without a timestamp has that of its coming. */
    async points({ api }, { path, points }, payload, topic) {
        assert.deepEqual(
            payload.map(({ key, value }) => ({ key, value })),
            points.map(({ key, value }) => ({ key, value })),
            topic,
        );
        for (const [at, { timestamp }] of points.entries()) {
            const { key, ...told } = payload[at];
            assert.deepEqual(Object.keys(told).sort(), ['createdAt', 'timestamp', 'value'], topic);
            assert.equal(told.timestamp, timestamp ?? told.createdAt, topic);
            assertAmong(await read(api, `${path}/${key}?perPage=100`), told, topic);
        }
    },

    async location({ api }, { path, entries }, payload, topic) {
        assert.equal(payload.length, entries.length, topic);
        const stored = await read(api, `${path}?perPage=100`);
        for (const [at, entry] of entries.entries()) {
            const { timestamp, createdAt, ...told } = payload[at];
            assert.deepEqual(told, await locationOf(api, entry), topic);
            assert.equal(timestamp, entry.timestamp ?? createdAt, topic);
            assertAmong(stored, payload[at], topic);
        }
    },

    async document({ api }, { path, has }, payload, topic) {
        const { properties, location, ...shown } = await read(api, path);
        assert.deepEqual(payload, shown, topic);
        for (const [name, value] of Object.entries(has))
            assert.deepEqual(payload[name], value, `${topic}: ${name}`);
    },

    async type({ api }, { name }, payload, topic) {
        assert.equal(payload.name, name);
        assert.deepEqual([payload], await read(api, `/actions?filter=name%3D${name}`), topic);
    },

    /* What was sent, who has sent it, and where it was (rest.md 7.2). */
    async action({ api, sender }, { has }, payload, topic) {
        const { timestamp: given, ...fields } = { ...has, ...sender };
        if (has.location) {
            fields.location = await locationOf(api, has.location);
            fields.locationSource ??= has.location.place ? 'place' : 'unknown';
        }
        const { id, timestamp, createdAt, ...told } = payload;
        assert.deepEqual(told, fields, topic);
        assert.equal(timestamp, given ?? createdAt, topic);
        assert.deepEqual(payload, await read(api, `/actions/${told.type}/${id}`), topic);
    },

    async task({ api }, { path, status }, payload, topic) {
        assert.equal(payload.status, status, topic);
        assert.deepEqual(payload, await read(api, path), topic);
    },
};
