/* SPDX-License-Identifier: Apache-2.0
 *
 * Which messages an event makes and for whom; answers in their place among the events; sessions
 * that fall behind and catch up from the ring. (deliver_past_test.c: from the journal, at random.)
 */
#include "front/front.h"

#include "deliver_fixture.h"

/* ---- which messages an event makes ---- */

static void test_all_keys_first_then_each_once(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_HUM);
    subscribe(client, A_TEMP);
    subscribe(client, A_ALL);
    const struct point points[] = {
        point_of(1, "temp", "1"),
        point_of(2, "hum", "2"),
        point_of(1, "temp", "3"),
        point_of(3, "other", "4"),
    };
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0, points,
                       4);
    publish(world);
    front_drain(&world->front);
    assert_got(client, LINE("1", A_ALL,
                            "[" ITEM("temp", "1") "," ITEM("hum", "2") "," ITEM(
                                "temp", "3") "," ITEM("other", "4") "]")
                           LINE("1", A_TEMP, "[" ITEM("temp", "1") "," ITEM("temp", "3") "]")
                               LINE("1", A_HUM, "[" ITEM("hum", "2") "]"));
}

static void test_other_topics_hear_nothing(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, B_ALL);
    subscribe(client, A_HUM);
    subscribe(client, A_THNG);
    subscribe(client, A_LOCATION);
    publish_temp(world, "1");
    front_drain(&world->front);
    assert_int_equal(world->front.sequence, 1);
    assert_got(client, "");
}

static void test_spellings_come_back_as_they_are(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    const char *bare = "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp/?pubStates=0";
    subscribe(client, A_TEMP);
    subscribe(client, bare);
    subscribe(client, A_TEMP); /* replaces the first: no third message */
    publish_temp(world, "1");
    front_drain(&world->front);
    assert_got(client, LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
                           LINE("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp/?pubStates=0",
                                "[" ITEM("temp", "1") "]"));
}

static void test_silent_points_are_not_delivered(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_ALL);
    subscribe(client, A_TEMP);
    struct point point = point_of(1, "temp", "1");
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0},
                       POINTS_SILENT, &point, 1);
    put_temp(&world->writer, &THNG_A, "2");
    publish(world);
    front_drain(&world->front);
    assert_got(client, LINE("2", A_ALL, "[" ITEM("temp", "2") "]")
                           LINE("2", A_TEMP, "[" ITEM("temp", "2") "]"));
}

static void test_location(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_ALL);
    subscribe(client, A_LOCATION);
    const struct point points[] = {
        point_of(9, "", "\"latitude\":1"),
        point_of(9, "", "\"latitude\":2"),
    };
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0, points,
                       2);
    publish(world);
    front_drain(&world->front);
    assert_got(client,
               LINE("1", A_LOCATION,
                    "[{\"createdAt\":1700000000000,\"timestamp\":1700000000000,\"latitude\":1},"
                    "{\"createdAt\":1700000000000,\"timestamp\":1700000000000,\"latitude\":2}]"));
}

static void write_document(struct group_writer *writer, enum event_operation operation,
                           const char *text)
{
    group_write_document(writer, ACCOUNT, operation, RESOURCE_THNG, &THNG_A, slice_of_text(text),
                         (struct slice){0});
}

static void test_documents(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_THNG);
    subscribe(client, A_ALL);
    write_document(begin(world), OPERATION_CREATED, "{\"name\":\"a\"}");
    write_document(&world->writer, OPERATION_UPDATED, "{\"name\":\"b\"}");
    publish(world);
    front_drain(&world->front);
    assert_got(client, LINE("2", A_THNG, "{\"name\":\"b\"}"));
    assert_false(client->got_last);
    write_document(begin(world), OPERATION_DELETED, "");
    publish(world);
    front_drain(&world->front);
    assert_got(client, LINE("3", A_THNG,
                            "{\"operation\":\"deleted\",\"timestamp\":1700000000000,"
                            "\"resources\":[\"UaBcDeFgHkMnPqRsTwXyAaBb\"]}"));
    assert_true(client->got_last);
}

static void test_only_what_the_key_may_see(void **state)
{
    struct world *world = *state;
    struct client *device = &world->clients[0];
    struct client *stranger = &world->clients[1];
    const struct actor of_a = {.kind = ACTOR_DEVICE, .account = ACCOUNT, .id = THNG_A};
    const struct actor of_other = operator_of(ACCOUNT + 1);
    subscribe_as(device, A_ALL, &of_a, 0);
    subscribe_as(device, B_ALL, &of_a, 0);
    subscribe_as(stranger, A_ALL, &of_other, 0);
    put_temp(begin(world), &THNG_A, "1");
    put_temp(&world->writer, &THNG_B, "2");
    publish(world);
    front_drain(&world->front);
    assert_got(device, LINE("1", A_ALL, "[" ITEM("temp", "1") "]"));
    assert_got(stranger, "");
    assert_false(device->session.is_behind);
}

static void test_qos_is_the_lower_one(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_TEMP);
    begin(world)->qos = 0;
    put_temp(&world->writer, &THNG_A, "1");
    publish(world);
    front_drain(&world->front);
    assert_int_equal(client->got_qos, 0);
    publish_temp(world, "2");
    front_drain(&world->front);
    assert_int_equal(client->got_qos, 1);
}

/* ---- answers ---- */

static void test_subscription_begins_in_the_middle_of_a_group(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    client->subscribes_to = A_TEMP;
    begin(world);
    put_temp(&world->writer, &THNG_A, "1");
    put_temp(&world->writer, &THNG_A, "2");
    put_temp(&world->writer, &THNG_A, "3");
    answer_behind(client, 2, 0);
    publish(world);
    front_drain(&world->front);
    assert_int_equal(client->answers, 1);
    assert_int_equal(client->conn.in_flight, 0);
    assert_int_equal(world->front.in_flight, 0);
    assert_got(client, LINE("3", A_TEMP, "[" ITEM("temp", "3") "]"));
}

static void test_subscription_begins_where_a_group_ends(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    client->subscribes_to = A_TEMP;
    publish_temp(world, "1");
    answer_behind(client, 1, 0);
    front_drain(&world->front);
    assert_int_equal(client->answers, 1);
    publish_temp(world, "2");
    front_drain(&world->front);
    assert_got(client, LINE("2", A_TEMP, "[" ITEM("temp", "2") "]"));
}

static void test_answer_waits_for_its_events(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    answer_behind(client, 1, 1);
    front_drain(&world->front);
    assert_int_equal(client->answers, 0); /* the group is not there yet */
    put_temp(begin(world), &THNG_A, "1");
    put_temp(&world->writer, &THNG_A, "2");
    answer_behind(client, 2, 1);
    publish(world);
    front_drain(&world->front);
    assert_int_equal(client->answers, 2);
    assert_int_equal(client->event_shown, 2); /* the last of the command's own, 1 to 2 */
    assert_int_equal(world->front.event_waiters, 0);
}

/* Commands that write several events: each is shown to its own command, before the answer. */
static void test_all_events_of_a_command_are_shown(void **state)
{
    struct world *world = *state;
    struct client *first = &world->clients[0];
    struct client *second = &world->clients[1];
    begin(world);
    for (unsigned i = 0; i < 7; i++) {
        put_temp(&world->writer, &THNG_A, "1");
    }
    answer_behind(first, 3, 1);
    answer_behind(second, 3, 0); /* refused: it has none */
    answer_behind(second, 6, 5); /* 4 is that of a command without an answer */
    answer_behind(first, 7, 7);
    publish(world);
    front_drain(&world->front);
    assert_int_equal(first->answers, 2);
    assert_int_equal(second->answers, 2);
    assert_events_seen(first, "1 2 3. 7. ");
    assert_events_seen(second, ". 5 6. ");
    assert_int_equal(world->front.event_waiters, 0);
}

static void test_answer_is_shown_its_event(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    put_temp(begin(world), &THNG_A, "1");
    put_temp(&world->writer, &THNG_A, "2");
    answer_behind(client, 1, 1);
    publish(world);
    front_drain(&world->front);
    assert_int_equal(client->answers, 1);
    assert_int_equal(client->event_shown, 1);
    assert_int_equal(world->front.sequence, 2);
}

static void test_answer_to_nobody(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    answer_behind(client, 0, 0);
    world->front.slots[0].conn = NULL;
    answer_behind(client, 0, 0);
    world->front.slots[0].generation++;
    front_drain(&world->front);
    assert_int_equal(client->answers, 0);
    assert_int_equal(world->front.in_flight, 0);
}

/* ---- behind ---- */

static void test_blocked_session_catches_up(void **state)
{
    struct world *world = *state;
    struct client *slow = &world->clients[0];
    struct client *fast = &world->clients[1];
    subscribe(slow, A_TEMP);
    subscribe(fast, A_TEMP);
    slow->room = 1;
    for (unsigned i = 1; i <= 4; i++) {
        publish_temp(world, (const char *[]){"1", "2", "3", "4"}[i - 1]);
        front_drain(&world->front);
    }
    const char *all = LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
        LINE("2", A_TEMP, "[" ITEM("temp", "2") "]") LINE("3", A_TEMP, "[" ITEM("temp", "3") "]")
            LINE("4", A_TEMP, "[" ITEM("temp", "4") "]");
    assert_got(fast, all);
    assert_true(slow->session.is_behind);
    assert_int_equal(slow->session.cursor, 2);
    catch_up(slow);
    assert_true(slow->session.is_behind); /* still no room: nothing changes */
    slow->room = 2;
    catch_up(slow);
    assert_true(slow->session.is_behind);
    slow->room = NO_BOUND;
    catch_up(slow);
    assert_false(slow->session.is_behind);
    assert_got(slow, all);
    publish_temp(world, "5");
    front_drain(&world->front);
    assert_got(slow, LINE("5", A_TEMP, "[" ITEM("temp", "5") "]"));
}

static void test_blocked_between_subscriptions_of_one_event(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_TEMP);
    subscribe(client, A_ALL);
    subscribe(client, A_HUM);
    client->room = 2;
    const struct point points[] = {point_of(1, "temp", "1"), point_of(2, "hum", "2")};
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0, points,
                       2);
    put_temp(&world->writer, &THNG_A, "3");
    publish(world);
    front_drain(&world->front);
    assert_true(client->session.is_behind);
    for (unsigned i = 0; i < 3; i++) {
        client->room = 1;
        catch_up(client);
    }
    assert_false(client->session.is_behind);
    assert_got(client, LINE("1", A_ALL, "[" ITEM("temp", "1") "," ITEM("hum", "2") "]")
                           LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
                               LINE("1", A_HUM, "[" ITEM("hum", "2") "]")
                                   LINE("2", A_ALL, "[" ITEM("temp", "3") "]")
                                       LINE("2", A_TEMP, "[" ITEM("temp", "3") "]"));
}

/* Those that are left go on where they were. */
static void test_subscriptions_change_in_the_middle_of_an_event(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct actor actor = operator_of(ACCOUNT);
    struct subscription *all = subscribe_as(client, A_ALL, &actor, 0);
    subscribe(client, A_TEMP);
    subscribe(client, A_HUM);
    client->room = 2;
    const struct point points[] = {point_of(1, "temp", "1"), point_of(2, "hum", "2")};
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0, points,
                       2);
    publish(world);
    front_drain(&world->front);
    assert_got(client, LINE("1", A_ALL, "[" ITEM("temp", "1") "," ITEM("hum", "2") "]")
                           LINE("1", A_TEMP, "[" ITEM("temp", "1") "]"));
    subs_remove(&world->front.subs, all);
    subscribe(client, "/thngs/+/properties/hum");
    client->room = NO_BOUND;
    catch_up(client);
    assert_false(client->session.is_behind);
    assert_got(client, LINE("1", A_HUM, "[" ITEM("hum", "2") "]"));
}

static void test_subscription_made_while_behind(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_TEMP);
    client->room = 0;
    publish_temp(world, "1");
    publish_temp(world, "2");
    front_drain(&world->front);
    subscribe(client, A_ALL); /* it has no part in what came before */
    publish_temp(world, "3");
    front_drain(&world->front);
    client->room = NO_BOUND;
    catch_up(client);
    assert_got(client, LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
                           LINE("2", A_TEMP, "[" ITEM("temp", "2") "]")
                               LINE("3", A_ALL, "[" ITEM("temp", "3") "]")
                                   LINE("3", A_TEMP, "[" ITEM("temp", "3") "]"));
}

/* An answer in the middle of a group lets a session go on that is behind (its connection reads
 * again, and finds acknowledgements): it comes up to the answer's place and no further, because
 * what follows is delivered live. */
static void test_catches_up_in_the_middle_of_a_group(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_TEMP);
    client->room = 0;
    client->catches_up = true;
    publish_temp(world, "1");
    front_drain(&world->front);
    client->room = NO_BOUND;
    begin(world);
    put_temp(&world->writer, &THNG_A, "2");
    put_temp(&world->writer, &THNG_A, "3");
    put_temp(&world->writer, &THNG_A, "4");
    answer_behind(client, 3, 0);
    publish(world);
    front_drain(&world->front);
    assert_false(client->session.is_behind);
    assert_got(client, LINE("1", A_TEMP, "[" ITEM("temp", "1") "]")
                           LINE("2", A_TEMP, "[" ITEM("temp", "2") "]")
                               LINE("3", A_TEMP, "[" ITEM("temp", "3") "]")
                                   LINE("4", A_TEMP, "[" ITEM("temp", "4") "]"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_keys_first_then_each_once),
        TEST(test_other_topics_hear_nothing),
        TEST(test_spellings_come_back_as_they_are),
        TEST(test_silent_points_are_not_delivered),
        TEST(test_location),
        TEST(test_documents),
        TEST(test_only_what_the_key_may_see),
        TEST(test_qos_is_the_lower_one),
        TEST(test_subscription_begins_in_the_middle_of_a_group),
        TEST(test_subscription_begins_where_a_group_ends),
        TEST(test_answer_waits_for_its_events),
        TEST(test_answer_is_shown_its_event),
        TEST(test_all_events_of_a_command_are_shown),
        TEST(test_answer_to_nobody),
        TEST(test_blocked_session_catches_up),
        TEST(test_blocked_between_subscriptions_of_one_event),
        TEST(test_subscriptions_change_in_the_middle_of_an_event),
        TEST(test_subscription_made_while_behind),
        TEST(test_catches_up_in_the_middle_of_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
