/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_inside.h - what the files of auth.h share:
 *
 *      auth.c         keys: kept, looked up, attached to connections
 *      auth_events.c  what events do to them: keys that end, rights that change
 */
#ifndef THRUM_FRONT_AUTH_INSIDE_H
#define THRUM_FRONT_AUTH_INSIDE_H

#include "front/auth.h"

/* The kept keys that act as one actor: an application has two. */
struct auth_actor {
    struct id id;
    struct link entries; /* struct auth_entry.same_actor */
};

struct auth_entry {
    uint8_t hash[KEY_HASH_BYTES];
    struct actor actor; /* ACTOR_NONE: a key that does not exist */
    struct auth_actor *by_actor;
    struct link same_actor;
    struct link conns;    /* struct conn.by_key */
    struct link age;      /* in auth.age, oldest first */
    struct link refresh;  /* in auth.refresh: to be read again, because connections act with it */
    uint64_t stale_since; /* what it may was changed by this event; 0: not since */
    uint64_t as_of;       /* it was looked up when the documents showed this much, or more */
    bool is_guess;        /* it is being looked up anew before anybody was told whose it is */
};

struct auth {
    struct front *front;
    struct map entries;
    struct map actors; /* struct auth_actor, by id */
    struct link age;
    struct link refresh;
    /* The last event this loop has come to that made or ended a key, or changed what one may. */
    uint64_t last_change;
    /* The last event that ended what somebody had shared. It does not say with whom: whoever has
     * been let in by a share before is looked up anew. */
    uint64_t last_unshared;
};

/* ---- auth.c ---- */

/* The number that stands for a key's hash in maps. */
uint64_t auth_entry_hash(const uint8_t hash[KEY_HASH_BYTES]);

/* The entry of that key; the entries of that actor. NULL: none is kept. */
struct auth_entry *auth_entry_find(struct auth *auth, const uint8_t hash[KEY_HASH_BYTES]);
struct auth_actor *auth_actor_find(struct auth *auth, const struct id *id);

/* Forgets the key. The connections that act with it go on. */
void auth_entry_remove(struct auth *auth, struct auth_entry *entry);

/* Is what it may in part what others share with it? */
bool auth_has_shares(const struct actor *actor);

/* ---- auth_events.c ---- */

/* The connections that act with the key end, and it is forgotten. */
void auth_entry_revoke(struct auth *auth, struct auth_entry *entry);

/* What the key may has been looked up anew: who acts with it is told. */
void auth_tell_rights(struct auth *auth, struct auth_entry *entry);

#endif
