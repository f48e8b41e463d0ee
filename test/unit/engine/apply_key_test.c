/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: who may issue and end which, and what is told of it. */
#include "unit/engine/rights_fixture.h"

/* A key of that kind whose hash begins with <first>; of COMMAND_KEY_DELETE the kind alone counts.
 */
static struct command *key_in(struct command_batch *batch, enum command_kind kind,
                              enum key_kind key_kind, const struct id *holder, uint8_t first)
{
    struct command *command = command_in(batch, kind, 1);
    command->target = *holder;
    command->as.key.key = (struct command_key){.kind = key_kind, .hash = {first}};
    return command;
}

static enum err_code key_outcome(struct world *world, enum command_kind kind, struct actor actor,
                                 enum key_kind key_kind, const struct id *holder)
{
    struct command_batch *batch = batch_of(4096);
    key_in(batch, kind, key_kind, holder, 7)->actor = actor;
    return outcome(world, batch);
}

static enum err_code issue(struct world *world, struct actor actor, enum key_kind kind,
                           const struct id *holder)
{
    return key_outcome(world, COMMAND_KEY_CREATE, actor, kind, holder);
}

static enum err_code end(struct world *world, struct actor actor, enum key_kind kind,
                         const struct id *holder)
{
    return key_outcome(world, COMMAND_KEY_DELETE, actor, kind, holder);
}

static enum err_code renew(struct world *world, enum key_kind kind, const struct id *holder,
                           uint8_t first)
{
    struct command_batch *batch = batch_of(4096);
    key_in(batch, COMMAND_KEY_CREATE, kind, holder, first)->as.key.replaces = true;
    return outcome(world, batch);
}

static void assert_key_event(const struct event *event, enum event_operation operation,
                             enum key_kind kind, const struct id *holder, uint8_t first)
{
    assert_int_equal(event->type, EVENT_KEY);
    assert_int_equal(event->operation, operation);
    assert_int_equal(event->key_kind, kind);
    assert_true(id_equal(event->actor, holder));
    assert_int_equal(event->hash[0], first);
}

/* ---- one or none of each kind ---- */

static const struct {
    enum key_kind kind;
    enum resource_kind holder;
} holders[] = {
    {KEY_OPERATOR, RESOURCE_OPERATOR},
    {KEY_DEVICE, RESOURCE_THNG},
    {KEY_APPLICATION, RESOURCE_APPLICATION},
    {KEY_TRUSTED, RESOURCE_APPLICATION},
    {KEY_USER, RESOURCE_USER},
    {KEY_ACCESS_TOKEN, RESOURCE_ACCESS_TOKEN},
};

/* A holder of such a key, in a place that exists; and who may issue the key. */
static struct id plant_holder(struct world *world, const struct people *people, size_t index,
                              struct actor *issuer)
{
    *issuer = holders[index].kind == KEY_USER ? trusted_of(&people->project, &people->application)
                                              : operator_of(OPERATOR_ACCOUNT);
    switch (holders[index].holder) {
    case RESOURCE_USER:
        return people->ann;
    case RESOURCE_APPLICATION:
        return people->application;
    default:
        return plant(world, holders[index].holder, "\"name\":\"h\"", "");
    }
}

static void test_of_each_kind_there_is_one(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    for (size_t i = 0; i < ARRAY_LEN(holders); i++) {
        struct actor issuer;
        enum key_kind kind = holders[i].kind;
        struct id holder = plant_holder(world, &people, i, &issuer);
        struct actor ender = kind == KEY_USER ? user_actor(&people, &people.ann) : issuer;
        assert_int_equal(end(world, ender, kind, &holder), ERR_NOT_FOUND);
        assert_int_equal(issue(world, issuer, kind, &holder), ERR_OK);
        struct event event = first_event(world);
        assert_key_event(&event, OPERATION_CREATED, kind, &holder, 7);
        assert_int_equal(world->answers[0].event, event.sequence);
        assert_int_equal(issue(world, issuer, kind, &holder), ERR_CONFLICT);
        assert_int_equal(end(world, ender, kind, &holder), ERR_OK);
        event = first_event(world);
        assert_key_event(&event, OPERATION_DELETED, kind, &holder, 7);
        assert_int_equal(end(world, ender, kind, &holder), ERR_NOT_FOUND);
        assert_int_equal(issue(world, issuer, kind, &holder), ERR_OK);
    }
}

/* The old one ends with the event that the new one begins with, or neither does. */
static void test_a_key_is_renewed(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct event events[2];
    assert_int_equal(renew(world, KEY_DEVICE, &thng, 1), ERR_OK);
    assert_int_equal(read_events(world, events, 2), 1);
    assert_int_equal(renew(world, KEY_DEVICE, &thng, 2), ERR_OK);
    assert_int_equal(read_events(world, events, 2), 2);
    assert_key_event(&events[0], OPERATION_DELETED, KEY_DEVICE, &thng, 1);
    assert_key_event(&events[1], OPERATION_CREATED, KEY_DEVICE, &thng, 2);
    assert_int_equal(world->answers[0].event, events[1].sequence);
    world->disk_fails = true;
    assert_int_equal(renew(world, KEY_DEVICE, &thng, 3), ERR_READ_ONLY);
}

/* An application has two; each is renewed for itself. */
static void test_the_other_key_stays(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct event events[2];
    assert_int_equal(renew(world, KEY_APPLICATION, &people.application, 1), ERR_OK);
    assert_int_equal(renew(world, KEY_TRUSTED, &people.application, 2), ERR_OK);
    assert_int_equal(renew(world, KEY_APPLICATION, &people.application, 3), ERR_OK);
    assert_int_equal(read_events(world, events, 2), 2);
    assert_key_event(&events[0], OPERATION_DELETED, KEY_APPLICATION, &people.application, 1);
    assert_int_equal(renew(world, KEY_TRUSTED, &people.application, 4), ERR_OK);
    assert_int_equal(read_events(world, events, 2), 2);
    assert_key_event(&events[0], OPERATION_DELETED, KEY_TRUSTED, &people.application, 2);
    assert_key_event(&events[1], OPERATION_CREATED, KEY_TRUSTED, &people.application, 4);
}

static void test_a_key_that_was_loaded_is_renewed(void **state)
{
    struct world *world = *state;
    struct id token = plant(world, RESOURCE_ACCESS_TOKEN, "\"name\":\"t\"", "");
    struct command_batch *batch = batch_of(4096);
    key_in(batch, COMMAND_KEY_CREATE, KEY_ACCESS_TOKEN, &token, 2)->as.key.replaces = true;
    run(world, batch);
    world->loads[0]->keys[world->loads[0]->key_count++] =
        (struct head_key){.kind = KEY_ACCESS_TOKEN, .hash = {9}};
    answer_load(world);
    struct event events[2];
    assert_int_equal(read_events(world, events, 2), 2);
    assert_key_event(&events[0], OPERATION_DELETED, KEY_ACCESS_TOKEN, &token, 9);
    assert_key_event(&events[1], OPERATION_CREATED, KEY_ACCESS_TOKEN, &token, 2);
}

static void test_a_deletion_ends_all_keys(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    assert_int_equal(renew(world, KEY_APPLICATION, &people.application, 1), ERR_OK);
    assert_int_equal(renew(world, KEY_TRUSTED, &people.application, 2), ERR_OK);
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_APPLICATION, &people.application, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct event events[3];
    assert_int_equal(read_events(world, events, 3), 3);
    assert_int_equal(events[0].type, EVENT_DOCUMENT);
    assert_key_event(&events[1], OPERATION_DELETED, KEY_APPLICATION, &people.application, 1);
    assert_key_event(&events[2], OPERATION_DELETED, KEY_TRUSTED, &people.application, 2);
}

/* ---- who may ---- */

static void test_who_may_issue_a_device_key(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id elsewhere = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    char scopes[120];
    scopes_of_user(scopes, &people.ann, &people.project);
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes);
    struct actor public = trusted_of(&people.project, &people.application);
    public.kind = ACTOR_APPLICATION;
    const struct perm_rights reads = rights_on("/thngs", "r");
    const struct {
        struct actor actor;
        enum err_code expected;
    } cases[] = {
        {operator_of(OPERATOR_ACCOUNT), ERR_OK},
        {operator_of(OPERATOR_ACCOUNT + 1), ERR_NOT_FOUND},
        {trusted_of(&people.project, &people.application), ERR_OK},
        {trusted_of(&elsewhere, &people.application), ERR_NOT_FOUND},
        {public, ERR_DENIED},
        {device_of(&thng), ERR_DENIED},
        {base_user(world, &people, &people.ann), ERR_OK},
        {base_user(world, &people, &people.bob), ERR_NOT_FOUND},
        {user_with(world, &people, &people.ann, reads, NULL, reads), ERR_DENIED},
        {limited_operator(world, &people.project, &elsewhere), ERR_DENIED},
        {limited_operator(world, &elsewhere, &people.project), ERR_OK},
        {token_with(world, "thngs:update"), ERR_OK},
        {token_with(world, "thngs:create,read,list,delete"), ERR_DENIED},
        {(struct actor){0}, ERR_CREDENTIAL_MISSING},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(issue(world, cases[i].actor, KEY_DEVICE, &thng), cases[i].expected);
        enum err_code code = end(world, cases[i].actor, KEY_DEVICE, &thng);
        assert_int_equal(code, cases[i].expected);
    }
}

static enum err_code log_in(struct world *world, struct actor actor, const struct id *application,
                            const struct id *user)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = key_in(batch, COMMAND_KEY_CREATE, KEY_USER, user, 1);
    command->actor = actor;
    command->as.key.parent = *application;
    enum err_code code = outcome(world, batch);
    if (code == ERR_OK) {
        assert_int_equal(end(world,
                             (struct actor){.kind = ACTOR_USER,
                                            .account = OPERATOR_ACCOUNT,
                                            .id = *user,
                                            .project = actor.project},
                             KEY_USER, user),
                         ERR_OK);
    }
    return code;
}

/* A user is logged in by its own application, and by no other of its project. */
static void test_who_may_log_in_a_user(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id other = plant(world, RESOURCE_APPLICATION, "\"name\":\"b\"", "");
    world->planted[world->planted_count - 1].parent = people.project;
    struct id elsewhere = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    struct actor own = trusted_of(&people.project, &people.application);
    struct actor public = own;
    public.kind = ACTOR_APPLICATION;
    const struct {
        struct actor actor;
        const struct id *application;
        enum err_code expected;
    } cases[] = {
        {own, &people.application, ERR_OK},
        {public, &people.application, ERR_OK},
        {trusted_of(&people.project, &other), &other, ERR_NOT_FOUND},
        {trusted_of(&elsewhere, &other), &people.application, ERR_NOT_FOUND},
        {operator_of(OPERATOR_ACCOUNT), &people.application, ERR_DENIED},
        {base_user(world, &people, &people.ann), &people.application, ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(log_in(world, cases[i].actor, cases[i].application, &people.ann),
                         cases[i].expected);
    }
}

/* Whatever its role is, a user ends its own key, and nobody else's. */
static void test_a_user_logs_out(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct actor own = trusted_of(&people.project, &people.application);
    const struct perm_rights none = {{0}};
    struct actor ann = user_with(world, &people, &people.ann, none, NULL, none);
    assert_int_equal(issue(world, own, KEY_USER, &people.ann), ERR_OK);
    assert_int_equal(issue(world, own, KEY_USER, &people.bob), ERR_OK);
    assert_int_equal(end(world, own, KEY_USER, &people.ann), ERR_DENIED);
    assert_int_equal(end(world, operator_of(OPERATOR_ACCOUNT), KEY_USER, &people.ann), ERR_DENIED);
    assert_int_equal(end(world, ann, KEY_USER, &people.bob), ERR_NOT_FOUND);
    assert_int_equal(end(world, ann, KEY_USER, &people.ann), ERR_OK);
    assert_int_equal(end(world, ann, KEY_USER, &people.ann), ERR_NOT_FOUND);
}

static void test_who_may_renew_keys_of_the_account(void **state)
{
    struct world *world = *state;
    struct people people = plant_people(world);
    struct id elsewhere = plant(world, RESOURCE_PROJECT, "\"name\":\"q\"", "");
    struct id person = plant(world, RESOURCE_OPERATOR, "\"email\":\"o@x.net\"", "");
    struct id token = plant(world, RESOURCE_ACCESS_TOKEN, "\"name\":\"t\"", "");
    struct actor reads = limited_operator(world, &people.project, &elsewhere);
    struct actor changes = limited_operator(world, &elsewhere, &people.project);
    struct actor own = trusted_of(&people.project, &people.application);
    const struct {
        struct actor actor;
        enum key_kind kind;
        const struct id *holder;
        enum err_code expected;
    } cases[] = {
        {reads, KEY_OPERATOR, &person, ERR_DENIED},
        {own, KEY_OPERATOR, &person, ERR_DENIED},
        {token_with(world, "operatorAccess:read"), KEY_OPERATOR, &person, ERR_DENIED},
        {token_with(world, "operatorAccess:update"), KEY_OPERATOR, &person, ERR_OK},
        {reads, KEY_TRUSTED, &people.application, ERR_DENIED},
        {changes, KEY_TRUSTED, &people.application, ERR_OK},
        {own, KEY_TRUSTED, &people.application, ERR_DENIED},
        {token_with(world, "applications:update"), KEY_APPLICATION, &people.application, ERR_OK},
        {changes, KEY_ACCESS_TOKEN, &token, ERR_DENIED},
        {token_with(world, "accessTokens:update"), KEY_ACCESS_TOKEN, &token, ERR_OK},
        /* What has such a key is of one kind only. */
        {operator_of(OPERATOR_ACCOUNT), KEY_OPERATOR, &token, ERR_NOT_FOUND},
        {operator_of(OPERATOR_ACCOUNT), KEY_DEVICE, &people.ann, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(issue(world, cases[i].actor, cases[i].kind, cases[i].holder),
                         cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_of_each_kind_there_is_one),
        T(test_a_key_is_renewed),
        T(test_the_other_key_stays),
        T(test_a_key_that_was_loaded_is_renewed),
        T(test_a_deletion_ends_all_keys),
        T(test_who_may_issue_a_device_key),
        T(test_who_may_log_in_a_user),
        T(test_a_user_logs_out),
        T(test_who_may_renew_keys_of_the_account),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
