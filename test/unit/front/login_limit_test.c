/* SPDX-License-Identifier: Apache-2.0
 *
 * Failed logins: none is slowed before so many have failed, then each costs twice as much as the
 * one before; addresses do not mix, and what is remembered is bounded. */
#include "front/login_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FREE 3
#define DELAY_MAX_MS 10000
#define NOW 5000
#define USER 17
#define HOUR_MS 3600000

static struct address address_of(const char *text)
{
    struct address address;
    struct err err = address_parse(slice_of_text(text), 1234, &address);
    assert_int_equal(err.code, ERR_OK);
    return address;
}

static struct login_limit *make(void)
{
    struct login_limit *limit = login_limit_new(FREE, DELAY_MAX_MS, 7);
    assert_non_null(limit);
    return limit;
}

static void fail_times(struct login_limit *limit, const struct address *address, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        login_limit_failed(limit, address, USER, NOW);
    }
}

static void test_first_failures_are_not_slowed(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 0);
    fail_times(limit, &peer, FREE - 1);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 0);
    fail_times(limit, &peer, 1);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 1000);
    login_limit_free(limit);
}

static void test_delay_doubles_up_to_a_bound(void **state)
{
    (void)state;
    static const int64_t expected[] = {1000, 2000, 4000, 8000, 10000, 10000};
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    fail_times(limit, &peer, FREE - 1);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        fail_times(limit, &peer, 1);
        assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), expected[i]);
    }
    fail_times(limit, &peer, 1000);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), DELAY_MAX_MS);
    login_limit_free(limit);
}

/* The wait is over when its time is, but the next failure costs more still. */
static void test_wait_passes(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    fail_times(limit, &peer, FREE);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW + 999), 1);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW + 1000), 0);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW + 100000), 0);
    login_limit_failed(limit, &peer, USER, NOW + 100000);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW + 100000), 2000);
    login_limit_free(limit);
}

static void test_right_password_frees(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    struct address other = address_of("192.0.2.2");
    fail_times(limit, &peer, FREE + 1);
    fail_times(limit, &other, FREE);
    login_limit_succeeded(limit, &peer, USER);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 0);
    assert_int_equal(login_limit_wait_ms(limit, &other, NOW), 1000);
    fail_times(limit, &peer, FREE - 1); /* counted anew */
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 0);
    login_limit_free(limit);
}

/* Whoever has an account of its own does not get free guesses at others' by logging in between. */
static void test_right_password_of_another_user_frees_not(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    fail_times(limit, &peer, FREE);
    login_limit_succeeded(limit, &peer, USER + 1);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 1000);
    login_limit_failed(limit, &peer, USER + 1, NOW); /* nor by failing there first */
    login_limit_succeeded(limit, &peer, USER + 1);
    login_limit_succeeded(limit, &peer, USER);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW), 2000);
    login_limit_free(limit);
}

static void test_quiet_forgives(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    fail_times(limit, &peer, FREE + 5);
    login_limit_failed(limit, &peer, USER, NOW + HOUR_MS + 1);
    assert_int_equal(login_limit_wait_ms(limit, &peer, NOW + HOUR_MS + 1), 0);
    login_limit_free(limit);
}

/* Whatever the port; of IPv6 a subscriber's whole network. */
static void test_address_is_the_host(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address peer = address_of("192.0.2.1");
    struct address same = peer;
    struct address six = address_of("2001:db8::1");
    struct address neighbour = address_of("2001:db8::2");
    struct address stranger = address_of("2001:db8:0:1::1");
    address_set_port(&same, 4321);
    fail_times(limit, &peer, FREE);
    assert_int_equal(login_limit_wait_ms(limit, &same, NOW), 1000);
    fail_times(limit, &six, FREE);
    assert_int_equal(login_limit_wait_ms(limit, &neighbour, NOW), 1000);
    assert_int_equal(login_limit_wait_ms(limit, &stranger, NOW), 0);
    login_limit_free(limit);
}

static struct address numbered(unsigned number)
{
    char text[ADDRESS_TEXT_BYTES];
    int bytes = snprintf(text, sizeof(text), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
                         number & 255);
    assert_in_range(bytes, 1, sizeof(text) - 1);
    return address_of(text);
}

/* Of too many addresses that which has been quiet the longest is forgotten. */
static void test_addresses_are_bounded(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address first = numbered(0);
    struct address second = numbered(1);
    struct address third = numbered(2);
    for (unsigned i = 0; i < LOGIN_LIMIT_ADDRESSES_MAX; i++) {
        struct address peer = numbered(i);
        fail_times(limit, &peer, FREE);
    }
    fail_times(limit, &first, 1);
    assert_int_equal(login_limit_wait_ms(limit, &first, NOW), 2000);
    struct address more = numbered(LOGIN_LIMIT_ADDRESSES_MAX);
    fail_times(limit, &more, FREE);
    assert_int_equal(login_limit_wait_ms(limit, &first, NOW), 2000);
    assert_int_equal(login_limit_wait_ms(limit, &second, NOW), 0);
    assert_int_equal(login_limit_wait_ms(limit, &third, NOW), 1000);
    assert_int_equal(login_limit_wait_ms(limit, &more, NOW), 1000);
    login_limit_free(limit);
}

/* A peer without an address (a socket pair) is not counted. */
static void test_of_none(void **state)
{
    (void)state;
    struct login_limit *limit = make();
    struct address none = {0};
    fail_times(limit, &none, FREE + 1);
    assert_int_equal(login_limit_wait_ms(limit, &none, NOW), 0);
    login_limit_succeeded(limit, &none, USER);
    login_limit_free(limit);
    login_limit_free(NULL);
    struct address peer = address_of("192.0.2.1");
    login_limit_failed(NULL, &peer, USER, NOW);
    login_limit_succeeded(NULL, &peer, USER);
    assert_int_equal(login_limit_wait_ms(NULL, &peer, NOW), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_failures_are_not_slowed),
        cmocka_unit_test(test_delay_doubles_up_to_a_bound),
        cmocka_unit_test(test_wait_passes),
        cmocka_unit_test(test_right_password_frees),
        cmocka_unit_test(test_right_password_of_another_user_frees_not),
        cmocka_unit_test(test_quiet_forgives),
        cmocka_unit_test(test_address_is_the_host),
        cmocka_unit_test(test_addresses_are_bounded),
        cmocka_unit_test(test_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
