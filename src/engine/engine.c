/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/assert.h"
#include "engine/apply.h"

#include <stdlib.h>

typedef void (*apply_fn)(struct engine *engine, struct command *command);

static const struct {
    apply_fn apply;
    bool changes; /* refused while the engine is read-only */
} command_rows[] = {
    [COMMAND_POINTS] = {apply_points, true},
    [COMMAND_CUT] = {apply_cut, true},
    [COMMAND_CREATE] = {apply_create, true},
    [COMMAND_UPDATE] = {apply_update, true},
    [COMMAND_DELETE] = {apply_delete, true},
    [COMMAND_KEY_CREATE] = {apply_key_create, true},
    [COMMAND_KEY_DELETE] = {apply_key_delete, true},
    [COMMAND_ACTIONS] = {apply_actions, true},
    [COMMAND_MEMBERS] = {apply_members, true},
    [COMMAND_COMMISSION] = {apply_commission, true},
    [COMMAND_MESSAGE] = {apply_message, true},
    [COMMAND_CHORE] = {apply_chore, true},
    [COMMAND_SUBSCRIBE] = {apply_subscribe, false},
    [COMMAND_SESSION_OPEN] = {apply_session_open, false},
    [COMMAND_SESSION_CLOSED] = {apply_session_closed, false},
    [COMMAND_SESSION_WRITE] = {apply_session_write, true},
    [COMMAND_SESSION_EXPIRE] = {apply_session_expire, true},
    [COMMAND_LOADED] = {apply_loaded, false},
    [COMMAND_ACCOUNT] = {apply_account, true},
};

/* What the store holds is where the engine begins. */
static void begin_from(struct engine *engine, const struct engine_options *options)
{
    engine->options = *options;
    engine->last_sequence = options->last_sequence;
    engine->committed_sequence = options->last_sequence;
    engine->last_time_ms = options->last_time_ms;
    engine->committed_time_ms = options->last_time_ms;
    /* What boundaries promised before a restart still holds. */
    engine->least_time_ms = max_i64(engine->least_time_ms, options->last_time_ms);
    engine->last_property = options->last_property;
    engine->last_account = options->last_account;
    engine->last_action = options->last_sequence;
    engine->last_operator = options->last_sequence;
    heads_init(&engine->heads, options->hash_seed, options->heads_max);
    chores_init(&engine->chores);
    member_changes_init(&engine->member_changes, options->hash_seed, options->last_sequence);
}

static void forget_all(struct engine *engine)
{
    chores_deinit(&engine->chores);
    member_changes_deinit(&engine->member_changes);
    heads_deinit(&engine->heads);
}

struct engine *engine_new(const struct engine_options *options, const struct engine_port *port)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return NULL;
    }
    engine->port = port;
    list_init(&engine->writing);
    begin_from(engine, options);
    return engine;
}

void command_forget(struct command *command)
{
    if (--command->batch->unanswered == 0) {
        free(command->batch);
    }
}

static void forget_waiting(struct head *head)
{
    struct command *next;
    for (struct command *command = head_take_waiting(head); command != NULL; command = next) {
        next = command->next;
        command_forget(command);
    }
}

void engine_restart(struct engine *engine, const struct engine_options *options)
{
    ASSERT(!engine->group_is_open);
    boundary_refuse(engine, ERR(READ_ONLY));
    LIST_EACH (&engine->heads.clock, link, after) {
        struct command *command = head_take_waiting(LIST_ENTRY(link, struct head, clock));
        while (command != NULL) {
            struct command *next = command->next;
            engine_answer(engine, command, ERR(READ_ONLY), 0);
            command = next;
        }
    }
    forget_all(engine);
    begin_from(engine, options);
    engine->is_read_only = false;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    boundary_forget(engine);
    LIST_EACH (&engine->heads.clock, link, after) {
        forget_waiting(LIST_ENTRY(link, struct head, clock));
    }
    forget_all(engine);
    sessions_deinit(engine);
    group_writer_deinit(&engine->writer);
    buf_deinit(&engine->scratch);
    buf_deinit(&engine->scratch_entries);
    buf_deinit(&engine->scratch_scopes);
    buf_deinit(&engine->scratch_members);
    buf_deinit(&engine->scratch_points);
    buf_deinit(&engine->scratch_value);
    buf_deinit(&engine->session_writes);
    free(engine->due);
    free(engine);
}

/* ---- the open group ---- */

struct group_writer *engine_group(struct engine *engine)
{
    if (!engine->group_is_open) {
        int64_t clock_ms = engine->port->now_ms(engine->port->owner);
        int64_t time_ms = max_i64(clock_ms, engine->least_time_ms);
        group_writer_start(&engine->writer, engine->last_sequence + 1, time_ms);
        engine->boundary.clock_ms = clock_ms;
        engine->last_time_ms = time_ms;
        engine->least_time_ms = time_ms;
        engine->group_is_open = true;
    }
    engine->writer.qos = engine->qos;
    return &engine->writer;
}

void engine_wrote(struct engine *engine, uint64_t sequence)
{
    ASSERT(sequence == engine->last_sequence + 1);
    engine->last_sequence = sequence;
}

/* ---- answers ---- */

void engine_answer_to(struct engine *engine, uint16_t loop, const struct answer *answer)
{
    if (engine->due_count == engine->due_room) {
        size_t room = engine->due_room ? engine->due_room * 2 : 1024;
        void *grown = realloc(engine->due, room * sizeof(*engine->due));
        /* An answer that cannot be given would leave its client waiting for ever. The number of
         * answers is bounded by the commands under way, so this is a machine without memory. */
        ASSERT(grown != NULL);
        engine->due = grown;
        engine->due_room = room;
    }
    engine->due[engine->due_count++] = (struct due_answer){.loop = loop, .answer = *answer};
}

static void answer_command(struct engine *engine, struct command *command, struct answer answer)
{
    if (!err_is_set(answer.err) || command->writes_if_refused) {
        buf_put(&engine->session_writes, command->session_writes);
        engine->sessions_begun += command->begins_session;
        engine->sessions_ended += command->ends_session;
    } else if (command->begins_session) {
        engine->port->sessions_gone(engine->port->owner, 1);
    }
    if (command->kind == COMMAND_CHORE) {
        chore_answered(engine, command->as.chore.chore, answer.err);
    } else if (command->wants_answer) {
        answer.kind = ANSWER_COMMAND;
        answer.token = command->token;
        answer.wants_event = command->wants_event;
        answer.after = engine->last_sequence;
        if (err_is_set(answer.err)) {
            answer.created = command->target;
        }
        engine_answer_to(engine, command->loop, &answer);
    }
    engine_release(engine, command);
}

void engine_answer(struct engine *engine, struct command *command, struct err err, uint64_t event)
{
    answer_command(engine, command, (struct answer){.err = err, .event = event});
}

void engine_answer_created(struct engine *engine, struct command *command, uint64_t event,
                           const struct id *created)
{
    answer_command(engine, command, (struct answer){.event = event, .created = *created});
}

void engine_answer_boundary(struct engine *engine, struct command *command, int64_t boundary_ms)
{
    answer_command(engine, command, (struct answer){.boundary_ms = boundary_ms});
}

/* ---- the way out ---- */

/* <group> is filled when there is one. */
static struct err commit(struct engine *engine, bool has_group, struct group *group)
{
    const struct engine_port *port = engine->port;
    struct slice writes = buf_data(&engine->session_writes);
    if (engine->is_read_only) {
        return ERR(READ_ONLY);
    }
    if (engine->session_writes.failed) {
        return ERR(NO_MEMORY);
    }
    if (!has_group) {
        return port->commit(port->owner, NULL, writes);
    }
    struct slice bytes;
    TRY(group_writer_close(&engine->writer, &bytes));
    TRY(group_open(bytes, group));
    TRY(port->commit(port->owner, group, writes));
    engine->committed_sequence = group->last_sequence;
    engine->committed_time_ms = group->time_ms;
    return ERR(OK);
}

/* Nothing of the group may be told: every answer of the turn becomes a refusal, also those without
 * events of their own, since they may have seen what was not kept. */
static void refuse_due(struct engine *engine)
{
    for (size_t i = 0; i < engine->due_count; i++) {
        struct answer *answer = &engine->due[i].answer;
        if (answer->kind == ANSWER_COMMAND) {
            answer->err = err_is_set(answer->err) ? answer->err : ERR(READ_ONLY);
            answer->event = 0;
        }
        answer->after = engine->committed_sequence;
    }
}

/* A large command or group leaves no large buffers behind. */
static void trim_buffers(struct engine *engine)
{
    struct group_writer *writer = &engine->writer;
    struct buf *buffers[] = {
        &engine->scratch,        &engine->scratch_entries,
        &engine->scratch_scopes, &engine->scratch_members,
        &engine->scratch_points, &engine->scratch_value,
        &engine->session_writes, &writer->body,
        &writer->filter_hashes,  &writer->record,
    };
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++) {
        if (buffers[i]->room > 2 * engine->options.group_bytes_max) {
            buf_deinit(buffers[i]);
        }
    }
}

/* Commits the group, publishes it and hands out the answers. Between commands only. */
static void close_group(struct engine *engine)
{
    struct group group;
    bool has_group = engine->group_is_open && engine->writer.count > 0;
    bool has_writes = buf_bytes(&engine->session_writes) > 0 || engine->session_writes.failed;
    uint64_t sessions_gone = engine->sessions_ended;
    if ((has_group || has_writes) && err_is_set(commit(engine, has_group, &group))) {
        has_group = false;
        sessions_gone = engine->sessions_begun;
        engine->is_read_only = true;
        engine->last_sequence = engine->committed_sequence;
        refuse_due(engine);
    }
    engine->group_is_open = false;
    buf_reset(&engine->session_writes);
    engine->sessions_begun = engine->sessions_ended = 0;
    const struct engine_port *port = engine->port;
    if (sessions_gone > 0) {
        port->sessions_gone(port->owner, sessions_gone);
    }
    /* Answers first: a loop that finds the group in the ring must find the answers that stand
     * between its events, since a subscription begins exactly there. */
    for (size_t i = 0; i < engine->due_count; i++) {
        port->answer(port->owner, engine->due[i].loop, &engine->due[i].answer);
    }
    engine->due_count = 0;
    if (has_group) {
        port->publish(port->owner, &group);
    }
    port->flush(port->owner);
    trim_buffers(engine);
}

/* ---- the way in ---- */

void engine_apply(struct engine *engine, struct command *command)
{
    /* Any number of commands may go on with one load, and each may write a lot. */
    if (engine_is_full(engine)) {
        close_group(engine);
    }
    if (engine->is_read_only && command_rows[command->kind].changes) {
        engine_answer(engine, command, ERR(READ_ONLY), 0);
        return;
    }
    engine->qos = command->qos;
    command_rows[command->kind].apply(engine, command);
}

void engine_accept(struct engine *engine, struct command_batch *batch)
{
    struct command *command = batch->first;
    batch->unanswered = batch->count;
    if (command == NULL) {
        free(batch);
        return;
    }
    boundary_step(engine);
    while (command != NULL) {
        struct command *next = command->next;
        command->next = NULL;
        engine_apply(engine, command);
        engine_settle(engine);
        command = next;
    }
}

bool engine_is_full(const struct engine *engine)
{
    size_t bytes = engine->group_is_open ? group_writer_bytes(&engine->writer) : 0;
    return bytes + buf_bytes(&engine->session_writes) >= engine->options.group_bytes_max;
}

bool engine_is_read_only(const struct engine *engine)
{
    return engine->is_read_only;
}

/* ---- turns ---- */

bool engine_has_work(const struct engine *engine)
{
    return !engine->is_read_only && chores_have_work(engine);
}

void engine_resume_task(struct engine *engine, uint32_t account, const struct id *task)
{
    chore_add_task(engine, account, task);
}

bool engine_waits_for_clock(const struct engine *engine)
{
    return boundary_is_awaited(&engine->boundary);
}

/* Which kind of member is to be told of is not known: both, and who has none ends at once. */
void engine_resume_notices(struct engine *engine, uint32_t account, const struct id *collection)
{
    chore_add_notices(engine, account, collection, RESOURCE_THNG);
    chore_add_notices(engine, account, collection, RESOURCE_COLLECTION);
}

void engine_turn(struct engine *engine)
{
    boundary_step(engine);
    /* Also when the group is full: chores would never have their turn while the load is high. The
     * slice then comes into a group of its own. */
    if (engine_has_work(engine)) {
        chores_step(engine);
    }
    close_group(engine);
}
