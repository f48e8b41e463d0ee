/* SPDX-License-Identifier: Apache-2.0
 *
 * conn.h - a connection that speaks a protocol: a sock, an input buffer, an output buffer, and the
 * protocol's table of functions.
 *
 *      accept --> SNIFF --first byte--> mqtt  (0x10)
 *                                  \--> http  (a letter) --upgrade--> ws (native topic)
 *                                                              \----> mqtt in WebSocket frames
 *
 * The transport never knows what is spoken; an upgrade swaps the protocol (conn_set_proto). Input
 * is handed to proto->on_input as the bytes not yet used, old ones first; what it does not use is
 * kept. Output is appended to conn->out (or written with conn_write) and flushed once at the end of
 * the turn.
 *
 * A connection is ended with conn_close (at once) or conn_finish (when all output is out). Its
 * memory goes in the closes phase of the turn; proto->on_closed comes before that, exactly once. */
#ifndef THRUM_FRONT_CONN_H
#define THRUM_FRONT_CONN_H

#include "front/front.h"
#include "front/past.h"
#include "model/actor.h"
#include "net/listener.h"
#include "net/network.h"
#include "net/sock.h"

struct conn;

/* A protocol. All are mandatory unless said otherwise. Functions may call conn_close at any time,
 * and return soon afterwards. */
struct proto {
    const char *name;

    /* Its answers are composed from the events of its commands: on_answer is handed the event. */
    bool wants_events;

    /* Uses what it can of <input>, which may be empty, and returns how many bytes that is. Called
     * again when more comes, and after conn_resume and conn_release. The bytes may be changed. When
     * conn_is_closing is true afterwards the rest is dropped. */
    size_t (*on_input)(struct conn *conn, struct slice input);

    /* The peer has ended its side. */
    void (*on_end)(struct conn *conn);

    /* The answer to a command of this connection. With wants_events <event> is the command's own,
     * its last one, when it has any; NULL otherwise, and when it is not at hand. */
    void (*on_answer)(struct conn *conn, const struct answer *answer, const struct event *event);

    /* With wants_events: an event of a command of this connection before its last one, in order;
     * <request> is that of the answer, which will come. Optional. */
    void (*on_event)(struct conn *conn, uint64_t request, const struct event *event);

    /* Optional: the key asked for with auth_resolve is known now; err is ERR_OK,
     * ERR_CREDENTIAL_UNKNOWN, ERR_BUSY. */
    void (*on_actor)(struct conn *conn, struct err err, const struct actor *actor,
                     uint64_t request);

    /* The output is about to be sent: what the protocol holds back goes to conn->out. Optional. */
    void (*before_flush)(struct conn *conn);

    /* Output has drained to where the session can go on. Optional. */
    void (*on_drained)(struct conn *conn);

    /* Too many commands were under way; there is room again. on_input is called with the rest
     * afterwards. Optional. */
    void (*on_resume)(struct conn *conn);

    /* The connection's timer (conn_arm) is due. */
    void (*on_timer)(struct conn *conn);

    /* The key it acts with was revoked: end it, with a word if the protocol has one. */
    void (*on_revoked)(struct conn *conn);

    /* What its key may has changed, and that counts for open connections too
     * (limits.role_changes_at_once): <actor> is what it is now. Optional. */
    void (*on_rights)(struct conn *conn, const struct actor *actor);

    /* The server is stopping: end it, with a word if the protocol has one. */
    void (*on_stopping)(struct conn *conn);

    /* The connection is gone: free what conn->state points to. */
    void (*on_closed)(struct conn *conn);
};

enum conn_protocols { /* what a listener lets in; as in the configuration */
                      CONN_MQTT = 1,
                      CONN_HTTP = 2,
                      CONN_WEBSOCKET = 4,
                      CONN_MQTT_WEBSOCKET = 8,
};

struct conn {
    struct sock sock;
    struct front *front;
    const struct proto *proto;
    void *state; /* the protocol's own */
    uint32_t slot;
    uint32_t generation;
    unsigned protocols; /* enum conn_protocols: of its listener */
    struct buf in;      /* input not used yet; nothing allocated while empty */
    struct buf out;
    struct wheel_timer timer;
    struct wheel_timer hold_timer; /* conn_hold_for */
    struct link all;               /* in front.conns */
    struct link behind;            /* in front.behind, or in a list of front/past.c */
    struct link paused;            /* in front.paused */
    struct link flush;             /* in front.to_flush */
    struct link by_key;            /* with others that act with the same key (auth.h) */
    struct auth_entry *key;
    uint64_t counted_key;       /* the key that shared->key_limit counts it for; 0: none */
    struct link states;         /* present states that its session could not take yet (state.h) */
    struct link state_wishes;   /* struct subscription.in_states: those that are to be read */
    uint32_t states_open;       /* that are being read, or could not be taken yet */
    uint32_t states_life;       /* counts how often they were forgotten */
    struct link shared_waiting; /* messages of shared subscriptions that it could not take yet */
    struct replays *replays;    /* histories that its session is sent (replay.h); NULL: none yet */
    struct session *session;    /* NULL: no subscriptions; the protocol owns it */
    struct past_place past;     /* of its session, while it is behind */
    uint64_t lag;         /* updates that it was behind when that was last looked at (lag.h) */
    uint32_t in_flight;   /* commands not answered yet */
    uint64_t sent_before; /* bytes sent when conn_is_sending was last asked */
    bool is_paused;       /* does not read: too many commands are under way */
    bool is_held;         /* does not read: the protocol waits for something */
    bool is_feeding;      /* on_input is being called */
    bool is_finishing;    /* to be closed when the output is out */
    bool is_closing;
    bool is_draining;    /* our side is shut down; input is thrown away */
    bool was_full;       /* output had passed the bound: on_drained is owed */
    bool is_counted;     /* by shared->address_limit */
    struct address peer; /* the client; until a proxy has said who that is, the proxy */
};

/* What a listener makes of its connections. */
struct conn_options {
    enum sock_tls tls;
    struct tls_context *tls_context;
    unsigned protocols;                 /* enum conn_protocols */
    const struct network_list *proxies; /* NULL: clients connect themselves. Else only these may
                                           connect, and say who the client is in a PROXY header */
};

/* Takes an accepted fd. On failure the fd is closed, and NULL is returned. <options> is borrowed
 * for the call. */
struct conn *conn_accept(struct front *front, int fd, const struct address *peer,
                         const struct conn_options *options);

/* A session that no connection has, to be caught up like others (past.h). */
void conn_init_nobody(struct conn *conn, struct front *front, struct session *session);

/* The connection an answer is for, or NULL when it is gone. */
struct conn *conn_find(struct front *front, uint32_t slot, uint32_t generation);

/* Changes what is spoken; conn->state is the new protocol's. Input not used yet is its first. */
void conn_set_proto(struct conn *conn, const struct proto *proto, void *state);

/* Appends output; it leaves at the end of the turn. For encoders that append to a buf themselves:
 * append to &conn->out, then conn_will_flush. */
void conn_write(struct conn *conn, struct slice bytes);
void conn_will_flush(struct conn *conn);

/* Sends what connections have put out in this turn. */
void conn_flush_all(struct front *front);

/* True when output waits and some has gone out since the last call: a slow reader, not a dead one.
 */
bool conn_is_sending(struct conn *conn);

/* True when the output has passed limits.outbox_bytes_max: on_drained comes when it is below half.
 */
bool conn_is_full(struct conn *conn);

/* Stops reading until fewer commands are under way on this loop; on_resume is called then. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Stops reading and calling on_input until conn_release: the protocol waits for an answer. */
void conn_hold(struct conn *conn);
void conn_release(struct conn *conn);

/* The same for a time only: who asks too often is read more slowly. */
void conn_hold_for(struct conn *conn, int64_t after_ms);

/* One timer a connection; armed again it moves. on_timer comes once. */
void conn_arm(struct conn *conn, int64_t after_ms);
void conn_disarm(struct conn *conn);

/* Ends the connection at once. */
void conn_close(struct conn *conn);

/* Ends it when all output is out: then shuts down our side, waits a little for the peer's end. No
 * more input is used. */
void conn_finish(struct conn *conn);

static inline bool conn_is_closing(const struct conn *conn)
{
    return conn->is_closing || conn->is_finishing;
}

/* ---- the protocols ---- */

extern const struct proto mqtt_proto; /* mqtt_conn.c */
extern const struct proto http_proto; /* http_conn.c */

/* Begin to speak on a fresh connection. False without memory. */
bool mqtt_conn_start(struct conn *conn);
bool http_conn_start(struct conn *conn);

/* Upgrades, from the HTTP side, which has read the request and found it to be a WebSocket
 * handshake. Both write the answer (101, or the refusal) themselves, now or later. <head> lives
 * during the call. <bytes> is what the head took of the input. */
struct http1_head;
void ws_mqtt_upgrade(struct conn *conn, const struct http1_head *head);
void ws_topic_upgrade(struct conn *conn, const struct http1_head *head);

#endif
