/* SPDX-License-Identifier: Apache-2.0 */
#include "front/iso_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static void assert_moment(const char *text, int64_t wanted_ms)
{
    int64_t found_ms = -1;
    if (!iso_time_read(slice_of_text(text), &found_ms) || found_ms != wanted_ms) {
        fail_msg("%s: %lld", text, (long long)found_ms);
    }
}

static void test_moments(void **state)
{
    (void)state;
    assert_moment("1970-01-01T00:00:00Z", 0);
    assert_moment("1970-01-01T00:00:00.001Z", 1);
    assert_moment("2023-11-14T22:13:20Z", INT64_C(1700000000000));
    assert_moment("2023-11-14t22:13:20z", INT64_C(1700000000000));
    assert_moment("2023-11-15T00:13:20+02:00", INT64_C(1700000000000));
    assert_moment("2023-11-14T18:43:20-03:30", INT64_C(1700000000000));
    assert_moment("2023-11-14T22:13:20.5Z", INT64_C(1700000000500));
    assert_moment("2023-11-14T22:13:20.123Z", INT64_C(1700000000123));
    assert_moment("2023-11-14T22:13:20.123999999Z", INT64_C(1700000000123));
    assert_moment("2024-02-29T00:00:00Z", INT64_C(1709164800000));
    assert_moment("2000-02-29T23:59:59Z", INT64_C(951868799000));
    assert_moment("9999-12-31T23:59:59Z", INT64_C(253402300799000));
}

/* Each day of four centuries, as the C library has it. */
static void test_all_days(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm parts;
        char text[32];
        gmtime_r(&seconds, &parts);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
        assert_moment(text, day * 86400000);
    }
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2023",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20,5Z",
        "2023-11-14T22:13:20ZZ",
        "2023-11-14T22:13:20+0200",
        "2023-11-14T22:13:20+02",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T24:00:00Z",
        "2023-11-14T23:60:00Z",
        "2023-11-14T23:59:60Z",
        "2023-00-14T22:13:20Z",
        "2023-13-14T22:13:20Z",
        "2023-11-00T22:13:20Z",
        "2023-11-31T22:13:20Z",
        "2023-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2200-02-29T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "+2023-11-14T22:13:20Z",
        "23-11-14T22:13:20Z",
        "2023-1-14T22:13:20Z",
        "2023-11-14T2:13:20Z",
        " 2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20Z ",
        "1700000000000",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t found_ms = 7;
        if (iso_time_read(slice_of_text(texts[i]), &found_ms)) {
            fail_msg("%s", texts[i]);
        }
        assert_int_equal(found_ms, 7);
    }
}

/* Cut at every point it is no moment any more. */
static void test_cut_off(void **state)
{
    (void)state;
    struct slice whole = SLICE("2023-11-14T22:13:20.123+02:00");
    int64_t time_ms;
    assert_true(iso_time_read(whole, &time_ms));
    for (size_t bytes = 0; bytes < whole.bytes; bytes++) {
        assert_false(iso_time_read(slice_first(whole, bytes), &time_ms));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_all_days),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
