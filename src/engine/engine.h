/* SPDX-License-Identifier: Apache-2.0
 *
 * engine.h - decides: takes commands, applies them in one order, closes groups.
 *
 *      batches in --> accept: may this key? does it exist? events into the open group, answer noted
 *                     turn:   close the group, commit it, publish it, hand out the answers
 *
 * The engine is deterministic: what it does follows from its commands, its clock and its random
 * numbers alone. It never reads a disk and waits for nothing but the commit of a group; its state
 * runs ahead of the disk and is its own. One thread.
 *
 * When a commit fails nothing of the group is answered but refusals (ERR_READ_ONLY), and the engine
 * takes no more changes until it is restarted on what the store holds then. */
#ifndef THRUM_ENGINE_ENGINE_H
#define THRUM_ENGINE_ENGINE_H

#include "engine/port.h"

struct engine;

struct engine_options {
    size_t group_bytes_max; /* a group is closed when it has reached this size */
    size_t heads_max;       /* heads kept in memory */
    uint32_t properties_per_resource_max;
    uint32_t task_quantity_max; /* thngs that one task may make */
    uint64_t hash_seed;
    /* what the store holds at the start: */
    uint64_t last_sequence;
    int64_t last_time_ms;   /* of the last group: time never goes back */
    uint32_t last_property; /* highest numbers ever given out */
    uint32_t last_account;
};

/* NULL without memory. <port> must outlive the engine. */
struct engine *engine_new(const struct engine_options *options, const struct engine_port *port);

/* Frees the engine; commands that still wait are forgotten. NULL is fine. */
void engine_free(struct engine *engine);

/* Applies the commands of a batch, which is the engine's from now on. Answers come from
 * engine_turn; before, when the group is full in the middle of the batch and is committed. */
void engine_accept(struct engine *engine, struct command_batch *batch);

/* True when the open group is large enough: call engine_turn before accepting more. */
bool engine_is_full(const struct engine *engine);

/* Commits what has been accepted since the last turn, publishes it and hands out the answers. */
void engine_turn(struct engine *engine);

/* True when there are chores (chore.h) that can go on now: do not sleep before the next turn. */
bool engine_has_work(const struct engine *engine);

/* True when commands wait for the clock to move (boundary.h): take a turn in a millisecond. */
bool engine_waits_for_clock(const struct engine *engine);

/* Takes up what had been begun before the start: an unfinished task, a collection whose emptying is
 * not told to the end. */
void engine_resume_task(struct engine *engine, uint32_t account, const struct id *task);
void engine_resume_notices(struct engine *engine, uint32_t account, const struct id *collection);

/* True after a failed commit. */
bool engine_is_read_only(const struct engine *engine);

/* Forgets all that the engine knows of resources, takes up <options> as engine_new does (what the
 * store holds now), and accepts changes again. Commands that wait for a head are refused as
 * read-only, as are those that wait for the clock; claims on client ids stay. Answers come from the
 * next engine_turn. */
void engine_restart(struct engine *engine, const struct engine_options *options);

#endif
