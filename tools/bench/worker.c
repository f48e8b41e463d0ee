/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "base/assert.h"
#include "base/clock.h"
#include "dial.h"
#include "wire.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A packet must fit; larger than any window of small messages, so one read takes all there is. */
#define READ_BYTES (256 * 1024)
#define EVENTS_MAX 256
/* A quarter of DIAL_KEEPALIVE_S: a silent connection is pinged. */
#define PING_AFTER_NS ((int64_t)30e9)

/* A closed loop in which nothing has moved for so long has lost messages: count them, go on. */
#define STALL_NS ((int64_t)5e9)
#define DRAIN_NS ((int64_t)10e9)

enum role { ROLE_PUBLISHER, ROLE_SUBSCRIBER };

struct conn {
    int fd;
    enum role role;
    bool is_queued;       /* in worker->queue */
    bool awaits_writable; /* EPOLLOUT is armed */
    unsigned index;
    struct slice topic; /* in topic_text, of a subscriber in its publisher's */
    struct buf topic_text;
    struct conn *publisher; /* of a subscriber: whose messages it gets; not owned */
    struct buf in;          /* the cut-off packet at the end of the last read */
    struct buf out;         /* what the socket has not taken yet */
    int64_t written_ns;
    uint64_t received; /* subscriber: the counter it expects next */

    /* A publisher only. Counters run from 0; message n has its time at ring[n & ring_mask]. */
    uint64_t sent;
    uint64_t acked;
    uint64_t delivered; /* by all its subscribers together */
    uint64_t fence;     /* QoS 0 ingest: `sent` at the last PINGREQ, 0 when none is under way */
    uint64_t share;     /* messages to send in all, UINT64_MAX when the clock decides */
    unsigned subscribers;
    int64_t *ring;
    uint64_t ring_mask;
};

struct worker {
    const struct options *options;
    unsigned first;
    unsigned publishers;
    unsigned conns_count;
    struct conn *conns; /* publishers first */
    int *deaf; /* sockets of subscribers that nobody reads; options->deaf of the first worker */
    unsigned deaf_count;
    struct conn **queue; /* those to write to in this turn */
    unsigned queue_count;
    int epoll_fd;
    bool is_measuring;
    bool is_draining; /* the run is over; what is on its way may still arrive */
    int64_t now_ns;
    int64_t wall_ms;
    int64_t moved_ns; /* when an answer or a delivery last arrived */
    uint64_t planned; /* paced: messages planned so far */
    int64_t start_ns;
    uint8_t *bytes; /* READ_BYTES, shared by all reads */
    struct buf payload;
    struct result result;
};

/* ---------------------------------------------------------------- set up */

static unsigned subscribers_of_run(const struct options *options, unsigned publishers)
{
    switch (options->mode) {
    case MODE_INGEST:
        return 0;
    case MODE_FANOUT:
        return options->subscribers;
    case MODE_PAIRS:
        return publishers;
    case MODE_PACED:
        return publishers < options->subscribers ? options->subscribers : publishers;
    }
    UNREACHABLE();
}

static void *must_calloc(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);
    if (memory == NULL) {
        die("out of memory");
    }
    return memory;
}

static void publisher_init(struct worker *w, struct conn *conn, unsigned local)
{
    const struct options *options = w->options;
    uint64_t places = 2;
    while (places <= options->window) {
        places *= 2;
    }
    conn->role = ROLE_PUBLISHER;
    conn->index = w->first + local;
    conn->topic_text.bytes_max = UINT16_MAX;
    options_put_topic(options, &conn->topic_text, conn->index);
    if (conn->topic_text.failed) {
        die("the topic does not fit into a packet");
    }
    conn->topic = buf_data(&conn->topic_text);
    conn->ring = must_calloc(places, sizeof(conn->ring[0]));
    conn->ring_mask = places - 1;
    conn->share = UINT64_MAX;
    if (options->count != 0) {
        conn->share = options->count / options->publishers +
                      (conn->index < options->count % options->publishers ? 1 : 0);
    }
}

struct worker *worker_new(const struct options *options, unsigned first, unsigned publishers)
{
    struct worker *w = must_calloc(1, sizeof(*w));
    unsigned subscribers = subscribers_of_run(options, publishers);
    w->options = options;
    w->first = first;
    w->publishers = publishers;
    w->conns_count = publishers + subscribers;
    w->conns = must_calloc(w->conns_count, sizeof(w->conns[0]));
    w->queue = must_calloc(w->conns_count, sizeof(struct conn *));
    w->bytes = must_calloc(1, READ_BYTES);
    w->payload.bytes_max = PAYLOAD_BYTES_MAX;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll_fd == -1) {
        die("epoll_create1: %s", strerror(errno));
    }
    for (unsigned i = 0; i < w->conns_count; i++) {
        struct conn *conn = &w->conns[i];
        conn->fd = -1;
        if (i < publishers) {
            publisher_init(w, conn, i);
            continue;
        }
        conn->role = ROLE_SUBSCRIBER;
        conn->index = first + i - publishers;
        conn->publisher = &w->conns[(i - publishers) % publishers];
        conn->topic = conn->publisher->topic;
        conn->publisher->subscribers++;
    }
    return w;
}

void worker_free(struct worker *w)
{
    if (w == NULL) {
        return;
    }
    for (unsigned i = 0; i < w->conns_count; i++) {
        struct conn *conn = &w->conns[i];
        if (conn->fd != -1) {
            close(conn->fd);
        }
        buf_deinit(&conn->in);
        buf_deinit(&conn->out);
        buf_deinit(&conn->topic_text);
        free(conn->ring);
    }
    for (unsigned i = 0; i < w->deaf_count; i++) {
        close(w->deaf[i]);
    }
    free(w->deaf);
    close(w->epoll_fd);
    buf_deinit(&w->payload);
    free(w->bytes);
    free(w->queue);
    free(w->conns);
    free(w);
}

const struct result *worker_result(const struct worker *w)
{
    return &w->result;
}

/* ---------------------------------------------------------------- connecting; blocking */

static void conn_open(struct worker *w, struct conn *conn)
{
    char id[64];
    int id_bytes = snprintf(id, sizeof(id), "load-%d-%s-%u", (int)getpid(),
                            conn->role == ROLE_PUBLISHER ? "p" : "s", conn->index);
    conn->fd = dial_open(w->options, slice_of(id, (size_t)id_bytes));
    if (conn->role == ROLE_SUBSCRIBER) {
        dial_subscribe(conn->fd, conn->topic, w->options->qos);
    }
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = conn}};
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) == -1) {
        die("epoll_ctl: %s", strerror(errno));
    }
}

static void open_deaf(struct worker *w)
{
    unsigned count = w->first == 0 ? w->options->deaf : 0;
    w->deaf = must_calloc((size_t)count + 1, sizeof(w->deaf[0]));
    for (unsigned i = 0; i < count; i++) {
        char id[64];
        int bytes = snprintf(id, sizeof(id), "load-%d-d-%u", (int)getpid(), i);
        w->deaf[i] = dial_open(w->options, slice_of(id, (size_t)bytes));
        dial_subscribe(w->deaf[i], w->conns[i % w->publishers].topic, w->options->qos);
        w->deaf_count++;
    }
}

void worker_connect(struct worker *w)
{
    open_deaf(w);
    /* Subscribers first: they are behind the publishers in the array. */
    for (unsigned i = w->conns_count; i-- > 0;) {
        conn_open(w, &w->conns[i]);
    }
}

/* ---------------------------------------------------------------- writing */

static void enqueue(struct worker *w, struct conn *conn)
{
    if (!conn->is_queued) {
        conn->is_queued = true;
        w->queue[w->queue_count++] = conn;
    }
}

/* How many of a publisher's messages are on their way. */
static uint64_t outstanding(const struct worker *w, const struct conn *conn)
{
    uint64_t done = conn->sent;
    if (w->options->qos != 0 || w->options->mode == MODE_INGEST) {
        done = conn->acked;
    }
    if (conn->subscribers != 0) {
        uint64_t delivered = conn->delivered / conn->subscribers;
        done = delivered < done ? delivered : done;
    }
    return conn->sent - done;
}

static void put_message(struct worker *w, struct conn *conn)
{
    buf_reset(&w->payload);
    options_put_payload(w->options, &w->payload, conn->sent, w->wall_ms);
    /* Ids 1 to 65535 in turn: the ring then finds a message by its id as well (see take_puback). */
    uint16_t id = (uint16_t)(conn->sent % UINT16_MAX + 1);
    wire_put_publish(&conn->out, conn->topic, w->options->qos, id, buf_data(&w->payload));
    if (conn->out.failed || w->payload.failed) {
        die("a message does not fit into memory or a packet");
    }
    conn->ring[conn->sent & conn->ring_mask] = w->now_ns;
    conn->sent++;
}

static void fill_to(struct worker *w, struct conn *conn, uint64_t window)
{
    for (uint64_t used = outstanding(w, conn); used < window && conn->sent < conn->share; used++) {
        put_message(w, conn);
    }
}

/* Fills the publisher's window. Where nothing acknowledges (QoS 0 ingest) a PINGREQ is the fence
 * behind which the broker has read everything; it goes after half a window, so that the other half
 * keeps the broker busy while the answer travels. */
static void fill_window(struct worker *w, struct conn *conn)
{
    if (w->options->qos == 0 && w->options->mode == MODE_INGEST && conn->fence == 0) {
        if (conn->sent == conn->acked) {
            fill_to(w, conn, (w->options->window + 1) / 2);
        }
        if (conn->sent != conn->acked) {
            conn->fence = conn->sent;
            wire_put_pingreq(&conn->out);
        }
    }
    fill_to(w, conn, w->options->window);
}

static void watch_writable(struct worker *w, struct conn *conn, bool on)
{
    if (conn->awaits_writable == on) {
        return;
    }
    conn->awaits_writable = on;
    struct epoll_event event = {.events = EPOLLIN | (on ? (uint32_t)EPOLLOUT : 0),
                                .data = {.ptr = conn}};
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) == -1) {
        die("epoll_ctl: %s", strerror(errno));
    }
}

static void flush(struct worker *w, struct conn *conn)
{
    struct slice bytes = buf_data(&conn->out);
    if (bytes.bytes == 0) {
        return;
    }
    ssize_t sent = send(conn->fd, bytes.at, bytes.bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == -1 && errno != EAGAIN && errno != EINTR) {
        die("connection %u: %s", conn->index, strerror(errno));
    }
    conn->written_ns = w->now_ns;
    if (sent == (ssize_t)bytes.bytes) {
        buf_reset(&conn->out);
        watch_writable(w, conn, false);
        return;
    }
    buf_consume(&conn->out, sent > 0 ? (size_t)sent : 0);
    watch_writable(w, conn, true);
}

static void serve_queue(struct worker *w)
{
    for (unsigned i = 0; i < w->queue_count; i++) {
        struct conn *conn = w->queue[i];
        conn->is_queued = false;
        if (conn->role == ROLE_PUBLISHER && w->options->mode != MODE_PACED && !w->is_draining &&
            buf_bytes(&conn->out) == 0) {
            fill_window(w, conn);
        }
        flush(w, conn);
    }
    w->queue_count = 0;
}

/* ---------------------------------------------------------------- reading */

static void take_puback(struct worker *w, struct conn *conn, uint16_t id)
{
    /* Acknowledgements come in order ([MQTT-4.6.0-2]); the id says whether this one did. */
    if (conn->acked == conn->sent || id != (uint16_t)(conn->acked % UINT16_MAX + 1)) {
        die("connection %u: PUBACK for id %u out of order", conn->index, id);
    }
    if (w->is_measuring) {
        histogram_record(&w->result.ack,
                         (uint64_t)(w->now_ns - conn->ring[conn->acked & conn->ring_mask]));
        w->result.acked++;
    }
    conn->acked++;
    enqueue(w, conn);
}

static void take_pingresp(struct worker *w, struct conn *conn)
{
    if (conn->fence == 0) {
        return;
    }
    w->result.acked += w->is_measuring ? conn->fence - conn->acked : 0;
    conn->acked = conn->fence;
    conn->fence = 0;
    enqueue(w, conn);
}

static void take_delivery(struct worker *w, struct conn *conn, const struct wire_packet *packet)
{
    struct conn *publisher = conn->publisher;
    uint64_t counter = conn->received;
    if (packet->qos != 0) {
        wire_put_puback(&conn->out, packet->id);
        enqueue(w, conn);
    }
    if (w->options->is_counted && !options_read_counter(w->options, packet->payload, &counter)) {
        die("no counter in what was delivered: %.*s", SLICE_ARGS(packet->payload));
    }
    if (counter < conn->received) {
        w->result.repeated++;
        return;
    }
    if (counter >= publisher->sent) {
        die("delivered before it was sent: %.*s", SLICE_ARGS(packet->payload));
    }
    w->result.lost += counter - conn->received;
    publisher->delivered += counter + 1 - conn->received;
    conn->received = counter + 1;
    if (w->is_measuring) {
        w->result.delivered++;
        if (publisher->sent - counter <= publisher->ring_mask + 1) {
            int64_t sent_ns = publisher->ring[counter & publisher->ring_mask];
            histogram_record(&w->result.delivery, (uint64_t)(w->now_ns - sent_ns));
        }
    }
    enqueue(w, publisher);
}

static void take_packet(struct worker *w, struct conn *conn, const struct wire_packet *packet)
{
    const bool is_publisher = conn->role == ROLE_PUBLISHER;
    w->moved_ns = w->now_ns;
    if (packet->type == WIRE_PUBACK && is_publisher) {
        take_puback(w, conn, packet->id);
    } else if (packet->type == WIRE_PUBLISH && !is_publisher) {
        take_delivery(w, conn, packet);
    } else if (packet->type == WIRE_PINGRESP) {
        take_pingresp(w, conn);
    } else {
        die("connection %u: unexpected packet type %d", conn->index, packet->type);
    }
}

static void conn_readable(struct worker *w, struct conn *conn)
{
    struct slice kept = buf_data(&conn->in);
    if (kept.bytes != 0) {
        memcpy(w->bytes, kept.at, kept.bytes);
        buf_reset(&conn->in);
    }
    ssize_t got = recv(conn->fd, w->bytes + kept.bytes, READ_BYTES - kept.bytes, MSG_DONTWAIT);
    if (got == 0 || (got == -1 && errno != EAGAIN && errno != EINTR)) {
        die("connection %u (%.*s): closed by the broker%s%s", conn->index, SLICE_ARGS(conn->topic),
            got == 0 ? "" : ": ", got == 0 ? "" : strerror(errno));
    }
    struct cursor cursor =
        cursor_over(slice_of(w->bytes, kept.bytes + (got > 0 ? (size_t)got : 0)));
    struct wire_packet packet;
    enum wire_result read;
    while ((read = wire_read(&cursor, &packet)) == WIRE_DONE) {
        take_packet(w, conn, &packet);
    }
    if (read == WIRE_BAD || cursor_left(&cursor) == READ_BYTES) {
        die("connection %u: malformed packet", conn->index);
    }
    buf_put_bytes(&conn->in, cursor.at, cursor_left(&cursor));
    if (conn->in.failed) {
        die("out of memory");
    }
}

/* ---------------------------------------------------------------- the run */

/* Hands out all messages whose moment has come, round the publishers. */
static void plan_due(struct worker *w)
{
    const struct options *options = w->options;
    double rate = options->rate * w->publishers / options->publishers;
    uint64_t due = (uint64_t)((double)(w->now_ns - w->start_ns) * rate / 1e9);
    for (unsigned tries = 0; w->planned < due; w->planned++) {
        struct conn *conn = &w->conns[w->planned % w->publishers];
        if (outstanding(w, conn) >= options->window) {
            w->result.held++;
            return; /* the plan stands still, and `lag` shows it */
        }
        if (w->is_measuring) {
            double planned_ns = (double)w->start_ns + (double)w->planned / rate * 1e9;
            histogram_record(&w->result.lag, (uint64_t)fmax((double)w->now_ns - planned_ns, 0));
            w->result.sent++;
        }
        put_message(w, conn);
        enqueue(w, conn);
        if (++tries == EVENTS_MAX) {
            return; /* look at the sockets in between */
        }
    }
}

/* Keeps silent connections alive, and a closed loop going that has lost messages. */
static void look_after(struct worker *w)
{
    for (unsigned i = 0; i < w->conns_count; i++) {
        struct conn *conn = &w->conns[i];
        if (w->now_ns - conn->written_ns > PING_AFTER_NS && conn->fence == 0) {
            wire_put_pingreq(&conn->out);
            conn->written_ns = w->now_ns;
            enqueue(w, conn);
        }
    }
    if (w->now_ns - w->moved_ns < STALL_NS || w->options->mode == MODE_PACED) {
        return;
    }
    w->moved_ns = w->now_ns;
    for (unsigned i = 0; i < w->conns_count; i++) {
        struct conn *conn = &w->conns[i];
        struct conn *publisher = conn->role == ROLE_PUBLISHER ? conn : conn->publisher;
        if (conn == publisher && w->options->qos != 0 && conn->acked != conn->sent) {
            die("connection %u: no PUBACK for %.0f s", conn->index, (double)STALL_NS / 1e9);
        }
        if (conn != publisher) {
            w->result.lost += publisher->sent - conn->received;
            publisher->delivered += publisher->sent - conn->received;
            conn->received = publisher->sent;
        }
        enqueue(w, publisher);
    }
}

static bool is_complete(const struct worker *w)
{
    for (unsigned i = 0; i < w->publishers; i++) {
        const struct conn *conn = &w->conns[i];
        if (conn->sent < conn->share || outstanding(w, conn) != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t sum_sent(const struct worker *w)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < w->publishers; i++) {
        sum += w->conns[i].sent;
    }
    return sum;
}

static void turn(struct worker *w)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = w->options->mode == MODE_PACED ? w->options->tick_ns : (int64_t)1e8;
    const struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int count = epoll_pwait2(w->epoll_fd, events, EVENTS_MAX, &wait, NULL);
    if (count == -1 && errno != EINTR) {
        die("epoll_pwait2: %s", strerror(errno));
    }
    if (w->options->pause_ns != 0 && w->options->mode != MODE_PACED) {
        const struct timespec pause = {.tv_nsec = w->options->pause_ns};
        (void)nanosleep(&pause, NULL);
    }
    w->now_ns = clock_monotonic_ns();
    w->wall_ms = clock_wall_ms();
    for (int i = 0; i < count; i++) {
        struct conn *conn = events[i].data.ptr;
        if (events[i].events & (uint32_t)~EPOLLOUT) {
            conn_readable(w, conn);
        }
        if (events[i].events & EPOLLOUT) {
            enqueue(w, conn);
        }
    }
    if (w->options->mode == MODE_PACED && !w->is_draining) {
        plan_due(w);
    }
    serve_queue(w);
}

/* Waits for what is under way, so that nothing of this run reaches the next one's subscribers, and
 * so that a loss at the very end is seen. */
static void drain(struct worker *w)
{
    int64_t until_ns = w->now_ns + DRAIN_NS;
    w->is_measuring = false;
    w->is_draining = true;
    for (unsigned i = 0; i < w->publishers; i++) {
        struct conn *conn = &w->conns[i];
        conn->share = conn->sent;
        /* An unfenced rest of a QoS 0 ingest gets its fence. */
        if (w->options->qos == 0 && w->options->mode == MODE_INGEST && conn->sent != conn->acked) {
            conn->fence = conn->sent;
            wire_put_pingreq(&conn->out);
            enqueue(w, conn);
        }
    }
    serve_queue(w);
    while (!is_complete(w) && w->now_ns < until_ns) {
        turn(w);
    }
    for (unsigned i = 0; i < w->publishers; i++) {
        w->result.lost += outstanding(w, &w->conns[i]);
    }
}

void worker_run(struct worker *w, int64_t start_ns)
{
    const struct options *options = w->options;
    const bool is_counted = options->count != 0;
    int64_t warmup_ns = is_counted ? 0 : options->warmup_ns;
    int64_t end_ns = is_counted ? INT64_MAX : start_ns + warmup_ns + options->seconds_ns;
    int64_t measured_from_ns = 0;
    int64_t looked_ns = start_ns;
    uint64_t sent_before = 0;
    prctl(PR_SET_TIMERSLACK, 1L); /* this thread's waits end when they should */
    w->start_ns = w->now_ns = w->moved_ns = start_ns;
    w->wall_ms = clock_wall_ms();
    for (unsigned i = 0; i < w->conns_count; i++) {
        w->conns[i].written_ns = start_ns;
        enqueue(w, &w->conns[i]);
    }
    serve_queue(w);
    while (w->now_ns < end_ns && !(is_counted && is_complete(w))) {
        if (!w->is_measuring && w->now_ns - start_ns >= warmup_ns) {
            w->is_measuring = true;
            measured_from_ns = w->now_ns;
            sent_before = is_counted ? 0 : sum_sent(w);
        }
        turn(w);
        if (w->now_ns - looked_ns > (int64_t)1e9) {
            looked_ns = w->now_ns;
            look_after(w);
            serve_queue(w);
        }
    }
    w->result.span_ns = w->now_ns - measured_from_ns;
    w->result.sent = sum_sent(w) - sent_before;
    drain(w);
}
