/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

struct err address_parse(struct slice text, uint16_t port, struct address *address)
{
    if (text.bytes >= 2 && text.at[0] == '[' && text.at[text.bytes - 1] == ']') {
        text = slice_of(text.at + 1, text.bytes - 2);
    }
    char host[ADDRESS_TEXT_BYTES];
    if (text.bytes == 0 || text.bytes >= sizeof(host) || slice_find(text, 0) != text.bytes) {
        return ERR(CONFIG);
    }
    memcpy(host, text.at, text.bytes);
    host[text.bytes] = '\0';
    /* getaddrinfo also reads "1" and "0x7f.1", as addresses of four numbers: that is left out. */
    struct in_addr v4;
    if (slice_find(text, ':') == text.bytes && inet_pton(AF_INET, host, &v4) != 1) {
        return ERR(CONFIG);
    }
    /* It never asks a name server for a numeric host, and knows the zone in fe80::1%eth0. */
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        return ERR(CONFIG);
    }
    ASSERT(found->ai_addrlen <= sizeof(address->at));
    *address = (struct address){.bytes = found->ai_addrlen};
    memcpy(&address->at, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    address_set_port(address, port);
    return ERR(OK);
}

struct err address_parse_list(struct slice text, uint16_t port, struct address *list,
                              size_t count_max, size_t *count)
{
    *count = 0;
    for (bool is_last = false; !is_last;) {
        size_t comma = slice_find(text, ',');
        is_last = comma == text.bytes;
        struct slice item = slice_trim(slice_first(text, comma));
        bool is_all = slice_equal(item, SLICE("*"));
        if (*count + (is_all ? 2 : 1) > count_max) {
            return ERR(CONFIG);
        }
        if (is_all) {
            TRY(address_parse(SLICE("0.0.0.0"), port, &list[(*count)++]));
            item = SLICE("::");
        }
        TRY(address_parse(item, port, &list[(*count)++]));
        text = slice_from(text, is_last ? comma : comma + 1);
    }
    return ERR(OK);
}

static bool describe(const struct address *address, char *text, bool with_port)
{
    char host[ADDRESS_TEXT_BYTES - 9];
    if (address->bytes == 0 || (address->at.any.sa_family != AF_INET && !address_is_v6(address)) ||
        getnameinfo(&address->at.any, address->bytes, host, sizeof(host), NULL, 0,
                    NI_NUMERICHOST) != 0) {
        return false;
    }
    bool has_brackets = with_port && address_is_v6(address);
    int bytes = snprintf(text, ADDRESS_TEXT_BYTES, "%s%s%s", has_brackets ? "[" : "", host,
                         has_brackets ? "]" : "");
    if (with_port) {
        bytes += snprintf(text + bytes, ADDRESS_TEXT_BYTES - (size_t)bytes, ":%u",
                          (unsigned)address_port(address));
    }
    return bytes > 0 && bytes < ADDRESS_TEXT_BYTES;
}

const char *address_describe(const struct address *address, char text[ADDRESS_TEXT_BYTES])
{
    return describe(address, text, true) ? text : memcpy(text, "-", 2);
}

const char *address_describe_host(const struct address *address, char text[ADDRESS_TEXT_BYTES])
{
    return describe(address, text, false) ? text : memcpy(text, "-", 2);
}

struct slice address_host_bytes(const struct address *address)
{
    if (address->bytes == 0) {
        return (struct slice){0};
    }
    if (!address_is_v6(address)) {
        return slice_of(&address->at.v4.sin_addr, 4);
    }
    /* ::ffff:a.b.c.d: an IPv4 host. */
    const struct in6_addr *v6 = &address->at.v6.sin6_addr;
    return IN6_IS_ADDR_V4MAPPED(v6) ? slice_of(&v6->s6_addr[12], 4) : slice_of(v6, 8);
}

uint16_t address_port(const struct address *address)
{
    return ntohs(address_is_v6(address) ? address->at.v6.sin6_port : address->at.v4.sin_port);
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address_is_v6(address)) {
        address->at.v6.sin6_port = htons(port);
    } else {
        address->at.v4.sin_port = htons(port);
    }
}
