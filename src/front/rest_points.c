/* SPDX-License-Identifier: Apache-2.0
 *
 * Properties and location over HTTP: a write is a publish on the topic with the same path; a read
 * is the latest of each property, or the history of one. */
#include "front/rest.h"

#include "base/assert.h"
#include "front/rest_documents.h"
#include "front/rest_query.h"
#include "front/view_state.h"
#include "model/location.h"
#include "model/property.h"

/* ---- writing ---- */

enum rest_step rest_publish(struct http_request *request)
{
    struct topic topic = {
        .family = request->route->family,
        .resource = request->resource,
        .options.project = request->project,
        .name_bytes = (uint16_t)request->key.bytes,
    };
    ASSERT(request->key.bytes <= sizeof(topic.name_at));
    if (request->key.bytes > 0) {
        memcpy(topic.name_at, request->key.at, request->key.bytes);
    }
    return rest_publish_send(request, &topic, (struct slice){0});
}

/* The points as they were stored, in the order of the request. */
static void write_stored(struct buf *out, const struct event *from)
{
    struct event event = *from;
    struct point point;
    while (event_next_point(&event, &point)) {
        if (buf_bytes(out) > 1) {
            buf_put_byte(out, ',');
        }
        if (slice_is_empty(point.key)) {
            location_write_item(out, point.value, point.timestamp_ms, event.time_ms);
        } else {
            property_write_sample(out, &(struct property_sample){
                                           .key = point.key,
                                           .value = point.value,
                                           .timestamp_ms = point.timestamp_ms,
                                           .created_ms = event.time_ms,
                                       });
        }
    }
}

void rest_points_written(struct http_request *request, const struct answer *answer,
                         const struct event *event)
{
    struct err err = answer->err;
    /* The points are the command's only event, and the last before its answer. */
    if (!err_is_set(err) && answer->event != 0 && event == NULL) {
        err = ERR(INTERNAL);
    }
    if (err_is_set(err)) {
        http_refuse(request, err);
        return;
    }
    struct buf *out = &request->conn->front->scratch;
    buf_reset(out);
    buf_put_byte(out, '[');
    if (event != NULL) {
        write_stored(out, event);
    }
    buf_put_byte(out, ']');
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        http_answer_body(request, buf_data(out));
    }
}

/* ---- deleting ---- */

static struct err read_span(const struct http_request *request, struct command *command)
{
    bool has_from;
    bool has_to;
    command->as.cut.to_ms = INT64_MAX;
    TRY(rest_query_time(request->query, SLICE("from"), &has_from, &command->as.cut.from_ms));
    TRY(rest_query_time(request->query, SLICE("to"), &has_to, &command->as.cut.to_ms));
    command->as.cut.everything = !has_from && !has_to;
    return ERR(OK);
}

enum rest_step rest_cut(struct http_request *request)
{
    struct conn *conn = request->conn;
    struct command_batch *batch =
        front_batch(conn->front, FRONT_COMMAND_BYTES + request->key.bytes);
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    struct slice key;
    bool copied = command_batch_copy(batch, request->key, &key);
    ASSERT(copied);
    struct command *command =
        front_command(conn->front, batch, COMMAND_CUT, conn, &request->actor, request->number);
    enum topic_family family = request->route->family;
    command->target_kind = request->route->kind;
    command->target = request->resource;
    command->project = request->project;
    command->as.cut.key = key;
    command->as.cut.all = family == TOPIC_THNG_PROPERTIES || family == TOPIC_PRODUCT_PROPERTIES;
    command->as.cut.location = family == TOPIC_THNG_LOCATION;
    command->refusal = read_span(request, command);
    return REST_TAKEN;
}

/* ---- reading ---- */

/* A read of the points of a thng or a product. */
struct properties_job {
    struct rest_read read;
    enum resource_kind kind;
};

static struct err properties_run(struct reader *reader, struct rest_read *read)
{
    const struct properties_job *job = (const void *)read; /* it begins with it */
    const struct view view = rest_read_view(reader, read);
    struct document document;
    bool found; /* without any the array is empty */
    TRY(rest_read_find(reader, read, job->kind, &document));
    return view_properties(&view, &read->resource, &read->body, &found);
}

enum rest_step rest_properties_read(struct http_request *request)
{
    struct properties_job *job = rest_read_new(request, sizeof(*job), properties_run);
    if (job != NULL) {
        job->read.is_of_one_moment = true;
        job->kind = request->route->kind;
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}

struct history_job {
    struct rest_read read;
    enum resource_kind kind;
    struct err query_err;
    struct history_query query;
    bool is_latest;
};

/* Items of a property's history have no key (rest.md 3.1). */
static void write_item(struct buf *out, bool is_location, const struct sample *sample)
{
    if (buf_bytes(out) > 1) {
        buf_put_byte(out, ',');
    }
    if (is_location) {
        location_write_item(out, sample->value, sample->timestamp_ms, sample->created_ms);
    } else {
        property_write_sample(out, &(struct property_sample){
                                       .value = sample->value,
                                       .timestamp_ms = sample->timestamp_ms,
                                       .created_ms = sample->created_ms,
                                   });
    }
}

static struct err write_latest(struct reader *reader, struct history_job *job)
{
    struct sample sample;
    bool found;
    TRY(history_latest(store_history(reader->store), job->query.property, &sample, &reader->value,
                       &found));
    if (found) {
        write_item(&job->read.body, slice_is_empty(job->read.key), &sample);
    }
    return ERR(OK);
}

static struct err write_page(struct reader *reader, struct history_job *job)
{
    struct samples *samples = &reader->samples;
    if (job->query.from_ms > job->query.to_ms) {
        return ERR(OK);
    }
    TRY(history_read(store_history(reader->store), &job->query, samples));
    uint32_t count = 0;
    while (count < samples->count && buf_bytes(&job->read.body) <= REST_PAGE_BYTES) {
        write_item(&job->read.body, slice_is_empty(job->read.key), &samples->at[count++]);
    }
    if (count > 0 && (samples->more || count < samples->count)) {
        rest_history_token(&job->read.next_token, &samples->at[count - 1]);
    }
    return ERR(OK);
}

static struct err history_run(struct reader *reader, struct rest_read *read)
{
    struct history_job *job = (struct history_job *)(void *)read; /* it begins with the read */
    struct document document;
    TRY(rest_read_find(reader, read, job->kind, &document));
    TRY(job->query_err);
    buf_put_byte(&read->body, '[');
    struct err err =
        documents_property(reader->documents, &read->resource, read->key, &job->query.property);
    /* A key that was never written has an empty history. */
    if (!err_equal(err, ERR(NOT_FOUND))) {
        TRY(err);
        TRY(job->is_latest ? write_latest(reader, job) : write_page(reader, job));
    }
    buf_put_byte(&read->body, ']');
    return ERR(OK);
}

enum rest_step rest_history_read(struct http_request *request)
{
    struct history_job *job = rest_read_new(request, sizeof(*job), history_run);
    if (job != NULL) {
        job->kind = request->route->kind;
        job->query_err = rest_history_read_query(request->query, &job->query, &job->is_latest);
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}
