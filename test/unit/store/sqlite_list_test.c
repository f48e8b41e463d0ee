/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: random rows and random queries beside an array that is looked through; pages while rows
 * come and go. */
#include "unit/store/lists_fixture.h"

#define CONDITION_MAX 4
#define REACH_MAX 12 /* more than drive a list */

/* ---- queries, and what the array says to them ---- */

struct question {
    struct documents_query query;
    struct id project;
    unsigned project_number;
    struct filter_condition conditions[CONDITION_MAX];
    struct slice values[CONDITION_MAX][TAG_COUNT];
    char texts[CONDITION_MAX][TAG_COUNT][ID_BYTES];
    unsigned numbers[CONDITION_MAX][TAG_COUNT]; /* of the values */
    struct id ids[8];
    struct id reach[REACH_MAX];
    unsigned reached; /* a bit for each project, and IN_ALL */
    struct id viewers[DOCUMENTS_VIEWERS_MAX];
    unsigned viewed; /* a bit for each user, and FOR_ALL */
};

static void add_value(struct question *question, uint32_t at, unsigned number, struct slice text)
{
    struct filter_condition *condition = &question->conditions[at];
    uint32_t index = condition->value_count++;
    char *kept = question->texts[at][index];
    assert_true(text.bytes <= ID_BYTES);
    memcpy(kept, text.at, text.bytes);
    question->numbers[at][index] = number;
    question->values[at][index] = slice_of(kept, text.bytes);
    condition->values = question->values[at];
}

static void add_id(struct question *question, uint32_t at, unsigned number, struct id id)
{
    add_value(question, at, number, id_slice(&id));
}

static void add_letter(struct question *question, uint32_t at, char letter, unsigned number)
{
    char text[16];
    snprintf(text, sizeof(text), "%c%u", letter, number);
    add_value(question, at, number, slice_of_text(text));
}

static void make_values(struct lists *lists, struct question *question, uint32_t at)
{
    struct filter_condition *condition = &question->conditions[at];
    bool is_action = question->query.kind == RESOURCE_ACTION;
    unsigned number = below(lists, 4);
    switch (condition->field) {
    case FILTER_NAME:
        add_letter(question, at, 'n', number);
        return;
    case FILTER_TAGS:
        for (unsigned i = below(lists, 3) + 1; i > 0; i--) {
            add_letter(question, at, 't', below(lists, TAG_COUNT));
        }
        return;
    case FILTER_IDENTIFIER:
        condition->key = SLICE("k");
        add_letter(question, at, 'v', number);
        return;
    case FILTER_PRODUCT:
        add_id(question, at, number, PRODUCT_ID(number));
        return;
    case FILTER_COLLECTIONS:
    case FILTER_COLLECTION:
        add_id(question, at, number, COLLECTION_ID(number));
        return;
    case FILTER_PARENT:
    case FILTER_THNG:
        add_id(question, at, number, TARGET_ID(number));
        return;
    case FILTER_TYPE:
        add_value(question, at, number,
                  slice_of_text(is_action ? type_names[number] : task_types[number]));
        return;
    case FILTER_STATUS:
        number %= STATUS_COUNT;
        add_value(question, at, number, slice_of_text(statuses[number]));
        return;
    case FILTER_USER:
        add_letter(question, at, 'u', number);
        return;
    case FILTER_CITY:
        add_letter(question, at, 'c', number);
        return;
    case FILTER_COUNTRY_CODE:
        add_letter(question, at, 'k', number);
        return;
    case FILTER_CREATED_AT:
        condition->compare = (enum filter_compare)below(lists, 3);
        condition->number = 999 + below(lists, TIME_COUNT + 2);
        return;
    }
}

static void make_condition(struct lists *lists, struct question *question, uint32_t at)
{
    static const enum filter_field of_thngs[] = {
        FILTER_NAME,    FILTER_TAGS,        FILTER_TAGS,        FILTER_IDENTIFIER,
        FILTER_PRODUCT, FILTER_COLLECTIONS, FILTER_COLLECTIONS, FILTER_CREATED_AT};
    static const enum filter_field of_tasks[] = {FILTER_NAME,   FILTER_TAGS,      FILTER_IDENTIFIER,
                                                 FILTER_PARENT, FILTER_PARENT,    FILTER_TYPE,
                                                 FILTER_STATUS, FILTER_CREATED_AT};
    static const enum filter_field of_actions[] = {
        FILTER_TAGS, FILTER_IDENTIFIER, FILTER_PRODUCT,      FILTER_TYPE,
        FILTER_TYPE, FILTER_THNG,       FILTER_THNG,         FILTER_COLLECTION,
        FILTER_USER, FILTER_CITY,       FILTER_COUNTRY_CODE, FILTER_CREATED_AT};
    enum filter_field field =
        question->query.kind == RESOURCE_THNG   ? of_thngs[below(lists, ARRAY_LEN(of_thngs))]
        : question->query.kind == RESOURCE_TASK ? of_tasks[below(lists, ARRAY_LEN(of_tasks))]
                                                : of_actions[below(lists, ARRAY_LEN(of_actions))];
    question->conditions[at] = (struct filter_condition){.field = field};
    make_values(lists, question, at);
}

/* Some of <count> ids from <first> on, and others; returns a bit for each of them. */
static unsigned make_ids(struct lists *lists, struct id *ids, uint32_t id_count, uint32_t first,
                         unsigned count)
{
    unsigned bits = 0;
    for (uint32_t i = 0; i < id_count; i++) {
        unsigned number = below(lists, count + 2);
        ids[i] = id_of(first + number);
        bits |= number < count ? 1u << number : 0;
    }
    return bits;
}

/* Few or many. */
static uint32_t make_count(struct lists *lists, uint32_t max)
{
    return 1 + below(lists, below(lists, 4) == 0 ? max : 3);
}

static void make_sight(struct lists *lists, struct question *question)
{
    struct documents_query *query = &question->query;
    if (below(lists, 2) == 0) {
        question->project_number = below(lists, PROJECT_COUNT);
        question->project = PROJECT_ID(question->project_number);
        query->project = &question->project;
        if (below(lists, 2) == 0) {
            query->viewers = question->viewers;
            query->viewer_count = make_count(lists, DOCUMENTS_VIEWERS_MAX);
            query->viewers_by_name = below(lists, 3) == 0;
            question->viewed =
                make_ids(lists, question->viewers, query->viewer_count, USER_FIRST, USER_COUNT);
            question->viewed |= query->viewers_by_name ? 0 : FOR_ALL;
        }
    }
    if (below(lists, 3) == 0) {
        query->reach = question->reach;
        query->reach_count = make_count(lists, REACH_MAX);
        question->reached = IN_ALL | make_ids(lists, question->reach, query->reach_count,
                                              PROJECT_FIRST, PROJECT_COUNT);
    }
}

static void make_question(struct lists *lists, struct question *question)
{
    static const enum resource_kind kinds[] = {RESOURCE_THNG, RESOURCE_ACTION, RESOURCE_TASK};
    *question = (struct question){
        .query = {.account = 1,
                  .kind = kinds[below(lists, ARRAY_LEN(kinds))],
                  .ascending = below(lists, 2),
                  .limit = 1 + below(lists, 40)},
    };
    question->query.conditions = question->conditions;
    question->query.condition_count = below(lists, CONDITION_MAX);
    for (uint32_t i = 0; i < question->query.condition_count; i++) {
        make_condition(lists, question, i);
    }
    make_sight(lists, question);
    if (below(lists, 6) == 0) {
        question->query.ids = question->ids;
        question->query.id_count = 1 + below(lists, 8);
        for (uint32_t i = 0; i < question->query.id_count; i++) {
            question->ids[i] = lists->rows[below(lists, ROW_COUNT)].id;
        }
    }
}

static bool time_holds(const struct filter_condition *condition, const struct row *row)
{
    return condition->compare == FILTER_EQUAL     ? row->created_ms == condition->number
           : condition->compare == FILTER_GREATER ? row->created_ms > condition->number
                                                  : row->created_ms < condition->number;
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
        return row->product == numbers[0] &&
               (row->kind == RESOURCE_ACTION || numbers[0] != PRODUCT_GONE);
    case FILTER_IDENTIFIER:
        return row->value == numbers[0];
    case FILTER_TAGS:
        for (uint32_t i = 0; i < condition->value_count; i++) {
            any |= (row->tags & 1u << numbers[i]) != 0;
        }
        return any;
    case FILTER_COLLECTIONS:
        return (row->collections & 1u << numbers[0]) != 0;
    case FILTER_PARENT:
        return row->target % TARGET_COUNT == numbers[0];
    case FILTER_THNG:
        return row->target == numbers[0];
    case FILTER_TYPE:
        return row->type == numbers[0];
    case FILTER_STATUS:
        return row->status == numbers[0];
    case FILTER_COLLECTION:
        return row->collection == numbers[0];
    case FILTER_USER:
        return row->user == numbers[0] && row->user < 2;
    case FILTER_CITY:
    case FILTER_COUNTRY_CODE:
        return row->city == numbers[0] && row->city < 3;
    case FILTER_CREATED_AT:
        return time_holds(condition, row);
    }
    return false;
}

static bool is_seen(const struct question *question, const struct row *row)
{
    const struct documents_query *query = &question->query;
    bool is_in_project =
        query->project == NULL || (row->projects & (1u << question->project_number | IN_ALL)) != 0;
    bool is_reached = query->reach_count == 0 || (row->projects & question->reached) != 0;
    bool is_viewed = query->viewer_count == 0 || (row->users & question->viewed) != 0;
    return is_in_project && is_reached && is_viewed;
}

static bool is_selected(const struct lists *lists, const struct question *question,
                        const struct row *row)
{
    const struct documents_query *query = &question->query;
    if (!row_lives(lists, row) || row->account != query->account || row->kind != query->kind) {
        return false;
    }
    if (!is_seen(question, row)) {
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
static uint32_t expected_rows(struct lists *lists, const struct question *question,
                              const struct row *expected[ROW_COUNT])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (is_selected(lists, question, &lists->rows[i])) {
            expected[count++] = &lists->rows[i];
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
    struct id parent = TARGET_ID(row->target % TARGET_COUNT);
    assert_int_equal(id_is_set(&document->parent), row->kind == RESOURCE_TASK);
    assert_true(row->kind != RESOURCE_TASK || id_equal(&document->parent, &parent));
    page->last_ms = document->created_ms;
    page->last_id = document->id;
    return ++page->seen != page->stop_at;
}

/* Reads the whole list, page by page, each from where the one before ended. */
static void read_pages(struct lists *lists, struct question *question, struct page *page)
{
    question->query.has_after = false;
    do {
        page->seen = 0;
        assert_ok(documents_list(lists->bench.reader, &question->query, see, page));
        question->query.has_after = true;
        question->query.after_created_ms = page->last_ms;
        question->query.after_id = page->last_id;
    } while (page->seen == question->query.limit);
    assert_int_equal(page->left, 0);
}

static void ask_random(struct lists *lists, unsigned rounds, uint64_t *selected)
{
    for (unsigned round = 0; round < rounds; round++) {
        struct question question;
        const struct row *expected[ROW_COUNT];
        make_question(lists, &question);
        uint32_t count = expected_rows(lists, &question, expected);
        struct page page = {.expected = expected, .left = count};
        read_pages(lists, &question, &page);
        assert_int_equal(count_of(&lists->bench, &question.query), count);
        *selected += count;
    }
}

static void test_random_queries(void **state)
{
    struct lists *lists = *state;
    uint64_t selected = 0;
    ask_random(lists, 3000, &selected);
    assert_true(selected > 20000); /* or the questions would be too narrow to say anything */
}

/* What readers leave out and what is deleted in the end are the same. */
static void test_cleaning_changes_nothing(void **state)
{
    struct lists *lists = *state;
    bool is_done = false;
    bool has_cascades;
    assert_ok(documents_has_cascades(lists->bench.reader, &has_cascades));
    assert_true(has_cascades);
    for (unsigned round = 0; !is_done; round++) {
        assert_true(round < 1000);
        assert_ok(documents_begin(lists->bench.documents));
        assert_ok(documents_clean(lists->bench.documents, 7, &is_done));
        assert_ok(documents_commit(lists->bench.documents));
        uint64_t selected = 0;
        ask_random(lists, is_done ? 500 : 10, &selected);
    }
    assert_ok(documents_has_cascades(lists->bench.reader, &has_cascades));
    assert_false(has_cascades);
}

static void test_skip_and_stop(void **state)
{
    struct lists *lists = *state;
    const struct id project = PROJECT_ID(0);
    /* In a project the list is put together from two parts. */
    for (unsigned i = 0; i < 2; i++) {
        struct question question = {
            .query = {.account = 1, .kind = RESOURCE_THNG, .skip = 30, .limit = 15}};
        question.query.project = i ? &project : NULL;
        const struct row *expected[ROW_COUNT];
        uint32_t count = expected_rows(lists, &question, expected);
        assert_true(count > 80);
        struct page page = {.expected = expected + 30, .left = 15};
        assert_ok(documents_list(lists->bench.reader, &question.query, see, &page));
        assert_int_equal(page.seen, 15);
        page = (struct page){.expected = expected + 30, .left = 4, .stop_at = 4};
        assert_ok(documents_list(lists->bench.reader, &question.query, see, &page));
        assert_int_equal(page.seen, 4);
        question.query.skip = count;
        page = (struct page){.expected = expected};
        assert_ok(documents_list(lists->bench.reader, &question.query, see, &page));
        assert_int_equal(page.seen, 0);
    }
}

/* ---- pages while rows come and go ---- */

struct walk {
    uint32_t seen[ROW_COUNT];
    struct lists *lists;
    struct document last;
    uint32_t count;
};

static bool see_once(void *arg, const struct document *document)
{
    struct walk *walk = arg;
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        if (id_equal(&walk->lists->rows[i].id, &document->id)) {
            walk->seen[i]++;
        }
    }
    walk->last = *document;
    walk->count++;
    return true;
}

/* Deletes, or makes again, a few rows that nobody asks about afterwards. */
static void disturb(struct lists *lists, bool touched[ROW_COUNT])
{
    for (unsigned i = 0; i < 10; i++) {
        unsigned at = below(lists, ROW_COUNT);
        struct row *row = &lists->rows[at];
        if (row->kind == RESOURCE_THNG) {
            touched[at] = true;
            row->exists = !row->exists;
            write_row(lists, row, row->exists ? OPERATION_CREATED : OPERATION_DELETED);
        }
    }
    struct row other = {.id = id_generate(&lists->rand, 1030),
                        .account = ACCOUNT,
                        .kind = RESOURCE_THNG,
                        .created_ms = 1000 + below(lists, TIME_COUNT),
                        .projects = 1,
                        .tags = 7};
    write_row(lists, &other, OPERATION_CREATED);
    assert_ok(apply(&lists->bench));
}

/* Whoever is there all the time is seen exactly once, whatever comes and goes between the pages. */
static void test_pages_among_changes(void **state)
{
    struct lists *lists = *state;
    for (unsigned round = 0; round < 12; round++) {
        struct question question = {.query = {.account = ACCOUNT,
                                              .kind = RESOURCE_THNG,
                                              .ascending = round % 2,
                                              .limit = 1 + below(lists, 30),
                                              .conditions = question.conditions,
                                              .condition_count = round % 3 != 0}};
        question.conditions[0] = (struct filter_condition){.field = FILTER_TAGS};
        add_letter(&question, 0, 't', 1);
        add_letter(&question, 0, 't', 2);
        question.project = PROJECT_ID(0);
        question.query.project = round % 4 < 2 ? &question.project : NULL;
        question.viewers[0] = USER_ID(1);
        question.viewed = FOR_ALL | 1u << 1;
        question.query.viewers = question.viewers;
        question.query.viewer_count = round % 4 == 1;
        const struct row *expected[ROW_COUNT];
        uint32_t count = expected_rows(lists, &question, expected);
        bool touched[ROW_COUNT] = {false};
        struct walk walk = {.lists = lists};
        do {
            walk.count = 0;
            assert_ok(documents_list(lists->bench.reader, &question.query, see_once, &walk));
            question.query.has_after = true;
            question.query.after_created_ms = walk.last.created_ms;
            question.query.after_id = walk.last.id;
            disturb(lists, touched);
        } while (walk.count > 0);
        for (uint32_t i = 0; i < count; i++) {
            size_t at = (size_t)(expected[i] - lists->rows);
            assert_true(touched[at] ? walk.seen[at] <= 1 : walk.seen[at] == 1);
        }
    }
}

/* ---- bounds and bad queries ---- */

/* The same, a hundred times: more texts than the reader keeps, and back again. */
static void test_more_statements_than_are_kept(void **state)
{
    struct lists *lists = *state;
    struct slice tag = SLICE("always");
    struct filter_condition conditions[DOCUMENTS_CONDITIONS_MAX];
    struct question question = {.query = {.account = 1, .kind = RESOURCE_THNG, .limit = 1000}};
    const struct row *expected[ROW_COUNT];
    uint32_t count = expected_rows(lists, &question, expected);
    for (unsigned i = 0; i < DOCUMENTS_CONDITIONS_MAX; i++) {
        conditions[i] =
            (struct filter_condition){.field = FILTER_TAGS, .values = &tag, .value_count = 1};
    }
    question.query.conditions = conditions;
    for (unsigned i = 0; i < 100; i++) {
        question.query.condition_count = i * 7 % (DOCUMENTS_CONDITIONS_MAX + 1);
        question.query.ascending = false;
        struct page page = {.expected = expected, .left = count};
        assert_ok(documents_list(lists->bench.reader, &question.query, see, &page));
        assert_int_equal(page.left, 0);
        question.query.ascending = true;
        assert_int_equal(count_of(&lists->bench, &question.query), count);
    }
}

static void test_injection(void **state)
{
    struct lists *lists = *state;
    struct slice value = SLICE("n0' OR '1'='1");
    struct filter_condition condition = {.field = FILTER_NAME, .values = &value, .value_count = 1};
    struct documents_query query = all_thngs();
    query.conditions = &condition;
    query.condition_count = 1;
    assert_int_equal(count_of(&lists->bench, &query), 0);
}

static bool see_nothing(void *arg, const struct document *document)
{
    (void)arg;
    (void)document;
    return true;
}

static void assert_refused(struct lists *lists, const struct documents_query *query)
{
    uint64_t count;
    ASSERT_ERR(documents_list(lists->bench.reader, query, see_nothing, NULL), QUERY_INVALID);
    ASSERT_ERR(documents_count(lists->bench.reader, query, &count), QUERY_INVALID);
}

/* Each limit holds, and one more is refused. */
static void test_limits(void **state)
{
    struct lists *lists = *state;
    static const struct slice values[DOCUMENTS_VALUES_MAX + 1];
    struct id ids[DOCUMENTS_IDS_MAX + 1];
    const struct id project = PROJECT_ID(0);
    struct filter_condition many[DOCUMENTS_CONDITIONS_MAX + 1];
    for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = id_of(i);
    }
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct filter_condition){
            .field = FILTER_TAGS, .values = values, .value_count = DOCUMENTS_VALUES_MAX};
    }
    struct documents_query query = {.account = 1,
                                    .kind = RESOURCE_THNG,
                                    .project = &project,
                                    .viewers = ids,
                                    .viewer_count = DOCUMENTS_VIEWERS_MAX,
                                    .reach = ids,
                                    .reach_count = DOCUMENTS_IDS_MAX,
                                    .limit = 1,
                                    .ids = ids,
                                    .id_count = DOCUMENTS_IDS_MAX,
                                    .conditions = many,
                                    .condition_count = DOCUMENTS_CONDITIONS_MAX};
    assert_ok(documents_list(lists->bench.reader, &query, see_nothing, NULL));
    query.id_count++;
    assert_refused(lists, &query);
    query.id_count = 0;
    assert_ok(documents_list(lists->bench.reader, &query, see_nothing, NULL));
    query.condition_count++;
    assert_refused(lists, &query);
    query.condition_count = 0;
    query.viewers = ids;
    query.viewer_count = DOCUMENTS_VIEWERS_MAX;
    assert_ok(documents_list(lists->bench.reader, &query, see_nothing, NULL));
    query.viewer_count++;
    assert_refused(lists, &query);
}

static void test_bad_conditions(void **state)
{
    struct lists *lists = *state;
    static const struct slice values[DOCUMENTS_VALUES_MAX + 1];
    const struct {
        enum resource_kind kind;
        struct filter_condition condition;
    } rows[] = {
        {RESOURCE_THNG, {FILTER_TAGS, 0, {0}, values, DOCUMENTS_VALUES_MAX + 1, 0}},
        {RESOURCE_THNG, {FILTER_TAGS, 0, {0}, values, 0, 0}},
        {RESOURCE_THNG, {FILTER_TAGS, FILTER_LESS, {0}, values, 1, 0}},
        {RESOURCE_THNG, {FILTER_NAME, 0, {0}, values, 2, 0}},
        {RESOURCE_THNG, {FILTER_NAME, FILTER_GREATER, {0}, values, 1, 0}},
        {RESOURCE_THNG, {FILTER_CREATED_AT, 0, {0}, values, 1, 0}},
        {RESOURCE_THNG, {(enum filter_field)77, 0, {0}, values, 1, 0}},
        /* What the rows of that kind do not have. */
        {RESOURCE_THNG, {FILTER_TYPE, 0, {0}, values, 1, 0}},
        {RESOURCE_THNG, {FILTER_PARENT, 0, {0}, values, 1, 0}},
        {RESOURCE_THNG, {FILTER_THNG, 0, {0}, values, 1, 0}},
        {RESOURCE_COLLECTION, {FILTER_PRODUCT, 0, {0}, values, 1, 0}},
        {RESOURCE_PLACE, {FILTER_COLLECTIONS, 0, {0}, values, 1, 0}},
        {RESOURCE_ACTION, {FILTER_NAME, 0, {0}, values, 1, 0}},
        {RESOURCE_ACTION, {FILTER_STATUS, 0, {0}, values, 1, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct documents_query query = {.account = 1,
                                        .kind = rows[i].kind,
                                        .limit = 1,
                                        .conditions = &rows[i].condition,
                                        .condition_count = 1};
        assert_refused(lists, &query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_queries, set_up_lists, tear_down_lists),
        cmocka_unit_test_setup_teardown(test_cleaning_changes_nothing, set_up_lists,
                                        tear_down_lists),
        cmocka_unit_test_setup_teardown(test_skip_and_stop, set_up_lists, tear_down_lists),
        cmocka_unit_test_setup_teardown(test_pages_among_changes, set_up_lists, tear_down_lists),
        cmocka_unit_test_setup_teardown(test_more_statements_than_are_kept, set_up_lists,
                                        tear_down_lists),
        cmocka_unit_test_setup_teardown(test_injection, set_up_lists, tear_down_lists),
        cmocka_unit_test_setup_teardown(test_limits, set_up_lists, tear_down_lists),
        cmocka_unit_test_setup_teardown(test_bad_conditions, set_up_lists, tear_down_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
