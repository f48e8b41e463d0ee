/* SPDX-License-Identifier: Apache-2.0
 *
 * buf.h - owned bytes that grow up to a cap.
 *
 *      at          head              tail              room
 *      |  consumed  |      data       |      free       |
 *
 * Writers append at the tail, readers consume at the head. A write that does not fit (the cap, or
 * no memory) marks the buffer failed and writes nothing; further writes are ignored. So an encoder
 * is a straight column of puts with one look at `failed` at its end. All-zero is a valid, empty
 * buffer with no cap; nothing is allocated before the first byte. */
#ifndef THRUM_BASE_BUF_H
#define THRUM_BASE_BUF_H

#include "base/common.h"
#include "base/err.h"
#include "base/slice.h"

struct buf {
    uint8_t *at;
    size_t head;
    size_t tail;
    size_t room;      /* allocated bytes */
    size_t bytes_max; /* data bytes it may hold; 0 is no cap */
    bool failed;
};

/* Frees the bytes and leaves the buffer empty and usable, with its cap. */
void buf_deinit(struct buf *buf);

/* Empties the buffer, keeps its memory, clears `failed`. */
static inline void buf_reset(struct buf *buf)
{
    buf->head = buf->tail = 0;
    buf->failed = false;
}

/* The same, and overwrites what was in it: for secrets. */
void buf_wipe(struct buf *buf);

/* Makes place for <bytes> more. ERR_OK, or ERR_BUF_FULL / ERR_NO_MEMORY with `failed` set. */
MUST_USE struct err buf_reserve(struct buf *buf, size_t bytes);

/* Appends. The source must not lie in the buffer itself. */
void buf_put_grow(struct buf *buf, const void *at, size_t bytes);

static inline void buf_put_bytes(struct buf *buf, const void *at, size_t bytes)
{
    if (LIKELY(bytes != 0 && buf->room - buf->tail >= bytes && !buf->failed &&
               (buf->bytes_max == 0 || buf->tail - buf->head + bytes <= buf->bytes_max))) {
        memcpy(buf->at + buf->tail, at, bytes);
        buf->tail += bytes;
        return;
    }
    buf_put_grow(buf, at, bytes);
}

static inline void buf_put(struct buf *buf, struct slice bytes)
{
    buf_put_bytes(buf, bytes.at, bytes.bytes);
}

static inline void buf_put_byte(struct buf *buf, uint8_t byte)
{
    buf_put_bytes(buf, &byte, 1);
}

#define BUF_PUT_LITERAL(buf, literal) buf_put_bytes((buf), "" literal, sizeof(literal) - 1)

void buf_put_u16be(struct buf *buf, uint16_t value);
void buf_put_u32be(struct buf *buf, uint32_t value);
void buf_put_u64be(struct buf *buf, uint64_t value);

/* LEB128, seven bits a byte, low first; and the zigzag form for signed numbers. */
void buf_put_varint(struct buf *buf, uint64_t value);
void buf_put_zigzag(struct buf *buf, int64_t value);

/* The number in decimal. */
void buf_put_decimal(struct buf *buf, int64_t value);
void buf_put_decimal_unsigned(struct buf *buf, uint64_t value);

void buf_put_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Drops <bytes> of data at the head, which must be there. */
void buf_consume(struct buf *buf, size_t bytes);

/* The data: lives until the next call that changes the buffer. */
static inline struct slice buf_data(const struct buf *buf)
{
    return slice_of(buf->at ? buf->at + buf->head : NULL, buf->tail - buf->head);
}

static inline size_t buf_bytes(const struct buf *buf)
{
    return buf->tail - buf->head;
}

#endif
