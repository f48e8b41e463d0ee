/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys that a loop keeps, with readers and a loop of the test's own: a job runs when it is
 * handed in, its message when the test says so. Linked in place of the real ones. */
#include "front/auth.h"

#include "base/assert.h"
#include "front/actor_read.h"
#include "store/store.h"
#include "unit/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONNS 40
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
    struct loop_message *message; /* of the read that has been done */
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
static struct world *world_now(struct world *set)
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
    assert_null(world_now(NULL)->message);
    world_now(NULL)->message = message;
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

static void on_actor(struct conn *conn, struct err err, const struct actor *actor, uint64_t request)
{
    struct world *world = world_now(NULL);
    (void)conn;
    (void)actor;
    assert_int_equal(request, 9);
    world->actors_told++;
    world->told = err;
}

static void on_revoked(struct conn *conn)
{
    world_now(NULL)->revoked = conn;
    world_now(NULL)->revocations++;
}

static void on_rights(struct conn *conn, const struct actor *actor)
{
    (void)conn;
    assert_int_equal(actor->kind, ACTOR_USER);
    world_now(NULL)->rights_told++;
}

static int setup(void **state)
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
    front->auth = auth_new(front);
    assert_non_null(front->auth);
    for (uint32_t i = 0; i < CONNS; i++) {
        world->conns[i] =
            (struct conn){.front = front, .proto = &world->proto, .slot = i, .generation = 1};
    }
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    auth_free(world->front.auth);
    keyring_close(world->keyring);
    fixture_remove_folder(world->folder);
    free(world);
    return 0;
}

static enum auth_answer resolve(struct world *world, struct slice key)
{
    struct actor actor;
    return auth_resolve(&world->front, &world->conns[0], key, 9, &actor);
}

static void run_message(struct world *world)
{
    struct loop_message *message = world->message;
    assert_non_null(message);
    world->message = NULL;
    message->run(&world->loop, message);
}

/* Looks the key up, which must not be kept yet. */
static void look_up(struct world *world, struct slice key)
{
    assert_int_equal(resolve(world, key), AUTH_LATER);
    run_message(world);
}

static void take_key_event(struct world *world, struct slice key, enum event_operation operation)
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

static struct slice key_number(struct numbered *memory, unsigned number)
{
    int bytes = snprintf(memory->text, sizeof(memory->text), "key %u", number);
    return slice_of(memory->text, (size_t)bytes);
}

/* ---- tests ---- */

static void test_a_key_is_looked_up_once(void **state)
{
    struct world *world = *state;
    look_up(world, SLICE("a"));
    assert_int_equal(world->actors_told, 1);
    assert_int_equal(world->told.code, ERR_OK);
    assert_int_equal(resolve(world, SLICE("a")), AUTH_KNOWN);
    assert_int_equal(world->reads, 1);
    assert_int_equal(resolve(world, SLICE("b")), AUTH_LATER); /* another one is another */
    run_message(world);
}

static void test_that_a_key_does_not_exist_is_kept_until_it_does(void **state)
{
    struct world *world = *state;
    world->key_is_there = false;
    look_up(world, SLICE("a"));
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    assert_int_equal(resolve(world, SLICE("a")), AUTH_REFUSED);
    assert_false(auth_attach(&world->front, &world->conns[0], SLICE("a")));
    world->key_is_there = true;
    take_key_event(world, SLICE("a"), OPERATION_CREATED);
    look_up(world, SLICE("a"));
    assert_int_equal(world->told.code, ERR_OK);
}

static void test_full_readers_are_busy(void **state)
{
    struct world *world = *state;
    world->readers_are_full = true;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_BUSY);
    world->readers_are_full = false;
    look_up(world, SLICE("a"));
}

/* The reader saw the key still; when its answer comes, the loop has passed its end. */
static void test_revoked_while_it_is_looked_up(void **state)
{
    struct world *world = *state;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_LATER);
    world->key_is_there = false;
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    run_message(world);
    assert_int_equal(world->actors_told, 0); /* looked up again */
    assert_int_equal(world->reads, 2);
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
}

static void test_a_revoked_key_ends_its_connections_alone(void **state)
{
    struct world *world = *state;
    look_up(world, SLICE("a"));
    look_up(world, SLICE("b"));
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("a")));
    assert_true(auth_attach(&world->front, &world->conns[1], SLICE("b")));
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    assert_int_equal(world->revocations, 1);
    assert_ptr_equal(world->revoked, &world->conns[0]);
    assert_null(world->conns[0].key);
    assert_non_null(world->conns[1].key);
    assert_false(auth_attach(&world->front, &world->conns[2], SLICE("a")));
}

static const struct id PROJECT = {.text = "UaBcDeFgHkMnPqRsTwXyPaBb"};
static const struct id APPLICATION = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};

static void look_up_as(struct world *world, struct slice key, enum actor_kind kind,
                       const struct id *project)
{
    world->actor =
        (struct actor){.account = 1, .kind = kind, .id = APPLICATION, .project = *project};
    look_up(world, key);
}

static void take_deletion(struct world *world, enum resource_kind kind, const struct id *id)
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

/* Those of another project, and of none, stay. */
static void test_the_keys_of_a_project_end_with_it(void **state)
{
    struct world *world = *state;
    look_up_as(world, SLICE("public"), ACTOR_APPLICATION, &PROJECT);
    look_up_as(world, SLICE("secret"), ACTOR_TRUSTED, &PROJECT);
    look_up_as(world, SLICE("other"), ACTOR_TRUSTED, &FIXTURE_THNG);
    look_up_as(world, SLICE("operator"), ACTOR_OPERATOR, &(struct id){0});
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("secret")));
    assert_true(auth_attach(&world->front, &world->conns[1], SLICE("other")));
    assert_true(auth_attach(&world->front, &world->conns[2], SLICE("operator")));
    take_deletion(world, RESOURCE_PROJECT, &PROJECT);
    assert_int_equal(world->revocations, 1);
    assert_ptr_equal(world->revoked, &world->conns[0]);
    assert_int_equal(resolve(world, SLICE("other")), AUTH_KNOWN);
    assert_int_equal(resolve(world, SLICE("operator")), AUTH_KNOWN);
    world->key_is_there = false;
    look_up(world, SLICE("public"));
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    look_up(world, SLICE("secret"));
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
}

static void test_the_keys_of_an_application_end_with_it(void **state)
{
    struct world *world = *state;
    look_up_as(world, SLICE("public"), ACTOR_APPLICATION, &PROJECT);
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("public")));
    take_deletion(world, RESOURCE_APPLICATION, &APPLICATION);
    assert_int_equal(world->revocations, 1);
    assert_int_equal(resolve(world, SLICE("public")), AUTH_LATER);
    run_message(world);
}

/* The reader saw the key still, the project has gone since. */
static void test_a_project_deleted_while_its_key_is_looked_up(void **state)
{
    struct world *world = *state;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_LATER);
    world->key_is_there = false;
    take_deletion(world, RESOURCE_PROJECT, &PROJECT);
    run_message(world);
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
}

/* ---- what keys may ---- */

static const struct id USER = {.text = "UaBcDeFgHkMnPqRsTwXyAaUu"};
static const struct id ROLE = {.text = "UaBcDeFgHkMnPqRsTwXyAaRr"};

static void take_document(struct world *world, enum resource_kind kind, const struct id *id,
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

static void look_up_user(struct world *world, struct slice key, const struct id *application)
{
    world->actor = (struct actor){.account = 1,
                                  .kind = ACTOR_USER,
                                  .id = USER,
                                  .project = PROJECT,
                                  .application = *application};
    look_up(world, key);
}

/* Its own document, and the roles of its account; nothing of others. */
static void test_a_change_of_rights_is_looked_up_with_the_next_request(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("u")));
    take_document(world, RESOURCE_USER, &ROLE, 1);
    take_document(world, RESOURCE_ROLE, &ROLE, 2);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
    take_document(world, RESOURCE_USER, &USER, 1);
    look_up(world, SLICE("u"));
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
    take_document(world, RESOURCE_ROLE, &ROLE, 1);
    look_up(world, SLICE("u"));
    assert_int_equal(world->revocations, 0);
    assert_non_null(world->conns[0].key); /* it goes on, and still ends with its key */
    take_key_event(world, SLICE("u"), OPERATION_DELETED);
    assert_int_equal(world->revocations, 1);
}

/* While it was looked up the role was changed, and others are changed on and on: one more look is
 * enough. */
static void test_a_look_up_ends_however_much_is_changed_elsewhere(void **state)
{
    struct world *world = *state;
    world->actor = (struct actor){.account = 1, .kind = ACTOR_USER, .id = USER};
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_document(world, RESOURCE_USER, &ROLE, 1);
    run_message(world);
    assert_int_equal(world->actors_told, 0);
    take_document(world, RESOURCE_USER, &ROLE, 1);
    run_message(world);
    assert_int_equal(world->actors_told, 1);
    assert_int_equal(world->reads, 2);
}

static void test_the_keys_of_users_end_with_their_application(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    look_up_user(world, SLICE("v"), &ROLE);
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("u")));
    assert_true(auth_attach(&world->front, &world->conns[1], SLICE("v")));
    take_deletion(world, RESOURCE_APPLICATION, &APPLICATION);
    assert_int_equal(world->revocations, 1);
    assert_ptr_equal(world->revoked, &world->conns[0]);
    take_deletion(world, RESOURCE_PROJECT, &PROJECT);
    assert_int_equal(world->revocations, 2);
}

/* When it is wished, connections are told; once, however often it is changed meanwhile. */
static void test_open_connections_are_told_at_once_when_it_is_wished(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("u")));
    take_document(world, RESOURCE_USER, &USER, 1);
    auth_refresh(&world->front);
    assert_int_equal(world->reads, 1);
    world->shared.limits.role_changes_at_once = true;
    take_document(world, RESOURCE_USER, &USER, 1);
    take_document(world, RESOURCE_ROLE, &ROLE, 1);
    auth_refresh(&world->front);
    auth_refresh(&world->front);
    assert_int_equal(world->reads, 2);
    run_message(world);
    assert_int_equal(world->rights_told, 1);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
    world->key_is_there = false;
    take_document(world, RESOURCE_USER, &USER, 1);
    auth_refresh(&world->front);
    run_message(world);
    assert_int_equal(world->revocations, 1);
}

/* The oldest are in use: they stay, and do not keep the others from being forgotten. */
static void test_keys_are_kept_within_bounds(void **state)
{
    struct world *world = *state;
    struct numbered memory;
    for (unsigned i = 0; i < KEPT_MAX + MORE; i++) {
        struct slice key = key_number(&memory, i);
        look_up(world, key);
        if (i < CONNS) {
            assert_true(auth_attach(&world->front, &world->conns[i], key));
        }
    }
    world->readers_are_full = true; /* what is not kept cannot be had */
    unsigned kept = 0;
    for (unsigned i = 0; i < KEPT_MAX + MORE; i++) {
        enum auth_answer answer = resolve(world, key_number(&memory, i));
        kept += answer == AUTH_KNOWN;
        bool must_be_there = i < CONNS || i >= KEPT_MAX;
        assert_true(!must_be_there || answer == AUTH_KNOWN);
    }
    assert_int_equal(kept, KEPT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_a_key_is_looked_up_once),
        T(test_that_a_key_does_not_exist_is_kept_until_it_does),
        T(test_full_readers_are_busy),
        T(test_revoked_while_it_is_looked_up),
        T(test_a_revoked_key_ends_its_connections_alone),
        T(test_the_keys_of_a_project_end_with_it),
        T(test_the_keys_of_an_application_end_with_it),
        T(test_a_project_deleted_while_its_key_is_looked_up),
        T(test_a_change_of_rights_is_looked_up_with_the_next_request),
        T(test_a_look_up_ends_however_much_is_changed_elsewhere),
        T(test_the_keys_of_users_end_with_their_application),
        T(test_open_connections_are_told_at_once_when_it_is_wished),
        T(test_keys_are_kept_within_bounds),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
