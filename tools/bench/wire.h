/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - the few MQTT 3.1.1 packets that a measuring client sends and receives.
 *
 * Written apart from src/codec on purpose: a client that shared the broker's codec would share its
 * misreadings, and this one has to speak to other brokers just the same. Writers append to a buf;
 * the reader borrows. Nothing blocks. */
#ifndef THRUM_BENCH_WIRE_H
#define THRUM_BENCH_WIRE_H

#include "base/buf.h"
#include "base/cursor.h"

enum wire_type {
    WIRE_CONNECT = 1,
    WIRE_CONNACK = 2,
    WIRE_PUBLISH = 3,
    WIRE_PUBACK = 4,
    WIRE_SUBSCRIBE = 8,
    WIRE_SUBACK = 9,
    WIRE_PINGREQ = 12,
    WIRE_PINGRESP = 13,
};

/* Head of a PUBLISH: 1 byte, up to 4 of length, 2 + topic, 2 of packet id. */
#define WIRE_PUBLISH_OVERHEAD_BYTES 9

struct wire_connect {
    struct slice client_id;
    struct slice user; /* empty: no user name and no password */
    struct slice password;
    uint16_t keepalive_s;
};

/* A received packet. <code> is the return code of CONNACK and of the first filter of SUBACK. */
struct wire_packet {
    enum wire_type type;
    uint8_t qos;
    uint8_t code;
    uint16_t id;
    struct slice topic;
    struct slice payload;
};

enum wire_result { WIRE_DONE, WIRE_MORE, WIRE_BAD };

void wire_put_connect(struct buf *out, const struct wire_connect *connect);
void wire_put_subscribe(struct buf *out, uint16_t id, struct slice filter, uint8_t qos);
void wire_put_publish(struct buf *out, struct slice topic, uint8_t qos, uint16_t id,
                      struct slice payload);
void wire_put_puback(struct buf *out, uint16_t id);
void wire_put_pingreq(struct buf *out);

/* Takes one packet off <bytes>. WIRE_MORE leaves the cursor where it was; the slices of <packet>
 * lie in the bytes read. */
enum wire_result wire_read(struct cursor *bytes, struct wire_packet *packet);

#endif
