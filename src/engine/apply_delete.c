/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: delete, with all that hangs on them, in this order: who is a member of what, samples,
 * the document, its name, keys. What a deletion does to any number of others (a product's thngs, a
 * type's actions, a project's applications) follows from its one event, and is worked off
 * elsewhere. */
#include "engine/apply.h"

#include "engine/names.h"
#include "engine/roles.h"
#include "model/action.h"

/* Who is a member of what must be known to tell of it. False: later, or refused. */
static bool find_members(struct engine *engine, struct command *command, struct head *head,
                         const struct head_load **load)
{
    *load = NULL;
    if (!memberships_concern(head)) {
        return true;
    }
    *load = engine_loaded(engine, command);
    if (*load != NULL && memberships_is_current(engine, head, *load)) {
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

/* Is the document needed to say whether it may go, and what goes with it? */
static bool wants_document(enum resource_kind kind)
{
    return kind == RESOURCE_ACTION || kind == RESOURCE_ACTION_TYPE || kind == RESOURCE_OPERATOR ||
           document_kind(kind)->taken_name != NULL;
}

/* The name that will be free, once the head is found. False: later, or refused. */
static bool find_name(struct engine *engine, struct command *command, const struct head *head,
                      struct id *name)
{
    *name = (struct id){0};
    if (document_kind(head->kind)->taken_name == NULL) {
        return true;
    }
    struct err err = name_of_head(head, document_members(head_document(head)), name);
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return false;
    }
    return name_find(engine, command, name) != HEAD_LATER;
}

/* Something may depend on it that keeps it. False: later, or refused. */
static bool may_go(struct engine *engine, struct command *command, struct head *head)
{
    if (document_is_managed(head)) {
        engine_answer(engine, command, ERR(BUILT_IN), 0);
        return false;
    }
    switch (head->kind) {
    case RESOURCE_ROLE:
        return roles_may_delete(engine, command, head);
    case RESOURCE_OPERATOR:
        return roles_keep_administrator(engine, command, head, (struct slice){0});
    default:
        return true;
    }
}

static void write_deleted(struct engine *engine, struct head *head, const struct id *name,
                          const struct head_load *load)
{
    if (load != NULL) {
        write_members_gone(engine, head, load);
    }
    write_all_cut(engine, head);
    write_document_deleted(engine, head);
    write_name_freed(engine, head, name);
    /* Keys go last: a device is told that its thng is gone before its connections end. */
    write_keys_deleted(engine, head);
}

void apply_delete(struct engine *engine, struct command *command)
{
    enum perm_subject subject = document_subject(command->target_kind, &command->actor);
    if (command_is_on_built_in(command)) {
        struct err err = perm_may(&command->actor, subject, PERM_DELETE);
        engine_answer(engine, command, err_is_set(err) ? err : ERR(BUILT_IN), 0);
        return;
    }
    struct head *head = engine_permitted_head(engine, command, subject, PERM_DELETE,
                                              wants_document(command->target_kind));
    if (head == NULL) {
        return;
    }
    enum head_found found =
        head->kind == RESOURCE_ACTION ? find_type(engine, command, head) : HEAD_SEEN;
    struct id name;
    const struct head_load *load;
    /* What readers are asked about it comes last: their answer is good for this moment only. */
    if (!engine_has_found(engine, command, found, ERR(NOT_FOUND)) ||
        !find_name(engine, command, head, &name) || !may_go(engine, command, head) ||
        !find_members(engine, command, head, &load)) {
        return;
    }
    uint64_t first = engine->last_sequence + 1;
    write_deleted(engine, head, &name, load);
    engine_answer(engine, command, ERR(OK), first);
}
