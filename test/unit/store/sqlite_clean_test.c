/* SPDX-License-Identifier: Apache-2.0
 *
 * What deletions leave to do, and that it is done. */
#include "unit/store/writer_fixture.h"

#include "base/hash.h"

#define A "U0000000000000000000000"
#define A_4000 "U00000000000000000004000"

static void assert_count(struct bench *bench, const char *table, int64_t count)
{
    char text[128];
    snprintf(text, sizeof(text), "SELECT count(*) FROM %s", table);
    assert_int_equal(ask(bench, text), count);
}

/* Every checksum is that of its texts. */
static void assert_sound(struct bench *bench)
{
    struct buf rows = {0};
    ask_rows(bench->path,
             "SELECT coalesce(scopes, ''), document, checksum FROM resource UNION ALL"
             " SELECT coalesce(scopes, ''), document, checksum FROM action",
             &rows);
    assert_false(rows.failed);
    struct slice left = buf_data(&rows);
    while (!slice_is_empty(left)) {
        struct slice parts[3];
        for (size_t i = 0; i < 3; i++) {
            const uint8_t *end = memchr(left.at, i < 2 ? '|' : '\n', left.bytes);
            assert_non_null(end);
            parts[i] = slice_of(left.at, (size_t)(end - left.at));
            left = slice_of(end + 1, left.bytes - parts[i].bytes - 1);
        }
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "%lld",
                 (long long)hash_bytes(hash_bytes(0, parts[1]), parts[0]));
        assert_true(slice_equal(parts[2], slice_of_text(wanted)));
    }
    buf_deinit(&rows);
}

/* ---- products ---- */

static void test_product(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_PRODUCT, 1, "{\"createdAt\":1}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PRODUCT, 2, "{\"createdAt\":1}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 3,
                 "{\"id\":\"" A "3\",\"createdAt\":1,\"updatedAt\":2,\"name\":\"a\","
                 "\"product\":\"" A "1\",\"customFields\":{\"product\":\"" A "1\"}}",
                 "{\"users\":[\"all\"],\"projects\":[\"all\"]}");
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 4,
                 "{\"createdAt\":1,\"updatedAt\":2,\"product\":\"" A "2\"}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_ACTION, 5,
                 "{\"type\":\"scans\",\"timestamp\":1,\"product\":\"" A "1\"}", "");
    assert_ok(apply(&bench));
    put_deletion(&bench, RESOURCE_PRODUCT, 1);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT sequence, account, kind, id FROM cascade", "6|1|4|" A "1\n");
    assert_true(documents_must_clean(bench.documents));
    uint64_t applied = documents_applied(bench.documents);
    clean_all(&bench, 100);
    assert_int_equal(documents_applied(bench.documents), applied);
    assert_rows(&bench, "SELECT product, document FROM resource WHERE kind = 3 ORDER BY id",
                "-|{\"id\":\"" A "3\",\"createdAt\":1,\"updatedAt\":2,\"name\":\"a\","
                "\"customFields\":{\"product\":\"" A "1\"}}\n" A
                "2|{\"createdAt\":1,\"updatedAt\":2,\"product\":\"" A "2\"}\n");
    assert_rows(&bench, "SELECT product FROM action", A "1\n");
    assert_count(&bench, "cascade", 0);
    assert_sound(&bench);
    close_bench(&bench);
}

/* ---- projects ---- */

static void put_scoped(struct bench *bench)
{
    static const char scopes[] = "{\"users\":[\"" A "1\"],\"projects\":[\"" A "2\",\"" A "1\"]}";
    put_document(bench, OPERATION_CREATED, RESOURCE_THNG, 3, "{\"createdAt\":1}", scopes);
    put_document(bench, OPERATION_CREATED, RESOURCE_ACTION, 4,
                 "{\"type\":\"scans\",\"timestamp\":1}", scopes);
    put_document(bench, OPERATION_CREATED, RESOURCE_THNG, 5, "{\"createdAt\":1}",
                 "{\"users\":[],\"projects\":[\"" A "1\"]}");
    put_document(bench, OPERATION_CREATED, RESOURCE_THNG, 6, "{\"createdAt\":1}",
                 "{\"users\":[],\"projects\":[\"all\"]}");
}

static void put_application(struct bench *bench, uint32_t number, const char *text, uint8_t key)
{
    put_document(bench, OPERATION_CREATED, RESOURCE_APPLICATION, number, text,
                 "{\"users\":[],\"projects\":[\"" A "1\"]}");
    put_key(bench, OPERATION_CREATED, KEY_APPLICATION, number, key);
    put_key(bench, OPERATION_CREATED, KEY_TRUSTED, number, (uint8_t)(key + 1));
}

static void test_project(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_PROJECT, 1, "{\"createdAt\":1}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PROJECT, 2, "{\"createdAt\":1}", "");
    put_scoped(&bench);
    put_application(&bench, 7, "{\"createdAt\":1,\"project\":\"" A "1\",\"tags\":[\"x\"]}", 'a');
    put_application(&bench, 8, "{\"createdAt\":1,\"project\":\"" A "2\",\"tags\":[\"y\"]}", 'c');
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 9, "{\"createdAt\":1}",
                 "{\"users\":[\"all\"],\"projects\":[\"" A "1\",\"" A "2\"]}");
    assert_ok(apply(&bench));
    put_deletion(&bench, RESOURCE_PROJECT, 1);
    assert_ok(apply(&bench));
    clean_all(&bench, 100);
    assert_rows(&bench, "SELECT id, scopes FROM resource WHERE kind = 3 ORDER BY id",
                A "3|{\"users\":[\"" A "1\"],\"projects\":[\"" A "2\"]}\n" A
                  "5|{\"users\":[],\"projects\":[]}\n" A
                  "6|{\"users\":[],\"projects\":[\"all\"]}\n" A
                  "9|{\"users\":[\"all\"],\"projects\":[\"" A "2\"]}\n");
    assert_rows(&bench, "SELECT scopes FROM action",
                "{\"users\":[\"" A "1\"],\"projects\":[\"" A "2\"]}\n");
    assert_rows(&bench, "SELECT resource, viewer FROM scope ORDER BY resource, viewer",
                A "3|@" A "1\n" A "3|" A "2\n" A "4|@" A "1\n" A "4|" A "2\n" A "6|all\n" A "9|*" A
                  "2\n");
    assert_rows(&bench, "SELECT id FROM resource WHERE kind = 8", A "8\n");
    assert_rows(&bench, "SELECT tag FROM tag", "y\n");
    assert_rows(&bench, "SELECT actor, kind FROM key ORDER BY hash", A "8|3\n" A "8|4\n");
    assert_sound(&bench);
    close_bench(&bench);
}

/* ---- action types ---- */

static void put_type(struct bench *bench, enum event_operation operation, const char *name)
{
    char text[64];
    struct id id = id_of_name(ACCOUNT, RESOURCE_ACTION_TYPE, slice_of_text(name));
    bool is_deleted = operation == OPERATION_DELETED;
    snprintf(text, sizeof(text), "{\"createdAt\":1,\"name\":\"%s\"}", name);
    group_write_document(&bench->group, ACCOUNT, operation, RESOURCE_ACTION_TYPE, &id,
                         slice_of_text(is_deleted ? "" : text), (struct slice){0});
}

static void put_action(struct bench *bench, uint32_t number, const char *type, int64_t timestamp_ms)
{
    char text[128];
    snprintf(text, sizeof(text), "{\"type\":\"%s\",\"timestamp\":%lld,\"tags\":[\"t\"]}", type,
             (long long)timestamp_ms);
    put_document(bench, OPERATION_CREATED, RESOURCE_ACTION, number, text,
                 "{\"users\":[],\"projects\":[\"all\"]}");
}

/* Actions of the deleted type go, those of one of that name that was made since stay, whatever
 * their timestamps. */
static void test_action_type(void **state)
{
    (void)state;
    for (uint32_t rows_max = 1; rows_max <= 5; rows_max++) {
        struct bench bench;
        open_bench(&bench);
        put_type(&bench, OPERATION_CREATED, "_a");
        put_type(&bench, OPERATION_CREATED, "_b");
        put_action(&bench, 1, "_a", 5);
        put_action(&bench, 2, "_a", 9);
        put_action(&bench, 3, "_b", 5);
        put_action(&bench, 4, "_a", 5);
        assert_ok(apply(&bench));
        put_type(&bench, OPERATION_DELETED, "_a");
        put_type(&bench, OPERATION_CREATED, "_a");
        put_action(&bench, 5, "_a", 4);
        put_action(&bench, 6, "_a", 5);
        put_action(&bench, 7, "_a", 10);
        put_action(&bench, 8, "scans", 10);
        assert_ok(apply(&bench));
        assert_rows(&bench, "SELECT sequence, kind, name FROM cascade", "7|12|_a\n");
        clean_all(&bench, rows_max);
        assert_rows(&bench, "SELECT id FROM action ORDER BY id",
                    A "3\n" A "5\n" A "6\n" A "7\n" A "8\n");
        assert_count(&bench, "tag", 5);
        assert_count(&bench, "scope", 5);
        assert_count(&bench, "resource", 2);
        assert_sound(&bench);
        close_bench(&bench);
    }
}

/* ---- slices ---- */

/* A user of that application, with a key, a name, and one share with and by user 4000. */
static void put_user(struct bench *bench, uint32_t number, uint32_t application)
{
    char text[160];
    char scopes[96];
    struct id user = id_of(number);
    struct id app = id_of(application);
    snprintf(text, sizeof(text), "{\"createdAt\":1,\"app\":\"%.24s\"}", app.text);
    put_document(bench, OPERATION_CREATED, RESOURCE_USER, number, text, "");
    put_document(bench, OPERATION_CREATED, RESOURCE_NAME, number + 1000, text, "");
    put_key(bench, OPERATION_CREATED, KEY_USER, number, (uint8_t)number);
    snprintf(text, sizeof(text), "{\"createdAt\":1,\"user\":\"%.24s\"}", user.text);
    put_document(bench, OPERATION_CREATED, RESOURCE_SHARE, number + 2000, text,
                 "{\"users\":[\"" A_4000 "\"],\"projects\":[]}");
    snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[]}", user.text);
    put_document(bench, OPERATION_CREATED, RESOURCE_SHARE, number + 3000,
                 "{\"createdAt\":1,\"user\":\"" A_4000 "\"}", scopes);
}

/* Three cascades, with <count> rows each; the project's with five more below each. */
static void put_cascades(struct bench *bench, uint32_t count)
{
    put_document(bench, OPERATION_CREATED, RESOURCE_PRODUCT, 1, "{\"createdAt\":1}", "");
    put_document(bench, OPERATION_CREATED, RESOURCE_PROJECT, 2, "{\"createdAt\":1}", "");
    put_type(bench, OPERATION_CREATED, "_a");
    for (uint32_t i = 0; i < count; i++) {
        put_document(bench, OPERATION_CREATED, RESOURCE_THNG, 1000 + i,
                     "{\"createdAt\":1,\"updatedAt\":1,\"product\":\"" A "1\"}",
                     i % 2 == 0 ? "{\"users\":[],\"projects\":[\"" A "2\"]}" : "");
        put_document(bench, OPERATION_CREATED, RESOURCE_APPLICATION, 2000 + i,
                     "{\"createdAt\":1,\"project\":\"" A "2\"}", "");
        put_user(bench, 4001 + i, 2000 + i);
        put_action(bench, 3000 + i, "_a", i);
    }
    put_type(bench, OPERATION_DELETED, "_a");
    put_deletion(bench, RESOURCE_PROJECT, 2);
    put_deletion(bench, RESOURCE_PRODUCT, 1);
}

static void test_slices(void **state)
{
    (void)state;
    struct buf at_once = {0};
    static const uint32_t rows_max[] = {1000, 1, 2, 3, 7, 8, 9, 20};
    for (size_t i = 0; i < ARRAY_LEN(rows_max); i++) {
        struct bench bench;
        open_bench(&bench);
        put_cascades(&bench, 8);
        assert_ok(apply(&bench));
        assert_count(&bench, "cascade", 3);
        /* 8 thngs, 8 applications with 8 users, 8 names and 16 shares, 4 scopes, 8 actions, 3
         * cascades. */
        uint32_t slices = clean_all(&bench, rows_max[i]);
        assert_in_range(slices, (63 + rows_max[i] - 1) / rows_max[i], 64 / rows_max[i] + 4);
        struct buf rows = {0};
        dump(bench.path, &rows);
        if (i == 0) {
            buf_put(&at_once, buf_data(&rows));
            assert_count(&bench, "resource", 8);
            assert_count(&bench, "action", 0);
            assert_count(&bench, "key", 0);
            assert_count(&bench, "scope", 0);
        }
        assert_true(slice_equal(buf_data(&rows), buf_data(&at_once)));
        buf_deinit(&rows);
        close_bench(&bench);
    }
    buf_deinit(&at_once);
}

/* An application whose users are many goes in slices too, and a user whose shares are. */
static void test_slices_of_users(void **state)
{
    (void)state;
    for (uint32_t rows_max = 1; rows_max <= 40; rows_max += 3) {
        struct bench bench;
        open_bench(&bench);
        put_document(&bench, OPERATION_CREATED, RESOURCE_APPLICATION, 1, "{\"createdAt\":1}", "");
        put_document(&bench, OPERATION_CREATED, RESOURCE_APPLICATION, 2, "{\"createdAt\":1}", "");
        put_user(&bench, 4000, 2);
        for (uint32_t i = 0; i < 4; i++) {
            put_user(&bench, 4001 + i, 1);
        }
        assert_ok(apply(&bench));
        put_deletion(&bench, RESOURCE_USER, 4000);
        put_deletion(&bench, RESOURCE_APPLICATION, 1);
        assert_ok(apply(&bench));
        assert_count(&bench, "cascade", 2);
        /* 10 shares; 4 users and 4 names; 2 cascades. */
        uint32_t slices = clean_all(&bench, rows_max);
        assert_in_range(slices, (20 + rows_max - 1) / rows_max, 21 / rows_max + 4);
        assert_rows(&bench, "SELECT id FROM resource ORDER BY id",
                    A "2\nU00000000000000000005000\n");
        assert_rows(&bench, "SELECT actor FROM key", A_4000 "\n"); /* has an event of its own */
        assert_count(&bench, "scope", 0);
        close_bench(&bench);
    }
}

/* A slice that is rolled back is done again; so is one before a crash. */
static void test_a_slice_is_all_or_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bool is_done;
    open_bench(&bench);
    put_cascades(&bench, 4);
    assert_ok(apply(&bench));
    struct buf before = {0};
    struct buf after = {0};
    dump(bench.path, &before);
    assert_ok(documents_begin(bench.documents));
    assert_ok(documents_clean(bench.documents, 3, &is_done));
    assert_false(is_done);
    assert_ok(documents_clean(bench.documents, 1000, &is_done));
    assert_true(is_done);
    assert_false(documents_must_clean(bench.documents));
    documents_rollback(bench.documents);
    assert_true(documents_must_clean(bench.documents));
    dump(bench.path, &after);
    assert_true(slice_equal(buf_data(&before), buf_data(&after)));
    assert_ok(documents_begin(bench.documents));
    assert_ok(documents_clean(bench.documents, 3, &is_done));
    assert_ok(documents_commit(bench.documents));
    assert_count(&bench, "action", 1);
    reopen(&bench);
    assert_true(documents_must_clean(bench.documents));
    clean_all(&bench, 3);
    assert_count(&bench, "action", 0);
    assert_count(&bench, "cascade", 0);
    reopen(&bench);
    assert_false(documents_must_clean(bench.documents));
    buf_deinit(&before);
    buf_deinit(&after);
    close_bench(&bench);
}

/* A damaged row stays as damaged as it is, and holds nothing up. */
static void test_damage_stays_seen(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_cascades(&bench, 2);
    assert_ok(apply(&bench));
    tamper(&bench, "UPDATE resource SET document = '{\"createdAt\":1,' WHERE id LIKE '%1000'");
    clean_all(&bench, 100);
    assert_rows(&bench, "SELECT product, scopes, document FROM resource WHERE kind = 3 ORDER BY id",
                "-|{\"users\":[],\"projects\":[\"" A "2\"]}|{\"createdAt\":1,\n"
                "-|-|{\"createdAt\":1,\"updatedAt\":1}\n");
    assert_count(&bench, "scope", 0);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product),           cmocka_unit_test(test_project),
        cmocka_unit_test(test_action_type),       cmocka_unit_test(test_slices),
        cmocka_unit_test(test_slices_of_users),   cmocka_unit_test(test_a_slice_is_all_or_nothing),
        cmocka_unit_test(test_damage_stays_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
