/* SPDX-License-Identifier: Apache-2.0
 *
 * Permissions of access policies: what each word gives, row by row, and what is none. */
#include "model/role.h"
#include "unit/model/grant_fixture.h"

static const char *const words[] = {"create", "list", "read", "update", "delete"};

/* What the five words, each alone, give on each row. "" where they give nothing. */
static const struct {
    const char *resource;
    enum perm_subject subject;
    const char *given[5]; /* create, list, read, update, delete */
} rows[] = {
    {"accounts", PERM_ACCOUNTS, {"", "l", "r", "u", ""}},
    {"accessPolicies", PERM_ACCESS_POLICIES, {"c", "l", "r", "u", "x"}},
    {"accessTokens", PERM_ACCESS_TOKENS, {"c", "l", "r", "u", "x"}},
    {"operatorAccess", PERM_ACCOUNT_ACCESSES, {"c", "", "", "rlu", "x"}}, /* shows keys */
    {"actions", PERM_ACTION_TYPES, {"c", "l", "", "u", "x"}},
    {"actions", PERM_ACTIONS, {"c", "l", "r", "", "x"}},
    {"actions", PERM_SCANS, {"c", "l", "r", "", "x"}},
    {"actions", PERM_THNG_ACTIONS, {"c", "l", "r", "", ""}},
    {"actions", PERM_PRODUCT_ACTIONS, {"c", "l", "r", "", ""}},
    {"actions", PERM_COLLECTION_ACTIONS, {"c", "l", "r", "", ""}},
    {"places", PERM_PLACES, {"c", "l", "r", "u", "x"}},
    {"products", PERM_PRODUCTS, {"c", "l", "r", "u", "x"}},
    {"products", PERM_PRODUCTS_BULK, {"", "", "", "u", "x"}},
    {"products", PERM_PRODUCT_PROPERTIES, {"", "", "r", "cux", ""}},
    {"thngs", PERM_THNGS, {"c", "l", "", "u", "x"}}, /* ux: bulk */
    {"thngs", PERM_THNG, {"", "", "r", "u", "x"}},
    {"thngs", PERM_PROPERTIES, {"", "", "r", "cux", ""}},
    {"thngs", PERM_LOCATION, {"", "", "r", "ux", ""}},
    {"thngs", PERM_COMMISSIONING, {"", "", "r", "c", ""}},
    {"thngs", PERM_DEVICE_KEYS, {"", "", "", "crx", ""}},
    {"collections", PERM_COLLECTIONS, {"c", "l", "r", "u", "x"}},
    {"collections", PERM_MEMBERS, {"", "", "l", "ux", ""}},
    {"collections", PERM_MEMBERS_ALL, {"", "", "", "x", ""}},
    {"collections", PERM_CHILDREN, {"", "", "l", "cx", ""}},
    {"projects", PERM_PROJECTS, {"c", "l", "r", "u", "x"}},
    {"applications", PERM_APPLICATIONS, {"c", "l", "r", "u", "x"}},
    {"applications", PERM_APPLICATION_KEYS, {"", "", "", "rx", ""}},
    {"files", PERM_FILES, {"c", "l", "r", "u", "x"}},
    {"batches", PERM_BATCHES, {"c", "l", "r", "u", "x"}},
    {"roles", PERM_ROLES, {"c", "l", "r", "u", "x"}},
    {"roles", PERM_ROLE_PERMISSIONS, {"", "", "r", "u", ""}},
    {"users", PERM_USERS, {"", "l", "r", "u", "x"}},
    {"users", PERM_USER_STATUS, {"", "", "", "r", ""}},
};

/* All that is written above for that word of that resource. */
static struct perm_rights wanted_of(const char *resource, size_t word)
{
    struct perm_rights wanted = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].resource, resource) == 0) {
            wanted.operations[rows[i].subject] = operations_of(rows[i].given[word]);
        }
    }
    return wanted;
}

static void each_word_gives_its_rights(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < ARRAY_LEN(words); k++) {
            char permission[60];
            struct perm_rights rights = {{0}};
            snprintf(permission, sizeof(permission), "%s:%s", rows[i].resource, words[k]);
            assert_int_equal(policy_add(slice_of_text(permission), &rights).code, ERR_OK);
            struct perm_rights wanted = wanted_of(rows[i].resource, k);
            assert_rights(&rights, &wanted, permission);
        }
    }
}

/* A row that a token may at all can be given to it. */
static void every_row_of_tokens_is_in_a_policy(void **state)
{
    (void)state;
    const struct perm_rights column = perm_column(ACTOR_ACCESS_TOKEN);
    const struct perm_rights open = perm_open(ACTOR_ACCESS_TOKEN);
    struct perm_rights wanted = column;
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        wanted.operations[i] &= (uint8_t)~open.operations[i];
    }
    struct perm_rights rights = policy_rights(policy_admin_permissions());
    assert_rights(&rights, &wanted, "evt:accountAdmin");
}

static void words_add_up(void **state)
{
    (void)state;
    struct perm_rights rights = {{0}};
    assert_int_equal(policy_add(SLICE("places:read,list"), &rights).code, ERR_OK);
    assert_int_equal(rights.operations[PERM_PLACES], operations_of("rl"));
    assert_int_equal(policy_add(SLICE("places:delete,delete"), &rights).code, ERR_OK);
    assert_int_equal(rights.operations[PERM_PLACES], operations_of("rlx"));
    assert_int_equal(policy_add(SLICE("products:*"), &rights).code, ERR_OK);
    assert_int_equal(rights.operations[PERM_PRODUCTS], operations_of("crlux"));
    assert_int_equal(rights.operations[PERM_PRODUCT_PROPERTIES], operations_of("crux"));
    assert_int_equal(policy_add(SLICE("products:read,*"), &rights).code, ERR_OK);
}

static void what_is_not_here_gives_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"factories:*", "purchaseOrders:read,list",
                                        "purchaseOrdersAggregations:read"};
    struct perm_rights none = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct perm_rights rights = {{0}};
        assert_int_equal(policy_add(slice_of_text(names[i]), &rights).code, ERR_OK);
        assert_rights(&rights, &none, names[i]);
    }
}

static void wrong_permissions_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        ":",
        "thngs",
        "thngs:",
        ":read",
        "thngs:write",
        "thngs:read,",
        "thngs:,read",
        "thngs:read list",
        "thngs: read",
        "Thngs:read",
        "thng:read",
        "*:read",
        "thngs:READ",
        "thngs:r",
        "thngs:read:list",
        "me:read",
        "why:read",
        "factories:",
        "thngs:**",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct perm_rights rights = {{0}};
        struct err err = policy_add(slice_of_text(wrong[i]), &rights);
        if (err.code != ERR_FIELD_INVALID) {
            fail_msg("%s: %s", wrong[i], err_name(err));
        }
        assert_true(perm_rights_are_empty(&rights));
    }
}

static void a_policy_gives_what_can_be_read(void **state)
{
    (void)state;
    struct perm_rights rights = policy_rights(SLICE("[\"places:read\",7,\"x\",\"places:list\"]"));
    assert_int_equal(rights.operations[PERM_PLACES], operations_of("rl"));
    rights = policy_rights((struct slice){0});
    assert_true(perm_rights_are_empty(&rights));
    rights = policy_rights(SLICE("[]"));
    assert_true(perm_rights_are_empty(&rights));
    rights = policy_rights(SLICE("{\"a\":1}"));
    assert_true(perm_rights_are_empty(&rights));
}

static void conditions_name_places(void **state)
{
    (void)state;
    struct id place = {{0}};
    const struct id wanted = id_of(1);
    assert_int_equal(policy_condition(SLICE("places:UaBcDeFgHkMnPqRsTwXyAa01"), &place).code,
                     ERR_OK);
    assert_true(id_equal(&place, &wanted));
    static const char *const wrong[] = {
        "",
        "places",
        "places:",
        "places:x",
        "thngs:UaBcDeFgHkMnPqRsTwXyAa01",
        "UaBcDeFgHkMnPqRsTwXyAa01",
        "places:UaBcDeFgHkMnPqRsTwXyAa011",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(policy_condition(slice_of_text(wrong[i]), &place).code, ERR_FIELD_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_gives_its_rights),
        cmocka_unit_test(every_row_of_tokens_is_in_a_policy),
        cmocka_unit_test(words_add_up),
        cmocka_unit_test(what_is_not_here_gives_nothing),
        cmocka_unit_test(wrong_permissions_are_refused),
        cmocka_unit_test(a_policy_gives_what_can_be_read),
        cmocka_unit_test(conditions_name_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
