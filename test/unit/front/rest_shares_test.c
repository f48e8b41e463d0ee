/* SPDX-License-Identifier: Apache-2.0
 *
 * Users let others at what is their own, with no more rights than they have themselves. */
#include "front/rest.h"

#include "model/grant.h"
#include "model/role.h"
#include "users_fixture.h"

static const struct rest_route share_route = {
    .method = HTTP1_POST,
    .kind = RESOURCE_SHARE,
    .subject = PERM_SHARES,
    .operation = PERM_CREATE,
    .reply = REPLY_DOCUMENT,
    .status = 201,
    .begin = rest_share_create,
};

#define READING "[{\"path\":\"/thngs\",\"access\":\"r\"}]"
#define WRITING "[{\"path\":\"/thngs\",\"access\":\"ru\"}]"

/* A role of the test's account. */
static void put_role(struct world *world, uint32_t account, const char *permissions)
{
    struct buf text = {0};
    buf_put_format(&text,
                   "{\"id\":\"%.*s\",\"createdAt\":1,\"updatedAt\":1,\"name\":\"r\","
                   "\"type\":\"userInApp\",\"permissions\":%s}",
                   ID_BYTES, ROLE.text, permissions);
    group_write_document(begin(world), account, OPERATION_CREATED, RESOURCE_ROLE, &ROLE,
                         buf_data(&text), (struct slice){0});
    buf_deinit(&text);
    publish(world);
}

static struct grant *grant_of(const struct perm_rights *rights)
{
    struct grant_draft draft = {0};
    grant_draft_add(&draft, GRANT_ALL, rights, NULL, 0);
    struct grant *grant = grant_new(&draft, ACTOR_USER);
    assert_non_null(grant);
    grant_draft_deinit(&draft);
    return grant;
}

/* What a user with these permissions is refused when it shares with <role>. */
static struct err shared(struct world *world, const char *permissions, const char *role)
{
    const struct perm_rights rights = permissions == NULL
                                          ? perm_column(ACTOR_USER)
                                          : role_user_rights(slice_of_text(permissions));
    struct grant *grant = grant_of(&rights);
    struct actor actor = user();
    char body[128];
    actor.grant = grant;
    snprintf(body, sizeof(body), "{\"email\":\"bob@x.org\",\"role\":%s}", role);
    ask(world, actor, &share_route, body);
    const struct command *command = begin_request(world);
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_CREATE);
    assert_int_equal(command->target_kind, RESOURCE_SHARE);
    free(grant);
    return command->refusal;
}

#define THE_ROLE "\"UeBcDeFgHkMnPqRsTwXyAaBb\""
#define BASE "\"base_app_user\""

static void test_base_role_is_given_by_who_has_it(void **state)
{
    struct world *world = *state;
    assert_int_equal(shared(world, NULL, BASE).code, ERR_OK);
    assert_int_equal(shared(world, READING, BASE).code, ERR_GRANTS_TOO_MUCH);
    assert_int_equal(shared(world, "[]", BASE).code, ERR_GRANTS_TOO_MUCH);
}

/* What no role takes away need not be in one's role to be given. */
static void test_base_role_as_a_role(void **state)
{
    struct buf base = {0};
    role_write_base(&base);
    buf_put_byte(&base, 0);
    assert_int_equal(shared(*state, (const char *)buf_data(&base).at, BASE).code, ERR_OK);
    buf_deinit(&base);
}

static void test_roles_are_given_by_who_has_their_rights(void **state)
{
    struct world *world = *state;
    put_role(world, ACCOUNT, READING);
    assert_int_equal(shared(world, NULL, THE_ROLE).code, ERR_OK);
    assert_int_equal(shared(world, READING, THE_ROLE).code, ERR_OK);
    assert_int_equal(shared(world, WRITING, THE_ROLE).code, ERR_OK);
    assert_int_equal(shared(world, "[]", THE_ROLE).code, ERR_GRANTS_TOO_MUCH);
}

static void test_more_than_the_own_rights(void **state)
{
    struct world *world = *state;
    put_role(world, ACCOUNT, WRITING);
    assert_int_equal(shared(world, READING, THE_ROLE).code, ERR_GRANTS_TOO_MUCH);
    assert_int_equal(shared(world, WRITING, THE_ROLE).code, ERR_OK);
}

/* That there is no such role the engine tells. */
static void test_roles_that_are_none(void **state)
{
    struct world *world = *state;
    assert_int_equal(shared(world, "[]", THE_ROLE).code, ERR_OK);
    put_role(world, ACCOUNT + 1, WRITING);
    assert_int_equal(shared(world, "[]", THE_ROLE).code, ERR_OK);
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    assert_int_equal(shared(world, "[]", "\"UdBcDeFgHkMnPqRsTwXyAaBb\"").code, ERR_OK);
}

static void test_bodies_are_judged_by_others(void **state)
{
    struct world *world = *state;
    assert_int_equal(shared(world, "[]", "7").code, ERR_FIELD_INVALID);
    assert_int_equal(shared(world, "[]", "\"admin\"").code, ERR_REFERENCE_UNKNOWN);
    assert_int_equal(shared(world, "[]", "\"none\"").code, ERR_REFERENCE_UNKNOWN);
    ask(world, user(), &share_route, "{\"role\":" BASE "}");
    const struct command *command = begin_request(world);
    assert_int_equal(command->refusal.code, ERR_FIELD_MISSING);
    ask(world, user(), &share_route, "[]");
    command = begin_request(world);
    assert_int_equal(command->refusal.code, ERR_SHAPE_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_users, teardown_users)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_base_role_is_given_by_who_has_it),
        TEST(test_base_role_as_a_role),
        TEST(test_roles_are_given_by_who_has_their_rights),
        TEST(test_more_than_the_own_rights),
        TEST(test_roles_that_are_none),
        TEST(test_bodies_are_judged_by_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
