/* SPDX-License-Identifier: Apache-2.0
 *
 * States of the thread:
 *
 *      passing  ---- a group with documents ---->  in a transaction
 *         ^                                            |   |
 *         |        commit: full, old, or nothing waits |   | error
 *         +--------------------------------------------+   v
 *         +-- after a while, from the mark again ------  failing
 *
 * documents_position is where it stands; the mark follows it outside transactions. A slice of
 * cleaning goes along with a transaction that is full, or has one of its own when nothing waits. */
#include "store/projector.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Waiting after a failure: doubles from first to last. */
#define RETRY_FIRST_MS 10
#define RETRY_LAST_MS 5000

/* With nothing to write, sleep until the bell rings; waking now and then costs nothing. */
#define IDLE_MS 60000

/* What the bell is set to when the thread must end: no sequence number is as high. */
#define BELL_STOP UINT64_MAX

struct projector {
    struct mark mark; /* written by the thread */
    struct mark bell; /* written by the ring's producer: how far the ring goes, */
    uint64_t told;    /* and how many changes of documents it has brought since the start */
    CACHE_ALIGNED _Atomic uint64_t applied; /* of those: committed. Written by the thread */
    struct documents *documents;
    struct journal *journal;
    struct broadcast_reader reader;
    pthread_t thread;
    /* the thread's own: */
    bool in_transaction;
    uint32_t events;      /* in the transaction */
    uint64_t changes;     /* of documents, in the transaction */
    int64_t begun_ms;     /* when it began */
    size_t behind_bytes;  /* of groups behind the durable mark */
    int64_t behind_ms;    /* since when there are such */
    int64_t retry_ms;     /* the last wait after a failure */
    uint64_t failures;    /* in a row */
    uint64_t cleaned_at;  /* the position at the last slice of cleaning */
    int64_t clean_due_ns; /* when the next one may be, should groups have come since */
};

static bool is_stopping(const struct projector *projector)
{
    return mark_get(&projector->bell) == BELL_STOP;
}

static void move_mark(struct projector *projector)
{
    uint64_t position = documents_position(projector->documents);
    if (position > mark_get(&projector->mark)) {
        mark_set(&projector->mark, position);
    }
}

/* A group counts so many changes and no more; those of older versions count none. */
static uint64_t group_changes(const struct group *group)
{
    bool is_counted = !group->has_documents || group->document_count > 0;
    return is_counted ? group->document_count : group->count;
}

static struct err begin(struct projector *projector)
{
    ASSERT(!projector->in_transaction);
    TRY(documents_begin(projector->documents));
    projector->in_transaction = true;
    projector->events = 0;
    projector->begun_ms = clock_monotonic_ms();
    return ERR(OK);
}

static void note_success(struct projector *projector)
{
    if (projector->failures > 0) {
        log_line(LOG_INFO, "store", "documents are written again failures=%llu",
                 (unsigned long long)projector->failures);
        projector->failures = 0;
        projector->retry_ms = 0;
    }
}

/* Ends the transaction, if there is one. */
static struct err commit(struct projector *projector)
{
    if (!projector->in_transaction) {
        return ERR(OK);
    }
    projector->in_transaction = false;
    TRY(documents_commit(projector->documents));
    atomic_fetch_add_explicit(&projector->applied, projector->changes, memory_order_relaxed);
    projector->changes = 0;
    move_mark(projector);
    note_success(projector);
    return ERR(OK);
}

/* ---- cleaning ---- */

static bool groups_wait(const struct projector *projector)
{
    return broadcast_last(projector->reader.ring) > documents_position(projector->documents);
}

/* In how many milliseconds, rounded up, a slice may begin; 0: now. */
static int64_t clean_wait_ms(const struct projector *projector)
{
    if (documents_position(projector->documents) == projector->cleaned_at) {
        return 0;
    }
    return max_i64(projector->clean_due_ns - clock_monotonic_ns() + 999999, 0) / 1000000;
}

static bool may_clean(const struct projector *projector)
{
    return documents_must_clean(projector->documents) && clean_wait_ms(projector) == 0;
}

static void pause_cleaning(struct projector *projector, int64_t begun_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    int64_t pause_ns = (now_ns - begun_ns) * PROJECTOR_CLEAN_PAUSE_FACTOR;
    int64_t longest_ns = (int64_t)PROJECTOR_CLEAN_PAUSE_MS * 1000000;
    projector->clean_due_ns = now_ns + (pause_ns < longest_ns ? pause_ns : longest_ns);
    projector->cleaned_at = documents_position(projector->documents);
}

/* One slice, in the transaction that is open. */
static struct err clean(struct projector *projector)
{
    int64_t begun_ns = clock_monotonic_ns();
    uint32_t rows = 0;
    bool is_done;
    do {
        TRY(documents_clean(projector->documents, PROJECTOR_CLEAN_STEP_ROWS, &is_done));
        rows += PROJECTOR_CLEAN_STEP_ROWS;
    } while (!is_done && rows < PROJECTOR_CLEAN_ROWS && !groups_wait(projector) &&
             clock_monotonic_ns() - begun_ns < (int64_t)PROJECTOR_CLEAN_MS * 1000000);
    pause_cleaning(projector, begun_ns);
    return ERR(OK);
}

/* One slice in a transaction of its own, whose commit counts as part of it. */
static struct err clean_alone(struct projector *projector)
{
    int64_t begun_ns = clock_monotonic_ns();
    TRY(begin(projector));
    TRY(clean(projector));
    TRY(commit(projector));
    pause_cleaning(projector, begun_ns);
    return ERR(OK);
}

/* ---- groups ---- */

static void count_behind(struct projector *projector, const struct group *group)
{
    if (projector->behind_bytes == 0) {
        projector->behind_ms = clock_monotonic_ms();
    }
    projector->behind_bytes += group->bytes.bytes;
}

static struct err pass(struct projector *projector, const struct group *group)
{
    count_behind(projector, group);
    TRY(documents_skip(projector->documents, group));
    if (!projector->in_transaction) {
        move_mark(projector);
    }
    return ERR(OK);
}

static struct err apply(struct projector *projector, const struct group *group)
{
    if (!projector->in_transaction) {
        TRY(begin(projector));
    }
    TRY(documents_apply(projector->documents, group));
    count_behind(projector, group);
    projector->events += group->count;
    projector->changes += group_changes(group);
    return ERR(OK);
}

static bool is_full(const struct projector *projector)
{
    return projector->in_transaction &&
           (projector->events >= PROJECTOR_EVENTS_MAX ||
            clock_monotonic_ms() - projector->begun_ms >= PROJECTOR_TRANSACTION_MS);
}

static struct err take(struct projector *projector, const struct group *group)
{
    struct err err = group->has_documents ? apply(projector, group) : pass(projector, group);
    if (err_is_set(err) || !is_full(projector)) {
        return err;
    }
    if (may_clean(projector)) {
        TRY(clean(projector));
    }
    return commit(projector);
}

/* Makes the mark durable, when what lies between has become <bytes> or <ms>. */
static struct err flush(struct projector *projector, size_t bytes, int64_t ms)
{
    if (projector->in_transaction || projector->behind_bytes == 0 ||
        (projector->behind_bytes < bytes && clock_monotonic_ms() - projector->behind_ms < ms)) {
        return ERR(OK);
    }
    if (documents_position(projector->documents) != documents_applied(projector->documents)) {
        TRY(begin(projector));
        TRY(commit(projector));
    }
    TRY(documents_sync(projector->documents));
    projector->behind_bytes = 0;
    return ERR(OK);
}

/* ---- the journal, when the ring has moved on ---- */

struct catch_up {
    struct projector *projector;
    struct err err;
};

static bool take_from_journal(void *arg, const struct group *group)
{
    struct catch_up *catch_up = arg;
    catch_up->err = take(catch_up->projector, group);
    return !err_is_set(catch_up->err);
}

static struct err read_journal(struct projector *projector)
{
    uint64_t from = documents_position(projector->documents) + 1;
    struct catch_up catch_up = {.projector = projector};
    TRY(journal_read(projector->journal, from, take_from_journal, &catch_up));
    TRY(catch_up.err);
    TRY(commit(projector));
    /* What the ring had must be in the journal. */
    return documents_position(projector->documents) < from ? ERR(CORRUPT) : ERR(OK);
}

/* ---- the thread ---- */

/* Takes all there is; returns when nothing waits and nothing is open. */
static struct err take_all(struct projector *projector)
{
    for (;;) {
        const struct broadcast_item *item;
        uint64_t next = documents_position(projector->documents) + 1;
        switch (broadcast_look(&projector->reader, next, &item)) {
        case BROADCAST_ITEM:
            TRY(take(projector, &CONTAINER_OF(item, const struct committed, item)->group));
            break;
        case BROADCAST_OVERRUN:
            TRY(commit(projector));
            TRY(read_journal(projector));
            break;
        case BROADCAST_AHEAD:
            return commit(projector);
        }
        TRY(flush(projector, PROJECTOR_FLUSH_BYTES, INT64_MAX));
    }
}

/* Sleeps until the bell is at <sequence> or beyond, at most <ms>; the caller looks for itself. */
static void doze(struct projector *projector, uint64_t sequence, int64_t ms)
{
    bool is_there = mark_wait(&projector->bell, sequence, (int)ms);
    (void)is_there;
}

/* Undoes what is open, says so once, and waits. */
static void fail(struct projector *projector, struct err err)
{
    broadcast_release(&projector->reader);
    projector->in_transaction = false;
    projector->changes = 0;
    documents_rollback(projector->documents);
    if (projector->failures++ == 0) {
        char room[LOG_VALUE_BYTES];
        log_line(
            LOG_ERROR, "store",
            "documents cannot be written, trying again sequence=%llu error=%s reason=%s",
            (unsigned long long)documents_position(projector->documents) + 1, err_name(err),
            log_quote(slice_of_text(documents_reason(projector->documents)), room, sizeof(room)));
    }
    int64_t doubled = max_i64(RETRY_FIRST_MS, projector->retry_ms * 2);
    projector->retry_ms = doubled < RETRY_LAST_MS ? doubled : RETRY_LAST_MS;
    doze(projector, BELL_STOP, projector->retry_ms);
}

/* Sleeps until the ring has more, the projector stops, the mark is due to be written, or the next
 * slice of cleaning may begin. */
static void wait_for_more(struct projector *projector)
{
    int64_t ms = IDLE_MS;
    if (projector->behind_bytes > 0) {
        ms = projector->behind_ms + PROJECTOR_FLUSH_MS - clock_monotonic_ms();
    }
    if (documents_must_clean(projector->documents)) {
        int64_t clean_ms = clean_wait_ms(projector);
        ms = clean_ms < ms ? clean_ms : ms;
    }
    if (ms > 0) {
        doze(projector, documents_position(projector->documents) + 1, ms);
    }
}

static void *run(void *arg)
{
    struct projector *projector = arg;
    for (;;) {
        /* Looked at first: what was pushed before the stop is then seen below. */
        bool last_round = is_stopping(projector);
        struct err err = take_all(projector);
        if (!err_is_set(err)) {
            err = flush(projector, SIZE_MAX, last_round ? 0 : PROJECTOR_FLUSH_MS);
        }
        if (!err_is_set(err) && may_clean(projector) && !is_stopping(projector)) {
            err = clean_alone(projector);
        }
        if (err_is_set(err)) {
            fail(projector, err);
        } else {
            note_success(projector);
        }
        if (last_round) {
            return NULL;
        }
        if (!err_is_set(err)) {
            wait_for_more(projector);
        }
    }
}

/* ---- public ---- */

struct err projector_start(struct documents *documents, struct journal *journal,
                           struct broadcast *ring, struct projector **projector)
{
    static_assert(sizeof(struct projector) % CACHE_LINE_BYTES == 0, "for aligned_alloc");
    struct projector *started = aligned_alloc(CACHE_LINE_BYTES, sizeof(*started));
    if (started == NULL) {
        return ERR(NO_MEMORY);
    }
    memset(started, 0, sizeof(*started));
    started->documents = documents;
    started->journal = journal;
    broadcast_reader_init(&started->reader, ring);
    move_mark(started);
    if (pthread_create(&started->thread, NULL, run, started) != 0) {
        free(started);
        return ERR(NO_MEMORY);
    }
    *projector = started;
    return ERR(OK);
}

void projector_notify(struct projector *projector, const struct group *group)
{
    projector->told += group_changes(group);
    mark_set(&projector->bell, broadcast_last(projector->reader.ring));
}

void projector_stop(struct projector *projector)
{
    if (projector == NULL) {
        return;
    }
    mark_set(&projector->bell, BELL_STOP);
    pthread_join(projector->thread, NULL);
    free(projector);
}

struct mark *projector_mark(struct projector *projector)
{
    return &projector->mark;
}

uint64_t projector_lag(const struct projector *projector)
{
    return projector->told - atomic_load_explicit(&projector->applied, memory_order_relaxed);
}

uint64_t projector_durable_mark(const struct projector *projector)
{
    return documents_durable(projector->documents);
}
