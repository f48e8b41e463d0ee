/* SPDX-License-Identifier: Apache-2.0
 *
 * What the client is sent: PUBLISH packets within its window.
 *
 * Packet ids are given out in order, so the messages not acknowledged are a run of ids, and an
 * acknowledgement finds its place by a subtraction. */
#include "front/mqtt_conn.h"

#include <stdlib.h>

/* Packet ids are 1 .. 65,535. */
#define IDS 65535u

static uint16_t window_max(const struct mqtt_conn *mqtt)
{
    return mqtt->conn->front->shared->limits.inflight_max;
}

/* Enters a message into the window; 0 when it is full. */
static uint16_t window_push(struct mqtt_conn *mqtt)
{
    struct mqtt_window *window = &mqtt->window;
    uint16_t max = window_max(mqtt);
    if (window->acked == NULL) {
        window->acked = calloc(max, 1);
        window->first_id = 1;
    }
    if (window->acked == NULL || window->count == max) {
        return 0;
    }
    uint32_t id = (window->first_id - 1u + window->count) % IDS + 1;
    window->acked[(window->head + window->count) % max] = false;
    window->count++;
    return (uint16_t)id;
}

/* Marks the message acknowledged and moves past all that are. False for an id that is not in
 * flight. */
static bool window_ack(struct mqtt_conn *mqtt, uint16_t id)
{
    struct mqtt_window *window = &mqtt->window;
    uint16_t max = window_max(mqtt);
    uint32_t place = (id + IDS - window->first_id) % IDS;
    if (place >= window->count) {
        return false;
    }
    window->acked[(window->head + place) % max] = true;
    while (window->count > 0 && window->acked[window->head]) {
        window->head = (uint16_t)((window->head + 1u) % max);
        window->first_id = (uint16_t)(window->first_id % IDS + 1);
        window->count--;
    }
    return true;
}

/* The topic as the client spelled it; where it used wildcards, the one that they stand for. False
 * without memory. */
static bool find_topic(struct front *front, const struct delivery *delivery, struct slice *topic)
{
    *topic = subscription_filter(delivery->subscription);
    if (delivery->subscription->has_wildcard) {
        buf_reset(&front->scratch);
        topic_write_as(&front->scratch, delivery->topic, *topic);
        *topic = buf_data(&front->scratch);
        return !front->scratch.failed;
    }
    return true;
}

static bool deliver(struct session *session, const struct delivery *delivery)
{
    struct mqtt_conn *mqtt = CONTAINER_OF(session, struct mqtt_conn, session);
    struct conn *conn = mqtt->conn;
    if (conn_is_closing(conn)) {
        return true; /* nobody will read it */
    }
    if (conn_is_full(conn) || buf_bytes(mqtt->out) > conn->front->shared->limits.outbox_bytes_max) {
        return false;
    }
    struct slice topic;
    if (!find_topic(conn->front, delivery, &topic)) {
        return false;
    }
    uint16_t packet_id = 0;
    if (delivery->qos > 0) {
        packet_id = window_push(mqtt);
        if (packet_id == 0) {
            return false;
        }
    }
    const struct mqtt_publish publish = {
        .topic = topic,
        .payload = delivery->payload,
        .packet_id = packet_id,
        .qos = delivery->qos,
    };
    mqtt_write_publish(mqtt->out, &publish);
    mqtt_wrote(mqtt);
    atomic_fetch_add_explicit(&conn->front->stats.messages_out, 1, memory_order_relaxed);
    return true;
}

const struct session_ops mqtt_session_ops = {.deliver = deliver};

enum mqtt_taken mqtt_take_puback(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    uint16_t packet_id;
    if (err_is_set(mqtt_read_packet_id(frame, &packet_id))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    /* An id that is not in flight is ignored: a client may acknowledge twice. */
    if (window_ack(mqtt, packet_id)) {
        front_catch_up(mqtt->conn->front, mqtt->conn);
    }
    return MQTT_TAKEN;
}
