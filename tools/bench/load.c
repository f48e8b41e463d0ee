/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - an MQTT load generator that leaves the processor to the broker.
 *
 * It shares a small machine with what it measures, so it is one process with one epoll per thread
 * (one thread by default), one read and one write per connection and turn, and no allocation while
 * it runs. It drives a closed loop (a window per publisher) or a fixed rate, checks what arrives
 * for loss and order, and prints one line. `load --help` lists the options; run beside it
 * compares two brokers with it. */
#include "base/clock.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct thread {
    pthread_t id;
    struct worker *worker;
    pthread_barrier_t *connected;
};

/* All connect first and then start together. */
static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    worker_connect(thread->worker);
    pthread_barrier_wait(thread->connected);
    worker_run(thread->worker, clock_monotonic_ns());
    return NULL;
}

static void result_merge(struct result *into, const struct result *from)
{
    into->span_ns = max_i64(into->span_ns, from->span_ns);
    into->sent += from->sent;
    into->acked += from->acked;
    into->delivered += from->delivered;
    into->lost += from->lost;
    into->repeated += from->repeated;
    into->held += from->held;
    histogram_merge(&into->ack, &from->ack);
    histogram_merge(&into->delivery, &from->delivery);
    histogram_merge(&into->lag, &from->lag);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* One figure; the same list makes the line and the JSON object. */
static void put_figure(const struct options *options, struct buf *out, const char *name,
                       double value, int decimals)
{
    const char *gap = buf_bytes(out) == 0 ? "" : options->json ? "," : " ";
    buf_put_format(out, options->json ? "%s\"%s\":%.*f" : "%s%s=%.*f", gap, name, decimals, value);
}

static void put_latency(const struct options *options, struct buf *out, const char *name,
                        const struct histogram *h)
{
    static const struct {
        const char *name;
        double share;
    } points[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    for (unsigned i = 0; i < ARRAY_LEN(points) && h->count != 0; i++) {
        char full[64];
        snprintf(full, sizeof(full), "%s_%s_us", name, points[i].name);
        put_figure(options, out, full, (double)histogram_percentile(h, points[i].share) / 1e3, 1);
    }
}

static void print_result(const struct options *options, const struct result *r, double cpu)
{
    struct buf out = {0};
    double seconds = (double)r->span_ns / 1e9;
    uint64_t counted = options->mode == MODE_INGEST ? r->acked : r->delivered;
    put_figure(options, &out, "rate", (double)counted / seconds, 0);
    put_figure(options, &out, "seconds", seconds, 3);
    put_figure(options, &out, "qos", options->qos, 0);
    put_figure(options, &out, "publishers", options->publishers, 0);
    put_figure(options, &out, "window", options->window, 0);
    put_figure(options, &out, "sent", (double)r->sent, 0);
    put_figure(options, &out, "acked", (double)r->acked, 0);
    put_figure(options, &out, "delivered", (double)r->delivered, 0);
    put_figure(options, &out, "lost", (double)r->lost, 0);
    put_figure(options, &out, "repeated", (double)r->repeated, 0);
    put_figure(options, &out, "held", (double)r->held, 0);
    put_latency(options, &out, "ack", &r->ack);
    put_latency(options, &out, "delivery", &r->delivery);
    put_latency(options, &out, "lag", &r->lag);
    put_figure(options, &out, "cpu_cores", cpu / seconds, 2);
    printf(options->json ? "{\"mode\":\"%s\",%.*s}\n" : "mode=%s %.*s\n", options->mode_name,
           SLICE_ARGS(buf_data(&out)));
    buf_deinit(&out);
}

/* Room for every connection, as far as the hard limit goes. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* if not, connect says so */
    }
}

int main(int argc, char **argv)
{
    const struct options options = options_parse(argc, argv);
    struct thread threads[THREADS_MAX];
    pthread_barrier_t connected;
    raise_open_files();
    pthread_barrier_init(&connected, NULL, options.threads + 1);
    for (unsigned i = 0; i < options.threads; i++) {
        unsigned first = options.publishers * i / options.threads;
        unsigned behind = options.publishers * (i + 1) / options.threads;
        threads[i].connected = &connected;
        threads[i].worker = worker_new(&options, first, behind - first);
        int failed = pthread_create(&threads[i].id, NULL, thread_main, &threads[i]);
        if (failed != 0) {
            die("pthread_create: %s", strerror(failed));
        }
    }
    pthread_barrier_wait(&connected);
    double cpu_before = cpu_seconds();
    struct result *sum = calloc(1, sizeof(*sum));
    if (sum == NULL) {
        die("out of memory");
    }
    for (unsigned i = 0; i < options.threads; i++) {
        pthread_join(threads[i].id, NULL);
        result_merge(sum, worker_result(threads[i].worker));
    }
    double run_seconds = (double)sum->span_ns / 1e9;
    double warmup = options.count != 0 ? 0 : (double)options.warmup_ns / 1e9;
    print_result(&options, sum,
                 (cpu_seconds() - cpu_before) * run_seconds / (run_seconds + warmup));
    for (unsigned i = 0; i < options.threads; i++) {
        worker_free(threads[i].worker);
    }
    pthread_barrier_destroy(&connected);
    bool is_whole = sum->lost == 0;
    free(sum);
    return is_whole ? 0 : 1;
}
