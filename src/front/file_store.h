/* SPDX-License-Identifier: Apache-2.0
 *
 * file_store.h - the bytes of uploaded files: DIR/files/<file>/<content>.
 *
 * Each upload is a content of its own, with an id that is used once, and is written whole before
 * the file's document names it. So the document decides, in one event, which content a file has;
 * what no document names is nobody's and goes:
 *
 *      file_store_write   on disk, synced, in use: nobody removes it
 *      (the document is updated to name it, or that is refused)
 *      file_store_settle  no longer in use: from now on the document decides
 *      file_store_tidy    removes those of a file that are settled and not its current one
 *
 * After a start nothing is in use: tidying every file removes what a crash has left.
 *
 * Any thread; all but settle read or write the disk and belong on a reader's. */
#ifndef THRUM_FRONT_FILE_STORE_H
#define THRUM_FRONT_FILE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/id.h"

struct file_store;

/* Whose answer is not known after this long (the connection that would have heard it is gone) is
 * settled: the engine answers within seconds. */
#define FILE_STORE_USE_MS (10 * 60 * 1000)

/* So many contents of one file are removed by one tidying. */
#define FILE_STORE_TIDY_MAX 64

/* Opens the folder <data>/files, or makes it. ERR_IO, ERR_NO_MEMORY. */
MUST_USE struct err file_store_open(const char *data, struct file_store **store);

/* NULL is fine. */
void file_store_close(struct file_store *store);

/* Stores <bytes> durably as <content>, a new id, of <file>; it is in use then. On an error nothing
 * is left: ERR_READ_ONLY when the disk is full, ERR_IO, ERR_NO_MEMORY. */
MUST_USE struct err file_store_write(struct file_store *store, const struct id *file,
                                     const struct id *content, struct slice bytes);

/* The content is no longer in use. Nothing happens when it is not. */
void file_store_settle(struct file_store *store, const struct id *content);

/* Appends the bytes. ERR_NOT_FOUND, ERR_IO, or that of <out>. */
MUST_USE struct err file_store_read(struct file_store *store, const struct id *file,
                                    const struct id *content, struct buf *out);

/* Finds the content that the file's document names now, having waited for all that was committed
 * before the call; not set: none, or no such file. */
typedef struct err (*file_store_current_fn)(void *arg, const struct id *file, struct id *current);

/* Removes the contents of <file> that are settled and are not its current one. Which are settled is
 * looked at before <current> is asked: what was committed after that is left alone. */
MUST_USE struct err file_store_tidy(struct file_store *store, const struct id *file,
                                    file_store_current_fn current, void *arg);

/* Tidies every file that there is. */
MUST_USE struct err file_store_tidy_all(struct file_store *store, file_store_current_fn current,
                                        void *arg);

#endif
