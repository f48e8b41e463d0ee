/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chore.h"

#include "base/assert.h"
#include "base/log.h"
#include "engine/apply.h"

#include <stdlib.h>

void chores_init(struct chores *chores)
{
    *chores = (struct chores){0};
    list_init(&chores->all);
}

void chores_deinit(struct chores *chores)
{
    LIST_EACH (&chores->all, link, after) {
        free(LIST_ENTRY(link, struct chore, link));
    }
    chores_init(chores);
}

/* ---- the list ---- */

static uint32_t *count_of(struct chores *chores, enum chore_state state)
{
    switch (state) {
    case CHORE_READY:
        return &chores->ready;
    case CHORE_BUSY:
        return &chores->busy;
    case CHORE_RESTING:
        return &chores->resting;
    }
    ASSERT(false);
    return NULL;
}

static void set_state(struct chores *chores, struct chore *chore, enum chore_state state)
{
    --*count_of(chores, chore->state);
    chore->state = state;
    ++*count_of(chores, state);
}

static bool is_same(const struct chore *a, const struct chore *b)
{
    return a->kind == b->kind && a->member_kind == b->member_kind && id_equal(&a->id, &b->id);
}

static bool has(struct chores *chores, const struct chore *wanted)
{
    LIST_EACH (&chores->all, link, after) {
        if (is_same(LIST_ENTRY(link, struct chore, link), wanted)) {
            return true;
        }
    }
    return false;
}

static void add(struct engine *engine, const struct chore *wanted)
{
    struct chores *chores = &engine->chores;
    if (has(chores, wanted)) {
        return;
    }
    struct chore *chore = malloc(sizeof(*chore));
    if (chore == NULL) {
        log_line(LOG_ERROR, "engine", "no memory: work is left to the next start resource=%.*s",
                 SLICE_ARGS(id_slice(&wanted->id)));
        return;
    }
    *chore = *wanted;
    list_push(&chores->all, &chore->link);
    chores->ready++;
    chores->unknown += !chore->is_known;
}

void chore_add_task(struct engine *engine, uint32_t account, const struct id *task)
{
    struct chore chore = {.kind = CHORE_TASK, .account = account, .id = *task};
    const struct head *head = heads_find(&engine->heads, task);
    if (head != NULL && head->state == HEAD_PRESENT) {
        chore.is_known = true;
        chore.batch = head_gist_id(head);
    }
    add(engine, &chore);
}

void chore_add_notices(struct engine *engine, uint32_t account, const struct id *collection,
                       enum resource_kind member_kind)
{
    add(engine, &(struct chore){
                    .kind = CHORE_NOTICES,
                    .account = account,
                    .id = *collection,
                    .member_kind = member_kind,
                    .is_known = true,
                });
}

bool chores_have_batch(const struct engine *engine, const struct chore *but, const struct id *batch)
{
    LIST_EACH (&engine->chores.all, link, after) {
        const struct chore *chore = LIST_ENTRY(link, struct chore, link);
        if (chore != but && chore->kind == CHORE_TASK && id_equal(&chore->batch, batch)) {
            return true;
        }
    }
    return false;
}

/* ---- turns ---- */

/* What a batch may take up for the alignment of its one command. */
#define BATCH_ROUNDING 64

static bool is_ready(const struct chore *chore, int64_t now_ms)
{
    return chore->state == CHORE_READY ||
           (chore->state == CHORE_RESTING && now_ms >= chore->rested_ms);
}

/* The next in turn. As long as there are tasks whose batch is not known, those come first: who
 * finishes the last task of a batch must know that it is the last. */
static struct chore *next_ready(const struct engine *engine)
{
    const struct chores *chores = &engine->chores;
    if (chores->ready + chores->resting == 0 || chores->busy >= CHORES_BUSY_MAX) {
        return NULL;
    }
    int64_t now_ms = engine->port->now_ms(engine->port->owner);
    LIST_EACH (&chores->all, link, after) {
        struct chore *chore = LIST_ENTRY(link, struct chore, link);
        if (is_ready(chore, now_ms) && (chores->unknown == 0 || !chore->is_known)) {
            return chore;
        }
    }
    return NULL;
}

bool chores_have_work(const struct engine *engine)
{
    return next_ready(engine) != NULL;
}

void chores_step(struct engine *engine)
{
    struct chores *chores = &engine->chores;
    struct chore *chore = next_ready(engine);
    if (chore == NULL) {
        return;
    }
    list_remove(&chore->link);
    list_push(&chores->all, &chore->link);
    set_state(chores, chore, CHORE_BUSY);
    struct command_batch *batch = command_batch_new(sizeof(struct command) + BATCH_ROUNDING);
    if (batch == NULL) {
        chore_answered(engine, chore, ERR(NO_MEMORY));
        return;
    }
    struct command *command = command_batch_add(batch, COMMAND_CHORE);
    ASSERT(command != NULL);
    command->qos = 1;
    command->actor = (struct actor){.kind = ACTOR_OPERATOR, .account = chore->account};
    command->target = chore->id;
    command->target_kind = chore->kind == CHORE_TASK ? RESOURCE_TASK : RESOURCE_COLLECTION;
    command->as.chore.chore = chore;
    engine_accept(engine, batch);
}

void apply_chore(struct engine *engine, struct command *command)
{
    struct chore *chore = command->as.chore.chore;
    if (chore->kind == CHORE_TASK) {
        chore_task_slice(engine, command, chore);
    } else {
        chore_notices_slice(engine, command, chore);
    }
}

/* Tasks that cannot be looked at do not keep the others from going on. */
static void look_is_over(struct chores *chores, struct chore *chore)
{
    if (!chore->is_known) {
        chore->is_known = true;
        chores->unknown--;
    }
}

void chore_answered(struct engine *engine, struct chore *chore, struct err err)
{
    struct chores *chores = &engine->chores;
    ASSERT(chore->state == CHORE_BUSY);
    look_is_over(chores, chore);
    if (err_is_set(err)) {
        LOG_LIMITED(LOG_WARN, "engine", "work is put off resource=%.*s reason=%s",
                    SLICE_ARGS(id_slice(&chore->id)), err_name(err));
        chore->rested_ms = engine->port->now_ms(engine->port->owner) + CHORE_REST_MS;
        set_state(chores, chore, CHORE_RESTING);
    } else if (chore->is_done) {
        --*count_of(chores, chore->state);
        list_remove(&chore->link);
        free(chore);
    } else {
        set_state(chores, chore, CHORE_READY);
    }
}
