/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal on RocksDB: column family `journal`, a key for each group (its first sequence number,
 * big-endian, so that keys are in order), the group as its value. Values check themselves
 * (event.h).
 *
 * Appending is one write with a sync. Old groups go in whole files only; the newest group always
 * stays, because it says where to continue. */
#include "store/rocks.h"

#include "base/assert.h"
#include "base/log.h"

#include <stdlib.h>

#define KEY_BYTES 8
#define READ_AHEAD_BYTES ((size_t)1 << 20)

struct journal {
    struct rocks *rocks;
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options;
    rocksdb_writebatch_t *batch; /* of one append */
    _Atomic uint64_t first;
    _Atomic uint64_t last;
    _Atomic bool is_broken; /* an append failed: what the log holds now is not known */
};

static rocksdb_iterator_t *iterate(const struct journal *journal)
{
    return rocksdb_create_iterator_cf(journal->rocks->db, journal->read_options,
                                      journal->rocks->journal);
}

static struct err check_iterator(const rocksdb_iterator_t *iterator)
{
    char *text = NULL;
    rocksdb_iter_get_error(iterator, &text);
    return rocks_check(text, "reading the journal");
}

/* The key under the iterator; 0, which is no sequence number, when it has the wrong size. */
static uint64_t key_at(const rocksdb_iterator_t *iterator)
{
    size_t bytes;
    const char *key = rocksdb_iter_key(iterator, &bytes);
    return bytes == KEY_BYTES ? rocks_read_u64be((const uint8_t *)key) : 0;
}

/* To the group that holds <sequence>, or else the first one behind it. */
static void seek_group(rocksdb_iterator_t *iterator, uint64_t sequence)
{
    uint8_t key[KEY_BYTES];
    rocks_put_u64be(key, sequence);
    rocksdb_iter_seek_for_prev(iterator, (const char *)key, sizeof(key));
    if (!rocksdb_iter_valid(iterator)) {
        rocksdb_iter_seek_to_first(iterator);
    }
}

static struct err open_group(const rocksdb_iterator_t *iterator, struct group *group)
{
    size_t bytes;
    const char *value = rocksdb_iter_value(iterator, &bytes);
    struct err err = group_open(slice_of(value, bytes), group);
    uint64_t key = key_at(iterator);
    if (!err_is_set(err) && group->first_sequence == key) {
        return ERR(OK);
    }
    log_line(LOG_ERROR, "store", "a group of the journal is damaged first_sequence=%llu bytes=%zu",
             (unsigned long long)key, bytes);
    return ERR(CORRUPT);
}

/* Where what is there begins and ends. */
static struct err find_ends(const struct journal *journal, uint64_t *first, uint64_t *last)
{
    rocksdb_iterator_t *iterator = iterate(journal);
    struct err err = ERR(OK);
    struct group group = {.last_sequence = 0};
    rocksdb_iter_seek_to_last(iterator);
    if (rocksdb_iter_valid(iterator)) {
        err = open_group(iterator, &group);
        rocksdb_iter_seek_to_first(iterator);
    }
    *first = rocksdb_iter_valid(iterator) ? key_at(iterator) : group.last_sequence + 1;
    *last = group.last_sequence;
    if (!err_is_set(err)) {
        err = check_iterator(iterator);
    }
    rocksdb_iter_destroy(iterator);
    return err;
}

struct err journal_open(struct rocks *rocks, struct journal **journal)
{
    struct journal *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    made->rocks = rocks;
    made->write_options = rocksdb_writeoptions_create();
    made->read_options = rocksdb_readoptions_create();
    made->batch = rocksdb_writebatch_create();
    rocksdb_writeoptions_set_sync(made->write_options, 1);
    rocksdb_readoptions_set_fill_cache(made->read_options, 0);
    rocksdb_readoptions_set_readahead_size(made->read_options, READ_AHEAD_BYTES);
    uint64_t first;
    uint64_t last;
    struct err err = find_ends(made, &first, &last);
    if (err_is_set(err)) {
        journal_close(made);
        return err;
    }
    atomic_store(&made->first, first);
    atomic_store(&made->last, last);
    *journal = made;
    return ERR(OK);
}

void journal_close(struct journal *journal)
{
    if (journal != NULL) {
        rocksdb_writeoptions_destroy(journal->write_options);
        rocksdb_readoptions_destroy(journal->read_options);
        rocksdb_writebatch_destroy(journal->batch);
        free(journal);
    }
}

struct err journal_resume(struct journal *journal)
{
    uint64_t first;
    uint64_t last;
    TRY(find_ends(journal, &first, &last));
    if (last < journal_last(journal)) {
        log_line(LOG_ERROR, "store", "groups of the journal are missing from=%llu to=%llu",
                 (unsigned long long)last + 1, (unsigned long long)journal_last(journal));
        return ERR(CORRUPT);
    }
    atomic_store_explicit(&journal->first, first, memory_order_release);
    atomic_store_explicit(&journal->last, last, memory_order_release);
    atomic_store(&journal->is_broken, false);
    return ERR(OK);
}

static void put_group(struct journal *journal, const struct group *group)
{
    uint8_t key[KEY_BYTES];
    rocks_put_u64be(key, group->first_sequence);
    rocksdb_writebatch_put_cf(journal->batch, journal->rocks->journal, (const char *)key,
                              sizeof(key), (const char *)group->bytes.at, group->bytes.bytes);
}

struct err journal_append(struct journal *journal, const struct group *group, struct slice writes)
{
    ASSERT(group == NULL || group->first_sequence == journal_last(journal) + 1);
    if (atomic_load(&journal->is_broken)) {
        return ERR(READ_ONLY);
    }
    char *text = NULL;
    rocksdb_writebatch_clear(journal->batch);
    if (group != NULL) {
        put_group(journal, group);
        TRY(retained_write(journal->rocks, journal->batch, group));
    }
    sessions_write(journal->rocks, journal->batch, writes);
    rocksdb_write(journal->rocks->db, journal->write_options, journal->batch, &text);
    struct err err = rocks_check(text, "appending to the journal");
    if (err_is_set(err)) {
        atomic_store(&journal->is_broken, true);
        return err;
    }
    if (group != NULL) {
        atomic_store_explicit(&journal->last, group->last_sequence, memory_order_release);
    }
    return ERR(OK);
}

uint64_t journal_last(const struct journal *journal)
{
    return atomic_load_explicit(&journal->last, memory_order_acquire);
}

uint64_t journal_first(const struct journal *journal)
{
    return atomic_load_explicit(&journal->first, memory_order_acquire);
}

/* Visits groups from the iterator on, up to <last>. */
static struct err visit_groups(rocksdb_iterator_t *iterator, uint64_t sequence, uint64_t last,
                               journal_visit_fn visit, void *arg)
{
    uint64_t before = 0;
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        struct group group;
        TRY(open_group(iterator, &group));
        if (group.first_sequence > last) {
            return ERR(OK);
        }
        if (before != 0 && group.first_sequence != before + 1) {
            log_line(LOG_ERROR, "store", "groups of the journal are missing from=%llu to=%llu",
                     (unsigned long long)before + 1, (unsigned long long)group.first_sequence - 1);
            return ERR(CORRUPT);
        }
        before = group.last_sequence;
        if (group.last_sequence >= sequence && !visit(arg, &group)) {
            return ERR(OK);
        }
    }
    TRY(check_iterator(iterator));
    if (before != 0 && before < last) {
        log_line(LOG_ERROR, "store", "groups of the journal are missing from=%llu to=%llu",
                 (unsigned long long)before + 1, (unsigned long long)last);
        return ERR(CORRUPT);
    }
    return ERR(OK);
}

struct err journal_read(struct journal *journal, uint64_t sequence, journal_visit_fn visit,
                        void *arg)
{
    /* Read before the iterator is made, which then sees at least as much. */
    uint64_t last = journal_last(journal);
    if (sequence > last) {
        return ERR(OK);
    }
    TRY(rocks_enter(journal->rocks));
    rocksdb_iterator_t *iterator = iterate(journal);
    seek_group(iterator, sequence);
    struct err err = visit_groups(iterator, sequence, last, visit, arg);
    rocksdb_iter_destroy(iterator);
    rocks_leave(journal->rocks);
    return err;
}

/* The key of the newest group: what may not be deleted begins there. */
static struct err newest_key(struct journal *journal, rocksdb_iterator_t *iterator, uint64_t *key)
{
    rocksdb_iter_seek_to_last(iterator);
    *key = rocksdb_iter_valid(iterator) ? key_at(iterator) : journal_last(journal) + 1;
    return check_iterator(iterator);
}

static struct err drop_files(struct journal *journal, uint64_t sequence)
{
    rocksdb_iterator_t *iterator = iterate(journal);
    uint64_t newest;
    struct err err = newest_key(journal, iterator, &newest);
    if (!err_is_set(err)) {
        /* The group that holds <sequence> stays. */
        seek_group(iterator, sequence);
        uint64_t end = rocksdb_iter_valid(iterator) ? key_at(iterator) : 0;
        end = end < newest ? end : newest;
        uint8_t from[KEY_BYTES];
        uint8_t to[KEY_BYTES];
        rocks_put_u64be(from, 0);
        rocks_put_u64be(to, end == 0 ? 0 : end - 1); /* both ends belong to the range */
        char *text = NULL;
        rocksdb_delete_file_in_range_cf(journal->rocks->db, journal->rocks->journal,
                                        (const char *)from, sizeof(from), (const char *)to,
                                        sizeof(to), &text);
        err = rocks_check(text, "dropping old groups of the journal");
    }
    rocksdb_iter_destroy(iterator);
    TRY(err);

    iterator = iterate(journal);
    rocksdb_iter_seek_to_first(iterator);
    if (rocksdb_iter_valid(iterator)) {
        atomic_store_explicit(&journal->first, key_at(iterator), memory_order_release);
    }
    err = check_iterator(iterator);
    rocksdb_iter_destroy(iterator);
    return err;
}

struct err journal_drop(struct journal *journal, uint64_t sequence)
{
    TRY(rocks_enter(journal->rocks));
    struct err err = drop_files(journal, sequence);
    rocks_leave(journal->rocks);
    return err;
}

/* Halves the range of sequence numbers until the last group before <time_ms> is found: times do not
 * go back. */
static struct err search_time(rocksdb_iterator_t *iterator, uint64_t low, uint64_t high,
                              int64_t time_ms, uint64_t *sequence)
{
    *sequence = low;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        seek_group(iterator, middle);
        if (!rocksdb_iter_valid(iterator)) {
            return check_iterator(iterator);
        }
        struct group group;
        TRY(open_group(iterator, &group));
        if (group.time_ms < time_ms) {
            *sequence = group.first_sequence;
            low = group.last_sequence + 1 > middle ? group.last_sequence + 1 : middle + 1;
        } else {
            high = group.first_sequence < middle ? group.first_sequence : middle;
        }
    }
    return ERR(OK);
}

struct err journal_find_time(struct journal *journal, int64_t time_ms, uint64_t *sequence)
{
    TRY(rocks_enter(journal->rocks));
    uint64_t first = journal_first(journal);
    rocksdb_iterator_t *iterator = iterate(journal);
    struct err err = search_time(iterator, first, journal_last(journal) + 1, time_ms, sequence);
    rocksdb_iter_destroy(iterator);
    rocks_leave(journal->rocks);
    return err;
}

uint64_t journal_bytes_from(struct journal *journal, uint64_t sequence)
{
    uint8_t from[KEY_BYTES];
    uint8_t to[KEY_BYTES];
    rocks_put_u64be(from, sequence);
    rocks_put_u64be(to, UINT64_MAX);
    const char *starts[] = {(const char *)from};
    const char *limits[] = {(const char *)to};
    const size_t key_bytes[] = {KEY_BYTES};
    uint64_t bytes = 0;
    char *text = NULL;
    if (err_is_set(rocks_enter(journal->rocks))) {
        return 0;
    }
    rocksdb_approximate_sizes_cf(journal->rocks->db, journal->rocks->journal, 1, starts, key_bytes,
                                 limits, key_bytes, &bytes, &text);
    rocks_leave(journal->rocks);
    return err_is_set(rocks_check(text, "measuring the journal")) ? 0 : bytes;
}
