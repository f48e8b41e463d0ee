/* SPDX-License-Identifier: Apache-2.0
 *
 * generation.h - the memory of a generation of the tail: what tail.c writes and tail_read.c reads.
 * Private to these two; see tail.h for the picture. */
#ifndef THRUM_STORE_GENERATION_H
#define THRUM_STORE_GENERATION_H

#include "store/tail.h"

/* ---- the arena ----
 *
 * Places in the arena are numbered in units of eight bytes, so that 30 bits reach over 8 GiB; unit
 * 0 is not used: 0 means none. A record does not cross the end of a chunk. */
#define UNIT_BYTES ((size_t)8)
#define CHUNK_UNITS_LOG2 17
#define CHUNK_BYTES (UNIT_BYTES << CHUNK_UNITS_LOG2)
#define CHUNK_COUNT_MAX (GENERATION_BYTES_MAX / CHUNK_BYTES)

/* Values beyond this size have memory of their own. */
#define VALUE_INLINE_BYTES_MAX 4096

/* ---- the tree over property numbers: 12 + 12 + 8 bits ----
 *
 * Small pages, because a generation may have one point each of properties from all over; not
 * smaller, so that the pointers to the pages of millions of properties stay in the second-level
 * cache. */
#define PAGE_LOG2 8
#define MIDDLE_LOG2 12
#define TOP_LOG2 12
#define PAGE_COUNT ((size_t)1 << PAGE_LOG2)
#define MIDDLE_COUNT ((size_t)1 << MIDDLE_LOG2)
#define TOP_COUNT ((size_t)1 << TOP_LOG2)
static_assert(PAGE_LOG2 + MIDDLE_LOG2 + TOP_LOG2 == 32, "every property number has a place");

enum {
    RECORD_CLIENT_STAMPED = 1,
    RECORD_CUT = 2,     /* the time is where it begins; eight bytes behind say where it ends */
    RECORD_OUTSIDE = 4, /* behind is a struct outside pointer */
    RECORD_FLAG_BITS = 3,
};

struct record {
    uint32_t previous; /* of the same property; 0 none */
    uint32_t group;    /* where the time of its group stands */
    uint64_t stamp;    /* timestamp << RECORD_FLAG_BITS | flags */
    uint32_t bytes;    /* of the value */
    uint8_t value[];
};
#define RECORD_HEAD_BYTES offsetof(struct record, value)

/* A value with memory of its own. */
struct outside {
    struct outside *next;
    uint8_t at[];
};

/* The lower bits of entry.latest; the rest is the record of the newest sample. */
enum {
    LATEST_UNKNOWN = 1, /* cannot be told without looking at all samples */
    LATEST_WHOLE = 2,   /* nothing older than this generation counts */
    LATEST_FLAG_BITS = 2,
};

struct entry {
    _Atomic uint32_t head; /* the newest record; 0 none */
    _Atomic uint32_t latest;
    int64_t latest_stamp; /* the writer's own: of the record `latest` */
};
static_assert(sizeof(struct entry) == 16, "four properties share a cache line");

struct page {
    struct entry entries[PAGE_COUNT];
};

struct middle {
    _Atomic(struct page *) pages[MIDDLE_COUNT];
};

struct generation {
    _Atomic uint32_t pins;      /* the tail's own among them */
    _Atomic uint32_t published; /* unit behind the last complete group */
    _Atomic uint64_t last;
    uint64_t first;
    _Atomic size_t bytes; /* of records, without the tree */
    /* the writer's own: */
    uint32_t next;        /* the unit to write at */
    uint32_t chunk_count; /* chunks that exist */
    struct outside *outsides;
    _Atomic(uint8_t *) chunks[CHUNK_COUNT_MAX];
    _Atomic(struct middle *) top[TOP_COUNT];
};

static inline void *unit_at(const struct generation *generation, uint32_t unit)
{
    uint8_t *chunk =
        atomic_load_explicit(&generation->chunks[unit >> CHUNK_UNITS_LOG2], memory_order_relaxed);
    return chunk + UNIT_BYTES * (unit & (((uint32_t)1 << CHUNK_UNITS_LOG2) - 1));
}

/* Units and chunks are aligned to eight bytes, as struct record wants it. */
static inline const struct record *record_at(const struct generation *generation, uint32_t unit)
{
    return unit_at(generation, unit);
}

static inline struct entry *find_entry(const struct generation *generation, uint32_t property)
{
    struct middle *middle = atomic_load_explicit(
        &generation->top[property >> (PAGE_LOG2 + MIDDLE_LOG2)], memory_order_acquire);
    if (middle == NULL) {
        return NULL;
    }
    struct page *page = atomic_load_explicit(
        &middle->pages[property >> PAGE_LOG2 & (MIDDLE_COUNT - 1)], memory_order_acquire);
    return page == NULL ? NULL : &page->entries[property & (PAGE_COUNT - 1)];
}

static inline struct run_sample sample_of_stamp(uint64_t stamp)
{
    return (struct run_sample){
        .timestamp_ms = (int64_t)(stamp >> RECORD_FLAG_BITS),
        .client_stamped = (stamp & RECORD_CLIENT_STAMPED) != 0,
    };
}

#endif
