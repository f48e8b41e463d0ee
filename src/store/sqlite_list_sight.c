/* SPDX-License-Identifier: Apache-2.0
 *
 * What a list leaves to be seen of what there is: by its project, reach and viewers. One of them
 * can drive it, as DRIVER_SCOPE, of which each arm finds one value in table scope; the others are
 * looked at row by row. */
#include "store/sqlite_list.h"

#include "base/assert.h"

/* ---- what can drive ---- */

/* Projects and places that are limited are limited by their ids. */
static void limit_ids(struct list_plan *plan)
{
    const struct documents_query *query = plan->query;
    if (query->kind == RESOURCE_PLACE && query->limits_places) {
        plan->has_only = true;
        plan->only = query->places;
        plan->only_count = query->place_count;
    } else if (query->kind == RESOURCE_PROJECT && query->reach_count > 0) {
        plan->has_only = true;
        plan->only = query->reach;
        plan->only_count = query->reach_count;
    }
}

/* Does the reach say something that neither the project nor the ids do? */
static bool has_reach(const struct list_plan *plan)
{
    const struct documents_query *query = plan->query;
    for (uint32_t i = 0; query->project != NULL && i < query->reach_count; i++) {
        if (id_equal(query->project, &query->reach[i])) {
            return false;
        }
    }
    return query->reach_count > 0 && query->kind != RESOURCE_PROJECT;
}

static enum list_sight choose_sight(const struct list_plan *plan)
{
    const struct documents_query *query = plan->query;
    if (query->project != NULL) {
        return query->viewer_count > 0 ? SIGHT_VIEWERS : SIGHT_PROJECT;
    }
    /* Where an application is visible is said by its parent; there are few. */
    bool by_reach = has_reach(plan) && query->reach_count < LIST_ARMS_MAX &&
                    query->kind != RESOURCE_APPLICATION;
    return by_reach ? SIGHT_REACH : SIGHT_NONE;
}

void list_plan_sight(struct list_plan *plan)
{
    limit_ids(plan);
    plan->sight = choose_sight(plan);
}

/* ---- arms ---- */

/* The arms of what is for all users, before those of viewers by name. */
static uint32_t for_all_count(const struct documents_query *query)
{
    return query->viewers_by_name ? 0 : 2;
}

uint32_t list_viewer_count(const struct list_plan *plan)
{
    switch (plan->sight) {
    case SIGHT_NONE:
        return 0;
    case SIGHT_PROJECT:
        return 4;
    case SIGHT_REACH:
        return 2 * (plan->query->reach_count + 1);
    case SIGHT_VIEWERS:
        return for_all_count(plan->query) + plan->query->viewer_count;
    }
    UNREACHABLE();
}

static struct list_viewer sees_project(const struct id *project, bool for_all)
{
    return (struct list_viewer){for_all ? "*" : "", project ? id_slice(project) : SLICE("all")};
}

/* What is for all users of a project, and what is not, are two arms. Counting, what most rows have
 * had better come first. */
struct list_viewer list_viewer(const struct list_plan *plan, uint32_t arm)
{
    const struct documents_query *query = plan->query;
    switch (plan->sight) {
    case SIGHT_NONE:
        break;
    case SIGHT_PROJECT:
        return sees_project(arm < 2 ? query->project : NULL, arm % 2 == 0);
    case SIGHT_REACH:
        return sees_project(arm / 2 < query->reach_count ? &query->reach[arm / 2] : NULL,
                            arm % 2 == 0);
    case SIGHT_VIEWERS:
        if (arm < for_all_count(query)) {
            return sees_project(arm == 0 ? query->project : NULL, true);
        }
        return (struct list_viewer){"@", id_slice(&query->viewers[arm - for_all_count(query)])};
    }
    UNREACHABLE();
}

uint32_t list_earlier_count(const struct list_plan *plan, uint32_t arm)
{
    bool are_pairs = plan->which == DRIVER_SCOPE && plan->sight != SIGHT_VIEWERS;
    return are_pairs ? arm - arm % 2 : arm;
}

/* ---- what is looked at row by row ---- */

bool list_plan_asks_project(const struct list_plan *plan, uint32_t arm)
{
    if (plan->query->project == NULL) {
        return false;
    }
    /* What is for all users of a project is visible in it. */
    return plan->which != DRIVER_SCOPE ||
           (plan->sight == SIGHT_VIEWERS && arm >= for_all_count(plan->query));
}

bool list_plan_asks_reach(const struct list_plan *plan)
{
    bool drives = plan->which == DRIVER_SCOPE && plan->sight == SIGHT_REACH;
    return has_reach(plan) && !drives;
}

bool list_plan_asks_viewers(const struct list_plan *plan)
{
    bool drives = plan->which == DRIVER_SCOPE && plan->sight == SIGHT_VIEWERS;
    return plan->query->viewer_count > 0 && !drives;
}
