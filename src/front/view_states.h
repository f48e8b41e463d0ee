/* SPDX-License-Identifier: Apache-2.0
 *
 * view_states.h - the present states of all topics that a filter with wildcards selects (contract:
 * README.md, point 6). */
#ifndef THRUM_FRONT_VIEW_STATES_H
#define THRUM_FRONT_VIEW_STATES_H

#include "front/view.h"
#include "model/topic.h"

/* So many states at most are sent for one filter, */
#define VIEW_STATES_MAX 1000

/* and so many resources, the newest ones, are looked at for them. */
#define VIEW_STATES_RESOURCES_MAX 10000

/* What is done with a state: <topic> is its topic in the plain spelling. False: no more. */
typedef bool (*view_states_fn)(void *arg, struct slice topic, struct slice payload);

/* Visits them, resource by resource. Each is judged as a subscription of its topic is; what the
 * actor does not see is left out. Of actions there is a state where the filter names the type, or
 * "all". */
MUST_USE struct err view_states(const struct view *view, const struct topic_filter *filter,
                                view_states_fn visit, void *arg);

#endif
