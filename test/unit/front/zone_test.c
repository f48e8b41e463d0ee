/* SPDX-License-Identifier: Apache-2.0 */
#include "front/zone.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static void names_stay_in_the_folder(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC", "Europe/London", "America/Port-au-Prince",
                                       "Etc/GMT+5", "America/Argentina/Buenos_Aires"};
    static const char *const bad[] = {"",    "/etc/passwd", "../etc", "a/../b", ".",
                                      "a b", "a\n",         "+a",     "a%2f"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(zone_name_is_wellformed(slice_of_text(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(zone_name_is_wellformed(slice_of_text(bad[i])));
    }
    char name[ZONE_NAME_BYTES_MAX + 1];
    memset(name, 'a', sizeof(name));
    assert_true(zone_name_is_wellformed(slice_of(name, ZONE_NAME_BYTES_MAX)));
    assert_false(zone_name_is_wellformed(slice_of(name, ZONE_NAME_BYTES_MAX + 1)));
}

/* ---- files made here ---- */

static void put_header(struct buf *file, uint32_t time_count, uint32_t type_count)
{
    static const uint8_t reserved[15];
    BUF_PUT_LITERAL(file, "TZif2");
    buf_put_bytes(file, reserved, sizeof(reserved));
    for (unsigned i = 0; i < 3; i++) {
        buf_put_u32be(file, 0);
    }
    buf_put_u32be(file, time_count);
    buf_put_u32be(file, type_count);
    buf_put_u32be(file, 0);
}

/* Two types, one hour and two hours east; at the times the second, the first, and so on. */
static void make_file(struct buf *file, const int64_t *times, uint32_t count, const char *footer)
{
    buf_reset(file);
    put_header(file, 0, 0);
    put_header(file, count, 2);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_u64be(file, (uint64_t)times[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        buf_put_byte(file, (i + 1) % 2);
    }
    for (uint32_t i = 1; i <= 2; i++) {
        buf_put_u32be(file, i * 3600);
        buf_put_u16be(file, 0);
    }
    buf_put_format(file, "\n%s\n", footer);
}

static void assert_at(const struct buf *file, int64_t now, int64_t offset, int64_t next)
{
    struct zone_moment moment;
    assert_int_equal(zone_at(buf_data(file), now, &moment).code, ERR_OK);
    if (moment.offset_s != offset || moment.has_next != (next != 0) ||
        (next != 0 && moment.next_s != next)) {
        fail_msg("at %lld: offset %lld, next %lld", (long long)now, (long long)moment.offset_s,
                 (long long)moment.next_s);
    }
}

static void transitions_are_found(void **state)
{
    (void)state;
    static const int64_t times[] = {1000, 2000, 3000};
    struct buf file = {0};
    make_file(&file, times, 3, "");
    assert_at(&file, 0, 3600, 1000);
    assert_at(&file, 999, 3600, 1000);
    assert_at(&file, 1000, 7200, 2000);
    assert_at(&file, 1999, 7200, 2000);
    assert_at(&file, 2000, 3600, 3000);
    assert_at(&file, 3000, 7200, 0);
    buf_deinit(&file);
}

/* Behind the last transition the footer's rule holds, by the calendar that libc knows as well. */
static void rules_agree_with_libc(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "UTC0",
        "JST-9",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "GMT0BST,M3.5.0/1,M10.5.0",
        "EST5EDT,M3.2.0,M11.1.0",
        "NZST-12NZDT,M9.5.0,M4.1.0/3",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "AAA3BBB,J60/0,J300/0",
        "AAA3BBB,59/0,300/0",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
    };
    struct buf file = {0};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        make_file(&file, NULL, 0, rules[i]);
        assert_int_equal(setenv("TZ", rules[i], 1), 0);
        tzset();
        for (int64_t now = 5 * 3600; now < INT64_C(4000000000); now += 86400 * 3 + 5 * 3600) {
            struct zone_moment moment;
            struct tm tm;
            time_t when = (time_t)now;
            assert_int_equal(zone_at(buf_data(&file), now, &moment).code, ERR_OK);
            assert_non_null(localtime_r(&when, &tm));
            if (moment.offset_s != tm.tm_gmtoff) {
                fail_msg("%s at %lld: %lld instead of %ld", rules[i], (long long)now,
                         (long long)moment.offset_s, tm.tm_gmtoff);
            }
            if (moment.has_next) {
                time_t before = (time_t)moment.next_s - 1;
                assert_non_null(localtime_r(&before, &tm));
                assert_int_equal(tm.tm_gmtoff, moment.offset_s);
                before++;
                assert_non_null(localtime_r(&before, &tm));
                assert_int_not_equal(tm.tm_gmtoff, moment.offset_s);
            }
        }
    }
    unsetenv("TZ");
    tzset();
    buf_deinit(&file);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const int64_t times[] = {1000};
    struct buf file = {0};
    struct zone_moment moment;
    make_file(&file, times, 1, "");
    struct slice whole = buf_data(&file);
    assert_int_equal(zone_at(whole, 5, &moment).code, ERR_OK);
    for (size_t bytes = 0; bytes < whole.bytes - 1; bytes++) {
        uint8_t *cut = malloc(bytes + 1); /* of its own, so that a read behind it is seen */
        assert_non_null(cut);
        memcpy(cut, whole.at, bytes);
        assert_int_equal(zone_at(slice_of(cut, bytes), 5, &moment).code, ERR_CORRUPT);
        free(cut);
    }
    static const char *const bad[] = {"X",
                                      "CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-200",
                                      "CET-1CEST,M3.5.0,M10.5.0x",
                                      "<CET-1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        make_file(&file, NULL, 0, bad[i]);
        assert_int_equal(zone_at(buf_data(&file), 5, &moment).code, ERR_CORRUPT);
    }
    buf_deinit(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_in_the_folder),
        cmocka_unit_test(transitions_are_found),
        cmocka_unit_test(rules_agree_with_libc),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
