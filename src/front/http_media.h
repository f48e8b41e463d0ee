/* SPDX-License-Identifier: Apache-2.0
 *
 * http_media.h - does a request speak JSON, and does it take JSON for an answer? Pure. */
#ifndef THRUM_FRONT_HTTP_MEDIA_H
#define THRUM_FRONT_HTTP_MEDIA_H

#include "codec/http1.h"

/* ERR_MEDIA_TYPE: there is a body and it is announced as encoded (compressed, say). */
MUST_USE struct err http_media_of_encoding(const struct http1_head *head);

/* ERR_MEDIA_TYPE: there is a body and it is announced as something else than JSON. A body without a
 * word about it counts as JSON. */
MUST_USE struct err http_media_of_body(const struct http1_head *head);

/* ERR_NOT_ACCEPTABLE: there are Accept fields and none has a range that JSON is in. */
MUST_USE struct err http_media_of_answer(const struct http1_head *head);

/* Is text/event-stream named among what the client takes? (Any type is not enough: then the answer
 * is JSON.) */
bool http_media_takes_events(const struct http1_head *head);

#endif
