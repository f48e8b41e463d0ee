/* SPDX-License-Identifier: Apache-2.0
 *
 * file_links.h - the addresses under which the bytes of a file are sent and fetched, and who may.
 *
 *      /files/<id>/content                                    fetch, of a file that is public
 *      /files/<id>/content?expires=<ms>&signature=<hex>       fetch or send, until then
 *
 * A link with a signature is a right of its own: whoever has it needs no key (contract: REST 11).
 * The signature is a MAC, with the keyring's secret, over the purpose, the file and the time, so
 * nothing is kept of links that were given out, and a link to fetch is none to send. */
#ifndef THRUM_FRONT_FILE_LINKS_H
#define THRUM_FRONT_FILE_LINKS_H

#include "store/documents.h"
#include "store/keyring.h"

/* How long a signed link works (contract: REST 11, of uploadUrl). */
#define FILE_LINK_MS INT64_C(1800000)

/* How a file's document is shown. */
struct file_links {
    const struct keyring *keyring;
    struct slice origin; /* "https://host:port"; empty: rooted links */
    int64_t now_ms;
    bool is_created; /* the answer to the POST: there is nothing to fetch yet */
};

/* Appends the members that are derived when a file is read to an object that is open in <out>:
 * size (when it has content), contentUrl, uploadUrl. <document> is as stored. */
void file_links_write(struct buf *out, const struct document *document,
                      const struct file_links *links);

enum file_link {
    FILE_LINK_CONTENT,
    FILE_LINK_UPLOAD,
};

/* Does <query> carry a signature at all? */
bool file_link_is_signed(struct slice query);

/* ERR_OK when <query> is that of a link made for <purpose> of that file, and has not expired; else
 * ERR_DENIED. */
MUST_USE struct err file_link_check(const struct keyring *keyring, enum file_link purpose,
                                    const struct id *file, struct slice query, int64_t now_ms);

/* What a file's document says of its content. */
struct file_content {
    struct id name; /* of the stored bytes (file_store.h); not set: none were sent yet */
    int64_t bytes;
};

struct file_content file_content_read(struct slice document);

/* Appends the hidden member of a file's document, as document.h writes members. */
void file_content_write(struct buf *members, const struct file_content *content);

/* Whoever has the address may fetch it, without a signature. */
bool file_is_public(struct slice document);

#endif
