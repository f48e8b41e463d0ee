/* SPDX-License-Identifier: Apache-2.0
 *
 * Access policies and access tokens over HTTP, as far as they differ from other documents
 * (contract: auth.md 2.5): nobody gives more than they hold, and a token is made with a key. */
#include "front/rest_documents.h"
#include "front/rest_giving.h"

/* ---- policies ---- */

enum rest_step rest_policy_create(struct http_request *request)
{
    struct document_send send = {.is_creation = true, .refusal = rest_giving_of_policy(request)};
    return rest_document_send(request, &send);
}

enum rest_step rest_policy_update(struct http_request *request)
{
    struct document_send send = {
        .target = request->resource,
        .refusal = rest_giving_of_policy(request),
    };
    return rest_document_send(request, &send);
}

/* ---- tokens ---- */

enum rest_step rest_token_create(struct http_request *request)
{
    return rest_giving_create(request, KEY_ACCESS_TOKEN);
}

enum rest_step rest_token_update(struct http_request *request)
{
    return rest_giving_update(request, request->body);
}
