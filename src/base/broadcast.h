/* SPDX-License-Identifier: Apache-2.0
 *
 * broadcast.h - the event ring: one producer, and every reader sees every item.
 *
 * Items are numbered spans: each covers the sequence numbers first .. last, the next item begins
 * behind it. The ring keeps the newest items within a count and a number of bytes, whether they
 * have been read or not, so that a reader that comes back soon finds what it missed in memory. The
 * producer never waits: it lets the oldest items go. A reader that is slower than that is overrun,
 * learns so, and reads the journal instead.
 *
 *      oldest            reader at 57                         newest
 *      [ 20-31 ][ 32-56 ][ 57-57 ][ 58-90 ] ...              [ 300-311 ]
 *
 * An item that some reader is looking at is not freed (it is pinned): it goes when the reader moves
 * on. Each reader belongs to one thread. */
#ifndef THRUM_BASE_BROADCAST_H
#define THRUM_BASE_BROADCAST_H

#include "base/common.h"
#include "base/err.h"

#include <stdatomic.h>

#define BROADCAST_READERS_MAX 64

struct broadcast_item {
    uint64_t first;
    uint64_t last;
    size_t bytes; /* what it counts against the ring's bytes */
};

/* Frees an item that has left the ring. Called on the producer's thread. */
typedef void (*broadcast_free_fn)(struct broadcast_item *item);

struct broadcast_pin {
    CACHE_ALIGNED _Atomic uint64_t index; /* of the item looked at + 1; 0: none */
};

struct broadcast {
    _Atomic(struct broadcast_item *) *slots;
    uint64_t mask;
    size_t bytes_max;
    broadcast_free_fn free_item;
    struct broadcast_pin pins[BROADCAST_READERS_MAX];
    _Atomic uint32_t reader_count;
    CACHE_ALIGNED _Atomic uint64_t oldest; /* index of the oldest item kept */
    _Atomic uint64_t next;                 /* index after the newest */
    _Atomic uint64_t last;                 /* sequence number of the newest item's end */
    /* the producer's own: */
    size_t bytes;
    struct {
        struct broadcast_item *item;
        uint64_t index;
    } limbo[BROADCAST_READERS_MAX]; /* left the ring, still pinned */
    uint32_t limbo_count;
};

struct broadcast_reader {
    struct broadcast *ring;
    struct broadcast_pin *pin;
    uint64_t hint; /* index after the item found last */
};

/* <slots> is a power of two. <last> is the sequence number before the first item to come.
 * ERR_NO_MEMORY. */
MUST_USE struct err broadcast_init(struct broadcast *ring, size_t slots, size_t bytes_max,
                                   uint64_t last, broadcast_free_fn free_item);

/* Frees all items. No reader may be active. */
void broadcast_deinit(struct broadcast *ring);

/* Adds an item, which must begin at broadcast_last() + 1. The ring owns it from now on. */
void broadcast_push(struct broadcast *ring, struct broadcast_item *item);

/* The sequence number up to which items have been pushed. Any thread. */
static inline uint64_t broadcast_last(const struct broadcast *ring)
{
    return atomic_load_explicit(&ring->last, memory_order_acquire);
}

/* Registers a reader; at most BROADCAST_READERS_MAX in a ring's life, asserted. */
void broadcast_reader_init(struct broadcast_reader *reader, struct broadcast *ring);

enum broadcast_found {
    BROADCAST_ITEM,    /* here it is */
    BROADCAST_AHEAD,   /* not pushed yet */
    BROADCAST_OVERRUN, /* no longer in the ring: read the journal */
};

/* Looks for the item that contains <sequence>. With BROADCAST_ITEM, *item lives until the reader's
 * next look or its release. */
enum broadcast_found broadcast_look(struct broadcast_reader *reader, uint64_t sequence,
                                    const struct broadcast_item **item);

/* Ends the last look. */
void broadcast_release(struct broadcast_reader *reader);

#endif
