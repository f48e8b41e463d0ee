/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: update. What is merged, what goes because it has been deleted elsewhere, and who may
 * name what. */
#include "unit/engine/accounts_fixture.h"

/* The code of an update by <actor> that names that product; NULL: none. */
static enum err_code update_product(struct world *world, const struct id *thng, struct actor actor,
                                    const struct id *product)
{
    struct command_batch *batch = batch_of(4096);
    const struct document_reference *reference = NULL;
    if (product != NULL) {
        reference = reference_in(batch, RESOURCE_PRODUCT, product);
    }
    struct command *command = update_in(batch, RESOURCE_THNG, thng, 1);
    command->actor = actor;
    command->as.update.references = reference;
    command->as.update.reference_count = product != NULL;
    return outcome(world, batch);
}

static struct id plant_thng_of(struct world *world, const struct id *product)
{
    char members[100];
    (void)snprintf(members, sizeof(members), "\"name\":\"t\",\"product\":\"%.24s\"", product->text);
    return plant(world, RESOURCE_THNG, members, "");
}

static bool last_names_product(struct world *world)
{
    struct id product;
    return document_id(first_event(world).text, SLICE("product"), &product);
}

static void test_deleted_product_goes_with_the_next_update(void **state)
{
    struct world *world = *state;
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct id thng = plant_thng_of(world, &product);
    struct id gone = id_generate(&world->rand, 1);
    struct id orphan = plant_thng_of(world, &gone);
    assert_int_equal(update_product(world, &thng, operator_of(OPERATOR_ACCOUNT), NULL), ERR_OK);
    assert_true(last_names_product(world));
    assert_int_equal(update_product(world, &orphan, operator_of(OPERATOR_ACCOUNT), NULL), ERR_OK);
    assert_false(last_names_product(world));
    char expected[200];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1700000000000,\"name\":\"u\"}",
                   orphan.text);
    assert_text(first_event(world).text, expected);
    /* At once, not when the documents have come to show it. */
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_PRODUCT, &product, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    assert_int_equal(update_product(world, &thng, operator_of(OPERATOR_ACCOUNT), NULL), ERR_OK);
    assert_false(last_names_product(world));
}

/* Clients send back what they have read: a product that was there already need not be seen, but it
 * must exist. */
static void test_what_is_unchanged_need_not_be_seen(void **state)
{
    struct world *world = *state;
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct id other = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", "");
    struct id gone = id_generate(&world->rand, 1);
    struct id thng = plant_thng_of(world, &product);
    struct id orphan = plant_thng_of(world, &gone);
    struct actor device = device_of(&thng);
    assert_int_equal(update_product(world, &thng, device, &product), ERR_OK);
    assert_int_equal(update_product(world, &thng, device, &other), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(update_product(world, &thng, operator_of(OPERATOR_ACCOUNT), &other), ERR_OK);
    assert_int_equal(update_product(world, &orphan, operator_of(OPERATOR_ACCOUNT), &gone),
                     ERR_REFERENCE_UNKNOWN);
}

static void test_dangling_parent_place_can_be_sent_back(void **state)
{
    struct world *world = *state;
    struct id gone = id_generate(&world->rand, 1);
    struct id unknown = id_generate(&world->rand, 1);
    char members[100];
    (void)snprintf(members, sizeof(members), "\"parentPlace\":\"%.24s\"", gone.text);
    struct id place = plant(world, RESOURCE_PLACE, members, "");
    const struct id *const named[] = {&gone, &unknown};
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        struct command_batch *batch = batch_of(4096);
        const struct document_reference *reference = reference_in(batch, RESOURCE_PLACE, named[i]);
        struct command *command = update_in(batch, RESOURCE_PLACE, &place, 1);
        command->as.update.references = reference;
        command->as.update.reference_count = 1;
        assert_int_equal(outcome(world, batch), i == 0 ? ERR_OK : ERR_REFERENCE_UNKNOWN);
    }
}

static void test_built_in_types_stay_as_they_are(void **state)
{
    struct world *world = *state;
    struct id built_in = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("scans"));
    struct id unknown = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_none"));
    const struct {
        const struct id *type;
        enum actor_kind actor;
        enum err_code updated;
        enum err_code deleted;
    } cases[] = {
        {&built_in, ACTOR_OPERATOR, ERR_BUILT_IN, ERR_BUILT_IN},
        {&unknown, ACTOR_OPERATOR, ERR_NOT_FOUND, ERR_NOT_FOUND},
        {&built_in, ACTOR_TRUSTED, ERR_DENIED, ERR_BUILT_IN},
        {&built_in, ACTOR_DEVICE, ERR_DENIED, ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        update_in(batch, RESOURCE_ACTION_TYPE, cases[i].type, 1)->actor.kind = cases[i].actor;
        assert_int_equal(outcome(world, batch), cases[i].updated);
        batch = batch_of(4096);
        removal_in(batch, RESOURCE_ACTION_TYPE, cases[i].type, 1)->actor.kind = cases[i].actor;
        assert_int_equal(outcome(world, batch), cases[i].deleted);
    }
}

/* Where an application lies, and that it is gone with its project. */
static void test_applications_lie_in_their_project(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct id other = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct id application = plant(world, RESOURCE_APPLICATION, "\"name\":\"a\"", "");
    world->planted[world->planted_count - 1].parent = project;
    struct id sibling = plant(world, RESOURCE_APPLICATION, "\"name\":\"a\"", "");
    world->planted[world->planted_count - 1].parent = project;
    struct actor owner = operator_of(OPERATOR_ACCOUNT);
    struct actor own = trusted_of(&project, &application);
    struct actor public = own;
    public.kind = ACTOR_APPLICATION;
    const struct {
        struct actor actor;
        const struct id *target;
        const struct id *parent;
        enum err_code expected;
    } cases[] = {
        {owner, &application, &project, ERR_OK},  {owner, &application, &other, ERR_NOT_FOUND},
        {own, &application, NULL, ERR_OK},        {own, &sibling, NULL, ERR_NOT_FOUND},
        {public, &application, NULL, ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = update_in(batch, RESOURCE_APPLICATION, cases[i].target, 1);
        command->actor = cases[i].actor;
        command->refusal = cases[i].expected == ERR_OK ? ERR(OK) : ERR(FIELD_INVALID);
        if (cases[i].parent != NULL) {
            command->as.update.parent = *cases[i].parent;
        }
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
    struct command_batch *batch = batch_of(8192);
    removal_in(batch, RESOURCE_PROJECT, &project, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    batch = batch_of(4096);
    update_in(batch, RESOURCE_APPLICATION, &application, 1);
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
}

/* What is hidden stays, and stays last. */
static void test_hidden_member_survives(void **state)
{
    struct world *world = *state;
    struct id thng = plant(world, RESOURCE_THNG,
                           "\"name\":\"t\",\"commissioning\":{\"state\":\"commissioned\"}", "");
    struct command_batch *batch = batch_of(4096);
    update_in(batch, RESOURCE_THNG, &thng, 1)->as.update.patch = SLICE("\"tags\":[\"x\"]");
    assert_int_equal(outcome(world, batch), ERR_OK);
    char expected[250];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1700000000000,\"name\":\"t\","
                   "\"tags\":[\"x\"],\"commissioning\":{\"state\":\"commissioned\"}}",
                   thng.text);
    assert_text(first_event(world).text, expected);
}

/* ---- users ---- */

/* Validating a user gives it a key, once. */
static void test_a_key_comes_with_an_update_once(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct home other = plant_home(world, "none");
    struct id user = plant_user(world, &home, "a@x.net", "inactive");
    static const struct command_key key = {
        .kind = KEY_USER, .hash = {4}, .sealed = SLICE_INIT("s")};
    for (size_t i = 0; i < 3; i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = patch_in(
            batch, RESOURCE_USER, &user, "\"credentials\":{\"status\":\"active\"},\"phone\":\"1\"");
        command->actor = application_of(&home);
        command->subject = PERM_SIGN_UP;
        command->operation = PERM_CREATE;
        command->as.update.key = &key;
        command->as.update.parent = i == 0 ? other.application : home.application;
        assert_int_equal(outcome(world, batch), i == 0 ? ERR_NOT_FOUND : ERR_OK);
        if (i == 0) {
            continue;
        }
        struct event events[3];
        assert_int_equal(read_events(world, events, 3), i == 1 ? 2 : 1);
        assert_int_equal(world->answers[0].event, events[0].sequence);
        char expected[300];
        (void)snprintf(expected, sizeof(expected),
                       "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1700000000000,"
                       "\"role\":\"base_app_user\",\"email\":\"a@x.net\",\"phone\":\"1\","
                       "\"credentials\":{\"status\":\"active\"}}",
                       user.text);
        assert_text(events[0].text, expected);
        if (i == 1) {
            assert_int_equal(events[1].type, EVENT_KEY);
            assert_int_equal(events[1].key_kind, KEY_USER);
            assert_int_equal(events[1].hash[0], 4);
        }
    }
}

/* A user gives itself no role, and is not shown to others. */
static void test_users_change_what_is_theirs(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct id user = plant_user(world, &home, "a@x.net", "active");
    struct id ghost = plant_user(world, &home, "b@x.net", "anonymous");
    struct id unknown = id_generate(&world->rand, 1);
    const struct {
        struct actor actor;
        const struct id *target;
        const char *role;
        const char *email;
    } cases[] = {
        {user_of(&home, &user), &user, "\"base_app_user\"", "\"c@x.net\""},
        {user_of(&home, &ghost), &ghost, "\"base_app_user\"", "\"b@x.net\""},
        {operator_of(OPERATOR_ACCOUNT), &ghost, "\"none\"", "\"b@x.net\""},
        {operator_of(OPERATOR_ACCOUNT), &user, "\"none\"", "\"c@x.net\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        const struct document_reference *reference = reference_in(batch, RESOURCE_ROLE, &unknown);
        struct command *command =
            patch_in(batch, RESOURCE_USER, cases[i].target,
                     "\"role\":\"none\",\"email\":\"c@x.net\",\"phone\":\"2\"");
        command->actor = cases[i].actor;
        command->as.update.scopes = SLICE(ALL_SCOPES);
        if (i < 2) { /* what does not count need not be there */
            command->as.update.references = reference;
            command->as.update.reference_count = 1;
        }
        assert_int_equal(outcome(world, batch), ERR_OK);
        assert_text(member_of_event(world, 0, "role"), cases[i].role);
        assert_text(member_of_event(world, 0, "email"), cases[i].email);
        assert_text(member_of_event(world, 0, "phone"), "\"2\"");
        char scopes[120];
        (void)snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}",
                       cases[i].target->text, home.project.text);
        assert_text(first_event(world).scopes, scopes);
    }
}

/* Also of an anonymous one, whose email stays, a role that others give must be there. */
static void test_roles_of_anonymous_users_are_looked_at(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct id ghost = plant_user(world, &home, "b@x.net", "anonymous");
    struct id roles[] = {plant_role(world, "o", "operator"), plant_role(world, "u", "userInApp")};
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        struct command_batch *batch = batch_of(4096);
        const struct document_reference *reference = reference_in(batch, RESOURCE_ROLE, &roles[i]);
        struct command *command = update_in(batch, RESOURCE_USER, &ghost, 1);
        command->as.update.references = reference;
        command->as.update.reference_count = 1;
        assert_int_equal(outcome(world, batch), i == 0 ? ERR_REFERENCE_UNKNOWN : ERR_OK);
    }
}

/* ---- operators, tokens, policies ---- */

static void test_operators_give_themselves_no_rights(void **state)
{
    struct world *world = *state;
    struct id self = plant(world, RESOURCE_OPERATOR, "\"role\":\"none\"", "");
    struct id unknown = id_generate(&world->rand, 1);
    struct command_batch *batch = batch_of(4096);
    const struct document_reference *reference =
        reference_in(batch, RESOURCE_ACCESS_POLICY, &unknown);
    struct command *command =
        patch_in(batch, RESOURCE_OPERATOR, &self,
                 "\"role\":\"admin\",\"policies\":[],\"conditions\":[],\"firstName\":\"f\"");
    command->subject = PERM_OPERATORS;
    command->operation = PERM_UPDATE;
    command->as.update.references = reference;
    command->as.update.reference_count = 1;
    assert_int_equal(outcome(world, batch), ERR_OK);
    char expected[200];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1700000000000,"
                   "\"role\":\"none\",\"firstName\":\"f\"}",
                   self.text);
    assert_text(first_event(world).text, expected);
}

/* Policies and places that have gone may be sent back with the rest, but not be named anew. */
static void test_what_a_token_names_may_be_gone(void **state)
{
    struct world *world = *state;
    struct id policy = id_generate(&world->rand, 1);
    struct id place = id_generate(&world->rand, 1);
    char members[200];
    (void)snprintf(members, sizeof(members),
                   "\"policies\":[\"%.24s\"],\"conditions\":[\"places:%.24s\"]", policy.text,
                   place.text);
    struct id token = plant(world, RESOURCE_ACCESS_TOKEN, members, "");
    const struct {
        enum resource_kind kind;
        const struct id *id;
        enum err_code expected;
    } cases[] = {
        {RESOURCE_ACCESS_POLICY, &policy, ERR_OK},
        {RESOURCE_PLACE, &place, ERR_OK},
        {RESOURCE_ACCESS_POLICY, &place, ERR_REFERENCE_UNKNOWN},
        {RESOURCE_PLACE, &policy, ERR_REFERENCE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        const struct document_reference *reference =
            reference_in(batch, cases[i].kind, cases[i].id);
        struct command *command = update_in(batch, RESOURCE_ACCESS_TOKEN, &token, 1);
        command->as.update.references = reference;
        command->as.update.reference_count = 1;
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

static void test_managed_policies_stay_as_they_are(void **state)
{
    struct world *world = *state;
    struct id managed = plant(world, RESOURCE_ACCESS_POLICY,
                              "\"name\":\"a\",\"permissions\":[],\"managed\":true", "");
    struct id other = plant(world, RESOURCE_ACCESS_POLICY, "\"name\":\"b\",\"permissions\":[]", "");
    struct command_batch *batch = batch_of(4096);
    patch_in(batch, RESOURCE_ACCESS_POLICY, &managed, "\"permissions\":[\"thngs:*\"]");
    assert_int_equal(outcome(world, batch), ERR_BUILT_IN);
    batch = batch_of(4096);
    patch_in(batch, RESOURCE_ACCESS_POLICY, &other, "\"permissions\":[\"thngs:*\"]");
    assert_int_equal(outcome(world, batch), ERR_OK);
}

/* Permissions are a member that only asking for them shows: it stays the last. */
static void test_permissions_of_roles_are_hidden(void **state)
{
    struct world *world = *state;
    struct id role = plant_role(world, "r", "userInApp");
    struct command_batch *batch = batch_of(4096);
    patch_in(batch, RESOURCE_ROLE, &role,
             "\"permissions\":[{\"path\":\"/thngs\",\"access\":\"r\"}],\"description\":\"d\"");
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_ROLE, first_event(world).text, &shown, &hidden);
    assert_text(hidden, "[{\"path\":\"/thngs\",\"access\":\"r\"}]");
    assert_text(first_event(world).scopes, ALL_SCOPES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_deleted_product_goes_with_the_next_update),
        T(test_what_is_unchanged_need_not_be_seen),
        T(test_dangling_parent_place_can_be_sent_back),
        T(test_built_in_types_stay_as_they_are),
        T(test_applications_lie_in_their_project),
        T(test_hidden_member_survives),
        T(test_a_key_comes_with_an_update_once),
        T(test_users_change_what_is_theirs),
        T(test_roles_of_anonymous_users_are_looked_at),
        T(test_operators_give_themselves_no_rights),
        T(test_what_a_token_names_may_be_gone),
        T(test_managed_policies_stay_as_they_are),
        T(test_permissions_of_roles_are_hidden),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
