/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_reader.h - what the files that read documents share. Not for others: they use documents.h.
 *
 *      sqlite_reader.c      opening, moments, single documents, properties, keys, roles
 *      sqlite_members.c     who is in which collection; work to be carried on after a start
 *      sqlite_list_plan.c   which index drives a list
 *      sqlite_list_sight.c  what somebody sees of it
 *      sqlite_list.c        the text of its statement, and what it is bound to
 *      sqlite_list_run.c    statements kept, rows visited
 *      sqlite_near.c        distances, and the boxes that hold what is near
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

/* ---- lists ---- */

/* Several values of one condition can each drive a part of the statement: so many at most. */
#define LIST_ARMS_MAX 8

/* Of one list: per condition a key and values, and the ids, both padded to a power of two; what
 * drives; and account, kind, two bounds of two, project, limit and offset, the point, distances,
 * two boxes, and three sets. */
#define LIST_PARAMETERS_MAX \
    (128 + DOCUMENTS_CONDITIONS_MAX * (DOCUMENTS_VALUES_MAX + 1) + (DOCUMENTS_VIEWERS_MAX + 2) + 27)

enum list_parameter_type { LIST_NUMBER, LIST_TEXT, LIST_REAL };

struct list_parameter {
    enum list_parameter_type type;
    int64_t number;
    double real;
    struct slice text;
};

/* A list when it is written (sqlite_list.h): its text, and what its parameters are bound to: ?1 is
 * the first. */
struct list {
    struct buf text; /* NUL-terminated when complete */
    bool is_merged;  /* what several conditions select comes several times, one behind the other,
                      * and limit and offset are left to whoever steps through it */
    struct buf sets; /* JSON arrays of texts, which parameters lie in */
    uint32_t parameter_count;
    struct list_parameter parameters[LIST_PARAMETERS_MAX];
};

/* ---- rows ---- */

/* The columns of a row of list_write, and of documents_get: id, account, kind, creation, tail. The
 * long texts come last. The tail is followed by the distance. */
#define RESOURCE_TAIL "r.touched_ms, r.sequence, r.parent, r.checksum, r.scopes, r.document"
#define ACTION_TAIL "0, r.sequence, NULL, r.checksum, r.scopes, r.document"
#define DOCUMENT_COLUMN_CREATED 4 /* as ORDER BY counts */
#define DOCUMENT_COLUMN_DISTANCE 11

/* An application goes with its project, a user and a name with their application, a share with the
 * user it is for and the user whose it is, an action of a custom type with the type as it was when
 * the action was made; until the rows have gone, too, these leave them out. Types that always exist
 * are those without an underscore (rest.md 7.1). But for applications, which are few, a row can
 * only be dead while a deletion has work left, which is looked at once a statement. */
#define NOTHING_DIES "NOT EXISTS (SELECT 1 FROM cascade)"
#define APPLICATION_LIVES \
    "EXISTS (SELECT 1 FROM resource AS p WHERE p.id = r.parent AND p.kind = 7)"
#define LIVING_APPLICATION                                                                   \
    "SELECT 1 FROM resource AS a CROSS JOIN resource AS p ON p.id = a.parent AND p.kind = 7" \
    " WHERE a.kind = 8 AND a.id = "
#define USER_LIVES "(" NOTHING_DIES " OR EXISTS (" LIVING_APPLICATION "r.parent))"
#define NAME_LIVES "(r.parent IS NULL OR " USER_LIVES ")"
#define SHARE_LIVES                                                                   \
    "(" NOTHING_DIES " OR (EXISTS (SELECT 1 FROM resource AS u WHERE u.id = r.parent" \
    " AND u.kind = 14 AND EXISTS (" LIVING_APPLICATION "u.parent))"                   \
    " AND EXISTS (SELECT 1 FROM scope AS v CROSS JOIN resource AS w"                  \
    " ON w.id = substr(v.viewer, 2) AND w.kind = 14 WHERE v.resource = r.id)))"
#define RESOURCE_LIVES                                                       \
    "CASE r.kind WHEN 8 THEN " APPLICATION_LIVES " WHEN 14 THEN " USER_LIVES \
    " WHEN 18 THEN " SHARE_LIVES " WHEN 19 THEN " NAME_LIVES " ELSE 1 END"
#define ACTION_LIVES                                                                    \
    "(" NOTHING_DIES " OR substr(r.type, 1, 1) <> '_' OR EXISTS ("                      \
    "SELECT 1 FROM resource AS y INDEXED BY resource_name WHERE y.account = r.account " \
    "AND y.kind = 12 AND y.name = r.type AND y.sequence < r.sequence))"

static_assert(RESOURCE_OPERATOR == 2, "it is in the texts of statements");
static_assert(RESOURCE_COLLECTION == 5, "it is in the texts of statements");
static_assert(RESOURCE_PROJECT == 7, "it is in the texts of statements");
static_assert(RESOURCE_APPLICATION == 8, "it is in the texts of statements");
static_assert(RESOURCE_TASK == 10, "it is in the texts of statements");
static_assert(RESOURCE_ACTION_TYPE == 12, "it is in the texts of statements");
static_assert(RESOURCE_ACTION == 13, "it is in the texts of statements");
static_assert(RESOURCE_USER == 14, "it is in the texts of statements");
static_assert(RESOURCE_SHARE == 18, "it is in the texts of statements");
static_assert(RESOURCE_NAME == 19, "it is in the texts of statements");

/* ---- the reader ---- */

/* A statement of the table in sqlite_reader.c. */
enum read {
    READ_BEGIN,
    READ_END,
    READ_META,
    READ_RESOURCE,
    READ_ACTION,
    READ_EXISTS,
    READ_HAS_CASCADES,
    READ_BY_IDENTIFIER,
    READ_PROPERTIES,
    READ_PROPERTY,
    READ_COLLECTIONS_OF,
    READ_CLEARED,
    READ_MEMBER_STATE,
    READ_MEMBERS,
    READ_MEMBERS_GONE,
    READ_MEMBERS_NEXT,
    READ_ABOVE,
    READ_SCOPE_SIZE,
    READ_PENDING_TASKS,
    READ_KEY,
    READ_KEY_OF,
    READ_ROLE_IS_USED,
    READ_OTHER_ADMINISTRATOR,
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

/* A call of that statement. */
static inline struct db_call reader_call(struct documents_reader *reader, enum read read)
{
    return db_call(reader->statements[read]);
}

/* Fills <document> from the row stepped to, slices in the row. ERR_CORRUPT, logged, when the row is
 * not what was written. */
MUST_USE struct err reader_document(const struct db_call *call, struct document *document);

/* Logs what SQLite said, when <err> is what came of it; returns <err>. */
struct err reader_failed(struct documents_reader *reader, struct err err);

/* For what takes several reads of one moment, whether or not the caller has begun one: begins one
 * when there is none, and *is_own says whether reader_moment_end has to end it. */
MUST_USE struct err reader_moment_begin(struct documents_reader *reader, bool *is_own);
void reader_moment_end(struct documents_reader *reader, bool is_own);

/* ---- distances ---- */

/* Where points can lie that are near: from south to north, and in one or two spans of longitudes
 * (across the date line there are two; the second is empty else). Degrees. */
struct near_box {
    bool is_everywhere;
    double south;
    double north;
    double west[2];
    double east[2];
};

struct near_box near_box_of(const struct documents_near *near);

/* Great circle on a sphere with a radius of 6371 km (contract: REST section 8). Degrees. */
double near_distance_km(double latitude, double longitude, double other_latitude,
                        double other_longitude);

/* Makes it an SQL function: distance_km(latitude, longitude, latitude, longitude). */
MUST_USE struct err near_register(sqlite3 *db);

#endif
