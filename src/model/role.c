/* SPDX-License-Identifier: Apache-2.0 */
#include "model/role.h"

#include "base/assert.h"
#include "codec/json_write.h"

/* Of a path in a user's role; the longest that the table has is half of it. */
#define PATH_BYTES_MAX 128

static struct json_value as_array(struct slice text)
{
    bool is_one = text.bytes >= 2 && text.at[0] == '[';
    return is_one ? (struct json_value){.type = JSON_ARRAY, .text = text}
                  : (struct json_value){.type = JSON_NONE};
}

/* ---------------------------------------------------------------- built-in roles */

static const struct {
    struct slice name;
    enum role_type type; /* 0: for both */
} built_in_roles[] = {
    {SLICE_INIT("admin"), ROLE_OPERATOR},
    {SLICE_INIT("none"), 0},
    {SLICE_INIT("base_app_user"), ROLE_USER},
};

bool role_built_in(size_t index, struct slice *name)
{
    if (index >= ARRAY_LEN(built_in_roles)) {
        return false;
    }
    *name = built_in_roles[index].name;
    return true;
}

bool role_is_built_in(struct slice name, enum role_type *type)
{
    for (size_t i = 0; i < ARRAY_LEN(built_in_roles); i++) {
        if (slice_equal(name, built_in_roles[i].name)) {
            *type = built_in_roles[i].type;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- paths of users' roles */

/* The path's next segment; the brackets of an optional end (perm.h) are passed over. */
static bool next_segment(struct slice *path, struct slice *segment)
{
    size_t from = 0;
    while (from < path->bytes && (path->at[from] == '/' || path->at[from] == '[')) {
        from++;
    }
    size_t end = from;
    while (end < path->bytes && path->at[end] != '/' && path->at[end] != '[' &&
           path->at[end] != ']') {
        end++;
    }
    *segment = slice_of(path->at + from, end - from);
    *path = slice_from(*path, end);
    return end > from;
}

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        bool is_letter = ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z';
        if (!is_letter && byte != '_' && (byte < '0' || byte > '9')) {
            return false;
        }
    }
    return text.bytes > 0;
}

/* ":thngId" and "{thngId}" are the same: whatever stands there. */
static bool is_parameter(struct slice segment)
{
    if (slice_is_empty(segment)) {
        return false;
    }
    bool has_colon = segment.at[0] == ':';
    bool has_braces = segment.at[0] == '{' && segment.at[segment.bytes - 1] == '}';
    return (has_colon && is_name(slice_from(segment, 1))) ||
           (has_braces && is_name(slice_from(slice_first(segment, segment.bytes - 1), 1)));
}

/* A parameter stands for one of the table; and /actions/:type for /actions/scans too, the one path
 * where the table names what others pass. */
static bool segment_covers(struct slice segment, struct slice of_table)
{
    return slice_equal(segment, of_table) ||
           (is_parameter(segment) &&
            (is_parameter(of_table) || slice_equal(of_table, SLICE("scans"))));
}

/* How well <path> fits: 0 when <of_table> is neither it nor below it; else the more, the longer it
 * is, and of two alike the one that names what the other leaves open. */
static unsigned path_fits(struct slice path, struct slice of_table)
{
    struct slice segment;
    struct slice other;
    unsigned fit = 0;
    while (next_segment(&path, &segment)) {
        if (!next_segment(&of_table, &other) || !segment_covers(segment, other)) {
            return 0;
        }
        fit += is_parameter(segment) ? PATH_BYTES_MAX : PATH_BYTES_MAX + 1;
    }
    return fit;
}

static bool is_same_path(struct slice a, struct slice b)
{
    unsigned fit = path_fits(a, b);
    return fit != 0 && fit == path_fits(b, a);
}

/* ---------------------------------------------------------------- permissions of users' roles */

struct path_permission {
    struct slice path;
    uint8_t operations;
};

struct path_permissions {
    struct path_permission at[ROLE_PATHS_MAX];
    uint32_t count;
};

/* In the order in which they are written. */
static const struct {
    char letter;
    uint8_t operations;
} letters[] = {
    {'c', PERM_CREATE},
    {'r', PERM_READ | PERM_LIST},
    {'u', PERM_UPDATE},
    {'d', PERM_DELETE},
};

/* What <row> gives to users, on its path without the optional end, and with it. */
struct user_forms {
    struct slice brief;
    struct slice full;
    uint8_t on_brief;
    uint8_t on_full;
};

static bool user_forms(enum perm_subject subject, struct user_forms *forms)
{
    const struct perm_row *row = perm_row(subject);
    if (row->role_path == NULL) {
        return false;
    }
    const uint8_t operations = row->operations[ACTOR_USER];
    forms->full = slice_of_text(row->role_path);
    forms->brief = slice_first(forms->full, slice_find(forms->full, '['));
    bool has_end = forms->brief.bytes < forms->full.bytes;
    uint8_t on_brief = PERM_CREATE | PERM_LIST;
    forms->on_brief = has_end ? operations & on_brief : operations;
    forms->on_full = has_end ? operations & (uint8_t)~on_brief : 0;
    return true;
}

/* All that users may do at <path> and below it; *is_path: it is, or begins, a path that they have.
 */
static uint8_t operations_below(struct slice path, bool *is_path)
{
    uint8_t operations = 0;
    *is_path = false;
    for (int subject = 0; subject < PERM_SUBJECT_COUNT; subject++) {
        struct user_forms forms;
        if (!user_forms((enum perm_subject)subject, &forms)) {
            continue;
        }
        if (path_fits(path, forms.brief) != 0) {
            *is_path = true;
            operations |= forms.on_brief;
        }
        if (path_fits(path, forms.full) != 0) {
            *is_path = true;
            operations |= forms.on_full;
        }
    }
    return operations;
}

/* Begins with a slash, and no segment is empty; of segments, what is not a parameter is compared
 * with the table and needs no check of its own. */
static bool is_path_text(struct slice path)
{
    struct slice segment;
    if (slice_find(path, '[') < path.bytes || slice_find(path, ']') < path.bytes) {
        return false;
    }
    while (!slice_is_empty(path)) {
        if (path.at[0] != '/') {
            return false;
        }
        path = slice_from(path, 1);
        if (slice_is_empty(path) || path.at[0] == '/' || !next_segment(&path, &segment)) {
            return false;
        }
    }
    return true;
}

/* Reads "cru": each letter once, in any order. */
static struct err read_access(struct slice text, uint8_t *operations)
{
    *operations = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t added = 0;
        for (size_t k = 0; k < ARRAY_LEN(letters); k++) {
            added = text.at[i] == letters[k].letter ? letters[k].operations : added;
        }
        if (added == 0 || (*operations & added) != 0) {
            return ERR(FIELD_INVALID);
        }
        *operations |= added;
    }
    return text.bytes > 0 ? ERR(OK) : ERR(FIELD_INVALID);
}

static struct err read_path_permission(struct json_value item, struct path_permission *permission)
{
    struct json_value path = json_member(item, SLICE("path"));
    struct json_value access = json_member(item, SLICE("access"));
    if (path.type == JSON_NONE || access.type == JSON_NONE) {
        return item.type == JSON_OBJECT ? ERR(FIELD_MISSING) : ERR(SHAPE_INVALID);
    }
    if (path.type != JSON_STRING || access.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    /* No path that users have needs an escape: one that has some is none. */
    permission->path = json_string_raw(path);
    return read_access(json_string_raw(access), &permission->operations);
}

static struct err check_path_permission(const struct path_permissions *before,
                                        const struct path_permission *permission)
{
    bool is_path;
    if (permission->path.bytes > PATH_BYTES_MAX || !is_path_text(permission->path)) {
        return ERR(FIELD_INVALID);
    }
    uint8_t operations = operations_below(permission->path, &is_path);
    if (!is_path) {
        return ERR(FIELD_INVALID);
    }
    for (uint32_t i = 0; i < before->count; i++) {
        if (is_same_path(before->at[i].path, permission->path)) {
            return ERR(FIELD_INVALID);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        uint8_t wanted = permission->operations & letters[i].operations;
        if (wanted != 0 && (operations & wanted) == 0) {
            return ERR(GRANTS_TOO_MUCH);
        }
    }
    return ERR(OK);
}

static void write_path_permission(struct buf *out, struct slice path, uint8_t operations)
{
    json_write_comma(out);
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("path"), path);
    json_write_name(out, SLICE("access"));
    buf_put_byte(out, '"');
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if ((operations & letters[i].operations) != 0) {
            buf_put_byte(out, (uint8_t)letters[i].letter);
        }
    }
    buf_put_byte(out, '"');
    json_write_close(out, '}');
}

struct err role_check_user(struct json_value permissions, struct buf *out)
{
    struct path_permissions all;
    struct json_value item;
    if (permissions.type != JSON_ARRAY) {
        return ERR(SHAPE_INVALID);
    }
    all.count = 0;
    json_write_open(out, '[');
    struct json_each each = json_each(permissions);
    while (json_array_next(&each, &item)) {
        if (all.count == ROLE_PATHS_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        struct path_permission *permission = &all.at[all.count];
        TRY(read_path_permission(item, permission));
        TRY(check_path_permission(&all, permission));
        write_path_permission(out, permission->path, permission->operations);
        all.count++;
    }
    json_write_close(out, ']');
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

void role_write_base(struct buf *out)
{
    json_write_open(out, '[');
    for (int subject = 0; subject < PERM_SUBJECT_COUNT; subject++) {
        struct user_forms forms;
        if (user_forms((enum perm_subject)subject, &forms)) {
            write_path_permission(out, forms.brief, forms.on_brief | forms.on_full);
        }
    }
    json_write_close(out, ']');
}

/* What the entry that fits best gives there. */
static uint8_t operations_at(const struct path_permissions *all, struct slice path)
{
    unsigned best = 0;
    uint8_t operations = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        unsigned fit = path_fits(all->at[i].path, path);
        if (fit > best) {
            best = fit;
            operations = all->at[i].operations;
        }
    }
    return operations;
}

struct perm_rights role_user_rights(struct slice permissions)
{
    struct perm_rights rights = {{0}};
    struct path_permissions all;
    struct json_value array = as_array(permissions);
    struct json_value item;
    all.count = 0;
    if (array.type == JSON_NONE) {
        return rights;
    }
    struct json_each each = json_each(array);
    while (all.count < ROLE_PATHS_MAX && json_array_next(&each, &item)) {
        if (!err_is_set(read_path_permission(item, &all.at[all.count]))) {
            all.count++;
        }
    }
    for (int subject = 0; subject < PERM_SUBJECT_COUNT; subject++) {
        struct user_forms forms;
        if (user_forms((enum perm_subject)subject, &forms)) {
            uint8_t on_brief = operations_at(&all, forms.brief) & forms.on_brief;
            uint8_t on_full = operations_at(&all, forms.full) & forms.on_full;
            rights.operations[subject] = on_brief | on_full;
        }
    }
    return rights;
}
