/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/uri.h"

#include "lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void expect_slice(struct slice got, struct slice wanted)
{
    assert_int_equal(got.bytes, wanted.bytes);
    assert_true(slice_equal(got, wanted));
}

static void test_split(void **state)
{
    (void)state;
    struct uri uri = uri_split(SLICE("/thngs/a?x=1?y"));
    expect_slice(uri.path, SLICE("/thngs/a"));
    expect_slice(uri.query, SLICE("x=1?y"));
    assert_true(uri.has_query);

    uri = uri_split(SLICE("/thngs"));
    expect_slice(uri.path, SLICE("/thngs"));
    assert_false(uri.has_query);

    uri = uri_split(SLICE("/a?"));
    expect_slice(uri.path, SLICE("/a"));
    assert_true(uri.has_query);
    assert_true(slice_is_empty(uri.query));

    uri = uri_split(SLICE("?q"));
    assert_true(slice_is_empty(uri.path));
    expect_slice(uri.query, SLICE("q"));
    uri = uri_split((struct slice){0});
    assert_true(slice_is_empty(uri.path) && !uri.has_query);
}

/* The segments of <path> with a bar behind each. */
static void expect_segments(const char *path, const char *wanted)
{
    struct buf got = {0};
    struct guard guard = {0};
    guard_init(&guard);
    struct slice rest = uri_path_begin(guard_slice(&guard, slice_of_text(path)));
    struct slice segment;
    while (uri_path_next(&rest, &segment)) {
        buf_put(&got, segment);
        buf_put_byte(&got, '|');
    }
    expect_slice(buf_data(&got), slice_of_text(wanted));
    buf_deinit(&got);
    guard_deinit(&guard);
}

static void test_segments(void **state)
{
    (void)state;
    expect_segments("", "");
    expect_segments("/", "");
    expect_segments("thngs", "thngs|");
    expect_segments("/thngs", "thngs|");
    expect_segments("/thngs/", "thngs|");
    expect_segments("/thngs/T/properties/room%2Ftemp", "thngs|T|properties|room%2Ftemp|");
    expect_segments("//", "|");
    expect_segments("/a//b", "a||b|");
    expect_segments("/a//", "a||");
    expect_segments("///a", "||a|");
}

static void expect_parameters(const char *query, const char *wanted)
{
    struct buf got = {0};
    struct guard guard = {0};
    guard_init(&guard);
    struct slice rest = guard_slice(&guard, slice_of_text(query));
    struct uri_parameter p;
    while (uri_query_next(&rest, &p)) {
        buf_put(&got, p.name);
        buf_put(&got, p.has_value ? SLICE("->") : SLICE("."));
        buf_put(&got, p.value);
        buf_put_byte(&got, '|');
    }
    expect_slice(buf_data(&got), slice_of_text(wanted));
    buf_deinit(&got);
    guard_deinit(&guard);
}

static void test_parameters(void **state)
{
    (void)state;
    expect_parameters("", "");
    expect_parameters("&&", "");
    expect_parameters("a", "a.|");
    expect_parameters("a=", "a->|");
    expect_parameters("=1", "->1|");
    expect_parameters("a=1&b=2", "a->1|b->2|");
    expect_parameters("&a=1&&b&", "a->1|b.|");
    expect_parameters("f=x=y%26z&p=1", "f->x=y%26z|p->1|");
}

static void test_decode(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        struct slice decoded;
    } good[] = {
        {SLICE_INIT(""), SLICE_INIT("")},
        {SLICE_INIT("plain+plus"), SLICE_INIT("plain+plus")},
        {SLICE_INIT("%20"), SLICE_INIT(" ")},
        {SLICE_INIT("room%20temp"), SLICE_INIT("room temp")},
        {SLICE_INIT("%2f%2F%25"), SLICE_INIT("//%")},
        {SLICE_INIT("%2525"), SLICE_INIT("%25")},
        {SLICE_INIT("a%00b"), SLICE_INIT("a\0b")},
        {SLICE_INIT("%C3%A9%ff"), SLICE_INIT("\xc3\xa9\xff")},
    };
    struct guard guard = {0};
    guard_init(&guard);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        uint8_t to[32];
        struct slice decoded;
        struct slice text = guard_slice(&guard, good[i].text);
        assert_true(uri_decode(text, to, good[i].decoded.bytes, &decoded));
        expect_slice(decoded, good[i].decoded);
        /* In place, as its room allows. */
        uint8_t *own = guard_put(&guard, good[i].text.at, good[i].text.bytes);
        assert_true(uri_decode(slice_of(own, text.bytes), own, text.bytes, &decoded));
        expect_slice(decoded, good[i].decoded);
        if (slice_find(good[i].text, '%') < good[i].text.bytes) {
            text = guard_slice(&guard, good[i].text);
            assert_false(uri_decode(text, to, good[i].decoded.bytes - 1, &decoded));
        }
    }
    guard_deinit(&guard);
}

static void test_decode_refuses(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE_INIT("%"),   SLICE_INIT("%2"),   SLICE_INIT("a%"),   SLICE_INIT("a%2"),
        SLICE_INIT("%2g"), SLICE_INIT("%g2"),  SLICE_INIT("%%20"), SLICE_INIT("%20%"),
        SLICE_INIT("% 2"), SLICE_INIT("%2\0"), SLICE_INIT("%@0"),  SLICE_INIT("%0`"),
        SLICE_INIT("%:0"), SLICE_INIT("%0/"),  SLICE_INIT("%-1"),
    };
    struct guard guard = {0};
    guard_init(&guard);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint8_t to[32];
        struct slice decoded;
        assert_false(uri_decode(guard_slice(&guard, bad[i]), to, sizeof(to), &decoded));
    }
    guard_deinit(&guard);
}

static void test_encode(void **state)
{
    (void)state;
    struct buf buf = {0};
    uri_put_encoded(&buf, SLICE("AZaz09-_.!~*'()"));
    expect_slice(buf_data(&buf), SLICE("AZaz09-_.!~*'()"));
    buf_reset(&buf);
    uri_put_encoded(&buf, SLICE(" +/?#&=%\"\0\xc3\xa9@[`{:"));
    expect_slice(buf_data(&buf), SLICE("%20%2B%2F%3F%23%26%3D%25%22%00%C3%A9%40%5B%60%7B%3A"));
    buf_deinit(&buf);
}

static void test_every_byte_comes_back(void **state)
{
    (void)state;
    struct buf buf = {0};
    uint8_t all[256];
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (uint8_t)i;
    }
    uri_put_encoded(&buf, slice_of(all, sizeof(all)));
    uint8_t to[256];
    struct slice decoded;
    assert_true(uri_decode(buf_data(&buf), to, sizeof(to), &decoded));
    expect_slice(decoded, slice_of(all, sizeof(all)));
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_every_byte_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
