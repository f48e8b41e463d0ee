/* SPDX-License-Identifier: Apache-2.0
 *
 * grants.h - the grants that are in use: equal ones are one, and all live as long as the process,
 * so that whoever has an actor may look into its grant at any time, on any thread.
 *
 * There are as many as there are different sets of rights among the keys that were used: some
 * hundred bytes each. A server whose roles are changed all day long keeps those it has seen, up to
 * GRANTS_MAX; then keys with new sets of rights are answered 503 until it is started again. */
#ifndef THRUM_FRONT_GRANTS_H
#define THRUM_FRONT_GRANTS_H

#include "model/grant.h"

#define GRANTS_MAX 1000000

struct grants;

struct grants *grants_new(uint64_t seed); /* NULL without memory */
/* When no actor is left. NULL is fine. */
void grants_free(struct grants *grants);

/* The one that equals what <draft> makes of an actor of that kind. NULL: no memory, or too many. */
const struct grant *grants_intern(struct grants *grants, const struct grant_draft *draft,
                                  enum actor_kind kind);

#endif
