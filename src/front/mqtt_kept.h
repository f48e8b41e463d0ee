/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_kept.h - what is kept of a session with "clean session 0" [MQTT-3.1.2-4], as entries of
 * store/sessions.h and back: its head, and a subscription each. */
#ifndef THRUM_FRONT_MQTT_KEPT_H
#define THRUM_FRONT_MQTT_KEPT_H

#include "base/buf.h"
#include "base/err.h"

/* A message that has been sent and not acknowledged, or acknowledged before one that was sent
 * earlier. */
struct mqtt_flight {
    uint64_t sequence;     /* its event; 0: a present state, or history, which are not sent again */
    uint32_t firing;       /* which of the event's topics (fire.h) */
    uint32_t subscription; /* the number of its entry */
    bool is_acked;
};

struct mqtt_head {
    bool is_connected; /* or was, until the daemon ended */
    int64_t seen_ms;   /* when it was last known to be connected */
    uint64_t cursor;   /* the event to go on with: of the first flight, or the next one */
    uint32_t next_subscription;
    uint16_t first_id; /* the packet id of the first flight; those behind have the next ids */
    uint32_t flight_count;
};

/* Writes the head with its flights, which are in the order of their packet ids. */
void mqtt_kept_put_head(struct buf *out, const struct mqtt_head *head,
                        const struct mqtt_flight *flights);

/* Reads a head; *flights is made for head->flight_count of them, the caller's to free (NULL: there
 * are none). ERR_CORRUPT; ERR_STORE_FORMAT_NEWER: a later version has written it; ERR_NO_MEMORY. */
MUST_USE struct err mqtt_kept_read_head(struct slice bytes, struct mqtt_head *head,
                                        struct mqtt_flight **flights);

struct mqtt_kept_subscription {
    uint8_t qos;             /* granted */
    uint64_t first_sequence; /* of the first event that is for it */
    bool is_sealed;          /* the filter, which has a token in it, is encrypted */
    struct slice filter;
};

void mqtt_kept_put_subscription(struct buf *out, const struct mqtt_kept_subscription *kept);

/* The filter lies in <bytes>. ERR_CORRUPT, ERR_STORE_FORMAT_NEWER. */
MUST_USE struct err mqtt_kept_read_subscription(struct slice bytes,
                                                struct mqtt_kept_subscription *kept);

#endif
