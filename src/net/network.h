/* SPDX-License-Identifier: Apache-2.0
 *
 * network.h - a list of networks, by value: who may be told from where they connect.
 *
 * An IPv4 address counts as the IPv6 address that stands for it (::ffff:0:0/96, RFC 4291 2.5.5.2),
 * so that a peer is found whichever way a socket shows it. */
#ifndef THRUM_NET_NETWORK_H
#define THRUM_NET_NETWORK_H

#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"
#include "net/address.h"

#define NETWORK_COUNT_MAX 16

struct network {
    uint8_t address[16];
    uint8_t prefix_bits; /* of those 128 */
};

struct network_list {
    size_t count;
    struct network at[NETWORK_COUNT_MAX];
};

/* Reads networks ("10.0.0.0/8", "2001:db8::/32") and addresses ("127.0.0.1", "::1"), separated by
 * commas. ERR_CONFIG when one is neither, or has bits behind its prefix, when there is none, and
 * when there are more than NETWORK_COUNT_MAX; then <list> is as before. */
MUST_USE struct err network_parse_list(struct slice text, struct network_list *list);

/* True when one of them has <address>; the port does not matter. */
bool network_list_has(const struct network_list *list, const struct address *address);

#endif
