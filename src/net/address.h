/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h - an IPv4 or IPv6 address with its port, by value. All-zero is "none" (a socket pair).
 */
#ifndef THRUM_NET_ADDRESS_H
#define THRUM_NET_ADDRESS_H

#include "base/buf.h"
#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

#include <netinet/in.h>

/* "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295]:65535" and a NUL fit. */
#define ADDRESS_TEXT_BYTES 72

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t bytes; /* of the union that count; 0: no address */
};

/* Reads a numeric address ("127.0.0.1", "::1", "[::1]", "fe80::1%eth0"). ERR_CONFIG. */
MUST_USE struct err address_parse(struct slice text, uint16_t port, struct address *address);

/* Reads a comma-separated list into <list>, which has room for <count_max>; "*" stands for 0.0.0.0
 * and
 * ::. ERR_CONFIG when one is not an address, the list is empty, or longer than the room. */
MUST_USE struct err address_parse_list(struct slice text, uint16_t port, struct address *list,
                                       size_t count_max, size_t *count);

/* "127.0.0.1:1883", "[::1]:1883"; "-" for none. Ends with a NUL. Returns <text>. */
const char *address_describe(const struct address *address, char text[ADDRESS_TEXT_BYTES]);

/* The address without its port: "127.0.0.1", "::1"; "-" for none. */
const char *address_describe_host(const struct address *address, char text[ADDRESS_TEXT_BYTES]);

/* The bytes that name the host, for counting connections per address: 4, or the first 8 of IPv6 (a
 * subscriber has a whole /64); borrowed from <address>. Empty for none. */
struct slice address_host_bytes(const struct address *address);

uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

static inline bool address_is_v6(const struct address *address)
{
    return address->bytes != 0 && address->at.any.sa_family == AF_INET6;
}

#endif
