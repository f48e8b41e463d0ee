/* SPDX-License-Identifier: Apache-2.0
 *
 * series.h - samples of one property while they are put together: from stored operations, from the
 * journal's tail, or both.
 *
 * Samples and cuts are applied in commit order; series_settle then brings the samples into the
 * history's order and applies the rule of contract point 2: a sample that the client stamped takes
 * the place of an earlier one of its own kind with the same timestamp, all others are kept.
 *
 * A reader of the history works like this: decode what is stored, cut, append the tail's, settle.
 * That order is enough, because every operation of the tail was committed after all stored ones.
 *
 * Owned by one thread. All-zero is a valid, empty series. */
#ifndef THRUM_STORE_SERIES_H
#define THRUM_STORE_SERIES_H

#include "store/run.h"

struct series_block;

struct series {
    struct run_sample *at;
    uint32_t count;
    uint32_t room;
    uint32_t next_order;
    bool is_unordered;           /* some timestamp is below the one before it */
    bool has_ties;               /* some timestamp equals the one before it, or is_unordered */
    struct series_block *blocks; /* memory of the values that are copied in; newest first */
};

void series_deinit(struct series *series);

/* Empties it, keeps some memory. */
void series_reset(struct series *series);

/* Appends a sample. Its value is borrowed until the series is reset, or copied when <copy>.
 * ERR_NO_MEMORY. */
MUST_USE struct err series_append(struct series *series, const struct run_sample *sample,
                                  bool copy);

/* Removes the samples with from <= timestamp < to. */
void series_cut(struct series *series, int64_t from_ms, int64_t to_ms);

/* Applies stored operations (run.h). ERR_CORRUPT, ERR_NO_MEMORY. */
MUST_USE struct err series_decode(struct series *series, struct slice stored, int64_t base_ms);

/* Sorts and replaces. Afterwards each sample's `order` is its ordinal among those with the same
 * timestamp; more may be applied, and settled again. */
void series_settle(struct series *series);

/* The index of the first sample that is not before <timestamp_ms>. The series must be settled. */
uint32_t series_lower_bound(const struct series *series, int64_t timestamp_ms);

#endif
