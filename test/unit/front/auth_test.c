/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys that a loop keeps, with readers and a loop of the test's own: a job runs when it is
 * handed in, its message when the test says so. Linked in place of the real ones. */
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

static int teardown(void **state)
{
    struct world *world = *state;
    auth_free(world->front.auth);
    subs_deinit(&world->front.subs);
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

/* The last one, then the others: reads may overtake each other. */
static void run_message(struct world *world)
{
    assert_true(world->message_count > 0);
    struct loop_message *message = world->messages[--world->message_count];
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

/* The second look may have been before that: whose key it is was known from the first. */
static void test_what_is_changed_during_the_second_look_is_not_missed(void **state)
{
    struct world *world = *state;
    world->actor = (struct actor){.account = 1, .kind = ACTOR_USER, .id = USER};
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_document(world, RESOURCE_USER, &ROLE, 1);
    run_message(world);
    assert_int_equal(world->reads, 2);
    take_document(world, RESOURCE_USER, &USER, 1);
    run_message(world);
    assert_int_equal(world->actors_told, 0);
    assert_int_equal(world->reads, 3);
    run_message(world);
    assert_int_equal(world->told.code, ERR_OK);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
}

/* The first look saw the key still; it has gone, and the second has not come back. */
static void test_a_key_that_is_looked_up_again_is_not_known(void **state)
{
    struct world *world = *state;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_LATER);
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    world->key_is_there = false;
    run_message(world);
    assert_false(auth_attach(&world->front, &world->conns[0], SLICE("a")));
    assert_false(auth_holds(&world->front, SLICE("a"), &world->actor));
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
}

/* Whoever changes what a key may on and on keeps no reader busy for ever. */
static void test_a_look_up_is_given_up_in_the_end(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    take_document(world, RESOURCE_USER, &USER, 1);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    unsigned before = world->reads;
    while (world->message_count > 0 && world->reads < before + 1000) {
        take_document(world, RESOURCE_USER, &USER, 1);
        run_message(world);
    }
    assert_int_equal(world->message_count, 0);
    assert_int_equal(world->told.code, ERR_BUSY);
    look_up(world, SLICE("u"));
    assert_int_equal(world->told.code, ERR_OK);
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

/* ---- shares ---- */

/* A grant of a user with shares, or without. */
static const struct grant *grant_of_user(bool has_share)
{
    static struct grant_zone zones[] = {{.reach = GRANT_ALL}, {.reach = GRANT_USER, .id_count = 1}};
    static struct grant without = {.zones = zones, .zone_count = 1};
    static struct grant with = {.zones = zones, .zone_count = 2};
    zones[1].ids = &ROLE;
    return has_share ? &with : &without;
}

static void look_up_with(struct world *world, struct slice key, const struct grant *grant)
{
    world->actor = (struct actor){.account = 1, .kind = ACTOR_USER, .id = USER, .grant = grant};
    look_up(world, key);
}

/* Whom it was for its event does not say: whoever has been let in by shares is looked up anew. */
static void test_a_share_that_ends(void **state)
{
    static const enum resource_kind kinds[] = {RESOURCE_SHARE, RESOURCE_USER};
    struct world *world = *state;
    look_up_with(world, SLICE("with"), grant_of_user(true));
    look_up_with(world, SLICE("without"), grant_of_user(false));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        take_deletion(world, kinds[i], &PROJECT);
        assert_int_equal(resolve(world, SLICE("without")), AUTH_KNOWN);
        look_up_with(world, SLICE("with"), grant_of_user(true));
        assert_int_equal(resolve(world, SLICE("with")), AUTH_KNOWN);
    }
    take_deletion(world, RESOURCE_SHARE, &PROJECT);
    look_up_with(world, SLICE("with"), grant_of_user(false));
    take_deletion(world, RESOURCE_SHARE, &PROJECT);
    assert_int_equal(resolve(world, SLICE("with")), AUTH_KNOWN);
}

/* It was looked up before the share ended, and the answer comes after: who asked then has it, who
 * asks next does not. */
static void test_a_share_that_ends_while_it_is_looked_up(void **state)
{
    struct world *world = *state;
    look_up_with(world, SLICE("u"), grant_of_user(false));
    take_document(world, RESOURCE_SHARE, &ROLE, 1); /* nobody's */
    take_document(world, RESOURCE_USER, &USER, 1);
    world->actor.grant = grant_of_user(true);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_deletion(world, RESOURCE_SHARE, &ROLE);
    run_message(world);
    look_up_with(world, SLICE("u"), grant_of_user(false));
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
}

/* ---- looks that overtake each other ---- */

/* The earlier one saw the key still, the later one did not; that comes first. */
static void test_an_earlier_look_does_not_undo_a_later_one(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    take_document(world, RESOURCE_ROLE, &ROLE, 1);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_key_event(world, SLICE("u"), OPERATION_DELETED);
    world->key_is_there = false;
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    run_message(world); /* the earlier one: looks again */
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_REFUSED);
}

/* ---- subscriptions ---- */

#define TEMP "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp"

static bool never(struct session *session, const struct delivery *delivery)
{
    (void)session;
    (void)delivery;
    return false;
}

static const struct session_ops session_ops = {.deliver = never};

static void open_session(struct world *world, struct session *session, unsigned conn)
{
    session_init(session, &session_ops);
    world->conns[conn].session = session;
    list_push(&world->front.conns, &world->conns[conn].all);
}

static void subscribe(struct world *world, struct session *session, const char *filter,
                      const struct actor *actor, uint64_t token_hash)
{
    struct topic topic;
    struct subscription *subscription;
    assert_int_equal(topic_parse(slice_of_text(filter), &topic).code, ERR_OK);
    const struct subs_wish wish = {
        .session = session,
        .topic = &topic,
        .actor = actor,
        .token_hash = token_hash,
        .filter = slice_of_text(filter),
        .qos = 1,
    };
    assert_int_equal(subs_add(&world->front.subs, &wish, &subscription).code, ERR_OK);
}

/* Those that were made with the key as a token, and with no other; also when it is not kept. */
static void test_subscriptions_by_token_end_with_it(void **state)
{
    struct world *world = *state;
    struct session session;
    const struct actor actor = {.kind = ACTOR_OPERATOR, .account = 1};
    open_session(world, &session, 0);
    subscribe(world, &session, TEMP, &actor, 0);
    subscribe(world, &session, TEMP "?a=1", &actor, auth_token_hash(&world->front, SLICE("a")));
    subscribe(world, &session, TEMP "?b=1", &actor, auth_token_hash(&world->front, SLICE("b")));
    subscribe(world, &session, TEMP "?c=1", &actor, auth_token_hash(&world->front, SLICE("a")));
    subscribe(world, &session, TEMP "?c=1", &actor, auth_token_hash(&world->front, SLICE("b")));
    subscribe(world, &session, TEMP "?c=1", &actor, 0); /* each replaces the one before */
    assert_int_equal(session.subscription_count, 4);
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    assert_int_equal(session.subscription_count, 3);
    look_up(world, SLICE("b"));
    take_key_event(world, SLICE("b"), OPERATION_DELETED);
    assert_int_equal(session.subscription_count, 2);
    session_deinit(&session, &world->front.subs);
}

static void test_subscriptions_by_a_users_token_end_with_its_project(void **state)
{
    struct world *world = *state;
    struct session session;
    struct actor user = {
        .kind = ACTOR_USER, .account = 1, .application = APPLICATION, .project = PROJECT};
    open_session(world, &session, 0);
    subscribe(world, &session, TEMP, &user, 5);
    user.project = ROLE;
    subscribe(world, &session, TEMP "?a=1", &user, 7);
    take_deletion(world, RESOURCE_PROJECT, &PROJECT);
    assert_int_equal(session.subscription_count, 1);
    take_deletion(world, RESOURCE_APPLICATION, &APPLICATION);
    assert_int_equal(session.subscription_count, 0);
    session_deinit(&session, &world->front.subs);
}

/* An operator's grant: <here> in a project, <everywhere> else. */
static struct actor operator_with(struct grant *grant, struct grant_zone zones[2],
                                  unsigned everywhere, unsigned here)
{
    zones[0] = (struct grant_zone){.reach = GRANT_ALL};
    zones[1] = (struct grant_zone){.reach = GRANT_PROJECTS, .ids = &PROJECT, .id_count = 1};
    zones[0].rights.operations[PERM_PROPERTIES] = (uint8_t)everywhere;
    zones[1].rights.operations[PERM_PROPERTIES] = (uint8_t)here;
    *grant = (struct grant){.zones = zones, .zone_count = 2};
    grant->may.operations[PERM_PROPERTIES] = (uint8_t)(everywhere | here);
    return (struct actor){.kind = ACTOR_OPERATOR, .account = 1, .grant = grant};
}

/* What a subscription needs may be had as before, or not at all any more; but not in other places
 * than before: the client is to subscribe anew. */
static void test_subscriptions_take_rights(void **state)
{
    struct world *world = *state;
    struct session session;
    struct grant grants[4];
    struct grant_zone zones[4][2];
    const struct actor first =
        operator_with(&grants[0], zones[0], PERM_READ | PERM_UPDATE, PERM_READ);
    const struct actor less = operator_with(&grants[1], zones[1], PERM_READ, PERM_READ);
    const struct actor elsewhere = operator_with(&grants[2], zones[2], PERM_UPDATE, PERM_READ);
    const struct actor nowhere = operator_with(&grants[3], zones[3], PERM_UPDATE, PERM_UPDATE);
    const struct actor administrator = {.kind = ACTOR_OPERATOR, .account = 1};
    struct conn *conn = &world->conns[0];
    assert_true(auth_take_rights(conn, &first)); /* no session yet */
    open_session(world, &session, 0);
    subscribe(world, &session, TEMP, &first, 0);
    subscribe(world, &session, TEMP "?a=1", &first, 5); /* by a token: not concerned */
    assert_true(auth_take_rights(conn, &less));
    assert_false(auth_take_rights(conn, &elsewhere));
    assert_false(auth_take_rights(conn, &administrator));
    assert_int_equal(session.subscription_count, 2);
    assert_true(auth_take_rights(conn, &nowhere));
    assert_int_equal(session.subscription_count, 1);
    session_deinit(&session, &world->front.subs);
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
        T(test_what_is_changed_during_the_second_look_is_not_missed),
        T(test_a_key_that_is_looked_up_again_is_not_known),
        T(test_a_look_up_is_given_up_in_the_end),
        T(test_the_keys_of_users_end_with_their_application),
        T(test_open_connections_are_told_at_once_when_it_is_wished),
        T(test_a_share_that_ends),
        T(test_a_share_that_ends_while_it_is_looked_up),
        T(test_an_earlier_look_does_not_undo_a_later_one),
        T(test_subscriptions_by_token_end_with_it),
        T(test_subscriptions_by_a_users_token_end_with_its_project),
        T(test_subscriptions_take_rights),
        T(test_keys_are_kept_within_bounds),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
