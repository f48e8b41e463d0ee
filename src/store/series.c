/* SPDX-License-Identifier: Apache-2.0 */
#include "store/series.h"

#include "base/assert.h"

#include <stdlib.h>

#define ROOM_FIRST 64
#define BLOCK_BYTES 16384

struct series_block {
    struct series_block *next;
    size_t used;
    size_t room;
    uint8_t at[];
};

static void free_blocks(struct series_block *block)
{
    while (block != NULL) {
        struct series_block *next = block->next;
        free(block);
        block = next;
    }
}

void series_deinit(struct series *series)
{
    free_blocks(series->blocks);
    free(series->at);
    *series = (struct series){0};
}

void series_reset(struct series *series)
{
    if (series->blocks != NULL) {
        free_blocks(series->blocks->next);
        series->blocks->next = NULL;
        series->blocks->used = 0;
    }
    series->count = 0;
    series->next_order = 0;
    series->is_unordered = false;
    series->has_ties = false;
}

static struct err copy_value(struct series *series, struct slice *value)
{
    struct series_block *block = series->blocks;
    if (block == NULL || block->room - block->used < value->bytes) {
        size_t room = max_size(BLOCK_BYTES, value->bytes);
        block = malloc(sizeof(*block) + room);
        if (block == NULL) {
            return ERR(NO_MEMORY);
        }
        *block = (struct series_block){.next = series->blocks, .room = room};
        series->blocks = block;
    }
    if (value->bytes > 0) {
        memcpy(block->at + block->used, value->at, value->bytes);
    }
    *value = slice_of(block->at + block->used, value->bytes);
    block->used += value->bytes;
    return ERR(OK);
}

static struct err make_room(struct series *series)
{
    if (series->count < series->room) {
        return ERR(OK);
    }
    uint32_t room = series->room == 0 ? ROOM_FIRST : series->room * 2;
    struct run_sample *at = realloc(series->at, room * sizeof(*at));
    if (at == NULL || room > UINT32_MAX / 4) {
        series->at = at != NULL ? at : series->at;
        return ERR(NO_MEMORY);
    }
    series->at = at;
    series->room = room;
    return ERR(OK);
}

struct err series_append(struct series *series, const struct run_sample *sample, bool copy)
{
    TRY(make_room(series));
    struct run_sample *to = &series->at[series->count];
    *to = *sample;
    to->order = series->next_order;
    if (copy) {
        TRY(copy_value(series, &to->value));
    }
    if (series->count > 0) {
        series->is_unordered |= to->timestamp_ms < to[-1].timestamp_ms;
        series->has_ties |= to->timestamp_ms <= to[-1].timestamp_ms;
    }
    series->next_order++;
    series->count++;
    return ERR(OK);
}

void series_cut(struct series *series, int64_t from_ms, int64_t to_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < series->count; i++) {
        int64_t timestamp_ms = series->at[i].timestamp_ms;
        if (timestamp_ms < from_ms || timestamp_ms >= to_ms) {
            series->at[kept++] = series->at[i];
        }
    }
    series->count = kept;
}

static struct err decode_run(struct series *series, const struct run_operation *operation,
                             int64_t base_ms)
{
    struct run_reader reader;
    TRY(run_reader_start(&reader, operation, base_ms));
    for (;;) {
        struct run_sample sample;
        bool found;
        TRY(run_reader_next(&reader, &sample, &found));
        if (!found) {
            return ERR(OK);
        }
        /* A verbatim value lies in the stored bytes too, but these go sooner than the series. */
        TRY(series_append(series, &sample, true));
    }
}

struct err series_decode(struct series *series, struct slice stored, int64_t base_ms)
{
    struct cursor c = cursor_over(stored);
    for (;;) {
        struct run_operation operation;
        bool found;
        TRY(run_next_operation(&c, &operation, &found));
        if (!found) {
            return ERR(OK);
        }
        if (operation.kind == RUN_OPERATION_CUT) {
            series_cut(series, operation.from_ms, operation.to_ms);
        } else {
            TRY(decode_run(series, &operation, base_ms));
        }
    }
}

static int compare_samples(const void *left, const void *right)
{
    const struct run_sample *a = left;
    const struct run_sample *b = right;
    if (a->timestamp_ms != b->timestamp_ms) {
        return a->timestamp_ms < b->timestamp_ms ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

/* Later client-stamped samples take the place of the first one with their timestamp. */
static void replace_client_stamped(struct series *series)
{
    uint32_t kept = 0;
    uint32_t client = UINT32_MAX; /* where the client-stamped one of this timestamp is */
    for (uint32_t i = 0; i < series->count; i++) {
        struct run_sample sample = series->at[i];
        bool is_new = kept == 0 || series->at[kept - 1].timestamp_ms != sample.timestamp_ms;
        client = is_new ? UINT32_MAX : client;
        if (sample.client_stamped && client != UINT32_MAX) {
            series->at[client] = sample;
            continue;
        }
        client = sample.client_stamped ? kept : client;
        series->at[kept++] = sample;
    }
    series->count = kept;
}

void series_settle(struct series *series)
{
    if (series->is_unordered) {
        qsort(series->at, series->count, sizeof(*series->at), compare_samples);
    }
    if (series->has_ties) {
        replace_client_stamped(series);
    }
    for (uint32_t i = 0; i < series->count; i++) {
        struct run_sample *sample = &series->at[i];
        bool is_tie = i > 0 && sample[-1].timestamp_ms == sample->timestamp_ms;
        sample->order = is_tie ? sample[-1].order + 1 : 0;
    }
    series->is_unordered = false;
    series->next_order = series->count;
}

uint32_t series_lower_bound(const struct series *series, int64_t timestamp_ms)
{
    ASSERT(!series->is_unordered);
    uint32_t low = 0;
    uint32_t high = series->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (series->at[middle].timestamp_ms < timestamp_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
