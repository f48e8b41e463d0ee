/* SPDX-License-Identifier: Apache-2.0
 *
 * Commissioning: a thng's state and the action that tells of it, both or none. */
#include "mirror_fixture.h"

#include "model/property.h"

static enum err_code commission(struct mirror *mirror, const struct id *thng,
                                const struct id *product)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_COMMISSION, 1);
    command->target = *thng;
    command->target_kind = RESOURCE_THNG;
    command->as.commission.action.timestamp_ms = 5;
    command->as.commission.action.location = SLICE("\"latitude\":7,\"longitude\":8");
    command->as.commission.action.members = SLICE("\"purchaseOrder\":\"p1\"");
    command->as.commission.occurred_at = SLICE("2026-01-02T03:04:05Z");
    command->as.commission.is_decommission = product == NULL;
    command->as.commission.action.product = product != NULL ? *product : (struct id){0};
    return mirror_outcome(mirror, batch);
}

static struct slice hidden_of(struct mirror *mirror, const struct id *thng)
{
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_THNG, mirror_json(mirror, thng).text, &shown, &hidden);
    return hidden;
}

static void assert_action(struct mirror *mirror, const char *type, const struct id *thng,
                          const struct id *product)
{
    struct json_value action = mirror_json(mirror, &mirror->world.answers[0].created);
    assert_json(json_member(action, SLICE("type")), type);
    assert_json(json_member(action, SLICE("timestamp")), "5");
    assert_json(json_member(action, SLICE("purchaseOrder")), "\"p1\"");
    assert_true(json_string_equals(json_member(action, SLICE("thng")), id_slice(thng)));
    assert_true(json_string_equals(json_member(action, SLICE("product")), id_slice(product)));
}

static void test_a_thng_is_commissioned_and_decommissioned(void **state)
{
    struct mirror *mirror = *state;
    struct id thng = create_thng(&mirror->world);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    assert_int_equal(commission(mirror, &thng, &product), ERR_OK);
    struct event events[2];
    assert_int_equal(read_events(&mirror->world, events, 2), 2);
    assert_true(id_equal(events[0].resource, &thng));
    assert_int_equal(events[1].kind, RESOURCE_ACTION);
    assert_int_equal(mirror->world.answers[0].event, events[1].sequence);
    assert_action(mirror, "\"commissions\"", &thng, &product);
    assert_text(hidden_of(mirror, &thng),
                "{\"state\":\"commissioned\",\"occurredAt\":\"2026-01-02T03:04:05Z\"}");
    struct json_value document = mirror_json(mirror, &thng);
    assert_true(json_string_equals(json_member(document, SLICE("product")), id_slice(&product)));

    assert_int_equal(commission(mirror, &thng, NULL), ERR_OK);
    assert_action(mirror, "\"decommissions\"", &thng, &product);
    assert_text(hidden_of(mirror, &thng),
                "{\"state\":\"decommissioned\",\"occurredAt\":\"2026-01-02T03:04:05Z\"}");
    document = mirror_json(mirror, &thng);
    assert_int_equal(json_member(document, SLICE("product")).type, JSON_NONE);
    assert_int_equal(commission(mirror, &thng, &product), ERR_OK); /* again */
}

static void test_the_state_must_allow_it(void **state)
{
    struct mirror *mirror = *state;
    struct id thng = create_thng(&mirror->world);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    assert_int_equal(commission(mirror, &thng, NULL), ERR_COMMISSION_STATE);
    assert_int_equal(commission(mirror, &thng, &product), ERR_OK);
    uint64_t before = mirror->last_sequence;
    assert_int_equal(commission(mirror, &thng, &product), ERR_COMMISSION_STATE);
    assert_int_equal(mirror->last_sequence, before);
}

/* What is unknown comes before what is in conflict. */
static void test_what_it_names_must_exist(void **state)
{
    struct mirror *mirror = *state;
    struct id thng = create_thng(&mirror->world);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct id nobody = id_generate(&mirror->world.rand, 1);
    assert_int_equal(commission(mirror, &nobody, &product), ERR_NOT_FOUND);
    assert_int_equal(commission(mirror, &thng, &nobody), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(commission(mirror, &thng, &thng), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(commission(mirror, &thng, &product), ERR_OK);
    assert_int_equal(commission(mirror, &thng, &nobody), ERR_REFERENCE_UNKNOWN);
}

static void test_only_operators_may(void **state)
{
    struct mirror *mirror = *state;
    struct id thng = create_thng(&mirror->world);
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_COMMISSION, 1);
    command->actor = device_of(&thng);
    command->target = thng;
    command->target_kind = RESOURCE_THNG;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_DENIED);
}

/* A change of the thng leaves the state where it is. */
static void test_the_state_outlives_updates(void **state)
{
    struct mirror *mirror = *state;
    struct id thng = create_thng(&mirror->world);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    assert_int_equal(commission(mirror, &thng, &product), ERR_OK);
    struct command_batch *batch = batch_of(4096);
    struct command *update = command_in(batch, COMMAND_UPDATE, 1);
    update->target = thng;
    update->target_kind = RESOURCE_THNG;
    update->as.update.patch = SLICE("\"description\":\"d\"");
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    mirror_crash(mirror);
    assert_int_equal(commission(mirror, &thng, &product), ERR_COMMISSION_STATE);
    assert_int_equal(commission(mirror, &thng, NULL), ERR_OK);
    assert_json(json_member(mirror_json(mirror, &thng), SLICE("description")), "\"d\"");
}

#define WITH_MIRROR(test) cmocka_unit_test_setup_teardown(test, mirror_setup, mirror_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_a_thng_is_commissioned_and_decommissioned),
        WITH_MIRROR(test_the_state_must_allow_it),
        WITH_MIRROR(test_what_it_names_must_exist),
        WITH_MIRROR(test_only_operators_may),
        WITH_MIRROR(test_the_state_outlives_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
