/* SPDX-License-Identifier: Apache-2.0
 *
 * The wheel against a dumb list of deadlines, and the promises of its header one by one. */
#include "base/wheel.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct item {
    struct wheel_timer timer;
    struct wheel *wheel;
    struct item *other; /* for callbacks that touch another timer */
    int64_t deadline_ms;
    int64_t armed_ms;
    int fired_count;
    bool is_armed;
};

static void on_fire(struct wheel_timer *timer)
{
    struct item *item = CONTAINER_OF(timer, struct item, timer);
    assert_true(item->is_armed);
    assert_false(wheel_timer_is_armed(timer));
    item->is_armed = false;
    item->fired_count++;
}

static struct item item_of(struct wheel *wheel)
{
    return (struct item){.timer = {.fire = on_fire}, .wheel = wheel};
}

static void arm(struct item *item, int64_t deadline_ms)
{
    item->is_armed = true;
    item->deadline_ms = deadline_ms;
    wheel_arm(item->wheel, &item->timer, deadline_ms);
}

static void test_fires_once_not_early_not_late(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 1000);
    for (int64_t after = 1; after < 400000; after = after * 3 / 2 + 1) {
        struct item item = item_of(&wheel);
        int64_t start = (int64_t)wheel.tick * WHEEL_TICK_MS;
        arm(&item, start + after);
        wheel_advance(&wheel, start + after - 1);
        assert_int_equal(item.fired_count, 0);
        wheel_advance(&wheel, start + after + WHEEL_TICK_MS);
        assert_int_equal(item.fired_count, 1);
        wheel_advance(&wheel, start + after + 1000000);
        assert_int_equal(item.fired_count, 1);
        assert_int_equal(wheel.count, 0);
    }
}

static void test_past_deadline_fires_with_the_next_tick(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 10000);
    struct item item = item_of(&wheel);
    arm(&item, 5);
    assert_int_equal(item.fired_count, 0);
    wheel_advance(&wheel, 10000);
    assert_int_equal(item.fired_count, 0);
    wheel_advance(&wheel, 10000 + WHEEL_TICK_MS);
    assert_int_equal(item.fired_count, 1);
}

static void test_disarm(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 0);
    struct item item = item_of(&wheel);
    wheel_disarm(&wheel, &item.timer); /* not armed: nothing happens */
    arm(&item, 100);
    assert_true(wheel_timer_is_armed(&item.timer));
    wheel_disarm(&wheel, &item.timer);
    wheel_disarm(&wheel, &item.timer);
    assert_false(wheel_timer_is_armed(&item.timer));
    assert_int_equal(wheel.count, 0);
    assert_true(wheel_next_due_ms(&wheel) == WHEEL_NEVER_MS);
    wheel_advance(&wheel, 10000);
    assert_int_equal(item.fired_count, 0);
}

static void test_arm_moves(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 0);
    struct item item = item_of(&wheel);
    arm(&item, 100);
    for (int64_t now = 0; now < 100000; now += 50) {
        arm(&item, now + 100); /* a keep-alive that goes on */
        wheel_advance(&wheel, now);
        assert_int_equal(wheel.count, 1);
    }
    assert_int_equal(item.fired_count, 0);
    wheel_advance(&wheel, 101000);
    assert_int_equal(item.fired_count, 1);
}

static void test_far_deadlines(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 0);
    struct item year = item_of(&wheel);
    struct item never = item_of(&wheel);
    const int64_t year_ms = INT64_C(365) * 24 * 3600 * 1000;
    arm(&year, year_ms);
    arm(&never, INT64_MAX);
    wheel_advance(&wheel, year_ms - 1);
    assert_int_equal(year.fired_count, 0);
    wheel_advance(&wheel, year_ms + WHEEL_TICK_MS);
    assert_int_equal(year.fired_count, 1);
    wheel_advance(&wheel, 1000 * year_ms);
    assert_int_equal(never.fired_count, 0);
}

static void test_time_that_goes_back_is_ignored(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 100000);
    struct item item = item_of(&wheel);
    arm(&item, 100200);
    wheel_advance(&wheel, 50);
    wheel_advance(&wheel, 100199);
    assert_int_equal(item.fired_count, 0);
    wheel_advance(&wheel, 100300);
    assert_int_equal(item.fired_count, 1);
}

static void fire_and_disarm_other(struct wheel_timer *timer)
{
    struct item *item = CONTAINER_OF(timer, struct item, timer);
    on_fire(timer);
    wheel_disarm(item->wheel, &item->other->timer);
    item->other->is_armed = false;
}

static void test_callback_disarms_one_due_with_it(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 0);
    struct item a = item_of(&wheel);
    struct item b = item_of(&wheel);
    a.timer.fire = b.timer.fire = fire_and_disarm_other;
    a.other = &b;
    b.other = &a;
    arm(&a, 100);
    arm(&b, 100);
    wheel_advance(&wheel, 1000);
    assert_int_equal(a.fired_count + b.fired_count, 1);
    assert_int_equal(wheel.count, 0);
    assert_true(wheel_next_due_ms(&wheel) == WHEEL_NEVER_MS);
}

static void fire_again(struct wheel_timer *timer)
{
    struct item *item = CONTAINER_OF(timer, struct item, timer);
    on_fire(timer);
    arm(item, 0); /* long past */
}

static void test_callback_arms_itself_again(void **state)
{
    (void)state;
    struct wheel wheel;
    wheel_init(&wheel, 0);
    struct item item = item_of(&wheel);
    item.timer.fire = fire_again;
    arm(&item, 1);
    wheel_advance(&wheel, 10 * WHEEL_TICK_MS);
    assert_int_equal(item.fired_count, 10); /* once a tick, no endless loop */
}

#define MODEL_COUNT 300

/* Nothing fires early, nothing is forgotten, and the next due time is never too late. */
static void check_model(const struct wheel *wheel, struct item *items, int64_t now, int64_t due)
{
    int64_t first = WHEEL_NEVER_MS;
    size_t armed = 0;
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        struct item *item = &items[i];
        if (item->is_armed) {
            armed++;
            assert_true(item->deadline_ms > now - WHEEL_TICK_MS || item->armed_ms == now);
            first = item->deadline_ms < first ? item->deadline_ms : first;
        } else if (item->fired_count > 0) {
            assert_true(item->deadline_ms <= now);
            item->fired_count = 0;
        }
    }
    assert_int_equal(wheel->count, armed);
    assert_true((armed == 0) == (due == WHEEL_NEVER_MS));
    if (armed > 0) {
        assert_true(due <= max_i64(first, now) + WHEEL_TICK_MS);
        assert_true(due > now - WHEEL_TICK_MS);
    }
}

static void test_random_against_a_list(void **state)
{
    (void)state;
    struct rand rand = {0};
    rand_seed(&rand, 7);
    struct wheel wheel;
    int64_t now = 123456;
    wheel_init(&wheel, now);
    static struct item items[MODEL_COUNT];
    for (size_t i = 0; i < MODEL_COUNT; i++) {
        items[i] = item_of(&wheel);
    }
    for (int round = 0; round < 20000; round++) {
        for (uint64_t n = rand_below(&rand, 4); n > 0; n--) {
            struct item *item = &items[rand_below(&rand, MODEL_COUNT)];
            if (rand_below(&rand, 4) == 0) {
                wheel_disarm(&wheel, &item->timer);
                item->is_armed = false;
                item->fired_count = 0;
            } else {
                item->fired_count = 0;
                item->armed_ms = now;
                arm(item, now + (int64_t)(rand_u64(&rand) >> (34 + rand_below(&rand, 30))));
            }
        }
        /* Mostly small steps, sometimes exactly to the next due time, now and then a long sleep. */
        uint64_t kind = rand_below(&rand, 100);
        int64_t due = wheel_next_due_ms(&wheel);
        if (kind == 0) {
            now += (int64_t)rand_below(&rand, 40000000);
        } else if (kind < 30 && due != WHEEL_NEVER_MS) {
            now = max_i64(now, due);
        } else {
            now += (int64_t)rand_below(&rand, 300);
        }
        wheel_advance(&wheel, now);
        check_model(&wheel, items, now, wheel_next_due_ms(&wheel));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_once_not_early_not_late),
        cmocka_unit_test(test_past_deadline_fires_with_the_next_tick),
        cmocka_unit_test(test_disarm),
        cmocka_unit_test(test_arm_moves),
        cmocka_unit_test(test_far_deadlines),
        cmocka_unit_test(test_time_that_goes_back_is_ignored),
        cmocka_unit_test(test_callback_disarms_one_due_with_it),
        cmocka_unit_test(test_callback_arms_itself_again),
        cmocka_unit_test(test_random_against_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
