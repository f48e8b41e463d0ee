/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy.h - the PROXY protocol, versions 1 and 2 (haproxy.org, doc/proxy-protocol.txt).
 *
 * A proxy that relays a connection begins it with one header that says who the client is; the
 * client's own bytes, TLS or not, follow behind:
 *
 *      version 1   PROXY TCP4 192.0.2.7 198.51.100.1 56324 8883\r\n     a line, 107 bytes at most
 *      version 2   12 bytes signature | version, command | family | length (2) | addresses | TLVs
 *
 * Only the client's address is read; where it wanted to go is checked for its form and dropped, as
 * are the extensions (TLVs) of version 2. Whether the sender may be believed is for the caller to
 * know. Pure: nothing here allocates, and nothing is kept. */
#ifndef THRUM_CODEC_PROXY_H
#define THRUM_CODEC_PROXY_H

#include "base/common.h"
#include "base/slice.h"
#include "codec/decode.h"

/* The longest header that is taken. The addresses of version 2 need 232 bytes, the longest ones;
 * the rest is room for extensions such as the name in a client's certificate. */
#define PROXY_HEADER_BYTES_MAX 4096

enum proxy_family {
    PROXY_LOCAL, /* of no relayed client (a health check), or of none with an IP address */
    PROXY_IPV4,
    PROXY_IPV6,
};

struct proxy_header {
    size_t bytes; /* what the header took of the input */
    enum proxy_family family;
    uint8_t address[16]; /* the client's, in network order: 4 bytes of IPv4, 16 of IPv6 */
    uint16_t port;
};

/* Reads the header at the beginning of <input>. <header> is filled with DECODE_DONE only. */
enum decode proxy_read_header(struct slice input, struct proxy_header *header);

#endif
