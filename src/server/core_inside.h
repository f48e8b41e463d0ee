/* SPDX-License-Identifier: Apache-2.0
 *
 * core_inside.h - the parts of the server, shared by the files that put it together:
 *
 *      core.c          opening, starting and stopping, in their order
 *      core_engine.c   the engine's thread, and its port to store, ring and loops
 *      core_loops.c    loops and their listeners
 *      core_tls.c      certificates: loaded, handed to the loops, watched
 */
#ifndef THRUM_SERVER_CORE_INSIDE_H
#define THRUM_SERVER_CORE_INSIDE_H

#include "engine/engine.h"
#include "front/conn.h"
#include "net/tls.h"
#include "server/account.h"
#include "server/core.h"
#include "server/pki.h"

#include <pthread.h>

struct core_loop;

/* One listener on one loop. */
struct core_listener {
    struct listener listener;
    struct core_loop *loop;
    const struct config_listener *config;
    struct tls_context *tls; /* NULL without TLS */
};

/* The TLS contexts of one loop; NULL for listeners without TLS. */
struct core_contexts {
    struct tls_context *at[CONFIG_LISTENER_COUNT];
};

struct core_loop {
    struct core *core;
    pthread_t thread;
    struct loop loop;
    struct front front;
    struct core_listener listeners[CONFIG_LISTENER_COUNT];
    bool has_answers; /* the engine's: since the last flush */
    struct loop_message stop_message;
    struct loop_message end_message;
    _Atomic(struct core_contexts *) fresh_contexts; /* on their way; NULL: none */
    struct loop_message contexts_message;           /* posted while there are some */
    bool loop_is_ready;
    bool front_is_ready;
    bool is_running;
};

struct core {
    const struct config *config;
    struct front_shared shared;
    struct keyring *keyring;
    struct file_store *files;
    struct buf openapi; /* GET /openapi.json */
    struct store *store;
    struct readers *readers;
    struct broadcast ring;
    struct inbox_ring commands;
    struct doorbell engine_bell;
    struct engine *engine;
    struct engine_port port;
    struct rand engine_rand;
    pthread_t engine_thread;
    bool engine_is_running;
    _Atomic bool engine_must_stop;
    uint64_t group_count;  /* the engine's */
    bool group_is_for_all; /* the engine's: the group of this turn has documents or keys */
    bool is_serving;       /* loops exist: answers have somewhere to go */
    struct tls_tickets *tickets;
    struct pki_state pki; /* as the start found it: loops read the path of the authority */
    struct tls_certificates *certificates;
    uint64_t tls_mark;    /* of the files that were tried last */
    bool tls_is_in_doubt; /* they could not be loaded, and nobody was told yet */
    int64_t next_look_ms; /* at the files; monotonic, as the next one */
    struct mqtt_expire *expire;
    int64_t next_expiry_ms; /* when sessions are looked through the next time */
    int64_t next_day_ms;
    struct listener_sockets sockets[CONFIG_LISTENER_COUNT];
    char address_texts[CONFIG_LISTENER_COUNT][LISTENER_ADDRESS_COUNT_MAX][ADDRESS_TEXT_BYTES];
    struct account_key operator_key;
    bool has_new_key;
    uint32_t loop_count;
    struct core_loop *loops;
};

/* ---- core.c ---- */

/* What the configuration says of the engine; the rest is zero. */
void core_engine_options(const struct core *core, struct engine_options *options);

/* Fills in what the store holds: last sequence number and time, highest numbers given out. The
 * documents must have come to the journal's end. */
MUST_USE struct err core_read_numbers(struct core *core, struct engine_options *options);

/* Has the engine go on with what was begun and is not done, by what the documents say: they must
 * have come to the journal's end. The engine's thread, or none yet. */
MUST_USE struct err core_resume_chores(struct core *core);

/* ---- core_engine.c ---- */

/* The engine's view of the core. */
void core_fill_port(struct core *core);

/* Hands the engine what waits in the command ring; false when there was nothing. */
bool core_take_batches(struct core *core);

MUST_USE struct err core_start_engine(struct core *core);
void core_stop_engine(struct core *core);

/* ---- core_loops.c ---- */

/* Binds all listeners, for all loops. A sentence in <problem> on failure. */
MUST_USE struct err core_open_listeners(struct core *core, struct buf *problem);

/* Makes the loops, which accept as soon as they run. */
MUST_USE struct err core_open_loops(struct core *core);
MUST_USE struct err core_start_loops(struct core *core);

/* Says good-bye to clients, then ends the loops' threads. */
void core_stop_loops(struct core *core);

/* One turn of each loop on this thread, when their own have ended. */
void core_turn_loops(struct core *core);
void core_free_loops(struct core *core);

/* ---- core_tls.c ---- */

/* Makes thrumd's own certificate where it is to have one, loads all, and lays contexts ready for
 * all loops. A sentence in <problem> on failure. */
MUST_USE struct err core_open_tls(struct core *core, struct buf *problem);

/* The loop's thread, or none yet: its listeners use the contexts that are laid ready for it. */
void core_take_contexts(struct core_loop *loop);

/* Loads the files when they have changed, or when <is_asked>. All loops get what is new, or none.
 */
void core_look_at_tls(struct core *core, bool is_asked);

/* Renews thrumd's own certificate when it is due, and warns of those that end soon. */
void core_tend_certificates(struct core *core);

/* The loops have ended. */
void core_close_tls(struct core *core);

#endif
