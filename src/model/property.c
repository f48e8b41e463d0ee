/* SPDX-License-Identifier: Apache-2.0 */
#include "model/property.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "codec/json_write.h"

#include <assert.h>
#include <stdlib.h>

/* Requests with more points have them sorted to find equal ones. */
#define POINTS_PAIRWISE_MAX 16

static_assert(PROPERTY_POINTS_CEILING <= UINT16_MAX, "points are sorted by 16-bit indices");

/* ---------------------------------------------------------------- keys and times */

/* True when <key> has 1 to 128 characters and no control character. C1 controls are U+0080 to
 * U+009F, which UTF-8 writes as 0xc2 0x80 to 0xc2 0x9f. */
static bool key_is_valid(struct slice key)
{
    if (key.bytes == 0 || key.bytes > PROPERTY_KEY_BYTES_MAX) {
        return false;
    }
    bool is_ascii = true;
    for (size_t i = 0; i < key.bytes; i++) {
        uint8_t byte = key.at[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
        is_ascii &= byte < 0x80;
        if (byte == 0xc2 && i + 1 < key.bytes && key.at[i + 1] < 0xa0) {
            return false;
        }
    }
    if (is_ascii) {
        return key.bytes <= PROPERTY_KEY_CHARACTERS_MAX;
    }
    return utf8_is_valid(key) && utf8_length(key) <= PROPERTY_KEY_CHARACTERS_MAX;
}

static bool has_capitals(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] >= 'A' && text.at[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

struct err property_key_normalise(struct slice text, uint8_t *to, struct slice *key)
{
    if (!key_is_valid(text)) {
        return ERR(PROPERTY_KEY_INVALID);
    }
    for (size_t i = 0; i < text.bytes; i++) {
        to[i] = ascii_lower(text.at[i]);
    }
    *key = slice_of(to, text.bytes);
    return ERR(OK);
}

/* The number <digits> stands for, -1 when it is none or too large. */
static int64_t read_digits(struct slice digits)
{
    int64_t number = digits.bytes ? 0 : -1;
    for (size_t i = 0; i < digits.bytes; i++) {
        uint8_t digit = (uint8_t)(digits.at[i] - '0');
        if (digit > 9 || number > TIMESTAMP_MS_MAX / 10) {
            return -1;
        }
        number = number * 10 + digit;
    }
    return number;
}

struct err timestamp_read(struct json_value value, int64_t *timestamp_ms)
{
    int64_t number = -1;
    switch (value.type) {
    case JSON_NONE:
    case JSON_NULL:
        *timestamp_ms = TIMESTAMP_NONE;
        return ERR(OK);
    case JSON_STRING:
        number = read_digits(json_string_raw(value));
        break;
    case JSON_NUMBER:
        if (!json_int64(value, &number)) {
            number = -1;
        }
        break;
    default:
        break;
    }
    if (number < 0 || number > TIMESTAMP_MS_MAX) {
        return ERR(TIMESTAMP_INVALID);
    }
    *timestamp_ms = number;
    return ERR(OK);
}

/* ---------------------------------------------------------------- reading points */

/* Gives the key of a point in normal form: a slice of the body when it is so there, else of
 * <keys>, whose room for all of them (<keys_bytes>) is made at the first. */
static struct err read_key(struct json_value value, struct buf *keys, size_t keys_bytes,
                           struct slice *key)
{
    if (value.type == JSON_NONE || value.type == JSON_NULL) {
        return ERR(PROPERTY_KEY_MISSING);
    }
    if (value.type != JSON_STRING) {
        return ERR(PROPERTY_KEY_INVALID);
    }
    struct slice raw = json_string_raw(value);
    if (!json_raw_has_escapes(raw) && !has_capitals(raw)) {
        *key = raw;
        return key_is_valid(raw) ? ERR(OK) : ERR(PROPERTY_KEY_INVALID);
    }
    if (buf_bytes(keys) == 0) {
        TRY(buf_reserve(keys, keys_bytes));
    }
    ASSERT(keys->room - keys->tail >= raw.bytes);
    uint8_t *to = keys->at + keys->tail;
    TRY(property_key_normalise(slice_of(to, json_raw_decode(raw, to)), to, key));
    keys->tail += key->bytes;
    return ERR(OK);
}

static struct err read_point(struct json_value item, struct slice path_key,
                             const struct property_points *points, size_t keys_bytes,
                             struct property_point *point)
{
    if (item.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    struct json_value key = {.type = JSON_NONE};
    struct json_value timestamp = {.type = JSON_NONE};
    point->value = (struct json_value){.type = JSON_NONE};
    struct json_each each = json_each(item);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        if (json_member_is(&member, SLICE("value"))) {
            point->value = member.value;
        } else if (json_member_is(&member, SLICE("timestamp"))) {
            timestamp = member.value;
        } else if (json_member_is(&member, SLICE("key"))) {
            key = member.value;
        }
    }
    point->key = path_key;
    if (path_key.bytes == 0) {
        TRY(read_key(key, points->keys, keys_bytes, &point->key));
    }
    if (point->value.type == JSON_NONE || point->value.type == JSON_NULL) {
        return ERR(PROPERTY_VALUE_MISSING);
    }
    return timestamp_read(timestamp, &point->timestamp_ms);
}

/* ---------------------------------------------------------------- equal points */

/* Orders by key and client timestamp. */
static int compare_points(const struct property_point *a, const struct property_point *b)
{
    int order = (a->timestamp_ms > b->timestamp_ms) - (a->timestamp_ms < b->timestamp_ms);
    return order ? order : slice_compare(a->key, b->key);
}

/* The same, and equal ones by their place in the request. */
static int compare_for_sort(const void *a, const void *b, void *points)
{
    uint16_t index_a = *(const uint16_t *)a;
    uint16_t index_b = *(const uint16_t *)b;
    const struct property_point *at = points;
    int order = compare_points(&at[index_a], &at[index_b]);
    return order ? order : (index_a > index_b) - (index_a < index_b);
}

/* Back-fill comes in order of time: then no two points can be equal, and nothing needs sorting. */
static bool times_ascend(const struct property_point *at, size_t count)
{
    int64_t last = TIMESTAMP_NONE;
    for (size_t i = 0; i < count; i++) {
        if (at[i].timestamp_ms == TIMESTAMP_NONE) {
            continue;
        }
        if (at[i].timestamp_ms <= last) {
            return false;
        }
        last = at[i].timestamp_ms;
    }
    return true;
}

/* The later of two equal points gives its value to the earlier and is marked as gone. */
static void merge_point(struct property_point *earlier, struct property_point *later)
{
    earlier->value = later->value;
    later->value.type = JSON_NONE;
}

static void merge_few(struct property_point *at, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i && at[i].timestamp_ms != TIMESTAMP_NONE; j++) {
            if (at[j].value.type != JSON_NONE && compare_points(&at[i], &at[j]) == 0) {
                merge_point(&at[j], &at[i]);
                break;
            }
        }
    }
}

static void merge_many(struct property_point *at, size_t count)
{
    uint16_t order[PROPERTY_POINTS_CEILING];
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint16_t)i;
    }
    qsort_r(order, count, sizeof(order[0]), compare_for_sort, at);
    size_t first = 0;
    for (size_t i = 1; i < count; i++) {
        struct property_point *earlier = &at[order[first]];
        struct property_point *later = &at[order[i]];
        if (later->timestamp_ms != TIMESTAMP_NONE && compare_points(earlier, later) == 0) {
            merge_point(earlier, later);
        } else {
            first = i;
        }
    }
}

/* Of points with the same key and client timestamp one is kept: the value of the last, the place of
 * the first. Gives the count of what is left. */
static size_t merge_equal(struct property_point *at, size_t count)
{
    if (times_ascend(at, count)) {
        return count;
    }
    if (count <= POINTS_PAIRWISE_MAX) {
        merge_few(at, count);
    } else {
        merge_many(at, count);
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i].value.type != JSON_NONE) {
            at[kept++] = at[i];
        }
    }
    return kept;
}

struct err property_points_read(struct json_value body, struct slice path_key,
                                struct property_points *points)
{
    ASSERT(points->count_max >= 1 && points->count_max <= PROPERTY_POINTS_CEILING);
    points->count = 0;
    buf_reset(points->keys);
    if (body.type == JSON_OBJECT) {
        TRY(read_point(body, path_key, points, body.text.bytes, &points->at[0]));
        points->count = 1;
        return ERR(OK);
    }
    if (body.type != JSON_ARRAY) {
        return ERR(SHAPE_INVALID);
    }
    struct json_each each = json_each(body);
    struct json_value item;
    size_t count = 0;
    while (json_array_next(&each, &item)) {
        if (count == points->count_max) {
            return ERR(POINTS_TOO_MANY);
        }
        TRY(read_point(item, path_key, points, body.text.bytes, &points->at[count]));
        count++;
    }
    points->count = merge_equal(points->at, count);
    return ERR(OK);
}

/* ---------------------------------------------------------------- writing */

void property_write_sample(struct buf *buf, const struct property_sample *sample)
{
    json_write_open(buf, '{');
    json_write_member_int(buf, SLICE("createdAt"), sample->created_ms);
    json_write_member_int(buf, SLICE("timestamp"), sample->timestamp_ms);
    if (sample->key.bytes != 0) {
        json_write_member_string(buf, SLICE("key"), sample->key);
    }
    json_write_member_json(buf, SLICE("value"), sample->value);
    json_write_close(buf, '}');
}

void property_write_points(struct buf *buf, const struct property_point *points, size_t count,
                           int64_t now_ms)
{
    json_write_open(buf, '[');
    for (size_t i = 0; i < count; i++) {
        bool is_stamped = points[i].timestamp_ms != TIMESTAMP_NONE;
        struct property_sample sample = {
            .key = points[i].key,
            .value = points[i].value.text,
            .timestamp_ms = is_stamped ? points[i].timestamp_ms : now_ms,
            .created_ms = now_ms,
        };
        json_write_comma(buf);
        property_write_sample(buf, &sample);
    }
    json_write_close(buf, ']');
}
