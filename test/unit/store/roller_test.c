/* SPDX-License-Identifier: Apache-2.0
 *
 * The roller under load, under a ring that overruns it, and under SIGKILL: every acknowledged point
 * is in the history exactly once. */
#include "store/roller.h"

#include "base/clock.h"
#include "base/rand.h"
#include "store/rocks.h"
#include "store/store.h"
#include "store_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#define CACHE_BYTES ((size_t)1 << 20)
#define HOT_BYTES 65536
#define PROPERTY_COUNT 7
#define WAIT_MS 20000

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct rocks *rocks;
    struct journal *journal;
    struct history *history;
    struct broadcast ring;
    struct roller *roller;
    struct group_writer writer;
};

static bool replay(void *arg, const struct group *group)
{
    struct world *world = arg;
    struct err err = tail_add(history_tail(world->history), group);
    ASSERT(!err_is_set(err));
    return true;
}

#define MUST(expression)                 \
    do {                                 \
        struct err must_ = (expression); \
        ASSERT(!err_is_set(must_));      \
    } while (0)

static void world_open(struct world *world, const struct roller_options *options, size_t slots)
{
    MUST(rocks_open(world->folder, CACHE_BYTES, &world->rocks));
    MUST(journal_open(world->rocks, &world->journal));
    MUST(history_open(world->rocks, HOT_BYTES, &world->history));
    MUST(journal_read(world->journal, history_mark(world->history) + 1, replay, world));
    MUST(broadcast_init(&world->ring, slots, (size_t)1 << 24, journal_last(world->journal),
                        committed_free));
    MUST(roller_start(options, world->history, world->journal, &world->ring, &world->roller));
}

static void world_close(struct world *world)
{
    roller_stop(world->roller);
    broadcast_deinit(&world->ring);
    history_close(world->history);
    journal_close(world->journal);
    rocks_close(world->rocks);
}

static struct roller_options tiny_options(void)
{
    return (struct roller_options){
        .roll_bytes = 25000,
        .roll_interval_ms = 50,
        .tail_bytes_max = (size_t)1 << 20,
        .journal_keep_ms = 0,
        .journal_keep_bytes = 0,
    };
}

/* Commits a group of <count> points: point n has the timestamp n and the value n. */
static void commit(struct world *world, uint32_t count)
{
    uint64_t first = journal_last(world->journal) + 1;
    group_writer_start(&world->writer, first, 1700000000000);
    for (uint64_t n = first; n < first + count; n++) {
        char value[24];
        snprintf(value, sizeof(value), "%llu", (unsigned long long)n);
        struct point point =
            fixture_point((uint32_t)(1 + n % PROPERTY_COUNT), (int64_t)n, n % 2 == 0, value);
        fixture_write_point(&world->writer, &point);
    }
    struct group group = fixture_close_group(&world->writer);
    MUST(journal_append(world->journal, &group, (struct slice){0}));
    struct committed *committed = committed_new(&group);
    ASSERT(committed != NULL);
    broadcast_push(&world->ring, &committed->item);
    roller_notify(world->roller);
}

/* Every point up to <last> is there once, with its value, and nothing else up to <end>. */
static void check_all(struct world *world, uint64_t last)
{
    struct samples samples = {0};
    uint64_t total = 0;
    for (uint32_t property = 1; property <= PROPERTY_COUNT; property++) {
        const struct history_query query = {
            .property = property,
            .to_ms = INT64_MAX,
            .ascending = true,
            .limit = 100000000,
        };
        assert_int_equal(history_read(world->history, &query, &samples).code, ERR_OK);
        int64_t before = 0;
        for (uint32_t i = 0; i < samples.count; i++) {
            const struct sample *sample = &samples.at[i];
            char value[24];
            snprintf(value, sizeof(value), "%lld", (long long)sample->timestamp_ms);
            assert_true(sample->timestamp_ms > before);
            assert_int_equal(1 + sample->timestamp_ms % PROPERTY_COUNT, property);
            assert_true(slice_equal(sample->value, slice_of_text(value)));
            before = sample->timestamp_ms;
        }
        total += samples.count;
    }
    samples_deinit(&samples);
    assert_int_equal(total, last);
}

static void everything_committed_is_read(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    for (int round = 0; round < 3; round++) {
        world_open(&world, &options, 64);
        for (int i = 0; i < 300; i++) {
            commit(&world, 1 + (uint32_t)i % 50);
        }
        uint64_t last = journal_last(world.journal);
        assert_true(mark_wait(roller_mark(world.roller), last, WAIT_MS));
        check_all(&world, last);
        world_close(&world);
    }
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

/* With two slots nearly every group is gone from the ring before the feeder looks. */
static void an_overrun_ring_costs_nothing(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    world_open(&world, &options, 2);
    for (int i = 0; i < 400; i++) {
        commit(&world, 20);
    }
    uint64_t last = journal_last(world.journal);
    assert_true(mark_wait(roller_mark(world.roller), last, WAIT_MS));
    check_all(&world, last);
    world_close(&world);
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

static void time_alone_rolls_up(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    options.roll_bytes = (size_t)1 << 30;
    world_open(&world, &options, 64);
    assert_int_equal(history_mark(world.history), 0);
    commit(&world, 3);
    int64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (history_mark(world.history) < 3 && clock_monotonic_ms() < end_ms) {
        usleep(1000);
    }
    assert_int_equal(history_mark(world.history), 3);
    assert_false(roller_must_wait(world.roller));
    check_all(&world, 3);
    world_close(&world);
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

static void a_large_tail_makes_commits_wait(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    options.roll_bytes = (size_t)1 << 30;
    options.roll_interval_ms = 3600000;
    options.tail_bytes_max = 300000;
    world_open(&world, &options, 64);
    assert_false(roller_must_wait(world.roller));
    for (int i = 0; i < 2000 && !roller_must_wait(world.roller); i++) {
        commit(&world, 20);
        assert_true(mark_wait(roller_mark(world.roller), journal_last(world.journal), WAIT_MS));
    }
    assert_true(roller_must_wait(world.roller));
    check_all(&world, journal_last(world.journal));
    world_close(&world);
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

static uint64_t stands_at(void *arg)
{
    return atomic_load((_Atomic uint64_t *)arg);
}

/* Has the journal's files sunk to where they can be deleted, and then a roll-up made. */
static void roll_after_sinking(struct world *world)
{
    rocksdb_compact_range_cf(world->rocks->db, world->rocks->journal, NULL, 0, NULL, 0);
    for (int i = 0; i < 2; i++) {
        commit(world, 1);
        uint64_t last = journal_last(world->journal);
        int64_t end_ms = clock_monotonic_ms() + WAIT_MS;
        while (history_mark(world->history) < last && clock_monotonic_ms() < end_ms) {
            usleep(1000);
        }
        assert_int_equal(history_mark(world->history), last);
    }
}

/* The journal is kept for whoever stands furthest back, and for nobody else. */
static void the_journal_waits_for_the_slowest(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    static _Atomic uint64_t mark = 5;
    options.durable_elsewhere = stands_at;
    options.arg = &mark;
    world_open(&world, &options, 64);
    for (int i = 0; i < 200; i++) {
        commit(&world, 20);
    }
    roll_after_sinking(&world);
    assert_true(journal_first(world.journal) <= 6);
    atomic_store(&mark, UINT64_MAX - 1);
    roll_after_sinking(&world);
    assert_true(journal_first(world.journal) > 6);
    check_all(&world, journal_last(world.journal));
    world_close(&world);
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

/* Young groups stay, unless there are too many bytes of them. */
static void the_journal_is_kept_for_its_time(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    options.journal_keep_ms = clock_wall_ms() - 1700000000000 + 3600000;
    options.journal_keep_bytes = (uint64_t)1 << 40;
    for (int round = 0; round < 2; round++) {
        world_open(&world, &options, 64);
        for (int i = 0; i < 200; i++) {
            commit(&world, 20);
        }
        roll_after_sinking(&world);
        bool is_kept = journal_first(world.journal) == 1;
        assert_true(is_kept == (options.journal_keep_bytes > 1));
        world_close(&world);
        options.journal_keep_bytes = 1;
    }
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

/* ---- readers beside the roller ---- */

struct watcher {
    struct world *world;
    _Atomic bool *is_over;
    uint32_t property;
    uint64_t looks;
    pthread_t thread;
};

/* The newest sample never goes back, and is never behind the mark seen before. Point n has
 * timestamp n, so what a property must have is known from the mark alone. */
static void watch_latest(struct watcher *watcher, int64_t *before)
{
    uint64_t mark = mark_get(roller_mark(watcher->world->roller));
    struct sample sample = {0};
    struct buf value = {0};
    bool found;
    MUST(history_latest(watcher->world->history, watcher->property, &sample, &value, &found));
    int64_t newest = found ? sample.timestamp_ms : 0;
    ASSERT(newest >= *before && newest + PROPERTY_COUNT > (int64_t)mark);
    *before = newest;
    buf_deinit(&value);
}

/* The history has no gap and no double at any moment. */
static void watch_all(struct watcher *watcher, struct samples *samples)
{
    uint64_t mark = mark_get(roller_mark(watcher->world->roller));
    const struct history_query query = {
        .property = watcher->property,
        .to_ms = INT64_MAX,
        .limit = 2000,
    };
    MUST(history_read(watcher->world->history, &query, samples));
    int64_t newest = samples->count > 0 ? samples->at[0].timestamp_ms : 0;
    ASSERT(newest + PROPERTY_COUNT > (int64_t)mark);
    for (uint32_t i = 1; i < samples->count; i++) {
        ASSERT(samples->at[i].timestamp_ms == newest - (int64_t)i * PROPERTY_COUNT);
    }
    if (samples->count > 0 && !samples->more) {
        ASSERT(samples->at[samples->count - 1].timestamp_ms <= PROPERTY_COUNT);
    }
}

static void *watch(void *arg)
{
    struct watcher *watcher = arg;
    struct samples samples = {0};
    int64_t before = 0;
    while (!atomic_load(watcher->is_over)) {
        watch_latest(watcher, &before);
        if (watcher->looks++ % 4 == 0) {
            watch_all(watcher, &samples);
        }
    }
    samples_deinit(&samples);
    return NULL;
}

static void readers_see_no_gap_while_it_rolls(void **state)
{
    (void)state;
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    options.roll_interval_ms = 5;
    world_open(&world, &options, 64);
    _Atomic bool is_over = false;
    struct watcher watchers[2] = {
        {.world = &world, .is_over = &is_over, .property = 1},
        {.world = &world, .is_over = &is_over, .property = 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(watchers); i++) {
        assert_int_equal(pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]), 0);
    }
    int64_t end_ms = clock_monotonic_ms() + 1500;
    while (clock_monotonic_ms() < end_ms) {
        commit(&world, 20);
        usleep(300);
    }
    uint64_t last = journal_last(world.journal);
    assert_true(mark_wait(roller_mark(world.roller), last, WAIT_MS));
    atomic_store(&is_over, true);
    for (size_t i = 0; i < ARRAY_LEN(watchers); i++) {
        pthread_join(watchers[i].thread, NULL);
        assert_true(watchers[i].looks > 10);
    }
    assert_true(history_mark(world.history) > 0);
    check_all(&world, last);
    world_close(&world);
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

/* ---- crashes ---- */

/* Commits groups of changing size until it is killed; says each last sequence number when safe. */
static _Noreturn void child_run(const char *folder, int acknowledge_fd)
{
    struct world world = {0};
    snprintf(world.folder, sizeof(world.folder), "%s", folder);
    struct roller_options options = tiny_options();
    world_open(&world, &options, 64);
    for (uint32_t i = 1;; i++) {
        commit(&world, 1 + i * 7 % 60);
        uint64_t last = journal_last(world.journal);
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
    uint64_t count = 1 + rand_below(rand, 150);
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
    (void)state;
    struct rand rand;
    rand_seed(&rand, 99);
    struct world world = {0};
    fixture_make_folder(world.folder);
    struct roller_options options = tiny_options();
    uint64_t rolled = 0;
    for (int round = 0; round < 20; round++) {
        uint64_t acknowledged = run_and_kill(world.folder, &rand);
        world_open(&world, &options, 64);
        uint64_t last = journal_last(world.journal);
        assert_true(last >= acknowledged);
        rolled += history_mark(world.history) > 0;
        check_all(&world, last);
        world_close(&world);
    }
    assert_true(rolled > 0);
    fixture_remove_folder(world.folder);
    group_writer_deinit(&world.writer);
}

int main(int argc, char **argv)
{
    if (fixture_is_child(argc, argv)) {
        child_run(argv[2], fixture_child_fd(argv));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_in_a_crash),
        cmocka_unit_test(everything_committed_is_read),
        cmocka_unit_test(readers_see_no_gap_while_it_rolls),
        cmocka_unit_test(an_overrun_ring_costs_nothing),
        cmocka_unit_test(time_alone_rolls_up),
        cmocka_unit_test(a_large_tail_makes_commits_wait),
        cmocka_unit_test(the_journal_waits_for_the_slowest),
        cmocka_unit_test(the_journal_is_kept_for_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
