/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers: everything but lists (sqlite_list.c). Answers are copied out of the row and the
 * statement is ended at once, so that an idle reader holds no old state of the file, which would
 * keep the writer from starting its WAL anew. */
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

#define KEY_COLUMNS "hash, account, kind, actor, sealed"

static const char *const texts[READ_COUNT] = {
    [READ_BEGIN] = "BEGIN",
    [READ_END] = "COMMIT",
    [READ_META] = "SELECT value FROM meta WHERE name = ?1",
    [READ_DOCUMENT] = "SELECT " DOCUMENT_COLUMNS " FROM resource AS r WHERE r.id = ?1",
    [READ_BY_IDENTIFIER] = "SELECT resource FROM identifier INDEXED BY identifier_list"
                           " WHERE account = ?1 AND kind = ?2 AND key = ?3 AND value = ?4"
                           " ORDER BY created_ms, resource LIMIT ?5",
    [READ_PROPERTIES] = "SELECT key, number FROM property WHERE resource = ?1 ORDER BY key",
    [READ_PROPERTY] = "SELECT number FROM property WHERE resource = ?1 AND key = ?2",
    [READ_KEY] = "SELECT " KEY_COLUMNS " FROM key WHERE hash = ?1",
    [READ_KEY_OF] = "SELECT " KEY_COLUMNS " FROM key WHERE actor = ?1 AND kind = ?2 LIMIT 1",
    [READ_ACCOUNT] = "SELECT id FROM account WHERE number = ?1",
};

static struct db_call read_call(struct documents_reader *reader, enum read read)
{
    return db_call(reader->statements[read]);
}

struct err reader_failed(struct documents_reader *reader, struct err err)
{
    if (err_is_set(err) && err.code != ERR_NOT_FOUND && err.code != ERR_QUERY_INVALID) {
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
    free(reader);
}

/* ---- one moment ---- */

static struct err read_meta(struct documents_reader *reader, struct slice name, int64_t *value)
{
    struct db_call call = read_call(reader, READ_META);
    db_put_text(&call, name);
    struct err err = db_run_number(&call, value);
    return err.code == ERR_NOT_FOUND ? ERR(CORRUPT) : err;
}

struct err documents_reader_begin(struct documents_reader *reader)
{
    ASSERT(!reader->has_begun);
    struct db_call call = read_call(reader, READ_BEGIN);
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
        struct db_call call = read_call(reader, READ_END);
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

/* ---- documents ---- */

struct err reader_document(const struct db_call *call, struct document *document)
{
    struct document read = {
        .account = (uint32_t)db_number(call, 1),
        .kind = (enum resource_kind)db_number(call, 2),
        .created_ms = db_number(call, 3),
        .text = db_slice(call, 4),
        .scopes = db_slice(call, 5),
    };
    uint64_t checksum = hash_bytes(hash_bytes(0, read.text), read.scopes);
    if (!db_id(call, 0, &read.id) || checksum != (uint64_t)db_number(call, 6)) {
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

struct err documents_get(struct documents_reader *reader, const struct id *id,
                         struct document *document)
{
    struct db_call call = read_call(reader, READ_DOCUMENT);
    db_put_id(&call, id);
    bool has_row;
    struct err err = db_step(&call, &has_row);
    if (err_is_set(err)) {
        return reader_failed(reader, err);
    }
    err = has_row ? reader_document(&call, document) : ERR(NOT_FOUND);
    if (!err_is_set(err)) {
        err = keep(reader, (struct slice *[]){&document->text, &document->scopes}, 2);
    }
    db_end(&call);
    return err;
}

struct err documents_by_identifier(struct documents_reader *reader, uint32_t account,
                                   enum resource_kind kind, struct slice key, struct slice value,
                                   struct id *ids, uint32_t max, uint32_t *count)
{
    struct db_call call = read_call(reader, READ_BY_IDENTIFIER);
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
    struct db_call call = read_call(reader, READ_PROPERTIES);
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
    struct db_call call = read_call(reader, READ_PROPERTY);
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

/* ---- keys and accounts ---- */

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
    struct db_call call = read_call(reader, READ_KEY);
    db_put_blob(&call, slice_of(hash, KEY_HASH_BYTES));
    return read_key(reader, &call, row);
}

struct err documents_key_of(struct documents_reader *reader, enum key_kind kind,
                            const struct id *actor, struct key_row *row)
{
    struct db_call call = read_call(reader, READ_KEY_OF);
    db_put_id(&call, actor);
    db_put_number(&call, kind);
    return read_key(reader, &call, row);
}

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
    struct db_call call = read_call(reader, READ_ACCOUNT);
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
