/* SPDX-License-Identifier: Apache-2.0
 *
 * perm.h - may this actor do that? One table for REST, MQTT and WebSocket alike.
 *
 * Two questions, in this order, with two answers: is the operation permitted to this kind of key at
 * all (perm_may: 401, 403), and does the key see the resource (perm_sees: 404, the same as absent).
 * Subscribing needs what GET needs, publishing what PUT (for actions: POST) needs. */
#ifndef THRUM_MODEL_PERM_H
#define THRUM_MODEL_PERM_H

#include "base/err.h"
#include "model/actor.h"
#include "model/event.h"
#include "model/topic.h"

enum perm_subject {
    PERM_ACCESS,      /* /access */
    PERM_OPERATORS,   /* /operators/:id, one's own */
    PERM_DEVICE_KEYS, /* /auth/evrythng/thngs[/:id] */
    PERM_THNGS,       /* /thngs */
    PERM_THNG,        /* /thngs/:id */
    PERM_PROPERTIES,  /* /thngs/:id/properties[/:key] */
    PERM_LOCATION,    /* /thngs/:id/location */
    PERM_SUBJECT_COUNT
};

enum perm_operation {
    PERM_CREATE = 1,
    PERM_READ = 2,
    PERM_LIST = 4,
    PERM_UPDATE = 8,
    PERM_DELETE = 16,
};

/* ERR_OK, ERR_CREDENTIAL_MISSING (no actor) or ERR_DENIED. */
MUST_USE struct err perm_may(const struct actor *actor, enum perm_subject subject,
                             enum perm_operation operation);

/* ERR_OK when the actor sees the resource of that account and kind, else ERR_NOT_FOUND. */
MUST_USE struct err perm_sees(const struct actor *actor, uint32_t account, enum resource_kind kind,
                              const struct id *resource);

/* The row that rules a topic: false for families of resources that this version does not keep. */
bool perm_subject_of_topic(enum topic_family family, enum perm_subject *subject);

/* Column heads and cells of the table, for the reference page. */
const char *perm_subject_path(enum perm_subject subject);
unsigned perm_operations(enum actor_kind actor, enum perm_subject subject);

#endif
