/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: delete, with all that hangs on them, in this order: who is a member of what, samples,
 * the document, keys. What a deletion does to any number of others (a product's thngs, a type's
 * actions, a project's applications) follows from its one event, and is worked off elsewhere. */
#include "engine/apply.h"

#include "model/action.h"

/* Who is a member of what must be known to tell of it. False: later, or refused. */
static bool find_members(struct engine *engine, struct command *command, struct head *head,
                         const struct head_load **load)
{
    *load = NULL;
    if (head->kind != RESOURCE_THNG && head->kind != RESOURCE_COLLECTION) {
        return true;
    }
    *load = engine_loaded(engine, command);
    if (*load != NULL && members_gone_is_current(engine, head, *load)) {
        return true;
    }
    struct head_load *wanted = members_gone_load(engine, head, command);
    if (wanted == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
    } else {
        engine_load_members(engine, head, command, wanted);
    }
    return false;
}

/* An action must be of the type that the path names, if it does, and is gone with its type. */
static enum head_found find_type(struct engine *engine, struct command *command,
                                 const struct head *head)
{
    struct action_targets targets;
    action_targets(head_document(head), &targets);
    struct id type = id_of_name(head->account, RESOURCE_ACTION_TYPE, targets.type);
    const struct id *wanted = &command->as.remove.parent;
    if (id_is_set(wanted) && !id_equal(wanted, &type)) {
        return HEAD_UNSEEN;
    }
    if (action_type_is_built_in(targets.type)) {
        return HEAD_SEEN;
    }
    const struct head *found = engine_await(engine, command, &type, false);
    if (found == NULL) {
        return HEAD_LATER;
    }
    return found->state == HEAD_PRESENT ? HEAD_SEEN : HEAD_UNSEEN;
}

static void write_deleted(struct engine *engine, struct head *head, const struct head_load *load)
{
    if (load != NULL) {
        write_members_gone(engine, head, load);
    }
    write_all_cut(engine, head);
    /* The scopes say who hears of it. */
    uint64_t event =
        group_write_document(engine_group(engine), head->account, OPERATION_DELETED, head->kind,
                             &head->id, (struct slice){0}, head_scopes(head));
    engine_wrote(engine, event);
    head->changed = event;
    /* Keys go last: a device is told that its thng is gone before its connections end. */
    write_keys_deleted(engine, head);
    head_drop_document(&engine->heads, head);
    head->state = HEAD_ABSENT;
}

void apply_delete(struct engine *engine, struct command *command)
{
    enum perm_subject subject = document_subject(command->target_kind, &command->actor);
    bool is_action = command->target_kind == RESOURCE_ACTION;
    if (command_is_on_built_in(command)) {
        struct err err = perm_may(&command->actor, subject, PERM_DELETE);
        engine_answer(engine, command, err_is_set(err) ? err : ERR(BUILT_IN), 0);
        return;
    }
    struct head *head = engine_permitted_head(engine, command, subject, PERM_DELETE, is_action);
    if (head == NULL) {
        return;
    }
    enum head_found found = is_action ? find_type(engine, command, head) : HEAD_SEEN;
    const struct head_load *load;
    if (!engine_has_found(engine, command, found, ERR(NOT_FOUND)) ||
        !find_members(engine, command, head, &load)) {
        return;
    }
    uint64_t first = engine->last_sequence + 1;
    write_deleted(engine, head, load);
    engine_answer(engine, command, ERR(OK), first);
}
