/* SPDX-License-Identifier: Apache-2.0
 *
 * The scanner: what it accepts, what it refuses and why. Every document lies right before an
 * unreadable page. */
#include "codec/json.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct err scan(struct slice document, struct json_value *root)
{
    struct guard guard = {0};
    guard_init(&guard);
    struct slice copy = guard_slice(&guard, document);
    struct json_value found = {0};
    struct err err = json_scan(copy, JSON_DEPTH_MAX, &found);
    if (!err_is_set(err)) {
        size_t offset = (size_t)(found.text.at - copy.at);
        *root = (struct json_value){.type = found.type,
                                    .text = slice_of(document.at + offset, found.text.bytes)};
    }
    guard_deinit(&guard);
    return err;
}

static void assert_scan(const char *text, enum err_code code)
{
    struct json_value root = {0};
    struct err err = scan(slice_of_text(text), &root);
    if (err.code != code) {
        fail_msg("%s: %s", text, err_name(err));
    }
}

static void accepts_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {"null", JSON_NULL},
        {"true", JSON_BOOLEAN},
        {"false", JSON_BOOLEAN},
        {"0", JSON_NUMBER},
        {"-0", JSON_NUMBER},
        {"-12.50e+07", JSON_NUMBER},
        {"1E-400", JSON_NUMBER},
        {"0e99999999999999999999", JSON_NUMBER},
        {"\"\"", JSON_STRING},
        {"\"a\x7f\"", JSON_STRING},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uABcd\"", JSON_STRING},
        {"\"\\uD834\\udd1e\"", JSON_STRING},
        {"\"\\ud7ff\\ue000\"", JSON_STRING},
        {"\"\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"", JSON_STRING},
        {"[]", JSON_ARRAY},
        {"[ \t\r\n]", JSON_ARRAY},
        {"[1,[2],{\"a\":[]} , null]", JSON_ARRAY},
        {"{}", JSON_OBJECT},
        {"{ \"\" : 1 , \"a\":{\"a\":{\"a\":1}}}", JSON_OBJECT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_value root = {0};
        assert_scan(rows[i].text, ERR_OK);
        assert_false(err_is_set(scan(slice_of_text(rows[i].text), &root)));
        assert_int_equal(root.type, rows[i].type);
        assert_true(slice_equal(root.text, slice_of_text(rows[i].text)));
    }
}

static void root_is_without_the_space_around(void **state)
{
    (void)state;
    struct json_value root = {0};
    assert_false(err_is_set(scan(SLICE(" \n[1, 2] \t"), &root)));
    assert_true(slice_equal(root.text, SLICE("[1, 2]")));
}

static void refuses_what_is_not_in_the_grammar(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "[",
        "]",
        "{",
        "}",
        "[}",
        "{]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[,]",
        "[1 2]",
        "[1;2]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:2}",
        "{'a':1}",
        "{null:1}",
        "{\"a\"::1}",
        "{\"a\":1",
        "{\"a\":",
        "{\"a\"",
        "{\"",
        "'a'",
        "\"a",
        "\"",
        "\"\\",
        "\"\\\"",
        "\"\\x41\"",
        "\"\\a\"",
        "\"\\0\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u",
        "\"\\U0041\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\ud800a\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\udbff\\ue000\"",
        "\"\\ud800\\udbff\"",
        "\"\\ud800\\udc0\"",
        "\"\\ud800\\u\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"a\x1f\"",
        "\"\x01\"",
        "nul",
        "nulll",
        "NULL",
        "tru",
        "truE",
        "True",
        "fals",
        "falsee",
        "undefined",
        "NaN",
        "-NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "-",
        "+1",
        "--1",
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "-.5",
        "1.e3",
        "1e",
        "1e+",
        "1e-",
        "1E+-1",
        "0x10",
        "1_000",
        "1,5",
        "1.2.3",
        "1e1.5",
        "1e5e5",
        "0e",
        "1f",
        "-a",
        "1 2",
        "[] []",
        "{}x",
        "null,",
        "\"a\" \"b\"",
        "//c\n1",
        "1//c",
        "/*c*/1",
        "[1/*c*/]",
        "#c\n1",
        "\xef\xbb\xbf{}",
        "\xa0 1",
        "\f1",
        "\v1",
        "1\x01",
        "[\x80]",
        "\\u005b]",
        "{\"a\":1}}",
        "[[]",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_scan(rows[i], ERR_JSON_INVALID);
    }
    struct json_value root;
    assert_int_equal(scan(SLICE("\"a\0b\""), &root).code, ERR_JSON_INVALID);
    assert_int_equal(scan(SLICE("[1]\0"), &root).code, ERR_JSON_INVALID);
}

static void refuses_bad_utf8(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\"\x80\"", /* a continuation alone */
        "\"\xbf\"",
        "\"\xc3\"", /* cut off by the quote */
        "\"\xe2\x82\"",
        "\"\xf0\x9f\x98\"",
        "\"\xc0\xaf\"", /* overlong */
        "\"\xc1\xbf\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xed\xa0\x80\"", /* a surrogate */
        "\"\xed\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"", /* beyond U+10FFFF */
        "\"\xf5\x80\x80\x80\"",
        "\"\xff\"",
        "{\"\xfe\":1}",
        "\"01234567\xff\"",
        "\"\xe2\x82", /* cut off by the end */
        "\"\xf0",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_scan(rows[i], ERR_UTF8_INVALID);
    }
}

/* Each byte value at each place of strings around the word size of the fast run. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    struct json_value root = {0};
    for (size_t length = 1; length <= 18; length++) {
        for (size_t place = 0; place < length; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t text[32];
                memset(text, 'x', sizeof(text));
                text[0] = text[length + 1] = '"';
                text[place + 1] = (uint8_t)byte;
                bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
                struct err err = json_scan(slice_of(text, length + 2), 1, &root);
                assert_int_equal(!err_is_set(err), is_plain);
            }
        }
    }
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct slice text =
        SLICE("{\"a\\n\\u20ac\xe2\x82\xac\" : [1, -2.5e-3, true, null, \"\\ud834\\udd1e\"]"
              ",\"bcdefghijklm\":{\"x\":[{}],\"y\":false}}");
    struct json_value root = {0};
    assert_false(err_is_set(scan(text, &root)));
    for (size_t cut = 0; cut < text.bytes; cut++) {
        assert_true(err_is_set(scan(slice_first(text, cut), &root)));
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[400];
    struct json_value root = {0};
    for (size_t depth = 0; depth < 70; depth++) {
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        struct slice arrays = slice_of(text, 2 * depth + 1);
        assert_int_equal(json_scan(arrays, 64, &root).code, depth <= 64 ? ERR_OK : ERR_JSON_DEPTH);
        assert_int_equal(json_scan(arrays, 3, &root).code, depth <= 3 ? ERR_OK : ERR_JSON_DEPTH);
    }
    /* Depth counts what is open, not what has been. */
    assert_false(err_is_set(json_scan(SLICE("[[],[[]],{\"a\":[]},[]]"), 3, &root)));
    assert_int_equal(json_scan(SLICE("[[],[[]],{\"a\":[]},[]]"), 2, &root).code, ERR_JSON_DEPTH);
    assert_int_equal(json_scan(SLICE("{}"), 0, &root).code, ERR_JSON_DEPTH);
    assert_false(err_is_set(json_scan(SLICE("\"a\""), 0, &root)));
}

static void deepest_nesting_fits_the_stack(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_CEILING];
    memset(text, '[', JSON_DEPTH_CEILING);
    memset(text + JSON_DEPTH_CEILING, ']', JSON_DEPTH_CEILING);
    struct json_value root = {0};
    assert_false(err_is_set(json_scan(slice_of(text, sizeof(text)), JSON_DEPTH_CEILING, &root)));
}

static void duplicate_members_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "{\"a\":1,\"a\":1}",
        "{\"\":1,\"\":2}",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "[{\"x\":{\"b\":2,\"a\":1,\"b\":3}}]",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\\u0061\":1,\"a\":2}",
        "{\"\\/\":1,\"/\":2}",
        "{\"\\u20ac\":1,\"\xe2\x82\xac\":2}",
        "{\"\\ud834\\udd1e\":1,\"\xf0\x9d\x84\x9e\":2}",
        "{\"\\u00E4\":1,\"\\u00e4\":2}",
        "{\"a\":1,\"x\":{\"a\":2},\"a\":3}",
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"\\u0031\":1}",
    };
    static const char *const accepted[] = {
        "{\"a\":1,\"A\":1}",
        "{\"a\":1,\"aa\":1,\"\":1}",
        "{\"a\":{\"a\":1},\"b\":{\"a\":1,\"b\":1}}",
        "[{\"a\":1},{\"a\":1}]",
        "{\"a\":1,\"\\\\u0061\":2}",
        "{\"\\n\":1,\"n\":2,\"\\\\n\":3}",
        "{\"\\u00e4\":1,\"a\\u0308\":2}", /* no normalisation: other texts */
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"\\u0041\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_scan(refused[i], ERR_JSON_DUPLICATE);
    }
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        assert_scan(accepted[i], ERR_OK);
    }
}

/* Writes an object of <count> members k0, k1, ..., the member <index> of which is written as k<as>.
 * Every third name is written with an escape. */
static size_t put_wide(char *to, size_t room, size_t count, size_t index, size_t as)
{
    size_t bytes = 0;
    to[bytes++] = '{';
    for (size_t i = 0; i < count; i++) {
        bytes += (size_t)snprintf(to + bytes, room - bytes, "%s\"%s%zu\":{\"k1\":[]}", i ? "," : "",
                                  i % 3 ? "k" : "\\u006b", i == index ? as : i);
    }
    to[bytes++] = '}';
    return bytes;
}

static void duplicates_in_wide_objects(void **state)
{
    (void)state;
    static const size_t counts[] = {7, 8, 9, 10, 62, 63, 64, 65, 66, 127, 128, 129, 3000};
    size_t room = 200000;
    char *text = malloc(room);
    assert_non_null(text);
    struct json_value root = {0};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        size_t count = counts[i];
        const size_t pairs[][2] = {{0, count - 1}, {count - 1, 0}, {count / 2, 1}, {2, 3}};
        size_t bytes = put_wide(text, room, count, 0, 0);
        assert_false(err_is_set(json_scan(slice_of(text, bytes), 64, &root)));
        for (size_t j = 0; j < ARRAY_LEN(pairs); j++) {
            bytes = put_wide(text, room, count, pairs[j][0], pairs[j][1]);
            assert_int_equal(json_scan(slice_of(text, bytes), 64, &root).code, ERR_JSON_DUPLICATE);
        }
    }
    free(text);
}

/* Many members open at several levels: the notes move to the heap in the middle of an object. */
static void wide_objects_inside_one_another(void **state)
{
    (void)state;
    char text[20000];
    for (int with_duplicate = 0; with_duplicate < 2; with_duplicate++) {
        size_t bytes = 0;
        for (int level = 0; level < 20; level++) {
            text[bytes++] = '{';
            for (int i = 0; i < 20; i++) {
                bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "\"m%d\":%d,", i, i);
            }
            bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "\"in\":");
        }
        bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "0");
        for (int level = 0; level < 20; level++) {
            bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, ",\"%s\":1}",
                                      with_duplicate && level == 19 ? "m7" : "z");
        }
        struct json_value root = {0};
        assert_int_equal(json_scan(slice_of(text, bytes), 64, &root).code,
                         with_duplicate ? ERR_JSON_DUPLICATE : ERR_OK);
    }
}

static void numbers_beyond_a_double_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "1e309",
        "-1e309",
        "1e400",
        "10e308",
        "0.1e310",
        "1e99999999999999999999",
        "[1,2e308]",
        "1.7976931348623159e308",
        "1.7976931348623158079372898e308",
        "179769313486231580794e288",
        "-0.00017976931348623158079372898e312",
    };
    static const char *const accepted[] = {
        "1e308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623158079372897e308",
        "179769313486231580793e288",
        "0.1e309",
        "0.001e311",
        "-1.7976931348623158e308",
        "1e-99999999999999999999",
        "0.0e400",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_scan(refused[i], ERR_JSON_NUMBER_RANGE);
    }
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        assert_scan(accepted[i], ERR_OK);
    }
    /* Without an exponent: 309 digits are the longest that may fit. */
    char digits[400];
    struct json_value root = {0};
    memset(digits, '1', sizeof(digits));
    assert_false(err_is_set(json_scan(slice_of(digits, 308), 1, &root)));
    assert_false(err_is_set(json_scan(slice_of(digits, 309), 1, &root)));
    assert_int_equal(json_scan(slice_of(digits, 310), 1, &root).code, ERR_JSON_NUMBER_RANGE);
    digits[1] = '.';
    assert_false(err_is_set(json_scan(slice_of(digits, sizeof(digits)), 1, &root)));
    digits[1] = '8';
    assert_int_equal(json_scan(slice_of(digits, 309), 1, &root).code, ERR_JSON_NUMBER_RANGE);
}

/* The edge itself, digit by digit: 2^1024 - 2^970 is refused, one less in any digit is not. */
static void the_edge_of_the_range_is_exact(void **state)
{
    (void)state;
    /* The largest double, and the distance from it to the edge, written out by the C library. */
    char largest[400];
    char half[400];
    char edge[400];
    assert_int_equal(snprintf(largest, sizeof(largest), "%.0f", 0x1.fffffffffffffp1023), 309);
    snprintf(half, sizeof(half), "%0309.0f", 0x1p970);
    int carry = 0;
    for (int i = 308; i >= 0; i--) {
        int sum = largest[i] - '0' + half[i] - '0' + carry;
        edge[i] = (char)('0' + sum % 10);
        carry = sum / 10;
    }
    struct json_value root = {0};
    assert_int_equal(json_scan(slice_of(edge, 309), 1, &root).code, ERR_JSON_NUMBER_RANGE);
    for (size_t i = 1; i < 309; i++) {
        if (edge[i] != '0') {
            edge[i]--;
            assert_false(err_is_set(json_scan(slice_of(edge, 309), 1, &root)));
            edge[i]++;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_grammar),
        cmocka_unit_test(root_is_without_the_space_around),
        cmocka_unit_test(refuses_what_is_not_in_the_grammar),
        cmocka_unit_test(refuses_bad_utf8),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(deepest_nesting_fits_the_stack),
        cmocka_unit_test(duplicate_members_are_refused),
        cmocka_unit_test(duplicates_in_wide_objects),
        cmocka_unit_test(wide_objects_inside_one_another),
        cmocka_unit_test(numbers_beyond_a_double_are_refused),
        cmocka_unit_test(the_edge_of_the_range_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
