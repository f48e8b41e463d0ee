/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of who may do what: users, operators, roles, access policies and tokens, shares (contract:
 * auth.md 2.4, 2.5, 8; the limits are those of the official description). */
#include "model/document_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/role.h"

/* RFC 5321, 4.5.3.1.3: of a path with its brackets 256. */
#define EMAIL_BYTES_MAX 254
/* Of policies and tokens. */
#define NAME_CHARACTERS_MIN 5
#define NAME_CHARACTERS_MAX 128
#define HOMEPAGE_CHARACTERS_MAX 128
#define PERMISSION_BYTES_MAX 256
#define POLICIES_MAX 100
#define CONDITIONS_MAX 256
/* An escape has at most six bytes, and two of them may be one character. */
#define RAW_BYTES_MAX(characters) (12 * (characters))

static_assert(POLICIES_MAX + CONDITIONS_MAX + 1 <= DOCUMENT_REFERENCES_MAX,
              "an operator has a role as well");

/* ---------------------------------------------------------------- texts */

/* Keeps the text with no other escapes than it must have: so equal texts are equal bytes. */
static struct err keep_text(struct check *check, const struct field *field, struct slice text)
{
    struct buf quoted = {0};
    json_write_string(&quoted, text);
    struct err err = quoted.failed ? ERR(NO_MEMORY) : ERR(OK);
    if (!err_is_set(err)) {
        document_put_member(check->options->members, field->name, buf_data(&quoted));
    }
    buf_deinit(&quoted);
    return err;
}

/* Something, an @, and something; none of it is a space, a control character, or would need an
 * escape. More is for the mail to find out. */
static bool is_email(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (byte <= ' ' || byte == 0x7f || byte == '"' || byte == '\\') {
            return false;
        }
    }
    size_t at = slice_find(text, '@');
    return at > 0 && at + 1 < text.bytes;
}

struct err field_take_email(struct check *check, const struct field *field, struct json_value value)
{
    uint8_t decoded[RAW_BYTES_MAX(EMAIL_BYTES_MAX)];
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    struct slice raw = json_string_raw(value);
    if (raw.bytes > sizeof(decoded)) {
        return ERR(FIELD_TOO_LONG);
    }
    struct slice email = slice_of(decoded, json_raw_decode(raw, decoded));
    if (email.bytes > EMAIL_BYTES_MAX) {
        return ERR(FIELD_TOO_LONG);
    }
    return is_email(email) ? keep_text(check, field, email) : ERR(FIELD_INVALID);
}

/* ---------------------------------------------------------------- roles */

/* Which built-in roles a document of that kind may name. */
static bool may_have_built_in(enum resource_kind kind, struct slice role)
{
    bool is_none = slice_equal(role, ROLE_NONE);
    switch (kind) {
    case RESOURCE_OPERATOR:
        return is_none || slice_equal(role, ROLE_ADMIN);
    case RESOURCE_SHARE:
        return slice_equal(role, ROLE_BASE_APP_USER);
    default:
        return is_none || slice_equal(role, ROLE_BASE_APP_USER);
    }
}

/* The id of a role, or the name of a built-in one. Whether the role is for users or for operators
 * is for whoever finds it to say. */
struct err field_take_role(struct check *check, const struct field *field, struct json_value value)
{
    struct id id;
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    struct slice role = json_string_raw(value);
    if (id_parse(role, &id)) {
        check_add_reference(check, RESOURCE_ROLE, &id);
    } else if (!may_have_built_in(check->options->kind, role)) {
        return ERR(REFERENCE_UNKNOWN);
    }
    return field_keep(check, field, value);
}

struct err field_take_role_name(struct check *check, const struct field *field,
                                struct json_value value)
{
    struct buf decoded = {0};
    enum role_type type;
    TRY(document_check_text(value, check->options->limits->name_characters_max));
    json_string_decode(value, &decoded);
    struct slice name = buf_data(&decoded);
    struct err err = decoded.failed                  ? ERR(NO_MEMORY)
                     : slice_is_empty(name)          ? ERR(FIELD_INVALID)
                     : role_is_built_in(name, &type) ? ERR(NAME_TAKEN)
                                                     : keep_text(check, field, name);
    buf_deinit(&decoded);
    return err;
}

struct err field_take_role_type(struct check *check, const struct field *field,
                                struct json_value value)
{
    bool is_one = json_string_equals(value, SLICE("userInApp")) ||
                  json_string_equals(value, SLICE("operator"));
    if (!is_one) {
        return ERR(FIELD_INVALID);
    }
    uint8_t decoded[RAW_BYTES_MAX(sizeof("userInApp"))];
    return keep_text(check, field,
                     slice_of(decoded, json_raw_decode(json_string_raw(value), decoded)));
}

/* In which projects users can list it. What else the original's clients send, the roles that may,
 * is left out. */
struct err field_take_role_scopes(struct check *check, const struct field *field,
                                  struct json_value value)
{
    (void)field;
    struct buf *out = check->options->scopes;
    struct json_value users = json_member(value, SLICE("users"));
    json_write_open(out, '{');
    json_write_name(out, SLICE("users"));
    if (users.type == JSON_NONE) {
        BUF_PUT_LITERAL(out, "[\"all\"]");
    } else {
        TRY(field_write_scope(out, users, SLICE("allU")));
    }
    json_write_name(out, SLICE("projects"));
    TRY(field_write_scope(out, json_member(value, SLICE("projects")), SLICE("allP")));
    json_write_close(out, '}');
    check->out->has_scopes = true;
    return ERR(OK);
}

/* A new role gives nothing yet; one for users is shown to those of all projects, if the body does
 * not say of which. */
struct err check_finish_role(struct check *check)
{
    struct buf *members = check->options->members;
    if (!check->options->is_creation) {
        return ERR(OK);
    }
    struct json_value type = json_member(check->body, SLICE("type"));
    bool is_for_operators = json_string_equals(type, SLICE("operator"));
    if (!is_for_operators && !check->out->has_scopes) {
        BUF_PUT_LITERAL(check->options->scopes, "{\"users\":[\"all\"],\"projects\":[\"all\"]}");
        check->out->has_scopes = true;
    }
    if (!is_for_operators) {
        document_put_member(members, SLICE("permissions"), SLICE("[]"));
        return ERR(OK);
    }
    struct buf switches = {0};
    const struct json_value none = {.type = JSON_ARRAY, .text = SLICE("[]")};
    struct err err = role_check_operator((struct slice){0}, (struct slice){0}, none, &switches);
    if (!err_is_set(err)) {
        document_put_member(members, SLICE("permissions"), buf_data(&switches));
    }
    buf_deinit(&switches);
    return err;
}

/* ---------------------------------------------------------------- access policies */

/* A text of 5 to 128 characters, decoded into <to>. */
static struct err read_name(struct json_value value,
                            uint8_t to[static RAW_BYTES_MAX(NAME_CHARACTERS_MAX)],
                            struct slice *name)
{
    TRY(document_check_text(value, NAME_CHARACTERS_MAX));
    struct slice raw = json_string_raw(value);
    bool is_short = !err_is_set(document_check_text(value, NAME_CHARACTERS_MIN - 1));
    if (is_short) {
        return ERR(FIELD_INVALID);
    }
    *name = slice_of(to, json_raw_decode(raw, to));
    return ERR(OK);
}

static bool is_policy_name_byte(uint8_t byte)
{
    bool is_letter = ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z';
    bool is_digit = byte >= '0' && byte <= '9';
    bool is_space = byte == ' ' || (byte >= '\t' && byte <= '\r');
    return is_letter || is_digit || is_space || byte == ':' || byte == '.' || byte == '_' ||
           byte == '-';
}

struct err field_take_policy_name(struct check *check, const struct field *field,
                                  struct json_value value)
{
    uint8_t decoded[RAW_BYTES_MAX(NAME_CHARACTERS_MAX)];
    struct slice name;
    TRY(read_name(value, decoded, &name));
    for (size_t i = 0; i < name.bytes; i++) {
        if (!is_policy_name_byte(name.at[i])) {
            return ERR(FIELD_INVALID);
        }
    }
    return keep_text(check, field, name);
}

struct err field_take_homepage(struct check *check, const struct field *field,
                               struct json_value value)
{
    TRY(document_check_text(value, HOMEPAGE_CHARACTERS_MAX));
    bool is_empty = json_string_raw(value).bytes == 0;
    return is_empty ? ERR(FIELD_INVALID) : field_keep(check, field, value);
}

/* No permission needs an escape: one that has some is none. */
static struct err check_permissions(struct json_value value)
{
    struct perm_rights rights = {{0}};
    struct json_value item;
    uint32_t count = 0;
    if (value.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(value);
    while (json_array_next(&each, &item)) {
        if (item.type != JSON_STRING) {
            return ERR(FIELD_INVALID);
        }
        struct slice permission = json_string_raw(item);
        if (++count > POLICY_PERMISSIONS_MAX || permission.bytes > PERMISSION_BYTES_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        TRY(policy_add(permission, &rights));
    }
    return ERR(OK);
}

struct err field_take_permissions(struct check *check, const struct field *field,
                                  struct json_value value)
{
    TRY(check_permissions(value));
    return field_keep(check, field, value);
}

/* ---------------------------------------------------------------- access tokens */

struct err field_take_token_name(struct check *check, const struct field *field,
                                 struct json_value value)
{
    uint8_t decoded[RAW_BYTES_MAX(NAME_CHARACTERS_MAX)];
    struct slice name;
    TRY(read_name(value, decoded, &name));
    return keep_text(check, field, name);
}

/* Adds a reference, unless the body has named it before as that kind. */
static struct err add_once(struct check *check, enum resource_kind kind, const struct id *id)
{
    const struct document_body *out = check->out;
    for (uint32_t i = 0; i < out->reference_count; i++) {
        if (out->references[i].kind == kind && id_equal(&out->references[i].id, id)) {
            return ERR(FIELD_INVALID);
        }
    }
    check_add_reference(check, kind, id);
    return ERR(OK);
}

struct err field_take_policies(struct check *check, const struct field *field,
                               struct json_value value)
{
    struct json_value item;
    struct id id;
    uint32_t count = 0;
    if (value.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(value);
    while (json_array_next(&each, &item)) {
        if (++count > POLICIES_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        if (item.type != JSON_STRING) {
            return ERR(FIELD_INVALID);
        }
        if (!id_parse(json_string_raw(item), &id)) {
            return ERR(REFERENCE_UNKNOWN);
        }
        TRY(add_once(check, RESOURCE_ACCESS_POLICY, &id));
    }
    return field_keep(check, field, value);
}

struct err field_take_conditions(struct check *check, const struct field *field,
                                 struct json_value value)
{
    struct json_value item;
    struct id place;
    uint32_t count = 0;
    if (value.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(value);
    while (json_array_next(&each, &item)) {
        if (++count > CONDITIONS_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        if (item.type != JSON_STRING) {
            return ERR(FIELD_INVALID);
        }
        TRY(policy_condition(json_string_raw(item), &place));
        TRY(add_once(check, RESOURCE_PLACE, &place));
    }
    return field_keep(check, field, value);
}
