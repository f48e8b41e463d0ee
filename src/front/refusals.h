/* SPDX-License-Identifier: Apache-2.0
 *
 * refusals.h - the last requests that were refused for lack of a right or of the resource, with the
 * reasons: what `thrum why --recent` shows. Any thread. */
#ifndef THRUM_FRONT_REFUSALS_H
#define THRUM_FRONT_REFUSALS_H

#include "base/buf.h"
#include "model/perm.h"

/* So many are kept, the newest. */
#define REFUSALS_KEPT 1000
/* Of the target: its path, without options, which may hold a key. */
#define REFUSAL_TARGET_BYTES 256

struct refusal {
    int64_t time_ms;
    const struct actor *actor; /* ACTOR_NONE: no key, or an unknown one */
    struct slice protocol;     /* "rest", "mqtt", "websocket"; static, as the next */
    struct slice operation;    /* "GET", "PUT", "subscribe", "publish", "connect", ... */
    struct slice target;       /* may have options; they are cut off */
    struct err err;
    enum perm_verdict verdict; /* PERM_ALLOWED: it is not a matter of rights */
};

struct refusals;

struct refusals *refusals_new(void); /* NULL without memory */
void refusals_free(struct refusals *refusals);

/* Notes it, if its error is one of 401, 403, 404. NULL: nothing is noted. */
void refusals_note(struct refusals *refusals, const struct refusal *refusal);

/* Appends a JSON array, newest first, of those of <account>; and, when <wants_unknown>, of those
 * whose key nobody has. */
void refusals_write(struct refusals *refusals, uint32_t account, bool wants_unknown,
                    struct buf *out);

#endif
