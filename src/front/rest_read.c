/* SPDX-License-Identifier: Apache-2.0 */
#include "front/rest_read.h"

#include "base/assert.h"
#include "front/rest_query.h"

#include <stdlib.h>

void rest_read_free(struct rest_read *read)
{
    if (read->release != NULL) {
        read->release(read);
    }
    buf_deinit(&read->body);
    buf_deinit(&read->next_token);
    free(read);
}

static struct err run_read(struct reader *reader, struct rest_read *read)
{
    TRY(store_wait(reader->store, read->after, REST_READ_WAIT_MS));
    if (!read->is_of_one_moment) {
        return read->run(reader, read);
    }
    TRY(documents_reader_begin(reader->documents));
    struct err err = read->run(reader, read);
    documents_reader_end(reader->documents);
    return err;
}

static void read_run(struct reader *reader, struct reader_job *job)
{
    struct rest_read *read = CONTAINER_OF(job, struct rest_read, job);
    read->err = run_read(reader, read);
    /* Whoever filled the body may have taken it for a lack of memory. */
    if (read->body.failed) {
        read->err = ERR(BUF_FULL);
    } else if (!err_is_set(read->err) && read->next_token.failed) {
        read->err = ERR(NO_MEMORY);
    }
    loop_post(read->front->loop, &read->message);
}

static void answer(struct http_request *request, const struct rest_read *read)
{
    http_answer(request, &(struct http_answer){
                             .status = read->status,
                             .body = buf_data(&read->body),
                             .content_type = read->content_type,
                             .next_token = buf_data(&read->next_token),
                             .has_count = read->has_count,
                             .count = read->count,
                         });
}

static void read_arrived(struct loop *loop, struct loop_message *message)
{
    struct rest_read *read = CONTAINER_OF(message, struct rest_read, message);
    struct front *front = loop->owner;
    struct http_request *request =
        http_request_find(conn_find(front, read->slot, read->generation), read->number);
    if (request != NULL) {
        if (read->arrived != NULL) {
            read->arrived(request, read);
        } else if (err_is_set(read->err)) {
            http_refuse(request, read->err);
        } else {
            answer(request, read);
        }
    }
    rest_read_free(read);
}

/* What the parameters ask to be shown, and what the path says of operators. */
static unsigned view_flags_of(const struct http_request *request)
{
    unsigned flags = 0;
    flags |= rest_query_is_true(request->query, SLICE("withScopes")) ? VIEW_SCOPES : 0;
    flags |= rest_query_is_true(request->query, SLICE("context")) ? VIEW_CONTEXT : 0;
    switch (request->route->reply) {
    case REPLY_ACCOUNT_ACCESS:
    case REPLY_ACCOUNT_ACCESSES:
        return flags | VIEW_ACCOUNT_ACCESS;
    case REPLY_OPERATOR_ACCESS:
    case REPLY_OPERATOR_ACCESSES:
    case REPLY_NEW_OPERATOR_ACCESS:
        return flags | VIEW_OPERATOR_ACCESS;
    default:
        return flags;
    }
}

struct slice rest_read_keep(uint8_t **to, struct slice from)
{
    struct slice kept = slice_of(*to, from.bytes);
    if (from.bytes > 0) {
        memcpy(*to, from.at, from.bytes);
    }
    *to += from.bytes;
    return kept;
}

/* Texts of the request, which may be over before the read is, lie behind the struct. */
static void keep_texts(struct rest_read *read, uint8_t *to, const struct http_request *request)
{
    struct slice scheme = http_scheme(request);
    read->key = rest_read_keep(&to, request->key);
    read->type = rest_read_keep(&to, request->type);
    struct slice start = rest_read_keep(&to, scheme);
    struct slice host = rest_read_keep(&to, request->host);
    read->origin = slice_is_empty(request->host) ? (struct slice){0}
                                                 : slice_of(start.at, start.bytes + host.bytes);
}

void *rest_read_new(struct http_request *request, size_t bytes,
                    struct err (*run)(struct reader *reader, struct rest_read *read))
{
    ASSERT(bytes >= sizeof(struct rest_read));
    struct conn *conn = request->conn;
    size_t text_bytes =
        request->key.bytes + request->type.bytes + http_scheme(request).bytes + request->host.bytes;
    struct rest_read *read = calloc(1, bytes + text_bytes);
    if (read == NULL) {
        http_refuse(request, ERR(NO_MEMORY));
        return NULL;
    }
    read->job.run = read_run;
    read->message.run = read_arrived;
    read->front = conn->front;
    read->slot = conn->slot;
    read->generation = conn->generation;
    read->number = request->number;
    /* What has been committed by now, also if this loop has not come to it (architecture D9). */
    read->after = broadcast_last(conn->front->shared->ring);
    read->actor = request->actor;
    read->subject = rest_subject(request);
    read->operation = request->route->operation;
    read->resource = request->resource;
    read->child = request->child;
    read->project = request->project;
    read->view_flags = view_flags_of(request);
    read->run = run;
    read->status = 200;
    read->body.bytes_max = REST_ANSWER_BYTES_MAX;
    keep_texts(read, (uint8_t *)read + bytes, request);
    return read;
}

bool rest_read_try(struct http_request *request, struct rest_read *read)
{
    bool is_taken = readers_submit(request->conn->front->shared->readers, &read->job);
    if (!is_taken) {
        rest_read_free(read);
    }
    return is_taken;
}

void rest_read_start(struct http_request *request, struct rest_read *read)
{
    if (!rest_read_try(request, read)) {
        http_refuse(request, ERR(BUSY));
    }
}

void rest_read_plain(struct http_request *request,
                     struct err (*run)(struct reader *reader, struct rest_read *read))
{
    struct rest_read *read = rest_read_new(request, sizeof(*read), run);
    if (read != NULL) {
        rest_read_start(request, read);
    }
}

enum rest_step rest_read_ahead(struct http_request *request, struct rest_read *read)
{
    if (!rest_read_try(request, read)) {
        http_refuse(request, ERR(BUSY));
        return REST_TAKEN;
    }
    http_wait(request);
    return REST_AGAIN;
}

void rest_read_moment(struct http_request *request,
                      struct err (*run)(struct reader *reader, struct rest_read *read))
{
    struct rest_read *read = rest_read_new(request, sizeof(*read), run);
    if (read != NULL) {
        read->is_of_one_moment = true;
        rest_read_start(request, read);
    }
}

struct view rest_read_view(struct reader *reader, const struct rest_read *read)
{
    return (struct view){
        .reader = reader,
        .keyring = read->front->shared->keyring,
        .actor = &read->actor,
        .subject = read->subject,
        .operation = read->operation,
        .project = &read->project,
        .flags = read->view_flags,
        .origin = read->origin,
    };
}

struct err rest_read_find(struct reader *reader, const struct rest_read *read,
                          enum resource_kind kind, struct document *document)
{
    const struct view view = rest_read_view(reader, read);
    return view_find(&view, kind, &read->resource, document);
}
