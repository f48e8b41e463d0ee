/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of documents become commands that own all they carry; what is wrong with a body is the
 * command's refusal. */
#include "front/publish_document.h"

#include "deliver_fixture.h"
#include "model/property.h"

#define A "UaBcDeFgHkMnPqRsTwXyAaBb"
#define P "UpBcDeFgHkMnPqRsTwXyAaBb"

static const struct id PROJECT = {.text = "UqBcDeFgHkMnPqRsTwXyAaBb"};

static void assert_text(struct slice found, const char *wanted)
{
    if (!slice_equal(found, slice_of_text(wanted))) {
        fail_msg("'%.*s' instead of '%s'", SLICE_ARGS(found), wanted);
    }
}

struct sent {
    const struct command *command;
    struct err refusal;
    char field[32];
};

/* Sends a body from memory that is gone afterwards. */
static struct sent send_body(struct world *world, struct document_send send, const char *text)
{
    struct sent sent = {0};
    struct slice field;
    const struct actor operator= operator_of(ACCOUNT);
    char *body = strdup(text);
    send.body = slice_of_text(body);
    send.actor = &operator;
    send.qos = 1;
    send.request = 9;
    assert_int_equal(document_send(&world->clients[0].conn, &send, &field, &sent.refusal),
                     PUBLISH_SENT);
    assert_true(field.bytes < sizeof(sent.field));
    memcpy(sent.field, field.bytes > 0 ? field.at : (const uint8_t *)"", field.bytes);
    memset(body, 'x', strlen(body));
    free(body);
    buf_reset(&world->front.scratch);
    buf_reset(&world->front.scopes);
    const struct command_batch *batch = world->front.batches[world->front.batch_count - 1];
    sent.command = batch->first;
    while (sent.command->next != NULL) {
        sent.command = sent.command->next;
    }
    assert_int_equal(sent.command->refusal.code, sent.refusal.code);
    assert_int_equal(sent.command->token.request, 9);
    return sent;
}

static struct document_send creation_of(enum resource_kind kind)
{
    return (struct document_send){.kind = kind, .is_creation = true};
}

static void test_a_creation(void **state)
{
    struct document_send send = creation_of(RESOURCE_THNG);
    send.project = PROJECT;
    struct sent sent = send_body(
        *state, send,
        "{ \"name\" : \"x\", \"product\":\"" P "\",\"properties\":{\"Te\\u006Dp\": 1.50,\"b\":[1]},"
        "\"scopes\":{\"users\":[\"allU\"],\"projects\":[]},"
        "\"location\":{\"latitude\":1,\"longitude\":2,\"place\":\"" A "\"}}");
    const struct command *command = sent.command;
    assert_int_equal(sent.refusal.code, ERR_OK);
    assert_int_equal(command->kind, COMMAND_CREATE);
    assert_int_equal(command->target_kind, RESOURCE_THNG);
    assert_true(id_equal(&command->project, &PROJECT));
    assert_text(command->as.create.members, "\"name\":\"x\",\"product\":\"" P "\"");
    assert_text(command->as.create.scopes, "{\"users\":[\"all\"],\"projects\":[]}");
    assert_int_equal(command->as.create.point_count, 3);
    const struct command_point *points = command->as.create.points;
    assert_text(points[0].key, "temp");
    assert_text(points[0].value, "1.50");
    assert_int_equal(points[0].timestamp_ms, TIMESTAMP_NONE);
    assert_text(points[1].key, "b");
    assert_text(points[1].value, "[1]");
    assert_text(points[2].key, "");
    assert_text(id_slice(&points[2].place), A);
    /* The product, and the place that is named beside coordinates. */
    assert_int_equal(command->as.create.reference_count, 2);
    assert_int_equal(command->as.create.references[0].kind, RESOURCE_PRODUCT);
    assert_text(id_slice(&command->as.create.references[0].id), P);
    assert_int_equal(command->as.create.references[1].kind, RESOURCE_PLACE);
    assert_text(id_slice(&command->as.create.references[1].id), A);
}

/* Its coordinates are the engine's to find. */
static void test_a_location_by_place_alone(void **state)
{
    struct sent sent = send_body(*state, creation_of(RESOURCE_THNG),
                                 "{\"name\":\"x\",\"location\":{\"place\":\"" A "\"}}");
    assert_int_equal(sent.command->as.create.reference_count, 1);
    assert_int_equal(sent.command->as.create.references[0].kind, RESOURCE_PLACE);
    assert_int_equal(sent.command->as.create.point_count, 1);
    assert_text(id_slice(&sent.command->as.create.points[0].place), A);
    assert_text(sent.command->as.create.points[0].value, "\"place\":\"" A "\"");
}

static void test_unique_names_are_decoded(void **state)
{
    struct sent sent =
        send_body(*state, creation_of(RESOURCE_FILE),
                  "{\"name\":\"a\\u0062\\\"\",\"type\":\"text/plain\",\"privateAccess\":false}");
    assert_int_equal(sent.refusal.code, ERR_OK);
    assert_text(sent.command->as.create.name, "ab\"");
    sent = send_body(*state, creation_of(RESOURCE_ACTION_TYPE), "{\"name\":\"_a\"}");
    assert_text(sent.command->as.create.name, "_a");
}

static void test_keys_and_more_members_go_along(void **state)
{
    struct document_send send = creation_of(RESOURCE_APPLICATION);
    char sealed[] = "sealed";
    const struct command_key keys[] = {
        {.kind = KEY_APPLICATION, .hash = {1}, .sealed = slice_of_text(sealed)},
        {.kind = KEY_TRUSTED, .hash = {2}},
    };
    send.parent = PROJECT;
    send.keys = keys;
    send.key_count = ARRAY_LEN(keys);
    send.extra_members = SLICE("\"z\":1");
    struct sent sent = send_body(*state, send, "{\"name\":\"x\",\"socialNetworks\":{}}");
    memset(sealed, 'x', sizeof(sealed) - 1);
    const struct command *command = sent.command;
    assert_true(id_equal(&command->as.create.parent, &PROJECT));
    assert_int_equal(command->as.create.key_count, 2);
    assert_int_equal(command->as.create.keys[0].kind, KEY_APPLICATION);
    assert_text(command->as.create.keys[0].sealed, "sealed");
    assert_int_equal(command->as.create.keys[1].hash[0], 2);
    struct slice members = command->as.create.members;
    assert_text(slice_from(members, members.bytes - 6), ",\"z\":1");
}

static void test_an_update(void **state)
{
    struct document_send send = {.kind = RESOURCE_PLACE, .target = THNG_A};
    struct sent sent = send_body(*state, send, "{\"parentPlace\":\"" P "\",\"id\":\"" A "\"}");
    const struct command *command = sent.command;
    assert_int_equal(sent.refusal.code, ERR_OK);
    assert_int_equal(command->kind, COMMAND_UPDATE);
    assert_int_equal(command->target_kind, RESOURCE_PLACE);
    assert_text(id_slice(&command->target), A);
    assert_int_equal(command->as.update.reference_count, 1);
    assert_int_equal(command->as.update.references[0].kind, RESOURCE_PLACE);
    assert_int_equal(command->as.update.scopes.bytes, 0);
    send.target = THNG_B;
    sent = send_body(*state, send, "{\"id\":\"" A "\"}");
    assert_int_equal(sent.refusal.code, ERR_ID_MISMATCH);
}

/* What the caller knows to be wrong with a body is told when nothing else is. */
static void test_refusals_of_the_caller(void **state)
{
    struct document_send send = {
        .kind = RESOURCE_PLACE,
        .target = THNG_A,
        .refusal = ERR(GRANTS_TOO_MUCH),
    };
    struct sent sent = send_body(*state, send, "{\"name\":\"x\"}");
    assert_int_equal(sent.refusal.code, ERR_GRANTS_TOO_MUCH);
    assert_int_equal(sent.command->refusal.code, ERR_GRANTS_TOO_MUCH);
    assert_int_equal(sent.command->as.update.patch.bytes, 0);
    sent = send_body(*state, send, "{\"name\":7}");
    assert_int_equal(sent.refusal.code, ERR_FIELD_INVALID);
}

static void test_what_it_must_be_permitted(void **state)
{
    struct document_send send = {.kind = RESOURCE_PLACE, .target = THNG_A};
    struct sent sent = send_body(*state, send, "{\"name\":\"x\"}");
    assert_int_equal(sent.command->operation, 0); /* as it follows from what is sent */
    assert_false(sent.command->is_for_all_users);
    send.subject = PERM_OPERATORS;
    send.operation = PERM_UPDATE;
    send.is_for_all_users = true;
    sent = send_body(*state, send, "{\"name\":\"x\"}");
    assert_int_equal(sent.command->subject, PERM_OPERATORS);
    assert_int_equal(sent.command->operation, PERM_UPDATE);
    assert_true(sent.command->is_for_all_users);
}

static void test_bad_bodies_are_refusals(void **state)
{
    struct world *world = *state;
    world->shared.limits.points_max = 2;
    static const struct {
        const char *body;
        enum err_code code;
        const char *field;
    } rows[] = {
        {"", ERR_BODY_MISSING, ""},
        {"{", ERR_JSON_INVALID, ""},
        {"[]", ERR_SHAPE_INVALID, ""},
        {"{}", ERR_FIELD_MISSING, "name"},
        {"{\"name\":7}", ERR_FIELD_INVALID, "name"},
        {"{\"name\":\"x\",\"product\":\"y\"}", ERR_REFERENCE_UNKNOWN, "product"},
        {"{\"name\":\"x\",\"properties\":{\"a\":null}}", ERR_PROPERTY_VALUE_MISSING, "properties"},
        {"{\"name\":\"x\",\"properties\":{\"a\":1,\"b\":2,\"c\":3}}", ERR_POINTS_TOO_MANY, ""},
        {"{\"name\":\"x\",\"location\":{}}", ERR_LOCATION_INVALID, "location"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sent sent = send_body(world, creation_of(RESOURCE_THNG), rows[i].body);
        if (sent.refusal.code != rows[i].code) {
            fail_msg("%s: %s", rows[i].body, err_name(sent.refusal));
        }
        assert_string_equal(sent.field, rows[i].field);
        assert_int_equal(sent.command->as.create.point_count, 0);
    }
}

static void test_last_words_have_no_answer(void **state)
{
    struct document_send send = {.kind = RESOURCE_THNG, .target = THNG_A, .is_last_words = true};
    struct world *world = *state;
    const struct actor operator= operator_of(ACCOUNT);
    struct slice field;
    struct err refusal;
    send.body = SLICE("{}");
    send.actor = &operator;
    assert_int_equal(document_send(&world->clients[0].conn, &send, &field, &refusal), PUBLISH_SENT);
    const struct command *command = world->front.batches[0]->first;
    assert_false(command->wants_answer);
    assert_int_equal(command->qos, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_creation),
        TEST(test_a_location_by_place_alone),
        TEST(test_unique_names_are_decoded),
        TEST(test_keys_and_more_members_go_along),
        TEST(test_an_update),
        TEST(test_refusals_of_the_caller),
        TEST(test_what_it_must_be_permitted),
        TEST(test_bad_bodies_are_refusals),
        TEST(test_last_words_have_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
