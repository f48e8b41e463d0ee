/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/boundary.h"

#include "engine/apply.h"

#include <stdlib.h>

/* That the clock has moved since the last group was begun is asked for also when it has been set
 * back, and groups go on with the time they had: a boundary then takes a millisecond in advance,
 * and that at most once for each that passes. */
static bool is_here(const struct engine *engine)
{
    return !engine->group_is_open &&
           engine->port->now_ms(engine->port->owner) != engine->boundary.clock_ms;
}

/* A group whose commit failed may be in the journal all the same, and be shown to everybody later.
 * When it has the time of the last one that is known to be, nothing tells their samples apart. */
static bool is_in_doubt(const struct engine *engine)
{
    return engine->is_read_only && engine->last_time_ms == engine->committed_time_ms;
}

static void wait_for_it(struct boundary *boundary, struct command *command)
{
    command->next = NULL;
    if (boundary->first == NULL) {
        boundary->first = command;
    } else {
        boundary->last->next = command;
    }
    boundary->last = command;
}

static struct command *take_waiting(struct boundary *boundary)
{
    struct command *first = boundary->first;
    boundary->first = NULL;
    boundary->last = NULL;
    return first;
}

void boundary_answer(struct engine *engine, struct command *command)
{
    if (!command->as.subscribe.replays) {
        engine_answer(engine, command, ERR(OK), 0);
    } else if (is_in_doubt(engine)) {
        engine_answer(engine, command, ERR(READ_ONLY), 0);
    } else if (is_here(engine)) {
        engine->least_time_ms = max_i64(engine->least_time_ms, engine->committed_time_ms + 1);
        engine_answer_boundary(engine, command, engine->committed_time_ms);
    } else {
        wait_for_it(&engine->boundary, command);
    }
}

void boundary_step(struct engine *engine)
{
    if (!boundary_is_awaited(&engine->boundary) || !is_here(engine)) {
        return;
    }
    struct command *next;
    for (struct command *command = take_waiting(&engine->boundary); command != NULL;
         command = next) {
        next = command->next;
        command->next = NULL;
        engine_apply(engine, command);
        engine_settle(engine);
    }
}

void boundary_refuse(struct engine *engine, struct err err)
{
    struct command *next;
    for (struct command *command = take_waiting(&engine->boundary); command != NULL;
         command = next) {
        next = command->next;
        engine_answer(engine, command, err, 0);
    }
}

void boundary_forget(struct engine *engine)
{
    struct command *next;
    for (struct command *command = take_waiting(&engine->boundary); command != NULL;
         command = next) {
        next = command->next;
        command_forget(command);
    }
}
