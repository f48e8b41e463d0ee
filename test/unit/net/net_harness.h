/* SPDX-License-Identifier: Apache-2.0
 *
 * net_harness.h - what the tests of net share: a pair of connected TCP sockets, a loop that is
 * turned by hand until something has happened, and a small server side of a connection.
 *
 * Static functions only: each test program is one file. */
#ifndef THRUM_TEST_NET_HARNESS_H
#define THRUM_TEST_NET_HARNESS_H

#include "base/clock.h"
#include "net/sock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HARNESS_PATIENCE_MS 20000

/* Turns <loop> until <condition>; fails when it takes too long. */
#define TURN_UNTIL(loop, condition)                                        \
    do {                                                                   \
        int64_t deadline_ms_ = clock_monotonic_ms() + HARNESS_PATIENCE_MS; \
        while (!(condition)) {                                             \
            loop_turn((loop), 5);                                          \
            assert_true(clock_monotonic_ms() < deadline_ms_);              \
        }                                                                  \
    } while (0)

/* A blocking client and a non-blocking server end. */
__attribute__((unused)) static void tcp_pair(int *client, int *server)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(at);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &bytes), 0);
    *client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*client, (struct sockaddr *)&at, sizeof(at)), 0);
    *server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(*server >= 0);
    close(listener);
}

/* The server side of a connection, as the front would write it. */
struct end {
    struct sock sock;
    struct buf in;      /* all that was read */
    struct buf out;     /* not yet taken */
    size_t read_max;    /* bytes read in one callback; 0: all there are */
    size_t read_room;   /* bytes asked for at once; 0: 4096 */
    bool echoes;        /* what is read is written */
    bool is_paused;     /* does not read */
    bool closes_on_end; /* at SOCK_ENDED */
    bool has_ended;     /* SOCK_ENDED was seen */
    bool has_failed;    /* SOCK_FAILED was seen */
    int readable_count; /* callbacks */
    int writable_count;
    int closed_count;
    void (*after_read)(struct end *end); /* NULL: none */
};

__attribute__((unused)) static struct end *end_of(struct sock *sock)
{
    return CONTAINER_OF(sock, struct end, sock);
}

/* Writes what is in the out buffer; true when all is gone. Each piece is offered from memory of its
 * own, which is gone afterwards: a sock must not remember where bytes were. */
__attribute__((unused)) static bool end_flush(struct end *end)
{
    enum sock_answer answer = SOCK_DONE;
    while (answer == SOCK_DONE && buf_bytes(&end->out) > 0) {
        size_t bytes = min_size(buf_bytes(&end->out), 256u << 10);
        void *copy = malloc(bytes);
        memcpy(copy, buf_data(&end->out).at, bytes);
        struct iovec part = {.iov_base = copy, .iov_len = bytes};
        size_t taken;
        answer = sock_write(&end->sock, &part, 1, &taken);
        free(copy);
        buf_consume(&end->out, taken);
        assert_true((answer == SOCK_DONE) == (taken == bytes));
    }
    if (answer == SOCK_FAILED) {
        end->has_failed = true;
        sock_close(&end->sock);
    }
    return answer == SOCK_DONE;
}

static void end_on_readable(struct sock *sock)
{
    struct end *end = end_of(sock);
    static uint8_t room[65536];
    end->readable_count++;
    size_t total = 0;
    while (!end->is_paused && !sock_is_closed(sock)) {
        size_t got;
        size_t ask = end->read_room ? end->read_room : 4096;
        enum sock_answer answer = sock_read(sock, room, ask, &got);
        if (answer == SOCK_WAIT) {
            break;
        }
        if (answer != SOCK_DONE) {
            end->has_ended |= answer == SOCK_ENDED;
            end->has_failed |= answer == SOCK_FAILED;
            if (answer == SOCK_FAILED || end->closes_on_end) {
                sock_close(sock);
            }
            break;
        }
        buf_put_bytes(&end->in, room, got);
        if (end->echoes) {
            buf_put_bytes(&end->out, room, got);
        }
        total += got;
        if (end->read_max != 0 && total >= end->read_max) {
            sock_read_later(sock);
            break;
        }
    }
    if (buf_bytes(&end->out) > 0 && !end->is_paused && !sock_is_closed(sock)) {
        (void)end_flush(end);
    }
    if (end->after_read != NULL) {
        end->after_read(end);
    }
}

static void end_on_writable(struct sock *sock)
{
    end_of(sock)->writable_count++;
    (void)end_flush(end_of(sock));
}

static void end_on_closed(struct sock *sock)
{
    end_of(sock)->closed_count++;
}

static const struct sock_events end_events = {end_on_readable, end_on_writable, end_on_closed};

__attribute__((unused)) static void end_open(struct end *end, struct loop *loop, int fd,
                                             enum sock_tls tls, struct tls_context *context)
{
    struct sock_options options = {
        .fd = fd, .tls = tls, .tls_context = context, .events = &end_events};
    assert_false(err_is_set(sock_open(&end->sock, loop, &options)));
}

/* Closes it, when it is open, and waits for the callback. */
__attribute__((unused)) static void end_finish(struct end *end, struct loop *loop)
{
    sock_close(&end->sock);
    TURN_UNTIL(loop, end->closed_count > 0);
    loop_turn(loop, 0);
    assert_int_equal(end->closed_count, 1);
    buf_deinit(&end->in);
    buf_deinit(&end->out);
}

__attribute__((unused)) static bool end_has(const struct end *end, const char *text)
{
    return slice_equal(buf_data(&end->in), slice_of_text(text));
}

/* <bytes> of a pattern in which no stretch repeats soon. */
__attribute__((unused)) static void put_pattern(struct buf *out, size_t bytes)
{
    uint64_t word = 88172645463325252u;
    for (size_t i = 0; i < bytes; i += sizeof(word)) {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        buf_put_bytes(out, &word, min_size(sizeof(word), bytes - i));
    }
}

/* Writes all to a blocking fd. */
__attribute__((unused)) static void write_blocking(int fd, const void *at, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = send(fd, at, bytes, MSG_NOSIGNAL);
        assert_true(done > 0);
        at = (const char *)at + done;
        bytes -= (size_t)done;
    }
}

static int harness_loop_open(struct loop *loop)
{
    struct loop_options options = {0};
    return err_is_set(loop_init(loop, &options)) ? -1 : 0;
}

#endif
