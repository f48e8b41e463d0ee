/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.h - a bounds-checked reader over borrowed bytes.
 *
 * Each read checks that all its bytes are there and fails as a whole: then it answers false, leaves
 * the cursor where it was and the destination untouched. */
#ifndef THRUM_BASE_CURSOR_H
#define THRUM_BASE_CURSOR_H

#include "base/common.h"
#include "base/slice.h"

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct cursor cursor_over(struct slice bytes)
{
    return (struct cursor){.at = bytes.at, .end = bytes.bytes ? bytes.at + bytes.bytes : bytes.at};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}
static inline bool cursor_at_end(const struct cursor *c)
{
    return c->at == c->end;
}

MUST_USE static inline bool cursor_read_u8(struct cursor *c, uint8_t *value)
{
    if (cursor_left(c) < 1) {
        return false;
    }
    *value = *c->at++;
    return true;
}

MUST_USE static inline bool cursor_read_u16be(struct cursor *c, uint16_t *value)
{
    if (cursor_left(c) < 2) {
        return false;
    }
    *value = (uint16_t)(c->at[0] << 8 | c->at[1]);
    c->at += 2;
    return true;
}

MUST_USE static inline bool cursor_read_u32be(struct cursor *c, uint32_t *value)
{
    if (cursor_left(c) < 4) {
        return false;
    }
    uint32_t big;
    memcpy(&big, c->at, sizeof(big));
    *value = __builtin_bswap32(big);
    c->at += 4;
    return true;
}

MUST_USE static inline bool cursor_read_u64be(struct cursor *c, uint64_t *value)
{
    if (cursor_left(c) < 8) {
        return false;
    }
    uint64_t big;
    memcpy(&big, c->at, sizeof(big));
    *value = __builtin_bswap64(big);
    c->at += 8;
    return true;
}

MUST_USE static inline bool cursor_read_bytes(struct cursor *c, size_t bytes, struct slice *value)
{
    if (cursor_left(c) < bytes) {
        return false;
    }
    *value = slice_of(c->at, bytes);
    c->at = bytes ? c->at + bytes : c->at; /* NULL + 0 is undefined in C */
    return true;
}

/* LEB128 as buf_put_varint writes it; false also when it says more than 64 bits hold. */
MUST_USE static inline bool cursor_read_varint(struct cursor *c, uint64_t *value)
{
    uint64_t sum = 0;
    const uint8_t *at = c->at;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == c->end) {
            return false;
        }
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            c->at = at;
            return true;
        }
    }
    return false;
}

MUST_USE static inline bool cursor_read_zigzag(struct cursor *c, int64_t *value)
{
    uint64_t raw;
    if (!cursor_read_varint(c, &raw)) {
        return false;
    }
    *value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
    return true;
}

#endif
