/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal: order, ends, reading from anywhere, dropping in whole files, and what damage does.
 */
#include "store/rocks.h"

#include "base/rand.h"
#include "store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#define CACHE_BYTES ((size_t)1 << 20)

struct world {
    char folder[FIXTURE_FOLDER_BYTES];
    struct rocks *rocks;
    struct journal *journal;
    struct group_writer writer;
    int64_t now_ms;
};

static struct err world_open(struct world *world)
{
    TRY(rocks_open(world->folder, CACHE_BYTES, &world->rocks));
    return journal_open(world->rocks, &world->journal);
}

static void world_close(struct world *world)
{
    journal_close(world->journal);
    rocks_close(world->rocks);
    world->journal = NULL;
    world->rocks = NULL;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    fixture_make_folder(world->folder);
    world->now_ms = 1700000000000;
    assert_int_equal(world_open(world).code, ERR_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    world_close(world);
    fixture_remove_folder(world->folder);
    group_writer_deinit(&world->writer);
    free(world);
    return 0;
}

/* A group of <events> points with values of <bytes>. */
static struct group make_group(struct world *world, uint32_t events, size_t bytes)
{
    static char text[100001];
    static uint32_t noise = 1;
    for (size_t i = 0; i < bytes; i++) {
        noise = noise * 1664525 + 1013904223;
        text[i] = (char)('!' + (noise >> 24) % 90);
    }
    text[bytes] = 0;
    group_writer_start(&world->writer, journal_last(world->journal) + 1, world->now_ms);
    for (uint32_t i = 0; i < events; i++) {
        struct point point = fixture_point(1 + i, world->now_ms, false, text);
        fixture_write_point(&world->writer, &point);
    }
    return fixture_close_group(&world->writer);
}

static void append(struct world *world, uint32_t events, size_t bytes)
{
    struct group group = make_group(world, events, bytes);
    assert_int_equal(journal_append(world->journal, &group, (struct slice){0}).code, ERR_OK);
    world->now_ms += 1000;
}

struct seen {
    uint64_t first;
    uint64_t last;
    uint32_t count;
    uint32_t stop_after;
};

static bool see(void *arg, const struct group *group)
{
    struct seen *seen = arg;
    if (seen->count == 0) {
        seen->first = group->first_sequence;
    } else {
        assert_int_equal(group->first_sequence, seen->last + 1);
    }
    seen->last = group->last_sequence;
    return ++seen->count != seen->stop_after;
}

static struct seen read_from(struct world *world, uint64_t sequence)
{
    struct seen seen = {0};
    assert_int_equal(journal_read(world->journal, sequence, see, &seen).code, ERR_OK);
    return seen;
}

static void an_empty_journal_has_ends(void **state)
{
    struct world *world = *state;
    assert_int_equal(journal_last(world->journal), 0);
    assert_int_equal(journal_first(world->journal), 1);
    assert_int_equal(read_from(world, 0).count, 0);
    assert_int_equal(read_from(world, 1).count, 0);
    assert_int_equal(journal_drop(world->journal, 100).code, ERR_OK);
    uint64_t sequence;
    assert_int_equal(journal_find_time(world->journal, INT64_MAX, &sequence).code, ERR_OK);
    assert_int_equal(sequence, 1);
}

static void groups_are_read_from_anywhere(void **state)
{
    struct world *world = *state;
    append(world, 3, 5); /* 1-3 */
    append(world, 1, 5); /* 4 */
    append(world, 6, 5); /* 5-10 */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(journal_first(world->journal), 1);
        assert_int_equal(journal_last(world->journal), 10);
        static const uint64_t starts[] = {1, 1, 1, 1, 4, 5, 5, 5, 5, 5, 5};
        for (uint64_t sequence = 0; sequence <= 10; sequence++) {
            struct seen seen = read_from(world, sequence);
            assert_int_equal(seen.first, starts[sequence]);
            assert_int_equal(seen.last, 10);
        }
        assert_int_equal(read_from(world, 11).count, 0);
        struct seen one = {.stop_after = 1};
        assert_int_equal(journal_read(world->journal, 2, see, &one).code, ERR_OK);
        assert_int_equal(one.count, 1);
        assert_int_equal(one.last, 3);
        world_close(world);
        assert_int_equal(world_open(world).code, ERR_OK);
    }
}

static void times_are_found(void **state)
{
    struct world *world = *state;
    int64_t start_ms = world->now_ms;
    for (int i = 0; i < 20; i++) {
        append(world, 1 + (uint32_t)i % 3, 5);
    }
    uint64_t first = 1;
    for (int i = 0; i < 20; i++) {
        uint64_t sequence;
        int64_t time_ms = start_ms + i * 1000;
        /* The newest group that is older than one millisecond later is group i itself. */
        assert_int_equal(journal_find_time(world->journal, time_ms + 1, &sequence).code, ERR_OK);
        assert_int_equal(sequence, first);
        first += 1 + (uint64_t)i % 3;
        assert_int_equal(journal_find_time(world->journal, time_ms + 1000, &sequence).code, ERR_OK);
        assert_true(sequence < first);
    }
    uint64_t sequence;
    assert_int_equal(journal_find_time(world->journal, start_ms, &sequence).code, ERR_OK);
    assert_int_equal(sequence, 1);
}

static void flush(struct world *world)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *text = NULL;
    rocksdb_flush_cf(world->rocks->db, options, world->rocks->journal, &text);
    rocksdb_flushoptions_destroy(options);
    assert_null(text);
    /* Files are deleted below level 0 only; they sink there by themselves, here at once. */
    rocksdb_compact_range_cf(world->rocks->db, world->rocks->journal, NULL, 0, NULL, 0);
}

static void old_groups_go_but_never_the_newest(void **state)
{
    struct world *world = *state;
    for (int file = 0; file < 4; file++) {
        for (int i = 0; i < 10; i++) {
            append(world, 2, 100000);
        }
        flush(world);
    }
    assert_int_equal(journal_last(world->journal), 80);
    uint64_t bytes = journal_bytes_from(world->journal, 0);
    assert_true(bytes > 3000000);
    assert_true(journal_bytes_from(world->journal, 41) < bytes);

    assert_int_equal(journal_drop(world->journal, 41).code, ERR_OK);
    uint64_t first = journal_first(world->journal);
    assert_true(first <= 41);
    assert_int_equal(read_from(world, 1).first, first);
    assert_int_equal(read_from(world, 1).last, 80);
    assert_int_equal(read_from(world, 41).first, 41);

    assert_int_equal(journal_drop(world->journal, 1000).code, ERR_OK);
    assert_true(journal_first(world->journal) <= 79);
    world_close(world);
    assert_int_equal(world_open(world).code, ERR_OK);
    assert_int_equal(journal_last(world->journal), 80);
    append(world, 1, 5);
    assert_int_equal(read_from(world, 80).last, 81);
}

/* Dropping gives space back. */
static void whole_files_are_dropped(void **state)
{
    struct world *world = *state;
    for (int file = 0; file < 6; file++) {
        for (int i = 0; i < 80; i++) {
            append(world, 5, 100000);
        }
        rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
        char *text = NULL;
        rocksdb_flush_cf(world->rocks->db, options, world->rocks->journal, &text);
        rocksdb_flushoptions_destroy(options);
        assert_null(text);
    }
    uint64_t before = journal_bytes_from(world->journal, 0);
    uint64_t last = journal_last(world->journal);
    for (int i = 0; i < 100 && journal_first(world->journal) == 1; i++) {
        usleep(50000); /* the files sink in the background */
        assert_int_equal(journal_drop(world->journal, last / 2).code, ERR_OK);
    }
    assert_true(journal_first(world->journal) > 1);
    assert_true(journal_first(world->journal) <= last / 2);
    assert_true(journal_bytes_from(world->journal, 0) < before * 3 / 4);
    assert_int_equal(read_from(world, 0).last, last);
}

/* The newest write-ahead log of the folder. */
static void find_log(const struct world *world, char path[512])
{
    DIR *entries = opendir(world->folder);
    assert_non_null(entries);
    path[0] = 0;
    char best[256] = "";
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        size_t bytes = strlen(entry->d_name);
        if (bytes > 4 && strcmp(entry->d_name + bytes - 4, ".log") == 0 &&
            strcmp(entry->d_name, best) > 0) {
            snprintf(best, sizeof(best), "%s", entry->d_name);
        }
    }
    closedir(entries);
    snprintf(path, 512, "%s/%s", world->folder, best);
}

static void flip_byte(const char *path, off_t offset)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void a_torn_last_record_is_dropped(void **state)
{
    struct world *world = *state;
    append(world, 2, 200);
    append(world, 2, 200);
    char path[512];
    find_log(world, path);
    world_close(world);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 30), 0);
    assert_int_equal(world_open(world).code, ERR_OK);
    assert_int_equal(journal_last(world->journal), 2);
    append(world, 2, 200);
    assert_int_equal(read_from(world, 1).last, 4);
}

/* As after a power failure: all of the last record's length is there, but not all of its bytes. It
 * is dropped wherever the hole is, and however long the record. */
static void a_last_record_with_holes_is_dropped(void **state)
{
    struct world *world = *state;
    static const uint32_t sizes[] = {1, 40, 2000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        append(world, 2, 200);
        uint64_t before = journal_last(world->journal);
        char path[512];
        struct stat start;
        struct stat end;
        find_log(world, path);
        assert_int_equal(stat(path, &start), 0);
        append(world, sizes[i], 200);
        world_close(world);
        assert_int_equal(stat(path, &end), 0);
        flip_byte(path, start.st_size + (end.st_size - start.st_size) * (off_t)i / 3 + 8);
        assert_int_equal(world_open(world).code, ERR_OK);
        assert_int_equal(journal_last(world->journal), before);
        assert_int_equal(read_from(world, 1).last, before);
    }
}

static void damage_before_the_end_stops_the_start(void **state)
{
    struct world *world = *state;
    append(world, 2, 200);
    append(world, 900, 200);
    append(world, 2, 200);
    char path[512];
    find_log(world, path);
    world_close(world);
    /* In the first record, and in each block of the second, which is several blocks long. */
    for (off_t offset = 300; offset < 200000; offset += 30000) {
        flip_byte(path, offset);
        assert_int_equal(world_open(world).code, ERR_CORRUPT);
        flip_byte(path, offset);
    }
    assert_int_equal(world_open(world).code, ERR_OK);
    assert_int_equal(journal_last(world->journal), 904);
}

static void write_session(struct world *world, const struct group *group)
{
    struct buf writes = {0};
    const struct session_name name = {
        .account = 1, .kind = ACTOR_DEVICE, .client_id = SLICE("client")};
    session_put(&writes, &name,
                &(struct session_entry){.part = SESSION_HEAD, .value = SLICE("where it stands")});
    assert_int_equal(journal_append(world->journal, group, buf_data(&writes)).code, ERR_OK);
    buf_deinit(&writes);
}

/* A record of sessions alone tells as well as a group that what is before it was acknowledged. */
static void damage_before_a_session_stops_the_start(void **state)
{
    struct world *world = *state;
    append(world, 2, 200);
    append(world, 2, 200);
    write_session(world, NULL);
    char path[512];
    find_log(world, path);
    world_close(world);
    flip_byte(path, 800);
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
    flip_byte(path, 800);
    assert_int_equal(world_open(world).code, ERR_OK);
    assert_int_equal(journal_last(world->journal), 4);
}

static bool has_session(struct world *world)
{
    struct sessions *sessions;
    const struct session_name name = {
        .account = 1, .kind = ACTOR_DEVICE, .client_id = SLICE("client")};
    bool found;
    assert_int_equal(sessions_open(world->rocks, &sessions).code, ERR_OK);
    assert_int_equal(sessions_has(sessions, &name, &found).code, ERR_OK);
    sessions_close(sessions);
    return found;
}

/* A group and what is written with it are there both, or none is. */
static void a_torn_record_takes_group_and_session(void **state)
{
    struct world *world = *state;
    for (unsigned is_whole = 0; is_whole < 2; is_whole++) {
        append(world, 2, 200);
        uint64_t before = journal_last(world->journal);
        struct group group = make_group(world, 2, 200);
        write_session(world, &group);
        char path[512];
        find_log(world, path);
        world_close(world);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(truncate(path, status.st_size - (is_whole ? 0 : 3)), 0);
        assert_int_equal(world_open(world).code, ERR_OK);
        assert_int_equal(journal_last(world->journal), before + (is_whole ? 2 : 0));
        assert_int_equal(has_session(world), is_whole);
    }
}

static void a_missing_group_is_told(void **state)
{
    struct world *world = *state;
    append(world, 2, 5);
    append(world, 2, 5);
    append(world, 2, 5);
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    char *text = NULL;
    static const char key[8] = {0, 0, 0, 0, 0, 0, 0, 3};
    rocksdb_delete_cf(world->rocks->db, options, world->rocks->journal, key, 8, &text);
    rocksdb_writeoptions_destroy(options);
    assert_null(text);
    struct seen seen = {0};
    assert_int_equal(journal_read(world->journal, 1, see, &seen).code, ERR_CORRUPT);
    assert_int_equal(seen.last, 2);
    assert_int_equal(read_from(world, 5).last, 6);
}

static void a_foreign_value_is_told(void **state)
{
    struct world *world = *state;
    append(world, 2, 5);
    struct group group = make_group(world, 1, 5);
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    char *text = NULL;
    /* A valid group under a key that is not its own. */
    static const char key[8] = {0, 0, 0, 0, 0, 0, 0, 9};
    rocksdb_put_cf(world->rocks->db, options, world->rocks->journal, key, 8,
                   (const char *)group.bytes.at, group.bytes.bytes, &text);
    rocksdb_writeoptions_destroy(options);
    assert_null(text);
    world_close(world);
    assert_int_equal(world_open(world).code, ERR_CORRUPT);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_empty_journal_has_ends),
        EACH(groups_are_read_from_anywhere),
        EACH(times_are_found),
        EACH(old_groups_go_but_never_the_newest),
        EACH(whole_files_are_dropped),
        EACH(a_torn_last_record_is_dropped),
        EACH(a_last_record_with_holes_is_dropped),
        EACH(damage_before_the_end_stops_the_start),
        EACH(damage_before_a_session_stops_the_start),
        EACH(a_torn_record_takes_group_and_session),
        EACH(a_missing_group_is_told),
        EACH(a_foreign_value_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
