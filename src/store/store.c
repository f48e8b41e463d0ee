/* SPDX-License-Identifier: Apache-2.0
 *
 * The data folder:
 *
 *      DIR/lock            locked while a daemon uses the folder
 *      DIR/format          "thrum 1\n": the layout of everything beside it
 *      DIR/store/          RocksDB: journal, history, sessions, retained (rocks.h)
 *      DIR/documents.db    SQLite: documents (documents.h)
 *
 * Opening replays the journal behind each projection's mark. What must hold then, and is checked:
 *
 *      (1) no mark is ahead of the journal's last sequence number;
 *      (2) the journal still has every group behind the lowest mark;
 *      (3) groups follow each other without gaps, each with a valid checksum.
 *
 * What breaks one of them stops the start. The one damage that is passed over is a record at the
 * end of the log that was cut off while it was written: nobody was told that it is safe. */
#include "store/store.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/mark.h"
#include "store/projector.h"
#include "store/rocks.h"
#include "store/roller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096
#define FORMAT_PREFIX "thrum "
#define FORMAT_NOW 1
#define FORMAT_BYTES_MAX 64

/* Replayed events a transaction of documents. */
#define REPLAY_EVENTS_MAX 10000

/* Events that the documents may be behind before commits must wait; and of those, changes of the
 * documents themselves, which take 20 to 60 us each: a reader of its own writes waits for two or
 * three seconds at worst. */
#define LAG_EVENTS_MAX ((uint64_t)1 << 20)
#define LAG_CHANGES_MAX ((uint64_t)1 << 16)

/* The table of newest samples may have a quarter as much as the block cache. */
#define HOT_BYTES_MIN ((size_t)8 << 20)

struct store {
    struct store_options options;
    char *folder;
    char *documents_path;
    int lock_fd;
    struct rocks *rocks;
    struct journal *journal;
    struct history *history;
    struct sessions *sessions;
    struct retained *retained;
    struct documents *documents;
    struct roller *roller;
    struct projector *projector;
};

/* ---- items of the ring ---- */

struct committed *committed_new(const struct group *group)
{
    struct committed *committed = malloc(sizeof(*committed) + group->bytes.bytes);
    if (committed == NULL) {
        return NULL;
    }
    uint8_t *bytes = (uint8_t *)(committed + 1);
    memcpy(bytes, group->bytes.at, group->bytes.bytes);
    committed->item = (struct broadcast_item){
        .first = group->first_sequence,
        .last = group->last_sequence,
        .bytes = sizeof(*committed) + group->bytes.bytes,
    };
    committed->group = *group;
    committed->group.bytes.at = bytes;
    committed->group.filter.at = bytes + (group->filter.at - group->bytes.at);
    committed->group.body.at = bytes + (group->body.at - group->bytes.at);
    return committed;
}

void committed_free(struct broadcast_item *item)
{
    free(CONTAINER_OF(item, struct committed, item));
}

/* ---- the folder ---- */

static struct err path_in(const struct store *store, const char *name, char path[PATH_BYTES_MAX])
{
    int bytes = snprintf(path, PATH_BYTES_MAX, "%s/%s", store->folder, name);
    return bytes < 0 || bytes >= PATH_BYTES_MAX ? ERR(IO) : ERR(OK);
}

static struct err io_failed(const char *doing, const char *path)
{
    char quoted[LOG_VALUE_BYTES * 2];
    log_line(LOG_ERROR, "store", "the data folder failed doing=\"%s\" path=%s reason=\"%s\"", doing,
             log_quote(slice_of_text(path), quoted, sizeof(quoted)), strerror(errno));
    return ERR(IO);
}

static struct err make_folder(const char *path)
{
    if (mkdir(path, 0700) == -1 && errno != EEXIST) {
        return io_failed("creating", path);
    }
    return ERR(OK);
}

/* Makes names in the folder survive a power failure. */
static struct err sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return io_failed("opening", path);
    }
    struct err err = fsync(fd) == -1 ? io_failed("syncing", path) : ERR(OK);
    close(fd);
    return err;
}

static struct err lock_folder(struct store *store)
{
    char path[PATH_BYTES_MAX];
    TRY(path_in(store, "lock", path));
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd == -1) {
        return io_failed("opening", path);
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == -1) {
        return errno == EWOULDBLOCK ? ERR(STORE_LOCKED) : io_failed("locking", path);
    }
    return ERR(OK);
}

/* Writes the whole text to a new file, and syncs it. */
static struct err write_file(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) {
        return io_failed("creating", path);
    }
    bool is_written = write(fd, text.at, text.bytes) == (ssize_t)text.bytes && fsync(fd) == 0;
    struct err err = is_written ? ERR(OK) : io_failed("writing", path);
    close(fd);
    return err;
}

static struct err write_format(const struct store *store, const char *path)
{
    char fresh[PATH_BYTES_MAX];
    char text[FORMAT_BYTES_MAX];
    TRY(path_in(store, "format.new", fresh));
    int bytes = snprintf(text, sizeof(text), FORMAT_PREFIX "%d\n", FORMAT_NOW);
    TRY(write_file(fresh, slice_of(text, (size_t)bytes)));
    if (rename(fresh, path) == -1) {
        return io_failed("renaming", fresh);
    }
    return sync_folder(store->folder);
}

/* The format of the folder; 0 when it has none yet. */
static struct err read_format(const char *path, unsigned long *format)
{
    *format = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return errno == ENOENT ? ERR(OK) : io_failed("opening", path);
    }
    char text[FORMAT_BYTES_MAX] = {0};
    ssize_t bytes = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (bytes == -1) {
        return io_failed("reading", path);
    }
    if (!slice_starts_with(slice_of_text(text), SLICE(FORMAT_PREFIX))) {
        log_line(LOG_ERROR, "store", "the format file is damaged");
        return ERR(CORRUPT);
    }
    *format = strtoul(text + sizeof(FORMAT_PREFIX) - 1, NULL, 10);
    return *format == 0 ? ERR(CORRUPT) : ERR(OK);
}

static struct err check_format(const struct store *store)
{
    char path[PATH_BYTES_MAX];
    unsigned long format;
    TRY(path_in(store, "format", path));
    TRY(read_format(path, &format));
    if (format > FORMAT_NOW) {
        log_line(LOG_ERROR, "store", "the data folder is newer format=%lu known=%d", format,
                 FORMAT_NOW);
        return ERR(STORE_FORMAT_NEWER);
    }
    return format == 0 ? write_format(store, path) : ERR(OK);
}

/* ---- replay ---- */

struct replay {
    struct store *store;
    uint64_t documents_mark;
    uint64_t history_mark;
    uint32_t pending; /* events in the transaction */
    bool is_open;     /* a transaction is */
    struct err err;
};

static struct err replay_commit(struct replay *replay)
{
    if (!replay->is_open) {
        return ERR(OK);
    }
    replay->is_open = false;
    replay->pending = 0;
    return documents_commit(replay->store->documents);
}

static struct err replay_documents(struct replay *replay, const struct group *group)
{
    if (!replay->is_open) {
        TRY(documents_begin(replay->store->documents));
        replay->is_open = true;
    }
    TRY(documents_apply(replay->store->documents, group));
    replay->pending += group->has_documents ? group->count : 1;
    return replay->pending >= REPLAY_EVENTS_MAX ? replay_commit(replay) : ERR(OK);
}

static struct err replay_history(struct replay *replay, const struct group *group)
{
    struct history *history = replay->store->history;
    struct tail *tail = history_tail(history);
    struct err err = tail_add(tail, group);
    if (err.code == ERR_BUSY) {
        TRY(roller_roll_now(history));
        err = tail_add(tail, group);
    }
    TRY(err);
    return tail_active_bytes(tail) >= replay->store->options.roll_bytes ? roller_roll_now(history)
                                                                        : ERR(OK);
}

static bool replay_group(void *arg, const struct group *group)
{
    struct replay *replay = arg;
    replay->err = ERR(OK);
    if (group->last_sequence > replay->documents_mark) {
        replay->err = replay_documents(replay, group);
    }
    if (!err_is_set(replay->err) && group->last_sequence > replay->history_mark) {
        replay->err = replay_history(replay, group);
    }
    return !err_is_set(replay->err);
}

/* (1) and (2) of the head. */
static struct err check_marks(const struct replay *replay, uint64_t lowest)
{
    const struct journal *journal = replay->store->journal;
    uint64_t last = journal_last(journal);
    if (replay->documents_mark > last || replay->history_mark > last) {
        log_line(LOG_ERROR, "store",
                 "groups of the journal are missing from=%llu documents=%llu history=%llu",
                 (unsigned long long)last + 1, (unsigned long long)replay->documents_mark,
                 (unsigned long long)replay->history_mark);
        return ERR(CORRUPT);
    }
    if (lowest < last && journal_first(journal) > lowest + 1) {
        log_line(LOG_ERROR, "store", "groups of the journal are missing from=%llu to=%llu",
                 (unsigned long long)lowest + 1, (unsigned long long)journal_first(journal) - 1);
        return ERR(CORRUPT);
    }
    return ERR(OK);
}

static struct err replay_journal(struct store *store)
{
    struct replay replay = {
        .store = store,
        .documents_mark = documents_applied(store->documents),
        .history_mark = history_mark(store->history),
    };
    uint64_t lowest =
        replay.documents_mark < replay.history_mark ? replay.documents_mark : replay.history_mark;
    TRY(check_marks(&replay, lowest));
    int64_t start_ms = clock_monotonic_ms();
    struct err err = journal_read(store->journal, lowest + 1, replay_group, &replay);
    err = err_is_set(replay.err) ? replay.err : err;
    if (err_is_set(err)) {
        if (replay.is_open) {
            documents_rollback(store->documents);
        }
        return err;
    }
    TRY(replay_commit(&replay));
    log_line(LOG_INFO, "store", "store open events=%llu replayed=%llu ms=%lld",
             (unsigned long long)journal_last(store->journal),
             (unsigned long long)(journal_last(store->journal) - lowest),
             (long long)(clock_monotonic_ms() - start_ms));
    return ERR(OK);
}

/* ---- opening and closing ---- */

static struct err open_parts(struct store *store)
{
    char path[PATH_BYTES_MAX];
    TRY(make_folder(store->folder));
    TRY(lock_folder(store));
    TRY(check_format(store));
    TRY(path_in(store, "store", path));
    TRY(make_folder(path));
    TRY(sync_folder(store->folder));
    size_t cache_bytes = store->options.block_cache_bytes;
    TRY(rocks_open(path, cache_bytes, &store->rocks));
    TRY(journal_open(store->rocks, &store->journal));
    TRY(history_open(store->rocks, max_size(cache_bytes / 4, HOT_BYTES_MIN), &store->history));
    TRY(sessions_open(store->rocks, &store->sessions));
    TRY(retained_open(store->rocks, &store->retained));
    TRY(documents_open(store->documents_path, &store->documents));
    return replay_journal(store);
}

struct err store_open(const struct store_options *options, struct store **store)
{
    char path[PATH_BYTES_MAX];
    struct store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR(NO_MEMORY);
    }
    made->options = *options;
    made->lock_fd = -1;
    made->folder = strdup(options->folder);
    made->options.folder = made->folder;
    struct err err = made->folder == NULL ? ERR(NO_MEMORY) : path_in(made, "documents.db", path);
    if (!err_is_set(err)) {
        made->documents_path = strdup(path);
        err = made->documents_path == NULL ? ERR(NO_MEMORY) : open_parts(made);
    }
    if (err_is_set(err)) {
        store_close(made);
        return err;
    }
    *store = made;
    return ERR(OK);
}

static uint64_t durable_documents(void *arg)
{
    const struct store *store = arg;
    return projector_durable_mark(store->projector);
}

struct err store_start(struct store *store, struct broadcast *ring)
{
    ASSERT(store->projector == NULL && store->roller == NULL);
    const struct roller_options options = {
        .roll_bytes = store->options.roll_bytes,
        .roll_interval_ms = store->options.roll_interval_ms,
        .tail_bytes_max = store->options.tail_bytes_max,
        .journal_keep_ms = store->options.journal_keep_ms,
        .journal_keep_bytes = store->options.journal_keep_bytes,
        .durable_elsewhere = durable_documents,
        .arg = store,
    };
    TRY(projector_start(store->documents, store->journal, ring, &store->projector));
    return roller_start(&options, store->history, store->journal, ring, &store->roller);
}

void store_notify(struct store *store, const struct group *group)
{
    projector_notify(store->projector, group);
    roller_notify(store->roller);
}

struct err store_reopen(struct store *store)
{
    /* First, so that a disk that is still full costs no reader anything. */
    TRY(rocks_probe(store->rocks));
    int64_t start_ms = clock_monotonic_ms();
    rocks_enter_alone(store->rocks);
    struct err err = rocks_reopen(store->rocks);
    if (!err_is_set(err)) {
        /* Alone still: journal_drop moves the journal's beginning too. */
        err = journal_resume(store->journal);
    }
    rocks_leave(store->rocks);
    TRY(err);
    log_line(LOG_INFO, "store", "store open again events=%llu ms=%lld",
             (unsigned long long)journal_last(store->journal),
             (long long)(clock_monotonic_ms() - start_ms));
    return ERR(OK);
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    /* The roller first: it asks the projector how far it has come. */
    roller_stop(store->roller);
    projector_stop(store->projector);
    documents_close(store->documents);
    sessions_close(store->sessions);
    retained_close(store->retained);
    history_close(store->history);
    journal_close(store->journal);
    rocks_close(store->rocks);
    if (store->lock_fd != -1) {
        close(store->lock_fd);
    }
    free(store->documents_path);
    free(store->folder);
    free(store);
}

struct journal *store_journal(struct store *store)
{
    return store->journal;
}

struct retained *store_retained(struct store *store)
{
    return store->retained;
}

struct sessions *store_sessions(struct store *store)
{
    return store->sessions;
}

struct history *store_history(struct store *store)
{
    return store->history;
}

struct err store_documents_reader(struct store *store, struct documents_reader **reader)
{
    return documents_reader_open(store->documents_path, reader);
}

struct err store_wait(struct store *store, uint64_t sequence, int timeout_ms)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    if (!mark_wait(roller_mark(store->roller), sequence, timeout_ms)) {
        return ERR(BUSY);
    }
    int64_t left_ms = max_i64(end_ms - clock_monotonic_ms(), 0);
    return mark_wait(projector_mark(store->projector), sequence, (int)left_ms) ? ERR(OK)
                                                                               : ERR(BUSY);
}

uint64_t store_documents_mark(const struct store *store)
{
    return store->projector == NULL ? documents_applied(store->documents)
                                    : mark_get(projector_mark(store->projector));
}

bool store_must_wait(const struct store *store)
{
    return roller_must_wait(store->roller) || projector_lag(store->projector) > LAG_CHANGES_MAX ||
           journal_last(store->journal) > store_documents_mark(store) + LAG_EVENTS_MAX;
}
