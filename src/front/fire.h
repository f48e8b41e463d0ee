/* SPDX-License-Identifier: Apache-2.0
 *
 * fire.h - which topics an event fires on, with what, and to whom. The same for those who follow
 * live and for a session that catches up (deliver.c walks the events):
 *
 *      fire.c             to whom
 *      fire_points.c      properties, locations
 *      fire_documents.c   thngs, collections, action types, tasks; members
 *      fire_actions.c     actions
 *      fire_messages.c    messages on plain topics
 *
 * A message is encoded once for each topic, into front->payload, when the first subscriber is
 * found, and copied to each receiver behind its own header. */
#ifndef THRUM_FRONT_FIRE_H
#define THRUM_FRONT_FIRE_H

#include "front/front.h"

/* To whom the messages of an event go: to all that are live, when neither <only> nor <walk> is set.
 */
struct audience {
    struct front *front;
    struct session *only; /* catching up: this session alone */
    const void *walk;     /* catching up: all that go along with this walk (past.c) */
    uint32_t firings;     /* topics of the event that were aimed at so far */
    bool is_blocked;      /* catching up: <only> can take no more; the walk must come again */
};

struct keyed_point;

/* One topic an event fires on. */
struct firing {
    const struct event *event;
    struct topic_ref ref;
    uint64_t resource_hash; /* of family and resource (topic_hash_resource) */
    /* What a subscriber must see: a resource of that kind, with the scopes that the event tells.
     * (Of a task it tells none of its batch's.) */
    enum resource_kind seen_kind;
    const struct id *seen;
    bool has_scopes;
    /* Who has subscribed to this very resource need not be judged by them: that has been done at
     * the subscription, and with each change of the resource since. */
    bool is_judged;
    bool is_last;                     /* the resource is gone: no message will follow */
    const struct keyed_point *points; /* of the topic of one property: its points */
    uint32_t point_count;
    void (*encode)(struct buf *out, const struct firing *firing);
};

/* All that the event fires. */
void fire_event(struct audience *audience, const struct event *event);

/* ---- for the files of the families ---- */

void fire_points(struct audience *audience, const struct event *event);
void fire_document(struct audience *audience, const struct event *event);
void fire_members(struct audience *audience, const struct event *event);
void fire_action(struct audience *audience, const struct event *event);
void fire_message(struct audience *audience, const struct event *event);

/* Sends the message to who has subscribed to firing->ref and may hear it. */
void fire(struct audience *audience, const struct firing *firing);

/* Sets the topic: its hash is taken. */
void fire_aim(struct audience *audience, struct firing *firing, enum topic_family family,
              const struct id *resource, struct slice name);

/* False when nobody has subscribed to it: fire would do nothing. */
bool fire_is_wanted(const struct audience *audience, const struct firing *firing);

/* There is no memory for what the event fires: those that are live get it as those that are behind.
 */
void fire_later(struct audience *audience, const struct event *event);

/* The event's document without its hidden member. */
void fire_encode_document(struct buf *out, const struct firing *firing);

/* Who follows a part of a resource (a native WebSocket), and wants to know when the resource is
 * gone, subscribes to this, which is no topic of the contract: no client can name it. */
static inline struct topic fire_end_of(const struct id *resource)
{
    return (struct topic){.family = TOPIC_NONE, .resource = *resource};
}

#endif
