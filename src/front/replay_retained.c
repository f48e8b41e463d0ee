/* SPDX-License-Identifier: Apache-2.0 */
#include "front/replay_retained.h"

/* What a page holds at most, and one message more. */
#define PAGE_BYTES ((size_t)256 << 10)

struct reading {
    const struct retained_read_page *page;
    struct buf *messages;
};

static void put_counted(struct buf *out, struct slice bytes)
{
    buf_put_u32be(out, (uint32_t)bytes.bytes);
    buf_put(out, bytes);
}

static bool keep(void *arg, const struct retained_message *message)
{
    const struct reading *reading = arg;
    if (message->sequence <= reading->page->after) {
        buf_put_u64be(reading->messages, message->sequence);
        buf_put_byte(reading->messages, message->qos);
        put_counted(reading->messages, message->topic);
        put_counted(reading->messages, message->payload);
    }
    return buf_bytes(reading->messages) < PAGE_BYTES && !reading->messages->failed;
}

struct err replay_read_retained(struct reader *reader, struct retained_read_page *page,
                                struct buf *messages)
{
    struct reading reading = {page, messages};
    struct slice filter = slice_of(page->filter, page->filter_bytes);
    TRY(retained_read(store_retained(reader->store), page->account, filter, &page->place, keep,
                      &reading));
    return messages->failed ? ERR(NO_MEMORY) : ERR(OK);
}
