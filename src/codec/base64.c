/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#define BASE64_INVALID 0xff

static const char base64_alphabet[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
    'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/',
};

static uint8_t base64_value(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (uint8_t)(byte - 'A');
    }
    if (byte >= 'a' && byte <= 'z') {
        return (uint8_t)(byte - 'a' + 26);
    }
    if (byte >= '0' && byte <= '9') {
        return (uint8_t)(byte - '0' + 52);
    }
    return byte == '+' ? 62 : byte == '/' ? 63 : BASE64_INVALID;
}

size_t base64_encode(struct slice from, uint8_t *to)
{
    uint8_t *out = to;
    for (size_t i = 0; i < from.bytes; i += 3) {
        size_t count = min_size(from.bytes - i, 3);
        uint32_t word = (uint32_t)from.at[i] << 16;
        word |= count > 1 ? (uint32_t)from.at[i + 1] << 8 : 0;
        word |= count > 2 ? (uint32_t)from.at[i + 2] : 0;
        *out++ = (uint8_t)base64_alphabet[word >> 18];
        *out++ = (uint8_t)base64_alphabet[word >> 12 & 63];
        *out++ = count > 1 ? (uint8_t)base64_alphabet[word >> 6 & 63] : '=';
        *out++ = count > 2 ? (uint8_t)base64_alphabet[word & 63] : '=';
    }
    return (size_t)(out - to);
}

bool base64_decode(struct slice text, uint8_t *to, size_t room, size_t *bytes)
{
    if (text.bytes % 4 != 0) {
        return false;
    }
    size_t padding = 0;
    while (padding < 2 && padding < text.bytes && text.at[text.bytes - 1 - padding] == '=') {
        padding++;
    }
    size_t decoded = text.bytes / 4 * 3 - padding;
    if (decoded > room) {
        return false;
    }
    uint32_t word = 0;
    size_t out = 0;
    for (size_t i = 0; i < text.bytes - padding; i++) {
        uint8_t value = base64_value(text.at[i]);
        if (value == BASE64_INVALID) {
            return false;
        }
        word = word << 6 | value;
        /* After the 2nd, 3rd and 4th digit of a quantum another whole byte is known. */
        if (i % 4 != 0) {
            to[out++] = (uint8_t)(word >> (6 - 2 * (i % 4)));
        }
    }
    *bytes = out;
    return true;
}
