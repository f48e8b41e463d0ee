/* SPDX-License-Identifier: Apache-2.0 */
#include "front/login_limit.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#define HOST_BYTES_MAX 16
#define FIRST_DELAY_MS 1000
/* After so long without one, failures are forgotten. */
#define QUIET_MS (INT64_C(3600) * 1000)

struct login_failures {
    struct link by_age; /* in limit.by_age */
    uint64_t hash;
    uint32_t count;
    uint64_t user;   /* for whom it has failed, */
    bool is_mixed;   /* and for others too */
    int64_t last_ms; /* the last failure */
    int64_t free_ms; /* it may try again from then on */
    size_t host_bytes;
    uint8_t host[HOST_BYTES_MAX];
};

struct login_limit {
    pthread_mutex_t lock;
    struct map failures;
    struct link by_age; /* that which has failed last is the last */
    uint32_t free_failures;
    int64_t delay_max_ms;
    uint64_t hash_seed;
};

struct login_limit *login_limit_new(uint32_t free_failures, int64_t delay_max_ms, uint64_t seed)
{
    ASSERT(free_failures > 0 && delay_max_ms >= 0);
    struct login_limit *limit = calloc(1, sizeof(*limit));
    if (limit != NULL) {
        pthread_mutex_init(&limit->lock, NULL);
        list_init(&limit->by_age);
        limit->free_failures = free_failures;
        limit->delay_max_ms = delay_max_ms;
        limit->hash_seed = seed;
    }
    return limit;
}

static void forget(struct login_limit *limit, struct login_failures *failures)
{
    map_remove(&limit->failures, failures->hash, failures);
    list_remove(&failures->by_age);
    free(failures);
}

void login_limit_free(struct login_limit *limit)
{
    if (limit == NULL) {
        return;
    }
    while (!list_is_empty(&limit->by_age)) {
        forget(limit, LIST_ENTRY(limit->by_age.next, struct login_failures, by_age));
    }
    map_deinit(&limit->failures);
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static bool has_host(const void *entry, const void *key)
{
    const struct login_failures *failures = entry;
    const struct slice *host = key;
    return slice_equal(slice_of(failures->host, failures->host_bytes), *host);
}

static struct login_failures *find(struct login_limit *limit, struct slice host)
{
    return map_find(&limit->failures, hash_bytes(limit->hash_seed, host), has_host, &host);
}

/* NULL without memory: who fails then is not slowed. */
static struct login_failures *add(struct login_limit *limit, struct slice host)
{
    if (map_count(&limit->failures) >= LOGIN_LIMIT_ADDRESSES_MAX) {
        forget(limit, LIST_ENTRY(limit->by_age.next, struct login_failures, by_age));
    }
    struct login_failures *failures = calloc(1, sizeof(*failures));
    if (failures == NULL) {
        return NULL;
    }
    ASSERT(host.bytes <= sizeof(failures->host));
    memcpy(failures->host, host.at, host.bytes);
    failures->host_bytes = host.bytes;
    failures->hash = hash_bytes(limit->hash_seed, host);
    if (err_is_set(map_insert(&limit->failures, failures->hash, failures))) {
        free(failures);
        return NULL;
    }
    return failures;
}

/* What the failure number <count> costs. */
static int64_t delay_of(const struct login_limit *limit, uint32_t count)
{
    if (count < limit->free_failures) {
        return 0;
    }
    int64_t delay_ms = FIRST_DELAY_MS;
    for (uint32_t i = limit->free_failures; i < count && delay_ms < limit->delay_max_ms; i++) {
        delay_ms *= 2;
    }
    return delay_ms < limit->delay_max_ms ? delay_ms : limit->delay_max_ms;
}

int64_t login_limit_wait_ms(struct login_limit *limit, const struct address *address,
                            int64_t now_ms)
{
    struct slice host = address_host_bytes(address);
    if (limit == NULL || slice_is_empty(host)) {
        return 0;
    }
    pthread_mutex_lock(&limit->lock);
    const struct login_failures *failures = find(limit, host);
    int64_t wait_ms = failures != NULL ? max_i64(failures->free_ms - now_ms, 0) : 0;
    pthread_mutex_unlock(&limit->lock);
    return wait_ms;
}

/* One more. */
static void count_failure(const struct login_limit *limit, struct login_failures *failures,
                          uint64_t user, int64_t now_ms)
{
    if (failures->count == 0 || now_ms - failures->last_ms > QUIET_MS) {
        failures->count = 0;
        failures->user = user;
        failures->is_mixed = false;
    }
    failures->count += failures->count < UINT32_MAX;
    failures->is_mixed |= failures->user != user;
    failures->last_ms = now_ms;
    failures->free_ms = now_ms + delay_of(limit, failures->count);
}

void login_limit_failed(struct login_limit *limit, const struct address *address, uint64_t user,
                        int64_t now_ms)
{
    struct slice host = address_host_bytes(address);
    if (limit == NULL || slice_is_empty(host)) {
        return;
    }
    pthread_mutex_lock(&limit->lock);
    struct login_failures *failures = find(limit, host);
    if (failures == NULL) {
        failures = add(limit, host);
    }
    if (failures != NULL) {
        count_failure(limit, failures, user, now_ms);
        list_remove(&failures->by_age);
        list_push(&limit->by_age, &failures->by_age);
    }
    pthread_mutex_unlock(&limit->lock);
}

void login_limit_succeeded(struct login_limit *limit, const struct address *address, uint64_t user)
{
    struct slice host = address_host_bytes(address);
    if (limit == NULL || slice_is_empty(host)) {
        return;
    }
    pthread_mutex_lock(&limit->lock);
    struct login_failures *failures = find(limit, host);
    if (failures != NULL && failures->user == user && !failures->is_mixed) {
        forget(limit, failures);
    }
    pthread_mutex_unlock(&limit->lock);
}
