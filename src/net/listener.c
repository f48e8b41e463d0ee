/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include "base/assert.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* With port 0 the kernel chooses a port for the first address; another process may hold it on the
 * next one. So often we start over with another port. */
#define PORT_TRIES_MAX 16

/* ---- sockets ---- */

static bool set_option(int fd, int level, int option)
{
    const int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* A listening socket, or -1 with errno. What is set here is inherited by the connections it accepts
 * (tcp(7)): that saves a call for each of them. */
static int open_socket(const struct address *address)
{
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }
    /* "::" must not take the IPv4 port, too: 0.0.0.0 has a socket of its own. */
    if ((!address_is_v6(address) || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
        set_option(fd, SOL_SOCKET, SO_REUSEADDR) && set_option(fd, SOL_SOCKET, SO_REUSEPORT) &&
        set_option(fd, IPPROTO_TCP, TCP_NODELAY) &&
        bind(fd, &address->at.any, address->bytes) == 0 && listen(fd, LISTENER_BACKLOG) == 0) {
        return fd;
    }
    int error_number = errno;
    (void)close(fd);
    errno = error_number;
    return -1;
}

/* SO_REUSEPORT lets any process of ours join a port: a second server would quietly take half of the
 * connections. So each port is bound once without it, to see that it is free. False with errno. */
static bool is_free(const struct address *address)
{
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return false;
    }
    bool is_bound = (!address_is_v6(address) || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
                    set_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
                    bind(fd, &address->at.any, address->bytes) == 0;
    int error_number = errno;
    (void)close(fd);
    errno = error_number;
    return is_bound;
}

static void say(struct buf *problem, const struct address *address, int error_number)
{
    char text[ADDRESS_TEXT_BYTES];
    buf_put_format(problem, "%s%s: %s", buf_bytes(problem) > 0 ? "; " : "",
                   address_describe(address, text), strerrordesc_np(error_number));
}

static uint16_t bound_port(int fd)
{
    struct address bound = {.bytes = sizeof(bound.at)};
    int result = getsockname(fd, &bound.at.any, &bound.bytes);
    ASSERT(result == 0);
    return address_port(&bound);
}

/* Binds <address> for all loops, into column <column>. 0, or errno. */
static int bind_column(struct listener_sockets *sockets, struct address *address, size_t column)
{
    if (!is_free(address)) {
        return errno;
    }
    for (size_t loop = 0; loop < sockets->loop_count; loop++) {
        int fd = open_socket(address);
        if (fd == -1) {
            return errno;
        }
        sockets->fds[loop * LISTENER_ADDRESS_COUNT_MAX + column] = fd;
        if (address_port(address) == 0) {
            sockets->port = bound_port(fd);
            address_set_port(address, sockets->port);
        }
    }
    return 0;
}

static bool is_missing_family(int error_number)
{
    return error_number == EAFNOSUPPORT || error_number == EADDRNOTAVAIL ||
           error_number == EPROTONOSUPPORT;
}

/* One try over all addresses. 0, or errno, with everything said. */
static int try_open(struct listener_sockets *sockets, const struct listener_bind *bind,
                    struct buf *problem)
{
    sockets->port = bind->port;
    sockets->address_count = 0;
    sockets->skipped_count = 0;
    int error_number = 0;
    for (size_t i = 0; i < bind->address_count; i++) {
        struct address address = bind->addresses[i];
        address_set_port(&address, sockets->port);
        error_number = bind_column(sockets, &address, sockets->address_count);
        if (error_number == 0) {
            sockets->addresses[sockets->address_count++] = address;
            continue;
        }
        say(problem, &address, error_number);
        bool is_last_hope = i + 1 == bind->address_count && sockets->address_count == 0;
        if (!bind->may_skip || !is_missing_family(error_number) || is_last_hope) {
            return error_number;
        }
        sockets->skipped_count++;
    }
    return 0;
}

static void close_all(struct listener_sockets *sockets)
{
    for (size_t i = 0; i < sockets->loop_count * LISTENER_ADDRESS_COUNT_MAX; i++) {
        if (sockets->fds[i] != -1) {
            (void)close(sockets->fds[i]);
            sockets->fds[i] = -1;
        }
    }
}

struct err listener_sockets_open(struct listener_sockets *sockets, const struct listener_bind *bind,
                                 struct buf *problem)
{
    ASSERT(bind->address_count > 0 && bind->address_count <= LISTENER_ADDRESS_COUNT_MAX);
    ASSERT(bind->loop_count > 0);
    size_t count = bind->loop_count * LISTENER_ADDRESS_COUNT_MAX;
    *sockets = (struct listener_sockets){.fds = malloc(count * sizeof(int)),
                                         .loop_count = bind->loop_count};
    if (sockets->fds == NULL) {
        return ERR(NO_MEMORY);
    }
    for (size_t i = 0; i < count; i++) {
        sockets->fds[i] = -1;
    }
    struct buf said = {0};
    int error_number = EADDRINUSE;
    int tries = bind->port == 0 ? PORT_TRIES_MAX : 1;
    for (; tries > 0 && error_number == EADDRINUSE; tries--) {
        close_all(sockets);
        buf_reset(&said);
        error_number = try_open(sockets, bind, &said);
    }
    buf_put(problem, buf_data(&said));
    buf_deinit(&said);
    if (error_number != 0) {
        listener_sockets_close(sockets);
        return ERR(CONFIG);
    }
    return ERR(OK);
}

void listener_sockets_close(struct listener_sockets *sockets)
{
    if (sockets->fds != NULL) {
        close_all(sockets);
        free(sockets->fds);
    }
    *sockets = (struct listener_sockets){0};
}

/* ---- accepting ---- */

/* Out of something that comes back when others let go of it. */
static bool is_exhausted(int error_number)
{
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
           error_number == ENOMEM;
}

static void unwatch_all(struct listener *listener)
{
    for (size_t i = 0; i < listener->port_count; i++) {
        struct listener_port *port = &listener->ports[i];
        if (port->is_watched) {
            loop_unwatch(listener->loop, port->fd);
            port->is_watched = false;
        }
    }
}

static void pause_accepting(struct listener *listener, int error_number)
{
    unwatch_all(listener);
    listener->is_paused = true;
    listener->paused_count++;
    loop_arm(listener->loop, &listener->resume, LISTENER_PAUSE_MS);
    if (listener->events->on_paused != NULL) {
        listener->events->on_paused(listener, error_number);
    }
}

static struct err watch_all(struct listener *listener)
{
    for (size_t i = 0; i < listener->port_count; i++) {
        struct listener_port *port = &listener->ports[i];
        if (!port->is_watched) {
            TRY(loop_watch_level(listener->loop, port->fd, &port->watch));
            port->is_watched = true;
        }
    }
    return ERR(OK);
}

static void on_resume(struct wheel_timer *timer)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, resume);
    listener->is_paused = false;
    if (err_is_set(watch_all(listener))) {
        pause_accepting(listener, ENOMEM);
    }
}

static void on_connections(struct loop_watch *watch, unsigned events)
{
    (void)events;
    struct listener_port *port = CONTAINER_OF(watch, struct listener_port, watch);
    struct listener *listener = port->listener;
    for (int i = 0; i < LISTENER_ACCEPT_COUNT_MAX && port->is_watched; i++) {
        struct address peer = {.bytes = sizeof(peer.at)};
        int fd = accept4(port->fd, &peer.at.any, &peer.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd != -1) {
            listener->accepted_count++;
            listener->events->on_accept(listener, fd, &peer);
        } else if (is_exhausted(errno)) {
            pause_accepting(listener, errno);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        /* All other errors are those of one connection that died in the queue (accept(2)): on to
         * the next one. */
    }
}

static void on_port_closing(struct loop_closing *closing)
{
    struct listener_port *port = CONTAINER_OF(closing, struct listener_port, closing);
    (void)close(port->fd);
    port->fd = -1;
}

struct err listener_start(struct listener *listener, struct loop *loop,
                          struct listener_sockets *sockets, size_t index,
                          const struct listener_events *events, void *owner)
{
    ASSERT(index < sockets->loop_count);
    *listener = (struct listener){.owner = owner,
                                  .loop = loop,
                                  .events = events,
                                  .port_count = sockets->address_count,
                                  .resume = {.fire = on_resume}};
    int *fds = sockets->fds + index * LISTENER_ADDRESS_COUNT_MAX;
    for (size_t i = 0; i < listener->port_count; i++) {
        ASSERT(fds[i] != -1);
        listener->ports[i] = (struct listener_port){.watch = {.ready = on_connections},
                                                    .closing = {.run = on_port_closing},
                                                    .listener = listener,
                                                    .fd = fds[i]};
    }
    struct err err = watch_all(listener);
    if (err_is_set(err)) {
        unwatch_all(listener); /* the sockets stay with <sockets> */
        *listener = (struct listener){0};
        return err;
    }
    for (size_t i = 0; i < listener->port_count; i++) {
        fds[i] = -1;
    }
    return ERR(OK);
}

void listener_stop(struct listener *listener)
{
    if (listener->port_count == 0) {
        return;
    }
    unwatch_all(listener);
    loop_disarm(listener->loop, &listener->resume);
    for (size_t i = 0; i < listener->port_count; i++) {
        loop_close_later(listener->loop, &listener->ports[i].closing);
    }
    listener->port_count = 0;
}

uint64_t listener_raise_file_limit(void)
{
    struct rlimit limit;
    int result = getrlimit(RLIMIT_NOFILE, &limit);
    ASSERT(result == 0);
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == -1) {
            return before; /* a container may forbid it */
        }
    }
    return limit.rlim_cur;
}
