/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_retained.h - the retained messages that a filter matches, page by page, on a reader thread
 * (replay.h). */
#ifndef THRUM_FRONT_REPLAY_RETAINED_H
#define THRUM_FRONT_REPLAY_RETAINED_H

#include "store/readers.h"
#include "store/retained.h"

struct retained_read_page {
    uint32_t account;
    uint64_t after; /* what was retained behind this event comes live */
    struct retained_place place;
    uint16_t filter_bytes;
    uint8_t filter[TOPIC_BYTES_MAX];
};

/* Reads a page to <messages>: each the sequence number of its event (u64 big-endian), its QoS (1
 * byte), topic and payload, both behind their lengths (u32 big-endian). */
MUST_USE struct err replay_read_retained(struct reader *reader, struct retained_read_page *page,
                                         struct buf *messages);

#endif
