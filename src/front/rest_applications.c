/* SPDX-License-Identifier: Apache-2.0
 *
 * Applications over HTTP, as far as they differ from other documents: they are made with two keys,
 * one that everybody may know and one for servers (contract: auth.md 2.2). */
#include "front/rest_documents.h"
#include "front/rest_keys.h"

#include "codec/json_write.h"

#include <string.h>

#define KEYS 2

enum rest_step rest_application_create(struct http_request *request)
{
    struct front *front = request->conn->front;
    struct buf sealed[KEYS] = {0};
    char api_key[API_KEY_BYTES]; /* which nobody is told now */
    struct command_key keys[KEYS] = {
        rest_key_make(front, KEY_APPLICATION, api_key, &sealed[0]),
        rest_key_make(front, KEY_TRUSTED, api_key, &sealed[1]),
    };
    explicit_bzero(api_key, sizeof(api_key));
    enum rest_step step = REST_TAKEN;
    if (sealed[0].failed || sealed[1].failed) {
        http_refuse(request, ERR(NO_MEMORY));
    } else {
        struct document_send send = {.is_creation = true, .keys = keys, .key_count = KEYS};
        step = rest_document_send(request, &send);
    }
    buf_deinit(&sealed[0]);
    buf_deinit(&sealed[1]);
    return step;
}

/* ---- one's own ---- */

enum rest_step rest_application_me(struct http_request *request)
{
    request->resource = request->actor.id;
    return rest_document_read(request);
}

enum rest_step rest_application_me_update(struct http_request *request)
{
    request->resource = request->actor.id;
    return rest_document_update(request);
}

/* ---- the key for servers ---- */

static struct err secret_run(struct reader *reader, struct rest_read *read)
{
    struct document document;
    struct key_row row;
    TRY(rest_document_find_child(reader, read, RESOURCE_APPLICATION, &document));
    TRY(documents_key_of(reader->documents, KEY_TRUSTED, &read->child, &row));
    struct buf *key = &reader->value;
    buf_reset(key);
    struct err err = keyring_unseal(read->front->shared->keyring, row.sealed, key);
    if (!err_is_set(err)) {
        json_write_open(&read->body, '{');
        json_write_member_string(&read->body, SLICE("secretApiKey"), buf_data(key));
        json_write_close(&read->body, '}');
    }
    buf_wipe(key);
    return err;
}

enum rest_step rest_secret_key(struct http_request *request)
{
    rest_read_moment(request, secret_run);
    return REST_TAKEN;
}
