/* SPDX-License-Identifier: Apache-2.0
 *
 * PUT and DELETE on many thngs at once (contract: rest.md 1.8): a reader finds which, then each of
 * them gets a command of its own. They do not all change at one moment, and what another request
 * deletes meanwhile is passed over and not counted. */
#include "front/rest.h"

#include "base/assert.h"
#include "front/rest_query.h"
#include "front/rest_read.h"
#include "model/document.h"

#include <stdio.h>

struct bulk_job {
    struct rest_read read;
    struct rest_list list;
    enum command_kind kind;
    struct buf members; /* of an update */
    struct buf scopes;
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

static struct err bulk_run(struct reader *reader, struct rest_read *read)
{
    struct bulk_job *job = bulk_of(read);
    struct documents_query query = rest_list_query(&job->list, read->actor.account);
    query.has_after = false;
    query.skip = 0;
    query.limit = FRONT_BULK_MAX + 1;
    if (job->list.has_ids && job->list.id_count == 0) {
        return ERR(OK);
    }
    return documents_list(reader->documents, &query, keep_id, job);
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
    size_t bytes =
        buf_bytes(&job->members) + buf_bytes(&job->scopes) + job->id_count * FRONT_COMMAND_BYTES;
    struct command_batch *batch = front_batch(front, bytes);
    if (batch == NULL) {
        return ERR(BUSY);
    }
    struct slice members;
    struct slice scopes;
    bool copied = command_batch_copy(batch, buf_data(&job->members), &members) &&
                  command_batch_copy(batch, buf_data(&job->scopes), &scopes);
    ASSERT(copied);
    for (uint32_t i = 0; i < job->id_count; i++) {
        struct command *command =
            front_command(front, batch, job->kind, request->conn, &request->actor, request->number);
        command->target = job->ids[i];
        if (job->kind == COMMAND_DELETE) {
            command->as.remove.kind = RESOURCE_THNG;
            continue;
        }
        command->as.update.kind = RESOURCE_THNG;
        command->as.update.patch = members; /* all of them share the batch, and so the patch */
        command->as.update.scopes = scopes;
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
    TRY(rest_list_read(request->query, &job->list));
    bool has_selector = job->list.has_ids || job->list.condition_count > 0;
    return has_selector ? ERR(OK) : ERR(QUERY_INVALID);
}

static struct err read_patch(const struct http_request *request, struct bulk_job *job)
{
    struct front *front = request->conn->front;
    struct json_value body;
    struct document_body checked;
    struct slice field;
    if (slice_is_empty(request->body)) {
        return ERR(BODY_MISSING);
    }
    TRY(json_scan(request->body, front->shared->limits.json_depth_max, &body));
    const struct document_limits limits = front_document_limits(front);
    TRY(document_check_thng(body, false, NULL, &limits, &job->members, &job->scopes, &checked,
                            &field));
    /* This version keeps no products: none can be referred to. */
    return checked.has_product ? ERR(REFERENCE_UNKNOWN) : ERR(OK);
}

static enum rest_step begin(struct http_request *request, enum command_kind kind)
{
    struct bulk_job *job = rest_read_new(request, sizeof(*job), bulk_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    job->kind = kind;
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
