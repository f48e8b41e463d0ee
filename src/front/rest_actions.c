/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions over HTTP, under their four roots (contract: REST 7.3): /actions, and those of a thng, a
 * product, a collection. The word `all` in place of the type stands for every type. And the list of
 * action types; else types are documents like others. */
#include "front/rest.h"

#include "front/context.h"
#include "front/publish.h"
#include "front/rest_documents.h"
#include "front/rest_lists.h"
#include "front/rest_read.h"
#include "front/view_state.h"
#include "model/action.h"

#include "base/assert.h"
#include "codec/json_write.h"

static bool is_any_type(struct slice type)
{
    return slice_equal(type, SLICE("all"));
}

/* ---- recording ---- */

/* The topic that has the same path. */
static struct err topic_of(const struct http_request *request, struct topic *topic)
{
    static const enum topic_family families_of_all[TOPIC_FAMILY_COUNT] = {
        [TOPIC_ACTIONS] = TOPIC_ACTIONS_ALL,
        [TOPIC_THNG_ACTIONS] = TOPIC_THNG_ACTIONS_ALL,
        [TOPIC_PRODUCT_ACTIONS] = TOPIC_PRODUCT_ACTIONS_ALL,
        [TOPIC_COLLECTION_ACTIONS] = TOPIC_COLLECTION_ACTIONS_ALL,
    };
    struct slice type = request->type;
    topic->family = request->route->family;
    topic->resource = request->resource;
    topic->options.project = request->project;
    topic->name_bytes = 0;
    if (is_any_type(type)) {
        topic->family = families_of_all[topic->family];
        return ERR(OK);
    }
    if (slice_is_empty(type) || type.bytes > sizeof(topic->name_at)) {
        return ERR(NOT_FOUND); /* no type has such a name */
    }
    memcpy(topic->name_at, type.at, type.bytes);
    topic->name_bytes = (uint16_t)type.bytes;
    return ERR(OK);
}

static bool is_array(struct slice body)
{
    size_t at = 0;
    while (at < body.bytes && (body.at[at] == ' ' || body.at[at] == '\t' || body.at[at] == '\r' ||
                               body.at[at] == '\n')) {
        at++;
    }
    return at < body.bytes && body.at[at] == '[';
}

enum rest_step rest_action_create(struct http_request *request)
{
    struct topic topic = {0};
    struct err err = topic_of(request, &topic);
    if (err_is_set(err)) {
        http_refuse(request, err);
        return REST_TAKEN;
    }
    request->kept.actions.is_array = is_array(request->body);
    return rest_publish_send(request, &topic,
                             context_of(request->conn, topic.family, request->user_agent));
}

/* ---- what recording answers: the actions, with their context ---- */

static bool is_action(const struct event *event)
{
    return event->type == EVENT_DOCUMENT && event->kind == RESOURCE_ACTION;
}

void rest_action_event(struct http_request *request, const struct event *event)
{
    struct buf *out = &request->gathered;
    if (!is_action(event)) {
        return;
    }
    out->bytes_max = REST_ANSWER_BYTES_MAX;
    buf_put_byte(out, buf_bytes(out) == 0 ? '[' : ',');
    buf_put(out, event->text);
}

/* The events have been all there were, or there were none: an empty array. */
static void answer_array(struct http_request *request, const struct event *event)
{
    struct buf *out = &request->gathered;
    if (event != NULL) {
        rest_action_event(request, event);
    } else {
        buf_put_byte(out, '[');
    }
    buf_put_byte(out, ']');
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return;
    }
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = buf_data(out),
                         });
}

/* The path it was recorded on, with its own type. */
static void answer_one(struct http_request *request, const struct event *event)
{
    struct action_targets action;
    struct buf *path = &request->gathered;
    action_targets(event->text, &action);
    topic_write(path, (struct topic_ref){
                          .family = request->route->family,
                          .resource = id_is_set(&request->resource) ? &request->resource : NULL,
                          .name = action.type,
                      });
    buf_put_byte(path, '/');
    buf_put(path, id_slice(event->resource));
    if (path->failed) {
        buf_reset(path); /* it is recorded: better without its path than an error */
    }
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = event->text,
                             .location = buf_data(path),
                         });
}

void rest_action_created(struct http_request *request, const struct answer *answer,
                         const struct event *event)
{
    struct err err = answer->err;
    bool is_missing = answer->event != 0 && (event == NULL || !is_action(event));
    if (!err_is_set(err) && is_missing) {
        err = ERR(INTERNAL);
    }
    if (err_is_set(err)) {
        rest_document_refuse(request, err);
    } else if (request->kept.actions.is_array) {
        answer_array(request, event);
    } else {
        ASSERT(event != NULL); /* one action is one event */
        answer_one(request, event);
    }
}

/* ---- lists ---- */

enum rest_step rest_action_list(struct http_request *request)
{
    const struct slice root = id_slice(&request->resource);
    struct filter_condition conditions[2];
    uint32_t count = 0;
    enum filter_field field;
    /* Under no root lie all actions. */
    if (view_action_target(request->route->kind, &field)) {
        conditions[count++] =
            (struct filter_condition){.field = field, .values = &root, .value_count = 1};
    }
    if (!is_any_type(request->type)) {
        conditions[count++] = (struct filter_condition){
            .field = FILTER_TYPE, .values = &request->type, .value_count = 1};
    }
    return rest_list_start(request, &(struct rest_list_base){
                                        .kind = RESOURCE_ACTION,
                                        .root_kind = request->route->kind,
                                        .conditions = conditions,
                                        .condition_count = count,
                                    });
}

static bool built_in_name(size_t index, struct slice *name)
{
    return action_type_built_in(index, name);
}

static struct slice built_in_member(struct slice name, enum filter_field field)
{
    return field == FILTER_NAME ? name : (struct slice){0};
}

static void write_built_in(struct buf *out, struct slice name)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("name"), name);
    json_write_close(out, '}');
}

enum rest_step rest_action_type_list(struct http_request *request)
{
    static const struct rest_list_leading built_in = {
        .name = built_in_name,
        .member = built_in_member,
        .write = write_built_in,
    };
    return rest_list_start(request, &(struct rest_list_base){
                                        .kind = RESOURCE_ACTION_TYPE,
                                        .leading = &built_in,
                                    });
}

/* ---- one ---- */

struct action_read {
    struct rest_read read;
    enum resource_kind root;
};

/* Is it what the path says: under that root, of that type? */
static bool is_on_path(const struct action_read *job, const struct document *document)
{
    struct action_targets action;
    action_targets(document->text, &action);
    const struct id *target = job->root == RESOURCE_THNG      ? &action.thng
                              : job->root == RESOURCE_PRODUCT ? &action.product
                                                              : &action.collection;
    bool is_under_root = job->root == 0 || id_equal(target, &job->read.resource);
    return is_under_root &&
           (is_any_type(job->read.type) || slice_equal(action.type, job->read.type));
}

static struct err find_action(struct reader *reader, const struct action_read *job,
                              struct document *document)
{
    const struct view view = rest_read_view(reader, &job->read);
    if (job->root != 0) {
        TRY(view_find(&view, job->root, &job->read.resource, document));
    }
    TRY(view_find(&view, RESOURCE_ACTION, &job->read.child, document));
    return is_on_path(job, document) ? ERR(OK) : ERR(NOT_FOUND);
}

static struct err action_run(struct reader *reader, struct rest_read *read)
{
    const struct action_read *job = (const void *)read; /* it begins with the read */
    const struct view view = rest_read_view(reader, read);
    struct document document;
    TRY(find_action(reader, job, &document));
    return view_write_found(&view, &document, &read->body);
}

enum rest_step rest_action_read(struct http_request *request)
{
    struct action_read *job = rest_read_new(request, sizeof(*job), action_run);
    if (job != NULL) {
        job->read.is_of_one_moment = true;
        job->root = request->route->kind;
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}

/* ---- deleting ---- */

/* Whether the action is of the path's type the engine looks at. */
enum rest_step rest_action_delete(struct http_request *request)
{
    struct id type = {0};
    if (!is_any_type(request->type)) {
        type = id_of_name(request->actor.account, RESOURCE_ACTION_TYPE, request->type);
    }
    return rest_document_send_deletion(request, RESOURCE_ACTION, &request->child, &type);
}
