/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as a whole: opening, replay into both projections, what stops a start, and SIGKILL. */
#include "store/store.h"

#include "base/rand.h"
#include "store/rocks.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ACCOUNT 1
#define TIME_MS 1700000000000
#define WAIT_MS 20000

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct store_options options;
    struct store *store;
    struct broadcast ring;
    struct group_writer writer;
};

#define MUST(expression)                 \
    do {                                 \
        struct err must_ = (expression); \
        ASSERT(!err_is_set(must_));      \
    } while (0)

static struct err world_open(struct world *world)
{
    world->options = (struct store_options){
        .folder = world->folder,
        .block_cache_bytes = (size_t)1 << 20,
        .roll_bytes = 40000,
        .roll_interval_ms = 50,
        .tail_bytes_max = (size_t)8 << 20,
        .journal_keep_ms = 0,
        .journal_keep_bytes = 0,
    };
    TRY(store_open(&world->options, &world->store));
    MUST(broadcast_init(&world->ring, 64, (size_t)1 << 24,
                        journal_last(store_journal(world->store)), committed_free));
    return store_start(world->store, &world->ring);
}

static void world_close(struct world *world)
{
    if (world->store != NULL) {
        store_close(world->store);
        broadcast_deinit(&world->ring);
        world->store = NULL;
    }
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    fixture_make_folder(world->folder);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    world_close(world);
    fixture_remove_folder(world->folder);
    group_writer_deinit(&world->writer);
    free(world);
    return 0;
}

static struct id thng_id(uint64_t n)
{
    struct id id = FIXTURE_THNG;
    for (int i = ID_BYTES - 1; i > ID_BYTES - 8; i--, n /= 10) {
        id.text[i] = "2345678923"[n % 10] == '2' && n % 10 == 8 ? 'a' : "23456789ab"[n % 10];
    }
    return id;
}

/* Commits a group: point n for each sequence number n, and a thng in every fifth. */
static void commit(struct world *world, uint32_t count)
{
    struct journal *journal = store_journal(world->store);
    uint64_t first = journal_last(journal) + 1;
    group_writer_start(&world->writer, first, TIME_MS);
    for (uint64_t n = first; n < first + count; n++) {
        char text[128];
        if (n % 5 == 0) {
            struct id id = thng_id(n);
            int bytes = snprintf(text, sizeof(text),
                                 "{\"id\":\"%.24s\",\"createdAt\":%llu,\"name\":\"t%llu\"}",
                                 id.text, (unsigned long long)n, (unsigned long long)n);
            group_write_document(&world->writer, ACCOUNT, OPERATION_CREATED, RESOURCE_THNG, &id,
                                 slice_of(text, (size_t)bytes), (struct slice){0});
        } else {
            snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
            struct point point = fixture_point(1, (int64_t)n, true, text);
            fixture_write_point(&world->writer, &point);
        }
    }
    struct group group = fixture_close_group(&world->writer);
    MUST(journal_append(journal, &group, (struct slice){0}));
    struct committed *committed = committed_new(&group);
    ASSERT(committed != NULL);
    broadcast_push(&world->ring, &committed->item);
    store_notify(world->store, &group);
}

/* Points and thngs up to <last> are there, once, and nothing else. */
static void check_all(struct world *world, uint64_t last)
{
    assert_int_equal(store_wait(world->store, last, WAIT_MS).code, ERR_OK);
    assert_true(store_documents_mark(world->store) >= last);
    struct samples samples = {0};
    const struct history_query query = {
        .property = 1,
        .to_ms = INT64_MAX,
        .ascending = true,
        .limit = 1000000,
    };
    assert_int_equal(history_read(store_history(world->store), &query, &samples).code, ERR_OK);
    assert_int_equal(samples.count, last - last / 5);
    int64_t n = 0;
    for (uint32_t i = 0; i < samples.count; i++) {
        n += n % 5 == 4 ? 2 : 1;
        assert_int_equal(samples.at[i].timestamp_ms, n);
    }
    samples_deinit(&samples);
    struct documents_reader *reader;
    assert_int_equal(store_documents_reader(world->store, &reader).code, ERR_OK);
    for (uint64_t thng = 5; thng <= last + 5; thng += 5) {
        struct id id = thng_id(thng);
        struct document document;
        struct err err = documents_get(reader, &id, &document);
        assert_int_equal(err.code, thng <= last ? ERR_OK : ERR_NOT_FOUND);
    }
    documents_reader_close(reader);
}

static void what_was_committed_is_there_after_a_restart(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(world_open(world).code, ERR_OK);
        check_all(world, journal_last(store_journal(world->store)));
        for (uint32_t i = 0; i < 100; i++) {
            commit(world, 1 + i % 30);
        }
        assert_false(store_must_wait(world->store));
        check_all(world, journal_last(store_journal(world->store)));
        world_close(world);
    }
}

static void waiting_for_what_was_not_committed_ends(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world).code, ERR_OK);
    commit(world, 7);
    assert_int_equal(store_wait(world->store, 7, WAIT_MS).code, ERR_OK);
    assert_int_equal(store_wait(world->store, 8, 20).code, ERR_BUSY);
}

static void a_folder_has_one_user(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world).code, ERR_OK);
    struct store *other = NULL;
    assert_int_equal(store_open(&world->options, &other).code, ERR_STORE_LOCKED);
    assert_null(other);
    world_close(world);
    assert_int_equal(store_open(&world->options, &other).code, ERR_OK);
    store_close(other);
}

static void write_format(const struct world *world, const char *text)
{
    char path[FIXTURE_FOLDER_BYTES + 16];
    snprintf(path, sizeof(path), "%s/format", world->folder);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void other_formats_are_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world).code, ERR_OK);
    world_close(world);
    write_format(world, "thrum 2\n");
    assert_int_equal(world_open(world).code, ERR_STORE_FORMAT_NEWER);
    write_format(world, "drum 1\n");
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
    write_format(world, "thrum x\n");
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
    write_format(world, "thrum 1\n");
    assert_int_equal(world_open(world).code, ERR_OK);
}

static void documents_ahead_of_the_journal_stop_the_start(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world).code, ERR_OK);
    commit(world, 20);
    check_all(world, 20);
    world_close(world);
    char path[FIXTURE_FOLDER_BYTES + 16];
    snprintf(path, sizeof(path), "%s/store", world->folder);
    fixture_remove_folder(path);
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
}

static void remove_documents(const struct world *world)
{
    char path[FIXTURE_FOLDER_BYTES + 32];
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        snprintf(path, sizeof(path), "%s/documents.db%s", world->folder, endings[i]);
        remove(path);
    }
}

/* Takes the group that begins at <sequence> out of the journal. */
static void remove_group(const struct world *world, uint64_t sequence)
{
    char path[FIXTURE_FOLDER_BYTES + 16];
    snprintf(path, sizeof(path), "%s/store", world->folder);
    struct rocks *rocks;
    assert_int_equal(rocks_open(path, (size_t)1 << 20, &rocks).code, ERR_OK);
    uint8_t key[8];
    rocks_put_u64be(key, sequence);
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    char *text = NULL;
    rocksdb_delete_cf(rocks->db, options, rocks->journal, (const char *)key, sizeof(key), &text);
    rocksdb_writeoptions_destroy(options);
    assert_null(text);
    rocks_close(rocks);
}

/* Lost documents are made anew while the whole journal is there; with a gap the start is refused.
 */
static void a_gap_behind_a_mark_stops_the_start(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world).code, ERR_OK);
    commit(world, 10);
    commit(world, 10);
    commit(world, 10);
    check_all(world, 30);
    world_close(world);
    remove_documents(world);
    assert_int_equal(world_open(world).code, ERR_OK);
    check_all(world, 30);
    world_close(world);

    remove_group(world, 11);
    remove_documents(world);
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
    remove_group(world, 1);
    remove_documents(world);
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
}

/* ---- crashes ---- */

static _Noreturn void child_run(const char *folder, int acknowledge_fd)
{
    struct world world = {0};
    snprintf(world.folder, sizeof(world.folder), "%s", folder);
    MUST(world_open(&world));
    for (uint32_t i = 1;; i++) {
        commit(&world, 1 + i * 7 % 60);
        uint64_t last = journal_last(store_journal(world.store));
        if (write(acknowledge_fd, &last, sizeof(last)) != sizeof(last)) {
            _exit(1);
        }
    }
}

static uint64_t run_and_kill(const char *folder, struct rand *rand)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fixture_start_child(folder, ends[1]);
    close(ends[1]);
    uint64_t acknowledged = 0;
    uint64_t last;
    uint64_t count = 1 + rand_below(rand, 120);
    for (uint64_t i = 0; i < count && read(ends[0], &last, sizeof(last)) == sizeof(last); i++) {
        acknowledged = last;
    }
    usleep((useconds_t)rand_below(rand, 2000));
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (read(ends[0], &last, sizeof(last)) == sizeof(last)) {
        acknowledged = last;
    }
    close(ends[0]);
    return acknowledged;
}

static void nothing_acknowledged_is_lost_in_a_crash(void **state)
{
    struct world *world = *state;
    struct rand rand;
    rand_seed(&rand, 5);
    for (int round = 0; round < 10; round++) {
        uint64_t acknowledged = run_and_kill(world->folder, &rand);
        assert_int_equal(world_open(world).code, ERR_OK);
        uint64_t last = journal_last(store_journal(world->store));
        assert_true(last >= acknowledged);
        check_all(world, last);
        world_close(world);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
    if (fixture_is_child(argc, argv)) {
        child_run(argv[2], fixture_child_fd(argv));
    }
    const struct CMUnitTest tests[] = {
        EACH(nothing_acknowledged_is_lost_in_a_crash),
        EACH(what_was_committed_is_there_after_a_restart),
        EACH(waiting_for_what_was_not_committed_ends),
        EACH(a_folder_has_one_user),
        EACH(other_formats_are_refused),
        EACH(documents_ahead_of_the_journal_stop_the_start),
        EACH(a_gap_behind_a_mark_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
