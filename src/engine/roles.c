/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/roles.h"

#include "base/assert.h"
#include "model/role.h"

/* ---- which role ---- */

static bool is_for_operators(const struct head *role)
{
    struct json_value type = json_member(json_object_of(head_document(role)), SLICE("type"));
    return json_string_equals(type, SLICE("operator"));
}

enum head_found roles_find(struct engine *engine, struct command *command, enum resource_kind kind,
                           const struct id *id, struct head **role)
{
    struct head *found;
    enum head_found result = engine_find(engine, command, RESOURCE_ROLE, id, NULL, true, &found);
    if (result != HEAD_SEEN) {
        return result;
    }
    if (is_for_operators(found) != (kind == RESOURCE_OPERATOR)) {
        return HEAD_UNSEEN;
    }
    *role = found;
    return HEAD_SEEN;
}

enum head_found roles_find_default(struct engine *engine, struct command *command,
                                   const struct head *application, struct slice *name,
                                   struct head **role)
{
    struct id id;
    *role = NULL;
    *name = document_text(head_document(application), SLICE("defaultRole"));
    if (slice_is_empty(*name)) {
        *name = ROLE_BASE_APP_USER;
    }
    if (!id_parse(*name, &id)) {
        return HEAD_SEEN;
    }
    *role = engine_await(engine, command, &id, false);
    return *role == NULL ? HEAD_LATER : HEAD_SEEN;
}

void roles_note_assigned(struct engine *engine, struct head *role)
{
    if (role != NULL) {
        role->changed = engine->last_sequence + 1;
    }
}

/* ---- what must be asked ---- */

/* The last event that the answer must know of. */
static uint64_t last_change(const struct engine *engine, const struct head *head,
                            enum head_question question)
{
    return question == QUESTION_ROLE_IS_USED ? head->changed : engine->last_operator;
}

/* False: the command waits for the answer, or has been refused. It is asked as the last thing
 * before the command writes: the answer is good at once, or not at all. */
static bool ask(struct engine *engine, struct command *command, struct head *head,
                enum head_question question, bool *is_so)
{
    const struct head_load *loaded = engine_loaded(engine, command);
    if (loaded != NULL && loaded->question == question &&
        loaded->read >= last_change(engine, head, question)) {
        *is_so = loaded->is_so;
        return true;
    }
    struct head_load *load = head_load_new(&head->id);
    if (load == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return false;
    }
    load->question = question;
    load->members.asker = command;
    /* Also of those who had the role, or were administrators, and are so no more. */
    load->after = engine->last_sequence;
    engine_load_members(engine, head, command, load);
    return false;
}

bool roles_may_delete(struct engine *engine, struct command *command, struct head *role)
{
    bool is_used = false;
    if (is_for_operators(role)) {
        return true; /* whoever has it falls back to none (contract: auth.md 8) */
    }
    if (!ask(engine, command, role, QUESTION_ROLE_IS_USED, &is_used)) {
        return false;
    }
    if (is_used) {
        engine_answer(engine, command, ERR(ROLE_IN_USE), 0);
    }
    return !is_used;
}

static bool is_administrator(struct slice document)
{
    struct json_value role = json_member(json_object_of(document), SLICE("role"));
    if (role.type == JSON_STRING) {
        return json_string_equals(role, ROLE_ADMIN);
    }
    struct json_value policies = json_member(json_object_of(document), SLICE("policies"));
    return policies.type != JSON_ARRAY;
}

/* The actor is an administrator itself. */
static bool holds_everything(const struct actor *actor)
{
    return actor->kind == ACTOR_OPERATOR && actor->grant == NULL;
}

/* Does it get another role, or become an administrator by losing what limited it? */
static bool is_given_rights(struct slice former, struct slice document)
{
    struct slice role = document_text(document, SLICE("role"));
    if (slice_is_empty(former)) {
        return !slice_is_empty(role) || is_administrator(document);
    }
    return !slice_equal(role, document_text(former, SLICE("role"))) ||
           (is_administrator(document) && !is_administrator(former));
}

struct err roles_judge_operator(const struct actor *actor, struct slice former,
                                struct slice document)
{
    bool is_too_much = !holds_everything(actor) && is_given_rights(former, document);
    return is_too_much ? ERR(GRANTS_TOO_MUCH) : ERR(OK);
}

bool roles_keep_administrator(struct engine *engine, struct command *command, struct head *head,
                              struct slice document)
{
    bool has_other = false;
    if (!is_administrator(head_document(head)) ||
        (!slice_is_empty(document) && is_administrator(document))) {
        return true;
    }
    if (!ask(engine, command, head, QUESTION_OTHER_ADMINISTRATOR, &has_other)) {
        return false;
    }
    if (!has_other) {
        engine_answer(engine, command, ERR(LAST_ADMINISTRATOR), 0);
    }
    return has_other;
}
