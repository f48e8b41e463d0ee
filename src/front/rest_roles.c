/* SPDX-License-Identifier: Apache-2.0
 *
 * Roles over HTTP, as far as they differ from other documents (contract: auth.md 8): three are
 * built in, and their permissions are resources of their own. */
#include "front/rest_documents.h"
#include "front/rest_lists.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "model/document.h"
#include "model/role.h"

/* The version of the language that permissions are written in. */
#define ROLE_VERSION 2

/* ---- what is built in ---- */

static bool is_built_in(const struct http_request *request)
{
    return !id_is_set(&request->resource);
}

static struct slice type_name(enum role_type type)
{
    return type == ROLE_OPERATOR ? SLICE("operator") : SLICE("userInApp");
}

static struct slice built_in_member(struct slice name, enum filter_field field)
{
    enum role_type type;
    switch (field) {
    case FILTER_NAME:
        return name;
    case FILTER_TYPE:
        return role_is_built_in(name, &type) && type != 0 ? type_name(type) : (struct slice){0};
    default:
        return (struct slice){0};
    }
}

static void write_built_in(struct buf *out, struct slice name)
{
    struct slice type = built_in_member(name, FILTER_TYPE);
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), name);
    json_write_member_string(out, SLICE("name"), name);
    if (!slice_is_empty(type)) {
        json_write_member_string(out, SLICE("type"), type);
    }
    json_write_member_int(out, SLICE("version"), ROLE_VERSION);
    json_write_close(out, '}');
}

/* ---- lists ---- */

/* To users: what they could have. */
static bool built_in_of_users(size_t index, struct slice *name)
{
    *name = ROLE_BASE_APP_USER;
    return index == 0;
}

enum rest_step rest_role_list(struct http_request *request)
{
    static const struct rest_list_leading all = {
        .name = role_built_in,
        .member = built_in_member,
        .write = write_built_in,
    };
    static const struct rest_list_leading of_users = {
        .name = built_in_of_users,
        .member = built_in_member,
        .write = write_built_in,
    };
    const struct slice type = type_name(ROLE_USER);
    const struct filter_condition is_for_users = {
        .field = FILTER_TYPE,
        .values = &type,
        .value_count = 1,
    };
    bool is_user = request->actor.kind == ACTOR_USER;
    return rest_list_start(request, &(struct rest_list_base){
                                        .kind = RESOURCE_ROLE,
                                        .conditions = &is_for_users,
                                        .condition_count = is_user,
                                        .leading = is_user ? &of_users : &all,
                                    });
}

/* ---- one ---- */

enum rest_step rest_role_read(struct http_request *request)
{
    if (!is_built_in(request)) {
        return rest_document_read(request);
    }
    struct buf *out = &request->conn->front->scratch;
    buf_reset(out);
    write_built_in(out, request->resource_text);
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        http_answer_body(request, buf_data(out));
    }
    return REST_TAKEN;
}

static enum rest_step refuse_built_in(struct http_request *request)
{
    http_refuse(request, ERR(BUILT_IN));
    return REST_TAKEN;
}

enum rest_step rest_role_update(struct http_request *request)
{
    return is_built_in(request) ? refuse_built_in(request) : rest_document_update(request);
}

enum rest_step rest_role_delete(struct http_request *request)
{
    return is_built_in(request) ? refuse_built_in(request) : rest_document_delete(request);
}

/* ---- permissions ---- */

/* A read of a role's permissions, or of one of them: read->type is its name. */
struct permissions_read {
    struct rest_read read;
    struct slice built_in; /* static; empty: the path's id is the role's */
    struct slice body;     /* of a PUT: what is put over them */
    uint8_t memory[];
};

/* All that an operator's role has, with <text> put over it. */
static void put_switches(const char *text, struct buf *out)
{
    struct json_value body;
    struct err err = json_scan(slice_of_text(text), JSON_DEPTH_MAX, &body);
    ASSERT(!err_is_set(err));
    err = role_check_operator((struct slice){0}, (struct slice){0}, body, out);
    ASSERT(!err_is_set(err));
}

static void put_built_in_permissions(struct slice name, struct buf *out)
{
    if (slice_equal(name, ROLE_BASE_APP_USER)) {
        role_write_base(out);
    } else if (slice_equal(name, ROLE_ADMIN)) {
        put_switches("[{\"name\":\"global_read\",\"enabled\":true},"
                     "{\"name\":\"gl_resource_update\",\"enabled\":true},"
                     "{\"name\":\"gl_project_update\",\"enabled\":true}]",
                     out);
    } else {
        put_switches("[]", out);
    }
}

/* The role's permissions, in <out>, and what type it is of. */
static struct err find_permissions(struct reader *reader, const struct rest_read *read,
                                   enum role_type *type, struct buf *out)
{
    struct document document;
    struct slice shown;
    struct slice hidden;
    TRY(rest_read_find(reader, read, RESOURCE_ROLE, &document));
    bool is_operator =
        slice_equal(document_text(document.text, SLICE("type")), type_name(ROLE_OPERATOR));
    *type = is_operator ? ROLE_OPERATOR : ROLE_USER;
    document_split(RESOURCE_ROLE, document.text, &shown, &hidden);
    if (!slice_is_empty(hidden)) {
        buf_put(out, hidden);
    } else if (is_operator) {
        put_switches("[]", out);
    } else {
        BUF_PUT_LITERAL(out, "[]");
    }
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* All, or the one with that name; users' roles have none with names. */
static struct err put_named(struct slice permissions, struct slice name, struct buf *out)
{
    struct slice text = permissions;
    if (!slice_is_empty(name)) {
        TRY(role_operator_switch(permissions, name, &text));
    }
    buf_put(out, text);
    return ERR(OK);
}

static struct err permissions_run(struct reader *reader, struct rest_read *read)
{
    const struct permissions_read *job = (const void *)read; /* it begins with the read */
    struct buf *all = &reader->value;
    enum role_type type;
    buf_reset(all);
    if (!slice_is_empty(job->built_in)) {
        put_built_in_permissions(job->built_in, all);
    } else {
        TRY(find_permissions(reader, read, &type, all));
    }
    return all->failed ? ERR(NO_MEMORY) : put_named(buf_data(all), read->type, &read->body);
}

/* The built-in role that the path names, as text that lives on. */
static struct slice static_name(struct slice name)
{
    struct slice own = {0};
    for (size_t i = 0; role_built_in(i, &own); i++) {
        if (slice_equal(own, name)) {
            return own;
        }
    }
    return (struct slice){0};
}

static struct permissions_read *new_read(struct http_request *request,
                                         struct err (*run)(struct reader *reader,
                                                           struct rest_read *read))
{
    struct permissions_read *job = rest_read_new(request, sizeof(*job) + request->body.bytes, run);
    if (job != NULL) {
        uint8_t *memory = job->memory;
        job->read.is_of_one_moment = true;
        job->body = rest_read_keep(&memory, request->body);
        job->built_in = static_name(request->resource_text);
    }
    return job;
}

enum rest_step rest_permissions_read(struct http_request *request)
{
    struct permissions_read *job = new_read(request, permissions_run);
    if (job != NULL) {
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}

/* ---- changing them: a reader checks the body by the role's type, then it is a command ---- */

/* Projects that are named must be there. */
struct project_check {
    struct documents_reader *documents;
    uint32_t account;
    struct err err; /* the first that is wrong */
};

static void check_project(void *arg, const struct id *project)
{
    struct project_check *check = arg;
    struct document document;
    if (err_is_set(check->err)) {
        return;
    }
    check->err = documents_get(check->documents, project, &document);
    bool is_one = !err_is_set(check->err) && document.kind == RESOURCE_PROJECT &&
                  document.account == check->account;
    if (!is_one && (!err_is_set(check->err) || err_equal(check->err, ERR(NOT_FOUND)))) {
        check->err = ERR(REFERENCE_UNKNOWN);
    }
}

static struct err check_projects(struct reader *reader, const struct rest_read *read)
{
    struct project_check check = {
        .documents = reader->documents,
        .account = read->actor.account,
    };
    struct json_value permissions;
    TRY(json_scan(buf_data(&read->body), JSON_DEPTH_MAX, &permissions));
    role_operator_projects(permissions, check_project, &check);
    return check.err;
}

/* What the role will have goes to read->body. */
static struct err change_run(struct reader *reader, struct rest_read *read)
{
    const struct permissions_read *job = (const void *)read; /* it begins with the read */
    struct buf *former = &reader->value;
    enum role_type type;
    struct json_value body;
    buf_reset(former);
    TRY(find_permissions(reader, read, &type, former));
    if (slice_is_empty(job->body)) {
        return ERR(BODY_MISSING);
    }
    TRY(json_scan(job->body, read->front->shared->limits.json_depth_max, &body));
    if (type == ROLE_USER) {
        return slice_is_empty(read->type) ? role_check_user(body, &read->body) : ERR(NOT_FOUND);
    }
    /* What operators may is for administrators to say: others would give more than they hold. */
    if (read->actor.grant != NULL) {
        return ERR(GRANTS_TOO_MUCH);
    }
    TRY(role_check_operator(buf_data(former), read->type, body, &read->body));
    return read->body.failed ? ERR(NO_MEMORY) : check_projects(reader, read);
}

static bool send_change(struct http_request *request, struct slice permissions)
{
    static const char name[] = "\"permissions\":";
    struct front *front = request->conn->front;
    size_t name_bytes = sizeof(name) - 1;
    struct command_batch *batch =
        front_batch(front, FRONT_COMMAND_BYTES + name_bytes + permissions.bytes);
    if (batch == NULL) {
        return false;
    }
    uint8_t *patch = command_batch_take(batch, name_bytes + permissions.bytes);
    ASSERT(patch != NULL);
    memcpy(patch, name, name_bytes);
    memcpy(patch + name_bytes, permissions.at, permissions.bytes);
    struct command *command = front_command(front, batch, COMMAND_UPDATE, request->conn,
                                            &request->actor, request->number);
    command->target_kind = RESOURCE_ROLE;
    command->target = request->resource;
    command->project = request->project;
    command->subject = PERM_ROLE_PERMISSIONS;
    command->operation = PERM_UPDATE;
    command->as.update.patch = slice_of(patch, name_bytes + permissions.bytes);
    return true;
}

/* What will be answered is kept: the event has it behind other members. */
static void change_arrived(struct http_request *request, struct rest_read *read)
{
    struct buf *answer = &request->gathered;
    struct err err = read->err;
    buf_reset(answer);
    if (!err_is_set(err)) {
        err = put_named(buf_data(&read->body), read->type, answer);
    }
    if (!err_is_set(err) && answer->failed) {
        err = ERR(NO_MEMORY);
    }
    if (!err_is_set(err) && !send_change(request, buf_data(&read->body))) {
        err = ERR(BUSY);
    }
    if (err_is_set(err)) {
        http_refuse(request, err);
    }
}

enum rest_step rest_permissions_update(struct http_request *request)
{
    if (is_built_in(request)) {
        return refuse_built_in(request);
    }
    struct permissions_read *job = new_read(request, change_run);
    if (job != NULL) {
        job->read.arrived = change_arrived;
        rest_read_start(request, &job->read);
    }
    return REST_TAKEN;
}

void rest_permissions_updated(struct http_request *request, const struct answer *answer,
                              const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
    } else {
        http_answer_body(request, buf_data(&request->gathered));
    }
}
