/* SPDX-License-Identifier: Apache-2.0
 *
 * Properties of the scanner and of what reads behind it, on any bytes:
 * - a root scans again on its own, to itself;
 * - written anew from what the walk gives, a document is accepted, and written once more it is the
 *   same text; every member is found by its decoded name;
 * - a number is a finite double; an integer is the same as integer and as double;
 * - property points and locations that are read can be written, and are JSON then. */
#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "model/location.h"
#include "model/property.h"

#include <math.h>

#define POINTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

static struct json_value scan(struct slice text)
{
    struct json_value root = {0};
    ASSERT(!err_is_set(json_scan(text, JSON_DEPTH_MAX, &root)));
    return root;
}

static void rewrite(struct buf *buf, struct json_value value);

static void rewrite_string(struct buf *buf, struct json_value value)
{
    struct buf text = {0};
    json_string_decode(value, &text);
    ASSERT(json_string_equals(value, buf_data(&text)));
    json_write_string(buf, buf_data(&text));
    buf_deinit(&text);
}

static void rewrite_object(struct buf *buf, struct json_value object)
{
    struct json_each each = json_each(object);
    struct json_member member;
    struct buf name = {0};
    /* Finding each member among all is quadratic: for the first ones only. */
    size_t lookups = 32;
    json_write_open(buf, '{');
    while (json_object_next(&each, &member)) {
        buf_reset(&name);
        ASSERT(!err_is_set(buf_reserve(&name, member.name.bytes + 1)));
        name.tail = json_raw_decode(member.name, name.at);
        ASSERT(json_member_is(&member, buf_data(&name)));
        if (lookups > 0) {
            lookups--;
            ASSERT(json_member(object, buf_data(&name)).text.at == member.value.text.at);
        }
        json_write_name(buf, buf_data(&name));
        rewrite(buf, member.value);
    }
    json_write_close(buf, '}');
    buf_deinit(&name);
}

static void rewrite_number(struct buf *buf, struct json_value value)
{
    double number = NAN;
    int64_t integer;
    ASSERT(json_double(value, &number) && isfinite(number));
    if (json_int64(value, &integer)) {
        ASSERT(fabs((double)integer - number) <= 0);
        json_write_int(buf, integer);
        return;
    }
    struct buf text = {0};
    double again = NAN;
    json_write_double(&text, number);
    ASSERT(json_double(scan(buf_data(&text)), &again));
    ASSERT(memcmp(&again, &number, sizeof(number)) == 0);
    buf_deinit(&text);
    buf_put(buf, value.text);
}

static void rewrite(struct buf *buf, struct json_value value)
{
    struct json_each each;
    struct json_value item;
    switch (value.type) {
    case JSON_OBJECT:
        rewrite_object(buf, value);
        break;
    case JSON_ARRAY:
        each = json_each(value);
        json_write_open(buf, '[');
        while (json_array_next(&each, &item)) {
            json_write_comma(buf);
            rewrite(buf, item);
        }
        json_write_close(buf, ']');
        break;
    case JSON_STRING:
        rewrite_string(buf, value);
        break;
    case JSON_NUMBER:
        rewrite_number(buf, value);
        break;
    default:
        buf_put(buf, value.text);
        break;
    }
}

static void check_rewriting(struct json_value root)
{
    struct buf once = {0};
    struct buf twice = {0};
    rewrite(&once, root);
    struct json_value again = scan(buf_data(&once));
    ASSERT(again.type == root.type);
    rewrite(&twice, again);
    ASSERT(slice_equal(buf_data(&once), buf_data(&twice)));
    buf_deinit(&once);
    buf_deinit(&twice);
}

static void check_points(struct json_value root, struct slice path_key)
{
    struct property_point at[POINTS_MAX];
    struct buf keys = {0};
    struct property_points points = {.at = at, .count_max = POINTS_MAX, .keys = &keys};
    if (!err_is_set(property_points_read(root, path_key, &points))) {
        struct buf text = {0};
        property_write_points(&text, at, points.count, 1700000000000);
        ASSERT(json_count(scan(buf_data(&text))) == points.count);
        buf_deinit(&text);
    }
    buf_deinit(&keys);
}

static void check_location(struct json_value root)
{
    struct location location;
    if (err_is_set(location_read(root, &location))) {
        return;
    }
    struct buf text = {0};
    struct buf item = {0};
    struct buf again = {0};
    location_write_text(&text, &location);
    location_write_item(&item, buf_data(&text), 1, 2);
    ASSERT(!err_is_set(location_read(scan(buf_data(&item)), &location)));
    location_write_text(&again, &location);
    ASSERT(slice_equal(buf_data(&text), buf_data(&again)));
    buf_deinit(&text);
    buf_deinit(&item);
    buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    struct json_value root = {0};
    if (err_is_set(json_scan(slice_of(at, bytes), JSON_DEPTH_MAX, &root))) {
        return 0;
    }
    struct json_value again = scan(root.text);
    ASSERT(again.text.at == root.text.at && again.text.bytes == root.text.bytes);
    check_rewriting(root);
    check_points(root, SLICE("key"));
    check_points(root, (struct slice){0});
    check_location(root);
    return 0;
}
