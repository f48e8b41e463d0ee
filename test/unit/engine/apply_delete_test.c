/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: delete, with all that hangs on them. */
#include "unit/engine/accounts_fixture.h"

/* Deletes it, and reads the events of its group. */
static size_t delete_and_read(struct world *world, enum resource_kind kind, const struct id *id,
                              struct event *events, size_t room)
{
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, kind, id, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    return read_events(world, events, room);
}

static void test_application_goes_before_its_keys(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    const struct command_key keys[] = {{.kind = KEY_APPLICATION, .hash = {1}},
                                       {.kind = KEY_TRUSTED, .hash = {2}}};
    struct command_batch *batch = batch_of(4096);
    struct command *command = creation_in(batch, RESOURCE_APPLICATION, 1);
    command->as.create.parent = project;
    command->as.create.keys = keys;
    command->as.create.key_count = ARRAY_LEN(keys);
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct id application = world->answers[0].created;
    struct event events[4];
    assert_int_equal(delete_and_read(world, RESOURCE_APPLICATION, &application, events, 4), 3);
    assert_int_equal(events[0].operation, OPERATION_DELETED);
    assert_int_equal(events[0].kind, RESOURCE_APPLICATION);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_int_equal(events[i + 1].type, EVENT_KEY);
        assert_int_equal(events[i + 1].operation, OPERATION_DELETED);
        assert_int_equal(events[i + 1].key_kind, keys[i].kind);
        assert_int_equal(events[i + 1].hash[0], keys[i].hash[0]);
    }
}

/* Those who are told must be able to judge whether they may be. */
static void test_deletion_says_who_sees_it(void **state)
{
    struct world *world = *state;
    static const char scopes[] = "{\"users\":[\"all\"],\"projects\":[\"all\"]}";
    struct id type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_a"));
    plant_id(world, RESOURCE_ACTION_TYPE, &type, "\"name\":\"_a\"", scopes);
    struct event event;
    assert_int_equal(delete_and_read(world, RESOURCE_ACTION_TYPE, &type, &event, 1), 1);
    /* Subscribers know it by its name, which the id does not give. */
    assert_text(document_text(event.text, SLICE("name")), "_a");
    assert_text(event.scopes, scopes);
}

/* Products have properties that go with them; what names a product is not this event's affair. */
static void test_product_goes_with_its_properties(void **state)
{
    struct world *world = *state;
    struct id product = create(world, RESOURCE_PRODUCT);
    struct command_batch *batch = batch_of(4096);
    add_points(batch, &product, SLICE("a"), 1);
    batch->first->target_kind = RESOURCE_PRODUCT;
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct event events[3];
    assert_int_equal(delete_and_read(world, RESOURCE_PRODUCT, &product, events, 3), 2);
    assert_int_equal(events[0].type, EVENT_CUT);
    assert_int_equal(events[1].type, EVENT_DOCUMENT);
    assert_int_equal(world->answers[0].event, events[0].sequence);
    assert_int_equal(world->answers[0].after, events[1].sequence);
}

static void test_what_is_not_there_cannot_be_deleted(void **state)
{
    struct world *world = *state;
    struct id place = create(world, RESOURCE_PLACE);
    struct id product = create(world, RESOURCE_PRODUCT);
    const struct {
        const struct id *id;
        enum err_code expected;
    } steps[] = {{&product, ERR_NOT_FOUND}, {&place, ERR_OK}, {&place, ERR_NOT_FOUND}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct command_batch *batch = batch_of(4096);
        removal_in(batch, RESOURCE_PLACE, steps[i].id, 1);
        assert_int_equal(outcome(world, batch), steps[i].expected);
    }
}

/* ---- actions ---- */

static struct id plant_action(struct world *world, const char *type)
{
    char members[100];
    (void)snprintf(members, sizeof(members), "\"type\":\"%s\",\"timestamp\":1", type);
    return plant(world, RESOURCE_ACTION, members, "");
}

static void test_action_is_deleted_below_its_type(void **state)
{
    struct world *world = *state;
    struct id type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_a"));
    plant_id(world, RESOURCE_ACTION_TYPE, &type, "\"name\":\"_a\"", "");
    struct id scans = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("scans"));
    const struct {
        const char *type;
        const struct id *path; /* NULL: `all` */
        enum err_code expected;
    } cases[] = {
        {"scans", &scans, ERR_OK},      {"scans", NULL, ERR_OK}, {"_a", &type, ERR_OK},
        {"_a", &scans, ERR_NOT_FOUND},  {"_a", NULL, ERR_OK},    {"scans", &type, ERR_NOT_FOUND},
        {"_gone", NULL, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct id action = plant_action(world, cases[i].type);
        struct command_batch *batch = batch_of(4096);
        struct command *command = removal_in(batch, RESOURCE_ACTION, &action, 1);
        if (cases[i].path != NULL) {
            command->as.remove.parent = *cases[i].path;
        }
        assert_int_equal(outcome(world, batch), cases[i].expected);
        if (cases[i].expected == ERR_OK) {
            struct event event = first_event(world);
            assert_int_equal(event.kind, RESOURCE_ACTION);
            assert_int_equal(event.operation, OPERATION_DELETED);
        }
    }
}

/* A type takes its actions with it at once, whatever the documents still show. */
static void test_actions_are_gone_with_their_type(void **state)
{
    struct world *world = *state;
    struct id type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_a"));
    plant_id(world, RESOURCE_ACTION_TYPE, &type, "\"name\":\"_a\"", "");
    struct id action = plant_action(world, "_a");
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_ACTION_TYPE, &type, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_ACTION, &action, 1);
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
}

/* The key goes last: whoever uses it hears of the rest. */
static void test_who_has_a_key_goes_with_it(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    static const struct {
        enum resource_kind kind;
        enum key_kind key;
        bool has_name;
    } cases[] = {
        {RESOURCE_USER, KEY_USER, true},
        {RESOURCE_OPERATOR, KEY_OPERATOR, false},
        {RESOURCE_ACCESS_TOKEN, KEY_ACCESS_TOKEN, false},
        {RESOURCE_THNG, KEY_DEVICE, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct command_key key = {.kind = cases[i].key, .hash = {7}};
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, cases[i].kind, 1);
        command->as.create.members = SLICE("\"email\":\"a@x.net\",\"role\":\"none\"");
        command->as.create.keys = &key;
        command->as.create.key_count = 1;
        if (cases[i].kind == RESOURCE_USER) {
            command->actor = application_of(&home);
            command->as.create.parent = home.application;
            command->as.create.members = SLICE("\"email\":\"a@x.net\"");
        }
        assert_int_equal(outcome(world, batch), ERR_OK);
        struct id id = world->answers[0].created;
        struct event events[4];
        size_t count = delete_and_read(world, cases[i].kind, &id, events, 4);
        assert_int_equal(count, cases[i].has_name ? 3 : 2);
        assert_int_equal(events[0].kind, cases[i].kind);
        assert_int_equal(events[0].operation, OPERATION_DELETED);
        assert_int_equal(world->answers[0].event, events[0].sequence);
        if (cases[i].has_name) {
            assert_int_equal(events[1].kind, RESOURCE_NAME);
            assert_int_equal(events[1].operation, OPERATION_DELETED);
        }
        assert_int_equal(events[count - 1].type, EVENT_KEY);
        assert_int_equal(events[count - 1].operation, OPERATION_DELETED);
        assert_int_equal(events[count - 1].key_kind, cases[i].key);
        assert_int_equal(events[count - 1].hash[0], 7);
    }
}

static void test_managed_policies_stay(void **state)
{
    struct world *world = *state;
    struct id policy = plant(world, RESOURCE_ACCESS_POLICY, "\"name\":\"a\",\"managed\":true", "");
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_ACCESS_POLICY, &policy, 1);
    assert_int_equal(outcome(world, batch), ERR_BUILT_IN);
}

/* A user ends what it shares, not what others share with it. */
static void test_shares_are_ended_by_who_shares(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct id ann = plant_user(world, &home, "ann@x.net", "active");
    struct id bob = plant_user(world, &home, "bob@x.net", "active");
    char members[60];
    char scopes[120];
    (void)snprintf(members, sizeof(members), "\"user\":\"%.24s\"", bob.text);
    (void)snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}",
                   ann.text, home.project.text);
    struct id share = plant(world, RESOURCE_SHARE, members, scopes);
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_SHARE, &share, 1)->actor = user_of(&home, &bob);
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_SHARE, &share, 1)->actor = operator_of(OPERATOR_ACCOUNT);
    assert_int_equal(outcome(world, batch), ERR_DENIED);
    batch = batch_of(4096);
    removal_in(batch, RESOURCE_SHARE, &share, 1)->actor = user_of(&home, &ann);
    assert_int_equal(outcome(world, batch), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_application_goes_before_its_keys), T(test_deletion_says_who_sees_it),
        T(test_product_goes_with_its_properties), T(test_what_is_not_there_cannot_be_deleted),
        T(test_action_is_deleted_below_its_type), T(test_actions_are_gone_with_their_type),
        T(test_who_has_a_key_goes_with_it),       T(test_managed_policies_stay),
        T(test_shares_are_ended_by_who_shares),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
