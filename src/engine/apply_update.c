/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: update. Members that the patch names are replaced; and what the document still says of
 * resources that have been deleted meanwhile goes: its product, projects in its scopes. */
#include "engine/apply.h"

#include "engine/names.h"
#include "engine/roles.h"

/* What is found out before the first event is written. */
struct update {
    struct head *head;
    struct slice patch;
    bool may_give_rights;
    struct slice scopes;   /* as they will be */
    struct slice document; /* to be patched */
    /* What it is called before and after; neither is set when that does not change. */
    struct id former_name;
    struct id name;
    struct head *role; /* that somebody gets; NULL: a built-in one, or nothing new */
};

/* ---- what of the body counts ---- */

/* An email that was made up for it stays (contract: auth.md 2.4). */
static bool is_anonymous(const struct head *user)
{
    struct json_value credentials =
        json_member(json_object_of(head_document(user)), SLICE("credentials"));
    return json_string_equals(json_member(credentials, SLICE("status")), SLICE("anonymous"));
}

/* Nobody gives rights to itself: the members that do are then as read-only ones, and so is what
 * they refer to. */
static bool may_give_rights(const struct command *command, const struct head *head)
{
    bool is_itself = head->kind == RESOURCE_USER
                         ? command->actor.kind == ACTOR_USER
                         : command->operation != 0 && command->subject == PERM_OPERATORS;
    return !is_itself;
}

#define LEFT_OUT_MAX 4

static size_t left_out(const struct update *update, struct slice names[static LEFT_OUT_MAX])
{
    size_t count = 0;
    if (!update->may_give_rights) {
        names[count++] = SLICE("role");
        names[count++] = SLICE("policies");
        names[count++] = SLICE("conditions");
    }
    if (update->head->kind == RESOURCE_USER && is_anonymous(update->head)) {
        names[count++] = SLICE("email");
    }
    return count;
}

/* The patch lies in engine->scratch_members when something has been left out. False: refused. */
static bool take_patch(struct engine *engine, struct command *command, struct update *update)
{
    struct slice names[LEFT_OUT_MAX];
    update->may_give_rights = may_give_rights(command, update->head);
    update->patch = command->as.update.patch;
    size_t count = left_out(update, names);
    if (count == 0) {
        return true;
    }
    struct buf *patch = &engine->scratch_members;
    buf_reset(patch);
    body_put_without(patch, command->as.update.patch, names, count);
    update->patch = buf_data(patch);
    if (patch->failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
    }
    return !patch->failed;
}

/* ---- what it names ---- */

static bool is_in_array(struct json_value array, struct slice prefix, const struct id *id)
{
    struct json_each each = json_each(array);
    for (struct json_value item; json_array_next(&each, &item);) {
        struct slice raw = item.type == JSON_STRING ? json_string_raw(item) : (struct slice){0};
        if (slice_starts_with(raw, prefix) &&
            slice_equal(slice_from(raw, prefix.bytes), id_slice(id))) {
            return true;
        }
    }
    return false;
}

/* Where a document of <kind> refers to others of that kind. */
static struct slice member_of_reference(enum resource_kind kind, enum resource_kind refers_to)
{
    switch (refers_to) {
    case RESOURCE_PRODUCT:
        return SLICE("product");
    case RESOURCE_ROLE:
        return kind == RESOURCE_APPLICATION ? SLICE("defaultRole") : SLICE("role");
    case RESOURCE_ACCESS_POLICY:
        return SLICE("policies");
    default:
        return kind == RESOURCE_PLACE ? SLICE("parentPlace") : SLICE("conditions");
    }
}

/* Many clients send back the whole document that they have read. What it refers to already they
 * need not see: a device updates its thng, and sees no products. */
static bool is_unchanged(const struct head *head, const struct document_reference *reference)
{
    struct slice member = member_of_reference(head->kind, reference->kind);
    struct json_value value = json_member(json_object_of(head_document(head)), member);
    if (value.type == JSON_ARRAY) {
        bool is_place = reference->kind == RESOURCE_PLACE;
        return is_in_array(value, is_place ? SLICE("places:") : (struct slice){0}, &reference->id);
    }
    return value.type == JSON_STRING &&
           slice_equal(json_string_raw(value), id_slice(&reference->id));
}

/* HEAD_UNSEEN: there is no such product any more. */
static enum head_found find_product(struct engine *engine, struct command *command,
                                    const struct id *id)
{
    const struct head *product = engine_await(engine, command, id, false);
    if (product == NULL) {
        return HEAD_LATER;
    }
    bool exists = product->state == HEAD_PRESENT && product->kind == RESOURCE_PRODUCT &&
                  product->account == command->actor.account;
    return exists ? HEAD_SEEN : HEAD_UNSEEN;
}

static enum head_found find_reference(struct engine *engine, struct command *command,
                                      struct update *update,
                                      const struct document_reference *reference)
{
    if (is_unchanged(update->head, reference)) {
        /* A product is taken out of all thngs with its deletion; other references may dangle. */
        return reference->kind == RESOURCE_PRODUCT ? find_product(engine, command, &reference->id)
                                                   : HEAD_SEEN;
    }
    return reference->kind == RESOURCE_ROLE
               ? roles_find(engine, command, update->head->kind, &reference->id, &update->role)
               : engine_find_references(engine, command, reference, 1);
}

static enum head_found find_references(struct engine *engine, struct command *command,
                                       struct update *update)
{
    const struct document_reference *references = command->as.update.references;
    uint32_t count = update->may_give_rights ? command->as.update.reference_count : 0;
    if (!engine_load_references(engine, command, references, count)) {
        return HEAD_LATER;
    }
    enum head_found found = HEAD_SEEN;
    for (uint32_t i = 0; i < count && found == HEAD_SEEN; i++) {
        found = find_reference(engine, command, update, &references[i]);
    }
    return found;
}

static bool find_named(struct engine *engine, struct command *command, struct update *update)
{
    const struct head *head = update->head;
    struct slice document = head_document(head);
    bool takes_scopes = document_takes_scopes(head->kind, document_members(document));
    struct slice wanted = takes_scopes ? command->as.update.scopes : (struct slice){0};
    enum head_found found =
        engine_check_scopes(engine, command, head_scopes(head), wanted, &update->scopes);
    if (found == HEAD_SEEN) {
        found = find_references(engine, command, update);
    }
    return engine_has_found(engine, command, found, ERR(REFERENCE_UNKNOWN));
}

/* ---- its name ---- */

/* Which name it has, and which one the patch gives it. */
static struct err names_of(struct update *update)
{
    struct slice members = document_members(head_document(update->head));
    TRY(name_of_head(update->head, update->patch, &update->name));
    if (id_is_set(&update->name)) {
        TRY(name_of_head(update->head, members, &update->former_name));
    }
    if (id_equal(&update->former_name, &update->name)) {
        update->former_name = update->name = (struct id){0};
    }
    return ERR(OK);
}

/* A new name must be free, the former one is freed. False: later, or refused. */
static bool find_names(struct engine *engine, struct command *command, struct update *update)
{
    struct err err = names_of(update);
    enum head_found found = HEAD_UNSEEN;
    if (!err_is_set(err)) {
        found = name_find(engine, command, &update->name);
        err = found == HEAD_SEEN ? ERR(NAME_TAKEN) : ERR(OK);
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return false;
    }
    return found != HEAD_LATER && name_find(engine, command, &update->former_name) != HEAD_LATER;
}

/* ---- the document ---- */

/* The document to be patched: the head's, in engine->scratch_members without a product that has
 * been deleted. False: later. */
static bool find_document(struct engine *engine, struct command *command, struct update *update)
{
    const struct head *head = update->head;
    struct id product;
    update->document = head_document(head);
    if (head->kind != RESOURCE_THNG || !document_id(update->document, SLICE("product"), &product)) {
        return true;
    }
    enum head_found found = find_product(engine, command, &product);
    if (found == HEAD_UNSEEN) {
        struct buf *without = &engine->scratch_members;
        buf_reset(without);
        document_merge(without, head->kind, update->document, SLICE("\"product\":null"), 0);
        update->document = buf_data(without);
        engine->scratch.failed = without->failed;
    }
    return found != HEAD_LATER;
}

/* Puts the patched document into engine->scratch. False: later, or refused. */
static bool compose(struct engine *engine, struct command *command, struct update *update)
{
    struct head *head = update->head;
    buf_reset(&engine->scratch);
    if (!find_document(engine, command, update)) {
        return false;
    }
    document_merge(&engine->scratch, head->kind, update->document, update->patch,
                   engine_group(engine)->time_ms);
    struct slice document = buf_data(&engine->scratch);
    struct err err = engine->scratch.failed ? ERR(NO_MEMORY) : ERR(OK);
    bool is_operator = head->kind == RESOURCE_OPERATOR;
    if (!err_is_set(err) && is_operator) {
        err = roles_judge_operator(&command->actor, update->document, document);
    }
    if (err_is_set(err)) {
        engine_answer(engine, command, err, 0);
        return false;
    }
    return !is_operator || roles_keep_administrator(engine, command, head, document);
}

/* Returns the document's event. */
static uint64_t write_update(struct engine *engine, const struct command *command,
                             const struct update *update)
{
    struct head *head = update->head;
    const struct command_key *key = command->as.update.key;
    roles_note_assigned(engine, update->role);
    uint64_t event = write_document(engine, head, OPERATION_UPDATED, update->scopes);
    write_name_freed(engine, head, &update->former_name);
    write_name_taken(engine, head, &update->name);
    if (key != NULL && head_key_find(head, key->kind) == NULL) {
        write_key_created(engine, head, key);
    }
    return event;
}

void apply_update(struct engine *engine, struct command *command)
{
    enum perm_subject subject = document_subject(command->target_kind, &command->actor);
    if (command_is_on_built_in(command)) {
        struct err err = perm_may(&command->actor, subject, PERM_UPDATE);
        engine_answer(engine, command, err_is_set(err) ? err : ERR(BUILT_IN), 0);
        return;
    }
    struct update update = {0};
    update.head = engine_permitted_head(engine, command, subject, PERM_UPDATE, true);
    if (update.head == NULL) {
        return;
    }
    if (document_is_managed(update.head)) {
        engine_answer(engine, command, ERR(BUILT_IN), 0);
        return;
    }
    if (take_patch(engine, command, &update) && find_named(engine, command, &update) &&
        find_names(engine, command, &update) && memberships_find(engine, command, update.head) &&
        compose(engine, command, &update)) {
        engine_answer(engine, command, ERR(OK), write_update(engine, command, &update));
    }
}
