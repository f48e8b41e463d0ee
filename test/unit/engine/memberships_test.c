/* SPDX-License-Identifier: Apache-2.0
 *
 * Which collections a resource is in, told when it is updated; and all changes of members in any
 * order, with readers who come late. The mirror compares what is told with what is true. */
#include "members_fixture.h"

/* ---- what a resource is in is told when it is updated (the mirror compares) ---- */

static struct event updated; /* the last one */

static void note_update(struct mirror *mirror, const struct event *event)
{
    (void)mirror;
    if (event->type == EVENT_DOCUMENT && event->operation == OPERATION_UPDATED) {
        updated = *event;
    }
}

static void assert_tells_collections(struct mirror *mirror, enum resource_kind kind,
                                     const struct id *id, uint32_t count)
{
    assert_int_equal(mirror_outcome(mirror, update(kind, id)), ERR_OK);
    mirror_each(mirror, note_update);
    assert_true(id_equal(updated.resource, id));
    assert_int_equal(updated.count, count);
}

static void test_an_update_tells_the_collections(void **state)
{
    struct mirror *mirror = *state;
    struct id first = new_collection(mirror);
    struct id second = new_collection(mirror);
    struct id thng = create_thng(&mirror->world);
    assert_tells_collections(mirror, RESOURCE_THNG, &thng, 0);
    assert_int_equal(add(mirror, &first, &thng, 1), ERR_OK);
    assert_tells_collections(mirror, RESOURCE_THNG, &thng, 1);
    assert_int_equal(add(mirror, &second, &thng, 1), ERR_OK);
    assert_int_equal(nest(mirror, &first, &second), ERR_OK);
    assert_tells_collections(mirror, RESOURCE_THNG, &thng, 2);
    assert_tells_collections(mirror, RESOURCE_COLLECTION, &second, 1);
    assert_int_equal(mirror_outcome(mirror, deletion(RESOURCE_COLLECTION, &first)), ERR_OK);
    assert_tells_collections(mirror, RESOURCE_THNG, &thng, 1);
    assert_tells_collections(mirror, RESOURCE_COLLECTION, &second, 0);
    mirror_crash(mirror);
    assert_tells_collections(mirror, RESOURCE_THNG, &thng, 1);
    assert_int_equal(remove_one(mirror, &second, &thng), ERR_OK);
    assert_tells_collections(mirror, RESOURCE_THNG, &thng, 0);
}

/* Those that the event of emptying does not list are out all the same. */
static void test_an_update_after_emptying_tells_none(void **state)
{
    struct mirror *mirror = *state;
    static struct id ids[700];
    struct id collection = new_collection(mirror);
    new_thngs(mirror, ids, ARRAY_LEN(ids));
    assert_int_equal(add(mirror, &collection, ids, 500), ERR_OK);
    assert_int_equal(add(mirror, &collection, ids + 500, 200), ERR_OK);
    assert_tells_collections(mirror, RESOURCE_THNG, &ids[699], 1);
    assert_int_equal(clear(mirror, &collection), ERR_OK);
    assert_tells_collections(mirror, RESOURCE_THNG, &ids[699], 0);
}

/* ---- all at once ---- */

#define COLLECTIONS 4
#define THNGS 12

static struct command_batch *any_command(struct mirror *mirror, const struct id *collections,
                                         struct id *thngs)
{
    struct rand *rand = &mirror->world.rand;
    const struct id *collection = &collections[rand_below(rand, COLLECTIONS)];
    struct id ids[4];
    uint32_t count = 1 + (uint32_t)rand_below(rand, ARRAY_LEN(ids));
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = thngs[rand_below(rand, THNGS)];
    }
    switch (rand_below(rand, 14)) {
    case 10:
        return update(RESOURCE_COLLECTION, collection);
    case 11:
    case 12:
    case 13:
        return update(RESOURCE_THNG, &ids[0]);
    case 0:
        return members(MEMBERS_CLEARED, RESOURCE_THNG, collection, NULL, 0);
    case 1:
    case 2:
        return members(MEMBERS_REMOVED, RESOURCE_THNG, collection, ids, 1);
    case 3:
        return deletion(RESOURCE_THNG, &ids[0]);
    case 4:
        return members(MEMBERS_ADDED, RESOURCE_COLLECTION, collection,
                       &collections[rand_below(rand, COLLECTIONS)], 1);
    default:
        return members(MEMBERS_ADDED, RESOURCE_THNG, collection, ids, count);
    }
}

/* One step of readers who read when they like and bring it later. */
static void any_load(struct mirror *mirror)
{
    struct rand *rand = &mirror->world.rand;
    struct world *world = &mirror->world;
    if (world->load_count == 0) {
        return;
    }
    size_t index = (size_t)rand_below(rand, world->load_count);
    struct head_load *load = world->loads[index];
    if (load->read == 0) {
        mirror_read_load(mirror, index);
        return;
    }
    memmove(&world->loads[index], &world->loads[index + 1],
            (world->load_count - index - 1) * sizeof(world->loads[0]));
    world->load_count--;
    engine_accept(world->engine, load->batch);
    engine_turn(world->engine);
}

/* Reads what nobody has read yet, brings all. */
static void all_loads(struct mirror *mirror)
{
    for (unsigned steps = 0; mirror->world.load_count > 0; steps++) {
        assert_true(steps < RUN_STEPS_MAX);
        any_load(mirror);
    }
}

static void run_any_order(struct mirror *mirror)
{
    struct world *world = &mirror->world;
    mirror->is_held = true;
    struct id collections[COLLECTIONS];
    struct id thngs[THNGS];
    for (size_t i = 0; i < COLLECTIONS; i++) {
        collections[i] = new_collection(mirror);
    }
    new_thngs(mirror, thngs, THNGS);
    for (unsigned step = 0; step < 6000; step++) {
        if (rand_below(&world->rand, 3) == 0 && world->load_count < LOADS_MAX - 6) {
            run(world, any_command(mirror, collections, thngs));
        } else {
            any_load(mirror);
        }
        if (rand_below(&world->rand, 8) == 0) {
            mirror_show(mirror);
        }
        world->answer_count = 0;
        if (step % 500 == 499) {
            all_loads(mirror);
            world->answer_count = 0;
            new_thngs(mirror, thngs, THNGS / 2);
        }
    }
    all_loads(mirror);
    mirror_show(mirror);
    for (size_t i = 0; i < COLLECTIONS; i++) {
        for (size_t j = 0; j < COLLECTIONS; j++) {
            assert_false(mirror_has_member(mirror, &collections[i], &collections[j]) &&
                         mirror_reaches(mirror, &collections[j], &collections[i]));
        }
    }
}

static void test_any_order_tells_the_truth(void **state)
{
    run_any_order(*state);
}

/* So few heads that it is often forgotten who has been deleted. */
static void test_any_order_with_few_heads(void **state)
{
    struct mirror *mirror = *state;
    mirror->heads_max = 3;
    mirror_crash(mirror);
    run_any_order(mirror);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MIRROR(test_an_update_tells_the_collections),
        WITH_MIRROR(test_an_update_after_emptying_tells_none),
        WITH_MIRROR(test_any_order_tells_the_truth),
        WITH_MIRROR(test_any_order_with_few_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
