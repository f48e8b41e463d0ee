/* SPDX-License-Identifier: Apache-2.0
 *
 * Which index drives a list, and between which bounds. */
#include "store/sqlite_list.h"

#include "base/assert.h"

/* Sorts behind every id. */
#define ID_HIGHEST SLICE("\x7f")

/* ---- what drivers and conditions there are ---- */

#define TAG_ROW                                                                           \
    {                                                                                     \
        "tag AS d INDEXED BY tag_list", "d.tag", true,                                    \
            "EXISTS (SELECT 1 FROM tag AS e WHERE e.resource = d.resource AND e.tag IN (" \
    }
#define SCOPE_ROW                                                                              \
    {                                                                                          \
        "scope AS d INDEXED BY scope_list", "d.viewer", true,                                  \
            "EXISTS (SELECT 1 FROM scope AS e WHERE e.resource = d.resource AND e.viewer IN (" \
    }
#define IDENTIFIER_ROW                                                      \
    {                                                                       \
        "identifier AS d INDEXED BY identifier_list", "d.value", true, NULL \
    }

static const struct list_driver resource_drivers[DRIVER_COUNT] = {
    [DRIVER_IDS] = {"resource AS r INDEXED BY resource_id", NULL, false, NULL},
    [DRIVER_IDENTIFIER] = IDENTIFIER_ROW,
    [DRIVER_NAME] = {"resource AS r INDEXED BY resource_name", "r.name", false, NULL},
    [DRIVER_PARENT] = {"resource AS r INDEXED BY resource_parent", "r.parent", false, NULL},
    [DRIVER_MEMBERS] = {"member AS d INDEXED BY member_list", "d.collection", true, NULL},
    [DRIVER_NEAR] = {"", NULL, false, NULL}, /* put_boxes */
    [DRIVER_PRODUCT] = {"resource AS r INDEXED BY resource_product", "r.product", false, NULL},
    [DRIVER_TAGS] = TAG_ROW,
    [DRIVER_SCOPE] = SCOPE_ROW,
    [DRIVER_ALL] = {"resource AS r INDEXED BY resource_list", NULL, false, NULL},
};

static const struct list_driver action_drivers[DRIVER_COUNT] = {
    [DRIVER_IDS] = {"action AS r INDEXED BY action_id", NULL, false, NULL},
    [DRIVER_IDENTIFIER] = IDENTIFIER_ROW,
    [DRIVER_THNG] = {"action AS r INDEXED BY action_thng", "r.thng", false, NULL},
    [DRIVER_COLLECTION] = {"action AS r INDEXED BY action_collection", "r.collection", false, NULL},
    [DRIVER_USER] = {"action AS r INDEXED BY action_user", "r.user", false, NULL},
    [DRIVER_PRODUCT] = {"action AS r INDEXED BY action_product", "r.product", false, NULL},
    [DRIVER_TAGS] = TAG_ROW,
    [DRIVER_TYPE] = {"action AS r INDEXED BY action_type", "r.type", false, NULL},
    [DRIVER_SCOPE] = SCOPE_ROW,
    [DRIVER_ALL] = {"action AS r INDEXED BY action_list", NULL, false, NULL},
};

#define BIT(kind) (1u << (kind))
#define ANY_RESOURCE (~BIT(RESOURCE_ACTION))
#define ANY (~0u)

/* Roles and tasks of a batch are few, and the context of actions is empty without a database of
 * addresses: what is looked for in documents has no columns. instr is quick, json_extract is not.
 */
static const struct list_field fields[] = {
    [FILTER_NAME] = {ANY_RESOURCE, "r.name", DRIVER_NAME},
    [FILTER_TAGS] = {ANY, NULL, DRIVER_TAGS},
    [FILTER_IDENTIFIER] = {ANY, NULL, DRIVER_IDENTIFIER},
    [FILTER_PRODUCT] = {BIT(RESOURCE_THNG) | BIT(RESOURCE_ACTION), "r.product", DRIVER_PRODUCT},
    [FILTER_COLLECTIONS] = {BIT(RESOURCE_THNG) | BIT(RESOURCE_COLLECTION), NULL, DRIVER_MEMBERS},
    [FILTER_PARENT] = {BIT(RESOURCE_APPLICATION) | BIT(RESOURCE_TASK) | BIT(RESOURCE_USER) |
                           BIT(RESOURCE_SHARE),
                       "r.parent", DRIVER_PARENT},
    [FILTER_TYPE] = {BIT(RESOURCE_ACTION) | BIT(RESOURCE_TASK) | BIT(RESOURCE_ROLE), "r.type",
                     DRIVER_TYPE},
    [FILTER_STATUS] = {BIT(RESOURCE_TASK), "json_extract(r.document, '$.status')", DRIVER_ALL},
    [FILTER_THNG] = {BIT(RESOURCE_ACTION), "r.thng", DRIVER_THNG},
    [FILTER_COLLECTION] = {BIT(RESOURCE_ACTION), "r.collection", DRIVER_COLLECTION},
    [FILTER_USER] = {BIT(RESOURCE_ACTION), "r.user", DRIVER_USER},
    [FILTER_CITY] = {BIT(RESOURCE_ACTION),
                     "instr(r.document, '\"city\"') > 0"
                     " AND json_extract(r.document, '$.context.city')",
                     DRIVER_ALL},
    [FILTER_COUNTRY_CODE] = {BIT(RESOURCE_ACTION),
                             "instr(r.document, '\"countryCode\"') > 0"
                             " AND json_extract(r.document, '$.context.countryCode')",
                             DRIVER_ALL},
    [FILTER_CREATED_AT] = {ANY, NULL, DRIVER_ALL},
};

const struct list_field *list_field(enum filter_field field)
{
    ASSERT((size_t)field < ARRAY_LEN(fields));
    return &fields[field];
}

/* ---- checking ---- */

static bool is_valid(const struct filter_condition *condition, enum resource_kind kind)
{
    if ((size_t)condition->field >= ARRAY_LEN(fields) ||
        (fields[condition->field].kinds & BIT(kind)) == 0) {
        return false;
    }
    switch (condition->field) {
    case FILTER_CREATED_AT:
        return condition->value_count == 0;
    case FILTER_TAGS:
        return condition->compare == FILTER_EQUAL && condition->value_count >= 1 &&
               condition->value_count <= DOCUMENTS_VALUES_MAX;
    default:
        return condition->compare == FILTER_EQUAL && condition->value_count == 1;
    }
}

static struct err check_query(const struct documents_query *query)
{
    ASSERT(query->near == NULL || query->kind == RESOURCE_PLACE);
    ASSERT(query->viewer_count == 0 || query->project != NULL);
    if (query->id_count > DOCUMENTS_IDS_MAX || query->condition_count > DOCUMENTS_CONDITIONS_MAX ||
        query->viewer_count > DOCUMENTS_VIEWERS_MAX) {
        return ERR(QUERY_INVALID);
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        if (!is_valid(&query->conditions[i], query->kind)) {
            return ERR(QUERY_INVALID);
        }
    }
    return ERR(OK);
}

/* ---- bounds ---- */

static int place_compare(struct list_place a, struct list_place b)
{
    int order = (a.created_ms > b.created_ms) - (a.created_ms < b.created_ms);
    return order ? order : slice_compare(a.id, b.id);
}

static void raise_low(struct list_bounds *bounds, int64_t created_ms, struct slice id)
{
    struct list_place place = {.created_ms = created_ms, .id = id};
    if (place_compare(place, bounds->low) > 0) {
        bounds->low = place;
    }
}

static void lower_high(struct list_bounds *bounds, int64_t created_ms, struct slice id)
{
    struct list_place place = {.created_ms = created_ms, .id = id};
    if (place_compare(place, bounds->high) < 0) {
        bounds->high = place;
    }
}

static struct list_bounds bounds_of(const struct documents_query *query, bool is_count)
{
    struct list_bounds bounds = {.low = {INT64_MIN, {0}}, .high = {INT64_MAX, ID_HIGHEST}};
    for (uint32_t i = 0; i < query->condition_count; i++) {
        const struct filter_condition *condition = &query->conditions[i];
        if (condition->field != FILTER_CREATED_AT) {
            continue;
        }
        if (condition->compare != FILTER_LESS) {
            bool is_greater = condition->compare == FILTER_GREATER;
            raise_low(&bounds, condition->number, is_greater ? ID_HIGHEST : (struct slice){0});
        }
        if (condition->compare != FILTER_GREATER) {
            bool is_less = condition->compare == FILTER_LESS;
            lower_high(&bounds, condition->number, is_less ? (struct slice){0} : ID_HIGHEST);
        }
    }
    if (query->has_after && query->near == NULL && !is_count) {
        struct slice id = id_slice(&query->after_id);
        if (query->ascending) {
            raise_low(&bounds, query->after_created_ms, id);
        } else {
            lower_high(&bounds, query->after_created_ms, id);
        }
    }
    return bounds;
}

/* ---- choosing ---- */

/* Which driver the condition could be; DRIVER_ALL for none. */
static enum list_driver_index driver_of(const struct list_plan *plan,
                                        const struct filter_condition *condition)
{
    const struct list_driver *drivers = plan->is_action ? action_drivers : resource_drivers;
    enum list_driver_index driver = fields[condition->field].driver;
    return drivers[driver].from != NULL && condition->value_count <= LIST_ARMS_MAX ? driver
                                                                                   : DRIVER_ALL;
}

static void choose_driver(struct list_plan *plan)
{
    const struct documents_query *query = plan->query;
    if (query->id_count > 0 || plan->has_only) {
        plan->which = DRIVER_IDS;
        return;
    }
    if (query->near != NULL && !plan->box.is_everywhere) {
        plan->which = DRIVER_NEAR;
    } else {
        plan->which = plan->sight != SIGHT_NONE ? DRIVER_SCOPE : DRIVER_ALL;
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        enum list_driver_index driver = driver_of(plan, &query->conditions[i]);
        if (driver < plan->which) {
            plan->which = driver;
            plan->driving = &query->conditions[i];
        }
    }
}

/* What follows from the choice. */
static void settle(struct list_plan *plan)
{
    plan->driver = plan->is_action ? &action_drivers[plan->which] : &resource_drivers[plan->which];
    plan->arm_count = 1;
    if (plan->driving != NULL) {
        plan->arm_count = plan->driving->value_count;
    } else if (plan->which == DRIVER_SCOPE) {
        plan->arm_count = list_viewer_count(plan);
    }
    if (plan->driver->is_aside) {
        plan->time = "d.created_ms";
        plan->id = "d.resource";
    } else {
        plan->time = plan->is_action ? "r.timestamp_ms" : "r.created_ms";
        plan->id = "r.id";
    }
}

struct err list_plan(const struct documents_query *query, bool is_count, struct list_plan *plan)
{
    TRY(check_query(query));
    *plan = (struct list_plan){
        .query = query, .is_count = is_count, .is_action = query->kind == RESOURCE_ACTION};
    if (query->near != NULL) {
        plan->box = near_box_of(query->near);
    }
    plan->bounds = bounds_of(query, is_count);
    list_plan_sight(plan);
    choose_driver(plan);
    settle(plan);
    return ERR(OK);
}

bool list_plan_can_narrow(const struct list_plan *plan)
{
    return plan->sight != SIGHT_NONE && plan->which > DRIVER_PARENT && plan->which < DRIVER_SCOPE;
}

void list_plan_narrow(struct list_plan *plan)
{
    ASSERT(list_plan_can_narrow(plan));
    plan->which = DRIVER_SCOPE;
    plan->driving = NULL;
    settle(plan);
}
