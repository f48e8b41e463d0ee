/* SPDX-License-Identifier: Apache-2.0
 *
 *      head            version (1), flags (1), zigzag seen, varint cursor, varint next
 * subscription, first packet id (2, big-endian), varint count, then each flight: flags (1); when it
 * is of an event, zigzag sequence minus that of the one before, varint firing, varint subscription
 *      subscription    version (1), flags (1), QoS (1), varint first sequence, filter */
#include "front/mqtt_kept.h"

#include "base/cursor.h"

#include <stdlib.h>

#define VERSION 1

enum { HEAD_CONNECTED = 1 };
enum { FLIGHT_ACKED = 1, FLIGHT_OF_EVENT = 2 };
enum { SUBSCRIPTION_SEALED = 1 };

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
    buf_put_byte(out, (uint8_t)((flight->is_acked ? FLIGHT_ACKED : 0) |
                                (is_of_event ? FLIGHT_OF_EVENT : 0)));
    if (is_of_event) {
        buf_put_zigzag(out, (int64_t)(flight->sequence - *before));
        buf_put_varint(out, flight->firing);
        buf_put_varint(out, flight->subscription);
        *before = flight->sequence;
    }
}

void mqtt_kept_put_head(struct buf *out, const struct mqtt_head *head,
                        const struct mqtt_flight *flights)
{
    uint64_t before = head->cursor;
    buf_put_byte(out, VERSION);
    buf_put_byte(out, head->is_connected ? HEAD_CONNECTED : 0);
    buf_put_zigzag(out, head->seen_ms);
    buf_put_varint(out, head->cursor);
    buf_put_varint(out, head->next_subscription);
    buf_put_u16be(out, head->first_id);
    buf_put_varint(out, head->flight_count);
    for (uint32_t i = 0; i < head->flight_count; i++) {
        put_flight(out, &flights[i], &before);
    }
}

static bool read_u32(struct cursor *c, uint32_t *value)
{
    uint64_t wide;
    bool is_read = cursor_read_varint(c, &wide) && wide <= UINT32_MAX;
    *value = is_read ? (uint32_t)wide : 0;
    return is_read;
}

static bool read_flight(struct cursor *c, struct mqtt_flight *flight, uint64_t *before)
{
    uint8_t flags;
    int64_t step;
    if (!cursor_read_u8(c, &flags)) {
        return false;
    }
    *flight = (struct mqtt_flight){.is_acked = (flags & FLIGHT_ACKED) != 0};
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
                   cursor_read_varint(c, &head->cursor) && read_u32(c, &head->next_subscription) &&
                   cursor_read_u16be(c, &head->first_id) && read_u32(c, &head->flight_count);
    head->is_connected = is_read && (flags & HEAD_CONNECTED) != 0;
    /* Each takes a byte at least. */
    return is_read && head->flight_count <= cursor_left(c);
}

struct err mqtt_kept_read_head(struct slice bytes, struct mqtt_head *head,
                               struct mqtt_flight **flights)
{
    struct cursor c = cursor_over(bytes);
    *flights = NULL;
    TRY(read_version(&c));
    if (!read_fields(&c, head)) {
        return ERR(CORRUPT);
    }
    if (head->flight_count == 0) {
        return ERR(OK);
    }
    struct mqtt_flight *made = calloc(head->flight_count, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    uint64_t before = head->cursor;
    for (uint32_t i = 0; i < head->flight_count; i++) {
        if (!read_flight(&c, &made[i], &before)) {
            free(made);
            return ERR(CORRUPT);
        }
    }
    *flights = made;
    return ERR(OK);
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
