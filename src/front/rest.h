/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.h - the table of routes: what there is over HTTP, who may, and who does it.
 *
 * One table (rest_routes.c) drives routing, rights, Allow, the OpenAPI document and the reference
 * page: adding a route is one row and one function. A path is matched segment by segment, decoded;
 * "/v2" in front is an alias, a slash at the end does not count.
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
    ROUTE_ANY_BODY = 4, /* the body is not JSON: its Content-Type is not looked at */
    ROUTE_NESTED = 8,   /* the documents of <kind> lie in the path's first resource: their parent */
    ROUTE_LIST = 16,    /* takes the parameters of lists (rest_query.h) */
};

/* What a body must be; the OpenAPI document says the same. */
enum rest_body {
    BODY_NONE,
    BODY_DOCUMENT, /* of the route's kind; for a PUT, parts of it */
    BODY_POINTS,   /* of properties */
    BODY_VALUES,   /* of one property: the key is in the path */
    BODY_LOCATIONS,
    BODY_ACTIONS, /* one, or with `all` an array of them */
    BODY_IDS,
    BODY_DEVICE_KEY,
    BODY_COMMISSION,
    BODY_DECOMMISSION,
    BODY_SIGN_UP,
    BODY_VALIDATION,
    BODY_LOGIN,
    BODY_ACCOUNT, /* an account, and who is its first operator */
    BODY_ROLE,    /* the name of a role alone */
    BODY_PERMISSIONS,
    BODY_PERMISSION,
    BODY_WHY,
    BODY_BYTES,
};

/* What a success answers. */
enum rest_reply {
    REPLY_NONE,
    REPLY_DOCUMENT,   /* of the route's kind */
    REPLY_DOCUMENTS,  /* a page of them */
    REPLY_COLLECTION, /* the collection */
    REPLY_THNGS,
    REPLY_POINTS,
    REPLY_HISTORY, /* points without keys */
    REPLY_LOCATIONS,
    REPLY_ACTION,
    REPLY_ACTIONS,
    REPLY_ACTION_OR_ACTIONS, /* as the body was */
    REPLY_DEVICE_KEY,
    REPLY_SECRET_KEY,
    REPLY_APPLICATION_KEY,
    REPLY_API_KEY, /* of an operator, of an access token */
    REPLY_ACCESS,
    REPLY_SIGN_UP,
    REPLY_LOGIN,
    REPLY_LOGOUT,
    REPLY_USER_STATUS,
    REPLY_PERMISSIONS,
    REPLY_PERMISSION,
    REPLY_NEW_ACCOUNT,
    REPLY_ACCOUNT_ACCESS,    /* an operator, by its role and key */
    REPLY_ACCOUNT_ACCESSES,  /* a page of them */
    REPLY_OPERATOR_ACCESS,   /* an operator, by its policies */
    REPLY_OPERATOR_ACCESSES, /* a page of them */
    REPLY_NEW_OPERATOR_ACCESS,
    REPLY_NEW_ACCESS_TOKEN,
    REPLY_ME,
    REPLY_WHY,
    REPLY_REFUSALS,
    REPLY_RATE_LIMITS,
    REPLY_TIME,
    REPLY_LOGS,
    REPLY_COMMISSION_STATE,
    REPLY_OBJECT, /* any */
    REPLY_BYTES,
};

struct rest_route {
    enum http1_method method;
    const char *pattern;     /* names of parameters: see rest.c */
    enum resource_kind kind; /* of its documents; 0: none */
    enum perm_subject subject;
    enum perm_operation operation;
    unsigned flags;
    enum topic_family family; /* routes that publish: the topic with this path */
    enum rest_body body;
    enum rest_reply reply;
    int status; /* of a success */
    enum rest_step (*begin)(struct http_request *request);
    /* The answer to a command of the request; NULL when it gives none. <event> is the last event of
     * the command's own, when it is still at hand. */
    void (*on_answer)(struct http_request *request, const struct answer *answer,
                      const struct event *event);
    const char *help; /* for the reference page and the OpenAPI document */
};

/* The rows. */
const struct rest_route *rest_routes(size_t *count);

/* Finds the route of request->path and request->method, and the parameters. <memory> has room for
 * path.bytes: decoded segments. ERR_NOT_FOUND; ERR_METHOD_UNKNOWN with request->methods. */
MUST_USE struct err rest_find(struct http_request *request, uint8_t *memory);

/* What can be said once the actor is known: right, parameters, project. */
MUST_USE struct err rest_judge(struct http_request *request);

/* The row of the table of rights that the request is judged by. */
enum perm_subject rest_subject(const struct http_request *request);

/* Calls the handler; the body is whole. What the path names in another way than by its id is looked
 * up before, and an account is known to be the actor's own. */
enum rest_step rest_begin(struct http_request *request);

/* The same of a request that does not follow a topic, whatever it would have liked. */
enum rest_step rest_begin_plainly(struct http_request *request);

/* One of the request's commands has written an event that is not its last one: only for requests
 * whose commands write several (arrays of actions). */
void rest_take_event(struct http_request *request, const struct event *event);

/* ---- handlers, by file ---- */

/* rest_access.c */
enum rest_step rest_root(struct http_request *request);
enum rest_step rest_ca(struct http_request *request);
enum rest_step rest_access(struct http_request *request);
enum rest_step rest_rate_limits(struct http_request *request);

/* rest_time.c */
enum rest_step rest_time(struct http_request *request);

/* rest_openapi.c */
enum rest_step rest_openapi(struct http_request *request);

/* rest_keys.c */
enum rest_step rest_key_create(struct http_request *request);
enum rest_step rest_key_read(struct http_request *request);
enum rest_step rest_key_delete(struct http_request *request);
void rest_key_created(struct http_request *request, const struct answer *answer,
                      const struct event *event);

/* rest_documents.c: documents of every kind, by the route's kind and flags */
enum rest_step rest_document_create(struct http_request *request);
enum rest_step rest_document_read(struct http_request *request);
enum rest_step rest_document_update(struct http_request *request);
enum rest_step rest_document_delete(struct http_request *request);
void rest_document_created(struct http_request *request, const struct answer *answer,
                           const struct event *event);
/* The same, with the key that was issued with it and that is in request->kept. */
void rest_document_created_with_key(struct http_request *request, const struct answer *answer,
                                    const struct event *event);
void rest_document_updated(struct http_request *request, const struct answer *answer,
                           const struct event *event);

/* rest_lists.c */
enum rest_step rest_document_list(struct http_request *request);

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

/* rest_members.c */
enum rest_step rest_member_list(struct http_request *request);
enum rest_step rest_member_remove(struct http_request *request);
enum rest_step rest_member_clear(struct http_request *request);
enum rest_step rest_child_add(struct http_request *request);
void rest_members_added(struct http_request *request, const struct answer *answer,
                        const struct event *event);

/* rest_actions.c */
enum rest_step rest_action_create(struct http_request *request);
enum rest_step rest_action_list(struct http_request *request);
enum rest_step rest_action_read(struct http_request *request);
enum rest_step rest_action_delete(struct http_request *request);
void rest_action_created(struct http_request *request, const struct answer *answer,
                         const struct event *event);
void rest_action_event(struct http_request *request, const struct event *event);
enum rest_step rest_action_type_list(struct http_request *request);

/* rest_commission.c */
enum rest_step rest_commission(struct http_request *request);
enum rest_step rest_decommission(struct http_request *request);
enum rest_step rest_commission_state(struct http_request *request);
void rest_commissioned(struct http_request *request, const struct answer *answer,
                       const struct event *event);

/* rest_users.c: the users of applications */
enum rest_step rest_user_create(struct http_request *request);
void rest_user_created(struct http_request *request, const struct answer *answer,
                       const struct event *event);
enum rest_step rest_user_validate(struct http_request *request);
void rest_user_validated(struct http_request *request, const struct answer *answer,
                         const struct event *event);
enum rest_step rest_user_update(struct http_request *request);
enum rest_step rest_user_status(struct http_request *request);

/* rest_login.c */
enum rest_step rest_login(struct http_request *request);
void rest_logged_in(struct http_request *request, const struct answer *answer,
                    const struct event *event);
enum rest_step rest_logout(struct http_request *request);
void rest_logged_out(struct http_request *request, const struct answer *answer,
                     const struct event *event);

/* rest_shares.c */
enum rest_step rest_share_create(struct http_request *request);

/* rest_roles.c: where they differ from other documents */
enum rest_step rest_role_list(struct http_request *request);
enum rest_step rest_role_read(struct http_request *request);
enum rest_step rest_role_update(struct http_request *request);
enum rest_step rest_role_delete(struct http_request *request);
enum rest_step rest_permissions_read(struct http_request *request);
enum rest_step rest_permissions_update(struct http_request *request);
void rest_permissions_updated(struct http_request *request, const struct answer *answer,
                              const struct event *event);

/* rest_accounts.c */
enum rest_step rest_account_check(struct http_request *request); /* for rest_begin */
enum rest_step rest_account_list(struct http_request *request);
enum rest_step rest_account_create(struct http_request *request);
void rest_account_created(struct http_request *request, const struct answer *answer,
                          const struct event *event);

/* rest_operators.c: operators, as themselves and as those who have access to an account */
enum rest_step rest_operator_read(struct http_request *request);
enum rest_step rest_operator_update(struct http_request *request);
enum rest_step rest_operator_access_create(struct http_request *request);
enum rest_step rest_account_access_update(struct http_request *request);
enum rest_step rest_operator_access_update(struct http_request *request);
enum rest_step rest_me(struct http_request *request);

/* rest_tokens.c: access policies and access tokens */
enum rest_step rest_policy_create(struct http_request *request);
enum rest_step rest_policy_update(struct http_request *request);
enum rest_step rest_token_create(struct http_request *request);
enum rest_step rest_token_update(struct http_request *request);

/* rest_renew.c: a new key in the place of one that ends */
enum rest_step rest_key_renew(struct http_request *request);
void rest_key_renewed(struct http_request *request, const struct answer *answer,
                      const struct event *event);

/* rest_why.c */
enum rest_step rest_why(struct http_request *request);
enum rest_step rest_why_recent(struct http_request *request);

/* rest_applications.c */
enum rest_step rest_application_create(struct http_request *request);
enum rest_step rest_application_me(struct http_request *request);
enum rest_step rest_application_me_update(struct http_request *request);
enum rest_step rest_secret_key(struct http_request *request);

/* rest_tasks.c */
void rest_task_created(struct http_request *request, const struct answer *answer,
                       const struct event *event);
enum rest_step rest_task_logs(struct http_request *request);

/* rest_files.c */
enum rest_step rest_file_upload(struct http_request *request);
enum rest_step rest_file_content(struct http_request *request);
void rest_file_created(struct http_request *request, const struct answer *answer,
                       const struct event *event);
void rest_file_uploaded(struct http_request *request, const struct answer *answer,
                        const struct event *event);
void rest_file_deleted(struct http_request *request, const struct answer *answer,
                       const struct event *event);

/* An answer that says no more than yes or no: no body, or the error. */
void rest_done(struct http_request *request, const struct answer *answer,
               const struct event *event);

#endif
