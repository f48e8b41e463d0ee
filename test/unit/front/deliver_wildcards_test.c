/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscriptions with wildcards: what they select, under which topic it comes, and that each event
 * is judged for the key (contract: README.md, point 6). */
#include "front/front.h"

#include "deliver_fixture.h"
#include "unit/model/grant_fixture.h"

#define P "UpBcDeFgHkMnPqRsTwXyAaBb"
#define Q "UqBcDeFgHkMnPqRsTwXyAaBb"

static const struct id PROJECT = {.text = P};
#define IN_P "{\"users\":[\"all\"],\"projects\":[\"" P "\"]}"
#define IN_Q "{\"users\":[\"all\"],\"projects\":[\"" Q "\"]}"

#define HUM(sequence, topic) LINE(sequence, topic, "[" ITEM("hum", "1") "]")
#define TEMP(sequence, topic) LINE(sequence, topic, "[" ITEM("temp", "1") "]")
#define BOTH(sequence, topic) LINE(sequence, topic, "[" ITEM("temp", "1") "," ITEM("hum", "1") "]")

static void points_event(struct world *world, const struct id *thng, const char *scopes,
                         const char *first, const char *second)
{
    const struct point points[] = {point_of(1, first, "1"),
                                   point_of(2, second != NULL ? second : "", "1")};
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, thng, slice_of_text(scopes), 0, points,
                       second != NULL ? 2 : 1);
    publish(world);
    front_drain(&world->front);
}

/* ---- what comes, and under which name ---- */

static void test_filters_hear_what_they_select(void **state)
{
    struct world *world = *state;
    struct client *all = &world->clients[0];
    struct client *temps = &world->clients[1];
    struct client *one = &world->clients[2];
    subscribe(all, "thngs/#");
    subscribe(temps, "/thngs/+/properties/Temp?pubStates=0");
    subscribe(one, A_ALL "/#");
    points_event(world, &THNG_A, "", "temp", "hum");
    assert_got(all, BOTH("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties")
                        TEMP("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp")
                            HUM("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/hum"));
    assert_got(temps, TEMP("1", A_TEMP "?pubStates=0"));
    assert_got(one, BOTH("1", A_ALL) TEMP("1", A_TEMP) HUM("1", A_ALL "/hum"));
    points_event(world, &THNG_B, "", "temp", NULL);
    assert_got(all, TEMP("2", "thngs/UaBcDeFgHkMnPqRsTwXyAaBc/properties")
                        TEMP("2", "thngs/UaBcDeFgHkMnPqRsTwXyAaBc/properties/temp"));
    assert_got(temps, TEMP("2", B_ALL "/temp?pubStates=0"));
    assert_got(one, "");
}

/* One message a subscription, whichever of them are of one session. */
static void test_overlapping_filters_hear_each(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, A_TEMP);
    subscribe(client, "/thngs/+/properties/temp");
    subscribe(client, "/thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/+");
    subscribe(client, "+/+/+/+");
    points_event(world, &THNG_A, "", "temp", NULL);
    assert_got(client, TEMP("1", A_TEMP) TEMP("1", A_TEMP) TEMP("1", A_TEMP)
                           TEMP("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp"));
    subs_remove(&world->front.subs,
                subs_find(&world->front.subs, &client->session, SLICE("/thngs/+/properties/temp")));
    points_event(world, &THNG_A, "", "temp", NULL);
    assert_got(client, TEMP("2", A_TEMP) TEMP("2", A_TEMP)
                           TEMP("2", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp"));
}

/* A session that could not take all of an event gets the rest, in the same order. */
static void test_who_is_behind_hears_the_rest(void **state)
{
    struct world *world = *state;
    static const char all[] =
        BOTH("1", A_ALL) BOTH("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties") TEMP("1", A_TEMP)
            TEMP("1", A_TEMP) TEMP("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/temp")
                HUM("1", A_ALL "/hum") HUM("1", "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties/hum");
    for (uint32_t room = 0; room <= 7; room++) {
        struct client *client = &world->clients[room % SESSIONS];
        session_deinit(&client->session, &world->front.subs);
        subscribe(client, A_TEMP);
        subscribe(client, "/thngs/+/properties/#");
        subscribe(client, "#");
        client->room = room;
        uint64_t before = world->last;
        points_event(world, &THNG_A, "", "temp", "hum");
        assert_int_equal(client->session.is_behind, room < 7);
        client->room = NO_BOUND;
        catch_up(client);
        assert_false(client->session.is_behind);
        if (before == 0) {
            assert_got(client, all);
        } else {
            unsigned lines = 0;
            for (size_t i = 0; i < buf_bytes(&client->got); i++) {
                lines += buf_data(&client->got).at[i] == '\n';
            }
            assert_int_equal(lines, 7);
        }
        session_deinit(&client->session, &world->front.subs);
        buf_reset(&client->got);
    }
}

#define ANY "thngs/UaBcDeFgHkMnPqRsTwXyAaBb/properties"
#define EACH_KEY                                                                          \
    LINE("1", ANY "/b", "[" ITEM("b", "1") "," ITEM("b", "3") "]")                        \
    LINE("1", A_ALL "/a?1", "[" ITEM("a", "2") "," ITEM("a", "5") "," ITEM("a", "6") "]") \
    LINE("1", ANY "/a", "[" ITEM("a", "2") "," ITEM("a", "5") "," ITEM("a", "6") "]")     \
    LINE("1", ANY "/c", "[" ITEM("c", "4") "]")

static void several_points_a_key(struct world *world)
{
    const struct point points[] = {point_of(9, "b", "1"), point_of(2, "a", "2"),
                                   point_of(9, "b", "3"), point_of(1, "c", "4"),
                                   point_of(2, "a", "5"), point_of(2, "a", "6")};
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0, points,
                       ARRAY_LEN(points));
    publish(world);
    front_drain(&world->front);
}

/* Keys come in the order of their first points, each with all its points in theirs. */
static void test_several_points_of_several_keys(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *one = &world->clients[1];
    struct client *none = &world->clients[2];
    subscribe(client, "+/+/+/+");
    subscribe(client, A_ALL "/a?1");
    subscribe(one, A_ALL "/c");
    subscribe(none, "thngs/+/properties/d");
    several_points_a_key(world);
    assert_got(client, EACH_KEY);
    assert_got(one, LINE("1", A_ALL "/c", "[" ITEM("c", "4") "]"));
    assert_got(none, "");
}

/* Who has been told of some keys goes on with the next one, also when meanwhile nobody wants those
 * before it. */
static void test_the_rest_of_the_keys(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *leaves = &world->clients[1];
    subscribe(client, A_ALL "/c");
    subscribe(client, A_ALL "/a");
    subscribe(leaves, A_ALL "/b");
    client->room = 1;
    several_points_a_key(world);
    assert_true(client->session.is_behind);
    session_deinit(&leaves->session, &world->front.subs);
    client->room = NO_BOUND;
    catch_up(client);
    assert_got(client,
               LINE("1", A_ALL "/a", "[" ITEM("a", "2") "," ITEM("a", "5") "," ITEM("a", "6") "]")
                   LINE("1", A_ALL "/c", "[" ITEM("c", "4") "]"));
}

/* Without memory for the keys all come later; what failed for one does not hold up the others. */
static void test_without_memory_it_comes_later(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, "+/+/+/+");
    subscribe(client, A_ALL "/a?1");
    list_push(&world->front.conns, &client->conn.all);
    world->front.keyed.bytes_max = 1;
    several_points_a_key(world);
    assert_true(client->session.is_behind);
    assert_got(client, "");
    world->front.keyed.bytes_max = 0;
    turn_until_live(client);
    assert_got(client, EACH_KEY);
    list_remove(&client->conn.all);
    session_deinit(&client->session, &world->front.subs);
    subscribe(client, A_ALL);
    world->front.topic.failed = true; /* of a message to another subscriber */
    points_event(world, &THNG_A, "", "temp", NULL);
    assert_got(client, TEMP("2", A_ALL));
}

/* ---- who may hear ---- */

static struct actor application(void)
{
    return (struct actor){
        .kind = ACTOR_TRUSTED, .account = ACCOUNT, .id = THNG_B, .project = PROJECT};
}

/* An application hears of what was in its project when it happened, whoever is told of it live or
 * later. */
static void test_each_event_is_judged(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct client *slow = &world->clients[1];
    struct actor actor = application();
    subscribe_as(client, "/thngs/+/properties", &actor, 0);
    subscribe_as(slow, "/thngs/+/properties", &actor, 0);
    slow->room = 0;
    points_event(world, &THNG_A, IN_P, "temp", NULL);
    points_event(world, &THNG_A, IN_Q, "temp", NULL);
    points_event(world, &THNG_A, "", "temp", NULL);
    points_event(world, &THNG_A, IN_P, "temp", NULL);
    assert_got(client, TEMP("1", A_ALL) TEMP("4", A_ALL));
    slow->room = NO_BOUND;
    catch_up(slow);
    assert_got(slow, TEMP("1", A_ALL) TEMP("4", A_ALL));
}

static void test_a_project_narrows(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    subscribe(client, "/thngs/+/properties?project=" Q);
    points_event(world, &THNG_A, IN_P, "temp", NULL);
    points_event(world, &THNG_A, IN_Q, "temp", NULL);
    assert_got(client, TEMP("2", A_ALL "?project=" Q));
}

static void test_a_device_hears_its_own_thng(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct actor actor = {.kind = ACTOR_DEVICE, .account = ACCOUNT, .id = THNG_A};
    subscribe_as(client, "/thngs/#", &actor, 0);
    points_event(world, &THNG_B, "", "temp", NULL);
    points_event(world, &THNG_A, "", "temp", NULL);
    assert_got(client, TEMP("2", A_ALL) TEMP("2", A_TEMP));
}

/* Of all that a filter selects, what its role gives. */
static void test_a_role_leaves_out_families(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct grant_draft draft = {0};
    struct perm_rights rights = perm_column(ACTOR_OPERATOR);
    rights.operations[PERM_PROPERTIES] = 0;
    grant_draft_add(&draft, GRANT_ALL, &rights, NULL, 0);
    struct grant *grant = grant_of(&draft, ACTOR_OPERATOR);
    struct actor actor = operator_of(ACCOUNT);
    actor.grant = grant;
    subscribe_as(client, "/thngs/#", &actor, 0);
    points_event(world, &THNG_A, "", "temp", NULL);
    assert_got(client, "");
    struct point point = point_of(3, "", "\"latitude\":1,\"longitude\":2");
    group_write_points(begin(world), ACCOUNT, RESOURCE_THNG, &THNG_A, (struct slice){0}, 0, &point,
                       1);
    publish(world);
    front_drain(&world->front);
    assert_true(buf_bytes(&client->got) > 0);
    buf_reset(&client->got);
    session_deinit(&client->session, &world->front.subs);
    free(grant);
}

static void test_other_accounts_are_not_heard(void **state)
{
    struct world *world = *state;
    struct client *client = &world->clients[0];
    struct actor actor = operator_of(ACCOUNT + 1);
    subscribe_as(client, "#", &actor, 0);
    points_event(world, &THNG_A, "", "temp", NULL);
    assert_got(client, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_filters_hear_what_they_select), T(test_overlapping_filters_hear_each),
        T(test_who_is_behind_hears_the_rest),  T(test_several_points_of_several_keys),
        T(test_the_rest_of_the_keys),          T(test_without_memory_it_comes_later),
        T(test_each_event_is_judged),          T(test_a_project_narrows),
        T(test_a_device_hears_its_own_thng),   T(test_a_role_leaves_out_families),
        T(test_other_accounts_are_not_heard),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
