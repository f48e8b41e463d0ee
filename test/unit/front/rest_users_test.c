/* SPDX-License-Identifier: Apache-2.0
 *
 * Users sign up, are validated, and get other passwords: what is sent to the engine, and what is
 * answered. */
#include "front/rest_users.h"

#include "users_fixture.h"

static const struct rest_route create_route = {
    .method = HTTP1_POST,
    .kind = RESOURCE_USER,
    .subject = PERM_SIGN_UP,
    .operation = PERM_CREATE,
    .reply = REPLY_SIGN_UP,
    .status = 201,
    .begin = rest_user_create,
    .on_answer = rest_user_created,
};
static const struct rest_route validate_route = {
    .method = HTTP1_POST,
    .kind = RESOURCE_USER,
    .subject = PERM_SIGN_UP,
    .operation = PERM_CREATE,
    .reply = REPLY_SIGN_UP,
    .status = 201,
    .begin = rest_user_validate,
    .on_answer = rest_user_validated,
};
static const struct rest_route update_route = {
    .method = HTTP1_PUT,
    .kind = RESOURCE_USER,
    .subject = PERM_USERS,
    .operation = PERM_UPDATE,
    .reply = REPLY_DOCUMENT,
    .status = 200,
    .begin = rest_user_update,
};
static const struct rest_route status_route = {
    .method = HTTP1_GET,
    .kind = RESOURCE_USER,
    .subject = PERM_USER_STATUS,
    .operation = PERM_READ,
    .reply = REPLY_USER_STATUS,
    .status = 200,
    .begin = rest_user_status,
};

#define PASSWORD "\"password\":\"s\\u0065cret\""
#define NAMES "\"firstName\":\"Ann\",\"lastName\":\"Lee\""
#define EMAIL "\"email\":\"Ann@x.org\""
#define BODY "{" NAMES "," EMAIL "," PASSWORD "}"

#define API_KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static void assert_api_key(struct slice api_key, const struct command_key *key)
{
    uint8_t hash[KEY_HASH_BYTES];
    struct buf unsealed = {0};
    const struct keyring *keyring = users_now.world->shared.keyring;
    assert_true(key_is_wellformed(api_key));
    keyring_hash(keyring, api_key, hash);
    assert_memory_equal(key->hash, hash, sizeof(hash));
    MUST(keyring_unseal(keyring, key->sealed, &unsealed));
    assert_true(slice_equal(buf_data(&unsealed), api_key));
    assert_int_equal(key->kind, KEY_USER);
    buf_deinit(&unsealed);
}

static struct slice api_key_kept(void)
{
    return slice_of(users_now.request.kept.user.api_key, API_KEY_BYTES);
}

/* ---- signing up ---- */

static void test_sign_up(void **state)
{
    struct world *world = *state;
    struct http_request *request = ask(world, application(), &create_route, BODY);
    request->project = PROJECT;
    const struct command *command = begin_request(world);
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_CREATE);
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->target_kind, RESOURCE_USER);
    assert_true(id_equal(&command->as.create.parent, &APPLICATION));
    assert_true(id_equal(&command->project, &PROJECT));
    assert_int_equal(command->as.create.key_count, 0);
    struct slice members = command->as.create.members;
    assert_text(member_of(members, "email").text, "\"Ann@x.org\"");
    assert_text(member_of(members, "firstName").text, "\"Ann\"");
    assert_int_equal(member_of(members, "password").type, JSON_NONE);
    struct json_value credentials = member_of(members, "credentials");
    assert_text(text_of(credentials, "status"), "inactive");
    assert_true(is_hash_of(text_of(credentials, "password"), "secret"));
    struct slice code = text_of(credentials, "activationCode");
    assert_int_equal(code.bytes, 8);
    finish_request(world, ERR(OK), &USER);
    assert_int_equal(users_now.status, 201);
    char wanted[256];
    snprintf(wanted, sizeof(wanted),
             "{\"evrythngUser\":\"%.*s\",\"activationCode\":\"%.*s\",\"status\":\"inactive\","
             "\"email\":\"Ann@x.org\"}",
             ID_BYTES, USER.text, SLICE_ARGS(code));
    assert_text(buf_data(&users_now.body), wanted);
    assert_string_equal(users_now.location, "/users/UdBcDeFgHkMnPqRsTwXyAaBb");
}

/* Codes are of letters and digits, all of them, and no two are the same. */
static void test_codes_differ(void **state)
{
    struct world *world = *state;
    char former[8] = "";
    for (unsigned i = 0; i < 20; i++) {
        ask(world, application(), &create_route, BODY);
        const struct command *command = begin_request(world);
        struct json_value credentials = member_of(command->as.create.members, "credentials");
        struct slice code = text_of(credentials, "activationCode");
        assert_int_equal(code.bytes, sizeof(former));
        for (size_t at = 0; at < code.bytes; at++) {
            uint8_t lower = ascii_lower(code.at[at]);
            assert_true((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9'));
        }
        assert_memory_not_equal(code.at, former, sizeof(former));
        memcpy(former, code.at, sizeof(former));
    }
}

/* It travels as the command's refusal, because the project is judged first. */
static void assert_sign_up_refused(struct world *world, const char *body, enum err_code code,
                                   const char *told)
{
    ask(world, application(), &create_route, body);
    const struct command *command = begin_request(world);
    assert_non_null(command);
    if (command->refusal.code != code) {
        fail_msg("%s: %s", body, err_name(command->refusal));
    }
    assert_true(slice_starts_with(detail(), slice_of_text(told)));
    assert_int_equal(slice_is_empty(detail()), told[0] == 0);
}

static void test_bodies_of_sign_up(void **state)
{
    struct world *world = *state;
    assert_sign_up_refused(world, "", ERR_BODY_MISSING, "");
    assert_sign_up_refused(world, "{", ERR_JSON_INVALID, "");
    assert_sign_up_refused(world, "[]", ERR_SHAPE_INVALID, "");
    assert_sign_up_refused(world, "{" NAMES "," EMAIL "}", ERR_FIELD_MISSING, "password: ");
    assert_sign_up_refused(world, "{" NAMES "," EMAIL ",\"password\":null}", ERR_FIELD_INVALID,
                           "password: ");
    assert_sign_up_refused(world, "{" NAMES "," EMAIL ",\"password\":\"\"}", ERR_FIELD_INVALID,
                           "password: ");
    assert_sign_up_refused(world, "{" NAMES "," PASSWORD "}", ERR_FIELD_MISSING, "email: ");
    assert_sign_up_refused(world, "{" NAMES ",\"email\":7," PASSWORD "}", ERR_FIELD_INVALID,
                           "email: ");
    assert_sign_up_refused(world, "{" NAMES ",\"email\":\"x\"," PASSWORD "}", ERR_FIELD_INVALID,
                           "email: ");
    assert_sign_up_refused(world, "{\"firstName\":\"A\"," EMAIL "," PASSWORD "}", ERR_FIELD_MISSING,
                           "lastName: ");
    assert_sign_up_refused(world, "{\"lastName\":\"A\"," EMAIL "," PASSWORD "}", ERR_FIELD_MISSING,
                           "firstName: ");
}

/* What clients say of credentials does not count. */
static void test_credentials_cannot_be_sent(void **state)
{
    struct world *world = *state;
    ask(world, application(), &create_route,
        "{" NAMES "," EMAIL "," PASSWORD ",\"credentials\":{\"status\":\"active\"},"
        "\"role\":\"none\",\"status\":\"active\"}");
    const struct command *command = begin_request(world);
    assert_int_equal(command->refusal.code, ERR_OK);
    struct slice members = command->as.create.members;
    assert_text(text_of(member_of(members, "credentials"), "status"), "inactive");
    assert_int_equal(member_of(members, "role").type, JSON_NONE);
    assert_int_equal(member_of(members, "status").type, JSON_NONE);
}

static void test_taken_email_is_a_conflict(void **state)
{
    struct world *world = *state;
    ask(world, application(), &create_route, BODY);
    assert_non_null(begin_request(world));
    finish_request(world, ERR(NAME_TAKEN), NULL);
    assert_int_equal(users_now.status, 409);
}

static void assert_anonymous(struct world *world, const char *query, const char *body)
{
    ask(world, application(), &create_route, body)->query = slice_of_text(query);
    const struct command *command = begin_request(world);
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_CREATE);
    assert_int_equal(command->refusal.code, ERR_OK);
    assert_int_equal(command->target_kind, RESOURCE_USER);
    assert_true(id_equal(&command->as.create.parent, &APPLICATION));
    assert_int_equal(command->as.create.key_count, 1);
    assert_api_key(api_key_kept(), &command->as.create.keys[0]);
    struct json_value email = member_of(command->as.create.members, "email");
    struct slice address = json_string_raw(email);
    struct id id;
    assert_true(id_parse(slice_first(address, ID_BYTES), &id));
    assert_text(slice_from(address, ID_BYTES), "@anonymous.invalid");
    assert_text(member_of(command->as.create.members, "credentials").text,
                "{\"status\":\"anonymous\"}");
    assert_int_equal(member_of(command->as.create.members, "firstName").type, JSON_NONE);
    finish_request(world, ERR(OK), &USER);
    assert_int_equal(users_now.status, 201);
    char wanted[384];
    snprintf(wanted, sizeof(wanted),
             "{\"evrythngUser\":\"%.*s\",\"evrythngApiKey\":\"%.*s\",\"status\":\"anonymous\","
             "\"email\":%.*s,\"socialNetwork\":\"evrythng\"}",
             ID_BYTES, USER.text, SLICE_ARGS(api_key_kept()), SLICE_ARGS(email.text));
    assert_text(buf_data(&users_now.body), wanted);
}

static void test_anonymous_users(void **state)
{
    struct world *world = *state;
    assert_anonymous(world, "anonymous=true", "");
    assert_anonymous(world, "anonymous=true", "{}");
    assert_anonymous(world, "", "{\"anonymous\":true}");
    assert_anonymous(world, "anonymous=true", BODY);
    ask(world, application(), &create_route, "{")->query = SLICE("anonymous=true");
    assert_refused(world, JSON_INVALID);
    assert_sign_up_refused(world, "{\"anonymous\":false}", ERR_FIELD_MISSING, "firstName: ");
}

/* ---- validating ---- */

static void ask_validation(struct world *world, struct actor actor, const char *body)
{
    ask(world, actor, &validate_route, body)->resource = USER;
}

#define CODE "{\"activationCode\":\"Abcdef12\"}"

static void test_validation(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, INACTIVE);
    ask_validation(world, application(), CODE);
    const struct command *command = begin_request(world);
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_UPDATE);
    assert_int_equal(command->target_kind, RESOURCE_USER);
    assert_true(id_equal(&command->target, &USER));
    assert_true(id_equal(&command->as.update.parent, &APPLICATION));
    assert_int_equal(command->subject, PERM_SIGN_UP);
    assert_int_equal(command->operation, PERM_CREATE);
    assert_non_null(command->as.update.key);
    assert_api_key(api_key_kept(), command->as.update.key);
    struct json_value credentials = member_of(command->as.update.patch, "credentials");
    int64_t activated_ms;
    assert_text(text_of(credentials, "status"), "active");
    assert_true(json_int64(json_member(credentials, SLICE("activatedAt")), &activated_ms));
    assert_int_equal(json_member(credentials, SLICE("activationCode")).type, JSON_NONE);
    assert_true(is_hash_of(text_of(credentials, "password"), "right"));
    put_key(world, API_KEY);
    finish_request(world, ERR(OK), NULL);
    assert_int_equal(users_now.status, 201);
    assert_text(buf_data(&users_now.body),
                "{\"evrythngUser\":\"UdBcDeFgHkMnPqRsTwXyAaBb\",\"evrythngApiKey\":\"" API_KEY
                "\",\"status\":\"active\",\"email\":\"Ann@x.org\",\"socialNetwork\":\"evrythng\"}");
}

static void assert_invalid(struct world *world, const char *body, enum err_code code)
{
    ask_validation(world, application(), body);
    struct err err = refusal_of(world);
    if (err.code != code) {
        fail_msg("%s: %s", body, err_name(err));
    }
}

static void test_validation_is_refused(void **state)
{
    struct world *world = *state;
    assert_invalid(world, CODE, ERR_NOT_FOUND);
    put_user_with(world, OPERATION_CREATED, INACTIVE);
    assert_invalid(world, "", ERR_BODY_MISSING);
    assert_invalid(world, "[]", ERR_SHAPE_INVALID);
    assert_invalid(world, "{}", ERR_FIELD_MISSING);
    assert_invalid(world, "{\"activationCode\":12345678}", ERR_FIELD_INVALID);
    assert_invalid(world, "{\"activationCode\":\"Abcdef13\"}", ERR_FIELD_INVALID);
    assert_text(detail(), "activationCode: A field has a value that is not valid.");
    assert_invalid(world, "{\"activationCode\":\"Abcdef1\"}", ERR_FIELD_INVALID);
    assert_invalid(world, "{\"activationCode\":\"Abcdef123\"}", ERR_FIELD_INVALID);
    assert_invalid(world, "{\"activationCode\":\"\"}", ERR_FIELD_INVALID);
    put_user_with(world, OPERATION_UPDATED, ACTIVE);
    assert_invalid(world, CODE, ERR_CONFLICT);
    assert_int_equal(detail().bytes, 0);
    put_user(world, OPERATION_UPDATED, "\"credentials\":{\"status\":\"anonymous\"}");
    assert_invalid(world, CODE, ERR_CONFLICT);
}

/* Applications of the project see the user, but it is not theirs to validate. */
static void test_validation_is_the_own_applications(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, INACTIVE);
    ask_validation(world, other_application(), CODE);
    assert_refused(world, NOT_FOUND);
}

/* ---- another password ---- */

static const struct command *update(struct world *world, struct actor actor, const char *body)
{
    ask(world, actor, &update_route, body)->resource = USER;
    return begin_request(world);
}

static void test_update_without_password(void **state)
{
    const struct command *command = update(*state, user(), "{\"firstName\":\"Bo\"}");
    assert_non_null(command);
    assert_int_equal(command->kind, COMMAND_UPDATE);
    assert_true(id_equal(&command->target, &USER));
    assert_text(command->as.update.patch, "\"firstName\":\"Bo\"");
    command = update(*state, user(), "{\"oldPassword\":\"x\"}");
    assert_text(command->as.update.patch, "");
    command = update(*state, user(), "{");
    assert_int_equal(command->refusal.code, ERR_JSON_INVALID);
}

#define CHANGE "{\"firstName\":\"Bo\",\"password\":\"fresh\",\"oldPassword\":\"right\"}"

static void test_users_say_the_former_password(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, ACTIVE);
    const struct command *command = update(world, user(), CHANGE);
    assert_non_null(command);
    assert_int_equal(command->refusal.code, ERR_OK);
    struct slice patch = command->as.update.patch;
    assert_text(member_of(patch, "firstName").text, "\"Bo\"");
    assert_int_equal(member_of(patch, "password").type, JSON_NONE);
    assert_int_equal(member_of(patch, "oldPassword").type, JSON_NONE);
    struct json_value credentials = member_of(patch, "credentials");
    assert_text(text_of(credentials, "status"), "active");
    assert_text(json_member(credentials, SLICE("activatedAt")).text, "2000");
    assert_true(is_hash_of(text_of(credentials, "password"), "fresh"));

    assert_null(update(world, user(), "{\"password\":\"fresh\",\"oldPassword\":\"wrong\"}"));
    assert_int_equal(users_now.refused.code, ERR_CREDENTIAL_WRONG);
}

/* Existence is judged first, by the engine. */
static void test_passwords_that_cannot_be(void **state)
{
    struct world *world = *state;
    const struct command *command = update(world, user(), "{\"password\":\"fresh\"}");
    assert_int_equal(command->refusal.code, ERR_FIELD_MISSING);
    assert_text(detail(), "oldPassword: A required field is missing.");
    command = update(world, user(), "{\"password\":null,\"oldPassword\":\"right\"}");
    assert_int_equal(command->refusal.code, ERR_FIELD_INVALID);
    assert_text(detail(), "password: A field has a value that is not valid.");
    assert_null(update(world, user(), CHANGE));
    assert_int_equal(users_now.refused.code, ERR_NOT_FOUND);
}

static void test_operators_need_no_former_password(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, INACTIVE);
    const struct command *command = update(world, operator_of(ACCOUNT), "{\"password\":\"fresh\"}");
    assert_non_null(command);
    struct json_value credentials = member_of(command->as.update.patch, "credentials");
    assert_text(text_of(credentials, "status"), "inactive");
    assert_text(text_of(credentials, "activationCode"), "Abcdef12");
    assert_true(is_hash_of(text_of(credentials, "password"), "fresh"));
}

static void test_anonymous_users_get_no_password(void **state)
{
    struct world *world = *state;
    put_user(world, OPERATION_CREATED, "\"credentials\":{\"status\":\"anonymous\"}");
    const struct command *command = update(world, user(), CHANGE);
    assert_non_null(command);
    assert_text(command->as.update.patch, "\"firstName\":\"Bo\"");
}

/* ---- the status ---- */

static void assert_status(struct world *world, const char *wanted)
{
    ask(world, operator_of(ACCOUNT), &status_route, "")->resource = USER;
    assert_null(begin_request(world));
    turn_until(world, &users_now.is_answered, true);
    assert_text(buf_data(&users_now.body), wanted);
    assert_int_equal(users_now.status, 200);
}

static void test_status(void **state)
{
    struct world *world = *state;
    put_user_with(world, OPERATION_CREATED, INACTIVE);
    assert_status(world, "{\"activated\":false,\"activationCode\":\"Abcdef12\"}");
    put_user_with(world, OPERATION_UPDATED, ACTIVE);
    assert_status(world, "{\"activated\":true,\"activationDate\":2000}");
    put_user(world, OPERATION_UPDATED, "\"credentials\":{\"status\":\"anonymous\"}");
    assert_status(world, "{\"activated\":true,\"activationDate\":1000}");
    ask(world, operator_of(ACCOUNT + 1), &status_route, "")->resource = USER;
    assert_refused(world, NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_users, teardown_users)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sign_up),
        TEST(test_codes_differ),
        TEST(test_bodies_of_sign_up),
        TEST(test_credentials_cannot_be_sent),
        TEST(test_taken_email_is_a_conflict),
        TEST(test_anonymous_users),
        TEST(test_validation),
        TEST(test_validation_is_refused),
        TEST(test_validation_is_the_own_applications),
        TEST(test_update_without_password),
        TEST(test_users_say_the_former_password),
        TEST(test_passwords_that_cannot_be),
        TEST(test_operators_need_no_former_password),
        TEST(test_anonymous_users_get_no_password),
        TEST(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
