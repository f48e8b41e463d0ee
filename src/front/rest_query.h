/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_query.h - the query parameters of lists and histories (contract: rest.md 1.6, 1.7, 3.2).
 *
 * Values are checked, and what is wrong is ERR_QUERY_INVALID; parameters not known are skipped. Of
 * one that comes twice the last counts. A page token is a place in the order of the list:
 *
 *      lists       <createdAt>.<id>, of actions <timestamp>.<id>
 *      near        <distance in km>_<id>
 *      leading     <count>.     so many of the items that stand before all rows have been listed
 *      histories   <timestamp>.<ordinal among equal timestamps>
 *
 * Pure; allocates only in struct rest_list. */
#ifndef THRUM_FRONT_REST_QUERY_H
#define THRUM_FRONT_REST_QUERY_H

#include "base/buf.h"
#include "base/err.h"
#include "store/documents.h"
#include "store/history.h"

#define REST_PER_PAGE_DEFAULT 30
#define REST_PER_PAGE_MAX 100
/* The deprecated page numbers cost what they pass over: no further than this. */
#define REST_PAGE_MAX 10000

/* The last parameter <name> of <query>: its value, still escaped. False: there is none. */
bool rest_query_find(struct slice query, struct slice name, struct slice *value);

/* True when the parameter is there with the value "true". */
bool rest_query_is_true(struct slice query, struct slice name);

/* A whole number of milliseconds, 0 and up; *found tells whether the parameter is there. */
MUST_USE struct err rest_query_time(struct slice query, struct slice name, bool *found,
                                    int64_t *time_ms);

/* The parameter as an id. NOT_FOUND when it is none: nobody has such a resource. *found tells
 * whether the parameter is there and not empty. */
MUST_USE struct err rest_query_id(struct slice query, struct slice name, bool *found,
                                  struct id *id);

/* What selects resources of one kind. All slices lie in <text>, which is the list's own. */
struct rest_list {
    enum resource_kind kind;
    uint32_t per_page;
    bool ascending;
    bool has_after;
    int64_t after_created_ms;
    struct id after_id;
    uint32_t leading_done; /* by a token: so many leading items have been listed */
    uint32_t skip;
    bool with_count;
    bool is_latest; /* of actions: the newest alone */
    bool has_near;  /* of places */
    struct documents_near near;
    bool has_ids; /* `ids` was given, even if it names none that can exist */
    uint32_t id_count;
    uint32_t condition_count;
    uint32_t value_count;
    struct id ids[DOCUMENTS_IDS_MAX];
    struct filter_condition conditions[DOCUMENTS_CONDITIONS_MAX];
    struct slice values[DOCUMENTS_VALUES_MAX];
    struct buf text;
};

/* Fills <list>, which is all zero, with what the query says about a list of <kind>. Its pointers
 * stay valid while it is not moved. */
MUST_USE struct err rest_list_read(struct slice query, enum resource_kind kind,
                                   struct rest_list *list);
void rest_list_deinit(struct rest_list *list);

/* One more condition: that <field> equals <value>, which the list borrows. ERR_QUERY_INVALID when
 * there are too many. */
MUST_USE struct err rest_list_add(struct rest_list *list, enum filter_field field,
                                  struct slice value);

/* The list as a query of the store, which points into <list>. */
struct documents_query rest_list_query(const struct rest_list *list, uint32_t account);

/* The place behind a row: by distance in a list of what is near, else by creation. */
void rest_list_token(struct buf *out, const struct rest_list *list, int64_t created_ms,
                     double distance_km, const struct id *id);
void rest_list_leading_token(struct buf *out, uint32_t done);

/* What selects the samples of a history; <query>->property is left to the caller. */
MUST_USE struct err rest_history_read_query(struct slice query, struct history_query *history,
                                            bool *is_latest);

void rest_history_token(struct buf *out, const struct sample *sample);

#endif
