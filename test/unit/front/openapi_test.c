/* SPDX-License-Identifier: Apache-2.0
 *
 * The description of the API: whole, without loose ends, and about every route. */
#include "front/openapi.h"

#include "codec/json.h"
#include "codec/uri.h"
#include "front/rest.h"
#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct buf text;
    struct json_value root;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    openapi_write(&world->text);
    assert_false(world->text.failed);
    struct err err = json_scan(buf_data(&world->text), JSON_DEPTH_MAX, &world->root);
    assert_string_equal(err_name(err), "OK");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    buf_deinit(&world->text);
    free(world);
    return 0;
}

/* "/components/schemas/Thng" in the document. */
static struct json_value follow(struct json_value from, struct slice pointer)
{
    struct slice rest = uri_path_begin(pointer);
    struct slice word;
    while (uri_path_next(&rest, &word)) {
        from = json_member(from, word);
    }
    return from;
}

/* "/thngs/:thngId" as "/thngs/{thngId}". */
static void put_described_path(struct buf *out, struct slice pattern)
{
    struct slice rest = uri_path_begin(pattern);
    struct slice word;
    while (uri_path_next(&rest, &word)) {
        bool is_parameter = word.at[0] == ':';
        buf_put_format(out, is_parameter ? "/{%.*s}" : "/%.*s",
                       SLICE_ARGS(slice_from(word, is_parameter)));
    }
    if (buf_bytes(out) == 0) {
        buf_put_byte(out, '/');
    }
}

static void every_route_is_described(void **state)
{
    struct world *world = *state;
    struct json_value paths = json_member(world->root, SLICE("paths"));
    size_t count;
    const struct rest_route *routes = rest_routes(&count);
    for (size_t i = 0; i < count; i++) {
        struct buf path = {0};
        uint8_t method[16];
        struct slice name = http1_method_name(routes[i].method);
        put_described_path(&path, slice_of_text(routes[i].pattern));
        for (size_t k = 0; k < name.bytes; k++) {
            method[k] = ascii_lower(name.at[k]);
        }
        struct json_value operation =
            json_member(json_member(paths, buf_data(&path)), slice_of(method, name.bytes));
        if (operation.type != JSON_OBJECT) {
            fail_msg("%.*s %s is not described", SLICE_ARGS(name), routes[i].pattern);
        }
        assert_true(json_string_equals(json_member(operation, SLICE("summary")),
                                       slice_of_text(routes[i].help)));
        buf_deinit(&path);
    }
}

static void every_reference_leads_somewhere(void **state)
{
    struct world *world = *state;
    static const char key[] = "\"$ref\":\"#";
    struct slice text = buf_data(&world->text);
    size_t count = 0;
    for (size_t at = 0; at + sizeof(key) < text.bytes; at++) {
        struct slice rest = slice_from(text, at);
        if (!slice_starts_with(rest, slice_of_text(key))) {
            continue;
        }
        rest = slice_from(rest, sizeof(key) - 1);
        struct slice pointer = slice_first(rest, slice_find(rest, '"'));
        if (follow(world->root, pointer).type != JSON_OBJECT) {
            fail_msg("#%.*s leads nowhere", SLICE_ARGS(pointer));
        }
        count++;
    }
    assert_true(count > 100);
}

static void operations_have_names_of_their_own(void **state)
{
    struct world *world = *state;
    static const char key[] = "\"operationId\":\"";
    struct slice text = buf_data(&world->text);
    struct slice names[256];
    size_t count = 0;
    size_t routes;
    rest_routes(&routes);
    for (size_t at = 0; at + sizeof(key) < text.bytes; at++) {
        struct slice rest = slice_from(text, at);
        if (!slice_starts_with(rest, slice_of_text(key))) {
            continue;
        }
        rest = slice_from(rest, sizeof(key) - 1);
        struct slice name = slice_first(rest, slice_find(rest, '"'));
        for (size_t i = 0; i < count; i++) {
            assert_false(slice_equal(names[i], name));
        }
        assert_true(count < ARRAY_LEN(names));
        names[count++] = name;
    }
    assert_int_equal(count, routes);
}

static void documents_have_the_fields_of_the_tables(void **state)
{
    struct world *world = *state;
    struct json_value schemas = follow(world->root, SLICE("/components/schemas"));
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_KIND_COUNT; kind++) {
        if (kind == RESOURCE_NAME) {
            continue; /* no client sees one */
        }
        const struct document_kind *row = document_kind((enum resource_kind)kind);
        struct document_field field;
        struct json_value properties =
            json_member(json_member(schemas, slice_of_text(row->schema)), SLICE("properties"));
        for (size_t i = 0; document_field(row->kind, i, &field); i++) {
            struct json_value schema = json_member(properties, slice_of_text(field.name));
            assert_int_equal(schema.type, JSON_OBJECT);
            assert_int_equal(json_is_true(json_member(schema, SLICE("readOnly"))),
                             field.is_read_only);
        }
        assert_int_equal(json_member(properties, SLICE("id")).type, JSON_OBJECT);
    }
}

/* Parameters of a path are declared with it, all and no others. */
static void paths_declare_their_parameters(void **state)
{
    struct world *world = *state;
    struct json_each each = json_each(json_member(world->root, SLICE("paths")));
    struct json_member path;
    while (json_object_next(&each, &path)) {
        size_t wanted = 0;
        for (size_t i = 0; i < path.name.bytes; i++) {
            wanted += path.name.at[i] == '{';
        }
        struct json_value declared = json_member(path.value, SLICE("parameters"));
        assert_int_equal(declared.type == JSON_ARRAY ? json_count(declared) : 0, wanted);
    }
}

/* Every operation says whose keys may, as the table of rights does. */
static void operations_say_whose_keys_may(void **state)
{
    struct world *world = *state;
    struct json_value paths = json_member(world->root, SLICE("paths"));
    static const struct {
        const char *path;
        const char *method;
        const char *keys;
    } rows[] = {
        {"/access", "get",
         "Keys: operator, trusted application, application, user of an application, device (its "
         "own "
         "thng), access token."},
        {"/users/login", "post", "Keys: trusted application, application."},
        {"/auth/all/logout", "post", "Keys: user of an application."},
        {"/accounts/{accountId}/operatorAccess", "post", "Keys: operator, access token."},
        {"/me", "get", "Keys: operator."},
        {"/time", "get", "No key is needed."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_value operation = json_member(json_member(paths, slice_of_text(rows[i].path)),
                                                  slice_of_text(rows[i].method));
        struct json_value text = json_member(operation, SLICE("description"));
        if (!json_string_equals(text, slice_of_text(rows[i].keys))) {
            fail_msg("%s: %.*s", rows[i].path, SLICE_ARGS(text.text));
        }
    }
}

/* The key of a token is told where it is made, and is no part of what a role shows. */
static void what_is_secret_is_in_no_schema(void **state)
{
    struct world *world = *state;
    struct json_value schemas = follow(world->root, SLICE("/components/schemas"));
    struct json_value user = follow(schemas, SLICE("/User/properties"));
    struct json_value role = follow(schemas, SLICE("/Role/properties"));
    assert_int_equal(json_member(user, SLICE("email")).type, JSON_OBJECT);
    assert_int_equal(json_member(user, SLICE("credentials")).type, JSON_NONE);
    assert_int_equal(json_member(role, SLICE("permissions")).type, JSON_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_is_described),           TEST(every_reference_leads_somewhere),
        TEST(operations_have_names_of_their_own), TEST(documents_have_the_fields_of_the_tables),
        TEST(paths_declare_their_parameters),     TEST(operations_say_whose_keys_may),
        TEST(what_is_secret_is_in_no_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
