/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of earlier formats are taken over. */
#include "unit/store/writer_fixture.h"

#define A "U0000000000000000000000"

/* As format 1 was made. */
static const char format_1[] =
    "PRAGMA application_id = 0x7468726d;\n"

    "CREATE TABLE meta ( -- format; applied_sequence: the group up to which all tables have come;\n"
    "                    -- last_property, last_account: the highest numbers ever given out\n"
    "    name TEXT PRIMARY KEY,\n"
    "    value INTEGER NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE account ( -- the numbers that stand for accounts in events\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL\n"
    ") STRICT;\n"

    "CREATE TABLE resource ( -- one row a resource of any kind, accounts and operators included\n"
    "    number INTEGER PRIMARY KEY, -- of this table only; nothing refers to it\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL, -- 1 account, 2 operator, 3 thng, 4 product, 5 collection\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    name TEXT, -- from the document, for filters\n"
    "    product TEXT, -- from the document, for filters\n"
    "    checksum INTEGER NOT NULL, -- XXH3 of scopes, seeded with the XXH3 of document\n"
    "    scopes TEXT, -- JSON object\n"
    "    document TEXT NOT NULL -- JSON object, byte for byte as it is served; last: it is long\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX resource_id ON resource (id);\n"
    "CREATE INDEX resource_list ON resource (account, kind, created_ms, id);\n"
    "CREATE INDEX resource_name ON resource (account, kind, name, created_ms, id)\n"
    "    WHERE name IS NOT NULL;\n"
    "CREATE INDEX resource_product ON resource (account, kind, product, created_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"

    "CREATE TABLE tag ( -- the different tags of each resource\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    tag TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, tag)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX tag_list ON tag (account, kind, tag, created_ms, resource);\n"

    "CREATE TABLE identifier ( -- of each resource; values that are no texts as they were sent\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    key TEXT NOT NULL,\n"
    "    value TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, key)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX identifier_list\n"
    "    ON identifier (account, kind, key, value, created_ms, resource);\n"

    "CREATE TABLE property ( -- live properties: the number under which their samples are kept;\n"
    "                        -- a deleted one's row goes, its number is never given out again\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    resource TEXT NOT NULL, -- its id\n"
    "    key TEXT NOT NULL -- normalised; empty: the location\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX property_of ON property (resource, key);\n"

    "CREATE TABLE key ( -- API keys: their keyed hashes, and who they act as\n"
    "    hash BLOB PRIMARY KEY,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL, -- 1 operator, 2 device\n"
    "    actor TEXT NOT NULL, -- the id of the operator or thng\n"
    "    sealed BLOB NOT NULL -- the key encrypted, where it must be readable again; else empty\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX key_of ON key (actor, kind);\n"

    "INSERT INTO meta (name, value) VALUES\n"
    "    ('format', 1), ('applied_sequence', 0), ('last_property', 0), ('last_account', 0);\n";

/* As format 2 was made. */
static const char format_2[] =
    "PRAGMA application_id = 0x7468726d;\n"

    "CREATE TABLE meta (\n"
    "    name TEXT PRIMARY KEY,\n"
    "    value INTEGER NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"

    "CREATE TABLE account (\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL\n"
    ") STRICT;\n"

    "CREATE TABLE tag (\n"
    "    resource TEXT NOT NULL,\n"
    "    tag TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, tag)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX tag_list ON tag (account, kind, tag, created_ms, resource);\n"

    "CREATE TABLE identifier (\n"
    "    resource TEXT NOT NULL,\n"
    "    key TEXT NOT NULL,\n"
    "    value TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, key)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX identifier_list\n"
    "    ON identifier (account, kind, key, value, created_ms, resource);\n"

    "CREATE TABLE property (\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    resource TEXT NOT NULL,\n"
    "    key TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX property_of ON property (resource, key);\n"

    "CREATE TABLE key (\n"
    "    hash BLOB PRIMARY KEY,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    actor TEXT NOT NULL,\n"
    "    sealed BLOB NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX key_of ON key (actor, kind);\n"

    "CREATE TABLE resource (\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    sequence INTEGER NOT NULL DEFAULT 0,\n"
    "    touched_ms INTEGER NOT NULL DEFAULT 0,\n"
    "    cleared_thngs INTEGER NOT NULL DEFAULT 0,\n"
    "    cleared_collections INTEGER NOT NULL DEFAULT 0,\n"
    "    name TEXT,\n"
    "    product TEXT,\n"
    "    parent TEXT,\n"
    "    checksum INTEGER NOT NULL,\n"
    "    scopes TEXT,\n"
    "    document TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX resource_id ON resource (id);\n"
    "CREATE INDEX resource_list ON resource (account, kind, created_ms, id);\n"
    "CREATE INDEX resource_name ON resource (account, kind, name, created_ms, id)\n"
    "    WHERE name IS NOT NULL;\n"
    "CREATE INDEX resource_product ON resource (account, kind, product, created_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"
    "CREATE INDEX resource_parent ON resource (account, kind, parent, created_ms, id)\n"
    "    WHERE parent IS NOT NULL;\n"

    "CREATE TABLE scope (\n"
    "    resource TEXT NOT NULL,\n"
    "    project TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, project)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX scope_list ON scope (account, project, kind, created_ms, resource);\n"

    "CREATE TABLE member (\n"
    "    resource TEXT NOT NULL,\n"
    "    collection TEXT NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    created_ms INTEGER NOT NULL,\n"
    "    sequence INTEGER NOT NULL,\n"
    "    PRIMARY KEY (resource, collection)\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE INDEX member_list ON member (collection, kind, created_ms, resource);\n"

    "CREATE TABLE place (\n"
    "    resource TEXT PRIMARY KEY,\n"
    "    number INTEGER NOT NULL,\n"
    "    latitude REAL NOT NULL,\n"
    "    longitude REAL NOT NULL\n"
    ") STRICT, WITHOUT ROWID;\n"
    "CREATE VIRTUAL TABLE place_rtree\n"
    "    USING rtree(number, min_lat, max_lat, min_lon, max_lon);\n"

    "CREATE TABLE action (\n"
    "    number INTEGER PRIMARY KEY,\n"
    "    id TEXT NOT NULL,\n"
    "    account INTEGER NOT NULL,\n"
    "    type TEXT NOT NULL,\n"
    "    timestamp_ms INTEGER NOT NULL,\n"
    "    sequence INTEGER NOT NULL,\n"
    "    thng TEXT,\n"
    "    product TEXT,\n"
    "    collection TEXT,\n"
    "    user TEXT,\n"
    "    checksum INTEGER NOT NULL,\n"
    "    scopes TEXT,\n"
    "    document TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX action_id ON action (id);\n"
    "CREATE INDEX action_list ON action (account, timestamp_ms, id);\n"
    "CREATE INDEX action_type ON action (account, type, timestamp_ms, id);\n"
    "CREATE INDEX action_thng ON action (thng, timestamp_ms, id) WHERE thng IS NOT NULL;\n"
    "CREATE INDEX action_product ON action (product, timestamp_ms, id)\n"
    "    WHERE product IS NOT NULL;\n"
    "CREATE INDEX action_collection ON action (collection, timestamp_ms, id)\n"
    "    WHERE collection IS NOT NULL;\n"
    "CREATE INDEX action_user ON action (user, timestamp_ms, id) WHERE user IS NOT NULL;\n"

    "CREATE TABLE cascade (\n"
    "    sequence INTEGER PRIMARY KEY,\n"
    "    account INTEGER NOT NULL,\n"
    "    kind INTEGER NOT NULL,\n"
    "    id TEXT NOT NULL,\n"
    "    name TEXT\n"
    ") STRICT;\n"

    "INSERT INTO meta (name, value) VALUES\n"
    "    ('format', 2), ('applied_sequence', 0), ('last_property', 0), ('last_account', 0);\n";

#define SCOPES_A "{\"users\":[\"all\"],\"projects\":[\"" A "7\",\"all\",\"" A "7\"]}"

#define RESOURCES_1                                                                           \
    " (3, '" A "3', 1, 3, 100, 'thng', '" A "4', 77, '" SCOPES_A "', '{\"createdAt\":100}')," \
    " (5, '" A "4', 1, 4, 50, 'product', NULL, 78, NULL, '{\"createdAt\":50}'),"              \
    " (9, '" A "5', 1, 5, 60, NULL, NULL, 79, '{\"users\":[],\"projects\":[]}', '{}');"
#define REST_1                                                        \
    "INSERT INTO tag VALUES ('" A "3', 'x', 1, 3, 100);"              \
    "INSERT INTO identifier VALUES ('" A "3', 'sn', '1', 1, 3, 100);" \
    "INSERT INTO property VALUES (12, '" A "3', 'k');"                \
    "INSERT INTO key VALUES (x'61', 1, 2, '" A "3', x'');"

static const char rows_1[] = "UPDATE meta SET value = 41 WHERE name = 'applied_sequence';"
                             "UPDATE meta SET value = 12 WHERE name = 'last_property';"
                             "UPDATE meta SET value = 1 WHERE name = 'last_account';"
                             "INSERT INTO account VALUES (1, '" A "1');"
                             "INSERT INTO resource VALUES" RESOURCES_1 REST_1;

/* What a file is made of: its tables with their columns, and its indexes. */
static void structure(const char *path, struct buf *rows)
{
    ask_rows(path,
             "SELECT t.name, c.cid, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk"
             " FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
             " ORDER BY t.name, c.cid",
             rows);
    ask_rows(path,
             "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name",
             rows);
    assert_false(rows->failed);
}

static void run_text(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Puts a file of an earlier format in the place of the bench's. */
static void make_file(struct bench *bench, const char *tables, const char *rows)
{
    documents_reader_close(bench->reader);
    documents_close(bench->documents);
    bench->reader = NULL;
    bench->documents = NULL;
    assert_int_equal(unlink(bench->path), 0);
    run_text(bench->path, "PRAGMA journal_mode = WAL");
    run_text(bench->path, tables);
    run_text(bench->path, rows);
}

static void make_format_1(struct bench *bench)
{
    make_file(bench, format_1, rows_1);
}

static void assert_no_damage(struct bench *bench)
{
    assert_int_equal(ask(bench, "SELECT count(*) FROM pragma_integrity_check"
                                " WHERE integrity_check <> 'ok'"),
                     0);
}

static void test_from_1(void **state)
{
    (void)state;
    struct bench bench;
    struct buf fresh = {0};
    struct buf migrated = {0};
    open_bench(&bench);
    structure(bench.path, &fresh);
    make_format_1(&bench);
    assert_ok(documents_open(bench.path, &bench.documents));
    structure(bench.path, &migrated);
    assert_true(slice_equal(buf_data(&fresh), buf_data(&migrated)));
    assert_int_equal(documents_applied(bench.documents), 41);
    assert_false(documents_must_clean(bench.documents));
    assert_rows(&bench, "SELECT name, value FROM meta ORDER BY name",
                "applied_sequence|41\nformat|3\nlast_account|1\nlast_property|12\n");
    assert_rows(&bench,
                "SELECT number, id, account, kind, created_ms, sequence, touched_ms, cleared_thngs,"
                " cleared_collections, name, product, parent, checksum, scopes, document"
                " FROM resource ORDER BY number",
                "3|" A "3|1|3|100|0|0|0|0|thng|" A "4|-|77|" SCOPES_A "|{\"createdAt\":100}\n"
                "5|" A "4|1|4|50|0|0|0|0|product|-|-|78|-|{\"createdAt\":50}\n"
                "9|" A "5|1|5|60|0|0|0|0|-|-|-|79|{\"users\":[],\"projects\":[]}|{}\n");
    assert_rows(&bench, "SELECT * FROM scope ORDER BY viewer",
                A "3|*" A "7|1|3|100\n" A "3|*all|1|3|100\n");
    assert_rows(&bench, "SELECT * FROM tag", A "3|x|1|3|100\n");
    assert_rows(&bench, "SELECT number, key FROM property", "12|k\n");
    assert_rows(&bench, "SELECT kind, actor FROM key", "2|" A "3\n");
    assert_no_damage(&bench);
    buf_deinit(&fresh);
    buf_deinit(&migrated);
    close_bench(&bench);
}

/* ---- from 2 ---- */

/* Two users and a project; no project; all users of two projects; and texts that are damaged. */
#define SCOPES_B "{\"users\":[\"" A "1\",\"" A "2\"],\"projects\":[\"" A "7\"]}"
#define SCOPES_C "{\"users\":[\"all\"],\"projects\":[]}"
#define SCOPES_D "{\"users\":[\"" A "1\",\"all\"],\"projects\":[\"" A "7\",\"" A "8\"]}"

static const char rows_2[] =
    "UPDATE meta SET value = 99 WHERE name = 'applied_sequence';"
    "INSERT INTO resource VALUES"
    " (2, '" A "2', 1, 3, 100, 3, 4, 0, 0, 'thng', '" A "4', NULL, 70, '" SCOPES_B "', '{}'),"
    " (3, '" A "3', 1, 5, 101, 4, 0, 5, 6, NULL, NULL, NULL, 71, '" SCOPES_C "', '{}'),"
    " (4, '" A "4', 1, 6, 102, 5, 0, 0, 0, NULL, NULL, NULL, 72, '" SCOPES_D "', '{}'),"
    " (5, '" A "5', 1, 3, 103, 6, 0, 0, 0, NULL, NULL, NULL, 73, '{\"users\":[\"all', '{}'),"
    " (6, '" A "6', 1, 8, 104, 7, 0, 0, 0, NULL, NULL, '" A "7', 74, NULL,"
    "  '{\"defaultRole\":\"base_app_user\",\"role\":\"x\"}'),"
    " (7, '" A "7', 1, 8, 105, 8, 0, 0, 0, NULL, NULL, '" A "7', 75, NULL, '{\"defaultRole\":\"'),"
    " (8, '" A "8', 1, 8, 106, 9, 0, 0, 0, NULL, NULL, '" A "7', 76, NULL, '{\"defaultRole\":1}'),"
    " (9, '" A "9', 1, 2, 107, 10, 0, 0, 0, NULL, NULL, NULL, 77, NULL, '{\"role\":\"admin\"}');"
    "INSERT INTO place VALUES ('" A "4', 4, 47, 8);"
    "INSERT INTO place_rtree VALUES (4, 47, 47, 8, 8);"
    "INSERT INTO member VALUES ('" A "2', '" A "3', 3, 1, 100, 20);"
    "INSERT INTO cascade VALUES (30, 1, 4, '" A "4', NULL);"
    "INSERT INTO action VALUES (1, '" A "a', 1, 'scans', 200, 50, NULL, NULL, NULL, NULL, 1,"
    " '" SCOPES_D "', '{}'), (2, '" A "b', 1, 'scans', 201, 51, NULL, NULL, NULL, NULL, 1,"
    " 'no JSON', '{}');";

static void assert_rows_of_2(struct bench *bench)
{
    assert_rows(bench,
                "SELECT number, id, kind, created_ms, sequence, touched_ms, cleared_thngs,"
                " cleared_collections, name, product, parent, role, checksum FROM resource"
                " ORDER BY number",
                "2|" A "2|3|100|3|4|0|0|thng|" A "4|-|-|70\n"
                "3|" A "3|5|101|4|0|5|6|-|-|-|-|71\n"
                "4|" A "4|6|102|5|0|0|0|-|-|-|-|72\n"
                "5|" A "5|3|103|6|0|0|0|-|-|-|-|73\n"
                "6|" A "6|8|104|7|0|0|0|-|-|" A "7|base_app_user|74\n"
                "7|" A "7|8|105|8|0|0|0|-|-|" A "7|-|75\n"
                "8|" A "8|8|106|9|0|0|0|-|-|" A "7|-|76\n"
                "9|" A "9|2|107|10|0|0|0|-|-|-|admin|77\n");
    assert_rows(bench,
                "SELECT resource, viewer, account, kind, created_ms FROM scope"
                " ORDER BY resource, viewer",
                A "2|@" A "1|1|3|100\n" A "2|@" A "2|1|3|100\n" A "2|" A "7|1|3|100\n" A "4|*" A
                  "7|1|6|102\n" A "4|*" A "8|1|6|102\n" A "4|@" A "1|1|6|102\n" A "a|*" A
                  "7|1|13|200\n" A "a|*" A "8|1|13|200\n" A "a|@" A "1|1|13|200\n");
}

static void test_from_2(void **state)
{
    (void)state;
    struct bench bench;
    struct buf fresh = {0};
    struct buf before = {0};
    struct buf migrated = {0};
    struct buf after = {0};
    static const char texts[] = "SELECT id, scopes, document FROM resource UNION ALL"
                                " SELECT id, scopes, document FROM action ORDER BY id";
    open_bench(&bench);
    structure(bench.path, &fresh);
    make_file(&bench, format_2, rows_2);
    ask_rows(bench.path, texts, &before);
    assert_ok(documents_open(bench.path, &bench.documents));
    structure(bench.path, &migrated);
    ask_rows(bench.path, texts, &after);
    assert_true(slice_equal(buf_data(&fresh), buf_data(&migrated)));
    assert_true(slice_equal(buf_data(&before), buf_data(&after)));
    assert_int_equal(documents_applied(bench.documents), 99);
    assert_true(documents_must_clean(bench.documents));
    assert_rows_of_2(&bench);
    assert_rows(&bench, "SELECT r.id FROM place_rtree AS p JOIN resource AS r USING (number)",
                A "4\n");
    assert_rows(&bench, "SELECT * FROM member", A "2|" A "3|3|1|100|20\n");
    assert_no_damage(&bench);
    buf_deinit(&fresh);
    buf_deinit(&before);
    buf_deinit(&migrated);
    buf_deinit(&after);
    close_bench(&bench);
}

/* A file of format 1 and what it is as one of format 2 become the same. */
static void test_both_ways_are_one(void **state)
{
    (void)state;
    struct buf dumps[2] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(dumps); i++) {
        struct bench bench;
        open_bench(&bench);
        if (i == 0) {
            make_format_1(&bench);
        } else {
            make_file(&bench, format_2,
                      "UPDATE meta SET value = 41 WHERE name = 'applied_sequence';"
                      "UPDATE meta SET value = 12 WHERE name = 'last_property';"
                      "UPDATE meta SET value = 1 WHERE name = 'last_account';"
                      "INSERT INTO account VALUES (1, '" A "1');"
                      "INSERT INTO resource (number, id, account, kind, created_ms, name, product,"
                      " checksum, scopes, document) VALUES" RESOURCES_1
                      "INSERT INTO scope VALUES ('" A "3', '" A "7', 1, 3, 100),"
                      " ('" A "3', 'all', 1, 3, 100);" REST_1);
        }
        assert_ok(documents_open(bench.path, &bench.documents));
        dump(bench.path, &dumps[i]);
        close_bench(&bench);
    }
    assert_true(slice_equal(buf_data(&dumps[0]), buf_data(&dumps[1])));
    buf_deinit(&dumps[0]);
    buf_deinit(&dumps[1]);
}

/* ---- either ---- */

/* The file is written on as any other, and opened without being migrated again. */
static void test_it_goes_on(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    make_format_1(&bench);
    for (uint32_t i = 0; i < 2; i++) {
        assert_ok(documents_open(bench.path, &bench.documents));
        documents_close(bench.documents);
    }
    assert_ok(documents_open(bench.path, &bench.documents));
    start_group(&bench);
    put_document(&bench, OPERATION_UPDATED, RESOURCE_THNG, 3, "{\"createdAt\":100,\"a\":1}", "");
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 5, RESOURCE_THNG, 3, 0);
    put_deletion(&bench, RESOURCE_PRODUCT, 4);
    assert_ok(apply(&bench));
    assert_int_equal(documents_applied(bench.documents), 44);
    assert_rows(&bench, "SELECT sequence, product, document FROM resource WHERE kind = 3",
                "0|-|{\"createdAt\":100,\"a\":1}\n");
    assert_rows(&bench, "SELECT * FROM scope", "");
    assert_rows(&bench, "SELECT resource, collection, created_ms, sequence FROM member",
                A "3|" A "5|100|43\n");
    clean_all(&bench, 10);
    close_bench(&bench);
}

/* All or nothing: what stands in the way of a step leaves the file as it was. */
static void test_a_migration_that_fails(void **state)
{
    (void)state;
    struct bench bench;
    struct buf before = {0};
    struct buf after = {0};
    open_bench(&bench);
    make_format_1(&bench);
    run_text(bench.path, "CREATE TABLE cascade (x)");
    structure(bench.path, &before);
    struct err err = documents_open(bench.path, &bench.documents);
    assert_true(err_is_set(err));
    structure(bench.path, &after);
    assert_true(slice_equal(buf_data(&before), buf_data(&after)));
    run_text(bench.path, "DROP TABLE cascade");
    assert_ok(documents_open(bench.path, &bench.documents));
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource"), 3);
    buf_deinit(&before);
    buf_deinit(&after);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_1),
        cmocka_unit_test(test_from_2),
        cmocka_unit_test(test_both_ways_are_one),
        cmocka_unit_test(test_it_goes_on),
        cmocka_unit_test(test_a_migration_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
