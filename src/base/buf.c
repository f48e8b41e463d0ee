/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_ROOM_FIRST 64

void buf_deinit(struct buf *buf)
{
    free(buf->at);
    *buf = (struct buf){.bytes_max = buf->bytes_max};
}

static struct err buf_fail(struct buf *buf, struct err err)
{
    buf->failed = true;
    return err;
}

void buf_wipe(struct buf *buf)
{
    if (buf->at != NULL) {
        explicit_bzero(buf->at, buf->tail);
    }
    buf_reset(buf);
}

struct err buf_reserve(struct buf *buf, size_t bytes)
{
    size_t data = buf->tail - buf->head;
    if (buf->room - buf->tail >= bytes && (buf->bytes_max == 0 || data + bytes <= buf->bytes_max)) {
        return ERR(OK);
    }
    if (bytes > SIZE_MAX / 4 || data > SIZE_MAX / 4 ||
        (buf->bytes_max != 0 && data + bytes > buf->bytes_max)) {
        return buf_fail(buf, ERR(BUF_FULL));
    }
    if (buf->room >= data + bytes && buf->head >= data) {
        /* Half or more of it is consumed: moving the data is cheaper than growing. */
        memcpy(buf->at, buf->at + buf->head, data);
        buf->head = 0;
        buf->tail = data;
        return ERR(OK);
    }
    size_t room = max_size(buf->room * 2, BUF_ROOM_FIRST);
    while (room < data + bytes) {
        room *= 2;
    }
    uint8_t *at = malloc(room);
    if (at == NULL) {
        return buf_fail(buf, ERR(NO_MEMORY));
    }
    if (data > 0) {
        memcpy(at, buf->at + buf->head, data);
    }
    free(buf->at);
    buf->at = at;
    buf->head = 0;
    buf->tail = data;
    buf->room = room;
    return ERR(OK);
}

void buf_put_grow(struct buf *buf, const void *at, size_t bytes)
{
    if (buf->failed || bytes == 0 || err_is_set(buf_reserve(buf, bytes))) {
        return;
    }
    memcpy(buf->at + buf->tail, at, bytes);
    buf->tail += bytes;
}

void buf_put_u16be(struct buf *buf, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_put_bytes(buf, bytes, sizeof(bytes));
}

void buf_put_u32be(struct buf *buf, uint32_t value)
{
    uint32_t big = __builtin_bswap32(value);
    buf_put_bytes(buf, &big, sizeof(big));
}

void buf_put_u64be(struct buf *buf, uint64_t value)
{
    uint64_t big = __builtin_bswap64(value);
    buf_put_bytes(buf, &big, sizeof(big));
}

void buf_put_varint(struct buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t count = 0;
    while (value >= 0x80) {
        bytes[count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[count++] = (uint8_t)value;
    buf_put_bytes(buf, bytes, count);
}

void buf_put_zigzag(struct buf *buf, int64_t value)
{
    buf_put_varint(buf, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void buf_put_decimal_unsigned(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buf_put_bytes(buf, digits + at, sizeof(digits) - at);
}

void buf_put_decimal(struct buf *buf, int64_t value)
{
    if (value < 0) {
        buf_put_byte(buf, '-');
    }
    buf_put_decimal_unsigned(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_put_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf writes a NUL behind the text: place is made for it, but it is not kept, and so it
     * does not count against the cap. */
    if (bytes > 0 && !buf->failed && !err_is_set(buf_reserve(buf, (size_t)bytes))) {
        size_t bytes_max = buf->bytes_max;
        buf->bytes_max = 0;
        struct err err = buf_reserve(buf, (size_t)bytes + 1);
        buf->bytes_max = bytes_max;
        if (!err_is_set(err)) {
            vsnprintf((char *)buf->at + buf->tail, (size_t)bytes + 1, format, again);
            buf->tail += (size_t)bytes;
        }
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t bytes)
{
    ASSERT(bytes <= buf->tail - buf->head);
    buf->head += bytes;
    if (buf->head == buf->tail) {
        buf->head = buf->tail = 0;
    }
}
