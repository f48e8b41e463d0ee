/* SPDX-License-Identifier: Apache-2.0
 *
 * auth_fixture.h - the keys that a loop keeps, with readers and a loop of the test's own: a job
 * runs when it is handed in, its message when the test says so. Linked in place of the real
 * ones. */
#ifndef THRUM_TEST_UNIT_AUTH_FIXTURE_H
#define THRUM_TEST_UNIT_AUTH_FIXTURE_H

#include "front/auth.h"

#include "base/assert.h"
#include "front/actor_read.h"
#include "model/grant.h"
#include "store/store.h"
#include "unit/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONNS 40
#define MESSAGES 2     /* of reads that have been done and are not taken yet */
#define KEPT_MAX 65536 /* keys that a loop keeps beyond those in use (auth.c) */
#define MORE 100

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct loop loop;
    struct front front;
    struct front_shared shared;
    struct keyring *keyring;
    struct proto proto;
    struct conn conns[CONNS];
    struct loop_message *messages[MESSAGES]; /* of the reads that have been done */
    unsigned message_count;
    bool readers_are_full;
    bool key_is_there;  /* what the documents say of any key */
    struct actor actor; /* whose it is */
    unsigned reads;
    /* what connections were told: */
    unsigned actors_told;
    struct err told;
    const struct conn *revoked;
    unsigned revocations;
    unsigned rights_told;
};

/* The stand-ins have no argument of ours. */
static inline struct world *world_now(struct world *set)
{
    static struct world *now;
    now = set != NULL ? set : now;
    return now;
}

/* ---- the stand-ins ---- */

bool readers_submit(struct readers *readers, struct reader_job *job)
{
    struct world *world = world_now(NULL);
    struct reader reader = {0};
    (void)readers;
    if (world->readers_are_full) {
        return false;
    }
    world->reads++;
    job->run(&reader, job);
    return true;
}

struct err store_wait(struct store *store, uint64_t sequence, int timeout_ms)
{
    (void)store;
    (void)sequence;
    (void)timeout_ms;
    return ERR(OK);
}

struct err actor_read(struct reader *reader, struct grants *grants,
                      const uint8_t hash[KEY_HASH_BYTES], struct actor *actor)
{
    (void)reader;
    (void)grants;
    (void)hash;
    *actor = world_now(NULL)->actor;
    return world_now(NULL)->key_is_there ? ERR(OK) : ERR(CREDENTIAL_UNKNOWN);
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    (void)loop;
    struct world *world = world_now(NULL);
    assert_true(world->message_count < MESSAGES);
    world->messages[world->message_count++] = message;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    (void)loop;
    (void)task;
}

struct conn *conn_find(struct front *front, uint32_t slot, uint32_t generation)
{
    (void)front;
    assert_int_equal(generation, 1);
    return &world_now(NULL)->conns[slot];
}

/* ---- the world ---- */

static inline void on_actor(struct conn *conn, struct err err, const struct actor *actor,
                            uint64_t request)
{
    struct world *world = world_now(NULL);
    (void)conn;
    (void)actor;
    assert_int_equal(request, 9);
    world->actors_told++;
    world->told = err;
}

static inline void on_revoked(struct conn *conn)
{
    world_now(NULL)->revoked = conn;
    world_now(NULL)->revocations++;
}

static inline void on_rights(struct conn *conn, const struct actor *actor)
{
    (void)conn;
    assert_int_equal(actor->kind, ACTOR_USER);
    world_now(NULL)->rights_told++;
}

static inline int setup(void **state)
{
    char path[FIXTURE_FOLDER_BYTES + sizeof("/secret")];
    struct world *world =
        aligned_alloc(CACHE_LINE_BYTES, (sizeof(*world) / CACHE_LINE_BYTES + 1) * CACHE_LINE_BYTES);
    assert_non_null(world);
    memset(world, 0, sizeof(*world));
    world_now(world);
    fixture_make_folder(world->folder);
    (void)snprintf(path, sizeof(path), "%s/secret", world->folder);
    assert_int_equal(keyring_open(path, &world->keyring).code, ERR_OK);
    world->key_is_there = true;
    world->actor = (struct actor){.account = 1, .kind = ACTOR_OPERATOR};
    world->loop.owner = &world->front;
    world->shared.keyring = world->keyring;
    world->proto = (struct proto){
        .name = "test", .on_actor = on_actor, .on_revoked = on_revoked, .on_rights = on_rights};
    struct front *front = &world->front;
    front->loop = &world->loop;
    front->shared = &world->shared;
    list_init(&front->conns);
    subs_init(&front->subs, 7);
    front->auth = auth_new(front);
    assert_non_null(front->auth);
    for (uint32_t i = 0; i < CONNS; i++) {
        world->conns[i] =
            (struct conn){.front = front, .proto = &world->proto, .slot = i, .generation = 1};
    }
    *state = world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    auth_free(world->front.auth);
    subs_deinit(&world->front.subs);
    keyring_close(world->keyring);
    fixture_remove_folder(world->folder);
    free(world);
    return 0;
}

static inline enum auth_answer resolve(struct world *world, struct slice key)
{
    struct actor actor;
    return auth_resolve(&world->front, &world->conns[0], key, 9, &actor);
}

/* The last one, then the others: reads may overtake each other. */
static inline void run_message(struct world *world)
{
    assert_true(world->message_count > 0);
    struct loop_message *message = world->messages[--world->message_count];
    message->run(&world->loop, message);
}

/* Looks the key up, which must not be kept yet. */
static inline void look_up(struct world *world, struct slice key)
{
    assert_int_equal(resolve(world, key), AUTH_LATER);
    run_message(world);
}

static inline void take_key_event(struct world *world, struct slice key,
                                  enum event_operation operation)
{
    uint8_t hash[KEY_HASH_BYTES];
    keyring_hash(world->keyring, key, hash);
    const struct event event = {
        .type = EVENT_KEY,
        .sequence = ++world->front.sequence,
        .operation = operation,
        .hash = hash,
    };
    auth_take_event(&world->front, &event);
}

/* A key for each number. */
struct numbered {
    char text[24];
};

static inline struct slice key_number(struct numbered *memory, unsigned number)
{
    int bytes = snprintf(memory->text, sizeof(memory->text), "key %u", number);
    return slice_of(memory->text, (size_t)bytes);
}

/* ---- keys and what happens to them ---- */

static const struct id PROJECT = {.text = "UaBcDeFgHkMnPqRsTwXyPaBb"};
static const struct id APPLICATION = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};

static inline void look_up_as(struct world *world, struct slice key, enum actor_kind kind,
                              const struct id *project)
{
    world->actor =
        (struct actor){.account = 1, .kind = kind, .id = APPLICATION, .project = *project};
    look_up(world, key);
}

static inline void take_deletion(struct world *world, enum resource_kind kind, const struct id *id)
{
    const struct event event = {
        .type = EVENT_DOCUMENT,
        .sequence = ++world->front.sequence,
        .operation = OPERATION_DELETED,
        .kind = kind,
        .resource = id,
    };
    auth_take_event(&world->front, &event);
}

static const struct id USER = {.text = "UaBcDeFgHkMnPqRsTwXyAaUu"};
static const struct id ROLE = {.text = "UaBcDeFgHkMnPqRsTwXyAaRr"};

static inline void take_document(struct world *world, enum resource_kind kind, const struct id *id,
                                 uint32_t account)
{
    const struct event event = {
        .type = EVENT_DOCUMENT,
        .sequence = ++world->front.sequence,
        .operation = OPERATION_UPDATED,
        .account = account,
        .kind = kind,
        .resource = id,
        .text = SLICE("{}"),
    };
    auth_take_event(&world->front, &event);
}

static inline void look_up_user(struct world *world, struct slice key, const struct id *application)
{
    world->actor = (struct actor){.account = 1,
                                  .kind = ACTOR_USER,
                                  .id = USER,
                                  .project = PROJECT,
                                  .application = *application};
    look_up(world, key);
}

/* A grant of a user with shares, or without. */
static inline const struct grant *grant_of_user(bool has_share)
{
    static struct grant_zone zones[] = {{.reach = GRANT_ALL}, {.reach = GRANT_USER, .id_count = 1}};
    static struct grant without = {.zones = zones, .zone_count = 1};
    static struct grant with = {.zones = zones, .zone_count = 2};
    zones[1].ids = &ROLE;
    return has_share ? &with : &without;
}

static inline void look_up_with(struct world *world, struct slice key, const struct grant *grant)
{
    world->actor = (struct actor){.account = 1, .kind = ACTOR_USER, .id = USER, .grant = grant};
    look_up(world, key);
}

#endif
