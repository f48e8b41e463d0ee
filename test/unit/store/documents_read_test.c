/* SPDX-License-Identifier: Apache-2.0
 *
 * What readers see of resources that belong to others: applications and their keys go with their
 * project, actions with their type, members carry the time of their joining. */
#include "unit/store/documents_fixture.h"

#define PRODUCT_ID id_of(20)
#define PROJECT_ID id_of(30)
#define APPLICATION_ID id_of(31)
#define COLLECTION_ID id_of(40)
#define TYPE_ID id_of(50)

static void put(struct bench *bench, enum event_operation operation, enum resource_kind kind,
                struct id id, const char *text)
{
    group_write_document(&bench->group, ACCOUNT, operation, kind, &id, slice_of_text(text),
                         (struct slice){0});
}

static void assert_get(struct bench *bench, struct id id, const char *error)
{
    struct document document;
    assert_string_equal(err_name(documents_get(bench->reader, &id, &document)), error);
}

static void assert_exists(struct bench *bench, enum resource_kind kind, struct id id, bool wanted)
{
    bool exists;
    assert_ok(documents_exists(bench->reader, kind, &id, &exists));
    assert_int_equal(exists, wanted);
}

/* Works off what deletions have left. */
static void clean(struct bench *bench)
{
    bool is_done;
    do {
        assert_ok(documents_begin(bench->documents));
        assert_ok(documents_clean(bench->documents, 10, &is_done));
        assert_ok(documents_commit(bench->documents));
    } while (!is_done);
}

/* ---- documents ---- */

static void test_actions(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const char *text = "{\"timestamp\":77,\"createdAt\":5,\"type\":\"scans\"}";
    struct id id = id_of(1);
    uint64_t sequence =
        group_write_document(&bench.group, ACCOUNT, OPERATION_CREATED, RESOURCE_ACTION, &id,
                             slice_of_text(text), SLICE("{\"users\":[],\"projects\":[\"all\"]}"));
    assert_ok(apply(&bench));
    struct document document;
    assert_ok(documents_get(bench.reader, &id, &document));
    assert_true(id_equal(&document.id, &id));
    assert_int_equal(document.account, ACCOUNT);
    assert_int_equal(document.kind, RESOURCE_ACTION);
    assert_int_equal(document.created_ms, 77);
    assert_int_equal(document.touched_ms, 0);
    assert_int_equal(document.sequence, sequence);
    assert_false(id_is_set(&document.parent));
    assert_true(slice_equal(document.text, slice_of_text(text)));
    assert_true(slice_equal(document.scopes, SLICE("{\"users\":[],\"projects\":[\"all\"]}")));
    put(&bench, OPERATION_DELETED, RESOURCE_ACTION, id, "");
    assert_ok(apply(&bench));
    assert_get(&bench, id, "NOT_FOUND");
    close_bench(&bench);
}

static void test_damage_of_an_action_is_found(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put(&bench, OPERATION_CREATED, RESOURCE_ACTION, id_of(1),
        "{\"timestamp\":77,\"createdAt\":5,\"type\":\"scans\"}");
    assert_ok(apply(&bench));
    tamper(&bench, "UPDATE action SET document = replace(document, '5', '6')");
    assert_get(&bench, id_of(1), "CORRUPT");
    tamper(&bench, "UPDATE action SET document = replace(document, '6', '5')");
    assert_get(&bench, id_of(1), "OK");
    close_bench(&bench);
}

static void put_action(struct bench *bench, uint32_t number, const char *type)
{
    char text[96];
    snprintf(text, sizeof(text), "{\"timestamp\":1,\"createdAt\":1,\"type\":\"%s\"}", type);
    put(bench, OPERATION_CREATED, RESOURCE_ACTION, id_of(number), text);
}

/* Before and after the rows have been cleaned away it looks the same. */
static void test_actions_go_with_their_type(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const char *type = "{\"createdAt\":1,\"name\":\"_a\"}";
    put(&bench, OPERATION_CREATED, RESOURCE_ACTION_TYPE, TYPE_ID, type);
    put_action(&bench, 1, "_a");
    put_action(&bench, 2, "scans");
    assert_ok(apply(&bench));
    assert_get(&bench, id_of(1), "OK");
    put(&bench, OPERATION_DELETED, RESOURCE_ACTION_TYPE, TYPE_ID, "");
    assert_ok(apply(&bench));
    assert_get(&bench, id_of(1), "NOT_FOUND");
    assert_get(&bench, id_of(2), "OK");
    /* A type of that name is made again: its actions are others. */
    put(&bench, OPERATION_CREATED, RESOURCE_ACTION_TYPE, TYPE_ID, type);
    put_action(&bench, 3, "_a");
    assert_ok(apply(&bench));
    for (unsigned round = 0; round < 2; round++) {
        assert_get(&bench, id_of(1), "NOT_FOUND");
        assert_get(&bench, id_of(2), "OK");
        assert_get(&bench, id_of(3), "OK");
        clean(&bench);
    }
    /* Changing the type does not make it another. */
    put(&bench, OPERATION_UPDATED, RESOURCE_ACTION_TYPE, TYPE_ID, type);
    put(&bench, OPERATION_CREATED, RESOURCE_PRODUCT, PRODUCT_ID, "{\"createdAt\":1}");
    put(&bench, OPERATION_DELETED, RESOURCE_PRODUCT, PRODUCT_ID, "");
    assert_ok(apply(&bench));
    bool has_cascades;
    assert_ok(documents_has_cascades(bench.reader, &has_cascades));
    assert_true(has_cascades);
    assert_get(&bench, id_of(3), "OK");
    close_bench(&bench);
}

static void test_membership_touches(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    struct id thng = id_of(1);
    struct id collection = COLLECTION_ID;
    put(&bench, OPERATION_CREATED, RESOURCE_THNG, thng, "{\"createdAt\":5}");
    put(&bench, OPERATION_CREATED, RESOURCE_COLLECTION, collection, "{\"createdAt\":5}");
    assert_ok(apply(&bench));
    struct document before;
    assert_ok(documents_get(bench.reader, &thng, &before));
    assert_int_equal(before.touched_ms, 0);
    group_write_members(&bench.group, ACCOUNT, MEMBERS_ADDED, 0, &collection, (struct slice){0},
                        RESOURCE_THNG, &thng, 1);
    put(&bench, OPERATION_UPDATED, RESOURCE_THNG, thng, "{\"createdAt\":5,\"name\":\"x\"}");
    assert_ok(apply(&bench));
    struct document after;
    assert_ok(documents_get(bench.reader, &thng, &after));
    assert_int_equal(after.touched_ms, TIME_MS);
    assert_int_equal(after.sequence, before.sequence); /* of the event that made it */
    assert_ok(documents_get(bench.reader, &collection, &after));
    assert_int_equal(after.touched_ms, 0);
    close_bench(&bench);
}

/* ---- projects ---- */

static void put_application(struct bench *bench)
{
    struct id application = APPLICATION_ID;
    struct id project = PROJECT_ID;
    char text[96];
    snprintf(text, sizeof(text), "{\"createdAt\":2,\"project\":\"%.24s\"}", project.text);
    put(bench, OPERATION_CREATED, RESOURCE_PROJECT, project, "{\"createdAt\":1}");
    put(bench, OPERATION_CREATED, RESOURCE_APPLICATION, application, text);
    for (uint8_t kind = KEY_APPLICATION; kind <= KEY_TRUSTED; kind++) {
        const uint8_t hash[KEY_HASH_BYTES] = {kind};
        group_write_key(&bench->group, ACCOUNT, OPERATION_CREATED, (enum key_kind)kind,
                        &application, hash, SLICE("sealed"));
    }
    assert_ok(apply(bench));
}

static void assert_keys(struct bench *bench, const char *error)
{
    struct id application = APPLICATION_ID;
    struct id project = PROJECT_ID;
    for (uint8_t kind = KEY_APPLICATION; kind <= KEY_TRUSTED; kind++) {
        const uint8_t hash[KEY_HASH_BYTES] = {kind};
        struct key_row rows[2];
        struct err err = documents_key(bench->reader, hash, &rows[0]);
        assert_string_equal(err_name(err), error);
        err = documents_key_of(bench->reader, (enum key_kind)kind, &application, &rows[1]);
        assert_string_equal(err_name(err), error);
        for (size_t i = 0; !err_is_set(err) && i < ARRAY_LEN(rows); i++) {
            assert_int_equal(rows[i].kind, kind);
            assert_true(id_equal(&rows[i].actor, &application));
            assert_true(id_equal(&rows[i].project, &project));
        }
    }
}

static void test_an_application(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_application(&bench);
    struct id id = APPLICATION_ID;
    struct id project = PROJECT_ID;
    struct document document;
    assert_ok(documents_get(bench.reader, &id, &document));
    assert_true(id_equal(&document.parent, &project));
    assert_keys(&bench, "OK");
    assert_exists(&bench, RESOURCE_APPLICATION, id, true);
    assert_exists(&bench, RESOURCE_PROJECT, id, false);
    assert_exists(&bench, RESOURCE_PROJECT, project, true);
    close_bench(&bench);
}

static void test_an_application_goes_with_its_project(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_application(&bench);
    struct documents_query query = {.account = ACCOUNT, .kind = RESOURCE_APPLICATION, .limit = 9};
    assert_int_equal(count_of(&bench, &query), 1);
    put(&bench, OPERATION_DELETED, RESOURCE_PROJECT, PROJECT_ID, "");
    assert_ok(apply(&bench));
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind = 8"), 1);
    for (unsigned round = 0; round < 2; round++) {
        assert_get(&bench, APPLICATION_ID, "NOT_FOUND");
        assert_exists(&bench, RESOURCE_APPLICATION, APPLICATION_ID, false);
        assert_keys(&bench, "NOT_FOUND");
        assert_int_equal(count_of(&bench, &query), 0);
        clean(&bench);
    }
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_damage_of_an_action_is_found),
        cmocka_unit_test(test_actions_go_with_their_type),
        cmocka_unit_test(test_membership_touches),
        cmocka_unit_test(test_an_application),
        cmocka_unit_test(test_an_application_goes_with_its_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
