/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of rights, cell by cell, written down a second time as letters: what is not in a
 * string is refused. */
#include "model/perm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ACCOUNT 7
#define OWN_TEXT "UaBcDeFgHkMnPqRsTwXyAaBb"
#define OTHER_TEXT "UaBcDeFgHkMnPqRsTwXyAaBc"
#define PROJECT_TEXT "UaBcDeFgHkMnPqRsTwXyAaBd"

static const struct id OWN = {.text = OWN_TEXT};
static const struct id OTHER = {.text = OTHER_TEXT};
static const struct id PROJECT = {.text = PROJECT_TEXT};

static const enum perm_operation operations[] = {PERM_CREATE, PERM_READ, PERM_LIST, PERM_UPDATE,
                                                 PERM_DELETE};
static const char letters[] = "crlux";

/* What each kind of key may (contract: auth.md 6): operator, trusted application, application,
 * user, device; an access token what an operator may, but for what is about operators themselves.
 */
static const struct {
    enum perm_subject subject;
    const char *path;
    const char *may[6];
} expected[] = {
    {PERM_ACCESS, "/access", {"r", "r", "r", "r", "r", "r"}},
    {PERM_ME, "/me", {"r", "", "", "", "", ""}},
    {PERM_OPERATORS, "/operators/:id", {"ru", "", "", "", "", ""}},
    {PERM_ACCOUNTS, "/accounts[/:accountId]", {"crlu", "", "", "", "", "rlu"}},
    {PERM_ACCOUNT_ACCESSES,
     "/accounts/:accountId/accesses[/:accessId]",
     {"crlux", "", "", "", "", "crlux"}},
    {PERM_WHY, "/why", {"cl", "", "", "", "", ""}},
    {PERM_ROLES, "/roles[/:roleId]", {"crlux", "", "", "l", "", "crlux"}},
    {PERM_ROLE_PERMISSIONS, "/roles/:roleId/permissions[/:name]", {"ru", "", "", "", "", "ru"}},
    {PERM_ACCESS_POLICIES, "/accessPolicies[/:policyId]", {"crlux", "", "", "", "", "crlux"}},
    {PERM_ACCESS_TOKENS, "/accessTokens[/:tokenId]", {"crlux", "", "", "", "", "crlux"}},
    {PERM_SIGN_UP, "/auth/evrythng[/users[/:userId/validate]]", {"", "c", "c", "", "", ""}},
    {PERM_LOGOUT, "/auth/all/logout", {"", "", "", "c", "", ""}},
    {PERM_USERS, "/users[/:userId]", {"rlux", "rl", "", "ru", "", "rlux"}},
    {PERM_USER_STATUS, "/users/:userId/status", {"r", "", "", "r", "", "r"}},
    {PERM_SHARES, "/accesses[/:accessId]", {"", "", "", "clx", "", ""}},
    {PERM_DEVICE_KEYS, "/auth/evrythng/thngs[/:thngId]", {"crx", "crx", "", "crx", "", "crx"}},
    {PERM_THNGS, "/thngs", {"clux", "clux", "", "cl", "", "clux"}}, /* ux: bulk */
    {PERM_THNG, "/thngs/:thngId", {"rux", "rux", "", "ru", "ru", "rux"}},
    {PERM_PROPERTIES,
     "/thngs/:thngId/properties[/:key]",
     {"crux", "crux", "", "cru", "cru", "crux"}},
    {PERM_LOCATION, "/thngs/:thngId/location", {"rux", "rux", "", "ru", "ru", "rux"}},
    {PERM_THNG_ACTIONS,
     "/thngs/:thngId/actions/:type[/:actionId]",
     {"crl", "crl", "", "crl", "crl", "crl"}},
    {PERM_COMMISSIONING, "/thngs/:thngId/commissionState", {"cr", "", "", "", "", "cr"}},
    {PERM_PRODUCTS, "/products[/:productId]", {"crlux", "crlux", "rl", "crlu", "", "crlux"}},
    {PERM_PRODUCTS_BULK, "/products?ids, ?filter", {"ux", "ux", "", "", "", "ux"}},
    {PERM_PRODUCT_PROPERTIES,
     "/products/:productId/properties[/:key]",
     {"crux", "crux", "r", "crux", "", "crux"}},
    {PERM_PRODUCT_ACTIONS,
     "/products/:productId/actions/:type[/:actionId]",
     {"crl", "crl", "", "crl", "", "crl"}},
    {PERM_COLLECTIONS, "/collections[/:collectionId]", {"crlux", "crlux", "", "crlu", "", "crlux"}},
    {PERM_MEMBERS,
     "/collections/:collectionId/thngs[/:thngId]",
     {"lux", "lux", "", "lux", "", "lux"}},
    {PERM_MEMBERS_ALL, "/collections/:collectionId/thngs", {"x", "x", "", "", "", "x"}},
    {PERM_CHILDREN,
     "/collections/:collectionId/collections[/:childId]",
     {"clx", "clx", "", "cl", "", "clx"}},
    {PERM_COLLECTION_ACTIONS,
     "/collections/:collectionId/actions/:type[/:actionId]",
     {"crl", "crl", "", "crl", "", "crl"}},
    {PERM_ACTION_TYPES, "/actions", {"clux", "clx", "", "l", "", "clux"}},
    {PERM_ACTIONS, "/actions/:type[/:actionId]", {"crlx", "crl", "", "crl", "", "crlx"}},
    {PERM_SCANS, "/actions/scans", {"crlx", "crl", "c", "crl", "", "crlx"}},
    {PERM_PLACES, "/places[/:placeId]", {"crlux", "crlux", "rl", "rl", "", "crlux"}},
    {PERM_PROJECTS, "/projects[/:projectId]", {"crlux", "", "", "", "", "crlux"}},
    {PERM_APPLICATIONS,
     "/projects/:projectId/applications[/:applicationId]",
     {"crlux", "r", "r", "", "", "crlux"}},
    {PERM_APPLICATION_KEYS,
     "/projects/:projectId/applications/:applicationId/secretKey",
     {"rx", "", "", "", "", "rx"}},
    {PERM_OWN_APPLICATION, "/applications/me", {"", "ru", "r", "", "", ""}},
    {PERM_BATCHES, "/batches[/:batchId]", {"crlux", "", "", "", "", "crlux"}},
    {PERM_FILES, "/files[/:fileId]", {"crlux", "", "", "", "", "crlux"}},
    {PERM_PLAIN_TOPICS, "plain topics (MQTT)", {"cl", "cl", "", "", "", ""}},
};

/* The order of the columns above. */
static const enum actor_kind kinds[] = {ACTOR_OPERATOR, ACTOR_TRUSTED, ACTOR_APPLICATION,
                                        ACTOR_USER,     ACTOR_DEVICE,  ACTOR_ACCESS_TOKEN};

static struct actor actor_of(enum actor_kind kind)
{
    struct actor actor = {.kind = kind, .account = ACCOUNT, .id = OWN};
    if (kind == ACTOR_APPLICATION || kind == ACTOR_TRUSTED || kind == ACTOR_USER) {
        actor.project = PROJECT;
    }
    return actor;
}

static void check_cells(enum actor_kind kind, enum perm_subject subject, const char *may)
{
    struct actor actor = actor_of(kind);
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        bool permitted = strchr(may, letters[i]) != NULL;
        struct err err = perm_may(&actor, subject, operations[i]);
        if (err.code != (permitted ? ERR_OK : ERR_DENIED)) {
            fail_msg("actor %d, %s, %c: %s", kind, perm_row(subject)->path, letters[i],
                     err_name(err));
        }
        assert_int_equal(perm_judge(&actor, subject, operations[i], NULL).code, err.code);
        assert_int_equal(perm_verdict(&actor, subject, operations[i], NULL),
                         permitted ? PERM_ALLOWED : PERM_ROW_DENIES);
        sum |= permitted ? operations[i] : 0;
    }
    assert_int_equal(perm_row(subject)->operations[kind], sum);
    assert_int_equal(perm_column(kind).operations[subject], sum);
}

static void test_every_cell(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(expected), PERM_SUBJECT_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(expected[i].subject, i);
        assert_string_equal(perm_row(expected[i].subject)->path, expected[i].path);
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            check_cells(kinds[k], expected[i].subject, expected[i].may[k]);
        }
    }
}

/* What no role takes away: oneself, and for users to log out; of the account to read it. */
static void test_open_rows(void **state)
{
    (void)state;
    static const struct {
        enum actor_kind kind;
        enum perm_subject subject;
        uint8_t operations;
    } open[] = {
        {ACTOR_OPERATOR, PERM_ACCESS, PERM_READ},
        {ACTOR_OPERATOR, PERM_ME, PERM_READ},
        {ACTOR_OPERATOR, PERM_OPERATORS, PERM_READ | PERM_UPDATE},
        {ACTOR_OPERATOR, PERM_ACCOUNTS, PERM_READ | PERM_LIST},
        {ACTOR_USER, PERM_ACCESS, PERM_READ},
        {ACTOR_USER, PERM_LOGOUT, PERM_CREATE},
        {ACTOR_ACCESS_TOKEN, PERM_ACCESS, PERM_READ},
    };
    static const enum actor_kind limited[] = {ACTOR_OPERATOR, ACTOR_USER, ACTOR_ACCESS_TOKEN};
    for (size_t k = 0; k < ARRAY_LEN(limited); k++) {
        struct perm_rights wanted = {{0}};
        for (size_t i = 0; i < ARRAY_LEN(open); i++) {
            if (open[i].kind == limited[k]) {
                wanted.operations[open[i].subject] = open[i].operations;
            }
        }
        struct perm_rights rights = perm_open(limited[k]);
        assert_memory_equal(&rights, &wanted, sizeof(rights));
    }
}

static void test_names_of_operations(void **state)
{
    (void)state;
    static const char *const names[] = {"create", "read", "list", "update", "delete"};
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        assert_string_equal(perm_operation_name(operations[i]), names[i]);
    }
}

/* Nobody is told that a credential is missing (401), not that it does not suffice (403). */
static void test_without_a_key(void **state)
{
    (void)state;
    struct actor nobody = {.kind = ACTOR_NONE};
    for (size_t s = 0; s < PERM_SUBJECT_COUNT; s++) {
        for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
            struct err err = perm_may(&nobody, (enum perm_subject)s, operations[i]);
            assert_int_equal(err.code, ERR_CREDENTIAL_MISSING);
            err = perm_judge(&nobody, (enum perm_subject)s, operations[i], NULL);
            assert_int_equal(err.code, ERR_CREDENTIAL_MISSING);
        }
        assert_int_equal(perm_row((enum perm_subject)s)->operations[ACTOR_NONE], 0);
    }
}

/* ---------------------------------------------------------------- who sees what */

static bool sees(enum actor_kind actor_kind, uint32_t account, enum resource_kind kind,
                 const struct id *id, const char *scopes)
{
    struct actor actor = actor_of(actor_kind);
    const struct perm_resource resource = {
        .account = account, .kind = kind, .id = id, .scopes = slice_of_text(scopes)};
    struct err err = perm_sees(&actor, &resource);
    assert_true(err.code == ERR_OK || err.code == ERR_NOT_FOUND);
    return err.code == ERR_OK;
}

#define IN_PROJECT "{\"users\":[],\"projects\":[\"" OTHER_TEXT "\",\"" PROJECT_TEXT "\"]}"
#define IN_ALL "{\"users\":[],\"projects\":[\"all\"]}"
#define IN_OTHER "{\"users\":[\"all\",\"" PROJECT_TEXT "\"],\"projects\":[\"" OTHER_TEXT "\"]}"
#define IN_NONE "{\"users\":[\"all\"],\"projects\":[]}"

static void test_operator_sees_its_account(void **state)
{
    (void)state;
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_KIND_COUNT; kind++) {
        assert_true(sees(ACTOR_OPERATOR, ACCOUNT, (enum resource_kind)kind, &OTHER, ""));
        assert_false(sees(ACTOR_OPERATOR, ACCOUNT + 1, (enum resource_kind)kind, &OTHER, IN_ALL));
    }
    assert_false(sees(ACTOR_OPERATOR, 0, RESOURCE_THNG, &OTHER, ""));
}

static void test_device_sees_its_thng(void **state)
{
    (void)state;
    assert_true(sees(ACTOR_DEVICE, ACCOUNT, RESOURCE_THNG, &OWN, ""));
    assert_false(sees(ACTOR_DEVICE, ACCOUNT, RESOURCE_THNG, &OTHER, IN_ALL));
    assert_false(sees(ACTOR_DEVICE, ACCOUNT + 1, RESOURCE_THNG, &OWN, ""));
    /* The same characters as the id of something else are not its thng. */
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_KIND_COUNT; kind++) {
        assert_int_equal(sees(ACTOR_DEVICE, ACCOUNT, (enum resource_kind)kind, &OWN, IN_ALL),
                         kind == RESOURCE_THNG);
    }
}

static void check_application(enum actor_kind actor, enum resource_kind kind, bool is_scoped)
{
    assert_int_equal(sees(actor, ACCOUNT, kind, &OTHER, IN_PROJECT), is_scoped);
    assert_int_equal(sees(actor, ACCOUNT, kind, &OTHER, IN_ALL), is_scoped);
    assert_false(sees(actor, ACCOUNT, kind, &OTHER, IN_OTHER));
    assert_false(sees(actor, ACCOUNT, kind, &OTHER, IN_NONE));
    assert_false(sees(actor, ACCOUNT, kind, &OTHER, ""));
    assert_false(sees(actor, ACCOUNT + 1, kind, &OTHER, IN_PROJECT));
}

static void test_application_sees_its_project(void **state)
{
    (void)state;
    static const enum resource_kind scoped[] = {
        RESOURCE_THNG,  RESOURCE_PRODUCT,     RESOURCE_COLLECTION,
        RESOURCE_PLACE, RESOURCE_ACTION_TYPE, RESOURCE_ACTION,
        RESOURCE_USER,  RESOURCE_ROLE,        RESOURCE_SHARE,
    };
    for (int kind = RESOURCE_ACCOUNT; kind < RESOURCE_KIND_COUNT; kind++) {
        bool is_scoped = false;
        for (size_t i = 0; i < ARRAY_LEN(scoped); i++) {
            is_scoped |= scoped[i] == (enum resource_kind)kind;
        }
        check_application(ACTOR_APPLICATION, (enum resource_kind)kind, is_scoped);
        check_application(ACTOR_TRUSTED, (enum resource_kind)kind, is_scoped);
        /* Itself, and nothing else that has its id. */
        bool is_itself = kind == RESOURCE_APPLICATION;
        assert_int_equal(sees(ACTOR_APPLICATION, ACCOUNT, (enum resource_kind)kind, &OWN, ""),
                         is_itself);
        assert_int_equal(sees(ACTOR_TRUSTED, ACCOUNT, (enum resource_kind)kind, &OWN, ""),
                         is_itself);
    }
    assert_false(sees(ACTOR_TRUSTED, ACCOUNT + 1, RESOURCE_APPLICATION, &OWN, ""));
}

static void test_nobody_sees_nothing(void **state)
{
    (void)state;
    assert_false(sees(ACTOR_NONE, ACCOUNT, RESOURCE_THNG, &OWN, IN_ALL));
}

static void test_scopes(void **state)
{
    (void)state;
    assert_true(perm_scopes_have_project(SLICE(IN_PROJECT), &PROJECT));
    assert_true(perm_scopes_have_project(SLICE(IN_PROJECT), &OTHER));
    assert_false(perm_scopes_have_project(SLICE(IN_PROJECT), &OWN));
    assert_true(perm_scopes_have_project(SLICE(IN_ALL), &OWN));
    assert_false(perm_scopes_have_project(SLICE(IN_OTHER), &PROJECT));
    assert_false(perm_scopes_have_project(SLICE(IN_NONE), &PROJECT));
    assert_false(perm_scopes_have_project((struct slice){0}, &PROJECT));
    assert_true(perm_scopes_have_user(SLICE(IN_OTHER), &OTHER)); /* all */
    assert_true(
        perm_scopes_have_user(SLICE("{\"users\":[\"" OWN_TEXT "\"],\"projects\":[]}"), &OWN));
    assert_false(
        perm_scopes_have_user(SLICE("{\"users\":[\"" OWN_TEXT "\"],\"projects\":[]}"), &OTHER));
    assert_false(perm_scopes_have_user(SLICE(IN_ALL), &OWN));
    assert_false(perm_scopes_have_user((struct slice){0}, &OWN));
}

/* ---------------------------------------------------------------- topics */

/* Who may subscribe and who may publish (contract: auth.md 6.2), as letters of kinds of keys. */
static const struct {
    enum topic_family family;
    const char *name;
    const char *subscribe;
    const char *publish;
} topics[] = {
    {TOPIC_ACTION_TYPES, "", "otuk", "otk"},
    {TOPIC_ACTIONS_ALL, "", "otuk", "otuk"},
    {TOPIC_ACTIONS, "_x", "otuk", "otuk"},
    {TOPIC_ACTIONS, "scan", "otuk", "otuk"},
    {TOPIC_ACTIONS, "scans", "otuk", "otauk"},
    {TOPIC_BATCH_TASKS, "", "ok", NULL},
    {TOPIC_BATCH_TASK, OWN_TEXT, "ok", NULL},
    {TOPIC_COLLECTION, "", "otuk", "otuk"},
    {TOPIC_COLLECTION_ACTIONS_ALL, "", "otuk", "otuk"},
    {TOPIC_COLLECTION_ACTIONS, "scans", "otuk", "otuk"},
    {TOPIC_COLLECTION_THNGS, "", "otuk", "otuk"},
    {TOPIC_PRODUCT_ACTIONS_ALL, "", "otuk", "otuk"},
    {TOPIC_PRODUCT_ACTIONS, "scans", "otuk", "otuk"},
    {TOPIC_PRODUCT_PROPERTIES, "", "otauk", "otuk"},
    {TOPIC_PRODUCT_PROPERTY, "k", "otauk", "otuk"},
    {TOPIC_THNG, "", "otduk", "otduk"},
    {TOPIC_THNG_ACTIONS_ALL, "", "otduk", "otduk"},
    {TOPIC_THNG_ACTIONS, "scans", "otduk", "otduk"},
    {TOPIC_THNG_LOCATION, "", "otduk", "otduk"},
    {TOPIC_THNG_PROPERTIES, "", "otduk", "otduk"},
    {TOPIC_THNG_PROPERTY, "k", "otduk", "otduk"},
};

static void check_topic(size_t row, const char *may, enum perm_operation operation)
{
    static const struct {
        enum actor_kind kind;
        char letter;
    } columns[] = {
        {ACTOR_OPERATOR, 'o'}, {ACTOR_TRUSTED, 't'}, {ACTOR_APPLICATION, 'a'},
        {ACTOR_USER, 'u'},     {ACTOR_DEVICE, 'd'},  {ACTOR_ACCESS_TOKEN, 'k'},
    };
    enum perm_subject subject =
        perm_subject_of_topic(topics[row].family, slice_of_text(topics[row].name));
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        struct actor actor = actor_of(columns[i].kind);
        bool permitted = strchr(may, columns[i].letter) != NULL;
        struct err err = perm_may(&actor, subject, operation);
        if (err.code != (permitted ? ERR_OK : ERR_DENIED)) {
            fail_msg("%s, key %c: %s", topic_family_row(topics[row].family)->pattern,
                     columns[i].letter, err_name(err));
        }
    }
}

static void test_topics(void **state)
{
    (void)state;
    bool seen[TOPIC_FAMILY_COUNT] = {false};
    for (size_t row = 0; row < ARRAY_LEN(topics); row++) {
        enum topic_family family = topics[row].family;
        seen[family] = true;
        check_topic(row, topics[row].subscribe, perm_subscribe_operation(family));
        assert_int_equal(topic_is_publishable(family), topics[row].publish != NULL);
        if (topics[row].publish != NULL) {
            check_topic(row, topics[row].publish, perm_publish_operation(family));
            bool is_post = topic_family_row(family)->publish == TOPIC_PUBLISH_POST;
            assert_int_equal(perm_publish_operation(family), is_post ? PERM_CREATE : PERM_UPDATE);
        }
    }
    for (size_t family = TOPIC_NONE + 1; family < TOPIC_FAMILY_COUNT; family++) {
        assert_true(seen[family]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_open_rows),
        cmocka_unit_test(test_names_of_operations),
        cmocka_unit_test(test_without_a_key),
        cmocka_unit_test(test_operator_sees_its_account),
        cmocka_unit_test(test_device_sees_its_thng),
        cmocka_unit_test(test_application_sees_its_project),
        cmocka_unit_test(test_nobody_sees_nothing),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
