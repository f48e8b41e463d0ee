/* SPDX-License-Identifier: Apache-2.0
 *
 * The half of a head's loading that runs on a reader thread. */
#include "engine/head.h"
#include "store/documents.h"

static bool put_property(void *arg, struct slice key, uint32_t number)
{
    struct buf *properties = arg;
    buf_put_u32be(properties, number);
    buf_put_varint(properties, key.bytes);
    buf_put(properties, key);
    return !properties->failed;
}

static struct err read_resource(struct head_load *load, struct documents_reader *documents)
{
    struct document document;
    struct err err = documents_get(documents, &load->id, &document);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    load->found = true;
    load->kind = document.kind;
    load->account = document.account;
    if (load->want_document) {
        buf_put(&load->document, document.text);
        buf_put(&load->scopes, document.scopes);
    }
    return ERR(OK);
}

static struct err read_rest(struct head_load *load, struct documents_reader *documents)
{
    TRY(documents_properties(documents, &load->id, put_property, &load->properties));
    struct key_row row;
    struct err err = documents_key_of(documents, KEY_DEVICE, &load->id, &row);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK);
    }
    TRY(err);
    load->has_key = true;
    memcpy(load->key_hash, row.hash, sizeof(load->key_hash));
    return ERR(OK);
}

static struct err read_all(struct head_load *load, struct documents_reader *documents)
{
    TRY(documents_reader_begin(documents));
    struct err err = read_resource(load, documents);
    if (!err_is_set(err) && load->found) {
        err = read_rest(load, documents);
    }
    documents_reader_end(documents);
    bool failed = load->document.failed || load->scopes.failed || load->properties.failed;
    return failed ? ERR(NO_MEMORY) : err;
}

void head_load_read(struct head_load *load, struct documents_reader *documents)
{
    load->err = read_all(load, documents);
}
