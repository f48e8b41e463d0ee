/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written of sessions is committed with the group of its turn, or alone, or not at all. */
#include "engine_fixture.h"

static struct command_batch *writing(struct slice writes, uint64_t request)
{
    struct command_batch *batch = batch_of(4096);
    command_in(batch, COMMAND_SESSION_WRITE, request)->session_writes = writes;
    return batch;
}

static void assert_committed(const struct world *world, const char *writes)
{
    assert_true(slice_equal(buf_data(&world->session_writes), slice_of_text(writes)));
}

static void test_alone(void **state)
{
    struct world *world = *state;
    run(world, writing(SLICE("a"), 1));
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    assert_int_equal(world->commits, 1);
    assert_int_equal(buf_bytes(&world->groups), 0);
    assert_int_equal(world->published, 0);
    assert_committed(world, "a");
    engine_turn(world->engine);
    assert_int_equal(world->commits, 1);
}

/* In the order in which they came, and what comes with a command beside its events. */
static void test_in_one_with_a_group(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    unsigned before = world->commits;
    struct command_batch *batch = batch_of(4096);
    command_in(batch, COMMAND_SESSION_WRITE, 1)->session_writes = SLICE("a");
    add_points(batch, &thng, SLICE("temp"), 2);
    batch->first->next->session_writes = SLICE("b");
    command_in(batch, COMMAND_SESSION_WRITE, 3)->session_writes = SLICE("c");
    run(world, batch);
    assert_int_equal(world->answer_count, 3);
    assert_int_equal(world->commits, before + 1);
    assert_committed(world, "abc");
    struct event event;
    assert_int_equal(read_events(world, &event, 1), 1);
    assert_int_equal(event.type, EVENT_POINTS);
}

static void test_nothing_of_what_is_refused(void **state)
{
    struct world *world = *state;
    struct id unknown = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &unknown, SLICE("temp"), 1);
    batch->first->session_writes = SLICE("a");
    run(world, batch);
    answer_loads(world);
    assert_int_equal(world->answers[0].err.code, ERR_NOT_FOUND);
    engine_turn(world->engine);
    assert_int_equal(world->commits, 0);
}

static void test_what_cannot_be_committed_is_refused(void **state)
{
    struct world *world = *state;
    world->disk_fails = true;
    run(world, writing(SLICE("a"), 1));
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    assert_true(engine_is_read_only(world->engine));
    run(world, writing(SLICE("b"), 2));
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    assert_int_equal(world->commits, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_alone),
        T(test_in_one_with_a_group),
        T(test_nothing_of_what_is_refused),
        T(test_what_cannot_be_committed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
