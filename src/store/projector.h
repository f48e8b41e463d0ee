/* SPDX-License-Identifier: Apache-2.0
 *
 * projector.h - keeps the documents up with the journal, on a thread of its own.
 *
 *      ring: [ groups ]  ---- taken in order ---->  one SQLite transaction for all that wait
 *                 (overrun: journal)                (at most 10,000 events or 50 ms)
 *                                                            |
 *                                                  commit, then the mark moves
 *
 * A group without documents costs no transaction: the mark passes over it. A commit does not wait
 * for the disk (sqlite_documents.c). So that a restart has little to replay, and the journal little
 * to keep, the mark is written now and then all the same, and made durable (PROJECTOR_FLUSH_*).
 *
 * What deletions have left to do (documents_clean) is done in slices: one after the other while
 * nothing comes, and for a tenth of the time while something does (PROJECTOR_CLEAN_*).
 *
 * When SQLite fails, the transaction is rolled back, one line is logged, and the same groups are
 * tried again, later and later; the mark stands still meanwhile. Nothing is ever skipped. */
#ifndef THRUM_STORE_PROJECTOR_H
#define THRUM_STORE_PROJECTOR_H

#include "base/broadcast.h"
#include "store/documents.h"
#include "store/journal.h"
#include "store/mark.h"

/* The mark is made durable when so many bytes of journal, or so much time, lie behind the durable
 * one. */
#define PROJECTOR_FLUSH_BYTES (64u << 20)
#define PROJECTOR_FLUSH_MS 10000

/* A transaction takes no more groups from here on. */
#define PROJECTOR_EVENTS_MAX 10000
#define PROJECTOR_TRANSACTION_MS 50

/* A slice of cleaning: at most so many rows, and no more once it has taken so long or, after the
 * first step, when groups wait. While groups come there is a pause after each slice, so many times
 * as long as the slice was, but never longer than PAUSE_MS: what is to be cleaned must go, too. */
#define PROJECTOR_CLEAN_ROWS 500
#define PROJECTOR_CLEAN_STEP_ROWS 50
#define PROJECTOR_CLEAN_MS 5
#define PROJECTOR_CLEAN_PAUSE_FACTOR 9
#define PROJECTOR_CLEAN_PAUSE_MS 100

struct projector;

/* Starts the thread, which goes on where <documents> stand. All three are borrowed until
 * projector_stop; <documents> is the thread's alone, but for documents_applied. <ring> has items of
 * struct committed (store.h). ERR_NO_MEMORY. */
MUST_USE struct err projector_start(struct documents *documents, struct journal *journal,
                                    struct broadcast *ring, struct projector **projector);

/* Tells that the ring has a new item, that group. Cheap when the projector is busy. The ring's
 * producer only, and not once projector_stop has been called. */
void projector_notify(struct projector *projector, const struct group *group);

/* How many changes of documents it has been told of and has not committed. The ring's producer
 * only. */
uint64_t projector_lag(const struct projector *projector);

/* Applies what the ring still holds, makes the mark durable, ends the thread, frees. When SQLite
 * fails now, it is not tried again: the journal has what is missing. NULL is fine. */
void projector_stop(struct projector *projector);

/* How far groups have been applied, visible to readers. Lives as long as the projector. */
struct mark *projector_mark(struct projector *projector);

/* How far they have been applied durably: the journal may be dropped only behind this. Any
 * thread. */
uint64_t projector_durable_mark(const struct projector *projector);

#endif
