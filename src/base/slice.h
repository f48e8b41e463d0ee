/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.h - borrowed bytes: a pointer and a length, passed by value.
 *
 * A slice never owns. Who hands one out says until when it lives. It is not NUL-terminated. The
 * all-zero slice is empty and valid. */
#ifndef THRUM_BASE_SLICE_H
#define THRUM_BASE_SLICE_H

#include "base/common.h"

#include <string.h>

struct slice {
    const uint8_t *at;
    size_t bytes;
};

/* A slice over a string literal; SLICE_INIT where C wants a constant initialiser. */
#define SLICE_INIT(literal)                                \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }
#define SLICE(literal) ((struct slice)SLICE_INIT(literal))

/* For printf: printf("%.*s", SLICE_ARGS(s)). */
#define SLICE_ARGS(s) (int)(s).bytes, (const char *)(s).at

static inline struct slice slice_of(const void *at, size_t bytes)
{
    return (struct slice){.at = at, .bytes = bytes};
}

static inline struct slice slice_of_text(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_is_empty(struct slice s)
{
    return s.bytes == 0;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.at, b.at, a.bytes) == 0);
}

static inline uint8_t ascii_lower(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') ? (uint8_t)(byte | 0x20) : byte;
}

static inline bool ascii_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Equal when ASCII letters are compared without case; all else byte for byte. */
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.bytes != b.bytes) {
        return false;
    }
    for (size_t i = 0; i < a.bytes; i++) {
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.bytes >= prefix.bytes && slice_equal(slice_of(s.at, prefix.bytes), prefix);
}

/* The slice without its first <bytes>, which it must have. */
static inline struct slice slice_from(struct slice s, size_t bytes)
{
    return slice_of(bytes ? s.at + bytes : s.at, s.bytes - bytes); /* NULL + 0 is undefined in C */
}

/* The first <bytes> of the slice, which it must have. */
static inline struct slice slice_first(struct slice s, size_t bytes)
{
    return slice_of(s.at, bytes);
}

/* The index of the first <byte>, or s.bytes when there is none. */
static inline size_t slice_find(struct slice s, uint8_t byte)
{
    const uint8_t *found = s.bytes ? memchr(s.at, byte, s.bytes) : NULL;
    return found ? (size_t)(found - s.at) : s.bytes;
}

/* The slice without blanks (space, tab, carriage return) at both ends. */
static inline struct slice slice_trim(struct slice s)
{
    while (s.bytes > 0 && ascii_is_blank(s.at[0])) {
        s = slice_from(s, 1);
    }
    while (s.bytes > 0 && ascii_is_blank(s.at[s.bytes - 1])) {
        s.bytes--;
    }
    return s;
}

/* Order as memcmp has it, a prefix before what continues it. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t common = min_size(a.bytes, b.bytes);
    int order = common ? memcmp(a.at, b.at, common) : 0;
    return order ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

/* The number that <text> is, which must be digits alone and not above <max>. */
static inline bool slice_read_decimal(struct slice text, uint64_t max, uint64_t *number)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t digit = (uint8_t)(text.at[i] - '0');
        if (digit > 9 || sum > max / 10 || digit > max - sum * 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = sum;
    return text.bytes > 0;
}

#endif
