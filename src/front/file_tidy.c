/* SPDX-License-Identifier: Apache-2.0 */
#include "front/file_tidy.h"

#include "base/log.h"
#include "front/file_links.h"
#include "front/file_store.h"

#include <stdlib.h>

/* The documents come to the present within this time, or it is given up. */
#define TIDY_WAIT_MS 10000

struct tidy {
    struct reader_job job;
    struct front_shared *shared;
    struct reader *reader; /* while it runs */
    struct id file;        /* not set: all */
};

static struct err current_content(void *arg, const struct id *file, struct id *current)
{
    struct tidy *tidy = arg;
    struct reader *reader = tidy->reader;
    struct document document;
    TRY(store_wait(reader->store, broadcast_last(tidy->shared->ring), TIDY_WAIT_MS));
    struct err err = documents_get(reader->documents, file, &document);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    if (document.kind == RESOURCE_FILE) {
        *current = file_content_read(document.text).name;
    }
    return ERR(OK);
}

static void tidy_run(struct reader *reader, struct reader_job *job)
{
    struct tidy *tidy = CONTAINER_OF(job, struct tidy, job);
    struct file_store *files = tidy->shared->files;
    tidy->reader = reader;
    struct err err = id_is_set(&tidy->file)
                         ? file_store_tidy(files, &tidy->file, current_content, tidy)
                         : file_store_tidy_all(files, current_content, tidy);
    if (err_is_set(err)) {
        LOG_LIMITED(LOG_WARN, "files", "cannot remove deleted content reason=%s", err_name(err));
    }
    free(tidy);
}

void file_tidy_start(struct front_shared *shared, const struct id *file)
{
    struct tidy *tidy = calloc(1, sizeof(*tidy));
    if (tidy == NULL) {
        return;
    }
    tidy->job.run = tidy_run;
    tidy->shared = shared;
    if (file != NULL) {
        tidy->file = *file;
    }
    if (!readers_submit(shared->readers, &tidy->job)) {
        free(tidy);
    }
}
