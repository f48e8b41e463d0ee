/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: opening, transactions, crashes. */
#include "unit/store/documents_fixture.h"

#include "base/rand.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- opening ---- */

static void test_open(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct stat facts;
    assert_int_equal(stat(bench.path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(documents_applied(bench.documents), 0);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    put_text(&bench, OPERATION_CREATED, 2, "{\"createdAt\":2}");
    assert_ok(apply(&bench));
    reopen(&bench);
    assert_int_equal(documents_applied(bench.documents), 2);
    assert_int_equal(documents_position(bench.documents), 2);
    assert_int_equal(ask(&bench, "SELECT count(*) FROM pragma_integrity_check"
                                 " WHERE integrity_check <> 'ok'"),
                     0);
    close_bench(&bench);
}

static void test_durable_is_what_was_synced(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    assert_ok(apply(&bench));
    assert_int_equal(documents_applied(bench.documents), 1);
    assert_int_equal(documents_durable(bench.documents), 0);
    assert_ok(documents_sync(bench.documents));
    assert_int_equal(documents_durable(bench.documents), 1);
    put_text(&bench, OPERATION_CREATED, 2, "{\"createdAt\":2}");
    assert_ok(apply(&bench));
    assert_int_equal(documents_durable(bench.documents), 1);
    reopen(&bench);
    assert_int_equal(documents_durable(bench.documents), 2);
    close_bench(&bench);
}

/* Opens the file again after <text> has been run on it. */
static struct err open_after(struct bench *bench, const char *text)
{
    documents_reader_close(bench->reader);
    bench->reader = NULL;
    documents_close(bench->documents);
    bench->documents = NULL;
    tamper(bench, text);
    return documents_open(bench->path, &bench->documents);
}

static void test_open_refuses(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    ASSERT_ERR(open_after(&bench, "UPDATE meta SET value = 4 WHERE name = 'format'"),
               STORE_FORMAT_NEWER);
    ASSERT_ERR(open_after(&bench, "UPDATE meta SET value = 0 WHERE name = 'format'"), CORRUPT);
    assert_ok(open_after(&bench, "UPDATE meta SET value = 3 WHERE name = 'format'"));
    /* Another program's file. */
    ASSERT_ERR(open_after(&bench, "PRAGMA application_id = 1"), CORRUPT);
    assert_ok(open_after(&bench, "PRAGMA application_id = 0x7468726d"));
    ASSERT_ERR(open_after(&bench, "UPDATE meta SET value = -1 WHERE name = 'applied_sequence'"),
               CORRUPT);
    /* No SQLite file at all. */
    int fd = open(bench.path, O_WRONLY | O_TRUNC);
    static const char noise[512] = "this is somebody's letter";
    assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
    close(fd);
    ASSERT_ERR(documents_open(bench.path, &bench.documents), CORRUPT);
    ASSERT_ERR(documents_reader_open("/nowhere/documents.db", &bench.reader), IO);
    ASSERT_ERR(documents_open("/nowhere/documents.db", &bench.documents), IO);
    close_bench(&bench);
}

/* ---- groups and transactions ---- */

static void test_a_group_is_applied_once(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    put_point(&bench, 1, 1, "k", POINT_NEW_PROPERTY);
    struct group group = closed_group(&bench);
    for (unsigned round = 0; round < 2; round++) {
        assert_ok(documents_begin(bench.documents));
        assert_ok(documents_apply(bench.documents, &group));
        assert_ok(documents_apply(bench.documents, &group));
        assert_ok(documents_commit(bench.documents));
        assert_int_equal(documents_applied(bench.documents), 2);
    }
    assert_properties(&bench, 1, "k=1 ");
    close_bench(&bench);
}

static void test_a_gap_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    group_writer_start(&bench.group, 2, TIME_MS);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    ASSERT_ERR(apply(&bench), CORRUPT);
    group_writer_start(&bench.group, 2, TIME_MS);
    put_point(&bench, 1, 1, "k", 0);
    struct group group = closed_group(&bench);
    assert_false(group.has_documents);
    ASSERT_ERR(documents_skip(bench.documents, &group), CORRUPT);
    assert_int_equal(documents_position(bench.documents), 0);
    close_bench(&bench);
}

static void test_skip_and_rollback(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_point(&bench, 1, 1, "k", 0);
    put_point(&bench, 1, 1, "k", 0);
    struct group group = closed_group(&bench);
    assert_ok(documents_skip(bench.documents, &group));
    assert_ok(documents_skip(bench.documents, &group));
    assert_int_equal(documents_position(bench.documents), 2);
    assert_int_equal(documents_applied(bench.documents), 0);

    start_group(&bench);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    group = closed_group(&bench);
    assert_ok(documents_begin(bench.documents));
    assert_ok(documents_apply(bench.documents, &group));
    assert_int_equal(documents_position(bench.documents), 3);
    documents_rollback(bench.documents);
    documents_rollback(bench.documents);
    assert_int_equal(documents_position(bench.documents), 2);
    struct documents_query query = all_thngs();
    assert_int_equal(count_of(&bench, &query), 0);

    /* A transaction with nothing in it writes the mark alone. */
    assert_ok(documents_begin(bench.documents));
    assert_ok(documents_commit(bench.documents));
    assert_int_equal(documents_applied(bench.documents), 2);
    reopen(&bench);
    assert_int_equal(documents_applied(bench.documents), 2);
    close_bench(&bench);
}

/* ---- a crash ---- */

/* Creates a resource a group, three groups a transaction, and says each mark it has committed. */
static _Noreturn void write_until_killed(const char *path, int fd)
{
    struct documents *documents;
    struct group_writer writer = {0};
    if (err_is_set(documents_open(path, &documents))) {
        _exit(1);
    }
    for (;;) {
        if (err_is_set(documents_begin(documents))) {
            _exit(2);
        }
        for (unsigned i = 0; i < 3; i++) {
            uint64_t next = documents_position(documents) + 1;
            struct id id = id_of((uint32_t)next);
            struct slice bytes;
            struct group group;
            group_writer_start(&writer, next, TIME_MS);
            group_write_document(&writer, ACCOUNT, OPERATION_CREATED, RESOURCE_THNG, &id,
                                 SLICE("{\"createdAt\":1,\"tags\":[\"a\",\"b\"]}"),
                                 (struct slice){0});
            if (err_is_set(group_writer_close(&writer, &bytes)) ||
                err_is_set(group_open(bytes, &group)) ||
                err_is_set(documents_apply(documents, &group))) {
                _exit(3);
            }
        }
        uint64_t mark = documents_position(documents);
        if (err_is_set(documents_commit(documents)) ||
            write(fd, &mark, sizeof(mark)) != sizeof(mark)) {
            _exit(4);
        }
    }
}

static uint64_t kill_a_writer(const char *path, useconds_t after_us)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        write_until_killed(path, ends[1]);
    }
    close(ends[1]);
    usleep(after_us);
    kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    uint64_t mark;
    uint64_t last = 0;
    while (read(ends[0], &mark, sizeof(mark)) == sizeof(mark)) {
        last = mark;
    }
    close(ends[0]);
    return last;
}

static void test_crash(void **state)
{
    (void)state;
    struct bench bench;
    struct rand rand;
    open_bench(&bench);
    rand_seed(&rand, 11);
    uint64_t said = 0;
    for (unsigned round = 0; round < 12; round++) {
        documents_reader_close(bench.reader);
        documents_close(bench.documents);
        uint64_t now = kill_a_writer(bench.path, (useconds_t)(5000 + rand_below(&rand, 60000)));
        said = now > said ? now : said;
        assert_ok(documents_open(bench.path, &bench.documents));
        assert_ok(documents_reader_open(bench.path, &bench.reader));
        uint64_t applied = documents_applied(bench.documents);
        assert_true(applied >= said);
        assert_int_equal(applied % 3, 0);
        struct documents_query query = all_thngs();
        assert_int_equal(count_of(&bench, &query), applied);
        assert_int_equal(ask(&bench, "SELECT count(*) FROM tag"), 2 * applied);
    }
    assert_true(said > 0);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_durable_is_what_was_synced),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_a_group_is_applied_once),
        cmocka_unit_test(test_a_gap_is_refused),
        cmocka_unit_test(test_skip_and_rollback),
        cmocka_unit_test(test_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
