/* SPDX-License-Identifier: Apache-2.0 */
#include "net/network.h"

#include <arpa/inet.h>

#define V4_PREFIX_BITS 96

static const uint8_t v4_prefix[V4_PREFIX_BITS / 8] = {[10] = 0xff, [11] = 0xff};

static bool read_host(struct slice text, struct network *network, unsigned *bits_max)
{
    char at[INET6_ADDRSTRLEN];
    if (text.bytes >= sizeof(at) || slice_find(text, '\0') != text.bytes) {
        return false;
    }
    memcpy(at, text.at, text.bytes);
    at[text.bytes] = '\0';
    if (inet_pton(AF_INET, at, network->address + sizeof(v4_prefix)) == 1) {
        memcpy(network->address, v4_prefix, sizeof(v4_prefix));
        *bits_max = 32;
        return true;
    }
    *bits_max = 128;
    return inet_pton(AF_INET6, at, network->address) == 1;
}

/* 0 to <max>, decimal, without leading zeroes. */
static bool read_prefix_bits(struct slice text, unsigned max, unsigned *bits)
{
    uint64_t number;
    if (!slice_read_decimal(text, max, &number)) {
        return false;
    }
    *bits = (unsigned)number;
    return text.bytes == 1 || text.at[0] != '0';
}

/* The bits of byte number <index> that belong to the prefix. */
static uint8_t mask_of(const struct network *network, size_t index)
{
    size_t before = index * 8;
    if (network->prefix_bits <= before) {
        return 0;
    }
    size_t bits = min_size(network->prefix_bits - before, 8);
    return (uint8_t)(0xff00u >> bits);
}

/* 10.0.0.1/8 is a slip of somebody who meant something else: one host, or another network. */
static bool has_bits_behind_prefix(const struct network *network)
{
    for (size_t i = 0; i < sizeof(network->address); i++) {
        if (network->address[i] & (uint8_t)~mask_of(network, i)) {
            return true;
        }
    }
    return false;
}

static bool read_network(struct slice text, struct network *network)
{
    size_t slash = slice_find(text, '/');
    unsigned bits_max;
    if (!read_host(slice_first(text, slash), network, &bits_max)) {
        return false;
    }
    unsigned bits = bits_max;
    if (slash < text.bytes && !read_prefix_bits(slice_from(text, slash + 1), bits_max, &bits)) {
        return false;
    }
    network->prefix_bits = (uint8_t)(bits + (128 - bits_max));
    return !has_bits_behind_prefix(network);
}

struct err network_parse_list(struct slice text, struct network_list *list)
{
    struct network_list found = {0};
    for (bool is_last = false; !is_last;) {
        size_t comma = slice_find(text, ',');
        is_last = comma == text.bytes;
        struct slice item = slice_trim(slice_first(text, comma));
        if (found.count == NETWORK_COUNT_MAX || !read_network(item, &found.at[found.count++])) {
            return ERR(CONFIG);
        }
        text = slice_from(text, is_last ? comma : comma + 1);
    }
    *list = found;
    return ERR(OK);
}

static bool has_address(const struct network *network, const uint8_t address[16])
{
    for (size_t i = 0; i < sizeof(network->address); i++) {
        if ((address[i] ^ network->address[i]) & mask_of(network, i)) {
            return false;
        }
    }
    return true;
}

bool network_list_has(const struct network_list *list, const struct address *address)
{
    uint8_t bytes[16];
    if (address->bytes == 0) {
        return false;
    }
    if (address_is_v6(address)) {
        memcpy(bytes, &address->at.v6.sin6_addr, sizeof(bytes));
    } else {
        memcpy(bytes, v4_prefix, sizeof(v4_prefix));
        memcpy(bytes + sizeof(v4_prefix), &address->at.v4.sin_addr, 4);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (has_address(&list->at[i], bytes)) {
            return true;
        }
    }
    return false;
}
