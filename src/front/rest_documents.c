/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents of every kind over HTTP: create, read, update, delete. What they are is in the route:
 * its kind, and whether they lie in another resource. */
#include "front/rest_documents.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "front/rest_query.h"
#include "model/document.h"

#include <stdio.h>

const struct id *rest_document_id(const struct http_request *request)
{
    return request->route->flags & ROUTE_NESTED ? &request->child : &request->resource;
}

/* That an operator's account is the path's has been found out before (rest_begin). */
static bool has_parent(enum resource_kind kind, unsigned flags)
{
    return (flags & ROUTE_NESTED) && kind != RESOURCE_OPERATOR;
}

struct id rest_document_parent(const struct http_request *request)
{
    const struct rest_route *route = request->route;
    return has_parent(route->kind, route->flags) ? request->resource : (struct id){0};
}

/* ---- writing ---- */

void rest_document_detail(struct http_request *request, struct err err, struct slice field)
{
    request->detail_bytes = 0;
    if (!err_is_set(err) || slice_is_empty(field)) {
        return;
    }
    int bytes = snprintf(request->detail, sizeof(request->detail), "%.*s: %s", SLICE_ARGS(field),
                         err_text(err));
    request->detail_bytes = min_size((size_t)bytes, sizeof(request->detail) - 1);
}

void rest_document_refuse(struct http_request *request, struct err err)
{
    if (err_class(err) != ERR_CLASS_INVALID) {
        request->detail_bytes = 0;
    }
    http_refuse(request, err);
}

enum rest_step rest_document_send(struct http_request *request, struct document_send *send)
{
    struct slice field;
    struct err refusal;
    send->kind = request->route->kind;
    send->parent = rest_document_parent(request);
    send->project = request->project;
    send->is_for_all_users = request->is_for_all_users;
    send->body = send->body.at == NULL ? request->body : send->body;
    send->actor = &request->actor;
    send->qos = 1;
    send->request = request->number;
    if (document_send(request->conn, send, &field, &refusal) == PUBLISH_NO_ROOM) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    rest_document_detail(request, refusal, field);
    return REST_TAKEN;
}

enum rest_step rest_document_create(struct http_request *request)
{
    struct document_send send = {.is_creation = true};
    return rest_document_send(request, &send);
}

static void count_message(const struct http_request *request)
{
    atomic_fetch_add_explicit(&request->conn->front->stats.messages_in, 1, memory_order_relaxed);
}

/* On a path with a topic it is the same as a publish (contract: pubsub.md, principle). */
enum rest_step rest_document_update(struct http_request *request)
{
    struct document_send send = {.target = *rest_document_id(request)};
    enum rest_step step = rest_document_send(request, &send);
    if (step == REST_TAKEN && request->route->family != TOPIC_NONE) {
        count_message(request);
    }
    return step;
}

enum rest_step rest_publish_send(struct http_request *request, const struct topic *topic,
                                 struct slice context)
{
    struct publish_fault fault = {0};
    const struct publish publish = {
        .topic = topic,
        .payload = request->body,
        .actor = &request->actor,
        .qos = 1,
        .context = context,
        .request = request->number,
        .fault = &fault,
    };
    struct err err;
    switch (publish_send(request->conn, &publish, &err)) {
    case PUBLISH_SENT:
        rest_document_detail(request, fault.err, fault.field);
        count_message(request);
        break;
    case PUBLISH_REFUSED:
        http_refuse(request, err);
        break;
    case PUBLISH_NO_ROOM:
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    return REST_TAKEN;
}

enum rest_step rest_document_send_deletion(struct http_request *request, enum resource_kind kind,
                                           const struct id *id, const struct id *parent)
{
    struct conn *conn = request->conn;
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES);
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    struct command *command =
        front_command(conn->front, batch, COMMAND_DELETE, conn, &request->actor, request->number);
    command->target_kind = kind;
    command->target = *id;
    command->project = request->project;
    command->as.remove.parent = *parent;
    return REST_TAKEN;
}

enum rest_step rest_document_delete(struct http_request *request)
{
    const struct id parent = rest_document_parent(request);
    return rest_document_send_deletion(request, request->route->kind, rest_document_id(request),
                                       &parent);
}

/* ---- reading ---- */

struct document_read {
    struct rest_read read;
    enum resource_kind kind;
    bool is_nested; /* the document is the read's child */
    bool shows_key; /* the one that is in request->kept */
};

/* Whoever sees some of an account only sees a task with its batch. */
static struct err find_task(const struct view *view, const struct rest_read *read,
                            struct document *document)
{
    struct view of_batch = *view;
    of_batch.project = NULL; /* it is the task that the parameter narrows */
    TRY(view_check_project(view));
    TRY(view_find(&of_batch, RESOURCE_BATCH, &read->resource, document));
    TRY(documents_get(view->reader->documents, &read->child, document));
    bool is_narrowed = id_is_set(&read->project);
    bool is_in = !is_narrowed || perm_scopes_have_project(document->scopes, &read->project);
    return document->kind == RESOURCE_TASK && is_in ? ERR(OK) : ERR(NOT_FOUND);
}

struct err rest_document_find_child(struct reader *reader, const struct rest_read *read,
                                    enum resource_kind kind, struct document *document)
{
    const struct view view = rest_read_view(reader, read);
    bool is_with_batch = kind == RESOURCE_TASK && perm_depends_on_scopes(&read->actor);
    TRY(is_with_batch ? find_task(&view, read, document)
                      : view_find(&view, kind, &read->child, document));
    bool is_child = !has_parent(kind, ROUTE_NESTED) || id_equal(&document->parent, &read->resource);
    return is_child ? ERR(OK) : ERR(NOT_FOUND);
}

static struct err document_run(struct reader *reader, struct rest_read *read)
{
    const struct document_read *job = (const void *)read; /* it begins with the read */
    const struct view view = rest_read_view(reader, read);
    struct document document;
    TRY(job->is_nested ? rest_document_find_child(reader, read, job->kind, &document)
                       : rest_read_find(reader, read, job->kind, &document));
    return view_write_found(&view, &document, &read->body);
}

static struct document_read *read_new(struct http_request *request)
{
    struct document_read *job = rest_read_new(request, sizeof(*job), document_run);
    if (job != NULL) {
        job->read.is_of_one_moment = true;
        job->kind = request->route->kind;
        job->is_nested = (request->route->flags & ROUTE_NESTED) != 0;
    }
    return job;
}

enum rest_step rest_document_read(struct http_request *request)
{
    struct document_read *job = read_new(request);
    if (job != NULL) {
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}

/* ---- what a write answers: the document as it is then ---- */

/* Who changes scopes may put it out of its own sight: then the event tells how it was left. */
static bool is_out_of_sight(const struct http_request *request, const struct event *event)
{
    /* With a document may come others: the name that it has taken. */
    bool is_its = event != NULL && event->type == EVENT_DOCUMENT &&
                  id_equal(event->resource, rest_document_id(request));
    if (!is_its) {
        return false;
    }
    const struct perm_resource resource = {
        .account = event->account,
        .kind = event->kind,
        .id = event->resource,
        .parent = &request->resource,
        .scopes = event->scopes,
    };
    return err_is_set(perm_sees(&request->actor, &resource));
}

static void answer_from_event(struct http_request *request, const struct event *event)
{
    struct buf *out = &request->conn->front->scratch;
    struct slice shown;
    struct slice hidden;
    document_split(event->kind, event->text, &shown, &hidden);
    buf_reset(out);
    buf_put(out, shown);
    buf_put_byte(out, '}');
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        http_answer_body(request, buf_data(out));
    }
}

void rest_document_updated(struct http_request *request, const struct answer *answer,
                           const struct event *event)
{
    if (err_is_set(answer->err)) {
        rest_document_refuse(request, answer->err);
        return;
    }
    if (is_out_of_sight(request, event)) {
        answer_from_event(request, event);
        return;
    }
    struct document_read *job = read_new(request);
    if (job != NULL) {
        job->read.after = answer->after;
        job->read.operation = 0;            /* it has been judged */
        job->read.project = (struct id){0}; /* the update may have taken it out of there */
        rest_read_start(request, &job->read);
    }
}

/* Longest: "/accounts/<id>/operatorAccess/<id>", or an action type's, by its name. */
#define LOCATION_BYTES 192

/* The path of what was created. Action types are addressed by name, of which <document> tells;
 * names are made of characters that need no escape. */
static struct slice location_of(const struct http_request *request, const struct id *id,
                                struct slice document, char path[LOCATION_BYTES])
{
    enum resource_kind kind = request->route->kind;
    struct slice parent = id_slice(&request->resource);
    struct slice name =
        kind == RESOURCE_ACTION_TYPE ? document_text(document, SLICE("name")) : id_slice(id);
    int bytes;
    if (kind == RESOURCE_APPLICATION) {
        bytes = snprintf(path, LOCATION_BYTES, "/projects/%.*s/applications/%.*s",
                         SLICE_ARGS(parent), SLICE_ARGS(name));
    } else if (kind == RESOURCE_OPERATOR) {
        bytes = snprintf(path, LOCATION_BYTES, "/accounts/%.*s/operatorAccess/%.*s",
                         SLICE_ARGS(parent), SLICE_ARGS(name));
    } else {
        bytes =
            snprintf(path, LOCATION_BYTES, "%s/%.*s", document_kind(kind)->path, SLICE_ARGS(name));
    }
    return slice_of(path, min_size((size_t)bytes, LOCATION_BYTES - 1));
}

static void answer_created(struct http_request *request, const struct id *id, struct slice body)
{
    char path[LOCATION_BYTES];
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = body,
                             .location = location_of(request, id, body, path),
                         });
}

/* <document>, an object, with the key put behind its members. */
static void answer_created_with_key(struct http_request *request, const struct id *id,
                                    struct slice document)
{
    struct buf *out = &request->conn->front->scratch;
    buf_reset(out);
    buf_put(out, slice_first(document, document.bytes - 1));
    json_write_member_string(out, SLICE("apiKey"),
                             slice_of(request->kept.issue.api_key, API_KEY_BYTES));
    json_write_close(out, '}');
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        answer_created(request, id, buf_data(out));
    }
    buf_wipe(out);
}

/* It is there, but cannot be read now. "Try again" would make a second one. */
static void answer_created_unread(struct http_request *request, const struct id *id, bool shows_key)
{
    char body[sizeof("{\"id\":\"\"}") + ID_BYTES];
    int bytes = snprintf(body, sizeof(body), "{\"id\":\"%.*s\"}", SLICE_ARGS(id_slice(id)));
    struct slice document = slice_of(body, (size_t)bytes);
    if (shows_key) {
        answer_created_with_key(request, id, document);
    } else {
        answer_created(request, id, document);
    }
}

static void created_arrived(struct http_request *request, struct rest_read *read)
{
    const struct document_read *job = (const void *)read; /* it begins with the read */
    const struct id *id = job->is_nested ? &read->child : &read->resource;
    enum err_class class = err_class(read->err);
    /* Or others have deleted it, or taken it out of this key's sight, in the meantime. */
    if (class == ERR_CLASS_BUSY || class == ERR_CLASS_ABSENT) {
        answer_created_unread(request, id, job->shows_key);
    } else if (err_is_set(read->err)) {
        http_refuse(request, read->err);
    } else if (job->shows_key) {
        answer_created_with_key(request, id, buf_data(&read->body));
    } else {
        answer_created(request, id, buf_data(&read->body));
    }
}

static void read_created(struct http_request *request, const struct answer *answer, bool shows_key)
{
    struct document_read *job = read_new(request);
    if (job == NULL) {
        return;
    }
    job->shows_key = shows_key;
    job->read.after = answer->after;
    job->read.operation = 0;            /* it has been judged */
    job->read.project = (struct id){0}; /* that, too */
    job->read.arrived = created_arrived;
    job->read.view_flags |= VIEW_CREATED;
    if (job->is_nested) {
        job->read.child = answer->created;
    } else {
        job->read.resource = answer->created;
    }
    if (!rest_read_try(request, &job->read)) {
        answer_created_unread(request, &answer->created, shows_key);
    }
}

/* Without first values, scopes, keys, links and what is hidden the event holds all that is shown.
 */
static bool is_whole(const struct http_request *request, const struct event *event)
{
    struct slice shown;
    struct slice hidden;
    if (event == NULL || event->type != EVENT_DOCUMENT || event->kind != request->route->kind ||
        event->kind == RESOURCE_APPLICATION || event->kind == RESOURCE_FILE ||
        rest_query_is_true(request->query, SLICE("withScopes"))) {
        return false;
    }
    document_split(event->kind, event->text, &shown, &hidden);
    return slice_is_empty(hidden);
}

void rest_document_created(struct http_request *request, const struct answer *answer,
                           const struct event *event)
{
    if (err_is_set(answer->err)) {
        rest_document_refuse(request, answer->err);
    } else if (is_whole(request, event)) {
        answer_created(request, &answer->created, event->text);
    } else {
        read_created(request, answer, false);
    }
}

void rest_document_created_with_key(struct http_request *request, const struct answer *answer,
                                    const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        rest_document_refuse(request, answer->err);
    } else {
        read_created(request, answer, true);
    }
}
