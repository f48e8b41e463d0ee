/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/member_changes.h"

#include "base/assert.h"

#include <stdlib.h>

struct member_change {
    struct link link; /* in changes.in_turn */
    struct id id;
    uint64_t sequence;
};

static bool change_has_id(const void *entry, const void *key)
{
    const struct member_change *change = entry;
    return id_equal(&change->id, key);
}

void member_changes_init(struct member_changes *changes, uint64_t seed, uint64_t floor)
{
    *changes = (struct member_changes){.seed = seed, .floor = floor, .nested = floor};
    list_init(&changes->in_turn);
}

static void forget(struct member_changes *changes, struct member_change *change)
{
    map_remove(&changes->map, id_hash(changes->seed, &change->id), change);
    list_remove(&change->link);
    free(change);
}

void member_changes_deinit(struct member_changes *changes)
{
    LIST_EACH (&changes->in_turn, link, after) {
        free(LIST_ENTRY(link, struct member_change, link));
    }
    map_deinit(&changes->map);
    *changes = (struct member_changes){0};
}

/* Lets go of what the documents show, and of one more when there is no room. */
static void make_room(struct member_changes *changes, uint64_t documents_mark)
{
    while (!list_is_empty(&changes->in_turn)) {
        struct member_change *oldest =
            LIST_ENTRY(changes->in_turn.next, struct member_change, link);
        bool is_shown = oldest->sequence <= documents_mark;
        if (!is_shown && map_count(&changes->map) < MEMBER_CHANGES_MAX) {
            return;
        }
        /* Somebody may be reading since before it was shown. */
        changes->floor = max_u64(changes->floor, oldest->sequence);
        forget(changes, oldest);
    }
}

static struct member_change *add(struct member_changes *changes, const struct id *id)
{
    struct member_change *change = malloc(sizeof(*change));
    if (change == NULL) {
        return NULL;
    }
    *change = (struct member_change){.id = *id};
    if (err_is_set(map_insert(&changes->map, id_hash(changes->seed, id), change))) {
        free(change);
        return NULL;
    }
    return change;
}

void member_changes_note(struct member_changes *changes, const struct id *id, uint64_t sequence,
                         uint64_t documents_mark)
{
    make_room(changes, documents_mark);
    struct member_change *change =
        map_find(&changes->map, id_hash(changes->seed, id), change_has_id, id);
    if (change == NULL) {
        change = add(changes, id);
    } else {
        ASSERT(change->sequence <= sequence);
        list_remove(&change->link);
    }
    if (change == NULL) {
        changes->floor = sequence; /* without memory for one, all have changed */
        return;
    }
    change->sequence = sequence;
    list_push(&changes->in_turn, &change->link);
}

uint64_t member_changes_last(const struct member_changes *changes, const struct id *id)
{
    const struct member_change *change =
        map_find(&changes->map, id_hash(changes->seed, id), change_has_id, id);
    return change == NULL ? changes->floor : max_u64(change->sequence, changes->floor);
}
