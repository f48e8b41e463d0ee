/* SPDX-License-Identifier: Apache-2.0
 *
 * The native WebSocket: one socket is one topic (contract, pub/sub 7).
 *
 *      OPENING --key known, subscription granted: 101--> OPEN --CLOSE--> the connection finishes
 *         \--refused for any reason: HTTP 403
 *
 * The path of the upgrade is the topic. Each message of the topic is one text frame with the
 * payload and nothing else; each text frame of the client is a publish on the topic. There is no
 * answer to a publish but the echo, so a publish that is refused ends the socket. */
#include "front/ws_conn.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/uri.h"
#include "front/auth.h"
#include "front/context.h"
#include "front/follow.h"
#include "front/http_credential.h"
#include "front/publish.h"
#include "front/rate.h"
#include "front/refusals.h"
#include "front/replay.h"
#include "front/state.h"

#include <stdlib.h>

/* The client is asked for a sign of life so often, also to keep the way through proxies open; and
 * given up when nothing came for so long (contract, pub/sub 7). */
#define PING_EVERY_MS 50000
#define SILENCE_MAX_MS 120000

enum ws_stage { WS_STAGE_OPENING, WS_STAGE_OPEN };

/* What an answer is about. */
enum ws_request { WS_REQUEST_SUBSCRIBE = 1, WS_REQUEST_PUBLISH };

struct ws_topic {
    struct ws_conn ws;
    struct follow follow;
    enum ws_stage stage;
    bool is_whole;      /* <message> has its end, but there was no room for its command */
    struct buf key;     /* only while it is being looked up */
    struct buf path;    /* the topic as it came, without its options */
    struct buf message; /* the pieces of a message so far */
    int64_t last_input_ms;
    uint8_t accept[WS_ACCEPT_BYTES]; /* for the 101 */
};

static void key_forget(struct ws_topic *native)
{
    if (native->key.at != NULL) {
        explicit_bzero(native->key.at, native->key.room);
    }
    buf_deinit(&native->key);
}

/* ---- opening ---- */

/* For `thrum why --recent`. */
static void note_refusal(const struct ws_topic *native, struct slice operation, struct err err)
{
    refusals_note(native->ws.conn->front->shared->refusals, &(struct refusal){
                                                                .time_ms = clock_wall_ms(),
                                                                .actor = &native->follow.actor,
                                                                .protocol = SLICE("websocket"),
                                                                .operation = operation,
                                                                .target = buf_data(&native->path),
                                                                .err = err,
                                                            });
}

/* Who may not, who asks for what is not there or is no topic: all are answered 403, so that nobody
 * learns from the answer what exists. Only a fault of ours that can pass says so. */
static void refuse(struct ws_topic *native, struct err err)
{
    note_refusal(native, SLICE("subscribe"), err);
    switch (err_class(err)) {
    case ERR_CLASS_LIMITED:
    case ERR_CLASS_BUSY:
    case ERR_CLASS_IO:
    case ERR_CLASS_CORRUPT:
        ws_conn_refuse(native->ws.conn, err, err_http_status(err));
        return;
    default:
        ws_conn_refuse(native->ws.conn, err, 403);
        return;
    }
}

/* The actor is known. From here on revoking its key ends the socket. */
static struct err go_on_as_actor(struct ws_topic *native)
{
    struct conn *conn = native->ws.conn;
    bool is_valid = auth_attach(conn->front, conn, buf_data(&native->key));
    key_forget(native);
    if (!is_valid) {
        return ERR(CREDENTIAL_UNKNOWN);
    }
    if (!auth_count(conn)) {
        return ERR(TOO_MANY_REQUESTS);
    }
    follow_ask(&native->follow, WS_REQUEST_SUBSCRIBE);
    return ERR(OK);
}

static struct err authenticate(struct ws_topic *native)
{
    struct conn *conn = native->ws.conn;
    switch (auth_resolve(conn->front, conn, buf_data(&native->key), 0, &native->follow.actor)) {
    case AUTH_KNOWN:
        return go_on_as_actor(native);
    case AUTH_REFUSED:
        return ERR(CREDENTIAL_UNKNOWN);
    case AUTH_BUSY:
        return ERR(BUSY);
    case AUTH_LATER:
        return ERR(OK);
    }
    UNREACHABLE();
}

static void on_actor(struct conn *conn, struct err err, const struct actor *actor, uint64_t request)
{
    struct ws_topic *native = conn->state;
    (void)request;
    if (conn_is_closing(conn)) {
        return;
    }
    ASSERT(native->stage == WS_STAGE_OPENING);
    if (!err_is_set(err)) {
        native->follow.actor = *actor;
        err = go_on_as_actor(native);
    }
    if (err_is_set(err)) {
        refuse(native, err);
    }
}

/* The header wins over the option, which browsers need. */
static struct err find_key(const struct http1_head *head, const struct topic_options *options,
                           struct slice *key)
{
    *key = http_credential(head);
    if (slice_is_empty(*key)) {
        *key = options->access_token;
    }
    return slice_is_empty(*key) ? ERR(CREDENTIAL_MISSING) : ERR(OK);
}

/* "/v2" before any path is an alias (contract, README point 9). */
static struct slice without_version(struct slice target)
{
    return slice_starts_with(target, SLICE("/v2/")) ? slice_from(target, 3) : target;
}

static struct err begin(struct ws_topic *native, const struct http1_head *head)
{
    struct slice target = without_version(head->resource);
    struct slice key;
    TRY(topic_parse(target, &native->follow.topic));
    TRY(replay_check(&native->follow.topic));
    TRY(find_key(head, &native->follow.topic.options, &key));
    native->follow.topic.options.access_token = (struct slice){0}; /* it dies with the head */
    buf_put(&native->path, uri_split(target).path);
    buf_put(&native->key, key);
    if (native->path.failed || native->key.failed) {
        return ERR(NO_MEMORY);
    }
    return authenticate(native);
}

/* ---- open ---- */

/* Granted: the socket is a subscriber exactly from here on in the order of events. */
static void open_socket(struct ws_topic *native, const struct answer *answer)
{
    struct conn *conn = native->ws.conn;
    struct subscription *subscription;
    struct err err =
        follow_begin(&native->follow, answer->after, buf_data(&native->path), &subscription);
    bool replays = native->follow.topic.options.replay.is_wanted;
    if (!err_is_set(err) && replays) {
        err = replay_add(conn, subscription, &native->follow.topic, answer);
    }
    if (err_is_set(err)) {
        refuse(native, err);
        return;
    }
    native->stage = WS_STAGE_OPEN;
    native->last_input_ms = conn->front->loop->now_ms;
    /* No sub-protocol is named, whatever was offered. */
    ws_write_handshake(&conn->out, native->accept, (struct slice){0});
    conn_will_flush(conn);
    conn_arm(conn, PING_EVERY_MS);
    if (replays) { /* the latest of the history is the present state */
        replay_start(conn);
    } else if (native->follow.topic.options.pub_states) {
        state_request(conn, subscription, answer->after);
    }
    conn_release(conn);
}

static bool deliver(struct session *session, const struct delivery *delivery)
{
    struct ws_topic *native = CONTAINER_OF(session, struct ws_topic, follow.session);
    struct conn *conn = native->ws.conn;
    if (conn_is_closing(conn)) {
        return true; /* nobody will read it */
    }
    if (!follow_is_about_end(delivery)) {
        if (conn_is_full(conn)) {
            return false;
        }
        ws_write(&conn->out, WS_TEXT, delivery->payload);
        conn_will_flush(conn);
        atomic_fetch_add_explicit(&conn->front->stats.messages_out, 1, memory_order_relaxed);
    }
    if (delivery->is_last) {
        ws_conn_end(&native->ws, WS_CLOSE_GOING_AWAY, "The resource was deleted.");
    }
    return true;
}

/* Nothing is lost silently on a socket (contract, pub/sub 7). */
static void lost(struct session *session)
{
    struct ws_topic *native = CONTAINER_OF(session, struct ws_topic, follow.session);
    ws_conn_end_with(&native->ws, ERR(BUSY), WS_CLOSE_TRY_LATER);
}

static const struct session_ops topic_session_ops = {.deliver = deliver, .lost = lost};

/* ---- what the client publishes ---- */

static void publish_refused(struct ws_topic *native, struct err err)
{
    struct conn *conn = native->ws.conn;
    char peer[ADDRESS_TEXT_BYTES];
    atomic_fetch_add_explicit(&conn->front->stats.refused, 1, memory_order_relaxed);
    note_refusal(native, SLICE("publish"), err);
    LOG_LIMITED(LOG_WARN, "ws", "publish refused peer=%s actor=%.*s status=%d reason=%s",
                address_describe(&conn->peer, peer), SLICE_ARGS(id_slice(&native->follow.actor.id)),
                err_http_status(err), err_name(err));
    ws_conn_end_with(&native->ws, err, ws_close_code(err));
}

/* False: there is no room now. The connection is paused, and the message is to be shown again. */
static bool publish(struct ws_topic *native, struct slice payload)
{
    struct conn *conn = native->ws.conn;
    const struct publish wish = {
        .topic = &native->follow.topic,
        .payload = payload,
        .actor = &native->follow.actor,
        .qos = 1,
        .context = context_of(conn, native->follow.topic.family, (struct slice){0}),
        .request = WS_REQUEST_PUBLISH,
    };
    struct err err;
    if (conn->in_flight >= conn->front->shared->limits.commands_max) {
        conn_pause(conn);
        return false;
    }
    int64_t wait_ms =
        rate_take(conn->front->shared->rate, auth_key_hash(conn), conn->front->loop->now_ms);
    if (wait_ms > 0) {
        conn_hold_for(conn, wait_ms);
        return false;
    }
    switch (publish_send(conn, &wish, &err)) {
    case PUBLISH_NO_ROOM:
        conn_pause(conn);
        return false;
    case PUBLISH_REFUSED:
        publish_refused(native, err);
        break;
    case PUBLISH_SENT:
        break;
    }
    atomic_fetch_add_explicit(&conn->front->stats.messages_in, 1, memory_order_relaxed);
    return true;
}

/* Publishes the message that was put together, if there is room. */
static void publish_kept(struct ws_topic *native)
{
    struct slice message = buf_data(&native->message);
    if (slice_is_empty(message) || publish(native, message)) {
        native->is_whole = false;
        buf_deinit(&native->message);
    }
}

/* A message in one piece is published from where it lies. An empty one is a sign of life, nothing
 * else (contract, pub/sub 7). Whether the text is UTF-8 is seen when its JSON is. */
static void take_piece(struct ws_conn *ws, const struct ws_piece *piece)
{
    struct ws_topic *native = CONTAINER_OF(ws, struct ws_topic, ws);
    struct slice bytes = slice_of(piece->at, piece->bytes);
    if (piece->opcode != WS_TEXT) {
        ws_conn_end_for_fault(ws, WS_CLOSE_UNSUPPORTED, "Messages are text.");
        return;
    }
    bool is_single = piece->starts && piece->ends;
    if (is_single && (slice_is_empty(bytes) || publish(native, bytes))) {
        return;
    }
    buf_put(&native->message, bytes);
    if (native->message.failed) {
        ws_conn_end_with(ws, ERR(NO_MEMORY), ws_close_code(ERR(NO_MEMORY)));
        return;
    }
    native->is_whole = piece->ends;
    if (piece->ends && !is_single) {
        publish_kept(native);
    }
}

static const struct ws_ops topic_ws_ops = {.take_piece = take_piece};

/* ---- the protocol ---- */

static size_t on_input(struct conn *conn, struct slice input)
{
    struct ws_topic *native = conn->state;
    ASSERT(native->stage == WS_STAGE_OPEN);
    if (input.bytes > 0) {
        native->last_input_ms = conn->front->loop->now_ms;
    }
    if (native->is_whole) {
        publish_kept(native);
    }
    return ws_conn_take_input(&native->ws, input);
}

static void on_answer(struct conn *conn, const struct answer *answer, const struct event *event)
{
    struct ws_topic *native = conn->state;
    (void)event;
    if (conn_is_closing(conn)) {
        return;
    }
    switch ((enum ws_request)answer->token.request) {
    case WS_REQUEST_SUBSCRIBE:
        ASSERT(native->stage == WS_STAGE_OPENING);
        if (err_is_set(answer->err)) {
            refuse(native, answer->err);
        } else {
            open_socket(native, answer);
        }
        return;
    case WS_REQUEST_PUBLISH:
        if (err_is_set(answer->err)) {
            publish_refused(native, answer->err);
        }
        return;
    }
    UNREACHABLE();
}

static void on_resume(struct conn *conn)
{
    struct ws_topic *native = conn->state;
    if (native->follow.must_ask) {
        follow_ask(&native->follow, WS_REQUEST_SUBSCRIBE);
    }
}

static void on_drained(struct conn *conn)
{
    struct ws_topic *native = conn->state;
    ws_conn_drained(&native->ws);
    front_catch_up(conn->front, conn);
}

static void on_timer(struct conn *conn)
{
    struct ws_topic *native = conn->state;
    if (native->stage == WS_STAGE_OPENING) {
        refuse(native, ERR(BUSY));
        return;
    }
    int64_t now_ms = conn->front->loop->now_ms;
    if (conn->is_paused || conn->is_held) {
        native->last_input_ms = now_ms; /* while we do not read, silence says nothing */
    }
    int64_t left_ms = SILENCE_MAX_MS - (now_ms - native->last_input_ms);
    if (left_ms <= 0) {
        conn_close(conn);
        return;
    }
    ws_write(&conn->out, WS_PING, (struct slice){0});
    conn_will_flush(conn);
    conn_arm(conn, left_ms < PING_EVERY_MS ? left_ms : PING_EVERY_MS);
}

/* The word for an end that comes from our side: HTTP's before the 101, WebSocket's behind it. */
static void end(struct ws_topic *native, struct err err, enum ws_close_code code)
{
    if (native->stage == WS_STAGE_OPENING) {
        refuse(native, err);
    } else {
        ws_conn_end_with(&native->ws, err, code);
    }
}

static void on_revoked(struct conn *conn)
{
    end(conn->state, ERR(CREDENTIAL_UNKNOWN), WS_CLOSE_POLICY);
}

/* The socket is its subscription: when that ends, so does the socket. */
static void on_rights(struct conn *conn, const struct actor *actor)
{
    struct ws_topic *native = conn->state;
    if (native->stage == WS_STAGE_OPENING) {
        refuse(native, ERR(BUSY)); /* the engine was asked with the former rights */
    } else if (auth_take_rights(conn, actor) && follow_has_topic(&native->follow)) {
        native->follow.actor = *actor;
    } else {
        end(native, ERR(DENIED), WS_CLOSE_POLICY);
    }
}

static void on_stopping(struct conn *conn)
{
    end(conn->state, ERR(STOPPING), WS_CLOSE_GOING_AWAY);
}

static void on_closed(struct conn *conn)
{
    struct ws_topic *native = conn->state;
    follow_end(&native->follow);
    conn->state = NULL;
    key_forget(native);
    buf_deinit(&native->path);
    buf_deinit(&native->message);
    free(native);
}

static const struct proto ws_topic_proto = {
    .name = "websocket",
    .on_input = on_input,
    .on_end = conn_close,
    .on_answer = on_answer,
    .on_actor = on_actor,
    .on_drained = on_drained,
    .on_resume = on_resume,
    .on_timer = on_timer,
    .on_revoked = on_revoked,
    .on_rights = on_rights,
    .on_stopping = on_stopping,
    .on_closed = on_closed,
};

void ws_topic_upgrade(struct conn *conn, const struct http1_head *head)
{
    uint8_t accept[WS_ACCEPT_BYTES];
    if (!ws_conn_accept(conn, head, accept)) {
        return;
    }
    struct ws_topic *native = calloc(1, sizeof(*native));
    if (native == NULL) {
        ws_conn_refuse_without_state(conn, ERR(NO_MEMORY), err_http_status(ERR(NO_MEMORY)));
        return;
    }
    native->ws.conn = conn;
    native->ws.ops = &topic_ws_ops;
    native->message.bytes_max = conn->front->shared->limits.packet_bytes_max;
    memcpy(native->accept, accept, sizeof(accept));
    follow_init(&native->follow, conn, &topic_session_ops);
    conn_set_proto(conn, &ws_topic_proto, native);
    /* Nothing is read until the 101; and that is not waited for without end. */
    conn_hold(conn);
    conn_arm(conn, conn->front->shared->limits.handshake_ms);
    struct err err = begin(native, head);
    if (err_is_set(err)) {
        refuse(native, err);
    }
}
