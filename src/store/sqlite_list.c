/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: from a query to a statement.
 *
 * One index drives the statement: it finds the rows in the order of the list, so that a page costs
 * what is on it. In order of preference: given ids (at most 100, the only case that sorts), then an
 * identifier, the name, the product, one tag, else all of account and kind. The other conditions
 * are looked at row by row.
 *
 *      SELECT ... FROM tag AS d INDEXED BY tag_list CROSS JOIN resource AS r ON r.id = d.resource
 *      WHERE d.account = ? AND d.kind = ? AND d.tag = ?            the driver
 *        AND (d.created_ms, d.resource) > (?, ?)                   bounds: page, createdAt
 *        AND (d.created_ms, d.resource) < (?, ?)
 *        AND r.name = ?                                            other conditions
 *      ORDER BY d.created_ms DESC, d.resource DESC LIMIT ? OFFSET ?
 *
 * INDEXED BY and CROSS JOIN say the plan instead of leaving it to the planner. Both bounds are
 * always there, wide open if need be: the page's position and any createdAt come down to one
 * interval. Lists of ids and values are padded to powers of two by repeating the last one, so that
 * there are few different texts. */
#include "store/sqlite_reader.h"

#include "base/assert.h"
#include "base/hash.h"

/* Sorts behind every id. */
#define ID_HIGHEST SLICE("\x7f")

enum driver {
    DRIVER_IDS,
    DRIVER_IDENTIFIER,
    DRIVER_NAME,
    DRIVER_PRODUCT,
    DRIVER_TAG,
    DRIVER_ALL,
    DRIVER_COUNT
};

/* What a statement driven by that index begins with, and what the columns of order are called. */
struct driver_row {
    const char *from;
    const char *join; /* when columns of the resource are needed */
    const char *where;
    const char *bounds;
    const char *order[2]; /* newest first, oldest first */
    const char *id;
};

#define RESOURCE_BOUNDS " AND (r.created_ms, r.id) > (?, ?) AND (r.created_ms, r.id) < (?, ?)"
#define RESOURCE_ORDERS                                                          \
    {                                                                            \
        " ORDER BY r.created_ms DESC, r.id DESC", " ORDER BY r.created_ms, r.id" \
    }
#define OTHER_JOIN " CROSS JOIN resource AS r INDEXED BY resource_id ON r.id = d.resource"
#define OTHER_BOUNDS \
    " AND (d.created_ms, d.resource) > (?, ?) AND (d.created_ms, d.resource) < (?, ?)"
#define OTHER_ORDERS                                                                         \
    {                                                                                        \
        " ORDER BY d.created_ms DESC, d.resource DESC", " ORDER BY d.created_ms, d.resource" \
    }

static const struct driver_row drivers[DRIVER_COUNT] = {
    [DRIVER_IDS] = {" FROM resource AS r INDEXED BY resource_id", "",
                    " WHERE r.account = ? AND r.kind = ?", RESOURCE_BOUNDS, RESOURCE_ORDERS,
                    "r.id"},
    [DRIVER_IDENTIFIER] = {" FROM identifier AS d INDEXED BY identifier_list", OTHER_JOIN,
                           " WHERE d.account = ? AND d.kind = ? AND d.key = ? AND d.value = ?",
                           OTHER_BOUNDS, OTHER_ORDERS, "d.resource"},
    [DRIVER_NAME] = {" FROM resource AS r INDEXED BY resource_name", "",
                     " WHERE r.account = ? AND r.kind = ? AND r.name = ?", RESOURCE_BOUNDS,
                     RESOURCE_ORDERS, "r.id"},
    [DRIVER_PRODUCT] = {" FROM resource AS r INDEXED BY resource_product", "",
                        " WHERE r.account = ? AND r.kind = ? AND r.product = ?", RESOURCE_BOUNDS,
                        RESOURCE_ORDERS, "r.id"},
    [DRIVER_TAG] = {" FROM tag AS d INDEXED BY tag_list", OTHER_JOIN,
                    " WHERE d.account = ? AND d.kind = ? AND d.tag = ?", OTHER_BOUNDS, OTHER_ORDERS,
                    "d.resource"},
    [DRIVER_ALL] = {" FROM resource AS r INDEXED BY resource_list", "",
                    " WHERE r.account = ? AND r.kind = ?", RESOURCE_BOUNDS, RESOURCE_ORDERS,
                    "r.id"},
};

/* ---- choosing ---- */

static bool is_valid(const struct filter_condition *condition)
{
    switch (condition->field) {
    case FILTER_CREATED_AT:
        return condition->value_count == 0;
    case FILTER_TAGS:
        return condition->compare == FILTER_EQUAL && condition->value_count >= 1 &&
               condition->value_count <= DOCUMENTS_VALUES_MAX;
    case FILTER_NAME:
    case FILTER_IDENTIFIER:
    case FILTER_PRODUCT:
    case FILTER_COLLECTIONS:
        return condition->compare == FILTER_EQUAL && condition->value_count == 1;
    }
    return false;
}

static struct err check_query(const struct documents_query *query)
{
    if (query->id_count > DOCUMENTS_IDS_MAX || query->condition_count > DOCUMENTS_CONDITIONS_MAX) {
        return ERR(QUERY_INVALID);
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        if (!is_valid(&query->conditions[i])) {
            return ERR(QUERY_INVALID);
        }
    }
    return ERR(OK);
}

/* Which driver the condition could be; DRIVER_ALL for none. */
static enum driver driver_of(const struct filter_condition *condition)
{
    switch (condition->field) {
    case FILTER_IDENTIFIER:
        return DRIVER_IDENTIFIER;
    case FILTER_NAME:
        return DRIVER_NAME;
    case FILTER_PRODUCT:
        return DRIVER_PRODUCT;
    case FILTER_TAGS: /* several tags would come in the order of the tags */
        return condition->value_count == 1 ? DRIVER_TAG : DRIVER_ALL;
    case FILTER_COLLECTIONS:
    case FILTER_CREATED_AT:
        break;
    }
    return DRIVER_ALL;
}

/* The best driver, and the condition that it takes care of; NULL for none. */
static enum driver choose_driver(const struct documents_query *query,
                                 const struct filter_condition **driving)
{
    enum driver best = DRIVER_ALL;
    *driving = NULL;
    if (query->id_count > 0) {
        return DRIVER_IDS;
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        enum driver driver = driver_of(&query->conditions[i]);
        if (driver < best) {
            best = driver;
            *driving = &query->conditions[i];
        }
    }
    return best;
}

/* ---- bounds ---- */

struct place {
    int64_t created_ms;
    struct slice id;
};

/* An open interval in the order of (created_ms, id). */
struct bounds {
    struct place low;
    struct place high;
};

static int place_compare(struct place a, struct place b)
{
    int order = (a.created_ms > b.created_ms) - (a.created_ms < b.created_ms);
    return order ? order : slice_compare(a.id, b.id);
}

static void raise_low(struct bounds *bounds, int64_t created_ms, struct slice id)
{
    struct place place = {.created_ms = created_ms, .id = id};
    if (place_compare(place, bounds->low) > 0) {
        bounds->low = place;
    }
}

static void lower_high(struct bounds *bounds, int64_t created_ms, struct slice id)
{
    struct place place = {.created_ms = created_ms, .id = id};
    if (place_compare(place, bounds->high) < 0) {
        bounds->high = place;
    }
}

static struct bounds bounds_of(const struct documents_query *query, bool is_count)
{
    struct bounds bounds = {.low = {INT64_MIN, {0}}, .high = {INT64_MAX, ID_HIGHEST}};
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
    if (query->has_after && !is_count) {
        struct slice id = id_slice(&query->after_id);
        if (query->ascending) {
            raise_low(&bounds, query->after_created_ms, id);
        } else {
            lower_high(&bounds, query->after_created_ms, id);
        }
    }
    return bounds;
}

/* ---- writing the statement ---- */

static void put(struct list *list, const char *text)
{
    buf_put(&list->text, slice_of_text(text));
}

static void add(struct list *list, struct list_parameter parameter)
{
    ASSERT(list->parameter_count < LIST_PARAMETERS_MAX);
    list->parameters[list->parameter_count++] = parameter;
}

static void add_number(struct list *list, int64_t number)
{
    add(list, (struct list_parameter){.number = number});
}

static void add_text(struct list *list, struct slice text)
{
    add(list, (struct list_parameter){.is_text = true, .text = text});
}

/* " IN (?, ?, ?, ?)" for <count> texts; the caller adds them with add_padded. */
static uint32_t put_in(struct list *list, uint32_t count)
{
    uint32_t padded = 1;
    while (padded < count) {
        padded *= 2;
    }
    put(list, " IN (?");
    for (uint32_t i = 1; i < padded; i++) {
        put(list, ", ?");
    }
    put(list, ")");
    return padded;
}

static void put_ids(struct list *list, const struct documents_query *query)
{
    put(list, " AND r.id");
    uint32_t padded = put_in(list, query->id_count);
    for (uint32_t i = 0; i < padded; i++) {
        uint32_t index = i < query->id_count ? i : query->id_count - 1;
        add_text(list, id_slice(&query->ids[index]));
    }
}

static void put_tags(struct list *list, const struct filter_condition *condition, const char *id)
{
    put(list, " AND EXISTS (SELECT 1 FROM tag AS t WHERE t.resource = ");
    put(list, id);
    put(list, " AND t.tag");
    uint32_t padded = put_in(list, condition->value_count);
    put(list, ")");
    for (uint32_t i = 0; i < padded; i++) {
        uint32_t index = i < condition->value_count ? i : condition->value_count - 1;
        add_text(list, condition->values[index]);
    }
}

static void put_condition(struct list *list, const struct filter_condition *condition,
                          const char *id)
{
    switch (condition->field) {
    case FILTER_NAME:
        put(list, " AND r.name = ?");
        add_text(list, condition->values[0]);
        return;
    case FILTER_PRODUCT:
        put(list, " AND r.product = ?");
        add_text(list, condition->values[0]);
        return;
    case FILTER_TAGS:
        put_tags(list, condition, id);
        return;
    case FILTER_IDENTIFIER:
        put(list, " AND EXISTS (SELECT 1 FROM identifier AS i WHERE i.resource = ");
        put(list, id);
        put(list, " AND i.key = ? AND i.value = ?)");
        add_text(list, condition->key);
        add_text(list, condition->values[0]);
        return;
    case FILTER_COLLECTIONS:
        put(list, " AND 0"); /* no resource is a member of a collection in this format */
        return;
    case FILTER_CREATED_AT:
        return; /* in the bounds */
    }
}

static bool needs_resource(const struct documents_query *query, bool is_count,
                           const struct filter_condition *driving)
{
    bool needs = !is_count;
    for (uint32_t i = 0; i < query->condition_count; i++) {
        const struct filter_condition *condition = &query->conditions[i];
        needs |= condition != driving &&
                 (condition->field == FILTER_NAME || condition->field == FILTER_PRODUCT);
    }
    return needs;
}

static void put_where(struct list *list, const struct documents_query *query, bool is_count,
                      const struct driver_row *driver, const struct filter_condition *driving)
{
    put(list, driver->where);
    add_number(list, query->account);
    add_number(list, query->kind);
    if (driving != NULL) {
        if (driving->field == FILTER_IDENTIFIER) {
            add_text(list, driving->key);
        }
        add_text(list, driving->values[0]);
    }
    const struct bounds bounds = bounds_of(query, is_count);
    put(list, driver->bounds);
    add_number(list, bounds.low.created_ms);
    add_text(list, bounds.low.id);
    add_number(list, bounds.high.created_ms);
    add_text(list, bounds.high.id);
    if (query->id_count > 0) {
        put_ids(list, query);
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        if (&query->conditions[i] != driving) {
            put_condition(list, &query->conditions[i], driver->id);
        }
    }
}

struct err list_build(struct list *list, const struct documents_query *query, bool is_count)
{
    TRY(check_query(query));
    buf_reset(&list->text);
    list->parameter_count = 0;
    const struct filter_condition *driving;
    const struct driver_row *driver = &drivers[choose_driver(query, &driving)];
    put(list, is_count ? "SELECT count(*)" : "SELECT " DOCUMENT_COLUMNS);
    put(list, driver->from);
    put(list, needs_resource(query, is_count, driving) ? driver->join : "");
    put_where(list, query, is_count, driver, driving);
    if (!is_count) {
        put(list, driver->order[query->ascending ? 1 : 0]);
        put(list, " LIMIT ? OFFSET ?");
        add_number(list, query->limit);
        add_number(list, query->skip);
    }
    buf_put_byte(&list->text, '\0');
    return list->text.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---- running it ---- */

/* The place of the statement with that text, or the one that has not been used for longest. */
static struct list_statement *find_place(struct documents_reader *reader, uint64_t text_hash,
                                         struct slice text)
{
    struct list_statement *oldest = &reader->lists[0];
    for (size_t i = 0; i < READER_LISTS_MAX; i++) {
        struct list_statement *list = &reader->lists[i];
        if (list->statement != NULL && list->text_hash == text_hash &&
            slice_equal(slice_of_text(sqlite3_sql(list->statement)), text)) {
            return list;
        }
        if (list->used < oldest->used) {
            oldest = list;
        }
    }
    db_finalize(&oldest->statement, 1);
    oldest->text_hash = text_hash;
    return oldest;
}

static struct err find_statement(struct documents_reader *reader, sqlite3_stmt **statement)
{
    struct slice text = buf_data(&reader->list.text);
    text.bytes--; /* the NUL */
    struct list_statement *list = find_place(reader, hash_bytes(0, text), text);
    list->used = ++reader->use_count;
    if (list->statement == NULL) {
        const char *texts[] = {(const char *)text.at};
        TRY(db_prepare(reader->db, texts, 1, &list->statement));
    }
    *statement = list->statement;
    return ERR(OK);
}

/* Builds and binds. */
static struct err start(struct documents_reader *reader, const struct documents_query *query,
                        bool is_count, struct db_call *call)
{
    struct list *list = &reader->list;
    TRY(list_build(list, query, is_count));
    sqlite3_stmt *statement;
    TRY(find_statement(reader, &statement));
    ASSERT(sqlite3_bind_parameter_count(statement) == (int)list->parameter_count);
    *call = db_call(statement);
    for (uint32_t i = 0; i < list->parameter_count; i++) {
        const struct list_parameter *parameter = &list->parameters[i];
        if (parameter->is_text) {
            db_put_text(call, parameter->text);
        } else {
            db_put_number(call, parameter->number);
        }
    }
    return ERR(OK);
}

struct err documents_list(struct documents_reader *reader, const struct documents_query *query,
                          document_visit_fn visit, void *arg)
{
    struct db_call call;
    struct err err = start(reader, query, false, &call);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    for (;;) {
        bool has_row;
        err = db_step(&call, &has_row);
        if (err_is_set(err)) {
            return reader_failed(reader, err);
        }
        struct document document;
        err = has_row ? reader_document(&call, &document) : ERR(OK);
        if (!has_row || err_is_set(err) || !visit(arg, &document)) {
            break;
        }
    }
    db_end(&call);
    return err;
}

struct err documents_count(struct documents_reader *reader, const struct documents_query *query,
                           uint64_t *count)
{
    struct db_call call;
    int64_t number;
    struct err err = start(reader, query, true, &call);
    if (!err_is_set(err)) {
        err = db_run_number(&call, &number);
    }
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    *count = (uint64_t)number;
    return ERR(OK);
}
