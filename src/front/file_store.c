/* SPDX-License-Identifier: Apache-2.0 */
#include "front/file_store.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define FILE_MODE 0600

/* A content in use. */
struct use {
    struct link link;
    struct id file;
    struct id content;
    int64_t written_ms; /* INT64_MAX: not yet */
};

struct file_store {
    int folder; /* DIR/files, open */
    pthread_mutex_t lock;
    struct link uses;
};

struct name {
    char text[ID_BYTES + 1];
};

static struct name name_of(const struct id *id)
{
    struct name name;
    memcpy(name.text, id->text, ID_BYTES);
    name.text[ID_BYTES] = '\0';
    return name;
}

/* A disk without room may have some again; all else is a fault. */
static struct err err_of(int error_number)
{
    bool is_full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
    return is_full ? ERR(READ_ONLY) : error_number == ENOENT ? ERR(NOT_FOUND) : ERR(IO);
}

/* ---- opening ---- */

struct err file_store_open(const char *data, struct file_store **store)
{
    char path[PATH_MAX];
    int bytes = snprintf(path, sizeof(path), "%s/files", data);
    if (bytes < 0 || (size_t)bytes >= sizeof(path) ||
        (mkdir(path, FOLDER_MODE) == -1 && errno != EEXIST)) {
        return ERR(IO);
    }
    struct file_store *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return ERR(NO_MEMORY);
    }
    opened->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened->folder == -1) {
        free(opened);
        return ERR(IO);
    }
    pthread_mutex_init(&opened->lock, NULL);
    list_init(&opened->uses);
    *store = opened;
    return ERR(OK);
}

void file_store_close(struct file_store *store)
{
    if (store == NULL) {
        return;
    }
    LIST_EACH (&store->uses, link, after) {
        free(LIST_ENTRY(link, struct use, link));
    }
    pthread_mutex_destroy(&store->lock);
    close(store->folder);
    free(store);
}

/* ---- what is in use ---- */

static struct err begin_use(struct file_store *store, const struct id *file,
                            const struct id *content)
{
    struct use *use = malloc(sizeof(*use));
    if (use == NULL) {
        return ERR(NO_MEMORY);
    }
    *use = (struct use){.file = *file, .content = *content, .written_ms = INT64_MAX};
    pthread_mutex_lock(&store->lock);
    list_push(&store->uses, &use->link);
    pthread_mutex_unlock(&store->lock);
    return ERR(OK);
}

static void note_written(struct file_store *store, const struct id *content)
{
    pthread_mutex_lock(&store->lock);
    LIST_EACH (&store->uses, link, after) {
        struct use *use = LIST_ENTRY(link, struct use, link);
        if (id_equal(&use->content, content)) {
            use->written_ms = clock_monotonic_ms();
        }
    }
    pthread_mutex_unlock(&store->lock);
}

void file_store_settle(struct file_store *store, const struct id *content)
{
    pthread_mutex_lock(&store->lock);
    LIST_EACH (&store->uses, link, after) {
        struct use *use = LIST_ENTRY(link, struct use, link);
        if (id_equal(&use->content, content)) {
            list_remove(link);
            free(use);
        }
    }
    pthread_mutex_unlock(&store->lock);
}

/* With the lock held: is the content in use, or, without one, any of the file's? */
static bool is_used(struct file_store *store, const struct id *file, const struct id *content)
{
    int64_t expired_ms = clock_monotonic_ms() - FILE_STORE_USE_MS;
    LIST_EACH (&store->uses, link, after) {
        struct use *use = LIST_ENTRY(link, struct use, link);
        if (use->written_ms < expired_ms) {
            list_remove(link);
            free(use);
        } else if (id_equal(&use->file, file) &&
                   (content == NULL || id_equal(&use->content, content))) {
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

/* The folder of the file, made when there is none: then its name is durable, too. */
static struct err open_folder(struct file_store *store, const struct id *file, int *folder)
{
    struct name name = name_of(file);
    bool is_new = mkdirat(store->folder, name.text, FOLDER_MODE) == 0;
    if (!is_new && errno != EEXIST) {
        return err_of(errno);
    }
    if (is_new && fsync(store->folder) == -1) {
        return err_of(errno);
    }
    *folder = openat(store->folder, name.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *folder == -1 ? err_of(errno) : ERR(OK);
}

static struct err write_all(int fd, struct slice bytes)
{
    while (bytes.bytes > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.bytes);
        if (wrote == -1 && errno != EINTR) {
            return err_of(errno);
        }
        bytes = slice_from(bytes, wrote > 0 ? (size_t)wrote : 0);
    }
    return fsync(fd) == -1 ? err_of(errno) : ERR(OK);
}

static struct err write_content(int folder, const struct id *content, struct slice bytes)
{
    struct name name = name_of(content);
    int fd = openat(folder, name.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd == -1) {
        return err_of(errno);
    }
    struct err err = write_all(fd, bytes);
    if (close(fd) == -1 && !err_is_set(err)) {
        err = err_of(errno);
    }
    if (!err_is_set(err) && fsync(folder) == -1) {
        err = err_of(errno);
    }
    if (err_is_set(err)) {
        unlinkat(folder, name.text, 0);
    }
    return err;
}

struct err file_store_write(struct file_store *store, const struct id *file,
                            const struct id *content, struct slice bytes)
{
    int folder;
    /* In use before it is there, so that nobody takes its folder away. */
    TRY(begin_use(store, file, content));
    struct err err = open_folder(store, file, &folder);
    if (!err_is_set(err)) {
        err = write_content(folder, content, bytes);
        close(folder);
    }
    if (err_is_set(err)) {
        file_store_settle(store, content);
    } else {
        note_written(store, content);
    }
    return err;
}

/* ---- reading ---- */

static struct err read_all(int fd, struct buf *out)
{
    struct stat status;
    if (fstat(fd, &status) == -1) {
        return ERR(IO);
    }
    size_t left = (size_t)status.st_size;
    TRY(buf_reserve(out, left));
    while (left > 0) {
        ssize_t got = read(fd, out->at + out->tail, left);
        if (got == 0 || (got == -1 && errno != EINTR)) {
            return ERR(IO);
        }
        out->tail += got > 0 ? (size_t)got : 0;
        left -= got > 0 ? (size_t)got : 0;
    }
    return ERR(OK);
}

struct err file_store_read(struct file_store *store, const struct id *file,
                           const struct id *content, struct buf *out)
{
    char path[2 * ID_BYTES + 2];
    snprintf(path, sizeof(path), "%s/%s", name_of(file).text, name_of(content).text);
    int fd = openat(store->folder, path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return err_of(errno);
    }
    struct err err = read_all(fd, out);
    close(fd);
    return err;
}

/* ---- tidying ---- */

/* Calls <visit> with each entry of the folder that is an id; false stops. */
static struct err each_id(int parent, const char *name, bool (*visit)(void *arg, const struct id *),
                          void *arg)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return err_of(errno);
    }
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return ERR(NO_MEMORY);
    }
    bool goes_on = true;
    for (struct dirent *entry; goes_on && (entry = readdir(folder)) != NULL;) {
        struct id id;
        if (id_parse(slice_of_text(entry->d_name), &id)) {
            goes_on = visit(arg, &id);
        }
    }
    closedir(folder);
    return ERR(OK);
}

/* Contents of a file that are settled. */
struct settled {
    struct file_store *store;
    const struct id *file;
    struct id contents[FILE_STORE_TIDY_MAX];
    uint32_t count;
};

static bool note_settled(void *arg, const struct id *content)
{
    struct settled *settled = arg;
    pthread_mutex_lock(&settled->store->lock);
    if (!is_used(settled->store, settled->file, content)) {
        settled->contents[settled->count++] = *content;
    }
    pthread_mutex_unlock(&settled->store->lock);
    return settled->count < FILE_STORE_TIDY_MAX;
}

static struct err remove_content(struct file_store *store, const struct id *file,
                                 const struct id *content)
{
    char path[2 * ID_BYTES + 2];
    snprintf(path, sizeof(path), "%s/%s", name_of(file).text, name_of(content).text);
    return unlinkat(store->folder, path, 0) == -1 && errno != ENOENT ? err_of(errno) : ERR(OK);
}

/* Who is about to write into the folder has said so before. */
static void remove_folder_if_empty(struct file_store *store, const struct id *file)
{
    pthread_mutex_lock(&store->lock);
    if (!is_used(store, file, NULL)) {
        unlinkat(store->folder, name_of(file).text, AT_REMOVEDIR);
    }
    pthread_mutex_unlock(&store->lock);
}

struct err file_store_tidy(struct file_store *store, const struct id *file,
                           file_store_current_fn current, void *arg)
{
    struct settled settled = {.store = store, .file = file};
    struct id keep = {{0}};
    struct err err = each_id(store->folder, name_of(file).text, note_settled, &settled);
    if (err_equal(err, ERR(NOT_FOUND))) {
        return ERR(OK); /* nothing was ever uploaded */
    }
    TRY(err);
    TRY(current(arg, file, &keep));
    for (uint32_t i = 0; i < settled.count; i++) {
        if (!id_equal(&settled.contents[i], &keep)) {
            TRY(remove_content(store, file, &settled.contents[i]));
        }
    }
    remove_folder_if_empty(store, file);
    return ERR(OK);
}

struct tidy_all {
    struct file_store *store;
    file_store_current_fn current;
    void *arg;
    struct err err; /* the first; the others are tidied all the same */
};

static bool tidy_one(void *arg, const struct id *file)
{
    struct tidy_all *all = arg;
    struct err err = file_store_tidy(all->store, file, all->current, all->arg);
    if (err_is_set(err) && !err_is_set(all->err)) {
        all->err = err;
    }
    return true;
}

struct err file_store_tidy_all(struct file_store *store, file_store_current_fn current, void *arg)
{
    struct tidy_all all = {.store = store, .current = current, .arg = arg};
    TRY(each_id(store->folder, ".", tidy_one, &all));
    return all.err;
}
