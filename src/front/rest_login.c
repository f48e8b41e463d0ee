/* SPDX-License-Identifier: Apache-2.0
 *
 * Users log in with email and password, and out (contract: auth.md 2.4). A user has one key or
 * none: logging in tells that which it has, and makes one after a logout.
 *
 *      find       a reader looks for the user of the application that has this email
 *      compare    a worker compares the password, also when there is no such user
 *      issue      the engine makes a key, or there is one
 *      answer     a reader composes it
 *
 * That there is no such user, and that the password is wrong, are one answer after the same work:
 * nobody finds out who has signed up. */
#include "front/rest_users.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "engine/names.h"
#include "front/passwords.h"
#include "front/publish_inside.h"
#include "front/rest_documents.h"
#include "front/rest_keys.h"
#include "model/document.h"

#include <stdlib.h>

/* ---- the body ---- */

struct login {
    struct json_value email;
    struct json_value password;
};

static struct err read_login(const struct http_request *request, struct login *login,
                             struct slice *field)
{
    struct json_value body;
    *field = (struct slice){0};
    TRY(publish_scan(request->conn->front, request->body, &body));
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    *field = SLICE("email");
    login->email = json_member(body, *field);
    if (login->email.type != JSON_STRING) {
        return login->email.type == JSON_NONE ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    }
    *field = SLICE("password");
    login->password = json_member(body, *field);
    return password_check(login->password);
}

/* ---- finding ---- */

struct login_read {
    struct rest_read read;
    struct slice email; /* decoded */
    uint8_t memory[];
};

/* The user's id, and its credentials to the body; nothing when there is no such user. */
static struct err find_user(struct reader *reader, const struct login_read *job,
                            struct rest_read *read)
{
    struct id name;
    struct id owner;
    struct document document;
    const struct actor *application = &read->actor;
    TRY(name_id(application->account, RESOURCE_USER, &application->id, job->email, &name));
    TRY(documents_get(reader->documents, &name, &document));
    if (document.kind != RESOURCE_NAME || !document_id(document.text, SLICE("owner"), &owner)) {
        return ERR(NOT_FOUND);
    }
    TRY(documents_get(reader->documents, &owner, &document));
    if (!user_is_of(&document, application)) {
        return ERR(NOT_FOUND);
    }
    read->resource = owner;
    buf_put(&read->body, user_credentials(&document));
    return ERR(OK);
}

static struct err find_run(struct reader *reader, struct rest_read *read)
{
    const struct login_read *job = (const void *)read; /* it begins with the read */
    struct err err = find_user(reader, job, read);
    return err_equal(err, ERR(NOT_FOUND)) ? ERR(OK) : err;
}

/* Keeps the hash, and whether the user may log in at all. */
static void found(struct http_request *request, struct rest_read *read)
{
    struct slice credentials = buf_data(&read->body);
    request->kept.user.is_found = true;
    request->resource = read->resource;
    if (!err_is_set(read->err) && !slice_is_empty(credentials)) {
        request->kept.user.is_inactive = !user_has_status(credentials, SLICE("active"));
        buf_put(&request->gathered, document_text(credentials, SLICE("password")));
    }
    http_go_on(request, request->gathered.failed ? ERR(NO_MEMORY) : read->err);
}

static enum rest_step find(struct http_request *request, struct json_value email)
{
    struct slice raw = json_string_raw(email);
    struct login_read *job = rest_read_new(request, sizeof(*job) + raw.bytes, find_run);
    if (job == NULL) {
        return REST_TAKEN;
    }
    job->email = slice_of(job->memory, json_raw_decode(raw, job->memory));
    job->read.is_of_one_moment = true;
    job->read.arrived = found;
    job->read.release = user_read_wipe;
    return rest_read_ahead(request, &job->read);
}

/* ---- comparing ---- */

static void compared(struct http_request *request, struct err err, struct slice hash)
{
    (void)hash;
    if (!err_is_set(err) && request->kept.user.is_inactive) {
        err = ERR(NOT_ACTIVATED);
    }
    request->kept.user.is_ready = !err_is_set(err);
    http_go_on(request, err);
}

/* ---- issuing ---- */

static enum rest_step issue(struct http_request *request)
{
    const struct key_send send = {
        .kind = KEY_USER,
        .target_kind = RESOURCE_USER,
        .target = request->resource,
        .parent = request->actor.id,
    };
    return rest_key_send(request, &send, request->kept.user.api_key);
}

enum rest_step rest_login(struct http_request *request)
{
    struct login login;
    struct slice field;
    struct err err = read_login(request, &login, &field);
    if (err_is_set(err)) {
        rest_document_detail(request, err, field);
        http_refuse(request, err);
        return REST_TAKEN;
    }
    if (!request->kept.user.is_found) {
        return find(request, login.email);
    }
    if (!request->kept.user.is_ready) {
        const struct password_ask ask = {
            .given = login.password,
            .hash = buf_data(&request->gathered),
        };
        return passwords_ask(request, &ask, compared);
    }
    return issue(request);
}

/* A conflict: the user has a key. */
void rest_logged_in(struct http_request *request, const struct answer *answer,
                    const struct event *event)
{
    (void)event;
    if (!err_is_set(answer->err) || err_equal(answer->err, ERR(CONFLICT))) {
        user_answer_session(request, &request->resource, answer->after);
    } else {
        /* It has been deleted while its password was compared. */
        bool is_gone = err_equal(answer->err, ERR(NOT_FOUND));
        http_refuse(request, is_gone ? ERR(CREDENTIAL_WRONG) : answer->err);
    }
}

/* ---- the answer ---- */

struct session_read {
    struct rest_read read;
    bool shows_document;
};

static void write_access(struct buf *out, const struct document *user, const struct actor *actor,
                         struct slice api_key)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(&user->id));
    json_write_member_string(out, SLICE("project"), id_slice(&actor->project));
    json_write_member_string(out, SLICE("app"), id_slice(&actor->id));
    json_write_member_string(out, SLICE("user"), id_slice(&user->id));
    json_write_name(out, SLICE("actor"));
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("type"), actor_type_name(ACTOR_USER));
    json_write_member_string(out, SLICE("id"), id_slice(&user->id));
    json_write_close(out, '}');
    json_write_member_string(out, SLICE("role"), document_text(user->text, SLICE("role")));
    json_write_member_string(out, SLICE("apiKey"), api_key);
    json_write_close(out, '}');
}

/* The document, with its access behind the members. Writing the document moves its slices. */
static struct err write_user(struct reader *reader, const struct rest_read *read,
                             const struct document *user, struct slice api_key, struct buf *out)
{
    /* As the user sees itself: in `access` is the role, and clients choke on another one (view.c).
     */
    const struct actor self = {.kind = ACTOR_USER, .account = user->account, .id = user->id};
    struct view view = rest_read_view(reader, read);
    view.actor = &self;
    struct buf access = {0};
    struct buf document = {0};
    write_access(&access, user, &read->actor, api_key);
    struct err err = view_write_found(&view, user, &document);
    if (!err_is_set(err)) {
        buf_put(out, slice_first(buf_data(&document), buf_bytes(&document) - 1));
        json_write_member_json(out, SLICE("access"), buf_data(&access));
        json_write_close(out, '}');
    }
    bool has_failed = access.failed || document.failed;
    buf_wipe(&access);
    buf_deinit(&access);
    buf_deinit(&document);
    return has_failed ? ERR(NO_MEMORY) : err;
}

static struct err write_answer(struct reader *reader, const struct session_read *job,
                               struct slice api_key, struct buf *out)
{
    struct document user;
    TRY(documents_get(reader->documents, &job->read.resource, &user));
    if (!user_is_of(&user, &job->read.actor)) {
        return ERR(NOT_FOUND);
    }
    if (job->shows_document) {
        return write_user(reader, &job->read, &user, api_key, out);
    }
    const struct json_value object = json_object_of(user.text);
    user_write_session(out, &user.id, api_key, SLICE("active"),
                       json_member(object, SLICE("email")).text);
    return ERR(OK);
}

static struct err session_run(struct reader *reader, struct rest_read *read)
{
    const struct session_read *job = (const void *)read; /* it begins with the read */
    struct key_row row;
    struct buf key = {0};
    TRY(documents_key_of(reader->documents, KEY_USER, &read->resource, &row));
    struct err err = keyring_unseal(read->front->shared->keyring, row.sealed, &key);
    if (!err_is_set(err)) {
        err = write_answer(reader, job, buf_data(&key), &read->body);
    }
    buf_wipe(&key);
    buf_deinit(&key);
    return err;
}

/* Where there is no key any more, or no user, others have ended it in this moment. */
static void session_arrived(struct http_request *request, struct rest_read *read)
{
    if (err_is_set(read->err)) {
        http_refuse(request, err_equal(read->err, ERR(NOT_FOUND)) ? ERR(BUSY) : read->err);
    } else {
        http_answer(request, &(struct http_answer){
                                 .status = read->status,
                                 .body = buf_data(&read->body),
                             });
    }
}

void user_answer_session(struct http_request *request, const struct id *user, uint64_t after)
{
    struct session_read *job = rest_read_new(request, sizeof(*job), session_run);
    if (job == NULL) {
        return;
    }
    job->read.after = after;
    job->read.resource = *user;
    job->read.is_of_one_moment = true;
    job->read.status = request->route->status;
    job->read.arrived = session_arrived;
    job->read.release = user_read_wipe;
    job->shows_document = request->route->reply == REPLY_LOGIN;
    rest_read_start(request, &job->read);
}

/* ---- out ---- */

enum rest_step rest_logout(struct http_request *request)
{
    struct conn *conn = request->conn;
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES);
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    struct command *command = front_command(conn->front, batch, COMMAND_KEY_DELETE, conn,
                                            &request->actor, request->number);
    command->target_kind = RESOURCE_USER;
    command->target = request->actor.id;
    command->project = request->project;
    command->as.key.key.kind = KEY_USER;
    return REST_TAKEN;
}

/* Another logout may have ended the key already. */
void rest_logged_out(struct http_request *request, const struct answer *answer,
                     const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err) && !err_equal(answer->err, ERR(NOT_FOUND))) {
        http_refuse(request, answer->err);
        return;
    }
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = SLICE("{\"logout\":\"ok\"}"),
                         });
}
