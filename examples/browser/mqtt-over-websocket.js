// SPDX-License-Identifier: Apache-2.0
//
// MQTT over a WebSocket: many topics on one connection. Nobody is named when it connects; each
// topic brings its key in ?access_token=.
//
// Paho is what mqttws31.js became, which called itself Messaging.
const Messaging = Paho;

let client;
let resource;
let token;

page.onConnect = ({ url, key: DEVICE_API_KEY, thng: THNG_ID }) => {
    const RESOURCE = `/thngs/${THNG_ID}/properties`;
    const { hostname, port, protocol } = new URL(url);
    resource = RESOURCE;
    token = `access_token=${DEVICE_API_KEY}`;

    // Connect with client ID
    client = new Messaging.Client(hostname, Number(port || 443), `client_${Date.now()}`);

    // Print messages received
    client.onMessageArrived = (message) => {
        const [update] = JSON.parse(message.payloadString);
        page.show(update.value);
        page.log(`Received ${message.payloadString}`);
    };

    client.onConnectionLost = ({ errorMessage }) => {
        page.connected(false);
        page.log(`Closed: ${errorMessage}`);
    };

    client.connect({
        useSSL: protocol === 'wss:',
        mqttVersion: 3, // 4, which is MQTT 3.1.1, does as well
        onSuccess: () => {
            page.connected(true);
            page.log('Connected successfully!');

            // Authenticate with access_token parameter
            client.subscribe(`${RESOURCE}?${token}`, {
                qos: 1,
                onSuccess: () => page.onPublish(37.2),
                onFailure: () => page.log(`Refused: ${RESOURCE}`),
            });
        },
        onFailure: ({ errorMessage }) => page.log(`Not connected: ${errorMessage}`),
    });
};

page.onPublish = (value) => {
    client.send(`${resource}/temperature?${token}`, JSON.stringify([{ value }]), 1, false);
};
