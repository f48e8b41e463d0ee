/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sock.h"

#include "base/assert.h"
#include "net/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

/* The content type of a handshake record, RFC 8446 5.1: the first byte of every TLS client. */
#define TLS_FIRST_BYTE 0x16

/* ---- states ---- */

#define BIT(state) (1u << (state))

/* From each state to which others (the picture in sock.h). */
static const unsigned next_states[SOCK_STATE_COUNT] = {
    [SOCK_CLOSED] = 0,
    [SOCK_PREFACE] = BIT(SOCK_PEEK) | BIT(SOCK_OPEN) | BIT(SOCK_CLOSED),
    [SOCK_PEEK] = BIT(SOCK_HANDSHAKE) | BIT(SOCK_OPEN) | BIT(SOCK_CLOSED),
    [SOCK_HANDSHAKE] = BIT(SOCK_OPEN) | BIT(SOCK_CLOSED),
    [SOCK_OPEN] = BIT(SOCK_SHUT) | BIT(SOCK_CLOSED),
    [SOCK_SHUT] = BIT(SOCK_CLOSED),
};

static const char *const state_names[SOCK_STATE_COUNT] = {
    [SOCK_CLOSED] = "closed",       [SOCK_PREFACE] = "preface", [SOCK_PEEK] = "peek",
    [SOCK_HANDSHAKE] = "handshake", [SOCK_OPEN] = "open",       [SOCK_SHUT] = "shut",
};

static void go(struct sock *sock, enum sock_state state)
{
    ASSERT(next_states[sock->state] & BIT(state));
    sock->state = (uint8_t)state;
}

static bool has_bytes_flowing(const struct sock *sock)
{
    return sock->state == SOCK_OPEN || sock->state == SOCK_SHUT;
}

/* Remembers the first reason; the ones behind it are its consequences. */
static enum sock_answer failed(struct sock *sock, struct err err)
{
    if (!err_is_set(sock->failure)) {
        sock->failure = err;
    }
    return SOCK_FAILED;
}

static struct err err_of_errno(int error_number)
{
    switch (error_number) {
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return ERR(PEER_CLOSED);
    default:
        return ERR(IO);
    }
}

/* ---- the plain transport ---- */

static enum sock_answer plain_handshake(struct sock *sock)
{
    (void)sock;
    return SOCK_DONE;
}

static enum sock_answer plain_read(struct sock *sock, void *at, size_t room, size_t *got)
{
    ssize_t bytes;
    do {
        bytes = recv(sock->fd, at, room, 0);
    } while (bytes == -1 && errno == EINTR);
    if (bytes > 0) {
        *got = (size_t)bytes;
        /* A short read has emptied the queue, and what comes later is reported as a new edge
         * (epoll(7)): that saves the read that would answer EAGAIN. Unless the end is in sight,
         * which was reported already. */
        sock->can_read = *got == room || sock->has_end;
        return SOCK_DONE;
    }
    if (bytes == 0) {
        return SOCK_ENDED;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        sock->can_read = false;
        return SOCK_WAIT;
    }
    return failed(sock, err_of_errno(errno));
}

static enum sock_answer plain_writev(struct sock *sock, const struct iovec *parts, size_t count,
                                     size_t *taken)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].iov_len;
    }
    if (total == 0) {
        return SOCK_DONE;
    }
    /* sendmsg wants the parts not const; it does not change them. */
    const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                                   .msg_iovlen = min_size(count, IOV_MAX)};
    ssize_t bytes;
    do {
        bytes = sendmsg(sock->fd, &message, MSG_NOSIGNAL);
    } while (bytes == -1 && errno == EINTR);
    if (bytes == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
        return failed(sock, err_of_errno(errno));
    }
    *taken = bytes > 0 ? (size_t)bytes : 0;
    if (*taken == total) {
        return SOCK_DONE;
    }
    /* With more parts than one call takes there may be room still: sock_write sees to it that the
     * front is asked again in the next turn. */
    sock->can_write = count > IOV_MAX && bytes > 0;
    return SOCK_WAIT;
}

static void plain_shutdown(struct sock *sock)
{
    /* Fails only when the peer has gone: then the next read says so. */
    (void)shutdown(sock->fd, SHUT_WR);
}

static void plain_close(struct sock *sock)
{
    (void)sock;
}

static void plain_describe(const struct sock *sock, struct buf *out)
{
    (void)sock;
    BUF_PUT_LITERAL(out, "transport=plain");
}

const struct transport transport_plain = {
    .name = "plain",
    .handshake = plain_handshake,
    .read = plain_read,
    .writev = plain_writev,
    .shutdown = plain_shutdown,
    .close = plain_close,
    .describe = plain_describe,
};

/* ---- from the kernel's news to callbacks ---- */

static void close_with(struct sock *sock, struct err err)
{
    failed(sock, err);
    sock_close(sock);
}

/* Looks at the first bytes, which stay where they are: how many there are, 0 for none now. Closes
 * the sock when none will come. */
static size_t peek_at(struct sock *sock, uint8_t *at, size_t room)
{
    ssize_t bytes;
    do {
        bytes = recv(sock->fd, at, room, MSG_PEEK);
    } while (bytes == -1 && errno == EINTR);
    if (bytes > 0) {
        return (size_t)bytes;
    }
    if (bytes == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        sock->can_read = false;
    } else {
        close_with(sock, bytes == 0 ? ERR(PEER_CLOSED) : err_of_errno(errno));
    }
    return 0;
}

/* Takes bytes that were looked at off the stream. */
static struct err take_seen(struct sock *sock, uint8_t *at, size_t bytes)
{
    ssize_t taken;
    do {
        taken = recv(sock->fd, at, bytes, 0);
    } while (taken == -1 && errno == EINTR);
    return taken == (ssize_t)bytes ? ERR(OK) : ERR(IO);
}

static enum sock_state state_behind_preface(enum sock_tls tls)
{
    return tls == SOCK_TLS_OFF ? SOCK_OPEN : SOCK_PEEK;
}

/* The preface is looked at until it is whole, and only then taken, so that no byte behind it is:
 * what follows belongs to TLS, which reads the stream itself. */
static void read_preface(struct sock *sock)
{
    uint8_t seen[SOCK_PREFACE_BYTES_MAX];
    size_t used = 0;
    size_t bytes = peek_at(sock, seen, sizeof(seen));
    if (bytes == 0) {
        return;
    }
    struct err err = sock->on_preface(sock, slice_of(seen, bytes), &used);
    if (sock->state == SOCK_CLOSED) {
        return;
    }
    ASSERT(used <= bytes && (used > 0 || err_is_set(err) || bytes < sizeof(seen)));
    if (!err_is_set(err) && used > 0) {
        err = take_seen(sock, seen, used);
    } else if (!err_is_set(err) && sock->has_end) {
        err = ERR(PEER_CLOSED); /* in the middle of it */
    }
    if (err_is_set(err)) {
        close_with(sock, err);
    } else if (used > 0) {
        go(sock, state_behind_preface((enum sock_tls)sock->tls_mode));
    } else {
        sock->can_read = false; /* more bytes are a new edge */
    }
}

static void peek(struct sock *sock)
{
    uint8_t first;
    if (peek_at(sock, &first, 1) == 0) {
        return;
    }
    if (first == TLS_FIRST_BYTE) {
        sock->transport = &transport_tls;
        go(sock, SOCK_HANDSHAKE);
    } else if (sock->tls_mode == SOCK_TLS_ON) {
        close_with(sock, ERR(TLS_FAILED));
    } else {
        go(sock, SOCK_OPEN);
    }
}

static void shake_hands(struct sock *sock)
{
    switch (sock->transport->handshake(sock)) {
    case SOCK_DONE:
        /* The first bytes of the protocol may have come in one packet with the last of the
         * handshake, and wait inside TLS. */
        sock->can_read = true;
        go(sock, SOCK_OPEN);
        break;
    case SOCK_WAIT:
        break;
    case SOCK_ENDED:
    case SOCK_FAILED:
        close_with(sock, ERR(TLS_FAILED));
        break;
    }
}

static void tell(struct sock *sock)
{
    if (has_bytes_flowing(sock) && sock->can_read && !sock->read_wants_write) {
        sock->events->on_readable(sock);
    }
    /* The callback may have closed it. */
    if (sock->state == SOCK_OPEN && sock->wants_writable && sock->can_write) {
        sock->wants_writable = false;
        sock->events->on_writable(sock);
    }
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
    struct sock *sock = CONTAINER_OF(watch, struct sock, watch);
    if (sock->state == SOCK_CLOSED) {
        return; /* closed earlier in this turn */
    }
    bool has_news = (events & (POLL_READ | POLL_END | POLL_BROKEN)) != 0;
    sock->can_read |= has_news;
    sock->has_end |= (events & (POLL_END | POLL_BROKEN)) != 0;
    sock->is_broken |= (events & POLL_BROKEN) != 0;
    if (events & (POLL_WRITE | POLL_BROKEN)) {
        sock->can_write = true;
        has_news |= sock->read_wants_write;
        sock->read_wants_write = false;
    }
    if (sock->state == SOCK_PREFACE && sock->can_read) {
        read_preface(sock);
        has_news = true;
    }
    if (sock->state == SOCK_PEEK && sock->can_read) {
        peek(sock);
        has_news = true;
    }
    if (sock->state == SOCK_HANDSHAKE) {
        shake_hands(sock);
        has_news = true;
    }
    if (has_news || sock->wants_writable) {
        tell(sock);
    }
}

static void on_again(struct loop_task *task)
{
    struct sock *sock = CONTAINER_OF(task, struct sock, again);
    ASSERT(sock->state != SOCK_CLOSED);
    tell(sock);
}

static void on_closes_phase(struct loop_closing *closing)
{
    struct sock *sock = CONTAINER_OF(closing, struct sock, closing);
    ASSERT(sock->state == SOCK_CLOSED);
    sock->transport->close(sock);
    /* An fd is gone whatever close answers. */
    (void)close(sock->fd);
    sock->fd = -1;
    sock->events->on_closed(sock);
}

/* ---- for the front ---- */

struct err sock_open(struct sock *sock, struct loop *loop, const struct sock_options *options)
{
    ASSERT(options->fd >= 0);
    ASSERT(options->tls == SOCK_TLS_OFF || options->tls_context != NULL);
    *sock = (struct sock){
        .loop = loop,
        .events = options->events,
        .on_preface = options->on_preface,
        .transport = &transport_plain,
        .tls_context = options->tls_context,
        .watch = {.ready = on_ready},
        .again = {.run = on_again},
        .closing = {.run = on_closes_phase},
        .peer = options->peer,
        .fd = options->fd,
        .state = (uint8_t)(options->on_preface != NULL ? SOCK_PREFACE
                                                       : state_behind_preface(options->tls)),
        .tls_mode = (uint8_t)options->tls,
        .can_write = true,
    };
    struct err err = loop_watch_edge(loop, sock->fd, &sock->watch);
    if (err_is_set(err)) {
        (void)close(sock->fd);
        sock->fd = -1;
        sock->state = SOCK_CLOSED;
    }
    return err;
}

void sock_close(struct sock *sock)
{
    if (sock->state == SOCK_CLOSED) {
        return;
    }
    go(sock, SOCK_CLOSED);
    loop_unwatch(sock->loop, sock->fd);
    loop_defer_cancel(&sock->again);
    loop_close_later(sock->loop, &sock->closing);
}

void sock_shutdown(struct sock *sock)
{
    if (sock->state == SOCK_OPEN) {
        sock->transport->shutdown(sock);
        sock->wants_writable = false;
        go(sock, SOCK_SHUT);
    }
}

enum sock_answer sock_read(struct sock *sock, void *at, size_t room, size_t *got)
{
    ASSERT(room > 0);
    *got = 0;
    if (sock->state == SOCK_CLOSED) {
        return SOCK_FAILED;
    }
    if (!has_bytes_flowing(sock) || !sock->can_read || sock->read_wants_write) {
        return SOCK_WAIT;
    }
    enum sock_answer answer = sock->transport->read(sock, at, room, got);
    ASSERT((answer == SOCK_DONE) == (*got > 0));
    sock->received_bytes += *got;
    return answer;
}

enum sock_answer sock_write(struct sock *sock, const struct iovec *parts, size_t count,
                            size_t *taken)
{
    *taken = 0;
    if (sock->state == SOCK_CLOSED || sock->state == SOCK_SHUT) {
        return SOCK_FAILED;
    }
    enum sock_answer answer = SOCK_WAIT;
    if (sock->state == SOCK_OPEN && sock->can_write) {
        answer = sock->transport->writev(sock, parts, count, taken);
        sock->sent_bytes += *taken;
    }
    sock->wants_writable = answer == SOCK_WAIT;
    if (sock->wants_writable && sock->state == SOCK_OPEN && sock->can_write) {
        loop_defer(sock->loop, &sock->again);
    }
    return answer;
}

void sock_read_later(struct sock *sock)
{
    if (has_bytes_flowing(sock) && sock->can_read) {
        loop_defer(sock->loop, &sock->again);
    }
}

struct slice sock_alpn(const struct sock *sock)
{
    return sock_is_tls(sock) && has_bytes_flowing(sock) ? tls_alpn(sock) : (struct slice){0};
}

void sock_describe(const struct sock *sock, struct buf *out)
{
    char peer[ADDRESS_TEXT_BYTES];
    buf_put_format(out, "peer=%s state=%s received=%" PRIu64 " sent=%" PRIu64 " ",
                   address_describe(&sock->peer, peer), state_names[sock->state],
                   sock->received_bytes, sock->sent_bytes);
    sock->transport->describe(sock, out);
}
