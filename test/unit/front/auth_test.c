/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that a loop keeps: looked up, looked up again, given up, bounded. */
#include "auth_fixture.h"

static void test_a_key_is_looked_up_once(void **state)
{
    struct world *world = *state;
    look_up(world, SLICE("a"));
    assert_int_equal(world->actors_told, 1);
    assert_int_equal(world->told.code, ERR_OK);
    assert_int_equal(resolve(world, SLICE("a")), AUTH_KNOWN);
    assert_int_equal(world->reads, 1);
    assert_int_equal(resolve(world, SLICE("b")), AUTH_LATER); /* another one is another */
    run_message(world);
}

static void test_that_a_key_does_not_exist_is_kept_until_it_does(void **state)
{
    struct world *world = *state;
    world->key_is_there = false;
    look_up(world, SLICE("a"));
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    assert_int_equal(resolve(world, SLICE("a")), AUTH_REFUSED);
    assert_false(auth_attach(&world->front, &world->conns[0], SLICE("a")));
    world->key_is_there = true;
    take_key_event(world, SLICE("a"), OPERATION_CREATED);
    look_up(world, SLICE("a"));
    assert_int_equal(world->told.code, ERR_OK);
}

static void test_full_readers_are_busy(void **state)
{
    struct world *world = *state;
    world->readers_are_full = true;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_BUSY);
    world->readers_are_full = false;
    look_up(world, SLICE("a"));
}

/* The reader saw the key still; when its answer comes, the loop has passed its end. */
static void test_revoked_while_it_is_looked_up(void **state)
{
    struct world *world = *state;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_LATER);
    world->key_is_there = false;
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    run_message(world);
    assert_int_equal(world->actors_told, 0); /* looked up again */
    assert_int_equal(world->reads, 2);
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
}

static void test_a_revoked_key_ends_its_connections_alone(void **state)
{
    struct world *world = *state;
    look_up(world, SLICE("a"));
    look_up(world, SLICE("b"));
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("a")));
    assert_true(auth_attach(&world->front, &world->conns[1], SLICE("b")));
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    assert_int_equal(world->revocations, 1);
    assert_ptr_equal(world->revoked, &world->conns[0]);
    assert_null(world->conns[0].key);
    assert_non_null(world->conns[1].key);
    assert_false(auth_attach(&world->front, &world->conns[2], SLICE("a")));
}

/* Its own document, and the roles of its account; nothing of others. */
static void test_a_change_of_rights_is_looked_up_with_the_next_request(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    assert_true(auth_attach(&world->front, &world->conns[0], SLICE("u")));
    take_document(world, RESOURCE_USER, &ROLE, 1);
    take_document(world, RESOURCE_ROLE, &ROLE, 2);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
    take_document(world, RESOURCE_USER, &USER, 1);
    look_up(world, SLICE("u"));
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
    take_document(world, RESOURCE_ROLE, &ROLE, 1);
    look_up(world, SLICE("u"));
    assert_int_equal(world->revocations, 0);
    assert_non_null(world->conns[0].key); /* it goes on, and still ends with its key */
    take_key_event(world, SLICE("u"), OPERATION_DELETED);
    assert_int_equal(world->revocations, 1);
}

/* While it was looked up the role was changed, and others are changed on and on: one more look is
 * enough. */
static void test_a_look_up_ends_however_much_is_changed_elsewhere(void **state)
{
    struct world *world = *state;
    world->actor = (struct actor){.account = 1, .kind = ACTOR_USER, .id = USER};
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_document(world, RESOURCE_USER, &ROLE, 1);
    run_message(world);
    assert_int_equal(world->actors_told, 0);
    take_document(world, RESOURCE_USER, &ROLE, 1);
    run_message(world);
    assert_int_equal(world->actors_told, 1);
    assert_int_equal(world->reads, 2);
}

/* The second look may have been before that: whose key it is was known from the first. */
static void test_what_is_changed_during_the_second_look_is_not_missed(void **state)
{
    struct world *world = *state;
    world->actor = (struct actor){.account = 1, .kind = ACTOR_USER, .id = USER};
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_document(world, RESOURCE_USER, &ROLE, 1);
    run_message(world);
    assert_int_equal(world->reads, 2);
    take_document(world, RESOURCE_USER, &USER, 1);
    run_message(world);
    assert_int_equal(world->actors_told, 0);
    assert_int_equal(world->reads, 3);
    run_message(world);
    assert_int_equal(world->told.code, ERR_OK);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_KNOWN);
}

/* The first look saw the key still; it has gone, and the second has not come back. */
static void test_a_key_that_is_looked_up_again_is_not_known(void **state)
{
    struct world *world = *state;
    assert_int_equal(resolve(world, SLICE("a")), AUTH_LATER);
    take_key_event(world, SLICE("a"), OPERATION_DELETED);
    world->key_is_there = false;
    run_message(world);
    assert_false(auth_attach(&world->front, &world->conns[0], SLICE("a")));
    assert_false(auth_holds(&world->front, SLICE("a"), &world->actor));
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
}

/* Whoever changes what a key may on and on keeps no reader busy for ever. */
static void test_a_look_up_is_given_up_in_the_end(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    take_document(world, RESOURCE_USER, &USER, 1);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    unsigned before = world->reads;
    while (world->message_count > 0 && world->reads < before + 1000) {
        take_document(world, RESOURCE_USER, &USER, 1);
        run_message(world);
    }
    assert_int_equal(world->message_count, 0);
    assert_int_equal(world->told.code, ERR_BUSY);
    look_up(world, SLICE("u"));
    assert_int_equal(world->told.code, ERR_OK);
}

/* ---- looks that overtake each other ---- */

/* The earlier one saw the key still, the later one did not; that comes first. */
static void test_an_earlier_look_does_not_undo_a_later_one(void **state)
{
    struct world *world = *state;
    look_up_user(world, SLICE("u"), &APPLICATION);
    take_document(world, RESOURCE_ROLE, &ROLE, 1);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    take_key_event(world, SLICE("u"), OPERATION_DELETED);
    world->key_is_there = false;
    assert_int_equal(resolve(world, SLICE("u")), AUTH_LATER);
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    run_message(world); /* the earlier one: looks again */
    run_message(world);
    assert_int_equal(world->told.code, ERR_CREDENTIAL_UNKNOWN);
    assert_int_equal(resolve(world, SLICE("u")), AUTH_REFUSED);
}

/* The oldest are in use: they stay, and do not keep the others from being forgotten. */
static void test_keys_are_kept_within_bounds(void **state)
{
    struct world *world = *state;
    struct numbered memory;
    for (unsigned i = 0; i < KEPT_MAX + MORE; i++) {
        struct slice key = key_number(&memory, i);
        look_up(world, key);
        if (i < CONNS) {
            assert_true(auth_attach(&world->front, &world->conns[i], key));
        }
    }
    world->readers_are_full = true; /* what is not kept cannot be had */
    unsigned kept = 0;
    for (unsigned i = 0; i < KEPT_MAX + MORE; i++) {
        enum auth_answer answer = resolve(world, key_number(&memory, i));
        kept += answer == AUTH_KNOWN;
        bool must_be_there = i < CONNS || i >= KEPT_MAX;
        assert_true(!must_be_there || answer == AUTH_KNOWN);
    }
    assert_int_equal(kept, KEPT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_a_key_is_looked_up_once),
        T(test_that_a_key_does_not_exist_is_kept_until_it_does),
        T(test_full_readers_are_busy),
        T(test_revoked_while_it_is_looked_up),
        T(test_a_revoked_key_ends_its_connections_alone),
        T(test_a_change_of_rights_is_looked_up_with_the_next_request),
        T(test_a_look_up_ends_however_much_is_changed_elsewhere),
        T(test_what_is_changed_during_the_second_look_is_not_missed),
        T(test_a_key_that_is_looked_up_again_is_not_known),
        T(test_a_look_up_is_given_up_in_the_end),
        T(test_an_earlier_look_does_not_undo_a_later_one),
        T(test_keys_are_kept_within_bounds),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
