// SPDX-License-Identifier: Apache-2.0
//
// The SDK with publish() and subscribe() on its resources: a property gets a new value every two
// seconds, and each is logged as it comes back.
const INTERVAL_MS = 2000;

// PubSub is declared by pubsub.js.
evrythng.use(PubSub);

let property;
let timer;

const updateProperty = (value) => {
    const payload = [{ value }];
    return property
        .publish(payload)
        .then((data) => page.log(`Sent ${JSON.stringify(data)}`))
        .catch((error) => page.log(error.message));
};

const onMessage = (data) => {
    page.show(data[0].value);
    page.log(`Received ${JSON.stringify(data)}`);

    clearTimeout(timer);
    timer = setTimeout(() => updateProperty(Math.round(Math.random() * 1000) / 10), INTERVAL_MS);
};

page.onPublish = updateProperty;

page.onConnect = async ({ url, key: OPERATOR_API_KEY, thng: THNG_ID }) => {
    evrythng.setup({ apiUrl: url, apiVersion: 1 });
    PubSub.setup({ apiUrl: `${url.replace('http', 'ws')}/mqtt` });
    const operator = new evrythng.Operator(OPERATOR_API_KEY);
    property = operator.thng(THNG_ID).property('temperature');

    try {
        await operator.init();
        await property.subscribe(onMessage);
        page.connected(true);
        page.log(`Subscribed to ${property.path}`);
        await updateProperty(37.2);
    } catch (error) {
        page.log(error.message);
    }
};
