/* SPDX-License-Identifier: Apache-2.0
 *
 * json_run.h - running through the plain part of a JSON string, eight bytes at a time.
 *
 * For json.c, json_read.c and json_write.c. */
#ifndef THRUM_CODEC_JSON_RUN_H
#define THRUM_CODEC_JSON_RUN_H

#include "base/common.h"

#include <endian.h>
#include <string.h>

#define JSON_RUN_BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* True for the bytes json_run stops at. */
static inline bool json_is_special(uint8_t byte, bool non_ascii)
{
    return byte == '"' || byte == '\\' || byte < 0x20 || (non_ascii && byte >= 0x80);
}

/* The first byte of <at> .. <end> that is a quote, a backslash, a control character or, when
 * <non_ascii> says so, not ASCII; <end> when there is none. */
static inline const uint8_t *json_run(const uint8_t *at, const uint8_t *end, bool non_ascii)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        uint64_t quote = word ^ JSON_RUN_BYTES('"');
        uint64_t backslash = word ^ JSON_RUN_BYTES('\\');
        /* A byte's high bit is set in x - n and not in x when the byte is less than n. Borrows make
         * this wrong only above the first true hit, and the first is what counts. */
        uint64_t hit = ((quote - JSON_RUN_BYTES(1)) & ~quote) |
                       ((backslash - JSON_RUN_BYTES(1)) & ~backslash) |
                       ((word - JSON_RUN_BYTES(0x20)) & ~word);
        hit = (non_ascii ? hit | word : hit) & JSON_RUN_BYTES(0x80);
        if (hit != 0) {
            return at + __builtin_ctzll(hit) / 8;
        }
        at += 8;
    }
    while (at < end && !json_is_special(*at, non_ascii)) {
        at++;
    }
    return at;
}

#endif
