/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that are issued, and those of devices (contract: auth.md 2.3). A thng has one key or none;
 * asking for one again gives the same one back, which is why keys are kept sealed beside their
 * hash.
 */
#include "front/rest_keys.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "front/rest_read.h"

#include <stdio.h>

/* ---- of every kind ---- */

struct command_key rest_key_make(struct front *front, enum key_kind kind,
                                 char api_key[API_KEY_BYTES], struct buf *sealed)
{
    const struct keyring *keyring = front->shared->keyring;
    const struct slice text = slice_of(api_key, API_KEY_BYTES);
    struct command_key key = {.kind = kind};
    key_generate(&front->rand, api_key);
    keyring_hash(keyring, text, key.hash);
    /* That of an access token is shown once (contract: auth.md 2.5). */
    if (kind != KEY_ACCESS_TOKEN) {
        size_t before = buf_bytes(sealed);
        keyring_seal(keyring, text, sealed);
        key.sealed = slice_from(buf_data(sealed), before);
    }
    return key;
}

enum rest_step rest_key_send(struct http_request *request, const struct key_send *send,
                             char api_key[API_KEY_BYTES])
{
    struct front *front = request->conn->front;
    struct buf *sealed = &front->scratch;
    buf_reset(sealed);
    struct command_key key = rest_key_make(front, send->kind, api_key, sealed);
    if (sealed->failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    struct command_batch *batch = front_batch(front, FRONT_COMMAND_BYTES + key.sealed.bytes);
    if (batch == NULL) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    bool copied = command_batch_copy(batch, key.sealed, &key.sealed);
    ASSERT(copied);
    struct command *command = front_command(front, batch, COMMAND_KEY_CREATE, request->conn,
                                            &request->actor, request->number);
    command->target_kind = send->target_kind;
    command->target = send->target;
    command->project = request->project;
    command->as.key.key = key;
    command->as.key.replaces = send->replaces;
    command->as.key.parent = send->parent;
    return REST_TAKEN;
}

/* ---- of devices ---- */

static void write_key(struct buf *out, const struct id *thng, struct slice api_key)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("thngId"), id_slice(thng));
    json_write_member_string(out, SLICE("thngApiKey"), api_key);
    json_write_close(out, '}');
}

/* ---- reading ---- */

static struct err key_run(struct reader *reader, struct rest_read *read)
{
    struct document document;
    struct key_row row;
    TRY(rest_read_find(reader, read, RESOURCE_THNG, &document));
    TRY(documents_key_of(reader->documents, KEY_DEVICE, &read->resource, &row));
    buf_reset(&reader->value);
    struct err err = keyring_unseal(read->front->shared->keyring, row.sealed, &reader->value);
    if (!err_is_set(err)) {
        write_key(&read->body, &read->resource, buf_data(&reader->value));
    }
    buf_wipe(&reader->value);
    return err;
}

enum rest_step rest_key_read(struct http_request *request)
{
    rest_read_plain(request, key_run);
    return REST_TAKEN;
}

/* ---- issuing ---- */

static struct err read_thng_id(const struct http_request *request, struct id *id)
{
    struct json_value body;
    if (slice_is_empty(request->body)) {
        return ERR(BODY_MISSING);
    }
    TRY(json_scan(request->body, request->conn->front->shared->limits.json_depth_max, &body));
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    struct json_value thng = json_member(body, SLICE("thngId"));
    if (thng.type != JSON_STRING) {
        return thng.type == JSON_NONE ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    }
    return id_parse(json_string_raw(thng), id) ? ERR(OK) : ERR(NOT_FOUND);
}

enum rest_step rest_key_create(struct http_request *request)
{
    /* Without an id there is no resource to judge first. */
    struct err err = read_thng_id(request, &request->resource);
    if (err_is_set(err)) {
        http_refuse(request, err);
        return REST_TAKEN;
    }
    return rest_key_send(request,
                         &(struct key_send){
                             .kind = KEY_DEVICE,
                             .target_kind = RESOURCE_THNG,
                             .target = request->resource,
                         },
                         request->kept.api_key);
}

static void answer_key(struct http_request *request, struct slice body)
{
    char path[sizeof("/auth/evrythng/thngs/") + ID_BYTES];
    int bytes = snprintf(path, sizeof(path), "/auth/evrythng/thngs/%.*s",
                         SLICE_ARGS(id_slice(&request->resource)));
    http_answer(request, &(struct http_answer){
                             .status = request->route->status,
                             .body = body,
                             .location = slice_of(path, (size_t)bytes),
                         });
}

static void existing_arrived(struct http_request *request, struct rest_read *read)
{
    if (err_is_set(read->err)) {
        http_refuse(request, read->err);
    } else {
        answer_key(request, buf_data(&read->body));
    }
}

/* The thng has a key already: that one is the answer. */
static void answer_existing(struct http_request *request, uint64_t after)
{
    struct rest_read *read = rest_read_new(request, sizeof(*read), key_run);
    if (read != NULL) {
        read->after = after;
        read->operation = 0; /* it has been judged */
        read->arrived = existing_arrived;
        rest_read_start(request, read);
    }
}

void rest_key_created(struct http_request *request, const struct answer *answer,
                      const struct event *event)
{
    (void)event;
    if (err_equal(answer->err, ERR(CONFLICT))) {
        answer_existing(request, answer->after);
        return;
    }
    if (err_is_set(answer->err)) {
        http_refuse(request, answer->err);
        return;
    }
    struct buf *out = &request->conn->front->scratch;
    buf_reset(out);
    write_key(out, &request->resource, slice_of(request->kept.api_key, API_KEY_BYTES));
    if (out->failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        answer_key(request, buf_data(out));
    }
    buf_wipe(out);
}

/* ---- revoking ---- */

enum rest_step rest_key_delete(struct http_request *request)
{
    struct conn *conn = request->conn;
    struct command_batch *batch = front_batch(conn->front, FRONT_COMMAND_BYTES);
    if (batch == NULL) {
        conn_pause(conn);
        return REST_AGAIN;
    }
    struct command *command = front_command(conn->front, batch, COMMAND_KEY_DELETE, conn,
                                            &request->actor, request->number);
    command->target_kind = RESOURCE_THNG;
    command->target = request->resource;
    command->project = request->project;
    command->as.key.key.kind = KEY_DEVICE;
    return REST_TAKEN;
}
