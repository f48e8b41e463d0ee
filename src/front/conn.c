/* SPDX-License-Identifier: Apache-2.0 */
#include "front/conn.h"

#include "base/assert.h"
#include "base/log.h"
#include "codec/proxy.h"
#include "front/conn_limit.h"
#include "front/auth.h"
#include "front/replay.h"
#include "front/state.h"

#include <stdlib.h>
#include <unistd.h>

/* After our last word the peer has this long to end its side; then the connection is closed. */
#define LINGER_MS 2000
/* Reads of one connection in one turn, so that a fast sender does not starve the others. */
#define READS_PER_TURN 4

static const struct sock_events conn_sock_events;

static struct conn *conn_of(struct sock *sock)
{
    return CONTAINER_OF(sock, struct conn, sock);
}

/* ---- slots ---- */

static struct err slot_take(struct front *front, struct conn *conn)
{
    if (front->free_slot == 0) {
        uint32_t count = front->slot_count ? front->slot_count * 2 : 64;
        struct conn_slot *slots = realloc(front->slots, count * sizeof(*slots));
        if (slots == NULL) {
            return ERR(NO_MEMORY);
        }
        for (uint32_t i = count; i-- > front->slot_count;) {
            slots[i] = (struct conn_slot){.next_free = front->free_slot};
            front->free_slot = i + 1;
        }
        front->slots = slots;
        front->slot_count = count;
    }
    conn->slot = front->free_slot - 1;
    struct conn_slot *slot = &front->slots[conn->slot];
    front->free_slot = slot->next_free;
    slot->conn = conn;
    conn->generation = ++slot->generation;
    return ERR(OK);
}

static void slot_give_back(struct front *front, struct conn *conn)
{
    struct conn_slot *slot = &front->slots[conn->slot];
    ASSERT(slot->conn == conn);
    slot->conn = NULL;
    slot->next_free = front->free_slot;
    front->free_slot = conn->slot + 1;
}

struct conn *conn_find(struct front *front, uint32_t slot, uint32_t generation)
{
    if (slot >= front->slot_count || front->slots[slot].generation != generation) {
        return NULL;
    }
    return front->slots[slot].conn;
}

/* ---- sniffing: the first byte tells the protocol ---- */

static size_t sniff_on_input(struct conn *conn, struct slice input)
{
    if (input.bytes == 0) {
        return 0;
    }
    uint8_t first = input.at[0];
    bool started = false;
    if (first == 0x10 && (conn->protocols & CONN_MQTT)) {
        started = mqtt_conn_start(conn);
    } else if (((first >= 'A' && first <= 'Z') || first == '\r' || first == '\n') &&
               (conn->protocols & ~(unsigned)CONN_MQTT)) {
        started = http_conn_start(conn);
    }
    if (!started) {
        conn_close(conn);
    }
    return 0;
}

static void sniff_on_answer(struct conn *conn, const struct answer *answer,
                            const struct event *event)
{
    (void)conn;
    (void)answer;
    (void)event;
    UNREACHABLE();
}

static void sniff_on_closed(struct conn *conn)
{
    const char *reason = sock_tls_reason(&conn->sock);
    if (reason != NULL) {
        char peer[ADDRESS_TEXT_BYTES];
        LOG_LIMITED(LOG_INFO, "tls", "handshake failed peer=%s reason=\"%s\"",
                    address_describe(&conn->peer, peer), reason);
    }
}

static const struct proto sniff_proto = {
    .name = "unknown",
    .on_input = sniff_on_input,
    .on_end = conn_close,
    .on_answer = sniff_on_answer,
    .on_timer = conn_close,
    .on_revoked = conn_close,
    .on_stopping = conn_close,
    .on_closed = sniff_on_closed,
};

/* ---- the header that a proxy puts in front ---- */

static_assert(PROXY_HEADER_BYTES_MAX <= SOCK_PREFACE_BYTES_MAX, "a header must be seen whole");

/* The connection counts from now on as that of the client who is behind the proxy. */
static void set_client(struct conn *conn, const struct proxy_header *header)
{
    struct address *peer = &conn->peer;
    if (header->family == PROXY_LOCAL) {
        return;
    }
    if (header->family == PROXY_IPV6) {
        *peer = (struct address){.bytes = sizeof(peer->at.v6), .at.v6.sin6_family = AF_INET6};
        memcpy(&peer->at.v6.sin6_addr, header->address, 16);
    } else {
        *peer = (struct address){.bytes = sizeof(peer->at.v4), .at.v4.sin_family = AF_INET};
        memcpy(&peer->at.v4.sin_addr, header->address, 4);
    }
    address_set_port(peer, header->port);
    conn->sock.peer = *peer;
}

/* Counts the connection among those of its peer; false when that one has as many as it may. */
static bool count_address(struct conn *conn)
{
    conn->is_counted =
        conn_limit_enter(conn->front->shared->address_limit, address_host_bytes(&conn->peer));
    if (!conn->is_counted) {
        LOG_LIMITED(LOG_WARN, "net", "too many connections of one address");
    }
    return conn->is_counted;
}

/* A sock_preface_fn. */
static struct err read_proxy_header(struct sock *sock, struct slice seen, size_t *used)
{
    struct conn *conn = conn_of(sock);
    struct proxy_header header;
    switch (proxy_read_header(seen, &header)) {
    case DECODE_DONE:
        *used = header.bytes;
        set_client(conn, &header);
        return count_address(conn) ? ERR(OK) : ERR(TOO_MANY_REQUESTS);
    case DECODE_MORE:
        return ERR(OK);
    case DECODE_BAD:
        break;
    }
    char peer[ADDRESS_TEXT_BYTES];
    LOG_LIMITED(LOG_WARN, "net", "no PROXY header peer=%s", address_describe(&conn->peer, peer));
    return ERR(PROXY_HEADER);
}

/* ---- life ---- */

static void timer_due(struct wheel_timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);
    if (conn->is_finishing && !conn->is_draining && conn_is_sending(conn)) {
        conn_arm(conn, conn->front->shared->limits.handshake_ms);
    } else if (conn->is_draining || conn->is_finishing) {
        conn_close(conn);
    } else if (!conn->is_closing) {
        conn->proto->on_timer(conn);
        /* What it puts out is flushed at the end of a turn, and this one's is behind us. */
        loop_defer(conn->front->loop, &conn->front->again);
    }
}

static void hold_due(struct wheel_timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, hold_timer);
    conn_release(conn);
    loop_defer(conn->front->loop, &conn->front->again);
}

static struct err open_sock(struct conn *conn, int fd, const struct conn_options *options)
{
    const struct sock_options wanted = {
        .fd = fd,
        .tls = options->tls,
        .tls_context = options->tls_context,
        .events = &conn_sock_events,
        .on_preface = options->proxies != NULL ? read_proxy_header : NULL,
        .peer = conn->peer,
    };
    return sock_open(&conn->sock, conn->front->loop, &wanted);
}

/* True when <peer> may connect: any client, or those proxies alone. */
static bool may_connect(const struct conn_options *options, const struct address *peer)
{
    if (options->proxies == NULL || network_list_has(options->proxies, peer)) {
        return true;
    }
    char text[ADDRESS_TEXT_BYTES];
    LOG_LIMITED(LOG_WARN, "net", "not one of proxy_from peer=%s", address_describe(peer, text));
    return false;
}

static void init_lists(struct conn *conn)
{
    list_init(&conn->states);
    list_init(&conn->state_wishes);
    list_init(&conn->shared_waiting);
}

static struct conn *conn_new(struct front *front, const struct address *peer, unsigned protocols)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL || err_is_set(slot_take(front, conn))) {
        free(conn);
        return NULL;
    }
    conn->front = front;
    conn->proto = &sniff_proto;
    conn->protocols = protocols;
    conn->peer = *peer;
    conn->in.bytes_max = front->shared->limits.packet_bytes_max + FRONT_READ_BYTES;
    conn->timer.fire = timer_due;
    conn->hold_timer.fire = hold_due;
    init_lists(conn);
    return conn;
}

void conn_init_nobody(struct conn *conn, struct front *front, struct session *session)
{
    *conn = (struct conn){.front = front, .session = session};
    init_lists(conn);
}

/* Gives back what conn_new and count_address have taken. */
static void conn_free(struct conn *conn)
{
    struct front *front = conn->front;
    if (conn->is_counted) {
        conn_limit_leave(front->shared->address_limit, address_host_bytes(&conn->peer));
    }
    slot_give_back(front, conn);
    free(conn);
}

struct conn *conn_accept(struct front *front, int fd, const struct address *peer,
                         const struct conn_options *options)
{
    struct conn *conn =
        may_connect(options, peer) ? conn_new(front, peer, options->protocols) : NULL;
    if (conn == NULL) {
        close(fd);
        return NULL;
    }
    if (options->proxies == NULL && !count_address(conn)) {
        close(fd);
        conn_free(conn);
        return NULL;
    }
    if (err_is_set(open_sock(conn, fd, options))) {
        conn_free(conn);
        return NULL;
    }
    list_push(&front->conns, &conn->all);
    front->conn_count++;
    atomic_fetch_add_explicit(&front->stats.connections_open, 1, memory_order_relaxed);
    conn_arm(conn, front->shared->limits.handshake_ms);
    return conn;
}

void conn_close(struct conn *conn)
{
    if (!conn->is_closing) {
        conn->is_closing = true;
        conn_disarm(conn);
        loop_disarm(conn->front->loop, &conn->hold_timer);
        list_remove(&conn->behind);
        list_remove(&conn->paused);
        list_remove(&conn->flush);
        sock_close(&conn->sock);
    }
}

static void on_sock_closed(struct sock *sock)
{
    struct conn *conn = conn_of(sock);
    struct front *front = conn->front;
    conn->is_closing = true;
    conn_disarm(conn);
    loop_disarm(front->loop, &conn->hold_timer);
    list_remove(&conn->behind);
    list_remove(&conn->paused);
    list_remove(&conn->flush);
    conn->proto->on_closed(conn);
    state_forget(conn);
    replay_forget(conn);
    auth_detach(conn);
    list_remove(&conn->all);
    front->conn_count--;
    atomic_fetch_sub_explicit(&front->stats.connections_open, 1, memory_order_relaxed);
    buf_deinit(&conn->in);
    buf_deinit(&conn->out);
    conn_free(conn);
}

void conn_set_proto(struct conn *conn, const struct proto *proto, void *state)
{
    conn->proto = proto;
    conn->state = state;
}

void conn_arm(struct conn *conn, int64_t after_ms)
{
    loop_arm(conn->front->loop, &conn->timer, after_ms);
}

void conn_disarm(struct conn *conn)
{
    loop_disarm(conn->front->loop, &conn->timer);
}

/* ---- input ---- */

/* Hands bytes to the protocol until it uses no more of them. A protocol may give way to another in
 * the middle; then that one is asked. Returns how many were used. */
static size_t feed(struct conn *conn, struct slice input)
{
    size_t used = 0;
    conn->is_feeding = true;
    while (!conn_is_closing(conn) && !conn->is_paused && !conn->is_held) {
        const struct proto *proto = conn->proto;
        size_t step = proto->on_input(conn, slice_from(input, used));
        ASSERT(step <= input.bytes - used);
        used += step;
        if (proto == conn->proto && (step == 0 || used == input.bytes)) {
            break;
        }
    }
    conn->is_feeding = false;
    return used;
}

static void feed_kept(struct conn *conn)
{
    size_t used = feed(conn, buf_data(&conn->in));
    if (conn_is_closing(conn)) {
        buf_deinit(&conn->in);
        return;
    }
    buf_consume(&conn->in, used);
    if (buf_bytes(&conn->in) == 0) {
        buf_deinit(&conn->in);
    }
}

static void take_input(struct conn *conn, struct slice input)
{
    if (buf_bytes(&conn->in) > 0) {
        buf_put(&conn->in, input);
        feed_kept(conn);
        return;
    }
    size_t used = feed(conn, input);
    if (!conn_is_closing(conn)) {
        buf_put(&conn->in, slice_from(input, used));
    }
}

/* Reads once; false when there is nothing more now. */
static bool read_once(struct conn *conn)
{
    struct front *front = conn->front;
    size_t got;
    switch (sock_read(&conn->sock, front->read_at, FRONT_READ_BYTES, &got)) {
    case SOCK_DONE:
        if (!conn_is_closing(conn)) {
            take_input(conn, slice_of(front->read_at, got));
        }
        if (conn->in.failed && !conn_is_closing(conn)) {
            conn_close(conn);
        }
        return true;
    case SOCK_WAIT:
        return false;
    case SOCK_ENDED:
        if (conn->is_draining || conn->is_finishing) {
            conn_close(conn);
        } else if (!conn->is_closing) {
            conn->proto->on_end(conn);
        }
        return false;
    case SOCK_FAILED:
        break;
    }
    conn_close(conn);
    return false;
}

static void on_sock_readable(struct sock *sock)
{
    struct conn *conn = conn_of(sock);
    if ((conn->is_paused || conn->is_held) && !conn_is_closing(conn)) {
        if (sock_is_broken(sock)) {
            conn_close(conn);
        }
        return;
    }
    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        if (!read_once(conn) || conn->is_closing || conn->is_paused || conn->is_held) {
            return;
        }
    }
    sock_read_later(sock);
}

void conn_pause(struct conn *conn)
{
    if (!conn->is_paused && !conn->is_closing) {
        conn->is_paused = true;
        list_push(&conn->front->paused, &conn->paused);
    }
}

static void go_on_reading(struct conn *conn)
{
    if (conn->is_feeding) {
        return; /* released before on_input has returned: who feeds it goes on */
    }
    if (!conn_is_closing(conn)) {
        feed_kept(conn);
    }
    if (!conn->is_paused && !conn->is_held && !conn->is_closing) {
        sock_read_later(&conn->sock);
    }
}

void conn_resume(struct conn *conn)
{
    if (!conn->is_paused) {
        return;
    }
    conn->is_paused = false;
    list_remove(&conn->paused);
    if (conn_is_closing(conn)) {
        return;
    }
    if (conn->proto->on_resume != NULL) {
        conn->proto->on_resume(conn);
    }
    go_on_reading(conn);
}

void conn_hold(struct conn *conn)
{
    conn->is_held = true;
}

void conn_release(struct conn *conn)
{
    if (conn->is_held) {
        conn->is_held = false;
        loop_disarm(conn->front->loop, &conn->hold_timer); /* it is not to end the next hold */
        go_on_reading(conn);
    }
}

void conn_hold_for(struct conn *conn, int64_t after_ms)
{
    conn_hold(conn);
    loop_arm(conn->front->loop, &conn->hold_timer, after_ms);
}

/* ---- output ---- */

void conn_will_flush(struct conn *conn)
{
    if (conn->out.failed) {
        conn_close(conn);
    } else if (!conn->is_closing && !link_is_in_list(&conn->flush)) {
        list_push(&conn->front->to_flush, &conn->flush);
    }
}

void conn_write(struct conn *conn, struct slice bytes)
{
    buf_put(&conn->out, bytes);
    conn_will_flush(conn);
}

bool conn_is_sending(struct conn *conn)
{
    bool has_sent = conn->sock.sent_bytes != conn->sent_before;
    conn->sent_before = conn->sock.sent_bytes;
    return has_sent && buf_bytes(&conn->out) > 0;
}

bool conn_is_full(struct conn *conn)
{
    if (buf_bytes(&conn->out) > conn->front->shared->limits.outbox_bytes_max) {
        conn->was_full = true;
    }
    return conn->was_full;
}

static void finish_now(struct conn *conn)
{
    conn->is_draining = true;
    sock_shutdown(&conn->sock);
    conn_arm(conn, LINGER_MS);
}

static void output_is_out(struct conn *conn)
{
    buf_deinit(&conn->out);
    if (conn->is_finishing && !conn->is_draining) {
        finish_now(conn);
    }
}

static void conn_flush(struct conn *conn)
{
    if (conn->proto->before_flush != NULL) {
        conn->proto->before_flush(conn);
    }
    struct slice data = buf_data(&conn->out);
    if (data.bytes > 0) {
        struct iovec part = {.iov_base = (void *)(uintptr_t)data.at, .iov_len = data.bytes};
        size_t taken = 0;
        if (sock_write(&conn->sock, &part, 1, &taken) == SOCK_FAILED) {
            conn_close(conn);
            return;
        }
        buf_consume(&conn->out, taken);
    }
    if (buf_bytes(&conn->out) == 0) {
        output_is_out(conn);
    }
    size_t half = conn->front->shared->limits.outbox_bytes_max / 2;
    if (conn->was_full && buf_bytes(&conn->out) <= half && !conn_is_closing(conn)) {
        conn->was_full = false;
        if (conn->proto->on_drained != NULL) {
            conn->proto->on_drained(conn);
        }
    }
}

void conn_flush_all(struct front *front)
{
    /* Draining a connection may put out more; that goes in the next round of this loop. */
    while (!list_is_empty(&front->to_flush)) {
        struct link *link = front->to_flush.next;
        list_remove(link);
        conn_flush(LIST_ENTRY(link, struct conn, flush));
    }
}

static void on_sock_writable(struct sock *sock)
{
    struct conn *conn = conn_of(sock);
    if (!conn->is_closing) {
        conn_flush(conn);
    }
}

void conn_finish(struct conn *conn)
{
    if (conn_is_closing(conn)) {
        return;
    }
    conn->is_finishing = true;
    conn->is_paused = conn->is_held = false;
    list_remove(&conn->paused);
    conn_arm(conn, conn->front->shared->limits.handshake_ms);
    conn_will_flush(conn);
    sock_read_later(&conn->sock);
}

static const struct sock_events conn_sock_events = {
    .on_readable = on_sock_readable,
    .on_writable = on_sock_writable,
    .on_closed = on_sock_closed,
};
