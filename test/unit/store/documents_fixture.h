/* SPDX-License-Identifier: Apache-2.0
 *
 * documents_fixture.h - a documents file in a folder of its own, its writer, a reader, and a group
 * under construction: what the tests of the writer and of the readers stand on. */
#ifndef THRUM_TEST_UNIT_STORE_DOCUMENTS_FIXTURE_H
#define THRUM_TEST_UNIT_STORE_DOCUMENTS_FIXTURE_H

#include "store/documents.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define ACCOUNT 1
#define TIME_MS 1700000000000

/* A folder with a documents file, its writer, and a group under construction. */
struct bench {
    char folder[64];
    char path[96];
    struct documents *documents;
    struct documents_reader *reader;
    struct group_writer group;
};

static inline void assert_ok(struct err err)
{
    if (err_is_set(err)) {
        fail_msg("%s", err_name(err));
    }
}

#define ASSERT_ERR(expression, name) assert_string_equal(err_name(expression), #name)

static inline void start_group(struct bench *bench)
{
    group_writer_start(&bench->group, documents_position(bench->documents) + 1, TIME_MS);
}

static inline void open_bench(struct bench *bench)
{
    *bench = (struct bench){0};
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/thrum-documents-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof(bench->path), "%s/documents.db", bench->folder);
    assert_ok(documents_open(bench->path, &bench->documents));
    assert_ok(documents_reader_open(bench->path, &bench->reader));
    start_group(bench);
}

static inline void reopen(struct bench *bench)
{
    documents_reader_close(bench->reader);
    documents_close(bench->documents);
    assert_ok(documents_open(bench->path, &bench->documents));
    assert_ok(documents_reader_open(bench->path, &bench->reader));
    start_group(bench);
}

static inline void close_bench(struct bench *bench)
{
    documents_reader_close(bench->reader);
    documents_close(bench->documents);
    group_writer_deinit(&bench->group);
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", bench->path, endings[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(bench->folder), 0);
}

/* The group under construction, opened: lives until the next one starts. */
static inline struct group closed_group(struct bench *bench)
{
    struct slice bytes;
    struct group group;
    assert_ok(group_writer_close(&bench->group, &bytes));
    assert_ok(group_open(bytes, &group));
    return group;
}

/* Applies the group under construction in a transaction of its own, and starts the next. */
static inline struct err apply(struct bench *bench)
{
    struct group group = closed_group(bench);
    struct err err = documents_begin(bench->documents);
    if (!err_is_set(err)) {
        err = documents_apply(bench->documents, &group);
    }
    if (!err_is_set(err)) {
        err = documents_commit(bench->documents);
    }
    start_group(bench);
    return err;
}

static inline struct id id_of(uint32_t number)
{
    char text[ID_BYTES + 1];
    snprintf(text, sizeof(text), "U%023u", number);
    struct id id;
    memcpy(id.text, text, ID_BYTES);
    return id;
}

static inline void put_text(struct bench *bench, enum event_operation operation, uint32_t number,
                            const char *text)
{
    struct id id = id_of(number);
    group_write_document(&bench->group, ACCOUNT, operation, RESOURCE_THNG, &id, slice_of_text(text),
                         (struct slice){0});
}

/* Runs a statement on a connection of the test's own, as a person with the sqlite3 tool would. */
static inline void tamper(const struct bench *bench, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(bench->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline int64_t ask(const struct bench *bench, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(bench->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

static inline struct documents_query all_thngs(void)
{
    return (struct documents_query){.account = ACCOUNT, .kind = RESOURCE_THNG, .limit = 1000};
}

static inline uint64_t count_of(struct bench *bench, const struct documents_query *query)
{
    uint64_t count = 0;
    assert_ok(documents_count(bench->reader, query, &count));
    return count;
}

static inline void put_point(struct bench *bench, uint32_t resource, uint32_t property,
                             const char *key, uint8_t flags)
{
    struct id id = id_of(resource);
    struct point point = {.flags = flags,
                          .property = property,
                          .key = slice_of_text(key),
                          .timestamp_ms = TIME_MS,
                          .value = SLICE("1")};
    group_write_points(&bench->group, ACCOUNT, RESOURCE_THNG, &id, (struct slice){0}, 0, &point, 1);
}

static inline void put_cut(struct bench *bench, uint32_t resource, uint32_t property,
                           const char *key, uint8_t flags)
{
    struct id id = id_of(resource);
    struct cut cut = {
        .flags = flags, .property = property, .key = slice_of_text(key), .to_ms = INT64_MAX};
    group_write_cuts(&bench->group, ACCOUNT, RESOURCE_THNG, &id, &cut, 1);
}

struct properties_seen {
    char text[64];
};

static inline bool see_property(void *arg, struct slice key, uint32_t property)
{
    struct properties_seen *seen = arg;
    size_t bytes = strlen(seen->text);
    snprintf(seen->text + bytes, sizeof(seen->text) - bytes, "%.*s=%u ", SLICE_ARGS(key), property);
    return property != 99;
}

static inline void assert_properties(struct bench *bench, uint32_t resource, const char *wanted)
{
    struct properties_seen seen = {0};
    struct id id = id_of(resource);
    assert_ok(documents_properties(bench->reader, &id, see_property, &seen));
    assert_string_equal(seen.text, wanted);
}

#endif
