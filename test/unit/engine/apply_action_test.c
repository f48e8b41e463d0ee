/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions: what is derived, what is refused, all or none. */
#include "action_fixture.h"
#include "rights_fixture.h"

#include "model/property.h"

/* ---- commands ---- */

static enum err_code record(struct mirror *mirror, enum resource_kind root,
                            const struct command_action *actions, uint32_t count)
{
    struct command_batch *batch = batch_of(4096 + count * sizeof(*actions));
    const struct id *target = root == RESOURCE_THNG ? &actions[0].thng : &actions[0].product;
    actions_in(batch, root, target, actions, count);
    return mirror_outcome(mirror, batch);
}

static enum err_code record_as(struct mirror *mirror, struct actor actor, enum resource_kind root,
                               const struct command_action *action)
{
    struct command_batch *batch = batch_of(4096);
    actions_in(batch, root, &action->thng, action, 1)->actor = actor;
    return mirror_outcome(mirror, batch);
}

static struct id create_with(struct mirror *mirror, enum resource_kind kind, struct slice members)
{
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, kind, 1)->as.create.members = members;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    return mirror->world.answers[0].created;
}

static struct id thng_of_product(struct mirror *mirror, const struct id *product)
{
    char members[100];
    int bytes =
        snprintf(members, sizeof(members), "\"name\":\"t\",\"product\":\"%.24s\"", product->text);
    return create_with(mirror, RESOURCE_THNG, slice_of(members, (size_t)bytes));
}

static void create_type(struct mirror *mirror, struct slice name)
{
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, RESOURCE_ACTION_TYPE, 1)->as.create.name = name;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
}

static void delete_one(struct mirror *mirror, enum resource_kind kind, const struct id *id)
{
    struct command_batch *batch = batch_of(4096);
    struct command *command = command_in(batch, COMMAND_DELETE, 1);
    command->target = *id;
    command->target_kind = kind;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
}

static struct json_value created(struct mirror *mirror)
{
    return mirror_json(mirror, &mirror->world.answers[0].created);
}

static void assert_id_member(struct json_value object, struct slice name, const struct id *id)
{
    struct json_value value = json_member(object, name);
    if (id == NULL) {
        assert_int_equal(value.type, JSON_NONE);
    } else {
        assert_true(json_string_equals(value, id_slice(id)));
    }
}

/* ---- what becomes of one ---- */

static void test_an_action_takes_product_and_scopes_of_its_thng(void **state)
{
    struct mirror *mirror = *state;
    struct id project = create(&mirror->world, RESOURCE_PROJECT);
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct id thng = thng_of_product(mirror, &product);
    struct command_batch *batch = batch_of(4096);
    struct command *update = command_in(batch, COMMAND_UPDATE, 1);
    char scopes[120];
    scopes_of_project(scopes, &project);
    update->target = thng;
    update->target_kind = RESOURCE_THNG;
    update->as.update.scopes = slice_of_text(scopes);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    struct command_action action = action_of(SLICE("scans"));
    action.thng = thng;
    action.members = SLICE("\"tags\":[\"a\"]");
    assert_int_equal(record(mirror, RESOURCE_THNG, &action, 1), ERR_OK);
    assert_int_equal(mirror->world.answers[0].event, mirror->last_sequence);
    struct json_value document = created(mirror);
    assert_json(json_member(document, SLICE("type")), "\"scans\"");
    assert_json(json_member(document, SLICE("timestamp")), "1700000000000");
    assert_json(json_member(document, SLICE("createdAt")), "1700000000000");
    assert_json(json_member(document, SLICE("tags")), "[\"a\"]");
    assert_id_member(document, SLICE("thng"), &thng);
    assert_id_member(document, SLICE("product"), &product);
    const struct mirror_row *row = mirror_find(mirror, &mirror->world.answers[0].created);
    assert_int_equal(row->kind, RESOURCE_ACTION);
    assert_true(slice_equal(buf_data(&row->scopes), slice_of_text(scopes)));
}

static void test_its_own_product_and_time_win(void **state)
{
    struct mirror *mirror = *state;
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct id other = create(&mirror->world, RESOURCE_PRODUCT);
    struct command_action action = action_of(SLICE("checkins"));
    action.thng = thng_of_product(mirror, &product);
    action.product = other;
    action.timestamp_ms = 77;
    assert_int_equal(record(mirror, RESOURCE_THNG, &action, 1), ERR_OK);
    assert_id_member(created(mirror), SLICE("product"), &other);
    assert_json(json_member(created(mirror), SLICE("timestamp")), "77");
}

/* The product is what the thng's document says at that time, and only while it exists. */
static void test_the_product_follows_the_thng(void **state)
{
    struct mirror *mirror = *state;
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct command_action action = action_of(SLICE("scans"));
    action.thng = create_thng(&mirror->world);
    assert_int_equal(record(mirror, RESOURCE_THNG, &action, 1), ERR_OK);
    assert_id_member(created(mirror), SLICE("product"), NULL);
    struct command_batch *batch = batch_of(4096);
    char patch[60];
    (void)snprintf(patch, sizeof(patch), "\"product\":\"%.24s\"", product.text);
    struct command *update = command_in(batch, COMMAND_UPDATE, 1);
    update->target = action.thng;
    update->target_kind = RESOURCE_THNG;
    update->as.update.patch = slice_of_text(patch);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    assert_int_equal(record(mirror, RESOURCE_THNG, &action, 1), ERR_OK);
    assert_id_member(created(mirror), SLICE("product"), &product);
    delete_one(mirror, RESOURCE_PRODUCT, &product);
    assert_int_equal(record(mirror, RESOURCE_THNG, &action, 1), ERR_OK);
    assert_id_member(created(mirror), SLICE("product"), NULL);
}

static void test_without_target_it_lies_in_the_project(void **state)
{
    struct mirror *mirror = *state;
    struct id project = create(&mirror->world, RESOURCE_PROJECT);
    struct command_action action = action_of(SLICE("scans"));
    assert_int_equal(record(mirror, 0, &action, 1), ERR_OK);
    created(mirror);
    const struct mirror_row *row = mirror_find(mirror, &mirror->world.answers[0].created);
    assert_int_equal(buf_bytes(&row->scopes), 0);
    struct command_batch *batch = batch_of(4096);
    actions_in(batch, 0, NULL, &action, 1)->project = project;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    created(mirror);
    row = mirror_find(mirror, &mirror->world.answers[0].created);
    assert_true(perm_scopes_have_project(buf_data(&row->scopes), &project));
    batch = batch_of(4096);
    actions_in(batch, 0, NULL, &action, 1)->project = id_generate(&mirror->world.rand, 1);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_NOT_FOUND);
}

static void test_a_place_gives_its_coordinates(void **state)
{
    struct mirror *mirror = *state;
    struct slice position = SLICE("\"name\":\"p\",\"latitude\":1.5,\"longitude\":2,"
                                  "\"position\":{\"type\":\"Point\",\"coordinates\":[2,1.5]}");
    struct id place = create_with(mirror, RESOURCE_PLACE, position);
    char location[60];
    (void)snprintf(location, sizeof(location), "\"place\":\"%.24s\"", place.text);
    struct command_action actions[2] = {action_of(SLICE("scans")), action_of(SLICE("scans"))};
    actions[0].location = slice_of_text(location);
    actions[0].place = place;
    actions[1].location = SLICE("\"latitude\":7,\"longitude\":8");
    assert_int_equal(record(mirror, 0, actions, 2), ERR_OK);
    struct json_value document = created(mirror);
    assert_json(json_member(document, SLICE("locationSource")), "\"place\"");
    struct json_value at = json_member(document, SLICE("location"));
    assert_json(json_member(at, SLICE("latitude")), "1.5");
    assert_id_member(at, SLICE("place"), &place);
    document = mirror_json(mirror, first_event(&mirror->world).resource);
    actions[0].place = id_generate(&mirror->world.rand, 1);
    assert_int_equal(record(mirror, 0, actions, 2), ERR_REFERENCE_UNKNOWN);
}

static void test_a_location_as_it_came(void **state)
{
    struct mirror *mirror = *state;
    struct command_action action = action_of(SLICE("scans"));
    action.location = SLICE("\"latitude\":7,\"longitude\":8");
    assert_int_equal(record(mirror, 0, &action, 1), ERR_OK);
    assert_json(json_member(created(mirror), SLICE("locationSource")), "\"unknown\"");
    assert_json(json_member(created(mirror), SLICE("location")),
                "{\"latitude\":7,\"longitude\":8}");
    action.location_source = SLICE("sensor");
    assert_int_equal(record(mirror, 0, &action, 1), ERR_OK);
    assert_json(json_member(created(mirror), SLICE("locationSource")), "\"sensor\"");
}

/* ---- who may, and of what type ---- */

static void test_types_must_exist(void **state)
{
    struct mirror *mirror = *state;
    struct command_action action = action_of(SLICE("_alarm"));
    assert_int_equal(record(mirror, 0, &action, 1), ERR_NOT_FOUND);
    create_type(mirror, SLICE("_alarm"));
    assert_int_equal(record(mirror, 0, &action, 1), ERR_OK);
    action.type = SLICE("alarm"); /* neither built in nor custom */
    assert_int_equal(record(mirror, 0, &action, 1), ERR_NOT_FOUND);
    struct id type = id_of_name(OPERATOR_ACCOUNT, RESOURCE_ACTION_TYPE, SLICE("_alarm"));
    delete_one(mirror, RESOURCE_ACTION_TYPE, &type);
    action.type = SLICE("_alarm");
    assert_int_equal(record(mirror, 0, &action, 1), ERR_NOT_FOUND);
}

static void test_a_device_tells_of_its_thng(void **state)
{
    struct mirror *mirror = *state;
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct command_action action = action_of(SLICE("_alarm"));
    action.thng = thng_of_product(mirror, &product);
    create_type(mirror, SLICE("_alarm"));
    struct actor device = device_of(&action.thng);
    assert_int_equal(record_as(mirror, device, RESOURCE_THNG, &action), ERR_OK);
    assert_id_member(created(mirror), SLICE("product"), &product);
    assert_id_member(created(mirror), SLICE("createdByThng"), &action.thng);
    assert_int_equal(record_as(mirror, device, 0, &action), ERR_DENIED);
    action.thng = create_thng(&mirror->world);
    assert_int_equal(record_as(mirror, device, RESOURCE_THNG, &action), ERR_NOT_FOUND);
}

static void test_an_application_tells_of_scans(void **state)
{
    struct mirror *mirror = *state;
    struct id project = create(&mirror->world, RESOURCE_PROJECT);
    struct actor application = {.kind = ACTOR_APPLICATION,
                                .account = OPERATOR_ACCOUNT,
                                .id = id_generate(&mirror->world.rand, 1),
                                .project = project};
    struct command_action action = action_of(SLICE("scans"));
    assert_int_equal(record_as(mirror, application, 0, &action), ERR_OK);
    assert_id_member(created(mirror), SLICE("createdByProject"), &project);
    const struct mirror_row *row = mirror_find(mirror, &mirror->world.answers[0].created);
    assert_true(perm_scopes_have_project(buf_data(&row->scopes), &project));
    /* A thng that it does not see is no thng. */
    action.thng = create_thng(&mirror->world);
    assert_int_equal(record_as(mirror, application, 0, &action), ERR_REFERENCE_UNKNOWN);
    action = action_of(SLICE("checkins"));
    assert_int_equal(record_as(mirror, application, 0, &action), ERR_DENIED);
}

static void test_the_target_comes_before_the_body(void **state)
{
    struct mirror *mirror = *state;
    struct id nobody = id_generate(&mirror->world.rand, 1);
    struct id thng = create_thng(&mirror->world);
    for (unsigned i = 0; i < 2; i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command =
            actions_in(batch, RESOURCE_THNG, i == 0 ? &nobody : &thng, NULL, 0);
        command->refusal = ERR(JSON_INVALID);
        assert_int_equal(mirror_outcome(mirror, batch), i == 0 ? ERR_NOT_FOUND : ERR_JSON_INVALID);
    }
}

/* ---- who sees some of an account only ---- */

/* A thng with those scopes. */
static struct id thng_shown(struct mirror *mirror, const char *scopes)
{
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, RESOURCE_THNG, 1)->as.create.scopes = slice_of_text(scopes);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    return mirror->world.answers[0].created;
}

static void assert_scopes(struct mirror *mirror, const char *scopes)
{
    mirror_show(mirror);
    const struct mirror_row *row = mirror_find(mirror, &mirror->world.answers[0].created);
    assert_non_null(row);
    assert_text(buf_data(&row->scopes), scopes);
}

/* Of its thng as that is shown, of nothing in particular to all of its project. */
static void test_a_user_tells_of_what_it_is_shown(void **state)
{
    struct mirror *mirror = *state;
    struct people people = people_in(&mirror->world);
    struct actor ann = base_user(&mirror->world, &people, &people.ann);
    char own[120];
    char of_bob[120];
    char of_all[120];
    scopes_of_user(own, &people.ann, &people.project);
    scopes_of_user(of_bob, &people.bob, &people.project);
    scopes_of_project(of_all, &people.project);
    struct command_action action = action_of(SLICE("checkins"));
    assert_int_equal(record_as(mirror, ann, 0, &action), ERR_OK);
    assert_scopes(mirror, of_all);
    assert_id_member(created(mirror), SLICE("user"), &people.ann);
    assert_id_member(created(mirror), SLICE("createdByProject"), &people.project);
    assert_id_member(created(mirror), SLICE("createdByApp"), &people.application);
    action.thng = thng_shown(mirror, own);
    assert_int_equal(record_as(mirror, ann, 0, &action), ERR_OK);
    assert_scopes(mirror, own);
    assert_int_equal(record_as(mirror, ann, RESOURCE_THNG, &action), ERR_OK);
    assert_scopes(mirror, own);
    action.thng = thng_shown(mirror, of_bob);
    assert_int_equal(record_as(mirror, ann, 0, &action), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(record_as(mirror, ann, RESOURCE_THNG, &action), ERR_NOT_FOUND);
}

/* Where a right ends: at the row of the path, at what a share or a role reaches. */
static void test_where_the_right_to_record_ends(void **state)
{
    struct mirror *mirror = *state;
    struct world *world = &mirror->world;
    struct people people = people_in(&mirror->world);
    struct id other = create(world, RESOURCE_PROJECT);
    char scopes[3][120];
    scopes_of_user(scopes[0], &people.ann, &people.project);
    scopes_of_user(scopes[1], &people.bob, &people.project);
    scopes_of_user(scopes[2], &people.bob, &other);
    struct id of_ann = thng_shown(mirror, scopes[0]);
    struct id of_bob = thng_shown(mirror, scopes[1]);
    struct id abroad = thng_shown(mirror, scopes[2]);
    const struct perm_rights all = perm_column(ACTOR_USER);
    const struct perm_rights on_thngs = rights_on("/thngs", "cru");
    const struct perm_rights on_scans = rights_on("/actions/scans", "c");
    const struct perm_rights none = {{0}};
    const struct id *bob = &people.bob;
    struct actor thngs = user_with(world, &people, &people.ann, on_thngs, NULL, none);
    struct actor scans = user_with(world, &people, &people.ann, on_scans, NULL, none);
    struct actor shared = user_with(world, &people, &people.ann, on_thngs, bob, all);
    struct actor limited = limited_operator(world, &people.project, &other);
    struct actor token = token_with(world, "actions:create");
    const struct {
        struct actor actor;
        const struct id *project; /* ?project= */
        enum resource_kind root;
        const struct id *thng;
        struct slice type;
        enum err_code expected;
    } cases[] = {
        {thngs, NULL, RESOURCE_THNG, &of_ann, SLICE("checkins"), ERR_OK},
        {thngs, NULL, 0, &of_ann, SLICE("checkins"), ERR_DENIED},
        {scans, NULL, 0, &of_ann, SLICE("scans"), ERR_OK},
        {scans, NULL, 0, &of_ann, SLICE("checkins"), ERR_DENIED},
        {scans, NULL, RESOURCE_THNG, &of_ann, SLICE("scans"), ERR_DENIED},
        {shared, NULL, 0, &of_bob, SLICE("checkins"), ERR_OK},
        {shared, NULL, 0, &of_ann, SLICE("checkins"), ERR_DENIED},
        {shared, NULL, 0, NULL, SLICE("checkins"), ERR_DENIED},
        {limited, NULL, 0, &abroad, SLICE("checkins"), ERR_OK},
        {limited, NULL, RESOURCE_THNG, &abroad, SLICE("checkins"), ERR_OK},
        {limited, NULL, 0, &of_ann, SLICE("checkins"), ERR_DENIED},
        {limited, NULL, RESOURCE_THNG, &of_ann, SLICE("checkins"), ERR_DENIED},
        {limited, NULL, 0, NULL, SLICE("checkins"), ERR_DENIED},
        {limited, &other, 0, NULL, SLICE("checkins"), ERR_OK},
        {limited, &people.project, 0, NULL, SLICE("checkins"), ERR_DENIED},
        {limited, &people.ann, 0, NULL, SLICE("checkins"), ERR_NOT_FOUND}, /* no project */
        {token, NULL, 0, NULL, SLICE("checkins"), ERR_OK},
        {token, NULL, RESOURCE_THNG, &abroad, SLICE("scans"), ERR_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_action action = action_of(cases[i].type);
        action.thng = cases[i].thng != NULL ? *cases[i].thng : (struct id){0};
        struct command_batch *batch = batch_of(4096);
        struct command *command = actions_in(batch, cases[i].root, &action.thng, &action, 1);
        command->actor = cases[i].actor;
        command->project = cases[i].project != NULL ? *cases[i].project : (struct id){0};
        assert_int_equal(mirror_outcome(mirror, batch), cases[i].expected);
    }
}

/* Right, project, refusal: also of what has no target. */
static void test_the_project_comes_before_the_body(void **state)
{
    struct mirror *mirror = *state;
    for (unsigned i = 0; i < 2; i++) {
        struct command_batch *batch = batch_of(4096);
        struct command *command = actions_in(batch, 0, NULL, NULL, 0);
        command->refusal = ERR(JSON_INVALID);
        if (i == 0) {
            command->project = id_generate(&mirror->world.rand, 1);
        }
        assert_int_equal(mirror_outcome(mirror, batch), i == 0 ? ERR_NOT_FOUND : ERR_JSON_INVALID);
    }
}

/* ---- several ---- */

static void test_an_array_is_recorded_in_order(void **state)
{
    struct mirror *mirror = *state;
    struct command_action actions[3] = {action_of(SLICE("scans")), action_of(SLICE("shares")),
                                        action_of(SLICE("checkins"))};
    actions[1].thng = create_thng(&mirror->world);
    assert_int_equal(record(mirror, 0, actions, 3), ERR_OK);
    struct event events[3];
    assert_int_equal(read_events(&mirror->world, events, 3), 3);
    assert_int_equal(mirror->world.answers[0].event, events[0].sequence);
    assert_int_equal(mirror->world.answers[0].after, events[2].sequence);
    assert_true(id_equal(&mirror->world.answers[0].created, events[0].resource));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(events[i].operation, OPERATION_CREATED);
        assert_true(slice_equal(document_text(events[i].text, SLICE("type")), actions[i].type));
        struct id id;
        assert_true(document_id(events[i].text, SLICE("id"), &id));
        assert_true(id_equal(&id, events[i].resource));
    }
    assert_int_equal(record(mirror, 0, actions, 0), ERR_OK);
    assert_int_equal(mirror->world.answers[0].event, 0);
}

/* Lists, and the history that a new subscriber is sent, have those of one time by their ids. */
static void test_ids_are_in_the_order_of_events(void **state)
{
    struct mirror *mirror = *state;
    struct command_action actions[3] = {action_of(SLICE("scans")), action_of(SLICE("shares")),
                                        action_of(SLICE("checkins"))};
    struct id before = {0};
    for (unsigned round = 0; round < 10; round++) {
        assert_int_equal(record(mirror, 0, actions, 3), ERR_OK);
        struct event events[3];
        assert_int_equal(read_events(&mirror->world, events, 3), 3);
        for (size_t i = 0; i < 3; i++) {
            assert_true(memcmp(before.text, events[i].resource->text, ID_BYTES) < 0);
            before = *events[i].resource;
        }
    }
}

static void test_one_bad_one_spoils_all(void **state)
{
    struct mirror *mirror = *state;
    struct command_action actions[3] = {action_of(SLICE("scans")), action_of(SLICE("scans")),
                                        action_of(SLICE("scans"))};
    actions[2].collection = id_generate(&mirror->world.rand, 1);
    uint64_t before = mirror->last_sequence;
    assert_int_equal(record(mirror, 0, actions, 3), ERR_REFERENCE_UNKNOWN);
    actions[2] = action_of(SLICE("_nothing"));
    assert_int_equal(record(mirror, 0, actions, 3), ERR_NOT_FOUND);
    assert_int_equal(mirror->last_sequence, before);
}

/* ---- what is not in memory ---- */

/* An engine that knows nothing loads type, thng, product, collection and place, one after the
 * other, and comes to the same. */
static void test_what_is_cold_is_loaded(void **state)
{
    struct mirror *mirror = *state;
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    struct command_action actions[2] = {action_of(SLICE("_alarm")), action_of(SLICE("scans"))};
    struct slice position = SLICE("\"latitude\":1,\"longitude\":2");
    actions[0].thng = thng_of_product(mirror, &product);
    actions[0].place = create_with(mirror, RESOURCE_PLACE, position);
    actions[0].location = SLICE("\"customFields\":{}");
    actions[1].collection = create(&mirror->world, RESOURCE_COLLECTION);
    create_type(mirror, SLICE("_alarm"));
    mirror_crash(mirror);
    struct command_batch *batch = batch_of(4096);
    actions_in(batch, RESOURCE_THNG, &actions[0].thng, actions, 2);
    actions_in(batch, RESOURCE_THNG, &actions[0].thng, actions, 1)->token.request = 2;
    run(&mirror->world, batch);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answer_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mirror->world.answers[i].err.code, ERR_OK);
        assert_int_equal(mirror->world.answers[i].token.request, i + 1);
        assert_id_member(mirror_json(mirror, &mirror->world.answers[i].created), SLICE("product"),
                         &product);
    }
}

#define MANY 200
#define LOADS_AT_ONCE 64

/* Makes <count> thngs and records an action of each, which are the first to name them after a
 * start. */
static struct command_batch *cold_actions(struct mirror *mirror, struct command_action *actions,
                                          uint32_t count)
{
    struct id product = create(&mirror->world, RESOURCE_PRODUCT);
    for (uint32_t i = 0; i < count; i++) {
        actions[i] = action_of(SLICE("scans"));
        actions[i].thng = thng_of_product(mirror, &product);
    }
    mirror_crash(mirror);
    mirror->world.loads_asked = 0;
    struct command_batch *batch = batch_of(4096 + count * sizeof(*actions));
    actions_in(batch, 0, NULL, actions, count);
    return batch;
}

/* Readers load many at a time, each once. */
static void test_what_an_array_names_is_loaded_side_by_side(void **state)
{
    struct mirror *mirror = *state;
    struct command_action actions[MANY];
    run(&mirror->world, cold_actions(mirror, actions, MANY));
    assert_int_equal(mirror->world.load_count, LOADS_AT_ONCE);
    /* It is the bound of all commands together. */
    struct command_action others[2] = {action_of(SLICE("scans")), action_of(SLICE("scans"))};
    others[0].thng = id_generate(&mirror->world.rand, 1);
    struct command_batch *batch = batch_of(4096);
    actions_in(batch, 0, NULL, others, 2)->token = (struct answer_token){.slot = 2, .request = 2};
    run(&mirror->world, batch);
    assert_int_equal(mirror->world.load_count, LOADS_AT_ONCE + 1);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answer_count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_many = mirror->world.answers[i].token.request == 1;
        assert_int_equal(mirror->world.answers[i].err.code,
                         is_many ? ERR_OK : ERR_REFERENCE_UNKNOWN);
    }
    assert_int_equal(mirror->world.loads_asked, MANY + 2);
    assert_int_equal(record(mirror, 0, actions, MANY), ERR_OK);
    assert_int_equal(mirror->world.loads_asked, MANY + 2);
}

/* Those that are not there are not asked for again and again. */
static void test_an_array_names_many_that_are_not_there(void **state)
{
    struct mirror *mirror = *state;
    struct command_action actions[MANY];
    struct command_batch *batch = cold_actions(mirror, actions, MANY);
    free(batch);
    for (uint32_t i = 5; i < MANY; i += 2) {
        actions[i].thng = id_generate(&mirror->world.rand, 1);
    }
    assert_int_equal(record(mirror, 0, actions, MANY), ERR_REFERENCE_UNKNOWN);
    assert_in_range(mirror->world.loads_asked, 1, MANY + 1);
}

static void test_loads_of_an_array_fail(void **state)
{
    struct mirror *mirror = *state;
    struct world *world = &mirror->world;
    struct command_action actions[20];
    struct command_batch *batch = cold_actions(mirror, actions, ARRAY_LEN(actions));
    world->loads_are_refused = true;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_BUSY);
    world->loads_are_refused = false;
    /* One that is not waited for is asked for again; the last one is waited for. */
    static const size_t failing[] = {3, ARRAY_LEN(actions) - 1};
    for (size_t i = 0; i < ARRAY_LEN(failing); i++) {
        mirror_crash(mirror);
        batch = batch_of(4096 + sizeof(actions));
        actions_in(batch, 0, NULL, actions, ARRAY_LEN(actions));
        run(world, batch);
        assert_int_equal(world->load_count, ARRAY_LEN(actions));
        while (world->load_count > 0) {
            size_t number = ARRAY_LEN(actions) - world->load_count;
            mirror_read_load(mirror, 0);
            if (number == failing[i]) {
                world->loads[0]->err = ERR(IO);
                mirror_bring(mirror);
                break;
            }
            mirror_bring(mirror);
        }
        mirror_settle(mirror);
        assert_int_equal(world->answer_count, 1);
        assert_int_equal(world->answers[0].err.code, i == 0 ? ERR_OK : ERR_IO);
    }
}

/* What comes back of loads from before a restart. */
static void test_an_array_is_loaded_after_a_restart(void **state)
{
    struct mirror *mirror = *state;
    struct world *world = &mirror->world;
    struct command_action actions[MANY];
    run(world, cold_actions(mirror, actions, MANY));
    const struct engine_options options = {
        .group_bytes_max = 1 << 20,
        .heads_max = mirror->heads_max,
        .properties_per_resource_max = 4,
        .task_quantity_max = 1000,
        .hash_seed = 99,
        .last_sequence = mirror->last_sequence,
        .last_time_ms = mirror->last_time_ms,
    };
    engine_restart(world->engine, &options);
    engine_turn(world->engine);
    assert_int_equal(world->answer_count, 1);
    assert_int_equal(world->answers[0].err.code, ERR_READ_ONLY);
    mirror_settle(mirror);
    assert_int_equal(record(mirror, 0, actions, 2), ERR_OK);
    struct command_batch *batch = batch_of(4096 + sizeof(actions));
    actions_in(batch, 0, NULL, actions, MANY);
    run(world, batch);
    assert_int_equal(world->load_count, LOADS_AT_ONCE);
    mirror_settle(mirror);
    assert_int_equal(world->answers[0].err.code, ERR_OK);
}

/* The heads of one array do not push each other out for ever. */
static void test_an_array_is_longer_than_the_table(void **state)
{
    struct mirror *mirror = *state;
    struct command_action actions[MANY];
    static const size_t sizes[] = {40, 64, 70, 130, 190};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        mirror->heads_max = sizes[i];
        assert_int_equal(mirror_outcome(mirror, cold_actions(mirror, actions, MANY)), ERR_OK);
    }
}

/* Documents of more places, or of what is taken for thngs, than are kept at once. */
static void test_references_with_large_documents(void **state)
{
    struct mirror *mirror = *state;
    const size_t bytes = (size_t)1 << 20;
    enum { COUNT = HEADS_DOCUMENT_BYTES_MAX / (1 << 20) + 3 };
    struct command_action actions[COUNT];
    struct buf members = {0};
    buf_put_format(&members,
                   "\"position\":{\"type\":\"Point\",\"coordinates\":[2,1]},"
                   "\"description\":\"%0*d\"",
                   (int)bytes, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        actions[i] = action_of(SLICE("scans"));
        actions[i].place = create_with(mirror, RESOURCE_PLACE, buf_data(&members));
        actions[i].location = SLICE("\"customFields\":{}");
    }
    mirror_crash(mirror);
    mirror->world.loads_asked = 0;
    assert_int_equal(record(mirror, 0, actions, COUNT), ERR_OK);
    assert_int_equal(mirror->world.loads_asked, COUNT);
    struct json_value location = json_member(created(mirror), SLICE("location"));
    assert_json(json_member(location, SLICE("latitude")), "1");
    /* Places, then products, in the place of thngs. */
    for (unsigned are_products = 0; are_products < 2; are_products++) {
        for (uint32_t i = 1; i < COUNT; i++) {
            actions[i].thng = are_products
                                  ? create_with(mirror, RESOURCE_PRODUCT, buf_data(&members))
                                  : actions[i].place;
        }
        assert_int_equal(record(mirror, 0, actions, COUNT), ERR_REFERENCE_UNKNOWN);
        mirror_crash(mirror);
        assert_int_equal(record(mirror, 0, actions, COUNT), ERR_REFERENCE_UNKNOWN);
    }
    buf_deinit(&members);
}

/* It has no head, but whoever deletes it at once finds it. */
static void test_a_new_action_is_deleted_at_once(void **state)
{
    struct mirror *mirror = *state;
    mirror->is_held = true;
    struct command_action action = action_of(SLICE("scans"));
    assert_int_equal(record(mirror, 0, &action, 1), ERR_OK);
    struct id id = mirror->world.answers[0].created;
    delete_one(mirror, RESOURCE_ACTION, &id);
    mirror_show(mirror);
    assert_null(mirror_find(mirror, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_an_action_takes_product_and_scopes_of_its_thng),
        WITH_MIRROR(test_its_own_product_and_time_win),
        WITH_MIRROR(test_the_product_follows_the_thng),
        WITH_MIRROR(test_without_target_it_lies_in_the_project),
        WITH_MIRROR(test_a_place_gives_its_coordinates),
        WITH_MIRROR(test_a_location_as_it_came),
        WITH_MIRROR(test_types_must_exist),
        WITH_MIRROR(test_a_device_tells_of_its_thng),
        WITH_MIRROR(test_an_application_tells_of_scans),
        WITH_MIRROR(test_the_target_comes_before_the_body),
        WITH_MIRROR(test_a_user_tells_of_what_it_is_shown),
        WITH_MIRROR(test_where_the_right_to_record_ends),
        WITH_MIRROR(test_the_project_comes_before_the_body),
        WITH_MIRROR(test_an_array_is_recorded_in_order),
        WITH_MIRROR(test_ids_are_in_the_order_of_events),
        WITH_MIRROR(test_one_bad_one_spoils_all),
        WITH_MIRROR(test_what_is_cold_is_loaded),
        WITH_MIRROR(test_what_an_array_names_is_loaded_side_by_side),
        WITH_MIRROR(test_an_array_names_many_that_are_not_there),
        WITH_MIRROR(test_loads_of_an_array_fail),
        WITH_MIRROR(test_an_array_is_loaded_after_a_restart),
        WITH_MIRROR(test_an_array_is_longer_than_the_table),
        WITH_MIRROR(test_references_with_large_documents),
        WITH_MIRROR(test_a_new_action_is_deleted_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
