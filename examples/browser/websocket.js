// SPDX-License-Identifier: Apache-2.0
//
// A property over the browser's own WebSocket. Browsers cannot set headers on it: the key is in
// ?access_token=.
let socket;

page.onConnect = ({ url, key: API_KEY, thng: THNG_ID }) => {
    const topic = `/thngs/${THNG_ID}/properties/temperature`;
    socket = new WebSocket(`${url}${topic}?access_token=${API_KEY}`);

    socket.addEventListener('message', (message) => {
        // Incoming update from the topic. message.data can be parsed as JSON.
        const [update] = JSON.parse(message.data);
        page.show(update.value);
        page.log(`Property update: ${message.data}`);
    });

    socket.addEventListener('open', () => {
        page.connected(true);
        page.log(`Connected to ${topic}`);
        page.onPublish(37.2);
    });

    // A browser does not tell why an upgrade was refused: code 1006 at once is a wrong key or thng,
    // or an authority that it does not trust.
    socket.addEventListener('close', ({ code, reason }) => {
        page.connected(false);
        page.log(`Closed: ${code} ${reason}`);
    });
};

page.onPublish = (value) => {
    // Supports the same update payload as the REST API.
    const update = [{ value }];
    socket.send(JSON.stringify(update));
};
