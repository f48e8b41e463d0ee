/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hot.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "store/tail.h"

#include <pthread.h>
#include <stdlib.h>

#define SHARD_COUNT 32

struct hot_entry {
    struct link link; /* in the shard's list, newest use last */
    uint32_t property;
    bool has_sample;
    bool client_stamped;
    uint32_t value_bytes;
    int64_t timestamp_ms;
    int64_t created_ms;
    uint8_t value[];
};

struct hot_shard {
    CACHE_ALIGNED pthread_mutex_t lock;
    struct map map;
    struct link used;
    size_t bytes;
};

struct hot {
    struct hot_shard shards[SHARD_COUNT];
    size_t shard_bytes_max;
    _Atomic uint64_t mark;
};

/* What an entry costs beside its value: the entry, its share of the map, the allocator's rounding.
 */
#define ENTRY_BYTES (sizeof(struct hot_entry) + 2 * sizeof(struct map_slot) + 16)

static uint64_t hot_hash(uint32_t property)
{
    return hash_number(0, property);
}

static struct hot_shard *shard_of(struct hot *hot, uint32_t property)
{
    return &hot->shards[hot_hash(property) >> 32 & (SHARD_COUNT - 1)];
}

static bool is_property(const void *entry, const void *key)
{
    return ((const struct hot_entry *)entry)->property == *(const uint32_t *)key;
}

static struct hot_entry *find(const struct hot_shard *shard, uint32_t property)
{
    return map_find(&shard->map, hot_hash(property), is_property, &property);
}

static void forget(struct hot_shard *shard, struct hot_entry *entry)
{
    map_remove(&shard->map, hot_hash(entry->property), entry);
    list_remove(&entry->link);
    shard->bytes -= ENTRY_BYTES + entry->value_bytes;
    free(entry);
}

/* Puts an entry in for a property that has none, then makes room. Without memory it stays absent.
 */
static void put(struct hot *hot, struct hot_shard *shard, uint32_t property,
                const struct run_sample *sample)
{
    size_t value_bytes = sample == NULL ? 0 : sample->value.bytes;
    if (value_bytes > HOT_VALUE_BYTES_MAX) {
        return;
    }
    struct hot_entry *entry = malloc(sizeof(*entry) + value_bytes);
    if (entry == NULL) {
        return;
    }
    *entry = (struct hot_entry){
        .property = property,
        .has_sample = sample != NULL,
        .client_stamped = sample != NULL && sample->client_stamped,
        .value_bytes = (uint32_t)value_bytes,
        .timestamp_ms = sample == NULL ? 0 : sample->timestamp_ms,
        .created_ms = sample == NULL ? 0 : sample->created_ms,
    };
    if (value_bytes > 0) {
        memcpy(entry->value, sample->value.at, value_bytes);
    }
    if (err_is_set(map_insert(&shard->map, hot_hash(property), entry))) {
        free(entry);
        return;
    }
    list_push(&shard->used, &entry->link);
    shard->bytes += ENTRY_BYTES + value_bytes;
    while (shard->bytes > hot->shard_bytes_max) {
        forget(shard, LIST_ENTRY(shard->used.next, struct hot_entry, link));
    }
}

struct err hot_new(size_t bytes_max, uint64_t mark, struct hot **hot)
{
    struct hot *made = aligned_alloc(CACHE_LINE_BYTES, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    memset(made, 0, sizeof(*made));
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        /* A default mutex: initialising it cannot fail here. */
        pthread_mutex_init(&made->shards[i].lock, NULL);
        list_init(&made->shards[i].used);
    }
    made->shard_bytes_max = bytes_max / SHARD_COUNT;
    atomic_store(&made->mark, mark);
    *hot = made;
    return ERR(OK);
}

void hot_free(struct hot *hot)
{
    if (hot == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        struct hot_shard *shard = &hot->shards[i];
        while (!list_is_empty(&shard->used)) {
            forget(shard, LIST_ENTRY(shard->used.next, struct hot_entry, link));
        }
        map_deinit(&shard->map);
        pthread_mutex_destroy(&shard->lock);
    }
    free(hot);
}

static struct run_sample sample_of(const struct hot_entry *entry)
{
    return (struct run_sample){
        .timestamp_ms = entry->timestamp_ms,
        .created_ms = entry->created_ms,
        .client_stamped = entry->client_stamped,
        .value = slice_of(entry->value, entry->value_bytes),
    };
}

enum hot_found hot_find(struct hot *hot, uint32_t property, struct run_sample *sample,
                        struct buf *value, uint64_t *mark)
{
    struct hot_shard *shard = shard_of(hot, property);
    enum hot_found found = HOT_ABSENT;
    pthread_mutex_lock(&shard->lock);
    *mark = atomic_load(&hot->mark);
    struct hot_entry *entry = find(shard, property);
    if (entry != NULL) {
        list_remove(&entry->link);
        list_push(&shard->used, &entry->link);
        found = entry->has_sample ? HOT_SAMPLE : HOT_EMPTY;
        *sample = sample_of(entry);
        size_t start = buf_bytes(value);
        buf_put(value, sample->value);
        if (value->failed) {
            found = HOT_ABSENT;
        } else {
            sample->value = slice_from(buf_data(value), start);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return found;
}

void hot_offer(struct hot *hot, uint32_t property, uint64_t mark, const struct run_sample *sample)
{
    struct hot_shard *shard = shard_of(hot, property);
    pthread_mutex_lock(&shard->lock);
    /* Looked at under the lock: the roll-up moves the mark before it comes to this shard. */
    if (atomic_load(&hot->mark) == mark && find(shard, property) == NULL) {
        put(hot, shard, property, sample);
    }
    pthread_mutex_unlock(&shard->lock);
}

void hot_set_mark(struct hot *hot, uint64_t mark)
{
    atomic_store(&hot->mark, mark);
}

/* HOT_LATER for a property that is in the table. */
static void apply_later(struct hot *hot, struct hot_shard *shard, struct hot_entry *entry,
                        const struct run_sample *sample)
{
    bool is_known = true;
    bool is_later = true;
    if (entry->has_sample) {
        struct run_sample before = sample_of(entry);
        is_later = sample_supersedes(sample, &before, &is_known);
    }
    uint32_t property = entry->property;
    if (!is_known || is_later) {
        forget(shard, entry);
    }
    if (is_known && is_later) {
        put(hot, shard, property, sample);
    }
}

void hot_apply(struct hot *hot, uint32_t property, enum hot_change change,
               const struct run_sample *sample)
{
    struct hot_shard *shard = shard_of(hot, property);
    pthread_mutex_lock(&shard->lock);
    struct hot_entry *entry = find(shard, property);
    if (change == HOT_LATER) {
        if (entry != NULL) {
            apply_later(hot, shard, entry, sample);
        }
    } else {
        /* What nobody asked for yet does not push out what somebody did. */
        bool is_wanted = entry != NULL || shard->bytes < hot->shard_bytes_max;
        if (entry != NULL) {
            forget(shard, entry);
        }
        if (change == HOT_REPLACE && is_wanted) {
            put(hot, shard, property, sample);
        }
    }
    pthread_mutex_unlock(&shard->lock);
}
