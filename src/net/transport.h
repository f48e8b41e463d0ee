/* SPDX-License-Identifier: Apache-2.0
 *
 * transport.h - how the bytes of a sock travel: plain (sock.c) or TLS (tls.c) behind one table.
 *
 * For sock.c only; the front calls sock_read and sock_write. All functions are called on the loop's
 * thread, do not block, and are mandatory. */
#ifndef THRUM_NET_TRANSPORT_H
#define THRUM_NET_TRANSPORT_H

#include "base/buf.h"
#include "base/common.h"

#include <sys/uio.h>

struct sock;

enum sock_answer {
    SOCK_DONE,   /* bytes were moved */
    SOCK_WAIT,   /* not (all) now: a callback will come */
    SOCK_ENDED,  /* the peer has sent all it will ever send; reading only */
    SOCK_FAILED, /* the connection is dead: close it */
};

struct transport {
    const char *name; /* "plain", "tls" */

    /* Prepares the stream. SOCK_DONE when bytes of the protocol may flow. */
    enum sock_answer (*handshake)(struct sock *sock);

    /* Reads up to <room> bytes, <room> > 0. With SOCK_DONE *got > 0. */
    enum sock_answer (*read)(struct sock *sock, void *at, size_t room, size_t *got);

    /* Writes from the start of <parts>. *taken counts also with SOCK_WAIT. */
    enum sock_answer (*writev)(struct sock *sock, const struct iovec *parts, size_t count,
                               size_t *taken);

    /* Tells the peer that no more bytes follow, as far as that goes without waiting. */
    void (*shutdown)(struct sock *sock);

    /* Releases what the transport holds; the fd is closed by the sock. */
    void (*close)(struct sock *sock);

    /* Appends key=value for people: "transport=tls version=TLSv1.3 ...". */
    void (*describe)(const struct sock *sock, struct buf *out);
};

extern const struct transport transport_plain;
extern const struct transport transport_tls;

#endif
