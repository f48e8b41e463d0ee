/* SPDX-License-Identifier: Apache-2.0
 *
 * Request heads. Each input stands right before an unreadable page and is read whole, cut at every
 * point, and byte by byte; all three must agree, for refused requests in the error as well. */
#include "codec/http1.h"

#include "base/assert.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct guard guard;

static int set_up(void **state)
{
    (void)state;
    guard_init(&guard);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_deinit(&guard);
    return 0;
}

static enum decode read_whole(struct slice text, struct http1_head *head, struct err *err)
{
    struct http1_scan scan = {0};
    enum decode verdict =
        http1_read_head(guard_slice(&guard, text), &http1_limits_default, &scan, head, err);
    if (verdict != DECODE_MORE) {
        assert_int_equal(scan.scanned, 0);
        assert_int_equal(scan.header_start, 0);
    }
    return verdict;
}

/* Byte by byte with one scan, each time at another address. */
static enum decode read_bytewise(struct slice text, struct http1_head *head, struct err *err)
{
    struct http1_scan scan = {0};
    for (size_t n = 0; n < text.bytes; n++) {
        enum decode verdict = http1_read_head(guard_slice(&guard, slice_first(text, n)),
                                              &http1_limits_default, &scan, head, err);
        if (verdict != DECODE_MORE) {
            return verdict;
        }
    }
    return http1_read_head(guard_slice(&guard, text), &http1_limits_default, &scan, head, err);
}

static void expect_text(struct slice got, const char *wanted)
{
    assert_true(slice_equal(got, slice_of_text(wanted)));
}

static void expect_done(struct slice text, struct http1_head *head)
{
    struct err err;
    assert_int_equal(read_bytewise(text, head, &err), DECODE_DONE);
    assert_int_equal(head->bytes, text.bytes);
    for (size_t n = 0; n < text.bytes; n++) {
        assert_int_equal(read_whole(slice_first(text, n), head, &err), DECODE_MORE);
    }
    assert_int_equal(read_whole(text, head, &err), DECODE_DONE);
    assert_int_equal(head->bytes, text.bytes);
}

static void expect_bad(struct slice text, struct err wanted)
{
    struct http1_head head;
    struct err err;
    if (read_whole(text, &head, &err) != DECODE_BAD || !err_equal(err, wanted)) {
        fail_msg("not refused as %s: %.*s", err_name(wanted), SLICE_ARGS(text));
    }
    if (read_bytewise(text, &head, &err) != DECODE_BAD || !err_equal(err, wanted)) {
        fail_msg("by bytes, not refused as %s: %.*s", err_name(wanted), SLICE_ARGS(text));
    }
    /* A prefix is never complete, and when it is refused, for the same reason. */
    for (size_t n = 0; n < text.bytes; n++) {
        enum decode verdict = read_whole(slice_first(text, n), &head, &err);
        assert_true(verdict == DECODE_MORE || (verdict == DECODE_BAD && err_equal(err, wanted)));
    }
}

static void test_a_whole_request(void **state)
{
    (void)state;
    struct http1_head head;
    expect_done(SLICE("PUT /thngs/T/properties/room%20temp?x=1&y HTTP/1.1\r\n"
                      "Host: broker.example:8443\r\n"
                      "Authorization: \t key \t\r\n"
                      "Content-Type:application/json\r\n"
                      "X-Empty:\r\n"
                      "x-empty: \r\n"
                      "X-Name: caf\xc3\xa9\r\n"
                      "content-LENGTH: 0017\r\n"
                      "\r\n"),
                &head);
    assert_int_equal(head.method, HTTP1_PUT);
    expect_text(head.method_name, "PUT");
    expect_text(head.target, "/thngs/T/properties/room%20temp?x=1&y");
    expect_text(head.resource, "/thngs/T/properties/room%20temp?x=1&y");
    expect_text(head.host, "broker.example:8443");
    assert_int_equal(head.version_minor, 1);
    assert_true(head.keep_alive && head.has_content_length && http1_has_body(&head));
    assert_false(head.is_chunked || head.expects_continue || head.upgrades_websocket);
    assert_int_equal(head.content_length, 17);
    assert_int_equal(head.field_count, 7);
    expect_text(head.fields[1].name, "Authorization");
    expect_text(head.fields[1].value, "key");
    expect_text(head.fields[3].value, "");

    struct slice value = SLICE("unchanged");
    assert_int_equal(http1_find(&head, SLICE("X-EMPTY"), &value), 2);
    expect_text(value, "");
    assert_int_equal(http1_find(&head, SLICE("content-type"), &value), 1);
    expect_text(value, "application/json");
    assert_int_equal(http1_find(&head, SLICE("content-typ"), &value), 0);
    expect_text(value, "application/json");
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http1_method method;
    } rows[] = {
        {"GET", HTTP1_GET},
        {"HEAD", HTTP1_HEAD},
        {"POST", HTTP1_POST},
        {"PUT", HTTP1_PUT},
        {"DELETE", HTTP1_DELETE},
        {"OPTIONS", HTTP1_OPTIONS},
        {"PATCH", HTTP1_PATCH},
        {"get", HTTP1_UNKNOWN},
        {"GETS", HTTP1_UNKNOWN},
        {"GE", HTTP1_UNKNOWN},
        {"!#$%&'*+-.^_`|~09", HTTP1_UNKNOWN},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", HTTP1_UNKNOWN}, /* 32 bytes */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        buf_put(&text, slice_of_text(rows[i].name));
        BUF_PUT_LITERAL(&text, " / HTTP/1.1\r\nHost: h\r\n\r\n");
        struct http1_head head;
        expect_done(buf_data(&text), &head);
        assert_int_equal(head.method, rows[i].method);
        expect_text(head.method_name, rows[i].name);
        if (rows[i].method != HTTP1_UNKNOWN) {
            assert_true(slice_equal(http1_method_name(rows[i].method), head.method_name));
        }
        buf_deinit(&text);
    }
    assert_true(slice_is_empty(http1_method_name(HTTP1_UNKNOWN)));
    expect_bad(SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: h\r\n\r\n"),
               ERR(HTTP_MALFORMED));
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *resource;
        const char *host;
    } rows[] = {
        {"GET / HTTP/1.1", "/", "h"},
        {"GET //x HTTP/1.1", "//x", "h"},
        {"GET /a|b{c}\"<>\\^`%zz HTTP/1.1", "/a|b{c}\"<>\\^`%zz", "h"},
        {"OPTIONS * HTTP/1.1", "*", "h"},
        {"GET http://o.example/a?b HTTP/1.1", "/a?b", "o.example"},
        {"GET HTTPS://o.example:8443/a HTTP/1.1", "/a", "o.example:8443"},
        {"GET http://o.example HTTP/1.1", "/", "o.example"},
        {"GET http://o.example?q=/ HTTP/1.1", "?q=/", "o.example"},
        {"GET http://[::1]:80/ HTTP/1.1", "/", "[::1]:80"},
        {"CONNECT o.example:443 HTTP/1.1", "", "h"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        buf_put(&text, slice_of_text(rows[i].line));
        BUF_PUT_LITERAL(&text, "\r\nHost: h\r\n\r\n");
        struct http1_head head;
        expect_done(buf_data(&text), &head);
        expect_text(head.resource, rows[i].resource);
        expect_text(head.host, rows[i].host);
        buf_deinit(&text);
    }
}

static void test_request_lines_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET  / HTTP/1.1",
                                        " GET / HTTP/1.1",
                                        "GET /  HTTP/1.1",
                                        "GET / HTTP/1.1 ",
                                        "GET\t/ HTTP/1.1",
                                        "GET /\tHTTP/1.1",
                                        "GET / http/1.1",
                                        "GET / HTTP/1.1x",
                                        "GET / HTTP/11",
                                        "GET / HTTP/1,1",
                                        "GET / HTTP/1.",
                                        "GET / HTTP/a.1",
                                        "GET / HTTP/1.a",
                                        "GET / HTTPS/1.1",
                                        "GET /",
                                        "GET / ",
                                        "GET HTTP/1.1",
                                        "GET",
                                        "GET  HTTP/1.1",
                                        "G@T / HTTP/1.1",
                                        "G\x80T / HTTP/1.1",
                                        "GET /a#b HTTP/1.1",
                                        "GET /\x7f HTTP/1.1",
                                        "GET /\xc3\xa9 HTTP/1.1",
                                        "GET /\x01 HTTP/1.1",
                                        "GET a HTTP/1.1",
                                        "GET * HTTP/1.1",
                                        "OPTIONS ** HTTP/1.1",
                                        "GET ftp://h/ HTTP/1.1",
                                        "GET http:///a HTTP/1.1",
                                        "GET http:// HTTP/1.1",
                                        "GET http://?a HTTP/1.1",
                                        "GET http://u@h/ HTTP/1.1",
                                        "GET http://h:x/ HTTP/1.1",
                                        "GET http://:80/ HTTP/1.1",
                                        "CONNECT /a HTTP/1.1",
                                        "CONNECT h HTTP/1.1",
                                        "CONNECT h: HTTP/1.1",
                                        "CONNECT :1 HTTP/1.1",
                                        "GET /\rx HTTP/1.1",
                                        "\x16\x03\x01",
                                        "GET / /x HTTP/1.1"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct buf text = {0};
        buf_put(&text, slice_of_text(lines[i]));
        BUF_PUT_LITERAL(&text, "\r\nHost: h\r\n\r\n");
        expect_bad(buf_data(&text), ERR(HTTP_MALFORMED));
        buf_deinit(&text);
    }
    expect_bad(SLICE("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"), ERR(HTTP_MALFORMED));
}

static void test_versions(void **state)
{
    (void)state;
    expect_bad(SLICE("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), ERR(HTTP_VERSION));
    expect_bad(SLICE("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), ERR(HTTP_VERSION));
    expect_bad(SLICE("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), ERR(HTTP_VERSION));
    expect_bad(SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ERR(HTTP_VERSION));
    /* Answered at the end of the line, without waiting for the rest. */
    struct http1_head head;
    struct err err;
    assert_int_equal(read_whole(SLICE("GET / HTTP/3.0\r\n"), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HTTP_VERSION)));

    expect_done(SLICE("GET / HTTP/1.0\r\n\r\n"), &head);
    assert_int_equal(head.version_minor, 0);
    assert_false(head.keep_alive);
    assert_true(slice_is_empty(head.host));
    expect_done(SLICE("GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n"
                      "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n"),
                &head);
    assert_false(head.keep_alive || head.upgrades_websocket || head.expects_continue);
}

static void test_fields_refused(void **state)
{
    (void)state;
    static const struct slice rows[] = {SLICE_INIT("X : 1\r\n"),
                                        SLICE_INIT("X\t: 1\r\n"),
                                        SLICE_INIT("X: 1\r\n folded\r\n"),
                                        SLICE_INIT("X: 1\r\n\t2\r\n"),
                                        SLICE_INIT(" X: 1\r\n"),
                                        SLICE_INIT(": 1\r\n"),
                                        SLICE_INIT("X\r\n"),
                                        SLICE_INIT("X@: 1\r\n"),
                                        SLICE_INIT("X\xc3\xa9: 1\r\n"),
                                        SLICE_INIT("X: a\0b\r\n"),
                                        SLICE_INIT("X\0: 1\r\n"),
                                        SLICE_INIT("X: a\x01\r\n"),
                                        SLICE_INIT("X: a\x7f\r\n"),
                                        SLICE_INIT("X: a\x1f\r\n"),
                                        SLICE_INIT("X: a\rb\r\n"),
                                        SLICE_INIT("X: a\r\r\n"),
                                        SLICE_INIT("X: 12345678\x0b"
                                                   "2345678\r\n"),
                                        SLICE_INIT("X: 1234567\x7f"
                                                   "12345678\r\n"),
                                        SLICE_INIT("X: \x80\xff\x1e\xff\x80\xff\xff\xff\r\n"),
                                        SLICE_INIT("X: 1\n"),
                                        SLICE_INIT("X: 1\n\r\n"),
                                        SLICE_INIT("\n"),
                                        SLICE_INIT("(X): 1\r\n"),
                                        SLICE_INIT("\"X\": 1\r\n"),
                                        SLICE_INIT("X;y: 1\r\n")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        BUF_PUT_LITERAL(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
        buf_put(&text, rows[i]);
        BUF_PUT_LITERAL(&text, "\r\n");
        expect_bad(buf_data(&text), ERR(HTTP_MALFORMED));
        buf_deinit(&text);
    }
    expect_bad(SLICE("GET / HTTP/1.1\nHost: h\r\n\r\n"), ERR(HTTP_MALFORMED));
    expect_bad(SLICE("GET / HTTP/1.1\r\nHost: h\r\n\n"), ERR(HTTP_MALFORMED));
    /* A wrong line is answered when it ends, not when the head does. */
    struct http1_head head;
    struct err err;
    assert_int_equal(read_whole(SLICE("GET / HTTP/1.1\r\nX : 1\r\n"), &head, &err), DECODE_BAD);
}

/* Each byte as part of a name and of a value, against the words of RFC 9110. */
static void test_every_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool is_alnum = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z');
        bool is_token = is_alnum || (byte != 0 && memchr("!#$%&'*+-.^_`|~", byte, 15) != NULL);
        bool is_value = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        bool is_target = byte > ' ' && byte < 0x7f && byte != '#';
        bool is_host = is_alnum || (byte != 0 && memchr("-._~!$&'()*+,;=%", byte, 16) != NULL);
        int class = (is_token ? HTTP1_IS_TOKEN : 0) | (is_value ? HTTP1_IS_VALUE : 0) |
                    (is_target ? HTTP1_IS_TARGET : 0) | (is_host ? HTTP1_IS_HOST : 0);
        assert_int_equal(http1_classes[byte], class);

        for (size_t at = 0; at < 17; at++) {
            char text[] = "GET / HTTP/1.1\r\nHost: h\r\nX: abcdefghijklmnopq\r\n\r\n";
            text[28 + at] = (char)byte;
            struct http1_head head;
            struct err err;
            enum decode verdict = read_whole(slice_of(text, sizeof(text) - 1), &head, &err);
            assert_int_equal(verdict, is_value ? DECODE_DONE : DECODE_BAD);
        }
    }
}

static void test_hosts(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "h",
                                       "h:",
                                       "h:80",
                                       "192.0.2.1:8443",
                                       "[::1]",
                                       "[::1]:1",
                                       "a-b_c.~%41",
                                       "[::ffff:1.2.3.4]"};
    static const char *const bad[] = {"h h",      "h/x",  "u@h", "h:8x",   "h:1:2", ":80",
                                      "[::1",     "::1",  "[]",  "[::1]x", "[g::]", "a,b c",
                                      "h:123456", "h\\x", "<h>", "h#",     "h?",    "\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct buf text = {0};
        struct http1_head head;
        buf_put_format(&text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        expect_done(buf_data(&text), &head);
        expect_text(head.host, good[i]);
        buf_deinit(&text);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf text = {0};
        buf_put_format(&text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        expect_bad(buf_data(&text), ERR(HTTP_MALFORMED));
        buf_deinit(&text);
    }
    expect_bad(SLICE("GET / HTTP/1.1\r\n\r\n"), ERR(HTTP_MALFORMED));
    expect_bad(SLICE("GET http://h/ HTTP/1.1\r\n\r\n"), ERR(HTTP_MALFORMED));
    expect_bad(SLICE("GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n"), ERR(HTTP_MALFORMED));
    expect_bad(SLICE("GET / HTTP/1.0\r\nHost: h\r\nHOST: h\r\n\r\n"), ERR(HTTP_MALFORMED));
}

static void test_framing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\ncontent-length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5x\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf text = {0};
        buf_put_format(&text, "POST / HTTP/1.1\r\nHost: h\r\n%s\r\n", bad[i]);
        expect_bad(buf_data(&text), ERR(HTTP_MALFORMED));
        buf_deinit(&text);
    }
    expect_bad(SLICE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ERR(HTTP_MALFORMED));

    struct http1_head head;
    expect_done(SLICE("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: Chunked\r\n\r\n"), &head);
    assert_true(head.is_chunked && http1_has_body(&head) && !head.has_content_length);
    expect_done(SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), &head);
    assert_true(head.has_content_length && !http1_has_body(&head));
    expect_done(SLICE("POST / HTTP/1.1\r\nHost: h\r\n\r\n"), &head);
    assert_false(head.has_content_length || http1_has_body(&head));
}

static void test_connection_and_expect(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        bool keep_alive;
        bool upgrades;
        bool expects;
    } rows[] = {
        {"", true, false, false},
        {"Connection: close\r\n", false, false, false},
        {"Connection: keep-alive, Close\r\n", false, false, false},
        {"Connection: keep-alive\r\nConnection: ,close ,\r\n", false, false, false},
        {"Connection: closed\r\n", true, false, false},
        {"Connection: Upgrade\r\nUpgrade: WebSocket\r\n", true, true, false},
        {"Upgrade: h2c, websocket\r\nConnection: keep-alive ,\tupgrade\r\n", true, true, false},
        {"Connection: upgrade\r\n", true, false, false},
        {"Upgrade: websocket\r\n", true, false, false},
        {"Connection: upgrade\r\nUpgrade: websockets\r\n", true, false, false},
        {"Expect: 100-Continue\r\nContent-Length: 4\r\n", true, false, true},
        {"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", true, false, true},
        {"Expect: 100-continue\r\n", true, false, false},
        {"Expect: 200-maybe\r\nContent-Length: 4\r\n", true, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text = {0};
        struct http1_head head;
        buf_put_format(&text, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].fields);
        expect_done(buf_data(&text), &head);
        assert_int_equal(head.keep_alive, rows[i].keep_alive);
        assert_int_equal(head.upgrades_websocket, rows[i].upgrades);
        assert_int_equal(head.expects_continue, rows[i].expects);
        buf_deinit(&text);
    }
}

static void test_empty_line_before(void **state)
{
    (void)state;
    struct http1_head head;
    expect_done(SLICE("\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n"), &head);
    expect_text(head.target, "/a");
    expect_bad(SLICE("\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n"), ERR(HTTP_MALFORMED));
    expect_bad(SLICE("\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n"), ERR(HTTP_MALFORMED));
    expect_bad(SLICE("\rGET /a HTTP/1.1\r\nHost: h\r\n\r\n"), ERR(HTTP_MALFORMED));
}

static void test_pipelining(void **state)
{
    (void)state;
    struct slice text = SLICE("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                              "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab\n"
                              "GET /3 HTTP/1.1\r\nHost: h\r\n\r\nGET");
    struct http1_scan scan = {0};
    struct http1_head head;
    struct err err;
    text = guard_slice(&guard, text);
    for (char name = '1'; name <= '3'; name++) {
        assert_int_equal(http1_read_head(text, &http1_limits_default, &scan, &head, &err),
                         DECODE_DONE);
        assert_int_equal(head.target.at[1], name);
        text = slice_from(text, head.bytes + head.content_length);
    }
    assert_int_equal(http1_read_head(text, &http1_limits_default, &scan, &head, &err), DECODE_MORE);
}

/* "GET /aa... HTTP/1.1", with <target_bytes> of target and <header_bytes> of header block. */
static void put_request(struct buf *text, size_t target_bytes, size_t header_bytes)
{
    BUF_PUT_LITERAL(text, "GET /");
    for (size_t i = 1; i < target_bytes; i++) {
        buf_put_byte(text, 'a');
    }
    BUF_PUT_LITERAL(text, " HTTP/1.1\r\n");
    size_t start = buf_bytes(text);
    BUF_PUT_LITERAL(text, "Host: h\r\nX: ");
    while (buf_bytes(text) - start < header_bytes - 4) {
        buf_put_byte(text, 'x');
    }
    BUF_PUT_LITERAL(text, "\r\n\r\n");
}

static void test_limits_of_bytes(void **state)
{
    (void)state;
    struct http1_head head;
    struct err err;
    struct buf text = {0};
    put_request(&text, HTTP1_TARGET_BYTES_MAX, HTTP1_HEADER_BYTES_MAX);
    assert_int_equal(read_whole(buf_data(&text), &head, &err), DECODE_DONE);
    assert_int_equal(read_bytewise(buf_data(&text), &head, &err), DECODE_DONE);
    assert_int_equal(head.target.bytes, HTTP1_TARGET_BYTES_MAX);

    buf_reset(&text);
    put_request(&text, HTTP1_TARGET_BYTES_MAX + 1, 100);
    assert_int_equal(read_whole(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(TARGET_TOO_LONG)));
    assert_int_equal(read_bytewise(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(TARGET_TOO_LONG)));
    /* By the partial input: at the first byte too many, and not before. */
    struct slice target = slice_first(buf_data(&text), 4 + HTTP1_TARGET_BYTES_MAX + 1);
    assert_int_equal(read_whole(target, &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(TARGET_TOO_LONG)));
    target.bytes--;
    assert_int_equal(read_whole(target, &head, &err), DECODE_MORE);

    /* The CR that ends a line is not of the target. */
    text.tail = text.head + target.bytes;
    BUF_PUT_LITERAL(&text, "\r\n");
    assert_int_equal(read_whole(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HTTP_MALFORMED)));
    assert_int_equal(read_bytewise(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HTTP_MALFORMED)));

    buf_reset(&text);
    put_request(&text, 1, HTTP1_HEADER_BYTES_MAX + 1);
    assert_int_equal(read_whole(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HEADER_TOO_LARGE)));
    assert_int_equal(read_bytewise(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HEADER_TOO_LARGE)));
    struct slice partial = slice_first(buf_data(&text), 16 + HTTP1_HEADER_BYTES_MAX);
    assert_int_equal(read_whole(partial, &head, &err), DECODE_MORE);
    buf_deinit(&text);
}

static void test_limits_without_an_end(void **state)
{
    (void)state;
    struct buf text = {0};
    struct http1_head head;
    struct err err;
    BUF_PUT_LITERAL(&text, "GET / HTTP/1.1\r\nX: ");
    while (buf_bytes(&text) < 16 + HTTP1_HEADER_BYTES_MAX + 1) {
        buf_put_byte(&text, 'x');
    }
    assert_int_equal(read_whole(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HEADER_TOO_LARGE)));
    struct slice less = slice_first(buf_data(&text), buf_bytes(&text) - 1);
    assert_int_equal(read_whole(less, &head, &err), DECODE_MORE);

    /* A line that goes on behind its version. */
    buf_reset(&text);
    BUF_PUT_LITERAL(&text, "GET / HTTP/1.1");
    while (buf_bytes(&text) < 2 * HTTP1_TARGET_BYTES_MAX) {
        buf_put_byte(&text, 'x');
    }
    assert_int_equal(read_whole(buf_data(&text), &head, &err), DECODE_BAD);
    assert_true(err_equal(err, ERR(HTTP_MALFORMED)));

    /* A method that never ends. */
    assert_int_equal(read_whole(SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"), &head, &err),
                     DECODE_BAD);
    assert_int_equal(read_whole(SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"), &head, &err),
                     DECODE_MORE);
    buf_deinit(&text);
}

static void test_limit_of_fields(void **state)
{
    (void)state;
    for (size_t count = HTTP1_FIELD_COUNT_MAX; count <= HTTP1_FIELD_COUNT_MAX + 1; count++) {
        struct buf text = {0};
        BUF_PUT_LITERAL(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
        for (size_t i = 1; i < count; i++) {
            BUF_PUT_LITERAL(&text, "a:\r\n");
        }
        BUF_PUT_LITERAL(&text, "\r\n");
        struct http1_head head;
        if (count == HTTP1_FIELD_COUNT_MAX) {
            expect_done(buf_data(&text), &head);
            assert_int_equal(head.field_count, HTTP1_FIELD_COUNT_MAX);
        } else {
            expect_bad(buf_data(&text), ERR(HEADER_TOO_LARGE));
        }
        buf_deinit(&text);
    }
}

static void test_limit_of_the_announced_body(void **state)
{
    (void)state;
    struct http1_head head;
    expect_done(SLICE("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n"), &head);
    assert_int_equal(head.content_length, 1048576);
    expect_bad(SLICE("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n"),
               ERR(BODY_TOO_LARGE));
    expect_bad(SLICE("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\n"),
               ERR(BODY_TOO_LARGE));
    expect_bad(SLICE("PUT / HTTP/1.1\r\nHost: h\r\n"
                     "Content-Length: 99999999999999999999999999999999999999\r\n\r\n"),
               ERR(BODY_TOO_LARGE));
    expect_done(SLICE("PUT / HTTP/1.1\r\nHost: h\r\n"
                      "Content-Length: 0000000000000000000000000000000000000009\r\n\r\n"),
                &head);
    assert_int_equal(head.content_length, 9);

    /* The head is filled, so that the answer can name the method and keep its manners. */
    struct err err;
    assert_int_equal(read_whole(SLICE("PUT /a HTTP/1.1\r\nHost: h\r\nOrigin: o\r\n"
                                      "Content-Length: 9999999\r\n\r\n"),
                                &head, &err),
                     DECODE_BAD);
    assert_int_equal(head.method, HTTP1_PUT);
    assert_int_equal(head.field_count, 3);
    assert_int_equal(head.content_length, 9999999);
}

static void test_lists(void **state)
{
    (void)state;
    struct slice rest = SLICE(" ,a,\t b c ,,d\t,");
    struct slice element;
    static const char *const wanted[] = {"a", "b c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(http1_list_next(&rest, &element));
        expect_text(element, wanted[i]);
    }
    assert_false(http1_list_next(&rest, &element));
    rest = (struct slice){0};
    assert_false(http1_list_next(&rest, &element));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_request),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_request_lines_refused),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_fields_refused),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_connection_and_expect),
        cmocka_unit_test(test_empty_line_before),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_limits_of_bytes),
        cmocka_unit_test(test_limits_without_an_end),
        cmocka_unit_test(test_limit_of_fields),
        cmocka_unit_test(test_limit_of_the_announced_body),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
