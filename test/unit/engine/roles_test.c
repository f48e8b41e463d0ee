/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has which role: what can be given, what cannot be deleted, and that an account keeps an
 * administrator. */
#include "unit/engine/accounts_fixture.h"

#include "model/grant.h"

/* ---- which role ---- */

/* The code of giving that role to a document of <kind>, new or not. */
static enum err_code give(struct world *world, struct command_batch *batch, struct command *command,
                          const struct document_reference *reference)
{
    if (command->kind == COMMAND_CREATE) {
        command->as.create.references = reference;
        command->as.create.reference_count = 1;
    } else {
        command->as.update.references = reference;
        command->as.update.reference_count = 1;
    }
    return outcome(world, batch);
}

static void test_roles_are_of_the_right_type(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "base_app_user");
    struct id user = plant_user(world, &home, "ann@x.net", "active");
    struct id roles[] = {
        plant_role(world, "u", "userInApp"),
        plant_role(world, "o", "operator"),
        id_generate(&world->rand, 1),
        home.project,
    };
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        enum err_code for_users = i == 0 ? ERR_OK : ERR_REFERENCE_UNKNOWN;
        enum err_code for_operators = i == 1 ? ERR_OK : ERR_REFERENCE_UNKNOWN;
        struct command_batch *batch = batch_of(4096);
        const struct document_reference *role = reference_in(batch, RESOURCE_ROLE, &roles[i]);
        struct command *command = patch_in(batch, RESOURCE_USER, &user, "\"phone\":\"1\"");
        assert_int_equal(give(world, batch, command, role), for_users);
        batch = batch_of(4096);
        role = reference_in(batch, RESOURCE_ROLE, &roles[i]);
        command = creation_in(batch, RESOURCE_APPLICATION, 1);
        command->as.create.parent = home.project;
        assert_int_equal(give(world, batch, command, role), for_users);
        batch = batch_of(4096);
        role = reference_in(batch, RESOURCE_ROLE, &roles[i]);
        command = creation_in(batch, RESOURCE_OPERATOR, 1);
        assert_int_equal(give(world, batch, command, role), for_operators);
    }
}

/* Operators' roles can be deleted while they are had: whoever sends one back need not mind. */
static void test_a_role_that_is_had_need_not_exist(void **state)
{
    struct world *world = *state;
    struct id gone = id_generate(&world->rand, 1);
    struct id other = id_generate(&world->rand, 2);
    char members[60];
    (void)snprintf(members, sizeof(members), "\"role\":\"%.24s\"", gone.text);
    struct id limited = plant(world, RESOURCE_OPERATOR, members, "");
    for (int i = 0; i < 2; i++) {
        struct command_batch *batch = batch_of(4096);
        const struct document_reference *role =
            reference_in(batch, RESOURCE_ROLE, i == 0 ? &gone : &other);
        struct command *command = patch_in(batch, RESOURCE_OPERATOR, &limited, "\"email\":\"e\"");
        assert_int_equal(give(world, batch, command, role),
                         i == 0 ? ERR_OK : ERR_REFERENCE_UNKNOWN);
    }
}

/* ---- roles that are used ---- */

static void test_a_role_that_is_used_stays(void **state)
{
    struct world *world = *state;
    struct id role = plant_role(world, "u", "userInApp");
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_ROLE, &role, 1);
    assert_int_equal(outcome_with(world, batch, true), ERR_ROLE_IN_USE);
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_ROLE, &role, 1);
    assert_int_equal(outcome_with(world, batch, false), ERR_OK);
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_ROLE, &role, 1);
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
}

static void test_a_role_of_operators_goes_at_once(void **state)
{
    struct world *world = *state;
    struct id role = plant_role(world, "o", "operator");
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_ROLE, &role, 1);
    assert_int_equal(outcome_with(world, batch, true), ERR_OK);
}

/* Lets the loads that are under way be answered, but for the one that asks <question>, which must
 * be there, and is given. */
static struct head_load *wait_for_question(struct world *world, enum head_question question)
{
    for (;;) {
        assert_true(world->load_count > 0);
        if (world->loads[0]->question != QUESTION_NONE) {
            assert_int_equal(world->loads[0]->question, question);
            return world->loads[0];
        }
        answer_load(world);
    }
}

/* Has somebody get the role, in one way or another, while the oldest load waits. */
static void give_away(struct world *world, const struct id *role, int way)
{
    char text[30];
    (void)snprintf(text, sizeof(text), "%.24s", role->text);
    struct home home = plant_home(world, way == 0 ? text : "none");
    struct id user = plant_user(world, &home, way == 1 ? "a@x.net" : "b@x.net", "active");
    struct command_batch *batch = batch_of(4096);
    const struct document_reference *reference = reference_in(batch, RESOURCE_ROLE, role);
    struct command *command = way == 0 ? sign_up_in(batch, &home, "\"email\":\"c@x.net\"", 2)
                              : way == 1
                                  ? update_in(batch, RESOURCE_USER, &user, 2)
                                  : update_in(batch, RESOURCE_APPLICATION, &home.application, 2);
    if (way != 0) {
        command->as.update.references = reference;
        command->as.update.reference_count = 1;
    }
    run(world, batch);
    while (world->answer_count == 0) {
        answer_load_at(world, 1);
    }
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    world->answer_count = 0;
}

/* What is read is of the moment, so that who had the role a while ago does not count; and when
 * somebody was given it meanwhile, it is read again. */
static void test_giving_a_role_away_is_noticed(void **state)
{
    struct world *world = *state;
    struct id role = plant_role(world, "u", "userInApp");
    for (int way = 0; way < 3; way++) {
        create_thng(world);
        uint64_t before = first_event(world).sequence;
        struct command_batch *batch = batch_of(4096);
        removal_in(batch, RESOURCE_ROLE, &role, 1);
        run(world, batch);
        assert_true(wait_for_question(world, QUESTION_ROLE_IS_USED)->after >= before);
        give_away(world, &role, way);
        uint64_t given = first_event(world).sequence;
        answer_load(world); /* that it is not used */
        assert_int_equal(world->answer_count, 0);
        struct head_load *load = wait_for_question(world, QUESTION_ROLE_IS_USED);
        assert_true(load->after >= given);
        load->is_so = true;
        answer_load(world);
        assert_int_equal(world->answer_count, 1);
        assert_int_equal(world->answers[0].err.code, ERR_ROLE_IN_USE);
    }
}

/* ---- administrators ---- */

static const char *const administrators[] = {
    "\"role\":\"admin\"",
    "\"role\":\"admin\",\"policies\":[\"U00000000000000000000001\"]",
    "\"email\":\"e\"",
};

static const char *const others[] = {
    "\"role\":\"none\"",
    "\"role\":\"U00000000000000000000001\",\"policies\":[]",
    "\"policies\":[\"U00000000000000000000001\"]",
    "\"policies\":[]",
};

static void test_the_last_administrator_stays(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(administrators); i++) {
        struct id id = plant(world, RESOURCE_OPERATOR, administrators[i / 2], "");
        bool has_other = i % 2 == 1;
        enum err_code expected = has_other ? ERR_OK : ERR_LAST_ADMINISTRATOR;
        struct command_batch *batch = batch_of(4096);
        patch_in(batch, RESOURCE_OPERATOR, &id, "\"email\":\"f\"");
        assert_int_equal(outcome(world, batch), ERR_OK);
        assert_int_equal(world->load_count, 0);
        batch = batch_of(4096);
        patch_in(batch, RESOURCE_OPERATOR, &id, "\"role\":\"none\"");
        assert_int_equal(outcome_with(world, batch, has_other), expected);
        batch = batch_of(4096);
        patch_in(batch, RESOURCE_OPERATOR, &id, "\"role\":\"admin\"");
        assert_int_equal(outcome(world, batch), ERR_OK);
        batch = batch_of(4096);
        removal_in(batch, RESOURCE_OPERATOR, &id, 1);
        assert_int_equal(outcome_with(world, batch, has_other), expected);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct id id = plant(world, RESOURCE_OPERATOR, others[i], "");
        struct command_batch *batch = batch_of(4096);
        removal_in(batch, RESOURCE_OPERATOR, &id, 1);
        assert_int_equal(outcome_with(world, batch, false), ERR_OK);
    }
}

/* Two who are asked to go at once: what was read for the second is of before the first went. */
static void test_two_administrators_cannot_both_go(void **state)
{
    struct world *world = *state;
    struct id ids[] = {plant(world, RESOURCE_OPERATOR, "\"role\":\"admin\"", ""),
                       plant(world, RESOURCE_OPERATOR, "\"role\":\"admin\"", "")};
    struct command_batch *batch = batch_of(4096);
    patch_in(batch, RESOURCE_OPERATOR, &ids[0], "\"role\":\"none\"");
    removal_in(batch, RESOURCE_OPERATOR, &ids[1], 2);
    run(world, batch);
    answer_load(world);
    answer_load(world);
    assert_int_equal(world->load_count, 2);
    assert_int_equal(world->loads[0]->question, QUESTION_OTHER_ADMINISTRATOR);
    assert_int_equal(world->loads[1]->question, QUESTION_OTHER_ADMINISTRATOR);
    world->loads[0]->is_so = world->loads[1]->is_so = true;
    answer_load(world);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    uint64_t gone = first_event(world).sequence;
    answer_load(world);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->load_count, 1);
    assert_true(world->loads[0]->after >= gone);
    answer_load(world);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[1].err.code, ERR_LAST_ADMINISTRATOR);
}

/* ---- giving rights ---- */

/* Whoever may change operators by a policy makes no administrators, and gives no roles. */
static void test_only_administrators_make_administrators(void **state)
{
    struct world *world = *state;
    static const struct grant_zone zone = {
        .rights.operations[PERM_ACCOUNT_ACCESSES] = PERM_ALL,
        .reach = GRANT_ALL,
    };
    static const struct grant grant = {
        .may.operations[PERM_ACCOUNT_ACCESSES] = PERM_ALL,
        .zones = &zone,
        .zone_count = 1,
    };
    struct actor limited = operator_of(OPERATOR_ACCOUNT);
    limited.grant = &grant;
    const struct actor token = {
        .kind = ACTOR_ACCESS_TOKEN, .account = OPERATOR_ACCOUNT, .grant = &grant};
    static const struct {
        const char *patch;
        enum err_code expected;
    } cases[] = {
        {"\"role\":\"admin\"", ERR_GRANTS_TOO_MUCH},
        {"\"role\":\"none\"", ERR_GRANTS_TOO_MUCH},
        {"\"policies\":[]", ERR_OK},
        {"\"policies\":null", ERR_GRANTS_TOO_MUCH},
        {"\"policies\":[\"U00000000000000000000002\"]", ERR_OK},
        {"\"email\":\"f\"", ERR_OK},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        const struct actor actor = i % 2 == 0 ? limited : token;
        struct id id =
            plant(world, RESOURCE_OPERATOR, "\"policies\":[\"U00000000000000000000001\"]", "");
        struct command_batch *batch = batch_of(4096);
        patch_in(batch, RESOURCE_OPERATOR, &id, cases[i / 2].patch)->actor = actor;
        assert_int_equal(outcome(world, batch), cases[i / 2].expected);
    }
    for (size_t i = 0; i < ARRAY_LEN(administrators) + ARRAY_LEN(others); i++) {
        bool is_one = i < ARRAY_LEN(administrators);
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_OPERATOR, 1);
        command->actor = limited;
        command->as.create.members =
            slice_of_text(is_one ? administrators[i] : others[i - ARRAY_LEN(administrators)]);
        bool has_role = body_find(command->as.create.members, SLICE("role")).type != JSON_NONE;
        assert_int_equal(outcome(world, batch), is_one || has_role ? ERR_GRANTS_TOO_MUCH : ERR_OK);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_roles_are_of_the_right_type),
        TEST(test_a_role_that_is_had_need_not_exist),
        TEST(test_a_role_that_is_used_stays),
        TEST(test_a_role_of_operators_goes_at_once),
        TEST(test_giving_a_role_away_is_noticed),
        TEST(test_the_last_administrator_stays),
        TEST(test_two_administrators_cannot_both_go),
        TEST(test_only_administrators_make_administrators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
