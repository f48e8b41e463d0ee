/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions on nothing in particular are recorded in the order in which their client sent them,
 * whatever has to be loaded for each. */
#include "action_fixture.h"

#define CLIENTS 4
#define THNGS 40
#define COMMANDS 3000

static void send(struct mirror *mirror, uint32_t client, uint64_t request, const struct id *thng)
{
    struct command_action action = action_of(SLICE("scans"));
    if (thng != NULL) {
        action.thng = *thng;
    }
    struct command_batch *batch = batch_of(4096);
    struct command *command = actions_in(batch, 0, NULL, &action, 1);
    command->token = (struct answer_token){.slot = client, .generation = 7, .request = request};
    engine_accept(mirror->world.engine, batch);
    engine_turn(mirror->world.engine);
}

static void assert_answered(struct mirror *mirror, size_t index, uint32_t client, uint64_t request)
{
    assert_true(index < mirror->world.answer_count);
    const struct answer *answer = &mirror->world.answers[index];
    assert_int_equal(answer->err.code, ERR_OK);
    assert_int_equal(answer->token.slot, client);
    assert_int_equal(answer->token.request, request);
}

static void test_what_needs_nothing_waits_for_what_is_cold(void **state)
{
    struct mirror *mirror = *state;
    struct id thng = create_thng(&mirror->world);
    mirror_crash(mirror);
    mirror->world.answer_count = 0;
    send(mirror, 1, 1, &thng);
    send(mirror, 1, 2, NULL);
    send(mirror, 2, 1, NULL); /* another client's */
    send(mirror, 1, 3, &thng);
    send(mirror, 1, 4, NULL);
    assert_int_equal(mirror->world.answer_count, 1);
    assert_answered(mirror, 0, 2, 1);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answer_count, 5);
    for (uint64_t request = 1; request <= 4; request++) {
        assert_answered(mirror, (size_t)request, 1, request);
    }
}

/* Those who wait for their turn do not wait to be loaded. */
static void test_what_is_cold_is_loaded_side_by_side(void **state)
{
    struct mirror *mirror = *state;
    struct id thngs[10];
    for (size_t i = 0; i < ARRAY_LEN(thngs); i++) {
        thngs[i] = create_thng(&mirror->world);
    }
    mirror_crash(mirror);
    mirror->world.answer_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(thngs); i++) {
        send(mirror, 1, i + 1, &thngs[i]);
    }
    assert_int_equal(mirror->world.load_count, ARRAY_LEN(thngs));
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answer_count, ARRAY_LEN(thngs));
    for (size_t i = 0; i < ARRAY_LEN(thngs); i++) {
        assert_answered(mirror, i, 1, i + 1);
    }
}

/* A reader brings what it was asked for whenever it likes. */
static void bring_any(struct mirror *mirror)
{
    struct world *world = &mirror->world;
    size_t index = (size_t)rand_below(&world->rand, world->load_count);
    struct head_load *load = world->loads[index];
    mirror_read_load(mirror, index);
    memmove(&world->loads[index], &world->loads[index + 1],
            (world->load_count - index - 1) * sizeof(world->loads[0]));
    world->load_count--;
    engine_accept(world->engine, load->batch);
    engine_turn(world->engine);
}

/* Takes the answers, which must come in order for each client. */
static void take_answers(struct mirror *mirror, uint64_t answered[CLIENTS])
{
    struct world *world = &mirror->world;
    for (size_t i = 0; i < world->answer_count; i++) {
        uint32_t client = world->answers[i].token.slot;
        assert_true(client < CLIENTS);
        assert_answered(mirror, i, client, ++answered[client]);
    }
    world->answer_count = 0;
}

/* So few heads that most of what is named is cold. */
static void test_each_client_keeps_its_order(void **state)
{
    struct mirror *mirror = *state;
    struct world *world = &mirror->world;
    struct id thngs[THNGS];
    for (size_t i = 0; i < THNGS; i++) {
        thngs[i] = create_thng(world);
    }
    mirror->heads_max = 8;
    mirror_crash(mirror);
    world->answer_count = 0;
    uint64_t sent[CLIENTS] = {0};
    uint64_t answered[CLIENTS] = {0};
    for (unsigned i = 0; i < COMMANDS; i++) {
        uint32_t client = (uint32_t)rand_below(&world->rand, CLIENTS);
        bool names_one = rand_below(&world->rand, 3) > 0;
        if (sent[client] - answered[client] < 8 && world->load_count < LOADS_MAX - 4) {
            send(mirror, client, ++sent[client],
                 names_one ? &thngs[rand_below(&world->rand, THNGS)] : NULL);
        } else if (world->load_count > 0) {
            bring_any(mirror);
        }
        take_answers(mirror, answered);
    }
    while (world->load_count > 0) {
        bring_any(mirror);
        take_answers(mirror, answered);
    }
    assert_memory_equal(answered, sent, sizeof(sent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_what_needs_nothing_waits_for_what_is_cold),
        WITH_MIRROR(test_what_is_cold_is_loaded_side_by_side),
        WITH_MIRROR(test_each_client_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
