/* SPDX-License-Identifier: Apache-2.0
 *
 * The plans that SQLite makes of lists: each comes out of one index in order, page by page. */
#include "store/sqlite_list.h"

#include "unit/store/documents_fixture.h"

#include <math.h>

#define PLAN_BYTES 4096

/* The plan of the query's statement, in one line. */
static void explain(struct bench *bench, const struct documents_query *query, bool is_count,
                    bool narrow, char *plan_text, size_t plan_bytes)
{
    struct list *list = calloc(1, sizeof(*list));
    assert_non_null(list);
    struct list_plan plan;
    assert_ok(list_plan(query, is_count, &plan));
    if (narrow) {
        list_plan_narrow(&plan);
    }
    assert_ok(list_write(list, &plan));
    struct buf text = {0};
    BUF_PUT_LITERAL(&text, "EXPLAIN QUERY PLAN ");
    buf_put(&text, buf_data(&list->text));
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(bench->path, &db), SQLITE_OK);
    assert_ok(near_register(db));
    if (sqlite3_prepare_v2(db, (const char *)text.at, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sqlite3_errmsg(db), (const char *)text.at);
    }
    plan_text[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t bytes = strlen(plan_text);
        snprintf(plan_text + bytes, plan_bytes - bytes, "%s; ",
                 (const char *)sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    buf_deinit(&text);
    buf_deinit(&list->text);
    buf_deinit(&list->sets);
    free(list);
}

static const struct slice two[] = {SLICE_INIT("a"), SLICE_INIT("b")};

#define BETWEEN_RESOURCES "AND (created_ms,id)>(?,?) AND (created_ms,id)<(?,?)"
#define BETWEEN_ROWS "AND (created_ms,resource)>(?,?) AND (created_ms,resource)<(?,?)"
#define BETWEEN_ACTIONS "AND (timestamp_ms,id)>(?,?) AND (timestamp_ms,id)<(?,?)"

/* A list with one condition, or none (FILTER_CREATED_AT). */
static const struct plan_row {
    enum resource_kind kind;
    enum filter_field field;
    uint32_t value_count;
    bool in_project;
    const char *search;
} rows[] = {
    {RESOURCE_THNG, FILTER_NAME, 1, false,
     "resource_name (account=? AND kind=? AND name=? " BETWEEN_RESOURCES},
    {RESOURCE_THNG, FILTER_NAME, 1, true,
     "resource_name (account=? AND kind=? AND name=? " BETWEEN_RESOURCES},
    {RESOURCE_THNG, FILTER_PRODUCT, 1, false,
     "resource_product (account=? AND kind=? AND product=? " BETWEEN_RESOURCES},
    {RESOURCE_TASK, FILTER_PARENT, 1, false,
     "resource_parent (account=? AND kind=? AND parent=? " BETWEEN_RESOURCES},
    {RESOURCE_APPLICATION, FILTER_PARENT, 1, false,
     "resource_parent (account=? AND kind=? AND parent=? " BETWEEN_RESOURCES},
    {RESOURCE_THNG, FILTER_CREATED_AT, 0, false,
     "resource_list (account=? AND kind=? " BETWEEN_RESOURCES},
    {RESOURCE_PLACE, FILTER_CREATED_AT, 0, false,
     "resource_list (account=? AND kind=? " BETWEEN_RESOURCES},
    {RESOURCE_THNG, FILTER_TAGS, 1, false,
     "tag_list (account=? AND kind=? AND tag=? " BETWEEN_ROWS},
    {RESOURCE_THNG, FILTER_TAGS, 2, false,
     "tag_list (account=? AND kind=? AND tag=? " BETWEEN_ROWS},
    {RESOURCE_THNG, FILTER_TAGS, 1, true, "tag_list (account=? AND kind=? AND tag=? " BETWEEN_ROWS},
    {RESOURCE_THNG, FILTER_IDENTIFIER, 1, false,
     "identifier_list (account=? AND kind=? AND key=? AND value=? " BETWEEN_ROWS},
    {RESOURCE_THNG, FILTER_COLLECTIONS, 1, false,
     "member_list (collection=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_COLLECTION, FILTER_COLLECTIONS, 1, false,
     "member_list (collection=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_THNG, FILTER_CREATED_AT, 0, true,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_ACTION, FILTER_CREATED_AT, 0, false, "action_list (account=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_CREATED_AT, 0, true,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_ACTION, FILTER_TYPE, 1, false, "action_type (account=? AND type=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_TYPE, 1, true, "action_type (account=? AND type=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_THNG, 1, false, "action_thng (thng=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_PRODUCT, 1, false, "action_product (product=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_COLLECTION, 1, false,
     "action_collection (collection=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_USER, 1, false, "action_user (user=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_USER, 1, true, "action_user (user=? " BETWEEN_ACTIONS},
    {RESOURCE_ACTION, FILTER_TAGS, 2, false,
     "tag_list (account=? AND kind=? AND tag=? " BETWEEN_ROWS},
    {RESOURCE_ACTION, FILTER_IDENTIFIER, 1, true,
     "identifier_list (account=? AND kind=? AND key=? AND value=? " BETWEEN_ROWS},
};

/* Counts are one row of nothing with counts in it; of the deletions with work left, one row is
 * looked at; and a set is read once. */
static bool scans_or_sorts(const char *plan)
{
    for (const char *scan = strstr(plan, "SCAN "); scan != NULL; scan = strstr(scan + 1, "SCAN ")) {
        if (strncmp(scan, "SCAN cascade;", 13) != 0 &&
            strncmp(scan, "SCAN CONSTANT ROW;", 18) != 0 &&
            strncmp(scan, "SCAN json_each ", 15) != 0) {
            return true;
        }
    }
    return strstr(plan, "TEMP B-TREE") != NULL;
}

static void test_plans(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const struct id project = id_of(1);
    for (size_t i = 0; i < ARRAY_LEN(rows) * 4; i++) {
        const struct plan_row *row = &rows[i / 4];
        const struct filter_condition condition = {
            .field = row->field, .values = two, .value_count = row->value_count};
        struct documents_query query = {.account = 1,
                                        .kind = row->kind,
                                        .project = row->in_project ? &project : NULL,
                                        .limit = 30,
                                        .ascending = i % 2,
                                        .conditions = &condition,
                                        .condition_count = 1};
        char plan[PLAN_BYTES];
        explain(&bench, &query, i % 4 >= 2, false, plan, sizeof(plan));
        if (strstr(plan, row->search) == NULL || scans_or_sorts(plan)) {
            fail_msg("row %zu: %s", i, plan);
        }
    }
    close_bench(&bench);
}

/* Where a project has few rows, they drive, whatever else is asked. */
static void test_a_small_project_drives(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const struct id project = id_of(1);
    const struct filter_condition condition = {
        .field = FILTER_TYPE, .values = two, .value_count = 1};
    struct documents_query query = {.account = 1,
                                    .kind = RESOURCE_ACTION,
                                    .project = &project,
                                    .limit = 30,
                                    .conditions = &condition,
                                    .condition_count = 1};
    struct list_plan plan;
    assert_ok(list_plan(&query, false, &plan));
    assert_true(list_plan_can_narrow(&plan));
    char text[PLAN_BYTES];
    explain(&bench, &query, false, true, text, sizeof(text));
    assert_non_null(strstr(text, "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS));
    assert_false(scans_or_sorts(text));
    query.project = NULL;
    assert_ok(list_plan(&query, false, &plan));
    assert_false(list_plan_can_narrow(&plan));
    close_bench(&bench);
}

/* ---- what is seen ---- */

/* A list of things that somebody sees, without other conditions. */
static const struct sight_row {
    enum resource_kind kind;
    bool in_project;
    uint32_t viewer_count;
    uint32_t reach_count;
    uint32_t place_count;
    bool may_sort; /* a few rows */
    const char *search;
} sights[] = {
    {RESOURCE_THNG, true, 1, 0, 0, false,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_ACTION, true, 2, 0, 0, false,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_THNG, true, DOCUMENTS_VIEWERS_MAX, 2, 0, false,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_THNG, false, 0, 1, 0, false,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_ACTION, false, 0, LIST_ARMS_MAX - 1, 0, false,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_THNG, false, 0, LIST_ARMS_MAX, 0, false,
     "resource_list (account=? AND kind=? " BETWEEN_RESOURCES},
    {RESOURCE_THNG, true, 0, 3, 0, false,
     "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS},
    {RESOURCE_APPLICATION, false, 0, 3, 0, false,
     "resource_list (account=? AND kind=? " BETWEEN_RESOURCES},
    {RESOURCE_PROJECT, false, 0, 3, 0, true, "resource_id (id=?)"},
    {RESOURCE_PLACE, false, 0, 0, 3, true, "resource_id (id=?)"},
    {RESOURCE_PLACE, true, 1, 0, 3, true, "resource_id (id=?)"},
};

static void test_plans_of_what_is_seen(void **state)
{
    (void)state;
    struct bench bench;
    struct id ids[DOCUMENTS_VIEWERS_MAX];
    open_bench(&bench);
    for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = id_of(i + 2);
    }
    const struct id project = id_of(1);
    for (size_t i = 0; i < ARRAY_LEN(sights) * 4; i++) {
        const struct sight_row *row = &sights[i / 4];
        const struct documents_query query = {.account = 1,
                                              .kind = row->kind,
                                              .project = row->in_project ? &project : NULL,
                                              .viewers = ids,
                                              .viewer_count = row->viewer_count,
                                              .reach = ids,
                                              .reach_count = row->reach_count,
                                              .places = ids,
                                              .place_count = row->place_count,
                                              .limits_places = row->place_count > 0,
                                              .limit = 30,
                                              .ascending = i % 2};
        static char plan[64 * PLAN_BYTES];
        explain(&bench, &query, i % 4 >= 2, false, plan, sizeof(plan));
        bool is_list_read_in_order = !scans_or_sorts(plan) || row->may_sort;
        if (strstr(plan, row->search) == NULL || !is_list_read_in_order) {
            fail_msg("row %zu: %s", i, plan);
        }
    }
    close_bench(&bench);
}

/* A user, or an operator of a few projects, who sees few rows walks through these. */
static void test_few_rows_that_are_seen_drive(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const struct id project = id_of(1);
    const struct id user = id_of(2);
    const struct filter_condition condition = {
        .field = FILTER_TAGS, .values = two, .value_count = 2};
    for (unsigned i = 0; i < 2; i++) {
        const struct documents_query query = {.account = 1,
                                              .kind = RESOURCE_THNG,
                                              .project = i == 0 ? &project : NULL,
                                              .viewers = &user,
                                              .viewer_count = i == 0,
                                              .reach = &project,
                                              .reach_count = i == 1,
                                              .limit = 30,
                                              .conditions = &condition,
                                              .condition_count = 1};
        struct list_plan plan;
        assert_ok(list_plan(&query, false, &plan));
        assert_int_equal(plan.which, DRIVER_TAGS);
        assert_true(list_plan_can_narrow(&plan));
        list_plan_narrow(&plan);
        assert_int_equal(plan.which, DRIVER_SCOPE);
        assert_int_equal(plan.sight, i == 0 ? SIGHT_VIEWERS : SIGHT_REACH);
        assert_int_equal(plan.arm_count, i == 0 ? 3 : 4);
        char text[PLAN_BYTES];
        explain(&bench, &query, false, true, text, sizeof(text));
        assert_non_null(
            strstr(text, "scope_list (account=? AND viewer=? AND kind=? " BETWEEN_ROWS));
        assert_false(scans_or_sorts(text));
    }
    close_bench(&bench);
}

/* Lists by distance are sorted, but they look only at what is in the box. */
static void test_near_looks_into_the_box(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct documents_near near = {.latitude = 47, .longitude = 8, .distance_km_max = 5};
    const struct documents_query query = {
        .account = 1, .kind = RESOURCE_PLACE, .near = &near, .limit = 30};
    char plan[PLAN_BYTES];
    explain(&bench, &query, false, false, plan, sizeof(plan));
    assert_non_null(strstr(plan, "SCAN place_rtree VIRTUAL TABLE INDEX 2:"));
    assert_non_null(strstr(plan, "SEARCH r USING INTEGER PRIMARY KEY"));
    assert_non_null(strstr(plan, "SEARCH p USING PRIMARY KEY"));
    assert_null(strstr(plan, "SCAN r"));
    near.distance_km_max = INFINITY;
    explain(&bench, &query, false, false, plan, sizeof(plan));
    assert_non_null(strstr(plan, "SEARCH r USING INDEX resource_list"));
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_a_small_project_drives),
        cmocka_unit_test(test_plans_of_what_is_seen),
        cmocka_unit_test(test_few_rows_that_are_seen_drive),
        cmocka_unit_test(test_near_looks_into_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
