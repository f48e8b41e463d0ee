/* SPDX-License-Identifier: Apache-2.0 */
#include "front/lag.h"

#include "base/log.h"
#include "front/conn.h"

#define LOOK_EVERY_MS 1000

/* How many updates the session has still to be given. */
static uint64_t lag_of(const struct front *front, const struct session *session)
{
    bool is_behind = session->is_behind && session->cursor <= front->sequence;
    return is_behind ? front->sequence + 1 - session->cursor : 0;
}

/* It is further behind than it may be, and does not catch up. */
static bool is_too_slow(const struct front *front, struct conn *conn)
{
    uint64_t before = conn->lag;
    conn->lag = conn->session == NULL ? 0 : lag_of(front, conn->session);
    return conn->lag > front->shared->limits.lag_max && before > 0 && conn->lag >= before;
}

static void look(struct front *front)
{
    LIST_EACH (&front->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, all);
        if (is_too_slow(front, conn) && !conn_is_closing(conn)) {
            char peer[ADDRESS_TEXT_BYTES];
            LOG_LIMITED(LOG_WARN, "front", "closed peer=%s reason=too-far-behind updates=%llu",
                        address_describe(&conn->peer, peer), (unsigned long long)conn->lag);
            atomic_fetch_add_explicit(&front->stats.too_slow, 1, memory_order_relaxed);
            conn_close(conn);
        }
    }
}

static void look_due(struct wheel_timer *timer)
{
    look(CONTAINER_OF(timer, struct front, lag_timer));
    lag_watch(CONTAINER_OF(timer, struct front, lag_timer));
}

void lag_watch(struct front *front)
{
    if (front->shared->limits.lag_max > 0) {
        front->lag_timer.fire = look_due;
        loop_arm(front->loop, &front->lag_timer, LOOK_EVERY_MS);
    }
}
