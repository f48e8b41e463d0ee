/* SPDX-License-Identifier: Apache-2.0
 *
 * Users log in and out: who is found, what is compared, which key is told. */
#include "front/rest_users.h"

#include "base/clock.h"
#include "users_fixture.h"

static const struct rest_route login_route = {
    .method = HTTP1_POST,
    .kind = RESOURCE_USER,
    .subject = PERM_SIGN_UP,
    .operation = PERM_CREATE,
    .reply = REPLY_SIGN_UP,
    .status = 201,
    .begin = rest_login,
    .on_answer = rest_logged_in,
};
static const struct rest_route other_login_route = {
    .method = HTTP1_POST,
    .kind = RESOURCE_USER,
    .subject = PERM_SIGN_UP,
    .operation = PERM_CREATE,
    .reply = REPLY_LOGIN,
    .status = 200,
    .begin = rest_login,
    .on_answer = rest_logged_in,
};
static const struct rest_route logout_route = {
    .method = HTTP1_POST,
    .subject = PERM_LOGOUT,
    .operation = PERM_CREATE,
    .reply = REPLY_LOGOUT,
    .status = 201,
    .begin = rest_logout,
    .on_answer = rest_logged_out,
};

#define BODY "{\"email\":\"Ann@x.org\",\"password\":\"r\\u0069ght\"}"
#define API_KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static const struct command *log_in(struct world *world, const char *body)
{
    ask(world, application(), &login_route, body);
    return begin_request(world);
}

static void assert_login_refused(struct world *world, const char *body, enum err_code code)
{
    assert_null(log_in(world, body));
    turn_until(world, &users_now.is_answered, true);
    if (users_now.refused.code != code) {
        fail_msg("%s: %s", body, err_name(users_now.refused));
    }
}

static void assert_asks_for_key(const struct command *command)
{
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_KEY_CREATE);
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->target_kind, RESOURCE_USER);
    assert_true(id_equal(&command->target, &USER));
    assert_true(id_equal(&command->as.key.parent, &APPLICATION));
    assert_int_equal(command->as.key.key.kind, KEY_USER);
    assert_false(command->as.key.replaces);
}

#define SESSION                                                                    \
    "{\"evrythngUser\":\"UdBcDeFgHkMnPqRsTwXyAaBb\",\"evrythngApiKey\":\"" API_KEY \
    "\",\"status\":\"active\",\"email\":\"Ann@x.org\",\"socialNetwork\":\"evrythng\"}"

/* ---- in ---- */

/* The engine makes the key that was sent to it; what is told is what the store has. */
static void test_login(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    assert_asks_for_key(log_in(world, BODY));
    put_key(world, API_KEY);
    finish_request(world, ERR(OK), NULL);
    assert_int_equal(users_now.status, 201);
    assert_text(buf_data(&users_now.body), SESSION);
}

static void test_login_tells_the_key_that_there_is(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    put_key(world, API_KEY);
    assert_asks_for_key(log_in(world, BODY));
    finish_request(world, ERR(CONFLICT), NULL);
    assert_int_equal(users_now.status, 201);
    assert_text(buf_data(&users_now.body), SESSION);
}

static void test_login_with_document(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    put_key(world, API_KEY);
    ask(world, application(), &other_login_route, BODY);
    assert_asks_for_key(begin_request(world));
    finish_request(world, ERR(CONFLICT), NULL);
    assert_int_equal(users_now.status, 200);
    assert_text(buf_data(&users_now.body),
                "{\"id\":\"UdBcDeFgHkMnPqRsTwXyAaBb\",\"createdAt\":1000,\"updatedAt\":1000,"
                "\"app\":\"UcBcDeFgHkMnPqRsTwXyAaBb\",\"project\":\"UqBcDeFgHkMnPqRsTwXyAaBb\","
                "\"email\":\"Ann@x.org\","
                "\"access\":{\"id\":\"UdBcDeFgHkMnPqRsTwXyAaBb\","
                "\"project\":\"UqBcDeFgHkMnPqRsTwXyAaBb\",\"app\":\"UcBcDeFgHkMnPqRsTwXyAaBb\","
                "\"user\":\"UdBcDeFgHkMnPqRsTwXyAaBb\","
                "\"actor\":{\"type\":\"userInApp\",\"id\":\"UdBcDeFgHkMnPqRsTwXyAaBb\"},"
                "\"role\":\"base_app_user\",\"apiKey\":\"" API_KEY "\"}}");
}

static void test_capital_letters_of_emails(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    assert_asks_for_key(log_in(world, "{\"email\":\"aNN@X.\\u006frg\",\"password\":\"right\"}"));
}

/* What has failed before does not count. */
static void forgive(struct world *world)
{
    login_limit_free(world->shared.login_limit);
    world->shared.login_limit = login_limit_new(FREE_FAILURES, 3600000, 7);
    assert_non_null(world->shared.login_limit);
}

static void test_wrong_ones_are_told_apart_by_nobody(void **state)
{
    struct world *world = *state;
    assert_login_refused(world, BODY, ERR_CREDENTIAL_WRONG);
    forgive(world);
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    assert_login_refused(world, "{\"email\":\"Ann@x.org\",\"password\":\"Right\"}",
                         ERR_CREDENTIAL_WRONG);
    forgive(world);
    assert_login_refused(world, "{\"email\":\"Ann@x.orgs\",\"password\":\"right\"}",
                         ERR_CREDENTIAL_WRONG);
    forgive(world);
    ask(world, other_application(), &login_route, BODY);
    assert_refused(world, CREDENTIAL_WRONG);
}

/* An unknown email costs as much: it is counted, and slowed. */
static void test_unknown_emails_are_compared(void **state)
{
    struct world *world = *state;
    int64_t before_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < FREE_FAILURES; i++) {
        assert_login_refused(world, BODY, ERR_CREDENTIAL_WRONG);
    }
    assert_true(login_limit_wait_ms(world->shared.login_limit, &world->clients[0].conn.peer,
                                    before_ms) >= 1000);
}

static void test_slowed_logins(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    for (unsigned i = 0; i < FREE_FAILURES + 10; i++) {
        login_limit_failed(world->shared.login_limit, &world->clients[0].conn.peer, 0,
                           clock_monotonic_ms());
    }
    assert_login_refused(world, BODY, ERR_TOO_MANY_REQUESTS);
    assert_int_equal(users_now.status, 429);
    assert_true(users_now.request.retry_after_ms > 0);
}

/* That there is such a user is told to who knows the password. */
static void test_users_must_be_active(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, INACTIVE);
    assert_login_refused(world, BODY, ERR_NOT_ACTIVATED);
    assert_login_refused(world, "{\"email\":\"Ann@x.org\",\"password\":\"x\"}",
                         ERR_CREDENTIAL_WRONG);
    put_user(world, OPERATION_UPDATED, "\"credentials\":{\"status\":\"anonymous\"}");
    assert_login_refused(world, BODY, ERR_CREDENTIAL_WRONG);
}

static void test_bodies_of_login(void **state)
{
    struct world *world = *state;
    assert_login_refused(world, "", ERR_BODY_MISSING);
    assert_login_refused(world, "{", ERR_JSON_INVALID);
    assert_login_refused(world, "[]", ERR_SHAPE_INVALID);
    assert_login_refused(world, "{}", ERR_FIELD_MISSING);
    assert_text(detail(), "email: A required field is missing.");
    assert_login_refused(world, "{\"email\":7,\"password\":\"x\"}", ERR_FIELD_INVALID);
    assert_login_refused(world, "{\"email\":\"Ann@x.org\"}", ERR_FIELD_MISSING);
    assert_text(detail(), "password: A required field is missing.");
    assert_login_refused(world, "{\"email\":\"Ann@x.org\",\"password\":\"\"}", ERR_FIELD_INVALID);
    assert_login_refused(world, "{\"email\":\"Ann@x.org\",\"password\":null}", ERR_FIELD_INVALID);
}

/* The user has gone while its password was compared, or its key while the answer was composed. */
static void test_users_that_go(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    assert_asks_for_key(log_in(world, BODY));
    finish_request(world, ERR(NOT_FOUND), NULL);
    assert_int_equal(users_now.refused.code, ERR_CREDENTIAL_WRONG);
    assert_asks_for_key(log_in(world, BODY));
    finish_request(world, ERR(CONFLICT), NULL);
    assert_int_equal(users_now.refused.code, ERR_BUSY);
    assert_asks_for_key(log_in(world, BODY));
    finish_request(world, ERR(READ_ONLY), NULL);
    assert_int_equal(users_now.refused.code, ERR_READ_ONLY);
}

/* ---- out ---- */

static void test_logout(void **state)
{
    struct world *world = *state;
    ask(world, user(), &logout_route, "");
    const struct command *command = begin_request(world);
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_KEY_DELETE);
    assert_int_equal(command->target_kind, RESOURCE_USER);
    assert_true(id_equal(&command->target, &USER));
    assert_int_equal(command->as.key.key.kind, KEY_USER);
    finish_request(world, ERR(OK), NULL);
    assert_int_equal(users_now.status, 201);
    assert_text(buf_data(&users_now.body), "{\"logout\":\"ok\"}");
}

static void test_logout_of_who_is_out(void **state)
{
    struct world *world = *state;
    ask(world, user(), &logout_route, "");
    assert_non_null(begin_request(world));
    finish_request(world, ERR(NOT_FOUND), NULL);
    assert_int_equal(users_now.status, 201);
    ask(world, user(), &logout_route, "");
    assert_non_null(begin_request(world));
    finish_request(world, ERR(READ_ONLY), NULL);
    assert_int_equal(users_now.refused.code, ERR_READ_ONLY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_users, teardown_users)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_login),
        TEST(test_login_tells_the_key_that_there_is),
        TEST(test_login_with_document),
        TEST(test_capital_letters_of_emails),
        TEST(test_wrong_ones_are_told_apart_by_nobody),
        TEST(test_unknown_emails_are_compared),
        TEST(test_slowed_logins),
        TEST(test_users_must_be_active),
        TEST(test_bodies_of_login),
        TEST(test_users_that_go),
        TEST(test_logout),
        TEST(test_logout_of_who_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
