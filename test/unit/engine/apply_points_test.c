/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of products, and locations that say where by a place. */
#include "unit/engine/engine_fixture.h"

#define POSITION                                                          \
    "\"latitude\":1.50,\"longitude\":2,\"position\":{\"type\":\"Point\"," \
    "\"coordinates\":[2,1.50]}"

static void test_rights_are_those_of_the_path(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct id application = id_generate(&world->rand, 1);
    char scopes[120];
    scopes_of_project(scopes, &project);
    struct id product = plant(world, RESOURCE_PRODUCT, "\"name\":\"p\"", scopes);
    struct id thng = plant(world, RESOURCE_THNG, "\"name\":\"t\"", scopes);
    static const struct {
        enum actor_kind actor;
        enum resource_kind kind;
        enum err_code written;
        enum err_code cut;
    } cases[] = {
        {ACTOR_TRUSTED, RESOURCE_PRODUCT, ERR_OK, ERR_OK},
        {ACTOR_APPLICATION, RESOURCE_PRODUCT, ERR_DENIED, ERR_DENIED},
        {ACTOR_TRUSTED, RESOURCE_THNG, ERR_OK, ERR_OK},
        {ACTOR_APPLICATION, RESOURCE_THNG, ERR_DENIED, ERR_DENIED},
        {ACTOR_DEVICE, RESOURCE_PRODUCT, ERR_DENIED, ERR_DENIED},
        {ACTOR_DEVICE, RESOURCE_THNG, ERR_NOT_FOUND, ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (unsigned is_cut = 0; is_cut < 2; is_cut++) {
            const struct id *target = cases[i].kind == RESOURCE_PRODUCT ? &product : &thng;
            struct command_batch *batch = batch_of(4096);
            add_points(batch, target, SLICE("a"), 1);
            struct command *command = batch->first;
            if (is_cut) {
                command->kind = COMMAND_CUT;
                memset(&command->as, 0, sizeof(command->as));
                command->as.cut.all = true;
            }
            command->target_kind = cases[i].kind;
            command->actor = trusted_of(&project, &application);
            command->actor.kind = cases[i].actor;
            assert_int_equal(outcome(world, batch), is_cut ? cases[i].cut : cases[i].written);
        }
    }
}

/* A thng's path does not lead to a product, nor the other way round. */
static void test_target_must_be_of_the_kind(void **state)
{
    struct world *world = *state;
    struct id product = create(world, RESOURCE_PRODUCT);
    struct id thng = create_thng(world);
    const struct id *const targets[] = {&product, &thng};
    static const enum resource_kind kinds[] = {RESOURCE_PRODUCT, RESOURCE_THNG};
    for (unsigned i = 0; i < 4; i++) {
        struct command_batch *batch = batch_of(4096);
        add_points(batch, targets[i / 2], SLICE("a"), 1);
        batch->first->target_kind = kinds[i % 2];
        assert_int_equal(outcome(world, batch), i / 2 == i % 2 ? ERR_OK : ERR_NOT_FOUND);
    }
}

/* Locations of a thng: by a place with a position, by itself, by a place without one. */
static void test_coordinates_come_from_the_place(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct id here = plant(world, RESOURCE_PLACE, POSITION, "");
    struct id nowhere = plant(world, RESOURCE_PLACE, "\"name\":\"n\"", "");
    struct command_batch *batch = batch_of(4096);
    struct command_point *points = command_batch_take(batch, 3 * sizeof(*points));
    memset(points, 0, 3 * sizeof(*points));
    points[0].value = SLICE("\"place\":\"A\"");
    points[0].place = here;
    points[1].value = SLICE("\"latitude\":3,\"longitude\":4");
    points[2].value = SLICE("\"place\":\"B\"");
    points[2].place = nowhere;
    struct command *command = command_in(batch, COMMAND_POINTS, 1);
    command->target = thng;
    command->target_kind = RESOURCE_THNG;
    command->as.points.at = points;
    command->as.points.count = 3;
    command->as.points.location = true;
    run(world, batch);
    assert_int_equal(world->load_count, 2); /* side by side */
    answer_loads(world);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
    static const char *const expected[] = {
        POSITION ",\"place\":\"A\"",
        "\"latitude\":3,\"longitude\":4",
        "\"place\":\"B\"",
    };
    struct event event = first_event(world);
    struct point point;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(event_next_point(&event, &point));
        assert_text(point.value, expected[i]);
    }
}

static void test_unknown_place_is_refused(void **state)
{
    struct world *world = *state;
    struct id thng = create_thng(world);
    struct id here = plant(world, RESOURCE_PLACE, POSITION, "");
    struct id product = create(world, RESOURCE_PRODUCT);
    size_t published = world->published;
    const struct id *const places[] = {&here, &product};
    struct command_batch *batch = batch_of(4096);
    struct command_point *points = command_batch_take(batch, 2 * sizeof(*points));
    for (unsigned i = 0; i < 2; i++) {
        points[i] = (struct command_point){.value = SLICE("\"place\":\"A\""), .place = *places[i]};
    }
    struct command *command = command_in(batch, COMMAND_POINTS, 1);
    command->target = thng;
    command->target_kind = RESOURCE_THNG;
    command->as.points.at = points;
    command->as.points.count = 2;
    command->as.points.location = true;
    assert_int_equal(outcome(world, batch), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(world->published, published);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_rights_are_those_of_the_path),
        T(test_target_must_be_of_the_kind),
        T(test_coordinates_come_from_the_place),
        T(test_unknown_place_is_refused),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
