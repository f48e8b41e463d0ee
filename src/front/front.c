/* SPDX-License-Identifier: Apache-2.0 */
#include "front/front.h"

#include "base/assert.h"
#include "front/auth.h"
#include "front/conn.h"
#include "front/lag.h"
#include "front/share.h"
#include "front/sys.h"

#include <sched.h>
#include <stdlib.h>

/* Room of a batch that holds no large command. Below the size from which the allocator goes a
 * slower way. */
#define BATCH_ROOM ((size_t)14 << 10)

/* Answers that are not asked for (take-overs) come on top of those to commands; each is caused by a
 * command of some loop. */
static size_t answer_places(uint32_t commands, uint32_t loops)
{
    size_t wanted = (size_t)commands * (loops + 1);
    size_t places = 1024;
    while (places < wanted) {
        places *= 2;
    }
    return places;
}

/* Each piece of a command may be rounded up to the batch's alignment. */
#define BATCH_ROUNDING 256

static void run_again(struct loop_task *task)
{
    (void)task;
}

struct err front_init(struct front *front, struct front_shared *shared, struct loop *loop,
                      uint16_t index, uint32_t answers, uint32_t loops)
{
    *front = (struct front){.loop = loop, .index = index, .shared = shared};
    list_init(&front->behind);
    list_init(&front->paused);
    list_init(&front->conns);
    list_init(&front->to_flush);
    front->again.run = run_again;
    front->in_flight_max = answers;
    /* One SUBSCRIBE may go over the bound of commands by as many as a session may have, one bulk
     * request by its largest selection. */
    answers += shared->limits.subscriptions_max + FRONT_BULK_MAX;
    TRY(answer_ring_init(&front->answers, answer_places(answers, loops), sizeof(struct answer)));
    broadcast_reader_init(&front->ring_reader, shared->ring);
    broadcast_reader_init(&front->past_reader, shared->ring);
    front->sequence = broadcast_last(shared->ring);
    subs_init(&front->subs, shared->hash_seed);
    front->read_at = malloc(FRONT_READ_BYTES);
    front->past = past_new(front);
    front->shares = shares_new(front);
    front->auth = auth_new(front);
    front->points = calloc(shared->limits.points_max, sizeof(front->points[0]));
    front->locations = calloc(shared->limits.points_max, sizeof(front->locations[0]));
    front->actions = calloc(shared->limits.actions_max, sizeof(front->actions[0]));
    if (front->read_at == NULL || front->past == NULL || front->shares == NULL ||
        front->auth == NULL || front->points == NULL || front->locations == NULL ||
        front->actions == NULL) {
        front_deinit(front);
        return ERR(NO_MEMORY);
    }
    lag_watch(front);
    sys_watch(front);
    return ERR(OK);
}

void front_deinit(struct front *front)
{
    ASSERT(front->conn_count == 0);
    for (uint32_t i = 0; i < front->batch_count; i++) {
        free(front->batches[i]);
    }
    free(front->batches);
    answer_ring_deinit(&front->answers);
    shares_free(front->shares);
    subs_deinit(&front->subs);
    past_free(front->past);
    auth_free(front->auth);
    buf_deinit(&front->payload);
    buf_deinit(&front->topic);
    buf_deinit(&front->keyed);
    buf_deinit(&front->scratch);
    buf_deinit(&front->scopes);
    buf_deinit(&front->context);
    free(front->points);
    free(front->locations);
    free(front->actions);
    free(front->slots);
    free(front->read_at);
}

void front_stop(struct front *front)
{
    LIST_EACH (&front->conns, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, all);
        if (!conn_is_closing(conn)) {
            conn->proto->on_stopping(conn);
        }
    }
    shares_stop(front->shares);
}

/* ---- commands ---- */

static struct command_batch *open_batch(const struct front *front, size_t bytes)
{
    if (front->batch_count == 0) {
        return NULL;
    }
    struct command_batch *open = front->batches[front->batch_count - 1];
    return open->room - open->bytes >= bytes ? open : NULL;
}

static struct command_batch *add_batch(struct front *front, size_t bytes)
{
    if (front->batch_count == front->batch_room) {
        uint32_t room = front->batch_room ? front->batch_room * 2 : FRONT_BATCHES_MAX;
        void *grown = realloc(front->batches, room * sizeof(front->batches[0]));
        if (grown == NULL) {
            return NULL;
        }
        front->batches = grown;
        front->batch_room = room;
    }
    struct command_batch *batch = command_batch_new(max_size(BATCH_ROOM, bytes));
    if (batch != NULL) {
        front->batches[front->batch_count++] = batch;
    }
    return batch;
}

struct command_batch *front_batch_last_words(struct front *front, size_t bytes)
{
    size_t wanted = bytes + front->session_writes.bytes + BATCH_ROUNDING;
    struct command_batch *batch = open_batch(front, wanted);
    /* They are said in the closes phase, behind this turn's submit. */
    loop_defer(front->loop, &front->again);
    return batch != NULL ? batch : add_batch(front, wanted);
}

struct command_batch *front_batch(struct front *front, size_t bytes)
{
    if (front->in_flight >= front->in_flight_max) {
        return NULL;
    }
    size_t wanted = bytes + front->session_writes.bytes + BATCH_ROUNDING;
    struct command_batch *batch = open_batch(front, wanted);
    if (batch != NULL || front->batch_count >= FRONT_BATCHES_MAX) {
        return batch;
    }
    return add_batch(front, wanted);
}

struct command *front_command_unanswered(struct front *front, struct command_batch *batch,
                                         enum command_kind kind, struct conn *conn,
                                         const struct actor *actor)
{
    struct slice session_writes = {0};
    bool has_room = front->session_writes.bytes == 0 ||
                    command_batch_copy(batch, front->session_writes, &session_writes);
    struct command *command = command_batch_add(batch, kind);
    ASSERT(has_room && command != NULL);
    command->session_writes = session_writes;
    command->writes_if_refused = front->writes_if_refused;
    front->session_writes = (struct slice){0};
    command->loop = front->index;
    command->wants_answer = false;
    command->qos = 1;
    command->actor = *actor;
    command->token = (struct answer_token){.slot = conn->slot, .generation = conn->generation};
    return command;
}

struct command *front_command(struct front *front, struct command_batch *batch,
                              enum command_kind kind, struct conn *conn, const struct actor *actor,
                              uint64_t request)
{
    struct command *command = front_command_unanswered(front, batch, kind, conn, actor);
    command->wants_answer = true;
    command->wants_event = conn->proto->wants_events;
    command->token.request = request;
    front->event_waiters += command->wants_event;
    front->in_flight++;
    conn->in_flight++;
    return command;
}

/* Hands the filled batches over. What the ring has no room for goes next turn. */
static void submit(struct front *front)
{
    uint32_t done = 0;
    while (done < front->batch_count &&
           inbox_ring_push(front->shared->commands, front->batches[done])) {
        done++;
    }
    if (done == 0) {
        if (front->batch_count > 0) {
            loop_defer(front->loop, &front->again);
        }
        return;
    }
    doorbell_ring(front->shared->engine_bell);
    front->batch_count -= done;
    memmove(front->batches, front->batches + done, front->batch_count * sizeof(front->batches[0]));
    if (front->batch_count > 0) {
        loop_defer(front->loop, &front->again);
    }
}

void front_submit_all(struct front *front)
{
    while (front->batch_count > 0) {
        submit(front);
        sched_yield();
    }
}

/* ---- the turn ---- */

static void resume_paused(struct front *front)
{
    /* Half, so that reading does not start and stop with every answer. */
    if (front->in_flight > front->in_flight_max / 2 || list_is_empty(&front->paused)) {
        return;
    }
    struct link paused;
    list_init(&paused);
    list_move_all(&paused, &front->paused);
    LIST_EACH (&paused, link, after) {
        struct conn *conn = LIST_ENTRY(link, struct conn, paused);
        conn_resume(conn);
    }
}

void front_turn_start(struct loop *loop)
{
    struct front *front = loop->owner;
    front_drain(front);
    auth_refresh(front);
    resume_paused(front);
    past_turn(front);
}

/* Says whether the engine shall wake this loop for every group. A group that came between the drain
 * of this turn and this word has woken nobody: then there is another turn at once. */
static void announce_listening(struct front *front)
{
    bool listens = front->subs.count > 0;
    if (atomic_load_explicit(&front->is_listening, memory_order_relaxed) != listens) {
        atomic_store(&front->is_listening, listens);
        /* Both in the one order of sequentially consistent operations, as are the two of the
         * engine, which pushes and then looks: one of us sees the other. */
        if (atomic_load(&front->shared->ring->last) > front->sequence) {
            loop_defer(front->loop, &front->again);
        }
    }
}

void front_turn_end(struct loop *loop)
{
    struct front *front = loop->owner;
    shares_turn_end(front->shares);
    submit(front);
    conn_flush_all(front);
    /* Who could write again may have gone on reading: those commands leave in another turn, now. */
    if (front->batch_count > 0) {
        loop_defer(front->loop, &front->again);
    }
    announce_listening(front);
}
