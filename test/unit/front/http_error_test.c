/* SPDX-License-Identifier: Apache-2.0 */
#include "front/http_error.h"
#include "codec/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void assert_body(struct err err, int status, struct slice detail, const char *wanted)
{
    struct buf out = {0};
    http_error_write_body(&out, err, status, detail);
    if (!slice_equal(buf_data(&out), slice_of_text(wanted))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(buf_data(&out)), wanted);
    }
    buf_deinit(&out);
}

static void the_body_has_status_text_and_code(void **state)
{
    (void)state;
    assert_body(ERR(NOT_FOUND), 404, (struct slice){0},
                "{\"status\":404,\"errors\":[\"The requested resource was not found.\"],"
                "\"code\":16842752}");
    assert_body(ERR(DENIED), 403, (struct slice){0},
                "{\"status\":403,\"errors\":[\"The API key does not permit this operation.\"]}");
    assert_body(ERR(FIELD_MISSING), 400, SLICE("na\"me: missing"),
                "{\"status\":400,\"errors\":[\"na\\\"me: missing\"],\"code\":50331648}");
    assert_body(ERR(ID_MISMATCH), 400, SLICE("x"),
                "{\"status\":400,\"errors\":[\"x\"],\"code\":50593792}");
    assert_body(ERR(CONFLICT), 409, SLICE("x"),
                "{\"status\":409,\"errors\":[\"x\"],\"code\":67239936}");
}

static void every_error_has_a_body_that_parses(void **state)
{
    (void)state;
    for (int code = ERR_OK + 1; code < ERR_CODE_COUNT; code++) {
        const struct err err = {.code = (enum err_code)code};
        struct buf out = {0};
        struct json_value root = {0};
        int64_t status = 0;
        http_error_write_body(&out, err, err_http_status(err), (struct slice){0});
        assert_int_equal(json_scan(buf_data(&out), JSON_DEPTH_MAX, &root).code, ERR_OK);
        assert_true(json_int64(json_member(root, SLICE("status")), &status));
        assert_int_equal(status, err_http_status(err));
        assert_true(status >= 400);
        assert_int_equal(json_count(json_member(root, SLICE("errors"))), 1);
        buf_deinit(&out);
    }
}

static bool contains(struct slice text, const char *part)
{
    return memmem(text.at, text.bytes, part, strlen(part)) != NULL;
}

static void the_answer_is_whole(void **state)
{
    (void)state;
    struct buf out = {0};
    struct buf body = {0};
    http_error_write(&out, ERR(NOT_FOUND), 403, (struct slice){0}, true);
    http_error_write_body(&body, ERR(NOT_FOUND), 403, (struct slice){0});
    struct slice text = buf_data(&out);
    assert_true(slice_starts_with(text, SLICE("HTTP/1.1 403 Forbidden\r\n")));
    assert_true(contains(text, "\r\nConnection: close\r\n"));
    assert_true(contains(text, "\r\nContent-Type: application/json\r\n"));
    assert_true(contains(text, "\r\nDate: "));
    struct slice end = slice_from(text, text.bytes - buf_bytes(&body));
    assert_true(slice_equal(end, buf_data(&body)));
    assert_memory_equal(end.at - 4, "\r\n\r\n", 4);
    buf_reset(&out);
    http_error_write(&out, ERR(BUSY), 503, (struct slice){0}, false);
    assert_false(contains(buf_data(&out), "Connection"));
    buf_deinit(&out);
    buf_deinit(&body);
}

static void a_full_buffer_fails_as_a_whole(void **state)
{
    (void)state;
    struct buf out = {.bytes_max = 100};
    http_error_write(&out, ERR(NOT_FOUND), 404, (struct slice){0}, true);
    assert_true(out.failed);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body_has_status_text_and_code),
        cmocka_unit_test(every_error_has_a_body_that_parses),
        cmocka_unit_test(the_answer_is_whole),
        cmocka_unit_test(a_full_buffer_fails_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
