/* SPDX-License-Identifier: Apache-2.0
 *
 * writer_fixture.h - events of every kind into the group of a bench (documents_fixture.h), and
 * looks at the tables that came of them. */
#ifndef THRUM_TEST_UNIT_STORE_WRITER_FIXTURE_H
#define THRUM_TEST_UNIT_STORE_WRITER_FIXTURE_H

#include "unit/store/documents_fixture.h"

static inline void put_document(struct bench *bench, enum event_operation operation,
                                enum resource_kind kind, uint32_t number, const char *text,
                                const char *scopes)
{
    struct id id = id_of(number);
    group_write_document(&bench->group, ACCOUNT, operation, kind, &id, slice_of_text(text),
                         slice_of_text(scopes));
}

static inline void put_deletion(struct bench *bench, enum resource_kind kind, uint32_t number)
{
    put_document(bench, OPERATION_DELETED, kind, number, "", "");
}

#define MEMBERS_OF_A_TEST 8

/* <numbers> ends with a 0. */
static inline void put_members(struct bench *bench, enum member_change change, uint8_t flags,
                               uint32_t collection, enum resource_kind kind,
                               const uint32_t *numbers)
{
    struct id ids[MEMBERS_OF_A_TEST];
    uint32_t count = 0;
    for (; numbers[count] != 0; count++) {
        assert_true(count < MEMBERS_OF_A_TEST);
        ids[count] = id_of(numbers[count]);
    }
    struct id id = id_of(collection);
    group_write_members(&bench->group, ACCOUNT, change, flags, &id, (struct slice){0}, kind, ids,
                        count);
}

#define PUT_MEMBERS(bench, change, flags, collection, kind, ...) \
    put_members(bench, change, flags, collection, kind, (const uint32_t[]){__VA_ARGS__})

static inline void put_key(struct bench *bench, enum event_operation operation, enum key_kind kind,
                           uint32_t actor, uint8_t hash_byte)
{
    uint8_t hash[KEY_HASH_BYTES];
    memset(hash, hash_byte, sizeof(hash));
    struct id id = id_of(actor);
    group_write_key(&bench->group, ACCOUNT, operation, kind, &id, hash, (struct slice){0});
}

/* The rows of a statement, columns separated by `|`, a row a line, NULL as `-`. */
static inline void ask_rows(const char *path, const char *text, struct buf *rows)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    }
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const unsigned char *value = sqlite3_column_text(statement, i);
            buf_put_format(rows, "%s%s", i > 0 ? "|" : "", value ? (const char *)value : "-");
        }
        buf_put_byte(rows, '\n');
    }
    assert_int_equal(code, SQLITE_DONE);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The rows of the statement are <wanted>. */
static inline void assert_rows(const struct bench *bench, const char *text, const char *wanted)
{
    struct buf rows = {0};
    ask_rows(bench->path, text, &rows);
    buf_put_byte(&rows, '\0');
    assert_false(rows.failed);
    assert_string_equal((const char *)buf_data(&rows).at, wanted);
    buf_deinit(&rows);
}

/* Everything in the tables but row numbers, which depend on when rows were deleted. */
static inline void dump(const char *path, struct buf *rows)
{
    static const char *const texts[] = {
        "SELECT * FROM meta ORDER BY name",
        "SELECT * FROM account ORDER BY number",
        "SELECT id, account, kind, created_ms, sequence, touched_ms, cleared_thngs,"
        " cleared_collections, name, product, parent, role, checksum, scopes, document FROM "
        "resource"
        " ORDER BY id",
        "SELECT * FROM tag ORDER BY resource, tag",
        "SELECT * FROM identifier ORDER BY resource, key",
        "SELECT * FROM scope ORDER BY resource, viewer",
        "SELECT * FROM member ORDER BY resource, collection",
        "SELECT resource, latitude, longitude FROM place ORDER BY resource",
        "SELECT * FROM property ORDER BY number",
        "SELECT hex(hash), account, kind, actor, hex(sealed) FROM key ORDER BY hash",
        "SELECT id, account, type, timestamp_ms, sequence, thng, product, collection, user,"
        " checksum, scopes, document FROM action ORDER BY id",
        "SELECT * FROM cascade ORDER BY sequence",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_put_format(rows, "-- %s\n", texts[i]);
        ask_rows(path, texts[i], rows);
    }
    assert_false(rows->failed);
}

/* Cleans up to the end, at most <rows_max> rows a slice, each in a transaction of its own. Returns
 * the number of slices. */
static inline uint32_t clean_all(struct bench *bench, uint32_t rows_max)
{
    bool is_done = false;
    uint32_t slices = 0;
    for (; !is_done; slices++) {
        assert_ok(documents_begin(bench->documents));
        assert_ok(documents_clean(bench->documents, rows_max, &is_done));
        assert_ok(documents_commit(bench->documents));
        assert_true(slices < 100000);
    }
    assert_false(documents_must_clean(bench->documents));
    return slices;
}

#endif
