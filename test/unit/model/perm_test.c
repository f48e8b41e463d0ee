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

static const struct id OWN = {.text = "UaBcDeFgHkMnPqRsTwXyAaBb"};
static const struct id OTHER = {.text = "UaBcDeFgHkMnPqRsTwXyAaBc"};

static const enum perm_operation operations[] = {PERM_CREATE, PERM_READ, PERM_LIST, PERM_UPDATE,
                                                 PERM_DELETE};
static const char letters[] = "crlud";

/* What each kind of key may (contract: auth.md). */
static const struct {
    enum perm_subject subject;
    const char *path;
    const char *of_operator;
    const char *of_device;
} expected[] = {
    {PERM_ACCESS, "/access", "r", "r"},
    {PERM_OPERATORS, "/operators/:id", "r", ""},
    {PERM_DEVICE_KEYS, "/auth/evrythng/thngs[/:thngId]", "crd", ""},
    {PERM_THNGS, "/thngs", "cl", ""},
    {PERM_THNG, "/thngs/:thngId", "rud", "ru"},
    {PERM_PROPERTIES, "/thngs/:thngId/properties[/:key]", "crlud", "cru"},
    {PERM_LOCATION, "/thngs/:thngId/location", "rud", "ru"},
};

static struct actor actor_of(enum actor_kind kind)
{
    return (struct actor){.kind = kind, .account = ACCOUNT, .id = OWN};
}

static void check_cells(enum actor_kind kind, enum perm_subject subject, const char *may)
{
    struct actor actor = actor_of(kind);
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        bool permitted = strchr(may, letters[i]) != NULL;
        struct err err = perm_may(&actor, subject, operations[i]);
        assert_int_equal(err.code, permitted ? ERR_OK : ERR_DENIED);
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

static void test_operator_sees_its_account(void **state)
{
    (void)state;
    struct actor actor = actor_of(ACTOR_OPERATOR);
    assert_int_equal(perm_sees(&actor, ACCOUNT, RESOURCE_THNG, &OTHER).code, ERR_OK);
    assert_int_equal(perm_sees(&actor, ACCOUNT, RESOURCE_OPERATOR, &OWN).code, ERR_OK);
    assert_int_equal(perm_sees(&actor, ACCOUNT + 1, RESOURCE_THNG, &OTHER).code, ERR_NOT_FOUND);
    assert_int_equal(perm_sees(&actor, 0, RESOURCE_THNG, &OTHER).code, ERR_NOT_FOUND);
}

static void test_device_sees_its_thng(void **state)
{
    (void)state;
    struct actor actor = actor_of(ACTOR_DEVICE);
    assert_int_equal(perm_sees(&actor, ACCOUNT, RESOURCE_THNG, &OWN).code, ERR_OK);
    assert_int_equal(perm_sees(&actor, ACCOUNT, RESOURCE_THNG, &OTHER).code, ERR_NOT_FOUND);
    assert_int_equal(perm_sees(&actor, ACCOUNT + 1, RESOURCE_THNG, &OWN).code, ERR_NOT_FOUND);
    /* The same characters as the id of something else are not its thng. */
    assert_int_equal(perm_sees(&actor, ACCOUNT, RESOURCE_PRODUCT, &OWN).code, ERR_NOT_FOUND);
    assert_int_equal(perm_sees(&actor, ACCOUNT, RESOURCE_ACCOUNT, &OWN).code, ERR_NOT_FOUND);
}

static void test_topics(void **state)
{
    (void)state;
    static const struct {
        enum topic_family family;
        enum perm_subject subject;
    } ruled[] = {
        {TOPIC_THNG, PERM_THNG},
        {TOPIC_THNG_PROPERTIES, PERM_PROPERTIES},
        {TOPIC_THNG_PROPERTY, PERM_PROPERTIES},
        {TOPIC_THNG_LOCATION, PERM_LOCATION},
    };
    for (size_t family = 0; family < TOPIC_FAMILY_COUNT; family++) {
        enum perm_subject subject = PERM_SUBJECT_COUNT;
        bool found = perm_subject_of_topic((enum topic_family)family, &subject);
        size_t i = 0;
        while (i < ARRAY_LEN(ruled) && ruled[i].family != family) {
            i++;
        }
        assert_int_equal(found, i < ARRAY_LEN(ruled));
        assert_int_equal(subject, found ? ruled[i].subject : PERM_SUBJECT_COUNT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_without_a_key),
        cmocka_unit_test(test_operator_sees_its_account),
        cmocka_unit_test(test_device_sees_its_thng),
        cmocka_unit_test(test_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
