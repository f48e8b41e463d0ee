/* SPDX-License-Identifier: Apache-2.0
 *
 * action.h - actions: something that happened, to a thng, a product, a collection, or to nothing
 * that is named (contract: rest.md 7). An action never changes.
 *
 * A body is read into slices of it, checked; the engine derives what follows from the key and the
 * target, and writes the document. */
#ifndef THRUM_MODEL_ACTION_H
#define THRUM_MODEL_ACTION_H

#include "model/actor.h"
#include "model/document.h"
#include "model/location.h"

/* Of one request (contract: REST 7.3). */
#define ACTIONS_MAX_DEFAULT 1000

/* Of the name of a custom type. */
#define ACTION_TYPE_BYTES_MAX 128

/* One action of a body. Slices lie in the body, but for those of <members>, which lie in the buffer
 * given to the reader. */
struct action {
    struct slice type;    /* without quotes; plain characters only */
    int64_t timestamp_ms; /* the client's, or TIMESTAMP_NONE */
    struct id thng;       /* not set: none */
    struct id product;
    struct id collection;
    bool has_location;
    struct location location;
    struct slice location_source; /* as sent, without quotes; empty: none */
    struct slice members; /* all else that is kept: identifiers, tags, customFields, url, ... */
};

/* True for the types that always exist: checkins, implicitScans, scans, shares, encodings,
 * commissions, decommissions, invalidScans. */
bool action_type_is_built_in(struct slice type);
/* The built-in types in the order in which they are listed; false when there are no more. */
bool action_type_built_in(size_t index, struct slice *type);

/* True for what the name of a custom type must look like: ^_[A-Za-z0-9_.-]{1,127}$ */
bool action_type_is_custom_name(struct slice name);

struct action_check {
    struct slice path_type;  /* of the path; empty for `all` */
    enum resource_kind root; /* RESOURCE_THNG, _PRODUCT, _COLLECTION; 0 for /actions */
    const struct id *root_id;
    const struct document_limits *limits;
    struct buf *members; /* written to, behind what is there */
};

/* Reads one action. A type in the body that differs from the path's, and a target that differs from
 * the path's, are ERR_FIELD_INVALID; no type at all is ERR_FIELD_MISSING; other errors as for
 * document_check and location_read. Whether type and targets exist is the engine's question.
 * The slice <members> is valid until <check->members> grows: reading several, take offsets. */
MUST_USE struct err action_read(const struct action_check *check, struct json_value body,
                                struct action *action, struct slice *field);

/* What the engine adds. */
struct action_origin {
    struct id id;
    int64_t created_ms;
    int64_t timestamp_ms;
    const struct actor *actor;
    struct id product;            /* the action's, or that of its thng; not set: none */
    struct slice location;        /* members as location_write_text writes them; empty: none */
    bool is_by_place;             /* the location was given by a place alone */
    struct slice location_source; /* as sent; empty: "place" or "unknown" follows from the rest */
    struct slice context;         /* JSON object: the hidden member; empty: none */
};

/* Writes the document: id, type, timestamp, createdAt, targets, who, location, members, context.
 * Of <action> it takes type, thng, collection and members; all else is <origin>'s. */
void action_write(struct buf *out, const struct action *action, const struct action_origin *origin);

/* What deciding who hears of an action needs, from its document. */
struct action_targets {
    struct slice type;
    struct id thng; /* not set: none */
    struct id product;
    struct id collection;
};
void action_targets(struct slice document, struct action_targets *targets);

#endif
