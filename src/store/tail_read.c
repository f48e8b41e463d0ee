/* SPDX-License-Identifier: Apache-2.0
 *
 * The reading side of the tail (tail.h): any thread, no locks. */
#include "store/generation.h"
#include "store/tail.h"

#include <stdlib.h>

uint64_t generation_first(const struct generation *generation)
{
    return generation->first;
}

uint64_t generation_last(const struct generation *generation)
{
    return atomic_load_explicit(&generation->last, memory_order_acquire);
}

bool sample_supersedes(const struct run_sample *later, const struct run_sample *earlier,
                       bool *is_known)
{
    /* With equal timestamps, a client-stamped sample may have to take the place of an earlier one
     * that stands before a server-stamped one. */
    *is_known = later->timestamp_ms != earlier->timestamp_ms || !later->client_stamped ||
                earlier->client_stamped;
    return later->timestamp_ms >= earlier->timestamp_ms;
}

void tail_change_deinit(struct tail_change *change)
{
    series_deinit(&change->samples);
    free(change->cuts);
    free(change->records);
    *change = (struct tail_change){0};
}

void tail_change_reset(struct tail_change *change)
{
    series_reset(&change->samples);
    change->cut_count = 0;
}

static struct err put_scratch(struct tail_change *change, uint32_t count,
                              const struct record *record)
{
    if (count == change->record_room) {
        uint32_t room = change->record_room == 0 ? 64 : change->record_room * 2;
        const void **records = realloc(change->records, room * sizeof(*records));
        if (records == NULL) {
            return ERR(NO_MEMORY);
        }
        change->records = records;
        change->record_room = room;
    }
    change->records[count] = record;
    return ERR(OK);
}

static struct err put_cut(struct tail_change *change, int64_t from_ms, int64_t to_ms)
{
    series_cut(&change->samples, from_ms, to_ms);
    if (change->cut_count == change->cut_room) {
        uint32_t room = change->cut_room == 0 ? 4 : change->cut_room * 2;
        struct tail_cut *cuts = realloc(change->cuts, room * sizeof(*cuts));
        if (cuts == NULL) {
            return ERR(NO_MEMORY);
        }
        change->cuts = cuts;
        change->cut_room = room;
    }
    change->cuts[change->cut_count++] = (struct tail_cut){.from_ms = from_ms, .to_ms = to_ms};
    return ERR(OK);
}

static int64_t cut_end(const struct record *record)
{
    int64_t to_ms;
    memcpy(&to_ms, record->value, sizeof(to_ms));
    return to_ms;
}

static struct run_sample sample_of_record(const struct generation *generation,
                                          const struct record *record)
{
    struct run_sample sample = sample_of_stamp(record->stamp);
    memcpy(&sample.created_ms, unit_at(generation, record->group), sizeof(sample.created_ms));
    sample.value = slice_of(record->value, record->bytes);
    if (record->stamp & RECORD_OUTSIDE) {
        struct outside *outside;
        memcpy(&outside, record->value, sizeof(outside));
        sample.value.at = outside->at;
    }
    return sample;
}

static bool record_touches(const struct record *record, int64_t from_ms, int64_t to_ms)
{
    int64_t at_ms = (int64_t)(record->stamp >> RECORD_FLAG_BITS);
    bool is_cut = (record->stamp & RECORD_CUT) != 0;
    return at_ms <= to_ms && (is_cut ? cut_end(record) > from_ms : at_ms >= from_ms);
}

struct err generation_collect(const struct generation *generation, uint32_t property,
                              int64_t from_ms, int64_t to_ms, struct tail_change *change)
{
    uint32_t published = atomic_load_explicit(&generation->published, memory_order_acquire);
    struct entry *entry = find_entry(generation, property);
    uint32_t unit = entry == NULL ? 0 : atomic_load_explicit(&entry->head, memory_order_acquire);
    uint32_t count = 0;
    while (unit != 0) {
        const struct record *record = record_at(generation, unit);
        if (unit < published && record_touches(record, from_ms, to_ms)) {
            TRY(put_scratch(change, count++, record));
        }
        unit = record->previous;
    }
    while (count > 0) {
        const struct record *record = change->records[--count];
        if (record->stamp & RECORD_CUT) {
            TRY(put_cut(change, (int64_t)(record->stamp >> RECORD_FLAG_BITS), cut_end(record)));
        } else {
            struct run_sample sample = sample_of_record(generation, record);
            TRY(series_append(&change->samples, &sample, false));
        }
    }
    return ERR(OK);
}

static uint32_t next_in_page(struct page *page, uint32_t property)
{
    uint32_t i = property & (uint32_t)(PAGE_COUNT - 1);
    for (; i < PAGE_COUNT; i++, property++) {
        if (atomic_load_explicit(&page->entries[i].head, memory_order_acquire) != 0) {
            return property;
        }
    }
    return 0;
}

uint32_t generation_next_property(const struct generation *generation, uint32_t property)
{
    uint64_t at = property;
    while (at <= UINT32_MAX) {
        struct middle *middle = atomic_load_explicit(
            &generation->top[at >> (PAGE_LOG2 + MIDDLE_LOG2)], memory_order_acquire);
        if (middle == NULL) {
            at = ((at >> (PAGE_LOG2 + MIDDLE_LOG2)) + 1) << (PAGE_LOG2 + MIDDLE_LOG2);
            continue;
        }
        struct page *page = atomic_load_explicit(
            &middle->pages[at >> PAGE_LOG2 & (MIDDLE_COUNT - 1)], memory_order_acquire);
        uint32_t found = page == NULL ? 0 : next_in_page(page, (uint32_t)at);
        if (found != 0) {
            return found;
        }
        at = ((at >> PAGE_LOG2) + 1) << PAGE_LOG2;
    }
    return 0;
}

enum tail_latest generation_latest(const struct generation *generation, uint32_t property,
                                   struct run_sample *sample, bool *found)
{
    *found = false;
    struct entry *entry = find_entry(generation, property);
    uint32_t latest =
        entry == NULL ? 0 : atomic_load_explicit(&entry->latest, memory_order_acquire);
    if (latest & LATEST_UNKNOWN) {
        return TAIL_UNKNOWN;
    }
    uint32_t unit = latest >> LATEST_FLAG_BITS;
    if (unit != 0) {
        *sample = sample_of_record(generation, record_at(generation, unit));
        *found = true;
    }
    if (latest & LATEST_WHOLE) {
        return TAIL_WHOLE;
    }
    return *found ? TAIL_SAMPLE : TAIL_NOTHING;
}
