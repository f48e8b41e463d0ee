/* SPDX-License-Identifier: Apache-2.0
 *
 * MQTT in WebSocket frames, on /mqtt (contract, pub/sub 1).
 *
 *      frames in  --pieces--> <rest> + piece --> mqtt_take_input
 *      frame out  <--one a flush-- <packets> <-- what MQTT writes
 *
 * Packets and frames do not know each other's boundaries [MQTT-6.0.0-2]: what comes is one stream
 * of bytes, and all that MQTT wrote in a turn leaves in one binary frame. Keys, keep-alive and
 * refusals are MQTT's: an Authorization header is not looked at, PINGs do not count as packets. */
#include "front/ws_conn.h"

#include "front/mqtt_conn.h"

#include <stdlib.h>

/* Memory that is kept for the next packet that frames cut; more is given back. */
#define REST_KEPT_BYTES 4096

struct ws_mqtt {
    struct ws_conn ws;
    struct mqtt_conn *mqtt; /* owned */
    struct buf rest;        /* bytes of frames that MQTT has not used yet */
    struct buf packets;     /* written by MQTT, for the next frame */
};

static struct ws_mqtt *wrapper_of(struct ws_conn *ws)
{
    return CONTAINER_OF(ws, struct ws_mqtt, ws);
}

/* ---- out ---- */

static void wrap_packets(struct ws_mqtt *wrapper)
{
    struct conn *conn = wrapper->ws.conn;
    if (wrapper->packets.failed) {
        conn_close(conn);
        return;
    }
    if (buf_bytes(&wrapper->packets) == 0 || wrapper->ws.has_closed) {
        return;
    }
    ws_write(&conn->out, WS_BINARY, buf_data(&wrapper->packets));
    buf_deinit(&wrapper->packets);
    /* A message that MQTT did not take, because too much waits here, is owed on_drained. */
    (void)conn_is_full(conn);
}

/* What MQTT ends with conn_finish ends in good order here as well. */
static void before_flush(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    wrap_packets(wrapper);
    if (conn->is_finishing && !wrapper->ws.has_closed && !conn->is_closing) {
        wrapper->ws.has_closed = true;
        ws_write_close(&conn->out, WS_CLOSE_NORMAL, (struct slice){0});
    }
    if (conn->out.failed) {
        conn_close(conn);
    }
}

static void before_close(struct ws_conn *ws)
{
    wrap_packets(wrapper_of(ws));
}

/* ---- in ---- */

static void take_rest(struct ws_mqtt *wrapper)
{
    struct buf *rest = &wrapper->rest;
    size_t used = mqtt_take_input(wrapper->mqtt, buf_data(rest));
    buf_consume(rest, used);
    if (buf_bytes(rest) == 0 && rest->room > REST_KEPT_BYTES) {
        buf_deinit(rest);
    }
}

/* Bytes are kept only when a packet is cut, or MQTT waits for something: then no more frames are
 * read. So what is kept is bounded by a packet and a piece. */
static void take_piece(struct ws_conn *ws, const struct ws_piece *piece)
{
    struct ws_mqtt *wrapper = wrapper_of(ws);
    struct slice bytes = slice_of(piece->at, piece->bytes);
    if (piece->opcode != WS_BINARY) {
        ws_conn_end_for_fault(ws, WS_CLOSE_UNSUPPORTED, "MQTT packets come in binary frames.");
        return;
    }
    if (buf_bytes(&wrapper->rest) > 0) {
        buf_put(&wrapper->rest, bytes);
        take_rest(wrapper);
    } else {
        size_t used = mqtt_take_input(wrapper->mqtt, bytes);
        buf_put(&wrapper->rest, slice_from(bytes, used));
    }
    if (wrapper->rest.failed) {
        conn_close(ws->conn);
    }
}

static const struct ws_ops mqtt_ws_ops = {.take_piece = take_piece, .before_close = before_close};

static size_t on_input(struct conn *conn, struct slice input)
{
    struct ws_mqtt *wrapper = conn->state;
    if (buf_bytes(&wrapper->rest) > 0) {
        take_rest(wrapper);
    }
    return ws_conn_take_input(&wrapper->ws, input);
}

/* ---- the protocol ---- */

static void on_answer(struct conn *conn, const struct answer *answer, const struct event *event)
{
    struct ws_mqtt *wrapper = conn->state;
    (void)event;
    mqtt_take_answer(wrapper->mqtt, answer);
}

static void on_actor(struct conn *conn, struct err err, const struct actor *actor, uint64_t request)
{
    struct ws_mqtt *wrapper = conn->state;
    (void)actor;
    (void)request;
    mqtt_take_actor(wrapper->mqtt, err);
}

static void on_drained(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    ws_conn_drained(&wrapper->ws);
    mqtt_take_drained(wrapper->mqtt);
}

static void on_resume(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    mqtt_take_resumed(wrapper->mqtt);
}

static void on_timer(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    mqtt_take_timer(wrapper->mqtt);
}

static void on_revoked(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    ws_conn_end_with(&wrapper->ws, ERR(CREDENTIAL_UNKNOWN), WS_CLOSE_POLICY);
}

static void on_rights(struct conn *conn, const struct actor *actor)
{
    struct ws_mqtt *wrapper = conn->state;
    mqtt_take_rights(wrapper->mqtt, actor);
}

static void on_stopping(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    ws_conn_end_with(&wrapper->ws, ERR(STOPPING), WS_CLOSE_GOING_AWAY);
}

static void on_closed(struct conn *conn)
{
    struct ws_mqtt *wrapper = conn->state;
    mqtt_end(wrapper->mqtt);
    conn->state = NULL;
    buf_deinit(&wrapper->rest);
    buf_deinit(&wrapper->packets);
    free(wrapper);
}

static const struct proto ws_mqtt_proto = {
    .name = "mqtt over websocket",
    .on_input = on_input,
    .on_end = conn_close,
    .on_answer = on_answer,
    .on_actor = on_actor,
    .before_flush = before_flush,
    .on_drained = on_drained,
    .on_resume = on_resume,
    .on_timer = on_timer,
    .on_revoked = on_revoked,
    .on_rights = on_rights,
    .on_stopping = on_stopping,
    .on_closed = on_closed,
};

/* ---- the upgrade ---- */

static struct ws_mqtt *wrapper_new(struct conn *conn)
{
    struct ws_mqtt *wrapper = calloc(1, sizeof(*wrapper));
    if (wrapper == NULL) {
        return NULL;
    }
    wrapper->mqtt = mqtt_conn_new(conn);
    if (wrapper->mqtt == NULL) {
        free(wrapper);
        return NULL;
    }
    wrapper->mqtt->out = &wrapper->packets;
    wrapper->ws.conn = conn;
    wrapper->ws.ops = &mqtt_ws_ops;
    /* A packet less its last byte, and a piece, which may be all that a connection keeps. */
    wrapper->rest.bytes_max = conn->front->shared->limits.packet_bytes_max + conn->in.bytes_max;
    return wrapper;
}

/* One of the offered sub-protocols is named: 3.1.1 and 3.1. None offered is fine; only others is
 * not (contract, pub/sub 1). */
static bool choose_protocol(const struct http1_head *head, struct slice *chosen)
{
    static const struct slice known[] = {SLICE_INIT("mqtt"), SLICE_INIT("mqttv3.1")};
    size_t offered = ws_protocol_choose(head, known, ARRAY_LEN(known), chosen);
    return offered == 0 || !slice_is_empty(*chosen);
}

void ws_mqtt_upgrade(struct conn *conn, const struct http1_head *head)
{
    uint8_t accept[WS_ACCEPT_BYTES];
    struct slice protocol;
    if (!ws_conn_accept(conn, head, accept)) {
        return;
    }
    if (!choose_protocol(head, &protocol)) {
        ws_conn_refuse_without_state(conn, ERR(WS_HANDSHAKE), err_http_status(ERR(WS_HANDSHAKE)));
        return;
    }
    struct ws_mqtt *wrapper = wrapper_new(conn);
    if (wrapper == NULL) {
        ws_conn_refuse_without_state(conn, ERR(NO_MEMORY), err_http_status(ERR(NO_MEMORY)));
        return;
    }
    conn_set_proto(conn, &ws_mqtt_proto, wrapper);
    conn_arm(conn, conn->front->shared->limits.handshake_ms); /* for CONNECT */
    ws_write_handshake(&conn->out, accept, protocol);
    conn_will_flush(conn);
}
