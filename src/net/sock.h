/* SPDX-License-Identifier: Apache-2.0
 *
 * sock.h - one accepted connection: its bytes, plain or decrypted, and word when they may flow.
 *
 * A sock knows no protocol. It lies inside the connection of the front (intrusive), which owns the
 * memory, the buffers and the timers; the sock owns the fd and the TLS session. It belongs to one
 * loop for life.
 *
 *      PREFACE --taken--> PEEK --0x16--> HANDSHAKE --ok--> OPEN --sock_shutdown--> SHUT
 *         |                |  \--plain--------------------^ |                       |
 *         |                |               |                |                       |
 *         '----------------+---------------+----------------+------ sock_close -----'--> CLOSED
 *                                                                                       on_closed
 *
 * Before OPEN the sock works alone: a listener with tls = on closes plain bytes unanswered, auto
 * takes both, off skips PEEK. A failure there closes the sock; the only callback is on_closed.
 * PREFACE is skipped unless the front expects bytes in front of all others, also of TLS, which a
 * proxy has put there: on_preface reads them.
 * There is no time-out in here: the front arms its handshake timer at sock_open and calls
 * sock_close.
 *
 * Readiness is edge-triggered, remembered in the sock. So the rule for reading is:
 *
 *      on_readable: sock_read until it answers SOCK_WAIT; or stop early, and either call
 *      sock_read_later (fairness), or do nothing (back pressure) and call sock_read_later
 *      when there is room again. Bytes that wait inside TLS are found in the same way.
 *
 * and for writing: keep what sock_write did not take, and offer it again, with more behind it if
 * you like, in on_writable. (TLS may have sealed the first of these bytes already: they must not
 * change, nor become fewer.)
 *
 * sock_close is legal in every callback and outside; after it only on_closed comes, in the closes
 * phase of the turn: free the connection there, never before. */
#ifndef THRUM_NET_SOCK_H
#define THRUM_NET_SOCK_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/transport.h"

struct sock;
struct tls_context;

/* What a listener does with the first byte of a connection. */
enum sock_tls {
    SOCK_TLS_OFF,  /* plain; the first byte is not looked at */
    SOCK_TLS_ON,   /* TLS; plain bytes are closed unanswered */
    SOCK_TLS_AUTO, /* 0x16 is TLS, all else plain */
};

enum sock_state {
    SOCK_CLOSED, /* all-zero: nothing to release */
    SOCK_PREFACE,
    SOCK_PEEK,
    SOCK_HANDSHAKE,
    SOCK_OPEN,
    SOCK_SHUT, /* we have finished writing; reading goes on */
    SOCK_STATE_COUNT,
};

/* The longest preface. */
#define SOCK_PREFACE_BYTES_MAX 4096

/* Reads the preface of a connection. <seen> is what has come of it and behind it, at least one byte
 * and at most SOCK_PREFACE_BYTES_MAX; *used, which is 0, becomes its length once it is whole. Left
 * at 0 it is asked again with more. An error closes the sock with that error. */
typedef struct err (*sock_preface_fn)(struct sock *sock, struct slice seen, size_t *used);

/* All are mandatory. One table serves all socks of a kind. */
struct sock_events {
    /* There may be bytes, or the end. Only when OPEN or SHUT. It may come although the front has
     * stopped reading: then it does nothing. */
    void (*on_readable)(struct sock *sock);
    /* sock_write answered SOCK_WAIT before, and there is room now. */
    void (*on_writable)(struct sock *sock);
    /* Everything is released; sock_failure tells why the sock closed itself, if it did. */
    void (*on_closed)(struct sock *sock);
};

struct sock_options {
    int fd; /* connected and non-blocking; taken over */
    enum sock_tls tls;
    struct tls_context *tls_context; /* of this loop; NULL only with SOCK_TLS_OFF */
    const struct sock_events *events;
    sock_preface_fn on_preface; /* NULL: there is no preface */
    struct address peer;
};

struct sock {
    struct loop *loop;
    const struct sock_events *events;
    sock_preface_fn on_preface;
    const struct transport *transport;
    struct tls_context *tls_context;
    void *tls;              /* the session: owned by the TLS transport */
    const char *tls_reason; /* why its handshake failed, in OpenSSL's words; static; else NULL */
    struct loop_watch watch;
    struct loop_task again; /* on_readable without news from the kernel */
    struct loop_closing closing;
    struct address peer; /* on_preface may set it: who is behind the proxy */
    int fd;
    struct err failure;
    uint64_t received_bytes; /* of the protocol, that is decrypted */
    uint64_t sent_bytes;
    uint8_t state; /* enum sock_state */
    uint8_t tls_mode;
    bool can_read;         /* the kernel may have something for us */
    bool can_write;        /* the kernel may have room */
    bool has_end;          /* the peer's end of stream is in sight: a short read is not the last */
    bool is_broken;        /* reset by the peer */
    bool wants_writable;   /* on_writable is owed */
    bool read_wants_write; /* TLS cannot read before it has written */
    bool tls_is_dead;      /* after a fatal TLS error nothing may be sent */
};

/* Takes over options->fd and starts. On failure (ERR_IO, ERR_NO_MEMORY) the fd is closed, no
 * callback comes, and <sock> is CLOSED. */
MUST_USE struct err sock_open(struct sock *sock, struct loop *loop,
                              const struct sock_options *options);

/* Closes without waiting; what the kernel has taken may still be sent. Unread bytes of the peer
 * make the kernel send a reset, which can destroy our last answer on its way: after a last answer,
 * call sock_shutdown, read on to SOCK_ENDED (throwing away), with a timer, and only then close.
 * Nothing happens when it is closed already. */
void sock_close(struct sock *sock);

/* Ends our side of the stream behind all bytes written (close_notify, FIN). Only when OPEN; nothing
 * happens otherwise. */
void sock_shutdown(struct sock *sock);

/* Reads up to <room> bytes into <at>; *got is 0 unless SOCK_DONE. */
enum sock_answer sock_read(struct sock *sock, void *at, size_t room, size_t *got);

/* Writes <parts>. SOCK_DONE: all were taken. SOCK_WAIT: *taken bytes were (perhaps 0), and
 * on_writable will come. SOCK_FAILED: close it. Before OPEN: SOCK_WAIT. */
enum sock_answer sock_write(struct sock *sock, const struct iovec *parts, size_t count,
                            size_t *taken);

/* on_readable will be called in the next turn if bytes may be waiting: when the last read did not
 * answer SOCK_WAIT, or readiness came since. Costs nothing otherwise. */
void sock_read_later(struct sock *sock);

/* Why the sock closed itself or failed: ERR_PEER_CLOSED, ERR_TLS_FAILED, ERR_IO, the error of
 * on_preface; ERR_OK when the front closed it. */
static inline struct err sock_failure(const struct sock *sock)
{
    return sock->failure;
}

/* True when the peer has reset the connection: a front that does not read at the moment (back
 * pressure) may give it up. on_readable is called when it becomes true. */
static inline bool sock_is_broken(const struct sock *sock)
{
    return sock->is_broken;
}

/* Why a TLS handshake failed, for the log: "no shared cipher", "certificate has expired" (the
 * client's). NULL when none did, or the peer just went away. */
static inline const char *sock_tls_reason(const struct sock *sock)
{
    return sock->tls_reason;
}

static inline bool sock_is_closed(const struct sock *sock)
{
    return sock->state == SOCK_CLOSED;
}
static inline bool sock_is_tls(const struct sock *sock)
{
    return sock->transport == &transport_tls;
}

/* The protocol agreed by ALPN ("mqtt", "http/1.1"); empty without. Borrowed from the sock. */
struct slice sock_alpn(const struct sock *sock);

/* Appends key=value for logs and the admin page. */
void sock_describe(const struct sock *sock, struct buf *out);

#endif
