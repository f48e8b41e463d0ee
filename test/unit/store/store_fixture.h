/* SPDX-License-Identifier: Apache-2.0
 *
 * store_fixture.h - what tests of the store share: a folder of their own, and groups made quickly.
 */
#ifndef THRUM_TEST_UNIT_STORE_FIXTURE_H
#define THRUM_TEST_UNIT_STORE_FIXTURE_H

#include "base/assert.h"
#include "model/event.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct id FIXTURE_THNG = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};

#define FIXTURE_FOLDER_BYTES 64

/* Makes a folder in $TMPDIR or /tmp. */
static inline void fixture_make_folder(char folder[FIXTURE_FOLDER_BYTES])
{
    const char *base = getenv("TMPDIR");
    int bytes = snprintf(folder, FIXTURE_FOLDER_BYTES, "%s/thrum-store-XXXXXX",
                         base != NULL && strlen(base) < 32 ? base : "/tmp");
    ASSERT(bytes > 0 && bytes < FIXTURE_FOLDER_BYTES);
    char *made = mkdtemp(folder);
    ASSERT(made != NULL);
}

static inline int fixture_remove_one(const char *path, const struct stat *status, int kind,
                                     struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void fixture_remove_folder(const char *folder)
{
    nftw(folder, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct point fixture_point(uint32_t property, int64_t timestamp_ms, bool client,
                                         const char *value)
{
    return (struct point){
        .flags = client ? POINT_CLIENT_STAMPED : 0,
        .property = property,
        .key = SLICE("key"),
        .timestamp_ms = timestamp_ms,
        .value = slice_of_text(value),
    };
}

/* Writes an event of one point. */
static inline void fixture_write_point(struct group_writer *writer, const struct point *point)
{
    group_write_points(writer, 1, RESOURCE_THNG, &FIXTURE_THNG, (struct slice){0}, 0, point, 1);
}

static inline void fixture_write_cut(struct group_writer *writer, uint32_t property,
                                     int64_t from_ms, int64_t to_ms)
{
    const struct cut cut = {
        .property = property,
        .key = SLICE("key"),
        .from_ms = from_ms,
        .to_ms = to_ms,
    };
    group_write_cuts(writer, 1, RESOURCE_THNG, &FIXTURE_THNG, &cut, 1);
}

/* Closes what the writer holds. The group lives until it starts again. */
static inline struct group fixture_close_group(struct group_writer *writer)
{
    struct slice bytes;
    struct group group;
    struct err err = group_writer_close(writer, &bytes);
    ASSERT(!err_is_set(err));
    err = group_open(bytes, &group);
    ASSERT(!err_is_set(err));
    return group;
}

/* ---- a child to be killed ----
 *
 * The test program itself, started anew: RocksDB's threads would not live on in a mere fork. */

static inline pid_t fixture_start_child(const char *folder, int fd)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", fd);
    pid_t child = fork();
    ASSERT(child != -1);
    if (child == 0) {
        execl("/proc/self/exe", "child", "child", folder, number, (char *)NULL);
        _exit(127);
    }
    return child;
}

static inline bool fixture_is_child(int argc, char **argv)
{
    return argc == 4 && strcmp(argv[1], "child") == 0;
}

static inline int fixture_child_fd(char **argv)
{
    return (int)strtol(argv[3], NULL, 10);
}

#endif
