/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: update. What is merged, what goes because it has been deleted elsewhere, and who may
 * name what. */
#include "unit/engine/engine_fixture.h"

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
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
