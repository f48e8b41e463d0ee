/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_write.c - the writing half of mqtt.h; mqtt_read.c is the other.
 *
 * The length of a packet stands at its start, so each writer first adds up its body, then makes
 * place for the whole packet, then fills that place:
 *
 *     packet_start    room for the packet, fixed header written; NULL when there is no place
 *     put_*           write at a pointer, answer the pointer behind
 *     packet_end      checks that exactly the announced bytes were written, and counts them in
 *
 * Until packet_end the buffer's data has not changed: a packet is there whole or not at all. */
#include "codec/mqtt.h"

#include "base/assert.h"

static size_t text_bytes(struct slice text)
{
    ASSERT(text.bytes <= MQTT_TEXT_BYTES_MAX);
    return 2 + text.bytes;
}

static uint8_t *put_byte(uint8_t *at, unsigned byte)
{
    *at = (uint8_t)byte;
    return at + 1;
}

static uint8_t *put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_slice(uint8_t *at, struct slice bytes)
{
    if (bytes.bytes > 0) {
        memcpy(at, bytes.at, bytes.bytes);
    }
    return at + bytes.bytes;
}

static uint8_t *put_text(uint8_t *at, struct slice text)
{
    return put_slice(put_u16(at, text.bytes), text);
}

static uint8_t *put_packet_id(uint8_t *at, uint16_t packet_id)
{
    ASSERT(packet_id != 0); /* [MQTT-2.3.1-1] */
    return put_u16(at, packet_id);
}

/* Makes place for a packet of <body_bytes>, of which the last <absent_bytes> will not be written
 * here, and writes its fixed header. */
static uint8_t *packet_start(struct buf *buf, unsigned first, size_t body_bytes,
                             size_t absent_bytes)
{
    ASSERT(body_bytes <= MQTT_BODY_BYTES_MAX);
    uint8_t header[MQTT_HEADER_BYTES_MAX] = {(uint8_t)first};
    size_t header_bytes = 1;
    size_t length = body_bytes;
    while (length >= 0x80) {
        header[header_bytes++] = (uint8_t)(length | 0x80);
        length >>= 7;
    }
    header[header_bytes++] = (uint8_t)length;
    if (buf->failed || err_is_set(buf_reserve(buf, header_bytes + body_bytes - absent_bytes))) {
        return NULL;
    }
    uint8_t *at = buf->at + buf->tail;
    memcpy(at, header, header_bytes);
    return at + header_bytes;
}

/* <end> is where the last put stopped; <body_bytes> of the packet lie before it. */
static void packet_end(struct buf *buf, const uint8_t *start, const uint8_t *end, size_t body_bytes)
{
    ASSERT(end == start + body_bytes);
    buf->tail = (size_t)(end - buf->at);
    ASSERT(buf->tail <= buf->room);
}

/* ---------------------------------------------------------------- PUBLISH and what answers it */

/* Writes a PUBLISH, the payload only when <whole>. */
static void write_publish(struct buf *buf, const struct mqtt_publish *publish, bool whole)
{
    ASSERT(publish->qos <= 2);                                              /* [MQTT-3.3.1-4] */
    ASSERT(publish->qos > 0 || (!publish->dup && publish->packet_id == 0)); /* [MQTT-3.3.1-2] */
    ASSERT(publish->topic.bytes > 0);                                       /* [MQTT-4.7.3-1] */
    ASSERT(publish->payload.bytes <= MQTT_BODY_BYTES_MAX);
    unsigned first = MQTT_PUBLISH << 4 | (unsigned)publish->dup << 3 | (unsigned)publish->qos << 1 |
                     (unsigned)publish->retain;
    size_t head_bytes = text_bytes(publish->topic) + (publish->qos > 0 ? 2 : 0);
    size_t absent_bytes = whole ? 0 : publish->payload.bytes;
    uint8_t *start = packet_start(buf, first, head_bytes + publish->payload.bytes, absent_bytes);
    if (start == NULL) {
        return;
    }
    uint8_t *at = put_text(start, publish->topic);
    if (publish->qos > 0) {
        at = put_packet_id(at, publish->packet_id);
    }
    if (whole) {
        at = put_slice(at, publish->payload);
    }
    packet_end(buf, start, at, head_bytes + publish->payload.bytes - absent_bytes);
}

void mqtt_write_publish(struct buf *buf, const struct mqtt_publish *publish)
{
    write_publish(buf, publish, true);
}

void mqtt_write_publish_header(struct buf *buf, const struct mqtt_publish *publish)
{
    write_publish(buf, publish, false);
}

void mqtt_write_ack(struct buf *buf, enum mqtt_type type, uint16_t packet_id)
{
    ASSERT((type >= MQTT_PUBACK && type <= MQTT_PUBCOMP) || type == MQTT_UNSUBACK);
    ASSERT(packet_id != 0);
    uint8_t packet[MQTT_ACK_BYTES];
    /* [MQTT-3.6.1-1] PUBREL alone has flags. */
    put_byte(packet, (unsigned)type << 4 | (type == MQTT_PUBREL ? 2 : 0));
    put_byte(packet + 1, 2);
    put_u16(packet + 2, packet_id);
    buf_put_bytes(buf, packet, sizeof(packet));
}

/* ---------------------------------------------------------------- CONNECT and CONNACK */

static struct slice protocol_of(uint8_t level)
{
    ASSERT(level == MQTT_LEVEL_3_1 || level == MQTT_LEVEL_3_1_1);
    return level == MQTT_LEVEL_3_1 ? SLICE("MQIsdp") : SLICE("MQTT");
}

static unsigned connect_flags(const struct mqtt_connect *connect)
{
    ASSERT(connect->has_user_name || !connect->has_password); /* [MQTT-3.1.2-22] */
    unsigned flags = (unsigned)connect->has_user_name << 7 | (unsigned)connect->has_password << 6 |
                     (unsigned)connect->has_will << 2 | (unsigned)connect->clean_session << 1;
    if (connect->has_will) {
        ASSERT(connect->will.qos <= 2);        /* [MQTT-3.1.2-14] */
        ASSERT(connect->will.topic.bytes > 0); /* [MQTT-4.7.3-1] */
        flags |= (unsigned)connect->will.retain << 5 | (unsigned)connect->will.qos << 3;
    }
    return flags;
}

static size_t connect_body_bytes(const struct mqtt_connect *connect)
{
    /* Name, level, flags, keep-alive; then the payload. */
    size_t bytes = text_bytes(protocol_of(connect->level)) + 1 + 1 + 2;
    bytes += text_bytes(connect->client_id);
    if (connect->has_will) {
        bytes += text_bytes(connect->will.topic) + text_bytes(connect->will.payload);
    }
    if (connect->has_user_name) {
        bytes += text_bytes(connect->user_name);
    }
    if (connect->has_password) {
        bytes += text_bytes(connect->password);
    }
    return bytes;
}

void mqtt_write_connect(struct buf *buf, const struct mqtt_connect *connect)
{
    size_t body_bytes = connect_body_bytes(connect);
    unsigned flags = connect_flags(connect);
    uint8_t *start = packet_start(buf, MQTT_CONNECT << 4, body_bytes, 0);
    if (start == NULL) {
        return;
    }
    uint8_t *at = put_text(start, protocol_of(connect->level));
    at = put_byte(at, connect->level);
    at = put_byte(at, flags);
    at = put_u16(at, connect->keepalive_s);
    at = put_text(at, connect->client_id);
    if (connect->has_will) {
        at = put_text(at, connect->will.topic);
        at = put_text(at, connect->will.payload);
    }
    if (connect->has_user_name) {
        at = put_text(at, connect->user_name);
    }
    if (connect->has_password) {
        at = put_text(at, connect->password);
    }
    packet_end(buf, start, at, body_bytes);
}

void mqtt_write_connack(struct buf *buf, bool session_present, enum mqtt_connack_code code)
{
    ASSERT(code <= MQTT_CONNACK_NOT_AUTHORIZED);
    ASSERT(!session_present || code == MQTT_CONNACK_ACCEPTED); /* [MQTT-3.2.2-4] */
    uint8_t packet[4] = {MQTT_CONNACK << 4, 2, session_present, (uint8_t)code};
    buf_put_bytes(buf, packet, sizeof(packet));
}

/* ---------------------------------------------------------------- subscribing */

void mqtt_write_subscribe(struct buf *buf, uint16_t packet_id,
                          const struct mqtt_subscription *subscriptions, size_t count)
{
    ASSERT(count > 0); /* [MQTT-3.8.3-3] */
    size_t body_bytes = 2;
    for (size_t i = 0; i < count; i++) {
        ASSERT(subscriptions[i].qos <= 2 && subscriptions[i].filter.bytes > 0);
        body_bytes += text_bytes(subscriptions[i].filter) + 1;
    }
    uint8_t *start = packet_start(buf, MQTT_SUBSCRIBE << 4 | 2, body_bytes, 0);
    if (start == NULL) {
        return;
    }
    uint8_t *at = put_packet_id(start, packet_id);
    for (size_t i = 0; i < count; i++) {
        at = put_text(at, subscriptions[i].filter);
        at = put_byte(at, subscriptions[i].qos);
    }
    packet_end(buf, start, at, body_bytes);
}

void mqtt_write_unsubscribe(struct buf *buf, uint16_t packet_id, const struct slice *filters,
                            size_t count)
{
    ASSERT(count > 0); /* [MQTT-3.10.3-2] */
    size_t body_bytes = 2;
    for (size_t i = 0; i < count; i++) {
        ASSERT(filters[i].bytes > 0);
        body_bytes += text_bytes(filters[i]);
    }
    uint8_t *start = packet_start(buf, MQTT_UNSUBSCRIBE << 4 | 2, body_bytes, 0);
    if (start == NULL) {
        return;
    }
    uint8_t *at = put_packet_id(start, packet_id);
    for (size_t i = 0; i < count; i++) {
        at = put_text(at, filters[i]);
    }
    packet_end(buf, start, at, body_bytes);
}

void mqtt_write_suback(struct buf *buf, uint16_t packet_id, struct slice codes)
{
    ASSERT(codes.bytes > 0);
    for (size_t i = 0; i < codes.bytes; i++) {
        ASSERT(codes.at[i] <= 2 || codes.at[i] == MQTT_SUBACK_REFUSED); /* [MQTT-3.9.3-2] */
    }
    size_t body_bytes = 2 + codes.bytes;
    uint8_t *start = packet_start(buf, MQTT_SUBACK << 4, body_bytes, 0);
    if (start == NULL) {
        return;
    }
    packet_end(buf, start, put_slice(put_packet_id(start, packet_id), codes), body_bytes);
}
