/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "base/assert.h"
#include "base/clock.h"

#include <limits.h>
#include <signal.h>

enum { STATE_AWAKE, STATE_RUNG, STATE_ASLEEP };

struct err loop_init(struct loop *loop, const struct loop_options *options)
{
    *loop = (struct loop){
        .owner = options->owner,
        .on_turn_start = options->on_turn_start,
        .on_turn_end = options->on_turn_end,
        .now_ms = clock_monotonic_ms(),
    };
    wheel_init(&loop->wheel, loop->now_ms);
    list_init(&loop->tasks);
    list_init(&loop->closings);
    return poll_init(&loop->poll);
}

void loop_deinit(struct loop *loop)
{
    poll_deinit(&loop->poll);
}

/* ---- any thread ---- */

void loop_wake(struct loop *loop)
{
    if (atomic_exchange(&loop->state, STATE_RUNG) == STATE_ASLEEP) {
        poll_wake(&loop->poll);
    }
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    struct loop_message *newest = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        message->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &newest, message,
                                                    memory_order_release, memory_order_relaxed));
    loop_wake(loop);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    loop_wake(loop);
}

/* ---- one turn ---- */

/* How long the poll may sleep, at most <sleep_max_ms>. */
static int sleep_ms(const struct loop *loop, int sleep_max_ms)
{
    if (loop->has_deferred || !list_is_empty(&loop->closings)) {
        return 0;
    }
    int64_t due_ms = wheel_next_due_ms(&loop->wheel);
    if (due_ms == WHEEL_NEVER_MS) {
        return sleep_max_ms;
    }
    /* By the clock of now, not of the turn's start: the turn may have taken long. */
    int64_t left_ms = max_i64(due_ms - clock_monotonic_ms(), 0);
    left_ms = left_ms < INT_MAX ? left_ms : INT_MAX;
    return sleep_max_ms >= 0 && sleep_max_ms < left_ms ? sleep_max_ms : (int)left_ms;
}

static size_t poll_phase(struct loop *loop, int sleep_max_ms)
{
    int timeout_ms = sleep_ms(loop, sleep_max_ms);
    uint32_t awake = STATE_AWAKE;
    if (timeout_ms != 0 && !atomic_compare_exchange_strong(&loop->state, &awake, STATE_ASLEEP)) {
        ASSERT(awake == STATE_RUNG);
        timeout_ms = 0;
    }
    size_t count = poll_wait(&loop->poll, loop->ready, timeout_ms);
    loop->has_deferred = false;
    /* From here on whoever wakes us is seen in the next turn; who did before has written what we
     * are about to read. */
    atomic_exchange(&loop->state, STATE_AWAKE);
    loop->now_ms = clock_monotonic_ms();
    return count;
}

static void inbox_phase(struct loop *loop)
{
    /* A look first: the exchange writes to the line that all senders share. */
    if (atomic_load_explicit(&loop->inbox, memory_order_relaxed) == NULL) {
        return;
    }
    struct loop_message *newest = atomic_exchange(&loop->inbox, NULL);
    struct loop_message *oldest = NULL;
    while (newest != NULL) {
        struct loop_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct loop_message *message = oldest;
        oldest = message->next;
        message->next = NULL;
        message->run(loop, message);
    }
}

static void sockets_phase(struct loop *loop, size_t ready_count)
{
    struct link tasks;
    list_init(&tasks);
    list_move_all(&tasks, &loop->tasks);
    while (!list_is_empty(&tasks)) {
        struct loop_task *task = LIST_ENTRY(tasks.next, struct loop_task, link);
        list_remove(&task->link);
        task->run(task);
    }
    for (size_t i = 0; i < ready_count; i++) {
        loop->ready[i].watch->ready(loop->ready[i].watch, loop->ready[i].events);
    }
}

static void closes_phase(struct loop *loop)
{
    struct link closings;
    list_init(&closings);
    list_move_all(&closings, &loop->closings);
    while (!list_is_empty(&closings)) {
        struct loop_closing *closing = LIST_ENTRY(closings.next, struct loop_closing, link);
        list_remove(&closing->link);
        closing->run(closing);
    }
}

void loop_turn(struct loop *loop, int sleep_max_ms)
{
    size_t ready_count = poll_phase(loop, sleep_max_ms);
    loop->turn_count++;
    if (loop->on_turn_start != NULL) {
        loop->on_turn_start(loop);
    }
    inbox_phase(loop);
    sockets_phase(loop, ready_count);
    if (loop->on_turn_end != NULL) {
        loop->on_turn_end(loop);
    }
    closes_phase(loop);
    wheel_advance(&loop->wheel, loop->now_ms);
}

void loop_run(struct loop *loop)
{
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    while (!atomic_load(&loop->is_stopping)) {
        loop_turn(loop, -1);
    }
}

/* ---- the loop's thread ---- */

struct err loop_watch_edge(struct loop *loop, int fd, struct loop_watch *watch)
{
    return poll_add_edge(&loop->poll, fd, watch);
}

struct err loop_watch_level(struct loop *loop, int fd, struct loop_watch *watch)
{
    return poll_add_level(&loop->poll, fd, watch);
}

void loop_unwatch(struct loop *loop, int fd)
{
    poll_remove(&loop->poll, fd);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    ASSERT(task->run != NULL);
    loop->has_deferred = true;
    if (!link_is_in_list(&task->link)) {
        list_push(&loop->tasks, &task->link);
    }
}

void loop_defer_cancel(struct loop_task *task)
{
    list_remove(&task->link);
}

void loop_close_later(struct loop *loop, struct loop_closing *closing)
{
    ASSERT(closing->run != NULL);
    ASSERT(!link_is_in_list(&closing->link));
    list_push(&loop->closings, &closing->link);
}
