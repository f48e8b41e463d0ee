/* SPDX-License-Identifier: Apache-2.0
 *
 * member_changes.h - who has lately joined or left a collection, and whom.
 *
 * Who is a member of what is known to the documents alone, and they lag behind the engine. This
 * says how far they must have come for what is read from them to be true: for each collection and
 * each member the event of its last change, until the documents show that; from then on all that
 * is read must be as new. Bounded: what there is no room for counts as changed lately, so somebody
 * waits a little longer than need be.
 *
 * Owned by the engine's thread. */
#ifndef THRUM_ENGINE_MEMBER_CHANGES_H
#define THRUM_ENGINE_MEMBER_CHANGES_H

#include "base/list.h"
#include "base/map.h"
#include "model/id.h"

/* Resources it keeps in mind: about 10 MB. */
#define MEMBER_CHANGES_MAX 100000

struct member_changes {
    struct map map;      /* struct member_change, by id */
    struct link in_turn; /* the same, the one that changed longest ago first */
    uint64_t seed;
    uint64_t floor;   /* no resource's last change is taken to lie before it */
    uint64_t nested;  /* the last event that put a collection into another, or took it out */
    uint64_t emptied; /* the last that took more out of a collection than it lists */
};

/* Nothing has changed since <floor>. */
void member_changes_init(struct member_changes *changes, uint64_t seed, uint64_t floor);
void member_changes_deinit(struct member_changes *changes);

/* Event <sequence> changed what <id> is in, or who is in it. Forgets what the documents, which show
 * all up to <documents_mark>, have come to show. */
void member_changes_note(struct member_changes *changes, const struct id *id, uint64_t sequence,
                         uint64_t documents_mark);

/* What is read from documents that show this event is how it is now. */
uint64_t member_changes_last(const struct member_changes *changes, const struct id *id);

#endif
