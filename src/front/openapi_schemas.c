/* SPDX-License-Identifier: Apache-2.0 */
#include "front/openapi_inside.h"

#include "base/assert.h"
#include "codec/json_write.h"
#include "model/action.h"
#include "model/role.h"

/* ---- schemas that are no documents ---- */

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define TEXT "{\"type\":\"string\"}"
#define OBJECT "{\"type\":\"object\"}"
#define ID "{\"type\":\"string\",\"pattern\":\"^" OPENAPI_ID_PATTERN "$\"}"
#define TIME_MS "{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740991}"
#define API_KEY "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9]{80}$\"}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define EMAIL "{\"type\":\"string\",\"minLength\":3,\"maxLength\":254}"
#define PASSWORD "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024}"
#define ACTIVATION_CODE "{\"type\":\"string\",\"minLength\":8,\"maxLength\":8}"
#define WITH_API_KEY \
    "{\"type\":\"object\",\"properties\":{\"apiKey\":" API_KEY "},\"required\":[\"apiKey\"]}"
#define PERMISSION "{\"anyOf\":[" REF("PathPermission") "," REF("OperatorPermission") "]}"
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
     "\"properties\":{\"type\":{\"enum\":[\"operator\",\"app\",\"userInApp\",\"device\","
     "\"accessToken\"]},\"id\":" ID "},\"required\":[\"type\",\"id\"]},\"project\":" ID
     "},\"required\":[\"account\",\"actor\"]}"},
    {"NewUserAccess",
     "{\"type\":\"object\",\"properties\":{\"firstName\":" TEXT ",\"lastName\":" TEXT
     ",\"email\":" EMAIL ",\"password\":" PASSWORD ",\"anonymous\":" BOOLEAN
     "},\"anyOf\":[{\"properties\":{\"anonymous\":{\"const\":true}},\"required\":[\"anonymous\"]},{"
     "\"required\":[\"firstName\",\"lastName\",\"email\",\"password\"]},{\"maxProperties\":0}]}"},
    {"Validation", "{\"type\":\"object\",\"properties\":{\"activationCode\":" ACTIVATION_CODE
                   "},\"required\":[\"activationCode\"]}"},
    {"Credentials", "{\"type\":\"object\",\"properties\":{\"email\":" EMAIL
                    ",\"password\":" PASSWORD "},\"required\":[\"email\",\"password\"]}"},
    {"UserAccess",
     "{\"type\":\"object\",\"properties\":{\"evrythngUser\":" ID ",\"evrythngApiKey\":" API_KEY
     ",\"activationCode\":" ACTIVATION_CODE ",\"status\":{\"enum\":[\"inactive\",\"active\","
     "\"anonymous\"]},\"email\":" EMAIL ",\"socialNetwork\":{\"const\":\"evrythng\"}},"
     "\"required\":[\"evrythngUser\",\"status\",\"email\"]}"},
    {"LoggedIn",
     "{\"allOf\":[" REF("User") ",{\"type\":\"object\",\"properties\":{\"access\":{\"type\":"
                                "\"object\",\"properties\":{\"id\":" ID ",\"project\":" ID
                                ",\"app\":" ID ",\"user\":" ID
                                ",\"actor\":{\"type\":\"object\"},\"role\":" TEXT
                                ",\"apiKey\":" API_KEY
                                "},\"required\":[\"apiKey\"]}},\"required\":[\"access\"]}]}"},
    {"LoggedOut", "{\"type\":\"object\",\"properties\":{\"logout\":{\"const\":\"ok\"}},"
                  "\"required\":[\"logout\"]}"},
    {"UserStatus",
     "{\"type\":\"object\",\"properties\":{\"activated\":" BOOLEAN ",\"activationDate\":" TIME_MS
     ",\"activationCode\":" ACTIVATION_CODE "},\"required\":[\"activated\"]}"},
    {"PathPermission",
     "{\"type\":\"object\",\"properties\":{\"path\":" TEXT ",\"access\":{\"type\":\"string\","
     "\"minLength\":1,\"maxLength\":4}},\"required\":[\"path\",\"access\"]}"},
    {"OperatorPermission",
     "{\"type\":\"object\",\"properties\":{\"name\":{\"enum\":[\"global_read\","
     "\"gl_resource_update\",\"gl_project_update\",\"project_read\",\"project_update\","
     "\"project_resource_update\"]},\"enabled\":" BOOLEAN ",\"projectScoped\":" BOOLEAN
     ",\"projects\":" ARRAY_OF(ID) "}}"},
    {"RoleName",
     "{\"type\":\"object\",\"properties\":{\"role\":" TEXT "},\"required\":[\"role\"]}"},
    {"NewAccountWithOperator",
     "{\"allOf\":[" REF("Account") ",{\"type\":\"object\",\"properties\":{\"operator\":{\"type\":"
                                   "\"object\",\"properties\":{\"firstName\":" TEXT
                                   ",\"lastName\":" TEXT ",\"email\":" TEXT
                                   "}}},\"required\":[\"name\"]}]}"},
    {"AccountWithOperator",
     "{\"allOf\":[" REF("Account") ",{\"type\":\"object\",\"properties\":{\"operator\":{\"type\":"
                                   "\"object\",\"properties\":{\"id\":" ID ",\"apiKey\":" API_KEY
                                   "},\"required\":[\"apiKey\"]}},\"required\":[\"operator\"]}]}"},
    {"AccountAccess",
     "{\"type\":\"object\",\"properties\":{\"id\":" ID ",\"account\":" ID ",\"operator\":" ID
     ",\"apiKey\":" API_KEY ",\"role\":" TEXT "},\"required\":[\"id\",\"account\",\"operator\"]}"},
    {"OperatorAccess",
     "{\"allOf\":[" REF("Operator") ",{\"type\":\"object\",\"properties\":{\"account\":" ID
                                    ",\"operator\":" ID
                                    "},\"required\":[\"account\",\"operator\"]}]}"},
    {"OperatorAccessWithKey", "{\"allOf\":[" REF("OperatorAccess") "," WITH_API_KEY "]}"},
    {"AccessTokenWithKey", "{\"allOf\":[" REF("AccessToken") "," WITH_API_KEY "]}"},
    {"ApplicationKey", "{\"type\":\"object\",\"properties\":{\"appApiKey\":" API_KEY
                       "},\"required\":[\"appApiKey\"]}"},
    {"ApiKey", WITH_API_KEY},
    {"Me",
     "{\"type\":\"object\",\"properties\":{\"id\":" ID ",\"operator\":" ID ",\"name\":" TEXT
     ",\"email\":" TEXT ",\"policies\":" ARRAY_OF(REF("AccessPolicy")) ",\"conditions\":" ARRAY_OF(
         TEXT) "},\"required\":[\"id\",\"operator\",\"policies\",\"conditions\"]}"},
    {"Question",
     "{\"type\":\"object\",\"properties\":{\"key\":" TEXT ",\"actor\":" ID ",\"trusted\":" BOOLEAN
     ",\"topic\":" TEXT ",\"operation\":{\"enum\":[\"get\",\"put\",\"post\",\"delete\","
     "\"subscribe\",\"publish\"]}},\"required\":[\"topic\",\"operation\"]}"},
    {"Decision", "{\"type\":\"object\",\"properties\":{\"allowed\":" BOOLEAN
                 ",\"status\":{\"type\":\"integer\"},\"reason\":" TEXT ",\"actor\":" OBJECT
                 ",\"role\":" TEXT ",\"row\":" OBJECT ",\"resource\":" OBJECT
                 "},\"required\":[\"allowed\",\"status\",\"reason\"]}"},
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

/* False for the kind that clients do not see. */
static bool is_shown(enum resource_kind kind)
{
    return kind != RESOURCE_NAME;
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
static void put_built_in_type_schema(struct buf *out)
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

/* Nor is such a role: its name is its id. */
static void put_built_in_role_schema(struct buf *out)
{
    struct slice name;
    json_write_name(out, SLICE("BuiltInRole"));
    BUF_PUT_LITERAL(out, "{\"type\":\"object\",\"properties\":{\"id\":{\"enum\":");
    json_write_open(out, '[');
    for (size_t i = 0; role_built_in(i, &name); i++) {
        json_write_comma(out);
        json_write_string(out, name);
    }
    json_write_close(out, ']');
    BUF_PUT_LITERAL(out, "},\"name\":" TEXT ",\"type\":" TEXT ",\"version\":{\"type\":\"integer\"}"
                         "},\"required\":[\"id\",\"name\"]}");
}

void openapi_put_all_schemas(struct buf *out)
{
    for (int i = RESOURCE_ACCOUNT; i < RESOURCE_KIND_COUNT; i++) {
        enum resource_kind kind = (enum resource_kind)i;
        if (is_shown(kind)) {
            put_document_schema(out, document_kind(kind));
            put_new_schema(out, document_kind(kind));
        }
    }
    put_built_in_type_schema(out);
    put_built_in_role_schema(out);
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
        [BODY_SIGN_UP] = REF("NewUserAccess"),
        [BODY_VALIDATION] = REF("Validation"),
        [BODY_LOGIN] = REF("Credentials"),
        [BODY_ACCOUNT] = REF("NewAccountWithOperator"),
        [BODY_ROLE] = REF("RoleName"),
        [BODY_PERMISSIONS] = ARRAY_OF(PERMISSION),
        [BODY_PERMISSION] = REF("OperatorPermission"),
        [BODY_WHY] = REF("Question"),
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

/* A document of the kind, or what is built in of it. */
static void put_shown_schema(struct buf *out, enum resource_kind kind)
{
    if (kind != RESOURCE_ACTION_TYPE && kind != RESOURCE_ROLE) {
        put_document_reference(out, kind, "");
        return;
    }
    BUF_PUT_LITERAL(out, "{\"anyOf\":[");
    put_document_reference(out, kind, "");
    buf_put(out, kind == RESOURCE_ROLE ? SLICE("," REF("BuiltInRole") "]}")
                                       : SLICE("," REF("BuiltInActionType") "]}"));
}

static void put_documents_schema(struct buf *out, enum resource_kind kind)
{
    BUF_PUT_LITERAL(out, "{\"type\":\"array\",\"items\":");
    put_shown_schema(out, kind);
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
        [REPLY_APPLICATION_KEY] = REF("ApplicationKey"),
        [REPLY_API_KEY] = REF("ApiKey"),
        [REPLY_ACCESS] = REF("Access"),
        [REPLY_SIGN_UP] = REF("UserAccess"),
        [REPLY_LOGIN] = REF("LoggedIn"),
        [REPLY_LOGOUT] = REF("LoggedOut"),
        [REPLY_USER_STATUS] = REF("UserStatus"),
        [REPLY_PERMISSIONS] = ARRAY_OF(PERMISSION),
        [REPLY_PERMISSION] = REF("OperatorPermission"),
        [REPLY_NEW_ACCOUNT] = REF("AccountWithOperator"),
        [REPLY_ACCOUNT_ACCESS] = REF("AccountAccess"),
        [REPLY_ACCOUNT_ACCESSES] = ARRAY_OF(REF("AccountAccess")),
        [REPLY_OPERATOR_ACCESS] = REF("OperatorAccess"),
        [REPLY_OPERATOR_ACCESSES] = ARRAY_OF(REF("OperatorAccess")),
        [REPLY_NEW_OPERATOR_ACCESS] = REF("OperatorAccessWithKey"),
        [REPLY_NEW_ACCESS_TOKEN] = REF("AccessTokenWithKey"),
        [REPLY_ME] = REF("Me"),
        [REPLY_WHY] = REF("Decision"),
        [REPLY_REFUSALS] = ARRAY_OF(OBJECT),
        [REPLY_RATE_LIMITS] = ARRAY_OF(OBJECT),
        [REPLY_TIME] = REF("Time"),
        [REPLY_LOGS] = ARRAY_OF(REF("LogEntry")),
        [REPLY_COMMISSION_STATE] = REF("CommissionState"),
        [REPLY_OBJECT] = OBJECT,
        [REPLY_BYTES] = "{}",
    };
    switch (route->reply) {
    case REPLY_DOCUMENT:
        if (route->method == HTTP1_GET) {
            put_shown_schema(out, route->kind);
        } else {
            put_document_reference(out, route->kind, "");
        }
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
    bool is_creation = route->method == HTTP1_POST && route->status == 201 &&
                       (route->body == BODY_DOCUMENT || route->body == BODY_ACCOUNT);
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
    buf_put_byte(out, '{');
    if (openapi_is_topic(route)) {
        BUF_PUT_LITERAL(out, "\"204\":{\"description\":\"No message has come in time.\"},");
    }
    buf_put_format(out, "\"%d\":", route->status);
    json_write_open(out, '{');
    json_write_member_string(out, SLICE("description"), SLICE("Done."));
    put_headers(out, route);
    if (route->reply != REPLY_NONE) {
        json_write_name(out, SLICE("content"));
        buf_put_format(
            out, "{\"%.*s\":{\"schema\":", SLICE_ARGS(media_type(route->reply == REPLY_BYTES)));
        put_reply_schema(out, route);
        BUF_PUT_LITERAL(out, "}");
        if (openapi_is_topic(route)) {
            BUF_PUT_LITERAL(out, ",\"text/event-stream\":{\"schema\":{\"type\":\"string\","
                                 "\"description\":\"Messages of the topic as they come.\"}}");
        }
        BUF_PUT_LITERAL(out, "}");
    }
    json_write_close(out, '}');
    json_write_member_json(out, SLICE("default"),
                           SLICE("{\"$ref\":\"#/components/responses/Error\"}"));
    json_write_close(out, '}');
}
