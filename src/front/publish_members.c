/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids of resources that are put into a collection (contract: REST 6.2). */
#include "front/publish_inside.h"

#include "base/assert.h"

/* Ids are read to front->scratch, one behind the other. What is no id is no resource. */
static struct err read_ids(struct front *front, struct slice payload)
{
    struct json_value body;
    struct json_value item;
    size_t count = 0;
    TRY(publish_scan(front, payload, &body));
    if (body.type != JSON_ARRAY) {
        return ERR(SHAPE_INVALID);
    }
    struct json_each each = json_each(body);
    while (json_array_next(&each, &item)) {
        struct id id;
        if (item.type != JSON_STRING) {
            return ERR(SHAPE_INVALID);
        }
        if (++count > front->shared->limits.members_max) {
            return ERR(MEMBERS_TOO_MANY);
        }
        if (!id_parse(json_string_raw(item), &id)) {
            return ERR(REFERENCE_UNKNOWN);
        }
        buf_put_bytes(&front->scratch, &id, sizeof(id));
    }
    return front->scratch.failed ? ERR(NO_MEMORY) : ERR(OK);
}

enum publish_sent members_send(struct conn *conn, const struct members_send *send)
{
    struct front *front = conn->front;
    buf_reset(&front->scratch);
    struct err refusal = read_ids(front, send->body);
    if (err_is_set(refusal)) {
        buf_reset(&front->scratch);
    }
    const struct slice ids = buf_data(&front->scratch);
    struct command_batch *batch = publish_batch(front, send->is_last_words, ids.bytes);
    if (batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    struct slice copy;
    bool copied = command_batch_copy(batch, ids, &copy);
    ASSERT(copied);
    struct command *command =
        send->is_last_words
            ? front_command_unanswered(front, batch, COMMAND_MEMBERS, conn, send->actor)
            : front_command(front, batch, COMMAND_MEMBERS, conn, send->actor, send->request);
    command->qos = send->qos == 0 ? 0 : 1;
    command->refusal = refusal;
    command->target_kind = RESOURCE_COLLECTION;
    command->target = send->collection;
    command->project = send->project;
    command->as.members.change = MEMBERS_ADDED;
    command->as.members.member_kind = send->member_kind;
    command->as.members.ids = (const struct id *)(const void *)copy.at; /* ids are bytes alone */
    command->as.members.count = (uint32_t)(copy.bytes / sizeof(struct id));
    return PUBLISH_SENT;
}
