/* SPDX-License-Identifier: Apache-2.0
 *
 * grant.h - what a role, access policies and shares leave of an actor's rights, compiled: so that
 * judging costs a few comparisons and no look at any document.
 *
 * A grant is a value that never changes. It is made when a key is looked up, from the documents of
 * that moment, and travels with the actor: so a connection keeps the rights with which it was made
 * (contract: auth.md 8.1). Equal grants are one (front/grants.h), and are never freed: there are as
 * many as there are different roles.
 *
 * It consists of zones: rights, and what they reach.
 *
 *      administrator             no grant: all that the table gives
 *      operator with a role      global switches: all; project switches: those projects
 *      access token              its policies: all; its conditions: those places
 *      user                      its role: all that the user sees; each share: what names the
 *                                user who shares, with the rights of the share's role */
#ifndef THRUM_MODEL_GRANT_H
#define THRUM_MODEL_GRANT_H

#include "base/buf.h"
#include "codec/json.h"
#include "model/perm.h"

enum grant_reach {
    GRANT_ALL,      /* whatever the kind of actor sees */
    GRANT_PROJECTS, /* what is visible in one of these projects, and these projects */
    GRANT_USER,     /* what names this user in its scopes */
};

struct grant_zone {
    struct perm_rights rights;
    enum grant_reach reach;
    const struct id *ids; /* the projects, or the one user */
    uint32_t id_count;
};

struct grant {
    struct slice name;      /* for people: the role's name, the policies' names */
    struct perm_rights may; /* of all zones together: what perm_may answers from */
    const struct grant_zone *zones;
    uint32_t zone_count;
    bool limits_places; /* of places, it sees these only */
    const struct id *places;
    uint32_t place_count;
};

/* ---- making one ---- */

/* All zero is a grant without any right. */
struct grant_draft {
    struct buf name;
    struct buf zones;  /* struct grant_zone, ids not set yet */
    struct buf ids;    /* of all zones, in their order */
    struct buf places; /* struct id each */
    bool limits_places;
};

void grant_draft_deinit(struct grant_draft *draft);

/* Adds a zone; one without any right, or that reaches nothing, is left out. Memory that is lacking
 * shows in grant_new. <ids> are not for GRANT_ALL. */
void grant_draft_add(struct grant_draft *draft, enum grant_reach reach,
                     const struct perm_rights *rights, const struct id *ids, uint32_t count);

/* Leaves out the projects that <is_there> says false of, and zones of which none is left. An error
 * ends it, and is returned. */
MUST_USE struct err grant_draft_prune(struct grant_draft *draft,
                                      struct err (*is_there)(void *arg, const struct id *project,
                                                             bool *there),
                                      void *arg);

/* One more place that it is limited to. */
void grant_draft_limit(struct grant_draft *draft, const struct id *place);

/* The name of one more role or policy, behind a comma if there are some. */
void grant_draft_name(struct grant_draft *draft, struct slice name);

/* The grant, one piece of memory (free). PERM_DOMAIN_OPEN rows of <kind> are in its rights always.
 * NULL without memory. */
struct grant *grant_new(const struct grant_draft *draft, enum actor_kind kind);

bool grant_equal(const struct grant *a, const struct grant *b);
uint64_t grant_hash(uint64_t seed, const struct grant *grant);

/* True when all that <rights> give is given by <grant> in the whole account (NULL: an
 * administrator's); to which places it is limited is not looked at. */
bool grant_holds(const struct grant *grant, const struct perm_rights *rights);

static inline bool perm_rights_are_empty(const struct perm_rights *rights)
{
    static const struct perm_rights none;
    return memcmp(rights, &none, sizeof(none)) == 0;
}

#endif
