/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_conn.h - a connection that speaks MQTT 3.1.1 or 3.1, plain or inside WebSocket frames;
 * shared by the files that make it up:
 *
 *      mqtt_conn.c        CONNECT, keep-alive, packets in their order, the will, the end
 *      mqtt_publish.c     what the client publishes, and its acknowledgement
 *      mqtt_subscribe.c   SUBSCRIBE, UNSUBSCRIBE
 *      mqtt_deliver.c     what the client is sent, and its window
 *      ws_mqtt.c          the same in WebSocket frames
 *
 *      CONNECTING --key known--> OPENING --claim on the client id--> OPEN
 *           \--no user name: operations need tokens of their own--------^ */
#ifndef THRUM_FRONT_MQTT_CONN_H
#define THRUM_FRONT_MQTT_CONN_H

#include "codec/mqtt.h"
#include "front/auth.h"
#include "front/publish.h"

enum mqtt_stage { MQTT_STAGE_CONNECTING, MQTT_STAGE_OPENING, MQTT_STAGE_OPEN };

/* What an answer is about: the upper byte of its request number. */
enum mqtt_request {
    MQTT_REQUEST_OPEN = 1,
    MQTT_REQUEST_PUBLISH,       /* lower 32 bits: place in the queue of acknowledgements */
    MQTT_REQUEST_PUBLISH_QOS_0, /* refusals are logged, nothing else */
    MQTT_REQUEST_SUBSCRIBE,     /* bits 24..55: which SUBSCRIBE; lower 24: which filter */
};

#define MQTT_REQUEST(kind, rest) ((uint64_t)(kind) << 56 | (uint64_t)(rest))

enum mqtt_ack_state {
    MQTT_ACK_WAITING, /* the engine has not answered */
    MQTT_ACK_READY,
    MQTT_ACK_CLOSE, /* refused: the connection ends here, when all before is acknowledged */
};

/* An acknowledgement owed to the client. They go out in the order of the publishes
 * [MQTT-4.6.0-2], though answers may come in another. */
struct mqtt_ack {
    uint16_t packet_id;
    uint8_t qos;
    uint8_t state; /* enum mqtt_ack_state */
    bool dup;
};

struct mqtt_will_kept {
    bool is_set;
    uint8_t qos;
    struct buf topic;
    struct buf payload;
};

/* Messages sent with QoS 1 and not acknowledged: a run of consecutive packet ids. */
struct mqtt_window {
    uint16_t first_id; /* of the oldest */
    uint16_t count;
    uint16_t head;  /* index of the oldest in `acked` */
    uint8_t *acked; /* inflight_max flags; made with the first message */
};

struct mqtt_conn {
    struct conn *conn;
    struct session session;
    struct buf *out; /* where packets are written: conn->out, or what goes into the next frame */
    enum mqtt_stage stage;
    enum mqtt_level level;
    struct actor actor;
    bool has_claim;        /* SESSION_OPEN has been sent: SESSION_CLOSED is owed */
    bool has_failed_auth;  /* the lookup of a key failed for our own reasons */
    bool has_said_goodbye; /* DISCONNECT: no will */
    bool waits_for_output; /* held until the client has read some of what it was sent */
    bool is_ending;        /* a publish was refused: nothing behind it is looked at */
    struct buf client_id;
    struct mqtt_will_kept will;
    int64_t silence_max_ms;
    int64_t last_input_ms;
    /* acknowledgements owed; a ring */
    struct mqtt_ack *acks;
    uint32_t ack_room;
    uint32_t ack_head; /* counts up; the index is the count modulo the room */
    uint32_t ack_tail;
    uint64_t *received;     /* QoS 2: packet ids received and not released; 65,536 bits */
    struct link subscribes; /* struct mqtt_subscribe, those not answered */
    uint32_t next_subscribe;
    struct mqtt_window window;
};

/* All-zero but for its links; <out> is set by the caller. NULL without memory. */
struct mqtt_conn *mqtt_conn_new(struct conn *conn);

/* Handles whole packets of <input> and returns how many bytes they took. */
size_t mqtt_take_input(struct mqtt_conn *mqtt, struct slice input);

/* What mqtt_proto does, for the protocol that wraps it: conn->state is not looked at. */
void mqtt_take_answer(struct mqtt_conn *mqtt, const struct answer *answer);
void mqtt_take_actor(struct mqtt_conn *mqtt, struct err err);
void mqtt_take_timer(struct mqtt_conn *mqtt);
void mqtt_take_drained(struct mqtt_conn *mqtt);
void mqtt_take_resumed(struct mqtt_conn *mqtt);
/* Publishes the will if it is due, ends the claim, frees. */
void mqtt_end(struct mqtt_conn *mqtt);

/* Output has been written to mqtt->out. */
static inline void mqtt_wrote(struct mqtt_conn *mqtt)
{
    conn_will_flush(mqtt->conn);
}

/* Whose rights an operation on <topic> has: those of the token on it, or of the connection. ERR_OK,
 * ERR_CREDENTIAL_*; *is_later: the connection is held until the token is known, and the packet is
 * to be read again. */
MUST_USE struct err mqtt_actor_for(struct mqtt_conn *mqtt, const struct topic *topic,
                                   struct actor *actor, bool *is_later);

/* Notes that <actor> (or nobody: ACTOR_NONE) was refused something, for `thrum why --recent`. */
void mqtt_note_refusal(const struct mqtt_conn *mqtt, const struct actor *actor,
                       struct slice operation, struct slice target, struct err err);

/* How long an operation with that token on its topic (else with the connection's key) has to wait,
 * because there have been too many; 0: it may go on, and counts. */
int64_t mqtt_rate_wait_ms(const struct mqtt_conn *mqtt, const struct topic *topic);

/* What the key may has changed, and counts now. */
void mqtt_take_rights(struct mqtt_conn *mqtt, const struct actor *actor);

/* A packet was used, or not (it is to be read again), or the connection has ended. */
enum mqtt_taken { MQTT_TAKEN, MQTT_NOT_NOW };

enum mqtt_taken mqtt_take_publish(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
enum mqtt_taken mqtt_take_pubrel(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
void mqtt_publish_answered(struct mqtt_conn *mqtt, const struct answer *answer);
void mqtt_publish_will(struct mqtt_conn *mqtt);

enum mqtt_taken mqtt_take_subscribe(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
enum mqtt_taken mqtt_take_unsubscribe(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
void mqtt_subscribe_answered(struct mqtt_conn *mqtt, const struct answer *answer);
/* What the engine is being asked for with the rights of the connection's key, which have changed,
 * is asked for again. */
void mqtt_subscribes_outdate(struct mqtt_conn *mqtt);
void mqtt_subscribes_free(struct mqtt_conn *mqtt);

enum mqtt_taken mqtt_take_puback(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
extern const struct session_ops mqtt_session_ops;

#endif
