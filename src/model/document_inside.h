/* SPDX-License-Identifier: Apache-2.0
 *
 * document_inside.h - what the files of document.h share:
 *
 *      document.c         stored documents: written, merged, split, looked into
 *      document_fields.c  the tables: which kinds there are, which fields they have
 *      document_check.c   a body against its table, and how each field is taken from it
 *      document_access.c  the fields of users, roles, policies, tokens and shares
 *      document_task.c    what a task is asked to do, which is a small language of its own */
#ifndef THRUM_MODEL_DOCUMENT_INSIDE_H
#define THRUM_MODEL_DOCUMENT_INSIDE_H

#include "model/document.h"

/* Addresses of pages and pictures; the contract has no limit for them. */
#define URL_CHARACTERS_MAX 4096

/* One check of a body. */
struct check {
    const struct document_check *options;
    struct json_value body;
    struct document_body *out;
    struct slice *field; /* the member at fault */
};

enum field_flags {
    FIELD_REQUIRED = 1,      /* in a POST; null is refused always */
    FIELD_READ_ONLY = 2,     /* ignored in bodies */
    FIELD_CREATION_ONLY = 4, /* ignored in a PUT */
    FIELD_NULL_IGNORED = 8,  /* null is as if it were absent; otherwise it unsets */
    FIELD_UPDATE_ONLY = 16,  /* ignored in a POST */
};

/* A row of a kind's table. */
struct field {
    struct slice name;
    const char *schema; /* of its value, JSON text, with the limits that are the default */
    /* Judges the value, which is not null, and puts what becomes of it into the members. NULL: it
     * is not looked at, or only by the table's `finish`. */
    struct err (*take)(struct check *check, const struct field *field, struct json_value value);
    unsigned flags;
    enum resource_kind refers_to; /* of references: the kind that they are of */
    struct slice initial;         /* JSON text: what a new document has when the body has none, and
                                     what null means. Empty: nothing */
    struct slice alias;           /* a POST without a member of that name is read from this one */
};

/* Rows are counted in the bits of a word. */
#define FIELD_COUNT_MAX 32

struct field_table {
    struct document_kind kind;
    const struct field *fields;
    size_t field_count;
    /* What concerns several fields, when each alone is right. NULL: nothing does. */
    struct err (*finish)(struct check *check);
};

const struct field_table *document_table(enum resource_kind kind);

/* ---- document.c ---- */

/* `"<name>":<value>` as document_put_member writes it, without the comma. */
void document_put_pair(struct buf *out, struct slice name, struct slice value);

/* A walk over members without braces, as document_put_member writes them. */
struct json_each document_members_each(struct slice members);
bool document_members_next(struct json_each *each, struct json_member *member);

/* ---- document_check.c ---- */

/* Notes that the body names that resource. */
void check_add_reference(struct check *check, enum resource_kind kind, const struct id *id);

struct err field_take_id(struct check *check, const struct field *field, struct json_value value);
struct err field_take_name(struct check *check, const struct field *field, struct json_value value);
struct err field_take_product_name(struct check *check, const struct field *field,
                                   struct json_value value);
struct err field_take_unique_name(struct check *check, const struct field *field,
                                  struct json_value value);
struct err field_take_action_type_name(struct check *check, const struct field *field,
                                       struct json_value value);
struct err field_take_description(struct check *check, const struct field *field,
                                  struct json_value value);
struct err field_take_type(struct check *check, const struct field *field, struct json_value value);
struct err field_take_media_type(struct check *check, const struct field *field,
                                 struct json_value value);
struct err field_take_text(struct check *check, const struct field *field, struct json_value value);
struct err field_take_url(struct check *check, const struct field *field, struct json_value value);
struct err field_take_texts(struct check *check, const struct field *field,
                            struct json_value value);
struct err field_take_tags(struct check *check, const struct field *field, struct json_value value);
struct err field_take_identifiers(struct check *check, const struct field *field,
                                  struct json_value value);
struct err field_take_object(struct check *check, const struct field *field,
                             struct json_value value);
struct err field_take_address(struct check *check, const struct field *field,
                              struct json_value value);
struct err field_take_time(struct check *check, const struct field *field, struct json_value value);
struct err field_take_boolean(struct check *check, const struct field *field,
                              struct json_value value);
struct err field_take_reference(struct check *check, const struct field *field,
                                struct json_value value);
struct err field_take_scopes(struct check *check, const struct field *field,
                             struct json_value value);
struct err field_take_properties(struct check *check, const struct field *field,
                                 struct json_value value);
struct err field_take_location(struct check *check, const struct field *field,
                               struct json_value value);
struct err check_finish_place(struct check *check);

/* Keeps the value as it was sent. */
struct err field_keep(struct check *check, const struct field *field, struct json_value value);

/* Writes scopes' list of ids, or of the word for all, which may be spelt like <alias> too. */
struct err field_write_scope(struct buf *out, struct json_value list, struct slice alias);

/* ---- document_access.c ---- */

struct err field_take_email(struct check *check, const struct field *field,
                            struct json_value value);
struct err field_take_role(struct check *check, const struct field *field, struct json_value value);
struct err field_take_role_name(struct check *check, const struct field *field,
                                struct json_value value);
struct err field_take_role_type(struct check *check, const struct field *field,
                                struct json_value value);
struct err field_take_role_scopes(struct check *check, const struct field *field,
                                  struct json_value value);
struct err check_finish_role(struct check *check);
struct err field_take_policy_name(struct check *check, const struct field *field,
                                  struct json_value value);
struct err field_take_homepage(struct check *check, const struct field *field,
                               struct json_value value);
struct err field_take_permissions(struct check *check, const struct field *field,
                                  struct json_value value);
struct err field_take_token_name(struct check *check, const struct field *field,
                                 struct json_value value);
struct err field_take_policies(struct check *check, const struct field *field,
                               struct json_value value);
struct err field_take_conditions(struct check *check, const struct field *field,
                                 struct json_value value);

/* ---- document_task.c ---- */

struct err field_take_task_type(struct check *check, const struct field *field,
                                struct json_value value);
struct err field_take_task_output(struct check *check, const struct field *field,
                                  struct json_value value);
struct err check_finish_task(struct check *check);

#endif
