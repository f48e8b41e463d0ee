/* SPDX-License-Identifier: Apache-2.0
 *
 * The live walk over events and answers, in their one order: along the event ring, or, when that
 * has left the loop behind, the journal. Sessions that have fallen behind catch up in past.c. What
 * an event sends, and to whom, is the same for both (fire.h). */
#include "front/front.h"

#include "base/assert.h"
#include "base/log.h"
#include "front/auth.h"
#include "front/conn.h"
#include "front/fire.h"

#include <stdlib.h>

/* Bytes of journal that a reader fetches at once for a loop that the ring has left behind. */
#define OVERRUN_READ_BYTES ((size_t)256 << 10)

/* ---- the live way ---- */

static void take_answer(struct front *front, const struct answer *answer, const struct event *event)
{
    struct conn *conn = conn_find(front, answer->token.slot, answer->token.generation);
    if (answer->kind == ANSWER_COMMAND) {
        ASSERT(front->in_flight > 0);
        front->in_flight--;
        front->event_waiters -= answer->wants_event;
    }
    if (conn == NULL) {
        if (err_is_set(answer->err)) {
            LOG_LIMITED(LOG_WARN, "front", "refused after the client had gone status=%d reason=%s",
                        err_http_status(answer->err), err_name(answer->err));
        }
        return;
    }
    if (answer->kind == ANSWER_COMMAND) {
        conn->in_flight--;
    }
    if (!conn->is_closing) {
        conn->proto->on_answer(conn, answer, event);
    }
}

/* Takes the answers that stand behind events up to <sequence>. <event>, if any, is the last of
 * them: a command whose last event it is gets to see it. (A command's events are those from
 * answer.event to answer.after.) */
static void take_answers(struct front *front, uint64_t sequence, const struct event *event)
{
    const struct answer *next;
    while ((next = answer_ring_peek(&front->answers)) != NULL && next->after <= sequence) {
        struct answer answer = *next;
        answer_ring_pop(&front->answers);
        bool is_own = event != NULL && answer.event != 0 && answer.after == event->sequence;
        take_answer(front, &answer, is_own ? event : NULL);
    }
}

/* An event that is not the last of its command: shown to who composes the answer from all of them.
 * The command is the next to be answered, because answers come in the order of their events. */
static void show_event(struct front *front, const struct event *event)
{
    const struct answer *next = answer_ring_peek(&front->answers);
    if (next == NULL || !next->wants_event || next->event == 0 || event->sequence < next->event ||
        event->sequence >= next->after) {
        return;
    }
    struct conn *conn = conn_find(front, next->token.slot, next->token.generation);
    if (conn != NULL && !conn->is_closing && conn->proto->on_event != NULL) {
        conn->proto->on_event(conn, next->token.request, event);
    }
}

static void take_group(struct front *front, const struct group *group)
{
    take_answers(front, front->sequence, NULL);
    /* Nobody wants to see its events: they are passed over as one. (A subscription can only come
     * from an answer, and then the rest of the group is walked.) */
    while (front->subs.count == 0 && !group->has_documents && front->event_waiters == 0) {
        const struct answer *next = answer_ring_peek(&front->answers);
        if (next == NULL || next->after > group->last_sequence) {
            front->sequence = group->last_sequence;
            return;
        }
        front->sequence = max_u64(front->sequence, next->after);
        take_answers(front, front->sequence, NULL);
    }
    struct event_walk walk = event_walk_start(group);
    struct event event;
    while (event_walk_next(&walk, &event)) {
        if (event.sequence <= front->sequence) {
            continue;
        }
        if (auth_is_concerned(&event)) {
            auth_take_event(front, &event);
        }
        if (front->subs.count > 0) {
            struct audience audience = {.front = front};
            fire_event(&audience, &event);
        }
        if (front->event_waiters > 0) {
            show_event(front, &event);
        }
        front->sequence = event.sequence;
        take_answers(front, event.sequence, &event);
    }
}

/* ---- the ring has left the loop behind ---- */

/* Groups that a reader fetches for the loop. */
struct overrun_read {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    uint64_t from;
    struct err err;
    struct buf groups; /* one after the other, each behind its length (u32 big-endian) */
};

static bool keep_group(void *arg, const struct group *group)
{
    struct overrun_read *read = arg;
    buf_put_u32be(&read->groups, (uint32_t)group->bytes.bytes);
    buf_put(&read->groups, group->bytes);
    return !read->groups.failed && buf_bytes(&read->groups) < OVERRUN_READ_BYTES;
}

static void overrun_run(struct reader *reader, struct reader_job *job)
{
    struct overrun_read *read = CONTAINER_OF(job, struct overrun_read, job);
    read->err = journal_read(store_journal(reader->store), read->from, keep_group, read);
    if (read->groups.failed) {
        read->err = ERR(NO_MEMORY);
    }
    loop_post(read->front->loop, &read->message);
}

static void overrun_arrived(struct loop *loop, struct loop_message *message);

static bool overrun_start(struct front *front)
{
    struct overrun_read *read = calloc(1, sizeof(*read));
    if (read == NULL) {
        return false;
    }
    read->job.run = overrun_run;
    read->message.run = overrun_arrived;
    read->front = front;
    read->from = front->sequence + 1;
    if (!readers_submit(front->shared->readers, &read->job)) {
        free(read);
        return false;
    }
    return true;
}

static bool next_read_group(struct cursor *groups, struct group *group)
{
    uint32_t bytes;
    struct slice text;
    return cursor_read_u32be(groups, &bytes) && cursor_read_bytes(groups, bytes, &text) &&
           !err_is_set(group_open(text, group));
}

static void overrun_arrived(struct loop *loop, struct loop_message *message)
{
    struct overrun_read *read = CONTAINER_OF(message, struct overrun_read, message);
    struct front *front = loop->owner;
    front->is_overrun = false;
    if (err_is_set(read->err)) {
        log_line(LOG_ERROR, "front", "loop=%u cannot read the journal error=%s", front->index,
                 err_name(read->err));
    }
    struct cursor groups = cursor_over(buf_data(&read->groups));
    struct group group;
    /* The journal is ahead of the ring, and of the answers that belong to its newest group: what is
     * not in the ring yet is left to it. */
    uint64_t published = broadcast_last(front->shared->ring);
    while (next_read_group(&groups, &group) && group.last_sequence <= published) {
        take_group(front, &group);
    }
    loop_defer(loop, &front->again);
    buf_deinit(&read->groups);
    free(read);
}

void front_drain(struct front *front)
{
    while (!front->is_overrun) {
        const struct broadcast_item *item;
        switch (broadcast_look(&front->ring_reader, front->sequence + 1, &item)) {
        case BROADCAST_ITEM:
            take_group(front, &CONTAINER_OF(item, struct committed, item)->group);
            continue;
        case BROADCAST_AHEAD:
            take_answers(front, front->sequence, NULL);
            return;
        case BROADCAST_OVERRUN:
            front->is_overrun = overrun_start(front);
            if (!front->is_overrun) {
                loop_defer(front->loop, &front->again);
                return;
            }
        }
    }
}
