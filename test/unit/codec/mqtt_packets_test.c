/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_packets_test.c - two tables of MQTT packets: those that are accepted, which are also fed cut
 * at every point and byte by byte; and, for each rule, those that break it, with the error. All
 * input ends at an unreadable page (lib/guard.h). */
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

/* Reads the body with the reader of its type, and gives its verdict only. */
static struct err read_body(const struct mqtt_frame *frame)
{
    struct mqtt_connect connect;
    struct mqtt_connack connack;
    struct mqtt_publish publish;
    struct mqtt_filters filters;
    struct mqtt_suback suback;
    uint16_t packet_id;
    switch (frame->type) {
    case MQTT_CONNECT:
        return mqtt_read_connect(frame, &connect);
    case MQTT_CONNACK:
        return mqtt_read_connack(frame, &connack);
    case MQTT_PUBLISH:
        return mqtt_read_publish(frame, &publish);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK:
        return mqtt_read_packet_id(frame, &packet_id);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        return mqtt_read_filters(frame, &packet_id, &filters);
    case MQTT_SUBACK:
        return mqtt_read_suback(frame, &suback);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT:
        return ERR(OK);
    }
    fail_msg("type %d", (int)frame->type);
    return ERR(INTERNAL);
}

/* ---------------------------------------------------------------- tables */

struct good {
    enum mqtt_level level;
    enum mqtt_type type;
    const char *hex;
};

static const struct good good_packets[] = {
    {0, MQTT_CONNECT, "10 10 0004'MQTT' 04 02 003c 0004'thng'"},
    {0, MQTT_CONNECT, "10 0c 0004'MQTT' 04 02 0000 0000"},
    {0, MQTT_CONNECT, "10 0e 0006'MQIsdp' 03 00 003c 0000"},
    {0, MQTT_CONNECT, "10 1a 0004'MQTT' 04 f6 000a 0001'c' 0001't' 0002'pl' 0001'u' 0001'k'"},
    {0, MQTT_CONNECT, "10 10 0004'MQTT' 04 82 000a 0000 0002'me'"},
    {0, MQTT_CONNECT, "10 07 0004'MQTT' 05"},
    {0, MQTT_CONNACK, "20 02 01 00"},
    {0, MQTT_CONNACK, "20 02 00 05"},
    {0, MQTT_PUBLISH, "30 03 0001't'"},
    {0, MQTT_PUBLISH, "31 07 0003'a/b' 'hi'"},
    {0, MQTT_PUBLISH, "32 07 0003'a/b' 0001"},
    {0, MQTT_PUBLISH, "3d 08 0003'a/b' ffff 00"},
    {0, MQTT_PUBLISH, "30 8201 0002'ab' 61*126"},
    {0, MQTT_PUBLISH, "30 808001 0002'ab' 61*16380"},
    {0, MQTT_PUBLISH, "30 868004 0002'ab' 61*65538"},
    {0, MQTT_PUBACK, "40 02 0001"},
    {0, MQTT_PUBREC, "50 02 1234"},
    {0, MQTT_PUBREL, "62 02 1234"},
    {0, MQTT_PUBCOMP, "70 02 ffff"},
    {0, MQTT_SUBSCRIBE, "82 06 0001 0001'#' 00"},
    {0, MQTT_SUBSCRIBE, "82 0f 0001 0003'a/+' 01 0004'/b/c' 02"},
    {0, MQTT_SUBACK, "90 03 0001 80"},
    {0, MQTT_SUBACK, "90 06 0001 00 01 02 80"},
    {0, MQTT_UNSUBSCRIBE, "a2 05 0001 0001'#'"},
    {0, MQTT_UNSUBSCRIBE, "a2 0b 0001 0003'a/+' 0002'bb'"},
    {0, MQTT_UNSUBACK, "b0 02 0001"},
    {0, MQTT_PINGREQ, "c0 00"},
    {0, MQTT_PINGRESP, "d0 00"},
    {0, MQTT_DISCONNECT, "e0 00"},
    /* A remaining length longer than need be is odd, not wrong. */
    {0, MQTT_PINGREQ, "c0 80808000"},
    {0, MQTT_PUBACK, "40 8200 0001"},
    /* What 3.1 calls "not used". */
    {0, MQTT_CONNECT, "10 0e 0006'MQIsdp' 03 01 003c 0000"},
    {0, MQTT_CONNECT, "10 0e 0006'MQIsdp' 03 38 003c 0000"},
    {0, MQTT_CONNECT, "10 0e 0006'MQIsdp' 03 c0 003c 0000"},
    {0, MQTT_CONNECT, "10 11 0006'MQIsdp' 03 c0 003c 0000 0001'u'"},
    {MQTT_LEVEL_3_1, MQTT_PUBREL, "6a 02 0001"},
    {MQTT_LEVEL_3_1, MQTT_SUBSCRIBE, "8a 06 0001 0001'#' f9"},
    {MQTT_LEVEL_3_1, MQTT_UNSUBSCRIBE, "aa 05 0001 0001'#'"},
    {MQTT_LEVEL_3_1, MQTT_PINGREQ, "cf 00"},
    {MQTT_LEVEL_3_1, MQTT_PUBLISH, "38 03 0001't'"},
    {MQTT_LEVEL_3_1, MQTT_CONNACK, "20 02 ff 02"},
};

struct bad {
    enum mqtt_level level;
    enum err_code code;
    bool is_bad_frame; /* refused by mqtt_read_frame; otherwise by the reader of the body */
    const char *hex;
};

#define FRAME true
#define BODY false

static const struct bad bad_packets[] = {
    /* Types and flags. */
    {0, ERR_MQTT_TYPE, FRAME, "00 00"},
    {0, ERR_MQTT_TYPE, FRAME, "f0 00"},
    {MQTT_LEVEL_3_1, ERR_MQTT_TYPE, FRAME, "00 00"},
    {MQTT_LEVEL_3_1, ERR_MQTT_TYPE, FRAME, "f0 00"},
    {0, ERR_MQTT_TYPE, FRAME, "11 0c 0004'MQTT' 04 02 003c 0000"},
    {0, ERR_MQTT_TYPE, FRAME, "22 02 0000"},
    {0, ERR_MQTT_TYPE, FRAME, "38 03 0001't'"},
    {0, ERR_MQTT_QOS, FRAME, "36 05 0001't' 0001"},
    {MQTT_LEVEL_3_1, ERR_MQTT_QOS, FRAME, "36 05 0001't' 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "41 02 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "52 02 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "60 02 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "6a 02 0001"},
    {4, ERR_MQTT_TYPE, FRAME, "63 02 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "78 02 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "80 06 0001 0001'#' 00"},
    {4, ERR_MQTT_TYPE, FRAME, "8a 06 0001 0001'#' 00"},
    {0, ERR_MQTT_TYPE, FRAME, "92 03 0001 00"},
    {0, ERR_MQTT_TYPE, FRAME, "a0 05 0001 0001'#'"},
    {0, ERR_MQTT_TYPE, FRAME, "b2 02 0001"},
    {0, ERR_MQTT_TYPE, FRAME, "c1 00"},
    {0, ERR_MQTT_TYPE, FRAME, "d8 00"},
    {0, ERR_MQTT_TYPE, FRAME, "e4 00"},
    /* Lengths. */
    {0, ERR_MQTT_MALFORMED, FRAME, "30 80808080"},
    {0, ERR_MQTT_MALFORMED, FRAME, "c0 8080808000"},
    {0, ERR_MQTT_MALFORMED, FRAME, "30 ffffffff 7f"},
    {0, ERR_MQTT_MALFORMED, FRAME, "10 06 0004'MQTT'"},
    {0, ERR_MQTT_MALFORMED, FRAME, "20 01 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "20 03 000000"},
    {0, ERR_MQTT_MALFORMED, FRAME, "30 02 0000"},
    {0, ERR_MQTT_MALFORMED, FRAME, "30 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "40 01 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "40 03 0001 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "50 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "62 04 0001 0002"},
    {0, ERR_MQTT_MALFORMED, FRAME, "70 ffffff7f"},
    {0, ERR_MQTT_MALFORMED, FRAME, "82 02 0001"},
    {0, ERR_MQTT_MALFORMED, FRAME, "82 05 0001 0000 00"},
    {MQTT_LEVEL_3_1, ERR_MQTT_MALFORMED, FRAME, "82 02 0001"},
    {MQTT_LEVEL_3_1, ERR_MQTT_MALFORMED, FRAME, "a2 02 0001"},
    {0, ERR_MQTT_MALFORMED, FRAME, "90 02 0001"},
    {0, ERR_MQTT_MALFORMED, FRAME, "a2 04 0001 0000"},
    {0, ERR_MQTT_MALFORMED, FRAME, "b0 03 0001 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "c0 01 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "d0 01 00"},
    {0, ERR_MQTT_MALFORMED, FRAME, "e0 01 00"},
    {0, ERR_MQTT_TOO_LARGE, FRAME, "30 fdff3f"}, /* 4 + 1,048,573: one byte over 1 MiB */
    {0, ERR_MQTT_TOO_LARGE, FRAME, "30 ffffff7f"},
    {0, ERR_MQTT_TOO_LARGE, FRAME, "82 ffffff7f"},
    /* CONNECT: name and level. */
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTX' 04 02 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'mqtt' 04 02 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0d 0005'MQTT5' 05 02 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 08 0000 04 02 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 08 0006'MQIsdp'"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 07 0006'MQIsd'"},
    {0, ERR_MQTT_TEXT, BODY, "10 0c 0004'MQT' ff 04 02 0000 0000"},
    /* CONNECT: flags. */
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 03 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 0a 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 12 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 22 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0f 0004'MQTT' 04 42 0000 0000 0001'k'"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 11 0006'MQIsdp' 03 42 0000 0000 0001'k'"},
    {0, ERR_MQTT_QOS, BODY, "10 11 0004'MQTT' 04 1e 0000 0000 0001't' 0000"},
    {0, ERR_MQTT_QOS, BODY, "10 13 0006'MQIsdp' 03 1e 0000 0000 0001't' 0000"},
    /* CONNECT: too short at every field, or with bytes behind the end. */
    {0, ERR_MQTT_MALFORMED, BODY, "10 07 0004'MQTT' 04"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 08 0004'MQTT' 04 02"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 09 0004'MQTT' 04 02 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0a 0004'MQTT' 04 02 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0b 0004'MQTT' 04 02 0000 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 02 0000 0001"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0d 0004'MQTT' 04 02 0000 0000 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0f 0006'MQIsdp' 03 02 0000 0000 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 06 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0e 0006'MQIsdp' 03 06 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0f 0004'MQTT' 04 06 0000 0000 0001't'"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 11 0004'MQTT' 04 06 0000 0000 0001't' 0001"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0c 0004'MQTT' 04 82 0000 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0f 0004'MQTT' 04 c2 0000 0000 0001'u'"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 0f 0006'MQIsdp' 03 82 0000 0000 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "10 10 0006'MQIsdp' 03 82 0000 0000 0001"},
    /* CONNECT: texts. The will's payload and the password may hold any bytes, see below. */
    {0, ERR_MQTT_TEXT, BODY, "10 0d 0004'MQTT' 04 02 0000 0001 00"},
    {0, ERR_MQTT_TEXT, BODY, "10 0e 0004'MQTT' 04 02 0000 0002 c080"},
    {0, ERR_MQTT_TEXT, BODY, "10 0f 0004'MQTT' 04 02 0000 0003 eda080"},
    {0, ERR_MQTT_TEXT, BODY, "10 0f 0006'MQIsdp' 03 02 0000 0001 00"},
    {0, ERR_MQTT_TEXT, BODY, "10 0f 0004'MQTT' 04 82 0000 0000 0001 ff"},
    {0, ERR_MQTT_TEXT, BODY, "10 11 0004'MQTT' 04 06 0000 0000 0001 00 0000"},
    {0, ERR_MQTT_TOPIC, BODY, "10 10 0004'MQTT' 04 06 0000 0000 0000 0000"},
    {0, ERR_MQTT_TOPIC, BODY, "10 11 0004'MQTT' 04 06 0000 0000 0001'#' 0000"},
    /* CONNACK. */
    {0, ERR_MQTT_MALFORMED, BODY, "20 02 02 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "20 02 80 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "20 02 00 06"},
    {0, ERR_MQTT_MALFORMED, BODY, "20 02 01 01"},
    {MQTT_LEVEL_3_1, ERR_MQTT_MALFORMED, BODY, "20 02 00 06"},
    /* PUBLISH. */
    {0, ERR_MQTT_TOPIC, BODY, "30 03 0000 'x'"},
    {0, ERR_MQTT_MALFORMED, BODY, "30 03 0002'a'"},
    {0, ERR_MQTT_MALFORMED, BODY, "30 05 ffff'abc'"},
    {0, ERR_MQTT_MALFORMED, BODY, "32 03 0001't'"},
    {0, ERR_MQTT_MALFORMED, BODY, "32 04 0001't' 00"},
    {0, ERR_MQTT_PACKET_ID, BODY, "32 05 0001't' 0000"},
    {0, ERR_MQTT_PACKET_ID, BODY, "34 06 0001't' 0000 01"},
    {0, ERR_MQTT_TOPIC, BODY, "30 03 0001'#'"},
    {0, ERR_MQTT_TOPIC, BODY, "30 05 0003'a/+'"},
    {0, ERR_MQTT_TOPIC, BODY, "30 09 0007'+bcdefg'"},
    {0, ERR_MQTT_TOPIC, BODY, "30 0a 0008'abcdefg#'"},
    {0, ERR_MQTT_TOPIC, BODY, "30 0b 0009'abcdefgh+'"},
    {0, ERR_MQTT_TOPIC, BODY, "30 13 0011'+bcdefghabcdefghi'"},
    {0, ERR_MQTT_TEXT, BODY, "30 03 0001 00"},
    {0, ERR_MQTT_TEXT, BODY, "30 0a 0008'abc' 00 'efgh'"},
    {0, ERR_MQTT_TEXT, BODY, "30 13 0011 61*16 00"},
    {0, ERR_MQTT_TEXT, BODY, "30 13 0011 61*16 80"},
    {0, ERR_MQTT_TEXT, BODY, "30 04 0002 c3 'a'"},
    {0, ERR_MQTT_TEXT, BODY, "30 04 0001 c3 a9"}, /* cut by its own length */
    {0, ERR_MQTT_TEXT, BODY, "30 06 0004 f4908080"},
    /* Packet identifiers. */
    {0, ERR_MQTT_PACKET_ID, BODY, "40 02 0000"},
    {0, ERR_MQTT_PACKET_ID, BODY, "50 02 0000"},
    {0, ERR_MQTT_PACKET_ID, BODY, "62 02 0000"},
    {0, ERR_MQTT_PACKET_ID, BODY, "70 02 0000"},
    {0, ERR_MQTT_PACKET_ID, BODY, "82 06 0000 0001'#' 00"},
    {0, ERR_MQTT_PACKET_ID, BODY, "90 03 0000 00"},
    {0, ERR_MQTT_PACKET_ID, BODY, "a2 05 0000 0001'#'"},
    {0, ERR_MQTT_PACKET_ID, BODY, "b0 02 0000"},
    /* SUBSCRIBE. */
    {0, ERR_MQTT_TOPIC, BODY, "82 06 0001 0000 00 00"},
    {0, ERR_MQTT_TOPIC, BODY, "82 09 0001 0001'#' 00 0000 00"},
    {0, ERR_MQTT_QOS, BODY, "82 06 0001 0001'#' 03"},
    {0, ERR_MQTT_QOS, BODY, "82 06 0001 0001'#' 04"},
    {0, ERR_MQTT_QOS, BODY, "82 06 0001 0001'#' 81"},
    {MQTT_LEVEL_3_1, ERR_MQTT_QOS, BODY, "82 06 0001 0001'#' 03"},
    {0, ERR_MQTT_MALFORMED, BODY, "82 06 0001 0002'ab'"},
    {0, ERR_MQTT_MALFORMED, BODY, "82 07 0001 0001'#' 00 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "82 0a 0001 0001'#' 00 0005'b' 00"},
    {0, ERR_MQTT_TEXT, BODY, "82 06 0001 0001 00 00"},
    {0, ERR_MQTT_TEXT, BODY, "82 0a 0001 0001'#' 00 0001 fe 00"},
    /* SUBACK. */
    {0, ERR_MQTT_MALFORMED, BODY, "90 03 0001 03"},
    {0, ERR_MQTT_MALFORMED, BODY, "90 04 0001 01 81"},
    /* UNSUBSCRIBE. */
    {0, ERR_MQTT_TOPIC, BODY, "a2 07 0001 0001'#' 0000"},
    {0, ERR_MQTT_MALFORMED, BODY, "a2 06 0001 0001'#' 00"},
    {0, ERR_MQTT_MALFORMED, BODY, "a2 05 0001 0002'a'"},
    {0, ERR_MQTT_TEXT, BODY, "a2 05 0001 0001 c0"},
};

/* ---------------------------------------------------------------- tests over the tables */

static void test_good_packets_are_read(void **state)
{
    struct packet *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(good_packets); i++) {
        const struct good *good = &good_packets[i];
        packet_read(p, good->hex, good->level);
        print_message("%s\n", good->hex);
        assert_int_equal(p->decode, DECODE_DONE);
        assert_int_equal(p->frame.type, good->type);
        assert_int_equal(p->frame.bytes, p->input.bytes);
        assert_ptr_equal(p->frame.body.at + p->frame.body.bytes, p->input.at + p->input.bytes);
        assert_string_equal(err_name(read_body(&p->frame)), "OK");
    }
}

/* Each beginning of a good packet, alone before the unreadable page, wants more; and once the
 * header is there, it tells how much. */
static void test_cut_packets_want_more(void **state)
{
    struct packet *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(good_packets); i++) {
        const struct good *good = &good_packets[i];
        packet_read(p, good->hex, good->level);
        size_t whole = p->input.bytes;
        size_t header = whole - p->frame.body.bytes;
        size_t step = whole > 1000 ? 97 : 1;
        for (size_t cut = 0; cut < whole; cut += cut < 8 ? 1 : step) {
            struct slice part = guard_slice(&p->guard, slice_of(p->bytes, cut));
            struct mqtt_frame frame;
            struct err err = ERR(OK);
            assert_int_equal(mqtt_read_frame(part, good->level, PACKET_BYTES_MAX, &frame, &err),
                             DECODE_MORE);
            assert_int_equal(frame.type, cut == 0 ? 0 : good->type);
            assert_int_equal(frame.bytes, cut < header ? 0 : whole);
            assert_false(err_is_set(err));
        }
    }
}

/* All packets in one stream, one byte more at each call: each is found when its last byte comes. */
static void test_stream_byte_by_byte(void **state)
{
    struct packet *p = *state;
    struct buf stream = {0};
    size_t count_wanted = 0;
    for (size_t i = 0; i < ARRAY_LEN(good_packets); i++) {
        if (good_packets[i].level == 0 && strchr(good_packets[i].hex, '*') == NULL) {
            buf_put(&stream, hex_slice(good_packets[i].hex, p->bytes, sizeof(p->bytes)));
            count_wanted++;
        }
    }
    size_t start = 0;
    size_t count = 0;
    for (size_t end = 0; end <= buf_bytes(&stream); end++) {
        struct slice part = slice_of(buf_data(&stream).at + start, end - start);
        part = guard_slice(&p->guard, part);
        struct mqtt_frame frame;
        struct err err;
        enum decode decode = mqtt_read_frame(part, 0, PACKET_BYTES_MAX, &frame, &err);
        assert_int_not_equal(decode, DECODE_BAD);
        if (decode == DECODE_DONE) {
            assert_int_equal(frame.bytes, end - start);
            assert_false(err_is_set(read_body(&frame)));
            start = end;
            count++;
        }
    }
    assert_int_equal(count, count_wanted);
    assert_int_equal(start, buf_bytes(&stream));
    buf_deinit(&stream);
}

static void test_two_packets_at_once(void **state)
{
    struct packet *p = *state;
    packet_read(p, "40 02 0007 30 03 0001't'", MQTT_LEVEL_3_1_1);
    assert_int_equal(p->decode, DECODE_DONE);
    assert_int_equal(p->frame.bytes, 4);
    assert_int_equal(p->frame.body.bytes, 2);
}

static void test_bad_packets_are_refused(void **state)
{
    struct packet *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad_packets); i++) {
        const struct bad *bad = &bad_packets[i];
        packet_read(p, bad->hex, bad->level);
        print_message("%s\n", bad->hex);
        assert_int_equal(p->decode, bad->is_bad_frame ? DECODE_BAD : DECODE_DONE);
        struct err err = bad->is_bad_frame ? p->err : read_body(&p->frame);
        assert_string_equal(err_name(err), err_name((struct err){bad->code}));
    }
}

/* The verdict on a frame does not wait for the body, nor for a length that cannot save it. */
static void test_bad_frames_are_refused_early(void **state)
{
    struct packet *p = *state;
    static const char *const early[] = {"00", "f3",          "36",    "38",    "11",
                                        "c1", "30 80808080", "40 03", "c0 01", "30 fdff3f"};
    for (size_t i = 0; i < ARRAY_LEN(early); i++) {
        packet_read(p, early[i], MQTT_LEVEL_UNKNOWN);
        print_message("%s\n", early[i]);
        assert_int_equal(p->decode, DECODE_BAD);
    }
    packet_read(p, "30 fcff3f", MQTT_LEVEL_UNKNOWN);
    assert_int_equal(p->decode, DECODE_MORE);
    assert_int_equal(p->frame.bytes, PACKET_BYTES_MAX);
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
        TEST(test_good_packets_are_read),   TEST(test_cut_packets_want_more),
        TEST(test_stream_byte_by_byte),     TEST(test_two_packets_at_once),
        TEST(test_bad_packets_are_refused), TEST(test_bad_frames_are_refused_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
