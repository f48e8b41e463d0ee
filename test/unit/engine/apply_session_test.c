/* SPDX-License-Identifier: Apache-2.0
 *
 * Client ids: who has one, who waits for it, who is told to end; and who may subscribe to what. */
#include "unit/engine/rights_fixture.h"

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

/* ---- subscriptions ---- */

/* What there is to subscribe to, all in one project but for the batch. */
struct things {
    struct id project;
    struct id application;
    struct id thng;
    struct id outside; /* a thng in no project */
    struct id product;
    struct id collection;
    struct id batch;
    struct id task;
    struct id unknown;
};

static struct things things_in(struct world *world)
{
    struct things things = {
        .project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", ""),
        .application = id_generate(&world->rand, 1),
        .unknown = id_generate(&world->rand, 1),
    };
    char scopes[120];
    scopes_of_project(scopes, &things.project);
    things.thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes);
    things.outside = plant(world, RESOURCE_THNG, "\"name\":\"t\"", "");
    things.product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", scopes);
    things.collection = plant(world, RESOURCE_COLLECTION, "\"name\":\"c\"", scopes);
    things.batch = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", "");
    things.task = plant(world, RESOURCE_TASK, "\"type\":\"POPULATING\"", "");
    world->planted[world->planted_count - 1].parent = things.batch;
    struct id type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_shown"));
    plant_id(world, RESOURCE_ACTION_TYPE, &type, "\"name\":\"_shown\"", scopes);
    type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_hidden"));
    plant_id(world, RESOURCE_ACTION_TYPE, &type, "\"name\":\"_hidden\"", "");
    return things;
}

static enum err_code subscribe_as(struct world *world, struct actor actor, enum topic_family family,
                                  const struct id *resource, struct slice name)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_SUBSCRIBE, 1);
    command->actor = actor;
    command->as.subscribe.family = family;
    command->as.subscribe.name = name;
    if (resource != NULL) {
        command->target = *resource;
    }
    return outcome(world, batch);
}

/* The table of the contract (pubsub.md 6.1). */
static void test_what_an_operator_is_refused(void **state)
{
    struct world *world = *state;
    struct things things = things_in(world);
    struct slice task = id_slice(&things.task);
    const struct {
        enum topic_family family;
        const struct id *resource;
        struct slice name;
        enum err_code expected;
    } cases[] = {
        {TOPIC_THNG, &things.thng, SLICE(""), ERR_OK},
        {TOPIC_THNG, &things.unknown, SLICE(""), ERR_NOT_FOUND},
        {TOPIC_THNG, &things.product, SLICE(""), ERR_NOT_FOUND},
        {TOPIC_THNG_PROPERTIES, &things.thng, SLICE(""), ERR_OK},
        {TOPIC_THNG_PROPERTY, &things.thng, SLICE("never used"), ERR_OK},
        {TOPIC_THNG_PROPERTY, &things.unknown, SLICE("a"), ERR_NOT_FOUND},
        {TOPIC_THNG_LOCATION, &things.thng, SLICE(""), ERR_OK},
        {TOPIC_PRODUCT_PROPERTIES, &things.product, SLICE(""), ERR_OK},
        {TOPIC_PRODUCT_PROPERTY, &things.product, SLICE("never used"), ERR_OK},
        {TOPIC_PRODUCT_PROPERTIES, &things.thng, SLICE(""), ERR_NOT_FOUND},
        {TOPIC_COLLECTION, &things.collection, SLICE(""), ERR_OK},
        {TOPIC_COLLECTION, &things.unknown, SLICE(""), ERR_NOT_FOUND},
        {TOPIC_COLLECTION_THNGS, &things.collection, SLICE(""), ERR_OK},
        {TOPIC_THNG_ACTIONS, &things.thng, SLICE("_hidden"), ERR_OK},
        {TOPIC_THNG_ACTIONS, &things.thng, SLICE("scans"), ERR_OK},
        {TOPIC_THNG_ACTIONS, &things.thng, SLICE("_unknown"), ERR_NOT_FOUND},
        {TOPIC_THNG_ACTIONS, &things.unknown, SLICE("scans"), ERR_NOT_FOUND},
        {TOPIC_THNG_ACTIONS_ALL, &things.thng, SLICE(""), ERR_OK},
        {TOPIC_PRODUCT_ACTIONS, &things.product, SLICE("_unknown"), ERR_NOT_FOUND},
        {TOPIC_PRODUCT_ACTIONS_ALL, &things.product, SLICE(""), ERR_OK},
        {TOPIC_COLLECTION_ACTIONS, &things.collection, SLICE("_unknown"), ERR_NOT_FOUND},
        {TOPIC_COLLECTION_ACTIONS, &things.collection, SLICE("_shown"), ERR_OK},
        {TOPIC_COLLECTION_ACTIONS_ALL, &things.collection, SLICE(""), ERR_OK},
        {TOPIC_ACTION_TYPES, NULL, SLICE(""), ERR_OK},
        {TOPIC_ACTIONS_ALL, NULL, SLICE(""), ERR_OK},
        {TOPIC_ACTIONS, NULL, SLICE("_unknown"), ERR_OK},
        {TOPIC_BATCH_TASKS, &things.batch, SLICE(""), ERR_OK},
        {TOPIC_BATCH_TASKS, &things.unknown, SLICE(""), ERR_NOT_FOUND},
        {TOPIC_BATCH_TASK, &things.batch, task, ERR_OK},
        {TOPIC_BATCH_TASK, &things.batch, SLICE("no id"), ERR_NOT_FOUND},
        {TOPIC_BATCH_TASK, &things.batch, id_slice(&things.unknown), ERR_NOT_FOUND},
        {TOPIC_BATCH_TASK, &things.batch, id_slice(&things.batch), ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(subscribe_as(world, operator_of(OPERATOR_ACCOUNT), cases[i].family,
                                      cases[i].resource, cases[i].name),
                         cases[i].expected);
    }
    /* A task of another batch. */
    struct id other = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", "");
    assert_int_equal(
        subscribe_as(world, operator_of(OPERATOR_ACCOUNT), TOPIC_BATCH_TASK, &other, task),
        ERR_NOT_FOUND);
}

static void test_what_others_are_refused(void **state)
{
    struct world *world = *state;
    struct things things = things_in(world);
    struct actor trusted = trusted_of(&things.project, &things.application);
    struct actor public = trusted;
    struct actor device = device_of(&things.thng);
    public.kind = ACTOR_APPLICATION;
    const struct {
        struct actor actor;
        enum topic_family family;
        const struct id *resource;
        struct slice name;
        enum err_code expected;
    } cases[] = {
        {trusted, TOPIC_THNG, &things.thng, SLICE(""), ERR_OK},
        {trusted, TOPIC_THNG, &things.outside, SLICE(""), ERR_NOT_FOUND},
        {trusted, TOPIC_THNG_ACTIONS, &things.thng, SLICE("_shown"), ERR_OK},
        {trusted, TOPIC_THNG_ACTIONS, &things.thng, SLICE("_hidden"), ERR_NOT_FOUND},
        {trusted, TOPIC_ACTIONS, NULL, SLICE("_hidden"), ERR_OK}, /* as one that is not there */
        {trusted, TOPIC_ACTION_TYPES, NULL, SLICE(""), ERR_OK},
        {trusted, TOPIC_BATCH_TASKS, &things.batch, SLICE(""), ERR_DENIED},
        {public, TOPIC_PRODUCT_PROPERTIES, &things.product, SLICE(""), ERR_OK},
        {public, TOPIC_PRODUCT_ACTIONS_ALL, &things.product, SLICE(""), ERR_DENIED},
        {public, TOPIC_THNG, &things.thng, SLICE(""), ERR_DENIED},
        {public, TOPIC_ACTIONS, NULL, SLICE("scans"), ERR_DENIED},
        {device, TOPIC_THNG, &things.thng, SLICE(""), ERR_OK},
        {device, TOPIC_THNG, &things.outside, SLICE(""), ERR_NOT_FOUND},
        {device, TOPIC_THNG_ACTIONS_ALL, &things.thng, SLICE(""), ERR_OK},
        {device, TOPIC_THNG_ACTIONS, &things.thng, SLICE("_hidden"), ERR_OK},
        {device, TOPIC_THNG_ACTIONS, &things.thng, SLICE("_unknown"), ERR_NOT_FOUND},
        {device, TOPIC_ACTIONS_ALL, NULL, SLICE(""), ERR_DENIED},
        {device, TOPIC_PRODUCT_PROPERTIES, &things.product, SLICE(""), ERR_DENIED},
        {{0}, TOPIC_ACTIONS_ALL, NULL, SLICE(""), ERR_CREDENTIAL_MISSING},
        {{0}, TOPIC_THNG, &things.thng, SLICE(""), ERR_CREDENTIAL_MISSING},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(
            subscribe_as(world, cases[i].actor, cases[i].family, cases[i].resource, cases[i].name),
            cases[i].expected);
    }
}

static void test_project_option_narrows(void **state)
{
    struct world *world = *state;
    struct things things = things_in(world);
    struct actor owner = operator_of(OPERATOR_ACCOUNT);
    struct actor trusted = trusted_of(&things.project, &things.application);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"o\"", "");
    const struct {
        struct actor actor;
        enum topic_family family;
        const struct id *resource;
        const struct id *project;
        enum err_code expected;
    } cases[] = {
        {owner, TOPIC_THNG, &things.thng, &things.project, ERR_OK},
        {owner, TOPIC_THNG, &things.thng, &other, ERR_NOT_FOUND},
        {owner, TOPIC_THNG, &things.outside, &things.project, ERR_NOT_FOUND},
        {owner, TOPIC_ACTIONS_ALL, NULL, &things.project, ERR_OK},
        {owner, TOPIC_ACTIONS_ALL, NULL, &other, ERR_OK},
        {owner, TOPIC_ACTIONS_ALL, NULL, &things.unknown, ERR_NOT_FOUND},
        {owner, TOPIC_ACTIONS_ALL, NULL, &things.thng, ERR_NOT_FOUND},
        {trusted, TOPIC_ACTIONS_ALL, NULL, &things.project, ERR_OK},
        {trusted, TOPIC_ACTIONS_ALL, NULL, &other, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = command_in(batch, COMMAND_SUBSCRIBE, 1);
        command->actor = cases[i].actor;
        command->as.subscribe.family = cases[i].family;
        command->project = *cases[i].project;
        if (cases[i].resource != NULL) {
            command->target = *cases[i].resource;
        }
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

/* A topic is what GET of its path is: seen but not permitted there is 403. */
static void test_what_limited_rights_are_refused(void **state)
{
    struct world *world = *state;
    struct things things = things_in(world);
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    char scopes[2][120];
    scopes_of_user(scopes[0], &people.ann, &people.project);
    scopes_of_user(scopes[1], &people.bob, &people.project);
    struct id of_ann = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes[0]);
    struct id of_bob = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes[1]);
    const struct perm_rights on_thngs = rights_on("/thngs", "r");
    const struct perm_rights on_products = rights_on("/products", "r");
    const struct id *bob = &people.bob;
    struct actor ann = base_user(world, &people, &people.ann);
    struct actor shared = user_with(world, &people, &people.ann, on_products, bob, on_thngs);
    struct actor reads = limited_operator(world, &people.project, &other);
    struct actor blind = limited_operator(world, &other, &other);
    struct actor sees_batch = limited_operator(world, &things.project, &other);
    struct actor lists = token_with(world, "actions:list");
    const struct {
        struct actor actor;
        enum topic_family family;
        const struct id *resource;
        struct slice name;
        enum err_code expected;
    } cases[] = {
        {ann, TOPIC_THNG, &of_ann, SLICE(""), ERR_OK},
        {ann, TOPIC_THNG_PROPERTIES, &of_ann, SLICE(""), ERR_OK},
        {ann, TOPIC_THNG, &of_bob, SLICE(""), ERR_NOT_FOUND},
        {ann, TOPIC_ACTION_TYPES, NULL, SLICE(""), ERR_OK},
        {ann, TOPIC_BATCH_TASKS, &things.batch, SLICE(""), ERR_DENIED},
        {shared, TOPIC_THNG, &of_bob, SLICE(""), ERR_OK},
        {shared, TOPIC_THNG, &of_ann, SLICE(""), ERR_DENIED},
        {shared, TOPIC_ACTIONS_ALL, NULL, SLICE(""), ERR_DENIED},
        {reads, TOPIC_THNG, &of_bob, SLICE(""), ERR_OK},
        {reads, TOPIC_THNG, &things.outside, SLICE(""), ERR_NOT_FOUND},
        {reads, TOPIC_ACTIONS_ALL, NULL, SLICE(""), ERR_OK},
        {blind, TOPIC_THNG, &of_bob, SLICE(""), ERR_NOT_FOUND},
        {sees_batch, TOPIC_BATCH_TASK, &things.batch, id_slice(&things.task), ERR_OK},
        {reads, TOPIC_BATCH_TASK, &things.batch, id_slice(&things.task), ERR_NOT_FOUND},
        {lists, TOPIC_ACTIONS_ALL, NULL, SLICE(""), ERR_OK},
        {lists, TOPIC_THNG, &of_ann, SLICE(""), ERR_DENIED},
    };
    /* The batch is one of the first project. */
    for (size_t i = 0; i < world->planted_count; i++) {
        if (id_equal(&world->planted[i].id, &things.batch)) {
            scopes_of_project(world->planted[i].scopes, &things.project);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(
            subscribe_as(world, cases[i].actor, cases[i].family, cases[i].resource, cases[i].name),
            cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_take_over_waits_for_the_old_end),
        T(test_waiting_session_withdraws),
        T(test_waiting_sessions_of_two_loops_do_not_mix),
        T(test_owner_is_not_ended_by_another_loop),
        T(test_what_an_operator_is_refused),
        T(test_what_others_are_refused),
        T(test_project_option_narrows),
        T(test_what_limited_rights_are_refused),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
