/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_window.h - the messages that a client was sent with QoS 1 or 2 and has not acknowledged.
 *
 * Packet ids are given out in order, so what is in flight is a run of consecutive ids, and an
 * acknowledgement finds its place by a subtraction. A ring that grows with what is in flight:
 * clients that read quickly cost little.
 *
 *      first_id
 *         |   done    sent   released   sent
 *         v  -----------------------------------> the next id
 *
 * Of a session that outlives its connection the flights are kept (mqtt_kept.h). When the client
 * comes back they are in flight again, each owed to it until it has been sent once more, under the
 * same id [MQTT-4.4.0-1]. */
#ifndef THRUM_FRONT_MQTT_WINDOW_H
#define THRUM_FRONT_MQTT_WINDOW_H

#include "base/common.h"

enum mqtt_flight_state {
    MQTT_FLIGHT_SENT,     /* the message; its acknowledgement is awaited */
    MQTT_FLIGHT_RELEASED, /* QoS 2: PUBREC has come, PUBREL was sent, PUBCOMP is awaited */
    MQTT_FLIGHT_DONE,     /* acknowledged, but one before it is not */
};

/* As <firing>: the retained message that the event has left. */
#define MQTT_FIRING_RETAINED UINT32_MAX

struct mqtt_flight {
    uint64_t sequence;     /* its event; 0: a present state, or history, which are not sent again */
    uint32_t firing;       /* which of the event's topics (fire.h), or MQTT_FIRING_RETAINED */
    uint32_t subscription; /* the number of its entry */
    uint8_t qos;
    uint8_t state;  /* enum mqtt_flight_state */
    bool is_owed;   /* sent on an earlier connection, and not yet on this one */
    uint64_t share; /* of a shared subscription: what share.h knows it by; else 0 */
};

struct mqtt_window {
    struct mqtt_flight *flights; /* a ring; NULL before the first */
    uint32_t room;               /* a power of two */
    uint32_t head;               /* place of the oldest; counts up, modulo the room */
    uint32_t count;
    uint32_t owed;      /* how many are owed, */
    uint32_t owed_from; /* none of them before this place */
    uint16_t first_id;  /* of the oldest; 0 before the first */
};

/* True when the walk over the journal comes to it: it is neither a state nor retained. */
static inline bool mqtt_flight_is_live(const struct mqtt_flight *flight)
{
    return flight->sequence != 0 && flight->firing != MQTT_FIRING_RETAINED;
}

void mqtt_window_deinit(struct mqtt_window *window);

/* Enters a message, and gives it a packet id; 0 when <count_max> are in flight, or without memory.
 */
uint16_t mqtt_window_push(struct mqtt_window *window, const struct mqtt_flight *flight,
                          uint32_t count_max);

/* The flight with that id, or NULL when it is not in flight. */
struct mqtt_flight *mqtt_window_find(const struct mqtt_window *window, uint16_t id);

/* The <index>th oldest, and its id. */
struct mqtt_flight *mqtt_window_at(const struct mqtt_window *window, uint32_t index);
uint16_t mqtt_window_id(const struct mqtt_window *window, uint32_t index);

/* It is acknowledged for good, or there is nothing to send any more: the window moves past all that
 * are. */
void mqtt_window_done(struct mqtt_window *window, struct mqtt_flight *flight);

/* The flight that is owed of this event, topic and subscription; *index is its place. NULL: none.
 */
struct mqtt_flight *mqtt_window_owed(struct mqtt_window *window, const struct mqtt_flight *wanted,
                                     uint32_t *index);

/* What was in flight, as mqtt_kept.h read it, is in flight again: <first_id> is the oldest one's.
 * Messages that are of no event are not sent again. False without memory. */
bool mqtt_window_restore(struct mqtt_window *window, uint16_t first_id,
                         const struct mqtt_flight *flights, uint32_t count);

/* The first event of which a message is owed; <otherwise> when it comes before that. */
uint64_t mqtt_window_first_owed(const struct mqtt_window *window, uint64_t otherwise);

/* It has been sent again. */
void mqtt_window_paid(struct mqtt_window *window, struct mqtt_flight *flight);

/* Those owed of events before <sequence> have nothing left that could be sent: their subscription
 * has ended, or what they told of may not be seen any more. True when there were any. */
bool mqtt_window_drop_owed(struct mqtt_window *window, uint64_t sequence);

#endif
