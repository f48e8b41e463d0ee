/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON: golden texts, and what is written reads back the same. */
#include "base/rand.h"
#include "codec/json.h"
#include "codec/json_write.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void assert_written(struct buf *buf, const char *expected)
{
    struct slice text = buf_data(buf);
    if (buf->failed || !slice_equal(text, slice_of_text(expected))) {
        fail_msg("'%.*s' is not '%s'", SLICE_ARGS(text), expected);
    }
    buf_reset(buf);
}

static void strings_are_escaped_where_they_must_be(void **state)
{
    (void)state;
    struct buf buf = {0};
    json_write_string(&buf, (struct slice){0});
    assert_written(&buf, "\"\"");
    json_write_string(&buf,
                      SLICE("plain / text with ' and \x7f \xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e"));
    assert_written(&buf, "\"plain / text with ' and \x7f \xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e\"");
    json_write_string(&buf, SLICE("\"\\\b\f\n\r\t\x01\x1f\0"));
    assert_written(&buf, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\"");
    json_write_string(&buf, SLICE("01234567\"89"));
    assert_written(&buf, "\"01234567\\\"89\"");
    buf_deinit(&buf);
}

/* Every ASCII text of two characters but NUL, written, scanned and decoded. */
static void strings_read_back(void **state)
{
    (void)state;
    struct buf buf = {0};
    for (unsigned a = 1; a < 128; a++) {
        for (unsigned b = 1; b < 128; b++) {
            uint8_t text[2] = {(uint8_t)a, (uint8_t)b};
            struct json_value root = {0};
            buf_reset(&buf);
            json_write_string(&buf, slice_of(text, 2));
            assert_false(err_is_set(json_scan(buf_data(&buf), 0, &root)));
            assert_true(json_string_equals(root, slice_of(text, 2)));
        }
    }
    buf_deinit(&buf);
}

static void integers(void **state)
{
    (void)state;
    struct buf buf = {0};
    json_write_int(&buf, 0);
    assert_written(&buf, "0");
    json_write_int(&buf, INT64_MIN);
    assert_written(&buf, "-9223372036854775808");
    json_write_int(&buf, INT64_MAX);
    assert_written(&buf, "9223372036854775807");
    buf_deinit(&buf);
}

static void doubles_are_short(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {100, "100"},
        {37.2, "37.2"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e308"},
        {-DBL_MAX, "-1.7976931348623157e308"},
        {1e20, "100000000000000000000"},
        {1e21, "1e21"},
        {123456789012345680000.0, "123456789012345680000"},
        {1.5e300, "1.5e300"},
        {0.000001, "0.000001"},
        {0.00000123, "0.00000123"},
        {1e-7, "1e-7"},
        {9007199254740993.0, "9007199254740992"},
        {1e23, "1e23"},
        {-1.2345678901234567e-6, "-0.0000012345678901234567"},
    };
    struct buf buf = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_write_double(&buf, rows[i].number);
        assert_true(buf_bytes(&buf) <= JSON_DOUBLE_BYTES_MAX);
        assert_written(&buf, rows[i].text);
    }
    buf_deinit(&buf);
}

/* Random bit patterns: same double again, and 15 digits suffice where 15 digits were given. */
static void doubles_read_back(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 99);
    struct buf buf = {0};
    for (int round = 0; round < 50000; round++) {
        uint64_t bits = rand_u64(&rand);
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number)) {
            continue;
        }
        buf_reset(&buf);
        json_write_double(&buf, number);
        assert_true(buf_bytes(&buf) <= JSON_DOUBLE_BYTES_MAX);
        struct json_value root = {0};
        double again = 0;
        assert_false(err_is_set(json_scan(buf_data(&buf), 0, &root)));
        assert_true(json_double(root, &again));
        assert_memory_equal(&again, &number, sizeof(number));
    }
    buf_deinit(&buf);
}

static void documents_are_columns_of_puts(void **state)
{
    (void)state;
    struct buf buf = {0};
    BUF_PUT_LITERAL(&buf, "head\n"); /* what stands before does not matter */
    json_write_open(&buf, '{');
    json_write_member_string(&buf, SLICE("na\"me"), SLICE("x"));
    json_write_member_int(&buf, SLICE("n"), -5);
    json_write_member_double(&buf, SLICE("d"), 0.5);
    json_write_member_boolean(&buf, SLICE("yes"), true);
    json_write_member_boolean(&buf, SLICE("no"), false);
    json_write_member_json(&buf, SLICE("j"), SLICE("{}"));
    json_write_name(&buf, SLICE("list"));
    json_write_open(&buf, '[');
    for (int i = 0; i < 3; i++) {
        json_write_comma(&buf);
        json_write_open(&buf, '{');
        json_write_member_string(&buf, SLICE("s"), SLICE("["));
        json_write_close(&buf, '}');
    }
    json_write_close(&buf, ']');
    json_write_name(&buf, SLICE("empty"));
    json_write_open(&buf, '[');
    json_write_close(&buf, ']');
    json_write_close(&buf, '}');
    assert_written(
        &buf, "head\n{\"na\\\"me\":\"x\",\"n\":-5,\"d\":0.5,\"yes\":true,\"no\":false,\"j\":{},"
              "\"list\":[{\"s\":\"[\"},{\"s\":\"[\"},{\"s\":\"[\"}],\"empty\":[]}");
    buf_deinit(&buf);
}

static void a_full_buffer_shows_once_at_the_end(void **state)
{
    (void)state;
    for (size_t bytes_max = 1; bytes_max < 13; bytes_max++) {
        struct buf buf = {.bytes_max = bytes_max};
        json_write_open(&buf, '{');
        json_write_member_string(&buf, SLICE("a"), SLICE("b\n"));
        json_write_member_int(&buf, SLICE("c"), 7);
        json_write_close(&buf, '}');
        assert_true(buf.failed);
        assert_true(buf_bytes(&buf) <= bytes_max);
        buf_deinit(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_where_they_must_be),
        cmocka_unit_test(strings_read_back),
        cmocka_unit_test(integers),
        cmocka_unit_test(doubles_are_short),
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(documents_are_columns_of_puts),
        cmocka_unit_test(a_full_buffer_shows_once_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
