/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mark.h"

#include "base/assert.h"
#include "base/clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The waiter counts itself, then looks at the value; the setter changes the value, then looks at
 * the count. All sequentially consistent: at least one of the two sees the other. */

void mark_set(struct mark *mark, uint64_t sequence)
{
    ASSERT(sequence >= atomic_load_explicit(&mark->value, memory_order_relaxed));
    atomic_store(&mark->value, sequence);
    if (atomic_load(&mark->waiters) != 0) {
        atomic_fetch_add(&mark->turn, 1);
        syscall(SYS_futex, &mark->turn, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
}

/* One sleep, ended by a turn, the time-out, or for no reason at all. */
static void sleep_for(struct mark *mark, uint32_t turn, int64_t left_ms)
{
    struct timespec timeout = {
        .tv_sec = left_ms / 1000,
        .tv_nsec = (long)(left_ms % 1000) * 1000000,
    };
    syscall(SYS_futex, &mark->turn, FUTEX_WAIT_PRIVATE, turn, &timeout, NULL, 0);
}

bool mark_wait(struct mark *mark, uint64_t sequence, int timeout_ms)
{
    if (mark_get(mark) >= sequence) {
        return true;
    }
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    atomic_fetch_add(&mark->waiters, 1);
    bool reached;
    for (;;) {
        uint32_t turn = atomic_load(&mark->turn);
        reached = atomic_load(&mark->value) >= sequence;
        int64_t left_ms = end_ms - clock_monotonic_ms();
        if (reached || left_ms <= 0) {
            break;
        }
        sleep_for(mark, turn, left_ms);
    }
    atomic_fetch_sub(&mark->waiters, 1);
    return reached;
}
