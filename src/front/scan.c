/* SPDX-License-Identifier: Apache-2.0 */
#include "front/scan.h"

#include "base/assert.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>

/* A chunk ends behind the group that brings it to so many bytes kept, or read. */
#define CHUNK_KEPT_BYTES ((size_t)512 << 10)
#define CHUNK_READ_BYTES ((uint64_t)8 << 20)

struct scan_lane {
    struct loop_message message;
    uint32_t scan; /* its number */
    bool is_in;
    bool is_giving;      /* has a chunk, or a message on its way */
    struct wants joined; /* by those of whom the reader does not know yet */
};

struct scan {
    struct scans *scans;
    struct reader_job job;
    bool is_open;
    bool is_reading;
    bool is_ready;  /* the chunk ahead has been read */
    bool is_over;   /* it is the last one */
    uint64_t first; /* where it began */
    uint64_t next;  /* where the next chunk, or the one that is being read, begins */
    uint64_t limit;
    uint32_t round;     /* reads that were submitted */
    struct wants wants; /* the reader's while it reads */
    unsigned given;     /* of the chunks: the one that lanes have; the other is ahead */
    struct scan_chunk chunks[2];
    uint64_t bytes; /* what has been read */
    struct scan_lane *lanes;
};

struct scans {
    pthread_mutex_t lock;
    struct readers *readers;
    uint32_t loop_count;
    struct loop **loops;
    uint64_t *wanted; /* of each loop: scans_want */
    struct scan_stats stats;
    struct scan all[SCANS_MAX];
};

/* ---- on a reader ---- */

static void keep_events(struct scan *scan, struct scan_chunk *chunk, const struct group *group)
{
    struct event_walk walk = event_walk_start(group);
    struct event event;
    const struct scan_group kept = {
        .time_ms = group->time_ms, .at = buf_bytes(&chunk->bytes), .bytes = group->body.bytes};
    uint32_t index = (uint32_t)(buf_bytes(&chunk->groups) / sizeof(kept));
    bool is_kept = false;
    size_t left = group->body.bytes;
    for (; event_walk_next(&walk, &event) && event.sequence <= scan->limit;
         left = cursor_left(&walk.body)) {
        if (event.sequence >= chunk->asked && wants_event(&scan->wants, &event)) {
            const struct scan_event found = {.sequence = event.sequence,
                                             .group = index,
                                             .at = (uint32_t)(group->body.bytes - left)};
            buf_put_bytes(&chunk->events, &found, sizeof(found));
            is_kept = true;
        }
    }
    if (is_kept) {
        buf_put_bytes(&chunk->groups, &kept, sizeof(kept));
        buf_put(&chunk->bytes, group->body);
    }
}

static struct scan_chunk *chunk_ahead(struct scan *scan)
{
    return &scan->chunks[1 - scan->given];
}

static bool has_failed(const struct scan_chunk *chunk)
{
    return chunk->bytes.failed || chunk->groups.failed || chunk->events.failed;
}

static bool take_group(void *arg, const struct group *group)
{
    struct scan *scan = arg;
    struct scan_chunk *chunk = chunk_ahead(scan);
    if (chunk->end == chunk->asked) {
        chunk->first = max_u64(chunk->asked, group->first_sequence);
    }
    scan->bytes += group->bytes.bytes;
    if (wants_group(&scan->wants, group)) {
        keep_events(scan, chunk, group);
    }
    chunk->end = (group->last_sequence < scan->limit ? group->last_sequence : scan->limit) + 1;
    return group->last_sequence < scan->limit && !has_failed(chunk) &&
           buf_bytes(&chunk->bytes) < CHUNK_KEPT_BYTES;
}

struct bounded_read {
    struct scan *scan;
    uint64_t bytes_end;
};

static bool take_bounded(void *arg, const struct group *group)
{
    struct bounded_read *read = arg;
    return take_group(read->scan, group) && read->scan->bytes < read->bytes_end;
}

static void advance(struct scan *scan);

static void scan_run(struct reader *reader, struct reader_job *job)
{
    struct scan *scan = CONTAINER_OF(job, struct scan, job);
    struct scan_chunk *chunk = chunk_ahead(scan);
    struct bounded_read read = {.scan = scan, .bytes_end = scan->bytes + CHUNK_READ_BYTES};
    uint64_t before = scan->bytes;
    chunk->err = journal_read(store_journal(reader->store), chunk->asked, take_bounded, &read);
    if (has_failed(chunk)) {
        chunk->err = ERR(NO_MEMORY);
    }
    atomic_fetch_add_explicit(&scan->scans->stats.bytes, scan->bytes - before,
                              memory_order_relaxed);
    pthread_mutex_lock(&scan->scans->lock);
    chunk->is_last =
        err_is_set(chunk->err) || chunk->end > scan->limit || chunk->end == chunk->asked;
    scan->is_over = chunk->is_last;
    scan->next = chunk->end;
    scan->is_reading = false;
    scan->is_ready = true;
    advance(scan);
    pthread_mutex_unlock(&scan->scans->lock);
}

/* ---- under the lock ---- */

static void reset_chunk(struct scan_chunk *chunk, uint64_t asked, uint32_t round)
{
    buf_reset(&chunk->bytes);
    buf_reset(&chunk->groups);
    buf_reset(&chunk->events);
    chunk->round = round;
    chunk->err = ERR(OK);
    chunk->asked = chunk->first = chunk->end = asked;
    chunk->is_last = false;
}

static void free_chunk(struct scan_chunk *chunk)
{
    buf_deinit(&chunk->bytes);
    buf_deinit(&chunk->groups);
    buf_deinit(&chunk->events);
    *chunk = (struct scan_chunk){0};
}

static void close_scan(struct scan *scan)
{
    log_line(LOG_DEBUG, "front", "scan of the journal ended from=%llu to=%llu bytes=%llu",
             (unsigned long long)scan->first, (unsigned long long)scan->next,
             (unsigned long long)scan->bytes);
    scan->is_open = false;
    wants_deinit(&scan->wants);
    free_chunk(&scan->chunks[0]);
    free_chunk(&scan->chunks[1]);
    for (uint32_t i = 0; i < scan->scans->loop_count; i++) {
        wants_deinit(&scan->lanes[i].joined);
    }
}

static void submit(struct scan *scan)
{
    struct scan_chunk *chunk = chunk_ahead(scan);
    for (uint32_t i = 0; i < scan->scans->loop_count; i++) {
        wants_add(&scan->wants, &scan->lanes[i].joined);
        wants_deinit(&scan->lanes[i].joined);
    }
    scan->round++;
    reset_chunk(chunk, scan->next, scan->round);
    scan->is_reading = readers_submit(scan->scans->readers, &scan->job);
    if (!scan->is_reading) { /* they are too busy: sessions wait for another scan */
        chunk->err = ERR(BUSY);
        chunk->is_last = scan->is_over = scan->is_ready = true;
    }
}

static void hand_out(struct scan *scan)
{
    scan->given = 1 - scan->given;
    scan->is_ready = false;
    for (uint32_t i = 0; i < scan->scans->loop_count; i++) {
        struct scan_lane *lane = &scan->lanes[i];
        if (lane->is_in) {
            lane->is_giving = true;
            loop_post(scan->scans->loops[i], &lane->message);
        }
    }
}

/* Does what can be done now. */
static void advance(struct scan *scan)
{
    bool has_lanes = false;
    bool is_giving = false;
    for (uint32_t i = 0; i < scan->scans->loop_count; i++) {
        has_lanes |= scan->lanes[i].is_in;
        is_giving |= scan->lanes[i].is_giving;
    }
    bool has_begun = scan->round > 0 || !is_giving; /* at first all are to join */
    if (!has_lanes) {
        if (!scan->is_reading && scan->is_open) {
            close_scan(scan);
        }
        return;
    }
    if (scan->is_ready && !is_giving) {
        hand_out(scan);
    }
    if (has_begun && !scan->is_ready && !scan->is_reading && !scan->is_over) {
        submit(scan);
        if (scan->is_ready && !is_giving) {
            hand_out(scan);
        }
    }
}

/* ---- for loops ---- */

static bool make_lanes(struct scans *scans)
{
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        struct scan *scan = &scans->all[i];
        scan->scans = scans;
        scan->job.run = scan_run;
        scan->lanes = calloc(scans->loop_count, sizeof(scan->lanes[0]));
        if (scan->lanes == NULL) {
            return false;
        }
        for (uint32_t loop = 0; loop < scans->loop_count; loop++) {
            scan->lanes[loop].scan = i;
        }
    }
    return true;
}

struct scans *scans_new(struct readers *readers, uint32_t loops)
{
    struct scans *scans = calloc(1, sizeof(*scans));
    if (scans == NULL) {
        return NULL;
    }
    pthread_mutex_init(&scans->lock, NULL);
    scans->readers = readers;
    scans->loop_count = loops;
    scans->loops = calloc(loops, sizeof(scans->loops[0]));
    scans->wanted = malloc(loops * sizeof(scans->wanted[0]));
    if (scans->loops == NULL || scans->wanted == NULL || !make_lanes(scans)) {
        scans_free(scans);
        return NULL;
    }
    for (uint32_t i = 0; i < loops; i++) {
        scans->wanted[i] = UINT64_MAX;
    }
    return scans;
}

void scans_free(struct scans *scans)
{
    if (scans == NULL) {
        return;
    }
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        struct scan *scan = &scans->all[i];
        for (uint32_t loop = 0; scan->lanes != NULL && loop < scans->loop_count; loop++) {
            wants_deinit(&scan->lanes[loop].joined);
        }
        wants_deinit(&scan->wants);
        free_chunk(&scan->chunks[0]);
        free_chunk(&scan->chunks[1]);
        free(scan->lanes);
    }
    pthread_mutex_destroy(&scans->lock);
    free(scans->loops);
    free(scans->wanted);
    free(scans);
}

const struct scan_stats *scans_stats(const struct scans *scans)
{
    return &scans->stats;
}

void scans_attach(struct scans *scans, uint32_t loop_index, struct loop *loop,
                  void (*run)(struct loop *loop, struct loop_message *message))
{
    ASSERT(loop_index < scans->loop_count);
    pthread_mutex_lock(&scans->lock);
    scans->loops[loop_index] = loop;
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        scans->all[i].lanes[loop_index].message.run = run;
    }
    pthread_mutex_unlock(&scans->lock);
}

uint32_t scan_of_message(const struct loop_message *message)
{
    return CONTAINER_OF(message, const struct scan_lane, message)->scan;
}

void scans_want(struct scans *scans, uint32_t loop_index, uint64_t sequence)
{
    pthread_mutex_lock(&scans->lock);
    scans->wanted[loop_index] = sequence;
    pthread_mutex_unlock(&scans->lock);
}

static struct scan *find_free(struct scans *scans)
{
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        if (!scans->all[i].is_open) {
            return &scans->all[i];
        }
    }
    return NULL;
}

static void open_scan(struct scan *scan, uint64_t from, uint64_t limit)
{
    struct scans *scans = scan->scans;
    scan->is_open = true;
    scan->is_ready = scan->is_over = false;
    scan->first = scan->next = from;
    scan->limit = limit;
    scan->round = 0;
    scan->bytes = 0;
    reset_chunk(&scan->chunks[1 - scan->given], from, 0);
    for (uint32_t i = 0; i < scans->loop_count; i++) {
        scan->lanes[i].is_in = scans->wanted[i] <= limit;
        if (scan->lanes[i].is_in) {
            scans->wanted[i] = UINT64_MAX;
        }
    }
    hand_out(scan);
    atomic_fetch_add_explicit(&scans->stats.scans, 1, memory_order_relaxed);
}

void scans_begin(struct scans *scans, uint32_t loop_index, uint64_t limit)
{
    pthread_mutex_lock(&scans->lock);
    struct scan *scan = find_free(scans);
    uint64_t from = UINT64_MAX;
    for (uint32_t i = 0; i < scans->loop_count; i++) {
        from = scans->wanted[i] < from ? scans->wanted[i] : from;
    }
    if (scan != NULL && scans->readers != NULL && scans->wanted[loop_index] != UINT64_MAX &&
        from <= limit) {
        open_scan(scan, from, limit);
    }
    pthread_mutex_unlock(&scans->lock);
}

bool scan_look(struct scans *scans, uint32_t index, uint64_t *next, uint64_t *limit)
{
    struct scan *scan = &scans->all[index];
    pthread_mutex_lock(&scans->lock);
    bool is_open = scan->is_open && !scan->is_over;
    *next = scan->next;
    *limit = scan->limit;
    pthread_mutex_unlock(&scans->lock);
    return is_open;
}

uint32_t scan_join(struct scans *scans, uint32_t index, uint32_t loop_index, uint64_t limit,
                   const struct wants *wants)
{
    struct scan *scan = &scans->all[index];
    struct scan_lane *lane = &scan->lanes[loop_index];
    uint32_t round = 0;
    pthread_mutex_lock(&scans->lock);
    if (scan->round == 0 && lane->is_in) {
        scan->limit = limit < scan->limit ? limit : scan->limit;
    }
    if (scan->is_open && !scan->is_over && limit >= scan->limit) {
        wants_add(&lane->joined, wants);
        lane->is_in = true;
        round = scan->round + 1;
    }
    pthread_mutex_unlock(&scans->lock);
    return round;
}

const struct scan_chunk *scan_chunk_of(const struct scans *scans, uint32_t index)
{
    const struct scan *scan = &scans->all[index];
    return &scan->chunks[scan->given];
}

void scan_done(struct scans *scans, uint32_t index, uint32_t loop_index, bool leaves)
{
    struct scan *scan = &scans->all[index];
    struct scan_lane *lane = &scan->lanes[loop_index];
    pthread_mutex_lock(&scans->lock);
    ASSERT(lane->is_in && lane->is_giving);
    lane->is_giving = false;
    lane->is_in = !leaves;
    advance(scan);
    pthread_mutex_unlock(&scans->lock);
}

void scan_chunk_event(const struct scan_chunk *chunk, uint32_t i, struct event *event)
{
    const struct scan_event *found = scan_chunk_at(chunk, i);
    const struct scan_group *group =
        (const struct scan_group *)(const void *)buf_data(&chunk->groups).at + found->group;
    struct slice body = slice_of(buf_data(&chunk->bytes).at + group->at, group->bytes);
    struct event_walk walk = {
        .all = body,
        .body = cursor_over(slice_from(body, found->at)),
        .next_sequence = found->sequence,
        .time_ms = group->time_ms,
    };
    bool is_there = event_walk_next(&walk, event);
    ASSERT(is_there);
}

uint32_t scan_chunk_find(const struct scan_chunk *chunk, uint64_t sequence)
{
    uint32_t low = 0;
    uint32_t high = scan_chunk_count(chunk);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (scan_chunk_at(chunk, middle)->sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
