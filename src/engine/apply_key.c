/* SPDX-License-Identifier: Apache-2.0
 *
 * Device keys: a thng has one or none. The key itself never comes here, only its hash and its
 * sealed form. */
#include "engine/apply.h"

void apply_key_create(struct engine *engine, struct command *command)
{
    struct head *head =
        engine_permitted_head(engine, command, PERM_DEVICE_KEYS, PERM_CREATE, false);
    if (head == NULL) {
        return;
    }
    if (head->kind != RESOURCE_THNG || head->has_key) {
        engine_answer(engine, command, head->has_key ? ERR(CONFLICT) : ERR(NOT_FOUND), 0);
        return;
    }
    uint64_t event =
        group_write_key(engine_group(engine), head->account, OPERATION_CREATED, KEY_DEVICE,
                        &head->id, command->as.key.hash, command->as.key.sealed);
    engine_wrote(engine, event);
    head->has_key = true;
    memcpy(head->key_hash, command->as.key.hash, sizeof(head->key_hash));
    head->changed = event;
    engine_answer(engine, command, ERR(OK), event);
}

uint64_t write_key_deleted(struct engine *engine, struct head *head)
{
    uint64_t event = group_write_key(engine_group(engine), head->account, OPERATION_DELETED,
                                     KEY_DEVICE, &head->id, head->key_hash, (struct slice){0});
    engine_wrote(engine, event);
    head->has_key = false;
    memset(head->key_hash, 0, sizeof(head->key_hash));
    head->changed = event;
    return event;
}

void apply_key_delete(struct engine *engine, struct command *command)
{
    struct head *head =
        engine_permitted_head(engine, command, PERM_DEVICE_KEYS, PERM_DELETE, false);
    if (head == NULL) {
        return;
    }
    if (!head->has_key) {
        engine_answer(engine, command, ERR(NOT_FOUND), 0);
        return;
    }
    engine_answer(engine, command, ERR(OK), write_key_deleted(engine, head));
}
