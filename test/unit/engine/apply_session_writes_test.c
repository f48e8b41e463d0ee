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

/* One that ends a session, one that begins another. */
static struct command_batch *ending_and_beginning(void)
{
    struct command_batch *batch = batch_of(4096);
    for (uint64_t request = 1; request <= 2; request++) {
        struct command *command = command_in(batch, COMMAND_SESSION_WRITE, request);
        command->session_writes = SLICE("a");
        command->ends_session = request == 1;
        command->begins_session = request == 2;
    }
    return batch;
}

static void test_sessions_that_end_are_told_of_behind_the_commit(void **state)
{
    struct world *world = *state;
    run(world, ending_and_beginning());
    assert_int_equal(world->sessions_gone, 1);
    run(world, writing(SLICE("a"), 3));
    assert_int_equal(world->sessions_gone, 1);
}

/* While the disk fails a client may come again and again. */
static void test_sessions_that_cannot_begin_are_told_of(void **state)
{
    struct world *world = *state;
    world->disk_fails = true;
    run(world, ending_and_beginning());
    assert_int_equal(world->sessions_gone, 1);
    run(world, ending_and_beginning());
    assert_int_equal(world->sessions_gone, 2);
}

static void test_also_of_what_is_refused_when_it_is_to_be(void **state)
{
    struct world *world = *state;
    struct id unknown = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &unknown, SLICE("temp"), 1);
    batch->first->session_writes = SLICE("a");
    batch->first->writes_if_refused = true;
    run(world, batch);
    answer_loads(world);
    assert_int_equal(world->answers[0].err.code, ERR_NOT_FOUND);
    engine_turn(world->engine);
    assert_int_equal(world->commits, 1);
    assert_committed(world, "a");
}

static void session(struct world *world, enum command_kind kind, uint32_t slot)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, kind, 7);
    command->token.slot = slot;
    command->as.session.client_id = SLICE("client");
    run(world, batch);
}

/* Whoever takes the session up finds all that the connection before had begun to write of it. */
static void test_the_next_connection_waits_for_what_is_being_written(void **state)
{
    struct world *world = *state;
    struct id cold = id_generate(&world->rand, 1);
    session(world, COMMAND_SESSION_OPEN, 1);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &cold, SLICE("temp"), 2);
    batch->first->token.slot = 1;
    batch->first->session_writes = SLICE("a");
    batch->first->writes_if_refused = true;
    run(world, batch);
    session(world, COMMAND_SESSION_CLOSED, 1);
    session(world, COMMAND_SESSION_OPEN, 2);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].kind, ANSWER_TAKEN_OVER);
    answer_loads(world);
    engine_turn(world->engine);
    assert_int_equal(world->answer_count, 4);
    assert_int_equal(world->answers[1].err.code, ERR_NOT_FOUND); /* the points */
    assert_int_equal(world->answers[2].token.slot, 2);           /* is in */
    assert_int_equal(world->answers[3].token.slot, 1);           /* is out */
    assert_committed(world, "a");
}

/* Nothing expires under who has it. */
static void test_sessions_expire_without_a_claim_only(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    session(world, COMMAND_SESSION_EXPIRE, 9);
    assert_int_equal(world->answers[0].err.code, ERR_CONFLICT);
    session(world, COMMAND_SESSION_CLOSED, 1);
    session(world, COMMAND_SESSION_EXPIRE, 9);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_alone),
        T(test_in_one_with_a_group),
        T(test_nothing_of_what_is_refused),
        T(test_what_cannot_be_committed_is_refused),
        T(test_sessions_that_end_are_told_of_behind_the_commit),
        T(test_sessions_that_cannot_begin_are_told_of),
        T(test_also_of_what_is_refused_when_it_is_to_be),
        T(test_the_next_connection_waits_for_what_is_being_written),
        T(test_sessions_expire_without_a_claim_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
