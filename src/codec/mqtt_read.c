/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_read.c - the reading half of mqtt.h; mqtt_write.c is the other.
 *
 * A broker reads mostly PUBLISH and PUBACK, tens of bytes long, a million a second: so framing is
 * one look into a table, and the topic, which is nearly always ASCII, is checked eight bytes at a
 * time for all rules at once. Each rule stands at the place where its bytes are first seen. */
#include "codec/mqtt.h"

#include "base/assert.h"
#include "base/utf8.h"

/* What holds for the fixed header of a type, before its body is looked at. */
struct type_rule {
    const char *name;
    uint8_t flags; /* the only value allowed [MQTT-2.2.2-2]; PUBLISH has its own rule */
    uint32_t body_bytes_min;
    uint32_t body_bytes_max;
};

static const struct type_rule type_rules[16] = {
    [0] = {"reserved", 0, 0, 0},
    /* The least is name and level, so that a CONNECT of some other level can be answered. */
    [MQTT_CONNECT] = {"CONNECT", 0, 7, MQTT_BODY_BYTES_MAX},
    [MQTT_CONNACK] = {"CONNACK", 0, 2, 2},
    /* A topic of one byte, no payload. */
    [MQTT_PUBLISH] = {"PUBLISH", 0, 3, MQTT_BODY_BYTES_MAX},
    [MQTT_PUBACK] = {"PUBACK", 0, 2, 2},
    [MQTT_PUBREC] = {"PUBREC", 0, 2, 2},
    [MQTT_PUBREL] = {"PUBREL", 2, 2, 2},
    [MQTT_PUBCOMP] = {"PUBCOMP", 0, 2, 2},
    /* A packet identifier and at least one filter [MQTT-3.8.3-3], [MQTT-3.10.3-2] of at least one
     * byte [MQTT-4.7.3-1]. */
    [MQTT_SUBSCRIBE] = {"SUBSCRIBE", 2, 6, MQTT_BODY_BYTES_MAX},
    [MQTT_SUBACK] = {"SUBACK", 0, 3, MQTT_BODY_BYTES_MAX},
    [MQTT_UNSUBSCRIBE] = {"UNSUBSCRIBE", 2, 5, MQTT_BODY_BYTES_MAX},
    [MQTT_UNSUBACK] = {"UNSUBACK", 0, 2, 2},
    [MQTT_PINGREQ] = {"PINGREQ", 0, 0, 0},
    [MQTT_PINGRESP] = {"PINGRESP", 0, 0, 0},
    [MQTT_DISCONNECT] = {"DISCONNECT", 0, 0, 0},
    [15] = {"reserved", 0, 0, 0},
};

/* Flags of PUBLISH. */
#define PUBLISH_RETAIN 0x01u
#define PUBLISH_QOS_SHIFT 1
#define PUBLISH_DUP 0x08u

/* Connect flags (3.1.2.3). */
#define CONNECT_RESERVED 0x01u
#define CONNECT_CLEAN_SESSION 0x02u
#define CONNECT_WILL 0x04u
#define CONNECT_WILL_QOS_SHIFT 3
#define CONNECT_WILL_QOS 0x18u
#define CONNECT_WILL_RETAIN 0x20u
#define CONNECT_PASSWORD 0x40u
#define CONNECT_USER_NAME 0x80u

#define QOS_MASK 0x03u
#define QOS_MAX 2u

/* ---------------------------------------------------------------- frames */

static struct err check_publish_flags(const struct mqtt_frame *frame)
{
    unsigned qos = frame->flags >> PUBLISH_QOS_SHIFT & QOS_MASK;
    if (qos > QOS_MAX) {
        return ERR(MQTT_QOS); /* [MQTT-3.3.1-4] */
    }
    if (qos == 0 && (frame->flags & PUBLISH_DUP) != 0 && frame->level != MQTT_LEVEL_3_1) {
        return ERR(MQTT_TYPE); /* [MQTT-3.3.1-2] */
    }
    return ERR(OK);
}

static struct err check_first_byte(const struct mqtt_frame *frame)
{
    if (frame->type == MQTT_PUBLISH) {
        return check_publish_flags(frame);
    }
    if (frame->type < MQTT_CONNECT || frame->type > MQTT_DISCONNECT) {
        return ERR(MQTT_TYPE);
    }
    if (frame->flags != type_rules[frame->type].flags && frame->level != MQTT_LEVEL_3_1) {
        return ERR(MQTT_TYPE); /* [MQTT-2.2.2-2] */
    }
    return ERR(OK);
}

/* The remaining length (2.2.3): seven bits a byte, low first, in at most four bytes. That it be as
 * short as can be is a rule of MQTT 5 only. */
static enum decode read_remaining_length(struct slice input, size_t *header_bytes,
                                         size_t *body_bytes)
{
    size_t length = 0;
    for (size_t i = 1; i < MQTT_HEADER_BYTES_MAX; i++) {
        if (i >= input.bytes) {
            return DECODE_MORE;
        }
        length |= (size_t)(input.at[i] & 0x7f) << (7 * (i - 1));
        if (input.at[i] < 0x80) {
            *header_bytes = i + 1;
            *body_bytes = length;
            return DECODE_DONE;
        }
    }
    return DECODE_BAD;
}

/* Fills all of <frame> but its body: DECODE_DONE says that the header is there and right. */
static enum decode read_header(struct slice input, enum mqtt_level level, struct mqtt_frame *frame,
                               size_t *body_bytes, struct err *err)
{
    *frame = (struct mqtt_frame){.level = level};
    if (input.bytes == 0) {
        return DECODE_MORE;
    }
    frame->type = (enum mqtt_type)(input.at[0] >> 4);
    frame->flags = input.at[0] & 0x0f;
    struct err first_err = check_first_byte(frame);
    if (UNLIKELY(err_is_set(first_err))) {
        *err = first_err;
        return DECODE_BAD;
    }
    size_t header_bytes;
    enum decode decode = read_remaining_length(input, &header_bytes, body_bytes);
    if (decode == DECODE_MORE) {
        return DECODE_MORE;
    }
    if (UNLIKELY(decode == DECODE_BAD)) {
        *err = ERR(MQTT_MALFORMED);
        return DECODE_BAD;
    }
    frame->bytes = header_bytes + *body_bytes;
    const struct type_rule *rule = &type_rules[frame->type];
    if (UNLIKELY(*body_bytes < rule->body_bytes_min || *body_bytes > rule->body_bytes_max)) {
        *err = ERR(MQTT_MALFORMED);
        return DECODE_BAD;
    }
    return DECODE_DONE;
}

enum decode mqtt_read_frame(struct slice input, enum mqtt_level level, size_t packet_bytes_max,
                            struct mqtt_frame *frame, struct err *err)
{
    size_t body_bytes;
    enum decode decode = read_header(input, level, frame, &body_bytes, err);
    if (UNLIKELY(decode != DECODE_DONE)) {
        return decode;
    }
    if (UNLIKELY(frame->bytes > packet_bytes_max)) {
        *err = ERR(MQTT_TOO_LARGE);
        return DECODE_BAD;
    }
    if (input.bytes < frame->bytes) {
        return DECODE_MORE;
    }
    frame->body = slice_of(input.at + frame->bytes - body_bytes, body_bytes);
    return DECODE_DONE;
}

/* ---------------------------------------------------------------- texts */

#define ALL_BYTES 0x0101010101010101u
#define ALL_HIGH_BITS 0x8080808080808080u

/* Not 0 exactly when one of the eight bytes is 0. */
static inline uint64_t word_has_zero(uint64_t word)
{
    return (word - ALL_BYTES) & ~word & ALL_HIGH_BITS;
}

struct text_finding {
    uint64_t nul;
    uint64_t wildcard;
    uint64_t beyond_ascii;
};

static inline void look_at_word(struct text_finding *finding, uint64_t word)
{
    finding->nul |= word_has_zero(word);
    finding->wildcard |= word_has_zero(word ^ ALL_BYTES * '+');
    finding->wildcard |= word_has_zero(word ^ ALL_BYTES * '#');
    finding->beyond_ascii |= word & ALL_HIGH_BITS;
}

static inline struct text_finding look_at_text(struct slice text)
{
    struct text_finding finding = {0};
    uint64_t word;
    if (text.bytes < sizeof(word)) {
        word = ALL_BYTES * 'a';
        for (size_t i = 0; i < text.bytes; i++) {
            word = word << 8 | text.at[i];
        }
        look_at_word(&finding, word);
        return finding;
    }
    for (size_t i = 0; i + sizeof(word) <= text.bytes; i += sizeof(word)) {
        memcpy(&word, text.at + i, sizeof(word));
        look_at_word(&finding, word);
    }
    /* The last eight bytes: whatever the loop left over, and some of it again. */
    memcpy(&word, text.at + text.bytes - sizeof(word), sizeof(word));
    look_at_word(&finding, word);
    return finding;
}

/* [MQTT-1.5.3-1] UTF-8 without surrogates; [MQTT-1.5.3-2] no NUL. Control characters and
 * non-characters, which a receiver may refuse, are let through; U+FEFF is kept [MQTT-1.5.3-3]. */
static inline struct err check_finding(struct text_finding finding, struct slice text)
{
    if (UNLIKELY(finding.nul != 0 || (finding.beyond_ascii != 0 && !utf8_is_valid(text)))) {
        return ERR(MQTT_TEXT);
    }
    return ERR(OK);
}

/* Bytes with their length in front: binary, such as a password. */
static inline struct err read_bytes(struct cursor *c, struct slice *bytes)
{
    uint16_t length;
    if (UNLIKELY(!cursor_read_u16be(c, &length) || !cursor_read_bytes(c, length, bytes))) {
        return ERR(MQTT_MALFORMED);
    }
    return ERR(OK);
}

static struct err read_text(struct cursor *c, struct slice *text)
{
    TRY(read_bytes(c, text));
    return check_finding(look_at_text(*text), *text);
}

/* A topic filter: a text of at least one byte [MQTT-4.7.3-1]. */
static struct err read_filter(struct cursor *c, struct slice *filter)
{
    TRY(read_text(c, filter));
    return slice_is_empty(*filter) ? ERR(MQTT_TOPIC) : ERR(OK);
}

/* A topic to publish to: at least one byte [MQTT-4.7.3-1], and no wildcard [MQTT-3.3.2-2]. */
static inline struct err read_topic(struct cursor *c, struct slice *topic)
{
    TRY(read_bytes(c, topic));
    struct text_finding finding = look_at_text(*topic);
    TRY(check_finding(finding, *topic));
    return slice_is_empty(*topic) || finding.wildcard != 0 ? ERR(MQTT_TOPIC) : ERR(OK);
}

static inline struct err read_nonzero_packet_id(struct cursor *c, uint16_t *packet_id)
{
    if (UNLIKELY(!cursor_read_u16be(c, packet_id))) {
        return ERR(MQTT_MALFORMED);
    }
    return *packet_id == 0 ? ERR(MQTT_PACKET_ID) : ERR(OK); /* [MQTT-2.3.1-1] */
}

/* ---------------------------------------------------------------- PUBLISH and what answers it */

struct err mqtt_read_publish(const struct mqtt_frame *frame, struct mqtt_publish *out)
{
    ASSERT(frame->type == MQTT_PUBLISH);
    struct cursor c = cursor_over(frame->body);
    out->qos = frame->flags >> PUBLISH_QOS_SHIFT & QOS_MASK;
    out->retain = (frame->flags & PUBLISH_RETAIN) != 0;
    out->dup = (frame->flags & PUBLISH_DUP) != 0 && out->qos > 0;
    out->packet_id = 0;
    ASSERT(out->qos <= QOS_MAX); /* checked with the frame */
    TRY(read_topic(&c, &out->topic));
    if (out->qos > 0) {
        TRY(read_nonzero_packet_id(&c, &out->packet_id));
    }
    out->payload = slice_of(c.at, cursor_left(&c));
    return ERR(OK);
}

struct err mqtt_read_packet_id(const struct mqtt_frame *frame, uint16_t *packet_id)
{
    ASSERT((frame->type >= MQTT_PUBACK && frame->type <= MQTT_PUBCOMP) ||
           frame->type == MQTT_UNSUBACK);
    struct cursor c = cursor_over(frame->body);
    return read_nonzero_packet_id(&c, packet_id);
}

/* ---------------------------------------------------------------- CONNECT */

static bool protocol_is_known(struct slice protocol)
{
    return slice_equal(protocol, SLICE("MQTT")) || slice_equal(protocol, SLICE("MQIsdp"));
}

static bool level_is_supported(struct slice protocol, uint8_t level)
{
    return level == (slice_equal(protocol, SLICE("MQTT")) ? MQTT_LEVEL_3_1_1 : MQTT_LEVEL_3_1);
}

static struct err check_connect_flags(uint8_t flags, uint8_t level)
{
    unsigned will_qos = (flags & CONNECT_WILL_QOS) >> CONNECT_WILL_QOS_SHIFT;
    if ((flags & CONNECT_PASSWORD) != 0 && (flags & CONNECT_USER_NAME) == 0) {
        return ERR(MQTT_MALFORMED); /* [MQTT-3.1.2-22], and in 3.1 "not valid" */
    }
    if ((flags & CONNECT_WILL) != 0 && will_qos > QOS_MAX) {
        return ERR(MQTT_QOS); /* [MQTT-3.1.2-14] */
    }
    if (level == MQTT_LEVEL_3_1) {
        return ERR(OK);
    }
    if ((flags & CONNECT_RESERVED) != 0) {
        return ERR(MQTT_MALFORMED); /* [MQTT-3.1.2-3] */
    }
    if ((flags & CONNECT_WILL) == 0 && (flags & (CONNECT_WILL_QOS | CONNECT_WILL_RETAIN)) != 0) {
        return ERR(MQTT_MALFORMED); /* [MQTT-3.1.2-13], [MQTT-3.1.2-15] */
    }
    return ERR(OK);
}

static struct err read_will(struct cursor *c, uint8_t flags, struct mqtt_connect *out)
{
    if ((flags & CONNECT_WILL) == 0) {
        return ERR(OK);
    }
    out->has_will = true;
    out->will.qos = (uint8_t)((flags & CONNECT_WILL_QOS) >> CONNECT_WILL_QOS_SHIFT);
    out->will.retain = (flags & CONNECT_WILL_RETAIN) != 0;
    TRY(read_topic(c, &out->will.topic));
    return read_bytes(c, &out->will.payload);
}

static struct err read_credentials(struct cursor *c, uint8_t flags, struct mqtt_connect *out)
{
    /* MQTT 3.1, section 3.1: the remaining length takes precedence over these two flags. */
    bool may_be_missing = out->level == MQTT_LEVEL_3_1;
    if ((flags & CONNECT_USER_NAME) != 0 && !(may_be_missing && cursor_at_end(c))) {
        TRY(read_text(c, &out->user_name));
        out->has_user_name = true;
    }
    if ((flags & CONNECT_PASSWORD) != 0 && !(may_be_missing && cursor_at_end(c))) {
        TRY(read_bytes(c, &out->password));
        out->has_password = true;
    }
    return ERR(OK);
}

struct err mqtt_read_connect(const struct mqtt_frame *frame, struct mqtt_connect *out)
{
    ASSERT(frame->type == MQTT_CONNECT);
    struct cursor c = cursor_over(frame->body);
    *out = (struct mqtt_connect){0};
    TRY(read_text(&c, &out->protocol));
    /* [MQTT-3.1.2-1] Some other protocol altogether: it would not understand a CONNACK. */
    if (!protocol_is_known(out->protocol) || !cursor_read_u8(&c, &out->level)) {
        return ERR(MQTT_MALFORMED);
    }
    out->supported = level_is_supported(out->protocol, out->level);
    if (!out->supported) {
        return ERR(OK); /* [MQTT-3.1.2-2] */
    }
    uint8_t flags;
    if (!cursor_read_u8(&c, &flags) || !cursor_read_u16be(&c, &out->keepalive_s)) {
        return ERR(MQTT_MALFORMED);
    }
    TRY(check_connect_flags(flags, out->level));
    out->clean_session = (flags & CONNECT_CLEAN_SESSION) != 0;
    /* The order of the payload's fields is fixed [MQTT-3.1.3-1]. */
    TRY(read_text(&c, &out->client_id));
    TRY(read_will(&c, flags, out));
    TRY(read_credentials(&c, flags, out));
    return cursor_at_end(&c) ? ERR(OK) : ERR(MQTT_MALFORMED);
}

/* Reads up to the connect flags; false when <c> ends before them. <protocol> stays empty when its
 * length alone rules it out. */
static bool read_up_to_connect_flags(struct cursor *c, struct slice *protocol, uint8_t *flags)
{
    uint16_t length;
    uint8_t level;
    *protocol = (struct slice){0};
    if (!cursor_read_u16be(c, &length)) {
        return false;
    }
    if (length != strlen("MQTT") && length != strlen("MQIsdp")) {
        return true;
    }
    return cursor_read_bytes(c, length, protocol) && cursor_read_u8(c, &level) &&
           cursor_read_u8(c, flags);
}

enum decode mqtt_peek_will(struct slice input, bool *has_will)
{
    struct mqtt_frame frame;
    struct err err;
    size_t body_bytes;
    enum decode decode = read_header(input, MQTT_LEVEL_UNKNOWN, &frame, &body_bytes, &err);
    if (input.bytes > 0 && frame.type != MQTT_CONNECT) {
        return DECODE_BAD;
    }
    if (decode != DECODE_DONE) {
        return decode;
    }
    struct slice body = slice_from(input, frame.bytes - body_bytes);
    bool is_whole = body.bytes >= body_bytes;
    struct cursor c = cursor_over(slice_first(body, min_size(body.bytes, body_bytes)));
    struct slice protocol;
    uint8_t flags = 0;
    if (!read_up_to_connect_flags(&c, &protocol, &flags)) {
        return is_whole ? DECODE_BAD : DECODE_MORE;
    }
    if (!protocol_is_known(protocol)) {
        return DECODE_BAD;
    }
    *has_will = (flags & CONNECT_WILL) != 0;
    return DECODE_DONE;
}

struct err mqtt_read_connack(const struct mqtt_frame *frame, struct mqtt_connack *out)
{
    ASSERT(frame->type == MQTT_CONNACK && frame->body.bytes == 2);
    uint8_t flags = frame->level == MQTT_LEVEL_3_1 ? 0 : frame->body.at[0];
    out->session_present = flags == 1;
    out->code = frame->body.at[1];
    if (flags > 1 || out->code > MQTT_CONNACK_NOT_AUTHORIZED) {
        return ERR(MQTT_MALFORMED); /* 3.2.2.1 and table 3.1: reserved */
    }
    if (out->session_present && out->code != MQTT_CONNACK_ACCEPTED) {
        return ERR(MQTT_MALFORMED); /* [MQTT-3.2.2-4] */
    }
    return ERR(OK);
}

/* ---------------------------------------------------------------- SUBSCRIBE and UNSUBSCRIBE */

static struct err check_filters(struct mqtt_filters *filters, enum mqtt_level level)
{
    struct cursor c = filters->rest;
    while (!cursor_at_end(&c)) {
        struct slice filter;
        TRY(read_filter(&c, &filter));
        uint8_t qos = 0;
        if (filters->has_qos && !cursor_read_u8(&c, &qos)) {
            return ERR(MQTT_MALFORMED);
        }
        if (level == MQTT_LEVEL_3_1) {
            qos &= QOS_MASK;
        }
        if (qos > QOS_MAX) {
            return ERR(MQTT_QOS); /* [MQTT-3-8.3-4] */
        }
        filters->count++;
    }
    ASSERT(filters->count > 0); /* the frame was not shorter than one filter needs */
    return ERR(OK);
}

struct err mqtt_read_filters(const struct mqtt_frame *frame, uint16_t *packet_id,
                             struct mqtt_filters *filters)
{
    ASSERT(frame->type == MQTT_SUBSCRIBE || frame->type == MQTT_UNSUBSCRIBE);
    struct cursor c = cursor_over(frame->body);
    TRY(read_nonzero_packet_id(&c, packet_id));
    *filters = (struct mqtt_filters){.rest = c, .has_qos = frame->type == MQTT_SUBSCRIBE};
    return check_filters(filters, frame->level);
}

bool mqtt_next_filter(struct mqtt_filters *filters, struct mqtt_subscription *out)
{
    if (cursor_at_end(&filters->rest)) {
        return false;
    }
    /* All of it was checked by mqtt_read_filters. */
    *out = (struct mqtt_subscription){0};
    bool is_there = !err_is_set(read_bytes(&filters->rest, &out->filter)) &&
                    (!filters->has_qos || cursor_read_u8(&filters->rest, &out->qos));
    ASSERT(is_there);
    out->qos &= QOS_MASK;
    return true;
}

struct err mqtt_read_suback(const struct mqtt_frame *frame, struct mqtt_suback *out)
{
    ASSERT(frame->type == MQTT_SUBACK);
    struct cursor c = cursor_over(frame->body);
    TRY(read_nonzero_packet_id(&c, &out->packet_id));
    out->codes = slice_of(c.at, cursor_left(&c));
    for (size_t i = 0; i < out->codes.bytes; i++) {
        if (out->codes.at[i] > QOS_MAX && out->codes.at[i] != MQTT_SUBACK_REFUSED) {
            return ERR(MQTT_MALFORMED); /* [MQTT-3.9.3-2] */
        }
    }
    return ERR(OK);
}

const char *mqtt_type_name(enum mqtt_type type)
{
    ASSERT((unsigned)type < ARRAY_LEN(type_rules));
    return type_rules[type].name;
}
