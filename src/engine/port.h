/* SPDX-License-Identifier: Apache-2.0
 *
 * port.h - all that the engine asks of the outside.
 *
 * The server fills it with the store, the event ring and the loops; the simulator with its own. All
 * functions are mandatory, are called on the engine's thread and do not block, but for commit,
 * which is the one thing a group waits for. */
#ifndef THRUM_ENGINE_PORT_H
#define THRUM_ENGINE_PORT_H

#include "base/rand.h"
#include "engine/command.h"
#include "engine/head.h"

struct engine_port {
    void *owner;

    /* Makes the group, and what is written of sessions, durable, both or none. There may be no
     * group (NULL), or nothing of sessions. On error it is as if they had never been. */
    struct err (*commit)(void *owner, const struct group *group, struct slice session_writes);

    /* So many sessions are not kept: commands have ended them, or could not begin them. */
    void (*sessions_gone)(void *owner, uint64_t count);

    /* Hands an answer to <loop>; the order of calls is the order in which the loop sees them. There
     * is always room: a loop has no more commands under way than its answers have places. */
    void (*answer)(void *owner, uint16_t loop, const struct answer *answer);

    /* Hands a committed group to everybody who follows, after the answers of its turn. */
    void (*publish)(void *owner, const struct group *group);

    /* The turn is over: wake who sleeps. */
    void (*flush)(void *owner);

    /* Has a reader load a head. It comes back in a COMMAND_LOADED. False when the readers' queue is
     * full: the commands that need it are then refused as busy. */
    bool (*load)(void *owner, struct head_load *load);

    /* Wall clock, milliseconds since 1970. */
    int64_t (*now_ms)(void *owner);

    /* How far readers see documents: heads whose last change lies at or before may be let go. */
    uint64_t (*documents_mark)(void *owner);

    struct rand *rand;
};

#endif
