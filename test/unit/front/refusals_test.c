/* SPDX-License-Identifier: Apache-2.0
 *
 * The last refusals: which are kept and for how long, who sees them, and that no key is among what
 * is kept of them. */
#include "front/refusals.h"

#include "store/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000)

static const struct id WHO = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};

static struct actor operator_of(uint32_t account)
{
    return (struct actor){.kind = ACTOR_OPERATOR, .account = account, .id = WHO};
}

static void note(struct refusals *refusals, const struct actor *actor, const char *target,
                 struct err err, enum perm_verdict verdict)
{
    refusals_note(refusals, &(struct refusal){
                                .time_ms = NOW,
                                .actor = actor,
                                .protocol = SLICE("rest"),
                                .operation = SLICE("GET"),
                                .target = slice_of_text(target),
                                .err = err,
                                .verdict = verdict,
                            });
}

/* What that account sees; lives until the next call. */
static const char *shown(struct refusals *refusals, uint32_t account, bool wants_unknown)
{
    static char text[512 * 1024];
    struct buf out = {0};
    refusals_write(refusals, account, wants_unknown, &out);
    assert_false(out.failed);
    assert_true(buf_bytes(&out) < sizeof(text));
    memcpy(text, buf_data(&out).at, buf_bytes(&out));
    text[buf_bytes(&out)] = 0;
    buf_deinit(&out);
    return text;
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) {
        found++;
    }
    return found;
}

static void test_one(void **state)
{
    (void)state;
    struct refusals *refusals = refusals_new();
    struct actor actor = operator_of(1);
    assert_string_equal(shown(refusals, 1, true), "[]");
    note(refusals, &actor, "/thngs/abc", ERR(NOT_FOUND), PERM_OTHER_PROJECT);
    const char *text = shown(refusals, 1, false);
    assert_non_null(strstr(text, "\"timestamp\":1700000000000,\"protocol\":\"rest\","
                                 "\"operation\":\"GET\",\"target\":\"/thngs/abc\",\"status\":404"));
    assert_non_null(strstr(text, perm_verdict_text(PERM_OTHER_PROJECT)));
    assert_non_null(
        strstr(text, "\"actor\":{\"type\":\"operator\",\"id\":\"UaBcDeFgHkMnPqRsTwXyAaBb\"}"));
    refusals_free(refusals);
}

/* Without a verdict the error itself is the reason. */
static void test_reason_without_verdict(void **state)
{
    (void)state;
    struct refusals *refusals = refusals_new();
    struct actor actor = operator_of(1);
    note(refusals, &actor, "/thngs/abc", ERR(NOT_FOUND), PERM_ALLOWED);
    assert_non_null(strstr(shown(refusals, 1, false), err_text(ERR(NOT_FOUND))));
    refusals_free(refusals);
}

static void test_only_lack_of_rights_is_kept(void **state)
{
    (void)state;
    struct refusals *refusals = refusals_new();
    struct actor actor = operator_of(1);
    note(refusals, &actor, "/bad", ERR(JSON_INVALID), PERM_ALLOWED);
    note(refusals, &actor, "/taken", ERR(NAME_TAKEN), PERM_ALLOWED);
    note(refusals, &actor, "/often", ERR(TOO_MANY_REQUESTS), PERM_ALLOWED);
    note(refusals, &actor, "/busy", ERR(BUSY), PERM_ALLOWED);
    assert_string_equal(shown(refusals, 1, true), "[]");
    note(refusals, &actor, "/missing", ERR(CREDENTIAL_MISSING), PERM_NO_ACTOR);
    note(refusals, &actor, "/denied", ERR(DENIED), PERM_ROW_DENIES);
    note(refusals, &actor, "/absent", ERR(NOT_FOUND), PERM_OTHER_USER);
    assert_int_equal(count(shown(refusals, 1, true), "\"target\""), 3);
    refusals_free(refusals);
}

static void test_accounts_see_their_own(void **state)
{
    (void)state;
    struct refusals *refusals = refusals_new();
    const struct actor nobody = {.kind = ACTOR_NONE};
    struct actor one = operator_of(1);
    struct actor two = operator_of(2);
    note(refusals, &one, "/one", ERR(DENIED), PERM_ROW_DENIES);
    note(refusals, &two, "/two", ERR(DENIED), PERM_ROW_DENIES);
    note(refusals, &nobody, "/nobody", ERR(CREDENTIAL_UNKNOWN), PERM_ALLOWED);
    const char *text = shown(refusals, 1, false);
    assert_int_equal(count(text, "\"target\""), 1);
    assert_non_null(strstr(text, "\"/one\""));
    text = shown(refusals, 2, true);
    assert_int_equal(count(text, "\"target\""), 2);
    assert_true(strstr(text, "\"/nobody\"") < strstr(text, "\"/two\"")); /* the newest first */
    /* An account without a number, which is what nobody's has, sees nothing by that. */
    assert_string_equal(shown(refusals, 0, false), "[]");
    refusals_free(refusals);
}

/* A key may be an option of the path, and by mistake a part of it. */
static void test_keys_are_not_kept(void **state)
{
    (void)state;
    char key[API_KEY_BYTES + 1];
    char target[2 * API_KEY_BYTES + 64];
    struct refusals *refusals = refusals_new();
    struct actor actor = operator_of(1);
    memset(key, 'k', API_KEY_BYTES);
    key[API_KEY_BYTES] = 0;
    (void)snprintf(target, sizeof(target), "/thngs/%s/properties?access_token=%s", key, key);
    note(refusals, &actor, target, ERR(NOT_FOUND), PERM_ALLOWED);
    const char *text = shown(refusals, 1, false);
    assert_null(strstr(text, "kkkk"));
    assert_null(strstr(text, "access_token"));
    assert_non_null(strstr(text, "/thngs/"));
    assert_non_null(strstr(text, "/properties"));
    refusals_free(refusals);
}

/* What is too long is cut, not within a character. */
static void test_long_targets_are_cut(void **state)
{
    (void)state;
    char target[2 * REFUSAL_TARGET_BYTES];
    struct refusals *refusals = refusals_new();
    struct actor actor = operator_of(1);
    target[0] = '/';
    for (size_t i = 1; i + 1 < sizeof(target); i += 2) {
        memcpy(target + i, "\xc3\xa9", 2);
    }
    target[sizeof(target) - 1] = 0;
    note(refusals, &actor, target, ERR(NOT_FOUND), PERM_ALLOWED);
    const char *text = shown(refusals, 1, false);
    assert_int_equal(count(text, "\xc3\xa9"), (REFUSAL_TARGET_BYTES - 1) / 2);
    assert_int_equal(count(text, "\xc3"), (REFUSAL_TARGET_BYTES - 1) / 2);
    refusals_free(refusals);
}

static void test_the_newest_are_kept(void **state)
{
    (void)state;
    struct refusals *refusals = refusals_new();
    struct actor actor = operator_of(1);
    char target[32];
    for (unsigned i = 0; i < REFUSALS_KEPT + 5; i++) {
        (void)snprintf(target, sizeof(target), "/n%u", i);
        note(refusals, &actor, target, ERR(DENIED), PERM_ROW_DENIES);
    }
    const char *text = shown(refusals, 1, false);
    assert_int_equal(count(text, "\"target\""), REFUSALS_KEPT);
    assert_null(strstr(text, "\"/n4\""));
    assert_non_null(strstr(text, "\"/n5\""));
    (void)snprintf(target, sizeof(target), "\"/n%u\"", REFUSALS_KEPT + 4);
    assert_true(strstr(text, target) < strstr(text, "\"/n5\""));
    refusals_free(refusals);
}

static void test_none_to_note_in(void **state)
{
    (void)state;
    struct actor actor = operator_of(1);
    note(NULL, &actor, "/x", ERR(DENIED), PERM_ROW_DENIES);
    refusals_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_reason_without_verdict),
        cmocka_unit_test(test_only_lack_of_rights_is_kept),
        cmocka_unit_test(test_accounts_see_their_own),
        cmocka_unit_test(test_keys_are_not_kept),
        cmocka_unit_test(test_long_targets_are_cut),
        cmocka_unit_test(test_the_newest_are_kept),
        cmocka_unit_test(test_none_to_note_in),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
