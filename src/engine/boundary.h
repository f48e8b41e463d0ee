/* SPDX-License-Identifier: Apache-2.0
 *
 * boundary.h - where a replay ends and the live messages begin.
 *
 * A subscription that replays gets its past from the history, whose samples say when they were
 * committed, in milliseconds, and nothing else of their place in the order of events. So it is
 * granted only where time separates both sides: between two groups, when no later group can have
 * the time of the last one.
 *
 *      groups   | 17 | 17 | 17 | 18 | 18 |          time, in milliseconds
 *                              ^         ^ here, once the clock shows 19
 *                              '---------- boundary 17, behind the last event with that time
 *
 * Until then the command waits, a millisecond at most while the clock goes on. Under full load
 * there are several groups a millisecond: the first turn whose clock has moved is the place.
 *
 * Who waits is applied anew from the beginning, since rights may have changed meanwhile. */
#ifndef THRUM_ENGINE_BOUNDARY_H
#define THRUM_ENGINE_BOUNDARY_H

#include "base/err.h"
#include "engine/command.h"

struct engine;

/* In struct engine. All zero is good at the start. */
struct boundary {
    struct command *first; /* who waits, the oldest first */
    struct command *last;
    int64_t clock_ms; /* what the clock showed when the last group was begun */
};

/* Answers a COMMAND_SUBSCRIBE that is permitted: at once, or, when it replays, at the next
 * boundary. */
void boundary_answer(struct engine *engine, struct command *command);

/* Before the commands of a turn: if here is a boundary, those who wait are applied again. */
void boundary_step(struct engine *engine);

/* Refuses all who wait. */
void boundary_refuse(struct engine *engine, struct err err);

/* Lets go of those who wait, unanswered: the engine ends. */
void boundary_forget(struct engine *engine);

static inline bool boundary_is_awaited(const struct boundary *boundary)
{
    return boundary->first != NULL;
}

#endif
