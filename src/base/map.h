/* SPDX-License-Identifier: Apache-2.0
 *
 * map.h - a hash table of pointers, keyed by what the pointers point to.
 *
 * The caller computes the 64-bit hash of a key (hash.h) and hands in a function that compares a key
 * with an entry. The table keeps the hash beside each pointer, so most misses touch one cache line.
 * Linear probing, deletion by shifting back. It grows a few slots at each insertion, so that no
 * single insertion stalls its thread: while it grows there are two tables, and finds look in both.
 *
 * Owned by one thread; entries belong to the caller. All-zero is a valid, empty map. */
#ifndef THRUM_BASE_MAP_H
#define THRUM_BASE_MAP_H

#include "base/common.h"
#include "base/err.h"

struct map_slot {
    uint64_t hash;
    void *entry; /* NULL: free */
};

struct map_table {
    struct map_slot *slots;
    size_t mask; /* slot count - 1; the count is a power of two */
    size_t count;
};

struct map {
    struct map_table now;
    struct map_table old; /* being emptied into `now`; slots NULL otherwise */
    size_t moved;         /* slots of `old` below this index are empty */
};

/* True when <entry> has the key <key>. */
typedef bool (*map_equal_fn)(const void *entry, const void *key);

void map_deinit(struct map *map);

static inline size_t map_count(const struct map *map)
{
    return map->now.count + map->old.count;
}

/* The entry with that key, or NULL. */
void *map_find(const struct map *map, uint64_t hash, map_equal_fn equal, const void *key);

/* Adds <entry>, whose key must not be in the map. ERR_NO_MEMORY leaves the map as it was. */
MUST_USE struct err map_insert(struct map *map, uint64_t hash, void *entry);

/* Takes <entry> out; it must be in the map under <hash>. */
void map_remove(struct map *map, uint64_t hash, const void *entry);

/* Walks all entries in no order: start with *position = 0, ends with NULL. Only map_find may be
 * called on the map meanwhile. */
void *map_next(const struct map *map, size_t *position);

/* Asks for the cache line in which the search for <hash> starts. */
static inline void map_prefetch(const struct map *map, uint64_t hash)
{
    if (map->now.slots != NULL) {
        __builtin_prefetch(&map->now.slots[hash & map->now.mask]);
    }
}

#endif
