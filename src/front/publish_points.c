/* SPDX-License-Identifier: Apache-2.0
 *
 * Points of properties, and locations, which are points without a key. */
#include "front/publish_inside.h"

#include "base/assert.h"
#include "model/location.h"
#include "model/property.h"

/* A payload that has been checked. Slices lie in the payload, in the topic, or in front->scratch.
 */
struct checked {
    struct property_points points;
    const struct location *locations; /* of a location: one a point; else NULL */
};

static struct err check_properties(struct front *front, const struct publish *publish,
                                   struct json_value body, struct checked *checked)
{
    checked->points = (struct property_points){
        .at = front->points,
        .count_max = front->shared->limits.points_max,
        .keys = &front->scratch,
    };
    return property_points_read(body, topic_name(publish->topic), &checked->points);
}

/* Locations become points without a key, whose values are written to front->scratch. */
static struct err check_location(struct front *front, struct json_value body,
                                 struct checked *checked)
{
    size_t count;
    size_t count_max = front->shared->limits.points_max;
    TRY(location_read_all(body, front->locations, count_max, &count));
    struct buf *texts = &front->scratch;
    for (size_t i = 0; i < count; i++) {
        const struct location *location = &front->locations[i];
        size_t start = buf_bytes(texts);
        location_write_text(texts, location);
        front->points[i] = (struct property_point){
            .value.text = {.bytes = buf_bytes(texts) - start},
            .timestamp_ms = location->timestamp_ms,
        };
    }
    if (texts->failed) {
        return ERR(NO_MEMORY);
    }
    const uint8_t *at = buf_data(texts).at;
    for (size_t i = 0; i < count; i++) {
        front->points[i].value.text.at = at;
        at += front->points[i].value.text.bytes;
    }
    checked->points = (struct property_points){.at = front->points, .count = count};
    checked->locations = front->locations;
    return ERR(OK);
}

static bool is_location(const struct publish *publish)
{
    return publish->topic->family == TOPIC_THNG_LOCATION;
}

static struct err check(struct front *front, const struct publish *publish, struct checked *checked)
{
    struct json_value body;
    TRY(publish_scan(front, publish->payload, &body));
    return is_location(publish) ? check_location(front, body, checked)
                                : check_properties(front, publish, body, checked);
}

/* The points with all they refer to, copied into the batch, whose room was asked for. */
static struct command_point *copy_points(const struct front *front, struct command_batch *batch,
                                         const struct publish *publish,
                                         const struct checked *checked)
{
    struct publish_move moves[] = {
        {.from = publish->payload},
        {.from = topic_name(publish->topic)},
        {.from = buf_data(&front->scratch)},
    };
    publish_copy(batch, moves, ARRAY_LEN(moves));
    const struct property_points *points = &checked->points;
    struct command_point *at = command_batch_take(batch, points->count * sizeof(*at));
    ASSERT(at != NULL);
    for (size_t i = 0; i < points->count; i++) {
        const struct property_point *point = &points->at[i];
        at[i] = (struct command_point){
            .key = publish_moved(point->key, moves, ARRAY_LEN(moves)),
            .value = publish_moved(point->value.text, moves, ARRAY_LEN(moves)),
            .timestamp_ms = point->timestamp_ms,
            .client_stamped = point->timestamp_ms != TIMESTAMP_NONE,
        };
        if (checked->locations != NULL) {
            at[i].place = checked->locations[i].place;
        }
    }
    return at;
}

enum publish_sent publish_points(struct conn *conn, const struct publish *publish)
{
    struct front *front = conn->front;
    struct checked checked = {0};
    buf_reset(&front->scratch);
    struct err refusal = check(front, publish, &checked);
    if (err_is_set(refusal)) {
        checked = (struct checked){0};
        buf_reset(&front->scratch);
    }
    uint32_t count = (uint32_t)checked.points.count;
    size_t bytes = publish->payload.bytes + TOPIC_BYTES_MAX + buf_bytes(&front->scratch) +
                   count * sizeof(struct command_point);
    struct command_batch *batch = publish_batch(front, publish->is_last_words, bytes);
    if (batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    const struct command_point *at =
        count > 0 ? copy_points(front, batch, publish, &checked) : NULL;
    struct command *command = publish_command(conn, publish, batch, COMMAND_POINTS, refusal);
    command->as.points.at = at;
    command->as.points.count = count;
    command->as.points.location = is_location(publish);
    return PUBLISH_SENT;
}
