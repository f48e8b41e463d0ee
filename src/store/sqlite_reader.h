/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_reader.h - what the files that read documents share. Not for others: they use documents.h.
 *
 * Lists have optional conditions, so their statements are put together, from constant fragments
 * alone: which fragments a query needs decides the text, and what the query compares with is bound.
 * A reader keeps the statements it used last, found by their text. */
#ifndef THRUM_STORE_SQLITE_READER_H
#define THRUM_STORE_SQLITE_READER_H

#include "store/documents.h"
#include "store/sqlite_db.h"

/* Most servers see a handful of combinations. */
#define READER_LISTS_MAX 32

/* Of one list: ids, and per condition a key and values, both padded to a power of two; and account,
 * kind, two bounds of two, limit and offset. */
#define LIST_PARAMETERS_MAX (128 + DOCUMENTS_CONDITIONS_MAX * (DOCUMENTS_VALUES_MAX + 1) + 8)

struct list_parameter {
    bool is_text;
    int64_t number;
    struct slice text;
};

/* A list under construction: its text, and the parameters in the order of their question marks. */
struct list {
    struct buf text; /* NUL-terminated when complete */
    uint32_t parameter_count;
    struct list_parameter parameters[LIST_PARAMETERS_MAX];
};

/* Fills <list>. <is_count> asks for the number of rows, without paging and limit.
 * ERR_QUERY_INVALID, ERR_NO_MEMORY. */
MUST_USE struct err list_build(struct list *list, const struct documents_query *query,
                               bool is_count);

/* The columns of a row of list_build, and of documents_get. */
#define DOCUMENT_COLUMNS "r.id, r.account, r.kind, r.created_ms, r.document, r.scopes, r.checksum"

/* A statement of the table in sqlite_reader.c. */
enum read {
    READ_BEGIN,
    READ_END,
    READ_META,
    READ_DOCUMENT,
    READ_BY_IDENTIFIER,
    READ_PROPERTIES,
    READ_PROPERTY,
    READ_KEY,
    READ_KEY_OF,
    READ_ACCOUNT,
    READ_COUNT
};

struct documents_reader {
    sqlite3 *db;
    sqlite3_stmt *statements[READ_COUNT];
    bool has_begun;
    struct buf answer; /* what slices in answers lie in */
    struct list list;
    uint64_t use_count;
    struct list_statement {
        sqlite3_stmt *statement; /* sqlite3_sql has its text */
        uint64_t text_hash;
        uint64_t used; /* use_count when it was used last */
    } lists[READER_LISTS_MAX];
};

/* Fills <document> from the row stepped to, slices in the row. ERR_CORRUPT, logged, when the row is
 * not what was written. */
MUST_USE struct err reader_document(const struct db_call *call, struct document *document);

/* Logs what SQLite said when <err> is set; returns <err>. */
struct err reader_failed(struct documents_reader *reader, struct err err);

#endif
