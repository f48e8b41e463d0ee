/* SPDX-License-Identifier: Apache-2.0
 *
 * Device keys over HTTP (contract: auth.md 2.3). A thng has one key or none; asking for one again
 * gives the same one back, which is why keys are kept sealed beside their hash. */
#include "front/rest.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "front/rest_read.h"

#include <stdio.h>
#include <string.h>

/* Buffers that are used again do not carry a key in the clear about. */
static void wipe(struct buf *buf)
{
    if (buf->at != NULL) {
        explicit_bzero(buf->at, buf->room);
    }
    buf_reset(buf);
}

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
    wipe(&reader->value);
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
    struct front *front = request->conn->front;
    const struct keyring *keyring = front->shared->keyring;
    struct slice api_key = slice_of(request->kept.api_key, API_KEY_BYTES);
    /* Without an id there is no resource to judge first. */
    struct err err = read_thng_id(request, &request->resource);
    if (err_is_set(err)) {
        http_refuse(request, err);
        return REST_TAKEN;
    }
    key_generate(&front->rand, request->kept.api_key);
    buf_reset(&front->scratch);
    keyring_seal(keyring, api_key, &front->scratch);
    if (front->scratch.failed) {
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    struct command_batch *batch =
        front_batch(front, FRONT_COMMAND_BYTES + buf_bytes(&front->scratch));
    if (batch == NULL) {
        conn_pause(request->conn);
        return REST_AGAIN;
    }
    struct slice sealed;
    bool copied = command_batch_copy(batch, buf_data(&front->scratch), &sealed);
    ASSERT(copied);
    struct command *command = front_command(front, batch, COMMAND_KEY_CREATE, request->conn,
                                            &request->actor, request->number);
    command->target_kind = RESOURCE_THNG;
    command->target = request->resource;
    command->project = request->project;
    command->as.key.kind = KEY_DEVICE;
    command->as.key.sealed = sealed;
    keyring_hash(keyring, api_key, command->as.key.hash);
    return REST_TAKEN;
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
    wipe(out);
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
    return REST_TAKEN;
}
