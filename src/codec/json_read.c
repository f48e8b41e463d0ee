/* SPDX-License-Identifier: Apache-2.0
 *
 * json_read.c - walking over text that the scanner has accepted.
 *
 * Nothing is checked twice, but every walk has an end it does not pass. */
#include "codec/json.h"

#include "base/assert.h"
#include "codec/json_run.h"

/* ---------------------------------------------------------------- arrays and objects */

static const uint8_t *skip_space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at <= ' ') {
        at++;
    }
    return at;
}

/* <at> is behind the opening quote; gives the place of the closing one. */
static const uint8_t *find_quote(const uint8_t *at, const uint8_t *end, bool *has_escapes)
{
    *has_escapes = false;
    for (;;) {
        at = json_run(at, end, false);
        ASSERT(at < end);
        if (LIKELY(*at == '"')) {
            return at;
        }
        *has_escapes = true;
        at += 2;
    }
}

/* <at> is behind the opening bracket; gives the place behind its closing one. */
static const uint8_t *skip_nested(const uint8_t *at, const uint8_t *end)
{
    bool has_escapes;
    for (size_t depth = 1; depth > 0; at++) {
        ASSERT(at < end);
        switch (*at) {
        case '"':
            at = find_quote(at + 1, end, &has_escapes);
            break;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            depth--;
            break;
        default:
            break;
        }
    }
    return at;
}

/* Takes the value that begins at <at>; gives the place behind it. */
static const uint8_t *take_value(const uint8_t *at, const uint8_t *end, struct json_value *value)
{
    const uint8_t *first = at;
    bool has_escapes;
    ASSERT(at < end);
    value->type = json_type_of(*at);
    switch (value->type) {
    case JSON_STRING:
        at = find_quote(at + 1, end, &has_escapes) + 1;
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        at = skip_nested(at + 1, end);
        break;
    default:
        /* A number or a word ends where a comma, a bracket or white space begins. */
        while (at<end && * at> ' ' && *at != ',' && *at != ']' && *at != '}') {
            at++;
        }
        break;
    }
    value->text = slice_of(first, (size_t)(at - first));
    return at;
}

struct json_each json_each(struct json_value value)
{
    ASSERT(value.type == JSON_ARRAY || value.type == JSON_OBJECT);
    return (struct json_each){.at = value.text.at + 1, .end = value.text.at + value.text.bytes};
}

/* Steps over the comma, if any, to what comes next; false at the closing bracket. */
static bool step(struct json_each *each)
{
    each->at = skip_space(each->at, each->end);
    ASSERT(each->at < each->end);
    if (*each->at == ',') {
        each->at = skip_space(each->at + 1, each->end);
    }
    return *each->at != ']' && *each->at != '}';
}

bool json_array_next(struct json_each *each, struct json_value *item)
{
    if (!step(each)) {
        return false;
    }
    each->at = take_value(each->at, each->end, item);
    return true;
}

bool json_object_next(struct json_each *each, struct json_member *member)
{
    if (!step(each)) {
        return false;
    }
    const uint8_t *first = each->at + 1;
    const uint8_t *quote = find_quote(first, each->end, &member->has_escapes);
    member->name = slice_of(first, (size_t)(quote - first));
    const uint8_t *colon = skip_space(quote + 1, each->end);
    ASSERT(colon < each->end && *colon == ':');
    each->at = take_value(skip_space(colon + 1, each->end), each->end, &member->value);
    return true;
}

size_t json_count(struct json_value value)
{
    struct json_each each = json_each(value);
    size_t count = 0;
    if (value.type == JSON_ARRAY) {
        struct json_value item;
        while (json_array_next(&each, &item)) {
            count++;
        }
    } else {
        struct json_member member;
        while (json_object_next(&each, &member)) {
            count++;
        }
    }
    return count;
}

bool json_member_is(const struct json_member *member, struct slice name)
{
    return member->has_escapes ? json_raw_equals(member->name, name)
                               : slice_equal(member->name, name);
}

struct json_value json_member(struct json_value object, struct slice name)
{
    if (object.type == JSON_OBJECT) {
        struct json_each each = json_each(object);
        struct json_member member;
        while (json_object_next(&each, &member)) {
            if (json_member_is(&member, name)) {
                return member.value;
            }
        }
    }
    return (struct json_value){.type = JSON_NONE};
}

/* ---------------------------------------------------------------- texts */

static uint32_t hex_value(const uint8_t *at)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t low = at[i] | 0x20;
        value = value * 16 + (uint32_t)(low >= 'a' ? low - 'a' + 10 : low - '0');
    }
    return value;
}

/* Writes <code> as UTF-8; gives the number of bytes. */
static size_t put_utf8(uint32_t code, uint8_t *to)
{
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (uint8_t)(leads[more] | code >> (6 * more));
    for (size_t i = 1; i <= more; i++) {
        to[i] = (uint8_t)(0x80 | (code >> (6 * (more - i)) & 0x3f));
    }
    return more + 1;
}

/* Decodes the escape that <raw> begins with into <to>, at most 4 bytes; takes it off <raw>. */
static size_t take_escape(struct slice *raw, uint8_t *to)
{
    ASSERT(raw->bytes >= 2 && raw->at[0] == '\\');
    uint8_t kind = raw->at[1];
    if (kind != 'u') {
        static const char from[] = "bfnrt";
        static const char into[] = "\b\f\n\r\t";
        const char *found = memchr(from, kind, sizeof(from) - 1);
        to[0] = found ? (uint8_t)into[found - from] : kind;
        *raw = slice_from(*raw, 2);
        return 1;
    }
    ASSERT(raw->bytes >= 6);
    uint32_t code = hex_value(raw->at + 2);
    *raw = slice_from(*raw, 6);
    if (code >= 0xd800 && code <= 0xdbff) {
        ASSERT(raw->bytes >= 6);
        code = 0x10000 + ((code - 0xd800) << 10) + (hex_value(raw->at + 2) - 0xdc00);
        *raw = slice_from(*raw, 6);
    }
    return put_utf8(code, to);
}

/* A decoding reader: bytes of a raw text, one after the other, escapes resolved. */
struct decoder {
    struct slice raw;
    uint8_t held[4]; /* what an escape became */
    size_t held_bytes;
    size_t held_next;
};

/* The next decoded byte, -1 at the end. */
static int decoder_next(struct decoder *decoder)
{
    if (decoder->held_next < decoder->held_bytes) {
        return decoder->held[decoder->held_next++];
    }
    if (decoder->raw.bytes == 0) {
        return -1;
    }
    if (decoder->raw.at[0] == '\\') {
        decoder->held_bytes = take_escape(&decoder->raw, decoder->held);
        decoder->held_next = 1;
        return decoder->held[0];
    }
    uint8_t byte = decoder->raw.at[0];
    decoder->raw = slice_from(decoder->raw, 1);
    return byte;
}

struct slice json_string_raw(struct json_value string)
{
    ASSERT(string.type == JSON_STRING && string.text.bytes >= 2);
    return slice_of(string.text.at + 1, string.text.bytes - 2);
}

bool json_raw_has_escapes(struct slice raw)
{
    return slice_find(raw, '\\') != raw.bytes;
}

size_t json_raw_decode(struct slice raw, uint8_t *to)
{
    size_t bytes = 0;
    while (raw.bytes > 0) {
        size_t plain = slice_find(raw, '\\');
        memcpy(to + bytes, raw.at, plain);
        bytes += plain;
        raw = slice_from(raw, plain);
        if (raw.bytes > 0) {
            bytes += take_escape(&raw, to + bytes);
        }
    }
    return bytes;
}

bool json_raw_equals(struct slice raw, struct slice text)
{
    struct decoder decoder = {.raw = raw};
    for (size_t i = 0; i < text.bytes; i++) {
        if (decoder_next(&decoder) != text.at[i]) {
            return false;
        }
    }
    return decoder_next(&decoder) == -1;
}

int json_raw_compare(struct slice a, struct slice b)
{
    struct decoder decoder_a = {.raw = a};
    struct decoder decoder_b = {.raw = b};
    for (;;) {
        int byte_a = decoder_next(&decoder_a);
        int byte_b = decoder_next(&decoder_b);
        if (byte_a != byte_b) {
            return byte_a < byte_b ? -1 : 1;
        }
        if (byte_a == -1) {
            return 0;
        }
    }
}

void json_string_decode(struct json_value string, struct buf *out)
{
    struct slice raw = json_string_raw(string);
    while (raw.bytes > 0) {
        size_t plain = slice_find(raw, '\\');
        buf_put(out, slice_first(raw, plain));
        raw = slice_from(raw, plain);
        if (raw.bytes > 0) {
            uint8_t decoded[4];
            buf_put_bytes(out, decoded, take_escape(&raw, decoded));
        }
    }
}

bool json_string_equals(struct json_value value, struct slice text)
{
    return value.type == JSON_STRING && json_raw_equals(json_string_raw(value), text);
}
