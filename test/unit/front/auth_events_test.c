/* SPDX-License-Identifier: Apache-2.0
 *
 * What events do to keys: they end, with connections and subscriptions; what they may changes. */
#include "auth_fixture.h"

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
        .text = slice_of_text(filter),
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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_the_keys_of_a_project_end_with_it),
        T(test_the_keys_of_an_application_end_with_it),
        T(test_a_project_deleted_while_its_key_is_looked_up),
        T(test_the_keys_of_users_end_with_their_application),
        T(test_open_connections_are_told_at_once_when_it_is_wished),
        T(test_a_share_that_ends),
        T(test_a_share_that_ends_while_it_is_looked_up),
        T(test_subscriptions_by_token_end_with_it),
        T(test_subscriptions_by_a_users_token_end_with_its_project),
        T(test_subscriptions_take_rights),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
