/* SPDX-License-Identifier: Apache-2.0
 *
 * A session whose subscription replays: the history, then what is live; stopped, taken back, made
 * anew, gone in the middle. The events' times are milliseconds since TIME_MS. */
#include "front/replay.h"

#include "deliver_fixture.h"

#define TEMP_ALL A_TEMP "?from=0"
#define TEMP_LAST A_TEMP "?last=2"
#define HUM_ALL A_HUM "?from=0"
#define DOCUMENT "{\"id\":\"UaBcDeFgHkMnPqRsTwXyAaBb\",\"createdAt\":1,\"updatedAt\":1}"

/* ---- a world with a thng ---- */

static void publish_point(struct world *world, uint32_t property, const char *key, int value)
{
    char text[16];
    int64_t time_ms = TIME_MS + value;
    snprintf(text, sizeof(text), "%d", value);
    struct point point = point_of(property, key, text);
    point.timestamp_ms = time_ms;
    group_writer_start(&world->writer, world->last + 1, time_ms);
    group_write_points(&world->writer, ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0,
                       &point, 1);
    publish(world);
    front_drain(&world->front);
}

static void publish_temps(struct world *world, int from, int to)
{
    for (int i = from; i <= to; i++) {
        publish_point(world, 1, "temp", i);
    }
}

static void change_thng(struct world *world, enum event_operation operation, const char *text)
{
    group_write_document(begin(world), ACCOUNT, operation, RESOURCE_THNG, &THNG_A,
                         slice_of_text(text), (struct slice){0});
    publish(world);
    front_drain(&world->front);
}

/* Its properties exist, and have no samples. */
static void make_properties(struct world *world)
{
    struct point points[] = {point_of(1, "temp", "0"), point_of(2, "hum", "0")};
    struct cut cuts[ARRAY_LEN(points)];
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        points[i].flags = POINT_NEW_PROPERTY;
        cuts[i] =
            (struct cut){.property = points[i].property, .key = points[i].key, .to_ms = INT64_MAX};
    }
    begin(world);
    group_write_points(&world->writer, ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0,
                       points, 2);
    group_write_cuts(&world->writer, ACCOUNT, RESOURCE_THNG, &THNG_A, cuts, 2);
    publish(world);
    front_drain(&world->front);
}

static int setup_thng(void **state)
{
    int result = setup_store(state);
    change_thng(*state, OPERATION_CREATED, DOCUMENT);
    make_properties(*state);
    return result;
}

static int teardown_thng(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        replay_forget(&world->clients[i].conn);
    }
    return teardown(state);
}

/* ---- what clients do ---- */

/* Granted behind the last event, whose time is the boundary. */
static struct subscription *granted(struct client *client, const char *filter, int64_t boundary_ms)
{
    struct front *front = &client->world->front;
    struct actor actor = operator_of(ACCOUNT);
    const struct answer answer = {.after = front->sequence, .boundary_ms = boundary_ms};
    struct topic topic;
    MUST(topic_parse(slice_of_text(filter), &topic));
    struct subscription *subscription = subscribe_as(client, filter, &actor, front->sequence);
    MUST(replay_add(&client->conn, subscription, &topic, &answer));
    return subscription;
}

static void replays(struct client *client, const char *filter, int boundary)
{
    granted(client, filter, TIME_MS + boundary);
    replay_start(&client->conn);
}

static void take_back(struct client *client, const char *filter)
{
    struct subs *subs = &client->world->front.subs;
    subs_remove(subs, subs_find(subs, &client->session, slice_of_text(filter)));
}

/* Turns until it has been given as many messages as it had room for. */
static void turn_until_full(struct client *client)
{
    for (unsigned i = 0; client->room > 0 && i < TURNS_MAX; i++) {
        loop_turn(&client->world->loop, TURN_MS);
    }
    assert_int_equal(client->room, 0);
}

static void turn_some(struct client *client)
{
    for (unsigned i = 0; i < 10; i++) {
        loop_turn(&client->world->loop, TURN_MS);
    }
}

static void make_room(struct client *client, uint32_t room)
{
    client->room = room;
    front_catch_up(&client->world->front, &client->conn);
}

/* The page is on its way, and does not arrive before the next turn. */
static void send_for_a_page(struct world *world)
{
    front_turn_start(&world->loop);
}

/* The values of what it was given, with the first letter of the key; and forgets it. */
static void assert_values(struct client *client, const char *wanted)
{
    struct buf values = {0};
    struct slice rest = buf_data(&client->got);
    const struct slice key = SLICE("\"key\":\"");
    const struct slice value = SLICE("\"value\":");
    while (rest.bytes > 0) {
        const uint8_t *at = memmem(rest.at, rest.bytes, key.at, key.bytes);
        if (at == NULL) {
            break;
        }
        rest = slice_from(rest, (size_t)(at - rest.at) + key.bytes);
        buf_put_byte(&values, rest.at[0]);
        at = memmem(rest.at, rest.bytes, value.at, value.bytes);
        assert_non_null(at);
        rest = slice_from(rest, (size_t)(at - rest.at) + value.bytes);
        buf_put(&values, slice_first(rest, slice_find(rest, '}')));
        buf_put_byte(&values, ' ');
    }
    buf_put_byte(&values, 0);
    assert_string_equal((const char *)buf_data(&values).at, wanted);
    buf_deinit(&values);
    buf_reset(&client->got);
}

/* ---- the way it goes ---- */

static void test_history_then_live(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    replays(client, TEMP_ALL, 3);
    publish_temps(world, 4, 5);
    assert_true(client->session.is_behind);
    turn_until_live(client);
    publish_temps(world, 6, 6);
    assert_values(client, "t1 t2 t3 t4 t5 t6 ");
    assert_int_equal(atomic_load(&world->front.stats.fell_behind), 0);
}

/* A message of the history is as a live one, in the spelling of the topic. */
static void test_message(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 1);
    replays(client, TEMP_ALL, 1);
    turn_until_live(client);
    assert_got(client, "4 " TEMP_ALL " [{\"createdAt\":1700000000001,\"timestamp\":1700000000001,"
                       "\"key\":\"temp\",\"value\":1}]\n");
    assert_int_equal(client->got_qos, 1);
}

static void test_nothing_before_it_is_started(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 1);
    granted(client, TEMP_ALL, TIME_MS + 1);
    publish_temps(world, 2, 2);
    front_catch_up(&world->front, &client->conn);
    turn_some(client);
    assert_values(client, "");
    replay_start(&client->conn);
    turn_until_live(client);
    assert_values(client, "t1 t2 ");
}

static void test_one_after_the_other(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    publish_point(world, 2, "hum", 4);
    granted(client, TEMP_LAST, TIME_MS + 4);
    granted(client, HUM_ALL, TIME_MS + 4);
    granted(client, A_ALL "?last=1", TIME_MS + 4);
    replay_start(&client->conn);
    turn_until_live(client);
    assert_values(client, "t2 t3 h4 h4 ");
}

static void test_stopped_in_the_middle(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 6);
    client->room = 2;
    replays(client, TEMP_ALL, 6);
    turn_until_full(client);
    assert_values(client, "t1 t2 ");
    publish_temps(world, 7, 9);
    make_room(client, 3);
    assert_values(client, "t3 t4 t5 ");
    make_room(client, 2);
    turn_until_full(client);
    assert_values(client, "t6 t7 ");
    make_room(client, NO_BOUND);
    turn_until_live(client);
    assert_values(client, "t8 t9 ");
}

/* A session that is behind keeps its place: what it has not had comes behind the history. */
static void test_of_a_session_that_is_behind(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_HUM);
    client->room = 0;
    publish_point(world, 2, "hum", 1);
    publish_temps(world, 2, 3);
    assert_true(client->session.is_behind);
    replays(client, TEMP_ALL, 3);
    publish_temps(world, 4, 4);
    make_room(client, NO_BOUND);
    turn_until_live(client);
    assert_values(client, "t2 t3 h1 t4 ");
}

/* Groups that a reader was fetching for the session must not come before the history. */
static void test_the_journal_does_not_overtake(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_HUM);
    client->room = 0;
    for (int i = 1; i <= 20; i++) {
        publish_point(world, 2, "hum", i);
    }
    publish_temps(world, 21, 22);
    make_room(client, NO_BOUND);
    assert_int_equal(client->conn.past.stage, PAST_WAITING);
    replays(client, TEMP_LAST, 22);
    turn_until_live(client);
    assert_values(client, "t21 t22 h1 h2 h3 h4 h5 h6 h7 h8 h9 h10 h11 h12 h13 h14 h15 h16 h17 h18 "
                          "h19 h20 ");
}

/* ---- ended ---- */

static void test_taken_back_while_it_is_read(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    replays(client, TEMP_ALL, 3);
    replays(client, TEMP_LAST, 3);
    send_for_a_page(world);
    take_back(client, TEMP_ALL);
    turn_until_live(client);
    assert_values(client, "t2 t3 ");
}

static void test_taken_back_while_it_is_given(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    client->room = 1;
    replays(client, TEMP_ALL, 3);
    replays(client, TEMP_LAST, 3);
    turn_until_full(client);
    take_back(client, TEMP_ALL);
    make_room(client, NO_BOUND);
    turn_until_live(client);
    assert_values(client, "t1 t2 t3 ");
}

static void test_the_only_one_taken_back(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    replays(client, TEMP_ALL, 3);
    send_for_a_page(world);
    take_back(client, TEMP_ALL);
    turn_until_live(client);
    assert_values(client, "");
}

/* A subscription made anew begins anew: the former one's messages are not sent any more, neither
 * those that are here nor those on their way. */
static void test_made_anew(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    client->room = 1;
    replays(client, TEMP_ALL, 3);
    turn_until_full(client);
    publish_temps(world, 4, 4);
    replays(client, TEMP_ALL, 4);
    client->room = NO_BOUND;
    turn_until_live(client);
    assert_values(client, "t1 t1 t2 t3 t4 ");
    replays(client, TEMP_ALL, 4);
    send_for_a_page(world);
    take_back(client, TEMP_ALL);
    replays(client, TEMP_ALL, 4);
    turn_until_live(client);
    assert_values(client, "t1 t2 t3 t4 ");
}

/* Behind one that waits for the client; made anew, or taken back and made again. */
static void test_made_anew_again_and_again(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    publish_point(world, 2, "hum", 4);
    client->room = 1;
    replays(client, TEMP_ALL, 4);
    turn_until_full(client);
    for (unsigned i = 0; i < 100; i++) {
        replays(client, HUM_ALL, 4);
        replays(client, TEMP_LAST, 4);
        take_back(client, TEMP_LAST);
        assert_true(replay_count(&client->conn) <= 5);
    }
    client->room = NO_BOUND;
    turn_until_live(client);
    assert_values(client, "t1 t2 t3 h4 ");
    assert_int_equal(replay_count(&client->conn), 0);
}

static void test_connection_gone(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    replays(client, TEMP_ALL, 3);
    send_for_a_page(world);
    replay_forget(&client->conn);
    world->front.slots[0] = (struct conn_slot){.generation = 2};
    turn_some(client);
    assert_values(client, "");
}

static void test_resource_gone(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    change_thng(world, OPERATION_DELETED, "");
    replays(client, TEMP_ALL, 3);
    turn_until_live(client);
    assert_values(client, "");
}

/* Whoever does not see the resource any more is not shown what was read of it before. */
static void test_hidden_while_it_is_given(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    publish_temps(world, 1, 3);
    client->room = 1;
    struct subscription *subscription = granted(client, TEMP_ALL, TIME_MS + 3);
    granted(client, TEMP_LAST, TIME_MS + 3);
    replay_start(&client->conn);
    turn_until_full(client);
    subs_hide(subscription, true);
    make_room(client, NO_BOUND);
    turn_until_live(client);
    assert_values(client, "t1 t2 t3 ");
}

/* ---- readers ---- */

static void test_busy_readers_are_asked_again(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct readers *readers = world->shared.readers;
    publish_temps(world, 1, 3);
    world->shared.readers = NULL; /* which is full */
    replays(client, TEMP_ALL, 3);
    turn_some(client);
    assert_values(client, "");
    assert_true(client->session.is_behind);
    world->shared.readers = readers;
    turn_until_live(client);
    assert_values(client, "t1 t2 t3 ");
}

/* More than a page. */
static void test_page_after_page(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct buf wanted = {0};
    for (int i = 1; i <= 30; i++) {
        begin(world);
        for (int k = 0; k < 200; k++) {
            char text[16];
            snprintf(text, sizeof(text), "%d", i * 200 + k);
            put_temp(&world->writer, &THNG_A, text);
            buf_put_format(&wanted, "t%s ", text);
        }
        publish(world);
        front_drain(&world->front);
    }
    buf_put_byte(&wanted, 0);
    replays(client, TEMP_ALL, 0);
    turn_until_live(client);
    assert_values(client, (const char *)buf_data(&wanted).at);
    buf_deinit(&wanted);
}

/* ---- which topics ---- */

static void test_topics_with_a_history(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        bool is_possible;
    } cases[] = {
        {A_TEMP "?from=0", true},
        {A_ALL "?last=1", true},
        {A_LOCATION "?from=-1h", true},
        {A_THNG "?from=0", false},
        {A_THNG "?pubStates=1", true},
        {"/actions?last=1", false},
        {"/actions/all?last=1", true},
        {A_THNG "/actions/scans?last=1", true},
        {"/collections/UaBcDeFgHkMnPqRsTwXyAaBb?last=1", false},
        {"/collections/UaBcDeFgHkMnPqRsTwXyAaBb/thngs?last=1", false},
        {"/collections/UaBcDeFgHkMnPqRsTwXyAaBb/actions/all?last=1", true},
        {"/batches/UaBcDeFgHkMnPqRsTwXyAaBb/tasks?last=1", false},
        {"/batches/UaBcDeFgHkMnPqRsTwXyAaBb/tasks", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct topic topic;
        MUST(topic_parse(slice_of_text(cases[i].filter), &topic));
        assert_int_equal(replay_check(&topic).code,
                         cases[i].is_possible ? ERR_OK : ERR_QUERY_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup_thng, teardown_thng)
        T(test_history_then_live),
        T(test_message),
        T(test_nothing_before_it_is_started),
        T(test_one_after_the_other),
        T(test_stopped_in_the_middle),
        T(test_of_a_session_that_is_behind),
        T(test_the_journal_does_not_overtake),
        T(test_taken_back_while_it_is_read),
        T(test_taken_back_while_it_is_given),
        T(test_the_only_one_taken_back),
        T(test_made_anew),
        T(test_made_anew_again_and_again),
        T(test_connection_gone),
        T(test_resource_gone),
        T(test_hidden_while_it_is_given),
        T(test_busy_readers_are_asked_again),
        T(test_page_after_page),
        cmocka_unit_test(test_topics_with_a_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
