/* SPDX-License-Identifier: Apache-2.0
 *
 * tail.h - the part of the journal that is not yet in the history's runs, in memory, by property.
 *
 * Two generations, like the memory tables of a log-structured store: the active one takes what is
 * committed, the frozen one is being rolled up. A roll-up always takes a whole generation, so the
 * history's mark (the sequence number up to which it has come) never lies inside of one.
 *
 *      history (RocksDB)   | frozen generation      | active generation           | ring
 *      ... 4,000,000       | 4,000,001 .. 4,400,000 | 4,400,001 .. 4,512,307      | ...
 *                        mark                                                tail's mark
 *
 * A generation is an arena into which records are only ever appended, and a radix tree over
 * property numbers. Each property has the head of a chain of records, newest first; numbers are
 * dense, and a walk over the tree is in their order, which is the order a roll-up needs. Adding a
 * point is one random cache line, fetched ahead; the record goes to the arena's end.
 *
 *      tree --property--> { head, latest } --> record --previous--> record --previous--> ...
 *
 * Threads: one writes (tail_add, tail_freeze). Any thread reads without waiting for it: records do
 * not change once their head is published, and a pinned generation is not freed. One thread rolls
 * up (tail_drop_frozen). */
#ifndef THRUM_STORE_TAIL_H
#define THRUM_STORE_TAIL_H

#include "base/err.h"
#include "model/event.h"
#include "store/series.h"

#include <stdatomic.h>

struct tail;
struct generation;

/* What a generation holds at most; the writer freezes it well before. */
#define GENERATION_BYTES_MAX ((size_t)7 << 30)

/* An empty tail, whose first group will be the one behind <sequence>. ERR_NO_MEMORY. */
MUST_USE struct err tail_new(uint64_t sequence, struct tail **tail);
void tail_free(struct tail *tail);

/* ---- the writer ---- */

/* Takes up a group, which follows the last one. All or nothing: ERR_NO_MEMORY, ERR_BUSY when the
 * active generation is full and must be frozen first. */
MUST_USE struct err tail_add(struct tail *tail, const struct group *group);

/* Makes the active generation the frozen one; there must be none, and the active one not be empty.
 * ERR_NO_MEMORY. */
MUST_USE struct err tail_freeze(struct tail *tail);

/* ---- any thread ---- */

/* Bytes of records in both generations; in the active one. The tree over property numbers comes on
 * top: 16 bytes for each property that has any, up to 4 KiB when its neighbours have none. */
size_t tail_bytes(struct tail *tail);
size_t tail_active_bytes(struct tail *tail);

/* The last sequence number taken up. */
uint64_t tail_last(const struct tail *tail);

bool tail_has_frozen(struct tail *tail);

/* ---- readers ---- */

/* The generations of one moment; either may be missing (NULL). */
struct tail_view {
    struct generation *frozen;
    struct generation *active;
};

/* Pins both. tail_unpin lets go. */
void tail_pin(struct tail *tail, struct tail_view *view);
void tail_unpin(struct tail_view *view);

/* The sequence numbers of its first and last group. */
uint64_t generation_first(const struct generation *generation);
uint64_t generation_last(const struct generation *generation);

/* What a stretch of the journal does to one property: first the cuts hit what was there before,
 * then the samples come, which have already been cut by later ones. */
struct tail_cut {
    int64_t from_ms; /* 0 .. */
    int64_t to_ms;   /* RUN_TIMESTAMP_MAX + 1 at most: no end */
};

struct tail_change {
    struct series samples; /* settled; the values lie in the generations */
    struct tail_cut *cuts;
    uint32_t cut_count;
    uint32_t cut_room;
    const void **records; /* scratch */
    uint32_t record_room;
};

void tail_change_deinit(struct tail_change *change);
void tail_change_reset(struct tail_change *change);

/* Adds what <generation> has of <property> between the two times (both included), as of the last
 * complete group. Older generations first. The caller then settles change->samples. ERR_NO_MEMORY.
 */
MUST_USE struct err generation_collect(const struct generation *generation, uint32_t property,
                                       int64_t from_ms, int64_t to_ms, struct tail_change *change);

/* The lowest property number from <property> on of which the generation has records, or 0. */
uint32_t generation_next_property(const struct generation *generation, uint32_t property);

/* What a generation knows about the newest sample. */
enum tail_latest {
    TAIL_NOTHING, /* the generation has no samples of it, and no cuts */
    TAIL_SAMPLE,  /* the newest of the generation's; older stretches may have a newer one */
    TAIL_WHOLE,   /* older stretches do not matter: *found says whether there is a sample at all */
    TAIL_UNKNOWN, /* it takes a look at all samples */
};

/* The value of <sample> lives while the generation is pinned. */
enum tail_latest generation_latest(const struct generation *generation, uint32_t property,
                                   struct run_sample *sample, bool *found);

/* True when <later>, a sample committed after <earlier>, takes its place as the newest one;
 * *is_known is false when that cannot be told from the two. */
bool sample_supersedes(const struct run_sample *later, const struct run_sample *earlier,
                       bool *is_known);

/* ---- the roll-up ---- */

/* Forgets the frozen generation; memory goes with its last reader. */
void tail_drop_frozen(struct tail *tail);

#endif
