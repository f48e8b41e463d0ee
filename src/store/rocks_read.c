/* SPDX-License-Identifier: Apache-2.0
 *
 * history_read: the stored hours and those of the tail, side by side, in the query's order. */
#include "store/rocks.h"

#include "base/assert.h"

#include <stdlib.h>

struct reading {
    const struct history_query *query;
    int64_t from_ms; /* of the query, narrowed by the position it continues from */
    int64_t to_ms;
    struct tail_view view;
    struct tail_change tail; /* what the tail adds */
    rocksdb_iterator_t *iterator;
    struct series hour;
    struct samples *samples;
    bool is_done;
};

void samples_deinit(struct samples *samples)
{
    free(samples->at);
    buf_deinit(&samples->values);
    *samples = (struct samples){0};
}

/* Adds a sample. The bytes of values may still move: slices are set at the end. */
static struct err put_sample(struct samples *samples, const struct run_sample *sample,
                             struct slice value)
{
    if (samples->count == samples->room) {
        uint32_t room = samples->room == 0 ? 32 : samples->room * 2;
        struct sample *at = realloc(samples->at, room * sizeof(*at));
        if (at == NULL) {
            return ERR(NO_MEMORY);
        }
        samples->at = at;
        samples->room = room;
    }
    buf_put(&samples->values, value);
    if (samples->values.failed) {
        return ERR(NO_MEMORY);
    }
    samples->at[samples->count++] = (struct sample){
        .timestamp_ms = sample->timestamp_ms,
        .created_ms = sample->created_ms,
        .ordinal = sample->order,
        .client_stamped = sample->client_stamped,
        .value = slice_of(NULL, value.bytes),
    };
    return ERR(OK);
}

static void set_values(struct samples *samples)
{
    const uint8_t *at = buf_data(&samples->values).at;
    for (uint32_t i = 0; i < samples->count; i++) {
        samples->at[i].value.at = at;
        at += samples->at[i].value.bytes;
    }
}

/* True when the sample comes behind the query's position. */
static bool is_behind(const struct history_query *query, const struct run_sample *sample)
{
    if (!query->has_after) {
        return true;
    }
    const struct history_position *after = &query->after;
    if (sample->timestamp_ms != after->timestamp_ms) {
        return (sample->timestamp_ms > after->timestamp_ms) == query->ascending;
    }
    return query->ascending ? sample->order > after->ordinal : sample->order < after->ordinal;
}

static bool is_wanted(const struct history_query *query, const struct run_sample *sample)
{
    return is_behind(query, sample) &&
           (query->created_max_ms == 0 || sample->created_ms <= query->created_max_ms);
}

static bool is_enough(const struct history_query *query, const struct samples *samples)
{
    return samples->count == query->limit ||
           (query->bytes_max > 0 && buf_bytes(&samples->values) >= query->bytes_max);
}

/* Hands out the samples of the settled hour, in the query's order. */
static struct err emit_hour(struct reading *reading)
{
    const struct history_query *query = reading->query;
    struct series *hour = &reading->hour;
    series_settle(hour);
    uint32_t first = series_lower_bound(hour, reading->from_ms);
    uint32_t end = series_lower_bound(hour, reading->to_ms + 1);
    for (uint32_t i = first; i < end && !reading->is_done; i++) {
        uint32_t index = query->ascending ? i : end - 1 - (i - first);
        const struct run_sample *sample = &hour->at[index];
        if (!is_wanted(query, sample)) {
            continue;
        }
        if (is_enough(query, reading->samples)) {
            reading->samples->more = true;
            reading->is_done = true;
        } else {
            TRY(put_sample(reading->samples, sample,
                           query->without_values ? (struct slice){0} : sample->value));
        }
    }
    return ERR(OK);
}

static bool is_cut_whole(const struct tail_change *tail, uint32_t bucket)
{
    for (uint32_t i = 0; i < tail->cut_count; i++) {
        if (tail->cuts[i].from_ms <= history_bucket_start(bucket) &&
            tail->cuts[i].to_ms >= history_bucket_start(bucket) + HISTORY_BUCKET_MS) {
            return true;
        }
    }
    return false;
}

/* An hour: what is stored (when <is_stored>, under the iterator), then what the tail does to it. */
static struct err read_hour(struct reading *reading, uint32_t bucket, bool is_stored)
{
    struct series *hour = &reading->hour;
    const struct tail_change *tail = &reading->tail;
    series_reset(hour);
    if (is_stored && !is_cut_whole(tail, bucket)) {
        TRY(history_iterator_decode(reading->iterator, hour));
        for (uint32_t i = 0; i < tail->cut_count; i++) {
            series_cut(hour, tail->cuts[i].from_ms, tail->cuts[i].to_ms);
        }
    }
    int64_t start_ms = history_bucket_start(bucket);
    uint32_t end = series_lower_bound(&tail->samples, start_ms + HISTORY_BUCKET_MS);
    for (uint32_t i = series_lower_bound(&tail->samples, start_ms); i < end; i++) {
        TRY(series_append(hour, &tail->samples.at[i], false));
    }
    return emit_hour(reading);
}

/* The next hour of the tail in the query's order, from the hour <from> on; false when there is
 * none. */
static bool next_tail_hour(const struct reading *reading, int64_t from, uint32_t *bucket)
{
    const struct series *samples = &reading->tail.samples;
    if (from < 0 || from > HISTORY_BUCKET_MAX) {
        return false;
    }
    int64_t start_ms = history_bucket_start((uint32_t)from);
    if (reading->query->ascending) {
        uint32_t i = series_lower_bound(samples, start_ms);
        *bucket = i < samples->count ? history_bucket(samples->at[i].timestamp_ms) : 0;
        return i < samples->count;
    }
    uint32_t i = series_lower_bound(samples, start_ms + HISTORY_BUCKET_MS);
    *bucket = i > 0 ? history_bucket(samples->at[i - 1].timestamp_ms) : 0;
    return i > 0;
}

/* Places the iterator on the first stored hour in the query's order. */
static void seek_first(struct reading *reading)
{
    uint8_t key[HISTORY_KEY_BYTES];
    bool ascending = reading->query->ascending;
    int64_t start_ms = ascending ? reading->from_ms : reading->to_ms;
    history_key(key, reading->query->property, history_bucket(start_ms));
    if (ascending) {
        rocksdb_iter_seek_for_prev(reading->iterator, (const char *)key, sizeof(key));
    } else {
        history_iterator_seek(reading->iterator, key);
    }
}

/* Walks the stored hours and those of the tail side by side. */
static struct err read_hours(struct reading *reading)
{
    bool ascending = reading->query->ascending;
    int64_t step = ascending ? 1 : -1;
    int64_t from = history_bucket(ascending ? reading->from_ms : reading->to_ms);
    int64_t end = history_bucket(ascending ? reading->to_ms : reading->from_ms);
    seek_first(reading);
    while (!reading->is_done && (end - from) * step >= 0) {
        uint32_t stored = 0;
        uint32_t tail = 0;
        bool has_stored =
            history_iterator_is_on(reading->iterator, reading->query->property, &stored);
        bool has_tail = next_tail_hour(reading, from, &tail);
        if (!has_stored && !has_tail) {
            break;
        }
        bool is_stored_next =
            has_stored && (!has_tail || ((int64_t)tail - (int64_t)stored) * step >= 0);
        uint32_t bucket = is_stored_next ? stored : tail;
        if (((int64_t)bucket - end) * step > 0) {
            break;
        }
        TRY(read_hour(reading, bucket, is_stored_next));
        if (is_stored_next && ascending) {
            rocksdb_iter_prev(reading->iterator);
        } else if (is_stored_next) {
            rocksdb_iter_next(reading->iterator);
        }
        from = (int64_t)bucket + step;
    }
    return history_iterator_check(reading->iterator);
}

/* What the pinned generations add to a store that stands at <mark>. */
static struct err collect_tail(const struct tail_view *view, uint64_t mark, uint32_t property,
                               int64_t from_ms, int64_t to_ms, struct tail_change *change)
{
    const struct generation *generations[] = {view->frozen, view->active};
    for (size_t i = 0; i < ARRAY_LEN(generations); i++) {
        if (generations[i] != NULL && generation_first(generations[i]) > mark) {
            TRY(generation_collect(generations[i], property, from_ms, to_ms, change));
        }
    }
    series_settle(&change->samples);
    return ERR(OK);
}

/* The query's times within what exists; false when nothing can match. */
static bool narrow(struct reading *reading)
{
    const struct history_query *query = reading->query;
    reading->from_ms = max_i64(query->from_ms, 0);
    reading->to_ms = query->to_ms > RUN_TIMESTAMP_MAX ? RUN_TIMESTAMP_MAX : query->to_ms;
    if (query->has_after && query->ascending) {
        reading->from_ms = max_i64(reading->from_ms, query->after.timestamp_ms);
    } else if (query->has_after && query->after.timestamp_ms < reading->to_ms) {
        reading->to_ms = query->after.timestamp_ms;
    }
    return reading->from_ms <= reading->to_ms;
}

struct err history_read(struct history *history, const struct history_query *query,
                        struct samples *samples)
{
    ASSERT(query->limit > 0 && query->property != 0);
    samples->count = 0;
    samples->more = false;
    buf_reset(&samples->values);
    struct reading reading = {.query = query, .samples = samples};
    if (!narrow(&reading)) {
        return ERR(OK);
    }
    TRY(rocks_enter(history->rocks));
    tail_pin(history->tail, &reading.view);
    reading.iterator = history_iterate(history);
    uint64_t mark;
    struct err err = history_iterator_mark(reading.iterator, &mark);
    if (!err_is_set(err)) {
        err = collect_tail(&reading.view, mark, query->property, reading.from_ms, reading.to_ms,
                           &reading.tail);
    }
    if (!err_is_set(err)) {
        err = read_hours(&reading);
    }
    set_values(samples);
    rocksdb_iter_destroy(reading.iterator);
    rocks_leave(history->rocks);
    series_deinit(&reading.hour);
    tail_change_deinit(&reading.tail);
    tail_unpin(&reading.view);
    return err;
}
