/* SPDX-License-Identifier: Apache-2.0
 *
 * CONNECT, packets in their order, keep-alive, the end. */
#include "front/mqtt_conn.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "front/rate.h"
#include "front/refusals.h"

#include <stdlib.h>

/* Client ids made by us, for clients that have none: a prefix and an id. */
#define CLIENT_ID_PREFIX "thrum-"
#define CLIENT_ID_BYTES_MAX 1024

/* ---- refusals and rates ---- */

void mqtt_note_refusal(const struct mqtt_conn *mqtt, const struct actor *actor,
                       struct slice operation, struct slice target, struct err err)
{
    refusals_note(mqtt->conn->front->shared->refusals, &(struct refusal){
                                                           .time_ms = clock_wall_ms(),
                                                           .actor = actor,
                                                           .protocol = SLICE("mqtt"),
                                                           .operation = operation,
                                                           .target = target,
                                                           .err = err,
                                                       });
}

bool mqtt_is_permanent(struct err err)
{
    switch (err_class(err)) {
    case ERR_CLASS_BUSY:
    case ERR_CLASS_IO:
    case ERR_CLASS_CORRUPT:
    case ERR_CLASS_LIMITED:
        return false;
    default:
        return true;
    }
}

int64_t mqtt_rate_wait_ms(const struct mqtt_conn *mqtt, const struct topic *topic)
{
    struct front *front = mqtt->conn->front;
    if (front->shared->rate == NULL) {
        return 0;
    }
    bool has_token = topic->options.has_access_token && front->shared->limits.topic_token_allowed;
    uint64_t key_hash =
        has_token ? auth_token_hash(front, topic->options.access_token) : auth_key_hash(mqtt->conn);
    return key_hash == 0 ? 0 : rate_take(front->shared->rate, key_hash, front->loop->now_ms);
}

/* ---- CONNECT ---- */

void mqtt_refuse_connect(struct mqtt_conn *mqtt, enum mqtt_connack_code code, const char *why)
{
    char peer[ADDRESS_TEXT_BYTES];
    LOG_LIMITED(LOG_INFO, "mqtt", "connect refused peer=%s code=%d reason=%s",
                address_describe(&mqtt->conn->peer, peer), (int)code, why);
    mqtt_write_connack(mqtt->out, false, code);
    mqtt_wrote(mqtt);
    conn_finish(mqtt->conn);
}

static bool attach(struct mqtt_conn *mqtt, const struct mqtt_connect *connect)
{
    if (!auth_attach(mqtt->conn->front, mqtt->conn, connect->password)) {
        return false;
    }
    bool may = auth_count(mqtt->conn);
    if (!may) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "connections");
    }
    return may;
}

/* The key is known: what CONNECT says about it. False: refused, or held until it is known. */
static bool authenticate(struct mqtt_conn *mqtt, const struct mqtt_connect *connect)
{
    struct conn *conn = mqtt->conn;
    if (!connect->has_user_name) {
        mqtt->actor = (struct actor){.kind = ACTOR_NONE};
        return true;
    }
    if (!connect->has_password) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_CREDENTIALS_BAD, "password-missing");
        return false;
    }
    if (!slice_equal(connect->user_name, SLICE("authorization"))) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_NOT_AUTHORIZED, "user-name");
        return false;
    }
    if (mqtt->has_failed_auth) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "busy");
        return false;
    }
    switch (auth_resolve(conn->front, conn, connect->password, 0, &mqtt->actor)) {
    case AUTH_KNOWN:
        return attach(mqtt, connect);
    case AUTH_REFUSED:
        mqtt_note_refusal(mqtt, &(struct actor){.kind = ACTOR_NONE}, SLICE("connect"),
                          (struct slice){0}, ERR(CREDENTIAL_UNKNOWN));
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_NOT_AUTHORIZED, "key-unknown");
        return false;
    case AUTH_LATER:
        conn_hold(conn);
        return false;
    case AUTH_BUSY:
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, "busy");
        return false;
    }
    UNREACHABLE();
}

/* [MQTT-3.1.3-5 .. 9], and the contract for level 3 and for lengths. */
static bool take_client_id(struct mqtt_conn *mqtt, const struct mqtt_connect *connect)
{
    bool may_be_empty = connect->level == MQTT_LEVEL_3_1_1 && connect->clean_session;
    if (connect->client_id.bytes > CLIENT_ID_BYTES_MAX ||
        (slice_is_empty(connect->client_id) && !may_be_empty)) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_CLIENT_ID_REJECTED, "client-id");
        return false;
    }
    buf_reset(&mqtt->client_id);
    buf_put(&mqtt->client_id, connect->client_id);
    if (slice_is_empty(connect->client_id)) {
        struct loop *loop = mqtt->conn->front->loop;
        struct id id = id_generate(&mqtt->conn->front->rand, loop->now_ms);
        BUF_PUT_LITERAL(&mqtt->client_id, CLIENT_ID_PREFIX);
        buf_put(&mqtt->client_id, id_slice(&id));
    }
    return !mqtt->client_id.failed;
}

static void take_will(struct mqtt_conn *mqtt, const struct mqtt_connect *connect)
{
    if (connect->has_will) {
        mqtt->will.is_set = true;
        mqtt->will.qos = connect->will.qos;
        mqtt->will.retain = connect->will.retain;
        keyring_hash(mqtt->conn->front->shared->keyring, connect->password, mqtt->will.key_hash);
        buf_put(&mqtt->will.topic, connect->will.topic);
        buf_put(&mqtt->will.payload, connect->will.payload);
    }
}

/* One and a half times what the client said [MQTT-3.1.2-24]; without a word, or with a larger one
 * than the limit, the limit counts. */
static int64_t silence_max_ms(const struct mqtt_conn *mqtt, uint16_t keepalive_s)
{
    int64_t most = mqtt->conn->front->shared->limits.keepalive_max_ms;
    int64_t asked = (int64_t)keepalive_s * 1000;
    int64_t keepalive = asked == 0 || asked > most ? most : asked;
    return keepalive + keepalive / 2;
}

void mqtt_accept_connect(struct mqtt_conn *mqtt)
{
    bool is_present = mqtt->keeping.is_present && mqtt->level == MQTT_LEVEL_3_1_1;
    mqtt->stage = MQTT_STAGE_OPEN;
    mqtt_write_connack(mqtt->out, is_present, MQTT_CONNACK_ACCEPTED);
    mqtt_wrote(mqtt);
    conn_arm(mqtt->conn, mqtt->silence_max_ms);
    mqtt_session_resume(mqtt);
    conn_release(mqtt->conn);
}

/* Claims the client id, which the engine orders among all that want it. False: not now. */
static bool claim_client_id(struct mqtt_conn *mqtt)
{
    struct conn *conn = mqtt->conn;
    struct slice client_id = buf_data(&mqtt->client_id);
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES + client_id.bytes);
    if (batch == NULL) {
        conn_pause(conn);
        return false;
    }
    struct slice copy;
    bool copied = command_batch_copy(batch, client_id, &copy);
    ASSERT(copied);
    struct command *command = front_command(conn->front, batch, COMMAND_SESSION_OPEN, conn,
                                            &mqtt->actor, MQTT_REQUEST(MQTT_REQUEST_OPEN, 0));
    command->as.session.client_id = copy;
    mqtt->has_claim = true;
    mqtt->stage = MQTT_STAGE_OPENING;
    conn_hold(conn);
    return true;
}

static enum mqtt_taken take_connect(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    struct mqtt_connect connect;
    if (err_is_set(mqtt_read_connect(frame, &connect))) {
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    if (!connect.supported) {
        mqtt_refuse_connect(mqtt, MQTT_CONNACK_LEVEL_UNACCEPTABLE, "level");
        return MQTT_TAKEN;
    }
    mqtt->level = (enum mqtt_level)connect.level;
    if (!take_client_id(mqtt, &connect) || !authenticate(mqtt, &connect)) {
        return MQTT_NOT_NOW;
    }
    mqtt->silence_max_ms = silence_max_ms(mqtt, connect.keepalive_s);
    if (mqtt->actor.kind != ACTOR_NONE && !claim_client_id(mqtt)) {
        return MQTT_NOT_NOW;
    }
    take_will(mqtt, &connect);
    session_init(&mqtt->session, &mqtt_session_ops);
    mqtt->conn->session = &mqtt->session;
    if (mqtt->actor.kind == ACTOR_NONE) {
        mqtt_accept_connect(mqtt); /* nobody's session outlives its connection */
    } else {
        mqtt->keeping.is_kept = !connect.clean_session;
    }
    return MQTT_TAKEN;
}

/* How much of a first packet is waited for: a will may make it large. */
static size_t connect_bytes_max(const struct mqtt_conn *mqtt, struct slice input)
{
    const struct front_limits *limits = &mqtt->conn->front->shared->limits;
    bool has_will = false;
    enum decode peeked = mqtt_peek_will(input, &has_will);
    return peeked == DECODE_DONE && has_will ? limits->packet_bytes_max : limits->connect_bytes_max;
}

/* ---- packets ---- */

static enum mqtt_taken take_pingreq(struct mqtt_conn *mqtt)
{
    mqtt_write_pingresp(mqtt->out);
    mqtt_wrote(mqtt);
    return MQTT_TAKEN;
}

static enum mqtt_taken take_disconnect(struct mqtt_conn *mqtt)
{
    mqtt->has_said_goodbye = true;
    conn_finish(mqtt->conn);
    return MQTT_TAKEN;
}

static enum mqtt_taken take_packet(struct mqtt_conn *mqtt, const struct mqtt_frame *frame)
{
    if ((frame->type == MQTT_CONNECT) != (mqtt->stage == MQTT_STAGE_CONNECTING)) {
        /* First another packet [MQTT-3.1.0-1], or CONNECT a second time [MQTT-3.1.0-2]. */
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
    switch (frame->type) {
    case MQTT_CONNECT:
        return take_connect(mqtt, frame);
    case MQTT_PUBLISH:
        return mqtt_take_publish(mqtt, frame);
    case MQTT_PUBACK:
        return mqtt_take_puback(mqtt, frame);
    case MQTT_PUBREC:
        return mqtt_take_pubrec(mqtt, frame);
    case MQTT_PUBCOMP:
        return mqtt_take_pubcomp(mqtt, frame);
    case MQTT_PUBREL:
        return mqtt_take_pubrel(mqtt, frame);
    case MQTT_SUBSCRIBE:
        return mqtt_take_subscribe(mqtt, frame);
    case MQTT_UNSUBSCRIBE:
        return mqtt_take_unsubscribe(mqtt, frame);
    case MQTT_PINGREQ:
        return take_pingreq(mqtt);
    case MQTT_DISCONNECT:
        return take_disconnect(mqtt);
    default:
        /* What only servers send. */
        conn_close(mqtt->conn);
        return MQTT_TAKEN;
    }
}

static bool is_stopped(const struct conn *conn)
{
    return conn_is_closing(conn) || conn->is_paused || conn->is_held;
}

/* A client that sends and does not read is not read either: its answers must not pile up. Messages
 * stop at the bound of the outbox; beyond twice that there can only be answers. A client that
 * merely reads slowly stays well below, and its PINGREQ is seen. */
static bool wait_for_output(struct mqtt_conn *mqtt)
{
    struct conn *conn = mqtt->conn;
    const struct front_limits *limits = &conn->front->shared->limits;
    size_t bytes_max = 2 * limits->outbox_bytes_max + limits->packet_bytes_max;
    size_t bytes = buf_bytes(&conn->out) + buf_bytes(mqtt->out) + buf_bytes(&mqtt->keeping.held);
    if (bytes <= bytes_max) {
        return false;
    }
    (void)conn_is_full(conn); /* on_drained is owed from now on */
    mqtt->waits_for_output = true;
    conn_hold(conn);
    return true;
}

void mqtt_take_drained(struct mqtt_conn *mqtt)
{
    front_catch_up(mqtt->conn->front, mqtt->conn);
    if (mqtt->waits_for_output) {
        mqtt->waits_for_output = false;
        conn_release(mqtt->conn);
    }
}

size_t mqtt_take_input(struct mqtt_conn *mqtt, struct slice input)
{
    struct conn *conn = mqtt->conn;
    size_t used = 0;
    if (input.bytes > 0) {
        mqtt->last_input_ms = conn->front->loop->now_ms;
    }
    while (!is_stopped(conn) && !mqtt->is_ending && used < input.bytes) {
        if (wait_for_output(mqtt)) {
            break;
        }
        struct slice rest = slice_from(input, used);
        size_t bytes_max = mqtt->stage == MQTT_STAGE_CONNECTING
                               ? connect_bytes_max(mqtt, rest)
                               : conn->front->shared->limits.packet_bytes_max;
        struct mqtt_frame frame;
        struct err err;
        enum decode decoded = mqtt_read_frame(rest, mqtt->level, bytes_max, &frame, &err);
        if (decoded == DECODE_MORE) {
            break;
        }
        if (decoded == DECODE_BAD) {
            char peer[ADDRESS_TEXT_BYTES];
            LOG_LIMITED(LOG_INFO, "mqtt", "closed peer=%s reason=%s",
                        address_describe(&conn->peer, peer), err_name(err));
            conn_close(conn);
            break;
        }
        if (take_packet(mqtt, &frame) == MQTT_NOT_NOW) {
            break;
        }
        used += frame.bytes;
    }
    return mqtt->is_ending ? input.bytes : used;
}

struct err mqtt_actor_for(struct mqtt_conn *mqtt, const struct topic *topic, struct actor *actor,
                          bool *is_later)
{
    struct conn *conn = mqtt->conn;
    *is_later = false;
    if (!topic->options.has_access_token || !conn->front->shared->limits.topic_token_allowed) {
        *actor = mqtt->actor;
        return actor->kind == ACTOR_NONE ? ERR(CREDENTIAL_MISSING) : ERR(OK);
    }
    if (mqtt->has_failed_auth) {
        mqtt->has_failed_auth = false;
        return ERR(BUSY);
    }
    switch (auth_resolve(conn->front, conn, topic->options.access_token, 0, actor)) {
    case AUTH_KNOWN:
        return ERR(OK);
    case AUTH_REFUSED:
        return ERR(CREDENTIAL_UNKNOWN);
    case AUTH_BUSY:
        return ERR(BUSY);
    case AUTH_LATER:
        *is_later = true;
        conn_hold(conn);
        return ERR(OK);
    }
    UNREACHABLE();
}

/* ---- what comes back ---- */

void mqtt_take_answer(struct mqtt_conn *mqtt, const struct answer *answer)
{
    struct conn *conn = mqtt->conn;
    if (answer->kind == ANSWER_TAKEN_OVER) {
        conn_close(conn);
        return;
    }
    switch ((enum mqtt_request)(answer->token.request >> 56)) {
    case MQTT_REQUEST_OPEN:
        if (conn_is_closing(conn)) {
            return;
        }
        if (err_is_set(answer->err)) {
            mqtt_refuse_connect(mqtt, MQTT_CONNACK_UNAVAILABLE, err_name(answer->err));
        } else {
            mqtt_session_open(mqtt);
        }
        return;
    case MQTT_REQUEST_KEPT_OPEN:
        if (!conn_is_closing(conn)) {
            mqtt_session_kept(mqtt, answer);
        }
        return;
    case MQTT_REQUEST_KEPT_SUBSCRIBE:
        mqtt_subscribe_kept(mqtt, answer);
        return;
    case MQTT_REQUEST_KEPT_UNSUBSCRIBE:
        mqtt_unsubscribe_kept(mqtt, answer);
        return;
    case MQTT_REQUEST_KEPT_FLIGHTS:
        mqtt_session_flights_kept(mqtt, answer);
        return;
    case MQTT_REQUEST_KEPT_RELEASE:
        mqtt_released(mqtt, answer);
        return;
    case MQTT_REQUEST_PUBLISH:
    case MQTT_REQUEST_PUBLISH_QOS_0:
        mqtt_publish_answered(mqtt, answer);
        return;
    case MQTT_REQUEST_SUBSCRIBE:
        mqtt_subscribe_answered(mqtt, answer);
        return;
    }
    UNREACHABLE();
}

void mqtt_take_actor(struct mqtt_conn *mqtt, struct err err)
{
    /* Known or refused, the packet is read again and finds the key kept. */
    mqtt->has_failed_auth = err_is_set(err) && !err_equal(err, ERR(CREDENTIAL_UNKNOWN));
    if (mqtt->stage == MQTT_STAGE_OPENING) {
        mqtt_subscribes_go_on(mqtt);
    } else {
        conn_release(mqtt->conn);
    }
}

void mqtt_take_timer(struct mqtt_conn *mqtt)
{
    struct conn *conn = mqtt->conn;
    if (mqtt->stage != MQTT_STAGE_OPEN) {
        conn_close(conn); /* the handshake took too long */
        return;
    }
    int64_t silence_ms = conn->front->loop->now_ms - mqtt->last_input_ms;
    /* While we do not read we cannot tell whether the client is silent. */
    if (conn->is_paused || conn->is_held) {
        conn_arm(conn, mqtt->silence_max_ms);
    } else if (silence_ms < mqtt->silence_max_ms) {
        conn_arm(conn, mqtt->silence_max_ms - silence_ms);
    } else {
        conn_close(conn);
    }
}

void mqtt_take_rights(struct mqtt_conn *mqtt, const struct actor *actor)
{
    if (auth_take_rights(mqtt->conn, actor)) {
        mqtt->actor = *actor;
        mqtt_subscribes_outdate(mqtt);
    } else {
        mqtt->conn->proto->on_revoked(mqtt->conn);
    }
}

/* ---- life ---- */

struct mqtt_conn *mqtt_conn_new(struct conn *conn)
{
    struct mqtt_conn *mqtt = calloc(1, sizeof(*mqtt));
    if (mqtt != NULL) {
        mqtt->conn = conn;
        list_init(&mqtt->subscribes);
        mqtt->last_input_ms = conn->front->loop->now_ms;
    }
    return mqtt;
}

static void end_claim(struct mqtt_conn *mqtt)
{
    struct front *front = mqtt->conn->front;
    struct slice client_id = buf_data(&mqtt->client_id);
    struct command_batch *batch =
        front_batch_last_words(front, FRONT_COMMAND_BYTES + client_id.bytes);
    struct slice copy;
    /* Without memory the claim stays: the next who wants the client id would wait for ever. */
    bool copied = batch != NULL && command_batch_copy(batch, client_id, &copy);
    ASSERT(copied);
    struct command *command =
        front_command_unanswered(front, batch, COMMAND_SESSION_CLOSED, mqtt->conn, &mqtt->actor);
    command->as.session.client_id = copy;
}

void mqtt_end(struct mqtt_conn *mqtt)
{
    bool was_open = mqtt->stage == MQTT_STAGE_OPEN;
    if (was_open && mqtt->will.is_set && !mqtt->has_said_goodbye) {
        mqtt_publish_will(mqtt);
    }
    mqtt_session_end(mqtt);
    if (mqtt->has_claim) {
        end_claim(mqtt);
    }
    if (mqtt->conn->session != NULL) {
        session_deinit(&mqtt->session, &mqtt->conn->front->subs);
        mqtt->conn->session = NULL;
    }
    mqtt_subscribes_free(mqtt);
    buf_deinit(&mqtt->client_id);
    buf_deinit(&mqtt->will.topic);
    buf_deinit(&mqtt->will.payload);
    free(mqtt->acks);
    free(mqtt->received);
    free(mqtt);
}

/* ---- plain MQTT: the protocol as it comes from the socket ---- */

static size_t on_input(struct conn *conn, struct slice input)
{
    return mqtt_take_input(conn->state, input);
}

static void on_answer(struct conn *conn, const struct answer *answer, const struct event *event)
{
    (void)event;
    mqtt_take_answer(conn->state, answer);
}

static void on_actor(struct conn *conn, struct err err, const struct actor *actor, uint64_t request)
{
    (void)actor;
    (void)request;
    mqtt_take_actor(conn->state, err);
}

static void on_drained(struct conn *conn)
{
    mqtt_take_drained(conn->state);
}

static void on_rights(struct conn *conn, const struct actor *actor)
{
    mqtt_take_rights(conn->state, actor);
}

static void on_resume(struct conn *conn)
{
    mqtt_take_resumed(conn->state);
}

static void on_timer(struct conn *conn)
{
    mqtt_take_timer(conn->state);
}

static void on_closed(struct conn *conn)
{
    mqtt_end(conn->state);
    conn->state = NULL;
}

const struct proto mqtt_proto = {
    .name = "mqtt",
    .on_input = on_input,
    .on_end = conn_close,
    .on_answer = on_answer,
    .on_actor = on_actor,
    .on_drained = on_drained,
    .on_resume = on_resume,
    .on_timer = on_timer,
    .on_revoked = conn_finish, /* what it was sent before still goes out */
    .on_rights = on_rights,
    .on_stopping = conn_close,
    .on_closed = on_closed,
};

bool mqtt_conn_start(struct conn *conn)
{
    struct mqtt_conn *mqtt = mqtt_conn_new(conn);
    if (mqtt == NULL) {
        return false;
    }
    mqtt->out = &conn->out;
    conn_set_proto(conn, &mqtt_proto, mqtt);
    return true;
}
