/* SPDX-License-Identifier: Apache-2.0 */
#include "front/file_links.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "front/rest_query.h"
#include "model/document.h"

#include <sodium.h>
#include <stdio.h>

#define SIGNATURE_BYTES (2 * (size_t)KEY_HASH_BYTES)
/* Room for the purpose, an id and a number. */
#define SIGNED_TEXT_BYTES 96

/* ---- the document ---- */

struct file_content file_content_read(struct slice document)
{
    struct file_content content = {0};
    struct slice shown;
    struct slice hidden;
    document_split(RESOURCE_FILE, document, &shown, &hidden);
    if (slice_is_empty(hidden)) {
        return content;
    }
    struct json_value object = json_object_of(hidden);
    bool is_whole = json_int64(json_member(object, SLICE("size")), &content.bytes) &&
                    document_id(hidden, SLICE("name"), &content.name);
    ASSERT(is_whole); /* only file_content_write writes it */
    return content;
}

void file_content_write(struct buf *members, const struct file_content *content)
{
    char value[64 + ID_BYTES];
    int bytes = snprintf(value, sizeof(value), "{\"size\":%lld,\"name\":\"%.*s\"}",
                         (long long)content->bytes, ID_BYTES, content->name.text);
    document_put_member(members, SLICE("content"), slice_of(value, (size_t)bytes));
}

bool file_is_public(struct slice document)
{
    struct json_value value = json_member(json_object_of(document), SLICE("privateAccess"));
    return value.type == JSON_BOOLEAN && !json_is_true(value);
}

/* ---- signatures ---- */

/* The MAC of a link, in hexadecimal. API keys are hashed with the same secret, but none has a line
 * end in it, so no link is the hash of a key. */
static void sign(const struct keyring *keyring, enum file_link purpose, const struct id *file,
                 int64_t expires_ms, char signature[static SIGNATURE_BYTES + 1])
{
    char text[SIGNED_TEXT_BYTES];
    uint8_t mac[KEY_HASH_BYTES];
    int bytes = snprintf(text, sizeof(text), "file-%s\n%.*s\n%lld",
                         purpose == FILE_LINK_UPLOAD ? "upload" : "content", ID_BYTES, file->text,
                         (long long)expires_ms);
    ASSERT(bytes > 0 && (size_t)bytes < sizeof(text));
    keyring_hash(keyring, slice_of(text, (size_t)bytes), mac);
    sodium_bin2hex(signature, SIGNATURE_BYTES + 1, mac, sizeof(mac));
}

bool file_link_is_signed(struct slice query)
{
    struct slice value;
    return rest_query_find(query, SLICE("signature"), &value);
}

struct err file_link_check(const struct keyring *keyring, enum file_link purpose,
                           const struct id *file, struct slice query, int64_t now_ms)
{
    struct slice given;
    int64_t expires_ms;
    bool has_time;
    char wanted[SIGNATURE_BYTES + 1];
    if (!rest_query_find(query, SLICE("signature"), &given) || given.bytes != SIGNATURE_BYTES ||
        err_is_set(rest_query_time(query, SLICE("expires"), &has_time, &expires_ms)) || !has_time) {
        return ERR(DENIED);
    }
    sign(keyring, purpose, file, expires_ms, wanted);
    bool is_ours = sodium_memcmp(given.at, wanted, SIGNATURE_BYTES) == 0;
    return is_ours && now_ms < expires_ms ? ERR(OK) : ERR(DENIED);
}

/* ---- links ---- */

static void write_link(struct buf *out, const struct file_links *links, struct slice name,
                       const struct id *file, const char *parameters)
{
    struct buf url = {0};
    buf_put(&url, links->origin);
    buf_put_format(&url, "/files/%.*s/content%s", ID_BYTES, file->text, parameters);
    json_write_member_string(out, name, buf_data(&url));
    out->failed |= url.failed;
    buf_deinit(&url);
}

static void write_signed_link(struct buf *out, const struct file_links *links, struct slice name,
                              enum file_link purpose, const struct id *file)
{
    char signature[SIGNATURE_BYTES + 1];
    char parameters[SIGNATURE_BYTES + 64];
    int64_t expires_ms = links->now_ms + FILE_LINK_MS;
    sign(links->keyring, purpose, file, expires_ms, signature);
    snprintf(parameters, sizeof(parameters), "?expires=%lld&signature=%s", (long long)expires_ms,
             signature);
    write_link(out, links, name, file, parameters);
}

void file_links_write(struct buf *out, const struct document *document,
                      const struct file_links *links)
{
    struct file_content content = file_content_read(document->text);
    if (id_is_set(&content.name)) {
        json_write_member_int(out, SLICE("size"), content.bytes);
    }
    if (!links->is_created && file_is_public(document->text)) {
        write_link(out, links, SLICE("contentUrl"), &document->id, "");
    } else if (!links->is_created) {
        write_signed_link(out, links, SLICE("contentUrl"), FILE_LINK_CONTENT, &document->id);
    }
    write_signed_link(out, links, SLICE("uploadUrl"), FILE_LINK_UPLOAD, &document->id);
}
