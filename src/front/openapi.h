/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.h - this API described as an OpenAPI 3.1 document, made from the table of routes (rest.h)
 * and the tables of fields (model/document.h), so that what is described is what answers. */
#ifndef THRUM_FRONT_OPENAPI_H
#define THRUM_FRONT_OPENAPI_H

#include "base/buf.h"

/* Appends the document, compact JSON. It depends on nothing but the tables. */
void openapi_write(struct buf *out);

#endif
