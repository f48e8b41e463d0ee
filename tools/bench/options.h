/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - what the load generator is asked to do, and the texts it makes from templates.
 *
 * Everything here lives as long as the process; nothing is freed. A wrong option ends the program
 * with a message and status 2: this is a tool at a terminal, not a library. */
#ifndef THRUM_BENCH_OPTIONS_H
#define THRUM_BENCH_OPTIONS_H

#include "base/buf.h"

#define PAYLOAD_BYTES_MAX 65536
#define WINDOW_MAX 16384
#define CONNECTIONS_MAX 60000
#define THREADS_MAX 16

enum mode { MODE_INGEST, MODE_PAIRS, MODE_FANOUT, MODE_PACED };

struct options {
    enum mode mode;
    const char *mode_name;
    const char *host;
    const char *port;
    struct slice user;
    struct slice password;
    unsigned publishers;  /* pairs and paced: as many subscribers */
    unsigned subscribers; /* fan-out; paced: when more than publishers, so many in all */
    unsigned deaf;        /* fan-out and paced: besides these, so many that never read */
    unsigned threads;
    unsigned window;
    uint8_t qos;
    double rate;      /* paced: messages a second, all publishers together */
    int64_t tick_ns;  /* paced: what is due within one tick leaves together */
    int64_t pause_ns; /* closed loops: rest between two turns, so that answers gather */
    int64_t seconds_ns;
    int64_t warmup_ns;
    uint64_t count;       /* all publishers together; 0: run for seconds_ns instead */
    const char *topic;    /* template; %d is the number of the publisher */
    struct slice *topics; /* or lines of a file, taken in turn */
    size_t topics_count;
    const char *payload; /* template; %d counts a publisher's messages, %t is the time in ms */
    bool is_counted;     /* the payload has %d: deliveries are checked for order and loss */
    struct slice marker; /* what precedes the counter in a delivered payload */
    bool json;
};

/* Ends the program with <format> on stderr and status 2. */
_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);

struct options options_parse(int argc, char **argv);

/* Appends the topic of publisher <index>. */
void options_put_topic(const struct options *options, struct buf *out, unsigned index);

/* Appends the payload with this counter and time. */
void options_put_payload(const struct options *options, struct buf *out, uint64_t counter,
                         int64_t wall_ms);

/* Finds the counter in a delivered payload; false when there is none. */
bool options_read_counter(const struct options *options, struct slice payload, uint64_t *counter);

#endif
