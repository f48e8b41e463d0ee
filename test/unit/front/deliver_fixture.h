/* SPDX-License-Identifier: Apache-2.0
 *
 * deliver_fixture.h - delivery without sockets and without an engine: the test fills the event ring
 * and the answers by itself, and its sessions take as many messages as they are allowed. What a
 * session has been given is one text, a line a message:
 *
 *      <sequence> <filter> <payload>
 */
#ifndef THRUM_TEST_UNIT_DELIVER_FIXTURE_H
#define THRUM_TEST_UNIT_DELIVER_FIXTURE_H

#include "base/assert.h"
#include "front/conn.h"
#include "front/front.h"
#include "front/scan.h"
#include "store/store.h"
#include "unit/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIME_MS INT64_C(1700000000000)
#define SESSIONS 4
#define ACCOUNT 1
#define NO_BOUND UINT32_MAX
#define TURNS_MAX 500
#define TURN_MS 20

static const struct id THNG_A = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};
static const struct id THNG_B = {.text = "UaBcDeFgHkMnPqRsTwXyAaBc"};

#define A_ALL "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties"
#define A_TEMP "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp"
#define A_HUM "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/hum"
#define A_THNG "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb"
#define A_LOCATION "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/location"
#define B_ALL "/thngs/UaBcDeFgHkMnPqRsTwXyAaBc/properties"

/* A connection with its session, and what that has been given. */
struct client {
    struct conn conn;
    struct session session;
    struct world *world;
    uint32_t room; /* messages it takes now */
    struct buf got;
    bool got_last; /* a message said that none will follow */
    uint8_t got_qos;
    /* what it does when an answer comes: */
    const char *subscribes_to;
    bool catches_up;
    unsigned answers;
    uint64_t event_shown; /* the event that came with the last answer */
    struct buf events;    /* all that were shown to it, a full stop behind each answer */
};

struct world {
    struct loop loop;
    struct front front;
    struct front_shared shared;
    struct broadcast ring;
    struct group_writer writer;
    uint64_t last; /* event written */
    struct client clients[SESSIONS];
    struct proto proto;
    /* with a store: */
    char folder[FIXTURE_FOLDER_BYTES];
    struct store *store;
};

#define MUST(expression)                 \
    do {                                 \
        struct err must_ = (expression); \
        ASSERT(!err_is_set(must_));      \
    } while (0)

/* ---- sessions ---- */

static inline bool deliver(struct session *session, const struct delivery *delivery)
{
    struct client *client = CONTAINER_OF(session, struct client, session);
    if (client->room == 0) {
        return false;
    }
    client->room -= client->room != NO_BOUND;
    buf_put_decimal_unsigned(&client->got, delivery->sequence);
    buf_put_byte(&client->got, ' ');
    if (delivery->subscription->has_wildcard) {
        topic_write_as(&client->got, delivery->topic, subscription_filter(delivery->subscription));
    } else {
        assert_int_equal(delivery->topic.bytes, 0);
        buf_put(&client->got, subscription_filter(delivery->subscription));
    }
    buf_put_byte(&client->got, ' ');
    buf_put(&client->got, delivery->payload);
    buf_put_byte(&client->got, '\n');
    client->got_last = delivery->is_last;
    client->got_qos = delivery->qos;
    return true;
}

static const struct session_ops client_ops = {.deliver = deliver};

static inline struct actor operator_of(uint32_t account)
{
    return (struct actor){.kind = ACTOR_OPERATOR, .account = account};
}

static inline struct subscription *subscribe_as(struct client *client, const char *filter,
                                                const struct actor *actor, uint64_t after)
{
    struct topic_filter read;
    MUST(topic_filter_parse(slice_of_text(filter), &read));
    const struct subs_wish wish = {
        .session = &client->session,
        .filter = &read,
        .actor = actor,
        .text = slice_of_text(filter),
        .qos = 1,
        .first_sequence = after + 1,
    };
    struct subscription *subscription;
    MUST(subs_add(&client->world->front.subs, &wish, &subscription));
    return subscription;
}

static inline void subscribe(struct client *client, const char *filter)
{
    struct actor actor = operator_of(ACCOUNT);
    subscribe_as(client, filter, &actor, client->world->front.sequence);
}

/* In the turn it is asked for a session goes on once: more is another turn's. */
static inline void catch_up(struct client *client)
{
    front_catch_up(&client->world->front, &client->conn);
    loop_turn(&client->world->loop, 0);
}

static inline void on_answer(struct conn *conn, const struct answer *answer,
                             const struct event *event)
{
    struct client *client = CONTAINER_OF(conn, struct client, conn);
    struct actor actor = operator_of(ACCOUNT);
    client->answers++;
    client->event_shown = event != NULL ? event->sequence : 0;
    if (event != NULL) {
        buf_put_decimal_unsigned(&client->events, event->sequence);
    }
    BUF_PUT_LITERAL(&client->events, ". ");
    if (client->subscribes_to != NULL) {
        subscribe_as(client, client->subscribes_to, &actor, answer->after);
    }
    if (client->catches_up) {
        front_catch_up(conn->front, conn);
    }
}

static inline void on_event(struct conn *conn, uint64_t request, const struct event *event)
{
    struct client *client = CONTAINER_OF(conn, struct client, conn);
    (void)request;
    buf_put_decimal_unsigned(&client->events, event->sequence);
    buf_put_byte(&client->events, ' ');
}

/* ---- the world ---- */

static inline void client_init(struct world *world, uint32_t slot)
{
    struct client *client = &world->clients[slot];
    client->world = world;
    client->room = NO_BOUND;
    conn_init_nobody(&client->conn, &world->front, &client->session);
    client->conn.proto = &world->proto;
    client->conn.slot = slot;
    client->conn.generation = 1;
    session_init(&client->session, &client_ops);
    world->front.slots[slot] = (struct conn_slot){.conn = &client->conn, .generation = 1};
}

static inline void world_open(struct world *world, size_t ring_slots, uint64_t last)
{
    MUST(broadcast_init(&world->ring, ring_slots, (size_t)1 << 20, last, committed_free));
    world->last = last;
    world->shared.limits.points_max = 16;
    world->shared.limits.actions_max = 4;
    world->shared.limits.members_max = 4;
    world->shared.limits.json_depth_max = 16;
    world->shared.limits.document = (struct document_limits){
        .tag_count_max = 60,
        .tag_characters_max = 256,
        .name_characters_max = 256,
        .description_characters_max = 4096,
        .type_characters_max = 256,
        .custom_fields_bytes_max = 4096,
    };
    world->shared.limits.outbox_bytes_max = 1 << 20;
    world->shared.ring = &world->ring;
    world->shared.hash_seed = 7;
    const struct loop_options options = {
        .owner = &world->front,
        .on_turn_start = front_turn_start,
        .on_turn_end = NULL, /* there is nobody to hand commands to */
    };
    MUST(loop_init(&world->loop, &options));
    world->shared.scans = scans_new(world->shared.readers, 1);
    ASSERT(world->shared.scans != NULL);
    MUST(front_init(&world->front, &world->shared, &world->loop, 0, 64, 1));
    world->proto = (struct proto){.name = "test", .on_answer = on_answer, .on_event = on_event};
    world->front.slots = calloc(SESSIONS, sizeof(world->front.slots[0]));
    ASSERT(world->front.slots != NULL);
    world->front.slot_count = SESSIONS;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        client_init(world, i);
    }
}

static inline struct world *world_new(void)
{
    size_t bytes = (sizeof(struct world) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES;
    struct world *world = aligned_alloc(CACHE_LINE_BYTES, bytes * CACHE_LINE_BYTES);
    ASSERT(world != NULL);
    memset(world, 0, bytes * CACHE_LINE_BYTES);
    return world;
}

static inline int setup(void **state)
{
    struct world *world = world_new();
    world_open(world, 64, 0);
    *state = world;
    return 0;
}

/* With a store, whose journal has what the ring lets go of. */
static inline int setup_store(void **state)
{
    struct world *world = world_new();
    fixture_make_folder(world->folder);
    const struct store_options options = {
        .folder = world->folder,
        .block_cache_bytes = (size_t)1 << 20,
        .roll_bytes = (size_t)1 << 20,
        .roll_interval_ms = 60000,
        .tail_bytes_max = (size_t)8 << 20,
        .journal_keep_ms = 1000000,
        .journal_keep_bytes = (uint64_t)1 << 30,
    };
    MUST(store_open(&options, &world->store));
    MUST(readers_start(world->store, 1, 16, &world->shared.readers));
    world_open(world, 2, 0);
    MUST(store_start(world->store, &world->ring));
    world->shared.store = world->store;
    *state = world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    readers_stop(world->shared.readers);
    store_close(world->store);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        session_deinit(&world->clients[i].session, &world->front.subs);
        buf_deinit(&world->clients[i].got);
        buf_deinit(&world->clients[i].events);
    }
    front_deinit(&world->front);
    loop_deinit(&world->loop);
    scans_free(world->shared.scans);
    broadcast_deinit(&world->ring);
    group_writer_deinit(&world->writer);
    if (world->folder[0] != 0) {
        fixture_remove_folder(world->folder);
    }
    free(world);
    return 0;
}

/* ---- groups ---- */

static inline struct group_writer *begin(struct world *world)
{
    group_writer_start(&world->writer, world->last + 1, TIME_MS);
    return &world->writer;
}

/* Closes the group; the journal has it, when there is one. */
static inline struct group commit(struct world *world)
{
    struct group group = fixture_close_group(&world->writer);
    if (world->store != NULL) {
        MUST(journal_append(store_journal(world->store), &group, (struct slice){0}));
    }
    world->last = group.last_sequence;
    return group;
}

/* Hands a committed group to all who follow. */
static inline void push(struct world *world, const struct group *group)
{
    struct committed *committed = committed_new(group);
    ASSERT(committed != NULL);
    broadcast_push(&world->ring, &committed->item);
    if (world->store != NULL) {
        store_notify(world->store, group);
    }
}

static inline void publish(struct world *world)
{
    struct group group = commit(world);
    push(world, &group);
}

static inline struct point point_of(uint32_t property, const char *key, const char *value)
{
    return (struct point){
        .property = property,
        .key = slice_of_text(key),
        .timestamp_ms = TIME_MS,
        .value = slice_of_text(value),
    };
}

static inline void put_temp(struct group_writer *writer, const struct id *thng, const char *value)
{
    struct point point = point_of(1, "temp", value);
    group_write_points(writer, ACCOUNT, RESOURCE_THNG, thng, (struct slice){0}, 0, &point, 1);
}

/* One group with one value. */
static inline void publish_temp(struct world *world, const char *value)
{
    put_temp(begin(world), &THNG_A, value);
    publish(world);
}

/* An answer to a command of the client, behind event <after>. */
static inline void answer_behind(struct client *client, uint64_t after, uint64_t event)
{
    const struct answer answer = {
        .kind = ANSWER_COMMAND,
        .wants_event = event != 0,
        .token = {.slot = client->conn.slot, .generation = client->conn.generation},
        .after = after,
        .event = event,
    };
    struct front *front = &client->world->front;
    client->conn.in_flight++;
    front->in_flight++;
    front->event_waiters += event != 0;
    bool pushed = answer_ring_push(&front->answers, &answer);
    ASSERT(pushed);
}

/* ---- what was given ---- */

#define ITEM(key, value)                                        \
    "{\"createdAt\":1700000000000,\"timestamp\":1700000000000," \
    "\"key\":\"" key "\",\"value\":" value "}"
#define LINE(sequence, filter, payload) sequence " " filter " " payload "\n"

/* And forgets it. */
static inline void assert_events_seen(struct client *client, const char *wanted)
{
    struct slice seen = buf_data(&client->events);
    if (!slice_equal(seen, slice_of_text(wanted))) {
        fail_msg("seen: %.*s wanted: %s", SLICE_ARGS(seen), wanted);
    }
    buf_reset(&client->events);
}

static inline void assert_got(struct client *client, const char *lines)
{
    buf_put_byte(&client->got, 0);
    assert_string_equal((const char *)buf_data(&client->got).at, lines);
    buf_reset(&client->got);
}

/* Turns of the loop until the session is live again. */
static inline void turn_until_live(struct client *client)
{
    struct world *world = client->world;
    for (unsigned i = 0; client->session.is_behind && i < TURNS_MAX; i++) {
        loop_turn(&world->loop, TURN_MS);
    }
    assert_false(client->session.is_behind);
}

#endif
