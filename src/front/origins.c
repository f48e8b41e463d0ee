/* SPDX-License-Identifier: Apache-2.0 */
#include "front/origins.h"

#include <string.h>

static bool is_host_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
           byte == '[' || byte == ']' || byte == ':';
}

static bool is_letters(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t lower = ascii_lower(text.at[i]);
        if (lower < 'a' || lower > 'z') {
            return false;
        }
    }
    return text.bytes > 0;
}

/* "scheme://host[:port]"; nothing behind it, as browsers never send more. */
static bool is_origin(struct slice text)
{
    const struct slice separator = SLICE("://");
    size_t end = slice_find(text, ':');
    struct slice host = slice_from(text, min_size(end + separator.bytes, text.bytes));
    if (!is_letters(slice_first(text, end)) ||
        !slice_starts_with(slice_from(text, end), separator) || host.bytes == 0) {
        return false;
    }
    for (size_t i = 0; i < host.bytes; i++) {
        if (!is_host_byte(host.at[i])) {
            return false;
        }
    }
    return host.at[host.bytes - 1] != ':';
}

struct err origins_parse(struct slice text, struct origin_list *list)
{
    *list = (struct origin_list){0};
    if (slice_equal(text, SLICE("*"))) {
        return ERR(OK);
    }
    do {
        size_t comma = slice_find(text, ',');
        struct slice item = slice_trim(slice_first(text, comma));
        text = slice_from(text, min_size(comma + 1, text.bytes));
        if (!is_origin(item) || item.bytes > ORIGIN_BYTES_MAX || list->count == ORIGINS_MAX) {
            return ERR(CONFIG);
        }
        struct origin *origin = &list->at[list->count++];
        origin->bytes = item.bytes;
        memcpy(origin->text, item.at, item.bytes);
    } while (text.bytes > 0);
    return ERR(OK);
}

bool origins_allow(const struct origin_list *list, struct slice origin)
{
    bool is_allowed = origins_are_any(list) || slice_is_empty(origin);
    for (size_t i = 0; i < list->count && !is_allowed; i++) {
        is_allowed = slice_equal_nocase(slice_of(list->at[i].text, list->at[i].bytes), origin);
    }
    return is_allowed;
}
