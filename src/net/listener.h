/* SPDX-License-Identifier: Apache-2.0
 *
 * listener.h - listening sockets, and accepting from them.
 *
 * Each loop listens on a socket of its own for each address (SO_REUSEPORT): the kernel spreads the
 * connections, and a connection never changes its loop. In two steps, because all ports must be
 * taken before the server says that it is up, and rights may be dropped between:
 *
 *      listener_sockets_open     main thread: binds and listens, for all loops
 *      listener_start            a loop: accepts from its share
 *
 * Accepting is bounded per turn. When the process is out of file descriptors or memory, accepting
 * pauses for LISTENER_PAUSE_MS: clients wait in the kernel's queue, connections that exist go on.
 */
#ifndef THRUM_NET_LISTENER_H
#define THRUM_NET_LISTENER_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "net/address.h"
#include "net/loop.h"

#define LISTENER_ADDRESS_COUNT_MAX 8

/* Connections a loop takes from one socket in one turn; those behind wait for the next turn, so
 * that a storm of connects does not starve whoever is connected. */
#define LISTENER_ACCEPT_COUNT_MAX 64

#define LISTENER_PAUSE_MS 250

/* The queue of connections the kernel has completed and we have not accepted; the kernel caps it at
 * net.core.somaxconn (4,096 by default). */
#define LISTENER_BACKLOG 4096

/* ---- sockets ---- */

struct listener_bind {
    const struct address *addresses; /* their ports are ignored */
    size_t address_count;            /* 1 .. LISTENER_ADDRESS_COUNT_MAX */
    size_t loop_count;
    uint16_t port; /* 0: the kernel chooses one, the same for all addresses and loops */
    /* An address of a family this machine does not have (no IPv6) is skipped, as long as another
     * one is bound. For defaults, not for what an operator asked for. */
    bool may_skip;
};

struct listener_sockets {
    int *fds; /* LISTENER_ADDRESS_COUNT_MAX for each loop; -1: none, or a listener has taken it */
    struct address addresses[LISTENER_ADDRESS_COUNT_MAX]; /* bound, with the port */
    size_t address_count;
    size_t loop_count;
    size_t skipped_count;
    uint16_t port;
};

/* Binds. ERR_CONFIG, with a sentence in <problem> that names the address ("127.0.0.1:1883: Address
 * already in use"); then nothing stays open. Skipped addresses leave a sentence there, too. */
MUST_USE struct err listener_sockets_open(struct listener_sockets *sockets,
                                          const struct listener_bind *bind, struct buf *problem);

/* Closes what no listener has taken. */
void listener_sockets_close(struct listener_sockets *sockets);

/* ---- accepting ---- */

struct listener;

struct listener_events {
    /* A connection: non-blocking, without Nagle. The owner takes <fd> (sock_open, or close). */
    void (*on_accept)(struct listener *listener, int fd, const struct address *peer);
    /* Accepting has paused because of <error_number> (EMFILE, ENFILE, ENOBUFS, ENOMEM). For the
     * log; optional. */
    void (*on_paused)(struct listener *listener, int error_number);
};

struct listener_port {
    struct loop_watch watch;
    struct loop_closing closing;
    struct listener *listener;
    int fd; /* -1: none */
    bool is_watched;
};

/* The share of one loop in one listener_sockets. */
struct listener {
    void *owner; /* the caller's */
    struct loop *loop;
    const struct listener_events *events;
    struct listener_port ports[LISTENER_ADDRESS_COUNT_MAX];
    size_t port_count;
    struct wheel_timer resume;
    uint64_t accepted_count;
    uint64_t paused_count;
    bool is_paused;
};

/* Takes the sockets of loop number <index> and accepts from them. On the loop's thread, or before
 * it runs. ERR_IO. The listener must stay where it is until the turn after listener_stop has ended.
 */
MUST_USE struct err listener_start(struct listener *listener, struct loop *loop,
                                   struct listener_sockets *sockets, size_t index,
                                   const struct listener_events *events, void *owner);

/* Stops accepting for good; the sockets are closed in the closes phase. Nothing happens when it is
 * stopped. */
void listener_stop(struct listener *listener);

/* Lets the process open as many files as it may: raises the soft limit to the hard one, which it
 * returns. For main, at start. */
uint64_t listener_raise_file_limit(void);

#endif
