/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups of shared subscriptions, on the loop that they live on.
 *
 * Of a message that has been given out and not acknowledged there is a flight. When its member
 * leaves it is owed: the walk goes back to it, and comes again to all that lies behind. What is a
 * flight that is owed is given to somebody else; all else that lies before <position> has been
 * given out already. So nothing is kept of what was acknowledged, and a member that holds on to a
 * message holds up nobody. */
#include "front/share.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "front/mqtt_kept.h"
#include "front/share_mail.h"
#include "model/plain_topic.h"

#include <stdlib.h>

/* The head is written so much later than something has changed. */
#define KEEP_AFTER_MS 1000
/* The journal could not be read. */
#define AGAIN_MS 1000

struct share_group {
    struct conn conn; /* of nobody: what past.h knows a session by */
    struct session session;
    struct subscription *subscription;
    struct map flights; /* struct share_flight, by ticket */
    struct link owed;   /* those that no member has */
    struct link ready;  /* struct share_seat: they can be given a message; who is next is first */
    struct link full;   /* the others */
    uint32_t seat_count;
    uint32_t kept_members; /* of sessions that are kept, here or away */
    uint64_t position;     /* earlier events have been given out, or are owed */
    bool is_stored;        /* the store has a head */
    bool is_changed;       /* and it is older */
    bool has_failed;       /* the walk goes on when the timer is due */
    int64_t seen_ms;       /* nobody there: since when */
    struct wheel_timer timer;
    uint32_t account;
    uint16_t name_bytes;
    uint8_t name[]; /* GROUP/FILTER */
};

/* A member, as its group sees it. */
struct share_seat {
    struct link in_group; /* ready or full */
    struct share_group *group;
    struct link flights; /* that it has */
    uint32_t in_flight;
    size_t bytes; /* of those messages */
    uint64_t who; /* loop and number */
    bool is_kept;
};

struct share_flight {
    struct link in_seat;     /* or in group.owed */
    struct share_seat *seat; /* NULL: it is owed */
    uint64_t sequence;       /* of the message's event */
    size_t bytes;            /* of the message, while a member has it */
};

/* ---- finding them ---- */

static struct session_name name_of(const struct share_group *group)
{
    return (struct session_name){
        .account = group->account,
        .kind = ACTOR_NONE,
        .client_id = slice_of(group->name, group->name_bytes),
    };
}

static uint64_t hash_name(const struct front *front, const struct session_name *name)
{
    return hash_bytes(front->shared->hash_seed ^ name->account, name->client_id);
}

static bool has_name(const void *entry, const void *key)
{
    const struct session_name *name = key;
    const struct share_group *group = entry;
    return group->account == name->account &&
           slice_equal(slice_of(group->name, group->name_bytes), name->client_id);
}

uint32_t shares_loop_of(const struct front *front, const struct session_name *name)
{
    return (uint32_t)(hash_name(front, name) >> 32) % share_mail_loops(front->shared->share_mail);
}

static uint64_t who_is(uint32_t loop, uint32_t member)
{
    return (uint64_t)loop << 32 | member;
}

static uint64_t hash_who(uint64_t who)
{
    return hash_bytes(0, slice_of(&who, sizeof(who)));
}

static bool has_who(const void *entry, const void *key)
{
    return ((const struct share_seat *)entry)->who == *(const uint64_t *)key;
}

static struct share_seat *seat_find(const struct shares *shares, uint64_t who)
{
    return map_find(&shares->seats, hash_who(who), has_who, &who);
}

/* Events are far apart whose numbers have these bits in common. */
static uint32_t ticket_of(uint64_t sequence)
{
    return (uint32_t)sequence;
}

static uint64_t hash_ticket(uint32_t ticket)
{
    return hash_bytes(0, slice_of(&ticket, sizeof(ticket)));
}

static bool has_ticket(const void *entry, const void *key)
{
    return ticket_of(((const struct share_flight *)entry)->sequence) == *(const uint32_t *)key;
}

static struct share_flight *flight_find(const struct share_group *group, uint32_t ticket)
{
    return map_find(&group->flights, hash_ticket(ticket), has_ticket, &ticket);
}

static struct share_group *group_of(struct session *session)
{
    return CONTAINER_OF(session, struct share_group, session);
}

/* ---- what is kept ---- */

static void arm(struct share_group *group, int64_t after_ms)
{
    loop_arm(group->conn.front->loop, &group->timer, max_i64(after_ms, 1));
}

/* The next event that may be new. */
static uint64_t place_of(const struct share_group *group)
{
    const struct session *session = &group->session;
    return session->is_behind ? max_u64(session->cursor, group->position)
                              : group->conn.front->sequence + 1;
}

static void put_head(const struct share_group *group, struct buf *writes)
{
    struct buf value = {0};
    struct buf flights = {0};
    const struct session_name name = name_of(group);
    size_t at = 0;
    for (struct share_flight *one; (one = map_next(&group->flights, &at)) != NULL;) {
        const struct mqtt_flight flight = {.sequence = one->sequence, .state = MQTT_FLIGHT_SENT};
        buf_put_bytes(&flights, &flight, sizeof(flight));
    }
    const struct mqtt_head head = {
        .is_connected = group->seat_count > 0,
        .seen_ms = group->seat_count > 0 ? clock_wall_ms() : group->seen_ms,
        .position = place_of(group),
        .members = group->kept_members,
        .flight_count = (uint32_t)map_count(&group->flights),
        .flights = (struct mqtt_flight *)(void *)flights.at,
    };
    if (!flights.failed) {
        mqtt_kept_put_head(&value, &head);
        const struct session_entry entry = {.part = SESSION_HEAD, .value = buf_data(&value)};
        session_put(writes, &name, &entry);
    }
    writes->failed |= value.failed || flights.failed;
    buf_deinit(&value);
    buf_deinit(&flights);
}

static bool send_writes(struct share_group *group, const struct buf *writes)
{
    struct front *front = group->conn.front;
    const struct actor actor = {.kind = ACTOR_NONE, .account = group->account};
    struct slice copy;
    struct command_batch *batch =
        writes->failed ? NULL
                       : front_batch_last_words(front, FRONT_COMMAND_BYTES + buf_bytes(writes));
    if (batch == NULL || !command_batch_copy(batch, buf_data(writes), &copy)) {
        return false;
    }
    struct command *command =
        front_command_unanswered(front, batch, COMMAND_SESSION_WRITE, &group->conn, &actor);
    command->session_writes = copy;
    return true;
}

static void write_head(struct share_group *group)
{
    struct buf writes = {0};
    put_head(group, &writes);
    if (send_writes(group, &writes)) {
        group->is_stored = true;
        group->is_changed = false;
    } else {
        arm(group, KEEP_AFTER_MS);
    }
    buf_deinit(&writes);
}

static void changed(struct share_group *group)
{
    if (group->kept_members > 0 && !group->is_changed) {
        group->is_changed = true;
        arm(group, KEEP_AFTER_MS);
    }
}

/* ---- their beginning and end ---- */

static void flight_free(struct share_group *group, struct share_flight *flight)
{
    list_remove(&flight->in_seat);
    map_remove(&group->flights, hash_ticket(ticket_of(flight->sequence)), flight);
    free(flight);
}

/* Nobody has them, and there is nothing that could be given: they are done with. */
static void drop_owed(struct share_group *group)
{
    LIST_EACH (&group->owed, link, after) {
        flight_free(group, LIST_ENTRY(link, struct share_flight, in_seat));
    }
}

static void group_free(struct shares *shares, struct share_group *group)
{
    const struct session_name name = name_of(group);
    past_leave(&group->conn);
    loop_disarm(shares->front->loop, &group->timer);
    session_deinit(&group->session, &shares->front->subs);
    drop_owed(group);
    map_deinit(&group->flights);
    map_remove(&shares->groups, hash_name(shares->front, &name), group);
    free(group);
}

/* Nobody is a member any more. */
static void end_group(struct share_group *group)
{
    if (group->is_stored) {
        struct buf writes = {0};
        const struct session_name name = name_of(group);
        session_delete(&writes, &name, SESSION_HEAD, 0);
        if (!send_writes(group, &writes)) {
            log_line(LOG_ERROR, "mqtt", "a shared subscription is kept for want of memory");
        }
        buf_deinit(&writes);
    }
    group_free(group->conn.front->shares, group);
}

static bool give(struct session *session, const struct delivery *delivery);

/* The journal no longer has what the group has not had. */
static void on_failed(struct session *session)
{
    struct share_group *group = group_of(session);
    group->has_failed = true;
    arm(group, AGAIN_MS);
}

static const struct session_ops group_ops = {.deliver = give, .failed = on_failed};

static void timer_due(struct wheel_timer *timer)
{
    struct share_group *group = CONTAINER_OF(timer, struct share_group, timer);
    struct front *front = group->conn.front;
    int64_t left_ms = group->seen_ms + front->shared->limits.session_expiry_ms - clock_wall_ms();
    if (group->has_failed) {
        group->has_failed = false;
        front_catch_up_later(front, &group->conn);
    }
    if (group->seat_count == 0 && left_ms <= 0) {
        end_group(group);
        return;
    }
    if (group->is_changed) {
        write_head(group);
    }
    if (group->seat_count == 0 && !group->is_changed) {
        arm(group, left_ms);
    }
}

/* It begins, or goes on, with event <first>. NULL without memory, or when the name is none. */
static struct share_group *group_new(struct shares *shares, const struct session_name *name,
                                     uint64_t first)
{
    struct front *front = shares->front;
    struct slice text = name->client_id;
    struct slice filter = slice_from(text, min_size(slice_find(text, '/') + 1, text.bytes));
    struct share_group *group = calloc(1, sizeof(*group) + text.bytes);
    if (group == NULL || err_is_set(plain_filter_check(filter))) {
        free(group);
        return NULL;
    }
    group->account = name->account;
    group->name_bytes = (uint16_t)text.bytes;
    memcpy(group->name, text.at, text.bytes);
    conn_init_nobody(&group->conn, front, &group->session);
    session_init(&group->session, &group_ops);
    list_init(&group->owed);
    list_init(&group->ready);
    list_init(&group->full);
    group->timer.fire = timer_due;
    group->position = first;
    const struct actor actor = {.kind = ACTOR_OPERATOR, .account = group->account};
    const struct subs_wish wish = {
        .session = &group->session,
        .plain = filter,
        .actor = &actor,
        .text = filter,
        .qos = 1,
        .first_sequence = first,
    };
    if (err_is_set(map_insert(&shares->groups, hash_name(front, name), group))) {
        free(group);
        return NULL;
    }
    if (err_is_set(subs_add(&front->subs, &wish, &group->subscription))) {
        group_free(shares, group);
        return NULL;
    }
    session_fall_behind(&group->session, first - 1);
    return group;
}

static struct share_group *group_find(const struct shares *shares, const struct session_name *name)
{
    return map_find(&shares->groups, hash_name(shares->front, name), has_name, name);
}

/* One that nobody has. NULL without memory, or when there is one of that ticket. */
static struct share_flight *flight_new(struct share_group *group, uint64_t sequence)
{
    uint32_t ticket = ticket_of(sequence);
    struct share_flight *flight =
        flight_find(group, ticket) == NULL ? calloc(1, sizeof(*flight)) : NULL;
    if (flight == NULL) {
        return NULL;
    }
    flight->sequence = sequence;
    if (err_is_set(map_insert(&group->flights, hash_ticket(ticket), flight))) {
        free(flight);
        return NULL;
    }
    list_push(&group->owed, &flight->in_seat);
    return flight;
}

/* The event to go back to: of the first message that is owed, or the next one. */
static uint64_t first_owed(const struct share_group *group)
{
    uint64_t first = group->position;
    LIST_EACH (&group->owed, link, after) {
        uint64_t sequence = LIST_ENTRY(link, struct share_flight, in_seat)->sequence;
        first = sequence < first ? sequence : first;
    }
    return first;
}

/* What was in flight is owed again. */
static struct err restore(struct shares *shares, const struct session_name *name,
                          const struct mqtt_head *head)
{
    struct share_group *group = group_new(shares, name, head->position);
    if (group == NULL) {
        return ERR(NO_MEMORY);
    }
    for (uint32_t i = 0; i < head->flight_count; i++) {
        if (flight_new(group, head->flights[i].sequence) == NULL) {
            group_free(shares, group);
            return ERR(NO_MEMORY);
        }
    }
    group->session.cursor = first_owed(group);
    group->subscription->first_sequence = group->session.cursor;
    group->kept_members = head->members;
    group->is_stored = true;
    group->seen_ms = head->is_connected ? clock_wall_ms() : head->seen_ms;
    arm(group, group->seen_ms + shares->front->shared->limits.session_expiry_ms - clock_wall_ms());
    return ERR(OK);
}

struct err shares_restore(struct shares *shares, const struct session_name *name,
                          struct slice bytes)
{
    struct mqtt_head head;
    TRY(mqtt_kept_read_head(bytes, &head));
    struct err err = restore(shares, name, &head);
    mqtt_head_deinit(&head);
    return err;
}

struct recovery {
    struct front_shared *shared;
    struct err err;
};

static bool visit_head(void *arg, const struct session_name *name, struct slice head)
{
    struct recovery *recovery = arg;
    const struct share_mail *mail = recovery->shared->share_mail;
    if (!shares_is_name(name)) {
        return true;
    }
    const struct front *first = share_mail_loop(mail, 0)->owner;
    struct front *front = share_mail_loop(mail, shares_loop_of(first, name))->owner;
    struct err err = shares_restore(front->shares, name, head);
    if (err_is_set(err)) {
        log_line(LOG_ERROR, "mqtt", "a shared subscription cannot be read error=%s", err_name(err));
    }
    recovery->err = err_equal(err, ERR(NO_MEMORY)) ? err : ERR(OK);
    return !err_is_set(recovery->err);
}

struct err shares_recover(struct front_shared *shared)
{
    struct recovery recovery = {.shared = shared, .err = ERR(OK)};
    TRY(sessions_each(store_sessions(shared->store), NULL, visit_head, &recovery));
    return recovery.err;
}

void shares_stop(struct shares *shares)
{
    size_t position = 0;
    struct share_group *group;
    while ((group = map_next(&shares->groups, &position)) != NULL) {
        if (group->kept_members > 0 && group->is_changed) {
            write_head(group);
        }
    }
}

/* ---- giving ---- */

static struct share_seat *first_ready(struct share_group *group)
{
    return list_is_empty(&group->ready)
               ? NULL
               : LIST_ENTRY(group->ready.next, struct share_seat, in_group);
}

static bool has_room(const struct share_seat *seat)
{
    const struct front_limits *limits = &seat->group->conn.front->shared->limits;
    return seat->in_flight < SHARE_IN_FLIGHT_MAX && seat->bytes < limits->outbox_bytes_max;
}

/* Who can take one more goes to the end of its row. */
static void take_turn(struct share_seat *seat)
{
    struct share_group *group = seat->group;
    list_remove(&seat->in_group);
    list_push(has_room(seat) ? &group->ready : &group->full, &seat->in_group);
}

static bool write_message(const struct share_group *group, const struct share_seat *seat,
                          const struct delivery *delivery)
{
    const struct front *front = group->conn.front;
    const struct share_letter letter = {
        .kind = SHARE_MESSAGE,
        .qos = delivery->qos,
        .ticket = ticket_of(delivery->sequence),
        .member = (uint32_t)seat->who,
        .text = delivery->topic,
        .payload = delivery->payload,
    };
    return share_mail_write(front->shared->share_mail, front->index, (uint32_t)(seat->who >> 32),
                            &letter);
}

/* What is owed of that event, or new; NULL when neither is possible. */
static struct share_flight *flight_for(struct share_group *group, uint64_t sequence)
{
    struct share_flight *flight = flight_find(group, ticket_of(sequence));
    if (flight == NULL) {
        return flight_new(group, sequence);
    }
    return flight->seat == NULL && flight->sequence == sequence ? flight : NULL;
}

/* Has the event's message been given out, by all that is known? */
static bool is_given(const struct share_group *group, uint64_t sequence)
{
    const struct share_flight *flight = flight_find(group, ticket_of(sequence));
    bool is_owed = flight != NULL && flight->seat == NULL && flight->sequence == sequence;
    return sequence < group->position && !is_owed;
}

/* session_ops.deliver */
static bool give(struct session *session, const struct delivery *delivery)
{
    struct share_group *group = group_of(session);
    if (is_given(group, delivery->sequence)) {
        return true;
    }
    if (delivery->sequence > group->position) {
        drop_owed(group); /* the walk has been everywhere before */
    }
    struct share_seat *seat = first_ready(group);
    struct share_flight *flight = seat != NULL ? flight_for(group, delivery->sequence) : NULL;
    if (flight == NULL) {
        return false;
    }
    group->position = max_u64(group->position, delivery->sequence + 1);
    changed(group);
    if (!write_message(group, seat, delivery)) {
        return false; /* it is owed */
    }
    list_remove(&flight->in_seat);
    list_push(&seat->flights, &flight->in_seat);
    flight->seat = seat;
    flight->bytes = delivery->topic.bytes + delivery->payload.bytes;
    seat->in_flight++;
    seat->bytes += flight->bytes;
    take_turn(seat);
    return true;
}

/* ---- members ---- */

static struct share_group *group_joined(struct shares *shares, const struct share_letter *letter)
{
    const struct session_name name = {.account = letter->account,
                                      .client_id = share_name(letter->text)};
    struct share_group *group = group_find(shares, &name);
    if (group != NULL) {
        group->kept_members += letter->is_kept && !letter->is_back;
        return group;
    }
    group = group_new(shares, &name, letter->first);
    if (group != NULL) {
        group->kept_members = letter->is_kept;
    }
    return group;
}

static void join(struct shares *shares, uint64_t who, const struct share_letter *letter)
{
    struct share_group *group = group_joined(shares, letter);
    struct share_seat *seat = calloc(1, sizeof(*seat));
    if (group == NULL || seat == NULL) {
        log_line(LOG_ERROR, "mqtt", "a member of a shared subscription gets nothing: no memory");
        free(seat);
        return;
    }
    *seat = (struct share_seat){.group = group, .who = who, .is_kept = letter->is_kept};
    list_init(&seat->flights);
    if (err_is_set(map_insert(&shares->seats, hash_who(who), seat))) {
        log_line(LOG_ERROR, "mqtt", "a member of a shared subscription gets nothing: no memory");
        free(seat);
        return;
    }
    list_push(&group->ready, &seat->in_group);
    group->seat_count++;
    changed(group);
    front_catch_up_later(shares->front, &group->conn);
}

/* The walk goes back to the first that is owed. */
static void go_back(struct share_group *group)
{
    struct session *session = &group->session;
    group->position = place_of(group);
    uint64_t first = first_owed(group);
    past_leave(&group->conn);
    session_fall_behind(session, first - 1);
    session->cursor = first < session->cursor ? first : session->cursor;
    group->subscription->heard_sequence = 0;
    front_catch_up_later(group->conn.front, &group->conn);
}

static void owe_what_it_had(struct share_seat *seat)
{
    LIST_EACH (&seat->flights, link, after) {
        LIST_ENTRY(link, struct share_flight, in_seat)->seat = NULL;
    }
    list_move_all(&seat->group->owed, &seat->flights);
}

static void seat_free(struct shares *shares, struct share_seat *seat)
{
    owe_what_it_had(seat);
    list_remove(&seat->in_group);
    map_remove(&shares->seats, hash_who(seat->who), seat);
    free(seat);
}

static void leave(struct shares *shares, struct share_seat *seat, bool is_over)
{
    struct share_group *group = seat->group;
    group->kept_members -= seat->is_kept && is_over && group->kept_members > 0;
    group->seat_count--;
    seat_free(shares, seat);
    if (group->seat_count == 0 && group->kept_members == 0) {
        end_group(group);
        return;
    }
    go_back(group);
    changed(group);
    if (group->seat_count == 0) {
        group->seen_ms = clock_wall_ms();
        write_head(group);
        arm(group,
            group->is_changed ? KEEP_AFTER_MS : shares->front->shared->limits.session_expiry_ms);
    }
}

static void take(struct share_seat *seat, uint32_t ticket)
{
    struct share_group *group = seat->group;
    struct share_flight *flight = flight_find(group, ticket);
    if (flight == NULL || flight->seat != seat) {
        return;
    }
    bool was_full = !has_room(seat);
    seat->in_flight--;
    seat->bytes -= flight->bytes;
    flight_free(group, flight);
    if (was_full && has_room(seat)) {
        take_turn(seat);
    }
    changed(group);
    front_catch_up(group->conn.front, &group->conn);
}

void share_group_read(struct shares *shares, uint32_t from, const struct share_letter *letter)
{
    uint64_t who = who_is(from, letter->member);
    struct share_seat *seat = seat_find(shares, who);
    if (letter->kind == SHARE_JOIN) {
        join(shares, who, letter);
    } else if (seat != NULL && letter->kind == SHARE_LEAVE) {
        leave(shares, seat, letter->is_over);
    } else if (seat != NULL) {
        take(seat, letter->ticket);
    }
}

void share_groups_free(struct shares *shares)
{
    size_t position = 0;
    struct share_seat *seat;
    while ((seat = map_next(&shares->seats, &position)) != NULL) {
        seat_free(shares, seat);
        position = 0;
    }
    position = 0;
    struct share_group *group;
    while ((group = map_next(&shares->groups, &position)) != NULL) {
        group_free(shares, group);
        position = 0;
    }
    map_deinit(&shares->seats);
    map_deinit(&shares->groups);
}
