/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: what creating, updating and deleting them share. */
#include "engine/apply.h"

#include "base/assert.h"
#include "model/action.h"

/* ---- which row of the table of rights ---- */

static const struct {
    enum perm_subject creation;
    enum perm_subject one;
} subjects[RESOURCE_KIND_COUNT] = {
    [RESOURCE_ACCOUNT] = {PERM_ACCOUNTS, PERM_ACCOUNTS},
    [RESOURCE_OPERATOR] = {PERM_ACCOUNT_ACCESSES, PERM_ACCOUNT_ACCESSES},
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
    [RESOURCE_USER] = {PERM_SIGN_UP, PERM_USERS},
    [RESOURCE_ROLE] = {PERM_ROLES, PERM_ROLES},
    [RESOURCE_ACCESS_POLICY] = {PERM_ACCESS_POLICIES, PERM_ACCESS_POLICIES},
    [RESOURCE_ACCESS_TOKEN] = {PERM_ACCESS_TOKENS, PERM_ACCESS_TOKENS},
    [RESOURCE_SHARE] = {PERM_SHARES, PERM_SHARES},
};

enum perm_subject document_creation_subject(enum resource_kind kind)
{
    ASSERT(kind >= RESOURCE_ACCOUNT && kind < RESOURCE_NAME);
    return subjects[kind].creation;
}

enum perm_subject document_subject(enum resource_kind kind, const struct actor *actor)
{
    ASSERT(kind >= RESOURCE_ACCOUNT && kind < RESOURCE_NAME);
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

bool document_is_managed(const struct head *head)
{
    if (head->kind != RESOURCE_ACCESS_POLICY) {
        return false;
    }
    const struct json_value document = json_object_of(head_document(head));
    return json_is_true(json_member(document, SLICE("managed")));
}

/* ---- bodies ---- */

/* Members without braces, as document.h writes them. */
static bool next_member(struct json_each *each, struct json_member *member)
{
    return each->at < each->end && json_object_next(each, member);
}

static struct json_each each_member(struct slice members)
{
    return (struct json_each){.at = members.at,
                              .end = members.bytes ? members.at + members.bytes : members.at};
}

struct json_value body_find(struct slice members, struct slice name)
{
    struct json_each each = each_member(members);
    for (struct json_member member; next_member(&each, &member);) {
        if (slice_equal(member.name, name)) {
            return member.value;
        }
    }
    return (struct json_value){0};
}

void body_put_without(struct buf *out, struct slice members, const struct slice *names,
                      size_t count)
{
    struct json_each each = each_member(members);
    for (struct json_member member; next_member(&each, &member);) {
        bool is_left_out = false;
        for (size_t i = 0; i < count; i++) {
            is_left_out = is_left_out || slice_equal(member.name, names[i]);
        }
        if (!is_left_out) {
            document_put_member(out, member.name, member.value.text);
        }
    }
}

bool document_takes_scopes(enum resource_kind kind, struct slice members)
{
    switch (kind) {
    case RESOURCE_ACCOUNT:
    case RESOURCE_OPERATOR:
    case RESOURCE_USER:
    case RESOURCE_ACCESS_POLICY:
    case RESOURCE_ACCESS_TOKEN:
    case RESOURCE_SHARE:
        return false;
    case RESOURCE_ROLE:
        /* A role of operators is nothing that users of a project see. */
        return !json_string_equals(body_find(members, SLICE("type")), SLICE("operator"));
    default:
        return true;
    }
}

bool engine_load_references(struct engine *engine, struct command *command,
                            const struct document_reference *references, uint32_t count)
{
    struct ahead ahead = {0};
    for (uint32_t i = 0; count > 1 && i < count; i++) {
        if (!engine_load_ahead(engine, &references[i].id, false, &ahead)) {
            break;
        }
    }
    return !engine_wait_ahead(engine, command, &ahead);
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

static void wrote_document(struct engine *engine, struct head *head, uint64_t event)
{
    engine_wrote(engine, event);
    head->changed = event;
    if (head->kind == RESOURCE_OPERATOR) {
        engine->last_operator = event;
    }
}

uint64_t write_document(struct engine *engine, struct head *head, enum event_operation operation,
                        struct slice scopes)
{
    struct slice text = buf_data(&engine->scratch);
    const struct head_collections *in =
        head->may_be_member && head->document != NULL ? head->document->collections : NULL;
    uint64_t event = group_write_member_document(
        engine_group(engine), head->account, operation, head->kind, &head->id, text, scopes,
        in == NULL ? NULL : in->at, in == NULL ? 0 : in->count);
    wrote_document(engine, head, event);
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

uint64_t write_document_deleted(struct engine *engine, struct head *head)
{
    /* The scopes say who hears of it; and of a type the name, which its id does not give, where. */
    bool tells_name = head->kind == RESOURCE_ACTION_TYPE;
    uint64_t event = group_write_document(
        engine_group(engine), head->account, OPERATION_DELETED, head->kind, &head->id,
        tells_name ? head_document(head) : (struct slice){0}, head_scopes(head));
    wrote_document(engine, head, event);
    head_drop_document(&engine->heads, head);
    head->state = HEAD_ABSENT;
    return event;
}
