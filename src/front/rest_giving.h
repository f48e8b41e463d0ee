/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_giving.h - nobody grants more than they hold (contract: auth.md 2.5): what is judged before
 * an access policy, an access token or an operator's access is written, or a key of one is renewed.
 *
 * Administrators hold all there is. Others who may write such things have it from access policies:
 * what they give must be among what these give them, and within the places that they are limited
 * to. Who decides is a reader, because policies are named by their ids:
 *
 *      if (rest_giving_is_to_judge(request)) {
 *          return rest_giving_judge(request);      the handler is called again
 *      }
 *      ... request->kept.issue.refusal
 */
#ifndef THRUM_FRONT_REST_GIVING_H
#define THRUM_FRONT_REST_GIVING_H

#include "front/rest.h"
#include "store/readers.h"

/* True when a reader has to look: the actor is no administrator, and it has not been done yet. */
bool rest_giving_is_to_judge(const struct http_request *request);

/* Has a reader find out whether what the body says of policies, conditions and role is the actor's
 * to give; without a body, whether all that the path's resource has is. request->kept.issue.refusal
 * is ERR_GRANTS_TOO_MUCH then, or ERR_OK; also for what is no such body, or no resource, which is
 * for others to tell. */
enum rest_step rest_giving_judge(struct http_request *request);

/* Creates the route's kind of document from the body, with a key of that kind; or changes the
 * path's one. Both are judged as above. */
enum rest_step rest_giving_create(struct http_request *request, enum key_kind kind);
enum rest_step rest_giving_update(struct http_request *request, struct slice body);

/* The same judging of the permissions in the body of an access policy, which name nothing. */
MUST_USE struct err rest_giving_of_policy(const struct http_request *request);

/* ---- what a reader does for it ---- */

struct rest_giving {
    enum resource_kind kind; /* an access token or an operator */
    bool is_creation;
    bool is_renewal; /* of its key: the body is empty */
    struct id id;    /* unless it is a creation */
    struct slice body;
};

/* ERR_OK; ERR_GRANTS_TOO_MUCH; ERR_NOT_FOUND when there is no such resource in the account. Of one
 * moment. The actor has a grant. */
MUST_USE struct err rest_giving_check(struct reader *reader, const struct actor *actor,
                                      const struct rest_giving *giving);

#endif
