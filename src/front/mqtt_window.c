/* SPDX-License-Identifier: Apache-2.0 */
#include "front/mqtt_window.h"

#include "base/assert.h"

#include <stdlib.h>

/* Packet ids are 1 .. 65,535. */
#define IDS 65535u

#define ROOM_FIRST 8

void mqtt_window_deinit(struct mqtt_window *window)
{
    free(window->flights);
    *window = (struct mqtt_window){0};
}

struct mqtt_flight *mqtt_window_at(const struct mqtt_window *window, uint32_t index)
{
    ASSERT(index < window->count);
    return &window->flights[(window->head + index) & (window->room - 1)];
}

uint16_t mqtt_window_id(const struct mqtt_window *window, uint32_t index)
{
    return (uint16_t)((window->first_id - 1u + index) % IDS + 1);
}

static bool grow(struct mqtt_window *window)
{
    uint32_t room = window->room > 0 ? window->room * 2 : ROOM_FIRST;
    struct mqtt_flight *flights = calloc(room, sizeof(*flights));
    if (flights == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < window->count; i++) {
        flights[i] = *mqtt_window_at(window, i);
    }
    free(window->flights);
    window->flights = flights;
    window->room = room;
    window->owed_from -= window->head;
    window->head = 0;
    return true;
}

uint16_t mqtt_window_push(struct mqtt_window *window, const struct mqtt_flight *flight,
                          uint32_t count_max)
{
    if (window->count >= count_max || (window->count == window->room && !grow(window))) {
        return 0;
    }
    window->first_id = window->first_id != 0 ? window->first_id : 1;
    window->count++;
    *mqtt_window_at(window, window->count - 1) = *flight;
    if (flight->is_owed && window->owed++ == 0) {
        window->owed_from = window->head + window->count - 1;
    }
    return mqtt_window_id(window, window->count - 1);
}

struct mqtt_flight *mqtt_window_find(const struct mqtt_window *window, uint16_t id)
{
    uint32_t index = (id + IDS - window->first_id) % IDS;
    if (id == 0 || index >= window->count) {
        return NULL;
    }
    struct mqtt_flight *flight = mqtt_window_at(window, index);
    return flight->state == MQTT_FLIGHT_DONE ? NULL : flight;
}

static void move_past_done(struct mqtt_window *window)
{
    while (window->count > 0 && mqtt_window_at(window, 0)->state == MQTT_FLIGHT_DONE) {
        window->head++;
        window->count--;
        window->first_id = (uint16_t)(window->first_id % IDS + 1);
    }
}

void mqtt_window_paid(struct mqtt_window *window, struct mqtt_flight *flight)
{
    window->owed -= flight->is_owed;
    flight->is_owed = false;
}

void mqtt_window_done(struct mqtt_window *window, struct mqtt_flight *flight)
{
    mqtt_window_paid(window, flight);
    flight->state = MQTT_FLIGHT_DONE;
    move_past_done(window);
}

/* The index of the first that may be owed. */
static uint32_t owed_from(struct mqtt_window *window)
{
    uint32_t index = 0;
    if (window->owed_from - window->head < window->count) {
        index = window->owed_from - window->head;
    }
    while (window->owed > 0 && !mqtt_window_at(window, index)->is_owed) {
        index++;
    }
    window->owed_from = window->head + index;
    return index;
}

struct mqtt_flight *mqtt_window_owed(struct mqtt_window *window, const struct mqtt_flight *wanted,
                                     uint32_t *index)
{
    for (uint32_t i = owed_from(window); i < window->count && window->owed > 0; i++) {
        struct mqtt_flight *flight = mqtt_window_at(window, i);
        if (flight->is_owed && flight->sequence == wanted->sequence &&
            flight->firing == wanted->firing && flight->subscription == wanted->subscription) {
            *index = i;
            return flight;
        }
    }
    return NULL;
}

bool mqtt_window_drop_owed(struct mqtt_window *window, uint64_t sequence)
{
    bool has_dropped = false;
    for (uint32_t i = owed_from(window); i < window->count && window->owed > 0; i++) {
        struct mqtt_flight *flight = mqtt_window_at(window, i);
        if (flight->is_owed && flight->sequence < sequence) {
            mqtt_window_paid(window, flight);
            flight->state = MQTT_FLIGHT_DONE;
            has_dropped = true;
        }
    }
    move_past_done(window);
    return has_dropped;
}

bool mqtt_window_restore(struct mqtt_window *window, uint16_t first_id,
                         const struct mqtt_flight *flights, uint32_t count)
{
    window->first_id = first_id;
    for (uint32_t i = 0; i < count; i++) {
        struct mqtt_flight flight = flights[i];
        if (flight.sequence == 0 && flight.state == MQTT_FLIGHT_SENT) {
            flight.state = MQTT_FLIGHT_DONE; /* states are sent anew, as they are then */
            flight.is_owed = false;
        }
        if (mqtt_window_push(window, &flight, UINT32_MAX) == 0) {
            return false;
        }
    }
    move_past_done(window); /* it begins with one that is awaited */
    return true;
}

uint64_t mqtt_window_first_owed(const struct mqtt_window *window, uint64_t otherwise)
{
    uint64_t first = otherwise;
    for (uint32_t i = 0; i < window->count && window->owed > 0; i++) {
        const struct mqtt_flight *flight = mqtt_window_at(window, i);
        if (flight->is_owed && mqtt_flight_is_live(flight) && flight->sequence < first) {
            first = flight->sequence;
        }
    }
    return first;
}
