/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_write_test.c - the writing half of the MQTT codec: the exact bytes, that the reading half
 * finds in them what was written, and that a packet is written whole or not at all. */
#include "codec/mqtt.h"

#include "base/rand.h"
#include "lib/guard.h"
#include "lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES_MAX (256u * 1024u)

static void assert_bytes(const struct buf *buf, const char *hex)
{
    static uint8_t bytes[BYTES_MAX];
    struct slice wanted = hex_slice(hex, bytes, sizeof(bytes));
    assert_false(buf->failed);
    assert_int_equal(buf_bytes(buf), wanted.bytes);
    assert_memory_equal(buf_data(buf).at, wanted.at, wanted.bytes);
}

static void assert_slices_equal(struct slice a, struct slice b)
{
    assert_true(slice_equal(a, b));
}

/* ---------------------------------------------------------------- the bytes */

static void test_publish_bytes(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct mqtt_publish p = {.topic = SLICE("a/b"), .payload = SLICE("hi")};
    mqtt_write_publish(&buf, &p);
    assert_bytes(&buf, "30 07 0003'a/b' 'hi'");
    buf_reset(&buf);
    p = (struct mqtt_publish){.topic = SLICE("t"), .qos = 1, .packet_id = 0x1234, .retain = true};
    mqtt_write_publish(&buf, &p);
    assert_bytes(&buf, "33 05 0001't' 1234");
    buf_reset(&buf);
    p = (struct mqtt_publish){.topic = SLICE("t"), .qos = 2, .packet_id = 0xffff, .dup = true};
    mqtt_write_publish(&buf, &p);
    assert_bytes(&buf, "3c 05 0001't' ffff");
    buf_deinit(&buf);
}

/* The header alone, with the payload behind it, is the whole packet. */
static void test_publish_header_bytes(void **state)
{
    (void)state;
    struct buf whole = {0};
    struct buf parts = {0};
    static const size_t sizes[] = {0, 1, 100, 122, 123, 16000, 16378, 16379, 200000};
    uint8_t *payload = calloc(1, BYTES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct mqtt_publish p = {.topic = SLICE("abc"), .payload = slice_of(payload, sizes[i])};
        buf_reset(&whole);
        buf_reset(&parts);
        mqtt_write_publish(&whole, &p);
        p.payload.at = NULL; /* must not be looked at */
        mqtt_write_publish_header(&parts, &p);
        buf_put_bytes(&parts, payload, sizes[i]);
        assert_slices_equal(buf_data(&whole), buf_data(&parts));
    }
    free(payload);
    buf_deinit(&whole);
    buf_deinit(&parts);
}

static void test_remaining_length_bytes(void **state)
{
    (void)state;
    static uint8_t payload[BYTES_MAX];
    static const struct {
        size_t body_bytes;
        const char *header;
    } cases[] = {
        {3, "30 03"},       {127, "30 7f"},       {128, "30 8001"},
        {16383, "30 ff7f"}, {16384, "30 808001"}, {200000, "30 c09a0c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf buf = {0};
        uint8_t bytes[8];
        struct slice header = hex_slice(cases[i].header, bytes, sizeof(bytes));
        mqtt_write_publish(
            &buf, &(struct mqtt_publish){.topic = SLICE("t"),
                                         .payload = slice_of(payload, cases[i].body_bytes - 3)});
        assert_int_equal(buf_bytes(&buf), header.bytes + cases[i].body_bytes);
        assert_memory_equal(buf_data(&buf).at, header.at, header.bytes);
        buf_deinit(&buf);
    }
}

static void test_largest_packet_header(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct mqtt_publish p = {.topic = SLICE("t"),
                             .payload = slice_of(NULL, MQTT_BODY_BYTES_MAX - 3)};
    mqtt_write_publish_header(&buf, &p);
    assert_bytes(&buf, "30 ffffff7f 0001't'");
    buf_deinit(&buf);
}

static void test_small_packets_bytes(void **state)
{
    (void)state;
    struct buf buf = {0};
    mqtt_write_connack(&buf, true, MQTT_CONNACK_ACCEPTED);
    mqtt_write_connack(&buf, false, MQTT_CONNACK_NOT_AUTHORIZED);
    mqtt_write_ack(&buf, MQTT_PUBACK, 1);
    mqtt_write_ack(&buf, MQTT_PUBREC, 0x0203);
    mqtt_write_ack(&buf, MQTT_PUBREL, 0xffff);
    mqtt_write_ack(&buf, MQTT_PUBCOMP, 0x100);
    mqtt_write_ack(&buf, MQTT_UNSUBACK, 0xff);
    mqtt_write_suback(&buf, 7, SLICE("\x00\x01\x02\x80"));
    mqtt_write_pingreq(&buf);
    mqtt_write_pingresp(&buf);
    mqtt_write_disconnect(&buf);
    assert_bytes(&buf, "20 02 01 00  20 02 00 05  40 02 0001  50 02 0203  62 02 ffff"
                       "70 02 0100  b0 02 00ff  90 06 0007 00 01 02 80  c0 00  d0 00  e0 00");
    buf_deinit(&buf);
}

static void test_connect_bytes(void **state)
{
    (void)state;
    struct buf buf = {0};
    struct mqtt_connect c = {.level = MQTT_LEVEL_3_1_1, .clean_session = true, .keepalive_s = 60};
    mqtt_write_connect(&buf, &c);
    assert_bytes(&buf, "10 0c 0004'MQTT' 04 02 003c 0000");
    buf_reset(&buf);
    c = (struct mqtt_connect){
        .level = MQTT_LEVEL_3_1,
        .keepalive_s = 0x0102,
        .client_id = SLICE("dev"),
        .has_user_name = true,
        .user_name = SLICE("u"),
        .has_password = true,
        .password = SLICE("\x00\xff"),
        .has_will = true,
        .will = {.topic = SLICE("w/t"), .payload = SLICE("x"), .qos = 2, .retain = true}};
    mqtt_write_connect(&buf, &c);
    assert_bytes(&buf, "10 20 0006'MQIsdp' 03 f4 0102 0003'dev' 0003'w/t' 0001'x' 0001'u'"
                       "0002 00ff");
    buf_deinit(&buf);
}

static void test_subscribe_bytes(void **state)
{
    (void)state;
    struct buf buf = {0};
    const struct mqtt_subscription subscriptions[] = {{SLICE_INIT("a/+"), 1}, {SLICE_INIT("#"), 2}};
    const struct slice filters[] = {SLICE_INIT("a/+"), SLICE_INIT("#")};
    mqtt_write_subscribe(&buf, 0x0a0b, subscriptions, ARRAY_LEN(subscriptions));
    mqtt_write_unsubscribe(&buf, 0x0a0b, filters, ARRAY_LEN(filters));
    assert_bytes(&buf, "82 0c 0a0b 0003'a/+' 01 0001'#' 02  a2 0a 0a0b 0003'a/+' 0001'#'");
    buf_deinit(&buf);
}

/* ---------------------------------------------------------------- whole or not at all */

typedef void (*write_fn)(struct buf *buf);

static void write_one_publish(struct buf *buf)
{
    mqtt_write_publish(
        buf, &(struct mqtt_publish){
                 .topic = SLICE("topic"), .payload = SLICE("payload"), .qos = 1, .packet_id = 9});
}

static void write_one_header(struct buf *buf)
{
    mqtt_write_publish_header(
        buf, &(struct mqtt_publish){.topic = SLICE("topic"), .payload = slice_of(NULL, 1000)});
}

static void write_one_connect(struct buf *buf)
{
    mqtt_write_connect(buf, &(struct mqtt_connect){.level = 4, .client_id = SLICE("client")});
}

static void write_one_subscribe(struct buf *buf)
{
    mqtt_write_subscribe(buf, 1, &(struct mqtt_subscription){SLICE("filter"), 1}, 1);
}

static void write_one_unsubscribe(struct buf *buf)
{
    mqtt_write_unsubscribe(buf, 1, &SLICE("filter"), 1);
}

static void write_one_suback(struct buf *buf)
{
    mqtt_write_suback(buf, 1, SLICE("\x01\x02"));
}
static void write_one_ack(struct buf *buf)
{
    mqtt_write_ack(buf, MQTT_PUBACK, 1);
}
static void write_one_connack(struct buf *buf)
{
    mqtt_write_connack(buf, false, 0);
}
static void write_one_ping(struct buf *buf)
{
    mqtt_write_pingresp(buf);
}

static void test_packets_are_whole_or_absent(void **state)
{
    (void)state;
    static const write_fn writers[] = {
        write_one_publish,   write_one_header,      write_one_connect,
        write_one_subscribe, write_one_unsubscribe, write_one_suback,
        write_one_ack,       write_one_connack,     write_one_ping,
    };
    for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
        struct buf free_buf = {0};
        writers[i](&free_buf);
        size_t bytes = buf_bytes(&free_buf);
        for (size_t cap = 4; cap <= 3 + bytes; cap++) {
            struct buf buf = {.bytes_max = cap};
            buf_put_bytes(&buf, "abc", 3);
            writers[i](&buf);
            bool fits = cap == 3 + bytes;
            assert_int_equal(buf.failed, !fits);
            assert_int_equal(buf_bytes(&buf), fits ? 3 + bytes : 3);
            assert_memory_equal(buf_data(&buf).at, "abc", 3);
            /* What fails once stays failed: nothing is written behind the gap. */
            if (!fits) {
                buf.bytes_max = 0;
                writers[i](&buf);
                assert_int_equal(buf_bytes(&buf), 3);
            }
            buf_deinit(&buf);
        }
        buf_deinit(&free_buf);
    }
}

/* A buffer of which the head is consumed is moved or grown, and keeps its data. */
static void test_writing_behind_consumed_bytes(void **state)
{
    (void)state;
    struct buf buf = {.bytes_max = 4096};
    size_t written = 0;
    size_t read = 0;
    for (size_t i = 0; i < 2000; i++) {
        write_one_publish(&buf);
        written++;
        if (i % 3 != 0) {
            continue;
        }
        while (buf_bytes(&buf) > 40) {
            struct mqtt_frame frame;
            struct err err;
            assert_int_equal(mqtt_read_frame(buf_data(&buf), 4, 100, &frame, &err), DECODE_DONE);
            buf_consume(&buf, frame.bytes);
            read++;
        }
    }
    assert_false(buf.failed);
    assert_int_equal(buf_bytes(&buf), (written - read) * 18);
    buf_deinit(&buf);
}

/* ---------------------------------------------------------------- round trips */

/* A text of <bytes> characters, each of one to four bytes; none a wildcard or NUL. */
static struct slice random_text(struct rand *rand, uint8_t *at, size_t count_max, size_t count_min)
{
    static const char *const characters[] = {
        "a", "/", "?", "\x01", "\xc3\xa9", "\xef\xbb\xbf", "\xf0\x9f\x8c\x8d", "z", "$", "~"};
    size_t bytes = 0;
    size_t count = count_min + (size_t)rand_below(rand, count_max - count_min + 1);
    for (size_t i = 0; i < count; i++) {
        const char *character = characters[rand_below(rand, ARRAY_LEN(characters))];
        memcpy(at + bytes, character, strlen(character));
        bytes += strlen(character);
    }
    return slice_of(at, bytes);
}

struct round {
    struct rand rand;
    struct guard guard;
    struct buf buf;
    uint8_t texts[8][4096];
};

static struct mqtt_frame read_back(struct round *r, enum mqtt_level level)
{
    struct mqtt_frame frame;
    struct err err;
    assert_false(r->buf.failed);
    struct slice packet = guard_slice(&r->guard, buf_data(&r->buf));
    assert_int_equal(mqtt_read_frame(packet, level, SIZE_MAX, &frame, &err), DECODE_DONE);
    assert_int_equal(frame.bytes, packet.bytes);
    buf_reset(&r->buf);
    return frame;
}

static bool coin(struct round *r)
{
    return rand_below(&r->rand, 2) == 1;
}

static void round_publish(struct round *r)
{
    struct mqtt_publish in = {.topic = random_text(&r->rand, r->texts[0], 200, 1),
                              .payload = slice_of(r->texts[1], rand_below(&r->rand, 4096)),
                              .qos = (uint8_t)rand_below(&r->rand, 3),
                              .retain = coin(r)};
    rand_bytes(&r->rand, r->texts[1], in.payload.bytes);
    in.dup = in.qos > 0 && coin(r);
    in.packet_id = in.qos > 0 ? (uint16_t)(1 + rand_below(&r->rand, 65535)) : 0;
    mqtt_write_publish(&r->buf, &in);
    struct mqtt_frame frame = read_back(r, MQTT_LEVEL_3_1_1);
    struct mqtt_publish out;
    assert_false(err_is_set(mqtt_read_publish(&frame, &out)));
    assert_slices_equal(in.topic, out.topic);
    assert_slices_equal(in.payload, out.payload);
    assert_int_equal(in.qos, out.qos);
    assert_int_equal(in.dup, out.dup);
    assert_int_equal(in.retain, out.retain);
    assert_int_equal(in.packet_id, out.packet_id);
}

static struct mqtt_connect random_connect(struct round *r)
{
    struct mqtt_connect c = {.level = coin(r) ? MQTT_LEVEL_3_1 : MQTT_LEVEL_3_1_1,
                             .clean_session = coin(r),
                             .has_will = coin(r),
                             .has_user_name = coin(r),
                             .keepalive_s = (uint16_t)rand_u64(&r->rand)};
    c.client_id = random_text(&r->rand, r->texts[0], 50, 0);
    if (c.has_will) {
        c.will = (struct mqtt_will){.topic = random_text(&r->rand, r->texts[1], 50, 1),
                                    .payload = random_text(&r->rand, r->texts[2], 900, 0),
                                    .qos = (uint8_t)rand_below(&r->rand, 3),
                                    .retain = coin(r)};
    }
    if (c.has_user_name) {
        c.user_name = random_text(&r->rand, r->texts[3], 50, 0);
        c.has_password = coin(r);
    }
    if (c.has_password) {
        c.password = random_text(&r->rand, r->texts[4], 50, 0);
    }
    return c;
}

static void round_connect(struct round *r)
{
    struct mqtt_connect in = random_connect(r);
    mqtt_write_connect(&r->buf, &in);
    struct mqtt_frame frame = read_back(r, MQTT_LEVEL_UNKNOWN);
    struct mqtt_connect out;
    assert_false(err_is_set(mqtt_read_connect(&frame, &out)));
    assert_true(out.supported);
    assert_int_equal(in.level, out.level);
    assert_int_equal(in.clean_session, out.clean_session);
    assert_int_equal(in.keepalive_s, out.keepalive_s);
    assert_slices_equal(in.client_id, out.client_id);
    assert_int_equal(in.has_will, out.has_will);
    assert_slices_equal(in.will.topic, out.will.topic);
    assert_slices_equal(in.will.payload, out.will.payload);
    assert_int_equal(in.will.qos, out.will.qos);
    assert_int_equal(in.will.retain, out.will.retain);
    assert_int_equal(in.has_user_name, out.has_user_name);
    assert_slices_equal(in.user_name, out.user_name);
    assert_int_equal(in.has_password, out.has_password);
    assert_slices_equal(in.password, out.password);
}

static void round_filters(struct round *r)
{
    struct mqtt_subscription in[5];
    struct slice filters[5];
    size_t count = 1 + (size_t)rand_below(&r->rand, 5);
    for (size_t i = 0; i < count; i++) {
        in[i].filter = filters[i] = random_text(&r->rand, r->texts[i], 60, 1);
        in[i].qos = (uint8_t)rand_below(&r->rand, 3);
    }
    bool is_subscribe = coin(r);
    if (is_subscribe) {
        mqtt_write_subscribe(&r->buf, 77, in, count);
    } else {
        mqtt_write_unsubscribe(&r->buf, 77, filters, count);
    }
    struct mqtt_frame frame = read_back(r, MQTT_LEVEL_3_1_1);
    assert_int_equal(frame.type, is_subscribe ? MQTT_SUBSCRIBE : MQTT_UNSUBSCRIBE);
    struct mqtt_filters out;
    struct mqtt_subscription s;
    uint16_t packet_id;
    assert_false(err_is_set(mqtt_read_filters(&frame, &packet_id, &out)));
    assert_int_equal(packet_id, 77);
    assert_int_equal(out.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(mqtt_next_filter(&out, &s));
        assert_slices_equal(in[i].filter, s.filter);
        assert_int_equal(is_subscribe ? in[i].qos : 0, s.qos);
    }
    assert_false(mqtt_next_filter(&out, &s));
}

static void test_round_trips(void **state)
{
    (void)state;
    static struct round r;
    rand_seed(&r.rand, 20240229);
    guard_init(&r.guard);
    for (size_t i = 0; i < 3000; i++) {
        round_publish(&r);
        round_connect(&r);
        round_filters(&r);
    }
    guard_deinit(&r.guard);
    buf_deinit(&r.buf);
}

static void test_acks_round_trip(void **state)
{
    (void)state;
    static const enum mqtt_type types[] = {MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP,
                                           MQTT_UNSUBACK};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct buf buf = {0};
        struct mqtt_frame frame;
        struct err err;
        uint16_t packet_id;
        mqtt_write_ack(&buf, types[i], 0xabcd);
        assert_int_equal(buf_bytes(&buf), MQTT_ACK_BYTES);
        assert_int_equal(mqtt_read_frame(buf_data(&buf), 4, 100, &frame, &err), DECODE_DONE);
        assert_int_equal(frame.type, types[i]);
        assert_false(err_is_set(mqtt_read_packet_id(&frame, &packet_id)));
        assert_int_equal(packet_id, 0xabcd);
        buf_deinit(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_bytes),
        cmocka_unit_test(test_publish_header_bytes),
        cmocka_unit_test(test_remaining_length_bytes),
        cmocka_unit_test(test_largest_packet_header),
        cmocka_unit_test(test_small_packets_bytes),
        cmocka_unit_test(test_connect_bytes),
        cmocka_unit_test(test_subscribe_bytes),
        cmocka_unit_test(test_packets_are_whole_or_absent),
        cmocka_unit_test(test_writing_behind_consumed_bytes),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_acks_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
