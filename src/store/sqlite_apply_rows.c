/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that hang on a resource or an action. */
#include "store/sqlite_writer.h"

#include "base/hash.h"

/* ---- what is put ---- */

void put_subject(struct db_call *call, const struct subject *subject)
{
    db_put_number(call, subject->account);
    db_put_number(call, subject->kind);
    db_put_number(call, subject->created_ms);
}

/* Puts what is between the quotes of a text, decoded; in <scratch> when it has escapes. */
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

void put_value(struct db_call *call, struct json_value value, struct buf *scratch)
{
    if (value.type == JSON_STRING) {
        put_decoded(call, json_string_raw(value), scratch);
    } else {
        db_put_text(call, value.text);
    }
}

void put_member(struct db_call *call, struct json_value value, struct buf *scratch)
{
    if (value.type == JSON_STRING) {
        put_value(call, value, scratch);
    } else {
        db_put_null(call);
    }
}

int64_t texts_checksum(struct slice scopes, struct slice document)
{
    return (int64_t)hash_bytes(hash_bytes(0, document), scopes);
}

void put_texts(struct db_call *call, struct slice scopes, struct slice document)
{
    db_put_number(call, texts_checksum(scopes, document));
    if (slice_is_empty(scopes)) {
        db_put_null(call);
    } else {
        db_put_text(call, scopes);
    }
    db_put_text(call, document);
}

/* ---- lists of texts ---- */

static struct err write_item(struct documents *documents, enum write write,
                             const struct subject *subject, struct json_value item)
{
    struct db_call call = write_call(documents, write);
    db_put_id(&call, subject->id);
    put_value(&call, item, &documents->value);
    put_subject(&call, subject);
    return db_run(&call);
}

/* A row for each string of <list>. */
static struct err write_each(struct documents *documents, enum write write,
                             const struct subject *subject, struct json_value list)
{
    if (list.type != JSON_ARRAY) {
        return ERR(OK);
    }
    struct json_each each = json_each(list);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        if (item.type == JSON_STRING) {
            TRY(write_item(documents, write, subject, item));
        }
    }
    return ERR(OK);
}

struct err write_tags(struct documents *documents, const struct subject *subject,
                      struct json_value tags)
{
    return write_each(documents, WRITE_TAG, subject, tags);
}

/* ---- scopes ---- */

/* A row for each user that is named; *is_for_all when "all" is. */
static struct err write_users(struct documents *documents, const struct subject *subject,
                              struct json_value users, bool *is_for_all)
{
    *is_for_all = false;
    if (users.type != JSON_ARRAY) {
        return ERR(OK);
    }
    struct json_each each = json_each(users);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        if (json_string_equals(item, SLICE("all"))) {
            *is_for_all = true;
        } else if (item.type == JSON_STRING) {
            TRY(write_item(documents, WRITE_SCOPE_FOR_USER, subject, item));
        }
    }
    return ERR(OK);
}

struct err write_scopes(struct documents *documents, const struct subject *subject,
                        struct slice scopes)
{
    if (slice_is_empty(scopes)) {
        return ERR(OK);
    }
    struct json_value root;
    if (err_is_set(json_scan(scopes, JSON_DEPTH_MAX, &root))) {
        return writer_refuse(documents, "scopes are no JSON");
    }
    bool is_for_all;
    TRY(write_users(documents, subject, json_member(root, SLICE("users")), &is_for_all));
    return write_each(documents, is_for_all ? WRITE_SCOPE_FOR_ALL : WRITE_SCOPE, subject,
                      json_member(root, SLICE("projects")));
}

/* ---- identifiers ---- */

static bool is_scalar(enum json_type type)
{
    return type == JSON_STRING || type == JSON_NUMBER || type == JSON_BOOLEAN;
}

struct err write_identifiers(struct documents *documents, const struct subject *subject,
                             struct json_value identifiers)
{
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

/* ---- places ---- */

struct err delete_place(struct documents *documents, const struct id *id)
{
    TRY(write_for(documents, WRITE_PLACE_BOX_GONE, id));
    return write_for(documents, WRITE_PLACE_GONE, id);
}

struct position {
    double latitude;
    double longitude;
};

static struct err put_position(struct documents *documents, enum write write, const struct id *id,
                               const struct position *position)
{
    struct db_call call = write_call(documents, write);
    db_put_id(&call, id);
    db_put_real(&call, position->latitude);
    db_put_real(&call, position->longitude);
    return db_run(&call);
}

struct err write_place(struct documents *documents, const struct id *id, struct json_value root)
{
    struct position position;
    if (!json_double(json_member(root, SLICE("latitude")), &position.latitude) ||
        !json_double(json_member(root, SLICE("longitude")), &position.longitude)) {
        return delete_place(documents, id);
    }
    TRY(put_position(documents, WRITE_PLACE_BOX, id, &position));
    return put_position(documents, WRITE_PLACE, id, &position);
}
