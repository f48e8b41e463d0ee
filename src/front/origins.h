/* SPDX-License-Identifier: Apache-2.0
 *
 * origins.h - the web pages that may speak to the server from a browser (RFC 6454; contract:
 * pubsub.md 7). A browser names the origin of the page that asks; other clients name none, and are
 * not asked for one: their credential is the key. Pure. */
#ifndef THRUM_FRONT_ORIGINS_H
#define THRUM_FRONT_ORIGINS_H

#include "base/err.h"
#include "base/slice.h"

#define ORIGINS_MAX 32
#define ORIGIN_BYTES_MAX 280 /* a scheme, a host name, a port */

struct origin {
    size_t bytes;
    char text[ORIGIN_BYTES_MAX];
};

/* Which are allowed. All zero: any. */
struct origin_list {
    size_t count;
    struct origin at[ORIGINS_MAX];
};

/* Reads "*" for any, or a list like "https://app.example.com, http://localhost:3000": scheme, host
 * and port alone. ERR_CONFIG when one is none, or there are too many. */
MUST_USE struct err origins_parse(struct slice text, struct origin_list *list);

/* Is every page allowed? */
static inline bool origins_are_any(const struct origin_list *list)
{
    return list->count == 0;
}

/* May a page of that origin, as the field Origin says it? Empty: no page asks. Scheme and host are
 * compared without case. */
bool origins_allow(const struct origin_list *list, struct slice origin);

#endif
