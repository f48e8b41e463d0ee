/* SPDX-License-Identifier: Apache-2.0
 *
 * What deletions leave to do, in slices.
 *
 *      product        thngs lose their member "product"
 *      project        its applications go, with their keys and all below; scopes lose the project
 *      application    its users go, with their keys and all below; the names that they had go
 *      user           what it shares and what is shared with it go
 *      action type    its actions go
 *
 * What goes does so from below, so that whatever is there still hangs on what is there, or on what
 * a cascade is about.
 *
 * The rows that are left are found by an index each time, in which those that are done are no more,
 * so a slice begins where the last one ended, also after a start. Only of a type that was made
 * again there may be many actions that stay among those that go; see struct clean_place.
 *
 * A row whose texts are not what its checksum says is left as damaged as it is. */
#include "store/sqlite_writer.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/document.h"

struct cascade {
    uint64_t sequence;
    uint32_t account;
    enum resource_kind kind;
    struct id id;
    struct slice name; /* in documents->name */
};

/* ---- the rows of a slice ---- */

/* One of those in documents->found. */
struct found {
    struct id id;
    enum resource_kind kind;
};

static struct found found_at(const struct documents *documents, uint32_t index)
{
    struct found found;
    memcpy(&found, documents->found.at + index * sizeof(found), sizeof(found));
    return found;
}

/* Gathers the rows of the call, each an id and a kind, and ends it: a statement that is read from
 * while its rows change may give them twice. */
static struct err gather(struct documents *documents, struct db_call *call, uint32_t *count)
{
    bool has_row;
    *count = 0;
    buf_reset(&documents->found);
    for (;;) {
        struct found found = {0};
        TRY(db_step(call, &has_row));
        if (!has_row) {
            break;
        }
        found.kind = (enum resource_kind)db_number(call, 1);
        if (!db_id(call, 0, &found.id)) {
            db_end(call);
            return writer_refuse(documents, "a row has no id");
        }
        buf_put_bytes(&documents->found, &found, sizeof(found));
        *count += 1;
    }
    db_end(call);
    return documents->found.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---- the texts of a row ---- */

struct row_texts {
    int64_t checksum;
    struct slice scopes; /* both in documents->before */
    struct slice document;
    bool is_sound;
};

/* The texts of that row; <is_there> says whether there is one. */
static struct err read_texts(struct documents *documents, enum write select, const struct id *id,
                             bool *is_there, struct row_texts *texts)
{
    struct buf *before = &documents->before;
    struct db_call call = write_call(documents, select);
    db_put_id(&call, id);
    TRY(db_step(&call, is_there));
    if (!*is_there) {
        db_end(&call);
        return ERR(OK);
    }
    buf_reset(before);
    size_t scopes_bytes = db_slice(&call, 1).bytes;
    texts->checksum = db_number(&call, 0);
    buf_put(before, db_slice(&call, 1));
    buf_put(before, db_slice(&call, 2));
    db_end(&call);
    if (before->failed) {
        return ERR(NO_MEMORY);
    }
    struct slice both = buf_data(before);
    texts->scopes = slice_of(both.at, scopes_bytes);
    texts->document = slice_of(both.at + scopes_bytes, both.bytes - scopes_bytes);
    texts->is_sound = texts_checksum(texts->scopes, texts->document) == texts->checksum;
    return ERR(OK);
}

/* Writes texts over those of the row. */
static struct err write_texts(struct documents *documents, enum write update, const struct id *id,
                              struct slice scopes, struct slice document)
{
    struct db_call call = write_call(documents, update);
    db_put_id(&call, id);
    put_texts(&call, scopes, document);
    return db_run(&call);
}

/* ---- products ---- */

static struct err take_product(struct documents *documents, const struct id *id)
{
    bool is_there;
    struct row_texts texts;
    TRY(read_texts(documents, CLEAN_RESOURCE, id, &is_there, &texts));
    if (!is_there || !texts.is_sound) {
        return write_for(documents, CLEAN_DAMAGED_PRODUCT, id);
    }
    struct buf *after = &documents->after;
    buf_reset(after);
    document_merge(after, RESOURCE_THNG, texts.document, SLICE("\"product\":null"), 0);
    if (after->failed) {
        return ERR(NO_MEMORY);
    }
    return write_texts(documents, CLEAN_RESOURCE_PRODUCT, id, texts.scopes, buf_data(after));
}

/* Gathers at most <max> rows that are of that kind and tell of <id>, as the statement says. */
static struct err gather_of(struct documents *documents, enum write select, uint32_t account,
                            enum resource_kind kind, const struct id *id, uint32_t max,
                            uint32_t *count)
{
    struct db_call call = write_call(documents, select);
    db_put_number(&call, account);
    db_put_number(&call, kind);
    db_put_id(&call, id);
    db_put_number(&call, max);
    return gather(documents, &call, count);
}

static struct err clean_product(struct documents *documents, const struct cascade *cascade,
                                uint32_t *left)
{
    uint32_t count;
    TRY(gather_of(documents, CLEAN_WITH_PRODUCT, cascade->account, RESOURCE_THNG, &cascade->id,
                  *left, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct found found = found_at(documents, i);
        TRY(take_product(documents, &found.id));
    }
    *left -= count;
    return ERR(OK);
}

/* ---- what hangs on users, applications and projects ---- */

/* Deletes what hangs on <id>. */
typedef struct err (*clean_fn)(struct documents *documents, uint32_t account, const struct id *id,
                               uint32_t *left);

/* Deletes the resources of that kind that the statement finds for <id>, with their keys, and before
 * each what hangs on it (<clean_below>; NULL: nothing does). */
static struct err delete_all(struct documents *documents, enum write select, uint32_t account,
                             enum resource_kind kind, const struct id *id, clean_fn clean_below,
                             uint32_t *left)
{
    while (*left > 0) {
        uint32_t count;
        TRY(gather_of(documents, select, account, kind, id, 1, &count));
        if (count == 0) {
            break;
        }
        const struct found found = found_at(documents, 0);
        if (clean_below != NULL) {
            TRY(clean_below(documents, account, &found.id, left));
        }
        if (*left > 0) {
            TRY(write_for(documents, WRITE_KEYS_GONE, &found.id));
            TRY(delete_resource(documents, kind, &found.id));
            --*left;
        }
    }
    return ERR(OK);
}

static struct err clean_user(struct documents *documents, uint32_t account, const struct id *id,
                             uint32_t *left)
{
    TRY(delete_all(documents, CLEAN_CHILDREN, account, RESOURCE_SHARE, id, NULL, left));
    return delete_all(documents, CLEAN_VIEWED, account, RESOURCE_SHARE, id, NULL, left);
}

static struct err clean_application(struct documents *documents, uint32_t account,
                                    const struct id *id, uint32_t *left)
{
    TRY(delete_all(documents, CLEAN_CHILDREN, account, RESOURCE_USER, id, clean_user, left));
    return delete_all(documents, CLEAN_CHILDREN, account, RESOURCE_NAME, id, NULL, left);
}

/* ---- projects ---- */

/* Writes the array without the string <gone>, which needs no escapes. */
static void write_without(struct buf *out, struct json_value list, struct slice gone)
{
    struct json_each each = json_each(list);
    struct json_value item;
    json_write_open(out, '[');
    while (json_array_next(&each, &item)) {
        if (!json_string_equals(item, gone)) {
            json_write_comma(out);
            buf_put(out, item.text);
        }
    }
    json_write_close(out, ']');
}

/* Writes scopes without the project. */
static void write_scopes_without(struct buf *out, struct slice scopes, const struct id *project)
{
    struct json_each each = json_each(json_object_of(scopes));
    struct json_member member;
    json_write_open(out, '{');
    while (json_object_next(&each, &member)) {
        json_write_name(out, member.name);
        if (member.value.type == JSON_ARRAY && json_member_is(&member, SLICE("projects"))) {
            write_without(out, member.value, id_slice(project));
        } else {
            buf_put(out, member.value.text);
        }
    }
    json_write_close(out, '}');
}

static struct err take_project(struct documents *documents, const struct found *found,
                               const struct id *project)
{
    bool is_action = found->kind == RESOURCE_ACTION;
    bool is_there;
    struct row_texts texts;
    TRY(read_texts(documents, is_action ? CLEAN_ACTION : CLEAN_RESOURCE, &found->id, &is_there,
                   &texts));
    if (!is_there || !texts.is_sound || slice_is_empty(texts.scopes)) {
        return ERR(OK);
    }
    struct buf *after = &documents->after;
    buf_reset(after);
    write_scopes_without(after, texts.scopes, project);
    if (after->failed) {
        return ERR(NO_MEMORY);
    }
    return write_texts(documents, is_action ? CLEAN_ACTION_SCOPES : CLEAN_RESOURCE_SCOPES,
                       &found->id, buf_data(after), texts.document);
}

static struct err clean_scopes(struct documents *documents, const struct cascade *cascade,
                               uint32_t *left)
{
    uint32_t count;
    struct db_call call = write_call(documents, CLEAN_SCOPED);
    db_put_number(&call, cascade->account);
    db_put_id(&call, &cascade->id);
    db_put_number(&call, *left);
    TRY(gather(documents, &call, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct found found = found_at(documents, i);
        TRY(take_project(documents, &found, &cascade->id));
        struct db_call gone = write_call(documents, CLEAN_SCOPE_GONE);
        db_put_id(&gone, &found.id);
        db_put_id(&gone, &cascade->id);
        TRY(db_run(&gone));
    }
    *left -= count;
    return ERR(OK);
}

static struct err clean_project(struct documents *documents, const struct cascade *cascade,
                                uint32_t *left)
{
    TRY(delete_all(documents, CLEAN_CHILDREN, cascade->account, RESOURCE_APPLICATION, &cascade->id,
                   clean_application, left));
    return *left > 0 ? clean_scopes(documents, cascade, left) : ERR(OK);
}

/* ---- action types ---- */

/* Where to go on with the actions of that type. */
static void find_place(struct documents *documents, const struct cascade *cascade)
{
    if (documents->clean.cascade != cascade->sequence) {
        documents->clean =
            (struct clean_place){.cascade = cascade->sequence, .timestamp_ms = INT64_MIN};
    }
}

/* Gathers, of the next <rows_max> actions of the type, those that were made before it was deleted;
 * *rows is how many were looked at. */
static struct err gather_actions(struct documents *documents, const struct cascade *cascade,
                                 uint32_t rows_max, uint32_t *rows, uint32_t *count)
{
    struct clean_place *place = &documents->clean;
    const struct id after_id = place->id;
    struct db_call call = write_call(documents, CLEAN_ACTIONS);
    db_put_number(&call, cascade->account);
    db_put_text(&call, cascade->name);
    db_put_number(&call, place->timestamp_ms);
    db_put_text(&call, id_is_set(&after_id) ? id_slice(&after_id) : (struct slice){0});
    db_put_number(&call, rows_max);
    *rows = 0;
    *count = 0;
    buf_reset(&documents->found);
    for (;;) {
        bool has_row;
        TRY(db_step(&call, &has_row));
        if (!has_row) {
            break;
        }
        struct found found = {.kind = RESOURCE_ACTION};
        if (!db_id(&call, 0, &found.id)) {
            db_end(&call);
            return writer_refuse(documents, "an action has no id");
        }
        place->timestamp_ms = db_number(&call, 1);
        place->id = found.id;
        *rows += 1;
        if ((uint64_t)db_number(&call, 2) < cascade->sequence) {
            buf_put_bytes(&documents->found, &found, sizeof(found));
            *count += 1;
        }
    }
    db_end(&call);
    return documents->found.failed ? ERR(NO_MEMORY) : ERR(OK);
}

static struct err clean_actions(struct documents *documents, const struct cascade *cascade,
                                uint32_t *left)
{
    uint32_t rows;
    uint32_t count;
    find_place(documents, cascade);
    TRY(gather_actions(documents, cascade, *left, &rows, &count));
    for (uint32_t i = 0; i < count; i++) {
        struct found found = found_at(documents, i);
        TRY(delete_action(documents, &found.id));
    }
    *left -= rows;
    return ERR(OK);
}

/* ---- any of them ---- */

static struct err next_cascade(struct documents *documents, struct cascade *cascade)
{
    bool has_row;
    struct db_call call = write_call(documents, CLEAN_CASCADE);
    TRY(db_step(&call, &has_row));
    ASSERT(has_row);
    cascade->sequence = (uint64_t)db_number(&call, 0);
    cascade->account = (uint32_t)db_number(&call, 1);
    cascade->kind = (enum resource_kind)db_number(&call, 2);
    bool has_id = db_id(&call, 3, &cascade->id);
    buf_reset(&documents->name);
    buf_put(&documents->name, db_slice(&call, 4));
    db_end(&call);
    cascade->name = buf_data(&documents->name);
    if (documents->name.failed) {
        return ERR(NO_MEMORY);
    }
    return has_id ? ERR(OK) : writer_refuse(documents, "a cascade has no id");
}

/* Takes from *left what it did; when something is left of it, the cascade is done with. */
static struct err clean(struct documents *documents, const struct cascade *cascade, uint32_t *left)
{
    switch (cascade->kind) {
    case RESOURCE_PRODUCT:
        return clean_product(documents, cascade, left);
    case RESOURCE_PROJECT:
        return clean_project(documents, cascade, left);
    case RESOURCE_APPLICATION:
        return clean_application(documents, cascade->account, &cascade->id, left);
    case RESOURCE_USER:
        return clean_user(documents, cascade->account, &cascade->id, left);
    case RESOURCE_ACTION_TYPE:
        return clean_actions(documents, cascade, left);
    default:
        return writer_refuse(documents, "a cascade is of a kind that has none");
    }
}

static struct err end_cascade(struct documents *documents, const struct cascade *cascade)
{
    struct db_call call = write_call(documents, WRITE_CASCADE_GONE);
    db_put_number(&call, (int64_t)cascade->sequence);
    documents->highest.cascades--;
    return db_run(&call);
}

struct err writer_clean(struct documents *documents, uint32_t rows_max)
{
    uint32_t left = rows_max;
    while (documents->highest.cascades > 0 && left > 0) {
        struct cascade cascade;
        TRY(next_cascade(documents, &cascade));
        TRY(clean(documents, &cascade, &left));
        ASSERT(left <= rows_max);
        if (left > 0) {
            TRY(end_cascade(documents, &cascade));
            left--; /* the cascade's own row */
        }
    }
    return ERR(OK);
}
