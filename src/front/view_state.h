/* SPDX-License-Identifier: Apache-2.0
 *
 * view_state.h - the present state of a topic, as a notification would carry it (pubsub.md 5.2). */
#ifndef THRUM_FRONT_VIEW_STATE_H
#define THRUM_FRONT_VIEW_STATE_H

#include "front/view.h"
#include "model/topic.h"

/* As a subscription of the topic is judged. *found is false when there is none (no value yet;
 * families of events without a state). ERR_NOT_FOUND and ERR_DENIED as for view_resource. */
MUST_USE struct err view_state(const struct view *view, const struct topic *topic, struct buf *out,
                               bool *found);

/* The latest point of each property of a resource, as GET .../properties answers; within
 * documents_reader_begin and _end. */
MUST_USE struct err view_properties(const struct view *view, const struct id *id, struct buf *out,
                                    bool *found);

/* The actions of a topic, and what the query of them borrows from. */
struct view_actions {
    struct slice target;
    struct slice type;
    struct filter_condition conditions[3];
    struct perm_reach reach;
    struct documents_query query;
};

/* The query of the topic's actions that the view's actor may list, newest first: fills <actions>,
 * whose query is the caller's to change (limit, order; there is room for a condition more). It
 * borrows from <topic>. False: there is nothing that it may. */
bool view_actions_of(const struct view *view, const struct topic *topic,
                     struct view_actions *actions);

/* The field by which an action names a target of that kind; false: it is none. */
bool view_action_target(enum resource_kind kind, enum filter_field *field);

#endif
