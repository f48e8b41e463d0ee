/* SPDX-License-Identifier: Apache-2.0 */
#include "model/perm.h"

#include "base/assert.h"
#include "codec/json.h"
#include "model/grant.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- the table */

/* The letters of the contract's table (auth.md 6). */
enum {
    C = PERM_CREATE,
    R = PERM_READ,
    L = PERM_LIST,
    U = PERM_UPDATE,
    X = PERM_DELETE,
    ALL = C | R | L | U | X,
};

/* A row: operator, trusted application, application, user, device, access token; then the rest. */
#define ROW(pattern, of_operator, of_trusted, of_application, of_user, of_device, of_token, ...) \
    {                                                                                            \
        .path = (pattern),                                                                       \
        .operations = {[ACTOR_OPERATOR] = (of_operator),                                         \
                       [ACTOR_DEVICE] = (of_device),                                             \
                       [ACTOR_APPLICATION] = (of_application),                                   \
                       [ACTOR_TRUSTED] = (of_trusted),                                           \
                       [ACTOR_USER] = (of_user),                                                 \
                       [ACTOR_ACCESS_TOKEN] = (of_token)},                                       \
        __VA_ARGS__                                                                              \
    }
#define OPEN .domain = PERM_DOMAIN_OPEN
#define RESOURCES .domain = PERM_DOMAIN_RESOURCES
#define PROJECTS .domain = PERM_DOMAIN_PROJECTS
#define ACCOUNT .domain = PERM_DOMAIN_ACCOUNT
#define SECRET .is_secret = true
/* The resource's name in access policies, whole or as a part of it; the path for users' roles. */
#define WHOLE(resource) .policy = (resource)
#define PART(resource) .policy = (resource), .is_part = true
#define ROLE(pattern) .role_path = (pattern)

/* A device may it to its own thng, an application or a user in its own project: see perm_sees. */
static const struct perm_row rows[PERM_SUBJECT_COUNT] = {
    [PERM_ACCESS] = ROW("/access", R, R, R, R, R, R, OPEN),
    [PERM_ME] = ROW("/me", R, 0, 0, 0, 0, 0, OPEN),
    [PERM_OPERATORS] = ROW("/operators/:id", R | U, 0, 0, 0, 0, 0, OPEN),
    [PERM_ACCOUNTS] = ROW("/accounts[/:accountId]", C | R | L | U, 0, 0, 0, 0, R | L | U, OPEN,
                          WHOLE("accounts")),
    [PERM_ACCOUNT_ACCESSES] = ROW("/accounts/:accountId/accesses[/:accessId]", ALL, 0, 0, 0, 0, ALL,
                                  ACCOUNT, SECRET, WHOLE("operatorAccess")),
    [PERM_WHY] = ROW("/why", C | L, 0, 0, 0, 0, 0, ACCOUNT),
    [PERM_ROLES] =
        ROW("/roles[/:roleId]", ALL, 0, 0, L, 0, ALL, ACCOUNT, WHOLE("roles"), ROLE("/roles")),
    [PERM_ROLE_PERMISSIONS] =
        ROW("/roles/:roleId/permissions[/:name]", R | U, 0, 0, 0, 0, R | U, ACCOUNT, PART("roles")),
    [PERM_ACCESS_POLICIES] =
        ROW("/accessPolicies[/:policyId]", ALL, 0, 0, 0, 0, ALL, ACCOUNT, WHOLE("accessPolicies")),
    [PERM_ACCESS_TOKENS] =
        ROW("/accessTokens[/:tokenId]", ALL, 0, 0, 0, 0, ALL, ACCOUNT, WHOLE("accessTokens")),
    [PERM_SIGN_UP] = ROW("/auth/evrythng[/users[/:userId/validate]]", 0, C, C, 0, 0, 0, OPEN),
    [PERM_LOGOUT] = ROW("/auth/all/logout", 0, 0, 0, C, 0, 0, OPEN),
    [PERM_USERS] = ROW("/users[/:userId]", R | L | U | X, R | L, 0, R | U, 0, R | L | U | X,
                       PROJECTS, WHOLE("users"), ROLE("/users[/:id]")),
    /* It shows the activation code, which together with an application's key makes a key. */
    [PERM_USER_STATUS] = ROW("/users/:userId/status", R, 0, 0, R, 0, R, PROJECTS, SECRET,
                             PART("users"), ROLE("/users/:id/status")),
    [PERM_SHARES] =
        ROW("/accesses[/:accessId]", 0, 0, 0, C | L | X, 0, 0, RESOURCES, ROLE("/accesses[/:id]")),
    [PERM_DEVICE_KEYS] =
        ROW("/auth/evrythng/thngs[/:thngId]", C | R | X, C | R | X, 0, C | R | X, 0, C | R | X,
            RESOURCES, SECRET, PART("thngs"), ROLE("/auth/evrythng/thngs[/:id]")),
    /* Updating and deleting is of many at once (contract: REST 1.8); each is judged as one too. */
    [PERM_THNGS] = ROW("/thngs", C | L | U | X, C | L | U | X, 0, C | L, 0, C | L | U | X,
                       RESOURCES, WHOLE("thngs"), ROLE("/thngs")),
    [PERM_THNG] = ROW("/thngs/:thngId", R | U | X, R | U | X, 0, R | U, R | U, R | U | X, RESOURCES,
                      WHOLE("thngs"), ROLE("/thngs/:id")),
    [PERM_PROPERTIES] =
        ROW("/thngs/:thngId/properties[/:key]", C | R | U | X, C | R | U | X, 0, C | R | U,
            C | R | U, C | R | U | X, RESOURCES, PART("thngs"), ROLE("/thngs/:id/properties")),
    [PERM_LOCATION] = ROW("/thngs/:thngId/location", R | U | X, R | U | X, 0, R | U, R | U,
                          R | U | X, RESOURCES, PART("thngs"), ROLE("/thngs/:id/location")),
    [PERM_THNG_ACTIONS] = ROW("/thngs/:thngId/actions/:type[/:actionId]", C | R | L, C | R | L, 0,
                              C | R | L, C | R | L, C | R | L, RESOURCES, WHOLE("actions"),
                              ROLE("/thngs/:id/actions/:type[/:id]")),
    [PERM_COMMISSIONING] =
        ROW("/thngs/:thngId/commissionState", C | R, 0, 0, 0, 0, C | R, RESOURCES, PART("thngs")),
    [PERM_PRODUCTS] = ROW("/products[/:productId]", ALL, ALL, R | L, C | R | L | U, 0, ALL,
                          RESOURCES, WHOLE("products"), ROLE("/products[/:id]")),
    [PERM_PRODUCTS_BULK] =
        ROW("/products?ids, ?filter", U | X, U | X, 0, 0, 0, U | X, RESOURCES, WHOLE("products")),
    [PERM_PRODUCT_PROPERTIES] = ROW("/products/:productId/properties[/:key]", C | R | U | X,
                                    C | R | U | X, R, C | R | U | X, 0, C | R | U | X, RESOURCES,
                                    PART("products"), ROLE("/products/:id/properties")),
    [PERM_PRODUCT_ACTIONS] =
        ROW("/products/:productId/actions/:type[/:actionId]", C | R | L, C | R | L, 0, C | R | L, 0,
            C | R | L, RESOURCES, WHOLE("actions"), ROLE("/products/:id/actions/:type[/:id]")),
    [PERM_COLLECTIONS] = ROW("/collections[/:collectionId]", ALL, ALL, 0, C | R | L | U, 0, ALL,
                             RESOURCES, WHOLE("collections"), ROLE("/collections[/:id]")),
    [PERM_MEMBERS] =
        ROW("/collections/:collectionId/thngs[/:thngId]", L | U | X, L | U | X, 0, L | U | X, 0,
            L | U | X, RESOURCES, PART("collections"), ROLE("/collections/:id/thngs")),
    [PERM_MEMBERS_ALL] =
        ROW("/collections/:collectionId/thngs", X, X, 0, 0, 0, X, RESOURCES, PART("collections")),
    [PERM_CHILDREN] =
        ROW("/collections/:collectionId/collections[/:childId]", C | L | X, C | L | X, 0, C | L, 0,
            C | L | X, RESOURCES, PART("collections"), ROLE("/collections/:id/collections")),
    [PERM_COLLECTION_ACTIONS] = ROW("/collections/:collectionId/actions/:type[/:actionId]",
                                    C | R | L, C | R | L, 0, C | R | L, 0, C | R | L, RESOURCES,
                                    WHOLE("actions"), ROLE("/collections/:id/actions/:type[/:id]")),
    [PERM_ACTION_TYPES] = ROW("/actions", C | L | U | X, C | L | X, 0, L, 0, C | L | U | X,
                              RESOURCES, WHOLE("actions"), ROLE("/actions")),
    [PERM_ACTIONS] = ROW("/actions/:type[/:actionId]", C | R | L | X, C | R | L, 0, C | R | L, 0,
                         C | R | L | X, RESOURCES, WHOLE("actions"), ROLE("/actions/:type[/:id]")),
    /* As /actions/:type, but that an application may record there (contract: auth.md 6, note 1). */
    [PERM_SCANS] = ROW("/actions/scans", C | R | L | X, C | R | L, C, C | R | L, 0, C | R | L | X,
                       RESOURCES, WHOLE("actions"), ROLE("/actions/scans[/:id]")),
    [PERM_PLACES] = ROW("/places[/:placeId]", ALL, ALL, R | L, R | L, 0, ALL, RESOURCES,
                        WHOLE("places"), ROLE("/places[/:id]")),
    [PERM_PROJECTS] =
        ROW("/projects[/:projectId]", ALL, 0, 0, 0, 0, ALL, PROJECTS, WHOLE("projects")),
    [PERM_APPLICATIONS] = ROW("/projects/:projectId/applications[/:applicationId]", ALL, R, R, 0, 0,
                              ALL, PROJECTS, WHOLE("applications")),
    [PERM_APPLICATION_KEYS] = ROW("/projects/:projectId/applications/:applicationId/secretKey",
                                  R | X, 0, 0, 0, 0, R | X, PROJECTS, SECRET, PART("applications")),
    [PERM_OWN_APPLICATION] = ROW("/applications/me", 0, R | U, R, 0, 0, 0, OPEN),
    [PERM_BATCHES] = ROW("/batches[/:batchId]", ALL, 0, 0, 0, 0, ALL, RESOURCES, WHOLE("batches")),
    /* There is no PUT of a file's document: updating is sending its bytes. */
    [PERM_PLAIN_TOPICS] = ROW("plain topics (MQTT)", C | L, C | L, 0, 0, 0, 0, ACCOUNT),
    [PERM_FILES] = ROW("/files[/:fileId]", ALL, 0, 0, 0, 0, ALL, RESOURCES, WHOLE("files")),
};

const struct perm_row *perm_row(enum perm_subject subject)
{
    ASSERT(subject < PERM_SUBJECT_COUNT);
    return &rows[subject];
}

struct perm_rights perm_column(enum actor_kind kind)
{
    ASSERT(kind < ACTOR_KIND_COUNT);
    struct perm_rights rights;
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        rights.operations[i] = rows[i].operations[kind];
    }
    return rights;
}

/* Whoever has a key of the account may know its document, but for access tokens, which have what
 * their policies say; making and changing accounts is not for everybody. */
static uint8_t open_operations(enum perm_subject subject, enum actor_kind kind)
{
    const struct perm_row *row = &rows[subject];
    if (row->domain != PERM_DOMAIN_OPEN) {
        return 0;
    }
    if (subject == PERM_ACCOUNTS) {
        return kind == ACTOR_ACCESS_TOKEN ? 0 : row->operations[kind] & (R | L);
    }
    return row->operations[kind];
}

struct perm_rights perm_open(enum actor_kind kind)
{
    struct perm_rights rights;
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        rights.operations[i] = open_operations((enum perm_subject)i, kind);
    }
    return rights;
}

const char *perm_operation_name(enum perm_operation operation)
{
    switch (operation) {
    case PERM_CREATE:
        return "create";
    case PERM_READ:
        return "read";
    case PERM_LIST:
        return "list";
    case PERM_UPDATE:
        return "update";
    case PERM_DELETE:
        return "delete";
    }
    UNREACHABLE();
}

/* ---------------------------------------------------------------- may it at all */

static inline bool is_permitted(const struct actor *actor, enum perm_subject subject,
                                enum perm_operation operation)
{
    const struct grant *grant = actor->grant;
    uint8_t operations =
        grant == NULL ? rows[subject].operations[actor->kind] : grant->may.operations[subject];
    return (operations & operation) != 0;
}

struct err perm_may(const struct actor *actor, enum perm_subject subject,
                    enum perm_operation operation)
{
    ASSERT(subject < PERM_SUBJECT_COUNT && actor->kind < ACTOR_KIND_COUNT);
    if (actor->kind == ACTOR_NONE) {
        return ERR(CREDENTIAL_MISSING);
    }
    return is_permitted(actor, subject, operation) ? ERR(OK) : ERR(DENIED);
}

/* ---------------------------------------------------------------- scopes */

/* A walk over one of the two lists of stored scopes; without any when there are none. */
static struct json_each scopes_each(struct slice scopes, struct slice list)
{
    if (slice_is_empty(scopes)) {
        return (struct json_each){0};
    }
    const struct json_value object = json_object_of(scopes);
    return json_each(json_member(object, list));
}

static bool scopes_next(struct json_each *each, struct slice *raw)
{
    struct json_value item;
    if (each->at == NULL || !json_array_next(each, &item)) {
        return false;
    }
    *raw = json_string_raw(item);
    return true;
}

/* Does the list name <id>, or (unless <by_name_only>) all there are? */
static bool scopes_name(struct slice scopes, struct slice list, const struct id *id,
                        bool by_name_only)
{
    struct json_each each = scopes_each(scopes, list);
    struct slice raw;
    while (scopes_next(&each, &raw)) {
        bool is_all = !by_name_only && slice_equal(raw, SLICE("all"));
        if (is_all || slice_equal(raw, id_slice(id))) {
            return true;
        }
    }
    return false;
}

bool perm_scopes_have_project(struct slice scopes, const struct id *project)
{
    return scopes_name(scopes, SLICE("projects"), project, false);
}

bool perm_scopes_have_user(struct slice scopes, const struct id *user)
{
    return scopes_name(scopes, SLICE("users"), user, false);
}

static bool scopes_name_user(struct slice scopes, const struct id *user)
{
    return scopes_name(scopes, SLICE("users"), user, true);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

/* Is <id> one of these, which are sorted? */
static bool is_among(const struct id *ids, uint32_t count, const void *id)
{
    return count > 0 && bsearch(id, ids, count, sizeof(*ids), compare_ids) != NULL;
}

/* ---------------------------------------------------------------- what a zone reaches */

static bool projects_reach(const struct grant_zone *zone, const struct perm_resource *resource)
{
    if (resource->kind == RESOURCE_PROJECT) {
        return is_among(zone->ids, zone->id_count, resource->id);
    }
    if (resource->kind == RESOURCE_APPLICATION) {
        return resource->parent != NULL && is_among(zone->ids, zone->id_count, resource->parent);
    }
    struct json_each each = scopes_each(resource->scopes, SLICE("projects"));
    struct slice raw;
    while (scopes_next(&each, &raw)) {
        bool is_one = raw.bytes == ID_BYTES && is_among(zone->ids, zone->id_count, raw.at);
        if (is_one || slice_equal(raw, SLICE("all"))) {
            return true;
        }
    }
    return false;
}

/* Is it shown to the user without anybody's sharing? A user, and what it lets others at, are shown
 * to nobody else. */
static bool is_shown(const struct actor *user, const struct perm_resource *resource)
{
    switch (resource->kind) {
    case RESOURCE_USER:
        return id_equal(&user->id, resource->id);
    case RESOURCE_SHARE:
        return scopes_name_user(resource->scopes, &user->id);
    default:
        return perm_scopes_have_user(resource->scopes, &user->id);
    }
}

/* Of a resource that is in the actor's account, and in its project. */
static bool zone_reaches(const struct actor *actor, const struct grant_zone *zone,
                         const struct perm_resource *resource)
{
    switch (zone->reach) {
    case GRANT_ALL:
        return actor->kind != ACTOR_USER || is_shown(actor, resource);
    case GRANT_PROJECTS:
        return projects_reach(zone, resource);
    case GRANT_USER:
        return scopes_name_user(resource->scopes, &zone->ids[0]);
    }
    UNREACHABLE();
}

static bool is_reached(const struct actor *actor, enum perm_subject subject, unsigned operations,
                       const struct perm_resource *resource)
{
    const struct grant *grant = actor->grant;
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        if ((zone->rights.operations[subject] & operations) != 0 &&
            zone_reaches(actor, zone, resource)) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- who sees what */

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
    case RESOURCE_ACCESS_POLICY:
    case RESOURCE_ACCESS_TOKEN:
    case RESOURCE_NAME:
        return true;
    default:
        return false;
    }
}

/* An operator with a role, an access token. The account and oneself are seen always. */
static enum perm_verdict limited_sight(const struct actor *actor,
                                       const struct perm_resource *resource)
{
    const struct grant *grant = actor->grant;
    if (resource->kind == RESOURCE_ACCOUNT ||
        (resource->kind == RESOURCE_OPERATOR && id_equal(&actor->id, resource->id))) {
        return PERM_ALLOWED;
    }
    if (resource->kind == RESOURCE_PLACE && grant->limits_places &&
        !is_among(grant->places, grant->place_count, resource->id)) {
        return PERM_OTHER_PLACE;
    }
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        if (zone_reaches(actor, &grant->zones[i], resource)) {
            return PERM_ALLOWED;
        }
    }
    return PERM_OTHER_PROJECT;
}

static enum perm_verdict application_sight(const struct actor *actor,
                                           const struct perm_resource *resource)
{
    if (resource->kind == RESOURCE_APPLICATION) {
        return id_equal(&actor->id, resource->id) ? PERM_ALLOWED : PERM_FOR_OPERATORS;
    }
    if (is_for_operators(resource->kind)) {
        return PERM_FOR_OPERATORS;
    }
    bool is_in = perm_scopes_have_project(resource->scopes, &actor->project);
    return is_in ? PERM_ALLOWED : PERM_OTHER_PROJECT;
}

static bool is_shared(const struct actor *user, const struct perm_resource *resource)
{
    const struct grant *grant = user->grant;
    if (grant == NULL || resource->kind == RESOURCE_USER || resource->kind == RESOURCE_SHARE) {
        return false;
    }
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        if (grant->zones[i].reach == GRANT_USER && zone_reaches(user, &grant->zones[i], resource)) {
            return true;
        }
    }
    return false;
}

static enum perm_verdict user_sight(const struct actor *actor, const struct perm_resource *resource)
{
    if (resource->kind == RESOURCE_APPLICATION || is_for_operators(resource->kind)) {
        return PERM_FOR_OPERATORS;
    }
    if (!perm_scopes_have_project(resource->scopes, &actor->project)) {
        return PERM_OTHER_PROJECT;
    }
    bool is_seen = is_shown(actor, resource) || is_shared(actor, resource);
    return is_seen ? PERM_ALLOWED : PERM_OTHER_USER;
}

/* PERM_ALLOWED when the actor sees the resource, else why it does not. */
static enum perm_verdict sight(const struct actor *actor, const struct perm_resource *resource)
{
    if (actor->account != resource->account) {
        return PERM_OTHER_ACCOUNT;
    }
    switch (actor->kind) {
    case ACTOR_OPERATOR:
    case ACTOR_ACCESS_TOKEN:
        return actor->grant == NULL ? PERM_ALLOWED : limited_sight(actor, resource);
    case ACTOR_DEVICE:
        return resource->kind == RESOURCE_THNG && id_equal(&actor->id, resource->id)
                   ? PERM_ALLOWED
                   : PERM_OTHER_THNG;
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
        return application_sight(actor, resource);
    case ACTOR_USER:
        return user_sight(actor, resource);
    case ACTOR_NONE:
    case ACTOR_KIND_COUNT:
        break;
    }
    return PERM_NO_ACTOR;
}

struct err perm_sees(const struct actor *actor, const struct perm_resource *resource)
{
    return sight(actor, resource) == PERM_ALLOWED ? ERR(OK) : ERR(NOT_FOUND);
}

bool perm_depends_on_scopes(const struct actor *actor)
{
    switch (actor->kind) {
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
    case ACTOR_USER:
        return true;
    case ACTOR_OPERATOR:
    case ACTOR_ACCESS_TOKEN:
        for (uint32_t i = 0; actor->grant != NULL && i < actor->grant->zone_count; i++) {
            if (actor->grant->zones[i].reach != GRANT_ALL) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- the whole judgement */

enum perm_verdict perm_verdict(const struct actor *actor, enum perm_subject subject,
                               enum perm_operation operation, const struct perm_resource *resource)
{
    ASSERT(subject < PERM_SUBJECT_COUNT && actor->kind < ACTOR_KIND_COUNT);
    if (actor->kind == ACTOR_NONE) {
        return PERM_NO_ACTOR;
    }
    if (!is_permitted(actor, subject, operation)) {
        bool is_in_row = (rows[subject].operations[actor->kind] & operation) != 0;
        return is_in_row ? PERM_GRANT_DENIES : PERM_ROW_DENIES;
    }
    if (resource == NULL) {
        return PERM_ALLOWED;
    }
    enum perm_verdict seen = sight(actor, resource);
    if (seen != PERM_ALLOWED || actor->grant == NULL ||
        (open_operations(subject, actor->kind) & operation) != 0) {
        return seen;
    }
    return is_reached(actor, subject, operation, resource) ? PERM_ALLOWED : PERM_NOT_HERE;
}

struct err perm_judge(const struct actor *actor, enum perm_subject subject,
                      enum perm_operation operation, const struct perm_resource *resource)
{
    switch (perm_verdict(actor, subject, operation, resource)) {
    case PERM_ALLOWED:
        return ERR(OK);
    case PERM_NO_ACTOR:
        return ERR(CREDENTIAL_MISSING);
    case PERM_ROW_DENIES:
    case PERM_GRANT_DENIES:
    case PERM_NOT_HERE:
        return ERR(DENIED);
    default:
        return ERR(NOT_FOUND);
    }
}

const char *perm_verdict_text(enum perm_verdict verdict)
{
    static const char *const texts[] = {
        [PERM_ALLOWED] = "It is permitted.",
        [PERM_NO_ACTOR] = "There is no key.",
        [PERM_ROW_DENIES] = "No key of this kind may do that.",
        [PERM_GRANT_DENIES] = "The role, or the access policies, of the key do not give that.",
        [PERM_OTHER_ACCOUNT] = "The resource is in another account.",
        [PERM_OTHER_PROJECT] = "The scopes of the resource name no project that the key is in.",
        [PERM_OTHER_USER] = "The scopes of the resource show it to other users.",
        [PERM_OTHER_THNG] = "A device sees its own thng, and nothing else.",
        [PERM_FOR_OPERATORS] = "The resource is of a kind that operators see.",
        [PERM_OTHER_PLACE] = "The conditions of the key name other places.",
        [PERM_NOT_HERE] = "The key sees the resource, but its role gives that elsewhere.",
    };
    ASSERT((size_t)verdict < ARRAY_LEN(texts));
    return texts[verdict];
}

/* ---------------------------------------------------------------- making and naming */

/* Every project that is named must be one that a zone with the right has, and there must be one. */
static bool projects_may_make(const struct grant *grant, enum perm_subject subject,
                              struct slice scopes)
{
    struct json_each each = scopes_each(scopes, SLICE("projects"));
    struct slice raw;
    /* An application lies in its project, which was judged: its scopes need not name that. */
    bool may = subject == PERM_APPLICATIONS;
    while (scopes_next(&each, &raw)) {
        may = false;
        for (uint32_t i = 0; i < grant->zone_count && !may; i++) {
            const struct grant_zone *zone = &grant->zones[i];
            may = zone->reach == GRANT_PROJECTS && raw.bytes == ID_BYTES &&
                  (zone->rights.operations[subject] & C) != 0 &&
                  is_among(zone->ids, zone->id_count, raw.at);
        }
        if (!may) {
            return false;
        }
    }
    return may;
}

struct err perm_may_make(const struct actor *actor, enum perm_subject subject, struct slice scopes)
{
    ASSERT(subject < PERM_SUBJECT_COUNT);
    const struct grant *grant = actor->grant;
    if (grant == NULL || (open_operations(subject, actor->kind) & C) != 0) {
        return ERR(OK);
    }
    /* The conditions name all the places there are for it. */
    if (subject == PERM_PLACES && grant->limits_places) {
        return ERR(DENIED);
    }
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        bool is_there = zone->reach == GRANT_ALL ||
                        (zone->reach == GRANT_USER && scopes_name_user(scopes, &zone->ids[0]));
        if ((zone->rights.operations[subject] & C) != 0 && is_there) {
            return ERR(OK);
        }
    }
    return projects_may_make(grant, subject, scopes) ? ERR(OK) : ERR(DENIED);
}

bool perm_may_name(const struct actor *actor, const struct id *project)
{
    const struct grant *grant = actor->grant;
    if (id_is_set(&actor->project)) {
        return id_equal(&actor->project, project);
    }
    if (grant == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        if (zone->reach == GRANT_ALL || is_among(zone->ids, zone->id_count, project)) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- lists */

/* What is listed below a path that has been judged is not looked at again. */
static bool is_judged_by_parent(enum resource_kind kind)
{
    return kind == RESOURCE_APPLICATION || kind == RESOURCE_TASK;
}

/* The one zone with projects that gives it: of the switches of a role, project_read alone lets
 * list. */
static void limited_reach(const struct grant *grant, enum perm_subject subject,
                          enum resource_kind kind, struct perm_reach *reach)
{
    const struct grant_zone *found = NULL;
    if (kind == RESOURCE_PLACE && grant->limits_places) {
        reach->limits_places = true;
        reach->places = grant->places;
        reach->place_count = grant->place_count;
    }
    for (uint32_t i = 0; i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        if ((zone->rights.operations[subject] & L) == 0) {
            continue;
        }
        if (zone->reach == GRANT_ALL) {
            return;
        }
        found = found == NULL ? zone : found;
    }
    reach->is_none = found == NULL;
    if (found != NULL && !is_judged_by_parent(kind)) {
        reach->projects = found->ids;
        reach->project_count = found->id_count;
    }
}

static void add_viewer(struct perm_reach *reach, const struct id *user)
{
    if (reach->viewer_count < PERM_VIEWERS_MAX) {
        reach->viewers[reach->viewer_count++] = *user;
    }
}

/* Does the user's own role let it list? */
static bool lists_by_role(const struct grant *grant, enum perm_subject subject)
{
    for (uint32_t i = 0; grant != NULL && i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        if (zone->reach == GRANT_ALL && (zone->rights.operations[subject] & L) != 0) {
            return true;
        }
    }
    return grant == NULL;
}

/* What is shown to all users, and to it by name, is listed with the right of the user's own role;
 * what names somebody who shares, with that of the share's. */
static void user_reach(const struct actor *actor, enum perm_subject subject,
                       enum resource_kind kind, struct perm_reach *reach)
{
    const struct grant *grant = actor->grant;
    bool has_shares = grant != NULL && kind != RESOURCE_USER && kind != RESOURCE_SHARE;
    reach->has_viewers = true;
    reach->viewers_by_name = !lists_by_role(grant, subject);
    if (!reach->viewers_by_name) {
        add_viewer(reach, &actor->id);
    }
    for (uint32_t i = 0; has_shares && i < grant->zone_count; i++) {
        const struct grant_zone *zone = &grant->zones[i];
        if (zone->reach == GRANT_USER && (zone->rights.operations[subject] & L) != 0) {
            add_viewer(reach, &zone->ids[0]);
        }
    }
    reach->is_none = reach->viewer_count == 0;
}

void perm_reach(const struct actor *actor, enum perm_subject subject, enum resource_kind kind,
                struct perm_reach *reach)
{
    memset(reach, 0, sizeof(*reach));
    if (actor->kind == ACTOR_NONE || !is_permitted(actor, subject, PERM_LIST)) {
        reach->is_none = true;
        return;
    }
    switch (actor->kind) {
    case ACTOR_OPERATOR:
    case ACTOR_ACCESS_TOKEN:
        if (actor->grant != NULL && (open_operations(subject, actor->kind) & L) == 0) {
            limited_reach(actor->grant, subject, kind, reach);
        }
        return;
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
    case ACTOR_USER:
        reach->projects = &actor->project;
        reach->project_count = 1;
        reach->is_none = is_for_operators(kind);
        if (actor->kind == ACTOR_USER && !reach->is_none) {
            user_reach(actor, subject, kind, reach);
        }
        return;
    default:
        /* The actions on a device's thng, which has been judged. */
        reach->is_none = kind != RESOURCE_ACTION;
    }
}
