/* SPDX-License-Identifier: Apache-2.0
 *
 * history_latest: the newest sample from memory (the tail, then the table of newest samples), or
 * with one look at the newest stored hour; where that cannot tell, by history_read. */
#include "store/rocks.h"

#include "store/hot.h"

/* The newest of what has been looked at so far; older stretches are looked at later. */
struct newest {
    struct run_sample sample;
    bool found;
    bool is_whole;   /* nothing older matters */
    bool is_unknown; /* only history_read can tell */
};

/* Takes an older sample into account. */
static void consider_older(struct newest *newest, const struct run_sample *older)
{
    bool is_known = true;
    if (!newest->found || !sample_supersedes(&newest->sample, older, &is_known)) {
        newest->sample = *older;
        newest->found = true;
    }
    newest->is_unknown |= !is_known;
}

static void consider_generation(struct newest *newest, const struct generation *generation,
                                uint32_t property)
{
    if (generation == NULL || newest->is_whole || newest->is_unknown) {
        return;
    }
    struct run_sample sample;
    bool found;
    enum tail_latest latest = generation_latest(generation, property, &sample, &found);
    if (found) {
        consider_older(newest, &sample);
    }
    newest->is_whole = latest == TAIL_WHOLE;
    newest->is_unknown |= latest == TAIL_UNKNOWN;
}

static struct newest newest_of_view(const struct tail_view *view, uint64_t mark, uint32_t property)
{
    struct newest newest = {.found = false};
    const struct generation *generations[] = {view->active, view->frozen};
    for (size_t i = 0; i < ARRAY_LEN(generations); i++) {
        if (generations[i] != NULL && generation_first(generations[i]) > mark) {
            consider_generation(&newest, generations[i], property);
        }
    }
    return newest;
}

/* The newest stored sample as of the iterator's moment. <hour> keeps its value. */
static struct err stored_newest(rocksdb_iterator_t *iterator, uint32_t property,
                                struct series *hour, bool *found)
{
    uint8_t key[HISTORY_KEY_BYTES];
    uint32_t bucket;
    *found = false;
    history_key(key, property, HISTORY_BUCKET_MAX);
    for (history_iterator_seek(iterator, key); history_iterator_is_on(iterator, property, &bucket);
         rocksdb_iter_next(iterator)) {
        series_reset(hour);
        TRY(history_iterator_decode(iterator, hour));
        series_settle(hour);
        if (hour->count > 0) {
            *found = true;
            return ERR(OK);
        }
    }
    return history_iterator_check(iterator);
}

/* Looks into the store too, and tells the table what is there. */
static struct err consider_store(struct history *history, const struct tail_view *view,
                                 uint32_t property, struct newest *newest, struct series *hour)
{
    TRY(rocks_enter(history->rocks));
    rocksdb_iterator_t *iterator = history_iterate(history);
    uint64_t mark;
    bool found = false;
    struct err err = history_iterator_mark(iterator, &mark);
    if (!err_is_set(err)) {
        err = stored_newest(iterator, property, hour, &found);
    }
    rocksdb_iter_destroy(iterator);
    rocks_leave(history->rocks);
    TRY(err);
    const struct run_sample *stored = found ? &hour->at[hour->count - 1] : NULL;
    hot_offer(history->hot, property, mark, stored);
    /* A roll-up may have come in between: what it has written counts as stored now. */
    *newest = newest_of_view(view, mark, property);
    if (found && !newest->is_whole && !newest->is_unknown) {
        consider_older(newest, stored);
    }
    return ERR(OK);
}

static void answer(const struct newest *newest, struct sample *sample, struct buf *value)
{
    /* The value may lie in <value> already, where the table has put it. */
    if (buf_bytes(value) == 0 || newest->sample.value.at != buf_data(value).at) {
        buf_reset(value);
        buf_put(value, newest->sample.value);
    }
    *sample = (struct sample){
        .timestamp_ms = newest->sample.timestamp_ms,
        .created_ms = newest->sample.created_ms,
        .client_stamped = newest->sample.client_stamped,
        .value = buf_data(value),
    };
}

/* The sure way: the last sample of all. */
static struct err latest_by_reading(struct history *history, uint32_t property,
                                    struct sample *sample, struct buf *value, bool *found)
{
    struct samples samples = {0};
    const struct history_query query = {.property = property, .to_ms = INT64_MAX, .limit = 1};
    struct err err = history_read(history, &query, &samples);
    *found = !err_is_set(err) && samples.count > 0;
    if (*found) {
        *sample = samples.at[0];
        buf_put(value, sample->value);
        sample->value = buf_data(value);
    }
    samples_deinit(&samples);
    return err;
}

/* From memory, or with one look into the store; newest->is_unknown when that does not do. *is_late
 * when roll-ups have overtaken the view: what the table knows may then be ahead of it. */
static struct err find_newest(struct history *history, const struct tail_view *view,
                              uint32_t property, struct newest *newest, struct series *hour,
                              struct buf *value, bool *is_late)
{
    *is_late = false;
    *newest = newest_of_view(view, 0, property);
    if (newest->is_whole || newest->is_unknown) {
        return ERR(OK);
    }
    struct run_sample sample;
    uint64_t mark;
    enum hot_found found = hot_find(history->hot, property, &sample, value, &mark);
    if (found == HOT_ABSENT) {
        return consider_store(history, view, property, newest, hour);
    }
    *is_late = mark >= generation_first(view->active);
    if (found == HOT_SAMPLE) {
        consider_older(newest, &sample);
    }
    return ERR(OK);
}

/* One try; *is_late: it must be made again. */
static struct err latest_from_memory(struct history *history, uint32_t property,
                                     struct sample *sample, struct buf *value, bool *found,
                                     bool *is_known, bool *is_late)
{
    struct tail_view view;
    struct newest newest;
    struct series hour = {0};
    buf_reset(value);
    tail_pin(history->tail, &view);
    struct err err = find_newest(history, &view, property, &newest, &hour, value, is_late);
    *is_known = !newest.is_unknown;
    *found = !err_is_set(err) && *is_known && newest.found;
    if (*found) {
        answer(&newest, sample, value);
    }
    series_deinit(&hour);
    tail_unpin(&view);
    return err;
}

struct err history_latest(struct history *history, uint32_t property, struct sample *sample,
                          struct buf *value, bool *found)
{
    bool is_known;
    bool is_late;
    do {
        TRY(latest_from_memory(history, property, sample, value, found, &is_known, &is_late));
    } while (is_late);
    if (!is_known) {
        buf_reset(value);
        TRY(latest_by_reading(history, property, sample, value, found));
    } else if (!*found) {
        buf_reset(value);
    }
    return value->failed ? ERR(NO_MEMORY) : ERR(OK);
}
