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

/* What each kind of key may (contract: auth.md 6). */
static const struct {
    enum perm_subject subject;
    const char *path;
    const char *of_operator;
    const char *of_trusted;
    const char *of_application;
    const char *of_device;
} expected[] = {
    {PERM_ACCESS, "/access", "r", "r", "r", "r"},
    {PERM_OPERATORS, "/operators/:id", "r", "", "", ""},
    {PERM_DEVICE_KEYS, "/auth/evrythng/thngs[/:thngId]", "crx", "crx", "", ""},
    {PERM_THNGS, "/thngs", "cl", "cl", "", ""},
    {PERM_THNG, "/thngs/:thngId", "rux", "rux", "", "ru"},
    {PERM_PROPERTIES, "/thngs/:thngId/properties[/:key]", "crux", "crux", "", "cru"},
    {PERM_LOCATION, "/thngs/:thngId/location", "rux", "rux", "", "ru"},
    {PERM_THNG_ACTIONS, "/thngs/:thngId/actions/:type[/:actionId]", "crl", "crl", "", "crl"},
    {PERM_COMMISSIONING, "/thngs/:thngId/commissionState", "cr", "", "", ""},
    {PERM_PRODUCTS, "/products[/:productId]", "crlux", "crlux", "rl", ""},
    {PERM_PRODUCT_PROPERTIES, "/products/:productId/properties[/:key]", "crux", "crux", "r", ""},
    {PERM_PRODUCT_ACTIONS, "/products/:productId/actions/:type[/:actionId]", "crl", "crl", "", ""},
    {PERM_COLLECTIONS, "/collections[/:collectionId]", "crlux", "crlux", "", ""},
    {PERM_MEMBERS, "/collections/:collectionId/thngs[/:thngId]", "lux", "lux", "", ""},
    {PERM_MEMBERS_ALL, "/collections/:collectionId/thngs", "x", "x", "", ""},
    {PERM_CHILDREN, "/collections/:collectionId/collections[/:childId]", "clx", "clx", "", ""},
    {PERM_COLLECTION_ACTIONS, "/collections/:collectionId/actions/:type[/:actionId]", "crl", "crl",
     "", ""},
    {PERM_ACTION_TYPES, "/actions", "clux", "clx", "", ""},
    {PERM_ACTIONS, "/actions/:type[/:actionId]", "crlx", "crl", "", ""},
    {PERM_SCANS, "/actions/scans", "crlx", "crl", "c", ""},
    {PERM_PLACES, "/places[/:placeId]", "crlux", "crlux", "rl", ""},
    {PERM_PROJECTS, "/projects[/:projectId]", "crlux", "", "", ""},
    {PERM_APPLICATIONS, "/projects/:projectId/applications[/:applicationId]", "crlux", "r", "r",
     ""},
    {PERM_SECRET_KEYS, "/projects/:projectId/applications/:applicationId/secretKey", "r", "", "",
     ""},
    {PERM_OWN_APPLICATION, "/applications/me", "", "ru", "r", ""},
    {PERM_BATCHES, "/batches[/:batchId]", "crlux", "", "", ""},
    {PERM_FILES, "/files[/:fileId]", "crlux", "", "", ""},
};

static struct actor actor_of(enum actor_kind kind)
{
    struct actor actor = {.kind = kind, .account = ACCOUNT, .id = OWN};
    if (kind == ACTOR_APPLICATION || kind == ACTOR_TRUSTED) {
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
            fail_msg("actor %d, %s, %c: %s", kind, perm_subject_path(subject), letters[i],
                     err_name(err));
        }
        sum |= permitted ? operations[i] : 0;
    }
    assert_int_equal(perm_operations(kind, subject), sum);
}

static void test_every_cell(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(expected), PERM_SUBJECT_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        check_cells(ACTOR_OPERATOR, expected[i].subject, expected[i].of_operator);
        check_cells(ACTOR_TRUSTED, expected[i].subject, expected[i].of_trusted);
        check_cells(ACTOR_APPLICATION, expected[i].subject, expected[i].of_application);
        check_cells(ACTOR_DEVICE, expected[i].subject, expected[i].of_device);
        assert_string_equal(perm_subject_path(expected[i].subject), expected[i].path);
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
        }
        assert_int_equal(perm_operations(ACTOR_NONE, (enum perm_subject)s), 0);
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
}

/* ---------------------------------------------------------------- topics */

/* Who may subscribe and who may publish (contract: auth.md 6.2), as letters of kinds of keys. */
static const struct {
    enum topic_family family;
    const char *name;
    const char *subscribe;
    const char *publish;
} topics[] = {
    {TOPIC_ACTION_TYPES, "", "ot", "ot"},
    {TOPIC_ACTIONS_ALL, "", "ot", "ot"},
    {TOPIC_ACTIONS, "_x", "ot", "ot"},
    {TOPIC_ACTIONS, "scan", "ot", "ot"},
    {TOPIC_ACTIONS, "scans", "ot", "ota"},
    {TOPIC_BATCH_TASKS, "", "o", NULL},
    {TOPIC_BATCH_TASK, OWN_TEXT, "o", NULL},
    {TOPIC_COLLECTION, "", "ot", "ot"},
    {TOPIC_COLLECTION_ACTIONS_ALL, "", "ot", "ot"},
    {TOPIC_COLLECTION_ACTIONS, "scans", "ot", "ot"},
    {TOPIC_COLLECTION_THNGS, "", "ot", "ot"},
    {TOPIC_PRODUCT_ACTIONS_ALL, "", "ot", "ot"},
    {TOPIC_PRODUCT_ACTIONS, "scans", "ot", "ot"},
    {TOPIC_PRODUCT_PROPERTIES, "", "ota", "ot"},
    {TOPIC_PRODUCT_PROPERTY, "k", "ota", "ot"},
    {TOPIC_THNG, "", "otd", "otd"},
    {TOPIC_THNG_ACTIONS_ALL, "", "otd", "otd"},
    {TOPIC_THNG_ACTIONS, "scans", "otd", "otd"},
    {TOPIC_THNG_LOCATION, "", "otd", "otd"},
    {TOPIC_THNG_PROPERTIES, "", "otd", "otd"},
    {TOPIC_THNG_PROPERTY, "k", "otd", "otd"},
};

static void check_topic(size_t row, const char *may, enum perm_operation operation)
{
    static const struct {
        enum actor_kind kind;
        char letter;
    } kinds[] = {
        {ACTOR_OPERATOR, 'o'}, {ACTOR_TRUSTED, 't'}, {ACTOR_APPLICATION, 'a'}, {ACTOR_DEVICE, 'd'}};
    enum perm_subject subject =
        perm_subject_of_topic(topics[row].family, slice_of_text(topics[row].name));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct actor actor = actor_of(kinds[i].kind);
        bool permitted = strchr(may, kinds[i].letter) != NULL;
        struct err err = perm_may(&actor, subject, operation);
        if (err.code != (permitted ? ERR_OK : ERR_DENIED)) {
            fail_msg("%s, key %c: %s", topic_family_row(topics[row].family)->pattern,
                     kinds[i].letter, err_name(err));
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
