/* SPDX-License-Identifier: Apache-2.0 */
#include "model/action.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/document_inside.h"
#include "model/property.h"

/* ---------------------------------------------------------------- types */

static const struct slice built_in_types[] = {
    SLICE_INIT("checkins"),      SLICE_INIT("implicitScans"), SLICE_INIT("scans"),
    SLICE_INIT("shares"),        SLICE_INIT("encodings"),     SLICE_INIT("commissions"),
    SLICE_INIT("decommissions"), SLICE_INIT("invalidScans"),
};

bool action_type_is_built_in(struct slice type)
{
    for (size_t i = 0; i < ARRAY_LEN(built_in_types); i++) {
        if (slice_equal(type, built_in_types[i])) {
            return true;
        }
    }
    return false;
}

bool action_type_built_in(size_t index, struct slice *type)
{
    if (index >= ARRAY_LEN(built_in_types)) {
        return false;
    }
    *type = built_in_types[index];
    return true;
}

/* [A-Za-z0-9_.-], as many as a name may have: nothing that JSON or a path would escape. */
static bool is_plain(struct slice type)
{
    if (slice_is_empty(type) || type.bytes > ACTION_TYPE_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < type.bytes; i++) {
        uint8_t byte = type.at[i];
        uint8_t low = ascii_lower(byte);
        bool is_letter = low >= 'a' && low <= 'z';
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && !is_digit && byte != '_' && byte != '.' && byte != '-') {
            return false;
        }
    }
    return true;
}

bool action_type_is_custom_name(struct slice name)
{
    return is_plain(name) && name.at[0] == '_' && name.bytes >= 2;
}

/* ---------------------------------------------------------------- reading */

static bool is_present(struct json_value value)
{
    return value.type != JSON_NONE && value.type != JSON_NULL;
}

/* The path's type, else the body's; both must agree when there are both. */
static struct err read_type(const struct action_check *check, struct json_value value,
                            struct slice *type)
{
    if (is_present(value) && value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    struct slice raw = is_present(value) ? json_string_raw(value) : (struct slice){0};
    if (slice_is_empty(check->path_type)) {
        *type = raw;
        if (slice_is_empty(raw)) {
            return ERR(FIELD_MISSING);
        }
    } else {
        *type = check->path_type;
        if (!slice_is_empty(raw) && !json_raw_equals(raw, check->path_type)) {
            return ERR(FIELD_INVALID);
        }
    }
    /* Of any other spelling there is no type (contract: REST 7.2, unknown types). */
    return is_plain(*type) ? ERR(OK) : ERR(NOT_FOUND);
}

/* A target: the path's, else the body's, which must be the same when there are both. */
static struct err read_target(const struct action_check *check, enum resource_kind kind,
                              struct json_value value, struct id *id)
{
    const struct id *path_id = check->root == kind ? check->root_id : NULL;
    if (path_id != NULL) {
        *id = *path_id;
        bool is_same = !is_present(value) || json_string_equals(value, id_slice(path_id));
        return is_same ? ERR(OK) : ERR(FIELD_INVALID);
    }
    if (!is_present(value)) {
        return ERR(OK);
    }
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    return id_parse(json_string_raw(value), id) ? ERR(OK) : ERR(REFERENCE_UNKNOWN);
}

static struct err read_location(struct json_value value, struct action *action)
{
    if (!is_present(value)) {
        return ERR(OK);
    }
    if (value.type != JSON_OBJECT) {
        return ERR(FIELD_INVALID);
    }
    action->has_location = true;
    return location_read(value, &action->location);
}

static struct err read_location_source(struct json_value value, struct slice *source)
{
    static const struct slice sources[] = {SLICE_INIT("sensor"), SLICE_INIT("place"),
                                           SLICE_INIT("geoIp"), SLICE_INIT("unknown")};
    if (!is_present(value)) {
        return ERR(OK);
    }
    if (value.type != JSON_STRING) {
        return ERR(FIELD_INVALID);
    }
    *source = json_string_raw(value);
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (slice_equal(*source, sources[i])) {
            return ERR(OK);
        }
    }
    return ERR(FIELD_INVALID);
}

/* ---------------------------------------------------------------- members that are kept */

static struct err check_identifiers(struct json_value value, const struct document_limits *limits)
{
    (void)limits;
    return document_check_identifiers(value);
}

static struct err check_url(struct json_value value, const struct document_limits *limits)
{
    (void)limits;
    return document_check_text(value, URL_CHARACTERS_MAX);
}

static struct err check_name(struct json_value value, const struct document_limits *limits)
{
    return document_check_text(value, limits->name_characters_max);
}

/* What only other clients know the shape of. */
static struct err check_any(struct json_value value, const struct document_limits *limits)
{
    bool is_short = value.text.bytes <= limits->custom_fields_bytes_max;
    return is_short ? ERR(OK) : ERR(FIELD_TOO_LONG);
}

static const struct {
    struct slice name;
    struct err (*check)(struct json_value value, const struct document_limits *limits);
} kept_members[] = {
    {SLICE_INIT("identifiers"), check_identifiers},
    {SLICE_INIT("tags"), document_check_tags},
    {SLICE_INIT("customFields"), document_check_custom_fields},
    {SLICE_INIT("url"), check_url},
    {SLICE_INIT("shortId"), check_name},
    {SLICE_INIT("shortDomain"), check_name},
    {SLICE_INIT("sharedWith"), check_any},
    {SLICE_INIT("device"), check_any},
};

static struct err read_members(const struct action_check *check, struct json_value body,
                               struct slice *members, struct slice *field)
{
    struct buf *out = check->members;
    size_t before = buf_bytes(out);
    for (size_t i = 0; i < ARRAY_LEN(kept_members); i++) {
        *field = kept_members[i].name;
        struct json_value value = json_member(body, kept_members[i].name);
        if (!is_present(value)) {
            continue;
        }
        TRY(kept_members[i].check(value, check->limits));
        if (buf_bytes(out) > before) {
            buf_put_byte(out, ',');
        }
        document_put_pair(out, kept_members[i].name, value.text);
    }
    if (out->failed) {
        return ERR(NO_MEMORY);
    }
    *members = slice_from(buf_data(out), before);
    return ERR(OK);
}

/* A member, with its name noted as the one at fault from now on. */
static struct json_value member(struct json_value body, struct slice name, struct slice *field)
{
    *field = name;
    return json_member(body, name);
}

struct err action_read(const struct action_check *check, struct json_value body,
                       struct action *action, struct slice *field)
{
    *action = (struct action){.timestamp_ms = TIMESTAMP_NONE};
    *field = (struct slice){0};
    if (body.type != JSON_OBJECT) {
        return ERR(SHAPE_INVALID);
    }
    TRY(read_type(check, member(body, SLICE("type"), field), &action->type));
    TRY(timestamp_read(member(body, SLICE("timestamp"), field), &action->timestamp_ms));
    TRY(read_target(check, RESOURCE_THNG, member(body, SLICE("thng"), field), &action->thng));
    TRY(read_target(check, RESOURCE_PRODUCT, member(body, SLICE("product"), field),
                    &action->product));
    TRY(read_target(check, RESOURCE_COLLECTION, member(body, SLICE("collection"), field),
                    &action->collection));
    TRY(read_location(member(body, SLICE("location"), field), action));
    TRY(read_location_source(member(body, SLICE("locationSource"), field),
                             &action->location_source));
    TRY(read_members(check, body, &action->members, field));
    *field = (struct slice){0};
    return ERR(OK);
}

/* ---------------------------------------------------------------- writing */

static void write_id(struct buf *out, struct slice name, const struct id *id)
{
    if (id_is_set(id)) {
        json_write_member_string(out, name, id_slice(id));
    }
}

static void write_actor(struct buf *out, const struct actor *actor)
{
    switch (actor->kind) {
    case ACTOR_APPLICATION:
    case ACTOR_TRUSTED:
        write_id(out, SLICE("createdByProject"), &actor->project);
        write_id(out, SLICE("createdByApp"), &actor->id);
        break;
    case ACTOR_USER:
        write_id(out, SLICE("user"), &actor->id);
        write_id(out, SLICE("createdByProject"), &actor->project);
        write_id(out, SLICE("createdByApp"), &actor->application);
        break;
    case ACTOR_DEVICE:
        write_id(out, SLICE("createdByThng"), &actor->id);
        break;
    default:
        break;
    }
}

/* Where it happened, and how that is known (contract: REST 7.2). */
static void write_location(struct buf *out, const struct action_origin *origin)
{
    if (slice_is_empty(origin->location)) {
        return;
    }
    json_write_name(out, SLICE("location"));
    json_write_open(out, '{');
    buf_put(out, origin->location);
    json_write_close(out, '}');
    struct slice source = origin->location_source;
    if (slice_is_empty(source)) {
        source = origin->is_by_place ? SLICE("place") : SLICE("unknown");
    }
    json_write_member_string(out, SLICE("locationSource"), source);
}

void action_write(struct buf *out, const struct action *action, const struct action_origin *origin)
{
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("id"), id_slice(&origin->id));
    json_write_member_string(out, SLICE("type"), action->type);
    json_write_member_int(out, SLICE("timestamp"), origin->timestamp_ms);
    json_write_member_int(out, SLICE("createdAt"), origin->created_ms);
    write_id(out, SLICE("thng"), &action->thng);
    write_id(out, SLICE("product"), &origin->product);
    write_id(out, SLICE("collection"), &action->collection);
    write_actor(out, origin->actor);
    write_location(out, origin);
    if (!slice_is_empty(action->members)) {
        json_write_comma(out);
        buf_put(out, action->members);
    }
    if (!slice_is_empty(origin->context)) {
        json_write_member_json(out, SLICE("context"), origin->context);
    }
    json_write_close(out, '}');
}

void action_targets(struct slice document, struct action_targets *targets)
{
    *targets = (struct action_targets){.type = document_text(document, SLICE("type"))};
    /* What is absent stays not set. */
    (void)!document_id(document, SLICE("thng"), &targets->thng);
    (void)!document_id(document, SLICE("product"), &targets->product);
    (void)!document_id(document, SLICE("collection"), &targets->collection);
}
