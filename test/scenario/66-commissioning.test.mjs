// SPDX-License-Identifier: Apache-2.0
// Commissioning: a thng gets its product and loses it (rest.md 2.3).
import { scenario, it, assert, assertCompact, assertError, unknownId } from './lib/suite.mjs';
import { login, subscribe, type } from './lib/packets.mjs';

scenario('commissioning', {}, (d) => {
    let serial = 0;
    const newProduct = (identifier) =>
        d.api.must(201, 'POST', '/products', {
            name: 'a product',
            identifiers: identifier ? { 'gs1:01': identifier } : {},
        });
    const occurredAt = '2023-11-14T22:13:20.123Z';
    const commission = (product, more = {}) => ({
        product,
        location: { latitude: 1, longitude: 2 },
        occurredAt,
        ...more,
    });
    const decommission = { location: { latitude: 3, longitude: 4 }, occurredAt };

    it('a thng is commissioned, and decommissioned', async () => {
        const product = await newProduct();
        const { id } = await d.api.newThng();
        const path = `/thngs/${id}`;
        const state = () => d.api.must(200, 'GET', `${path}/commissionState`);
        assert.deepEqual(await state(), { state: 'not_commissioned' });
        assertError(await d.api.post(`${path}/actions/decommissions`, decommission), 409);
        const answer = await d.api.post(
            `${path}/actions/commissions`,
            commission(product.id, {
                purchaseOrder: 'PO-1',
                factoryMetadata: { factory: 'F', zone: 'Z' },
            }),
        );
        assert.equal(answer.status, 200, answer.text);
        assertCompact(answer);
        const action = answer.body;
        assert.equal(action.type, 'commissions');
        assert.equal(action.thng, id);
        assert.equal(action.product, product.id);
        assert.equal(action.timestamp, Date.parse(occurredAt));
        assert.equal(action.occurredAt, occurredAt);
        assert.equal(action.purchaseOrder, 'PO-1');
        assert.deepEqual(action.factoryMetadata, { factory: 'F', zone: 'Z' });
        assert.deepEqual(action.location.position.coordinates, [2, 1]);
        assert.deepEqual(await state(), { state: 'commissioned', occurredAt });
        const thng = (await d.api.get(path)).body;
        assert.equal(thng.product, product.id);
        assert.equal('commissioning' in thng, false, 'the state is kept beside what is shown');
        assertError(await d.api.post(`${path}/actions/commissions`, commission(product.id)), 409);
        const undone = await d.api.must(200, 'POST', `${path}/actions/decommissions`, decommission);
        assert.equal(undone.type, 'decommissions');
        assert.equal((await state()).state, 'decommissioned');
        assert.equal('product' in (await d.api.get(path)).body, false);
        const actions = await d.api.must(200, 'GET', `${path}/actions/all`);
        assert.deepEqual(actions.map((one) => one.type).sort(), ['commissions', 'decommissions']);
        assert.equal((await d.api.post(`${path}/actions/commissions`, commission(product.id))).status, 200);
    });

    it('thng and product may be named by an identifier', async () => {
        const number = `4006381333931${++serial}`;
        const product = await newProduct(number);
        const thng = await d.api.newThng({ name: 'x', identifiers: { 'gs1:21': `s${serial}` } });
        const path = `/thngs/gs1:21:s${serial}`;
        const answer = await d.api.post(`${path}/actions/commissions`, commission(`gs1:01:${number}`));
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.body.thng, thng.id);
        assert.equal(answer.body.product, product.id);
        assert.equal((await d.api.get(`${path}/commissionState`)).body.state, 'commissioned');
    });

    it('a product that is not there, or not the only one, commissions nothing', async () => {
        const number = `twice${++serial}`;
        await newProduct(number);
        await newProduct(number);
        const { id } = await d.api.newThng();
        for (const [product, status] of [
            [unknownId, 400],
            ['gs1:01:none', 400],
            ['nonsense', 400],
            [id, 400],
            [`gs1:01:${number}`, 409],
        ]) {
            assertError(await d.api.post(`/thngs/${id}/actions/commissions`, commission(product)), status);
        }
        assert.equal((await d.api.get(`/thngs/${id}/commissionState`)).body.state, 'not_commissioned');
        assert.deepEqual(await d.api.must(200, 'GET', `/thngs/${id}/actions/all`), []);
    });

    it('a thng that is not there comes before what is wrong with the body', async () => {
        const path = `/thngs/${unknownId}`;
        assertError(await d.api.post(`${path}/actions/commissions`, {}), 404);
        assertError(await d.api.post(`${path}/actions/commissions`, commission('gs1:01:none')), 404);
        assertError(await d.api.post(`${path}/actions/decommissions`, decommission), 404);
        assertError(await d.api.get(`${path}/commissionState`), 404);
    });

    it('a body that is not right is 400', async () => {
        const product = await newProduct();
        const { id } = await d.api.newThng();
        const good = commission(product.id);
        const without = (name) =>
            Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
        for (const body of [
            without('product'),
            without('location'),
            without('occurredAt'),
            { ...good, product: 7 },
            { ...good, occurredAt: 1700000000000 },
            { ...good, occurredAt: '2023-11-14' },
            { ...good, occurredAt: '2023-02-30T00:00:00Z' },
            { ...good, location: {} },
            { ...good, location: { place: unknownId } },
            { ...good, location: { ...good.location, place: unknownId } },
            { ...good, purchaseOrder: 7 },
            { ...good, factoryMetadata: {} },
            { ...good, factoryMetadata: 'F' },
            [good],
            '{',
        ]) {
            assertError(await d.api.post(`/thngs/${id}/actions/commissions`, body), 400);
        }
        assert.equal((await d.api.get(`/thngs/${id}/commissionState`)).body.state, 'not_commissioned');
    });

    it('subscribers hear of the thng and of the action', async () => {
        const product = await newProduct();
        const { id } = await d.api.newThng();
        const topics = [`/thngs/${id}`, `/thngs/${id}/actions/commissions`];
        const client = await login(d.port.mqtt, d.key);
        client.send(subscribe(1, ...topics));
        assert.deepEqual((await client.next(type.suback)).codes, [1, 1]);
        await d.api.must(200, 'POST', topics[1], commission(product.id));
        const thng = await client.next(type.publish);
        assert.equal(thng.topic, topics[0]);
        assert.equal(JSON.parse(thng.payload).product, product.id);
        assert.equal(thng.payload.includes('commissioning'), false);
        const action = await client.next(type.publish);
        assert.equal(action.topic, topics[1]);
        assert.equal(JSON.parse(action.payload).thng, id);
        client.destroy();
    });
});
