/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wire.h"

#include "base/assert.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_RECEIVE_BYTES 16384

/* Waits until <fd> (-1: nothing but time) is ready for <events>. */
static struct err wait_for(int fd, short events, int stop_fd, int timeout_ms)
{
    int64_t until = clock_monotonic_ms() + timeout_ms;
    for (;;) {
        /* poll leaves negative descriptors alone. */
        struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = stop_fd, .events = POLLIN}};
        int count = poll(fds, ARRAY_LEN(fds), (int)max_i64(until - clock_monotonic_ms(), 0));
        if (count == -1 && errno != EINTR) {
            return ERR(IO);
        }
        if (count > 0) {
            return fds[1].revents != 0 ? ERR(STOPPING) : ERR(OK);
        }
        if (count == 0 && clock_monotonic_ms() >= until) {
            return ERR(HTTP_TIMEOUT);
        }
    }
}

static struct err connect_to(struct wire *wire, const struct addrinfo *address, int timeout_ms)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return ERR(IO);
    }
    struct err err = ERR(OK);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == -1) {
        err = errno == EINPROGRESS ? wait_for(fd, POLLOUT, wire->stop_fd, timeout_ms) : ERR(IO);
    }
    int problem = 0;
    socklen_t bytes = sizeof(problem);
    if (!err_is_set(err) &&
        (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &bytes) == -1 || problem != 0)) {
        err = ERR(IO);
    }
    if (err_is_set(err)) {
        close(fd);
        return err;
    }
    wire->fd = fd;
    return ERR(OK);
}

struct err wire_open(struct wire *wire, const struct wire_place *place, int timeout_ms)
{
    ASSERT(wire->fd == -1);
    char port[16];
    snprintf(port, sizeof(port), "%d", place->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    if (getaddrinfo(place->host, port, &hints, &addresses) != 0) {
        return ERR(IO);
    }
    struct err err = ERR(IO);
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
        err = connect_to(wire, at, timeout_ms);
        if (!err_is_set(err) || err_equal(err, ERR(STOPPING))) {
            break;
        }
    }
    freeaddrinfo(addresses);
    return err;
}

void wire_close(struct wire *wire)
{
    if (wire->fd != -1) {
        close(wire->fd);
        wire->fd = -1;
    }
}

struct err wire_send(struct wire *wire, struct slice bytes, int timeout_ms)
{
    ASSERT(wire->fd != -1);
    while (bytes.bytes > 0) {
        TRY(wait_for(wire->fd, POLLOUT, wire->stop_fd, timeout_ms));
        ssize_t sent = send(wire->fd, bytes.at, bytes.bytes, MSG_NOSIGNAL);
        if (sent == -1 && errno != EINTR && errno != EAGAIN) {
            return ERR(IO);
        }
        bytes = slice_from(bytes, sent > 0 ? (size_t)sent : 0);
    }
    return ERR(OK);
}

struct err wire_receive(struct wire *wire, struct buf *into, int timeout_ms)
{
    ASSERT(wire->fd != -1);
    uint8_t bytes[WIRE_RECEIVE_BYTES];
    for (;;) {
        TRY(wait_for(wire->fd, POLLIN, wire->stop_fd, timeout_ms));
        ssize_t got = recv(wire->fd, bytes, sizeof(bytes), 0);
        if (got > 0) {
            buf_put_bytes(into, bytes, (size_t)got);
            return into->failed ? ERR(BUF_FULL) : ERR(OK);
        }
        if (got == 0) {
            return ERR(PEER_CLOSED);
        }
        if (errno != EINTR && errno != EAGAIN) {
            return ERR(IO);
        }
    }
}

struct err wire_sleep(int stop_fd, int ms)
{
    struct err err = wait_for(-1, 0, stop_fd, ms);
    return err_equal(err, ERR(HTTP_TIMEOUT)) ? ERR(OK) : err;
}

const char *wire_problem(struct err err)
{
    switch (err.code) {
    case ERR_IO:
        return "nobody answers there";
    case ERR_HTTP_TIMEOUT:
        return "no answer in time";
    case ERR_PEER_CLOSED:
        return "the server closed the connection";
    case ERR_HTTP_MALFORMED:
    case ERR_MQTT_PROTOCOL:
    case ERR_MQTT_MALFORMED:
        return "what answers there is no thrum";
    default:
        return err_text(err);
    }
}
