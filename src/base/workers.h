/* SPDX-License-Identifier: Apache-2.0
 *
 * workers.h - a small pool of threads for those who must not wait: jobs in the order in which they
 * were submitted, a bounded number of them waiting.
 *
 * A job is the caller's memory; it is run once on some thread of the pool, and how its result
 * travels back is its own affair (loop_post, the command ring). */
#ifndef THRUM_BASE_WORKERS_H
#define THRUM_BASE_WORKERS_H

#include "base/err.h"
#include "base/list.h"

struct workers;

struct worker_job {
    struct link link;
    /* <context> is that of the thread it runs on. */
    void (*run)(void *context, struct worker_job *job);
};

/* Starts <threads> threads; at most <queue_max> jobs wait. <contexts>: one for each thread, which
 * outlive the pool; NULL: none. */
MUST_USE struct err workers_start(unsigned threads, size_t queue_max, void *const *contexts,
                                  struct workers **workers);

/* False when the queue is full, or the pool is stopping, or there is none (NULL). Any thread. */
MUST_USE bool workers_submit(struct workers *workers, struct worker_job *job);

/* Runs what waits, then ends the threads. NULL is fine. */
void workers_stop(struct workers *workers);

#endif
