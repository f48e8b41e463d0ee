/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_lists.h - lists of resources over HTTP, of every kind: pages, filters, what each key sees.
 *
 * What a list takes from the request's parameters is in rest_query.h. What it has besides, because
 * of its path, is its base: a list of the actions on a thng is
 *
 *      const struct slice thng = id_slice(&request->resource);
 *      const struct filter_condition of_thng = {
 *          .field = FILTER_THNG, .values = &thng, .value_count = 1,
 *      };
 *      return rest_list_start(request, &(struct rest_list_base){
 *                                          .kind = RESOURCE_ACTION,
 *                                          .root_kind = RESOURCE_THNG,
 *                                          .conditions = &of_thng,
 *                                          .condition_count = 1,
 *                                      });
 */
#ifndef THRUM_FRONT_REST_LISTS_H
#define THRUM_FRONT_REST_LISTS_H

#include "front/rest.h"
#include "store/documents.h"

/* Items that stand before all rows and are in no table: the built-in action types, the built-in
 * roles. They are known by their names, and the parameter `ids` selects none of them. */
struct rest_list_leading {
    /* The name of item <index>, in the order of the list; false when there are no more. */
    bool (*name)(size_t index, struct slice *name);
    /* What a condition on that field compares with; empty: the item has nothing of the kind. */
    struct slice (*member)(struct slice name, enum filter_field field);
    /* Appends the item, no comma before it. */
    void (*write)(struct buf *out, struct slice name);
};

struct rest_list_base {
    enum resource_kind kind; /* of what is listed */
    /* request->resource must be one of these, and be seen, else 404; 0: the path names none. */
    enum resource_kind root_kind;
    /* Besides those of the request; equality with one value each. Copied. */
    const struct filter_condition *conditions;
    uint32_t condition_count;
    const struct rest_list_leading *leading; /* static; NULL: none */
};

/* Reads the parameters and begins the list; the answer comes by itself: a page, Link,
 * X-Result-Count. Also of HEAD. */
enum rest_step rest_list_start(struct http_request *request, const struct rest_list_base *base);

#endif
