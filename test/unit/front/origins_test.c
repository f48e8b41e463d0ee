/* SPDX-License-Identifier: Apache-2.0 */
#include "front/origins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_lists(void **state)
{
    (void)state;
    struct origin_list list;
    assert_int_equal(origins_parse(SLICE("*"), &list).code, ERR_OK);
    assert_true(origins_are_any(&list));
    assert_true(origins_allow(&list, SLICE("https://any.example")));
    assert_int_equal(
        origins_parse(SLICE("https://app.example.com , http://localhost:3000,app://[::1]:8"), &list)
            .code,
        ERR_OK);
    assert_int_equal(list.count, 3);
    static const char *const allowed[] = {"https://app.example.com", "HTTPS://App.Example.com",
                                          "http://localhost:3000", "app://[::1]:8", ""};
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        assert_true(origins_allow(&list, slice_of_text(allowed[i])));
    }
    static const char *const others[] = {
        "http://app.example.com",
        "https://app.example.com:443",
        "https://app.example.co",
        "https://app.example.com.evil",
        "http://localhost",
        "http://localhost:30000",
        "null",
        "*",
        "https://app.example.com/",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(origins_allow(&list, slice_of_text(others[i])));
    }
}

static void test_what_is_no_list(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        "example.com",
        "https://",
        "https:/x",
        "https//x",
        "://x",
        "https://a/b",
        "https://a b",
        "https://a,,https://b",
        "https://a:",
        "*, https://a",
        "h1://a",
        "https://u@a",
    };
    struct origin_list list;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (origins_parse(slice_of_text(bad[i]), &list).code != ERR_CONFIG) {
            fail_msg("%s", bad[i]);
        }
    }
    char text[40 * 16] = "";
    for (int i = 0; i <= ORIGINS_MAX; i++) {
        size_t at = strlen(text);
        assert_int_equal(origins_parse(slice_of_text(i == 0 ? "*" : text), &list).code, ERR_OK);
        snprintf(text + at, sizeof(text) - at, "%shttp://h%d", i == 0 ? "" : ",", i);
    }
    assert_int_equal(origins_parse(slice_of_text(text), &list).code, ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
