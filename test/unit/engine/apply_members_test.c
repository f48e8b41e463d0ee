/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in a collection. That events tell of true changes only is asserted whenever the mirror
 * takes them up. */
#include "members_fixture.h"
#include "rights_fixture.h"

#include "engine/apply.h"

/* ---- putting in ---- */

static void test_thngs_are_put_in(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id ids[3];
    new_thngs(mirror, ids, 3);
    assert_int_equal(add(mirror, &collection, ids, 2), ERR_OK);
    assert_int_equal(mirror->world.answers[0].event, mirror->last_sequence);
    assert_int_equal(tell(mirror), 1);
    assert_told(0, MEMBERS_ADDED, &collection, 2);
    assert_int_equal(told[0].member_kind, RESOURCE_THNG);
    assert_true(id_equal(&told[0].members[0], &ids[0]));
    assert_true(id_equal(&told[0].members[1], &ids[1]));
}

static void test_only_those_really_added_are_told(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id ids[3];
    new_thngs(mirror, ids, 3);
    assert_int_equal(add(mirror, &collection, ids, 1), ERR_OK);
    const struct id again[] = {ids[0], ids[1], ids[1], ids[0]};
    assert_int_equal(add(mirror, &collection, again, 4), ERR_OK);
    assert_int_equal(tell(mirror), 2);
    assert_told(1, MEMBERS_ADDED, &collection, 1);
    assert_true(id_equal(&told[1].members[0], &ids[1]));
    assert_int_equal(add(mirror, &collection, ids, 2), ERR_OK);
    assert_int_equal(mirror->world.answers[0].event, 0);
    assert_int_equal(add(mirror, &collection, ids, 0), ERR_OK);
    assert_int_equal(tell(mirror), 2);
}

static void test_an_unknown_one_keeps_all_out(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id other = new_collection(mirror);
    struct id ids[2];
    new_thngs(mirror, ids, 1);
    ids[1] = id_generate(&mirror->world.rand, 1);
    assert_int_equal(add(mirror, &collection, ids, 2), ERR_REFERENCE_UNKNOWN);
    ids[1] = other; /* no thng */
    assert_int_equal(add(mirror, &collection, ids, 2), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(tell(mirror), 0);
    assert_int_equal(add(mirror, &ids[0], ids, 1), ERR_NOT_FOUND); /* no collection */
}

static void test_a_thng_of_another_project_is_unknown(void **state)
{
    struct mirror *mirror = *state;
    struct id project = create(&mirror->world, RESOURCE_PROJECT);
    struct id application = id_generate(&mirror->world.rand, 1);
    struct command_batch *batch = batch_of(4096);
    creation_in(batch, RESOURCE_COLLECTION, 1)->project = project;
    assert_int_equal(mirror_outcome(mirror, batch), ERR_OK);
    struct id collection = mirror->world.answers[0].created;
    struct id thng = create_thng(&mirror->world);
    batch = batch_of(4096);
    members_in(batch, MEMBERS_ADDED, RESOURCE_THNG, &collection, &thng, 1)->actor =
        trusted_of(&project, &application);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_REFERENCE_UNKNOWN);
    /* Nor may it take out what it does not see. */
    assert_int_equal(add(mirror, &collection, &thng, 1), ERR_OK);
    batch = batch_of(4096);
    members_in(batch, MEMBERS_REMOVED, RESOURCE_THNG, &collection, &thng, 1)->actor =
        trusted_of(&project, &application);
    assert_int_equal(mirror_outcome(mirror, batch), ERR_NOT_FOUND);
}

/* Nobody puts in, or takes out, what it does not see, though it is in its project: by what readers
 * find, and by what the engine knows. */
static void test_only_what_is_shown_is_put_in(void **state)
{
    struct mirror *mirror = *state;
    struct world *world = &mirror->world;
    struct people people = people_in(world);
    struct id other = create(world, RESOURCE_PROJECT);
    struct actor ann = base_user(world, &people, &people.ann);
    struct actor limited = limited_operator(world, &other, &people.project);
    char scopes[3][120];
    scopes_of_project(scopes[0], &people.project);
    scopes_of_user(scopes[1], &people.ann, &people.project);
    scopes_of_user(scopes[2], &people.bob, &people.project);
    struct id collection = create_shown(mirror, RESOURCE_COLLECTION, scopes[0]);
    struct id of_ann = create_shown(mirror, RESOURCE_THNG, scopes[1]);
    struct id of_bob = create_shown(mirror, RESOURCE_THNG, scopes[2]);
    struct id nowhere = create_thng(world);
    const struct {
        struct actor actor;
        const struct id *thng;
        bool is_seen;
    } cases[] = {
        {ann, &of_ann, true},     {ann, &of_bob, false},      {ann, &nowhere, false},
        {limited, &of_bob, true}, {limited, &nowhere, false},
    };
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            enum err_code code =
                change_as(mirror, cases[i].actor, MEMBERS_ADDED, &collection, cases[i].thng);
            assert_int_equal(code, cases[i].is_seen ? ERR_OK : ERR_REFERENCE_UNKNOWN);
            assert_int_equal(add(mirror, &collection, cases[i].thng, 1), ERR_OK);
            code = change_as(mirror, cases[i].actor, MEMBERS_REMOVED, &collection, cases[i].thng);
            assert_int_equal(code, cases[i].is_seen ? ERR_OK : ERR_NOT_FOUND);
        }
        mirror_crash(mirror); /* heads that say who sees what are gone */
    }
}

/* What readers have found may be out of sight by now. */
static void test_what_is_hidden_meanwhile_is_not_put_in(void **state)
{
    struct mirror *mirror = *state;
    struct world *world = &mirror->world;
    struct people people = people_in(world);
    char scopes[3][120];
    scopes_of_project(scopes[0], &people.project);
    scopes_of_user(scopes[1], &people.ann, &people.project);
    scopes_of_user(scopes[2], &people.bob, &people.project);
    struct id collection = create_shown(mirror, RESOURCE_COLLECTION, scopes[0]);
    struct id thng = create_shown(mirror, RESOURCE_THNG, scopes[1]);
    struct command_batch *batch = members(MEMBERS_ADDED, RESOURCE_THNG, &collection, &thng, 1);
    batch->first->actor = base_user(world, &people, &people.ann);
    run(world, batch);
    assert_int_equal(world->load_count, 1);
    mirror_read_load(mirror, 0);
    batch = batch_of(4096);
    update_in(batch, RESOURCE_THNG, &thng, 2)->as.update.scopes = slice_of_text(scopes[2]);
    run(world, batch);
    assert_int_equal(world->answer_count, 1);
    mirror_bring(mirror);
    assert_int_equal(world->answer_count, 2);
    assert_int_equal(world->answers[1].err.code, ERR_REFERENCE_UNKNOWN);
}

static void test_many_are_told_in_several_events(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    static struct id ids[1200];
    new_thngs(mirror, ids, 1200);
    assert_int_equal(add(mirror, &collection, ids, 1200), ERR_OK);
    assert_int_equal(tell(mirror), 3);
    assert_told(0, MEMBERS_ADDED, &collection, 500);
    assert_told(1, MEMBERS_ADDED, &collection, 500);
    assert_told(2, MEMBERS_ADDED, &collection, 200);
    assert_int_equal(mirror->world.answers[0].event, told[0].sequence);
    assert_int_equal(mirror->world.answers[0].after, told[2].sequence);
    assert_true(id_equal(&told[2].members[0], &ids[1000]));
}

/* Documents that are behind are waited for. */
static void test_what_was_made_a_moment_ago_is_put_in(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    mirror->is_held = true;
    struct id ids[2];
    new_thngs(mirror, ids, 2);
    assert_int_equal(add(mirror, &collection, ids, 1), ERR_OK);
    assert_int_equal(add(mirror, &collection, ids, 2), ERR_OK);
    assert_int_equal(tell(mirror), 2);
    assert_told(1, MEMBERS_ADDED, &collection, 1);
}

/* ---- taking out ---- */

static void test_a_member_is_taken_out_once(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id ids[2];
    new_thngs(mirror, ids, 2);
    assert_int_equal(add(mirror, &collection, ids, 2), ERR_OK);
    assert_int_equal(remove_one(mirror, &collection, &ids[0]), ERR_OK);
    assert_int_equal(remove_one(mirror, &collection, &ids[0]), ERR_NOT_FOUND);
    assert_int_equal(tell(mirror), 2);
    assert_told(1, MEMBERS_REMOVED, &collection, 1);
    struct id nobody = id_generate(&mirror->world.rand, 1);
    assert_int_equal(remove_one(mirror, &collection, &nobody), ERR_NOT_FOUND);
}

static void test_emptying_lists_all(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id ids[3];
    new_thngs(mirror, ids, 3);
    assert_int_equal(clear(mirror, &collection), ERR_OK);
    assert_int_equal(mirror->world.answers[0].event, 0);
    assert_int_equal(add(mirror, &collection, ids, 3), ERR_OK);
    assert_int_equal(clear(mirror, &collection), ERR_OK);
    assert_int_equal(tell(mirror), 2);
    assert_told(1, MEMBERS_CLEARED, &collection, 3);
    assert_int_equal(told[1].flags, MEMBERS_ALL);
    assert_int_equal(add(mirror, &collection, ids, 1), ERR_OK);
    assert_int_equal(tell(mirror), 3);
}

static void test_emptying_a_big_one_tells_the_rest_by_and_by(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    static struct id ids[1300];
    new_thngs(mirror, ids, 1300);
    mirror->is_held = true;
    assert_int_equal(add(mirror, &collection, ids, 1300), ERR_OK);
    assert_int_equal(clear(mirror, &collection), ERR_OK);
    assert_int_equal(mirror->world.answers[0].event, mirror->world.answers[0].after);
    assert_int_equal(tell(mirror), 6);
    assert_told(3, MEMBERS_CLEARED, &collection, 500);
    assert_told(4, MEMBERS_CLEARED, &collection, 500);
    assert_told(5, MEMBERS_CLEARED, &collection, 300);
    assert_int_equal(told[3].flags, MEMBERS_ALL);
    assert_int_equal(told[4].flags, 0);
    assert_int_equal(told[5].flags, 0);
    assert_false(engine_has_work(mirror->world.engine));
}

/* Between the emptying and its last notice the engine may die, or a thng may be put in again before
 * it is told of: then it is a member. */
static void test_notices_survive_and_spare_new_members(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    static struct id ids[1300];
    new_thngs(mirror, ids, 1300);
    assert_int_equal(add(mirror, &collection, ids, 1300), ERR_OK);
    run(&mirror->world, members(MEMBERS_CLEARED, RESOURCE_THNG, &collection, NULL, 0));
    mirror_answer_load(mirror);
    mirror_crash(mirror);
    assert_int_equal(tell(mirror), 4);
    mirror->is_held = true;
    assert_int_equal(add(mirror, &collection, ids, 1300), ERR_OK);
    mirror_resume(mirror);
    mirror_settle(mirror);
    assert_int_equal(tell(mirror), 7);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_true(mirror_has_member(mirror, &collection, &ids[i]));
    }
    assert_false(engine_has_work(mirror->world.engine));
}

static void test_notices_end_after_a_crash(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    static struct id ids[1300];
    new_thngs(mirror, ids, 1300);
    assert_int_equal(add(mirror, &collection, ids, 1300), ERR_OK);
    run(&mirror->world, deletion(RESOURCE_COLLECTION, &collection));
    mirror_answer_load(mirror);
    mirror_crash(mirror);
    mirror_resume(mirror);
    mirror_settle(mirror);
    assert_int_equal(tell(mirror), 6);
    assert_told(4, MEMBERS_CLEARED, &collection, 500);
    assert_told(5, MEMBERS_CLEARED, &collection, 300);
}

/* ---- collections in collections ---- */

static void test_no_collection_comes_below_itself(void **state)
{
    struct mirror *mirror = *state;
    mirror->is_held = true;
    struct id a = new_collection(mirror);
    struct id b = new_collection(mirror);
    struct id c = new_collection(mirror);
    assert_int_equal(nest(mirror, &a, &a), ERR_MEMBERS_CYCLE);
    assert_int_equal(nest(mirror, &a, &b), ERR_OK);
    assert_int_equal(nest(mirror, &b, &c), ERR_OK);
    assert_int_equal(nest(mirror, &c, &a), ERR_MEMBERS_CYCLE);
    assert_int_equal(nest(mirror, &a, &c), ERR_OK); /* below it twice is no cycle */
}

/* Two that close a cycle together are not seen by the documents that both were read from. */
static void test_a_cycle_is_not_closed_by_two_at_once(void **state)
{
    struct mirror *mirror = *state;
    struct id a = new_collection(mirror);
    struct id b = new_collection(mirror);
    struct command_batch *batch = batch_of(4096);
    members_in(batch, MEMBERS_ADDED, RESOURCE_COLLECTION, &a, &b, 1);
    members_in(batch, MEMBERS_ADDED, RESOURCE_COLLECTION, &b, &a, 1);
    run(&mirror->world, batch);
    assert_int_equal(mirror->world.load_count, 2);
    mirror_read_load(mirror, 0);
    mirror_read_load(mirror, 1);
    mirror_bring(mirror);
    mirror_bring(mirror);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answer_count, 2);
    assert_int_equal(mirror->world.answers[0].err.code, ERR_OK);
    assert_int_equal(mirror->world.answers[1].err.code, ERR_MEMBERS_CYCLE);
}

/* The same, of three: neither of the two collections that are changed is named by the other's
 * change. */
static void test_a_long_cycle_is_not_closed_by_two_at_once(void **state)
{
    struct mirror *mirror = *state;
    struct id a = new_collection(mirror);
    struct id b = new_collection(mirror);
    struct id c = new_collection(mirror);
    struct id d = new_collection(mirror);
    assert_int_equal(nest(mirror, &b, &c), ERR_OK);
    assert_int_equal(nest(mirror, &d, &a), ERR_OK);
    struct command_batch *batch = batch_of(4096);
    members_in(batch, MEMBERS_ADDED, RESOURCE_COLLECTION, &a, &b, 1);
    members_in(batch, MEMBERS_ADDED, RESOURCE_COLLECTION, &c, &d, 1);
    run(&mirror->world, batch);
    mirror_read_load(mirror, 0);
    mirror_read_load(mirror, 1);
    mirror_bring(mirror);
    mirror_bring(mirror);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answers[0].err.code, ERR_OK);
    assert_int_equal(mirror->world.answers[1].err.code, ERR_MEMBERS_CYCLE);
}

/* ---- when a thng or a collection goes ---- */

static void test_a_deleted_thng_leaves_its_collections(void **state)
{
    struct mirror *mirror = *state;
    struct id a = new_collection(mirror);
    struct id b = new_collection(mirror);
    struct id thng = create_thng(&mirror->world);
    assert_int_equal(add(mirror, &a, &thng, 1), ERR_OK);
    mirror->is_held = true;
    assert_int_equal(add(mirror, &b, &thng, 1), ERR_OK);
    assert_int_equal(mirror_outcome(mirror, deletion(RESOURCE_THNG, &thng)), ERR_OK);
    assert_int_equal(tell(mirror), 4);
    assert_told(2, MEMBERS_REMOVED, &a, 1);
    assert_told(3, MEMBERS_REMOVED, &b, 1);
    assert_int_equal(add(mirror, &b, &thng, 1), ERR_REFERENCE_UNKNOWN);
    assert_int_equal(remove_one(mirror, &b, &thng), ERR_NOT_FOUND);
}

/* While the thng's deletion waits for its collections, it joins one more. */
static void test_a_thng_that_is_being_deleted_joins_nothing_for_good(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id thng = create_thng(&mirror->world);
    struct command_batch *batch = members(MEMBERS_ADDED, RESOURCE_THNG, &collection, &thng, 1);
    run(&mirror->world, deletion(RESOURCE_THNG, &thng));
    mirror_read_load(mirror, 0);
    struct head_load *deleting = take_load(&mirror->world);
    engine_accept(mirror->world.engine, batch);
    mirror_settle(mirror);
    assert_true(mirror_has_member(mirror, &collection, &thng));
    engine_accept(mirror->world.engine, deleting->batch);
    engine_turn(mirror->world.engine);
    mirror_settle(mirror);
    assert_int_equal(tell(mirror), 2);
    assert_told(1, MEMBERS_REMOVED, &collection, 1);
}

/* Nor when it is shown that it has joined, and somebody else joins before the load is here. */
static void test_a_load_from_before_a_change_that_is_shown_is_not_believed(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id ids[2];
    new_thngs(mirror, ids, ARRAY_LEN(ids));
    run(&mirror->world, deletion(RESOURCE_THNG, &ids[0]));
    mirror_read_load(mirror, 0);
    struct head_load *deleting = take_load(&mirror->world);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        engine_accept(mirror->world.engine,
                      members(MEMBERS_ADDED, RESOURCE_THNG, &collection, &ids[i], 1));
        mirror_settle(mirror);
    }
    engine_accept(mirror->world.engine, deleting->batch);
    engine_turn(mirror->world.engine);
    mirror_settle(mirror);
    assert_int_equal(tell(mirror), 3);
    assert_told(2, MEMBERS_REMOVED, &collection, 1);
}

/* The other way round: it is deleted while it is being put in. */
static void test_a_thng_deleted_meanwhile_is_not_put_in(void **state)
{
    struct mirror *mirror = *state;
    struct id collection = new_collection(mirror);
    struct id thng = create_thng(&mirror->world);
    run(&mirror->world, members(MEMBERS_ADDED, RESOURCE_THNG, &collection, &thng, 1));
    mirror_read_load(mirror, 0);
    struct head_load *adding = take_load(&mirror->world);
    engine_accept(mirror->world.engine, deletion(RESOURCE_THNG, &thng));
    mirror_settle(mirror);
    mirror->world.answer_count = 0;
    engine_accept(mirror->world.engine, adding->batch);
    engine_turn(mirror->world.engine);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answers[0].err.code, ERR_REFERENCE_UNKNOWN);
    assert_int_equal(tell(mirror), 0);
}

/* The same, and its head is forgotten before the load is here. */
static void test_a_thng_deleted_and_forgotten_is_not_put_in(void **state)
{
    struct mirror *mirror = *state;
    mirror->heads_max = 2;
    mirror_crash(mirror);
    struct id collection = new_collection(mirror);
    struct id thng = create_thng(&mirror->world);
    run(&mirror->world, members(MEMBERS_ADDED, RESOURCE_THNG, &collection, &thng, 1));
    mirror_read_load(mirror, 0);
    struct head_load *adding = take_load(&mirror->world);
    engine_accept(mirror->world.engine, deletion(RESOURCE_THNG, &thng));
    mirror_settle(mirror);
    while (heads_find(&mirror->world.engine->heads, &thng) != NULL) {
        for (unsigned i = 0; i < 8; i++) { /* so that looking for it does not keep it */
            create_thng(&mirror->world);
        }
    }
    mirror->world.answer_count = 0;
    engine_accept(mirror->world.engine, adding->batch);
    engine_turn(mirror->world.engine);
    mirror_settle(mirror);
    assert_int_equal(mirror->world.answers[0].err.code, ERR_REFERENCE_UNKNOWN);
}

static void test_a_deleted_collection_is_emptied_and_leaves(void **state)
{
    struct mirror *mirror = *state;
    struct id outer = new_collection(mirror);
    struct id middle = new_collection(mirror);
    struct id inner = new_collection(mirror);
    static struct id ids[700];
    new_thngs(mirror, ids, 700);
    assert_int_equal(nest(mirror, &outer, &middle), ERR_OK);
    assert_int_equal(nest(mirror, &middle, &inner), ERR_OK);
    assert_int_equal(add(mirror, &middle, ids, 500), ERR_OK);
    assert_int_equal(add(mirror, &middle, ids + 500, 200), ERR_OK);
    assert_int_equal(mirror_outcome(mirror, deletion(RESOURCE_COLLECTION, &middle)), ERR_OK);
    assert_int_equal(tell(mirror), 8);
    assert_told(4, MEMBERS_CLEARED, &middle, 500);
    assert_told(5, MEMBERS_CLEARED, &middle, 1);
    assert_int_equal(told[5].member_kind, RESOURCE_COLLECTION);
    assert_told(6, MEMBERS_REMOVED, &outer, 1);
    assert_told(7, MEMBERS_CLEARED, &middle, 200);
    assert_int_equal(told[7].flags, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_thngs_are_put_in),
        WITH_MIRROR(test_only_those_really_added_are_told),
        WITH_MIRROR(test_an_unknown_one_keeps_all_out),
        WITH_MIRROR(test_a_thng_of_another_project_is_unknown),
        WITH_MIRROR(test_only_what_is_shown_is_put_in),
        WITH_MIRROR(test_what_is_hidden_meanwhile_is_not_put_in),
        WITH_MIRROR(test_many_are_told_in_several_events),
        WITH_MIRROR(test_what_was_made_a_moment_ago_is_put_in),
        WITH_MIRROR(test_a_member_is_taken_out_once),
        WITH_MIRROR(test_emptying_lists_all),
        WITH_MIRROR(test_emptying_a_big_one_tells_the_rest_by_and_by),
        WITH_MIRROR(test_notices_survive_and_spare_new_members),
        WITH_MIRROR(test_notices_end_after_a_crash),
        WITH_MIRROR(test_no_collection_comes_below_itself),
        WITH_MIRROR(test_a_cycle_is_not_closed_by_two_at_once),
        WITH_MIRROR(test_a_long_cycle_is_not_closed_by_two_at_once),
        WITH_MIRROR(test_a_deleted_thng_leaves_its_collections),
        WITH_MIRROR(test_a_thng_that_is_being_deleted_joins_nothing_for_good),
        WITH_MIRROR(test_a_load_from_before_a_change_that_is_shown_is_not_believed),
        WITH_MIRROR(test_a_thng_deleted_meanwhile_is_not_put_in),
        WITH_MIRROR(test_a_thng_deleted_and_forgotten_is_not_put_in),
        WITH_MIRROR(test_a_deleted_collection_is_emptied_and_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
