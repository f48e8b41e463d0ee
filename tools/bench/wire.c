/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#define CONNECT_CLEAN 0x02
#define CONNECT_PASSWORD 0x40
#define CONNECT_USER 0x80

static void put_head(struct buf *out, uint8_t first, size_t remaining)
{
    uint8_t head[5] = {first};
    size_t bytes = 1;
    do {
        uint8_t more = remaining > 0x7f ? 0x80 : 0;
        head[bytes++] = (uint8_t)((remaining & 0x7f) | more);
        remaining >>= 7;
    } while (remaining != 0 && bytes < sizeof(head));
    buf_put_bytes(out, head, bytes);
}

static void put_text(struct buf *out, struct slice text)
{
    buf_put_u16be(out, (uint16_t)text.bytes);
    buf_put(out, text);
}

void wire_put_connect(struct buf *out, const struct wire_connect *connect)
{
    bool named = connect->user.bytes != 0;
    size_t credentials = named ? 4 + connect->user.bytes + connect->password.bytes : 0;
    put_head(out, WIRE_CONNECT << 4, 10 + 2 + connect->client_id.bytes + credentials);
    put_text(out, SLICE("MQTT"));
    buf_put_byte(out, 4);
    buf_put_byte(out, (uint8_t)(CONNECT_CLEAN | (named ? CONNECT_USER | CONNECT_PASSWORD : 0)));
    buf_put_u16be(out, connect->keepalive_s);
    put_text(out, connect->client_id);
    if (named) {
        put_text(out, connect->user);
        put_text(out, connect->password);
    }
}

void wire_put_subscribe(struct buf *out, uint16_t id, struct slice filter, uint8_t qos)
{
    put_head(out, WIRE_SUBSCRIBE << 4 | 2, 2 + 2 + filter.bytes + 1);
    buf_put_u16be(out, id);
    put_text(out, filter);
    buf_put_byte(out, qos);
}

void wire_put_publish(struct buf *out, struct slice topic, uint8_t qos, uint16_t id,
                      struct slice payload)
{
    size_t remaining = 2 + topic.bytes + (qos != 0 ? 2 : 0) + payload.bytes;
    put_head(out, (uint8_t)(WIRE_PUBLISH << 4 | qos << 1), remaining);
    put_text(out, topic);
    if (qos != 0) {
        buf_put_u16be(out, id);
    }
    buf_put(out, payload);
}

void wire_put_puback(struct buf *out, uint16_t id)
{
    const uint8_t packet[4] = {WIRE_PUBACK << 4, 2, (uint8_t)(id >> 8), (uint8_t)id};
    buf_put_bytes(out, packet, sizeof(packet));
}

void wire_put_pingreq(struct buf *out)
{
    const uint8_t packet[2] = {WIRE_PINGREQ << 4, 0};
    buf_put_bytes(out, packet, sizeof(packet));
}

static enum wire_result read_remaining(struct cursor *c, size_t *remaining)
{
    size_t sum = 0;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
        uint8_t byte;
        if (!cursor_read_u8(c, &byte)) {
            return WIRE_MORE;
        }
        sum |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *remaining = sum;
            return WIRE_DONE;
        }
    }
    return WIRE_BAD;
}

static bool read_body(struct cursor *c, uint8_t first, struct wire_packet *packet)
{
    uint16_t topic_bytes;
    uint8_t flags;
    switch (packet->type) {
    case WIRE_CONNACK:
        return cursor_read_u8(c, &flags) && cursor_read_u8(c, &packet->code);
    case WIRE_SUBACK:
        return cursor_read_u16be(c, &packet->id) && cursor_read_u8(c, &packet->code);
    case WIRE_PUBACK:
        return cursor_read_u16be(c, &packet->id);
    case WIRE_PINGRESP:
        return true;
    case WIRE_PUBLISH:
        packet->qos = (uint8_t)(first >> 1 & 3);
        if (!cursor_read_u16be(c, &topic_bytes) ||
            !cursor_read_bytes(c, topic_bytes, &packet->topic) ||
            (packet->qos != 0 && !cursor_read_u16be(c, &packet->id))) {
            return false;
        }
        return cursor_read_bytes(c, cursor_left(c), &packet->payload);
    default:
        return false;
    }
}

enum wire_result wire_read(struct cursor *bytes, struct wire_packet *packet)
{
    struct cursor c = *bytes;
    uint8_t first;
    size_t remaining;
    struct slice body;
    if (!cursor_read_u8(&c, &first)) {
        return WIRE_MORE;
    }
    enum wire_result length = read_remaining(&c, &remaining);
    if (length != WIRE_DONE) {
        return length;
    }
    if (!cursor_read_bytes(&c, remaining, &body)) {
        return WIRE_MORE;
    }
    *packet = (struct wire_packet){.type = (enum wire_type)(first >> 4)};
    struct cursor inside = cursor_over(body);
    if (!read_body(&inside, first, packet)) {
        return WIRE_BAD;
    }
    *bytes = c;
    return WIRE_DONE;
}
