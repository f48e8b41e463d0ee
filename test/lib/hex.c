/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hex.h"

#include <stdio.h>
#include <stdlib.h>

static _Noreturn void die(const char *text, const char *at)
{
    fprintf(stderr, "hex: cannot read \"%s\" at \"%s\"\n", text, at);
    abort();
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)ascii_lower((uint8_t)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One pair of digits or one quoted text, without its quotes; <at> moves behind it. */
static struct slice read_item(const char *text, const char **at, uint8_t *pair)
{
    if (**at == '\'') {
        const char *start = *at + 1;
        const char *end = strchr(start, '\'');
        if (end == NULL) {
            die(text, *at);
        }
        *at = end + 1;
        return slice_of(start, (size_t)(end - start));
    }
    int high = digit((*at)[0]);
    int low = high < 0 ? -1 : digit((*at)[1]);
    if (low < 0) {
        die(text, *at);
    }
    *pair = (uint8_t)(high << 4 | low);
    *at += 2;
    return slice_of(pair, 1);
}

size_t hex_read(const char *text, uint8_t *out, size_t room)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        if (*at == ' ') {
            at++;
            continue;
        }
        uint8_t pair = 0;
        const char *item_at = at;
        struct slice item = read_item(text, &at, &pair);
        size_t times = 1;
        if (*at == '*') {
            char *end;
            times = strtoul(at + 1, &end, 10);
            at = end;
        }
        while (times-- > 0) {
            if (room - count < item.bytes) {
                die(text, item_at);
            }
            memcpy(out + count, item.at, item.bytes);
            count += item.bytes;
        }
    }
    return count;
}
