/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.h - the table of routes: what there is over HTTP, who may, and who does it.
 *
 * One table drives routing, Allow, and the reference page. A path is matched segment by segment,
 * decoded; "/v2" in front is an alias, a slash at the end does not count.
 *
 * The order of judging (contract: auth.md 5.1): path and method (404, 405), credential (401, 403),
 * right (403), what the path names (404), media types (415, 406); then the body and the resource,
 * which the handler and the engine look at. */
#ifndef THRUM_FRONT_REST_H
#define THRUM_FRONT_REST_H

#include "front/http.h"
#include "model/perm.h"

enum rest_step {
    REST_TAKEN, /* answered, or it will be */
    REST_AGAIN, /* the connection is paused or waits: call the handler again, with the same body */
};

enum rest_route_flags {
    ROUTE_PUBLIC = 1,   /* no key needed */
    ROUTE_NO_JSON = 2,  /* the answer is not JSON: Accept is not looked at */
    ROUTE_HAS_THNG = 4, /* the first parameter is a thng, by id or by identifier */
    ROUTE_HAS_ID = 8,   /* the first parameter is an id */
    ROUTE_HAS_KEY = 16, /* the second parameter is a property key */
};

struct rest_route {
    enum http1_method method;
    const char *pattern;
    enum perm_subject subject;
    enum perm_operation operation;
    unsigned flags;
    enum topic_family family; /* routes that publish: the topic with this path */
    enum rest_step (*begin)(struct http_request *request);
    /* The answer to a command of the request; NULL when it gives none. */
    void (*on_answer)(struct http_request *request, const struct answer *answer,
                      const struct event *event);
    const char *help; /* for the reference page */
};

/* The rows, for the reference page. */
const struct rest_route *rest_routes(size_t *count);

/* Finds the route of request->path and request->method, and the parameters. <memory> has room for
 * path.bytes: decoded segments. ERR_NOT_FOUND; ERR_METHOD_UNKNOWN with request->methods. */
MUST_USE struct err rest_find(struct http_request *request, uint8_t *memory);

/* What can be said once the actor is known: right, parameters, project. */
MUST_USE struct err rest_judge(struct http_request *request);

/* Calls the handler; the body is whole. */
enum rest_step rest_begin(struct http_request *request);

/* ---- handlers, by file ---- */

/* rest_access.c */
enum rest_step rest_root(struct http_request *request);
enum rest_step rest_ca(struct http_request *request);
enum rest_step rest_access(struct http_request *request);
enum rest_step rest_rate_limits(struct http_request *request);
enum rest_step rest_operator(struct http_request *request);

/* rest_time.c */
enum rest_step rest_time(struct http_request *request);

/* rest_keys.c */
enum rest_step rest_key_create(struct http_request *request);
enum rest_step rest_key_read(struct http_request *request);
enum rest_step rest_key_delete(struct http_request *request);
void rest_key_created(struct http_request *request, const struct answer *answer,
                      const struct event *event);

/* rest_thngs.c */
enum rest_step rest_thng_create(struct http_request *request);
enum rest_step rest_thng_list(struct http_request *request);
enum rest_step rest_thng_read(struct http_request *request);
enum rest_step rest_thng_delete(struct http_request *request);
void rest_thng_created(struct http_request *request, const struct answer *answer,
                       const struct event *event);
void rest_thng_updated(struct http_request *request, const struct answer *answer,
                       const struct event *event);

/* rest_bulk.c */
enum rest_step rest_bulk_update(struct http_request *request);
enum rest_step rest_bulk_delete(struct http_request *request);
void rest_bulk_answer(struct http_request *request, const struct answer *answer,
                      const struct event *event);

/* rest_points.c */
enum rest_step rest_publish(struct http_request *request);
enum rest_step rest_cut(struct http_request *request);
enum rest_step rest_properties_read(struct http_request *request);
enum rest_step rest_history_read(struct http_request *request);
void rest_points_written(struct http_request *request, const struct answer *answer,
                         const struct event *event);

/* An answer that says no more than yes or no: 200 without a body, or the error. */
void rest_done(struct http_request *request, const struct answer *answer,
               const struct event *event);

#endif
