/* SPDX-License-Identifier: Apache-2.0
 *
 * A subscription that replays is granted only where time separates what was from what will be. */
#include "engine_fixture.h"

static struct command *subscribe_in(struct command_batch *batch, const struct id *thng,
                                    uint64_t request)
{
    struct command *command = command_in(batch, COMMAND_SUBSCRIBE, request);
    command->target = *thng;
    command->as.subscribe.family = TOPIC_THNG_PROPERTIES;
    command->as.subscribe.replays = true;
    return command;
}

static void subscribe(struct world *world, const struct id *thng)
{
    struct command_batch *batch = batch_of(4096);
    subscribe_in(batch, thng, 7);
    run(world, batch);
}

static void turn(struct world *world)
{
    world->answer_count = 0;
    engine_turn(world->engine);
}

static struct event publish_one(struct world *world, const struct id *thng)
{
    struct command_batch *batch = batch_of(4096);
    add_points(batch, thng, SLICE("a"), 1);
    run(world, batch);
    return first_event(world);
}

static void assert_granted(const struct world *world, uint64_t after, int64_t boundary_ms)
{
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    assert_int_equal(world->answers[0].token.request, 7);
    assert_int_equal(world->answers[0].after, after);
    assert_int_equal(world->answers[0].boundary_ms, boundary_ms);
}

static void test_granted_at_once_when_the_clock_has_moved(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct event event = publish_one(world, &thng);
    world->now_ms++;
    subscribe(world, &thng);
    assert_granted(world, event.sequence, event.time_ms);
    assert_false(engine_waits_for_clock(world->engine));
}

static void test_not_within_a_millisecond(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    publish_one(world, &thng);
    subscribe(world, &thng);
    assert_int_equal(world->answer_count, 0);
    assert_true(engine_waits_for_clock(world->engine));
    turn(world);
    assert_int_equal(world->answer_count, 0);
    struct event event = publish_one(world, &thng);
    assert_int_equal(world->answer_count, 1); /* the publish alone */
    world->now_ms++;
    turn(world);
    assert_granted(world, event.sequence, event.time_ms);
    assert_false(engine_waits_for_clock(world->engine));
    assert_int_equal(publish_one(world, &thng).time_ms, event.time_ms + 1);
}

/* What comes in the same batch is one group with one time. */
static void test_not_within_a_group(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    world->now_ms += 10;
    struct command_batch *batch = batch_of(8192);
    add_points(batch, &thng, SLICE("a"), 1);
    subscribe_in(batch, &thng, 7);
    add_points(batch, &thng, SLICE("a"), 2);
    run(world, batch);
    assert_int_equal(world->answer_count, 2);
    uint64_t last = world->answers[1].event;
    int64_t time_ms = first_event(world).time_ms;
    world->now_ms++;
    turn(world);
    assert_granted(world, last, time_ms);
}

/* Under full load each turn has its group, and there are several a millisecond: who waits comes
 * before the commands of the first turn whose clock has moved. */
static void test_load_does_not_starve(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    publish_one(world, &thng);
    subscribe(world, &thng);
    struct event before = publish_one(world, &thng);
    world->now_ms++;
    struct event behind = publish_one(world, &thng);
    assert_int_equal(world->answer_count, 2);
    world->answer_count = 1;
    assert_granted(world, before.sequence, before.time_ms);
    assert_int_equal(behind.sequence, before.sequence + 1);
    assert_int_equal(behind.time_ms, before.time_ms + 1);
}

/* All that wait are answered, in order, also when the clock stands between them. */
static void test_several_wait_in_order(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    for (uint64_t i = 1; i <= 3; i++) {
        struct command_batch *batch = batch_of(4096);
        subscribe_in(batch, &thng, i);
        run(world, batch);
        assert_int_equal(world->answer_count, 0);
    }
    world->now_ms++;
    turn(world);
    assert_int_equal(world->answer_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world->answers[i].token.request, i + 1);
        assert_int_equal(world->answers[i].err.code, ERR_OK);
    }
}

/* The clock was set back: groups go on with the time they had. A boundary is had all the same, one
 * for each millisecond that passes, and what follows it is later. */
static void test_clock_set_back(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    int64_t then = world->now_ms;
    world->now_ms -= 5000;
    assert_int_equal(publish_one(world, &thng).time_ms, then);
    subscribe(world, &thng);
    assert_int_equal(world->answer_count, 0);
    world->now_ms++;
    turn(world);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].boundary_ms, then);
    assert_int_equal(publish_one(world, &thng).time_ms, then + 1);
    subscribe(world, &thng);
    assert_int_equal(world->answer_count, 0);
}

/* The clock is set back right behind a boundary. */
static void test_what_follows_is_later(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    int64_t then = world->now_ms;
    world->now_ms += 3;
    subscribe(world, &thng);
    assert_int_equal(world->answers[0].boundary_ms, then);
    world->now_ms -= 100;
    assert_int_equal(publish_one(world, &thng).time_ms, then + 1);
}

/* Rights are those of the moment in which it is answered. */
static void test_judged_again(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(8192);
    subscribe_in(batch, &thng, 7);
    removal_in(batch, RESOURCE_THNG, &thng, 2);
    run_through(world, batch);
    assert_int_equal(world->answer_count, 1);
    world->now_ms++;
    turn(world);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_NOT_FOUND);
}

static void test_others_do_not_wait(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct command_batch *batch = batch_of(8192);
    subscribe_in(batch, &thng, 1);
    subscribe_in(batch, &thng, 2)->as.subscribe.replays = false;
    run(world, batch);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].token.request, 2);
}

/* ---- when commits fail ---- */

static void fail_a_commit(struct world *world, const struct id *thng)
{
    struct command_batch *batch = batch_of(4096);
    add_points(batch, thng, SLICE("a"), 1);
    world->disk_fails = true;
    run(world, batch);
    world->disk_fails = false;
    assert_true(engine_is_read_only(world->engine));
}

/* The group may turn up again: it must then be on the live side. */
static void test_read_only_grants_before_the_failed_group(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct event event = publish_one(world, &thng);
    world->now_ms += 2;
    fail_a_commit(world, &thng);
    world->now_ms += 2;
    subscribe(world, &thng);
    assert_granted(world, event.sequence, event.time_ms);
}

/* It has the time of the group before it: nothing can tell their samples apart. */
static void test_read_only_refuses_what_is_in_doubt(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    fail_a_commit(world, &thng);
    world->now_ms += 2;
    subscribe(world, &thng);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
}

static void test_restart_refuses_who_waits(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    subscribe(world, &thng);
    assert_int_equal(world->answer_count, 0);
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = 1000,
        .properties_per_resource_max = 4,
        .hash_seed = 99,
        .last_sequence = 40,
        .last_time_ms = world->now_ms,
    };
    engine_restart(world->engine, &options);
    turn(world);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    assert_false(engine_waits_for_clock(world->engine));
}

/* What was promised holds: no later group has the time of the boundary. */
static void test_restart_keeps_the_promise(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    int64_t then = world->now_ms;
    world->now_ms++;
    subscribe(world, &thng);
    assert_int_equal(world->answers[0].boundary_ms, then);
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = 1000,
        .properties_per_resource_max = 4,
        .hash_seed = 99,
        .last_sequence = 40,
        .last_time_ms = then,
    };
    engine_restart(world->engine, &options);
    world->now_ms = then - 10;
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, RESOURCE_THNG, 1);
    run(world, batch);
    assert_int_equal(first_event(world).time_ms, then + 1);
}

static void test_the_engine_ends_while_some_wait(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    subscribe(world, &thng);
    subscribe(world, &thng);
    assert_true(engine_waits_for_clock(world->engine)); /* the rest is the leak checker's to see */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_granted_at_once_when_the_clock_has_moved),
        T(test_not_within_a_millisecond),
        T(test_not_within_a_group),
        T(test_load_does_not_starve),
        T(test_several_wait_in_order),
        T(test_clock_set_back),
        T(test_what_follows_is_later),
        T(test_judged_again),
        T(test_others_do_not_wait),
        T(test_read_only_grants_before_the_failed_group),
        T(test_read_only_refuses_what_is_in_doubt),
        T(test_restart_refuses_who_waits),
        T(test_restart_keeps_the_promise),
        T(test_the_engine_ends_while_some_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
