/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.h - "from" and "last": a new subscriber is sent the history first, then what is live;
 * every sample once, in order. In the same way a subscriber of plain topics is sent the retained
 * messages first.
 *
 * The engine grants such a subscription at a boundary (engine/boundary.h). There the session falls
 * BEHIND: what is published from then on waits for it in the journal, not in memory. Meanwhile
 * readers fetch the history up to the boundary, a page at a time (replay_read.h), and the session
 * takes the messages as it can. When all its replays are done, it goes on from its cursor like any
 * session that is behind (deliver.c).
 *
 *      granted          SUBACK          the last page is given         caught up
 *      replay_add       replay_start
 *      --+----------------+---------------------+--------------------------+-------> time
 *        |  BEHIND        |  pages of history   |  events behind the       |  LIVE
 *        |                |                     |  boundary, in order      |
 *
 * Several replays of a session run one after the other. One whose subscription is gone (ended,
 * taken back, made anew), or whose resource is not seen any more, is dropped. Of a connection one
 * page is in memory, or on its way, at a time. When a page cannot be read now it is tried again;
 * when the store fails, the connection is closed: there is no gap that nobody sees. */
#ifndef THRUM_FRONT_REPLAY_H
#define THRUM_FRONT_REPLAY_H

#include "front/conn.h"

/* ERR_QUERY_INVALID when the topic asks for a history that there is none of: documents, members,
 * tasks. Any topic that asks for none is ERR_OK. */
MUST_USE struct err replay_check(const struct topic *topic);

/* The subscription, of the connection's session, has just been granted with <answer>, and replays.
 * Nothing is sent before replay_start. ERR_NO_MEMORY: the subscription has been ended. */
MUST_USE struct err replay_add(struct conn *conn, struct subscription *subscription,
                               const struct topic *topic, const struct answer *answer);

/* The same of the retained messages of plain topics that <filter>, which is the subscription's,
 * matches, as of event <after>. What has been retained since comes live. */
MUST_USE struct err replay_add_retained(struct conn *conn, struct subscription *subscription,
                                        struct slice filter, uint64_t after);

/* A replay of retained messages that has more to give. */
struct replay_left {
    const struct subscription *subscription;
    uint64_t after;
    struct slice topic; /* of the last message that was given; empty: of none */
};

typedef void (*replay_left_fn)(void *arg, const struct replay_left *left);

void replay_each_left(const struct conn *conn, replay_left_fn visit, void *arg);

/* Of a session that has come back: the retained messages once more. Those that it had, up to the
 * topic in <left>, are told as such (is_had), so that it can take those that it awaits the
 * acknowledgement of; without <left> it had all. */
MUST_USE struct err replay_add_again(struct conn *conn, struct subscription *subscription,
                                     const struct replay_left *left);

/* How many are under way or wait, with some whose subscription is gone: no more than twice as many
 * as the session has subscriptions. */
uint32_t replay_count(const struct conn *conn);

/* The client has been told of all that were added; when there are none, that is fine too. */
void replay_start(struct conn *conn);

/* The session can take more. True while there are replays: they come before anything else. */
bool replay_go_on(struct conn *conn);

/* The connection ends: frees what waits. */
void replay_forget(struct conn *conn);

#endif
