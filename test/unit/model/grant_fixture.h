/* SPDX-License-Identifier: Apache-2.0
 *
 * grant_fixture.h - ids by number, rights by letters, grants from a few zones. For the tests of
 * perm.h, grant.h and role.h. */
#ifndef THRUM_TEST_UNIT_MODEL_GRANT_FIXTURE_H
#define THRUM_TEST_UNIT_MODEL_GRANT_FIXTURE_H

#include "model/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The id with that number, 0 to 99. */
static inline struct id id_of(unsigned number)
{
    struct id id = {.text = "UaBcDeFgHkMnPqRsTwXyAa"};
    id.text[ID_BYTES - 2] = (char)('0' + number / 10 % 10);
    id.text[ID_BYTES - 1] = (char)('0' + number % 10);
    return id;
}

/* "crlux" as operations. */
static inline uint8_t operations_of(const char *letters)
{
    uint8_t operations = 0;
    for (; *letters != 0; letters++) {
        operations |= *letters == 'c'   ? PERM_CREATE
                      : *letters == 'r' ? PERM_READ
                      : *letters == 'l' ? PERM_LIST
                      : *letters == 'u' ? PERM_UPDATE
                                        : PERM_DELETE;
    }
    return operations;
}

/* Rights on one subject. */
static inline struct perm_rights rights_on(enum perm_subject subject, const char *letters)
{
    struct perm_rights rights = {{0}};
    rights.operations[subject] = operations_of(letters);
    return rights;
}

/* Fails when the rights differ, and says where. */
static inline void assert_rights(const struct perm_rights *got, const struct perm_rights *wanted,
                                 const char *about)
{
    for (size_t i = 0; i < PERM_SUBJECT_COUNT; i++) {
        if (got->operations[i] != wanted->operations[i]) {
            fail_msg("%s: %s: %x instead of %x", about, perm_row((enum perm_subject)i)->path,
                     got->operations[i], wanted->operations[i]);
        }
    }
}

/* The grant that the draft makes; the draft is empty afterwards. */
static inline struct grant *grant_of(struct grant_draft *draft, enum actor_kind kind)
{
    struct grant *grant = grant_new(draft, kind);
    assert_non_null(grant);
    grant_draft_deinit(draft);
    return grant;
}

#endif
