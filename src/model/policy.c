/* SPDX-License-Identifier: Apache-2.0
 *
 * The permissions of access policies (role.h): "thngs:read,list". */
#include "model/role.h"

#include "base/assert.h"

/* ---------------------------------------------------------------- one permission */

static const struct {
    struct slice name;
    uint8_t operations;
} words[] = {
    {SLICE_INIT("create"), PERM_CREATE}, {SLICE_INIT("list"), PERM_LIST},
    {SLICE_INIT("read"), PERM_READ},     {SLICE_INIT("update"), PERM_UPDATE},
    {SLICE_INIT("delete"), PERM_DELETE}, {SLICE_INIT("*"), PERM_ALL},
};

/* What policies of the original name, and what this broker does not have: it gives nothing. */
static const struct slice unused[] = {
    SLICE_INIT("factories"),
    SLICE_INIT("purchaseOrders"),
    SLICE_INIT("purchaseOrdersAggregations"),
};

static struct err read_words(struct slice text, uint8_t *operations)
{
    *operations = 0;
    for (bool is_last = false; !is_last;) {
        size_t end = slice_find(text, ',');
        struct slice word = slice_first(text, end);
        uint8_t added = 0;
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            added = slice_equal(word, words[i].name) ? words[i].operations : added;
        }
        if (added == 0) {
            return ERR(FIELD_INVALID);
        }
        *operations |= added;
        is_last = end == text.bytes;
        text = slice_from(text, min_size(end + 1, text.bytes));
    }
    return ERR(OK);
}

/* Which word gives <operation> on that row: parts of a resource are changed with it, and whoever
 * reads its keys could as well change it. */
static uint8_t needed(const struct perm_row *row, uint8_t operation)
{
    bool is_reading = (operation & (PERM_READ | PERM_LIST)) != 0;
    if (is_reading && row->is_secret) {
        return PERM_UPDATE;
    }
    if (row->is_part) {
        return is_reading ? PERM_READ : PERM_UPDATE;
    }
    return operation;
}

static void add_to_row(enum perm_subject subject, uint8_t given, struct perm_rights *rights)
{
    const struct perm_row *row = perm_row(subject);
    const uint8_t column = row->operations[ACTOR_ACCESS_TOKEN];
    for (uint8_t operation = PERM_CREATE; operation <= PERM_DELETE;
         operation = (uint8_t)(operation << 1)) {
        if ((column & operation) != 0 && (needed(row, operation) & given) != 0) {
            rights->operations[subject] |= operation;
        }
    }
}

struct err policy_add(struct slice permission, struct perm_rights *rights)
{
    const size_t colon = slice_find(permission, ':');
    const struct slice resource = slice_first(permission, colon);
    uint8_t given;
    if (colon == permission.bytes) {
        return ERR(FIELD_INVALID);
    }
    TRY(read_words(slice_from(permission, colon + 1), &given));
    bool is_known = false;
    for (size_t i = 0; i < ARRAY_LEN(unused); i++) {
        is_known |= slice_equal(resource, unused[i]);
    }
    for (int subject = 0; subject < PERM_SUBJECT_COUNT; subject++) {
        const struct perm_row *row = perm_row((enum perm_subject)subject);
        if (row->policy != NULL && slice_equal(resource, slice_of_text(row->policy))) {
            is_known = true;
            add_to_row((enum perm_subject)subject, given, rights);
        }
    }
    return is_known ? ERR(OK) : ERR(FIELD_INVALID);
}

/* ---------------------------------------------------------------- policies */

struct perm_rights policy_rights(struct slice permissions)
{
    struct perm_rights rights = {{0}};
    struct json_value item;
    if (permissions.bytes < 2 || permissions.at[0] != '[') {
        return rights;
    }
    struct json_each each = json_each((struct json_value){JSON_ARRAY, permissions});
    while (json_array_next(&each, &item)) {
        if (item.type == JSON_STRING) {
            (void)!err_is_set(policy_add(json_string_raw(item), &rights));
        }
    }
    return rights;
}

struct slice policy_admin_permissions(void)
{
    return SLICE("[\"accessPolicies:*\",\"accessTokens:*\",\"accounts:*\",\"actions:*\","
                 "\"applications:*\",\"batches:*\",\"collections:*\",\"files:*\","
                 "\"operatorAccess:*\",\"places:*\",\"products:*\",\"projects:*\",\"roles:*\","
                 "\"thngs:*\",\"users:*\"]");
}

struct err policy_condition(struct slice condition, struct id *place)
{
    const struct slice kind = SLICE("places:");
    bool is_one =
        slice_starts_with(condition, kind) && id_parse(slice_from(condition, kind.bytes), place);
    return is_one ? ERR(OK) : ERR(FIELD_INVALID);
}
