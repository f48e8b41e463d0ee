// SPDX-License-Identifier: Apache-2.0
//
// What the pages share, so that the example beside it is nothing but the example: a form with the
// broker, the key and the thng, which may also stand in the address
// (page.html#url=wss://localhost:8443&key=...&thng=...), a value to publish, and a list of what
// happened.
//
//     page.onConnect = ({ url, key, thng }) => { ... };
//     page.onPublish = (value) => { ... };
//     page.log('text');  page.show(37.2);
const page = (() => {
    const byId = (id) => document.getElementById(id);
    const fields = ['url', 'key', 'thng'];
    const self = {
        onConnect: () => {},
        onPublish: () => {},

        /** A line in the list, newest first, and in the console. */
        log(text) {
            console.log(text);
            const line = document.createElement('li');
            const time = document.createElement('time');
            time.textContent = new Date().toLocaleTimeString('en-GB');
            const what = document.createElement('span');
            what.textContent = text;
            line.append(time, what);
            byId('log').prepend(line);
            while (byId('log').children.length > 200) byId('log').lastChild.remove();
        },

        /** The latest value, large. */
        show(value) {
            byId('value').textContent = typeof value === 'string' ? value : JSON.stringify(value);
        },

        connected(isConnected) {
            document.body.classList.toggle('connected', isConnected);
            byId('connect').disabled = isConnected;
            byId('publish').disabled = !isConnected;
        },
    };

    document.addEventListener('DOMContentLoaded', () => {
        const given = new URLSearchParams(location.hash.slice(1));
        for (const name of fields) if (given.has(name)) byId(name).value = given.get(name);
        byId('settings').addEventListener('submit', (event) => {
            event.preventDefault();
            const values = fields.map((name) => [name, byId(name).value.trim()]);
            self.onConnect(Object.fromEntries(values));
        });
        byId('publishing').addEventListener('submit', (event) => {
            event.preventDefault();
            self.onPublish(Number(byId('next').value));
        });
        if (fields.every((name) => byId(name).value)) byId('settings').requestSubmit();
    });
    return self;
})();
