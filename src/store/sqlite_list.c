/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: from a query to a statement.
 *
 * One index drives the statement: it finds the rows in the order of the list, so that a page costs
 * what is on it. Which one, is said by the tables of drivers below, the best first. The other
 * conditions are looked at row by row.
 *
 *      SELECT ... FROM tag AS d INDEXED BY tag_list CROSS JOIN resource AS r ON r.id = d.resource
 *      WHERE d.account = ?1 AND d.kind = ?2 AND d.tag = ?7         the driver
 *        AND (d.created_ms, d.resource) > (?3, ?4)                 bounds: page, createdAt
 *        AND (d.created_ms, d.resource) < (?5, ?6)
 *        AND r.name = ?8                                           other conditions
 *      ORDER BY 4 DESC, 1 DESC LIMIT ?9 OFFSET ?10
 *
 * INDEXED BY and CROSS JOIN say the plan instead of leaving it to the planner. Both bounds are
 * always there, wide open if need be: the page's position and any createdAt come down to one
 * interval. Lists of ids and values are padded to powers of two by repeating the last one, so that
 * there are few different texts.
 *
 * Where several values drive (one of several tags; visible in this project, or in all; to all users
 * of this project, or to this user), each is an arm, a SELECT of its own, joined by UNION ALL:
 * SQLite merges arms that come in order. What is in several arms then comes several times, which
 * whoever steps through it passes over. All arms have the same parameters, but for the value that
 * drives.
 *
 * Ids of which there may be any number, and that do not drive, are one parameter, a JSON array.
 *
 * Lists by distance are sorted, each arm by itself; so are those of given ids, which are few. */
#include "store/sqlite_list.h"

#include "base/assert.h"

#include <math.h>

/* ---- writing the statement ---- */

static void put(struct list *list, const char *text)
{
    buf_put(&list->text, slice_of_text(text));
}

/* The next parameter; returns its number. Its mark in the text is put_mark's. */
static uint32_t add(struct list *list, struct list_parameter parameter)
{
    ASSERT(list->parameter_count < LIST_PARAMETERS_MAX);
    list->parameters[list->parameter_count++] = parameter;
    return list->parameter_count;
}

static uint32_t add_number(struct list *list, int64_t number)
{
    return add(list, (struct list_parameter){.type = LIST_NUMBER, .number = number});
}

static uint32_t add_real(struct list *list, double real)
{
    return add(list, (struct list_parameter){.type = LIST_REAL, .real = real});
}

static uint32_t add_text(struct list *list, struct slice text)
{
    return add(list, (struct list_parameter){.type = LIST_TEXT, .text = text});
}

static void put_mark(struct list *list, uint32_t number)
{
    put(list, "?");
    buf_put_decimal_unsigned(&list->text, number);
}

static void put_number(struct list *list, int64_t number)
{
    put_mark(list, add_number(list, number));
}

static void put_real(struct list *list, double real)
{
    put_mark(list, add_real(list, real));
}

static void put_text(struct list *list, struct slice text)
{
    put_mark(list, add_text(list, text));
}

static uint32_t padded_count(uint32_t count)
{
    uint32_t padded = 1;
    while (padded < count) {
        padded *= 2;
    }
    return padded;
}

/* ---- sets ---- */

/* Makes room for all of them, so that none moves when the next one is put behind it. */
static struct err reserve_sets(struct list *list, const struct documents_query *query)
{
    static const size_t frame_bytes = sizeof("[\"all\",\"*all\"]");
    static const size_t item_bytes = ID_BYTES + sizeof(",\"*\"");
    size_t ids = 2 * (size_t)query->reach_count + query->viewer_count + 1 + query->place_count;
    buf_reset(&list->sets);
    return buf_reserve(&list->sets, 3 * frame_bytes + ids * item_bytes);
}

/* A set is a JSON array of <first>, JSON strings, and of ids with marks before them. Returns where
 * it begins. */
static size_t begin_set(struct list *list, struct slice first)
{
    size_t from = list->sets.tail;
    buf_put_byte(&list->sets, '[');
    buf_put(&list->sets, first);
    return from;
}

static void put_items(struct list *list, struct slice mark, const struct id *ids, uint32_t count)
{
    struct buf *sets = &list->sets;
    for (uint32_t i = 0; i < count; i++) {
        buf_put(sets, sets->at[sets->tail - 1] == '[' ? SLICE("\"") : SLICE(",\""));
        buf_put(sets, mark);
        buf_put(sets, id_slice(&ids[i])); /* needs no escapes */
        buf_put_byte(sets, '"');
    }
}

static uint32_t add_set(struct list *list, size_t from)
{
    buf_put_byte(&list->sets, ']');
    return add_text(list, slice_from(buf_data(&list->sets), from));
}

static uint32_t add_reach(struct list *list, const struct documents_query *query)
{
    bool is_of_parents = query->kind == RESOURCE_APPLICATION;
    size_t from = begin_set(list, is_of_parents ? (struct slice){0} : SLICE("\"all\",\"*all\""));
    put_items(list, (struct slice){0}, query->reach, query->reach_count);
    if (!is_of_parents) {
        put_items(list, SLICE("*"), query->reach, query->reach_count);
    }
    return add_set(list, from);
}

static uint32_t add_viewers(struct list *list, const struct documents_query *query)
{
    bool has_all = !query->viewers_by_name;
    size_t from = begin_set(list, has_all ? SLICE("\"*all\"") : (struct slice){0});
    put_items(list, SLICE("*"), query->project, has_all ? 1 : 0);
    put_items(list, SLICE("@"), query->viewers, query->viewer_count);
    return add_set(list, from);
}

static void add_sets(struct list *list, struct list_plan *plan)
{
    if (list_plan_asks_reach(plan)) {
        plan->reach = add_reach(list, plan->query);
    }
    if (list_plan_asks_viewers(plan)) {
        plan->viewers = add_viewers(list, plan->query);
    }
    if (plan->has_only) {
        size_t from = begin_set(list, (struct slice){0});
        put_items(list, (struct slice){0}, plan->only, plan->only_count);
        plan->only_set = add_set(list, from);
    }
}

/* ---- what all arms share ---- */

/* What drives, a parameter an arm. */
static void add_values(struct list *list, struct list_plan *plan)
{
    plan->values = list->parameter_count + 1;
    if (plan->driving != NULL) {
        for (uint32_t i = 0; i < plan->arm_count; i++) {
            add_text(list, plan->driving->values[i]);
        }
    } else if (plan->which == DRIVER_SCOPE) {
        for (uint32_t i = 0; i < plan->arm_count; i++) {
            add_text(list, list_viewer(plan, i).text);
        }
    }
}

/* Those parameters that are the same in all arms, but for conditions. */
static void add_fixed(struct list *list, struct list_plan *plan)
{
    const struct documents_query *query = plan->query;
    add_number(list, query->account);
    add_number(list, query->kind);
    add_number(list, plan->bounds.low.created_ms);
    add_text(list, plan->bounds.low.id);
    add_number(list, plan->bounds.high.created_ms);
    add_text(list, plan->bounds.high.id);
    ASSERT(list->parameter_count == FIXED_PARAMETERS);
    if (query->near != NULL) {
        plan->point = add_real(list, query->near->latitude);
        add_real(list, query->near->longitude);
    }
    if (query->project != NULL) {
        plan->project = add_text(list, id_slice(query->project));
    }
    add_sets(list, plan);
    add_values(list, plan);
}

static void put_distance(struct list *list, const struct list_plan *plan)
{
    put(list, "distance_km(");
    put_mark(list, plan->point);
    put(list, ", ");
    put_mark(list, plan->point + 1);
    put(list, ", p.latitude, p.longitude)");
}

static void put_columns(struct list *list, const struct list_plan *plan)
{
    put(list, plan->id);
    put(list, plan->is_action ? ", r.account, 13, " : ", r.account, r.kind, ");
    put(list, plan->time);
    put(list, plan->is_action ? ", " ACTION_TAIL ", " : ", " RESOURCE_TAIL ", ");
    if (plan->query->near != NULL) {
        put_distance(list, plan);
    } else {
        put(list, "0.0");
    }
}

/* ---- from ---- */

/* The places in the box: those of all accounts, of which the rest is left out afterwards. */
static void put_boxes(struct list *list, const struct list_plan *plan)
{
    uint32_t south = add_real(list, plan->box.south);
    uint32_t north = add_real(list, plan->box.north);
    for (size_t i = 0; i < ARRAY_LEN(plan->box.west); i++) {
        put(list, i == 0 ? "(" : " UNION ALL ");
        put(list, "SELECT number FROM place_rtree WHERE max_lat >= ");
        put_mark(list, south);
        put(list, " AND min_lat <= ");
        put_mark(list, north);
        put(list, " AND max_lon >= ");
        put_real(list, plan->box.west[i]);
        put(list, " AND min_lon <= ");
        put_real(list, plan->box.east[i]);
    }
    put(list, ") AS b CROSS JOIN resource AS r ON r.number = b.number");
}

/* Must rows of that kind be asked (put_lives)? */
static bool can_be_dead(enum resource_kind kind)
{
    return kind == RESOURCE_APPLICATION || kind == RESOURCE_USER || kind == RESOURCE_SHARE ||
           kind == RESOURCE_NAME;
}

/* Counting can do without the rows themselves, when the driver says all that is asked. */
static bool needs_rows(const struct list_plan *plan)
{
    const struct documents_query *query = plan->query;
    bool needs =
        !plan->is_count || query->near != NULL || plan->is_action || can_be_dead(query->kind);
    for (uint32_t i = 0; i < query->condition_count; i++) {
        const struct filter_condition *condition = &query->conditions[i];
        needs |= condition != plan->driving && list_field(condition->field)->column != NULL;
    }
    return needs;
}

static void put_from(struct list *list, const struct list_plan *plan)
{
    put(list, " FROM ");
    put(list, plan->driver->from);
    if (plan->which == DRIVER_NEAR) {
        put_boxes(list, plan);
    }
    if (plan->driver->is_aside && needs_rows(plan)) {
        put(list, plan->is_action
                      ? " CROSS JOIN action AS r INDEXED BY action_id ON r.id = d.resource"
                      : " CROSS JOIN resource AS r INDEXED BY resource_id ON r.id = d.resource");
    }
    if (plan->query->near != NULL) {
        put(list, " CROSS JOIN place AS p ON p.resource = r.id");
    }
}

/* ---- where ---- */

/* " AND r.id IN (?, ?, ?, ?)", padded. */
static void put_ids(struct list *list, const struct documents_query *query)
{
    uint32_t padded = padded_count(query->id_count);
    for (uint32_t i = 0; i < padded; i++) {
        uint32_t index = i < query->id_count ? i : query->id_count - 1;
        put(list, i == 0 ? " AND r.id IN (" : ", ");
        put_text(list, id_slice(&query->ids[index]));
    }
    put(list, ")");
}

/* "(SELECT value FROM json_each(?", of a set. */
static void put_set(struct list *list, uint32_t number)
{
    put(list, "(SELECT value FROM json_each(");
    put_mark(list, number);
    put(list, ")");
}

static void put_only(struct list *list, const struct list_plan *plan)
{
    put(list, " AND r.id IN ");
    put_set(list, plan->only_set);
    put(list, ")");
}

static void put_tags(struct list *list, const struct list_plan *plan,
                     const struct filter_condition *condition)
{
    put(list, " AND EXISTS (SELECT 1 FROM tag AS t WHERE t.resource = ");
    put(list, plan->id);
    uint32_t padded = padded_count(condition->value_count);
    for (uint32_t i = 0; i < padded; i++) {
        uint32_t index = i < condition->value_count ? i : condition->value_count - 1;
        put(list, i == 0 ? " AND t.tag IN (" : ", ");
        put_text(list, condition->values[index]);
    }
    put(list, "))");
}

/* Where the membership under that name is of a collection that is there, and came after the last
 * time that it was emptied. <collection> is the parameter with its id. */
static void put_member_lives(struct list *list, const struct list_plan *plan, const char *name,
                             uint32_t collection)
{
    put(list, " AND ");
    put(list, name);
    put(list, plan->query->kind == RESOURCE_THNG ? ".sequence > (SELECT c.cleared_thngs"
                                                 : ".sequence > (SELECT c.cleared_collections");
    put(list, " FROM resource AS c WHERE c.id = ");
    put_mark(list, collection);
    put(list, " AND c.account = ?1 AND c.kind = 5)");
}

/* A deleted product is a reference of no thng, though it may still be in their rows. Actions keep
 * theirs. <product> is the parameter with its id. */
static void put_product_lives(struct list *list, const struct list_plan *plan, uint32_t product)
{
    if (!plan->is_action) {
        put(list, " AND (NOT EXISTS (SELECT 1 FROM cascade)"
                  " OR EXISTS (SELECT 1 FROM resource AS g WHERE g.kind = 4 AND g.id = ");
        put_mark(list, product);
        put(list, "))");
    }
}
static_assert(RESOURCE_PRODUCT == 4, "it is in the text above");

static void put_column(struct list *list, const struct list_plan *plan,
                       const struct filter_condition *condition)
{
    bool is_in_document = condition->field == FILTER_TYPE && !plan->is_action;
    put(list, " AND ");
    put(list, is_in_document ? "json_extract(r.document, '$.type')"
                             : list_field(condition->field)->column);
    put(list, " = ");
    uint32_t value = add_text(list, condition->values[0]);
    put_mark(list, value);
    if (condition->field == FILTER_PRODUCT) {
        put_product_lives(list, plan, value);
    }
}

static void put_condition(struct list *list, const struct list_plan *plan,
                          const struct filter_condition *condition)
{
    switch (condition->field) {
    case FILTER_TAGS:
        put_tags(list, plan, condition);
        return;
    case FILTER_IDENTIFIER:
        put(list, " AND EXISTS (SELECT 1 FROM identifier AS i WHERE i.resource = ");
        put(list, plan->id);
        put(list, " AND i.key = ");
        put_text(list, condition->key);
        put(list, " AND i.value = ");
        put_text(list, condition->values[0]);
        put(list, ")");
        return;
    case FILTER_COLLECTIONS:
        put(list, " AND EXISTS (SELECT 1 FROM member AS m WHERE m.resource = ");
        put(list, plan->id);
        put(list, " AND m.collection = ");
        uint32_t collection = add_text(list, condition->values[0]);
        put_mark(list, collection);
        put_member_lives(list, plan, "m", collection);
        put(list, ")");
        return;
    case FILTER_CREATED_AT:
        return; /* in the bounds */
    default:
        put_column(list, plan, condition);
        return;
    }
}

/* What drives that arm. */
static void put_value(struct list *list, const struct list_plan *plan, uint32_t arm)
{
    if (plan->which == DRIVER_SCOPE) {
        put(list, "'");
        put(list, list_viewer(plan, arm).mark);
        put(list, "' || ");
    }
    put_mark(list, plan->values + arm);
}

/* What the driver's index finds: its value, between the bounds. */
static void put_driver(struct list *list, const struct list_plan *plan, uint32_t arm)
{
    put(list, plan->driver->is_aside ? " WHERE d.account = ?1 AND d.kind = ?2"
              : plan->is_action      ? " WHERE r.account = ?1"
                                     : " WHERE r.account = ?1 AND r.kind = ?2");
    if (plan->which == DRIVER_IDENTIFIER) {
        put(list, " AND d.key = ");
        put_text(list, plan->driving->key);
    }
    if (plan->driver->value != NULL) {
        put(list, " AND ");
        put(list, plan->driver->value);
        put(list, " = ");
        put_value(list, plan, arm);
    }
    static const char *const sides[] = {") > (?3, ?4)", ") < (?5, ?6)"};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        put(list, " AND (");
        put(list, plan->time);
        put(list, ", ");
        put(list, plan->id);
        put(list, sides[i]);
    }
    if (plan->which == DRIVER_MEMBERS) {
        put_member_lives(list, plan, "d", plan->values);
    } else if (plan->which == DRIVER_PRODUCT) {
        put_product_lives(list, plan, plan->values);
    } else if (plan->which == DRIVER_IDS && plan->query->id_count > 0) {
        put_ids(list, plan->query);
    }
    if (plan->has_only) {
        put_only(list, plan);
    }
}

/* Counting, each row counts in the first arm that has it. */
static void put_not_earlier(struct list *list, const struct list_plan *plan, uint32_t arm)
{
    uint32_t count = list_earlier_count(plan, arm);
    if (plan->is_count && count > 0) {
        put(list, " AND NOT ");
        put(list, plan->driver->earlier);
        for (uint32_t i = 0; i < count; i++) {
            put(list, i == 0 ? "" : ", ");
            put_value(list, plan, i);
        }
        put(list, "))");
    }
}

static void put_near(struct list *list, const struct list_plan *plan)
{
    const struct documents_near *near = plan->query->near;
    if (isfinite(near->distance_km_max)) {
        put(list, " AND ");
        put_distance(list, plan);
        put(list, " <= ");
        put_real(list, near->distance_km_max);
    }
    if (near->has_after && !plan->is_count) {
        put(list, " AND (");
        put_distance(list, plan);
        put(list, ", r.id) > (");
        put_real(list, near->after_distance_km);
        put(list, ", ");
        put_text(list, id_slice(&plan->query->after_id));
        put(list, ")");
    }
}

/* " AND EXISTS (SELECT ... IN", of the row's scopes. There are few, and they lie side by side: they
 * are all looked at (which is what the + says), rather than each value looked for. */
static void put_scope(struct list *list, const struct list_plan *plan)
{
    put(list, " AND EXISTS (SELECT 1 FROM scope AS s WHERE s.resource = ");
    put(list, plan->id);
    put(list, " AND +s.viewer IN ");
}

static void put_project(struct list *list, const struct list_plan *plan)
{
    put_scope(list, plan);
    put(list, "('*' || ");
    put_mark(list, plan->project);
    put(list, ", ");
    put_mark(list, plan->project);
    put(list, ", '*all', 'all'))");
}

static void put_reach(struct list *list, const struct list_plan *plan)
{
    if (plan->query->kind == RESOURCE_APPLICATION) {
        put(list, " AND r.parent IN ");
        put_set(list, plan->reach);
        put(list, ")");
    } else {
        put_scope(list, plan);
        put_set(list, plan->reach);
        put(list, "))");
    }
}

static void put_viewers(struct list *list, const struct list_plan *plan)
{
    put_scope(list, plan);
    put_set(list, plan->viewers);
    put(list, "))");
}

/* What the query's actor sees, as far as the driver does not say it. */
static void put_sight(struct list *list, const struct list_plan *plan, uint32_t arm)
{
    if (list_plan_asks_project(plan, arm)) {
        put_project(list, plan);
    }
    if (list_plan_asks_reach(plan)) {
        put_reach(list, plan);
    }
    if (list_plan_asks_viewers(plan)) {
        put_viewers(list, plan);
    }
}

/* Leaves out what has gone with something else, and whose row is there still. */
static void put_lives(struct list *list, enum resource_kind kind)
{
    switch (kind) {
    case RESOURCE_APPLICATION:
        put(list, " AND " APPLICATION_LIVES);
        return;
    case RESOURCE_ACTION:
        put(list, " AND " ACTION_LIVES);
        return;
    case RESOURCE_USER:
        put(list, " AND " USER_LIVES);
        return;
    case RESOURCE_SHARE:
        put(list, " AND " SHARE_LIVES);
        return;
    case RESOURCE_NAME:
        put(list, " AND " NAME_LIVES);
        return;
    default:
        return;
    }
}

static void put_conditions(struct list *list, const struct list_plan *plan, uint32_t arm)
{
    const struct documents_query *query = plan->query;
    for (uint32_t i = 0; i < query->condition_count; i++) {
        if (&query->conditions[i] != plan->driving) {
            put_condition(list, plan, &query->conditions[i]);
        }
    }
    if (query->near != NULL) {
        put_near(list, plan);
    }
    put_sight(list, plan, arm);
    put_lives(list, query->kind);
}

/* ---- all of it ---- */

static void put_arm(struct list *list, const struct list_plan *plan, uint32_t arm)
{
    put(list, "SELECT ");
    if (plan->is_count) {
        put(list, "count(*)");
    } else {
        put_columns(list, plan);
    }
    put_from(list, plan);
    put_driver(list, plan, arm);
    put_not_earlier(list, plan, arm);
    put_conditions(list, plan, arm);
}

/* The arms of a list are merged, those of a count are added up. */
static void put_arms(struct list *list, const struct list_plan *plan)
{
    uint32_t shared = list->parameter_count;
    for (uint32_t arm = 0; arm < plan->arm_count; arm++) {
        list->parameter_count = shared; /* each adds the same again */
        if (plan->is_count) {
            put(list, arm == 0 ? "SELECT (" : " + (");
            put_arm(list, plan, arm);
            put(list, ")");
        } else {
            put(list, arm == 0 ? "" : " UNION ALL ");
            put_arm(list, plan, arm);
        }
    }
}

static void put_order(struct list *list, const struct list_plan *plan)
{
    static_assert(DOCUMENT_COLUMN_CREATED == 4 && DOCUMENT_COLUMN_DISTANCE == 11,
                  "they are in the texts below");
    put(list, plan->query->near != NULL ? " ORDER BY 11, 1"
              : plan->query->ascending  ? " ORDER BY 4, 1"
                                        : " ORDER BY 4 DESC, 1 DESC");
    if (!list->is_merged) {
        put(list, " LIMIT ");
        put_number(list, plan->query->limit);
        put(list, " OFFSET ");
        put_number(list, plan->query->skip);
    }
}

struct err list_write(struct list *list, struct list_plan *plan)
{
    buf_reset(&list->text);
    list->parameter_count = 0;
    list->is_merged = plan->arm_count > 1 && !plan->is_count;
    TRY(reserve_sets(list, plan->query));
    add_fixed(list, plan);
    put_arms(list, plan);
    if (!plan->is_count) {
        put_order(list, plan);
    }
    buf_put_byte(&list->text, '\0');
    return list->text.failed ? ERR(NO_MEMORY) : ERR(OK);
}
