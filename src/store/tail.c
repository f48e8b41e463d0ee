/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tail.h"

#include "base/assert.h"
#include "store/generation.h"

#include <pthread.h>
#include <stdlib.h>

/* Points are taken up this many at a time, so that their cache misses overlap. */
#define WINDOW_COUNT 32

struct tail {
    pthread_mutex_t lock; /* which generations there are */
    struct generation *frozen;
    struct generation *active;
    _Atomic uint64_t last;
    _Atomic size_t frozen_bytes;
};

/* ---- generations ---- */

static struct generation *generation_new(uint64_t first)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    if (generation != NULL) {
        atomic_store(&generation->pins, 1);
        atomic_store(&generation->last, first - 1);
        atomic_store(&generation->published, 1);
        generation->first = first;
        generation->next = 1;
    }
    return generation;
}

static void generation_unpin(struct generation *generation)
{
    if (generation == NULL || atomic_fetch_sub(&generation->pins, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < TOP_COUNT; i++) {
        struct middle *middle = atomic_load(&generation->top[i]);
        for (size_t j = 0; middle != NULL && j < MIDDLE_COUNT; j++) {
            free(atomic_load(&middle->pages[j]));
        }
        free(middle);
    }
    for (uint32_t i = 0; i < generation->chunk_count; i++) {
        free(atomic_load(&generation->chunks[i]));
    }
    while (generation->outsides != NULL) {
        struct outside *next = generation->outsides->next;
        free(generation->outsides);
        generation->outsides = next;
    }
    free(generation);
}

/* ---- the writer: room first, so that nothing fails half-way ---- */

static void count_bytes(struct generation *generation, size_t bytes)
{
    atomic_fetch_add_explicit(&generation->bytes, bytes, memory_order_relaxed);
}

/* Makes sure that <property> has an entry. */
static struct err reserve_entry(struct generation *generation, uint32_t property)
{
    _Atomic(struct middle *) *top = &generation->top[property >> (PAGE_LOG2 + MIDDLE_LOG2)];
    struct middle *middle = atomic_load_explicit(top, memory_order_relaxed);
    if (middle == NULL) {
        middle = calloc(1, sizeof(*middle));
        if (middle == NULL) {
            return ERR(NO_MEMORY);
        }
        atomic_store_explicit(top, middle, memory_order_release);
    }
    _Atomic(struct page *) *slot = &middle->pages[property >> PAGE_LOG2 & (MIDDLE_COUNT - 1)];
    if (atomic_load_explicit(slot, memory_order_relaxed) == NULL) {
        struct page *page = calloc(1, sizeof(*page));
        if (page == NULL) {
            return ERR(NO_MEMORY);
        }
        atomic_store_explicit(slot, page, memory_order_release);
    }
    return ERR(OK);
}

static size_t round_to_units(size_t bytes)
{
    return (bytes + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES;
}

static size_t inline_bytes(size_t value_bytes)
{
    return value_bytes > VALUE_INLINE_BYTES_MAX ? sizeof(struct outside *) : value_bytes;
}

static size_t record_bytes(size_t value_bytes)
{
    return round_to_units(RECORD_HEAD_BYTES + inline_bytes(value_bytes));
}

/* Memory for values that are too long for the arena is asked for one by one while the group is
 * taken up; that of the whole group is held here first. */
static struct err reserve_outside(struct outside **list, size_t value_bytes)
{
    if (value_bytes <= VALUE_INLINE_BYTES_MAX) {
        return ERR(OK);
    }
    struct outside *outside = malloc(sizeof(*outside) + value_bytes);
    if (outside == NULL) {
        return ERR(NO_MEMORY);
    }
    outside->next = *list;
    *list = outside;
    return ERR(OK);
}

struct reservation {
    size_t bytes;             /* of the arena */
    struct outside *outsides; /* the last value's first */
};

static struct err reserve_event(struct generation *generation, struct event event,
                                struct reservation *reservation)
{
    struct point point;
    struct cut cut;
    if (event.type == EVENT_POINTS) {
        while (event_next_point(&event, &point)) {
            TRY(reserve_entry(generation, point.property));
            TRY(reserve_outside(&reservation->outsides, point.value.bytes));
            reservation->bytes += record_bytes(point.value.bytes);
        }
    } else if (event.type == EVENT_CUT) {
        while (event_next_cut(&event, &cut)) {
            TRY(reserve_entry(generation, cut.property));
            reservation->bytes += record_bytes(sizeof(int64_t));
        }
    }
    return ERR(OK);
}

/* Each chunk may lose up to the largest record at its end. */
static struct err reserve_chunks(struct generation *generation, size_t bytes)
{
    size_t chunk_use = CHUNK_BYTES - record_bytes(VALUE_INLINE_BYTES_MAX);
    size_t chunks = ((size_t)generation->next >> CHUNK_UNITS_LOG2) + 2 + bytes / chunk_use;
    if (chunks > CHUNK_COUNT_MAX) {
        return ERR(BUSY);
    }
    while (generation->chunk_count < chunks) {
        uint8_t *chunk = malloc(CHUNK_BYTES);
        if (chunk == NULL) {
            return ERR(NO_MEMORY);
        }
        atomic_store_explicit(&generation->chunks[generation->chunk_count++], chunk,
                              memory_order_relaxed);
    }
    return ERR(OK);
}

static struct err reserve_group(struct generation *generation, const struct group *group,
                                struct reservation *reservation)
{
    struct event_walk walk = event_walk_start(group);
    struct event event;
    reservation->bytes = UNIT_BYTES;
    while (event_walk_next(&walk, &event)) {
        TRY(reserve_event(generation, event, reservation));
    }
    return reserve_chunks(generation, reservation->bytes);
}

/* ---- the writer: taking up ---- */

/* A point or a cut on its way into the arena. */
struct addition {
    struct entry *entry;
    uint32_t property;
    uint64_t stamp;
    struct slice value; /* of a sample */
    int64_t to_ms;      /* of a cut */
    bool is_new;        /* the property begins with it */
};

struct taker {
    struct generation *generation;
    uint32_t group;
    struct outside *outsides; /* reserved, in the order they are needed */
    uint32_t count;
    struct addition window[WINDOW_COUNT];
};

static uint32_t arena_take(struct generation *generation, size_t bytes)
{
    uint32_t units = (uint32_t)(bytes / UNIT_BYTES);
    uint32_t chunk = generation->next >> CHUNK_UNITS_LOG2;
    if ((generation->next + units - 1) >> CHUNK_UNITS_LOG2 != chunk) {
        generation->next = (chunk + 1) << CHUNK_UNITS_LOG2;
    }
    uint32_t unit = generation->next;
    generation->next += units;
    ASSERT(unit >> CHUNK_UNITS_LOG2 < generation->chunk_count);
    count_bytes(generation, bytes);
    return unit;
}

static void put_outside(struct taker *taker, struct record *record, struct slice value)
{
    struct outside *outside = taker->outsides;
    ASSERT(outside != NULL);
    taker->outsides = outside->next;
    outside->next = taker->generation->outsides;
    taker->generation->outsides = outside;
    memcpy(outside->at, value.at, value.bytes);
    memcpy(record->value, &outside, sizeof(outside));
    count_bytes(taker->generation, sizeof(*outside) + value.bytes);
}

static uint32_t put_record(struct taker *taker, const struct addition *addition, uint32_t previous)
{
    bool is_cut = (addition->stamp & RECORD_CUT) != 0;
    size_t bytes = is_cut ? sizeof(int64_t) : addition->value.bytes;
    uint32_t unit = arena_take(taker->generation, record_bytes(bytes));
    struct record *record = unit_at(taker->generation, unit);
    record->previous = previous;
    record->group = taker->group;
    record->stamp = addition->stamp;
    record->bytes = (uint32_t)bytes;
    if (is_cut) {
        memcpy(record->value, &addition->to_ms, sizeof(addition->to_ms));
    } else if (bytes > VALUE_INLINE_BYTES_MAX) {
        record->stamp |= RECORD_OUTSIDE;
        put_outside(taker, record, addition->value);
    } else if (bytes > 0) {
        memcpy(record->value, addition->value.at, bytes);
    }
    return unit;
}

/* The entry's new `latest` after a sample. */
static uint32_t latest_after_sample(struct entry *entry, const struct addition *addition,
                                    uint32_t unit)
{
    uint32_t latest = atomic_load_explicit(&entry->latest, memory_order_relaxed);
    uint32_t flags = latest & (LATEST_UNKNOWN | LATEST_WHOLE);
    bool is_known = true;
    bool is_latest = true;
    if (latest >> LATEST_FLAG_BITS != 0) {
        struct run_sample later = sample_of_stamp(addition->stamp);
        struct run_sample earlier = sample_of_stamp((uint64_t)entry->latest_stamp);
        is_latest = sample_supersedes(&later, &earlier, &is_known);
    }
    if (!is_known) {
        return latest | LATEST_UNKNOWN;
    }
    if (!is_latest) {
        return latest;
    }
    entry->latest_stamp = (int64_t)addition->stamp;
    return unit << LATEST_FLAG_BITS | flags;
}

static bool is_whole_cut(const struct addition *addition)
{
    return addition->stamp >> RECORD_FLAG_BITS == 0 && addition->to_ms > RUN_TIMESTAMP_MAX;
}

static void take_one(struct taker *taker, const struct addition *addition)
{
    struct entry *entry = addition->entry;
    uint32_t head = atomic_load_explicit(&entry->head, memory_order_relaxed);
    uint32_t unit = put_record(taker, addition, head);
    if (addition->is_new && head == 0) {
        atomic_store_explicit(&entry->latest, LATEST_WHOLE, memory_order_relaxed);
    }
    uint32_t latest;
    if ((addition->stamp & RECORD_CUT) == 0) {
        latest = latest_after_sample(entry, addition, unit);
    } else if (is_whole_cut(addition)) {
        latest = LATEST_WHOLE;
    } else {
        latest = atomic_load_explicit(&entry->latest, memory_order_relaxed) | LATEST_UNKNOWN;
    }
    atomic_store_explicit(&entry->latest, latest, memory_order_release);
    atomic_store_explicit(&entry->head, unit, memory_order_release);
}

static void flush_window(struct taker *taker)
{
    for (uint32_t i = 0; i < taker->count; i++) {
        struct addition *addition = &taker->window[i];
        addition->entry = find_entry(taker->generation, addition->property);
        ASSERT(addition->entry != NULL);
        __builtin_prefetch(addition->entry, 1);
    }
    for (uint32_t i = 0; i < taker->count; i++) {
        take_one(taker, &taker->window[i]);
    }
    taker->count = 0;
}

static struct addition *window_next(struct taker *taker)
{
    if (taker->count == WINDOW_COUNT) {
        flush_window(taker);
    }
    return &taker->window[taker->count++];
}

static void take_points(struct taker *taker, struct event *event)
{
    struct point point;
    while (event_next_point(event, &point)) {
        ASSERT(point.timestamp_ms >= 0 && point.timestamp_ms <= RUN_TIMESTAMP_MAX);
        bool is_client = (point.flags & POINT_CLIENT_STAMPED) != 0;
        *window_next(taker) = (struct addition){
            .property = point.property,
            .stamp = (uint64_t)point.timestamp_ms << RECORD_FLAG_BITS |
                     (is_client ? RECORD_CLIENT_STAMPED : 0),
            .value = point.value,
            .is_new = (point.flags & POINT_NEW_PROPERTY) != 0,
        };
    }
}

static void take_cuts(struct taker *taker, struct event *event)
{
    struct cut cut;
    while (event_next_cut(event, &cut)) {
        int64_t from_ms = max_i64(cut.from_ms, 0);
        int64_t to_ms = cut.to_ms > RUN_TIMESTAMP_MAX ? RUN_TIMESTAMP_MAX + 1 : cut.to_ms;
        if (from_ms < to_ms) {
            *window_next(taker) = (struct addition){
                .property = cut.property,
                .stamp = (uint64_t)from_ms << RECORD_FLAG_BITS | RECORD_CUT,
                .to_ms = to_ms,
            };
        }
    }
}

static void take_group(struct generation *generation, const struct group *group,
                       struct outside *outsides)
{
    struct taker taker;
    taker.generation = generation;
    taker.group = arena_take(generation, UNIT_BYTES);
    taker.outsides = outsides;
    taker.count = 0;
    memcpy(unit_at(generation, taker.group), &group->time_ms, sizeof(group->time_ms));
    struct event_walk walk = event_walk_start(group);
    struct event event;
    while (event_walk_next(&walk, &event)) {
        if (event.type == EVENT_POINTS) {
            take_points(&taker, &event);
        } else if (event.type == EVENT_CUT) {
            take_cuts(&taker, &event);
        }
    }
    flush_window(&taker);
    ASSERT(taker.outsides == NULL);
}

static struct outside *reversed(struct outside *list)
{
    struct outside *other = NULL;
    while (list != NULL) {
        struct outside *next = list->next;
        list->next = other;
        other = list;
        list = next;
    }
    return other;
}

struct err tail_add(struct tail *tail, const struct group *group)
{
    struct generation *generation = tail->active;
    ASSERT(group->first_sequence == tail_last(tail) + 1);
    struct reservation reservation = {0};
    struct err err = reserve_group(generation, group, &reservation);
    struct outside *outsides = reversed(reservation.outsides);
    if (err_is_set(err)) {
        while (outsides != NULL) {
            struct outside *next = outsides->next;
            free(outsides);
            outsides = next;
        }
        return err;
    }
    take_group(generation, group, outsides);
    atomic_store_explicit(&generation->published, generation->next, memory_order_release);
    atomic_store_explicit(&generation->last, group->last_sequence, memory_order_release);
    atomic_store_explicit(&tail->last, group->last_sequence, memory_order_release);
    return ERR(OK);
}

/* ---- the tail ---- */

struct err tail_new(uint64_t sequence, struct tail **tail)
{
    struct tail *made = calloc(1, sizeof(*made));
    struct generation *active = generation_new(sequence + 1);
    if (made == NULL || active == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        free(active);
        return ERR(NO_MEMORY);
    }
    made->active = active;
    atomic_store(&made->last, sequence);
    *tail = made;
    return ERR(OK);
}

void tail_free(struct tail *tail)
{
    if (tail != NULL) {
        generation_unpin(tail->frozen);
        generation_unpin(tail->active);
        pthread_mutex_destroy(&tail->lock);
        free(tail);
    }
}

struct err tail_freeze(struct tail *tail)
{
    ASSERT(generation_last(tail->active) >= tail->active->first);
    struct generation *active = generation_new(tail_last(tail) + 1);
    if (active == NULL) {
        return ERR(NO_MEMORY);
    }
    pthread_mutex_lock(&tail->lock);
    ASSERT(tail->frozen == NULL);
    tail->frozen = tail->active;
    tail->active = active;
    atomic_store(&tail->frozen_bytes, atomic_load(&tail->frozen->bytes));
    pthread_mutex_unlock(&tail->lock);
    return ERR(OK);
}

void tail_drop_frozen(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    struct generation *frozen = tail->frozen;
    tail->frozen = NULL;
    atomic_store(&tail->frozen_bytes, 0);
    pthread_mutex_unlock(&tail->lock);
    generation_unpin(frozen);
}

bool tail_has_frozen(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    bool has_frozen = tail->frozen != NULL;
    pthread_mutex_unlock(&tail->lock);
    return has_frozen;
}

size_t tail_active_bytes(struct tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    size_t bytes = atomic_load_explicit(&tail->active->bytes, memory_order_relaxed);
    pthread_mutex_unlock(&tail->lock);
    return bytes;
}

size_t tail_bytes(struct tail *tail)
{
    return tail_active_bytes(tail) +
           atomic_load_explicit(&tail->frozen_bytes, memory_order_relaxed);
}

uint64_t tail_last(const struct tail *tail)
{
    return atomic_load_explicit(&tail->last, memory_order_acquire);
}

void tail_pin(struct tail *tail, struct tail_view *view)
{
    pthread_mutex_lock(&tail->lock);
    *view = (struct tail_view){.frozen = tail->frozen, .active = tail->active};
    if (view->frozen != NULL) {
        atomic_fetch_add(&view->frozen->pins, 1);
    }
    atomic_fetch_add(&view->active->pins, 1);
    pthread_mutex_unlock(&tail->lock);
}

void tail_unpin(struct tail_view *view)
{
    generation_unpin(view->frozen);
    generation_unpin(view->active);
    *view = (struct tail_view){0};
}
