/* SPDX-License-Identifier: Apache-2.0
 *
 * What the client is sent: PUBLISH packets within its window, and what follows of them.
 *
 *      QoS 1    PUBLISH -> PUBACK
 *      QoS 2    PUBLISH -> PUBREC, PUBREL -> PUBCOMP; of a session that is kept, the flight is on
 *               disk before PUBLISH leaves, and that it is released before PUBREL does */
#include "front/mqtt_conn.h"

#include "base/log.h"
#include "front/share.h"

/* The topic as the client spelled it; where it used wildcards, the one that they stand for. False
 * without memory. */
static bool find_topic(struct front *front, const struct delivery *delivery, struct slice *topic)
{
    if (delivery->is_plain) {
        *topic = delivery->topic;
        return true;
    }
    *topic = subscription_filter(delivery->subscription);
    if (delivery->subscription->has_wildcard) {
        buf_reset(&front->scratch);
        topic_write_as(&front->scratch, delivery->topic, *topic);
        *topic = buf_data(&front->scratch);
        return !front->scratch.failed;
    }
    return true;
}

/* True when the client has not read what it was sent before. */
static bool is_full(struct mqtt_conn *mqtt)
{
    struct conn *conn = mqtt->conn;
    return conn_is_full(conn) || buf_bytes(mqtt->out) + buf_bytes(&mqtt->keeping.held) >
                                     conn->front->shared->limits.outbox_bytes_max;
}

/* Gives the message its packet id, and writes it. */
static bool send_publish(struct mqtt_conn *mqtt, const struct mqtt_flight *flight,
                         enum mqtt_owed owed, uint32_t index, struct mqtt_publish *publish)
{
    struct mqtt_window *window = &mqtt->window;
    bool is_kept_first = owed == MQTT_IS_NEW && flight->qos == 2;
    if (owed == MQTT_IS_AGAIN) {
        struct mqtt_flight *sent = mqtt_window_at(window, index);
        publish->packet_id = mqtt_window_id(window, index);
        publish->qos = sent->qos; /* the subscription may have another by now */
        publish->dup = true;      /* [MQTT-3.3.1-1] */
        mqtt_window_paid(window, sent);
    } else if (flight->qos > 0) {
        uint32_t count_max = mqtt->conn->front->shared->limits.inflight_max;
        publish->packet_id = mqtt_window_push(window, flight, count_max);
        bool is_repeated = mqtt_flight_is_live(flight) || publish->dup;
        publish->dup = is_repeated && mqtt_session_is_dup(mqtt, flight->sequence);
        if (publish->packet_id == 0) {
            return false;
        }
        mqtt_session_changed(mqtt);
    }
    mqtt_write_publish(mqtt_session_out(mqtt, is_kept_first), publish);
    mqtt_session_wrote(mqtt);
    atomic_fetch_add_explicit(&mqtt->conn->front->stats.messages_out, 1, memory_order_relaxed);
    return true;
}

/* A message of QoS 0 for a client that is far behind: what is that late helps nobody. */
static bool is_too_late(const struct front *front, const struct mqtt_flight *flight)
{
    return flight->qos == 0 && mqtt_flight_is_live(flight) &&
           front->sequence > flight->sequence + front->shared->limits.qos0_lag;
}

static void drop(struct front *front)
{
    atomic_fetch_add_explicit(&front->stats.dropped, 1, memory_order_relaxed);
    LOG_LIMITED(LOG_WARN, "mqtt", "messages of QoS 0 are dropped: their client is too far behind");
}

/* What has to be known of a message to send it again. */
static struct mqtt_flight flight_of(const struct delivery *delivery)
{
    bool is_known = delivery->firing != 0 || delivery->is_retained;
    return (struct mqtt_flight){
        .sequence = is_known ? delivery->sequence : 0,
        .firing = delivery->is_retained ? MQTT_FIRING_RETAINED : delivery->firing,
        .subscription = delivery->subscription->number,
        .qos = delivery->qos,
        .share = delivery->share,
    };
}

static bool deliver(struct session *session, const struct delivery *delivery)
{
    struct mqtt_conn *mqtt = CONTAINER_OF(session, struct mqtt_conn, session);
    if (conn_is_closing(mqtt->conn)) {
        /* Nobody will read it now; who comes back goes on behind what was sent. */
        return !mqtt->keeping.is_kept;
    }
    if (mqtt->stage != MQTT_STAGE_OPEN || is_full(mqtt)) {
        return false;
    }
    const struct mqtt_flight flight = flight_of(delivery);
    uint32_t index = 0;
    enum mqtt_owed owed = mqtt_session_look(mqtt, &flight, &index);
    if (owed == MQTT_IS_HAD || (owed == MQTT_IS_NEW && delivery->is_had)) {
        return true;
    }
    if (is_too_late(mqtt->conn->front, &flight)) {
        drop(mqtt->conn->front);
        return true;
    }
    struct mqtt_publish publish = {
        .payload = delivery->payload,
        .qos = delivery->qos,
        .retain = delivery->is_retained,
        .dup = delivery->is_again && delivery->qos > 0, /* perhaps: it was begun before */
    };
    return find_topic(mqtt->conn->front, delivery, &publish.topic) &&
           send_publish(mqtt, &flight, owed, index, &publish);
}

const struct session_ops mqtt_session_ops = {.deliver = deliver};

static void take_done(struct mqtt_conn *mqtt, struct mqtt_flight *flight)
{
    uint64_t share = flight->share;
    mqtt_window_done(&mqtt->window, flight);
    mqtt_session_changed(mqtt);
    if (share != 0) {
        share_taken(mqtt->conn->front, share);
    }
    front_catch_up(mqtt->conn->front, mqtt->conn);
}

enum mqtt_taken mqtt_take_puback(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    uint16_t packet_id;
    if (err_is_set(mqtt_read_packet_id(frame, &packet_id))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    /* An id that is not in flight is ignored: a client may acknowledge twice. */
    struct mqtt_flight *flight = mqtt_window_find(&mqtt->window, packet_id);
    if (flight != NULL && flight->qos < 2) {
        take_done(mqtt, flight);
    }
    return MQTT_TAKEN;
}

enum mqtt_taken mqtt_take_pubrec(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    uint16_t packet_id;
    if (err_is_set(mqtt_read_packet_id(frame, &packet_id))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    struct mqtt_flight *flight = mqtt_window_find(&mqtt->window, packet_id);
    bool is_news = flight != NULL && flight->qos == 2 && flight->state == MQTT_FLIGHT_SENT;
    if (is_news) {
        mqtt_window_paid(&mqtt->window, flight);
        flight->state = MQTT_FLIGHT_RELEASED;
        mqtt_session_changed(mqtt);
    }
    /* Also of an id that is not in flight: the client, which has not heard the end, is to. */
    mqtt_write_ack(mqtt_session_out(mqtt, is_news), MQTT_PUBREL, packet_id);
    mqtt_session_wrote(mqtt);
    return MQTT_TAKEN;
}

enum mqtt_taken mqtt_take_pubcomp(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    uint16_t packet_id;
    if (err_is_set(mqtt_read_packet_id(frame, &packet_id))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    struct mqtt_flight *flight = mqtt_window_find(&mqtt->window, packet_id);
    if (flight != NULL && flight->state == MQTT_FLIGHT_RELEASED) {
        take_done(mqtt, flight);
    }
    return MQTT_TAKEN;
}
