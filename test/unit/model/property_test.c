/* SPDX-License-Identifier: Apache-2.0 */
#include "model/property.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define POINTS_MAX 1000

/* Points read from one body, and the memory behind them. */
struct reading {
    struct property_point at[POINTS_MAX];
    struct property_points points;
    struct buf keys;
    struct buf text;
};

static int open_reading(void **state)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    reading->points = (struct property_points){
        .at = reading->at, .count_max = POINTS_MAX, .keys = &reading->keys};
    *state = reading;
    return 0;
}

static int close_reading(void **state)
{
    struct reading *reading = *state;
    buf_deinit(&reading->keys);
    buf_deinit(&reading->text);
    free(reading);
    return 0;
}

static struct err read_points(struct reading *reading, struct slice body, const char *path_key)
{
    struct json_value root = {0};
    struct err err = json_scan(body, JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%.*s: %s", SLICE_ARGS(body), err_name(err));
    }
    return property_points_read(root, slice_of_text(path_key), &reading->points);
}

static void assert_read(struct reading *reading, const char *body, const char *path_key,
                        const char *expected)
{
    struct err err = read_points(reading, slice_of_text(body), path_key);
    if (err_is_set(err)) {
        fail_msg("%s: %s", body, err_name(err));
    }
    buf_reset(&reading->text);
    property_write_points(&reading->text, reading->at, reading->points.count, 1000);
    struct slice text = buf_data(&reading->text);
    if (!slice_equal(text, slice_of_text(expected))) {
        fail_msg("%s: %.*s", body, SLICE_ARGS(text));
    }
}

static void assert_refused(struct reading *reading, const char *body, const char *path_key,
                           enum err_code code)
{
    struct err err = read_points(reading, slice_of_text(body), path_key);
    if (err.code != code) {
        fail_msg("%s: %s", body, err_name(err));
    }
}

static void points_are_read_and_written(void **state)
{
    struct reading *r = *state;
    assert_read(r, "[{\"value\":37.20}]", "temp",
                "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"temp\",\"value\":37.20}]");
    assert_read(r, " {\"value\" : -0 } ", "temp",
                "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"temp\",\"value\":-0}]");
    assert_read(r, "[{\"key\":\"Temp_C\",\"value\":20},{\"key\":\"on\",\"value\":true}]", "",
                "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"temp_c\",\"value\":20},"
                "{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"on\",\"value\":true}]");
    assert_read(r, "[{\"value\":19,\"timestamp\":500}]", "temp_c",
                "[{\"createdAt\":1000,\"timestamp\":500,\"key\":\"temp_c\",\"value\":19}]");
    assert_read(r, "[{\"val\\u0075e\":[1, {\"a\":\"\\u00e4\"}],\"createdAt\":3,\"x\":{}}]", "k",
                "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"k\",\"value\":[1, "
                "{\"a\":\"\\u00e4\"}]}]");
    assert_read(
        r, "[{\"key\":\"a\\\"\\u00c4 B\",\"value\":\"x\"}]", "",
        "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"a\\\"\xc3\x84 b\",\"value\":\"x\"}]");
    assert_read(r, "[]", "temp", "[]");
    assert_read(r, "[]", "", "[]");
}

static void the_key_of_the_path_wins(void **state)
{
    struct reading *r = *state;
    const char *expected = "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"path\",\"value\":1}]";
    assert_read(r, "[{\"key\":\"body\",\"value\":1}]", "path", expected);
    assert_read(r, "[{\"key\":\"\",\"value\":1}]", "path", expected);
    assert_read(r, "[{\"key\":7,\"value\":1}]", "path", expected);
}

static void keys_need_no_copy_when_normal(void **state)
{
    struct reading *r = *state;
    struct slice body = SLICE("[{\"key\":\"temp\",\"value\":1},{\"key\":\"HUM\",\"value\":2}]");
    assert_false(err_is_set(read_points(r, body, "")));
    assert_ptr_equal(r->at[0].key.at, body.at + 9);
    assert_true(slice_equal(r->at[1].key, SLICE("hum")));
    assert_int_equal(buf_bytes(&r->keys), 3);
}

static void shapes_are_refused(void **state)
{
    struct reading *r = *state;
    static const char *const shapes[] = {
        "1", "\"x\"", "true", "null", "[1]", "[[{\"value\":1}]]", "[{\"value\":1},null]"};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        assert_refused(r, shapes[i], "k", ERR_SHAPE_INVALID);
        assert_int_equal(r->points.count, 0);
    }
    assert_refused(r, "[{}]", "k", ERR_PROPERTY_VALUE_MISSING);
    assert_refused(r, "{}", "k", ERR_PROPERTY_VALUE_MISSING);
    assert_refused(r, "[{\"value\":null}]", "k", ERR_PROPERTY_VALUE_MISSING);
    assert_refused(r, "[{\"Value\":1}]", "k", ERR_PROPERTY_VALUE_MISSING);
    assert_refused(r, "[{\"value\":1}]", "", ERR_PROPERTY_KEY_MISSING);
    assert_refused(r, "[{\"key\":null,\"value\":1}]", "", ERR_PROPERTY_KEY_MISSING);
    assert_refused(r, "[{\"key\":1,\"value\":1}]", "", ERR_PROPERTY_KEY_INVALID);
    assert_refused(r, "[{\"key\":\"\",\"value\":1}]", "", ERR_PROPERTY_KEY_INVALID);
    assert_refused(r, "[{\"key\":\"a\\n\",\"value\":1}]", "", ERR_PROPERTY_KEY_INVALID);
}

static void timestamps(void **state)
{
    struct reading *r = *state;
    static const struct {
        const char *text;
        int64_t timestamp_ms;
    } rows[] = {
        {"0", 0},
        {"1700000000123", 1700000000123},
        {"\"1700000000123\"", 1700000000123},
        {"9007199254740991", 9007199254740991},
        {"\"9007199254740991\"", 9007199254740991},
        {"1.7e12", 1700000000000},
        {"1700000000123.0", 1700000000123},
        {"-0", 0},
        {"null", TIMESTAMP_NONE},
        {"\"007\"", 7},
    };
    static const char *const refused[] = {
        "-1",
        "0.5",
        "9007199254740992",
        "\"9007199254740992\"",
        "1e16",
        "1e300",
        "\"\"",
        "\"-1\"",
        "\"1.0\"",
        "\" 1\"",
        "\"1e3\"",
        "\"\\u0031\"",
        "true",
        "[]",
        "{}",
        "\"99999999999999999999999999\"",
        "\"18446744073709551617\"",
        "\"abc\"",
        "99999999999999999999999999",
    };
    char body[128];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(body, sizeof(body), "[{\"value\":1,\"timestamp\":%s}]", rows[i].text);
        assert_refused(r, body, "k", ERR_OK);
        assert_int_equal(r->at[0].timestamp_ms, rows[i].timestamp_ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        snprintf(body, sizeof(body), "[{\"timestamp\":%s,\"value\":1}]", refused[i]);
        assert_refused(r, body, "k", ERR_TIMESTAMP_INVALID);
    }
}

static void the_count_is_bounded(void **state)
{
    struct reading *r = *state;
    for (size_t count = POINTS_MAX - 1; count <= POINTS_MAX + 1; count++) {
        struct buf body = {0};
        buf_put_byte(&body, '[');
        for (size_t i = 0; i < count; i++) {
            buf_put_format(&body, "%s{\"value\":%zu}", i ? "," : "", i);
        }
        buf_put_byte(&body, ']');
        struct err err = read_points(r, buf_data(&body), "k");
        assert_int_equal(err.code, count <= POINTS_MAX ? ERR_OK : ERR_POINTS_TOO_MANY);
        /* Points that the server stamps are all kept. */
        assert_int_equal(r->points.count, count <= POINTS_MAX ? count : 0);
        buf_deinit(&body);
    }
}

static void equal_points_become_one(void **state)
{
    struct reading *r = *state;
    assert_read(r,
                "[{\"value\":1,\"timestamp\":5},{\"value\":2,\"timestamp\":6},{\"value\":3,"
                "\"timestamp\":5}]",
                "k",
                "[{\"createdAt\":1000,\"timestamp\":5,\"key\":\"k\",\"value\":3},"
                "{\"createdAt\":1000,\"timestamp\":6,\"key\":\"k\",\"value\":2}]");
    assert_read(
        r,
        "[{\"key\":\"A\",\"value\":1,\"timestamp\":5},{\"key\":\"b\",\"value\":2,\"timestamp\":"
        "\"5\"},"
        "{\"key\":\"a\",\"value\":3,\"timestamp\":5},{\"key\":\"a\",\"value\":4,\"timestamp\":5}]",
        "",
        "[{\"createdAt\":1000,\"timestamp\":5,\"key\":\"a\",\"value\":4},"
        "{\"createdAt\":1000,\"timestamp\":5,\"key\":\"b\",\"value\":2}]");
    /* Two without a timestamp stay two, even beside one that has the server's time. */
    assert_read(r, "[{\"value\":1},{\"value\":1},{\"value\":2,\"timestamp\":1000}]", "k",
                "[{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"k\",\"value\":1},"
                "{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"k\",\"value\":1},"
                "{\"createdAt\":1000,\"timestamp\":1000,\"key\":\"k\",\"value\":2}]");
}

/* Random requests of every size against a plain double loop. */
static void merging_agrees_with_a_plain_loop(void **state)
{
    struct reading *r = *state;
    static struct {
        int key;
        int time;
        int value;
    } model[POINTS_MAX];
    unsigned random = 12345;
    for (size_t size = 2; size <= POINTS_MAX; size += 1 + size / 8) {
        struct buf body = {0};
        size_t count = 0;
        buf_put_byte(&body, '[');
        for (size_t i = 0; i < size; i++) {
            random = random * 1103515245u + 12345u;
            int key = (int)(random >> 16) % 3;
            int time = (int)((random >> 20) % (size / 2 + 1)) - 1;
            buf_put_format(&body, "%s{\"key\":\"%c\",\"value\":%zu", i ? "," : "", 'A' + key, i);
            if (time >= 0) {
                buf_put_format(&body, ",\"timestamp\":%d", time);
            }
            buf_put_byte(&body, '}');
            size_t j = 0;
            while (j < count && (time < 0 || model[j].key != key || model[j].time != time)) {
                j++;
            }
            model[j].key = key;
            model[j].time = time;
            model[j].value = (int)i;
            count = j == count ? count + 1 : count;
        }
        buf_put_byte(&body, ']');
        assert_false(err_is_set(read_points(r, buf_data(&body), "")));
        assert_int_equal(r->points.count, count);
        for (size_t i = 0; i < count; i++) {
            int64_t value = -1;
            assert_true(json_int64(r->at[i].value, &value));
            assert_int_equal(value, model[i].value);
            assert_int_equal(r->at[i].timestamp_ms, model[i].time);
            assert_int_equal(r->at[i].key.at[0], 'a' + model[i].key);
        }
        buf_deinit(&body);
    }
}

static void keys_are_normalised(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *key; /* NULL: refused */
    } rows[] = {
        {"temp", "temp"},
        {"TempC", "tempc"},
        {"_A-9_", "_a-9_"},
        {"room temp", "room temp"},
        {" ", " "},
        {"/?#+", "/?#+"},
        {"\xc3\x84", "\xc3\x84"},
        {"@[`{", "@[`{"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"", NULL},
        {"a\nb", NULL},
        {"\x1f", NULL},
        {"a\x7f", NULL},
        {"\xc2\x80", NULL},
        {"\xc2\x9f", NULL},
        {"\xff", NULL},
        {"a\xc3", NULL},
        {"\xc2", NULL},
    };
    uint8_t to[1024];
    struct slice key;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = property_key_normalise(slice_of_text(rows[i].text), to, &key);
        assert_int_equal(err.code, rows[i].key ? ERR_OK : ERR_PROPERTY_KEY_INVALID);
        if (rows[i].key) {
            assert_true(slice_equal(key, slice_of_text(rows[i].key)));
        }
    }
    uint8_t text[1024];
    memset(text, 'K', sizeof(text));
    assert_false(err_is_set(property_key_normalise(slice_of(text, 128), to, &key)));
    assert_true(err_is_set(property_key_normalise(slice_of(text, 129), to, &key)));
    for (size_t i = 0; i + 4 <= sizeof(text); i += 4) {
        memcpy(text + i, "\xf0\x9f\x98\x80", 4); /* characters count, not bytes */
    }
    assert_false(err_is_set(property_key_normalise(slice_of(text, 512), text, &key)));
    assert_true(err_is_set(property_key_normalise(slice_of(text, 516), text, &key)));
}

static void history_items_have_no_key(void **state)
{
    struct reading *r = *state;
    struct property_sample sample = {.value = SLICE("20"), .timestamp_ms = 7, .created_ms = 8};
    property_write_sample(&r->text, &sample);
    assert_true(
        slice_equal(buf_data(&r->text), SLICE("{\"createdAt\":8,\"timestamp\":7,\"value\":20}")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_reading, close_reading)
    const struct CMUnitTest tests[] = {
        TEST(points_are_read_and_written),
        TEST(the_key_of_the_path_wins),
        TEST(keys_need_no_copy_when_normal),
        TEST(shapes_are_refused),
        TEST(timestamps),
        TEST(the_count_is_bounded),
        TEST(equal_points_become_one),
        TEST(merging_agrees_with_a_plain_loop),
        TEST(history_items_have_no_key),
        cmocka_unit_test(keys_are_normalised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
