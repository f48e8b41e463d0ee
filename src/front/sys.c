/* SPDX-License-Identifier: Apache-2.0 */
#include "front/sys.h"

#include "base/clock.h"
#include "front/conn.h"
#include "model/plain_topic.h"

#define SYS "$SYS"

/* All loops together. */
struct totals {
    int64_t uptime_ms;
    uint64_t connections;
    uint64_t received;
    uint64_t sent;
    uint64_t dropped;
    uint64_t refused;
    uint64_t fell_behind;
    uint64_t too_slow;
    uint64_t subscriptions;
    uint64_t sessions;
};

static void put_version(struct buf *out, const struct totals *totals)
{
    (void)totals;
    BUF_PUT_LITERAL(out, "thrum version " THRUM_VERSION);
}

static void put_uptime(struct buf *out, const struct totals *totals)
{
    buf_put_decimal(out, totals->uptime_ms / 1000);
    BUF_PUT_LITERAL(out, " seconds");
}

#define COUNTER(name)                                                    \
    static void put_##name(struct buf *out, const struct totals *totals) \
    {                                                                    \
        buf_put_decimal_unsigned(out, totals->name);                     \
    }
COUNTER(connections)
COUNTER(received)
COUNTER(sent)
COUNTER(dropped)
COUNTER(refused)
COUNTER(fell_behind)
COUNTER(too_slow)
COUNTER(subscriptions)
COUNTER(sessions)

static const struct {
    const char *topic;
    void (*put)(struct buf *out, const struct totals *totals);
    const char *about;
} rows[] = {
    {SYS "/broker/version", put_version, "the program and its version"},
    {SYS "/broker/uptime", put_uptime, "since the start"},
    {SYS "/broker/clients/connected", put_connections, "open connections of all protocols"},
    {SYS "/broker/subscriptions/count", put_subscriptions, "subscriptions of connected clients"},
    {SYS "/broker/publish/messages/received", put_received,
     "publishes over MQTT and WebSocket since the start"},
    {SYS "/broker/publish/messages/sent", put_sent, "messages sent over MQTT since the start"},
    {SYS "/broker/publish/messages/dropped", put_dropped,
     "messages of QoS 0 not sent because their client was too far behind (session.qos0_lag)"},
    {SYS "/broker/publish/messages/refused", put_refused, "publishes that were refused"},
    {SYS "/broker/sessions/kept", put_sessions, "sessions kept of clients with clean session 0"},
    {SYS "/broker/sessions/fell_behind", put_fell_behind,
     "how often a client was too slow, and was fed from the journal"},
    {SYS "/broker/clients/too_slow", put_too_slow,
     "connections ended because their client was too far behind (session.lag_max)"},
};

static uint64_t count(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static struct totals sum(struct front *front)
{
    atomic_store_explicit(&front->stats.subscriptions, front->subs.count, memory_order_relaxed);
    const struct front_shared *shared = front->shared;
    struct totals totals = {
        .uptime_ms = clock_monotonic_ms() - shared->started_ms,
        .sessions = count(&shared->sessions_kept),
    };
    for (uint32_t i = 0; i < shared->front_count; i++) {
        const struct front_stats *stats = shared->stats[i];
        totals.connections += count(&stats->connections_open);
        totals.received += count(&stats->messages_in);
        totals.sent += count(&stats->messages_out);
        totals.dropped += count(&stats->dropped);
        totals.refused += count(&stats->refused);
        totals.fell_behind += count(&stats->fell_behind);
        totals.too_slow += count(&stats->too_slow);
        totals.subscriptions += count(&stats->subscriptions);
    }
    return totals;
}

bool sys_is_filter(struct slice filter)
{
    return slice_equal(slice_first(filter, slice_find(filter, '/')), SLICE(SYS));
}

static void tell(struct front *front, const struct subscription *subscription,
                 const struct totals *totals, bool is_retained)
{
    struct slice filter = subscription_filter(subscription);
    for (size_t i = 0; i < ARRAY_LEN(rows) && sys_is_filter(filter); i++) {
        struct slice topic = slice_of_text(rows[i].topic);
        if (plain_filter_matches(filter, topic)) {
            buf_reset(&front->payload);
            rows[i].put(&front->payload, totals);
            const struct delivery delivery = {
                .subscription = subscription,
                .topic = topic,
                .payload = buf_data(&front->payload),
                .is_plain = true,
                .is_retained = is_retained,
                .sequence = front->sequence,
            };
            (void)subscription->session->ops->deliver(subscription->session, &delivery);
        }
    }
}

static void tell_session(struct front *front, struct session *session, const struct totals *totals,
                         bool is_retained)
{
    LIST_EACH (&session->subscriptions, link, after) {
        tell(front, LIST_ENTRY(link, struct subscription, in_session), totals, is_retained);
    }
}

void sys_tell(struct front *front, struct session *session)
{
    const struct totals totals = sum(front);
    tell_session(front, session, &totals, true);
}

static void tell_all(struct front *front)
{
    const struct totals totals = sum(front);
    LIST_EACH (&front->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, all);
        struct session *session = conn->session;
        if (session != NULL && session->hears_sys && !session->is_behind) {
            tell_session(front, session, &totals, false);
        }
    }
}

static void tell_due(struct wheel_timer *timer)
{
    struct front *front = CONTAINER_OF(timer, struct front, sys_timer);
    tell_all(front);
    sys_watch(front);
}

void sys_watch(struct front *front)
{
    int64_t interval_ms = front->shared->limits.sys_interval_ms;
    if (front->shared->limits.plain_topics && interval_ms > 0) {
        front->sys_timer.fire = tell_due;
        loop_arm(front->loop, &front->sys_timer, interval_ms);
    }
}

void sys_print_rows(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_put_format(out, "| `%s` | %s |\n", rows[i].topic, rows[i].about);
    }
}
