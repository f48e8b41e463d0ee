/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies: what all kinds have in common, tried on thngs. */
#include "unit/model/document_fixture.h"

static void members_come_in_the_bodys_order(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, true,
                "{\"tags\":[\"a\",\"B\"],\"name\":\"x\",\"customFields\":{\"A\":1.50}}",
                "\"tags\":[\"a\",\"B\"],\"name\":\"x\",\"customFields\":{\"A\":1.50}");
    assert_kept(RESOURCE_THNG, false, "{}", "");
    assert_kept(RESOURCE_THNG, true, "{\"n\\u0061me\":\"x\"}", "\"name\":\"x\"");
}

static void white_space_goes_but_not_in_texts(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, true,
                "{ \"name\" : \" x \" ,\n\"tags\" : [ \"a b\" ,\t\"\\\" \" ] }",
                "\"name\":\" x \",\"tags\":[\"a b\",\"\\\" \"]");
    assert_kept(RESOURCE_THNG, false, "{\"customFields\":{\"a\\\\\":[1 , 2]}}",
                "\"customFields\":{\"a\\\\\":[1,2]}");
}

/* The body given for the buffers of the last check: nothing of that is left. */
static void a_check_begins_anew(void **state)
{
    (void)state;
    struct checked checked = check_body(
        RESOURCE_THNG, SLICE("{\"name\":\"x\",\"scopes\":{\"users\":[],\"projects\":[]}}"), true);
    struct json_value root = {0};
    assert_int_equal(json_scan(SLICE("{\"name\":\"y\"}"), 2, &root).code, ERR_OK);
    const struct document_check options = {
        .kind = RESOURCE_COLLECTION,
        .limits = &limits,
        .members = &checked.members,
        .scopes = &checked.scopes,
    };
    assert_int_equal(document_check(&options, root, &checked.body, &checked.field).code, ERR_OK);
    assert_slice(checked.body.members, "\"name\":\"y\"", "again");
    assert_false(checked.body.has_scopes);
    /* A buffer that is full is told. */
    checked.members.bytes_max = 5;
    assert_int_equal(document_check(&options, root, &checked.body, &checked.field).code,
                     ERR_NO_MEMORY);
    checked_free(&checked);
}

static void what_cannot_be_set_is_left_out(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, false,
                "{\"id\":\"" ID "\",\"createdAt\":1,\"updatedAt\":2,\"properties\":{\"a\":1},"
                "\"location\":{},\"collections\":[1],\"batch\":7,\"x\":null,\"name\":\"y\"}",
                "\"name\":\"y\"");
    assert_kept(RESOURCE_THNG, true, "{\"id\":\"" OTHER "\",\"name\":\"y\"}", "\"name\":\"y\"");
}

static void null_and_an_empty_type_unset(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, false,
                "{\"description\":null,\"type\":\"\",\"tags\":null,\"scopes\":null,"
                "\"id\":null,\"product\":null}",
                "\"description\":null,\"type\":null,\"tags\":null,\"product\":null");
    assert_refused(RESOURCE_THNG, false, "{\"name\":null}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_THNG, true, "{\"name\":null}", ERR_FIELD_MISSING, "name");
}

static void a_new_thng_needs_a_name(void **state)
{
    (void)state;
    assert_refused(RESOURCE_THNG, true, "{\"description\":\"x\"}", ERR_FIELD_MISSING, "name");
    assert_refused(RESOURCE_THNG, true, "{\"name\":\"\"}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_THNG, true, "{\"name\":1}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_THNG, true, "[{\"name\":\"x\"}]", ERR_SHAPE_INVALID, "");
    assert_kept(RESOURCE_THNG, false, "{\"description\":\"x\"}", "\"description\":\"x\"");
}

static void an_id_that_differs_is_refused(void **state)
{
    (void)state;
    assert_refused(RESOURCE_THNG, false, "{\"id\":\"" OTHER "\"}", ERR_ID_MISMATCH, "id");
    assert_refused(RESOURCE_THNG, false, "{\"id\":1}", ERR_ID_MISMATCH, "id");
    assert_kept(RESOURCE_THNG, false, "{\"id\":\"" ID "\"}", "");
}

/* Characters are counted, not bytes: an escape is one, and so is a pair of surrogates. */
static void texts_have_limits(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, false, "{\"name\":\"12345\"}", "\"name\":\"12345\"");
    assert_refused(RESOURCE_THNG, false, "{\"name\":\"123456\"}", ERR_FIELD_TOO_LONG, "name");
    assert_kept(RESOURCE_THNG, false, "{\"name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80xy\"}",
                "\"name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80xy\"");
    assert_refused(RESOURCE_THNG, false, "{\"name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80xyz\"}",
                   ERR_FIELD_TOO_LONG, "name");
    assert_kept(RESOURCE_THNG, false, "{\"name\":\"\\ud83d\\ude00\\u00e4\\n\\\\x\"}",
                "\"name\":\"\\ud83d\\ude00\\u00e4\\n\\\\x\"");
    assert_refused(RESOURCE_THNG, false, "{\"name\":\"\\ud83d\\ude00\\u00e4\\n\\\\xy\"}",
                   ERR_FIELD_TOO_LONG, "name");
    assert_refused(RESOURCE_THNG, false, "{\"description\":\"1234567\"}", ERR_FIELD_TOO_LONG,
                   "description");
    assert_refused(RESOURCE_THNG, false, "{\"type\":\"12345\"}", ERR_FIELD_TOO_LONG, "type");
    assert_refused(RESOURCE_THNG, false, "{\"description\":[]}", ERR_FIELD_INVALID, "description");
}

static void tags_are_checked(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, false, "{\"tags\":[\"a\",\"a\",\"1234\"]}",
                "\"tags\":[\"a\",\"a\",\"1234\"]");
    assert_kept(RESOURCE_THNG, false, "{\"tags\":[]}", "\"tags\":[]");
    assert_refused(RESOURCE_THNG, false, "{\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", ERR_FIELD_TOO_LONG,
                   "tags");
    assert_refused(RESOURCE_THNG, false, "{\"tags\":[\"12345\"]}", ERR_FIELD_TOO_LONG, "tags");
    assert_refused(RESOURCE_THNG, false, "{\"tags\":[1]}", ERR_FIELD_INVALID, "tags");
    assert_refused(RESOURCE_THNG, false, "{\"tags\":\"a\"}", ERR_FIELD_INVALID, "tags");
}

static void objects_are_checked(void **state)
{
    (void)state;
    assert_kept(RESOURCE_THNG, false, "{\"customFields\":{\"abcdefgh\":12}}",
                "\"customFields\":{\"abcdefgh\":12}");
    assert_refused(RESOURCE_THNG, false, "{\"customFields\":{\"abcdefgh\":1234}}",
                   ERR_FIELD_TOO_LONG, "customFields");
    assert_refused(RESOURCE_THNG, false, "{\"customFields\":[]}", ERR_FIELD_INVALID,
                   "customFields");
    assert_kept(RESOURCE_THNG, false, "{\"identifiers\":{\"gs1:21\":\"x\",\"n\":7,\"b\":true}}",
                "\"identifiers\":{\"gs1:21\":\"x\",\"n\":7,\"b\":true}");
    assert_refused(RESOURCE_THNG, false, "{\"identifiers\":{\"a\":{}}}", ERR_FIELD_INVALID,
                   "identifiers");
    assert_refused(RESOURCE_THNG, false, "{\"identifiers\":{\"a\":null}}", ERR_FIELD_INVALID,
                   "identifiers");
    assert_refused(RESOURCE_THNG, false, "{\"identifiers\":\"a\"}", ERR_FIELD_INVALID,
                   "identifiers");
}

static enum err_code check_buf(struct buf *text)
{
    assert_false(text->failed);
    struct checked checked = check_body(RESOURCE_THNG, buf_data(text), false);
    checked_free(&checked);
    buf_deinit(text);
    return checked.err.code;
}

static enum err_code check_identifiers(unsigned count)
{
    struct buf text = {0};
    BUF_PUT_LITERAL(&text, "{\"identifiers\":{");
    for (unsigned i = 0; i < count; i++) {
        buf_put_format(&text, "%s\"%u\":1", i == 0 ? "" : ",", i);
    }
    BUF_PUT_LITERAL(&text, "}}");
    return check_buf(&text);
}

static void put_scope(struct buf *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        buf_put(text, i == 0 ? SLICE("\"" ID "\"") : SLICE(",\"" ID "\""));
    }
}

static enum err_code check_scopes(unsigned users, unsigned projects)
{
    struct buf text = {0};
    BUF_PUT_LITERAL(&text, "{\"scopes\":{\"users\":[");
    put_scope(&text, users);
    BUF_PUT_LITERAL(&text, "],\"projects\":[");
    put_scope(&text, projects);
    BUF_PUT_LITERAL(&text, "]}}");
    return check_buf(&text);
}

static void identifiers_and_scopes_are_counted(void **state)
{
    (void)state;
    const unsigned scopes_max = DOCUMENT_SCOPE_COUNT_MAX;
    assert_int_equal(check_identifiers(DOCUMENT_IDENTIFIER_COUNT_MAX), ERR_OK);
    assert_int_equal(check_identifiers(DOCUMENT_IDENTIFIER_COUNT_MAX + 1), ERR_FIELD_TOO_LONG);
    assert_int_equal(check_scopes(scopes_max, scopes_max), ERR_OK);
    assert_int_equal(check_scopes(scopes_max + 1, 0), ERR_FIELD_TOO_LONG);
    assert_int_equal(check_scopes(0, scopes_max + 1), ERR_FIELD_TOO_LONG);
}

static void a_product_is_an_id(void **state)
{
    (void)state;
    struct checked checked = check_body(RESOURCE_THNG, SLICE("{\"product\":\"" ID "\"}"), false);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_int_equal(checked.body.reference_count, 1);
    assert_int_equal(checked.body.references[0].kind, RESOURCE_PRODUCT);
    assert_slice(id_slice(&checked.body.references[0].id), ID, "product");
    checked_free(&checked);
    assert_refused(RESOURCE_THNG, false, "{\"product\":\"x\"}", ERR_REFERENCE_UNKNOWN, "product");
    assert_refused(RESOURCE_THNG, false, "{\"product\":7}", ERR_FIELD_INVALID, "product");
    checked = check_body(RESOURCE_THNG, SLICE("{\"product\":null}"), false);
    assert_int_equal(checked.body.reference_count, 0);
    checked_free(&checked);
}

static void scopes_are_canonical(void **state)
{
    (void)state;
    struct checked checked =
        check_body(RESOURCE_THNG,
                   SLICE("{\"scopes\":{\"projects\":[\"allP\"],\"x\":1,\"users\":"
                         "[ \"all\", \"allU\", \"" ID "\" ]}}"),
                   false);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_true(checked.body.has_scopes);
    assert_slice(checked.body.scopes,
                 "{\"users\":[\"all\",\"all\",\"" ID "\"],\"projects\":[\"all\"]}", "scopes");
    assert_int_equal(checked.body.members.bytes, 0);
    checked_free(&checked);
    checked = check_body(RESOURCE_THNG, SLICE("{\"name\":\"x\"}"), false);
    assert_false(checked.body.has_scopes);
    assert_int_equal(checked.body.scopes.bytes, 0);
    checked_free(&checked);
    assert_refused(RESOURCE_THNG, false, "{\"scopes\":{\"users\":[]}}", ERR_FIELD_INVALID,
                   "scopes");
    assert_refused(RESOURCE_THNG, false, "{\"scopes\":{\"projects\":[]}}", ERR_FIELD_INVALID,
                   "scopes");
    assert_refused(RESOURCE_THNG, false, "{\"scopes\":{\"users\":[\"allP\"],\"projects\":[]}}",
                   ERR_FIELD_INVALID, "scopes");
    assert_refused(RESOURCE_THNG, false, "{\"scopes\":{\"users\":[7],\"projects\":[]}}",
                   ERR_FIELD_INVALID, "scopes");
    assert_refused(RESOURCE_THNG, false, "{\"scopes\":[]}", ERR_FIELD_INVALID, "scopes");
}

#define AT "{\"latitude\":1,\"longitude\":2,\"place\":\"" OTHER "\"}"

static void first_values_are_handed_out(void **state)
{
    (void)state;
    const char *text = "{\"name\":\"x\",\"properties\":{\"A\":1},\"location\":" AT "}";
    struct checked checked = check_body(RESOURCE_THNG, slice_of_text(text), true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_slice(checked.body.members, "\"name\":\"x\"", text);
    assert_true(checked.body.has_properties && checked.body.has_location);
    assert_slice(checked.body.properties.text, "{\"A\":1}", text);
    assert_slice(checked.body.location.text, AT, text);
    assert_int_equal(checked.body.reference_count, 1);
    assert_int_equal(checked.body.references[0].kind, RESOURCE_PLACE);
    assert_slice(id_slice(&checked.body.references[0].id), OTHER, text);
    checked_free(&checked);
    checked = check_body(RESOURCE_THNG, slice_of_text(text), false);
    assert_false(checked.body.has_properties || checked.body.has_location);
    checked_free(&checked);
    checked = check_body(RESOURCE_THNG,
                         SLICE("{\"name\":\"x\",\"properties\":null,\"location\":null}"), true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_false(checked.body.has_properties || checked.body.has_location);
    checked_free(&checked);
    assert_refused(RESOURCE_THNG, true, "{\"name\":\"x\",\"properties\":[]}", ERR_FIELD_INVALID,
                   "properties");
    assert_refused(RESOURCE_THNG, true, "{\"name\":\"x\",\"location\":7}", ERR_FIELD_INVALID,
                   "location");
    assert_refused(RESOURCE_THNG, true, "{\"name\":\"x\",\"location\":{\"latitude\":1}}",
                   ERR_LOCATION_INVALID, "location");
    assert_refused(RESOURCE_THNG, true, "{\"name\":\"x\",\"location\":{\"place\":\"p\"}}",
                   ERR_REFERENCE_UNKNOWN, "location");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_in_the_bodys_order),
        cmocka_unit_test(white_space_goes_but_not_in_texts),
        cmocka_unit_test(a_check_begins_anew),
        cmocka_unit_test(what_cannot_be_set_is_left_out),
        cmocka_unit_test(null_and_an_empty_type_unset),
        cmocka_unit_test(a_new_thng_needs_a_name),
        cmocka_unit_test(an_id_that_differs_is_refused),
        cmocka_unit_test(texts_have_limits),
        cmocka_unit_test(tags_are_checked),
        cmocka_unit_test(objects_are_checked),
        cmocka_unit_test(identifiers_and_scopes_are_counted),
        cmocka_unit_test(a_product_is_an_id),
        cmocka_unit_test(scopes_are_canonical),
        cmocka_unit_test(first_values_are_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
