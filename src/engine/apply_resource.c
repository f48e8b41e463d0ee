/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: created, updated, deleted; and the account with its operator at the first start. */
#include "engine/apply.h"

#include "base/assert.h"
#include "model/document.h"

static enum perm_subject subject_of(enum resource_kind kind)
{
    ASSERT(kind == RESOURCE_THNG);
    return PERM_THNG;
}

static enum perm_subject list_subject_of(enum resource_kind kind)
{
    ASSERT(kind == RESOURCE_THNG);
    return PERM_THNGS;
}

/* A head for a resource that is new: nobody can have named its id before. NULL without memory. */
static struct head *add_new_head(struct engine *engine, uint32_t account, enum resource_kind kind)
{
    struct id id = id_generate(engine->port->rand, engine_group(engine)->time_ms);
    if (heads_find(&engine->heads, &id) != NULL) {
        return NULL;
    }
    uint64_t mark = engine->port->documents_mark(engine->port->owner);
    struct head *head = heads_add(&engine->heads, &id, mark);
    if (head != NULL) {
        head->state = HEAD_PRESENT;
        head->kind = kind;
        head->account = account;
    }
    return head;
}

/* Writes the document in engine->scratch as the head's, and keeps it. */
static uint64_t write_document(struct engine *engine, struct head *head,
                               enum event_operation operation, struct slice scopes)
{
    struct slice text = buf_data(&engine->scratch);
    uint64_t event = group_write_document(engine_group(engine), head->account, operation,
                                          head->kind, &head->id, text, scopes);
    engine_wrote(engine, event);
    head->changed = event;
    /* Without memory for a copy the next update loads the document again. */
    if (err_is_set(head_keep_document(&engine->heads, head, text, scopes))) {
        head_drop_document(&engine->heads, head);
    }
    head_trim_document(&engine->heads, head);
    return event;
}

void apply_create(struct engine *engine, struct command *command)
{
    enum resource_kind kind = command->as.create.kind;
    struct err err = perm_may(&command->actor, list_subject_of(kind), PERM_CREATE);
    if (!err_is_set(err)) {
        err = command->refusal;
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return;
    }
    struct head *head = add_new_head(engine, command->actor.account, kind);
    if (head == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    struct id id = head->id;
    buf_reset(&engine->scratch);
    document_create(&engine->scratch, &id, engine_group(engine)->time_ms,
                    command->as.create.members);
    if (engine->scratch.failed ||
        command->as.create.point_count > engine->options.properties_per_resource_max) {
        err = engine->scratch.failed ? ERR(NO_MEMORY) : ERR(PROPERTIES_TOO_MANY);
        heads_remove(&engine->heads, head);
        engine_answer(engine, command, err, 0);
        return;
    }
    uint64_t event = write_document(engine, head, OPERATION_CREATED, command->as.create.scopes);
    if (command->as.create.point_count > 0) {
        uint64_t points_event;
        err = write_points(engine, head, command->as.create.points, command->as.create.point_count,
                           POINTS_SILENT, &points_event);
        /* Its limits were looked at before; what is left is memory for a few bytes. The resource
         * stands in the group already, so there is no way back but to refuse the whole group. */
        ASSERT(!err_is_set(err));
    }
    engine_answer_created(engine, command, event, &id);
}

void apply_update(struct engine *engine, struct command *command)
{
    enum perm_subject subject = subject_of(command->as.update.kind);
    struct head *head = engine_permitted_head(engine, command, subject, PERM_UPDATE, true);
    if (head == NULL) {
        return;
    }
    buf_reset(&engine->scratch);
    document_merge(&engine->scratch, buf_data(&head->document), command->as.update.patch,
                   engine_group(engine)->time_ms);
    if (engine->scratch.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    struct slice scopes = command->as.update.scopes;
    if (slice_is_empty(scopes)) {
        scopes = buf_data(&head->scopes);
    }
    uint64_t event = write_document(engine, head, OPERATION_UPDATED, scopes);
    engine_answer(engine, command, ERR(OK), event);
}

void apply_delete(struct engine *engine, struct command *command)
{
    enum perm_subject subject = subject_of(command->as.remove.kind);
    struct head *head = engine_permitted_head(engine, command, subject, PERM_DELETE, false);
    if (head == NULL) {
        return;
    }
    write_all_cut(engine, head);
    uint64_t event =
        group_write_document(engine_group(engine), head->account, OPERATION_DELETED, head->kind,
                             &head->id, (struct slice){0}, (struct slice){0});
    engine_wrote(engine, event);
    /* The key goes last: the device is told that its thng is gone before its connections end. */
    head->changed = event;
    if (head->has_key) {
        write_key_deleted(engine, head);
    }
    head_drop_document(&engine->heads, head);
    head->state = HEAD_ABSENT;
    engine_answer(engine, command, ERR(OK), event);
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
