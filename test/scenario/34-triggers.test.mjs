// SPDX-License-Identifier: Apache-2.0
// What fires what, generated: every change of pubsub.md 4, made over every protocol that can make
// it, seen by observers on every protocol who follow the topics of all families, of the resources
// concerned and of many others (neighbours, another project, another account). All that they get
// must be what lib/triggers-model.mjs says, on no other topic, and nothing twice.
import { after, before, describe } from 'node:test';
import { assert, scenario, it } from './lib/suite.mjs';
import { endOfTask } from './lib/populate.mjs';
import { cases, manyThngs, tasks } from './lib/triggers-cases.mjs';
import { ways, isPublishable } from './lib/triggers-ways.mjs';
import { makeWorld } from './lib/triggers-world.mjs';

scenario('what fires what', {}, (d) => {
    let world;
    before(async () => {
        world = await makeWorld(d);
    });
    after(() => world?.end());

    let serial = 0;

    async function run([, line, body, { needs = {}, in: puts = [], ...more } = {}], way) {
        world.cast.set('New', `_new${++serial}`);
        for (const [name, [path, document]] of Object.entries(needs))
            await world.make(name, path, document);
        for (const [collection, members] of puts) {
            const path = `/collections/${collection}/thngs`;
            await world.change({ verb: 'PUT', path, body: members }, ways.REST);
        }
        const [verb, target] = line.split(' ');
        const [path, query] = target.split('?');
        await world.change({ verb, path, query, body, ...more }, way);
    }

    for (const [title, rows] of Object.entries(cases)) {
        describe(title, { concurrency: false }, () => {
            for (const row of rows) {
                const [verb, path] = row[1].split('?')[0].split(' ');
                for (const [name, way] of Object.entries(ways)) {
                    if (way !== ways.REST && !isPublishable({ verb, path })) continue;
                    it(`${row[0]}: ${row[1]}, by ${name}`, () => run(row, way));
                }
            }
        });
    }

    async function startTask(input) {
        const inputParameters = { generateThngs: true, generateRedirections: false, ...input };
        const body = world.named({ type: 'POPULATING', inputParameters });
        const answer = await d.api.post(`/batches/${world.id('B')}/tasks`, body);
        assert.equal(answer.status, 202, answer.text);
        return new URL(answer.headers.location, d.url.http).pathname;
    }

    const endsOf = (path, status) =>
        world.model.taskEnds(world.id('B'), path.split('/').pop(), status);

    describe('tasks', { concurrency: false }, () => {
        for (const [status, input] of tasks) {
            it(`one that ends as ${status}`, async () => {
                const before = Date.now();
                const path = await startTask(input);
                await endOfTask(d.api, path);
                await world.settle(endsOf(path, status), { before });
            });
        }

        /* It can be followed before its end only if that is some time ahead. */
        it('one that takes a while, on its own topic as well', async () => {
            const before = Date.now();
            const path = await startTask(manyThngs);
            await world.watch([path]);
            assert.equal((await d.api.get(path)).body.completedAt, undefined, 'it goes on');
            await endOfTask(d.api, path);
            await world.settle(endsOf(path, 'EXECUTED'), { before });
        });
    });
});
