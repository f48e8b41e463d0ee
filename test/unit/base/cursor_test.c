/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_test.c - bounds-checked reading: each read is whole or leaves all as it was, and nothing
 * behind the end is touched (lib/guard.h). */
#include "base/cursor.h"

#include "base/buf.h"
#include "base/rand.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t bytes_1_to_16[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct guard guard;

static int setup(void **state)
{
    (void)state;
    guard_init(&guard);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    guard_deinit(&guard);
    return 0;
}

static struct cursor cursor_of_first(size_t bytes)
{
    return cursor_over(guard_slice(&guard, slice_of(bytes_1_to_16, bytes)));
}

static void test_empty(void **state)
{
    (void)state;
    struct cursor c = cursor_over((struct slice){0});
    uint8_t byte = 77;
    struct slice rest = SLICE("before");
    assert_true(cursor_at_end(&c));
    assert_int_equal(cursor_left(&c), 0);
    assert_false(cursor_read_u8(&c, &byte));
    assert_int_equal(byte, 77);
    assert_false(cursor_read_bytes(&c, 1, &rest));
    assert_int_equal(rest.bytes, 6);
    assert_true(cursor_read_bytes(&c, 0, &rest));
    assert_int_equal(rest.bytes, 0);
}

static void test_numbers(void **state)
{
    (void)state;
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    struct cursor c = cursor_of_first(15);
    assert_true(cursor_read_u8(&c, &u8));
    assert_true(cursor_read_u16be(&c, &u16));
    assert_true(cursor_read_u32be(&c, &u32));
    assert_true(cursor_read_u64be(&c, &u64));
    assert_int_equal(u8, 1);
    assert_int_equal(u16, 0x0203);
    assert_int_equal(u32, 0x04050607);
    assert_true(u64 == 0x08090a0b0c0d0e0fu);
    assert_true(cursor_at_end(&c));
}

/* High bits must not leak through the promotion to int. */
static void test_numbers_all_ones(void **state)
{
    (void)state;
    struct cursor c = cursor_over(guard_slice(&guard, SLICE("\xff\xff\xff\xff\xff\xff\xff\xff"
                                                            "\xff\xff\xff\xff\xff\xff")));
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    assert_true(cursor_read_u16be(&c, &u16));
    assert_true(cursor_read_u32be(&c, &u32));
    assert_true(cursor_read_u64be(&c, &u64));
    assert_int_equal(u16, UINT16_MAX);
    assert_int_equal(u32, UINT32_MAX);
    assert_true(u64 == UINT64_MAX);
}

/* With one byte too few a read fails, moves nothing and writes nothing. */
static void test_short_reads_fail_whole(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 8; bytes++) {
        struct cursor c = cursor_of_first(bytes);
        const uint8_t *start = c.at;
        uint16_t u16 = 0xabcd;
        uint32_t u32 = 0xabcd;
        uint64_t u64 = 0xabcd;
        struct slice slice = {0};
        if (bytes < 2) {
            assert_false(cursor_read_u16be(&c, &u16));
        }
        if (bytes < 4) {
            assert_false(cursor_read_u32be(&c, &u32));
        }
        assert_false(cursor_read_u64be(&c, &u64));
        assert_false(cursor_read_bytes(&c, bytes + 1, &slice));
        assert_false(cursor_read_bytes(&c, SIZE_MAX, &slice));
        assert_int_equal(u16, 0xabcd);
        assert_int_equal(u32, 0xabcd);
        assert_int_equal(u64, 0xabcd);
        assert_null(slice.at);
        assert_ptr_equal(c.at, start);
        assert_int_equal(cursor_left(&c), bytes);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    struct cursor c = cursor_of_first(16);
    const uint8_t *start = c.at;
    struct slice part;
    assert_true(cursor_read_bytes(&c, 5, &part));
    assert_ptr_equal(part.at, start);
    assert_int_equal(part.bytes, 5);
    assert_int_equal(cursor_left(&c), 11);
    assert_true(cursor_read_bytes(&c, 11, &part));
    assert_ptr_equal(part.at, start + 5);
    assert_true(cursor_at_end(&c));
}

static void test_varints(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 99);
    for (size_t i = 0; i < 5000; i++) {
        uint64_t wanted = rand_u64(&rand) >> rand_below(&rand, 64);
        struct buf buf = {0};
        buf_put_varint(&buf, wanted);
        buf_put_zigzag(&buf, (int64_t)wanted);
        buf_put_zigzag(&buf, (int64_t)~wanted);
        struct cursor c = cursor_over(guard_slice(&guard, buf_data(&buf)));
        uint64_t got = 0;
        int64_t plus = 0;
        int64_t minus = 0;
        assert_true(cursor_read_varint(&c, &got));
        assert_true(cursor_read_zigzag(&c, &plus) && cursor_read_zigzag(&c, &minus));
        assert_true(cursor_at_end(&c));
        assert_true(got == wanted && plus == (int64_t)wanted && minus == (int64_t)~wanted);
        buf_deinit(&buf);
    }
}

static void test_cut_varints_fail_whole(void **state)
{
    (void)state;
    static const uint8_t longest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    for (size_t cut = 0; cut < sizeof(longest); cut++) {
        struct cursor c = cursor_over(guard_slice(&guard, slice_of(longest, cut)));
        uint64_t value = 5;
        int64_t number = 5;
        assert_false(cursor_read_varint(&c, &value));
        assert_false(cursor_read_zigzag(&c, &number));
        assert_int_equal(value, 5);
        assert_int_equal(number, 5);
        assert_int_equal(cursor_left(&c), cut);
    }
}

static void test_varints_beyond_64_bits(void **state)
{
    (void)state;
    static const char *const too_large[] = {
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", /* bit 64 */
        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81", /* goes on after ten bytes */
        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    };
    for (size_t i = 0; i < ARRAY_LEN(too_large); i++) {
        struct cursor c = cursor_over(guard_slice(&guard, slice_of(too_large[i], 10)));
        uint64_t value = 5;
        assert_false(cursor_read_varint(&c, &value));
        assert_int_equal(value, 5);
        assert_int_equal(cursor_left(&c), 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_all_ones),
        cmocka_unit_test(test_short_reads_fail_whole),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_cut_varints_fail_whole),
        cmocka_unit_test(test_varints_beyond_64_bits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
