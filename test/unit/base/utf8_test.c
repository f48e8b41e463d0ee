/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8_test.c - UTF-8 as RFC 3629 has it. All characters are encoded and all sequences of up to
 * three bytes are compared with a plain decoder that knows only the definition. */
#include "base/utf8.h"

#include "base/rand.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

/* Writes <point> in the form of <length> bytes, whether or not that is the right one. */
static struct slice encode(uint32_t point, size_t length, uint8_t *out)
{
    static const uint8_t leads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (uint8_t)(leads[length] | point);
    return slice_of(out, length);
}

static size_t shortest_length(uint32_t point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static bool point_is_character(uint32_t point)
{
    return point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
}

/* The definition, slowly: lead byte, continuation bytes, shortest form, range. 0 if not valid. */
static size_t plain_sequence(struct slice bytes)
{
    if (bytes.bytes == 0) {
        return 0;
    }
    uint8_t lead = bytes.at[0];
    size_t length = lead < 0x80       ? 1
                    : lead >> 5 == 6  ? 2
                    : lead >> 4 == 14 ? 3
                    : lead >> 3 == 30 ? 4
                                      : 0;
    if (length == 0 || length > bytes.bytes) {
        return 0;
    }
    static const uint8_t lead_masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = lead & lead_masks[length];
    for (size_t i = 1; i < length; i++) {
        if (bytes.at[i] >> 6 != 2) {
            return 0;
        }
        point = point << 6 | (bytes.at[i] & 0x3f);
    }
    return point_is_character(point) && shortest_length(point) == length ? length : 0;
}

static void test_all_characters(void **state)
{
    (void)state;
    uint8_t bytes[4];
    for (uint32_t point = 0; point < 0x200000; point++) {
        struct slice text = encode(point, shortest_length(point), bytes);
        size_t wanted = point_is_character(point) ? text.bytes : 0;
        if (utf8_sequence(text) != wanted || utf8_is_valid(text) != (wanted != 0)) {
            fail_msg("U+%04X", point);
        }
    }
}

static void test_overlong_forms(void **state)
{
    (void)state;
    uint8_t bytes[4];
    for (size_t length = 2; length <= 4; length++) {
        static const uint32_t shorter[] = {0, 0, 0x80, 0x800, 0x10000};
        for (uint32_t point = 0; point < shorter[length]; point++) {
            struct slice text = encode(point, length, bytes);
            if (utf8_sequence(text) != 0 || utf8_is_valid(text)) {
                fail_msg("U+%04X in %zu bytes", point, length);
            }
        }
    }
}

/* All sequences of one, two and three bytes. */
static void test_all_short_sequences(void **state)
{
    (void)state;
    for (uint32_t word = 0; word < 1 << 24; word++) {
        uint8_t bytes[3] = {(uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word};
        size_t length_max = word < 0x10000 * 0xc0u ? 1 : 3;
        for (size_t length = 1; length <= length_max; length++) {
            struct slice text = slice_of(bytes, length);
            if (utf8_sequence(text) != plain_sequence(text)) {
                fail_msg("%06x, %zu bytes", word, length);
            }
        }
        if (length_max == 1) {
            word |= 0xffff; /* only the lead byte matters */
        }
    }
}

struct boundary {
    const char *bytes;
    size_t count;
    size_t length; /* 0: not valid */
};

#define B(text, length)                \
    {                                  \
        text, sizeof(text) - 1, length \
    }

static const struct boundary boundaries[] = {
    B("\x00", 1),
    B("\x7f", 1),
    B("\x80", 0),
    B("\xbf", 0),
    B("\xc0\x80", 0),
    B("\xc1\xbf", 0),
    B("\xc2\x7f", 0),
    B("\xc2\x80", 2),
    B("\xc2\xbf", 2),
    B("\xc2\xc0", 0),
    B("\xdf\xbf", 2),
    B("\xe0\x80\x80", 0),
    B("\xe0\x9f\xbf", 0),
    B("\xe0\xa0\x80", 3),
    B("\xe1\x80\x80", 3),
    B("\xec\xbf\xbf", 3),
    B("\xed\x9f\xbf", 3),
    B("\xed\xa0\x80", 0),
    B("\xed\xbf\xbf", 0),
    B("\xee\x80\x80", 3),
    B("\xef\xbb\xbf", 3),
    B("\xef\xbf\xbe", 3),
    B("\xef\xbf\xbf", 3),
    B("\xf0\x80\x80\x80", 0),
    B("\xf0\x8f\xbf\xbf", 0),
    B("\xf0\x90\x80\x80", 4),
    B("\xf3\xbf\xbf\xbf", 4),
    B("\xf4\x8f\xbf\xbf", 4),
    B("\xf4\x90\x80\x80", 0),
    B("\xf5\x80\x80\x80", 0),
    B("\xf8\x88\x80\x80\x80", 0),
    B("\xfe", 0),
    B("\xff", 0),
    B("\xc2", 0),
    B("\xe1\x80", 0),
    B("\xf1\x80\x80", 0),
    B("\xe1\x80\x7f", 0),
    B("\xe1\x80\xc0", 0),
    B("\xf1\x80\x80\x7f", 0),
    B("\xf1\x80\xc0\x80", 0),
    B("\xf1\xc0\x80\x80", 0),
};

static void test_boundaries(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boundaries); i++) {
        const struct boundary *b = &boundaries[i];
        struct slice text = guard_slice(&guard, slice_of(b->bytes, b->count));
        print_message("row %zu\n", i);
        assert_int_equal(utf8_sequence(text), b->length);
        assert_int_equal(utf8_is_valid(text), b->length != 0);
    }
}

/* Each boundary row between ASCII at every offset to the eight-byte words. */
static void test_boundaries_inside_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boundaries); i++) {
        const struct boundary *b = &boundaries[i];
        for (size_t before = 0; before < 20; before++) {
            for (size_t after = 0; after < 20; after++) {
                uint8_t bytes[64];
                memset(bytes, 'a', sizeof(bytes));
                memcpy(bytes + before, b->bytes, b->count);
                struct slice text = slice_of(bytes, before + b->count + after);
                text = guard_slice(&guard, text);
                assert_int_equal(utf8_is_valid(text), b->length != 0);
            }
        }
    }
}

static void test_empty(void **state)
{
    (void)state;
    assert_true(utf8_is_valid((struct slice){0}));
    assert_int_equal(utf8_sequence((struct slice){0}), 0);
    assert_int_equal(utf8_length((struct slice){0}), 0);
    assert_true(utf8_is_valid(guard_slice(&guard, SLICE(""))));
}

static void test_length(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(SLICE("abc")), 3);
    assert_int_equal(utf8_length(SLICE("a\xc3\xa9z")), 3);
    assert_int_equal(utf8_length(SLICE("\xe2\x82\xac\xf0\x9f\x8c\x8d")), 2);
    assert_int_equal(utf8_length(SLICE("a\0b")), 3);
}

/* Random texts, valid but for what one changed byte makes of them. */
static void test_random_texts(void **state)
{
    (void)state;
    static struct rand rand;
    rand_seed(&rand, 31337);
    for (size_t round = 0; round < 20000; round++) {
        uint8_t bytes[256];
        size_t count = 0;
        size_t characters = (size_t)rand_below(&rand, 40);
        for (size_t i = 0; i < characters; i++) {
            uint32_t point;
            do {
                point = (uint32_t)rand_below(&rand, rand_below(&rand, 2) ? 0x80 : 0x110000);
            } while (!point_is_character(point));
            count += encode(point, shortest_length(point), bytes + count).bytes;
        }
        struct slice text = guard_slice(&guard, slice_of(bytes, count));
        assert_true(utf8_is_valid(text));
        assert_int_equal(utf8_length(text), characters);
        if (count == 0) {
            continue;
        }
        bytes[rand_below(&rand, count)] = (uint8_t)rand_u64(&rand);
        text = guard_slice(&guard, slice_of(bytes, count));
        bool wanted = true;
        for (size_t i = 0; i < count && wanted;) {
            size_t length = plain_sequence(slice_from(text, i));
            wanted = length != 0;
            i += length;
        }
        assert_int_equal(utf8_is_valid(text), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_characters),
        cmocka_unit_test(test_overlong_forms),
        cmocka_unit_test(test_all_short_sequences),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_boundaries_inside_text),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_random_texts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
