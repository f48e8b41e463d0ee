/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows come of which events. What deletions leave to do is in sqlite_clean_test.c. */
#include "unit/store/writer_fixture.h"

#define A "U0000000000000000000000"
#define SCOPES_12 "{\"users\":[\"all\"],\"projects\":[\"" A "1\",\"" A "2\"]}"

/* ---- resources ---- */

static void test_parents(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_APPLICATION, 4,
                 "{\"createdAt\":1,\"project\":\"" A "1\",\"batch\":\"" A "2\"}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_TASK, 5,
                 "{\"createdAt\":1,\"project\":\"" A "1\",\"batch\":\"" A "2\"}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 6,
                 "{\"createdAt\":1,\"project\":\"" A "1\",\"batch\":\"" A "2\"}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT id, parent FROM resource ORDER BY id",
                A "4|" A "1\n" A "5|" A "2\n" A "6|-\n");
    close_bench(&bench);
}

static void test_an_update_keeps_the_creation(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_COLLECTION, 1, "{\"createdAt\":1}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_COLLECTION, 2, "{\"createdAt\":1}", "");
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_COLLECTION, 2, 0);
    PUT_MEMBERS(&bench, MEMBERS_CLEARED, MEMBERS_ALL, 2, RESOURCE_THNG, 9, 0);
    PUT_MEMBERS(&bench, MEMBERS_CLEARED, MEMBERS_ALL, 2, RESOURCE_COLLECTION, 9, 0);
    assert_ok(apply(&bench));
    put_document(&bench, OPERATION_UPDATED, RESOURCE_COLLECTION, 2,
                 "{\"createdAt\":1,\"name\":\"b\"}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench,
                "SELECT id, sequence, touched_ms, cleared_thngs, cleared_collections, name"
                " FROM resource ORDER BY id",
                A "1|1|0|0|0|-\n" A "2|2|1700000000000|4|5|b\n");
    /* One of that id that is made after a deletion is another one. */
    put_deletion(&bench, RESOURCE_COLLECTION, 2);
    put_document(&bench, OPERATION_CREATED, RESOURCE_COLLECTION, 2, "{\"createdAt\":2}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench,
                "SELECT sequence, touched_ms, cleared_thngs FROM resource WHERE id = '" A "2'",
                "8|0|0\n");
    close_bench(&bench);
}

static void test_scopes(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const char *all = "SELECT resource, viewer, account, kind, created_ms FROM scope"
                      " ORDER BY resource, viewer";
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 5, "{\"createdAt\":7}", SCOPES_12);
    put_document(&bench, OPERATION_CREATED, RESOURCE_PRODUCT, 6, "{\"createdAt\":8}",
                 "{\"users\":[\"" A "9\"],\"projects\":[\"all\",\"all\"]}");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PRODUCT, 7, "{\"createdAt\":9}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PRODUCT, 8, "{\"createdAt\":9}",
                 "{\"users\":[],\"projects\":[]}");
    assert_ok(apply(&bench));
    assert_rows(&bench, all,
                A "5|*" A "1|1|3|7\n" A "5|*" A "2|1|3|7\n" A "6|@" A "9|1|4|8\n" A
                  "6|all|1|4|8\n");
    put_document(&bench, OPERATION_UPDATED, RESOURCE_THNG, 5, "{\"createdAt\":7}",
                 "{\"users\":[\"all\"],\"projects\":[\"" A "3\"]}");
    put_document(&bench, OPERATION_UPDATED, RESOURCE_PRODUCT, 6, "{\"createdAt\":8}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench, all, A "5|*" A "3|1|3|7\n");
    put_deletion(&bench, RESOURCE_THNG, 5);
    assert_ok(apply(&bench));
    assert_rows(&bench, all, "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 9, "{\"createdAt\":7}", "{");
    ASSERT_ERR(apply(&bench), CORRUPT);
    close_bench(&bench);
}

/* ---- places ---- */

/* Each place has its box, which holds it, under the number of its resource. */
static void assert_boxes(struct bench *bench, int64_t count)
{
    assert_int_equal(ask(bench, "SELECT count(*) FROM place"), count);
    assert_int_equal(ask(bench, "SELECT count(*) FROM place_rtree"), count);
    assert_int_equal(ask(bench, "SELECT count(*) FROM place AS p"
                                " JOIN place_rtree AS b ON b.number = p.number"
                                " JOIN resource AS r ON r.number = p.number AND r.id = p.resource"
                                " WHERE p.latitude BETWEEN b.min_lat AND b.max_lat"
                                " AND p.longitude BETWEEN b.min_lon AND b.max_lon"),
                     count);
}

static void test_places(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    const char *all = "SELECT resource, latitude, longitude FROM place ORDER BY resource";
    put_document(&bench, OPERATION_CREATED, RESOURCE_THNG, 1,
                 "{\"createdAt\":1,\"latitude\":1,\"longitude\":2}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PLACE, 2,
                 "{\"createdAt\":1,\"latitude\":12.3456789,\"longitude\":-7e1}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PLACE, 3,
                 "{\"createdAt\":1,\"latitude\":90,\"longitude\":-180}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_PLACE, 4, "{\"createdAt\":1}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench, all, A "2|12.3456789|-70.0\n" A "3|90.0|-180.0\n");
    assert_boxes(&bench, 2);
    /* One moves, one gets a position, one loses it. */
    put_document(&bench, OPERATION_UPDATED, RESOURCE_PLACE, 2,
                 "{\"createdAt\":1,\"latitude\":-33.5,\"longitude\":151.25}", "");
    put_document(&bench, OPERATION_UPDATED, RESOURCE_PLACE, 3, "{\"createdAt\":1,\"latitude\":90}",
                 "");
    put_document(&bench, OPERATION_UPDATED, RESOURCE_PLACE, 4,
                 "{\"createdAt\":1,\"latitude\":0,\"longitude\":0}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench, all, A "2|-33.5|151.25\n" A "4|0.0|0.0\n");
    assert_boxes(&bench, 2);
    put_deletion(&bench, RESOURCE_PLACE, 2);
    put_deletion(&bench, RESOURCE_PLACE, 3);
    put_deletion(&bench, RESOURCE_PLACE, 4);
    assert_ok(apply(&bench));
    assert_boxes(&bench, 0);
    close_bench(&bench);
}

/* ---- actions ---- */

#define ACTION_TEXT                                                                          \
    "{\"id\":\"" A "1\",\"type\":\"_open\",\"timestamp\":-5,\"createdAt\":9,\"thng\":\"" A   \
    "2\",\"product\":\"" A "3\",\"user\":\"" A "4\",\"tags\":[\"x\",\"x\"],\"identifiers\":" \
    "{\"sn\":\"7\"}}"

static void test_actions(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_ACTION, 1, ACTION_TEXT, SCOPES_12);
    put_document(&bench, OPERATION_CREATED, RESOURCE_ACTION, 2,
                 "{\"type\":\"scans\",\"timestamp\":6,\"collection\":\"" A "5\"}", "");
    assert_ok(apply(&bench));
    assert_rows(&bench,
                "SELECT id, account, type, timestamp_ms, sequence, thng, product, collection, user,"
                " scopes FROM action ORDER BY id",
                A "1|1|_open|-5|1|" A "2|" A "3|-|" A "4|" SCOPES_12 "\n" A "2|1|scans|6|2|-|-|" A
                  "5|-|-\n");
    assert_rows(&bench, "SELECT document FROM action WHERE id = '" A "1'", ACTION_TEXT "\n");
    assert_rows(&bench, "SELECT resource, tag, account, kind, created_ms FROM tag",
                A "1|x|1|13|-5\n");
    assert_rows(&bench, "SELECT resource, key, value, account, kind, created_ms FROM identifier",
                A "1|sn|7|1|13|-5\n");
    assert_rows(&bench, "SELECT resource, viewer, account, kind, created_ms FROM scope",
                A "1|*" A "1|1|13|-5\n" A "1|*" A "2|1|13|-5\n");
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource"), 0);
    put_deletion(&bench, RESOURCE_ACTION, 1);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT id FROM action", A "2\n");
    assert_int_equal(ask(&bench, "SELECT (SELECT count(*) FROM tag) + (SELECT count(*) FROM"
                                 " identifier) + (SELECT count(*) FROM scope)"),
                     0);
    close_bench(&bench);
}

static void test_bad_actions_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    static const char *const texts[] = {
        "{\"type\":\"scans\"}",
        "{\"type\":\"scans\",\"timestamp\":\"6\"}",
        "{\"timestamp\":6}",
        "{\"timestamp\":6,\"type\":7}",
        "[]",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        put_document(&bench, OPERATION_CREATED, RESOURCE_ACTION, 1, texts[i], "");
        ASSERT_ERR(apply(&bench), CORRUPT);
    }
    assert_int_equal(ask(&bench, "SELECT count(*) FROM action"), 0);
    close_bench(&bench);
}

/* ---- members ---- */

static void open_collections(struct bench *bench)
{
    open_bench(bench);
    for (uint32_t i = 1; i <= 3; i++) {
        put_document(bench, OPERATION_CREATED, RESOURCE_COLLECTION, i, "{\"createdAt\":1}", "");
    }
    for (uint32_t i = 4; i <= 6; i++) {
        put_document(bench, OPERATION_CREATED, RESOURCE_THNG, i, "{\"createdAt\":2}", "");
    }
    assert_ok(apply(bench));
}

#define MEMBERS "SELECT resource, collection, kind, account, created_ms, sequence FROM member"

static void test_members(void **state)
{
    (void)state;
    struct bench bench;
    open_collections(&bench);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_THNG, 4, 5, 0);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 2, RESOURCE_THNG, 4, 0);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_COLLECTION, 3, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, MEMBERS,
                A "3|" A "1|5|1|1|9\n" A "4|" A "1|3|1|2|7\n" A "4|" A "2|3|1|2|8\n" A "5|" A
                  "1|3|1|2|7\n");
    assert_rows(&bench, "SELECT id FROM resource WHERE touched_ms = 1700000000000 ORDER BY id",
                A "3\n" A "4\n" A "5\n");
    /* What is no resource becomes no member. */
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_THNG, 99, 0);
    PUT_MEMBERS(&bench, MEMBERS_REMOVED, 0, 1, RESOURCE_THNG, 4, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, MEMBERS,
                A "3|" A "1|5|1|1|9\n" A "4|" A "2|3|1|2|8\n" A "5|" A "1|3|1|2|7\n");
    /* A member that is deleted is in no collection; nor is it in the deleted one's way. */
    put_deletion(&bench, RESOURCE_THNG, 4);
    put_deletion(&bench, RESOURCE_COLLECTION, 3);
    assert_ok(apply(&bench));
    assert_rows(&bench, MEMBERS, A "5|" A "1|3|1|2|7\n");
    /* Members of a deleted collection are there until an event lists them. */
    put_deletion(&bench, RESOURCE_COLLECTION, 1);
    assert_ok(apply(&bench));
    assert_rows(&bench, MEMBERS, A "5|" A "1|3|1|2|7\n");
    PUT_MEMBERS(&bench, MEMBERS_CLEARED, 0, 1, RESOURCE_THNG, 5, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, MEMBERS, "");
    close_bench(&bench);
}

static void test_clearing(void **state)
{
    (void)state;
    struct bench bench;
    open_collections(&bench);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_THNG, 4, 5, 6, 0);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_COLLECTION, 2, 0);
    PUT_MEMBERS(&bench, MEMBERS_CLEARED, MEMBERS_ALL, 1, RESOURCE_THNG, 4, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT resource, sequence FROM member", A "2|8\n" A "5|7\n" A "6|7\n");
    assert_rows(&bench,
                "SELECT cleared_thngs, cleared_collections FROM resource WHERE id = '" A "1'",
                "9|0\n");
    /* One comes back before it is listed, and is new. */
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_THNG, 5, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT resource, sequence FROM member", A "2|8\n" A "5|10\n" A "6|7\n");
    PUT_MEMBERS(&bench, MEMBERS_CLEARED, 0, 1, RESOURCE_THNG, 6, 0);
    PUT_MEMBERS(&bench, MEMBERS_CLEARED, MEMBERS_ALL, 1, RESOURCE_COLLECTION, 2, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT resource, sequence FROM member", A "5|10\n");
    assert_rows(&bench,
                "SELECT cleared_thngs, cleared_collections FROM resource WHERE id = '" A "1'",
                "9|12\n");
    close_bench(&bench);
}

/* A group's time may lie before that of an earlier one: clocks are set. */
static void test_touched_goes_forward(void **state)
{
    (void)state;
    struct bench bench;
    open_collections(&bench);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_THNG, 4, 0);
    assert_ok(apply(&bench));
    group_writer_start(&bench.group, documents_position(bench.documents) + 1, TIME_MS - 1);
    PUT_MEMBERS(&bench, MEMBERS_REMOVED, 0, 1, RESOURCE_THNG, 4, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT touched_ms FROM resource WHERE id = '" A "4'", "1700000000000\n");
    group_writer_start(&bench.group, documents_position(bench.documents) + 1, TIME_MS + 1);
    PUT_MEMBERS(&bench, MEMBERS_ADDED, 0, 1, RESOURCE_THNG, 4, 0);
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT touched_ms FROM resource WHERE id = '" A "4'", "1700000000001\n");
    close_bench(&bench);
}

/* ---- keys ---- */

static void test_keys_of_applications(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_key(&bench, OPERATION_CREATED, KEY_APPLICATION, 1, 'a');
    put_key(&bench, OPERATION_CREATED, KEY_TRUSTED, 1, 'b');
    put_key(&bench, OPERATION_CREATED, KEY_DEVICE, 2, 'c');
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT substr(hex(hash), 1, 2), kind, actor FROM key ORDER BY hash",
                "61|3|" A "1\n62|4|" A "1\n63|2|" A "2\n");
    put_key(&bench, OPERATION_DELETED, KEY_TRUSTED, 1, 'b');
    assert_ok(apply(&bench));
    assert_rows(&bench, "SELECT kind FROM key ORDER BY hash", "3\n2\n");
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_an_update_keeps_the_creation),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_bad_actions_are_refused),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_clearing),
        cmocka_unit_test(test_touched_goes_forward),
        cmocka_unit_test(test_keys_of_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
