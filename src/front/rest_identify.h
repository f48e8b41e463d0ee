/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_identify.h - identifiers of thngs and products in place of their ids (contract: REST 1.4).
 */
#ifndef THRUM_FRONT_REST_IDENTIFY_H
#define THRUM_FRONT_REST_IDENTIFY_H

#include "front/rest.h"
#include "front/rest_read.h"

/* Is it <key>:<value>, in the letters that identifiers in place of ids have? */
bool rest_is_identifier(struct slice text);

/* Has a reader find the resource of that kind whose identifier <text> is, and that the actor sees;
 * the request waits. Then <arrived> is called with read->resource, or read->err: ERR_NOT_FOUND,
 * ERR_AMBIGUOUS, or ERR_DENIED when it may not do to it what the route says (to one of the route's
 * kind; others are only referred to). Returns what the handler is to return. */
enum rest_step rest_identify(struct http_request *request, enum resource_kind kind,
                             struct slice text,
                             void (*arrived)(struct http_request *request, struct rest_read *read));

#endif
