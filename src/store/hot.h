/* SPDX-License-Identifier: Apache-2.0
 *
 * hot.h - a bounded table of the newest samples of properties that are asked for, as of the
 * history's mark: what the journal's tail adds to them is in the tail (tail.h).
 *
 * Readers fill it with what they found in the store; the roll-up keeps it true. Between the two
 * lies the mark: an answer may only go in while the history still stands where the reader saw it.
 * So the roll-up first moves the table's mark, then brings each property up to date, and a reader's
 * answer with an older mark is no longer taken. A property that is brought up to date twice does
 * not change.
 *
 * Any thread; a lock for each of a number of shards. The property used longest ago goes first. */
#ifndef THRUM_STORE_HOT_H
#define THRUM_STORE_HOT_H

#include "base/buf.h"
#include "base/err.h"
#include "store/run.h"

struct hot;

/* Values beyond this size are not kept. */
#define HOT_VALUE_BYTES_MAX 1024

/* ERR_NO_MEMORY. */
MUST_USE struct err hot_new(size_t bytes_max, uint64_t mark, struct hot **hot);
void hot_free(struct hot *hot);

enum hot_found {
    HOT_ABSENT, /* the table does not know */
    HOT_EMPTY,  /* the property has no samples */
    HOT_SAMPLE,
};

/* What the table knows; with HOT_SAMPLE the value is appended to <value>, and *sample points there.
 * It is true for the history at *mark, or, while a roll-up goes through the table, at the mark
 * before. */
enum hot_found hot_find(struct hot *hot, uint32_t property, struct run_sample *sample,
                        struct buf *value, uint64_t *mark);

/* Offers what a reader found in the history at <mark>; NULL: that there is no sample. Taken or not:
 * the table promises nothing. */
void hot_offer(struct hot *hot, uint32_t property, uint64_t mark, const struct run_sample *sample);

/* ---- the roll-up's thread only ---- */

void hot_set_mark(struct hot *hot, uint64_t mark);

/* What a rolled-up stretch did to the newest sample. */
enum hot_change {
    HOT_LATER,   /* <sample> was added */
    HOT_REPLACE, /* <sample>, or nothing when it is NULL, is all there is */
    HOT_FORGET,  /* cannot be told */
};

void hot_apply(struct hot *hot, uint32_t property, enum hot_change change,
               const struct run_sample *sample);

#endif
