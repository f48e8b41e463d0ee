/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over events and answers, in their one order: live, along the event ring; and for
 * sessions that have fallen behind, along the ring or the journal. What an event sends, and to
 * whom, is the same for both (fire.h). */
#include "front/front.h"

#include "base/assert.h"
#include "base/log.h"
#include "front/auth.h"
#include "front/conn.h"
#include "front/fire.h"
#include "front/replay.h"
#include "front/state.h"

#include <stdlib.h>

/* Groups a session is given in one go when it catches up, and bytes of journal a reader fetches at
 * once: others want their turn. */
#define PAST_GROUPS_PER_TURN 64
#define PAST_READ_BYTES ((size_t)256 << 10)

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

/* ---- the past, from the journal ---- */

/* Groups that a reader fetches, for a session, or for the whole loop when the ring has left it
 * behind. */
struct past_read {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    bool is_for_loop;
    uint32_t slot;
    uint32_t generation;
    uint64_t from;
    uint64_t first; /* that was read: later than <from> when the journal no longer has that */
    struct err err;
    struct buf groups; /* one after the other, each behind its length (u32 big-endian) */
};

static bool keep_group(void *arg, const struct group *group)
{
    struct past_read *read = arg;
    read->first = read->first != 0 ? read->first : group->first_sequence;
    buf_put_u32be(&read->groups, (uint32_t)group->bytes.bytes);
    buf_put(&read->groups, group->bytes);
    return !read->groups.failed && buf_bytes(&read->groups) < PAST_READ_BYTES;
}

static void past_run(struct reader *reader, struct reader_job *job)
{
    struct past_read *read = CONTAINER_OF(job, struct past_read, job);
    read->err = journal_read(store_journal(reader->store), read->from, keep_group, read);
    if (read->groups.failed) {
        read->err = ERR(NO_MEMORY);
    }
    loop_post(read->front->loop, &read->message);
}

static void past_arrived(struct loop *loop, struct loop_message *message);

static bool past_start(struct front *front, struct conn *conn, uint64_t from)
{
    struct past_read *read = calloc(1, sizeof(*read));
    if (read == NULL) {
        return false;
    }
    read->job.run = past_run;
    read->message.run = past_arrived;
    read->front = front;
    read->is_for_loop = conn == NULL;
    read->slot = conn ? conn->slot : 0;
    read->generation = conn ? conn->generation : 0;
    read->from = from;
    if (!readers_submit(front->shared->readers, &read->job)) {
        free(read);
        return false;
    }
    return true;
}

static bool next_past_group(struct cursor *groups, struct group *group)
{
    uint32_t bytes;
    struct slice text;
    return cursor_read_u32be(groups, &bytes) && cursor_read_bytes(groups, bytes, &text) &&
           !err_is_set(group_open(text, group));
}

/* Gives the session the events of a group from its cursor on; false when it can take no more. */
static bool session_take_group(struct front *front, struct session *session,
                               const struct group *group)
{
    struct event_walk walk = event_walk_start(group);
    struct event event;
    while (event_walk_next(&walk, &event)) {
        if (event.sequence < session->cursor) {
            continue;
        }
        if (event.sequence > front->sequence) {
            return true; /* the loop is in the middle of this group: the rest is live */
        }
        struct audience audience = {.front = front, .only = session};
        fire_event(&audience, &event);
        if (audience.is_blocked) {
            return false;
        }
        session->cursor = event.sequence + 1;
    }
    return true;
}

static void past_for_session(struct front *front, struct conn *conn, const struct past_read *read)
{
    struct session *session = conn->session;
    conn->is_reading_past = false;
    if (session == NULL || !session->is_behind || replay_go_on(conn)) {
        return;
    }
    if (read->from > session->cursor) { /* it was for another session, which has ended */
        front_catch_up(front, conn);
        return;
    }
    if (err_is_set(read->err)) {
        log_line(LOG_ERROR, "front", "catch-up failed error=%s", err_name(read->err));
        conn_close(conn);
        return;
    }
    if (session->cursor < read->first) {
        log_line(LOG_WARN, "front", "session lost its place from=%llu to=%llu",
                 (unsigned long long)session->cursor, (unsigned long long)read->first);
        session->cursor = read->first;
        if (session->ops->lost != NULL) {
            session->ops->lost(session);
            return;
        }
    }
    struct cursor groups = cursor_over(buf_data(&read->groups));
    struct group group;
    while (!conn->is_closing && session->cursor <= front->sequence &&
           next_past_group(&groups, &group)) {
        if (!session_take_group(front, session, &group)) {
            return;
        }
    }
    front_catch_up(front, conn);
}

static void past_for_loop(struct front *front, const struct past_read *read)
{
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
    while (next_past_group(&groups, &group) && group.last_sequence <= published) {
        take_group(front, &group);
    }
    loop_defer(front->loop, &front->again);
}

static void past_arrived(struct loop *loop, struct loop_message *message)
{
    struct past_read *read = CONTAINER_OF(message, struct past_read, message);
    struct front *front = loop->owner;
    if (read->is_for_loop) {
        past_for_loop(front, read);
    } else {
        struct conn *conn = conn_find(front, read->slot, read->generation);
        if (conn != NULL && !conn->is_closing) {
            past_for_session(front, conn, read);
        }
    }
    buf_deinit(&read->groups);
    free(read);
}

/* ---- both ways ---- */

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
            front->is_overrun = past_start(front, NULL, front->sequence + 1);
            if (!front->is_overrun) {
                loop_defer(front->loop, &front->again);
                return;
            }
        }
    }
}

void front_catch_up_later(struct front *front, struct conn *conn)
{
    if (!link_is_in_list(&conn->behind)) {
        list_push(&front->behind, &conn->behind);
    }
    loop_defer(front->loop, &front->again);
}

void front_catch_up(struct front *front, struct conn *conn)
{
    struct session *session = conn->session;
    state_retry(conn);
    if (session == NULL || !session->is_behind || conn->is_closing || replay_go_on(conn) ||
        conn->is_reading_past) {
        return;
    }
    for (unsigned turn = 0; turn < PAST_GROUPS_PER_TURN; turn++) {
        if (session->cursor > front->sequence) {
            session->is_behind = false;
            session->cursor = 0;
            break;
        }
        const struct broadcast_item *item;
        enum broadcast_found found = broadcast_look(&front->past_reader, session->cursor, &item);
        if (found == BROADCAST_OVERRUN) {
            conn->is_reading_past = past_start(front, conn, session->cursor);
            break;
        }
        ASSERT(found == BROADCAST_ITEM);
        if (!session_take_group(front, session,
                                &CONTAINER_OF(item, struct committed, item)->group)) {
            broadcast_release(&front->past_reader);
            return;
        }
    }
    broadcast_release(&front->past_reader);
    if (session->is_behind && !conn->is_reading_past) {
        front_catch_up_later(front, conn);
    }
}
