/* SPDX-License-Identifier: Apache-2.0 */
#include "model/perm.h"

#include "base/assert.h"

#define ALL (PERM_CREATE | PERM_READ | PERM_LIST | PERM_UPDATE | PERM_DELETE)

static const struct {
    const char *path;
    unsigned operations[ACTOR_KIND_COUNT];
} perm_rows[PERM_SUBJECT_COUNT] = {
    [PERM_ACCESS] = {"/access", {[ACTOR_OPERATOR] = PERM_READ, [ACTOR_DEVICE] = PERM_READ}},
    [PERM_OPERATORS] = {"/operators/:id", {[ACTOR_OPERATOR] = PERM_READ}},
    [PERM_DEVICE_KEYS] = {"/auth/evrythng/thngs[/:thngId]",
                          {[ACTOR_OPERATOR] = PERM_CREATE | PERM_READ | PERM_DELETE}},
    [PERM_THNGS] = {"/thngs", {[ACTOR_OPERATOR] = PERM_CREATE | PERM_LIST}},
    [PERM_THNG] = {"/thngs/:thngId",
                   {[ACTOR_OPERATOR] = PERM_READ | PERM_UPDATE | PERM_DELETE,
                    [ACTOR_DEVICE] = PERM_READ | PERM_UPDATE}},
    [PERM_PROPERTIES] =
        {"/thngs/:thngId/properties[/:key]",
         {[ACTOR_OPERATOR] = ALL, [ACTOR_DEVICE] = PERM_CREATE | PERM_READ | PERM_UPDATE}},
    [PERM_LOCATION] = {"/thngs/:thngId/location",
                       {[ACTOR_OPERATOR] = PERM_READ | PERM_UPDATE | PERM_DELETE,
                        [ACTOR_DEVICE] = PERM_READ | PERM_UPDATE}},
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

struct err perm_sees(const struct actor *actor, uint32_t account, enum resource_kind kind,
                     const struct id *resource)
{
    if (actor->account != account) {
        return ERR(NOT_FOUND);
    }
    if (actor->kind == ACTOR_DEVICE) {
        bool own = kind == RESOURCE_THNG && id_equal(&actor->id, resource);
        return own ? ERR(OK) : ERR(NOT_FOUND);
    }
    return ERR(OK);
}

bool perm_subject_of_topic(enum topic_family family, enum perm_subject *subject)
{
    switch (family) {
    case TOPIC_THNG:
        *subject = PERM_THNG;
        return true;
    case TOPIC_THNG_PROPERTIES:
    case TOPIC_THNG_PROPERTY:
        *subject = PERM_PROPERTIES;
        return true;
    case TOPIC_THNG_LOCATION:
        *subject = PERM_LOCATION;
        return true;
    default:
        return false;
    }
}

const char *perm_subject_path(enum perm_subject subject)
{
    return perm_rows[subject].path;
}

unsigned perm_operations(enum actor_kind actor, enum perm_subject subject)
{
    return perm_rows[subject].operations[actor];
}
