/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: text to struct and back. */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
        const char *host;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1:1883", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0:1883", "0.0.0.0"},
        {"::1", "[::1]:1883", "::1"},
        {"[::1]", "[::1]:1883", "::1"},
        {"::", "[::]:1883", "::"},
        {"2001:DB8::00ff", "[2001:db8::ff]:1883", "2001:db8::ff"},
        {"fe80::1%lo", "[fe80::1%lo]:1883", "fe80::1%lo"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address address;
        char text[ADDRESS_TEXT_BYTES];
        assert_false(err_is_set(address_parse(slice_of_text(rows[i].in), 1883, &address)));
        assert_string_equal(address_describe(&address, text), rows[i].out);
        assert_string_equal(address_describe_host(&address, text), rows[i].host);
        assert_int_equal(address_port(&address), 1883);
        assert_int_equal(address_is_v6(&address), strchr(rows[i].in, ':') != NULL);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",         "localhost", "1",     "127.1", "0x7f.1", "1.2.3", "1.2.3.4.5",  "256.0.0.1",
        "1.2.3.4 ", ":",         "::1::", "[::1",  "[]",     "*",     "1.2.3.4:80", "example.com"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address address;
        assert_int_equal(address_parse(slice_of_text(rows[i]), 1, &address).code, ERR_CONFIG);
    }
    struct address address;
    assert_int_equal(address_parse(SLICE("127.0.0.1\0"), 1, &address).code, ERR_CONFIG);
    static const char longest[200] = {[0 ... 198] = '1'};
    assert_int_equal(address_parse(slice_of(longest, 199), 1, &address).code, ERR_CONFIG);
}

static void test_list(void **state)
{
    (void)state;
    struct address list[3];
    size_t count;
    char text[ADDRESS_TEXT_BYTES];
    assert_false(err_is_set(address_parse_list(SLICE("127.0.0.1, ::1"), 80, list, 3, &count)));
    assert_int_equal(count, 2);
    assert_string_equal(address_describe(&list[0], text), "127.0.0.1:80");
    assert_string_equal(address_describe(&list[1], text), "[::1]:80");
    assert_false(err_is_set(address_parse_list(SLICE(" * "), 0, list, 3, &count)));
    assert_int_equal(count, 2);
    assert_string_equal(address_describe(&list[0], text), "0.0.0.0:0");
    assert_string_equal(address_describe(&list[1], text), "[::]:0");
    assert_false(err_is_set(address_parse_list(SLICE("*,\t::1"), 0, list, 3, &count)));
    assert_int_equal(count, 3);
    static const char *const bad[] = {"",        " ",  ",",   "127.0.0.1,",     ",::1",
                                      "::1;::1", "**", "*,*", "::1,::1,::1,::1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(address_parse_list(slice_of_text(bad[i]), 0, list, 3, &count).code,
                         ERR_CONFIG);
    }
}

static void test_none(void **state)
{
    (void)state;
    struct address none = {0};
    char text[ADDRESS_TEXT_BYTES];
    assert_string_equal(address_describe(&none, text), "-");
    assert_string_equal(address_describe_host(&none, text), "-");
    assert_true(slice_is_empty(address_host_bytes(&none)));
}

static struct slice host_of(const char *text, struct address *address)
{
    assert_false(err_is_set(address_parse(slice_of_text(text), 7, address)));
    return address_host_bytes(address);
}

/* Who counts as one host: an IPv4 address, mapped or not, and an IPv6 /64. */
static void test_host_bytes(void **state)
{
    (void)state;
    struct address a;
    struct address b;
    assert_true(slice_equal(host_of("10.0.0.1", &a), host_of("::ffff:10.0.0.1", &b)));
    assert_false(slice_equal(host_of("10.0.0.1", &a), host_of("10.0.0.2", &b)));
    assert_true(slice_equal(host_of("2001:db8::1", &a), host_of("2001:db8::ffff:1", &b)));
    assert_false(slice_equal(host_of("2001:db8:0:1::1", &a), host_of("2001:db8:0:2::1", &b)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_list),       cmocka_unit_test(test_none),
        cmocka_unit_test(test_host_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
