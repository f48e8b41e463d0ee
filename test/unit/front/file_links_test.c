/* SPDX-License-Identifier: Apache-2.0
 *
 * Links to the bytes of files: what is made is accepted, and nothing else. */
#include "front/file_links.h"

#include "codec/json.h"
#include "codec/uri.h"
#include "model/document.h"
#include "unit/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1700000000000)
#define FILE_ID "UaBcDeFgHkMnPqRsTwXyAaBb"
#define PREFIX "{\"id\":\"" FILE_ID "\",\"createdAt\":1,\"updatedAt\":1,\"name\":\"a\""

#define ASSERT_ERR(expression, name) assert_string_equal(err_name(expression), #name)

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct keyring *keyring;
    struct buf text;
};

static struct id file_id(void)
{
    struct id id;
    assert_true(id_parse(SLICE(FILE_ID), &id));
    return id;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    fixture_make_folder(world->folder);
    char path[FIXTURE_FOLDER_BYTES + 8];
    snprintf(path, sizeof(path), "%s/secret", world->folder);
    ASSERT_ERR(keyring_open(path, &world->keyring), OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    keyring_close(world->keyring);
    fixture_remove_folder(world->folder);
    buf_deinit(&world->text);
    free(world);
    return 0;
}

/* What a GET of the document adds, as an object; lives until the next call. */
static struct json_value links_of(struct world *world, const char *document, bool is_created)
{
    struct json_value root;
    const struct document stored = {
        .id = file_id(),
        .kind = RESOURCE_FILE,
        .text = slice_of_text(document),
    };
    const struct file_links links = {
        .keyring = world->keyring,
        .origin = SLICE("http://[::1]:8080"),
        .now_ms = NOW_MS,
        .is_created = is_created,
    };
    buf_reset(&world->text);
    buf_put_byte(&world->text, '{');
    file_links_write(&world->text, &stored, &links);
    buf_put_byte(&world->text, '}');
    ASSERT_ERR(json_scan(buf_data(&world->text), JSON_DEPTH_MAX, &root), OK);
    return root;
}

static struct uri link_of(struct world *world, const char *document, struct slice name)
{
    return uri_split(json_string_raw(json_member(links_of(world, document, false), name)));
}

static struct err check(const struct world *world, enum file_link purpose, struct slice query,
                        int64_t now_ms)
{
    struct id id = file_id();
    return file_link_check(world->keyring, purpose, &id, query, now_ms);
}

static void a_link_to_send_is_good_for_half_an_hour(void **state)
{
    struct world *world = *state;
    struct uri link = link_of(world, PREFIX "}", SLICE("uploadUrl"));
    assert_true(slice_equal(link.path, SLICE("http://[::1]:8080/files/" FILE_ID "/content")));
    assert_true(file_link_is_signed(link.query));
    ASSERT_ERR(check(world, FILE_LINK_UPLOAD, link.query, NOW_MS), OK);
    ASSERT_ERR(check(world, FILE_LINK_UPLOAD, link.query, NOW_MS + FILE_LINK_MS - 1), OK);
    ASSERT_ERR(check(world, FILE_LINK_UPLOAD, link.query, NOW_MS + FILE_LINK_MS), DENIED);
}

static void a_link_is_for_one_purpose_and_one_file(void **state)
{
    struct world *world = *state;
    struct id other = file_id();
    other.text[5] = other.text[5] == 'F' ? 'G' : 'F';
    struct uri link = link_of(world, PREFIX "}", SLICE("uploadUrl"));
    ASSERT_ERR(check(world, FILE_LINK_CONTENT, link.query, NOW_MS), DENIED);
    ASSERT_ERR(file_link_check(world->keyring, FILE_LINK_UPLOAD, &other, link.query, NOW_MS),
               DENIED);
    link = link_of(world, PREFIX ",\"privateAccess\":true}", SLICE("contentUrl"));
    ASSERT_ERR(check(world, FILE_LINK_CONTENT, link.query, NOW_MS), OK);
    ASSERT_ERR(check(world, FILE_LINK_UPLOAD, link.query, NOW_MS), DENIED);
}

/* Each byte counts, and so does the time. */
static void a_changed_link_is_refused(void **state)
{
    struct world *world = *state;
    struct uri link = link_of(world, PREFIX "}", SLICE("uploadUrl"));
    uint8_t changed[256];
    assert_true(link.query.bytes < sizeof(changed));
    for (size_t i = 0; i < link.query.bytes; i++) {
        memcpy(changed, link.query.at, link.query.bytes);
        changed[i] = changed[i] == '1' ? '2' : '1';
        ASSERT_ERR(check(world, FILE_LINK_UPLOAD, slice_of(changed, link.query.bytes), NOW_MS),
                   DENIED);
        ASSERT_ERR(check(world, FILE_LINK_UPLOAD, slice_first(link.query, i), NOW_MS), DENIED);
    }
    ASSERT_ERR(check(world, FILE_LINK_UPLOAD, SLICE("signature=&expires="), NOW_MS), DENIED);
}

static void another_secret_makes_other_links(void **state)
{
    struct world *world = *state;
    struct keyring *other;
    char path[FIXTURE_FOLDER_BYTES + 8];
    struct id id = file_id();
    snprintf(path, sizeof(path), "%s/other", world->folder);
    ASSERT_ERR(keyring_open(path, &other), OK);
    struct uri link = link_of(world, PREFIX "}", SLICE("uploadUrl"));
    ASSERT_ERR(file_link_check(other, FILE_LINK_UPLOAD, &id, link.query, NOW_MS), DENIED);
    keyring_close(other);
}

static void only_a_file_that_says_so_is_public(void **state)
{
    struct world *world = *state;
    struct uri link = link_of(world, PREFIX ",\"privateAccess\":false}", SLICE("contentUrl"));
    assert_false(link.has_query);
    assert_true(slice_equal(link.path, SLICE("http://[::1]:8080/files/" FILE_ID "/content")));
    assert_true(link_of(world, PREFIX ",\"privateAccess\":true}", SLICE("contentUrl")).has_query);
    assert_true(link_of(world, PREFIX "}", SLICE("contentUrl")).has_query);
    assert_false(file_is_public(SLICE("{\"privateAccess\":\"false\"}")));
}

static void the_answer_to_the_post_has_nothing_to_fetch(void **state)
{
    struct world *world = *state;
    struct json_value object = links_of(world, PREFIX "}", true);
    assert_int_equal(json_member(object, SLICE("contentUrl")).type, JSON_NONE);
    assert_int_equal(json_member(object, SLICE("size")).type, JSON_NONE);
    assert_int_equal(json_member(object, SLICE("uploadUrl")).type, JSON_STRING);
}

static void content_is_the_documents_hidden_member(void **state)
{
    struct world *world = *state;
    struct id name;
    int64_t bytes;
    struct buf members = {0};
    struct buf document = {0};
    assert_true(id_parse(SLICE("UwXyAaBbaBcDeFgHkMnPqRsT"), &name));
    file_content_write(&members, &(struct file_content){.name = name, .bytes = 12345});
    document_merge(&document, RESOURCE_FILE, SLICE(PREFIX "}"), buf_data(&members), 5);
    struct file_content content = file_content_read(buf_data(&document));
    assert_true(id_equal(&content.name, &name));
    assert_int_equal(content.bytes, 12345);
    buf_put_byte(&document, '\0');
    struct json_value object = links_of(world, (const char *)buf_data(&document).at, false);
    assert_true(json_int64(json_member(object, SLICE("size")), &bytes));
    assert_int_equal(bytes, 12345);
    content = file_content_read(SLICE(PREFIX "}"));
    assert_false(id_is_set(&content.name));
    buf_deinit(&members);
    buf_deinit(&document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_to_send_is_good_for_half_an_hour),
        TEST(a_link_is_for_one_purpose_and_one_file),
        TEST(a_changed_link_is_refused),
        TEST(another_secret_makes_other_links),
        TEST(only_a_file_that_says_so_is_public),
        TEST(the_answer_to_the_post_has_nothing_to_fetch),
        TEST(content_is_the_documents_hidden_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
