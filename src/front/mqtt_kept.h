/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_kept.h - what is kept of a session with "clean session 0" [MQTT-3.1.2-4], as entries of
 * store/sessions.h and back: its head, its will, and a subscription each. */
#ifndef THRUM_FRONT_MQTT_KEPT_H
#define THRUM_FRONT_MQTT_KEPT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "front/mqtt_window.h"
#include "model/event.h"

/* A subscription that has been sent its message of the event at which the session stands. */
struct mqtt_heard {
    uint32_t subscription; /* the number of its entry */
    uint32_t firing;       /* the last of the event's topics (fire.h) that it had */
};

/* A subscription that is still to be sent retained messages. */
struct mqtt_waiting {
    uint32_t subscription; /* the number of its entry */
    uint64_t after;        /* those of events up to this one */
    struct slice topic;    /* and of topics behind this one */
};

struct mqtt_head {
    bool is_connected;  /* or was, until the daemon ended */
    bool is_clean;      /* "clean session 1": kept for its will alone */
    int64_t seen_ms;    /* when it was last known to be connected */
    uint64_t position;  /* the event to go on with; earlier ones have been sent, or are flights */
    uint64_t dup_until; /* an event up to this one may have been sent without a word about it here:
                           the daemon ended while the client was connected. 0: none */
    uint32_t next_subscription;
    uint32_t members;  /* of a shared subscription (share.h): how many are kept */
    uint16_t first_id; /* the packet id of the first flight; those behind have the next ids */
    uint32_t flight_count;
    uint32_t heard_count;
    struct mqtt_flight *flights; /* in the order of their packet ids */
    struct mqtt_heard *heard;    /* of the event at <position> */
    struct buf waiting;          /* struct mqtt_waiting, as mqtt_kept_put_waiting writes it */
};

void mqtt_head_deinit(struct mqtt_head *head);

void mqtt_kept_put_head(struct buf *out, const struct mqtt_head *head);

void mqtt_kept_put_waiting(struct buf *out, const struct mqtt_waiting *waiting);

/* The next of a head's; false behind the last. The topic lies in the bytes. */
bool mqtt_kept_next_waiting(struct cursor *c, struct mqtt_waiting *waiting);

/* To be deinited when ERR_OK. All flights that have been sent are owed. ERR_CORRUPT;
 * ERR_STORE_FORMAT_NEWER: a later version has written it; ERR_NO_MEMORY. */
MUST_USE struct err mqtt_kept_read_head(struct slice bytes, struct mqtt_head *head);

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

/* A will: published when the client has gone without DISCONNECT, with the rights of the key that it
 * had connected with. */
struct mqtt_kept_will {
    uint8_t key_hash[KEY_HASH_BYTES];
    uint8_t qos;
    bool retain;
    struct slice topic;
    struct slice payload;
};

void mqtt_kept_put_will(struct buf *out, const struct mqtt_kept_will *will);

/* Topic and payload lie in <bytes>. ERR_CORRUPT, ERR_STORE_FORMAT_NEWER. */
MUST_USE struct err mqtt_kept_read_will(struct slice bytes, struct mqtt_kept_will *will);

#endif
