/* SPDX-License-Identifier: Apache-2.0
 *
 * What a task is asked to do (contract: REST 10.3). Which parameters it needs depends on the type
 * of the task and on that of the parameters; all are checked here, when the task is made, so that
 * only what happens meanwhile can make it fail.
 *
 * The template of its thngs is kept as it was checked: read-only and unknown members are left out,
 * and what a thng's document does not hold stands in it under its own name: "scopes", canonical,
 * "properties" and "location". */
#include "model/document_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"

#define QUANTITY_MAX 1000000
#define IN_PARAMETERS "inputParameters."

/* The kinds of parameters, as bits: whom a row concerns. */
enum input_kind {
    INPUT_FIXED_AMOUNT = 1,
    INPUT_LIST = 2,
    INPUT_IDENTIFIERS = 4,
    INPUT_FILE = 8,
    INPUT_SHORT_IDS = 16, /* a SHORT_ID_GENERATION, whose parameters have no type */
    INPUT_POPULATING = INPUT_FIXED_AMOUNT | INPUT_LIST | INPUT_IDENTIFIERS | INPUT_FILE,
    INPUT_REDIRECTING = INPUT_FIXED_AMOUNT | INPUT_LIST | INPUT_FILE,
};

/* ---------------------------------------------------------------- single parameters */

static bool is_boolean(struct json_value value)
{
    return value.type == JSON_BOOLEAN;
}

static bool is_object(struct json_value value)
{
    return value.type == JSON_OBJECT;
}

static bool is_text(struct json_value value)
{
    return value.type == JSON_STRING;
}

static bool is_quantity(struct json_value value)
{
    int64_t quantity;
    return json_int64(value, &quantity) && quantity >= 1 && quantity <= QUANTITY_MAX;
}

static bool is_format(struct json_value value)
{
    return json_string_equals(value, SLICE("CSV")) || json_string_equals(value, SLICE("ZIP"));
}

static bool is_thng_id_template(struct json_value value)
{
    return json_string_equals(json_member(value, SLICE("type")), SLICE("THNG_ID"));
}

static bool is_short_id_template(struct json_value value)
{
    struct json_value type = json_member(value, SLICE("type"));
    return json_string_equals(type, SLICE("SEQUENTIAL")) ||
           json_string_equals(type, SLICE("PSEUDO_RANDOM"));
}

/* An array of at least one, each of them of that type. */
static bool is_list_of(struct json_value value, enum json_type type)
{
    if (value.type != JSON_ARRAY) {
        return false;
    }
    struct json_each each = json_each(value);
    struct json_value item;
    size_t count = 0;
    while (json_array_next(&each, &item)) {
        if (++count > QUANTITY_MAX || item.type != type) {
            return false;
        }
    }
    return count > 0;
}

static bool is_list_of_objects(struct json_value value)
{
    return is_list_of(value, JSON_OBJECT);
}

static bool is_custom_identifier(struct json_value value)
{
    struct json_value key = json_member(value, SLICE("key"));
    return key.type == JSON_STRING && json_string_raw(key).bytes > 0 &&
           is_list_of(json_member(value, SLICE("values")), JSON_STRING);
}

static const struct {
    struct slice path; /* "inputParameters.quantity" */
    bool (*is_valid)(struct json_value value);
    unsigned required_by; /* enum input_kind */
} parameters[] = {
    {SLICE_INIT(IN_PARAMETERS "generateThngs"), is_boolean, INPUT_POPULATING},
    {SLICE_INIT(IN_PARAMETERS "generateRedirections"), is_boolean, INPUT_POPULATING},
    {SLICE_INIT(IN_PARAMETERS "thngTemplate"), is_object, INPUT_POPULATING},
    {SLICE_INIT(IN_PARAMETERS "defaultRedirectUrl"), is_text, INPUT_REDIRECTING},
    {SLICE_INIT(IN_PARAMETERS "shortDomain"), is_text, INPUT_REDIRECTING},
    {SLICE_INIT(IN_PARAMETERS "quantity"), is_quantity, INPUT_FIXED_AMOUNT | INPUT_SHORT_IDS},
    {SLICE_INIT(IN_PARAMETERS "shortIdTemplate"), is_thng_id_template, INPUT_FIXED_AMOUNT},
    {SLICE_INIT(IN_PARAMETERS "shortIdTemplate"), is_short_id_template, INPUT_SHORT_IDS},
    {SLICE_INIT(IN_PARAMETERS "inputData"), is_list_of_objects, INPUT_LIST},
    {SLICE_INIT(IN_PARAMETERS "customIdentifier"), is_custom_identifier, INPUT_IDENTIFIERS},
    {SLICE_INIT(IN_PARAMETERS "location"), is_text, INPUT_FILE},
    {SLICE_INIT(IN_PARAMETERS "format"), is_format, INPUT_FILE},
};

static struct err check_parameters(struct check *check, struct json_value input,
                                   enum input_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        if ((parameters[i].required_by & kind) == 0) {
            continue;
        }
        *check->field = parameters[i].path;
        struct slice name = slice_from(parameters[i].path, sizeof(IN_PARAMETERS) - 1);
        struct json_value value = json_member(input, name);
        if (value.type == JSON_NONE || value.type == JSON_NULL) {
            return ERR(FIELD_MISSING);
        }
        if (!parameters[i].is_valid(value)) {
            return ERR(FIELD_INVALID);
        }
    }
    return ERR(OK);
}

/* ---------------------------------------------------------------- the whole of them */

static struct err read_kind(struct check *check, struct json_value input, enum input_kind *kind)
{
    static const struct {
        struct slice name;
        enum input_kind kind;
    } names[] = {
        {SLICE_INIT("FIXED_AMOUNT"), INPUT_FIXED_AMOUNT},
        {SLICE_INIT("LIST_BASED"), INPUT_LIST},
        {SLICE_INIT("IDENTIFIERS_LIST_BASED"), INPUT_IDENTIFIERS},
        {SLICE_INIT("FILE_BASED"), INPUT_FILE},
    };
    struct json_value task_type = json_member(check->body, SLICE("type"));
    if (json_string_equals(task_type, SLICE("SHORT_ID_GENERATION"))) {
        *kind = INPUT_SHORT_IDS;
        return ERR(OK);
    }
    *check->field = SLICE(IN_PARAMETERS "type");
    struct json_value type = json_member(input, SLICE("type"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_string_equals(type, names[i].name)) {
            *kind = names[i].kind;
            return ERR(OK);
        }
    }
    bool is_absent = type.type == JSON_NONE || type.type == JSON_NULL;
    return is_absent ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
}

/* How many there are to be made; 0 when only a file could tell. */
static int64_t total_amount(struct json_value input, enum input_kind kind)
{
    int64_t quantity = 0;
    if (kind == INPUT_LIST) {
        return (int64_t)json_count(json_member(input, SLICE("inputData")));
    }
    if (kind == INPUT_IDENTIFIERS) {
        struct json_value identifier = json_member(input, SLICE("customIdentifier"));
        return (int64_t)json_count(json_member(identifier, SLICE("values")));
    }
    if (kind != INPUT_FILE) {
        bool is_integer = json_int64(json_member(input, SLICE("quantity")), &quantity);
        ASSERT(is_integer); /* is_quantity */
    }
    return quantity;
}

/* Writes the template as an object of what was taken from it. */
static void write_template(struct buf *out, const struct document_body *checked)
{
    json_write_open(out, '{');
    struct json_each each = document_members_each(checked->members);
    struct json_member member;
    while (document_members_next(&each, &member)) {
        if (member.value.type != JSON_NULL) {
            json_write_member_json(out, member.name, member.value.text);
        }
    }
    if (checked->has_scopes) {
        json_write_member_json(out, SLICE("scopes"), checked->scopes);
    }
    if (checked->has_properties) {
        json_write_member_json(out, SLICE("properties"), checked->properties.text);
    }
    if (checked->has_location) {
        json_write_member_json(out, SLICE("location"), checked->location.text);
    }
    json_write_close(out, '}');
}

/* Checks the template as the body of a POST of a thng, with buffers of its own because this check
 * is inside another. */
static struct err take_template(struct check *check, struct json_value template, struct buf *out)
{
    struct buf members = {0};
    struct buf scopes = {0};
    struct document_body checked;
    struct slice field; /* inside the template: too fine */
    const struct document_check options = {
        .kind = RESOURCE_THNG,
        .is_creation = true,
        .limits = check->options->limits,
        .members = &members,
        .scopes = &scopes,
    };
    struct err err = document_check(&options, template, &checked, &field);
    if (!err_is_set(err)) {
        for (uint32_t i = 0; i < checked.reference_count; i++) {
            check_add_reference(check, checked.references[i].kind, &checked.references[i].id);
        }
        write_template(out, &checked);
    }
    buf_deinit(&members);
    buf_deinit(&scopes);
    return err;
}

/* The comma and the name of a member, with escapes as they were sent: they are not escaped anew. */
static void put_name(struct buf *out, struct slice name)
{
    json_write_comma(out);
    buf_put_byte(out, '"');
    buf_put(out, name);
    BUF_PUT_LITERAL(out, "\":");
}

/* Writes the parameters as they are kept: without nulls, and with the checked template. */
static struct err write_parameters(struct check *check, struct json_value input, struct buf *out)
{
    struct json_each each = json_each(input);
    struct json_member member;
    json_write_open(out, '{');
    while (json_object_next(&each, &member)) {
        if (member.value.type == JSON_NULL) {
            continue;
        }
        put_name(out, member.name);
        if (json_member_is(&member, SLICE("thngTemplate")) && is_object(member.value)) {
            *check->field = SLICE(IN_PARAMETERS "thngTemplate");
            TRY(take_template(check, member.value, out));
        } else {
            buf_put(out, member.value.text);
        }
    }
    json_write_close(out, '}');
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}

static struct err take_parameters(struct check *check, struct json_value input)
{
    struct buf text = {0};
    struct err err = write_parameters(check, input, &text);
    if (!err_is_set(err)) {
        document_put_member(check->options->members, SLICE("inputParameters"), buf_data(&text));
    }
    buf_deinit(&text);
    return err;
}

static void put_progress(struct check *check, int64_t total)
{
    struct buf *members = check->options->members;
    ASSERT(buf_bytes(members) > 0 || members->failed); /* the type, at least */
    BUF_PUT_LITERAL(members, ",\"progress\":{\"totalAmount\":");
    buf_put_decimal(members, total);
    BUF_PUT_LITERAL(members, ",\"contributions\":{}}");
}

struct err check_finish_task(struct check *check)
{
    if (!check->options->is_creation) {
        return ERR(OK); /* a task never changes by a body */
    }
    struct json_value input = json_member(check->body, SLICE("inputParameters"));
    *check->field = SLICE("inputParameters");
    if (!is_object(input)) {
        return input.type == JSON_NULL ? ERR(FIELD_MISSING) : ERR(FIELD_INVALID);
    }
    enum input_kind kind;
    TRY(read_kind(check, input, &kind));
    TRY(check_parameters(check, input, kind));
    TRY(take_parameters(check, input));
    put_progress(check, total_amount(input, kind));
    return ERR(OK);
}

/* ---------------------------------------------------------------- its other fields */

struct err field_take_task_type(struct check *check, const struct field *field,
                                struct json_value value)
{
    if (!json_string_equals(value, SLICE("POPULATING")) &&
        !json_string_equals(value, SLICE("SHORT_ID_GENERATION"))) {
        return ERR(FIELD_INVALID);
    }
    document_put_member(check->options->members, field->name, value.text);
    return ERR(OK);
}

static bool is_column_list(struct json_value value)
{
    if (value.type != JSON_ARRAY) {
        return false;
    }
    struct json_each each = json_each(value);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        if (!json_string_equals(item, SLICE("SHORT_ID")) &&
            !json_string_equals(item, SLICE("THNG"))) {
            return false;
        }
    }
    return true;
}

struct err field_take_task_output(struct check *check, const struct field *field,
                                  struct json_value value)
{
    struct json_value columns = json_member(value, SLICE("columns"));
    if (!json_string_equals(json_member(value, SLICE("type")), SLICE("CSV")) ||
        (columns.type != JSON_NONE && !is_column_list(columns))) {
        return ERR(FIELD_INVALID);
    }
    document_put_member(check->options->members, field->name, value.text);
    return ERR(OK);
}
