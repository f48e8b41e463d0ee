/* SPDX-License-Identifier: Apache-2.0
 *
 * map_test.c - the hash table beside a dumb array: a random program of insertions, finds and
 * removals, with good hashes and with hashes that collide or wrap around the end of the table. */
#include "base/map.h"

#include "base/hash.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS_MAX 4096

struct thing {
    uint32_t key;
    bool is_in; /* the dumb array's word on it */
};

typedef uint64_t (*hash_fn)(uint32_t key);

static uint64_t hash_well(uint32_t key)
{
    return hash_number(12345, key);
}
/* Long clusters. */
static uint64_t hash_few(uint32_t key)
{
    return key % 61;
}
/* All homes in the last slots of the table: each cluster wraps around its end. */
static uint64_t hash_last(uint32_t key)
{
    return UINT64_MAX - key % 3;
}
/* One hash for all keys: only the comparison tells them apart. */
static uint64_t hash_one(uint32_t key)
{
    (void)key;
    return 7;
}

static bool thing_has_key(const void *entry, const void *key)
{
    const struct thing *thing = entry;
    return thing->key == *(const uint32_t *)key;
}

struct program {
    struct rand rand;
    struct map map;
    struct thing things[KEYS_MAX];
    size_t count;
    hash_fn hash;
    size_t keys_max;
};

static struct program *program_new(hash_fn hash, size_t keys_max)
{
    struct program *p = calloc(1, sizeof(*p));
    rand_seed(&p->rand, 20011);
    p->hash = hash;
    p->keys_max = keys_max;
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        p->things[i].key = i;
    }
    return p;
}

static void program_free(struct program *p)
{
    map_deinit(&p->map);
    free(p);
}

static void *find(struct program *p, uint32_t key)
{
    return map_find(&p->map, p->hash(key), thing_has_key, &key);
}

static void toggle(struct program *p, uint32_t key)
{
    struct thing *thing = &p->things[key];
    if (thing->is_in) {
        map_remove(&p->map, p->hash(key), thing);
        p->count--;
    } else {
        assert_false(err_is_set(map_insert(&p->map, p->hash(key), thing)));
        p->count++;
    }
    thing->is_in = !thing->is_in;
}

/* Every key is found or not as the array has it, and a walk meets each entry exactly once. */
static void compare(struct program *p)
{
    static uint8_t met[KEYS_MAX];
    memset(met, 0, sizeof(met));
    assert_int_equal(map_count(&p->map), p->count);
    for (uint32_t i = 0; i < p->keys_max; i++) {
        assert_ptr_equal(find(p, i), p->things[i].is_in ? &p->things[i] : NULL);
    }
    size_t position = 0;
    size_t walked = 0;
    for (struct thing *t; (t = map_next(&p->map, &position)) != NULL; walked++) {
        assert_true(t->is_in);
        assert_int_equal(met[t->key]++, 0);
    }
    assert_int_equal(walked, p->count);
}

/* For 4,096 steps most keys go in, for the next most go out: the table fills, empties, fills. */
static void run(struct program *p, size_t steps, size_t compare_every)
{
    for (size_t step = 0; step < steps; step++) {
        bool wants_in = rand_below(&p->rand, 100) < (step / 4096 % 2 == 0 ? 80u : 20u);
        uint32_t key = (uint32_t)rand_below(&p->rand, p->keys_max);
        if (p->things[key].is_in != wants_in) {
            toggle(p, key);
        }
        key = (uint32_t)rand_below(&p->rand, p->keys_max);
        assert_ptr_equal(find(p, key), p->things[key].is_in ? &p->things[key] : NULL);
        if (step % compare_every == 0) {
            compare(p);
        }
    }
    compare(p);
}

static void test_empty(void **state)
{
    (void)state;
    struct map map = {0};
    uint32_t key = 1;
    size_t position = 0;
    assert_int_equal(map_count(&map), 0);
    assert_null(map_find(&map, 1, thing_has_key, &key));
    assert_null(map_next(&map, &position));
    map_prefetch(&map, 1);
    map_deinit(&map);
}

static void test_random_program(void **state)
{
    (void)state;
    struct program *p = program_new(hash_well, KEYS_MAX);
    run(p, 40000, 997);
    program_free(p);
}

static void test_random_program_small(void **state)
{
    (void)state;
    /* So few keys that a comparison after each step is cheap; many sizes, many tables. */
    for (size_t keys = 1; keys <= 60; keys += 7) {
        struct program *p = program_new(hash_well, keys);
        run(p, 3000, 1);
        program_free(p);
    }
}

static void test_random_program_clusters(void **state)
{
    (void)state;
    struct program *p = program_new(hash_few, 300);
    run(p, 12000, 13);
    program_free(p);
}

static void test_random_program_wrapping(void **state)
{
    (void)state;
    struct program *p = program_new(hash_last, 120);
    run(p, 12000, 7);
    program_free(p);
}

static void test_random_program_one_hash(void **state)
{
    (void)state;
    struct program *p = program_new(hash_one, 100);
    run(p, 12000, 7);
    program_free(p);
}

/* While a table grows, each insertion leaves all keys findable, in the old table or the new. */
static void test_growth(void **state)
{
    (void)state;
    struct program *p = program_new(hash_well, KEYS_MAX);
    bool saw_two_tables = false;
    for (uint32_t key = 0; key < KEYS_MAX; key++) {
        toggle(p, key);
        saw_two_tables |= p->map.old.count > 0;
        assert_ptr_equal(find(p, key), &p->things[key]);
        assert_ptr_equal(find(p, 0), &p->things[0]);
        assert_ptr_equal(find(p, key / 2), &p->things[key / 2]);
        assert_true(map_count(&p->map) * 4 <= (p->map.now.mask + 1) * 3);
    }
    assert_true(saw_two_tables);
    compare(p);
    program_free(p);
}

/* Emptied in the middle of growing, by removals alone, it lets go of the old table. */
static void test_removal_while_growing(void **state)
{
    (void)state;
    for (size_t fill = 1; fill < 400; fill++) {
        struct program *p = program_new(fill % 2 == 0 ? hash_well : hash_few, fill);
        for (uint32_t key = 0; key < fill; key++) {
            toggle(p, key);
        }
        for (uint32_t key = 0; key < fill; key++) {
            toggle(p, key);
            assert_null(find(p, key));
        }
        assert_int_equal(map_count(&p->map), 0);
        assert_null(p->map.old.slots);
        toggle(p, 0);
        compare(p);
        program_free(p);
    }
}

/* Equal hashes are no equal keys, and entries with one hash are removed by identity. */
static void test_equal_hashes(void **state)
{
    (void)state;
    struct map map = {0};
    struct thing a = {.key = 1};
    struct thing b = {.key = 2};
    uint32_t key = 1;
    assert_false(err_is_set(map_insert(&map, 9, &a)));
    assert_false(err_is_set(map_insert(&map, 9, &b)));
    map_remove(&map, 9, &b);
    assert_ptr_equal(map_find(&map, 9, thing_has_key, &key), &a);
    assert_null(map_find(&map, 8, thing_has_key, &key));
    key = 2;
    assert_null(map_find(&map, 9, thing_has_key, &key));
    map_deinit(&map);
    assert_int_equal(map_count(&map), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_random_program),
        cmocka_unit_test(test_random_program_small),
        cmocka_unit_test(test_random_program_clusters),
        cmocka_unit_test(test_random_program_wrapping),
        cmocka_unit_test(test_random_program_one_hash),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_removal_while_growing),
        cmocka_unit_test(test_equal_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
