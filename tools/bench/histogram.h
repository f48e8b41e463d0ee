/* SPDX-License-Identifier: Apache-2.0
 *
 * histogram.h - counts of durations in buckets that grow with the value.
 *
 * 32 buckets for each power of two, so a reported percentile is at most 1/32 above the true one,
 * over the whole range of a uint64_t. Recording is a shift and an increment; nothing is allocated.
 * All-zero is an empty histogram. One thread at a time. */
#ifndef THRUM_BENCH_HISTOGRAM_H
#define THRUM_BENCH_HISTOGRAM_H

#include "base/common.h"

#define HISTOGRAM_STEP_BITS 5
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_STEPS) {
        return (unsigned)value;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift & (HISTOGRAM_STEPS - 1));
}

/* The greatest value that falls into <bucket>. */
static inline uint64_t histogram_bucket_top(unsigned bucket)
{
    if (bucket < HISTOGRAM_STEPS) {
        return bucket;
    }
    unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t low = (uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS) << shift;
    return low + ((uint64_t)1 << shift) - 1;
}

static inline void histogram_record(struct histogram *h, uint64_t value)
{
    h->count++;
    h->max = value > h->max ? value : h->max;
    h->buckets[histogram_bucket(value)]++;
}

static inline void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->max = from->max > into->max ? from->max : into->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

/* The value below or at which <share> (0 to 1) of the recorded values lie; 0 when there are none.
 */
static inline uint64_t histogram_percentile(const struct histogram *h, double share)
{
    double wanted = share * (double)h->count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->count != 0; i++) {
        seen += h->buckets[i];
        if (seen != 0 && (double)seen >= wanted) {
            uint64_t top = histogram_bucket_top(i);
            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}

#endif
