/* SPDX-License-Identifier: Apache-2.0
 *
 * share.h - shared subscriptions of plain topics: "$share/GROUP/FILTER" (MQTT 5.0, 4.8.2, in the
 * packets of 3.1.1). Each message goes to one member of the group.
 *
 * A group lives on one loop, which its name chooses. There it is a session of its own: it has a
 * subscription, a place in the journal, and what is in flight. Its members, connections on any
 * loop, are handed messages in turn, each so many at a time that it has not acknowledged. Who is
 * slow gets fewer; when nobody can take more, the group is BEHIND like any session, and costs
 * nothing.
 *
 *      loop of the group                          loops of members
 *      share_group.c    <-- JOIN, LEAVE, TAKEN -- share_member.c <--> mqtt_deliver.c
 *                       -- MESSAGE ------------->
 *
 * What a member has not acknowledged when it leaves goes to others: the group goes back in the
 * journal to where that lies, and passes over what is not owed. So of each message there is one
 * that took it, and after a failure perhaps two: QoS 1 is the highest that is granted.
 *
 * With members of "clean session 0" the group is kept (store/sessions.h): its place, and what is in
 * flight. It waits for them while they are away, as long as a session does
 * (session.expiry), and over restarts. */
#ifndef THRUM_FRONT_SHARE_H
#define THRUM_FRONT_SHARE_H

#include "front/conn.h"
#include "store/sessions.h"

/* Messages that a member has not acknowledged, at most; and when their bytes come to
 * limits.outbox_bytes_max, it gets no more. */
#define SHARE_IN_FLIGHT_MAX 32

struct share_letter;

/* One loop's part. */
struct shares {
    struct front *front;
    struct map groups;   /* struct share_group that live here, by account and name */
    struct map seats;    /* of their members, by loop and number */
    struct map members;  /* struct share_member, by number */
    struct link leaving; /* of these: to be told at the end of the turn */
    uint32_t last_member;
};

/* NULL without memory. */
struct shares *shares_new(struct front *front);
void shares_free(struct shares *shares);

/* Before the loops run: takes up all groups that were kept. ERR_IO, ERR_NO_MEMORY. */
MUST_USE struct err shares_recover(struct front_shared *shared);

/* The same of one, on its loop. ERR_NO_MEMORY, ERR_CORRUPT, ERR_STORE_FORMAT_NEWER. */
MUST_USE struct err shares_restore(struct shares *shares, const struct session_name *name,
                                   struct slice head);

/* Which loop a kept group belongs to. */
uint32_t shares_loop_of(const struct front *front, const struct session_name *name);

/* Is that the name of a group, among those of sessions? */
static inline bool shares_is_name(const struct session_name *name)
{
    return name->kind == ACTOR_NONE;
}

/* The loop ends its work: groups are kept as they are now. */
void shares_stop(struct shares *shares);

/* The end of the loop's turn: letters go out. */
void shares_turn_end(struct shares *shares);

/* The subscription, to a shared filter, has been granted: it is a member from now on, until it is
 * removed. One that is a member already stays it. <first>: a group that is new begins with this
 * event. ERR_NO_MEMORY. */
struct share_joining {
    uint64_t first;
    bool is_kept; /* the session outlives its connection, */
    bool is_back; /* and comes back */
};
MUST_USE struct err share_join(struct conn *conn, struct subscription *subscription,
                               const struct share_joining *joining);

/* The connection's session can take more. */
void share_retry(struct conn *conn);

/* The message that came as delivery.share has been acknowledged. */
void share_taken(struct front *front, uint64_t share);

/* ---- between the two sides (share_group.c, share_member.c) ---- */

/* What a group is known by: "GROUP/FILTER" of "$share/GROUP/FILTER". */
static inline struct slice share_name(struct slice text)
{
    return slice_from(text, sizeof("$share/") - 1);
}

void share_members_free(struct shares *shares);
void share_groups_free(struct shares *shares);
void share_group_read(struct shares *shares, uint32_t from, const struct share_letter *letter);
void share_member_read(struct shares *shares, const struct share_letter *letter);

/* The subscription of a member is being removed. */
void share_on_removed(struct subs *subs, struct subscription *subscription);

#endif
