/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of places, projects and applications, of which somebody sees some by their ids: random rows
 * and random queries beside an array that is looked through. */
#include "store/sqlite_reader.h"

#include "base/rand.h"
#include "unit/store/writer_fixture.h"

#include <math.h>

#define ROW_COUNT 240
#define TIME_COUNT 40
#define PROJECT_COUNT 20 /* the first rows */
#define NAMED_MAX 24

/* A point in a box of so many degrees, which a list by distance looks into or not. */
#define DEGREES 10

struct row {
    struct id id;
    enum resource_kind kind;
    int64_t created_ms;
    uint32_t project; /* the row of an application's project; of others the one of the scopes */
    bool is_for_all;  /* users; else for user 9000 */
    double latitude;  /* of a place */
};

struct world {
    struct bench bench;
    struct rand rand;
    struct row rows[ROW_COUNT];
};

static unsigned below(struct world *world, unsigned bound)
{
    return (unsigned)rand_below(&world->rand, bound);
}

static void write_row(struct world *world, const struct row *row)
{
    char text[256];
    char scopes[128];
    struct id project = world->rows[row->project].id;
    struct id user = id_of(9000);
    snprintf(text, sizeof(text),
             "{\"createdAt\":%lld,\"project\":\"%.24s\",\"latitude\":%.9f,\"longitude\":0}",
             (long long)row->created_ms, project.text, row->latitude);
    snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.*s\"],\"projects\":[\"%.24s\"]}",
             row->is_for_all ? 3 : ID_BYTES, row->is_for_all ? "all" : user.text, project.text);
    group_write_document(&world->bench.group, ACCOUNT, OPERATION_CREATED, row->kind, &row->id,
                         slice_of_text(text), slice_of_text(scopes));
}

static int set_up(void **state)
{
    static const enum resource_kind kinds[] = {RESOURCE_PLACE, RESOURCE_PLACE,
                                               RESOURCE_APPLICATION};
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    rand_seed(&world->rand, 5);
    open_bench(&world->bench);
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        struct row *row = &world->rows[i];
        row->kind = i < PROJECT_COUNT ? RESOURCE_PROJECT : kinds[below(world, ARRAY_LEN(kinds))];
        row->created_ms = 1000 + below(world, TIME_COUNT);
        row->id = id_generate(&world->rand, row->created_ms);
        row->project = below(world, i < PROJECT_COUNT ? i + 1 : PROJECT_COUNT);
        row->is_for_all = below(world, 2);
        row->latitude = (double)below(world, 1000000) / 1000000 * DEGREES;
        write_row(world, row);
    }
    assert_ok(apply(&world->bench));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    close_bench(&world->bench);
    free(world);
    return 0;
}

/* ---- questions ---- */

struct question {
    struct documents_query query;
    struct documents_near near;
    struct id project;
    struct id user;
    struct id named[NAMED_MAX]; /* what is limited to */
    uint32_t named_count;
    struct id ids[NAMED_MAX];
};

static uint32_t make_ids(struct world *world, struct id ids[NAMED_MAX], uint32_t first,
                         uint32_t count)
{
    uint32_t id_count = below(world, NAMED_MAX) + 1;
    for (uint32_t i = 0; i < id_count; i++) {
        ids[i] = below(world, 8) == 0 ? id_of(i) : world->rows[first + below(world, count)].id;
    }
    return id_count;
}

static void make_places(struct world *world, struct question *question)
{
    struct documents_query *query = &question->query;
    query->limits_places = true;
    if (below(world, 8) != 0) {
        question->named_count =
            make_ids(world, question->named, PROJECT_COUNT, ROW_COUNT - PROJECT_COUNT);
    }
    query->places = question->named;
    query->place_count = question->named_count;
    if (below(world, 2) == 0) {
        question->near = (struct documents_near){
            .latitude = DEGREES / 2.0,
            .distance_km_max = below(world, 3) == 0 ? (double)INFINITY : below(world, 800)};
        query->near = &question->near;
    }
}

static void make_question(struct world *world, struct question *question)
{
    static const enum resource_kind kinds[] = {RESOURCE_PLACE, RESOURCE_PROJECT,
                                               RESOURCE_APPLICATION};
    struct documents_query *query = &question->query;
    *question = (struct question){.query = {.account = ACCOUNT,
                                            .kind = kinds[below(world, ARRAY_LEN(kinds))],
                                            .limit = 1 + below(world, 12),
                                            .ascending = below(world, 2)},
                                  .project = world->rows[below(world, PROJECT_COUNT)].id,
                                  .user = id_of(9000 + below(world, 2))};
    if (query->kind == RESOURCE_PLACE) {
        make_places(world, question);
    } else {
        question->named_count = make_ids(world, question->named, 0, PROJECT_COUNT);
        query->reach = question->named;
        query->reach_count = question->named_count;
    }
    if (below(world, 3) == 0 && query->kind != RESOURCE_APPLICATION) {
        query->project = &question->project;
        query->viewers = &question->user;
        query->viewer_count = below(world, 2);
    }
    if (below(world, 5) == 0) {
        query->ids = question->ids;
        query->id_count = make_ids(world, question->ids, 0, ROW_COUNT);
    }
}

static bool is_one_of(const struct id *id, const struct id *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (id_equal(id, &ids[i])) {
            return true;
        }
    }
    return false;
}

static double distance_of(const struct row *row)
{
    return near_distance_km(DEGREES / 2.0, 0, row->latitude, 0);
}

static bool is_selected(struct world *world, const struct question *question, const struct row *row)
{
    const struct documents_query *query = &question->query;
    const struct id *project = &world->rows[row->project].id;
    const struct id *limited = query->kind == RESOURCE_APPLICATION ? project : &row->id;
    struct id viewer = id_of(9000);
    return row->kind == query->kind && is_one_of(limited, question->named, question->named_count) &&
           (query->id_count == 0 || is_one_of(&row->id, query->ids, query->id_count)) &&
           (query->project == NULL || id_equal(project, query->project)) &&
           (query->viewer_count == 0 || row->is_for_all || id_equal(&viewer, query->viewers)) &&
           (query->near == NULL || distance_of(row) <= query->near->distance_km_max);
}

/* True when <a> comes before <b>. */
static bool comes_first(const struct documents_query *query, const struct row *a,
                        const struct row *b)
{
    int order = memcmp(a->id.text, b->id.text, ID_BYTES);
    if (query->near != NULL) {
        double left = distance_of(a);
        double right = distance_of(b);
        return left < right || (left <= right && order < 0);
    }
    if (a->created_ms != b->created_ms) {
        order = a->created_ms < b->created_ms ? -1 : 1;
    }
    return query->ascending ? order < 0 : order > 0;
}

static uint32_t expected_rows(struct world *world, const struct question *question,
                              const struct row *expected[ROW_COUNT])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &world->rows[i];
        if (is_selected(world, question, row)) {
            uint32_t at = count++;
            for (; at > 0 && comes_first(&question->query, row, expected[at - 1]); at--) {
                expected[at] = expected[at - 1];
            }
            expected[at] = row;
        }
    }
    return count;
}

/* ---- comparing ---- */

struct page {
    const struct row **expected;
    uint32_t left;
    uint32_t seen;
    struct document last;
};

static bool see(void *arg, const struct document *document)
{
    struct page *page = arg;
    assert_true(page->left > 0);
    assert_memory_equal(document->id.text, (*page->expected)->id.text, ID_BYTES);
    page->expected++;
    page->left--;
    page->seen++;
    page->last = *document;
    return true;
}

static void read_pages(struct world *world, struct question *question, struct page *page)
{
    struct documents_query *query = &question->query;
    do {
        page->seen = 0;
        assert_ok(documents_list(world->bench.reader, query, see, page));
        query->has_after = query->near == NULL;
        query->after_created_ms = page->last.created_ms;
        query->after_id = page->last.id;
        question->near.has_after = true;
        question->near.after_distance_km = page->last.distance_km;
    } while (page->seen == query->limit);
    assert_int_equal(page->left, 0);
}

static void test_random_queries(void **state)
{
    struct world *world = *state;
    uint64_t selected = 0;
    for (unsigned round = 0; round < 3000; round++) {
        struct question question;
        const struct row *expected[ROW_COUNT];
        make_question(world, &question);
        uint32_t count = expected_rows(world, &question, expected);
        assert_int_equal(count_of(&world->bench, &question.query), count);
        struct page page = {.expected = expected, .left = count};
        read_pages(world, &question, &page);
        selected += count;
    }
    assert_true(selected > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_queries, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
