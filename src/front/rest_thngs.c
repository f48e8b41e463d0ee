/* SPDX-License-Identifier: Apache-2.0
 *
 * Thngs over HTTP: create, list, read, update, delete. */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "front/rest_query.h"
#include "front/rest_read.h"
#include "front/view.h"
#include "model/document.h"
#include "model/location.h"
#include "model/property.h"

#include <stdio.h>

/* ---- create ---- */

/* Room for the names in the text of an embedded location; its numbers are written twice. */
#define LOCATION_TEXT_EXTRA 256
/* What one first value may need beyond its bytes: its row, and two roundings of the batch. */
#define FIRST_VALUE_BYTES (sizeof(struct command_point) + 64)

struct creation {
    struct document_body body;
    struct slice field; /* at fault */
};

static struct err check(const struct http_request *request, struct creation *creation)
{
    struct front *front = request->conn->front;
    struct json_value body;
    if (slice_is_empty(request->body)) {
        return ERR(BODY_MISSING);
    }
    TRY(json_scan(request->body, front->shared->limits.json_depth_max, &body));
    const struct document_limits limits = front_document_limits(front);
    TRY(document_check_thng(body, true, NULL, &limits, &front->scratch, &front->scopes,
                            &creation->body, &creation->field));
    if (creation->body.has_product) {
        creation->field = SLICE("product"); /* this version keeps none to refer to */
        return ERR(REFERENCE_UNKNOWN);
    }
    if (creation->body.has_properties &&
        json_count(creation->body.properties) > front->shared->limits.points_max) {
        return ERR(POINTS_TOO_MANY);
    }
    return ERR(OK);
}

/* One first value, its key and value copied into the batch. */
static struct err put_property(struct command_batch *batch, const struct json_member *member,
                               struct command_point *point)
{
    uint8_t *to = command_batch_take(batch, member->name.bytes);
    ASSERT(to != NULL);
    struct slice name = slice_of(to, json_raw_decode(member->name, to));
    TRY(property_key_normalise(name, to, &point->key));
    if (member->value.type == JSON_NULL) {
        return ERR(PROPERTY_VALUE_MISSING);
    }
    bool copied = command_batch_copy(batch, member->value.text, &point->value);
    ASSERT(copied);
    return ERR(OK);
}

static struct err put_location(struct front *front, struct command_batch *batch,
                               struct json_value value, struct command_point *point)
{
    struct location location;
    TRY(location_read(value, &location));
    /* A place alone says where only when the place is known; this version keeps no places. */
    if (id_is_set(&location.place)) {
        return ERR(REFERENCE_UNKNOWN);
    }
    buf_reset(&front->scratch);
    location_write_text(&front->scratch, &location);
    if (front->scratch.failed) {
        return ERR(NO_MEMORY);
    }
    bool copied = command_batch_copy(batch, buf_data(&front->scratch), &point->value);
    ASSERT(copied);
    return ERR(OK);
}

/* The first values of properties and of the location are stamped with the time of creation. */
static struct err put_first_properties(struct command_batch *batch, struct creation *creation,
                                       struct command_point *at, uint32_t *count)
{
    if (!creation->body.has_properties) {
        return ERR(OK);
    }
    struct json_each each = json_each(creation->body.properties);
    struct json_member member;
    creation->field = SLICE("properties");
    while (json_object_next(&each, &member)) {
        at[*count] = (struct command_point){.timestamp_ms = TIMESTAMP_NONE};
        TRY(put_property(batch, &member, &at[*count]));
        ++*count;
    }
    return ERR(OK);
}

static struct err put_first_location(struct front *front, struct command_batch *batch,
                                     struct creation *creation, struct command_point *at,
                                     uint32_t *count)
{
    if (!creation->body.has_location) {
        return ERR(OK);
    }
    creation->field = SLICE("location");
    at[*count] = (struct command_point){.timestamp_ms = TIMESTAMP_NONE};
    TRY(put_location(front, batch, creation->body.location, &at[*count]));
    ++*count;
    return ERR(OK);
}

static size_t room_for(const struct creation *creation, size_t point_count)
{
    size_t bytes = FRONT_COMMAND_BYTES + creation->body.members.bytes +
                   creation->body.scopes.bytes + point_count * FIRST_VALUE_BYTES;
    if (creation->body.has_properties) {
        bytes += creation->body.properties.text.bytes;
    }
    if (creation->body.has_location) {
        bytes += 2 * creation->body.location.text.bytes + LOCATION_TEXT_EXTRA;
    }
    return bytes;
}

/* Whom the error is about, for people. */
static void keep_detail(struct http_request *request, struct err err, struct slice field)
{
    if (!err_is_set(err) || slice_is_empty(field)) {
        return;
    }
    int bytes = snprintf(request->detail, sizeof(request->detail), "%.*s: %s", SLICE_ARGS(field),
                         err_text(err));
    request->detail_bytes = min_size((size_t)bytes, sizeof(request->detail) - 1);
}

enum rest_step rest_thng_create(struct http_request *request)
{
    struct front *front = request->conn->front;
    struct creation creation = {0};
    struct err err = check(request, &creation);
    if (err_is_set(err)) {
        creation.body = (struct document_body){0};
    }
    const struct document_body *body = &creation.body;
    size_t points_max =
        (body->has_properties ? json_count(body->properties) : 0) + body->has_location;
    struct command_batch *batch = front_batch(front, room_for(&creation, points_max));
    if (batch == NULL) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    struct slice members;
    struct slice scopes;
    bool copied = command_batch_copy(batch, body->members, &members) &&
                  command_batch_copy(batch, body->scopes, &scopes);
    ASSERT(copied);
    uint32_t count = 0;
    struct command_point *points = command_batch_take(batch, points_max * sizeof(*points));
    ASSERT(points != NULL);
    if (!err_is_set(err)) {
        err = put_first_properties(batch, &creation, points, &count);
    }
    if (!err_is_set(err)) {
        err = put_first_location(front, batch, &creation, points, &count);
    }
    keep_detail(request, err, creation.field);
    struct command *command = front_command(front, batch, COMMAND_CREATE, request->conn,
                                            &request->actor, request->number);
    command->refusal = err;
    command->as.create.kind = RESOURCE_THNG;
    command->as.create.members = members;
    command->as.create.scopes = scopes;
    command->as.create.points = points;
    command->as.create.point_count = count;
    return REST_TAKEN;
}

/* ---- what a write answers: the thng as it is then ---- */

static struct err created_run(struct reader *reader, struct rest_read *read)
{
    return view_thng_created(reader, &read->actor, &read->resource, read->with_scopes, &read->body);
}

static void answer_created(struct http_request *request, const struct id *id, struct slice body)
{
    char path[sizeof("/thngs/") + ID_BYTES];
    int bytes = snprintf(path, sizeof(path), "/thngs/%.*s", SLICE_ARGS(id_slice(id)));
    http_answer(request, &(struct http_answer){
                             .status = 201,
                             .body = body,
                             .location = slice_of(path, (size_t)bytes),
                         });
}

/* The thng is there, but cannot be read now. "Try again" would make a second one. */
static void answer_created_unread(struct http_request *request, const struct id *id)
{
    char body[sizeof("{\"id\":\"\"}") + ID_BYTES];
    int bytes = snprintf(body, sizeof(body), "{\"id\":\"%.*s\"}", SLICE_ARGS(id_slice(id)));
    answer_created(request, id, slice_of(body, (size_t)bytes));
}

static void created_arrived(struct http_request *request, struct rest_read *read)
{
    if (err_class(read->err) == ERR_CLASS_BUSY) {
        answer_created_unread(request, &read->resource);
    } else if (err_is_set(read->err)) {
        http_refuse(request, read->err);
    } else {
        answer_created(request, &read->resource, buf_data(&read->body));
    }
}

/* Without first values and scopes the event holds the whole thng as it is stored. */
static bool is_whole_thng(const struct http_request *request, const struct event *event)
{
    return event != NULL && event->type == EVENT_DOCUMENT &&
           !rest_query_is_true(request->query, SLICE("withScopes"));
}

void rest_thng_created(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    if (err_is_set(answer->err)) {
        /* What was wrong with a field is not what stopped it, if something else did. */
        bool is_about_field = err_class(answer->err) == ERR_CLASS_INVALID;
        request->detail_bytes = is_about_field ? request->detail_bytes : 0;
        http_refuse(request, answer->err);
        return;
    }
    if (is_whole_thng(request, event)) {
        answer_created(request, &answer->created, event->text);
        return;
    }
    struct rest_read *read = rest_read_new(request, sizeof(*read), created_run);
    if (read != NULL) {
        read->after = answer->after;
        read->resource = answer->created;
        read->arrived = created_arrived;
        if (!rest_read_try(request, read)) {
            answer_created_unread(request, &answer->created);
        }
    }
}

static struct err thng_run(struct reader *reader, struct rest_read *read)
{
    return view_thng(reader, &read->actor, &read->resource, read->with_scopes, &read->body);
}

void rest_thng_updated(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
        return;
    }
    struct rest_read *read = rest_read_new(request, sizeof(*read), thng_run);
    if (read != NULL) {
        read->after = answer->after;
        rest_read_start(request, read);
    }
}

enum rest_step rest_thng_read(struct http_request *request)
{
    rest_read_plain(request, thng_run);
    return REST_TAKEN;
}

enum rest_step rest_thng_delete(struct http_request *request)
{
    struct conn *conn = request->conn;
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES);
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    struct command *command =
        front_command(conn->front, batch, COMMAND_DELETE, conn, &request->actor, request->number);
    command->target = request->resource;
    command->as.remove.kind = RESOURCE_THNG;
    return REST_TAKEN;
}

/* ---- lists ---- */

struct list_job {
    struct rest_read read;
    struct rest_list list;
    bool is_head;
    struct buf rows; /* struct row, text, scopes; and so on */
    uint32_t row_count;
    bool has_more; /* rows behind these, for the next page */
};

struct row {
    struct id id;
    int64_t created_ms;
    size_t text_bytes;
    size_t scopes_bytes;
};

static void list_release(struct rest_read *read)
{
    struct list_job *job = (struct list_job *)(void *)read; /* it begins with the read */
    rest_list_deinit(&job->list);
    buf_deinit(&job->rows);
}

/* Keeps the row: what is derived is read when the statement is done. Stops at a row that has no
 * place on the page. */
static bool keep_row(void *arg, const struct document *document)
{
    struct list_job *job = arg;
    if (job->row_count == job->list.per_page || buf_bytes(&job->rows) > REST_PAGE_BYTES) {
        job->has_more = true;
        return false;
    }
    const struct row row = {
        .id = document->id,
        .created_ms = document->created_ms,
        .text_bytes = document->text.bytes,
        .scopes_bytes = document->scopes.bytes,
    };
    buf_put_bytes(&job->rows, &row, sizeof(row));
    buf_put(&job->rows, document->text);
    buf_put(&job->rows, document->scopes);
    job->row_count++;
    return !job->rows.failed;
}

static struct err write_rows(struct reader *reader, struct list_job *job)
{
    struct buf *out = &job->read.body;
    struct cursor rows = cursor_over(buf_data(&job->rows));
    unsigned flags = job->list.with_scopes ? VIEW_SCOPES : 0;
    struct slice bytes;
    for (uint32_t left = job->row_count; left > 0; left--) {
        struct row row;
        struct document document = {0};
        bool is_whole = cursor_read_bytes(&rows, sizeof(row), &bytes);
        ASSERT(is_whole);
        memcpy(&row, bytes.at, sizeof(row));
        document.id = row.id;
        is_whole = cursor_read_bytes(&rows, row.text_bytes, &document.text) &&
                   cursor_read_bytes(&rows, row.scopes_bytes, &document.scopes);
        ASSERT(is_whole);
        json_write_comma(out);
        TRY(view_write_thng(reader, &document, flags, out));
        bool has_next = left > 1 || job->has_more;
        bool is_last = left == 1 || buf_bytes(out) > REST_PAGE_BYTES;
        if (is_last && has_next) {
            rest_list_token(&job->read.next_token, row.created_ms, &row.id);
        }
        if (is_last) {
            break;
        }
    }
    return ERR(OK);
}

/* Counting all costs a walk over them, but when one page holds all it is known. */
static struct err count_rows(struct reader *reader, struct list_job *job,
                             const struct documents_query *query)
{
    /* To the query no ids at all would mean any id. */
    bool is_none = job->list.has_ids && job->list.id_count == 0;
    bool is_all = is_none || (!query->has_after && query->skip == 0 && !job->has_more);
    job->read.has_count = is_all || job->is_head || job->list.with_count;
    job->read.count = job->row_count;
    if (job->read.has_count && !is_all) {
        return documents_count(reader->documents, query, &job->read.count);
    }
    return ERR(OK);
}

static struct err read_rows(struct reader *reader, struct list_job *job)
{
    struct documents_query query = rest_list_query(&job->list, job->read.actor.account);
    query.limit = job->list.per_page + 1; /* one more tells that there is another page */
    if (!job->list.has_ids || job->list.id_count > 0) {
        TRY(documents_list(reader->documents, &query, keep_row, job));
    }
    if (job->rows.failed) {
        return ERR(NO_MEMORY);
    }
    TRY(count_rows(reader, job, &query));
    return write_rows(reader, job);
}

static struct err list_run(struct reader *reader, struct rest_read *read)
{
    struct list_job *job = (struct list_job *)(void *)read; /* it begins with the read */
    json_write_open(&read->body, '[');
    TRY(documents_reader_begin(reader->documents));
    struct err err = read_rows(reader, job);
    documents_reader_end(reader->documents);
    json_write_close(&read->body, ']');
    return err;
}

enum rest_step rest_thng_list(struct http_request *request)
{
    struct list_job *job = rest_read_new(request, sizeof(*job), list_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    job->read.release = list_release;
    job->is_head = request->is_head;
    struct err err = rest_list_read(request->query, &job->list);
    if (err_is_set(err)) {
        rest_read_free(&job->read);
        http_refuse(request, err);
        return REST_TAKEN;
    }
    rest_read_start(request, &job->read);
    return REST_TAKEN;
}
