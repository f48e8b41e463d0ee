/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions: one, or an array of them, which is recorded as a whole or not at all (contract: REST
 * 7.3). Types and targets are the engine's to find. */
#include "front/publish_inside.h"

#include "base/assert.h"
#include "model/action.h"

/* Reads one action. Its members, read to front->scopes, and its location's text are put behind one
 * another into front->scratch, which may move: the slices have no place until all are read. */
static struct err read_action(struct front *front, const struct action_check *check,
                              struct json_value body, struct command_action *to,
                              struct slice *field)
{
    struct action action = {0};
    buf_reset(check->members);
    TRY(action_read(check, body, &action, field));
    if (check->members->failed) {
        return ERR(NO_MEMORY);
    }
    buf_put(&front->scratch, action.members);
    *to = (struct command_action){
        .type = action.type,
        .members = {.bytes = action.members.bytes},
        .timestamp_ms = action.timestamp_ms,
        .thng = action.thng,
        .product = action.product,
        .collection = action.collection,
        .location_source = action.location_source,
    };
    if (action.has_location) {
        size_t before = buf_bytes(&front->scratch);
        location_write_text(&front->scratch, &action.location);
        to->location.bytes = buf_bytes(&front->scratch) - before;
        to->place = action.location.place;
    }
    return front->scratch.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* Now that front->scratch stays where it is. */
static void place_slices(const struct front *front, struct command_action *actions, uint32_t count)
{
    const uint8_t *at = buf_data(&front->scratch).at;
    for (uint32_t i = 0; i < count; i++) {
        actions[i].members.at = at;
        at += actions[i].members.bytes;
        actions[i].location.at = at;
        at += actions[i].location.bytes;
    }
}

static struct err read_all(struct front *front, const struct action_check *check,
                           struct json_value body, uint32_t *count, struct slice *field)
{
    struct json_value item;
    if (body.type != JSON_ARRAY) {
        *count = 1;
        return read_action(front, check, body, &front->actions[0], field);
    }
    struct json_each each = json_each(body);
    while (json_array_next(&each, &item)) {
        if (*count == front->shared->limits.actions_max) {
            return ERR(ACTIONS_TOO_MANY);
        }
        TRY(read_action(front, check, item, &front->actions[*count], field));
        ++*count;
    }
    return ERR(OK);
}

static struct err check(struct front *front, const struct publish *publish, uint32_t *count,
                        struct slice *field)
{
    const struct topic *topic = publish->topic;
    const struct action_check check = {
        .path_type = topic_name(topic),
        .root = topic_family_row(topic->family)->resource,
        .root_id = &topic->resource,
        .limits = &front->shared->limits.document,
        .members = &front->scopes,
    };
    struct json_value body;
    TRY(publish_scan(front, publish->payload, &body));
    TRY(read_all(front, &check, body, count, field));
    place_slices(front, front->actions, *count);
    return ERR(OK);
}

/* The actions with all they refer to, copied into the batch, whose room was asked for. */
static struct command_action *copy_actions(const struct front *front, struct command_batch *batch,
                                           const struct publish *publish, uint32_t count)
{
    struct publish_move moves[] = {
        {.from = publish->payload},
        {.from = topic_name(publish->topic)},
        {.from = buf_data(&front->scratch)},
    };
    publish_copy(batch, moves, ARRAY_LEN(moves));
    struct command_action *at = command_batch_take(batch, count * sizeof(*at));
    ASSERT(at != NULL);
    for (uint32_t i = 0; i < count; i++) {
        at[i] = front->actions[i];
        at[i].type = publish_moved(at[i].type, moves, ARRAY_LEN(moves));
        at[i].members = publish_moved(at[i].members, moves, ARRAY_LEN(moves));
        at[i].location = publish_moved(at[i].location, moves, ARRAY_LEN(moves));
        at[i].location_source = publish_moved(at[i].location_source, moves, ARRAY_LEN(moves));
    }
    return at;
}

enum publish_sent publish_actions(struct conn *conn, const struct publish *publish)
{
    struct front *front = conn->front;
    uint32_t count = 0;
    buf_reset(&front->scratch);
    struct publish_fault fault = {0};
    fault.err = check(front, publish, &count, &fault.field);
    if (err_is_set(fault.err)) {
        count = 0;
        buf_reset(&front->scratch);
    }
    if (publish->fault != NULL) {
        *publish->fault = fault;
    }
    size_t bytes = publish->payload.bytes + TOPIC_BYTES_MAX + buf_bytes(&front->scratch) +
                   publish->context.bytes + count * sizeof(struct command_action);
    struct command_batch *batch = publish_batch(front, publish->is_last_words, bytes);
    if (batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    struct slice context;
    bool copied = command_batch_copy(batch, publish->context, &context);
    ASSERT(copied);
    const struct command_action *at = count > 0 ? copy_actions(front, batch, publish, count) : NULL;
    struct command *command = publish_command(conn, publish, batch, COMMAND_ACTIONS, fault.err);
    command->as.actions.at = at;
    command->as.actions.count = count;
    command->as.actions.context = context;
    return PUBLISH_SENT;
}
