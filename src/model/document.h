/* SPDX-License-Identifier: Apache-2.0
 *
 * document.h - the stored text of a resource, and how bodies of POST and PUT become one.
 *
 * Documents are kept, merged and served as text slices: numbers, member order and spelling of
 * custom fields come back byte for byte, only white space between them goes. A stored document is a
 * JSON object that begins with its id and times:
 *
 *      {"id":"U...","createdAt":1700000000123,"updatedAt":1700000000123,"name":"...",...}
 *
 * It does not hold what is derived when it is read: properties, location, collections, scopes.
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

struct document_limits {
    uint32_t tag_count_max;              /* 60 */
    uint32_t tag_characters_max;         /* 256 */
    uint32_t name_characters_max;        /* 256 */
    uint32_t description_characters_max; /* 4096 */
    uint32_t type_characters_max;        /* 256 */
    size_t custom_fields_bytes_max;      /* 64 KiB serialised */
};

/* What a checked body holds. Slices lie in the body, or in the buffers given to the check. */
struct document_body {
    struct slice members; /* allowed members, in the body's order; null takes a member away */
    bool has_scopes;
    struct slice scopes; /* canonical JSON object {"users":[...],"projects":[...]} */
    bool has_product;    /* a `product` that is not null */
    struct id product;   /* its existence is the caller's question */
    bool has_properties; /* POST only: the object of first values */
    struct json_value properties;
    bool has_location; /* POST only: the embedded location */
    struct json_value location;
};

/* Checks the body of POST /thngs (<creating>) or PUT /thngs/:id against the fields' rules
 * (contract, REST 1.5 and 2.1): ERR_SHAPE_INVALID, ERR_FIELD_*, ERR_REFERENCE_UNKNOWN for a product
 * that is no id. Members are written to <members>, scopes to <scopes>. Read-only and unknown
 * members are left out. <id> is the path's id for PUT, else NULL: an `id` in the body that differs
 * is ERR_ID_MISMATCH. *field is set to the name of the member at fault, when there is one. */
MUST_USE struct err document_check_thng(struct json_value body, bool creating, const struct id *id,
                                        const struct document_limits *limits, struct buf *members,
                                        struct buf *scopes, struct document_body *out,
                                        struct slice *field);

/* Writes a new document: id, times, then <members> without those that are null. */
void document_create(struct buf *out, const struct id *id, int64_t now_ms, struct slice members);

/* Writes <document> with the members of <patch> put over it: a member that is there keeps its place
 * and takes the new value, a null takes it away, others come at the end; updatedAt becomes
 * <now_ms>. */
void document_merge(struct buf *out, struct slice document, struct slice patch, int64_t now_ms);

#endif
