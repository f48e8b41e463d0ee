/* SPDX-License-Identifier: Apache-2.0
 *
 * http_error.h - the answer to what is refused: a status, and the JSON that all errors carry
 * (contract: rest.md 1.3).
 *
 *      {"status":404,"errors":["The requested resource was not found."],"code":16842752}
 *
 * Any thread; nothing is kept. */
#ifndef THRUM_FRONT_HTTP_ERROR_H
#define THRUM_FRONT_HTTP_ERROR_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/http1.h"

/* Appends the body. <detail>, when not empty, is what people read instead of the error's own text;
 * it must be UTF-8, and never repeats a credential. */
void http_error_write_body(struct buf *out, struct err err, int status, struct slice detail);

/* Appends the whole answer, head and body. <status> is err_http_status(err) in nearly all cases;
 * with <close> it says Connection: close, and the caller finishes the connection. */
void http_error_write(struct buf *out, struct err err, int status, struct slice detail, bool close);

#endif
