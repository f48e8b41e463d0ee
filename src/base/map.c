/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/assert.h"

#include <stdlib.h>

#define MAP_SLOTS_FIRST 16
/* Slots of the old table moved at each insertion. The new table has twice the slots and takes
 * 3/4 of them before it grows again, so two a step would do; more shortens the time of two tables.
 */
#define MAP_MOVE_STEP 8

void map_deinit(struct map *map)
{
    free(map->now.slots);
    free(map->old.slots);
    *map = (struct map){0};
}

static struct map_slot *table_find(const struct map_table *table, uint64_t hash, map_equal_fn equal,
                                   const void *key)
{
    if (table->count == 0) {
        return NULL;
    }
    for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        struct map_slot *slot = &table->slots[i];
        if (slot->entry == NULL) {
            return NULL;
        }
        if (slot->hash == hash && equal(slot->entry, key)) {
            return slot;
        }
    }
}

static void table_insert(struct map_table *table, uint64_t hash, void *entry)
{
    size_t i = hash & table->mask;
    while (table->slots[i].entry != NULL) {
        i = (i + 1) & table->mask;
    }
    table->slots[i] = (struct map_slot){.hash = hash, .entry = entry};
    table->count++;
}

static bool same_entry(const void *entry, const void *key)
{
    return entry == key;
}

/* Empties the slot and moves back those behind it that would no longer be found. */
static void table_remove_at(struct map_table *table, size_t hole)
{
    size_t i = hole;
    for (;;) {
        i = (i + 1) & table->mask;
        struct map_slot *slot = &table->slots[i];
        if (slot->entry == NULL) {
            break;
        }
        size_t home = slot->hash & table->mask;
        /* Its home lies cyclically in (hole, i]: then it stays. */
        if (((i - home) & table->mask) < ((i - hole) & table->mask)) {
            continue;
        }
        table->slots[hole] = *slot;
        hole = i;
    }
    table->slots[hole] = (struct map_slot){0};
    table->count--;
}

static void old_release_if_empty(struct map *map)
{
    if (map->old.slots != NULL && map->old.count == 0) {
        free(map->old.slots);
        map->old = (struct map_table){0};
        map->moved = 0;
    }
}

/* Moves the entries of some slots of the old table. Removal by shifting back can bring an entry
 * from the table's end to below `moved` only around the wrap, so emptied slots stay empty but for
 * those: hence the loop re-reads a slot until it is free. */
static void move_some(struct map *map, size_t steps)
{
    while (map->old.slots != NULL && steps-- > 0) {
        struct map_slot *slot = &map->old.slots[map->moved & map->old.mask];
        while (slot->entry != NULL) {
            table_insert(&map->now, slot->hash, slot->entry);
            table_remove_at(&map->old, map->moved & map->old.mask);
        }
        map->moved++;
        old_release_if_empty(map);
    }
}

static struct err grow(struct map *map)
{
    while (map->old.slots != NULL) {
        move_some(map, SIZE_MAX);
    }
    size_t count = map->now.slots == NULL ? MAP_SLOTS_FIRST : (map->now.mask + 1) * 2;
    struct map_slot *slots = calloc(count, sizeof(*slots));
    if (slots == NULL) {
        return ERR(NO_MEMORY);
    }
    map->old = map->now;
    map->moved = 0;
    map->now = (struct map_table){.slots = slots, .mask = count - 1};
    old_release_if_empty(map);
    return ERR(OK);
}

void *map_find(const struct map *map, uint64_t hash, map_equal_fn equal, const void *key)
{
    struct map_slot *slot = table_find(&map->now, hash, equal, key);
    if (slot == NULL) {
        slot = table_find(&map->old, hash, equal, key);
    }
    return slot ? slot->entry : NULL;
}

struct err map_insert(struct map *map, uint64_t hash, void *entry)
{
    ASSERT(entry != NULL);
    size_t slots = map->now.slots == NULL ? 0 : map->now.mask + 1;
    if ((map_count(map) + 1) * 4 > slots * 3) {
        TRY(grow(map));
    }
    move_some(map, MAP_MOVE_STEP);
    table_insert(&map->now, hash, entry);
    return ERR(OK);
}

void map_remove(struct map *map, uint64_t hash, const void *entry)
{
    struct map_table *table = &map->now;
    struct map_slot *slot = table_find(table, hash, same_entry, entry);
    if (slot == NULL) {
        table = &map->old;
        slot = table_find(table, hash, same_entry, entry);
    }
    ASSERT(slot != NULL);
    table_remove_at(table, (size_t)(slot - table->slots));
    old_release_if_empty(map);
}

void *map_next(const struct map *map, size_t *position)
{
    size_t now_slots = map->now.slots == NULL ? 0 : map->now.mask + 1;
    size_t old_slots = map->old.slots == NULL ? 0 : map->old.mask + 1;
    while (*position < now_slots + old_slots) {
        size_t i = (*position)++;
        void *entry = i < now_slots ? map->now.slots[i].entry : map->old.slots[i - now_slots].entry;
        if (entry != NULL) {
            return entry;
        }
    }
    return NULL;
}
