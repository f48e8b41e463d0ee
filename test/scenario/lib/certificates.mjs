// SPDX-License-Identifier: Apache-2.0
//
// Authorities and the certificates they issue, made by openssl, and openssl as a TLS client.
//
//     const ca = await Authority.make(folder, 'ca');
//     const server = await ca.issue('server', { names: ['DNS:localhost'], usage: 'serverAuth' });
//     server.certFile, server.keyFile
//     (await handshake(port, ['-servername', 'localhost'])).common
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './daemon.mjs';

async function openssl(...args) {
    const { code, stdout, stderr } = await run('openssl', args);
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
}

const ecKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
    static async make(folder, name) {
        const ca = new Authority();
        ca.folder = folder;
        ca.name = name;
        ca.certFile = path.join(folder, `${name}.pem`);
        ca.keyFile = path.join(folder, `${name}.key`);
        ca.revoked = [];
        await openssl(
            ...['req', '-x509', ...ecKey, '-keyout', ca.keyFile, '-out', ca.certFile],
            ...['-days', '30', '-subj', `/CN=${name}`],
            ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
        );
        return ca;
    }

    get pem() {
        return readFileSync(this.certFile);
    }

    /** A certificate with the common name <common>, in files of that name. */
    async issue(common, { names, usage, days = 30 } = {}) {
        const file = path.join(this.folder, common.replaceAll('*', '_'));
        const made = { common, certFile: `${file}.pem`, keyFile: `${file}.key` };
        await openssl(
            ...['req', '-x509', ...ecKey, '-keyout', made.keyFile, '-out', made.certFile],
            ...['-CA', this.certFile, '-CAkey', this.keyFile, '-days', String(days)],
            ...['-subj', `/CN=${common}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
            ...(names ? ['-addext', `subjectAltName=${names.join(',')}`] : []),
            ...(usage ? ['-addext', `extendedKeyUsage=${usage}`] : []),
        );
        return made;
    }

    /** Revokes <made> too, and returns the file with the list. */
    async revoke(...made) {
        this.revoked.push(...made);
        const lines = await Promise.all(
            this.revoked.map(async (one) => {
                const text = await openssl('x509', '-noout', '-serial', '-in', one.certFile);
                const serial = text.trim().split('=')[1];
                return `R\t491231235959Z\t200101000000Z\t${serial}\tunknown\t/CN=${one.common}\n`;
            }),
        );
        const at = (ending) => path.join(this.folder, `${this.name}-${ending}`);
        writeFileSync(at('index.txt'), lines.join(''));
        writeFileSync(
            at('ca.conf'),
            `[ca]\ndefault_ca = own\n[own]\ndatabase = ${at('index.txt')}\n` +
                'default_md = sha256\ndefault_crl_days = 30\n',
        );
        await openssl(
            ...['ca', '-gencrl', '-config', at('ca.conf'), '-cert', this.certFile],
            ...['-keyfile', this.keyFile, '-out', at('crl.new')],
        );
        renameSync(at('crl.new'), at('crl.pem'));
        return at('crl.pem');
    }
}

/** What openssl s_client saw: the common name of the certificate shown, version, alpn, whether the
 *  session was taken up again; all undefined when there was no handshake. */
export async function handshake(port, args = []) {
    const { stdout, stderr } = await run('openssl', [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        ...(args.includes('-servername') ? [] : ['-noservername']),
        ...args,
    ]);
    const text = stdout + stderr;
    const found = (pattern) => pattern.exec(text)?.[1];
    return {
        common: found(/^subject=.*CN = (.*)$/m),
        version: found(/^(?:New|Reused), (TLSv1\.\d), Cipher is (?!\(NONE\))/m),
        alpn: found(/^ALPN protocol: (.*)$/m),
        isResumed: /^Reused, TLS/m.test(text),
        text,
    };
}
