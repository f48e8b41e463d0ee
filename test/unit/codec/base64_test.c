/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include "base/rand.h"
#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* RFC 4648 section 10. */
static const struct {
    struct slice bytes;
    struct slice text;
} vectors[] = {
    {SLICE_INIT(""), SLICE_INIT("")},
    {SLICE_INIT("f"), SLICE_INIT("Zg==")},
    {SLICE_INIT("fo"), SLICE_INIT("Zm8=")},
    {SLICE_INIT("foo"), SLICE_INIT("Zm9v")},
    {SLICE_INIT("foob"), SLICE_INIT("Zm9vYg==")},
    {SLICE_INIT("fooba"), SLICE_INIT("Zm9vYmE=")},
    {SLICE_INIT("foobar"), SLICE_INIT("Zm9vYmFy")},
    {SLICE_INIT("\xfb\xef\xff"), SLICE_INIT("++//")},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        uint8_t to[16];
        size_t bytes = base64_encode(vectors[i].bytes, to);
        assert_int_equal(bytes, BASE64_BYTES(vectors[i].bytes.bytes));
        assert_true(slice_equal(slice_of(to, bytes), vectors[i].text));
        assert_true(base64_decode(vectors[i].text, to, sizeof(to), &bytes));
        assert_true(slice_equal(slice_of(to, bytes), vectors[i].bytes));
    }
}

static void test_round_trips_fit_their_room(void **state)
{
    (void)state;
    struct rand rand;
    rand_seed(&rand, 7);
    struct guard text = {0};
    struct guard bytes = {0};
    guard_init(&text);
    guard_init(&bytes);
    uint8_t blank[BASE64_BYTES(64)] = {0};
    for (size_t count = 0; count <= 64; count++) {
        uint8_t from[64];
        rand_bytes(&rand, from, sizeof(from));
        uint8_t *encoded = guard_put(&text, blank, BASE64_BYTES(count));
        size_t encoded_bytes = base64_encode(slice_of(from, count), encoded);
        uint8_t *decoded = guard_put(&bytes, blank, count);
        size_t decoded_bytes = 0;
        assert_true(
            base64_decode(slice_of(encoded, encoded_bytes), decoded, count, &decoded_bytes));
        assert_int_equal(decoded_bytes, count);
        assert_memory_equal(decoded, from, count);
        if (count > 0) {
            assert_false(base64_decode(slice_of(encoded, encoded_bytes), decoded, count - 1,
                                       &decoded_bytes));
        }
    }
    guard_deinit(&text);
    guard_deinit(&bytes);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct slice refused[] = {
        SLICE_INIT("Z"),     SLICE_INIT("Zg"),      SLICE_INIT("Zg="),      SLICE_INIT("="),
        SLICE_INIT("===="),  SLICE_INIT("Z==="),    SLICE_INIT("Zg==Zg=="), SLICE_INIT("Zm=v"),
        SLICE_INIT("Zm9-"),  SLICE_INIT("Zm9_"),    SLICE_INIT("Zm 9"),     SLICE_INIT("Zm9\n"),
        SLICE_INIT("Zm\0v"), SLICE_INIT("Zm9\x80"),
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        uint8_t to[16];
        size_t bytes;
        assert_false(base64_decode(refused[i], to, sizeof(to), &bytes));
    }
}

static void test_bits_behind_the_last_byte_are_ignored(void **state)
{
    (void)state;
    uint8_t to[3];
    size_t bytes;
    assert_true(base64_decode(SLICE("Zh=="), to, sizeof(to), &bytes));
    assert_true(slice_equal(slice_of(to, bytes), SLICE("f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_round_trips_fit_their_room),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bits_behind_the_last_byte_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
