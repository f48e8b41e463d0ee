/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunked bodies: whole, cut in two at every point, and byte by byte, right before an unreadable
 * page; always with the same outcome. */
#include "codec/http1.h"

#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct http1_limits limits = {
    .target_bytes_max = 1,
    .header_bytes_max = 64,
    .field_count_max = 3,
    .body_bytes_max = 40,
};

struct outcome {
    enum decode verdict;
    struct err err;
    size_t used;
};

/* Feeds <text>, cut after the first <cut> bytes and then every <step>. */
static struct outcome feed(struct slice text, size_t cut, size_t step, struct buf *body)
{
    struct guard guard = {0};
    guard_init(&guard);
    struct http1_chunked chunked = {0};
    struct outcome outcome = {.verdict = DECODE_MORE};
    buf_reset(body);
    size_t end = cut;
    for (;;) {
        struct slice part = slice_of(text.at + outcome.used, end - outcome.used);
        size_t used;
        outcome.verdict = http1_read_chunked(guard_slice(&guard, part), &limits, &chunked, body,
                                             &used, &outcome.err);
        outcome.used += used;
        if (outcome.verdict != DECODE_MORE || end == text.bytes) {
            break;
        }
        assert_int_equal(outcome.used, end);
        end = min_size(end + step, text.bytes);
    }
    if (outcome.verdict == DECODE_DONE) {
        assert_int_equal(chunked.stage, HTTP1_CHUNK_SIZE);
        assert_int_equal(chunked.body_bytes, 0);
    }
    guard_deinit(&guard);
    return outcome;
}

static void expect_outcome(struct slice text, enum decode verdict, struct err err,
                           struct slice content, size_t used)
{
    struct buf body = {0};
    for (size_t cut = 0; cut <= text.bytes; cut++) {
        for (size_t step = 1; step <= text.bytes; step += text.bytes - 1) {
            struct outcome got = feed(text, cut, step, &body);
            if (got.verdict != verdict || !err_equal(got.err, err)) {
                fail_msg("cut %zu: %d %s: %.*s", cut, (int)got.verdict, err_name(got.err),
                         SLICE_ARGS(text));
            }
            if (verdict == DECODE_DONE) {
                assert_int_equal(got.used, used);
                assert_true(slice_equal(buf_data(&body), content));
            }
        }
    }
    buf_deinit(&body);
}

static void test_valid(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        struct slice content;
        size_t left;
    } rows[] = {
        {SLICE_INIT("0\r\n\r\n"), SLICE_INIT(""), 0},
        {SLICE_INIT("000\r\n\r\n"), SLICE_INIT(""), 0},
        {SLICE_INIT("5\r\nhello\r\n0\r\n\r\n"), SLICE_INIT("hello"), 0},
        {SLICE_INIT("5\r\nhello\r\n0\r\n\r\nGET"), SLICE_INIT("hello"), 3},
        {SLICE_INIT("1\r\n\r\r\n2\r\n\n\0\r\n0\r\n\r\n"), SLICE_INIT("\r\n\0"), 0},
        {SLICE_INIT("00000000000000a\r\n0123456789\r\n0\r\n\r\n"), SLICE_INIT("0123456789"), 0},
        {SLICE_INIT("A\r\n0123456789\r\n0\r\n\r\n"), SLICE_INIT("0123456789"), 0},
        {SLICE_INIT("3;a=b;c=\"d \t\xff\"\r\nabc\r\n0;x\r\n\r\n"), SLICE_INIT("abc"), 0},
        {SLICE_INIT("3 \t; a\r\nabc\r\n0\r\n\r\n"), SLICE_INIT("abc"), 0},
        {SLICE_INIT("1\r\nx\r\n0\r\nA: 1\r\nb:\r\nC: \t x y\r\n\r\n"), SLICE_INIT("x"), 0},
        {SLICE_INIT("28\r\n0123456789012345678901234567890123456789\r\n0\r\n\r\n"),
         SLICE_INIT("0123456789012345678901234567890123456789"), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t used = rows[i].text.bytes - rows[i].left;
        expect_outcome(rows[i].text, DECODE_DONE, ERR(OK), rows[i].content, used);
        for (size_t n = 0; n < used; n++) {
            struct buf body = {0};
            assert_int_equal(feed(slice_first(rows[i].text, n), n, 1, &body).verdict, DECODE_MORE);
            buf_deinit(&body);
        }
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT("\r\n"),
        SLICE_INIT("g\r\n"),
        SLICE_INIT(" 1\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("+1\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("-1\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("0x1\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1\rx\r\n0\r\n\r\n"),
        SLICE_INIT("1 \r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1 2\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT(";a\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1;a\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1;a\x01\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1;a\r\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1\r\nxy\r\n0\r\n\r\n"),
        SLICE_INIT("1\r\nx\n0\r\n\r\n"),
        SLICE_INIT("1\r\nx\rz"),
        SLICE_INIT("2\r\nx\r\n0\r\n\r\n"),
        SLICE_INIT("1\r\nx\r\n\r\n"),
        SLICE_INIT("0\r\n\n"),
        SLICE_INIT("0\r\n\rx"),
        SLICE_INIT("0\r\nA\r\n\r\n"),
        SLICE_INIT("0\r\nA : 1\r\n\r\n"),
        SLICE_INIT("0\r\n: 1\r\n\r\n"),
        SLICE_INIT("0\r\n A: 1\r\n\r\n"),
        SLICE_INIT("0\r\nA: 1\n\r\n"),
        SLICE_INIT("0\r\nA: \0\r\n\r\n"),
        SLICE_INIT("0\r\nA: 1\r\r\n\r\n"),
        SLICE_INIT("00000000000000001\r\nx\r\n0\r\n\r\n"), /* 17 digits */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_outcome(rows[i], DECODE_BAD, ERR(HTTP_MALFORMED), SLICE(""), 0);
    }
}

static void test_body_limit(void **state)
{
    (void)state;
    /* By the announced size: none of the content is there. */
    expect_outcome(SLICE("29\r\n"), DECODE_BAD, ERR(BODY_TOO_LARGE), SLICE(""), 0);
    expect_outcome(SLICE("28\r\n"), DECODE_MORE, ERR(OK), SLICE(""), 0);
    expect_outcome(SLICE("ffffffffffffffff\r\n"), DECODE_BAD, ERR(BODY_TOO_LARGE), SLICE(""), 0);
    expect_outcome(SLICE("1\r\nx\r\nffffffffffffffff\r\n"), DECODE_BAD, ERR(BODY_TOO_LARGE),
                   SLICE(""), 0);
    expect_outcome(SLICE("14\r\n01234567890123456789\r\n15\r\n"), DECODE_BAD, ERR(BODY_TOO_LARGE),
                   SLICE(""), 0);
    expect_outcome(SLICE("14\r\n01234567890123456789\r\n14\r\n"), DECODE_MORE, ERR(OK), SLICE(""),
                   0);

    struct buf body = {.bytes_max = 4};
    struct http1_chunked chunked = {0};
    size_t used;
    struct err err;
    assert_int_equal(
        http1_read_chunked(SLICE("5\r\nhello\r\n"), &limits, &chunked, &body, &used, &err),
        DECODE_BAD);
    assert_int_equal(err_class(err), ERR_CLASS_TOO_LARGE);
    buf_deinit(&body);
}

static void test_limits_of_extensions_and_trailers(void **state)
{
    (void)state;
    expect_outcome(SLICE("0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n"), DECODE_BAD, ERR(HEADER_TOO_LARGE),
                   SLICE(""), 0);
    expect_outcome(SLICE("0\r\na: 0123456789012345678901234567890123456789"
                         "0123456789012345678901234567890123456789\r\n\r\n"),
                   DECODE_BAD, ERR(HEADER_TOO_LARGE), SLICE(""), 0);

    /* All chunks' extensions are counted together. */
    for (size_t extra = 0; extra <= 1; extra++) {
        struct buf text = {0};
        struct buf body = {0};
        for (size_t chunk = 0; chunk < 2; chunk++) {
            BUF_PUT_LITERAL(&text, "1;");
            for (size_t i = 0; i < HTTP1_EXTENSION_BYTES_MAX / 2 + chunk * extra; i++) {
                buf_put_byte(&text, 'e');
            }
            BUF_PUT_LITERAL(&text, "\r\nx\r\n");
        }
        BUF_PUT_LITERAL(&text, "0\r\n\r\n");
        struct outcome got = feed(buf_data(&text), buf_bytes(&text), 1, &body);
        assert_int_equal(got.verdict, extra ? DECODE_BAD : DECODE_DONE);
        assert_true(err_equal(got.err, extra ? ERR(HEADER_TOO_LARGE) : ERR(OK)));
        buf_deinit(&text);
        buf_deinit(&body);
    }
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct buf text = {0};
    http1_write_chunk(&text, SLICE("0123456789abcdef+"));
    http1_write_chunk(&text, SLICE(""));
    http1_write_chunk(&text, SLICE("tail"));
    http1_write_last_chunk(&text);
    assert_true(
        slice_equal(buf_data(&text), SLICE("11\r\n0123456789abcdef+\r\n4\r\ntail\r\n0\r\n\r\n")));
    expect_outcome(buf_data(&text), DECODE_DONE, ERR(OK), SLICE("0123456789abcdef+tail"),
                   buf_bytes(&text));
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_limits_of_extensions_and_trailers),
        cmocka_unit_test(test_what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
