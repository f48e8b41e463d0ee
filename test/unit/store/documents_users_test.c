/* SPDX-License-Identifier: Apache-2.0
 *
 * Users, their keys, names and shares go with their application, and that with its project: for
 * readers at once, as rows by and by. Roles in use, and administrators. */
#include "unit/store/writer_fixture.h"

/* Ids by number: two projects, each with an application. */
#define PROJECT 1
#define OTHER_PROJECT 2
#define APPLICATION 3 /* in the first, as all below */
#define OTHER_APPLICATION 4
#define ANNA 5
#define BERT 6
#define EMIL 7 /* of the other application */
#define NAME_OF_ANNA 8
#define NAME_OF_A_ROLE 9
#define SHARE_FOR_ANNA 10 /* of Bert */
#define SHARE_FOR_BERT 11 /* of Anna */
#define THNG 12

#define ID(number) "U0000000000000000000" #number
static_assert(sizeof(ID(0005)) == ID_BYTES + 1, "an id with four digits at its end");

static void put_user(struct bench *bench, uint32_t number, const char *members, uint8_t key)
{
    char text[256];
    char scopes[128];
    struct id id = id_of(number);
    snprintf(text, sizeof(text), "{\"createdAt\":%u,%s}", number, members);
    snprintf(scopes, sizeof(scopes), "{\"users\":[\"%.24s\"],\"projects\":[\"" ID(0001) "\"]}",
             id.text);
    put_document(bench, OPERATION_CREATED, RESOURCE_USER, number, text, scopes);
    put_key(bench, OPERATION_CREATED, KEY_USER, number, key);
}

static void put_all(struct bench *bench)
{
    put_document(bench, OPERATION_CREATED, RESOURCE_PROJECT, PROJECT, "{\"createdAt\":1}", "");
    put_document(bench, OPERATION_CREATED, RESOURCE_PROJECT, OTHER_PROJECT, "{\"createdAt\":2}",
                 "");
    put_document(bench, OPERATION_CREATED, RESOURCE_APPLICATION, APPLICATION,
                 "{\"createdAt\":3,\"project\":\"" ID(0001) "\",\"defaultRole\":\"" ID(0101) "\"}",
                 "");
    put_key(bench, OPERATION_CREATED, KEY_APPLICATION, APPLICATION, 'a');
    put_document(bench, OPERATION_CREATED, RESOURCE_APPLICATION, OTHER_APPLICATION,
                 "{\"createdAt\":4,\"project\":\"" ID(0002) "\"}", "");
    put_user(bench, ANNA,
             "\"app\":\"" ID(0003) "\",\"email\":\"a\\u006ena@x\",\"role\":\"base_app_user\","
                                   "\"name\":\"no\"",
             'u');
    put_user(bench, BERT, "\"app\":\"" ID(0003) "\",\"email\":\"bert@x\",\"role\":\"" ID(0102) "\"",
             'v');
    put_user(bench, EMIL, "\"app\":\"" ID(0004) "\",\"email\":\"emil@x\",\"role\":\"none\"", 'w');
    put_document(bench, OPERATION_CREATED, RESOURCE_NAME, NAME_OF_ANNA,
                 "{\"createdAt\":5,\"owner\":\"" ID(0005) "\",\"app\":\"" ID(0003) "\"}", "");
    put_document(bench, OPERATION_CREATED, RESOURCE_NAME, NAME_OF_A_ROLE,
                 "{\"createdAt\":5,\"owner\":\"" ID(0101) "\"}", "");
    put_document(bench, OPERATION_CREATED, RESOURCE_SHARE, SHARE_FOR_ANNA,
                 "{\"createdAt\":6,\"user\":\"" ID(0005) "\"}",
                 "{\"users\":[\"" ID(0006) "\"],\"projects\":[\"" ID(0001) "\"]}");
    put_document(bench, OPERATION_CREATED, RESOURCE_SHARE, SHARE_FOR_BERT,
                 "{\"createdAt\":7,\"user\":\"" ID(0006) "\"}",
                 "{\"users\":[\"" ID(0005) "\"],\"projects\":[\"" ID(0001) "\"]}");
    put_document(bench, OPERATION_CREATED, RESOURCE_THNG, THNG, "{\"createdAt\":8}",
                 "{\"users\":[\"" ID(0005) "\"],\"projects\":[\"" ID(0001) "\"]}");
    assert_ok(apply(bench));
}

/* ---- what is there ---- */

static bool is_there(struct bench *bench, enum resource_kind kind, uint32_t number)
{
    struct document document;
    struct id id = id_of(number);
    bool exists;
    struct err err = documents_get(bench->reader, &id, &document);
    assert_true(!err_is_set(err) || err.code == ERR_NOT_FOUND);
    assert_ok(documents_exists(bench->reader, kind, &id, &exists));
    assert_int_equal(exists, !err_is_set(err));
    return exists;
}

static bool has_key(struct bench *bench, enum key_kind kind, uint32_t actor, uint8_t hash_byte)
{
    uint8_t hash[KEY_HASH_BYTES];
    memset(hash, hash_byte, sizeof(hash));
    struct key_row row;
    struct key_row row_of;
    struct id id = id_of(actor);
    struct err err = documents_key(bench->reader, hash, &row);
    struct err err_of = documents_key_of(bench->reader, kind, &id, &row_of);
    assert_int_equal(err.code, err_of.code);
    assert_true(!err_is_set(err) || err.code == ERR_NOT_FOUND);
    return !err_is_set(err);
}

static uint64_t count_of_kind(struct bench *bench, enum resource_kind kind)
{
    return count_of(bench, &(struct documents_query){.account = ACCOUNT, .kind = kind});
}

/* Which of all that can go is there for readers, a digit each. */
static void assert_there(struct bench *bench, const char *wanted)
{
    const bool there[] = {
        is_there(bench, RESOURCE_APPLICATION, APPLICATION),
        has_key(bench, KEY_APPLICATION, APPLICATION, 'a'),
        is_there(bench, RESOURCE_USER, ANNA),
        has_key(bench, KEY_USER, ANNA, 'u'),
        is_there(bench, RESOURCE_USER, BERT),
        has_key(bench, KEY_USER, BERT, 'v'),
        is_there(bench, RESOURCE_USER, EMIL),
        has_key(bench, KEY_USER, EMIL, 'w'),
        is_there(bench, RESOURCE_NAME, NAME_OF_ANNA),
        is_there(bench, RESOURCE_NAME, NAME_OF_A_ROLE),
        is_there(bench, RESOURCE_SHARE, SHARE_FOR_ANNA),
        is_there(bench, RESOURCE_SHARE, SHARE_FOR_BERT),
    };
    char text[ARRAY_LEN(there) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(there); i++) {
        text[i] = there[i] ? '1' : '0';
    }
    assert_string_equal(text, wanted);
    /* Lists and counts agree. */
    assert_int_equal(count_of_kind(bench, RESOURCE_USER), there[2] + there[4] + there[6]);
    assert_int_equal(count_of_kind(bench, RESOURCE_NAME), there[8] + there[9]);
    assert_int_equal(count_of_kind(bench, RESOURCE_SHARE), there[10] + there[11]);
}

/* Before, while and after what deletions have left is done. */
static void assert_stays(struct bench *bench, const char *wanted)
{
    bool is_done = false;
    do {
        assert_there(bench, wanted);
        assert_ok(documents_begin(bench->documents));
        assert_ok(documents_clean(bench->documents, 1, &is_done));
        assert_ok(documents_commit(bench->documents));
    } while (!is_done);
    assert_there(bench, wanted);
}

/* ---- columns ---- */

static void test_a_user(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_all(&bench);
    assert_there(&bench, "111111111111");
    assert_rows(&bench, "SELECT name, parent, role FROM resource WHERE kind = 14 ORDER BY id",
                "anna@x|" ID(0003) "|base_app_user\nbert@x|" ID(0003) "|" ID(0102) "\nemil@x|" ID(
                    0004) "|none\n");
    assert_rows(&bench, "SELECT parent, role FROM resource WHERE kind = 8 ORDER BY id",
                ID(0001) "|" ID(0101) "\n" ID(0002) "|-\n");
    assert_rows(&bench, "SELECT parent FROM resource WHERE kind IN (18, 19) ORDER BY id",
                ID(0003) "\n-\n" ID(0005) "\n" ID(0006) "\n");
    struct id id = id_of(BERT);
    struct id application = id_of(APPLICATION);
    struct id project = id_of(PROJECT);
    struct document document;
    assert_ok(documents_get(bench.reader, &id, &document));
    assert_true(id_equal(&document.parent, &application));
    struct key_row row;
    assert_ok(documents_key_of(bench.reader, KEY_USER, &id, &row));
    assert_int_equal(row.kind, KEY_USER);
    assert_true(id_equal(&row.actor, &id));
    assert_true(id_equal(&row.application, &application));
    assert_true(id_equal(&row.project, &project));
    assert_ok(documents_key_of(bench.reader, KEY_APPLICATION, &application, &row));
    assert_false(id_is_set(&row.application));
    assert_true(id_equal(&row.project, &project));
    close_bench(&bench);
}

/* A key of a kind that hangs on nothing. */
static void test_an_access_token(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_key(&bench, OPERATION_CREATED, KEY_ACCESS_TOKEN, 77, 't');
    assert_ok(apply(&bench));
    assert_true(has_key(&bench, KEY_ACCESS_TOKEN, 77, 't'));
    put_key(&bench, OPERATION_DELETED, KEY_ACCESS_TOKEN, 77, 't');
    assert_ok(apply(&bench));
    assert_false(has_key(&bench, KEY_ACCESS_TOKEN, 77, 't'));
    close_bench(&bench);
}

/* ---- deletions ---- */

static void test_a_project_goes(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_all(&bench);
    put_deletion(&bench, RESOURCE_PROJECT, PROJECT);
    assert_ok(apply(&bench));
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind = 14"), 3);
    assert_stays(&bench, "000000110100");
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind IN (14, 18, 19)"), 2);
    assert_rows(&bench, "SELECT actor FROM key", ID(0007) "\n");
    assert_rows(&bench, "SELECT viewer FROM scope ORDER BY viewer",
                "@" ID(0005) "\n@" ID(0007) "\n");
    close_bench(&bench);
}

static void test_an_application_goes(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_all(&bench);
    put_key(&bench, OPERATION_DELETED, KEY_APPLICATION, APPLICATION, 'a');
    put_deletion(&bench, RESOURCE_APPLICATION, APPLICATION);
    assert_ok(apply(&bench));
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind = 14"), 3);
    assert_stays(&bench, "000000110100");
    assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind IN (14, 18, 19)"), 2);
    assert_rows(&bench, "SELECT actor FROM key", ID(0007) "\n");
    close_bench(&bench);
}

/* What it shares, and what is shared with it; what it made stays. */
static void test_a_user_goes(void **state)
{
    (void)state;
    for (uint32_t user = ANNA; user <= BERT; user++) {
        struct bench bench;
        open_bench(&bench);
        put_all(&bench);
        put_deletion(&bench, RESOURCE_USER, user);
        put_key(&bench, OPERATION_DELETED, KEY_USER, user, user == ANNA ? 'u' : 'v');
        assert_ok(apply(&bench));
        assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind = 18"), 2);
        assert_stays(&bench, user == ANNA ? "110011111100" : "111100111100");
        assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind = 18"), 0);
        assert_int_equal(ask(&bench, "SELECT count(*) FROM resource WHERE kind = 3"), 1);
        close_bench(&bench);
    }
}

/* A share with a third one stays. */
static void test_other_shares_stay(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_all(&bench);
    put_deletion(&bench, RESOURCE_USER, EMIL);
    put_key(&bench, OPERATION_DELETED, KEY_USER, EMIL, 'w');
    assert_ok(apply(&bench));
    assert_stays(&bench, "111111001111");
    close_bench(&bench);
}

/* ---- lists ---- */

static bool see_id(void *arg, const struct document *document)
{
    char *text = arg;
    size_t bytes = strlen(text);
    snprintf(text + bytes, 64 - bytes, "%.2s ", document->id.text + ID_BYTES - 2);
    return true;
}

static void assert_list(struct bench *bench, const struct documents_query *query,
                        const char *wanted)
{
    char text[64] = "";
    assert_ok(documents_list(bench->reader, query, see_id, text));
    assert_string_equal(text, wanted);
    assert_int_equal(count_of(bench, query), strlen(wanted) / 3);
}

static void test_lists(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_all(&bench);
    struct slice value = SLICE(ID(0003));
    struct filter_condition condition = {
        .field = FILTER_PARENT, .values = &value, .value_count = 1};
    struct documents_query query = {.account = ACCOUNT,
                                    .kind = RESOURCE_USER,
                                    .limit = 9,
                                    .ascending = true,
                                    .conditions = &condition,
                                    .condition_count = 1};
    assert_list(&bench, &query, "05 06 ");
    query.kind = RESOURCE_SHARE;
    value = SLICE(ID(0005));
    assert_list(&bench, &query, "10 ");
    query.kind = RESOURCE_USER;
    condition.field = FILTER_NAME;
    value = SLICE("anna@x");
    assert_list(&bench, &query, "05 ");
    query.condition_count = 0;
    assert_list(&bench, &query, "05 06 07 ");
    /* A user sees itself, and what it shares. */
    const struct id project = id_of(PROJECT);
    const struct id anna = id_of(ANNA);
    query.project = &project;
    query.viewers = &anna;
    query.viewer_count = 1;
    assert_list(&bench, &query, "05 ");
    query.kind = RESOURCE_SHARE;
    assert_list(&bench, &query, "11 ");
    query.kind = RESOURCE_THNG;
    assert_list(&bench, &query, "12 ");
    /* An operator of that project, too. */
    query.kind = RESOURCE_USER;
    query.viewer_count = 0;
    assert_list(&bench, &query, "05 06 07 ");
    query.project = NULL;
    query.reach = &project;
    query.reach_count = 1;
    assert_list(&bench, &query, "05 06 07 ");
    close_bench(&bench);
}

/* ---- roles ---- */

static void test_roles_by_type(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_ROLE, 1,
                 "{\"createdAt\":1,\"type\":\"userInApp\"}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_ROLE, 2,
                 "{\"createdAt\":2,\"type\":\"operator\"}", "");
    assert_ok(apply(&bench));
    struct slice value = SLICE("userInApp");
    struct filter_condition condition = {.field = FILTER_TYPE, .values = &value, .value_count = 1};
    const struct documents_query query = {.account = ACCOUNT,
                                          .kind = RESOURCE_ROLE,
                                          .limit = 9,
                                          .conditions = &condition,
                                          .condition_count = 1};
    assert_list(&bench, &query, "01 ");
    value = SLICE("operator");
    assert_list(&bench, &query, "02 ");
    close_bench(&bench);
}

static bool is_used(struct bench *bench, uint32_t account, uint32_t role)
{
    bool used;
    struct id id = id_of(role);
    assert_ok(documents_role_is_used(bench->reader, account, &id, &used));
    return used;
}

static void test_roles_in_use(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put_all(&bench);
    put_document(&bench, OPERATION_CREATED, RESOURCE_OPERATOR, 50,
                 "{\"createdAt\":1,\"role\":\"" ID(0103) "\"}", "");
    put_document(&bench, OPERATION_CREATED, RESOURCE_SHARE, 51,
                 "{\"createdAt\":1,\"role\":\"" ID(0103) "\"}", "");
    assert_ok(apply(&bench));
    assert_true(is_used(&bench, ACCOUNT, 101));  /* by an application */
    assert_true(is_used(&bench, ACCOUNT, 102));  /* by a user */
    assert_false(is_used(&bench, ACCOUNT, 103)); /* an operator's does not count, nor a share's */
    assert_false(is_used(&bench, ACCOUNT, 104));
    assert_false(is_used(&bench, ACCOUNT + 1, 102));
    put_document(&bench, OPERATION_UPDATED, RESOURCE_USER, BERT,
                 "{\"createdAt\":6,\"app\":\"" ID(0003) "\",\"role\":\"none\"}", "");
    assert_ok(apply(&bench));
    assert_false(is_used(&bench, ACCOUNT, 102));
    put_user(&bench, 60, "\"app\":\"" ID(0003) "\",\"role\":\"" ID(0102) "\"", 'x');
    put_deletion(&bench, RESOURCE_PROJECT, PROJECT);
    assert_ok(apply(&bench));
    for (unsigned round = 0; round < 2; round++) { /* of what has gone with its project */
        assert_false(is_used(&bench, ACCOUNT, 101));
        assert_false(is_used(&bench, ACCOUNT, 102));
        clean_all(&bench, 5);
    }
    close_bench(&bench);
}

static bool has_other(struct bench *bench, uint32_t account, uint32_t operator_number)
{
    bool other;
    struct id id = id_of(operator_number);
    assert_ok(documents_other_administrator(bench->reader, account, &id, &other));
    return other;
}

static void test_other_administrators(void **state)
{
    (void)state;
    static const struct {
        const char *members; /* of the other operator */
        bool is_administrator;
    } rows[] = {
        {"\"a\":1", true},
        {"\"role\":\"admin\"", true},
        {"\"role\":\"admin\",\"policies\":[\"" ID(0009) "\"]", true},
        {"\"policies\":[]", false},
        {"\"policies\":[\"" ID(0009) "\"]", false},
        {"\"role\":\"none\"", false},
        {"\"role\":\"" ID(0009) "\"", false},
        {"\"role\":\"none\",\"policies\":[]", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench bench;
        char text[128];
        open_bench(&bench);
        put_document(&bench, OPERATION_CREATED, RESOURCE_OPERATOR, 1, "{\"createdAt\":1}", "");
        put_document(&bench, OPERATION_CREATED, RESOURCE_USER, 3,
                     "{\"createdAt\":1,\"role\":\"admin\"}", "");
        assert_ok(apply(&bench));
        assert_false(has_other(&bench, ACCOUNT, 1));
        assert_true(has_other(&bench, ACCOUNT, 2));
        snprintf(text, sizeof(text), "{\"createdAt\":1,%s}", rows[i].members);
        put_document(&bench, OPERATION_CREATED, RESOURCE_OPERATOR, 2, text, "");
        assert_ok(apply(&bench));
        assert_int_equal(has_other(&bench, ACCOUNT, 1), rows[i].is_administrator);
        assert_false(has_other(&bench, ACCOUNT + 1, 1));
        /* One whose document is damaged is not counted on. */
        tamper(&bench, "UPDATE resource SET document = '{', role = NULL WHERE id LIKE '%2'");
        assert_false(has_other(&bench, ACCOUNT, 1));
        put_deletion(&bench, RESOURCE_OPERATOR, 2);
        assert_ok(apply(&bench));
        assert_false(has_other(&bench, ACCOUNT, 1));
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user),         cmocka_unit_test(test_an_access_token),
        cmocka_unit_test(test_a_project_goes), cmocka_unit_test(test_an_application_goes),
        cmocka_unit_test(test_a_user_goes),    cmocka_unit_test(test_other_shares_stay),
        cmocka_unit_test(test_lists),          cmocka_unit_test(test_roles_by_type),
        cmocka_unit_test(test_roles_in_use),   cmocka_unit_test(test_other_administrators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
