/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/assert.h"
#include "engine/apply.h"

#include <stdlib.h>

typedef void (*apply_fn)(struct engine *engine, struct command *command);

static void apply_loaded(struct engine *engine, struct command *command);

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
    [COMMAND_SUBSCRIBE] = {apply_subscribe, false},
    [COMMAND_SESSION_OPEN] = {apply_session_open, false},
    [COMMAND_SESSION_CLOSED] = {apply_session_closed, false},
    [COMMAND_LOADED] = {apply_loaded, false},
    [COMMAND_BOOTSTRAP] = {apply_bootstrap, true},
};

/* What the store holds is where the engine begins. */
static void begin_from(struct engine *engine, const struct engine_options *options)
{
    engine->options = *options;
    engine->last_sequence = options->last_sequence;
    engine->committed_sequence = options->last_sequence;
    engine->last_time_ms = options->last_time_ms;
    engine->last_property = options->last_property;
    engine->last_account = options->last_account;
    heads_init(&engine->heads, options->hash_seed, options->heads_max);
}

struct engine *engine_new(const struct engine_options *options, const struct engine_port *port)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return NULL;
    }
    engine->port = port;
    begin_from(engine, options);
    return engine;
}

static void forget_waiting(struct head *head)
{
    while (head->waiting != NULL) {
        struct command *command = head->waiting;
        head->waiting = command->next;
        if (--command->batch->unanswered == 0) {
            free(command->batch);
        }
    }
}

void engine_restart(struct engine *engine, const struct engine_options *options)
{
    ASSERT(!engine->group_is_open);
    LIST_EACH (&engine->heads.clock, link, after) {
        struct head *head = LIST_ENTRY(link, struct head, clock);
        while (head->waiting != NULL) {
            struct command *command = head->waiting;
            head->waiting = command->next;
            engine_answer(engine, command, ERR(READ_ONLY), 0);
        }
    }
    heads_deinit(&engine->heads);
    begin_from(engine, options);
    engine->is_read_only = false;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    LIST_EACH (&engine->heads.clock, link, after) {
        forget_waiting(LIST_ENTRY(link, struct head, clock));
    }
    heads_deinit(&engine->heads);
    sessions_deinit(engine);
    group_writer_deinit(&engine->writer);
    buf_deinit(&engine->scratch);
    buf_deinit(&engine->scratch_entries);
    free(engine->due);
    free(engine);
}

/* ---- the open group ---- */

struct group_writer *engine_group(struct engine *engine)
{
    if (!engine->group_is_open) {
        int64_t now = max_i64(engine->port->now_ms(engine->port->owner), engine->last_time_ms);
        group_writer_start(&engine->writer, engine->last_sequence + 1, now);
        engine->last_time_ms = now;
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

/* The command is done with; its batch goes with the last of its commands. */
static void command_release(struct command *command)
{
    struct command_batch *batch = command->batch;
    ASSERT(batch->unanswered > 0);
    if (--batch->unanswered == 0) {
        free(batch);
    }
}

static void answer_command(struct engine *engine, struct command *command, struct answer answer)
{
    if (command->wants_answer) {
        answer.kind = ANSWER_COMMAND;
        answer.token = command->token;
        answer.wants_event = command->wants_event;
        answer.after = engine->last_sequence;
        engine_answer_to(engine, command->loop, &answer);
    }
    command_release(command);
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

/* ---- heads ---- */

/* Asks a reader for the head; its answer is a COMMAND_LOADED. */
static struct err start_load(struct engine *engine, struct head *head, bool want_document)
{
    struct head_load *load = head_load_new(&head->id);
    if (load == NULL) {
        return ERR(NO_MEMORY);
    }
    load->after = head->changed;
    load->want_document = want_document;
    head->loading = load;
    if (!engine->port->load(engine->port->owner, load)) {
        head->loading = NULL;
        head_load_deinit(load);
        free(load->batch);
        return ERR(BUSY);
    }
    return ERR(OK);
}

struct head *engine_head(struct engine *engine, struct command *command, bool want_document)
{
    struct heads *heads = &engine->heads;
    struct head *head = heads_find(heads, &command->target);
    if (head == NULL) {
        uint64_t mark = engine->port->documents_mark(engine->port->owner);
        head = heads_add(heads, &command->target, mark);
        if (head == NULL) {
            engine_answer(engine, command, ERR(NO_MEMORY), 0);
            return NULL;
        }
    }
    bool is_missing = head->state == HEAD_LOADING ||
                      (want_document && head->state == HEAD_PRESENT && !head->has_document);
    if (!is_missing && head->waiting == NULL) {
        return head;
    }
    /* Those who wait keep their order: whoever comes later to the same resource waits as well. */
    if (head->waiting == NULL) {
        struct err err = start_load(engine, head, want_document);
        if (err_is_set(err)) {
            if (head->state == HEAD_LOADING) {
                heads_remove(heads, head);
            }
            engine_answer(engine, command, err, 0);
            return NULL;
        }
    }
    head_wait(head, command);
    return NULL;
}

struct head *engine_permitted_head(struct engine *engine, struct command *command,
                                   enum perm_subject subject, enum perm_operation operation,
                                   bool want_document)
{
    struct err err = perm_may(&command->actor, subject, operation);
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return NULL;
    }
    struct head *head = engine_head(engine, command, want_document);
    if (head == NULL) {
        return NULL;
    }
    /* All subjects that name a resource are a thng's so far: accounts and operators have ids too,
     * and are nothing that a path under /thngs reaches. */
    err = head->state == HEAD_PRESENT && head->kind == RESOURCE_THNG
              ? perm_sees(&command->actor, head->account, head->kind, &head->id)
              : ERR(NOT_FOUND);
    if (!err_is_set(err)) {
        err = command->refusal;
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return NULL;
    }
    return head;
}

uint32_t engine_property_number(struct engine *engine, struct head *head, struct slice key,
                                bool *is_new)
{
    struct head_property *property = head_property_find(head, key, engine->heads.seed);
    *is_new = property == NULL;
    if (property != NULL) {
        return property->number;
    }
    uint32_t number = engine->last_property + 1;
    if (err_is_set(head_property_add(head, key, number, engine->heads.seed))) {
        return 0;
    }
    engine->last_property = number;
    return number;
}

/* ---- the way in ---- */

static void apply(struct engine *engine, struct command *command)
{
    if (engine->is_read_only && command_rows[command->kind].changes) {
        engine_answer(engine, command, ERR(READ_ONLY), 0);
        return;
    }
    engine->qos = command->qos;
    command_rows[command->kind].apply(engine, command);
}

/* Takes what a reader found for a head; true when those who wait can go on. */
static struct err take_load(struct engine *engine, struct head *head, const struct head_load *load)
{
    TRY(load->err);
    if (head->state == HEAD_LOADING) {
        return head_fill(&engine->heads, head, load);
    }
    /* The head had been here and only its document was wanted. Nothing can have changed it since:
     * every change waits in its queue. */
    if (head->state == HEAD_PRESENT && load->want_document && load->found) {
        return head_keep_document(&engine->heads, head, buf_data(&load->document),
                                  buf_data(&load->scopes));
    }
    return ERR(OK);
}

static void apply_loaded(struct engine *engine, struct command *command)
{
    struct head_load *load = command->as.loaded.load;
    struct head *head = heads_find(&engine->heads, &load->id);
    if (head == NULL || head->waiting == NULL || head->loading != load) {
        /* Asked for before a restart: who waited for it has been refused. */
        head_load_deinit(load);
        command_release(command);
        return;
    }
    head->loading = NULL;
    struct err err = take_load(engine, head, load);
    struct command *waiting = head->waiting;
    head->waiting = NULL;
    head->waiting_last = &head->waiting;
    if (err_is_set(err) && head->state == HEAD_LOADING) {
        heads_remove(&engine->heads, head);
    }
    while (waiting != NULL) {
        struct command *next = waiting->next;
        if (err_is_set(err)) {
            engine_answer(engine, waiting, err, 0);
        } else {
            /* May wait again: an update after a first one that needed only the head. */
            apply(engine, waiting);
        }
        waiting = next;
    }
    /* A resource that does not exist is not worth keeping: ids can be guessed without end. */
    head = heads_find(&engine->heads, &load->id);
    if (head != NULL && head->waiting == NULL) {
        head_trim_document(&engine->heads, head);
        if (head->state == HEAD_ABSENT && head->changed == 0) {
            heads_remove(&engine->heads, head);
        }
    }
    head_load_deinit(load);
    command_release(command);
}

void engine_accept(struct engine *engine, struct command_batch *batch)
{
    struct command *command = batch->first;
    batch->unanswered = batch->count;
    if (command == NULL) {
        free(batch);
        return;
    }
    while (command != NULL) {
        struct command *next = command->next;
        command->next = NULL;
        apply(engine, command);
        command = next;
    }
}

bool engine_is_full(const struct engine *engine)
{
    return engine->group_is_open &&
           group_writer_bytes(&engine->writer) >= engine->options.group_bytes_max;
}

bool engine_is_read_only(const struct engine *engine)
{
    return engine->is_read_only;
}

/* ---- the way out ---- */

static struct err commit_group(struct engine *engine, struct group *group)
{
    struct slice bytes;
    TRY(group_writer_close(&engine->writer, &bytes));
    TRY(group_open(bytes, group));
    TRY(engine->port->commit(engine->port->owner, group));
    engine->committed_sequence = group->last_sequence;
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

void engine_turn(struct engine *engine)
{
    struct group group;
    bool has_group = engine->group_is_open && engine->writer.count > 0;
    if (has_group) {
        struct err err = engine->is_read_only ? ERR(READ_ONLY) : commit_group(engine, &group);
        if (err_is_set(err)) {
            has_group = false;
            engine->is_read_only = true;
            engine->last_sequence = engine->committed_sequence;
            refuse_due(engine);
        }
    }
    engine->group_is_open = false;
    /* Answers first: a loop that finds the group in the ring must find the answers that stand
     * between its events, since a subscription begins exactly there. */
    const struct engine_port *port = engine->port;
    for (size_t i = 0; i < engine->due_count; i++) {
        port->answer(port->owner, engine->due[i].loop, &engine->due[i].answer);
    }
    engine->due_count = 0;
    if (has_group) {
        port->publish(port->owner, &group);
    }
    port->flush(port->owner);
}
