// SPDX-License-Identifier: Apache-2.0
// Batches and the tasks that make thngs: documents, progress, ends, and that a crash neither
// doubles nor loses a thng (rest.md 10).
import { scenario, it, assert, assertCompact, assertError, idPattern, unknownId } from './lib/suite.mjs';
import { eventually } from './lib/daemon.mjs';
import { mqttSub } from './lib/clients.mjs';
import { nextLink, request } from './lib/rest.mjs';

const fixed = (quantity, thngTemplate) => ({
    type: 'POPULATING',
    inputParameters: {
        type: 'FIXED_AMOUNT',
        generateThngs: true,
        generateRedirections: false,
        thngTemplate,
        defaultRedirectUrl: 'https://example.com/',
        shortDomain: 'example.com',
        quantity,
        shortIdTemplate: { type: 'THNG_ID' },
    },
});

const byIdentifier = (key, values, thngTemplate) => ({
    type: 'POPULATING',
    inputParameters: {
        type: 'IDENTIFIERS_LIST_BASED',
        generateThngs: true,
        generateRedirections: false,
        thngTemplate,
        customIdentifier: { key, values },
    },
});

const isFinal = (task) => ['EXECUTED', 'EXECUTED_WITH_FAILURES', 'FAILED'].includes(task.status);

scenario('batches and tasks', { set: { 'limits.task_quantity': 20000 } }, (d) => {
    const newBatch = (name) => d.api.must(201, 'POST', '/batches', { name });

    /** Begins a task; its path. */
    const begin = async (batch, task) => {
        const answer = await d.api.post(`/batches/${batch.id}/tasks`, task);
        assert.equal(answer.status, 202, answer.text);
        assert.equal(answer.text, '');
        const { location } = answer.headers;
        assert.match(
            location,
            new RegExp(`/batches/${batch.id}/tasks/${idPattern.source.slice(1)}`),
        );
        return new URL(location, d.url.http).pathname;
    };
    const ended = (path) =>
        eventually(
            'the task ends',
            async () => {
                const task = await d.api.must(200, 'GET', path);
                return isFinal(task) && task;
            },
            30000,
        );

    /** All thngs with that tag. */
    const thngsOf = async (tag) => {
        const thngs = [];
        let url = `${d.url.http}/thngs?perPage=100&filter=tags%3D${tag}`;
        while (url) {
            const answer = await request(url, { key: d.key });
            assert.equal(answer.status, 200, answer.text);
            thngs.push(...answer.body);
            url = nextLink(answer.headers);
        }
        return thngs;
    };

    it('a batch begins empty', async () => {
        const answer = await d.api.post('/batches', { name: 'b', tags: ['x'], status: 'SEALED' });
        assert.equal(answer.status, 201);
        assertCompact(answer);
        assert.equal(answer.body.status, 'EMPTY');
        assert.deepEqual(answer.body.resourceCountsByProduct, {});
        const read = await d.api.must(200, 'GET', `/batches/${answer.body.id}`);
        assert.deepEqual(read, answer.body);
        assert.deepEqual(await d.api.must(200, 'GET', `/batches/${read.id}/tasks`), []);
        const put = await d.api.must(200, 'PUT', `/batches/${read.id}`, {
            description: 'd',
            status: 'COMPLETE',
        });
        assert.equal(put.description, 'd');
        assert.equal(put.status, 'EMPTY');
        assertError(await d.api.post('/batches', {}), 400);
    });

    it('FIXED_AMOUNT makes so many thngs of the template', async () => {
        const batch = await newBatch('fixed');
        const product = await d.api.must(201, 'POST', '/products', { name: 'p' });
        const path = await begin(
            batch,
            fixed(250, { name: 'made', tags: ['fixed'], product: product.id }),
        );
        const task = await ended(path);
        assert.equal(task.status, 'EXECUTED', JSON.stringify(task));
        assert.equal(task.id, path.split('/').pop());
        assert.equal(task.batch, batch.id);
        assert.ok(task.completedAt >= task.createdAt);
        assert.equal(task.progress.totalAmount, 250);
        const made = Object.values(task.progress.contributions).reduce(
            (sum, { thngs }) => sum + thngs,
            0,
        );
        assert.equal(made, 250);
        assert.equal(task.result.type, 'POPULATING');
        assert.equal(task.result.totalThngsCreated, 250);
        assert.equal(task.result.totalUrlBindingsCreated, 0);
        assert.equal(task.result.failedOperationsAmount, 0);
        assert.equal('logs' in task, false);
        assert.equal((await d.api.get(`${path}/logs`)).text, '[]');
        const thngs = await thngsOf('fixed');
        assert.equal(thngs.length, 250);
        assert.equal(new Set(thngs.map((thng) => thng.id)).size, 250);
        for (const thng of thngs) {
            assert.equal(thng.name, 'made');
            assert.equal(thng.product, product.id);
            assert.equal(thng.batch, batch.id);
            assert.equal(thng.createdByTask, task.id);
        }
        const after = await d.api.must(200, 'GET', `/batches/${batch.id}`);
        assert.equal(after.status, 'COMPLETE');
        assert.equal(after.resourceCountsByProduct[product.id].thngs, 250);
    });

    it('IDENTIFIERS_LIST_BASED makes one thng for each value', async () => {
        const batch = await newBatch('identifiers');
        const values = ['a1', 'a2', 'a3'];
        const path = await begin(batch, byIdentifier('serial', values, { name: 's', tags: ['ids'] }));
        assert.equal((await ended(path)).status, 'EXECUTED');
        const thngs = await thngsOf('ids');
        assert.deepEqual(thngs.map((thng) => thng.identifiers.serial).sort(), values);
        assert.equal((await d.api.get('/thngs/serial:a2')).status, 200);
        const after = await d.api.must(200, 'GET', `/batches/${batch.id}`);
        assert.equal(after.resourceCountsByProduct.NO_PRODUCT.thngs, 3);
    });

    it('what is not there to be done ends as FAILED', async () => {
        const batch = await newBatch('failed');
        const file = fixed(1, { name: 'x' });
        Object.assign(file.inputParameters, {
            type: 'FILE_BASED',
            location: 'https://example.com/file.csv',
            format: 'CSV',
        });
        for (const body of [
            file,
            {
                type: 'SHORT_ID_GENERATION',
                inputParameters: { quantity: 3, shortIdTemplate: { type: 'SEQUENTIAL' } },
            },
        ]) {
            const task = await ended(await begin(batch, body));
            assert.equal(task.status, 'FAILED', JSON.stringify(task));
            assert.equal(task.result.type, 'ERROR');
            assert.equal(typeof task.result.error, 'string');
        }
    });

    it('its end is told on its topics, once', async () => {
        const batch = await newBatch('topics');
        const all = await mqttSub(d, d.url.mqtt, `/batches/${batch.id}/tasks`);
        const path = await begin(batch, fixed(150, { name: 't', tags: ['topics'] }));
        const message = await all.next(20000);
        assert.equal(message.topic, `/batches/${batch.id}/tasks`);
        const told = JSON.parse(message.payload);
        assert.equal(told.status, 'EXECUTED');
        assert.equal('logs' in told, false);
        assert.deepEqual(told, await d.api.must(200, 'GET', path));
        // The next message of the topic is that of the next task.
        const second = await begin(batch, fixed(1, { name: 't' }));
        assert.equal(JSON.parse((await all.next(20000)).payload).id, second.split('/').pop());
        await all.end();
    });

    it('lists of tasks: newest first, by status and type, of one batch only', async () => {
        const batch = await newBatch('lists');
        const other = await newBatch('other');
        const paths = [];
        for (let i = 0; i < 3; i++) paths.push(await begin(batch, fixed(1, { name: 'l' })));
        await Promise.all(paths.map(ended));
        const ids = paths.map((path) => path.split('/').pop());
        const list = await d.api.must(200, 'GET', `/batches/${batch.id}/tasks`);
        assert.deepEqual(list.map((task) => task.id).sort(), [...ids].sort());
        const filtered = (filter) =>
            d.api.must(
                200,
                'GET',
                `/batches/${batch.id}/tasks?filter=${encodeURIComponent(filter)}`,
            );
        assert.equal((await filtered('status=EXECUTED')).length, 3);
        assert.equal((await filtered('status=PENDING')).length, 0);
        assert.equal((await filtered('type=POPULATING')).length, 3);
        assert.deepEqual(await d.api.must(200, 'GET', `/batches/${other.id}/tasks`), []);
        assertError(await d.api.get(`/batches/${other.id}/tasks/${ids[0]}`), 404);
        assertError(await d.api.get(`/batches/${other.id}/tasks/${ids[0]}/logs`), 404);
    });

    it('tasks that are wrong', async () => {
        const batch = await newBatch('wrong');
        const url = `/batches/${batch.id}/tasks`;
        const without = (name) => {
            const task = fixed(1, { name: 'x' });
            delete task.inputParameters[name];
            return task;
        };
        for (const task of [
            {},
            { type: 'POPULATING' },
            { ...fixed(1, { name: 'x' }), type: 'NONSENSE' },
            fixed(0, { name: 'x' }),
            fixed(1.5, { name: 'x' }),
            fixed(20001, { name: 'x' }),
            fixed(1, { name: 5 }),
            fixed(1, { name: 'x', product: unknownId }),
            byIdentifier('k', [], { name: 'x' }),
            byIdentifier('k', [1], { name: 'x' }),
            without('type'),
            without('quantity'),
            without('thngTemplate'),
        ])
            assertError(await d.api.post(url, task), 400);
        assert.equal((await d.api.get(url)).text, '[]');
        assertError(await d.api.post(`/batches/${unknownId}/tasks`, fixed(1, { name: 'x' })), 404);
        assertError(await d.api.get(`${url}/${unknownId}`), 404);
        assertError(await d.api.get(`${url}/${unknownId}/logs`), 404);
        for (const method of ['PUT', 'DELETE'])
            assertError(await d.api.call(method, `${url}/${unknownId}`, {}), 405);
    });

    it('only operators have batches', async () => {
        const { id } = await d.api.newThng();
        const key = await d.api.newDeviceKey(id);
        for (const url of ['/batches', `/batches/${unknownId}/tasks`])
            assertError(await d.api.get(url, { key }), 403);
    });

    it('others have their turn while a big task runs', async () => {
        const batch = await newBatch('big');
        const path = await begin(batch, fixed(20000, { name: 'x', tags: ['big'] }));
        const { id } = await d.api.newThng();
        let between = 0;
        for (;;) {
            await d.api.must(200, 'PUT', `/thngs/${id}/properties/a`, [{ value: between }]);
            const task = await d.api.must(200, 'GET', path);
            if (isFinal(task)) break;
            between++;
        }
        assert.ok(between > 0, 'something was done meanwhile');
    });

    it('thngs stay when their batch is deleted', async () => {
        const batch = await newBatch('deleted');
        await ended(await begin(batch, fixed(3, { name: 'x', tags: ['orphan'] })));
        assert.equal((await d.api.delete(`/batches/${batch.id}`)).status, 200);
        assertError(await d.api.get(`/batches/${batch.id}`), 404);
        assert.equal((await thngsOf('orphan')).length, 3);
    });

    for (const end of ['crash', 'terminate']) {
        it(`goes on after a ${end}, with every thng made once`, async () => {
            const batch = await newBatch(end);
            const quantity = 12000;
            const path = await begin(batch, fixed(quantity, { name: 'x', tags: [`after-${end}`] }));
            let rounds = 0;
            // As often as it can be met half-way.
            while (rounds < 4 && !isFinal(await d.api.must(200, 'GET', path))) {
                await d[end]();
                await d.start();
                rounds++;
            }
            assert.ok(rounds > 0, 'the task was met half-way');
            const task = await ended(path);
            assert.equal(task.status, 'EXECUTED');
            assert.equal(task.result.totalThngsCreated, quantity);
            const count = await d.api.head(`/thngs?filter=tags%3Dafter-${end}`);
            assert.equal(count.headers['x-result-count'], String(quantity));
            assert.equal(
                (await d.api.must(200, 'GET', `/batches/${batch.id}`)).resourceCountsByProduct
                    .NO_PRODUCT.thngs,
                quantity,
            );
        });
    }
});
