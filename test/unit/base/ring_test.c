/* SPDX-License-Identifier: Apache-2.0
 *
 * The rings between threads: order, fullness, nothing lost and nothing twice; the doorbell never
 * sleeps through a ring. Worth most under the thread sanitizer. */
#include "base/ring.h"

#include "base/assert.h"
#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PRODUCER_COUNT 3
#define ITEM_COUNT 30000

/* ---- one thread ---- */

static void an_inbox_is_filled_to_its_last_slot(void **state)
{
    (void)state;
    struct inbox_ring ring;
    assert_int_equal(inbox_ring_init(&ring, 4).code, ERR_OK);
    int items[12];
    for (int round = 0; round < 3; round++) {
        assert_null(inbox_ring_pop(&ring));
        for (int i = 0; i < 4; i++) {
            assert_true(inbox_ring_push(&ring, &items[round * 4 + i]));
        }
        assert_false(inbox_ring_push(&ring, &items[0]));
        assert_ptr_equal(inbox_ring_pop(&ring), &items[round * 4]);
        assert_true(inbox_ring_push(&ring, &items[0]));
        assert_false(inbox_ring_push(&ring, &items[0]));
        for (int i = 1; i < 4; i++) {
            assert_ptr_equal(inbox_ring_pop(&ring), &items[round * 4 + i]);
        }
        assert_ptr_equal(inbox_ring_pop(&ring), &items[0]);
    }
    assert_null(inbox_ring_pop(&ring));
    inbox_ring_deinit(&ring);
}

static void answers_are_filled_to_their_last_slot(void **state)
{
    (void)state;
    struct answer_ring ring;
    assert_int_equal(answer_ring_init(&ring, 2, sizeof(uint32_t)).code, ERR_OK);
    for (uint32_t round = 0; round < 5; round++) {
        assert_null(answer_ring_peek(&ring));
        uint32_t item = round * 2;
        assert_true(answer_ring_push(&ring, &item));
        item++;
        assert_true(answer_ring_push(&ring, &item));
        assert_false(answer_ring_push(&ring, &item));
        /* Looking does not take. */
        assert_int_equal(*(const uint32_t *)answer_ring_peek(&ring), round * 2);
        assert_int_equal(*(const uint32_t *)answer_ring_peek(&ring), round * 2);
        answer_ring_pop(&ring);
        assert_int_equal(*(const uint32_t *)answer_ring_peek(&ring), round * 2 + 1);
        answer_ring_pop(&ring);
    }
    assert_null(answer_ring_peek(&ring));
    answer_ring_deinit(&ring);
}

static void a_bell_rung_before_is_not_slept_through(void **state)
{
    (void)state;
    struct doorbell bell = {0};
    doorbell_ring(&bell);
    doorbell_ring(&bell);
    int64_t start_ms = clock_monotonic_ms();
    doorbell_wait(&bell, 10000);
    assert_true(clock_monotonic_ms() - start_ms < 5000);
    /* Both rings were answered by the one wait. */
    start_ms = clock_monotonic_ms();
    doorbell_wait(&bell, 30);
    assert_true(clock_monotonic_ms() - start_ms >= 25);
}

/* ---- threads ---- */

/* Its members are plain: only the ring orders them between the threads. */
struct message {
    unsigned producer;
    unsigned number;
};

struct party {
    struct inbox_ring ring;
    struct doorbell bell;
    unsigned producer;
    pthread_t thread;
    struct party *shared;
};

static void *produce(void *arg)
{
    struct party *party = arg;
    for (unsigned i = 0; i < ITEM_COUNT; i++) {
        struct message *message = malloc(sizeof(*message));
        ASSERT(message != NULL);
        *message = (struct message){.producer = party->producer, .number = i};
        while (!inbox_ring_push(&party->shared->ring, message)) {
            sched_yield();
        }
        doorbell_ring(&party->shared->bell);
    }
    return NULL;
}

/* Takes all messages; false when one is missing, twice, or out of its producer's order. <fault>
 * plants one: that message is counted as another's. */
static bool consume(struct party *shared, unsigned fault)
{
    unsigned next[PRODUCER_COUNT] = {0};
    bool in_order = true;
    for (unsigned count = 0; count < PRODUCER_COUNT * ITEM_COUNT;) {
        struct message *message = inbox_ring_pop(&shared->ring);
        if (message == NULL) {
            doorbell_wait(&shared->bell, -1);
            continue;
        }
        unsigned number = message->number + (count == fault);
        in_order = in_order && number == next[message->producer];
        next[message->producer]++;
        free(message);
        count++;
    }
    return in_order && inbox_ring_pop(&shared->ring) == NULL;
}

static bool run_inbox(unsigned fault)
{
    struct party *shared = aligned_alloc(CACHE_LINE_BYTES, sizeof(*shared));
    struct party parties[PRODUCER_COUNT];
    assert_non_null(shared);
    memset(shared, 0, sizeof(*shared));
    assert_int_equal(inbox_ring_init(&shared->ring, 64).code, ERR_OK);
    for (unsigned i = 0; i < PRODUCER_COUNT; i++) {
        parties[i].producer = i;
        parties[i].shared = shared;
        assert_int_equal(pthread_create(&parties[i].thread, NULL, produce, &parties[i]), 0);
    }
    bool in_order = consume(shared, fault);
    for (unsigned i = 0; i < PRODUCER_COUNT; i++) {
        pthread_join(parties[i].thread, NULL);
    }
    inbox_ring_deinit(&shared->ring);
    free(shared);
    return in_order;
}

static void an_inbox_keeps_each_producers_order(void **state)
{
    (void)state;
    assert_true(run_inbox(UINT32_MAX));
    assert_false(run_inbox(ITEM_COUNT / 2)); /* the test can fail */
}

struct answers {
    struct answer_ring ring;
    struct doorbell bell;
};

static void *answer(void *arg)
{
    struct answers *answers = arg;
    for (unsigned i = 0; i < ITEM_COUNT * 2; i++) {
        struct message message = {.producer = ~i, .number = i};
        while (!answer_ring_push(&answers->ring, &message)) {
            sched_yield();
        }
        doorbell_ring(&answers->bell);
    }
    return NULL;
}

static void answers_arrive_whole_and_in_order(void **state)
{
    (void)state;
    struct answers *answers = aligned_alloc(CACHE_LINE_BYTES, sizeof(*answers));
    assert_non_null(answers);
    memset(answers, 0, sizeof(*answers));
    assert_int_equal(answer_ring_init(&answers->ring, 16, sizeof(struct message)).code, ERR_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer, answers), 0);
    for (unsigned i = 0; i < ITEM_COUNT * 2;) {
        const struct message *message = answer_ring_peek(&answers->ring);
        if (message == NULL) {
            doorbell_wait(&answers->bell, -1);
            continue;
        }
        assert_int_equal(message->number, i);
        assert_int_equal(message->producer, ~i);
        answer_ring_pop(&answers->ring);
        i++;
    }
    pthread_join(thread, NULL);
    assert_null(answer_ring_peek(&answers->ring));
    answer_ring_deinit(&answers->ring);
    free(answers);
}

/* ---- the doorbell alone: what was written before the ring is seen after the wait ---- */

struct pair {
    struct doorbell there;
    struct doorbell back;
    unsigned value; /* plain: handed to and fro by the bells alone */
};

static void *echo(void *arg)
{
    struct pair *pair = arg;
    for (unsigned i = 0; i < 2000; i++) {
        doorbell_wait(&pair->there, -1);
        ASSERT(pair->value == 2 * i + 1);
        pair->value++;
        doorbell_ring(&pair->back);
    }
    return NULL;
}

static void a_bell_carries_what_was_written_before(void **state)
{
    (void)state;
    struct pair pair = {.value = 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, echo, &pair), 0);
    for (unsigned i = 0; i < 2000; i++) {
        pair.value = 2 * i + 1;
        doorbell_ring(&pair.there);
        doorbell_wait(&pair.back, 10000);
        assert_int_equal(pair.value, 2 * i + 2);
    }
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inbox_is_filled_to_its_last_slot),
        cmocka_unit_test(answers_are_filled_to_their_last_slot),
        cmocka_unit_test(a_bell_rung_before_is_not_slept_through),
        cmocka_unit_test(an_inbox_keeps_each_producers_order),
        cmocka_unit_test(answers_arrive_whole_and_in_order),
        cmocka_unit_test(a_bell_carries_what_was_written_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
