/* SPDX-License-Identifier: Apache-2.0 */
#include "model/location.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/document_inside.h"
#include "model/property.h"

/* Digits beyond these say nothing about where something is, and a place's are copied into each
 * location that names it. */
#define NUMBER_BYTES_MAX 64
#define LATITUDE_MAX 90.0
#define LONGITUDE_MAX 180.0

/* GeoJSON: longitude, latitude, and perhaps the altitude. */
#define COORDINATES_MIN 2
#define COORDINATES_MAX 3

/* ---------------------------------------------------------------- reading */

static bool is_present(struct json_value value)
{
    return value.type != JSON_NONE && value.type != JSON_NULL;
}

static bool is_within(struct json_value value, double bound)
{
    double number;
    return json_double(value, &number) && value.text.bytes <= NUMBER_BYTES_MAX &&
           number >= -bound && number <= bound;
}

static struct err take_coordinates(struct json_value latitude, struct json_value longitude,
                                   struct location *location)
{
    if (!is_within(latitude, LATITUDE_MAX) || !is_within(longitude, LONGITUDE_MAX)) {
        return ERR(LOCATION_INVALID);
    }
    location->latitude = latitude.text;
    location->longitude = longitude.text;
    return ERR(OK);
}

/* A GeoJSON point; a missing type counts as "Point" (old clients write it so). */
static struct err read_position(struct json_value position, struct location *location)
{
    struct json_value type = json_member(position, SLICE("type"));
    struct json_value coordinates = json_member(position, SLICE("coordinates"));
    if (coordinates.type != JSON_ARRAY ||
        (is_present(type) && !json_string_equals(type, SLICE("Point")))) {
        return ERR(LOCATION_INVALID);
    }
    struct json_value numbers[COORDINATES_MAX];
    size_t count = 0;
    struct json_each each = json_each(coordinates);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        if (count == COORDINATES_MAX || item.type != JSON_NUMBER ||
            item.text.bytes > NUMBER_BYTES_MAX) {
            return ERR(LOCATION_INVALID);
        }
        numbers[count++] = item;
    }
    if (count < COORDINATES_MIN) {
        return ERR(LOCATION_INVALID);
    }
    if (count == COORDINATES_MAX) {
        location->altitude = numbers[2].text;
    }
    return take_coordinates(numbers[1], numbers[0], location);
}

static struct err read_place(struct json_value place, struct id *id)
{
    if (place.type != JSON_STRING) {
        return ERR(LOCATION_INVALID);
    }
    return id_parse(json_string_raw(place), id) ? ERR(OK) : ERR(REFERENCE_UNKNOWN);
}

struct err location_read_coordinates(struct json_value value, struct location *location)
{
    ASSERT(value.type == JSON_OBJECT);
    struct json_value position = json_member(value, SLICE("position"));
    struct json_value latitude = json_member(value, SLICE("latitude"));
    struct json_value longitude = json_member(value, SLICE("longitude"));
    *location = (struct location){.timestamp_ms = TIMESTAMP_NONE};
    if (is_present(position)) {
        return read_position(position, location);
    }
    if (is_present(latitude) || is_present(longitude)) {
        return take_coordinates(latitude, longitude, location);
    }
    return ERR(OK);
}

struct err location_read(struct json_value value, struct location *location)
{
    if (value.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    struct json_value place = json_member(value, SLICE("place"));
    struct json_value custom_fields = json_member(value, SLICE("customFields"));
    TRY(location_read_coordinates(value, location));
    TRY(timestamp_read(json_member(value, SLICE("timestamp")), &location->timestamp_ms));
    if (!location_has_coordinates(location) && !is_present(place)) {
        return ERR(LOCATION_INVALID);
    }
    if (is_present(place)) {
        TRY(read_place(place, &location->place));
    }
    if (is_present(custom_fields)) {
        if (custom_fields.type != JSON_OBJECT) {
            return ERR(FIELD_INVALID);
        }
        location->custom_fields = custom_fields.text;
    }
    return ERR(OK);
}

struct err location_read_all(struct json_value body, struct location *locations, size_t count_max,
                             size_t *count)
{
    ASSERT(count_max >= 1);
    *count = 0;
    if (body.type != JSON_ARRAY) {
        TRY(location_read(body, &locations[0]));
        *count = 1;
        return ERR(OK);
    }
    struct json_each each = json_each(body);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        if (*count == count_max) {
            return ERR(POINTS_TOO_MANY);
        }
        TRY(location_read(item, &locations[*count]));
        ++*count;
    }
    return ERR(OK);
}

/* ---------------------------------------------------------------- writing */

/* "latitude":..,"longitude":..,"position":{..} */
static void write_coordinates(struct buf *buf, const struct location *location)
{
    ASSERT(location->longitude.bytes != 0);
    BUF_PUT_LITERAL(buf, "\"latitude\":");
    buf_put(buf, location->latitude);
    BUF_PUT_LITERAL(buf, ",\"longitude\":");
    buf_put(buf, location->longitude);
    BUF_PUT_LITERAL(buf, ",\"position\":{\"type\":\"Point\",\"coordinates\":[");
    buf_put(buf, location->longitude);
    buf_put_byte(buf, ',');
    buf_put(buf, location->latitude);
    if (location->altitude.bytes != 0) {
        buf_put_byte(buf, ',');
        buf_put(buf, location->altitude);
    }
    BUF_PUT_LITERAL(buf, "]}");
}

/* Plain puts, not json_write_member_: the text begins without a bracket, and may stand behind
 * anything. */
void location_write_text(struct buf *buf, const struct location *location)
{
    bool has_coordinates = location_has_coordinates(location);
    bool has_place = id_is_set(&location->place);
    ASSERT(has_coordinates || has_place);
    if (has_coordinates) {
        write_coordinates(buf, location);
    }
    if (has_place) {
        if (has_coordinates) {
            buf_put_byte(buf, ',');
        }
        BUF_PUT_LITERAL(buf, "\"place\":\"");
        buf_put(buf, id_slice(&location->place));
        buf_put_byte(buf, '"');
    }
    if (location->custom_fields.bytes != 0) {
        buf_put_byte(buf, ',');
        document_put_pair(buf, SLICE("customFields"), location->custom_fields);
    }
}

bool location_put_place(struct buf *buf, struct slice place_document)
{
    const struct json_value document = json_object_of(place_document);
    struct location location;
    /* It was checked before it was stored. */
    struct err err = location_read_coordinates(document, &location);
    ASSERT(!err_is_set(err));
    bool has_position = location_has_coordinates(&location);
    if (has_position) {
        write_coordinates(buf, &location);
    }
    return has_position;
}

void location_write_item(struct buf *buf, struct slice text, int64_t timestamp_ms,
                         int64_t created_ms)
{
    json_write_open(buf, '{');
    json_write_member_int(buf, SLICE("createdAt"), created_ms);
    json_write_member_int(buf, SLICE("timestamp"), timestamp_ms);
    json_write_comma(buf);
    buf_put(buf, text);
    json_write_close(buf, '}');
}
