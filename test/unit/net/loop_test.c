/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of one turn, and the wake-up between threads: a lost one would hang a test here (and
 * the thread sanitizer watches who sees whose writes). */
#include "net/loop.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- one turn ---- */

/* Writes down what happened, a letter each. */
struct diary {
    struct loop loop;
    char text[64];
    size_t length;
    struct loop_message message;
    struct loop_task task;
    struct loop_closing closing;
    struct loop_watch watch;
    struct wheel_timer timer;
    int fds[2];
};

static void note(struct diary *diary, char what)
{
    assert_true(diary->length < sizeof(diary->text) - 1);
    diary->text[diary->length++] = what;
    diary->text[diary->length] = '\0';
}

static void on_start(struct loop *loop)
{
    note(loop->owner, 's');
}
static void on_end(struct loop *loop)
{
    note(loop->owner, 'e');
}

static void on_message(struct loop *loop, struct loop_message *message)
{
    (void)message;
    note(loop->owner, 'm');
}

static void on_task(struct loop_task *task)
{
    note(CONTAINER_OF(task, struct diary, task), 'd');
}

static void on_closing(struct loop_closing *closing)
{
    note(CONTAINER_OF(closing, struct diary, closing), 'c');
}

static void on_timer(struct wheel_timer *timer)
{
    note(CONTAINER_OF(timer, struct diary, timer), 't');
}

static void on_ready(struct loop_watch *watch, unsigned events)
{
    struct diary *diary = CONTAINER_OF(watch, struct diary, watch);
    if (events & POLL_READ) {
        char byte;
        assert_int_equal(read(diary->fds[0], &byte, 1), 1);
        note(diary, 'r');
        loop_close_later(&diary->loop, &diary->closing);
    }
}

static void open_diary(struct diary *diary)
{
    *diary = (struct diary){.message = {.run = on_message},
                            .task = {.run = on_task},
                            .closing = {.run = on_closing},
                            .watch = {.ready = on_ready},
                            .timer = {.fire = on_timer}};
    struct loop_options options = {
        .owner = diary, .on_turn_start = on_start, .on_turn_end = on_end};
    assert_false(err_is_set(loop_init(&diary->loop, &options)));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, diary->fds), 0);
}

static void close_diary(struct diary *diary)
{
    close(diary->fds[0]);
    close(diary->fds[1]);
    loop_deinit(&diary->loop);
}

static const char *take(struct diary *diary)
{
    diary->length = 0;
    return diary->text;
}

static void test_order_of_a_turn(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    assert_false(err_is_set(loop_watch_level(&diary.loop, diary.fds[0], &diary.watch)));
    wheel_arm(&diary.loop.wheel, &diary.timer, 0);
    usleep(2 * WHEEL_TICK_MS * 1000);
    assert_int_equal(write(diary.fds[1], "x", 1), 1);
    loop_defer(&diary.loop, &diary.task);
    loop_defer(&diary.loop, &diary.task); /* once, all the same */
    loop_post(&diary.loop, &diary.message);
    loop_turn(&diary.loop, -1);
    assert_string_equal(take(&diary), "smdrect");
    loop_turn(&diary.loop, 0);
    assert_string_equal(take(&diary), "se");
    loop_unwatch(&diary.loop, diary.fds[0]);
    close_diary(&diary);
}

static void defer_again(struct loop_task *task)
{
    struct diary *diary = CONTAINER_OF(task, struct diary, task);
    note(diary, 'd');
    loop_defer(&diary->loop, task);
}

static void post_again(struct loop *loop, struct loop_message *message)
{
    note(loop->owner, 'm');
    loop_post(loop, message);
}

/* What is posted or deferred in a turn runs in the next one, and the loop does not sleep before. */
static void test_turns_are_bounded(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    diary.task.run = defer_again;
    diary.message.run = post_again;
    loop_defer(&diary.loop, &diary.task);
    loop_post(&diary.loop, &diary.message);
    loop_turn(&diary.loop, -1);
    loop_turn(&diary.loop, -1);
    assert_string_equal(take(&diary), "smdesmde");
    loop_defer_cancel(&diary.task);
    loop_turn(&diary.loop, -1);
    assert_string_equal(take(&diary), "sme");
    loop_defer_cancel(&diary.task);
    close_diary(&diary);
}

static void defer_from_hook(struct loop *loop)
{
    struct diary *diary = loop->owner;
    note(diary, 's');
    if (diary->loop.turn_count == 1) {
        loop_defer(loop, &diary->task);
    }
}

static void defer_from_message(struct loop *loop, struct loop_message *message)
{
    struct diary *diary = loop->owner;
    (void)message;
    note(diary, 'm');
    loop_defer(loop, &diary->task);
}

/* A task that is deferred before the sockets phase runs in that of the same turn; the loop does not
 * sleep before the next turn all the same. */
static void test_deferred_before_the_sockets(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    diary.message.run = defer_from_message;
    loop_post(&diary.loop, &diary.message);
    loop_turn(&diary.loop, -1);
    loop_turn(&diary.loop, -1);
    assert_string_equal(take(&diary), "smdese");
    close_diary(&diary);
    open_diary(&diary);
    diary.loop.on_turn_start = defer_from_hook;
    loop_turn(&diary.loop, 0);
    loop_turn(&diary.loop, -1);
    assert_string_equal(take(&diary), "sdese");
    close_diary(&diary);
}

/* A turn after a wake-up sleeps again; a wake-up from the loop's own hook counts, too. */
static void test_wake_is_good_for_one_turn(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    loop_wake(&diary.loop);
    loop_wake(&diary.loop);
    loop_turn(&diary.loop, -1);
    int64_t before = clock_monotonic_ms();
    loop_turn(&diary.loop, 50);
    assert_true(clock_monotonic_ms() - before >= 45);
    close_diary(&diary);
}

static void test_timer_ends_the_sleep(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    int64_t before = clock_monotonic_ms();
    loop_arm(&diary.loop, &diary.timer, 200);
    int turns = 0;
    while (strchr(diary.text, 't') == NULL) {
        loop_turn(&diary.loop, -1);
        take(&diary);
        turns++;
    }
    int64_t took = clock_monotonic_ms() - before;
    assert_true(took >= 200);
    assert_true(turns <= 8); /* asleep, not spinning */
    loop_arm(&diary.loop, &diary.timer, 100);
    loop_disarm(&diary.loop, &diary.timer);
    memset(diary.text, 0, sizeof(diary.text));
    loop_turn(&diary.loop, 250);
    assert_null(strchr(diary.text, 't'));
    close_diary(&diary);
}

static void close_another(struct loop_closing *closing)
{
    struct diary *diary = CONTAINER_OF(closing, struct diary, closing);
    note(diary, 'c');
    if (diary->length < 4) {
        loop_close_later(&diary->loop, closing);
    }
}

static void test_closing_in_a_closing_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    diary.closing.run = close_another;
    loop_close_later(&diary.loop, &diary.closing);
    loop_turn(&diary.loop, -1);
    loop_turn(&diary.loop, -1);
    assert_string_equal(take(&diary), "secsec");
    close_diary(&diary);
}

static void test_edges(void **state)
{
    (void)state;
    struct diary diary;
    open_diary(&diary);
    assert_false(err_is_set(loop_watch_edge(&diary.loop, diary.fds[0], &diary.watch)));
    assert_true(err_is_set(loop_watch_edge(&diary.loop, diary.fds[0], &diary.watch))); /* twice */
    assert_int_equal(write(diary.fds[1], "xy", 2), 2);
    loop_turn(&diary.loop, -1);
    assert_non_null(strchr(diary.text, 'r'));
    memset(diary.text, 0, sizeof(diary.text));
    take(&diary);
    loop_turn(&diary.loop, 20); /* "y" is left, and no news */
    assert_null(strchr(diary.text, 'r'));
    assert_int_equal(write(diary.fds[1], "z", 1), 1);
    loop_turn(&diary.loop, -1);
    assert_non_null(strchr(diary.text, 'r'));
    loop_unwatch(&diary.loop, diary.fds[0]);
    close_diary(&diary);
}

/* ---- threads ---- */

#define SENDER_COUNT 3
#define SENT_COUNT 5000
#define PING_COUNT 20000

struct letter {
    struct loop_message message;
    int sender;
    int number; /* not atomic: handing the message over must make it visible */
};

struct office {
    struct loop loop;
    pthread_t thread;
    int next[SENDER_COUNT]; /* the loop's own */
    _Atomic int received;
    _Atomic int published; /* stands for the event ring */
    _Atomic int seen;
    _Atomic int answered;
};

static void drain(struct loop *loop)
{
    struct office *office = loop->owner;
    atomic_store(&office->seen, atomic_load(&office->published));
}

static void *run(void *arg)
{
    loop_run(arg);
    return NULL;
}

static struct office *open_office(void)
{
    struct office *office = NULL;
    assert_int_equal(posix_memalign((void **)&office, CACHE_LINE_BYTES, sizeof(*office)), 0);
    memset(office, 0, sizeof(*office));
    struct loop_options options = {.owner = office, .on_turn_start = drain};
    assert_false(err_is_set(loop_init(&office->loop, &options)));
    assert_int_equal(pthread_create(&office->thread, NULL, run, &office->loop), 0);
    return office;
}

static void close_office(struct office *office)
{
    loop_stop(&office->loop);
    pthread_join(office->thread, NULL);
    loop_deinit(&office->loop);
    free(office);
}

static void on_letter(struct loop *loop, struct loop_message *message)
{
    struct office *office = loop->owner;
    struct letter *letter = CONTAINER_OF(message, struct letter, message);
    assert_int_equal(letter->number, office->next[letter->sender]);
    office->next[letter->sender]++;
    free(letter);
    atomic_fetch_add(&office->received, 1);
}

struct sender {
    struct office *office;
    int number;
};

static void *send_letters(void *arg)
{
    const struct sender *sender = arg;
    for (int i = 0; i < SENT_COUNT; i++) {
        struct letter *letter = malloc(sizeof(*letter));
        *letter =
            (struct letter){.message = {.run = on_letter}, .sender = sender->number, .number = i};
        loop_post(&sender->office->loop, &letter->message);
        if (i % 64 == 0) {
            usleep(50); /* let the loop fall asleep now and then */
        }
    }
    return NULL;
}

static void test_many_senders_keep_their_order(void **state)
{
    (void)state;
    struct office *office = open_office();
    pthread_t threads[SENDER_COUNT];
    struct sender senders[SENDER_COUNT];
    for (int i = 0; i < SENDER_COUNT; i++) {
        senders[i] = (struct sender){office, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    for (int i = 0; i < SENDER_COUNT; i++) {
        pthread_join(threads[i], NULL);
    }
    int64_t deadline = clock_monotonic_ms() + 20000;
    while (atomic_load(&office->received) < SENDER_COUNT * SENT_COUNT) {
        assert_true(clock_monotonic_ms() < deadline);
        usleep(1000);
    }
    close_office(office);
}

/* One value at a time, the next when the loop has seen it: each round races with the loop's way to
 * sleep. There is no timer that would hide a lost wake-up. */
static void test_no_wake_up_is_lost(void **state)
{
    (void)state;
    struct office *office = open_office();
    for (int i = 1; i <= PING_COUNT; i++) {
        atomic_store(&office->published, i);
        loop_wake(&office->loop);
        int64_t deadline = clock_monotonic_ms() + 10000;
        for (int spins = 0; atomic_load(&office->seen) != i; spins++) {
            if (spins % 1024 == 1023) {
                sched_yield();
                assert_true(clock_monotonic_ms() < deadline);
            }
        }
        for (volatile int wait = 0; wait < i % 200; wait++) {
        }
    }
    close_office(office);
}

static void on_ping(struct loop *loop, struct loop_message *message)
{
    struct office *office = loop->owner;
    (void)message;
    atomic_fetch_add(&office->answered, 1);
}

/* The same with messages, from one struct that is used again and again. */
static void test_no_message_is_lost(void **state)
{
    (void)state;
    struct office *office = open_office();
    struct loop_message message = {.run = on_ping};
    for (int i = 1; i <= PING_COUNT; i++) {
        loop_post(&office->loop, &message);
        int64_t deadline = clock_monotonic_ms() + 10000;
        for (int spins = 0; atomic_load(&office->answered) != i; spins++) {
            if (spins % 1024 == 1023) {
                sched_yield();
                assert_true(clock_monotonic_ms() < deadline);
            }
        }
    }
    close_office(office);
}

static void test_stop_ends_a_sleeping_loop(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct office *office = open_office();
        usleep((useconds_t)(i * 20));
        close_office(office);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_a_turn),
        cmocka_unit_test(test_turns_are_bounded),
        cmocka_unit_test(test_deferred_before_the_sockets),
        cmocka_unit_test(test_wake_is_good_for_one_turn),
        cmocka_unit_test(test_timer_ends_the_sleep),
        cmocka_unit_test(test_closing_in_a_closing_waits_for_the_next_turn),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_many_senders_keep_their_order),
        cmocka_unit_test(test_no_wake_up_is_lost),
        cmocka_unit_test(test_no_message_is_lost),
        cmocka_unit_test(test_stop_ends_a_sleeping_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
