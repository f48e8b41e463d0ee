// SPDX-License-Identifier: Apache-2.0
// A walk over many thngs by Link while others come and go; and that whoever has been told that a
// thng was made finds it in the next list.
import { scenario, it, assert } from './lib/suite.mjs';
import { Rest, nextLink, request } from './lib/rest.mjs';
import { populate } from './lib/populate.mjs';
import { slow } from './lib/daemon.mjs';
import http from 'node:http';

const COUNT = slow > 1 ? 10000 : 100000;
const READS = slow > 1 ? 200 : 1000;

scenario('paging and reading what was written', {}, (d) => {
    it(`every one of ${COUNT} thngs is visited once, while others are made and deleted`, async () => {
        const task = await populate(d.api, COUNT, { name: 'kept', tags: ['kept'] });
        assert.equal(task.status, 'EXECUTED');
        assert.equal(task.result.totalThngsCreated, COUNT);
        const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
        let isWalking = true;
        let stirred = 0;
        const stir = async () => {
            const api = new Rest(d.url.http, d.key, { agent });
            const mine = [];
            while (isWalking) {
                mine.push((await api.newThng({ name: 'passing' })).id);
                if (mine.length > 5) {
                    const [gone] = mine.splice(Math.floor(mine.length / 2), 1);
                    await api.must(200, 'DELETE', `/thngs/${gone}`);
                }
                stirred += 1;
            }
        };
        const stirring = [stir(), stir()];
        /* Once each way, and on until enough has come and gone meanwhile. */
        for (let walk = 0; walk < 2 || stirred <= 50; walk++) {
            const order = ['DESCENDING', 'ASCENDING'][walk % 2];
            const seen = new Set();
            let url = `${d.url.http}/thngs?perPage=100&sortOrder=${order}`;
            let last;
            while (url) {
                const answer = await request(url, { key: d.key, agent });
                assert.equal(answer.status, 200, answer.text);
                for (const thng of answer.body) {
                    if (last !== undefined)
                        assert.ok(order === 'ASCENDING' ? thng.createdAt >= last : thng.createdAt <= last);
                    last = thng.createdAt;
                    if (thng.name !== 'kept') continue;
                    assert.ok(!seen.has(thng.id), `${thng.id} was visited twice`);
                    seen.add(thng.id);
                }
                url = nextLink(answer.headers);
            }
            assert.equal(seen.size, COUNT, order);
        }
        isWalking = false;
        await Promise.all(stirring);
        agent.destroy();
    });

    it(`what was created is in the next list, ${READS} times, under load`, async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
        const api = new Rest(d.url.http, d.key, { agent });
        const target = await api.newThng({ name: 'busy' });
        let isOn = true;
        const load = async (key) => {
            while (isOn) await api.must(200, 'PUT', `/thngs/${target.id}/properties/${key}`, [{ value: 1 }]);
        };
        const loads = ['a', 'b', 'c'].map(load);
        for (let i = 0; i < READS; i++) {
            const [path, body] = [
                ['/thngs', { name: `new ${i}` }],
                ['/products', { name: `new ${i}` }],
                ['/actions/scans', { thng: target.id }],
                ['/places', { name: `new ${i}` }],
            ][i % 4];
            const made = await api.must(201, 'POST', path, body);
            const list = await api.must(200, 'GET', `${path}?perPage=1`);
            assert.equal(list[0].id, made.id, `${path}, the ${i}th time`);
            if (i % 4 === 0) {
                await api.must(200, 'DELETE', `/thngs/${made.id}`);
                assert.deepEqual(await api.must(200, 'GET', `/thngs?ids=${made.id}`), []);
            }
        }
        isOn = false;
        await Promise.all(loads);
        agent.destroy();
    });
});
