/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wheel.h"

#include "base/assert.h"

#define DIGIT_BITS 6
#define PLACE_NONE UINT16_MAX

_Static_assert(WHEEL_SLOTS == 1 << DIGIT_BITS, "a slot is a digit of the tick");
_Static_assert(WHEEL_SLOTS == 64, "a level's slots are the bits of a word");

/* The last tick that has a place: all digits are in use. */
#define TICK_MAX ((UINT64_C(1) << (DIGIT_BITS * WHEEL_LEVELS)) - 1)

static unsigned digit(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * DIGIT_BITS)) % WHEEL_SLOTS;
}

/* The first tick at which <ms> has passed. */
static uint64_t tick_after(int64_t ms)
{
    if (ms <= 0) {
        return 0;
    }
    uint64_t tick = ((uint64_t)ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
    return tick < TICK_MAX ? tick : TICK_MAX;
}

void wheel_init(struct wheel *wheel, int64_t now_ms)
{
    ASSERT(now_ms >= 0);
    *wheel = (struct wheel){.tick = (uint64_t)now_ms / WHEEL_TICK_MS};
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
            list_init(&wheel->slots[level][slot]);
        }
    }
}

/* Puts <timer> where a timer of <tick>, which lies ahead, belongs. */
static void place(struct wheel *wheel, struct wheel_timer *timer, uint64_t tick)
{
    ASSERT(tick > wheel->tick);
    unsigned highest_bit = 63 - (unsigned)__builtin_clzll(tick ^ wheel->tick);
    unsigned level = highest_bit / DIGIT_BITS;
    unsigned slot = digit(tick, level);
    ASSERT(level < WHEEL_LEVELS);
    list_push(&wheel->slots[level][slot], &timer->link);
    wheel->occupied[level] |= UINT64_C(1) << slot;
    timer->place = (uint16_t)(level * WHEEL_SLOTS + slot);
}

/* The tick at which <timer> fires, seen from now. */
static uint64_t tick_of(const struct wheel *wheel, const struct wheel_timer *timer)
{
    uint64_t tick = tick_after(timer->deadline_ms);
    return tick > wheel->tick ? tick : wheel->tick + 1;
}

static void unlink_timer(struct wheel *wheel, struct wheel_timer *timer)
{
    list_remove(&timer->link);
    wheel->count--;
    if (timer->place == PLACE_NONE) {
        return; /* among those that fire now */
    }
    unsigned level = timer->place / WHEEL_SLOTS;
    unsigned slot = timer->place % WHEEL_SLOTS;
    if (list_is_empty(&wheel->slots[level][slot])) {
        wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    }
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline_ms)
{
    ASSERT(timer->fire != NULL);
    if (wheel_timer_is_armed(timer)) {
        unlink_timer(wheel, timer);
    }
    timer->deadline_ms = deadline_ms;
    place(wheel, timer, tick_of(wheel, timer));
    wheel->count++;
}

void wheel_disarm(struct wheel *wheel, struct wheel_timer *timer)
{
    if (wheel_timer_is_armed(timer)) {
        unlink_timer(wheel, timer);
    }
}

/* The next tick at which something lies, UINT64_MAX when nothing does. Each level lies wholly
 * before the next one, and within a level all slots are ahead of the current digit: so the first
 * bit of the lowest level that has one is the earliest. */
static uint64_t tick_next(const struct wheel *wheel)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        if (wheel->occupied[level] != 0) {
            uint64_t slot = (uint64_t)__builtin_ctzll(wheel->occupied[level]);
            unsigned shift = level * DIGIT_BITS;
            uint64_t above = wheel->tick >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
            return above | slot << shift;
        }
    }
    return UINT64_MAX;
}

/* Takes a whole slot out of the wheel, as a list. */
static void take_slot(struct wheel *wheel, unsigned level, unsigned slot, struct link *list)
{
    list_init(list);
    list_move_all(list, &wheel->slots[level][slot]);
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    LIST_EACH (list, link, after) {
        LIST_ENTRY(link, struct wheel_timer, link)->place = PLACE_NONE;
    }
}

/* The tick has come to stand on the digit of <level>: its slot is dealt out to the levels below.
 * Timers of just this tick join <due>. */
static void deal_out(struct wheel *wheel, unsigned level, struct link *due)
{
    struct link list;
    take_slot(wheel, level, digit(wheel->tick, level), &list);
    LIST_EACH (&list, link, after) {
        struct wheel_timer *timer = LIST_ENTRY(link, struct wheel_timer, link);
        list_remove(link);
        uint64_t tick = tick_after(timer->deadline_ms);
        if (tick <= wheel->tick) {
            list_push(due, link);
        } else {
            place(wheel, timer, tick);
        }
    }
}

static void fire_all(struct wheel *wheel, struct link *due)
{
    /* A callback may disarm any other timer, also one in this list: so from the front, one by one.
     */
    while (!list_is_empty(due)) {
        struct wheel_timer *timer = LIST_ENTRY(due->next, struct wheel_timer, link);
        ASSERT(timer->place == PLACE_NONE);
        list_remove(&timer->link);
        wheel->count--;
        timer->fire(timer);
    }
}

void wheel_advance(struct wheel *wheel, int64_t now_ms)
{
    uint64_t target = now_ms > 0 ? (uint64_t)now_ms / WHEEL_TICK_MS : 0;
    target = target < TICK_MAX ? target : TICK_MAX;
    while (wheel->tick < target) {
        uint64_t next = tick_next(wheel);
        if (next > target) {
            wheel->tick = target;
            return;
        }
        ASSERT(next > wheel->tick);
        wheel->tick = next;
        struct link due;
        list_init(&due);
        for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
            if (wheel->occupied[level] & UINT64_C(1) << digit(wheel->tick, level)) {
                deal_out(wheel, level, &due);
            }
        }
        struct link now;
        take_slot(wheel, 0, digit(wheel->tick, 0), &now);
        list_move_all(&due, &now);
        fire_all(wheel, &due);
    }
}

int64_t wheel_next_due_ms(const struct wheel *wheel)
{
    uint64_t tick = tick_next(wheel);
    return tick == UINT64_MAX ? WHEEL_NEVER_MS : (int64_t)tick * WHEEL_TICK_MS;
}
