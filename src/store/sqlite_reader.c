/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers: their statements, single documents, properties, keys. Answers are copied out of the row
 * and the statement is ended at once, so that an idle reader holds no old state of the file, which
 * would keep the writer from starting its WAL anew. */
#include "store/sqlite_reader.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"

#include <stdlib.h>

/* A reader never writes, and never checkpoints, not even when it is the last to close. */
static const char pragmas[] = "PRAGMA query_only = ON;"
                              "PRAGMA wal_autocheckpoint = 0;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA cache_size = -8192;";

/* An application's key lives as long as the application, a user's as long as the user: under the
 * name r, the application of either. */
#define KEY_COLUMNS "k.hash, k.account, k.kind, k.actor, k.sealed, r.parent, u.parent"
#define KEY_FROM                                                                              \
    " FROM key AS k LEFT JOIN resource AS u ON u.id = k.actor AND k.kind = 5 AND u.kind = 14" \
    " LEFT JOIN resource AS r ON r.id = CASE k.kind WHEN 5 THEN u.parent ELSE k.actor END"    \
    " AND k.kind IN (3, 4, 5) AND r.kind = 8"
#define KEY_LIVES "(k.kind NOT IN (3, 4, 5) OR " APPLICATION_LIVES ")"
static_assert(KEY_APPLICATION == 3 && KEY_TRUSTED == 4 && KEY_USER == 5,
              "they are in the texts above");

static const char *const texts[READ_COUNT] = {
    [READ_BEGIN] = "BEGIN",
    [READ_END] = "COMMIT",
    [READ_META] = "SELECT value FROM meta WHERE name = ?1",
    [READ_RESOURCE] = "SELECT r.id, r.account, r.kind, r.created_ms, " RESOURCE_TAIL ", 0.0"
                      " FROM resource AS r WHERE r.id = ?1 AND " RESOURCE_LIVES,
    [READ_ACTION] = "SELECT r.id, r.account, 13, r.timestamp_ms, " ACTION_TAIL ", 0.0"
                    " FROM action AS r WHERE r.id = ?1 AND " ACTION_LIVES,
    [READ_EXISTS] = "SELECT EXISTS (SELECT 1 FROM resource AS r WHERE r.id = ?1 AND r.kind = ?2"
                    " AND " RESOURCE_LIVES ")",
    [READ_HAS_CASCADES] = "SELECT EXISTS (SELECT 1 FROM cascade)",
    [READ_BY_IDENTIFIER] = "SELECT resource FROM identifier INDEXED BY identifier_list"
                           " WHERE account = ?1 AND kind = ?2 AND key = ?3 AND value = ?4"
                           " ORDER BY created_ms, resource LIMIT ?5",
    [READ_PROPERTIES] = "SELECT key, number FROM property WHERE resource = ?1 ORDER BY key",
    [READ_PROPERTY] = "SELECT number FROM property WHERE resource = ?1 AND key = ?2",
    [READ_COLLECTIONS_OF] =
        "SELECT m.collection FROM member AS m CROSS JOIN resource AS c ON c.id = m.collection"
        " WHERE m.resource = ?1 AND c.kind = 5 AND m.sequence >"
        " CASE m.kind WHEN 3 THEN c.cleared_thngs ELSE c.cleared_collections END"
        " ORDER BY m.sequence, m.collection",
    [READ_CLEARED] = "SELECT CASE ?2 WHEN 3 THEN cleared_thngs ELSE cleared_collections END"
                     " FROM resource WHERE id = ?1 AND kind = 5",
    [READ_MEMBER_STATE] =
        "SELECT EXISTS (SELECT 1 FROM member AS m WHERE m.resource = r.id AND m.collection = ?4"
        " AND m.sequence > ?5)"
        " FROM resource AS r WHERE r.id = ?1 AND r.account = ?2 AND r.kind = ?3 AND (?6 IS NULL OR"
        " EXISTS (SELECT 1 FROM scope AS s WHERE s.resource = r.id"
        " AND +s.viewer IN ('*' || ?6, ?6, '*all', 'all')))",
    [READ_MEMBERS] = "SELECT resource FROM member INDEXED BY member_list"
                     " WHERE collection = ?1 AND kind = ?2 AND sequence > ?3"
                     " ORDER BY created_ms, resource LIMIT ?4",
    [READ_MEMBERS_GONE] = "SELECT resource FROM member INDEXED BY member_list"
                          " WHERE collection = ?1 AND kind = ?2 AND sequence <= ?3"
                          " ORDER BY created_ms, resource LIMIT ?4",
    [READ_MEMBERS_NEXT] = "SELECT collection, kind, account FROM member INDEXED BY member_list"
                          " WHERE (collection, kind) > (?1, ?2) ORDER BY collection, kind LIMIT 1",
    [READ_ABOVE] = "WITH RECURSIVE above (id) AS (VALUES (?1) UNION"
                   " SELECT m.collection FROM above CROSS JOIN member AS m ON m.resource = above.id"
                   " CROSS JOIN resource AS c ON c.id = m.collection"
                   " WHERE c.kind = 5 AND m.sequence > c.cleared_collections) SELECT id FROM above",
    [READ_SCOPE_SIZE] = "SELECT count(*) FROM (SELECT 1 FROM scope INDEXED BY scope_list"
                        " WHERE account = ?1 AND kind = ?2 AND viewer = ?3 || ?4 LIMIT ?5)",
    [READ_PENDING_TASKS] =
        "SELECT r.account, r.id FROM account AS a CROSS JOIN resource AS r INDEXED BY resource_list"
        " ON r.account = a.number AND r.kind = 10 WHERE json_extract(r.document, '$.status')"
        " NOT IN ('EXECUTED', 'EXECUTED_WITH_FAILURES', 'FAILED') ORDER BY r.created_ms, r.id",
    [READ_KEY] = "SELECT " KEY_COLUMNS KEY_FROM " WHERE k.hash = ?1 AND " KEY_LIVES,
    [READ_KEY_OF] = "SELECT " KEY_COLUMNS KEY_FROM
                    " WHERE k.actor = ?1 AND k.kind = ?2 AND " KEY_LIVES " LIMIT 1",
    [READ_ROLE_IS_USED] =
        "SELECT EXISTS (SELECT 1 FROM resource AS r INDEXED BY resource_role"
        " WHERE r.account = ?1 AND r.role = ?2 AND r.kind IN (8, 14) AND " RESOURCE_LIVES ")",
    [READ_OTHER_ADMINISTRATOR] =
        "SELECT EXISTS (SELECT 1 FROM resource INDEXED BY resource_list WHERE account = ?1"
        " AND kind = 2 AND id <> ?2 AND CASE WHEN role IS NOT NULL THEN role = 'admin'"
        " WHEN json_valid(document) THEN"
        " json_type(document, '$.policies') IS NULL ELSE 0 END)",
    [READ_ACCOUNT] = "SELECT id FROM account WHERE number = ?1",
};
static_assert(RESOURCE_THNG == 3, "it is in the texts above");

struct err reader_failed(struct documents_reader *reader, struct err err)
{
    int code = sqlite3_errcode(reader->db) & 0xff;
    bool is_sqlite = code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE;
    if (err_is_set(err) && is_sqlite) {
        char reason[LOG_VALUE_BYTES];
        LOG_LIMITED(LOG_ERROR, "store", "documents cannot be read error=%s reason=%s",
                    err_name(err),
                    log_quote(slice_of_text(sqlite3_errmsg(reader->db)), reason, sizeof(reason)));
    }
    return err;
}

static struct err open_into(struct documents_reader *reader, const char *path)
{
    TRY(db_open(path, SQLITE_OPEN_READWRITE, pragmas, &reader->db));
    TRY(near_register(reader->db));
    TRY(db_err(sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL)));
    return db_prepare(reader->db, texts, READ_COUNT, reader->statements);
}

struct err documents_reader_open(const char *path, struct documents_reader **reader)
{
    struct documents_reader *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return ERR(NO_MEMORY);
    }
    struct err err = open_into(opened, path);
    if (err_is_set(err)) {
        documents_reader_close(opened);
        return err;
    }
    *reader = opened;
    return ERR(OK);
}

void documents_reader_close(struct documents_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    db_finalize(reader->statements, READ_COUNT);
    for (size_t i = 0; i < READER_LISTS_MAX; i++) {
        db_finalize(&reader->lists[i].statement, 1);
    }
    int code = sqlite3_close(reader->db);
    ASSERT(code == SQLITE_OK);
    buf_deinit(&reader->answer);
    buf_deinit(&reader->list.text);
    buf_deinit(&reader->list.sets);
    free(reader);
}

/* ---- one moment ---- */

static struct err read_meta(struct documents_reader *reader, struct slice name, int64_t *value)
{
    struct db_call call = reader_call(reader, READ_META);
    db_put_text(&call, name);
    struct err err = db_run_number(&call, value);
    return err.code == ERR_NOT_FOUND ? ERR(CORRUPT) : err;
}

struct err documents_reader_begin(struct documents_reader *reader)
{
    ASSERT(!reader->has_begun);
    struct db_call call = reader_call(reader, READ_BEGIN);
    struct err err = db_run(&call);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    reader->has_begun = true;
    /* BEGIN alone promises nothing: the first read fixes the moment. */
    uint64_t mark;
    err = documents_reader_mark(reader, &mark);
    if (err_is_set(err)) {
        documents_reader_end(reader);
    }
    return err;
}

void documents_reader_end(struct documents_reader *reader)
{
    ASSERT(reader->has_begun);
    reader->has_begun = false;
    if (!sqlite3_get_autocommit(reader->db)) {
        struct db_call call = reader_call(reader, READ_END);
        struct err err = db_run(&call);
        (void)reader_failed(reader, err);
    }
}

struct err documents_reader_mark(struct documents_reader *reader, uint64_t *sequence)
{
    int64_t value;
    struct err err = read_meta(reader, SLICE("applied_sequence"), &value);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    *sequence = (uint64_t)value;
    return ERR(OK);
}

struct err reader_moment_begin(struct documents_reader *reader, bool *is_own)
{
    *is_own = !reader->has_begun;
    return *is_own ? documents_reader_begin(reader) : ERR(OK);
}

void reader_moment_end(struct documents_reader *reader, bool is_own)
{
    if (is_own) {
        documents_reader_end(reader);
    }
}

/* ---- documents ---- */

struct err reader_document(const struct db_call *call, struct document *document)
{
    struct document read = {
        .account = (uint32_t)db_number(call, 1),
        .kind = (enum resource_kind)db_number(call, 2),
        .created_ms = db_number(call, 3),
        .touched_ms = db_number(call, 4),
        .sequence = (uint64_t)db_number(call, 5),
        .scopes = db_slice(call, 8),
        .text = db_slice(call, 9),
        .distance_km = db_real(call, 10),
    };
    uint64_t checksum = hash_bytes(hash_bytes(0, read.text), read.scopes);
    bool is_sound = db_id(call, 0, &read.id) && checksum == (uint64_t)db_number(call, 7);
    bool has_parent = is_sound && db_slice(call, 6).bytes > 0;
    if (!is_sound || (has_parent && !db_id(call, 6, &read.parent))) {
        char room[LOG_VALUE_BYTES];
        LOG_LIMITED(LOG_ERROR, "store", "document is damaged resource=%s",
                    log_quote(db_slice(call, 0), room, sizeof(room)));
        return ERR(CORRUPT);
    }
    *document = read;
    return ERR(OK);
}

/* Copies <slices> into reader->answer, and makes them lie there. */
static struct err keep(struct documents_reader *reader, struct slice *slices[], size_t count)
{
    buf_reset(&reader->answer);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += slices[i]->bytes;
    }
    TRY(buf_reserve(&reader->answer, bytes));
    for (size_t i = 0; i < count; i++) {
        if (slices[i]->bytes > 0) {
            const uint8_t *at = reader->answer.at + reader->answer.tail;
            buf_put(&reader->answer, *slices[i]);
            slices[i]->at = at;
        }
    }
    return ERR(OK);
}

static struct err get(struct documents_reader *reader, enum read read, const struct id *id,
                      struct document *document)
{
    struct db_call call = reader_call(reader, read);
    db_put_id(&call, id);
    bool has_row;
    TRY(db_step(&call, &has_row));
    struct err err = has_row ? reader_document(&call, document) : ERR(NOT_FOUND);
    if (!err_is_set(err)) {
        err = keep(reader, (struct slice *[]){&document->text, &document->scopes}, 2);
    }
    db_end(&call);
    return err;
}

struct err documents_get(struct documents_reader *reader, const struct id *id,
                         struct document *document)
{
    struct err err = get(reader, READ_RESOURCE, id, document);
    if (err.code == ERR_NOT_FOUND) {
        err = get(reader, READ_ACTION, id, document);
    }
    return reader_failed(reader, err);
}

struct err documents_exists(struct documents_reader *reader, enum resource_kind kind,
                            const struct id *id, bool *exists)
{
    ASSERT(kind != RESOURCE_ACTION);
    struct db_call call = reader_call(reader, READ_EXISTS);
    db_put_id(&call, id);
    db_put_number(&call, kind);
    int64_t number = 0;
    struct err err = db_run_number(&call, &number);
    *exists = number != 0;
    return reader_failed(reader, err);
}

struct err documents_has_cascades(struct documents_reader *reader, bool *has_cascades)
{
    struct db_call call = reader_call(reader, READ_HAS_CASCADES);
    int64_t number = 0;
    struct err err = db_run_number(&call, &number);
    *has_cascades = number != 0;
    return reader_failed(reader, err);
}

struct err documents_by_identifier(struct documents_reader *reader, uint32_t account,
                                   enum resource_kind kind, struct slice key, struct slice value,
                                   struct id *ids, uint32_t max, uint32_t *count)
{
    struct db_call call = reader_call(reader, READ_BY_IDENTIFIER);
    db_put_number(&call, account);
    db_put_number(&call, kind);
    db_put_text(&call, key);
    db_put_text(&call, value);
    db_put_number(&call, max);
    *count = 0;
    for (;;) {
        bool has_row;
        struct err err = db_step(&call, &has_row);
        if (err_is_set(err)) {
            return reader_failed(reader, err);
        }
        if (!has_row) {
            break;
        }
        ASSERT(*count < max);
        if (!db_id(&call, 0, &ids[*count])) {
            db_end(&call);
            return ERR(CORRUPT);
        }
        ++*count;
    }
    db_end(&call);
    return ERR(OK);
}

/* ---- properties ---- */

struct err documents_properties(struct documents_reader *reader, const struct id *resource,
                                property_visit_fn visit, void *arg)
{
    struct db_call call = reader_call(reader, READ_PROPERTIES);
    db_put_id(&call, resource);
    for (;;) {
        bool has_row;
        struct err err = db_step(&call, &has_row);
        if (err_is_set(err)) {
            return reader_failed(reader, err);
        }
        if (!has_row || !visit(arg, db_slice(&call, 0), (uint32_t)db_number(&call, 1))) {
            break;
        }
    }
    db_end(&call);
    return ERR(OK);
}

struct err documents_property(struct documents_reader *reader, const struct id *resource,
                              struct slice key, uint32_t *property)
{
    struct db_call call = reader_call(reader, READ_PROPERTY);
    db_put_id(&call, resource);
    db_put_text(&call, key);
    int64_t number;
    struct err err = db_run_number(&call, &number);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    *property = (uint32_t)number;
    return ERR(OK);
}

/* ---- keys ---- */

static struct err fill_key(struct documents_reader *reader, const struct db_call *call,
                           struct key_row *row)
{
    struct slice hash = db_slice(call, 0);
    struct key_row read = {
        .account = (uint32_t)db_number(call, 1),
        .kind = (enum key_kind)db_number(call, 2),
        .sealed = db_slice(call, 4),
    };
    if (hash.bytes != KEY_HASH_BYTES || !db_id(call, 3, &read.actor)) {
        return ERR(CORRUPT);
    }
    if ((db_slice(call, 5).bytes > 0 && !db_id(call, 5, &read.project)) ||
        (db_slice(call, 6).bytes > 0 && !db_id(call, 6, &read.application))) {
        return ERR(CORRUPT);
    }
    memcpy(read.hash, hash.at, KEY_HASH_BYTES);
    TRY(keep(reader, (struct slice *[]){&read.sealed}, 1));
    *row = read;
    return ERR(OK);
}

static struct err read_key(struct documents_reader *reader, struct db_call *call,
                           struct key_row *row)
{
    bool has_row;
    struct err err = db_step(call, &has_row);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    err = has_row ? fill_key(reader, call, row) : ERR(NOT_FOUND);
    db_end(call);
    return err;
}

struct err documents_key(struct documents_reader *reader, const uint8_t hash[KEY_HASH_BYTES],
                         struct key_row *row)
{
    struct db_call call = reader_call(reader, READ_KEY);
    db_put_blob(&call, slice_of(hash, KEY_HASH_BYTES));
    return read_key(reader, &call, row);
}

struct err documents_key_of(struct documents_reader *reader, enum key_kind kind,
                            const struct id *actor, struct key_row *row)
{
    struct db_call call = reader_call(reader, READ_KEY_OF);
    db_put_id(&call, actor);
    db_put_number(&call, kind);
    return read_key(reader, &call, row);
}

/* ---- roles ---- */

/* The answer of a statement of an account and an id. */
static struct err read_answer(struct documents_reader *reader, enum read read, uint32_t account,
                              const struct id *id, bool *answer)
{
    struct db_call call = reader_call(reader, read);
    db_put_number(&call, account);
    db_put_id(&call, id);
    int64_t number = 0;
    struct err err = db_run_number(&call, &number);
    *answer = number != 0;
    return reader_failed(reader, err);
}

struct err documents_role_is_used(struct documents_reader *reader, uint32_t account,
                                  const struct id *role, bool *is_used)
{
    return read_answer(reader, READ_ROLE_IS_USED, account, role, is_used);
}

struct err documents_other_administrator(struct documents_reader *reader, uint32_t account,
                                         const struct id *operator_id, bool *has_other)
{
    return read_answer(reader, READ_OTHER_ADMINISTRATOR, account, operator_id, has_other);
}

/* ---- numbers ---- */

struct err documents_numbers(struct documents_reader *reader, uint32_t *property, uint32_t *account)
{
    int64_t last_property;
    int64_t last_account;
    struct err err = read_meta(reader, SLICE("last_property"), &last_property);
    if (!err_is_set(err)) {
        err = read_meta(reader, SLICE("last_account"), &last_account);
    }
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    *property = (uint32_t)last_property;
    *account = (uint32_t)last_account;
    return ERR(OK);
}

struct err documents_account(struct documents_reader *reader, uint32_t account, struct id *id)
{
    struct db_call call = reader_call(reader, READ_ACCOUNT);
    db_put_number(&call, account);
    bool has_row;
    struct err err = db_step(&call, &has_row);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    bool has_id = has_row && db_id(&call, 0, id);
    db_end(&call);
    return has_id ? ERR(OK) : has_row ? ERR(CORRUPT) : ERR(NOT_FOUND);
}
