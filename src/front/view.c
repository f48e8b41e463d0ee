/* SPDX-License-Identifier: Apache-2.0 */
#include "front/view.h"

#include "base/assert.h"
#include "base/clock.h"
#include "codec/json_write.h"
#include "front/file_links.h"
#include "model/action.h"
#include "model/document.h"
#include "model/role.h"

/* ---- judging ---- */

const struct id *view_project(const struct view *view)
{
    if (view->project != NULL && id_is_set(view->project)) {
        return view->project;
    }
    return id_is_set(&view->actor->project) ? &view->actor->project : NULL;
}

struct err view_check_project(const struct view *view)
{
    struct document project;
    if (view->project == NULL || !id_is_set(view->project)) {
        return ERR(OK);
    }
    TRY(documents_get(view->reader->documents, view->project, &project));
    bool is_one = project.kind == RESOURCE_PROJECT && project.account == view->actor->account;
    return is_one ? ERR(OK) : ERR(NOT_FOUND);
}

/* A device sees the actions on its thng. */
static struct err judge(const struct view *view, const struct document *document)
{
    struct action_targets targets;
    struct perm_resource resource = {
        .account = document->account,
        .kind = document->kind,
        .id = &document->id,
        .parent = &document->parent,
        .scopes = document->scopes,
    };
    if (document->kind == RESOURCE_ACTION && view->actor->kind == ACTOR_DEVICE) {
        action_targets(document->text, &targets);
        resource.kind = RESOURCE_THNG;
        resource.id = &targets.thng;
    }
    TRY(view->operation == 0 ? perm_sees(view->actor, &resource)
                             : perm_judge(view->actor, view->subject, view->operation, &resource));
    bool is_narrowed = view->project != NULL && id_is_set(view->project);
    bool is_in = !is_narrowed || perm_scopes_have_project(document->scopes, view->project);
    return is_in ? ERR(OK) : ERR(NOT_FOUND);
}

struct err view_find(const struct view *view, enum resource_kind kind, const struct id *id,
                     struct document *document)
{
    TRY(view_check_project(view));
    TRY(documents_get(view->reader->documents, id, document));
    return document->kind == kind ? judge(view, document) : ERR(NOT_FOUND);
}

bool view_narrow(const struct view *view, struct documents_query *query, struct perm_reach *reach)
{
    perm_reach(view->actor, view->subject, query->kind, reach);
    query->project = view_project(view);
    /* The one project of an application or a user is said with that. */
    bool is_said = id_is_set(&view->actor->project);
    query->reach = reach->projects;
    query->reach_count = is_said ? 0 : reach->project_count;
    query->viewers = reach->viewers;
    query->viewer_count = reach->has_viewers ? reach->viewer_count : 0;
    query->viewers_by_name = reach->viewers_by_name;
    query->places = reach->places;
    query->place_count = reach->place_count;
    query->limits_places = reach->limits_places;
    return !reach->is_none;
}

/* ---- what is stored ---- */

struct err view_settle(struct view *view)
{
    bool has_cascades;
    TRY(documents_has_cascades(view->reader->documents, &has_cascades));
    view->is_settled = !has_cascades;
    return ERR(OK);
}

/* Does the thng name a product that has gone, and is not rewritten yet? */
static struct err product_is_dead(const struct view *view, const struct document *document,
                                  bool *is_dead)
{
    struct id product;
    bool is_pending = !view->is_settled;
    *is_dead = false;
    if (is_pending) {
        TRY(documents_has_cascades(view->reader->documents, &is_pending));
    }
    if (is_pending && document_id(document->text, SLICE("product"), &product)) {
        bool exists;
        TRY(documents_exists(view->reader->documents, RESOURCE_PRODUCT, &product, &exists));
        *is_dead = !exists;
    }
    return ERR(OK);
}

/* The digits of updatedAt, which stands behind id and createdAt at the beginning of every stored
 * document (document.h). False: there is none. */
static bool find_updated(struct slice text, struct slice *digits)
{
    const struct slice name = SLICE("\"updatedAt\":");
    const size_t from = sizeof("{\"id\":\"\",\"createdAt\":") - 1 + ID_BYTES;
    struct slice rest = slice_from(text, min_size(from, text.bytes));
    rest = slice_from(rest, min_size(slice_find(rest, ',') + 1, rest.bytes));
    if (!slice_starts_with(rest, name)) {
        return false;
    }
    rest = slice_from(rest, name.bytes);
    size_t bytes = 0;
    while (bytes < rest.bytes && rest.at[bytes] >= '0' && rest.at[bytes] <= '9') {
        bytes++;
    }
    *digits = slice_first(rest, bytes);
    return bytes > 0;
}

/* Puts the text. When the resource joined or left a collection after its last update, then that
 * counts as its last update (contract: REST 2.2). */
static void put_updated(const struct document *document, struct slice text, struct buf *out)
{
    struct slice digits;
    int64_t updated_ms;
    bool is_touched = document->touched_ms > 0 && find_updated(text, &digits) &&
                      json_int64((struct json_value){JSON_NUMBER, digits}, &updated_ms) &&
                      updated_ms < document->touched_ms;
    if (!is_touched) {
        buf_put(out, text);
        return;
    }
    size_t at = (size_t)(digits.at - text.at);
    buf_put(out, slice_first(text, at));
    buf_put_decimal(out, document->touched_ms);
    buf_put(out, slice_from(text, at + digits.bytes));
}

/* Splits off the hidden member. Few documents have one: that its name is nowhere in the text shows
 * sooner than a walk over all members would. */
static void split(enum resource_kind kind, struct slice text, struct slice *shown,
                  struct slice *hidden)
{
    const char *name = document_kind(kind)->hidden;
    if (name != NULL && memmem(text.at, text.bytes, name, strlen(name)) != NULL) {
        document_split(kind, text, shown, hidden);
        return;
    }
    *shown = slice_first(text, text.bytes - 1);
    *hidden = (struct slice){0};
}

/* A stored member that is not shown, as a patch that takes it away; empty: all are. Its own role is
 * not shown to a user or an operator: a client of the original takes the document to an object that
 * has a method of that name. */
static struct err left_out(const struct view *view, const struct document *document,
                           struct slice *patch)
{
    bool is_dead = false;
    bool is_itself = document->kind == RESOURCE_USER && view->actor->kind == ACTOR_USER;
    bool is_operator = document->kind == RESOURCE_OPERATOR && !(view->flags & VIEW_OPERATOR_ACCESS);
    if (document->kind == RESOURCE_THNG) {
        TRY(product_is_dead(view, document, &is_dead));
    }
    *patch = is_dead                    ? SLICE("\"product\":null")
             : is_itself || is_operator ? SLICE("\"role\":null")
                                        : (struct slice){0};
    return ERR(OK);
}

/* Puts the stored members, but for the hidden one, and no closing brace. */
static struct err put_stored(const struct view *view, const struct document *document,
                             struct buf *out)
{
    struct slice patch;
    struct slice shown;
    struct slice hidden;
    struct buf without = {0};
    struct slice text = document->text;
    TRY(left_out(view, document, &patch));
    if (!slice_is_empty(patch)) {
        document_merge(&without, document->kind, text, patch, 0);
        text = buf_data(&without);
    }
    if (!without.failed) {
        split(document->kind, text, &shown, &hidden);
        put_updated(document, shown, out);
        if (document->kind == RESOURCE_ACTION && (view->flags & VIEW_CONTEXT) &&
            !slice_is_empty(hidden)) {
            json_write_member_json(out, SLICE("context"), hidden);
        }
    }
    out->failed |= without.failed;
    buf_deinit(&without);
    return ERR(OK);
}

/* A project that was deleted stands in scopes until they are rewritten. */
static struct err put_live_projects(const struct view *view, struct slice scopes, struct buf *out)
{
    const struct json_value object = json_object_of(scopes);
    struct json_each each = json_each(json_member(object, SLICE("projects")));
    struct json_value project;
    json_write_open(out, '[');
    while (json_array_next(&each, &project)) {
        struct id id;
        bool exists = true;
        if (id_parse(json_string_raw(project), &id)) {
            TRY(documents_exists(view->reader->documents, RESOURCE_PROJECT, &id, &exists));
        }
        if (exists) {
            json_write_comma(out);
            buf_put(out, project.text);
        }
    }
    json_write_close(out, ']');
    return ERR(OK);
}

static struct err put_scopes(const struct view *view, struct slice scopes, struct buf *out)
{
    bool is_pending = !view->is_settled;
    if (slice_is_empty(scopes)) {
        json_write_member_json(out, SLICE("scopes"), SLICE("{\"users\":[],\"projects\":[]}"));
        return ERR(OK);
    }
    if (is_pending) {
        TRY(documents_has_cascades(view->reader->documents, &is_pending));
    }
    if (!is_pending) {
        json_write_member_json(out, SLICE("scopes"), scopes);
        return ERR(OK);
    }
    const struct json_value object = json_object_of(scopes);
    json_write_name(out, SLICE("scopes"));
    json_write_open(out, '{');
    json_write_member_json(out, SLICE("users"), json_member(object, SLICE("users")).text);
    json_write_name(out, SLICE("projects"));
    TRY(put_live_projects(view, scopes, out));
    json_write_close(out, '}');
    return ERR(OK);
}

/* ---- what is derived ---- */

/* Only what was ever touched by a collection can be in one. */
static struct err put_collections(const struct view *view, const struct document *document,
                                  struct buf *out)
{
    struct id collections[COLLECTIONS_SHOWN_MAX];
    uint32_t count;
    if (document->touched_ms == 0) {
        return ERR(OK);
    }
    TRY(documents_collections_of(view->reader->documents, &document->id, collections,
                                 COLLECTIONS_SHOWN_MAX, &count));
    count = count < COLLECTIONS_SHOWN_MAX ? count : COLLECTIONS_SHOWN_MAX;
    if (count == 0) {
        return ERR(OK);
    }
    json_write_name(out, SLICE("collections"));
    json_write_open(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        json_write_comma(out);
        buf_put_byte(out, '"');
        buf_put(out, id_slice(&collections[i]));
        buf_put_byte(out, '"');
    }
    json_write_close(out, ']');
    return ERR(OK);
}

/* A walk over the properties of a resource with the latest sample of each. */
struct walk {
    struct reader *reader;
    struct buf *out;
    uint32_t count; /* properties written */
    struct err err;
};

/* The location comes first: its key is empty, and keys come in order. */
static void put_value(struct walk *walk, struct slice key, struct slice value)
{
    if (slice_is_empty(key)) {
        ASSERT(walk->count == 0);
        json_write_name(walk->out, SLICE("location"));
        json_write_open(walk->out, '{');
        buf_put(walk->out, value);
        json_write_close(walk->out, '}');
        return;
    }
    if (walk->count++ == 0) {
        json_write_name(walk->out, SLICE("properties"));
        json_write_open(walk->out, '{');
    }
    json_write_member_json(walk->out, key, value);
}

static bool visit_property(void *arg, struct slice key, uint32_t property)
{
    struct walk *walk = arg;
    struct sample sample;
    bool found;
    struct history *history = store_history(walk->reader->store);
    walk->err = history_latest(history, property, &sample, &walk->reader->value, &found);
    if (!err_is_set(walk->err) && found) {
        put_value(walk, key, sample.value);
    }
    return !err_is_set(walk->err) && !walk->out->failed;
}

static struct err put_properties(const struct view *view, const struct document *document,
                                 struct buf *out)
{
    struct walk walk = {.reader = view->reader, .out = out};
    TRY(documents_properties(view->reader->documents, &document->id, visit_property, &walk));
    TRY(walk.err);
    if (walk.count > 0) {
        json_write_close(out, '}');
    } else if (!(view->flags & VIEW_CREATED)) {
        json_write_member_json(out, SLICE("properties"), SLICE("{}"));
    }
    return ERR(OK);
}

/* A key that is shown again: the public one of an application always (contract: REST 9.2). */
static struct err put_key(const struct view *view, enum key_kind kind, const struct id *owner,
                          struct slice name, struct buf *out)
{
    struct key_row row;
    struct buf *key = &view->reader->value;
    struct err err = documents_key_of(view->reader->documents, kind, owner, &row);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK); /* its owner's deletion is on the way */
    }
    TRY(err);
    buf_reset(key);
    err = keyring_unseal(view->keyring, row.sealed, key);
    if (!err_is_set(err)) {
        json_write_member_string(out, name, buf_data(key));
    }
    buf_wipe(key);
    return err;
}

static struct err put_access(const struct view *view, const struct document *holder,
                             struct buf *out)
{
    struct id account;
    TRY(documents_account(view->reader->documents, holder->account, &account));
    json_write_member_string(out, SLICE("account"), id_slice(&account));
    json_write_member_string(out, SLICE("operator"), id_slice(&holder->id));
    return ERR(OK);
}

static void put_links(const struct view *view, const struct document *document, struct buf *out)
{
    file_links_write(out, document,
                     &(struct file_links){
                         .keyring = view->keyring,
                         .origin = view->origin,
                         .now_ms = clock_wall_ms(),
                         .is_created = (view->flags & VIEW_CREATED) != 0,
                     });
}

static struct err put_derived(const struct view *view, const struct document *document,
                              struct buf *out)
{
    bool has_points = document->kind == RESOURCE_THNG || document->kind == RESOURCE_PRODUCT;
    bool has_collections = document->kind == RESOURCE_THNG || document->kind == RESOURCE_COLLECTION;
    bool is_bare = (view->flags & VIEW_BARE) != 0;
    if (view->flags & VIEW_SCOPES) {
        TRY(put_scopes(view, document->scopes, out));
    }
    if (has_collections) {
        TRY(put_collections(view, document, out));
    }
    if (has_points && !is_bare) {
        TRY(put_properties(view, document, out));
    }
    if (document->kind == RESOURCE_FILE) {
        put_links(view, document, out);
    }
    if (document->kind == RESOURCE_APPLICATION) {
        TRY(put_key(view, KEY_APPLICATION, &document->id, SLICE("appApiKey"), out));
    }
    return view->flags & VIEW_OPERATOR_ACCESS ? put_access(view, document, out) : ERR(OK);
}

/* ---- operators as those who have access to an account (contract: auth.md 2.1) ---- */

/* Without a role it is an administrator, unless policies say what it may; with one that has been
 * deleted it has none. */
static struct err put_role(const struct view *view, const struct document *holder, struct buf *out)
{
    const struct json_value object = json_object_of(holder->text);
    struct json_value policies = json_member(object, SLICE("policies"));
    struct slice role = document_text(holder->text, SLICE("role"));
    if (slice_is_empty(role) && policies.type != JSON_ARRAY) {
        role = ROLE_ADMIN;
    }
    struct id id;
    if (id_parse(role, &id)) {
        bool exists;
        TRY(documents_exists(view->reader->documents, RESOURCE_ROLE, &id, &exists));
        role = exists ? role : ROLE_NONE;
    }
    if (!slice_is_empty(role)) {
        json_write_member_string(out, SLICE("role"), role);
    }
    return ERR(OK);
}

/* Others' keys are for administrators alone: with one the reader could do what its owner can. */
static struct err write_account_access(const struct view *view, const struct document *holder,
                                       struct buf *out)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(&holder->id));
    TRY(put_access(view, holder, out));
    if (view->actor->grant == NULL) {
        TRY(put_key(view, KEY_OPERATOR, &holder->id, SLICE("apiKey"), out));
    }
    TRY(put_role(view, holder, out));
    json_write_close(out, '}');
    return ERR(OK);
}

/* ---- a document ---- */

static struct err write_document(const struct view *view, const struct document *document,
                                 struct buf *out)
{
    TRY(put_stored(view, document, out));
    TRY(put_derived(view, document, out));
    json_write_close(out, '}');
    return ERR(OK);
}

struct err view_write(const struct view *view, const struct document *document, struct buf *out)
{
    TRY(view->flags & VIEW_ACCOUNT_ACCESS ? write_account_access(view, document, out)
                                          : write_document(view, document, out));
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---- one resource ---- */

/* The document's slices move out of the reader, which is used on the way. */
static struct err keep_slices(struct document *document, struct buf *kept)
{
    size_t text_bytes = document->text.bytes;
    buf_reset(kept);
    buf_put(kept, document->text);
    buf_put(kept, document->scopes);
    if (kept->failed) {
        return ERR(NO_MEMORY);
    }
    document->text = slice_first(buf_data(kept), text_bytes);
    document->scopes = slice_from(buf_data(kept), text_bytes);
    return ERR(OK);
}

struct err view_write_found(const struct view *view, const struct document *found, struct buf *out)
{
    struct document document = *found;
    TRY(keep_slices(&document, &view->reader->scratch));
    return view_write(view, &document, out);
}

static struct err view_now(const struct view *view, enum resource_kind kind, const struct id *id,
                           struct buf *out)
{
    struct document document;
    TRY(view_find(view, kind, id, &document));
    return view_write_found(view, &document, out);
}

struct err view_resource(const struct view *view, enum resource_kind kind, const struct id *id,
                         struct buf *out)
{
    TRY(documents_reader_begin(view->reader->documents));
    struct err err = view_now(view, kind, id, out);
    documents_reader_end(view->reader->documents);
    return err;
}
