/* SPDX-License-Identifier: Apache-2.0 */
#include "front/address_limit.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#define HOST_BYTES_MAX 16

struct address_count {
    uint32_t count;
    size_t host_bytes;
    uint8_t host[HOST_BYTES_MAX];
};

struct address_limit {
    pthread_mutex_t lock;
    struct map counts;
    uint32_t count_max;
    uint64_t hash_seed;
};

struct address_limit *address_limit_new(uint32_t count_max, uint64_t hash_seed)
{
    ASSERT(count_max > 0);
    struct address_limit *limit = calloc(1, sizeof(*limit));
    if (limit != NULL) {
        pthread_mutex_init(&limit->lock, NULL);
        limit->count_max = count_max;
        limit->hash_seed = hash_seed;
    }
    return limit;
}

void address_limit_free(struct address_limit *limit)
{
    if (limit == NULL) {
        return;
    }
    size_t position = 0;
    for (void *entry; (entry = map_next(&limit->counts, &position)) != NULL;) {
        free(entry);
    }
    map_deinit(&limit->counts);
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static bool has_host(const void *entry, const void *key)
{
    const struct address_count *count = entry;
    const struct slice *host = key;
    return slice_equal(slice_of(count->host, count->host_bytes), *host);
}

static struct address_count *find(struct address_limit *limit, struct slice host, uint64_t hash)
{
    return map_find(&limit->counts, hash, has_host, &host);
}

static struct address_count *add(struct address_limit *limit, struct slice host, uint64_t hash)
{
    struct address_count *count = calloc(1, sizeof(*count));
    if (count == NULL) {
        return NULL;
    }
    ASSERT(host.bytes <= sizeof(count->host));
    memcpy(count->host, host.at, host.bytes);
    count->host_bytes = host.bytes;
    if (err_is_set(map_insert(&limit->counts, hash, count))) {
        free(count);
        return NULL;
    }
    return count;
}

bool address_limit_enter(struct address_limit *limit, const struct address *peer)
{
    struct slice host = address_host_bytes(peer);
    if (limit == NULL || slice_is_empty(host)) {
        return true;
    }
    uint64_t hash = hash_bytes(limit->hash_seed, host);
    pthread_mutex_lock(&limit->lock);
    struct address_count *count = find(limit, host, hash);
    if (count == NULL) {
        count = add(limit, host, hash);
    }
    bool enters = count != NULL && count->count < limit->count_max;
    if (enters) {
        count->count++;
    }
    pthread_mutex_unlock(&limit->lock);
    return enters;
}

void address_limit_leave(struct address_limit *limit, const struct address *peer)
{
    struct slice host = address_host_bytes(peer);
    if (limit == NULL || slice_is_empty(host)) {
        return;
    }
    uint64_t hash = hash_bytes(limit->hash_seed, host);
    pthread_mutex_lock(&limit->lock);
    struct address_count *count = find(limit, host, hash);
    ASSERT(count != NULL && count->count > 0);
    if (--count->count == 0) {
        map_remove(&limit->counts, hash, count);
        free(count);
    }
    pthread_mutex_unlock(&limit->lock);
}
