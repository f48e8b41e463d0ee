/* SPDX-License-Identifier: Apache-2.0
 *
 * readers.h - a small pool of threads that read the store for those who must not wait: REST
 * queries, histories, catch-up of sessions, loading what a command needs.
 *
 * A job is the caller's memory; it is run once on some reader thread, and how its result travels
 * back is its own affair (loop_post, the command ring). */
#ifndef THRUM_STORE_READERS_H
#define THRUM_STORE_READERS_H

#include "base/workers.h"
#include "store/store.h"

struct readers;

/* What a job works with: its thread's own connection and scratch memory. */
struct reader {
    struct store *store;
    struct documents_reader *documents;
    struct samples samples;
    struct buf scratch;
    struct buf value;
};

struct reader_job {
    struct worker_job job; /* the pool's */
    void (*run)(struct reader *reader, struct reader_job *job);
};

/* Starts <threads> readers; at most <queue_max> jobs wait. */
MUST_USE struct err readers_start(struct store *store, unsigned threads, size_t queue_max,
                                  struct readers **readers);

/* False when the queue is full, or the pool is stopping, or there is none (NULL). Any thread. */
MUST_USE bool readers_submit(struct readers *readers, struct reader_job *job);

/* Runs what waits, then ends the threads. NULL is fine. */
void readers_stop(struct readers *readers);

#endif
