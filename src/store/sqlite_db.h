/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_db.h - the little of SQLite that the documents use, with errors and slices of ours.
 *
 * A statement is used in one way: parameters are put in order, rows are stepped through, it is
 * ended. A put that fails shows in the first step, so that calls are a straight column:
 *
 *      struct db_call call = db_call(statement);
 *      db_put_id(&call, id);
 *      db_put_number(&call, 7);
 *      TRY(db_run(&call));
 *
 * What is put is borrowed until the call ends. A connection belongs to one thread. */
#ifndef THRUM_STORE_SQLITE_DB_H
#define THRUM_STORE_SQLITE_DB_H

#include "base/err.h"
#include "base/slice.h"
#include "model/id.h"

#include <sqlite3.h>

struct db_call {
    sqlite3_stmt *statement;
    int index; /* of the parameter put last */
    int code;  /* the first that was not SQLITE_OK */
};

/* SQLite's result code as an error of ours; SQLITE_OK, _ROW and _DONE are ERR_OK. */
struct err db_err(int code);

/* Opens <path> with <flags> and runs <pragmas>, a constant text. On failure *db is NULL, and the
 * log says why. */
MUST_USE struct err db_open(const char *path, int flags, const char *pragmas, sqlite3 **db);

/* Prepares <count> constant texts for the life of the connection. On failure some of them may be
 * prepared: db_finalize takes them all. */
MUST_USE struct err db_prepare(sqlite3 *db, const char *const *texts, size_t count,
                               sqlite3_stmt **statements);
void db_finalize(sqlite3_stmt **statements, size_t count);

/* ---- one call ---- */

struct db_call db_call(sqlite3_stmt *statement);
void db_put_number(struct db_call *call, int64_t number);
void db_put_real(struct db_call *call, double number);
void db_put_text(struct db_call *call, struct slice text);
void db_put_blob(struct db_call *call, struct slice bytes);
void db_put_id(struct db_call *call, const struct id *id);
void db_put_null(struct db_call *call);

/* What could not be put: the first step fails with <code>. */
void db_fail(struct db_call *call, int code);

/* The next row: *has_row says whether there is one. On error the call is ended. */
MUST_USE struct err db_step(struct db_call *call, bool *has_row);

/* Ends the call: the statement keeps nothing, neither borrowed bytes nor a read transaction. */
void db_end(struct db_call *call);

/* Runs a statement that has no rows, and ends it. */
MUST_USE struct err db_run(struct db_call *call);

/* Runs a statement whose only row has one number, and ends it. ERR_NOT_FOUND when there is none. */
MUST_USE struct err db_run_number(struct db_call *call, int64_t *number);

/* ---- columns of the row stepped to; slices live until the next step or the end ---- */

static inline int64_t db_number(const struct db_call *call, int column)
{
    return sqlite3_column_int64(call->statement, column);
}

static inline double db_real(const struct db_call *call, int column)
{
    return sqlite3_column_double(call->statement, column);
}

static inline struct slice db_slice(const struct db_call *call, int column)
{
    const void *at = sqlite3_column_blob(call->statement, column);
    return slice_of(at, at ? (size_t)sqlite3_column_bytes(call->statement, column) : 0);
}

/* False when the column has no id's length. */
MUST_USE bool db_id(const struct db_call *call, int column, struct id *id);

#endif
