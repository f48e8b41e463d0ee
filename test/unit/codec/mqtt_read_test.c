/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_read_test.c - the reading half of the MQTT codec: limits, and the values that come out.
 * mqtt_packets_test.c has the tables of accepted and refused packets. All input ends at an
 * unreadable page (lib/guard.h). */
#include "codec/mqtt.h"

#include "lib/guard.h"
#include "lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PACKET_BYTES_MAX (1024u * 1024u)
#define BYTES_MAX (80u * 1024u)

/* One packet on a guarded page, and what reading it as a whole answered. */
struct packet {
    struct guard guard;
    uint8_t bytes[BYTES_MAX];
    struct slice input;
    struct mqtt_frame frame;
    struct err err;
    enum decode decode;
};

static void packet_deinit(struct packet *p)
{
    guard_deinit(&p->guard);
}

static void packet_read(struct packet *p, const char *hex, enum mqtt_level level)
{
    p->input = guard_slice(&p->guard, hex_slice(hex, p->bytes, sizeof(p->bytes)));
    p->err = ERR(OK);
    p->decode = mqtt_read_frame(p->input, level, PACKET_BYTES_MAX, &p->frame, &p->err);
}

/* ---------------------------------------------------------------- limits */

static void test_packet_limit_is_exact(void **state)
{
    struct packet *p = *state;
    struct mqtt_frame frame;
    struct err err = ERR(OK);
    struct slice input = hex_slice("30 03 0001't'", p->bytes, sizeof(p->bytes));
    assert_int_equal(mqtt_read_frame(input, 0, 5, &frame, &err), DECODE_DONE);
    assert_int_equal(mqtt_read_frame(input, 0, 4, &frame, &err), DECODE_BAD);
    assert_int_equal(err.code, ERR_MQTT_TOO_LARGE);
    assert_int_equal(frame.type, MQTT_PUBLISH);
    assert_int_equal(frame.bytes, 5);
}

static void test_length_encodings(void **state)
{
    struct packet *p = *state;
    static const struct {
        const char *hex;
        size_t bytes;
    } cases[] = {
        {"30 7f", 2 + 127},
        {"30 8001", 3 + 128},
        {"30 ff7f", 3 + 16383},
        {"30 808001", 4 + 16384},
        {"30 ffff7f", 4 + 2097151},
        {"30 80808001", 5 + 2097152},
        {"30 ffffff7f", 5 + 268435455},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice input = hex_slice(cases[i].hex, p->bytes, sizeof(p->bytes));
        struct mqtt_frame frame;
        struct err err;
        input = guard_slice(&p->guard, input);
        assert_int_equal(mqtt_read_frame(input, 0, SIZE_MAX, &frame, &err), DECODE_MORE);
        assert_int_equal(frame.bytes, cases[i].bytes);
    }
}

static void test_longest_texts(void **state)
{
    struct packet *p = *state;
    packet_read(p, "30 818004 ffff 61*65535", MQTT_LEVEL_UNKNOWN);
    struct mqtt_publish publish;
    assert_int_equal(p->decode, DECODE_DONE);
    assert_false(err_is_set(mqtt_read_publish(&p->frame, &publish)));
    assert_int_equal(publish.topic.bytes, MQTT_TEXT_BYTES_MAX);
    assert_int_equal(publish.payload.bytes, 0);
}

/* ---------------------------------------------------------------- values */

static void assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.bytes, strlen(text));
    assert_memory_equal(slice.at, text, slice.bytes);
}

static void read_connect(struct packet *p, const char *hex, struct mqtt_connect *out)
{
    packet_read(p, hex, MQTT_LEVEL_UNKNOWN);
    assert_int_equal(p->decode, DECODE_DONE);
    assert_string_equal(err_name(mqtt_read_connect(&p->frame, out)), "OK");
}

static void test_connect_values(void **state)
{
    struct packet *p = *state;
    struct mqtt_connect c;
    read_connect(p,
                 "10 27 0004'MQTT' 04 ee 0102 0003'dev' 0005'a/b/c' 0003'a' 00 'b'"
                 "0006'author' 0002 ff00",
                 &c);
    assert_true(c.supported);
    assert_slice(c.protocol, "MQTT");
    assert_int_equal(c.level, 4);
    assert_true(c.clean_session);
    assert_int_equal(c.keepalive_s, 0x0102);
    assert_slice(c.client_id, "dev");
    assert_true(c.has_will);
    assert_slice(c.will.topic, "a/b/c");
    assert_int_equal(c.will.payload.bytes, 3);
    assert_memory_equal(c.will.payload.at, "a\0b", 3);
    assert_int_equal(c.will.qos, 1);
    assert_true(c.will.retain);
    assert_true(c.has_user_name && c.has_password);
    assert_slice(c.user_name, "author");
    assert_int_equal(c.password.bytes, 2);
    assert_memory_equal(c.password.at, "\xff\x00", 2);
}

static void test_connect_values_absent(void **state)
{
    struct packet *p = *state;
    struct mqtt_connect c;
    read_connect(p, "10 0c 0004'MQTT' 04 00 0000 0000", &c);
    assert_true(c.supported);
    assert_false(c.clean_session || c.has_will || c.has_user_name || c.has_password);
    assert_int_equal(c.client_id.bytes, 0);
    assert_int_equal(c.will.topic.bytes, 0);
    /* Empty is not absent. */
    read_connect(p, "10 10 0004'MQTT' 04 c0 0000 0000 0000 0000", &c);
    assert_true(c.has_user_name && c.has_password);
    assert_int_equal(c.user_name.bytes + c.password.bytes, 0);
}

static void test_connect_of_3_1(void **state)
{
    struct packet *p = *state;
    struct mqtt_connect c;
    read_connect(p, "10 1b 0006'MQIsdp' 03 c2 003c 0001'c' 0005'autho' 0003'key'", &c);
    assert_true(c.supported);
    assert_int_equal(c.level, MQTT_LEVEL_3_1);
    assert_slice(c.user_name, "autho");
    assert_slice(c.password, "key");
    /* Announced, and not there. */
    read_connect(p, "10 0e 0006'MQIsdp' 03 c0 003c 0000", &c);
    assert_false(c.has_user_name || c.has_password);
    read_connect(p, "10 11 0006'MQIsdp' 03 c0 003c 0000 0001'u'", &c);
    assert_true(c.has_user_name);
    assert_false(c.has_password);
    /* Will bits without the will flag. */
    read_connect(p, "10 0e 0006'MQIsdp' 03 39 003c 0000", &c);
    assert_false(c.has_will);
    assert_int_equal(c.will.qos, 0);
}

static void test_connect_of_other_levels(void **state)
{
    struct packet *p = *state;
    static const struct {
        const char *hex;
        uint8_t level;
    } cases[] = {
        {"10 0d 0004'MQTT' 05 02 003c 00 0000", 5}, /* MQTT 5, with its properties */
        {"10 0c 0004'MQTT' 03 02 003c 0000", 3},    {"10 0e 0006'MQIsdp' 04 02 003c 0000", 4},
        {"10 0c 0004'MQTT' 84 02 003c 0000", 0x84}, {"10 07 0004'MQTT' 00", 0},
        {"10 0a 0004'MQTT' ff ffffff", 255},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mqtt_connect c;
        read_connect(p, cases[i].hex, &c);
        assert_false(c.supported);
        assert_int_equal(c.level, cases[i].level);
        assert_int_equal(c.client_id.bytes, 0);
    }
}

static void test_text_is_kept_as_it_is(void **state)
{
    struct packet *p = *state;
    struct mqtt_connect c;
    /* U+FEFF is no byte order mark here [MQTT-1.5.3-3]; control and non-characters pass. */
    read_connect(p, "10 16 0004'MQTT' 04 02 0000 000a efbbbf 01 7f c285 efbfbf", &c);
    assert_slice(c.client_id, "\xef\xbb\xbf\x01\x7f\xc2\x85\xef\xbf\xbf");
}

static void test_publish_values(void **state)
{
    struct packet *p = *state;
    struct mqtt_publish publish;
    packet_read(p, "3b 0c 0005'a/\xc3\xa9/' 1234 'pay'", MQTT_LEVEL_3_1_1);
    assert_int_equal(p->decode, DECODE_DONE);
    assert_false(err_is_set(mqtt_read_publish(&p->frame, &publish)));
    assert_slice(publish.topic, "a/\xc3\xa9/");
    assert_slice(publish.payload, "pay");
    assert_int_equal(publish.packet_id, 0x1234);
    assert_int_equal(publish.qos, 1);
    assert_true(publish.dup);
    assert_true(publish.retain);
    packet_read(p, "30 06 0001't' 0001 00", MQTT_LEVEL_3_1_1);
    assert_false(err_is_set(mqtt_read_publish(&p->frame, &publish)));
    assert_int_equal(publish.packet_id, 0);
    assert_int_equal(publish.payload.bytes, 3);
    assert_false(publish.dup || publish.retain);
    /* 3.1: DUP with QoS 0 means nothing. */
    packet_read(p, "38 03 0001't'", MQTT_LEVEL_3_1);
    assert_false(err_is_set(mqtt_read_publish(&p->frame, &publish)));
    assert_false(publish.dup);
}

/* The eight-bytes-at-a-time check sees each byte of a topic, whatever its length and place. */
static void test_every_byte_of_a_topic_is_looked_at(void **state)
{
    struct packet *p = *state;
    static const uint8_t planted[] = {0x00, '+', '#', 0x80, 0xff};
    uint8_t bytes[64];
    for (size_t length = 1; length <= 40; length++) {
        for (size_t place = 0; place < length; place++) {
            for (size_t i = 0; i < ARRAY_LEN(planted); i++) {
                memset(bytes, 'a', sizeof(bytes));
                bytes[0] = 0x30;
                bytes[1] = (uint8_t)(2 + length);
                bytes[2] = 0;
                bytes[3] = (uint8_t)length;
                struct mqtt_frame frame;
                struct mqtt_publish publish;
                struct err err;
                struct slice input = guard_slice(&p->guard, slice_of(bytes, 4 + length));
                if (length == 1 && i == 0) {
                    input = guard_slice(&p->guard, slice_of(bytes, 5));
                }
                assert_int_equal(mqtt_read_frame(input, 0, 100, &frame, &err), DECODE_DONE);
                assert_false(err_is_set(mqtt_read_publish(&frame, &publish)));
                bytes[4 + place] = planted[i];
                input = guard_slice(&p->guard, slice_of(bytes, 4 + length));
                assert_int_equal(mqtt_read_frame(input, 0, 100, &frame, &err), DECODE_DONE);
                err = mqtt_read_publish(&frame, &publish);
                bool is_wildcard = planted[i] == '+' || planted[i] == '#';
                assert_int_equal(err.code, is_wildcard ? ERR_MQTT_TOPIC : ERR_MQTT_TEXT);
            }
        }
    }
}

/* Neighbours of the bytes that matter, all of them allowed. */
static void test_similar_bytes_in_topics_pass(void **state)
{
    struct packet *p = *state;
    packet_read(p, "30 13 0011 01 02 7f '\"$*,' 2a2c2224 'abcdef'", MQTT_LEVEL_UNKNOWN);
    assert_int_equal(p->decode, DECODE_DONE);
    struct mqtt_publish publish;
    assert_false(err_is_set(mqtt_read_publish(&p->frame, &publish)));
}

static void test_packet_id_value(void **state)
{
    struct packet *p = *state;
    uint16_t packet_id = 0;
    packet_read(p, "b0 02 fe01", MQTT_LEVEL_UNKNOWN);
    assert_int_equal(p->frame.type, MQTT_UNSUBACK);
    assert_false(err_is_set(mqtt_read_packet_id(&p->frame, &packet_id)));
    assert_int_equal(packet_id, 0xfe01);
}

static void test_subscribe_values(void **state)
{
    struct packet *p = *state;
    struct mqtt_filters filters;
    struct mqtt_subscription s;
    uint16_t packet_id;
    packet_read(p, "82 16 0a0b 0003'a/+' 01 0001'#' 00 0007'?x=1/%2' 02", MQTT_LEVEL_3_1_1);
    assert_int_equal(p->decode, DECODE_DONE);
    assert_false(err_is_set(mqtt_read_filters(&p->frame, &packet_id, &filters)));
    assert_int_equal(packet_id, 0x0a0b);
    assert_int_equal(filters.count, 3);
    assert_true(mqtt_next_filter(&filters, &s));
    assert_slice(s.filter, "a/+");
    assert_int_equal(s.qos, 1);
    assert_true(mqtt_next_filter(&filters, &s));
    assert_slice(s.filter, "#");
    assert_int_equal(s.qos, 0);
    assert_true(mqtt_next_filter(&filters, &s));
    assert_slice(s.filter, "?x=1/%2");
    assert_int_equal(s.qos, 2);
    assert_false(mqtt_next_filter(&filters, &s));
    assert_false(mqtt_next_filter(&filters, &s));
}

static void test_subscribe_of_3_1_ignores_unused_bits(void **state)
{
    struct packet *p = *state;
    struct mqtt_filters filters;
    struct mqtt_subscription s;
    uint16_t packet_id;
    packet_read(p, "8a 06 0001 0001'a' fd", MQTT_LEVEL_3_1);
    assert_int_equal(p->decode, DECODE_DONE);
    assert_false(err_is_set(mqtt_read_filters(&p->frame, &packet_id, &filters)));
    assert_true(mqtt_next_filter(&filters, &s));
    assert_int_equal(s.qos, 1);
}

static void test_unsubscribe_values(void **state)
{
    struct packet *p = *state;
    struct mqtt_filters filters;
    struct mqtt_subscription s;
    uint16_t packet_id;
    packet_read(p, "a2 0a 0001 0003'a/+' 0001'b'", MQTT_LEVEL_3_1_1);
    assert_false(err_is_set(mqtt_read_filters(&p->frame, &packet_id, &filters)));
    assert_int_equal(filters.count, 2);
    assert_true(mqtt_next_filter(&filters, &s));
    assert_slice(s.filter, "a/+");
    assert_int_equal(s.qos, 0);
    assert_true(mqtt_next_filter(&filters, &s));
    assert_slice(s.filter, "b");
    assert_false(mqtt_next_filter(&filters, &s));
}

static void test_connack_and_suback_values(void **state)
{
    struct packet *p = *state;
    struct mqtt_connack connack;
    struct mqtt_suback suback;
    packet_read(p, "20 02 01 00", MQTT_LEVEL_3_1_1);
    assert_false(err_is_set(mqtt_read_connack(&p->frame, &connack)));
    assert_true(connack.session_present);
    assert_int_equal(connack.code, MQTT_CONNACK_ACCEPTED);
    packet_read(p, "20 02 01 05", MQTT_LEVEL_3_1);
    assert_false(err_is_set(mqtt_read_connack(&p->frame, &connack)));
    assert_false(connack.session_present);
    assert_int_equal(connack.code, MQTT_CONNACK_NOT_AUTHORIZED);
    packet_read(p, "90 06 0102 00 01 02 80", MQTT_LEVEL_3_1_1);
    assert_false(err_is_set(mqtt_read_suback(&p->frame, &suback)));
    assert_int_equal(suback.packet_id, 0x0102);
    assert_int_equal(suback.codes.bytes, 4);
    assert_memory_equal(suback.codes.at, "\x00\x01\x02\x80", 4);
}

/* ---------------------------------------------------------------- looking ahead */

static void test_peek_will(void **state)
{
    struct packet *p = *state;
    static const struct {
        const char *hex;
        enum decode decode;
        bool has_will;
    } cases[] = {
        {"", DECODE_MORE, false},
        {"10", DECODE_MORE, false},
        {"10 ff", DECODE_MORE, false},
        {"10 ff20", DECODE_MORE, false},
        {"10 ff20 00", DECODE_MORE, false},
        {"10 ff20 0004", DECODE_MORE, false},
        {"10 ff20 0004'MQTT' 04", DECODE_MORE, false},
        {"10 ff20 0004'MQTT' 04 06", DECODE_DONE, true},
        {"10 ff20 0004'MQTT' 04 fb", DECODE_DONE, false},
        {"10 ff20 0006'MQIsdp' 03 04 0000", DECODE_DONE, true},
        {"10 ff20 0005", DECODE_BAD, false},
        {"10 ff20 0004'HTTP' 04 06", DECODE_BAD, false},
        {"10 ffffffff", DECODE_BAD, false},
        {"10 06", DECODE_BAD, false},
        {"10 07 0004'MQTT' 04 06", DECODE_BAD, false}, /* its flags lie behind its end */
        {"11", DECODE_BAD, false},
        {"30", DECODE_BAD, false},
        {"c0 00", DECODE_BAD, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice input = hex_slice(cases[i].hex, p->bytes, sizeof(p->bytes));
        bool has_will = false;
        print_message("%s\n", cases[i].hex);
        assert_int_equal(mqtt_peek_will(guard_slice(&p->guard, input), &has_will), cases[i].decode);
        assert_int_equal(has_will, cases[i].has_will);
    }
}

static void test_type_names(void **state)
{
    (void)state;
    assert_string_equal(mqtt_type_name(MQTT_CONNECT), "CONNECT");
    assert_string_equal(mqtt_type_name(MQTT_UNSUBACK), "UNSUBACK");
    assert_string_equal(mqtt_type_name(MQTT_DISCONNECT), "DISCONNECT");
    assert_string_equal(mqtt_type_name((enum mqtt_type)0), "reserved");
    assert_string_equal(mqtt_type_name((enum mqtt_type)15), "reserved");
}

static int setup(void **state)
{
    static struct packet packet;
    packet = (struct packet){0};
    guard_init(&packet.guard);
    *state = &packet;
    return 0;
}

static int teardown(void **state)
{
    packet_deinit(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_packet_limit_is_exact),
        TEST(test_length_encodings),
        TEST(test_longest_texts),
        TEST(test_connect_values),
        TEST(test_connect_values_absent),
        TEST(test_connect_of_3_1),
        TEST(test_connect_of_other_levels),
        TEST(test_text_is_kept_as_it_is),
        TEST(test_publish_values),
        TEST(test_every_byte_of_a_topic_is_looked_at),
        TEST(test_similar_bytes_in_topics_pass),
        TEST(test_packet_id_value),
        TEST(test_subscribe_values),
        TEST(test_subscribe_of_3_1_ignores_unused_bits),
        TEST(test_unsubscribe_values),
        TEST(test_connack_and_suback_values),
        TEST(test_peek_will),
        TEST(test_type_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
