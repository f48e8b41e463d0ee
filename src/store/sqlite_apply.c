/* SPDX-License-Identifier: Apache-2.0
 *
 * Events into rows: resources, keys and properties. */
#include "store/sqlite_writer.h"

#include "base/assert.h"

struct err write_for(struct documents *documents, enum write write, const struct id *id)
{
    struct db_call call = write_call(documents, write);
    db_put_id(&call, id);
    return db_run(&call);
}

/* ---- documents ---- */

/* Which members of a document of that kind fill the columns that are called otherwise, or that are
 * not of all kinds; empty: none does. */
struct drawn {
    struct slice name;
    struct slice parent; /* what the resource belongs to, and is listed by */
    struct slice role;
};

static struct drawn drawn_of(enum resource_kind kind)
{
    struct drawn drawn = {.name = SLICE("name")};
    switch (kind) {
    case RESOURCE_OPERATOR:
        drawn.role = SLICE("role");
        break;
    case RESOURCE_APPLICATION:
        drawn.parent = SLICE("project");
        drawn.role = SLICE("defaultRole");
        break;
    case RESOURCE_TASK:
        drawn.parent = SLICE("batch");
        break;
    case RESOURCE_USER:
        drawn = (struct drawn){SLICE("email"), SLICE("app"), SLICE("role")};
        break;
    case RESOURCE_NAME:
        drawn.parent = SLICE("app");
        break;
    case RESOURCE_SHARE:
        drawn.parent = SLICE("user");
        break;
    default:
        break;
    }
    return drawn;
}

static void put_drawn(struct db_call *call, struct json_value root, struct slice member,
                      struct buf *scratch)
{
    if (slice_is_empty(member)) {
        db_put_null(call);
    } else {
        put_member(call, json_member(root, member), scratch);
    }
}

static struct err write_row(struct documents *documents, const struct event *event,
                            const struct subject *subject, struct json_value root)
{
    const struct drawn drawn = drawn_of(event->kind);
    /* Product, parent and role are ids or names of built-in roles, which have no escapes: one
     * scratch buffer does for all of them. */
    struct buf *scratch = &documents->value;
    struct db_call call = write_call(documents, WRITE_RESOURCE);
    db_put_id(&call, subject->id);
    put_subject(&call, subject);
    db_put_number(&call, (int64_t)event->sequence);
    put_member(&call, json_member(root, drawn.name), &documents->name);
    put_member(&call, json_member(root, SLICE("product")), scratch);
    put_drawn(&call, root, drawn.parent, scratch);
    put_drawn(&call, root, drawn.role, scratch);
    put_texts(&call, event->scopes, event->text);
    return db_run(&call);
}

static struct err write_account(struct documents *documents, const struct event *event)
{
    if (event->account > documents->highest.account) {
        documents->highest.account = event->account;
    }
    struct db_call call = write_call(documents, WRITE_ACCOUNT);
    db_put_number(&call, event->account);
    db_put_id(&call, event->resource);
    return db_run(&call);
}

static struct err write_resource(struct documents *documents, const struct event *event,
                                 struct json_value root)
{
    struct subject subject = {
        .id = event->resource, .account = event->account, .kind = event->kind};
    if (!json_int64(json_member(root, SLICE("createdAt")), &subject.created_ms)) {
        return writer_refuse(documents, "a document has no createdAt");
    }
    TRY(write_row(documents, event, &subject, root));
    TRY(write_for(documents, WRITE_TAGS_GONE, subject.id));
    TRY(write_for(documents, WRITE_IDENTIFIERS_GONE, subject.id));
    TRY(write_for(documents, WRITE_SCOPES_GONE, subject.id));
    TRY(write_tags(documents, &subject, json_member(root, SLICE("tags"))));
    TRY(write_identifiers(documents, &subject, json_member(root, SLICE("identifiers"))));
    TRY(write_scopes(documents, &subject, event->scopes));
    switch (event->kind) {
    case RESOURCE_ACCOUNT:
        return write_account(documents, event);
    case RESOURCE_PLACE:
        return write_place(documents, subject.id, root);
    default:
        return ERR(OK);
    }
}

static struct err write_document(struct documents *documents, const struct event *event)
{
    struct json_value root;
    if (err_is_set(json_scan(event->text, JSON_DEPTH_CEILING, &root)) || root.type != JSON_OBJECT) {
        return writer_refuse(documents, "a document is no JSON object");
    }
    return event->kind == RESOURCE_ACTION ? writer_apply_action(documents, event, root)
                                          : write_resource(documents, event, root);
}

/* ---- deletions ---- */

struct err delete_resource(struct documents *documents, enum resource_kind kind,
                           const struct id *id)
{
    TRY(write_for(documents, WRITE_RESOURCE_GONE, id));
    TRY(write_for(documents, WRITE_TAGS_GONE, id));
    TRY(write_for(documents, WRITE_IDENTIFIERS_GONE, id));
    TRY(write_for(documents, WRITE_SCOPES_GONE, id));
    TRY(write_for(documents, WRITE_PROPERTIES_GONE, id));
    TRY(write_for(documents, WRITE_MEMBERSHIPS_GONE, id));
    return kind == RESOURCE_PLACE ? delete_place(documents, id) : ERR(OK);
}

/* Kinds that any number of other rows may tell of. */
static bool has_cascade(enum resource_kind kind)
{
    switch (kind) {
    case RESOURCE_PRODUCT:
    case RESOURCE_PROJECT:
    case RESOURCE_APPLICATION:
    case RESOURCE_ACTION_TYPE:
    case RESOURCE_USER:
        return true;
    default:
        return false;
    }
}

/* Notes what the deletion of a resource, which is there still, leaves to do. */
static struct err write_cascade(struct documents *documents, const struct event *event)
{
    struct db_call call = write_call(documents, WRITE_CASCADE);
    db_put_id(&call, event->resource);
    db_put_number(&call, (int64_t)event->sequence);
    TRY(db_run(&call));
    documents->highest.cascades += (uint32_t)sqlite3_changes(documents->db);
    return ERR(OK);
}

static struct err delete_document(struct documents *documents, const struct event *event)
{
    if (event->kind == RESOURCE_ACTION) {
        return delete_action(documents, event->resource);
    }
    if (has_cascade(event->kind)) {
        TRY(write_cascade(documents, event));
    }
    TRY(delete_resource(documents, event->kind, event->resource));
    if (event->kind == RESOURCE_ACCOUNT) {
        struct db_call call = write_call(documents, WRITE_ACCOUNT_GONE);
        db_put_number(&call, event->account);
        TRY(db_run(&call));
    }
    return ERR(OK);
}

/* ---- keys and properties ---- */

static struct err apply_key(struct documents *documents, const struct event *event)
{
    struct slice hash = slice_of(event->hash, KEY_HASH_BYTES);
    bool is_deleted = event->operation == OPERATION_DELETED;
    struct db_call call = write_call(documents, is_deleted ? WRITE_KEY_GONE : WRITE_KEY);
    db_put_blob(&call, hash);
    if (!is_deleted) {
        db_put_number(&call, event->account);
        db_put_number(&call, event->key_kind);
        db_put_id(&call, event->actor);
        db_put_blob(&call, event->sealed);
    }
    return db_run(&call);
}

static struct err apply_points(struct documents *documents, struct event *event)
{
    struct point point;
    while (event_next_point(event, &point)) {
        if ((point.flags & POINT_NEW_PROPERTY) == 0) {
            continue;
        }
        if (point.property > documents->highest.property) {
            documents->highest.property = point.property;
        }
        struct db_call call = write_call(documents, WRITE_PROPERTY);
        db_put_number(&call, point.property);
        db_put_id(&call, event->resource);
        db_put_text(&call, point.key);
        TRY(db_run(&call));
    }
    return ERR(OK);
}

static struct err apply_cut(struct documents *documents, struct event *event)
{
    struct cut cut;
    while (event_next_cut(event, &cut)) {
        if (cut.flags & CUT_RETIRE) {
            struct db_call call = write_call(documents, WRITE_PROPERTY_GONE);
            db_put_number(&call, cut.property);
            TRY(db_run(&call));
        }
    }
    return ERR(OK);
}

/* ---- any event ---- */

struct err writer_apply(struct documents *documents, struct event *event)
{
    switch (event->type) {
    case EVENT_POINTS:
        return apply_points(documents, event);
    case EVENT_CUT:
        return apply_cut(documents, event);
    case EVENT_DOCUMENT:
        return event->operation == OPERATION_DELETED ? delete_document(documents, event)
                                                     : write_document(documents, event);
    case EVENT_KEY:
        return apply_key(documents, event);
    case EVENT_MEMBERS:
        return writer_apply_members(documents, event);
    case EVENT_MESSAGE:
        return ERR(OK); /* no document */
    }
    UNREACHABLE();
}
