/* SPDX-License-Identifier: Apache-2.0
 *
 * How long changes of members are kept in mind. */
#include "engine/member_changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_changes_are_forgotten_when_they_are_shown(void **state)
{
    (void)state;
    struct rand rand;
    struct member_changes changes;
    rand_seed(&rand, 5);
    member_changes_init(&changes, 1, 10);
    struct id a = id_generate(&rand, 1);
    struct id b = id_generate(&rand, 1);
    assert_int_equal(member_changes_last(&changes, &a), 10);
    member_changes_note(&changes, &a, 11, 10);
    member_changes_note(&changes, &b, 12, 10);
    member_changes_note(&changes, &a, 13, 10);
    assert_int_equal(member_changes_last(&changes, &a), 13);
    assert_int_equal(member_changes_last(&changes, &b), 12);
    member_changes_note(&changes, &b, 14, 13);
    /* Not as little as before: what somebody has read since 10 may not show the change. */
    assert_int_equal(member_changes_last(&changes, &a), 13);
    assert_int_equal(member_changes_last(&changes, &b), 14);
    member_changes_deinit(&changes);
}

static void test_without_room_everything_counts_as_changed(void **state)
{
    (void)state;
    struct rand rand;
    struct member_changes changes;
    rand_seed(&rand, 5);
    member_changes_init(&changes, 1, 0);
    struct id first = id_generate(&rand, 1);
    member_changes_note(&changes, &first, 1, 0);
    for (uint64_t i = 2; i <= MEMBER_CHANGES_MAX + 3; i++) {
        struct id id = id_generate(&rand, 1);
        member_changes_note(&changes, &id, i, 0);
    }
    assert_int_equal(map_count(&changes.map), MEMBER_CHANGES_MAX);
    assert_int_equal(changes.floor, 3);
    assert_int_equal(member_changes_last(&changes, &first), 3);
    member_changes_deinit(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_are_forgotten_when_they_are_shown),
        cmocka_unit_test(test_without_room_everything_counts_as_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
