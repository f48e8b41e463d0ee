/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that are unique and may change: taken, moved, freed, and found again. */
#include "unit/engine/accounts_fixture.h"

static struct command *role_in(struct command_batch *batch, const char *members, uint64_t request)
{
    struct command *command = creation_in(batch, RESOURCE_ROLE, request);
    command->as.create.members = slice_of_text(members);
    return command;
}

static struct id create_role(struct world *world, const char *members)
{
    struct command_batch *batch = batch_of(4096);
    role_in(batch, members, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    return world->answers[0].created;
}

static enum err_code role_outcome(struct world *world, const char *members)
{
    struct command_batch *batch = batch_of(4096);
    role_in(batch, members, 1);
    return outcome(world, batch);
}

static enum err_code rename_role(struct world *world, const struct id *role, const char *patch)
{
    struct command_batch *batch = batch_of(4096);
    patch_in(batch, RESOURCE_ROLE, role, patch);
    return outcome(world, batch);
}

/* ---- ids ---- */

static struct id id_of(uint32_t account, enum resource_kind kind, const struct id *application,
                       const char *name)
{
    struct id id;
    assert_int_equal(name_id(account, kind, application, slice_of_text(name), &id).code, ERR_OK);
    return id;
}

static void test_ids_follow_from_names(void **state)
{
    struct world *world = *state;
    struct id one = id_generate(&world->rand, 1);
    struct id two = id_generate(&world->rand, 1);
    char path[100];
    (void)snprintf(path, sizeof(path), "14/%.24s/ann@example.net", one.text);
    struct id expected = id_of_name(7, RESOURCE_NAME, slice_of_text(path));
    struct id user = id_of(7, RESOURCE_USER, &one, "Ann@Example.NET");
    assert_true(id_equal(&user, &expected));
    struct id role = id_of(7, RESOURCE_ROLE, NULL, "a");
    expected = id_of_name(7, RESOURCE_NAME, SLICE("15//a"));
    assert_true(id_equal(&role, &expected));
    const struct id others[] = {
        id_of(7, RESOURCE_ROLE, NULL, "A"),          id_of(8, RESOURCE_ROLE, NULL, "a"),
        id_of(7, RESOURCE_ACCESS_POLICY, NULL, "a"), id_of(7, RESOURCE_USER, &one, "a"),
        id_of(7, RESOURCE_USER, &two, "a"),
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(id_equal(&role, &others[i]));
        for (size_t j = 0; j < i; j++) {
            assert_false(id_equal(&others[i], &others[j]));
        }
    }
}

/* ---- taken ---- */

static void test_who_takes_a_name_writes_it_down(void **state)
{
    struct world *world = *state;
    struct id role = create_role(world, "\"name\":\"a\",\"type\":\"operator\"");
    struct event events[3];
    assert_int_equal(read_events(world, events, 3), 2);
    struct id name = id_of(OPERATOR_ACCOUNT, RESOURCE_ROLE, NULL, "a");
    assert_int_equal(events[0].kind, RESOURCE_ROLE);
    assert_int_equal(events[1].kind, RESOURCE_NAME);
    assert_int_equal(events[1].operation, OPERATION_CREATED);
    assert_true(id_equal(events[1].resource, &name));
    assert_int_equal(events[1].scopes.bytes, 0);
    char expected[200];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1700000000000,\"updatedAt\":1700000000000,"
                   "\"owner\":\"%.24s\"}",
                   name.text, role.text);
    assert_text(events[1].text, expected);
    assert_int_equal(world->answers[0].event, events[0].sequence);
}

static void test_only_one_gets_a_name(void **state)
{
    struct world *world = *state;
    struct command_batch *batch = batch_of(1 << 14);
    role_in(batch, "\"name\":\"a\"", 0);
    role_in(batch, "\"name\":\"a\"", 1);
    role_in(batch, "\"name\":\"\\u0061\"", 2);
    role_in(batch, "\"name\":\"A\"", 3);
    struct command *policy = creation_in(batch, RESOURCE_ACCESS_POLICY, 4);
    policy->as.create.members = SLICE("\"name\":\"a\"");
    struct command *elsewhere = role_in(batch, "\"name\":\"a\"", 5);
    elsewhere->actor = operator_of(2);
    run_through(world, batch);
    static const enum err_code expected[] = {ERR_OK, ERR_NAME_TAKEN, ERR_NAME_TAKEN,
                                             ERR_OK, ERR_OK,         ERR_OK};
    assert_int_equal(world->answer_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct answer *answer = &world->answers[i];
        assert_int_equal(answer->err.code, expected[answer->token.request]);
    }
    assert_int_equal(role_outcome(world, "\"name\":\"a\""), ERR_NAME_TAKEN);
}

/* Emails are told apart without regard to capitals, and by application. */
static void test_emails_are_unique_in_an_application(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct home other = plant_home(world, "none");
    struct command_batch *batch = batch_of(1 << 14);
    sign_up_in(batch, &home, "\"email\":\"Ann@x.net\"", 0);
    sign_up_in(batch, &home, "\"email\":\"ann@X.NET\"", 1);
    sign_up_in(batch, &other, "\"email\":\"ann@x.net\"", 2);
    run_through(world, batch);
    static const enum err_code expected[] = {ERR_OK, ERR_NAME_TAKEN, ERR_OK};
    assert_int_equal(world->answer_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct answer *answer = &world->answers[i];
        assert_int_equal(answer->err.code, expected[answer->token.request]);
    }
}

/* ---- moved ---- */

static void test_names_move_with_updates(void **state)
{
    struct world *world = *state;
    struct id one = create_role(world, "\"name\":\"a\"");
    struct id two = create_role(world, "\"name\":\"b\"");
    assert_int_equal(rename_role(world, &one, "\"name\":\"b\""), ERR_NAME_TAKEN);
    assert_int_equal(rename_role(world, &one, "\"name\":\"c\""), ERR_OK);
    struct event events[4];
    assert_int_equal(read_events(world, events, 4), 3);
    struct id freed = id_of(OPERATOR_ACCOUNT, RESOURCE_ROLE, NULL, "a");
    struct id taken = id_of(OPERATOR_ACCOUNT, RESOURCE_ROLE, NULL, "c");
    assert_int_equal(world->answers[0].event, events[0].sequence);
    assert_int_equal(events[1].operation, OPERATION_DELETED);
    assert_true(id_equal(events[1].resource, &freed));
    assert_int_equal(events[2].operation, OPERATION_CREATED);
    assert_true(id_equal(events[2].resource, &taken));
    assert_int_equal(rename_role(world, &two, "\"name\":\"a\""), ERR_OK);
    assert_int_equal(rename_role(world, &one, "\"name\":\"a\""), ERR_NAME_TAKEN);
    assert_int_equal(rename_role(world, &two, "\"name\":\"b\""), ERR_OK);
    assert_int_equal(rename_role(world, &one, "\"name\":\"a\""), ERR_OK);
}

/* Who keeps its name, in whatever spelling, moves nothing. */
static void test_the_same_name_is_no_move(void **state)
{
    struct world *world = *state;
    struct id role = create_role(world, "\"name\":\"a\"");
    assert_int_equal(rename_role(world, &role, "\"name\":\"a\",\"description\":\"d\""), ERR_OK);
    struct event events[2];
    assert_int_equal(read_events(world, events, 2), 1);
    struct home home = plant_home(world, "none");
    struct id user = plant_user(world, &home, "ann@x.net", "active");
    struct command_batch *batch = batch_of(4096);
    patch_in(batch, RESOURCE_USER, &user, "\"email\":\"Ann@x.net\"");
    assert_int_equal(outcome(world, batch), ERR_OK);
    assert_int_equal(read_events(world, events, 2), 1);
    assert_text(member_of_event(world, 0, "email"), "\"Ann@x.net\"");
}

/* ---- freed ---- */

static void test_names_go_with_their_owners(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct id user = plant_user(world, &home, "ann@x.net", "active");
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_USER, &user, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct event events[3];
    assert_int_equal(read_events(world, events, 3), 2);
    assert_int_equal(events[1].kind, RESOURCE_NAME);
    assert_int_equal(events[1].operation, OPERATION_DELETED);
    batch = batch_of(4096);
    sign_up_in(batch, &home, "\"email\":\"ann@x.net\"", 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    char expected[30];
    (void)snprintf(expected, sizeof(expected), "\"%.24s\"", home.application.text);
    assert_text(member_of_event(world, 1, "app"), expected);
}

/* A name that has gone to another is not taken from it. */
static void test_names_of_others_stay(void **state)
{
    struct world *world = *state;
    struct id role = plant_role(world, "a", "operator");
    struct id other = id_generate(&world->rand, 1);
    struct id name = id_of(OPERATOR_ACCOUNT, RESOURCE_ROLE, NULL, "a");
    plant_id(world, RESOURCE_NAME, &name, "", "")->parent = other;
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_ROLE, &role, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct event events[2];
    assert_int_equal(read_events(world, events, 2), 1);
    assert_int_equal(role_outcome(world, "\"name\":\"a\""), ERR_NAME_TAKEN);
}

/* What the documents know counts as what memory knows. */
static void test_names_are_found_in_the_documents(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    plant_user(world, &home, "ann@x.net", "active");
    struct id bob = plant_user(world, &home, "bob@x.net", "active");
    struct command_batch *batch = batch_of(4096);
    sign_up_in(batch, &home, "\"email\":\"ann@x.net\"", 1);
    assert_int_equal(outcome(world, batch), ERR_NAME_TAKEN);
    batch = batch_of(4096);
    patch_in(batch, RESOURCE_USER, &bob, "\"email\":\"ann@x.net\"");
    assert_int_equal(outcome(world, batch), ERR_NAME_TAKEN);
    batch = batch_of(4096);
    patch_in(batch, RESOURCE_USER, &bob, "\"email\":\"rob@x.net\"");
    assert_int_equal(outcome(world, batch), ERR_OK);
    batch = batch_of(4096);
    sign_up_in(batch, &home, "\"email\":\"bob@x.net\"", 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ids_follow_from_names),
        TEST(test_who_takes_a_name_writes_it_down),
        TEST(test_only_one_gets_a_name),
        TEST(test_emails_are_unique_in_an_application),
        TEST(test_names_move_with_updates),
        TEST(test_the_same_name_is_no_move),
        TEST(test_names_go_with_their_owners),
        TEST(test_names_of_others_stay),
        TEST(test_names_are_found_in_the_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
