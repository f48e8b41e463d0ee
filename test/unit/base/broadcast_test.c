/* SPDX-License-Identifier: Apache-2.0
 *
 * The event ring: what it keeps and lets go, and readers of every speed beside a producer that
 * never waits. Worth most under the thread and the address sanitizer. */
#include "base/broadcast.h"

#include "base/assert.h"
#include "base/rand.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Plain members: only the ring orders them between the threads. */
struct item {
    struct broadcast_item item;
    uint64_t check;
    _Atomic int *live;
};

static uint64_t check_of(uint64_t first, uint64_t last)
{
    return first * 1000003 ^ last;
}

static struct broadcast_item *make_item(uint64_t first, uint64_t last, size_t bytes,
                                        _Atomic int *live)
{
    struct item *item = malloc(sizeof(*item));
    ASSERT(item != NULL);
    *item = (struct item){
        .item = {.first = first, .last = last, .bytes = bytes},
        .check = check_of(first, last),
        .live = live,
    };
    (*live)++;
    return &item->item;
}

static void free_item(struct broadcast_item *item)
{
    struct item *whole = CONTAINER_OF(item, struct item, item);
    (*whole->live)--;
    whole->check = 0;
    free(whole);
}

struct bench {
    struct broadcast ring;
    _Atomic int live;
};

static struct bench *bench_new(size_t slots, size_t bytes_max, uint64_t last)
{
    struct bench *bench = aligned_alloc(CACHE_LINE_BYTES, sizeof(*bench));
    ASSERT(bench != NULL);
    memset(bench, 0, sizeof(*bench));
    assert_int_equal(broadcast_init(&bench->ring, slots, bytes_max, last, free_item).code, ERR_OK);
    return bench;
}

static void bench_free(struct bench *bench)
{
    broadcast_deinit(&bench->ring);
    assert_int_equal(bench->live, 0);
    free(bench);
}

static void push(struct bench *bench, uint64_t count, size_t bytes)
{
    uint64_t first = broadcast_last(&bench->ring) + 1;
    broadcast_push(&bench->ring, make_item(first, first + count - 1, bytes, &bench->live));
}

/* Expects the item with these ends. */
static void look(struct broadcast_reader *reader, uint64_t sequence, uint64_t first, uint64_t last)
{
    const struct broadcast_item *item;
    assert_int_equal(broadcast_look(reader, sequence, &item), BROADCAST_ITEM);
    assert_int_equal(item->first, first);
    assert_int_equal(item->last, last);
}

static void every_sequence_number_finds_its_item(void **state)
{
    (void)state;
    struct bench *bench = bench_new(8, 1000000, 19);
    struct broadcast_reader reader;
    const struct broadcast_item *item;
    broadcast_reader_init(&reader, &bench->ring);
    assert_int_equal(broadcast_look(&reader, 20, &item), BROADCAST_AHEAD);
    assert_int_equal(broadcast_look(&reader, 19, &item), BROADCAST_OVERRUN);
    push(bench, 12, 1); /* 20-31 */
    push(bench, 25, 1); /* 32-56 */
    push(bench, 1, 1);  /* 57 */
    push(bench, 33, 1); /* 58-90 */
    static const uint64_t order[] = {20, 57, 31, 90, 32, 58, 56, 21, 89};
    static const uint64_t ends[][2] = {{20, 31}, {57, 57}, {20, 31}, {58, 90}, {32, 56},
                                       {58, 90}, {32, 56}, {20, 31}, {58, 90}};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        look(&reader, order[i], ends[i][0], ends[i][1]);
    }
    assert_int_equal(broadcast_look(&reader, 91, &item), BROADCAST_AHEAD);
    assert_int_equal(broadcast_look(&reader, 19, &item), BROADCAST_OVERRUN);
    bench_free(bench);
}

static void the_oldest_go_by_count_and_by_bytes(void **state)
{
    (void)state;
    struct bench *bench = bench_new(4, 100, 0);
    struct broadcast_reader reader;
    const struct broadcast_item *item;
    broadcast_reader_init(&reader, &bench->ring);
    for (int i = 0; i < 4; i++) {
        push(bench, 1, 10);
    }
    assert_int_equal(bench->live, 4);
    look(&reader, 1, 1, 1);
    broadcast_release(&reader);
    push(bench, 1, 10); /* the fifth of four */
    assert_int_equal(bench->live, 4);
    assert_int_equal(broadcast_look(&reader, 1, &item), BROADCAST_OVERRUN);
    look(&reader, 2, 2, 2);
    broadcast_release(&reader);
    push(bench, 1, 80); /* 10 + 10 + 80 are 100 */
    assert_int_equal(bench->live, 3);
    push(bench, 1, 500); /* more than all: stays alone */
    assert_int_equal(bench->live, 1);
    look(&reader, 7, 7, 7);
    broadcast_release(&reader);
    bench_free(bench);
}

static void what_is_looked_at_is_not_freed(void **state)
{
    (void)state;
    struct bench *bench = bench_new(2, 1000, 0);
    struct broadcast_reader reader;
    const struct broadcast_item *item;
    broadcast_reader_init(&reader, &bench->ring);
    push(bench, 1, 1);
    assert_int_equal(broadcast_look(&reader, 1, &item), BROADCAST_ITEM);
    for (int i = 0; i < 10; i++) {
        push(bench, 1, 1);
        assert_int_equal(CONTAINER_OF(item, struct item, item)->check, check_of(1, 1));
    }
    assert_int_equal(bench->live, 3);
    broadcast_release(&reader);
    push(bench, 1, 1);
    assert_int_equal(bench->live, 2);
    assert_int_equal(broadcast_look(&reader, 1, &item), BROADCAST_OVERRUN);
    bench_free(bench);
}

/* ---- threads ---- */

#define READER_COUNT 4
#define PUSH_COUNT 40000

struct follower {
    struct broadcast_reader reader;
    struct bench *bench;
    unsigned slowness;
    uint64_t fault; /* an item whose check is misread on purpose; 0 none */
    uint64_t items;
    uint64_t overruns;
    bool is_right;
    uint64_t end;
    pthread_t thread;
};

static bool has_right_check(const struct broadcast_item *item, bool is_fault)
{
    uint64_t check = CONTAINER_OF(item, struct item, item)->check;
    return check + is_fault == check_of(item->first, item->last);
}

/* Follows the ring to its end; after an overrun it goes on at the newest. */
static void *follow(void *arg)
{
    struct follower *follower = arg;
    uint64_t next = 1;
    follower->is_right = true;
    while (next <= follower->end) {
        const struct broadcast_item *item;
        switch (broadcast_look(&follower->reader, next, &item)) {
        case BROADCAST_AHEAD:
            sched_yield();
            break;
        case BROADCAST_OVERRUN:
            follower->overruns++;
            next = broadcast_last(&follower->bench->ring);
            break;
        case BROADCAST_ITEM:
            for (unsigned i = 0; i < follower->slowness; i++) {
                sched_yield();
            }
            follower->is_right &= item->first <= next && item->last >= next &&
                                  has_right_check(item, item->first == follower->fault);
            follower->items++;
            next = item->last + 1;
            break;
        }
    }
    broadcast_release(&follower->reader);
    return NULL;
}

/* True when all followers saw only right items. */
static bool run_followers(void)
{
    struct bench *bench = bench_new(16, 10000, 0);
    struct follower followers[READER_COUNT] = {0};
    struct rand rand;
    rand_seed(&rand, 11);
    uint64_t end = 0;
    static uint8_t counts[PUSH_COUNT];
    for (int i = 0; i < PUSH_COUNT; i++) {
        counts[i] = (uint8_t)(1 + rand_below(&rand, 5));
        end += counts[i];
    }
    for (unsigned i = 0; i < READER_COUNT; i++) {
        struct follower *follower = &followers[i];
        *follower = (struct follower){.bench = bench, .slowness = i * 3, .end = end};
        broadcast_reader_init(&follower->reader, &bench->ring);
        assert_int_equal(pthread_create(&follower->thread, NULL, follow, follower), 0);
    }
    for (int i = 0; i < PUSH_COUNT; i++) {
        push(bench, counts[i], (size_t)i % 900);
        if (i % 8 == 0) {
            sched_yield();
        }
    }
    bool is_right = true;
    for (unsigned i = 0; i < READER_COUNT; i++) {
        pthread_join(followers[i].thread, NULL);
        is_right = is_right && followers[i].is_right;
        assert_true(followers[i].items > 0);
    }
    bench_free(bench);
    return is_right;
}

static void readers_of_every_speed_see_whole_items(void **state)
{
    (void)state;
    assert_true(run_followers());
}

static void a_planted_fault_is_seen(void **state)
{
    (void)state;
    struct bench *bench = bench_new(16, 10000, 0);
    struct follower follower = {.bench = bench, .end = 3, .fault = 2};
    broadcast_reader_init(&follower.reader, &bench->ring);
    for (int i = 0; i < 3; i++) {
        push(bench, 1, 1);
    }
    follow(&follower);
    assert_false(follower.is_right);
    assert_int_equal(follower.items, 3);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence_number_finds_its_item),
        cmocka_unit_test(the_oldest_go_by_count_and_by_bytes),
        cmocka_unit_test(what_is_looked_at_is_not_freed),
        cmocka_unit_test(readers_of_every_speed_see_whole_items),
        cmocka_unit_test(a_planted_fault_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
