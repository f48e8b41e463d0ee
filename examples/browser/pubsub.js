// SPDX-License-Identifier: Apache-2.0
//
// A plugin for the SDK that adds publish(), subscribe() and unsubscribe() to its resources, over
// MQTT in a WebSocket. It stands in for evrythng-pubsub.js, which npm does not have, with the same
// methods:
//
//     evrythng.use(PubSub);
//     PubSub.setup({ apiUrl: 'wss://localhost:8443/mqtt' });
//     await operator.thng(id).property('temperature').subscribe((data) => console.log(data));
//     await operator.thng(id).property('temperature').publish([{ value: 37.2 }]);
const PubSub = (() => {
    const settings = {
        apiUrl: 'wss://localhost:8443/mqtt',
        reconnectPeriod: 1000,
        keepAlive: 50,
    };
    const connections = new Map(); // for each key { client, handlers: a Map, topic to functions }

    /** One connection for each key, made when it is first needed. */
    function connectionOf({ apiKey }) {
        let connection = connections.get(apiKey);
        if (connection) return connection;
        const client = mqtt.connect(settings.apiUrl, {
            username: 'authorization',
            password: apiKey,
            keepalive: settings.keepAlive,
            reconnectPeriod: settings.reconnectPeriod,
        });
        const handlers = new Map();
        client.on('message', (topic, message) => {
            for (const handler of handlers.get(topic) ?? []) handler(JSON.parse(message));
        });
        client.on('error', (error) => console.error(error.message));
        connection = { client, handlers };
        connections.set(apiKey, connection);
        return connection;
    }

    const methods = {
        /** Calls <handler> with what comes in. The promise is kept when the broker grants it. */
        async subscribe(handler) {
            const { client, handlers } = connectionOf(this.scope);
            handlers.set(this.path, [...(handlers.get(this.path) ?? []), handler]);
            await client.subscribeAsync(this.path, { qos: 1 });
        },

        async unsubscribe() {
            const { client, handlers } = connectionOf(this.scope);
            await client.unsubscribeAsync(this.path);
            handlers.delete(this.path);
        },

        /** The promise is kept, with <payload>, when the broker has recorded it. */
        async publish(payload) {
            const { client } = connectionOf(this.scope);
            await client.publishAsync(this.path, JSON.stringify(payload), { qos: 1 });
            return payload;
        },
    };

    return {
        settings,
        setup: (more) => Object.assign(settings, more),
        install: ({ resources }) => Object.assign(resources.Resource.prototype, methods),
    };
})();
