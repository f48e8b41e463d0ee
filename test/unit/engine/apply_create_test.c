/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: create. What a new one needs, what it brings with it, what speaks against it. */
#include "unit/engine/engine_fixture.h"

static struct command *named_in(struct command_batch *batch, enum resource_kind kind,
                                const char *name, uint64_t request)
{
    struct command *command = creation_in(batch, kind, request);
    command->as.create.name = slice_of_text(name);
    return command;
}

/* ---- names ---- */

static void test_action_types_are_unique_by_name(void **state)
{
    struct world *world = *state;
    struct id kept = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_kept"));
    plant_id(world, RESOURCE_ACTION_TYPE, &kept, "\"name\":\"_kept\"", "");
    struct command_batch *batch = batch_of(1 << 14);
    named_in(batch, RESOURCE_ACTION_TYPE, "_kept", 1);
    named_in(batch, RESOURCE_ACTION_TYPE, "_new", 2);
    named_in(batch, RESOURCE_ACTION_TYPE, "_new", 3);
    named_in(batch, RESOURCE_ACTION_TYPE, "_New", 4);
    run_through(world, batch);
    static const enum err_code expected[] = {ERR_NAME_TAKEN, ERR_OK, ERR_NAME_TAKEN, ERR_OK};
    assert_int_equal(world->answer_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct answer *answer = &world->answers[i];
        assert_int_equal(answer->err.code, expected[answer->token.request - 1]);
    }
    struct id made = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_new"));
    batch = batch_of(4096);
    update_in(batch, RESOURCE_ACTION_TYPE, &made, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
}

/* The name is free again when its resource has gone, and its commands keep their order. */
static void test_names_can_be_used_again(void **state)
{
    struct world *world = *state;
    struct id type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_a"));
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct command_batch *batch = batch_of(1 << 14);
    /* The first waits for its name, then, holding that, for the project. */
    named_in(batch, RESOURCE_ACTION_TYPE, "_a", 1)->project = project;
    removal_in(batch, RESOURCE_ACTION_TYPE, &type, 2);
    named_in(batch, RESOURCE_ACTION_TYPE, "_a", 3);
    named_in(batch, RESOURCE_ACTION_TYPE, "_a", 4);
    run_through(world, batch);
    static const enum err_code expected[] = {ERR_OK, ERR_OK, ERR_OK, ERR_NAME_TAKEN};
    assert_int_equal(world->answer_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(world->answers[i].token.request, i + 1);
        assert_int_equal(world->answers[i].err.code, expected[i]);
    }
    assert_memory_equal(&world->answers[2].created, &type, sizeof(type));
}

static void test_files_are_written_over(void **state)
{
    struct world *world = *state;
    struct id file = id_of_name(OPERATOR_ACCOUNT, RESOURCE_FILE, SLICE("a.txt"));
    plant_id(world, RESOURCE_FILE, &file,
             "\"name\":\"a.txt\",\"type\":\"text/plain\",\"content\":{\"size\":3}", "");
    struct command_batch *batch = batch_of(4096);
    struct command *command = named_in(batch, RESOURCE_FILE, "a.txt", 1);
    command->as.create.members = SLICE("\"name\":\"a.txt\",\"type\":\"text/csv\"");
    assert_int_equal(outcome(world, batch), ERR_OK);
    assert_memory_equal(&world->answers[0].created, &file, sizeof(file));
    struct event event = first_event(world);
    char expected[200];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1,\"updatedAt\":1700000000000,"
                   "\"name\":\"a.txt\",\"type\":\"text/csv\"}",
                   file.text);
    assert_int_equal(event.operation, OPERATION_UPDATED);
    assert_text(event.text, expected);
}

/* ---- parents ---- */

static void test_parent_must_be_there(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct id batch_id = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", "");
    struct id unknown = id_generate(&world->rand, 1);
    const struct {
        enum resource_kind kind;
        const struct id *parent;
        enum err_code expected;
    } cases[] = {
        {RESOURCE_APPLICATION, &project, ERR_OK},
        {RESOURCE_APPLICATION, &batch_id, ERR_NOT_FOUND},
        {RESOURCE_APPLICATION, &unknown, ERR_NOT_FOUND},
        {RESOURCE_TASK, &batch_id, ERR_OK},
        {RESOURCE_TASK, &project, ERR_NOT_FOUND},
        {RESOURCE_TASK, &unknown, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, cases[i].kind, 1);
        command->as.create.parent = *cases[i].parent;
        command->refusal = cases[i].expected == ERR_OK ? ERR(OK) : ERR(FIELD_INVALID);
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

static void test_application_comes_with_its_keys(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    const struct command_key keys[] = {
        {.kind = KEY_APPLICATION, .hash = {1}, .sealed = SLICE("one")},
        {.kind = KEY_TRUSTED, .hash = {2}, .sealed = SLICE("two")},
    };
    struct command_batch *batch = batch_of(4096);
    struct command *command = creation_in(batch, RESOURCE_APPLICATION, 1);
    command->as.create.parent = project;
    command->as.create.keys = keys;
    command->as.create.key_count = ARRAY_LEN(keys);
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct event events[4];
    assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 3);
    char expected[200];
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1700000000000,\"updatedAt\":1700000000000,"
                   "\"project\":\"%.24s\",\"name\":\"t\"}",
                   world->answers[0].created.text, project.text);
    assert_text(events[0].text, expected);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_int_equal(events[i + 1].type, EVENT_KEY);
        assert_int_equal(events[i + 1].operation, OPERATION_CREATED);
        assert_int_equal(events[i + 1].key_kind, keys[i].kind);
        assert_int_equal(events[i + 1].hash[0], keys[i].hash[0]);
        assert_memory_equal(events[i + 1].actor, &world->answers[0].created, ID_BYTES);
        assert_text(events[i + 1].sealed, i == 0 ? "one" : "two");
    }
    assert_int_equal(world->answers[0].event, events[0].sequence);
    assert_int_equal(world->answers[0].after, events[2].sequence);
}

/* ---- tasks ---- */

static void test_tasks_make_no_more_than_the_limit(void **state)
{
    struct world *world = *state;
    struct id batch_id = plant(world, RESOURCE_BATCH, "\"name\":\"b\"", "");
    static const struct {
        const char *members;
        enum err_code expected;
    } cases[] = {
        {"\"progress\":{\"totalAmount\":50}", ERR_OK},
        {"\"progress\":{\"totalAmount\":51}", ERR_FIELD_INVALID},
        {"\"type\":\"SHORT_ID_GENERATION\"", ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_TASK, 1);
        command->as.create.parent = batch_id;
        command->as.create.members = slice_of_text(cases[i].members);
        size_t published = world->published;
        assert_int_equal(outcome(world, batch), cases[i].expected);
        assert_int_equal(world->published > published, cases[i].expected == ERR_OK);
    }
}

/* ---- first values and references ---- */

static void test_first_values_are_silent(void **state)
{
    struct world *world = *state;
    static const enum resource_kind kinds[] = {RESOURCE_THNG, RESOURCE_PRODUCT};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct command_batch *batch = batch_of(4096);
        const struct command_point *point = points_in(batch, SLICE("a"), SLICE("1"));
        struct command *command = creation_in(batch, kinds[i], 1);
        command->as.create.points = point;
        command->as.create.point_count = 1;
        assert_int_equal(outcome(world, batch), ERR_OK);
        struct event events[3];
        assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 2);
        assert_int_equal(events[1].type, EVENT_POINTS);
        assert_int_equal(events[1].kind, kinds[i]);
        assert_int_equal(events[1].flags, POINTS_SILENT);
        assert_int_equal(world->answers[0].event, events[0].sequence);
    }
}

static void test_first_location_by_place(void **state)
{
    struct world *world = *state;
    struct id place = plant(world, RESOURCE_PLACE,
                            "\"latitude\":1.50,\"longitude\":2,"
                            "\"position\":{\"type\":\"Point\",\"coordinates\":[2,1.50]}",
                            "");
    struct id unknown = id_generate(&world->rand, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct command_batch *batch = batch_of(4096);
        struct command_point *point = command_batch_take(batch, sizeof(*point));
        *point = (struct command_point){.value = SLICE("\"place\":\"P\""),
                                        .place = i == 0 ? unknown : place};
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->as.create.points = point;
        command->as.create.point_count = 1;
        assert_int_equal(outcome(world, batch), i == 0 ? ERR_REFERENCE_UNKNOWN : ERR_OK);
    }
    struct event events[2];
    struct point point;
    assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 2);
    assert_true(event_next_point(&events[1], &point));
    assert_text(point.value, "\"latitude\":1.50,\"longitude\":2,\"position\":{\"type\":\"Point\","
                             "\"coordinates\":[2,1.50]},\"place\":\"P\"");
}

static void test_what_is_refused_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct id unknown = id_generate(&world->rand, 1);
    for (unsigned i = 0; i < 4; i++) {
        static const enum err_code expected[] = {ERR_REFERENCE_UNKNOWN, ERR_PROPERTIES_TOO_MANY,
                                                 ERR_FIELD_INVALID, ERR_CREDENTIAL_MISSING};
        struct command_batch *batch = batch_of(8192);
        const struct document_reference *reference =
            reference_in(batch, RESOURCE_PRODUCT, &unknown);
        struct command_point *points = command_batch_take(batch, 5 * sizeof(*points));
        memset(points, 0, 5 * sizeof(*points));
        struct command *command = creation_in(batch, RESOURCE_THNG, 1);
        command->as.create.references = reference;
        command->as.create.reference_count = i == 0;
        command->as.create.points = points;
        command->as.create.point_count = i == 1 ? 5 : 0;
        command->refusal = i == 2 ? ERR(FIELD_INVALID) : ERR(OK);
        command->actor.kind = i == 3 ? ACTOR_NONE : ACTOR_OPERATOR;
        assert_int_equal(outcome(world, batch), expected[i]);
        assert_int_equal(world->published, 0);
    }
}

static void test_rights_are_those_of_the_kind(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    struct id application = id_generate(&world->rand, 1);
    struct actor trusted = trusted_of(&project, &application);
    static const struct {
        enum resource_kind kind;
        enum err_code expected;
    } cases[] = {
        {RESOURCE_THNG, ERR_OK},        {RESOURCE_PRODUCT, ERR_OK},
        {RESOURCE_COLLECTION, ERR_OK},  {RESOURCE_PLACE, ERR_OK},
        {RESOURCE_PROJECT, ERR_DENIED}, {RESOURCE_APPLICATION, ERR_DENIED},
        {RESOURCE_BATCH, ERR_DENIED},   {RESOURCE_TASK, ERR_DENIED},
        {RESOURCE_FILE, ERR_DENIED},    {RESOURCE_ACTION_TYPE, ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = named_in(batch, cases[i].kind, "_n", 1);
        command->actor = trusted;
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_action_types_are_unique_by_name), T(test_names_can_be_used_again),
        T(test_files_are_written_over),          T(test_parent_must_be_there),
        T(test_application_comes_with_its_keys), T(test_tasks_make_no_more_than_the_limit),
        T(test_first_values_are_silent),         T(test_first_location_by_place),
        T(test_what_is_refused_leaves_nothing),  T(test_rights_are_those_of_the_kind),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
