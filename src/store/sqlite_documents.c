/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: its file, its transactions, and the groups it applies.
 *
 * Invariants:
 *  (1) The tables hold what the events up to meta.applied_sequence amount to, no more and no less:
 *      rows and mark change in one transaction, which COMMIT makes durable (synchronous=FULL).
 *  (2) Groups are applied without gaps: each begins at position + 1.
 *  (3) Of all connections this one alone writes and checkpoints (SQLite before 3.51.3 can lose
 *      pages when two connections checkpoint while a WAL is reset).
 *  (4) resource.document is the text of the last event, byte for byte; name, product, tag and
 *      identifier are drawn from it and from nothing else. */
#include "store/documents.h"

#include "base/assert.h"
#include "base/log.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A checkpoint every 4,000 pages (16 MiB) of WAL, by the commit that reaches them; the file is cut
 * back to 64 MiB after a long reader has made it grow. */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA foreign_keys = OFF;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA cache_size = -16384;"
                              "PRAGMA wal_autocheckpoint = 4000;"
                              "PRAGMA journal_size_limit = 67108864;";

/* Each event says what is, not what changes; so each statement makes a row be, whatever was there.
 * The exception is a property number: were one given out twice, two histories would become one. */
static const char *const texts[WRITE_COUNT] = {
    [WRITE_BEGIN] = "BEGIN IMMEDIATE",
    [WRITE_COMMIT] = "COMMIT",
    [WRITE_ROLLBACK] = "ROLLBACK",
    [WRITE_META] = "UPDATE meta SET value = ?2 WHERE name = ?1",
    [WRITE_RESOURCE] =
        "INSERT INTO resource (id, account, kind, created_ms, name, product, checksum, scopes,"
        " document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT (id) DO UPDATE SET account = excluded.account, kind = excluded.kind,"
        " created_ms = excluded.created_ms, name = excluded.name, product = excluded.product,"
        " checksum = excluded.checksum, scopes = excluded.scopes, document = excluded.document",
    [WRITE_RESOURCE_GONE] = "DELETE FROM resource WHERE id = ?1",
    [WRITE_TAG] = "INSERT OR IGNORE INTO tag (resource, tag, account, kind, created_ms)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
    [WRITE_TAGS_GONE] = "DELETE FROM tag WHERE resource = ?1",
    [WRITE_IDENTIFIER] = "INSERT INTO identifier (resource, key, value, account, kind, created_ms)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [WRITE_IDENTIFIERS_GONE] = "DELETE FROM identifier WHERE resource = ?1",
    [WRITE_ACCOUNT] = "INSERT INTO account (number, id) VALUES (?1, ?2)"
                      " ON CONFLICT (number) DO UPDATE SET id = excluded.id",
    [WRITE_ACCOUNT_GONE] = "DELETE FROM account WHERE number = ?1",
    [WRITE_PROPERTY] = "INSERT INTO property (number, resource, key) VALUES (?1, ?2, ?3)",
    [WRITE_PROPERTY_GONE] = "DELETE FROM property WHERE number = ?1",
    [WRITE_PROPERTIES_GONE] = "DELETE FROM property WHERE resource = ?1",
    [WRITE_KEY] = "INSERT OR REPLACE INTO key (hash, account, kind, actor, sealed)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
    [WRITE_KEY_GONE] = "DELETE FROM key WHERE hash = ?1",
};

static struct err run(struct documents *documents, enum write write)
{
    struct db_call call = write_call(documents, write);
    return db_run(&call);
}

struct err writer_refuse(struct documents *documents, const char *why)
{
    documents->refusal = why;
    return ERR(CORRUPT);
}

/* ---- opening ---- */

/* A file that does not exist yet is made here, so that only its owner may read it: it holds sealed
 * keys. SQLite gives its other files the same permissions. */
static struct err make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1) {
        return errno == EEXIST ? ERR(OK) : ERR(IO);
    }
    close(fd);
    return ERR(OK);
}

static struct err query_number(sqlite3 *db, const char *text, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
    if (code != SQLITE_OK) {
        return db_err(code);
    }
    struct db_call call = db_call(statement);
    struct err err = db_run_number(&call, number);
    sqlite3_finalize(statement);
    return err;
}

/* Makes the tables, all or none. */
static struct err create_tables(sqlite3 *db)
{
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, schema_text, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    return db_err(code);
}

static struct err check_format(sqlite3 *db, const char *path)
{
    int64_t tables;
    TRY(query_number(db, "SELECT count(*) FROM sqlite_schema", &tables));
    if (tables == 0) {
        TRY(create_tables(db));
    }
    int64_t application;
    int64_t format = 0;
    char room[LOG_VALUE_BYTES];
    TRY(query_number(db, "PRAGMA application_id", &application));
    if (application == SCHEMA_APPLICATION_ID) {
        TRY(query_number(db, "SELECT value FROM meta WHERE name = 'format'", &format));
    }
    if (format > SCHEMA_FORMAT) {
        log_line(LOG_ERROR, "store", "documents are of a newer format file=%s format=%lld known=%d",
                 log_quote(slice_of_text(path), room, sizeof(room)), (long long)format,
                 SCHEMA_FORMAT);
        return ERR(STORE_FORMAT_NEWER);
    }
    if (format < 1) {
        log_line(LOG_ERROR, "store", "documents file is not ours file=%s application_id=%lld",
                 log_quote(slice_of_text(path), room, sizeof(room)), (long long)application);
        return ERR(CORRUPT);
    }
    return ERR(OK);
}

static struct err load_meta(struct documents *documents)
{
    int64_t applied;
    int64_t property;
    int64_t account;
    TRY(query_number(documents->db, "SELECT value FROM meta WHERE name = 'applied_sequence'",
                     &applied));
    TRY(query_number(documents->db, "SELECT value FROM meta WHERE name = 'last_property'",
                     &property));
    TRY(query_number(documents->db, "SELECT value FROM meta WHERE name = 'last_account'",
                     &account));
    if (applied < 0 || property < 0 || property > UINT32_MAX || account < 0 ||
        account > UINT32_MAX) {
        return ERR(CORRUPT);
    }
    atomic_store(&documents->applied, (uint64_t)applied);
    documents->position = (uint64_t)applied;
    documents->written =
        (struct numbers){.property = (uint32_t)property, .account = (uint32_t)account};
    documents->highest = documents->written;
    return ERR(OK);
}

static struct err open_into(struct documents *documents, const char *path)
{
    TRY(make_file(path));
    TRY(db_open(path, SQLITE_OPEN_READWRITE, pragmas, &documents->db));
    TRY(check_format(documents->db, path));
    TRY(db_prepare(documents->db, texts, WRITE_COUNT, documents->statements));
    return load_meta(documents);
}

struct err documents_open(const char *path, struct documents **documents)
{
    struct documents *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return ERR(NO_MEMORY);
    }
    struct err err = open_into(opened, path);
    if (err_is_set(err)) {
        char room[LOG_VALUE_BYTES];
        log_line(LOG_ERROR, "store", "documents refused file=%s error=%s",
                 log_quote(slice_of_text(path), room, sizeof(room)), err_name(err));
        documents_close(opened);
        return err;
    }
    *documents = opened;
    return ERR(OK);
}

void documents_close(struct documents *documents)
{
    if (documents == NULL) {
        return;
    }
    documents_rollback(documents);
    db_finalize(documents->statements, WRITE_COUNT);
    int code = sqlite3_close(documents->db); /* checkpoints, when it is the last */
    ASSERT(code == SQLITE_OK);
    buf_deinit(&documents->name);
    buf_deinit(&documents->value);
    free(documents);
}

uint64_t documents_applied(const struct documents *documents)
{
    return atomic_load_explicit(&documents->applied, memory_order_acquire);
}

uint64_t documents_position(const struct documents *documents)
{
    return documents->position;
}

const char *documents_reason(const struct documents *documents)
{
    return documents->reason;
}

/* ---- transactions ---- */

/* Keeps the reason and rolls back; returns <err>. */
static struct err fail(struct documents *documents, struct err err)
{
    const char *why = documents->refusal ? documents->refusal : sqlite3_errmsg(documents->db);
    size_t bytes = min_size(strlen(why), sizeof(documents->reason) - 1);
    memcpy(documents->reason, why, bytes);
    documents->reason[bytes] = '\0';
    documents->refusal = NULL;
    documents_rollback(documents);
    return err;
}

struct err documents_begin(struct documents *documents)
{
    ASSERT(!documents->has_begun);
    struct err err = run(documents, WRITE_BEGIN);
    if (err_is_set(err)) {
        return fail(documents, err);
    }
    documents->has_begun = true;
    documents->begun = documents->position;
    return ERR(OK);
}

void documents_rollback(struct documents *documents)
{
    /* After some errors SQLite has rolled back by itself. Should rolling back fail, the next begin
     * fails too, and so on: nothing is committed by mistake. */
    if (documents->db != NULL && !sqlite3_get_autocommit(documents->db)) {
        struct err err = run(documents, WRITE_ROLLBACK);
        if (err_is_set(err)) {
            log_line(LOG_ERROR, "store", "documents rollback failed error=%s", err_name(err));
        }
    }
    if (documents->has_begun) {
        documents->has_begun = false;
        documents->position = documents->begun;
        documents->highest = documents->written;
    }
}

static struct err put_meta(struct documents *documents, struct slice name, uint64_t value)
{
    ASSERT(value <= INT64_MAX);
    struct db_call call = write_call(documents, WRITE_META);
    db_put_text(&call, name);
    db_put_number(&call, (int64_t)value);
    return db_run(&call);
}

static struct err commit(struct documents *documents)
{
    if (documents->position != documents_applied(documents)) {
        TRY(put_meta(documents, SLICE("applied_sequence"), documents->position));
    }
    if (documents->highest.property != documents->written.property) {
        TRY(put_meta(documents, SLICE("last_property"), documents->highest.property));
    }
    if (documents->highest.account != documents->written.account) {
        TRY(put_meta(documents, SLICE("last_account"), documents->highest.account));
    }
    return run(documents, WRITE_COMMIT);
}

struct err documents_commit(struct documents *documents)
{
    ASSERT(documents->has_begun);
    struct err err = commit(documents);
    if (err_is_set(err)) {
        return fail(documents, err);
    }
    documents->has_begun = false;
    documents->written = documents->highest;
    documents->reason[0] = '\0';
    atomic_store_explicit(&documents->applied, documents->position, memory_order_release);
    return ERR(OK);
}

/* ---- groups ---- */

static struct err apply_events(struct documents *documents, const struct group *group)
{
    struct event_walk walk = event_walk_start(group);
    struct event event;
    while (event_walk_next(&walk, &event)) {
        TRY(writer_apply(documents, &event));
    }
    return ERR(OK);
}

struct err documents_skip(struct documents *documents, const struct group *group)
{
    ASSERT(!group->has_documents);
    if (group->last_sequence <= documents->position) {
        return ERR(OK);
    }
    if (group->first_sequence != documents->position + 1) {
        return fail(documents, writer_refuse(documents, "groups are missing before this one"));
    }
    documents->position = group->last_sequence;
    return ERR(OK);
}

struct err documents_apply(struct documents *documents, const struct group *group)
{
    ASSERT(documents->has_begun);
    if (!group->has_documents) {
        return documents_skip(documents, group);
    }
    if (group->last_sequence <= documents->position) {
        return ERR(OK);
    }
    if (group->first_sequence != documents->position + 1) {
        return fail(documents, writer_refuse(documents, "groups are missing before this one"));
    }
    struct err err = apply_events(documents, group);
    if (err_is_set(err)) {
        return fail(documents, err);
    }
    documents->position = group->last_sequence;
    return ERR(OK);
}
