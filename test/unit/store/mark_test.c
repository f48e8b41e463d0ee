/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks: nobody sleeps through one that moves, nobody is woken for nothing into a wrong answer. */
#include "store/mark.h"

#include "base/assert.h"
#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define STEP_COUNT 5000

static void a_mark_that_is_there_does_not_wait(void **state)
{
    (void)state;
    struct mark mark = {0};
    assert_true(mark_wait(&mark, 0, 0));
    assert_false(mark_wait(&mark, 1, 0));
    mark_set(&mark, 5);
    assert_int_equal(mark_get(&mark), 5);
    assert_true(mark_wait(&mark, 5, 0));
    assert_false(mark_wait(&mark, 6, 0));
}

static void waiting_ends_with_its_time(void **state)
{
    (void)state;
    struct mark mark = {0};
    int64_t start_ms = clock_monotonic_ms();
    assert_false(mark_wait(&mark, 1, 30));
    int64_t waited_ms = clock_monotonic_ms() - start_ms;
    assert_true(waited_ms >= 29 && waited_ms < 5000);
}

struct pair {
    struct mark there;
    struct mark back;
    uint64_t plain; /* handed over by the marks alone */
};

static void *echo(void *arg)
{
    struct pair *pair = arg;
    for (uint64_t i = 1; i <= STEP_COUNT; i++) {
        bool reached = mark_wait(&pair->there, i, 20000);
        ASSERT(reached && pair->plain == 2 * i - 1);
        pair->plain++;
        mark_set(&pair->back, i);
    }
    return NULL;
}

static void no_move_is_slept_through(void **state)
{
    (void)state;
    struct pair pair = {.plain = 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, echo, &pair), 0);
    for (uint64_t i = 1; i <= STEP_COUNT; i++) {
        pair.plain = 2 * i - 1;
        mark_set(&pair.there, i);
        assert_true(mark_wait(&pair.back, i, 20000));
        assert_int_equal(pair.plain, 2 * i);
    }
    pthread_join(thread, NULL);
}

static void *wait_far(void *arg)
{
    bool reached = mark_wait(arg, STEP_COUNT, 20000);
    ASSERT(reached && mark_get(arg) >= STEP_COUNT);
    return NULL;
}

static void all_waiters_wake(void **state)
{
    (void)state;
    struct mark mark = {0};
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_far, &mark), 0);
    }
    for (uint64_t i = 1; i <= STEP_COUNT; i++) {
        mark_set(&mark, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mark_that_is_there_does_not_wait),
        cmocka_unit_test(waiting_ends_with_its_time),
        cmocka_unit_test(no_move_is_slept_through),
        cmocka_unit_test(all_waiters_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
