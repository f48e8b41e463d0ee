/* SPDX-License-Identifier: Apache-2.0
 *
 * The history on RocksDB: column family `history`.
 *
 *      key    property number (4 bytes, big-endian), hour since 1970 with all bits inverted (4)
 *      value  the operations of that hour (run.h), timestamps based on the hour's beginning
 *
 * So a property's hours lie together, the newest first. Property number 0, hour bits 0: the mark,
 * which is the sequence number (8 bytes, big-endian) up to which the journal has been written here,
 * and 8 bytes of XXH3 of it.
 *
 * A read pins the tail first, then takes one iterator, which sees the store as of one moment, and
 * reads the mark through it. Generations that begin at or below the mark are in the runs already
 * and are left out; what lies behind the mark was in the tail when it was pinned, because the tail
 * forgets only what the mark has passed. No lock orders the two. */
#include "store/rocks.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/hot.h"

#include <stdlib.h>

void history_key(uint8_t key[HISTORY_KEY_BYTES], uint32_t property, uint32_t bucket)
{
    rocks_put_u32be(key, property);
    rocks_put_u32be(key + 4, ~bucket);
}

static const uint8_t MARK_KEY[HISTORY_KEY_BYTES] = {0};

void history_mark_encode(uint8_t value[HISTORY_MARK_BYTES], uint64_t mark)
{
    rocks_put_u64be(value, mark);
    rocks_put_u64be(value + 8, hash_bytes(0, slice_of(value, 8)));
}

struct err history_mark_decode(struct slice value, uint64_t *mark)
{
    if (value.bytes != HISTORY_MARK_BYTES ||
        rocks_read_u64be(value.at + 8) != hash_bytes(0, slice_first(value, 8))) {
        return ERR(CORRUPT);
    }
    *mark = rocks_read_u64be(value.at);
    return ERR(OK);
}

/* ---- one moment of the store ---- */

struct err history_iterator_check(const rocksdb_iterator_t *iterator)
{
    char *text = NULL;
    rocksdb_iter_get_error(iterator, &text);
    return rocks_check(text, "reading the history");
}

void history_iterator_seek(rocksdb_iterator_t *iterator, const uint8_t key[HISTORY_KEY_BYTES])
{
    rocksdb_iter_seek(iterator, (const char *)key, HISTORY_KEY_BYTES);
}

struct err history_iterator_mark(rocksdb_iterator_t *iterator, uint64_t *mark)
{
    *mark = 0;
    history_iterator_seek(iterator, MARK_KEY);
    if (!rocksdb_iter_valid(iterator)) {
        return history_iterator_check(iterator);
    }
    size_t bytes;
    const char *key = rocksdb_iter_key(iterator, &bytes);
    if (bytes != HISTORY_KEY_BYTES || memcmp(key, MARK_KEY, HISTORY_KEY_BYTES) != 0) {
        return ERR(OK);
    }
    const char *value = rocksdb_iter_value(iterator, &bytes);
    return history_mark_decode(slice_of(value, bytes), mark);
}

rocksdb_iterator_t *history_iterate(const struct history *history)
{
    return rocksdb_create_iterator_cf(history->rocks->db, history->read_options,
                                      history->rocks->history);
}

bool history_iterator_is_on(const rocksdb_iterator_t *iterator, uint32_t property, uint32_t *bucket)
{
    if (!rocksdb_iter_valid(iterator)) {
        return false;
    }
    size_t bytes;
    const uint8_t *key = (const uint8_t *)rocksdb_iter_key(iterator, &bytes);
    if (bytes != HISTORY_KEY_BYTES || rocks_read_u32be(key) != property) {
        return false;
    }
    *bucket = ~rocks_read_u32be(key + 4);
    return true;
}

struct err history_iterator_decode(const rocksdb_iterator_t *iterator, struct series *hour)
{
    size_t bytes;
    const uint8_t *key = (const uint8_t *)rocksdb_iter_key(iterator, &bytes);
    ASSERT(bytes == HISTORY_KEY_BYTES);
    size_t value_bytes;
    const char *value = rocksdb_iter_value(iterator, &value_bytes);
    uint32_t bucket = ~rocks_read_u32be(key + 4);
    struct err err =
        series_decode(hour, slice_of(value, value_bytes), history_bucket_start(bucket));
    if (err.code == ERR_CORRUPT) {
        log_line(LOG_ERROR, "store", "stored samples are damaged property=%u hour=%u bytes=%zu",
                 rocks_read_u32be(key), bucket, value_bytes);
    }
    return err;
}

/* ---- rolling up ---- */

static struct err stored_mark(const struct history *history, uint64_t *mark)
{
    rocksdb_iterator_t *iterator = history_iterate(history);
    struct err err = history_iterator_mark(iterator, mark);
    rocksdb_iter_destroy(iterator);
    return err;
}

/* Brings the table of newest samples to the new mark. */
static void update_hot(struct hot *hot, const struct generation *generation)
{
    uint32_t property = generation_next_property(generation, 1);
    while (property != 0) {
        struct run_sample sample;
        bool found;
        switch (generation_latest(generation, property, &sample, &found)) {
        case TAIL_NOTHING:
            break;
        case TAIL_SAMPLE:
            hot_apply(hot, property, HOT_LATER, &sample);
            break;
        case TAIL_WHOLE:
            hot_apply(hot, property, HOT_REPLACE, found ? &sample : NULL);
            break;
        case TAIL_UNKNOWN:
            hot_apply(hot, property, HOT_FORGET, NULL);
            break;
        }
        property = property == UINT32_MAX ? 0 : generation_next_property(generation, property + 1);
    }
}

static struct err roll_frozen(struct history *history)
{
    struct tail_view view;
    tail_pin(history->tail, &view);
    ASSERT(view.frozen != NULL);
    uint64_t mark = generation_last(view.frozen);
    uint64_t stored = 0;
    struct err err = stored_mark(history, &stored);
    /* After an error it may have been taken in all the same: twice would be wrong. */
    if (!err_is_set(err) && stored < mark) {
        err = rollup_write(history->rocks, view.frozen, mark);
    }
    if (!err_is_set(err)) {
        atomic_store(&history->mark, mark);
        hot_set_mark(history->hot, mark);
        update_hot(history->hot, view.frozen);
        tail_drop_frozen(history->tail);
    }
    tail_unpin(&view);
    return err;
}

struct err history_roll(struct history *history)
{
    TRY(rocks_enter(history->rocks));
    struct err err = roll_frozen(history);
    rocks_leave(history->rocks);
    return err;
}

/* ---- opening ---- */

struct err history_open(struct rocks *rocks, size_t hot_bytes, struct history **history)
{
    struct history *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    made->rocks = rocks;
    made->read_options = rocksdb_readoptions_create();
    /* An iterator stays within the property it was sent to, and skips files without it. */
    rocksdb_readoptions_set_prefix_same_as_start(made->read_options, 1);
    uint64_t mark = 0;
    struct err err = stored_mark(made, &mark);
    if (!err_is_set(err)) {
        err = tail_new(mark, &made->tail);
    }
    if (!err_is_set(err)) {
        err = hot_new(hot_bytes, mark, &made->hot);
    }
    if (err_is_set(err)) {
        history_close(made);
        return err;
    }
    atomic_store(&made->mark, mark);
    *history = made;
    return ERR(OK);
}

void history_close(struct history *history)
{
    if (history != NULL) {
        tail_free(history->tail);
        hot_free(history->hot);
        rocksdb_readoptions_destroy(history->read_options);
        free(history);
    }
}

struct tail *history_tail(struct history *history)
{
    return history->tail;
}

uint64_t history_mark(const struct history *history)
{
    return atomic_load(&history->mark);
}

uint64_t history_files_unsorted(struct history *history)
{
    if (err_is_set(rocks_enter(history->rocks))) {
        return 0;
    }
    char *text = rocksdb_property_value_cf(history->rocks->db, history->rocks->history,
                                           "rocksdb.num-files-at-level0");
    uint64_t count = text == NULL ? 0 : strtoull(text, NULL, 10);
    rocksdb_free(text);
    rocks_leave(history->rocks);
    return count;
}
