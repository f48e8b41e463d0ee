/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions and loops that the event ring has left behind read the journal; and a random program of
 * events, subscriptions and sessions that stop and go on, held against a plain list of what each
 * session should have had. */
#include "front/front.h"

#include "deliver_fixture.h"

#include "front/scan.h"

/* ---- from the journal ---- */

static const char *const numbers[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static void expect_temps(struct buf *lines, const char *filter, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to; i++) {
        buf_put_format(lines, "%u %s [" ITEM("temp", "%s") "]\n", i, filter, numbers[i % 10]);
    }
}

static void assert_got_temps(struct client *client, unsigned from, unsigned to)
{
    struct buf lines = {0};
    expect_temps(&lines, A_TEMP, from, to);
    buf_put_byte(&lines, 0);
    assert_got(client, (const char *)buf_data(&lines).at);
    buf_deinit(&lines);
}

static void test_session_overrun_reads_the_journal(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_TEMP);
    client->room = 3;
    for (unsigned i = 1; i <= 200; i++) {
        publish_temp(world, numbers[i % 10]);
        front_drain(&world->front);
    }
    assert_false(world->front.is_overrun);
    assert_true(client->session.is_behind);
    client->room = 50; /* blocked once more, within what the journal gave */
    catch_up(client);
    assert_int_equal(client->conn.past.stage, PAST_WAITING);
    for (unsigned i = 0; client->room > 0 && i < TURNS_MAX; i++) {
        loop_turn(&world->loop, TURN_MS);
    }
    assert_int_equal(client->room, 0);
    assert_int_equal(client->conn.past.stage, PAST_LAGGING);
    assert_int_equal(client->session.cursor, 54);
    client->room = NO_BOUND;
    catch_up(client);
    turn_until_live(client);
    assert_got_temps(client, 1, 200);
    publish_temp(world, numbers[1]);
    front_drain(&world->front);
    assert_got_temps(client, 201, 201);
}

static void on_lost(struct session *session)
{
    struct client *client = CONTAINER_OF(session, struct client, session);
    BUF_PUT_LITERAL(&client->got, "lost\n");
    front_catch_up(&client->world->front, &client->conn);
}

/* The journal begins behind its place: it is told so before it goes on with what there is. */
static void test_session_that_lost_its_place(void **state)
{
    static const struct session_ops losing_ops = {.deliver = deliver, .lost = on_lost};
    struct world *world = *state;
    struct client *client = &world->clients[0];
    client->session.ops = &losing_ops;
    subscribe(client, A_TEMP);
    client->room = 0;
    for (unsigned i = 1; i <= 9; i++) {
        publish_temp(world, numbers[i]);
        front_drain(&world->front);
    }
    client->session.cursor = 0;
    client->room = NO_BOUND;
    catch_up(client);
    turn_until_live(client);
    struct buf lines = {0};
    BUF_PUT_LITERAL(&lines, "lost\n");
    expect_temps(&lines, A_TEMP, 1, 9);
    buf_put_byte(&lines, 0);
    assert_got(client, (const char *)buf_data(&lines).at);
    buf_deinit(&lines);
}

static void test_loop_overrun_reads_the_journal(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *late = &world->clients[1];
    subscribe(client, A_TEMP);
    late->subscribes_to = A_TEMP;
    for (unsigned i = 1; i <= 100; i++) {
        begin(world);
        put_temp(&world->writer, &THNG_A, numbers[(2 * i - 1) % 10]);
        put_temp(&world->writer, &THNG_A, numbers[2 * i % 10]);
        if (i == 50) {
            answer_behind(late, 99, 0); /* in the middle of a group that leaves the ring */
        }
        publish(world);
    }
    front_drain(&world->front);
    assert_true(world->front.is_overrun);
    assert_got(client, "");
    for (unsigned i = 0; world->front.sequence < world->last && i < TURNS_MAX; i++) {
        loop_turn(&world->loop, TURN_MS);
    }
    assert_int_equal(world->front.sequence, 200);
    assert_false(world->front.is_overrun);
    assert_got_temps(client, 1, 200);
    assert_got_temps(late, 100, 200);
}

/* The journal has a group a moment before its answers are handed out and the ring has it. A
 * loop that reads the journal must not run ahead: a subscription may begin within that group. */
static void test_journal_is_ahead_of_the_ring(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *late = &world->clients[1];
    subscribe(client, A_TEMP);
    late->subscribes_to = A_TEMP;
    for (unsigned i = 1; i <= 8; i++) {
        publish_temp(world, numbers[i]);
    }
    begin(world);
    put_temp(&world->writer, &THNG_A, numbers[9]);
    put_temp(&world->writer, &THNG_A, numbers[0]);
    struct group group = commit(world);
    front_drain(&world->front);
    assert_true(world->front.is_overrun);
    for (unsigned i = 0; i < 10; i++) {
        loop_turn(&world->loop, TURN_MS);
    }
    assert_int_equal(world->front.sequence, 8);
    answer_behind(late, 9, 0);
    push(world, &group);
    loop_turn(&world->loop, 0);
    assert_int_equal(world->front.sequence, 10);
    assert_got_temps(client, 1, 10);
    assert_got_temps(late, 10, 10);
}

/* As conn_close does it. */
static void leave(struct client *client)
{
    list_remove(&client->conn.behind);
    client->world->front.slots[client->conn.slot] = (struct conn_slot){.generation = 2};
}

/* Connections end while their sessions wait for the journal, have joined a scan, and lag in it:
 * others go on. */
static void test_connections_gone_while_reading_the_journal(void **state)
{
    struct world *world = *state;
    for (unsigned i = 0; i < SESSIONS; i++) {
        subscribe(&world->clients[i], A_TEMP);
        world->clients[i].room = 0;
    }
    for (unsigned i = 1; i <= 20; i++) {
        publish_temp(world, numbers[i % 10]);
        front_drain(&world->front);
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        world->clients[i].room = i == 3 ? NO_BOUND : 5;
        front_catch_up(&world->front, &world->clients[i].conn);
        assert_int_equal(world->clients[i].conn.past.stage, PAST_WAITING);
    }
    leave(&world->clients[0]);
    while (world->clients[1].conn.past.stage == PAST_WAITING) {
        loop_turn(&world->loop, TURN_MS);
    }
    bool has_only_joined = world->clients[1].conn.past.stage == PAST_JOINED; /* else it was quick */
    leave(&world->clients[1]);
    while (world->clients[2].conn.past.stage != PAST_LAGGING) {
        loop_turn(&world->loop, TURN_MS);
    }
    leave(&world->clients[2]);
    turn_until_live(&world->clients[3]);
    assert_got(&world->clients[0], "");
    assert_got_temps(&world->clients[1], 1, has_only_joined ? 0 : 5);
    assert_got_temps(&world->clients[2], 1, 5);
    assert_got_temps(&world->clients[3], 1, 20);
}

/* A scan has begun for one that is gone before it comes; the next one waits at the same event. */
static void test_another_comes_to_where_one_has_gone(void **state)
{
    struct world *world = *state;
    const struct scan_stats *stats = scans_stats(world->front.shared->scans);
    for (unsigned i = 0; i < 2; i++) {
        subscribe(&world->clients[i], A_TEMP);
        world->clients[i].room = 0;
    }
    for (unsigned i = 1; i <= 20; i++) {
        publish_temp(world, numbers[i % 10]);
        front_drain(&world->front);
    }
    world->clients[0].room = world->clients[1].room = NO_BOUND;
    uint64_t scans = atomic_load(&stats->scans);
    front_catch_up(&world->front, &world->clients[0].conn);
    while (atomic_load(&stats->scans) == scans) {
        loop_turn(&world->loop, TURN_MS);
    }
    assert_int_equal(world->clients[0].conn.past.stage, PAST_WAITING);
    leave(&world->clients[0]);
    loop_turn(&world->loop, 0); /* the scan comes, */
    loop_turn(&world->loop, 0); /* to nobody */
    front_catch_up(&world->front, &world->clients[1].conn);
    turn_until_live(&world->clients[1]);
    assert_got_temps(&world->clients[1], 1, 20);
}

/* ---- at random, against a list ---- */

#define STEPS 3000
#define FILTERS 8

static const char *const filters[FILTERS] = {
    A_ALL,
    A_TEMP,
    A_HUM,
    B_ALL,
    "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties",
    "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/hum/",
    "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties?pubStates=0",
    "/thngs/UaBcDeFgHkMnPqRsTwXyAaBc/properties/temp",
};
/* The topic of each filter: of which thng, and which key (0: all of them). */
static const bool filter_is_of_b[FILTERS] = {false, false, false, true, false, false, false, true};
static const char filter_key[FILTERS] = {0, 't', 'h', 0, 0, 'h', 0, 't'};

struct model_client {
    unsigned order[FILTERS]; /* filters, in the order in which they were subscribed to */
    unsigned count;
    bool has[FILTERS];
    struct buf expected;
};

/* The messages of an event for the topics (thng, key): "sequence filter" lines. */
static void model_fire(struct model_client *model, uint64_t sequence, bool is_of_b, char key)
{
    for (unsigned i = 0; i < model->count; i++) {
        unsigned filter = model->order[i];
        if (filter_is_of_b[filter] == is_of_b && filter_key[filter] == key) {
            buf_put_format(&model->expected, "%llu %s\n", (unsigned long long)sequence,
                           filters[filter]);
        }
    }
}

/* Writes one event of one or two keys, and what each session is to have of it. */
static void random_event(struct world *world, struct model_client *models, struct rand *rand)
{
    const struct point points[] = {point_of(1, "temp", "1"), point_of(2, "hum", "2")};
    unsigned first = (unsigned)rand_below(rand, 2);
    unsigned count = first == 0 ? 1 + (unsigned)rand_below(rand, 2) : 1;
    bool is_of_b = rand_below(rand, 3) == 0;
    uint64_t sequence =
        group_write_points(&world->writer, ACCOUNT, RESOURCE_THNG, is_of_b ? &THNG_B : &THNG_A,
                           (struct slice){0}, 0, points + first, count);
    for (unsigned i = 0; i < SESSIONS; i++) {
        model_fire(&models[i], sequence, is_of_b, 0);
        for (unsigned p = first; p < first + count; p++) {
            model_fire(&models[i], sequence, is_of_b, p == 0 ? 't' : 'h');
        }
    }
}

static void random_subscribe(struct client *client, struct model_client *model, unsigned filter)
{
    subscribe(client, filters[filter]);
    if (!model->has[filter]) {
        model->has[filter] = true;
        model->order[model->count++] = filter;
    }
}

static void random_step(struct world *world, struct model_client *models, struct rand *rand)
{
    unsigned at = (unsigned)rand_below(rand, SESSIONS);
    struct client *client = &world->clients[at];
    switch (rand_below(rand, 8)) {
    case 0:
        if (rand_below(rand, 20) == 0) {
            random_subscribe(client, &models[at], (unsigned)rand_below(rand, FILTERS));
        }
        return;
    case 1:
    case 2:
        begin(world);
        for (uint64_t left = 1 + rand_below(rand, 4); left > 0; left--) {
            random_event(world, models, rand);
        }
        publish(world);
        front_drain(&world->front);
        return;
    default:
        /* Rarely all it wants, mostly a little: it is often stopped in the middle of an event. */
        client->room = rand_below(rand, 10) == 0 ? NO_BOUND : (uint32_t)rand_below(rand, 4);
        catch_up(client);
        loop_turn(&world->loop, link_is_in_list(&client->conn.behind) ? TURN_MS : 0);
        if (client->room == NO_BOUND && rand_below(rand, 2) == 0) {
            turn_until_live(client);
        }
        return;
    }
}

/* The lines of <got> without their payloads. */
static void without_payloads(const struct buf *got, struct buf *out)
{
    struct slice rest = buf_data(got);
    while (rest.bytes > 0) {
        struct slice line = slice_first(rest, slice_find(rest, '\n') + 1);
        buf_put(out, slice_first(line, slice_find(line, '[') - 1));
        buf_put_byte(out, '\n');
        rest = slice_from(rest, line.bytes);
    }
}

static void random_program(struct world *world, uint64_t seed)
{
    struct rand rand = {0};
    rand_seed(&rand, seed);
    struct model_client models[SESSIONS] = {0};
    for (unsigned step = 0; step < STEPS; step++) {
        random_step(world, models, &rand);
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct client *client = &world->clients[i];
        struct buf got = {0};
        client->room = NO_BOUND;
        catch_up(client);
        turn_until_live(client);
        without_payloads(&client->got, &got);
        assert_true(buf_bytes(&got) > 1000);
        assert_int_equal(buf_bytes(&got), buf_bytes(&models[i].expected));
        assert_memory_equal(buf_data(&got).at, buf_data(&models[i].expected).at, buf_bytes(&got));
        buf_deinit(&got);
        buf_deinit(&models[i].expected);
    }
    assert_true(atomic_load(&world->front.stats.fell_behind) > 50);
}

static void test_random_with_the_ring(void **state)
{
    random_program(*state, 1);
}

static void test_random_with_the_journal(void **state)
{
    random_program(*state, 2);
}

/* A ring that keeps all of a random program's groups: there is no journal here. */
static int setup_large_ring(void **state)
{
    struct world *world = world_new();
    world_open(world, 4096, 0);
    *state = world;
    return 0;
}

#define TEST_STORE(name) cmocka_unit_test_setup_teardown(name, setup_store, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_STORE(test_session_overrun_reads_the_journal),
        TEST_STORE(test_session_that_lost_its_place),
        TEST_STORE(test_loop_overrun_reads_the_journal),
        TEST_STORE(test_journal_is_ahead_of_the_ring),
        TEST_STORE(test_connections_gone_while_reading_the_journal),
        TEST_STORE(test_another_comes_to_where_one_has_gone),
        cmocka_unit_test_setup_teardown(test_random_with_the_ring, setup_large_ring, teardown),
        TEST_STORE(test_random_with_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
