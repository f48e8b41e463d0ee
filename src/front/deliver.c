/* SPDX-License-Identifier: Apache-2.0
 *
 * From the event ring to sessions: which topics an event fires, with what, and to whom; live, and
 * for sessions that have fallen behind. One matching for both.
 *
 * A message is encoded once for each topic it fires on, into front->payload, when the first
 * subscriber is found, and copied to each receiver behind its own header. */
#include "front/front.h"

#include "base/assert.h"
#include "base/log.h"
#include "codec/json_write.h"
#include "front/auth.h"
#include "front/conn.h"
#include "front/state.h"
#include "model/location.h"
#include "model/perm.h"
#include "model/property.h"

#include <stdlib.h>

/* Groups a session is given in one go when it catches up, and bytes of journal a reader fetches at
 * once: others want their turn. */
#define PAST_GROUPS_PER_TURN 64
#define PAST_READ_BYTES ((size_t)256 << 10)

/* ---- what an event fires ---- */

/* To whom the messages of an event go. */
struct audience {
    struct front *front;
    struct session *only; /* catching up: this session alone; NULL: all that are live */
    uint32_t ordinal;     /* catching up: matches of the event so far */
    bool is_blocked;      /* catching up: the session can take no more */
};

/* One topic an event fires on. */
struct firing {
    const struct event *event;
    struct topic_ref ref;
    uint64_t resource_hash;
    bool is_last;
    void (*encode)(struct buf *out, const struct firing *firing);
};

static bool hand_over(struct front *front, struct session *session,
                      const struct subscription *subscription, const struct firing *firing)
{
    const struct event *event = firing->event;
    struct delivery delivery = {
        .subscription = subscription,
        .payload = buf_data(&front->payload),
        .qos = subscription->qos < event->qos ? subscription->qos : event->qos,
        .is_last = firing->is_last,
        .sequence = event->sequence,
    };
    return session->ops->deliver(session, &delivery);
}

/* Judged per event, so that a wide subscription delivers only what its key could GET. */
static bool is_for(const struct subscription *subscription, const struct event *event)
{
    return subscription->first_sequence <= event->sequence &&
           !err_is_set(
               perm_sees(&subscription->actor, event->account, event->kind, event->resource));
}

static bool encode_once(struct front *front, const struct firing *firing, bool *is_encoded)
{
    if (!*is_encoded) {
        buf_reset(&front->payload);
        firing->encode(&front->payload, firing);
        *is_encoded = true;
    }
    return !front->payload.failed;
}

static void to_live(struct front *front, const struct subs_topic *topic,
                    const struct firing *firing)
{
    bool is_encoded = false;
    LIST_EACH (&topic->subscriptions, link, after) {
        struct subscription *subscription = LIST_ENTRY(link, struct subscription, in_topic);
        struct session *session = subscription->session;
        if (session->is_behind || !is_for(subscription, firing->event)) {
            continue;
        }
        if (session->cursor != firing->event->sequence) {
            session->cursor = firing->event->sequence;
            session->ordinal = 0;
        }
        if (encode_once(front, firing, &is_encoded) &&
            hand_over(front, session, subscription, firing)) {
            session->ordinal++;
        } else {
            session->is_behind = true;
            atomic_fetch_add_explicit(&front->stats.fell_behind, 1, memory_order_relaxed);
        }
    }
}

static void to_one(struct audience *audience, struct subscription *subscription,
                   const struct firing *firing, bool *is_encoded)
{
    struct session *session = audience->only;
    if (audience->is_blocked || subscription->session != session ||
        !is_for(subscription, firing->event)) {
        return;
    }
    if (audience->ordinal++ < session->ordinal) {
        return; /* it has had this one */
    }
    if (encode_once(audience->front, firing, is_encoded) &&
        hand_over(audience->front, session, subscription, firing)) {
        session->ordinal++;
    } else {
        audience->is_blocked = true;
    }
}

/* In the topic's order, which is that of the live way; by the shorter of the two lists. */
static void to_session(struct audience *audience, const struct subs_topic *topic,
                       const struct firing *firing)
{
    bool is_encoded = false;
    if (audience->only->subscription_count < topic->count) {
        LIST_EACH (&audience->only->subscriptions, link, after) {
            struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
            if (found->topic == topic) {
                to_one(audience, found, firing, &is_encoded);
            }
        }
        return;
    }
    LIST_EACH (&topic->subscriptions, link, after) {
        to_one(audience, LIST_ENTRY(link, struct subscription, in_topic), firing, &is_encoded);
    }
}

static const struct subs_topic *topic_of(const struct audience *audience,
                                         const struct firing *firing)
{
    return subs_topic_find_named(&audience->front->subs, firing->resource_hash, firing->ref);
}

static void fire(struct audience *audience, const struct firing *firing)
{
    const struct subs_topic *topic = topic_of(audience, firing);
    if (topic == NULL) {
        return;
    }
    if (audience->only != NULL) {
        to_session(audience, topic, firing);
    } else {
        to_live(audience->front, topic, firing);
    }
}

/* ---- points ---- */

static void encode_properties(struct buf *out, const struct firing *firing)
{
    bool all = firing->ref.family == TOPIC_THNG_PROPERTIES;
    struct event event = *firing->event;
    struct point point;
    buf_put_byte(out, '[');
    while (event_next_point(&event, &point)) {
        if (point.key.bytes > 0 && (all || slice_equal(point.key, firing->ref.name))) {
            json_write_comma(out);
            property_write_sample(out, &(struct property_sample){.key = point.key,
                                                                 .value = point.value,
                                                                 .timestamp_ms = point.timestamp_ms,
                                                                 .created_ms = event.time_ms});
        }
    }
    buf_put_byte(out, ']');
}

static void encode_location(struct buf *out, const struct firing *firing)
{
    struct event event = *firing->event;
    struct point point;
    buf_put_byte(out, '[');
    while (event_next_point(&event, &point)) {
        json_write_comma(out);
        location_write_item(out, point.value, point.timestamp_ms, event.time_ms);
    }
    buf_put_byte(out, ']');
}

static bool key_came_before(struct event event, uint32_t index, struct slice key)
{
    struct point point;
    for (uint32_t i = 0; i < index && event_next_point(&event, &point); i++) {
        if (slice_equal(point.key, key)) {
            return true;
        }
    }
    return false;
}

static void fire_location(struct audience *audience, const struct event *event, uint64_t seed)
{
    struct firing firing = {
        .event = event,
        .ref = {.family = TOPIC_THNG_LOCATION, .resource = event->resource},
        .resource_hash = topic_hash_resource(seed, TOPIC_THNG_LOCATION, event->resource),
        .encode = encode_location,
    };
    fire(audience, &firing);
}

/* The message of all keys first, then one for each key, in the request's order. */
static void fire_points(struct audience *audience, const struct event *event)
{
    uint64_t seed = audience->front->subs.seed;
    struct event points = *event;
    struct point point;
    if (!event_next_point(&points, &point)) {
        return;
    }
    if (point.key.bytes == 0) {
        fire_location(audience, event, seed);
        return;
    }
    struct firing firing = {
        .event = event,
        .ref = {.family = TOPIC_THNG_PROPERTIES, .resource = event->resource},
        .resource_hash = topic_hash_resource(seed, TOPIC_THNG_PROPERTIES, event->resource),
        .encode = encode_properties,
    };
    fire(audience, &firing);
    firing.ref.family = TOPIC_THNG_PROPERTY;
    firing.resource_hash = topic_hash_resource(seed, TOPIC_THNG_PROPERTY, event->resource);
    uint32_t index = 0;
    do {
        firing.ref.name = point.key;
        if (topic_of(audience, &firing) != NULL && !key_came_before(*event, index, point.key)) {
            fire(audience, &firing);
        }
        index++;
    } while (event_next_point(&points, &point));
}

/* ---- documents ---- */

static void encode_document(struct buf *out, const struct firing *firing)
{
    buf_put(out, firing->event->text);
}

static void encode_deleted(struct buf *out, const struct firing *firing)
{
    BUF_PUT_LITERAL(out, "{\"operation\":\"deleted\",\"timestamp\":");
    buf_put_decimal(out, firing->event->time_ms);
    BUF_PUT_LITERAL(out, ",\"resources\":[\"");
    buf_put(out, id_slice(firing->event->resource));
    BUF_PUT_LITERAL(out, "\"]}");
}

static void fire_document(struct audience *audience, const struct event *event)
{
    if (event->kind != RESOURCE_THNG || event->operation == OPERATION_CREATED) {
        return;
    }
    bool is_deleted = event->operation == OPERATION_DELETED;
    uint64_t seed = audience->front->subs.seed;
    struct firing firing = {
        .event = event,
        .ref = {.family = TOPIC_THNG, .resource = event->resource},
        .resource_hash = topic_hash_resource(seed, TOPIC_THNG, event->resource),
        .is_last = is_deleted,
        .encode = is_deleted ? encode_deleted : encode_document,
    };
    fire(audience, &firing);
}

static void fire_event(struct audience *audience, const struct event *event)
{
    if (event->type == EVENT_POINTS && !(event->flags & POINTS_SILENT)) {
        fire_points(audience, event);
    } else if (event->type == EVENT_DOCUMENT) {
        fire_document(audience, event);
    }
}

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
 * them. */
static void take_answers(struct front *front, uint64_t sequence, const struct event *event)
{
    const struct answer *next;
    while ((next = answer_ring_peek(&front->answers)) != NULL && next->after <= sequence) {
        struct answer answer = *next;
        answer_ring_pop(&front->answers);
        bool is_own = event != NULL && answer.event == event->sequence;
        take_answer(front, &answer, is_own ? event : NULL);
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
        if (event.type == EVENT_KEY) {
            auth_take_event(front, &event);
        } else if (front->subs.count > 0) {
            struct audience audience = {.front = front};
            fire_event(&audience, &event);
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
    uint64_t first_kept; /* of the journal */
    struct err err;
    struct buf groups; /* one after the other, each behind its length (u32 big-endian) */
};

static bool keep_group(void *arg, const struct group *group)
{
    struct past_read *read = arg;
    buf_put_u32be(&read->groups, (uint32_t)group->bytes.bytes);
    buf_put(&read->groups, group->bytes);
    return !read->groups.failed && buf_bytes(&read->groups) < PAST_READ_BYTES;
}

static void past_run(struct reader *reader, struct reader_job *job)
{
    struct past_read *read = CONTAINER_OF(job, struct past_read, job);
    struct journal *journal = store_journal(reader->store);
    read->first_kept = journal_first(journal);
    read->err = journal_read(journal, read->from, keep_group, read);
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
        session->ordinal = 0;
    }
    return true;
}

static void past_for_session(struct front *front, struct conn *conn, const struct past_read *read)
{
    struct session *session = conn->session;
    conn->is_reading_past = false;
    if (session == NULL || !session->is_behind) {
        return;
    }
    if (err_is_set(read->err)) {
        log_line(LOG_ERROR, "front", "catch-up failed error=%s", err_name(read->err));
        conn_close(conn);
        return;
    }
    if (session->cursor < read->first_kept) {
        log_line(LOG_WARN, "front", "session lost its place from=%llu to=%llu",
                 (unsigned long long)session->cursor, (unsigned long long)read->first_kept);
        session->cursor = read->first_kept;
        session->ordinal = 0;
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

/* Another turn for it, behind what others want in this one. */
static void catch_up_later(struct front *front, struct conn *conn)
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
    if (session == NULL || !session->is_behind || conn->is_reading_past || conn->is_closing) {
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
        catch_up_later(front, conn);
    }
}
