/* SPDX-License-Identifier: Apache-2.0
 *
 * rand_test.c - random bytes: seeded streams replay, the kernel's do not; nothing given out stays
 * behind; numbers below a bound are below it, and evenly spread. */
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_seed_replays(void **state)
{
    (void)state;
    static struct rand a;
    static struct rand b;
    rand_seed(&a, 42);
    rand_seed(&b, 42);
    for (size_t i = 0; i < 3 * RAND_BLOCK_BYTES; i++) {
        assert_true(rand_u64(&a) == rand_u64(&b));
    }
    /* Seeding again starts again, also in the middle of a block. */
    rand_seed(&b, 42);
    rand_seed(&a, 42);
    rand_u64(&a);
    rand_seed(&a, 42);
    assert_true(rand_u64(&a) == rand_u64(&b));
}

static void test_seeds_differ(void **state)
{
    (void)state;
    static struct rand a;
    static struct rand b;
    rand_seed(&a, 1);
    rand_seed(&b, 2);
    assert_true(rand_u64(&a) != rand_u64(&b));
}

/* The first numbers of splitmix64 with seed 1234567, as its authors published them: seeds in old
 * reports of failed tests must keep their meaning. */
static void test_seeded_stream_is_splitmix64(void **state)
{
    (void)state;
    static struct rand rand;
    static const uint64_t wanted[] = {6457827717110365317u, 3203168211198807973u,
                                      9817491932198370423u, 4593380528125082431u,
                                      16408922859458223821u};
    rand_seed(&rand, 1234567);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(rand_u64(&rand) == wanted[i]);
    }
}

/* How the bytes are asked for does not change them, across the ends of blocks too. */
static void test_pieces_make_the_same_stream(void **state)
{
    (void)state;
    enum { TOTAL = 3 * RAND_BLOCK_BYTES + 17 };
    static struct rand a;
    static struct rand b;
    static uint8_t whole[TOTAL];
    static uint8_t pieces[TOTAL];
    rand_seed(&a, 7);
    rand_seed(&b, 7);
    rand_bytes(&a, whole, sizeof(whole));
    size_t done = 0;
    for (size_t step = 1; done < sizeof(pieces); step = step * 3 % 1001) {
        size_t bytes = min_size(step, sizeof(pieces) - done);
        rand_bytes(&b, pieces + done, bytes);
        done += bytes;
    }
    assert_memory_equal(whole, pieces, sizeof(whole));
    rand_bytes(&a, whole, 0);
}

static void test_zero_asks_the_kernel(void **state)
{
    (void)state;
    static struct rand a;
    static struct rand b;
    uint8_t bytes_a[64] = {0};
    uint8_t bytes_b[64] = {0};
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    rand_bytes(&a, bytes_a, sizeof(bytes_a));
    rand_bytes(&b, bytes_b, sizeof(bytes_b));
    assert_memory_not_equal(bytes_a, bytes_b, sizeof(bytes_a));
    assert_int_equal(a.state, 0);
}

/* A key must not be found in memory again behind the back of its owner. */
static void test_given_out_bytes_are_wiped(void **state)
{
    (void)state;
    static struct rand rand;
    static const uint8_t zeros[RAND_BLOCK_BYTES];
    uint8_t key[100];
    memset(&rand, 0, sizeof(rand));
    rand_bytes(&rand, key, sizeof(key));
    assert_int_equal(rand.left, RAND_BLOCK_BYTES - sizeof(key));
    assert_memory_equal(rand.block, zeros, sizeof(key));
    assert_memory_not_equal(rand.block + sizeof(key), zeros, sizeof(key));
}

static void test_below_is_below(void **state)
{
    (void)state;
    static struct rand rand;
    static const uint64_t bounds[] = {1,         2, 3, 7, 48, 1000, 1u << 31, UINT64_MAX / 2 + 2,
                                      UINT64_MAX};
    rand_seed(&rand, 5);
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        for (size_t round = 0; round < 2000; round++) {
            assert_true(rand_below(&rand, bounds[i]) < bounds[i]);
        }
    }
    assert_true(rand_below(&rand, 1) == 0);
}

/* 48 symbols, 96,000 draws: each 2,000 times give or take; ten standard deviations are 442. */
static void test_below_is_even(void **state)
{
    (void)state;
    static struct rand rand;
    size_t counts[48] = {0};
    rand_seed(&rand, 6);
    for (size_t i = 0; i < 96000; i++) {
        counts[rand_below(&rand, ARRAY_LEN(counts))]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        assert_in_range(counts[i], 2000 - 442, 2000 + 442);
    }
}

/* With a bound of 2/3 of all numbers, a plain remainder would favour the lower half two to one. */
static void test_below_has_no_remainder_bias(void **state)
{
    (void)state;
    static struct rand rand;
    const uint64_t bound = UINT64_MAX / 3 * 2;
    size_t lower = 0;
    rand_seed(&rand, 8);
    for (size_t i = 0; i < 10000; i++) {
        lower += rand_below(&rand, bound) < bound / 2;
    }
    assert_in_range(lower, 4500, 5500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_replays),
        cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_seeded_stream_is_splitmix64),
        cmocka_unit_test(test_pieces_make_the_same_stream),
        cmocka_unit_test(test_zero_asks_the_kernel),
        cmocka_unit_test(test_given_out_bytes_are_wiped),
        cmocka_unit_test(test_below_is_below),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_below_has_no_remainder_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
