/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds: what each takes from a body beyond what all have in common, and what its table says of
 * it. */
#include "unit/model/document_fixture.h"

#include <string.h>

/* ---- products ---- */

static void a_product_has_its_name_twice(void **state)
{
    (void)state;
    assert_kept(RESOURCE_PRODUCT, true, "{\"name\":\"x\",\"brand\":\"b\"}",
                "\"name\":\"x\",\"fn\":\"x\",\"brand\":\"b\"");
    assert_kept(RESOURCE_PRODUCT, true, "{\"fn\":\"x\"}", "\"name\":\"x\",\"fn\":\"x\"");
    assert_kept(RESOURCE_PRODUCT, true, "{\"fn\":\"x\",\"name\":\"y\"}",
                "\"name\":\"y\",\"fn\":\"y\"");
    assert_kept(RESOURCE_PRODUCT, false, "{\"fn\":\"x\"}", "");
    assert_kept(RESOURCE_PRODUCT, false, "{\"name\":\"y\"}", "\"name\":\"y\",\"fn\":\"y\"");
    assert_refused(RESOURCE_PRODUCT, true, "{}", ERR_FIELD_MISSING, "name");
    assert_refused(RESOURCE_PRODUCT, true, "{\"fn\":\"\"}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_PRODUCT, true, "{\"fn\":null}", ERR_FIELD_MISSING, "name");
    assert_refused(RESOURCE_THNG, true, "{\"fn\":\"x\"}", ERR_FIELD_MISSING, "name");
}

static void a_product_has_lists_of_texts(void **state)
{
    (void)state;
    assert_kept(RESOURCE_PRODUCT, false,
                "{\"url\":\"u\",\"color\":\"c\",\"categories\":[\"a\"],\"photos\":[]}",
                "\"url\":\"u\",\"color\":\"c\",\"categories\":[\"a\"],\"photos\":[]");
    assert_refused(RESOURCE_PRODUCT, false, "{\"photos\":[7]}", ERR_FIELD_INVALID, "photos");
    assert_refused(RESOURCE_PRODUCT, false, "{\"categories\":{}}", ERR_FIELD_INVALID, "categories");
    assert_refused(RESOURCE_PRODUCT, false, "{\"brand\":\"123456\"}", ERR_FIELD_TOO_LONG, "brand");
    assert_refused(RESOURCE_PRODUCT, false, "{\"url\":7}", ERR_FIELD_INVALID, "url");
    for (unsigned count = 100; count <= 101; count++) {
        struct buf text = {0};
        BUF_PUT_LITERAL(&text, "{\"photos\":[\"p\"");
        for (unsigned i = 1; i < count; i++) {
            BUF_PUT_LITERAL(&text, ",\"p\"");
        }
        BUF_PUT_LITERAL(&text, "]}");
        struct checked checked = check_body(RESOURCE_PRODUCT, buf_data(&text), false);
        assert_int_equal(checked.err.code, count == 100 ? ERR_OK : ERR_FIELD_TOO_LONG);
        checked_free(&checked);
        buf_deinit(&text);
    }
}

static void a_product_has_first_values(void **state)
{
    (void)state;
    struct checked checked = check_body(
        RESOURCE_PRODUCT, SLICE("{\"name\":\"x\",\"properties\":{\"a\":1},\"location\":7}"), true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_true(checked.body.has_properties);
    assert_false(checked.body.has_location);
    checked_free(&checked);
}

/* ---- collections ---- */

static void a_collection_has_no_members(void **state)
{
    (void)state;
    assert_kept(RESOURCE_COLLECTION, true,
                "{\"name\":\"x\",\"collections\":[1],\"product\":7,\"properties\":7,\"type\":\"\"}",
                "\"name\":\"x\",\"type\":null");
    assert_refused(RESOURCE_COLLECTION, true, "{}", ERR_FIELD_MISSING, "name");
}

/* ---- places ---- */

#define BERN                                                                   \
    "\"latitude\":46.95,\"longitude\":7.450,\"position\":{\"type\":\"Point\"," \
    "\"coordinates\":[7.450,46.95]}"
#define CLEARED "\"latitude\":null,\"longitude\":null,\"position\":null"

static void a_place_has_one_position(void **state)
{
    (void)state;
    assert_kept(RESOURCE_PLACE, true, "{}", "");
    assert_kept(RESOURCE_PLACE, true,
                "{\"position\":{\"coordinates\":[7.450,46.95]},\"name\":\"x\"}",
                "\"name\":\"x\"," BERN);
    assert_kept(RESOURCE_PLACE, true, "{\"longitude\":7.450,\"latitude\":46.95}", BERN);
    assert_kept(RESOURCE_PLACE, false,
                "{\"latitude\":1,\"longitude\":2,\"position\":{\"coordinates\":[7.450,46.95]}}",
                BERN);
    assert_kept(RESOURCE_PLACE, false, "{\"name\":\"x\"}", "\"name\":\"x\"," CLEARED);
    assert_kept(RESOURCE_PLACE, false, "{\"position\":null}", CLEARED);
    assert_refused(RESOURCE_PLACE, true, "{\"latitude\":1}", ERR_LOCATION_INVALID, "position");
    assert_refused(RESOURCE_PLACE, true, "{\"latitude\":91,\"longitude\":1}", ERR_LOCATION_INVALID,
                   "position");
    assert_refused(RESOURCE_PLACE, false, "{\"position\":{\"type\":\"Polygon\"}}",
                   ERR_LOCATION_INVALID, "position");
}

static void a_place_has_an_address_and_a_parent(void **state)
{
    (void)state;
    assert_kept(RESOURCE_PLACE, true, "{\"icon\":\"i\",\"address\":{\"city\":\"B\"}}",
                "\"icon\":\"i\",\"address\":{\"city\":\"B\"}");
    assert_kept(RESOURCE_PLACE, true, "{\"name\":null}", "\"name\":null");
    assert_refused(RESOURCE_PLACE, true, "{\"name\":\"\"}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_PLACE, true, "{\"address\":{\"city\":7}}", ERR_FIELD_INVALID,
                   "address");
    assert_refused(RESOURCE_PLACE, true, "{\"address\":[]}", ERR_FIELD_INVALID, "address");
    assert_refused(RESOURCE_PLACE, true, "{\"address\":{\"c\":\"12345678901\"}}",
                   ERR_FIELD_TOO_LONG, "address");
    struct checked checked =
        check_body(RESOURCE_PLACE, SLICE("{\"parentPlace\":\"" OTHER "\"}"), true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_int_equal(checked.body.reference_count, 1);
    assert_int_equal(checked.body.references[0].kind, RESOURCE_PLACE);
    assert_slice(id_slice(&checked.body.references[0].id), OTHER, "parentPlace");
    checked_free(&checked);
    assert_refused(RESOURCE_PLACE, true, "{\"parentPlace\":\"home\"}", ERR_REFERENCE_UNKNOWN,
                   "parentPlace");
}

/* ---- projects and applications ---- */

static void a_project_has_times_and_domains(void **state)
{
    (void)state;
    assert_kept(RESOURCE_PROJECT, true, "{\"name\":\"x\"}", "\"name\":\"x\",\"shortDomains\":[]");
    assert_kept(RESOURCE_PROJECT, true,
                "{\"shortDomains\":[\"d\"],\"name\":\"x\",\"startsAt\":0,"
                "\"endsAt\":9007199254740991,\"imageUrl\":\"i\",\"type\":\"t\"}",
                "\"shortDomains\":[\"d\"],\"name\":\"x\",\"startsAt\":0,"
                "\"endsAt\":9007199254740991,\"imageUrl\":\"i\"");
    assert_kept(RESOURCE_PROJECT, true, "{\"name\":\"x\",\"shortDomains\":null}",
                "\"name\":\"x\",\"shortDomains\":[]");
    assert_kept(RESOURCE_PROJECT, false, "{\"shortDomains\":null,\"endsAt\":null}",
                "\"shortDomains\":[],\"endsAt\":null");
    assert_kept(RESOURCE_PROJECT, false, "{}", "");
    assert_refused(RESOURCE_PROJECT, false, "{\"startsAt\":-1}", ERR_FIELD_INVALID, "startsAt");
    assert_refused(RESOURCE_PROJECT, false, "{\"startsAt\":1.5}", ERR_FIELD_INVALID, "startsAt");
    assert_refused(RESOURCE_PROJECT, false, "{\"startsAt\":\"1\"}", ERR_FIELD_INVALID, "startsAt");
    assert_refused(RESOURCE_PROJECT, false, "{\"endsAt\":9007199254740992}", ERR_FIELD_INVALID,
                   "endsAt");
    assert_refused(RESOURCE_PROJECT, false, "{\"shortDomains\":\"d\"}", ERR_FIELD_INVALID,
                   "shortDomains");
    assert_refused(RESOURCE_PROJECT, true, "{}", ERR_FIELD_MISSING, "name");
}

#define DEFAULTS "\"socialNetworks\":{},\"defaultRole\":\"base_app_user\""

static void an_application_has_defaults(void **state)
{
    (void)state;
    assert_kept(RESOURCE_APPLICATION, true, "{\"name\":\"x\"}", "\"name\":\"x\"," DEFAULTS);
    assert_kept(RESOURCE_APPLICATION, true,
                "{\"name\":\"x\",\"socialNetworks\":{\"f\":1},\"defaultUrl\":\"u\","
                "\"defaultRole\":\"" OTHER "\",\"identifiers\":{\"a\":\"b\"},\"type\":\"t\","
                "\"project\":\"p\",\"appApiKey\":\"k\"}",
                "\"name\":\"x\",\"socialNetworks\":{\"f\":1},\"defaultUrl\":\"u\","
                "\"defaultRole\":\"" OTHER "\"");
    assert_kept(RESOURCE_APPLICATION, false, "{\"socialNetworks\":null,\"defaultRole\":null}",
                DEFAULTS);
    assert_kept(RESOURCE_APPLICATION, false, "{\"defaultRole\":\"none\"}",
                "\"defaultRole\":\"none\"");
    assert_refused(RESOURCE_APPLICATION, false, "{\"defaultRole\":\"admin\"}",
                   ERR_REFERENCE_UNKNOWN, "defaultRole");
    assert_refused(RESOURCE_APPLICATION, false, "{\"defaultRole\":\"1234567890123\"}",
                   ERR_REFERENCE_UNKNOWN, "defaultRole");
    assert_refused(RESOURCE_APPLICATION, false, "{\"defaultRole\":7}", ERR_FIELD_INVALID,
                   "defaultRole");
    assert_refused(RESOURCE_APPLICATION, false, "{\"socialNetworks\":[]}", ERR_FIELD_INVALID,
                   "socialNetworks");
    assert_refused(RESOURCE_APPLICATION, true, "{\"socialNetworks\":{}}", ERR_FIELD_MISSING,
                   "name");
}

/* ---- batches, files, action types ---- */

static void a_batch_begins_empty(void **state)
{
    (void)state;
    assert_kept(RESOURCE_BATCH, true,
                "{\"name\":\"x\",\"status\":\"SEALED\",\"resourceCountsByProduct\":{\"a\":1}}",
                "\"name\":\"x\",\"status\":\"EMPTY\",\"resourceCountsByProduct\":{}");
    assert_kept(RESOURCE_BATCH, false, "{\"name\":\"x\",\"status\":null,\"type\":\"t\"}",
                "\"name\":\"x\"");
}

static void a_file_has_a_media_type(void **state)
{
    (void)state;
    assert_kept(RESOURCE_FILE, true, "{\"name\":\"x\",\"type\":\"image\\/png\"}",
                "\"name\":\"x\",\"type\":\"image/png\",\"privateAccess\":true");
    assert_kept(RESOURCE_FILE, true,
                "{\"name\":\"x\",\"type\":\"text/csv; charset=utf-8\",\"privateAccess\":false,"
                "\"size\":7,\"uploadUrl\":\"u\"}",
                "\"name\":\"x\",\"type\":\"text/csv; charset=utf-8\",\"privateAccess\":false");
    static const char *const wrong[] = {"",        "text",      "/csv",       "text/",
                                        "a/b\\nc", "a/\\u00e4", "a/\xc3\xa4", "a/b\\\"c\\\""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"name\":\"x\",\"type\":\"%s\"}", wrong[i]);
        assert_refused(RESOURCE_FILE, true, text, ERR_FIELD_INVALID, "type");
    }
    assert_refused(RESOURCE_FILE, true, "{\"name\":\"x\"}", ERR_FIELD_MISSING, "type");
    assert_refused(RESOURCE_FILE, true, "{\"type\":\"a/b\"}", ERR_FIELD_MISSING, "name");
    assert_refused(RESOURCE_FILE, true, "{\"name\":\"x\",\"type\":\"a/b\",\"privateAccess\":1}",
                   ERR_FIELD_INVALID, "privateAccess");
}

static void media_types_have_a_limit(void **state)
{
    (void)state;
    for (unsigned bytes = 512; bytes <= 513; bytes++) {
        struct buf text = {0};
        BUF_PUT_LITERAL(&text, "{\"name\":\"x\",\"type\":\"a/");
        for (unsigned i = 2; i < bytes; i++) {
            buf_put_byte(&text, 'b');
        }
        BUF_PUT_LITERAL(&text, "\"}");
        struct checked checked = check_body(RESOURCE_FILE, buf_data(&text), true);
        assert_int_equal(checked.err.code, bytes == 512 ? ERR_OK : ERR_FIELD_TOO_LONG);
        checked_free(&checked);
        buf_deinit(&text);
    }
}

static void unique_names_are_handed_out(void **state)
{
    (void)state;
    struct checked checked =
        check_body(RESOURCE_FILE, SLICE("{\"name\":\"a\\nb\",\"type\":\"a/b\"}"), true);
    assert_slice(checked.body.name, "a\\nb", "file");
    checked_free(&checked);
    checked = check_body(RESOURCE_ACTION_TYPE, SLICE("{\"name\":\"_\\u0061\"}"), true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_slice(checked.body.name, "_\\u0061", "action type");
    checked_free(&checked);
    checked = check_body(RESOURCE_THNG, SLICE("{\"name\":\"a\"}"), true);
    assert_int_equal(checked.body.name.bytes, 0);
    checked_free(&checked);
}

static void an_action_type_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_kept(RESOURCE_ACTION_TYPE, true,
                "{\"name\":\"_a.B-9\",\"identifiers\":{\"a\":\"b\"},\"type\":\"t\"}",
                "\"name\":\"_a.B-9\"");
    assert_refused(RESOURCE_ACTION_TYPE, true, "{\"name\":\"scans\"}", ERR_NAME_TAKEN, "name");
    assert_refused(RESOURCE_ACTION_TYPE, true, "{\"name\":\"sc\\u0061ns\"}", ERR_NAME_TAKEN,
                   "name");
    assert_refused(RESOURCE_ACTION_TYPE, true, "{\"name\":\"all\"}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_ACTION_TYPE, true, "{\"name\":\"_\"}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_ACTION_TYPE, true, "{\"name\":7}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_ACTION_TYPE, true, "{}", ERR_FIELD_MISSING, "name");
    /* It is in the path of a PUT, and cannot change. */
    assert_kept(RESOURCE_ACTION_TYPE, false, "{\"name\":\"_b\",\"tags\":[]}", "\"tags\":[]");
    assert_kept(RESOURCE_ACTION_TYPE, false, "{\"name\":null}", "");
    struct buf text = {0};
    BUF_PUT_LITERAL(&text, "{\"name\":\"_");
    for (unsigned i = 0; i < 800; i++) {
        buf_put_byte(&text, 'b');
    }
    BUF_PUT_LITERAL(&text, "\"}");
    struct checked checked = check_body(RESOURCE_ACTION_TYPE, buf_data(&text), true);
    assert_int_equal(checked.err.code, ERR_FIELD_TOO_LONG);
    checked_free(&checked);
    buf_deinit(&text);
}

/* ---- the tables ---- */

static void every_kind_has_a_row(void **state)
{
    (void)state;
    static const struct document_kind expected[] = {
        {RESOURCE_ACCOUNT, "account", "Account", "/accounts", NULL, false, NULL},
        {RESOURCE_OPERATOR, "operator", "Operator", NULL, NULL, false, NULL},
        {RESOURCE_THNG, "thng", "Thng", "/thngs", "commissioning", false, NULL},
        {RESOURCE_PRODUCT, "product", "Product", "/products", NULL, false, NULL},
        {RESOURCE_COLLECTION, "collection", "Collection", "/collections", NULL, false, NULL},
        {RESOURCE_PLACE, "place", "Place", "/places", NULL, false, NULL},
        {RESOURCE_PROJECT, "project", "Project", "/projects", NULL, false, NULL},
        {RESOURCE_APPLICATION, "application", "Application", NULL, NULL, false, NULL},
        {RESOURCE_BATCH, "batch", "Batch", "/batches", NULL, false, NULL},
        {RESOURCE_TASK, "task", "Task", NULL, "logs", false, NULL},
        {RESOURCE_FILE, "file", "File", "/files", "content", true, NULL},
        {RESOURCE_ACTION_TYPE, "action type", "ActionType", "/actions", NULL, true, NULL},
        {RESOURCE_ACTION, "action", "Action", "/actions/all", "context", false, NULL},
        {RESOURCE_USER, "user", "User", "/users", "credentials", false, "email"},
        {RESOURCE_ROLE, "role", "Role", "/roles", "permissions", false, "name"},
        {RESOURCE_ACCESS_POLICY, "access policy", "AccessPolicy", "/accessPolicies", NULL, false,
         "name"},
        {RESOURCE_ACCESS_TOKEN, "access token", "AccessToken", "/accessTokens", NULL, false, NULL},
        {RESOURCE_SHARE, "share", "Share", "/accesses", NULL, false, NULL},
    };
    assert_int_equal(ARRAY_LEN(expected), RESOURCE_NAME - RESOURCE_ACCOUNT);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        const struct document_kind *kind = document_kind(expected[i].kind);
        assert_int_equal(kind->kind, expected[i].kind);
        assert_string_equal(kind->name, expected[i].name);
        assert_string_equal(kind->schema, expected[i].schema);
        assert_string_equal(kind->path ? kind->path : "", expected[i].path ? expected[i].path : "");
        assert_string_equal(kind->hidden ? kind->hidden : "",
                            expected[i].hidden ? expected[i].hidden : "");
        assert_int_equal(kind->has_unique_name, expected[i].has_unique_name);
        assert_string_equal(kind->taken_name ? kind->taken_name : "",
                            expected[i].taken_name ? expected[i].taken_name : "");
    }
}

/* Each schema is JSON, no name comes twice, and the hidden member is shown only of actions. */
static void every_field_can_be_described(void **state)
{
    (void)state;
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_NAME; kind++) {
        struct document_field field;
        size_t count = 0;
        while (document_field((enum resource_kind)kind, count, &field)) {
            struct json_value root = {0};
            struct slice schema = slice_of_text(field.schema);
            assert_int_equal(json_scan(schema, JSON_DEPTH_MAX, &root).code, ERR_OK);
            assert_int_equal(root.type, JSON_OBJECT);
            assert_false(field.is_required && field.is_read_only);
            for (size_t i = 0; i < count; i++) {
                struct document_field other;
                assert_true(document_field((enum resource_kind)kind, i, &other));
                assert_string_not_equal(field.name, other.name);
            }
            count++;
        }
        assert_in_range(count, 5, 32);
    }
}

static void required_fields_are_marked(void **state)
{
    (void)state;
    static const char *const names[RESOURCE_KIND_COUNT] = {
        [RESOURCE_THNG] = "name ",
        [RESOURCE_PRODUCT] = "name ",
        [RESOURCE_COLLECTION] = "name ",
        [RESOURCE_PLACE] = "",
        [RESOURCE_PROJECT] = "name ",
        [RESOURCE_APPLICATION] = "name ",
        [RESOURCE_BATCH] = "name ",
        [RESOURCE_TASK] = "type inputParameters ",
        [RESOURCE_FILE] = "name type ",
        [RESOURCE_ACTION_TYPE] = "name ",
        [RESOURCE_ACTION] = "",
        [RESOURCE_ACCOUNT] = "name ",
        [RESOURCE_OPERATOR] = "email ",
        [RESOURCE_USER] = "firstName lastName email ",
        [RESOURCE_ROLE] = "name ",
        [RESOURCE_ACCESS_POLICY] = "name ",
        [RESOURCE_ACCESS_TOKEN] = "name policies conditions ",
        [RESOURCE_SHARE] = "email role ",
    };
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_NAME; kind++) {
        struct buf required = {0};
        struct document_field field;
        for (size_t i = 0; document_field((enum resource_kind)kind, i, &field); i++) {
            if (field.is_required) {
                buf_put_format(&required, "%s ", field.name);
            }
        }
        assert_slice(buf_data(&required), names[kind], "required");
        buf_deinit(&required);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_has_its_name_twice),
        cmocka_unit_test(a_product_has_lists_of_texts),
        cmocka_unit_test(a_product_has_first_values),
        cmocka_unit_test(a_collection_has_no_members),
        cmocka_unit_test(a_place_has_one_position),
        cmocka_unit_test(a_place_has_an_address_and_a_parent),
        cmocka_unit_test(a_project_has_times_and_domains),
        cmocka_unit_test(an_application_has_defaults),
        cmocka_unit_test(a_batch_begins_empty),
        cmocka_unit_test(a_file_has_a_media_type),
        cmocka_unit_test(media_types_have_a_limit),
        cmocka_unit_test(unique_names_are_handed_out),
        cmocka_unit_test(an_action_type_has_a_name_of_its_own),
        cmocka_unit_test(every_kind_has_a_row),
        cmocka_unit_test(every_field_can_be_described),
        cmocka_unit_test(required_fields_are_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
