/* SPDX-License-Identifier: Apache-2.0 */
#include "front/auth_inside.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "front/actor_read.h"
#include "front/conn_limit.h"
#include "model/grant.h"

#include <sodium.h>
#include <stdlib.h>

/* Keys kept by a loop beyond those that connections act with. */
#define AUTH_KEPT_MAX 65536
/* A lookup waits this long for the documents to show what has been committed. */
#define AUTH_WAIT_MS 5000
/* So often a lookup is begun anew, because what the key may was changed meanwhile; then whoever
 * asks is to try again. */
#define LOOKS_MAX 16

struct auth *auth_new(struct front *front)
{
    struct auth *auth = calloc(1, sizeof(*auth));
    if (auth != NULL) {
        auth->front = front;
        list_init(&auth->age);
        list_init(&auth->refresh);
    }
    return auth;
}

uint64_t auth_entry_hash(const uint8_t hash[KEY_HASH_BYTES])
{
    /* A keyed hash already: any eight bytes of it will do. */
    uint64_t value;
    memcpy(&value, hash, sizeof(value));
    return value;
}

static bool entry_has_hash(const void *entry, const void *key)
{
    return sodium_memcmp(((const struct auth_entry *)entry)->hash, key, KEY_HASH_BYTES) == 0;
}

struct auth_entry *auth_entry_find(struct auth *auth, const uint8_t hash[KEY_HASH_BYTES])
{
    return map_find(&auth->entries, auth_entry_hash(hash), entry_has_hash, hash);
}

/* ---- by actor ---- */

static bool is_actor(const void *entry, const void *id)
{
    return id_equal(&((const struct auth_actor *)entry)->id, id);
}

static uint64_t actor_hash(const struct auth *auth, const struct id *id)
{
    return id_hash(auth->front->shared->hash_seed, id);
}

struct auth_actor *auth_actor_find(struct auth *auth, const struct id *id)
{
    return map_find(&auth->actors, actor_hash(auth, id), is_actor, id);
}

static void leave_actor(struct auth *auth, struct auth_entry *entry)
{
    struct auth_actor *actor = entry->by_actor;
    if (actor == NULL) {
        return;
    }
    entry->by_actor = NULL;
    list_remove(&entry->same_actor);
    if (list_is_empty(&actor->entries)) {
        map_remove(&auth->actors, actor_hash(auth, &actor->id), actor);
        free(actor);
    }
}

static struct err join_actor(struct auth *auth, struct auth_entry *entry, const struct id *id)
{
    struct auth_actor *actor = auth_actor_find(auth, id);
    if (actor == NULL) {
        actor = calloc(1, sizeof(*actor));
        if (actor == NULL) {
            return ERR(NO_MEMORY);
        }
        actor->id = *id;
        list_init(&actor->entries);
        if (err_is_set(map_insert(&auth->actors, actor_hash(auth, id), actor))) {
            free(actor);
            return ERR(NO_MEMORY);
        }
    }
    list_push(&actor->entries, &entry->same_actor);
    entry->by_actor = actor;
    return ERR(OK);
}

/* The entry stands for that actor now. ERR_NO_MEMORY leaves it without. */
static struct err entry_set_actor(struct auth *auth, struct auth_entry *entry,
                                  const struct actor *actor)
{
    bool is_same = entry->by_actor != NULL && id_equal(&entry->by_actor->id, &actor->id);
    entry->actor = *actor;
    if (is_same) {
        return ERR(OK);
    }
    leave_actor(auth, entry);
    return actor->kind == ACTOR_NONE ? ERR(OK) : join_actor(auth, entry, &actor->id);
}

/* ---- entries ---- */

void auth_entry_remove(struct auth *auth, struct auth_entry *entry)
{
    leave_actor(auth, entry);
    list_remove(&entry->refresh);
    LIST_EACH (&entry->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, by_key);
        list_remove(link);
        conn->key = NULL;
    }
    map_remove(&auth->entries, auth_entry_hash(entry->hash), entry);
    list_remove(&entry->age);
    free(entry);
}

void auth_free(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    LIST_EACH (&auth->age, link, after) {
        auth_entry_remove(auth, LIST_ENTRY(link, struct auth_entry, age));
    }
    map_deinit(&auth->entries);
    map_deinit(&auth->actors);
    free(auth);
}

static void keep_within_bound(struct auth *auth)
{
    unsigned looked_at = 0;
    LIST_EACH (&auth->age, link, after) {
        if (map_count(&auth->entries) <= AUTH_KEPT_MAX || looked_at++ == 16) {
            return;
        }
        struct auth_entry *entry = LIST_ENTRY(link, struct auth_entry, age);
        if (list_is_empty(&entry->conns)) {
            auth_entry_remove(auth, entry);
        } else {
            list_remove(&entry->age); /* in use: others are looked at next time */
            list_push(&auth->age, &entry->age);
        }
    }
}

static struct auth_entry *entry_add(struct auth *auth, const uint8_t hash[KEY_HASH_BYTES],
                                    const struct actor *actor)
{
    struct auth_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->hash, hash, KEY_HASH_BYTES);
    list_init(&entry->conns);
    list_init(&entry->refresh);
    list_init(&entry->same_actor);
    if (err_is_set(map_insert(&auth->entries, auth_entry_hash(hash), entry))) {
        free(entry);
        return NULL;
    }
    list_push(&auth->age, &entry->age);
    if (err_is_set(entry_set_actor(auth, entry, actor))) {
        auth_entry_remove(auth, entry);
        return NULL;
    }
    keep_within_bound(auth);
    return entry;
}

/* ---- looking up ---- */

struct auth_read {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    bool is_refresh; /* nobody waits for it: open connections are to be told */
    unsigned looks;  /* that were not the first */
    uint32_t slot;
    uint32_t generation;
    uint64_t request;
    uint64_t sequence; /* the documents must show this much */
    uint8_t hash[KEY_HASH_BYTES];
    struct err err;
    struct actor actor;
};

static void auth_run(struct reader *reader, struct reader_job *job)
{
    struct auth_read *read = CONTAINER_OF(job, struct auth_read, job);
    read->err = store_wait(reader->store, read->sequence, AUTH_WAIT_MS);
    if (!err_is_set(read->err)) {
        read->err = actor_read(reader, read->front->shared->grants, read->hash, &read->actor);
    }
    loop_post(read->front->loop, &read->message);
}

/* The reader looks once more; it is to see the event <needed>. False: it cannot now. */
static bool look_from(struct auth *auth, struct auth_read *read, uint64_t needed)
{
    read->sequence = needed;
    read->actor = (struct actor){0};
    if (read->looks++ < LOOKS_MAX && readers_submit(auth->front->shared->readers, &read->job)) {
        return true;
    }
    read->err = ERR(BUSY);
    return false;
}

/* Has something been changed that the reader may not have seen, or has a later look come first?
 * Then it looks once more, and the key has an entry from now on, of whom it was found to stand for:
 * so what follows concerns it only if it is about this very key or actor, and the looking ends
 * however much is changed elsewhere. True: it looks again. */
static bool look_again(struct auth *auth, struct auth_read *read)
{
    struct auth_entry *entry = auth_entry_find(auth, read->hash);
    uint64_t needed = entry != NULL ? max_u64(entry->stale_since, entry->as_of) : auth->last_change;
    if (read->is_refresh && auth_has_shares(&read->actor)) { /* there is no later look */
        needed = max_u64(needed, auth->last_unshared);
    }
    if (needed <= read->sequence) {
        return false;
    }
    if (entry == NULL) {
        const struct actor nobody = {.kind = ACTOR_NONE};
        entry = entry_add(auth, read->hash, err_is_set(read->err) ? &nobody : &read->actor);
        if (entry == NULL) {
            read->err = ERR(NO_MEMORY);
            return false;
        }
        entry->stale_since = needed;
        entry->is_guess = true;
    }
    return look_from(auth, read, needed);
}

/* That a key does not exist is kept as well, so that who guesses costs no lookups. */
static void keep_result(struct auth *auth, struct auth_read *read)
{
    bool is_unknown = err_equal(read->err, ERR(CREDENTIAL_UNKNOWN));
    struct auth_entry *entry = auth_entry_find(auth, read->hash);
    if (is_unknown) {
        read->actor = (struct actor){.kind = ACTOR_NONE};
    } else if (err_is_set(read->err)) {
        return;
    }
    if (entry == NULL) {
        entry = entry_add(auth, read->hash, &read->actor);
    } else if (err_is_set(entry_set_actor(auth, entry, &read->actor))) {
        auth_entry_revoke(auth, entry);
        entry = NULL;
    }
    if (entry != NULL) {
        entry->stale_since = 0;
        entry->as_of = read->sequence;
        entry->is_guess = false;
    } else if (!is_unknown) {
        read->err = ERR(NO_MEMORY);
    }
}

/* Those who act with the key are told what it may now. */
static void refresh_arrived(struct auth *auth, const struct auth_read *read)
{
    struct auth_entry *entry = auth_entry_find(auth, read->hash);
    if (entry == NULL) {
        return;
    }
    if (entry->stale_since != 0) { /* it could not be read: in a later turn */
        if (!link_is_in_list(&entry->refresh)) {
            list_push(&auth->refresh, &entry->refresh);
        }
    } else if (entry->actor.kind == ACTOR_NONE) {
        auth_entry_revoke(auth, entry);
    } else {
        auth_tell_rights(auth, entry);
    }
}

static void auth_arrived(struct loop *loop, struct loop_message *message)
{
    struct auth_read *read = CONTAINER_OF(message, struct auth_read, message);
    struct front *front = loop->owner;
    struct auth *auth = front->auth;
    bool is_answer = !err_is_set(read->err) || err_equal(read->err, ERR(CREDENTIAL_UNKNOWN));
    if (is_answer && look_again(auth, read)) {
        return;
    }
    keep_result(auth, read);
    if (read->is_refresh) {
        refresh_arrived(auth, read);
    } else {
        struct conn *conn = conn_find(front, read->slot, read->generation);
        if (conn != NULL && !conn->is_closing && conn->proto->on_actor != NULL) {
            conn->proto->on_actor(conn, read->err, &read->actor, read->request);
        }
    }
    free(read);
}

/* A look-up of that key, as of now. NULL without memory. */
static struct auth_read *auth_read_new(struct front *front, const uint8_t hash[KEY_HASH_BYTES])
{
    struct auth_read *read = calloc(1, sizeof(*read));
    if (read != NULL) {
        read->job.run = auth_run;
        read->message.run = auth_arrived;
        read->front = front;
        read->sequence = front->sequence;
        memcpy(read->hash, hash, KEY_HASH_BYTES);
    }
    return read;
}

static bool auth_read_start(struct auth_read *read)
{
    bool is_taken = readers_submit(read->front->shared->readers, &read->job);
    if (!is_taken) {
        free(read);
    }
    return is_taken;
}

bool auth_has_shares(const struct actor *actor)
{
    const struct grant *grant = actor->grant;
    for (uint32_t i = 0; grant != NULL && i < grant->zone_count; i++) {
        if (grant->zones[i].reach == GRANT_USER) {
            return true;
        }
    }
    return false;
}

static bool is_as_of_now(const struct auth *auth, const struct auth_entry *entry)
{
    bool is_unshared = auth->last_unshared > entry->as_of && auth_has_shares(&entry->actor);
    return entry->stale_since == 0 && !is_unshared;
}

enum auth_answer auth_resolve(struct front *front, struct conn *conn, struct slice key,
                              uint64_t request, struct actor *actor)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    struct auth_entry *entry = auth_entry_find(front->auth, hash);
    if (entry != NULL && is_as_of_now(front->auth, entry)) {
        *actor = entry->actor;
        return entry->actor.kind == ACTOR_NONE ? AUTH_REFUSED : AUTH_KNOWN;
    }
    struct auth_read *read = auth_read_new(front, hash);
    if (read == NULL) {
        return AUTH_BUSY;
    }
    read->slot = conn->slot;
    read->generation = conn->generation;
    read->request = request;
    return auth_read_start(read) ? AUTH_LATER : AUTH_BUSY;
}

static bool stands_for_somebody(const struct auth_entry *entry)
{
    return entry != NULL && entry->actor.kind != ACTOR_NONE && !entry->is_guess;
}

bool auth_attach(struct front *front, struct conn *conn, struct slice key)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    struct auth_entry *entry = auth_entry_find(front->auth, hash);
    if (!stands_for_somebody(entry)) {
        return false;
    }
    auth_detach(conn);
    conn->key = entry;
    list_push(&entry->conns, &conn->by_key);
    return true;
}

void auth_detach(struct conn *conn)
{
    list_remove(&conn->by_key);
    conn->key = NULL;
    if (conn->counted_key != 0) {
        conn_limit_leave(conn->front->shared->key_limit,
                         slice_of(&conn->counted_key, sizeof(conn->counted_key)));
        conn->counted_key = 0;
    }
}

bool auth_count(struct conn *conn)
{
    const uint64_t key = auth_key_hash(conn);
    struct conn_limit *limit = conn->front->shared->key_limit;
    if (limit == NULL || key == 0) {
        return true;
    }
    bool enters = conn_limit_enter(limit, slice_of(&key, sizeof(key)));
    if (enters) {
        conn->counted_key = key;
    } else {
        char peer[ADDRESS_TEXT_BYTES];
        LOG_LIMITED(LOG_WARN, "auth", "too many connections of one key peer=%s",
                    address_describe(&conn->peer, peer));
    }
    return enters;
}

bool auth_holds(struct front *front, struct slice key, const struct actor *actor)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    const struct auth_entry *entry = auth_entry_find(front->auth, hash);
    if (!stands_for_somebody(entry)) {
        return false;
    }
    return !front->shared->limits.role_changes_at_once ||
           (is_as_of_now(front->auth, entry) && entry->actor.grant == actor->grant);
}

uint64_t auth_token_hash(struct front *front, struct slice key)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    return auth_entry_hash(hash) | 1;
}

uint64_t auth_key_hash(const struct conn *conn)
{
    return conn->key == NULL ? 0 : auth_entry_hash(conn->key->hash) | 1;
}

void auth_refresh(struct front *front)
{
    LIST_EACH (&front->auth->refresh, link, after) {
        struct auth_entry *entry = LIST_ENTRY(link, struct auth_entry, refresh);
        struct auth_read *read = auth_read_new(front, entry->hash);
        if (read == NULL) {
            return;
        }
        read->is_refresh = true;
        if (!auth_read_start(read)) {
            loop_defer(front->loop, &front->again);
            return;
        }
        list_remove(&entry->refresh);
    }
}
