/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_writer.h - what the files that write documents share. Not for others: they use
 * documents.h.
 *
 *      sqlite_documents.c       the file, its statements, transactions and groups
 *      sqlite_apply.c           events into rows: resources, keys, properties
 *      sqlite_apply_action.c    actions
 *      sqlite_apply_members.c   members of collections
 *      sqlite_apply_rows.c      rows that hang on a resource or an action: tags, scopes, a place
 *      sqlite_clean.c           what deletions have left to do */
#ifndef THRUM_STORE_SQLITE_WRITER_H
#define THRUM_STORE_SQLITE_WRITER_H

#include "codec/json.h"
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
    WRITE_SCOPE,
    WRITE_SCOPES_GONE,
    WRITE_SCOPE_FOR_ALL,
    WRITE_SCOPE_FOR_USER,
    WRITE_PLACE,
    WRITE_PLACE_BOX,
    WRITE_PLACE_GONE,
    WRITE_PLACE_BOX_GONE,
    WRITE_ACCOUNT,
    WRITE_ACCOUNT_GONE,
    WRITE_PROPERTY,
    WRITE_PROPERTY_GONE,
    WRITE_PROPERTIES_GONE,
    WRITE_KEY,
    WRITE_KEY_GONE,
    WRITE_KEYS_GONE,
    WRITE_ACTION,
    WRITE_ACTION_GONE,
    WRITE_MEMBER,
    WRITE_MEMBER_GONE,
    WRITE_MEMBERSHIPS_GONE,
    WRITE_TOUCHED,
    WRITE_CLEARED_THNGS,
    WRITE_CLEARED_COLLECTIONS,
    WRITE_CASCADE,
    WRITE_CASCADE_GONE,
    CLEAN_CASCADE,
    CLEAN_WITH_PRODUCT,
    CLEAN_CHILDREN,
    CLEAN_VIEWED,
    CLEAN_SCOPED,
    CLEAN_ACTIONS,
    CLEAN_RESOURCE,
    CLEAN_RESOURCE_PRODUCT,
    CLEAN_DAMAGED_PRODUCT,
    CLEAN_RESOURCE_SCOPES,
    CLEAN_ACTION,
    CLEAN_ACTION_SCOPES,
    CLEAN_SCOPE_GONE,
    WRITE_COUNT
};

/* What is counted beside the rows: the numbers of table meta that change, and the rows of table
 * cascade. */
struct numbers {
    uint32_t property;
    uint32_t account;
    uint32_t cascades;
};

/* How far the actions of a deleted type have been looked at: an action before this place of the
 * list that is still there is of a later type of that name. Lost when a transaction is rolled
 * back: the list is then gone through anew. */
struct clean_place {
    uint64_t cascade; /* its sequence; 0: none */
    int64_t timestamp_ms;
    struct id id;
};

struct documents {
    sqlite3 *db;
    sqlite3_stmt *statements[WRITE_COUNT];
    _Atomic uint64_t applied; /* as in the file */
    _Atomic uint64_t durable; /* as it is in the file after a power cut, or later */
    uint64_t position;        /* applied and the groups since then, committed or not */
    uint64_t begun;           /* the position when the transaction began */
    struct numbers written;   /* as in the file */
    struct numbers highest;   /* with what has come since */
    struct clean_place clean;
    bool has_begun;
    struct buf name; /* texts whose escapes have been decoded, while they are put */
    struct buf value;
    struct buf found;  /* while a slice is cleaned: the rows that it is about, */
    struct buf before; /* and one of them, as it was and as it becomes */
    struct buf after;
    const char *refusal; /* why we failed, when it was not SQLite that did */
    char reason[256];
};

/* A call of that statement. */
static inline struct db_call write_call(struct documents *documents, enum write write)
{
    return db_call(documents->statements[write]);
}

/* Runs a statement whose only parameter is an id. */
MUST_USE struct err write_for(struct documents *documents, enum write write, const struct id *id);

/* ---- events ---- */

/* Makes the tables say what the event says. CORRUPT when it cannot be; ERR_IO and the like. */
MUST_USE struct err writer_apply(struct documents *documents, struct event *event);

/* The parts of that: an action's document, and EVENT_MEMBERS. <root> is the document. */
MUST_USE struct err writer_apply_action(struct documents *documents, const struct event *event,
                                        struct json_value root);
MUST_USE struct err writer_apply_members(struct documents *documents, const struct event *event);

/* Takes away the rows of a resource or an action, and all that hang on it but keys. Accounts have
 * one more. */
MUST_USE struct err delete_resource(struct documents *documents, enum resource_kind kind,
                                    const struct id *id);
MUST_USE struct err delete_action(struct documents *documents, const struct id *id);

/* For what a group or an event should not have said: <why> is a constant text. */
struct err writer_refuse(struct documents *documents, const char *why);

/* ---- rows that hang on a resource ---- */

/* Whose rows are written: what all tables repeat, so that their indexes give lists. */
struct subject {
    const struct id *id;
    uint32_t account;
    enum resource_kind kind;
    int64_t created_ms; /* of an action its timestamp */
};

void put_subject(struct db_call *call, const struct subject *subject);

/* Puts a string decoded, and any other value as it was sent. A string with escapes is decoded in
 * <scratch>, so a call needs one for each text. */
void put_value(struct db_call *call, struct json_value value, struct buf *scratch);

/* Puts a member that filters compare: a string, or NULL. */
void put_member(struct db_call *call, struct json_value value, struct buf *scratch);

/* The checksum of scopes and document, scopes (NULL when empty) and document: the last three
 * columns of resource and action. */
void put_texts(struct db_call *call, struct slice scopes, struct slice document);

/* XXH3 of scopes, seeded with the XXH3 of document. */
int64_t texts_checksum(struct slice scopes, struct slice document);

/* Add rows of what is new; the caller takes away those there were. */
MUST_USE struct err write_tags(struct documents *documents, const struct subject *subject,
                               struct json_value tags);
MUST_USE struct err write_identifiers(struct documents *documents, const struct subject *subject,
                                      struct json_value identifiers);
MUST_USE struct err write_scopes(struct documents *documents, const struct subject *subject,
                                 struct slice scopes);

/* The place is where latitude and longitude of its document say, or nowhere. */
MUST_USE struct err write_place(struct documents *documents, const struct id *id,
                                struct json_value root);
MUST_USE struct err delete_place(struct documents *documents, const struct id *id);

/* ---- cleaning ---- */

/* documents_clean, without rolling back. */
MUST_USE struct err writer_clean(struct documents *documents, uint32_t rows_max);

#endif
