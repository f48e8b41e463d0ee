/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - the durable state as a whole: opens its parts in the right order, keeps the projections
 * going, and says how far they have come.
 *
 *      engine --append--> journal (RocksDB)
 *                            |  event ring (or the journal, when a projection is overrun)
 *              +-------------+--------------+
 *              v                            v
 *        projector -> documents       roller -> tail (memory) -> history runs (RocksDB)
 *
 * Threads: projector and roller are the store's own. Everything else may be called from any thread
 * unless a function says otherwise. */
#ifndef THRUM_STORE_STORE_H
#define THRUM_STORE_STORE_H

#include "base/broadcast.h"
#include "store/documents.h"
#include "store/history.h"
#include "store/journal.h"

struct store;

struct store_options {
    const char *folder; /* DIR: RocksDB in DIR/store, SQLite in DIR/documents.db */
    size_t block_cache_bytes;
    size_t roll_bytes;        /* the tail is rolled up when it holds this many bytes, */
    int64_t roll_interval_ms; /* or its oldest group is this old */
    size_t tail_bytes_max;    /* store_must_wait() from here on */
    int64_t journal_keep_ms;
    uint64_t journal_keep_bytes;
};

/* An item of the event ring: a committed group, opened, with its own memory. */
struct committed {
    struct broadcast_item item;
    struct group group; /* its bytes follow the struct */
};

/* Copies the group; NULL without memory. */
struct committed *committed_new(const struct group *group);
void committed_free(struct broadcast_item *item);

/* Opens or creates the store, replays the journal's tail into the projections, so that documents
 * and history show everything that was ever acknowledged. ERR_STORE_LOCKED, ERR_STORE_FORMAT_NEWER,
 * ERR_CORRUPT (the log says which file and which sequence numbers), ERR_IO. */
MUST_USE struct err store_open(const struct store_options *options, struct store **store);

/* Starts the projector and the roller; they read <ring>, whose items are struct committed. */
MUST_USE struct err store_start(struct store *store, struct broadcast *ring);

/* Tells the projections that the ring has a new item, that group. Cheap; the engine calls it after
 * each push. */
void store_notify(struct store *store, const struct group *group);

/* Opens the store anew in place after journal_append has failed, while projections and readers live
 * on; readers pause meanwhile. Then the journal takes groups again. The group that failed may be in
 * it: journal_last says so, and whoever keeps state or fills the ring takes it from there. On error
 * no group is taken, and it may be tried again:
 *
 *      ERR_IO          the folder cannot be written: nothing was touched, reads go on; or
 *                      RocksDB would not open: journal and history answer ERR_IO until it does
 *      ERR_CORRUPT     acknowledged groups are missing or damaged
 *
 * The engine's thread only, and not within a visit of journal_read. */
MUST_USE struct err store_reopen(struct store *store);

/* Lets the projections reach the ring's end, ends their threads, closes everything. NULL is
 * fine. */
void store_close(struct store *store);

struct journal *store_journal(struct store *store);
struct history *store_history(struct store *store);
struct sessions *store_sessions(struct store *store);
struct retained *store_retained(struct store *store);

/* A connection for a reading thread; documents_reader_close ends it. */
MUST_USE struct err store_documents_reader(struct store *store, struct documents_reader **reader);

/* Waits until both projections have reached <sequence>. ERR_BUSY after <timeout_ms>. */
MUST_USE struct err store_wait(struct store *store, uint64_t sequence, int timeout_ms);

/* How far documents have been applied (visible to readers); for the engine's eviction of heads. */
uint64_t store_documents_mark(const struct store *store);

/* True while a projection lags so far behind that the engine must not commit more. The engine's
 * thread only. */
bool store_must_wait(const struct store *store);

#endif
