/* SPDX-License-Identifier: Apache-2.0
 *
 * Who a key stands for, and what the documents of the moment make of its rights: roles, policies,
 * conditions, shares; and what is left when they are gone. */
#include "front/actor_read.h"

#include "model/role.h"
#include "unit/store/writer_fixture.h"

#include <string.h>

#define ID(number) "U0000000000000000000" #number
static_assert(sizeof(ID(0001)) == ID_BYTES + 1, "an id with four digits at its end");

/* Ids by number. */
#define OPERATOR 1
#define PROJECT 2
#define OTHER_PROJECT 3
#define APPLICATION 4
#define ANNA 5
#define BERT 6
#define USER_ROLE 7
#define OPERATOR_ROLE 8
#define POLICY 9
#define OTHER_POLICY 10
#define TOKEN 11
#define THNG 12
#define PLACE 13
#define SHARE 14
/* Shares of others, which are more than a user has. */
#define MANY 50

/* What the hashes of the keys consist of. */
#define KEY_OF_OPERATOR 'o'
#define KEY_OF_ANNA 'a'
#define KEY_OF_TOKEN 't'
#define KEY_OF_THNG 'd'
#define KEY_OF_APPLICATION 'p'
#define KEY_SECRET 's'

struct world {
    struct bench bench;
    struct reader reader;
    struct grants *grants;
    struct actor actor; /* the last that was looked up */
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_bench(&world->bench);
    world->reader.documents = world->bench.reader;
    world->grants = grants_new(7);
    assert_non_null(world->grants);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    close_bench(&world->bench);
    grants_free(world->grants);
    free(world);
    return 0;
}

/* ---- what there is ---- */

static void put_operator(struct world *world, const char *members)
{
    char text[256];
    snprintf(text, sizeof(text), "{\"id\":\"" ID(0001) "\",\"createdAt\":1%s}", members);
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_OPERATOR, OPERATOR, text, "");
    put_key(&world->bench, OPERATION_CREATED, KEY_OPERATOR, OPERATOR, KEY_OF_OPERATOR);
}

static void put_project(struct world *world)
{
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_PROJECT, PROJECT, "{\"createdAt\":1}",
                 "");
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_APPLICATION, APPLICATION,
                 "{\"createdAt\":1,\"project\":\"" ID(0002) "\"}", "");
}

static void put_user(struct world *world, uint32_t number, const char *role)
{
    char text[256];
    char scopes[128];
    struct id id = id_of(number);
    snprintf(text, sizeof(text),
             "{\"id\":\"%.24s\",\"createdAt\":1,\"app\":\"" ID(0004) "\",\"project\":\"" ID(
                 0002) "\""
                       ",\"role\":\"%s\"}",
             id.text, role);
    snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[\"" ID(0002) "\"]}",
             id.text);
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_USER, number, text, scopes);
    put_key(&world->bench, OPERATION_CREATED, KEY_USER, number, number == ANNA ? KEY_OF_ANNA : 'b');
}

static void put_role(struct world *world, uint32_t number, const char *name, const char *type,
                     const char *permissions)
{
    char text[512];
    struct id id = id_of(number);
    snprintf(
        text, sizeof(text),
        "{\"id\":\"%.24s\",\"createdAt\":1,\"name\":\"%s\",\"type\":\"%s\",\"permissions\":%s}",
        id.text, name, type, permissions);
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_ROLE, number, text, "");
}

static void put_policy(struct world *world, uint32_t number, const char *name,
                       const char *permissions)
{
    char text[256];
    struct id id = id_of(number);
    snprintf(text, sizeof(text),
             "{\"id\":\"%.24s\",\"createdAt\":1,\"name\":\"%s\",\"permissions\":%s}", id.text, name,
             permissions);
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_ACCESS_POLICY, number, text, "");
}

static void put_token(struct world *world, const char *policies, const char *conditions)
{
    char text[256];
    snprintf(text, sizeof(text), "{\"createdAt\":1,\"policies\":%s,\"conditions\":%s}", policies,
             conditions);
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_ACCESS_TOKEN, TOKEN, text, "");
    put_key(&world->bench, OPERATION_CREATED, KEY_ACCESS_TOKEN, TOKEN, KEY_OF_TOKEN);
}

/* Bert lets Anna at what names him. */
static void put_share(struct world *world, const char *role)
{
    char text[128];
    snprintf(text, sizeof(text), "{\"createdAt\":1,\"user\":\"" ID(0005) "\",\"role\":\"%s\"}",
             role);
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_SHARE, SHARE, text,
                 "{\"users\":[\"" ID(0006) "\"],\"projects\":[\"" ID(0002) "\"]}");
}

static void take_away(struct world *world, enum resource_kind kind, uint32_t number)
{
    put_deletion(&world->bench, kind, number);
    assert_ok(apply(&world->bench));
}

/* ---- looking up ---- */

static struct err look(struct world *world, uint8_t hash_byte)
{
    uint8_t hash[KEY_HASH_BYTES];
    memset(hash, hash_byte, sizeof(hash));
    world->actor = (struct actor){0};
    return actor_read(&world->reader, world->grants, hash, &world->actor);
}

/* Whose rights are these, by name? */
static void assert_grant(const struct world *world, const char *name)
{
    assert_non_null(world->actor.grant);
    struct slice got = world->actor.grant->name;
    if (!slice_equal(got, slice_of_text(name))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(got), name);
    }
}

static bool may(const struct world *world, enum perm_subject subject, enum perm_operation operation)
{
    return !err_is_set(perm_may(&world->actor, subject, operation));
}

static bool may_thng(const struct world *world, enum perm_operation operation, const char *scopes)
{
    struct id id = id_of(99);
    const struct perm_resource resource = {
        .account = ACCOUNT, .kind = RESOURCE_THNG, .id = &id, .scopes = slice_of_text(scopes)};
    return !err_is_set(perm_judge(&world->actor, PERM_THNG, operation, &resource));
}

#define IN_PROJECT "{\"users\":[\"all\"],\"projects\":[\"" ID(0002) "\"]}"
#define IN_OTHER_PROJECT "{\"users\":[\"all\"],\"projects\":[\"" ID(0003) "\"]}"
#define OF_ANNA "{\"users\":[\"" ID(0005) "\"],\"projects\":[\"" ID(0002) "\"]}"
#define OF_BERT "{\"users\":[\"" ID(0006) "\"],\"projects\":[\"" ID(0002) "\"]}"

/* ---- keys ---- */

static void test_unknown_key(void **state)
{
    struct world *world = *state;
    put_operator(world, "");
    assert_ok(apply(&world->bench));
    ASSERT_ERR(look(world, 'x'), CREDENTIAL_UNKNOWN);
}

static void test_devices_and_applications(void **state)
{
    struct world *world = *state;
    const struct id application = id_of(APPLICATION);
    const struct id project = id_of(PROJECT);
    const struct id thng = id_of(THNG);
    put_project(world);
    put_key(&world->bench, OPERATION_CREATED, KEY_DEVICE, THNG, KEY_OF_THNG);
    put_key(&world->bench, OPERATION_CREATED, KEY_APPLICATION, APPLICATION, KEY_OF_APPLICATION);
    put_key(&world->bench, OPERATION_CREATED, KEY_TRUSTED, APPLICATION, KEY_SECRET);
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_THNG));
    assert_int_equal(world->actor.kind, ACTOR_DEVICE);
    assert_int_equal(world->actor.account, ACCOUNT);
    assert_true(id_equal(&world->actor.id, &thng));
    assert_null(world->actor.grant);
    assert_ok(look(world, KEY_OF_APPLICATION));
    assert_int_equal(world->actor.kind, ACTOR_APPLICATION);
    assert_true(id_equal(&world->actor.id, &application));
    assert_true(id_equal(&world->actor.project, &project));
    assert_null(world->actor.grant);
    assert_ok(look(world, KEY_SECRET));
    assert_int_equal(world->actor.kind, ACTOR_TRUSTED);
    take_away(world, RESOURCE_PROJECT, PROJECT);
    ASSERT_ERR(look(world, KEY_SECRET), CREDENTIAL_UNKNOWN);
}

/* ---- operators ---- */

static void test_operators_without_role_are_administrators(void **state)
{
    struct world *world = *state;
    put_operator(world, "");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_int_equal(world->actor.kind, ACTOR_OPERATOR);
    assert_null(world->actor.grant);
}

static void test_operator_with_no_policies_left(void **state)
{
    struct world *world = *state;
    put_operator(world, ",\"policies\":[]");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_non_null(world->actor.grant);
    assert_true(may(world, PERM_ACCESS, PERM_READ));
    assert_false(may(world, PERM_THNG, PERM_READ));
}

static void test_role_counts_before_policies(void **state)
{
    struct world *world = *state;
    put_policy(world, POLICY, "some", "[\"thngs:read\"]");
    put_operator(world, ",\"role\":\"admin\",\"policies\":[\"" ID(0009) "\"]");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_null(world->actor.grant);
}

static void test_operator_with_the_role_none(void **state)
{
    struct world *world = *state;
    put_operator(world, ",\"role\":\"none\"");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_grant(world, "none");
    assert_true(may(world, PERM_ACCESS, PERM_READ));
    assert_false(may(world, PERM_THNG, PERM_READ));
    assert_false(may(world, PERM_ROLES, PERM_LIST));
}

#define SWITCHES                                     \
    "[{\"name\":\"global_read\",\"enabled\":false}," \
    "{\"name\":\"project_read\",\"enabled\":true,\"projects\":[\"" ID(0002) "\"]}]"

static void test_operator_with_a_role(void **state)
{
    struct world *world = *state;
    put_role(world, OPERATOR_ROLE, "readers", "operator", SWITCHES);
    put_operator(world, ",\"role\":\"" ID(0008) "\"");
    put_project(world);
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_grant(world, "readers");
    assert_true(may_thng(world, PERM_READ, IN_PROJECT));
    assert_false(may_thng(world, PERM_READ, IN_OTHER_PROJECT));
    assert_false(may_thng(world, PERM_UPDATE, IN_PROJECT));
    /* What is still written in the scopes of resources counts no more when the project is gone. */
    take_away(world, RESOURCE_PROJECT, PROJECT);
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_grant(world, "readers");
    assert_false(may_thng(world, PERM_READ, IN_PROJECT));
    take_away(world, RESOURCE_ROLE, OPERATOR_ROLE);
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_grant(world, "none");
    assert_false(may_thng(world, PERM_READ, IN_PROJECT));
}

/* A role for users gives an operator nothing, however it came to have it. */
static void test_role_of_another_type(void **state)
{
    struct world *world = *state;
    put_role(world, USER_ROLE, "of users", "userInApp",
             "[{\"path\":\"/thngs\",\"access\":\"cru\"}]");
    put_operator(world, ",\"role\":\"" ID(0007) "\"");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_grant(world, "none");
    assert_false(may(world, PERM_THNG, PERM_READ));
}

static void test_policy_of_another_account(void **state)
{
    struct world *world = *state;
    struct id id = id_of(POLICY);
    group_write_document(
        &world->bench.group, ACCOUNT + 1, OPERATION_CREATED, RESOURCE_ACCESS_POLICY, &id,
        SLICE("{\"createdAt\":1,\"permissions\":[\"thngs:read\"]}"), (struct slice){0});
    put_operator(world, ",\"policies\":[\"" ID(0009) "\"]");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_non_null(world->actor.grant);
    assert_false(may(world, PERM_THNG, PERM_READ));
}

static void test_operator_with_policies(void **state)
{
    struct world *world = *state;
    put_policy(world, POLICY, "some", "[\"thngs:read\"]");
    put_operator(world,
                 ",\"policies\":[\"" ID(0009) "\"],\"conditions\":[\"places:" ID(0013) "\"]");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_grant(world, "some");
    assert_true(may(world, PERM_THNG, PERM_READ));
    assert_false(may(world, PERM_THNG, PERM_UPDATE));
    assert_true(world->actor.grant->limits_places);
    /* That its only policy goes makes no administrator of it. */
    take_away(world, RESOURCE_ACCESS_POLICY, POLICY);
    assert_ok(look(world, KEY_OF_OPERATOR));
    assert_non_null(world->actor.grant);
    assert_false(may(world, PERM_THNG, PERM_READ));
}

/* ---- access tokens ---- */

static void test_token(void **state)
{
    struct world *world = *state;
    const struct id place = id_of(PLACE);
    put_policy(world, POLICY, "one", "[\"thngs:read,list\"]");
    put_policy(world, OTHER_POLICY, "two", "[\"places:*\"]");
    put_token(world, "[\"" ID(0009) "\",\"" ID(0010) "\"]", "[\"places:" ID(0013) "\"]");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_TOKEN));
    assert_int_equal(world->actor.kind, ACTOR_ACCESS_TOKEN);
    assert_grant(world, "one, two");
    assert_true(may(world, PERM_THNG, PERM_READ));
    assert_true(may(world, PERM_PLACES, PERM_DELETE));
    assert_false(may(world, PERM_THNG, PERM_UPDATE));
    assert_int_equal(world->actor.grant->place_count, 1);
    assert_true(id_equal(&world->actor.grant->places[0], &place));
    take_away(world, RESOURCE_ACCESS_POLICY, POLICY);
    assert_ok(look(world, KEY_OF_TOKEN));
    assert_grant(world, "two");
    assert_false(may(world, PERM_THNG, PERM_READ));
    assert_true(may(world, PERM_PLACES, PERM_DELETE));
}

static void test_token_without_policies_may_nothing(void **state)
{
    struct world *world = *state;
    put_token(world, "[]", "[]");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_TOKEN));
    assert_non_null(world->actor.grant);
    assert_true(may(world, PERM_ACCESS, PERM_READ));
    assert_false(may(world, PERM_THNGS, PERM_LIST));
}

/* A key whose token is gone, as between two events of one group. */
static void test_token_is_gone(void **state)
{
    struct world *world = *state;
    put_token(world, "[]", "[]");
    assert_ok(apply(&world->bench));
    take_away(world, RESOURCE_ACCESS_TOKEN, TOKEN);
    ASSERT_ERR(look(world, KEY_OF_TOKEN), CREDENTIAL_UNKNOWN);
}

/* ---- users ---- */

static void test_user(void **state)
{
    struct world *world = *state;
    const struct id project = id_of(PROJECT);
    const struct id application = id_of(APPLICATION);
    put_project(world);
    put_user(world, ANNA, "base_app_user");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_int_equal(world->actor.kind, ACTOR_USER);
    assert_true(id_equal(&world->actor.project, &project));
    assert_true(id_equal(&world->actor.application, &application));
    assert_grant(world, "base_app_user");
    const struct perm_rights column = perm_column(ACTOR_USER);
    assert_memory_equal(&world->actor.grant->may, &column, sizeof(column));
    assert_true(may_thng(world, PERM_READ, OF_ANNA));
    assert_false(may_thng(world, PERM_READ, OF_BERT));
    take_away(world, RESOURCE_APPLICATION, APPLICATION);
    ASSERT_ERR(look(world, KEY_OF_ANNA), CREDENTIAL_UNKNOWN);
}

static void test_user_with_a_role(void **state)
{
    struct world *world = *state;
    put_project(world);
    put_role(world, USER_ROLE, "looks", "userInApp", "[{\"path\":\"/thngs\",\"access\":\"r\"}]");
    put_user(world, ANNA, ID(0007));
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_grant(world, "looks");
    assert_true(may_thng(world, PERM_READ, OF_ANNA));
    assert_false(may_thng(world, PERM_UPDATE, OF_ANNA));
    assert_false(may(world, PERM_PRODUCTS, PERM_READ));
    take_away(world, RESOURCE_ROLE, USER_ROLE);
    assert_ok(look(world, KEY_OF_ANNA));
    assert_grant(world, "none");
    assert_false(may(world, PERM_THNG, PERM_READ));
    assert_true(may(world, PERM_LOGOUT, PERM_CREATE));
}

/* An operator's role gives a user nothing; nor does "admin". */
static void test_user_with_a_role_of_operators(void **state)
{
    struct world *world = *state;
    put_project(world);
    put_role(world, OPERATOR_ROLE, "readers", "operator", SWITCHES);
    put_user(world, ANNA, ID(0008));
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_false(may(world, PERM_THNG, PERM_READ));
    put_user(world, ANNA, "admin");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_grant(world, "none");
    assert_false(may(world, PERM_THNG, PERM_READ));
}

static void test_share(void **state)
{
    struct world *world = *state;
    put_project(world);
    put_role(world, USER_ROLE, "looks", "userInApp", "[{\"path\":\"/thngs\",\"access\":\"r\"}]");
    put_user(world, ANNA, "base_app_user");
    put_user(world, BERT, "base_app_user");
    put_share(world, ID(0007));
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_true(may_thng(world, PERM_READ, OF_BERT));
    assert_false(may_thng(world, PERM_UPDATE, OF_BERT));
    assert_true(may_thng(world, PERM_UPDATE, OF_ANNA));
    /* The one who shares has nothing of it. */
    assert_ok(look(world, 'b'));
    assert_false(may_thng(world, PERM_READ, OF_ANNA));
    take_away(world, RESOURCE_SHARE, SHARE);
    assert_ok(look(world, KEY_OF_ANNA));
    assert_false(may_thng(world, PERM_READ, OF_BERT));
    assert_int_equal(world->actor.grant->zone_count, 1);
}

static void test_share_ends_with_its_user(void **state)
{
    struct world *world = *state;
    put_project(world);
    put_user(world, ANNA, "base_app_user");
    put_user(world, BERT, "base_app_user");
    put_share(world, "base_app_user");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_int_equal(world->actor.grant->zone_count, 2);
    take_away(world, RESOURCE_USER, BERT);
    assert_ok(look(world, KEY_OF_ANNA));
    assert_int_equal(world->actor.grant->zone_count, 1);
}

/* What another role takes away nobody keeps by sharing with itself. */
static void test_share_with_oneself(void **state)
{
    struct world *world = *state;
    put_project(world);
    put_user(world, ANNA, "none");
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_SHARE, SHARE,
                 "{\"createdAt\":1,\"user\":\"" ID(0005) "\",\"role\":\"base_app_user\"}",
                 "{\"users\":[\"" ID(0005) "\"],\"projects\":[\"" ID(0002) "\"]}");
    assert_ok(apply(&world->bench));
    assert_ok(look(world, KEY_OF_ANNA));
    assert_false(may_thng(world, PERM_READ, OF_ANNA));
    assert_int_equal(world->actor.grant->zone_count, 0);
}

/* Others cannot push out what somebody has shared before, however much they share. */
static void test_many_shares(void **state)
{
    struct world *world = *state;
    put_project(world);
    put_user(world, ANNA, "base_app_user");
    put_user(world, BERT, "base_app_user");
    put_share(world, "base_app_user");
    for (uint32_t i = 0; i < 4 * MANY; i++) {
        char scopes[128];
        struct id owner = id_of(200 + i / 2); /* each twice */
        snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[\"" ID(0002) "\"]}",
                 owner.text);
        put_document(&world->bench, OPERATION_CREATED, RESOURCE_SHARE, 1000 + i,
                     "{\"createdAt\":1,\"user\":\"" ID(0005) "\",\"role\":\"base_app_user\"}",
                     scopes);
        assert_ok(apply(&world->bench));
        if (i == MANY) {
            assert_ok(look(world, KEY_OF_ANNA));
            assert_int_equal(world->actor.grant->zone_count, 2 + i / 2 + 1);
        }
    }
    assert_ok(look(world, KEY_OF_ANNA));
    assert_true(may_thng(world, PERM_READ, OF_BERT));
    assert_int_equal(world->actor.grant->zone_count, 1 + PERM_VIEWERS_MAX - 1);
}

/* ---- by id ---- */

static struct err look_by_id(struct world *world, uint32_t account, uint32_t number,
                             bool is_trusted)
{
    struct id id = id_of(number);
    world->actor = (struct actor){0};
    return actor_read_by_id(&world->reader, world->grants, account, &id, is_trusted, &world->actor);
}

static void test_by_id(void **state)
{
    struct world *world = *state;
    struct actor by_key;
    put_project(world);
    put_user(world, ANNA, "base_app_user");
    put_operator(world, ",\"role\":\"none\"");
    put_document(&world->bench, OPERATION_CREATED, RESOURCE_THNG, THNG, "{\"createdAt\":1}", "");
    put_key(&world->bench, OPERATION_CREATED, KEY_TRUSTED, APPLICATION, KEY_SECRET);
    assert_ok(apply(&world->bench));
    static const struct {
        uint32_t number;
        uint8_t key;
    } same[] = {{ANNA, KEY_OF_ANNA}, {OPERATOR, KEY_OF_OPERATOR}, {APPLICATION, KEY_SECRET}};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_ok(look(world, same[i].key));
        by_key = world->actor;
        assert_ok(look_by_id(world, ACCOUNT, same[i].number, true));
        assert_true(actor_equal(&world->actor, &by_key));
        assert_true(id_equal(&world->actor.project, &by_key.project));
        assert_true(id_equal(&world->actor.application, &by_key.application));
        assert_ptr_equal(world->actor.grant, by_key.grant);
        ASSERT_ERR(look_by_id(world, ACCOUNT + 1, same[i].number, true), NOT_FOUND);
    }
    assert_ok(look_by_id(world, ACCOUNT, APPLICATION, false));
    assert_int_equal(world->actor.kind, ACTOR_APPLICATION);
    assert_ok(look_by_id(world, ACCOUNT, THNG, false));
    assert_int_equal(world->actor.kind, ACTOR_DEVICE);
    ASSERT_ERR(look_by_id(world, ACCOUNT, PROJECT, false), NOT_FOUND);
    ASSERT_ERR(look_by_id(world, ACCOUNT, 99, false), NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_key),
        TEST(test_devices_and_applications),
        TEST(test_operators_without_role_are_administrators),
        TEST(test_operator_with_no_policies_left),
        TEST(test_role_counts_before_policies),
        TEST(test_operator_with_the_role_none),
        TEST(test_operator_with_a_role),
        TEST(test_role_of_another_type),
        TEST(test_policy_of_another_account),
        TEST(test_operator_with_policies),
        TEST(test_token),
        TEST(test_token_without_policies_may_nothing),
        TEST(test_token_is_gone),
        TEST(test_user),
        TEST(test_user_with_a_role),
        TEST(test_user_with_a_role_of_operators),
        TEST(test_share),
        TEST(test_share_ends_with_its_user),
        TEST(test_share_with_oneself),
        TEST(test_many_shares),
        TEST(test_by_id),
    };
    return cmocka_run_group_tests_name("actor_read", tests, NULL, NULL);
}
