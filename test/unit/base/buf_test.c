/* SPDX-License-Identifier: Apache-2.0
 *
 * buf_test.c - owned bytes: what is put is there, in order; caps hold; a failed buffer stays as it
 * was; moving and growing keep the data. */
#include "base/buf.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_data(const struct buf *buf, const void *wanted, size_t bytes)
{
    assert_int_equal(buf_bytes(buf), bytes);
    if (bytes > 0) {
        assert_memory_equal(buf_data(buf).at, wanted, bytes);
    }
}

static void test_zero_is_empty(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_int_equal(buf_bytes(&buf), 0);
    assert_null(buf_data(&buf).at);
    buf_put_bytes(&buf, NULL, 0);
    buf_put(&buf, (struct slice){0});
    assert_false(buf.failed);
    assert_null(buf.at);
    buf_consume(&buf, 0);
    buf_reset(&buf);
    buf_deinit(&buf);
}

static void test_put_and_consume(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_put(&buf, SLICE("hello "));
    BUF_PUT_LITERAL(&buf, "world");
    buf_put_byte(&buf, '!');
    assert_data(&buf, "hello world!", 12);
    buf_consume(&buf, 6);
    assert_data(&buf, "world!", 6);
    buf_consume(&buf, 6);
    assert_data(&buf, "", 0);
    /* All consumed: the place is used from its start again. */
    assert_int_equal(buf.head, 0);
    assert_int_equal(buf.tail, 0);
    buf_deinit(&buf);
    assert_null(buf.at);
    buf_put(&buf, SLICE("again"));
    assert_data(&buf, "again", 5);
    buf_deinit(&buf);
}

static void test_literal_keeps_inner_nul(void **state)
{
    (void)state;
    struct buf buf = {0};
    BUF_PUT_LITERAL(&buf, "a\0b");
    assert_data(&buf, "a\0b", 3);
    buf_deinit(&buf);
}

static void test_cap_is_exact(void **state)
{
    (void)state;
    for (size_t cap = 1; cap < 200; cap++) {
        struct buf buf = {.bytes_max = cap};
        for (size_t i = 0; i < cap; i++) {
            buf_put_byte(&buf, (uint8_t)i);
        }
        assert_false(buf.failed);
        assert_int_equal(buf_bytes(&buf), cap);
        buf_put_byte(&buf, 1);
        assert_true(buf.failed);
        assert_int_equal(buf_bytes(&buf), cap);
        buf_deinit(&buf);
        assert_int_equal(buf.bytes_max, cap);
        assert_false(buf.failed);
    }
}

/* The cap is on the data held, not on all that ever passed through. */
static void test_cap_counts_unread_data_only(void **state)
{
    (void)state;
    struct buf buf = {.bytes_max = 10};
    for (size_t i = 0; i < 1000; i++) {
        buf_put(&buf, SLICE("1234567"));
        buf_consume(&buf, 4);
        buf_put(&buf, SLICE("abc"));
        assert_false(buf.failed);
        assert_data(&buf, "567abc", 6);
        buf_consume(&buf, 6);
    }
    buf_deinit(&buf);
}

static void test_failed_write_changes_nothing(void **state)
{
    (void)state;
    struct buf buf = {.bytes_max = 8};
    buf_put(&buf, SLICE("12345"));
    buf_put(&buf, SLICE("6789"));
    assert_true(buf.failed);
    assert_data(&buf, "12345", 5);
    /* Further writes are ignored, even those that would fit. */
    buf_put(&buf, SLICE("6"));
    buf_put_u16be(&buf, 1);
    buf_put_varint(&buf, 1);
    buf_put_decimal(&buf, 1);
    buf_put_format(&buf, "%d", 1);
    assert_data(&buf, "12345", 5);
    buf_reset(&buf);
    assert_false(buf.failed);
    buf_put(&buf, SLICE("12345678"));
    assert_false(buf.failed);
    buf_deinit(&buf);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buf buf = {.bytes_max = 1000};
    assert_int_equal(buf_reserve(&buf, 1000).code, ERR_OK);
    assert_true(buf.room >= 1000);
    assert_int_equal(buf_bytes(&buf), 0);
    assert_int_equal(buf_reserve(&buf, 1001).code, ERR_BUF_FULL);
    assert_true(buf.failed);
    buf_reset(&buf);
    buf.bytes_max = 0;
    assert_int_equal(buf_reserve(&buf, SIZE_MAX).code, ERR_BUF_FULL);
    buf_reset(&buf);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX / 2).code, ERR_BUF_FULL);
    buf_deinit(&buf);
}

static void test_numbers_big_endian(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_put_u16be(&buf, 0x0102);
    buf_put_u32be(&buf, 0x03040506u);
    buf_put_u64be(&buf, 0x0708090a0b0c0d0eu);
    assert_data(&buf, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 14);
    buf_deinit(&buf);
}

static void test_varints(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        size_t bytes;
        const char *at;
    } cases[] = {
        {0, 1, "\x00"},
        {127, 1, "\x7f"},
        {128, 2, "\x80\x01"},
        {300, 2, "\xac\x02"},
        {16383, 2, "\xff\x7f"},
        {16384, 3, "\x80\x80\x01"},
        {UINT64_MAX, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf buf = {0};
        buf_put_varint(&buf, cases[i].value);
        assert_data(&buf, cases[i].at, cases[i].bytes);
        buf_deinit(&buf);
    }
}

static void test_zigzag(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        size_t bytes;
        const char *at;
    } cases[] = {
        {0, 1, "\x00"},
        {-1, 1, "\x01"},
        {1, 1, "\x02"},
        {-64, 1, "\x7f"},
        {64, 2, "\x80\x01"},
        {INT64_MAX, 10, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
        {INT64_MIN, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf buf = {0};
        buf_put_zigzag(&buf, cases[i].value);
        assert_data(&buf, cases[i].at, cases[i].bytes);
        buf_deinit(&buf);
    }
}

static void test_decimals(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {10, "10"},
        {-1000, "-1000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct buf buf = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&buf);
        buf_put_decimal(&buf, cases[i].value);
        assert_data(&buf, cases[i].text, strlen(cases[i].text));
    }
    buf_reset(&buf);
    buf_put_decimal_unsigned(&buf, UINT64_MAX);
    assert_data(&buf, "18446744073709551615", 20);
    buf_deinit(&buf);
}

static void test_format(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_put_format(&buf, "%s=%d", "key", 42);
    buf_put_format(&buf, "%s", "");
    assert_data(&buf, "key=42", 6);
    char text[500];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    buf_put_format(&buf, "%s", text);
    assert_int_equal(buf_bytes(&buf), 6 + 499);
    assert_int_equal(buf_data(&buf).at[504], 'x');
    buf_deinit(&buf);
}

/* The NUL that vsnprintf writes behind the text is not data, and does not count against the cap. */
static void test_format_fills_up_to_the_cap(void **state)
{
    (void)state;
    static const size_t caps[] = {1, 6, 63, 64, 65, 128};
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        struct buf buf = {.bytes_max = caps[i]};
        buf_put_format(&buf, "%*s", (int)caps[i], "x");
        assert_false(buf.failed);
        assert_int_equal(buf_bytes(&buf), caps[i]);
        assert_int_equal(buf.bytes_max, caps[i]);
        buf_put_format(&buf, "y");
        assert_true(buf.failed);
        assert_int_equal(buf_bytes(&buf), caps[i]);
        buf_deinit(&buf);
        buf_put_format(&buf, "%*s", (int)caps[i] + 1, "x");
        assert_true(buf.failed);
        assert_int_equal(buf_bytes(&buf), 0);
        buf_deinit(&buf);
    }
}

/* A random program of puts and consumes beside a plain array. */
static void test_random_program(void **state)
{
    (void)state;
    enum { PLAIN_MAX = 1 << 20 };
    static struct rand rand;
    rand_seed(&rand, 4711);
    uint8_t *plain = malloc(PLAIN_MAX);
    size_t head = 0;
    size_t tail = 0;
    struct buf buf = {.bytes_max = 5000};
    bool has_failed = false;
    for (size_t step = 0; step < 20000 && tail < PLAIN_MAX - 600; step++) {
        uint8_t bytes[512];
        size_t count = (size_t)rand_below(&rand, sizeof(bytes));
        if (rand_below(&rand, 2) == 0) {
            rand_bytes(&rand, bytes, count);
            buf_put_bytes(&buf, bytes, count);
            bool fits = tail - head + count <= 5000;
            assert_int_equal(buf.failed, !fits);
            if (fits) {
                memcpy(plain + tail, bytes, count);
                tail += count;
            }
            has_failed |= buf.failed;
            buf.failed = false;
        } else {
            count = count < tail - head ? count : tail - head;
            buf_consume(&buf, count);
            head += count;
        }
        assert_data(&buf, plain + head, tail - head);
        assert_true(buf.head <= buf.tail && buf.tail <= buf.room);
        assert_true(buf.room <= 16384); /* moved, not grown without end */
    }
    assert_true(has_failed);
    free(plain);
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_is_empty),
        cmocka_unit_test(test_put_and_consume),
        cmocka_unit_test(test_literal_keeps_inner_nul),
        cmocka_unit_test(test_cap_is_exact),
        cmocka_unit_test(test_cap_counts_unread_data_only),
        cmocka_unit_test(test_failed_write_changes_nothing),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_numbers_big_endian),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_zigzag),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_fills_up_to_the_cap),
        cmocka_unit_test(test_random_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
