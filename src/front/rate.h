/* SPDX-License-Identifier: Apache-2.0
 *
 * rate.h - how often a key may ask: a bucket a key, shared by all loops. */
#ifndef THRUM_FRONT_RATE_H
#define THRUM_FRONT_RATE_H

#include "base/err.h"

struct rate_limiter;

/* Buckets kept, for as many keys that are in use at once. */
#define RATE_KEYS_MAX 1000000

struct rate_options {
    uint32_t per_second; /* requests, publishes, subscriptions of one key */
    uint32_t burst;      /* so many at once */
    uint32_t keys_max;   /* buckets kept; the longest unused go */
    uint64_t seed;
};

struct rate_limiter *rate_new(const struct rate_options *options); /* NULL without memory */
void rate_free(struct rate_limiter *limiter);

/* Takes one from the bucket of that key (any hash of it). 0: taken; else nothing is, and so many ms
 * later there is one. NULL: no limit. Any thread. */
MUST_USE int64_t rate_take(struct rate_limiter *limiter, uint64_t key_hash, int64_t now_ms);

const struct rate_options *rate_options(const struct rate_limiter *limiter);

/* What is left of the bucket, for GET /rateLimits. */
uint32_t rate_left(struct rate_limiter *limiter, uint64_t key_hash, int64_t now_ms);

#endif
