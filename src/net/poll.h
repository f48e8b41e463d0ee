/* SPDX-License-Identifier: Apache-2.0
 *
 * poll.h - the seam to the kernel's readiness: one implementation, poll_epoll.c.
 *
 * Things of a loop only; nobody else includes it. */
#ifndef THRUM_NET_POLL_H
#define THRUM_NET_POLL_H

#include "base/common.h"
#include "base/err.h"

/* Bits of an answer, and of what is asked for. */
enum poll_event {
    POLL_READ = 1 << 0,   /* bytes, or a connection, or the end of the stream */
    POLL_WRITE = 1 << 1,  /* room */
    POLL_END = 1 << 2,    /* the peer has finished writing: read on until the end is met */
    POLL_BROKEN = 1 << 3, /* reset, or closed in both directions */
};

struct loop_watch;

struct poll_ready {
    struct loop_watch *watch;
    unsigned events;
};

/* Readiness taken from the kernel at once. More than that waits for the next turn: a turn is
 * bounded. */
#define POLL_READY_MAX 512

struct poll {
    int epoll_fd;
    int wake_fd;
};

MUST_USE struct err poll_init(struct poll *poll);
void poll_deinit(struct poll *poll);

/* Reports each change (edge-triggered: read until there is nothing more) or each state
 * (level-triggered). ERR_IO when the kernel has no room for another watch. */
MUST_USE struct err poll_add_edge(struct poll *poll, int fd, struct loop_watch *watch);
MUST_USE struct err poll_add_level(struct poll *poll, int fd, struct loop_watch *watch);
void poll_remove(struct poll *poll, int fd);

/* Waits for readiness, at most <timeout_ms> (-1: no limit), and fills <ready>. Being woken or
 * interrupted is an answer, too: 0 entries. */
size_t poll_wait(struct poll *poll, struct poll_ready ready[POLL_READY_MAX], int timeout_ms);

/* Ends the current poll_wait, or the next one. Any thread. */
void poll_wake(struct poll *poll);

#endif
