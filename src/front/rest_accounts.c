/* SPDX-License-Identifier: Apache-2.0
 *
 * Accounts over HTTP (contract: auth.md 2.1). A key sees its own account and no other; the
 * operators of the first account make new ones, each with an operator of its own, whose key is told
 * once. */
#include "front/rest_documents.h"
#include "front/rest_keys.h"

#include "base/assert.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "front/publish_inside.h"
#include "model/document.h"

#include <stdio.h>

/* "/accounts/" + id, NUL */
#define PATH_BYTES (sizeof("/accounts/") + ID_BYTES)

/* ---- is it one's own? ---- */

static struct err check_run(struct reader *reader, struct rest_read *read)
{
    struct id own;
    TRY(documents_account(reader->documents, read->actor.account, &own));
    return id_equal(&own, &read->resource) ? ERR(OK) : ERR(NOT_FOUND);
}

static void check_arrived(struct http_request *request, struct rest_read *read)
{
    request->needs_account_check = false;
    http_go_on(request, read->err);
}

enum rest_step rest_account_check(struct http_request *request)
{
    struct rest_read *read = rest_read_new(request, sizeof(*read), check_run);
    if (read == NULL) {
        return REST_TAKEN;
    }
    read->arrived = check_arrived;
    return rest_read_ahead(request, read);
}

/* ---- reading ---- */

static struct err put_account(struct reader *reader, const struct rest_read *read, uint32_t number,
                              struct buf *out)
{
    const struct view view = rest_read_view(reader, read);
    struct document document;
    struct id id;
    TRY(documents_account(reader->documents, number, &id));
    TRY(documents_get(reader->documents, &id, &document));
    return view_write_found(&view, &document, out);
}

static struct err list_run(struct reader *reader, struct rest_read *read)
{
    json_write_open(&read->body, '[');
    TRY(put_account(reader, read, read->actor.account, &read->body));
    json_write_close(&read->body, ']');
    read->has_count = true;
    read->count = 1;
    return ERR(OK);
}

enum rest_step rest_account_list(struct http_request *request)
{
    rest_read_moment(request, list_run);
    return REST_TAKEN;
}

/* ---- making one ---- */

/* What the body says, checked. */
struct new_account {
    struct buf members;
    struct buf scopes; /* which an account has none of */
    struct buf operator_members;
    struct slice field; /* at fault */
};

static void new_account_deinit(struct new_account *account)
{
    buf_deinit(&account->members);
    buf_deinit(&account->scopes);
    buf_deinit(&account->operator_members);
}

/* Its role is none of the body's business. */
static struct err read_operator(const struct document_limits *limits, struct json_value body,
                                struct new_account *account)
{
    static const struct slice names[] = {
        SLICE_INIT("firstName"),
        SLICE_INIT("lastName"),
        SLICE_INIT("email"),
    };
    account->field = SLICE("operator");
    if (body.type == JSON_NONE || body.type == JSON_NULL) {
        return ERR(OK);
    }
    if (body.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct json_value value = json_member(body, names[i]);
        if (value.type != JSON_NONE && value.type != JSON_NULL) {
            account->field = names[i];
            TRY(document_check_text(value, limits->name_characters_max));
            document_put_member(&account->operator_members, names[i], value.text);
        }
    }
    return ERR(OK);
}

static struct err read_account(const struct http_request *request, struct new_account *account)
{
    const struct front *front = request->conn->front;
    const struct document_check check = {
        .kind = RESOURCE_ACCOUNT,
        .is_creation = true,
        .limits = &front->shared->limits.document,
        .members = &account->members,
        .scopes = &account->scopes,
    };
    struct json_value body;
    struct document_body checked;
    TRY(publish_scan(front, request->body, &body));
    TRY(document_check(&check, body, &checked, &account->field));
    TRY(read_operator(check.limits, json_member(body, SLICE("operator")), account));
    bool has_failed = account->members.failed || account->operator_members.failed;
    return has_failed ? ERR(NO_MEMORY) : ERR(OK);
}

static struct slice copied(struct command_batch *batch, struct slice bytes)
{
    struct slice copy;
    bool is_copied = command_batch_copy(batch, bytes, &copy);
    ASSERT(is_copied);
    return copy;
}

/* That it may not is told before what is wrong with the body: by the engine. */
static enum rest_step send_account(struct http_request *request, struct err refusal,
                                   const struct new_account *account)
{
    struct front *front = request->conn->front;
    struct buf *sealed = &front->scratch;
    buf_reset(sealed);
    const struct command_key key =
        rest_key_make(front, KEY_OPERATOR, request->kept.issue.api_key, sealed);
    if (sealed->failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    size_t bytes =
        buf_bytes(&account->members) + buf_bytes(&account->operator_members) + key.sealed.bytes;
    struct command_batch *batch = publish_batch(front, false, bytes + 64);
    if (batch == NULL) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    const struct slice members = copied(batch, buf_data(&account->members));
    const struct slice operator_members = copied(batch, buf_data(&account->operator_members));
    const struct slice key_sealed = copied(batch, key.sealed);
    struct command *command = front_command(front, batch, COMMAND_ACCOUNT, request->conn,
                                            &request->actor, request->number);
    command->refusal = refusal;
    command->as.account.account_members = members;
    command->as.account.operator_members = operator_members;
    command->as.account.key_sealed = key_sealed;
    memcpy(command->as.account.key_hash, key.hash, sizeof(key.hash));
    return REST_TAKEN;
}

enum rest_step rest_account_create(struct http_request *request)
{
    struct new_account account = {0};
    struct err refusal = read_account(request, &account);
    enum rest_step step = send_account(request, refusal, &account);
    if (step == REST_TAKEN) {
        rest_document_detail(request, refusal, account.field);
    }
    new_account_deinit(&account);
    return step;
}

/* ---- what that answers: the account, with the operator and its key ---- */

struct created {
    struct rest_read read;
    char api_key[API_KEY_BYTES];
    uint8_t key_hash[KEY_HASH_BYTES]; /* by which its holder is found */
};

static void put_operator(struct buf *out, const struct id *id, const char api_key[API_KEY_BYTES])
{
    json_write_name(out, SLICE("operator"));
    json_write_open(out, '{');
    if (id_is_set(id)) {
        json_write_member_string(out, SLICE("id"), id_slice(id));
    }
    json_write_member_string(out, SLICE("apiKey"), slice_of(api_key, API_KEY_BYTES));
    json_write_close(out, '}');
    json_write_close(out, '}');
}

static struct err created_run(struct reader *reader, struct rest_read *read)
{
    const struct created *job = (const void *)read; /* it begins with the read */
    struct key_row key;
    TRY(documents_key(reader->documents, job->key_hash, &key));
    TRY(documents_account(reader->documents, key.account, &read->resource));
    const struct id holder = key.actor;
    TRY(put_account(reader, read, key.account, &read->body));
    if (read->body.failed) {
        return ERR(NO_MEMORY);
    }
    read->body.tail--; /* the account's closing brace */
    put_operator(&read->body, &holder, job->api_key);
    return ERR(OK);
}

static void answer_created(struct http_request *request, const struct id *id, struct slice body)
{
    char path[PATH_BYTES];
    int bytes = snprintf(path, sizeof(path), "/accounts/%.*s", SLICE_ARGS(id_slice(id)));
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = body,
                             .location = slice_of(path, id_is_set(id) ? (size_t)bytes : 0),
                         });
}

/* It is there, and without the key nobody could ever use it. */
static void answer_created_unread(struct http_request *request)
{
    struct buf *out = &request->conn->front->scratch;
    const struct id unknown = {0};
    buf_reset(out);
    json_write_open(out, '{');
    put_operator(out, &unknown, request->kept.issue.api_key);
    answer_created(request, &unknown, buf_data(out));
    buf_wipe(out);
}

static void created_arrived(struct http_request *request, struct rest_read *read)
{
    if (err_is_set(read->err)) {
        answer_created_unread(request);
    } else {
        answer_created(request, &read->resource, buf_data(&read->body));
    }
}

void rest_account_created(struct http_request *request, const struct answer *answer,
                          const struct event *event)
{
    (void)event;
    if (err_is_set(answer->err)) {
        rest_document_refuse(request, answer->err);
        return;
    }
    struct created *job = rest_read_new(request, sizeof(*job), created_run);
    if (job == NULL) {
        return;
    }
    memcpy(job->api_key, request->kept.issue.api_key, sizeof(job->api_key));
    keyring_hash(request->conn->front->shared->keyring, slice_of(job->api_key, API_KEY_BYTES),
                 job->key_hash);
    job->read.after = answer->after;
    job->read.is_of_one_moment = true;
    job->read.arrived = created_arrived;
    if (!rest_read_try(request, &job->read)) {
        answer_created_unread(request);
    }
}
