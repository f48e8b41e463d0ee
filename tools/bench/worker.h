/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.h - one thread of the load generator: its connections, its epoll, its figures.
 *
 * A worker owns a share of the publishers together with their subscribers, so nothing is shared
 * while it runs. worker_connect blocks until all are connected and subscribed; worker_run then
 * drives them without blocking until the time is over or the count is reached.
 *
 *     struct worker *w = worker_new(&options, first, publishers);
 *     worker_connect(w);            all workers, then a barrier
 *     worker_run(w, start_ns);
 *     ... worker_result(w) ...
 *     worker_free(w);                                                                            */
#ifndef THRUM_BENCH_WORKER_H
#define THRUM_BENCH_WORKER_H

#include "histogram.h"
#include "options.h"

/* Counts of the measured span only: without the warm-up. Durations in nanoseconds. */
struct result {
    int64_t span_ns;
    uint64_t sent;
    uint64_t acked;     /* PUBACKs; QoS 0 ingest: messages before an answered PINGREQ */
    uint64_t delivered; /* PUBLISH packets that reached a subscriber */
    uint64_t lost;      /* gaps in the counters of what a subscriber received, and give-ups */
    uint64_t repeated;  /* counters that a subscriber had already received */
    uint64_t held;      /* paced: times a message waited because its publisher's window was full */
    struct histogram ack;      /* from the message's write to its PUBACK */
    struct histogram delivery; /* from the message's write to its arrival at a subscriber */
    struct histogram lag;      /* paced: from the planned moment of a message to its write */
};

struct worker;

/* Publishers <first> to <first> + <publishers> - 1 of the whole run. */
struct worker *worker_new(const struct options *options, unsigned first, unsigned publishers);
void worker_free(struct worker *worker);

void worker_connect(struct worker *worker);
void worker_run(struct worker *worker, int64_t start_ns);

const struct result *worker_result(const struct worker *worker);

#endif
