/* SPDX-License-Identifier: Apache-2.0 */
#include "front/state.h"

#include "base/assert.h"
#include "base/log.h"
#include "front/view_state.h"
#include "front/view_states.h"

#include <stdlib.h>

#define STATE_WAIT_MS 5000
/* The largest present state that is sent; a resource with more is told of by its updates alone. */
#define STATE_BYTES_MAX ((size_t)16 << 20)
/* So many of a connection are read, or wait for its session, at one time. */
#define STATES_OPEN_MAX 4

struct state {
    struct reader_job job;
    struct loop_message message;
    struct link link; /* in conn.states */
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    uint32_t life; /* of the connection's states */
    uint64_t after;
    struct actor actor;
    struct topic_filter filter;
    struct err err;
    struct buf
        messages; /* topic (with wildcards), payload; each behind its length (u32 big-endian) */
    size_t text_bytes;
    uint8_t text[]; /* the filter as it came */
};

static void state_free(struct state *state)
{
    buf_deinit(&state->messages);
    free(state);
}

static void put_message(struct state *state, struct slice topic, struct slice payload)
{
    buf_put_u32be(&state->messages, (uint32_t)topic.bytes);
    buf_put(&state->messages, topic);
    buf_put_u32be(&state->messages, (uint32_t)payload.bytes);
    buf_put(&state->messages, payload);
}

/* What does not fit any more is left out, and with it the rest. */
static bool take_state(void *arg, struct slice topic, struct slice payload)
{
    struct state *state = arg;
    size_t bytes = topic.bytes + payload.bytes + 8;
    if (bytes > STATE_BYTES_MAX - buf_bytes(&state->messages)) {
        LOG_LIMITED(LOG_WARN, "front", "not all present states for a subscriber with wildcards");
        return false;
    }
    put_message(state, topic, payload);
    return true;
}

static struct err read_one(const struct view *view, struct state *state)
{
    struct buf payload = {.bytes_max = STATE_BYTES_MAX - 8};
    bool found;
    struct err err = view_state(view, &state->filter.topic, &payload, &found);
    if (!err_is_set(err) && found) {
        put_message(state, (struct slice){0}, buf_data(&payload));
    }
    buf_deinit(&payload);
    return err;
}

static void state_run(struct reader *reader, struct reader_job *job)
{
    struct state *state = CONTAINER_OF(job, struct state, job);
    state->err = store_wait(reader->store, state->after, STATE_WAIT_MS);
    if (!err_is_set(state->err)) {
        const struct view view = {
            .reader = reader,
            .keyring = state->front->shared->keyring,
            .actor = &state->actor,
            .project = &state->filter.topic.options.project,
        };
        state->err = state->filter.has_wildcard
                         ? view_states(&view, &state->filter, take_state, state)
                         : read_one(&view, state);
    }
    loop_post(state->front->loop, &state->message);
}

/* Takes it from those that wait. */
static void state_done(struct conn *conn, struct state *state)
{
    list_remove(&state->link);
    state_free(state);
    conn->states_open--;
}

/* Who subscribes again before it has taken the state gets the newer one only. */
static void forget_older(struct conn *conn, const struct state *state)
{
    struct slice text = slice_of(state->text, state->text_bytes);
    LIST_EACH (&conn->states, link, after) {
        struct state *older = LIST_ENTRY(link, struct state, link);
        if (older != state && slice_equal(slice_of(older->text, older->text_bytes), text)) {
            state_done(conn, older);
        }
    }
}

static bool next_message(struct cursor *messages, struct slice *topic, struct slice *payload)
{
    uint32_t bytes;
    return cursor_read_u32be(messages, &bytes) && cursor_read_bytes(messages, bytes, topic) &&
           cursor_read_u32be(messages, &bytes) && cursor_read_bytes(messages, bytes, payload);
}

/* True when the state is done with: taken, or not wanted any more. */
static bool hand_over(struct conn *conn, struct state *state)
{
    struct session *session = conn->session;
    if (session == NULL || conn_is_closing(conn)) {
        return true;
    }
    const struct subscription *subscription =
        subs_find(&conn->front->subs, session, slice_of(state->text, state->text_bytes));
    if (subscription == NULL) {
        return true;
    }
    struct delivery delivery = {
        .subscription = subscription, .qos = subscription->qos, .sequence = state->after};
    struct cursor messages = cursor_over(buf_data(&state->messages));
    size_t left = cursor_left(&messages);
    while (next_message(&messages, &delivery.topic, &delivery.payload)) {
        if (!session->ops->deliver(session, &delivery)) {
            buf_consume(&state->messages, buf_bytes(&state->messages) - left);
            return false;
        }
        left = cursor_left(&messages);
    }
    return true;
}

static void state_arrived(struct loop *loop, struct loop_message *message);

static struct state *state_new(struct conn *conn, const struct subscription *subscription)
{
    struct slice text = subscription_filter(subscription);
    struct state *state = calloc(1, sizeof(*state) + text.bytes);
    if (state == NULL) {
        return NULL;
    }
    struct err err = topic_filter_parse(text, &state->filter);
    ASSERT(!err_is_set(err));
    state->filter.topic.options.project = subscription->project;
    state->filter.topic.options.access_token = (struct slice){0};
    state->messages.bytes_max = STATE_BYTES_MAX;
    state->job.run = state_run;
    state->message.run = state_arrived;
    state->front = conn->front;
    state->slot = conn->slot;
    state->generation = conn->generation;
    state->life = conn->states_life;
    state->after = subscription->state_after;
    state->actor = subscription->actor;
    state->text_bytes = text.bytes;
    memcpy(state->text, text.at, text.bytes);
    return state;
}

static struct err read_state(struct conn *conn, const struct subscription *subscription)
{
    struct state *state = state_new(conn, subscription);
    if (state == NULL) {
        return ERR(NO_MEMORY);
    }
    if (!readers_submit(conn->front->shared->readers, &state->job)) {
        state_free(state);
        return ERR(BUSY);
    }
    conn->states_open++;
    return ERR(OK);
}

static void log_failed(struct err err)
{
    LOG_LIMITED(LOG_WARN, "front", "no present state for a subscriber error=%s", err_name(err));
}

static void read_more(struct conn *conn)
{
    while (conn->states_open < STATES_OPEN_MAX && !list_is_empty(&conn->state_wishes)) {
        struct subscription *next =
            LIST_ENTRY(conn->state_wishes.next, struct subscription, in_states);
        struct err err = read_state(conn, next);
        if (err_is_set(err) && conn->states_open > 0) {
            return; /* when one of those is done with */
        }
        list_remove(&next->in_states);
        if (err_is_set(err)) {
            log_failed(err);
        }
    }
}

static void state_arrived(struct loop *loop, struct loop_message *message)
{
    struct state *state = CONTAINER_OF(message, struct state, message);
    struct conn *conn = conn_find(loop->owner, state->slot, state->generation);
    if (conn == NULL || state->life != conn->states_life) {
        state_free(state);
        return;
    }
    struct err err = state->messages.failed ? ERR(NO_MEMORY) : state->err;
    if (err_is_set(err)) {
        log_failed(err);
    }
    list_push(&conn->states, &state->link);
    if (err_is_set(err) || hand_over(conn, state)) {
        state_done(conn, state);
    } else {
        forget_older(conn, state);
    }
    read_more(conn);
}

void state_request(struct conn *conn, struct subscription *subscription, uint64_t after)
{
    subscription->state_after = after;
    if (!link_is_in_list(&subscription->in_states)) {
        list_push(&conn->state_wishes, &subscription->in_states);
    }
    read_more(conn);
}

void state_retry(struct conn *conn)
{
    LIST_EACH (&conn->states, link, after) {
        struct state *state = LIST_ENTRY(link, struct state, link);
        if (!hand_over(conn, state)) {
            break;
        }
        state_done(conn, state);
    }
    read_more(conn);
}

void state_forget(struct conn *conn)
{
    LIST_EACH (&conn->states, link, after) {
        state_done(conn, LIST_ENTRY(link, struct state, link));
    }
    LIST_EACH (&conn->state_wishes, link, after) {
        list_remove(link);
    }
    conn->states_open = 0; /* those that are being read have had their time */
    conn->states_life++;
}
