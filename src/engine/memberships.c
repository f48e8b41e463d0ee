/* SPDX-License-Identifier: Apache-2.0
 *
 * Which collections a thng or a collection is in. Of most the head knows that they are in none; of
 * the others a reader looks, and what it found is kept with the document until that changes. */
#include "engine/apply.h"

uint64_t memberships_last(const struct engine *engine, const struct head *head)
{
    const struct member_changes *changes = &engine->member_changes;
    return max_u64(member_changes_last(changes, &head->id), changes->emptied);
}

bool memberships_concern(const struct head *head)
{
    return head->kind == RESOURCE_THNG || head->kind == RESOURCE_COLLECTION;
}

struct head_load *memberships_load(struct engine *engine, const struct head *head,
                                   const struct command *command)
{
    struct head_load *load = head_load_new(&head->id);
    if (load != NULL) {
        load->after = memberships_last(engine, head);
        load->members.asker = command;
    }
    return load;
}

bool memberships_is_current(const struct engine *engine, const struct head *head,
                            const struct head_load *load)
{
    return load->read >= memberships_last(engine, head);
}

static bool is_known(const struct engine *engine, const struct head *head)
{
    const struct head_collections *kept = head->document->collections;
    return !memberships_concern(head) || !head->may_be_member ||
           (kept != NULL && kept->read >= engine->member_changes.emptied);
}

static struct err keep_read(struct engine *engine, struct head *head, const struct head_load *load)
{
    struct slice ids = buf_data(&load->members.collections);
    head->may_be_member = ids.bytes > 0;
    return ids.bytes == 0 ? ERR(OK) : head_keep_collections(&engine->heads, head, load->read, ids);
}

bool memberships_find(struct engine *engine, struct command *command, struct head *head)
{
    struct err err = ERR(OK);
    const struct head_load *load = engine_loaded(engine, command);
    if (!is_known(engine, head) && load != NULL && memberships_is_current(engine, head, load)) {
        err = keep_read(engine, head, load);
    }
    if (!err_is_set(err) && is_known(engine, head)) {
        return true;
    }
    struct head_load *wanted = err_is_set(err) ? NULL : memberships_load(engine, head, command);
    if (wanted == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return false;
    }
    engine_load_members(engine, head, command, wanted);
    return false;
}
