/* SPDX-License-Identifier: Apache-2.0
 *
 * A roll-up: one generation of the tail becomes one file of runs, which the history takes in as a
 * whole, together with the mark that says so. A crash before that leaves the file behind and the
 * mark where it was; a crash after it leaves nothing to do.
 *
 * What the file has for an hour of a property:
 *
 *      merge      operations that come on top of what is stored: cuts, then a run
 *      put        a run that is all there is, since older samples have been cut
 *      range      of keys whose older values are deleted: hours that a cut covers wholly. It does
 *                 not hit keys of its own file, because all of a file have one sequence number. */
#include "store/rocks.h"

#include "base/assert.h"
#include "base/log.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_PREFIX "rollup-"
#define PATH_BYTES_MAX 4096

/* A cut that hits a part of an hour. */
struct edge {
    uint32_t bucket;
    int64_t from_ms;
    int64_t to_ms;
};

struct rollup {
    const struct generation *generation;
    rocksdb_sstfilewriter_t *writer;
    uint32_t property;
    bool is_whole; /* nothing stored of the property counts any more */
    struct tail_change change;
    struct edge *edges; /* newest hour first */
    uint32_t edge_count;
    uint32_t edge_room;
    struct buf value;
};

/* The hours that <cut> covers wholly; false when there are none. */
static bool covered_hours(const struct tail_cut *cut, uint32_t *first, uint32_t *last)
{
    int64_t from = (cut->from_ms + HISTORY_BUCKET_MS - 1) / HISTORY_BUCKET_MS;
    int64_t end = cut->to_ms / HISTORY_BUCKET_MS;
    if (cut->to_ms > RUN_TIMESTAMP_MAX) {
        end = (int64_t)HISTORY_BUCKET_MAX + 1;
    }
    *first = (uint32_t)from;
    *last = (uint32_t)(end - 1);
    return from < end;
}

static bool is_covered(const struct rollup *rollup, uint32_t bucket)
{
    for (uint32_t i = 0; i < rollup->change.cut_count; i++) {
        uint32_t first;
        uint32_t last;
        if (covered_hours(&rollup->change.cuts[i], &first, &last) && bucket >= first &&
            bucket <= last) {
            return true;
        }
    }
    return false;
}

static struct err put_edge(struct rollup *rollup, const struct tail_cut *cut, uint32_t bucket)
{
    if (is_covered(rollup, bucket)) {
        return ERR(OK);
    }
    if (rollup->edge_count == rollup->edge_room) {
        uint32_t room = rollup->edge_room == 0 ? 4 : rollup->edge_room * 2;
        struct edge *edges = realloc(rollup->edges, room * sizeof(*edges));
        if (edges == NULL) {
            return ERR(NO_MEMORY);
        }
        rollup->edges = edges;
        rollup->edge_room = room;
    }
    rollup->edges[rollup->edge_count++] = (struct edge){
        .bucket = bucket,
        .from_ms = cut->from_ms,
        .to_ms = cut->to_ms,
    };
    return ERR(OK);
}

static int compare_edges(const void *left, const void *right)
{
    const struct edge *a = left;
    const struct edge *b = right;
    return (a->bucket < b->bucket) - (a->bucket > b->bucket);
}

/* Deletes the hours that the cut covers, and notes the hours at its two ends. */
static struct err write_cut(struct rollup *rollup, const struct tail_cut *cut)
{
    uint32_t first;
    uint32_t last;
    if (covered_hours(cut, &first, &last)) {
        uint8_t begin[HISTORY_KEY_BYTES];
        uint8_t end[HISTORY_KEY_BYTES + 1] = {0}; /* the key right behind that of <first> */
        history_key(begin, rollup->property, last);
        history_key(end, rollup->property, first);
        char *text = NULL;
        rocksdb_sstfilewriter_delete_range(rollup->writer, (const char *)begin, sizeof(begin),
                                           (const char *)end, sizeof(end), &text);
        TRY(rocks_check(text, "writing a roll-up"));
    }
    uint32_t from_bucket = history_bucket(cut->from_ms);
    uint32_t to_bucket = history_bucket(cut->to_ms - 1);
    TRY(put_edge(rollup, cut, from_bucket));
    return to_bucket == from_bucket ? ERR(OK) : put_edge(rollup, cut, to_bucket);
}

static struct err write_cuts(struct rollup *rollup)
{
    rollup->edge_count = 0;
    for (uint32_t i = 0; i < rollup->change.cut_count; i++) {
        TRY(write_cut(rollup, &rollup->change.cuts[i]));
    }
    if (rollup->edge_count > 1) {
        qsort(rollup->edges, rollup->edge_count, sizeof(*rollup->edges), compare_edges);
    }
    return ERR(OK);
}

static struct err write_hour(struct rollup *rollup, uint32_t bucket, bool is_put)
{
    if (rollup->value.failed) {
        return ERR(NO_MEMORY);
    }
    uint8_t key[HISTORY_KEY_BYTES];
    history_key(key, rollup->property, bucket);
    struct slice value = buf_data(&rollup->value);
    char *text = NULL;
    if (is_put) {
        rocksdb_sstfilewriter_put(rollup->writer, (const char *)key, sizeof(key),
                                  (const char *)value.at, value.bytes, &text);
    } else {
        rocksdb_sstfilewriter_merge(rollup->writer, (const char *)key, sizeof(key),
                                    (const char *)value.at, value.bytes, &text);
    }
    return rocks_check(text, "writing a roll-up");
}

/* The hours of the property, newest first: keys must come in order. */
static struct err write_hours(struct rollup *rollup)
{
    const struct series *samples = &rollup->change.samples;
    uint32_t end = samples->count;
    uint32_t edge = 0;
    while (end > 0 || edge < rollup->edge_count) {
        uint32_t bucket = end > 0 ? history_bucket(samples->at[end - 1].timestamp_ms) : 0;
        if (edge < rollup->edge_count && (end == 0 || rollup->edges[edge].bucket > bucket)) {
            bucket = rollup->edges[edge].bucket;
        }
        bool is_put = rollup->is_whole || is_covered(rollup, bucket);
        buf_reset(&rollup->value);
        for (; edge < rollup->edge_count && rollup->edges[edge].bucket == bucket; edge++) {
            if (!is_put) {
                run_write_cut(&rollup->value, rollup->edges[edge].from_ms,
                              rollup->edges[edge].to_ms);
            }
        }
        int64_t start_ms = history_bucket_start(bucket);
        uint32_t first = end;
        while (first > 0 && samples->at[first - 1].timestamp_ms >= start_ms) {
            first--;
        }
        if (first < end) {
            run_write(&rollup->value, start_ms, &samples->at[first], end - first);
        }
        end = first;
        if (buf_bytes(&rollup->value) > 0 || rollup->value.failed) {
            TRY(write_hour(rollup, bucket, is_put));
        }
    }
    return ERR(OK);
}

static struct err write_property(struct rollup *rollup, uint32_t property)
{
    struct run_sample latest;
    bool found;
    rollup->property = property;
    rollup->is_whole =
        generation_latest(rollup->generation, property, &latest, &found) == TAIL_WHOLE;
    tail_change_reset(&rollup->change);
    TRY(generation_collect(rollup->generation, property, 0, RUN_TIMESTAMP_MAX, &rollup->change));
    series_settle(&rollup->change.samples);
    TRY(write_cuts(rollup));
    return write_hours(rollup);
}

static struct err write_all(struct rollup *rollup, const char *path, uint64_t mark)
{
    static const uint8_t MARK_KEY[HISTORY_KEY_BYTES] = {0};
    uint8_t value[HISTORY_MARK_BYTES];
    history_mark_encode(value, mark);
    char *text = NULL;
    rocksdb_sstfilewriter_open(rollup->writer, path, &text);
    TRY(rocks_check(text, "creating a roll-up"));
    rocksdb_sstfilewriter_put(rollup->writer, (const char *)MARK_KEY, sizeof(MARK_KEY),
                              (const char *)value, sizeof(value), &text);
    TRY(rocks_check(text, "writing a roll-up"));
    uint32_t property = generation_next_property(rollup->generation, 1);
    while (property != 0) {
        TRY(write_property(rollup, property));
        property =
            property == UINT32_MAX ? 0 : generation_next_property(rollup->generation, property + 1);
    }
    rocksdb_sstfilewriter_finish(rollup->writer, &text);
    return rocks_check(text, "finishing a roll-up");
}

static struct err ingest(struct rocks *rocks, const char *path)
{
    rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
    char *text = NULL;
    rocksdb_ingest_external_file_cf(rocks->db, rocks->history, &path, 1, options, &text);
    rocksdb_ingestexternalfileoptions_destroy(options);
    return rocks_check(text, "taking in a roll-up");
}

struct err rollup_write(struct rocks *rocks, const struct generation *generation, uint64_t mark)
{
    char path[PATH_BYTES_MAX];
    int bytes = snprintf(path, sizeof(path), "%s/" FILE_PREFIX "%llu.sst", rocks->folder,
                         (unsigned long long)mark);
    if (bytes < 0 || (size_t)bytes >= sizeof(path)) {
        return ERR(IO);
    }
    struct rollup rollup = {.generation = generation};
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    rollup.writer = rocksdb_sstfilewriter_create(env, rocks->rollup_options);
    struct err err = write_all(&rollup, path, mark);
    if (!err_is_set(err)) {
        err = ingest(rocks, path);
    }
    rocksdb_sstfilewriter_destroy(rollup.writer);
    rocksdb_envoptions_destroy(env);
    tail_change_deinit(&rollup.change);
    free(rollup.edges);
    buf_deinit(&rollup.value);
    if (err_is_set(err)) {
        unlink(path);
    }
    return err;
}

void rollup_clean(const char *folder)
{
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (slice_starts_with(slice_of_text(entry->d_name), SLICE(FILE_PREFIX))) {
            unlinkat(dirfd(entries), entry->d_name, 0);
        }
    }
    closedir(entries);
}
