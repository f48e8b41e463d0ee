/* SPDX-License-Identifier: Apache-2.0
 *
 * mark.h - how far a projection has come, and waiting until it has come further.
 *
 * One thread sets a mark, any thread reads it or waits for it. Setting it while nobody waits is one
 * store and one load. All-zero is a valid mark at 0. */
#ifndef THRUM_STORE_MARK_H
#define THRUM_STORE_MARK_H

#include "base/common.h"

#include <stdatomic.h>

struct mark {
    CACHE_ALIGNED _Atomic uint64_t value;
    _Atomic uint32_t waiters;
    _Atomic uint32_t turn; /* what waiters sleep on: changes at each set that finds waiters */
};

static inline uint64_t mark_get(const struct mark *mark)
{
    return atomic_load_explicit(&mark->value, memory_order_acquire);
}

/* Moves the mark to <sequence>, which is not below its value, and wakes all waiters. What the
 * setting thread wrote before is seen by whoever sees the mark. The owner only. */
void mark_set(struct mark *mark, uint64_t sequence);

/* Waits until the mark is at <sequence> or beyond; false when <timeout_ms> passed before. With a
 * time-out of 0 it only looks. */
MUST_USE bool mark_wait(struct mark *mark, uint64_t sequence, int timeout_ms);

#endif
