/* SPDX-License-Identifier: Apache-2.0
 *
 * http_credential.h - the API key in an Authorization field. Pure. */
#ifndef THRUM_FRONT_HTTP_CREDENTIAL_H
#define THRUM_FRONT_HTTP_CREDENTIAL_H

#include "codec/http1.h"

/* The raw key, or what follows the word Token or Bearer (contract: README.md, point 14). Empty when
 * the request has no such field, or an empty one. */
struct slice http_credential(const struct http1_head *head);

#endif
