/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: create. What a new one needs, what it brings with it, what speaks against it. */
#include "unit/engine/accounts_fixture.h"

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

/* ---- users ---- */

static void test_user_lies_in_its_application(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    static const struct command_key key = {
        .kind = KEY_USER, .hash = {4}, .sealed = SLICE_INIT("s")};
    struct command_batch *batch = batch_of(4096);
    struct command *command =
        sign_up_in(batch, &home, "\"email\":\"a@x.net\",\"credentials\":{}", 1);
    command->as.create.keys = &key;
    command->as.create.key_count = 1;
    command->as.create.scopes = SLICE(ALL_SCOPES);
    assert_int_equal(outcome(world, batch), ERR_OK);
    struct event events[4];
    assert_int_equal(read_events(world, events, ARRAY_LEN(events)), 3);
    char expected[400];
    const char *user = world->answers[0].created.text;
    (void)snprintf(expected, sizeof(expected),
                   "{\"id\":\"%.24s\",\"createdAt\":1700000000000,\"updatedAt\":1700000000000,"
                   "\"app\":\"%.24s\",\"project\":\"%.24s\",\"role\":\"none\","
                   "\"email\":\"a@x.net\",\"credentials\":{}}",
                   user, home.application.text, home.project.text);
    assert_text(events[0].text, expected);
    (void)snprintf(expected, sizeof(expected), "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}",
                   user, home.project.text);
    assert_text(events[0].scopes, expected);
    assert_int_equal(events[1].kind, RESOURCE_NAME);
    assert_int_equal(events[2].type, EVENT_KEY);
    assert_int_equal(events[2].key_kind, KEY_USER);
    assert_memory_equal(events[2].actor, user, ID_BYTES);
    assert_int_equal(world->answers[0].event, events[0].sequence);
}

static void test_users_sign_up_with_their_application(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct home other = plant_home(world, "none");
    struct id user = plant_user(world, &home, "u@x.net", "active");
    const struct {
        struct actor actor;
        enum err_code expected;
    } cases[] = {
        {application_of(&home), ERR_OK},
        {trusted_of(&home.project, &home.application), ERR_OK},
        {application_of(&other), ERR_NOT_FOUND},
        {operator_of(OPERATOR_ACCOUNT), ERR_DENIED},
        {user_of(&home, &user), ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char email[40];
        (void)snprintf(email, sizeof(email), "\"email\":\"%zu@x.net\"", i);
        struct command_batch *batch = batch_of(4096);
        sign_up_in(batch, &home, email, 1)->actor = cases[i].actor;
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
    /* Without its project there is no application. */
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_PROJECT, &home.project, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    batch = batch_of(4096);
    sign_up_in(batch, &home, "\"email\":\"z@x.net\"", 1);
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
}

static void test_users_get_the_role_of_their_application(void **state)
{
    struct world *world = *state;
    struct id role = plant_role(world, "u", "userInApp");
    struct id gone = id_generate(&world->rand, 1);
    char texts[3][40] = {"base_app_user"};
    (void)snprintf(texts[1], sizeof(texts[1]), "%.24s", role.text);
    (void)snprintf(texts[2], sizeof(texts[2]), "%.24s", gone.text);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct home home = plant_home(world, texts[i]);
        struct command_batch *batch = batch_of(4096);
        sign_up_in(batch, &home, "\"email\":\"a@x.net\"", 1);
        assert_int_equal(outcome(world, batch), ERR_OK);
        char expected[130];
        (void)snprintf(expected, sizeof(expected), "\"%s\"", texts[i]);
        assert_text(member_of_event(world, 0, "role"), expected);
    }
}

/* ---- shares ---- */

static void test_shares_are_between_two_users(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct home other = plant_home(world, "none");
    struct id ann = plant_user(world, &home, "ann@x.net", "active");
    struct id bob = plant_user(world, &home, "bob@x.net", "active");
    plant_user(world, &other, "eve@x.net", "active");
    static const struct {
        const char *members;
        enum err_code expected;
    } cases[] = {
        {"\"email\":\"Bob@x.net\",\"role\":\"base_app_user\"", ERR_OK},
        {"\"email\":\"eve@x.net\",\"role\":\"base_app_user\"", ERR_REFERENCE_UNKNOWN},
        {"\"email\":\"nobody@x.net\",\"role\":\"base_app_user\"", ERR_REFERENCE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, RESOURCE_SHARE, 1);
        command->actor = user_of(&home, &ann);
        command->is_for_all_users = true;
        command->as.create.scopes = SLICE(ALL_SCOPES);
        command->as.create.members = slice_of_text(cases[i].members);
        assert_int_equal(outcome(world, batch), cases[i].expected);
        if (cases[i].expected != ERR_OK) {
            continue;
        }
        struct event events[2];
        assert_int_equal(read_events(world, events, 2), 1);
        char expected[400];
        (void)snprintf(expected, sizeof(expected),
                       "{\"id\":\"%.24s\",\"createdAt\":1700000000000,"
                       "\"updatedAt\":1700000000000,\"user\":\"%.24s\",\"app\":\"%.24s\","
                       "\"project\":\"%.24s\",\"email\":\"Bob@x.net\","
                       "\"role\":\"base_app_user\"}",
                       world->answers[0].created.text, bob.text, home.application.text,
                       home.project.text);
        assert_text(events[0].text, expected);
        (void)snprintf(expected, sizeof(expected),
                       "{\"users\":[\"%.24s\"],\"projects\":[\"%.24s\"]}", ann.text,
                       home.project.text);
        assert_text(events[0].scopes, expected);
    }
}

/* A request that was on its way when its user was deleted leaves no share behind, which would never
 * end. */
static void test_who_is_gone_shares_nothing(void **state)
{
    struct world *world = *state;
    struct home home = plant_home(world, "none");
    struct id ann = plant_user(world, &home, "ann@x.net", "active");
    plant_user(world, &home, "bob@x.net", "active");
    struct command_batch *batch = batch_of(4096);
    removal_in(batch, RESOURCE_USER, &ann, 1);
    assert_int_equal(outcome(world, batch), ERR_OK);
    batch = batch_of(4096);
    struct command *command = creation_in(batch, RESOURCE_SHARE, 1);
    command->actor = user_of(&home, &ann);
    command->as.create.members = SLICE("\"email\":\"bob@x.net\",\"role\":\"base_app_user\"");
    assert_int_equal(outcome(world, batch), ERR_NOT_FOUND);
}

/* ---- who may do what ---- */

/* Operators alone see these, or everybody whom their rights say. */
static void test_some_kinds_have_no_scopes(void **state)
{
    struct world *world = *state;
    struct id project = plant(world, RESOURCE_PROJECT, "\"name\":\"p\"", "");
    static const struct {
        enum resource_kind kind;
        const char *members;
        bool has_scopes;
    } cases[] = {
        {RESOURCE_ACCESS_POLICY, "\"name\":\"p\"", false},
        {RESOURCE_ACCESS_TOKEN, "\"name\":\"t\"", false},
        {RESOURCE_OPERATOR, "\"email\":\"e\"", false},
        {RESOURCE_ROLE, "\"name\":\"o\",\"type\":\"operator\"", false},
        {RESOURCE_ROLE, "\"name\":\"u\",\"type\":\"userInApp\"", true},
        {RESOURCE_PRODUCT, "\"name\":\"p\"", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = creation_in(batch, cases[i].kind, 1);
        command->project = project;
        command->as.create.members = slice_of_text(cases[i].members);
        command->as.create.scopes = SLICE(ALL_SCOPES);
        assert_int_equal(outcome(world, batch), ERR_OK);
        assert_text(first_event(world).scopes, cases[i].has_scopes ? ALL_SCOPES : "");
    }
}

static void test_tokens_name_what_is_there(void **state)
{
    struct world *world = *state;
    struct id policies[5];
    for (size_t i = 0; i < 4; i++) {
        policies[i] = plant(world, RESOURCE_ACCESS_POLICY, "\"name\":\"p\"", "");
    }
    static const struct command_key key = {.kind = KEY_ACCESS_TOKEN, .hash = {4}};
    for (size_t i = 0; i < 2; i++) {
        policies[4] = i == 0 ? plant(world, RESOURCE_PLACE, "\"name\":\"p\"", "")
                             : id_generate(&world->rand, 1);
        struct command_batch *batch = batch_of(4096);
        struct document_reference *references =
            command_batch_take(batch, ARRAY_LEN(policies) * sizeof(*references));
        for (size_t j = 0; j < ARRAY_LEN(policies); j++) {
            enum resource_kind kind = j < 4 ? RESOURCE_ACCESS_POLICY : RESOURCE_PLACE;
            references[j] = (struct document_reference){.kind = kind, .id = policies[j]};
        }
        struct command *command = creation_in(batch, RESOURCE_ACCESS_TOKEN, 1);
        command->as.create.references = references;
        command->as.create.reference_count = ARRAY_LEN(policies);
        command->as.create.keys = &key;
        command->as.create.key_count = 1;
        run(world, batch);
        assert_int_equal(world->load_count, i == 0 ? 5 : 1); /* side by side */
        answer_loads(world);
        assert_int_equal(world->answer_count, 1);
        assert_int_equal(world->answers[0].err.code, i == 0 ? ERR_OK : ERR_REFERENCE_UNKNOWN);
    }
    struct event events[3];
    assert_int_equal(read_events(world, events, 3), 2);
    assert_int_equal(events[1].key_kind, KEY_ACCESS_TOKEN);
    assert_int_equal(events[1].sealed.bytes, 0);
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
        {RESOURCE_THNG, ERR_OK},         {RESOURCE_PRODUCT, ERR_OK},
        {RESOURCE_COLLECTION, ERR_OK},   {RESOURCE_PLACE, ERR_OK},
        {RESOURCE_PROJECT, ERR_DENIED},  {RESOURCE_APPLICATION, ERR_DENIED},
        {RESOURCE_BATCH, ERR_DENIED},    {RESOURCE_TASK, ERR_DENIED},
        {RESOURCE_FILE, ERR_DENIED},     {RESOURCE_ACTION_TYPE, ERR_OK},
        {RESOURCE_ROLE, ERR_DENIED},     {RESOURCE_ACCESS_POLICY, ERR_DENIED},
        {RESOURCE_SHARE, ERR_DENIED},    {RESOURCE_ACCESS_TOKEN, ERR_DENIED},
        {RESOURCE_OPERATOR, ERR_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = named_in(batch, cases[i].kind, "_n", 1);
        command->actor = trusted;
        assert_int_equal(outcome(world, batch), cases[i].expected);
    }
    /* What the command says comes before that. */
    struct command_batch *batch = batch_of(4096);
    struct command *command = creation_in(batch, RESOURCE_THNG, 1);
    command->actor = trusted;
    command->subject = PERM_FILES;
    command->operation = PERM_CREATE;
    assert_int_equal(outcome(world, batch), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_action_types_are_unique_by_name),
        T(test_names_can_be_used_again),
        T(test_files_are_written_over),
        T(test_parent_must_be_there),
        T(test_application_comes_with_its_keys),
        T(test_tasks_make_no_more_than_the_limit),
        T(test_first_values_are_silent),
        T(test_first_location_by_place),
        T(test_what_is_refused_leaves_nothing),
        T(test_rights_are_those_of_the_kind),
        T(test_user_lies_in_its_application),
        T(test_users_sign_up_with_their_application),
        T(test_users_get_the_role_of_their_application),
        T(test_shares_are_between_two_users),
        T(test_who_is_gone_shares_nothing),
        T(test_some_kinds_have_no_scopes),
        T(test_tokens_name_what_is_there),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
