/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts: who may make one, and what comes with it. */
#include "unit/engine/accounts_fixture.h"

#include "model/grant.h"
#include "model/role.h"

#define NOBODY ((struct actor){0})

static struct command *account_in(struct command_batch *batch, struct actor actor)
{
    struct command *command = command_in(batch, COMMAND_ACCOUNT, 1);
    command->actor = actor;
    command->as.account.account_members = SLICE("\"name\":\"n\"");
    command->as.account.operator_members = SLICE("\"firstName\":\"f\"");
    command->as.account.key_hash[0] = 5;
    command->as.account.key_sealed = SLICE("sealed");
    return command;
}

static enum err_code make_account(struct world *world, struct actor actor)
{
    struct command_batch *batch = batch_of(4096);
    account_in(batch, actor);
    return outcome(world, batch);
}

static void assert_document(const struct event *event, enum resource_kind kind, const char *members)
{
    char expected[1200];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1700000000000,\"updatedAt\":1700000000000,%s}",
                   event->resource->text, members);
    assert_int_equal(event->kind, kind);
    assert_int_equal(event->operation, OPERATION_CREATED);
    assert_text(event->text, expected);
}

/* ---- what comes with it ---- */

static void test_an_account_is_whole(void **state)
{
    struct world *world = *state;
    assert_int_equal(make_account(world, NOBODY), ERR_OK);
    struct event events[6];
    assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(events[i].account, 1);
    }
    assert_document(&events[0], RESOURCE_ACCOUNT, "\"name\":\"n\"");
    assert_document(&events[1], RESOURCE_OPERATOR, "\"firstName\":\"f\",\"role\":\"admin\"");
    assert_int_equal(events[2].type, EVENT_KEY);
    assert_int_equal(events[2].key_kind, KEY_OPERATOR);
    assert_memory_equal(events[2].actor, events[1].resource, ID_BYTES);
    assert_int_equal(events[2].hash[0], 5);
    assert_text(events[2].sealed, "sealed");
    char policy[1000];
    struct slice permissions = policy_admin_permissions();
    (void)snprintf(policy, sizeof(policy),
                   "\"name\":\"evt:accountAdmin\",\"permissions\":%.*s,\"managed\":true",
                   SLICE_ARGS(permissions));
    assert_document(&events[3], RESOURCE_ACCESS_POLICY, policy);
    assert_int_equal(events[4].kind, RESOURCE_NAME);
    assert_int_equal(world->answers[0].event, events[0].sequence);
    assert_memory_equal(&world->answers[0].created, events[0].resource, ID_BYTES);
}

/* All of it is in memory at once: the documents show it later. */
static void test_an_account_can_be_used_at_once(void **state)
{
    struct world *world = *state;
    assert_int_equal(make_account(world, NOBODY), ERR_OK);
    struct event events[5];
    read_events(world, events, ARRAY_LEN(events));
    struct id account = *events[0].resource;
    struct id operator_id = *events[1].resource;
    struct id policy = *events[3].resource;
    struct command_batch *batch = batch_of(4096);
    patch_in(batch, RESOURCE_ACCOUNT, &account, "\"name\":\"m\"");
    assert_int_equal(outcome(world, batch), ERR_OK);
    batch = batch_of(4096);
    patch_in(batch, RESOURCE_ACCOUNT, &account, "\"name\":\"m\"")->actor = operator_of(2);
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
    batch = batch_of(4096);
    creation_in(batch, RESOURCE_ACCESS_POLICY, 1)->as.create.members =
        SLICE("\"name\":\"evt:accountAdmin\"");
    assert_int_equal(outcome(world, batch), ERR_NAME_TAKEN);
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_ACCESS_POLICY, &policy, 1);
    assert_int_equal(outcome(world, batch), ERR_BUILT_IN);
    batch = batch_of(4096);
    patch_in(batch, RESOURCE_ACCESS_POLICY, &policy, "\"permissions\":[]");
    assert_int_equal(outcome(world, batch), ERR_BUILT_IN);
    assert_int_equal(world->loads_asked, 0);
    /* Its operator goes with its key, if there is another one. */
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_OPERATOR, &operator_id, 1);
    assert_int_equal(outcome_with(world, batch, true), ERR_OK);
    assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 2);
    assert_int_equal(events[1].type, EVENT_KEY);
    assert_int_equal(events[1].operation, OPERATION_DELETED);
    assert_int_equal(events[1].hash[0], 5);
}

/* ---- who may ---- */

static void test_the_first_account_makes_others(void **state)
{
    struct world *world = *state;
    static const struct grant limited = {.may.operations[PERM_ACCOUNTS] = PERM_ALL};
    struct actor with_role = operator_of(1);
    with_role.grant = &limited;
    const struct actor token = {.kind = ACTOR_ACCESS_TOKEN, .account = 1, .grant = &limited};
    struct id thng = create_thng(world);
    assert_int_equal(make_account(world, NOBODY), ERR_OK);
    assert_int_equal(make_account(world, NOBODY), ERR_CREDENTIAL_MISSING);
    assert_int_equal(make_account(world, with_role), ERR_DENIED);
    assert_int_equal(make_account(world, token), ERR_DENIED);
    assert_int_equal(make_account(world, device_of(&thng)), ERR_DENIED);
    assert_int_equal(make_account(world, operator_of(1)), ERR_OK);
    assert_int_equal(first_event(world).account, 2);
    assert_int_equal(make_account(world, operator_of(2)), ERR_DENIED);
    struct command_batch *batch = batch_of(4096);
    account_in(batch, operator_of(1))->refusal = ERR(FIELD_MISSING);
    assert_int_equal(outcome(world, batch), ERR_FIELD_MISSING);
    batch = batch_of(4096);
    account_in(batch, operator_of(2))->refusal = ERR(FIELD_MISSING);
    assert_int_equal(outcome(world, batch), ERR_DENIED);
    assert_int_equal(make_account(world, operator_of(1)), ERR_OK);
    assert_int_equal(first_event(world).account, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_account_is_whole),
        TEST(test_an_account_can_be_used_at_once),
        TEST(test_the_first_account_makes_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
