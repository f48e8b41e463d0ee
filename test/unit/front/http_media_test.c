/* SPDX-License-Identifier: Apache-2.0 */
#include "front/http_media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* A head with up to two fields, and a body of <bytes>. */
static struct http1_head head_with(const char *name, const char *first, const char *second,
                                   uint64_t bytes)
{
    struct http1_head head = {.has_content_length = true, .content_length = bytes};
    const char *const values[] = {first, second};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (values[i] != NULL) {
            head.fields[head.field_count++] =
                (struct http1_field){slice_of_text(name), slice_of_text(values[i])};
        }
    }
    return head;
}

static void assert_type(const char *type, enum err_code code)
{
    struct http1_head head = head_with("content-type", type, NULL, 1);
    if (http_media_of_body(&head).code != code) {
        fail_msg("%s", type);
    }
}

static void bodies_are_json(void **state)
{
    (void)state;
    assert_type("application/json", ERR_OK);
    assert_type("Application/JSON; charset=UTF-8", ERR_OK);
    assert_type("application/json;charset=utf-8", ERR_OK);
    assert_type("application/geo+json", ERR_OK);
    assert_type(NULL, ERR_OK);
    assert_type("", ERR_MEDIA_TYPE);
    assert_type("text/plain", ERR_MEDIA_TYPE);
    assert_type("text/json", ERR_MEDIA_TYPE);
    assert_type("application/jsonp", ERR_MEDIA_TYPE);
    assert_type("application/+json", ERR_MEDIA_TYPE);
    assert_type("application/x-www-form-urlencoded", ERR_MEDIA_TYPE);
}

static void what_is_not_there_has_no_type(void **state)
{
    (void)state;
    struct http1_head head = head_with("Content-Type", "text/plain", NULL, 0);
    assert_int_equal(http_media_of_body(&head).code, ERR_OK);
    head.is_chunked = true;
    assert_int_equal(http_media_of_body(&head).code, ERR_MEDIA_TYPE);
}

static void bodies_are_not_encoded(void **state)
{
    (void)state;
    struct http1_head head = head_with("Content-Encoding", "gzip", NULL, 1);
    assert_int_equal(http_media_of_encoding(&head).code, ERR_MEDIA_TYPE);
    head = head_with("Content-Encoding", "gzip", NULL, 0);
    assert_int_equal(http_media_of_encoding(&head).code, ERR_OK);
    head = head_with("Content-Encoding", "Identity", NULL, 1);
    assert_int_equal(http_media_of_encoding(&head).code, ERR_OK);
    head = head_with("Content-Type", "text/plain", NULL, 1);
    assert_int_equal(http_media_of_encoding(&head).code, ERR_OK);
}

static void assert_accept(const char *first, const char *second, enum err_code code)
{
    struct http1_head head = head_with("accept", first, second, 0);
    if (http_media_of_answer(&head).code != code) {
        fail_msg("%s, %s", first, second != NULL ? second : "-");
    }
}

static void answers_are_json(void **state)
{
    (void)state;
    assert_accept(NULL, NULL, ERR_OK);
    assert_accept("", NULL, ERR_OK);
    assert_accept("*/*", NULL, ERR_OK);
    assert_accept("application/*", NULL, ERR_OK);
    assert_accept("application/json", NULL, ERR_OK);
    assert_accept("text/html, application/json;q=0.5", NULL, ERR_OK);
    assert_accept("text/html,*/*;q=0.01", NULL, ERR_OK);
    assert_accept("text/html", "Application/Json", ERR_OK);
    assert_accept("text/html", NULL, ERR_NOT_ACCEPTABLE);
    assert_accept("text/*", "image/png", ERR_NOT_ACCEPTABLE);
    assert_accept("application/json;q=0", NULL, ERR_NOT_ACCEPTABLE);
    assert_accept("application/json; v=1; Q=0.000", NULL, ERR_NOT_ACCEPTABLE);
    assert_accept("application/json;q=0.001", NULL, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_json),
        cmocka_unit_test(what_is_not_there_has_no_type),
        cmocka_unit_test(bodies_are_not_encoded),
        cmocka_unit_test(answers_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
