/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_read.h - the history of a topic as messages, page by page, on a reader thread.
 *
 *      replay_read.c      which topics have a history; who may see it; actions
 *      replay_points.c    properties and locations
 *
 * What is sent are the samples and actions up to the subscription's boundary (engine/boundary.h):
 * one message each, ascending by time, encoded as the live ones are. A page ends when it has as
 * many messages or bytes as it may, and tells the place behind which the next one begins. Of
 * "last=N" the beginning is looked for first, backwards; that may take pages without messages. */
#ifndef THRUM_FRONT_REPLAY_READ_H
#define THRUM_FRONT_REPLAY_READ_H

#include "front/view.h"
#include "model/topic.h"

/* What a page holds at most; of the bytes, one message more. */
#define REPLAY_PAGE_MESSAGES 4096
#define REPLAY_PAGE_BYTES ((size_t)256 << 10)
/* What is passed over in one page at most, counted back, or not of the past. */
#define REPLAY_PAGE_PASSED 16384

/* Behind what a replay goes on. All zero: at its beginning (counting back: at the end). */
struct replay_place {
    bool is_set;
    int64_t time_ms;
    uint32_t property; /* of a sample: whose it is, and its ordinal (history.h) */
    uint32_t ordinal;
    struct id action; /* of an action */
};

struct replay_read {
    const struct topic *topic;
    uint64_t after;      /* the boundary: the last event of the past, */
    int64_t boundary_ms; /* and its time */
    int64_t from_ms;
    /* So many are to be counted back from <place>, which is then where to begin; 0: that is known,
     * and <place> is where to go on. */
    uint32_t back;
    struct replay_place place;
    struct buf messages; /* each behind its length (u32 big-endian) */
    bool is_done;        /* there are no more */
};

/* Have topics of that family a history that can be replayed? */
bool replay_has_history(enum topic_family family);

/* Reads a page: what the view's actor may see now. ERR_NOT_FOUND and ERR_DENIED as for
 * view_resource; after an error all but the question is without meaning. */
MUST_USE struct err replay_read_page(const struct view *view, struct replay_read *read);

/* ---- for replay_points.c ---- */

/* Puts the message in the reader's scratch into the page. */
void replay_put_message(const struct view *view, struct replay_read *read);

/* One way through the samples of the topic, whose resource has been judged: counting back, while
 * read->back is not 0, or a page of messages. */
MUST_USE struct err replay_read_points(const struct view *view, struct replay_read *read);

#endif
