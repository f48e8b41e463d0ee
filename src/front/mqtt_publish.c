/* SPDX-License-Identifier: Apache-2.0
 *
 * What the client publishes, and how it is acknowledged.
 *
 * A publish becomes a command; its acknowledgement is queued at once and sent when the engine has
 * answered and all before it are sent. A publish that cannot be applied ends the connection without
 * an acknowledgement (contract, pub/sub 6.2), but only after all before it have been acknowledged,
 * so that a client does not have to send those again. */
#include "front/mqtt_conn.h"

#include "base/assert.h"
#include "base/log.h"
#include "front/context.h"

#include <stdlib.h>

#define ACKS_FIRST 16
#define RECEIVED_WORDS (65536 / 64)

/* ---- refusals ---- */

static void log_refusal(struct mqtt_conn *mqtt, struct err err, unsigned qos)
{
    struct front *front = mqtt->conn->front;
    char peer[ADDRESS_TEXT_BYTES];
    atomic_fetch_add_explicit(&front->stats.refused, 1, memory_order_relaxed);
    LOG_LIMITED(LOG_WARN, "mqtt", "publish refused peer=%s actor=%.*s qos=%u status=%d reason=%s",
                address_describe(&mqtt->conn->peer, peer), SLICE_ARGS(id_slice(&mqtt->actor.id)),
                qos, err_http_status(err), err_name(err));
}

/* What becomes of the acknowledgement of a publish that <err> refuses. */
static enum mqtt_ack_state refused_state(const struct mqtt_conn *mqtt, struct err err, bool dup)
{
    bool may_ack = dup || mqtt->conn->front->shared->limits.refused_publishes_are_acked;
    return mqtt_is_permanent(err) && may_ack ? MQTT_ACK_READY : MQTT_ACK_CLOSE;
}

/* ---- the queue of acknowledgements ---- */

static uint32_t ack_count(const struct mqtt_conn *mqtt)
{
    return mqtt->ack_tail - mqtt->ack_head;
}

static struct mqtt_ack *ack_at(const struct mqtt_conn *mqtt, uint32_t place)
{
    return &mqtt->acks[place & (mqtt->ack_room - 1)];
}

static bool acks_grow(struct mqtt_conn *mqtt)
{
    uint32_t room = mqtt->ack_room ? mqtt->ack_room * 2 : ACKS_FIRST;
    struct mqtt_ack *acks = calloc(room, sizeof(*acks));
    if (acks == NULL) {
        return false;
    }
    for (uint32_t place = mqtt->ack_head; place != mqtt->ack_tail; place++) {
        acks[place & (room - 1)] = *ack_at(mqtt, place);
    }
    free(mqtt->acks);
    mqtt->acks = acks;
    mqtt->ack_room = room;
    return true;
}

/* True when one more publish may be accepted now. */
static bool acks_have_room(struct mqtt_conn *mqtt)
{
    if (ack_count(mqtt) >= mqtt->conn->front->shared->limits.commands_max) {
        return false;
    }
    return ack_count(mqtt) < mqtt->ack_room || acks_grow(mqtt);
}

static void ack_push(struct mqtt_conn *mqtt, const struct mqtt_publish *publish,
                     enum mqtt_ack_state state)
{
    *ack_at(mqtt, mqtt->ack_tail++) = (struct mqtt_ack){
        .packet_id = publish->packet_id,
        .qos = publish->qos,
        .state = (uint8_t)state,
        .dup = publish->dup,
    };
}

/* Sends what is ready at the queue's head. */
static void acks_send(struct mqtt_conn *mqtt)
{
    while (ack_count(mqtt) > 0 && !conn_is_closing(mqtt->conn)) {
        const struct mqtt_ack *ack = ack_at(mqtt, mqtt->ack_head);
        if (ack->state == MQTT_ACK_WAITING) {
            return;
        }
        if (ack->state == MQTT_ACK_CLOSE) {
            conn_finish(mqtt->conn);
            return;
        }
        mqtt_write_ack(mqtt->out, ack->qos == 2 ? MQTT_PUBREC : MQTT_PUBACK, ack->packet_id);
        mqtt_wrote(mqtt);
        mqtt->ack_head++;
    }
}

/* ---- QoS 2: what has been received and not released ---- */

static bool received_get(const struct mqtt_conn *mqtt, uint16_t id)
{
    return mqtt->received != NULL && (mqtt->received[id / 64] >> (id % 64) & 1) != 0;
}

bool mqtt_received_set(struct mqtt_conn *mqtt, uint16_t id, bool value)
{
    if (mqtt->received == NULL) {
        mqtt->received = calloc(RECEIVED_WORDS, sizeof(*mqtt->received));
        if (mqtt->received == NULL) {
            return false;
        }
    }
    uint64_t bit = (uint64_t)1 << (id % 64);
    mqtt->received[id / 64] =
        value ? mqtt->received[id / 64] | bit : mqtt->received[id / 64] & ~bit;
    return true;
}

static void send_pubcomp(struct mqtt_conn *mqtt, uint16_t id)
{
    mqtt_write_ack(mqtt->out, MQTT_PUBCOMP, id);
    mqtt_wrote(mqtt);
}

/* What keeps the publish from being applied again is taken away; then comes PUBCOMP. */
static void forget_received(struct mqtt_conn *mqtt, uint16_t id)
{
    struct buf writes = {0};
    const struct session_name name = mqtt_session_name(mqtt);
    session_delete(&writes, &name, SESSION_RECEIVED, id);
    if (writes.failed) {
        conn_close(mqtt->conn);
    } else {
        mqtt_session_write(mqtt, buf_data(&writes), MQTT_REQUEST(MQTT_REQUEST_KEPT_RELEASE, id));
    }
    buf_deinit(&writes);
}

enum mqtt_taken mqtt_take_pubrel(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    uint16_t packet_id;
    if (err_is_set(mqtt_read_packet_id(frame, &packet_id))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    if (!received_get(mqtt, packet_id)) {
        send_pubcomp(mqtt, packet_id);
        return MQTT_TAKEN;
    }
    if (mqtt->keeping.is_kept && !mqtt_session_may_write(mqtt)) {
        return MQTT_NOT_NOW;
    }
    (void)mqtt_received_set(mqtt, packet_id, false);
    if (mqtt->keeping.is_kept) {
        forget_received(mqtt, packet_id);
    } else {
        send_pubcomp(mqtt, packet_id);
    }
    return MQTT_TAKEN;
}

void mqtt_released(struct mqtt_conn *mqtt, const struct answer *answer)
{
    if (err_is_set(answer->err)) {
        conn_finish(mqtt->conn); /* the client releases it again */
    } else {
        send_pubcomp(mqtt, (uint16_t)answer->token.request);
    }
}

/* ---- a publish ---- */

static enum mqtt_taken refuse(struct mqtt_conn *mqtt, const struct mqtt_publish *publish,
                              const struct actor *actor, struct err err)
{
    log_refusal(mqtt, err, publish->qos);
    mqtt_note_refusal(mqtt, actor, SLICE("publish"), publish->topic, err);
    if (publish->qos > 0) {
        enum mqtt_ack_state state = refused_state(mqtt, err, publish->dup);
        mqtt->is_ending |= state == MQTT_ACK_CLOSE;
        ack_push(mqtt, publish, state);
        acks_send(mqtt);
    }
    return MQTT_TAKEN;
}

/* With QoS 2 the packet id is kept in one with the event, so that the publish is applied once. */
static enum publish_sent send_with_id(struct mqtt_conn *mqtt, const struct mqtt_publish *publish,
                                      const struct publish *wish, struct err *err)
{
    struct front *front = mqtt->conn->front;
    struct buf writes = {0};
    if (publish->qos == 2 && mqtt->keeping.is_kept) {
        const struct session_name name = mqtt_session_name(mqtt);
        const struct session_entry entry = {.part = SESSION_RECEIVED, .number = publish->packet_id};
        session_put(&writes, &name, &entry);
    }
    enum publish_sent sent = PUBLISH_REFUSED;
    *err = ERR(NO_MEMORY);
    if (!writes.failed) {
        front->session_writes = buf_data(&writes);
        sent = publish_send(mqtt->conn, wish, err);
        front->session_writes = (struct slice){0};
    }
    buf_deinit(&writes);
    return sent;
}

static enum mqtt_taken apply(struct mqtt_conn *mqtt, const struct mqtt_publish *publish,
                             const struct topic *topic, const struct actor *actor)
{
    enum mqtt_request kind = publish->qos > 0 ? MQTT_REQUEST_PUBLISH : MQTT_REQUEST_PUBLISH_QOS_0;
    const struct publish wish = {
        .topic = topic,
        .payload = publish->payload,
        .actor = actor,
        .qos = publish->qos,
        .retain = publish->retain,
        .context = context_of(mqtt->conn, topic->family, (struct slice){0}),
        .request = MQTT_REQUEST(kind, mqtt->ack_tail),
    };
    struct err err;
    switch (send_with_id(mqtt, publish, &wish, &err)) {
    case PUBLISH_NO_ROOM:
        conn_pause(mqtt->conn);
        return MQTT_NOT_NOW;
    case PUBLISH_REFUSED:
        return refuse(mqtt, publish, actor, err);
    case PUBLISH_SENT:
        break;
    }
    atomic_fetch_add_explicit(&mqtt->conn->front->stats.messages_in, 1, memory_order_relaxed);
    if (publish->qos > 0) {
        ack_push(mqtt, publish, MQTT_ACK_WAITING);
    }
    if (publish->qos == 2 && !mqtt_received_set(mqtt, publish->packet_id, true)) {
        conn_close(mqtt->conn);
    }
    return MQTT_TAKEN;
}

/* There have been too many: with QoS 0 it is dropped, else the client has to wait (contract:
 * auth.md 9). */
static enum mqtt_taken slow_down(struct mqtt_conn *mqtt, const struct mqtt_publish *publish,
                                 int64_t wait_ms)
{
    if (publish->qos == 0) {
        log_refusal(mqtt, ERR(TOO_MANY_REQUESTS), 0);
        return MQTT_TAKEN;
    }
    conn_hold_for(mqtt->conn, wait_ms);
    return MQTT_NOT_NOW;
}

enum mqtt_taken mqtt_take_publish(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    struct conn *conn = mqtt->conn;
    struct mqtt_publish publish;
    if (err_is_set(mqtt_read_publish(frame, &publish))) {
        conn_close(conn);
        return MQTT_TAKEN;
    }
    bool has_room = conn->in_flight < conn->front->shared->limits.commands_max;
    if (!has_room || (publish.qos > 0 && !acks_have_room(mqtt))) {
        conn_pause(conn);
        return MQTT_NOT_NOW;
    }
    struct topic topic;
    struct err err = publish_read_topic(conn->front, publish.topic, &topic);
    if (err_equal(err, ERR(TOPIC_INVALID))) {
        log_refusal(mqtt, err, publish.qos);
        conn_close(conn);
        return MQTT_TAKEN;
    }
    struct actor actor = {.kind = ACTOR_NONE};
    bool is_later = false;
    if (!err_is_set(err)) {
        err = mqtt_actor_for(mqtt, &topic, &actor, &is_later);
    }
    if (is_later) {
        return MQTT_NOT_NOW;
    }
    bool is_known = publish.qos == 2 && received_get(mqtt, publish.packet_id);
    bool clears_retained = publish.retain && slice_is_empty(publish.payload) &&
                           topic.family != TOPIC_PLAIN; /* there is nothing to clear */
    if (is_known || (clears_retained && !err_is_set(err))) {
        if (publish.qos > 0) {
            ack_push(mqtt, &publish, MQTT_ACK_READY);
            acks_send(mqtt);
        }
        return MQTT_TAKEN;
    }
    if (err_is_set(err)) {
        return refuse(mqtt, &publish, &actor, err);
    }
    int64_t wait_ms = mqtt_rate_wait_ms(mqtt, &topic);
    return wait_ms > 0 ? slow_down(mqtt, &publish, wait_ms) : apply(mqtt, &publish, &topic, &actor);
}

void mqtt_publish_answered(struct mqtt_conn *mqtt, const struct answer *answer)
{
    uint32_t place = (uint32_t)answer->token.request;
    if (err_is_set(answer->err)) {
        /* The topic is gone by now; the resource is known. (Whose token it was is not.) */
        struct slice target =
            id_is_set(&answer->created) ? id_slice(&answer->created) : (struct slice){0};
        mqtt_note_refusal(mqtt, &mqtt->actor, SLICE("publish"), target, answer->err);
    }
    if (answer->token.request >> 56 == MQTT_REQUEST_PUBLISH_QOS_0) {
        if (err_is_set(answer->err)) {
            log_refusal(mqtt, answer->err, 0);
        }
        return;
    }
    ASSERT(place - mqtt->ack_head < ack_count(mqtt));
    struct mqtt_ack *ack = ack_at(mqtt, place);
    ack->state = MQTT_ACK_READY;
    if (err_is_set(answer->err)) {
        log_refusal(mqtt, answer->err, ack->qos);
        ack->state = (uint8_t)refused_state(mqtt, answer->err, ack->dup);
        if (ack->qos == 2) {
            (void)mqtt_received_set(mqtt, ack->packet_id, false);
        }
        mqtt->is_ending |= ack->state == MQTT_ACK_CLOSE;
    }
    if (place == mqtt->ack_head) {
        acks_send(mqtt);
    }
}

/* Published, it is not kept any more. */
static bool send_will(struct mqtt_conn *mqtt, const struct publish *will, struct err *err)
{
    struct front *front = mqtt->conn->front;
    const struct session_name name = mqtt_session_name(mqtt);
    struct buf writes = {0};
    if (mqtt->keeping.is_stored) {
        session_delete(&writes, &name, SESSION_WILL, 0);
    }
    front->session_writes = buf_data(&writes);
    bool is_sent = publish_send(mqtt->conn, will, err) == PUBLISH_SENT;
    front->session_writes = (struct slice){0};
    buf_deinit(&writes);
    return is_sent;
}

void mqtt_publish_will(struct mqtt_conn *mqtt)
{
    struct topic topic;
    struct err err = publish_read_topic(mqtt->conn->front, buf_data(&mqtt->will.topic), &topic);
    if (!err_is_set(err)) {
        const struct publish will = {
            .topic = &topic,
            .payload = buf_data(&mqtt->will.payload),
            .actor = &mqtt->actor,
            .qos = mqtt->will.qos,
            .retain = mqtt->will.retain,
            .is_last_words = true,
            .context = context_of(mqtt->conn, topic.family, (struct slice){0}),
        };
        if (send_will(mqtt, &will, &err)) {
            return;
        }
    }
    LOG_LIMITED(LOG_WARN, "mqtt", "will refused actor=%.*s reason=%s",
                SLICE_ARGS(id_slice(&mqtt->actor.id)), err_name(err));
}
