/* SPDX-License-Identifier: Apache-2.0
 *
 * The tail in memory: what it answers for each course of events, what stays while it is pinned, and
 * readers beside the writer. That it agrees with a model is in history_test. */
#include "store/tail.h"

#include "store_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TIME_MS ((int64_t)1700000000000)

struct world {
    struct tail *tail;
    struct group_writer writer;
    struct tail_view view;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    assert_int_equal(tail_new(0, &world->tail).code, ERR_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    tail_free(world->tail);
    group_writer_deinit(&world->writer);
    free(world);
    return 0;
}

static void begin(struct world *world)
{
    group_writer_start(&world->writer, tail_last(world->tail) + 1, TIME_MS);
}

static void commit(struct world *world)
{
    struct group group = fixture_close_group(&world->writer);
    assert_int_equal(tail_add(world->tail, &group).code, ERR_OK);
}

static void add_point(struct world *world, uint32_t property, int64_t timestamp_ms, uint8_t flags,
                      const char *value)
{
    begin(world);
    struct point point = fixture_point(property, timestamp_ms, false, value);
    point.flags = flags;
    fixture_write_point(&world->writer, &point);
    commit(world);
}

static void add_cut(struct world *world, uint32_t property, int64_t from_ms, int64_t to_ms)
{
    begin(world);
    fixture_write_cut(&world->writer, property, from_ms, to_ms);
    commit(world);
}

/* What the active generation says about the newest sample of <property>. */
static enum tail_latest latest(struct world *world, uint32_t property, char value[16])
{
    struct run_sample sample;
    bool found;
    struct tail_view view;
    tail_pin(world->tail, &view);
    enum tail_latest answer = generation_latest(view.active, property, &sample, &found);
    value[0] = 0;
    if (found) {
        assert_true(sample.value.bytes < 16);
        memcpy(value, sample.value.at, sample.value.bytes);
        value[sample.value.bytes] = 0;
    }
    tail_unpin(&view);
    return answer;
}

static void the_newest_sample_is_known_or_said_to_be_unknown(void **state)
{
    struct world *world = *state;
    char value[16];
    assert_int_equal(latest(world, 1, value), TAIL_NOTHING);
    add_point(world, 1, 100, 0, "a");
    assert_int_equal(latest(world, 1, value), TAIL_SAMPLE);
    assert_string_equal(value, "a");
    add_point(world, 1, 100, 0, "b"); /* the same time, later commit */
    latest(world, 1, value);
    assert_string_equal(value, "b");
    add_point(world, 1, 99, 0, "c"); /* older */
    latest(world, 1, value);
    assert_string_equal(value, "b");
    add_point(world, 1, 100, POINT_CLIENT_STAMPED, "d"); /* may replace one before b */
    assert_int_equal(latest(world, 1, value), TAIL_UNKNOWN);
    add_cut(world, 1, 0, INT64_MAX);
    assert_int_equal(latest(world, 1, value), TAIL_WHOLE);
    assert_string_equal(value, "");
    add_point(world, 1, 5, POINT_CLIENT_STAMPED, "e");
    assert_int_equal(latest(world, 1, value), TAIL_WHOLE);
    assert_string_equal(value, "e");
    add_point(world, 1, 5, POINT_CLIENT_STAMPED, "f");
    assert_int_equal(latest(world, 1, value), TAIL_WHOLE);
    assert_string_equal(value, "f");
    add_cut(world, 1, 5, 6);
    assert_int_equal(latest(world, 1, value), TAIL_UNKNOWN);

    add_point(world, 2, 7, POINT_NEW_PROPERTY, "n");
    assert_int_equal(latest(world, 2, value), TAIL_WHOLE);
    assert_string_equal(value, "n");
    add_cut(world, 3, 9, 9); /* cuts nothing */
    assert_int_equal(latest(world, 3, value), TAIL_NOTHING);
}

static void which_sample_supersedes_which(void **state)
{
    (void)state;
    static const struct {
        int64_t later_ms;
        bool later_client;
        int64_t earlier_ms;
        bool earlier_client;
        bool supersedes;
        bool is_known;
    } rows[] = {
        {2, false, 1, false, true, true}, {1, false, 2, false, false, true},
        {2, true, 1, false, true, true},  {1, true, 2, true, false, true},
        {1, false, 1, false, true, true}, {1, false, 1, true, true, true},
        {1, true, 1, true, true, true},   {1, true, 1, false, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_sample later = {.timestamp_ms = rows[i].later_ms,
                                   .client_stamped = rows[i].later_client};
        struct run_sample earlier = {.timestamp_ms = rows[i].earlier_ms,
                                     .client_stamped = rows[i].earlier_client};
        bool is_known;
        bool supersedes = sample_supersedes(&later, &earlier, &is_known);
        assert_int_equal(is_known, rows[i].is_known);
        if (is_known) {
            assert_int_equal(supersedes, rows[i].supersedes);
        }
    }
}

static uint32_t count_samples(const struct generation *generation, uint32_t property)
{
    struct tail_change change = {0};
    struct err err = generation_collect(generation, property, 0, RUN_TIMESTAMP_MAX, &change);
    assert_int_equal(err.code, ERR_OK);
    series_settle(&change.samples);
    uint32_t count = change.samples.count;
    tail_change_deinit(&change);
    return count;
}

static void a_pinned_generation_outlives_its_roll_up(void **state)
{
    struct world *world = *state;
    add_point(world, 1, 1, 0, "first");
    assert_int_equal(tail_freeze(world->tail).code, ERR_OK);
    assert_true(tail_has_frozen(world->tail));
    add_point(world, 1, 2, 0, "second");
    struct tail_view view;
    tail_pin(world->tail, &view);
    assert_int_equal(generation_first(view.frozen), 1);
    assert_int_equal(generation_last(view.frozen), 1);
    assert_int_equal(generation_first(view.active), 2);
    tail_drop_frozen(world->tail);
    assert_false(tail_has_frozen(world->tail));
    assert_int_equal(tail_freeze(world->tail).code, ERR_OK);
    tail_drop_frozen(world->tail);
    assert_int_equal(count_samples(view.frozen, 1), 1);
    assert_int_equal(count_samples(view.active, 1), 1);
    tail_unpin(&view);
    tail_pin(world->tail, &view);
    assert_null(view.frozen);
    assert_int_equal(count_samples(view.active, 1), 0);
    assert_int_equal(generation_first(view.active), 3);
    tail_unpin(&view);
}

static void bytes_are_counted_until_they_are_dropped(void **state)
{
    struct world *world = *state;
    assert_int_equal(tail_bytes(world->tail), 0);
    add_point(world, 1, 1, 0, "1");
    size_t one = tail_active_bytes(world->tail);
    assert_true(one >= 24 && one <= 40);
    assert_int_equal(tail_freeze(world->tail).code, ERR_OK);
    assert_int_equal(tail_active_bytes(world->tail), 0);
    assert_int_equal(tail_bytes(world->tail), one);
    add_point(world, 1, 1, 0, "1");
    assert_int_equal(tail_bytes(world->tail), 2 * one);
    tail_drop_frozen(world->tail);
    assert_int_equal(tail_bytes(world->tail), one);
}

static void properties_are_walked_in_order(void **state)
{
    struct world *world = *state;
    static const uint32_t numbers[] = {1,         2, 255, 256, 1048575, 1048576, UINT32_MAX - 1,
                                       UINT32_MAX};
    struct tail_view view;
    tail_pin(world->tail, &view);
    assert_int_equal(generation_next_property(view.active, 1), 0);
    for (size_t i = ARRAY_LEN(numbers); i > 0; i--) {
        add_point(world, numbers[i - 1], 1, 0, "1");
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uint32_t from = i == 0 ? 1 : numbers[i - 1] + 1;
        assert_int_equal(generation_next_property(view.active, from), numbers[i]);
        assert_int_equal(generation_next_property(view.active, numbers[i]), numbers[i]);
    }
    tail_unpin(&view);
}

/* Values of every size, over many chunks, are as they were. */
static void many_chunks_are_filled(void **state)
{
    struct world *world = *state;
    enum { COUNT = 3000, BYTES_MAX = 6000 };
    static char text[BYTES_MAX + 1];
    for (uint32_t i = 0; i < COUNT; i++) {
        size_t bytes = (size_t)i * 7 % BYTES_MAX;
        memset(text, 'a' + (int)(i % 26), bytes);
        text[bytes] = 0;
        add_point(world, 1 + i % 3, i, 0, text);
    }
    assert_true(tail_active_bytes(world->tail) > (size_t)4 << 20);
    struct tail_view view;
    tail_pin(world->tail, &view);
    struct tail_change change = {0};
    for (uint32_t property = 1; property <= 3; property++) {
        tail_change_reset(&change);
        struct err err = generation_collect(view.active, property, 0, RUN_TIMESTAMP_MAX, &change);
        assert_int_equal(err.code, ERR_OK);
        assert_int_equal(change.samples.count, COUNT / 3);
        for (uint32_t i = 0; i < change.samples.count; i++) {
            const struct run_sample *sample = &change.samples.at[i];
            int64_t n = sample->timestamp_ms;
            assert_int_equal(sample->created_ms, TIME_MS);
            assert_int_equal(sample->value.bytes, n * 7 % BYTES_MAX);
            for (size_t j = 0; j < sample->value.bytes; j++) {
                assert_int_equal(sample->value.at[j], 'a' + n % 26);
            }
        }
    }
    tail_change_deinit(&change);
    tail_unpin(&view);
}

static void cuts_hit_what_came_before(void **state)
{
    struct world *world = *state;
    add_point(world, 1, 10, 0, "1");
    add_point(world, 1, 20, 0, "2");
    add_cut(world, 1, 5, 20);
    add_point(world, 1, 10, 0, "3");
    add_cut(world, 1, 100, INT64_MAX);
    struct tail_view view;
    tail_pin(world->tail, &view);
    struct tail_change change = {0};
    assert_int_equal(generation_collect(view.active, 1, 0, RUN_TIMESTAMP_MAX, &change).code,
                     ERR_OK);
    series_settle(&change.samples);
    assert_int_equal(change.cut_count, 2);
    assert_int_equal(change.cuts[0].from_ms, 5);
    assert_int_equal(change.cuts[0].to_ms, 20);
    assert_int_equal(change.cuts[1].to_ms, RUN_TIMESTAMP_MAX + 1);
    assert_int_equal(change.samples.count, 2);
    assert_true(slice_equal(change.samples.at[0].value, SLICE("3")));
    assert_true(slice_equal(change.samples.at[1].value, SLICE("2")));
    /* Only what touches the asked time is collected. */
    tail_change_reset(&change);
    assert_int_equal(generation_collect(view.active, 1, 20, 99, &change).code, ERR_OK);
    assert_int_equal(change.cut_count, 0);
    assert_int_equal(change.samples.count, 1);
    tail_change_reset(&change);
    assert_int_equal(generation_collect(view.active, 1, 19, 19, &change).code, ERR_OK);
    assert_int_equal(change.cut_count, 1);
    assert_int_equal(change.samples.count, 0);
    tail_change_deinit(&change);
    tail_unpin(&view);
}

/* ---- readers beside the writer ---- */

struct watcher {
    struct tail *tail;
    _Atomic bool is_over;
};

/* Each group has two points of the property: a reader sees both or none. */
static void *watch(void *arg)
{
    struct watcher *watcher = arg;
    struct tail_change change = {0};
    uint32_t before = 0;
    while (!atomic_load(&watcher->is_over)) {
        struct tail_view view;
        tail_pin(watcher->tail, &view);
        tail_change_reset(&change);
        struct err err = generation_collect(view.active, 1, 0, RUN_TIMESTAMP_MAX, &change);
        ASSERT(!err_is_set(err));
        ASSERT(change.samples.count % 2 == 0 && change.samples.count >= before);
        before = change.samples.count;
        tail_unpin(&view);
    }
    tail_change_deinit(&change);
    return NULL;
}

static void groups_appear_as_a_whole(void **state)
{
    struct world *world = *state;
    struct watcher watcher = {.tail = world->tail};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    for (int i = 0; i < 3000; i++) {
        begin(world);
        struct point point = fixture_point(1, i, false, "1.5");
        fixture_write_point(&world->writer, &point);
        for (uint32_t other = 2; other < 40; other++) {
            struct point filler = fixture_point(other, i, false, "1.5");
            fixture_write_point(&world->writer, &filler);
        }
        fixture_write_point(&world->writer, &point);
        commit(world);
    }
    atomic_store(&watcher.is_over, true);
    pthread_join(thread, NULL);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_newest_sample_is_known_or_said_to_be_unknown),
        EACH(which_sample_supersedes_which),
        EACH(a_pinned_generation_outlives_its_roll_up),
        EACH(bytes_are_counted_until_they_are_dropped),
        EACH(properties_are_walked_in_order),
        EACH(many_chunks_are_filled),
        EACH(cuts_hit_what_came_before),
        EACH(groups_appear_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
