/* SPDX-License-Identifier: Apache-2.0
 *
 * http_conn.c - a connection that speaks HTTP/1.1.
 *
 *        +-----------------------------------------------------------------+
 *        v                                                                 |
 *      HEAD --judged--> BODY --whole: the handler is called--> ANSWERING --+
 *        |  \          ^ |  ^                                              |
 *        |   JUDGING --' |   '-- WAITING (the handler wants the body again)|
 *        |   (the key is |                                                 |
 *        |    looked up) '-- refused: thrown away, then answered ----------'
 *        '--upgrade--> another protocol
 *
 * In JUDGING, WAITING and ANSWERING the connection is held: nothing is read, pipelined requests
 * wait in its input. A body with a length is left in the input until it is whole, so that it is
 * never copied; one in chunks is gathered in a buffer. The texts of the head that outlive the call
 * that read it are copied, some hundred bytes. */
#include "front/http.h"

#include "base/assert.h"
#include "base/log.h"
#include "codec/uri.h"
#include "front/auth.h"
#include "front/http_credential.h"
#include "front/http_error.h"
#include "front/http_media.h"
#include "front/rate.h"
#include "front/rest.h"
#include "front/rest_follow.h"

#include <stdlib.h>

enum http_stage {
    HTTP_HEAD,
    HTTP_JUDGING,
    HTTP_BODY,
    HTTP_WAITING,
    HTTP_ANSWERING,
};

struct http_conn {
    struct http_request request;
    enum http_stage stage;
    struct http1_scan scan;
    struct http1_chunked chunked;
    struct err refusal;  /* of the request, found before its body is read */
    struct err encoding; /* what its head says about the body's coding, */
    struct err media;    /* the body's type, */
    struct err accept;   /* and the answer's */
    bool is_started;     /* bytes of the next request are there */
    bool is_chunked;
    bool expects_continue;
    bool is_preflight; /* OPTIONS */
    bool is_whole;     /* a chunked body has been read to its end */
    bool is_ended;     /* the peer says no more */
    bool is_stopping;
    bool waits_for_room; /* held until output has drained */
    uint64_t body_left;  /* bytes of the body in the input; of one that is thrown away, to come */
    int64_t body_deadline_ms;
    struct buf body; /* of chunks */
    struct buf text; /* what the request's slices point to */
};

static struct http_conn *http_of(struct http_request *request)
{
    return CONTAINER_OF(request, struct http_conn, request);
}

static struct http1_limits limits_of(const struct conn *conn)
{
    const struct front_limits *limits = &conn->front->shared->limits;
    return (struct http1_limits){
        .target_bytes_max = limits->target_bytes_max,
        .header_bytes_max = limits->header_bytes_max,
        .field_count_max = limits->header_fields_max,
        .body_bytes_max = limits->packet_bytes_max,
    };
}

/* ---- the end of a request ---- */

/* Buffers of usual size stay for the next request, large ones go. */
static void reset_buffer(struct buf *buf)
{
    if (buf->room > 4096) {
        buf_deinit(buf);
    }
    buf_reset(buf);
}

static void start_anew(struct http_conn *http)
{
    struct http_request *request = &http->request;
    struct conn *conn = request->conn;
    uint64_t number = request->number + 1;
    rest_follow_free(request);
    buf_deinit(&request->gathered);
    *request = (struct http_request){.conn = conn, .number = number};
    http->stage = HTTP_HEAD;
    http->chunked = (struct http1_chunked){0};
    http->refusal = http->encoding = http->media = http->accept = ERR(OK);
    http->is_started = http->is_chunked = http->expects_continue = false;
    http->is_preflight = http->is_whole = false;
    http->body_left = 0;
    reset_buffer(&http->body);
    reset_buffer(&http->text);
}

void http_request_done(struct http_request *request)
{
    struct http_conn *http = http_of(request);
    struct conn *conn = request->conn;
    bool closes = !request->keeps_alive || http->is_stopping;
    conn_will_flush(conn);
    start_anew(http);
    if (closes) {
        conn_finish(conn);
    } else if (!conn_is_closing(conn)) {
        conn_arm(conn, HTTP_IDLE_MS);
        conn_release(conn);
    }
}

/* The input cannot be read on: the last answer. */
static void refuse_input(struct http_conn *http, struct err err)
{
    http->stage = HTTP_ANSWERING;
    http_refuse_and_close(&http->request, err, err_http_status(err));
}

struct http_request *http_request_find(struct conn *conn, uint64_t number)
{
    if (conn == NULL || conn->proto != &http_proto || conn_is_closing(conn)) {
        return NULL;
    }
    struct http_conn *http = conn->state;
    return http->request.number == number && http->stage != HTTP_HEAD ? &http->request : NULL;
}

void http_wait(struct http_request *request)
{
    http_of(request)->stage = HTTP_WAITING;
    conn_hold(request->conn);
}

void http_go_on(struct http_request *request, struct err err)
{
    struct http_conn *http = http_of(request);
    ASSERT(http->stage == HTTP_WAITING);
    http->refusal = err;
    http->stage = HTTP_BODY;
    conn_release(request->conn);
}

/* ---- the head ---- */

/* Copies <from> behind what is in http->text, whose room has been made. */
static struct slice keep(struct http_conn *http, struct slice from)
{
    ASSERT(http->text.room - http->text.tail >= from.bytes);
    struct slice kept = slice_of(http->text.at + http->text.tail, from.bytes);
    buf_put(&http->text, from);
    return kept;
}

/* The header wins over the parameter. */
static void keep_api_key(struct http_conn *http, const struct http1_head *head)
{
    struct slice key = http_credential(head);
    if (!slice_is_empty(key)) {
        http->request.api_key = keep(http, key);
        return;
    }
    struct slice query = http->request.query;
    struct uri_parameter parameter;
    while (uri_query_next(&query, &parameter)) {
        if (slice_equal(parameter.name, SLICE("access_token"))) {
            struct slice copy = keep(http, parameter.value);
            /* What cannot be decoded is a key that does not exist. */
            if (!uri_decode(copy, (uint8_t *)(uintptr_t)copy.at, copy.bytes,
                            &http->request.api_key)) {
                http->request.api_key = copy;
            }
        }
    }
}

/* The number of an event, for who follows a topic. */
static void keep_last_event(struct http_request *request, const struct http1_head *head)
{
    struct slice value = {0};
    if (http1_find(head, SLICE("Last-Event-ID"), &value) == 0 ||
        slice_is_empty(http1_trim(value))) {
        return;
    }
    request->has_last_event =
        slice_read_decimal(http1_trim(value), UINT64_MAX, &request->last_event);
    request->last_event_err = request->has_last_event ? ERR(OK) : ERR(HEADER_INVALID);
}

static struct err keep_head(struct http_conn *http, const struct http1_head *head)
{
    struct http_request *request = &http->request;
    struct slice key = http_credential(head);
    struct slice user_agent = {0};
    struct slice content_type = {0};
    struct slice origin = {0};
    http1_find(head, SLICE("Origin"), &origin);
    http1_find(head, SLICE("User-Agent"), &user_agent);
    http1_find(head, SLICE("Content-Type"), &content_type);
    size_t fields_bytes =
        head->host.bytes + key.bytes + user_agent.bytes + content_type.bytes + origin.bytes;
    /* Target, decoded segments, a key from the parameters, and fields. */
    TRY(buf_reserve(&http->text, 1 + 3 * head->resource.bytes + fields_bytes));
    struct uri uri = uri_split(keep(http, head->resource));
    request->path = uri.path;
    request->query = uri.query;
    request->host = keep(http, head->host);
    request->origin = keep(http, http1_trim(origin));
    request->user_agent = keep(http, http1_trim(user_agent));
    request->content_type = keep(http, http1_trim(content_type));
    request->is_head = head->method == HTTP1_HEAD;
    request->method = request->is_head ? HTTP1_GET : head->method;
    request->keeps_alive = head->keep_alive && !http->is_stopping && !http->is_ended;
    keep_api_key(http, head);
    request->is_http10 = head->version_minor == 0;
    request->takes_events = http_media_takes_events(head);
    keep_last_event(request, head);
    http->is_chunked = head->is_chunked;
    http->body_left = head->content_length;
    http->expects_continue = head->expects_continue;
    http->is_preflight = head->method == HTTP1_OPTIONS;
    return ERR(OK);
}

/* ---- judging ---- */

/* A key that asks too often has to wait. */
static struct err judge_rate(struct http_conn *http)
{
    struct http_request *request = &http->request;
    struct front *front = request->conn->front;
    if (front->shared->rate == NULL || slice_is_empty(request->api_key)) {
        return ERR(OK);
    }
    request->retry_after_ms = rate_take(
        front->shared->rate, auth_token_hash(front, request->api_key), front->loop->now_ms);
    return request->retry_after_ms > 0 ? ERR(TOO_MANY_REQUESTS) : ERR(OK);
}

/* The actor is known, or not needed. */
static struct err judge_rest(struct http_conn *http)
{
    TRY(judge_rate(http));
    TRY(rest_judge(&http->request));
    unsigned flags = http->request.route->flags;
    TRY(http->encoding);
    if (!(flags & ROUTE_ANY_BODY)) {
        TRY(http->media);
    }
    http->request.takes_json = flags & ROUTE_NO_JSON || !err_is_set(http->accept);
    bool may_stream = rest_follow_is_wanted(&http->request) && http->request.takes_events;
    return may_stream || http->request.takes_json ? ERR(OK) : http->accept;
}

static void body_begins(struct http_conn *http);

/* Path, method, credential. Holds the connection when the key has to be looked up. */
static void judge(struct http_conn *http)
{
    struct http_request *request = &http->request;
    struct conn *conn = request->conn;
    http->stage = HTTP_BODY;
    if (http->is_preflight) {
        body_begins(http);
        return;
    }
    http->refusal = rest_find(request, http->text.at + http->text.tail);
    if (err_is_set(http->refusal)) {
        body_begins(http);
        return;
    }
    if (!(request->route->flags & ROUTE_PUBLIC)) {
        if (slice_is_empty(request->api_key)) {
            http->refusal = ERR(CREDENTIAL_MISSING);
            body_begins(http);
            return;
        }
        switch (
            auth_resolve(conn->front, conn, request->api_key, request->number, &request->actor)) {
        case AUTH_KNOWN:
            break;
        case AUTH_REFUSED:
            http->refusal = ERR(CREDENTIAL_UNKNOWN);
            break;
        case AUTH_BUSY:
            http->refusal = ERR(BUSY);
            break;
        case AUTH_LATER:
            http->stage = HTTP_JUDGING;
            conn_hold(conn);
            return;
        }
    }
    if (!err_is_set(http->refusal)) {
        http->refusal = judge_rest(http);
    }
    body_begins(http);
}

static void on_actor(struct conn *conn, struct err err, const struct actor *actor, uint64_t number)
{
    struct http_conn *http = conn->state;
    if (http->stage != HTTP_JUDGING || http->request.number != number) {
        return;
    }
    http->refusal = err;
    if (!err_is_set(err)) {
        http->request.actor = *actor;
        http->refusal = judge_rest(http);
    }
    http->stage = HTTP_BODY;
    body_begins(http);
    conn_release(conn);
}

static bool asks_for_mqtt(const struct http1_head *head)
{
    return slice_equal(uri_split(head->resource).path, SLICE("/mqtt"));
}

/* WebSocket is asked for, and the listener lets it in. */
static bool asks_for_upgrade(const struct http_conn *http, const struct http1_head *head)
{
    unsigned wanted = asks_for_mqtt(head) ? CONN_MQTT_WEBSOCKET : CONN_WEBSOCKET;
    return head->upgrades_websocket && head->method == HTTP1_GET &&
           (http->request.conn->protocols & wanted);
}

/* WebSocket takes the connection over. A body would be read as its first frames: two readers of
 * such a request would not agree about where it ends. */
static void upgrade(struct http_conn *http, const struct http1_head *head)
{
    struct conn *conn = http->request.conn;
    if (http1_has_body(head)) {
        refuse_input(http, ERR(WS_HANDSHAKE));
        return;
    }
    if (asks_for_mqtt(head)) {
        ws_mqtt_upgrade(conn, head);
    } else {
        ws_topic_upgrade(conn, head);
    }
    ASSERT(conn->state != http);
    buf_deinit(&http->request.gathered);
    buf_deinit(&http->body);
    buf_deinit(&http->text);
    free(http);
}

static size_t read_head(struct http_conn *http, struct slice input)
{
    struct conn *conn = http->request.conn;
    const struct http1_limits limits = limits_of(conn);
    struct http1_head head;
    struct err err;
    switch (http1_read_head(input, &limits, &http->scan, &head, &err)) {
    case DECODE_MORE:
        if (input.bytes > 0 && !http->is_started) {
            http->is_started = true;
            conn_arm(conn, conn->front->shared->limits.handshake_ms);
        }
        return 0;
    case DECODE_BAD:
        refuse_input(http, err);
        return 0;
    case DECODE_DONE:
        break;
    }
    if (asks_for_upgrade(http, &head)) {
        upgrade(http, &head);
        return head.bytes;
    }
    conn_disarm(conn);
    err = keep_head(http, &head);
    if (err_is_set(err)) {
        refuse_input(http, err);
        return head.bytes;
    }
    if (!(conn->protocols & CONN_HTTP)) {
        http->stage = HTTP_ANSWERING;
        http_refuse_and_close(&http->request, ERR(WS_HANDSHAKE), 426);
        return head.bytes;
    }
    http->encoding = http_media_of_encoding(&head);
    http->media = http_media_of_body(&head);
    http->accept = http_media_of_answer(&head);
    judge(http);
    return head.bytes;
}

/* ---- the body ---- */

static bool has_body(const struct http_conn *http)
{
    return http->is_chunked || http->body_left > 0;
}

/* More of the body is waited for: a little for each piece, and not for ever. */
static void arm_for_body(struct http_conn *http)
{
    struct conn *conn = http->request.conn;
    int64_t left_ms = http->body_deadline_ms - loop_now_ms(conn->front->loop);
    int64_t step_ms = conn->front->shared->limits.handshake_ms;
    conn_arm(conn, left_ms < step_ms ? max_i64(left_ms, 0) : step_ms);
}

/* The head is judged. Who waits for the word to go on gets it, or the refusal at once: whether its
 * body comes then is not known, so the connection ends. */
static void body_begins(struct http_conn *http)
{
    struct conn *conn = http->request.conn;
    http->body_deadline_ms = loop_now_ms(conn->front->loop) + HTTP_BODY_MS;
    if (http->expects_continue && has_body(http)) {
        if (err_is_set(http->refusal)) {
            refuse_input(http, http->refusal);
            return;
        }
        http1_write_continue(&conn->out);
        conn_will_flush(conn);
    }
    if (has_body(http)) {
        arm_for_body(http);
    } else {
        conn_disarm(conn);
    }
}

/* The body of a request that is refused: counted, not kept. */
static bool throw_away(struct http_conn *http, struct slice input, size_t *used)
{
    *used = input.bytes < http->body_left ? input.bytes : (size_t)http->body_left;
    http->body_left -= *used;
    return http->body_left == 0;
}

/* False when it is not whole, or the connection has ended over it. */
static bool gather_chunks(struct http_conn *http, struct slice input, size_t *used)
{
    if (http->is_whole) {
        return true;
    }
    const struct http1_limits limits = limits_of(http->request.conn);
    struct err err;
    enum decode decode =
        http1_read_chunked(input, &limits, &http->chunked, &http->body, used, &err);
    if (http->body.failed) {
        decode = DECODE_BAD;
        err = ERR(NO_MEMORY);
    }
    if (err_is_set(http->refusal) || http->is_preflight) {
        buf_reset(&http->body); /* nobody reads it */
    }
    if (decode == DECODE_BAD) {
        refuse_input(http, err);
    }
    http->is_whole = decode == DECODE_DONE;
    return http->is_whole;
}

/* Calls who answers. <input> begins with a body that has a length. Returns the bytes used. */
static size_t answer(struct http_conn *http, struct slice input)
{
    struct http_request *request = &http->request;
    struct conn *conn = request->conn;
    uint64_t number = request->number;
    size_t bytes = (size_t)http->body_left;
    conn_disarm(conn);
    http->stage = HTTP_ANSWERING;
    if (err_is_set(http->refusal)) {
        http_refuse(request, http->refusal);
        return 0;
    }
    request->body = http->is_chunked ? buf_data(&http->body) : slice_first(input, bytes);
    if (rest_begin(request) == REST_AGAIN) {
        /* Paused, or waiting: the body stays where it is. */
        if (http->stage == HTTP_ANSWERING) {
            http->stage = HTTP_BODY;
        }
        request->body = (struct slice){0};
        return 0;
    }
    if (request->number == number) {
        request->body = (struct slice){0};
        conn_hold(conn);
    }
    return bytes;
}

static size_t read_body(struct http_conn *http, struct slice input)
{
    size_t used = 0;
    bool is_unwanted = err_is_set(http->refusal) || http->is_preflight;
    bool is_whole;
    if (http->is_chunked) {
        is_whole = gather_chunks(http, input, &used);
    } else if (is_unwanted) {
        is_whole = throw_away(http, input, &used);
    } else {
        is_whole = input.bytes >= http->body_left;
    }
    if (http->stage != HTTP_BODY) {
        return used;
    }
    if (!is_whole) {
        if (input.bytes > 0) {
            arm_for_body(http);
        }
        return used;
    }
    if (http->is_preflight) {
        conn_disarm(http->request.conn);
        http->stage = HTTP_ANSWERING;
        http_answer_preflight(&http->request);
        return used;
    }
    return used + answer(http, slice_from(input, used));
}

/* ---- the connection ---- */

/* Nobody gets further answers put on top of those that it does not fetch. */
static bool has_room(struct http_conn *http)
{
    struct conn *conn = http->request.conn;
    if (http->stage == HTTP_HEAD && conn_is_full(conn)) {
        http->waits_for_room = true;
        conn_arm(conn, HTTP_IDLE_MS);
        conn_hold(conn);
        return false;
    }
    return true;
}

static size_t on_input(struct conn *conn, struct slice input)
{
    struct http_conn *http = conn->state;
    if (rest_follow_is_open(&http->request)) {
        return rest_follow_take_input(&http->request, input);
    }
    size_t used = 0;
    bool goes_on = true;
    while (goes_on && has_room(http)) {
        uint64_t number = http->request.number;
        enum http_stage stage = http->stage;
        size_t step = stage == HTTP_HEAD ? read_head(http, slice_from(input, used))
                                         : read_body(http, slice_from(input, used));
        used += step;
        if (conn->state != http) {
            return used; /* upgraded: <http> is gone */
        }
        bool has_moved = step > 0 || number != http->request.number || stage != http->stage;
        goes_on = has_moved && !conn->is_held && !conn->is_paused && !conn_is_closing(conn);
    }
    return used;
}

static void on_drained(struct conn *conn)
{
    struct http_conn *http = conn->state;
    if (http->waits_for_room) {
        http->waits_for_room = false;
        conn_release(conn);
    } else if (http->request.follow != NULL) {
        rest_follow_drained(&http->request);
    }
}

/* What has been asked is answered still. */
static void on_end(struct conn *conn)
{
    struct http_conn *http = conn->state;
    http->is_ended = true;
    http->request.keeps_alive = false;
    if (rest_follow_is_open(&http->request)) {
        conn_close(conn); /* nobody reads it any more */
        return;
    }
    if (http->stage == HTTP_HEAD || http->stage == HTTP_BODY) {
        conn_finish(conn);
    }
}

static void on_answer(struct conn *conn, const struct answer *given, const struct event *event)
{
    struct http_request *request = http_request_find(conn, given->token.request);
    if (request != NULL && request->follow != NULL) {
        rest_follow_answered(request, given);
    } else if (request != NULL && request->route->on_answer != NULL) {
        request->route->on_answer(request, given, event);
    }
}

static void on_event(struct conn *conn, uint64_t number, const struct event *event)
{
    struct http_request *request = http_request_find(conn, number);
    if (request != NULL) {
        rest_take_event(request, event);
    }
}

static void on_timer(struct conn *conn)
{
    struct http_conn *http = conn->state;
    if (http->request.follow != NULL && http->stage == HTTP_ANSWERING) {
        rest_follow_timer(&http->request);
        return;
    }
    bool is_owed = http->stage == HTTP_BODY || (http->stage == HTTP_HEAD && http->is_started);
    if (is_owed && !http->waits_for_room) {
        refuse_input(http, ERR(HTTP_TIMEOUT));
    } else if (conn_is_sending(conn)) {
        conn_arm(conn, HTTP_IDLE_MS); /* a large answer on a slow line is no idleness */
    } else {
        conn_close(conn); /* idle, or deaf */
    }
}

static void on_stopping(struct conn *conn)
{
    struct http_conn *http = conn->state;
    http->is_stopping = true;
    http->request.keeps_alive = false;
    if (http->request.follow != NULL) {
        rest_follow_end(&http->request, ERR(STOPPING));
        return;
    }
    if (http->stage == HTTP_HEAD || http->stage == HTTP_BODY) {
        conn_finish(conn);
    }
}

/* Only who follows a topic acts with a key for longer than a request. */
static void on_revoked(struct conn *conn)
{
    struct http_conn *http = conn->state;
    if (http->request.follow != NULL) {
        rest_follow_end(&http->request, ERR(CREDENTIAL_UNKNOWN));
    }
}

static void on_rights(struct conn *conn, const struct actor *actor)
{
    struct http_conn *http = conn->state;
    if (http->request.follow != NULL) {
        rest_follow_rights(&http->request, actor);
    }
}

static void on_closed(struct conn *conn)
{
    struct http_conn *http = conn->state;
    rest_follow_free(&http->request);
    buf_deinit(&http->request.gathered);
    buf_deinit(&http->body);
    buf_deinit(&http->text);
    free(http);
    conn->state = NULL;
}

const struct proto http_proto = {
    .wants_events = true,
    .name = "http",
    .on_input = on_input,
    .on_end = on_end,
    .on_answer = on_answer,
    .on_event = on_event,
    .on_actor = on_actor,
    .on_drained = on_drained,
    .on_timer = on_timer,
    .on_revoked = on_revoked,
    .on_rights = on_rights,
    .on_stopping = on_stopping,
    .on_closed = on_closed,
};

bool http_conn_start(struct conn *conn)
{
    struct http_conn *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return false;
    }
    http->request.conn = conn;
    /* The timer that was armed when the connection was accepted holds for the first head. */
    http->is_started = true;
    conn_set_proto(conn, &http_proto, http);
    return true;
}
