/* SPDX-License-Identifier: Apache-2.0
 *
 * Client ids: who has one, who waits for it, who is told to end. */
#include "unit/engine/engine_fixture.h"

static void session_of(struct world *world, enum command_kind kind, uint16_t loop, uint32_t slot)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, kind, slot);
    command->loop = loop;
    command->as.session.client_id = SLICE("client");
    run(world, batch);
}

static void session(struct world *world, enum command_kind kind, uint32_t slot)
{
    session_of(world, kind, LOOP, slot);
}

static void assert_answer(const struct world *world, size_t index, enum answer_kind kind,
                          uint16_t loop, enum err_code code)
{
    assert_true(index < world->answer_count);
    assert_int_equal(world->answers[index].kind, kind);
    assert_int_equal(world->answer_loops[index], loop);
    assert_int_equal(world->answers[index].err.code, code);
}

static void test_take_over_waits_for_the_old_end(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    assert_int_equal(world->answer_count, 1);
    session(world, COMMAND_SESSION_OPEN, 2);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].kind, ANSWER_TAKEN_OVER);
    assert_int_equal(world->answers[0].token.slot, 1);
    session(world, COMMAND_SESSION_OPEN, 3); /* a third while the first is still ending */
    assert_int_equal(world->answer_count, 0);
    session(world, COMMAND_SESSION_CLOSED, 1);
    assert_int_equal(world->answer_count, 3);
    assert_int_equal(world->answers[0].kind, ANSWER_COMMAND); /* 2 is in ... */
    assert_int_equal(world->answers[0].token.slot, 2);
    assert_int_equal(world->answers[1].kind, ANSWER_TAKEN_OVER); /* ... and out */
    assert_int_equal(world->answers[1].token.slot, 2);
    session(world, COMMAND_SESSION_CLOSED, 2);
    assert_int_equal(world->answers[0].token.slot, 3);
    session(world, COMMAND_SESSION_CLOSED, 3);
    session(world, COMMAND_SESSION_OPEN, 4);
    assert_int_equal(world->answers[0].kind, ANSWER_COMMAND);
}

static void test_waiting_session_withdraws(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    session(world, COMMAND_SESSION_OPEN, 2);
    session(world, COMMAND_SESSION_CLOSED, 2); /* gave up waiting */
    session(world, COMMAND_SESSION_CLOSED, 1);
    session(world, COMMAND_SESSION_OPEN, 3);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].kind, ANSWER_COMMAND);
    assert_int_equal(world->answers[0].token.slot, 3);
}

/* Slots and generations are counted by each loop for itself: equal ones of two loops are two
 * connections. */
static void test_waiting_sessions_of_two_loops_do_not_mix(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    session_of(world, COMMAND_SESSION_OPEN, 4, 2);
    session_of(world, COMMAND_SESSION_OPEN, 5, 2);
    assert_int_equal(world->answer_count, 0);
    session_of(world, COMMAND_SESSION_CLOSED, 5, 2); /* the later one gave up waiting */
    assert_int_equal(world->answer_count, 2);
    assert_answer(world, 0, ANSWER_COMMAND, 5, ERR_STOPPING); /* its SESSION_OPEN */
    assert_answer(world, 1, ANSWER_COMMAND, 5, ERR_OK);
    session(world, COMMAND_SESSION_CLOSED, 1);
    assert_int_equal(world->answer_count, 2);
    assert_answer(world, 0, ANSWER_COMMAND, 4, ERR_OK); /* the earlier one is in */
    assert_answer(world, 1, ANSWER_COMMAND, LOOP, ERR_OK);
    session_of(world, COMMAND_SESSION_CLOSED, 4, 2);
    session(world, COMMAND_SESSION_OPEN, 3); /* nobody is left */
    assert_int_equal(world->answer_count, 1);
    assert_answer(world, 0, ANSWER_COMMAND, LOOP, ERR_OK);
}

static void test_owner_is_not_ended_by_another_loop(void **state)
{
    struct world *world = *state;
    session(world, COMMAND_SESSION_OPEN, 1);
    session_of(world, COMMAND_SESSION_CLOSED, 4, 1); /* nobody's */
    assert_int_equal(world->answer_count, 1);
    assert_answer(world, 0, ANSWER_COMMAND, 4, ERR_OK);
    session_of(world, COMMAND_SESSION_OPEN, 4, 1); /* waits, so the first is the owner still */
    assert_int_equal(world->answer_count, 1);
    assert_answer(world, 0, ANSWER_TAKEN_OVER, LOOP, ERR_OK);
    session(world, COMMAND_SESSION_CLOSED, 1);
    assert_answer(world, 0, ANSWER_COMMAND, 4, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_take_over_waits_for_the_old_end),
        T(test_waiting_session_withdraws),
        T(test_waiting_sessions_of_two_loops_do_not_mix),
        T(test_owner_is_not_ended_by_another_loop),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
