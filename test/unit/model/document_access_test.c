/* SPDX-License-Identifier: Apache-2.0
 *
 * What accounts, operators, users, roles, policies, tokens and shares take from a body. */
#include "unit/model/document_fixture.h"

#include "model/role.h"

#include <string.h>

/* ---- users ---- */

#define PERSON "\"firstName\":\"A\",\"lastName\":\"B\",\"email\":\"a@b\""

static void a_user_has_a_name_and_an_email(void **state)
{
    (void)state;
    assert_kept(RESOURCE_USER, true, "{" PERSON "}", PERSON);
    assert_kept(RESOURCE_USER, true,
                "{" PERSON ",\"gender\":\"f\",\"birthday\":{\"year\":1900},\"locale\":\"de\","
                "\"timeZone\":\"x\",\"phone\":\"1\",\"photo\":\"http://p\",\"tags\":[\"t\"],"
                "\"customFields\":{}}",
                PERSON ",\"gender\":\"f\",\"birthday\":{\"year\":1900},\"locale\":\"de\","
                       "\"timeZone\":\"x\",\"phone\":\"1\",\"photo\":\"http://p\",\"tags\":[\"t\"],"
                       "\"customFields\":{}");
    assert_kept(RESOURCE_USER, false, "{\"lastName\":\"C\",\"gender\":null}",
                "\"lastName\":\"C\",\"gender\":null");
    assert_refused(RESOURCE_USER, true, "{\"firstName\":\"A\",\"lastName\":\"B\"}",
                   ERR_FIELD_MISSING, "email");
    assert_refused(RESOURCE_USER, true, "{\"lastName\":\"B\",\"email\":\"a@b\"}", ERR_FIELD_MISSING,
                   "firstName");
    assert_refused(RESOURCE_USER, false, "{\"email\":null}", ERR_FIELD_INVALID, "email");
    assert_refused(RESOURCE_USER, false, "{\"birthday\":\"x\"}", ERR_FIELD_INVALID, "birthday");
}

/* None of these is a client's to set. */
static void a_user_keeps_what_is_not_its_own(void **state)
{
    (void)state;
    assert_kept(
        RESOURCE_USER, true,
        "{" PERSON ",\"role\":\"" OTHER "\",\"app\":\"" OTHER "\",\"project\":\"" OTHER
        "\",\"password\":\"p\",\"oldPassword\":\"q\",\"credentials\":{\"status\":\"active\"},"
        "\"scopes\":{\"users\":[\"all\"],\"projects\":[\"all\"]},\"id\":\"" OTHER "\"}",
        PERSON);
    struct checked checked = check_body(
        RESOURCE_USER,
        SLICE("{" PERSON ",\"scopes\":{\"users\":[\"all\"],\"projects\":[\"all\"]}}"), true);
    assert_false(checked.body.has_scopes);
    checked_free(&checked);
    /* The role is, for those who may: that is not for here to say. */
    assert_kept(RESOURCE_USER, false, "{\"role\":\"base_app_user\"}", "\"role\":\"base_app_user\"");
    assert_kept(RESOURCE_USER, false, "{\"role\":null}", "");
}

static void emails_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b", "A.b+c@D.example", "a@b@c", "\xc3\xa4@\xc3\xb6"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char text[100];
        char wanted[100];
        snprintf(text, sizeof(text), "{\"email\":\"%s\"}", good[i]);
        snprintf(wanted, sizeof(wanted), "\"email\":\"%s\"", good[i]);
        assert_kept(RESOURCE_USER, false, text, wanted);
    }
    static const char *const wrong[] = {
        "",       "@",          "a@",      "@b",      "ab",        "a @b",
        "a@b\\n", "a@b\\u007f", "a\\\"@b", "a\\\\@b", "a@\\u0001",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"email\":\"%s\"}", wrong[i]);
        assert_refused(RESOURCE_USER, false, text, ERR_FIELD_INVALID, "email");
    }
    assert_refused(RESOURCE_USER, false, "{\"email\":7}", ERR_FIELD_INVALID, "email");
    /* The same email is the same bytes, however it was spelt. */
    assert_kept(RESOURCE_USER, false, "{\"email\":\"\\u0061@\\u0062\"}", "\"email\":\"a@b\"");
}

/* <before>, then <count> times <text>, then <after>. */
static struct buf repeated(const char *before, const char *text, unsigned count, const char *after)
{
    struct buf out = {0};
    buf_put(&out, slice_of_text(before));
    for (unsigned i = 0; i < count; i++) {
        buf_put(&out, slice_of_text(text));
    }
    buf_put(&out, slice_of_text(after));
    return out;
}

static void assert_limit(enum resource_kind kind, const char *before, const char *text,
                         unsigned count, const char *after, enum err_code code)
{
    struct buf body = repeated(before, text, count, after);
    struct checked checked = check_body(kind, buf_data(&body), false);
    if (checked.err.code != code) {
        fail_msg("%s, %u: %s", before, count, err_name(checked.err));
    }
    checked_free(&checked);
    buf_deinit(&body);
}

static void texts_have_limits(void **state)
{
    (void)state;
    assert_limit(RESOURCE_USER, "{\"email\":\"a@", "b", 252, "\"}", ERR_OK);
    assert_limit(RESOURCE_USER, "{\"email\":\"a@", "b", 253, "\"}", ERR_FIELD_TOO_LONG);
    assert_limit(RESOURCE_USER, "{\"email\":\"a@", "b", 5000, "\"}", ERR_FIELD_TOO_LONG);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"name\":\"", "b", 4, "\"}", ERR_FIELD_INVALID);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"name\":\"", "b", 5, "\"}", ERR_OK);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"name\":\"", "b", 128, "\"}", ERR_OK);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"name\":\"", "b", 129, "\"}", ERR_FIELD_TOO_LONG);
    assert_limit(RESOURCE_ACCESS_TOKEN, "{\"name\":\"", "\\ud83d\\ude00", 4, "\"}",
                 ERR_FIELD_INVALID);
    assert_limit(RESOURCE_ACCESS_TOKEN, "{\"name\":\"", "\\ud83d\\ude00", 128, "\"}", ERR_OK);
    assert_limit(RESOURCE_ACCESS_TOKEN, "{\"name\":\"", "\\ud83d\\ude00", 129, "\"}",
                 ERR_FIELD_TOO_LONG);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"homepage\":\"", "b", 0, "\"}", ERR_FIELD_INVALID);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"homepage\":\"", "b", 128, "\"}", ERR_OK);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"homepage\":\"", "b", 129, "\"}", ERR_FIELD_TOO_LONG);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"permissions\":[\"places:*\"", ",\"places:*\"", 255,
                 "]}", ERR_OK);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"permissions\":[\"places:*\"", ",\"places:*\"", 256,
                 "]}", ERR_FIELD_TOO_LONG);
    assert_limit(RESOURCE_ACCESS_POLICY, "{\"permissions\":[\"places:read", ",read", 50, "\"]}",
                 ERR_FIELD_TOO_LONG);
}

/* ---- roles that a document names ---- */

static void roles_are_ids_or_built_in(void **state)
{
    (void)state;
    static const struct {
        enum resource_kind kind;
        const char *member;
        bool admin;
        bool none;
        bool base;
    } rows[] = {
        {RESOURCE_USER, "role", false, true, true},
        {RESOURCE_APPLICATION, "defaultRole", false, true, true},
        {RESOURCE_SHARE, "role", false, false, true},
        {RESOURCE_OPERATOR, "role", true, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[100];
        const struct {
            const char *role;
            bool is_good;
        } roles[] = {{"admin", rows[i].admin},
                     {"none", rows[i].none},
                     {"base_app_user", rows[i].base},
                     {"", false},
                     {"admins", false}};
        for (size_t k = 0; k < ARRAY_LEN(roles); k++) {
            char body[100];
            char wanted[100];
            snprintf(body, sizeof(body), "{\"%s\":\"%s\"}", rows[i].member, roles[k].role);
            snprintf(wanted, sizeof(wanted), "\"%s\":\"%s\"", rows[i].member, roles[k].role);
            if (roles[k].is_good) {
                assert_kept(rows[i].kind, false, body, wanted);
            } else {
                assert_refused(rows[i].kind, false, body, ERR_REFERENCE_UNKNOWN, rows[i].member);
            }
        }
        snprintf(text, sizeof(text), "{\"%s\":\"" OTHER "\"}", rows[i].member);
        struct checked checked = check_body(rows[i].kind, slice_of_text(text), false);
        assert_int_equal(checked.err.code, ERR_OK);
        assert_int_equal(checked.body.reference_count, 1);
        assert_int_equal(checked.body.references[0].kind, RESOURCE_ROLE);
        assert_slice(id_slice(&checked.body.references[0].id), OTHER, text);
        checked_free(&checked);
    }
}

/* ---- roles ---- */

#define SWITCHES                                                                              \
    "[{\"name\":\"global_read\",\"enabled\":false},"                                          \
    "{\"name\":\"gl_resource_update\",\"enabled\":false},"                                    \
    "{\"name\":\"gl_project_update\",\"enabled\":false},"                                     \
    "{\"name\":\"project_read\",\"enabled\":false,\"projectScoped\":true,\"projects\":[]},"   \
    "{\"name\":\"project_update\",\"enabled\":false,\"projectScoped\":true,\"projects\":[]}," \
    "{\"name\":\"project_resource_update\",\"enabled\":false,\"projectScoped\":true,"         \
    "\"projects\":[]}]"

static void a_new_role_gives_nothing(void **state)
{
    (void)state;
    assert_kept(RESOURCE_ROLE, true, "{\"name\":\"x\"}",
                "\"name\":\"x\",\"type\":\"userInApp\",\"version\":2,\"permissions\":[]");
    assert_kept(RESOURCE_ROLE, true,
                "{\"name\":\"x\",\"type\":\"userInApp\",\"version\":1,\"permissions\":[7]}",
                "\"name\":\"x\",\"type\":\"userInApp\",\"version\":2,\"permissions\":[]");
    assert_kept(RESOURCE_ROLE, true, "{\"name\":\"x\",\"type\":\"operator\"}",
                "\"name\":\"x\",\"type\":\"operator\",\"version\":2,\"permissions\":" SWITCHES);
    assert_kept(RESOURCE_ROLE, true, "{\"name\":\"x\",\"type\":\"oper\\u0061tor\"}",
                "\"name\":\"x\",\"type\":\"operator\",\"version\":2,\"permissions\":" SWITCHES);
    assert_refused(RESOURCE_ROLE, true, "{\"name\":\"x\",\"type\":\"app\"}", ERR_FIELD_INVALID,
                   "type");
    assert_refused(RESOURCE_ROLE, true, "{\"name\":\"x\",\"type\":7}", ERR_FIELD_INVALID, "type");
    assert_kept(RESOURCE_ROLE, false,
                "{\"name\":\"y\",\"type\":\"operator\",\"version\":3,\"permissions\":[]}",
                "\"name\":\"y\"");
}

static void names_of_roles_are_their_own(void **state)
{
    (void)state;
    assert_kept(RESOURCE_ROLE, false, "{\"name\":\"\\u0061\\/\\n\"}", "\"name\":\"a/\\n\"");
    assert_refused(RESOURCE_ROLE, true, "{\"name\":\"\"}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_ROLE, true, "{\"name\":7}", ERR_FIELD_INVALID, "name");
    assert_refused(RESOURCE_ROLE, true, "{\"name\":\"123456\"}", ERR_FIELD_TOO_LONG, "name");
    assert_refused(RESOURCE_ROLE, true, "{\"name\":\"admin\"}", ERR_NAME_TAKEN, "name");
    assert_refused(RESOURCE_ROLE, true, "{\"name\":\"\\u0061dmin\"}", ERR_NAME_TAKEN, "name");
    assert_refused(RESOURCE_ROLE, false, "{\"name\":\"none\"}", ERR_NAME_TAKEN, "name");
}

static void assert_scopes(bool is_creation, const char *text, const char *wanted)
{
    struct checked checked = check_body(RESOURCE_ROLE, slice_of_text(text), is_creation);
    if (err_is_set(checked.err)) {
        fail_msg("%s: %s", text, err_name(checked.err));
    }
    assert_int_equal(checked.body.has_scopes, *wanted != 0);
    assert_slice(checked.body.scopes, wanted, text);
    checked_free(&checked);
}

#define EVERYWHERE "{\"users\":[\"all\"],\"projects\":[\"all\"]}"

static void roles_of_users_are_shown_to_them(void **state)
{
    (void)state;
    assert_scopes(true, "{\"name\":\"x\"}", EVERYWHERE);
    assert_scopes(true, "{\"name\":\"x\",\"scopes\":null}", EVERYWHERE);
    assert_scopes(true, "{\"name\":\"x\",\"type\":\"operator\"}", "");
    assert_scopes(true, "{\"name\":\"x\",\"scopes\":{\"roles\":[7],\"projects\":[\"" OTHER "\"]}}",
                  "{\"users\":[\"all\"],\"projects\":[\"" OTHER "\"]}");
    assert_scopes(false, "{\"scopes\":{\"users\":[\"" ID "\"],\"projects\":[\"allP\"]}}",
                  "{\"users\":[\"" ID "\"],\"projects\":[\"all\"]}");
    assert_scopes(false, "{\"name\":\"x\"}", "");
    assert_refused(RESOURCE_ROLE, false, "{\"scopes\":{}}", ERR_FIELD_INVALID, "scopes");
    assert_refused(RESOURCE_ROLE, false, "{\"scopes\":[]}", ERR_FIELD_INVALID, "scopes");
    assert_refused(RESOURCE_ROLE, false, "{\"scopes\":{\"projects\":[\"x\"]}}", ERR_FIELD_INVALID,
                   "scopes");
}

/* ---- access policies ---- */

static void a_policy_has_permissions(void **state)
{
    (void)state;
    assert_kept(RESOURCE_ACCESS_POLICY, true, "{\"name\":\"evt:A 1._-\"}",
                "\"name\":\"evt:A 1._-\",\"permissions\":[]");
    assert_kept(RESOURCE_ACCESS_POLICY, true,
                "{\"name\":\"first\",\"permissions\":[ \"thngs:read,list\",\"factories:*\" ],"
                "\"uiPermissions\":[\"a\"],\"homepage\":\"h\",\"managed\":true,\"tags\":[],"
                "\"identifiers\":{\"a\":\"b\"},\"customFields\":{},\"description\":\"d\"}",
                "\"name\":\"first\",\"permissions\":[\"thngs:read,list\",\"factories:*\"],"
                "\"uiPermissions\":[\"a\"],\"homepage\":\"h\",\"tags\":[],"
                "\"identifiers\":{\"a\":\"b\"},\"customFields\":{}");
    assert_kept(RESOURCE_ACCESS_POLICY, false, "{\"permissions\":null,\"homepage\":null}",
                "\"permissions\":[],\"homepage\":null");
    assert_refused(RESOURCE_ACCESS_POLICY, true, "{}", ERR_FIELD_MISSING, "name");
    static const char *const wrong[] = {
        "\"thngs:read\"",         "[7]", "[\"thngs\"]", "[\"thngs:write\"]", "[\"x:read\"]",
        "[\"thngs:\\u0072ead\"]", "{}",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"permissions\":%s}", wrong[i]);
        assert_refused(RESOURCE_ACCESS_POLICY, false, text, ERR_FIELD_INVALID, "permissions");
    }
    static const char *const names[] = {"a/b/c", "ab\\u00e4cd", "a,b,c", "ab\\\\cd", "12\\\"45"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char text[100];
        snprintf(text, sizeof(text), "{\"name\":\"%s\"}", names[i]);
        assert_refused(RESOURCE_ACCESS_POLICY, false, text, ERR_FIELD_INVALID, "name");
    }
    assert_refused(RESOURCE_ACCESS_POLICY, false, "{\"name\":null}", ERR_FIELD_INVALID, "name");
    /* The id in the body is the path's (contract: auth.md 2.5). */
    assert_refused(RESOURCE_ACCESS_POLICY, false, "{\"id\":\"" OTHER "\"}", ERR_ID_MISMATCH, "id");
}

/* ---- access tokens ---- */

#define TOKEN "\"name\":\"token\",\"policies\":[\"" OTHER "\"],\"conditions\":[\"places:" ID "\"]"

static void a_token_names_policies_and_places(void **state)
{
    (void)state;
    struct checked checked = check_body(RESOURCE_ACCESS_TOKEN, SLICE("{" TOKEN "}"), true);
    assert_int_equal(checked.err.code, ERR_OK);
    assert_slice(checked.body.members, TOKEN, "token");
    assert_int_equal(checked.body.reference_count, 2);
    assert_int_equal(checked.body.references[0].kind, RESOURCE_ACCESS_POLICY);
    assert_slice(id_slice(&checked.body.references[0].id), OTHER, "policy");
    assert_int_equal(checked.body.references[1].kind, RESOURCE_PLACE);
    assert_slice(id_slice(&checked.body.references[1].id), ID, "place");
    checked_free(&checked);
    assert_kept(RESOURCE_ACCESS_TOKEN, true,
                "{\"name\":\"token\",\"policies\":[],\"conditions\":[],\"description\":\"d\","
                "\"apiKey\":\"k\"}",
                "\"name\":\"token\",\"policies\":[],\"conditions\":[],\"description\":\"d\"");
    assert_refused(RESOURCE_ACCESS_TOKEN, true, "{\"name\":\"token\",\"policies\":[]}",
                   ERR_FIELD_MISSING, "conditions");
    assert_refused(RESOURCE_ACCESS_TOKEN, true, "{\"name\":\"token\",\"conditions\":[]}",
                   ERR_FIELD_MISSING, "policies");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"policies\":null}", ERR_FIELD_INVALID,
                   "policies");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"policies\":[7]}", ERR_FIELD_INVALID,
                   "policies");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"policies\":\"x\"}", ERR_FIELD_INVALID,
                   "policies");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"policies\":[\"x\"]}", ERR_REFERENCE_UNKNOWN,
                   "policies");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"policies\":[\"" OTHER "\",\"" OTHER "\"]}",
                   ERR_FIELD_INVALID, "policies");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"conditions\":[\"thngs:" ID "\"]}",
                   ERR_FIELD_INVALID, "conditions");
    assert_refused(RESOURCE_ACCESS_TOKEN, false, "{\"conditions\":[7]}", ERR_FIELD_INVALID,
                   "conditions");
    assert_refused(RESOURCE_ACCESS_TOKEN, false,
                   "{\"conditions\":[\"places:" ID "\",\"places:" ID "\"]}", ERR_FIELD_INVALID,
                   "conditions");
}

/* An id with that number at its end. */
static void put_numbered(struct buf *out, const char *before, unsigned number)
{
    buf_put_format(out, "\"%sUabcdefghkmnpqrstwxy%04u\"", before, number);
}

/* An operator with as many policies and places as it can have, and a role, has all of them noted.
 */
static void references_have_limits(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 3; more++) {
        struct buf body = {0};
        BUF_PUT_LITERAL(&body, "{\"role\":\"" OTHER "\",\"policies\":[");
        for (unsigned i = 0; i < (more == 1 ? 101 : 100); i++) {
            buf_put(&body, i > 0 ? SLICE(",") : SLICE(""));
            put_numbered(&body, "", i);
        }
        BUF_PUT_LITERAL(&body, "],\"conditions\":[");
        for (unsigned i = 0; i < (more == 2 ? 257 : 256); i++) {
            buf_put(&body, i > 0 ? SLICE(",") : SLICE(""));
            put_numbered(&body, "places:", i);
        }
        BUF_PUT_LITERAL(&body, "]}");
        struct checked checked = check_body(RESOURCE_OPERATOR, buf_data(&body), false);
        assert_int_equal(checked.err.code, more == 0 ? ERR_OK : ERR_FIELD_TOO_LONG);
        if (more == 0) {
            assert_int_equal(checked.body.reference_count, 357);
        }
        checked_free(&checked);
        buf_deinit(&body);
    }
}

/* ---- operators, accounts, shares ---- */

static void an_operator_does_not_lose_its_limits_by_null(void **state)
{
    (void)state;
    assert_kept(RESOURCE_OPERATOR, true, "{\"email\":\"a@b\",\"firstName\":\"A\"}",
                "\"email\":\"a@b\",\"firstName\":\"A\"");
    assert_refused(RESOURCE_OPERATOR, true, "{\"firstName\":\"A\"}", ERR_FIELD_MISSING, "email");
    assert_kept(RESOURCE_OPERATOR, false,
                "{\"role\":null,\"policies\":null,\"conditions\":null,\"lastName\":null,"
                "\"apiKey\":\"k\",\"account\":\"x\"}",
                "\"lastName\":null");
}

static void accounts_can_be_changed(void **state)
{
    (void)state;
    assert_kept(RESOURCE_ACCOUNT, false,
                "{\"name\":\"x\",\"description\":\"d\",\"imageUrl\":\"i\",\"tags\":[],"
                "\"identifiers\":{},\"customFields\":{},\"operator\":{}}",
                "\"name\":\"x\",\"description\":\"d\",\"imageUrl\":\"i\",\"tags\":[],"
                "\"identifiers\":{},\"customFields\":{}");
    assert_refused(RESOURCE_ACCOUNT, true, "{}", ERR_FIELD_MISSING, "name");
}

static void a_share_is_for_an_email(void **state)
{
    (void)state;
    assert_kept(RESOURCE_SHARE, true,
                "{\"email\":\"a@b\",\"role\":\"base_app_user\",\"user\":\"" OTHER "\"}",
                "\"email\":\"a@b\",\"role\":\"base_app_user\"");
    assert_refused(RESOURCE_SHARE, true, "{\"email\":\"a@b\"}", ERR_FIELD_MISSING, "role");
    assert_refused(RESOURCE_SHARE, true, "{\"role\":\"base_app_user\"}", ERR_FIELD_MISSING,
                   "email");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_a_name_and_an_email),
        cmocka_unit_test(a_user_keeps_what_is_not_its_own),
        cmocka_unit_test(emails_are_checked),
        cmocka_unit_test(texts_have_limits),
        cmocka_unit_test(roles_are_ids_or_built_in),
        cmocka_unit_test(a_new_role_gives_nothing),
        cmocka_unit_test(names_of_roles_are_their_own),
        cmocka_unit_test(roles_of_users_are_shown_to_them),
        cmocka_unit_test(a_policy_has_permissions),
        cmocka_unit_test(a_token_names_policies_and_places),
        cmocka_unit_test(references_have_limits),
        cmocka_unit_test(an_operator_does_not_lose_its_limits_by_null),
        cmocka_unit_test(accounts_can_be_changed),
        cmocka_unit_test(a_share_is_for_an_email),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
