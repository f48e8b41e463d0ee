/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt.h - MQTT 3.1.1 and 3.1 packets: bytes to structs and back, both directions.
 *
 * Reading takes two steps. mqtt_read_frame finds one packet at the start of the bytes that came in
 * and checks what holds for its type: flags and size. Then the reader of that type checks the body
 * and fills a struct of slices:
 *
 *     struct mqtt_frame frame;
 *     struct err err;
 *     switch (mqtt_read_frame(input, level, packet_bytes_max, &frame, &err)) {
 *     case DECODE_MORE: ... frame.bytes, if not 0, tells how many bytes to make place for
 *     case DECODE_BAD:  ... close the connection; <err> has the reason
 *     case DECODE_DONE: ... mqtt_read_publish(&frame, &publish); then drop frame.bytes of the input
 *     }
 *
 * Nothing here allocates (writers grow their struct buf), blocks, logs or keeps anything: values
 * only, any thread. All slices that readers hand out lie in the input and live as long as it does.
 *
 * Whatever a reader refuses ends the connection [MQTT-4.8.0-1]; the errors are ERR_MQTT_*. Comments
 * cite the clauses of the OASIS standard of 29 October 2014. Who may send which packet when is not
 * judged here, nor what a topic means: a topic is checked for UTF-8, NUL, emptiness and, where it
 * is published to (the will's too), wildcards. The place of wildcards in a filter is the broker's
 * to judge, because a filter can be refused alone (SUBACK 0x80).
 *
 * MQTT 3.1 ("MQIsdp", level 3) is the older, looser text. Where it calls bits "not used", they are
 * ignored; strings are held to the same rules as in 3.1.1:
 *   - flags of the fixed header, except in PUBLISH: DUP may be set in PUBREL, SUBSCRIBE and
 *     UNSUBSCRIBE, and the rest is not used;
 *   - DUP in a PUBLISH with QoS 0: no meaning, read as false;
 *   - CONNECT: bit 0 of the connect flags; will QoS and will retain without the will flag; a user
 *     name or password that is announced but missing at the end counts as not announced;
 *   - SUBSCRIBE: the upper six bits of the requested QoS; CONNACK: the first byte. */
#ifndef THRUM_CODEC_MQTT_H
#define THRUM_CODEC_MQTT_H

#include "base/buf.h"
#include "base/common.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/slice.h"
#include "codec/decode.h"

#define MQTT_BODY_BYTES_MAX 268435455u /* what four bytes of remaining length can say (2.2.3) */
#define MQTT_TEXT_BYTES_MAX 65535u     /* what the two bytes in front of a text can say (1.5.3) */
#define MQTT_HEADER_BYTES_MAX 5u       /* first byte and remaining length */
#define MQTT_ACK_BYTES 4u              /* a whole PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK */

/* The revisions spoken. UNKNOWN, until CONNECT has said it, is as strict as 3.1.1. */
enum mqtt_level { MQTT_LEVEL_UNKNOWN = 0, MQTT_LEVEL_3_1 = 3, MQTT_LEVEL_3_1_1 = 4 };

/* The upper half of the first byte (2.2.1). 0 and 15 are reserved. */
enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
};

/* Return codes of CONNACK (table 3.1). */
enum mqtt_connack_code {
    MQTT_CONNACK_ACCEPTED = 0,
    MQTT_CONNACK_LEVEL_UNACCEPTABLE = 1,
    MQTT_CONNACK_CLIENT_ID_REJECTED = 2,
    MQTT_CONNACK_UNAVAILABLE = 3,
    MQTT_CONNACK_CREDENTIALS_BAD = 4,
    MQTT_CONNACK_NOT_AUTHORIZED = 5,
};

/* In a SUBACK: this filter is refused. The other codes are the QoS granted, 0 to 2. */
#define MQTT_SUBACK_REFUSED 0x80u

/* One packet, found but not yet understood. */
struct mqtt_frame {
    enum mqtt_type type;
    enum mqtt_level level; /* by whose rules it is read */
    uint8_t flags;         /* the lower half of the first byte */
    size_t bytes;          /* of the whole packet; 0 while its length has not come in */
    struct slice body;     /* behind the fixed header */
};

struct mqtt_will {
    struct slice topic;
    struct slice payload;
    uint8_t qos;
    bool retain;
};

struct mqtt_connect {
    struct slice protocol; /* "MQTT" or "MQIsdp" */
    uint8_t level;         /* as sent: an enum mqtt_level only when supported */
    bool supported;        /* false: answer CONNACK 1 and close; all fields below are empty */
    bool clean_session;
    bool has_will;
    bool has_user_name;
    bool has_password; /* in 3.1.1 only with a user name */
    uint16_t keepalive_s;
    struct slice client_id; /* may be empty: that is for the broker to judge [MQTT-3.1.3-6] */
    struct slice user_name;
    struct slice password; /* any bytes */
    struct mqtt_will will;
};

struct mqtt_connack {
    bool session_present;
    uint8_t code; /* enum mqtt_connack_code */
};

struct mqtt_publish {
    struct slice topic;
    struct slice payload; /* any bytes, may be empty */
    uint16_t packet_id;   /* 0 exactly when qos is 0 */
    uint8_t qos;
    bool dup;
    bool retain;
};

/* One filter of a SUBSCRIBE; in an UNSUBSCRIBE <qos> has no meaning and is 0. */
struct mqtt_subscription {
    struct slice filter;
    uint8_t qos;
};

/* The filters of a SUBSCRIBE or UNSUBSCRIBE, in order; opaque but for <count>. */
struct mqtt_filters {
    struct cursor rest;
    size_t count; /* of all filters in the packet, at least 1 */
    bool has_qos;
};

struct mqtt_suback {
    uint16_t packet_id;
    struct slice codes; /* one byte a filter: 0, 1, 2 or MQTT_SUBACK_REFUSED */
};

/* ---------------------------------------------------------------- reading: frames */

/* Finds the packet at the start of <input>.
 *
 * DECODE_DONE: <frame> is filled; its body lies in <input>.
 * DECODE_MORE: frame->type is set when at least one byte was there (0 otherwise), and frame->bytes
 *   when the length has come in.
 * DECODE_BAD: <err> is ERR_MQTT_TYPE for reserved types and flags; ERR_MQTT_QOS for QoS 3 in a
 *   PUBLISH; ERR_MQTT_MALFORMED for a remaining length of more than four bytes and for one that
 *   this type cannot have; ERR_MQTT_TOO_LARGE for any other packet that announces more than
 *   <packet_bytes_max> bytes in all, whether or not they are there yet. frame->type and, if known,
 *   frame->bytes tell which packet it was.
 *
 * <err> is written only with DECODE_BAD. */
MUST_USE enum decode mqtt_read_frame(struct slice input, enum mqtt_level level,
                                     size_t packet_bytes_max, struct mqtt_frame *frame,
                                     struct err *err);

/* Looks into a CONNECT that may not be complete: does it announce a will, which may be large? Any
 * other packet and anything malformed up to that point is DECODE_BAD. */
MUST_USE enum decode mqtt_peek_will(struct slice input, bool *has_will);

/* ---------------------------------------------------------------- reading: bodies */

/* Each takes a frame of its own type (asserted) and checks the whole body before it answers: from a
 * refused packet nothing may be used. */

/* A level or a name and level that thrum does not speak is no error: out->supported is false then,
 * and the rest of the body, whose form is unknown, is not looked at. */
MUST_USE struct err mqtt_read_connect(const struct mqtt_frame *frame, struct mqtt_connect *out);
MUST_USE struct err mqtt_read_connack(const struct mqtt_frame *frame, struct mqtt_connack *out);
MUST_USE struct err mqtt_read_publish(const struct mqtt_frame *frame, struct mqtt_publish *out);

/* PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK: nothing but a packet identifier, never 0. */
MUST_USE struct err mqtt_read_packet_id(const struct mqtt_frame *frame, uint16_t *packet_id);

/* SUBSCRIBE and UNSUBSCRIBE. After success mqtt_next_filter gives <filters> one by one. */
MUST_USE struct err mqtt_read_filters(const struct mqtt_frame *frame, uint16_t *packet_id,
                                      struct mqtt_filters *filters);

/* The next filter; false behind the last one. */
bool mqtt_next_filter(struct mqtt_filters *filters, struct mqtt_subscription *out);

MUST_USE struct err mqtt_read_suback(const struct mqtt_frame *frame, struct mqtt_suback *out);

/* ---------------------------------------------------------------- writing */

/* Writers append one packet. When it does not fit, nothing of it is written and buf->failed is set:
 * never half a packet. What the format cannot hold or the standard forbids (a text of more than
 * MQTT_TEXT_BYTES_MAX, a body of more than MQTT_BODY_BYTES_MAX, QoS 3, packet identifier 0) is a
 * bug of the caller, and asserted; texts are taken to be checked. */

/* connect->level says which revision: 3 or 4. <protocol> and <supported> are not looked at. */
void mqtt_write_connect(struct buf *buf, const struct mqtt_connect *connect);

/* <session_present> goes with code 0 only [MQTT-3.2.2-4], and not to clients of level 3. */
void mqtt_write_connack(struct buf *buf, bool session_present, enum mqtt_connack_code code);

void mqtt_write_publish(struct buf *buf, const struct mqtt_publish *publish);

/* All of the packet but its payload, of which only payload.bytes is looked at: for a payload that
 * is sent from shared memory right behind. */
void mqtt_write_publish_header(struct buf *buf, const struct mqtt_publish *publish);

/* PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK. */
void mqtt_write_ack(struct buf *buf, enum mqtt_type type, uint16_t packet_id);

void mqtt_write_subscribe(struct buf *buf, uint16_t packet_id,
                          const struct mqtt_subscription *subscriptions, size_t count);
void mqtt_write_unsubscribe(struct buf *buf, uint16_t packet_id, const struct slice *filters,
                            size_t count);

/* One code a filter, in the order of the SUBSCRIBE [MQTT-3.9.3-1]. */
void mqtt_write_suback(struct buf *buf, uint16_t packet_id, struct slice codes);

static inline void mqtt_write_pingreq(struct buf *buf)
{
    BUF_PUT_LITERAL(buf, "\xc0\x00");
}
static inline void mqtt_write_pingresp(struct buf *buf)
{
    BUF_PUT_LITERAL(buf, "\xd0\x00");
}
static inline void mqtt_write_disconnect(struct buf *buf)
{
    BUF_PUT_LITERAL(buf, "\xe0\x00");
}

/* ---------------------------------------------------------------- queries */

/* "PUBLISH"; "reserved" for 0 and 15. Static. */
const char *mqtt_type_name(enum mqtt_type type);

#endif
