/* SPDX-License-Identifier: Apache-2.0
 *
 * The users of applications over HTTP (contract: auth.md 2.4): how they sign up and are validated,
 * and how they get another password. All else about them is as with other documents.
 *
 *      sign up     password hashed by a worker --> the user, inactive, with a code
 *      validate    the code is looked at       --> active, with a key
 *      anonymous                               --> the user, with a key
 *      update      the former password compared, the new one hashed --> new credentials
 *
 * Handlers are called again after each wait; request->kept.user says how far they have come. */
#include "front/rest_users.h"

#include "base/assert.h"
#include "base/clock.h"
#include "codec/json_write.h"
#include "front/passwords.h"
#include "front/publish_inside.h"
#include "front/rest_documents.h"
#include "front/rest_keys.h"
#include "front/rest_query.h"
#include "model/document.h"

#include <sodium.h>
#include <stdio.h>

#define ACTIVATION_CODE_BYTES sizeof(((union http_kept *)0)->user.activation_code)

/* ---- credentials ---- */

struct slice user_credentials(const struct document *user)
{
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_USER, user->text, &shown, &hidden);
    return slice_is_empty(hidden) ? SLICE("{}") : hidden;
}

bool user_has_status(struct slice credentials, struct slice status)
{
    return slice_equal(document_text(credentials, SLICE("status")), status);
}

bool user_is_of(const struct document *user, const struct actor *application)
{
    return user->kind == RESOURCE_USER && user->account == application->account &&
           id_equal(&user->parent, &application->id);
}

void user_read_wipe(struct rest_read *read)
{
    buf_wipe(&read->body);
}

/* Those of the path's user. An application sees the users of its project, and signs up its own. */
static struct err credentials_run(struct reader *reader, struct rest_read *read)
{
    struct document user;
    TRY(rest_read_find(reader, read, RESOURCE_USER, &user));
    if (read->subject == PERM_SIGN_UP && !user_is_of(&user, &read->actor)) {
        return ERR(NOT_FOUND);
    }
    buf_put(&read->body, user_credentials(&user));
    return ERR(OK);
}

static void credentials_arrived(struct http_request *request, struct rest_read *read)
{
    request->kept.user.is_found = true;
    if (!err_is_set(read->err)) {
        buf_put(&request->gathered, buf_data(&read->body));
    }
    http_go_on(request, request->gathered.failed ? ERR(NO_MEMORY) : read->err);
}

/* Gathers them; the handler is called again then. */
static enum rest_step find_credentials(struct http_request *request)
{
    struct rest_read *read = rest_read_new(request, sizeof(*read), credentials_run);
    if (read == NULL) {
        return REST_TAKEN;
    }
    read->is_of_one_moment = true;
    read->arrived = credentials_arrived;
    read->release = user_read_wipe;
    return rest_read_ahead(request, read);
}

/* ---- changes that come with a key ---- */

/* Members of a user, and the command that will carry them, with a new key. */
struct keyed {
    enum command_kind kind;
    struct slice members; /* then as they lie in the batch */
    const struct command_key *key;
    struct command *command; /* NULL: there is none */
};

/* Puts the key, the members and the command into a batch. */
static enum rest_step add_keyed(struct http_request *request, struct keyed *keyed,
                                const struct command_key *made)
{
    struct front *front = request->conn->front;
    size_t bytes = keyed->members.bytes + sizeof(*made) + made->sealed.bytes;
    struct command_batch *batch = publish_batch(front, false, bytes);
    if (batch == NULL) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    struct command_key *key = command_batch_take(batch, sizeof(*key));
    ASSERT(key != NULL);
    *key = *made;
    bool is_copied = command_batch_copy(batch, made->sealed, &key->sealed) &&
                     command_batch_copy(batch, keyed->members, &keyed->members);
    ASSERT(is_copied);
    keyed->key = key;
    keyed->command =
        front_command(front, batch, keyed->kind, request->conn, &request->actor, request->number);
    keyed->command->target_kind = RESOURCE_USER;
    keyed->command->project = request->project;
    return REST_TAKEN;
}

/* The same with a new key, whose text is left in request->kept. Without a command the request is
 * refused, or to be begun again. */
static enum rest_step begin_keyed(struct http_request *request, struct keyed *keyed)
{
    struct buf sealed = {0};
    const struct command_key made =
        rest_key_make(request->conn->front, KEY_USER, request->kept.user.api_key, &sealed);
    enum rest_step step = REST_TAKEN;
    if (sealed.failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        step = add_keyed(request, keyed, &made);
    }
    buf_deinit(&sealed);
    return step;
}

/* ---- signing up ---- */

static void make_code(struct rand *rand, char code[ACTIVATION_CODE_BYTES])
{
    static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < ACTIVATION_CODE_BYTES; i++) {
        code[i] = symbols[rand_below(rand, sizeof(symbols) - 1)];
    }
}

static struct slice code_of(const struct http_request *request)
{
    return slice_of(request->kept.user.activation_code, ACTIVATION_CODE_BYTES);
}

/* Puts the credentials of a new user behind its email. */
static void hashed(struct http_request *request, struct err err, struct slice hash)
{
    struct buf *out = &request->gathered;
    make_code(&request->conn->front->rand, request->kept.user.activation_code);
    BUF_PUT_LITERAL(out, "\"credentials\":{");
    json_write_member_string(out, SLICE("status"), SLICE("inactive"));
    json_write_member_string(out, SLICE("activationCode"), code_of(request));
    json_write_member_string(out, SLICE("password"), hash);
    json_write_close(out, '}');
    request->kept.user.is_ready = true;
    http_go_on(request, out->failed ? ERR(NO_MEMORY) : err);
}

/* Sends the body as a user, with the credentials that have been gathered. */
static enum rest_step send_named(struct http_request *request, struct err refusal)
{
    struct slice field;
    struct err err;
    const struct document_send send = {
        .kind = RESOURCE_USER,
        .is_creation = true,
        .parent = request->actor.id,
        .project = request->project,
        .body = request->body,
        .refusal = refusal,
        .actor = &request->actor,
        .qos = 1,
        .request = request->number,
        .extra_members = slice_from(buf_data(&request->gathered), request->kept.user.email_bytes),
    };
    if (document_send(request->conn, &send, &field, &err) == PUBLISH_NO_ROOM) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    /* What is wrong with the rest of the body is told first. */
    bool is_password = err_equal(err, refusal) && slice_is_empty(field);
    rest_document_detail(request, err, is_password ? SLICE("password") : field);
    return REST_TAKEN;
}

static enum rest_step sign_up(struct http_request *request, struct json_value body)
{
    struct json_value password = json_member(body, SLICE("password"));
    struct buf *email = &request->gathered;
    struct err err = password_check(password);
    request->kept.user.is_inactive = true;
    if (request->kept.user.is_ready || err_is_set(err)) {
        return send_named(request, err);
    }
    buf_reset(email);
    buf_put(email, json_member(body, SLICE("email")).text);
    request->kept.user.email_bytes = buf_bytes(email);
    return passwords_ask(request, &(struct password_ask){.fresh = password}, hashed);
}

/* Nothing of the body counts. The email is made up, of a domain that cannot be (RFC 2606). */
static enum rest_step sign_up_anonymously(struct http_request *request)
{
    struct front *front = request->conn->front;
    const struct id name = id_generate(&front->rand, clock_wall_ms());
    struct buf *email = &request->gathered;
    struct buf *members = &front->scratch;
    buf_reset(email);
    buf_put_format(email, "\"%.*s@anonymous.invalid\"", ID_BYTES, name.text);
    request->kept.user.email_bytes = buf_bytes(email);
    buf_reset(members);
    document_put_member(members, SLICE("email"), buf_data(email));
    document_put_member(members, SLICE("credentials"), SLICE("{\"status\":\"anonymous\"}"));
    if (email->failed || members->failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    struct keyed keyed = {.kind = COMMAND_CREATE, .members = buf_data(members)};
    enum rest_step step = begin_keyed(request, &keyed);
    struct command *command = keyed.command;
    if (command != NULL) {
        command->as.create.members = keyed.members;
        command->as.create.parent = request->actor.id;
        command->as.create.keys = keyed.key;
        command->as.create.key_count = 1;
    }
    return step;
}

enum rest_step rest_user_create(struct http_request *request)
{
    struct json_value body = {0};
    struct err err = publish_scan(request->conn->front, request->body, &body);
    bool is_asked_for = rest_query_is_true(request->query, SLICE("anonymous"));
    bool is_anonymous = is_asked_for || json_is_true(json_member(body, SLICE("anonymous")));
    if (!is_anonymous) {
        return sign_up(request, body);
    }
    if (err_is_set(err) && !slice_is_empty(request->body)) {
        http_refuse(request, err);
        return REST_TAKEN;
    }
    return sign_up_anonymously(request);
}

void user_write_session(struct buf *out, const struct id *user, struct slice api_key,
                        struct slice status, struct slice email)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("evrythngUser"), id_slice(user));
    json_write_member_string(out, SLICE("evrythngApiKey"), api_key);
    json_write_member_string(out, SLICE("status"), status);
    json_write_member_json(out, SLICE("email"), email);
    json_write_member_string(out, SLICE("socialNetwork"), SLICE("evrythng"));
    json_write_close(out, '}');
}

/* What may be told of one who has no key yet. */
static void write_inactive(struct buf *out, const struct id *user, struct slice code,
                           struct slice email)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("evrythngUser"), id_slice(user));
    json_write_member_string(out, SLICE("activationCode"), code);
    json_write_member_string(out, SLICE("status"), SLICE("inactive"));
    json_write_member_json(out, SLICE("email"), email);
    json_write_close(out, '}');
}

static void answer_created(struct http_request *request, const struct id *user, struct slice body)
{
    char path[sizeof("/users/") + ID_BYTES];
    int bytes = snprintf(path, sizeof(path), "/users/%.*s", SLICE_ARGS(id_slice(user)));
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = body,
                             .location = slice_of(path, (size_t)bytes),
                         });
}

void rest_user_created(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        rest_document_refuse(request, answer->err);
        return;
    }
    struct buf *out = &request->conn->front->scratch;
    struct slice email = slice_first(buf_data(&request->gathered), request->kept.user.email_bytes);
    struct slice api_key = slice_of(request->kept.user.api_key, API_KEY_BYTES);
    buf_reset(out);
    if (request->kept.user.is_inactive) {
        write_inactive(out, &answer->created, code_of(request), email);
    } else {
        user_write_session(out, &answer->created, api_key, SLICE("anonymous"), email);
    }
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        answer_created(request, &answer->created, buf_data(out));
    }
    buf_wipe(out);
}

/* ---- validating ---- */

static struct err read_code(const struct http_request *request, struct slice *code)
{
    struct json_value body;
    TRY(publish_scan(request->conn->front, request->body, &body));
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    struct json_value value = json_member(body, SLICE("activationCode"));
    if (value.type != JSON_STRING) {
        return value.type == JSON_NONE ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    }
    *code = json_string_raw(value);
    return ERR(OK);
}

/* Does the body say the code of these credentials? ERR_CONFLICT: they need none. */
static struct err check_code(const struct http_request *request, struct slice credentials)
{
    struct slice said;
    TRY(read_code(request, &said));
    if (!user_has_status(credentials, SLICE("inactive"))) {
        return ERR(CONFLICT);
    }
    struct slice code = document_text(credentials, SLICE("activationCode"));
    bool is_right = code.bytes == ACTIVATION_CODE_BYTES && said.bytes == code.bytes &&
                    sodium_memcmp(said.at, code.at, code.bytes) == 0;
    return is_right ? ERR(OK) : ERR(FIELD_INVALID);
}

/* Another validation of the same user may come first: then there is a key, and no other is made. */
static enum rest_step send_activation(struct http_request *request, struct slice credentials)
{
    struct buf *members = &request->conn->front->scratch;
    const struct json_value former = json_object_of(credentials);
    buf_reset(members);
    BUF_PUT_LITERAL(members, "\"credentials\":{");
    json_write_member_string(members, SLICE("status"), SLICE("active"));
    json_write_member_int(members, SLICE("activatedAt"), clock_wall_ms());
    json_write_member_json(members, SLICE("password"), json_member(former, SLICE("password")).text);
    json_write_close(members, '}');
    if (members->failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    struct keyed keyed = {.kind = COMMAND_UPDATE, .members = buf_data(members)};
    enum rest_step step = begin_keyed(request, &keyed);
    struct command *command = keyed.command;
    if (command != NULL) {
        command->target = request->resource;
        command->subject = PERM_SIGN_UP;
        command->operation = PERM_CREATE;
        command->as.update.patch = keyed.members;
        command->as.update.parent = request->actor.id;
        command->as.update.key = keyed.key;
    }
    return step;
}

enum rest_step rest_user_validate(struct http_request *request)
{
    if (!request->kept.user.is_found) {
        return find_credentials(request);
    }
    struct slice credentials = buf_data(&request->gathered);
    struct err err = check_code(request, credentials);
    if (err_is_set(err)) {
        bool is_field = err_equal(err, ERR(FIELD_MISSING)) || err_equal(err, ERR(FIELD_INVALID));
        rest_document_detail(request, err, is_field ? SLICE("activationCode") : (struct slice){0});
        http_refuse(request, err);
        return REST_TAKEN;
    }
    return send_activation(request, credentials);
}

void rest_user_validated(struct http_request *request, const struct answer *answer,
                         const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
    } else {
        user_answer_session(request, &request->resource, answer->after);
    }
}

/* ---- another password ---- */

/* Those that there are, with another password. */
static void put_credentials(struct buf *out, struct slice former, struct slice hash)
{
    struct json_each each = json_each(json_object_of(former));
    struct json_member member;
    BUF_PUT_LITERAL(out, "\"credentials\":{");
    while (json_object_next(&each, &member)) {
        if (!slice_equal(member.name, SLICE("password"))) {
            json_write_member_json(out, member.name, member.value.text);
        }
    }
    json_write_member_string(out, SLICE("password"), hash);
    json_write_close(out, '}');
}

static void changed(struct http_request *request, struct err err, struct slice hash)
{
    struct buf fresh = {0};
    if (!err_is_set(err)) {
        put_credentials(&fresh, buf_data(&request->gathered), hash);
        err = fresh.failed ? ERR(NO_MEMORY) : ERR(OK);
    }
    buf_wipe(&request->gathered);
    buf_deinit(&request->gathered);
    request->gathered = fresh;
    request->kept.user.is_ready = true;
    http_go_on(request, err);
}

/* Users say the former password as well: whoever finds a key does not own the user. */
static struct err check_passwords(const struct http_request *request, struct json_value body,
                                  struct slice *field)
{
    *field = SLICE("password");
    TRY(password_check(json_member(body, *field)));
    *field = SLICE("oldPassword");
    return request->actor.kind == ACTOR_USER ? password_check(json_member(body, *field)) : ERR(OK);
}

static enum rest_step refuse_passwords(struct http_request *request, struct err err,
                                       struct slice field)
{
    struct document_send send = {.target = request->resource, .refusal = err};
    enum rest_step step = rest_document_send(request, &send);
    if (step == REST_TAKEN) {
        rest_document_detail(request, err, field);
    }
    return step;
}

static enum rest_step change_password(struct http_request *request, struct json_value body)
{
    struct slice credentials = buf_data(&request->gathered);
    struct password_ask ask = {.fresh = json_member(body, SLICE("password"))};
    if (request->actor.kind == ACTOR_USER) {
        ask.given = json_member(body, SLICE("oldPassword"));
        ask.hash = document_text(credentials, SLICE("password"));
    }
    return passwords_ask(request, &ask, changed);
}

enum rest_step rest_user_update(struct http_request *request)
{
    struct json_value body = {0};
    struct slice field;
    struct err err = publish_scan(request->conn->front, request->body, &body);
    bool is_about_it = !err_is_set(err) && json_member(body, SLICE("password")).type != JSON_NONE;
    if (!is_about_it) {
        return rest_document_update(request);
    }
    if (request->kept.user.is_ready) {
        struct document_send send = {
            .target = request->resource,
            .extra_members = buf_data(&request->gathered),
        };
        return rest_document_send(request, &send);
    }
    err = check_passwords(request, body, &field);
    if (err_is_set(err)) {
        return refuse_passwords(request, err, field);
    }
    if (!request->kept.user.is_found) {
        return find_credentials(request);
    }
    /* Anonymous users stay what they are, and have no use for a password. */
    return user_has_status(buf_data(&request->gathered), SLICE("anonymous"))
               ? rest_document_update(request)
               : change_password(request, body);
}

/* ---- the status ---- */

static struct err status_run(struct reader *reader, struct rest_read *read)
{
    struct document user;
    struct buf *out = &read->body;
    TRY(rest_read_find(reader, read, RESOURCE_USER, &user));
    struct slice credentials = user_credentials(&user);
    const struct json_value object = json_object_of(credentials);
    bool is_inactive = user_has_status(credentials, SLICE("inactive"));
    int64_t activated_ms = user.created_ms; /* of anonymous users, too */
    (void)json_int64(json_member(object, SLICE("activatedAt")), &activated_ms);
    json_write_open(out, '{');
    json_write_member_boolean(out, SLICE("activated"), !is_inactive);
    if (is_inactive) {
        json_write_member_string(out, SLICE("activationCode"),
                                 document_text(credentials, SLICE("activationCode")));
    } else {
        json_write_member_int(out, SLICE("activationDate"), activated_ms);
    }
    json_write_close(out, '}');
    return ERR(OK);
}

enum rest_step rest_user_status(struct http_request *request)
{
    rest_read_moment(request, status_run);
    return REST_TAKEN;
}
