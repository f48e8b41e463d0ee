/* SPDX-License-Identifier: Apache-2.0
 *
 * perm.h - may this actor do that? One table for REST, MQTT and WebSocket alike.
 *
 * Three questions, in this order: is the operation permitted to this key at all (perm_may: 401,
 * 403), does the key see the resource (perm_sees: 404, the same as absent), and is the operation
 * permitted to it on this resource (perm_judge, which asks all three). The table says what a kind
 * of key may; a grant (grant.h) takes away from that what a role, or a token's policies, do not
 * give. Subscribing needs what GET needs, publishing what PUT (for actions: POST) needs. */
#ifndef THRUM_MODEL_PERM_H
#define THRUM_MODEL_PERM_H

#include "base/err.h"
#include "model/actor.h"
#include "model/event.h"
#include "model/topic.h"

enum perm_subject {
    PERM_ACCESS,           /* /access, /rateLimits */
    PERM_ME,               /* /me */
    PERM_OPERATORS,        /* /operators/:id, one's own */
    PERM_ACCOUNTS,         /* /accounts[/:accountId]; create: only the first account's operators */
    PERM_ACCOUNT_ACCESSES, /* /accounts/:accountId/accesses, operatorAccess: its operators */
    PERM_WHY,              /* /why: decisions explained, the last refusals */
    PERM_ROLES,            /* /roles[/:roleId] */
    PERM_ROLE_PERMISSIONS, /* /roles/:roleId/permissions[/:name] */
    PERM_ACCESS_POLICIES,  /* /accessPolicies[/:policyId] */
    PERM_ACCESS_TOKENS,    /* /accessTokens[/:tokenId] */
    PERM_SIGN_UP,          /* /auth/evrythng[/users[/:userId/validate]], /users/login */
    PERM_LOGOUT,           /* /auth/all/logout */
    PERM_USERS,            /* /users[/:userId]; a user itself */
    PERM_USER_STATUS,      /* /users/:userId/status */
    PERM_SHARES,           /* /accesses[/:accessId] */
    PERM_DEVICE_KEYS,      /* /auth/evrythng/thngs[/:thngId] */
    PERM_THNGS,            /* /thngs; update and delete: many at once */
    PERM_THNG,             /* /thngs/:thngId */
    PERM_PROPERTIES,       /* /thngs/:thngId/properties[/:key] */
    PERM_LOCATION,         /* /thngs/:thngId/location */
    PERM_THNG_ACTIONS,     /* /thngs/:thngId/actions/:type[/:actionId] */
    PERM_COMMISSIONING,    /* /thngs/:thngId/actions/(de)commissions, commissionState */
    PERM_PRODUCTS,         /* /products[/:productId] */
    PERM_PRODUCTS_BULK,    /* /products?ids, ?filter: many at once */
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
    PERM_APPLICATION_KEYS,   /* below an application: secretKey, appApiKey; delete renews */
    PERM_OWN_APPLICATION,    /* /applications/me */
    PERM_BATCHES,            /* /batches[/:batchId], and its tasks */
    PERM_FILES,              /* /files[/:fileId] */
    PERM_PLAIN_TOPICS,       /* plain topics of MQTT: create publishes, list subscribes */
    PERM_SUBJECT_COUNT
};

enum perm_operation {
    PERM_CREATE = 1,
    PERM_READ = 2,
    PERM_LIST = 4,
    PERM_UPDATE = 8,
    PERM_DELETE = 16,
};
#define PERM_ALL 31u

/* Operations by subject: a table's column, or what is left of one. */
struct perm_rights {
    uint8_t operations[PERM_SUBJECT_COUNT];
};

/* ERR_OK, ERR_CREDENTIAL_MISSING (no actor) or ERR_DENIED: may the actor do that to anything? */
MUST_USE struct err perm_may(const struct actor *actor, enum perm_subject subject,
                             enum perm_operation operation);

/* What must be known of a resource to say who sees it. */
struct perm_resource {
    uint32_t account;
    enum resource_kind kind;
    const struct id *id; /* of actions that are judged for a device: the thng's id, and its kind */
    const struct id *parent; /* an application's project; NULL: not known, or none */
    struct slice scopes;     /* as stored: canonical JSON object, or empty for none */
};

/* ERR_OK when the actor sees the resource (contract: auth.md 7), else ERR_NOT_FOUND: an operator
 * its account, or the projects that its role reaches; an application what its project sees, and
 * itself; a user what its project shows to it by name or to all; a device its own thng. */
MUST_USE struct err perm_sees(const struct actor *actor, const struct perm_resource *resource);

/* All of it: ERR_CREDENTIAL_MISSING, ERR_DENIED, ERR_NOT_FOUND, or ERR_OK. A resource that is seen
 * by way of one project, or of one user's share, may be one that the operation does not reach:
 * ERR_DENIED. <resource> NULL: the account as a whole, as perm_may. */
MUST_USE struct err perm_judge(const struct actor *actor, enum perm_subject subject,
                               enum perm_operation operation, const struct perm_resource *resource);

/* May it make something that has these scopes? ERR_DENIED when its role does not reach there. */
MUST_USE struct err perm_may_make(const struct actor *actor, enum perm_subject subject,
                                  struct slice scopes);

/* May it name that project of its account, to narrow what it asks for or to put something into it?
 * An application and its users can name their own alone, an operator those that its role reaches.
 */
bool perm_may_name(const struct actor *actor, const struct id *project);

/* True when what the actor sees depends on the scopes of resources. */
bool perm_depends_on_scopes(const struct actor *actor);

/* True when the scopes name that project, or all of them; and the same for users. */
bool perm_scopes_have_project(struct slice scopes, const struct id *project);
bool perm_scopes_have_user(struct slice scopes, const struct id *user);

/* ---- lists ---- */

/* Itself, and those who share with it. */
#define PERM_VIEWERS_MAX 65

/* What a list must leave out, so that each row is one that the actor may LIST. Borrows from the
 * actor and its grant. */
struct perm_reach {
    const struct id *projects; /* visible in one of these; of projects, one of them itself */
    uint32_t project_count;    /* 0, and not is_none: wherever */
    const struct id *places;   /* of places only: one of these */
    uint32_t place_count;
    bool limits_places;   /* false: any place */
    bool is_none;         /* nothing at all */
    bool has_viewers;     /* what shows itself to all users, or to one of these */
    bool viewers_by_name; /* only what names one of these; not what shows itself to all users */
    struct id viewers[PERM_VIEWERS_MAX];
    uint32_t viewer_count;
};

/* The reach of a list of <kind> that is judged by <subject>. */
void perm_reach(const struct actor *actor, enum perm_subject subject, enum resource_kind kind,
                struct perm_reach *reach);

/* ---- topics ---- */

/* The row that a publish to, or a subscription of, that topic is judged by. <name>: the topic's
 * name, because an application may record actions of one type only. */
enum perm_subject perm_subject_of_topic(enum topic_family family, struct slice name);

/* What a publish to a topic of that family must be permitted: the REST verb on the same path. */
enum perm_operation perm_publish_operation(enum topic_family family);

/* What a subscription of a topic of that family must be permitted: GET on the same path. */
enum perm_operation perm_subscribe_operation(enum topic_family family);

/* ---- why ---- */

enum perm_verdict {
    PERM_ALLOWED,
    PERM_NO_ACTOR,      /* no credential */
    PERM_ROW_DENIES,    /* the table does not give it to this kind of key */
    PERM_GRANT_DENIES,  /* the role, or the policies, do not give it */
    PERM_OTHER_ACCOUNT, /* not seen: of another account */
    PERM_OTHER_PROJECT, /* not seen: not in a project that counts */
    PERM_OTHER_USER,    /* not seen: shown to other users */
    PERM_OTHER_THNG,    /* not seen: a device sees its own thng */
    PERM_FOR_OPERATORS, /* not seen: of a kind that operators see */
    PERM_OTHER_PLACE,   /* not seen: the conditions name other places */
    PERM_NOT_HERE,      /* seen, but the role gives this operation elsewhere */
};

/* The answer of perm_judge, and how it came about. */
enum perm_verdict perm_verdict(const struct actor *actor, enum perm_subject subject,
                               enum perm_operation operation, const struct perm_resource *resource);
/* A sentence for people. Static. */
const char *perm_verdict_text(enum perm_verdict verdict);

/* ---- the table, for others that read it ---- */

/* What a row is about: which switch of an operator's role gives it. */
enum perm_domain {
    PERM_DOMAIN_OPEN,      /* whoever the row names: no role takes it away */
    PERM_DOMAIN_RESOURCES, /* global_read, project_read; gl_resource_update, project_.. */
    PERM_DOMAIN_PROJECTS,  /* global_read, project_read; gl_project_update, project_update */
    PERM_DOMAIN_ACCOUNT,   /* administrators alone */
};

struct perm_row {
    const char *path; /* names of parameters with a colon; optional ends in brackets */
    uint8_t operations[ACTOR_KIND_COUNT];
    enum perm_domain domain;
    bool is_secret;        /* it shows keys: reading counts as updating */
    const char *policy;    /* the resource's name in permissions of access policies; NULL: none */
    bool is_part;          /* a part of that resource: creating and deleting it count as updating */
    const char *role_path; /* what a permission of a user's role is compared with: "/thngs/:id". An
                              optional end in brackets: creating and listing are judged without it,
                              all else with it. NULL: no role of a user is about it */
};

const struct perm_row *perm_row(enum perm_subject subject);

/* The column of that kind. */
struct perm_rights perm_column(enum actor_kind kind);

/* What no role takes away from that kind: the rows of PERM_DOMAIN_OPEN. */
struct perm_rights perm_open(enum actor_kind kind);

/* "create", "read", ...; the letters of the contract's table: C R L U X. */
const char *perm_operation_name(enum perm_operation operation);

#endif
