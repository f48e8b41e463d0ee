/* SPDX-License-Identifier: Apache-2.0
 *
 * wants.h - which events can concern some sessions: a coarse sieve for those who walk over many
 * that do not.
 *
 * Updates of properties and locations, which most events are, concern who has subscribed to them by
 * their resource; wildcards want those of all resources. So it is with plain topics. All other
 * events are wanted by whoever has
 * subscribed to any other topic. What passes is still matched subscription by subscription. */
#ifndef THRUM_FRONT_WANTS_H
#define THRUM_FRONT_WANTS_H

#include "engine/session.h"

/* All-zero: nothing is wanted. */
struct wants {
    bool all_points;   /* of any resource */
    bool all_messages; /* of any plain topic */
    bool others;       /* events that are neither */
    bool failed;       /* for want of memory: everything passes */
    uint64_t *names;   /* hashes (group_hash_name) of resources, or plain topics; 0: free */
    uint32_t count;
    uint32_t room; /* a power of two, or 0 */
};

void wants_deinit(struct wants *wants);

/* Adds what the session wants, */
void wants_add_session(struct wants *wants, const struct session *session);

/* or what others do. */
void wants_add(struct wants *wants, const struct wants *more);

/* False when surely no event of the group is wanted. Looks at few names only: of many, some would
 * be in most groups. */
bool wants_group(const struct wants *wants, const struct group *group);

bool wants_event(const struct wants *wants, const struct event *event);

#endif
