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
    PERM_ACCESS,             /* /access, /rateLimits */
    PERM_OPERATORS,          /* /operators/:id, one's own */
    PERM_DEVICE_KEYS,        /* /auth/evrythng/thngs[/:thngId] */
    PERM_THNGS,              /* /thngs */
    PERM_THNG,               /* /thngs/:thngId */
    PERM_PROPERTIES,         /* /thngs/:thngId/properties[/:key] */
    PERM_LOCATION,           /* /thngs/:thngId/location */
    PERM_THNG_ACTIONS,       /* /thngs/:thngId/actions/:type[/:actionId] */
    PERM_COMMISSIONING,      /* /thngs/:thngId/actions/(de)commissions, commissionState */
    PERM_PRODUCTS,           /* /products[/:productId] */
    PERM_PRODUCT_PROPERTIES, /* /products/:productId/properties[/:key] */
    PERM_PRODUCT_ACTIONS,    /* /products/:productId/actions/:type[/:actionId] */
    PERM_COLLECTIONS,        /* /collections[/:collectionId] */
    PERM_MEMBERS,            /* /collections/:collectionId/thngs[/:thngId]; update adds */
    PERM_MEMBERS_ALL,        /* the same path: emptying it */
    PERM_CHILDREN,           /* /collections/:collectionId/collections[/:childId]; create adds */
    PERM_COLLECTION_ACTIONS, /* /collections/:collectionId/actions/:type[/:actionId] */
    PERM_ACTION_TYPES,       /* /actions: the types */
    PERM_ACTIONS,            /* /actions/:type[/:actionId]: the actions */
    PERM_SCANS,              /* /actions/scans: what an application may record */
    PERM_PLACES,             /* /places[/:placeId] */
    PERM_PROJECTS,           /* /projects[/:projectId] */
    PERM_APPLICATIONS,       /* /projects/:projectId/applications[/:applicationId] */
    PERM_SECRET_KEYS,        /* /projects/:projectId/applications/:applicationId/secretKey */
    PERM_OWN_APPLICATION,    /* /applications/me */
    PERM_BATCHES,            /* /batches[/:batchId], and its tasks */
    PERM_FILES,              /* /files[/:fileId] */
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

/* What must be known of a resource to say who sees it. */
struct perm_resource {
    uint32_t account;
    enum resource_kind kind;
    const struct id *id; /* of actions that are judged for a device: the thng's id, and its kind */
    struct slice scopes; /* as stored: canonical JSON object, or empty for none */
};

/* ERR_OK when the actor sees the resource (contract: auth.md 7), else ERR_NOT_FOUND: an operator
 * sees its account, an application what its project sees and itself, a device its own thng. */
MUST_USE struct err perm_sees(const struct actor *actor, const struct perm_resource *resource);

/* True when the scopes name that project, or all of them. */
bool perm_scopes_have_project(struct slice scopes, const struct id *project);

/* The row that a publish to, or a subscription of, that topic is judged by. <name>: the topic's
 * name, because an application may record actions of one type only. */
enum perm_subject perm_subject_of_topic(enum topic_family family, struct slice name);

/* What a publish to a topic of that family must be permitted: the REST verb on the same path. */
enum perm_operation perm_publish_operation(enum topic_family family);

/* What a subscription of a topic of that family must be permitted: GET on the same path. */
enum perm_operation perm_subscribe_operation(enum topic_family family);

/* Column heads and cells of the table, for the reference page. */
const char *perm_subject_path(enum perm_subject subject);
unsigned perm_operations(enum actor_kind actor, enum perm_subject subject);

#endif
