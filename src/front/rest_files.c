/* SPDX-License-Identifier: Apache-2.0
 *
 * Files over HTTP (contract: REST 11): the bytes, under links that are rights of their own. What is
 * uploaded is on disk before the document names it, and the document names it before the upload is
 * answered:
 *
 *      loop    the link, the key's place                   rest_file_upload
 *      reader  the document, its type; the bytes, synced   upload_run
 *      loop    an update of the document                   upload_arrived
 *      loop    committed: the answer                       rest_file_uploaded */
#include "front/rest.h"

#include "base/assert.h"
#include "base/clock.h"
#include "front/file_links.h"
#include "front/file_store.h"
#include "front/file_tidy.h"
#include "front/rest_read.h"
#include "model/document.h"

/* Reads of content that is replaced meanwhile find the new one: so often at most. */
#define CONTENT_TRIES 3

static void refuse_with(struct http_request *request, struct err err, struct slice detail)
{
    ASSERT(detail.bytes <= sizeof(request->detail));
    memcpy(request->detail, detail.at, detail.bytes);
    request->detail_bytes = detail.bytes;
    http_refuse(request, err);
}

static void refuse_link(struct http_request *request)
{
    refuse_with(request, ERR(DENIED), SLICE("The link is not valid, or not any longer."));
}

static struct err find_file(struct reader *reader, const struct id *id, struct document *document)
{
    TRY(documents_get(reader->documents, id, document));
    return document->kind == RESOURCE_FILE ? ERR(OK) : ERR(NOT_FOUND);
}

/* The file's type, decoded, behind what is in <out>. */
static struct slice type_of(const struct document *document, struct buf *out)
{
    struct slice raw = document_text(document->text, SLICE("type"));
    if (err_is_set(buf_reserve(out, raw.bytes))) {
        return (struct slice){0};
    }
    uint8_t *at = out->at + out->tail;
    size_t bytes = json_raw_decode(raw, at);
    out->tail += bytes;
    return slice_of(at, bytes);
}

/* ---- documents ---- */

/* A file of the same name was perhaps replaced: its content is nobody's then. */
void rest_file_created(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    if (!err_is_set(answer->err)) {
        file_tidy_start(request->conn->front->shared, &answer->created);
    }
    rest_document_created(request, answer, event);
}

void rest_file_deleted(struct http_request *request, const struct answer *answer,
                       const struct event *event)
{
    if (!err_is_set(answer->err)) {
        file_tidy_start(request->conn->front->shared, &request->resource);
    }
    rest_done(request, answer, event);
}

/* ---- upload ---- */

struct upload {
    struct rest_read read;
    struct id content;
    struct slice type; /* what the body says it is, and the body: in <memory> */
    struct slice body;
    bool is_stored; /* and nobody else has it to look after */
    uint8_t memory[];
};

/* The type of the file may be told with parameters (charset) that its document does not have. */
static bool is_of_type(struct slice sent, struct slice wanted)
{
    struct slice bare = http1_trim(slice_first(sent, slice_find(sent, ';')));
    return slice_equal_nocase(http1_trim(sent), wanted) || slice_equal_nocase(bare, wanted);
}

static struct err upload_run(struct reader *reader, struct rest_read *read)
{
    struct upload *upload = (struct upload *)(void *)read; /* it begins with the read */
    struct document document;
    TRY(find_file(reader, &read->resource, &document));
    buf_reset(&reader->value);
    struct slice type = type_of(&document, &reader->value);
    if (reader->value.failed) {
        return ERR(NO_MEMORY);
    }
    if (!is_of_type(upload->type, type)) {
        return ERR(MEDIA_TYPE);
    }
    /* Who made the link was allowed to, and the link is what the sender has instead of a key. */
    read->actor = (struct actor){.kind = ACTOR_OPERATOR, .account = document.account};
    TRY(file_store_write(read->front->shared->files, &read->resource, &upload->content,
                         upload->body));
    upload->is_stored = true;
    return ERR(OK);
}

/* False when too many commands are under way. */
static bool send_update(struct http_request *request, struct upload *upload)
{
    struct front *front = request->conn->front;
    const struct file_content content = {
        .name = upload->content,
        .bytes = (int64_t)upload->body.bytes,
    };
    buf_reset(&front->scratch);
    file_content_write(&front->scratch, &content);
    struct command_batch *batch =
        front->scratch.failed
            ? NULL
            : front_batch(front, FRONT_COMMAND_BYTES + buf_bytes(&front->scratch));
    if (batch == NULL) {
        return false;
    }
    struct slice patch;
    bool copied = command_batch_copy(batch, buf_data(&front->scratch), &patch);
    ASSERT(copied);
    struct command *command = front_command(front, batch, COMMAND_UPDATE, request->conn,
                                            &upload->read.actor, request->number);
    command->target_kind = RESOURCE_FILE;
    command->target = upload->read.resource;
    command->as.update.patch = patch;
    return true;
}

static void upload_arrived(struct http_request *request, struct rest_read *read)
{
    struct upload *upload = (struct upload *)(void *)read; /* it begins with the read */
    if (err_equal(read->err, ERR(MEDIA_TYPE))) {
        refuse_with(request, read->err, SLICE("The Content-Type must be the type of the file."));
    } else if (err_is_set(read->err)) {
        http_refuse(request, read->err);
    } else if (send_update(request, upload)) {
        request->resource = read->resource;
        request->kept.content = upload->content;
        upload->is_stored = false;
    } else {
        http_refuse(request, ERR(BUSY));
    }
}

static void settle(struct front_shared *shared, const struct id *file, const struct id *content)
{
    file_store_settle(shared->files, content);
    file_tidy_start(shared, file);
}

static void upload_release(struct rest_read *read)
{
    struct upload *upload = (struct upload *)(void *)read; /* it begins with the read */
    if (upload->is_stored) {
        settle(read->front->shared, &read->resource, &upload->content);
    }
}

enum rest_step rest_file_upload(struct http_request *request)
{
    struct front *front = request->conn->front;
    if (err_is_set(file_link_check(front->shared->keyring, FILE_LINK_UPLOAD, &request->resource,
                                   request->query, clock_wall_ms()))) {
        refuse_link(request);
        return REST_TAKEN;
    }
    struct upload *upload = rest_read_new(
        request, sizeof(*upload) + request->content_type.bytes + request->body.bytes, upload_run);
    if (upload == NULL) {
        return REST_TAKEN;
    }
    uint8_t *memory = upload->memory;
    upload->type = rest_read_keep(&memory, request->content_type);
    upload->body = rest_read_keep(&memory, request->body);
    upload->content = id_generate(&front->rand, clock_wall_ms());
    upload->read.arrived = upload_arrived;
    upload->read.release = upload_release;
    rest_read_start(request, &upload->read);
    return REST_TAKEN;
}

void rest_file_uploaded(struct http_request *request, const struct answer *answer,
                        const struct event *event)
{
    settle(request->conn->front->shared, &request->resource, &request->kept.content);
    rest_done(request, answer, event);
}

/* ---- content ---- */

struct fetch {
    struct rest_read read;
    bool is_signed;
    struct buf type;
};

static struct err find_content(struct reader *reader, struct fetch *fetch,
                               struct file_content *content)
{
    struct document document;
    TRY(find_file(reader, &fetch->read.resource, &document));
    *content = file_content_read(document.text);
    /* Without the right to it a private file is as one that is not there. */
    if (!id_is_set(&content->name) || !(fetch->is_signed || file_is_public(document.text))) {
        return ERR(NOT_FOUND);
    }
    buf_reset(&fetch->type);
    type_of(&document, &fetch->type);
    return fetch->type.failed ? ERR(NO_MEMORY) : ERR(OK);
}

static struct err fetch_run(struct reader *reader, struct rest_read *read)
{
    struct fetch *fetch = (struct fetch *)(void *)read; /* it begins with the read */
    struct front_shared *shared = read->front->shared;
    for (int i = 0; i < CONTENT_TRIES; i++) {
        struct file_content content;
        TRY(find_content(reader, fetch, &content));
        struct err err =
            file_store_read(shared->files, &read->resource, &content.name, &read->body);
        if (!err_equal(err, ERR(NOT_FOUND))) {
            return err;
        }
        /* It has gone since the document was read: that one names another by now. */
        TRY(store_wait(reader->store, broadcast_last(shared->ring), REST_READ_WAIT_MS));
    }
    return ERR(CORRUPT);
}

static void fetch_arrived(struct http_request *request, struct rest_read *read)
{
    struct fetch *fetch = (struct fetch *)(void *)read; /* it begins with the read */
    if (err_is_set(read->err)) {
        http_refuse(request, read->err);
        return;
    }
    http_answer(request, &(struct http_answer){
                             .status = 200,
                             .body = buf_data(&read->body),
                             .content_type = buf_data(&fetch->type),
                             .is_user_content = true,
                         });
}

static void fetch_release(struct rest_read *read)
{
    struct fetch *fetch = (struct fetch *)(void *)read; /* it begins with the read */
    buf_deinit(&fetch->type);
}

enum rest_step rest_file_content(struct http_request *request)
{
    bool is_signed = file_link_is_signed(request->query);
    if (is_signed &&
        err_is_set(file_link_check(request->conn->front->shared->keyring, FILE_LINK_CONTENT,
                                   &request->resource, request->query, clock_wall_ms()))) {
        refuse_link(request);
        return REST_TAKEN;
    }
    struct fetch *fetch = rest_read_new(request, sizeof(*fetch), fetch_run);
    if (fetch != NULL) {
        fetch->is_signed = is_signed;
        fetch->read.arrived = fetch_arrived;
        fetch->read.release = fetch_release;
        rest_read_start(request, &fetch->read);
    }
    return REST_TAKEN;
}
