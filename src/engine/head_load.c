/* SPDX-License-Identifier: Apache-2.0
 *
 * The half of a head's loading that runs on a reader thread. */
#include "engine/head.h"
#include "model/document.h"
#include "model/perm.h"
#include "store/documents.h"

static bool put_property(void *arg, struct slice key, uint32_t number)
{
    struct buf *properties = arg;
    buf_put_u32be(properties, number);
    buf_put_varint(properties, key.bytes);
    buf_put(properties, key);
    return !properties->failed;
}

/* What lies in something else has that as its gist; but a name whoever has it, and what a share is
 * for is nothing that commands ask of it. */
static struct id parent_of(const struct document *document)
{
    struct id owner = {0};
    switch (document->kind) {
    case RESOURCE_NAME:
        (void)document_id(document->text, SLICE("owner"), &owner);
        return owner;
    case RESOURCE_SHARE:
        return owner;
    default:
        return document->parent;
    }
}

static struct err read_resource(struct head_load *load, struct documents_reader *documents)
{
    struct document document;
    struct err err = documents_get(documents, &load->id, &document);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    load->found = true;
    load->kind = document.kind;
    load->account = document.account;
    load->may_be_member = document.touched_ms != 0;
    load->parent = parent_of(&document);
    buf_put(&load->scopes, document.scopes);
    if (load->want_document) {
        buf_put(&load->document, document.text);
    }
    return ERR(OK);
}

static struct err read_key(struct head_load *load, struct documents_reader *documents,
                           enum key_kind kind)
{
    struct key_row row;
    struct err err = documents_key_of(documents, kind, &load->id, &row);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    struct head_key *key = &load->keys[load->key_count++];
    key->kind = kind;
    memcpy(key->hash, row.hash, sizeof(key->hash));
    return ERR(OK);
}

/* Which keys documents of the kind have. */
static const enum key_kind keys_of_kinds[RESOURCE_KIND_COUNT][HEAD_KEYS_MAX] = {
    [RESOURCE_THNG] = {KEY_DEVICE},
    [RESOURCE_APPLICATION] = {KEY_APPLICATION, KEY_TRUSTED},
    [RESOURCE_USER] = {KEY_USER},
    [RESOURCE_OPERATOR] = {KEY_OPERATOR},
    [RESOURCE_ACCESS_TOKEN] = {KEY_ACCESS_TOKEN},
};

/* What hangs on the resource, by its kind. */
static struct err read_rest(struct head_load *load, struct documents_reader *documents)
{
    const enum key_kind *kinds = keys_of_kinds[load->kind];
    for (size_t i = 0; i < HEAD_KEYS_MAX && kinds[i] != 0; i++) {
        TRY(read_key(load, documents, kinds[i]));
    }
    if (load->kind == RESOURCE_THNG || load->kind == RESOURCE_PRODUCT) {
        return documents_properties(documents, &load->id, put_property, &load->properties);
    }
    return ERR(OK);
}

/* ---- members ---- */

/* An application sees whatever is in its project; whoever else sees some of an account only is
 * shown each resource by what its scopes say. */
static bool is_shown_singly(const struct actor *actor)
{
    bool is_application = actor->kind == ACTOR_APPLICATION || actor->kind == ACTOR_TRUSTED;
    return !is_application && perm_depends_on_scopes(actor);
}

/* Who is in the actor's project may still be shown to others only. */
static struct err judge_state(const struct head_load *load, struct documents_reader *documents,
                              uint32_t index, enum member_state *state)
{
    const struct member_load *members = &load->members;
    struct document document;
    if (*state == MEMBER_UNKNOWN || !is_shown_singly(&members->actor)) {
        return ERR(OK);
    }
    TRY(documents_get(documents, &members->ids[index], &document));
    const struct perm_resource resource = {
        .account = document.account,
        .kind = document.kind,
        .id = &members->ids[index],
        .scopes = document.scopes,
    };
    if (err_is_set(perm_sees(&members->actor, &resource))) {
        *state = MEMBER_UNKNOWN;
    }
    return ERR(OK);
}

static struct err read_states(struct head_load *load, struct documents_reader *documents)
{
    struct member_load *members = &load->members;
    const struct id *own = &members->actor.project;
    const struct id *project = id_is_set(own) ? own : NULL;
    struct buf states = {0};
    TRY(buf_reserve(&states, members->id_count * sizeof(enum member_state)));
    enum member_state *at = (enum member_state *)states.at;
    struct err err = documents_member_states(documents, load->account, project, &load->id,
                                             members->kind, members->ids, members->id_count, at);
    for (uint32_t i = 0; i < members->id_count && !err_is_set(err); i++) {
        err = judge_state(load, documents, i, &at[i]);
        buf_put_byte(&members->states, (uint8_t)at[i]);
        if (members->kind == RESOURCE_COLLECTION && !members->makes_cycle && !err_is_set(err)) {
            err = documents_reaches(documents, &members->ids[i], &load->id, &members->makes_cycle);
        }
    }
    buf_deinit(&states);
    return err;
}

static struct err list_members(struct head_load *load, struct documents_reader *documents,
                               enum resource_kind kind, struct buf *listed)
{
    const struct member_load *members = &load->members;
    TRY(buf_reserve(listed, members->listed_max * sizeof(struct id)));
    struct id *ids = (struct id *)listed->at;
    uint32_t count;
    TRY(documents_members(documents, &load->id, kind, members->wants_gone, ids, members->listed_max,
                          &count));
    listed->tail += count * sizeof(*ids);
    return ERR(OK);
}

static struct err read_listed(struct head_load *load, struct documents_reader *documents)
{
    struct member_load *members = &load->members;
    TRY(list_members(load, documents, members->kind, &members->listed));
    return members->wants_children
               ? list_members(load, documents, RESOURCE_COLLECTION, &members->children)
               : ERR(OK);
}

/* Of a collection that is on its way out: none. */
static struct err read_scopes(struct documents_reader *documents, const struct id *id,
                              struct buf *out)
{
    struct document document = {0};
    struct err err = documents_get(documents, id, &document);
    if (err_is_set(err) && !err_equal(err, ERR(NOT_FOUND))) {
        return err;
    }
    buf_put_varint(out, document.scopes.bytes);
    buf_put(out, document.scopes);
    return ERR(OK);
}

static struct err read_collections(struct head_load *load, struct documents_reader *documents)
{
    struct id ids[COLLECTIONS_SHOWN_MAX];
    uint32_t count;
    TRY(documents_collections_of(documents, &load->id, ids, ARRAY_LEN(ids), &count));
    count = count < ARRAY_LEN(ids) ? count : ARRAY_LEN(ids);
    buf_put_bytes(&load->members.collections, ids, count * sizeof(ids[0]));
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_scopes(documents, &ids[i], &load->members.collection_scopes));
    }
    return ERR(OK);
}

static struct err read_members(struct head_load *load, struct documents_reader *documents)
{
    if (load->members.id_count > 0) {
        TRY(read_states(load, documents));
    } else if (load->members.listed_max > 0) {
        TRY(read_listed(load, documents));
    }
    return read_collections(load, documents);
}

/* ---- questions ---- */

static struct err read_answer(struct head_load *load, struct documents_reader *documents)
{
    return load->question == QUESTION_ROLE_IS_USED
               ? documents_role_is_used(documents, load->account, &load->id, &load->is_so)
               : documents_other_administrator(documents, load->account, &load->id, &load->is_so);
}

/* ---- all of one moment ---- */

static struct err read_moment(struct head_load *load, struct documents_reader *documents)
{
    uint64_t mark;
    TRY(documents_reader_mark(documents, &mark));
    /* The durable mark may lie before what is shown: groups without documents are passed over. */
    load->read = max_u64(mark, load->after);
    TRY(read_resource(load, documents));
    if (load->question != QUESTION_NONE) {
        return load->found ? read_answer(load, documents) : ERR(OK);
    }
    /* Members are asked for when the head is there; also of a collection that has gone, whose
     * members are told of for a while yet. */
    if (load->members.asker != NULL) {
        return read_members(load, documents);
    }
    return load->found ? read_rest(load, documents) : ERR(OK);
}

static bool has_failed(const struct head_load *load)
{
    return load->document.failed || load->scopes.failed || load->properties.failed ||
           load->members.states.failed || load->members.listed.failed ||
           load->members.children.failed || load->members.collections.failed ||
           load->members.collection_scopes.failed;
}

void head_load_read(struct head_load *load, struct documents_reader *documents)
{
    load->err = documents_reader_begin(documents);
    if (err_is_set(load->err)) {
        return;
    }
    load->err = read_moment(load, documents);
    documents_reader_end(documents);
    if (!err_is_set(load->err) && has_failed(load)) {
        load->err = ERR(NO_MEMORY);
    }
}
