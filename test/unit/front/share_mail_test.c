/* SPDX-License-Identifier: Apache-2.0
 *
 * Letters between two loops that run: none lost, none twice, in the order of their writer, whatever
 * their length. */
#include "front/share_mail.h"

#include "base/assert.h"
#include "base/rand.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LOOPS 2
#define LETTERS 20000
#define TEXT_BYTES_MAX 3000

struct side {
    struct loop loop;
    pthread_t thread;
    uint32_t index;
    struct share_mail *mail;
    struct rand rand;
    uint32_t written;     /* to each */
    uint32_t read[LOOPS]; /* from each */
    struct loop_task again;
};

static uint8_t filling[TEXT_BYTES_MAX];
static _Atomic uint32_t ended;

static struct side *side_of(struct loop *loop)
{
    return loop->owner;
}

static void read_letter(struct loop *loop, uint32_t from, const struct share_letter *letter)
{
    struct side *side = side_of(loop);
    ASSERT(letter->member == side->read[from]);
    ASSERT(letter->kind == SHARE_MESSAGE && letter->first == from);
    ASSERT(letter->text.bytes == letter->member % TEXT_BYTES_MAX);
    ASSERT(letter->payload.bytes == letter->member % 7);
    ASSERT(memcmp(letter->text.at, filling, letter->text.bytes) == 0);
    if (++side->read[from] == LETTERS) {
        atomic_fetch_add(&ended, 1);
    }
}

static void write_some(struct side *side)
{
    uint32_t count = (uint32_t)rand_below(&side->rand, 50);
    for (uint32_t i = 0; i < count && side->written < LETTERS; i++, side->written++) {
        const struct share_letter letter = {
            .kind = SHARE_MESSAGE,
            .member = side->written,
            .first = side->index,
            .text = slice_of(filling, side->written % TEXT_BYTES_MAX),
            .payload = slice_of(filling, side->written % 7),
        };
        for (uint32_t to = 0; to < LOOPS; to++) {
            ASSERT(share_mail_write(side->mail, side->index, to, &letter));
        }
    }
    if (side->written < LETTERS) {
        loop_defer(&side->loop, &side->again);
    }
}

static void nothing(struct loop_task *task)
{
    (void)task;
}

static void turn_end(struct loop *loop)
{
    struct side *side = side_of(loop);
    write_some(side);
    share_mail_send(side->mail, side->index);
}

static void *run(void *arg)
{
    struct side *side = arg;
    loop_run(&side->loop);
    return NULL;
}

static void open_side(struct side *side, struct share_mail *mail, uint32_t index)
{
    const struct loop_options options = {.owner = side, .on_turn_end = turn_end};
    memset(side, 0, sizeof(*side));
    side->index = index;
    side->mail = mail;
    side->again.run = nothing;
    rand_seed(&side->rand, 5 + index);
    assert_false(err_is_set(loop_init(&side->loop, &options)));
    share_mail_attach(mail, index, &side->loop, read_letter);
}

static void test_letters_come_in_order_and_once(void **state)
{
    (void)state;
    struct side *sides = aligned_alloc(CACHE_LINE_BYTES, LOOPS * sizeof(*sides));
    struct share_mail *mail = share_mail_new(LOOPS);
    assert_non_null(sides);
    assert_non_null(mail);
    assert_int_equal(share_mail_loops(mail), LOOPS);
    memset(filling, 'f', sizeof(filling));
    for (uint32_t i = 0; i < LOOPS; i++) {
        open_side(&sides[i], mail, i);
    }
    assert_ptr_equal(share_mail_loop(mail, 1), &sides[1].loop);
    for (uint32_t i = 0; i < LOOPS; i++) {
        assert_int_equal(pthread_create(&sides[i].thread, NULL, run, &sides[i]), 0);
        loop_wake(&sides[i].loop);
    }
    while (atomic_load(&ended) < LOOPS * LOOPS) {
        sched_yield();
    }
    for (uint32_t i = 0; i < LOOPS; i++) {
        loop_stop(&sides[i].loop);
        pthread_join(sides[i].thread, NULL);
    }
    for (uint32_t i = 0; i < LOOPS; i++) {
        loop_deinit(&sides[i].loop);
    }
    share_mail_free(mail);
    free(sides);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_come_in_order_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
