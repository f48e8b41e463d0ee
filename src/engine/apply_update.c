/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: update. Members that the patch names are replaced; and what the document still says of
 * resources that have been deleted meanwhile goes: its product, projects in its scopes. */
#include "engine/apply.h"

static struct slice member_of_reference(enum resource_kind kind)
{
    return kind == RESOURCE_PRODUCT ? SLICE("product") : SLICE("parentPlace");
}

/* Many clients send back the whole document that they have read. What it refers to already they
 * need not see: a device updates its thng, and sees no products. */
static bool is_unchanged(const struct head *head, const struct document_reference *reference)
{
    struct id id;
    return document_id(head_document(head), member_of_reference(reference->kind), &id) &&
           id_equal(&id, &reference->id);
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
                                      const struct head *head,
                                      const struct document_reference *reference)
{
    if (!is_unchanged(head, reference)) {
        return engine_find_references(engine, command, reference, 1);
    }
    /* A product is taken out of all thngs with its deletion; other references may dangle. */
    return reference->kind == RESOURCE_PRODUCT ? find_product(engine, command, &reference->id)
                                               : HEAD_SEEN;
}

static bool find_named(struct engine *engine, struct command *command, const struct head *head,
                       struct slice *scopes)
{
    enum head_found found =
        engine_check_scopes(engine, command, head_scopes(head), command->as.update.scopes, scopes);
    for (uint32_t i = 0; i < command->as.update.reference_count && found == HEAD_SEEN; i++) {
        found = find_reference(engine, command, head, &command->as.update.references[i]);
    }
    return engine_has_found(engine, command, found, ERR(REFERENCE_UNKNOWN));
}

/* The document to be patched: the head's, in engine->scratch_members without a product that has
 * been deleted. False: later. */
static bool find_document(struct engine *engine, struct command *command, const struct head *head,
                          struct slice *document)
{
    struct id product;
    buf_reset(&engine->scratch_members);
    *document = head_document(head);
    if (head->kind != RESOURCE_THNG || !document_id(*document, SLICE("product"), &product)) {
        return true;
    }
    enum head_found found = find_product(engine, command, &product);
    if (found == HEAD_UNSEEN) {
        struct buf *without = &engine->scratch_members;
        document_merge(without, head->kind, *document, SLICE("\"product\":null"), 0);
        *document = buf_data(without);
    }
    return found != HEAD_LATER;
}

void apply_update(struct engine *engine, struct command *command)
{
    enum perm_subject subject = document_subject(command->target_kind, &command->actor);
    if (command_is_on_built_in(command)) {
        struct err err = perm_may(&command->actor, subject, PERM_UPDATE);
        engine_answer(engine, command, err_is_set(err) ? err : ERR(BUILT_IN), 0);
        return;
    }
    struct head *head = engine_permitted_head(engine, command, subject, PERM_UPDATE, true);
    struct slice scopes;
    struct slice document;
    if (head == NULL || !find_named(engine, command, head, &scopes) ||
        !find_document(engine, command, head, &document)) {
        return;
    }
    buf_reset(&engine->scratch);
    document_merge(&engine->scratch, head->kind, document, command->as.update.patch,
                   engine_group(engine)->time_ms);
    if (engine->scratch.failed || engine->scratch_members.failed) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    uint64_t event = write_document(engine, head, OPERATION_UPDATED, scopes);
    engine_answer(engine, command, ERR(OK), event);
}
