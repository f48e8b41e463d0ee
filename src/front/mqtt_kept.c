/* SPDX-License-Identifier: Apache-2.0
 *
 *      head            version (1), flags (1), zigzag seen, varint position, varint dup until,
 *                      varint next subscription, varint members, first packet id (2, big-endian),
 *                      varint count of flights, varint count of heard, then
 *        each flight   flags (1); when it is of an event, zigzag sequence minus that of the one
 *                      before, varint firing, varint subscription
 *        each heard    varint subscription, varint firing
 *        each waiting, to the end
 *                      varint subscription, varint after, varint topic bytes, topic
 *      subscription    version (1), flags (1), QoS (1), varint first sequence, filter
 *      will            version (1), flags (1), QoS (1), hash of the key (32), varint topic bytes,
 *                      topic, payload */
#include "front/mqtt_kept.h"

#include <stdlib.h>

#define VERSION 1

enum { HEAD_CONNECTED = 1, HEAD_CLEAN = 2 };
enum {
    FLIGHT_STATE = 3, /* enum mqtt_flight_state */
    FLIGHT_OF_EVENT = 4,
    FLIGHT_QOS_2 = 8,
};
enum { SUBSCRIPTION_SEALED = 1 };
enum { WILL_RETAIN = 1 };

static struct err read_version(struct cursor *c)
{
    uint8_t version;
    if (!cursor_read_u8(c, &version)) {
        return ERR(CORRUPT);
    }
    return version > VERSION ? ERR(STORE_FORMAT_NEWER) : ERR(OK);
}

/* ---- the head ---- */

static void put_flight(struct buf *out, const struct mqtt_flight *flight, uint64_t *before)
{
    bool is_of_event = flight->sequence != 0;
    buf_put_byte(out, (uint8_t)(flight->state | (is_of_event ? FLIGHT_OF_EVENT : 0) |
                                (flight->qos == 2 ? FLIGHT_QOS_2 : 0)));
    if (is_of_event) {
        buf_put_zigzag(out, (int64_t)(flight->sequence - *before));
        buf_put_varint(out, flight->firing);
        buf_put_varint(out, flight->subscription);
        *before = flight->sequence;
    }
}

void mqtt_kept_put_head(struct buf *out, const struct mqtt_head *head)
{
    uint64_t before = head->position;
    buf_put_byte(out, VERSION);
    buf_put_byte(out, (uint8_t)((head->is_connected ? HEAD_CONNECTED : 0) |
                                (head->is_clean ? HEAD_CLEAN : 0)));
    buf_put_zigzag(out, head->seen_ms);
    buf_put_varint(out, head->position);
    buf_put_varint(out, head->dup_until);
    buf_put_varint(out, head->next_subscription);
    buf_put_varint(out, head->members);
    buf_put_u16be(out, head->first_id);
    buf_put_varint(out, head->flight_count);
    buf_put_varint(out, head->heard_count);
    for (uint32_t i = 0; i < head->flight_count; i++) {
        put_flight(out, &head->flights[i], &before);
    }
    for (uint32_t i = 0; i < head->heard_count; i++) {
        buf_put_varint(out, head->heard[i].subscription);
        buf_put_varint(out, head->heard[i].firing);
    }
    buf_put(out, buf_data(&head->waiting));
}

void mqtt_kept_put_waiting(struct buf *out, const struct mqtt_waiting *waiting)
{
    buf_put_varint(out, waiting->subscription);
    buf_put_varint(out, waiting->after);
    buf_put_varint(out, waiting->topic.bytes);
    buf_put(out, waiting->topic);
}

void mqtt_head_deinit(struct mqtt_head *head)
{
    free(head->flights);
    free(head->heard);
    buf_deinit(&head->waiting);
    *head = (struct mqtt_head){0};
}

static bool read_u32(struct cursor *c, uint32_t *value)
{
    uint64_t wide;
    bool is_read = cursor_read_varint(c, &wide) && wide <= UINT32_MAX;
    *value = is_read ? (uint32_t)wide : 0;
    return is_read;
}

bool mqtt_kept_next_waiting(struct cursor *c, struct mqtt_waiting *waiting)
{
    uint64_t topic_bytes;
    return read_u32(c, &waiting->subscription) && cursor_read_varint(c, &waiting->after) &&
           cursor_read_varint(c, &topic_bytes) && topic_bytes <= cursor_left(c) &&
           cursor_read_bytes(c, (size_t)topic_bytes, &waiting->topic);
}

static bool read_flight(struct cursor *c, struct mqtt_flight *flight, uint64_t *before)
{
    uint8_t flags;
    int64_t step;
    if (!cursor_read_u8(c, &flags) || (flags & FLIGHT_STATE) > MQTT_FLIGHT_DONE) {
        return false;
    }
    *flight = (struct mqtt_flight){
        .qos = flags & FLIGHT_QOS_2 ? 2 : 1,
        .state = flags & FLIGHT_STATE,
        .is_owed = (flags & FLIGHT_STATE) == MQTT_FLIGHT_SENT,
    };
    if ((flags & FLIGHT_OF_EVENT) == 0) {
        return true;
    }
    if (!cursor_read_zigzag(c, &step) || !read_u32(c, &flight->firing) ||
        !read_u32(c, &flight->subscription)) {
        return false;
    }
    flight->sequence = *before = *before + (uint64_t)step;
    return flight->sequence != 0;
}

static bool read_fields(struct cursor *c, struct mqtt_head *head)
{
    uint8_t flags;
    bool is_read = cursor_read_u8(c, &flags) && cursor_read_zigzag(c, &head->seen_ms) &&
                   cursor_read_varint(c, &head->position) &&
                   cursor_read_varint(c, &head->dup_until) &&
                   read_u32(c, &head->next_subscription) && read_u32(c, &head->members) &&
                   cursor_read_u16be(c, &head->first_id) && read_u32(c, &head->flight_count) &&
                   read_u32(c, &head->heard_count);
    head->is_connected = is_read && (flags & HEAD_CONNECTED) != 0;
    head->is_clean = is_read && (flags & HEAD_CLEAN) != 0;
    /* Each takes a byte at least. */
    return is_read && head->flight_count <= cursor_left(c) && head->heard_count <= cursor_left(c);
}

static bool read_lists(struct cursor *c, struct mqtt_head *head)
{
    uint64_t before = head->position;
    bool is_read = true;
    for (uint32_t i = 0; i < head->flight_count && is_read; i++) {
        is_read = read_flight(c, &head->flights[i], &before);
    }
    for (uint32_t i = 0; i < head->heard_count && is_read; i++) {
        is_read = read_u32(c, &head->heard[i].subscription) && read_u32(c, &head->heard[i].firing);
    }
    struct mqtt_waiting waiting;
    buf_put(&head->waiting, slice_of(c->at, cursor_left(c)));
    while (is_read && !cursor_at_end(c)) {
        is_read = mqtt_kept_next_waiting(c, &waiting);
    }
    return is_read;
}

struct err mqtt_kept_read_head(struct slice bytes, struct mqtt_head *head)
{
    struct cursor c = cursor_over(bytes);
    *head = (struct mqtt_head){0};
    TRY(read_version(&c));
    if (!read_fields(&c, head)) {
        return ERR(CORRUPT);
    }
    /* One more, so that no size is 0. */
    head->flights = calloc((size_t)head->flight_count + 1, sizeof(head->flights[0]));
    head->heard = calloc((size_t)head->heard_count + 1, sizeof(head->heard[0]));
    struct err err = ERR(OK);
    if (head->flights == NULL || head->heard == NULL) {
        err = ERR(NO_MEMORY);
    } else if (!read_lists(&c, head)) {
        err = ERR(CORRUPT);
    } else if (head->waiting.failed) {
        err = ERR(NO_MEMORY);
    }
    if (err_is_set(err)) {
        mqtt_head_deinit(head);
    }
    return err;
}

/* ---- a subscription ---- */

void mqtt_kept_put_subscription(struct buf *out, const struct mqtt_kept_subscription *kept)
{
    buf_put_byte(out, VERSION);
    buf_put_byte(out, kept->is_sealed ? SUBSCRIPTION_SEALED : 0);
    buf_put_byte(out, kept->qos);
    buf_put_varint(out, kept->first_sequence);
    buf_put(out, kept->filter);
}

struct err mqtt_kept_read_subscription(struct slice bytes, struct mqtt_kept_subscription *kept)
{
    struct cursor c = cursor_over(bytes);
    uint8_t flags;
    TRY(read_version(&c));
    if (!cursor_read_u8(&c, &flags) || !cursor_read_u8(&c, &kept->qos) || kept->qos > 2 ||
        !cursor_read_varint(&c, &kept->first_sequence) ||
        !cursor_read_bytes(&c, cursor_left(&c), &kept->filter)) {
        return ERR(CORRUPT);
    }
    kept->is_sealed = (flags & SUBSCRIPTION_SEALED) != 0;
    return ERR(OK);
}

/* ---- a will ---- */

void mqtt_kept_put_will(struct buf *out, const struct mqtt_kept_will *will)
{
    buf_put_byte(out, VERSION);
    buf_put_byte(out, will->retain ? WILL_RETAIN : 0);
    buf_put_byte(out, will->qos);
    buf_put_bytes(out, will->key_hash, KEY_HASH_BYTES);
    buf_put_varint(out, will->topic.bytes);
    buf_put(out, will->topic);
    buf_put(out, will->payload);
}

struct err mqtt_kept_read_will(struct slice bytes, struct mqtt_kept_will *will)
{
    struct cursor c = cursor_over(bytes);
    uint8_t flags;
    uint64_t topic_bytes;
    struct slice hash;
    TRY(read_version(&c));
    if (!cursor_read_u8(&c, &flags) || !cursor_read_u8(&c, &will->qos) || will->qos > 2 ||
        !cursor_read_bytes(&c, KEY_HASH_BYTES, &hash) || !cursor_read_varint(&c, &topic_bytes) ||
        topic_bytes > cursor_left(&c) ||
        !cursor_read_bytes(&c, (size_t)topic_bytes, &will->topic) ||
        !cursor_read_bytes(&c, cursor_left(&c), &will->payload)) {
        return ERR(CORRUPT);
    }
    memcpy(will->key_hash, hash.at, KEY_HASH_BYTES);
    will->retain = (flags & WILL_RETAIN) != 0;
    return ERR(OK);
}
