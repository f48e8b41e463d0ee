/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi_inside.h - the parts of the description, for openapi*.c only:
 *
 *      openapi.c             the document: info, tags, security, paths and their operations
 *      openapi_parameters.c  what stands in paths and queries
 *      openapi_schemas.c     bodies and answers */
#ifndef THRUM_FRONT_OPENAPI_INSIDE_H
#define THRUM_FRONT_OPENAPI_INSIDE_H

#include "front/rest.h"

/* The ids of the contract (rest.md 1.4), as a JSON schema has it. */
#define OPENAPI_ID_PATTERN "[abcdefghkmnpqrstwxyABCDEFGHKMNPQRSTUVWXY0123456789]{24}"

/* ---- openapi_parameters.c ---- */

/* The member "parameters" of an operation, or of a path: of what its pattern names. */
void openapi_put_parameters(struct buf *out, const struct rest_route *route);
void openapi_put_path_parameters(struct buf *out, struct slice pattern);

/* Has the operation the path of a topic, so that it can be streamed and polled? */
bool openapi_is_topic(const struct rest_route *route);

/* The members of components.parameters. */
void openapi_put_all_parameters(struct buf *out);

/* ---- openapi_schemas.c ---- */

/* The members "requestBody" (when there is one) and "responses" of an operation. */
void openapi_put_body(struct buf *out, const struct rest_route *route);
void openapi_put_responses(struct buf *out, const struct rest_route *route);

/* The members of components.schemas. */
void openapi_put_all_schemas(struct buf *out);

#endif
