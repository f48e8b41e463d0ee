/* SPDX-License-Identifier: Apache-2.0
 *
 * ws_conn.h - a connection that speaks WebSocket: what the native socket (ws_topic.c) and MQTT in
 * frames (ws_mqtt.c) have in common.
 *
 *      upgrade --ws_conn_accept--> data frames --> ops->take_piece
 *                      |           PING        --> PONG
 *                 400 or 426       CLOSE, or a fault --> CLOSE, and the end
 *
 * The closing handshake (RFC 6455 7): our close frame is the last thing we send. conn_finish then
 * ends our side of the stream and throws away what the peer still sends, up to its end or its own
 * timer. Whether the peer's close frame is among that does not matter any more.
 *
 * Lies in the state of the protocol that uses it. Belongs to the connection's loop. */
#ifndef THRUM_FRONT_WS_CONN_H
#define THRUM_FRONT_WS_CONN_H

#include "codec/ws.h"
#include "front/conn.h"

struct ws_conn;

struct ws_ops {
    /* A piece of a data message. Its bytes die with the call. Mandatory. */
    void (*take_piece)(struct ws_conn *ws, const struct ws_piece *piece);

    /* The close frame is about to be written: what is held back goes to conn->out now. Optional. */
    void (*before_close)(struct ws_conn *ws);
};

struct ws_conn {
    struct conn *conn;
    const struct ws_ops *ops;
    struct ws_reader reader;
    bool has_closed; /* our close frame is written */
    bool owes_pong;  /* to the last PING, until the output has drained */
    uint8_t pong_bytes;
    uint8_t pong[WS_CONTROL_BYTES_MAX];
};

/* Checks the request for an upgrade and computes what the 101 says. False: it is no WebSocket
 * handshake, or from a page that is not allowed; the refusal is written and the connection
 * finishes. */
bool ws_conn_accept(struct conn *conn, const struct http1_head *head,
                    uint8_t accept[WS_ACCEPT_BYTES]);

/* Answers the upgrade with an HTTP error, and finishes the connection. */
void ws_conn_refuse(struct conn *conn, struct err err, int status);

/* No memory for the state of an upgrade: as above. */
void ws_conn_refuse_without_state(struct conn *conn, struct err err, int status);

/* Reads frames until the input is used, or the connection pauses, is held or ends. Returns how many
 * bytes were used. The bytes are unmasked where they lie. */
size_t ws_conn_take_input(struct ws_conn *ws, struct slice input);

/* Writes the close frame, <reason> cut to what fits, and finishes the connection. */
void ws_conn_end(struct ws_conn *ws, enum ws_close_code code, const char *reason);

/* The same with what <err> says as the reason: "403 The API key is not valid." */
void ws_conn_end_with(struct ws_conn *ws, struct err err, enum ws_close_code code);

/* The same for what the peer did wrong: logged. */
void ws_conn_end_for_fault(struct ws_conn *ws, enum ws_close_code code, const char *reason);

/* The output has drained: the PONG that was held back goes out. */
void ws_conn_drained(struct ws_conn *ws);

#endif
