/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_limit.h - how many connections one owner may have, an address or a key, over all loops.
 *
 * Off unless configured. One lock for all loops: it is taken once when a connection begins to count
 * and once when it ends. */
#ifndef THRUM_FRONT_CONN_LIMIT_H
#define THRUM_FRONT_CONN_LIMIT_H

#include "base/err.h"
#include "base/slice.h"

struct conn_limit;

/* An owner is known by so many bytes at most. */
#define CONN_LIMIT_OWNER_BYTES_MAX 16

/* NULL without memory. <count_max> is 1 or more. */
struct conn_limit *conn_limit_new(uint32_t count_max, uint64_t hash_seed);

/* NULL is fine. */
void conn_limit_free(struct conn_limit *limit);

/* Counts one more connection of that owner; false when it has as many as it may. A NULL limit, and
 * no owner, let everybody in. Any thread. */
MUST_USE bool conn_limit_enter(struct conn_limit *limit, struct slice owner);

/* The connection has ended. Any thread. */
void conn_limit_leave(struct conn_limit *limit, struct slice owner);

#endif
