/* SPDX-License-Identifier: Apache-2.0 */
#include "front/ws_conn.h"

#include "base/assert.h"
#include "base/log.h"
#include "front/http_error.h"
#include "front/origins.h"

#include <assert.h>
#include <stdio.h>

/* ---- the upgrade ---- */

/* What is left of a connection whose upgrade was refused before it had a state: it only waits for
 * its output to go out. */

static size_t refused_on_input(struct conn *conn, struct slice input)
{
    (void)conn;
    return input.bytes;
}

static void refused_on_answer(struct conn *conn, const struct answer *answer,
                              const struct event *event)
{
    (void)conn;
    (void)answer;
    (void)event;
}

static void refused_on_closed(struct conn *conn)
{
    (void)conn;
}

static const struct proto refused_proto = {
    .name = "websocket refused",
    .on_input = refused_on_input,
    .on_end = conn_close,
    .on_answer = refused_on_answer,
    .on_timer = conn_close,
    .on_revoked = conn_close,
    .on_stopping = conn_close,
    .on_closed = refused_on_closed,
};

static void log_refusal(const struct conn *conn, int status, const char *reason)
{
    char peer[ADDRESS_TEXT_BYTES];
    atomic_fetch_add_explicit(&conn->front->stats.refused, 1, memory_order_relaxed);
    LOG_LIMITED(LOG_WARN, "ws", "upgrade refused peer=%s status=%d reason=%s",
                address_describe(&conn->peer, peer), status, reason);
}

void ws_conn_refuse(struct conn *conn, struct err err, int status)
{
    log_refusal(conn, status, err_name(err));
    http_error_write(&conn->out, err, status, (struct slice){0}, true);
    conn_will_flush(conn);
    conn_finish(conn);
}

void ws_conn_refuse_without_state(struct conn *conn, struct err err, int status)
{
    conn_set_proto(conn, &refused_proto, NULL);
    ws_conn_refuse(conn, err, status);
}

/* 426 names the version to try (RFC 6455 4.4), and Connection names Upgrade (RFC 9110 7.8). */
static void refuse_version(struct conn *conn)
{
    static_assert(WS_VERSION_FIELD_COUNT == 2, "all of them are listed");
    const struct http1_field fields[] = {
        {SLICE("Connection"), SLICE("Upgrade, close")},
        ws_version_fields[0],
        ws_version_fields[1],
    };
    struct buf body = {0};
    http_error_write_body(&body, ERR(WS_HANDSHAKE), 426,
                          SLICE("The version of WebSocket must be 13."));
    log_refusal(conn, 426, "version");
    conn_set_proto(conn, &refused_proto, NULL);
    http1_write_head(&conn->out, &(struct http1_response){
                                     .status = 426,
                                     .content_type = SLICE("application/json"),
                                     .content_length = buf_bytes(&body),
                                     .fields = fields,
                                     .field_count = ARRAY_LEN(fields),
                                 });
    conn_write(conn, buf_data(&body));
    conn_finish(conn);
    buf_deinit(&body);
}

/* Browsers ask nobody before they open a WebSocket for a page: so the page is judged here. */
static bool is_from_allowed_page(const struct conn *conn, const struct http1_head *head)
{
    const struct origin_list *origins = conn->front->shared->origins;
    struct slice origin = {0};
    http1_find(head, SLICE("Origin"), &origin);
    return origins == NULL || origins_allow(origins, http1_trim(origin));
}

bool ws_conn_accept(struct conn *conn, const struct http1_head *head,
                    uint8_t accept[WS_ACCEPT_BYTES])
{
    if (!is_from_allowed_page(conn, head)) {
        ws_conn_refuse_without_state(conn, ERR(ORIGIN_DENIED), 403);
        return false;
    }
    switch (ws_handshake_check(head, accept)) {
    case WS_HANDSHAKE_OK:
        return true;
    case WS_HANDSHAKE_BAD:
        ws_conn_refuse_without_state(conn, ERR(WS_HANDSHAKE), err_http_status(ERR(WS_HANDSHAKE)));
        return false;
    case WS_HANDSHAKE_VERSION:
        refuse_version(conn);
        return false;
    }
    UNREACHABLE();
}

/* ---- the end ---- */

/* Once, and only on a connection that still sends. */
static void write_close(struct ws_conn *ws, uint16_t code, struct slice reason)
{
    if (ws->has_closed || conn_is_closing(ws->conn)) {
        return;
    }
    if (ws->ops->before_close != NULL) {
        ws->ops->before_close(ws);
    }
    ws->has_closed = true;
    ws_write_close(&ws->conn->out, code, reason);
    conn_will_flush(ws->conn);
    conn_finish(ws->conn);
}

void ws_conn_end(struct ws_conn *ws, enum ws_close_code code, const char *reason)
{
    write_close(ws, (uint16_t)code, slice_of_text(reason));
}

void ws_conn_end_with(struct ws_conn *ws, struct err err, enum ws_close_code code)
{
    char reason[WS_REASON_BYTES_MAX + 1];
    (void)snprintf(reason, sizeof(reason), "%d %s", err_http_status(err), err_text(err));
    ws_conn_end(ws, code, reason);
}

void ws_conn_end_for_fault(struct ws_conn *ws, enum ws_close_code code, const char *reason)
{
    char peer[ADDRESS_TEXT_BYTES];
    LOG_LIMITED(LOG_INFO, "ws", "closed peer=%s code=%d reason=\"%s\"",
                address_describe(&ws->conn->peer, peer), (int)code, reason);
    ws_conn_end(ws, code, reason);
}

/* ---- control frames ---- */

/* A peer that sends PINGs and does not read what it is sent gets one PONG when it reads again, to
 * its last PING (RFC 6455 5.5.3 allows that). */
static void take_ping(struct ws_conn *ws, struct slice payload)
{
    if (!conn_is_full(ws->conn)) {
        ws_write(&ws->conn->out, WS_PONG, payload);
        conn_will_flush(ws->conn);
        return;
    }
    ASSERT(payload.bytes <= sizeof(ws->pong));
    ws->owes_pong = true;
    ws->pong_bytes = (uint8_t)payload.bytes;
    if (payload.bytes > 0) {
        memcpy(ws->pong, payload.at, payload.bytes);
    }
}

void ws_conn_drained(struct ws_conn *ws)
{
    if (ws->owes_pong) {
        ws->owes_pong = false;
        ws_write(&ws->conn->out, WS_PONG, slice_of(ws->pong, ws->pong_bytes));
        conn_will_flush(ws->conn);
    }
}

/* The peer closes: it is answered with its own code (RFC 6455 5.5.1). */
static void take_close(struct ws_conn *ws, struct slice payload)
{
    uint16_t code;
    struct slice reason;
    struct err err = ws_read_close(payload, &code, &reason);
    if (err_is_set(err)) {
        ws_conn_end_for_fault(ws, ws_close_code(err), err_text(err));
    } else {
        write_close(ws, code, (struct slice){0});
    }
}

/* ---- frames in ---- */

static void take_piece(struct ws_conn *ws, const struct ws_piece *piece)
{
    switch (piece->opcode) {
    case WS_TEXT:
    case WS_BINARY:
        ws->ops->take_piece(ws, piece);
        return;
    case WS_PING:
        take_ping(ws, slice_of(piece->at, piece->bytes));
        return;
    case WS_PONG:
        return; /* that it came is all it says */
    case WS_CLOSE:
        take_close(ws, slice_of(piece->at, piece->bytes));
        return;
    case WS_CONTINUATION:
        break;
    }
    UNREACHABLE();
}

size_t ws_conn_take_input(struct ws_conn *ws, struct slice input)
{
    struct conn *conn = ws->conn;
    uint64_t message_bytes_max = conn->front->shared->limits.packet_bytes_max;
    /* The bytes lie in the connection's own buffer, or in the front's; both may be changed
     * (conn.h). A slice is read-only for all others. */
    uint8_t *at = (uint8_t *)(uintptr_t)input.at;
    size_t used = 0;
    while (!conn_is_closing(conn) && !conn->is_paused && !conn->is_held && used < input.bytes) {
        struct ws_piece piece;
        struct err err;
        size_t step;
        enum decode decoded = ws_read(&ws->reader, at + used, input.bytes - used, message_bytes_max,
                                      &piece, &step, &err);
        used += step;
        if (decoded == DECODE_MORE) {
            break;
        }
        if (decoded == DECODE_BAD) {
            ws_conn_end_for_fault(ws, ws_close_code(err), err_text(err));
            break;
        }
        take_piece(ws, &piece);
    }
    return used;
}
