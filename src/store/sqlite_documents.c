/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: its file, its statements, its transactions, and the groups it applies.
 *
 * Invariants:
 *  (1) The tables hold what the events up to meta.applied_sequence amount to, no more and no less:
 *      rows and mark change in one transaction. COMMIT does not wait for the disk
 *      (synchronous=NORMAL): after a power cut the file is as some earlier COMMIT left it, and the
 *      journal, which is kept from documents_durable on, has the rest. So a reader of its own
 *      writes waits for one sync, that of the journal, and the two do not get in each other's way.
 *  (2) Groups are applied without gaps: each begins at position + 1.
 *  (3) Of all connections this one alone writes and checkpoints (SQLite before 3.51.3 can lose
 *      pages when two connections checkpoint while a WAL is reset).
 *  (4) resource.document and action.document are the text of the last event, byte for byte, and so
 *      are their scopes; name, product, parent, role, tag, identifier, scope, place and the like
 *      are drawn from them and from nothing else.
 *  (5) A deletion that concerns many rows leaves a row in table cascade in the transaction that
 *      applies it. Rows that tell of what has gone, against (4) and (1), are for readers to leave
 *      out while that row is there; documents_clean makes them as if nobody had ever named it, and
 *      the tables are then the same whenever, and in however many slices, that was done. */
#include "store/documents.h"

#include "base/assert.h"
#include "base/log.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A checkpoint every 8,000 pages (32 MiB) of WAL, by the commit that reaches them; the file is cut
 * back to 64 MiB after a long reader has made it grow. WAL and cache are longer than documents
 * need, because the rows of actions go to all places of some indexes: each page is then read and
 * written once for more of them (measured: 20 us an action, 30 us with half of both). */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = NORMAL;"
                              "PRAGMA foreign_keys = OFF;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA cache_size = -32768;"
                              "PRAGMA wal_autocheckpoint = 8000;"
                              "PRAGMA journal_size_limit = 67108864;";

/* Each event says what is, not what changes; so each statement makes a row be, whatever was there.
 * The exception is a property number: were one given out twice, two histories would become one.
 * The number and sequence of a resource, and what EVENT_MEMBERS made of it, outlive its updates. */
static const char *const texts[WRITE_COUNT] = {
    [WRITE_BEGIN] = "BEGIN IMMEDIATE",
    [WRITE_COMMIT] = "COMMIT",
    [WRITE_ROLLBACK] = "ROLLBACK",
    [WRITE_META] = "UPDATE meta SET value = ?2 WHERE name = ?1",
    [WRITE_RESOURCE] =
        "INSERT INTO resource (id, account, kind, created_ms, sequence, name, product, parent, "
        "role,"
        " checksum, scopes, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        " ON CONFLICT (id) DO UPDATE SET account = excluded.account, kind = excluded.kind,"
        " created_ms = excluded.created_ms, name = excluded.name, product = excluded.product,"
        " parent = excluded.parent, role = excluded.role, checksum = excluded.checksum,"
        " scopes = excluded.scopes, document = excluded.document",
    [WRITE_RESOURCE_GONE] = "DELETE FROM resource WHERE id = ?1",
    [WRITE_TAG] = "INSERT OR IGNORE INTO tag (resource, tag, account, kind, created_ms)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
    [WRITE_TAGS_GONE] = "DELETE FROM tag WHERE resource = ?1",
    [WRITE_IDENTIFIER] =
        "INSERT OR IGNORE INTO identifier (resource, key, value, account, kind, created_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [WRITE_IDENTIFIERS_GONE] = "DELETE FROM identifier WHERE resource = ?1",
    [WRITE_SCOPE] = "INSERT OR IGNORE INTO scope (resource, viewer, account, kind, created_ms)"
                    " VALUES (?1, ?2, ?3, ?4, ?5)",
    [WRITE_SCOPE_FOR_ALL] =
        "INSERT OR IGNORE INTO scope (resource, viewer, account, kind, created_ms)"
        " VALUES (?1, '*' || ?2, ?3, ?4, ?5)",
    [WRITE_SCOPE_FOR_USER] =
        "INSERT OR IGNORE INTO scope (resource, viewer, account, kind, created_ms)"
        " VALUES (?1, '@' || ?2, ?3, ?4, ?5)",
    [WRITE_SCOPES_GONE] = "DELETE FROM scope WHERE resource = ?1",
    [WRITE_PLACE] = "INSERT OR REPLACE INTO place (resource, number, latitude, longitude)"
                    " SELECT id, number, ?2, ?3 FROM resource WHERE id = ?1",
    [WRITE_PLACE_BOX] = "INSERT OR REPLACE INTO place_rtree"
                        " (number, min_lat, max_lat, min_lon, max_lon)"
                        " SELECT number, ?2, ?2, ?3, ?3 FROM resource WHERE id = ?1",
    [WRITE_PLACE_GONE] = "DELETE FROM place WHERE resource = ?1",
    [WRITE_PLACE_BOX_GONE] = "DELETE FROM place_rtree WHERE number ="
                             " (SELECT number FROM place WHERE resource = ?1)",
    [WRITE_ACCOUNT] = "INSERT INTO account (number, id) VALUES (?1, ?2)"
                      " ON CONFLICT (number) DO UPDATE SET id = excluded.id",
    [WRITE_ACCOUNT_GONE] = "DELETE FROM account WHERE number = ?1",
    [WRITE_PROPERTY] = "INSERT INTO property (number, resource, key) VALUES (?1, ?2, ?3)",
    [WRITE_PROPERTY_GONE] = "DELETE FROM property WHERE number = ?1",
    [WRITE_PROPERTIES_GONE] = "DELETE FROM property WHERE resource = ?1",
    [WRITE_KEY] = "INSERT OR REPLACE INTO key (hash, account, kind, actor, sealed)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
    [WRITE_KEY_GONE] = "DELETE FROM key WHERE hash = ?1",
    [WRITE_KEYS_GONE] = "DELETE FROM key WHERE actor = ?1",
    [WRITE_ACTION] =
        "INSERT OR IGNORE INTO action (id, account, timestamp_ms, sequence, type, thng, product,"
        " collection, user, checksum, scopes, document)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [WRITE_ACTION_GONE] = "DELETE FROM action WHERE id = ?1",
    [WRITE_MEMBER] =
        "INSERT INTO member (resource, collection, kind, account, created_ms, sequence)"
        " SELECT id, ?2, kind, account, created_ms, ?3 FROM resource WHERE id = ?1"
        " ON CONFLICT (resource, collection) DO UPDATE SET sequence = excluded.sequence",
    [WRITE_MEMBER_GONE] = "DELETE FROM member WHERE resource = ?1 AND collection = ?2",
    [WRITE_MEMBERSHIPS_GONE] = "DELETE FROM member WHERE resource = ?1",
    [WRITE_TOUCHED] = "UPDATE resource SET touched_ms = max(touched_ms, ?2) WHERE id = ?1",
    [WRITE_CLEARED_THNGS] = "UPDATE resource SET cleared_thngs = ?2 WHERE id = ?1",
    [WRITE_CLEARED_COLLECTIONS] = "UPDATE resource SET cleared_collections = ?2 WHERE id = ?1",
    [WRITE_CASCADE] = "INSERT OR IGNORE INTO cascade (sequence, account, kind, id, name)"
                      " SELECT ?2, account, kind, id, name FROM resource WHERE id = ?1",
    [WRITE_CASCADE_GONE] = "DELETE FROM cascade WHERE sequence = ?1",
    [CLEAN_CASCADE] = "SELECT sequence, account, kind, id, name FROM cascade"
                      " ORDER BY sequence LIMIT 1",
    [CLEAN_WITH_PRODUCT] = "SELECT id, kind FROM resource INDEXED BY resource_product"
                           " WHERE account = ?1 AND kind = ?2 AND product = ?3 LIMIT ?4",
    [CLEAN_CHILDREN] = "SELECT id, kind FROM resource INDEXED BY resource_parent"
                       " WHERE account = ?1 AND kind = ?2 AND parent = ?3 LIMIT ?4",
    [CLEAN_VIEWED] = "SELECT resource, kind FROM scope INDEXED BY scope_list"
                     " WHERE account = ?1 AND kind = ?2 AND viewer = '@' || ?3 LIMIT ?4",
    [CLEAN_SCOPED] = "SELECT resource, kind FROM scope INDEXED BY scope_list"
                     " WHERE account = ?1 AND viewer IN (?2, '*' || ?2) LIMIT ?3",
    [CLEAN_ACTIONS] = "SELECT id, timestamp_ms, sequence FROM action INDEXED BY action_type"
                      " WHERE account = ?1 AND type = ?2 AND (timestamp_ms, id) > (?3, ?4)"
                      " ORDER BY timestamp_ms, id LIMIT ?5",
    [CLEAN_RESOURCE] = "SELECT checksum, scopes, document FROM resource WHERE id = ?1",
    [CLEAN_RESOURCE_PRODUCT] = "UPDATE resource SET product = NULL, checksum = ?2, scopes = ?3,"
                               " document = ?4 WHERE id = ?1",
    [CLEAN_DAMAGED_PRODUCT] = "UPDATE resource SET product = NULL WHERE id = ?1",
    [CLEAN_RESOURCE_SCOPES] =
        "UPDATE resource SET checksum = ?2, scopes = ?3, document = ?4 WHERE id = ?1",
    [CLEAN_ACTION] = "SELECT checksum, scopes, document FROM action WHERE id = ?1",
    [CLEAN_ACTION_SCOPES] =
        "UPDATE action SET checksum = ?2, scopes = ?3, document = ?4 WHERE id = ?1",
    [CLEAN_SCOPE_GONE] = "DELETE FROM scope WHERE resource = ?1 AND viewer IN (?2, '*' || ?2)",
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

/* Runs the steps, all or none. */
static struct err run_steps(sqlite3 *db, const char *const *steps)
{
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (; code == SQLITE_OK && *steps != NULL; steps++) {
        code = sqlite3_exec(db, *steps, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        char reason[LOG_VALUE_BYTES];
        log_line(LOG_ERROR, "store", "documents tables cannot be made reason=%s",
                 log_quote(slice_of_text(sqlite3_errmsg(db)), reason, sizeof(reason)));
        /* Does nothing but fail when no transaction is open. */
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return db_err(code);
}

/* The format of the file; 0 when it is not ours. */
static struct err read_format(sqlite3 *db, int64_t *application, int64_t *format)
{
    *format = 0;
    TRY(query_number(db, "PRAGMA application_id", application));
    if (*application != SCHEMA_APPLICATION_ID) {
        return ERR(OK);
    }
    return query_number(db, "SELECT value FROM meta WHERE name = 'format'", format);
}

static struct err check_format(sqlite3 *db, const char *path)
{
    int64_t tables;
    int64_t application;
    int64_t format;
    char room[LOG_VALUE_BYTES];
    TRY(query_number(db, "SELECT count(*) FROM sqlite_schema", &tables));
    if (tables == 0) {
        TRY(run_steps(db, schema_steps[0]));
    }
    TRY(read_format(db, &application, &format));
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
    for (; format < SCHEMA_FORMAT; format++) {
        TRY(run_steps(db, schema_steps[format]));
        log_line(LOG_INFO, "store", "documents have a new format file=%s from=%lld to=%lld",
                 log_quote(slice_of_text(path), room, sizeof(room)), (long long)format,
                 (long long)format + 1);
    }
    return ERR(OK);
}

static struct err load_meta(struct documents *documents)
{
    int64_t applied;
    int64_t property;
    int64_t account;
    int64_t cascades;
    TRY(query_number(documents->db, "SELECT value FROM meta WHERE name = 'applied_sequence'",
                     &applied));
    TRY(query_number(documents->db, "SELECT value FROM meta WHERE name = 'last_property'",
                     &property));
    TRY(query_number(documents->db, "SELECT value FROM meta WHERE name = 'last_account'",
                     &account));
    TRY(query_number(documents->db, "SELECT count(*) FROM cascade", &cascades));
    if (applied < 0 || property < 0 || property > UINT32_MAX || account < 0 ||
        account > UINT32_MAX || cascades > UINT32_MAX) {
        return ERR(CORRUPT);
    }
    atomic_store(&documents->applied, (uint64_t)applied);
    documents->position = (uint64_t)applied;
    documents->written = (struct numbers){.property = (uint32_t)property,
                                          .account = (uint32_t)account,
                                          .cascades = (uint32_t)cascades};
    documents->highest = documents->written;
    return ERR(OK);
}

static struct err open_into(struct documents *documents, const char *path)
{
    TRY(make_file(path));
    TRY(db_open(path, SQLITE_OPEN_READWRITE, pragmas, &documents->db));
    TRY(check_format(documents->db, path));
    TRY(db_prepare(documents->db, texts, WRITE_COUNT, documents->statements));
    TRY(load_meta(documents));
    return documents_sync(documents);
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
    buf_deinit(&documents->found);
    buf_deinit(&documents->before);
    buf_deinit(&documents->after);
    free(documents);
}

uint64_t documents_applied(const struct documents *documents)
{
    return atomic_load_explicit(&documents->applied, memory_order_acquire);
}

uint64_t documents_durable(const struct documents *documents)
{
    return atomic_load_explicit(&documents->durable, memory_order_acquire);
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

/* A checkpoint syncs the write-ahead log first, and then the file: what is not in the log any more
 * is safe. */
struct err documents_sync(struct documents *documents)
{
    ASSERT(!documents->has_begun);
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(documents->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log != NULL && log->pMethods != NULL) {
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    }
    if (code != SQLITE_OK) {
        documents->refusal = "the write-ahead log could not be synced";
        return fail(documents, ERR(IO));
    }
    atomic_store_explicit(&documents->durable, documents_applied(documents), memory_order_release);
    return ERR(OK);
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
        documents->clean = (struct clean_place){0};
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

/* ---- what deletions have left to do ---- */

bool documents_must_clean(const struct documents *documents)
{
    return documents->highest.cascades > 0;
}

struct err documents_clean(struct documents *documents, uint32_t rows_max, bool *is_done)
{
    ASSERT(documents->has_begun);
    struct err err = writer_clean(documents, rows_max);
    *is_done = !documents_must_clean(documents);
    return err_is_set(err) ? fail(documents, err) : ERR(OK);
}
