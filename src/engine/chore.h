/* SPDX-License-Identifier: Apache-2.0
 *
 * chore.h - work that is too big for one command and is done in slices, one a group: between two
 * slices everybody else has their turn, so nobody waits for the whole.
 *
 *      task      makes thngs from a template. A slice writes some thngs and the task's progress in
 *                one group, so after a crash it goes on exactly where it was
 *      notices   tells which members a big collection had when it was emptied: the emptying itself
 *                was one event (MEMBERS_ALL); a slice lists the next of them, and the documents let
 *                go of what was listed
 *
 * What is to be done is read from the documents at the start, and follows from events after that:
 * no chore is lost with the process. A slice is a command of the engine's own (COMMAND_CHORE): it
 * waits for heads like any other.
 *
 *                    chores_step            answered
 *      CHORE_READY -------------> CHORE_BUSY -------> CHORE_READY, or gone when it is done
 *          ^                          | refused
 *          +---- after a while --- CHORE_RESTING
 *
 * Owned by the engine's thread. */
#ifndef THRUM_ENGINE_CHORE_H
#define THRUM_ENGINE_CHORE_H

#include "base/list.h"
#include "engine/command.h"

struct engine;

/* Thngs that one slice of a task makes at most: one for so many bytes of the task's document,
 * within these bounds. */
#define CHORE_DOCUMENT_BYTES_PER_THNG 1024
#define CHORE_THNGS_PER_SLICE_MIN 100
#define CHORE_THNGS_PER_SLICE_MAX 1000

/* So many have a slice under way at once. Each may keep a reader waiting. */
#define CHORES_BUSY_MAX 2

/* Before a slice that was refused (no memory, no reader, a row that cannot be read) is tried
 * again. */
#define CHORE_REST_MS 1000

enum chore_kind { CHORE_TASK, CHORE_NOTICES };
enum chore_state { CHORE_READY, CHORE_BUSY, CHORE_RESTING };

struct chore {
    struct link link; /* in chores.all */
    enum chore_kind kind;
    enum chore_state state;
    bool is_done; /* its last slice is written, or there is nothing left to do */
    uint32_t account;
    struct id id;                   /* the task; the collection */
    enum resource_kind member_kind; /* of notices: RESOURCE_THNG or RESOURCE_COLLECTION */
    int64_t rested_ms;              /* in CHORE_RESTING: until then */
    /* of a task: */
    bool is_known;    /* it has been looked at, and <batch> is set; of notices always */
    struct id batch;  /* that it lies in */
    uint64_t written; /* the last event of its last slice */
};

struct chores {
    struct link all; /* struct chore, in the order of their turns */
    uint32_t ready;
    uint32_t busy;
    uint32_t resting;
    uint32_t unknown; /* tasks that have not been looked at */
};

void chores_init(struct chores *chores);
/* Forgets all. None of their commands may be waiting any more. */
void chores_deinit(struct chores *chores);

/* A chore for the task, or for the notices of the collection, if there is none yet. The caller has
 * just written the event that begins it, or has found it unfinished in the documents. Without
 * memory it is left to the next start (logged). */
void chore_add_task(struct engine *engine, uint32_t account, const struct id *task);
void chore_add_notices(struct engine *engine, uint32_t account, const struct id *collection,
                       enum resource_kind member_kind);

/* True when one of them can go on now. */
bool chores_have_work(const struct engine *engine);

/* Does one slice of the next chore that is ready. In engine_turn, before the group closes. */
void chores_step(struct engine *engine);

/* Applies a slice's command; and what became of it, which engine_answer tells. */
void apply_chore(struct engine *engine, struct command *command);
void chore_answered(struct engine *engine, struct chore *chore, struct err err);

/* ---- between chore.c and its two kinds ---- */

/* One slice: writes its events and answers the command, or has it wait for a head. */
void chore_task_slice(struct engine *engine, struct command *command, struct chore *chore);
void chore_notices_slice(struct engine *engine, struct command *command, struct chore *chore);

/* True when another task of that batch is not finished. */
bool chores_have_batch(const struct engine *engine, const struct chore *but,
                       const struct id *batch);

#endif
