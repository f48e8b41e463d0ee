/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include "base/assert.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* ---- many producers, one consumer ----
 *
 * After D. Vyukov's bounded queue: a slot's turn says who may use it next. turn == position: free
 * for the producer of that position; turn == position + 1: filled, for the consumer. */

struct err inbox_ring_init(struct inbox_ring *ring, size_t slots)
{
    ASSERT(is_power_of_two(slots));
    memset(ring, 0, sizeof(*ring));
    ring->slots = calloc(slots, sizeof(*ring->slots));
    if (ring->slots == NULL) {
        return ERR(NO_MEMORY);
    }
    ring->mask = slots - 1;
    for (size_t i = 0; i < slots; i++) {
        atomic_init(&ring->slots[i].turn, i);
    }
    return ERR(OK);
}

void inbox_ring_deinit(struct inbox_ring *ring)
{
    free(ring->slots);
    ring->slots = NULL;
}

bool inbox_ring_push(struct inbox_ring *ring, void *item)
{
    ASSERT(item != NULL);
    uint64_t position = atomic_load_explicit(&ring->head, memory_order_relaxed);
    for (;;) {
        struct inbox_slot *slot = &ring->slots[position & ring->mask];
        uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == position) {
            if (atomic_compare_exchange_weak_explicit(&ring->head, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                slot->item = item;
                atomic_store_explicit(&slot->turn, position + 1, memory_order_release);
                return true;
            }
        } else if (turn < position) {
            return false;
        } else {
            position = atomic_load_explicit(&ring->head, memory_order_relaxed);
        }
    }
}

void *inbox_ring_pop(struct inbox_ring *ring)
{
    struct inbox_slot *slot = &ring->slots[ring->tail & ring->mask];
    uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
    if (turn != ring->tail + 1) {
        return NULL;
    }
    void *item = slot->item;
    atomic_store_explicit(&slot->turn, ring->tail + ring->mask + 1, memory_order_release);
    ring->tail++;
    return item;
}

/* ---- one producer, one consumer ---- */

struct err answer_ring_init(struct answer_ring *ring, size_t count, size_t item_bytes)
{
    ASSERT(is_power_of_two(count) && item_bytes > 0);
    memset(ring, 0, sizeof(*ring));
    ring->items = calloc(count, item_bytes);
    if (ring->items == NULL) {
        return ERR(NO_MEMORY);
    }
    ring->mask = count - 1;
    ring->item_bytes = item_bytes;
    return ERR(OK);
}

void answer_ring_deinit(struct answer_ring *ring)
{
    free(ring->items);
    ring->items = NULL;
}

bool answer_ring_push(struct answer_ring *ring, const void *item)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail > ring->mask) {
        return false;
    }
    memcpy(ring->items + (head & ring->mask) * ring->item_bytes, item, ring->item_bytes);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

const void *answer_ring_peek(struct answer_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (atomic_load_explicit(&ring->head, memory_order_acquire) == tail) {
        return NULL;
    }
    return ring->items + (tail & ring->mask) * ring->item_bytes;
}

void answer_ring_pop(struct answer_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    ASSERT(atomic_load_explicit(&ring->head, memory_order_relaxed) != tail);
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}

/* ---- the doorbell ----
 *
 *      QUIET --ring--> RUNG --wait--> QUIET          the owner was awake
 *      QUIET --wait--> ASLEEP --ring--> RUNG (wakes) --> QUIET */

enum { BELL_QUIET, BELL_RUNG, BELL_ASLEEP };

static void futex_call(_Atomic uint32_t *word, int operation, uint32_t value,
                       const struct timespec *timeout)
{
    syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

void doorbell_ring(struct doorbell *bell)
{
    if (atomic_exchange(&bell->state, BELL_RUNG) == BELL_ASLEEP) {
        futex_call(&bell->state, FUTEX_WAKE, 1, NULL);
    }
}

void doorbell_wait(struct doorbell *bell, int timeout_ms)
{
    uint32_t quiet = BELL_QUIET;
    if (atomic_compare_exchange_strong(&bell->state, &quiet, BELL_ASLEEP)) {
        struct timespec timeout = {
            .tv_sec = timeout_ms / 1000,
            .tv_nsec = (long)(timeout_ms % 1000) * 1000000,
        };
        /* One sleep: a wake-up for another reason only brings the owner round once in vain. */
        futex_call(&bell->state, FUTEX_WAIT, BELL_ASLEEP, timeout_ms < 0 ? NULL : &timeout);
    }
    /* Not a plain store: what was written before the bell was rung must be seen from here on. */
    (void)atomic_exchange(&bell->state, BELL_QUIET);
}
