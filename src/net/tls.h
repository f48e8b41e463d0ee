/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.h - the server side of TLS 1.2 and 1.3, on OpenSSL.
 *
 * OpenSSL takes locks in a context that threads share: so each loop has contexts of its own, one
 * for each listener, since listeners differ in what they ask of clients. What they share is the
 * keys of session tickets, for a client comes back on any loop: these are in a tls_tickets, which
 * the server owns; and the certificates (tls_certificates.h), which never change.
 *
 *      struct tls_tickets *tickets               one, outlives all contexts
 *      struct tls_certificates *certificates     one for all contexts, until others are loaded
 *      struct tls_context *context               one a loop and listener; calls on the loop's
 * thread (session)                                 one a sock; lives on when its context is
 * replaced
 *
 * Settings: TLS 1.2 with forward secrecy and AEAD ciphers, TLS 1.3; security level 2; no
 * renegotiation, no compression, no server-side session cache, tickets on, buffers released while
 * idle (14 instead of 48 KB a connection), kernel TLS where there is one. ALPN takes "mqtt" and
 * "http/1.1" and ignores all else: it is a hint, never a need. A stream that ends without
 * close_notify counts as ended: MQTT and HTTP/1.1 requests carry their lengths, so cutting one
 * short is seen, and few devices send it.
 *
 * A context that asks clients for certificates gives and takes no tickets: each handshake is a full
 * one, which looks at the certificate, its dates and the revocations as they are then. */
#ifndef THRUM_NET_TLS_H
#define THRUM_NET_TLS_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/tls_certificates.h"

/* A new ticket key comes into use after this time; the one before still opens tickets for as long
 * again. It is the time for which a stolen memory image endangers recorded TLS 1.2 sessions. */
#define TLS_TICKET_KEY_MS (12 * 3600 * 1000)

struct sock;
struct tls_tickets;
struct tls_context;

enum tls_minimum { TLS_MINIMUM_1_2, TLS_MINIMUM_1_3 };

/* Certificates of clients. One that is shown must be valid, also where none is needed. */
enum tls_client_certificates {
    TLS_CLIENT_CERTIFICATES_OFF,      /* not asked for */
    TLS_CLIENT_CERTIFICATES_OPTIONAL, /* asked for */
    TLS_CLIENT_CERTIFICATES_REQUIRED, /* without one the handshake fails */
};

/* All borrowed for the call, but for what is said to be longer. */
struct tls_options {
    struct tls_certificates *certificates; /* one or more; the context takes a reference */
    struct tls_tickets *tickets;           /* must outlive the context and all its sessions */
    enum tls_minimum minimum;
    enum tls_client_certificates client_certificates;
    const char *client_ca_file;  /* whom certificates of clients must come from; unless OFF */
    struct slice client_ca;      /* what is in it: PEM */
    const char *client_crl_file; /* the revoked ones; NULL: nobody looks */
    struct slice client_crl;     /* what is in it: an empty file is a damaged one */
};

/* Keys from the kernel's random numbers. NULL without memory. */
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets *tickets);

/* Puts a new key in use at once; time does so by itself. Any thread. */
void tls_tickets_rotate(struct tls_tickets *tickets);

/* ERR_CONFIG when OpenSSL refuses a certificate or the files for clients are not what they should
 * be; then <problem> gets a sentence that names the file. Any thread: it is the loop's from the
 * first sock on. */
MUST_USE struct err tls_context_new(const struct tls_options *options, struct tls_context **context,
                                    struct buf *problem);

/* New connections use what <fresh> has, which is freed; those that exist keep what they have. */
void tls_context_replace(struct tls_context *context, struct tls_context *fresh);

/* Sessions may outlive it. NULL is fine. */
void tls_context_free(struct tls_context *context);

/* The protocol agreed by ALPN on a sock whose transport is TLS; see sock_alpn. */
struct slice tls_alpn(const struct sock *sock);

#endif
