/* SPDX-License-Identifier: Apache-2.0 */
#include "front/past.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "front/conn.h"
#include "front/fire.h"
#include "front/replay.h"
#include "front/share.h"
#include "front/scan.h"
#include "front/state.h"

#include <stdlib.h>

/* Groups of the ring that a session is given in one go. */
#define RING_GROUPS_PER_TURN 64
/* The time that one turn has for each scan, and for those on the ring; looked at every so many
 * events. */
#define TURN_NS INT64_C(200000)
#define EVENTS_PER_LOOK 16
/* A scan begins when nobody new has come for a moment, or when somebody has waited long enough. */
#define GATHER_MS 10
#define GATHER_MAX_MS 1000
/* How long a session that lags may hold up the others: without moving, and in one chunk. */
#define PATIENCE_MS 50
#define PATIENCE_MAX_MS 500

/* The loop's part of a scan. */
struct past_lane {
    const struct scan_chunk *chunk; /* NULL: none now */
    uint32_t at;                    /* the next event of it for those that ride */
    int64_t given_ms;               /* when they had come to its end */
    struct link joined;
    struct link riding;
    struct link lagging;
    struct link ready; /* those that lag, and can go on now */
};

struct past {
    struct front *front;
    struct link waiting;
    uint64_t wanted; /* as scans_want was told */
    int64_t waiting_since_ms;
    struct wheel_timer gather;
    struct wheel_timer patience;
    struct past_lane lanes[SCANS_MAX];
};

static struct scans *scans_of(const struct past *past)
{
    return past->front->shared->scans;
}

static int64_t now_ms(const struct past *past)
{
    return loop_now_ms(past->front->loop);
}

static enum past_stage stage_of(const struct conn *conn)
{
    return link_is_in_list(&conn->behind) ? (enum past_stage)conn->past.stage : PAST_NONE;
}

static void move_to(struct link *list, struct conn *conn, enum past_stage stage)
{
    list_remove(&conn->behind);
    conn->past.stage = (uint8_t)stage;
    if (list != NULL) {
        list_push(list, &conn->behind);
    }
}

static struct conn *conn_at(struct link *link)
{
    return LIST_ENTRY(link, struct conn, behind);
}

/* ---- waiting ---- */

/* Also when it is what was said last: a scan that has begun since takes it for answered. */
static void want(struct past *past, uint64_t sequence)
{
    past->wanted = sequence;
    scans_want(scans_of(past), past->front->index, sequence);
}

static void want_first(struct past *past)
{
    uint64_t first = UINT64_MAX;
    LIST_EACH (&past->waiting, link, after) {
        uint64_t cursor = conn_at(link)->session->cursor;
        first = cursor < first ? cursor : first;
    }
    want(past, first);
}

static void wait_for_scan(struct past *past, struct conn *conn)
{
    int64_t now = now_ms(past);
    if (list_is_empty(&past->waiting)) {
        past->waiting_since_ms = now;
    }
    move_to(&past->waiting, conn, PAST_WAITING);
    if (conn->session->cursor < past->wanted) {
        want(past, conn->session->cursor);
    }
    int64_t left_ms = past->waiting_since_ms + GATHER_MAX_MS - now;
    if (left_ms > 0 || !wheel_timer_is_armed(&past->gather)) {
        loop_arm(past->front->loop, &past->gather,
                 max_i64(left_ms < GATHER_MS ? left_ms : GATHER_MS, 1));
    }
}

/* All that wait join the scan, if it comes to their place. */
static void join(struct past *past, uint32_t scan)
{
    struct front *front = past->front;
    struct link joining;
    struct wants wants = {0};
    uint64_t next;
    uint64_t limit;
    if (list_is_empty(&past->waiting) || !scan_look(scans_of(past), scan, &next, &limit)) {
        return;
    }
    list_init(&joining);
    LIST_EACH (&past->waiting, link, after) {
        struct conn *conn = conn_at(link);
        if (conn->session->cursor >= next && conn->session->cursor <= limit) {
            wants_add_session(&wants, conn->session);
            list_remove(link);
            list_push(&joining, link);
        }
    }
    if (!list_is_empty(&joining)) {
        uint32_t round = scan_join(scans_of(past), scan, front->index, front->sequence, &wants);
        LIST_EACH (&joining, link, after) {
            conn_at(link)->past.stage = round > 0 ? PAST_JOINED : PAST_WAITING;
            conn_at(link)->past.scan = (uint8_t)scan;
            conn_at(link)->past.round = round;
        }
        list_move_all(round > 0 ? &past->lanes[scan].joined : &past->waiting, &joining);
    }
    wants_deinit(&wants);
    want_first(past);
}

static void gather_due(struct wheel_timer *timer)
{
    struct past *past = CONTAINER_OF(timer, struct past, gather);
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        join(past, i);
    }
    want_first(past); /* some may have gone */
    if (!list_is_empty(&past->waiting)) {
        scans_begin(scans_of(past), past->front->index, past->front->sequence);
        loop_arm(past->front->loop, &past->gather, GATHER_MS);
    }
}

/* ---- a chunk ---- */

/* Everything before it has been given to those that ride. */
static uint64_t place_of(const struct past_lane *lane)
{
    return lane->at < scan_chunk_count(lane->chunk) ? scan_chunk_at(lane->chunk, lane->at)->sequence
                                                    : lane->chunk->end;
}

static void ride(struct past_lane *lane, struct conn *conn)
{
    move_to(&lane->riding, conn, PAST_RIDING);
    conn->session->walk = lane;
}

/* Out of the scan; the ring, or a scan, comes next. */
static void get_off(struct past *past, struct conn *conn)
{
    conn->session->walk = NULL;
    move_to(NULL, conn, PAST_NONE);
    front_catch_up_later(past->front, conn);
}

static void get_all_off(struct past *past, struct link *list)
{
    LIST_EACH (list, link, after) {
        get_off(past, conn_at(link));
    }
}

static void fail_all(struct link *list)
{
    LIST_EACH (list, link, after) {
        struct conn *conn = conn_at(link);
        conn->session->walk = NULL;
        move_to(NULL, conn, PAST_NONE);
        if (conn->session->ops->failed != NULL) {
            conn->session->ops->failed(conn->session);
        } else {
            conn_close(conn);
        }
    }
}

/* The journal has dropped what comes next for it. */
static void lose(struct past *past, struct conn *conn, uint64_t first)
{
    struct session *session = conn->session;
    log_line(LOG_WARN, "front", "session lost its place from=%llu to=%llu",
             (unsigned long long)session->cursor, (unsigned long long)first);
    session->cursor = first;
    get_off(past, conn);
    if (session->ops->lost != NULL) {
        session->ops->lost(session);
    }
}

static void lose_those_before(struct past *past, struct link *list, uint64_t first)
{
    LIST_EACH (list, link, after) {
        if (conn_at(link)->session->cursor < first) {
            lose(past, conn_at(link), first);
        }
    }
}

/* Those for whom the chunk is the first begin to ride; those whom the scan has passed wait again.
 */
static void get_on(struct past *past, struct past_lane *lane)
{
    const struct scan_chunk *chunk = lane->chunk;
    LIST_EACH (&lane->joined, link, after) {
        struct conn *conn = conn_at(link);
        uint64_t cursor = conn->session->cursor;
        if (cursor < chunk->asked) {
            wait_for_scan(past, conn);
        } else if (chunk->round >= conn->past.round && cursor < chunk->end) {
            ride(lane, conn);
        }
    }
}

static void finish(struct past *past, struct past_lane *lane)
{
    uint32_t scan = (uint32_t)(lane - past->lanes);
    if (lane->chunk->is_last) {
        get_all_off(past, &lane->riding);
        get_all_off(past, &lane->joined);
    } else {
        join(past, scan);
    }
    lane->chunk = NULL;
    bool is_empty = list_is_empty(&lane->riding) && list_is_empty(&lane->joined);
    scan_done(scans_of(past), scan, past->front->index, is_empty);
}

static bool has_none_behind(const struct past_lane *lane)
{
    return list_is_empty(&lane->lagging) && list_is_empty(&lane->ready);
}

/* The chunk is done with when nobody lags in it; they are waited for. */
static void finish_or_wait(struct past *past, struct past_lane *lane)
{
    if (lane->chunk == NULL || lane->at < scan_chunk_count(lane->chunk)) {
        return;
    }
    if (has_none_behind(lane)) {
        finish(past, lane);
    } else if (!wheel_timer_is_armed(&past->patience)) {
        loop_arm(past->front->loop, &past->patience, PATIENCE_MS);
    }
}

static void leave_behind(struct past *past, struct past_lane *lane)
{
    int64_t now = now_ms(past);
    bool is_long = now - lane->given_ms >= PATIENCE_MAX_MS;
    LIST_EACH (&lane->lagging, link, after) {
        if (is_long || now - conn_at(link)->past.moved_ms >= PATIENCE_MS) {
            move_to(NULL, conn_at(link), PAST_NONE);
        }
    }
}

static void patience_due(struct wheel_timer *timer)
{
    struct past *past = CONTAINER_OF(timer, struct past, patience);
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        struct past_lane *lane = &past->lanes[i];
        if (lane->chunk != NULL && lane->at == scan_chunk_count(lane->chunk)) {
            leave_behind(past, lane);
            finish_or_wait(past, lane);
        }
    }
}

/* Tells those that ride where they are, and finds those that do no more. */
static void look_at_riders(struct past *past, struct past_lane *lane)
{
    uint64_t place = place_of(lane);
    LIST_EACH (&lane->riding, link, after) {
        struct conn *conn = conn_at(link);
        struct session *session = conn->session;
        if (session->walk == lane) {
            session->cursor = max_u64(session->cursor, place);
        } else {
            move_to(&lane->lagging, conn, PAST_LAGGING);
            conn->past.moved_ms = now_ms(past);
        }
    }
}

/* Gives those that ride some of the chunk. */
static void give(struct past *past, struct past_lane *lane, int64_t end_ns)
{
    const struct scan_chunk *chunk = lane->chunk;
    uint32_t count = scan_chunk_count(chunk);
    for (uint32_t i = 1; lane->at < count && !list_is_empty(&lane->riding); i++) {
        struct audience audience = {.front = past->front, .walk = lane};
        struct event event;
        scan_chunk_event(chunk, lane->at, &event);
        fire_event(&audience, &event);
        if (audience.is_blocked || (i % EVENTS_PER_LOOK == 0 && clock_monotonic_ns() > end_ns)) {
            lane->at += !audience.is_blocked;
            break;
        }
        lane->at++;
    }
    look_at_riders(past, lane);
    if (list_is_empty(&lane->riding)) {
        lane->at = count; /* those that lag find their way by themselves */
    }
    if (lane->at < count) {
        loop_defer(past->front->loop, &past->front->again);
    } else {
        lane->given_ms = now_ms(past);
        finish_or_wait(past, lane);
    }
}

static void chunk_arrived(struct loop *loop, struct loop_message *message)
{
    struct front *front = loop->owner;
    struct past *past = front->past;
    uint32_t scan = scan_of_message(message);
    struct past_lane *lane = &past->lanes[scan];
    ASSERT(lane->chunk == NULL && has_none_behind(lane));
    lane->chunk = scan_chunk_of(scans_of(past), scan);
    lane->at = 0;
    if (err_is_set(lane->chunk->err) && lane->chunk->err.code != ERR_BUSY) {
        log_line(LOG_ERROR, "front", "catch-up failed error=%s", err_name(lane->chunk->err));
        fail_all(&lane->riding);
        fail_all(&lane->joined);
    }
    get_on(past, lane);
    lose_those_before(past, &lane->riding, lane->chunk->first);
    loop_defer(loop, &front->again);
}

/* ---- one by one ---- */

/* It goes on in the next turn. */
static void be_ready(struct past *past, struct past_lane *lane, struct conn *conn)
{
    move_to(&lane->ready, conn, PAST_LAGGING);
    loop_defer(past->front->loop, &past->front->again);
}

/* A session that lags goes on in the chunk, until it meets those that ride. */
static void go_on_in_chunk(struct past *past, struct conn *conn, int64_t end_ns)
{
    struct past_lane *lane = &past->lanes[conn->past.scan];
    struct session *session = conn->session;
    uint32_t begin = scan_chunk_find(lane->chunk, session->cursor);
    move_to(&lane->lagging, conn, PAST_LAGGING);
    for (uint32_t i = begin; i < lane->at; i++) {
        struct audience audience = {.front = past->front, .only = session};
        struct event event;
        scan_chunk_event(lane->chunk, i, &event);
        if (event.sequence > session->cursor) {
            session->cursor = event.sequence;
            conn->past.moved_ms = now_ms(past);
        }
        if (i > begin && (i - begin) % EVENTS_PER_LOOK == 0 && clock_monotonic_ns() > end_ns) {
            be_ready(past, lane, conn);
            return;
        }
        fire_event(&audience, &event);
        if (audience.is_blocked) {
            return;
        }
    }
    session->cursor = max_u64(session->cursor, place_of(lane));
    ride(lane, conn);
    finish_or_wait(past, lane);
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

/* The next group of the ring; false when the session is to go no further now. */
static bool take_from_ring(struct front *front, struct conn *conn, const struct wants *wants)
{
    struct session *session = conn->session;
    const struct broadcast_item *item;
    if (session->cursor > front->sequence) {
        session->is_behind = false;
        session->cursor = 0;
        return false;
    }
    if (broadcast_look(&front->past_reader, session->cursor, &item) == BROADCAST_OVERRUN) {
        wait_for_scan(front->past, conn);
        return false;
    }
    const struct group *group = &CONTAINER_OF(item, struct committed, item)->group;
    if (wants == NULL || wants_group(wants, group)) {
        return session_take_group(front, session, group);
    }
    session->cursor =
        (group->last_sequence < front->sequence ? group->last_sequence : front->sequence) + 1;
    return true;
}

/* What the session wants is known from the second group on: often there is only one. */
static void go_on_in_ring(struct front *front, struct conn *conn, int64_t end_ns)
{
    struct wants wants = {0};
    bool goes_on = take_from_ring(front, conn, NULL);
    if (goes_on) {
        wants_add_session(&wants, conn->session);
    }
    for (unsigned turn = 1; turn < RING_GROUPS_PER_TURN && goes_on; turn++) {
        if (clock_monotonic_ns() > end_ns) {
            break;
        }
        goes_on = take_from_ring(front, conn, &wants);
    }
    wants_deinit(&wants);
    broadcast_release(&front->past_reader);
    if (goes_on) {
        front_catch_up_later(front, conn);
    }
}

/* In the turn it is asked for; but once only, so that a client that acknowledges many messages one
 * by one is sent the next ones together. */
static void go_on(struct front *front, struct conn *conn, int64_t end_ns)
{
    struct past *past = front->past;
    uint64_t turn = front->loop->turn_count + 1;
    bool is_again = conn->past.turn == turn;
    conn->past.turn = turn;
    switch (stage_of(conn)) {
    case PAST_LAGGING:
        if (is_again) {
            be_ready(past, &past->lanes[conn->past.scan], conn);
        } else {
            go_on_in_chunk(past, conn, end_ns);
        }
        return;
    case PAST_WAITING:
    case PAST_JOINED:
    case PAST_RIDING:
        return;
    case PAST_NONE:
        if (is_again) {
            front_catch_up_later(front, conn);
        } else {
            go_on_in_ring(front, conn, end_ns);
        }
        return;
    }
}

void past_leave(struct conn *conn)
{
    conn->session->walk = NULL;
    move_to(NULL, conn, PAST_NONE);
}

static void catch_up_until(struct front *front, struct conn *conn, int64_t end_ns)
{
    struct session *session = conn->session;
    state_retry(conn);
    share_retry(conn);
    if (session != NULL && session->is_behind && !conn->is_closing && !replay_go_on(conn)) {
        go_on(front, conn, end_ns);
    }
}

void front_catch_up(struct front *front, struct conn *conn)
{
    catch_up_until(front, conn, clock_monotonic_ns() + TURN_NS);
}

void front_catch_up_later(struct front *front, struct conn *conn)
{
    if (!link_is_in_list(&conn->behind)) {
        move_to(&front->behind, conn, PAST_NONE);
    }
    loop_defer(front->loop, &front->again);
}

/* ---- the turn ---- */

static void turn_of_ring(struct front *front, int64_t end_ns)
{
    struct link behind;
    list_init(&behind);
    list_move_all(&behind, &front->behind);
    while (!list_is_empty(&behind)) {
        struct conn *conn = conn_at(behind.next);
        list_remove(&conn->behind);
        catch_up_until(front, conn, end_ns);
        if (clock_monotonic_ns() > end_ns) {
            break;
        }
    }
    list_move_all(&behind, &front->behind); /* those that had their turn, behind the others */
    list_move_all(&front->behind, &behind);
    if (!list_is_empty(&front->behind)) {
        loop_defer(front->loop, &front->again);
    }
}

/* Those that are ready, each once. */
static void turn_of_ready(struct past *past, struct past_lane *lane, int64_t end_ns)
{
    uint64_t turn = past->front->loop->turn_count + 1;
    while (!list_is_empty(&lane->ready) && clock_monotonic_ns() <= end_ns) {
        struct conn *conn = conn_at(lane->ready.next);
        if (conn->past.turn == turn) {
            break;
        }
        catch_up_until(past->front, conn, end_ns);
        /* It did not: it is being closed. */
        if (conn->past.turn != turn && link_is_in_list(&conn->behind)) {
            move_to(&lane->lagging, conn, PAST_LAGGING);
        }
    }
    if (!list_is_empty(&lane->ready)) {
        loop_defer(past->front->loop, &past->front->again);
    }
}

static void turn_of_lane(struct past *past, struct past_lane *lane, int64_t end_ns)
{
    turn_of_ready(past, lane, end_ns);
    if (lane->chunk != NULL &&
        (lane->at < scan_chunk_count(lane->chunk) || has_none_behind(lane))) {
        give(past, lane, end_ns);
    }
}

void past_turn(struct front *front)
{
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        struct past_lane *lane = &front->past->lanes[i];
        if (lane->chunk != NULL) {
            turn_of_lane(front->past, lane, clock_monotonic_ns() + TURN_NS);
        }
    }
    if (!list_is_empty(&front->behind)) {
        turn_of_ring(front, clock_monotonic_ns() + TURN_NS);
    }
}

/* ---- beginning and end ---- */

struct past *past_new(struct front *front)
{
    struct past *past = calloc(1, sizeof(*past));
    if (past == NULL) {
        return NULL;
    }
    past->front = front;
    past->wanted = UINT64_MAX;
    past->gather.fire = gather_due;
    past->patience.fire = patience_due;
    list_init(&past->waiting);
    for (uint32_t i = 0; i < SCANS_MAX; i++) {
        list_init(&past->lanes[i].joined);
        list_init(&past->lanes[i].riding);
        list_init(&past->lanes[i].lagging);
        list_init(&past->lanes[i].ready);
    }
    scans_attach(front->shared->scans, front->index, front->loop, chunk_arrived);
    return past;
}

void past_free(struct past *past)
{
    if (past != NULL) {
        loop_disarm(past->front->loop, &past->gather);
        loop_disarm(past->front->loop, &past->patience);
        free(past);
    }
}
