/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks: which texts are some, and which addresses they have. */
#include "net/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static bool has(const char *list_text, const char *address_text)
{
    struct network_list list;
    struct address address;
    assert_false(err_is_set(network_parse_list(slice_of_text(list_text), &list)));
    assert_false(err_is_set(address_parse(slice_of_text(address_text), 1234, &address)));
    return network_list_has(&list, &address);
}

static void test_one_address(void **state)
{
    (void)state;
    assert_true(has("192.0.2.7", "192.0.2.7"));
    assert_false(has("192.0.2.7", "192.0.2.6"));
    assert_false(has("192.0.2.7", "193.0.2.7"));
    assert_true(has("::1", "::1"));
    assert_false(has("::1", "::2"));
    assert_false(has("::1", "8000::1"));
    assert_false(has("0.0.0.1", "::1"));
}

static void test_prefixes(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_false(has("10.0.0.0/8", "9.255.255.255"));
    assert_true(has("192.0.2.128/25", "192.0.2.128"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("192.0.2.6/31", "192.0.2.7"));
    assert_false(has("192.0.2.6/31", "192.0.2.8"));
    assert_false(has("192.0.2.6/32", "192.0.2.7"));
    assert_true(has("0.0.0.0/0", "255.255.255.255"));
    assert_false(has("0.0.0.0/0", "2001:db8::"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("2001:db8::6/127", "2001:db8::7"));
    assert_true(has("::/0", "2001:db8::1"));
}

static void test_an_ipv4_address_in_an_ipv6_one(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_false(has("10.0.0.0/8", "::10.1.2.3"));
}

static void test_any_of_a_list(void **state)
{
    (void)state;
    const char *list = " 127.0.0.0/8 ,::1,\t10.0.0.0/8 ";
    assert_true(has(list, "127.1.2.3"));
    assert_true(has(list, "::1"));
    assert_true(has(list, "10.0.0.1"));
    assert_false(has(list, "192.0.2.1"));
}

static void test_no_address_is_in_none(void **state)
{
    (void)state;
    struct network_list list;
    assert_false(err_is_set(network_parse_list(SLICE("0.0.0.0/0, ::/0"), &list)));
    assert_false(network_list_has(&list, &(struct address){0}));
    assert_false(network_list_has(&(struct network_list){0}, &(struct address){0}));
}

static void test_every_prefix(void **state)
{
    (void)state;
    /* The address with nothing but bit number <bit>, in networks of ever longer prefixes of ::. */
    for (unsigned bit = 0; bit < 128; bit++) {
        struct address address;
        assert_false(err_is_set(address_parse(SLICE("::"), 1, &address)));
        address.at.v6.sin6_addr.s6_addr[bit / 8] = (uint8_t)(0x80 >> bit % 8);
        for (unsigned prefix = 0; prefix <= 128; prefix++) {
            char text[16];
            struct network_list list;
            snprintf(text, sizeof(text), "::/%u", prefix);
            assert_false(err_is_set(network_parse_list(slice_of_text(text), &list)));
            assert_int_equal(network_list_has(&list, &address), bit >= prefix);
        }
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        ",",
        "10.0.0.0/8,",
        ",10.0.0.0/8",
        "10.0.0.0/8 ::1",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0.0 /8",
        "10.0.0.0/ 8",
        "10.0.0.0/255.0.0.0",
        "10.0.0/8",
        "10.0.0.1/8",
        "::1/127",
        "::/129",
        "::/1000",
        "[::1]",
        "fe80::1%lo",
        "localhost",
        "*",
        "/8",
    };
    struct network_list list = {.count = 7};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(network_parse_list(slice_of_text(rows[i]), &list).code, ERR_CONFIG);
        assert_int_equal(list.count, 7);
    }
    assert_int_equal(network_parse_list(SLICE("::1\0"), &list).code, ERR_CONFIG);
}

static void test_as_many_as_there_is_room_for(void **state)
{
    (void)state;
    char text[200] = "";
    size_t bytes = 0;
    struct network_list list;
    for (size_t i = 0; i < NETWORK_COUNT_MAX; i++) {
        bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "%s10.0.0.%zu",
                                  i > 0 ? "," : "", i);
    }
    assert_false(err_is_set(network_parse_list(slice_of_text(text), &list)));
    assert_int_equal(list.count, NETWORK_COUNT_MAX);
    snprintf(text + bytes, sizeof(text) - bytes, ",::1");
    assert_int_equal(network_parse_list(slice_of_text(text), &list).code, ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_an_ipv4_address_in_an_ipv6_one),
        cmocka_unit_test(test_any_of_a_list),
        cmocka_unit_test(test_no_address_is_in_none),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_as_many_as_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
