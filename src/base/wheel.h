/* SPDX-License-Identifier: Apache-2.0
 *
 * wheel.h - a timer wheel: many timers that are armed and disarmed all the time and seldom fire.
 *
 * That is what the timers of connections do: each message pushes a keep-alive forward. So arming
 * and disarming are O(1), and time is coarse: a timer never fires before its deadline, and at most
 * WHEEL_TICK_MS late (as long as wheel_advance is called in time).
 *
 * Seven levels of 64 slots; a tick number is written in digits of 6 bits, and a timer lies at the
 * level of the highest digit in which its tick differs from the current one:
 *
 *      level 0   the next 64 ticks            4 s     fires from here
 *      level 1   the next 64 x 64 ticks     4.4 min   each slot is dealt out to level 0 when its
 *      level 2   ...                        4.7 h     time comes; and so on upwards
 *      level 6   8,900 years: later deadlines are cut to that
 *
 * Timers are intrusive and belong to the caller; all-zero is a timer that is not armed. The wheel
 * is owned by one thread and reads no clock: its time is handed in.
 *
 *      struct wheel_timer t = {.fire = on_keepalive_over};
 *      wheel_arm(&wheel, &t, now_ms + 30000); */
#ifndef THRUM_BASE_WHEEL_H
#define THRUM_BASE_WHEEL_H

#include "base/common.h"
#include "base/list.h"

#define WHEEL_TICK_MS 64
#define WHEEL_LEVELS 7
#define WHEEL_SLOTS 64

/* What wheel_next_due_ms answers when no timer is armed. */
#define WHEEL_NEVER_MS INT64_MAX

struct wheel_timer {
    struct link link;
    /* Called once when the deadline has passed. The timer is disarmed by then: it may be armed
     * again, or freed, in here. Any other timer may be armed or disarmed, too. */
    void (*fire)(struct wheel_timer *timer);
    int64_t deadline_ms;
    uint16_t place; /* level * WHEEL_SLOTS + slot while it lies in the wheel */
};

struct wheel {
    uint64_t tick;                   /* all ticks up to this one have been dealt with */
    uint64_t occupied[WHEEL_LEVELS]; /* a bit per slot that holds timers */
    struct link slots[WHEEL_LEVELS][WHEEL_SLOTS];
    size_t count; /* armed timers */
};

/* An empty wheel whose time is <now_ms>: any clock that never goes back, from 0 on. */
void wheel_init(struct wheel *wheel, int64_t now_ms);

/* Arms <timer>, or moves it when it is armed already. A deadline that has passed fires with the
 * next tick, never at once. timer->fire must be set. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline_ms);

/* Disarms; nothing happens when it is not armed. */
void wheel_disarm(struct wheel *wheel, struct wheel_timer *timer);

/* Fires all timers due at <now_ms>, in the order of their ticks. Time that goes back is ignored. */
void wheel_advance(struct wheel *wheel, int64_t now_ms);

/* When wheel_advance has to be called next; no timer is due before. It may have only dealing out to
 * do then. WHEEL_NEVER_MS when nothing is armed. */
int64_t wheel_next_due_ms(const struct wheel *wheel);

static inline bool wheel_timer_is_armed(const struct wheel_timer *timer)
{
    return link_is_in_list(&timer->link);
}

#endif
