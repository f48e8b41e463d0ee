/* SPDX-License-Identifier: Apache-2.0
 *
 * document.h - the stored text of a resource, and how bodies of POST and PUT become one.
 *
 * One table says, kind by kind, which fields there are: it checks bodies, and it prints the schemas
 * of the OpenAPI document.
 *
 * Documents are kept, merged and served as text slices: numbers, member order and spelling of
 * custom fields come back byte for byte, only white space between them goes. A stored document is a
 * JSON object that begins with its id and times:
 *
 *      {"id":"U...","createdAt":1700000000123,"updatedAt":1700000000123,"name":"...",...}
 *
 * It does not hold what is derived when it is read: properties, location, collections, scopes,
 * keys. It may end with one hidden member, which only asking for it shows (document_hidden).
 * Checked bodies travel as members: `"name":"x","tags":["a"]`, without braces. */
#ifndef THRUM_MODEL_DOCUMENT_H
#define THRUM_MODEL_DOCUMENT_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "model/event.h"

/* Each identifier is a row of an index. */
#define DOCUMENT_IDENTIFIER_COUNT_MAX 100
/* Of users, and of projects. */
#define DOCUMENT_SCOPE_COUNT_MAX 1000
/* Of one document: an access token names policies and places. */
#define DOCUMENT_REFERENCES_MAX 360

struct document_limits {
    uint32_t tag_count_max;              /* 60 */
    uint32_t tag_characters_max;         /* 256 */
    uint32_t name_characters_max;        /* 256 */
    uint32_t description_characters_max; /* 4096 */
    uint32_t type_characters_max;        /* 256 */
    size_t custom_fields_bytes_max;      /* 64 KiB serialised */
};

/* A resource that a document names: that it exists, and is seen, is for the engine to say. */
struct document_reference {
    enum resource_kind kind;
    struct id id;
};

/* ---- the kinds ---- */

/* One field of a kind, for the OpenAPI document. */
struct document_field {
    const char *name;
    const char *schema; /* of its value, JSON text */
    bool is_required;   /* in a POST */
    bool is_read_only;  /* ignored in bodies */
};

struct document_kind {
    enum resource_kind kind;
    const char *name;     /* "thng" */
    const char *schema;   /* "Thng": its name in the OpenAPI document */
    const char *path;     /* "/thngs"; NULL when it lies below another resource */
    const char *hidden;   /* name of the hidden member; NULL: none */
    bool has_unique_name; /* its id is id_of_name */
    /* The member whose value no other document of the kind (of users: in the same application) may
     * have, though it may change: the name is taken by a RESOURCE_NAME. NULL: none. */
    const char *taken_name;
};

/* The row of a kind that clients see (all but RESOURCE_NAME, event.h). */
const struct document_kind *document_kind(enum resource_kind kind);

/* Field <index> of that kind in the order of the table; false when there are no more. */
bool document_field(enum resource_kind kind, size_t index, struct document_field *field);

/* ---- bodies ---- */

/* What a checked body holds. Slices lie in the body, or in the buffers given to the check. */
struct document_body {
    struct slice members; /* allowed members, in the body's order; null takes a member away */
    bool has_scopes;
    struct slice scopes; /* canonical JSON object {"users":[...],"projects":[...]} */
    struct document_reference references[DOCUMENT_REFERENCES_MAX];
    uint32_t reference_count;
    struct slice name;   /* kinds with unique names: as between the quotes (json_raw_decode) */
    bool has_properties; /* POST of a thng or product: the object of first values */
    struct json_value properties;
    bool has_location; /* POST of a thng: the embedded location, which location_read accepts */
    struct json_value location;
};

struct document_check {
    enum resource_kind kind; /* not RESOURCE_ACTION: see action.h */
    bool is_creation;
    /* The path's, for PUT: an `id` in the body that differs is ERR_ID_MISMATCH. Else NULL. */
    const struct id *id;
    const struct document_limits *limits;
    struct buf *members; /* both are emptied first, and written to */
    struct buf *scopes;
};

/* Checks the body of a POST or PUT against the fields' rules (contract: REST 1.5 and the kind's
 * section): ERR_SHAPE_INVALID, ERR_FIELD_*, ERR_LOCATION_INVALID, ERR_NAME_TAKEN for the name of a
 * built-in action type, ERR_REFERENCE_UNKNOWN for a reference that is no id. Read-only and unknown
 * members are left out. What a kind adds by itself when it is made (a batch's status, a product's
 * fn, a place's latitude beside its position) is among the members. The template of a task is kept
 * as it was checked: its members, and "scopes", "properties" and "location" where it has them.
 * *field is set to the name of the member at fault, when there is one. */
MUST_USE struct err document_check(const struct document_check *check, struct json_value body,
                                   struct document_body *out, struct slice *field);

/* The parts of that check that other bodies have as well (action.h). Each judges a value that is
 * not null. */
MUST_USE struct err document_check_tags(struct json_value value,
                                        const struct document_limits *limits);
MUST_USE struct err document_check_identifiers(struct json_value value);
MUST_USE struct err document_check_custom_fields(struct json_value value,
                                                 const struct document_limits *limits);
MUST_USE struct err document_check_text(struct json_value value, uint32_t characters_max);

/* Appends `,` when there is something before it, and `"<name>":<value>` without white space between
 * tokens. <name> needs no escapes. */
void document_put_member(struct buf *members, struct slice name, struct slice value);

/* ---- documents ---- */

/* Writes a new document: id, times, then <members> without those that are null. */
void document_create(struct buf *out, const struct id *id, int64_t now_ms, struct slice members);

/* Writes <document> with the members of <patch> put over it: a member that is there keeps its place
 * and takes the new value, a null takes it away, others come at the end, but before the hidden one;
 * updatedAt becomes <now_ms>, or stays as it is when that is 0. */
void document_merge(struct buf *out, enum resource_kind kind, struct slice document,
                    struct slice patch, int64_t now_ms);

/* Splits a stored document: <shown> is its text up to, and without, the hidden member and the
 * closing brace; <hidden> is that member's value, or empty. Writing `}` after <shown> gives the
 * document as it is served. */
void document_split(enum resource_kind kind, struct slice document, struct slice *shown,
                    struct slice *hidden);

/* The text of a member of a stored document, as between the quotes; empty when there is no such
 * string. */
struct slice document_text(struct slice document, struct slice name);

/* The member as an id; false when there is none. */
bool document_id(struct slice document, struct slice name, struct id *id);

#endif
