/* SPDX-License-Identifier: Apache-2.0 */
#include "model/perm.h"

#include "base/assert.h"
#include "codec/json.h"

/* The letters of the contract's table (auth.md 6). */
enum {
    C = PERM_CREATE,
    R = PERM_READ,
    L = PERM_LIST,
    U = PERM_UPDATE,
    X = PERM_DELETE,
    ALL = C | R | L | U | X,
};

struct perm_row {
    const char *path;
    unsigned operations[ACTOR_KIND_COUNT];
};

#define ROW(path, of_operator, of_trusted, of_application, of_device)            \
    {                                                                            \
        path,                                                                    \
        {                                                                        \
            [ACTOR_OPERATOR] = (of_operator), [ACTOR_TRUSTED] = (of_trusted),    \
            [ACTOR_APPLICATION] = (of_application), [ACTOR_DEVICE] = (of_device) \
        }                                                                        \
    }

/* What a device may it may to its own thng, what an application may in its own project: that is for
 * perm_sees to say. */
static const struct perm_row perm_rows[PERM_SUBJECT_COUNT] = {
    [PERM_ACCESS] = ROW("/access", R, R, R, R),
    [PERM_OPERATORS] = ROW("/operators/:id", R, 0, 0, 0),
    [PERM_DEVICE_KEYS] = ROW("/auth/evrythng/thngs[/:thngId]", C | R | X, C | R | X, 0, 0),
    [PERM_THNGS] = ROW("/thngs", C | L, C | L, 0, 0),
    [PERM_THNG] = ROW("/thngs/:thngId", R | U | X, R | U | X, 0, R | U),
    [PERM_PROPERTIES] =
        ROW("/thngs/:thngId/properties[/:key]", C | R | U | X, C | R | U | X, 0, C | R | U),
    [PERM_LOCATION] = ROW("/thngs/:thngId/location", R | U | X, R | U | X, 0, R | U),
    [PERM_THNG_ACTIONS] =
        ROW("/thngs/:thngId/actions/:type[/:actionId]", C | R | L, C | R | L, 0, C | R | L),
    [PERM_COMMISSIONING] = ROW("/thngs/:thngId/commissionState", C | R, 0, 0, 0),
    [PERM_PRODUCTS] = ROW("/products[/:productId]", ALL, ALL, R | L, 0),
    [PERM_PRODUCT_PROPERTIES] =
        ROW("/products/:productId/properties[/:key]", C | R | U | X, C | R | U | X, R, 0),
    [PERM_PRODUCT_ACTIONS] =
        ROW("/products/:productId/actions/:type[/:actionId]", C | R | L, C | R | L, 0, 0),
    [PERM_COLLECTIONS] = ROW("/collections[/:collectionId]", ALL, ALL, 0, 0),
    [PERM_MEMBERS] = ROW("/collections/:collectionId/thngs[/:thngId]", L | U | X, L | U | X, 0, 0),
    [PERM_MEMBERS_ALL] = ROW("/collections/:collectionId/thngs", X, X, 0, 0),
    [PERM_CHILDREN] =
        ROW("/collections/:collectionId/collections[/:childId]", C | L | X, C | L | X, 0, 0),
    [PERM_COLLECTION_ACTIONS] =
        ROW("/collections/:collectionId/actions/:type[/:actionId]", C | R | L, C | R | L, 0, 0),
    [PERM_ACTION_TYPES] = ROW("/actions", C | L | U | X, C | L | X, 0, 0),
    [PERM_ACTIONS] = ROW("/actions/:type[/:actionId]", C | R | L | X, C | R | L, 0, 0),
    /* As /actions/:type, but that an application may record there (contract: auth.md 6, note 1). */
    [PERM_SCANS] = ROW("/actions/scans", C | R | L | X, C | R | L, C, 0),
    [PERM_PLACES] = ROW("/places[/:placeId]", ALL, ALL, R | L, 0),
    [PERM_PROJECTS] = ROW("/projects[/:projectId]", ALL, 0, 0, 0),
    [PERM_APPLICATIONS] = ROW("/projects/:projectId/applications[/:applicationId]", ALL, R, R, 0),
    [PERM_SECRET_KEYS] =
        ROW("/projects/:projectId/applications/:applicationId/secretKey", R, 0, 0, 0),
    [PERM_OWN_APPLICATION] = ROW("/applications/me", 0, R | U, R, 0),
    [PERM_BATCHES] = ROW("/batches[/:batchId]", ALL, 0, 0, 0),
    /* There is no PUT of a file's document: updating is sending its bytes. */
    [PERM_FILES] = ROW("/files[/:fileId]", ALL, 0, 0, 0),
};

struct err perm_may(const struct actor *actor, enum perm_subject subject,
                    enum perm_operation operation)
{
    ASSERT(subject < PERM_SUBJECT_COUNT && actor->kind < ACTOR_KIND_COUNT);
    if (actor->kind == ACTOR_NONE) {
        return ERR(CREDENTIAL_MISSING);
    }
    return perm_rows[subject].operations[actor->kind] & operation ? ERR(OK) : ERR(DENIED);
}

/* ---------------------------------------------------------------- who sees what */

bool perm_scopes_have_project(struct slice scopes, const struct id *project)
{
    if (slice_is_empty(scopes)) {
        return false;
    }
    const struct json_value object = {.type = JSON_OBJECT, .text = scopes};
    struct json_each each = json_each(json_member(object, SLICE("projects")));
    struct json_value item;
    while (json_array_next(&each, &item)) {
        struct slice raw = json_string_raw(item);
        if (slice_equal(raw, SLICE("all")) || slice_equal(raw, id_slice(project))) {
            return true;
        }
    }
    return false;
}

/* Kinds that belong to the account's operators, whatever their scopes say. */
static bool is_for_operators(enum resource_kind kind)
{
    switch (kind) {
    case RESOURCE_ACCOUNT:
    case RESOURCE_OPERATOR:
    case RESOURCE_PROJECT:
    case RESOURCE_BATCH:
    case RESOURCE_TASK:
    case RESOURCE_FILE:
        return true;
    default:
        return false;
    }
}

static bool application_sees(const struct actor *actor, const struct perm_resource *resource)
{
    if (resource->kind == RESOURCE_APPLICATION) {
        return id_equal(&actor->id, resource->id);
    }
    return !is_for_operators(resource->kind) &&
           perm_scopes_have_project(resource->scopes, &actor->project);
}

static bool sees(const struct actor *actor, const struct perm_resource *resource)
{
    switch (actor->kind) {
    case ACTOR_OPERATOR:
        return true;
    case ACTOR_DEVICE:
        return resource->kind == RESOURCE_THNG && id_equal(&actor->id, resource->id);
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
        return application_sees(actor, resource);
    case ACTOR_NONE:
    case ACTOR_KIND_COUNT:
        break;
    }
    return false;
}

struct err perm_sees(const struct actor *actor, const struct perm_resource *resource)
{
    bool is_seen = actor->account == resource->account && sees(actor, resource);
    return is_seen ? ERR(OK) : ERR(NOT_FOUND);
}

/* ---------------------------------------------------------------- topics */

static const struct {
    enum perm_subject subject;
    enum perm_operation publish; /* also of families that nobody may publish to */
    enum perm_operation subscribe;
} topic_rows[TOPIC_FAMILY_COUNT] = {
    [TOPIC_ACTION_TYPES] = {PERM_ACTION_TYPES, PERM_CREATE, PERM_LIST},
    [TOPIC_ACTIONS_ALL] = {PERM_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_ACTIONS] = {PERM_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_BATCH_TASKS] = {PERM_BATCHES, PERM_UPDATE, PERM_LIST},
    [TOPIC_BATCH_TASK] = {PERM_BATCHES, PERM_UPDATE, PERM_READ},
    [TOPIC_COLLECTION] = {PERM_COLLECTIONS, PERM_UPDATE, PERM_READ},
    [TOPIC_COLLECTION_ACTIONS_ALL] = {PERM_COLLECTION_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_COLLECTION_ACTIONS] = {PERM_COLLECTION_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_COLLECTION_THNGS] = {PERM_MEMBERS, PERM_UPDATE, PERM_LIST},
    [TOPIC_PRODUCT_ACTIONS_ALL] = {PERM_PRODUCT_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_PRODUCT_ACTIONS] = {PERM_PRODUCT_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_PRODUCT_PROPERTIES] = {PERM_PRODUCT_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_PRODUCT_PROPERTY] = {PERM_PRODUCT_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG] = {PERM_THNG, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG_ACTIONS_ALL] = {PERM_THNG_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_THNG_ACTIONS] = {PERM_THNG_ACTIONS, PERM_CREATE, PERM_LIST},
    [TOPIC_THNG_LOCATION] = {PERM_LOCATION, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG_PROPERTIES] = {PERM_PROPERTIES, PERM_UPDATE, PERM_READ},
    [TOPIC_THNG_PROPERTY] = {PERM_PROPERTIES, PERM_UPDATE, PERM_READ},
};

enum perm_subject perm_subject_of_topic(enum topic_family family, struct slice name)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_FAMILY_COUNT);
    bool is_scans = family == TOPIC_ACTIONS && slice_equal(name, SLICE("scans"));
    return is_scans ? PERM_SCANS : topic_rows[family].subject;
}

enum perm_operation perm_publish_operation(enum topic_family family)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_FAMILY_COUNT);
    return topic_rows[family].publish;
}

enum perm_operation perm_subscribe_operation(enum topic_family family)
{
    ASSERT(family > TOPIC_NONE && family < TOPIC_FAMILY_COUNT);
    return topic_rows[family].subscribe;
}

/* ---------------------------------------------------------------- the table for people */

const char *perm_subject_path(enum perm_subject subject)
{
    return perm_rows[subject].path;
}

unsigned perm_operations(enum actor_kind actor, enum perm_subject subject)
{
    return perm_rows[subject].operations[actor];
}
