/* SPDX-License-Identifier: Apache-2.0 */
#include "front/publish_document.h"

#include "base/assert.h"
#include "codec/json.h"
#include "front/publish_inside.h"
#include "model/document.h"
#include "model/location.h"
#include "model/property.h"

/* Room for the names in the text of an embedded location; its numbers are written twice. */
#define LOCATION_TEXT_EXTRA 256
/* What one first value may need beyond its bytes: its row, and two roundings of the batch. */
#define FIRST_VALUE_BYTES (sizeof(struct command_point) + 64)

/* A body on its way into a batch. */
struct sending {
    struct front *front;
    const struct document_send *send;
    struct command_batch *batch;
    struct document_body body;
    struct slice field; /* at fault */
    struct slice members;
    struct slice scopes;
    struct slice name;
    struct document_reference *references;
    uint32_t reference_count;
    struct command_point *points;
    uint32_t point_count;
    struct command_key *keys;
};

/* ---- checking ---- */

static struct err check(struct sending *sending)
{
    struct front *front = sending->front;
    const struct document_send *send = sending->send;
    const struct document_check check = {
        .kind = send->kind,
        .is_creation = send->is_creation,
        .id = send->is_creation ? NULL : &send->target,
        .limits = &front->shared->limits.document,
        .members = &front->scratch,
        .scopes = &front->scopes,
    };
    struct json_value body;
    TRY(publish_scan(front, send->body, &body));
    TRY(document_check(&check, body, &sending->body, &sending->field));
    bool is_too_many = sending->body.has_properties &&
                       json_count(sending->body.properties) > front->shared->limits.points_max;
    return is_too_many ? ERR(POINTS_TOO_MANY) : send->refusal;
}

/* ---- first values ---- */

/* One first value, its key and value copied into the batch. */
static struct err put_property(struct command_batch *batch, const struct json_member *member,
                               struct command_point *point)
{
    uint8_t *to = command_batch_take(batch, member->name.bytes);
    ASSERT(to != NULL);
    struct slice name = slice_of(to, json_raw_decode(member->name, to));
    TRY(property_key_normalise(name, to, &point->key));
    if (member->value.type == JSON_NULL) {
        return ERR(PROPERTY_VALUE_MISSING);
    }
    bool copied = command_batch_copy(batch, member->value.text, &point->value);
    ASSERT(copied);
    return ERR(OK);
}

/* They are stamped with the time of creation. */
static struct command_point *next_point(struct sending *sending)
{
    struct command_point *point = &sending->points[sending->point_count++];
    *point = (struct command_point){.timestamp_ms = TIMESTAMP_NONE};
    return point;
}

static struct err put_properties(struct sending *sending)
{
    if (!sending->body.has_properties) {
        return ERR(OK);
    }
    struct json_each each = json_each(sending->body.properties);
    struct json_member member;
    sending->field = SLICE("properties");
    while (json_object_next(&each, &member)) {
        TRY(put_property(sending->batch, &member, next_point(sending)));
    }
    return ERR(OK);
}

/* A place alone says where by its own coordinates, which the engine finds. */
static struct err put_location(struct sending *sending)
{
    struct buf *text = &sending->front->scratch; /* what it held has been copied */
    struct location location;
    if (!sending->body.has_location) {
        return ERR(OK);
    }
    sending->field = SLICE("location");
    TRY(location_read(sending->body.location, &location));
    buf_reset(text);
    location_write_text(text, &location);
    if (text->failed) {
        return ERR(NO_MEMORY);
    }
    struct command_point *point = next_point(sending);
    point->place = location.place;
    bool copied = command_batch_copy(sending->batch, buf_data(text), &point->value);
    ASSERT(copied);
    return ERR(OK);
}

/* ---- copying ---- */

static size_t point_room(const struct document_body *body)
{
    return (body->has_properties ? json_count(body->properties) : 0) + body->has_location;
}

static size_t room_for(const struct document_send *send, const struct document_body *body)
{
    size_t bytes = body->members.bytes + 1 + send->extra_members.bytes + body->scopes.bytes +
                   body->name.bytes + body->reference_count * sizeof(body->references[0]) +
                   point_room(body) * FIRST_VALUE_BYTES;
    if (body->has_properties) {
        bytes += body->properties.text.bytes;
    }
    if (body->has_location) {
        bytes += 2 * body->location.text.bytes + LOCATION_TEXT_EXTRA;
    }
    for (uint32_t i = 0; i < send->key_count; i++) {
        bytes += sizeof(struct command_key) + send->keys[i].sealed.bytes;
    }
    return bytes;
}

/* The body's own members, then those that are put behind them. */
static struct slice copy_members(struct command_batch *batch, struct slice own, struct slice extra)
{
    uint8_t *at = command_batch_take(batch, own.bytes + 1 + extra.bytes);
    size_t bytes = own.bytes;
    ASSERT(at != NULL);
    if (own.bytes > 0) {
        memcpy(at, own.at, own.bytes);
    }
    if (own.bytes > 0 && extra.bytes > 0) {
        at[bytes++] = ',';
    }
    if (extra.bytes > 0) {
        memcpy(at + bytes, extra.at, extra.bytes);
    }
    return slice_of(at, bytes + extra.bytes);
}

static void copy_keys(struct sending *sending)
{
    const struct document_send *send = sending->send;
    sending->keys = command_batch_take(sending->batch, send->key_count * sizeof(*sending->keys));
    ASSERT(sending->keys != NULL);
    for (uint32_t i = 0; i < send->key_count; i++) {
        sending->keys[i] = send->keys[i];
        bool copied =
            command_batch_copy(sending->batch, send->keys[i].sealed, &sending->keys[i].sealed);
        ASSERT(copied);
    }
}

/* All that lies in the body or in scratch buffers moves into the batch, whose room was asked for.
 */
static struct err copy(struct sending *sending)
{
    struct command_batch *batch = sending->batch;
    const struct document_body *body = &sending->body;
    sending->members = copy_members(batch, body->members, sending->send->extra_members);
    bool copied = command_batch_copy(batch, body->scopes, &sending->scopes);
    ASSERT(copied);
    uint8_t *name = command_batch_take(batch, body->name.bytes);
    size_t references_bytes = body->reference_count * sizeof(body->references[0]);
    sending->references = command_batch_take(batch, references_bytes);
    sending->points = command_batch_take(batch, point_room(body) * sizeof(*sending->points));
    ASSERT(name != NULL && sending->references != NULL && sending->points != NULL);
    sending->name = slice_of(name, json_raw_decode(body->name, name));
    sending->reference_count = body->reference_count;
    memcpy(sending->references, body->references, references_bytes);
    copy_keys(sending);
    TRY(put_properties(sending));
    return put_location(sending);
}

/* ---- commands ---- */

static void fill_creation(struct command *command, const struct sending *sending)
{
    command->as.create.members = sending->members;
    command->as.create.scopes = sending->scopes;
    command->as.create.name = sending->name;
    command->as.create.parent = sending->send->parent;
    command->as.create.references = sending->references;
    command->as.create.reference_count = sending->reference_count;
    command->as.create.points = sending->points;
    command->as.create.point_count = sending->point_count;
    command->as.create.keys = sending->keys;
    command->as.create.key_count = sending->keys != NULL ? sending->send->key_count : 0;
}

static void fill_update(struct command *command, const struct sending *sending)
{
    command->as.update.patch = sending->members;
    command->as.update.scopes = sending->scopes;
    command->as.update.parent = sending->send->parent;
    command->as.update.references = sending->references;
    command->as.update.reference_count = sending->reference_count;
}

static struct command *command_for(struct conn *conn, const struct document_send *send,
                                   struct command_batch *batch)
{
    struct front *front = conn->front;
    enum command_kind kind = send->is_creation ? COMMAND_CREATE : COMMAND_UPDATE;
    struct command *command =
        send->is_last_words ? front_command_unanswered(front, batch, kind, conn, send->actor)
                            : front_command(front, batch, kind, conn, send->actor, send->request);
    command->qos = send->qos == 0 ? 0 : 1;
    command->target_kind = send->kind;
    command->target = send->target;
    command->project = send->project;
    command->is_for_all_users = send->is_for_all_users;
    command->subject = (uint8_t)send->subject;
    command->operation = (uint8_t)send->operation;
    return command;
}

enum publish_sent document_send(struct conn *conn, const struct document_send *send,
                                struct slice *field, struct err *refusal)
{
    struct sending sending = {.front = conn->front, .send = send};
    struct err err = check(&sending);
    if (err_is_set(err)) {
        sending.body = (struct document_body){0};
    }
    sending.batch = publish_batch(conn->front, send->is_last_words, room_for(send, &sending.body));
    if (sending.batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    if (!err_is_set(err)) {
        err = copy(&sending);
    }
    if (err_is_set(err)) {
        sending.point_count = 0;
    }
    struct command *command = command_for(conn, send, sending.batch);
    command->refusal = err;
    if (send->is_creation) {
        fill_creation(command, &sending);
    } else {
        fill_update(command, &sending);
    }
    *field = err_is_set(err) ? sending.field : (struct slice){0};
    *refusal = err;
    return PUBLISH_SENT;
}
