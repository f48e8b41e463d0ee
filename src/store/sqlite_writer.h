/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_writer.h - what the two files that write documents share: sqlite_documents.c has the
 * file, the transactions and the groups; sqlite_apply.c makes rows of events. Not for others: they
 * use documents.h. */
#ifndef THRUM_STORE_SQLITE_WRITER_H
#define THRUM_STORE_SQLITE_WRITER_H

#include "store/documents.h"
#include "store/sqlite_db.h"

#include <stdatomic.h>

/* The statements; their texts are in sqlite_documents.c. */
enum write {
    WRITE_BEGIN,
    WRITE_COMMIT,
    WRITE_ROLLBACK,
    WRITE_META,
    WRITE_RESOURCE,
    WRITE_RESOURCE_GONE,
    WRITE_TAG,
    WRITE_TAGS_GONE,
    WRITE_IDENTIFIER,
    WRITE_IDENTIFIERS_GONE,
    WRITE_ACCOUNT,
    WRITE_ACCOUNT_GONE,
    WRITE_PROPERTY,
    WRITE_PROPERTY_GONE,
    WRITE_PROPERTIES_GONE,
    WRITE_KEY,
    WRITE_KEY_GONE,
    WRITE_COUNT
};

/* The numbers of table meta that change. */
struct numbers {
    uint32_t property;
    uint32_t account;
};

struct documents {
    sqlite3 *db;
    sqlite3_stmt *statements[WRITE_COUNT];
    _Atomic uint64_t applied; /* as in the file */
    uint64_t position;        /* applied and the groups since then, committed or not */
    uint64_t begun;           /* the position when the transaction began */
    struct numbers written;   /* as in the file */
    struct numbers highest;   /* with those given out since */
    bool has_begun;
    struct buf name; /* texts whose escapes have been decoded, while they are put */
    struct buf value;
    const char *refusal; /* why we failed, when it was not SQLite that did */
    char reason[256];
};

/* A call of that statement. */
static inline struct db_call write_call(struct documents *documents, enum write write)
{
    return db_call(documents->statements[write]);
}

/* Makes the tables say what the event says. CORRUPT when it cannot be; ERR_IO and the like. */
MUST_USE struct err writer_apply(struct documents *documents, struct event *event);

/* For what a group or an event should not have said: <why> is a constant text. */
struct err writer_refuse(struct documents *documents, const char *why);

#endif
