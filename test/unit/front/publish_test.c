/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads on topics of every family become commands: what they carry, and what is refused, at once
 * or on the way. */
#include "front/publish.h"

#include "deliver_fixture.h"
#include "model/property.h"

#define A "UaBcDeFgHkMnPqRsTwXyAaBb"
#define B "UaBcDeFgHkMnPqRsTwXyAaBc"
#define P "UpBcDeFgHkMnPqRsTwXyAaBb"
#define C "UcBcDeFgHkMnPqRsTwXyAaBb"

static const struct id PROJECT = {.text = "UqBcDeFgHkMnPqRsTwXyAaBb"};

static void assert_text(struct slice found, const char *wanted)
{
    if (!slice_equal(found, slice_of_text(wanted))) {
        fail_msg("'%.*s' instead of '%s'", SLICE_ARGS(found), wanted);
    }
}

static void assert_id(const struct id *found, const char *wanted)
{
    assert_text(id_is_set(found) ? id_slice(found) : (struct slice){0}, wanted);
}

/* Publishes as <actor>, from memory that is gone afterwards: the command must own all it has. */
static enum publish_sent send_as(struct world *world, const struct actor *actor,
                                 const char *topic_text, const char *payload, struct err *err)
{
    struct topic topic;
    MUST(topic_parse(slice_of_text(topic_text), &topic));
    char *body = strdup(payload);
    const struct publish publish = {
        .topic = &topic,
        .payload = slice_of_text(body),
        .actor = actor,
        .qos = 1,
        .context = SLICE("{\"ipAddress\":\"::1\"}"),
        .request = 9,
    };
    enum publish_sent sent = publish_send(&world->clients[0].conn, &publish, err);
    explicit_bzero(body, strlen(body));
    explicit_bzero(&topic, sizeof(topic));
    free(body);
    buf_reset(&world->front.scratch);
    buf_reset(&world->front.scopes);
    return sent;
}

/* The command that a publish of the operator makes. */
static const struct command *command_of(struct world *world, const char *topic, const char *payload)
{
    struct err err;
    const struct actor operator= operator_of(ACCOUNT);
    assert_int_equal(send_as(world, &operator, topic, payload, &err), PUBLISH_SENT);
    assert_int_equal(err.code, ERR_OK);
    const struct command_batch *batch = world->front.batches[world->front.batch_count - 1];
    const struct command *last = batch->first;
    while (last->next != NULL) {
        last = last->next;
    }
    assert_int_equal(last->token.request, 9);
    assert_int_equal(last->actor.account, ACCOUNT);
    return last;
}

/* What is wrong with the payload; it travels as the command's refusal. */
static void assert_refusal(struct world *world, const char *topic, const char *payload,
                           enum err_code code)
{
    const struct command *command = command_of(world, topic, payload);
    if (command->refusal.code != code) {
        fail_msg("%s %s: %s", topic, payload, err_name(command->refusal));
    }
}

/* ---- points ---- */

static void test_points_of_a_product(void **state)
{
    const struct command *command =
        command_of(*state, "/products/" P "/properties/Temp", "[{\"value\":1.50}]");
    assert_int_equal(command->kind, COMMAND_POINTS);
    assert_int_equal(command->target_kind, RESOURCE_PRODUCT);
    assert_id(&command->target, P);
    assert_false(id_is_set(&command->project));
    assert_int_equal(command->as.points.count, 1);
    assert_false(command->as.points.location);
    assert_text(command->as.points.at[0].key, "temp");
    assert_text(command->as.points.at[0].value, "1.50");
    assert_false(command->as.points.at[0].client_stamped);
}

static void test_project_of_the_topic(void **state)
{
    const struct command *command =
        command_of(*state, "/thngs/" A "/properties?project=UqBcDeFgHkMnPqRsTwXyAaBb",
                   "{\"key\":\"a\",\"value\":true}");
    assert_int_equal(command->target_kind, RESOURCE_THNG);
    assert_true(id_equal(&command->project, &PROJECT));
}

static void test_locations_with_places(void **state)
{
    const struct command *command =
        command_of(*state, "/thngs/" A "/location",
                   "[{\"place\":\"" P "\",\"timestamp\":5},{\"latitude\":1,\"longitude\":2}]");
    assert_int_equal(command->as.points.count, 2);
    assert_true(command->as.points.location);
    const struct command_point *at = command->as.points.at;
    assert_text(at[0].value, "\"place\":\"" P "\"");
    assert_id(&at[0].place, P);
    assert_int_equal(at[0].timestamp_ms, 5);
    assert_true(at[0].client_stamped);
    assert_id(&at[1].place, "");
    assert_text(at[1].value, "\"latitude\":1,\"longitude\":2,\"position\":{\"type\":\"Point\","
                             "\"coordinates\":[2,1]}");
    /* With coordinates of its own the place is only to be there. */
    command = command_of(*state, "/thngs/" A "/location",
                         "{\"place\":\"" P "\",\"latitude\":1,\"longitude\":2}");
    assert_id(&command->as.points.at[0].place, P);
}

/* ---- actions ---- */

static void test_one_action(void **state)
{
    const struct command *command =
        command_of(*state, "/thngs/" A "/actions/_open",
                   "{\"customFields\":{ \"a\" : 1 },\"timestamp\":7,"
                   "\"location\":{\"latitude\":1,\"longitude\":2},\"locationSource\":\"sensor\"}");
    assert_int_equal(command->kind, COMMAND_ACTIONS);
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->target_kind, RESOURCE_THNG);
    assert_id(&command->target, A);
    assert_int_equal(command->as.actions.count, 1);
    assert_text(command->as.actions.context, "{\"ipAddress\":\"::1\"}");
    const struct command_action *action = command->as.actions.at;
    assert_text(action->type, "_open");
    assert_text(action->members, "\"customFields\":{\"a\":1}");
    assert_int_equal(action->timestamp_ms, 7);
    assert_id(&action->thng, A);
    assert_id(&action->product, "");
    assert_text(action->location, "\"latitude\":1,\"longitude\":2,\"position\":{\"type\":"
                                  "\"Point\",\"coordinates\":[2,1]}");
    assert_text(action->location_source, "sensor");
    assert_id(&action->place, "");
}

static void test_several_actions(void **state)
{
    const struct command *command =
        command_of(*state, "/actions/all",
                   "[{\"type\":\"_a\",\"tags\":[\"x\"],\"location\":{\"place\":\"" P "\"}},"
                   "{\"type\":\"_b\",\"thng\":\"" A "\",\"customFields\":{}},"
                   "{\"type\":\"_c\",\"collection\":\"" C "\",\"tags\":[]}]");
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->target_kind, 0);
    assert_false(id_is_set(&command->target));
    assert_int_equal(command->as.actions.count, 3);
    const struct command_action *at = command->as.actions.at;
    assert_text(at[0].type, "_a");
    assert_text(at[0].members, "\"tags\":[\"x\"]");
    assert_text(at[0].location, "\"place\":\"" P "\"");
    assert_id(&at[0].place, P);
    assert_text(at[1].type, "_b");
    assert_text(at[1].members, "\"customFields\":{}");
    assert_text(at[1].location, "");
    assert_id(&at[1].thng, A);
    assert_int_equal(at[1].timestamp_ms, TIMESTAMP_NONE);
    assert_text(at[2].type, "_c");
    assert_text(at[2].members, "\"tags\":[]");
    assert_id(&at[2].collection, C);
    command = command_of(*state, "/actions/_a", "[{},{}]");
    assert_int_equal(command->as.actions.count, 2);
    assert_text(command->as.actions.at[1].type, "_a");
    command = command_of(*state, "/actions/_a", "[]");
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->as.actions.count, 0);
}

static void test_bad_actions(void **state)
{
    struct world *world = *state;
    assert_refusal(world, "/actions/all", "", ERR_BODY_MISSING);
    assert_refusal(world, "/actions/all", "{", ERR_JSON_INVALID);
    assert_refusal(world, "/actions/all", "7", ERR_SHAPE_INVALID);
    assert_refusal(world, "/actions/all", "[7]", ERR_SHAPE_INVALID);
    assert_refusal(world, "/actions/all", "{}", ERR_FIELD_MISSING);
    assert_refusal(world, "/actions/_a", "{\"type\":\"_b\"}", ERR_FIELD_INVALID);
    assert_refusal(world, "/actions/_a", "[{},{},{},{}]", ERR_OK);
    assert_refusal(world, "/actions/_a", "[{},{},{},{},{}]", ERR_ACTIONS_TOO_MANY);
    /* All or none. */
    assert_refusal(world, "/actions/_a", "[{},{\"tags\":1}]", ERR_FIELD_INVALID);
    assert_int_equal(command_of(world, "/actions/_a", "[{},{\"tags\":1}]")->as.actions.count, 0);
    assert_refusal(world, "/thngs/" A "/actions/_a", "{\"thng\":\"" B "\"}", ERR_FIELD_INVALID);
}

/* ---- members ---- */

static void test_members(void **state)
{
    struct world *world = *state;
    const struct command *command =
        command_of(world, "/collections/" C "/thngs", "[\"" A "\", \"" B "\"]");
    assert_int_equal(command->kind, COMMAND_MEMBERS);
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->target_kind, RESOURCE_COLLECTION);
    assert_id(&command->target, C);
    assert_int_equal(command->as.members.change, MEMBERS_ADDED);
    assert_int_equal(command->as.members.member_kind, RESOURCE_THNG);
    assert_int_equal(command->as.members.count, 2);
    assert_id(&command->as.members.ids[0], A);
    assert_id(&command->as.members.ids[1], B);
    assert_int_equal(command_of(world, "/collections/" C "/thngs", "[]")->as.members.count, 0);
}

static void test_bad_members(void **state)
{
    struct world *world = *state;
    const char *topic = "/collections/" C "/thngs";
#define ID "\"" A "\""
    assert_refusal(world, topic, "", ERR_BODY_MISSING);
    assert_refusal(world, topic, "{}", ERR_SHAPE_INVALID);
    assert_refusal(world, topic, ID, ERR_SHAPE_INVALID);
    assert_refusal(world, topic, "[" ID ",1]", ERR_SHAPE_INVALID);
    assert_refusal(world, topic, "[" ID ",\"short\"]", ERR_REFERENCE_UNKNOWN);
    assert_refusal(world, topic, "[" ID "," ID "," ID "," ID "]", ERR_OK);
    assert_refusal(world, topic, "[" ID "," ID "," ID "," ID "," ID "]", ERR_MEMBERS_TOO_MANY);
    assert_int_equal(command_of(world, topic, "[" ID ",1]")->as.members.count, 0);
}

/* ---- documents ---- */

static void test_documents(void **state)
{
    struct world *world = *state;
    const struct command *command =
        command_of(world, "/collections/" C, "{\"description\":\"new\"}");
    assert_int_equal(command->kind, COMMAND_UPDATE);
    assert_int_equal(command->target_kind, RESOURCE_COLLECTION);
    assert_id(&command->target, C);
    assert_text(command->as.update.patch, "\"description\":\"new\"");
    command = command_of(world, "/thngs/" A, "{\"description\":null}");
    assert_int_equal(command->kind, COMMAND_UPDATE);
    assert_int_equal(command->target_kind, RESOURCE_THNG);
    command = command_of(world, "/actions", "{\"name\":\"_door\"}");
    assert_int_equal(command->kind, COMMAND_CREATE);
    assert_int_equal(command->target_kind, RESOURCE_ACTION_TYPE);
    assert_text(command->as.create.name, "_door");
    assert_refusal(world, "/actions", "{\"name\":\"door\"}", ERR_FIELD_INVALID);
}

/* ---- rights ---- */

static void assert_denied(struct world *world, enum actor_kind kind, const char *topic,
                          enum err_code code)
{
    struct err err;
    const struct actor actor = {.kind = kind, .account = ACCOUNT, .id = THNG_A, .project = PROJECT};
    enum publish_sent sent = send_as(world, &actor, topic, "{}", &err);
    if (sent != (code == ERR_OK ? PUBLISH_SENT : PUBLISH_REFUSED) || err.code != code) {
        fail_msg("%s by %d: %s", topic, (int)kind, err_name(err));
    }
}

static void test_rights_of_keys(void **state)
{
    struct world *world = *state;
    assert_denied(world, ACTOR_OPERATOR, "/batches/" P "/tasks", ERR_TOPIC_NOT_PUBLISHABLE);
    assert_denied(world, ACTOR_OPERATOR, "/thngs/" A "/actions/commissions",
                  ERR_TOPIC_NOT_PUBLISHABLE);
    assert_denied(world, ACTOR_DEVICE, "/thngs/" A "/actions/decommissions",
                  ERR_TOPIC_NOT_PUBLISHABLE);
    assert_denied(world, ACTOR_NONE, "/actions/all", ERR_CREDENTIAL_MISSING);
    assert_denied(world, ACTOR_DEVICE, "/actions/all", ERR_DENIED);
    assert_denied(world, ACTOR_DEVICE, "/products/" P "/properties", ERR_DENIED);
    assert_denied(world, ACTOR_DEVICE, "/collections/" C "/thngs", ERR_DENIED);
    assert_denied(world, ACTOR_DEVICE, "/thngs/" A "/actions/all", ERR_OK);
    assert_denied(world, ACTOR_APPLICATION, "/actions/scans", ERR_OK);
    assert_denied(world, ACTOR_APPLICATION, "/actions/all", ERR_DENIED);
    assert_denied(world, ACTOR_APPLICATION, "/actions/checkins", ERR_DENIED);
    assert_denied(world, ACTOR_APPLICATION, "/actions", ERR_DENIED);
    assert_denied(world, ACTOR_TRUSTED, "/actions", ERR_OK);
    assert_denied(world, ACTOR_TRUSTED, "/collections/" C "/thngs", ERR_OK);
}

static void test_no_room(void **state)
{
    struct world *world = *state;
    struct err err;
    const struct actor operator= operator_of(ACCOUNT);
    world->front.in_flight_max = world->front.in_flight;
    static const char *const topics[] = {"/thngs/" A "/properties", "/actions/all",
                                         "/collections/" C "/thngs", "/actions", "/collections/" C};
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        assert_int_equal(send_as(world, &operator, topics[i], "{}", &err), PUBLISH_NO_ROOM);
    }
    assert_int_equal(world->front.batch_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_points_of_a_product),
        TEST(test_project_of_the_topic),
        TEST(test_locations_with_places),
        TEST(test_one_action),
        TEST(test_several_actions),
        TEST(test_bad_actions),
        TEST(test_members),
        TEST(test_bad_members),
        TEST(test_documents),
        TEST(test_rights_of_keys),
        TEST(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
