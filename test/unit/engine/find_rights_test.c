/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sees some of an account only: what such an actor finds, and where its rights end. */
#include "unit/engine/rights_fixture.h"

static enum err_code update_as(struct world *world, struct actor actor, enum resource_kind kind,
                               const struct id *id)
{
    struct command_batch *batch = batch_of(4096);
    update_in(batch, kind, id, 1)->actor = actor;
    return outcome(world, batch);
}

/* What is seen by way of one project, or of one share, may be out of reach: 403. What is not seen
 * is not there: 404. */
static void test_a_right_may_be_one_elsewhere(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    char scopes[3][120];
    scopes_of_user(scopes[0], &people.ann, &people.project);
    scopes_of_user(scopes[1], &people.bob, &people.project);
    scopes_of_user(scopes[2], &people.bob, &other);
    struct id of_ann = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes[0]);
    struct id of_bob = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes[1]);
    struct id abroad = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes[2]);
    struct id nowhere = create_thng(world);
    const struct perm_rights all = perm_column(ACTOR_USER);
    const struct perm_rights reads = rights_on("/thngs", "r");
    const struct perm_rights none = {{0}};
    const struct id *bob = &people.bob;
    struct actor limited = limited_operator(world, &people.project, &other);
    struct actor token = token_with(world, "thngs:update");
    const struct {
        struct actor actor;
        const struct id *thng;
        enum err_code expected;
    } cases[] = {
        {limited, &of_ann, ERR_DENIED},
        {limited, &abroad, ERR_OK},
        {limited, &nowhere, ERR_NOT_FOUND},
        {token, &of_ann, ERR_OK},
        {token, &nowhere, ERR_OK},
        {token_with(world, "thngs:read,list,create"), &nowhere, ERR_DENIED},
        {base_user(world, &people, &people.ann), &of_ann, ERR_OK},
        {base_user(world, &people, &people.ann), &of_bob, ERR_NOT_FOUND},
        {base_user(world, &people, &people.bob), &abroad, ERR_NOT_FOUND},
        {user_with(world, &people, &people.ann, reads, NULL, none), &of_ann, ERR_DENIED},
        {user_with(world, &people, &people.ann, reads, NULL, none), &of_bob, ERR_DENIED},
        /* Bob shares. */
        {user_with(world, &people, &people.ann, reads, bob, all), &of_ann, ERR_DENIED},
        {user_with(world, &people, &people.ann, reads, bob, all), &of_bob, ERR_OK},
        {user_with(world, &people, &people.ann, all, bob, reads), &of_ann, ERR_OK},
        {user_with(world, &people, &people.ann, all, bob, reads), &of_bob, ERR_DENIED},
        {user_with(world, &people, &people.ann, none, bob, all), &abroad, ERR_NOT_FOUND},
        {user_with(world, &people, &people.cid, all, &people.ann, all), &of_bob, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum err_code code = update_as(world, cases[i].actor, RESOURCE_THNG, cases[i].thng);
        assert_int_equal(code, cases[i].expected);
    }
}

/* It comes before what is wrong with the request, and behind what is not there. */
static void test_order_of_judging_a_right_elsewhere(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    char scopes[120];
    scopes_of_project(scopes, &people.project);
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes);
    struct actor limited = limited_operator(world, &people.project, &other);
    static const enum err_code expected[] = {ERR_NOT_FOUND, ERR_DENIED};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = update_in(batch, RESOURCE_THNG, &thng, 1);
        command->actor = limited;
        command->refusal = ERR(JSON_INVALID);
        command->project = i == 0 ? other : people.project;
        assert_int_equal(outcome(world, batch), expected[i]);
    }
}

/* A right that the command names counts instead of the one that follows from its kind. */
static void test_a_command_says_what_it_needs(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct actor public = trusted_of(&people.project, &people.application);
    public.kind = ACTOR_APPLICATION;
    for (unsigned i = 0; i < 3; i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = update_in(batch, RESOURCE_USER, &people.ann, 1);
        command->actor = public;
        command->subject = i < 2 ? PERM_SIGN_UP : PERM_USERS;
        command->operation = i == 1 ? PERM_CREATE : (i == 2 ? PERM_UPDATE : 0);
        assert_int_equal(outcome(world, batch), i == 1 ? ERR_OK : ERR_DENIED);
    }
}

/* A user is gone with its application, and with that one's project. */
static void test_users_go_with_what_they_lie_in(void **state)
{
    struct world *world = *state;
    struct people people[2] = {plant_people(world), plant_people(world)};
    struct actor owner = operator_of(OPERATOR_ACCOUNT);
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        assert_int_equal(update_as(world, owner, RESOURCE_USER, &people[i].ann), ERR_OK);
        struct command_batch *batch = batch_of(4096);
        enum resource_kind kind = i == 0 ? RESOURCE_APPLICATION : RESOURCE_PROJECT;
        removal_in(batch, kind, i == 0 ? &people[i].application : &people[i].project, 1);
        assert_int_equal(outcome(world, batch), ERR_OK);
        assert_int_equal(update_as(world, owner, RESOURCE_USER, &people[i].ann), ERR_NOT_FOUND);
        assert_int_equal(update_as(world, owner, RESOURCE_USER, &people[i].bob), ERR_NOT_FOUND);
    }
}

/* A task has no scopes to speak of: who sees some of an account only sees it with its batch. */
static void test_a_task_is_seen_with_its_batch(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    char scopes[120];
    scopes_of_project(scopes, &people.project);
    struct id batch_id = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", scopes);
    struct id task = plant(world, RESOURCE_TASK, "\"type\":\"POPULATING\"", "");
    world->planted[world->planted_count - 1].parent = batch_id;
    const struct {
        struct actor actor;
        enum err_code expected;
    } cases[] = {
        {operator_of(OPERATOR_ACCOUNT), ERR_OK},
        {limited_operator(world, &other, &people.project), ERR_OK},
        {limited_operator(world, &people.project, &other), ERR_DENIED},
        {limited_operator(world, &other, &other), ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(update_as(world, cases[i].actor, RESOURCE_TASK, &task), cases[i].expected);
    }
}

/* References need only be seen. */
static void test_references_must_be_seen(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    char scopes[2][120];
    scopes_of_user(scopes[0], &people.ann, &people.project);
    scopes_of_user(scopes[1], &people.bob, &other);
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes[0]);
    struct id read_only = plant(world, RESOURCE_PRODUCT, "\"fn\":\"p\"", scopes[1]);
    struct id unseen = create(world, RESOURCE_PRODUCT);
    struct actor limited = limited_operator(world, &other, &people.project);
    struct actor ann = base_user(world, &people, &people.ann);
    const struct {
        struct actor actor;
        const struct id *product;
        enum err_code expected;
    } cases[] = {
        {limited, &read_only, ERR_OK},
        {limited, &unseen, ERR_REFERENCE_UNKNOWN},
        {ann, &unseen, ERR_REFERENCE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        add_product_update(batch, &thng, cases[i].product, 1)->actor = cases[i].actor;
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_a_right_may_be_one_elsewhere),  T(test_order_of_judging_a_right_elsewhere),
        T(test_a_command_says_what_it_needs),  T(test_users_go_with_what_they_lie_in),
        T(test_a_task_is_seen_with_its_batch), T(test_references_must_be_seen),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
