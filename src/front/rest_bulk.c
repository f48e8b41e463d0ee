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
    enum perm_subject subject; /* what each must be permitted; the read is judged as a list */
    enum perm_operation operation;
    struct buf members; /* of an update */
    struct buf scopes;
    struct buf references; /* struct document_reference */
    struct err denied;     /* one that is selected may not be changed */
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
    buf_deinit(&job->references);
}

/* Whoever may list a resource may see it, but may perhaps not do that to it: then nothing is done
 * to any. */
static bool keep_id(void *arg, const struct document *document)
{
    struct bulk_job *job = arg;
    const struct perm_resource resource = {
        .account = document->account,
        .kind = document->kind,
        .id = &document->id,
        .parent = &document->parent,
        .scopes = document->scopes,
    };
    ASSERT(job->id_count <= FRONT_BULK_MAX);
    job->denied = perm_judge(&job->read.actor, job->subject, job->operation, &resource);
    job->ids[job->id_count++] = document->id;
    return !err_is_set(job->denied);
}

static struct err bulk_run(struct reader *reader, struct rest_read *read)
{
    struct bulk_job *job = bulk_of(read);
    const struct view view = rest_read_view(reader, read);
    struct documents_query query = rest_list_query(&job->list, read->actor.account);
    struct perm_reach reach;
    query.has_after = false;
    query.skip = 0;
    query.limit = FRONT_BULK_MAX + 1;
    TRY(view_check_project(&view));
    bool selects_none = job->list.has_ids && job->list.id_count == 0;
    if (!view_narrow(&view, &query, &reach) || selects_none) {
        return ERR(OK);
    }
    TRY(documents_list(reader->documents, &query, keep_id, job));
    return job->denied;
}

/* ---- commands ---- */

static void answer_bulk(struct http_request *request)
{
    /* Also when some were done: a count alone would pass for all of them. */
    if (err_is_set(request->kept.bulk.err)) {
        http_refuse(request, request->kept.bulk.err);
        return;
    }
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .has_count = true,
                             .count = request->kept.bulk.done,
                         });
}

static struct err send_commands(struct http_request *request, const struct bulk_job *job)
{
    struct front *front = request->conn->front;
    size_t bytes = buf_bytes(&job->members) + buf_bytes(&job->scopes) +
                   buf_bytes(&job->references) + job->id_count * FRONT_COMMAND_BYTES;
    struct command_batch *batch = front_batch(front, bytes);
    if (batch == NULL) {
        return ERR(BUSY);
    }
    /* All of the commands share the batch, and so the patch. */
    struct slice members;
    struct slice scopes;
    struct slice references;
    bool copied = command_batch_copy(batch, buf_data(&job->members), &members) &&
                  command_batch_copy(batch, buf_data(&job->scopes), &scopes) &&
                  command_batch_copy(batch, buf_data(&job->references), &references);
    ASSERT(copied);
    for (uint32_t i = 0; i < job->id_count; i++) {
        struct command *command =
            front_command(front, batch, job->kind, request->conn, &request->actor, request->number);
        command->target = job->ids[i];
        command->target_kind = job->target_kind;
        command->project = request->project;
        if (job->kind == COMMAND_UPDATE) {
            command->as.update.patch = members;
            command->as.update.scopes = scopes;
            command->as.update.references = (const void *)references.at; /* as they were put */
            command->as.update.reference_count =
                (uint32_t)(references.bytes / sizeof(struct document_reference));
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
    buf_put_bytes(&job->references, checked.references,
                  checked.reference_count * sizeof(checked.references[0]));
    return job->references.failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* What each of those that are selected is judged by. */
static enum perm_subject subject_of_one(enum resource_kind kind)
{
    switch (kind) {
    case RESOURCE_THNG:
        return PERM_THNG;
    case RESOURCE_PRODUCT:
        return PERM_PRODUCTS;
    default:
        ASSERT(kind == RESOURCE_PROJECT);
        return PERM_PROJECTS;
    }
}

static enum rest_step begin(struct http_request *request, enum command_kind kind)
{
    struct bulk_job *job = rest_read_new(request, sizeof(*job), bulk_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    job->kind = kind;
    job->target_kind = request->route->kind;
    job->subject = subject_of_one(job->target_kind);
    job->operation = kind == COMMAND_UPDATE ? PERM_UPDATE : PERM_DELETE;
    job->read.subject = job->target_kind == RESOURCE_THNG ? PERM_THNGS : job->subject;
    job->read.is_of_one_moment = true;
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
