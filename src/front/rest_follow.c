/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_follow.h"

#include "base/assert.h"
#include "base/log.h"
#include "codec/sse.h"
#include "codec/uri.h"
#include "front/auth.h"
#include "front/follow.h"
#include "front/replay.h"
#include "front/rest_query.h"
#include "front/state.h"

#include <stdlib.h>

/* A client that lost its stream comes back after so long. */
#define RETRY_MS 1000
/* Who takes nothing of a stream for so long is given up, as on a WebSocket (contract, pub/sub 7).
 */
#define DEAF_MAX_MS 120000

struct rest_follow {
    struct follow follow;
    struct http_request *request;
    struct loop_task over; /* ends the request outside of the walk over events */
    bool is_stream;
    bool is_open;
    bool is_over;
    bool is_placed; /* a stream's: history or state, if wanted, have come: it can be resumed */
    bool has_message;
    bool has_missed;  /* the journal no longer had all that came since */
    int64_t wait_ms;  /* a poll's */
    uint64_t last;    /* a poll's: the last event that the client has had, or that was not for it */
    int64_t moved_ms; /* a stream's: when it was last seen that the client takes its output */
    struct buf message;
};

/* ---- what is asked for ---- */

static bool has_wait(const struct http_request *request)
{
    struct slice value;
    return rest_query_find(request->query, SLICE("wait"), &value);
}

bool rest_follow_is_wanted(const struct http_request *request)
{
    return request->method == HTTP1_GET && !request->is_head &&
           (request->takes_events || has_wait(request));
}

bool rest_follow_is_open(const struct http_request *request)
{
    return request->follow != NULL && request->follow->is_open;
}

size_t rest_follow_take_input(struct http_request *request, struct slice input)
{
    if (request->follow->is_stream) {
        return input.bytes; /* the connection ends with its stream: nothing is asked behind it */
    }
    if (input.bytes > 0) {
        conn_hold(request->conn); /* the next request waits for the answer */
    }
    return 0;
}

/* Path and query, which lie in one text; "/v2" before any path is an alias (contract, README point
 * 9). */
static struct slice target_of(const struct http_request *request)
{
    const uint8_t *end = slice_is_empty(request->query) ? request->path.at + request->path.bytes
                                                        : request->query.at + request->query.bytes;
    struct slice target = slice_of(request->path.at, (size_t)(end - request->path.at));
    return slice_starts_with(target, SLICE("/v2/")) ? slice_from(target, 3) : target;
}

static struct err read_wait(const struct http_request *request, int64_t *wait_ms)
{
    int64_t wait_max_ms = request->conn->front->shared->limits.wait_max_ms;
    int64_t seconds;
    bool found;
    TRY(rest_query_time(request->query, SLICE("wait"), &found, &seconds));
    if (!found || seconds < 1 || seconds > wait_max_ms / 1000) {
        return ERR(QUERY_INVALID);
    }
    *wait_ms = seconds * 1000;
    return ERR(OK);
}

static struct err read_request(struct rest_follow *own)
{
    struct http_request *request = own->request;
    struct topic *topic = &own->follow.topic;
    TRY(request->last_event_err);
    TRY(topic_parse(target_of(request), topic));
    topic->options.access_token = (struct slice){0}; /* it is the request's key already */
    own->follow.actor = request->actor;
    own->is_stream = request->takes_events;
    if (!own->is_stream || request->has_last_event) {
        topic->options.replay = (struct topic_replay){0};
    }
    TRY(replay_check(topic));
    return own->is_stream ? ERR(OK) : read_wait(request, &own->wait_ms);
}

/* ---- the end ---- */

void rest_follow_free(struct http_request *request)
{
    struct rest_follow *own = request->follow;
    if (own == NULL) {
        return;
    }
    request->follow = NULL;
    follow_end(&own->follow);
    state_forget(request->conn);
    auth_detach(request->conn);
    loop_defer_cancel(&own->over);
    buf_deinit(&own->message);
    free(own);
}

static void answer_poll(struct rest_follow *own)
{
    struct http_request *request = own->request;
    struct slice message = buf_data(&own->message);
    /* The message outlives the request's state: it moves to what is freed with the request. */
    buf_reset(&request->gathered);
    buf_put(&request->gathered, message);
    if (request->gathered.failed || own->message.failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return;
    }
    http_answer(request, &(struct http_answer){
                             .status = own->has_message ? 200 : 204,
                             .body = buf_data(&request->gathered),
                             .has_last_event = true,
                             .last_event = own->last,
                             .has_missed = own->has_missed,
                         });
}

static void is_over(struct loop_task *task)
{
    struct rest_follow *own = CONTAINER_OF(task, struct rest_follow, over);
    if (own->is_stream) {
        http_stream_end(own->request);
    } else {
        answer_poll(own);
    }
}

static void end_soon(struct rest_follow *own)
{
    if (!own->is_over) {
        own->is_over = true;
        loop_defer(own->follow.conn->front->loop, &own->over);
    }
}

/* The connection ends, too: this may be in the middle of the walk over the connections of a key
 * that ends, and what was pipelined behind the request would still be judged by it. */
void rest_follow_end(struct http_request *request, struct err err)
{
    struct rest_follow *own = request->follow;
    if (own->is_open && own->is_stream) {
        http_stream_end(request);
    } else if (!own->is_over) {
        http_refuse_and_close(request, err, err_http_status(err));
    }
}

/* ---- messages ---- */

/* A present state has no number: it is of a moment before the messages that follow it, whatever the
 * client has had of these. */
static bool is_of_journal(const struct delivery *delivery)
{
    return delivery->sequence >= delivery->subscription->first_sequence;
}

static void send_event(struct rest_follow *own, const struct delivery *delivery)
{
    struct front *front = own->follow.conn->front;
    bool is_live = is_of_journal(delivery);
    own->is_placed |= is_live || !own->follow.topic.options.replay.is_wanted;
    buf_reset(&own->message);
    sse_write_event(&own->message, is_live ? delivery->sequence : 0, delivery->payload);
    http_stream_write(own->request, &own->message);
    atomic_fetch_add_explicit(&front->stats.messages_out, 1, memory_order_relaxed);
}

static void keep_message(struct rest_follow *own, const struct delivery *delivery)
{
    struct front *front = own->follow.conn->front;
    atomic_fetch_add_explicit(&front->stats.messages_out, 1, memory_order_relaxed);
    buf_put(&own->message, delivery->payload);
    own->has_message = true;
    own->last = delivery->sequence;
    end_soon(own);
}

static bool deliver(struct session *session, const struct delivery *delivery)
{
    struct rest_follow *own = CONTAINER_OF(session, struct rest_follow, follow.session);
    struct conn *conn = own->follow.conn;
    if (conn_is_closing(conn) || own->is_over) {
        return true; /* nobody will read it */
    }
    if (!follow_is_about_end(delivery)) {
        if (own->is_stream && conn_is_full(conn)) {
            return false;
        }
        if (own->is_stream) {
            send_event(own, delivery);
        } else {
            keep_message(own, delivery);
        }
    }
    if (delivery->is_last) {
        end_soon(own);
    }
    return true;
}

/* Never silently. */
static void lost(struct session *session)
{
    struct rest_follow *own = CONTAINER_OF(session, struct rest_follow, follow.session);
    own->has_missed = true;
    if (own->is_stream && !own->is_over) {
        buf_reset(&own->message);
        sse_write_typed(&own->message, SLICE("gap"),
                        SLICE("{\"message\":\"Some events are no longer kept.\"}"));
        http_stream_write(own->request, &own->message);
    }
    front_catch_up(own->follow.conn->front, own->follow.conn);
}

static const struct session_ops follow_ops = {.deliver = deliver, .lost = lost};

/* ---- beginning ---- */

static struct rest_follow *follow_new(struct http_request *request)
{
    struct rest_follow *own = calloc(1, sizeof(*own));
    if (own != NULL) {
        own->request = request;
        own->over.run = is_over;
        follow_init(&own->follow, request->conn, &follow_ops);
        request->follow = own;
    }
    return own;
}

/* Who takes JSON as well is answered as without the wish for a stream, where there is none. */
static enum rest_step begin_otherwise(struct http_request *request, struct err err)
{
    bool is_no_topic = err_equal(err, ERR(TOPIC_UNKNOWN));
    rest_follow_free(request);
    if (is_no_topic && request->takes_json && !has_wait(request)) {
        return rest_begin_plainly(request);
    }
    http_refuse(request, !is_no_topic            ? err
                         : request->takes_events ? ERR(NOT_ACCEPTABLE)
                                                 : ERR(QUERY_INVALID));
    return REST_TAKEN;
}

/* From here on, before the engine is asked, it is told when the key is revoked or may something
 * else: what happened while the answer is on the way would be missed. */
static struct err attach(struct http_request *request)
{
    struct conn *conn = request->conn;
    if (!auth_attach(conn->front, conn, request->api_key)) {
        return ERR(CREDENTIAL_UNKNOWN);
    }
    if (!auth_count(conn)) {
        return ERR(TOO_MANY_REQUESTS);
    }
    /* Its rights may have changed while its body came. */
    return auth_holds(conn->front, request->api_key, &request->actor) ? ERR(OK) : ERR(BUSY);
}

static struct err begin_anew(struct rest_follow *own)
{
    TRY(read_request(own));
    return attach(own->request);
}

enum rest_step rest_follow_begin(struct http_request *request)
{
    struct rest_follow *own = request->follow;
    if (own == NULL) {
        own = follow_new(request);
        if (own == NULL) {
            http_refuse(request, ERR(NO_MEMORY));
            return REST_TAKEN;
        }
        struct err err = begin_anew(own);
        if (err_is_set(err)) {
            return begin_otherwise(request, err);
        }
    }
    follow_ask(&own->follow, request->number);
    return own->follow.must_ask ? REST_AGAIN : REST_TAKEN;
}

/* From where on: behind what the client has had, if it says so, and not in the future. (The number
 * may be of another life of the data.) */
static uint64_t begins_after(const struct http_request *request, uint64_t after)
{
    return request->has_last_event && request->last_event < after ? request->last_event : after;
}

static void arm(struct rest_follow *own)
{
    int64_t heartbeat_ms = own->follow.conn->front->shared->limits.heartbeat_ms;
    conn_arm(own->follow.conn, own->is_stream ? heartbeat_ms : own->wait_ms);
}

static void start_stream(struct rest_follow *own, struct subscription *subscription, uint64_t after)
{
    const struct topic_options *options = &own->follow.topic.options;
    bool is_replayed = options->replay.is_wanted;
    bool has_state = !is_replayed && options->pub_states && own->last == after;
    own->is_placed = !is_replayed && !has_state;
    http_stream_start(own->request, SLICE("text/event-stream"));
    sse_write_start(&own->message, RETRY_MS, own->is_placed ? own->last : 0);
    http_stream_write(own->request, &own->message);
    if (is_replayed) {
        replay_start(own->follow.conn);
    } else if (has_state) {
        state_request(own->follow.conn, subscription, after);
    }
}

void rest_follow_answered(struct http_request *request, const struct answer *answer)
{
    struct rest_follow *own = request->follow;
    struct subscription *subscription;
    struct err err = answer->err;
    own->last = begins_after(request, answer->after);
    if (!err_is_set(err)) {
        struct slice path = uri_split(target_of(request)).path;
        err = follow_begin(&own->follow, own->last, path, &subscription);
    }
    if (!err_is_set(err) && own->follow.topic.options.replay.is_wanted) {
        err = replay_add(request->conn, subscription, &own->follow.topic, answer);
    }
    if (err_is_set(err)) {
        http_refuse(request, err);
        return;
    }
    own->is_open = true;
    own->moved_ms = request->conn->front->loop->now_ms;
    arm(own);
    if (own->is_stream) {
        start_stream(own, subscription, answer->after);
    }
    conn_release(request->conn); /* only to see when the client goes */
    if (own->last < answer->after) {
        follow_resume(&own->follow, own->last);
    }
}

/* ---- while it is open ---- */

void rest_follow_drained(struct http_request *request)
{
    front_catch_up(request->conn->front, request->conn);
}

/* Up to here there was nothing for it. */
static uint64_t position(const struct rest_follow *own)
{
    const struct session *session = &own->follow.session;
    return session->is_behind ? session->cursor - 1 : own->follow.conn->front->sequence;
}

void rest_follow_timer(struct http_request *request)
{
    struct rest_follow *own = request->follow;
    struct conn *conn = request->conn;
    if (!own->is_open || own->is_over) {
        return;
    }
    if (!own->is_stream) {
        own->last = position(own);
        end_soon(own);
        return;
    }
    if (buf_bytes(&conn->out) == 0 || conn_is_sending(conn)) {
        own->moved_ms = conn->front->loop->now_ms;
    } else if (conn->front->loop->now_ms - own->moved_ms >= DEAF_MAX_MS) {
        conn_close(conn);
        return;
    }
    if (buf_bytes(&conn->out) == 0) {
        buf_reset(&own->message);
        own->is_placed |=
            own->follow.topic.options.replay.is_wanted && !own->follow.session.is_behind;
        sse_write_heartbeat(&own->message, own->is_placed ? position(own) : 0);
        http_stream_write(request, &own->message);
    }
    arm(own);
}

void rest_follow_rights(struct http_request *request, const struct actor *actor)
{
    struct rest_follow *own = request->follow;
    if (own->is_open && auth_take_rights(request->conn, actor) && follow_has_topic(&own->follow)) {
        own->follow.actor = *actor;
    } else {
        rest_follow_end(request, own->is_open ? ERR(DENIED) : ERR(BUSY));
    }
}
