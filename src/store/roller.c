/* SPDX-License-Identifier: Apache-2.0 */
#include "store/roller.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/ring.h"
#include "store/rocks.h"
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Groups the feeder may be behind before commits must wait. */
#define LAG_EVENTS_MAX ((uint64_t)1 << 20)

/* A roll-up waits while RocksDB has so many files still to sort in: each makes every read slower.
 */
#define FILES_UNSORTED_MAX 32
#define FILES_UNSORTED_POLL_MS 100

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS 30000
#define FULL_POLL_MS 20

struct roller {
    struct roller_options options;
    struct history *history;
    struct tail *tail;
    struct journal *journal;
    struct broadcast_reader reader; /* the feeder's */
    struct doorbell bell;           /* the feeder sleeps on it */
    struct mark mark;
    _Atomic bool is_stopping;
    int64_t
        active_since_ms; /* the feeder's: since when the active generation has had groups; 0 none */
    pthread_t feeder;
    pthread_t writer;
    pthread_mutex_t lock; /* for the two below */
    pthread_cond_t work;
    bool has_work; /* there is a frozen generation */
    bool must_end; /* the writer ends */
};

/* ---- the writer ---- */

/* Waits for work, or for <timeout_ms> to pass when it is not negative; false when it is time to
 * end. */
static bool wait_for_work(struct roller *roller, int64_t timeout_ms)
{
    pthread_mutex_lock(&roller->lock);
    if (timeout_ms >= 0) {
        int64_t end_ms = clock_monotonic_ms() + timeout_ms;
        struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = (long)(end_ms % 1000) * 1000000};
        int waited = 0;
        while (!roller->must_end && waited == 0) {
            waited = pthread_cond_timedwait(&roller->work, &roller->lock, &end);
        }
    } else {
        while (!roller->must_end && !roller->has_work) {
            pthread_cond_wait(&roller->work, &roller->lock);
        }
    }
    bool goes_on = !roller->must_end;
    pthread_mutex_unlock(&roller->lock);
    return goes_on;
}

/* The first sequence number whose groups, with all later ones, fit into the bytes to keep. */
static uint64_t first_within_bytes(struct roller *roller, uint64_t bytes_max)
{
    uint64_t low = journal_first(roller->journal);
    uint64_t high = journal_last(roller->journal) + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (journal_bytes_from(roller->journal, middle) > bytes_max) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Lets the journal go as far as no projection and no session's cursor needs it. */
static struct err drop_journal(struct roller *roller)
{
    const struct roller_options *options = &roller->options;
    uint64_t mark = history_mark(roller->history);
    uint64_t elsewhere =
        options->durable_elsewhere == NULL ? mark : options->durable_elsewhere(options->arg);
    uint64_t kept;
    TRY(journal_find_time(roller->journal, clock_wall_ms() - options->journal_keep_ms, &kept));
    uint64_t within = first_within_bytes(roller, options->journal_keep_bytes);
    uint64_t sequence = (mark < elsewhere ? mark : elsewhere) + 1;
    kept = kept > within ? kept : within;
    sequence = sequence < kept ? sequence : kept;
    return sequence > journal_first(roller->journal) ? journal_drop(roller->journal, sequence)
                                                     : ERR(OK);
}

/* Writes the frozen generation, however often it takes; false when the roller is to end instead. */
static bool write_frozen(struct roller *roller)
{
    int64_t retry_ms = RETRY_FIRST_MS;
    for (;;) {
        while (history_files_unsorted(roller->history) > FILES_UNSORTED_MAX) {
            if (!wait_for_work(roller, FILES_UNSORTED_POLL_MS)) {
                return false;
            }
        }
        struct err err = history_roll(roller->history);
        if (!err_is_set(err)) {
            return true;
        }
        log_line(LOG_ERROR, "store", "a roll-up failed error=%s retry_ms=%lld", err_name(err),
                 (long long)retry_ms);
        if (!wait_for_work(roller, retry_ms)) {
            return false;
        }
        retry_ms = retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : retry_ms * 2;
    }
}

static void *run_writer(void *arg)
{
    struct roller *roller = arg;
    while (wait_for_work(roller, -1)) {
        if (!write_frozen(roller)) {
            break;
        }
        pthread_mutex_lock(&roller->lock);
        roller->has_work = false;
        pthread_mutex_unlock(&roller->lock);
        doorbell_ring(&roller->bell);
        struct err err = drop_journal(roller);
        if (err_is_set(err)) {
            log_line(LOG_WARN, "store", "old groups of the journal stay error=%s", err_name(err));
        }
    }
    return NULL;
}

/* ---- the feeder ---- */

static bool is_writing(struct roller *roller)
{
    pthread_mutex_lock(&roller->lock);
    bool has_work = roller->has_work;
    pthread_mutex_unlock(&roller->lock);
    return has_work;
}

/* Hands the active generation to the writer. False when it must stay: no memory for a new one. */
static bool freeze(struct roller *roller)
{
    if (err_is_set(tail_freeze(roller->tail))) {
        return false;
    }
    roller->active_since_ms = 0;
    pthread_mutex_lock(&roller->lock);
    roller->has_work = true;
    pthread_cond_signal(&roller->work);
    pthread_mutex_unlock(&roller->lock);
    return true;
}

/* How long until the active generation is old enough; negative: it is empty. */
static int64_t until_old_ms(const struct roller *roller)
{
    if (roller->active_since_ms == 0) {
        return -1;
    }
    int64_t age_ms = clock_monotonic_ms() - roller->active_since_ms;
    return max_i64(roller->options.roll_interval_ms - age_ms, 0);
}

static void freeze_when_due(struct roller *roller)
{
    bool is_due = roller->active_since_ms != 0 &&
                  (tail_active_bytes(roller->tail) >= roller->options.roll_bytes ||
                   until_old_ms(roller) == 0);
    if (is_due && !is_writing(roller)) {
        (void)freeze(roller);
    }
}

/* False when the tail has to shrink first. */
static bool has_room(struct roller *roller)
{
    return !is_writing(roller) || tail_bytes(roller->tail) < 2 * roller->options.tail_bytes_max;
}

/* Takes up a group. False when that has to wait. */
static bool take_group(struct roller *roller, const struct group *group)
{
    if (!has_room(roller)) {
        return false;
    }
    struct err err = tail_add(roller->tail, group);
    if (err_is_set(err)) {
        /* Full, or no memory: both pass when the tail shrinks. */
        if (roller->active_since_ms != 0 && !is_writing(roller)) {
            (void)freeze(roller);
        }
        return false;
    }
    if (roller->active_since_ms == 0) {
        roller->active_since_ms = clock_monotonic_ms();
    }
    mark_set(&roller->mark, group->last_sequence);
    freeze_when_due(roller);
    return true;
}

struct catch_up {
    struct roller *roller;
    bool has_waited;
};

static bool take_from_journal(void *arg, const struct group *group)
{
    struct catch_up *catch_up = arg;
    catch_up->has_waited = !take_group(catch_up->roller, group);
    return !catch_up->has_waited;
}

/* What the ring no longer has. False when it has to wait. */
static bool feed_from_journal(struct roller *roller)
{
    struct catch_up catch_up = {.roller = roller};
    struct err err =
        journal_read(roller->journal, tail_last(roller->tail) + 1, take_from_journal, &catch_up);
    if (err_is_set(err)) {
        log_line(LOG_ERROR, "store", "the history cannot follow the journal sequence=%llu error=%s",
                 (unsigned long long)tail_last(roller->tail) + 1, err_name(err));
    }
    return !err_is_set(err) && !catch_up.has_waited;
}

/* Takes up all there is. False when the rest has to wait. */
static bool feed(struct roller *roller)
{
    for (;;) {
        const struct broadcast_item *item;
        uint64_t next = tail_last(roller->tail) + 1;
        bool goes_on = true;
        switch (broadcast_look(&roller->reader, next, &item)) {
        case BROADCAST_AHEAD:
            return true;
        case BROADCAST_OVERRUN:
            goes_on = feed_from_journal(roller);
            break;
        case BROADCAST_ITEM:
            goes_on = take_group(roller, &CONTAINER_OF(item, const struct committed, item)->group);
            break;
        }
        if (!goes_on) {
            broadcast_release(&roller->reader);
            return false;
        }
    }
}

static void *run_feeder(void *arg)
{
    struct roller *roller = arg;
    int64_t retry_ms = FULL_POLL_MS;
    for (;;) {
        /* Looked at first: what was pushed before the stop is then still taken up. */
        bool is_stopping = atomic_load(&roller->is_stopping);
        bool is_done = feed(roller);
        freeze_when_due(roller);
        if (is_stopping) {
            return NULL;
        }
        int64_t wait_ms = is_writing(roller) ? -1 : until_old_ms(roller);
        if (!is_done || wait_ms == 0) {
            wait_ms = retry_ms;
        }
        retry_ms = is_done ? FULL_POLL_MS : (retry_ms * 2 > 1000 ? 1000 : retry_ms * 2);
        doorbell_wait(&roller->bell, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    }
}

/* ---- starting and stopping ---- */

static void end_writer(struct roller *roller)
{
    pthread_mutex_lock(&roller->lock);
    roller->must_end = true;
    pthread_cond_signal(&roller->work);
    pthread_mutex_unlock(&roller->lock);
    pthread_join(roller->writer, NULL);
}

static void roller_free(struct roller *roller)
{
    pthread_mutex_destroy(&roller->lock);
    pthread_cond_destroy(&roller->work);
    free(roller);
}

static void init_locks(struct roller *roller)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&roller->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&roller->lock, NULL);
}

struct err roller_start(const struct roller_options *options, struct history *history,
                        struct journal *journal, struct broadcast *ring, struct roller **roller)
{
    struct roller *made = aligned_alloc(CACHE_LINE_BYTES, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    *made = (struct roller){
        .options = *options,
        .history = history,
        .tail = history_tail(history),
        .journal = journal,
    };
    init_locks(made);
    broadcast_reader_init(&made->reader, ring);
    mark_set(&made->mark, tail_last(made->tail));
    if (tail_last(made->tail) > history_mark(history)) {
        made->active_since_ms = clock_monotonic_ms();
    }
    if (pthread_create(&made->writer, NULL, run_writer, made) != 0) {
        roller_free(made);
        return ERR(NO_MEMORY);
    }
    if (pthread_create(&made->feeder, NULL, run_feeder, made) != 0) {
        end_writer(made);
        roller_free(made);
        return ERR(NO_MEMORY);
    }
    *roller = made;
    return ERR(OK);
}

void roller_notify(struct roller *roller)
{
    doorbell_ring(&roller->bell);
}

void roller_stop(struct roller *roller)
{
    if (roller == NULL) {
        return;
    }
    atomic_store(&roller->is_stopping, true);
    doorbell_ring(&roller->bell);
    pthread_join(roller->feeder, NULL);
    end_writer(roller);
    roller_free(roller);
}

struct mark *roller_mark(struct roller *roller)
{
    return &roller->mark;
}

bool roller_must_wait(struct roller *roller)
{
    return tail_bytes(roller->tail) >= roller->options.tail_bytes_max ||
           journal_last(roller->journal) > mark_get(&roller->mark) + LAG_EVENTS_MAX;
}

struct err roller_roll_now(struct history *history)
{
    TRY(tail_freeze(history_tail(history)));
    return history_roll(history);
}
