/* SPDX-License-Identifier: Apache-2.0
 *
 * Applications over HTTP, as far as they differ from other documents: they are made with two keys,
 * one that everybody may know and one for servers (contract: auth.md 2.2). */
#include "front/rest_documents.h"

#include "base/assert.h"
#include "codec/json_write.h"

#include <string.h>

#define KEYS 2

/* A new key, as far as the engine is told of it; its sealed form goes behind what is in <sealed>.
 */
static struct command_key new_key(struct front *front, enum key_kind kind, struct buf *sealed)
{
    struct command_key key = {.kind = kind};
    char api_key[API_KEY_BYTES];
    size_t before = buf_bytes(sealed);
    key_generate(&front->rand, api_key);
    keyring_hash(front->shared->keyring, slice_of(api_key, API_KEY_BYTES), key.hash);
    keyring_seal(front->shared->keyring, slice_of(api_key, API_KEY_BYTES), sealed);
    explicit_bzero(api_key, sizeof(api_key));
    key.sealed.bytes = buf_bytes(sealed) - before;
    return key;
}

enum rest_step rest_application_create(struct http_request *request)
{
    struct front *front = request->conn->front;
    struct buf sealed = {0};
    struct command_key keys[KEYS] = {
        new_key(front, KEY_APPLICATION, &sealed),
        new_key(front, KEY_TRUSTED, &sealed),
    };
    if (sealed.failed) {
        buf_deinit(&sealed);
        http_refuse(request, ERR(NO_MEMORY));
        return REST_TAKEN;
    }
    keys[0].sealed = slice_first(buf_data(&sealed), keys[0].sealed.bytes);
    keys[1].sealed = slice_from(buf_data(&sealed), keys[0].sealed.bytes);
    struct document_send send = {.is_creation = true, .keys = keys, .key_count = KEYS};
    enum rest_step step = rest_document_send(request, &send);
    buf_deinit(&sealed);
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

static struct err write_secret(struct reader *reader, struct rest_read *read)
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
        explicit_bzero(key->at, key->room);
    }
    buf_reset(key);
    return err;
}

static struct err secret_run(struct reader *reader, struct rest_read *read)
{
    TRY(documents_reader_begin(reader->documents));
    struct err err = write_secret(reader, read);
    documents_reader_end(reader->documents);
    return err;
}

enum rest_step rest_secret_key(struct http_request *request)
{
    rest_read_plain(request, secret_run);
    return REST_TAKEN;
}
