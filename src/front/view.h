/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h - what GET shows of a resource, composed from the store on a reader thread. The same
 * functions answer REST and give subscribers their present state (pubStates).
 *
 * All append compact JSON to <out> and return ERR_NOT_FOUND when the resource does not exist or the
 * actor does not see it. The caller has waited for the store to show what it must show
 * (store_wait). */
#ifndef THRUM_FRONT_VIEW_H
#define THRUM_FRONT_VIEW_H

#include "model/actor.h"
#include "model/topic.h"
#include "store/readers.h"

/* The whole thng: document, properties, location; scopes on demand. */
MUST_USE struct err view_thng(struct reader *reader, const struct actor *actor, const struct id *id,
                              bool with_scopes, struct buf *out);

/* The same as the answer to the POST that made it: without `properties` when there are none. */
MUST_USE struct err view_thng_created(struct reader *reader, const struct actor *actor,
                                      const struct id *id, bool with_scopes, struct buf *out);

enum view_flags {
    VIEW_SCOPES = 1,
    VIEW_CREATED = 2, /* the answer to a POST */
};

/* A thng whose document has been read, within documents_reader_begin and _end. The actor is known
 * to see it. */
MUST_USE struct err view_write_thng(struct reader *reader, const struct document *document,
                                    unsigned flags, struct buf *out);

/* The present state of a topic, as a notification would carry it. *found is false when there is
 * none (no value yet). */
MUST_USE struct err view_state(struct reader *reader, const struct actor *actor,
                               const struct topic *topic, struct buf *out, bool *found);

#endif
