/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/id.h"

/* ---------------------------------------------------------------- the fields of a thng */

struct check {
    bool creating;
    const struct id *id; /* the path's; NULL when creating */
    const struct document_limits *limits;
    struct buf *members;
    struct buf *scopes;
    struct document_body *out;
};

/* What null means as the value of a field. */
enum null_rule {
    NULL_REFUSED, /* the field must be there */
    NULL_UNSETS,
    NULL_IGNORED, /* as if it were absent */
};

struct field {
    struct slice name;
    /* Judges the value, which is not null, and says in *kept what becomes a member; an empty one
     * says that nothing does. */
    struct err (*check)(struct check *check, struct json_value value, struct slice *kept);
    enum null_rule null_rule;
    bool creating_only;
};

static const struct slice null_text = SLICE_INIT("null");

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

static struct err check_text(struct json_value value, uint32_t characters_max)
{
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    struct slice raw = json_string_raw(value);
    bool is_short = raw.bytes <= characters_max || count_characters(raw) <= characters_max;
    return is_short ? ERR(OK) : ERR(FIELD_TOO_LONG);
}

static struct err check_id(struct check *check, struct json_value value, struct slice *kept)
{
    (void)kept;
    if (check->id != NULL && !json_string_equals(value, id_slice(check->id))) {
        return ERR(ID_MISMATCH);
    }
    return ERR(OK);
}

static struct err check_name(struct check *check, struct json_value value, struct slice *kept)
{
    TRY(check_text(value, check->limits->name_characters_max));
    *kept = value.text;
    return json_string_raw(value).bytes == 0 ? ERR(FIELD_INVALID) : ERR(OK);
}

static struct err check_description(struct check *check, struct json_value value,
                                    struct slice *kept)
{
    *kept = value.text;
    return check_text(value, check->limits->description_characters_max);
}

/* An empty type unsets it. */
static struct err check_type(struct check *check, struct json_value value, struct slice *kept)
{
    TRY(check_text(value, check->limits->type_characters_max));
    *kept = json_string_raw(value).bytes == 0 ? null_text : value.text;
    return ERR(OK);
}

static struct err check_tags(struct check *check, struct json_value value, struct slice *kept)
{
    if (value.type != JSON_ARRAY) {
        return ERR(FIELD_INVALID);
    }
    struct json_each each = json_each(value);
    struct json_value tag;
    uint32_t count = 0;
    while (json_array_next(&each, &tag)) {
        if (++count > check->limits->tag_count_max) {
            return ERR(FIELD_TOO_LONG);
        }
        TRY(check_text(tag, check->limits->tag_characters_max));
    }
    *kept = value.text;
    return ERR(OK);
}

static struct err check_custom_fields(struct check *check, struct json_value value,
                                      struct slice *kept)
{
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    *kept = value.text;
    bool is_short = value.text.bytes <= check->limits->custom_fields_bytes_max;
    return is_short ? ERR(OK) : ERR(FIELD_TOO_LONG);
}

/* Values are strings; other scalars are seen in the wild and kept as they are. */
static struct err check_identifiers(struct check *check, struct json_value value,
                                    struct slice *kept)
{
    (void)check;
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
    *kept = value.text;
    return ERR(OK);
}

static struct err check_product(struct check *check, struct json_value value, struct slice *kept)
{
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    if (!id_parse(json_string_raw(value), &check->out->product)) {
        return ERR(REFERENCE_UNKNOWN);
    }
    check->out->has_product = true;
    *kept = value.text;
    return ERR(OK);
}

/* An array of ids, or of the word that stands for all of them, in either of its spellings. */
static struct err write_scope(struct buf *out, struct json_value list, struct slice all_alias)
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
        if (json_string_equals(item, SLICE("all")) || json_string_equals(item, all_alias)) {
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

static struct err check_scopes(struct check *check, struct json_value value, struct slice *kept)
{
    (void)kept;
    struct buf *out = check->scopes;
    json_write_open(out, '{');
    json_write_name(out, SLICE("users"));
    TRY(write_scope(out, json_member(value, SLICE("users")), SLICE("allU")));
    json_write_name(out, SLICE("projects"));
    TRY(write_scope(out, json_member(value, SLICE("projects")), SLICE("allP")));
    json_write_close(out, '}');
    check->out->has_scopes = true;
    return ERR(OK);
}

static struct err check_properties(struct check *check, struct json_value value, struct slice *kept)
{
    (void)kept;
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    check->out->has_properties = true;
    check->out->properties = value;
    return ERR(OK);
}

static struct err check_location(struct check *check, struct json_value value, struct slice *kept)
{
    (void)kept;
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    check->out->has_location = true;
    check->out->location = value;
    return ERR(OK);
}

/* What takes effect in a body. All else (times, collections, batch and whatever is unknown) is left
 * out: clients send back whole documents as they read them. */
static const struct field thng_fields[] = {
    {SLICE_INIT("name"), check_name, NULL_REFUSED, false},
    {SLICE_INIT("description"), check_description, NULL_UNSETS, false},
    {SLICE_INIT("type"), check_type, NULL_UNSETS, false},
    {SLICE_INIT("product"), check_product, NULL_UNSETS, false},
    {SLICE_INIT("tags"), check_tags, NULL_UNSETS, false},
    {SLICE_INIT("identifiers"), check_identifiers, NULL_UNSETS, false},
    {SLICE_INIT("customFields"), check_custom_fields, NULL_UNSETS, false},
    {SLICE_INIT("scopes"), check_scopes, NULL_IGNORED, false},
    {SLICE_INIT("properties"), check_properties, NULL_IGNORED, true},
    {SLICE_INIT("location"), check_location, NULL_IGNORED, true},
    {SLICE_INIT("id"), check_id, NULL_IGNORED, false},
};

#define FIELD_NAME_INDEX 0 /* the one that a new document must have */

static const struct field *find_field(const struct json_member *member)
{
    for (size_t i = 0; i < ARRAY_LEN(thng_fields); i++) {
        if (json_member_is(member, thng_fields[i].name)) {
            return &thng_fields[i];
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- members without braces */

static bool is_space(uint8_t byte)
{
    return byte <= ' ';
}

/* The JSON <text> without the white space between its tokens: answers are compact, whatever a
 * document came as. */
static void put_compact(struct buf *out, struct slice text)
{
    size_t first = 0; /* of the run that has not been put yet */
    bool is_in_string = false;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t byte = text.at[i];
        if (is_in_string && byte == '\\') {
            i++;
        } else if (byte == '"') {
            is_in_string = !is_in_string;
        } else if (!is_in_string && is_space(byte)) {
            buf_put_bytes(out, text.at + first, i - first);
            first = i + 1;
        }
    }
    buf_put_bytes(out, text.at + first, text.bytes - first);
}

static void put_member(struct buf *members, struct slice name, struct slice value)
{
    if (buf_bytes(members) > 0) {
        buf_put_byte(members, ',');
    }
    buf_put_byte(members, '"');
    buf_put(members, name);
    BUF_PUT_LITERAL(members, "\":");
    put_compact(members, value);
}

static struct json_each members_each(struct slice members)
{
    return (struct json_each){.at = members.at,
                              .end = members.bytes ? members.at + members.bytes : members.at};
}

/* They were written by put_member: nothing stands behind the last one. */
static bool members_next(struct json_each *each, struct json_member *member)
{
    return each->at < each->end && json_object_next(each, member);
}

/* The value of a member; empty when there is none. */
static struct slice members_find(struct slice members, struct slice name)
{
    struct json_each each = members_each(members);
    struct json_member member;
    while (members_next(&each, &member)) {
        if (slice_equal(member.name, name)) {
            return member.value.text;
        }
    }
    return (struct slice){0};
}

/* ---------------------------------------------------------------- checking */

static struct err check_member(struct check *check, const struct field *field,
                               struct json_value value)
{
    if (field->creating_only && !check->creating) {
        return ERR(OK);
    }
    struct slice kept = {0};
    if (value.type != JSON_NULL) {
        TRY(field->check(check, value, &kept));
    } else if (field->null_rule == NULL_REFUSED) {
        return check->creating ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    } else if (field->null_rule == NULL_UNSETS) {
        kept = null_text;
    }
    if (!slice_is_empty(kept)) {
        put_member(check->members, field->name, kept);
    }
    return ERR(OK);
}

struct err document_check_thng(struct json_value body, bool creating, const struct id *id,
                               const struct document_limits *limits, struct buf *members,
                               struct buf *scopes, struct document_body *out, struct slice *field)
{
    *out = (struct document_body){0};
    *field = (struct slice){0};
    buf_reset(members);
    buf_reset(scopes);
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    struct check check = {creating, id, limits, members, scopes, out};
    bool has_name = false;
    struct json_each each = json_each(body);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        const struct field *known = find_field(&member);
        if (known == NULL) {
            continue;
        }
        has_name |= known == &thng_fields[FIELD_NAME_INDEX];
        *field = known->name;
        TRY(check_member(&check, known, member.value));
    }
    if (creating && !has_name) {
        *field = thng_fields[FIELD_NAME_INDEX].name;
        return ERR(FIELD_MISSING);
    }
    *field = (struct slice){0};
    out->members = buf_data(members);
    out->scopes = out->has_scopes ? buf_data(scopes) : (struct slice){0};
    return members->failed || scopes->failed ? ERR(NO_MEMORY) : ERR(OK);
}

/* ---------------------------------------------------------------- writing */

static bool is_null(struct slice value)
{
    return value.at[0] == 'n';
}

void document_create(struct buf *out, const struct id *id, int64_t now_ms, struct slice members)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(id));
    json_write_member_int(out, SLICE("createdAt"), now_ms);
    json_write_member_int(out, SLICE("updatedAt"), now_ms);
    struct json_each each = members_each(members);
    struct json_member member;
    while (members_next(&each, &member)) {
        if (!is_null(member.value.text)) {
            put_member(out, member.name, member.value.text);
        }
    }
    json_write_close(out, '}');
}

void document_merge(struct buf *out, struct slice document, struct slice patch, int64_t now_ms)
{
    const struct json_value old = {.type = JSON_OBJECT, .text = document};
    ASSERT(document.bytes >= 2 && document.at[0] == '{');
    json_write_open(out, '{');
    struct json_each each = json_each(old);
    struct json_member member;
    while (json_object_next(&each, &member)) {
        if (slice_equal(member.name, SLICE("updatedAt"))) {
            json_write_member_int(out, member.name, now_ms);
            continue;
        }
        struct slice value = members_find(patch, member.name);
        if (slice_is_empty(value)) {
            value = member.value.text;
        }
        if (!is_null(value)) {
            json_write_member_json(out, member.name, value);
        }
    }
    each = members_each(patch);
    while (members_next(&each, &member)) {
        bool is_new = json_member(old, member.name).type == JSON_NONE;
        if (is_new && !is_null(member.value.text)) {
            json_write_member_json(out, member.name, member.value.text);
        }
    }
    json_write_close(out, '}');
}
