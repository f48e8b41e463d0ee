/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: of each kind its holder has one or none; an application has its two from its beginning to
 * its end. A key itself never comes here, only its hash and its sealed form. */
#include "engine/apply.h"

#include "base/assert.h"

struct key_right {
    enum perm_subject subject;
    enum perm_operation operation;
};

/* What has keys of a kind, and what must be permitted for issuing one and for ending it (contract:
 * auth.md 2). A user is issued one by its application when it logs in, and ends it itself. */
static const struct key_kind_row {
    enum resource_kind holder;
    struct key_right issuing;
    struct key_right ending;
} rows[] = {
    [KEY_OPERATOR] = {RESOURCE_OPERATOR,
                      {PERM_ACCOUNT_ACCESSES, PERM_UPDATE},
                      {PERM_ACCOUNT_ACCESSES, PERM_UPDATE}},
    [KEY_DEVICE] = {RESOURCE_THNG,
                    {PERM_DEVICE_KEYS, PERM_CREATE},
                    {PERM_DEVICE_KEYS, PERM_DELETE}},
    [KEY_APPLICATION] = {RESOURCE_APPLICATION,
                         {PERM_APPLICATION_KEYS, PERM_DELETE},
                         {PERM_APPLICATION_KEYS, PERM_DELETE}},
    [KEY_TRUSTED] = {RESOURCE_APPLICATION,
                     {PERM_APPLICATION_KEYS, PERM_DELETE},
                     {PERM_APPLICATION_KEYS, PERM_DELETE}},
    [KEY_USER] = {RESOURCE_USER, {PERM_SIGN_UP, PERM_CREATE}, {PERM_LOGOUT, PERM_CREATE}},
    [KEY_ACCESS_TOKEN] = {RESOURCE_ACCESS_TOKEN,
                          {PERM_ACCESS_TOKENS, PERM_UPDATE},
                          {PERM_ACCESS_TOKENS, PERM_UPDATE}},
};

/* ---- events ---- */

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

/* The head keeps the key. */
static uint64_t write_deleted(struct engine *engine, struct head *head, const struct head_key *key)
{
    uint64_t event = group_write_key(engine_group(engine), head->account, OPERATION_DELETED,
                                     key->kind, &head->id, key->hash, (struct slice){0});
    engine_wrote(engine, event);
    head->changed = event;
    return event;
}

uint64_t write_keys_deleted(struct engine *engine, struct head *head)
{
    uint64_t event = 0;
    for (uint8_t i = 0; i < head->key_count; i++) {
        event = write_deleted(engine, head, &head->keys[i]);
    }
    head_keys_remove(head);
    return event;
}

/* ---- the commands ---- */

/* The head of whose key it is; NULL as engine_permitted_head. */
static struct head *find_holder(struct engine *engine, struct command *command)
{
    enum key_kind kind = command->as.key.key.kind;
    ASSERT(kind >= KEY_OPERATOR && kind < ARRAY_LEN(rows));
    bool is_issued = command->kind == COMMAND_KEY_CREATE;
    struct key_right right = is_issued ? rows[kind].issuing : rows[kind].ending;
    command->target_kind = rows[kind].holder;
    return engine_permitted_head(engine, command, right.subject, right.operation, false);
}

void apply_key_create(struct engine *engine, struct command *command)
{
    const struct command_key *key = &command->as.key.key;
    struct head *head = find_holder(engine, command);
    if (head == NULL) {
        return;
    }
    const struct head_key *former = head_key_find(head, key->kind);
    if (former != NULL && !command->as.key.replaces) {
        engine_answer(engine, command, ERR(CONFLICT), 0);
        return;
    }
    if (former != NULL) {
        write_deleted(engine, head, former);
        head_key_remove(head, key->kind);
    }
    engine_answer(engine, command, ERR(OK), write_key_created(engine, head, key));
}

void apply_key_delete(struct engine *engine, struct command *command)
{
    enum key_kind kind = command->as.key.key.kind;
    struct head *head = find_holder(engine, command);
    if (head == NULL) {
        return;
    }
    const struct head_key *key = head_key_find(head, kind);
    if (key == NULL) {
        engine_answer(engine, command, ERR(NOT_FOUND), 0);
        return;
    }
    uint64_t event = write_deleted(engine, head, key);
    head_key_remove(head, kind);
    engine_answer(engine, command, ERR(OK), event);
}
