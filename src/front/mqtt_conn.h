/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_conn.h - a connection that speaks MQTT 3.1.1 or 3.1, plain or inside WebSocket frames;
 * shared by the files that make it up:
 *
 *      mqtt_conn.c        CONNECT, keep-alive, packets in their order, the will, the end
 *      mqtt_session_open.c what outlives the connection: found, and taken up again
 *      mqtt_session.c     the same, kept as it is now
 *      mqtt_publish.c     what the client publishes, and its acknowledgement
 *      mqtt_subscribe.c   SUBSCRIBE; and once more, what was kept
 *      mqtt_unsubscribe.c UNSUBSCRIBE
 *      mqtt_deliver.c     what the client is sent, and its window
 *      ws_mqtt.c          the same in WebSocket frames
 *
 *      CONNECTING --key known--> OPENING --claim on the client id, what was kept--> OPEN
 *           \--no user name: operations need tokens of their own----------------------^ */
#ifndef THRUM_FRONT_MQTT_CONN_H
#define THRUM_FRONT_MQTT_CONN_H

#include "codec/mqtt.h"
#include "front/auth.h"
#include "front/mqtt_kept.h"
#include "front/mqtt_window.h"
#include "front/publish.h"
#include "store/sessions.h"

enum mqtt_stage { MQTT_STAGE_CONNECTING, MQTT_STAGE_OPENING, MQTT_STAGE_OPEN };

/* What an answer is about: the upper byte of its request number. */
enum mqtt_request {
    MQTT_REQUEST_OPEN = 1,
    MQTT_REQUEST_PUBLISH,       /* lower 32 bits: place in the queue of acknowledgements */
    MQTT_REQUEST_PUBLISH_QOS_0, /* refusals are logged, nothing else */
    MQTT_REQUEST_SUBSCRIBE,     /* bits 24..55: which SUBSCRIBE; lower 24: which filter */
    /* What is kept of the session is on disk: */
    MQTT_REQUEST_KEPT_OPEN,
    MQTT_REQUEST_KEPT_SUBSCRIBE,   /* bits 24..55: which SUBSCRIBE */
    MQTT_REQUEST_KEPT_UNSUBSCRIBE, /* lower 16 bits: its packet id */
    MQTT_REQUEST_KEPT_RELEASE,     /* lower 16 bits: the packet id that is free again */
    MQTT_REQUEST_KEPT_FLIGHTS,
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
    bool retain;
    uint8_t key_hash[KEY_HASH_BYTES]; /* of the key that it connected with */
    struct buf topic;
    struct buf payload;
};

/* The connection's part of what outlives it. */
struct mqtt_keeping {
    bool is_kept;     /* "clean session 0": subscriptions, place and flights */
    bool is_stored;   /* the store has a head that ends, or is left behind, with the connection */
    bool is_present;  /* it was there before this connection */
    bool is_resuming; /* some events that it comes to again have been sent before */
    bool is_changed;  /* the head on disk is older */
    uint32_t next_subscription;
    uint64_t position;     /* resuming: earlier events have been sent, or are owed */
    uint64_t dup_until;    /* events up to this one may have been sent (mqtt_kept.h) */
    uint64_t absent_until; /* events up to this one came while nobody was connected */
    uint32_t heard_count;
    struct mqtt_heard *heard; /* of the event at <position> */
    struct wheel_timer timer; /* the head is written when it is due */
    struct buf waiting;       /* opening: which retained messages it is to be sent (mqtt_kept.h) */
    struct buf dropped;       /* opening: entries that are taken away, ready to be written */
    /* QoS 2: packets that leave when what they say of flights is on disk, and all behind them. */
    struct buf held;
    size_t held_written; /* bytes of them that the write under way covers; 0: none is under way */
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
    uint64_t *received; /* QoS 2: packet ids received and not released; 65,536 bits */
    struct mqtt_keeping keeping;
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

/* CONNACK, and what follows from it. */
void mqtt_accept_connect(struct mqtt_conn *mqtt);
void mqtt_refuse_connect(struct mqtt_conn *mqtt, enum mqtt_connack_code code, const char *why);

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

/* Is the refusal one that the same request can only get again? */
bool mqtt_is_permanent(struct err err);

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

/* QoS 2: the packet id has been received and not released. False without memory. */
bool mqtt_received_set(struct mqtt_conn *mqtt, uint16_t id, bool value);
void mqtt_released(struct mqtt_conn *mqtt, const struct answer *answer);

enum mqtt_taken mqtt_take_subscribe(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
enum mqtt_taken mqtt_take_unsubscribe(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
void mqtt_subscribe_answered(struct mqtt_conn *mqtt, const struct answer *answer);
/* What the engine is being asked for with the rights of the connection's key, which have changed,
 * is asked for again. */
void mqtt_subscribes_outdate(struct mqtt_conn *mqtt);
void mqtt_subscribes_free(struct mqtt_conn *mqtt);
void mqtt_subscribe_kept(struct mqtt_conn *mqtt, const struct answer *answer);
void mqtt_unsubscribe_kept(struct mqtt_conn *mqtt, const struct answer *answer);

/* A subscription that was kept; its filter, without a seal, lives during the call. */
struct mqtt_restored {
    uint32_t number; /* of its entry */
    struct mqtt_kept_subscription kept;
};

/* Asks for these again, with the rights of now; when all are answered, and the session has what is
 * granted, mqtt_session_restored is called. What is refused for good is taken away
 * (mqtt_session_drop). */
void mqtt_subscribes_restore(struct mqtt_conn *mqtt, const struct mqtt_restored *restored,
                             uint32_t count);
/* A token of theirs is known now. */
void mqtt_subscribes_go_on(struct mqtt_conn *mqtt);
/* Those that wish for the present state are sent it. */
void mqtt_subscribes_request_states(struct mqtt_conn *mqtt);

enum mqtt_taken mqtt_take_puback(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
enum mqtt_taken mqtt_take_pubrec(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
enum mqtt_taken mqtt_take_pubcomp(struct mqtt_conn *mqtt, const struct mqtt_frame *frame);
extern const struct session_ops mqtt_session_ops;

/* ---- what outlives the connection (mqtt_session.c, mqtt_session_open.c) ---- */

struct session_name mqtt_session_name(const struct mqtt_conn *mqtt);

/* Add an entry to what is to be written, or take one away. */
void mqtt_session_put_head(struct mqtt_conn *mqtt, struct buf *writes, bool is_connected);
void mqtt_session_put_will(struct mqtt_conn *mqtt, struct buf *writes);
void mqtt_session_delete(struct mqtt_conn *mqtt, struct buf *writes, enum session_part part,
                         uint32_t number);

/* The claim is granted: finds what was kept under the name, takes it up or clears it away, keeps
 * what is new, and goes on with mqtt_accept_connect or mqtt_refuse_connect. */
void mqtt_session_open(struct mqtt_conn *mqtt);
void mqtt_session_drop(struct mqtt_conn *mqtt, uint32_t number);
/* A subscription has been granted: its entry's number, if it has none yet, is <number>, or with 0
 * the next one. */
void mqtt_session_number(struct mqtt_conn *mqtt, struct subscription *subscription,
                         uint32_t number);
/* Adds its entry. */
void mqtt_session_put(struct mqtt_conn *mqtt, struct subscription *subscription,
                      struct buf *writes);
/* <err>: some could not be asked for now. */
void mqtt_session_restored(struct mqtt_conn *mqtt, struct err err);
/* The answer to MQTT_REQUEST_KEPT_OPEN. */
void mqtt_session_kept(struct mqtt_conn *mqtt, const struct answer *answer);
/* Behind CONNACK: carries the session on. */
void mqtt_session_resume(struct mqtt_conn *mqtt);

/* Is there room for mqtt_session_write? Else the connection is paused, until mqtt_take_resumed. */
bool mqtt_session_may_write(struct mqtt_conn *mqtt);
/* Writes <writes> of the session; the answer has that request number. The command as it is sent;
 * NULL without memory: the connection is closed then. */
struct command *mqtt_session_write(struct mqtt_conn *mqtt, struct slice writes, uint64_t request);

/* What is to become of a message of an event: */
enum mqtt_owed {
    MQTT_IS_NEW,
    MQTT_IS_AGAIN, /* it is a flight already, at *index, and sent with DUP */
    MQTT_IS_HAD,   /* it has been sent and acknowledged, or dropped */
};
enum mqtt_owed mqtt_session_look(struct mqtt_conn *mqtt, const struct mqtt_flight *flight,
                                 uint32_t *index);
/* May the message of that event have been sent on an earlier connection? */
static inline bool mqtt_session_is_dup(const struct mqtt_conn *mqtt, uint64_t sequence)
{
    return sequence <= mqtt->keeping.dup_until;
}

/* Where the next packet of a flight is written: <is_kept_first> holds it back, and what follows,
 * until the flights are on disk as they are now. mqtt_session_wrote comes behind it. */
struct buf *mqtt_session_out(struct mqtt_conn *mqtt, bool is_kept_first);
void mqtt_session_wrote(struct mqtt_conn *mqtt);
/* The answer to MQTT_REQUEST_KEPT_FLIGHTS. */
void mqtt_session_flights_kept(struct mqtt_conn *mqtt, const struct answer *answer);

/* What is in flight has changed. */
void mqtt_session_changed(struct mqtt_conn *mqtt);

/* The connection ends: the last word about the session. */
void mqtt_session_end(struct mqtt_conn *mqtt);

#endif
