/* SPDX-License-Identifier: Apache-2.0
 *
 * Each bucket is one number, the time at which it will be full again ("theoretical arrival time",
 * as in ATM's generic cell rate algorithm): taking one moves it on by the time that one needs to
 * come back, and it must not lie further ahead than a burst takes. Times are in microseconds. */
#include "front/rate.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

struct bucket {
    uint64_t key_hash;
    int64_t full_us;
    struct link age; /* in limiter.age, longest unused first */
};

struct rate_limiter {
    pthread_mutex_t lock;
    struct rate_options options;
    int64_t one_us;   /* until one comes back */
    int64_t burst_us; /* until an empty bucket is full */
    struct map buckets;
    struct link age;
};

struct rate_limiter *rate_new(const struct rate_options *options)
{
    ASSERT(options->per_second > 0 && options->burst > 0 && options->keys_max > 0);
    struct rate_limiter *limiter = calloc(1, sizeof(*limiter));
    if (limiter != NULL) {
        pthread_mutex_init(&limiter->lock, NULL);
        limiter->options = *options;
        limiter->one_us = max_i64(1000000 / options->per_second, 1);
        limiter->burst_us = limiter->one_us * options->burst;
        list_init(&limiter->age);
    }
    return limiter;
}

void rate_free(struct rate_limiter *limiter)
{
    if (limiter == NULL) {
        return;
    }
    LIST_EACH (&limiter->age, link, after) {
        free(LIST_ENTRY(link, struct bucket, age));
    }
    map_deinit(&limiter->buckets);
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static bool has_hash(const void *entry, const void *key)
{
    return ((const struct bucket *)entry)->key_hash == *(const uint64_t *)key;
}

static uint64_t place_of(const struct rate_limiter *limiter, uint64_t key_hash)
{
    return hash_number(limiter->options.seed, key_hash);
}

static void remove_oldest(struct rate_limiter *limiter)
{
    struct bucket *oldest = LIST_ENTRY(limiter->age.next, struct bucket, age);
    map_remove(&limiter->buckets, place_of(limiter, oldest->key_hash), oldest);
    list_remove(&oldest->age);
    free(oldest);
}

/* The key's bucket, a full one if it has none; NULL without memory. */
static struct bucket *find_or_add(struct rate_limiter *limiter, uint64_t key_hash)
{
    uint64_t place = place_of(limiter, key_hash);
    struct bucket *bucket = map_find(&limiter->buckets, place, has_hash, &key_hash);
    if (bucket == NULL) {
        if (map_count(&limiter->buckets) >= limiter->options.keys_max) {
            remove_oldest(limiter);
        }
        bucket = calloc(1, sizeof(*bucket));
        if (bucket == NULL || err_is_set(map_insert(&limiter->buckets, place, bucket))) {
            free(bucket);
            return NULL;
        }
        bucket->key_hash = key_hash;
        list_push(&limiter->age, &bucket->age);
    } else {
        list_remove(&bucket->age);
        list_push(&limiter->age, &bucket->age);
    }
    return bucket;
}

int64_t rate_take(struct rate_limiter *limiter, uint64_t key_hash, int64_t now_ms)
{
    if (limiter == NULL) {
        return 0;
    }
    int64_t now_us = now_ms * 1000;
    int64_t wait_us = 0;
    pthread_mutex_lock(&limiter->lock);
    struct bucket *bucket = find_or_add(limiter, key_hash);
    if (bucket != NULL) {
        int64_t full_us = max_i64(bucket->full_us, now_us) + limiter->one_us;
        wait_us = full_us - now_us - limiter->burst_us;
        if (wait_us <= 0) {
            bucket->full_us = full_us;
        }
    }
    pthread_mutex_unlock(&limiter->lock);
    return wait_us > 0 ? (wait_us + 999) / 1000 : 0;
}

uint32_t rate_left(struct rate_limiter *limiter, uint64_t key_hash, int64_t now_ms)
{
    pthread_mutex_lock(&limiter->lock);
    const struct bucket *bucket =
        map_find(&limiter->buckets, place_of(limiter, key_hash), has_hash, &key_hash);
    int64_t missing_us = bucket == NULL ? 0 : max_i64(bucket->full_us - now_ms * 1000, 0);
    pthread_mutex_unlock(&limiter->lock);
    int64_t missing = (missing_us + limiter->one_us - 1) / limiter->one_us;
    return missing >= limiter->options.burst ? 0 : limiter->options.burst - (uint32_t)missing;
}

const struct rate_options *rate_options(const struct rate_limiter *limiter)
{
    return &limiter->options;
}
