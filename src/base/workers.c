/* SPDX-License-Identifier: Apache-2.0 */
#include "base/workers.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t some; /* there is a job, or the pool is stopping */
    struct link jobs;
    size_t job_count;
    size_t queue_max;
    bool is_stopping;
    unsigned thread_count;
    struct worker {
        pthread_t thread;
        struct workers *workers;
        void *context;
    } threads[];
};

/* NULL: the pool is stopping, and nothing waits. */
static struct worker_job *take_job(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    while (list_is_empty(&workers->jobs) && !workers->is_stopping) {
        pthread_cond_wait(&workers->some, &workers->lock);
    }
    struct worker_job *job = NULL;
    if (!list_is_empty(&workers->jobs)) {
        job = LIST_ENTRY(workers->jobs.next, struct worker_job, link);
        list_remove(&job->link);
        workers->job_count--;
    }
    pthread_mutex_unlock(&workers->lock);
    return job;
}

static void *run_thread(void *arg)
{
    struct worker *worker = arg;
    for (struct worker_job *job; (job = take_job(worker->workers)) != NULL;) {
        job->run(worker->context, job);
    }
    return NULL;
}

struct err workers_start(unsigned threads, size_t queue_max, void *const *contexts,
                         struct workers **workers)
{
    ASSERT(threads > 0 && queue_max > 0);
    struct workers *started = calloc(1, sizeof(*started) + threads * sizeof(started->threads[0]));
    if (started == NULL) {
        return ERR(NO_MEMORY);
    }
    pthread_mutex_init(&started->lock, NULL);
    pthread_cond_init(&started->some, NULL);
    list_init(&started->jobs);
    started->queue_max = queue_max;
    for (unsigned i = 0; i < threads; i++) {
        struct worker *worker = &started->threads[i];
        worker->workers = started;
        worker->context = contexts != NULL ? contexts[i] : NULL;
        if (pthread_create(&worker->thread, NULL, run_thread, worker) != 0) {
            workers_stop(started);
            return ERR(NO_MEMORY);
        }
        started->thread_count++;
    }
    *workers = started;
    return ERR(OK);
}

bool workers_submit(struct workers *workers, struct worker_job *job)
{
    if (workers == NULL) {
        return false;
    }
    pthread_mutex_lock(&workers->lock);
    bool is_taken = !workers->is_stopping && workers->job_count < workers->queue_max;
    if (is_taken) {
        list_init(&job->link);
        list_push(&workers->jobs, &job->link);
        workers->job_count++;
        pthread_cond_signal(&workers->some);
    }
    pthread_mutex_unlock(&workers->lock);
    return is_taken;
}

void workers_stop(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_mutex_lock(&workers->lock);
    workers->is_stopping = true;
    pthread_cond_broadcast(&workers->some);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->thread_count; i++) {
        pthread_join(workers->threads[i].thread, NULL);
    }
    pthread_cond_destroy(&workers->some);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
