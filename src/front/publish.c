/* SPDX-License-Identifier: Apache-2.0 */
#include "front/publish.h"

#include "base/assert.h"
#include "front/publish_document.h"
#include "front/publish_inside.h"
#include "model/perm.h"
#include "model/plain_topic.h"

/* ---- for all families ---- */

struct err publish_scan(const struct front *front, struct slice payload, struct json_value *body)
{
    if (slice_is_empty(payload)) {
        return ERR(BODY_MISSING);
    }
    return json_scan(payload, front->shared->limits.json_depth_max, body);
}

struct command_batch *publish_batch(struct front *front, bool is_last_words, size_t bytes)
{
    bytes += FRONT_COMMAND_BYTES;
    return is_last_words ? front_batch_last_words(front, bytes) : front_batch(front, bytes);
}

static struct command *new_command(struct conn *conn, const struct publish *publish,
                                   struct command_batch *batch, enum command_kind kind)
{
    return publish->is_last_words
               ? front_command_unanswered(conn->front, batch, kind, conn, publish->actor)
               : front_command(conn->front, batch, kind, conn, publish->actor, publish->request);
}

struct command *publish_command(struct conn *conn, const struct publish *publish,
                                struct command_batch *batch, enum command_kind kind,
                                struct err refusal)
{
    struct command *command = new_command(conn, publish, batch, kind);
    command->qos = publish->qos == 0 ? 0 : 1;
    command->target_kind = topic_family_row(publish->topic->family)->resource;
    command->target = publish->topic->resource;
    command->project = publish->topic->options.project;
    command->refusal = refusal;
    return command;
}

void publish_copy(struct command_batch *batch, struct publish_move *moves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool copied = command_batch_copy(batch, moves[i].from, &moves[i].to);
        ASSERT(copied);
    }
}

struct slice publish_moved(struct slice s, const struct publish_move *moves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct publish_move *move = &moves[i];
        if (s.bytes > 0 && s.at >= move->from.at && s.at < move->from.at + move->from.bytes) {
            return slice_of(move->to.at + (s.at - move->from.at), s.bytes);
        }
    }
    ASSERT(s.bytes == 0);
    return s;
}

/* ---- the families ---- */

/* A thng or a collection, in parts; or a new action type. */
static enum publish_sent send_document(struct conn *conn, const struct publish *publish)
{
    bool is_type = publish->topic->family == TOPIC_ACTION_TYPES;
    const struct document_send send = {
        .kind = is_type ? RESOURCE_ACTION_TYPE : topic_family_row(publish->topic->family)->resource,
        .is_creation = is_type,
        .target = publish->topic->resource,
        .project = publish->topic->options.project,
        .body = publish->payload,
        .actor = publish->actor,
        .qos = publish->qos,
        .is_last_words = publish->is_last_words,
        .request = publish->request,
    };
    struct publish_fault fault = {0};
    enum publish_sent sent = document_send(conn, &send, &fault.field, &fault.err);
    if (publish->fault != NULL) {
        *publish->fault = fault;
    }
    return sent;
}

static enum publish_sent send_members(struct conn *conn, const struct publish *publish)
{
    return members_send(conn, &(struct members_send){
                                  .collection = publish->topic->resource,
                                  .project = publish->topic->options.project,
                                  .member_kind = RESOURCE_THNG,
                                  .body = publish->payload,
                                  .actor = publish->actor,
                                  .qos = publish->qos,
                                  .is_last_words = publish->is_last_words,
                                  .request = publish->request,
                              });
}

/* As it is: any bytes. */
static enum publish_sent send_message(struct conn *conn, const struct publish *publish)
{
    struct slice name = topic_name(publish->topic);
    struct publish_move moves[] = {{.from = name}, {.from = publish->payload}};
    struct command_batch *batch =
        publish_batch(conn->front, publish->is_last_words, name.bytes + publish->payload.bytes);
    if (batch == NULL) {
        return PUBLISH_NO_ROOM;
    }
    publish_copy(batch, moves, ARRAY_LEN(moves));
    struct command *command = new_command(conn, publish, batch, COMMAND_MESSAGE);
    command->qos = publish->qos;
    command->as.message.topic = moves[0].to;
    command->as.message.payload = moves[1].to;
    command->as.message.retain = publish->retain;
    return PUBLISH_SENT;
}

/* On the paths of these topics a POST commissions the thng (contract: REST 2.3), which is more than
 * to record an action, and for operators alone; its product may have to be looked up. That is done
 * over REST. */
static bool is_commissioning(const struct topic *topic)
{
    struct slice type = topic_name(topic);
    return topic->family == TOPIC_THNG_ACTIONS &&
           (slice_equal(type, SLICE("commissions")) || slice_equal(type, SLICE("decommissions")));
}

/* Rights by the kind of key alone: what needs no look at any resource is refused here. */
static struct err judge(const struct publish *publish)
{
    const struct topic *topic = publish->topic;
    if (topic->family == TOPIC_PLAIN) {
        return perm_may(publish->actor, PERM_PLAIN_TOPICS, PERM_CREATE);
    }
    if (!topic_is_publishable(topic->family) || is_commissioning(topic)) {
        return ERR(TOPIC_NOT_PUBLISHABLE);
    }
    enum perm_subject subject = perm_subject_of_topic(topic->family, topic_name(topic));
    return perm_may(publish->actor, subject, perm_publish_operation(topic->family));
}

struct err publish_read_topic(const struct front *front, struct slice text, struct topic *topic)
{
    if (!front->shared->limits.plain_topics || plain_topic_scope(text) != PLAIN_ONLY) {
        return topic_parse(text, topic);
    }
    topic->family = TOPIC_NONE;
    TRY(plain_name_check(text));
    topic->family = TOPIC_PLAIN;
    topic->resource = (struct id){0};
    topic->options = (struct topic_options){0};
    topic->name_bytes = (uint16_t)text.bytes;
    memcpy(topic->name_at, text.at, text.bytes);
    return ERR(OK);
}

enum publish_sent publish_send(struct conn *conn, const struct publish *publish, struct err *err)
{
    *err = judge(publish);
    if (err_is_set(*err)) {
        return PUBLISH_REFUSED;
    }
    switch (publish->topic->family) {
    case TOPIC_PLAIN:
        return send_message(conn, publish);
    case TOPIC_THNG_PROPERTIES:
    case TOPIC_THNG_PROPERTY:
    case TOPIC_THNG_LOCATION:
    case TOPIC_PRODUCT_PROPERTIES:
    case TOPIC_PRODUCT_PROPERTY:
        return publish_points(conn, publish);
    case TOPIC_THNG:
    case TOPIC_COLLECTION:
    case TOPIC_ACTION_TYPES:
        return send_document(conn, publish);
    case TOPIC_COLLECTION_THNGS:
        return send_members(conn, publish);
    default: /* what else can be published to is actions, of one type or of any */
        return publish_actions(conn, publish);
    }
}
