/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ID "U2345678abcdefghkmnpqrst"
#define OTHER "U2345678abcdefghkmnpqrsw"

static const struct document_limits limits = {
    .tag_count_max = 3,
    .tag_characters_max = 4,
    .name_characters_max = 5,
    .description_characters_max = 6,
    .type_characters_max = 4,
    .custom_fields_bytes_max = 16,
};

/* The outcome of one check; freed by checked_free. */
struct checked {
    struct err err;
    struct document_body body;
    struct slice field;
    struct buf members;
    struct buf scopes;
};

static struct checked check(const char *text, bool creating)
{
    struct checked checked = {0};
    struct json_value root = {0};
    struct id id;
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    assert_true(id_parse(SLICE(ID), &id));
    checked.err =
        document_check_thng(root, creating, creating ? NULL : &id, &limits, &checked.members,
                            &checked.scopes, &checked.body, &checked.field);
    return checked;
}

static void checked_free(struct checked *checked)
{
    buf_deinit(&checked->members);
    buf_deinit(&checked->scopes);
}

static void assert_slice(struct slice got, const char *wanted, const char *about)
{
    if (!slice_equal(got, slice_of_text(wanted))) {
        fail_msg("%s: %.*s instead of %s", about, SLICE_ARGS(got), wanted);
    }
}

static void assert_members(const char *text, bool creating, const char *wanted)
{
    struct checked checked = check(text, creating);
    if (err_is_set(checked.err)) {
        fail_msg("%s: %s", text, err_name(checked.err));
    }
    assert_slice(checked.body.members, wanted, text);
    assert_int_equal(checked.field.bytes, 0);
    checked_free(&checked);
}

static void assert_refused(const char *text, bool creating, enum err_code code, const char *field)
{
    struct checked checked = check(text, creating);
    if (checked.err.code != code) {
        fail_msg("%s: %s", text, err_name(checked.err));
    }
    assert_slice(checked.field, field, text);
    checked_free(&checked);
}

/* ---- checking ---- */

static void members_come_in_the_bodys_order(void **state)
{
    (void)state;
    assert_members("{\"tags\":[\"a\",\"B\"],\"name\":\"x\",\"customFields\":{\"A\":1.50}}", true,
                   "\"tags\":[\"a\",\"B\"],\"name\":\"x\",\"customFields\":{\"A\":1.50}");
    assert_members("{}", false, "");
    assert_members("{\"n\\u0061me\":\"x\"}", true, "\"name\":\"x\"");
}

static void white_space_goes_but_not_in_texts(void **state)
{
    (void)state;
    assert_members("{ \"name\" : \" x \" ,\n\"tags\" : [ \"a b\" ,\t\"\\\" \" ] }", true,
                   "\"name\":\" x \",\"tags\":[\"a b\",\"\\\" \"]");
    assert_members("{\"customFields\":{\"a\\\\\":[1 , 2]}}", false,
                   "\"customFields\":{\"a\\\\\":[1,2]}");
}

static void what_cannot_be_set_is_left_out(void **state)
{
    (void)state;
    assert_members("{\"id\":\"" ID "\",\"createdAt\":1,\"updatedAt\":2,\"properties\":{\"a\":1},"
                   "\"location\":{},\"collections\":[1],\"batch\":7,\"x\":null,\"name\":\"y\"}",
                   false, "\"name\":\"y\"");
    assert_members("{\"id\":\"" OTHER "\",\"name\":\"y\"}", true, "\"name\":\"y\"");
}

static void null_and_an_empty_type_unset(void **state)
{
    (void)state;
    assert_members("{\"description\":null,\"type\":\"\",\"tags\":null,\"scopes\":null,"
                   "\"id\":null,\"product\":null}",
                   false, "\"description\":null,\"type\":null,\"tags\":null,\"product\":null");
    assert_refused("{\"name\":null}", false, ERR_FIELD_INVALID, "name");
    assert_refused("{\"name\":null}", true, ERR_FIELD_MISSING, "name");
}

static void a_new_thng_needs_a_name(void **state)
{
    (void)state;
    assert_refused("{\"description\":\"x\"}", true, ERR_FIELD_MISSING, "name");
    assert_refused("{\"name\":\"\"}", true, ERR_FIELD_INVALID, "name");
    assert_refused("{\"name\":1}", true, ERR_FIELD_INVALID, "name");
    assert_refused("[{\"name\":\"x\"}]", true, ERR_SHAPE_INVALID, "");
    assert_members("{\"description\":\"x\"}", false, "\"description\":\"x\"");
}

static void an_id_that_differs_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"id\":\"" OTHER "\"}", false, ERR_ID_MISMATCH, "id");
    assert_refused("{\"id\":1}", false, ERR_ID_MISMATCH, "id");
    assert_members("{\"id\":\"" ID "\"}", false, "");
}

/* Characters are counted, not bytes: an escape is one, and so is a pair of surrogates. */
static void texts_have_limits(void **state)
{
    (void)state;
    assert_members("{\"name\":\"12345\"}", false, "\"name\":\"12345\"");
    assert_refused("{\"name\":\"123456\"}", false, ERR_FIELD_TOO_LONG, "name");
    assert_members("{\"name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80xy\"}", false,
                   "\"name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80xy\"");
    assert_refused("{\"name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80xyz\"}", false,
                   ERR_FIELD_TOO_LONG, "name");
    assert_members("{\"name\":\"\\ud83d\\ude00\\u00e4\\n\\\\x\"}", false,
                   "\"name\":\"\\ud83d\\ude00\\u00e4\\n\\\\x\"");
    assert_refused("{\"name\":\"\\ud83d\\ude00\\u00e4\\n\\\\xy\"}", false, ERR_FIELD_TOO_LONG,
                   "name");
    assert_refused("{\"description\":\"1234567\"}", false, ERR_FIELD_TOO_LONG, "description");
    assert_refused("{\"type\":\"12345\"}", false, ERR_FIELD_TOO_LONG, "type");
    assert_refused("{\"description\":[]}", false, ERR_FIELD_INVALID, "description");
}

static void tags_are_checked(void **state)
{
    (void)state;
    assert_members("{\"tags\":[\"a\",\"a\",\"1234\"]}", false, "\"tags\":[\"a\",\"a\",\"1234\"]");
    assert_members("{\"tags\":[]}", false, "\"tags\":[]");
    assert_refused("{\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", false, ERR_FIELD_TOO_LONG, "tags");
    assert_refused("{\"tags\":[\"12345\"]}", false, ERR_FIELD_TOO_LONG, "tags");
    assert_refused("{\"tags\":[1]}", false, ERR_FIELD_INVALID, "tags");
    assert_refused("{\"tags\":\"a\"}", false, ERR_FIELD_INVALID, "tags");
}

static void objects_are_checked(void **state)
{
    (void)state;
    assert_members("{\"customFields\":{\"abcdefgh\":12}}", false,
                   "\"customFields\":{\"abcdefgh\":12}");
    assert_refused("{\"customFields\":{\"abcdefgh\":1234}}", false, ERR_FIELD_TOO_LONG,
                   "customFields");
    assert_refused("{\"customFields\":[]}", false, ERR_FIELD_INVALID, "customFields");
    assert_members("{\"identifiers\":{\"gs1:21\":\"x\",\"n\":7,\"b\":true}}", false,
                   "\"identifiers\":{\"gs1:21\":\"x\",\"n\":7,\"b\":true}");
    assert_refused("{\"identifiers\":{\"a\":{}}}", false, ERR_FIELD_INVALID, "identifiers");
    assert_refused("{\"identifiers\":{\"a\":null}}", false, ERR_FIELD_INVALID, "identifiers");
    assert_refused("{\"identifiers\":\"a\"}", false, ERR_FIELD_INVALID, "identifiers");
}

static enum err_code check_buf(struct buf *text)
{
    buf_put_byte(text, 0);
    assert_false(text->failed);
    struct checked checked = check((const char *)text->at, false);
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
    struct checked checked = check("{\"product\":\"" ID "\"}", false);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_true(checked.body.has_product);
    assert_slice(id_slice(&checked.body.product), ID, "product");
    checked_free(&checked);
    assert_refused("{\"product\":\"x\"}", false, ERR_REFERENCE_UNKNOWN, "product");
    assert_refused("{\"product\":7}", false, ERR_FIELD_INVALID, "product");
    checked = check("{\"product\":null}", false);
    assert_false(checked.body.has_product);
    checked_free(&checked);
}

static void scopes_are_canonical(void **state)
{
    (void)state;
    struct checked checked = check("{\"scopes\":{\"projects\":[\"allP\"],\"x\":1,\"users\":"
                                   "[ \"all\", \"allU\", \"" ID "\" ]}}",
                                   false);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_true(checked.body.has_scopes);
    assert_slice(checked.body.scopes,
                 "{\"users\":[\"all\",\"all\",\"" ID "\"],\"projects\":[\"all\"]}", "scopes");
    assert_int_equal(checked.body.members.bytes, 0);
    checked_free(&checked);
    checked = check("{\"name\":\"x\"}", false);
    assert_false(checked.body.has_scopes);
    assert_int_equal(checked.body.scopes.bytes, 0);
    checked_free(&checked);
    assert_refused("{\"scopes\":{\"users\":[]}}", false, ERR_FIELD_INVALID, "scopes");
    assert_refused("{\"scopes\":{\"projects\":[]}}", false, ERR_FIELD_INVALID, "scopes");
    assert_refused("{\"scopes\":{\"users\":[\"allP\"],\"projects\":[]}}", false, ERR_FIELD_INVALID,
                   "scopes");
    assert_refused("{\"scopes\":{\"users\":[7],\"projects\":[]}}", false, ERR_FIELD_INVALID,
                   "scopes");
    assert_refused("{\"scopes\":[]}", false, ERR_FIELD_INVALID, "scopes");
}

static void first_values_are_handed_out(void **state)
{
    (void)state;
    const char *text = "{\"name\":\"x\",\"properties\":{\"A\":1},\"location\":{\"latitude\":1}}";
    struct checked checked = check(text, true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_slice(checked.body.members, "\"name\":\"x\"", text);
    assert_true(checked.body.has_properties && checked.body.has_location);
    assert_slice(checked.body.properties.text, "{\"A\":1}", text);
    assert_slice(checked.body.location.text, "{\"latitude\":1}", text);
    checked_free(&checked);
    checked = check(text, false);
    assert_false(checked.body.has_properties || checked.body.has_location);
    checked_free(&checked);
    checked = check("{\"name\":\"x\",\"properties\":null,\"location\":null}", true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_false(checked.body.has_properties || checked.body.has_location);
    checked_free(&checked);
    assert_refused("{\"name\":\"x\",\"properties\":[]}", true, ERR_FIELD_INVALID, "properties");
    assert_refused("{\"name\":\"x\",\"location\":7}", true, ERR_FIELD_INVALID, "location");
}

/* ---- writing ---- */

static void a_new_document_has_id_and_times(void **state)
{
    (void)state;
    struct buf out = {0};
    struct id id;
    assert_true(id_parse(SLICE(ID), &id));
    document_create(&out, &id, 17, SLICE("\"name\":\"x\",\"type\":null,\"tags\":[null,1]"));
    assert_slice(buf_data(&out),
                 "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":17,\"name\":\"x\","
                 "\"tags\":[null,1]}",
                 "create");
    buf_reset(&out);
    document_create(&out, &id, 17, (struct slice){0});
    assert_slice(buf_data(&out), "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":17}", "bare");
    buf_deinit(&out);
}

#define OLD                                                                                  \
    "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":17,\"name\":\"x\",\"n\":\"a,\\\"}\"," \
    "\"tags\":[1,{\"name\":2}]}"

static void assert_merged(const char *patch, const char *wanted)
{
    struct buf out = {0};
    document_merge(&out, SLICE(OLD), slice_of_text(patch), 99);
    assert_slice(buf_data(&out), wanted, patch);
    buf_deinit(&out);
}

static void a_patch_goes_over_a_document(void **state)
{
    (void)state;
#define HEAD "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":99,"
    assert_merged("", HEAD "\"name\":\"x\",\"n\":\"a,\\\"}\",\"tags\":[1,{\"name\":2}]}");
    assert_merged("\"name\":\"y\"",
                  HEAD "\"name\":\"y\",\"n\":\"a,\\\"}\",\"tags\":[1,{\"name\":2}]}");
    assert_merged("\"tags\":[],\"n\":null", HEAD "\"name\":\"x\",\"tags\":[]}");
    assert_merged("\"z\":1.0,\"a\":null,\"b\":{\"c\":[]}",
                  HEAD "\"name\":\"x\",\"n\":\"a,\\\"}\",\"tags\":[1,{\"name\":2}],\"z\":1.0,"
                       "\"b\":{\"c\":[]}}");
}

/* What is written can be read: a document after many merges is still one. */
static void merging_is_stable(void **state)
{
    (void)state;
    static const char *const patches[] = {"\"name\":\"y\"", "\"tags\":null", "\"tags\":[\"q\"]",
                                          "\"n\":7,\"m\":null", ""};
    struct buf now = {0};
    struct buf next = {0};
    buf_put(&now, SLICE(OLD));
    for (size_t i = 0; i < 100; i++) {
        struct json_value root;
        buf_reset(&next);
        document_merge(&next, buf_data(&now), slice_of_text(patches[i % ARRAY_LEN(patches)]),
                       (int64_t)i);
        assert_int_equal(json_scan(buf_data(&next), JSON_DEPTH_MAX, &root).code, ERR_OK);
        struct buf swap = now;
        now = next;
        next = swap;
    }
    assert_slice(buf_data(&now),
                 "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":99,\"name\":\"y\",\"n\":7,"
                 "\"tags\":[\"q\"]}",
                 "after 100 merges");
    buf_deinit(&now);
    buf_deinit(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_in_the_bodys_order),
        cmocka_unit_test(white_space_goes_but_not_in_texts),
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
        cmocka_unit_test(a_new_document_has_id_and_times),
        cmocka_unit_test(a_patch_goes_over_a_document),
        cmocka_unit_test(merging_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
