/* SPDX-License-Identifier: Apache-2.0 */
#include "front/state.h"

#include "base/log.h"
#include "front/view_state.h"

#include <stdlib.h>

#define STATE_WAIT_MS 5000
/* The largest present state that is sent; a resource with more is told of by its updates alone. */
#define STATE_BYTES_MAX ((size_t)16 << 20)

struct state {
    struct reader_job job;
    struct loop_message message;
    struct link link; /* in conn.states */
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    uint64_t after;
    struct actor actor;
    struct topic topic;
    struct err err;
    bool found;
    struct buf payload;
    size_t filter_bytes;
    uint8_t filter[];
};

static void state_free(struct state *state)
{
    buf_deinit(&state->payload);
    free(state);
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
            .project = &state->topic.options.project,
        };
        state->err = view_state(&view, &state->topic, &state->payload, &state->found);
    }
    loop_post(state->front->loop, &state->message);
}

/* A client that subscribes again and again and takes nothing keeps one state a subscription: the
 * newest. */
static void forget_older(struct conn *conn, const struct state *state)
{
    struct slice filter = slice_of(state->filter, state->filter_bytes);
    LIST_EACH (&conn->states, link, after) {
        struct state *older = LIST_ENTRY(link, struct state, link);
        if (slice_equal(slice_of(older->filter, older->filter_bytes), filter)) {
            list_remove(link);
            state_free(older);
        }
    }
}

/* True when the state is done with: taken, or not wanted any more. */
static bool hand_over(struct conn *conn, struct state *state)
{
    struct session *session = conn->session;
    struct slice filter = slice_of(state->filter, state->filter_bytes);
    struct subscription *subscription =
        session ? subs_find(&conn->front->subs, session, &state->topic, filter) : NULL;
    if (subscription == NULL || conn_is_closing(conn)) {
        return true;
    }
    const struct delivery delivery = {
        .subscription = subscription,
        .payload = buf_data(&state->payload),
        .qos = subscription->qos,
        .sequence = state->after,
    };
    return session->ops->deliver(session, &delivery);
}

static void state_arrived(struct loop *loop, struct loop_message *message)
{
    struct state *state = CONTAINER_OF(message, struct state, message);
    struct conn *conn = conn_find(loop->owner, state->slot, state->generation);
    if (err_is_set(state->err) || state->payload.failed) {
        LOG_LIMITED(LOG_WARN, "front", "no present state for a subscriber error=%s",
                    err_name(state->err));
    } else if (conn != NULL && !conn->is_closing && state->found) {
        if (!hand_over(conn, state)) {
            forget_older(conn, state);
            list_push(&conn->states, &state->link);
            return;
        }
    }
    state_free(state);
}

void state_request(struct conn *conn, const struct subscription *subscription,
                   const struct topic *topic, uint64_t after)
{
    struct slice filter = subscription_filter(subscription);
    struct state *state = calloc(1, sizeof(*state) + filter.bytes);
    if (state == NULL) {
        LOG_LIMITED(LOG_WARN, "front", "no present state for a subscriber error=NO_MEMORY");
        return;
    }
    state->payload.bytes_max = STATE_BYTES_MAX;
    state->job.run = state_run;
    state->message.run = state_arrived;
    state->front = conn->front;
    state->slot = conn->slot;
    state->generation = conn->generation;
    state->after = after;
    state->actor = subscription->actor;
    state->topic = *topic;
    state->topic.options.access_token = (struct slice){0};
    state->filter_bytes = filter.bytes;
    memcpy(state->filter, filter.at, filter.bytes);
    if (!readers_submit(conn->front->shared->readers, &state->job)) {
        LOG_LIMITED(LOG_WARN, "front", "no present state for a subscriber error=BUSY");
        state_free(state);
    }
}

void state_retry(struct conn *conn)
{
    LIST_EACH (&conn->states, link, after) {
        struct state *state = LIST_ENTRY(link, struct state, link);
        if (!hand_over(conn, state)) {
            return;
        }
        list_remove(link);
        state_free(state);
    }
}

void state_forget(struct conn *conn)
{
    LIST_EACH (&conn->states, link, after) {
        list_remove(link);
        state_free(LIST_ENTRY(link, struct state, link));
    }
}
