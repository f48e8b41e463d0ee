/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of readers: every job once, a bound that is kept, a stop that loses nothing. */
#include "store/readers.h"

#include "store_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define JOBS 400
#define SUBMITTERS 3

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct store *store;
    struct broadcast ring;
    struct readers *readers;
};

#define MUST(expression)                 \
    do {                                 \
        struct err must_ = (expression); \
        ASSERT(!err_is_set(must_));      \
    } while (0)

static int setup(void **state)
{
    struct world *world = aligned_alloc(CACHE_LINE_BYTES, sizeof(*world));
    assert_non_null(world);
    memset(world, 0, sizeof(*world));
    fixture_make_folder(world->folder);
    const struct store_options options = {
        .folder = world->folder,
        .block_cache_bytes = (size_t)1 << 20,
        .roll_bytes = (size_t)1 << 20,
        .roll_interval_ms = 60000,
        .tail_bytes_max = (size_t)8 << 20,
    };
    MUST(store_open(&options, &world->store));
    MUST(broadcast_init(&world->ring, 64, (size_t)1 << 20, 0, committed_free));
    MUST(store_start(world->store, &world->ring));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    readers_stop(world->readers);
    store_close(world->store);
    broadcast_deinit(&world->ring);
    fixture_remove_folder(world->folder);
    free(world);
    return 0;
}

/* ---- jobs ---- */

/* A gate at which jobs wait, so that the test says when the queue is full. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned arrived;
    bool is_open;
};

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){0};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void gate_deinit(struct gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
    pthread_cond_destroy(&gate->changed);
}

static void gate_pass(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->arrived++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void gate_wait_for(struct gate *gate, unsigned arrived)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->arrived < arrived) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

struct job {
    struct reader_job job;
    struct gate *gate; /* NULL: does not wait */
    _Atomic unsigned runs;
    _Atomic unsigned *order; /* counts the jobs that ran */
    unsigned place;          /* the count when this one ran */
    struct store *store;     /* of the reader it ran on */
    struct err err;
};

static void run(struct reader *reader, struct reader_job *job)
{
    struct job *mine = CONTAINER_OF(job, struct job, job);
    struct document document;
    if (mine->gate != NULL) {
        gate_pass(mine->gate);
    }
    mine->store = reader->store;
    mine->err = documents_get(reader->documents, &FIXTURE_THNG, &document);
    mine->place = mine->order != NULL ? atomic_fetch_add(mine->order, 1) : 0;
    atomic_fetch_add(&mine->runs, 1);
}

static void start(struct world *world, unsigned threads, size_t queue_max)
{
    MUST(readers_start(world->store, threads, queue_max, &world->readers));
}

static void stop(struct world *world)
{
    readers_stop(world->readers);
    world->readers = NULL;
}

static void test_job_has_what_it_needs(void **state)
{
    struct world *world = *state;
    struct job job = {.job.run = run};
    start(world, 2, 8);
    assert_true(readers_submit(world->readers, &job.job));
    stop(world);
    assert_int_equal(job.runs, 1);
    assert_ptr_equal(job.store, world->store);
    assert_int_equal(job.err.code, ERR_NOT_FOUND); /* it has looked, and there is none */
}

static void test_jobs_run_in_order(void **state)
{
    struct world *world = *state;
    struct gate gate;
    gate_init(&gate);
    _Atomic unsigned order = 0;
    struct job first = {.job.run = run, .gate = &gate};
    struct job jobs[8];
    start(world, 1, 8);
    assert_true(readers_submit(world->readers, &first.job));
    gate_wait_for(&gate, 1);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){.job.run = run, .order = &order};
        assert_true(readers_submit(world->readers, &jobs[i].job));
    }
    gate_open(&gate);
    stop(world);
    for (unsigned i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].place, i);
    }
    gate_deinit(&gate);
}

/* The threads work at once: each of two jobs is at the gate while the other is. */
static void test_threads_work_side_by_side(void **state)
{
    struct world *world = *state;
    struct gate gate;
    gate_init(&gate);
    struct job jobs[2] = {{.job.run = run, .gate = &gate}, {.job.run = run, .gate = &gate}};
    start(world, 2, 8);
    assert_true(readers_submit(world->readers, &jobs[0].job));
    assert_true(readers_submit(world->readers, &jobs[1].job));
    gate_wait_for(&gate, 2);
    gate_open(&gate);
    stop(world);
    assert_int_equal(jobs[0].runs + jobs[1].runs, 2);
    gate_deinit(&gate);
}

/* What a thread works on does not count as waiting; what is refused is not run, and there is room
 * again when the queue has moved. */
static void test_queue_is_bounded(void **state)
{
    struct world *world = *state;
    struct gate gate;
    gate_init(&gate);
    struct job working = {.job.run = run, .gate = &gate};
    struct job waiting[2] = {{.job.run = run}, {.job.run = run}};
    struct job refused = {.job.run = run};
    struct job later = {.job.run = run};
    start(world, 1, 2);
    assert_true(readers_submit(world->readers, &working.job));
    gate_wait_for(&gate, 1);
    assert_true(readers_submit(world->readers, &waiting[0].job));
    assert_true(readers_submit(world->readers, &waiting[1].job));
    assert_false(readers_submit(world->readers, &refused.job));
    gate_open(&gate);
    while (waiting[1].runs == 0) {
        usleep(1000);
    }
    assert_true(readers_submit(world->readers, &later.job));
    stop(world);
    assert_int_equal(waiting[0].runs, 1);
    assert_int_equal(refused.runs, 0);
    assert_int_equal(later.runs, 1);
    gate_deinit(&gate);
}

static void *open_soon(void *arg)
{
    usleep(20000);
    gate_open(arg);
    return NULL;
}

static void test_stop_runs_what_waits(void **state)
{
    struct world *world = *state;
    struct gate gate;
    gate_init(&gate);
    struct job jobs[5];
    start(world, 1, 8);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){.job.run = run, .gate = &gate};
        assert_true(readers_submit(world->readers, &jobs[i].job));
    }
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_soon, &gate), 0);
    stop(world);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_int_equal(jobs[i].runs, 1);
    }
    pthread_join(opener, NULL);
    gate_deinit(&gate);
}

struct submitter {
    struct readers *readers;
    struct job *jobs;
};

static void *submit_all(void *arg)
{
    struct submitter *submitter = arg;
    for (unsigned i = 0; i < JOBS; i++) {
        while (!readers_submit(submitter->readers, &submitter->jobs[i].job)) {
            usleep(100);
        }
    }
    return NULL;
}

static void test_many_threads_submit(void **state)
{
    struct world *world = *state;
    struct job *jobs = calloc(SUBMITTERS * JOBS, sizeof(*jobs));
    assert_non_null(jobs);
    pthread_t threads[SUBMITTERS];
    struct submitter submitters[SUBMITTERS];
    start(world, 2, 4);
    for (size_t i = 0; i < SUBMITTERS * JOBS; i++) {
        jobs[i].job.run = run;
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        submitters[i] = (struct submitter){.readers = world->readers, .jobs = jobs + i * JOBS};
        assert_int_equal(pthread_create(&threads[i], NULL, submit_all, &submitters[i]), 0);
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    stop(world);
    for (size_t i = 0; i < SUBMITTERS * JOBS; i++) {
        assert_int_equal(jobs[i].runs, 1);
    }
    free(jobs);
}

static void test_stop_of_none(void **state)
{
    (void)state;
    readers_stop(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_job_has_what_it_needs),     TEST(test_jobs_run_in_order),
        TEST(test_threads_work_side_by_side), TEST(test_queue_is_bounded),
        TEST(test_stop_runs_what_waits),      TEST(test_many_threads_submit),
        cmocka_unit_test(test_stop_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
