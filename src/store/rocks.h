/* SPDX-License-Identifier: Apache-2.0
 *
 * rocks.h - the RocksDB database under journal and history: opening it, its column families and
 * their options, and what their modules share.
 *
 *      journal     first sequence number (8 bytes, big-endian) -> the group, as in event.h
 *      history     property number (4 bytes) and inverted hour (4) -> operations, as in run.h
 *      session     a session's name, part and number -> an entry (rocks_sessions.c)
 *      retained    account and topic -> the retained message (rocks_retained.c)
 *
 * Journal, sessions and retained messages are written through the write-ahead log; the history
 * takes whole files in. All of it may be used by any thread. This header is the store's own.
 *
 * After a failed write RocksDB takes no more until it is opened anew, which happens in place: <db>
 * and the column families change, or are NULL when it would not open. Whoever uses them does so
 * between rocks_enter and rocks_leave, and keeps no iterator longer than that. The thread that
 * opens anew is the one that appends, so appending needs no lock. */
#ifndef THRUM_STORE_ROCKS_H
#define THRUM_STORE_ROCKS_H

#include "base/err.h"
#include "store/history.h"
#include "store/journal.h"
#include "store/retained.h"
#include "store/sessions.h"
#include "store/tail.h"

#include <pthread.h>
#include <rocksdb/c.h>

struct rocks {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *fallback; /* RocksDB wants a "default": empty */
    rocksdb_column_family_handle_t *journal;
    rocksdb_column_family_handle_t *history;
    rocksdb_column_family_handle_t *session;
    rocksdb_column_family_handle_t *retained;
    char *folder;          /* owned */
    pthread_rwlock_t lock; /* of the six above: shared to use them, alone to change them */
    /* owned; the database refers to them while it is open */
    rocksdb_options_t *options;
    rocksdb_options_t *journal_options;
    rocksdb_options_t *history_options;
    rocksdb_options_t *rollup_options; /* for files that the history takes in */
    rocksdb_options_t *session_options; /* and of the retained messages */
    rocksdb_cache_t *cache;
};

/* Opens or creates the database in <folder>, which exists. ERR_CORRUPT and ERR_IO; what RocksDB
 * said is in the log. */
MUST_USE struct err rocks_open(const char *folder, size_t block_cache_bytes, struct rocks **rocks);
void rocks_close(struct rocks *rocks);

/* Keeps the database open until rocks_leave. ERR_IO when it is not open: then there is nothing to
 * leave. One thread enters once only: between its two times another may have begun to wait alone.
 * (While the store is being opened there is no other, and replay does roll up within a visit.) */
MUST_USE struct err rocks_enter(struct rocks *rocks);

/* Waits until everybody has left, and keeps them out until rocks_leave. */
void rocks_enter_alone(struct rocks *rocks);
void rocks_leave(struct rocks *rocks);

/* Finds out whether the folder can be written, with as much as opening anew may write. ERR_IO, and
 * the log says why. */
MUST_USE struct err rocks_probe(const struct rocks *rocks);

/* Closes the database, when it is open, and opens it again. The caller is alone. On error it stays
 * closed. */
MUST_USE struct err rocks_reopen(struct rocks *rocks);

/* Turns RocksDB's error text (NULL: none; freed here) into an error and logs it with what was being
 * done. */
MUST_USE struct err rocks_check(char *text, const char *doing);

void rocks_put_u32be(uint8_t at[4], uint32_t value);
void rocks_put_u64be(uint8_t at[8], uint64_t value);
uint32_t rocks_read_u32be(const uint8_t at[4]);
uint64_t rocks_read_u64be(const uint8_t at[8]);

/* The merge operator of the history (rocks_merge.c): it joins operations, and makes one run of them
 * when that pays. */
rocksdb_mergeoperator_t *rocks_merge_operator(void);

/* ---- journal: what the store needs beside journal.h ---- */

MUST_USE struct err journal_open(struct rocks *rocks, struct journal **journal);
void journal_close(struct journal *journal);

/* Takes groups again, after rocks_reopen and still alone: sees what the last append has left.
 * ERR_CORRUPT when less is there than was appended. On error it takes none. */
MUST_USE struct err journal_resume(struct journal *journal);

/* The first sequence number of the newest group that is older than <time_ms>; journal_first when
 * there is none. */
MUST_USE struct err journal_find_time(struct journal *journal, int64_t time_ms, uint64_t *sequence);

/* About how many bytes the groups from <sequence> on take in files. */
uint64_t journal_bytes_from(struct journal *journal, uint64_t sequence);

/* ---- sessions: what the store needs beside sessions.h ---- */

MUST_USE struct err sessions_open(struct rocks *rocks, struct sessions **sessions);
void sessions_close(struct sessions *sessions);

/* Puts what session_put and session_delete have gathered into a batch. */
void sessions_write(const struct rocks *rocks, rocksdb_writebatch_t *batch, struct slice writes);

/* ---- retained messages: what the store needs beside retained.h ---- */

MUST_USE struct err retained_open(struct rocks *rocks, struct retained **retained);
void retained_close(struct retained *retained);

/* Puts what the group's messages retain, or take away, into a batch. ERR_NO_MEMORY. */
MUST_USE struct err retained_write(const struct rocks *rocks, rocksdb_writebatch_t *batch,
                                   const struct group *group);

/* ---- history: what the store needs beside history.h ---- */

#define HISTORY_KEY_BYTES 8
#define HISTORY_BUCKET_MS 3600000
#define HISTORY_BUCKET_MAX ((uint32_t)(RUN_TIMESTAMP_MAX / HISTORY_BUCKET_MS))

/* Where in the history the samples of an hour are: newest hours first. */
void history_key(uint8_t key[HISTORY_KEY_BYTES], uint32_t property, uint32_t bucket);

static inline uint32_t history_bucket(int64_t timestamp_ms)
{
    return (uint32_t)(timestamp_ms / HISTORY_BUCKET_MS);
}

static inline int64_t history_bucket_start(uint32_t bucket)
{
    return (int64_t)bucket * HISTORY_BUCKET_MS;
}

/* The value under property number 0: the mark and its checksum. */
#define HISTORY_MARK_BYTES 16
void history_mark_encode(uint8_t value[HISTORY_MARK_BYTES], uint64_t mark);
MUST_USE struct err history_mark_decode(struct slice value, uint64_t *mark);

/* Opens the history and an empty tail at its mark. <hot_bytes> bounds the table of newest samples.
 */
MUST_USE struct err history_open(struct rocks *rocks, size_t hot_bytes, struct history **history);
void history_close(struct history *history);

struct tail *history_tail(struct history *history);

/* The sequence number up to which runs have been written, durably. */
uint64_t history_mark(const struct history *history);

/* Writes the frozen generation into the store, in one step with the mark, and drops it. On error
 * the generation stays, and may be rolled up again. One thread at a time. */
MUST_USE struct err history_roll(struct history *history);

/* Files that the store has not yet sorted in; reads get slower with their number. */
uint64_t history_files_unsorted(struct history *history);

/* Parts that history_roll and the reading side share (rocks_history.c, rocks_rollup.c). */
struct hot;
struct history {
    struct rocks *rocks;
    struct tail *tail;
    struct hot *hot;
    rocksdb_readoptions_t *read_options;
    _Atomic uint64_t mark;
};

/* An iterator sees the store as of the moment it was made; it stays within the property it was sent
 * to. The caller has entered, and destroys it before leaving. */
rocksdb_iterator_t *history_iterate(const struct history *history);
void history_iterator_seek(rocksdb_iterator_t *iterator, const uint8_t key[HISTORY_KEY_BYTES]);

/* True when the iterator stands on an hour of <property>; *bucket says which. */
bool history_iterator_is_on(const rocksdb_iterator_t *iterator, uint32_t property,
                            uint32_t *bucket);

/* Applies the hour under the iterator to <hour>. ERR_CORRUPT is logged. */
MUST_USE struct err history_iterator_decode(const rocksdb_iterator_t *iterator,
                                            struct series *hour);

/* The mark of the iterator's moment; 0 when nothing has been written yet. Moves the iterator. */
MUST_USE struct err history_iterator_mark(rocksdb_iterator_t *iterator, uint64_t *mark);

/* Why the iterator is no longer valid: the end, or an error. */
MUST_USE struct err history_iterator_check(const rocksdb_iterator_t *iterator);

/* Writes the runs of <generation> with the mark <mark> and takes them in. The caller has entered.
 */
MUST_USE struct err rollup_write(struct rocks *rocks, const struct generation *generation,
                                 uint64_t mark);

/* Looks for damage in the newest write-ahead log of a database that would not open, and says in the
 * log where it is. Cuts off what was never acknowledged; *is_mended: it is worth opening again. */
MUST_USE struct err rocks_mend_log(const char *folder, bool *is_mended);

/* Removes files of roll-ups that a crash left behind. */
void rollup_clean(const char *folder);

#endif
