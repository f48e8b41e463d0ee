/* SPDX-License-Identifier: Apache-2.0
 *
 * front.h - one loop's share of the server: its connections, its subscriptions, its commands on the
 * way to the engine, and what comes back.
 *
 * One turn of the loop:
 *
 *      on_turn_start   front_drain: walk the event ring and the answers, in their one order;
 * deliver sockets         connections read, decode, and add commands to the open batch on_turn_end
 * the batch goes to the engine; connections with output flush it
 *
 * Events are drained before sockets are read: what was answered to anybody before a request came in
 * is known to this loop when it handles the request (a revoked key, for one).
 *
 * Everything here belongs to the loop's thread, but for what front_shared says. */
#ifndef THRUM_FRONT_FRONT_H
#define THRUM_FRONT_FRONT_H

#include "base/broadcast.h"
#include "base/buf.h"
#include "base/rand.h"
#include "base/ring.h"
#include "engine/command.h"
#include "engine/session.h"
#include "engine/subs.h"
#include "model/document.h"
#include "model/location.h"
#include "model/property.h"
#include "net/loop.h"
#include "store/keyring.h"
#include "store/readers.h"

struct conn;
struct file_store;
struct origin_list;
struct past;
struct scans;
struct share_mail;
struct shares;

/* Numbers from the configuration, in the units that the front works in. */
struct front_limits {
    size_t packet_bytes_max;  /* MQTT packet, WebSocket message, HTTP body */
    size_t connect_bytes_max; /* before a client is known */
    int64_t handshake_ms;
    size_t target_bytes_max;
    size_t header_bytes_max;
    size_t header_fields_max;
    unsigned json_depth_max;
    size_t points_max; /* of one request, as the following */
    size_t actions_max;
    size_t members_max;
    struct document_limits document;
    uint32_t subscriptions_max; /* of one session */
    int64_t keepalive_max_ms;
    int64_t wait_max_ms;   /* of a long poll */
    int64_t heartbeat_ms;  /* of a stream of events that is silent */
    uint16_t inflight_max; /* QoS 1 messages sent and not acknowledged, per session */
    int64_t session_expiry_ms;
    uint64_t sessions_max;   /* that are kept */
    uint64_t qos0_lag;       /* updates that a client may be behind and be sent QoS 0 */
    uint64_t lag_max;        /* or be connected; 0: any number */
    size_t outbox_bytes_max; /* output of a connection beyond which its session is behind */
    uint32_t commands_max;   /* commands of one connection under way */
    bool refused_subscriptions_are_silent;
    bool refused_publishes_are_acked;
    bool topic_token_allowed;
    bool plain_topics;         /* there are topics besides those of the contract */
    int64_t sys_interval_ms;   /* of the broker's figures among them; 0: none */
    bool role_changes_at_once; /* also on connections that are open; else when they reconnect */
    size_t password_memory;    /* Argon2id: bytes, */
    unsigned password_passes;  /* and passes */
};

/* What all loops have in common. Set up before the loops run; read-only but for the rings. */
struct front_shared {
    struct front_limits limits;
    struct store *store;
    struct readers *readers;
    struct keyring *keyring;
    struct scans *scans;           /* of the journal, for sessions that are behind */
    struct share_mail *share_mail; /* of shared subscriptions; NULL: there are none */
    struct broadcast *ring;        /* events out */
    struct inbox_ring *commands;   /* commands in */
    struct doorbell *engine_bell;
    struct file_store *files; /* what was uploaded */
    struct slice openapi;     /* the API described, for GET /openapi.json */
    uint64_t hash_seed;
    struct conn_limit *address_limit; /* connections of one address; NULL: off */
    struct conn_limit *key_limit;     /* and of one key */
    struct grants *grants;
    struct refusals *refusals;
    struct rate_limiter *rate; /* NULL: off */
    struct login_limit *login_limit;
    struct workers *workers;           /* passwords: they take their time */
    const char *ca_path;               /* the CA's certificate, for GET /ca.pem */
    uint16_t https_port;               /* for links; 0: none */
    const struct origin_list *origins; /* whose pages may ask; NULL: any */
    const struct front_stats **stats;  /* of each loop, */
    uint32_t front_count;
    int64_t started_ms;             /* monotonic */
    _Atomic uint64_t sessions_kept; /* and those that are about to begin */
};

/* Counters of one loop; written by it, read by anybody (relaxed). */
struct front_stats {
    _Atomic uint64_t connections_open;
    _Atomic uint64_t messages_in;
    _Atomic uint64_t messages_out;
    _Atomic uint64_t refused;
    _Atomic uint64_t fell_behind;
    _Atomic uint64_t dropped;       /* messages of QoS 0, for those too far behind */
    _Atomic uint64_t too_slow;      /* connections that were ended for that */
    _Atomic uint64_t subscriptions; /* now and then */
};

/* Commands that one bulk request may have under way at once (contract: REST 1.8). */
#define FRONT_BULK_MAX 500

/* Batches that may wait for room in the command ring before connections stop reading. */
#define FRONT_BATCHES_MAX 64

/* Where a connection is found by the token of an answer. The generation changes with each user, so
 * that an answer to a connection that is gone finds nobody. */
struct conn_slot {
    struct conn *conn;
    uint32_t generation;
    uint32_t next_free; /* + 1; 0: none */
};

struct front {
    struct loop *loop;
    uint16_t index;
    struct front_shared *shared;
    struct front_stats stats;

    /* events and answers in */
    struct broadcast_reader ring_reader; /* walks on */
    struct broadcast_reader past_reader; /* catches up */
    struct answer_ring answers;          /* written by the engine */
    uint64_t sequence;                   /* events up to here have been handled */
    _Atomic bool is_listening; /* has subscriptions: the engine wakes it for every group */
    bool is_overrun;           /* the ring has left it behind: groups come from the journal */

    /* commands out */
    struct command_batch **batches; /* filled, oldest first; the last is open */
    uint32_t batch_count;
    uint32_t batch_room;
    uint32_t in_flight;
    uint32_t in_flight_max;
    uint32_t event_waiters; /* of those in flight: whose answers want to see their event */

    /* What the command to come writes of its session, with its event (command.h): batches have room
     * for it, and the command takes it. */
    struct slice session_writes;
    bool writes_if_refused;

    struct subs subs;
    struct past *past;     /* sessions that catch up */
    struct shares *shares; /* shared subscriptions */
    struct auth *auth;
    struct link behind;           /* conns whose session is to be caught up in the next turn */
    struct link paused;           /* conns that stopped reading until commands are answered */
    struct link conns;            /* all */
    struct loop_task again;       /* another turn at once: work was left over */
    struct link to_flush;         /* conns with output of this turn */
    struct wheel_timer lag_timer; /* lag.h */
    struct wheel_timer sys_timer; /* sys.h */

    struct conn_slot *slots; /* connections by answer_token.slot */
    uint32_t slot_count;
    uint32_t free_slot; /* first of the free ones + 1; 0: none */
    uint32_t conn_count;

    struct buf payload; /* the message being delivered, */
    struct buf topic;   /* and its topic, for subscribers with wildcards */
    struct buf keyed;   /* the points of an event by their keys (fire_points.c) */
    struct buf scratch; /* of the request being decoded */
    struct buf scopes;
    struct buf context;            /* of the actions being decoded (context.h) */
    struct property_point *points; /* limits.points_max each */
    struct location *locations;
    struct command_action *actions; /* limits.actions_max */
    struct rand rand;
    uint8_t *read_at; /* what sockets read into; FRONT_READ_BYTES */
};

/* One read of a socket. Connections whose bytes end in the middle of a message keep the rest in a
 * buffer of their own. */
#define FRONT_READ_BYTES ((size_t)64 << 10)

/* ERR_NO_MEMORY. <answers> is how many commands may be under way on this loop. */
MUST_USE struct err front_init(struct front *front, struct front_shared *shared, struct loop *loop,
                               uint16_t index, uint32_t answers, uint32_t loops);
void front_deinit(struct front *front);

/* On the loop's thread: ends all connections, each with its protocol's word. */
void front_stop(struct front *front);

/* The loop's hooks. */
void front_turn_start(struct loop *loop);
void front_turn_end(struct loop *loop);

/* ---- commands ---- */

/* A batch with at least <bytes> of room, or NULL when too many commands are under way (or there is
 * no memory): the connection then stops reading (conn_pause) and tries again when it is resumed.
 * Take all the payload, then front_command. */
struct command_batch *front_batch(struct front *front, size_t bytes);

/* The same for a connection's last words (its will, the end of its session), which must get
 * through: without these bounds. NULL only without memory. */
struct command_batch *front_batch_last_words(struct front *front, size_t bytes);

/* Adds a command to <batch>, addressed back to the connection with <request>: its answer comes to
 * proto->on_answer with that number. Room for it is part of what front_batch was asked for. */
struct command *front_command(struct front *front, struct command_batch *batch,
                              enum command_kind kind, struct conn *conn, const struct actor *actor,
                              uint64_t request);

/* The same without an answer; for last words. */
struct command *front_command_unanswered(struct front *front, struct command_batch *batch,
                                         enum command_kind kind, struct conn *conn,
                                         const struct actor *actor);

/* Hands all commands to the engine, waiting for room in its ring: before the loop runs. */
void front_submit_all(struct front *front);

/* The room that a command itself takes in a batch. */
#define FRONT_COMMAND_BYTES (sizeof(struct command) + 64)

/* ---- delivery ---- */

/* Handles events and answers up to the ring's end (deliver.c). */
void front_drain(struct front *front);

/* The connection can take messages again: carries its session on from its cursor, if it is behind
 * (past.c). */
void front_catch_up(struct front *front, struct conn *conn);

/* The same in another turn, behind what others want in this one. */
void front_catch_up_later(struct front *front, struct conn *conn);

#endif
