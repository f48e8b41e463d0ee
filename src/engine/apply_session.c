/* SPDX-License-Identifier: Apache-2.0
 *
 * Client ids: who has one is decided in the one order of all things.
 *
 * A client id belongs to one session at a time, per account and actor, so that a foreign key can
 * neither take nor end a session. Who comes later takes over [MQTT-3.1.4-2]: the old session is
 * told to end, publishes its will, says SESSION_CLOSED; only then the new one's SESSION_OPEN is
 * answered.
 *
 *      claim:  owner <- open, open, ...     those who wait, in order */
#include "engine/apply.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct session_claim {
    struct actor actor;
    uint16_t loop; /* the owner's */
    struct answer_token token;
    bool is_ending; /* the owner has been told to end */
    struct command *waiting;
    struct command **waiting_last;
    size_t client_id_bytes;
    uint8_t client_id[];
};

struct claim_key {
    const struct actor *actor;
    struct slice client_id;
};

static struct claim_key key_of(const struct command *command)
{
    return (struct claim_key){.actor = &command->actor, .client_id = command->as.session.client_id};
}

static uint64_t key_hash(const struct engine *engine, struct claim_key key)
{
    uint64_t seed = engine->heads.seed ^ key.actor->account;
    return hash_bytes(id_hash(seed, &key.actor->id), key.client_id);
}

static bool claim_has_key(const void *entry, const void *wanted)
{
    const struct session_claim *claim = entry;
    const struct claim_key *key = wanted;
    return actor_equal(&claim->actor, key->actor) &&
           slice_equal(slice_of(claim->client_id, claim->client_id_bytes), key->client_id);
}

static bool token_equal(struct answer_token a, struct answer_token b)
{
    return a.slot == b.slot && a.generation == b.generation;
}

static struct session_claim *claim_new(const struct command *command)
{
    struct slice client_id = command->as.session.client_id;
    struct session_claim *claim = calloc(1, sizeof(*claim) + client_id.bytes);
    if (claim != NULL) {
        claim->actor = command->actor;
        claim->loop = command->loop;
        claim->token = command->token;
        claim->waiting_last = &claim->waiting;
        claim->client_id_bytes = client_id.bytes;
        memcpy(claim->client_id, client_id.at, client_id.bytes);
    }
    return claim;
}

static void end_owner(struct engine *engine, struct session_claim *claim)
{
    if (!claim->is_ending) {
        claim->is_ending = true;
        engine_answer_to(engine, claim->loop,
                         &(struct answer){.kind = ANSWER_TAKEN_OVER,
                                          .token = claim->token,
                                          .after = engine->last_sequence});
    }
}

void apply_session_open(struct engine *engine, struct command *command)
{
    struct claim_key key = key_of(command);
    uint64_t hash = key_hash(engine, key);
    struct session_claim *claim = map_find(&engine->sessions, hash, claim_has_key, &key);
    if (claim != NULL) {
        command->next = NULL;
        *claim->waiting_last = command;
        claim->waiting_last = &command->next;
        end_owner(engine, claim);
        return;
    }
    claim = claim_new(command);
    if (claim == NULL || err_is_set(map_insert(&engine->sessions, hash, claim))) {
        free(claim);
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    engine_answer(engine, command, ERR(OK), 0);
}

/* The next of those who wait becomes the owner, and is told to end when yet another waits. */
static void hand_over(struct engine *engine, struct session_claim *claim)
{
    struct command *heir = claim->waiting;
    claim->waiting = heir->next;
    if (claim->waiting == NULL) {
        claim->waiting_last = &claim->waiting;
    }
    claim->loop = heir->loop;
    claim->token = heir->token;
    claim->is_ending = false;
    engine_answer(engine, heir, ERR(OK), 0);
    if (claim->waiting != NULL) {
        end_owner(engine, claim);
    }
}

/* A connection that ended while its SESSION_OPEN still waited. */
static void withdraw(struct engine *engine, struct session_claim *claim,
                     const struct command *closed)
{
    for (struct command **at = &claim->waiting; *at != NULL; at = &(*at)->next) {
        struct command *command = *at;
        /* Tokens are counted by each loop for itself. */
        if (command->loop == closed->loop && token_equal(command->token, closed->token)) {
            *at = command->next;
            if (claim->waiting_last == &command->next) {
                claim->waiting_last = at;
            }
            engine_answer(engine, command, ERR(STOPPING), 0);
            return;
        }
    }
}

/* Does the connection still have something under way that is written of its session? Whoever takes
 * the session up must find it. */
static bool is_writing(const struct engine *engine, const struct command *closed)
{
    LIST_EACH (&engine->writing, link, after) {
        const struct command *command = LIST_ENTRY(link, struct command, writing);
        if (command->loop == closed->loop && token_equal(command->token, closed->token)) {
            return true;
        }
    }
    return false;
}

void sessions_go_on(struct engine *engine)
{
    for (struct command **at = &engine->closing; *at != NULL;) {
        struct command *command = *at;
        if (is_writing(engine, command)) {
            at = &command->next;
        } else {
            *at = command->next;
            apply_session_closed(engine, command);
            at = &engine->closing; /* others may have gone on with it */
        }
    }
}

void apply_session_closed(struct engine *engine, struct command *command)
{
    if (is_writing(engine, command)) {
        command->next = engine->closing;
        engine->closing = command;
        return;
    }
    struct claim_key key = key_of(command);
    uint64_t hash = key_hash(engine, key);
    struct session_claim *claim = map_find(&engine->sessions, hash, claim_has_key, &key);
    if (claim != NULL && claim->loop == command->loop &&
        token_equal(claim->token, command->token)) {
        if (claim->waiting != NULL) {
            hand_over(engine, claim);
        } else {
            map_remove(&engine->sessions, hash, claim);
            free(claim);
        }
    } else if (claim != NULL) {
        withdraw(engine, claim, command);
    }
    engine_answer(engine, command, ERR(OK), 0);
}

void apply_session_write(struct engine *engine, struct command *command)
{
    engine_answer(engine, command, ERR(OK), 0);
}

void apply_session_expire(struct engine *engine, struct command *command)
{
    struct claim_key key = key_of(command);
    bool is_taken = map_find(&engine->sessions, key_hash(engine, key), claim_has_key, &key) != NULL;
    engine_answer(engine, command, is_taken ? ERR(CONFLICT) : ERR(OK), 0);
}

void sessions_deinit(struct engine *engine)
{
    while (engine->closing != NULL) {
        struct command *command = engine->closing;
        engine->closing = command->next;
        command_forget(command);
    }
    size_t position = 0;
    for (struct session_claim *claim; (claim = map_next(&engine->sessions, &position)) != NULL;) {
        while (claim->waiting != NULL) {
            struct command *command = claim->waiting;
            claim->waiting = command->next;
            if (--command->batch->unanswered == 0) {
                free(command->batch);
            }
        }
        free(claim);
    }
    map_deinit(&engine->sessions);
}
