/* SPDX-License-Identifier: Apache-2.0
 *
 * roller.h - keeps the history up with the journal, on two threads of its own.
 *
 *      feeder   ring (overrun: journal) -> tail; moves the mark that readers wait for; freezes the
 *               tail's generation when it is large or old enough
 *      writer   frozen generation -> one file of runs; then drops what the journal no longer needs
 *
 * While a generation is being written the next one fills, so the feeder never waits for the disk,
 * unless the tail has grown to twice its bound: then it leaves the rest in ring and journal.
 *
 * When RocksDB fails, one line is logged, and the same generation is tried again, later and later.
 */
#ifndef THRUM_STORE_ROLLER_H
#define THRUM_STORE_ROLLER_H

#include "base/broadcast.h"
#include "store/history.h"
#include "store/journal.h"
#include "store/mark.h"

struct roller;

struct roller_options {
    size_t roll_bytes;           /* a generation is rolled up when it has grown to this, */
    int64_t roll_interval_ms;    /* or is this old */
    size_t tail_bytes_max;       /* roller_must_wait() from here on */
    int64_t journal_keep_ms;     /* groups younger than this stay in the journal, */
    uint64_t journal_keep_bytes; /* unless the journal is larger than this */
    /* How far the other projections have come, durably: the journal is kept from there on. NULL:
     * there are none. Called on the writer's thread. */
    uint64_t (*durable_elsewhere)(void *arg);
    void *arg;
};

/* Starts the threads; they go on where the history's tail stands. Everything is borrowed until
 * roller_stop. <ring> has items of struct committed (store.h). ERR_NO_MEMORY. */
MUST_USE struct err roller_start(const struct roller_options *options, struct history *history,
                                 struct journal *journal, struct broadcast *ring,
                                 struct roller **roller);

/* Tells that the ring has new items. Cheap. The ring's producer only. */
void roller_notify(struct roller *roller);

/* Takes up what the ring still holds, lets a roll-up that is under way finish, ends the threads,
 * frees. What is not rolled up is in the journal. NULL is fine. */
void roller_stop(struct roller *roller);

/* How far history_read sees. Lives as long as the roller. */
struct mark *roller_mark(struct roller *roller);

/* True while the tail is so large, or so far behind, that no more should be committed. Any thread.
 */
bool roller_must_wait(struct roller *roller);

/* Freezes the tail's generation and writes it, on the calling thread: for a store that replays its
 * journal before the roller runs. */
MUST_USE struct err roller_roll_now(struct history *history);

#endif
