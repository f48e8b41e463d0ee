/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds and their fields (contract: REST 1.5, and the section of each kind). What takes effect
 * in a body is in its table; all else is left out, because clients send back whole documents as
 * they read them. */
#include "model/document_inside.h"

#include "base/assert.h"

#include <assert.h>

/* ---------------------------------------------------------------- schemas */

#define SYMBOLS "abcdefghkmnpqrstwxyABCDEFGHKMNPQRSTUVWXY0123456789"
#define ID "{\"type\":\"string\",\"pattern\":\"^[" SYMBOLS "]{24}$\"}"
#define IDS "{\"type\":\"array\",\"items\":" ID "}"
#define TIME "{\"type\":\"integer\",\"minimum\":0}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":256}"
#define TEXT "{\"type\":\"string\",\"maxLength\":256}"
#define LONG_TEXT "{\"type\":\"string\",\"maxLength\":4096}"
#define TEXTS "{\"type\":\"array\",\"maxItems\":100,\"items\":" LONG_TEXT "}"
#define OBJECT "{\"type\":\"object\"}"
#define TEXT_OBJECT "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"
#define TAGS "{\"type\":\"array\",\"maxItems\":60,\"items\":" TEXT "}"
#define IDENTIFIERS                               \
    "{\"type\":\"object\",\"maxProperties\":100," \
    "\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"]}}"
#define SCOPE "{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"type\":\"string\"}}"
#define SCOPES                                                                          \
    "{\"type\":\"object\",\"properties\":{\"users\":" SCOPE ",\"projects\":" SCOPE "}," \
    "\"required\":[\"users\",\"projects\"]}"
#define POINT                                                              \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"Point\"}," \
    "\"coordinates\":{\"type\":\"array\",\"minItems\":2,\"maxItems\":3,"   \
    "\"items\":{\"type\":\"number\"}}},\"required\":[\"coordinates\"]}"
#define LATITUDE "{\"type\":\"number\",\"minimum\":-90,\"maximum\":90}"
#define LONGITUDE "{\"type\":\"number\",\"minimum\":-180,\"maximum\":180}"
#define LOCATION                                                                              \
    "{\"type\":\"object\",\"properties\":{\"latitude\":" LATITUDE ",\"longitude\":" LONGITUDE \
    ",\"position\":" POINT ",\"place\":" ID ","                                               \
    "\"customFields\":" OBJECT "}}"
#define API_KEY "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9]{80}$\"}"
#define BUILT_IN_OR_ID(words) "{\"anyOf\":[{\"type\":\"string\",\"enum\":[" words "]}," ID "]}"
#define USER_ROLE BUILT_IN_OR_ID("\"base_app_user\",\"none\"")
#define SHARE_ROLE BUILT_IN_OR_ID("\"base_app_user\"")
#define OPERATOR_ROLE BUILT_IN_OR_ID("\"admin\",\"none\"")
#define EMAIL "{\"type\":\"string\",\"minLength\":3,\"maxLength\":254}"
#define ROLE_TYPE "{\"type\":\"string\",\"enum\":[\"userInApp\",\"operator\"]}"
#define ROLE_SCOPES                                                                 \
    "{\"type\":\"object\",\"properties\":{\"roles\":" SCOPE ",\"users\":" SCOPE "," \
    "\"projects\":" SCOPE "},\"required\":[\"projects\"]}"
#define POLICY_NAME                                                     \
    "{\"type\":\"string\",\"pattern\":\"^[a-zA-Z0-9:\\\\._\\\\s-]+$\"," \
    "\"minLength\":5,\"maxLength\":128}"
#define PERMISSIONS                                                        \
    "{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\"," \
    "\"pattern\":\"^[a-zA-Z0-9.]+:[a-z,*]+$\",\"minLength\":3,\"maxLength\":256}}"
#define HOMEPAGE "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}"
#define TOKEN_NAME "{\"type\":\"string\",\"minLength\":5,\"maxLength\":128}"
#define POLICIES "{\"type\":\"array\",\"maxItems\":100,\"uniqueItems\":true,\"items\":" ID "}"
#define CONDITIONS                                                         \
    "{\"type\":\"array\",\"maxItems\":256,\"uniqueItems\":true,\"items\":" \
    "{\"type\":\"string\",\"pattern\":\"^places:[" SYMBOLS "]{24}$\"}}"
#define MEDIA_TYPE "{\"type\":\"string\",\"minLength\":3,\"maxLength\":512}"
#define CUSTOM_TYPE_NAME "{\"type\":\"string\",\"pattern\":\"^_[A-Za-z0-9_.-]{1,127}$\"}"
#define LOCATION_SOURCE \
    "{\"type\":\"string\",\"enum\":[\"sensor\",\"place\",\"geoIp\",\"unknown\"]}"
#define BATCH_STATUS \
    "{\"type\":\"string\",\"enum\":[\"EMPTY\",\"IN_PROGRESS\",\"COMPLETE\",\"SEALED\"]}"
#define TASK_TYPE "{\"type\":\"string\",\"enum\":[\"POPULATING\",\"SHORT_ID_GENERATION\"]}"
#define TASK_STATUS                                                          \
    "{\"type\":\"string\",\"enum\":[\"PENDING\",\"EXECUTING\",\"EXECUTED\"," \
    "\"EXECUTED_WITH_FAILURES\",\"FAILED\"]}"
#define TASK_INPUT                                                           \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\","    \
    "\"enum\":[\"FIXED_AMOUNT\",\"LIST_BASED\",\"IDENTIFIERS_LIST_BASED\","  \
    "\"FILE_BASED\"]},\"generateThngs\":" BOOLEAN ","                        \
    "\"generateRedirections\":" BOOLEAN ",\"thngTemplate\":" OBJECT ","      \
    "\"quantity\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000}," \
    "\"customIdentifier\":{\"type\":\"object\",\"properties\":{\"key\":"     \
    "{\"type\":\"string\"},\"values\":{\"type\":\"array\",\"minItems\":1,"   \
    "\"items\":{\"type\":\"string\"}}},\"required\":[\"key\",\"values\"]}}}"
#define TASK_OUTPUT                                                      \
    "{\"type\":\"object\",\"properties\":{\"type\":{\"const\":\"CSV\"}," \
    "\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"string\","    \
    "\"enum\":[\"SHORT_ID\",\"THNG\"]}}},\"required\":[\"type\"]}"

/* ---------------------------------------------------------------- rows of several kinds */

#define ROW(text, schema, ...)                \
    {                                         \
        SLICE_INIT(text), schema, __VA_ARGS__ \
    }
#define READ_ONLY(text, schema) ROW(text, schema, .flags = FIELD_READ_ONLY)
/* Read-only, and each new document has it. */
#define DERIVED(text, schema, first) \
    ROW(text, schema, .flags = FIELD_READ_ONLY, .initial = SLICE_INIT(first))
/* Not taken alone: what looks at all of the body takes it. */
#define LISTED(text, schema) ROW(text, schema, .take = NULL)
#define REFERENCE(text, kind) ROW(text, ID, .take = field_take_reference, .refers_to = (kind))

#define ID_ROW ROW("id", ID, .take = field_take_id, .flags = FIELD_READ_ONLY | FIELD_NULL_IGNORED)
#define TIME_ROWS READ_ONLY("createdAt", TIME), READ_ONLY("updatedAt", TIME)
#define NAME_ROW ROW("name", NAME, .take = field_take_name, .flags = FIELD_REQUIRED)
#define DESCRIPTION_ROW ROW("description", LONG_TEXT, .take = field_take_description)
#define TYPE_ROW ROW("type", TEXT, .take = field_take_type)
#define TAGS_ROW ROW("tags", TAGS, .take = field_take_tags)
#define IDENTIFIERS_ROW ROW("identifiers", IDENTIFIERS, .take = field_take_identifiers)
#define CUSTOM_FIELDS_ROW ROW("customFields", OBJECT, .take = field_take_object)
#define SCOPES_ROW ROW("scopes", SCOPES, .take = field_take_scopes, .flags = FIELD_NULL_IGNORED)
#define FIRST_VALUES_ROW                                     \
    ROW("properties", OBJECT, .take = field_take_properties, \
        .flags = FIELD_CREATION_ONLY | FIELD_NULL_IGNORED)

/* ---------------------------------------------------------------- the tables */

static const struct field thng_fields[] = {
    ID_ROW,
    TIME_ROWS,
    NAME_ROW,
    DESCRIPTION_ROW,
    TYPE_ROW,
    REFERENCE("product", RESOURCE_PRODUCT),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
    FIRST_VALUES_ROW,
    ROW("location", LOCATION, .take = field_take_location,
        .flags = FIELD_CREATION_ONLY | FIELD_NULL_IGNORED),
    READ_ONLY("collections", IDS),
    READ_ONLY("batch", ID),
    READ_ONLY("createdByTask", ID),
};

static const struct field product_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", NAME, .take = field_take_product_name, .flags = FIELD_REQUIRED,
        .alias = SLICE_INIT("fn")),
    READ_ONLY("fn", NAME),
    DESCRIPTION_ROW,
    TYPE_ROW,
    ROW("brand", TEXT, .take = field_take_text),
    ROW("url", LONG_TEXT, .take = field_take_url),
    ROW("color", TEXT, .take = field_take_text),
    ROW("categories", TEXTS, .take = field_take_texts),
    ROW("photos", TEXTS, .take = field_take_texts),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
    FIRST_VALUES_ROW,
};

static const struct field collection_fields[] = {
    ID_ROW,   TIME_ROWS,       NAME_ROW,          DESCRIPTION_ROW, TYPE_ROW,
    TAGS_ROW, IDENTIFIERS_ROW, CUSTOM_FIELDS_ROW, SCOPES_ROW,      READ_ONLY("collections", IDS),
};

static const struct field place_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", NAME, .take = field_take_name),
    DESCRIPTION_ROW,
    TYPE_ROW,
    LISTED("position", POINT),
    LISTED("latitude", LATITUDE),
    LISTED("longitude", LONGITUDE),
    ROW("icon", LONG_TEXT, .take = field_take_url),
    ROW("address", TEXT_OBJECT, .take = field_take_address),
    REFERENCE("parentPlace", RESOURCE_PLACE),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

static const struct field project_fields[] = {
    ID_ROW,
    TIME_ROWS,
    NAME_ROW,
    DESCRIPTION_ROW,
    ROW("startsAt", TIME, .take = field_take_time),
    ROW("endsAt", TIME, .take = field_take_time),
    ROW("imageUrl", LONG_TEXT, .take = field_take_url),
    ROW("shortDomains", TEXTS, .take = field_take_texts, .initial = SLICE_INIT("[]")),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

static const struct field application_fields[] = {
    ID_ROW,
    TIME_ROWS,
    NAME_ROW,
    DESCRIPTION_ROW,
    READ_ONLY("project", ID),
    ROW("socialNetworks", OBJECT, .take = field_take_object, .initial = SLICE_INIT("{}")),
    ROW("defaultUrl", LONG_TEXT, .take = field_take_url),
    ROW("defaultRole", USER_ROLE, .take = field_take_role,
        .initial = SLICE_INIT("\"base_app_user\"")),
    READ_ONLY("appApiKey", API_KEY),
    TAGS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

static const struct field batch_fields[] = {
    ID_ROW,
    TIME_ROWS,
    NAME_ROW,
    DESCRIPTION_ROW,
    DERIVED("status", BATCH_STATUS, "\"EMPTY\""),
    DERIVED("resourceCountsByProduct", OBJECT, "{}"),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

static const struct field task_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("type", TASK_TYPE, .take = field_take_task_type,
        .flags = FIELD_REQUIRED | FIELD_CREATION_ONLY),
    ROW("inputParameters", TASK_INPUT, .take = NULL, .flags = FIELD_REQUIRED | FIELD_CREATION_ONLY),
    ROW("outputParameters", TASK_OUTPUT, .take = field_take_task_output,
        .flags = FIELD_CREATION_ONLY),
    READ_ONLY("batch", ID),
    DERIVED("status", TASK_STATUS, "\"PENDING\""),
    READ_ONLY("progress", OBJECT),
    READ_ONLY("completedAt", TIME),
    READ_ONLY("result", OBJECT),
    TAGS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

static const struct field file_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", NAME, .take = field_take_unique_name,
        .flags = FIELD_REQUIRED | FIELD_CREATION_ONLY),
    ROW("type", MEDIA_TYPE, .take = field_take_media_type, .flags = FIELD_REQUIRED),
    ROW("privateAccess", BOOLEAN, .take = field_take_boolean, .initial = SLICE_INIT("true")),
    READ_ONLY("size", COUNT),
    READ_ONLY("uploadUrl", LONG_TEXT),
    READ_ONLY("contentUrl", LONG_TEXT),
    TAGS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

/* The name cannot change: it is in every path and in every action. */
static const struct field action_type_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", CUSTOM_TYPE_NAME, .take = field_take_action_type_name,
        .flags = FIELD_REQUIRED | FIELD_CREATION_ONLY),
    DESCRIPTION_ROW,
    TAGS_ROW,
    CUSTOM_FIELDS_ROW,
    SCOPES_ROW,
};

/* For reading only: bodies of actions are action.h's. */
static const struct field action_fields[] = {
    READ_ONLY("id", ID),
    LISTED("type", TEXT),
    LISTED("timestamp", TIME),
    READ_ONLY("createdAt", TIME),
    LISTED("thng", ID),
    LISTED("product", ID),
    LISTED("collection", ID),
    READ_ONLY("user", ID),
    READ_ONLY("createdByProject", ID),
    READ_ONLY("createdByApp", ID),
    READ_ONLY("createdByThng", ID),
    LISTED("location", LOCATION),
    LISTED("locationSource", LOCATION_SOURCE),
    LISTED("identifiers", IDENTIFIERS),
    LISTED("tags", TAGS),
    LISTED("customFields", OBJECT),
    LISTED("url", LONG_TEXT),
    LISTED("shortId", TEXT),
    LISTED("shortDomain", TEXT),
    LISTED("sharedWith", "{}"),
    LISTED("device", "{}"),
    READ_ONLY("context", OBJECT),
};

static const struct field account_fields[] = {
    ID_ROW,
    TIME_ROWS,
    NAME_ROW,
    DESCRIPTION_ROW,
    ROW("imageUrl", LONG_TEXT, .take = field_take_url),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
};

/* Those whom an account has given access to it. Without a role and policies they are
 * administrators: so that nobody becomes one by mistake, null takes neither away. */
static const struct field operator_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("firstName", NAME, .take = field_take_text),
    ROW("lastName", NAME, .take = field_take_text),
    ROW("email", EMAIL, .take = field_take_email, .flags = FIELD_REQUIRED),
    DESCRIPTION_ROW,
    ROW("role", OPERATOR_ROLE, .take = field_take_role, .flags = FIELD_NULL_IGNORED),
    ROW("policies", POLICIES, .take = field_take_policies, .flags = FIELD_NULL_IGNORED),
    ROW("conditions", CONDITIONS, .take = field_take_conditions, .flags = FIELD_NULL_IGNORED),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
};

/* A new one gets the role of its application; passwords are no part of the document. */
static const struct field user_fields[] = {
    ID_ROW,
    TIME_ROWS,
    READ_ONLY("app", ID),
    READ_ONLY("project", ID),
    ROW("role", USER_ROLE, .take = field_take_role,
        .flags = FIELD_UPDATE_ONLY | FIELD_NULL_IGNORED),
    ROW("firstName", NAME, .take = field_take_text, .flags = FIELD_REQUIRED),
    ROW("lastName", NAME, .take = field_take_text, .flags = FIELD_REQUIRED),
    ROW("email", EMAIL, .take = field_take_email, .flags = FIELD_REQUIRED),
    ROW("gender", TEXT, .take = field_take_text),
    ROW("birthday", OBJECT, .take = field_take_object),
    ROW("locale", TEXT, .take = field_take_text),
    ROW("timeZone", TEXT, .take = field_take_text),
    ROW("phone", TEXT, .take = field_take_text),
    ROW("photo", LONG_TEXT, .take = field_take_url),
    TAGS_ROW,
    CUSTOM_FIELDS_ROW,
};

static const struct field role_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", NAME, .take = field_take_role_name, .flags = FIELD_REQUIRED),
    ROW("type", ROLE_TYPE, .take = field_take_role_type, .flags = FIELD_CREATION_ONLY,
        .initial = SLICE_INIT("\"userInApp\"")),
    DERIVED("version", "{\"const\":2}", "2"),
    DESCRIPTION_ROW,
    TAGS_ROW,
    CUSTOM_FIELDS_ROW,
    ROW("scopes", ROLE_SCOPES, .take = field_take_role_scopes, .flags = FIELD_NULL_IGNORED),
};

static const struct field access_policy_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", POLICY_NAME, .take = field_take_policy_name, .flags = FIELD_REQUIRED),
    ROW("permissions", PERMISSIONS, .take = field_take_permissions, .initial = SLICE_INIT("[]")),
    ROW("uiPermissions", TEXTS, .take = field_take_texts),
    ROW("homepage", HOMEPAGE, .take = field_take_homepage),
    READ_ONLY("managed", BOOLEAN),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
};

static const struct field access_token_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("name", TOKEN_NAME, .take = field_take_token_name, .flags = FIELD_REQUIRED),
    ROW("description", TEXT, .take = field_take_text),
    ROW("policies", POLICIES, .take = field_take_policies, .flags = FIELD_REQUIRED),
    ROW("conditions", CONDITIONS, .take = field_take_conditions, .flags = FIELD_REQUIRED),
    READ_ONLY("apiKey", API_KEY),
    TAGS_ROW,
    IDENTIFIERS_ROW,
    CUSTOM_FIELDS_ROW,
};

/* One user lets another one, of that email, at what is its own. */
static const struct field share_fields[] = {
    ID_ROW,
    TIME_ROWS,
    ROW("email", EMAIL, .take = field_take_email, .flags = FIELD_REQUIRED),
    ROW("role", SHARE_ROLE, .take = field_take_role, .flags = FIELD_REQUIRED),
    READ_ONLY("user", ID),
    READ_ONLY("app", ID),
    READ_ONLY("project", ID),
};

/* The resource's names and where it lies, its fields, and what else <kind> or the table has. */
#define KIND(of_kind, in_words, in_schemas, at_path, ...) \
    .kind = {.kind = (of_kind),                           \
             .name = (in_words),                          \
             .schema = (in_schemas),                      \
             .path = (at_path),                           \
             __VA_ARGS__}
#define FIELDS(table) .fields = (table), .field_count = ARRAY_LEN(table)

static const struct field_table tables[RESOURCE_KIND_COUNT] = {
    [RESOURCE_ACCOUNT] = {KIND(RESOURCE_ACCOUNT, "account", "Account", "/accounts", .hidden = NULL),
                          FIELDS(account_fields)},
    [RESOURCE_OPERATOR] = {KIND(RESOURCE_OPERATOR, "operator", "Operator", NULL, .hidden = NULL),
                           FIELDS(operator_fields)},
    [RESOURCE_THNG] = {KIND(RESOURCE_THNG, "thng", "Thng", "/thngs", .hidden = "commissioning"),
                       FIELDS(thng_fields)},
    [RESOURCE_PRODUCT] = {KIND(RESOURCE_PRODUCT, "product", "Product", "/products", .hidden = NULL),
                          FIELDS(product_fields)},
    [RESOURCE_COLLECTION] = {KIND(RESOURCE_COLLECTION, "collection", "Collection", "/collections",
                                  .hidden = NULL),
                             FIELDS(collection_fields)},
    [RESOURCE_PLACE] = {KIND(RESOURCE_PLACE, "place", "Place", "/places", .hidden = NULL),
                        FIELDS(place_fields), .finish = check_finish_place},
    [RESOURCE_PROJECT] = {KIND(RESOURCE_PROJECT, "project", "Project", "/projects", .hidden = NULL),
                          FIELDS(project_fields)},
    [RESOURCE_APPLICATION] = {KIND(RESOURCE_APPLICATION, "application", "Application", NULL,
                                   .hidden = NULL),
                              FIELDS(application_fields)},
    [RESOURCE_BATCH] = {KIND(RESOURCE_BATCH, "batch", "Batch", "/batches", .hidden = NULL),
                        FIELDS(batch_fields)},
    [RESOURCE_TASK] = {KIND(RESOURCE_TASK, "task", "Task", NULL, .hidden = "logs"),
                       FIELDS(task_fields), .finish = check_finish_task},
    [RESOURCE_FILE] = {KIND(RESOURCE_FILE, "file", "File", "/files", .hidden = "content",
                            .has_unique_name = true),
                       FIELDS(file_fields)},
    [RESOURCE_ACTION_TYPE] = {KIND(RESOURCE_ACTION_TYPE, "action type", "ActionType", "/actions",
                                   .has_unique_name = true),
                              FIELDS(action_type_fields)},
    [RESOURCE_ACTION] = {KIND(RESOURCE_ACTION, "action", "Action", "/actions/all",
                              .hidden = "context"),
                         FIELDS(action_fields)},
    [RESOURCE_USER] = {KIND(RESOURCE_USER, "user", "User", "/users", .hidden = "credentials",
                            .taken_name = "email"),
                       FIELDS(user_fields)},
    [RESOURCE_ROLE] = {KIND(RESOURCE_ROLE, "role", "Role", "/roles", .hidden = "permissions",
                            .taken_name = "name"),
                       FIELDS(role_fields), .finish = check_finish_role},
    [RESOURCE_ACCESS_POLICY] = {KIND(RESOURCE_ACCESS_POLICY, "access policy", "AccessPolicy",
                                     "/accessPolicies", .taken_name = "name"),
                                FIELDS(access_policy_fields)},
    [RESOURCE_ACCESS_TOKEN] = {KIND(RESOURCE_ACCESS_TOKEN, "access token", "AccessToken",
                                    "/accessTokens", .hidden = NULL),
                               FIELDS(access_token_fields)},
    [RESOURCE_SHARE] = {KIND(RESOURCE_SHARE, "share", "Share", "/accesses", .hidden = NULL),
                        FIELDS(share_fields)},
};

static_assert(ARRAY_LEN(thng_fields) <= FIELD_COUNT_MAX, "given rows are bits of a word");
static_assert(ARRAY_LEN(product_fields) <= FIELD_COUNT_MAX, "given rows are bits of a word");
static_assert(ARRAY_LEN(place_fields) <= FIELD_COUNT_MAX, "given rows are bits of a word");
static_assert(ARRAY_LEN(user_fields) <= FIELD_COUNT_MAX, "given rows are bits of a word");

const struct field_table *document_table(enum resource_kind kind)
{
    ASSERT(kind < RESOURCE_KIND_COUNT && tables[kind].fields != NULL);
    return &tables[kind];
}

const struct document_kind *document_kind(enum resource_kind kind)
{
    return &document_table(kind)->kind;
}

bool document_field(enum resource_kind kind, size_t index, struct document_field *field)
{
    const struct field_table *table = document_table(kind);
    if (index >= table->field_count) {
        return false;
    }
    const struct field *row = &table->fields[index];
    *field = (struct document_field){
        .name = (const char *)row->name.at, /* a literal: with a NUL behind it */
        .schema = row->schema,
        .is_required = (row->flags & FIELD_REQUIRED) != 0,
        .is_read_only = (row->flags & FIELD_READ_ONLY) != 0,
    };
    return true;
}
