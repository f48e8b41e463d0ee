/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void expect_head(const struct http1_response *response, const char *wanted)
{
    struct buf buf = {0};
    http1_write_head(&buf, response);
    assert_false(buf.failed);
    if (!slice_equal(buf_data(&buf), slice_of_text(wanted))) {
        fail_msg("got %.*s", SLICE_ARGS(buf_data(&buf)));
    }
    buf_deinit(&buf);
}

static void test_heads(void **state)
{
    (void)state;
    expect_head(&(struct http1_response){.status = 200,
                                         .content_type = SLICE("application/json"),
                                         .content_length = 18446744073709551615u},
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                "Content-Length: 18446744073709551615\r\n\r\n");
    expect_head(&(struct http1_response){.status = 404, .closes = true},
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const struct http1_field fields[] = {
        {SLICE("Location"), SLICE("/thngs/x")},
        {SLICE("X-Empty"), SLICE("")},
    };
    expect_head(&(struct http1_response){.status = 201,
                                         .date = SLICE("Sun, 06 Nov 1994 08:49:37 GMT"),
                                         .content_length = 2,
                                         .fields = fields,
                                         .field_count = 2},
                "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                "Content-Length: 2\r\nLocation: /thngs/x\r\nX-Empty: \r\n\r\n");
    expect_head(&(struct http1_response){.status = 200, .is_chunked = true, .content_length = 7},
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect_head(&(struct http1_response){.status = 299},
                "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

static void test_statuses_without_a_body(void **state)
{
    (void)state;
    expect_head(&(struct http1_response){.status = 204, .content_length = 3},
                "HTTP/1.1 204 No Content\r\n\r\n");
    expect_head(&(struct http1_response){.status = 304, .is_chunked = true},
                "HTTP/1.1 304 Not Modified\r\n\r\n");
    expect_head(&(struct http1_response){.status = 101},
                "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    struct buf buf = {0};
    http1_write_continue(&buf);
    assert_true(slice_equal(buf_data(&buf), SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
    buf_deinit(&buf);
}

static void test_values_cannot_start_a_field(void **state)
{
    (void)state;
    const struct http1_field fields[] = {
        {SLICE("Link"), SLICE("<a>\r\nSet-Cookie: b\0\x7f\tc\xc3\xa9\n")},
        {SLICE("X"), SLICE("\r\n")},
    };
    expect_head(
        &(struct http1_response){.status = 204, .fields = fields, .field_count = 2},
        "HTTP/1.1 204 No Content\r\nLink: <a>  Set-Cookie: b  \tc\xc3\xa9 \r\nX:   \r\n\r\n");
}

static void test_a_full_buffer_fails_as_a_whole(void **state)
{
    (void)state;
    struct buf buf = {.bytes_max = 40};
    http1_write_head(&buf, &(struct http1_response){.status = 500, .closes = true});
    assert_true(buf.failed);
    buf_deinit(&buf);
}

static void test_status_texts(void **state)
{
    (void)state;
    assert_true(slice_equal(http1_status_text(431), SLICE("Request Header Fields Too Large")));
    assert_true(slice_is_empty(http1_status_text(599)));
    /* Every error has a status, and every such status a text. */
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        struct err err = {(enum err_code)code};
        assert_false(slice_is_empty(http1_status_text(err_http_status(err))));
    }
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110 5.6.7 */
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t to[HTTP1_DATE_BYTES];
        http1_date(rows[i].seconds, to);
        assert_memory_equal(to, rows[i].text, HTTP1_DATE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_statuses_without_a_body),
        cmocka_unit_test(test_values_cannot_start_a_field),
        cmocka_unit_test(test_a_full_buffer_fails_as_a_whole),
        cmocka_unit_test(test_status_texts),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
