/* SPDX-License-Identifier: Apache-2.0
 *
 * past.h - sessions that are behind catch up.
 *
 * What the event ring still has, a session takes from there by itself, some groups a turn. Before
 * that it goes along with a shared scan of the journal (scan.h):
 *
 *      WAITING   for a scan that comes to its place. Before one begins, others are waited for a
 *                moment, so that a herd shares it
 *      JOINED    the scan knows what it wants; a chunk that has that is to come
 *      RIDING    goes along: an event is looked up once for all that ride
 *      LAGGING   could take no more in the middle of the chunk: goes on by itself when it can,
 *                until it meets the riders
 *
 *      none --> WAITING --> JOINED --> RIDING <--> LAGGING --patience is over--> none
 *                  ^-----------'         '--the scan's end--> none: the ring
 *
 * The scan waits for those that lag, but not for long without seeing them move: who is left behind
 * comes back, when it can take more, with another scan. Who takes nothing costs nothing.
 *
 * In one turn of the loop only so much time goes into the past; then what is live has its turn. */
#ifndef THRUM_FRONT_PAST_H
#define THRUM_FRONT_PAST_H

#include "base/common.h"

struct conn;
struct front;
struct past;

enum past_stage { PAST_NONE, PAST_WAITING, PAST_JOINED, PAST_RIDING, PAST_LAGGING };

/* Where a connection's session is in this; counts while conn.behind is in a list. */
struct past_place {
    uint8_t stage;    /* enum past_stage */
    uint8_t scan;     /* JOINED and later: which */
    uint32_t round;   /* JOINED: the first chunk that is for it */
    int64_t moved_ms; /* LAGGING: when it last took an event */
    uint64_t turn;    /* of the loop, in which it last went on by itself, + 1 */
};

/* NULL without memory. */
struct past *past_new(struct front *front);
void past_free(struct past *past);

/* Something else comes first for the session: it leaves the scan, and keeps its place. */
void past_leave(struct conn *conn);

/* Some of what is to be done: on_turn_start. */
void past_turn(struct front *front);

#endif
