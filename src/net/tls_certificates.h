/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_certificates.h - the certificates a server shows, and which of them for which name.
 *
 * The first one is the default: for clients that name no host (RFC 6066, SNI), or one that none of
 * the others serves, whatever names are in it. Each further one serves the DNS names in its
 * subjectAltName; a wildcard stands for one label, the first. A name that is spelled out wins over
 * a wildcard. Several may serve one name with keys of different kinds: the client's algorithms
 * decide then. With keys of one kind the one that was added first is shown.
 *
 *      struct tls_certificates *certificates = tls_certificates_new();
 *      tls_certificates_add(certificates, &pem, &problem)      each
 *      (contexts)                                              each holds a reference
 *      tls_certificates_unref(certificates)
 *
 * Filled by one thread; after that nothing changes, and any thread may read it: all loops share
 * one. */
#ifndef THRUM_NET_TLS_CERTIFICATES_H
#define THRUM_NET_TLS_CERTIFICATES_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX and SSL */
struct ssl_st;
struct tls_certificates;

/* What was read from two files. All borrowed for the call. */
struct tls_pem {
    const char *chain_file; /* for messages */
    const char *key_file;
    struct slice chain; /* leaf first, then the CAs between */
    struct slice key;
};

/* What there is to say about a certificate. Borrowed from it. */
struct tls_certificate_facts {
    const char *file;
    const char *subject; /* RFC 2253, ASCII: "CN=broker.example,O=Example" */
    int64_t not_after_ms;
};

/* With one reference. NULL without memory. */
struct tls_certificates *tls_certificates_new(void);
struct tls_certificates *tls_certificates_ref(struct tls_certificates *certificates);

/* NULL is fine. */
void tls_certificates_unref(struct tls_certificates *certificates);

/* ERR_CONFIG when the bytes are no certificate, the key is not its, or it serves no name and is not
 * the first; then <problem> gets a sentence that names the file, and <certificates> can only be
 * released. */
MUST_USE struct err tls_certificates_add(struct tls_certificates *certificates,
                                         const struct tls_pem *pem, struct buf *problem);

size_t tls_certificates_count(const struct tls_certificates *certificates);
struct tls_certificate_facts tls_certificates_at(const struct tls_certificates *certificates,
                                                 size_t index);

/* ---- for tls.c ---- */

/* Makes the default the certificate of <context>, and proves that OpenSSL takes the others, too
 * (it refuses keys that are too weak). ERR_CONFIG with a sentence. */
MUST_USE struct err tls_certificates_apply(const struct tls_certificates *certificates,
                                           struct ssl_ctx_st *context, struct buf *problem);

/* Gives <session> the certificates for the name that its client has asked for, when they are others
 * than the default. False when OpenSSL failed. */
bool tls_certificates_choose(const struct tls_certificates *certificates, struct ssl_st *session);

/* Says in <problem> what OpenSSL's queue of errors has to say about <what>. ERR_CONFIG. */
MUST_USE struct err tls_give_problem(struct buf *problem, const char *what);

/* A key with a pass phrase is refused: OpenSSL's default would ask on the terminal. */
int tls_no_pass_phrase(char *at, int bytes, int is_writing, void *unused);

#endif
