// SPDX-License-Identifier: Apache-2.0
//
// The topics of the model of delivery, of one kind or the other:
//
//     publish: a topic as publishers say it       body(p, n, pad)   what is published
//     filters: { text, covers: [topics] }         read(payload)     { p, n }
//     at(text) where a delivery on that topic belongs: [{ filter, topic }]
//
// On the topics of the contract the text of a delivery tells the filter, since every filter has a
// spelling of its own. On plain topics it does not, so there the filters of one session never
// overlap.

const padding = (bytes) => (bytes > 0 ? { pad: 'x'.repeat(bytes) } : {});

class World {
    constructor(topics, filters) {
        this.topics = topics;
        this.filters = filters;
        this.places = new Map();
        for (const filter of filters)
            for (const topic of filter.covers) {
                const text = this.delivered(filter, topic);
                if (!this.places.has(text)) this.places.set(text, []);
                this.places.get(text).push({ filter, topic });
            }
    }

    at(text) {
        return this.places.get(text) ?? [];
    }
}

/** Properties of thngs. <devices>: for each thng the key of its device, or none. */
export class ContractWorld extends World {
    constructor(thngs, keys) {
        const topics = thngs.flatMap((thng, t) =>
            keys.map((key) => ({ thng: t, publish: `/thngs/${thng}/properties/${key}` })),
        );
        const of = (test) => topics.filter(test);
        const exact = topics.flatMap((topic) =>
            ['', '?pubStates=0'].map((options) => ({
                text: topic.publish.slice(options === '' ? 0 : 1) + options,
                covers: [topic],
            })),
        );
        const lists = thngs.map((thng, t) => ({
            text: `/thngs/${thng}/properties/`,
            covers: of((topic) => topic.thng === t),
        }));
        const wild = keys.map((key) => ({
            text: `/thngs/+/properties/${key}?of=all`,
            hasWildcard: true,
            covers: of((topic) => topic.publish.endsWith(`/${key}`)),
        }));
        super(topics, [...exact, ...lists, ...wild]);
        this.qosOut = 1;
    }

    /** How a message on <topic> arrives that was subscribed to by way of <filter>. */
    delivered(filter, topic) {
        return filter.hasWildcard ? `${topic.publish}?of=all` : filter.text;
    }

    /** Do these make one message come twice, without a difference to be seen? */
    collide() {
        return false;
    }

    body(p, n, bytes) {
        return JSON.stringify([{ value: { p, n, ...padding(bytes) } }]);
    }

    read(payload) {
        return JSON.parse(payload)[0].value;
    }
}

/** Names of no resource: with [mqtt] plain_topics = on. */
export class PlainWorld extends World {
    constructor() {
        const rooms = ['hall', 'attic'];
        const kinds = ['heat', 'light', 'noise'];
        const topics = rooms.flatMap((room) =>
            kinds.map((kind) => ({ room, kind, publish: `house/${room}/${kind}` })),
        );
        const filters = [
            ...topics.map((topic) => ({ text: topic.publish, covers: [topic] })),
            ...rooms.map((room) => ({
                text: `house/${room}/#`,
                covers: topics.filter((topic) => topic.room === room),
            })),
            ...kinds.map((kind) => ({
                text: `house/+/${kind}`,
                covers: topics.filter((topic) => topic.kind === kind),
            })),
        ];
        super(topics, filters);
        this.qosOut = 2;
    }

    delivered(_, topic) {
        return topic.publish;
    }

    collide(one, other) {
        return one !== other && one.covers.some((topic) => other.covers.includes(topic));
    }

    body(p, n, bytes) {
        return JSON.stringify({ p, n, ...padding(bytes) });
    }

    read(payload) {
        return JSON.parse(payload);
    }
}
