/* SPDX-License-Identifier: Apache-2.0
 *
 * Stored documents: made, merged, split, looked into. */
#include "unit/model/document_fixture.h"

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
    document_merge(&out, RESOURCE_PRODUCT, SLICE(OLD), slice_of_text(patch), 99);
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
        document_merge(&next, RESOURCE_THNG, buf_data(&now),
                       slice_of_text(patches[i % ARRAY_LEN(patches)]), (int64_t)i + 1);
        assert_int_equal(json_scan(buf_data(&next), JSON_DEPTH_MAX, &root).code, ERR_OK);
        struct buf swap = now;
        now = next;
        next = swap;
    }
    assert_slice(buf_data(&now),
                 "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":100,\"name\":\"y\",\"n\":7,"
                 "\"tags\":[\"q\"]}",
                 "after 100 merges");
    buf_deinit(&now);
    buf_deinit(&next);
}

/* ---- the hidden member ---- */

#define START "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":17"
#define HIDDEN ",\"commissioning\":{\"state\":\"commissioned\",\"name\":\"}\"}"

static void assert_hidden_merge(enum resource_kind kind, const char *document, const char *patch,
                                int64_t now_ms, const char *wanted)
{
    struct buf out = {0};
    document_merge(&out, kind, slice_of_text(document), slice_of_text(patch), now_ms);
    assert_slice(buf_data(&out), wanted, patch);
    buf_deinit(&out);
}

static void the_hidden_member_stays_last(void **state)
{
    (void)state;
    const char *old = START ",\"name\":\"x\"" HIDDEN "}";
    assert_hidden_merge(RESOURCE_THNG, old, "\"tags\":[1],\"name\":\"y\"", 0,
                        START ",\"name\":\"y\",\"tags\":[1]" HIDDEN "}");
    assert_hidden_merge(RESOURCE_THNG, old, "\"commissioning\":7,\"tags\":[1]", 0,
                        START ",\"name\":\"x\",\"tags\":[1],\"commissioning\":7}");
    assert_hidden_merge(RESOURCE_THNG, old, "\"commissioning\":null,\"tags\":[1]", 0,
                        START ",\"name\":\"x\",\"tags\":[1]}");
    const char *bare = START ",\"name\":\"x\"}";
    assert_hidden_merge(RESOURCE_THNG, bare, "\"commissioning\":7,\"tags\":[1]", 0,
                        START ",\"name\":\"x\",\"tags\":[1],\"commissioning\":7}");
    /* Of another kind it is a member like any other. */
    assert_hidden_merge(RESOURCE_PLACE, old, "\"tags\":[1]", 0,
                        START ",\"name\":\"x\"" HIDDEN ",\"tags\":[1]}");
    /* With a time it is stamped. */
    assert_hidden_merge(RESOURCE_TASK, bare, "\"logs\":[]", 5,
                        "{\"id\":\"" ID "\",\"createdAt\":17,\"updatedAt\":5,\"name\":\"x\","
                        "\"logs\":[]}");
}

static void assert_split(enum resource_kind kind, const char *document, const char *wanted_shown,
                         const char *wanted_hidden)
{
    struct slice shown;
    struct slice hidden;
    document_split(kind, slice_of_text(document), &shown, &hidden);
    assert_slice(shown, wanted_shown, document);
    assert_slice(hidden, wanted_hidden, document);
}

static void documents_are_split(void **state)
{
    (void)state;
    const char *whole = START ",\"name\":\"x\"" HIDDEN "}";
    assert_split(RESOURCE_THNG, whole, START ",\"name\":\"x\"",
                 "{\"state\":\"commissioned\",\"name\":\"}\"}");
    assert_split(RESOURCE_PRODUCT, whole, START ",\"name\":\"x\"" HIDDEN, "");
    assert_split(RESOURCE_THNG, START "}", START, "");
    /* Only a member of the document itself is hidden. */
    assert_split(RESOURCE_THNG, START ",\"customFields\":{\"commissioning\":1}}",
                 START ",\"customFields\":{\"commissioning\":1}", "");
    assert_split(RESOURCE_ACTION, START ",\"context\":{\"a\":1}}", START, "{\"a\":1}");
    assert_split(RESOURCE_TASK, START ",\"logs\":[]}", START, "[]");
    assert_split(RESOURCE_FILE, START ",\"content\":{}}", START, "{}");
    assert_split(RESOURCE_USER, START ",\"credentials\":{\"password\":\"x\"}}", START,
                 "{\"password\":\"x\"}");
    assert_split(RESOURCE_ROLE, START ",\"permissions\":[]}", START, "[]");
    assert_split(RESOURCE_OPERATOR, START "}", START, "");
    /* Of a policy they are the very thing. */
    assert_split(RESOURCE_ACCESS_POLICY, START ",\"permissions\":[]}", START ",\"permissions\":[]",
                 "");
    assert_split(RESOURCE_NAME, START ",\"owner\":\"x\"}", START ",\"owner\":\"x\"", "");
}

static void documents_are_looked_into(void **state)
{
    (void)state;
    const struct slice document =
        SLICE("{\"id\":\"" ID "\",\"a\":\"x\\n\",\"b\":7,\"c\":{\"d\":\"y\"},\"e\":\"\"}");
    struct id id = {0};
    assert_slice(document_text(document, SLICE("a")), "x\\n", "text");
    assert_int_equal(document_text(document, SLICE("b")).bytes, 0);
    assert_int_equal(document_text(document, SLICE("d")).bytes, 0);
    assert_int_equal(document_text(document, SLICE("e")).bytes, 0);
    assert_true(document_id(document, SLICE("id"), &id));
    assert_slice(id_slice(&id), ID, "id");
    struct id none = {0};
    assert_false(document_id(document, SLICE("a"), &none));
    assert_false(document_id(document, SLICE("z"), &none));
    assert_false(id_is_set(&none));
}

static void members_are_put(void **state)
{
    (void)state;
    struct buf members = {0};
    document_put_member(&members, SLICE("a"), SLICE("[ 1, \" \" ]"));
    assert_slice(buf_data(&members), "\"a\":[1,\" \"]", "one");
    document_put_member(&members, SLICE("b"), SLICE("null"));
    assert_slice(buf_data(&members), "\"a\":[1,\" \"],\"b\":null", "two");
    buf_deinit(&members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_document_has_id_and_times),
        cmocka_unit_test(a_patch_goes_over_a_document),
        cmocka_unit_test(merging_is_stable),
        cmocka_unit_test(the_hidden_member_stays_last),
        cmocka_unit_test(documents_are_split),
        cmocka_unit_test(documents_are_looked_into),
        cmocka_unit_test(members_are_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
