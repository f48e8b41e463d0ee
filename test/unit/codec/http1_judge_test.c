/* SPDX-License-Identifier: Apache-2.0
 *
 * A second opinion on requests: http-parser 2.9. Generated requests, good and bad, are read by
 * both. What we accept it must accept, with the same method, target, fields and body; what only it
 * accepts is our strictness. Methods outside our list are left out: it knows others than we do. */
#include "codec/http1.h"

#include "base/rand.h"

#include <http_parser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ROUND_COUNT 60000

/* What http-parser made of a request. */
struct judged {
    http_parser parser;
    struct buf target;
    struct buf names; /* a NUL behind each name and value */
    struct buf values;
    struct buf body;
    bool in_value;
    bool head_done;
    bool all_done;
    bool keeps_alive;
    uint64_t content_length;
};

static struct judged *judged_of(http_parser *parser)
{
    return parser->data;
}

static int on_url(http_parser *parser, const char *at, size_t bytes)
{
    buf_put_bytes(&judged_of(parser)->target, at, bytes);
    return 0;
}

static int on_name(http_parser *parser, const char *at, size_t bytes)
{
    struct judged *j = judged_of(parser);
    if (j->head_done) {
        return 0; /* a trailer */
    }
    if (j->in_value) {
        buf_put_byte(&j->values, 0);
        j->in_value = false;
    }
    buf_put_bytes(&j->names, at, bytes);
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t bytes)
{
    struct judged *j = judged_of(parser);
    if (j->head_done) {
        return 0;
    }
    if (!j->in_value) {
        buf_put_byte(&j->names, 0);
        j->in_value = true;
    }
    buf_put_bytes(&j->values, at, bytes);
    return 0;
}

static int on_headers(http_parser *parser)
{
    struct judged *j = judged_of(parser);
    if (j->in_value) {
        buf_put_byte(&j->values, 0);
    }
    j->head_done = true;
    j->keeps_alive = http_should_keep_alive(parser) != 0;
    j->content_length = parser->content_length;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t bytes)
{
    buf_put_bytes(&judged_of(parser)->body, at, bytes);
    return 0;
}

static int on_complete(http_parser *parser)
{
    judged_of(parser)->all_done = true;
    http_parser_pause(parser, 1);
    return 0;
}

/* True when http-parser takes <text> as one whole request. */
static bool judge(struct slice text, struct judged *j)
{
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_headers;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    *j = (struct judged){0};
    http_parser_init(&j->parser, HTTP_REQUEST);
    j->parser.data = j;
    http_parser_execute(&j->parser, &settings, (const char *)text.at, text.bytes);
    return j->all_done && HTTP_PARSER_ERRNO(&j->parser) == HPE_PAUSED;
}

static void judged_deinit(struct judged *j)
{
    buf_deinit(&j->target);
    buf_deinit(&j->names);
    buf_deinit(&j->values);
    buf_deinit(&j->body);
}

/* Reads head and body as a server would. False when either is refused or incomplete. */
static bool read_request(struct slice text, struct http1_head *head, struct buf *body)
{
    struct http1_scan scan = {0};
    struct http1_chunked chunked = {0};
    struct err err;
    if (http1_read_head(text, &http1_limits_default, &scan, head, &err) != DECODE_DONE) {
        return false;
    }
    struct slice rest = slice_from(text, head->bytes);
    if (head->is_chunked) {
        size_t used;
        return http1_read_chunked(rest, &http1_limits_default, &chunked, body, &used, &err) ==
               DECODE_DONE;
    }
    if (rest.bytes < head->content_length) {
        return false;
    }
    buf_put(body, slice_first(rest, (size_t)head->content_length));
    return true;
}

static const char *agree(const struct http1_head *head, struct slice body, const struct judged *j)
{
    struct slice names = buf_data(&j->names);
    struct slice values = buf_data(&j->values);
    if (!slice_equal(slice_of_text(http_method_str((enum http_method)j->parser.method)),
                     head->method_name)) {
        return "method";
    }
    if (!slice_equal(head->target, buf_data(&j->target))) {
        return "target";
    }
    if (j->parser.http_major != 1 || j->parser.http_minor != head->version_minor) {
        return "version";
    }
    /* It keeps HTTP/1.0 connections that ask for it; we never do. */
    if (head->version_minor == 1 && head->keep_alive != j->keeps_alive) {
        return "keep-alive";
    }
    if (head->has_content_length && head->content_length != j->content_length) {
        return "length";
    }
    for (size_t i = 0; i < head->field_count; i++) {
        size_t name_end = slice_find(names, 0);
        size_t value_end = slice_find(values, 0);
        if (name_end == names.bytes || value_end == values.bytes ||
            !slice_equal(head->fields[i].name, slice_first(names, name_end))) {
            return "field name";
        }
        /* It leaves white space behind a value where it is. */
        if (!slice_equal(head->fields[i].value, http1_trim(slice_first(values, value_end)))) {
            return "field value";
        }
        names = slice_from(names, name_end + 1);
        values = slice_from(values, value_end + 1);
    }
    return slice_is_empty(names) ? slice_equal(body, buf_data(&j->body)) ? NULL : "body"
                                 : "field count";
}

/* ---- the generator: mostly good parts, some bad ones ---- */

#define PICK(rand, list) (list)[rand_below((rand), ARRAY_LEN(list))]

static const char *const starts[] = {"", "", "", "", "", "", "", "\r\n", "\n", " "};
static const char *const methods[] = {"GET",   "HEAD", "POST",    "PUT",  "DELETE",
                                      "PATCH", "GET",  "OPTIONS", "POST", "get"};
static const char *const targets[] = {"/",
                                      "/thngs/x?a=b&c",
                                      "/a%20b",
                                      "*",
                                      "http://h/x",
                                      "http://h",
                                      "https://h:1/?q",
                                      "/a#b",
                                      "/{x}|\"",
                                      "a",
                                      "/\xc3\xa9",
                                      "//",
                                      "/?",
                                      "http://h?x=/",
                                      "http://u@h/",
                                      "/thngs",
                                      "/thngs"};
static const char *const versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0",
                                       "HTTP/1.1", "HTTP/2.0", "HTTP/1.",  "http/1.1"};
static const char *const ends[] = {"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n",
                                   "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n"};
static const char *const fields[] = {
    "Accept: */*",
    "X: caf\xc3\xa9",
    "x:",
    "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: keep-alive, close",
    "connection:  Upgrade , keep-alive",
    "Upgrade: h2c",
    "Authorization: Bearer \t x ",
    "Expect: 100-continue",
    "A~!#$%&'*+-.^_`|: tokens",
    "Content-Type: application/json",
    "Cookie: a=b; c=d",
    "Content-Encoding: gzip",
    "X : space",
    " folded",
    "(bad): x",
    "X: bell\x07",
    "NoColon",
    "Transfer-Encoding: gzip",
    "Host: h",
};
static const char *const framings[] = {
    "",
    "",
    "Content-Length: 5",
    "Content-Length: 5",
    "Content-length:005 ",
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked",
    "transfer-encoding:  CHUNKED ",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Content-Length: +5",
    "Content-Length: 5 5",
    "Transfer-Encoding: chunked, chunked",
};
static const char *const bodies[] = {
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "2;a=b\r\n\r\n\r\n00a; \"q\"\r\n0123456789\r\n0\r\nT: 1\r\nU:\r\n\r\n",
    "1 ;x\r\ny\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\nhello\n0\n\n",
    "g\r\n",
    "0\r\n\r\n",
};

static void generate(struct rand *rand, struct buf *text)
{
    buf_put_format(text, "%s%s %s %s%s", PICK(rand, starts), PICK(rand, methods),
                   PICK(rand, targets), PICK(rand, versions), PICK(rand, ends));
    if (rand_below(rand, 16) != 0) {
        BUF_PUT_LITERAL(text, "Host: h.example:80\r\n");
    }
    for (uint64_t left = rand_below(rand, 5); left > 0; left--) {
        /* The bad ones stand at the end of the list, and are picked less often. */
        size_t bound = rand_below(rand, 8) == 0 ? ARRAY_LEN(fields) : 15;
        buf_put_format(text, "%s\r\n", fields[rand_below(rand, bound)]);
    }
    const char *framing = PICK(rand, framings);
    buf_put_format(text, "%s%s\r\n%s", framing, *framing ? "\r\n" : "", PICK(rand, bodies));
    if (rand_below(rand, 3) == 0) {
        size_t at = (size_t)rand_below(rand, buf_bytes(text));
        rand_bytes(rand, text->at + text->head + at, 1);
    }
}

static void test_never_laxer_than_http_parser(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 20240117);
    size_t both = 0;
    size_t neither = 0;
    size_t stricter = 0;
    for (int round = 0; round < ROUND_COUNT; round++) {
        struct buf text = {0};
        struct buf body = {0};
        struct http1_head head;
        struct judged judged;
        generate(&rand, &text);
        bool ours = read_request(buf_data(&text), &head, &body);
        bool theirs = judge(buf_data(&text), &judged);
        if (ours && head.method != HTTP1_UNKNOWN) {
            const char *difference = theirs ? agree(&head, buf_data(&body), &judged)
                                            : http_errno_name(HTTP_PARSER_ERRNO(&judged.parser));
            if (difference != NULL) {
                fail_msg("%s:\n%.*s", difference, SLICE_ARGS(buf_data(&text)));
            }
            both++;
        } else if (!ours) {
            *(theirs ? &stricter : &neither) += 1;
        }
        judged_deinit(&judged);
        buf_deinit(&text);
        buf_deinit(&body);
    }
    /* A generator that makes one kind only would prove nothing. */
    assert_true(both > ROUND_COUNT / 50);
    assert_true(neither > ROUND_COUNT / 50);
    assert_true(stricter > ROUND_COUNT / 50);
}

/* Responses as we write them are responses to it, too. */
static void test_responses(void **state)
{
    (void)state;
    const struct http1_field fields_sent[] = {{SLICE("Link"), SLICE("<x>\r\nEvil: 1")}};
    for (int status = 200; status <= 505; status++) {
        struct buf text = {0};
        http1_write_head(&text, &(struct http1_response){.status = status,
                                                         .content_length = 2,
                                                         .content_type = SLICE("text/plain"),
                                                         .fields = fields_sent,
                                                         .field_count = 1});
        bool has_body = status != 204 && status != 304;
        buf_put(&text, has_body ? SLICE("ok") : SLICE(""));
        http_parser_settings settings;
        http_parser_settings_init(&settings);
        settings.on_message_complete = on_complete;
        struct judged j = {0};
        http_parser_init(&j.parser, HTTP_RESPONSE);
        j.parser.data = &j;
        http_parser_execute(&j.parser, &settings, (const char *)text.at, text.tail);
        assert_true(j.all_done);
        assert_int_equal(j.parser.status_code, status);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_laxer_than_http_parser),
        cmocka_unit_test(test_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
