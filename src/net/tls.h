/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.h - the server side of TLS 1.2 and 1.3, on OpenSSL.
 *
 * OpenSSL takes locks in a context that threads share: so each loop has a tls_context of its own.
 * What they must share is the keys of session tickets, for a client comes back on any loop: these
 * are in a tls_tickets, which the server owns.
 *
 *      struct tls_tickets tickets          one, outlives all contexts
 *      struct tls_context *context         one a loop; all calls on the loop's thread
 *      (session)                           one a sock; lives on when its context is reloaded
 *
 * Settings: no renegotiation, no compression, no server-side session cache, tickets on, buffers
 * released while idle (14 instead of 48 KB a connection), kernel TLS where there is one. ALPN takes
 * "mqtt" and "http/1.1" and ignores all else: it is a hint, never a need. A stream that ends
 * without close_notify counts as ended: MQTT and HTTP/1.1 requests carry their lengths, so cutting
 * one short is seen, and few devices send it. */
#ifndef THRUM_NET_TLS_H
#define THRUM_NET_TLS_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

/* A new ticket key comes into use after this time; the one before still opens tickets for as long
 * again. It is the time for which a stolen memory image endangers recorded TLS 1.2 sessions. */
#define TLS_TICKET_KEY_MS (12 * 3600 * 1000)

struct sock;
struct tls_tickets;
struct tls_context;

struct tls_options {
    const char *chain_file;      /* PEM: leaf first, then the CAs between */
    const char *key_file;        /* PEM */
    struct tls_tickets *tickets; /* borrowed; must outlive the context and all its sessions */
};

/* Keys from the kernel's random numbers. NULL without memory. */
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets *tickets);

/* Puts a new key in use at once; time does so by itself. Any thread. */
void tls_tickets_rotate(struct tls_tickets *tickets);

/* A context with that certificate. ERR_CONFIG when a file is missing, damaged, or the key is not
 * the certificate's; then <problem> gets a sentence that names the file. */
MUST_USE struct err tls_context_load(const struct tls_options *options,
                                     struct tls_context **context, struct buf *problem);

/* Reads the files again: new connections use them, those that exist keep what they have. On failure
 * everything stays as it was. */
MUST_USE struct err tls_context_reload(struct tls_context *context,
                                       const struct tls_options *options, struct buf *problem);

/* Sessions may outlive it. NULL is fine. */
void tls_context_free(struct tls_context *context);

/* The protocol agreed by ALPN on a sock whose transport is TLS; see sock_alpn. */
struct slice tls_alpn(const struct sock *sock);

#endif
