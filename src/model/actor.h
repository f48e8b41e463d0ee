/* SPDX-License-Identifier: Apache-2.0
 *
 * actor.h - who a request acts as: what an API key stands for.
 *
 * A value, copied into each command: the rights of a connection are those of its actor at the time
 * it was made (MQTT, WebSocket), those of a REST request the current ones. */
#ifndef THRUM_MODEL_ACTOR_H
#define THRUM_MODEL_ACTOR_H

#include "model/id.h"

struct grant;

enum actor_kind {
    ACTOR_NONE, /* no credential */
    ACTOR_OPERATOR,
    ACTOR_DEVICE,
    ACTOR_APPLICATION, /* an application with its public key */
    ACTOR_TRUSTED,     /* an application with its secret key */
    ACTOR_USER,        /* of an application, named or anonymous */
    ACTOR_ACCESS_TOKEN,
    ACTOR_KIND_COUNT
};

struct actor {
    enum actor_kind kind;
    uint32_t account;  /* account number; 0 for ACTOR_NONE */
    struct id id;      /* the operator; the thng that a device is; the application; the user; the
                          access token */
    struct id project; /* the application's, the user's; else not set */
    struct id application; /* the user's; else not set */
    /* What role, policies and shares make of its rights (grant.h); lives as long as the process.
     * NULL: all that the table gives to its kind (perm.h). Users and access tokens have one. */
    const struct grant *grant;
};

/* What GET /access calls that kind (contract: auth.md 1): an application says the same with each of
 * its keys. Not of ACTOR_NONE. */
struct slice actor_type_name(enum actor_kind kind);

static inline bool actor_equal(const struct actor *a, const struct actor *b)
{
    return a->kind == b->kind && a->account == b->account && id_equal(&a->id, &b->id);
}

#endif
