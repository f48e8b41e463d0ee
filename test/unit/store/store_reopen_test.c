/* SPDX-License-Identifier: Apache-2.0
 *
 * The store after a failed commit. Failures are real to RocksDB: the process may write no file
 * beyond a size (RLIMIT_FSIZE), so that a record of the log is cut off; or the sync after a whole
 * record fails (this file's fdatasync comes before libc's). */
#include "store/store.h"

#include "store/rocks.h"
#include "store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define ACCOUNT 1
#define TIME_MS 1700000000000
#define WAIT_MS 20000
#define PADDING 300
#define PATH_BYTES (FIXTURE_FOLDER_BYTES + 32)

static _Atomic bool sync_fails;

int fdatasync(int fd)
{
    if (atomic_load(&sync_fails)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct store_options options;
    struct store *store;
    struct broadcast ring;
    struct group_writer writer;
    uint64_t acknowledged;
};

#define MUST(expression)                 \
    do {                                 \
        struct err must_ = (expression); \
        ASSERT(!err_is_set(must_));      \
    } while (0)

static void world_open(struct world *world)
{
    world->options = (struct store_options){
        .folder = world->folder,
        .block_cache_bytes = (size_t)1 << 20,
        .roll_bytes = 40000,
        .roll_interval_ms = 50,
        .tail_bytes_max = (size_t)8 << 20,
        .journal_keep_ms = (int64_t)1 << 41,
        .journal_keep_bytes = (uint64_t)1 << 40,
    };
    MUST(store_open(&world->options, &world->store));
    MUST(broadcast_init(&world->ring, 64, (size_t)1 << 24,
                        journal_last(store_journal(world->store)), committed_free));
    MUST(store_start(world->store, &world->ring));
}

static void world_close(struct world *world)
{
    if (world->store != NULL) {
        store_close(world->store);
        broadcast_deinit(&world->ring);
        world->store = NULL;
    }
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    ASSERT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    signal(SIGXFSZ, SIG_IGN);
    fixture_make_folder(world->folder);
    world_open(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    limit_files(RLIM_INFINITY);
    atomic_store(&sync_fails, false);
    world_close(world);
    fixture_remove_folder(world->folder);
    group_writer_deinit(&world->writer);
    free(world);
    return 0;
}

/* ---- writing ---- */

static struct id thng_id(uint64_t n)
{
    static const char digits[] = "abcdefghkm";
    struct id id = FIXTURE_THNG;
    for (int i = ID_BYTES - 1; i > ID_BYTES - 8; i--, n /= 10) {
        id.text[i] = digits[n % 10];
    }
    return id;
}

static void push(struct world *world, const struct group *group)
{
    struct committed *committed = committed_new(group);
    ASSERT(committed != NULL);
    broadcast_push(&world->ring, &committed->item);
    store_notify(world->store, group);
}

/* One group of one event: point n of property 1, or for each fifth n a thng. */
static struct err commit(struct world *world)
{
    struct journal *journal = store_journal(world->store);
    uint64_t n = journal_last(journal) + 1;
    char text[PADDING + 64];
    group_writer_start(&world->writer, n, TIME_MS);
    if (n % 5 == 0) {
        struct id id = thng_id(n);
        int bytes = snprintf(text, sizeof(text), "{\"id\":\"%.24s\",\"createdAt\":%llu}", id.text,
                             (unsigned long long)n);
        group_write_document(&world->writer, ACCOUNT, OPERATION_CREATED, RESOURCE_THNG, &id,
                             slice_of(text, (size_t)bytes), (struct slice){0});
    } else {
        snprintf(text, sizeof(text), "\"%*llu\"", PADDING, (unsigned long long)n);
        struct point point = fixture_point(1, (int64_t)n, true, text);
        fixture_write_point(&world->writer, &point);
    }
    struct group group = fixture_close_group(&world->writer);
    TRY(journal_append(journal, &group, (struct slice){0}));
    world->acknowledged = n;
    push(world, &group);
    return ERR(OK);
}

static void commit_many(struct world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(commit(world).code, ERR_OK);
    }
}

static bool push_missed(void *arg, const struct group *group)
{
    struct world *world = arg;
    if (group->first_sequence > broadcast_last(&world->ring)) {
        push(world, group);
    }
    return true;
}

/* Opens anew, and shows the followers what of the failed group is there. */
static struct err recover(struct world *world)
{
    TRY(store_reopen(world->store));
    return journal_read(store_journal(world->store), broadcast_last(&world->ring) + 1, push_missed,
                        world);
}

/* ---- reading ---- */

static struct err read_history(struct world *world, uint32_t *count)
{
    struct samples samples = {0};
    const struct history_query query = {
        .property = 1,
        .to_ms = INT64_MAX,
        .ascending = true,
        .limit = 1000000,
    };
    struct err err = history_read(store_history(world->store), &query, &samples);
    int64_t n = 0;
    for (uint32_t i = 0; i < samples.count; i++) {
        n += n % 5 == 4 ? 2 : 1;
        ASSERT(samples.at[i].timestamp_ms == n);
    }
    *count = samples.count;
    samples_deinit(&samples);
    return err;
}

static bool count_group(void *arg, const struct group *group)
{
    uint64_t *count = arg;
    *count += 1;
    ASSERT(group->first_sequence == *count);
    return true;
}

/* Everything up to <last> is told by every way of reading; nothing beyond it. */
static void check_reads(struct world *world, uint64_t last)
{
    uint32_t samples;
    assert_int_equal(store_wait(world->store, last, WAIT_MS).code, ERR_OK);
    assert_int_equal(read_history(world, &samples).code, ERR_OK);
    assert_int_equal(samples, last - last / 5);
    uint64_t groups = 0;
    assert_int_equal(journal_read(store_journal(world->store), 1, count_group, &groups).code,
                     ERR_OK);
    assert_int_equal(groups, last);
    struct sample newest;
    struct buf value = {0};
    bool found;
    assert_int_equal(history_latest(store_history(world->store), 1, &newest, &value, &found).code,
                     ERR_OK);
    assert_true(found);
    assert_int_equal(newest.timestamp_ms, last % 5 == 0 ? last - 1 : last);
    buf_deinit(&value);
}

static void check_documents(struct world *world, uint64_t last)
{
    struct documents_reader *reader;
    assert_int_equal(store_documents_reader(world->store, &reader).code, ERR_OK);
    for (uint64_t n = 5; n <= last + 5; n += 5) {
        struct id id = thng_id(n);
        struct document document;
        assert_int_equal(documents_get(reader, &id, &document).code,
                         n <= last ? ERR_OK : ERR_NOT_FOUND);
    }
    documents_reader_close(reader);
}

/* Waits until nothing is left to write behind the journal. */
static void settle(struct world *world)
{
    check_reads(world, world->acknowledged);
    for (int i = 0; i < WAIT_MS && history_mark(store_history(world->store)) < world->acknowledged;
         i++) {
        usleep(1000);
    }
    assert_true(history_mark(store_history(world->store)) >= world->acknowledged);
}

/* Goes on writing, and finds everything, before and after a start. */
static void check_life(struct world *world)
{
    commit_many(world, 50);
    uint64_t last = world->acknowledged;
    check_reads(world, last);
    check_documents(world, last);
    world_close(world);
    world_open(world);
    assert_int_equal(journal_last(store_journal(world->store)), last);
    check_reads(world, last);
    check_documents(world, last);
}

/* ---- failing ---- */

/* Limits files to the bytes of the newest log and a few more: the next record is cut off. */
static void fill_disk(struct world *world)
{
    char path[PATH_BYTES];
    unsigned long highest = 0;
    struct stat status;
    snprintf(path, sizeof(path), "%s/store", world->folder);
    DIR *entries = opendir(path);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        unsigned long number = strtoul(entry->d_name, NULL, 10);
        if (strstr(entry->d_name, ".log") != NULL && number > highest) {
            highest = number;
            assert_int_equal(fstatat(dirfd(entries), entry->d_name, &status, 0), 0);
        }
    }
    closedir(entries);
    assert_true(highest > 0 && status.st_size > 20000);
    limit_files((rlim_t)status.st_size + 20);
}

static void fail_a_commit(struct world *world)
{
    commit_many(world, 203); /* the next one is a point, and longer than what the limit leaves */
    check_reads(world, world->acknowledged);
    fill_disk(world);
    assert_int_equal(commit(world).code, ERR_IO);
}

/* ---- tests ---- */

static void a_full_disk_refuses_writes_until_there_is_room(void **state)
{
    struct world *world = *state;
    fail_a_commit(world);
    uint64_t acknowledged = world->acknowledged;
    assert_int_equal(commit(world).code, ERR_READ_ONLY);
    check_reads(world, acknowledged);

    assert_int_equal(store_reopen(world->store).code, ERR_IO);
    assert_int_equal(commit(world).code, ERR_READ_ONLY);
    check_reads(world, acknowledged);

    limit_files(RLIM_INFINITY);
    assert_int_equal(commit(world).code, ERR_READ_ONLY);
    assert_int_equal(recover(world).code, ERR_OK);
    uint64_t last = journal_last(store_journal(world->store));
    assert_true(last == acknowledged || last == acknowledged + 1);
    check_reads(world, last);
    check_life(world);
}

static void outages_may_come_again(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 3; round++) {
        commit_many(world, (uint32_t)((205 - world->acknowledged % 5) % 5));
        fail_a_commit(world);
        limit_files(RLIM_INFINITY);
        assert_int_equal(recover(world).code, ERR_OK);
        assert_true(journal_last(store_journal(world->store)) >= world->acknowledged);
    }
    check_life(world);
}

/* The group is in the log whole, but nobody knows whether it is on the disk. */
static void a_group_whose_sync_failed_may_be_there_once(void **state)
{
    struct world *world = *state;
    commit_many(world, 102);
    settle(world);
    atomic_store(&sync_fails, true);
    assert_int_equal(commit(world).code, ERR_IO);
    assert_int_equal(commit(world).code, ERR_READ_ONLY);
    check_reads(world, 102);
    atomic_store(&sync_fails, false);
    assert_int_equal(recover(world).code, ERR_OK);
    uint64_t last = journal_last(store_journal(world->store));
    assert_true(last == 102 || last == 103);
    check_reads(world, last);
    /* What was told after opening anew is what a start finds. */
    world_close(world);
    world_open(world);
    assert_int_equal(journal_last(store_journal(world->store)), last);
    check_life(world);
}

/* The probe succeeds, and what RocksDB writes when it opens does not. */
static void opening_may_fail_half_way(void **state)
{
    struct world *world = *state;
    uint32_t samples;
    commit_many(world, 102);
    settle(world);
    atomic_store(&sync_fails, true);
    assert_int_equal(commit(world).code, ERR_IO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_reopen(world->store).code, ERR_IO);
        assert_int_equal(commit(world).code, ERR_READ_ONLY);
        assert_int_equal(read_history(world, &samples).code, ERR_IO);
    }
    atomic_store(&sync_fails, false);
    assert_int_equal(recover(world).code, ERR_OK);
    check_life(world);
}

static void a_probe_left_by_a_crash_is_removed(void **state)
{
    struct world *world = *state;
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/store/probe.tmp", world->folder);
    world_close(world);
    FILE *left = fopen(path, "w");
    assert_non_null(left);
    fclose(left);
    world_open(world);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(store_reopen(world->store).code, ERR_OK);
    assert_int_equal(access(path, F_OK), -1);
}

static void what_would_not_open_answers_errors_until_it_does(void **state)
{
    struct world *world = *state;
    char current[PATH_BYTES];
    char away[PATH_BYTES];
    snprintf(current, sizeof(current), "%s/store/CURRENT", world->folder);
    snprintf(away, sizeof(away), "%s/away", world->folder);
    fail_a_commit(world);
    limit_files(RLIM_INFINITY);
    assert_int_equal(rename(current, away), 0);
    for (int i = 0; i < 2; i++) {
        uint32_t samples;
        uint64_t groups = 0;
        assert_int_equal(store_reopen(world->store).code, ERR_IO);
        assert_int_equal(commit(world).code, ERR_READ_ONLY);
        assert_int_equal(read_history(world, &samples).code, ERR_IO);
        assert_int_equal(journal_read(store_journal(world->store), 1, count_group, &groups).code,
                         ERR_IO);
        assert_int_equal(groups, 0);
        assert_int_equal(journal_drop(store_journal(world->store), 5).code, ERR_IO);
        assert_int_equal(journal_last(store_journal(world->store)), world->acknowledged);
    }
    /* Not made anew in place of what is missing. */
    assert_int_equal(access(current, F_OK), -1);

    assert_int_equal(rename(away, current), 0);
    assert_int_equal(recover(world).code, ERR_OK);
    check_life(world);
}

static void a_store_that_would_not_open_can_be_closed(void **state)
{
    struct world *world = *state;
    char current[PATH_BYTES];
    char away[PATH_BYTES];
    snprintf(current, sizeof(current), "%s/store/CURRENT", world->folder);
    snprintf(away, sizeof(away), "%s/away", world->folder);
    commit_many(world, 20);
    assert_int_equal(rename(current, away), 0);
    assert_int_equal(store_reopen(world->store).code, ERR_IO);
    world_close(world);
    assert_int_equal(rename(away, current), 0);
    world_open(world);
    check_reads(world, 20);
}

/* ---- readers meanwhile ---- */

struct watch {
    struct world *world;
    _Atomic bool is_ending;
    _Atomic uint64_t least; /* what reads must show */
    _Atomic uint64_t reads;
};

static void *keep_reading(void *arg)
{
    struct watch *watch = arg;
    while (!atomic_load(&watch->is_ending)) {
        uint32_t samples;
        uint64_t groups = 0;
        struct sample newest;
        struct buf value = {0};
        bool found;
        uint64_t least = atomic_load(&watch->least);
        MUST(read_history(watch->world, &samples));
        ASSERT(samples >= least - least / 5);
        MUST(journal_read(store_journal(watch->world->store), 1, count_group, &groups));
        ASSERT(groups >= least);
        MUST(history_latest(store_history(watch->world->store), 1, &newest, &value, &found));
        ASSERT(found && newest.timestamp_ms >= (int64_t)least - 1);
        buf_deinit(&value);
        atomic_fetch_add(&watch->reads, 1);
    }
    return NULL;
}

static void readers_live_on(void **state)
{
    struct world *world = *state;
    pthread_t readers[2];
    fail_a_commit(world);
    struct watch watch = {.world = world, .least = world->acknowledged};
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, keep_reading, &watch), 0);
    }
    assert_int_equal(store_reopen(world->store).code, ERR_IO);
    limit_files(RLIM_INFINITY);
    for (int round = 0; round < 8; round++) {
        assert_int_equal(recover(world).code, ERR_OK);
        commit_many(world, 20);
        assert_int_equal(store_wait(world->store, world->acknowledged, WAIT_MS).code, ERR_OK);
        atomic_store(&watch.least, world->acknowledged);
        uint64_t reads = atomic_load(&watch.reads);
        for (int i = 0; i < 2000 && atomic_load(&watch.reads) < reads + 4; i++) {
            usleep(1000);
        }
        assert_true(atomic_load(&watch.reads) >= reads + 4);
    }
    atomic_store(&watch.is_ending, true);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        pthread_join(readers[i], NULL);
    }
    check_life(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_writes_until_there_is_room, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(outages_may_come_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_whose_sync_failed_may_be_there_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(opening_may_fail_half_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_probe_left_by_a_crash_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_would_not_open_answers_errors_until_it_does, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_store_that_would_not_open_can_be_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_live_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
