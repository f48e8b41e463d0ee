/* SPDX-License-Identifier: Apache-2.0 */
#include "base/broadcast.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct err broadcast_init(struct broadcast *ring, size_t slots, size_t bytes_max, uint64_t last,
                          broadcast_free_fn free_item)
{
    ASSERT(slots >= 2 && (slots & (slots - 1)) == 0);
    memset(ring, 0, sizeof(*ring));
    ring->slots = calloc(slots, sizeof(*ring->slots));
    if (ring->slots == NULL) {
        return ERR(NO_MEMORY);
    }
    ring->mask = slots - 1;
    ring->bytes_max = bytes_max;
    ring->free_item = free_item;
    atomic_store(&ring->last, last);
    return ERR(OK);
}

static bool is_pinned(const struct broadcast *ring, uint64_t index)
{
    uint32_t readers = atomic_load(&ring->reader_count);
    for (uint32_t i = 0; i < readers; i++) {
        if (atomic_load(&ring->pins[i].index) == index + 1) {
            return true;
        }
    }
    return false;
}

static void limbo_sweep(struct broadcast *ring)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ring->limbo_count; i++) {
        if (is_pinned(ring, ring->limbo[i].index)) {
            ring->limbo[kept++] = ring->limbo[i];
        } else {
            ring->free_item(ring->limbo[i].item);
        }
    }
    ring->limbo_count = kept;
}

/* Lets the oldest item go. First `oldest` moves, then the pins are looked at; a reader first pins,
 * then looks at `oldest`. Both sequentially consistent: at least one of the two sees the other. */
static void drop_oldest(struct broadcast *ring)
{
    uint64_t index = atomic_load_explicit(&ring->oldest, memory_order_relaxed);
    struct broadcast_item *item = atomic_load(&ring->slots[index & ring->mask]);
    atomic_store(&ring->oldest, index + 1);
    ring->bytes -= item->bytes;
    if (is_pinned(ring, index)) {
        /* A reader pins one item at a time, so after a sweep limbo has a place. */
        if (ring->limbo_count == BROADCAST_READERS_MAX) {
            limbo_sweep(ring);
        }
        ASSERT(ring->limbo_count < BROADCAST_READERS_MAX);
        ring->limbo[ring->limbo_count].item = item;
        ring->limbo[ring->limbo_count++].index = index;
    } else {
        ring->free_item(item);
    }
}

void broadcast_deinit(struct broadcast *ring)
{
    if (ring->slots == NULL) {
        return;
    }
    while (atomic_load(&ring->oldest) != atomic_load(&ring->next)) {
        drop_oldest(ring);
    }
    limbo_sweep(ring);
    ASSERT(ring->limbo_count == 0);
    free(ring->slots);
    ring->slots = NULL;
}

void broadcast_push(struct broadcast *ring, struct broadcast_item *item)
{
    ASSERT(item->first == broadcast_last(ring) + 1 && item->last >= item->first);
    uint64_t next = atomic_load_explicit(&ring->next, memory_order_relaxed);
    while (atomic_load_explicit(&ring->oldest, memory_order_relaxed) != next &&
           (next - atomic_load_explicit(&ring->oldest, memory_order_relaxed) > ring->mask ||
            ring->bytes + item->bytes > ring->bytes_max)) {
        drop_oldest(ring);
    }
    if (ring->limbo_count > 0) {
        limbo_sweep(ring);
    }
    ring->bytes += item->bytes;
    uint64_t last = item->last;
    atomic_store(&ring->slots[next & ring->mask], item);
    atomic_store(&ring->next, next + 1);
    atomic_store(&ring->last, last);
}

void broadcast_reader_init(struct broadcast_reader *reader, struct broadcast *ring)
{
    uint32_t index = atomic_fetch_add(&ring->reader_count, 1);
    ASSERT(index < BROADCAST_READERS_MAX);
    *reader = (struct broadcast_reader){.ring = ring, .pin = &ring->pins[index]};
}

/* Pins the item at <index> and returns it, or NULL when it has left the ring. */
static const struct broadcast_item *pin_item(struct broadcast_reader *reader, uint64_t index)
{
    struct broadcast *ring = reader->ring;
    atomic_store(&reader->pin->index, index + 1);
    /* The slot is read before `oldest`: it is written anew only after `oldest` has passed it. */
    const struct broadcast_item *item = atomic_load(&ring->slots[index & ring->mask]);
    if (atomic_load(&ring->oldest) > index) {
        atomic_store(&reader->pin->index, 0);
        return NULL;
    }
    return item;
}

enum broadcast_found broadcast_look(struct broadcast_reader *reader, uint64_t sequence,
                                    const struct broadcast_item **item)
{
    struct broadcast *ring = reader->ring;
    if (sequence > broadcast_last(ring)) {
        broadcast_release(reader);
        return BROADCAST_AHEAD;
    }
    uint64_t high = atomic_load(&ring->next);
    uint64_t low = atomic_load(&ring->oldest);
    /* Readers mostly want the item after the one they had: that is tried first. */
    uint64_t probe = reader->hint;
    if (probe < low || probe >= high) {
        probe = low + (high - low) / 2;
    }
    while (low < high) {
        const struct broadcast_item *found = pin_item(reader, probe);
        if (found == NULL) {
            low = max_size(probe + 1, atomic_load(&ring->oldest));
        } else if (found->last < sequence) {
            low = probe + 1;
        } else if (found->first > sequence) {
            high = probe;
        } else {
            *item = found;
            reader->hint = probe + 1;
            return BROADCAST_ITEM;
        }
        probe = low + (high - low) / 2;
    }
    broadcast_release(reader);
    return BROADCAST_OVERRUN;
}

void broadcast_release(struct broadcast_reader *reader)
{
    atomic_store_explicit(&reader->pin->index, 0, memory_order_release);
}
