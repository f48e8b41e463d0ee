/* SPDX-License-Identifier: Apache-2.0 */
#include "front/context.h"

#include "deliver_fixture.h"

static struct slice context_with(struct world *world, enum topic_family family,
                                 struct slice user_agent)
{
    return context_of(&world->clients[0].conn, family, user_agent);
}

static void assert_context(struct slice found, const char *wanted)
{
    if (!slice_equal(found, slice_of_text(wanted))) {
        fail_msg("%.*s instead of %s", SLICE_ARGS(found), wanted);
    }
}

static void test_address_and_agent(void **state)
{
    struct world *world = *state;
    assert_context(context_with(world, TOPIC_ACTIONS, (struct slice){0}), "{}");
    MUST(address_parse(SLICE("192.0.2.7"), 1234, &world->clients[0].conn.peer));
    assert_context(context_with(world, TOPIC_ACTIONS, (struct slice){0}),
                   "{\"ipAddress\":\"192.0.2.7\"}");
    MUST(address_parse(SLICE("2001:db8::1"), 1234, &world->clients[0].conn.peer));
    assert_context(context_with(world, TOPIC_THNG_ACTIONS_ALL, SLICE("curl/8 \"x\"")),
                   "{\"ipAddress\":\"2001:db8::1\",\"userAgent\":\"curl/8 \\\"x\\\"\"}");
}

static void test_only_of_actions(void **state)
{
    struct world *world = *state;
    unsigned with = 0;
    for (enum topic_family family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        with += context_with(world, family, SLICE("x")).bytes > 0;
    }
    assert_int_equal(with, 8);
    assert_int_equal(context_with(world, TOPIC_ACTION_TYPES, SLICE("x")).bytes, 0);
    assert_int_equal(context_with(world, TOPIC_THNG_PROPERTY, SLICE("x")).bytes, 0);
}

/* Cut at the bound, between characters, and where it is no UTF-8. */
static void test_agents_are_cut(void **state)
{
    struct world *world = *state;
    uint8_t agent[CONTEXT_USER_AGENT_BYTES_MAX + 8];
    const size_t around = strlen("{\"userAgent\":\"\"}");
    memset(agent, 'a', sizeof(agent));
    struct slice found = context_with(world, TOPIC_ACTIONS, slice_of(agent, sizeof(agent)));
    assert_int_equal(found.bytes, around + CONTEXT_USER_AGENT_BYTES_MAX);
    memcpy(agent + CONTEXT_USER_AGENT_BYTES_MAX - 1, "\xc3\xa9", 2);
    found = context_with(world, TOPIC_ACTIONS, slice_of(agent, sizeof(agent)));
    assert_int_equal(found.bytes, around + CONTEXT_USER_AGENT_BYTES_MAX - 1);
    assert_context(context_with(world, TOPIC_ACTIONS,
                                SLICE("a\xff"
                                      "b")),
                   "{\"userAgent\":\"a\"}");
    assert_context(context_with(world, TOPIC_ACTIONS, SLICE("\xff")), "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_address_and_agent),
        TEST(test_only_of_actions),
        TEST(test_agents_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
