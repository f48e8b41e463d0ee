/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/sse.h"

static void put_id(struct buf *out, uint64_t id)
{
    BUF_PUT_LITERAL(out, "id: ");
    buf_put_decimal_unsigned(out, id);
    buf_put_byte(out, '\n');
}

/* CR LF, LF and CR each end a line. */
static void put_data(struct buf *out, struct slice data)
{
    do {
        size_t end = 0;
        while (end < data.bytes && data.at[end] != '\n' && data.at[end] != '\r') {
            end++;
        }
        BUF_PUT_LITERAL(out, "data: ");
        buf_put(out, slice_first(data, end));
        buf_put_byte(out, '\n');
        bool is_pair = end + 1 < data.bytes && data.at[end] == '\r' && data.at[end + 1] == '\n';
        data = slice_from(data, min_size(end + 1 + is_pair, data.bytes));
    } while (data.bytes > 0);
    buf_put_byte(out, '\n');
}

void sse_write_event(struct buf *out, uint64_t id, struct slice data)
{
    if (id != 0) {
        put_id(out, id);
    }
    put_data(out, data);
}

void sse_write_typed(struct buf *out, struct slice type, struct slice data)
{
    BUF_PUT_LITERAL(out, "event: ");
    buf_put(out, type);
    buf_put_byte(out, '\n');
    put_data(out, data);
}

void sse_write_start(struct buf *out, unsigned retry_ms, uint64_t id)
{
    BUF_PUT_LITERAL(out, "retry: ");
    buf_put_decimal_unsigned(out, retry_ms);
    buf_put_byte(out, '\n');
    if (id != 0) {
        put_id(out, id);
    }
    buf_put_byte(out, '\n');
}

void sse_write_heartbeat(struct buf *out, uint64_t id)
{
    BUF_PUT_LITERAL(out, ":\n");
    if (id != 0) {
        put_id(out, id);
    }
    buf_put_byte(out, '\n');
}
