/* SPDX-License-Identifier: Apache-2.0
 *
 * http1_chunked.c - bodies in chunks (RFC 9112 7.1), read a byte at a time but for the content.
 *
 *     SIZE -> SIZE_MORE -> [SPACE] -> [EXTENSION] -> SIZE_LF
 *     SIZE_LF -> CONTENT -> CONTENT_CR -> CONTENT_LF -> SIZE           a chunk
 *     SIZE_LF -> TRAILER_START                                         the last one, of size 0
 *     TRAILER_START -> NAME -> VALUE -> TRAILER_LF -> TRAILER_START    a trailer field
 *     TRAILER_START -> TRAILER_END_LF -> done
 *
 * Lines end in CRLF and nothing else: readers that differ on a bare LF in an extension are how
 * requests are smuggled past proxies. */
#include "codec/http1.h"

/* Sizes of more hex digits are refused: no 64-bit number needs them. */
#define DIGIT_COUNT_MAX 16

static const struct err chunk_ok = {ERR_OK};
static const struct err chunk_bad = {ERR_HTTP_MALFORMED};

static int http1_hex(uint8_t byte)
{
    uint8_t lower = ascii_lower(byte);
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static struct err http1_read_size_digit(struct http1_chunked *c, uint8_t byte)
{
    int digit = http1_hex(byte);
    if (digit < 0 || c->digit_count == DIGIT_COUNT_MAX) {
        return chunk_bad;
    }
    c->digit_count++;
    c->chunk_left = c->chunk_left << 4 | (uint64_t)digit;
    c->stage = HTTP1_CHUNK_SIZE_MORE;
    return chunk_ok;
}

/* Behind the digits: the line's end, or white space and an extension. */
static struct err http1_read_size_more(struct http1_chunked *c, uint8_t byte)
{
    switch (byte) {
    case '\r':
        c->stage = HTTP1_CHUNK_SIZE_LF;
        return chunk_ok;
    case ';':
        c->stage = HTTP1_CHUNK_EXTENSION;
        return chunk_ok;
    case ' ':
    case '\t':
        c->stage = HTTP1_CHUNK_SPACE;
        return chunk_ok;
    default:
        return http1_read_size_digit(c, byte);
    }
}

static struct err http1_read_extension(struct http1_chunked *c, uint8_t byte)
{
    if (byte == '\r' && c->stage == HTTP1_CHUNK_EXTENSION) {
        c->stage = HTTP1_CHUNK_SIZE_LF;
        return chunk_ok;
    }
    if (++c->extension_bytes > HTTP1_EXTENSION_BYTES_MAX) {
        return ERR(HEADER_TOO_LARGE);
    }
    if (c->stage == HTTP1_CHUNK_SPACE) {
        c->stage = byte == ';' ? HTTP1_CHUNK_EXTENSION : HTTP1_CHUNK_SPACE;
        return byte == ';' || byte == ' ' || byte == '\t' ? chunk_ok : chunk_bad;
    }
    return http1_classes[byte] & HTTP1_IS_VALUE ? chunk_ok : chunk_bad;
}

/* A size line is complete: judges what the chunk announces. */
static struct err http1_end_size(struct http1_chunked *c, const struct http1_limits *limits)
{
    c->digit_count = 0;
    if (c->chunk_left > limits->body_bytes_max - c->body_bytes) {
        return ERR(BODY_TOO_LARGE);
    }
    c->body_bytes += c->chunk_left;
    c->stage = c->chunk_left > 0 ? HTTP1_CHUNK_CONTENT : HTTP1_TRAILER_START;
    return chunk_ok;
}

static struct err http1_expect(struct http1_chunked *c, uint8_t byte, uint8_t wanted,
                               enum http1_chunked_stage next)
{
    c->stage = next;
    return byte == wanted ? chunk_ok : chunk_bad;
}

/* A byte of the trailer section; its fields obey the rules of the header's. */
static struct err http1_read_trailer(struct http1_chunked *c, uint8_t byte,
                                     const struct http1_limits *limits)
{
    if (++c->trailer_bytes > limits->header_bytes_max) {
        return ERR(HEADER_TOO_LARGE);
    }
    switch (c->stage) {
    case HTTP1_TRAILER_START:
        if (byte == '\r') {
            c->stage = HTTP1_TRAILER_END_LF;
            return chunk_ok;
        }
        c->stage = HTTP1_TRAILER_NAME;
        if (++c->trailer_count > limits->field_count_max) {
            return ERR(HEADER_TOO_LARGE);
        }
        return http1_classes[byte] & HTTP1_IS_TOKEN ? chunk_ok : chunk_bad;
    case HTTP1_TRAILER_NAME:
        if (byte == ':') {
            c->stage = HTTP1_TRAILER_VALUE;
            return chunk_ok;
        }
        return http1_classes[byte] & HTTP1_IS_TOKEN ? chunk_ok : chunk_bad;
    case HTTP1_TRAILER_VALUE:
        if (byte == '\r') {
            c->stage = HTTP1_TRAILER_LF;
            return chunk_ok;
        }
        return http1_classes[byte] & HTTP1_IS_VALUE ? chunk_ok : chunk_bad;
    default:
        return http1_expect(c, byte, '\n', HTTP1_TRAILER_START);
    }
}

/* One byte in any stage but CONTENT and TRAILER_END_LF. */
static struct err http1_chunked_step(struct http1_chunked *c, uint8_t byte,
                                     const struct http1_limits *limits)
{
    switch (c->stage) {
    case HTTP1_CHUNK_SIZE:
        return http1_read_size_digit(c, byte);
    case HTTP1_CHUNK_SIZE_MORE:
        return http1_read_size_more(c, byte);
    case HTTP1_CHUNK_SPACE:
    case HTTP1_CHUNK_EXTENSION:
        return http1_read_extension(c, byte);
    case HTTP1_CHUNK_SIZE_LF:
        return byte == '\n' ? http1_end_size(c, limits) : chunk_bad;
    case HTTP1_CHUNK_CONTENT_CR:
        return http1_expect(c, byte, '\r', HTTP1_CHUNK_CONTENT_LF);
    case HTTP1_CHUNK_CONTENT_LF:
        return http1_expect(c, byte, '\n', HTTP1_CHUNK_SIZE);
    default:
        return http1_read_trailer(c, byte, limits);
    }
}

/* Takes the content that is there. A buffer with a cap of its own limits the body as well. */
static struct err http1_take_content(struct http1_chunked *c, struct slice input, size_t *used,
                                     struct buf *body)
{
    size_t there = input.bytes - *used;
    size_t bytes = c->chunk_left < there ? (size_t)c->chunk_left : there;
    TRY(buf_reserve(body, bytes));
    buf_put_bytes(body, input.at + *used, bytes);
    *used += bytes;
    c->chunk_left -= bytes;
    c->stage = c->chunk_left > 0 ? HTTP1_CHUNK_CONTENT : HTTP1_CHUNK_CONTENT_CR;
    return chunk_ok;
}

enum decode http1_read_chunked(struct slice input, const struct http1_limits *limits,
                               struct http1_chunked *chunked, struct buf *body, size_t *used,
                               struct err *err)
{
    *used = 0;
    *err = ERR(OK);
    while (*used < input.bytes && !err_is_set(*err)) {
        if (chunked->stage == HTTP1_CHUNK_CONTENT) {
            *err = http1_take_content(chunked, input, used, body);
            continue;
        }
        uint8_t byte = input.at[(*used)++];
        if (chunked->stage == HTTP1_TRAILER_END_LF) {
            *chunked = (struct http1_chunked){0};
            *err = byte == '\n' ? ERR(OK) : chunk_bad;
            return byte == '\n' ? DECODE_DONE : DECODE_BAD;
        }
        *err = http1_chunked_step(chunked, byte, limits);
    }
    return err_is_set(*err) ? DECODE_BAD : DECODE_MORE;
}
