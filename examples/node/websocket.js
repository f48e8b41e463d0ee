// SPDX-License-Identifier: Apache-2.0
//
// The ws module: a property over a native WebSocket. What comes in is logged, and one value is
// published on the same socket.
const WebSocket = require('ws');

const { HOST = 'localhost', HTTPS_PORT = 8443, API_KEY, THNG_ID } = process.env;
const WS_URL = `wss://${HOST}:${HTTPS_PORT}/thngs/${THNG_ID}/properties/temperature`;

const opts = {
    headers: { authorization: API_KEY },
};
const ws = new WebSocket(WS_URL, opts);

ws.on('open', () => {
    // Supports the same update payload as the REST API.
    const payload = [{ value: 37.2 }];
    ws.send(JSON.stringify(payload));
});

ws.on('message', (data) => {
    // Incoming update from the topic. data can be parsed as JSON.
    const [update] = JSON.parse(data);
    console.log(`Property update: ${update.key} is ${update.value}`);
});

// A wrong key or thng is refused here, with 403; a publish that is refused closes the socket.
ws.on('error', (error) => console.error(error.message));
ws.on('close', (code, reason) => console.error(`Closed: ${code} ${reason}`));
