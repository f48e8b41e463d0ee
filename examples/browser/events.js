// SPDX-License-Identifier: Apache-2.0
//
// A property as a stream of server-sent events. The browser reconnects by itself, and is then sent
// what it has missed: it says the number of the last event that it had.
let url;

page.onConnect = ({ url: broker, key: API_KEY, thng: THNG_ID }) => {
    url = `${broker}/thngs/${THNG_ID}/properties/temperature?access_token=${API_KEY}`;
    const events = new EventSource(`${url}&pubStates=1`);

    events.addEventListener('open', () => {
        page.connected(true);
        page.log('Connected');
        page.onPublish(37.2);
    });

    events.addEventListener('message', (event) => {
        const [update] = JSON.parse(event.data);
        page.show(update.value);
        page.log(`Property update: ${event.data}`);
    });

    // CLOSED: a wrong key or thng, or an authority that the browser does not trust. Else it tries
    // again.
    events.addEventListener('error', () => {
        page.connected(false);
        page.log(events.readyState === EventSource.CLOSED ? 'Refused' : 'Connecting again');
    });
};

page.onPublish = (value) =>
    fetch(url, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ value }]),
    });
