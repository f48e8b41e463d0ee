/* SPDX-License-Identifier: Apache-2.0
 *
 * history.h - samples of a property over time, read one way only: what has been rolled up into
 * runs, then what the journal still holds, deletions included, as of one moment.
 *
 * Order: by timestamp, and among equal timestamps by commit. A client-stamped sample that replaces
 * an earlier one (contract point 2) takes its place. So a sample's position (timestamp, ordinal
 * among those with equal timestamps) is stable while others are added, and pages neither repeat nor
 * skip. */
#ifndef THRUM_STORE_HISTORY_H
#define THRUM_STORE_HISTORY_H

#include "base/buf.h"
#include "model/event.h"

struct history;

struct sample {
    int64_t timestamp_ms;
    int64_t created_ms; /* the commit time of its group */
    uint32_t ordinal;   /* among samples with the same timestamp, by commit, from 0 */
    bool client_stamped;
    struct slice value; /* JSON text as it came */
};

struct history_position {
    int64_t timestamp_ms;
    uint32_t ordinal;
};

struct history_query {
    uint32_t property;
    int64_t from_ms; /* both ends belong to it; 0 and INT64_MAX for all */
    int64_t to_ms;
    int64_t created_max_ms; /* only samples committed then or before; 0: all */
    bool ascending;
    bool has_after; /* only samples behind <after>, in the query's order */
    struct history_position after;
    uint32_t limit;      /* 1 or more */
    size_t bytes_max;    /* no more once the values have as many bytes; 0: no such bound */
    bool without_values; /* when only times and ordinals are asked for; values are empty */
};

/* Answers of history_read; zero it before first use, samples_deinit at the end. */
struct samples {
    struct sample *at;
    uint32_t count;
    uint32_t room;
    bool more; /* the limit, or the bound of bytes, cut it off */
    struct buf values;
};

void samples_deinit(struct samples *samples);

/* Fills <samples>, replacing what it held. Sees every group up to the one the tail has reached
 * (store_wait first, to read one's own writes). ERR_IO also while the store could not be opened
 * again (store_reopen). Any thread. */
MUST_USE struct err history_read(struct history *history, const struct history_query *query,
                                 struct samples *samples);

/* The newest sample, by history's order: ERR_OK with *found, its value copied to <value> (reset
 * first), or *found false. Its ordinal is not told. Any thread. Faster than history_read: memory
 * first. */
MUST_USE struct err history_latest(struct history *history, uint32_t property,
                                   struct sample *sample, struct buf *value, bool *found);

#endif
