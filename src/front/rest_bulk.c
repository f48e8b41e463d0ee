/* SPDX-License-Identifier: Apache-2.0
 *
 * PUT and DELETE on many resources at once (contract: rest.md 1.8): a reader finds which, then each
 * of them gets a command of its own. They do not all change at one moment, and what another request
 * deletes meanwhile is passed over and not counted. */
#include "front/rest.h"

#include "base/assert.h"
#include "front/publish_inside.h"
#include "front/rest_query.h"
#include "front/rest_read.h"
#include "model/document.h"

#include <stdio.h>

struct bulk_job {
    struct rest_read read;
    struct rest_list list;
    enum command_kind kind;
    enum resource_kind target_kind;
    struct buf members; /* of an update */
    struct buf scopes;
    struct document_reference references[DOCUMENT_REFERENCES_MAX];
    uint32_t reference_count;
    uint32_t id_count;
    struct id ids[FRONT_BULK_MAX + 1];
};

/* It begins with the read. */
static struct bulk_job *bulk_of(struct rest_read *read)
{
    return (struct bulk_job *)(void *)read;
}

static void bulk_release(struct rest_read *read)
{
    struct bulk_job *job = bulk_of(read);
    rest_list_deinit(&job->list);
    buf_deinit(&job->members);
    buf_deinit(&job->scopes);
}

static bool keep_id(void *arg, const struct document *document)
{
    struct bulk_job *job = arg;
    ASSERT(job->id_count <= FRONT_BULK_MAX);
    job->ids[job->id_count++] = document->id;
    return true;
}

static struct err select_ids(struct reader *reader, struct bulk_job *job)
{
    const struct view view = rest_read_view(reader, &job->read);
    struct documents_query query = rest_list_query(&job->list, job->read.actor.account);
    query.project = view_project(&view);
    query.has_after = false;
    query.skip = 0;
    query.limit = FRONT_BULK_MAX + 1;
    TRY(view_check_project(&view));
    if (job->list.has_ids && job->list.id_count == 0) {
        return ERR(OK);
    }
    return documents_list(reader->documents, &query, keep_id, job);
}

static struct err bulk_run(struct reader *reader, struct rest_read *read)
{
    TRY(documents_reader_begin(reader->documents));
    struct err err = select_ids(reader, bulk_of(read));
    documents_reader_end(reader->documents);
    return err;
}

/* ---- commands ---- */

static void answer_bulk(struct http_request *request)
{
    bool is_delete = request->method == HTTP1_DELETE;
    /* Also when some were done: a count alone would pass for all of them. */
    if (err_is_set(request->kept.bulk.err)) {
        http_refuse(request, request->kept.bulk.err);
        return;
    }
    http_answer(request, &(struct http_answer){
                             .status = is_delete ? 200 : 204,
                             .has_count = true,
                             .count = request->kept.bulk.done,
                         });
}

static struct err send_commands(struct http_request *request, const struct bulk_job *job)
{
    struct front *front = request->conn->front;
    size_t bytes = buf_bytes(&job->members) + buf_bytes(&job->scopes) + sizeof(job->references) +
                   job->id_count * FRONT_COMMAND_BYTES;
    struct command_batch *batch = front_batch(front, bytes);
    if (batch == NULL) {
        return ERR(BUSY);
    }
    /* All of the commands share the batch, and so the patch. */
    struct slice members;
    struct slice scopes;
    bool copied = command_batch_copy(batch, buf_data(&job->members), &members) &&
                  command_batch_copy(batch, buf_data(&job->scopes), &scopes);
    struct document_reference *references = command_batch_take(batch, sizeof(job->references));
    ASSERT(copied && references != NULL);
    memcpy(references, job->references, sizeof(job->references));
    for (uint32_t i = 0; i < job->id_count; i++) {
        struct command *command =
            front_command(front, batch, job->kind, request->conn, &request->actor, request->number);
        command->target = job->ids[i];
        command->target_kind = job->target_kind;
        command->project = request->project;
        if (job->kind == COMMAND_UPDATE) {
            command->as.update.patch = members;
            command->as.update.scopes = scopes;
            command->as.update.references = references;
            command->as.update.reference_count = job->reference_count;
        }
    }
    request->kept.bulk.waiting = job->id_count;
    return ERR(OK);
}

static void bulk_arrived(struct http_request *request, struct rest_read *read)
{
    struct bulk_job *job = bulk_of(read);
    struct err err = read->err;
    if (!err_is_set(err) && job->id_count > FRONT_BULK_MAX) {
        int bytes = snprintf(request->detail, sizeof(request->detail),
                             "The selection matches more than %d resources.", FRONT_BULK_MAX);
        request->detail_bytes = (size_t)bytes;
        err = ERR(QUERY_INVALID);
    }
    if (!err_is_set(err) && job->id_count > 0) {
        err = send_commands(request, job);
    }
    if (err_is_set(err)) {
        http_refuse(request, err);
    } else if (job->id_count == 0) {
        answer_bulk(request);
    }
}

void rest_bulk_answer(struct http_request *request, const struct answer *answer,
                      const struct event *event)
{
    (void)event;
    ASSERT(request->kept.bulk.waiting > 0);
    request->kept.bulk.waiting--;
    if (!err_is_set(answer->err)) {
        request->kept.bulk.done++;
    } else if (!err_equal(answer->err, ERR(NOT_FOUND)) && !err_is_set(request->kept.bulk.err)) {
        request->kept.bulk.err = answer->err;
    }
    if (request->kept.bulk.waiting == 0) {
        answer_bulk(request);
    }
}

/* ---- beginning ---- */

/* Never "all" because nothing was said. */
static struct err read_selector(const struct http_request *request, struct bulk_job *job)
{
    TRY(rest_list_read(request->query, request->route->kind, &job->list));
    bool has_selector = job->list.has_ids || job->list.condition_count > 0;
    return has_selector ? ERR(OK) : ERR(QUERY_INVALID);
}

static struct err read_patch(const struct http_request *request, struct bulk_job *job)
{
    struct front *front = request->conn->front;
    struct json_value body;
    struct document_body checked;
    struct slice field;
    const struct document_check check = {
        .kind = job->target_kind,
        .limits = &front->shared->limits.document,
        .members = &job->members,
        .scopes = &job->scopes,
    };
    TRY(publish_scan(front, request->body, &body));
    TRY(document_check(&check, body, &checked, &field));
    memcpy(job->references, checked.references, sizeof(job->references));
    job->reference_count = checked.reference_count;
    return ERR(OK);
}

static enum rest_step begin(struct http_request *request, enum command_kind kind)
{
    struct bulk_job *job = rest_read_new(request, sizeof(*job), bulk_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    job->kind = kind;
    job->target_kind = request->route->kind;
    job->read.release = bulk_release;
    job->read.arrived = bulk_arrived;
    struct err err = read_selector(request, job);
    if (!err_is_set(err) && kind == COMMAND_UPDATE) {
        err = read_patch(request, job);
    }
    if (err_is_set(err)) {
        rest_read_free(&job->read);
        http_refuse(request, err);
        return REST_TAKEN;
    }
    rest_read_start(request, &job->read);
    return REST_TAKEN;
}

enum rest_step rest_bulk_update(struct http_request *request)
{
    return begin(request, COMMAND_UPDATE);
}

enum rest_step rest_bulk_delete(struct http_request *request)
{
    return begin(request, COMMAND_DELETE);
}
