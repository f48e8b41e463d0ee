/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/proxy.h"

#include "lib/guard.h"
#include "lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SIGNATURE "0d0a 0d0a 000d 0a51 5549 540a "
#define INET "c0000207 c6336401 dc04 22b3 " /* 192.0.2.7:56324 to 198.51.100.1:8883 */
#define INET6                                  \
    "2001 0db8 0000 0000 0000 0000 0000 0007 " \
    "2001 0db8 0000 0000 0000 0000 0000 0001 dc04 22b3 "

static struct guard guard;

static enum decode read_first(struct slice input, size_t bytes, struct proxy_header *header)
{
    return proxy_read_header(guard_slice(&guard, slice_first(input, bytes)), header);
}

/* Reads a sound header cut at every place, whole, and with bytes of the client behind it. */
static struct proxy_header must_read(struct slice input)
{
    struct proxy_header header = {.bytes = 12345};
    for (size_t cut = 0; cut < input.bytes; cut++) {
        assert_int_equal(read_first(input, cut, &header), DECODE_MORE);
        assert_int_equal(header.bytes, 12345);
    }
    assert_int_equal(read_first(input, input.bytes, &header), DECODE_DONE);
    assert_int_equal(header.bytes, input.bytes);

    uint8_t more[PROXY_HEADER_BYTES_MAX + 2];
    memcpy(more, input.at, input.bytes);
    memcpy(more + input.bytes, "\r\n", 2);
    struct proxy_header same;
    assert_int_equal(read_first(slice_of(more, input.bytes + 2), input.bytes + 2, &same),
                     DECODE_DONE);
    assert_int_equal(same.bytes, header.bytes);
    assert_int_equal(same.family, header.family);
    assert_memory_equal(same.address, header.address, sizeof(same.address));
    assert_int_equal(same.port, header.port);
    return header;
}

/* The number of bytes at which a bad header is refused, and it stays refused with all the rest. */
static size_t refused_at(struct slice input)
{
    struct proxy_header header;
    size_t refused = 0;
    while (refused <= input.bytes && read_first(input, refused, &header) == DECODE_MORE) {
        refused++;
    }
    for (size_t bytes = refused; bytes <= input.bytes; bytes++) {
        assert_int_equal(read_first(input, bytes, &header), DECODE_BAD);
    }
    return refused;
}

static void test_line_of_ipv4(void **state)
{
    (void)state;
    struct proxy_header header =
        must_read(SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 56324 8883\r\n"));
    assert_int_equal(header.family, PROXY_IPV4);
    assert_memory_equal(header.address, "\xc0\x00\x02\x07", 4);
    assert_int_equal(header.port, 56324);

    header = must_read(SLICE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"));
    assert_int_equal(header.port, 65535);
    header = must_read(SLICE("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"));
    assert_int_equal(header.port, 0);
}

static void test_line_of_ipv6(void **state)
{
    (void)state;
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    struct proxy_header header = must_read(SLICE("PROXY TCP6 2001:db8::7 2001:DB8::1 1 8883\r\n"));
    assert_int_equal(header.family, PROXY_IPV6);
    assert_memory_equal(header.address, address, 16);
    assert_int_equal(header.port, 1);
    /* What a proxy writes when only one end is IPv6. */
    must_read(SLICE("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 8883\r\n"));
    must_read(SLICE("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"));
}

static void test_line_of_unknown(void **state)
{
    (void)state;
    assert_int_equal(must_read(SLICE("PROXY UNKNOWN\r\n")).family, PROXY_LOCAL);
    assert_int_equal(must_read(SLICE("PROXY UNKNOWN \r\n")).family, PROXY_LOCAL);
    assert_int_equal(must_read(SLICE("PROXY UNKNOWN what ever \r it is\r\n")).family, PROXY_LOCAL);
    struct slice longest = SLICE("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
    assert_int_equal(longest.bytes, 107);
    must_read(longest);
}

static void test_bad_lines_are_refused_at_their_end(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "PROXY \r\n",
        "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1  1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1  2\r\n",
        "PROXY TCP4\t192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.256 1 2\r\n",
        "PROXY TCP4 192.0.2.7 example.com 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 000002\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 4294967298\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP6 2001:db8::7 192.0.2.7 1 2\r\n",
        "PROXY TCP6 2001:db8::7%lo 2001:db8::1 1 2\r\n",
        "PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n",
        "PROXY TCP6 2001:db8:::7 2001:db8::1 1 2\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY unknown\r\n",
        "PROXY UNKNOWN\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n",
        "PROXY \n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct slice line = slice_of_text(lines[i]);
        assert_int_equal(refused_at(line), line.bytes);
    }
    struct slice with_nul = SLICE("PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n");
    assert_int_equal(refused_at(with_nul), with_nul.bytes);
}

static void test_a_line_without_end_is_refused_at_its_bound(void **state)
{
    (void)state;
    struct slice just_too_long = SLICE("PROXY UNKNOWN fffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
    assert_int_equal(just_too_long.bytes, 108);
    assert_int_equal(refused_at(just_too_long), 107);
}

static void test_what_is_no_header_is_refused_at_once(void **state)
{
    (void)state;
    assert_int_equal(refused_at(SLICE("GET / HTTP/1.1\r\n\r\n")), 1);
    assert_int_equal(refused_at(SLICE("PUT / HTTP/1.1\r\n\r\n")), 2);
    assert_int_equal(refused_at(SLICE("PROXYTCP4")), 6);
    assert_int_equal(refused_at(SLICE("\x16\x03\x01")), 1);
    assert_int_equal(refused_at(SLICE("\x10\x0c\0\4MQTT")), 1);
    assert_int_equal(refused_at(SLICE("\r\n\r\n\0\r\nQUIC\n")), 11);
    assert_int_equal(refused_at(SLICE(" PROXY UNKNOWN\r\n")), 1);
}

static struct proxy_header must_read_hex(const char *text)
{
    uint8_t room[PROXY_HEADER_BYTES_MAX];
    return must_read(hex_slice(text, room, sizeof(room)));
}

static size_t hex_refused_at(const char *text)
{
    uint8_t room[PROXY_HEADER_BYTES_MAX + 1];
    return refused_at(hex_slice(text, room, sizeof(room)));
}

static void test_addresses_of_version_2(void **state)
{
    (void)state;
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    struct proxy_header header = must_read_hex(SIGNATURE "21 11 000c" INET);
    assert_int_equal(header.family, PROXY_IPV4);
    assert_memory_equal(header.address, "\xc0\x00\x02\x07", 4);
    assert_int_equal(header.port, 56324);
    header = must_read_hex(SIGNATURE "21 12 000c" INET);
    assert_int_equal(header.family, PROXY_IPV4);

    header = must_read_hex(SIGNATURE "21 21 0024" INET6);
    assert_int_equal(header.family, PROXY_IPV6);
    assert_memory_equal(header.address, address, 16);
    assert_int_equal(header.port, 56324);
    header = must_read_hex(SIGNATURE "21 22 0024" INET6);
    assert_int_equal(header.family, PROXY_IPV6);
}

static void test_version_2_without_an_address_of_a_host(void **state)
{
    (void)state;
    static const char *const headers[] = {
        SIGNATURE "21 00 0000",
        SIGNATURE "21 00 0003 abcdef",
        SIGNATURE "21 31 00d8 2f*216",
        SIGNATURE "21 32 00d8 2f*216",
        SIGNATURE "20 00 0000",
        SIGNATURE "20 11 000c" INET, /* a health check need not, but may, say where it is from */
        SIGNATURE "20 11 0003 abcdef",
        SIGNATURE "20 ff 0000",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct proxy_header header = must_read_hex(headers[i]);
        assert_int_equal(header.family, PROXY_LOCAL);
        assert_int_equal(header.port, 0);
    }
}

static void test_extensions_are_skipped(void **state)
{
    (void)state;
    struct proxy_header header =
        must_read_hex(SIGNATURE "21 11 0015" INET "01 0002 'h2' 04 0001 00");
    assert_int_equal(header.family, PROXY_IPV4);
    assert_int_equal(header.bytes, 37);
    /* The longest header there may be. */
    header = must_read_hex(SIGNATURE "21 21 0ff0" INET6 "00*4044");
    assert_int_equal(header.bytes, PROXY_HEADER_BYTES_MAX);
    assert_int_equal(hex_refused_at(SIGNATURE "21 21 0ff1" INET6 "00*4045"), 16);
}

static void test_bad_headers_of_version_2_are_refused_as_soon_as_they_show(void **state)
{
    (void)state;
    assert_int_equal(hex_refused_at(SIGNATURE "11 11 000c" INET), 13); /* version 1 */
    assert_int_equal(hex_refused_at(SIGNATURE "31 11 000c" INET), 13);
    assert_int_equal(hex_refused_at(SIGNATURE "22 11 000c" INET), 13); /* no such command */
    assert_int_equal(hex_refused_at(SIGNATURE "21 10 000c" INET), 14); /* no such transport */
    assert_int_equal(hex_refused_at(SIGNATURE "21 13 000c" INET), 14);
    assert_int_equal(hex_refused_at(SIGNATURE "21 01 000c" INET), 14);
    assert_int_equal(hex_refused_at(SIGNATURE "21 41 000c" INET), 14); /* no such family */
    assert_int_equal(hex_refused_at(SIGNATURE "21 11 000b" INET), 16); /* one byte short */
    assert_int_equal(hex_refused_at(SIGNATURE "21 21 0023" INET6), 16);
    assert_int_equal(hex_refused_at(SIGNATURE "21 31 00d7 2f*215"), 16);
    assert_int_equal(hex_refused_at(SIGNATURE "20 00 ffff"), 16); /* the longest of a LOCAL one */
}

static int set_up(void **state)
{
    (void)state;
    guard_init(&guard);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_deinit(&guard);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_of_ipv4),
        cmocka_unit_test(test_line_of_ipv6),
        cmocka_unit_test(test_line_of_unknown),
        cmocka_unit_test(test_bad_lines_are_refused_at_their_end),
        cmocka_unit_test(test_a_line_without_end_is_refused_at_its_bound),
        cmocka_unit_test(test_what_is_no_header_is_refused_at_once),
        cmocka_unit_test(test_addresses_of_version_2),
        cmocka_unit_test(test_version_2_without_an_address_of_a_host),
        cmocka_unit_test(test_extensions_are_skipped),
        cmocka_unit_test(test_bad_headers_of_version_2_are_refused_as_soon_as_they_show),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
