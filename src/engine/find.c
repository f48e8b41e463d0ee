/* SPDX-License-Identifier: Apache-2.0
 *
 * The heads that commands need: found, judged, loaded, waited for (head.h).
 *
 *      engine_await --missing--> load, wait in the queue --apply_loaded--> applied anew
 *                   --held-----> wait in the queue ------engine_settle--> applied anew
 *
 * Whoever waits in a queue waits for a load that is under way, or for the command that holds the
 * head; so every queue is emptied some time. */
#include "engine/apply.h"

#include "base/assert.h"
#include "model/action.h"

#include <stdlib.h>

/* Loads ahead that are under way at once, of all commands; and in a small table no more than a pass
 * of the eviction for so many leaves alone, or they would push each other out. */
#define LOADS_AHEAD_MAX 64
#define HEADS_PER_LOAD_AHEAD 64

/* ---- loading ---- */

static void load_free(struct head_load *load)
{
    head_load_deinit(load);
    free(load->batch);
}

/* Asks a reader; its answer is a COMMAND_LOADED. Takes the load. */
static struct err start_load(struct engine *engine, struct head *head, struct head_load *load)
{
    if (load == NULL) {
        return ERR(NO_MEMORY);
    }
    load->after = max_u64(load->after, head->changed);
    head->loading = load;
    if (!engine->port->load(engine->port->owner, load)) {
        head->loading = NULL;
        load_free(load);
        return ERR(BUSY);
    }
    return ERR(OK);
}

static struct err load_head(struct engine *engine, struct head *head, const struct command *command,
                            bool want_document)
{
    struct head_load *load = head_load_new(&head->id);
    if (load != NULL) {
        load->want_document = want_document;
        /* An action that was just made has no head that would say so (apply_action.c). */
        bool is_action =
            command->target_kind == RESOURCE_ACTION && id_equal(&command->target, &head->id);
        load->after = is_action ? engine->last_action : 0;
    }
    return start_load(engine, head, load);
}

/* ---- waiting ---- */

/* The head in whose queue the command has its turn: its target's; or, of actions on nothing in
 * particular, one that stands for the client, so that all who hear of them hear of them in the
 * order in which it sent them [MQTT-4.6.0-5]. */
static struct id turn_of(const struct command *command)
{
    struct id turn = command->target;
    if (command->kind == COMMAND_ACTIONS && !id_is_set(&turn)) {
        const struct answer_token *token = &command->token;
        turn.text[0] = 1; /* no id begins so */
        memcpy(&turn.text[2], &command->loop, sizeof(command->loop));
        memcpy(&turn.text[4], &token->slot, sizeof(token->slot));
        memcpy(&turn.text[8], &token->generation, sizeof(token->generation));
    }
    return turn;
}

/* NULL: it has none, or there is no memory for one that stands for a client. */
static struct head *turn_head(struct engine *engine, const struct command *command)
{
    const struct id turn = turn_of(command);
    struct head *head = id_is_set(&turn) ? heads_find(&engine->heads, &turn) : NULL;
    if (head == NULL && id_is_set(&turn) && !id_is_set(&command->target)) {
        head = heads_add(&engine->heads, &turn, engine->port->documents_mark(engine->port->owner));
        if (head != NULL) {
            head->state = HEAD_ABSENT;
        }
    }
    return head;
}

/* Has the command wait in the head's queue, and hold the head of its turn meanwhile. */
static void wait_for(struct engine *engine, struct head *head, struct command *command)
{
    head_wait(&engine->heads, head, command);
    if (command->session_writes.bytes > 0 && !link_is_in_list(&command->writing)) {
        list_push(&engine->writing, &command->writing);
    }
    struct head *held = command->held == NULL ? turn_head(engine, command) : NULL;
    if (held != NULL && held != head && held->held_by == NULL) {
        held->held_by = command;
        command->held = held;
    }
}

void engine_release(struct engine *engine, struct command *command)
{
    if (command->held != NULL) {
        ASSERT(command->held->held_by == command);
        command->held->held_by = NULL;
        heads_push_ready(&engine->heads, command->held);
    }
    bool has_waited = link_is_in_list(&command->writing);
    if (has_waited) {
        list_remove(&command->writing);
    }
    struct command_batch *batch = command->batch;
    ASSERT(batch->unanswered > 0);
    if (--batch->unanswered == 0) {
        free(batch);
    }
    if (has_waited) {
        sessions_go_on(engine);
    }
}

/* Must the command let others go first? Only the order of those with the same turn is kept. */
static bool has_to_queue(const struct head *head, const struct command *command)
{
    const struct id turn = turn_of(command);
    if (!id_equal(&head->id, &turn)) {
        return false;
    }
    return head->held_by != NULL ? head->held_by != command : head->last_waiting != NULL;
}

static bool is_missing(const struct head *head, bool want_document)
{
    return head->state == HEAD_LOADING ||
           (want_document && head->state == HEAD_PRESENT && head->document == NULL);
}

struct head *engine_await(struct engine *engine, struct command *command, const struct id *id,
                          bool want_document)
{
    struct heads *heads = &engine->heads;
    struct head *head = heads_find(heads, id);
    if (head == NULL) {
        head = heads_add(heads, id, engine->port->documents_mark(engine->port->owner));
        if (head == NULL) {
            engine_answer(engine, command, ERR(NO_MEMORY), 0);
            return NULL;
        }
    }
    bool queues = has_to_queue(head, command);
    if (!queues && !is_missing(head, want_document)) {
        return head;
    }
    if (!queues && head->loading == NULL) {
        struct err err = load_head(engine, head, command, want_document);
        if (err_is_set(err)) {
            if (head->state == HEAD_LOADING) {
                heads_remove(heads, head);
            }
            engine_answer(engine, command, err, 0);
            return NULL;
        }
    }
    wait_for(engine, head, command);
    return NULL;
}

bool engine_is_its_turn(struct engine *engine, struct command *command)
{
    const struct id turn = turn_of(command);
    struct head *head = heads_find(&engine->heads, &turn);
    bool queues = head != NULL && has_to_queue(head, command);
    if (queues) {
        wait_for(engine, head, command);
    }
    return !queues;
}

bool engine_wants_gist(struct engine *engine, const struct id *id)
{
    const struct head *head = heads_find(&engine->heads, id);
    return head == NULL || head_wants_gist(head);
}

/* ---- loading ahead ---- */

static bool may_load_ahead(const struct engine *engine, const struct ahead *ahead)
{
    return engine->loads_ahead < LOADS_AHEAD_MAX &&
           ahead->count < engine->options.heads_max / HEADS_PER_LOAD_AHEAD;
}

/* Starts the load; false when that cannot be had now. */
static bool start_ahead(struct engine *engine, struct head *head, bool want_document)
{
    struct head_load *load = head_load_new(&head->id);
    if (load != NULL) {
        load->want_document = want_document;
        load->is_ahead = true;
    }
    if (err_is_set(start_load(engine, head, load))) {
        return false;
    }
    engine->loads_ahead++;
    return true;
}

bool engine_load_ahead(struct engine *engine, const struct id *id, bool wants_gist,
                       struct ahead *ahead)
{
    struct heads *heads = &engine->heads;
    bool want_document = wants_gist && engine_wants_gist(engine, id);
    struct head *head = heads_find(heads, id);
    if (head != NULL && !is_missing(head, want_document)) {
        return true;
    }
    if (head == NULL || head->loading == NULL) {
        if (!may_load_ahead(engine, ahead)) {
            return false;
        }
        if (head == NULL) {
            head = heads_add(heads, id, engine->port->documents_mark(engine->port->owner));
        }
        if (head == NULL) {
            return false;
        }
        if (!start_ahead(engine, head, want_document)) {
            if (head->state == HEAD_LOADING) {
                heads_remove(heads, head);
            }
            return false;
        }
        ahead->count++;
    }
    ahead->last = head;
    return true;
}

bool engine_wait_ahead(struct engine *engine, struct command *command, const struct ahead *ahead)
{
    if (ahead->last != NULL) {
        wait_for(engine, ahead->last, command);
    }
    return ahead->last != NULL;
}

/* ---- going on ---- */

/* Applies all who wait for the head anew, or refuses them with <err>; whoever has to wait on does
 * so behind those who have waited longer. */
static void apply_waiting(struct engine *engine, struct head *head, struct err err)
{
    const struct id id = head->id;
    const uint64_t waits = engine->heads.waits;
    struct command *waiting = head_take_waiting(head);
    /* What was loaded ahead is kept also when there is no such resource: who wants to know comes
     * yet. */
    const bool is_ahead = engine->loaded != NULL && engine->loaded->is_ahead;
    if (err_is_set(err) && head->state == HEAD_LOADING) {
        heads_remove(&engine->heads, head);
    }
    while (waiting != NULL) {
        struct command *next = waiting->next;
        if (err_is_set(err)) {
            engine_answer(engine, waiting, err, 0);
        } else {
            engine_apply(engine, waiting);
        }
        waiting = next;
    }
    /* A resource that does not exist is not worth keeping: ids can be guessed without end. But
     * whoever goes on to wait for something else comes back, and must find both. */
    head = heads_find(&engine->heads, &id);
    if (head != NULL && head_is_idle(head) && head->state == HEAD_ABSENT && head->changed == 0 &&
        engine->heads.waits == waits && !is_ahead) {
        heads_remove(&engine->heads, head);
    }
}

void engine_settle(struct engine *engine)
{
    struct head *head;
    while ((head = heads_pop_ready(&engine->heads)) != NULL) {
        apply_waiting(engine, head, ERR(OK));
    }
    heads_trim_documents(&engine->heads);
}

/* ---- what a reader brings ---- */

static struct err take_load(struct engine *engine, struct head *head, const struct head_load *load)
{
    TRY(load->err);
    bool has_document = load->want_document && load->found;
    if (head->state == HEAD_LOADING) {
        TRY(head_fill(&engine->heads, head, load));
        head->may_be_member |= load->read < memberships_last(engine, head);
    } else if (head->state != HEAD_PRESENT || !load->want_document || head->changed > load->after) {
        /* The head had been here. If it has been changed since its document was asked for (by who
         * held it), those who wait ask again. */
        return ERR(OK);
    } else if (!load->found) {
        /* It went with its project, or its type: of that no event of its own tells. */
        head->state = HEAD_ABSENT;
    } else {
        TRY(head_keep_document(&engine->heads, head, buf_data(&load->document)));
    }
    /* Those who load many documents for their gists need not find all of them at once. */
    return has_document ? head_learn_gist(head) : ERR(OK);
}

void apply_loaded(struct engine *engine, struct command *command)
{
    struct head_load *load = command->as.loaded.load;
    struct head *head = heads_find(&engine->heads, &load->id);
    engine->loads_ahead -= load->is_ahead;
    /* Not so when it was asked for before a restart: who waited for it has been refused. */
    if (head != NULL && head->loading == load) {
        head->loading = NULL;
        struct err err = take_load(engine, head, load);
        engine->loaded = load;
        apply_waiting(engine, head, err);
        engine->loaded = NULL;
    }
    head_load_deinit(load);
    engine_release(engine, command);
}

void engine_load_members(struct engine *engine, struct head *head, struct command *command,
                         struct head_load *load)
{
    ASSERT(head->state != HEAD_LOADING && load->members.asker == command);
    struct member_load *members = &load->members;
    members->actor = command->actor;
    buf_put_bytes(&members->ids_copy, members->ids, members->id_count * sizeof(*members->ids));
    members->ids = (const struct id *)members->ids_copy.at;
    struct err err = ERR(OK);
    if (members->ids_copy.failed) {
        load_free(load);
        err = ERR(NO_MEMORY);
    } else if (head->loading == NULL) {
        err = start_load(engine, head, load);
    } else {
        /* Something else is under way for the head; the command asks again when it is here. */
        load_free(load);
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return;
    }
    wait_for(engine, head, command);
}

const struct head_load *engine_loaded(const struct engine *engine, const struct command *command)
{
    const struct head_load *load = engine->loaded;
    return load != NULL && load->members.asker == command ? load : NULL;
}

uint64_t engine_forgotten(const struct engine *engine)
{
    return engine->heads.forgotten;
}

/* ---- finding and judging ---- */

static bool is_present(const struct head *head, enum resource_kind kind)
{
    return head->state == HEAD_PRESENT && head->kind == kind;
}

/* What of the head says who sees it; borrows from it, and from <parent>, which it sets. */
static struct perm_resource resource_of(const struct head *head, struct id *parent)
{
    struct perm_resource resource = {
        .account = head->account,
        .kind = head->kind,
        .id = &head->id,
        .scopes = head_scopes(head),
    };
    if (head->kind == RESOURCE_APPLICATION) {
        *parent = head_gist_id(head);
        resource.parent = parent;
    }
    return resource;
}

static bool sees(const struct actor *actor, const struct head *head)
{
    /* A device sees nothing but its thng, and may yet record actions of each of its account's types
     * on it (contract: auth.md 6). */
    if (actor->kind == ACTOR_DEVICE && head->kind == RESOURCE_ACTION_TYPE) {
        return actor->account == head->account;
    }
    struct id parent;
    const struct perm_resource resource = resource_of(head, &parent);
    return !err_is_set(perm_sees(actor, &resource));
}

bool engine_sees(const struct actor *actor, enum resource_kind kind, const struct head *head)
{
    return is_present(head, kind) && sees(actor, head);
}

struct err engine_judge(const struct actor *actor, enum perm_subject subject,
                        enum perm_operation operation, const struct head *head)
{
    ASSERT(head->state == HEAD_PRESENT);
    struct id parent;
    const struct perm_resource resource = resource_of(head, &parent);
    return perm_judge(actor, subject, operation, &resource);
}

/* The head that says who sees <head>: itself; but whoever sees some of an account only sees a task
 * with its batch. NULL: later. */
static struct head *find_shown(struct engine *engine, struct command *command, struct head *head)
{
    if (head->kind != RESOURCE_TASK || !perm_depends_on_scopes(&command->actor)) {
        return head;
    }
    const struct id batch = head_gist_id(head);
    return engine_await(engine, command, &batch, false);
}

/* An application is gone with its project, a user with its application. */
static enum head_found find_parents(struct engine *engine, struct command *command,
                                    const struct head *head)
{
    while (head->kind == RESOURCE_USER || head->kind == RESOURCE_APPLICATION) {
        bool is_user = head->kind == RESOURCE_USER;
        const struct id id = head_gist_id(head);
        head = engine_await(engine, command, &id, false);
        if (head == NULL) {
            return HEAD_LATER;
        }
        if (!is_present(head, is_user ? RESOURCE_APPLICATION : RESOURCE_PROJECT)) {
            return HEAD_UNSEEN;
        }
    }
    return HEAD_SEEN;
}

enum head_found engine_find(struct engine *engine, struct command *command, enum resource_kind kind,
                            const struct id *id, const struct id *project, bool want_document,
                            struct head **head)
{
    struct head *found = engine_await(engine, command, id, want_document);
    if (found == NULL) {
        return HEAD_LATER;
    }
    bool must_be_in_project = project != NULL && id_is_set(project);
    if (!is_present(found, kind) ||
        (must_be_in_project && !perm_scopes_have_project(head_scopes(found), project))) {
        return HEAD_UNSEEN;
    }
    const struct head *shown = find_shown(engine, command, found);
    if (shown == NULL) {
        return HEAD_LATER;
    }
    if (shown->state != HEAD_PRESENT || !sees(&command->actor, shown)) {
        return HEAD_UNSEEN;
    }
    *head = found;
    return find_parents(engine, command, found);
}

enum head_found engine_find_action_type(struct engine *engine, struct command *command,
                                        struct slice type)
{
    if (action_type_is_built_in(type)) {
        return HEAD_SEEN;
    }
    struct head *head;
    struct id id = id_of_name(command->actor.account, RESOURCE_ACTION_TYPE, type);
    return engine_find(engine, command, RESOURCE_ACTION_TYPE, &id, NULL, false, &head);
}

enum head_found engine_find_any_project(struct engine *engine, struct command *command,
                                        const struct id *project)
{
    const struct head *head = engine_await(engine, command, project, false);
    if (head == NULL) {
        return HEAD_LATER;
    }
    bool exists = is_present(head, RESOURCE_PROJECT) && head->account == command->actor.account;
    return exists ? HEAD_SEEN : HEAD_UNSEEN;
}

enum head_found engine_find_project(struct engine *engine, struct command *command)
{
    if (!id_is_set(&command->project)) {
        return HEAD_SEEN;
    }
    if (!perm_may_name(&command->actor, &command->project)) {
        return HEAD_UNSEEN;
    }
    return engine_find_any_project(engine, command, &command->project);
}

bool engine_has_found(struct engine *engine, struct command *command, enum head_found found,
                      struct err err)
{
    if (found == HEAD_UNSEEN) {
        engine_answer(engine, command, err, 0);
    }
    return found == HEAD_SEEN;
}

/* Where the path says that the target lies; not set: nowhere in particular. (Where an action lies
 * is for apply_delete to say.) */
static struct id parent_of(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_UPDATE:
        return command->as.update.parent;
    case COMMAND_DELETE:
        return command->target_kind == RESOURCE_ACTION ? (struct id){0} : command->as.remove.parent;
    case COMMAND_KEY_CREATE:
    case COMMAND_KEY_DELETE:
        return command->as.key.parent;
    default:
        return (struct id){0};
    }
}

static bool is_in_parent(const struct command *command, const struct head *head)
{
    struct id parent = parent_of(command);
    if (!id_is_set(&parent)) {
        return true;
    }
    struct id gist = head_gist_id(head);
    return id_equal(&parent, &gist);
}

/* What the actor sees by way of one project or one share may be out of reach of the operation. */
static struct err judge_seen(struct engine *engine, struct command *command,
                             enum perm_subject subject, enum perm_operation operation,
                             struct head *head)
{
    if (command->actor.grant == NULL) {
        return ERR(OK); /* all has been judged: the row, and who sees it */
    }
    const struct head *shown = find_shown(engine, command, head);
    ASSERT(shown != NULL); /* it has just been found */
    return engine_judge(&command->actor, subject, operation, shown);
}

struct head *engine_permitted_head(struct engine *engine, struct command *command,
                                   enum perm_subject subject, enum perm_operation operation,
                                   bool want_document)
{
    if (command->operation != 0) {
        subject = (enum perm_subject)command->subject;
        operation = (enum perm_operation)command->operation;
    }
    struct err err = perm_may(&command->actor, subject, operation);
    struct head *head = NULL;
    if (!err_is_set(err)) {
        enum head_found found = engine_find(engine, command, command->target_kind, &command->target,
                                            &command->project, want_document, &head);
        if (found == HEAD_SEEN) {
            found = engine_find_project(engine, command);
        }
        if (found == HEAD_LATER) {
            return NULL;
        }
        bool is_seen = found == HEAD_SEEN && is_in_parent(command, head);
        err = is_seen ? judge_seen(engine, command, subject, operation, head) : ERR(NOT_FOUND);
    }
    err = err_is_set(err) ? err : command->refusal;
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return NULL;
    }
    return head;
}

bool engine_is_permitted(struct engine *engine, struct command *command, enum perm_subject subject,
                         enum perm_operation operation)
{
    struct err err = perm_may(&command->actor, subject, operation);
    if (!err_is_set(err)) {
        enum head_found found = engine_find_project(engine, command);
        if (!engine_has_found(engine, command, found, ERR(NOT_FOUND))) {
            return false;
        }
        err = command->refusal;
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
    }
    return !err_is_set(err);
}

enum head_found engine_find_references(struct engine *engine, struct command *command,
                                       const struct document_reference *references, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct head *head;
        enum head_found found =
            engine_find(engine, command, references[i].kind, &references[i].id, NULL, false, &head);
        if (found != HEAD_SEEN) {
            return found;
        }
    }
    return HEAD_SEEN;
}
