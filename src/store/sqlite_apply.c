/* SPDX-License-Identifier: Apache-2.0
 *
 * Events into rows. */
#include "store/sqlite_writer.h"

#include "base/assert.h"
#include "base/hash.h"
#include "codec/json.h"

static struct err run_for(struct documents *documents, enum write write, const struct id *id)
{
    struct db_call call = write_call(documents, write);
    db_put_id(&call, id);
    return db_run(&call);
}

/* ---- documents ---- */

/* Whose rows are written: what all tables repeat, so that their indexes give lists. */
struct subject {
    const struct id *id;
    uint32_t account;
    enum resource_kind kind;
    int64_t created_ms;
};

static void put_subject(struct db_call *call, const struct subject *subject)
{
    db_put_number(call, subject->account);
    db_put_number(call, subject->kind);
    db_put_number(call, subject->created_ms);
}

/* Puts what is between the quotes of a text, decoded; in <scratch> when it has escapes, so a call
 * needs one for each text. */
static void put_decoded(struct db_call *call, struct slice raw, struct buf *scratch)
{
    if (json_raw_has_escapes(raw)) {
        buf_reset(scratch);
        if (err_is_set(buf_reserve(scratch, raw.bytes))) {
            db_fail(call, SQLITE_NOMEM);
            return;
        }
        raw = slice_of(scratch->at, json_raw_decode(raw, scratch->at));
    }
    db_put_text(call, raw);
}

/* A string decoded, any other value as it was sent. */
static void put_value(struct db_call *call, struct json_value value, struct buf *scratch)
{
    if (value.type == JSON_STRING) {
        put_decoded(call, json_string_raw(value), scratch);
    } else {
        db_put_text(call, value.text);
    }
}

/* A member that filters compare: a string, or nothing. */
static void put_member(struct db_call *call, struct json_value value, struct buf *scratch)
{
    if (value.type == JSON_STRING) {
        put_value(call, value, scratch);
    } else {
        db_put_null(call);
    }
}

static struct err write_resource(struct documents *documents, const struct event *event,
                                 const struct subject *subject, struct json_value root)
{
    uint64_t checksum = hash_bytes(hash_bytes(0, event->text), event->scopes);
    struct db_call call = write_call(documents, WRITE_RESOURCE);
    db_put_id(&call, subject->id);
    put_subject(&call, subject);
    put_member(&call, json_member(root, SLICE("name")), &documents->name);
    put_member(&call, json_member(root, SLICE("product")), &documents->value);
    db_put_number(&call, (int64_t)checksum);
    if (slice_is_empty(event->scopes)) {
        db_put_null(&call);
    } else {
        db_put_text(&call, event->scopes);
    }
    db_put_text(&call, event->text);
    return db_run(&call);
}

static struct err write_tags(struct documents *documents, const struct subject *subject,
                             struct json_value tags)
{
    TRY(run_for(documents, WRITE_TAGS_GONE, subject->id));
    if (tags.type != JSON_ARRAY) {
        return ERR(OK);
    }
    struct json_each each = json_each(tags);
    struct json_value tag;
    while (json_array_next(&each, &tag)) {
        if (tag.type == JSON_STRING) {
            struct db_call call = write_call(documents, WRITE_TAG);
            db_put_id(&call, subject->id);
            put_value(&call, tag, &documents->value);
            put_subject(&call, subject);
            TRY(db_run(&call));
        }
    }
    return ERR(OK);
}

static bool is_scalar(enum json_type type)
{
    return type == JSON_STRING || type == JSON_NUMBER || type == JSON_BOOLEAN;
}

static struct err write_identifiers(struct documents *documents, const struct subject *subject,
                                    struct json_value identifiers)
{
    TRY(run_for(documents, WRITE_IDENTIFIERS_GONE, subject->id));
    if (identifiers.type != JSON_OBJECT) {
        return ERR(OK);
    }
    struct json_each each = json_each(identifiers);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        if (is_scalar(member.value.type)) {
            struct db_call call = write_call(documents, WRITE_IDENTIFIER);
            db_put_id(&call, subject->id);
            put_decoded(&call, member.name, &documents->name);
            put_value(&call, member.value, &documents->value);
            put_subject(&call, subject);
            TRY(db_run(&call));
        }
    }
    return ERR(OK);
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

static struct err write_document(struct documents *documents, const struct event *event)
{
    struct json_value root;
    struct subject subject = {
        .id = event->resource, .account = event->account, .kind = event->kind};
    if (err_is_set(json_scan(event->text, JSON_DEPTH_CEILING, &root)) || root.type != JSON_OBJECT) {
        return writer_refuse(documents, "a document is no JSON object");
    }
    if (!json_int64(json_member(root, SLICE("createdAt")), &subject.created_ms)) {
        return writer_refuse(documents, "a document has no createdAt");
    }
    TRY(write_resource(documents, event, &subject, root));
    TRY(write_tags(documents, &subject, json_member(root, SLICE("tags"))));
    TRY(write_identifiers(documents, &subject, json_member(root, SLICE("identifiers"))));
    return event->kind == RESOURCE_ACCOUNT ? write_account(documents, event) : ERR(OK);
}

/* Everything that hangs on the resource, but for keys, which have events of their own. */
static struct err delete_document(struct documents *documents, const struct event *event)
{
    TRY(run_for(documents, WRITE_RESOURCE_GONE, event->resource));
    TRY(run_for(documents, WRITE_TAGS_GONE, event->resource));
    TRY(run_for(documents, WRITE_IDENTIFIERS_GONE, event->resource));
    TRY(run_for(documents, WRITE_PROPERTIES_GONE, event->resource));
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
    }
    UNREACHABLE();
}
