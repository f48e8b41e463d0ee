/* SPDX-License-Identifier: Apache-2.0
 *
 * ws-echo PORT - sends every WebSocket message back: the daemon's connections and its WebSocket
 * code, and nothing else of it, for clients and test suites from outside. On loopback only. With
 * port 0 the kernel chooses one. Prints "ws-echo: ws://127.0.0.1:PORT/" when it is up; ends on
 * SIGTERM and SIGINT.
 *
 *      UPGRADING --101--> OPEN: pieces are gathered, and a whole message is written back
 */
#include "base/assert.h"
#include "base/utf8.h"
#include "front/scan.h"
#include "front/ws_conn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Larger than the daemon's, because suites send messages of 16 MiB. */
#define MESSAGE_BYTES_MAX ((size_t)64 << 20)
#define OUTBOX_BYTES_MAX ((size_t)1 << 20)

struct echo {
    struct ws_conn ws;
    bool is_open;
    bool is_text;
    struct buf message; /* the pieces of a message so far */
};

struct server {
    struct loop loop;
    struct front front;
    struct front_shared shared;
    struct broadcast ring;
    struct listener_sockets sockets;
    struct listener listener;
};

static struct server *server;

/* ---- messages ---- */

static void send_back(struct echo *echo)
{
    struct conn *conn = echo->ws.conn;
    if (echo->message.failed) {
        ws_conn_end(&echo->ws, WS_CLOSE_TOO_LARGE, "The message is too long.");
        return;
    }
    if (echo->is_text && !utf8_is_valid(buf_data(&echo->message))) {
        ws_conn_end(&echo->ws, WS_CLOSE_INVALID, "The text is not UTF-8.");
        return;
    }
    ws_write(&conn->out, echo->is_text ? WS_TEXT : WS_BINARY, buf_data(&echo->message));
    conn_will_flush(conn);
    buf_deinit(&echo->message);
    echo->message.bytes_max = MESSAGE_BYTES_MAX;
    if (conn_is_full(conn)) {
        conn_hold(conn); /* until the client has read some of it */
    }
}

static void take_piece(struct ws_conn *ws, const struct ws_piece *piece)
{
    struct echo *echo = CONTAINER_OF(ws, struct echo, ws);
    if (piece->starts) {
        echo->is_text = piece->opcode == WS_TEXT;
    }
    buf_put_bytes(&echo->message, piece->at, piece->bytes);
    if (piece->ends) {
        send_back(echo);
    }
}

static const struct ws_ops echo_ops = {.take_piece = take_piece};

/* ---- the upgrade ---- */

static const struct http1_limits head_limits = {
    .target_bytes_max = 8192,
    .header_bytes_max = 16384,
    .field_count_max = HTTP1_FIELD_COUNT_MAX,
};

/* Any path will do. */
static size_t upgrade(struct conn *conn, struct echo *echo, struct slice input)
{
    struct http1_scan scan = {0};
    struct http1_head head;
    struct err err;
    uint8_t accept[WS_ACCEPT_BYTES];
    switch (http1_read_head(input, &head_limits, &scan, &head, &err)) {
    case DECODE_MORE:
        return 0;
    case DECODE_BAD:
        ws_conn_refuse(conn, err, err_http_status(err));
        return 0;
    case DECODE_DONE:
        break;
    }
    if (!ws_conn_accept(conn, &head, accept)) {
        buf_deinit(&echo->message);
        free(echo); /* another protocol says the refusal */
        return head.bytes;
    }
    conn_disarm(conn);
    echo->is_open = true;
    ws_write_handshake(&conn->out, accept, (struct slice){0});
    conn_will_flush(conn);
    return head.bytes;
}

/* ---- the protocol ---- */

static size_t on_input(struct conn *conn, struct slice input)
{
    struct echo *echo = conn->state;
    return echo->is_open ? ws_conn_take_input(&echo->ws, input) : upgrade(conn, echo, input);
}

static void on_answer(struct conn *conn, const struct answer *answer, const struct event *event)
{
    (void)conn;
    (void)answer;
    (void)event;
    UNREACHABLE(); /* it asks nobody */
}

static void on_drained(struct conn *conn)
{
    struct echo *echo = conn->state;
    ws_conn_drained(&echo->ws);
    conn_release(conn);
}

static void on_stopping(struct conn *conn)
{
    struct echo *echo = conn->state;
    if (echo->is_open) {
        ws_conn_end(&echo->ws, WS_CLOSE_GOING_AWAY, "");
    } else {
        conn_close(conn);
    }
}

static void on_closed(struct conn *conn)
{
    struct echo *echo = conn->state;
    conn->state = NULL;
    buf_deinit(&echo->message);
    free(echo);
}

static const struct proto echo_proto = {
    .name = "echo",
    .on_input = on_input,
    .on_end = conn_close,
    .on_answer = on_answer,
    .on_drained = on_drained,
    .on_timer = conn_close,
    .on_revoked = conn_close,
    .on_stopping = on_stopping,
    .on_closed = on_closed,
};

static void on_accept(struct listener *listener, int fd, const struct address *peer)
{
    (void)listener;
    const struct conn_options options = {.tls = SOCK_TLS_OFF, .protocols = CONN_WEBSOCKET};
    struct conn *conn = conn_accept(&server->front, fd, peer, &options);
    struct echo *echo = conn != NULL ? calloc(1, sizeof(*echo)) : NULL;
    if (echo == NULL) {
        if (conn != NULL) {
            conn_close(conn);
        }
        return;
    }
    echo->ws.conn = conn;
    echo->ws.ops = &echo_ops;
    echo->message.bytes_max = MESSAGE_BYTES_MAX;
    conn_set_proto(conn, &echo_proto, echo);
}

static const struct listener_events listener_events = {.on_accept = on_accept};

/* ---- the server ---- */

static void free_item(struct broadcast_item *item)
{
    free(item);
}

static struct err start(uint16_t port, struct buf *problem)
{
    const struct loop_options options = {
        .owner = &server->front,
        .on_turn_start = front_turn_start,
        .on_turn_end = front_turn_end,
    };
    struct address loopback;
    server->shared.limits = (struct front_limits){
        .packet_bytes_max = MESSAGE_BYTES_MAX,
        .handshake_ms = 10000,
        .points_max = 1,
        .actions_max = 1,
        .outbox_bytes_max = OUTBOX_BYTES_MAX,
    };
    server->shared.ring = &server->ring;
    server->shared.scans = scans_new(NULL, 1); /* nobody is ever behind */
    TRY(server->shared.scans == NULL ? ERR(NO_MEMORY) : ERR(OK));
    TRY(broadcast_init(&server->ring, 2, 1, 0, free_item));
    TRY(loop_init(&server->loop, &options));
    TRY(front_init(&server->front, &server->shared, &server->loop, 0, 1, 1));
    TRY(address_parse(SLICE("127.0.0.1"), port, &loopback));
    TRY(listener_sockets_open(
        &server->sockets,
        &(struct listener_bind){
            .addresses = &loopback, .address_count = 1, .loop_count = 1, .port = port},
        problem));
    return listener_start(&server->listener, &server->loop, &server->sockets, 0, &listener_events,
                          server);
}

static void stop_loop(int signal_number)
{
    (void)signal_number;
    loop_stop(&server->loop);
}

static bool read_port(const char *text, uint16_t *port)
{
    uint64_t number;
    bool is_port = slice_read_decimal(slice_of_text(text), UINT16_MAX, &number);
    *port = is_port ? (uint16_t)number : 0;
    return is_port;
}

int main(int argc, char **argv)
{
    uint16_t port;
    struct buf problem = {0};
    if (argc != 2 || !read_port(argv[1], &port)) {
        fputs("usage: ws-echo PORT\n", stderr);
        return 2;
    }
    size_t lines = (sizeof(*server) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES;
    server = aligned_alloc(CACHE_LINE_BYTES, lines * CACHE_LINE_BYTES);
    if (server == NULL) {
        return 1;
    }
    memset(server, 0, lines * CACHE_LINE_BYTES);
    struct err err = start(port, &problem);
    if (err_is_set(err)) {
        fprintf(stderr, "ws-echo: %s %.*s\n", err_name(err), SLICE_ARGS(buf_data(&problem)));
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop_loop);
    signal(SIGINT, stop_loop);
    printf("ws-echo: ws://127.0.0.1:%u/\n", server->sockets.port);
    fflush(stdout);
    loop_run(&server->loop);
    return 0; /* the kernel closes what is open */
}
