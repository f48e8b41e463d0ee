/* SPDX-License-Identifier: Apache-2.0
 *
 * documents.h - the resources, their keys and property numbers: what lists, filters and looks up.
 *
 * A projection of the journal in SQLite. Exactly one connection writes (struct documents, the
 * projector's); each reading thread has a read-only one of its own (struct documents_reader).
 * Slices in answers live until the next call on the same reader. */
#ifndef THRUM_STORE_DOCUMENTS_H
#define THRUM_STORE_DOCUMENTS_H

#include "base/buf.h"
#include "model/event.h"

struct documents;
struct documents_reader;

/* What a query may hold: the contract's 100 ids, and more conditions and values than a request line
 * has room for in earnest. Beyond it a query is ERR_QUERY_INVALID. */
#define DOCUMENTS_IDS_MAX 100
#define DOCUMENTS_CONDITIONS_MAX 16
#define DOCUMENTS_VALUES_MAX 64
/* A user, and 64 who share with it: each drives a part of the statement. */
#define DOCUMENTS_VIEWERS_MAX 65

/* ---- the writer ---- */

/* Opens or creates the file. ERR_STORE_FORMAT_NEWER, ERR_CORRUPT (also when it is not ours) and
 * ERR_IO; the log says why. */
MUST_USE struct err documents_open(const char *path, struct documents **documents);

/* Rolls back what is open. NULL is fine. */
void documents_close(struct documents *documents);

/* The sequence number up to which groups have been applied: what readers see. Any thread. */
uint64_t documents_applied(const struct documents *documents);

/* The same, as it is sure to be after a power cut: up to here nobody needs the journal. What was
 * applied since then outlives the process, not the machine. Any thread. */
uint64_t documents_durable(const struct documents *documents);

/* Makes what has been committed durable. Outside transactions. */
MUST_USE struct err documents_sync(struct documents *documents);

/* The group up to which documents_apply and documents_skip have come, committed or not. */
uint64_t documents_position(const struct documents *documents);

/* Begins a transaction; applies groups in order (those at or below the position are passed over; a
 * gap is ERR_CORRUPT); ends it with the mark of the last group. On error the transaction
 * is rolled back, and the position is where it was at the beginning. Rolling back when there is no
 * transaction does nothing. */
MUST_USE struct err documents_begin(struct documents *documents);
MUST_USE struct err documents_apply(struct documents *documents, const struct group *group);
MUST_USE struct err documents_commit(struct documents *documents);
void documents_rollback(struct documents *documents);

/* Passes over a group that has no documents (asserted), in a transaction or outside one: the next
 * commit writes its mark. Costs a comparison. ERR_CORRUPT when groups before it are missing. */
MUST_USE struct err documents_skip(struct documents *documents, const struct group *group);

/* Carries on what big deletions have left to do, within a transaction: takes a deleted product out
 * of the thngs that name it, and a deleted project out of scopes; deletes the applications of a
 * deleted project, the users and taken names of a deleted application, what a deleted user shares
 * and is shared with, all with their keys; and the actions of a deleted type. Readers see none of
 * these meanwhile either. At most <rows_max> rows; *is_done when nothing is left. */
MUST_USE struct err documents_clean(struct documents *documents, uint32_t rows_max, bool *is_done);

/* True while documents_clean has something to do. */
bool documents_must_clean(const struct documents *documents);

/* Why the last call failed, for the log: lives until the next failure. */
const char *documents_reason(const struct documents *documents);

/* ---- readers ---- */

MUST_USE struct err documents_reader_open(const char *path, struct documents_reader **reader);
void documents_reader_close(struct documents_reader *reader);

/* Several reads of one state: between begin and end the reader sees one moment. */
MUST_USE struct err documents_reader_begin(struct documents_reader *reader);
void documents_reader_end(struct documents_reader *reader);

/* The durable mark of the state this reader sees (within begin .. end): groups without documents
 * may have been passed over beyond it. */
MUST_USE struct err documents_reader_mark(struct documents_reader *reader, uint64_t *sequence);

struct document {
    struct id id;
    uint32_t account;
    enum resource_kind kind;
    int64_t created_ms;  /* of an action its timestamp: what it is listed by */
    int64_t touched_ms;  /* joined or left a collection; 0: never. updatedAt is the later */
    uint64_t sequence;   /* of the event that made it */
    struct id parent;    /* an application's project, a task's batch, a user's application, of a
                            share the user it is for; not set: none */
    double distance_km;  /* in a list by distance */
    struct slice text;   /* JSON object as the engine stored it; checked against its checksum */
    struct slice scopes; /* JSON object or empty */
};

/* The resource or action with that id, of any account. ERR_NOT_FOUND, also for what went with its
 * owner (the application of a deleted project, the user of a deleted application, the action of a
 * deleted type); ERR_CORRUPT when its checksum is not that of its text, which is logged. */
MUST_USE struct err documents_get(struct documents_reader *reader, const struct id *id,
                                  struct document *document);

/* Is there a resource of that kind (no action) and id, of any account? */
MUST_USE struct err documents_exists(struct documents_reader *reader, enum resource_kind kind,
                                     const struct id *id, bool *exists);

/* Do deletions have work left (documents_clean)? Only then can a document name a product that is
 * no more. */
MUST_USE struct err documents_has_cascades(struct documents_reader *reader, bool *has_cascades);

/* Resources of <account> and <kind> that carry identifier <key> = <value>: fills up to <max> ids
 * and *count with how many there are (at most max). */
MUST_USE struct err documents_by_identifier(struct documents_reader *reader, uint32_t account,
                                            enum resource_kind kind, struct slice key,
                                            struct slice value, struct id *ids, uint32_t max,
                                            uint32_t *count);

/* What a filter can compare. Grammar and field names: contract, REST section 1.7. All compare for
 * equality with one value, except that tags take several, and that FILTER_CREATED_AT compares
 * <number> in all three ways. Of actions that is the timestamp. Which field which kind has is the
 * caller's to know; a field that the kind's rows do not have is ERR_QUERY_INVALID. */
enum filter_field {
    FILTER_NAME,
    FILTER_TAGS,        /* contains one of the values */
    FILTER_IDENTIFIER,  /* <key> says which */
    FILTER_PRODUCT,     /* of thngs, and of actions */
    FILTER_COLLECTIONS, /* is a direct member of; of thngs and collections */
    FILTER_PARENT,      /* the application's project, the task's batch, the user's application,
                         * the user whom a share is for */
    FILTER_TYPE,        /* of actions, of tasks, of roles */
    FILTER_STATUS,      /* of tasks */
    FILTER_THNG,        /* of actions, as the following */
    FILTER_COLLECTION,
    FILTER_USER,
    FILTER_CITY,         /* context.city */
    FILTER_COUNTRY_CODE, /* context.countryCode */
    FILTER_CREATED_AT,
};

enum filter_compare { FILTER_EQUAL, FILTER_LESS, FILTER_GREATER };

struct filter_condition {
    enum filter_field field;
    enum filter_compare compare;
    struct slice key;           /* FILTER_IDENTIFIER */
    const struct slice *values; /* one, or several alternatives (FILTER_TAGS) */
    uint32_t value_count;
    int64_t number; /* FILTER_CREATED_AT */
};

/* Places by their distance from a point: nearest first, then by id. */
struct documents_near {
    double latitude;
    double longitude;
    double distance_km_max; /* INFINITY: all that have a position */
    bool has_after;         /* only those behind (distance, id) */
    double after_distance_km;
};

struct documents_query {
    uint32_t account;
    enum resource_kind kind;  /* RESOURCE_ACTION too: the same way in, tables of their own */
    const struct id *project; /* only what is visible in that project; NULL: everything */
    const struct id *reach;   /* only what is visible in one of these too (of projects: these */
    uint32_t reach_count;     /* themselves, of applications: theirs); 0: everything */
    const struct id *viewers; /* only what shows itself to all users or to one of these; with */
    uint32_t viewer_count;    /* <project> set (asserted); 0: everything */
    bool viewers_by_name;     /* only what shows itself to one of these, not what it shows to all */
    const struct id *places;  /* of places only these, when limits_places */
    uint32_t place_count;
    bool limits_places;
    const struct documents_near *near; /* of places: the order is then by distance; else NULL */
    bool ascending;                    /* by creation; false: newest first */
    bool has_after;                    /* only those behind (created_ms, id) in the query's order */
    int64_t after_created_ms;
    struct id after_id; /* of near->has_after too */
    uint32_t skip;      /* the deprecated `page`: rows to pass over first */
    uint32_t limit;
    const struct id *ids; /* only these, when id_count is not 0 */
    uint32_t id_count;
    const struct filter_condition *conditions; /* all must hold */
    uint32_t condition_count;
};

/* What documents_list does with each row. False stops. It must not call the reader. */
typedef bool (*document_visit_fn)(void *arg, const struct document *document);

/* Visits the resources in order of (created_ms, id), up to the limit. ERR_QUERY_INVALID;
 * ERR_CORRUPT when a row on the way is damaged. */
MUST_USE struct err documents_list(struct documents_reader *reader,
                                   const struct documents_query *query, document_visit_fn visit,
                                   void *arg);

/* How many there are, ignoring paging and limit. */
MUST_USE struct err documents_count(struct documents_reader *reader,
                                    const struct documents_query *query, uint64_t *count);

/* The live properties of a resource, by key; the location has an empty key. */
typedef bool (*property_visit_fn)(void *arg, struct slice key, uint32_t property);
MUST_USE struct err documents_properties(struct documents_reader *reader, const struct id *resource,
                                         property_visit_fn visit, void *arg);

/* The number of one property; ERR_NOT_FOUND. */
MUST_USE struct err documents_property(struct documents_reader *reader, const struct id *resource,
                                       struct slice key, uint32_t *property);

/* ---- collections ---- */

/* Collections that one resource is shown to be in; it may be in more. */
#define COLLECTIONS_SHOWN_MAX 1000

/* The collections that <id> is a direct member of, in the order in which it joined them, at most
 * <max>; *count is how many there are in all. */
MUST_USE struct err documents_collections_of(struct documents_reader *reader, const struct id *id,
                                             struct id *collections, uint32_t max, uint32_t *count);

enum member_state {
    MEMBER_UNKNOWN, /* no such resource in that account, or not visible in that project */
    MEMBER_OUT,
    MEMBER_IN,
};

/* For each of <ids>, resources of <kind>: is it a direct member of <collection>? */
MUST_USE struct err documents_member_states(struct documents_reader *reader, uint32_t account,
                                            const struct id *project, const struct id *collection,
                                            enum resource_kind kind, const struct id *ids,
                                            uint32_t count, enum member_state *states);

/* The first <max> members of that kind, in an order that stays the same; or instead (<wants_gone>)
 * those that a MEMBERS_ALL has taken out, and that no event has listed yet. */
MUST_USE struct err documents_members(struct documents_reader *reader, const struct id *collection,
                                      enum resource_kind kind, bool wants_gone, struct id *ids,
                                      uint32_t max, uint32_t *count);

/* So many collections above one are looked at. */
#define DOCUMENTS_ABOVE_MAX 100000

/* Is <to> the collection <from> itself, or below it by child collections? When more than
 * DOCUMENTS_ABOVE_MAX are above <to> the answer is yes. */
MUST_USE struct err documents_reaches(struct documents_reader *reader, const struct id *from,
                                      const struct id *to, bool *reaches);

/* ---- work that was begun and is to be carried on after a start ---- */

/* False stops. It must not call the reader. */
typedef bool (*pending_visit_fn)(void *arg, uint32_t account, const struct id *id);

/* The tasks that are not in a final state, oldest first. For the start: it looks at every task. */
MUST_USE struct err documents_pending_tasks(struct documents_reader *reader, pending_visit_fn visit,
                                            void *arg);
/* Collections that have members of which documents_members(.., wants_gone) tells; also such whose
 * own row has gone. It may visit a collection twice, once for each kind of member. */
MUST_USE struct err documents_pending_members(struct documents_reader *reader,
                                              pending_visit_fn visit, void *arg);

/* ---- keys ---- */

struct key_row {
    uint8_t hash[KEY_HASH_BYTES];
    uint32_t account;
    enum key_kind kind;
    struct id actor;
    struct id project;     /* of an application's key, and a user's */
    struct id application; /* of a user's key */
    struct slice sealed;
};

/* The key with that hash; ERR_NOT_FOUND, also when the application that it belongs to, or the
 * project of that, has gone. */
MUST_USE struct err documents_key(struct documents_reader *reader,
                                  const uint8_t hash[KEY_HASH_BYTES], struct key_row *row);

/* The key of that kind that acts as <actor>; ERR_NOT_FOUND. */
MUST_USE struct err documents_key_of(struct documents_reader *reader, enum key_kind kind,
                                     const struct id *actor, struct key_row *row);

/* ---- roles ---- */

/* Has a user that role, or is it the one that an application gives to its users? */
MUST_USE struct err documents_role_is_used(struct documents_reader *reader, uint32_t account,
                                           const struct id *role, bool *is_used);

/* Has the account an administrator other than that operator: one whose role is admin, or that has
 * none said, and no list of policies, not even an empty one? */
MUST_USE struct err documents_other_administrator(struct documents_reader *reader, uint32_t account,
                                                  const struct id *operator_id, bool *has_other);

/* ---- numbers ---- */

/* The highest property and account numbers ever given out (0: none). */
MUST_USE struct err documents_numbers(struct documents_reader *reader, uint32_t *property,
                                      uint32_t *account);

/* The id of the account with that number; ERR_NOT_FOUND. */
MUST_USE struct err documents_account(struct documents_reader *reader, uint32_t account,
                                      struct id *id);

#endif
