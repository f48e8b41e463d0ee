/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: a thng has one or none, an application two from its beginning to its end. A key itself
 * never comes here, only its hash and its sealed form. */
#include "engine/apply.h"

#include "base/assert.h"

uint64_t write_key_created(struct engine *engine, struct head *head, const struct command_key *key)
{
    uint64_t event = group_write_key(engine_group(engine), head->account, OPERATION_CREATED,
                                     key->kind, &head->id, key->hash, key->sealed);
    engine_wrote(engine, event);
    struct head_key kept = {.kind = key->kind};
    memcpy(kept.hash, key->hash, sizeof(kept.hash));
    /* Which key to end must not be forgotten. There is no memory for a few bytes: there is no way
     * on. */
    struct err err = head_key_add(head, &kept);
    ASSERT(!err_is_set(err));
    head->changed = event;
    return event;
}

uint64_t write_keys_deleted(struct engine *engine, struct head *head)
{
    uint64_t event = 0;
    for (uint8_t i = 0; i < head->key_count; i++) {
        const struct head_key *key = &head->keys[i];
        event = group_write_key(engine_group(engine), head->account, OPERATION_DELETED, key->kind,
                                &head->id, key->hash, (struct slice){0});
        engine_wrote(engine, event);
        head->changed = event;
    }
    head_keys_remove(head);
    return event;
}

void apply_key_create(struct engine *engine, struct command *command)
{
    ASSERT(command->target_kind == RESOURCE_THNG);
    struct head *head =
        engine_permitted_head(engine, command, PERM_DEVICE_KEYS, PERM_CREATE, false);
    if (head == NULL) {
        return;
    }
    if (head->key_count > 0) {
        engine_answer(engine, command, ERR(CONFLICT), 0);
        return;
    }
    engine_answer(engine, command, ERR(OK), write_key_created(engine, head, &command->as.key));
}

void apply_key_delete(struct engine *engine, struct command *command)
{
    ASSERT(command->target_kind == RESOURCE_THNG);
    struct head *head =
        engine_permitted_head(engine, command, PERM_DEVICE_KEYS, PERM_DELETE, false);
    if (head == NULL) {
        return;
    }
    if (head->key_count == 0) {
        engine_answer(engine, command, ERR(NOT_FOUND), 0);
        return;
    }
    engine_answer(engine, command, ERR(OK), write_keys_deleted(engine, head));
}
