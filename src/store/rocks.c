/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, with their reasons:
 *
 * - wal_recovery_mode = tolerate_corrupted_tail_records. The default (point in time) opens a
 * damaged log by dropping, without a word, every group behind the damage. This mode refuses to
 * open, except when what is missing is the end of the last record, which then was never
 * acknowledged.
 * - recycle_log_file_num stays 0: RocksDB turns it off in this recovery mode, since what a recycled
 *   file holds behind its end looks like damage.
 * - No write stalls for the history's sake: files taken in there may pile up while the machine is
 *   busy, but a stall stops the whole database, the journal first. The roller watches the pile
 *   instead (history_files_unsorted) and lets the tail grow, until the engine is told to wait.
 * - The journal is written in order of its keys, so its files never overlap: they sink to the last
 *   level without being rewritten, and old ones are deleted whole. No range tombstones: one in a
 *   memtable would make the new file overlap all old ones. */
#include "store/rocks.h"

#include "base/assert.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLERATE_CORRUPTED_TAIL_RECORDS 0
/* Next to nothing. Its log is a file like any other: on a full disk a line cannot be written, and
 * RocksDB as Debian builds it, assertions on, ends the process with the line after that. What fails
 * is told by the errors of its functions, and logged by us. */
#define INFO_LOG_LEVEL_FATAL 4
#define INFO_LOG_BYTES_MAX ((size_t)1 << 20)
#define INFO_LOG_COUNT 2

#define BACKGROUND_JOBS 2
#define WAL_BYTES_MAX ((uint64_t)256 << 20)
#define OPEN_FILES_MAX 1024

#define JOURNAL_BUFFER_BYTES ((size_t)32 << 20)
#define JOURNAL_BUFFER_COUNT 4
#define JOURNAL_BLOCK_BYTES ((size_t)64 << 10)
#define METADATA_BLOCK_BYTES ((uint64_t)8 << 10)
#define HISTORY_BLOCK_BYTES ((size_t)16 << 10)
#define HISTORY_FILE_BYTES ((uint64_t)64 << 20)
#define HISTORY_LEVEL_BYTES ((uint64_t)256 << 20)
#define BLOOM_BITS 10.0
#define SESSION_BUFFER_BYTES ((size_t)4 << 20)
#define SESSION_BLOCK_BYTES ((size_t)4 << 10)
#define NEVER (1 << 30)

#define PATH_BYTES_MAX 4096
#define PROBE_NAME "probe.tmp"
#define PROBE_BYTES ((size_t)1 << 20)

void rocks_put_u32be(uint8_t at[4], uint32_t value)
{
    uint32_t big = __builtin_bswap32(value);
    memcpy(at, &big, sizeof(big));
}

void rocks_put_u64be(uint8_t at[8], uint64_t value)
{
    uint64_t big = __builtin_bswap64(value);
    memcpy(at, &big, sizeof(big));
}

uint32_t rocks_read_u32be(const uint8_t at[4])
{
    uint32_t big;
    memcpy(&big, at, sizeof(big));
    return __builtin_bswap32(big);
}

uint64_t rocks_read_u64be(const uint8_t at[8])
{
    uint64_t big;
    memcpy(&big, at, sizeof(big));
    return __builtin_bswap64(big);
}

struct err rocks_check(char *text, const char *doing)
{
    if (text == NULL) {
        return ERR(OK);
    }
    char quoted[LOG_LINE_BYTES_MAX / 2];
    struct slice said = slice_of_text(text);
    bool is_damage = slice_starts_with(said, SLICE("Corruption"));
    log_line(LOG_ERROR, "store", "%s doing=\"%s\" reason=%s",
             is_damage ? "stored data is damaged" : "the store failed", doing,
             log_quote(said, quoted, sizeof(quoted)));
    rocksdb_free(text);
    return is_damage ? ERR(CORRUPT) : ERR(IO);
}

/* What lookups are spared by a Bloom filter. */
enum bloom { BLOOM_NONE, BLOOM_OF_PREFIXES, BLOOM_OF_KEYS };

static void set_table(rocksdb_options_t *options, rocksdb_cache_t *cache, size_t block_bytes,
                      enum bloom bloom)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_block_size(table, block_bytes);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    /* Index and filter in small pieces: whole, those of a large file are larger than what the cache
     * keeps in one shard, and would be read anew at each look. */
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_metadata_block_size(table, METADATA_BLOCK_BYTES);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    if (bloom != BLOOM_NONE) {
        rocksdb_block_based_options_set_partition_filters(table, 1);
        rocksdb_block_based_options_set_whole_key_filtering(table, bloom == BLOOM_OF_KEYS);
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

static rocksdb_options_t *database_options(void)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(options, TOLERATE_CORRUPTED_TAIL_RECORDS);
    rocksdb_options_set_max_total_wal_size(options, WAL_BYTES_MAX);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    rocksdb_options_set_bytes_per_sync(options, (uint64_t)1 << 20);
    rocksdb_options_set_info_log_level(options, INFO_LOG_LEVEL_FATAL);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_BYTES_MAX);
    rocksdb_options_set_keep_log_file_num(options, INFO_LOG_COUNT);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    return options;
}

static rocksdb_options_t *journal_options(rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(options, JOURNAL_BUFFER_BYTES);
    rocksdb_options_set_max_write_buffer_number(options, JOURNAL_BUFFER_COUNT);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_target_file_size_base(options, JOURNAL_BUFFER_BYTES);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    /* Files leave level 0 at once: only below it can they be deleted whole. */
    rocksdb_options_set_level0_file_num_compaction_trigger(options, 1);
    set_table(options, cache, JOURNAL_BLOCK_BYTES, BLOOM_NONE);
    return options;
}

/* With <is_bottom> the last level is packed tighter. Files of roll-ups are not meant for it, yet
 * their writer would take its compression. */
static rocksdb_options_t *history_options(rocksdb_cache_t *cache, bool is_bottom)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(options, (size_t)1 << 20);
    rocksdb_options_set_merge_operator(options, rocks_merge_operator());
    rocksdb_options_set_prefix_extractor(options, rocksdb_slicetransform_create_fixed_prefix(4));
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    if (is_bottom) {
        rocksdb_options_set_bottommost_compression(options, rocksdb_zstd_compression);
    }
    rocksdb_options_set_target_file_size_base(options, HISTORY_FILE_BYTES);
    rocksdb_options_set_max_bytes_for_level_base(options, HISTORY_LEVEL_BYTES);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_level0_slowdown_writes_trigger(options, NEVER);
    rocksdb_options_set_level0_stop_writes_trigger(options, NEVER);
    rocksdb_options_set_soft_pending_compaction_bytes_limit(options, 0);
    rocksdb_options_set_hard_pending_compaction_bytes_limit(options, 0);
    /* Reads look for a property, never for one hour of it. */
    set_table(options, cache, HISTORY_BLOCK_BYTES, BLOOM_OF_PREFIXES);
    return options;
}

static rocksdb_options_t *session_options(rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(options, SESSION_BUFFER_BYTES);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    /* Most clients that connect have no session here. */
    set_table(options, cache, SESSION_BLOCK_BYTES, BLOOM_OF_KEYS);
    return options;
}

static struct err open_database(struct rocks *rocks)
{
    const char *names[] = {"default", "journal", "history", "session", "retained"};
    const rocksdb_options_t *options[] = {rocks->options, rocks->journal_options,
                                          rocks->history_options, rocks->session_options,
                                          rocks->session_options};
    rocksdb_column_family_handle_t *families[ARRAY_LEN(names)] = {NULL};
    char *text = NULL;
    rocks->db = rocksdb_open_column_families(rocks->options, rocks->folder, ARRAY_LEN(names), names,
                                             options, families, &text);
    struct err err = rocks_check(text, "opening");
    if (err_is_set(err)) {
        rocks->db = NULL;
        return err;
    }
    rocks->fallback = families[0];
    rocks->journal = families[1];
    rocks->history = families[2];
    rocks->session = families[3];
    rocks->retained = families[4];
    return ERR(OK);
}

static struct err probe_path(const char *folder, char path[PATH_BYTES_MAX])
{
    int bytes = snprintf(path, PATH_BYTES_MAX, "%s/" PROBE_NAME, folder);
    return bytes < 0 || bytes >= PATH_BYTES_MAX ? ERR(IO) : ERR(OK);
}

/* A crash may have left it. */
static void remove_probe(const char *folder)
{
    char path[PATH_BYTES_MAX];
    if (!err_is_set(probe_path(folder, path))) {
        unlink(path);
    }
}

/* Opens, and where a log's end was cut off by a crash or a full disk, mends it and opens. */
static struct err open_or_mend(struct rocks *rocks)
{
    struct err err = open_database(rocks);
    bool is_mended = false;
    if (err.code == ERR_CORRUPT && !err_is_set(rocks_mend_log(rocks->folder, &is_mended)) &&
        is_mended) {
        err = open_database(rocks);
    }
    return err;
}

static void close_database(struct rocks *rocks)
{
    if (rocks->db == NULL) {
        return;
    }
    rocksdb_column_family_handle_destroy(rocks->session);
    rocksdb_column_family_handle_destroy(rocks->retained);
    rocksdb_column_family_handle_destroy(rocks->history);
    rocksdb_column_family_handle_destroy(rocks->journal);
    rocksdb_column_family_handle_destroy(rocks->fallback);
    rocksdb_close(rocks->db);
    rocks->session = NULL;
    rocks->retained = NULL;
    rocks->history = NULL;
    rocks->journal = NULL;
    rocks->fallback = NULL;
    rocks->db = NULL;
}

/* Who waits alone goes before those who come later: readers never end. */
static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

struct err rocks_open(const char *folder, size_t block_cache_bytes, struct rocks **rocks)
{
    struct rocks *made = calloc(1, sizeof(*made));
    char *own_folder = strdup(folder);
    if (made == NULL || own_folder == NULL) {
        free(made);
        free(own_folder);
        return ERR(NO_MEMORY);
    }
    made->folder = own_folder;
    init_lock(&made->lock);
    made->cache = rocksdb_cache_create_lru(block_cache_bytes);
    made->options = database_options();
    made->journal_options = journal_options(made->cache);
    made->history_options = history_options(made->cache, true);
    made->rollup_options = history_options(made->cache, false);
    made->session_options = session_options(made->cache);
    rollup_clean(folder);
    remove_probe(folder);

    struct err err = open_or_mend(made);
    if (err_is_set(err)) {
        rocks_close(made);
        return err;
    }
    *rocks = made;
    return ERR(OK);
}

void rocks_close(struct rocks *rocks)
{
    if (rocks == NULL) {
        return;
    }
    close_database(rocks);
    pthread_rwlock_destroy(&rocks->lock);
    rocksdb_options_destroy(rocks->options);
    rocksdb_options_destroy(rocks->journal_options);
    rocksdb_options_destroy(rocks->history_options);
    rocksdb_options_destroy(rocks->rollup_options);
    rocksdb_options_destroy(rocks->session_options);
    rocksdb_cache_destroy(rocks->cache);
    free(rocks->folder);
    free(rocks);
}

/* ---- opening anew ---- */

struct err rocks_enter(struct rocks *rocks)
{
    int locked = pthread_rwlock_rdlock(&rocks->lock);
    ASSERT(locked == 0);
    if (rocks->db == NULL) {
        rocks_leave(rocks);
        return ERR(IO);
    }
    return ERR(OK);
}

void rocks_enter_alone(struct rocks *rocks)
{
    int locked = pthread_rwlock_wrlock(&rocks->lock);
    ASSERT(locked == 0);
}

void rocks_leave(struct rocks *rocks)
{
    pthread_rwlock_unlock(&rocks->lock);
}

static struct err probe_failed(const char *doing)
{
    log_line(LOG_WARN, "store", "the store's folder cannot be written doing=\"%s\" reason=\"%s\"",
             doing, strerror(errno));
    return ERR(IO);
}

/* How much the write-ahead logs hold: opening writes what they hold into files. */
static size_t log_bytes(const char *folder)
{
    DIR *entries = opendir(folder);
    size_t bytes = 0;
    if (entries == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        struct stat status;
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".log") == 0 &&
            fstatat(dirfd(entries), entry->d_name, &status, 0) == 0) {
            bytes += (size_t)status.st_size;
        }
    }
    closedir(entries);
    return bytes;
}

/* Writes for real, and beyond that only sets room aside, where the file system can do that. */
static struct err probe_file(int fd, size_t room)
{
    static const uint8_t zeros[4096];
    for (size_t done = 0; done < PROBE_BYTES;) {
        /* What is written in part fails the next time, with the reason. */
        ssize_t bytes = write(fd, zeros, min_size(sizeof(zeros), PROBE_BYTES - done));
        if (bytes == -1) {
            return probe_failed("writing");
        }
        done += (size_t)bytes;
    }
    if (fsync(fd) == -1) {
        return probe_failed("syncing");
    }
    if (fallocate(fd, 0, 0, (off_t)(PROBE_BYTES + room)) == -1 && errno != EOPNOTSUPP &&
        errno != ENOSYS) {
        return probe_failed("setting room aside");
    }
    return ERR(OK);
}

struct err rocks_probe(const struct rocks *rocks)
{
    char path[PATH_BYTES_MAX];
    TRY(probe_path(rocks->folder, path));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) {
        return probe_failed("creating");
    }
    struct err err = probe_file(fd, log_bytes(rocks->folder));
    close(fd);
    remove_probe(rocks->folder);
    return err;
}

struct err rocks_reopen(struct rocks *rocks)
{
    close_database(rocks);
    /* What was there must be there: an empty database instead would pass for one. */
    rocksdb_options_set_create_if_missing(rocks->options, 0);
    rocksdb_options_set_create_missing_column_families(rocks->options, 0);
    return open_or_mend(rocks);
}
