/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/action.h"
#include "model/id.h"
#include "model/location.h"
#include "model/property.h"

/* Of categories and of photos, and of a project's domains. */
#define TEXT_COUNT_MAX 100
/* Two names of at most 127 characters each (RFC 6838, 4.2), and a parameter. */
#define MEDIA_TYPE_BYTES_MAX 512
/* An escape has at most six bytes. */
#define ESCAPED_BYTES_MAX(bytes) (6 * (bytes))

/* ---------------------------------------------------------------- values */

/* The number of characters of a string. An escape is one of them, a pair of surrogates too. */
static size_t count_characters(struct slice raw)
{
    size_t count = 0;
    for (size_t i = 0; i < raw.bytes; count++) {
        if (raw.at[i] != '\\') {
            for (i++; i < raw.bytes && (raw.at[i] & 0xc0) == 0x80; i++) {
            }
        } else if (raw.at[i + 1] != 'u') {
            i += 2;
        } else {
            bool is_high = ascii_lower(raw.at[i + 2]) == 'd' && raw.at[i + 3] >= '8' &&
                           (raw.at[i + 3] <= '9' || ascii_lower(raw.at[i + 3]) <= 'b');
            /* The scanner lets no high surrogate stand alone. */
            i += is_high ? 12 : 6;
        }
    }
    return count;
}

struct err document_check_text(struct json_value value, uint32_t characters_max)
{
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    struct slice raw = json_string_raw(value);
    bool is_short = raw.bytes <= characters_max || count_characters(raw) <= characters_max;
    return is_short ? ERR(OK) : ERR(FIELD_TOO_LONG);
}

static struct err check_texts(struct json_value value, uint32_t count_max, uint32_t characters_max)
{
    if (value.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(value);
    struct json_value item;
    uint32_t count = 0;
    while (json_array_next(&each, &item)) {
        if (++count > count_max) {
            return ERR(FIELD_TOO_LONG);
        }
        TRY(document_check_text(item, characters_max));
    }
    return ERR(OK);
}

struct err document_check_tags(struct json_value value, const struct document_limits *limits)
{
    return check_texts(value, limits->tag_count_max, limits->tag_characters_max);
}

/* Values are strings; other scalars are seen in the wild and kept as they are. */
struct err document_check_identifiers(struct json_value value)
{
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(value);
    struct json_member member;
    uint32_t count = 0;
    while (json_object_next(&each, &member)) {
        if (++count > DOCUMENT_IDENTIFIER_COUNT_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        enum json_type type = member.value.type;
        if (type != JSON_STRING && type != JSON_NUMBER && type != JSON_BOOLEAN) {
            return ERR(FIELD_INVALID);
        }
    }
    return ERR(OK);
}

struct err document_check_custom_fields(struct json_value value,
                                        const struct document_limits *limits)
{
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    bool is_short = value.text.bytes <= limits->custom_fields_bytes_max;
    return is_short ? ERR(OK) : ERR(FIELD_TOO_LONG);
}

/* ---------------------------------------------------------------- taking fields */

struct err field_keep(struct check *check, const struct field *field, struct json_value value)
{
    document_put_member(check->options->members, field->name, value.text);
    return ERR(OK);
}

static struct err keep_null(struct check *check, const struct field *field)
{
    document_put_member(check->options->members, field->name, SLICE("null"));
    return ERR(OK);
}

void check_add_reference(struct check *check, enum resource_kind kind, const struct id *id)
{
    struct document_body *out = check->out;
    ASSERT(out->reference_count < DOCUMENT_REFERENCES_MAX);
    out->references[out->reference_count++] = (struct document_reference){.kind = kind, .id = *id};
}

struct err field_take_id(struct check *check, const struct field *field, struct json_value value)
{
    (void)field;
    const struct id *id = check->options->id;
    bool is_same = id == NULL || json_string_equals(value, id_slice(id));
    return is_same ? ERR(OK) : ERR(ID_MISMATCH);
}

static struct err check_name(struct check *check, struct json_value value)
{
    TRY(document_check_text(value, check->options->limits->name_characters_max));
    return json_string_raw(value).bytes == 0 ? ERR(FIELD_INVALID) : ERR(OK);
}

struct err field_take_name(struct check *check, const struct field *field, struct json_value value)
{
    TRY(check_name(check, value));
    return field_keep(check, field, value);
}

/* `fn` is the old name of `name`, and says the same always (contract: REST 5). */
struct err field_take_product_name(struct check *check, const struct field *field,
                                   struct json_value value)
{
    TRY(field_take_name(check, field, value));
    document_put_member(check->options->members, SLICE("fn"), value.text);
    return ERR(OK);
}

struct err field_take_unique_name(struct check *check, const struct field *field,
                                  struct json_value value)
{
    TRY(field_take_name(check, field, value));
    check->out->name = json_string_raw(value);
    return ERR(OK);
}

struct err field_take_action_type_name(struct check *check, const struct field *field,
                                       struct json_value value)
{
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    uint8_t decoded[ESCAPED_BYTES_MAX(ACTION_TYPE_BYTES_MAX)];
    struct slice raw = json_string_raw(value);
    if (raw.bytes > sizeof(decoded)) {
        return ERR(FIELD_TOO_LONG);
    }
    struct slice name = slice_of(decoded, json_raw_decode(raw, decoded));
    if (action_type_is_built_in(name)) {
        return ERR(NAME_TAKEN);
    }
    if (!action_type_is_custom_name(name)) {
        return ERR(FIELD_INVALID);
    }
    check->out->name = raw;
    return field_keep(check, field, value);
}

struct err field_take_description(struct check *check, const struct field *field,
                                  struct json_value value)
{
    TRY(document_check_text(value, check->options->limits->description_characters_max));
    return field_keep(check, field, value);
}

/* An empty type unsets it. */
struct err field_take_type(struct check *check, const struct field *field, struct json_value value)
{
    TRY(document_check_text(value, check->options->limits->type_characters_max));
    return json_string_raw(value).bytes == 0 ? keep_null(check, field)
                                             : field_keep(check, field, value);
}

/* It becomes a header of HTTP: printable ASCII, with a slash inside. What would need an escape in
 * JSON again is left out. */
static bool is_media_type(struct slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\') {
            return false;
        }
    }
    size_t slash = slice_find(text, '/');
    return slash > 0 && slash + 1 < text.bytes;
}

/* Kept without escapes ("image\/png"), so that it can be compared and sent as it is. */
struct err field_take_media_type(struct check *check, const struct field *field,
                                 struct json_value value)
{
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    uint8_t quoted[MEDIA_TYPE_BYTES_MAX + 2];
    struct slice raw = json_string_raw(value);
    if (raw.bytes > MEDIA_TYPE_BYTES_MAX) {
        return ERR(FIELD_TOO_LONG);
    }
    struct slice text = slice_of(quoted + 1, json_raw_decode(raw, quoted + 1));
    if (!is_media_type(text)) {
        return ERR(FIELD_INVALID);
    }
    quoted[0] = quoted[text.bytes + 1] = '"';
    document_put_member(check->options->members, field->name, slice_of(quoted, text.bytes + 2));
    return ERR(OK);
}

struct err field_take_text(struct check *check, const struct field *field, struct json_value value)
{
    TRY(document_check_text(value, check->options->limits->name_characters_max));
    return field_keep(check, field, value);
}

struct err field_take_url(struct check *check, const struct field *field, struct json_value value)
{
    TRY(document_check_text(value, URL_CHARACTERS_MAX));
    return field_keep(check, field, value);
}

struct err field_take_texts(struct check *check, const struct field *field, struct json_value value)
{
    TRY(check_texts(value, TEXT_COUNT_MAX, URL_CHARACTERS_MAX));
    return field_keep(check, field, value);
}

struct err field_take_tags(struct check *check, const struct field *field, struct json_value value)
{
    TRY(document_check_tags(value, check->options->limits));
    return field_keep(check, field, value);
}

struct err field_take_identifiers(struct check *check, const struct field *field,
                                  struct json_value value)
{
    TRY(document_check_identifiers(value));
    return field_keep(check, field, value);
}

struct err field_take_object(struct check *check, const struct field *field,
                             struct json_value value)
{
    TRY(document_check_custom_fields(value, check->options->limits));
    return field_keep(check, field, value);
}

struct err field_take_address(struct check *check, const struct field *field,
                              struct json_value value)
{
    TRY(document_check_custom_fields(value, check->options->limits));
    struct json_each each = json_each(value);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        if (member.value.type != JSON_STRING) {
            return ERR(FIELD_INVALID);
        }
    }
    return field_keep(check, field, value);
}

struct err field_take_time(struct check *check, const struct field *field, struct json_value value)
{
    int64_t time_ms;
    bool is_time = json_int64(value, &time_ms) && time_ms >= 0 && time_ms <= TIMESTAMP_MS_MAX;
    return is_time ? field_keep(check, field, value) : ERR(FIELD_INVALID);
}

struct err field_take_boolean(struct check *check, const struct field *field,
                              struct json_value value)
{
    return value.type == JSON_BOOLEAN ? field_keep(check, field, value) : ERR(FIELD_INVALID);
}

struct err field_take_reference(struct check *check, const struct field *field,
                                struct json_value value)
{
    struct id id;
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    if (!id_parse(json_string_raw(value), &id)) {
        return ERR(REFERENCE_UNKNOWN);
    }
    check_add_reference(check, field->refers_to, &id);
    return field_keep(check, field, value);
}

/* An array of ids, or of the word that stands for all of them, in either of its spellings. */
struct err field_write_scope(struct buf *out, struct json_value list, struct slice alias)
{
    if (list.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(list);
    struct json_value item;
    uint32_t count = 0;
    json_write_open(out, '[');
    while (json_array_next(&each, &item)) {
        struct id id;
        if (++count > DOCUMENT_SCOPE_COUNT_MAX) {
            return ERR(FIELD_TOO_LONG);
        }
        json_write_comma(out);
        if (json_string_equals(item, SLICE("all")) || json_string_equals(item, alias)) {
            json_write_string(out, SLICE("all"));
        } else if (item.type == JSON_STRING && id_parse(json_string_raw(item), &id)) {
            json_write_string(out, id_slice(&id));
        } else {
            return ERR(FIELD_INVALID);
        }
    }
    json_write_close(out, ']');
    return ERR(OK);
}

struct err field_take_scopes(struct check *check, const struct field *field,
                             struct json_value value)
{
    (void)field;
    struct buf *out = check->options->scopes;
    json_write_open(out, '{');
    json_write_name(out, SLICE("users"));
    TRY(field_write_scope(out, json_member(value, SLICE("users")), SLICE("allU")));
    json_write_name(out, SLICE("projects"));
    TRY(field_write_scope(out, json_member(value, SLICE("projects")), SLICE("allP")));
    json_write_close(out, '}');
    check->out->has_scopes = true;
    return ERR(OK);
}

struct err field_take_properties(struct check *check, const struct field *field,
                                 struct json_value value)
{
    (void)field;
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    check->out->has_properties = true;
    check->out->properties = value;
    return ERR(OK);
}

struct err field_take_location(struct check *check, const struct field *field,
                               struct json_value value)
{
    (void)field;
    struct location location;
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    TRY(location_read(value, &location));
    if (id_is_set(&location.place)) {
        check_add_reference(check, RESOURCE_PLACE, &location.place);
    }
    check->out->has_location = true;
    check->out->location = value;
    return ERR(OK);
}

/* A place has one position, whatever it was sent as; a PUT that names none clears it (contract:
 * REST 1.5, write rules). */
struct err check_finish_place(struct check *check)
{
    struct buf *members = check->options->members;
    struct location location;
    *check->field = SLICE("position");
    TRY(location_read_coordinates(check->body, &location));
    if (location_has_coordinates(&location)) {
        if (buf_bytes(members) > 0) {
            buf_put_byte(members, ',');
        }
        location_write_text(members, &location);
    } else if (!check->options->is_creation) {
        document_put_member(members, SLICE("latitude"), SLICE("null"));
        document_put_member(members, SLICE("longitude"), SLICE("null"));
        document_put_member(members, SLICE("position"), SLICE("null"));
    }
    return ERR(OK);
}

/* ---------------------------------------------------------------- bodies */

/* The row for a member, or NULL. */
static const struct field *find_field(const struct check *check, const struct field_table *table,
                                      const struct json_member *member)
{
    for (size_t i = 0; i < table->field_count; i++) {
        const struct field *field = &table->fields[i];
        if (json_member_is(member, field->name)) {
            return field;
        }
        if (check->options->is_creation && !slice_is_empty(field->alias) &&
            json_member_is(member, field->alias) &&
            json_member(check->body, field->name).type == JSON_NONE) {
            return field;
        }
    }
    return NULL;
}

static struct err check_member(struct check *check, const struct field *field,
                               struct json_value value)
{
    bool is_creation = check->options->is_creation;
    unsigned elsewhere = is_creation ? FIELD_UPDATE_ONLY : FIELD_CREATION_ONLY;
    if (field->take == NULL || (field->flags & elsewhere) != 0) {
        return ERR(OK);
    }
    if (value.type != JSON_NULL) {
        return field->take(check, field, value);
    }
    if ((field->flags & FIELD_REQUIRED) != 0) {
        return is_creation ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    }
    if (!slice_is_empty(field->initial)) {
        document_put_member(check->options->members, field->name, field->initial);
    } else if ((field->flags & FIELD_NULL_IGNORED) == 0) {
        return keep_null(check, field);
    }
    return ERR(OK);
}

/* Checks the members one by one; the bits of *given say which rows there was one for. */
static struct err check_members(struct check *check, const struct field_table *table,
                                uint32_t *given)
{
    struct json_each each = json_each(check->body);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        const struct field *field = find_field(check, table, &member);
        if (field != NULL) {
            *given |= UINT32_C(1) << (field - table->fields);
            *check->field = field->name;
            TRY(check_member(check, field, member.value));
        }
    }
    return ERR(OK);
}

/* What a new document must have, or has in any case. */
static struct err check_absent(struct check *check, const struct field_table *table, uint32_t given)
{
    for (size_t i = 0; i < table->field_count; i++) {
        const struct field *field = &table->fields[i];
        bool is_read_only = (field->flags & FIELD_READ_ONLY) != 0;
        if (!is_read_only && (given & UINT32_C(1) << i) != 0) {
            continue;
        }
        if ((field->flags & FIELD_REQUIRED) != 0) {
            *check->field = field->name;
            return ERR(FIELD_MISSING);
        }
        if (!slice_is_empty(field->initial)) {
            document_put_member(check->options->members, field->name, field->initial);
        }
    }
    return ERR(OK);
}

struct err document_check(const struct document_check *check, struct json_value body,
                          struct document_body *out, struct slice *field)
{
    *out = (struct document_body){0};
    *field = (struct slice){0};
    buf_reset(check->members);
    buf_reset(check->scopes);
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    ASSERT(check->kind != RESOURCE_ACTION);
    const struct field_table *table = document_table(check->kind);
    struct check inside = {.options = check, .body = body, .out = out, .field = field};
    uint32_t given = 0;
    TRY(check_members(&inside, table, &given));
    if (check->is_creation) {
        TRY(check_absent(&inside, table, given));
    }
    if (table->finish != NULL) {
        TRY(table->finish(&inside));
    }
    *field = (struct slice){0};
    out->members = buf_data(check->members);
    out->scopes = out->has_scopes ? buf_data(check->scopes) : (struct slice){0};
    return check->members->failed || check->scopes->failed ? ERR(NO_MEMORY) : ERR(OK);
}
