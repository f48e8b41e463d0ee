// SPDX-License-Identifier: Apache-2.0
//
// REST as a client without opinions: node's http and https, no retries, no hidden headers.
import http from 'node:http';
import https from 'node:https';

/** One request: { status, headers, text, body }. <body> is sent as JSON unless it is a string or
 *  a Buffer; the answer's body is parsed when there is one. Each request has its own connection
 *  unless an agent is given. */
export function request(
    url,
    { method = 'GET', key, headers = {}, body, agent = false, ca, timeout = 15000 } = {},
) {
    const target = new URL(url);
    const bytes =
        body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
            ? body
            : JSON.stringify(body);
    const all = { ...headers };
    if (key !== undefined) all.authorization = key;
    if (bytes !== undefined) {
        if (!Object.keys(all).some((name) => name.toLowerCase() === 'content-type')) {
            all['content-type'] = 'application/json';
        }
        all['content-length'] = Buffer.byteLength(bytes);
    }
    return new Promise((resolve, reject) => {
        const scheme = target.protocol === 'https:' ? https : http;
        const outgoing = scheme.request(target, { method, headers: all, agent, ca, timeout });
        outgoing.on('error', reject);
        outgoing.on('timeout', () =>
            outgoing.destroy(new Error(`${method} ${target.pathname}: no answer`)),
        );
        outgoing.on('response', (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
                const text = Buffer.concat(chunks).toString('utf8');
                let parsed;
                try {
                    parsed = text === '' ? undefined : JSON.parse(text);
                } catch {
                    reject(new Error(`${method} ${target.pathname}: not JSON: ${text}`));
                    return;
                }
                resolve({
                    status: response.statusCode,
                    headers: response.headers,
                    text,
                    body: parsed,
                });
            });
        });
        outgoing.end(bytes);
    });
}

/** A client of one daemon with one key: api.get('/thngs'), api.post('/thngs', { name: 'x' }), ... */
export class Rest {
    constructor(base, key, options = {}) {
        this.base = base;
        this.key = key;
        this.options = options;
    }

    call(method, path, body, more = {}) {
        return request(this.base + path, { key: this.key, ...this.options, ...more, method, body });
    }

    get(path, more) {
        return this.call('GET', path, undefined, more);
    }
    head(path, more) {
        return this.call('HEAD', path, undefined, more);
    }
    post(path, body, more) {
        return this.call('POST', path, body, more);
    }
    put(path, body, more) {
        return this.call('PUT', path, body, more);
    }
    delete(path, more) {
        return this.call('DELETE', path, undefined, more);
    }

    /** The call, which must answer <status>; returns the body. */
    async must(status, method, path, body) {
        const answer = await this.call(method, path, body);
        if (answer.status !== status) {
            throw new Error(
                `${method} ${path}: ${answer.status} instead of ${status}: ${answer.text}`,
            );
        }
        return answer.body;
    }

    newThng(document = { name: 'a thng' }) {
        return this.must(201, 'POST', '/thngs', document);
    }

    async newDeviceKey(thngId) {
        return (await this.must(201, 'POST', '/auth/evrythng/thngs', { thngId })).thngApiKey;
    }

    /** The whole history of a property or of the location, page after page, oldest first. */
    async history(path, query = '') {
        const points = [];
        let url = `${this.base}${path}?perPage=100&sortOrder=ASCENDING${query}`;
        while (url) {
            const answer = await request(url, { key: this.key, ...this.options });
            if (answer.status !== 200)
                throw new Error(`GET ${path}: ${answer.status}: ${answer.text}`);
            points.push(...answer.body);
            url = nextLink(answer.headers);
        }
        return points;
    }
}

/** The URL of the next page: the Link header holds it percent-encoded as a whole; null at the end. */
export function nextLink(headers) {
    const match = /^<([^>]*)>; rel="next"$/.exec(headers.link ?? '');
    return match ? decodeURIComponent(match[1]) : null;
}
