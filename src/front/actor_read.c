/* SPDX-License-Identifier: Apache-2.0 */
#include "front/actor_read.h"

#include "model/document.h"
#include "model/role.h"

/* The id of a role, or the name of a built-in one, is not longer. */
#define ROLE_BYTES_MAX 32

/* What shares a user has at most (perm.h): itself is one of the viewers. */
#define SHARES_MAX (PERM_VIEWERS_MAX - 1)
/* So many are looked through for them: a user may share the same again and again. */
#define SHARES_SEEN_MAX 1024

/* A role as a document names it. */
struct role_name {
    size_t bytes; /* 0: none */
    uint8_t at[ROLE_BYTES_MAX];
};

static struct slice role_text(const struct role_name *name)
{
    return slice_of(name->at, name->bytes);
}

static struct role_name role_of(struct slice document)
{
    struct role_name name = {0};
    struct slice text = document_text(document, SLICE("role"));
    if (text.bytes > 0 && text.bytes <= sizeof(name.at)) {
        memcpy(name.at, text.at, text.bytes);
        name.bytes = text.bytes;
    }
    return name;
}

/* One look: the actor on its way, and what its grant is made from. */
struct look {
    struct reader *reader;
    struct actor *actor;
    struct grant_draft draft;
    bool has_grant; /* else it has all that the table gives */
};

/* The document, which lives until the next look at the documents. ERR_NOT_FOUND also when it is of
 * another kind or account. */
static struct err get(const struct look *look, enum resource_kind kind, const struct id *id,
                      struct document *document)
{
    TRY(documents_get(look->reader->documents, id, document));
    bool is_it = document->kind == kind && document->account == look->actor->account;
    return is_it ? ERR(OK) : ERR(NOT_FOUND);
}

/* ---- roles ---- */

/* The role with its permissions, when it is no built-in one. ERR_NOT_FOUND: it is gone, or of
 * another type: who has it has no rights. */
static struct err get_role(const struct look *look, const struct role_name *name, struct slice type,
                           struct document *role, struct slice *permissions)
{
    struct id id;
    struct slice shown;
    if (!id_parse(role_text(name), &id)) {
        return ERR(NOT_FOUND);
    }
    TRY(get(look, RESOURCE_ROLE, &id, role));
    document_split(RESOURCE_ROLE, role->text, &shown, permissions);
    return slice_equal(document_text(role->text, SLICE("type")), type) ? ERR(OK) : ERR(NOT_FOUND);
}

/* What a user's role gives. */
static struct err user_rights(struct look *look, const struct role_name *name,
                              struct perm_rights *rights)
{
    struct document role;
    struct slice permissions;
    *rights = (struct perm_rights){0};
    if (slice_equal(role_text(name), ROLE_BASE_APP_USER)) {
        *rights = perm_column(ACTOR_USER);
        grant_draft_name(&look->draft, ROLE_BASE_APP_USER);
        return ERR(OK);
    }
    struct err err = get_role(look, name, SLICE("userInApp"), &role, &permissions);
    if (!err_is_set(err)) {
        *rights = role_user_rights(permissions);
        grant_draft_name(&look->draft, document_text(role.text, SLICE("name")));
    } else if (err_equal(err, ERR(NOT_FOUND))) {
        grant_draft_name(&look->draft, ROLE_NONE);
        err = ERR(OK);
    }
    return err;
}

/* ---- users ---- */

struct share {
    struct id owner;
    struct role_name role;
};

struct shares {
    const struct id *receiver;
    uint32_t count;
    struct share at[SHARES_MAX];
};

/* Who shares is the one user that its share is shown to. */
static bool owner_of(const struct document *share, struct id *owner)
{
    if (slice_is_empty(share->scopes)) {
        return false;
    }
    const struct json_value scopes = json_object_of(share->scopes);
    struct json_each each = json_each(json_member(scopes, SLICE("users")));
    struct json_value item;
    return json_array_next(&each, &item) && id_parse(json_string_raw(item), owner);
}

static bool has_share(const struct shares *shares, const struct share *share)
{
    for (uint32_t i = 0; i < shares->count; i++) {
        const struct share *kept = &shares->at[i];
        if (id_equal(&kept->owner, &share->owner) &&
            slice_equal(role_text(&kept->role), role_text(&share->role))) {
            return true;
        }
    }
    return false;
}

/* Who shares with itself has no more by that: else it would keep what another role takes away. */
static bool take_share(void *arg, const struct document *document)
{
    struct shares *shares = arg;
    struct share share = {.role = role_of(document->text)};
    if (owner_of(document, &share.owner) && !id_equal(&share.owner, shares->receiver) &&
        !has_share(shares, &share)) {
        shares->at[shares->count++] = share;
    }
    return shares->count < SHARES_MAX;
}

/* The oldest first: nobody loses what has been shared with them because others share more. */
static struct err list_shares(const struct look *look, struct shares *shares)
{
    const struct slice receiver = id_slice(&look->actor->id);
    const struct filter_condition condition = {
        .field = FILTER_PARENT,
        .values = &receiver,
        .value_count = 1,
    };
    const struct documents_query query = {
        .account = look->actor->account,
        .kind = RESOURCE_SHARE,
        .ascending = true,
        .limit = SHARES_SEEN_MAX,
        .conditions = &condition,
        .condition_count = 1,
    };
    return documents_list(look->reader->documents, &query, take_share, shares);
}

/* What others let the user at. (A share goes with the user who made it.) */
static struct err add_shares(struct look *look)
{
    struct shares shares = {.receiver = &look->actor->id};
    TRY(list_shares(look, &shares));
    for (uint32_t i = 0; i < shares.count; i++) {
        const struct share *share = &shares.at[i];
        struct perm_rights rights;
        TRY(user_rights(look, &share->role, &rights));
        grant_draft_add(&look->draft, GRANT_USER, &rights, &share->owner, 1);
    }
    return ERR(OK);
}

static struct err look_at_user(struct look *look)
{
    struct document user;
    struct perm_rights rights;
    TRY(get(look, RESOURCE_USER, &look->actor->id, &user));
    look->actor->application = user.parent;
    (void)document_id(user.text, SLICE("project"), &look->actor->project);
    const struct role_name role = role_of(user.text);
    look->has_grant = true;
    TRY(user_rights(look, &role, &rights));
    grant_draft_add(&look->draft, GRANT_ALL, &rights, NULL, 0);
    return add_shares(look);
}

/* ---- policies ---- */

static void add_rights(struct perm_rights *sum, const struct perm_rights *more)
{
    for (size_t i = 0; i < ARRAY_LEN(sum->operations); i++) {
        sum->operations[i] |= more->operations[i];
    }
}

static struct err add_policies(struct look *look, struct json_value policies)
{
    struct perm_rights sum = {0};
    struct json_each each = json_each(policies);
    for (struct json_value item; json_array_next(&each, &item);) {
        struct document policy;
        struct id id;
        if (!id_parse(json_string_raw(item), &id)) {
            continue;
        }
        struct err err = get(look, RESOURCE_ACCESS_POLICY, &id, &policy);
        if (err_equal(err, ERR(NOT_FOUND))) {
            continue; /* it has been deleted: it gives nothing any more */
        }
        TRY(err);
        struct perm_rights rights =
            policy_rights(json_member(json_object_of(policy.text), SLICE("permissions")).text);
        add_rights(&sum, &rights);
        grant_draft_name(&look->draft, document_text(policy.text, SLICE("name")));
    }
    grant_draft_add(&look->draft, GRANT_ALL, &sum, NULL, 0);
    return ERR(OK);
}

static void add_conditions(struct look *look, struct json_value conditions)
{
    if (conditions.type != JSON_ARRAY) {
        return;
    }
    struct json_each each = json_each(conditions);
    for (struct json_value item; json_array_next(&each, &item);) {
        struct id place;
        if (!err_is_set(policy_condition(json_string_raw(item), &place))) {
            grant_draft_limit(&look->draft, &place);
        }
    }
}

/* What a document with policies and conditions gives, in a copy: policies are looked up meanwhile.
 */
static struct err look_at_policies(struct look *look, struct slice text)
{
    struct buf kept = {0};
    buf_put(&kept, text);
    struct err err = kept.failed ? ERR(NO_MEMORY) : ERR(OK);
    look->has_grant = true;
    if (!err_is_set(err)) {
        struct json_value policies =
            json_member(json_object_of(buf_data(&kept)), SLICE("policies"));
        add_conditions(look, json_member(json_object_of(buf_data(&kept)), SLICE("conditions")));
        err = policies.type == JSON_ARRAY ? add_policies(look, policies) : ERR(OK);
    }
    buf_deinit(&kept);
    return err;
}

static struct err look_at_token(struct look *look)
{
    struct document token;
    TRY(get(look, RESOURCE_ACCESS_TOKEN, &look->actor->id, &token));
    return look_at_policies(look, token.text);
}

/* A role goes on naming a project that was deleted, and so do resources for a while. */
static struct err project_is_there(void *arg, const struct id *project, bool *there)
{
    const struct look *look = arg;
    return documents_exists(look->reader->documents, RESOURCE_PROJECT, project, there);
}

/* ---- operators ---- */

static struct err look_at_operator(struct look *look)
{
    struct document document;
    struct slice permissions;
    TRY(get(look, RESOURCE_OPERATOR, &look->actor->id, &document));
    const struct role_name name = role_of(document.text);
    if (slice_equal(role_text(&name), ROLE_ADMIN)) {
        return ERR(OK);
    }
    if (name.bytes == 0) {
        struct json_value policies = json_member(json_object_of(document.text), SLICE("policies"));
        return policies.type == JSON_ARRAY ? look_at_policies(look, document.text) : ERR(OK);
    }
    look->has_grant = true;
    struct err err = get_role(look, &name, SLICE("operator"), &document, &permissions);
    if (!err_is_set(err)) {
        role_operator_zones(permissions, &look->draft);
        grant_draft_name(&look->draft, document_text(document.text, SLICE("name")));
        err = grant_draft_prune(&look->draft, project_is_there, look);
    } else if (err_equal(err, ERR(NOT_FOUND))) {
        grant_draft_name(&look->draft, ROLE_NONE);
        err = ERR(OK);
    }
    return err;
}

/* ---- all kinds ---- */

static struct err look_at(struct look *look)
{
    switch (look->actor->kind) {
    case ACTOR_OPERATOR:
        return look_at_operator(look);
    case ACTOR_USER:
        return look_at_user(look);
    case ACTOR_ACCESS_TOKEN:
        return look_at_token(look);
    case ACTOR_DEVICE:
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
    case ACTOR_NONE:
    case ACTOR_KIND_COUNT:
        break;
    }
    return ERR(OK);
}

/* Fills in what follows from the documents. */
static struct err complete(struct reader *reader, struct grants *grants, struct actor *actor)
{
    struct look look = {.reader = reader, .actor = actor};
    struct err err = look_at(&look);
    if (!err_is_set(err) && look.has_grant) {
        actor->grant = grants_intern(grants, &look.draft, actor->kind);
        err = actor->grant == NULL ? ERR(NO_MEMORY) : ERR(OK);
    }
    grant_draft_deinit(&look.draft);
    return err;
}

static enum actor_kind kind_of_key(enum key_kind key)
{
    switch (key) {
    case KEY_OPERATOR:
        return ACTOR_OPERATOR;
    case KEY_DEVICE:
        return ACTOR_DEVICE;
    case KEY_APPLICATION:
        return ACTOR_APPLICATION;
    case KEY_TRUSTED:
        return ACTOR_TRUSTED;
    case KEY_USER:
        return ACTOR_USER;
    case KEY_ACCESS_TOKEN:
        return ACTOR_ACCESS_TOKEN;
    }
    return ACTOR_NONE;
}

static struct err read_by_hash(struct reader *reader, struct grants *grants,
                               const uint8_t hash[KEY_HASH_BYTES], struct actor *actor)
{
    struct key_row row;
    TRY(documents_key(reader->documents, hash, &row));
    *actor = (struct actor){
        .kind = kind_of_key(row.kind),
        .account = row.account,
        .id = row.actor,
        .project = row.project,
        .application = row.application,
    };
    return complete(reader, grants, actor);
}

struct err actor_read(struct reader *reader, struct grants *grants,
                      const uint8_t hash[KEY_HASH_BYTES], struct actor *actor)
{
    TRY(documents_reader_begin(reader->documents));
    struct err err = read_by_hash(reader, grants, hash, actor);
    documents_reader_end(reader->documents);
    return err_equal(err, ERR(NOT_FOUND)) ? ERR(CREDENTIAL_UNKNOWN) : err;
}

static enum actor_kind kind_of_resource(enum resource_kind kind, bool is_trusted)
{
    switch (kind) {
    case RESOURCE_OPERATOR:
        return ACTOR_OPERATOR;
    case RESOURCE_THNG:
        return ACTOR_DEVICE;
    case RESOURCE_APPLICATION:
        return is_trusted ? ACTOR_TRUSTED : ACTOR_APPLICATION;
    case RESOURCE_USER:
        return ACTOR_USER;
    case RESOURCE_ACCESS_TOKEN:
        return ACTOR_ACCESS_TOKEN;
    default:
        return ACTOR_NONE;
    }
}

static struct err read_by_id(struct reader *reader, struct grants *grants, uint32_t account,
                             const struct id *id, bool is_trusted, struct actor *actor)
{
    struct document document;
    TRY(documents_get(reader->documents, id, &document));
    enum actor_kind kind = kind_of_resource(document.kind, is_trusted);
    if (document.account != account || kind == ACTOR_NONE) {
        return ERR(NOT_FOUND);
    }
    *actor = (struct actor){.kind = kind, .account = account, .id = *id};
    if (document.kind == RESOURCE_APPLICATION) {
        actor->project = document.parent;
    }
    return complete(reader, grants, actor);
}

struct err actor_read_by_id(struct reader *reader, struct grants *grants, uint32_t account,
                            const struct id *id, bool is_trusted, struct actor *actor)
{
    TRY(documents_reader_begin(reader->documents));
    struct err err = read_by_id(reader, grants, account, id, is_trusted, actor);
    documents_reader_end(reader->documents);
    return err;
}
