/* SPDX-License-Identifier: Apache-2.0 */
#include "store/readers.h"

#include "base/assert.h"

#include <stdlib.h>

struct readers {
    struct workers *workers;
    unsigned count;
    struct reader at[];
};

static void reader_deinit(struct reader *reader)
{
    documents_reader_close(reader->documents);
    samples_deinit(&reader->samples);
    buf_deinit(&reader->scratch);
    buf_deinit(&reader->value);
}

static struct err open_all(struct readers *readers, unsigned count, struct store *store)
{
    for (; readers->count < count; readers->count++) {
        struct reader *reader = &readers->at[readers->count];
        reader->store = store;
        TRY(store_documents_reader(store, &reader->documents));
    }
    return ERR(OK);
}

static struct err start_threads(struct readers *readers, size_t queue_max)
{
    void **contexts = calloc(readers->count, sizeof(*contexts));
    if (contexts == NULL) {
        return ERR(NO_MEMORY);
    }
    for (unsigned i = 0; i < readers->count; i++) {
        contexts[i] = &readers->at[i];
    }
    struct err err = workers_start(readers->count, queue_max, contexts, &readers->workers);
    free(contexts);
    return err;
}

struct err readers_start(struct store *store, unsigned threads, size_t queue_max,
                         struct readers **readers)
{
    ASSERT(threads > 0 && queue_max > 0);
    struct readers *started = calloc(1, sizeof(*started) + threads * sizeof(started->at[0]));
    if (started == NULL) {
        return ERR(NO_MEMORY);
    }
    struct err err = open_all(started, threads, store);
    if (!err_is_set(err)) {
        err = start_threads(started, queue_max);
    }
    if (err_is_set(err)) {
        readers_stop(started);
        return err;
    }
    *readers = started;
    return ERR(OK);
}

static void run_job(void *context, struct worker_job *job)
{
    struct reader_job *mine = CONTAINER_OF(job, struct reader_job, job);
    mine->run(context, mine);
}

bool readers_submit(struct readers *readers, struct reader_job *job)
{
    if (readers == NULL) {
        return false;
    }
    job->job.run = run_job;
    return workers_submit(readers->workers, &job->job);
}

void readers_stop(struct readers *readers)
{
    if (readers == NULL) {
        return;
    }
    workers_stop(readers->workers);
    for (unsigned i = 0; i < readers->count; i++) {
        reader_deinit(&readers->at[i]);
    }
    free(readers);
}
