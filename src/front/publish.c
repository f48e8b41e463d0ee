/* SPDX-License-Identifier: Apache-2.0 */
#include "front/publish.h"

#include "base/assert.h"
#include "codec/json.h"
#include "model/document.h"
#include "model/location.h"
#include "model/perm.h"
#include "model/property.h"

/* A payload that has been checked: what its command will carry. Slices lie in the payload, in the
 * topic, or in the front's scratch buffers. */
struct checked {
    struct err refusal;
    struct property_points points;
    struct document_body document;
};

static struct err scan(const struct front *front, struct slice payload, struct json_value *body)
{
    if (slice_is_empty(payload)) {
        return ERR(BODY_MISSING);
    }
    return json_scan(payload, front->shared->limits.json_depth_max, body);
}

/* ---- points ---- */

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
    buf_reset(texts);
    for (size_t i = 0; i < count; i++) {
        const struct location *location = &front->locations[i];
        /* A place alone says where only when the place is known; this version keeps no places. */
        if (id_is_set(&location->place)) {
            return ERR(REFERENCE_UNKNOWN);
        }
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
    return ERR(OK);
}

/* Moves slices from where they were read to their copies in a batch. */
struct move {
    struct slice from;
    struct slice to;
};

static struct slice moved(struct slice s, const struct move *moves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct move *move = &moves[i];
        if (s.bytes > 0 && s.at >= move->from.at && s.at < move->from.at + move->from.bytes) {
            return slice_of(move->to.at + (s.at - move->from.at), s.bytes);
        }
    }
    ASSERT(s.bytes == 0);
    return s;
}

/* The points with all they refer to, copied into the batch, whose room was asked for. */
static struct command_point *copy_points(struct front *front, struct command_batch *batch,
                                         const struct publish *publish,
                                         const struct property_points *points)
{
    struct move moves[] = {
        {.from = publish->payload},
        {.from = topic_name(publish->topic)},
        {.from = buf_data(&front->scratch)},
    };
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        bool copied = command_batch_copy(batch, moves[i].from, &moves[i].to);
        ASSERT(copied);
    }
    struct command_point *at = command_batch_take(batch, points->count * sizeof(*at));
    ASSERT(at != NULL);
    for (size_t i = 0; i < points->count; i++) {
        const struct property_point *point = &points->at[i];
        at[i] = (struct command_point){
            .key = moved(point->key, moves, ARRAY_LEN(moves)),
            .value = moved(point->value.text, moves, ARRAY_LEN(moves)),
            .timestamp_ms = point->timestamp_ms,
            .client_stamped = point->timestamp_ms != TIMESTAMP_NONE,
        };
    }
    return at;
}

/* ---- commands ---- */

static struct command_batch *batch_for(struct front *front, const struct publish *publish,
                                       size_t bytes)
{
    bytes += FRONT_COMMAND_BYTES;
    return publish->is_last_words ? front_batch_last_words(front, bytes)
                                  : front_batch(front, bytes);
}

static struct command *command_for(struct conn *conn, const struct publish *publish,
                                   struct command_batch *batch, enum command_kind kind,
                                   struct err refusal)
{
    struct command *command =
        publish->is_last_words
            ? front_command_unanswered(conn->front, batch, kind, conn, publish->actor)
            : front_command(conn->front, batch, kind, conn, publish->actor, publish->request);
    command->qos = publish->qos == 0 ? 0 : 1;
    command->target = publish->topic->resource;
    command->refusal = refusal;
    return command;
}

static enum publish_sent send_points(struct conn *conn, const struct publish *publish,
                                     struct checked *checked)
{
    struct front *front = conn->front;
    struct property_points *points = &checked->points;
    if (err_is_set(checked->refusal)) {
        points->count = 0;
    }
    size_t bytes = publish->payload.bytes + TOPIC_BYTES_MAX + buf_bytes(&front->scratch) +
                   points->count * sizeof(struct command_point);
    struct command_batch *batch = batch_for(front, publish, bytes);
    if (batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    const struct command_point *at =
        points->count > 0 ? copy_points(front, batch, publish, points) : NULL;
    struct command *command = command_for(conn, publish, batch, COMMAND_POINTS, checked->refusal);
    command->as.points.at = at;
    command->as.points.count = (uint32_t)points->count;
    command->as.points.location = publish->topic->family == TOPIC_THNG_LOCATION;
    return PUBLISH_SENT;
}

static enum publish_sent send_update(struct conn *conn, const struct publish *publish,
                                     struct checked *checked)
{
    struct front *front = conn->front;
    struct slice members = checked->document.members;
    struct slice scopes = checked->document.scopes;
    struct command_batch *batch = batch_for(front, publish, members.bytes + scopes.bytes);
    if (batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    struct slice patch;
    struct slice scopes_copy;
    bool copied = command_batch_copy(batch, members, &patch) &&
                  command_batch_copy(batch, scopes, &scopes_copy);
    ASSERT(copied);
    struct command *command = command_for(conn, publish, batch, COMMAND_UPDATE, checked->refusal);
    command->as.update.kind = RESOURCE_THNG;
    command->as.update.patch = patch;
    command->as.update.scopes = scopes_copy;
    return PUBLISH_SENT;
}

static struct err check_update(struct front *front, const struct publish *publish,
                               struct json_value body, struct checked *checked)
{
    struct slice field;
    buf_reset(&front->scratch);
    buf_reset(&front->scopes);
    const struct document_limits limits = front_document_limits(front);
    TRY(document_check_thng(body, false, &publish->topic->resource, &limits, &front->scratch,
                            &front->scopes, &checked->document, &field));
    /* This version keeps no products: none can be referred to. */
    return checked->document.has_product ? ERR(REFERENCE_UNKNOWN) : ERR(OK);
}

static struct err check(struct front *front, const struct publish *publish, struct checked *checked)
{
    struct json_value body;
    TRY(scan(front, publish->payload, &body));
    switch (publish->topic->family) {
    case TOPIC_THNG_PROPERTIES:
    case TOPIC_THNG_PROPERTY:
        return check_properties(front, publish, body, checked);
    case TOPIC_THNG_LOCATION:
        return check_location(front, body, checked);
    default:
        return check_update(front, publish, body, checked);
    }
}

enum publish_sent publish_send(struct conn *conn, const struct publish *publish, struct err *err)
{
    enum perm_subject subject;
    if (id_is_set(&publish->topic->options.project)) {
        *err = ERR(NOT_FOUND); /* this version keeps no projects: none can be named */
        return PUBLISH_REFUSED;
    }
    if (!topic_is_publishable(publish->topic->family)) {
        *err = ERR(TOPIC_NOT_PUBLISHABLE);
        return PUBLISH_REFUSED;
    }
    if (!perm_subject_of_topic(publish->topic->family, &subject)) {
        *err = ERR(TOPIC_UNKNOWN);
        return PUBLISH_REFUSED;
    }
    *err = perm_may(publish->actor, subject, PERM_UPDATE);
    if (err_is_set(*err)) {
        return PUBLISH_REFUSED;
    }
    struct checked checked = {0};
    buf_reset(&conn->front->scratch);
    checked.refusal = check(conn->front, publish, &checked);
    if (err_is_set(checked.refusal)) {
        checked = (struct checked){.refusal = checked.refusal};
        buf_reset(&conn->front->scratch);
    }
    return publish->topic->family == TOPIC_THNG ? send_update(conn, publish, &checked)
                                                : send_points(conn, publish, &checked);
}
