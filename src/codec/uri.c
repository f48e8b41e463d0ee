/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/uri.h"

struct uri uri_split(struct slice target)
{
    size_t mark = slice_find(target, '?');
    if (mark == target.bytes) {
        return (struct uri){.path = target};
    }
    return (struct uri){
        .path = slice_first(target, mark),
        .query = slice_from(target, mark + 1),
        .has_query = true,
    };
}

/* Takes what stands before the next <separator> off <rest>, and the separator with it. */
static struct slice uri_take(struct slice *rest, uint8_t separator)
{
    size_t end = slice_find(*rest, separator);
    struct slice taken = slice_first(*rest, end);
    *rest = slice_from(*rest, min_size(end + 1, rest->bytes));
    return taken;
}

struct slice uri_path_begin(struct slice path)
{
    return path.bytes > 0 && path.at[0] == '/' ? slice_from(path, 1) : path;
}

bool uri_path_next(struct slice *rest, struct slice *segment)
{
    if (slice_is_empty(*rest)) {
        return false;
    }
    *segment = uri_take(rest, '/');
    return true;
}

bool uri_query_next(struct slice *rest, struct uri_parameter *parameter)
{
    struct slice pair = {0};
    while (slice_is_empty(pair)) {
        if (slice_is_empty(*rest)) {
            return false;
        }
        pair = uri_take(rest, '&');
    }
    size_t equals = slice_find(pair, '=');
    bool has_value = equals < pair.bytes;
    *parameter = (struct uri_parameter){
        .name = slice_first(pair, equals),
        .value = has_value ? slice_from(pair, equals + 1) : (struct slice){0},
        .has_value = has_value,
    };
    return true;
}

static bool uri_hex(uint8_t byte, uint8_t *value)
{
    if (byte >= '0' && byte <= '9') {
        *value = (uint8_t)(byte - '0');
        return true;
    }
    uint8_t lower = ascii_lower(byte);
    *value = (uint8_t)(lower - 'a' + 10);
    return lower >= 'a' && lower <= 'f';
}

bool uri_decode(struct slice text, uint8_t *to, size_t room, struct slice *decoded)
{
    size_t in = slice_find(text, '%');
    if (in == text.bytes) {
        *decoded = text;
        return true;
    }
    if (in > room) {
        return false;
    }
    memmove(to, text.at, in);
    size_t out = in;
    while (in < text.bytes) {
        uint8_t byte = text.at[in];
        size_t used = 1;
        if (byte == '%') {
            uint8_t high;
            uint8_t low;
            if (text.bytes - in < 3 || !uri_hex(text.at[in + 1], &high) ||
                !uri_hex(text.at[in + 2], &low)) {
                return false;
            }
            byte = (uint8_t)(high << 4 | low);
            used = 3;
        }
        if (out == room) {
            return false;
        }
        to[out++] = byte;
        in += used;
    }
    *decoded = slice_of(to, out);
    return true;
}

static bool uri_stays(uint8_t byte)
{
    bool is_alphanumeric =
        (byte >= '0' && byte <= '9') || (ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z');
    return is_alphanumeric || (byte != 0 && memchr("-_.!~*'()", byte, 9) != NULL);
}

void uri_put_encoded(struct buf *buf, struct slice text)
{
    static const char digits[16] = {'0', '1', '2', '3', '4', '5', '6', '7',
                                    '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};
    size_t i = 0;
    while (i < text.bytes) {
        size_t start = i;
        while (i < text.bytes && uri_stays(text.at[i])) {
            i++;
        }
        if (i > start) {
            buf_put_bytes(buf, text.at + start, i - start);
        }
        if (i < text.bytes) {
            char escape[3] = {'%', digits[text.at[i] >> 4], digits[text.at[i] & 15]};
            buf_put_bytes(buf, escape, sizeof(escape));
            i++;
        }
    }
}
