/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks over HTTP, as far as they are not like other documents (contract: REST 10): the answer to
 * the one that begins a task, and the list of what went wrong in it. */
#include "front/rest_documents.h"

#include "model/document.h"

#include <stdio.h>

/* "/batches/" + id + "/tasks/" + id, NUL */
#define TASK_PATH_BYTES (16 + 2 * ID_BYTES + 1)

/* A task is not done yet: the answer says where to look for it, and nothing else. */
void rest_task_created(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    if (err_is_set(answer->err)) {
        rest_document_created(request, answer, event);
        return;
    }
    char path[TASK_PATH_BYTES];
    int bytes = snprintf(path, sizeof(path), "/batches/%.*s/tasks/%.*s", ID_BYTES,
                         request->resource.text, ID_BYTES, answer->created.text);
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .location = slice_of(path, (size_t)bytes),
                         });
}

/* ---- logs ---- */

static struct err logs_run(struct reader *reader, struct rest_read *read)
{
    struct document document;
    struct slice shown;
    struct slice logs;
    TRY(rest_document_find_child(reader, read, RESOURCE_TASK, &document));
    document_split(RESOURCE_TASK, document.text, &shown, &logs);
    buf_put(&read->body, slice_is_empty(logs) ? SLICE("[]") : logs);
    return ERR(OK);
}

enum rest_step rest_task_logs(struct http_request *request)
{
    rest_read_moment(request, logs_run);
    return REST_TAKEN;
}
