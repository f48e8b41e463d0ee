/* SPDX-License-Identifier: Apache-2.0
 *
 * document_fixture.h - a body given as text, checked, and what came of it. For the tests of
 * document.h. */
#ifndef THRUM_TEST_UNIT_MODEL_DOCUMENT_FIXTURE_H
#define THRUM_TEST_UNIT_MODEL_DOCUMENT_FIXTURE_H

#include "model/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ID "U2345678abcdefghkmnpqrst"
#define OTHER "U2345678abcdefghkmnpqrsw"

/* Small ones, so that they are met. */
static const struct document_limits limits = {
    .tag_count_max = 3,
    .tag_characters_max = 4,
    .name_characters_max = 5,
    .description_characters_max = 6,
    .type_characters_max = 4,
    .custom_fields_bytes_max = 16,
};

/* The outcome of one check; freed by checked_free. */
struct checked {
    struct err err;
    struct document_body body;
    struct slice field;
    struct buf members;
    struct buf scopes;
};

static inline struct checked check_body(enum resource_kind kind, struct slice text,
                                        bool is_creation)
{
    struct checked checked = {0};
    struct json_value root = {0};
    struct id id;
    struct err err = json_scan(text, JSON_DEPTH_MAX, &root);
    if (err_is_set(err)) {
        fail_msg("%.*s: %s", SLICE_ARGS(text), err_name(err));
    }
    assert_true(id_parse(SLICE(ID), &id));
    const struct document_check options = {
        .kind = kind,
        .is_creation = is_creation,
        .id = is_creation ? NULL : &id,
        .limits = &limits,
        .members = &checked.members,
        .scopes = &checked.scopes,
    };
    checked.err = document_check(&options, root, &checked.body, &checked.field);
    return checked;
}

static inline void checked_free(struct checked *checked)
{
    buf_deinit(&checked->members);
    buf_deinit(&checked->scopes);
}

static inline void assert_slice(struct slice got, const char *wanted, const char *about)
{
    if (!slice_equal(got, slice_of_text(wanted))) {
        fail_msg("%s: %.*s instead of %s", about, SLICE_ARGS(got), wanted);
    }
}

/* The body is right, and these members come of it. */
static inline void assert_kept(enum resource_kind kind, bool is_creation, const char *text,
                               const char *wanted)
{
    struct checked checked = check_body(kind, slice_of_text(text), is_creation);
    if (err_is_set(checked.err)) {
        fail_msg("%s: %s", text, err_name(checked.err));
    }
    assert_slice(checked.body.members, wanted, text);
    assert_int_equal(checked.field.bytes, 0);
    checked_free(&checked);
}

static inline void assert_refused(enum resource_kind kind, bool is_creation, const char *text,
                                  enum err_code code, const char *field)
{
    struct checked checked = check_body(kind, slice_of_text(text), is_creation);
    if (checked.err.code != code) {
        fail_msg("%s: %s", text, err_name(checked.err));
    }
    assert_slice(checked.field, field, text);
    checked_free(&checked);
}

#endif
