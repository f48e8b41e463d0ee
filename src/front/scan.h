/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.h - shared scans of the journal: however many sessions are behind, it is read by a few.
 *
 * A scan reads the journal from some event on to a limit, in chunks, on a reader thread. Every loop
 * that takes part (a lane) is handed each chunk, and says when it is done with it. The next one is
 * read meanwhile, and handed out when all are done. So a scan goes as fast as its slowest lane; how
 * long a session may hold its lane up is bounded (past.c).
 *
 *      reader   |read 1|read 2|      |read 3| ...
 *      lane 0          |give 1     |give 2     | ...
 *      lane 1          |give 1  |  |give 2        | ...
 *
 * A chunk holds only events that can concern the sessions of its lanes (wants.h). Sessions join
 * with what they want, and a chunk is for them when it was read afterwards: its round tells.
 *
 * No scan goes beyond where all its loops were when they joined. What a session subscribes to later
 * begins behind that. So what it wanted when it joined is all that a scan has for it.
 *
 * All functions may be called on any thread; those with a loop's number, on the thread of that loop
 * only. */
#ifndef THRUM_FRONT_SCAN_H
#define THRUM_FRONT_SCAN_H

#include "base/buf.h"
#include "front/wants.h"
#include "net/loop.h"
#include "store/readers.h"

/* So many go on at once: a second one for those whom the first has passed. */
#define SCANS_MAX 2

/* A group of which a chunk has events. */
struct scan_group {
    int64_t time_ms;
    size_t at; /* of its body, in the chunk's bytes */
    size_t bytes;
};

struct scan_event {
    uint64_t sequence;
    uint32_t group; /* index */
    uint32_t at;    /* in the group's body */
};

/* What was read from <asked> to before <end>. Nobody changes it while lanes have it. */
struct scan_chunk {
    uint32_t round; /* 0: nothing has been read yet, lanes join */
    struct err err;
    uint64_t asked;
    uint64_t first; /* later than <asked> when the journal no longer has that */
    uint64_t end;
    bool is_last; /* of its scan */
    struct buf bytes;
    struct buf groups; /* struct scan_group */
    struct buf events; /* struct scan_event */
};

/* Counts up; read by anybody. */
struct scan_stats {
    _Atomic uint64_t scans; /* that were begun */
    _Atomic uint64_t bytes; /* of groups that were read */
};

struct scans;

/* NULL without memory. <readers> may be NULL: then no scan begins. */
struct scans *scans_new(struct readers *readers, uint32_t loops);

/* Readers and loops have ended. NULL is fine. */
void scans_free(struct scans *scans);

const struct scan_stats *scans_stats(const struct scans *scans);

/* Once for each loop: chunks are handed to it by a message with <run>; scan_of_message tells of
 * which scan. */
void scans_attach(struct scans *scans, uint32_t loop_index, struct loop *loop,
                  void (*run)(struct loop *loop, struct loop_message *message));
uint32_t scan_of_message(const struct loop_message *message);

/* The first event that a session of that loop waits for; UINT64_MAX: nobody waits. */
void scans_want(struct scans *scans, uint32_t loop_index, uint64_t sequence);

/* Begins a scan where the first of all those begins, if one is free: their loops are handed a chunk
 * of round 0. <limit> is where the caller's loop is. */
void scans_begin(struct scans *scans, uint32_t loop_index, uint64_t limit);

/* Joins sessions of a loop that is at event <limit>. Those whose place is from *next to *limit can
 * find it in a chunk; scan_look is false when none can. The chunks of scan_join's round, and later
 * ones, have what they want; 0: there are none. */
bool scan_look(struct scans *scans, uint32_t scan, uint64_t *next, uint64_t *limit);
uint32_t scan_join(struct scans *scans, uint32_t scan, uint32_t loop_index, uint64_t limit,
                   const struct wants *wants);

/* The chunk that was handed to the loop. */
const struct scan_chunk *scan_chunk_of(const struct scans *scans, uint32_t scan);

/* The loop is done with it; <leaves>: it has nobody left in this scan. */
void scan_done(struct scans *scans, uint32_t scan, uint32_t loop_index, bool leaves);

static inline uint32_t scan_chunk_count(const struct scan_chunk *chunk)
{
    return (uint32_t)(buf_bytes(&chunk->events) / sizeof(struct scan_event));
}

static inline const struct scan_event *scan_chunk_at(const struct scan_chunk *chunk, uint32_t i)
{
    return (const struct scan_event *)(const void *)buf_data(&chunk->events).at + i;
}

/* Decodes the event, which lies in the chunk. */
void scan_chunk_event(const struct scan_chunk *chunk, uint32_t i, struct event *event);

/* The index of the first event from <sequence> on. */
uint32_t scan_chunk_find(const struct scan_chunk *chunk, uint64_t sequence);

#endif
