/* SPDX-License-Identifier: Apache-2.0
 *
 * What readers see of the events that were applied. For lists see sqlite_list_test.c. */
#include "unit/store/documents_fixture.h"

#include <sys/stat.h>

static uint64_t count_where(struct bench *bench, struct filter_condition condition)
{
    struct documents_query query = all_thngs();
    query.conditions = &condition;
    query.condition_count = 1;
    return count_of(bench, &query);
}

/* ---- documents ---- */

#define FIRST_TEXT                                                                                 \
    "{\"id\":\"U00000000000000000000001\",\"createdAt\":5,\"name\":\"a\\u0062\",\"tags\":[\"x\","  \
    "\"\\u0079\",\"x\"],\"product\":\"UP\",\"identifiers\":{\"gs1:\\u0031\":\"v\\\"\",\"n\":1.50," \
    "\"t\":true,\"o\":{}},\"customFields\":{\"name\":37.20}}"

static void test_document(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct id id = id_of(1);
    struct document document;
    ASSERT_ERR(documents_get(bench.reader, &id, &document), NOT_FOUND);
    group_write_document(&bench.group, ACCOUNT, OPERATION_CREATED, RESOURCE_THNG, &id,
                         SLICE(FIRST_TEXT), SLICE("{\"users\":[],\"projects\":[\"p\"]}"));
    assert_ok(apply(&bench));
    assert_ok(documents_get(bench.reader, &id, &document));
    assert_true(id_equal(&document.id, &id));
    assert_int_equal(document.account, ACCOUNT);
    assert_int_equal(document.kind, RESOURCE_THNG);
    assert_int_equal(document.created_ms, 5);
    assert_true(slice_equal(document.text, SLICE(FIRST_TEXT)));
    assert_true(slice_equal(document.scopes, SLICE("{\"users\":[],\"projects\":[\"p\"]}")));

    put_text(&bench, OPERATION_UPDATED, 1, "{\"createdAt\":5,\"name\":\"c\",\"tags\":[]}");
    assert_ok(apply(&bench));
    assert_ok(documents_get(bench.reader, &id, &document));
    assert_true(slice_equal(document.text, SLICE("{\"createdAt\":5,\"name\":\"c\",\"tags\":[]}")));
    assert_true(slice_is_empty(document.scopes));
    assert_int_equal(ask(&bench, "SELECT count(*) FROM tag"), 0);
    assert_int_equal(ask(&bench, "SELECT count(*) FROM identifier"), 0);

    put_text(&bench, OPERATION_DELETED, 1, "");
    assert_ok(apply(&bench));
    ASSERT_ERR(documents_get(bench.reader, &id, &document), NOT_FOUND);
    close_bench(&bench);
}

/* What filters compare is the text that the JSON stands for, not its spelling. */
static void test_members_are_decoded(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_text(&bench, OPERATION_CREATED, 1, FIRST_TEXT);
    assert_ok(apply(&bench));
    const struct {
        enum filter_field field;
        struct slice key;
        struct slice value;
        uint64_t count;
    } rows[] = {
        {FILTER_NAME, {0}, SLICE_INIT("ab"), 1},
        {FILTER_NAME, {0}, SLICE_INIT("a\\u0062"), 0},
        {FILTER_NAME, {0}, SLICE_INIT("AB"), 0},
        {FILTER_NAME, {0}, {0}, 0},
        {FILTER_TAGS, {0}, SLICE_INIT("y"), 1},
        {FILTER_TAGS, {0}, SLICE_INIT("z"), 0},
        {FILTER_PRODUCT, {0}, SLICE_INIT("UP"), 1},
        {FILTER_IDENTIFIER, SLICE_INIT("gs1:1"), SLICE_INIT("v\""), 1},
        {FILTER_IDENTIFIER, SLICE_INIT("gs1:1"), SLICE_INIT("v"), 0},
        {FILTER_IDENTIFIER, SLICE_INIT("n"), SLICE_INIT("1.50"), 1},
        {FILTER_IDENTIFIER, SLICE_INIT("n"), SLICE_INIT("1.5"), 0},
        {FILTER_IDENTIFIER, SLICE_INIT("t"), SLICE_INIT("true"), 1},
        {FILTER_IDENTIFIER, SLICE_INIT("o"), SLICE_INIT("{}"), 0},
        {FILTER_COLLECTIONS, {0}, SLICE_INIT("U"), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct filter_condition condition = {
            .field = rows[i].field, .key = rows[i].key, .values = &rows[i].value, .value_count = 1};
        assert_int_equal(count_where(&bench, condition), rows[i].count);
    }
    struct id found[2];
    uint32_t count;
    assert_ok(documents_by_identifier(bench.reader, ACCOUNT, RESOURCE_THNG, SLICE("gs1:1"),
                                      SLICE("v\""), found, 2, &count));
    assert_int_equal(count, 1);
    struct id id = id_of(1);
    assert_true(id_equal(&found[0], &id));
    assert_ok(documents_by_identifier(bench.reader, ACCOUNT + 1, RESOURCE_THNG, SLICE("gs1:1"),
                                      SLICE("v\""), found, 2, &count));
    assert_int_equal(count, 0);
    close_bench(&bench);
}

static void test_bad_documents_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    static const char *const bad[] = {"{\"createdAt\":5", "[]", "{}", "{\"createdAt\":\"5\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
        put_text(&bench, OPERATION_CREATED, 2, bad[i]);
        ASSERT_ERR(apply(&bench), CORRUPT);
        assert_non_null(strstr(documents_reason(bench.documents), "document"));
        /* All of the group is rolled back. */
        assert_int_equal(documents_position(bench.documents), 0);
        struct documents_query query = all_thngs();
        assert_int_equal(count_of(&bench, &query), 0);
    }
    close_bench(&bench);
}

static bool count_document(void *arg, const struct document *document)
{
    uint32_t *count = arg;
    assert_int_equal(document->account, ACCOUNT);
    ++*count;
    return true;
}

static void test_damage_is_found(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    put_text(&bench, OPERATION_CREATED, 2, "{\"createdAt\":2}");
    assert_ok(apply(&bench));
    tamper(&bench, "UPDATE resource SET document = replace(document, '2', '3')"
                   " WHERE created_ms = 2");
    struct document document;
    struct id sound = id_of(1);
    struct id damaged = id_of(2);
    assert_ok(documents_get(bench.reader, &sound, &document));
    ASSERT_ERR(documents_get(bench.reader, &damaged, &document), CORRUPT);
    /* A list that comes past it says so, rather than leave it out; one that ends before is fine. */
    struct documents_query query = all_thngs();
    uint32_t seen = 0;
    ASSERT_ERR(documents_list(bench.reader, &query, count_document, &seen), CORRUPT);
    query.ascending = true;
    query.limit = 1;
    assert_ok(documents_list(bench.reader, &query, count_document, &seen));
    assert_int_equal(seen, 1);
    tamper(&bench, "UPDATE resource SET document = replace(document, '3', '2'),"
                   " scopes = '{}' WHERE created_ms = 2");
    ASSERT_ERR(documents_get(bench.reader, &damaged, &document), CORRUPT);
    tamper(&bench, "UPDATE resource SET scopes = NULL WHERE created_ms = 2");
    assert_ok(documents_get(bench.reader, &damaged, &document));
    close_bench(&bench);
}

/* ---- properties, keys, accounts ---- */

static void assert_numbers(struct bench *bench, uint32_t wanted_property, uint32_t wanted_account)
{
    uint32_t property;
    uint32_t account;
    assert_ok(documents_numbers(bench->reader, &property, &account));
    assert_int_equal(property, wanted_property);
    assert_int_equal(account, wanted_account);
}

static void test_properties(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_point(&bench, 1, 7, "temp", POINT_NEW_PROPERTY);
    put_point(&bench, 1, 8, "", POINT_NEW_PROPERTY);
    put_point(&bench, 1, 7, "temp", 0);
    put_point(&bench, 2, 9, "temp", POINT_NEW_PROPERTY | POINT_CLIENT_STAMPED);
    assert_ok(apply(&bench));
    assert_properties(&bench, 1, "=8 temp=7 ");
    uint32_t number;
    struct id id = id_of(2);
    assert_ok(documents_property(bench.reader, &id, SLICE("temp"), &number));
    assert_int_equal(number, 9);
    ASSERT_ERR(documents_property(bench.reader, &id, SLICE("tem"), &number), NOT_FOUND);

    /* A cut of samples leaves the property; a retired one's number is not given out again. */
    put_cut(&bench, 1, 7, "temp", 0);
    put_cut(&bench, 2, 9, "temp", CUT_RETIRE);
    assert_ok(apply(&bench));
    assert_properties(&bench, 1, "=8 temp=7 ");
    assert_properties(&bench, 2, "");
    reopen(&bench);
    assert_numbers(&bench, 9, 0);
    put_point(&bench, 2, 10, "temp", POINT_NEW_PROPERTY);
    assert_ok(apply(&bench));
    assert_properties(&bench, 2, "temp=10 ");

    put_text(&bench, OPERATION_DELETED, 1, "");
    assert_ok(apply(&bench));
    assert_properties(&bench, 1, "");
    assert_properties(&bench, 2, "temp=10 ");
    assert_numbers(&bench, 10, 0);
    close_bench(&bench);
}

static void test_a_property_number_is_given_out_once(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_point(&bench, 1, 7, "temp", POINT_NEW_PROPERTY);
    assert_ok(apply(&bench));
    put_point(&bench, 1, 99, "other", POINT_NEW_PROPERTY);
    put_point(&bench, 2, 7, "temp", POINT_NEW_PROPERTY);
    ASSERT_ERR(apply(&bench), CORRUPT);
    assert_properties(&bench, 1, "temp=7 ");
    assert_numbers(&bench, 7, 0);
    /* What was rolled back does not come back with the next commit. */
    put_point(&bench, 2, 8, "temp", POINT_NEW_PROPERTY);
    assert_ok(apply(&bench));
    assert_numbers(&bench, 8, 0);
    close_bench(&bench);
}

static void test_keys(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct id actor = id_of(1);
    uint8_t hash[KEY_HASH_BYTES] = {1, 0, 2};
    uint8_t other[KEY_HASH_BYTES] = {1, 0, 3};
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    group_write_key(&bench.group, ACCOUNT, OPERATION_CREATED, KEY_DEVICE, &actor, hash,
                    slice_of("s\0t", 3));
    assert_ok(apply(&bench));
    struct key_row row;
    assert_ok(documents_key(bench.reader, hash, &row));
    assert_memory_equal(row.hash, hash, sizeof(hash));
    assert_int_equal(row.account, ACCOUNT);
    assert_int_equal(row.kind, KEY_DEVICE);
    assert_true(id_equal(&row.actor, &actor));
    assert_true(slice_equal(row.sealed, slice_of("s\0t", 3)));
    ASSERT_ERR(documents_key(bench.reader, other, &row), NOT_FOUND);
    assert_ok(documents_key_of(bench.reader, KEY_DEVICE, &actor, &row));
    ASSERT_ERR(documents_key_of(bench.reader, KEY_OPERATOR, &actor, &row), NOT_FOUND);

    /* A key goes by an event of its own. */
    put_text(&bench, OPERATION_DELETED, 1, "");
    assert_ok(apply(&bench));
    assert_ok(documents_key(bench.reader, hash, &row));
    group_write_key(&bench.group, ACCOUNT, OPERATION_DELETED, KEY_DEVICE, &actor, hash,
                    (struct slice){0});
    assert_ok(apply(&bench));
    ASSERT_ERR(documents_key(bench.reader, hash, &row), NOT_FOUND);
    close_bench(&bench);
}

static void test_accounts(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct id id = id_of(50);
    group_write_document(&bench.group, 3, OPERATION_CREATED, RESOURCE_ACCOUNT, &id,
                         SLICE("{\"createdAt\":1,\"name\":\"a\"}"), (struct slice){0});
    assert_ok(apply(&bench));
    struct id found;
    assert_ok(documents_account(bench.reader, 3, &found));
    assert_true(id_equal(&found, &id));
    ASSERT_ERR(documents_account(bench.reader, 2, &found), NOT_FOUND);
    assert_numbers(&bench, 0, 3);
    group_write_document(&bench.group, 3, OPERATION_DELETED, RESOURCE_ACCOUNT, &id,
                         (struct slice){0}, (struct slice){0});
    assert_ok(apply(&bench));
    ASSERT_ERR(documents_account(bench.reader, 3, &found), NOT_FOUND);
    assert_numbers(&bench, 0, 3);
    close_bench(&bench);
}

/* ---- readers ---- */

static void test_a_reader_sees_one_moment(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    assert_ok(apply(&bench));
    assert_ok(documents_reader_begin(bench.reader));
    put_text(&bench, OPERATION_CREATED, 2, "{\"createdAt\":2}");
    assert_ok(apply(&bench));
    uint64_t mark;
    struct documents_query query = all_thngs();
    struct document document;
    struct id second = id_of(2);
    assert_ok(documents_reader_mark(bench.reader, &mark));
    assert_int_equal(mark, 1);
    assert_int_equal(count_of(&bench, &query), 1);
    ASSERT_ERR(documents_get(bench.reader, &second, &document), NOT_FOUND);
    documents_reader_end(bench.reader);
    assert_ok(documents_reader_mark(bench.reader, &mark));
    assert_int_equal(mark, 2);
    assert_int_equal(count_of(&bench, &query), 2);
    assert_ok(documents_get(bench.reader, &second, &document));
    close_bench(&bench);
}

/* The reader is the last to close, and still leaves the WAL alone. */
static void test_a_reader_never_checkpoints(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_text(&bench, OPERATION_CREATED, 1, "{\"createdAt\":1}");
    assert_ok(apply(&bench));
    documents_close(bench.documents);
    documents_reader_close(bench.reader);
    char wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", bench.path);
    struct stat facts;
    assert_int_equal(stat(wal, &facts), 0);
    assert_true(facts.st_size > 0);
    assert_ok(documents_open(bench.path, &bench.documents));
    assert_ok(documents_reader_open(bench.path, &bench.reader));
    assert_int_equal(documents_applied(bench.documents), 1);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_members_are_decoded),
        cmocka_unit_test(test_bad_documents_are_refused),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_a_property_number_is_given_out_once),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_a_reader_sees_one_moment),
        cmocka_unit_test(test_a_reader_never_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
