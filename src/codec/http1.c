/* SPDX-License-Identifier: Apache-2.0
 *
 * http1.c - what reading and writing share: character classes, names, lists, look-ups. */
#include "codec/http1.h"

#include "base/assert.h"

const struct http1_limits http1_limits_default = {
    .target_bytes_max = HTTP1_TARGET_BYTES_MAX,
    .header_bytes_max = HTTP1_HEADER_BYTES_MAX,
    .field_count_max = HTTP1_FIELD_COUNT_MAX,
    .body_bytes_max = HTTP1_BODY_BYTES_MAX,
};

/* A row is 16 bytes of ASCII, an entry the sum of its enum http1_class. 14 is what a host and a
 * value may have, 15 a token besides, 6 a target and a value. 0x80 and above: obs-text of values
 * only. */
const uint8_t http1_classes[256] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,  /* tab */
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  /* */
    2,  15, 6,  3,  15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15, 6,  /* space to / */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6,  14, 6,  14, 6,  6,  /* 0 to ? */
    6,  15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* @ to O */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6,  6,  6,  7,  15, /* P to _ */
    7,  15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* ` to o */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6,  7,  6,  15, 0,  /* p to DEL */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0x80 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0x90 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0xa0 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0xb0 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0xc0 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0xd0 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0xe0 */
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  /* 0xf0 */
};

static const struct slice http1_method_names[] = {
    [HTTP1_UNKNOWN] = {0},
    [HTTP1_GET] = SLICE_INIT("GET"),
    [HTTP1_HEAD] = SLICE_INIT("HEAD"),
    [HTTP1_POST] = SLICE_INIT("POST"),
    [HTTP1_PUT] = SLICE_INIT("PUT"),
    [HTTP1_DELETE] = SLICE_INIT("DELETE"),
    [HTTP1_OPTIONS] = SLICE_INIT("OPTIONS"),
    [HTTP1_PATCH] = SLICE_INIT("PATCH"),
};

struct slice http1_method_name(enum http1_method method)
{
    ASSERT(method < ARRAY_LEN(http1_method_names));
    return http1_method_names[method];
}

bool http1_is_all(struct slice text, enum http1_class class)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if ((http1_classes[text.at[i]] & class) == 0) {
            return false;
        }
    }
    return true;
}

struct slice http1_trim(struct slice text)
{
    while (text.bytes > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text = slice_from(text, 1);
    }
    while (text.bytes > 0 && (text.at[text.bytes - 1] == ' ' || text.at[text.bytes - 1] == '\t')) {
        text.bytes--;
    }
    return text;
}

bool http1_list_next(struct slice *rest, struct slice *element)
{
    while (!slice_is_empty(*rest)) {
        size_t end = slice_find(*rest, ',');
        *element = http1_trim(slice_first(*rest, end));
        *rest = slice_from(*rest, min_size(end + 1, rest->bytes));
        if (!slice_is_empty(*element)) {
            return true;
        }
    }
    return false;
}

size_t http1_find(const struct http1_head *head, struct slice name, struct slice *value)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        if (slice_equal_nocase(head->fields[i].name, name)) {
            if (count == 0) {
                *value = head->fields[i].value;
            }
            count++;
        }
    }
    return count;
}
