/* SPDX-License-Identifier: Apache-2.0
 *
 * err_test.c - the list of errors: every code has a name, a class and a sentence; classes and HTTP
 * statuses go together; TRY passes errors on, and only errors. */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct err err_of(int code)
{
    return (struct err){(enum err_code)code};
}

static void test_ok_is_zero(void **state)
{
    (void)state;
    assert_int_equal(ERR(OK).code, 0);
    assert_false(err_is_set((struct err){0}));
    assert_true(err_is_set(ERR(BUSY)));
    assert_true(err_equal(ERR(BUSY), ERR(BUSY)));
    assert_false(err_equal(ERR(BUSY), ERR(IO)));
}

/* Texts are what REST clients read: sentences in one line that need no escape in JSON. */
static void test_every_text_is_a_sentence(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        const char *text = err_text(err_of(code));
        print_message("%s: %s\n", err_name(err_of(code)), text);
        size_t length = strlen(text);
        assert_true(length > 3 && length < 160);
        assert_true(text[0] >= 'A' && text[0] <= 'Z');
        assert_int_equal(text[length - 1], '.');
        assert_null(strchr(text, '\n'));
        assert_null(strchr(text, '"'));
    }
}

static void test_names_and_texts_are_unique(void **state)
{
    (void)state;
    for (int a = 0; a < ERR_CODE_COUNT; a++) {
        for (int b = a + 1; b < ERR_CODE_COUNT; b++) {
            assert_string_not_equal(err_name(err_of(a)), err_name(err_of(b)));
            assert_string_not_equal(err_text(err_of(a)), err_text(err_of(b)));
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR(OK)), "OK");
    assert_string_equal(err_name(ERR(NOT_FOUND)), "NOT_FOUND");
    assert_string_equal(err_name(ERR(TLS_FAILED)), "TLS_FAILED");
}

/* Only success is of class OK, and only it is answered below 400. */
static void test_statuses_are_of_their_class(void **state)
{
    (void)state;
    assert_int_equal(err_class(ERR(OK)), ERR_CLASS_OK);
    assert_int_equal(err_http_status(ERR(OK)), 200);
    for (int code = 1; code < ERR_CODE_COUNT; code++) {
        int status = err_http_status(err_of(code));
        assert_int_not_equal(err_class(err_of(code)), ERR_CLASS_OK);
        assert_true(status >= 400 && status <= 505);
        for (int other = 1; other < ERR_CODE_COUNT; other++) {
            if (err_class(err_of(code)) == err_class(err_of(other))) {
                assert_int_equal(err_http_status(err_of(other)), status);
            }
        }
    }
}

static void test_statuses_of_the_contract(void **state)
{
    (void)state;
    static const struct {
        enum err_code code;
        int status;
    } rows[] = {
        {ERR_JSON_INVALID, 400},     {ERR_CREDENTIAL_MISSING, 401}, {ERR_CREDENTIAL_UNKNOWN, 403},
        {ERR_DENIED, 403},           {ERR_NOT_FOUND, 404},          {ERR_METHOD_UNKNOWN, 405},
        {ERR_NOT_ACCEPTABLE, 406},   {ERR_HTTP_TIMEOUT, 408},       {ERR_CONFLICT, 409},
        {ERR_BODY_TOO_LARGE, 413},   {ERR_TARGET_TOO_LONG, 414},    {ERR_MEDIA_TYPE, 415},
        {ERR_HEADER_TOO_LARGE, 431}, {ERR_INTERNAL, 500},           {ERR_BUSY, 503},
        {ERR_HTTP_VERSION, 505},     {ERR_MQTT_MALFORMED, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {rows[i].code};
        print_message("%s\n", err_name(err));
        assert_int_equal(err_http_status(err), rows[i].status);
    }
}

static struct err pass_on(struct err err, int *evaluated, bool *went_on)
{
    TRY(((*evaluated)++, err));
    *went_on = true;
    return ERR(OK);
}

static void test_try(void **state)
{
    (void)state;
    int evaluated = 0;
    bool went_on = false;
    assert_int_equal(pass_on(ERR(CONFLICT), &evaluated, &went_on).code, ERR_CONFLICT);
    assert_false(went_on);
    assert_int_equal(evaluated, 1);
    assert_int_equal(pass_on(ERR(OK), &evaluated, &went_on).code, ERR_OK);
    assert_true(went_on);
    assert_int_equal(evaluated, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ok_is_zero),
        cmocka_unit_test(test_every_text_is_a_sentence),
        cmocka_unit_test(test_names_and_texts_are_unique),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_statuses_are_of_their_class),
        cmocka_unit_test(test_statuses_of_the_contract),
        cmocka_unit_test(test_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
