/* SPDX-License-Identifier: Apache-2.0
 *
 * address_limit.h - how many connections one address may have, over all loops.
 *
 * Off unless configured. Connections are counted by host (net/address.h: an IPv6 subscriber is its
 * /64). One lock for all loops: it is taken once when a connection opens and once when it closes.
 */
#ifndef THRUM_FRONT_ADDRESS_LIMIT_H
#define THRUM_FRONT_ADDRESS_LIMIT_H

#include "base/err.h"
#include "net/address.h"

struct address_limit;

/* NULL without memory. <count_max> is 1 or more. */
struct address_limit *address_limit_new(uint32_t count_max, uint64_t hash_seed);

/* NULL is fine. */
void address_limit_free(struct address_limit *limit);

/* Counts one more connection of that address; false when it has as many as it may. NULL lets
 * everybody in. Any thread. */
MUST_USE bool address_limit_enter(struct address_limit *limit, const struct address *peer);

/* The connection has ended. Any thread. */
void address_limit_leave(struct address_limit *limit, const struct address *peer);

#endif
