/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/proxy.h"

#include "base/cursor.h"

#include <arpa/inet.h>
#include <assert.h>

/* ---- version 1 (2.1) ---- */

/* The longest line, with its end: two IPv6 addresses written in full, in a line of UNKNOWN. */
#define LINE_BYTES_MAX 107

static const struct slice line_start = SLICE_INIT("PROXY ");

/* Takes the text up to the next space, and the space, off <rest>. */
static struct slice next_word(struct slice *rest)
{
    size_t space = slice_find(*rest, ' ');
    struct slice word = slice_first(*rest, space);
    *rest = slice_from(*rest, min_size(space + 1, rest->bytes));
    return word;
}

static bool read_address(struct slice text, int family, uint8_t address[16])
{
    char at[INET6_ADDRSTRLEN];
    if (text.bytes >= sizeof(at) || slice_find(text, '\0') != text.bytes) {
        return false;
    }
    memcpy(at, text.at, text.bytes);
    at[text.bytes] = '\0';
    return inet_pton(family, at, address) == 1;
}

/* Decimal, without leading zeroes. */
static bool read_port(struct slice text, uint16_t *port)
{
    uint64_t number;
    if (!slice_read_decimal(text, UINT16_MAX, &number)) {
        return false;
    }
    *port = (uint16_t)number;
    return text.bytes == 1 || text.at[0] != '0';
}

/* What stands behind the protocol: both addresses, then both ports, one space between each. */
static bool read_ends(struct slice rest, int family, struct proxy_header *header)
{
    uint8_t destination[16];
    uint16_t destination_port;
    struct slice source = next_word(&rest);
    bool has_addresses = read_address(source, family, header->address) &&
                         read_address(next_word(&rest), family, destination);
    struct slice port = next_word(&rest);
    /* The last word is all that is left: a space behind it makes it no number. */
    return has_addresses && read_port(port, &header->port) && read_port(rest, &destination_port);
}

/* <rest> is the line without its beginning and its end. */
static bool read_line(struct slice rest, struct proxy_header *header)
{
    struct slice protocol = next_word(&rest);
    if (slice_equal(protocol, SLICE("TCP4"))) {
        header->family = PROXY_IPV4;
        return read_ends(rest, AF_INET, header);
    }
    if (slice_equal(protocol, SLICE("TCP6"))) {
        header->family = PROXY_IPV6;
        return read_ends(rest, AF_INET6, header);
    }
    /* Whatever follows UNKNOWN is to be ignored. */
    header->family = PROXY_LOCAL;
    return slice_equal(protocol, SLICE("UNKNOWN"));
}

static enum decode read_version_1(struct slice input, struct proxy_header *header)
{
    struct slice seen = slice_first(input, min_size(input.bytes, LINE_BYTES_MAX));
    size_t end = slice_find(seen, '\n');
    if (end == seen.bytes) {
        return seen.bytes < LINE_BYTES_MAX ? DECODE_MORE : DECODE_BAD;
    }
    if (end < line_start.bytes || seen.at[end - 1] != '\r') {
        return DECODE_BAD;
    }
    struct proxy_header found = {.bytes = end + 1};
    size_t start = line_start.bytes;
    if (!read_line(slice_of(seen.at + start, end - 1 - start), &found)) {
        return DECODE_BAD;
    }
    *header = found;
    return DECODE_DONE;
}

/* ---- version 2 (2.2) ---- */

static const struct slice signature = SLICE_INIT("\r\n\r\n\0\r\nQUIT\n");

#define FIXED_BYTES 16 /* the signature, and the four bytes behind it */

enum command { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 }; /* with the version above them */

/* The families and transports that exist; a block of addresses is two addresses and two ports. */
struct family {
    uint8_t code;
    enum proxy_family family;
    uint16_t address_bytes;
    uint16_t block_bytes;
};

static const struct family families[] = {
    {0x00, PROXY_LOCAL, 0, 0},     /* not known, or none of these */
    {0x11, PROXY_IPV4, 4, 12},     /* TCP over IPv4 */
    {0x12, PROXY_IPV4, 4, 12},     /* UDP over IPv4: QUIC that the proxy has ended */
    {0x21, PROXY_IPV6, 16, 36},    /* TCP over IPv6 */
    {0x22, PROXY_IPV6, 16, 36},    /* UDP over IPv6 */
    {0x31, PROXY_LOCAL, 108, 216}, /* a stream on a UNIX socket: no address of a host */
    {0x32, PROXY_LOCAL, 108, 216}, /* datagrams on one */
};

static_assert(FIXED_BYTES + 216 <= PROXY_HEADER_BYTES_MAX, "the longest addresses must fit");

static const struct family *find_family(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (families[i].code == code) {
            return &families[i];
        }
    }
    return NULL;
}

/* Checks the four bytes behind the signature as far as they are there. NULL in <family>: the rest
 * is not looked at, because a LOCAL connection is the sender's own whatever it announces. */
static enum decode check_fixed(struct cursor fixed, const struct family **family, size_t *bytes)
{
    uint8_t command;
    uint8_t code;
    uint16_t length;
    *family = NULL;
    if (!cursor_read_u8(&fixed, &command)) {
        return DECODE_MORE;
    }
    if (command != COMMAND_LOCAL && command != COMMAND_PROXY) {
        return DECODE_BAD;
    }
    if (!cursor_read_u8(&fixed, &code)) {
        return DECODE_MORE;
    }
    if (command == COMMAND_PROXY && (*family = find_family(code)) == NULL) {
        return DECODE_BAD;
    }
    if (!cursor_read_u16be(&fixed, &length)) {
        return DECODE_MORE;
    }
    size_t least = *family != NULL ? (*family)->block_bytes : 0;
    *bytes = FIXED_BYTES + (size_t)length;
    return length >= least && *bytes <= PROXY_HEADER_BYTES_MAX ? DECODE_DONE : DECODE_BAD;
}

static enum decode read_version_2(struct slice input, struct proxy_header *header)
{
    const struct family *family;
    size_t bytes;
    struct cursor fixed = cursor_over(slice_from(input, signature.bytes));
    enum decode answer = check_fixed(fixed, &family, &bytes);
    if (answer != DECODE_DONE) {
        return answer;
    }
    if (input.bytes < bytes) {
        return DECODE_MORE;
    }
    *header = (struct proxy_header){.bytes = bytes};
    if (family != NULL && family->family != PROXY_LOCAL) {
        const uint8_t *block = input.at + FIXED_BYTES;
        const uint8_t *port = block + 2 * family->address_bytes;
        header->family = family->family;
        memcpy(header->address, block, family->address_bytes);
        header->port = (uint16_t)(port[0] << 8 | port[1]);
    }
    return DECODE_DONE;
}

/* ---- either ---- */

/* True when <input> begins with <start>, or may once more of it has come. */
static bool may_start_with(struct slice input, struct slice start)
{
    size_t common = min_size(input.bytes, start.bytes);
    return slice_equal(slice_first(input, common), slice_first(start, common));
}

enum decode proxy_read_header(struct slice input, struct proxy_header *header)
{
    if (slice_starts_with(input, line_start)) {
        return read_version_1(input, header);
    }
    if (slice_starts_with(input, signature)) {
        return read_version_2(input, header);
    }
    return may_start_with(input, line_start) || may_start_with(input, signature) ? DECODE_MORE
                                                                                 : DECODE_BAD;
}
