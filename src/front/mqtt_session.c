/* SPDX-License-Identifier: Apache-2.0
 *
 * What outlives a connection, while it is open and when it ends.
 *
 * The head is written whenever what is in flight has changed, at most a second late, and when the
 * connection ends. So after a crash the client is sent again what it was sent in that second.
 *
 * Who comes back is BEHIND at its oldest flight. The walk from there comes to all events again, in
 * the same order and with the same matching: what is a flight is sent again under its packet id,
 * what lies before the place and is no flight has been acknowledged. */
#include "front/mqtt_conn.h"

#include "base/clock.h"
#include "front/replay.h"

#include <stdlib.h>

/* The head is written so much later than something has changed, and now and then in any case, so
 * that the journal is not held, or lost, for events that never concerned the session. */
#define KEEP_AFTER_MS 1000
#define KEEP_ANYWAY_MS 60000

struct session_name mqtt_session_name(const struct mqtt_conn *mqtt)
{
    return (struct session_name){
        .account = mqtt->actor.account,
        .kind = mqtt->actor.kind,
        .actor = mqtt->actor.id,
        .client_id = buf_data(&mqtt->client_id),
    };
}

/* ---- writing ---- */

bool mqtt_session_may_write(struct mqtt_conn *mqtt)
{
    bool may = front_batch(mqtt->conn->front, FRONT_COMMAND_BYTES) != NULL;
    if (!may) {
        conn_pause(mqtt->conn);
    }
    return may;
}

/* NULL without memory: the connection is closed then, and what is on disk stays as it is. */
static struct command_batch *writing_batch(struct mqtt_conn *mqtt, struct slice writes,
                                           struct slice *copy)
{
    struct command_batch *batch =
        front_batch_last_words(mqtt->conn->front, FRONT_COMMAND_BYTES + writes.bytes);
    if (batch == NULL || !command_batch_copy(batch, writes, copy)) {
        conn_close(mqtt->conn);
        return NULL;
    }
    return batch;
}

struct command *mqtt_session_write(struct mqtt_conn *mqtt, struct slice writes, uint64_t request)
{
    struct slice copy;
    struct command_batch *batch = writing_batch(mqtt, writes, &copy);
    if (batch == NULL) {
        return NULL;
    }
    struct command *command = front_command(mqtt->conn->front, batch, COMMAND_SESSION_WRITE,
                                            mqtt->conn, &mqtt->actor, request);
    command->session_writes = copy;
    return command;
}

static void write_unanswered(struct mqtt_conn *mqtt, struct slice writes)
{
    struct slice copy;
    struct command_batch *batch = writing_batch(mqtt, writes, &copy);
    if (batch != NULL) {
        struct command *command = front_command_unanswered(
            mqtt->conn->front, batch, COMMAND_SESSION_WRITE, mqtt->conn, &mqtt->actor);
        command->session_writes = copy;
    }
}

/* Where the session stands: the next event that it has not had all messages of. */
static uint64_t place_of(const struct mqtt_conn *mqtt)
{
    const struct session *session = &mqtt->session;
    uint64_t place = session->is_behind ? session->cursor : mqtt->conn->front->sequence + 1;
    return mqtt->keeping.is_resuming ? max_u64(place, mqtt->keeping.position) : place;
}

static void put_heard(struct buf *out, uint32_t subscription, uint32_t firing)
{
    const struct mqtt_heard heard = {subscription, firing};
    buf_put_bytes(out, &heard, sizeof(heard));
}

/* Which subscriptions have had their message of the event that the session stands at. */
static void gather_heard(const struct mqtt_conn *mqtt, uint64_t place, struct buf *out)
{
    const struct mqtt_keeping *keeping = &mqtt->keeping;
    for (uint32_t i = 0; i < keeping->heard_count && place == keeping->position; i++) {
        put_heard(out, keeping->heard[i].subscription, keeping->heard[i].firing);
    }
    if (!mqtt->session.is_behind) {
        return; /* it stands at an event that is still to come */
    }
    LIST_EACH (&mqtt->session.subscriptions, link, after) {
        const struct subscription *had = LIST_ENTRY(link, struct subscription, in_session);
        if (had->heard_sequence == place) {
            put_heard(out, had->number, had->heard_firing);
        }
    }
}

/* It is up with what happens: what is owed still has nothing left that could be sent. */
static void end_resuming(struct mqtt_conn *mqtt)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    mqtt_window_drop_owed(&mqtt->window, UINT64_MAX);
    keeping->is_resuming = false;
    keeping->dup_until = 0;
    free(keeping->heard);
    keeping->heard = NULL;
    keeping->heard_count = 0;
}

static void put_entry(struct mqtt_conn *mqtt, struct buf *writes, enum session_part part,
                      const struct buf *value)
{
    const struct session_name name = mqtt_session_name(mqtt);
    const struct session_entry entry = {.part = part, .value = buf_data(value)};
    writes->failed |= value->failed;
    session_put(writes, &name, &entry);
}

static void put_left(void *arg, const struct replay_left *left)
{
    const struct mqtt_waiting waiting = {left->subscription->number, left->after, left->topic};
    mqtt_kept_put_waiting(arg, &waiting);
}

/* Which retained messages the session is still to be sent. */
static void put_waiting(const struct mqtt_conn *mqtt, struct buf *out)
{
    if (mqtt->stage != MQTT_STAGE_OPEN) {
        buf_put(out, buf_data(&mqtt->keeping.waiting));
    } else if (mqtt->keeping.is_kept) {
        replay_each_left(mqtt->conn, put_left, out);
    }
}

void mqtt_session_put_head(struct mqtt_conn *mqtt, struct buf *writes, bool is_connected)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    struct mqtt_window *window = &mqtt->window;
    struct buf flights = {0};
    struct buf heard = {0};
    struct buf waiting = {0};
    struct buf value = {0};
    if (keeping->is_resuming && !mqtt->session.is_behind && mqtt->stage == MQTT_STAGE_OPEN) {
        end_resuming(mqtt);
    }
    uint64_t place = place_of(mqtt);
    for (uint32_t i = 0; i < window->count; i++) {
        buf_put_bytes(&flights, mqtt_window_at(window, i), sizeof(struct mqtt_flight));
    }
    gather_heard(mqtt, place, &heard);
    put_waiting(mqtt, &waiting);
    const struct mqtt_head head = {
        .is_connected = is_connected,
        .is_clean = !keeping->is_kept,
        .seen_ms = clock_wall_ms(),
        .position = place,
        .dup_until = keeping->dup_until >= place ? keeping->dup_until : 0,
        .next_subscription = keeping->next_subscription,
        .first_id = window->first_id,
        .flight_count = window->count,
        .heard_count = (uint32_t)(buf_bytes(&heard) / sizeof(struct mqtt_heard)),
        .flights = (struct mqtt_flight *)(void *)flights.at,
        .heard = (struct mqtt_heard *)(void *)heard.at,
        .waiting = waiting,
    };
    if (flights.failed || heard.failed || waiting.failed) {
        writes->failed = true;
    } else {
        mqtt_kept_put_head(&value, &head);
        put_entry(mqtt, writes, SESSION_HEAD, &value);
    }
    buf_deinit(&flights);
    buf_deinit(&heard);
    buf_deinit(&waiting);
    buf_deinit(&value);
}

void mqtt_session_put_will(struct mqtt_conn *mqtt, struct buf *writes)
{
    struct buf value = {0};
    struct mqtt_kept_will will = {
        .qos = mqtt->will.qos,
        .retain = mqtt->will.retain,
        .topic = buf_data(&mqtt->will.topic),
        .payload = buf_data(&mqtt->will.payload),
    };
    memcpy(will.key_hash, mqtt->will.key_hash, KEY_HASH_BYTES);
    mqtt_kept_put_will(&value, &will);
    put_entry(mqtt, writes, SESSION_WILL, &value);
    buf_deinit(&value);
}

void mqtt_session_delete(struct mqtt_conn *mqtt, struct buf *writes, enum session_part part,
                         uint32_t number)
{
    const struct session_name name = mqtt_session_name(mqtt);
    session_delete(writes, &name, part, number);
}

void mqtt_session_number(struct mqtt_conn *mqtt, struct subscription *subscription, uint32_t number)
{
    if (mqtt->keeping.is_kept && subscription->number == 0) {
        subscription->number = number != 0 ? number : ++mqtt->keeping.next_subscription;
    }
}

/* Tokens are not written as they are. */
static void seal(struct mqtt_conn *mqtt, const struct subscription *subscription,
                 struct mqtt_kept_subscription *kept, struct buf *sealed)
{
    if (subscription->token_hash != 0) {
        keyring_seal(mqtt->conn->front->shared->keyring, kept->filter, sealed);
        kept->is_sealed = true;
        kept->filter = buf_data(sealed);
    }
}

void mqtt_session_put(struct mqtt_conn *mqtt, struct subscription *subscription, struct buf *writes)
{
    struct buf value = {0};
    struct buf sealed = {0};
    struct mqtt_kept_subscription kept = {
        .qos = subscription->qos,
        .first_sequence = subscription->first_sequence,
        .filter = subscription_filter(subscription),
    };
    seal(mqtt, subscription, &kept, &sealed);
    mqtt_kept_put_subscription(&value, &kept);
    const struct session_name name = mqtt_session_name(mqtt);
    const struct session_entry entry = {
        .part = SESSION_SUBSCRIPTION,
        .number = subscription->number,
        .value = buf_data(&value),
    };
    writes->failed |= value.failed || sealed.failed;
    session_put(writes, &name, &entry);
    buf_deinit(&value);
    buf_deinit(&sealed);
}

/* ---- open ---- */

/* Messages of QoS 2 that the client has received are released again [MQTT-4.4.0-1]. */
static void release_again(struct mqtt_conn *mqtt)
{
    for (uint32_t i = 0; i < mqtt->window.count; i++) {
        if (mqtt_window_at(&mqtt->window, i)->state == MQTT_FLIGHT_RELEASED) {
            mqtt_write_ack(mqtt->out, MQTT_PUBREL, mqtt_window_id(&mqtt->window, i));
            mqtt_wrote(mqtt);
        }
    }
}

static void write_head(struct mqtt_conn *mqtt, bool is_connected)
{
    struct buf writes = {0};
    mqtt_session_put_head(mqtt, &writes, is_connected);
    if (writes.failed) {
        conn_close(mqtt->conn);
    } else {
        write_unanswered(mqtt, buf_data(&writes));
    }
    buf_deinit(&writes);
    mqtt->keeping.is_changed = false;
}

static void arm_timer(struct mqtt_conn *mqtt)
{
    loop_arm(mqtt->conn->front->loop, &mqtt->keeping.timer,
             mqtt->keeping.is_changed ? KEEP_AFTER_MS : KEEP_ANYWAY_MS);
}

static void keep_due(struct wheel_timer *timer)
{
    struct mqtt_conn *mqtt = CONTAINER_OF(timer, struct mqtt_conn, keeping.timer);
    if (!conn_is_closing(mqtt->conn)) {
        write_head(mqtt, true);
        arm_timer(mqtt);
    }
}

/* By the first member of both. */
static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static const void *find_number(const struct buf *sorted, size_t item_bytes, uint32_t number)
{
    size_t count = buf_bytes(sorted) / item_bytes;
    return count == 0 ? NULL : bsearch(&number, sorted->at, count, item_bytes, compare_numbers);
}

static void sort_numbers(struct buf *items, size_t item_bytes)
{
    if (buf_bytes(items) > 0) {
        qsort(items->at, buf_bytes(items) / item_bytes, item_bytes, compare_numbers);
    }
}

/* The numbers of the subscriptions that retained messages are owed of, in order, with repeats. */
static void gather_owed(const struct mqtt_window *window, struct buf *numbers)
{
    for (uint32_t i = 0; i < window->count; i++) {
        const struct mqtt_flight *flight = mqtt_window_at(window, i);
        if (flight->is_owed && flight->firing == MQTT_FIRING_RETAINED) {
            buf_put_bytes(numbers, &flight->subscription, sizeof(flight->subscription));
        }
    }
    sort_numbers(numbers, sizeof(uint32_t));
}

/* struct mqtt_waiting, in the order of their subscriptions. */
static void gather_waiting(struct slice kept, struct buf *items)
{
    struct cursor c = cursor_over(kept);
    struct mqtt_waiting waiting;
    while (mqtt_kept_next_waiting(&c, &waiting)) {
        buf_put_bytes(items, &waiting, sizeof(waiting));
    }
    sort_numbers(items, sizeof(waiting));
}

/* Retained messages that are in flight, or that it was not sent yet, are read again: not from the
 * journal, which need not go back to them [MQTT-4.4.0-1]. One that has been taken away or replaced
 * since is not sent again. */
static void retained_again(struct mqtt_conn *mqtt)
{
    struct buf owed = {0};
    struct buf waiting = {0};
    gather_owed(&mqtt->window, &owed);
    gather_waiting(buf_data(&mqtt->keeping.waiting), &waiting);
    bool failed = owed.failed || waiting.failed;
    LIST_EACH (&mqtt->session.subscriptions, link, after) {
        struct subscription *found = LIST_ENTRY(link, struct subscription, in_session);
        const struct mqtt_waiting *rest =
            find_number(&waiting, sizeof(struct mqtt_waiting), found->number);
        bool is_owed = find_number(&owed, sizeof(uint32_t), found->number) != NULL;
        if (!failed && rest != NULL) {
            const struct replay_left left = {found, rest->after, rest->topic};
            failed = err_is_set(replay_add_again(mqtt->conn, found, &left));
        } else if (!failed && is_owed) {
            failed = err_is_set(replay_add_again(mqtt->conn, found, NULL));
        }
    }
    buf_deinit(&owed);
    buf_deinit(&waiting);
    buf_deinit(&mqtt->keeping.waiting);
    if (failed) {
        conn_close(mqtt->conn);
    }
    replay_start(mqtt->conn);
}

void mqtt_session_resume(struct mqtt_conn *mqtt)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    if (!keeping->is_kept) {
        return;
    }
    keeping->timer.fire = keep_due;
    arm_timer(mqtt);
    if (keeping->is_present) {
        keeping->absent_until = mqtt->conn->front->sequence;
        release_again(mqtt);
        mqtt_subscribes_request_states(mqtt);
        retained_again(mqtt);
        front_catch_up_later(mqtt->conn->front, mqtt->conn);
    }
}

void mqtt_session_changed(struct mqtt_conn *mqtt)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    if (keeping->is_kept && !keeping->is_changed && mqtt->stage == MQTT_STAGE_OPEN) {
        keeping->is_changed = true;
        arm_timer(mqtt);
    }
}

struct buf *mqtt_session_out(struct mqtt_conn *mqtt, bool is_kept_first)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    bool is_held = keeping->is_kept && (is_kept_first || buf_bytes(&keeping->held) > 0);
    return is_held ? &keeping->held : mqtt->out;
}

/* Has all that is held now written; one write at a time, so that they grow with the load. */
static void write_flights(struct mqtt_conn *mqtt)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    struct buf writes = {0};
    keeping->held_written = buf_bytes(&keeping->held);
    mqtt_session_put_head(mqtt, &writes, true);
    if (writes.failed || keeping->held.failed) {
        conn_close(mqtt->conn);
    } else {
        keeping->is_changed = false;
        mqtt_session_write(mqtt, buf_data(&writes), MQTT_REQUEST(MQTT_REQUEST_KEPT_FLIGHTS, 0));
    }
    buf_deinit(&writes);
}

void mqtt_session_wrote(struct mqtt_conn *mqtt)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    if (buf_bytes(&keeping->held) == 0) {
        mqtt_wrote(mqtt);
    } else if (keeping->held_written == 0) {
        write_flights(mqtt);
    }
}

void mqtt_session_flights_kept(struct mqtt_conn *mqtt, const struct answer *answer)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    if (conn_is_closing(mqtt->conn)) {
        return;
    }
    if (err_is_set(answer->err)) {
        conn_close(mqtt->conn); /* what was held is sent when the client comes back */
        return;
    }
    buf_put(mqtt->out, slice_first(buf_data(&keeping->held), keeping->held_written));
    buf_consume(&keeping->held, keeping->held_written);
    keeping->held_written = 0;
    mqtt_wrote(mqtt);
    if (buf_bytes(&keeping->held) > 0) {
        write_flights(mqtt);
    } else {
        front_catch_up(mqtt->conn->front, mqtt->conn); /* it may have stopped for what was held */
    }
}

static bool has_heard(const struct mqtt_keeping *keeping, const struct mqtt_flight *flight)
{
    bool has = false;
    for (uint32_t i = 0; i < keeping->heard_count && !has; i++) {
        has = keeping->heard[i].subscription == flight->subscription &&
              keeping->heard[i].firing >= flight->firing;
    }
    return has;
}

enum mqtt_owed mqtt_session_look(struct mqtt_conn *mqtt, const struct mqtt_flight *flight,
                                 uint32_t *index)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    if (!keeping->is_resuming || flight->sequence == 0) {
        return MQTT_IS_NEW;
    }
    uint64_t sequence = flight->sequence;
    if (!mqtt_flight_is_live(flight)) { /* they come before the walk begins (replay.h) */
        bool is_owed = mqtt_window_owed(&mqtt->window, flight, index) != NULL;
        return is_owed ? MQTT_IS_AGAIN : MQTT_IS_NEW;
    }
    if (mqtt_window_drop_owed(&mqtt->window, sequence)) {
        mqtt_session_changed(mqtt);
    }
    if (mqtt_window_owed(&mqtt->window, flight, index) != NULL) {
        return MQTT_IS_AGAIN;
    }
    bool is_had = sequence < keeping->position ||
                  (sequence == keeping->position && has_heard(keeping, flight));
    bool is_missed = flight->qos == 0 && sequence <= keeping->absent_until;
    if (!is_had && sequence > keeping->position && sequence > keeping->absent_until &&
        sequence > keeping->dup_until) {
        end_resuming(mqtt);
    }
    return is_had || is_missed ? MQTT_IS_HAD : MQTT_IS_NEW;
}

/* ---- the end ---- */

void mqtt_session_end(struct mqtt_conn *mqtt)
{
    struct mqtt_keeping *keeping = &mqtt->keeping;
    loop_disarm(mqtt->conn->front->loop, &keeping->timer);
    if (keeping->is_stored) {
        struct buf writes = {0};
        if (keeping->is_kept) {
            mqtt_session_put_head(mqtt, &writes, false);
        } else {
            mqtt_session_delete(mqtt, &writes, SESSION_HEAD, 0);
        }
        if (mqtt->will.is_set) {
            mqtt_session_delete(mqtt, &writes, SESSION_WILL, 0);
        }
        if (!writes.failed) {
            write_unanswered(mqtt, buf_data(&writes));
        }
        buf_deinit(&writes);
    }
    buf_deinit(&keeping->waiting);
    buf_deinit(&keeping->dropped);
    buf_deinit(&keeping->held);
    free(keeping->heard);
    mqtt_window_deinit(&mqtt->window);
}
