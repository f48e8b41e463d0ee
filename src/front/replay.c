/* SPDX-License-Identifier: Apache-2.0 */
#include "front/replay.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "front/replay_read.h"
#include "front/replay_retained.h"

#include <stdlib.h>

#define REPLAY_WAIT_MS 5000
/* When readers are too busy, or the store cannot follow, it is tried again. */
#define REPLAY_RETRY_MS 500

/* One subscription's, until it is done. Small: a client may ask for many at once. */
struct replay {
    struct link link; /* in replays.list */
    uint64_t number;
    uint64_t after;
    int64_t boundary_ms;
    int64_t from_ms;
    uint32_t back; /* as in struct replay_read, as are the following */
    struct replay_place place;
    struct retained_place *retained; /* of retained messages: how far they are read. Owned */
    bool is_read;                    /* the page that is here, or was given last, is its last one */
    bool is_again;                   /* to a session that has come back: */
    bool had_all;                    /* it had been given all, */
    struct buf had;                  /* or those up to this topic */
    size_t filter_bytes;
    uint8_t filter[];
};

/* Those of a connection. Once made it lives as long as that. */
struct replays {
    struct conn *conn;
    struct link list; /* the first is the one under way */
    uint32_t count;
    uint64_t last_number;
    struct buf page;  /* messages of the first that the session has not taken */
    struct buf given; /* when that is of retained messages: the topic of the last one it has */
    bool is_reading;
    bool is_held; /* until the client is told of the subscriptions */
    struct wheel_timer retry;
};

/* A page on its way through a reader. */
struct replay_job {
    struct reader_job job;
    struct loop_message message;
    struct front *front;
    uint32_t slot;
    uint32_t generation;
    uint64_t number; /* of the replay */
    struct actor actor;
    struct id project;
    struct topic topic;
    struct replay_read read;
    bool is_retained; /* then these, and of <read> the messages alone: */
    struct retained_read_page retained;
    struct err err;
};

struct err replay_check(const struct topic *topic)
{
    bool is_possible = !topic->options.replay.is_wanted || replay_has_history(topic->family);
    return is_possible ? ERR(OK) : ERR(QUERY_INVALID);
}

/* ---- on a reader ---- */

static void job_run(struct reader *reader, struct reader_job *reader_job)
{
    struct replay_job *job = CONTAINER_OF(reader_job, struct replay_job, job);
    if (job->is_retained) {
        job->err = replay_read_retained(reader, &job->retained, &job->read.messages);
        loop_post(job->front->loop, &job->message);
        return;
    }
    const struct view view = {
        .reader = reader,
        .keyring = job->front->shared->keyring,
        .actor = &job->actor,
        .project = &job->project,
    };
    job->err = store_wait(reader->store, job->read.after, REPLAY_WAIT_MS);
    if (!err_is_set(job->err)) {
        job->err = replay_read_page(&view, &job->read);
    }
    loop_post(job->front->loop, &job->message);
}

static void job_free(struct replay_job *job)
{
    buf_deinit(&job->read.messages);
    free(job);
}

/* ---- the list ---- */

static struct replay *first_of(const struct replays *replays)
{
    return list_is_empty(&replays->list) ? NULL
                                         : LIST_ENTRY(replays->list.next, struct replay, link);
}

static void drop(struct replays *replays, struct replay *replay)
{
    if (replay == first_of(replays)) {
        buf_deinit(&replays->page);
        buf_deinit(&replays->given);
    }
    list_remove(&replay->link);
    replays->count--;
    free(replay->retained);
    buf_deinit(&replay->had);
    free(replay);
}

static struct slice filter_of(const struct replay *replay)
{
    return slice_of(replay->filter, replay->filter_bytes);
}

/* The replay's subscription, and its topic; NULL when it has ended, or begun anew, or when what it
 * is of is not seen any more: a page that was read before must not be shown then. */
static const struct subscription *
find_subscription(const struct conn *conn, const struct replay *replay, struct topic *topic)
{
    topic->family = TOPIC_PLAIN;
    if (replay->retained == NULL) {
        struct err err = topic_parse(filter_of(replay), topic);
        ASSERT(!err_is_set(err));
    }
    const struct subscription *found =
        conn->session == NULL ? NULL
                              : subs_find(&conn->front->subs, conn->session, filter_of(replay));
    bool is_in_force = found != NULL && found->replay == replay->number && !found->is_hidden;
    return is_in_force ? found : NULL;
}

/* ---- reading ---- */

static void page_arrived(struct loop *loop, struct loop_message *message);

static bool submit(struct replays *replays, const struct replay *replay,
                   const struct subscription *subscription, const struct topic *topic)
{
    struct conn *conn = replays->conn;
    struct replay_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return false;
    }
    *job = (struct replay_job){
        .job.run = job_run,
        .message.run = page_arrived,
        .front = conn->front,
        .slot = conn->slot,
        .generation = conn->generation,
        .number = replay->number,
        .actor = subscription->actor,
        .project = subscription->project,
        .topic = *topic,
        .read = {.after = replay->after,
                 .boundary_ms = replay->boundary_ms,
                 .from_ms = replay->from_ms,
                 .back = replay->back,
                 .place = replay->place},
    };
    job->topic.options.access_token = (struct slice){0};
    job->read.topic = &job->topic;
    if (replay->retained != NULL) {
        job->is_retained = true;
        job->retained.account = subscription->actor.account;
        job->retained.after = replay->after;
        job->retained.place = *replay->retained;
        job->retained.filter_bytes = (uint16_t)replay->filter_bytes;
        memcpy(job->retained.filter, replay->filter, replay->filter_bytes);
    }
    if (!readers_submit(conn->front->shared->readers, &job->job)) {
        job_free(job);
        return false;
    }
    return true;
}

static void retry_later(struct replays *replays)
{
    loop_arm(replays->conn->front->loop, &replays->retry, REPLAY_RETRY_MS);
}

static void retry_due(struct wheel_timer *timer)
{
    struct replays *replays = CONTAINER_OF(timer, struct replays, retry);
    front_catch_up_later(replays->conn->front, replays->conn);
}

static void log_end(const struct conn *conn, struct err err)
{
    char peer[ADDRESS_TEXT_BYTES];
    LOG_LIMITED(LOG_WARN, "front", "no history for a subscriber peer=%s status=%d reason=%s",
                address_describe(&conn->peer, peer), err_http_status(err), err_name(err));
}

static void take_page(struct replays *replays, struct replay *replay, struct replay_job *job)
{
    replay->back = job->read.back;
    replay->place = job->read.place;
    replay->is_read = job->read.is_done;
    if (replay->retained != NULL) {
        *replay->retained = job->retained.place;
        replay->is_read = job->retained.place.is_done;
    }
    replays->page = job->read.messages;
    job->read.messages = (struct buf){0};
}

/* Whoever may not see it (any more) gets no history; what is live is judged by itself. */
static void take_error(struct replays *replays, struct replay *replay, struct err err)
{
    struct conn *conn = replays->conn;
    switch (err.code) {
    case ERR_BUSY:
        retry_later(replays);
        return;
    case ERR_NOT_FOUND:
    case ERR_DENIED:
        log_end(conn, err);
        drop(replays, replay);
        return;
    default:
        log_line(LOG_ERROR, "front", "replay failed error=%s", err_name(err));
        conn_close(conn);
        return;
    }
}

static void page_arrived(struct loop *loop, struct loop_message *message)
{
    struct replay_job *job = CONTAINER_OF(message, struct replay_job, message);
    struct front *front = loop->owner;
    struct conn *conn = conn_find(front, job->slot, job->generation);
    if (conn != NULL && !conn->is_closing) {
        struct replays *replays = conn->replays;
        struct replay *replay = first_of(replays);
        replays->is_reading = false;
        /* Else it was dropped meanwhile. */
        bool is_wanted = replay != NULL && replay->number == job->number;
        if (is_wanted && err_is_set(job->err)) {
            take_error(replays, replay, job->err);
        } else if (is_wanted) {
            take_page(replays, replay, job);
        }
        front_catch_up(front, conn);
    }
    job_free(job);
}

/* ---- giving ---- */

static struct slice next_counted(struct cursor *page)
{
    uint32_t bytes;
    struct slice value;
    bool is_whole = cursor_read_u32be(page, &bytes) && cursor_read_bytes(page, bytes, &value);
    ASSERT(is_whole);
    return value;
}

/* The first message of the page; how many bytes it takes there. */
static size_t read_message(const struct replays *replays, const struct replay *replay,
                           struct delivery *delivery)
{
    struct cursor page = cursor_over(buf_data(&replays->page));
    if (replay->retained != NULL) {
        uint8_t qos;
        bool is_whole =
            cursor_read_u64be(&page, &delivery->sequence) && cursor_read_u8(&page, &qos);
        ASSERT(is_whole);
        delivery->qos = qos < delivery->qos ? qos : delivery->qos;
        delivery->topic = next_counted(&page);
        delivery->is_plain = delivery->is_retained = true;
        delivery->is_again = replay->is_again;
        delivery->is_had =
            replay->is_again &&
            (replay->had_all || slice_compare(delivery->topic, buf_data(&replay->had)) <= 0);
    }
    delivery->payload = next_counted(&page);
    return buf_bytes(&replays->page) - cursor_left(&page);
}

/* True when the session has taken all of the page. */
static bool give_page(struct replays *replays, const struct replay *replay,
                      const struct subscription *subscription)
{
    struct session *session = replays->conn->session;
    while (buf_bytes(&replays->page) > 0) {
        struct delivery delivery = {
            .subscription = subscription,
            .qos = subscription->qos,
            .sequence = replay->after,
        };
        size_t bytes = read_message(replays, replay, &delivery);
        if (!session->ops->deliver(session, &delivery)) {
            return false;
        }
        if (replay->retained != NULL) {
            buf_reset(&replays->given);
            buf_put(&replays->given, delivery.topic);
        }
        buf_consume(&replays->page, bytes);
    }
    buf_deinit(&replays->page);
    return true;
}

/* Has the next page read, if it is not, or will be tried again. */
static void want_page(struct replays *replays, const struct replay *replay,
                      const struct subscription *subscription, const struct topic *topic)
{
    if (replays->is_reading || wheel_timer_is_armed(&replays->retry)) {
        return;
    }
    replays->is_reading = submit(replays, replay, subscription, topic);
    if (!replays->is_reading) {
        retry_later(replays);
    }
}

bool replay_go_on(struct conn *conn)
{
    struct replays *replays = conn->replays;
    struct replay *replay;
    while (replays != NULL && (replay = first_of(replays)) != NULL) {
        struct topic topic;
        const struct subscription *subscription = find_subscription(conn, replay, &topic);
        if (subscription == NULL) {
            drop(replays, replay);
            continue;
        }
        if (replays->is_held || !give_page(replays, replay, subscription)) {
            return true;
        }
        if (!replay->is_read) {
            want_page(replays, replay, subscription, &topic);
            return true;
        }
        drop(replays, replay);
    }
    return false;
}

/* ---- beginning and end ---- */

static struct replays *replays_of(struct conn *conn)
{
    if (conn->replays == NULL) {
        conn->replays = calloc(1, sizeof(*conn->replays));
        if (conn->replays != NULL) {
            conn->replays->conn = conn;
            conn->replays->retry.fire = retry_due;
            list_init(&conn->replays->list);
        }
    }
    return conn->replays;
}

static int64_t from_ms(const struct topic_replay *wish)
{
    return wish->is_ago ? max_i64(clock_wall_ms() - wish->from_ms, 0) : wish->from_ms;
}

/* Behind one that waits for the client, those whose subscription is gone would gather without end:
 * when they could be as many as the others, they go. */
static void drop_some(struct replays *replays)
{
    struct conn *conn = replays->conn;
    if (replays->count <= 2 * conn->session->subscription_count) {
        return;
    }
    LIST_EACH (&replays->list, link, after) {
        struct replay *replay = LIST_ENTRY(link, struct replay, link);
        struct topic topic;
        if (find_subscription(conn, replay, &topic) == NULL) {
            drop(replays, replay);
        }
    }
}

/* A replay behind event <after> that waits in the list. NULL without memory: then the subscription
 * has been ended. */
static struct replay *add(struct conn *conn, struct subscription *subscription, uint64_t after)
{
    struct slice filter = subscription_filter(subscription);
    struct replays *replays = replays_of(conn);
    struct replay *replay = replays ? calloc(1, sizeof(*replay) + filter.bytes) : NULL;
    if (replay == NULL) {
        subs_remove(&conn->front->subs, subscription);
        return NULL;
    }
    replay->number = ++replays->last_number;
    replay->after = after;
    replay->filter_bytes = filter.bytes;
    memcpy(replay->filter, filter.at, filter.bytes);
    list_push(&replays->list, &replay->link);
    replays->count++;
    subscription->replay = replay->number;
    replays->is_held = true;
    past_leave(conn);
    session_fall_behind(conn->session, after);
    return replay;
}

struct err replay_add(struct conn *conn, struct subscription *subscription,
                      const struct topic *topic, const struct answer *answer)
{
    const struct topic_replay *wish = &topic->options.replay;
    struct replay *replay = add(conn, subscription, answer->after);
    if (replay == NULL) {
        return ERR(NO_MEMORY);
    }
    replay->boundary_ms = answer->boundary_ms;
    replay->from_ms = from_ms(wish);
    replay->back = wish->last > 0 ? wish->last + 1 : 0; /* to behind the one before them */
    /* Also when it had begun before: what lies between comes with the history. */
    subscription->first_sequence = answer->after + 1;
    drop_some(conn->replays);
    return ERR(OK);
}

static struct replay *add_retained(struct conn *conn, struct subscription *subscription,
                                   uint64_t after)
{
    struct retained_place *place = calloc(1, sizeof(*place));
    if (place == NULL) {
        subs_remove(&conn->front->subs, subscription);
        return NULL;
    }
    struct replay *replay = add(conn, subscription, after);
    if (replay == NULL) {
        free(place);
        return NULL;
    }
    replay->retained = place;
    drop_some(conn->replays);
    return replay;
}

struct err replay_add_retained(struct conn *conn, struct subscription *subscription,
                               struct slice filter, uint64_t after)
{
    ASSERT(slice_equal(filter, subscription_filter(subscription)));
    return add_retained(conn, subscription, after) != NULL ? ERR(OK) : ERR(NO_MEMORY);
}

struct err replay_add_again(struct conn *conn, struct subscription *subscription,
                            const struct replay_left *left)
{
    uint64_t after = left != NULL ? left->after : conn->front->sequence;
    struct replay *replay = add_retained(conn, subscription, after);
    if (replay == NULL) {
        return ERR(NO_MEMORY);
    }
    replay->is_again = true;
    replay->had_all = left == NULL;
    if (left != NULL) {
        buf_put(&replay->had, left->topic);
    }
    return replay->had.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* The topic of the last message that the session has; one that has come back had some before. */
static struct slice last_given(const struct replays *replays, const struct replay *replay)
{
    struct slice had = buf_data(&replay->had);
    struct slice given =
        replay == first_of(replays) ? buf_data(&replays->given) : (struct slice){0};
    return slice_compare(given, had) > 0 ? given : had;
}

void replay_each_left(const struct conn *conn, replay_left_fn visit, void *arg)
{
    const struct replays *replays = conn->replays;
    if (replays == NULL) {
        return;
    }
    LIST_EACH (&replays->list, link, after) {
        const struct replay *replay = LIST_ENTRY(link, struct replay, link);
        struct topic topic;
        const struct subscription *found = find_subscription(conn, replay, &topic);
        if (found != NULL && replay->retained != NULL && !replay->had_all) {
            const struct replay_left left = {found, replay->after, last_given(replays, replay)};
            visit(arg, &left);
        }
    }
}

uint32_t replay_count(const struct conn *conn)
{
    return conn->replays != NULL ? conn->replays->count : 0;
}

void replay_start(struct conn *conn)
{
    struct replays *replays = conn->replays;
    if (replays != NULL && replays->is_held) {
        replays->is_held = false;
        front_catch_up_later(conn->front, conn);
    }
}

void replay_forget(struct conn *conn)
{
    struct replays *replays = conn->replays;
    if (replays == NULL) {
        return;
    }
    struct replay *replay;
    while ((replay = first_of(replays)) != NULL) {
        drop(replays, replay);
    }
    loop_disarm(conn->front->loop, &replays->retry);
    conn->replays = NULL;
    free(replays);
}
