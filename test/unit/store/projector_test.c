/* SPDX-License-Identifier: Apache-2.0
 *
 * The projector between a ring and a documents file. The journal is one of the test's own: an array
 * of groups that can be told to fail. */
#include "store/projector.h"

#include "base/clock.h"
#include "store/store.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define GROUP_COUNT_MAX 4096
#define WAIT_MS 20000

struct journal {
    struct slice groups[GROUP_COUNT_MAX]; /* owned */
    _Atomic uint32_t group_count;
    _Atomic int failures; /* so many reads fail */
    _Atomic uint32_t reads;
    uint32_t hidden; /* this one is missing, when not 0 */
};

struct err journal_read(struct journal *journal, uint64_t sequence, journal_visit_fn visit,
                        void *arg)
{
    atomic_fetch_add(&journal->reads, 1);
    if (atomic_load(&journal->failures) > 0) {
        atomic_fetch_sub(&journal->failures, 1);
        return ERR(IO);
    }
    uint32_t count = atomic_load(&journal->group_count);
    for (uint32_t i = 0; i < count; i++) {
        struct group group;
        TRY(group_open(journal->groups[i], &group));
        bool is_hidden = journal->hidden != 0 && i == journal->hidden;
        if (!is_hidden && group.last_sequence >= sequence && !visit(arg, &group)) {
            break;
        }
    }
    return ERR(OK);
}

struct bench {
    char folder[64];
    char path[96];
    struct documents *documents;
    struct documents_reader *reader;
    struct broadcast ring;
    struct journal journal;
    struct projector *projector;
    struct group_writer writer;
    uint32_t resources;
};

static void assert_ok(struct err err)
{
    if (err_is_set(err)) {
        fail_msg("%s", err_name(err));
    }
}

static void free_committed(struct broadcast_item *item)
{
    free(CONTAINER_OF(item, struct committed, item));
}

static struct bench *open_bench(size_t ring_slots)
{
    struct bench *bench =
        aligned_alloc(CACHE_LINE_BYTES, (sizeof(*bench) / CACHE_LINE_BYTES + 1) * CACHE_LINE_BYTES);
    assert_non_null(bench);
    memset(bench, 0, sizeof(*bench));
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/thrum-projector-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof(bench->path), "%s/documents.db", bench->folder);
    assert_ok(documents_open(bench->path, &bench->documents));
    assert_ok(documents_reader_open(bench->path, &bench->reader));
    assert_ok(broadcast_init(&bench->ring, ring_slots, 1 << 20, 0, free_committed));
    return bench;
}

static void start(struct bench *bench)
{
    assert_ok(projector_start(bench->documents, &bench->journal, &bench->ring, &bench->projector));
}

static void stop(struct bench *bench)
{
    projector_stop(bench->projector);
    bench->projector = NULL;
}

/* Another life of the daemon on the same file, journal and ring. */
static void reopen_documents(struct bench *bench)
{
    documents_close(bench->documents);
    assert_ok(documents_open(bench->path, &bench->documents));
}

static void close_bench(struct bench *bench)
{
    stop(bench);
    documents_reader_close(bench->reader);
    documents_close(bench->documents);
    broadcast_deinit(&bench->ring);
    group_writer_deinit(&bench->writer);
    for (uint32_t i = 0; i < bench->journal.group_count; i++) {
        free((void *)bench->journal.groups[i].at); /* ours, const for its readers */
    }
    unlink(bench->path);
    assert_int_equal(rmdir(bench->folder), 0);
    free(bench);
}

/* ---- the engine's part ---- */

static struct id id_of(uint32_t number)
{
    char text[ID_BYTES + 1];
    snprintf(text, sizeof(text), "U%023u", number);
    struct id id;
    memcpy(id.text, text, ID_BYTES);
    return id;
}

/* Closes the group, keeps it in the journal, and pushes it to the ring. */
static void commit_group(struct bench *bench)
{
    struct slice bytes;
    struct group group;
    assert_ok(group_writer_close(&bench->writer, &bytes));
    uint8_t *kept = malloc(bytes.bytes);
    struct committed *committed = malloc(sizeof(*committed) + bytes.bytes);
    assert_true(kept != NULL && committed != NULL);
    memcpy(kept, bytes.at, bytes.bytes);
    memcpy(committed + 1, bytes.at, bytes.bytes);
    assert_ok(group_open(slice_of(committed + 1, bytes.bytes), &group));
    *committed = (struct committed){
        .item = {group.first_sequence, group.last_sequence, bytes.bytes}, .group = group};
    uint32_t index = bench->journal.group_count;
    assert_true(index < GROUP_COUNT_MAX);
    bench->journal.groups[index] = slice_of(kept, bytes.bytes);
    atomic_store(&bench->journal.group_count, index + 1);
    broadcast_push(&bench->ring, &committed->item);
    if (bench->projector != NULL) {
        projector_notify(bench->projector, &group);
    }
}

/* A group that creates <resources>, and has <points> besides. */
static void push(struct bench *bench, uint32_t resources, uint32_t points)
{
    struct id id = id_of(0);
    struct point point = {.property = 1, .key = SLICE("k"), .timestamp_ms = 1, .value = SLICE("1")};
    group_writer_start(&bench->writer, broadcast_last(&bench->ring) + 1, 1);
    for (uint32_t i = 0; i < resources; i++) {
        struct id made = id_of(++bench->resources);
        group_write_document(&bench->writer, 1, OPERATION_CREATED, RESOURCE_THNG, &made,
                             SLICE("{\"createdAt\":1}"), (struct slice){0});
    }
    for (uint32_t i = 0; i < points; i++) {
        group_write_points(&bench->writer, 1, RESOURCE_THNG, &id, (struct slice){0}, 0, &point, 1);
    }
    commit_group(bench);
}

static uint64_t resource_count(struct bench *bench)
{
    struct documents_query query = {.account = 1, .kind = RESOURCE_THNG};
    uint64_t count;
    assert_ok(documents_count(bench->reader, &query, &count));
    return count;
}

/* All that was pushed is visible to readers when the mark says so. */
static void assert_caught_up(struct bench *bench)
{
    uint64_t last = broadcast_last(&bench->ring);
    assert_true(mark_wait(projector_mark(bench->projector), last, WAIT_MS));
    assert_int_equal(mark_get(projector_mark(bench->projector)), last);
    assert_int_equal(resource_count(bench), bench->resources);
}

/* ---- tests ---- */

static void test_follows_the_ring(void **state)
{
    (void)state;
    struct bench *bench = open_bench(256);
    start(bench);
    for (uint32_t i = 0; i < 200; i++) {
        push(bench, i % 3, i % 2 + 1);
        if (i % 20 == 0) {
            assert_caught_up(bench);
        }
    }
    assert_caught_up(bench);
    assert_true(projector_durable_mark(bench->projector) <= broadcast_last(&bench->ring));
    assert_int_equal(bench->journal.reads, 0);
    uint64_t last = broadcast_last(&bench->ring);
    stop(bench);
    assert_int_equal(documents_applied(bench->documents), last);
    close_bench(bench);
}

static void test_points_move_the_mark_only(void **state)
{
    (void)state;
    struct bench *bench = open_bench(256);
    start(bench);
    push(bench, 1, 0);
    assert_caught_up(bench);
    assert_int_equal(documents_applied(bench->documents), 1);
    for (uint32_t i = 0; i < 50; i++) {
        push(bench, 0, 10);
    }
    assert_caught_up(bench);
    assert_int_equal(documents_applied(bench->documents), 1);
    push(bench, 1, 0);
    assert_caught_up(bench);
    assert_int_equal(documents_applied(bench->documents), 502);
    /* Readers see it; the disk is not asked for each commit. */
    assert_int_equal(projector_durable_mark(bench->projector), 0);
    push(bench, 0, 10);
    stop(bench);
    assert_int_equal(documents_applied(bench->documents), 512);
    assert_int_equal(documents_durable(bench->documents), 512);
    close_bench(bench);
}

static void test_lag_counts_changes_of_documents(void **state)
{
    (void)state;
    struct bench *bench = open_bench(256);
    start(bench);
    push(bench, 0, 10);
    assert_int_equal(projector_lag(bench->projector), 0);
    uint64_t told = 0;
    for (uint32_t i = 0; i < 20; i++) {
        push(bench, 3, 10);
        told += 3;
        assert_true(projector_lag(bench->projector) <= told);
    }
    assert_caught_up(bench);
    assert_int_equal(projector_lag(bench->projector), 0);
    stop(bench);
    close_bench(bench);
}

static void test_overrun(void **state)
{
    (void)state;
    struct bench *bench = open_bench(4);
    for (uint32_t i = 0; i < 300; i++) {
        push(bench, i % 2, 1);
    }
    start(bench);
    assert_caught_up(bench);
    assert_true(bench->journal.reads > 0);
    for (uint32_t i = 0; i < 2000; i++) {
        push(bench, i % 2, 1);
    }
    assert_caught_up(bench);
    close_bench(bench);
}

/* More events than a transaction takes. */
static void test_large(void **state)
{
    (void)state;
    struct bench *bench = open_bench(256);
    for (uint32_t i = 0; i < 100; i++) {
        push(bench, 250, 10);
    }
    start(bench);
    assert_caught_up(bench);
    close_bench(bench);
}

static void test_stop_drains(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        struct bench *bench = open_bench(64);
        start(bench);
        for (uint32_t j = 0; j < 1 + i; j++) {
            push(bench, j % 2, 1);
        }
        uint64_t last = broadcast_last(&bench->ring);
        stop(bench);
        assert_int_equal(documents_applied(bench->documents), last);
        assert_int_equal(resource_count(bench), bench->resources);
        close_bench(bench);
    }
}

static void test_a_failing_journal_is_read_again(void **state)
{
    (void)state;
    struct bench *bench = open_bench(4);
    for (uint32_t i = 0; i < 50; i++) {
        push(bench, 1, 0);
    }
    bench->journal.failures = 3;
    start(bench);
    assert_caught_up(bench);
    assert_true(bench->journal.reads >= 4);
    close_bench(bench);
}

static void test_nothing_is_skipped(void **state)
{
    (void)state;
    struct bench *bench = open_bench(4);
    for (uint32_t i = 0; i < 50; i++) {
        push(bench, 1, 0);
    }
    bench->journal.hidden = 20;
    start(bench);
    assert_false(mark_wait(projector_mark(bench->projector), 21, 300));
    assert_true(mark_get(projector_mark(bench->projector)) <= 20);
    stop(bench);
    assert_true(documents_applied(bench->documents) <= 20);
    /* With the journal whole again, the next life goes on. */
    bench->journal.hidden = 0;
    reopen_documents(bench);
    start(bench);
    assert_caught_up(bench);
    close_bench(bench);
}

/* Somebody else's transaction stands for a disk that refuses. */
static sqlite3 *lock_file(const struct bench *bench)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(bench->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void test_a_refusing_file(void **state)
{
    (void)state;
    struct bench *bench = open_bench(64);
    start(bench);
    push(bench, 1, 1);
    assert_caught_up(bench);
    sqlite3 *lock = lock_file(bench);
    push(bench, 0, 1); /* needs no file */
    push(bench, 1, 1);
    push(bench, 1, 1);
    assert_false(mark_wait(projector_mark(bench->projector), 5, 2500));
    assert_int_equal(mark_get(projector_mark(bench->projector)), 3);
    sqlite3_close(lock);
    assert_caught_up(bench);

    /* Stopping does not wait for a file that refuses; the next life has the journal. */
    lock = lock_file(bench);
    push(bench, 1, 1);
    int64_t begin_ms = clock_monotonic_ms();
    stop(bench);
    assert_true(clock_monotonic_ms() - begin_ms < 15000);
    assert_int_equal(documents_applied(bench->documents), 7);
    sqlite3_close(lock);
    reopen_documents(bench);
    start(bench);
    assert_caught_up(bench);
    close_bench(bench);
}

/* ---- cleaning ---- */

/* A product, <count> thngs of it, and its deletion. */
static void push_cascade(struct bench *bench, uint32_t count)
{
    static const char text[] =
        "{\"createdAt\":1,\"updatedAt\":1,\"product\":\"U99999999999999999999999\"}";
    struct id product;
    assert_true(id_parse(SLICE("U99999999999999999999999"), &product));
    group_writer_start(&bench->writer, broadcast_last(&bench->ring) + 1, 1);
    group_write_document(&bench->writer, 1, OPERATION_CREATED, RESOURCE_PRODUCT, &product,
                         SLICE("{\"createdAt\":1}"), (struct slice){0});
    for (uint32_t i = 0; i < count; i++) {
        struct id made = id_of(++bench->resources);
        group_write_document(&bench->writer, 1, OPERATION_CREATED, RESOURCE_THNG, &made,
                             slice_of_text(text), (struct slice){0});
    }
    group_write_document(&bench->writer, 1, OPERATION_DELETED, RESOURCE_PRODUCT, &product,
                         (struct slice){0}, (struct slice){0});
    commit_group(bench);
}

static int64_t ask(const struct bench *bench, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(bench->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

static bool is_clean(const struct bench *bench)
{
    return ask(bench, "SELECT count(*) FROM cascade") == 0;
}

static void assert_cleaned(struct bench *bench)
{
    int64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (!is_clean(bench)) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
    assert_int_equal(ask(bench, "SELECT count(*) FROM resource WHERE product IS NOT NULL"), 0);
}

static void test_cleans_while_nothing_waits(void **state)
{
    (void)state;
    struct bench *bench = open_bench(64);
    start(bench);
    push_cascade(bench, 2 * PROJECTOR_CLEAN_ROWS + 1);
    assert_caught_up(bench);
    assert_cleaned(bench);
    /* Asleep again, it hears of what comes. */
    push(bench, 1, 1);
    assert_caught_up(bench);
    push_cascade(bench, 1);
    assert_caught_up(bench);
    assert_cleaned(bench);
    close_bench(bench);
}

/* Groups come all the time; what is to be cleaned goes all the same, and no group is lost. */
static void test_cleans_under_load(void **state)
{
    (void)state;
    struct bench *bench = open_bench(1024);
    start(bench);
    push_cascade(bench, 2000);
    for (uint32_t i = 0; !is_clean(bench); i++) {
        assert_true(i < GROUP_COUNT_MAX - 1);
        push(bench, 20, 1);
        if (i % 8 == 7) {
            assert_caught_up(bench);
        }
    }
    assert_caught_up(bench);
    assert_cleaned(bench);
    close_bench(bench);
}

/* One transaction after the other is full: the slices go along with them. A projector that stops
 * does no others. */
static void test_cleans_beside_full_transactions(void **state)
{
    (void)state;
    struct bench *bench = open_bench(1024);
    push_cascade(bench, 5000);
    for (uint32_t i = 0; i < 150; i++) {
        push(bench, 250, 10);
    }
    start(bench);
    stop(bench);
    assert_int_equal(resource_count(bench), bench->resources);
    int64_t left = ask(bench, "SELECT count(*) FROM resource WHERE product IS NOT NULL");
    assert_true(left <= 5000 - PROJECTOR_CLEAN_STEP_ROWS);
    start(bench);
    assert_caught_up(bench);
    assert_cleaned(bench);
    close_bench(bench);
}

/* Applies what was pushed, as an earlier life's projector did that had no time to clean. */
static void apply_without_cleaning(struct bench *bench)
{
    assert_ok(documents_begin(bench->documents));
    for (uint32_t i = 0; i < bench->journal.group_count; i++) {
        struct group group;
        assert_ok(group_open(bench->journal.groups[i], &group));
        assert_ok(documents_apply(bench->documents, &group));
    }
    assert_ok(documents_commit(bench->documents));
    assert_false(is_clean(bench));
}

static void test_cleaning_goes_on_after_a_start(void **state)
{
    (void)state;
    struct bench *bench = open_bench(64);
    push_cascade(bench, 3000);
    apply_without_cleaning(bench);
    /* However far each of these lives comes. */
    for (uint32_t i = 0; i < 3; i++) {
        reopen_documents(bench);
        start(bench);
        stop(bench);
        assert_int_equal(documents_applied(bench->documents), 3002);
    }
    reopen_documents(bench);
    start(bench);
    assert_cleaned(bench);
    assert_caught_up(bench);
    close_bench(bench);
}

static void test_cleaning_is_tried_again(void **state)
{
    (void)state;
    struct bench *bench = open_bench(64);
    push_cascade(bench, 3000);
    apply_without_cleaning(bench);
    sqlite3 *lock = lock_file(bench);
    start(bench);
    /* Groups that need no file are passed on meanwhile. */
    push(bench, 0, 1);
    assert_true(mark_wait(projector_mark(bench->projector), 3003, WAIT_MS));
    assert_false(is_clean(bench));
    sqlite3_close(lock);
    assert_cleaned(bench);
    assert_caught_up(bench);
    close_bench(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_ring),
        cmocka_unit_test(test_points_move_the_mark_only),
        cmocka_unit_test(test_lag_counts_changes_of_documents),
        cmocka_unit_test(test_overrun),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_stop_drains),
        cmocka_unit_test(test_a_failing_journal_is_read_again),
        cmocka_unit_test(test_nothing_is_skipped),
        cmocka_unit_test(test_a_refusing_file),
        cmocka_unit_test(test_cleans_while_nothing_waits),
        cmocka_unit_test(test_cleans_under_load),
        cmocka_unit_test(test_cleans_beside_full_transactions),
        cmocka_unit_test(test_cleaning_goes_on_after_a_start),
        cmocka_unit_test(test_cleaning_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
