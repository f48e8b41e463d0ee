/* SPDX-License-Identifier: Apache-2.0 */
#include "front/auth.h"

#include "base/assert.h"
#include "base/hash.h"

#include <sodium.h>
#include <stdlib.h>

/* Keys kept by a loop beyond those that connections act with. */
#define AUTH_KEPT_MAX 65536
/* A lookup waits this long for the documents to show what has been committed. */
#define AUTH_WAIT_MS 5000

struct auth_entry {
    uint8_t hash[KEY_HASH_BYTES];
    struct actor actor; /* ACTOR_NONE: a key that does not exist */
    struct link conns;  /* struct conn.by_key */
    struct link age;    /* in auth.age, oldest first */
};

struct auth {
    struct front *front;
    struct map entries;
    struct link age;
    uint64_t last_created; /* the last key events this loop has come to */
    uint64_t last_revoked;
};

struct auth *auth_new(struct front *front)
{
    struct auth *auth = calloc(1, sizeof(*auth));
    if (auth != NULL) {
        auth->front = front;
        list_init(&auth->age);
    }
    return auth;
}

static uint64_t entry_hash(const uint8_t hash[KEY_HASH_BYTES])
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

static struct auth_entry *entry_find(struct auth *auth, const uint8_t hash[KEY_HASH_BYTES])
{
    return map_find(&auth->entries, entry_hash(hash), entry_has_hash, hash);
}

static void entry_remove(struct auth *auth, struct auth_entry *entry)
{
    LIST_EACH (&entry->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, by_key);
        list_remove(link);
        conn->key = NULL;
    }
    map_remove(&auth->entries, entry_hash(entry->hash), entry);
    list_remove(&entry->age);
    free(entry);
}

void auth_free(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    LIST_EACH (&auth->age, link, after) {
        entry_remove(auth, LIST_ENTRY(link, struct auth_entry, age));
    }
    map_deinit(&auth->entries);
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
            entry_remove(auth, entry);
        } else {
            list_remove(&entry->age); /* in use: others are looked at next time */
            list_push(&auth->age, &entry->age);
        }
    }
}

static struct auth_entry *entry_add(struct auth *auth, const uint8_t hash[KEY_HASH_BYTES],
                                    const struct actor *actor)
{
    struct auth_entry *entry = entry_find(auth, hash);
    if (entry != NULL) {
        return entry;
    }
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->hash, hash, KEY_HASH_BYTES);
    entry->actor = *actor;
    list_init(&entry->conns);
    if (err_is_set(map_insert(&auth->entries, entry_hash(hash), entry))) {
        free(entry);
        return NULL;
    }
    list_push(&auth->age, &entry->age);
    keep_within_bound(auth);
    return entry;
}

/* ---- looking up ---- */

struct auth_read {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    uint64_t request;
    uint64_t sequence; /* the documents must show this much */
    uint8_t hash[KEY_HASH_BYTES];
    struct err err;
    struct actor actor;
};

static enum actor_kind actor_kind(enum key_kind key)
{
    switch (key) {
    case KEY_OPERATOR:
        return ACTOR_OPERATOR;
    case KEY_DEVICE:
        return ACTOR_DEVICE;
    case KEY_APPLICATION:
        return ACTOR_APPLICATION;
    case KEY_TRUSTED:
        return ACTOR_TRUSTED;
    }
    return ACTOR_NONE;
}

static struct err read_actor(struct reader *reader, struct auth_read *read)
{
    TRY(store_wait(reader->store, read->sequence, AUTH_WAIT_MS));
    struct key_row row;
    struct err err = documents_key(reader->documents, read->hash, &row);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(CREDENTIAL_UNKNOWN);
    }
    TRY(err);
    read->actor = (struct actor){
        .kind = actor_kind(row.kind),
        .account = row.account,
        .id = row.actor,
        .project = row.project,
    };
    return ERR(OK);
}

static void auth_run(struct reader *reader, struct reader_job *job)
{
    struct auth_read *read = CONTAINER_OF(job, struct auth_read, job);
    read->err = read_actor(reader, read);
    loop_post(read->front->loop, &read->message);
}

/* That a key does not exist is kept as well, so that who guesses costs no lookups; unless one was
 * made since the reader looked. */
static void keep_result(struct auth *auth, struct auth_read *read)
{
    bool is_unknown = err_equal(read->err, ERR(CREDENTIAL_UNKNOWN));
    if (is_unknown && auth->last_created <= read->sequence) {
        const struct actor nobody = {.kind = ACTOR_NONE};
        (void)entry_add(auth, read->hash, &nobody);
    } else if (!err_is_set(read->err) && entry_add(auth, read->hash, &read->actor) == NULL) {
        read->err = ERR(NO_MEMORY);
    }
}

static void auth_arrived(struct loop *loop, struct loop_message *message)
{
    struct auth_read *read = CONTAINER_OF(message, struct auth_read, message);
    struct front *front = loop->owner;
    struct auth *auth = front->auth;
    /* Between the read and now a key may have been revoked that the reader still saw. */
    if (auth->last_revoked > read->sequence && !err_is_set(read->err)) {
        read->sequence = auth->last_revoked;
        if (readers_submit(front->shared->readers, &read->job)) {
            return;
        }
        read->err = ERR(BUSY);
    }
    keep_result(auth, read);
    struct conn *conn = conn_find(front, read->slot, read->generation);
    if (conn != NULL && !conn->is_closing && conn->proto->on_actor != NULL) {
        conn->proto->on_actor(conn, read->err, &read->actor, read->request);
    }
    free(read);
}

enum auth_answer auth_resolve(struct front *front, struct conn *conn, struct slice key,
                              uint64_t request, struct actor *actor)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    struct auth_entry *entry = entry_find(front->auth, hash);
    if (entry != NULL) {
        *actor = entry->actor;
        return entry->actor.kind == ACTOR_NONE ? AUTH_REFUSED : AUTH_KNOWN;
    }
    struct auth_read *read = calloc(1, sizeof(*read));
    if (read == NULL) {
        return AUTH_BUSY;
    }
    read->job.run = auth_run;
    read->message.run = auth_arrived;
    read->front = front;
    read->slot = conn->slot;
    read->generation = conn->generation;
    read->request = request;
    read->sequence = front->sequence;
    memcpy(read->hash, hash, sizeof(hash));
    if (!readers_submit(front->shared->readers, &read->job)) {
        free(read);
        return AUTH_BUSY;
    }
    return AUTH_LATER;
}

bool auth_attach(struct front *front, struct conn *conn, struct slice key)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    struct auth_entry *entry = entry_find(front->auth, hash);
    if (entry == NULL || entry->actor.kind == ACTOR_NONE) {
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
}

uint64_t auth_token_hash(struct front *front, struct slice key)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(front->shared->keyring, key, hash);
    return entry_hash(hash) | 1;
}

/* What ends: one key, or those of an application or of all applications of a project. */
struct ending {
    uint64_t token_hash;
    const struct id *owner; /* NULL: the key of <token_hash> */
};

static bool is_of(const struct actor *actor, const struct id *owner)
{
    bool is_application = actor->kind == ACTOR_APPLICATION || actor->kind == ACTOR_TRUSTED;
    return is_application && (id_equal(&actor->project, owner) || id_equal(&actor->id, owner));
}

static bool ends(const struct ending *ending, uint64_t token_hash, const struct actor *actor)
{
    return ending->owner != NULL ? is_of(actor, ending->owner) : token_hash == ending->token_hash;
}

/* Subscriptions that were made with the key as a token on their topic end with it. */
static void end_token_subscriptions(struct front *front, const struct ending *ending)
{
    LIST_EACH (&front->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, all);
        if (conn->session == NULL) {
            continue;
        }
        LIST_EACH (&conn->session->subscriptions, at, then) {
            struct subscription *found = LIST_ENTRY(at, struct subscription, in_session);
            if (found->token_hash != 0 && ends(ending, found->token_hash, &found->actor)) {
                subs_remove(&front->subs, found);
            }
        }
    }
}

/* The connections that act with the key end, and it is forgotten. */
static void entry_revoke(struct auth *auth, struct auth_entry *entry)
{
    LIST_EACH (&entry->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, by_key);
        if (!conn_is_closing(conn)) {
            conn->proto->on_revoked(conn);
        }
    }
    entry_remove(auth, entry);
}

static void take_owner_deleted(struct front *front, const struct id *owner)
{
    end_token_subscriptions(front, &(struct ending){.owner = owner});
    LIST_EACH (&front->auth->age, link, after) {
        struct auth_entry *entry = LIST_ENTRY(link, struct auth_entry, age);
        if (is_of(&entry->actor, owner)) {
            entry_revoke(front->auth, entry);
        }
    }
}

void auth_take_event(struct front *front, const struct event *event)
{
    struct auth *auth = front->auth;
    if (event->type == EVENT_DOCUMENT) {
        ASSERT(event->operation == OPERATION_DELETED);
        auth->last_revoked = event->sequence;
        take_owner_deleted(front, event->resource);
        return;
    }
    ASSERT(event->type == EVENT_KEY);
    struct auth_entry *entry = entry_find(auth, event->hash);
    if (event->operation != OPERATION_DELETED) {
        auth->last_created = event->sequence;
        if (entry != NULL) {
            entry_remove(auth, entry);
        }
        return;
    }
    auth->last_revoked = event->sequence;
    end_token_subscriptions(front, &(struct ending){.token_hash = entry_hash(event->hash) | 1});
    if (entry != NULL) {
        entry_revoke(auth, entry);
    }
}
