/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_fuzz.c - headers of the PROXY protocol.
 *
 * Input: the beginning of a stream. Properties: every beginning of a header asks for more; what is
 * behind a header changes nothing; what a beginning is refused for stands; a client's address that
 * was read, written down in either version, reads as the same. */
#include "codec/proxy.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

/* A beginning of <stream> that ends where its memory does. */
static enum decode read_cut(struct slice stream, size_t cut, struct proxy_header *header)
{
    uint8_t *input = malloc(cut > 0 ? cut : 1);
    ASSERT(input != NULL);
    if (cut > 0) {
        memcpy(input, stream.at, cut);
    }
    enum decode verdict = proxy_read_header(slice_of(input, cut), header);
    free(input);
    return verdict;
}

static bool are_equal(const struct proxy_header *a, const struct proxy_header *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static void check_same(const struct proxy_header *header, struct slice written)
{
    struct proxy_header again;
    ASSERT(read_cut(written, written.bytes, &again) == DECODE_DONE);
    ASSERT(again.bytes == written.bytes && are_equal(&again, header));
}

static void check_version_1(const struct proxy_header *header)
{
    char address[INET6_ADDRSTRLEN];
    char line[128];
    bool is_v6 = header->family == PROXY_IPV6;
    ASSERT(inet_ntop(is_v6 ? AF_INET6 : AF_INET, header->address, address, sizeof(address)));
    int bytes = snprintf(line, sizeof(line), "PROXY %s %s %s %u %u\r\n", is_v6 ? "TCP6" : "TCP4",
                         address, address, header->port, header->port);
    check_same(header, slice_of(line, (size_t)bytes));
}

static void check_version_2(const struct proxy_header *header)
{
    uint8_t block[52] = "\r\n\r\n\0\r\nQUIT\n\x21";
    size_t address_bytes = header->family == PROXY_IPV6 ? 16 : 4;
    size_t length = 2 * address_bytes + 4;
    block[13] = header->family == PROXY_IPV6 ? 0x21 : 0x11;
    block[15] = (uint8_t)length;
    memcpy(block + 16, header->address, address_bytes);
    block[16 + 2 * address_bytes] = (uint8_t)(header->port >> 8);
    block[17 + 2 * address_bytes] = (uint8_t)header->port;
    check_same(header, slice_of(block, 16 + length));
}

static void check_header(struct slice stream, const struct proxy_header *header)
{
    ASSERT(header->bytes >= 15 && header->bytes <= stream.bytes);
    ASSERT(header->bytes <= PROXY_HEADER_BYTES_MAX);
    struct proxy_header cut;
    for (size_t bytes = 0; bytes < header->bytes; bytes++) {
        ASSERT(read_cut(stream, bytes, &cut) == DECODE_MORE);
    }
    ASSERT(read_cut(stream, header->bytes, &cut) == DECODE_DONE);
    ASSERT(cut.bytes == header->bytes && are_equal(&cut, header));
    if (header->family != PROXY_LOCAL) {
        check_version_1(header);
        check_version_2(header);
    }
}

static void check_refusal(struct slice stream)
{
    struct proxy_header header;
    bool refused = false;
    for (size_t bytes = 0; bytes <= stream.bytes; bytes++) {
        enum decode verdict = read_cut(stream, bytes, &header);
        ASSERT(verdict == (refused ? DECODE_BAD : verdict) && verdict != DECODE_DONE);
        refused = verdict == DECODE_BAD;
    }
    ASSERT(refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    struct slice stream = slice_of(at, bytes);
    struct proxy_header header;
    switch (read_cut(stream, bytes, &header)) {
    case DECODE_DONE:
        check_header(stream, &header);
        break;
    case DECODE_MORE:
        ASSERT(bytes < PROXY_HEADER_BYTES_MAX);
        break;
    case DECODE_BAD:
        check_refusal(stream);
        break;
    }
    return 0;
}
