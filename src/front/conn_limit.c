/* SPDX-License-Identifier: Apache-2.0 */
#include "front/conn_limit.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

struct owner_count {
    uint32_t count;
    size_t owner_bytes;
    uint8_t owner[CONN_LIMIT_OWNER_BYTES_MAX];
};

struct conn_limit {
    pthread_mutex_t lock;
    struct map counts;
    uint32_t count_max;
    uint64_t hash_seed;
};

struct conn_limit *conn_limit_new(uint32_t count_max, uint64_t hash_seed)
{
    ASSERT(count_max > 0);
    struct conn_limit *limit = calloc(1, sizeof(*limit));
    if (limit != NULL) {
        pthread_mutex_init(&limit->lock, NULL);
        limit->count_max = count_max;
        limit->hash_seed = hash_seed;
    }
    return limit;
}

void conn_limit_free(struct conn_limit *limit)
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

static bool has_owner(const void *entry, const void *key)
{
    const struct owner_count *count = entry;
    const struct slice *owner = key;
    return slice_equal(slice_of(count->owner, count->owner_bytes), *owner);
}

static struct owner_count *find(struct conn_limit *limit, struct slice owner, uint64_t hash)
{
    return map_find(&limit->counts, hash, has_owner, &owner);
}

static struct owner_count *add(struct conn_limit *limit, struct slice owner, uint64_t hash)
{
    struct owner_count *count = calloc(1, sizeof(*count));
    if (count == NULL) {
        return NULL;
    }
    ASSERT(owner.bytes <= sizeof(count->owner));
    memcpy(count->owner, owner.at, owner.bytes);
    count->owner_bytes = owner.bytes;
    if (err_is_set(map_insert(&limit->counts, hash, count))) {
        free(count);
        return NULL;
    }
    return count;
}

bool conn_limit_enter(struct conn_limit *limit, struct slice owner)
{
    if (limit == NULL || slice_is_empty(owner)) {
        return true;
    }
    uint64_t hash = hash_bytes(limit->hash_seed, owner);
    pthread_mutex_lock(&limit->lock);
    struct owner_count *count = find(limit, owner, hash);
    if (count == NULL) {
        count = add(limit, owner, hash);
    }
    bool enters = count != NULL && count->count < limit->count_max;
    if (enters) {
        count->count++;
    }
    pthread_mutex_unlock(&limit->lock);
    return enters;
}

void conn_limit_leave(struct conn_limit *limit, struct slice owner)
{
    if (limit == NULL || slice_is_empty(owner)) {
        return;
    }
    uint64_t hash = hash_bytes(limit->hash_seed, owner);
    pthread_mutex_lock(&limit->lock);
    struct owner_count *count = find(limit, owner, hash);
    ASSERT(count != NULL && count->count > 0);
    if (--count->count == 0) {
        map_remove(&limit->counts, hash, count);
        free(count);
    }
    pthread_mutex_unlock(&limit->lock);
}
