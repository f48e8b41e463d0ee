/* SPDX-License-Identifier: Apache-2.0 */
#include "store/readers.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdlib.h>

struct readers {
    pthread_mutex_t lock;
    pthread_cond_t some; /* there is a job, or the pool is stopping */
    struct link jobs;
    size_t job_count;
    size_t queue_max;
    bool is_stopping;
    unsigned thread_count;
    struct reader_thread {
        pthread_t thread;
        struct readers *readers;
        struct reader reader;
    } threads[];
};

static struct reader_job *take_job(struct readers *readers)
{
    pthread_mutex_lock(&readers->lock);
    while (list_is_empty(&readers->jobs) && !readers->is_stopping) {
        pthread_cond_wait(&readers->some, &readers->lock);
    }
    struct reader_job *job = NULL;
    if (!list_is_empty(&readers->jobs)) {
        job = LIST_ENTRY(readers->jobs.next, struct reader_job, link);
        list_remove(&job->link);
        readers->job_count--;
    }
    pthread_mutex_unlock(&readers->lock);
    return job;
}

static void *run_thread(void *arg)
{
    struct reader_thread *thread = arg;
    for (struct reader_job *job; (job = take_job(thread->readers)) != NULL;) {
        job->run(&thread->reader, job);
    }
    return NULL;
}

static void reader_deinit(struct reader *reader)
{
    documents_reader_close(reader->documents);
    samples_deinit(&reader->samples);
    buf_deinit(&reader->scratch);
    buf_deinit(&reader->value);
}

static struct err start_thread(struct readers *readers, struct reader_thread *thread,
                               struct store *store)
{
    thread->readers = readers;
    thread->reader.store = store;
    TRY(store_documents_reader(store, &thread->reader.documents));
    if (pthread_create(&thread->thread, NULL, run_thread, thread) != 0) {
        reader_deinit(&thread->reader);
        return ERR(NO_MEMORY);
    }
    return ERR(OK);
}

struct err readers_start(struct store *store, unsigned threads, size_t queue_max,
                         struct readers **readers)
{
    ASSERT(threads > 0 && queue_max > 0);
    struct readers *started = calloc(1, sizeof(*started) + threads * sizeof(started->threads[0]));
    if (started == NULL) {
        return ERR(NO_MEMORY);
    }
    pthread_mutex_init(&started->lock, NULL);
    pthread_cond_init(&started->some, NULL);
    list_init(&started->jobs);
    started->queue_max = queue_max;
    for (unsigned i = 0; i < threads; i++) {
        struct err err = start_thread(started, &started->threads[i], store);
        if (err_is_set(err)) {
            readers_stop(started);
            return err;
        }
        started->thread_count++;
    }
    *readers = started;
    return ERR(OK);
}

bool readers_submit(struct readers *readers, struct reader_job *job)
{
    if (readers == NULL) {
        return false;
    }
    pthread_mutex_lock(&readers->lock);
    bool taken = !readers->is_stopping && readers->job_count < readers->queue_max;
    if (taken) {
        list_init(&job->link);
        list_push(&readers->jobs, &job->link);
        readers->job_count++;
        pthread_cond_signal(&readers->some);
    }
    pthread_mutex_unlock(&readers->lock);
    return taken;
}

void readers_stop(struct readers *readers)
{
    if (readers == NULL) {
        return;
    }
    pthread_mutex_lock(&readers->lock);
    readers->is_stopping = true;
    pthread_cond_broadcast(&readers->some);
    pthread_mutex_unlock(&readers->lock);
    for (unsigned i = 0; i < readers->thread_count; i++) {
        pthread_join(readers->threads[i].thread, NULL);
        reader_deinit(&readers->threads[i].reader);
    }
    pthread_cond_destroy(&readers->some);
    pthread_mutex_destroy(&readers->lock);
    free(readers);
}
