/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: random resources and random queries beside an array that is looked through, and the plans
 * that SQLite makes of the statements. */
#include "store/documents.h"

#include "base/rand.h"
#include "store/sqlite_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define ROW_COUNT 700
#define NAME_COUNT 6
#define TAG_COUNT 5
#define PRODUCT_COUNT 4
#define VALUE_COUNT 5
#define TIME_COUNT 60 /* so that many are created in one millisecond */

/* What the array knows of a resource. Numbers above a count mean: has none. */
struct row {
    struct id id;
    bool exists;
    uint32_t account;
    enum resource_kind kind;
    int64_t created_ms;
    unsigned name;
    unsigned product;
    unsigned value; /* of identifier "k" */
    unsigned tags;  /* a bit each */
};

struct bench {
    char folder[64];
    char path[96];
    struct documents *documents;
    struct documents_reader *reader;
    struct rand rand;
    struct row rows[ROW_COUNT];
};

static void assert_ok(struct err err)
{
    if (err_is_set(err)) {
        fail_msg("%s", err_name(err));
    }
}

static unsigned below(struct bench *bench, unsigned bound)
{
    return (unsigned)rand_below(&bench->rand, bound);
}

/* ---- filling ---- */

static void write_row(struct group_writer *writer, const struct row *row)
{
    struct buf text = {0};
    buf_put_format(&text, "{\"id\":\"%.24s\",\"createdAt\":%lld", row->id.text,
                   (long long)row->created_ms);
    if (row->name < NAME_COUNT) {
        buf_put_format(&text, ",\"name\":\"n%u\"", row->name);
    }
    if (row->product < PRODUCT_COUNT) {
        buf_put_format(&text, ",\"product\":\"p%u\"", row->product);
    }
    if (row->value < VALUE_COUNT) {
        buf_put_format(&text, ",\"identifiers\":{\"j\":\"v0\",\"k\":\"v%u\"}", row->value);
    }
    BUF_PUT_LITERAL(&text, ",\"tags\":[\"always\"");
    for (unsigned tag = 0; tag < TAG_COUNT; tag++) {
        if (row->tags & 1u << tag) {
            buf_put_format(&text, ",\"t%u\"", tag);
        }
    }
    BUF_PUT_LITERAL(&text, "]}");
    enum event_operation operation = row->exists ? OPERATION_UPDATED : OPERATION_DELETED;
    group_write_document(writer, row->account, operation, row->kind, &row->id,
                         row->exists ? buf_data(&text) : (struct slice){0}, (struct slice){0});
    buf_deinit(&text);
}

static void make_row(struct bench *bench, struct row *row)
{
    row->exists = below(bench, 10) != 0;
    row->name = below(bench, NAME_COUNT + 1);
    row->product = below(bench, PRODUCT_COUNT + 2);
    row->value = below(bench, VALUE_COUNT + 1);
    row->tags = below(bench, 1u << TAG_COUNT);
}

/* Writes all rows twice, so that most are changed, and some deleted or made again. */
static void fill(struct bench *bench)
{
    struct group_writer writer = {0};
    for (unsigned i = 0; i < 2 * ROW_COUNT; i++) {
        struct row *row = &bench->rows[i % ROW_COUNT];
        if (i < ROW_COUNT) {
            row->created_ms = 1000 + below(bench, TIME_COUNT);
            row->id = id_generate(&bench->rand, row->created_ms);
            row->account = 1 + below(bench, 8) / 7;
            row->kind = below(bench, 8) == 0 ? RESOURCE_PRODUCT : RESOURCE_THNG;
        }
        make_row(bench, row);
        group_writer_start(&writer, i + 1, 1);
        write_row(&writer, row);
        struct slice bytes;
        struct group group;
        assert_ok(group_writer_close(&writer, &bytes));
        assert_ok(group_open(bytes, &group));
        if (i % 100 == 0) {
            assert_ok(documents_begin(bench->documents));
        }
        assert_ok(documents_apply(bench->documents, &group));
        if (i % 100 == 99) {
            assert_ok(documents_commit(bench->documents));
        }
    }
    group_writer_deinit(&writer);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    rand_seed(&bench->rand, 21);
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/thrum-lists-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof(bench->path), "%s/documents.db", bench->folder);
    assert_ok(documents_open(bench->path, &bench->documents));
    assert_ok(documents_reader_open(bench->path, &bench->reader));
    fill(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    documents_reader_close(bench->reader);
    documents_close(bench->documents);
    unlink(bench->path);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

/* ---- queries, and what the array says to them ---- */

struct question {
    struct documents_query query;
    struct filter_condition conditions[4];
    struct slice values[4][TAG_COUNT];
    char texts[4][TAG_COUNT][8];
    unsigned numbers[4][TAG_COUNT]; /* of the values */
    struct id ids[8];
};

static void add_value(struct question *question, uint32_t at, char letter, unsigned number)
{
    struct filter_condition *condition = &question->conditions[at];
    uint32_t index = condition->value_count++;
    snprintf(question->texts[at][index], sizeof(question->texts[at][index]), "%c%u", letter,
             number);
    question->numbers[at][index] = number;
    question->values[at][index] = slice_of_text(question->texts[at][index]);
    condition->values = question->values[at];
}

static void make_condition(struct bench *bench, struct question *question, uint32_t at)
{
    struct filter_condition *condition = &question->conditions[at];
    condition->compare = FILTER_EQUAL;
    switch (below(bench, 6)) {
    case 0:
        condition->field = FILTER_NAME;
        add_value(question, at, 'n', below(bench, NAME_COUNT));
        return;
    case 1:
        condition->field = FILTER_PRODUCT;
        add_value(question, at, 'p', below(bench, PRODUCT_COUNT));
        return;
    case 2:
        condition->field = FILTER_IDENTIFIER;
        condition->key = SLICE("k");
        add_value(question, at, 'v', below(bench, VALUE_COUNT));
        return;
    case 3:
        condition->field = FILTER_CREATED_AT;
        condition->compare = (enum filter_compare)below(bench, 3);
        condition->number = 999 + below(bench, TIME_COUNT + 2);
        return;
    default:
        condition->field = FILTER_TAGS;
        for (unsigned i = below(bench, 3) + 1; i > 0; i--) {
            add_value(question, at, 't', below(bench, TAG_COUNT));
        }
        return;
    }
}

static void make_question(struct bench *bench, struct question *question)
{
    *question = (struct question){
        .query = {.account = 1,
                  .kind = RESOURCE_THNG,
                  .ascending = below(bench, 2),
                  .limit = 1 + below(bench, 40)},
    };
    question->query.conditions = question->conditions;
    question->query.condition_count = below(bench, 4);
    for (uint32_t i = 0; i < question->query.condition_count; i++) {
        make_condition(bench, question, i);
    }
    if (below(bench, 6) == 0) {
        question->query.ids = question->ids;
        question->query.id_count = 1 + below(bench, 8);
        for (uint32_t i = 0; i < question->query.id_count; i++) {
            question->ids[i] = bench->rows[below(bench, ROW_COUNT)].id;
        }
    }
}

static bool condition_holds(const struct question *question, uint32_t at, const struct row *row)
{
    const struct filter_condition *condition = &question->conditions[at];
    const unsigned *numbers = question->numbers[at];
    bool any = false;
    switch (condition->field) {
    case FILTER_NAME:
        return row->name == numbers[0];
    case FILTER_PRODUCT:
        return row->product == numbers[0];
    case FILTER_IDENTIFIER:
        return row->value == numbers[0];
    case FILTER_TAGS:
        for (uint32_t i = 0; i < condition->value_count; i++) {
            any |= (row->tags & 1u << numbers[i]) != 0;
        }
        return any;
    case FILTER_CREATED_AT:
        return condition->compare == FILTER_EQUAL     ? row->created_ms == condition->number
               : condition->compare == FILTER_GREATER ? row->created_ms > condition->number
                                                      : row->created_ms < condition->number;
    case FILTER_COLLECTIONS:
        return false;
    }
    return false;
}

static bool is_selected(const struct question *question, const struct row *row)
{
    const struct documents_query *query = &question->query;
    if (!row->exists || row->account != query->account || row->kind != query->kind) {
        return false;
    }
    bool is_named = query->id_count == 0;
    for (uint32_t i = 0; i < query->id_count; i++) {
        is_named |= id_equal(&query->ids[i], &row->id);
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        if (!condition_holds(question, i, row)) {
            return false;
        }
    }
    return is_named;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *const *left = a;
    const struct row *const *right = b;
    int64_t left_ms = (*left)->created_ms;
    int64_t right_ms = (*right)->created_ms;
    int order = (left_ms > right_ms) - (left_ms < right_ms);
    return order ? order : memcmp((*left)->id.text, (*right)->id.text, ID_BYTES);
}

/* All rows that the question selects, in its order. */
static uint32_t expected_rows(struct bench *bench, const struct question *question,
                              const struct row *expected[ROW_COUNT])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (is_selected(question, &bench->rows[i])) {
            expected[count++] = &bench->rows[i];
        }
    }
    qsort(expected, count, sizeof(expected[0]), compare_rows);
    for (uint32_t i = 0; !question->query.ascending && i < count / 2; i++) {
        const struct row *row = expected[i];
        expected[i] = expected[count - 1 - i];
        expected[count - 1 - i] = row;
    }
    return count;
}

/* ---- comparing ---- */

struct page {
    const struct row **expected; /* the next one */
    uint32_t left;
    uint32_t seen;
    uint32_t stop_at; /* after so many; 0: never */
    int64_t last_ms;
    struct id last_id;
};

static bool see(void *arg, const struct document *document)
{
    struct page *page = arg;
    assert_true(page->left > 0);
    const struct row *row = *page->expected++;
    page->left--;
    assert_memory_equal(document->id.text, row->id.text, ID_BYTES);
    assert_int_equal(document->account, row->account);
    assert_int_equal(document->kind, row->kind);
    assert_int_equal(document->created_ms, row->created_ms);
    page->last_ms = document->created_ms;
    page->last_id = document->id;
    return ++page->seen != page->stop_at;
}

/* Reads the whole list, page by page, each from where the one before ended. */
static void read_pages(struct bench *bench, struct question *question, struct page *page)
{
    question->query.has_after = false;
    do {
        page->seen = 0;
        assert_ok(documents_list(bench->reader, &question->query, see, page));
        question->query.has_after = true;
        question->query.after_created_ms = page->last_ms;
        question->query.after_id = page->last_id;
    } while (page->seen == question->query.limit);
    assert_int_equal(page->left, 0);
}

static void test_random_queries(void **state)
{
    struct bench *bench = *state;
    uint64_t selected = 0;
    for (unsigned round = 0; round < 1500; round++) {
        struct question question;
        const struct row *expected[ROW_COUNT];
        make_question(bench, &question);
        uint32_t count = expected_rows(bench, &question, expected);
        struct page page = {.expected = expected, .left = count};
        read_pages(bench, &question, &page);
        uint64_t counted;
        assert_ok(documents_count(bench->reader, &question.query, &counted));
        assert_int_equal(counted, count);
        selected += count;
    }
    assert_true(selected > 10000); /* or the questions would be too narrow to say anything */
}

static void test_skip_and_stop(void **state)
{
    struct bench *bench = *state;
    struct question question = {
        .query = {.account = 1, .kind = RESOURCE_THNG, .skip = 30, .limit = 15}};
    const struct row *expected[ROW_COUNT];
    uint32_t count = expected_rows(bench, &question, expected);
    assert_true(count > 100);
    struct page page = {.expected = expected + 30, .left = 15};
    assert_ok(documents_list(bench->reader, &question.query, see, &page));
    assert_int_equal(page.seen, 15);
    page = (struct page){.expected = expected + 30, .left = 4, .stop_at = 4};
    assert_ok(documents_list(bench->reader, &question.query, see, &page));
    assert_int_equal(page.seen, 4);
    question.query.skip = count;
    page = (struct page){.expected = expected};
    assert_ok(documents_list(bench->reader, &question.query, see, &page));
    assert_int_equal(page.seen, 0);
}

/* The same, a hundred times: more texts than the reader keeps, and back again. */
static void test_more_statements_than_are_kept(void **state)
{
    struct bench *bench = *state;
    struct slice tag = SLICE("always");
    struct filter_condition conditions[DOCUMENTS_CONDITIONS_MAX];
    struct question question = {.query = {.account = 1, .kind = RESOURCE_THNG, .limit = 1000}};
    const struct row *expected[ROW_COUNT];
    uint32_t count = expected_rows(bench, &question, expected);
    for (unsigned i = 0; i < DOCUMENTS_CONDITIONS_MAX; i++) {
        conditions[i] =
            (struct filter_condition){.field = FILTER_TAGS, .values = &tag, .value_count = 1};
    }
    question.query.conditions = conditions;
    for (unsigned i = 0; i < 100; i++) {
        question.query.condition_count = i * 7 % (DOCUMENTS_CONDITIONS_MAX + 1);
        question.query.ascending = false;
        struct page page = {.expected = expected, .left = count};
        assert_ok(documents_list(bench->reader, &question.query, see, &page));
        assert_int_equal(page.left, 0);
        question.query.ascending = true;
        uint64_t counted;
        assert_ok(documents_count(bench->reader, &question.query, &counted));
        assert_int_equal(counted, count);
    }
}

static void test_injection(void **state)
{
    struct bench *bench = *state;
    struct slice value = SLICE("n0' OR '1'='1");
    struct filter_condition condition = {.field = FILTER_NAME, .values = &value, .value_count = 1};
    struct documents_query query = {.account = 1,
                                    .kind = RESOURCE_THNG,
                                    .limit = 10,
                                    .conditions = &condition,
                                    .condition_count = 1};
    uint64_t count;
    assert_ok(documents_count(bench->reader, &query, &count));
    assert_int_equal(count, 0);
}

static bool see_nothing(void *arg, const struct document *document)
{
    (void)arg;
    (void)document;
    return true;
}

static void test_invalid(void **state)
{
    struct bench *bench = *state;
    static const struct slice values[DOCUMENTS_VALUES_MAX + 1];
    static const struct id ids[DOCUMENTS_IDS_MAX + 1];
    struct filter_condition many[DOCUMENTS_CONDITIONS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct filter_condition){
            .field = FILTER_TAGS, .values = values, .value_count = DOCUMENTS_VALUES_MAX};
    }
    struct documents_query query = {
        .account = 1, .kind = RESOURCE_THNG, .limit = 1, .ids = ids, .conditions = many};

    /* Each limit holds, and one more is refused. */
    query.id_count = DOCUMENTS_IDS_MAX;
    query.condition_count = DOCUMENTS_CONDITIONS_MAX;
    assert_ok(documents_list(bench->reader, &query, see_nothing, NULL));
    query.id_count++;
    assert_int_equal(documents_list(bench->reader, &query, see_nothing, NULL).code,
                     ERR_QUERY_INVALID);
    query.id_count = 0;
    query.condition_count++;
    assert_int_equal(documents_list(bench->reader, &query, see_nothing, NULL).code,
                     ERR_QUERY_INVALID);

    const struct filter_condition wrong[] = {
        {.field = FILTER_TAGS, .values = values, .value_count = DOCUMENTS_VALUES_MAX + 1},
        {.field = FILTER_TAGS, .values = values},
        {.field = FILTER_TAGS, .compare = FILTER_LESS, .values = values, .value_count = 1},
        {.field = FILTER_NAME, .values = values, .value_count = 2},
        {.field = FILTER_NAME, .compare = FILTER_GREATER, .values = values, .value_count = 1},
        {.field = FILTER_CREATED_AT, .values = values, .value_count = 1},
        {.field = (enum filter_field)77, .values = values, .value_count = 1},
    };
    query.condition_count = 1;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint64_t count;
        query.conditions = &wrong[i];
        assert_int_equal(documents_count(bench->reader, &query, &count).code, ERR_QUERY_INVALID);
    }
}

/* ---- plans ---- */

/* The plan of the query's statement, in one line. */
static void explain(struct bench *bench, const struct documents_query *query, bool is_count,
                    char *plan, size_t room)
{
    struct list *list = calloc(1, sizeof(*list));
    assert_non_null(list);
    assert_ok(list_build(list, query, is_count));
    struct buf text = {0};
    BUF_PUT_LITERAL(&text, "EXPLAIN QUERY PLAN ");
    buf_put(&text, buf_data(&list->text));
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(bench->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, (const char *)text.at, -1, &statement, NULL),
                     SQLITE_OK);
    plan[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t bytes = strlen(plan);
        snprintf(plan + bytes, room - bytes, "%s; ",
                 (const char *)sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    buf_deinit(&text);
    buf_deinit(&list->text);
    free(list);
}

/* Every kind of list comes out of its index in order, and each page starts where the last ended. */
static void test_plans(void **state)
{
    struct bench *bench = *state;
    const struct slice values[] = {SLICE_INIT("a"), SLICE_INIT("b")};
    const struct {
        struct filter_condition condition;
        const char *index;
        const char *range;
    } rows[] = {
        {{.field = FILTER_NAME, .values = values, .value_count = 1},
         "resource_name",
         "name=? AND (created_ms,id)>(?,?) AND (created_ms,id)<(?,?)"},
        {{.field = FILTER_PRODUCT, .values = values, .value_count = 1},
         "resource_product",
         "product=? AND (created_ms,id)>(?,?) AND (created_ms,id)<(?,?)"},
        {{.field = FILTER_TAGS, .values = values, .value_count = 1},
         "tag_list",
         "tag=? AND (created_ms,resource)>(?,?) AND (created_ms,resource)<(?,?)"},
        {{.field = FILTER_IDENTIFIER, .values = values, .value_count = 1},
         "identifier_list",
         "value=? AND (created_ms,resource)>(?,?) AND (created_ms,resource)<(?,?)"},
        {{.field = FILTER_CREATED_AT, .compare = FILTER_LESS},
         "resource_list",
         "kind=? AND (created_ms,id)>(?,?) AND (created_ms,id)<(?,?)"},
        {{.field = FILTER_TAGS, .values = values, .value_count = 2},
         "resource_list",
         "kind=? AND (created_ms,id)>(?,?) AND (created_ms,id)<(?,?)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows) * 4; i++) {
        struct documents_query query = {.account = 1,
                                        .kind = RESOURCE_THNG,
                                        .limit = 30,
                                        .ascending = i % 2,
                                        .conditions = &rows[i / 4].condition,
                                        .condition_count = 1};
        char plan[1024];
        explain(bench, &query, i % 4 >= 2, plan, sizeof(plan));
        if (strstr(plan, rows[i / 4].index) == NULL || strstr(plan, rows[i / 4].range) == NULL ||
            strstr(plan, "TEMP B-TREE") != NULL || strstr(plan, "SCAN r") != NULL) {
            fail_msg("row %zu: %s", i, plan);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_queries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_skip_and_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_statements_than_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_injection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_invalid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plans, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
