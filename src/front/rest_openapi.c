/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest.h"

/* Written once, at the start (openapi.h). */
enum rest_step rest_openapi(struct http_request *request)
{
    http_answer_body(request, request->conn->front->shared->openapi);
    return REST_TAKEN;
}
