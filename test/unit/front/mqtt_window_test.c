/* SPDX-License-Identifier: Apache-2.0
 *
 * The window beside a plain list: pushes, acknowledgements in any order, flights that are owed. */
#include "front/mqtt_window.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_MAX 20
#define STEPS 20000

/* All that was ever pushed, oldest first. */
static struct {
    uint16_t id;
    uint64_t sequence;
    bool is_done;
} model[STEPS];
static uint32_t model_first;
static uint32_t model_count;

static void push(struct mqtt_window *window)
{
    uint32_t in_flight = model_count - model_first;
    uint16_t id = mqtt_window_push(
        window, &(struct mqtt_flight){.sequence = model_count + 1, .qos = 1}, COUNT_MAX);
    assert_int_equal(id != 0, in_flight < COUNT_MAX);
    if (id != 0) {
        assert_int_equal(id, (window->first_id - 1u + in_flight) % 65535 + 1);
        model[model_count].id = id;
        model[model_count].sequence = model_count + 1;
        model_count++;
    }
}

static void acknowledge(struct mqtt_window *window, uint32_t at)
{
    struct mqtt_flight *flight = mqtt_window_find(window, model[at].id);
    assert_int_equal(flight != NULL, !model[at].is_done);
    if (flight != NULL) {
        assert_int_equal(flight->sequence, model[at].sequence);
        mqtt_window_done(window, flight);
        model[at].is_done = true;
    }
    while (model_first < model_count && model[model_first].is_done) {
        model_first++;
    }
    assert_int_equal(window->count, model_count - model_first);
}

static void test_it_does_what_a_list_does(void **state)
{
    (void)state;
    struct mqtt_window window = {.first_id = 65530}; /* ids begin anew behind 65,535 */
    struct rand rand;
    rand_seed(&rand, 3);
    for (unsigned step = 0; step < STEPS; step++) {
        if (rand_below(&rand, 2) == 0 || model_first == model_count) {
            push(&window);
        } else {
            uint32_t in_flight = model_count - model_first;
            acknowledge(&window, model_first + (uint32_t)rand_below(&rand, in_flight));
        }
    }
    assert_true(model_count > 1000);
    assert_null(mqtt_window_find(&window, 0));
    assert_null(mqtt_window_find(&window, mqtt_window_id(&window, window.count)));
    mqtt_window_deinit(&window);
}

static struct mqtt_window owing(uint32_t count)
{
    struct mqtt_window window = {.first_id = 7};
    for (uint32_t i = 0; i < count; i++) {
        const struct mqtt_flight flight = {
            .sequence = 10 + i / 2, .firing = 1, .subscription = i % 2, .is_owed = true};
        assert_int_equal(mqtt_window_push(&window, &flight, UINT32_MAX), 7 + i);
    }
    return window;
}

static void test_what_is_owed_is_found_once(void **state)
{
    (void)state;
    struct mqtt_window window = owing(40);
    for (uint32_t i = 0; i < 40; i++) {
        const struct mqtt_flight wanted = {
            .sequence = 10 + i / 2, .firing = 1, .subscription = i % 2};
        struct mqtt_flight other = wanted;
        uint32_t index = 99;
        other.firing = 2;
        assert_null(mqtt_window_owed(&window, &other, &index));
        struct mqtt_flight *flight = mqtt_window_owed(&window, &wanted, &index);
        assert_non_null(flight);
        assert_int_equal(index, i);
        mqtt_window_paid(&window, flight);
        assert_null(mqtt_window_owed(&window, &wanted, &index));
    }
    assert_int_equal(window.owed, 0);
    assert_int_equal(window.count, 40); /* sent again, and awaited */
    mqtt_window_deinit(&window);
}

static void test_acknowledged_while_owed_is_paid(void **state)
{
    (void)state;
    struct mqtt_window window = owing(4);
    mqtt_window_done(&window, mqtt_window_find(&window, 7));
    mqtt_window_done(&window, mqtt_window_find(&window, 9));
    assert_int_equal(window.owed, 2);
    assert_int_equal(window.count, 3);
    assert_int_equal(window.first_id, 8);
    const struct mqtt_flight wanted = {.sequence = 10, .firing = 1, .subscription = 1};
    uint32_t index;
    assert_non_null(mqtt_window_owed(&window, &wanted, &index));
    assert_int_equal(index, 0);
    mqtt_window_deinit(&window);
}

static void test_what_is_passed_over_leaves(void **state)
{
    (void)state;
    struct mqtt_window window = owing(6); /* of the events 10, 10, 11, 11, 12, 12 */
    uint32_t index;
    const struct mqtt_flight second = {.sequence = 10, .firing = 1, .subscription = 1};
    mqtt_window_paid(&window, mqtt_window_owed(&window, &second, &index));
    assert_false(mqtt_window_drop_owed(&window, 10));
    assert_true(mqtt_window_drop_owed(&window, 12));
    assert_int_equal(window.owed, 2);
    assert_int_equal(window.count, 5);
    assert_int_equal(window.first_id, 8); /* that was sent again */
    assert_true(mqtt_window_drop_owed(&window, UINT64_MAX));
    assert_int_equal(window.owed, 0);
    mqtt_window_done(&window, mqtt_window_find(&window, 8));
    assert_int_equal(window.count, 0);
    mqtt_window_deinit(&window);
}

static void test_restored_it_is_as_it_was_kept(void **state)
{
    (void)state;
    const struct mqtt_flight kept[] = {
        {.sequence = 0, .state = MQTT_FLIGHT_SENT, .is_owed = true}, /* a present state */
        {.sequence = 40, .state = MQTT_FLIGHT_DONE},
        {.sequence = 41, .state = MQTT_FLIGHT_SENT, .is_owed = true},
        {.sequence = 42, .state = MQTT_FLIGHT_RELEASED},
        {.sequence = 0, .state = MQTT_FLIGHT_SENT, .is_owed = true},
    };
    struct mqtt_window window = {0};
    assert_true(mqtt_window_restore(&window, 65535, kept, 5));
    assert_int_equal(window.count, 3);
    assert_int_equal(window.first_id, 2);
    assert_int_equal(window.owed, 1);
    assert_int_equal(mqtt_window_first_owed(&window, 100), 41);
    assert_int_equal(mqtt_window_first_owed(&window, 30), 30);
    assert_int_equal(mqtt_window_find(&window, 3)->state, MQTT_FLIGHT_RELEASED);
    assert_null(mqtt_window_find(&window, 4));
    mqtt_window_deinit(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_does_what_a_list_does),
        cmocka_unit_test(test_what_is_owed_is_found_once),
        cmocka_unit_test(test_acknowledged_while_owed_is_paid),
        cmocka_unit_test(test_what_is_passed_over_leaves),
        cmocka_unit_test(test_restored_it_is_as_it_was_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
