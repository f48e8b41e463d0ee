/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_fuzz.c - properties of the MQTT codec over any bytes.
 *
 * The first byte chooses the protocol level, the rest is a stream of packets. Checked:
 *   1. every shorter beginning of an accepted packet wants more, and tells its type and length;
 *   2. a refusal stays one whatever comes behind;
 *   3. slices lie in the packet, and values are in their ranges;
 *   4. write(read(x)) is stable: reading and writing it again gives the same bytes;
 *   5. under the rules of 3.1.1, write(read(x)) is x, when its length is in the shortest form. */
#include "codec/mqtt.h"

#include "base/assert.h"
#include "base/utf8.h"

#define PACKET_BYTES_MAX 65536u
#define FILTERS_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes);

static void check_inside(const struct mqtt_frame *frame, struct slice part)
{
    ASSERT(part.bytes == 0 || (part.at >= frame->body.at &&
                               part.at + part.bytes <= frame->body.at + frame->body.bytes));
}

static void check_text(const struct mqtt_frame *frame, struct slice text)
{
    check_inside(frame, text);
    ASSERT(utf8_is_valid(text));
    ASSERT(slice_find(text, 0) == text.bytes);
}

static void check_topic(const struct mqtt_frame *frame, struct slice topic)
{
    check_text(frame, topic);
    ASSERT(topic.bytes > 0);
    ASSERT(slice_find(topic, '+') == topic.bytes);
    ASSERT(slice_find(topic, '#') == topic.bytes);
}

/* Each rewrite_* answers false when the body is refused, else checks the values and appends the
 * packet to <out>. */

static bool rewrite_connect(const struct mqtt_frame *frame, struct buf *out)
{
    struct mqtt_connect connect;
    if (err_is_set(mqtt_read_connect(frame, &connect))) {
        return false;
    }
    if (!connect.supported) {
        ASSERT(connect.client_id.bytes == 0);
        return false;
    }
    check_text(frame, connect.client_id);
    check_text(frame, connect.user_name);
    check_inside(frame, connect.password);
    check_inside(frame, connect.will.payload);
    ASSERT(connect.has_user_name || !connect.has_password);
    if (connect.has_will) {
        check_topic(frame, connect.will.topic);
        ASSERT(connect.will.qos <= 2);
    }
    mqtt_write_connect(out, &connect);
    return true;
}

static bool rewrite_connack(const struct mqtt_frame *frame, struct buf *out)
{
    struct mqtt_connack connack;
    if (err_is_set(mqtt_read_connack(frame, &connack))) {
        return false;
    }
    mqtt_write_connack(out, connack.session_present, connack.code);
    return true;
}

static bool rewrite_publish(const struct mqtt_frame *frame, struct buf *out)
{
    struct mqtt_publish publish;
    if (err_is_set(mqtt_read_publish(frame, &publish))) {
        return false;
    }
    check_topic(frame, publish.topic);
    check_inside(frame, publish.payload);
    ASSERT(publish.qos <= 2);
    ASSERT((publish.packet_id == 0) == (publish.qos == 0));
    size_t before = buf_bytes(out);
    mqtt_write_publish(out, &publish);
    /* The form with a shared payload writes the same bytes. */
    struct buf parts = {0};
    mqtt_write_publish_header(&parts, &publish);
    buf_put(&parts, publish.payload);
    ASSERT(slice_equal(slice_from(buf_data(out), before), buf_data(&parts)));
    buf_deinit(&parts);
    return true;
}

static bool rewrite_ack(const struct mqtt_frame *frame, struct buf *out)
{
    uint16_t packet_id;
    if (err_is_set(mqtt_read_packet_id(frame, &packet_id))) {
        return false;
    }
    mqtt_write_ack(out, frame->type, packet_id);
    return true;
}

static bool rewrite_filters(const struct mqtt_frame *frame, struct buf *out)
{
    struct mqtt_filters filters;
    struct mqtt_subscription subscriptions[FILTERS_MAX];
    struct slice plain[FILTERS_MAX];
    uint16_t packet_id;
    if (err_is_set(mqtt_read_filters(frame, &packet_id, &filters)) || filters.count > FILTERS_MAX) {
        return false;
    }
    size_t count = 0;
    while (count < FILTERS_MAX && mqtt_next_filter(&filters, &subscriptions[count])) {
        check_text(frame, subscriptions[count].filter);
        ASSERT(subscriptions[count].filter.bytes > 0 && subscriptions[count].qos <= 2);
        plain[count] = subscriptions[count].filter;
        count++;
    }
    ASSERT(count == filters.count && cursor_at_end(&filters.rest));
    if (frame->type == MQTT_SUBSCRIBE) {
        mqtt_write_subscribe(out, packet_id, subscriptions, count);
    } else {
        mqtt_write_unsubscribe(out, packet_id, plain, count);
    }
    return true;
}

static bool rewrite_suback(const struct mqtt_frame *frame, struct buf *out)
{
    struct mqtt_suback suback;
    if (err_is_set(mqtt_read_suback(frame, &suback))) {
        return false;
    }
    check_inside(frame, suback.codes);
    mqtt_write_suback(out, suback.packet_id, suback.codes);
    return true;
}

static bool rewrite(const struct mqtt_frame *frame, struct buf *out)
{
    switch (frame->type) {
    case MQTT_CONNECT:
        return rewrite_connect(frame, out);
    case MQTT_CONNACK:
        return rewrite_connack(frame, out);
    case MQTT_PUBLISH:
        return rewrite_publish(frame, out);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK:
        return rewrite_ack(frame, out);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        return rewrite_filters(frame, out);
    case MQTT_SUBACK:
        return rewrite_suback(frame, out);
    case MQTT_PINGREQ:
        mqtt_write_pingreq(out);
        return true;
    case MQTT_PINGRESP:
        mqtt_write_pingresp(out);
        return true;
    case MQTT_DISCONNECT:
        mqtt_write_disconnect(out);
        return true;
    }
    UNREACHABLE();
}

/* Property 1, at a few places. */
static void check_cuts(struct slice packet, const struct mqtt_frame *whole)
{
    size_t header_bytes = whole->bytes - whole->body.bytes;
    const size_t cuts[] = {
        0, 1, header_bytes - 1, header_bytes, whole->bytes / 2, whole->bytes - 1};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct mqtt_frame frame;
        struct err err;
        if (cuts[i] >= whole->bytes) {
            continue;
        }
        ASSERT(mqtt_read_frame(slice_first(packet, cuts[i]), whole->level, PACKET_BYTES_MAX, &frame,
                               &err) == DECODE_MORE);
        ASSERT(frame.type == (cuts[i] == 0 ? 0 : whole->type));
        ASSERT(frame.bytes == (cuts[i] < header_bytes ? 0 : whole->bytes));
    }
}

/* Properties 4 and 5. */
static void check_rewrite(struct slice packet, const struct mqtt_frame *frame)
{
    struct buf once = {0};
    struct buf twice = {0};
    if (rewrite(frame, &once)) {
        struct mqtt_frame again;
        struct err err;
        ASSERT(!once.failed);
        ASSERT(mqtt_read_frame(buf_data(&once), frame->level, PACKET_BYTES_MAX, &again, &err) ==
               DECODE_DONE);
        ASSERT(again.bytes == buf_bytes(&once) && again.type == frame->type);
        ASSERT(rewrite(&again, &twice));
        ASSERT(slice_equal(buf_data(&once), buf_data(&twice)));
        size_t header_bytes = frame->bytes - frame->body.bytes;
        bool is_3_1 = frame->level == MQTT_LEVEL_3_1 || frame->type == MQTT_CONNECT;
        if (!is_3_1 && header_bytes == again.bytes - again.body.bytes) {
            ASSERT(slice_equal(slice_first(packet, frame->bytes), buf_data(&once)));
        }
    }
    buf_deinit(&once);
    buf_deinit(&twice);
}

/* Property 2: what a beginning was refused for stands. */
static void check_refusal(struct slice input, enum mqtt_level level)
{
    bool refused = false;
    for (size_t cut = 0; cut <= min_size(input.bytes, 8); cut++) {
        struct mqtt_frame frame;
        struct err err;
        enum decode decode =
            mqtt_read_frame(slice_first(input, cut), level, PACKET_BYTES_MAX, &frame, &err);
        ASSERT(!refused || decode == DECODE_BAD);
        refused = decode == DECODE_BAD;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t bytes)
{
    static const enum mqtt_level levels[] = {MQTT_LEVEL_UNKNOWN, MQTT_LEVEL_3_1, MQTT_LEVEL_3_1_1};
    if (bytes == 0) {
        return 0;
    }
    enum mqtt_level level = levels[at[0] % ARRAY_LEN(levels)];
    struct slice input = slice_of(at + 1, bytes - 1);
    for (;;) {
        struct mqtt_frame frame;
        struct err err;
        bool has_will;
        check_refusal(input, level);
        enum decode peek = mqtt_peek_will(input, &has_will);
        enum decode decode = mqtt_read_frame(input, level, PACKET_BYTES_MAX, &frame, &err);
        if (decode != DECODE_DONE) {
            break;
        }
        ASSERT(frame.bytes >= 2 && frame.bytes <= input.bytes && frame.bytes <= PACKET_BYTES_MAX);
        ASSERT(frame.type == MQTT_CONNECT || peek == DECODE_BAD);
        ASSERT(peek != DECODE_MORE); /* the packet is whole */
        check_cuts(input, &frame);
        check_rewrite(input, &frame);
        input = slice_from(input, frame.bytes);
    }
    return 0;
}
