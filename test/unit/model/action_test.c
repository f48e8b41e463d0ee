/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions: what is read from a body, and the document that is written. */
#include "model/action.h"

#include "model/property.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define THNG "U2345678abcdefghkmnpqrst"
#define OTHER "U2345678abcdefghkmnpqrsw"
#define PRODUCT "U2345678abcdefghkmnpqrsx"
#define PROJECT "U2345678abcdefghkmnpqrsy"

static const struct id thng_id = {.text = THNG};
static const struct id product_id = {.text = PRODUCT};

static const struct document_limits limits = {
    .tag_count_max = 3,
    .tag_characters_max = 4,
    .name_characters_max = 5,
    .description_characters_max = 6,
    .type_characters_max = 4,
    .custom_fields_bytes_max = 16,
};

static struct err read(const char *text, const char *path_type, enum resource_kind root,
                       struct buf *members, struct action *action, struct slice *field)
{
    struct json_value body = {0};
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &body);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    const struct action_check check = {
        .path_type = slice_of_text(path_type),
        .root = root,
        .root_id = root == 0 ? NULL : &thng_id,
        .limits = &limits,
        .members = members,
    };
    return action_read(&check, body, action, field);
}

static void assert_slice(struct slice got, const char *wanted, const char *about)
{
    if (!slice_equal(got, slice_of_text(wanted))) {
        fail_msg("%s: %.*s instead of %s", about, SLICE_ARGS(got), wanted);
    }
}

static void assert_refused(const char *text, const char *path_type, enum resource_kind root,
                           enum err_code code, const char *wanted_field)
{
    struct buf members = {0};
    struct action action;
    struct slice field;
    struct err err = read(text, path_type, root, &members, &action, &field);
    if (err.code != code) {
        fail_msg("%s: %s", text, err_name(err));
    }
    assert_slice(field, wanted_field, text);
    buf_deinit(&members);
}

/* ---- types ---- */

static void types_that_always_exist(void **state)
{
    (void)state;
    static const char *const names[] = {"checkins",      "implicitScans", "scans",
                                        "shares",        "encodings",     "commissions",
                                        "decommissions", "invalidScans"};
    struct slice type;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(action_type_built_in(i, &type));
        assert_slice(type, names[i], "built-in");
        assert_true(action_type_is_built_in(type));
        assert_false(action_type_is_custom_name(type));
    }
    assert_false(action_type_built_in(ARRAY_LEN(names), &type));
    assert_false(action_type_is_built_in(SLICE("Scans")));
    assert_false(action_type_is_built_in(SLICE("scan")));
    assert_false(action_type_is_built_in(SLICE("all")));
    assert_false(action_type_is_built_in((struct slice){0}));
}

static void custom_names(void **state)
{
    (void)state;
    char name[130];
    memset(name, 'x', sizeof(name));
    name[0] = '_';
    assert_true(action_type_is_custom_name(slice_of(name, 2)));
    assert_true(action_type_is_custom_name(slice_of(name, 128)));
    assert_false(action_type_is_custom_name(slice_of(name, 129)));
    assert_false(action_type_is_custom_name(slice_of(name, 1)));
    assert_false(action_type_is_custom_name(slice_of(name, 0)));
    assert_false(action_type_is_custom_name(slice_of(name + 1, 5)));
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t text[] = {'_', (uint8_t)byte};
        bool is_allowed = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == '-';
        assert_int_equal(action_type_is_custom_name(slice_of(text, 2)), is_allowed);
    }
}

/* ---- reading ---- */

static void the_type_of_path_and_body(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *path_type;
        const char *wanted;
    } rows[] = {
        {"{}", "_x", "_x"},
        {"{\"type\":\"\"}", "_x", "_x"},
        {"{\"type\":null}", "_x", "_x"},
        {"{\"type\":\"_x\"}", "_x", "_x"},
        {"{\"type\":\"_\\u0078\"}", "_x", "_x"},
        {"{\"type\":\"scans\"}", "", "scans"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf members = {0};
        struct action action;
        struct slice field;
        struct err err = read(rows[i].text, rows[i].path_type, 0, &members, &action, &field);
        assert_int_equal(err.code, ERR_OK);
        assert_slice(action.type, rows[i].wanted, rows[i].text);
        assert_int_equal(field.bytes, 0);
        buf_deinit(&members);
    }
    assert_refused("{}", "", 0, ERR_FIELD_MISSING, "type");
    assert_refused("{\"type\":\"\"}", "", 0, ERR_FIELD_MISSING, "type");
    assert_refused("{\"type\":null}", "", 0, ERR_FIELD_MISSING, "type");
    assert_refused("{\"type\":7}", "", 0, ERR_FIELD_INVALID, "type");
    assert_refused("{\"type\":\"_y\"}", "_x", 0, ERR_FIELD_INVALID, "type");
    assert_refused("{\"type\":\"a b\"}", "", 0, ERR_NOT_FOUND, "type");
    assert_refused("{\"type\":\"\\u0073cans\"}", "", 0, ERR_NOT_FOUND, "type");
    assert_refused("{}", "a\"b", 0, ERR_NOT_FOUND, "type");
    assert_refused("[]", "_x", 0, ERR_SHAPE_INVALID, "");
}

static void targets_of_path_and_body(void **state)
{
    (void)state;
    struct buf members = {0};
    struct action action;
    struct slice field;
    assert_int_equal(read("{\"product\":\"" PRODUCT "\",\"collection\":null}", "_x", RESOURCE_THNG,
                          &members, &action, &field)
                         .code,
                     ERR_OK);
    assert_slice(id_slice(&action.thng), THNG, "from the path");
    assert_slice(id_slice(&action.product), PRODUCT, "from the body");
    assert_false(id_is_set(&action.collection));
    assert_int_equal(
        read("{\"collection\":\"" THNG "\"}", "_x", RESOURCE_COLLECTION, &members, &action, &field)
            .code,
        ERR_OK);
    assert_slice(id_slice(&action.collection), THNG, "from both");
    assert_false(id_is_set(&action.thng));
    assert_int_equal(read("{}", "_x", RESOURCE_PRODUCT, &members, &action, &field).code, ERR_OK);
    assert_slice(id_slice(&action.product), THNG, "from the path");
    assert_int_equal(read("{}", "_x", 0, &members, &action, &field).code, ERR_OK);
    assert_false(id_is_set(&action.thng) || id_is_set(&action.product));
    buf_deinit(&members);
    assert_refused("{\"thng\":\"" OTHER "\"}", "_x", RESOURCE_THNG, ERR_FIELD_INVALID, "thng");
    assert_refused("{\"thng\":7}", "_x", RESOURCE_THNG, ERR_FIELD_INVALID, "thng");
    assert_refused("{\"thng\":7}", "_x", 0, ERR_FIELD_INVALID, "thng");
    assert_refused("{\"product\":\"x\"}", "_x", 0, ERR_REFERENCE_UNKNOWN, "product");
    assert_refused("{\"collection\":\"\"}", "_x", 0, ERR_REFERENCE_UNKNOWN, "collection");
}

static void times_and_places(void **state)
{
    (void)state;
    struct buf members = {0};
    struct action action;
    struct slice field;
    assert_int_equal(read("{\"timestamp\":5,\"location\":{\"latitude\":1.0,\"longitude\":2},"
                          "\"locationSource\":\"sensor\"}",
                          "_x", 0, &members, &action, &field)
                         .code,
                     ERR_OK);
    assert_int_equal(action.timestamp_ms, 5);
    assert_true(action.has_location);
    assert_slice(action.location.latitude, "1.0", "latitude");
    assert_slice(action.location_source, "sensor", "source");
    assert_int_equal(read("{\"timestamp\":null,\"location\":null,\"locationSource\":null}", "_x", 0,
                          &members, &action, &field)
                         .code,
                     ERR_OK);
    assert_int_equal(action.timestamp_ms, TIMESTAMP_NONE);
    assert_false(action.has_location);
    assert_int_equal(action.location_source.bytes, 0);
    buf_deinit(&members);
    assert_refused("{\"timestamp\":-1}", "_x", 0, ERR_TIMESTAMP_INVALID, "timestamp");
    assert_refused("{\"location\":[]}", "_x", 0, ERR_FIELD_INVALID, "location");
    assert_refused("{\"location\":{}}", "_x", 0, ERR_LOCATION_INVALID, "location");
    assert_refused("{\"location\":{\"place\":\"p\"}}", "_x", 0, ERR_REFERENCE_UNKNOWN, "location");
    assert_refused("{\"locationSource\":\"gps\"}", "_x", 0, ERR_FIELD_INVALID, "locationSource");
    assert_refused("{\"locationSource\":7}", "_x", 0, ERR_FIELD_INVALID, "locationSource");
}

#define ALL_MEMBERS                                                                 \
    "\"identifiers\":{\"a\":\"b\"},\"tags\":[\"t\"],\"customFields\":{\"n\":1.50}," \
    "\"url\":\"u\",\"shortId\":\"i\",\"shortDomain\":\"d\",\"sharedWith\":[\"w\"]," \
    "\"device\":{\"v\":1}"

static void members_that_are_kept(void **state)
{
    (void)state;
    struct buf members = {0};
    struct action action;
    struct slice field;
    BUF_PUT_LITERAL(&members, "before");
    /* Read-only, unknown and absent ones are left out; white space too. */
    assert_int_equal(read("{ \"id\":\"x\",\"createdAt\":1,\"user\":\"u\",\"context\":{},\"x\":1,"
                          "\"reactions\":[],\"tags\":null,"
                          "\"url\" : \"u\", \"identifiers\":{ \"a\": \"b\" }}",
                          "_x", 0, &members, &action, &field)
                         .code,
                     ERR_OK);
    assert_slice(action.members, "\"identifiers\":{\"a\":\"b\"},\"url\":\"u\"", "members");
    buf_reset(&members);
    BUF_PUT_LITERAL(&members, "before");
    assert_int_equal(read("{ " ALL_MEMBERS "}", "_x", 0, &members, &action, &field).code, ERR_OK);
    assert_slice(action.members, ALL_MEMBERS, "all members");
    assert_slice(buf_data(&members), "before" ALL_MEMBERS, "nothing else in the buffer");
    assert_int_equal(read("{}", "_x", 0, &members, &action, &field).code, ERR_OK);
    assert_int_equal(action.members.bytes, 0);
    assert_slice(buf_data(&members), "before" ALL_MEMBERS, "nothing for nothing");
    members.bytes_max = buf_bytes(&members);
    assert_int_equal(read("{\"tags\":[]}", "_x", 0, &members, &action, &field).code, ERR_NO_MEMORY);
    buf_deinit(&members);
    assert_refused("{\"tags\":[7]}", "_x", 0, ERR_FIELD_INVALID, "tags");
    assert_refused("{\"tags\":[\"12345\"]}", "_x", 0, ERR_FIELD_TOO_LONG, "tags");
    assert_refused("{\"identifiers\":{\"a\":[]}}", "_x", 0, ERR_FIELD_INVALID, "identifiers");
    assert_refused("{\"customFields\":[]}", "_x", 0, ERR_FIELD_INVALID, "customFields");
    assert_refused("{\"customFields\":{\"a\":12345678901}}", "_x", 0, ERR_FIELD_TOO_LONG,
                   "customFields");
    assert_refused("{\"url\":7}", "_x", 0, ERR_FIELD_INVALID, "url");
    assert_refused("{\"shortId\":\"123456\"}", "_x", 0, ERR_FIELD_TOO_LONG, "shortId");
    assert_refused("{\"device\":\"123456789012345\"}", "_x", 0, ERR_FIELD_TOO_LONG, "device");
}

/* ---- writing ---- */

static void assert_written(const struct action *action, const struct action_origin *origin,
                           const char *wanted)
{
    struct buf out = {0};
    struct json_value root;
    action_write(&out, action, origin);
    assert_slice(buf_data(&out), wanted, "document");
    assert_int_equal(json_scan(buf_data(&out), JSON_DEPTH_MAX, &root).code, ERR_OK);
    buf_deinit(&out);
}

#define START "{\"id\":\"" OTHER "\",\"type\":\"_x\",\"timestamp\":5,\"createdAt\":6"
#define AT "\"latitude\":1,\"longitude\":2"

static void a_document_in_its_order(void **state)
{
    (void)state;
    const struct actor operator_key = {.kind = ACTOR_OPERATOR, .id = {.text = OTHER}};
    struct action action = {.type = SLICE("_x")};
    struct action_origin origin = {
        .id = {.text = OTHER}, .created_ms = 6, .timestamp_ms = 5, .actor = &operator_key};
    assert_written(&action, &origin, START "}");

    const struct actor application = {
        .kind = ACTOR_TRUSTED, .id = {.text = THNG}, .project = {.text = PROJECT}};
    action = (struct action){.type = SLICE("_x"),
                             .thng = thng_id,
                             .collection = product_id,
                             .members = SLICE("\"tags\":[],\"url\":\"u\"")};
    origin.actor = &application;
    origin.product = product_id;
    origin.location = SLICE(AT);
    origin.context = SLICE("{\"ipAddress\":\"::1\"}");
    assert_written(&action, &origin,
                   START ",\"thng\":\"" THNG "\",\"product\":\"" PRODUCT
                         "\",\"collection\":\"" PRODUCT "\",\"createdByProject\":\"" PROJECT
                         "\",\"createdByApp\":\"" THNG "\",\"location\":{" AT
                         "},\"locationSource\":\"unknown\",\"tags\":[],"
                         "\"url\":\"u\",\"context\":{\"ipAddress\":\"::1\"}}");
}

static void who_did_it(void **state)
{
    (void)state;
    const struct action action = {.type = SLICE("_x")};
    struct actor actor = {.kind = ACTOR_DEVICE, .id = {.text = THNG}};
    const struct action_origin origin = {
        .id = {.text = OTHER}, .created_ms = 6, .timestamp_ms = 5, .actor = &actor};
    assert_written(&action, &origin, START ",\"createdByThng\":\"" THNG "\"}");
    actor = (struct actor){
        .kind = ACTOR_APPLICATION, .id = {.text = THNG}, .project = {.text = PROJECT}};
    assert_written(&action, &origin,
                   START ",\"createdByProject\":\"" PROJECT "\",\"createdByApp\":\"" THNG "\"}");
    actor = (struct actor){.kind = ACTOR_USER,
                           .id = {.text = THNG},
                           .project = {.text = PROJECT},
                           .application = {.text = PRODUCT}};
    assert_written(&action, &origin,
                   START ",\"user\":\"" THNG "\",\"createdByProject\":\"" PROJECT
                         "\",\"createdByApp\":\"" PRODUCT "\"}");
    actor = (struct actor){.kind = ACTOR_ACCESS_TOKEN, .id = {.text = THNG}};
    assert_written(&action, &origin, START "}");
}

static void how_the_location_is_known(void **state)
{
    (void)state;
    const struct actor actor = {.kind = ACTOR_OPERATOR};
    const struct action action = {.type = SLICE("_x")};
    struct action_origin origin = {
        .id = {.text = OTHER}, .created_ms = 6, .timestamp_ms = 5, .actor = &actor};
    /* Without a location it means nothing (contract: REST 7.2). */
    origin.location_source = SLICE("sensor");
    assert_written(&action, &origin, START "}");
    origin.location = SLICE(AT);
    assert_written(&action, &origin, START ",\"location\":{" AT "},\"locationSource\":\"sensor\"}");
    origin.is_by_place = true;
    assert_written(&action, &origin, START ",\"location\":{" AT "},\"locationSource\":\"sensor\"}");
    origin.location_source = (struct slice){0};
    assert_written(&action, &origin, START ",\"location\":{" AT "},\"locationSource\":\"place\"}");
}

static void targets_are_read_again(void **state)
{
    (void)state;
    struct action_targets targets;
    action_targets(SLICE(START ",\"thng\":\"" THNG "\",\"product\":\"" PRODUCT
                               "\",\"collection\":\"" OTHER "\"}"),
                   &targets);
    assert_slice(targets.type, "_x", "type");
    assert_slice(id_slice(&targets.thng), THNG, "thng");
    assert_slice(id_slice(&targets.product), PRODUCT, "product");
    assert_slice(id_slice(&targets.collection), OTHER, "collection");
    action_targets(SLICE(START ",\"customFields\":{\"thng\":\"" THNG "\"}}"), &targets);
    assert_false(id_is_set(&targets.thng) || id_is_set(&targets.product) ||
                 id_is_set(&targets.collection));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_that_always_exist),   cmocka_unit_test(custom_names),
        cmocka_unit_test(the_type_of_path_and_body), cmocka_unit_test(targets_of_path_and_body),
        cmocka_unit_test(times_and_places),          cmocka_unit_test(members_that_are_kept),
        cmocka_unit_test(a_document_in_its_order),   cmocka_unit_test(who_did_it),
        cmocka_unit_test(how_the_location_is_known), cmocka_unit_test(targets_are_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
