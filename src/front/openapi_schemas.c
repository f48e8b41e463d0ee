/* SPDX-License-Identifier: Apache-2.0 */
#include "front/openapi_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/action.h"

/* ---- schemas that are no documents ---- */

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define TEXT "{\"type\":\"string\"}"
#define OBJECT "{\"type\":\"object\"}"
#define ID "{\"type\":\"string\",\"pattern\":\"^" OPENAPI_ID_PATTERN "$\"}"
#define TIME_MS "{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740991}"
#define API_KEY "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9]{80}$\"}"
/* Of one, or of several. */
#define ONE_OR_MORE(name) "{\"anyOf\":[{\"type\":\"array\",\"items\":" REF(name) "}," REF(name) "]}"
#define ARRAY_OF(schema) "{\"type\":\"array\",\"items\":" schema "}"

#define VALUE "{\"type\":[\"string\",\"number\",\"boolean\",\"array\",\"object\"]}"
#define PROPERTY_KEY "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}"
#define LATITUDE "{\"type\":\"number\",\"minimum\":-90,\"maximum\":90}"
#define LONGITUDE "{\"type\":\"number\",\"minimum\":-180,\"maximum\":180}"
#define POSITION                                                                            \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"Point\"},\"coordinates\":{" \
    "\"type\":\"array\",\"prefixItems\":[" LONGITUDE "," LATITUDE "],\"items\":{\"type\":"  \
    "\"number\"},\"minItems\":2,\"maxItems\":3}},\"required\":[\"coordinates\"]}"
#define WHERE                                                                      \
    "\"position\":" POSITION ",\"latitude\":" LATITUDE ",\"longitude\":" LONGITUDE \
    ",\"place\":" ID ",\"customFields\":" OBJECT

static const struct openapi_schema {
    const char *name;
    const char *schema;
} schemas[] = {
    {"Error",
     "{\"type\":\"object\",\"properties\":{\"status\":{\"type\":\"integer\"},\"errors\":{\"type\":"
     "\"array\",\"minItems\":1,\"items\":" TEXT "},\"code\":{\"type\":\"integer\"},\"moreInfo\":{"
     "\"type\":\"string\",\"format\":\"uri\"}},\"required\":[\"status\",\"errors\"]}"},
    {"NewPoint", "{\"type\":\"object\",\"properties\":{\"key\":" PROPERTY_KEY ",\"value\":" VALUE
                 ",\"timestamp\":" TIME_MS "},\"required\":[\"key\",\"value\"]}"},
    {"NewValue", "{\"type\":\"object\",\"properties\":{\"value\":" VALUE ",\"timestamp\":" TIME_MS
                 "},\"required\":[\"value\"]}"},
    {"Point", "{\"type\":\"object\",\"properties\":{\"createdAt\":" TIME_MS
              ",\"timestamp\":" TIME_MS ",\"key\":" PROPERTY_KEY ",\"value\":" VALUE
              "},\"required\":[\"createdAt\",\"timestamp\",\"key\",\"value\"]}"},
    {"HistoryPoint",
     "{\"type\":\"object\",\"properties\":{\"createdAt\":" TIME_MS ",\"timestamp\":" TIME_MS
     ",\"value\":" VALUE "},\"required\":[\"createdAt\",\"timestamp\",\"value\"]}"},
    {"NewLocation",
     "{\"type\":\"object\",\"properties\":{" WHERE ",\"timestamp\":" TIME_MS
     "},\"anyOf\":[{\"required\":[\"position\"]},{\"required\":[\"latitude\",\"longitude\"]},{"
     "\"required\":[\"place\"]}]}"},
    {"Location", "{\"type\":\"object\",\"properties\":{" WHERE ",\"timestamp\":" TIME_MS
                 ",\"createdAt\":" TIME_MS "},\"required\":[\"timestamp\",\"createdAt\"]}"},
    {"NewDeviceKey",
     "{\"type\":\"object\",\"properties\":{\"thngId\":" ID "},\"required\":[\"thngId\"]}"},
    {"DeviceKey", "{\"type\":\"object\",\"properties\":{\"thngId\":" ID ",\"thngApiKey\":" API_KEY
                  "},\"required\":[\"thngId\",\"thngApiKey\"]}"},
    {"SecretKey", "{\"type\":\"object\",\"properties\":{\"secretApiKey\":" API_KEY
                  "},\"required\":[\"secretApiKey\"]}"},
    {"Access",
     "{\"type\":\"object\",\"properties\":{\"account\":" ID ",\"actor\":{\"type\":\"object\","
     "\"properties\":{\"type\":{\"enum\":[\"operator\",\"app\",\"device\"]},\"id\":" ID
     "},\"required\":[\"type\",\"id\"]},\"project\":" ID "},\"required\":[\"account\",\"actor\"]}"},
    {"Time", "{\"type\":\"object\",\"properties\":{\"timestamp\":" TIME_MS ",\"localTime\":" TEXT
             ",\"offset\":{\"type\":\"integer\"},\"nextChange\":{\"type\":\"integer\"}},"
             "\"required\":[\"timestamp\"]}"},
    {"NewCommission",
     "{\"type\":\"object\",\"properties\":{\"product\":" TEXT ",\"location\":" REF(
         "NewLocation") ",\"occurredAt\":{\"type\":\"string\",\"format\":\"date-time\"},"
                        "\"purchaseOrder\":" TEXT ",\"factoryMetadata\":" OBJECT
                        "},\"required\":[\"product\",\"location\",\"occurredAt\"]}"},
    {"NewDecommission",
     "{\"type\":\"object\",\"properties\":{\"location\":" REF(
         "NewLocation") ",\"occurredAt\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
    {"CommissionState",
     "{\"type\":\"object\",\"properties\":{\"state\":{\"enum\":[\"commissioned\","
     "\"decommissioned\",\"not_commissioned\"]},\"occurredAt\":{\"type\":\"string\",\"format\":"
     "\"date-time\"}},\"required\":[\"state\"]}"},
    {"LogEntry",
     "{\"type\":\"object\",\"properties\":{\"jobId\":" TEXT ",\"type\":{\"const\":\"ERROR\"},"
     "\"message\":" TEXT ",\"payload\":" OBJECT "},\"required\":[\"type\",\"message\"]}"},
};

/* ---- documents ---- */

static const struct document_kind *kind_at(size_t index)
{
    size_t kind = RESOURCE_THNG + index;
    return kind < RESOURCE_KIND_COUNT ? document_kind((enum resource_kind)kind) : NULL;
}

/* The schema of a field, told to be read-only if it is. */
static void put_field(struct buf *out, const struct document_field *field)
{
    struct slice schema = slice_of_text(field->schema);
    ASSERT(schema.bytes >= 2 && schema.at[0] == '{');
    json_write_name(out, slice_of_text(field->name));
    if (!field->is_read_only) {
        buf_put(out, schema);
        return;
    }
    json_write_open(out, '{');
    json_write_member_boolean(out, SLICE("readOnly"), true);
    if (schema.bytes > 2) {
        buf_put_byte(out, ',');
    }
    buf_put(out, slice_from(schema, 1));
}

static void put_document_schema(struct buf *out, const struct document_kind *kind)
{
    struct document_field field;
    json_write_name(out, slice_of_text(kind->schema));
    BUF_PUT_LITERAL(out, "{\"type\":\"object\",\"properties\":");
    json_write_open(out, '{');
    for (size_t i = 0; document_field(kind->kind, i, &field); i++) {
        put_field(out, &field);
    }
    json_write_close(out, '}');
    json_write_close(out, '}');
}

/* What a POST needs besides. */
static void put_new_schema(struct buf *out, const struct document_kind *kind)
{
    struct document_field field;
    json_write_comma(out);
    buf_put_format(out, "\"New%s\":{\"allOf\":[{\"$ref\":\"#/components/schemas/%s\"}",
                   kind->schema, kind->schema);
    BUF_PUT_LITERAL(out, ",{\"type\":\"object\",\"required\":");
    json_write_open(out, '[');
    for (size_t i = 0; document_field(kind->kind, i, &field); i++) {
        if (field.is_required) {
            json_write_comma(out);
            json_write_string(out, slice_of_text(field.name));
        }
    }
    json_write_close(out, ']');
    BUF_PUT_LITERAL(out, "}]}");
}

/* A type that always exists is no document: it has a name and nothing else. */
static void put_built_in_schema(struct buf *out)
{
    struct slice name;
    json_write_name(out, SLICE("BuiltInActionType"));
    BUF_PUT_LITERAL(out, "{\"type\":\"object\",\"properties\":{\"name\":{\"enum\":");
    json_write_open(out, '[');
    for (size_t i = 0; action_type_built_in(i, &name); i++) {
        json_write_comma(out);
        json_write_string(out, name);
    }
    json_write_close(out, ']');
    BUF_PUT_LITERAL(out, "}},\"required\":[\"name\"]}");
}

void openapi_put_all_schemas(struct buf *out)
{
    const struct document_kind *kind;
    for (size_t i = 0; (kind = kind_at(i)) != NULL; i++) {
        put_document_schema(out, kind);
        put_new_schema(out, kind);
    }
    put_built_in_schema(out);
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        json_write_member_json(out, slice_of_text(schemas[i].name),
                               slice_of_text(schemas[i].schema));
    }
}

/* ---- bodies ---- */

/* "NewThng", "Thng": the schema of the kind's documents. */
static void put_document_reference(struct buf *out, enum resource_kind kind, const char *prefix)
{
    buf_put_format(out, "{\"$ref\":\"#/components/schemas/%s%s\"}", prefix,
                   document_kind(kind)->schema);
}

static void put_body_schema(struct buf *out, const struct rest_route *route)
{
    static const char *const texts[] = {
        [BODY_POINTS] = ONE_OR_MORE("NewPoint"),
        [BODY_VALUES] = ONE_OR_MORE("NewValue"),
        [BODY_LOCATIONS] = ONE_OR_MORE("NewLocation"),
        [BODY_ACTIONS] = ONE_OR_MORE("Action"),
        [BODY_IDS] = ARRAY_OF(ID),
        [BODY_DEVICE_KEY] = REF("NewDeviceKey"),
        [BODY_COMMISSION] = REF("NewCommission"),
        [BODY_DECOMMISSION] = REF("NewDecommission"),
        [BODY_BYTES] = "{}",
    };
    if (route->body == BODY_DOCUMENT) {
        put_document_reference(out, route->kind, route->method == HTTP1_POST ? "New" : "");
        return;
    }
    ASSERT(route->body < ARRAY_LEN(texts) && texts[route->body] != NULL);
    buf_put(out, slice_of_text(texts[route->body]));
}

static struct slice media_type(bool is_bytes)
{
    return is_bytes ? SLICE("*/*") : SLICE("application/json");
}

void openapi_put_body(struct buf *out, const struct rest_route *route)
{
    if (route->body == BODY_NONE) {
        return;
    }
    json_write_name(out, SLICE("requestBody"));
    buf_put_format(out, "{\"required\":%s,\"content\":{\"%.*s\":{\"schema\":",
                   route->body == BODY_DECOMMISSION ? "false" : "true",
                   SLICE_ARGS(media_type(route->body == BODY_BYTES)));
    put_body_schema(out, route);
    BUF_PUT_LITERAL(out, "}}}");
}

/* ---- answers ---- */

static void put_documents_schema(struct buf *out, enum resource_kind kind)
{
    BUF_PUT_LITERAL(out, "{\"type\":\"array\",\"items\":");
    if (kind == RESOURCE_ACTION_TYPE) {
        BUF_PUT_LITERAL(out, "{\"anyOf\":[" REF("BuiltInActionType") ",");
        put_document_reference(out, kind, "");
        BUF_PUT_LITERAL(out, "]}");
    } else {
        put_document_reference(out, kind, "");
    }
    json_write_close(out, '}');
}

static void put_reply_schema(struct buf *out, const struct rest_route *route)
{
    static const char *const texts[] = {
        [REPLY_COLLECTION] = REF("Collection"),
        [REPLY_THNGS] = ARRAY_OF(REF("Thng")),
        [REPLY_POINTS] = ARRAY_OF(REF("Point")),
        [REPLY_HISTORY] = ARRAY_OF(REF("HistoryPoint")),
        [REPLY_LOCATIONS] = ARRAY_OF(REF("Location")),
        [REPLY_ACTION] = REF("Action"),
        [REPLY_ACTIONS] = ARRAY_OF(REF("Action")),
        [REPLY_ACTION_OR_ACTIONS] = ONE_OR_MORE("Action"),
        [REPLY_DEVICE_KEY] = REF("DeviceKey"),
        [REPLY_SECRET_KEY] = REF("SecretKey"),
        [REPLY_ACCESS] = REF("Access"),
        [REPLY_RATE_LIMITS] = ARRAY_OF(OBJECT),
        [REPLY_TIME] = REF("Time"),
        [REPLY_LOGS] = ARRAY_OF(REF("LogEntry")),
        [REPLY_COMMISSION_STATE] = REF("CommissionState"),
        [REPLY_OBJECT] = OBJECT,
        [REPLY_BYTES] = "{}",
    };
    switch (route->reply) {
    case REPLY_DOCUMENT:
        put_document_reference(out, route->kind, "");
        return;
    case REPLY_DOCUMENTS:
        put_documents_schema(out, route->kind);
        return;
    default:
        ASSERT(route->reply < ARRAY_LEN(texts) && texts[route->reply] != NULL);
        buf_put(out, slice_of_text(texts[route->reply]));
    }
}

static void put_header(struct buf *out, const char *name, const char *help, const char *schema)
{
    json_write_comma(out);
    buf_put_format(out, "\"%s\":{\"description\":\"%s\",\"schema\":%s}", name, help, schema);
}

static void put_headers(struct buf *out, const struct rest_route *route)
{
    bool is_page = route->flags & ROUTE_LIST && route->method == HTTP1_GET;
    bool is_bulk = route->flags & ROUTE_LIST && route->method != HTTP1_GET;
    bool is_creation = route->body == BODY_DOCUMENT && route->method == HTTP1_POST;
    if (!is_page && !is_bulk && !is_creation) {
        return;
    }
    json_write_name(out, SLICE("headers"));
    json_write_open(out, '{');
    if (is_creation) {
        put_header(out, "Location", "Where it is.", "{\"type\":\"string\"}");
    }
    if (is_page) {
        put_header(out, "Link",
                   "The next page, if there is one: <URL>; rel=\\\"next\\\", with the URL "
                   "percent-encoded as a whole.",
                   "{\"type\":\"string\"}");
    }
    if (is_page || is_bulk) {
        put_header(out, "X-Result-Count", "How many there are.", "{\"type\":\"integer\"}");
    }
    json_write_close(out, '}');
}

void openapi_put_responses(struct buf *out, const struct rest_route *route)
{
    json_write_name(out, SLICE("responses"));
    buf_put_format(out, "{\"%d\":", route->status);
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("description"), SLICE("Done."));
    put_headers(out, route);
    if (route->reply != REPLY_NONE) {
        json_write_name(out, SLICE("content"));
        buf_put_format(
            out, "{\"%.*s\":{\"schema\":", SLICE_ARGS(media_type(route->reply == REPLY_BYTES)));
        put_reply_schema(out, route);
        BUF_PUT_LITERAL(out, "}}");
    }
    json_write_close(out, '}');
    json_write_member_json(out, SLICE("default"),
                           SLICE("{\"$ref\":\"#/components/responses/Error\"}"));
    json_write_close(out, '}');
}
