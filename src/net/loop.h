/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - the event loop: one per core, one thread each, and what it does in one turn.
 *
 *        +--> poll            sleep until a socket is ready, a timer is due or somebody wakes us
 *        |    on_turn_start   hook: the front drains the event ring here, before it reads anything,
 *        |                    so that an answer that is committed leaves before new work enters
 *        |    inbox           messages of other threads, in the order of each sender
 *        |    sockets         tasks deferred before, then sockets that are ready
 *        |    on_turn_end     hook: commands go to the engine, output leaves, one write a socket
 *        |    closes          what was closed in this turn is released, and its owner told
 *        +--- timers          what is due fires
 *
 * All batches are bounded: readiness by POLL_READY_MAX, messages and tasks by what was there when
 * their phase began. What is posted, deferred or closed later waits for the next turn, and the loop
 * does not sleep before it.
 *
 * Waking. The engine publishes a group in the event ring and calls loop_wake once for each loop.
 * One atomic word makes that cheap and safe:
 *
 *                 loop_wake                    loop_wake: and one write to an eventfd
 *        AWAKE ---------------> RUNG <----------------------------------------------- ASLEEP
 *          |  ^------------------'                                                      ^
 *          |     start of a turn                                                        |
 *          '----------------------------------------------------------------------------'
 *                     about to poll; from RUNG this fails, and the poll does not sleep
 *
 * Every change is an atomic exchange on that one word. So a waker comes either before the loop's
 * exchange at the start of its turn, and then the loop sees all that the waker wrote before; or
 * after it, and then the loop finds RUNG before it sleeps. No wake-up is lost, and a busy loop is
 * woken without a system call.
 *
 * Threads: one thread runs the loop and may call everything; loop_post, loop_wake and loop_stop are
 * for any thread. Memory of watches, tasks, timers and messages is the caller's. A struct loop
 * is aligned to CACHE_LINE_BYTES: allocate it with aligned_alloc, not with malloc. */
#ifndef THRUM_NET_LOOP_H
#define THRUM_NET_LOOP_H

#include "base/common.h"
#include "base/err.h"
#include "base/list.h"
#include "base/wheel.h"
#include "net/poll.h"

#include <stdatomic.h>

struct loop;

/* A message from another thread. The loop forgets it before <run> is called: it may be freed or
 * posted again in there. */
struct loop_message {
    struct loop_message *next;
    void (*run)(struct loop *loop, struct loop_message *message);
};

/* A file descriptor that the loop watches. <ready> gets bits of enum poll_event. */
struct loop_watch {
    void (*ready)(struct loop_watch *watch, unsigned events);
};

/* Work for the next sockets phase. All-zero, with <run> set, is a task not deferred. */
struct loop_task {
    struct link link;
    void (*run)(struct loop_task *task);
};

/* Called once in the closes phase; its memory may be freed in there. */
struct loop_closing {
    struct link link;
    void (*run)(struct loop_closing *closing);
};

struct loop_options {
    void *owner;                              /* for the hooks: loop->owner */
    void (*on_turn_start)(struct loop *loop); /* NULL: none */
    void (*on_turn_end)(struct loop *loop);   /* NULL: none */
};

struct loop {
    /* own: the loop's thread only */
    void *owner;
    void (*on_turn_start)(struct loop *loop);
    void (*on_turn_end)(struct loop *loop);
    int64_t now_ms; /* monotonic, taken after the poll */
    uint64_t turn_count;
    struct wheel wheel;
    struct link tasks;
    struct link closings;
    bool has_deferred; /* since the last poll: the next one must not sleep */
    struct poll poll;  /* wake_fd is written to by any thread */
    struct poll_ready ready[POLL_READY_MAX];

    /* shared: any thread */
    CACHE_ALIGNED _Atomic(struct loop_message *) inbox; /* newest first */
    CACHE_ALIGNED _Atomic uint32_t state;               /* AWAKE, RUNG, ASLEEP */
    _Atomic bool is_stopping;
};

/* ERR_IO: no file descriptors. On failure nothing is left to release. */
MUST_USE struct err loop_init(struct loop *loop, const struct loop_options *options);

/* No thread may run it, nor post to it, any more. Messages not yet run are forgotten. */
void loop_deinit(struct loop *loop);

/* Runs turns until loop_stop. SIGPIPE is blocked in the calling thread, because TLS writes through
 * plain write(2). */
void loop_run(struct loop *loop);

/* One turn, which may sleep up to <sleep_max_ms> (-1: until there is something to do). For tests,
 * and for emptying a loop after it was stopped. */
void loop_turn(struct loop *loop, int sleep_max_ms);

/* Any thread: the loop ends after its current turn. */
void loop_stop(struct loop *loop);

/* Any thread: <message> runs on the loop in its next turn. Never fails; what bounds the number of
 * messages under way is who allocates them. */
void loop_post(struct loop *loop, struct loop_message *message);

/* Any thread: the loop will begin another turn after this call. Once for a batch is enough. */
void loop_wake(struct loop *loop);

/* ---- the loop's thread only ---- */

/* Watches <fd>: edge-triggered for reading and writing (sockets), or level-triggered for reading
 * (listeners). ERR_IO. */
MUST_USE struct err loop_watch_edge(struct loop *loop, int fd, struct loop_watch *watch);
MUST_USE struct err loop_watch_level(struct loop *loop, int fd, struct loop_watch *watch);

/* Ends watching, before <fd> is closed. <watch> may still be called in this turn: so its memory
 * lives until the closes phase. */
void loop_unwatch(struct loop *loop, int fd);

/* Runs <task> in the next sockets phase, once, however often it is deferred before. Even when that
 * is the one of this turn, there is another turn at once: so a hook that has more to do can defer
 * until it is called again. */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_defer_cancel(struct loop_task *task);

/* Calls closing->run in the closes phase of this turn (of the next one when called by a timer or a
 * closing). */
void loop_close_later(struct loop *loop, struct loop_closing *closing);

/* Timers of this loop, by its clock. */
static inline void loop_arm(struct loop *loop, struct wheel_timer *timer, int64_t after_ms)
{
    wheel_arm(&loop->wheel, timer, loop->now_ms + after_ms);
}

static inline void loop_disarm(struct loop *loop, struct wheel_timer *timer)
{
    wheel_disarm(&loop->wheel, timer);
}

static inline int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

#endif
