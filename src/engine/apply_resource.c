/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: what creating, updating and deleting them share; and the account with its operator at
 * the first start. */
#include "engine/apply.h"

#include "base/assert.h"
#include "model/action.h"

/* ---- which row of the table of rights ---- */

static const struct {
    enum perm_subject list; /* its path without an id */
    enum perm_subject one;
} subjects[RESOURCE_KIND_COUNT] = {
    [RESOURCE_THNG] = {PERM_THNGS, PERM_THNG},
    [RESOURCE_PRODUCT] = {PERM_PRODUCTS, PERM_PRODUCTS},
    [RESOURCE_COLLECTION] = {PERM_COLLECTIONS, PERM_COLLECTIONS},
    [RESOURCE_PLACE] = {PERM_PLACES, PERM_PLACES},
    [RESOURCE_PROJECT] = {PERM_PROJECTS, PERM_PROJECTS},
    [RESOURCE_APPLICATION] = {PERM_APPLICATIONS, PERM_APPLICATIONS},
    [RESOURCE_BATCH] = {PERM_BATCHES, PERM_BATCHES},
    [RESOURCE_TASK] = {PERM_BATCHES, PERM_BATCHES},
    [RESOURCE_FILE] = {PERM_FILES, PERM_FILES},
    [RESOURCE_ACTION_TYPE] = {PERM_ACTION_TYPES, PERM_ACTION_TYPES},
    [RESOURCE_ACTION] = {PERM_ACTIONS, PERM_ACTIONS},
};

enum perm_subject document_list_subject(enum resource_kind kind)
{
    ASSERT(kind >= RESOURCE_THNG && kind < RESOURCE_KIND_COUNT);
    return subjects[kind].list;
}

enum perm_subject document_subject(enum resource_kind kind, const struct actor *actor)
{
    ASSERT(kind >= RESOURCE_THNG && kind < RESOURCE_KIND_COUNT);
    /* An application sees no application but itself, and knows that as /applications/me. */
    bool is_own = kind == RESOURCE_APPLICATION && id_is_set(&actor->project);
    return is_own ? PERM_OWN_APPLICATION : subjects[kind].one;
}

bool command_is_on_built_in(const struct command *command)
{
    if (command->target_kind != RESOURCE_ACTION_TYPE) {
        return false;
    }
    struct slice type;
    for (size_t i = 0; action_type_built_in(i, &type); i++) {
        struct id id = id_of_name(command->actor.account, RESOURCE_ACTION_TYPE, type);
        if (id_equal(&id, &command->target)) {
            return true;
        }
    }
    return false;
}

/* ---- heads and events ---- */

struct head *engine_add_head(struct engine *engine, uint32_t account, enum resource_kind kind,
                             const struct id *id)
{
    struct head *head = heads_find(&engine->heads, id);
    if (head == NULL) {
        uint64_t mark = engine->port->documents_mark(engine->port->owner);
        head = heads_add(&engine->heads, id, mark);
    } else if (head->state != HEAD_ABSENT) {
        return NULL; /* a new id that somebody has: the odds are in id.h */
    }
    if (head != NULL) {
        head->state = HEAD_PRESENT;
        head->kind = (uint8_t)kind;
        head->account = account;
    }
    return head;
}

uint64_t write_document(struct engine *engine, struct head *head, enum event_operation operation,
                        struct slice scopes)
{
    struct slice text = buf_data(&engine->scratch);
    uint64_t event = group_write_document(engine_group(engine), head->account, operation,
                                          head->kind, &head->id, text, scopes);
    engine_wrote(engine, event);
    head->changed = event;
    head_forget_gist(head);
    /* Who sees the resource must not be forgotten. There is no memory for a few bytes: there is no
     * way on. */
    struct err err = head_keep_scopes(head, scopes);
    ASSERT(!err_is_set(err));
    /* Without memory for a copy of the document the next update loads it again. */
    if (err_is_set(head_keep_document(&engine->heads, head, text))) {
        head_drop_document(&engine->heads, head);
    }
    return event;
}

/* ---- the first start ---- */

static uint64_t write_root(struct engine *engine, uint32_t account, enum resource_kind kind,
                           struct slice members, struct id *id)
{
    struct group_writer *writer = engine_group(engine);
    *id = id_generate(engine->port->rand, writer->time_ms);
    buf_reset(&engine->scratch);
    document_create(&engine->scratch, id, writer->time_ms, members);
    uint64_t event = group_write_document(writer, account, OPERATION_CREATED, kind, id,
                                          buf_data(&engine->scratch), (struct slice){0});
    engine_wrote(engine, event);
    return event;
}

void apply_bootstrap(struct engine *engine, struct command *command)
{
    uint32_t account = ++engine->last_account;
    struct id account_id;
    struct id operator_id;
    uint64_t event = write_root(engine, account, RESOURCE_ACCOUNT,
                                command->as.bootstrap.account_members, &account_id);
    write_root(engine, account, RESOURCE_OPERATOR, command->as.bootstrap.operator_members,
               &operator_id);
    engine_wrote(engine, group_write_key(engine_group(engine), account, OPERATION_CREATED,
                                         KEY_OPERATOR, &operator_id, command->as.bootstrap.key_hash,
                                         command->as.bootstrap.key_sealed));
    engine_answer_created(engine, command, event, &account_id);
}
