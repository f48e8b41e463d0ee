/* SPDX-License-Identifier: Apache-2.0
 *
 * lists_fixture.h - random thngs, tasks and actions, in the documents and in an array that can be
 * looked through: what the tests of lists stand on. */
#ifndef THRUM_TEST_UNIT_STORE_LISTS_FIXTURE_H
#define THRUM_TEST_UNIT_STORE_LISTS_FIXTURE_H

#include "unit/store/documents_fixture.h"

#define ROW_COUNT 900
#define NAME_COUNT 6
#define TAG_COUNT 5
#define PRODUCT_COUNT 4
#define VALUE_COUNT 5
#define TIME_COUNT 60 /* so that many are created in one millisecond */
#define COLLECTION_COUNT 4
#define PROJECT_COUNT 3
#define IN_ALL (1u << PROJECT_COUNT) /* in row.projects */
#define USER_COUNT 4
#define FOR_ALL (1u << USER_COUNT) /* in row.users */
#define TARGET_COUNT 5             /* thngs of actions, batches of tasks */
#define TYPE_COUNT 4
#define STATUS_COUNT 3

/* What there is besides the rows, by id_of: */
#define PRODUCT_ID(i) id_of(1000 + (i))
#define PRODUCT_GONE 3 /* deleted, and not yet taken out of thngs */
#define COLLECTION_ID(i) id_of(2000 + (i))
#define COLLECTION_EMPTIED 2 /* once, and not yet listed; some have come since */
#define COLLECTION_GONE 3
#define PROJECT_FIRST 3000
#define PROJECT_ID(i) id_of(PROJECT_FIRST + (i))
#define USER_FIRST 6000
#define USER_ID(i) id_of(USER_FIRST + (i))
#define TARGET_ID(i) id_of(4000 + (i))
#define TYPE_ID(i) id_of(5000 + (i))
#define TYPE_GONE 2  /* deleted */
#define TYPE_AGAIN 3 /* deleted when half of the rows had been written, and made again */

static const char *const type_names[TYPE_COUNT] = {"scans", "_kept", "_gone", "_again"};
static const char *const task_types[TYPE_COUNT] = {"A", "B", "C", "D"};
static const char *const statuses[STATUS_COUNT] = {"PENDING", "EXECUTED", "FAILED"};

/* What the array knows of a row. Numbers at or above a count mean: has none. */
struct row {
    struct id id;
    bool exists;
    uint32_t account;
    enum resource_kind kind;
    int64_t created_ms; /* of an action its timestamp */
    unsigned name;
    unsigned product;
    unsigned value;       /* of identifier "k" */
    unsigned tags;        /* a bit each, as the following */
    unsigned projects;    /* in its scopes */
    unsigned users;       /* in its scopes */
    unsigned collections; /* of which it is a member */
    unsigned target;      /* a task's batch, an action's thng */
    unsigned type;
    unsigned status;     /* of a task */
    unsigned collection; /* of an action, as the following */
    unsigned user;
    unsigned city;
};

struct lists {
    struct bench bench;
    struct rand rand;
    struct row rows[ROW_COUNT];
};

static inline unsigned below(struct lists *lists, unsigned bound)
{
    return (unsigned)rand_below(&lists->rand, bound);
}

/* ---- writing ---- */

static inline void put_member_id(struct buf *text, const char *name, struct id id)
{
    buf_put_format(text, ",\"%s\":\"%.24s\"", name, id.text);
}

static inline void put_action_members(struct buf *text, const struct row *row)
{
    buf_put_format(text, ",\"timestamp\":%lld,\"type\":\"%s\"", (long long)row->created_ms,
                   type_names[row->type]);
    if (row->target < TARGET_COUNT) {
        put_member_id(text, "thng", TARGET_ID(row->target));
    }
    if (row->collection < COLLECTION_COUNT) {
        put_member_id(text, "collection", COLLECTION_ID(row->collection));
    }
    if (row->user < 2) {
        buf_put_format(text, ",\"user\":\"u%u\"", row->user);
    }
}

static inline void put_text_of_row(struct buf *text, const struct row *row)
{
    bool is_action = row->kind == RESOURCE_ACTION;
    buf_put_format(text, "{\"id\":\"%.24s\",\"createdAt\":%lld", row->id.text,
                   (long long)(is_action ? 7 : row->created_ms));
    if (is_action) {
        put_action_members(text, row);
    } else if (row->name < NAME_COUNT) {
        buf_put_format(text, ",\"name\":\"n%u\"", row->name);
    }
    if (row->kind == RESOURCE_TASK) {
        put_member_id(text, "batch", TARGET_ID(row->target % TARGET_COUNT));
        buf_put_format(text, ",\"type\":\"%s\",\"status\":\"%s\"", task_types[row->type],
                       statuses[row->status]);
    } else if (row->product < PRODUCT_COUNT) {
        put_member_id(text, "product", PRODUCT_ID(row->product));
    }
    if (row->value < VALUE_COUNT) {
        buf_put_format(text, ",\"identifiers\":{\"j\":\"v0\",\"k\":\"v%u\"}", row->value);
    }
    BUF_PUT_LITERAL(text, ",\"tags\":[\"always\"");
    for (unsigned tag = 0; tag < TAG_COUNT; tag++) {
        if (row->tags & 1u << tag) {
            buf_put_format(text, ",\"t%u\"", tag);
        }
    }
    BUF_PUT_LITERAL(text, "]");
    if (is_action && row->city < 3) { /* with an escape: what counts is what it stands for */
        buf_put_format(text, ",\"context\":{\"city\":\"c\\u003%u\",\"countryCode\":\"k%u\"}",
                       row->city, row->city);
    }
    BUF_PUT_LITERAL(text, "}");
}

/* The texts of those whose bits are set; behind them "all" for the bit behind theirs. */
static inline void put_scope(struct buf *scopes, unsigned bits, unsigned count, uint32_t first)
{
    const char *comma = "";
    for (unsigned i = 0; i < count; i++) {
        if (bits & 1u << i) {
            buf_put_format(scopes, "%s\"%.24s\"", comma, id_of(first + i).text);
            comma = ",";
        }
    }
    if (bits & 1u << count) {
        buf_put_format(scopes, "%s\"all\"", comma);
    }
}

static inline void put_scopes_of_row(struct buf *scopes, const struct row *row)
{
    if (row->projects == 0 && row->users == 0) {
        return;
    }
    BUF_PUT_LITERAL(scopes, "{\"users\":[");
    put_scope(scopes, row->users, USER_COUNT, USER_FIRST);
    BUF_PUT_LITERAL(scopes, "],\"projects\":[");
    put_scope(scopes, row->projects, PROJECT_COUNT, PROJECT_FIRST);
    BUF_PUT_LITERAL(scopes, "]}");
}

static inline void write_row(struct lists *lists, const struct row *row,
                             enum event_operation operation)
{
    struct buf text = {0};
    struct buf scopes = {0};
    if (operation != OPERATION_DELETED) {
        put_text_of_row(&text, row);
        put_scopes_of_row(&scopes, row);
    }
    group_write_document(&lists->bench.group, row->account, operation, row->kind, &row->id,
                         buf_data(&text), buf_data(&scopes));
    buf_deinit(&text);
    buf_deinit(&scopes);
}

/* A resource of the account that is no row: a product, a collection, a type. */
static inline void write_other(struct lists *lists, enum event_operation operation,
                               enum resource_kind kind, struct id id, const char *name)
{
    struct buf text = {0};
    if (operation != OPERATION_DELETED) {
        buf_put_format(&text, "{\"createdAt\":1,\"name\":\"%s\"}", name);
    }
    group_write_document(&lists->bench.group, ACCOUNT, operation, kind, &id, buf_data(&text),
                         (struct slice){0});
    buf_deinit(&text);
}

/* ---- filling ---- */

static inline void make_row(struct lists *lists, struct row *row)
{
    row->name = below(lists, NAME_COUNT + 1);
    row->product = below(lists, PRODUCT_COUNT + 2);
    row->value = below(lists, VALUE_COUNT + 1);
    row->tags = below(lists, 1u << TAG_COUNT);
    row->projects = below(lists, 3) ? 1u << below(lists, PROJECT_COUNT + 1) |
                                          1u << below(lists, PROJECT_COUNT + 1)
                                    : 0;
    row->users = below(lists, 3)
                     ? 1u << below(lists, USER_COUNT + 1) | 1u << below(lists, USER_COUNT + 1)
                     : 0;
    row->target = below(lists, TARGET_COUNT + 1);
    row->type = below(lists, TYPE_COUNT);
    row->status = below(lists, STATUS_COUNT);
    row->collection = below(lists, COLLECTION_COUNT + 2);
    row->user = below(lists, 4);
    row->city = below(lists, 8);
}

static inline void make_rows(struct lists *lists)
{
    static const enum resource_kind kinds[] = {RESOURCE_THNG, RESOURCE_THNG, RESOURCE_ACTION,
                                               RESOURCE_ACTION, RESOURCE_TASK};
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        struct row *row = &lists->rows[i];
        row->created_ms = 1000 + below(lists, TIME_COUNT);
        row->id = id_generate(&lists->rand, row->created_ms);
        row->account = 1 + below(lists, 8) / 7;
        row->kind = kinds[below(lists, ARRAY_LEN(kinds))];
        row->exists = true;
        make_row(lists, row);
        write_row(lists, row, OPERATION_CREATED);
        if (i == ROW_COUNT / 2) {
            write_other(lists, OPERATION_DELETED, RESOURCE_ACTION_TYPE, TYPE_ID(TYPE_AGAIN), "");
            write_other(lists, OPERATION_CREATED, RESOURCE_ACTION_TYPE, TYPE_ID(TYPE_AGAIN),
                        type_names[TYPE_AGAIN]);
        }
    }
}

/* Most resources are changed, some rows deleted, some of these made again. */
static inline void change_rows(struct lists *lists)
{
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        struct row *row = &lists->rows[i];
        if (below(lists, 8) == 0) {
            row->exists = false;
            write_row(lists, row, OPERATION_DELETED);
        }
        if (row->kind != RESOURCE_ACTION && below(lists, 4) != 0) {
            enum event_operation operation = row->exists ? OPERATION_UPDATED : OPERATION_CREATED;
            row->exists = true;
            make_row(lists, row);
            write_row(lists, row, operation);
        }
    }
}

static inline void write_members(struct lists *lists, enum member_change change, uint8_t flags,
                                 unsigned collection, const struct row *row)
{
    struct id id = COLLECTION_ID(collection);
    group_write_members(&lists->bench.group, ACCOUNT, change, flags, &id, (struct slice){0},
                        RESOURCE_THNG, &row->id, 1);
}

static inline void join(struct lists *lists, unsigned collection, unsigned one_in)
{
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        struct row *row = &lists->rows[i];
        if (row->kind == RESOURCE_THNG && row->account == ACCOUNT && row->exists &&
            below(lists, one_in) == 0) {
            row->collections |= 1u << collection;
            write_members(lists, MEMBERS_ADDED, 0, collection, row);
        }
    }
}

static inline void fill_members(struct lists *lists)
{
    for (unsigned i = 0; i < COLLECTION_COUNT; i++) {
        join(lists, i, 2);
    }
    const struct row *listed = lists->rows; /* one; the others' rows stay for now */
    while ((listed->collections & 1u << COLLECTION_EMPTIED) == 0) {
        listed++;
    }
    write_members(lists, MEMBERS_CLEARED, MEMBERS_ALL, COLLECTION_EMPTIED, listed);
    write_other(lists, OPERATION_DELETED, RESOURCE_COLLECTION, COLLECTION_ID(COLLECTION_GONE), "");
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        struct row *row = &lists->rows[i];
        row->collections &= ~(1u << COLLECTION_EMPTIED | 1u << COLLECTION_GONE);
        if (row->collections & 1u && below(lists, 4) == 0) {
            row->collections &= ~1u;
            write_members(lists, MEMBERS_REMOVED, 0, 0, row);
        }
    }
    join(lists, COLLECTION_EMPTIED, 6);
}

static inline void fill_others(struct lists *lists)
{
    for (unsigned i = 0; i < PRODUCT_COUNT; i++) {
        write_other(lists, OPERATION_CREATED, RESOURCE_PRODUCT, PRODUCT_ID(i), "p");
    }
    for (unsigned i = 0; i < COLLECTION_COUNT; i++) {
        write_other(lists, OPERATION_CREATED, RESOURCE_COLLECTION, COLLECTION_ID(i), "c");
    }
    for (unsigned i = 1; i < TYPE_COUNT; i++) {
        write_other(lists, OPERATION_CREATED, RESOURCE_ACTION_TYPE, TYPE_ID(i), type_names[i]);
    }
}

static inline int set_up_lists(void **state)
{
    struct lists *lists = calloc(1, sizeof(*lists));
    assert_non_null(lists);
    rand_seed(&lists->rand, 21);
    open_bench(&lists->bench);
    fill_others(lists);
    make_rows(lists);
    assert_ok(apply(&lists->bench));
    change_rows(lists);
    fill_members(lists);
    write_other(lists, OPERATION_DELETED, RESOURCE_ACTION_TYPE, TYPE_ID(TYPE_GONE), "");
    write_other(lists, OPERATION_DELETED, RESOURCE_PRODUCT, PRODUCT_ID(PRODUCT_GONE), "");
    assert_ok(apply(&lists->bench));
    *state = lists;
    return 0;
}

static inline int tear_down_lists(void **state)
{
    struct lists *lists = *state;
    close_bench(&lists->bench);
    free(lists);
    return 0;
}

/* An action counts as long as its type is the one that it was made of. */
static inline bool row_lives(const struct lists *lists, const struct row *row)
{
    if (row->kind != RESOURCE_ACTION || !row->exists) {
        return row->exists;
    }
    /* The other account has no types of its own. */
    bool is_custom = type_names[row->type][0] == '_';
    bool came_after = row - lists->rows > ROW_COUNT / 2;
    return !is_custom || (row->account == ACCOUNT && row->type != TYPE_GONE &&
                          (row->type != TYPE_AGAIN || came_after));
}

#endif
