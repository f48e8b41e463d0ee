/* SPDX-License-Identifier: Apache-2.0 */
#include "model/location.h"
#include "model/property.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define PLACE "U2345678abcdefghkmnpqrst"

static struct err read_entry(const char *text, struct location *location)
{
    struct json_value root = {0};
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    return location_read(root, location);
}

static void assert_text(const char *text, const char *expected)
{
    struct location location;
    struct err err = read_entry(text, &location);
    if (err_is_set(err)) {
        fail_msg("%s: %s", text, err_name(err));
    }
    struct buf buf = {0};
    BUF_PUT_LITERAL(&buf, "x"); /* what stands before does not matter */
    location_write_text(&buf, &location);
    struct slice written = slice_from(buf_data(&buf), 1);
    if (!slice_equal(written, slice_of_text(expected))) {
        fail_msg("%s: %.*s", text, SLICE_ARGS(written));
    }
    buf_deinit(&buf);
}

static void assert_refused(const char *text, enum err_code code)
{
    struct location location;
    struct err err = read_entry(text, &location);
    if (err.code != code) {
        fail_msg("%s: %s", text, err_name(err));
    }
}

#define BERN                                                                                      \
    "\"latitude\":46.95,\"longitude\":7.450,\"position\":{\"type\":\"Point\",\"coordinates\":[7." \
    "450,46.95]}"

static void the_three_forms(void **state)
{
    (void)state;
    assert_text("{\"position\":{\"type\":\"Point\",\"coordinates\":[7.450,46.95]}}", BERN);
    assert_text("{\"position\":{\"coordinates\":[ 7.450 , 46.95 ]}}", BERN);
    assert_text("{\"position\":{\"type\":null,\"coordinates\":[7.450,46.95],\"bbox\":[]}}", BERN);
    assert_text("{\"longitude\":7.450,\"latitude\":46.95}", BERN);
    assert_text("{\"place\":\"" PLACE "\"}", "\"place\":\"" PLACE "\"");
    assert_text("{\"position\":{\"coordinates\":[7.450,46.95,540.0]}}",
                "\"latitude\":46.95,\"longitude\":7.450,\"position\":{\"type\":\"Point\","
                "\"coordinates\":[7.450,46.95,540.0]}");
    assert_text(
        "{\"customFields\":{ \"a\": [1]},\"latitude\":46.95,\"longitude\":7.450,\"place\":\"" PLACE
        "\"}",
        BERN ",\"place\":\"" PLACE "\",\"customFields\":{\"a\":[1]}");
    assert_text("{\"place\":\"" PLACE "\",\"customFields\":{}}",
                "\"place\":\"" PLACE "\",\"customFields\":{}");
}

static void position_comes_first(void **state)
{
    (void)state;
    assert_text("{\"latitude\":1,\"longitude\":2,\"position\":{\"coordinates\":[7.450,46.95]}}",
                BERN);
    assert_text("{\"latitude\":\"x\",\"position\":{\"coordinates\":[7.450,46.95]}}", BERN);
    assert_text("{\"latitude\":46.95,\"longitude\":7.450,\"position\":null,\"place\":null,"
                "\"customFields\":null}",
                BERN);
    assert_text("{\"latitude\":null,\"longitude\":null,\"place\":\"" PLACE "\"}",
                "\"place\":\"" PLACE "\"");
}

static void bounds(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"90", "180"}, {"-90", "-180"}, {"-90.0", "1.8e2"}, {"0", "-0"}, {"1e-400", "0.5"}};
    static const char *const refused[][2] = {{"90.0001", "0"}, {"-91", "0"},  {"0", "180.0001"},
                                             {"0", "-181"},    {"100", "50"}, {"\"1\"", "1"},
                                             {"1", "\"1\""},   {"null", "1"}, {"1", "null"},
                                             {"[1]", "1"},     {"1", "true"}};
    char text[256];
    struct location location;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        snprintf(text, sizeof(text), "{\"latitude\":%s,\"longitude\":%s}", pairs[i][0],
                 pairs[i][1]);
        assert_false(err_is_set(read_entry(text, &location)));
        assert_true(location_has_coordinates(&location));
        assert_true(slice_equal(location.latitude, slice_of_text(pairs[i][0])));
        assert_true(slice_equal(location.longitude, slice_of_text(pairs[i][1])));
        snprintf(text, sizeof(text), "{\"position\":{\"coordinates\":[%s,%s]}}", pairs[i][1],
                 pairs[i][0]);
        assert_false(err_is_set(read_entry(text, &location)));
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        snprintf(text, sizeof(text), "{\"latitude\":%s,\"longitude\":%s}", refused[i][0],
                 refused[i][1]);
        assert_refused(text, ERR_LOCATION_INVALID);
        snprintf(text, sizeof(text), "{\"position\":{\"coordinates\":[%s,%s]}}", refused[i][1],
                 refused[i][0]);
        assert_refused(text, ERR_LOCATION_INVALID);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    assert_refused("{}", ERR_LOCATION_INVALID);
    assert_refused("{\"timestamp\":1}", ERR_LOCATION_INVALID);
    assert_refused("{\"latitude\":1}", ERR_LOCATION_INVALID);
    assert_refused("{\"longitude\":1}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":[1,2]}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{}}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"coordinates\":[]}}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"coordinates\":[1]}}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"coordinates\":[1,2,3,4]}}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"coordinates\":[1,2,\"3\"]}}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"type\":\"point\",\"coordinates\":[1,2]}}",
                   ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"type\":\"Polygon\",\"coordinates\":[1,2]}}",
                   ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"type\":1,\"coordinates\":[1,2]}}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"coordinates\":[1]},\"latitude\":1,\"longitude\":1}",
                   ERR_LOCATION_INVALID);
#define FIFTY "00000000000000000000000000000000000000000000000000"
    assert_refused("{\"latitude\":1,\"longitude\":1." FIFTY FIFTY "}", ERR_LOCATION_INVALID);
    assert_refused("{\"position\":{\"coordinates\":[1,2,3." FIFTY FIFTY "]}}",
                   ERR_LOCATION_INVALID);
    assert_refused("{\"place\":7}", ERR_LOCATION_INVALID);
    assert_refused("{\"place\":\"home\"}", ERR_REFERENCE_UNKNOWN);
    assert_refused("{\"latitude\":1,\"longitude\":1,\"place\":\"\"}", ERR_REFERENCE_UNKNOWN);
    assert_refused("{\"latitude\":1,\"longitude\":1,\"customFields\":[]}", ERR_FIELD_INVALID);
    assert_refused("{\"latitude\":1,\"longitude\":1,\"timestamp\":-1}", ERR_TIMESTAMP_INVALID);
    assert_refused("[]", ERR_SHAPE_INVALID);
    assert_refused("1", ERR_SHAPE_INVALID);
}

static struct err read_all(const char *text, struct location *locations, size_t max, size_t *count)
{
    struct json_value root = {0};
    assert_false(err_is_set(json_scan(slice_of_text(text), JSON_DEPTH_MAX, &root)));
    return location_read_all(root, locations, max, count);
}

static void updates(void **state)
{
    (void)state;
    struct location locations[2];
    size_t count = 9;
    assert_false(err_is_set(read_all("[]", locations, 2, &count)));
    assert_int_equal(count, 0);
    assert_false(err_is_set(read_all("{\"place\":\"" PLACE "\"}", locations, 2, &count)));
    assert_int_equal(count, 1);
    assert_false(location_has_coordinates(&locations[0]));
    assert_true(slice_equal(id_slice(&locations[0].place), SLICE(PLACE)));
    assert_false(err_is_set(read_all(
        "[{\"latitude\":1,\"longitude\":2,\"timestamp\":\"5\"},{\"latitude\":3,\"longitude\":4}]",
        locations, 2, &count)));
    assert_int_equal(count, 2);
    assert_int_equal(locations[0].timestamp_ms, 5);
    assert_int_equal(locations[1].timestamp_ms, TIMESTAMP_NONE);
    assert_true(slice_equal(locations[1].latitude, SLICE("3")));
    assert_int_equal(
        read_all("[{\"latitude\":1,\"longitude\":2},{\"latitude\":1,\"longitude\":2},{}]",
                 locations, 2, &count)
            .code,
        ERR_POINTS_TOO_MANY);
    assert_int_equal(read_all("[null]", locations, 2, &count).code, ERR_SHAPE_INVALID);
    assert_int_equal(read_all("7", locations, 2, &count).code, ERR_SHAPE_INVALID);
}

static void items_are_the_text_with_times(void **state)
{
    (void)state;
    struct location location;
    struct buf text = {0};
    struct buf item = {0};
    assert_false(err_is_set(read_entry("{\"latitude\":36,\"longitude\":-17.3}", &location)));
    location_write_text(&text, &location);
    location_write_item(&item, buf_data(&text), 4, 5);
    assert_true(
        slice_equal(buf_data(&item),
                    SLICE("{\"createdAt\":5,\"timestamp\":4,\"latitude\":36,\"longitude\":-17.3,"
                          "\"position\":{\"type\":\"Point\",\"coordinates\":[-17.3,36]}}")));
    /* What is written can be read again, and is then the same. */
    struct json_value root = {0};
    assert_false(err_is_set(json_scan(buf_data(&item), JSON_DEPTH_MAX, &root)));
    assert_false(err_is_set(location_read(root, &location)));
    struct buf again = {0};
    location_write_text(&again, &location);
    assert_true(slice_equal(buf_data(&again), buf_data(&text)));
    buf_deinit(&text);
    buf_deinit(&item);
    buf_deinit(&again);
}

/* A place that is known later: the caller puts its coordinates in. */
static void coordinates_of_a_place(void **state)
{
    (void)state;
    struct location location;
    struct buf text = {0};
    assert_false(err_is_set(read_entry("{\"place\":\"" PLACE "\"}", &location)));
    location.latitude = SLICE("46.95");
    location.longitude = SLICE("7.450");
    location_write_text(&text, &location);
    assert_true(slice_equal(buf_data(&text), SLICE(BERN ",\"place\":\"" PLACE "\"")));
    buf_deinit(&text);
}

/* The coordinates alone; whatever else the object has is not looked at. */
static void coordinates_alone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err_code code;
        const char *latitude;
    } rows[] = {
        {"{}", ERR_OK, ""},
        {"{\"position\":null,\"latitude\":null}", ERR_OK, ""},
        {"{\"latitude\":46.950,\"longitude\":7,\"place\":7,\"timestamp\":-1}", ERR_OK, "46.950"},
        {"{\"position\":{\"coordinates\":[1,2.0]},\"latitude\":5,\"longitude\":6}", ERR_OK, "2.0"},
        {"{\"position\":null,\"latitude\":5,\"longitude\":6}", ERR_OK, "5"},
        {"{\"latitude\":5}", ERR_LOCATION_INVALID, ""},
        {"{\"position\":7}", ERR_LOCATION_INVALID, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_value root = {0};
        struct location location;
        assert_false(err_is_set(json_scan(slice_of_text(rows[i].text), JSON_DEPTH_MAX, &root)));
        assert_int_equal(location_read_coordinates(root, &location).code, rows[i].code);
        assert_true(slice_equal(location.latitude, slice_of_text(rows[i].latitude)));
    }
}

static void a_stored_place_lends_its_coordinates(void **state)
{
    (void)state;
    struct buf text = {0};
    assert_true(location_put_place(
        &text, SLICE("{\"id\":\"" PLACE "\",\"name\":\"x\"," BERN ",\"icon\":\"y\"}")));
    assert_true(slice_equal(buf_data(&text), SLICE(BERN)));
    assert_false(location_put_place(&text, SLICE("{\"id\":\"" PLACE "\",\"name\":\"x\"}")));
    assert_true(slice_equal(buf_data(&text), SLICE(BERN)));
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_forms),
        cmocka_unit_test(position_comes_first),
        cmocka_unit_test(bounds),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(updates),
        cmocka_unit_test(items_are_the_text_with_times),
        cmocka_unit_test(coordinates_of_a_place),
        cmocka_unit_test(coordinates_alone),
        cmocka_unit_test(a_stored_place_lends_its_coordinates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
