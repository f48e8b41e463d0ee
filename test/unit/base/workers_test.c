/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of threads: every job once, on a thread that has its own context, a bound that is kept,
 * a stop that loses nothing. */
#include "base/workers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define JOBS 400
#define SUBMITTERS 3

static struct workers *start(unsigned threads, size_t queue_max, void *const *contexts)
{
    struct workers *workers = NULL;
    struct err err = workers_start(threads, queue_max, contexts, &workers);
    assert_int_equal(err.code, ERR_OK);
    return workers;
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
    struct worker_job job;
    struct gate *gate; /* NULL: does not wait */
    _Atomic unsigned runs;
    _Atomic unsigned *order; /* counts the jobs that ran */
    unsigned place;          /* the count when this one ran */
    void *context;           /* of the thread it ran on */
};

static void run(void *context, struct worker_job *job)
{
    struct job *mine = CONTAINER_OF(job, struct job, job);
    if (mine->gate != NULL) {
        gate_pass(mine->gate);
    }
    mine->context = context;
    mine->place = mine->order != NULL ? atomic_fetch_add(mine->order, 1) : 0;
    atomic_fetch_add(&mine->runs, 1);
}

static void test_threads_have_contexts_of_their_own(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    int numbers[2];
    void *const contexts[2] = {&numbers[0], &numbers[1]};
    struct job jobs[2] = {{.job.run = run, .gate = &gate}, {.job.run = run, .gate = &gate}};
    struct workers *workers = start(2, 2, contexts);
    assert_true(workers_submit(workers, &jobs[0].job));
    assert_true(workers_submit(workers, &jobs[1].job));
    gate_wait_for(&gate, 2); /* each is at the gate while the other is: two threads */
    gate_open(&gate);
    workers_stop(workers);
    assert_int_equal(jobs[0].runs + jobs[1].runs, 2);
    assert_ptr_not_equal(jobs[0].context, jobs[1].context);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_true(jobs[i].context == contexts[0] || jobs[i].context == contexts[1]);
    }
    gate_deinit(&gate);
}

static void test_without_contexts(void **state)
{
    (void)state;
    struct job job = {.job.run = run, .context = &job};
    struct workers *workers = start(1, 1, NULL);
    assert_true(workers_submit(workers, &job.job));
    workers_stop(workers);
    assert_int_equal(job.runs, 1);
    assert_null(job.context);
}

static void test_jobs_run_in_order(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    _Atomic unsigned order = 0;
    struct job first = {.job.run = run, .gate = &gate};
    struct job jobs[8];
    struct workers *workers = start(1, ARRAY_LEN(jobs), NULL);
    assert_true(workers_submit(workers, &first.job));
    gate_wait_for(&gate, 1);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){.job.run = run, .order = &order};
        assert_true(workers_submit(workers, &jobs[i].job));
    }
    gate_open(&gate);
    workers_stop(workers);
    for (unsigned i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].place, i);
    }
    gate_deinit(&gate);
}

/* What a thread works on does not count as waiting; what is refused is not run, and there is room
 * again when the queue has moved. */
static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    struct job working = {.job.run = run, .gate = &gate};
    struct job waiting[2] = {{.job.run = run}, {.job.run = run}};
    struct job refused = {.job.run = run};
    struct job later = {.job.run = run};
    struct workers *workers = start(1, 2, NULL);
    assert_true(workers_submit(workers, &working.job));
    gate_wait_for(&gate, 1);
    assert_true(workers_submit(workers, &waiting[0].job));
    assert_true(workers_submit(workers, &waiting[1].job));
    assert_false(workers_submit(workers, &refused.job));
    gate_open(&gate);
    while (waiting[1].runs == 0) {
        usleep(1000);
    }
    assert_true(workers_submit(workers, &later.job));
    workers_stop(workers);
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
    (void)state;
    struct gate gate;
    gate_init(&gate);
    struct job jobs[5];
    struct workers *workers = start(1, ARRAY_LEN(jobs), NULL);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){.job.run = run, .gate = &gate};
        assert_true(workers_submit(workers, &jobs[i].job));
    }
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_soon, &gate), 0);
    workers_stop(workers);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_int_equal(jobs[i].runs, 1);
    }
    pthread_join(opener, NULL);
    gate_deinit(&gate);
}

struct submitter {
    struct workers *workers;
    struct job *jobs;
};

static void *submit_all(void *arg)
{
    struct submitter *submitter = arg;
    for (unsigned i = 0; i < JOBS; i++) {
        while (!workers_submit(submitter->workers, &submitter->jobs[i].job)) {
            usleep(100);
        }
    }
    return NULL;
}

static void test_many_threads_submit(void **state)
{
    (void)state;
    struct job *jobs = calloc(SUBMITTERS * JOBS, sizeof(*jobs));
    assert_non_null(jobs);
    pthread_t threads[SUBMITTERS];
    struct submitter submitters[SUBMITTERS];
    struct workers *workers = start(2, 4, NULL);
    for (size_t i = 0; i < SUBMITTERS * JOBS; i++) {
        jobs[i].job.run = run;
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        submitters[i] = (struct submitter){.workers = workers, .jobs = jobs + i * JOBS};
        assert_int_equal(pthread_create(&threads[i], NULL, submit_all, &submitters[i]), 0);
    }
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    workers_stop(workers);
    for (size_t i = 0; i < SUBMITTERS * JOBS; i++) {
        assert_int_equal(jobs[i].runs, 1);
    }
    free(jobs);
}

static void test_of_none(void **state)
{
    (void)state;
    struct job job = {.job.run = run};
    assert_false(workers_submit(NULL, &job.job));
    workers_stop(NULL);
    assert_int_equal(job.runs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_have_contexts_of_their_own),
        cmocka_unit_test(test_without_contexts),
        cmocka_unit_test(test_jobs_run_in_order),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_stop_runs_what_waits),
        cmocka_unit_test(test_many_threads_submit),
        cmocka_unit_test(test_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
