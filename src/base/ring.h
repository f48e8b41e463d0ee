/* SPDX-License-Identifier: Apache-2.0
 *
 * ring.h - the bounded rings that cross threads, and the doorbell that wakes who sleeps on one.
 *
 *      inbox_ring     many producers, one consumer, pointers: commands on their way in
 *      answer_ring    one producer, one consumer, items of a fixed size: answers on their way out
 *      (broadcast.h   one producer, every reader sees all: committed groups on their way out)
 *
 * A full ring says so; nobody waits inside these functions. */
#ifndef THRUM_BASE_RING_H
#define THRUM_BASE_RING_H

#include "base/common.h"
#include "base/err.h"

#include <stdatomic.h>

/* ---- many producers, one consumer ---- */

struct inbox_slot {
    _Atomic uint64_t turn;
    void *item;
};

struct inbox_ring {
    struct inbox_slot *slots;
    uint64_t mask;
    CACHE_ALIGNED _Atomic uint64_t head; /* producers */
    CACHE_ALIGNED uint64_t tail;         /* the consumer */
};

/* <slots> is a power of two. ERR_NO_MEMORY. */
MUST_USE struct err inbox_ring_init(struct inbox_ring *ring, size_t slots);
void inbox_ring_deinit(struct inbox_ring *ring);

/* False when the ring is full. Any thread. <item> is not NULL. */
MUST_USE bool inbox_ring_push(struct inbox_ring *ring, void *item);

/* The next item, or NULL. The consumer only. Items of one producer come in its order. */
void *inbox_ring_pop(struct inbox_ring *ring);

/* ---- one producer, one consumer ---- */

struct answer_ring {
    uint8_t *items;
    uint64_t mask;
    size_t item_bytes;
    CACHE_ALIGNED _Atomic uint64_t head; /* written by the producer */
    CACHE_ALIGNED _Atomic uint64_t tail; /* written by the consumer */
};

/* <count> is a power of two. ERR_NO_MEMORY. */
MUST_USE struct err answer_ring_init(struct answer_ring *ring, size_t count, size_t item_bytes);
void answer_ring_deinit(struct answer_ring *ring);

/* Copies the item in; false when the ring is full. */
MUST_USE bool answer_ring_push(struct answer_ring *ring, const void *item);

/* The oldest item, or NULL. It lives until answer_ring_pop, which takes it away. */
const void *answer_ring_peek(struct answer_ring *ring);
void answer_ring_pop(struct answer_ring *ring);

/* ---- the doorbell ---- */

/* One thread sleeps on it, any thread rings. Ringing a doorbell whose owner is awake costs one
 * atomic exchange and no system call; a ring is never lost. */
struct doorbell {
    _Atomic uint32_t state;
};

void doorbell_ring(struct doorbell *bell);

/* Sleeps until the bell has been rung since the last wait, or <timeout_ms> has passed; negative
 * waits without end. Returns at once when it was rung already. The owner only. */
void doorbell_wait(struct doorbell *bell, int timeout_ms);

#endif
