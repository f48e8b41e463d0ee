/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_db.h"

#include "base/assert.h"
#include "base/log.h"

#include <pthread.h>

/* Nobody else writes to the file; what may be met is another program that reads it, or a copy being
 * made. */
#define BUSY_TIMEOUT_MS 2000

struct err db_err(int code)
{
    switch (code & 0xff) { /* the low byte is the class of the extended codes */
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR(OK);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR(BUSY);
    case SQLITE_NOMEM:
        return ERR(NO_MEMORY);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* rows that contradict each other: nothing we write may */
        return ERR(CORRUPT);
    default:
        return ERR(IO);
    }
}

/* SQLite counts its memory under one lock for all threads: readers would wait for each other at
 * each allocation. Nobody reads the count. It must be said before the first use; later it is
 * refused, and all is well but slower. */
static void no_memory_statistics(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct err db_open(const char *path, int flags, const char *pragmas, sqlite3 **db)
{
    char room[LOG_VALUE_BYTES];
    char reason[LOG_VALUE_BYTES];
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, no_memory_statistics);
    *db = NULL;
    sqlite3 *opened = NULL;
    int code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(opened, 1);
        sqlite3_busy_timeout(opened, BUSY_TIMEOUT_MS);
        code = sqlite3_exec(opened, pragmas, NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        const char *text = opened ? sqlite3_errmsg(opened) : sqlite3_errstr(code);
        log_line(LOG_ERROR, "store", "documents cannot be opened file=%s code=%d reason=%s",
                 log_quote(slice_of_text(path), room, sizeof(room)), code,
                 log_quote(slice_of_text(text), reason, sizeof(reason)));
        sqlite3_close(opened);
        return db_err(code);
    }
    *db = opened;
    return ERR(OK);
}

struct err db_prepare(sqlite3 *db, const char *const *texts, size_t count,
                      sqlite3_stmt **statements)
{
    for (size_t i = 0; i < count; i++) {
        ASSERT(texts[i] != NULL);
        int code =
            sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL);
        if (code != SQLITE_OK) {
            char reason[LOG_VALUE_BYTES];
            log_line(LOG_ERROR, "store", "documents statement refused number=%zu reason=%s", i,
                     log_quote(slice_of_text(sqlite3_errmsg(db)), reason, sizeof(reason)));
            return db_err(code);
        }
    }
    return ERR(OK);
}

void db_finalize(sqlite3_stmt **statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

/* ---- one call ---- */

struct db_call db_call(sqlite3_stmt *statement)
{
    ASSERT(statement != NULL);
    ASSERT(!sqlite3_stmt_busy(statement));
    return (struct db_call){.statement = statement};
}

void db_fail(struct db_call *call, int code)
{
    if (call->code == SQLITE_OK) {
        call->code = code;
    }
}

void db_put_number(struct db_call *call, int64_t number)
{
    db_fail(call, sqlite3_bind_int64(call->statement, ++call->index, number));
}

void db_put_real(struct db_call *call, double number)
{
    db_fail(call, sqlite3_bind_double(call->statement, ++call->index, number));
}

void db_put_text(struct db_call *call, struct slice text)
{
    /* A NULL pointer would be SQL's NULL. */
    const char *at = text.bytes > 0 ? (const char *)text.at : "";
    db_fail(call, sqlite3_bind_text64(call->statement, ++call->index, at, text.bytes, SQLITE_STATIC,
                                      SQLITE_UTF8));
}

void db_put_blob(struct db_call *call, struct slice bytes)
{
    const void *at = bytes.bytes > 0 ? (const void *)bytes.at : "";
    db_fail(call,
            sqlite3_bind_blob64(call->statement, ++call->index, at, bytes.bytes, SQLITE_STATIC));
}

void db_put_id(struct db_call *call, const struct id *id)
{
    db_put_text(call, id_slice(id));
}

void db_put_null(struct db_call *call)
{
    db_fail(call, sqlite3_bind_null(call->statement, ++call->index));
}

struct err db_step(struct db_call *call, bool *has_row)
{
    *has_row = false;
    if (call->code == SQLITE_OK) {
        int code = sqlite3_step(call->statement);
        *has_row = code == SQLITE_ROW;
        db_fail(call, code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code);
    }
    if (call->code != SQLITE_OK) {
        db_end(call);
    }
    return db_err(call->code);
}

void db_end(struct db_call *call)
{
    /* The answer of reset is that of the last step, which has been looked at. */
    sqlite3_reset(call->statement);
    sqlite3_clear_bindings(call->statement);
}

struct err db_run(struct db_call *call)
{
    bool has_row;
    TRY(db_step(call, &has_row));
    ASSERT(!has_row);
    db_end(call);
    return ERR(OK);
}

struct err db_run_number(struct db_call *call, int64_t *number)
{
    bool has_row;
    TRY(db_step(call, &has_row));
    if (has_row) {
        *number = db_number(call, 0);
    }
    db_end(call);
    return has_row ? ERR(OK) : ERR(NOT_FOUND);
}

bool db_id(const struct db_call *call, int column, struct id *id)
{
    struct slice text = db_slice(call, column);
    if (text.bytes != ID_BYTES) {
        return false;
    }
    memcpy(id->text, text.at, ID_BYTES);
    return true;
}
