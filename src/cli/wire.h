/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - a blocking TCP connection with a deadline, for the tool.
 *
 * Each call ends at the latest after its time-out, and at once when <stop_fd> becomes readable (the
 * tool's signalfd: so Ctrl-C is obeyed in the middle of anything). */
#ifndef THRUM_CLI_WIRE_H
#define THRUM_CLI_WIRE_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"

struct wire {
    int fd;      /* -1: not connected */
    int stop_fd; /* borrowed; -1: nothing to obey */
};

/* Where a server is. Borrowed texts. */
struct wire_place {
    const char *host; /* a name or a numeric address */
    int port;
};

/* Connects to the first address of <place> that answers. ERR_IO, HTTP_TIMEOUT when it took longer
 * than <timeout_ms> an address, STOPPING. <wire> must not be connected. */
MUST_USE struct err wire_open(struct wire *wire, const struct wire_place *place, int timeout_ms);

/* Closes; a wire that is not connected is left alone. */
void wire_close(struct wire *wire);

/* Sends all of <bytes>. ERR_IO, HTTP_TIMEOUT, STOPPING. */
MUST_USE struct err wire_send(struct wire *wire, struct slice bytes, int timeout_ms);

/* Appends what has come, at least a byte, to <into>. PEER_CLOSED at the end of the stream; BUF_FULL
 * when <into> is at its cap; ERR_IO, HTTP_TIMEOUT, STOPPING. */
MUST_USE struct err wire_receive(struct wire *wire, struct buf *into, int timeout_ms);

/* What the error of a wire means for the person at the terminal. Static. */
const char *wire_problem(struct err err);

/* Waits for <ms>. STOPPING when that was cut short. */
MUST_USE struct err wire_sleep(int stop_fd, int ms);

#endif
