/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates of keys: a burst at once, then as many as come back in the time; each key for itself, and a
 * bounded number of them. */
#include "front/rate.h"

#include "base/common.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define PER_SECOND 10
#define BURST 5
#define KEYS_MAX 3
#define NOW INT64_C(1700000000000)

static struct rate_limiter *make(void)
{
    const struct rate_options options = {
        .per_second = PER_SECOND, .burst = BURST, .keys_max = KEYS_MAX, .seed = 7};
    struct rate_limiter *limiter = rate_new(&options);
    assert_non_null(limiter);
    return limiter;
}

static void take_all(struct rate_limiter *limiter, uint64_t key, int64_t now_ms)
{
    while (rate_take(limiter, key, now_ms) == 0) {
    }
    assert_int_equal(rate_left(limiter, key, now_ms), 0);
}

static void test_a_burst_then_one_by_one(void **state)
{
    (void)state;
    struct rate_limiter *limiter = make();
    assert_int_equal(rate_left(limiter, 1, NOW), BURST);
    for (uint32_t i = 0; i < BURST; i++) {
        assert_int_equal(rate_take(limiter, 1, NOW), 0);
        assert_int_equal(rate_left(limiter, 1, NOW), BURST - 1 - i);
    }
    /* 10 a second: one comes back in 100 ms. To ask in vain costs nothing. */
    assert_int_equal(rate_take(limiter, 1, NOW), 100);
    assert_int_equal(rate_take(limiter, 1, NOW + 60), 40);
    assert_int_equal(rate_take(limiter, 1, NOW + 99), 1);
    assert_int_equal(rate_take(limiter, 1, NOW + 100), 0);
    assert_int_equal(rate_take(limiter, 1, NOW + 100), 100);
    rate_free(limiter);
}

/* Who is quiet for long gets a burst, and no more. */
static void test_rest_fills_the_bucket_no_further(void **state)
{
    (void)state;
    struct rate_limiter *limiter = make();
    take_all(limiter, 1, NOW);
    assert_int_equal(rate_left(limiter, 1, NOW + 250), 2);
    assert_int_equal(rate_left(limiter, 1, NOW + 500), BURST);
    const int64_t later = NOW + 86400000;
    assert_int_equal(rate_left(limiter, 1, later), BURST);
    for (unsigned i = 0; i < BURST; i++) {
        assert_int_equal(rate_take(limiter, 1, later), 0);
    }
    assert_int_equal(rate_take(limiter, 1, later), 100);
    rate_free(limiter);
}

static void test_keys_do_not_mix(void **state)
{
    (void)state;
    struct rate_limiter *limiter = make();
    take_all(limiter, 1, NOW);
    assert_int_equal(rate_left(limiter, 2, NOW), BURST);
    assert_int_equal(rate_take(limiter, 2, NOW), 0);
    assert_int_equal(rate_take(limiter, 1, NOW), 100);
    rate_free(limiter);
}

/* The one that was unused for longest is forgotten, and begins anew. */
static void test_number_of_keys_is_bounded(void **state)
{
    (void)state;
    struct rate_limiter *limiter = make();
    for (uint64_t key = 1; key <= KEYS_MAX; key++) {
        take_all(limiter, key, NOW);
    }
    assert_int_equal(rate_take(limiter, 1, NOW), 100); /* used: key 2 is the oldest now */
    assert_int_equal(rate_take(limiter, 99, NOW), 0);
    assert_int_equal(rate_left(limiter, 1, NOW), 0);
    assert_int_equal(rate_left(limiter, 2, NOW), BURST);
    assert_int_equal(rate_left(limiter, 3, NOW), 0);
    rate_free(limiter);
}

static void test_no_limiter_is_no_limit(void **state)
{
    (void)state;
    assert_int_equal(rate_take(NULL, 1, NOW), 0);
    rate_free(NULL);
}

/* Whatever the times, so many pass in a span as its burst and its length allow; and who waits for
 * as long as it was told is let through. */
static void test_at_random(void **state)
{
    (void)state;
    struct rate_limiter *limiter = make();
    struct rand rand;
    rand_seed(&rand, 5);
    int64_t now = NOW;
    int64_t passed = 0;
    for (unsigned i = 0; i < 20000; i++) {
        now += (int64_t)rand_below(&rand, 120);
        int64_t wait = rate_take(limiter, 1, now);
        if (wait > 0 && rand_below(&rand, 4) == 0) {
            now += wait;
            wait = rate_take(limiter, 1, now);
            assert_int_equal(wait, 0);
        }
        passed += wait == 0;
        assert_true(passed <= BURST + (now - NOW) * PER_SECOND / 1000);
    }
    assert_true(passed > 0);
    rate_free(limiter);
}

/* Also when one takes no whole number of milliseconds: the wait that is told suffices. */
static void test_odd_rates(void **state)
{
    (void)state;
    static const uint32_t rates[] = {1, 3, 7, 999, 1000000};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        const struct rate_options options = {
            .per_second = rates[i], .burst = 1, .keys_max = 1, .seed = 7};
        struct rate_limiter *limiter = rate_new(&options);
        assert_non_null(limiter);
        assert_int_equal(rate_take(limiter, 1, NOW), 0);
        int64_t wait = rate_take(limiter, 1, NOW);
        assert_int_equal(wait, (1000 + rates[i] - 1) / rates[i]);
        assert_int_equal(rate_take(limiter, 1, NOW + wait), 0);
        rate_free(limiter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_one_by_one),
        cmocka_unit_test(test_rest_fills_the_bucket_no_further),
        cmocka_unit_test(test_keys_do_not_mix),
        cmocka_unit_test(test_number_of_keys_is_bounded),
        cmocka_unit_test(test_no_limiter_is_no_limit),
        cmocka_unit_test(test_at_random),
        cmocka_unit_test(test_odd_rates),
    };
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
