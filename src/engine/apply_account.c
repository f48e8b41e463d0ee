/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts: a new one, with all without which nobody could use it: an operator who is an
 * administrator, its key, and the access policy that each account has. In that order, so that what
 * came of it can be told by the first event and those behind it. */
#include "engine/apply.h"

#include "base/assert.h"
#include "engine/names.h"
#include "model/role.h"

/* The one that is made at the first start: only its administrators make others. */
#define FIRST_ACCOUNT 1

static struct err judge(const struct engine *engine, const struct command *command)
{
    const struct actor *actor = &command->actor;
    if (actor->kind == ACTOR_NONE && engine->last_account == 0) {
        return command->refusal; /* at the first start there is nobody */
    }
    TRY(perm_may(actor, PERM_ACCOUNTS, PERM_CREATE));
    bool may =
        actor->kind == ACTOR_OPERATOR && actor->account == FIRST_ACCOUNT && actor->grant == NULL;
    return may ? command->refusal : ERR(DENIED);
}

/* Nothing of an account can be taken back when the rest cannot be had. There is no memory for a few
 * bytes: there is no way on. */
static struct head *write_root(struct engine *engine, uint32_t account, enum resource_kind kind,
                               struct slice members)
{
    int64_t now_ms = engine_group(engine)->time_ms;
    struct id id = id_generate(engine->port->rand, now_ms);
    struct head *head = engine_add_head(engine, account, kind, &id);
    buf_reset(&engine->scratch);
    document_create(&engine->scratch, &id, now_ms, members);
    ASSERT(head != NULL && !engine->scratch.failed);
    write_document(engine, head, OPERATION_CREATED, (struct slice){0});
    return head;
}

static void write_operator(struct engine *engine, const struct command *command, uint32_t account)
{
    struct buf *members = &engine->scratch_members;
    buf_reset(members);
    if (!slice_is_empty(command->as.account.operator_members)) {
        buf_put(members, command->as.account.operator_members);
    }
    document_put_member(members, SLICE("role"), SLICE("\"admin\""));
    ASSERT(!members->failed);
    struct command_key key = {.kind = KEY_OPERATOR, .sealed = command->as.account.key_sealed};
    memcpy(key.hash, command->as.account.key_hash, sizeof(key.hash));
    struct head *head = write_root(engine, account, RESOURCE_OPERATOR, buf_data(members));
    write_key_created(engine, head, &key);
}

static void write_policy(struct engine *engine, uint32_t account)
{
    struct buf *members = &engine->scratch_members;
    buf_reset(members);
    buf_put_format(members, "\"name\":\"%.*s\"", SLICE_ARGS(POLICY_ADMIN));
    document_put_member(members, SLICE("permissions"), policy_admin_permissions());
    document_put_member(members, SLICE("managed"), SLICE("true"));
    const struct head *head =
        write_root(engine, account, RESOURCE_ACCESS_POLICY, buf_data(members));
    struct id name;
    struct err err = name_of_head(head, buf_data(members), &name);
    ASSERT(!members->failed && !err_is_set(err));
    write_name_taken(engine, head, &name);
}

void apply_account(struct engine *engine, struct command *command)
{
    struct err err = judge(engine, command);
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return;
    }
    uint32_t account = ++engine->last_account;
    uint64_t event = engine->last_sequence + 1;
    struct id id =
        write_root(engine, account, RESOURCE_ACCOUNT, command->as.account.account_members)->id;
    write_operator(engine, command, account);
    write_policy(engine, account);
    engine_answer_created(engine, command, event, &id);
}
