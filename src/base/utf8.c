/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

size_t utf8_sequence(struct slice bytes)
{
    if (bytes.bytes == 0) {
        return 0;
    }
    const uint8_t *at = bytes.at;
    uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    /* The range of the second byte rules out overlong forms, surrogates and too large values. */
    size_t length = 0;
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        length = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;
        high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf;
    }
    if (length == 0 || bytes.bytes < length || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool utf8_is_valid(struct slice text)
{
    size_t i = 0;
    while (i < text.bytes) {
        /* Eight ASCII bytes at a time: nearly all text is ASCII. */
        uint64_t word;
        if (text.bytes - i >= sizeof(word)) {
            memcpy(&word, text.at + i, sizeof(word));
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        size_t length = utf8_sequence(slice_from(text, i));
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

size_t utf8_length(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        count += (text.at[i] & 0xc0) != 0x80;
    }
    return count;
}
