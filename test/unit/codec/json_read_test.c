/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking over scanned text, decoding texts, converting numbers; and the whole of it against
 * jansson on generated documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Some names of jansson are ours too: in this file its enumerators are called JANSSON_. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL JANSSON_REAL
#define JSON_TRUE JANSSON_TRUE
#define JSON_FALSE JANSSON_FALSE
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL
#undef json_is_true
#undef json_is_integer

#include "base/rand.h"
#include "codec/json.h"
#include "lib/guard.h"

static struct json_value scan(const char *text)
{
    struct json_value root = {0};
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    return root;
}

static void assert_text(struct slice found, const char *expected)
{
    if (!slice_equal(found, slice_of_text(expected))) {
        fail_msg("'%.*s' is not '%s'", SLICE_ARGS(found), expected);
    }
}

static void arrays_are_walked(void **state)
{
    (void)state;
    struct json_value root =
        scan("[ 1 ,\"a,]\\\"\" , [2,[3]] ,{\"k\":\"]}\"}, true\n,null,-0.5e1]");
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {"1", JSON_NUMBER},      {"\"a,]\\\"\"", JSON_STRING},
        {"[2,[3]]", JSON_ARRAY}, {"{\"k\":\"]}\"}", JSON_OBJECT},
        {"true", JSON_BOOLEAN},  {"null", JSON_NULL},
        {"-0.5e1", JSON_NUMBER},
    };
    struct json_each each = json_each(root);
    struct json_value item;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(json_array_next(&each, &item));
        assert_text(item.text, rows[i].text);
        assert_int_equal(item.type, rows[i].type);
    }
    assert_false(json_array_next(&each, &item));
    assert_false(json_array_next(&each, &item));
    assert_int_equal(json_count(root), ARRAY_LEN(rows));
    assert_int_equal(json_count(scan("[ ]")), 0);
    assert_int_equal(json_count(scan("{ }")), 0);
    assert_int_equal(json_count(scan("{\"a\":[1,2],\"b\":{\"c\":1}}")), 2);
}

static void objects_are_walked(void **state)
{
    (void)state;
    struct json_each each = json_each(scan("{ \"a\" : 1 , \"b\\u0063\":{\"x\":[]},\"\":\"\" }"));
    struct json_member member;
    assert_true(json_object_next(&each, &member));
    assert_text(member.name, "a");
    assert_false(member.has_escapes);
    assert_text(member.value.text, "1");
    assert_true(json_object_next(&each, &member));
    assert_text(member.name, "b\\u0063");
    assert_true(member.has_escapes);
    assert_true(json_member_is(&member, SLICE("bc")));
    assert_false(json_member_is(&member, SLICE("b\\u0063")));
    assert_text(member.value.text, "{\"x\":[]}");
    assert_true(json_object_next(&each, &member));
    assert_text(member.name, "");
    assert_text(member.value.text, "\"\"");
    assert_false(json_object_next(&each, &member));
}

static void members_are_found_by_decoded_name(void **state)
{
    (void)state;
    struct json_value root =
        scan("{\"in\":{\"v\":1},\"v\\u0061l\":2,\"\xc3\xa4\":3,\"q\\\"\":4,\"n\":null}");
    assert_text(json_member(root, SLICE("val")).text, "2");
    assert_text(json_member(root, SLICE("\xc3\xa4")).text, "3");
    assert_text(json_member(root, SLICE("q\"")).text, "4");
    assert_int_equal(json_member(root, SLICE("n")).type, JSON_NULL);
    assert_int_equal(json_member(root, SLICE("v")).type, JSON_NONE);
    assert_int_equal(json_member(root, SLICE("va")).type, JSON_NONE);
    assert_int_equal(json_member(root, SLICE("vall")).type, JSON_NONE);
    assert_int_equal(json_member(scan("[1]"), SLICE("v")).type, JSON_NONE);
    assert_int_equal(json_member((struct json_value){0}, SLICE("v")).type, JSON_NONE);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"x\\u0041\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
         "xA\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
        {"\"\\ud800\\udc00|\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80|\xf4\x8f\xbf\xbf"},
        {"\"\\\\u0041\"", "\\u0041"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_value value = scan(rows[i].json);
        struct slice raw = json_string_raw(value);
        struct guard guard = {0};
        guard_init(&guard);
        uint8_t *to = guard_put(&guard, raw.at, raw.bytes);
        assert_text(slice_of(to, json_raw_decode(raw, to)), rows[i].text);
        guard_deinit(&guard);
        struct buf buf = {0};
        buf_put_byte(&buf, '>');
        json_string_decode(value, &buf);
        assert_text(slice_from(buf_data(&buf), 1), rows[i].text);
        buf_deinit(&buf);
        assert_true(json_string_equals(value, slice_of_text(rows[i].text)));
        assert_false(json_string_equals(value, SLICE("other")));
        assert_int_equal(json_raw_has_escapes(raw), strchr(rows[i].json, '\\') != NULL);
    }
    assert_false(json_string_equals(scan("1"), SLICE("1")));
    assert_false(json_string_equals((struct json_value){0}, SLICE("")));
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void texts_are_compared_as_decoded(void **state)
{
    (void)state;
    static const char *const raws[] = {
        "",
        "a",
        "\\u0061",
        "aa",
        "a\\u0061",
        "b",
        "\xc3\xa4",
        "\\u00e4",
        "\\u00e4b",
        "\\ud834\\udd1e",
        "\xf0\x9d\x84\x9e",
        "\\n",
        "n",
        "\\\\n",
        "\\/",
        "/",
    };
    for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
        for (size_t j = 0; j < ARRAY_LEN(raws); j++) {
            struct slice a = slice_of_text(raws[i]);
            struct slice b = slice_of_text(raws[j]);
            uint8_t a_at[32];
            uint8_t b_at[32];
            struct slice plain_a = slice_of(a_at, json_raw_decode(a, a_at));
            struct slice plain_b = slice_of(b_at, json_raw_decode(b, b_at));
            assert_int_equal(sign(json_raw_compare(a, b)), sign(slice_compare(plain_a, plain_b)));
            assert_int_equal(json_raw_equals(a, plain_b), slice_equal(plain_a, plain_b));
        }
    }
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"0.000e9", 0},
        {"7", 7},
        {"-12", -12},
        {"1e3", 1000},
        {"1.5e1", 15},
        {"7.0", 7},
        {"1200e-2", 12},
        {"0.00012e5", 12},
        {"1700000000123", 1700000000123},
        {"999999999999999999", 999999999999999999},
        {"1000000000000000000", 1000000000000000000},
        {"9007199254740993", 9007199254740993},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"9.223372036854775807e18", INT64_MAX},
        {"1000000000000000000e-18", 1},
        {"10E+00", 10},
    };
    static const char *const refused[] = {
        "0.5",
        "1.5",
        "-0.1",
        "1e-1",
        "12e-2",
        "1e19",
        "9223372036854775808",
        "1e300",
        "1e-300",
        "-9223372036854775809",
        "9.2233720368547758075e18",
        "99999999999999999999",
        "\"1\"",
        "true",
        "null",
        "[1]",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t number = -1;
        assert_true(json_int64(scan(rows[i].text), &number));
        assert_int_equal(number, rows[i].number);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        int64_t number = 42;
        assert_false(json_int64(scan(refused[i]), &number));
        assert_int_equal(number, 42);
        assert_false(json_is_integer(scan(refused[i])));
    }
}

static size_t put_digits(struct rand *rand, char *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = (char)('0' + rand_below(rand, 10));
    }
    return count;
}

/* Random number texts: in range or not, and the double, as strtod has it. */
static void doubles_agree_with_strtod(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 20240601);
    for (int round = 0; round < 20000; round++) {
        char text[2000];
        size_t bytes = 0;
        if (rand_below(&rand, 2)) {
            text[bytes++] = '-';
        }
        text[bytes++] = (char)('1' + rand_below(&rand, 9));
        bytes +=
            put_digits(&rand, text + bytes, rand_below(&rand, rand_below(&rand, 50) ? 25 : 900));
        if (rand_below(&rand, 2)) {
            text[bytes++] = '.';
            bytes += put_digits(&rand, text + bytes, 1 + rand_below(&rand, 25));
        }
        if (rand_below(&rand, 4)) {
            bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "e%d",
                                      (int)rand_below(&rand, 700) - 350);
        }
        text[bytes] = 0;
        double expected = strtod(text, NULL);
        struct json_value value = {0};
        struct err err = json_scan(slice_of(text, bytes), 0, &value);
        if (__builtin_isinf(expected)) {
            assert_int_equal(err.code, ERR_JSON_NUMBER_RANGE);
            continue;
        }
        assert_int_equal(err.code, ERR_OK);
        double found = 0;
        assert_true(json_double(value, &found));
        assert_memory_equal(&found, &expected, sizeof(found));
    }
    double zero = 1;
    assert_true(json_double(scan("-0.0"), &zero));
    assert_true(zero >= 0 && zero <= 0 && __builtin_signbit(zero));
    assert_false(json_double(scan("\"1\""), &zero));
}

/* Half way between 1 and the next double, and a digit far behind that decides upwards. */
static void digits_beyond_counting_still_round(void **state)
{
    (void)state;
    static char text[2001];
    static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
    double number = 0;
    assert_true(json_double(scan(half), &number));
    assert_true(number <= 1.0);
    memset(text, '0', sizeof(text) - 1);
    memcpy(text, half, sizeof(half) - 1);
    text[sizeof(text) - 2] = '1';
    assert_true(json_double(scan(text), &number));
    assert_true(number > 1.0);
}

static void booleans(void **state)
{
    (void)state;
    assert_true(json_is_true(scan("true")));
    assert_false(json_is_true(scan("false")));
    assert_false(json_is_true(scan("\"true\"")));
    assert_false(json_is_true((struct json_value){0}));
}

/* ---------------------------------------------------------------- against jansson */

static void assert_same(struct json_value ours, json_t *theirs);

static void assert_same_array(struct json_value ours, json_t *theirs)
{
    assert_int_equal(json_count(ours), json_array_size(theirs));
    struct json_each each = json_each(ours);
    struct json_value item;
    for (size_t i = 0; json_array_next(&each, &item); i++) {
        assert_same(item, json_array_get(theirs, i));
    }
}

static void assert_same_object(struct json_value ours, json_t *theirs)
{
    assert_int_equal(json_count(ours), json_object_size(theirs));
    struct json_each each = json_each(ours);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        char name[512];
        assert_true(member.name.bytes < sizeof(name));
        name[json_raw_decode(member.name, (uint8_t *)name)] = 0;
        json_t *value = json_object_get(theirs, name);
        assert_non_null(value);
        assert_same(member.value, value);
        assert_true(slice_equal(json_member(ours, slice_of_text(name)).text, member.value.text));
    }
}

static void assert_same_number(struct json_value ours, json_t *theirs)
{
    double number = 0;
    double expected = json_number_value(theirs);
    assert_true(json_double(ours, &number));
    assert_memory_equal(&number, &expected, sizeof(number));
}

/* Both have accepted: is it the same tree? */
static void assert_same(struct json_value ours, json_t *theirs)
{
    int64_t integer = 0;
    struct slice text;
    switch (json_typeof(theirs)) {
    case JANSSON_OBJECT:
        assert_int_equal(ours.type, JSON_OBJECT);
        assert_same_object(ours, theirs);
        break;
    case JANSSON_ARRAY:
        assert_int_equal(ours.type, JSON_ARRAY);
        assert_same_array(ours, theirs);
        break;
    case JANSSON_STRING:
        text = slice_of(json_string_value(theirs), json_string_length(theirs));
        assert_true(json_string_equals(ours, text));
        break;
    case JANSSON_INTEGER:
        assert_true(json_int64(ours, &integer));
        assert_int_equal(integer, json_integer_value(theirs));
        break;
    case JANSSON_REAL:
        assert_same_number(ours, theirs);
        break;
    case JANSSON_TRUE:
        assert_true(json_is_true(ours));
        break;
    case JANSSON_FALSE:
        assert_int_equal(ours.type, JSON_BOOLEAN);
        assert_false(json_is_true(ours));
        break;
    case JANSSON_NULL:
        assert_int_equal(ours.type, JSON_NULL);
        break;
    }
}

/* Judges one text. Where the two are known to differ: integers beyond 64 bits, which jansson cannot
 * hold and we keep as text. (Its own limit of depth, 2048, is out of reach here.) */
static bool judge(struct slice text)
{
    json_error_t error;
    json_t *theirs = json_loadb((const char *)text.at, text.bytes,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    struct json_value ours = {0};
    struct err err = json_scan(text, JSON_DEPTH_MAX, &ours);
    bool is_known = theirs == NULL && json_error_code(&error) == json_error_numeric_overflow &&
                    strstr(error.text, "integer") != NULL;
    if (!is_known && (theirs != NULL) == err_is_set(err)) {
        fail_msg("'%.*s': ours %s, jansson %s", SLICE_ARGS(text), err_name(err),
                 theirs ? "accepts" : error.text);
    }
    bool are_both = theirs != NULL;
    if (are_both) {
        assert_same(ours, theirs);
    }
    json_decref(theirs);
    return are_both;
}

static const char *const tokens[] = {
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "1",
    "-2.5",
    "0",
    "1e5",
    "1E-400",
    "1e400",
    "01",
    "1.",
    "-",
    "true",
    "null",
    "nul",
    "\"a\"",
    "\"b\"",
    "\"\\u0061\"",
    "\"",
    " ",
    "\n",
    "\"\\ud834\\udd1e\"",
    "\"\\udd1e\"",
    "\"\xc3\xa4\"",
    "\"\xc3\"",
    "\"\\u0000\"",
    "\"\\x\"",
    "\"\t\"",
    "'a'",
    "/**/",
    "NaN",
    "123456789012345678901",
    "9223372036854775807",
    "false",
    "\"\"",
    "\xef\xbb\xbf",
    "\x0b",
    "+1",
    "{\"a\":",
    "[1,2]",
    "{}",
    "\"k\":1",
};

static void agrees_with_jansson_on_token_soup(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 7);
    size_t accepted = 0;
    for (int round = 0; round < 60000; round++) {
        char text[256];
        size_t bytes = 0;
        for (size_t left = 1 + rand_below(&rand, 9); left > 0; left--) {
            const char *token = tokens[rand_below(&rand, ARRAY_LEN(tokens))];
            memcpy(text + bytes, token, strlen(token));
            bytes += strlen(token);
        }
        accepted += judge(slice_of(text, bytes));
    }
    assert_true(accepted > 1000);
}

static size_t put_document(struct rand *rand, char *to, unsigned depth)
{
    static const char *const scalars[] = {"1",
                                          "-0.5e-3",
                                          "true",
                                          "null",
                                          "\"x\\n\\u20ac\"",
                                          "\"\"",
                                          "1.7976931348623157e308",
                                          "12345678901234567"};
    static const char *const names[] = {
        "a", "b", "\\u0061b", "\\\\", "\xe2\x82\xac", "long name here", "", "c", "A"};
    size_t kind = depth == 0 ? 0 : rand_below(rand, 3);
    if (kind == 0) {
        const char *scalar = scalars[rand_below(rand, ARRAY_LEN(scalars))];
        memcpy(to, scalar, strlen(scalar));
        return strlen(scalar);
    }
    size_t bytes = 0;
    to[bytes++] = kind == 1 ? '[' : '{';
    size_t start = rand_below(rand, ARRAY_LEN(names));
    size_t count = rand_below(rand, 4);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            to[bytes++] = ',';
        }
        if (kind == 2) {
            const char *name = names[(start + i) % ARRAY_LEN(names)];
            to[bytes++] = '"';
            memcpy(to + bytes, name, strlen(name));
            bytes += strlen(name);
            to[bytes++] = '"';
            to[bytes++] = ':';
        }
        bytes += put_document(rand, to + bytes, depth - 1);
    }
    to[bytes++] = kind == 1 ? ']' : '}';
    return bytes;
}

/* Valid documents, and the same with one or two bytes changed, put in or left out. */
static void agrees_with_jansson_on_changed_documents(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 11);
    size_t accepted = 0;
    for (int round = 0; round < 40000; round++) {
        static char text[20000];
        size_t bytes = put_document(&rand, text, 4);
        assert_true(judge(slice_of(text, bytes)));
        for (size_t changes = rand_below(&rand, 3); changes > 0 && bytes > 0; changes--) {
            static const char bytes_in[] = "\"\\{}[],:0e.-u\x80\n ";
            size_t at = rand_below(&rand, bytes);
            char byte = bytes_in[rand_below(&rand, sizeof(bytes_in) - 1)];
            switch (rand_below(&rand, 3)) {
            case 0:
                text[at] = byte;
                break;
            case 1:
                memmove(text + at + 1, text + at, bytes - at);
                text[at] = byte;
                bytes++;
                break;
            default:
                memmove(text + at, text + at + 1, bytes - at - 1);
                bytes--;
                break;
            }
        }
        accepted += judge(slice_of(text, bytes));
    }
    assert_true(accepted > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_walked),
        cmocka_unit_test(objects_are_walked),
        cmocka_unit_test(members_are_found_by_decoded_name),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(texts_are_compared_as_decoded),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(doubles_agree_with_strtod),
        cmocka_unit_test(digits_beyond_counting_still_round),
        cmocka_unit_test(booleans),
        cmocka_unit_test(agrees_with_jansson_on_token_soup),
        cmocka_unit_test(agrees_with_jansson_on_changed_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
