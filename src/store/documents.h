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

/* ---- the writer ---- */

/* Opens or creates the file. ERR_STORE_FORMAT_NEWER, ERR_CORRUPT (also when it is not ours) and
 * ERR_IO; the log says why. */
MUST_USE struct err documents_open(const char *path, struct documents **documents);

/* Rolls back what is open. NULL is fine. */
void documents_close(struct documents *documents);

/* The sequence number up to which groups have been applied, durably. Any thread. */
uint64_t documents_applied(const struct documents *documents);

/* The group up to which documents_apply and documents_skip have come, committed or not. */
uint64_t documents_position(const struct documents *documents);

/* Begins a transaction; applies groups in order (those at or below the position are passed over; a
 * gap is ERR_CORRUPT); ends it, durably, with the mark of the last group. On error the transaction
 * is rolled back, and the position is where it was at the beginning. Rolling back when there is no
 * transaction does nothing. */
MUST_USE struct err documents_begin(struct documents *documents);
MUST_USE struct err documents_apply(struct documents *documents, const struct group *group);
MUST_USE struct err documents_commit(struct documents *documents);
void documents_rollback(struct documents *documents);

/* Passes over a group that has no documents (asserted), in a transaction or outside one: the next
 * commit writes its mark. Costs a comparison. ERR_CORRUPT when groups before it are missing. */
MUST_USE struct err documents_skip(struct documents *documents, const struct group *group);

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
    int64_t created_ms;
    struct slice text;   /* JSON object as the engine stored it; checked against its checksum */
    struct slice scopes; /* JSON object or empty */
};

/* The resource with that id, of any account. ERR_NOT_FOUND; ERR_CORRUPT when its checksum is not
 * that of its text, which is logged. */
MUST_USE struct err documents_get(struct documents_reader *reader, const struct id *id,
                                  struct document *document);

/* Resources of <account> and <kind> that carry identifier <key> = <value>: fills up to <max> ids
 * and *count with how many there are (at most max). */
MUST_USE struct err documents_by_identifier(struct documents_reader *reader, uint32_t account,
                                            enum resource_kind kind, struct slice key,
                                            struct slice value, struct id *ids, uint32_t max,
                                            uint32_t *count);

/* What a filter can compare. Grammar and field names: contract, REST section 1.7. All compare for
 * equality with one value, except that tags take several, and that FILTER_CREATED_AT compares
 * <number> in all three ways. Anything else is ERR_QUERY_INVALID. */
enum filter_field {
    FILTER_NAME,
    FILTER_TAGS,       /* contains one of the values */
    FILTER_IDENTIFIER, /* <key> says which */
    FILTER_PRODUCT,
    FILTER_COLLECTIONS, /* nothing is a member of a collection in this format: selects nothing */
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

struct documents_query {
    uint32_t account;
    enum resource_kind kind;
    bool ascending; /* by creation; false: newest first */
    bool has_after; /* only those behind (created_ms, id) in the query's order */
    int64_t after_created_ms;
    struct id after_id;
    uint32_t skip; /* the deprecated `page`: rows to pass over first */
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

struct key_row {
    uint8_t hash[KEY_HASH_BYTES];
    uint32_t account;
    enum key_kind kind;
    struct id actor;
    struct slice sealed;
};

/* The key with that hash; ERR_NOT_FOUND. */
MUST_USE struct err documents_key(struct documents_reader *reader,
                                  const uint8_t hash[KEY_HASH_BYTES], struct key_row *row);

/* The key of that kind that acts as <actor>; ERR_NOT_FOUND. */
MUST_USE struct err documents_key_of(struct documents_reader *reader, enum key_kind kind,
                                     const struct id *actor, struct key_row *row);

/* The highest property and account numbers ever given out (0: none). */
MUST_USE struct err documents_numbers(struct documents_reader *reader, uint32_t *property,
                                      uint32_t *account);

/* The id of the account with that number; ERR_NOT_FOUND. */
MUST_USE struct err documents_account(struct documents_reader *reader, uint32_t account,
                                      struct id *id);

#endif
