/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.h - all groups in order: the one thing a publish waits for.
 *
 * One record and one sync a group. The engine appends; anybody reads. */
#ifndef THRUM_STORE_JOURNAL_H
#define THRUM_STORE_JOURNAL_H

#include "model/event.h"

struct journal;

/* Appends a closed group (its first sequence number is journal_last + 1) together with <writes> of
 * sessions (sessions.h), and syncs both to disk. There may be none of either: no group (NULL), or
 * no writes. When this returns ERR_OK they survive any crash. On error nothing may be assumed of
 * them, but that it is both or none: the journal takes no more groups until store_reopen succeeds.
 * The engine's thread only. */
MUST_USE struct err journal_append(struct journal *journal, const struct group *group,
                                   struct slice writes);

/* The last sequence number appended; 0 when there is none. Any thread. */
uint64_t journal_last(const struct journal *journal);

/* The first sequence number still kept (journal_last + 1 when there is none). Any thread. */
uint64_t journal_first(const struct journal *journal);

/* What journal_read does with each group; the group's bytes live during the call. False stops. */
typedef bool (*journal_visit_fn)(void *arg, const struct group *group);

/* Visits the groups from the one that holds <sequence> on, or from the first kept one when that is
 * later, in order, up to those appended before the call. ERR_CORRUPT names in the log where; ERR_IO
 * also while the store could not be opened again. <visit> reads neither journal nor history, and is
 * quick: store_reopen waits for it. Any thread. */
MUST_USE struct err journal_read(struct journal *journal, uint64_t sequence, journal_visit_fn visit,
                                 void *arg);

/* Lets go of groups whose last sequence number is below <sequence>. */
MUST_USE struct err journal_drop(struct journal *journal, uint64_t sequence);

#endif
