/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        uint64_t number;
    } good[] = {
        {"0", 0, 0},
        {"7", 7, 7},
        {"0042", 42, 42},
        {"999", 1000, 999},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX},
        {"9223372036854775807", INT64_MAX, INT64_MAX},
    };
    uint64_t number;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(slice_read_decimal(slice_of_text(good[i].text), good[i].max, &number));
        assert_true(number == good[i].number);
    }
    static const struct {
        const char *text;
        uint64_t max;
    } bad[] = {
        {"", 9},       {"8", 7},   {"10", 9},
        {"1000", 999}, {"-1", 9},  {"+1", 9},
        {" 1", 9},     {"1 ", 9},  {"1.0", 9},
        {"1e1", 99},   {"0x1", 9}, {"18446744073709551616", UINT64_MAX},
        {"/", 9},      {":", 99},  {"99999999999999999999999", UINT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (slice_read_decimal(slice_of_text(bad[i].text), bad[i].max, &number)) {
            fail_msg("%s", bad[i].text);
        }
    }
}

static void test_trimming(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_trim(SLICE(" \t a b \r")), SLICE("a b")));
    assert_true(slice_is_empty(slice_trim(SLICE("   "))));
    assert_true(slice_is_empty(slice_trim(SLICE(""))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_trimming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
