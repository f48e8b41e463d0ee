// SPDX-License-Identifier: Apache-2.0
//
// The mqtt module: all actions of the account, as they are created.
const mqtt = require('mqtt');

const { HOST = 'localhost', MQTTS_PORT = 8883, API_KEY } = process.env;
const MQTT_URL = `mqtts://${HOST}:${MQTTS_PORT}`;
const OPERATOR_API_KEY = API_KEY;

const opts = { username: 'authorization', password: OPERATOR_API_KEY };
const client = mqtt.connect(MQTT_URL, opts);

client.on('connect', () => {
    client.subscribe('/actions/all', (error) => {
        console.log(error ? `Refused: ${error.message}` : 'Subscribed to /actions/all');
    });
});

client.on('message', (topic, message) => console.log(`${topic}: ${message}`));

// A wrong key ends the example; a lost connection comes back by itself.
client.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
    client.end();
});
